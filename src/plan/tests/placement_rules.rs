//! Which slot a destination gets.

use super::super::fixture::{World, allowed, assignments, held, interrupted, pause, pin, steps, waiting};
use super::super::{Content, Optimality};
use crate::model::ChannelState::{Idle, Running, Starting, Stopping};
use crate::model::{Cause, Interrupt, OwnerId, WantedState};

#[test]
fn a_newcomer_goes_to_a_stopped_channel() {
    let plan = World::new()
        .channel("1", Running, &["+a", "-"])
        .channel("2", Idle, &["-", "-"])
        .wanted("a")
        .wanted("b")
        .anytime()
        .plan();
    assert_eq!(assignments(&plan)["b"], "2/slot-1");
    assert_eq!(
        (steps(&plan, "1"), steps(&plan, "2")),
        (String::new(), "update start".to_owned())
    );
    assert!(interrupted(&plan).is_empty());
}

#[test]
fn a_warm_destination_needs_no_update() {
    let plan = World::new().channel("1", Idle, &["-", "a"]).wanted("a").plan();
    assert_eq!(assignments(&plan)["a"], "1/slot-2");
    assert_eq!(steps(&plan, "1"), "start");
}

#[test]
fn it_joins_where_the_more_important_can_leave() {
    let plan = World::new()
        .channel("1", Running, &["+a", "+low"])
        .channel("2", Running, &["+b", "+high"])
        .wanted("a")
        .wanted("b")
        .ready("low")
        .with("high", |one| {
            one.state = WantedState::Ready;
            one.priority = 5;
        })
        .wanted("joins")
        .policy(Interrupt::Anytime, &[Cause::Start])
        .plan();
    assert_eq!(assignments(&plan)["joins"], "2/slot-2");
}

#[test]
fn it_joins_where_slots_are_written_anyway() {
    let plan = World::new()
        .channel("1", Idle, &["stays", "-"])
        .channel("2", Idle, &["-", "-"])
        .wanted("stays")
        .wanted("back")
        .wanted("new")
        .returning("stays", "1", "slot-1")
        .returning("back", "2", "slot-1")
        .plan();
    assert_eq!(assignments(&plan)["new"], "2/slot-2");
}

#[test]
fn the_highest_priority_gets_the_scarce_slot() {
    let plan = World::new()
        .channel("1", Idle, &["-"])
        .wanted("a")
        .with("z", |one| one.priority = 1)
        .plan();
    assert_eq!(assignments(&plan)["z"], "1/slot-1");
    assert_eq!(waiting(&plan, "a"), "NoFreeSlot");
}

#[test]
fn priority_evicts_nothing_on_air() {
    let plan = World::new()
        .channel("1", Running, &["+a"])
        .wanted("a")
        .with("z", |one| one.priority = 9)
        .anytime()
        .plan();
    assert!(plan.is_empty());
    assert_eq!(waiting(&plan, "z"), "NoFreeSlot");
}

#[test]
fn groups_share_channels_and_others_do_not() {
    let world = World::new()
        .channel("1", Idle, &["-", "-"])
        .channel("2", Idle, &["-", "-"])
        .member("a", "x")
        .member("b", "y")
        .member("c", "x")
        .member("d", "y");
    let plan = world.plan();
    let on = assignments(&plan);
    assert_eq!(on["a"][..1], on["c"][..1]);
    assert_eq!(on["b"][..1], on["d"][..1]);
    assert_ne!(on["a"][..1], on["b"][..1]);
    assert_eq!(plan.pools[0].optimality, Optimality::Optimal);
}

#[test]
fn pack_runs_as_few_channels_as_possible() {
    let plan = World::new()
        .channel("1", Idle, &["-", "-"])
        .channel("2", Idle, &["-", "-", "-"])
        .wanted("a")
        .wanted("b")
        .wanted("c")
        .pack()
        .plan();
    assert_eq!(steps(&plan, "1"), "");
    assert_eq!(steps(&plan, "2"), "update start");
}

#[test]
fn a_channel_that_failed_is_chosen_last() {
    let plan = World::new()
        .channel("1", Idle, &["-", "-"])
        .channel("2", Idle, &["-", "-"])
        .wanted("a")
        .wanted("b")
        .trouble("1", 2, "2026-04-01T11:00:00Z")
        .plan();
    assert_eq!(steps(&plan, "1"), "");
    assert_eq!(steps(&plan, "2"), "update start");
}

#[test]
fn our_own_channel_before_one_to_adopt() {
    let mut world = World::new()
        .channel("1", Idle, &["-"])
        .channel("2", Idle, &["-"])
        .wanted("a");
    world.seen("1").owner = None;
    assert_eq!(assignments(&world.plan())["a"], "2/slot-1");
}

#[test]
fn a_pinned_one_takes_its_slot_or_none() {
    let world = World::new()
        .channel("1", Running, &["+a", "-"])
        .channel("2", Idle, &["-", "-"])
        .wanted("a");
    let pinned = |channel, group| {
        let plan = world
            .clone()
            .with("b", |one| one.pin = Some(pin(channel, group)))
            .plan();
        (
            assignments(&plan).get("b").cloned(),
            waiting(&plan, "b").to_owned(),
        )
    };
    assert_eq!(
        pinned("2", "slot-2"),
        (Some("2/slot-2".to_owned()), String::new())
    );
    assert_eq!(pinned("1", "slot-1"), (None, "PinnedSlotTaken".to_owned()));
    assert_eq!(pinned("1", "slot-2"), (None, "InterruptionForbidden".to_owned()));
    assert_eq!(pinned("2", "slot-9"), (None, "SlotIncompatible".to_owned()));
    assert_eq!(pinned("9", "slot-1"), (None, "SlotIncompatible".to_owned()));
}

#[test]
fn an_interrupted_one_comes_back_to_its_slot() {
    let plan = World::new()
        .channel("1", Stopping, &["-", "-"])
        .channel("2", Idle, &["-", "-"])
        .member("a", "x")
        .member("b", "x")
        .wanted("c")
        .returning("c", "1", "slot-1")
        .plan();
    assert_eq!(assignments(&plan)["c"], "1/slot-1");
    assert_eq!(assignments(&plan)["a"][..1], assignments(&plan)["b"][..1]);
}

#[test]
fn our_own_channel_s_slot_counts_first() {
    let held_in = |not_ours: Option<&str>| {
        let mut world = World::new()
            .channel("1", Idle, &["a"])
            .channel("2", Idle, &["a"])
            .wanted("a");
        world.seen("1").owner = not_ours.map(OwnerId::from);
        held(&world.plan(), "a")
    };
    assert_eq!(held_in(Some("us")), "1/slot-1");
    assert_eq!(held_in(None), "2/slot-1", "of no destination");
    assert_eq!(held_in(Some("them")), "2/slot-1", "of another owner");
}

#[test]
fn a_pin_makes_a_channel_unlike_others() {
    let plan = World::new()
        .channel("1", Idle, &["-", "-", "-"])
        .channel("2", Idle, &["-", "-", "-"])
        .channel("3", Idle, &["c", "-"])
        .wanted("a")
        .with("b", |one| {
            one.pin = Some(pin("2", "slot-1"));
            one.priority = 1;
        })
        .wanted("c")
        .wanted("d")
        .plan();
    assert_eq!(
        steps(&plan, "3"),
        "start",
        "d goes where an update is needed anyway"
    );
}

#[test]
fn an_interruption_brings_everyone_back() {
    let plan = World::new()
        .channel("1", Running, &["+a", "-"])
        .wanted("a")
        .wanted("b")
        .anytime()
        .plan();
    assert_eq!(steps(&plan, "1"), "stop update start");
    assert_eq!(interrupted(&plan), ["a"]);
    assert_eq!(assignments(&plan)["a"], "1/slot-1");
    assert_eq!(assignments(&plan)["b"], "1/slot-2");
    assert_eq!(plan.interruptions().planned, 1);
    assert_eq!(plan.interruptions().lower_bound, 1);
}

#[test]
fn an_unwanted_target_is_parked_before_a_start() {
    let plan = World::new()
        .channel("1", Idle, &["off", "?x", "-", "paused"])
        .wanted("a")
        .ready("off")
        .with("paused", |one| one.paused = Some(pause()))
        .plan();
    let then: Vec<&Content> = plan.channels[0].slots.iter().map(|slot| &slot.then).collect();
    let parked = then
        .iter()
        .filter(|content| ***content == Content::Parked)
        .count();
    assert_eq!(parked, 3);
    assert!(then.contains(&&Content::Destination("a".into())));
}

#[test]
fn a_stopped_channel_keeps_what_it_holds() {
    let plan = World::new().channel("1", Idle, &["a", "?x"]).ready("a").plan();
    assert!(plan.is_empty());
    assert_eq!(plan.channels[0].slots[0].then, Content::Destination("a".into()));
}

#[test]
fn a_slot_on_air_counts_before_others() {
    let mut world = World::new()
        .channel("1", Starting, &["+a"])
        .channel("2", Running, &["+a"])
        .wanted("a");
    for id in ["1", "2"] {
        world.seen(id).owner = Some(OwnerId::from("them"));
    }
    assert_eq!(held(&world.plan(), "a"), "2/slot-1");
}

#[test]
fn it_comes_back_to_its_slot_beside_a_copy_of_its_own() {
    // Until the channel has stopped, the copy is published as well.
    for copy in ["~b", "+b", "&b"] {
        let world = World::new()
            .channel("1", Stopping, &[copy, "+b"])
            .with("a", |one| one.interruptible = false)
            .wanted("b")
            .anytime()
            .returning("b", "1", "slot-2");
        let plan = allowed(&world);
        assert_eq!(
            (assignments(&plan)["a"].as_str(), assignments(&plan)["b"].as_str()),
            ("1/slot-1", "1/slot-2"),
            "{copy}"
        );
    }
}
