//! `takeover: true` releases what is undeclared once.

use super::super::fixture::{World, allowed, steps, waiting};
use crate::model::ChannelState::{Idle, Running, Stopping};
use crate::model::tag::{TAGS_MAX, TakeoverTag};
use crate::model::{ChannelState, Recording, WantedState};

/// A channel with `takeover: true`.
fn taken_over(state: ChannelState, slots: &[&str]) -> World {
    let mut world = World::new().channel("1", state, slots);
    world.pool().channels[0].takeover = true;
    world
}

/// Takes the first step of the channel until there is none.
fn settle(world: &mut World) -> Vec<String> {
    let mut taken = Vec::new();
    loop {
        let plan = allowed(world);
        let Some(step) = plan.channels[0].steps.first() else {
            return taken;
        };
        assert!(taken.len() < 20, "{taken:?}");
        taken.push(step.action.name().to_owned());
        world.take_step(&plan, &plan.channels[0]);
    }
}

/// Somebody has pointed a slot elsewhere by hand.
fn edit_by_hand(world: &mut World, slot: usize) {
    let other = World::new().channel("1", Running, &["?by-hand"]);
    let target = other.clone().seen("1").groups[0].target.clone();
    world.seen("1").groups_mut()[slot].target = target;
}

#[test]
fn what_is_undeclared_later_is_not_released() {
    for slots in [&["+a", "?x"][..], &["+a", "-"]] {
        let mut world = taken_over(Running, slots).wanted("a").anytime();
        settle(&mut world);
        assert_eq!(world.seen("1").state, Running);
        edit_by_hand(&mut world, 1);
        let world = world.with("a", |one| one.state = WantedState::Ready);
        let plan = allowed(&world);
        assert_eq!(
            (steps(&plan, "1").as_str(), waiting(&plan, "a")),
            ("", "Undeclared")
        );
    }
}

#[test]
fn it_is_recorded_before_the_stop_and_after_it() {
    let mut world = taken_over(Running, &["+a", "?x"]).wanted("a").anytime();
    assert_eq!(steps(&allowed(&world), "1"), "record stop update start");
    assert_eq!(
        settle(&mut world),
        [
            "record", "stop", "wait", "record", "update", "wait", "start", "wait"
        ]
    );
    assert_eq!(world.seen("1").tags.takeover, Some(TakeoverTag::Done));

    // Nothing is wanted: it stays off, and that it is used up is recorded all the same.
    let mut world = taken_over(Running, &["?x", "-"]);
    assert_eq!(settle(&mut world), ["record", "stop", "wait", "record"]);
    edit_by_hand(&mut world, 0);
    world.seen("1").state = Running;
    assert!(allowed(&world).is_empty());
}

#[test]
fn it_is_used_up_where_there_is_nothing_to_release() {
    // In one call with what is written anyway.
    for (slots, expected) in [
        (&["+a", "-"][..], "record"),
        (&["a", "+b"], "record"),
        (&["+a", "?x"], "record"),
        (&["+a", "!"], "record"),
    ] {
        let mut world = taken_over(Running, slots).wanted("a").wanted("b");
        assert_eq!(steps(&allowed(&world), "1"), expected, "{slots:?}");
        assert_eq!(settle(&mut world), ["record"], "{slots:?}");
        let is_used_up = world.seen("1").tags.takeover == Some(TakeoverTag::Done);
        assert_eq!(is_used_up, slots[1] == "-" || slots[1] == "+b", "{slots:?}");
    }
    for state in [Idle, Running] {
        let mut world = taken_over(state, &["a", "-"]).wanted("a");
        world.seen("1").owner = None;
        let expected = if state == Idle { "adopt start" } else { "adopt" };
        assert_eq!(steps(&allowed(&world), "1"), expected);
        let plan = allowed(&world);
        world.take_step(&plan, &plan.channels[0]);
        assert_eq!(world.seen("1").tags.takeover, Some(TakeoverTag::Done));
    }
    // On its way it may have anything on it by the time it has arrived.
    assert_eq!(steps(&allowed(&taken_over(Stopping, &["?x"])), "1"), "wait");
}

#[test]
fn a_doubted_declaration_uses_it_up_but_releases_nothing() {
    let world = taken_over(Running, &["+a", "-"]).wanted("a").doubted();
    assert_eq!(settle(&mut world.clone()), ["record"]);
    let world = taken_over(Running, &["+a", "?x"]).wanted("a").doubted();
    assert!(allowed(&world).is_empty());
}

#[test]
fn set_to_false_and_to_true_again_it_counts_once_more() {
    let mut world = taken_over(Running, &["+off", "?x"]).ready("off");
    world.seen("1").tags_mut().set_takeover(TakeoverTag::Done);
    let plan = allowed(&world);
    assert!(plan.is_empty());
    let waiting = plan.channels[0].waiting.as_ref().unwrap();
    let ways = waiting.ways_out().join(" · ");
    assert!(ways.contains("set takeover: false on channel 1"), "{ways}");
    assert!(waiting.to_string().contains("used up"), "{waiting}");

    world.pool().channels[0].takeover = false;
    assert_eq!(settle(&mut world), ["record"]);
    assert_eq!(world.seen("1").tags.takeover, None);
    world.pool().channels[0].takeover = true;
    assert_eq!(steps(&allowed(&world), "1"), "record stop");
}

#[test]
fn a_channel_in_no_pool_keeps_the_tag() {
    // The file of its pool may be missing for a moment.
    let mut world = taken_over(Running, &["+a", "-"]).wanted("a");
    world.seen("1").tags_mut().set_takeover(TakeoverTag::Done);
    world.pool().channels.clear();
    assert!(!steps(&allowed(&world), "1").contains("record"));
}

#[test]
fn one_without_a_record_waits() {
    let denied = |world: &mut World| {
        let why = "access denied".to_owned();
        world.observed.takeovers = Recording::Denied { why };
    };
    let full = |world: &mut World| world.seen("1").tags_mut().count = TAGS_MAX;
    for (refuse, way) in [
        (&denied as &dyn Fn(&mut World), "allow medialive:CreateTags"),
        (&full, "remove tags that are not needed"),
    ] {
        for slots in [["+off", "?x"], ["+off", "!"]] {
            let mut world = taken_over(Running, &slots).ready("off");
            refuse(&mut world);
            let plan = allowed(&world);
            assert!(plan.is_empty());
            let waiting = plan.channels[0].waiting.as_ref().unwrap();
            assert!(waiting.to_string().contains("takeover: true waits"), "{waiting}");
            assert!(waiting.ways_out().iter().any(|one| one.starts_with(way)), "{way}");
        }
        // Nor is it a reason to adopt.
        let mut world = taken_over(Running, &["?x"]);
        world.seen("1").tags_mut().slots.clear();
        refuse(&mut world);
        world.seen("1").owner = None;
        let plan = allowed(&world);
        assert!(plan.is_empty());
    }
    // Recorded or not, what is declared is on air as ever.
    let mut world = taken_over(Idle, &["-"]).wanted("a");
    denied(&mut world);
    assert_eq!(steps(&allowed(&world), "1"), "update start");
}

#[test]
fn its_tag_takes_the_room_of_one() {
    let mut world = taken_over(Idle, &["-"]).wanted("a");
    world.seen("1").tags_mut().count = TAGS_MAX - 1;
    let plan = allowed(&world);
    assert_eq!(steps(&plan, "1"), "record");
    assert_eq!(plan.channels[0].waiting.as_ref().unwrap().code(), "TagsFull");
    world.seen("1").tags_mut().count = TAGS_MAX - 2;
    assert_eq!(steps(&allowed(&world), "1"), "record update start");
}

#[test]
fn a_channel_without_it_costs_no_call() {
    let world = World::new()
        .channel("1", Running, &["+a", "-"])
        .channel("2", Idle, &["-"])
        .wanted("a")
        .ready("b");
    assert!(allowed(&world).is_empty());
}
