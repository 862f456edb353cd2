//! A destination's own change: another address, another key.

use super::super::fixture::{World, assignments, held, interrupted, steps, waiting};
use super::super::{Content, Waiting};
use crate::model::ChannelState::{Idle, Running, Starting};
use crate::model::{Cause, Interrupt};

#[test]
fn a_new_key_waits_as_retarget_of_itself() {
    let world = World::new().channel("1", Running, &["~a"]).wanted("a");
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert!(plan.is_empty());
    let Some(Waiting::InterruptionForbidden {
        others, own: true, ..
    }) = &plan.destinations[0].waiting
    else {
        panic!("{:?}", plan.destinations[0].waiting);
    };
    assert!(others.is_empty());
    assert!(plan.destinations[0].on_air && plan.destinations[0].is_previous);
    let said = plan.destinations[0].waiting.as_ref().unwrap().to_string();
    assert!(said.contains("interrupt"), "{said}");
}

#[test]
fn firm_it_waits_even_for_itself() {
    let world = World::new()
        .channel("1", Running, &["~a"])
        .with("a", |one| one.interruptible = false)
        .anytime();
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert!(plan.is_empty());
    assert_eq!(waiting(&plan, "a"), "Uninterruptible");
}

#[test]
fn granted_it_is_written_in_place() {
    let world = World::new()
        .channel("1", Running, &["~a", "+b"])
        .wanted("a")
        .wanted("b")
        .policy(Interrupt::Anytime, &[Cause::Retarget]);
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert_eq!(steps(&plan, "1"), "stop update start");
    assert_eq!(interrupted(&plan), ["a", "b"]);
    assert_eq!(assignments(&plan)["a"], "1/slot-1");
    let plan = world.policy(Interrupt::Never, &[]).grant("a").plan();
    assert_eq!(interrupted(&plan), ["a", "b"], "a one-off grant does it, too");
}

#[test]
fn a_new_address_of_one_stream_is_its_own_change() {
    let world = World::new()
        .channel("1", Running, &["&a"])
        .channel("2", Idle, &["-"])
        .wanted("a");
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert!(plan.is_empty(), "the same stream never begins a second time");
    assert_eq!(waiting(&plan, "a"), "InterruptionForbidden");
    assert_eq!(steps(&world.anytime().plan(), "1"), "stop update start");
}

#[test]
fn a_new_key_begins_on_a_stopped_channel() {
    let mut world = World::new()
        .channel("1", Running, &["~a", "+b"])
        .channel("2", Idle, &["-"])
        .wanted("a")
        .wanted("b");
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert_eq!(
        (steps(&plan, "1"), steps(&plan, "2")),
        (String::new(), "update start".into())
    );
    assert!(interrupted(&plan).is_empty());
    for expected in ["update", "wait", "start", "wait"] {
        let plan = world.plan();
        world.assert_allowed(&plan);
        assert!(held(&plan, "a").starts_with('1') || expected == "wait");
        assert!(steps(&plan, "2").starts_with(expected), "{}", steps(&plan, "2"));
        assert_eq!(steps(&plan, "1"), "", "b is protected");
        world.take_step(&plan, &plan.channels[1]);
    }
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert_eq!(plan.channels[0].slots[0].now, Content::Surplus("a".into()));
    assert_eq!(
        (held(&plan, "a"), steps(&plan, "1")),
        ("2/slot-1".into(), String::new())
    );
    let plan = world.anytime().plan();
    assert_eq!(steps(&plan, "1"), "stop update start", "now it may be released");
}

#[test]
fn the_old_stream_ends_once_the_new_one_runs() {
    let world = |state| {
        World::new()
            .channel("1", Running, &["~a"])
            .channel("2", state, &["+a"])
            .wanted("a")
    };
    assert_eq!(steps(&world(Starting).plan(), "1"), "");
    assert_eq!(steps(&world(Running).plan(), "1"), "stop");
}

#[test]
fn back_to_the_recorded_key_nothing_is_left_to_do() {
    let world = World::new()
        .channel("1", Running, &["+a", "-"])
        .wanted("a")
        .anytime();
    assert!(world.plan().is_empty());
}
