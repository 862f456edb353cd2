//! Two or three edits at once, as during a show; each of these took somebody off air once.

use super::super::Action;
use super::super::fixture::{World, allowed, assignments, steps, unknown_key};
use crate::model::ChannelState::{Idle, Running, Stopping};
use crate::model::{Mark, Recorded, Secret, SlotTag, StreamKey, TargetDigest, WantedState};

#[test]
fn an_object_that_is_off_takes_no_stream_from_a_wanted_one() {
    let world = World::new().channel("1", Running, &["&a", "-"]).with("a", |one| {
        one.is_preset = true;
        one.interruptible = false;
    });
    assert!(allowed(&world).is_empty());
    // The address that the slot has, word by word.
    let world = world.with("z", |one| {
        one.url = "rtmps://a.example/live".into();
        one.key = StreamKey::Known(Secret::new("key-of-a"));
        one.state = WantedState::Ready;
    });
    assert_eq!(steps(&allowed(&world), "1"), "");
}

#[test]
fn a_mark_does_not_outlive_the_declaration() {
    for known in [true, false] {
        let mut world = World::new()
            .channel("1", Running, &["~a", "+b"])
            .wanted("a")
            .wanted("b");
        if !known {
            world = world.with("a", |one| one.key = unknown_key());
        }
        let owner = world.desired.owner.clone();
        let channel = world.seen("1");
        let slot = crate::model::SlotId::new("1", "slot-1");
        let target = channel.groups[0].target.clone().unwrap();
        let released = Recorded::Destination {
            identity: "a".into(),
            mark: Mark::Released,
        };
        let tag = SlotTag {
            occupant: released,
            digest: TargetDigest::of(&owner, &slot, &target),
        };
        channel.tags_mut().set(&"slot-1".into(), &tag);
        let plan = allowed(&world);
        assert_eq!(steps(&plan, "1"), "record");
        let Action::Record { tags, .. } = &plan.channels[0].steps[0].action else {
            panic!("{:?}", plan.channels[0].steps);
        };
        assert_eq!(tags[0].tag.occupant, Recorded::destination("a".into()));
    }
}

/// `a` and `b` were interrupted on channel 1; `a` belongs to the pool of channel 2 by now.
fn moved_while_interrupted(slot: &str, there: &[&str]) -> World {
    World::new()
        .channel("1", Idle, &[slot, "+b"])
        .channel("2", Idle, there)
        .wanted("b")
        .with("a", |one| one.pool = "other".into())
        .returning("a", "1", "slot-1")
        .returning("b", "1", "slot-2")
        .split("other", "2")
}

#[test]
fn moved_and_changed_while_interrupted_it_comes_back() {
    for slot in ["~a", "&a", "@a"] {
        let plan = allowed(&moved_while_interrupted(slot, &["!"]));
        assert_eq!(assignments(&plan)["a"], "1/slot-1", "{slot}");
        assert!(steps(&plan, "1").ends_with("start"), "{slot}");
    }
}

#[test]
fn moved_and_unreadable_or_refused_it_comes_back() {
    let unreadable = moved_while_interrupted("+a", &["-"]).with("a", |one| {
        one.pool = "other".into();
        one.key = unknown_key();
    });
    assert_eq!(steps(&allowed(&unreadable), "1"), "start");
    let refused = moved_while_interrupted("~a", &["-"]).refused("a", false);
    assert_eq!(steps(&allowed(&refused), "1"), "start");
}

#[test]
fn moved_to_where_others_go_first_it_comes_back() {
    let world = moved_while_interrupted("+a", &["-"]).with("c", |one| {
        one.pool = "other".into();
        one.priority = 100;
    });
    let plan = allowed(&world);
    assert_eq!(
        (&*assignments(&plan)["a"], &*assignments(&plan)["c"]),
        ("1/slot-1", "2/slot-1")
    );
}

#[test]
fn two_copies_on_one_stopping_channel_hold_no_pool() {
    let world = World::new()
        .channel("1", Stopping, &["@a", "+a", "+b"])
        .wanted("a")
        .wanted("b")
        .returning("a", "1", "slot-2")
        .returning("b", "1", "slot-3");
    assert_eq!(assignments(&allowed(&world))["a"], "1/slot-2");
}
