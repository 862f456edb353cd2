//! One stream is on air once.

use ChannelState::{Idle, Running, Stopping, Unknown};

use super::hand::{Hand, joins, one_on_air, start, stop};
use crate::model::{ChannelState, Destination, Endpoint, OwnerId, Secret, StreamKey};

const HERE: &str = "rtmp://a.example/live";

/// `a` begins on c1.
fn begins() -> Hand {
    let hand = Hand::new()
        .destinations(&["+a"])
        .channel("c1", Idle, ["", "", ""]);
    let hand = hand.quiet();
    let update = hand.update("c1", &[("s1", "a")]);
    hand.steps("c1", vec![update, start()])
}

/// The same beside c9, of no pool and another owner, with this target.
fn beside(state: ChannelState, url: &str, key: &str, change: fn(&mut Hand)) -> Hand {
    let mut hand = begins();
    let mut other = Hand::new().channel("c9", state, ["", "", ""]);
    let seen = other.seen("c9");
    seen.owner = None;
    seen.groups_mut()[1].target = Ok(vec![Endpoint::new(url, Secret::new(key))].into());
    hand.observed.channels.extend(other.observed.channels);
    change(&mut hand);
    hand
}

#[test]
fn nothing_is_started_that_any_channel_may_publish() {
    begins().passes();
    for state in [Running, Stopping, Unknown] {
        beside(state, HERE, "key-a", |_| ()).fails(&["TargetTwice"]);
    }
    beside(Idle, HERE, "key-a", |_| ()).passes();
    beside(Running, HERE, "another", |_| ()).passes();
    beside(Running, HERE, "key-a", |hand| {
        hand.seen("c9").owner = Some(OwnerId::new("them"));
    })
    .fails(&["TargetTwice"]);
}

#[test]
fn a_stream_is_one_in_every_spelling_and_place() {
    for url in ["RTMP://A.example:1935//live/", "rtmps://a.example:443/live"] {
        beside(Running, url, "key-a", |_| ()).fails(&["TargetTwice"]);
    }
    beside(Running, "rtmp://a.example/live/key-a", "", |_| ()).fails(&["TargetTwice"]);
    let mut stray = begins();
    let endpoint = Endpoint::new("rtmps://a.example/live", Secret::new("key-a"));
    stray
        .observed
        .elsewhere
        .insert("c8".into(), [endpoint.clone()].into());
    stray.fails(&["TargetTwice"]);
    let mut hand = beside(Running, HERE, "another", |_| ());
    hand.passes();
    hand.seen("c9").stray_endpoints = [endpoint].into();
    hand.fails(&["TargetTwice"]);
}

#[test]
fn whatever_a_start_puts_on_air_is_looked_for() {
    // `b` runs on c9, which is of another pool.
    let hand = |state, holds| {
        let hand = Hand::new()
            .anytime()
            .pool_called("other")
            .destinations(&["+a", "+b"]);
        let hand = hand
            .channel("c1", state, holds)
            .channel_of(Some("other"), "c9", Running, ["b", "", ""]);
        hand.quiet()
    };
    let new = hand(Idle, ["", "", ""]);
    let update = new.update("c1", &[("s1", "a"), ("s2", "b")]);
    new.steps("c1", vec![update, start()]).fails_with("TargetTwice");
    let warm = hand(Idle, ["b", "", ""]);
    warm.steps("c1", vec![start()]).fails_with("TargetTwice");
    let joining = hand(Running, ["a", "", ""]);
    let update = joining.update("c1", &[("s2", "b")]);
    joining
        .steps("c1", vec![stop(&["a"]), update, start()])
        .fails_with("TargetTwice");
}

#[test]
fn another_output_group_is_looked_for_too() {
    let hand = |state| {
        let hand = Hand::new()
            .destinations(&["+a"])
            .channel("c1", Idle, ["", "", "cdn.example"]);
        let mut hand = hand.channel("c2", state, ["cdn.example", "", ""]);
        hand.pool().slots.output_groups = globset::Glob::new("s[12]").unwrap().compile_matcher();
        let hand = hand.quiet();
        let update = hand.update("c1", &[("s1", "a")]);
        hand.steps("c1", vec![update, start()])
    };
    hand(Idle).passes();
    hand(Running).fails(&["TargetTwice"]);
}

#[test]
fn a_start_publishes_nothing_twice_from_one_channel() {
    let hand = |beside: &str| {
        let mut hand = Hand::new()
            .destinations(&["+a", "-r"])
            .channel("c1", Idle, ["", "", beside]);
        hand.pool().slots.output_groups = globset::Glob::new("s[12]").unwrap().compile_matcher();
        let hand = hand.quiet();
        let update = hand.update("c1", &[("s1", "a")]);
        hand.steps("c1", vec![update, start()])
    };
    hand("r").passes();
    hand("a").fails(&["TargetTwice"]);
}

#[test]
fn what_comes_back_after_an_interruption_is_nothing_new() {
    joins(one_on_air().anytime().channel("c3", Running, ["a", "", ""])).passes();
}

fn as_a(b: &mut Destination) {
    b.url = HERE.into();
    b.key = StreamKey::Known(Secret::new("key-a"));
}

#[test]
fn no_stream_is_started_twice() {
    let both = |hand: Hand| {
        let hand = hand.quiet();
        let update = hand.update("c1", &[("s1", "a"), ("s2", "b")]);
        hand.steps("c1", vec![update, start()])
    };
    let hand = Hand::new()
        .destinations(&["+a", "+b"])
        .channel("c1", Idle, ["", "", ""]);
    both(hand.clone()).passes();
    both(hand.with("b", as_a)).fails(&["TargetTwice"]);
    // Nor beside one that comes back on the same channel.
    joins(one_on_air().anytime().with("b", as_a)).fails_with("TargetTwice");
}

#[test]
fn a_platforms_primary_and_backup_ingest_are_two() {
    let ingest = |hand: Hand, name: &str, url: &str| {
        hand.with(name, |one| {
            one.url = url.into();
            one.key = StreamKey::Known(Secret::new("one key"));
        })
    };
    let (primary, backup) = (
        "rtmps://a.rtmps.youtube.com/live2",
        "rtmps://b.rtmps.youtube.com/live2?backup=1",
    );
    let started = |first: &str, second: &str, is_declared: bool| {
        let hand = ingest(Hand::new().destinations(&["+a", "+b"]), "a", first);
        let hand = ingest(hand, "b", second);
        let mut hand = hand
            .channel("c1", Running, ["a", "", ""])
            .channel("c2", Idle, ["", "", ""]);
        if !is_declared {
            hand.desired.destinations.remove("a");
        }
        let hand = hand.quiet();
        let update = hand.update("c2", &[("s1", "b")]);
        hand.steps("c2", vec![update, start()])
    };
    started(primary, backup, true).passes();
    started(backup, primary, true).passes();
    started(primary, backup, false).fails_with("TargetTwice");
    started(primary, "rtmp://x.rtmp.youtube.com/live2", true).fails_with("TargetTwice");
}
