//! Rules for writes, for what goes on air, for assignments, and for what the plan must state.

use ChannelState::{Idle, Recovering, Running, UpdateFailed};

use super::hand::{Hand, doubted, goes_to_c2, joins, one_on_air, pause, pin, start, stop, unknown_key};
use crate::model::{ChannelClass, ChannelState, OtherGroup, SlotId, Target};
use crate::plan::check::{About, Rule};
use crate::plan::{Action, Adoption, Content, SlotWrite, Violation, Waiting};

#[test]
fn a_plan_that_does_nothing_and_one_that_disturbs_none_pass() {
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
        |hand: &mut Hand| {
            let other = OtherGroup {
                name: "archive".into(),
                kind: "ARCHIVE".into(),
            };
            hand.seen("c1").others = [other].into();
        },
        |hand: &mut Hand| hand.channel_plan("c1").adoption = Adoption::Unknown,
        |hand: &mut Hand| hand.channel_plan("c1").pool = None,
        |hand: &mut Hand| hand.seen("c1").groups_mut()[1].target = hand.seen("c1").groups[0].target.clone(),
    ] {
        let mut hand = one_on_air().quiet();
        change(&mut hand);
        assert!(hand.codes().contains("Misread"), "{:?}", hand.codes());
    }
}

#[test]
fn writes_stay_within_the_slots_and_match_the_plan() {
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
    let parked_at_another = |hand: &mut Hand, writes: &mut Vec<SlotWrite>| {
        writes.push(SlotWrite {
            target: hand.parking("c2", "s3"),
            ..hand.write("c2", "s2", "")
        });
    };
    assert!(written(parked_at_another).contains("WrongContent"));
}

#[test]
fn a_slot_with_two_pipelines_takes_two_endpoints() {
    let mut hand = one_on_air();
    hand.seen("c2").class = ChannelClass::Standard;
    assert!(goes_to_c2(hand).codes().contains("WrongPipelines"));
}

#[test]
fn what_is_on_air_keeps_its_slot() {
    let hand = one_on_air().anytime().quiet();
    let update = hand.update("c1", &[("s1", "b")]);
    let evicted = hand.steps("c1", vec![stop(&["a"]), update, start()]).codes();
    assert!(evicted.contains("Evicted"), "{evicted:?}");
    let mut moved = one_on_air().quiet();
    moved.destination_plan("a").assignment = Some(SlotId::new("c1", "s2"));
    moved.fails(&["Moved", "NotCarried"]);
}

#[test]
fn what_was_interrupted_comes_back_to_the_same_slot() {
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
fn a_returning_stream_is_never_on_air_twice() {
    for beside in ["", "a"] {
        let mut hand = Hand::new()
            .destinations(&["+a"])
            .channel("c1", Idle, ["a", "", beside])
            .channel("c2", Idle, ["", "", ""]);
        hand.pool().slots.output_groups = globset::Glob::new("s[12]").unwrap().compile_matcher();
        let slot = SlotId::new("c1", "s1");
        hand.observed.returning.insert("a".into(), slot);
        let hand = hand.quiet();
        let update = hand.update("c2", &[("s1", "a")]);
        let moved = hand.steps("c2", vec![update, start()]);
        if beside.is_empty() {
            moved.fails(&["Moved"]);
        } else {
            moved.passes();
        }
    }
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
    for content in ["r", "p", "cdn.example"] {
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
        [Violation {
            about: About::Slot(SlotId::new("c1", "s2")),
            rule: Rule::PutsOnAir,
            what: format!("the start would put {what} on air"),
        }]
    };
    assert_eq!(put(None), named("r"));
    assert_eq!(put(Some("q")), named("q"));
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
fn nothing_starts_for_no_destination() {
    let hand = Hand::new()
        .destinations(&["-r"])
        .channel("c1", Idle, ["", "", ""])
        .quiet();
    hand.steps("c1", vec![start()]).fails(&["StartedForNobody"]);
}

#[test]
fn no_slot_is_given_twice() {
    let mut hand = goes_to_c2(one_on_air());
    hand.destination_plan("b").assignment = Some(SlotId::new("c1", "s1"));
    assert!(hand.codes().contains("SlotTwice"), "{:?}", hand.codes());
}

#[test]
fn a_destination_gets_only_its_pool_and_its_pin() {
    let mut hand = goes_to_c2(one_on_air());
    hand.destination_plan("b").assignment = Some(SlotId::new("c2", "MediaPackage"));
    assert!(hand.codes().contains("SlotUnavailable"), "{:?}", hand.codes());
    goes_to_c2(one_on_air().with("b", |b| b.pin = Some(pin("c2", "s1")))).passes();
    goes_to_c2(one_on_air().with("b", |b| b.pin = Some(pin("c2", "s2")))).fails(&["AwayFromPin"]);
    goes_to_c2(one_on_air().with("a", |a| a.pin = Some(pin("c2", "s2")))).passes();
}

#[test]
fn what_is_not_wanted_is_given_no_slot() {
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
fn no_destination_and_no_channel_is_passed_over_in_silence() {
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

#[test]
fn another_rtmp_group_may_be_named_with_the_other_output_groups() {
    let mut hand = one_on_air().quiet();
    hand.pool().slots.output_groups = globset::Glob::new("s[12]").unwrap().compile_matcher();
    for id in ["c1", "c2"] {
        hand.channel_plan(id).slots.pop();
    }
    hand.passes();
    let named = |name: &str| OtherGroup {
        name: name.into(),
        kind: "RTMP".into(),
    };
    hand.channel_plan("c1").others = [named("s3")].into();
    hand.passes();
    hand.channel_plan("c1").others = [named("s4")].into();
    hand.fails(&["Misread"]);
}

#[test]
fn an_unmatched_slot_remains_one_while_occupied() {
    let hand = |content: &str, assigned: &str| {
        let mut hand =
            Hand::new()
                .anytime()
                .destinations(&["+a", "-r", "+b"])
                .channel("c1", Idle, ["", "", content]);
        hand.pool().slots.output_groups = globset::Glob::new("s[12]").unwrap().compile_matcher();
        let hand = hand.quiet();
        let update = hand.update("c1", &[("s3", assigned), ("s1", "b")]);
        hand.steps("c1", vec![update, start()])
    };
    hand("a!", "a").passes();
    hand("r!", "").passes();
    hand("r!", "a").fails(&["SlotUnavailable", "WrongContent"]);
    hand("r", "").fails(&["NoSlot"]);
}

#[test]
fn a_returning_slot_with_an_unreadable_key_is_not_written() {
    let released = |wanted: &str, paused: bool, comes_back: bool| {
        let mut hand = Hand::new()
            .destinations(&[wanted, "+b"])
            .channel("c1", Idle, ["~a", "", ""]);
        if comes_back {
            let slot = SlotId::new("c1", "s1");
            hand.observed.returning.insert("a".into(), slot);
        }
        let hand = hand.with("a", |a| {
            a.key = unknown_key();
            a.paused = paused.then(pause);
        });
        let hand = hand.quiet();
        let update = hand.update("c1", &[("s1", ""), ("s2", "b")]);
        hand.steps("c1", vec![update, start()])
    };
    released("-a", false, true).passes();
    released("+a", false, true).fails(&["Moved", "UnknownKeyWritten"]);
    released("-a", true, true).fails(&["UnknownKeyWritten"]);
    released("+a", false, false).passes();
    released("-a", true, false).passes();
}

#[test]
fn a_slot_with_an_unreadable_key_starts_only_to_return() {
    let starts = |comes_back: bool| {
        let mut hand = Hand::new()
            .destinations(&["+a"])
            .channel("c1", Idle, ["~a", "", ""]);
        if comes_back {
            let slot = SlotId::new("c1", "s1");
            hand.observed.returning.insert("a".into(), slot);
        }
        let mut hand = hand
            .with("a", |a| a.key = unknown_key())
            .quiet()
            .steps("c1", vec![start()]);
        hand.destination_plan("a").assignment = Some(SlotId::new("c1", "s1"));
        let slot = &mut hand.channel_plan("c1").slots[0];
        slot.then = Content::Destination("a".into());
        hand
    };
    starts(true).passes();
    starts(false).fails(&["PutsOnAir", "StartedForNobody"]);
    // On air it comes back after an interruption for another.
    let hand = Hand::new().anytime().destinations(&["+a", "+b"]);
    let hand = hand
        .channel("c1", Running, ["~a", "", ""])
        .with("a", |a| a.key = unknown_key());
    joins(hand).passes();
}

#[test]
fn what_is_another_spelling_is_written_before_the_next_start() {
    let starts = |url: &str, is_written: bool| {
        let hand = Hand::new()
            .destinations(&["+a"])
            .channel("c1", Idle, ["a", "", ""]);
        let hand = hand.with("a", |a| a.url = url.into()).quiet();
        let update = is_written.then(|| hand.update("c1", &[("s1", "a")]));
        hand.steps("c1", update.into_iter().chain([start()]).collect())
    };
    let is_equal = "RTMP://a.example:1935/live/";
    starts(is_equal, false).passes();
    starts(is_equal, true).passes();
    let is_same_stream = "rtmps://a.example/live";
    starts(is_same_stream, false).fails(&["PutsOnAir", "StartedForNobody"]);
    starts(is_same_stream, true).passes();
}

#[test]
fn a_previous_target_on_air_is_not_passed_over_in_silence() {
    let mut hand = Hand::new()
        .destinations(&["+a"])
        .channel("c1", Running, ["~a", "", ""])
        .quiet();
    hand.passes();
    hand.destination_plan("a").waiting = None;
    hand.fails(&["SilentDestination"]);
}

#[test]
fn a_previous_target_returns_while_the_new_one_starts_elsewhere() {
    let hand = Hand::new().anytime().destinations(&["+a", "+b"]);
    let hand = hand
        .channel("c1", Running, ["~a", "", ""])
        .channel("c2", Idle, ["", "", ""])
        .quiet();
    let (one, other) = (
        hand.update("c1", &[("s2", "b")]),
        hand.update("c2", &[("s1", "a")]),
    );
    let steps = vec![stop(&["a"]), one, start()];
    let both = hand
        .clone()
        .steps("c1", steps.clone())
        .steps("c2", vec![other.clone(), start()]);
    both.passes();
    // What vanished does not.
    let mut kept = Hand::new()
        .destinations(&["+b"])
        .channel("c1", Idle, ["%gone", "b", ""]);
    kept.desired.trust = doubted();
    kept.quiet().steps("c1", vec![start()]).fails(&["PutsOnAir"]);
}
