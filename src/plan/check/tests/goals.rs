//! Rules for what is written, what goes on air, who gets which slot, and what must be said.

use std::sync::Arc;

use ChannelState::{Idle, Recovering, Running, Starting, UpdateFailed};

use super::hand::{Hand, goes_to_c2, joins, one_on_air, pause, pin, start, stop};
use crate::model::{ChannelClass, ChannelState, Destination, Endpoint, Secret, SlotId, StreamKey, Target};
use crate::plan::fixture::unknown_key;
use crate::plan::{Action, Content, SlotWrite, Violation, Waiting};

#[test]
fn a_plan_that_does_nothing_and_one_that_disturbs_nobody_pass() {
    one_on_air().quiet().passes();
    goes_to_c2(one_on_air()).passes();
}

#[test]
fn every_pool_channel_and_destination_has_exactly_one_entry() {
    let mut hand = goes_to_c2(one_on_air());
    hand.plan.destinations.remove(0);
    hand.fails(
        &["Incomplete", "PutsOnAir"]
            .into_iter()
            .take(1)
            .collect::<Vec<_>>(),
    );
    let mut hand = one_on_air().quiet();
    let twice = hand.plan.channels[1].clone();
    hand.plan.channels.push(twice);
    hand.fails(&["Incomplete"]);
    let mut hand = one_on_air().quiet();
    hand.plan.pools.clear();
    hand.fails(&["Incomplete"]);
}

#[test]
fn the_plan_was_made_for_what_is_observed() {
    for change in [
        |hand: &mut Hand| hand.seen("c1").state = Recovering,
        |hand: &mut Hand| hand.seen("c1").arn = "another".into(),
        |hand: &mut Hand| hand.seen("c1").groups_mut().truncate(2),
        |hand: &mut Hand| hand.seen("c1").groups_mut()[1].target = hand.seen("c1").groups[0].target.clone(),
    ] {
        let mut hand = one_on_air().quiet();
        change(&mut hand);
        assert!(hand.codes().contains("Misread"), "{:?}", hand.codes());
    }
}

#[test]
fn what_is_said_of_a_destination_is_what_was_declared_and_observed() {
    let mut hand = one_on_air().quiet();
    hand.destination_plan("b").on_air = true;
    hand.fails(&["Misstated"]);
    let mut hand = one_on_air().quiet();
    hand.destination_plan("b").held = Some(SlotId::new("c2", "s1"));
    hand.fails(&["Misstated"]);
    let mut hand = one_on_air().quiet();
    hand.destination_plan("a").wanted = false;
    hand.fails(&["Misstated"]);
}

#[test]
fn of_several_slots_the_one_that_is_on_air_is_held_whatever_the_plan_says() {
    let mut hand = Hand::new()
        .destinations(&["+a"])
        .channel("c1", Starting, ["a", "", ""])
        .channel("c2", Running, ["a", "", ""])
        .quiet();
    assert_eq!(hand.destination_plan("a").held, Some(SlotId::new("c1", "s1")));
    assert!(hand.codes().contains("Misstated"), "{:?}", hand.codes());
}

#[test]
fn of_two_with_one_target_the_wanted_one_holds_the_slot() {
    let on_air = |names: &[&str]| {
        let hand = Hand::new()
            .destinations(names)
            .channel("c1", Running, ["a", "", ""]);
        let same_target = |b: &mut Destination| {
            b.url = "rtmp://a.example/live".into();
            b.key = StreamKey::Known(Secret::new("key-a"));
        };
        hand.with("b", same_target).quiet()
    };
    on_air(&["+a", "-b"]).passes();
    let codes = on_air(&["-a", "+b"]).codes();
    assert!(codes.contains("Misstated"), "{codes:?}");
}

#[test]
fn writes_stay_within_the_slots_and_are_what_they_are_said_to_be() {
    let written = |change: fn(&mut Hand, &mut Vec<SlotWrite>)| {
        let mut hand = goes_to_c2(one_on_air());
        let mut steps = hand.channel_plan("c2").steps.clone();
        if let Action::Update { writes, .. } = &mut steps[0].action {
            change(&mut hand, writes);
        }
        hand.channel_plan("c2").steps = steps;
        hand.codes()
    };
    assert!(written(|_, _| ()).is_empty());
    let package = |_: &mut Hand, writes: &mut Vec<_>| {
        let mut write: SlotWrite = Vec::clone(writes).remove(0);
        write.output_group = "MediaPackage".into();
        writes.push(write);
    };
    assert!(written(package).contains("NoSlot"));
    let twice = |_: &mut Hand, writes: &mut Vec<SlotWrite>| writes.push(writes[0].clone());
    assert!(written(twice).contains("WrittenTwice"));
    let two_pipelines = |_: &mut Hand, writes: &mut Vec<SlotWrite>| {
        let endpoint = writes[0].target.0[0].clone();
        writes[0].target = Target::from(vec![endpoint.clone(), endpoint]);
    };
    assert!(written(two_pipelines).contains("WrongPipelines"));
    let other_content = |_: &mut Hand, writes: &mut Vec<SlotWrite>| {
        writes[0].content = Content::Destination("a".into());
    };
    assert!(written(other_content).contains("WrongContent"));
    let parked_elsewhere = |hand: &mut Hand, writes: &mut Vec<SlotWrite>| {
        writes.push(SlotWrite {
            target: hand.parking("c2", "s3"),
            ..hand.write("c2", "s2", "")
        });
    };
    assert!(written(parked_elsewhere).contains("WrongContent"));
}

#[test]
fn a_slot_with_two_pipelines_takes_two_endpoints() {
    let mut hand = one_on_air();
    hand.seen("c2").class = ChannelClass::Standard;
    assert!(goes_to_c2(hand).codes().contains("WrongPipelines"));
}

#[test]
fn whoever_is_on_air_keeps_the_slot() {
    let hand = one_on_air().anytime().quiet();
    let update = hand.update("c1", &[("s1", "b")]);
    let evicted = hand.steps("c1", vec![stop(&["a"]), update, start()]).codes();
    assert!(evicted.contains("Evicted"), "{evicted:?}");
    let mut moved = one_on_air().quiet();
    moved.destination_plan("a").assignment = Some(SlotId::new("c1", "s2"));
    moved.fails(&["Moved", "NotCarried"]);
}

#[test]
fn whoever_was_interrupted_comes_back_to_the_same_slot() {
    let returning = |to: &str| {
        let mut hand = Hand::new()
            .destinations(&["+a"])
            .channel("c1", Idle, ["a", "", ""])
            .channel("c2", Idle, ["", "", ""]);
        hand.observed
            .returning
            .insert("a".into(), SlotId::new("c1", "s1"));
        let hand = hand.quiet();
        let update = (to == "c2").then(|| hand.update("c2", &[("s1", "a")]));
        let steps = update.into_iter().chain([start()]).collect();
        hand.steps(to, steps)
    };
    returning("c1").passes();
    returning("c2").fails(&["Moved"]);
}

#[test]
fn a_slot_that_may_be_that_of_an_unreadable_key_is_not_written() {
    let presumed = |url: &str| {
        let url = format!("rtmp://{url}/live");
        let mut hand = Hand::new()
            .destinations(&["+a", "+b"])
            .channel("c1", Idle, ["somewhere.example", "", ""])
            .with("a", |a| {
                a.url = url.into();
                a.key = unknown_key();
            });
        hand.observed
            .returning
            .insert("a".into(), SlotId::new("c1", "s1"));
        let hand = hand.quiet();
        let update = hand.update("c1", &[("s1", ""), ("s2", "b")]);
        hand.steps("c1", vec![update, start()])
    };
    presumed("another.example").passes();
    presumed("somewhere.example").fails(&["Moved", "PresumedWritten"]);
}

#[test]
fn of_equally_good_slots_a_plan_may_presume_any_to_be_that_of_an_unreadable_key() {
    let claims = |channel: &str| {
        let mut hand = Hand::new()
            .destinations(&["+a"])
            .channel("c1", Running, ["somewhere.example", "", ""])
            .channel("c2", Running, ["somewhere.example", "", ""])
            .with("a", |a| {
                a.url = "rtmp://somewhere.example/live".into();
                a.key = unknown_key();
            });
        let other = Endpoint::new("rtmp://somewhere.example/live", Secret::new("other"));
        Arc::make_mut(&mut hand.seen("c2").groups)[0].target = Ok(Target::from(vec![other]));
        let mut hand = hand.quiet();
        for one in ["c1", "c2"] {
            let host = "somewhere.example".to_owned();
            let slot = &mut hand.channel_plan(one).slots[0];
            slot.now = if one == channel {
                Content::Destination("a".into())
            } else {
                Content::Undeclared { host }
            };
            slot.then = slot.now.clone();
        }
        let planned = hand.destination_plan("a");
        let held = Some(SlotId::new(channel, "s1"));
        (planned.held, planned.assignment) = (held.clone(), held);
        (planned.on_air, planned.waiting) = (true, None);
        hand
    };
    claims("c1").passes();
    claims("c2").passes();
}

#[test]
fn only_what_is_wanted_goes_on_air() {
    let starts = |content: &str, parked: bool| {
        let hand = Hand::new()
            .destinations(&["+b", "-r", "+p"])
            .with("p", |p| p.paused = Some(pause()))
            .channel("c1", Idle, ["b", content, ""])
            .quiet();
        let update = parked.then(|| hand.update("c1", &[("s2", "")]));
        let steps = update.into_iter().chain([start()]).collect();
        hand.steps("c1", steps)
    };
    starts("", false).passes();
    for content in ["r", "p", "stranger.example"] {
        starts(content, true).passes();
        starts(content, false).fails(&["PutsOnAir"]);
    }
}

#[test]
fn what_would_go_on_air_is_named() {
    let put = |written: Option<&str>| {
        let hand = Hand::new()
            .destinations(&["+b", "-r", "-q"])
            .channel("c1", Idle, ["b", "r", ""])
            .quiet();
        let update = written.map(|name| hand.update("c1", &[("s2", name)]));
        let steps = update.into_iter().chain([start()]).collect();
        hand.steps("c1", steps).found()
    };
    let named = |what: &str| {
        [Violation::PutsOnAir {
            slot: SlotId::new("c1", "s2"),
            what: what.to_owned(),
        }]
    };
    assert_eq!(put(None), named("r"));
    assert_eq!(put(Some("q")), named("a target on q.example"));
}

#[test]
fn what_an_update_that_failed_left_behind_is_written_again() {
    let starts = |rewritten: bool| {
        let hand = Hand::new()
            .destinations(&["+a"])
            .channel("c1", UpdateFailed, ["a", "", ""])
            .quiet();
        let update = rewritten.then(|| hand.update("c1", &[("s1", "a")]));
        let steps = update.into_iter().chain([start()]).collect();
        hand.steps("c1", steps)
    };
    starts(true).passes();
    starts(false).fails(&["NotRewritten"]);
}

#[test]
fn nothing_is_pushed_to_that_runs_elsewhere_and_be_it_in_another_pool() {
    let mut hand = Hand::new()
        .destinations(&["+a"])
        .channel("c1", Idle, ["", "", ""]);
    let mut elsewhere = hand.pool().clone();
    elsewhere.name = "other".into();
    elsewhere.channels[0].id = "c9".into();
    let moved = Hand::new()
        .destinations(&["+a"])
        .channel("c9", Running, ["a", "", ""]);
    hand.observed.channels.extend(moved.observed.channels);
    let hand = hand.quiet();
    let update = hand.update("c1", &[("s1", "a")]);
    let mut hand = hand.steps("c1", vec![update, start()]);
    hand.passes();
    hand.desired.pools.insert("other".into(), elsewhere);
    assert!(hand.codes().contains("TargetTwice"), "{:?}", hand.codes());
}

#[test]
fn whatever_a_start_puts_on_air_is_looked_for_elsewhere() {
    // `b` runs on c9, which is of another pool.
    let hand = |state, holds| {
        let mut hand = Hand::new()
            .anytime()
            .destinations(&["+a", "+b"])
            .channel("c1", state, holds);
        let mut other = hand.pool().clone();
        other.name = "other".into();
        other.channels[0].id = "c9".into();
        let elsewhere = Hand::new()
            .destinations(&["+b"])
            .channel("c9", Running, ["b", "", ""]);
        let mut hand = hand.quiet();
        hand.observed.channels.extend(elsewhere.observed.channels);
        hand.desired.pools.insert(other.name.clone(), other);
        hand
    };
    let twice = |hand: Hand| hand.codes().contains("TargetTwice");
    let new = hand(Idle, ["", "", ""]);
    let update = new.update("c1", &[("s1", "a"), ("s2", "b")]);
    assert!(
        twice(new.steps("c1", vec![update, start()])),
        "beside another one that is new"
    );
    let warm = hand(Idle, ["b", "", ""]);
    assert!(twice(warm.steps("c1", vec![start()])), "without an update");
    let joins = hand(Running, ["a", "", ""]);
    let update = joins.update("c1", &[("s2", "b")]);
    assert!(
        twice(joins.steps("c1", vec![stop(&["a"]), update, start()])),
        "where another one comes back"
    );
}

#[test]
fn whoever_comes_back_after_an_interruption_is_nothing_new() {
    let mut hand = joins(one_on_air().anytime().channel("c3", Running, ["a", "", ""]));
    let copy = &mut hand.channel_plan("c3").slots[0];
    let host = "a.example".to_owned();
    copy.now = Content::Undeclared { host };
    copy.then = copy.now.clone();
    hand.passes();
}

#[test]
fn nothing_starts_for_nobody() {
    let hand = Hand::new()
        .destinations(&["-r"])
        .channel("c1", Idle, ["", "", ""])
        .quiet();
    hand.steps("c1", vec![start()]).fails(&["StartedForNobody"]);
}

#[test]
fn no_target_is_pushed_to_twice() {
    let hand = Hand::new()
        .destinations(&["+a", "+b"])
        .with("b", |b| b.url = "rtmp://a.example/live".into())
        .channel("c1", Idle, ["", "", ""]);
    let both = |hand: Hand| {
        let hand = hand.quiet();
        let update = hand.update("c1", &[("s1", "a"), ("s2", "b")]);
        hand.steps("c1", vec![update, start()])
    };
    both(hand.clone()).passes();
    let same_key = hand.with("b", |b| b.key = StreamKey::Known(Secret::new("key-a")));
    both(same_key).fails(&["TargetTwice"]);
}

#[test]
fn no_slot_is_given_twice() {
    let mut hand = goes_to_c2(one_on_air());
    hand.destination_plan("b").assignment = Some(SlotId::new("c1", "s1"));
    assert!(hand.codes().contains("SlotTwice"), "{:?}", hand.codes());
}

#[test]
fn a_destination_goes_to_a_slot_of_its_pool_only_and_to_its_pin_only() {
    let mut hand = goes_to_c2(one_on_air());
    hand.destination_plan("b").assignment = Some(SlotId::new("c2", "MediaPackage"));
    assert!(hand.codes().contains("SlotUnavailable"), "{:?}", hand.codes());
    goes_to_c2(one_on_air().with("b", |b| b.pin = Some(pin("c2", "s1")))).passes();
    goes_to_c2(one_on_air().with("b", |b| b.pin = Some(pin("c2", "s2")))).fails(&["AwayFromPin"]);
    goes_to_c2(one_on_air().with("a", |a| a.pin = Some(pin("c2", "s2")))).passes();
}

#[test]
fn nobody_unwanted_is_given_a_slot() {
    let mut hand = Hand::new()
        .destinations(&["+a", "-r"])
        .channel("c1", Running, ["a", "", ""])
        .quiet();
    hand.passes();
    hand.destination_plan("r").assignment = Some(SlotId::new("c1", "s2"));
    hand.fails(&["NotWanted"]);
}

#[test]
fn an_assignment_is_carried_out_by_the_steps() {
    let mut hand = goes_to_c2(one_on_air());
    hand.channel_plan("c2").steps.clear();
    hand.fails(&["WrongEnd", "WrongGoal"]);
    let mut hand = goes_to_c2(one_on_air());
    hand.channel_plan("c2").runs = false;
    hand.fails(&["NotCarried", "WrongEnd"]);
    let mut hand = one_on_air().quiet();
    hand.destination_plan("b").assignment = Some(SlotId::new("c1", "s2"));
    hand.fails(&["NotCarried"]);
    let mut hand = one_on_air().quiet();
    hand.channel_plan("c2").slots[0].then = Content::Destination("b".into());
    hand.fails(&["WrongGoal"]);
    let mut hand = Hand::new()
        .destinations(&["+a", "+b", "-r"])
        .channel("c1", Running, ["a", "r", ""])
        .quiet();
    hand.destination_plan("b").assignment = Some(SlotId::new("c1", "s2"));
    hand.fails(&["NotCarried"]);
}

#[test]
fn nobody_is_passed_over_in_silence() {
    let mut hand = one_on_air().quiet();
    hand.destination_plan("b").waiting = None;
    hand.fails(&["SilentDestination"]);
    let mut hand = Hand::new()
        .destinations(&["+a", "-r"])
        .channel("c1", Running, ["a", "r", ""])
        .quiet();
    hand.passes();
    hand.destination_plan("r").waiting = None;
    hand.fails(&["SilentDestination"]);
    let mut hand = Hand::new()
        .channel("c1", ChannelState::Deleting, ["", "", ""])
        .quiet();
    hand.fails(&["SilentChannel"]);
    hand.channel_plan("c1").waiting = Some(Waiting::ChannelFailed {
        channel: "c1".into(),
        state: ChannelState::Deleting,
    });
    hand.passes();
}

#[test]
fn no_violation_shows_a_key() {
    let mut hand = joins(one_on_air());
    hand.channel_plan("c1").steps.truncate(2);
    hand.destination_plan("b").waiting = None;
    let found = hand.found();
    assert!(found.len() > 2);
    for violation in found {
        let text = format!("{violation} {violation:?}");
        assert!(!text.contains("key-") && !text.contains("rtmp://"), "{text}");
    }
}
