//! The whole loop in virtual time: what it does, and what it costs.

use std::collections::BTreeSet;
use std::time::Duration;

use slotwise::testing::controller::{Ended, Event};
use slotwise::testing::emulator::{Fault, FaultKind, Operation, Options, Switches};
use slotwise::testing::model::{Interrupt, Placement, Secret, StreamKey, WantedState, Window};
use slotwise::testing::status::Phase;

use super::stage::{Stage, desired, destination, fleet, pool, ready, wanted};

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(start_paused = true)]
async fn wanted_destinations_go_on_air_and_a_second_run_finds_nothing_to_do() {
    let mut stage = Stage::new(desired(
        pool(&["1", "2"]),
        vec![wanted("a"), wanted("b"), ready("c")],
    ));
    assert!(matches!(stage.converge(60).await, Ended::Converged));
    assert_eq!(
        [stage.phase("a"), stage.phase("b"), stage.phase("c")],
        [Phase::Streaming, Phase::Streaming, Phase::Ready]
    );
    assert_eq!([stage.state("1"), stage.state("2")], ["RUNNING", "RUNNING"]);
    stage.emulator.clear_calls();
    assert!(matches!(stage.converge(60).await, Ended::Converged));
    assert_eq!(stage.writes(), Vec::<String>::new());
    assert!(!stage.log().contains("k3y"), "a key was shown");
}

#[tokio::test(start_paused = true)]
async fn a_cold_start_costs_four_calls_and_a_steady_cycle_one_list() {
    let mut stage = Stage::new(desired(pool(&["1"]), vec![ready("a")]));
    // The first run adopts the channel and learns its wiring.
    stage.converge(60).await;
    stage.emulator.clear_calls();
    stage
        .script
        .change(|desired| desired.destination_mut("a").unwrap().state = WantedState::Streaming);
    assert!(matches!(stage.converge(60).await, Ended::Converged));
    assert_eq!(
        stage.writes(),
        ["CreateTags ", "UpdateChannel 1", "StartChannel 1"]
    );
    assert_eq!(
        stage.count("DescribeChannel"),
        1,
        "the list that shows the end of the update is the look of the start"
    );

    stage.emulator.clear_calls();
    stage.run_for(10 * MINUTE).await;
    let calls = stage.emulator.calls();
    assert!(
        calls.iter().all(|call| call.operation == "ListChannels"),
        "a steady cycle only lists"
    );
    assert!(
        (9..=12).contains(&calls.len()),
        "about one a minute, and there were {}",
        calls.len()
    );
}

#[tokio::test(start_paused = true)]
async fn a_queued_step_begins_as_soon_as_another_ends() {
    let ids: Vec<String> = (1..=4).map(|number| number.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let names = ["a", "b", "c", "d"];
    let took = async |at_once: usize| {
        let declared = desired(pool(&ids), names.into_iter().map(wanted).collect());
        let mut stage = Stage::with(declared, |settings| settings.concurrency = at_once);
        let begun = tokio::time::Instant::now();
        assert!(matches!(stage.converge(60).await, Ended::Converged));
        begun.elapsed()
    };
    let (together, one_by_one) = (took(4).await, took(1).await);
    assert!(
        one_by_one < together + Duration::from_secs(3),
        "{together:?} side by side, {one_by_one:?} one by one"
    );
}

#[tokio::test(start_paused = true)]
async fn a_warm_destination_starts_without_an_update() {
    let mut stage = Stage::new(desired(pool(&["1"]), vec![wanted("a")]));
    stage.converge(60).await;
    let switch = |stage: &Stage, state| {
        stage
            .script
            .change(|d| d.destination_mut("a").unwrap().state = state);
    };
    switch(&stage, WantedState::Ready);
    stage.converge(60).await;
    assert_eq!(stage.state("1"), "IDLE");
    stage.emulator.clear_calls();
    switch(&stage, WantedState::Streaming);
    stage.converge(60).await;
    assert_eq!(stage.writes(), ["StartChannel 1"]);
    assert_eq!(stage.count("DescribeChannel"), 1);
}

#[tokio::test(start_paused = true)]
async fn once_it_knows_how_long_they_take_a_switch_costs_twelve_calls_and_is_noticed_soon() {
    const SWITCHES: usize = 20;
    let mut stage = Stage::new(desired(pool(&["1"]), vec![wanted("a"), ready("b")]));
    stage.converge(60).await;
    let (mut calls, mut late) = (0, Duration::ZERO);
    for switch in 0..SWITCHES {
        // Off and on in turn, always the other one, so that each needs an update.
        let (name, wish) = match switch % 4 {
            0 => ("a", WantedState::Ready),
            1 => ("b", WantedState::Streaming),
            2 => ("b", WantedState::Ready),
            _ => ("a", WantedState::Streaming),
        };
        stage.emulator.clear_calls();
        stage
            .script
            .change(|desired| desired.destination_mut(name).unwrap().state = wish);
        assert!(matches!(stage.converge(60).await, Ended::Converged));
        calls += stage.emulator.calls().len();
        late += stage.emulator.with_world(|world, now| {
            let since = world.channel("1").unwrap().life().since();
            now.elapsed.saturating_sub(since)
        });
    }
    assert!(calls <= SWITCHES * 12, "{calls} calls for {SWITCHES} switches");
    let each = late / u32::try_from(SWITCHES).unwrap();
    assert!(
        each <= Duration::from_secs(12),
        "{each:?} late, for {calls} calls"
    );
}

#[tokio::test(start_paused = true)]
async fn each_step_adds_at_most_one_transition_interval() {
    let mut stage = Stage::new(desired(pool(&["1"]), vec![wanted("a")]));
    let begun = tokio::time::Instant::now();
    assert!(matches!(stage.converge(60).await, Ended::Converged));
    let total = begun.elapsed();
    let calls = stage.emulator.calls();
    let at = |operation: &str| calls.iter().find(|call| call.operation == operation).unwrap().at;
    // Adopt needs no transition; Update and Start each have one, seen at most one interval late.
    let interval = Duration::from_secs(5);
    let update = at("StartChannel").saturating_sub(at("UpdateChannel"));
    assert!(
        at("UpdateChannel") <= Duration::from_secs(1),
        "{:?}",
        at("UpdateChannel")
    );
    assert!(update <= Duration::from_mins(1) + interval, "{update:?}");
    let world_running = stage
        .emulator
        .with_world(|world, _| world.channel("1").unwrap().life().clone());
    assert!(
        total <= Duration::from_mins(10) + 2 * interval,
        "{total:?} {world_running:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_on_air_is_interrupted_while_the_pool_never_interrupts() {
    let mut stage = Stage::new(desired(pool(&["1"]), vec![wanted("a"), ready("b")]));
    stage.converge(60).await;
    stage.emulator.clear_calls();
    stage
        .script
        .change(|desired| desired.destination_mut("b").unwrap().state = WantedState::Streaming);
    assert!(matches!(stage.converge(60).await, Ended::Converged));
    assert_eq!(stage.writes(), Vec::<String>::new());
    let waiting = stage.destination("b");
    assert_eq!(
        (waiting.phase, waiting.reason),
        (Phase::Pending, "InterruptionForbidden")
    );
    assert!(
        waiting.message.contains('a') && !waiting.ways_out.is_empty(),
        "{waiting:?}"
    );
    assert_eq!(stage.phase("a"), Phase::Streaming);
}

#[tokio::test(start_paused = true)]
async fn a_granted_interruption_returns_destinations_to_their_slots() {
    let mut pool = pool(&["1"]);
    pool.disruption.interrupt = Interrupt::Anytime;
    let mut stage = Stage::new(desired(pool, vec![wanted("a"), ready("b")]));
    stage.converge(60).await;
    let before = stage.destination("a").slot;
    stage.emulator.clear_calls();
    stage
        .script
        .change(|desired| desired.destination_mut("b").unwrap().state = WantedState::Streaming);
    assert!(matches!(stage.converge(60).await, Ended::Converged));
    assert_eq!(
        stage.writes(),
        [
            "StopChannel 1",
            "CreateTags ",
            "UpdateChannel 1",
            "StartChannel 1"
        ]
    );
    assert_eq!(
        [stage.phase("a"), stage.phase("b")],
        [Phase::Streaming, Phase::Streaming]
    );
    assert_eq!(stage.destination("a").slot, before);
    let events = stage.events.lock().unwrap();
    let waited: Vec<&str> = events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::PhaseChanged {
                destination,
                wanted_for: Some(_),
                ..
            } => Some(destination.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(
        waited,
        ["a", "b"],
        "the one that comes back was not waited for a second time"
    );
}

#[tokio::test(start_paused = true)]
async fn a_moved_destination_is_never_on_air_twice() {
    let names = ["a", "b", "c"];
    let mut declared = desired(pool(&["1"]), names.map(wanted).to_vec());
    // The old place grants a move like any change of one's own.
    declared.pools.values_mut().next().unwrap().disruption.interrupt = Interrupt::Anytime;
    let mut second = pool(&["2"]);
    second.name = "second".into();
    declared.pools.insert(second.name.clone(), second);
    let mut stage = Stage::new(declared);
    stage.converge(60).await;
    stage.emulator.clear_calls();
    stage.script.change(|desired| {
        for name in names {
            desired.destination_mut(name).unwrap().pool = "second".into();
        }
    });
    stage.converge(60).await;
    assert_eq!(
        stage.writes(),
        [
            "StopChannel 1",
            "CreateTags ",
            "UpdateChannel 2",
            "StartChannel 2"
        ]
    );
    assert_eq!(names.map(|name| stage.phase(name)), [Phase::Streaming; 3]);
    let events = stage.events.lock().unwrap();
    let refused = |event: &Event| matches!(event, Event::PlanRefused { .. } | Event::SourceDoubted { .. });
    assert!(!events.iter().any(|(_, event)| refused(event)), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn a_destination_on_a_shared_channel_stays_until_the_others_end() {
    let mut pool = pool(&["1"]);
    pool.placement = Placement::Pack;
    let mut stage = Stage::new(desired(pool, vec![wanted("a"), wanted("b")]));
    stage.converge(60).await;
    stage
        .script
        .change(|desired| desired.destination_mut("a").unwrap().state = WantedState::Ready);
    stage.converge(60).await;
    let status = stage.destination("a");
    assert_eq!((status.phase, status.reason), (Phase::Stopping, "SharesChannel"));
    stage
        .script
        .change(|desired| desired.destination_mut("b").unwrap().state = WantedState::Ready);
    stage.converge(60).await;
    assert_eq!([stage.phase("a"), stage.phase("b")], [Phase::Ready, Phase::Ready]);
    assert_eq!(stage.state("1"), "IDLE");
}

#[tokio::test(start_paused = true)]
async fn switches_pressed_in_a_row_are_one_change() {
    let mut stage = Stage::new(desired(pool(&["1"]), vec![ready("a"), ready("b"), ready("c")]));
    stage.converge(60).await;
    stage.emulator.clear_calls();
    let script = stage.script.clone();
    let press = async {
        for name in ["a", "b", "c"] {
            tokio::time::sleep(Duration::from_millis(700)).await;
            script.change(|desired| desired.destination_mut(name).unwrap().state = WantedState::Streaming);
        }
    };
    tokio::join!(press, stage.run_for(20 * MINUTE));
    assert_eq!(
        stage.writes(),
        ["CreateTags ", "UpdateChannel 1", "StartChannel 1"]
    );
    for name in ["a", "b", "c"] {
        assert_eq!(stage.phase(name), Phase::Streaming);
    }
}

#[tokio::test(start_paused = true)]
async fn a_role_and_a_foreign_destination_come_back_as_they_were() {
    let mut stage = Stage::new(desired(pool(&["1"]), vec![wanted("a")]));
    let look = |stage: &Stage| {
        stage
            .emulator
            .with_world(|world, _| world.channel("1").unwrap().describe())
    };
    let before = look(&stage);
    stage.converge(60).await;
    let after = look(&stage);
    assert_eq!(before["roleArn"], after["roleArn"]);
    assert_eq!(before["encoderSettings"], after["encoderSettings"]);
    let foreign = |document: &serde_json::Map<String, serde_json::Value>| {
        let all = document["destinations"].as_array().unwrap().clone();
        all.into_iter()
            .filter(|entry| entry["settings"].as_array().is_none_or(Vec::is_empty))
            .collect::<Vec<_>>()
    };
    assert!(
        !foreign(&before).is_empty(),
        "the fleet has a destination that is no slot's"
    );
    assert_eq!(foreign(&before), foreign(&after));
}

#[tokio::test(start_paused = true)]
async fn standard_channels_get_a_target_for_each_pipeline() {
    let mut with_backup = destination("a", WantedState::Streaming);
    with_backup.backup_url = Some("rtmp://backup.example/live".into());
    let declared = desired(pool(&["1"]), vec![with_backup]);
    let mut standard = slotwise::testing::emulator::InventedChannel {
        id: "1".to_owned(),
        standard: true,
        parking_url: super::stage::PARKING.to_owned(),
        slots: Vec::new(),
    };
    standard.slots = (1..=2)
        .map(|slot| slotwise::testing::emulator::InventedSlot {
            output_group: format!("RTMP-Slot-{slot}"),
            stream_names: (0..2)
                .map(|pipeline| format!("1-RTMP-Slot-{slot}-{pipeline}"))
                .collect(),
        })
        .collect();
    let pools = [slotwise::testing::emulator::InventedPool {
        name: "main".to_owned(),
        channels: vec![standard],
    }];
    let emulator = slotwise::testing::emulator::Emulator::new(
        Options::default(),
        slotwise::testing::emulator::Fleet::invent(&pools),
    );
    let mut stage = Stage::on(emulator, declared, |_| {});
    assert!(matches!(stage.converge(60).await, Ended::Converged));
    let document = stage
        .emulator
        .with_world(|world, _| world.channel("1").unwrap().describe());
    let text = serde_json::to_string(&document).unwrap();
    assert!(
        text.contains("rtmp://a.example/live") && text.contains("rtmp://backup.example/live"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_fleet_of_many_channels_costs_one_list_per_page() {
    let ids: Vec<String> = (1..=60).map(|number| number.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let declared = desired(pool(&ids), vec![]);
    let emulator = slotwise::testing::emulator::Emulator::new(
        Options {
            account_limit: false,
            // One that cuts off before the page that it is asked for.
            switches: Switches {
                list_page_max: 20,
                ..Switches::default()
            },
            ..Options::default()
        },
        fleet(&declared),
    );
    let mut stage = Stage::on(emulator, declared, |_| {});
    stage.converge(60).await;
    stage.emulator.clear_calls();
    stage.run_for(3 * MINUTE).await;
    let lists = stage.count("ListChannels");
    assert_eq!(
        lists % 3,
        0,
        "60 channels on pages of 20 are 3 requests a look, and there were {lists}"
    );
    assert_eq!(stage.emulator.calls().len(), lists);
}

#[tokio::test(start_paused = true)]
async fn a_window_that_opens_lets_the_waiting_in_and_everyone_back() {
    let mut pool = pool(&["1"]);
    pool.disruption.interrupt = Interrupt::Window;
    pool.disruption.windows = vec![Window {
        cron: "0 4 * * *".parse().unwrap(),
        duration: 30 * MINUTE,
        time_zone: jiff::tz::TimeZone::get("Europe/Berlin").unwrap(),
    }];
    let mut stage = Stage::new(desired(pool, vec![wanted("a"), ready("b")]));
    stage.converge(60).await;
    stage
        .script
        .change(|desired| desired.destination_mut("b").unwrap().state = WantedState::Streaming);
    stage.run_for(60 * MINUTE).await;
    assert_eq!(stage.destination("b").reason, "OutsideWindow");
    assert_eq!(stage.phase("a"), Phase::Streaming);
    // 04:00 in Berlin is 03:00 UTC in winter; the clock of the stage began at midnight UTC.
    stage.run_for(135 * MINUTE).await;
    assert_eq!(
        [stage.phase("a"), stage.phase("b")],
        [Phase::Streaming, Phase::Streaming]
    );
}

#[tokio::test(start_paused = true)]
async fn a_new_key_on_air_waits_for_a_grant() {
    let mut stage = Stage::new(desired(pool(&["1"]), vec![wanted("a")]));
    stage.converge(60).await;
    stage.emulator.clear_calls();
    stage.script.change(|desired| {
        desired.destination_mut("a").unwrap().key = StreamKey::Known(Secret::new("k3y-of-a-rotated"));
    });
    stage.run_for(20 * MINUTE).await;
    assert_eq!(stage.phase("a"), Phase::Streaming);
    assert_eq!(stage.destination("a").reason, "InterruptionForbidden");
    assert_eq!(stage.writes(), Vec::<String>::new());
    stage.script.change(|desired| {
        let pool = desired.pools.values_mut().next().unwrap();
        pool.disruption.interrupt = Interrupt::Anytime;
    });
    stage.run_for(20 * MINUTE).await;
    assert_eq!(stage.phase("a"), Phase::Streaming);
    assert!(stage.carries("1", "a-rotated"));
}

#[tokio::test(start_paused = true)]
async fn a_grant_of_the_command_is_good_for_one_change() {
    let declared = desired(pool(&["1"]), vec![wanted("a"), wanted("b")]);
    let mut stage = Stage::with(declared, |settings| {
        settings.grants = BTreeSet::from(["a".into()]);
    });
    let rotate = |stage: &Stage, key: &str| {
        stage.script.change(|desired| {
            desired.destination_mut("a").unwrap().key = StreamKey::Known(Secret::new(key));
        });
    };
    stage.converge(60).await;
    rotate(&stage, "k3y-of-a-first");
    stage.converge(60).await;
    assert!(!stage.carries("1", "a-first"), "it was used when `a` went on air");
    assert_eq!(stage.destination("a").reason, "InterruptionForbidden");
}

#[tokio::test(start_paused = true)]
async fn a_grant_of_the_command_lasts_until_it_is_used() {
    let declared = desired(pool(&["1"]), vec![wanted("a"), wanted("b")]);
    let mut stage = Stage::new(declared.clone());
    stage.converge(60).await;
    let mut rotated = declared;
    rotated.destination_mut("a").unwrap().key = StreamKey::Known(Secret::new("k3y-of-a-first"));
    let mut stage = Stage::on(stage.emulator.clone(), rotated, |settings| {
        settings.grants = BTreeSet::from(["a".into()]);
    });
    stage.converge(60).await;
    assert!(stage.carries("1", "a-first"));
    stage.script.change(|desired| {
        desired.destination_mut("a").unwrap().key = StreamKey::Known(Secret::new("k3y-of-a-second"));
    });
    stage.converge(60).await;
    assert!(!stage.carries("1", "a-second"));
}

/// Why the whole is degraded, if it is.
fn degraded(stage: &Stage) -> Option<&'static str> {
    let conditions = &stage.controller.status().conditions;
    let degraded = conditions.iter().find(|one| one.kind == "Degraded")?;
    Some(degraded.reason)
}

#[tokio::test(start_paused = true)]
async fn slots_that_cannot_be_recorded_are_reported_once_and_shown() {
    let mut stage = Stage::new(desired(pool(&["1"]), vec![ready("a")]));
    stage.converge(60).await;
    let denied = Fault::new(FaultKind::AccessDenied).on(Operation::CreateTags);
    stage.emulator.inject(denied.times(1));
    stage
        .script
        .change(|desired| desired.destination_mut("a").unwrap().state = WantedState::Streaming);
    stage.converge(60).await;
    assert_eq!(stage.phase("a"), Phase::Streaming, "on air without a record");
    stage.run_for(5 * MINUTE).await;
    let log = stage.log();
    assert_eq!(log.matches("allow medialive:CreateTags").count(), 1, "{log}");
    assert_eq!(degraded(&stage), Some("SlotTagsDenied"));

    stage.run_for(20 * MINUTE).await;
    assert_eq!(degraded(&stage), None);
}

#[tokio::test(start_paused = true)]
async fn what_keeps_a_channel_from_starting_is_told_between_the_tries() {
    let mut stage = Stage::new(desired(pool(&["1"]), vec![wanted("a")]));
    let denied = Fault::new(FaultKind::AccessDenied).on(Operation::StartChannel);
    stage.emulator.inject(denied);
    stage.run_for(3 * MINUTE).await;
    // A try costs two looks: one for it, and one that says what came of it.
    let (tries, lists) = (stage.count("StartChannel"), stage.count("ListChannels"));
    assert!(
        tries >= 5 && lists <= 2 * tries + 8,
        "{lists} lists for {tries} tries"
    );
    for _ in 0..20 {
        stage.run_for(Duration::from_secs(10)).await;
        let status = stage.destination("a");
        assert_eq!(status.phase, Phase::Error, "{status:?}");
        assert_eq!(status.reason, "BackingOff");
        assert!(status.message.contains("medialive:StartChannel"), "{status:?}");
    }
}
