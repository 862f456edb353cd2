//! Destinations whose key cannot be read, and what has their URL.

use super::super::fixture::{World, assignments, held, pause, pin, steps, unknown_key, waiting};
use crate::model::ChannelState::{Idle, Running, Starting};
use crate::model::{Cause, Destination, Interrupt, WantedState};
use crate::plan::{Content, Plan};

fn code_of_channel<'p>(plan: &'p Plan, id: &str) -> &'p str {
    let channel = plan.channels.iter().find(|one| one.id.as_str() == id).unwrap();
    channel.waiting.as_ref().map_or("", |waiting| waiting.code())
}

#[test]
fn a_missing_key_releases_nobody() {
    let plan = World::new()
        .channel("1", Running, &["~a", "-"])
        .channel("2", Idle, &["~b"])
        .with("a", |one| one.key = unknown_key())
        .with("b", |one| one.key = unknown_key())
        .with("c", |one| one.key = unknown_key())
        .returning("b", "2", "slot-1")
        .plan();
    assert_eq!(steps(&plan, "1"), "");
    assert_eq!(steps(&plan, "2"), "start");
    assert_eq!(assignments(&plan)["b"], "2/slot-1");
    assert_eq!(waiting(&plan, "c"), "SecretUnavailable");
}

#[test]
fn a_guess_puts_nothing_on_air() {
    let left_behind = || {
        World::new().channel("1", Idle, &["?x", "?x"]).with("a", |one| {
            (one.key, one.url) = (unknown_key(), "rtmp://x/live".into());
        })
    };
    let plan = left_behind().plan();
    assert!(plan.is_empty(), "{}", steps(&plan, "1"));
    assert_eq!(waiting(&plan, "a"), "SecretUnavailable");
    // Nor does whoever goes on air there take it along.
    let plan = left_behind().wanted("b").plan();
    assert_eq!(steps(&plan, "1"), "update start");
    assert_eq!(assignments(&plan)["b"], "1/slot-1");
    assert_eq!(plan.channels[0].slots[1].then, Content::Parked);
    assert_eq!(waiting(&plan, "a"), "SecretUnavailable");
}

#[test]
fn without_its_key_it_stays_where_it_is_seen_and_a_copy_of_it_is_let_go() {
    let plan = World::new()
        .channel("1", Starting, &["~a"])
        .channel("2", Running, &["~a"])
        .with("a", |one| one.key = unknown_key())
        .plan();
    assert_eq!(held(&plan, "a"), "2/slot-1");
    assert_eq!(
        (steps(&plan, "1"), steps(&plan, "2")),
        ("wait stop".to_owned(), String::new())
    );
}

#[test]
fn what_one_is_on_air_with_is_nobody_else_s_on_a_stopped_channel() {
    let world = World::new()
        .channel("1", Running, &["~a"])
        .channel("2", Idle, &["~a"])
        .with("a", |one| one.key = unknown_key())
        .with("b", |one| one.key = unknown_key());
    let plan = world.on_one_platform().plan();
    assert_eq!(
        (held(&plan, "a"), waiting(&plan, "b")),
        ("1/slot-1".to_owned(), "SecretUnavailable")
    );
    assert!(plan.is_empty(), "{}", steps(&plan, "2"));
}

#[test]
fn without_its_key_it_comes_back_to_its_slot_whatever_else_has_its_url() {
    let held_in = |state, back: &str| {
        let world = World::new()
            .channel("1", state, &["~b"])
            .channel("2", Idle, &[back])
            .with("a", |one| one.key = unknown_key())
            .returning("a", "2", "slot-1")
            .on_one_platform();
        let plan = world.plan();
        (held(&plan, "a"), code_of_channel(&plan, "1").to_owned())
    };
    let in_slot = |slot: &str, of_channel: &str| (slot.to_owned(), of_channel.to_owned());
    // What it was taken for when it was interrupted may have been a guess.
    assert_eq!(held_in(Running, "~a"), in_slot("2/slot-1", "SecretUnavailable"));
    assert_eq!(held_in(Idle, "~a"), in_slot("2/slot-1", ""));
    assert_eq!(
        held_in(Running, "-"),
        in_slot("1/slot-1", ""),
        "nothing stands there by now"
    );
}

/// `a` is on air on channel 2 and something else of its platform on channel 1, and nobody knows which is which.
fn guessed(stranger: &str) -> World {
    World::new()
        .channel("1", Running, &[stranger, "b"])
        .channel("2", Running, &["~a", "-"])
        .wanted("b")
        .with("a", |one| one.key = unknown_key())
        .policy(Interrupt::Anytime, &[Cause::Start, Cause::Stop, Cause::Retarget])
}

#[test]
fn what_may_be_on_air_for_one_whose_key_is_missing_is_left_as_it_is() {
    let plan = guessed("~x").on_one_platform().plan();
    assert!(plan.is_empty(), "{}", steps(&plan, "2"));
    assert_eq!(
        (code_of_channel(&plan, "1"), code_of_channel(&plan, "2")),
        ("", "SecretUnavailable")
    );
    assert!(matches!(
        plan.channels[1].slots[0].now,
        Content::Undeclared { .. }
    ));
}

#[test]
fn of_several_whose_keys_are_missing_none_is_interrupted_if_one_must_not_be() {
    let keyless = |one: &mut Destination| one.key = unknown_key();
    let firm = |one: &mut Destination| (one.key, one.interruptible) = (unknown_key(), false);
    let pausing = |one: &mut Destination| (one.key, one.paused) = (unknown_key(), Some(pause()));
    let beside = |other: fn(&mut Destination)| {
        let world = World::new()
            .channel("1", Running, &["~a", "-"])
            .with("a", keyless)
            .with("z", other)
            .on_one_platform();
        let pinned = world.with("b", |one| one.pin = Some(pin("1", "slot-2")));
        pinned.anytime().plan()
    };
    assert_eq!(steps(&beside(keyless), "1"), "stop update start");
    for other in [firm, pausing] {
        let plan = beside(other);
        assert!(plan.is_empty(), "{}", steps(&plan, "1"));
        assert_eq!(
            (held(&plan, "a"), waiting(&plan, "b")),
            ("1/slot-1".to_owned(), "SecretUnavailable")
        );
    }
}

#[test]
fn nobody_s_former_target_is_what_may_be_that_of_one_whose_key_is_missing() {
    let plan = guessed("~c").wanted("c").on_one_platform().plan();
    assert!(plan.is_empty(), "{} {}", steps(&plan, "1"), steps(&plan, "2"));
    assert_eq!(waiting(&plan, "c"), "SecretUnavailable");
}

#[test]
fn whoever_ends_without_its_key_stays_while_it_may_be_another() {
    let off = |world: World| {
        world.with("c", |one| {
            (one.key, one.state) = (unknown_key(), WantedState::Ready);
        })
    };
    let plan = off(guessed("~c")).on_one_platform().plan();
    assert!(plan.is_empty(), "{}", steps(&plan, "2"));
    assert_eq!(waiting(&plan, "c"), "SecretUnavailable");
    let pinned = off(guessed("~c")).with("d", |one| one.pin = Some(pin("2", "slot-1")));
    let plan = pinned.on_one_platform().plan();
    assert_eq!(waiting(&plan, "d"), "SecretUnavailable");
    let plan = off(guessed("~c")).plan();
    assert_eq!(steps(&plan, "1"), "stop update start", "it has its URL alone");
}

#[test]
fn whoever_ends_without_its_key_may_be_somebody_whose_declaration_is_missing() {
    let world = World::new()
        .channel("1", Running, &["~x"])
        .with("a", |one| {
            (one.key, one.state) = (unknown_key(), WantedState::Ready);
        })
        .on_one_platform();
    assert_eq!(steps(&world.plan(), "1"), "stop");
    let plan = world.doubted().plan();
    assert!(plan.is_empty(), "{}", steps(&plan, "1"));
    assert_eq!(waiting(&plan, "a"), "SourceUntrusted");
}

#[test]
fn what_another_pool_s_destination_pushes_to_is_not_presumed_to_be_anybody_s() {
    let mut world = World::new().channel("1", Idle, &["c"]).wanted("c");
    let mut side = world.pool().clone();
    (side.name, side.channels) = ("side".into(), Vec::new());
    world.desired.pools.insert("side".into(), side);
    let world = world
        .with("c", |one| one.pool = "side".into())
        .with("a", |one| one.key = unknown_key())
        .on_one_platform();
    let plan = world.plan();
    assert!(plan.is_empty(), "{}", steps(&plan, "1"));
    assert_eq!(waiting(&plan, "a"), "SecretUnavailable");
}

#[test]
fn a_paused_destination_is_left_on_air_without_its_key_too() {
    let world = guessed("~x").with("a", |one| (one.key, one.paused) = (unknown_key(), Some(pause())));
    assert!(world.on_one_platform().plan().is_empty());
}

#[test]
fn where_nobody_misses_a_key_what_nobody_declares_is_let_go() {
    let world = guessed("~x").with("a", |one| {
        (one.key, one.state) = (unknown_key(), WantedState::Ready);
    });
    let plan = world.on_one_platform().plan();
    assert_eq!(steps(&plan, "2"), "stop");
    assert_eq!(steps(&plan, "1"), "stop update start");
}

#[test]
fn no_running_channel_is_adopted_for_what_is_only_presumed_to_be_somebody_s() {
    let mut world = World::new()
        .channel("1", Running, &["~a"])
        .with("a", |one| one.key = unknown_key());
    world.seen("1").owner = None;
    let plan = world.plan();
    assert!(plan.is_empty(), "{}", steps(&plan, "1"));
    assert_eq!(code_of_channel(&plan, "1"), "NotAdopted");
}
