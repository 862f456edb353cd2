//! The whole loop in virtual time on bad days: each is reported, harms no other destination, and heals where it can.

use std::time::Duration;

use slotwise::testing::controller::lease::{Lease, LockPlace};
use slotwise::testing::controller::{Ended, Event, Settings, StepOutcome};
use slotwise::testing::emulator::channel::State;
use slotwise::testing::emulator::{Effect, Emulator, Fault, FaultKind, Operation, Options};
use slotwise::testing::model::{Desired, Destination, Interrupt, OwnerId, StreamKey, Trust, WantedState};
use slotwise::testing::status::Phase;

use super::stage::{Script, Stage, desired, fleet, pool, ready, wanted};

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(start_paused = true)]
async fn a_live_channel_with_undeclared_targets_is_left_exactly_as_it_is() {
    let declared = desired(pool(&["1"]), vec![wanted("a")]);
    // Another system's: no slot is parked by slotwise's own names, and none is recorded.
    let mut live = Stage::new(desired(pool(&["1"]), vec![wanted("foreign")]));
    live.converge(60).await;
    live.emulator.with_world(|world, _| {
        let document = world.channel_mut("1").unwrap().document_mut();
        document.shift_remove("tags");
        for destination in document["destinations"].as_array_mut().unwrap() {
            let Some(setting) = destination["settings"].get_mut(0) else {
                continue;
            };
            if setting["streamName"]
                .as_str()
                .unwrap()
                .starts_with("1-RTMP-Slot-")
            {
                setting["streamName"] = "spare".into();
            }
        }
    });
    let before = live
        .emulator
        .with_world(|world, _| world.channel("1").unwrap().describe());

    let mut stage = Stage::on(live.emulator.clone(), declared, |_| {});
    stage.emulator.clear_calls();
    stage.run_for(60 * MINUTE).await;
    assert_eq!(stage.writes(), Vec::<String>::new());
    assert_eq!(
        stage
            .emulator
            .with_world(|world, _| world.channel("1").unwrap().describe()),
        before
    );
    let channel = &stage.controller.status().channels[0];
    let (code, sentence) = channel.waiting.clone().unwrap();
    assert_eq!(code, "NotAdopted");
    assert!(
        sentence.contains("foreign.example") && !sentence.contains("k3y"),
        "{sentence}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_channel_of_another_owner_is_left_alone() {
    let mut first = Stage::new(desired(pool(&["1"]), vec![wanted("a")]));
    first.converge(60).await;
    let mut declared = desired(pool(&["1"]), vec![]);
    declared.owner = OwnerId::new("other");
    let mut second = Stage::on(first.emulator.clone(), declared, |_| {});
    second.emulator.clear_calls();
    second.run_for(10 * MINUTE).await;
    assert_eq!(second.writes(), Vec::<String>::new());
    assert_eq!(
        second.controller.status().channels[0].waiting.clone().unwrap().0,
        "OwnedByAnother"
    );
}

#[tokio::test(start_paused = true)]
async fn a_channel_stopped_by_a_human_is_started_again() {
    let mut stage = Stage::new(desired(pool(&["1"]), vec![wanted("a")]));
    stage.converge(60).await;
    stage
        .emulator
        .with_world(|world, now| world.force_state("1", State::Idle, now));
    stage.run_for(15 * MINUTE).await;
    assert_eq!(stage.phase("a"), Phase::Streaming);
    assert_eq!(stage.state("1"), "RUNNING");
}

#[tokio::test(start_paused = true)]
async fn interrupted_destinations_that_the_source_loses_come_back() {
    let log = interrupted_and_lost(|desired| {
        desired.destinations.retain(|name, _| name.as_str() == "c");
    });
    assert!(
        log.await
            .contains("2 of 2 destinations on air are no longer declared")
    );
    // One alone may be gone on purpose, but not by a source that is doubted anyway.
    let why = "b.yaml cannot be read";
    let log = interrupted_and_lost(|desired| {
        desired.destinations.remove("a");
        desired.trust = Trust::Doubted { why: why.to_owned() };
    });
    assert!(log.await.contains(why));
}

/// `a` and `b` are interrupted for `c`, the source is spoiled while their channel stops, and mended later. Returns the log.
async fn interrupted_and_lost(spoil: impl FnOnce(&mut Desired)) -> String {
    let mut pool = pool(&["1"]);
    pool.disruption.interrupt = Interrupt::Anytime;
    let mut stage = Stage::new(desired(pool, vec![wanted("a"), wanted("b"), ready("c")]));
    stage.converge(60).await;
    stage.emulator.clear_calls();
    stage
        .script
        .change(|desired| desired.destination_mut("c").unwrap().state = WantedState::Streaming);
    stage.run_for(MINUTE / 6).await;
    assert_eq!(stage.writes(), ["StopChannel 1"]);
    let mut whole = None;
    stage.script.change(|desired| {
        whole = Some(desired.clone());
        spoil(desired);
    });
    stage.run_for(10 * MINUTE).await;
    assert_eq!(stage.state("1"), "RUNNING");
    assert!(["a", "b", "c"].iter().all(|name| stage.carries("1", name)));
    stage.script.change(|desired| *desired = whole.unwrap());
    stage.run_for(10 * MINUTE).await;
    let writes = stage.writes();
    let (steps, tags) = writes.split_at(4);
    assert_eq!(
        steps,
        [
            "StopChannel 1",
            "CreateTags ",
            "UpdateChannel 1",
            "StartChannel 1"
        ]
    );
    // What the guard keeps is recorded, and no longer once it is declared again.
    assert!(tags.iter().all(|call| call == "CreateTags "), "{tags:?}");
    assert_eq!(
        ["a", "b", "c"].map(|name| stage.phase(name)),
        [Phase::Streaming; 3]
    );
    stage.log()
}

#[tokio::test(start_paused = true)]
async fn one_renamed_while_interrupted_keeps_its_place() {
    let mut pool = pool(&["1"]);
    pool.disruption.interrupt = Interrupt::Anytime;
    let mut stage = Stage::new(desired(pool, vec![wanted("a"), wanted("b"), ready("c")]));
    stage.converge(60).await;
    stage
        .script
        .change(|desired| desired.destination_mut("c").unwrap().state = WantedState::Streaming);
    stage.run_for(MINUTE / 6).await;
    stage.script.change(|desired| {
        let a = desired.destinations.remove("a").unwrap();
        let renamed = Destination {
            name: "renamed".into(),
            identity: "renamed".into(),
            ..Destination::clone(&a)
        };
        let newcomer = Destination {
            priority: 10,
            ..wanted("newcomer")
        };
        for one in [renamed, newcomer] {
            desired.destinations.insert(one.name.clone(), one.into());
        }
    });
    stage.run_for(10 * MINUTE).await;
    assert_eq!(stage.state("1"), "RUNNING");
    let phases = ["b", "renamed", "newcomer", "c"].map(|name| stage.phase(name));
    assert_eq!(phases[..3], [Phase::Streaming; 3]);
    assert_eq!(phases[3], Phase::Pending, "it has not been on air yet");
}

#[tokio::test(start_paused = true)]
async fn a_channel_deleted_behind_our_back_gives_its_destination_to_another() {
    let mut stage = Stage::new(desired(pool(&["1", "2"]), vec![wanted("a")]));
    stage.converge(60).await;
    let first = stage.destination("a").slot.unwrap().channel.to_string();
    stage.emulator.with_world(|world, _| world.remove_channel(&first));
    stage.run_for(20 * MINUTE).await;
    let now = stage.destination("a").slot.unwrap().channel.to_string();
    assert_ne!(now, first);
    assert_eq!(stage.phase("a"), Phase::Streaming);
}

#[tokio::test(start_paused = true)]
async fn a_reply_lost_after_the_effect_is_found_done() {
    for operation in [
        Operation::UpdateChannel,
        Operation::StartChannel,
        Operation::CreateTags,
    ] {
        let mut stage = Stage::new(desired(pool(&["1"]), vec![wanted("a")]));
        stage.emulator.inject(
            Fault::new(FaultKind::Timeout {
                effect: Effect::After,
            })
            .on(operation)
            .times(3),
        );
        assert!(
            matches!(stage.converge(60).await, Ended::Converged),
            "{operation:?}"
        );
        assert_eq!(stage.phase("a"), Phase::Streaming, "{operation:?}");
        assert!(stage.carries("1", "a"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_that_fails_twice_is_tried_again() {
    for failed_update_keeps_old in [true, false] {
        let declared = desired(pool(&["1"]), vec![wanted("a")]);
        let mut options = Options::default();
        options.switches.failed_update_keeps_old = failed_update_keeps_old;
        let emulator = slotwise::testing::emulator::Emulator::new(options, fleet(&declared));
        let mut stage = Stage::on(emulator, declared, |_| {});
        stage.emulator.inject(Fault::new(FaultKind::UpdateFails).times(2));
        assert!(matches!(stage.converge(120).await, Ended::Converged));
        assert_eq!(stage.phase("a"), Phase::Streaming);
        assert_eq!(stage.count("UpdateChannel"), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_keeps_failing_loses_its_destination_to_a_healthy_one() {
    let mut stage = Stage::new(desired(pool(&["1", "2"]), vec![wanted("a")]));
    stage.emulator.inject(Fault::new(FaultKind::StartFails).of("1"));
    stage.run_for(60 * MINUTE).await;
    assert_eq!(stage.phase("a"), Phase::Streaming, "{}", stage.log());
    assert_eq!(stage.destination("a").slot.unwrap().channel.as_str(), "2");
}

#[tokio::test(start_paused = true)]
async fn one_failing_channel_holds_up_no_other() {
    let mut stage = Stage::new(desired(pool(&["1", "2"]), vec![wanted("a"), wanted("b")]));
    stage.emulator.inject(
        Fault::new(FaultKind::Timeout {
            effect: Effect::Before,
        })
        .on(Operation::StartChannel)
        .of("1"),
    );
    stage.run_for(15 * MINUTE).await;
    let phases = [stage.phase("a"), stage.phase("b")];
    assert!(phases.contains(&Phase::Streaming), "{phases:?}");
}

#[tokio::test(start_paused = true)]
async fn a_minute_of_throttling_delays_and_breaks_nothing() {
    let mut stage = Stage::new(desired(pool(&["1", "2"]), vec![wanted("a"), wanted("b")]));
    let mut throttle = Fault::new(FaultKind::Throttle);
    throttle.matcher.for_seconds = Some(60.0);
    stage.emulator.inject(throttle);
    stage.run_for(20 * MINUTE).await;
    assert_eq!(
        [stage.phase("a"), stage.phase("b")],
        [Phase::Streaming, Phase::Streaming]
    );
    assert!(stage.log().contains("too many requests"));
}

#[tokio::test(start_paused = true)]
async fn throttling_moves_no_destination() {
    let mut stage = Stage::new(desired(pool(&["1", "2"]), vec![wanted("a")]));
    let mut throttle = Fault::new(FaultKind::Throttle).on(Operation::StartChannel);
    throttle.matcher.for_seconds = Some(180.0);
    stage.emulator.inject(throttle);
    stage.run_for(20 * MINUTE).await;
    assert_eq!(stage.phase("a"), Phase::Streaming);
    let writes = stage.writes();
    assert!(!writes.contains(&"UpdateChannel 2".to_owned()), "{writes:?}");
    assert!(stage.log().contains("too many requests"));
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_out_of_reach_is_reported_and_heals() {
    let mut stage = Stage::new(desired(pool(&["1"]), vec![wanted("a")]));
    let mut cut = Fault::new(FaultKind::Reset {
        effect: Effect::Before,
    });
    cut.matcher.for_seconds = Some(120.0);
    stage.emulator.inject(cut);
    stage.run_for(20 * MINUTE).await;
    assert_eq!(stage.phase("a"), Phase::Streaming);
    assert!(stage.log().contains("cannot be reached"), "{}", stage.log());
}

#[tokio::test(start_paused = true)]
async fn expired_credentials_and_a_missing_permission_say_what_to_do() {
    for (kind, words) in [
        (FaultKind::ExpiredToken, "has expired"),
        (FaultKind::AccessDenied, "iam-policy.json"),
    ] {
        let mut stage = Stage::new(desired(pool(&["1"]), vec![wanted("a")]));
        stage
            .emulator
            .inject(Fault::new(kind).on(Operation::ListChannels).times(2));
        stage.run_for(20 * MINUTE).await;
        assert!(stage.log().contains(words), "{}", stage.log());
        assert_eq!(stage.phase("a"), Phase::Streaming);
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_lags_behind_never_makes_a_step_twice() {
    let mut stage = Stage::new(desired(pool(&["1", "2"]), vec![wanted("a"), wanted("b")]));
    stage
        .emulator
        .inject(Fault::new(FaultKind::StaleList { seconds: 20.0 }));
    stage.run_for(30 * MINUTE).await;
    assert_eq!(
        [stage.phase("a"), stage.phase("b")],
        [Phase::Streaming, Phase::Streaming]
    );
    // Two channels: each adopted, updated and started once.
    assert_eq!(stage.writes().len(), 6, "{:?}", stage.writes());
}

#[tokio::test(start_paused = true)]
async fn a_channel_edited_before_a_step_is_planned_again() {
    let mut stage = Stage::new(desired(pool(&["1"]), vec![wanted("a")]));
    // The first Describe before a step answers late, and meanwhile the slot is parked elsewhere by hand.
    stage.converge(60).await;
    stage
        .emulator
        .with_world(|world, now| world.force_state("1", State::Idle, now));
    stage.emulator.with_world(|world, _| {
        let channel = world.channel_mut("1").unwrap();
        let text = serde_json::to_string(channel.document())
            .unwrap()
            .replace("k3y-of-a", "by-hand");
        *channel.document_mut() = serde_json::from_str(&text).unwrap();
    });
    assert!(matches!(stage.converge(60).await, Ended::Converged));
    assert!(stage.carries("1", "a"));
    assert_eq!(stage.phase("a"), Phase::Streaming);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_loses_most_destinations_takes_none_off_air() {
    let mut stage = Stage::new(desired(
        pool(&["1", "2", "3"]),
        vec![wanted("a"), wanted("b"), wanted("c")],
    ));
    stage.converge(60).await;
    stage.emulator.clear_calls();
    stage.script.change(|desired| desired.destinations.clear());
    stage.run_for(30 * MINUTE).await;
    assert_eq!(stage.writes(), ["CreateTags "; 3], "that they are kept");
    let trusted = &stage.controller.status().conditions[0];
    assert_eq!(
        (trusted.kind, trusted.reason),
        ("SourceTrusted", "SourceUntrusted")
    );
    // A restart changes nothing: the world still says so.
    stage.emulator.clear_calls();
    let mut again = Stage::on(
        stage.emulator.clone(),
        desired(pool(&["1", "2", "3"]), vec![]),
        |_| {},
    );
    again.run_for(30 * MINUTE).await;
    assert_eq!(again.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn one_destination_that_disappears_is_let_go() {
    let mut stage = Stage::new(desired(
        pool(&["1", "2", "3"]),
        vec![wanted("a"), wanted("b"), wanted("c")],
    ));
    stage.converge(60).await;
    let channel = stage.destination("a").slot.unwrap().channel.to_string();
    stage
        .script
        .change(|desired| drop(desired.destinations.remove("a")));
    stage.run_for(30 * MINUTE).await;
    assert_eq!(stage.state(&channel), "IDLE");
    assert_eq!(
        [stage.phase("b"), stage.phase("c")],
        [Phase::Streaming, Phase::Streaming]
    );
}

#[tokio::test(start_paused = true)]
async fn a_crash_after_any_step_is_healed_by_the_next_process() {
    for seconds in [0, 1, 2, 4, 10, 20, 40, 60, 90, 120, 180] {
        let declared = desired(pool(&["1", "2"]), vec![wanted("a"), wanted("b")]);
        let mut first = Stage::new(declared.clone());
        // Dropped in the middle of whatever it was doing.
        let _ended = tokio::time::timeout(Duration::from_secs(seconds), first.converge(60)).await;
        let mut second = Stage::on(first.emulator.clone(), declared, |_| {});
        drop(first);
        assert!(
            matches!(second.converge(60).await, Ended::Converged),
            "after {seconds} s"
        );
        assert_eq!(
            [second.phase("a"), second.phase("b")],
            [Phase::Streaming, Phase::Streaming],
            "after {seconds} s"
        );
        assert_eq!(
            second
                .emulator
                .calls()
                .iter()
                .filter(|call| call.operation == "StartChannel" && call.applied)
                .count(),
            2
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_the_step_under_way() {
    let mut stage = Stage::new(desired(pool(&["1"]), vec![wanted("a")]));
    stage
        .emulator
        .inject(Fault::new(FaultKind::Slow { seconds: 5.0 }).on(Operation::UpdateChannel));
    stage.run_for(Duration::from_secs(2)).await;
    let events = stage.events.lock().unwrap();
    assert!(events.iter().any(|(_, event)| matches!(event, Event::Draining)));
    let (_, last) = events.last().unwrap();
    assert!(
        matches!(
            last,
            Event::StepEnded {
                action: "update",
                outcome: StepOutcome::Accepted,
                ..
            }
        ),
        "the update under way was not waited for: {last:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_start_that_hangs_is_reported_after_a_while() {
    let mut stage = Stage::new(desired(pool(&["1"]), vec![wanted("a")]));
    stage
        .emulator
        .inject(Fault::new(FaultKind::StuckStarting).times(1));
    stage.run_for(40 * MINUTE).await;
    let status = stage.destination("a");
    assert_ne!(status.phase, Phase::Streaming);
    assert!(status.message.contains("STARTING"), "{status:?}");
    assert_eq!(stage.count("StopChannel"), 0, "a start under way is not cut off");
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_jumps_neither_hastens_nor_holds_up_anything() {
    for jump in [-86_400, 86_400] {
        let mut stage = Stage::new(desired(pool(&["1"]), vec![wanted("a")]));
        stage.emulator.inject(Fault::new(FaultKind::UpdateFails).times(2));
        stage.run_for(Duration::from_secs(30)).await;
        stage.clock.jump(jump);
        stage.run_for(20 * MINUTE).await;
        assert_eq!(stage.phase("a"), Phase::Streaming, "after a jump of {jump} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_channel_is_reported_and_the_others_are_used() {
    let declared = desired(pool(&["1", "404"]), vec![wanted("a"), wanted("b")]);
    let emulator =
        slotwise::testing::emulator::Emulator::new(Options::default(), fleet(&desired(pool(&["1"]), vec![])));
    let mut stage = Stage::on(emulator, declared, |_| {});
    assert!(matches!(stage.converge(60).await, Ended::Converged));
    assert_eq!(
        [stage.phase("a"), stage.phase("b")],
        [Phase::Streaming, Phase::Streaming]
    );
    let missing = &stage.controller.status().channels[1];
    assert_eq!(missing.waiting.clone().unwrap().0, "ChannelMissing");
    // What is not there is asked for once, not every cycle.
    stage.emulator.clear_calls();
    stage.run_for(10 * MINUTE).await;
    assert_eq!(stage.count("DescribeChannel"), 0);
}

#[tokio::test(start_paused = true)]
async fn too_few_slots_serve_the_highest_priority() {
    let mut destinations: Vec<_> = ["a", "b", "c", "d"].into_iter().map(wanted).collect();
    destinations[3].priority = 10;
    let mut stage = Stage::new(desired(pool(&["1"]), destinations));
    stage.converge(60).await;
    assert_eq!(stage.phase("d"), Phase::Streaming);
    let waiting: Vec<_> = ["a", "b", "c"]
        .into_iter()
        .filter(|name| stage.phase(name) == Phase::Pending)
        .collect();
    assert_eq!(waiting.len(), 1);
    assert_eq!(stage.destination(waiting[0]).reason, "NoFreeSlot");
}

#[tokio::test(start_paused = true)]
async fn a_channel_renamed_by_hand_keeps_its_destinations() {
    let mut stage = Stage::new(desired(pool(&["1"]), vec![wanted("a")]));
    stage.converge(60).await;
    stage.emulator.with_world(|world, _| {
        world
            .channel_mut("1")
            .unwrap()
            .document_mut()
            .insert("name".to_owned(), "another name".into());
    });
    stage.emulator.clear_calls();
    stage.run_for(10 * MINUTE).await;
    assert_eq!(stage.writes(), Vec::<String>::new());
    assert_eq!(stage.phase("a"), Phase::Streaming);
    assert_eq!(stage.controller.status().channels[0].name, "another name");
}

#[tokio::test(start_paused = true)]
async fn the_destination_of_a_renamed_output_group_gets_another_slot() {
    let mut stage = Stage::new(desired(pool(&["1"]), vec![ready("a")]));
    stage.converge(60).await;
    stage.emulator.with_world(|world, _| {
        let channel = world.channel_mut("1").unwrap();
        let text = serde_json::to_string(channel.document())
            .unwrap()
            .replace("RTMP-Slot-1", "Renamed");
        *channel.document_mut() = serde_json::from_str(&text).unwrap();
    });
    stage
        .script
        .change(|desired| desired.destination_mut("a").unwrap().state = WantedState::Streaming);
    assert!(matches!(stage.converge(60).await, Ended::Converged));
    assert_eq!(stage.phase("a"), Phase::Streaming);
    assert_eq!(stage.destination("a").slot.unwrap().output_group, "RTMP-Slot-2");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_cannot_be_read_takes_nothing_off_air_and_heals() {
    let mut stage = Stage::new(desired(pool(&["1", "2"]), vec![wanted("a"), wanted("b")]));
    stage.converge(60).await;
    stage.emulator.clear_calls();
    let lost = StreamKey::Unavailable {
        reference: "env A".to_owned(),
        why: "the variable is not set".to_owned(),
    };
    let key = stage_key(&stage, "a");
    stage
        .script
        .change(|desired| desired.destination_mut("a").unwrap().key = lost);
    stage.run_for(20 * MINUTE).await;
    assert_eq!(stage.writes(), Vec::<String>::new());
    assert_eq!(
        [stage.phase("a"), stage.phase("b")],
        [Phase::Streaming, Phase::Streaming]
    );
    stage
        .script
        .change(|desired| desired.destination_mut("a").unwrap().key = key);
    stage.run_for(20 * MINUTE).await;
    assert_eq!(stage.writes(), Vec::<String>::new());
}

fn stage_key(stage: &Stage, name: &str) -> StreamKey {
    let mut key = None;
    stage
        .script
        .change(|desired| key = Some(desired.destinations[name].key.clone()));
    key.unwrap()
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_over_in_an_interruption_knows_who_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let place = LockPlace::named(dir.path().join("slotwise.lock"));
    let mut pool = pool(&["1"]);
    pool.disruption.interrupt = Interrupt::Anytime;
    let with_priority = |name: &str, priority| Destination {
        priority,
        ..ready(name)
    };
    let all = vec![
        wanted("a"),
        wanted("b"),
        with_priority("c", 100),
        with_priority("d", 50),
    ];
    let declared = desired(pool, all);
    let emulator = Emulator::new(Options::default(), fleet(&declared));
    let owner = declared.owner.clone();
    let begin = |script: Script| {
        let settings = Settings::new(owner.clone());
        let lease = Lease::lock_file(&place).unwrap();
        Stage::leased(emulator.clone(), script, lease, settings)
    };
    let mut first = begin(Script::new(declared));
    first.converge(60).await;
    let switch_on = |stage: &Stage, name: &str| {
        stage
            .script
            .change(|desired| desired.destination_mut(name).unwrap().state = WantedState::Streaming);
    };
    switch_on(&first, "c");
    while first.state("1") != "STOPPING" {
        first.run_for_without_end(Duration::from_secs(1)).await;
    }
    let script = first.script.clone();
    drop(first);
    let mut next = begin(script);
    switch_on(&next, "d");
    next.run_for(Duration::from_mins(10)).await;
    let phases = ["a", "b", "c", "d"].map(|name| next.phase(name));
    let expected = [
        Phase::Streaming,
        Phase::Streaming,
        Phase::Streaming,
        Phase::Pending,
    ];
    assert_eq!(phases, expected, "d is more important than those who come back");
}
