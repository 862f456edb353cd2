//! RouterPools that are renamed or removed, and destinations that move between pools of both kinds, against the emulator.

use std::time::Duration;

use slotwise::testing::controller::{Ended, Event};
use slotwise::testing::emulator::mediaconnect::{self, ResourceKind};
use slotwise::testing::emulator::request::Request;
use slotwise::testing::emulator::{Emulator, Fault, FaultKind, Operation, Options};
use slotwise::testing::model::{Cause, Desired, Interrupt, WantedState};
use slotwise::testing::status::Phase;

use super::router_pool::wanted;
use super::stage::{INPUT, Stage, fleet, pool, router_pool};

const MINUTE: Duration = Duration::from_mins(1);
const LIST: Operation = Operation::Router(mediaconnect::Operation::ListRouterOutputs);
const OTHER_INPUT: &str = "arn:aws:mediaconnect:us-east-1:111122223333:routerInput:b1b2c3d4e5f6";

/// Each output: whose it is and in which pool by its tags, its state, and since when.
fn outputs(emulator: &Emulator) -> Vec<(String, String, String, Duration)> {
    emulator.with_world(|world, _| {
        let all = world.router().resources();
        let outputs = all.filter(|one| one.kind() == ResourceKind::Output);
        let mut outputs: Vec<_> = outputs
            .map(|output| {
                let tag = |name: &str| {
                    let text = output.document()["tags"][name].as_str().unwrap_or("?");
                    text.split(' ').next().unwrap_or_default().to_owned()
                };
                (
                    tag("slotwise.dev/destination"),
                    tag("slotwise.dev/pool"),
                    output.state().name().to_owned(),
                    output.since(),
                )
            })
            .collect();
        outputs.sort();
        outputs
    })
}

fn states(stage: &Stage) -> Vec<String> {
    let all = outputs(&stage.emulator).into_iter();
    all.map(|(name, pool, state, _)| format!("{name} in {pool}: {state}"))
        .collect()
}

/// RouterPool `main`, RouterPool `other` with an input of its own, and ChannelPool `slots` with channel 1.
fn three_pools(names: &[&str]) -> Desired {
    let mut desired = wanted(names);
    let mut other = router_pool();
    other.name = "other".into();
    other.input = OTHER_INPUT.into();
    desired.routers.insert("other".into(), other);
    let mut slots = pool(&["1"]);
    slots.name = "slots".into();
    desired.pools.insert("slots".into(), slots);
    desired
}

async fn converged(stage: &mut Stage) {
    let ended = stage.converge(30).await;
    assert!(matches!(ended, Ended::Converged), "{}", stage.log());
}

fn move_to(stage: &Stage, name: &'static str, pool: &'static str) {
    stage
        .script
        .change(move |desired| desired.destination_mut(name).unwrap().pool = pool.into());
}

fn grant(desired: &mut Desired, pool: &str) {
    if let Some(pool) = desired.routers.get_mut(pool) {
        pool.disruption.interrupt = Interrupt::Anytime;
    }
    if let Some(pool) = desired.pools.get_mut(pool) {
        pool.disruption.interrupt = Interrupt::Anytime;
        pool.disruption.causes = [Cause::Retarget].into();
    }
}

#[tokio::test(start_paused = true)]
async fn outputs_stay_on_air_when_their_pool_is_renamed_and_end_when_asked() {
    let mut stage = Stage::new(wanted(&["a", "b"]));
    converged(&mut stage).await;
    let before = outputs(&stage.emulator);
    stage.script.change(|desired| {
        let mut pool = desired.routers.remove("main").unwrap();
        pool.name = "new".into();
        desired.routers.insert("new".into(), pool);
        for name in ["a", "b"] {
            desired.destination_mut(name).unwrap().pool = "new".into();
        }
    });
    converged(&mut stage).await;
    let after = outputs(&stage.emulator);
    assert_eq!(states(&stage), ["a in new: ACTIVE", "b in new: ACTIVE"]);
    let since = |all: &[(String, String, String, Duration)]| all.iter().map(|one| one.3).collect::<Vec<_>>();
    assert_eq!(since(&before), since(&after));
    assert_eq!(stage.phase("a"), Phase::Streaming);
    stage
        .script
        .change(|desired| desired.destination_mut("a").unwrap().state = WantedState::Ready);
    converged(&mut stage).await;
    assert_eq!(states(&stage), ["a in new: STANDBY", "b in new: ACTIVE"]);
}

#[tokio::test(start_paused = true)]
async fn to_another_router_pool_it_moves_once_that_is_granted() {
    let desired = three_pools(&["a", "b"]);
    let mut stage = Stage::new(desired);
    converged(&mut stage).await;
    move_to(&stage, "a", "other");
    stage.run_for(5 * MINUTE).await;
    assert_eq!(states(&stage), ["a in main: ACTIVE", "b in main: ACTIVE"]);
    let told = stage.destination("a");
    assert_eq!(
        (told.phase, told.reason),
        (Phase::Streaming, "OnAirElsewhere"),
        "{told:?}"
    );
    stage.script.change(|desired| grant(desired, "main"));
    converged(&mut stage).await;
    assert_eq!(
        states(&stage),
        ["a in main: STANDBY", "a in other: ACTIVE", "b in main: ACTIVE"]
    );
    assert_eq!(stage.phase("a"), Phase::Streaming);
}

#[tokio::test(start_paused = true)]
async fn to_a_router_pool_with_the_same_input_nothing_is_interrupted() {
    let mut desired = three_pools(&["a", "b"]);
    desired.routers.get_mut("other").unwrap().input = INPUT.into();
    let mut stage = Stage::new(desired);
    converged(&mut stage).await;
    let before = outputs(&stage.emulator);
    move_to(&stage, "a", "other");
    converged(&mut stage).await;
    assert_eq!(states(&stage), ["a in other: ACTIVE", "b in main: ACTIVE"]);
    assert_eq!(before[0].3, outputs(&stage.emulator)[0].3);
}

#[tokio::test(start_paused = true)]
async fn between_a_channel_and_a_router_output_it_moves_both_ways() {
    let mut desired = three_pools(&["a", "b"]);
    grant(&mut desired, "main");
    let emulator = Emulator::new(Options::default(), fleet(&desired));
    let mut stage = Stage::on(emulator, desired, |_| {});
    converged(&mut stage).await;
    move_to(&stage, "a", "slots");
    converged(&mut stage).await;
    assert_eq!(states(&stage), ["a in main: STANDBY", "b in main: ACTIVE"]);
    assert_eq!(
        (stage.state("1"), stage.phase("a")),
        ("RUNNING".into(), Phase::Streaming)
    );

    move_to(&stage, "a", "main");
    stage.run_for(5 * MINUTE).await;
    assert_eq!(stage.state("1"), "RUNNING", "pool slots never interrupts");
    assert_eq!(stage.destination("a").reason, "OnAirElsewhere");
    stage.script.change(|desired| grant(desired, "slots"));
    converged(&mut stage).await;
    assert_eq!(
        states(&stage),
        ["a in main: ACTIVE", "b in main: ACTIVE"],
        "{}",
        stage.log()
    );
    assert_eq!(stage.state("1"), "IDLE");
    let a = stage.destination("a");
    assert_eq!(
        (a.slot, a.output.is_some()),
        (None, true),
        "not where it was before"
    );

    // Somebody starts the channel that it has left, and pushes its stream a second time.
    let before = outputs(&stage.emulator);
    let start = Request::new(Operation::StartChannel, "1");
    let started = stage
        .emulator
        .with_world(|world, now| world.handle(&start, now).is_ok());
    assert!(started);
    stage.run_for(10 * MINUTE).await;
    assert_eq!(stage.state("1"), "IDLE", "{}", stage.log());
    assert_eq!(outputs(&stage.emulator), before);
    assert_eq!(stage.phase("a"), Phase::Streaming);
}

#[tokio::test(start_paused = true)]
async fn what_is_removed_with_its_pool_ends_if_it_is_one_and_stays_if_it_is_many() {
    for (names, state) in [(&["a"][..], "STANDBY"), (&["a", "b", "c"], "ACTIVE")] {
        let mut stage = Stage::new(wanted(names));
        converged(&mut stage).await;
        stage.script.change(|desired| {
            desired.routers.clear();
            desired.destinations.clear();
        });
        stage.run_for(10 * MINUTE).await;
        let all = outputs(&stage.emulator);
        assert!(all.iter().all(|one| one.2 == state), "{all:?}\n{}", stage.log());
    }
}

/// Whether the first plan of a process puts nothing anywhere.
fn first_plan_is_calm(stage: &Stage) -> bool {
    let events = stage.events.lock().unwrap();
    let plan = events.iter().find_map(|(_, event)| match event {
        Event::Planned(plan) => Some(plan),
        _ => None,
    });
    let places = &plan.expect("a plan was made").destinations;
    places.iter().all(|one| one.assignment.is_none())
}

#[tokio::test(start_paused = true)]
async fn a_first_look_that_is_throttled_is_repeated_before_anything_is_planned() {
    // More than one call of the SDK bears by itself.
    let throttled = Fault::new(FaultKind::Throttle).on(LIST).times(4);
    let mut before = Stage::new(three_pools(&["a"]));
    converged(&mut before).await;
    before.emulator.inject(throttled);
    let mut desired = three_pools(&["a"]);
    desired.destination_mut("a").unwrap().pool = "slots".into();
    let mut stage = Stage::on(before.emulator.clone(), desired, |_| {});
    stage.run_for(MINUTE).await;
    assert!(first_plan_is_calm(&stage), "{}", stage.log());
    assert_eq!(stage.state("1"), "IDLE");
}

/// A process that starts when the RouterPool has gone from the sources, and its destination is in a ChannelPool.
fn started_without_the_pool(before: &Stage) -> Stage {
    let mut desired = three_pools(&["a"]);
    desired.routers.clear();
    desired.destination_mut("a").unwrap().pool = "slots".into();
    Stage::on(before.emulator.clone(), desired, |_| {})
}

#[tokio::test(start_paused = true)]
async fn a_new_process_finds_the_output_of_a_pool_that_is_gone_before_it_pushes_the_stream_again() {
    let mut before = Stage::new(three_pools(&["a"]));
    converged(&mut before).await;
    let throttled = || Fault::new(FaultKind::Throttle).on(LIST).times(2);
    for fault in [None, Some(throttled())] {
        before.emulator.with_world(|world, _| world.faults().clear());
        if let Some(fault) = fault {
            before.emulator.inject(fault);
        }
        let mut stage = started_without_the_pool(&before);
        stage.run_for(10 * MINUTE).await;
        assert!(first_plan_is_calm(&stage), "{}", stage.log());
        assert_eq!(stage.state("1"), "IDLE", "{}", stage.log());
        assert_eq!(states(&stage), ["a in main: ACTIVE"]);
        let told = stage.destination("a");
        assert_eq!(
            (told.phase, told.reason),
            (Phase::Streaming, "PoolGone"),
            "{told:?}"
        );
        let log = stage.log();
        assert!(log.contains("on_air: 1, waiting: []"), "{log}");
        assert!(
            log.contains(r#"moving: ["a"]"#) && !log.contains("besides: [\"a"),
            "{log}"
        );
    }
    let mut stage = started_without_the_pool(&before);
    stage.run_for(MINUTE).await;
    stage
        .script
        .change(|desired| desired.destination_mut("a").unwrap().state = WantedState::Ready);
    converged(&mut stage).await;
    assert_eq!(states(&stage), ["a in main: STANDBY"]);
}

#[tokio::test(start_paused = true)]
async fn who_uses_channels_only_pays_one_list_of_outputs_and_needs_no_leave_for_it() {
    for is_denied in [false, true] {
        let mut desired = three_pools(&["a"]);
        desired.routers.clear();
        desired.destination_mut("a").unwrap().pool = "slots".into();
        let mut stage = Stage::new(desired);
        if is_denied {
            stage
                .emulator
                .inject(Fault::new(FaultKind::AccessDenied).on(LIST));
        }
        converged(&mut stage).await;
        stage.run_for(30 * MINUTE).await;
        let calls = stage.emulator.calls();
        let lists = calls
            .iter()
            .filter(|call| call.operation == "ListRouterOutputs")
            .count();
        assert_eq!((lists, stage.state("1").as_str()), (1, "RUNNING"));
        assert!(!stage.log().contains("router outputs"), "{}", stage.log());
    }
}

#[tokio::test(start_paused = true)]
async fn the_plan_of_a_move_counts_the_neighbours_that_it_interrupts_later() {
    let mut desired = three_pools(&["a", "b"]);
    for name in ["a", "b"] {
        desired.destination_mut(name).unwrap().pool = "slots".into();
    }
    grant(&mut desired, "slots");
    let emulator = Emulator::new(Options::default(), fleet(&desired));
    let mut stage = Stage::on(emulator, desired, |_| {});
    converged(&mut stage).await;
    move_to(&stage, "a", "main");
    stage.events.lock().unwrap().clear();
    converged(&mut stage).await;
    assert_eq!(stage.phase("b"), Phase::Streaming, "{}", stage.log());
    let events = stage.events.lock().unwrap();
    let mut plans = events.iter().filter_map(|(_, event)| match event {
        Event::Planned(plan) if !plan.is_empty() => Some(plan),
        _ => None,
    });
    let first = plans.next().expect("a plan was made");
    assert_eq!(first.interruptions().planned, 2, "{}", stage.log());
}
