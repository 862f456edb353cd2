//! Rules for what may be done to a channel, and when.

use ChannelState::{Idle, Recovering, Running, Starting, Stopping, UpdateFailed};

use super::hand::{Hand, adopt, adopting, goes_to_c2, joins, one_on_air, pause, start, step, stop};
use crate::model::{ChannelObservation, ChannelState, Endpoint, OwnerId, Recorded, Secret};
use crate::plan::{Action, Adoption, NoTakeover, Waiting};

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
        .fails(&["UpdateWithoutStart"]);
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
fn a_channel_that_no_pool_names_gets_no_step() {
    let mut hand = goes_to_c2(one_on_air());
    hand.pool().channels.pop();
    let codes = hand.codes();
    assert!(codes.contains("Untouchable"), "{codes:?}");
    assert!(codes.contains("SlotUnavailable"), "{codes:?}");
}

/// c1 without owner tag, and `b` goes there.
fn unowned(state: ChannelState, holds: [&str; 3], change: impl Fn(&mut Hand)) -> Hand {
    let hand = Hand::new().destinations(&["+a", "-r", "+b", "-p", "-q"]);
    let mut hand = hand.channel("c1", state, holds);
    hand.seen("c1").owner = None;
    change(&mut hand);
    hand.quiet()
}

/// Whether c1 may be adopted as it is.
fn is_adopted(hand: Hand) -> bool {
    let hand = hand.steps("c1", vec![adopt()]);
    let codes = hand.codes();
    assert_eq!(
        codes.contains("Misread"),
        codes.contains("Untouchable"),
        "{codes:?}"
    );
    !codes.contains("Untouchable")
}

#[test]
fn a_running_unowned_channel_is_adopted_only_if_all_is_declared() {
    let running = |holds| is_adopted(unowned(Running, holds, |_| ()));
    assert!(running(["a", "r", "q"]));
    assert!(!running(["r", "q", "p"]), "none is wanted");
    assert!(!running(["a", "cdn.example", "r"]));
    assert!(!running(["a", "a", "r"]), "a second copy would be released");
    let parked = |hand: &mut Hand, groups: &[usize]| {
        let groups: Vec<usize> = groups.to_vec();
        for at in groups {
            let parked = Endpoint::new("rtmp://PARKED.example:1935/p/", Secret::new("by hand"));
            hand.seen("c1").groups_mut()[at].target = Ok(vec![parked].into());
        }
    };
    assert!(is_adopted(unowned(Running, ["a", "r", ""], |hand| parked(
        hand,
        &[2]
    ))));
    let empty = unowned(Running, ["", "", ""], |hand| parked(hand, &[0, 1, 2]));
    assert!(!is_adopted(empty), "nothing is on it");
}

#[test]
fn whatever_else_pushes_rtmp_counts_when_a_running_channel_is_adopted() {
    let all = ["a", "r", "b"];
    let is_adopted_with = |change: &dyn Fn(&mut Hand)| is_adopted(unowned(Running, all, change));
    assert!(is_adopted_with(&|_| ()));
    let stray = |url: &str| vec![Endpoint::new(url, Secret::new("k"))];
    assert!(!is_adopted_with(&|hand| {
        hand.seen("c1").stray_endpoints = stray("RTMP://cdn.example/live").into();
    }));
    assert!(is_adopted_with(&|hand| {
        hand.seen("c1").stray_endpoints = stray("https://cdn.example/in").into();
    }));
    assert!(is_adopted_with(&|hand| {
        hand.seen("c1").stray_endpoints = stray("rtmp://parked.example/p").into();
    }));
    assert!(!is_adopted_with(&|hand| {
        hand.pool().slots.output_groups = globset::Glob::new("s[12]").unwrap().compile_matcher();
    }));
    assert!(!is_adopted_with(&|hand| {
        *hand = hand
            .clone()
            .pool_called("other")
            .with("a", |a| a.pool = "other".into());
    }));
}

#[test]
fn a_stopped_or_previously_held_channel_is_adopted() {
    let undeclared = ["cdn.example", "r", "q"];
    assert!(!is_adopted(unowned(Running, undeclared, |_| ())));
    assert!(is_adopted(unowned(Idle, undeclared, |_| ())));
    assert!(is_adopted(unowned(Running, undeclared, |hand| {
        hand.pool().channels[0].takeover = true;
    })));
    assert!(
        is_adopted(unowned(Running, ["cdn.example", "r", ""], |_| ())),
        "a parking name"
    );
    assert!(is_adopted(unowned(Running, undeclared, |hand| {
        *hand = hand.clone().tag("c1", "s2", Recorded::destination("r".into()));
    })));
    assert!(!is_adopted(unowned(ChannelState::Stopping, undeclared, |_| ())));
}

#[test]
fn a_channel_that_is_not_adopted_says_so() {
    let mut hand = unowned(Running, ["cdn.example", "r", "q"], |_| ());
    hand.fails(&["Misread", "SilentChannel"]);
    hand.channel_plan("c1").adoption = Adoption::Refused { strays: Vec::new() };
    hand.fails(&["SilentChannel"]);
    hand.channel_plan("c1").waiting = Some(Waiting::NotAdopted {
        channel: "c1".into(),
        strays: Vec::new(),
        others: Vec::new(),
        no_slots: Vec::new(),
        takeover: NoTakeover::NotSet,
    });
    hand.passes();
}

#[test]
fn adoption_comes_once_and_first() {
    let mut unowned = one_on_air();
    unowned.seen("c2").owner = None;
    let hand = goes_to_c2(unowned);
    hand.fails(&["Adoption"]);
    let with = |steps: fn(Vec<crate::plan::Step>) -> Vec<crate::plan::Step>| {
        let mut hand = hand.clone();
        let channel = hand.channel_plan("c2");
        channel.steps = steps(channel.steps.clone());
        hand
    };
    with(|steps| [vec![adopt()], steps].concat()).passes();
    with(|mut steps| {
        steps[0] = adopting(steps[0].clone());
        steps
    })
    .passes();
    with(|mut steps| {
        steps[0] = adopting(steps[0].clone());
        [vec![adopt()], steps].concat()
    })
    .fails(&["Adoption"]);
    let mut owned = goes_to_c2(one_on_air());
    owned.channel_plan("c2").steps.insert(0, adopt());
    owned.fails(&["Adoption"]);
    let mut owned = goes_to_c2(one_on_air());
    let update = adopting(owned.channel_plan("c2").steps[0].clone());
    owned.channel_plan("c2").steps[0] = update;
    owned.fails(&["Adoption"]);
    // A running channel is adopted before it stops.
    let mut running = one_on_air().anytime();
    running.seen("c1").owner = None;
    let mut hand = joins(running);
    let update = adopting(hand.channel_plan("c1").steps[1].clone());
    hand.channel_plan("c1").steps[1] = update;
    hand.fails(&["Adoption"]);
}
