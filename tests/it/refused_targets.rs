//! MediaLive does not take everything that a URL may be: one target that it refuses keeps nobody else off air.

use std::sync::Arc;
use std::time::Duration;

use slotwise::testing::controller::lease::{Lease, LockPlace};
use slotwise::testing::controller::{Ended, Event, Settings};
use slotwise::testing::emulator::{Emulator, Options, Switches};
use slotwise::testing::model::{Desired, Interrupt, OwnerId, Pin, WantedState};
use slotwise::testing::status::Phase;

use super::stage::{Script, Stage, desired, fleet, pool, ready, wanted};

const MINUTE: Duration = Duration::from_mins(1);

/// A MediaLive that refuses URLs with a query.
fn without_queries(declared: Desired) -> Stage {
    let options = Options {
        switches: Switches {
            rtmp_query_allowed: false,
            ..Switches::default()
        },
        ..Options::default()
    };
    let emulator = Emulator::new(options, fleet(&declared));
    Stage::on(emulator, declared, |_| {})
}

/// One channel with three slots, which may be interrupted at any time.
fn one_channel() -> Desired {
    let mut pool = pool(&["1"]);
    pool.disruption.interrupt = Interrupt::Anytime;
    desired(pool, vec![wanted("a"), ready("b"), ready("c")])
}

fn with_query(desired: &mut Desired, name: &str) {
    let one = desired.destination_mut(name).unwrap();
    one.url = Arc::from(format!("{}?backup=1", one.url));
}

fn without_query(desired: &mut Desired, name: &str) {
    let one = desired.destination_mut(name).unwrap();
    one.url = Arc::from(one.url.trim_end_matches("?backup=1"));
}

fn switch_on(desired: &mut Desired, name: &str) {
    desired.destination_mut(name).unwrap().state = WantedState::Streaming;
}

/// How often a channel was stopped.
fn stops(stage: &Stage) -> usize {
    let events = stage.events.lock().unwrap();
    let is_stop = |event: &Event| matches!(event, Event::StepBegun { step, .. } if step.action == slotwise::testing::plan::Action::Stop);
    events.iter().filter(|(_, event)| is_stop(event)).count()
}

#[tokio::test(start_paused = true)]
async fn neighbours_and_other_newcomers_go_on_air_without_it() {
    let mut stage = without_queries(one_channel());
    stage.converge(60).await;
    stage.script.change(|desired| {
        with_query(desired, "b");
        switch_on(desired, "b");
        switch_on(desired, "c");
    });
    stage.run_for(10 * MINUTE).await;
    let phases = |stage: &Stage| [stage.phase("a"), stage.phase("b"), stage.phase("c")];
    assert_eq!(phases(&stage), [Phase::Streaming, Phase::Error, Phase::Streaming]);
    let b = stage.destination("b");
    assert_eq!(b.reason, "TargetRefused");
    assert!(b.message.to_string().contains("query"), "{}", b.message);
    assert_eq!(stops(&stage), 1);

    stage.run_for(300 * MINUTE).await;
    assert_eq!(stops(&stage), 1, "nobody is interrupted for it again");

    stage.script.change(|desired| without_query(desired, "b"));
    stage.run_for(10 * MINUTE).await;
    assert_eq!(phases(&stage), [Phase::Streaming; 3]);
    assert!(!stage.log().contains("k3y"), "a key was shown");
}

#[tokio::test(start_paused = true)]
async fn an_own_change_that_is_refused_leaves_it_on_air_as_it_was() {
    let mut stage = without_queries(one_channel());
    stage.converge(60).await;
    stage.script.change(|desired| with_query(desired, "a"));
    stage.run_for(10 * MINUTE).await;
    assert_eq!(stage.state("1"), "RUNNING");
    assert_eq!(stage.destination("a").reason, "TargetRefused");
    assert_eq!(stage.phase("a"), Phase::Streaming);
    stage.run_for(100 * MINUTE).await;
    assert_eq!(stops(&stage), 1);
    stage.script.change(|desired| without_query(desired, "a"));
    stage.run_for(10 * MINUTE).await;
    assert_eq!(stage.destination("a").reason, "OnAir");
    assert_eq!(stops(&stage), 1, "it is on air as declared again");
}

#[tokio::test(start_paused = true)]
async fn where_nobody_is_on_air_it_is_tried_again_by_itself() {
    let mut declared = one_channel();
    with_query(&mut declared, "a");
    let mut stage = without_queries(declared);
    assert!(matches!(stage.converge(60).await, Ended::Converged));
    assert_eq!(stage.destination("a").reason, "TargetRefused");
    stage.emulator.clear_calls();
    stage.run_for(60 * MINUTE).await;
    let tries = stage.count("UpdateChannel");
    assert!((3..=6).contains(&tries), "{tries} tries within an hour");

    stage
        .emulator
        .with_world(|world, _| world.settings_mut().switches.rtmp_query_allowed = true);
    stage.run_for(61 * MINUTE).await;
    assert_eq!(stage.phase("a"), Phase::Streaming);
}

#[tokio::test(start_paused = true)]
async fn two_own_changes_that_are_refused_leave_both_on_air() {
    let mut declared = one_channel();
    declared.destination_mut("b").unwrap().state = WantedState::Streaming;
    let mut stage = without_queries(declared);
    stage.converge(60).await;
    stage.script.change(|desired| {
        with_query(desired, "a");
        with_query(desired, "b");
        with_query(desired, "c");
        switch_on(desired, "c");
    });
    stage.run_for(30 * MINUTE).await;
    let phases = [stage.phase("a"), stage.phase("b"), stage.phase("c")];
    assert_eq!(phases, [Phase::Streaming, Phase::Streaming, Phase::Error]);
    assert_eq!(stops(&stage), 1);
}

#[tokio::test(start_paused = true)]
async fn a_grant_for_what_is_refused_is_used_up() {
    let mut declared = one_channel();
    declared.destination_mut("b").unwrap().state = WantedState::Streaming;
    let pool = declared.pools.values_mut().next().unwrap();
    pool.disruption.interrupt = Interrupt::Never;
    let mut stage = without_queries(declared.clone());
    stage.converge(60).await;
    // `apply --interrupt a` after the change.
    with_query(&mut declared, "a");
    let mut stage = Stage::on(stage.emulator, declared, |settings| {
        settings.grants.insert("a".into());
    });
    stage.run_for(30 * MINUTE).await;
    assert_eq!([stage.phase("a"), stage.phase("b")], [Phase::Streaming; 2]);
    assert_eq!(stage.destination("a").reason, "TargetRefused");
    assert_eq!(stops(&stage), 1);
}

#[tokio::test(start_paused = true)]
async fn a_parking_url_in_the_same_update_is_named_as_well() {
    let mut declared = one_channel();
    switch_on(&mut declared, "b");
    let mut stage = without_queries(declared);
    stage.converge(60).await;
    stage.script.change(|desired| {
        let pool = desired.pools.values_mut().next().unwrap();
        pool.slots.parking_url = "rtmp://127.0.0.1/parked?x".into();
        desired.destination_mut("b").unwrap().state = WantedState::Ready;
        desired.destination_mut("c").unwrap().pin = Some(Pin {
            channel: "1".into(),
            output_group: "RTMP-Slot-3".into(),
        });
        switch_on(desired, "c");
    });
    stage.run_for(10 * MINUTE).await;
    let message = stage.destination("c").message.to_string();
    assert!(message.contains("spec.slots.parkingUrl"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_successor_knows_what_was_refused() {
    let dir = tempfile::tempdir().unwrap();
    let place = LockPlace::named(dir.path().join("slotwise.lock"));
    let begin = |emulator: &Emulator, script: Script| {
        let settings = Settings::new(OwnerId::new("test"));
        let lease = Lease::lock_file(&place).unwrap();
        Stage::leased(emulator.clone(), script, lease, settings)
    };
    let mut declared = one_channel();
    switch_on(&mut declared, "b");
    let emulator = without_queries(declared.clone()).emulator;
    let mut first = begin(&emulator, Script::new(declared));
    first.converge(60).await;
    first.script.change(|desired| with_query(desired, "a"));
    emulator.clear_calls();
    while first.count("UpdateChannel") == 0 {
        first.run_for_without_end(Duration::from_secs(1)).await;
    }
    first.run_for_without_end(Duration::from_secs(1)).await;
    assert_eq!(
        (first.state("1").as_str(), first.count("StartChannel")),
        ("IDLE", 0)
    );
    let script = first.script.clone();
    drop(first);
    let note = std::fs::read_to_string(dir.path().join("slotwise.lock")).unwrap();
    assert!(
        note.contains("refused") && !note.contains("k3y") && !note.contains("rtmp://"),
        "{note}"
    );

    let mut next = begin(&emulator, script);
    next.run_for(100 * MINUTE).await;
    assert_eq!([next.phase("a"), next.phase("b")], [Phase::Streaming; 2]);
    assert_eq!(next.destination("a").reason, "TargetRefused");
    assert_eq!(next.count("UpdateChannel"), 1, "it is not tried again");
    next.script.change(|desired| without_query(desired, "a"));
    next.run_for(MINUTE).await;
    assert_eq!(next.destination("a").reason, "OnAir");
}
