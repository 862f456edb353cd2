//! The planner's rules, one test each.

mod former;
mod large;
mod unknown_keys;

use super::fixture::{World, assignments, held, interrupted, pause, pin, steps, waiting};
use super::{Adoption, Content, Optimality, Plan, Waiting};
use crate::model::ChannelState::{Idle, Recovering, Running, Starting, Stopping};
use crate::model::{
    Cause, ChannelObservation, DestinationName, Interrupt, OwnerId, Pause, Secret, StreamKey, WantedState,
};

#[test]
fn a_wanted_destination_goes_to_a_stopped_channel() {
    let plan = World::new()
        .channel("1", Running, &["a", "-"])
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
fn a_stopped_channel_that_nobody_wants_keeps_what_it_holds() {
    let plan = World::new().channel("1", Idle, &["a", "?x"]).ready("a").plan();
    assert!(plan.is_empty());
    assert_eq!(plan.channels[0].slots[0].then, Content::Destination("a".into()));
}

#[test]
fn whatever_a_starting_channel_would_put_on_air_unwanted_is_parked() {
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
fn a_channel_that_nobody_wants_stops() {
    let plan = World::new().channel("1", Running, &["a", "?x"]).ready("a").plan();
    assert_eq!(steps(&plan, "1"), "stop");
    assert!(!plan.channels[0].runs);
}

#[test]
fn without_a_grant_nobody_is_interrupted_and_the_way_out_is_named() {
    let plan = World::new()
        .channel("1", Running, &["a", "-"])
        .wanted("a")
        .wanted("b")
        .plan();
    assert!(plan.is_empty());
    assert_eq!(waiting(&plan, "b"), "InterruptionForbidden");
}

#[test]
fn a_granted_interruption_brings_everyone_back_to_their_slots() {
    let plan = World::new()
        .channel("1", Running, &["a", "-"])
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
fn outside_the_window_the_next_opening_is_told() {
    let plan = World::new()
        .channel("1", Running, &["a", "-"])
        .wanted("a")
        .wanted("b")
        .window()
        .plan();
    let Some(Waiting::OutsideWindow { opens, .. }) = &plan.destinations[1].waiting else {
        panic!("{:?}", plan.destinations[1].waiting);
    };
    assert_eq!(*opens, Some("2026-04-02T04:00:00Z".parse().unwrap()));
}

#[test]
fn inside_the_window_the_interruption_is_made() {
    let mut world = World::new()
        .channel("1", Running, &["a", "-"])
        .wanted("a")
        .wanted("b")
        .window();
    world.now = "2026-04-02T04:29:59Z".parse().unwrap();
    assert_eq!(steps(&world.plan(), "1"), "stop update start");
}

#[test]
fn a_one_off_grant_overrides_the_policy_but_not_interruptible_false() {
    let world = World::new()
        .channel("1", Running, &["a", "b", "-"])
        .wanted("a")
        .ready("b")
        .grant("b");
    assert_eq!(steps(&world.plan(), "1"), "stop update start");
    let firm = world.with("a", |one| one.interruptible = false);
    assert!(firm.plan().is_empty());
    assert_eq!(waiting(&firm.plan(), "b"), "Uninterruptible");
}

#[test]
fn who_is_switched_off_on_a_shared_channel_stays_until_the_others_end() {
    let plan = World::new()
        .channel("1", Running, &["a", "b"])
        .wanted("a")
        .ready("b")
        .plan();
    assert!(plan.is_empty());
    assert_eq!(waiting(&plan, "b"), "SharesChannel");
    assert_eq!(assignments(&plan)["b"], "1/slot-2");
}

#[test]
fn changes_without_a_grant_of_their_own_ride_along() {
    let world = World::new()
        .channel("1", Running, &["a", "b", "-"])
        .wanted("a")
        .ready("b")
        .wanted("c")
        .policy(Interrupt::Anytime, &[Cause::Start]);
    let plan = world.plan();
    assert_eq!(steps(&plan, "1"), "stop update start");
    assert!(!assignments(&plan).contains_key("b"));
    let alone = world.policy(Interrupt::Anytime, &[Cause::Retarget]).plan();
    assert_eq!(
        (waiting(&alone, "b"), waiting(&alone, "c")),
        ("SharesChannel", "InterruptionForbidden")
    );
}

#[test]
fn whoever_joins_goes_where_the_more_important_of_those_who_end_can_leave() {
    let plan = World::new()
        .channel("1", Running, &["a", "low"])
        .channel("2", Running, &["b", "high"])
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
fn whoever_is_new_goes_where_slots_are_written_for_one_who_comes_back_anyway() {
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
fn what_is_on_air_is_not_evicted_for_a_higher_priority() {
    let plan = World::new()
        .channel("1", Running, &["a"])
        .wanted("a")
        .with("z", |one| one.priority = 9)
        .anytime()
        .plan();
    assert!(plan.is_empty());
    assert_eq!(waiting(&plan, "z"), "NoFreeSlot");
}

#[test]
fn a_group_shares_a_channel_and_strangers_do_not() {
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
fn a_channel_that_failed_twice_is_the_last_to_be_chosen() {
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
fn a_channel_that_backs_off_keeps_its_steps_and_says_so() {
    let plan = World::new()
        .channel("1", Idle, &["a"])
        .wanted("a")
        .trouble("1", 1, "2026-04-01T12:05:00Z")
        .plan();
    assert_eq!(
        (steps(&plan, "1"), waiting(&plan, "a")),
        ("start".to_owned(), "BackingOff")
    );
    assert_eq!(plan.channels[0].waiting.as_ref().unwrap().code(), "BackingOff");
}

#[test]
fn an_unowned_channel_that_runs_with_undeclared_targets_is_left_alone() {
    let mut world = World::new()
        .channel("1", Running, &["?x", "off", "-"])
        .ready("off")
        .wanted("b")
        .anytime();
    world.seen("1").owner = None;
    let plan = world.plan();
    assert!(plan.is_empty());
    assert_eq!(strays(&plan), [("slot-1", None)]);
    assert_eq!(
        (waiting(&plan, "b"), waiting(&plan, "off")),
        ("NotAdopted", "NotAdopted")
    );
    world.pool().channels[0].takeover = true;
    assert_eq!(steps(&world.plan(), "1"), "adopt stop update start");
}

/// What keeps the first channel from being adopted: the slot, and whose target it is.
fn strays(plan: &Plan) -> Vec<(&str, Option<&str>)> {
    let Adoption::Refused { strays } = &plan.channels[0].adoption else {
        return Vec::new();
    };
    let told = strays.iter().map(|stray| {
        (
            stray.output_group.as_str(),
            stray.of.as_ref().map(DestinationName::as_str),
        )
    });
    told.collect()
}

#[test]
fn an_unowned_channel_with_a_copy_of_what_is_on_air_is_left_alone_and_the_copy_is_not_called_undeclared() {
    let mut world = World::new()
        .channel("1", Running, &["a", "?x", "-"])
        .channel("2", Running, &["a"])
        .wanted("a")
        .wanted("b")
        .anytime();
    world.seen("1").owner = None;
    let plan = world.plan();
    assert_eq!(strays(&plan), [("slot-1", Some("a")), ("slot-2", None)]);
    assert_eq!(steps(&plan, "1"), "");
    world.assert_allowed(&plan);
    // Once it is the only one, nothing is lost.
    let mut world = world.channel("2", Idle, &["a"]);
    world.pool().channels.pop();
    world.seen("1").groups_mut().remove(1);
    assert_eq!(steps(&world.plan(), "1"), "adopt");
}

#[test]
fn an_unowned_channel_with_a_target_of_another_pool_is_left_alone_and_says_whose_it_is() {
    let mut world = World::new()
        .channel("1", Running, &["moved", "~moved"])
        .channel("2", Idle, &["-"])
        .split("other", "2")
        .with("moved", |one| one.pool = "other".into());
    world.seen("1").owner = None;
    let plan = world.plan();
    // Its URL alone may be anybody's.
    assert_eq!(strays(&plan), [("slot-1", Some("moved")), ("slot-2", None)]);
    assert_eq!(waiting(&plan, "moved"), "OnAirElsewhere");
    world.assert_allowed(&plan);
}

#[test]
fn an_unowned_channel_without_undeclared_targets_is_adopted_before_anything_else() {
    let mut world = World::new()
        .channel("1", Running, &["a", "-"])
        .channel("2", Idle, &["?x"])
        .wanted("a");
    world.seen("1").owner = None;
    world.seen("2").owner = None;
    let plan = world.plan();
    assert_eq!(
        (steps(&plan, "1"), steps(&plan, "2")),
        ("adopt".to_owned(), "adopt".to_owned())
    );
}

#[test]
fn a_channel_that_is_ours_already_is_taken_before_one_to_be_adopted() {
    let mut world = World::new()
        .channel("1", Idle, &["-"])
        .channel("2", Idle, &["-"])
        .wanted("a");
    world.seen("1").owner = None;
    assert_eq!(assignments(&world.plan())["a"], "2/slot-1");
}

#[test]
fn a_channel_of_another_owner_is_left_alone() {
    let mut world = World::new().channel("1", Running, &["?x"]).wanted("a");
    world.seen("1").owner = Some(OwnerId::from("them"));
    let plan = world.plan();
    assert!(plan.is_empty());
    assert_eq!(waiting(&plan, "a"), "OwnedByAnother");
}

#[test]
fn a_paused_destination_stays_as_it_is() {
    let world = World::new()
        .channel("1", Running, &["a", "-"])
        .channel("2", Idle, &["b"])
        .with("a", |one| {
            one.state = WantedState::Ready;
            one.paused = Some(pause());
        })
        .with("b", |one| one.paused = Some(pause()))
        .wanted("c")
        .anytime();
    let plan = world.plan();
    assert_eq!(assignments(&plan)["a"], "1/slot-1");
    assert_eq!(assignments(&plan)["c"], "2/slot-1");
    assert!(!assignments(&plan).contains_key("b"));
    assert_eq!((waiting(&plan, "a"), waiting(&plan, "b")), ("Paused", "Paused"));
}

#[test]
fn a_paused_pool_is_left_alone() {
    let mut world = World::new().channel("1", Running, &["a"]).ready("a").wanted("b");
    world.pool().paused = Some(pause());
    let plan = world.plan();
    assert!(plan.is_empty());
    assert_eq!((waiting(&plan, "a"), waiting(&plan, "b")), ("Paused", "Paused"));
}

#[test]
fn a_doubted_source_lets_nothing_undeclared_go() {
    let world = World::new()
        .channel("1", Running, &["?x"])
        .channel("2", Running, &["off", "?y"])
        .ready("off");
    assert_eq!(steps(&world.plan(), "1"), "stop");
    let plan = world.doubted().anytime().plan();
    assert!(plan.is_empty());
    assert_eq!(waiting(&plan, "off"), "SourceUntrusted");
}

#[test]
fn a_pinned_destination_takes_its_slot_or_none() {
    let world = World::new()
        .channel("1", Running, &["a", "-"])
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
fn pinned_elsewhere_it_stays_on_air_where_it_is() {
    let plan = World::new()
        .channel("1", Running, &["a"])
        .channel("2", Idle, &["-"])
        .with("a", |one| one.pin = Some(pin("2", "slot-1")))
        .plan();
    assert!(plan.is_empty());
    assert_eq!(waiting(&plan, "a"), "PinnedElsewhere");
}

#[test]
fn who_was_interrupted_comes_back_to_its_slot_even_where_another_would_be_better() {
    let plan = World::new()
        .channel("1", Stopping, &["-", "a"])
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
fn two_with_one_target_are_never_on_air_at_once() {
    let same = |one: &mut crate::model::Destination| {
        one.url = "rtmp://same.example/live".into();
        one.key = crate::model::StreamKey::Known(crate::model::Secret::new("k"));
    };
    let plan = World::new()
        .channel("1", Idle, &["-", "-"])
        .with("a", same)
        .with("b", same)
        .plan();
    assert_eq!(assignments(&plan).len(), 1);
    assert_eq!(waiting(&plan, "b"), "SameTarget");
}

#[test]
fn max_concurrent_delays_the_less_important_interruption() {
    let world = World::new()
        .channel("1", Running, &["a", "x"])
        .channel("2", Running, &["b", "y"])
        .wanted("a")
        .wanted("b")
        .ready("x")
        .with("y", |one| {
            one.state = WantedState::Ready;
            one.priority = 5;
        })
        .anytime();
    let plan = world.plan();
    assert_eq!(
        (steps(&plan, "1"), steps(&plan, "2")),
        (String::new(), "stop update start".to_owned())
    );
    assert_eq!((waiting(&plan, "x"), waiting(&plan, "y")), ("MaxConcurrent", ""));
    // Also where it would have to wait for its next try.
    let world = world.trouble("1", 0, "2026-04-01T12:01:00Z");
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert_eq!((waiting(&plan, "x"), waiting(&plan, "y")), ("MaxConcurrent", ""));
}

#[test]
fn whoever_was_interrupted_on_a_channel_that_cannot_be_seen_is_not_back() {
    let mut world = World::new()
        .channel("1", Idle, &["a"])
        .channel("2", Running, &["b", "y"])
        .wanted("a")
        .wanted("b")
        .ready("y")
        .returning("a", "1", "slot-1")
        .anytime();
    let why = "no answer".to_owned();
    let channels = &mut world.observed.channels;
    channels.insert("1".into(), ChannelObservation::Unreadable { why });
    assert_eq!(waiting(&world.plan(), "y"), "MaxConcurrent");
    // The same where it need not come back there.
    world.observed.returning.clear();
    world.observed.interrupted.insert("1".into());
    assert_eq!(waiting(&world.plan(), "y"), "MaxConcurrent");
    let channels = &mut world.observed.channels;
    channels.insert("1".into(), ChannelObservation::Missing);
    assert_eq!(steps(&world.plan(), "2"), "stop update start");
}

#[test]
fn a_starting_channel_is_waited_for_and_a_recovering_one_is_left_alone() {
    let world = |state| {
        World::new()
            .channel("1", state, &["a", "-"])
            .wanted("a")
            .wanted("b")
            .anytime()
            .plan()
    };
    let plan = world(Starting);
    assert_eq!(
        (steps(&plan, "1"), waiting(&plan, "b")),
        ("wait stop update start".to_owned(), "ChannelInTransition")
    );
    let plan = world(Recovering);
    assert_eq!(
        (steps(&plan, "1"), waiting(&plan, "b")),
        (String::new(), "ChannelRecovering")
    );
}

#[test]
fn a_second_copy_on_air_is_let_go() {
    let plan = World::new()
        .channel("1", Running, &["a"])
        .channel("2", Running, &["a"])
        .wanted("a")
        .plan();
    assert_eq!(
        (steps(&plan, "1"), steps(&plan, "2")),
        (String::new(), "stop".to_owned())
    );
    assert_eq!(
        plan.api_calls(),
        3,
        "the channel, what stands in for it, and the stop"
    );
}

#[test]
fn only_who_is_interrupted_is_told_for_how_long() {
    let plan = World::new()
        .channel("1", Running, &["a", "off", "-"])
        .channel("2", Running, &["c"])
        .wanted("a")
        .ready("off")
        .wanted("b")
        .wanted("c")
        .anytime()
        .plan();
    let told = plan.destinations.iter().filter(|one| one.off_air.is_some());
    let told: Vec<&str> = told.map(|one| one.name.as_str()).collect();
    assert_eq!(told, ["a"]);
}

#[test]
fn a_pause_ends_at_the_moment_it_names() {
    let mut world = World::new().channel("1", Idle, &["-"]).with("a", |one| {
        let until = Some("2026-04-01T12:00:00Z".parse().unwrap());
        one.paused = Some(Pause { until, ..pause() });
    });
    assert_eq!(steps(&world.plan(), "1"), "update start");
    world.now = "2026-04-01T11:59:59Z".parse().unwrap();
    assert_eq!(
        (steps(&world.plan(), "1"), waiting(&world.plan(), "a")),
        (String::new(), "Paused")
    );
}

#[test]
fn of_two_with_one_target_the_wanted_one_holds_the_slot() {
    let plan = World::new()
        .channel("1", Running, &["a"])
        .ready("a")
        .with("b", |one| {
            one.url = "rtmp://a.example/live".into();
            one.key = StreamKey::Known(Secret::new("key-of-a"));
        })
        .plan();
    assert!(plan.is_empty());
    assert_eq!(held(&plan, "b"), "1/slot-1");
}

#[test]
fn a_slot_on_air_counts_before_others_even_on_channels_that_may_not_be_used() {
    let mut world = World::new()
        .channel("1", Starting, &["a"])
        .channel("2", Running, &["a"])
        .wanted("a");
    for id in ["1", "2"] {
        world.seen(id).owner = Some(OwnerId::from("them"));
    }
    assert_eq!(held(&world.plan(), "a"), "2/slot-1");
}

#[test]
fn of_equally_good_slots_those_on_our_own_channels_count() {
    let held_in = |not_ours: Option<&str>| {
        let mut world = World::new()
            .channel("1", Idle, &["a"])
            .channel("2", Idle, &["a"])
            .wanted("a");
        world.seen("1").owner = not_ours.map(OwnerId::from);
        held(&world.plan(), "a")
    };
    assert_eq!(held_in(Some("us")), "1/slot-1");
    assert_eq!(held_in(None), "2/slot-1", "of nobody");
    assert_eq!(held_in(Some("them")), "2/slot-1", "of somebody else");
}

#[test]
fn a_channel_that_somebody_is_pinned_to_is_not_like_another() {
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
