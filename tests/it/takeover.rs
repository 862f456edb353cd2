//! `takeover: true` on a channel, over its whole life: it releases what is undeclared once.

use std::time::Duration;

use serde_json::Value;
use slotwise::testing::emulator::channel::State;
use slotwise::testing::medialive::OWNER_TAG;
use slotwise::testing::model::tag::{SLOT_TAG_PREFIX, TAKEOVER_TAG};
use slotwise::testing::model::{Desired, Interrupt, WantedState};
use slotwise::testing::status::Phase;

use crate::stage::{Stage, desired, pool, ready, wanted};

const MINUTE: Duration = Duration::from_mins(1);

/// One channel with `takeover: true`, whose pool interrupts at any time.
fn taken_over(state: WantedState) -> Desired {
    let mut pool = pool(&["1"]);
    pool.channels[0].takeover = true;
    pool.disruption.interrupt = Interrupt::Anytime;
    let a = if state == WantedState::Ready {
        ready("a")
    } else {
        wanted("a")
    };
    desired(pool, vec![a])
}

/// Somebody points a slot without `a` elsewhere, by hand.
fn edit_by_hand(stage: &Stage) {
    stage.emulator.with_world(|world, now| {
        world.channel_mut("1").unwrap().edit(now, |document| {
            let slots = document["destinations"].as_array_mut().unwrap();
            let settings = slots.iter_mut().filter_map(|one| one["settings"].get_mut(0));
            let mut others = settings.filter(|one| !one.to_string().contains("k3y-of-a"));
            let other = others.next().unwrap();
            other["url"] = "rtmp://by-hand.example/live".into();
            other["streamName"] = "by-hand".into();
        });
    });
}

/// Somebody starts the channel by hand.
fn start_by_hand(stage: &Stage) {
    stage
        .emulator
        .with_world(|world, now| assert!(world.force_state("1", State::Running, now)));
}

/// The tag of the takeover of channel 1.
fn tag(stage: &Stage) -> Option<String> {
    let channel = stage
        .emulator
        .with_world(|world, _| world.channel("1").unwrap().describe());
    let tag = channel["tags"].get(TAKEOVER_TAG).and_then(Value::as_str);
    tag.map(str::to_owned)
}

fn is_by_hand(stage: &Stage) -> bool {
    let channel = stage
        .emulator
        .with_world(|world, _| world.channel("1").unwrap().describe());
    Value::Object(channel).to_string().contains("by-hand.example")
}

/// The channel runs with what no Destination explains; slotwise begins.
async fn on_air_undeclared(adjust: impl FnOnce(&Stage)) -> Stage {
    let mut stage = Stage::new(taken_over(WantedState::Streaming));
    edit_by_hand(&stage);
    start_by_hand(&stage);
    adjust(&stage);
    stage.run_for(30 * MINUTE).await;
    stage
}

#[tokio::test(start_paused = true)]
async fn what_is_undeclared_is_released_once() {
    let mut stage = on_air_undeclared(|_| ()).await;
    assert_eq!(stage.phase("a"), Phase::Streaming);
    assert!(!is_by_hand(&stage), "it is released");
    assert_eq!(tag(&stage).as_deref(), Some("done"));

    // During a show somebody stops the channel, edits it and starts it again.
    edit_by_hand(&stage);
    stage
        .script
        .change(|desired| desired.destination_mut("a").unwrap().state = WantedState::Ready);
    stage.run_for(30 * MINUTE).await;
    assert_eq!(stage.state("1"), "RUNNING");
    assert_eq!(stage.destination("a").reason, "Undeclared");

    // Nor by a new process.
    let declared = taken_over(WantedState::Ready);
    let mut stage = Stage::on(stage.emulator.clone(), declared, |_| {});
    stage.run_for(30 * MINUTE).await;
    assert_eq!(stage.state("1"), "RUNNING");

    // Once more, by a wish.
    let set = |stage: &Stage, takeover| {
        stage.script.change(|desired| {
            desired.pools.values_mut().next().unwrap().channels[0].takeover = takeover;
        });
    };
    set(&stage, false);
    stage.run_for(10 * MINUTE).await;
    assert_eq!((tag(&stage), stage.state("1").as_str()), (None, "RUNNING"));
    set(&stage, true);
    stage.run_for(30 * MINUTE).await;
    assert_eq!(stage.state("1"), "IDLE");
    assert_eq!(tag(&stage).as_deref(), Some("done"));
}

#[tokio::test(start_paused = true)]
async fn with_nothing_to_release_it_is_used_up_at_the_first_look() {
    let mut stage = Stage::new(taken_over(WantedState::Streaming));
    stage.converge(60).await;
    assert_eq!(tag(&stage).as_deref(), Some("done"));
    assert_eq!(
        stage.writes(),
        ["CreateTags ", "CreateTags ", "UpdateChannel 1", "StartChannel 1"],
        "one call more, and that once"
    );
    stage.run_for(60 * MINUTE).await;
    assert_eq!(stage.writes().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn without_its_tag_it_waits() {
    // A policy of an earlier version.
    let allow = |stage: &Stage, keys: &str| {
        stage.emulator.with_world(|world, _| {
            keys.clone_into(&mut world.settings_mut().switches.tag_keys_allowed);
        });
    };
    let older = format!("{OWNER_TAG}, {SLOT_TAG_PREFIX}*");
    let mut stage = on_air_undeclared(|stage| allow(stage, &older)).await;
    assert_eq!((tag(&stage), stage.state("1").as_str()), (None, "RUNNING"));
    assert_eq!(stage.destination("a").reason, "Undeclared");
    assert!(is_by_hand(&stage));
    let log = stage.log();
    assert_eq!(log.matches("takeover: true waits until").count(), 1, "{log}");
    assert!(
        stage.count("CreateTags") <= 4,
        "it is tried again, but not all the time"
    );

    allow(&stage, "*");
    stage.run_for(40 * MINUTE).await;
    assert_eq!(stage.phase("a"), Phase::Streaming);
    assert_eq!(tag(&stage).as_deref(), Some("done"));
}

#[tokio::test(start_paused = true)]
async fn a_policy_without_its_tag_keeps_nothing_else_from_being_recorded() {
    let declared = taken_over(WantedState::Streaming);
    let mut stage = Stage::new(declared);
    stage.emulator.with_world(|world, _| {
        let allowed = &mut world.settings_mut().switches.tag_keys_allowed;
        *allowed = format!("{OWNER_TAG}, {SLOT_TAG_PREFIX}*");
    });
    stage.converge(60).await;
    assert_eq!(stage.phase("a"), Phase::Streaming);
    let channel = stage
        .emulator
        .with_world(|world, _| world.channel("1").unwrap().describe());
    let tags = channel["tags"].as_object().unwrap();
    assert!(tags.contains_key(OWNER_TAG) && tags.keys().any(|key| key.starts_with(SLOT_TAG_PREFIX)));
}
