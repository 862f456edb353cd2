//! Races of the loop: what is begun and not made yet, what cannot be looked at, what a list shows too late.

use std::time::Duration;

use serde_json::json;
use slotwise::testing::controller::{Ended, Event, StepOutcome, Until};
use slotwise::testing::emulator::channel::State;
use slotwise::testing::emulator::request::Request;
use slotwise::testing::emulator::world::Document;
use slotwise::testing::emulator::{Call, Effect, Fault, FaultKind, Operation};
use slotwise::testing::model::{ChannelState, Idle, Interrupt, Pin, WantedState};
use slotwise::testing::status::Phase;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::stage::{Stage, desired, pool, ready, wanted};

const MINUTE: Duration = Duration::from_mins(1);

fn switch(stage: &Stage, name: &str, to: WantedState) {
    stage
        .script
        .change(|desired| desired.destination_mut(name).unwrap().state = to);
}

#[tokio::test(start_paused = true)]
async fn a_begun_stop_is_withdrawn_once_a_destination_is_wanted_again() {
    let mut stage = Stage::new(desired(pool(&["1"]), vec![wanted("a")]));
    stage.converge(60).await;
    // The look before the stop takes a while, and meanwhile the declaration changes.
    stage.emulator.inject(
        Fault::new(FaultKind::Slow { seconds: 6.0 })
            .on(Operation::DescribeChannel)
            .times(1),
    );
    let script = stage.script.clone();
    let change = async {
        for (pause, state) in [(0, WantedState::Ready), (3, WantedState::Streaming)] {
            sleep(Duration::from_secs(pause)).await;
            script.change(|desired| desired.destination_mut("a").unwrap().state = state);
        }
    };
    tokio::join!(change, stage.run_for(5 * MINUTE));
    assert!(
        stage.log().contains("Stale"),
        "the stop was begun: {}",
        stage.log()
    );
    assert_eq!(stage.count("StopChannel"), 0);
    assert_eq!(stage.phase("a"), Phase::Streaming);
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_planned_again_when_the_look_before_it_took_long() {
    let mut stage = Stage::new(desired(pool(&["1"]), vec![wanted("a")]));
    stage.converge(60).await;
    // Two attempts of the look are lost, so that it is answered after 20 s.
    let lost = Fault::new(FaultKind::Timeout {
        effect: Effect::Before,
    })
    .on(Operation::DescribeChannel);
    stage.emulator.inject(lost.times(2));
    switch(&stage, "a", WantedState::Ready);
    stage.run_for(5 * MINUTE).await;
    assert!(stage.log().contains("grown old"), "{}", stage.log());
    assert_eq!(stage.count("StopChannel"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_destination_wanted_again_during_a_long_look_is_not_stopped() {
    // The source is looked at once a minute, so that only the look itself can find out.
    let mut stage = Stage::with(desired(pool(&["1"]), vec![wanted("a")]), |settings| {
        settings.source_interval = MINUTE;
    });
    stage.converge(60).await;
    // The declaration is read, then the list takes a while, and meanwhile the declaration changes.
    stage.emulator.inject(
        Fault::new(FaultKind::Slow { seconds: 9.0 })
            .on(Operation::ListChannels)
            .times(1),
    );
    switch(&stage, "a", WantedState::Ready);
    let script = stage.script.clone();
    let change = async {
        sleep(Duration::from_secs(6)).await;
        script.change(|desired| desired.destination_mut("a").unwrap().state = WantedState::Streaming);
    };
    tokio::join!(change, stage.run_for(5 * MINUTE));
    assert_eq!(stage.count("StopChannel"), 0, "{}", stage.log());
    assert_eq!(stage.phase("a"), Phase::Streaming);
}

#[tokio::test(start_paused = true)]
async fn what_may_be_on_air_on_an_unseen_channel_starts_nowhere_else() {
    let declared = desired(pool(&["1", "2"]), vec![wanted("a")]);
    let mut first = Stage::new(declared.clone());
    first.converge(60).await;
    let channel = first.destination("a").slot.unwrap().channel.to_string();
    // A new process knows nothing yet, and the one channel that it would have to look at does not answer.
    let mut blind = Fault::new(FaultKind::ServerError {
        status: 500,
        effect: Effect::Before,
    })
    .on(Operation::DescribeChannel)
    .of(channel);
    blind.matcher.for_seconds = Some(600.0);
    first.emulator.inject(blind);
    let mut second = Stage::on(first.emulator.clone(), declared, |_| {});
    second.emulator.clear_calls();
    second.run_for(9 * MINUTE).await;
    let begun: Vec<String> = second
        .writes()
        .into_iter()
        .filter(|call| !call.starts_with("CreateTags"))
        .collect();
    assert_eq!(begun, Vec::<String>::new());
    second.run_for(10 * MINUTE).await;
    assert_eq!(second.phase("a"), Phase::Streaming);
    assert_eq!(second.count("StartChannel"), 0);
}

#[tokio::test(start_paused = true)]
async fn an_ambiguous_update_keeps_its_destination_there() {
    let mut stage = Stage::new(desired(pool(&["1", "2"]), vec![ready("a")]));
    stage.converge(60).await;
    let lost = Fault::new(FaultKind::Timeout {
        effect: Effect::After,
    })
    .on(Operation::StartChannel);
    stage.emulator.inject(lost.times(1));
    switch(&stage, "a", WantedState::Streaming);
    // Until the start's reply is lost; then its channel cannot be looked at for a while.
    while stage.count("StartChannel") == 0 {
        stage.run_for(Duration::from_millis(500)).await;
    }
    let started = if stage.state("1") == "STARTING" { "1" } else { "2" };
    let mut blind = Fault::new(FaultKind::Throttle)
        .on(Operation::DescribeChannel)
        .of(started);
    blind.matcher.for_seconds = Some(120.0);
    stage.emulator.inject(blind);
    stage.run_for(20 * MINUTE).await;
    assert_eq!(stage.phase("a"), Phase::Streaming);
    assert_eq!(stage.count("StartChannel"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_lags_behind_makes_no_step_stale() {
    for seconds in [10.0, 25.0, 50.0] {
        let mut stage = Stage::new(desired(pool(&["1", "2"]), vec![wanted("a"), wanted("b")]));
        stage
            .emulator
            .inject(Fault::new(FaultKind::StaleList { seconds }));
        stage.run_for(20 * MINUTE).await;
        switch(&stage, "a", WantedState::Ready);
        stage.run_for(10 * MINUTE).await;
        switch(&stage, "a", WantedState::Streaming);
        stage.run_for(20 * MINUTE).await;
        assert_eq!(
            [stage.phase("a"), stage.phase("b")],
            [Phase::Streaming, Phase::Streaming]
        );
        let events = stage.events.lock().unwrap();
        let outcomes = events.iter().filter_map(|(_, event)| match event {
            Event::StepEnded { outcome, .. } => Some(outcome),
            _ => None,
        });
        let others: Vec<_> = outcomes
            .filter(|outcome| **outcome != StepOutcome::Accepted)
            .collect();
        assert!(others.is_empty(), "{seconds} s: {others:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unseen_state_is_not_new_on_a_lagging_list() {
    for pause in [12, 16, 20, 24] {
        let mut stage = Stage::new(desired(pool(&["1", "2"]), vec![wanted("a"), ready("b")]));
        stage.converge(60).await;
        stage.run_for(2 * MINUTE).await;
        let carries = |channel: &&str| stage.carries(channel, "a");
        let channel = ["1", "2"].into_iter().find(carries).unwrap();
        stage
            .emulator
            .inject(Fault::new(FaultKind::StaleList { seconds: 25.0 }));
        // Renamed and then stopped by hand: between the two it is a channel that slotwise never saw.
        stage.emulator.with_world(|world, now| {
            let renamed = |document: &mut Document| drop(document.insert("name".into(), "by-hand".into()));
            world.channel_mut(channel).unwrap().edit(now, renamed);
        });
        stage.run_for(Duration::from_secs(pause)).await;
        stage.emulator.with_world(|world, now| {
            let stop = Request::new(Operation::StopChannel, channel);
            world.handle(&stop, now).unwrap();
        });
        // Looks again and again, as something happens on the other channel.
        switch(&stage, "b", WantedState::Streaming);
        stage.run_for(10 * MINUTE).await;
        assert_eq!(stage.phase("a"), Phase::Streaming);
        let events = stage.events.lock().unwrap();
        let log: Vec<_> = events
            .iter()
            .filter_map(|(_, event)| match event {
                Event::StateChanged {
                    channel: of,
                    from,
                    to,
                    ..
                } if of.as_str() == channel => Some((*from, *to)),
                _ => None,
            })
            .collect();
        assert!(
            !log.contains(&(Some(ChannelState::Stopping), ChannelState::Running)),
            "{pause} s: {log:?}"
        );
        assert!(
            log.contains(&(Some(ChannelState::Running), ChannelState::Stopping)),
            "{pause} s: {log:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_reply_does_not_hide_what_happened_since() {
    let mut stage = Stage::new(desired(pool(&["1"]), vec![ready("a")]));
    stage.converge(60).await;
    stage
        .emulator
        .inject(Fault::new(FaultKind::Slow { seconds: 9.0 }).on(Operation::UpdateChannel));
    switch(&stage, "a", WantedState::Streaming);
    let begun = Instant::now();
    while stage.count("StartChannel") == 0 {
        stage.run_for(Duration::from_secs(1)).await;
    }
    // The update itself takes a minute at most; its reply, 9 s late, says UPDATING.
    assert!(begun.elapsed() < Duration::from_secs(75), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_refused_start_is_tried_less_and_less_often() {
    let mut stage = Stage::new(desired(pool(&["1", "2"]), vec![wanted("a")]));
    stage
        .emulator
        .inject(Fault::new(FaultKind::AccessDenied).on(Operation::StartChannel));
    stage.run_for(60 * MINUTE).await;
    let first = stage.count("StartChannel");
    stage.emulator.clear_calls();
    stage.run_for(60 * MINUTE).await;
    let (second, updates) = (stage.count("StartChannel"), stage.count("UpdateChannel"));
    assert!(
        first <= 40 && second <= 26,
        "{first} in the first hour, {second} in the second"
    );
    assert!(
        updates <= 2,
        "it goes back and forth: {updates} updates in the second hour"
    );
}

#[tokio::test(start_paused = true)]
async fn destinations_of_a_channel_that_does_not_restart_go_elsewhere() {
    let mut crowded = pool(&["1", "2"]);
    crowded.disruption.interrupt = Interrupt::Anytime;
    let mut stage = Stage::new(desired(crowded, vec![wanted("a")]));
    stage.converge(60).await;
    let home = stage.destination("a").slot.unwrap().channel.to_string();
    stage.emulator.inject(Fault::new(FaultKind::StartFails).of(&home));
    // A pinned destination joins, and then the channel does not start again.
    let pin = Pin {
        channel: home.as_str().into(),
        output_group: "RTMP-Slot-3".into(),
    };
    stage.script.change(|desired| {
        let mut other = wanted("b");
        other.pin = Some(pin);
        desired.destinations.insert(other.name.clone(), other.into());
    });
    stage.run_for(60 * MINUTE).await;
    assert_eq!(stage.phase("a"), Phase::Streaming);
    assert_ne!(stage.destination("a").slot.unwrap().channel.as_str(), home);
}

#[tokio::test(start_paused = true)]
async fn a_manual_stop_during_a_start_is_no_failure() {
    let mut stage = Stage::new(desired(pool(&["1"]), vec![wanted("a")]));
    stage.run_for(MINUTE).await;
    assert_eq!(stage.state("1"), "STARTING");
    stage
        .emulator
        .with_world(|world, now| world.force_state("1", State::Stopping, now));
    stage.run_for(Duration::from_secs(30)).await;
    stage
        .emulator
        .with_world(|world, now| world.force_state("1", State::Idle, now));
    stage.run_for(10 * MINUTE).await;
    assert_eq!(stage.phase("a"), Phase::Streaming);
    assert!(!stage.log().contains("instead of starting"), "{}", stage.log());
}

#[tokio::test(start_paused = true)]
async fn wakes_in_a_row_do_not_make_a_cycle_each() {
    let mut stage = Stage::new(desired(pool(&["1"]), vec![ready("a")]));
    stage.converge(60).await;
    stage.emulator.clear_calls();
    let waker = stage.controller.waker();
    let wake = async {
        for _ in 0..1_000 {
            sleep(Duration::from_millis(1)).await;
            waker.notify_one();
        }
    };
    tokio::join!(wake, stage.run_for(Duration::from_secs(2)));
    let lists = stage.count("ListChannels");
    assert!(
        (10..=25).contains(&lists),
        "{lists} looks for 1000 wakes within a second"
    );
}

#[tokio::test(start_paused = true)]
async fn a_limit_holds_while_a_cycle_hangs() {
    let mut stage = Stage::new(desired(pool(&["1"]), vec![wanted("a")]));
    stage.converge(60).await;
    let hang = Fault::new(FaultKind::Timeout {
        effect: Effect::Before,
    })
    .on(Operation::ListChannels);
    stage.emulator.inject(hang);
    let begun = Instant::now();
    let deadline = begun + Duration::from_secs(5);
    let ended = stage
        .controller
        .run(Until::Converged { deadline }, &CancellationToken::new())
        .await;
    assert!(matches!(ended, Ended::TimedOut), "{ended:?}");
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
}

/// `a` is on air on one channel, and the other one is started by hand with the same target. The one that holds it is
/// stopped by hand `pause` after that.
async fn a_copy_is_left_while_it_is_all_there_is(pause: Duration) -> bool {
    let mut stage = Stage::new(desired(pool(&["1", "2"]), vec![wanted("a")]));
    stage.converge(60).await;
    let carries = |channel: &&str| stage.carries(channel, "a");
    let holder = ["1", "2"].into_iter().find(carries).unwrap();
    let other = if holder == "1" { "2" } else { "1" };
    stage
        .emulator
        .inject(Fault::new(FaultKind::StaleList { seconds: 25.0 }));
    stage.emulator.with_world(|world, now| {
        let target = world.channel(holder).unwrap().document()["destinations"][1]["settings"].clone();
        let copied = |document: &mut Document| document["destinations"][1]["settings"] = target;
        world.channel_mut(other).unwrap().edit(now, copied);
        let start = Request::new(Operation::StartChannel, other);
        world.handle(&start, now).unwrap();
    });
    stage.run_for(pause).await;
    let stopped = stage.emulator.with_world(|world, now| {
        let stop = Request::new(Operation::StopChannel, holder);
        world.handle(&stop, now).unwrap();
        now.elapsed
    });
    stage.emulator.clear_calls();
    stage.run_for(20 * MINUTE).await;
    assert_eq!(stage.phase("a"), Phase::Streaming, "{}", stage.log());
    let calls = stage.emulator.calls();
    let is_early = |call: &Call| call.operation == "StopChannel" && call.at < stopped + MINUTE;
    assert!(!calls.iter().any(is_early), "{pause:?}: {}", stage.log());
    stage.log().contains("beside it was")
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_not_stopped_once_the_channel_that_held_the_target_is() {
    let mut hits = 0;
    for seconds in (100..200).step_by(4) {
        hits += usize::from(a_copy_is_left_while_it_is_all_there_is(Duration::from_secs(seconds)).await);
    }
    assert!(hits > 0, "the stop of the copy never met the stop by hand");
}

/// Where there is room for one step at once, the steps of a plan that was made while a start was under way begin when that ends.
/// As channel 1 seems to go away, `a` goes to channel 2. While that is about to start, `pause` after its update, channel 1 is there
/// again and holds it, too. Which of the two was started.
async fn started_where_the_other_one_comes_back_after(pause: Duration) -> String {
    let declared = desired(pool(&["1", "2"]), vec![wanted("a")]);
    let mut stage = Stage::with(declared, |settings| settings.concurrency = 1);
    stage.converge(60).await;
    stage.emulator.clear_calls();
    let late = Fault::new(FaultKind::StaleList { seconds: 6.0 });
    let slow = Fault::new(FaultKind::Slow { seconds: 8.0 }).on(Operation::StartChannel);
    stage.emulator.inject(late);
    stage.emulator.inject(slow.times(1));
    let emulator = stage.emulator.clone();
    emulator.with_world(|world, now| world.force_state("1", State::Deleting, now));
    let is = |state: State| emulator.with_world(|world, _| world.channel("2").unwrap().state() == state);
    let stops = async {
        for state in [State::Updating, State::Idle] {
            let reached = async {
                while !is(state) {
                    sleep(Duration::from_millis(100)).await;
                }
            };
            let known = timeout(10 * MINUTE, reached).await;
            assert!(known.is_ok(), "channel 2 was never {state:?}");
        }
        sleep(pause).await;
        emulator.with_world(|world, now| world.force_state("1", State::Idle, now));
    };
    tokio::join!(stops, stage.run_for(20 * MINUTE));
    assert_eq!(stage.phase("a"), Phase::Streaming);
    let writes = stage.writes();
    assert_eq!(writes[..2], ["CreateTags ", "UpdateChannel 2"], "{pause:?}");
    assert_eq!(writes.len(), 3, "{pause:?}: {writes:?}");
    writes[2].clone()
}

#[tokio::test(start_paused = true)]
async fn a_start_during_planning_is_not_repeated_elsewhere() {
    let mut goes_on = 0;
    for seconds in (0..10).step_by(3) {
        let started = started_where_the_other_one_comes_back_after(Duration::from_secs(seconds)).await;
        goes_on += usize::from(started == "StartChannel 2");
    }
    assert!(goes_on > 0, "channel 1 was always back before the start");
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_keeps_running_starts_again_though_its_newcomer_is_off_by_then() {
    let mut keeps = pool(&["1"]);
    keeps.idle = Idle::KeepRunning;
    keeps.disruption.interrupt = Interrupt::Anytime;
    let mut stage = Stage::new(desired(keeps, vec![wanted("a"), ready("b")]));
    stage.converge(60).await;
    switch(&stage, "b", WantedState::Streaming);
    while stage.state("1") != "STOPPING" {
        stage.run_for_without_end(Duration::from_secs(1)).await;
    }
    switch(&stage, "a", WantedState::Ready);
    switch(&stage, "b", WantedState::Ready);
    stage.run_for(10 * MINUTE).await;
    assert_eq!(stage.state("1"), "RUNNING", "other output groups end with it");
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_got_another_output_group_by_hand_is_not_stopped_before_that_is_known() {
    let mut stage = Stage::new(desired(pool(&["1"]), vec![wanted("a")]));
    stage.converge(60).await;
    // One attempt of the look before the stop is lost, and meanwhile somebody has stopped, changed and started the channel.
    let lost = Fault::new(FaultKind::Timeout {
        effect: Effect::Before,
    })
    .on(Operation::DescribeChannel);
    stage.emulator.inject(lost.times(1));
    switch(&stage, "a", WantedState::Ready);
    let emulator = stage.emulator.clone();
    let change = async {
        sleep(Duration::from_secs(8)).await;
        emulator.with_world(|world, now| {
            world.force_state("1", State::Idle, now);
            world.channel_mut("1").unwrap().edit(now, |document| {
                let groups = document["encoderSettings"]["outputGroups"].as_array_mut();
                let groups = groups.unwrap();
                let mut added = groups[0].clone();
                added["name"] = json!("Beside");
                groups.push(added);
            });
            world.force_state("1", State::Running, now);
        });
    };
    tokio::join!(change, stage.run_for(5 * MINUTE));
    let log = stage.log();
    assert!(
        log.contains("what would end with the channel was changed"),
        "{log}"
    );
    assert_eq!(stage.count("StopChannel"), 1);
}
