//! Rules for what may be done to a channel, when, and whom it takes off air.

use ChannelState::{Idle, Recovering, Running, Starting, Stopping, UpdateFailed};

use super::hand::{Hand, doubted, goes_to_c2, joins, one_on_air, pause, start, step, stop};
use crate::model::{
    Cause, ChannelObservation, ChannelState, Destination, OwnerId, Secret, SlotId, StreamKey,
};
use crate::plan::check::Ungranted;
use crate::plan::{Action, Interruptions, Step, Violation, Waiting};

#[test]
fn an_interruption_needs_the_policy_a_cause_or_a_one_off_grant() {
    joins(one_on_air()).fails(&["Ungranted"]);
    joins(one_on_air().anytime()).passes();
    let mut for_stop_only = one_on_air().anytime();
    for_stop_only.pool().disruption.causes = [Cause::Stop].into();
    joins(for_stop_only.clone()).fails(&["Ungranted"]);
    let mut granted = one_on_air();
    granted.desired.grants = ["b".into()].into();
    joins(granted).passes();
    let mut granted_to_another = one_on_air();
    granted_to_another.desired.grants = ["a".into()].into();
    joins(granted_to_another).fails(&["Ungranted"]);
}

#[test]
fn taking_somebody_off_is_a_cause_of_its_own_on_which_others_ride_along() {
    let leaves = |causes: &[Cause]| {
        let mut hand =
            Hand::new()
                .anytime()
                .destinations(&["+a", "+b", "-r"])
                .channel("c1", Running, ["a", "r", ""]);
        hand.pool().disruption.causes = causes.iter().copied().collect();
        let hand = hand.quiet();
        let update = hand.update("c1", &[("s2", ""), ("s3", "b")]);
        hand.steps("c1", vec![stop(&["a"]), update, start()])
    };
    leaves(&[Cause::Stop]).passes();
    leaves(&[Cause::Start]).passes();
    leaves(&[Cause::Retarget]).fails(&["Ungranted"]);
}

#[test]
fn a_changed_target_is_a_cause_of_its_own() {
    let changed = |causes: &[Cause]| {
        let mut hand =
            Hand::new()
                .anytime()
                .destinations(&["+a", "+b"])
                .channel("c1", Running, ["a", "b", ""]);
        hand.pool().disruption.causes = causes.iter().copied().collect();
        let mut hand = hand.with("b", |b| b.key = StreamKey::Known(Secret::new("rotated")));
        hand = hand.quiet();
        let update = hand.update("c1", &[("s2", "b")]);
        hand.steps("c1", vec![stop(&["a"]), update, start()])
    };
    changed(&[Cause::Retarget]).passes();
    changed(&[Cause::Start, Cause::Stop]).fails(&["Ungranted"]);
}

#[test]
fn whoever_joins_where_a_former_target_of_its_url_stands_may_be_the_one_whose_target_changed() {
    let joins = |causes: &[Cause]| {
        let mut hand =
            Hand::new()
                .anytime()
                .destinations(&["+a", "+b", "+c"])
                .channel("c1", Running, ["a", "b", ""]);
        hand.pool().disruption.causes = causes.iter().copied().collect();
        let mut hand = hand
            .with("b", |b| b.key = StreamKey::Known(Secret::new("rotated")))
            .with("c", |c| c.url = "rtmp://b.example/live".into());
        hand = hand.quiet();
        let update = hand.update("c1", &[("s2", "b"), ("s3", "c")]);
        hand.steps("c1", vec![stop(&["a"]), update, start()])
    };
    joins(&[Cause::Start, Cause::Retarget]).passes();
    joins(&[Cause::Start]).fails(&["Ungranted"]);
}

#[test]
fn nobody_uninterruptible_paused_or_of_a_doubted_source_is_interrupted() {
    let spared = |change: fn(&mut Destination)| joins(one_on_air().anytime().with("a", change));
    spared(|a| a.interruptible = false).fails(&["Ungranted"]);
    let mut paused = spared(|a| a.paused = Some(pause()));
    paused.channel_plan("c1").steps[0].interrupts.clear();
    paused.plan.pools[0].interruptions = Interruptions::default();
    assert!(paused.codes().contains("Ungranted"), "{:?}", paused.codes());

    let stranger =
        Hand::new()
            .anytime()
            .destinations(&["+b"])
            .channel("c1", Running, ["stranger.example", "", ""]);
    let release = |hand: Hand| {
        let hand = hand.quiet();
        let update = hand.update("c1", &[("s1", ""), ("s2", "b")]);
        hand.steps("c1", vec![stop(&[]), update, start()])
    };
    release(stranger.clone()).passes();
    let mut not_whole = stranger;
    not_whole.desired.trust = doubted();
    release(not_whole).fails(&["Ungranted"]);
}

#[test]
fn an_interruption_that_is_not_granted_names_whom_it_takes_off_air() {
    let hand = Hand::new()
        .destinations(&["+c", "+p", "+a", "+b"])
        .with("p", |p| p.paused = Some(pause()))
        .channel("c1", Running, ["p", "c", "a"])
        .quiet();
    let found = hand.steps("c1", vec![stop(&["a", "c"]), start()]).found();
    let ungranted = Violation::Ungranted {
        channel: "c1".into(),
        destinations: ["a", "c", "p"].map(Into::into).to_vec(),
        why: Ungranted::Paused,
    };
    assert!(found.contains(&ungranted), "{found:#?}");
}

#[test]
fn what_runs_on_a_channel_that_is_not_ours_is_nobodys_former_target() {
    // Of `b` it would be a matter of Retarget, and of nothing while `b` waits.
    let mut hand = Hand::new()
        .anytime()
        .destinations(&["+a", "+b"])
        .channel("c1", Running, ["a", "b", ""])
        .with("b", |b| b.key = StreamKey::Known(Secret::new("rotated")));
    hand.pool().disruption.causes = [Cause::Stop].into();
    hand.pool().channels[0].takeover = true;
    let release = |hand: &Hand, adopt: Option<Step>| {
        let hand = hand.clone().quiet();
        let update = hand.update("c1", &[("s2", "")]);
        let steps = adopt.into_iter().chain([stop(&["a"]), update, start()]);
        hand.steps("c1", steps.collect())
    };
    release(&hand, None).fails(&["Ungranted"]);
    hand.seen("c1").owner = None;
    release(&hand, Some(step(Action::Adopt { .. }))).passes();
}

#[test]
fn a_recovering_channel_is_stopped_only_when_nobody_on_it_is_wanted() {
    let on = |wanted: &str| {
        Hand::new()
            .anytime()
            .destinations(&[wanted, "+b"])
            .channel("c1", Recovering, ["a", "", ""])
    };
    joins(on("+a")).fails(&["Ungranted"]);
    on("-a").quiet().steps("c1", vec![stop(&[])]).passes();
}

#[test]
fn a_stop_names_exactly_those_it_takes_off_air() {
    let mut nobody = joins(one_on_air().anytime());
    nobody.channel_plan("c1").steps[0].interrupts.clear();
    nobody.fails(&["WrongInterrupts"]);
    let mut too_many = joins(one_on_air().anytime());
    too_many.channel_plan("c1").steps[0].interrupts.push("b".into());
    too_many.fails(&["WrongInterrupts"]);
    let mut elsewhere = joins(one_on_air().anytime());
    elsewhere.channel_plan("c1").steps[2].interrupts = vec!["a".into()];
    elsewhere.fails(&["WrongInterrupts"]);
}

#[test]
fn whoever_is_interrupted_comes_back() {
    let mut hand = joins(one_on_air().anytime());
    hand.channel_plan("c1").steps.truncate(1);
    assert!(hand.codes().contains("NotBroughtBack"), "{:?}", hand.codes());
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
    allowed
        .observed
        .returning
        .insert("e".into(), SlotId::new("c3", "s1"));
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
fn interruptions_are_counted_right_those_that_wait_their_turn_among_them() {
    let mut hand = joins(one_on_air().anytime());
    hand.plan.pools[0].interruptions.planned = 0;
    hand.plan.pools[0].interruptions.lower_bound = 0;
    hand.fails(&["WrongCount"]);
    let mut hand = joins(one_on_air().anytime());
    hand.plan.pools[0].interruptions.lower_bound = 2;
    hand.fails(&["WrongCount"]);
    let mut delayed = joins(one_on_air().anytime());
    delayed.channel_plan("c1").steps.clear();
    delayed.fails(&["WrongCount", "WrongGoal"]);
    delayed.channel_plan("c1").waiting = Some(Waiting::MaxConcurrent {
        channel: "c1".into(),
        limit: 1,
    });
    delayed.passes();
}

#[test]
fn a_channel_is_updated_and_started_only_while_it_is_stopped() {
    for (state, first, right) in [
        (Idle, None, true),
        (UpdateFailed, None, true),
        (Running, None, false),
        (Running, Some(stop(&[])), true),
        (Recovering, None, false),
        (Starting, None, false),
        (Starting, Some(step(Action::Wait)), false),
        (Stopping, None, false),
        (Stopping, Some(step(Action::Wait)), true),
        (Idle, Some(step(Action::Wait)), false),
        (Idle, Some(stop(&[])), false),
    ] {
        let hand = Hand::new()
            .destinations(&["+b"])
            .channel("c1", state, ["", "", ""])
            .quiet();
        let update = hand.update("c1", &[("s1", "b")]);
        let steps = first.clone().into_iter().chain([update, start()]).collect();
        let hand = hand.steps("c1", steps);
        if right {
            hand.passes();
        } else {
            assert!(hand.codes().contains("WrongState"), "{state} {first:?}");
        }
    }
}

#[test]
fn steps_come_in_order_each_once() {
    let mut hand = goes_to_c2(one_on_air());
    hand.channel_plan("c2").steps.push(stop(&[]));
    assert!(hand.codes().contains("StepOrder"), "{:?}", hand.codes());
    let mut hand = goes_to_c2(one_on_air());
    let update = hand.channel_plan("c2").steps[0].clone();
    hand.channel_plan("c2").steps.insert(0, update);
    hand.fails(&["StepOrder"]);
}

#[test]
fn an_update_is_followed_by_a_start_and_writes_something() {
    let hand = one_on_air().quiet();
    let update = hand.update("c2", &[("s1", "b")]);
    hand.clone()
        .steps("c2", vec![update])
        .fails(&["SilentDestination", "UpdateWithoutStart"]);
    let hand = Hand::new()
        .destinations(&["+b"])
        .channel("c1", Idle, ["b", "", ""])
        .quiet();
    hand.clone().steps("c1", vec![start()]).passes();
    let nothing = hand.update("c1", &[]);
    hand.steps("c1", vec![nothing, start()]).fails(&["EmptyUpdate"]);
}

#[test]
fn channels_that_must_be_left_alone_get_no_step() {
    let untouched: [fn(&mut Hand); 5] = [
        |hand| hand.seen("c2").state = ChannelState::CreateFailed,
        |hand| hand.seen("c2").state = ChannelState::Unknown,
        |hand| hand.seen("c2").owner = Some(OwnerId::new("them")),
        |hand| hand.pool().paused = Some(pause()),
        |hand| {
            let gone = ChannelObservation::Missing;
            hand.observed.channels.insert("c2".into(), gone);
        },
    ];
    for change in untouched {
        let mut hand = one_on_air();
        change(&mut hand);
        let mut planned = goes_to_c2(one_on_air());
        planned.desired = hand.desired;
        planned.observed = hand.observed;
        let codes = planned.codes();
        assert!(codes.contains("Untouchable"), "{codes:?}");
        assert!(codes.contains("SilentChannel"), "{codes:?}");
        assert!(codes.contains("SlotUnavailable"), "{codes:?}");
    }
}

#[test]
fn a_channel_nobody_names_gets_no_step() {
    let mut hand = goes_to_c2(one_on_air());
    hand.pool().channels.pop();
    let codes = hand.codes();
    assert!(codes.contains("Untouchable"), "{codes:?}");
    assert!(codes.contains("SlotUnavailable"), "{codes:?}");
}

#[test]
fn a_running_channel_without_owner_and_with_undeclared_targets_is_left_alone() {
    let live = |state, takeover| {
        let mut hand = Hand::new()
            .destinations(&["+b"])
            .channel("c1", state, ["stranger.example", "", ""]);
        hand.pool().channels[0].takeover = takeover;
        hand.seen("c1").owner = None;
        let hand = hand.quiet();
        let update = hand.update("c1", &[("s1", ""), ("s2", "b")]);
        let first = (state == Running).then(|| stop(&[]));
        let adopt = [step(Action::Adopt { .. })];
        let steps = adopt.into_iter().chain(first).chain([update, start()]).collect();
        hand.steps("c1", steps)
    };
    live(Running, true).passes();
    live(Idle, false).passes();
    let refused = live(Running, false).codes();
    assert!(refused.contains("Untouchable"), "{refused:?}");
}

#[test]
fn a_channel_without_owner_is_adopted_first_and_no_other() {
    let mut unowned = one_on_air();
    unowned.seen("c2").owner = None;
    let mut hand = goes_to_c2(unowned);
    hand.fails(&["Adoption"]);
    hand.channel_plan("c2")
        .steps
        .insert(0, step(Action::Adopt { .. }));
    hand.passes();
    let mut owned = goes_to_c2(one_on_air());
    owned
        .channel_plan("c2")
        .steps
        .insert(0, step(Action::Adopt { .. }));
    owned.fails(&["Adoption"]);
}

#[test]
fn the_former_target_of_a_paused_destination_is_left_alone() {
    let rotated = |paused: bool| {
        let hand = Hand::new()
            .destinations(&["-p"])
            .channel("c1", Running, ["p", "", ""])
            .with("p", |p| {
                p.key = StreamKey::Known(Secret::new("rotated"));
                p.paused = paused.then(pause);
            });
        hand.quiet().steps("c1", vec![stop(&[])])
    };
    rotated(false).passes();
    let codes = rotated(true).codes();
    assert!(codes.contains("Ungranted"), "{codes:?}");
}
