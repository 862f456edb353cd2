//! The rule of stops: what may end, and what is in the way.

use super::super::fixture::{World, allowed, assignments, interrupted, pause, steps, unknown_key, waiting};
use crate::model::ChannelState::{Idle, Recovering, Running, Starting};
use crate::model::{Cause, Interrupt, WantedState};

#[test]
fn a_channel_without_a_wanted_destination_stops() {
    let plan = allowed(&World::new().channel("1", Running, &["+a", "-"]).ready("a"));
    assert_eq!(steps(&plan, "1"), "stop");
    assert!(!plan.channels[0].runs);
}

#[test]
fn an_undeclared_slot_blocks_every_stop() {
    let world = World::new()
        .channel("1", Running, &["+off", "?x", "-"])
        .ready("off")
        .wanted("b");
    for mut world in [world.clone(), world.clone().anytime().grant("b")] {
        let plan = allowed(&world);
        assert!(plan.is_empty());
        assert_eq!(
            (waiting(&plan, "off"), waiting(&plan, "b")),
            ("Undeclared", "Undeclared")
        );
        world.pool().channels[0].takeover = true;
        assert_eq!(steps(&allowed(&world), "1"), "record stop update start");
    }
}

#[test]
fn a_takeover_waits_until_all_that_is_declared_could_be_read() {
    let mut world = World::new()
        .channel("1", Running, &["+off", "?x", "!"])
        .ready("off");
    world.pool().channels[0].takeover = true;
    assert_eq!(steps(&allowed(&world), "1"), "record stop");
    let mut set_aside = world.clone();
    set_aside.desired.set_aside.insert("other".into());
    // In whatever pool: it may have been moved while it is on air.
    let unreadable = world.clone().wanted("b").with("b", |one| {
        one.key = unknown_key();
        one.pool = "elsewhere".into();
    });
    for world in [world.clone().doubted(), set_aside, unreadable] {
        let plan = allowed(&world);
        assert!(plan.is_empty());
        assert_eq!(waiting(&plan, "off"), "SourceUntrusted");
    }
}

#[test]
fn an_unusable_group_blocks_every_stop() {
    let mut world = World::new()
        .channel("1", Running, &["+off", "!"])
        .ready("off")
        .anytime();
    let plan = allowed(&world);
    assert!(plan.is_empty());
    assert_eq!(waiting(&plan, "off"), "SlotIncompatible");
    world.pool().channels[0].takeover = true;
    assert_eq!(steps(&allowed(&world), "1"), "record stop");
}

#[test]
fn a_destination_on_air_beside_the_slots_blocks_every_stop() {
    for paused in [false, true] {
        let mut world = World::new()
            .channel("1", Running, &["+off", "a"])
            .ready("off")
            .with("a", |one| one.paused = paused.then(pause))
            .anytime();
        world.seen("1").groups_mut()[1].name = "main-out".into();
        let plan = allowed(&world);
        assert!(plan.is_empty(), "paused: {paused}");
        assert_eq!(waiting(&plan, "off"), "OnAirBesideSlots");
        let why = plan.destinations[1].waiting.as_ref().unwrap().to_string();
        assert!(why.contains("a is in main-out"), "{why}");
        // On air in a slot as well: the copy may end.
        let second = world.clone().channel("2", Running, &["+a"]);
        assert_eq!(steps(&allowed(&second), "1"), "stop");
        let off = world.with("a", |one| (one.state, one.paused) = (WantedState::Ready, None));
        assert_eq!(steps(&allowed(&off), "1"), "stop");
    }
}

#[test]
fn a_wanted_stream_beside_the_slots_prevents_a_start() {
    let mut world = World::new()
        .channel("1", Idle, &["-", "a"])
        .channel("2", Idle, &["-", "-"])
        .wanted("a")
        .wanted("b");
    world.seen("1").groups_mut()[1].name = "main-out".into();
    let plan = allowed(&world);
    assert_eq!(
        (steps(&plan, "1"), steps(&plan, "2")),
        (String::new(), "update start".into())
    );
    world.pool().channels.remove(1);
    let plan = allowed(&world);
    assert!(plan.is_empty());
    assert_eq!(waiting(&plan, "a"), "OnAirBesideSlots");
    let plan = allowed(&world.ready("a"));
    assert_eq!(
        steps(&plan, "1"),
        "update start",
        "a is not wanted, and ends with it"
    );
}

#[test]
fn a_paused_one_on_air_blocks_every_stop() {
    for slot in ["+p", "p", "~p", "&p"] {
        let world = World::new()
            .channel("1", Running, &[slot, "+off"])
            .with("p", |one| {
                (one.state, one.paused) = (WantedState::Ready, Some(pause()));
            })
            .ready("off")
            .anytime()
            .grant("off");
        let plan = allowed(&world);
        assert!(!steps(&plan, "1").contains("stop"), "{slot}");
        assert_eq!(waiting(&plan, "off"), "Uninterruptible", "{slot}");
    }
}

#[test]
fn a_paused_one_s_copy_blocks_too() {
    let world = World::new()
        .channel("1", Running, &["+p"])
        .channel("2", Running, &["+p"])
        .with("p", |one| one.paused = Some(pause()));
    assert!(allowed(&world).is_empty());
}

#[test]
fn what_vanished_is_released_and_marked() {
    let world = World::new().channel("1", Running, &["^gone", "-"]);
    assert_eq!(steps(&allowed(&world), "1"), "record stop");
    let world = World::new().channel("1", Running, &["+a", "^gone"]).wanted("a");
    let plan = allowed(&world);
    assert_eq!(steps(&plan, "1"), "record", "a is protected");
    let plan = allowed(&world.anytime());
    assert_eq!(
        (steps(&plan, "1"), interrupted(&plan)),
        ("record stop update start".into(), vec!["a".into()])
    );
}

#[test]
fn what_vanished_from_a_doubted_source_is_kept() {
    let world = World::new()
        .channel("1", Running, &["^gone", "+off"])
        .ready("off")
        .anytime()
        .doubted();
    let plan = allowed(&world);
    assert!(plan.is_empty());
    assert_eq!(waiting(&plan, "off"), "SourceUntrusted");
}

#[test]
fn what_was_set_aside_counts_as_declared() {
    let mut world = World::new()
        .channel("1", Running, &["^gone", "+off"])
        .ready("off")
        .anytime();
    world.desired.set_aside.insert("gone".into());
    let plan = allowed(&world);
    assert!(plan.is_empty());
    assert_eq!(waiting(&plan, "off"), "SourceUntrusted");
}

#[test]
fn once_released_it_needs_no_trust_again() {
    let mut world = World::new().channel("1", Running, &["^gone"]);
    let plan = allowed(&world);
    world.take_step(&plan, &plan.channels[0]);
    assert_eq!(steps(&allowed(&world.doubted()), "1"), "stop");
}

#[test]
fn a_channel_without_slots_is_never_stopped() {
    let world = World::new().channel("1", Running, &[]).wanted("a").anytime();
    let plan = allowed(&world);
    assert!(plan.is_empty());
    assert_eq!(waiting(&plan, "a"), "NoSlot");
}

#[test]
fn a_surplus_copy_waits_until_the_first_runs() {
    let world = |first| {
        World::new()
            .channel("1", first, &["+a"])
            .channel("2", Running, &["~a"])
            .wanted("a")
    };
    let plan = allowed(&world(Starting));
    assert_eq!(
        (steps(&plan, "1"), steps(&plan, "2")),
        ("wait".into(), String::new())
    );
    let plan = allowed(&world(Running));
    assert_eq!(
        (steps(&plan, "1"), steps(&plan, "2")),
        (String::new(), "stop".into())
    );
}

#[test]
fn of_two_previous_streams_neither_is_surplus() {
    let world = |key: fn(World) -> World| {
        let world = World::new()
            .channel("1", Running, &["%a", "+b"])
            .channel("2", Running, &["~a"])
            .wanted("b");
        key(world)
    };
    // The key was changed twice: the first time it began on channel 2.
    let rotated = world(|world| world.wanted("a"));
    assert!(allowed(&rotated).is_empty());
    assert_eq!(waiting(&allowed(&rotated), "a"), "InterruptionForbidden");
    // Or it cannot be read just now.
    assert!(allowed(&world(|world| world.with("a", |one| one.key = unknown_key()))).is_empty());
    // On air with its own target it needs neither.
    let settled = rotated.channel("3", Running, &["+a"]);
    assert_eq!(steps(&allowed(&settled), "2"), "stop");
    assert_eq!(steps(&allowed(&settled), "1"), "");
}

#[test]
fn starting_is_waited_for_and_recovering_left_alone() {
    let world = |state| {
        World::new()
            .channel("1", state, &["+a", "-"])
            .wanted("a")
            .wanted("b")
            .anytime()
    };
    let plan = allowed(&world(Starting));
    assert_eq!(
        (steps(&plan, "1"), waiting(&plan, "b")),
        ("wait stop update start".into(), "ChannelInTransition")
    );
    let plan = allowed(&world(Recovering));
    assert_eq!(
        (steps(&plan, "1"), waiting(&plan, "b")),
        (String::new(), "ChannelRecovering")
    );
}

#[test]
fn recovering_without_a_wanted_destination_stops() {
    let world = World::new().channel("1", Recovering, &["+a"]).ready("a");
    assert_eq!(steps(&allowed(&world), "1"), "stop");
}

#[test]
fn firm_ones_are_spared_whatever_is_granted() {
    let world = World::new()
        .channel("1", Running, &["+a", "+b"])
        .with("a", |one| one.interruptible = false)
        .ready("b")
        .anytime()
        .grant("b");
    let plan = allowed(&world);
    assert!(plan.is_empty());
    assert_eq!(waiting(&plan, "b"), "Uninterruptible");
}

#[test]
fn one_granted_change_takes_the_others_along() {
    let world = World::new()
        .channel("1", Running, &["+a", "+b", "-"])
        .wanted("a")
        .ready("b")
        .wanted("c");
    let start = world.clone().policy(Interrupt::Anytime, &[Cause::Start]);
    let plan = allowed(&start);
    assert_eq!(
        (steps(&plan, "1"), interrupted(&plan)),
        ("stop update start".into(), vec!["a".into()])
    );
    assert!(!assignments(&plan).contains_key("b"));
    let plan = allowed(&world.policy(Interrupt::Anytime, &[Cause::Retarget]));
    assert_eq!(
        (waiting(&plan, "b"), waiting(&plan, "c")),
        ("SharesChannel", "InterruptionForbidden")
    );
}

#[test]
fn a_stop_names_everyone_it_takes_off_air() {
    let world = World::new()
        .channel("1", Running, &["+a", "+b", "~c"])
        .channel("2", Idle, &["-"])
        .wanted("a")
        .wanted("b")
        .wanted("c")
        .policy(Interrupt::Anytime, &[Cause::Retarget]);
    let mut world = world;
    // Nothing but its own slot is left for c.
    world.pool().channels.pop();
    let plan = allowed(&world);
    assert_eq!(interrupted(&plan), ["a", "b", "c"]);
}
