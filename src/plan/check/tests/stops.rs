//! The rule of stops: when a running channel may be stopped, and which changes grant it.

use ChannelState::{Idle, Recovering, Running, Starting};

use super::hand::{Hand, doubted, joins, one_on_air, pause, start, step, stop, unknown_key};
use crate::model::tag::TakeoverTag;
use crate::model::{
    Cause, ChannelObservation, ChannelState, Destination, Idle as WhenIdle, Mark, Recorded, Recording,
    Secret, SlotId, StreamKey,
};
use crate::plan::check::{About, Rule};
use crate::plan::{Action, Content, Violation};

/// `c1` runs with this, and is stopped.
fn stopped(holds: [&str; 3]) -> Hand {
    let hand = Hand::new().destinations(&["+a", "-r"]);
    let hand = hand.channel("c0", Running, ["a", "", ""]);
    only_stop(hand.channel("c1", Running, holds))
}

/// The plan for what was observed, with a stop of c1 that interrupts none.
fn only_stop(hand: Hand) -> Hand {
    hand.quiet().steps("c1", vec![stop(&[])])
}

/// Why c1 must not be stopped.
fn forbidden(hand: &Hand) -> Vec<String> {
    let found = hand.found().into_iter();
    let stops = found.filter(|one| one.rule == Rule::ForbiddenStop);
    stops
        .map(|one| one.what.trim_start_matches("must not be stopped: ").to_owned())
        .collect()
}

/// Reasons as messages give them.
struct Forbidden;

impl Forbidden {
    const NO_SLOT: &str = "it has no slot";
    const PAUSED: &str = "a destination on air on it is paused";
    const UNDECLARED: &str = "a slot holds what no Destination declares";
    const UNUSABLE: &str = "an output group of the pool's pattern cannot be a slot";
    const KEPT: &str = "a slot holds what vanished from the declaration and is kept";
    const BESIDE: &str = "a destination that stays on air is so in an output group that is no slot";
    const NO_RESTART: &str = "it could not start again, for what an output group that is no slot publishes";
}

fn set(hand: &mut Hand, causes: &[Cause]) {
    hand.pool().disruption.causes = causes.iter().copied().collect();
}

fn rotated(destination: &mut Destination) {
    destination.key = StreamKey::Known(Secret::new("rotated"));
}

fn of_other_pool(destination: &mut Destination) {
    destination.pool = "other".into();
}

#[test]
fn a_channel_stops_without_a_protected_slot() {
    stopped(["", "", ""]).passes();
    stopped(["r", "", ""]).passes();
    stopped(["~r", "r", ""]).passes();
    stopped(["a", "", ""]).passes();
    stopped(["~a", "", ""]).passes();
    stopped(["%gone", "", ""]).passes();
}

#[test]
fn a_channel_without_a_slot_is_never_stopped() {
    let mut hand = stopped(["", "", ""]);
    hand.pool().slots.output_groups = globset::Glob::new("other-*").unwrap().compile_matcher();
    hand.plan
        .channels
        .iter_mut()
        .for_each(|channel| channel.slots.clear());
    assert_eq!(forbidden(&hand), [Forbidden::NO_SLOT]);
    let mut hand = stopped(["", "", ""]);
    hand.seen("c1").groups_mut().clear();
    hand.channel_plan("c1").slots.clear();
    assert_eq!(forbidden(&hand), [Forbidden::NO_SLOT]);
}

#[test]
fn unrecognised_targets_forbid_a_stop_without_takeover() {
    for (holds, why) in [("cdn.example", Forbidden::UNDECLARED), ("#", Forbidden::UNUSABLE)] {
        let mut hand = stopped(["r", holds, ""]);
        assert_eq!(forbidden(&hand), [why]);
        hand.desired.grants.insert("r".into());
        assert_eq!(forbidden(&hand), [why], "no grant opens it");
        hand.pool().channels[1].takeover = true;
        assert_eq!(forbidden(&hand), [why], "it is not recorded that this has begun");
        hand.seen("c1").tags_mut().set_takeover(TakeoverTag::Begun);
        hand.passes();
        hand.seen("c1").tags_mut().set_takeover(TakeoverTag::Done);
        assert_eq!(forbidden(&hand), [why], "it is used up");
        hand.seen("c1").tags_mut().set_takeover(TakeoverTag::Begun);
        hand.observed.takeovers = Recording::Denied { why: "no".to_owned() };
        assert_eq!(forbidden(&hand), [why], "it would never be used up");
    }
    // Taken over it is not while something that is declared could not be read.
    let taken_over = || {
        let mut hand = stopped(["r", "cdn.example", ""]);
        hand.pool().channels[1].takeover = true;
        hand.seen("c1").tags_mut().set_takeover(TakeoverTag::Begun);
        hand
    };
    let mut doubt = taken_over();
    doubt.desired.trust = doubted();
    let mut set_aside = taken_over();
    set_aside.desired.set_aside.insert("other".into());
    let unreadable = taken_over().with("a", |one| one.key = unknown_key());
    for hand in [doubt, set_aside, unreadable] {
        assert_eq!(forbidden(&hand), ["a slot holds what no Destination declares"]);
    }
    // A tag that does not fit proves nothing.
    let mut hand = stopped(["r", "%gone", ""]);
    let tag = hand.record("c1", "s3", Recorded::destination("gone".into()));
    hand.seen("c1").tags_mut().set(&"s2".into(), &tag.tag);
    let content = Content::Undeclared {
        host: "gone".to_owned(),
    };
    let slot = &mut hand.channel_plan("c1").slots[1];
    (slot.now, slot.then) = (content.clone(), content);
    assert_eq!(forbidden(&hand), [Forbidden::UNDECLARED]);
    hand.fails(&["ForbiddenStop"]);
}

#[test]
fn a_destination_on_air_in_no_slot_forbids_a_stop() {
    let beside = |holds: &str| {
        let mut hand = Hand::new().destinations(&["+a", "-r"]);
        hand = hand.channel("c1", Running, ["r", holds, ""]);
        hand.seen("c1").groups_mut()[1].name = "main-out".into();
        let mut hand = only_stop(hand);
        hand.channel_plan("c1").slots.remove(1);
        hand
    };
    let mut hand = beside("a");
    assert_eq!(forbidden(&hand), [Forbidden::BESIDE]);
    hand.desired.grants.insert("r".into());
    assert_eq!(forbidden(&hand), [Forbidden::BESIDE], "no grant opens it");
    assert_eq!(forbidden(&beside("r")), [""; 0], "its destination is not wanted");
    assert_eq!(forbidden(&beside("")), [""; 0], "it is parked");
    assert_eq!(
        forbidden(&stopped(["r", "a", ""])),
        [""; 0],
        "on air in a slot of c0"
    );
}

#[test]
fn a_channel_that_could_not_start_again_is_not_stopped_to_start_again() {
    let beside = |holds: &str| {
        let mut hand = one_on_air().anytime().channel("c1", Running, ["a", "", holds]);
        hand.seen("c1").groups_mut()[2].name = "main-out".into();
        let mut hand = joins(hand);
        hand.channel_plan("c1").slots.truncate(2);
        hand
    };
    assert_eq!(forbidden(&beside("a")), [Forbidden::NO_RESTART]);
    assert_eq!(forbidden(&beside("cdn.example")), [""; 0], "what is not declared");
    let elsewhere = |state| beside("cdn.example").channel("c2", state, ["cdn.example", "", ""]);
    assert_eq!(forbidden(&elsewhere(Running)), [Forbidden::NO_RESTART]);
    assert_eq!(forbidden(&elsewhere(Idle)), [""; 0]);
}

#[test]
fn what_vanished_is_kept_until_it_is_released() {
    let mut hand = stopped(["%gone", "", ""]);
    hand.passes();
    hand.desired.set_aside.insert("gone".into());
    assert_eq!(forbidden(&hand), [Forbidden::KEPT], "its object is set aside");
    let mut hand = stopped(["%gone", "", ""]);
    hand.desired.trust = doubted();
    assert_eq!(forbidden(&hand), [Forbidden::KEPT]);
    let released = Recorded::Destination {
        identity: "gone".into(),
        mark: Mark::Released,
    };
    hand.tag("c1", "s1", released).passes();
}

#[test]
fn a_paused_destination_on_air_forbids_a_stop() {
    for holds in [["r", "", ""], ["~r", "", ""]] {
        let hand = Hand::new()
            .destinations(&["-r"])
            .with("r", |r| r.paused = Some(pause()));
        let hand = only_stop(hand.channel("c1", Running, holds));
        assert_eq!(forbidden(&hand), [Forbidden::PAUSED], "{holds:?}");
    }
    let mut hand = joins(one_on_air().anytime().with("a", |a| a.paused = Some(pause())));
    hand.channel_plan("c1").steps[0].interrupts.clear();
    assert_eq!(forbidden(&hand), [Forbidden::PAUSED], "no grant opens it");
}

#[test]
fn surplus_is_protected_until_the_one_slot_was_seen_running() {
    let with_surplus = |state| {
        let hand = Hand::new().destinations(&["+a"]);
        let hand = hand.channel("c0", state, ["a", "", ""]);
        hand.channel("c1", Running, ["~a", "", ""]).quiet()
    };
    with_surplus(Running).steps("c1", vec![stop(&[])]).passes();
    for state in [Starting, Idle] {
        let hand = with_surplus(state).steps("c1", vec![stop(&["a"])]);
        hand.fails_with("Ungranted");
        hand.fails_with("NotBroughtBack");
    }
}

#[test]
fn an_interruption_needs_the_policy_a_cause_or_a_one_off_grant() {
    joins(one_on_air()).fails(&["Ungranted"]);
    joins(one_on_air().anytime()).passes();
    let mut for_stop_only = one_on_air().anytime();
    set(&mut for_stop_only, &[Cause::Stop]);
    joins(for_stop_only).fails(&["Ungranted"]);
    let mut granted = one_on_air();
    granted.desired.grants = ["b".into()].into();
    joins(granted).passes();
    let mut granted_to_another = one_on_air();
    granted_to_another.desired.grants = ["a".into()].into();
    joins(granted_to_another).fails(&["Ungranted"]);
    let hand = one_on_air().anytime().quiet();
    hand.steps("c1", vec![stop(&["a"]), start()])
        .fails(&["Ungranted"]);
}

#[test]
fn a_granted_release_carries_other_changes_along() {
    for leaving in ["r", "~r", "%gone", "c"] {
        let leaves = |causes: &[Cause]| {
            let hand = Hand::new().anytime().destinations(&["+a", "+b", "-r", "+c"]);
            // `c` is surplus on c1.
            let hand = hand.channel("c0", Running, ["c", "", ""]);
            let mut hand = hand.channel("c1", Running, ["a", leaving, ""]);
            set(&mut hand, causes);
            let hand = hand.quiet();
            let update = hand.update("c1", &[("s2", ""), ("s3", "b")]);
            hand.steps("c1", vec![stop(&["a"]), update, start()])
        };
        leaves(&[Cause::Stop]).passes();
        leaves(&[Cause::Start]).passes();
        leaves(&[Cause::Retarget]).fails(&["Ungranted"]);
    }
}

#[test]
fn an_undeclared_target_leaves_a_channel_that_is_taken_over() {
    let hand = Hand::new().anytime().destinations(&["+a"]);
    let mut hand = hand.channel("c1", Running, ["a", "cdn.example", ""]);
    set(&mut hand, &[Cause::Stop]);
    let hand = hand.quiet();
    let update = hand.update("c1", &[("s2", "")]);
    let mut hand = hand.steps("c1", vec![stop(&["a"]), update, start()]);
    assert_eq!(forbidden(&hand), [Forbidden::UNDECLARED]);
    hand.pool().channels[0].takeover = true;
    hand.seen("c1").tags_mut().set_takeover(TakeoverTag::Begun);
    hand.passes();
}

/// `b` has another target now and is on air with the one before, written in place.
fn own_change(holds: [&str; 3], interrupts: &[&str]) -> Hand {
    let hand = Hand::new().anytime().destinations(&["+a", "+b"]);
    let hand = hand.channel("c1", Running, holds).quiet();
    let update = hand.update("c1", &[("s2", "b")]);
    hand.steps("c1", vec![stop(interrupts), update, start()])
}

#[test]
fn a_destinations_own_change_is_an_interruption_of_itself() {
    let with = |causes: &[Cause]| {
        let mut hand = own_change(["a", "~b", ""], &["a", "b"]);
        set(&mut hand, causes);
        hand
    };
    with(&[Cause::Retarget]).passes();
    with(&[Cause::Start, Cause::Stop]).fails(&["Ungranted"]);
    own_change(["", "~b", ""], &["b"]).passes();
    own_change(["", "~b", ""], &[]).fails(&["WrongInterrupts", "WrongCount"]);
    let mut never = own_change(["", "~b", ""], &["b"]);
    never.pool().disruption.interrupt = crate::model::Interrupt::Never;
    never.fails(&["Ungranted"]);
    never.desired.grants.insert("b".into());
    never.passes();
    never
        .clone()
        .with("b", |b| b.interruptible = false)
        .fails(&["Ungranted"]);
}

#[test]
fn another_host_is_a_change_and_another_spelling_is_not() {
    // What runs was recorded before the declaration got its present URL.
    let moved = |url: &str, is_preset: bool, is_recorded: bool| {
        let hand = Hand::new().anytime().destinations(&["+a", "+b"]);
        let hand = hand.with("b", |b| {
            b.url = "rtmp://a.rtmp.youtube.com/live2".into();
            b.is_preset = is_preset;
        });
        let holds = if is_recorded { "b!" } else { "b" };
        let hand = hand.channel("c1", Running, ["a", holds, ""]);
        let mut hand = hand.with("b", |b| b.url = url.into());
        set(&mut hand, &[Cause::Retarget]);
        let hand = hand.quiet();
        let update = hand.update("c1", &[("s2", "b")]);
        hand.steps("c1", vec![stop(&["a", "b"]), update, start()])
    };
    moved("rtmps://a.rtmps.youtube.com/live2", false, true).passes();
    moved("rtmps://a.rtmps.youtube.com/live2", true, true).fails(&["Ungranted"]);
    moved("rtmps://a.rtmps.youtube.com/live2", false, false).fails(&["Ungranted"]);
    moved("rtmp://A.rtmp.youtube.com:1935/live2/", false, true).fails(&["Ungranted"]);
}

#[test]
fn another_parking_url_changes_no_destination() {
    let mut hand = own_change(["a", "b!", ""], &["a", "b"]);
    let channel = hand.seen("c1");
    channel.class = crate::model::ChannelClass::Standard;
    for group in channel.groups_mut() {
        let target = group.target.as_mut().unwrap();
        let name = crate::model::SlotSelector::parking_name(&SlotId::new("c1", group.name.clone()), 1);
        let second = crate::model::Endpoint::new("rtmp://old.example/p", Secret::new(name));
        target.0 = [target.0[0].clone(), second].into();
    }
    let world = crate::plan::check::reading::World::new(&hand.desired, &hand.observed, super::hand::NOW);
    let slot = world.slot(&SlotId::new("c1", "s2")).unwrap();
    let fits = matches!(
        slot.occupant,
        crate::plan::check::reading::Occupant::Of(_, crate::plan::check::reading::Fit::Equal, _)
    );
    assert!(fits);
}

#[test]
fn no_destination_is_interrupted_that_must_not_be() {
    let spared = |change: fn(&mut Destination)| joins(one_on_air().anytime().with("a", change));
    spared(|a| a.interruptible = false).fails(&["Ungranted"]);
    let mut granted = spared(|a| a.interruptible = false);
    granted.desired.grants = ["b".into()].into();
    granted.fails(&["Ungranted"]);
}

#[test]
fn an_ungranted_interruption_names_its_destinations() {
    let hand = Hand::new().destinations(&["+c", "+a", "+b"]);
    let hand = hand.channel("c1", Running, ["c", "a", ""]).quiet();
    let found = hand.steps("c1", vec![stop(&["a", "c"]), start()]).found();
    let ungranted = Violation {
        about: About::Channel("c1".into()),
        rule: Rule::Ungranted,
        what: "the stop interrupts a, c: neither a policy nor a grant allows it for the changes made"
            .to_owned(),
    };
    assert_eq!(found, [ungranted]);
}

#[test]
fn a_recovering_channel_stops_only_without_a_wanted_destination() {
    let on = |wanted: &str| {
        let hand = Hand::new().anytime().destinations(&[wanted, "+b"]);
        hand.channel("c1", Recovering, ["a", "", ""])
    };
    joins(on("+a")).fails(&["Ungranted"]);
    only_stop(on("-a")).passes();
}

#[test]
fn a_starting_channel_is_waited_for_before_it_is_stopped() {
    let hand = Hand::new().anytime().destinations(&["+a", "+b"]);
    let hand = hand.channel("c1", Starting, ["a", "", ""]).quiet();
    let update = hand.update("c1", &[("s2", "b")]);
    let steps = vec![step(Action::Wait), stop(&["a"]), update, start()];
    let mut hand = hand.steps("c1", steps);
    hand.passes();
    hand.pool().disruption.interrupt = crate::model::Interrupt::Never;
    hand.fails(&["Ungranted"]);
}

#[test]
fn a_stop_names_exactly_those_it_takes_off_air() {
    let mut none = joins(one_on_air().anytime());
    none.channel_plan("c1").steps[0].interrupts.clear();
    none.fails(&["WrongInterrupts"]);
    let mut too_many = joins(one_on_air().anytime());
    too_many.channel_plan("c1").steps[0].interrupts.push("b".into());
    too_many.fails(&["WrongInterrupts"]);
    let mut at_the_start = joins(one_on_air().anytime());
    at_the_start.channel_plan("c1").steps[2].interrupts = vec!["a".into()];
    at_the_start.fails(&["WrongInterrupts"]);
}

#[test]
fn what_is_interrupted_comes_back() {
    let mut hand = joins(one_on_air().anytime());
    hand.channel_plan("c1").steps.truncate(1);
    hand.fails_with("NotBroughtBack");
}

#[test]
fn keep_running_stops_only_with_a_grant_and_restarts() {
    let kept = |steps: fn(&Hand) -> Vec<crate::plan::Step>| {
        let mut hand = Hand::new().anytime().destinations(&["-r", "+b"]);
        hand.pool().idle = WhenIdle::KeepRunning;
        let hand = hand.channel("c1", Running, ["r", "", ""]).quiet();
        let steps = steps(&hand);
        hand.steps("c1", steps)
    };
    kept(|_| vec![stop(&[])]).fails(&["Ungranted"]);
    let with_b = |hand: &Hand| vec![stop(&[]), hand.update("c1", &[("s1", "b")]), start()];
    kept(with_b).passes();
    let mut never = kept(with_b);
    never.pool().disruption.interrupt = crate::model::Interrupt::Never;
    never.fails(&["Ungranted"]);
    // `r` leaves, and the channel runs on for the others.
    kept(|hand| vec![stop(&[]), hand.update("c1", &[("s1", "")]), start()]).passes();
}

#[test]
fn a_channel_in_no_pool_only_stops_when_unwanted() {
    let on = |wanted: &str, holds: &str| {
        let hand = Hand::new().anytime().destinations(&[wanted]);
        hand.channel_of(None, "c1", Running, [holds, "", ""])
    };
    on("+a", "a!").quiet().passes();
    only_stop(on("-a", "a!")).passes();
    only_stop(on("-a", "~a")).passes();
    let mut wanted = on("+a", "a!");
    wanted.desired.grants.insert("a".into());
    let wanted = wanted.quiet().steps("c1", vec![stop(&["a"])]);
    wanted.fails_with("Ungranted");
    wanted.fails_with("NotBroughtBack");
    let mut vanished = only_stop(on("-a", "%gone"));
    assert_eq!(forbidden(&vanished), [Forbidden::KEPT]);
    vanished.desired.seen_declared.insert("gone".into());
    vanished.passes();
    // Without a tag nothing on it is a slot, and no pattern says what is.
    let hand = only_stop(on("-a", "a"));
    assert_eq!(forbidden(&hand), [Forbidden::NO_SLOT]);
    let mut foreign = only_stop(on("-a", "a!"));
    foreign.seen("c1").owner = None;
    foreign.fails_with("Untouchable");
    let idle = Hand::new()
        .destinations(&["+a"])
        .channel_of(None, "c1", Idle, ["a!", "", ""]);
    idle.quiet().steps("c1", vec![start()]).fails_with("Untouchable");
}

#[test]
fn an_owned_channel_in_no_pool_has_an_entry_while_on_air() {
    let hand = |state| {
        let hand = Hand::new().destinations(&["-a"]);
        let mut hand = hand.channel_of(None, "c1", state, ["a!", "", ""]).quiet();
        hand.plan.channels.clear();
        hand.codes()
    };
    assert!(hand(Running).contains("Incomplete"));
    assert!(hand(Idle).is_empty());
}

/// `a` belongs to pool `other` now and is on air on c1 of `main`, with `x`; c9 of `other` is stopped.
fn moved() -> Hand {
    let hand = Hand::new()
        .anytime()
        .pool_called("other")
        .destinations(&["+a", "+x"]);
    let hand = hand.channel("c1", Running, ["a", "x", ""]);
    hand.channel_of(Some("other"), "c9", Idle, ["", "", ""])
        .with("a", of_other_pool)
}

fn leaves(hand: Hand, place: Option<&str>) -> Hand {
    let hand = hand.quiet();
    let update = hand.update("c1", &[("s1", "")]);
    let mut hand = hand.steps("c1", vec![stop(&["a", "x"]), update, start()]);
    let planned = hand.destination_plan("a");
    planned.assignment = place.map(|group| SlotId::new("c9", group));
    planned.waiting = Some(crate::plan::Waiting::NoFreeSlot {
        pool: "other".into(),
        outranked_by: None,
    });
    hand
}

#[test]
fn a_move_needs_a_grant_and_a_reserved_slot() {
    let mut waits = moved().quiet();
    waits.passes();
    waits.destination_plan("a").waiting = None;
    waits.fails(&["SilentDestination"]);
    leaves(moved(), Some("s1")).passes();
    leaves(moved(), None).fails(&["NoNewPlace", "Ungranted"]);
    let mut for_others = moved();
    set(&mut for_others, &[Cause::Start, Cause::Stop]);
    leaves(for_others, Some("s1")).fails(&["Ungranted"]);
    let mut taken = moved();
    taken.seen("c9").state = Running;
    leaves(taken, Some("s1")).fails_with("NotCarried");
    // Alone on its channel, it leaves with it.
    let alone = Hand::new().anytime().pool_called("other").destinations(&["+a"]);
    let alone = alone.channel("c1", Running, ["a", "", ""]);
    let alone = alone
        .channel_of(Some("other"), "c9", Idle, ["", "", ""])
        .with("a", of_other_pool);
    let mut alone = alone.quiet().steps("c1", vec![stop(&["a"])]);
    alone.destination_plan("a").assignment = Some(SlotId::new("c9", "s1"));
    alone.passes();
    alone.destination_plan("a").assignment = None;
    alone.fails(&["NoNewPlace", "NotBroughtBack", "Ungranted"]);
}

#[test]
fn a_slot_is_reserved_only_for_a_moving_destination() {
    let reserved = |state, place: ChannelState| {
        let mut hand = moved();
        hand.seen("c1").state = state;
        hand.seen("c9").state = place;
        let mut hand = hand.quiet();
        hand.destination_plan("a").assignment = Some(SlotId::new("c9", "s1"));
        hand
    };
    reserved(Running, Idle).fails(&["NotCarried"]);
    reserved(ChannelState::Stopping, Idle).passes();
    let mut said = reserved(ChannelState::Stopping, Idle);
    said.channel_plan("c9").slots[0].then = Content::Destination("a".into());
    said.passes();
    reserved(ChannelState::Stopping, ChannelState::Stopping).fails(&["NotCarried"]);
    // Not one whose key cannot be read: it stays as it is.
    let mut taken = reserved(ChannelState::Stopping, Idle).destinations(&["+u"]);
    taken = taken.with("u", |u| {
        u.key = unknown_key();
        u.pool = "other".into();
    });
    let mut other = Hand::new()
        .destinations(&["+u"])
        .channel("c9", Idle, ["~u", "", ""]);
    let seen = other.seen("c9").clone();
    *taken.seen("c9") = seen;
    taken.fails_with("NotCarried");
}

#[test]
fn a_moved_destination_starts_once_it_has_ended_here() {
    let begins = |state| {
        let mut hand = moved();
        hand.seen("c1").state = state;
        let hand = hand.quiet();
        let update = hand.update("c9", &[("s1", "a")]);
        hand.steps("c9", vec![update, start()])
    };
    for state in [Running, ChannelState::Stopping, ChannelState::Unknown] {
        begins(state).fails_with("TargetTwice");
    }
    begins(Idle).passes();
}

#[test]
fn an_interrupted_stream_of_another_pool_returns_there() {
    let hand = moved().destinations(&["+b"]).quiet();
    let update = hand.update("c1", &[("s3", "b")]);
    let mut hand = hand.steps("c1", vec![stop(&["a", "x"]), update, start()]);
    let waiting = crate::plan::Waiting::NoFreeSlot {
        pool: "other".into(),
        outranked_by: None,
    };
    hand.destination_plan("a").waiting = Some(waiting);
    hand.passes();
    hand.destination_plan("a").assignment = None;
    hand.passes();
}

#[test]
fn no_more_channels_than_allowed_are_interrupted_at_once() {
    let two = || {
        let hand = Hand::new()
            .anytime()
            .destinations(&["+a", "+b", "+c", "+d", "+e"])
            .channel("c1", Running, ["a", "", ""])
            .channel("c2", Running, ["b", "", ""])
            .channel("c3", Starting, ["e", "", ""])
            .quiet();
        let (one, other) = (
            hand.update("c1", &[("s2", "c")]),
            hand.update("c2", &[("s2", "d")]),
        );
        hand.steps("c1", vec![stop(&["a"]), one, start()])
            .steps("c2", vec![stop(&["b"]), other, start()])
    };
    two().fails(&["MaxConcurrent"]);
    let mut allowed = two();
    allowed.pool().disruption.max_concurrent = 2;
    allowed.passes();
    let slot = SlotId::new("c3", "s1");
    allowed.observed.returning.insert("e".into(), slot);
    allowed.fails(&["MaxConcurrent"]);
    let waits_for_c3 = |observation| {
        let mut hand = allowed.clone();
        hand.observed.channels.insert("c3".into(), observation);
        hand.codes().contains("MaxConcurrent")
    };
    let why = "no answer".to_owned();
    assert!(waits_for_c3(ChannelObservation::Unreadable { why }));
    assert!(!waits_for_c3(ChannelObservation::Missing));
}

#[test]
fn an_unwanted_destination_with_an_unreadable_key_leaves() {
    let on = |wanted: &str| {
        let hand = Hand::new()
            .destinations(&[wanted])
            .channel("c1", Running, ["~a", "", ""]);
        hand.with("a", |a| a.key = unknown_key()).quiet()
    };
    on("-a").steps("c1", vec![stop(&[])]).passes();
    let wanted = on("+a").steps("c1", vec![stop(&["a"])]);
    wanted.fails(&["NotBroughtBack", "NotCarried", "Ungranted"]);
}

#[test]
fn a_changed_key_begins_on_a_stopped_channel_without_a_grant() {
    let hand = Hand::new()
        .destinations(&["+a"])
        .channel("c1", Running, ["a!", "", ""]);
    let hand = hand.channel("c2", Idle, ["", "", ""]).with("a", rotated).quiet();
    let update = hand.update("c2", &[("s1", "a")]);
    let hand = hand.steps("c2", vec![update, start()]);
    hand.passes();
    // The slot before is not given away as long as the new one was not seen running.
    let release = hand.steps("c1", vec![stop(&["a"])]);
    release.fails(&["NotBroughtBack", "Ungranted"]);
}
