//! Why a destination is not where it is wanted.

use super::super::Waiting;
use std::collections::BTreeSet;

use super::super::fixture::{World, assignments, pause, pin, steps, waiting};
use crate::model::ChannelState::{Idle, Running};
use crate::model::{ChannelObservation, Endpoint, OwnerId, Pause, Secret, WantedState};
use crate::plan::Plan;

#[test]
fn without_a_grant_the_way_out_is_named() {
    let plan = World::new()
        .channel("1", Running, &["+a", "-"])
        .wanted("a")
        .wanted("b")
        .plan();
    assert!(plan.is_empty());
    assert_eq!(waiting(&plan, "b"), "InterruptionForbidden");
}

#[test]
fn outside_the_window_the_plan_says_when_it_opens() {
    let plan = World::new()
        .channel("1", Running, &["+a", "-"])
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
        .channel("1", Running, &["+a", "-"])
        .wanted("a")
        .wanted("b")
        .window();
    world.now = "2026-04-02T04:29:59Z".parse().unwrap();
    assert_eq!(steps(&world.plan(), "1"), "stop update start");
}

#[test]
fn switched_off_it_shares_until_others_end() {
    let plan = World::new()
        .channel("1", Running, &["+a", "+b"])
        .wanted("a")
        .ready("b")
        .plan();
    assert!(plan.is_empty());
    assert_eq!(waiting(&plan, "b"), "SharesChannel");
    assert_eq!(assignments(&plan)["b"], "1/slot-2");
}

#[test]
fn backing_off_keeps_its_steps() {
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
fn another_owner_s_channel_is_named() {
    let mut world = World::new().channel("1", Running, &["?x"]).wanted("a");
    world.seen("1").owner = Some(OwnerId::from("them"));
    let plan = world.plan();
    assert!(plan.is_empty());
    assert_eq!(waiting(&plan, "a"), "OwnedByAnother");
}

#[test]
fn a_paused_destination_stays_as_it_is() {
    let world = World::new()
        .channel("1", Running, &["+a", "-"])
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
fn pinned_elsewhere_it_stays_on_air() {
    let plan = World::new()
        .channel("1", Running, &["+a"])
        .channel("2", Idle, &["-"])
        .with("a", |one| one.pin = Some(pin("2", "slot-1")))
        .plan();
    assert!(plan.is_empty());
    assert_eq!(waiting(&plan, "a"), "PinnedElsewhere");
}

#[test]
fn two_with_one_target_take_turns() {
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
fn max_concurrent_delays_the_less_important() {
    let world = World::new()
        .channel("1", Running, &["+a", "+x"])
        .channel("2", Running, &["+b", "+y"])
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
fn interrupted_on_an_unseen_channel_is_not_back() {
    let mut world = World::new()
        .channel("1", Idle, &["a"])
        .channel("2", Running, &["+b", "+y"])
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
fn only_interruptions_have_a_time_off_air() {
    let plan = World::new()
        .channel("1", Running, &["+a", "+off", "-"])
        .channel("2", Running, &["+c"])
        .wanted("a")
        .ready("off")
        .wanted("b")
        .wanted("c")
        .anytime()
        .plan();
    let off_air = plan.destinations.iter().filter(|one| one.off_air.is_some());
    let names: Vec<&str> = off_air.map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["a"]);
}

#[test]
fn a_pause_ends_when_it_says() {
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

/// The ways out of a destination, joined.
fn ways_out(plan: &Plan, name: &str) -> String {
    let one = plan.destinations.iter().find(|one| one.name == name).unwrap();
    let waiting = one.waiting.as_ref().unwrap();
    waiting.ways_out_of(&one.name).join(" · ")
}

#[test]
fn a_grant_is_advised_only_for_what_is_declared() {
    let world = World::new().channel("1", Running, &["+a", "^gone"]).wanted("a");
    let plan = world.plan();
    assert_eq!(plan.channels[0].waiting.as_ref().unwrap().code(), "SharesChannel");
    let ways = plan.channels[0].ways_out().join(" · ");
    assert!(
        ways.contains("interrupt: Anytime") && !ways.contains("--interrupt"),
        "{ways}"
    );
    let world = World::new()
        .channel("1", Running, &["+a", "+b"])
        .wanted("a")
        .ready("b");
    let ways = world.plan().channels[0].ways_out().join(" · ");
    assert!(ways.contains("--interrupt b "), "{ways}");
}

#[test]
fn what_is_no_destination_is_not_told_to_be_ready() {
    let pinned = |slot: &str| {
        let world = World::new()
            .channel("1", Running, &["+a", slot])
            .wanted("a")
            .wanted("c");
        let plan = world.with("b", |b| b.pin = Some(pin("1", "slot-2"))).plan();
        assert_eq!(waiting(&plan, "b"), "PinnedSlotTaken");
        ways_out(&plan, "b")
    };
    assert_eq!(pinned("?x"), "remove or change spec.slot");
    assert_eq!(
        pinned("+c"),
        "set state: Ready for c · remove or change spec.slot"
    );
}

#[test]
fn a_priority_is_advised_only_where_it_would_help() {
    let world = World::new()
        .channel("1", Running, &["+a"])
        .wanted("a")
        .wanted("b")
        .anytime();
    let plan = world.plan();
    assert_eq!(waiting(&plan, "b"), "NoFreeSlot");
    assert!(
        !ways_out(&plan, "b").contains("priority"),
        "{}",
        ways_out(&plan, "b")
    );
    let world = World::new().channel("1", Idle, &["-"]).wanted("a").wanted("b");
    let plan = world.plan();
    assert_eq!(waiting(&plan, "b"), "NoFreeSlot");
    let ways = ways_out(&plan, "b");
    assert!(
        ways.contains("raise its priority above that of a, before that is on air"),
        "{ways}"
    );
    assert_eq!(
        assignments(&world.with("b", |b| b.priority = 1).plan())["b"],
        "1/slot-1"
    );
}

#[test]
fn what_no_slot_carries_is_not_told_to_be_declared_alone() {
    let ways = |name: &str| {
        let mut world = World::new().channel("1", Running, &["-", "?x"]).wanted("a");
        world.seen("1").owner = None;
        world.seen("1").groups_mut()[0].name = "main-1".into();
        world.seen("1").groups_mut()[1].name = name.into();
        let plan = world.plan();
        assert_eq!(
            plan.channels[0].waiting.as_ref().unwrap().code(),
            "NotAdopted",
            "{name}"
        );
        plan.channels[0].ways_out().join(" · ")
    };
    let advice = "declare these targets";
    assert!(ways("slot-2").contains(advice), "{}", ways("slot-2"));
    let beside = ways("main-out");
    assert!(!beside.contains(advice), "{beside}");
    assert!(
        beside.contains("let slots.outputGroups of the pool match main-out, and declare"),
        "{beside}"
    );
    let nameless = ways("");
    assert!(
        !nameless.contains("declare") && !nameless.contains("outputGroups"),
        "{nameless}"
    );
}

#[test]
fn what_is_on_air_in_no_slot_is_told() {
    let places = |world: &World| -> Vec<String> {
        let plan = world.plan();
        world.assert_allowed(&plan);
        let places = plan
            .destinations
            .iter()
            .filter_map(|one| Some((&one.name, one.also_on_air.as_ref()?)));
        places.map(|(name, place)| format!("{name}: {place}")).collect()
    };
    let mut beside = World::new()
        .channel("1", Running, &["+b", "a"])
        .wanted("b")
        .ready("a");
    assert!(places(&beside).is_empty());
    beside.seen("1").groups_mut()[1].name = "main-out".into();
    assert_eq!(places(&beside), ["a: 1 (main-out)"]);

    let mut twice = World::new().channel("1", Running, &["+a"]).wanted("a");
    assert!(places(&twice).is_empty());
    let of_a = Endpoint::new("rtmp://a.example/live", Secret::new("key-of-a"));
    twice
        .observed
        .elsewhere
        .insert("9".into(), BTreeSet::from([of_a]));
    assert_eq!(places(&twice), ["a: 9"]);
    let mut foreign = World::new()
        .channel("1", Running, &["+a"])
        .channel("2", Running, &["a"])
        .wanted("a");
    foreign.seen("2").owner = Some(OwnerId::from("them"));
    assert_eq!(places(&foreign), ["a: 2 (slot-1)"]);
    // One that waits for it says so itself.
    let waits = twice.channel("2", Idle, &["-"]);
    let mut waits = waits;
    waits.seen("1").state = Idle;
    assert_eq!(waiting(&waits.plan(), "a"), "OnAirElsewhere");
    assert!(places(&waits).is_empty());
}
