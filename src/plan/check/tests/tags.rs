//! Rules for the tags of slots.

use ChannelState::{Idle, Running};

use super::hand::{Hand, adopt, adopting, doubted, goes_to_c2, one_on_air, start, step};
use crate::model::tag::{TAGS_MAX, TAKEOVER_TAG, TakeoverTag};
use crate::model::{ChannelState, Mark, OwnerId, Recorded, Recording, SlotId};
use crate::plan::{Action, SlotRecord, Step};

fn destination(name: &str) -> Recorded {
    Recorded::destination(name.into())
}

fn released(name: &str) -> Recorded {
    marked(name, Mark::Released)
}

fn marked(name: &str, mark: Mark) -> Recorded {
    let identity = name.into();
    Recorded::Destination { identity, mark }
}

/// `b` goes to c2, with other tags.
fn with_tags(change: impl FnOnce(&mut Hand, &mut Vec<SlotRecord>)) -> Hand {
    let mut hand = goes_to_c2(one_on_air());
    let mut steps = hand.channel_plan("c2").steps.clone();
    if let Action::Update { tags, .. } = &mut steps[0].action {
        change(&mut hand, tags);
    }
    hand.channel_plan("c2").steps = steps;
    hand
}

fn record(tags: Vec<SlotRecord>) -> Step {
    step(Action::Record {
        tags,
        remove: Vec::new(),
        takeover: None,
    })
}

#[test]
fn what_is_written_is_recorded_with_the_same_step() {
    with_tags(|_, _| ()).passes();
    with_tags(|_, tags| tags.clear()).fails(&["WrongTag"]);
    with_tags(|_, tags| tags[0].tag.occupant = destination("a")).fails(&["WrongTag"]);
    with_tags(|_, tags| tags[0].tag.occupant = Recorded::Parked).fails(&["WrongTag"]);
    with_tags(|_, tags| tags[0].tag.occupant = released("b")).fails(&["WrongTag"]);
    with_tags(|_, tags| tags[0].tag.digest = tags[0].tag.digest.other()).fails(&["WrongTag"]);
    with_tags(|_, tags| tags.push(tags[0].clone())).fails(&["WrongTag"]);
    // What the slot points at before the write.
    with_tags(|hand, tags| tags[0] = hand.record("c2", "s1", destination("b"))).fails(&["WrongTag"]);
    // The item that a destination is, not its label.
    let named = |hand: Hand| hand.with("b", |b| b.identity = "item-1".into());
    goes_to_c2(named(one_on_air())).passes();
    named(goes_to_c2(one_on_air())).fails(&["WrongTag"]);
}

#[test]
fn a_slot_that_is_released_is_recorded_as_parked() {
    let releases = |occupant: Recorded| {
        let hand = Hand::new()
            .destinations(&["+a", "-r"])
            .channel("c1", Idle, ["a", "r", ""])
            .quiet();
        let mut update = hand.update("c1", &[("s2", "")]);
        if let Action::Update { tags, .. } = &mut update.action {
            tags[0].tag.occupant = occupant;
        }
        hand.steps("c1", vec![update, start()])
    };
    releases(Recorded::Parked).passes();
    releases(destination("r")).fails(&["WrongTag"]);
}

#[test]
fn an_update_may_record_what_else_has_no_tag_that_fits() {
    let hand = Hand::new()
        .destinations(&["+a", "+b"])
        .channel("c1", Idle, ["a", "", "cdn.example"]);
    let adds = |hand: &Hand, group: &str, occupant: Recorded| {
        let mut hand = hand.clone().quiet();
        let tag = hand.record("c1", group, occupant);
        let mut update = hand.update("c1", &[("s2", "b"), ("s3", "")]);
        if let Action::Update { tags, .. } = &mut update.action {
            tags.push(tag);
        }
        hand.steps("c1", vec![update, start()])
    };
    adds(&hand, "s1", destination("a")).passes();
    adds(&hand, "s1", destination("b")).fails(&["WrongTag"]);
    adds(&hand, "s2", destination("b")).fails(&["WrongTag"]);
    let tagged = hand.tag("c1", "s1", destination("a"));
    adds(&tagged, "s1", destination("a")).fails(&["WrongTag"]);
    let parked = Hand::new()
        .destinations(&["+b"])
        .channel("c1", Idle, ["", "", "cdn.example"]);
    adds(&parked, "s1", Recorded::Parked).passes();
    let other = Hand::new()
        .destinations(&["-r", "+b"])
        .channel("c1", Idle, ["%r", "", "cdn.example"]);
    adds(&other, "s1", destination("r")).fails_with("WrongTag");
}

#[test]
fn while_tags_are_refused_there_are_none() {
    let refused = |mut hand: Hand| {
        hand.observed.recording = Recording::Denied {
            why: "not authorized".to_owned(),
        };
        hand
    };
    refused(with_tags(|_, tags| tags.clear())).passes();
    refused(with_tags(|_, _| ())).fails(&["WrongRecord"]);
    let mut first_look = one_on_air().quiet();
    let tag = first_look.record("c1", "s1", destination("a"));
    let first_look = first_look.steps("c1", vec![record(vec![tag])]);
    first_look.passes();
    refused(first_look).fails(&["WrongRecord"]);
}

#[test]
fn adoption_records_what_is_exact() {
    let adopts = |group: &str, occupant: Recorded| {
        let hand = Hand::new().destinations(&["+a", "-r"]);
        let mut hand = hand.channel("c1", Running, ["a", "~r", ""]);
        hand.seen("c1").owner = None;
        let mut hand = hand.quiet();
        let tags = vec![hand.record("c1", group, occupant)];
        hand.steps("c1", vec![step(Action::Adopt { tags, takeover: None })])
    };
    adopts("s1", destination("a")).passes();
    adopts("s1", destination("r")).fails(&["WrongTag"]);
    adopts("s2", destination("r")).fails(&["WrongTag"]);
    adopts("s3", Recorded::Parked).fails(&["WrongTag"]);
}

#[test]
fn the_first_look_records_untagged_exact_targets_on_air() {
    let records = |hand: &Hand, group: &str, occupant: Recorded| {
        let mut hand = hand.clone().quiet();
        let tag = hand.record("c1", group, occupant);
        hand.steps("c1", vec![record(vec![tag])])
    };
    let hand = Hand::new()
        .destinations(&["+a", "+b"])
        .channel("c1", Running, ["a", "", "~b"]);
    records(&hand, "s1", destination("a")).passes();
    records(&hand, "s1", destination("b")).fails(&["WrongTag"]);
    records(&hand, "s2", Recorded::Parked).fails(&["WrongTag"]);
    records(&hand, "s3", destination("b")).fails(&["WrongTag"]);
    let mut stopped = hand.clone();
    stopped.seen("c1").state = Idle;
    records(&stopped, "s1", destination("a")).fails(&["WrongTag"]);
    // A tag that does not fit stays until the channel is stopped.
    let mut copied = hand.clone();
    let other = copied.record("c1", "s2", destination("a"));
    copied.seen("c1").tags_mut().set(&"s1".into(), &other.tag);
    records(&copied, "s1", destination("a")).fails(&["WrongTag"]);
    let mut unowned = records(&hand, "s1", destination("a"));
    unowned.seen("c1").owner = None;
    unowned.fails_with("Adoption");
}

#[test]
fn what_vanished_and_is_released_is_marked_once() {
    let marks = |hand: &Hand, occupant: Recorded| {
        let mut hand = hand.clone().quiet();
        let tag = hand.record("c1", "s1", occupant);
        hand.steps("c1", vec![record(vec![tag])])
    };
    let hand = Hand::new().channel("c1", Running, ["%gone", "", ""]);
    marks(&hand, released("gone")).passes();
    marks(&hand, destination("gone")).fails(&["WrongTag"]);
    marks(&hand, released("another")).fails(&["WrongTag"]);
    let released_before = hand.clone().tag("c1", "s1", released("gone"));
    marks(&released_before, released("gone")).fails(&["WrongTag"]);
    let mut kept = hand;
    kept.desired.trust = doubted();
    marks(&kept, released("gone")).fails(&["WrongTag"]);
    marks(&kept, marked("gone", Mark::Kept)).fails(&["WrongTag"]);
    kept.desired.kept.insert(SlotId::new("c1", "s1"));
    marks(&kept, marked("gone", Mark::Kept)).passes();
    marks(&kept, released("gone")).fails(&["WrongTag"]);
    let kept_before = kept.clone().tag("c1", "s1", marked("gone", Mark::Kept));
    marks(&kept_before, marked("gone", Mark::Kept)).fails(&["WrongTag"]);
}

#[test]
fn only_tags_without_a_group_are_removed() {
    let removes = |keys: &[&str]| {
        let mut hand = one_on_air();
        let tag = hand.record("c1", "s2", Recorded::Parked).tag;
        hand.seen("c1").tags_mut().set(&"gone".into(), &tag);
        hand.seen("c1").tags_mut().set(&"s2".into(), &tag);
        let remove = keys.iter().map(|key| format!("slotwise.dev/slot/{key}").into());
        let tags = Vec::new();
        let remove = remove.collect();
        hand.quiet().steps(
            "c1",
            vec![step(Action::Record {
                tags,
                remove,
                takeover: None,
            })],
        )
    };
    removes(&["gone"]).passes();
    removes(&["s2"]).fails(&["WrongRecord"]);
    removes(&["s9"]).fails(&["WrongRecord"]);
    removes(&[]).fails(&["WrongRecord"]);
}

#[test]
fn no_channel_gets_more_tags_than_it_may_have() {
    let full = |free: usize| {
        let mut hand = goes_to_c2(one_on_air());
        hand.seen("c2").tags_mut().count = TAGS_MAX - free;
        hand
    };
    full(1).passes();
    full(0).fails(&["TooManyTags"]);
    // A tag that is there is replaced.
    let mut replaced = full(0).tag("c2", "s1", Recorded::Parked);
    replaced.seen("c2").tags_mut().count = TAGS_MAX;
    replaced.passes();
    let adopting = |free: usize| {
        let mut hand = full(free);
        hand.seen("c2").owner = None;
        let channel = hand.channel_plan("c2");
        channel.adoption = crate::plan::Adoption::Adopt;
        channel.seen.as_mut().unwrap().owner = None;
        channel.steps[0] = adopting(channel.steps[0].clone());
        hand
    };
    adopting(2).passes();
    adopting(1).fails(&["TooManyTags"]);
    let mut alone = one_on_air();
    alone.seen("c1").owner = None;
    let mut alone = alone.quiet().steps("c1", vec![adopt()]);
    alone.passes();
    // Without room for the owner tag it is not adopted at all.
    alone.seen("c1").tags_mut().count = TAGS_MAX;
    alone.fails(&["Misread", "SilentChannel", "Untouchable"]);
    assert_eq!(alone.desired.owner, OwnerId::new("us"));
}

/// `c1` runs with this and has `takeover: true`.
fn taken_over(holds: [&str; 3]) -> Hand {
    let mut hand = Hand::new().destinations(&["+a"]).channel("c1", Running, holds);
    hand.pool().channels[0].takeover = true;
    hand
}

/// A step on c1 that records how far its takeover has come.
fn records_takeover(hand: Hand, tag: TakeoverTag) -> Hand {
    let record = Action::Record {
        tags: Vec::new(),
        remove: Vec::new(),
        takeover: Some(tag),
    };
    hand.quiet().steps("c1", vec![step(record)])
}

#[test]
fn a_takeover_is_recorded_as_it_is() {
    use TakeoverTag::{Begun, Done};
    let recorded = |holds, tag| records_takeover(taken_over(holds), tag);
    recorded(["a", "", ""], Done).passes();
    recorded(["a", "", ""], Begun).fails(&["WrongRecord"]);
    for holds in ["cdn.example", "#"] {
        recorded(["a", holds, ""], Begun).passes();
        recorded(["a", holds, ""], Done).fails(&["WrongRecord"]);
    }
    // Once, only where it is set, and only while it can be recorded.
    let with = |change: fn(&mut Hand)| {
        let mut hand = taken_over(["a", "", ""]);
        change(&mut hand);
        records_takeover(hand, Done)
    };
    with(|hand| hand.pool().channels[0].takeover = false).fails(&["WrongRecord"]);
    with(|hand| hand.seen("c1").tags_mut().set_takeover(Done)).fails(&["WrongRecord"]);
    with(|hand| hand.seen("c1").tags_mut().set_takeover(Begun)).passes();
    with(|hand| hand.observed.takeovers = Recording::Denied { why: "no".to_owned() }).fails(&["WrongRecord"]);
    with(|hand| hand.seen("c1").tags_mut().count = TAGS_MAX).fails(&["TooManyTags", "WrongRecord"]);
}

#[test]
fn the_tag_of_a_takeover_is_removed_where_it_is_not_set() {
    let removes = |takeover: bool| {
        let mut hand = taken_over(["a", "", ""]);
        hand.pool().channels[0].takeover = takeover;
        hand.seen("c1").tags_mut().set_takeover(TakeoverTag::Done);
        let record = Action::Record {
            tags: Vec::new(),
            remove: vec![TAKEOVER_TAG.into()],
            takeover: None,
        };
        hand.quiet().steps("c1", vec![step(record)])
    };
    removes(false).passes();
    removes(true).fails(&["WrongRecord"]);
}

#[test]
fn a_channel_is_started_once_its_takeover_is_used_up() {
    let mut hand = goes_to_c2(one_on_air());
    hand.passes();
    hand.pool().channels[1].takeover = true;
    hand.fails(&["WrongRecord"]);
    hand.observed.takeovers = Recording::Denied { why: "no".to_owned() };
    hand.passes();
}
