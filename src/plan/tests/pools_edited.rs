//! Edits of a pool whose channels are on air.

use super::super::Content;
use super::super::fixture::{POOL, World, allowed, assignments, held, steps, waiting};
use crate::model::ChannelState::{Idle, Running};
use crate::model::{ChannelClass, Mark, Recorded, SlotId, SlotTag, TargetDigest, WantedState};

fn glob(world: &mut World, pattern: &str) {
    world.pool().slots.output_groups = globset::Glob::new(pattern).unwrap().compile_matcher();
}

#[test]
fn another_glob_keeps_a_slot_whose_tag_does_not_fit_but_whose_target_is_declared() {
    let mut world = World::new()
        .channel("1", Idle, &["+a", "+off"])
        .wanted("a")
        .ready("off")
        .returning("a", "1", "slot-1");
    let owner = world.desired.owner.clone();
    let channel = world.seen("1");
    let target = channel.groups[1].target.clone().unwrap();
    let misfit = SlotTag {
        occupant: Recorded::destination("off".into()),
        digest: TargetDigest::of(&owner, &SlotId::new("copied", "slot-2"), &target),
    };
    channel.tags_mut().set(&"slot-2".into(), &misfit);
    glob(&mut world, "SLOT-*");
    // As a group that is no slot it would be started, and nobody wants it.
    let plan = allowed(&world);
    assert_eq!(steps(&plan, "1"), "update start");
    assert_eq!(plan.channels[0].slots[1].then, Content::Parked);
}

#[test]
fn another_glob_keeps_recorded_slots() {
    let mut world = World::new()
        .channel("1", Running, &["+a", "+b"])
        .wanted("a")
        .wanted("b")
        .anytime();
    glob(&mut world, "SLOT-*");
    let plan = allowed(&world);
    assert!(plan.is_empty());
    assert_eq!(
        (held(&plan, "a"), held(&plan, "b")),
        ("1/slot-1".into(), "1/slot-2".into())
    );
    let world = world.wanted("c");
    let plan = allowed(&world);
    assert!(plan.is_empty(), "no slot for newcomers");
    assert_ne!(waiting(&plan, "c"), "");
}

#[test]
fn a_kept_slot_ends_with_its_occupant() {
    let mut world = World::new().channel("1", Running, &["+a", "-"]).ready("a");
    glob(&mut world, "SLOT-*");
    let plan = allowed(&world);
    assert_eq!(steps(&plan, "1"), "stop");
}

#[test]
fn another_parking_url_stops_nothing() {
    let mut world = World::new();
    world.class = ChannelClass::Standard;
    let mut world = world
        .channel("1", Running, &["+a", "-"])
        .channel("2", Running, &["+b", "-"])
        .wanted("a")
        .wanted("b")
        .anytime();
    world.pool().slots.parking_url = "rtmp://192.0.2.7/elsewhere".into();
    let plan = allowed(&world);
    assert!(plan.is_empty(), "{} / {}", steps(&plan, "1"), steps(&plan, "2"));
    assert_eq!(
        (held(&plan, "a"), held(&plan, "b")),
        ("1/slot-1".into(), "2/slot-1".into())
    );
    // It is written with the next update.
    let world = world.wanted("c");
    let plan = allowed(&world);
    let update = plan
        .steps()
        .find(|(_, step)| step.action.name() == "update")
        .unwrap()
        .1;
    assert_eq!(update.action.writes().len(), 2);
}

#[test]
fn a_channel_taken_out_keeps_its_destinations() {
    let mut world = World::new()
        .channel("1", Running, &["+a"])
        .channel("2", Idle, &["-"])
        .wanted("a")
        .anytime();
    world.pool().channels.remove(0);
    let plan = allowed(&world);
    assert!(plan.is_empty(), "no second copy");
    assert_eq!(held(&plan, "a"), "1/slot-1");
    let left = plan.channels.iter().find(|one| one.id == *"1").unwrap();
    assert_eq!(left.pool, None, "it is named as long as it runs");
}

#[test]
fn a_channel_taken_out_stops_with_its_last() {
    let mut world = World::new()
        .channel("1", Running, &["+a", "^gone", "-"])
        .ready("a");
    world.pool().channels.clear();
    world.desired.seen_declared.insert("gone".into());
    assert_eq!(steps(&allowed(&world), "1"), "record stop");
    // A group without a recorded occupant is no slot there.
    let mut world = World::new().channel("1", Running, &["?x"]);
    world.pool().channels.clear();
    assert!(allowed(&world).is_empty());
}

#[test]
fn a_channel_in_no_pool_whose_slots_are_all_parked_runs_on() {
    // Its tags are of before a hand parked it, or of an update that never came.
    let mut world = World::new().channel("1", Running, &["+a", "+b"]).ready("b");
    let parked = World::new()
        .channel("1", Running, &["-", "-"])
        .seen("1")
        .groups
        .clone();
    world.seen("1").groups_mut()[0].target = parked[0].target.clone();
    let last = {
        let mut world = world.clone();
        world.pool().channels.clear();
        world
    };
    assert_eq!(steps(&allowed(&last), "1"), "stop", "b is off");
    world.seen("1").groups_mut()[1].target = parked[1].target.clone();
    assert_eq!(steps(&allowed(&world), "1"), "stop", "its pool says idle: Stop");
    world.pool().channels.clear();
    let plan = allowed(&world);
    assert!(plan.is_empty());
    assert!(plan.channels[0].runs && plan.channels[0].slots.is_empty());
}

#[test]
fn what_another_slotwise_of_the_owner_may_have_declared_is_kept() {
    let mut world = World::new().channel("1", Running, &["^theirs", "-"]);
    world.pool().channels.clear();
    world.desired.seen_declared.insert("gone".into());
    let plan = allowed(&world);
    assert!(plan.is_empty());
    let waiting = plan.channels[0].waiting.as_ref().unwrap().to_string();
    assert!(
        waiting.contains("theirs in 1/slot-1") && waiting.contains("--owner-id"),
        "{waiting}"
    );
    let mut ours = world.clone();
    ours.desired.set_aside.insert("theirs".into());
    let waiting = allowed(&ours).channels[0].waiting.as_ref().unwrap().to_string();
    assert!(waiting.contains("set aside"), "{waiting}");
    // What it has released may end.
    let seen = world.seen("1");
    let mut tag = seen.tags.of(&"slot-1".into()).unwrap();
    tag.occupant = Recorded::Destination {
        identity: "theirs".into(),
        mark: Mark::Released,
    };
    seen.tags_mut().set(&"slot-1".into(), &tag);
    assert_eq!(steps(&allowed(&world), "1"), "stop");
}

#[test]
fn a_stopped_channel_in_no_pool_is_never_started() {
    let mut world = World::new().channel("1", Idle, &["+a"]).wanted("a");
    world.pool().channels.clear();
    assert!(allowed(&world).is_empty());
}

#[test]
fn a_channel_given_to_another_pool_moves_its_occupants() {
    let world = World::new()
        .channel("1", Running, &["+a"])
        .channel("2", Idle, &["-"])
        .wanted("a");
    let world = world.split("other", "2");
    let mut turned = world.clone();
    let (one, other) = (
        turned.desired.pools[POOL].channels.clone(),
        world.desired.pools["other"].channels.clone(),
    );
    turned.desired.pools.get_mut("other").unwrap().channels = one;
    turned.pool().channels = other;
    let plan = allowed(&turned);
    assert!(plan.is_empty());
    assert_eq!(waiting(&plan, "a"), "OnAirElsewhere");
    assert!(!assignments(&plan).contains_key("x"));
}

#[test]
fn a_paused_pool_is_left_alone() {
    let mut world = World::new().channel("1", Running, &["+a"]).ready("a").wanted("b");
    world.pool().paused = Some(super::super::fixture::pause());
    let plan = allowed(&world);
    assert!(plan.is_empty());
    assert_eq!((waiting(&plan, "a"), waiting(&plan, "b")), ("Paused", "Paused"));
    let world = world.with("a", |one| one.state = WantedState::Streaming);
    assert_eq!(waiting(&world.plan(), "a"), "");
}
