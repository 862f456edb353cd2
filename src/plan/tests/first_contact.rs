//! Channels without an owner tag: which are adopted, which left exactly as they are.

use super::super::fixture::{World, record, steps, waiting};
use super::super::{Adoption, Content, Plan, Waiting};
use crate::model::ChannelState::{Idle, Running, Stopping};
use crate::model::{
    Destination, DestinationName, Endpoint, Interrupt, Mark, NoSlot, ObservedGroup, OtherGroup, OwnerId,
    Recorded, Secret, StreamKey, Target,
};

/// A world whose channel 1 has no owner tag.
fn unowned(mut world: World) -> World {
    world.seen("1").owner = None;
    world
}

/// What keeps channel 1 from being adopted: the slot, and the destination of its target.
fn strays(plan: &Plan) -> Vec<(&str, Option<&str>)> {
    let Adoption::Refused { strays } = &plan.channels[0].adoption else {
        return Vec::new();
    };
    let of = |name: &Option<DestinationName>| name.as_ref().map(DestinationName::as_str).map(str::to_owned);
    let names = strays
        .iter()
        .map(|stray| (stray.output_group.as_str(), of(&stray.of)));
    names
        .map(|(group, of)| (group, of.map(|name| &*name.leak())))
        .collect()
}

#[test]
fn media_package_only_is_left_alone() {
    let mut world = unowned(World::new().channel("1", Running, &[]).wanted("a").anytime());
    let other = |name: &str, kind: &str| OtherGroup {
        name: name.into(),
        kind: kind.into(),
    };
    world.seen("1").others = vec![other("HD", "MediaPackage"), other("Archive", "Archive")].into();
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert!(plan.is_empty());
    let Some(Waiting::NotAdopted { others, .. }) = &plan.channels[0].waiting else {
        panic!("{:?}", plan.channels[0].waiting);
    };
    assert_eq!(others.len(), 2);
    let said = plan.channels[0].waiting.as_ref().unwrap().to_string();
    assert!(said.contains("HD") && said.contains("Archive"), "{said}");
    world.desired.destinations.clear();
    assert!(world.plan().is_empty(), "the same without any Destination");
}

#[test]
fn a_glob_in_wrong_case_touches_nothing() {
    let mut world = unowned(
        World::new()
            .channel("1", Running, &["a", "b"])
            .wanted("a")
            .wanted("b")
            .anytime(),
    );
    world.pool().slots.output_groups = globset::Glob::new("SLOT-*").unwrap().compile_matcher();
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert!(plan.is_empty());
    assert_eq!((waiting(&plan, "a"), waiting(&plan, "b")), ("NoSlot", "NoSlot"));
    let said = plan.destinations[0].waiting.as_ref().unwrap().to_string();
    assert!(said.contains("slot-1") && said.contains("slot-2"), "{said}");
    // The same on a channel that was adopted so.
    world.seen("1").owner = Some(world.desired.owner.clone());
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert!(plan.is_empty());
}

#[test]
fn groups_without_a_name_are_left_alone() {
    for state in [Running, Idle] {
        let world = World::new()
            .channel("1", state, &[])
            .channel("2", Idle, &["-"])
            .wanted("a");
        let mut world = unowned(world);
        world.seen("1").groups_mut().push(ObservedGroup {
            name: "".into(),
            target: Err(NoSlot::NoName),
        });
        let is_on_air = state == Running;
        if is_on_air {
            world.seen("1").stray_endpoints =
                vec![Endpoint::new("rtmp://a.example/live", Secret::new("key-of-a"))].into();
        }
        let plan = world.plan();
        world.assert_allowed(&plan);
        assert!(!steps(&plan, "1").contains("stop"));
        assert_eq!(waiting(&plan, "a"), if is_on_air { "OnAirElsewhere" } else { "" });
        assert_eq!(steps(&plan, "2").is_empty(), is_on_air, "no second copy");
    }
}

#[test]
fn all_declared_and_one_wanted_is_adopted() {
    let world = unowned(
        World::new()
            .channel("1", Running, &["a", "off", "-"])
            .wanted("a")
            .ready("off"),
    );
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert_eq!(steps(&plan, "1"), "adopt");
    let tags = plan.channels[0].steps[0].action.tags();
    assert_eq!(tags.len(), 2, "its first tags");
}

#[test]
fn a_channel_without_a_wanted_destination_is_left_alone() {
    let mut world = unowned(World::new().channel("1", Running, &["off", "?x"]).ready("off"));
    let target = world.seen("1").groups[0].target.clone();
    world.seen("1").groups_mut()[1].target = target;
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert!(plan.is_empty());
    assert_eq!(waiting(&plan, "off"), "NotAdopted");
}

#[test]
fn anything_undeclared_on_it_leaves_it_alone() {
    let mut world = unowned(
        World::new()
            .channel("1", Running, &["?x", "a"])
            .wanted("a")
            .wanted("b")
            .anytime(),
    );
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert!(plan.is_empty());
    assert_eq!(strays(&plan), [("slot-1", None)]);
    assert_eq!(waiting(&plan, "b"), "NotAdopted");
    world.pool().channels[0].takeover = true;
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert_eq!(steps(&plan, "1"), "adopt stop update start");
}

#[test]
fn an_undeclared_group_that_is_no_slot_counts() {
    let mut world = unowned(World::new().channel("1", Running, &["a", "?x"]).wanted("a"));
    world.seen("1").groups_mut()[1].name = "recording".into();
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert_eq!(strays(&plan), [("recording", None)]);
    // One that is parked does not.
    world.seen("1").groups_mut()[1].target = Ok(Target::from(vec![Endpoint::new(
        "rtmp://127.0.0.1:1935/parked",
        Secret::new("k"),
    )]));
    assert_eq!(steps(&world.plan(), "1"), "adopt");
}

#[test]
fn one_held_before_is_adopted_again() {
    for slots in [&["?x", "-"][..], &["?x", "+off"], &["?x", "^gone"]] {
        let world = unowned(World::new().channel("1", Running, slots).ready("off"));
        let plan = world.plan();
        world.assert_allowed(&plan);
        let done = steps(&plan, "1");
        assert!(done.starts_with("adopt") && !done.contains("stop"), "{done}");
    }
}

#[test]
fn a_tag_of_another_owner_s_proves_nothing() {
    let mut world = World::new().channel("1", Running, &["?x"]);
    world.desired.owner = OwnerId::from("them");
    record(world.seen("1"), 0, "a");
    let world = unowned(world);
    assert!(world.plan().is_empty());
}

#[test]
fn a_copy_of_what_has_its_place_elsewhere_is_a_stray() {
    let world = World::new()
        .channel("1", Running, &["a"])
        .channel("2", Running, &["a"])
        .wanted("a");
    let world = unowned(world);
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert_eq!(strays(&plan), [("slot-1", Some("a"))]);
}

#[test]
fn a_stopped_channel_is_adopted() {
    let world = unowned(World::new().channel("1", Idle, &["?x", "-"]));
    assert_eq!(steps(&world.plan(), "1"), "adopt");
    let world = unowned(World::new().channel("1", Idle, &["?x", "-"]).wanted("a"));
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert_eq!(steps(&plan, "1"), "update start", "with the update");
    let world = unowned(World::new().channel("1", Stopping, &["?x"]));
    assert!(world.plan().is_empty(), "it publishes still");
}

#[test]
fn a_respelled_target_is_adopted_and_recorded_as_found() {
    let mut world = unowned(
        World::new()
            .channel("1", Running, &["@a"])
            .channel("2", Idle, &["-"])
            .wanted("a"),
    );
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert_eq!(
        (steps(&plan, "1"), steps(&plan, "2")),
        ("adopt".into(), String::new())
    );
    let tags = plan.channels[0].steps[0].action.tags();
    let (identity, mark) = ("a".into(), Mark::Adopted);
    assert_eq!(tags[0].tag.occupant, Recorded::Destination { identity, mark });
    // That difference is still no change of its own, and a new key is one: the destination of that stream is known.
    world.take_step(&plan, &plan.channels[0]);
    let world = world.anytime();
    assert!(world.plan().is_empty());
    let rotate = |one: &mut Destination| one.key = StreamKey::Known(Secret::new("new"));
    let plan = world.policy(Interrupt::Never, &[]).with("a", rotate).plan();
    assert_eq!(plan.channels[0].slots[0].now, Content::Previous("a".into()));
    assert_eq!(
        (steps(&plan, "1"), steps(&plan, "2")),
        (String::new(), "update start".into())
    );
}

#[test]
fn a_foreign_channel_is_left_and_its_stream_counts() {
    let mut world = World::new()
        .channel("1", Running, &["a"])
        .channel("2", Idle, &["-"])
        .wanted("a");
    world.seen("1").owner = Some(OwnerId::from("them"));
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert!(plan.is_empty(), "no second copy");
}

#[test]
fn a_stream_on_a_channel_of_no_pool_counts() {
    let mut world = World::new().channel("1", Idle, &["-"]).wanted("a");
    let endpoint = Endpoint::new("rtmps://A.example/live/", Secret::new("key-of-a"));
    world.observed.elsewhere.insert("9".into(), [endpoint].into());
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert!(plan.is_empty());
    assert_eq!(waiting(&plan, "a"), "OnAirElsewhere");
}

#[test]
fn a_stray_stream_keeps_its_channel_from_starting() {
    let mut world = World::new()
        .channel("1", Idle, &["-", "?x"])
        .channel("2", Running, &["?x"])
        .wanted("a");
    world.seen("1").groups_mut()[1].name = "recording".into();
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert_eq!(steps(&plan, "1"), "");
    assert_eq!(
        plan.channels[0].waiting.as_ref().unwrap().code(),
        "OnAirElsewhere"
    );
}

#[test]
fn primary_and_backup_ingest_are_both_on_air() {
    let ingest = |url: &'static str| {
        move |one: &mut crate::model::Destination| {
            one.url = url.into();
            one.key = crate::model::StreamKey::Known(Secret::new("k"));
        }
    };
    let world = World::new()
        .channel("1", Idle, &["-"])
        .channel("2", Idle, &["-"])
        .with("a", ingest("rtmp://a.rtmp.youtube.com/live2"))
        .with("b", ingest("rtmp://b.rtmp.youtube.com/live2?backup=1"));
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert_eq!(
        (steps(&plan, "1"), steps(&plan, "2")),
        ("update start".into(), "update start".into())
    );
    let twice = world.with("b", ingest("rtmp://a.rtmp.youtube.com/live2"));
    let plan = twice.plan();
    twice.assert_allowed(&plan);
    assert_eq!(waiting(&plan, "b"), "SameTarget");
}
