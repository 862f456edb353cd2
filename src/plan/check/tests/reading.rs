//! What every slot holds, and which of several a destination holds.

use std::collections::BTreeMap;

use ChannelState::{Idle, Recovering, Running, Starting, Stopping};

use super::hand::{Hand, NOW, doubted, occupants, pause, unknown_key};
use crate::model::{
    ChannelClass, ChannelState, Destination, Endpoint, OwnerId, Recorded, Secret, SlotId, StreamKey, Target,
};
use crate::plan::Content;

/// What the slots of c1 hold.
fn read(hand: &Hand) -> [String; 3] {
    read_of(hand, "c1")
}

fn read_of(hand: &Hand, channel: &str) -> [String; 3] {
    let all: BTreeMap<SlotId, Content> = occupants(&hand.desired, &hand.observed, NOW);
    ["s1", "s2", "s3"].map(|group| {
        let content = all.get(&SlotId::new(channel, group));
        content.map(ToString::to_string).unwrap_or_default()
    })
}

fn point(hand: &mut Hand, group: usize, url: &str, key: &str) {
    let endpoint = Endpoint::new(url, Secret::new(key));
    hand.seen("c1").groups_mut()[group].target = Ok(vec![endpoint].into());
}

fn rotated(one: &mut Destination) {
    one.key = StreamKey::Known(Secret::new("rotated"));
}

#[test]
fn parked_is_known_by_name_by_url_or_by_tag() {
    let mut hand = Hand::new().channel("c1", Idle, ["", "", ""]);
    assert_eq!(read(&hand), ["parked", "parked", "parked"]);
    point(&mut hand, 0, "rtmp://another.example/p", "c1-s1-0");
    point(&mut hand, 1, "RTMP://parked.example:1935/p/", "anything");
    point(&mut hand, 2, "rtmp://another.example/p", "c1-s1-0");
    let undeclared = "undeclared (another.example)";
    assert_eq!(read(&hand), ["parked", "parked", undeclared]);
    assert_eq!(read(&hand.tag("c1", "s3", Recorded::Parked))[2], "parked");
}

#[test]
fn a_slot_without_endpoints_is_not_parked() {
    let mut hand = Hand::new().channel("c1", Idle, ["", "", ""]);
    hand.seen("c1").groups_mut()[0].target = Ok(Target::from(Vec::new()));
    assert_eq!(read(&hand)[0], "undeclared ()");
}

#[test]
fn of_two_pipelines_both_have_to_be_parked() {
    let mut hand = Hand::new()
        .destinations(&["+a"])
        .channel("c1", Idle, ["", "", ""]);
    hand.seen("c1").class = ChannelClass::Standard;
    let two = |first: (&str, &str), second: (&str, &str)| {
        let endpoint = |(url, key): (&str, &str)| Endpoint::new(url, Secret::new(key));
        Ok(Target::from(vec![endpoint(first), endpoint(second)]))
    };
    let (own, parked) = (
        ("rtmp://a.example/live", "key-a"),
        ("rtmp://parked.example/p", "x"),
    );
    let groups = hand.seen("c1").groups_mut();
    groups[0].target = two(parked, parked);
    groups[1].target = two(own, parked);
    groups[2].target = two(("rtmp://cdn.example/live", "x"), parked);
    assert_eq!(read(&hand), ["parked", "a", "undeclared (cdn.example)"]);
    // The stream of either pipeline is enough.
    let groups = hand.seen("c1").groups_mut();
    groups[1].target = two(parked, own);
    groups[2].target = two(
        ("rtmp://cdn.example/live", "x"),
        ("rtmp://b.example/live", "key-a"),
    );
    let hand = hand.with("a", |a| a.backup_url = Some("rtmp://b.example/live".into()));
    assert_eq!(read(&hand), ["parked", "a", "a, a second time"]);
}

#[test]
fn the_stream_decides_the_destination_not_spelling_or_pool() {
    let mut hand = Hand::new()
        .pool_called("other")
        .destinations(&["+a"])
        .channel("c1", Idle, ["", "", ""]);
    for url in ["RTMP://A.example:1935//live/", "rtmps://a.example/live"] {
        point(&mut hand, 0, url, "key-a");
        assert_eq!(read(&hand)[0], "a", "{url}");
        assert_eq!(
            read(&hand.clone().with("a", |a| a.pool = "other".into()))[0],
            "a",
            "{url}"
        );
    }
    point(&mut hand, 0, "rtmp://a.example/live", "key-b");
    assert_eq!(read(&hand)[0], "undeclared (a.example)");
}

#[test]
fn of_several_destinations_the_nearest_has_the_slot() {
    let both = |signs: [&str; 2], url: &str, tagged: Option<&str>| {
        let hand = Hand::new()
            .destinations(&signs)
            .channel("c1", Idle, ["a", "", ""]);
        let hand = hand.with("b", |b| {
            b.url = url.into();
            b.key = StreamKey::Known(Secret::new("key-a"));
        });
        let hand = match tagged {
            Some(name) => hand.tag("c1", "s1", Recorded::destination(name.into())),
            None => hand,
        };
        read(&hand)[0].clone()
    };
    let (equal, same_stream) = ("rtmp://a.example/live", "rtmps://a.example/live");
    for url in [equal, same_stream] {
        assert_eq!(both(["-a", "+b"], url, None), "b", "one that is not off");
        assert_eq!(both(["+a", "-b"], url, Some("b")), "a", "one that is not off");
    }
    assert_eq!(
        both(["+a", "+b"], same_stream, Some("b")),
        "a",
        "then equal before the same stream"
    );
    assert_eq!(both(["+a", "+b"], equal, Some("b")), "b", "then by tag");
    assert_eq!(both(["+a", "+b"], equal, None), "a", "then by name");
}

#[test]
fn a_tag_names_the_destination_whose_target_has_changed() {
    let hand = Hand::new()
        .destinations(&["+a"])
        .channel("c1", Running, ["~a", "", ""]);
    assert_eq!(read(&hand)[0], "previous target of a");
    let unknown = hand.clone().with("a", |a| a.key = unknown_key());
    assert_eq!(read(&unknown)[0], "a");
    let mut renamed = hand.clone();
    renamed.desired.destinations.clear();
    assert_eq!(read(&renamed)[0], "a, no longer declared");
    // The identity counts, not the name.
    let other_identity = hand.clone().with("a", |a| a.identity = "item-1".into());
    assert_eq!(read(&other_identity)[0], "a, no longer declared");
    // With another target, or of another owner, it proves nothing.
    let mut pointed = hand.clone();
    point(&mut pointed, 0, "rtmp://a.example/live", "key-of-another");
    assert_eq!(read(&pointed)[0], "undeclared (a.example)");
    let mut theirs = hand;
    theirs.desired.owner = OwnerId::new("them");
    assert_eq!(read(&theirs)[0], "undeclared (a.example)");
}

#[test]
fn what_a_slot_points_at_counts_before_what_is_recorded() {
    let hand = Hand::new()
        .destinations(&["+a", "+b"])
        .channel("c1", Running, ["a", "", ""]);
    let hand = hand.tag("c1", "s1", Recorded::destination("b".into()));
    assert_eq!(read(&hand)[0], "a");
    let parked = hand
        .channel("c2", Idle, ["", "", ""])
        .tag("c2", "s1", Recorded::destination("b".into()));
    assert_eq!(read_of(&parked, "c2")[0], "parked");
}

/// Where `a` is held, of c1 and c2 in these states that both have its target.
fn held(first: (ChannelState, &str), second: (ChannelState, &str), change: fn(Hand) -> Hand) -> String {
    let hand = Hand::new().pool_called("other").destinations(&["+a"]);
    let hand = hand
        .channel("c1", first.0, [first.1, "", ""])
        .channel("c2", second.0, [second.1, "", ""]);
    let hand = change(hand);
    let [one, other] = ["c1", "c2"].map(|id| read_of(&hand, id)[0].clone());
    format!("{one} / {other}")
}

#[test]
fn a_destination_holds_one_slot_and_the_others_are_surplus() {
    let at = |first, second| held((first, "a"), (second, "a"), |hand| hand);
    let (first, second) = ("a / a, a second time", "a, a second time / a");
    assert_eq!(at(Running, Running), first);
    assert_eq!(at(Starting, Running), second);
    assert_eq!(at(Recovering, Running), second);
    assert_eq!(at(Idle, Starting), second);
    assert_eq!(at(Stopping, Idle), first);
    assert_eq!(
        held((Idle, "a"), (Running, "~a"), |hand| hand),
        "a / previous target of a"
    );
    assert_eq!(held((Starting, "a"), (Running, "~a"), |hand| hand), first);
    assert_eq!(held((Running, "~a"), (Running, "a"), |hand| hand), second);
    assert_eq!(
        held((Starting, "~a"), (Running, "~a"), |hand| hand),
        "a, a second time / previous target of a"
    );
}

#[test]
fn of_equally_good_slots_the_own_one_is_held() {
    let at = |change| held((Idle, "a"), (Idle, "a"), change);
    let second = "a, a second time / a";
    let returning = |mut hand: Hand| {
        let slot = SlotId::new("c2", "s1");
        hand.observed.returning.insert("a".into(), slot);
        hand
    };
    assert_eq!(at(returning), second, "it comes back there");
    let unowned = |mut hand: Hand| {
        hand.seen("c1").owner = None;
        hand
    };
    assert_eq!(at(unowned), second, "that one is owned");
    let failed = |mut hand: Hand| {
        hand.seen("c1").state = ChannelState::CreateFailed;
        hand
    };
    assert_eq!(at(failed), second, "that one can be used");
    let other_pool = |mut hand: Hand| {
        let channel = hand.pool().channels.remove(0);
        let other = hand.desired.pools.get_mut("other").unwrap();
        other.channels.push(channel);
        hand
    };
    assert_eq!(at(other_pool), second, "that one is of its pool");
}

#[test]
fn the_slot_of_an_unreadable_key_counts_as_an_exact_one() {
    let unknown = |hand: Hand| hand.with("a", |a| a.key = unknown_key());
    assert_eq!(
        held((Running, "~a"), (Idle, "~a"), unknown),
        "a / a, a second time"
    );
}

#[test]
fn a_channel_in_no_pool_has_recorded_slots_only() {
    let hand = Hand::new()
        .destinations(&["+a"])
        .channel_of(None, "c1", Running, ["a!", "a", "%gone"]);
    assert_eq!(read(&hand), ["a", "", "gone, no longer declared"]);
    hand.quiet().passes();
}

#[test]
fn a_group_that_cannot_be_a_slot_is_unusable() {
    let hand = Hand::new().channel("c1", Running, ["#", "", ""]);
    assert_eq!(read(&hand)[0], "unusable (it has 2 outputs; a slot has one)");
}

#[test]
fn what_the_plan_says_of_a_slot_is_what_it_holds() {
    let contents = ["a", "~b", "%gone"];
    let hand = Hand::new()
        .destinations(&["+a", "+b"])
        .channel("c1", Running, contents)
        .quiet();
    hand.passes();
    for at in 0..3 {
        let mut hand = hand.clone();
        let slot = &mut hand.channel_plan("c1").slots[at];
        slot.now = Content::Parked;
        slot.then = Content::Parked;
        hand.fails(&["WrongGoal"]);
    }
}

#[test]
fn the_plan_states_destinations_as_declared_and_observed() {
    let hand = || {
        let hand = Hand::new().destinations(&["+a", "+b", "+c"]);
        let hand = hand
            .channel("c1", Running, ["a", "~b", ""])
            .channel("c2", Idle, ["b", "", ""]);
        hand.quiet()
    };
    hand().passes();
    assert_eq!(hand().destination_plan("b").held, Some(SlotId::new("c1", "s2")));
    let misstated = |change: fn(&mut Hand)| {
        let mut hand = hand();
        change(&mut hand);
        hand.fails_with("Misstated");
    };
    misstated(|hand| hand.destination_plan("c").on_air = true);
    misstated(|hand| hand.destination_plan("c").held = Some(SlotId::new("c2", "s2")));
    misstated(|hand| hand.destination_plan("a").wanted = false);
    misstated(|hand| hand.destination_plan("a").on_air = false);
    misstated(|hand| hand.destination_plan("a").is_previous = true);
    misstated(|hand| hand.destination_plan("b").is_previous = false);
    misstated(|hand| hand.destination_plan("b").held = Some(SlotId::new("c2", "s1")));
    misstated(|hand| hand.destination_plan("b").held = None);
    misstated(|hand| hand.destination_plan("c").pool = "other".into());
}

#[test]
fn a_starting_channel_is_not_on_air_yet() {
    let mut hand = Hand::new()
        .destinations(&["+a"])
        .channel("c1", Starting, ["a", "", ""])
        .quiet();
    hand.passes();
    hand.destination_plan("a").on_air = true;
    hand.fails(&["Misstated"]);
}

#[test]
fn a_previous_target_differs_from_an_untrusted_one() {
    let mut hand = Hand::new()
        .destinations(&["-a"])
        .channel("c1", Running, ["~a", "", ""]);
    hand.desired.trust = doubted();
    assert_eq!(read(&hand)[0], "previous target of a");
    let paused = hand.with("a", |a| a.paused = Some(pause())).with("a", rotated);
    assert_eq!(read(&paused)[0], "previous target of a");
}
