//! What is recorded of slots, and when.

use super::super::fixture::{World, allowed, pin, steps, waiting};
use super::super::{Action, Plan};
use crate::model::ChannelState::{Idle, Running};
use crate::model::tag::TAGS_MAX;
use crate::model::{Mark, Recorded, Recording, SlotId, TargetDigest};

/// The tags of the first step of a channel: output group and occupant.
fn tags(plan: &Plan, step: usize) -> Vec<(String, Recorded)> {
    let tags = plan.channels[0].steps[step].action.tags().iter();
    tags.map(|one| (one.output_group.to_string(), one.tag.occupant.clone()))
        .collect()
}

fn of(name: &str) -> Recorded {
    Recorded::destination(name.into())
}

#[test]
fn every_written_slot_gets_its_tag() {
    let world = World::new()
        .channel("1", Idle, &["?x", "-", "b"])
        .wanted("a")
        .wanted("b");
    let plan = allowed(&world);
    let all = tags(&plan, 0);
    assert!(
        all.contains(&("slot-3".into(), of("b"))),
        "it stays, and had none"
    );
    let Action::Update { writes, tags, .. } = &plan.channels[0].steps[0].action else {
        panic!()
    };
    for write in writes {
        let tag = tags
            .iter()
            .find(|one| one.output_group == write.output_group)
            .unwrap();
        let slot = SlotId::new("1", write.output_group.clone());
        assert_eq!(
            tag.tag.digest,
            TargetDigest::of(&world.desired.owner, &slot, &write.target)
        );
    }
}

#[test]
fn the_first_look_records_what_is_on_air() {
    let mut world = World::new()
        .channel("1", Running, &["a", "+b", "-", "?x"])
        .wanted("a")
        .wanted("b");
    let plan = allowed(&world);
    assert_eq!(
        (steps(&plan, "1"), tags(&plan, 0)),
        ("record".into(), vec![("slot-1".into(), of("a"))])
    );
    world.take_step(&plan, &plan.channels[0]);
    assert!(allowed(&world).is_empty());
}

#[test]
fn a_recorded_slot_on_air_keeps_its_tag() {
    let world = World::new()
        .channel("1", Running, &["~a", "&b"])
        .wanted("a")
        .wanted("b");
    assert!(allowed(&world).is_empty());
}

#[test]
fn tags_without_a_group_are_removed() {
    let mut world = World::new()
        .channel("1", Running, &["+a", "+b"])
        .wanted("a")
        .wanted("b");
    world.seen("1").groups_mut().pop();
    let mut world = world.ready("b");
    let plan = allowed(&world);
    assert_eq!(steps(&plan, "1"), "record");
    world.take_step(&plan, &plan.channels[0]);
    assert!(world.seen("1").tags_without_group().is_empty());
}

#[test]
fn refused_tags_are_gone_without() {
    let mut world = World::new()
        .channel("1", Running, &["a", "^gone", "-"])
        .channel("2", Idle, &["-"])
        .wanted("a")
        .wanted("b");
    let why = "AccessDenied".to_owned();
    world.observed.recording = Recording::Denied { why };
    let plan = allowed(&world);
    assert_eq!(
        (steps(&plan, "1"), steps(&plan, "2")),
        (String::new(), "update start".into())
    );
    assert!(plan.steps().all(|(_, step)| step.action.tags().is_empty()));
}

#[test]
fn fifty_tags_leave_no_room_for_newcomers() {
    let mut world = World::new().channel("1", Idle, &["-"]).wanted("a");
    world.seen("1").tags_mut().count = TAGS_MAX;
    let plan = allowed(&world);
    assert!(plan.is_empty());
    assert_eq!(plan.channels[0].waiting.as_ref().unwrap().code(), "TagsFull");
    assert_ne!(waiting(&plan, "a"), "");
    let pinned = world.clone().with("a", |one| one.pin = Some(pin("1", "slot-1")));
    assert_eq!(waiting(&allowed(&pinned), "a"), "TagsFull");
    world.seen("1").tags_mut().count = TAGS_MAX - 1;
    assert_eq!(steps(&allowed(&world), "1"), "update start");
    // What is written besides needs room, too.
    let mut world = World::new().channel("1", Idle, &["-", "?x"]).wanted("a");
    world.seen("1").tags_mut().count = TAGS_MAX - 1;
    let plan = allowed(&world);
    assert_eq!(
        plan.steps()
            .map(|(_, step)| step.action.writes().len())
            .sum::<usize>(),
        1
    );
    let mut world = World::new().channel("1", Idle, &["?x", "?y"]).wanted("a");
    world.seen("1").tags_mut().count = TAGS_MAX - 1;
    let plan = allowed(&world);
    assert!(plan.is_empty(), "each of the two would be written, and recorded");
    assert_eq!(plan.channels[0].waiting.as_ref().unwrap().code(), "TagsFull");
}

#[test]
fn a_channel_without_room_for_an_owner_is_left_alone() {
    for state in [Idle, Running] {
        let mut world = World::new().channel("1", state, &["a", "-"]).wanted("a");
        let seen = world.seen("1");
        seen.owner = None;
        seen.tags_mut().count = TAGS_MAX;
        let plan = allowed(&world);
        assert!(plan.is_empty(), "{plan:?}");
        assert_eq!(plan.channels[0].waiting.as_ref().unwrap().code(), "TagsFull");
        world.seen("1").tags_mut().count = TAGS_MAX - 3;
        let expected = if state == Idle { "adopt start" } else { "adopt" };
        assert_eq!(steps(&allowed(&world), "1"), expected);
    }
}

fn marked(name: &str, mark: Mark) -> Recorded {
    let identity = name.into();
    Recorded::Destination { identity, mark }
}

#[test]
fn what_vanished_with_too_many_is_recorded_as_kept_once() {
    let mut world = World::new()
        .channel("1", Running, &["^gone", "^with-it"])
        .doubted();
    assert!(allowed(&world).is_empty(), "doubted for another reason");
    world.desired.kept.insert(SlotId::new("1", "slot-1"));
    let plan = allowed(&world);
    assert_eq!(
        (steps(&plan, "1"), tags(&plan, 0)),
        (
            "record".into(),
            vec![("slot-1".into(), marked("gone", Mark::Kept))]
        )
    );
    world.take_step(&plan, &plan.channels[0]);
    assert!(allowed(&world).is_empty());
}

#[test]
fn declared_again_it_is_not_recorded_as_vanished_any_more() {
    for (mark, slot) in [
        (Mark::Kept, "+a"),
        (Mark::Kept, "&a"),
        (Mark::Released, "+a"),
        (Mark::Released, "&a"),
    ] {
        let mut world = World::new().channel("1", Running, &[slot]).wanted("a");
        let seen = world.seen("1");
        let mut tag = seen.tags.of(&"slot-1".into()).unwrap();
        tag.occupant = marked("a", mark);
        seen.tags_mut().set(&"slot-1".into(), &tag);
        let plan = allowed(&world);
        let is = if slot == "+a" { Mark::None } else { Mark::Adopted };
        assert_eq!(tags(&plan, 0), vec![("slot-1".into(), marked("a", is))]);
        world.take_step(&plan, &plan.channels[0]);
        assert!(allowed(&world).is_empty(), "{mark:?} {slot}");
    }
}
