//! A channel that could not start again is not interrupted, whatever is granted.

use super::super::fixture::{World, allowed, assignments, steps, unknown_key, waiting};
use crate::model::ChannelState::{Idle, Running};
use crate::model::{Endpoint, Idle as WhenIdle, Secret, WantedState};

const PRIMARY: &str = "rtmps://a.rtmps.youtube.com/live2";
const BACKUP: &str = "rtmps://b.rtmps.youtube.com/live2?backup=1";

/// `a` is on air in slot-1 and in main-out, which is no slot; `b` may interrupt it.
fn twice_on_air() -> World {
    let mut world = World::new()
        .channel("1", Running, &["+a", "-", "a"])
        .wanted("a")
        .wanted("b")
        .anytime()
        .grant("b");
    world.seen("1").groups_mut()[2].name = "main-out".into();
    world
}

/// The same of a platform, with main-out at this ingest for the one key.
fn on_youtube(beside: &str) -> World {
    let mut world = twice_on_air().with("a", |one| one.url = PRIMARY.into());
    let at = |url: &str| Ok(vec![Endpoint::new(url, Secret::new("key-of-a"))].into());
    world.seen("1").groups_mut()[0].target = at(PRIMARY);
    world.seen("1").groups_mut()[2].target = at(beside);
    world
}

#[test]
fn so_does_the_stream_of_a_slot_whose_key_is_unknown_or_was_changed() {
    let rotated = crate::model::StreamKey::Known(Secret::new("rotated"));
    for key in [unknown_key(), rotated] {
        let world = twice_on_air().with("a", |one| one.key = key.clone());
        let plan = allowed(&world);
        assert!(
            plan.steps().all(|(_, step)| step.interrupts.is_empty()),
            "{key:?}"
        );
        assert_eq!(waiting(&plan, "b"), "OnAirBesideSlots", "{key:?}");
    }
}

#[test]
fn a_stream_that_is_in_no_slot_as_well_keeps_its_channel_on_air() {
    for mut world in [twice_on_air(), on_youtube(PRIMARY)] {
        let plan = allowed(&world);
        assert!(plan.steps().all(|(_, step)| step.interrupts.is_empty()));
        assert_eq!(waiting(&plan, "b"), "OnAirBesideSlots");
        let why = plan.channels[0].waiting.as_ref().unwrap().to_string();
        assert!(why.contains("a is in main-out"), "{why}");
        // Nor for a change of its own, nor to release another one.
        world = world.with("b", |one| one.state = WantedState::Ready);
        world = world.with("a", |one| {
            one.url = one.url.replace("rtmp://", "rtmps://").into();
        });
        assert!(!steps(&allowed(&world), "1").contains("stop"));
    }
    // Off, it may end with its channel.
    let off = twice_on_air().ready("a");
    assert!(steps(&allowed(&off), "1").ends_with("stop update start"));
}

#[test]
fn the_other_ingest_of_a_platform_keeps_no_channel_from_its_start() {
    let mut world = on_youtube(BACKUP);
    let plan = allowed(&world);
    assert!(steps(&plan, "1").ends_with("stop update start"));
    for _ in 0..7 {
        let plan = allowed(&world);
        world.take_step(&plan, &plan.channels[0]);
    }
    let plan = allowed(&world);
    assert!(plan.is_empty(), "{world:?}");
    assert_eq!(assignments(&plan).len(), 2);
    assert_eq!(world.seen("1").state, Running);
}

#[test]
fn what_another_channel_publishes_keeps_from_a_restart_too() {
    let mut world = World::new()
        .channel("1", Running, &["+a", "-", "?cdn"])
        .channel("2", Running, &["?cdn"])
        .wanted("a")
        .wanted("b")
        .anytime();
    world.seen("1").groups_mut()[2].name = "main-out".into();
    world.seen("2").owner = Some("another".into());
    let plan = allowed(&world);
    assert!(!steps(&plan, "1").contains("stop"));
    let why = plan.channels[0].waiting.as_ref().unwrap();
    assert_eq!(why.code(), "OnAirElsewhere");
    assert!(why.to_string().starts_with("1 is left as it is:"), "{why}");
    assert_eq!(waiting(&plan, "b"), "OnAirElsewhere");
    world.seen("2").state = Idle;
    assert!(steps(&allowed(&world), "1").contains("stop"));
}

#[test]
fn a_channel_that_is_to_keep_running_is_not_stopped_for_good_either() {
    let mut world = twice_on_air().channel("2", Running, &["+a"]);
    world.seen("1").groups_mut()[0].name = "other-out".into();
    world.pool().idle = WhenIdle::KeepRunning;
    assert!(!steps(&allowed(&world), "1").contains("stop"));
}
