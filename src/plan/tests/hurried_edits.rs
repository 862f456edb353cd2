//! Edits as people make them in a hurry during a show: renames, handovers, half of a change, a pool that does not parse.

use super::super::fixture::{World, allowed, record, steps, unknown_key, waiting};
use super::super::{Content, Reading, check};
use crate::model::ChannelState::{Idle, Running};
use crate::model::{
    ChannelClass, Destination, Endpoint, Mark, Recorded, Secret, SlotId, SlotTag, StreamKey, Target,
    TargetDigest,
};

/// Gives a destination the URL and key that another one is declared with.
fn like(name: &str) -> impl Fn(&mut Destination) {
    let url = format!("rtmp://{name}.example/live");
    let key = format!("key-of-{name}");
    move |one| {
        one.url = url.as_str().into();
        one.key = StreamKey::Known(Secret::new(key.clone()));
    }
}

/// What is recorded of the first slot of channel 1, if that fits.
fn recorded(world: &mut World) -> Option<Recorded> {
    let seen = world.seen("1").clone();
    let tag = seen.recorded(&"us".into(), &seen.groups[0])?;
    Some(tag.occupant)
}

/// Carries out the first step of channel 1.
fn take(world: &mut World) {
    let plan = allowed(world);
    let channel = plan.channels[0].clone();
    world.take_step(&plan, &channel);
}

#[test]
fn a_stream_that_is_handed_to_another_name_stays_on_air() {
    let mut world = World::new()
        .channel("1", Running, &["+old", "-"])
        .ready("old")
        .with("new", |one| {
            like("old")(one);
            one.interruptible = false;
        });
    assert_eq!(steps(&allowed(&world), "1"), "record");
    take(&mut world);
    assert_eq!(recorded(&mut world), Some(Recorded::destination("new".into())));
    assert!(allowed(&world).is_empty());
}

#[test]
fn a_destination_renamed_on_air_is_recorded_by_its_new_name() {
    let mut world = World::new()
        .channel("1", Running, &["+show", "-"])
        .with("evening-show", like("show"));
    take(&mut world);
    assert_eq!(
        recorded(&mut world),
        Some(Recorded::destination("evening-show".into()))
    );
    // A key that is changed afterwards is that one's own change.
    let world = world.with("evening-show", |one| {
        like("show")(one);
        one.key = StreamKey::Known(Secret::new("new-key"));
    });
    let plan = allowed(&world);
    assert!(plan.is_empty());
    assert_eq!(waiting(&plan, "evening-show"), "InterruptionForbidden");
}

#[test]
fn a_destination_renamed_while_its_channel_is_stopped_is_recorded_with_the_next_update() {
    let mut world = World::new()
        .channel("1", Idle, &["+show", "?x"])
        .with("evening-show", like("show"))
        .wanted("other");
    let plan = allowed(&world);
    assert_eq!(steps(&plan, "1"), "update start");
    take(&mut world);
    assert_eq!(
        recorded(&mut world),
        Some(Recorded::destination("evening-show".into()))
    );
}

#[test]
fn one_that_was_released_and_is_declared_again_is_no_longer_released() {
    let mut world = World::new().channel("1", Running, &["+a", "-"]).wanted("a");
    let group = world.seen("1").groups[0].clone();
    let released = SlotTag {
        occupant: Recorded::Destination {
            identity: "a".into(),
            mark: Mark::Released,
        },
        digest: TargetDigest::of(&"us".into(), &SlotId::new("1", "slot-1"), &group.target.unwrap()),
    };
    world.seen("1").tags_mut().set(&group.name, &released);
    take(&mut world);
    assert_eq!(recorded(&mut world), Some(Recorded::destination("a".into())));
}

#[test]
fn what_was_written_into_a_slot_by_hand_stays_one_when_the_pool_is_edited() {
    let mut world = World::new().channel("1", Running, &["+a", "-"]).ready("a");
    let by_hand = Target::from(vec![Endpoint::new("rtmp://x.example/live", Secret::new("k"))]);
    world.seen("1").groups_mut()[0].target = Ok(by_hand);
    assert_eq!(steps(&allowed(&world), "1"), "");
    let mut renamed = world.clone();
    renamed.pool().slots.output_groups = globset::Glob::new("slot-2").unwrap().compile_matcher();
    assert_eq!(steps(&allowed(&renamed), "1"), "");
    let mut removed = world.channel("2", Idle, &["-"]);
    removed.pool().channels.remove(0);
    assert_eq!(steps(&allowed(&removed), "1"), "");
    // A stopped channel is not held up by it.
    let mut stopped = World::new().channel("1", Idle, &["+a", "-"]).wanted("b");
    let by_hand = Target::from(vec![Endpoint::new("rtmp://x.example/live", Secret::new("k"))]);
    stopped.seen("1").groups_mut()[0].target = Ok(by_hand);
    stopped.pool().slots.output_groups = globset::Glob::new("slot-2").unwrap().compile_matcher();
    let plan = allowed(&stopped);
    assert_eq!(steps(&plan, "1"), "update start");
    assert_eq!(
        plan.channels[0].slots.len(),
        1,
        "it is no slot, and left as it is"
    );
}

#[test]
fn a_channel_whose_pool_does_not_parse_is_not_stopped() {
    // Channel 2 stands in no pool; `a` is on air on channel 1 as well.
    let in_no_pool = |slots: &[&str]| {
        let mut world = World::new()
            .channel("2", Running, slots)
            .channel("1", Running, &["+a"])
            .wanted("a")
            .ready("off");
        world.pool().channels.remove(0);
        world.desired.seen_declared.insert("gone".into());
        world
    };
    for (slots, whole) in [
        (&["+a"][..], "stop"),
        (&["+off", "+a"], "stop"),
        (&["^gone"], "record stop"),
    ] {
        let doubted = in_no_pool(slots).doubted();
        assert_eq!(steps(&allowed(&doubted), "2"), "", "{slots:?}");
        let stop = in_no_pool(slots).plan();
        let refused = check(&stop, &doubted.desired, &doubted.observed, doubted.now);
        let refused = refused.iter().map(ToString::to_string);
        assert!(
            refused.collect::<String>().contains("must not be stopped"),
            "{slots:?}"
        );
        assert_eq!(steps(&allowed(&in_no_pool(slots)), "2"), whole, "{slots:?}");
    }
    let asked_for = in_no_pool(&["+off", "-"]).doubted();
    assert_eq!(steps(&allowed(&asked_for), "2"), "stop");
}

#[test]
fn where_destinations_push_to_the_parking_url_nothing_is_parked_by_it_alone() {
    let mut world = World::new().channel("1", Running, &["a", "-"]).with("a", |one| {
        one.url = "RTMP://127.0.0.1/parked/".into();
        one.key = unknown_key();
    });
    let there = Endpoint::new("rtmp://127.0.0.1:1935/parked", Secret::new("a-key"));
    world.seen("1").groups_mut()[0].target = Ok(Target::from(vec![there]));
    let plan = allowed(&world);
    assert_eq!(steps(&plan, "1"), "");
    assert!(matches!(
        plan.channels[0].slots[0].now,
        Content::Undeclared { .. }
    ));
}

#[test]
fn of_two_copies_the_whole_one_stays() {
    let mut world = World::new();
    world.class = ChannelClass::Standard;
    let backup = |one: &mut Destination| one.backup_url = Some("rtmp://backup.example/live".into());
    let mut world = world
        .channel("1", Running, &["-"])
        .channel("2", Running, &["-"])
        .with("a", backup);
    let first = Endpoint::new("rtmp://a.example/live", Secret::new("key-of-a"));
    let second = Endpoint::new("rtmp://backup.example/live", Secret::new("key-of-a"));
    let parked = world.seen("1").groups[0].target.clone().unwrap().0[0].clone();
    world.seen("1").groups_mut()[0].target = Ok(Target::from(vec![parked, second.clone()]));
    world.seen("2").groups_mut()[0].target = Ok(Target::from(vec![first, second]));
    let plan = allowed(&world);
    assert_eq!(steps(&plan, "1"), "stop");
    assert!(!steps(&plan, "2").contains("stop"));
}

#[test]
fn of_two_pipelines_one_that_is_not_declared_keeps_the_channel_from_being_adopted() {
    let mut world = World::new();
    world.class = ChannelClass::Standard;
    let mut world = world.channel("1", Running, &["a", "-"]).wanted("a");
    let own = world.seen("1").groups[0].target.clone().unwrap().0[0].clone();
    let other = Endpoint::new("rtmp://other.example/live", Secret::new("k"));
    world.seen("1").owner = None;
    world.seen("1").groups_mut()[1].target = Ok(Target::from(vec![own.clone(), own.clone()]));
    world.seen("1").groups_mut()[0].target = Ok(Target::from(vec![own, other]));
    world.seen("1").groups_mut().pop();
    let plan = allowed(&world);
    assert!(plan.is_empty());
    assert_eq!(plan.channels[0].waiting.as_ref().unwrap().code(), "NotAdopted");
}

#[test]
fn of_two_with_one_stream_the_interrupted_one_comes_first() {
    let mut world = World::new()
        .channel("1", Idle, &["-"])
        .channel("2", Idle, &["z"])
        .wanted("z")
        .with("a", like("z"));
    record(world.seen("2"), 0, "a");
    let plan = allowed(&world);
    assert_eq!((waiting(&plan, "z"), waiting(&plan, "a")), ("SameTarget", ""));
    let plan = allowed(&world.returning("z", "1", "slot-1"));
    assert_eq!((waiting(&plan, "z"), waiting(&plan, "a")), ("", "SameTarget"));
}

#[test]
fn one_renamed_while_interrupted_comes_back_by_its_new_name() {
    let renamed = |world: &World| {
        let reading = Reading::new(&world.desired, &world.observed, world.now);
        let renamed = reading.renamed().into_iter();
        renamed
            .map(|(was, is)| format!("{was} → {is}"))
            .collect::<Vec<_>>()
    };
    let world = World::new()
        .channel("1", Idle, &["+show", "-"])
        .returning("show", "1", "slot-1")
        .with("evening-show", like("show"));
    assert_eq!(renamed(&world), ["show → evening-show"]);
    assert!(
        renamed(&world.clone().with("evening-show", |_| ())).is_empty(),
        "another stream"
    );
    // By the record, where the key was changed as well: an item keeps its identity.
    let item = world
        .clone()
        .with("evening-show", |one| one.identity = "show".into());
    assert_eq!(renamed(&item), ["show → evening-show"]);
    // The old name is that of another stream now.
    let mut handed = world.with("show", |one| one.url = "rtmp://other.example/live".into());
    assert!(renamed(&handed).is_empty(), "the slot may be reserved for it");
    handed.observed.interrupted.insert("1".into());
    assert_eq!(renamed(&handed), ["show → evening-show"]);
}
