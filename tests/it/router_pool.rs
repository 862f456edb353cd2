//! RouterPools: each destination on a router output of its own, against the emulator.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use slotwise::controller::{Ended, Event};
use slotwise::emulator::mediaconnect::{self, Kind};
use slotwise::emulator::{Effect, Emulator, Fault, FaultKind, Operation, Options};
use slotwise::model::{
    Cause, Desired, Disruption, Interrupt, OwnerId, RouterPool, RouterSettings, Secret, StreamKey, Tier,
    WantedState,
};
use slotwise::status::Phase;

use super::stage::{Stage, destination, fleet};

const MINUTE: Duration = Duration::from_mins(1);
pub(crate) const INPUT: &str = "arn:aws:mediaconnect:us-east-1:111122223333:routerInput:a1b2c3d4e5f6";
pub(crate) const INTERFACE: &str =
    "arn:aws:mediaconnect:us-east-1:111122223333:routerNetworkInterface:f6e5d4c3b2a1";

/// Pool `main` without channels.
fn router_pool() -> RouterPool {
    RouterPool {
        name: "main".into(),
        input: INPUT.into(),
        network_interface: INTERFACE.into(),
        source: None,
        settings: RouterSettings {
            tier: Tier::Output20,
            maximum_bitrate: 8_000_000,
            availability_zone: None,
            maintenance: None,
        },
        keep: None,
        disruption: Disruption {
            interrupt: Interrupt::Never,
            causes: [Cause::Retarget].into(),
            windows: Vec::new(),
            max_concurrent: 1,
        },
        paused: None,
    }
}

pub(crate) fn declared(names: &[(&str, WantedState)]) -> Desired {
    let mut desired = Desired::empty(OwnerId::new("test"));
    desired.routers.insert("main".into(), router_pool());
    for (name, state) in names {
        let one = destination(name, *state);
        desired.destinations.insert((*name).into(), one.into());
    }
    desired
}

fn wanted(names: &[&str]) -> Desired {
    let names: Vec<_> = names.iter().map(|name| (*name, WantedState::Streaming)).collect();
    declared(&names)
}

/// Each output by the destination in its tags: state, route, target and since when.
pub(crate) fn outputs(emulator: &Emulator) -> BTreeMap<String, (String, String, Duration)> {
    emulator.with_world(|world, _| {
        let all = world.router().resources();
        let outputs = all.filter(|one| one.kind() == Kind::Output);
        outputs
            .map(|output| {
                let tags = &output.document()["tags"];
                let tag = tags["slotwise.dev/destination"]
                    .as_str()
                    .unwrap_or("?")
                    .to_owned();
                let name = tag.split(' ').next().unwrap_or_default().to_owned();
                let target = output.document().get("configuration").map(Value::to_string);
                (
                    name,
                    (
                        output.state().name().to_owned(),
                        target.unwrap_or_default(),
                        output.since(),
                    ),
                )
            })
            .collect()
    })
}

pub(crate) fn states(emulator: &Emulator) -> Vec<(String, String)> {
    let all = outputs(emulator).into_iter();
    all.map(|(name, (state, _, _))| (name, state)).collect()
}

pub(crate) fn switch(stage: &Stage, name: &'static str, to: WantedState) {
    stage
        .script
        .change(move |desired| desired.destination_mut(name).unwrap().state = to);
}

/// Calls that change something, by operation.
pub(crate) fn writes(stage: &Stage) -> Vec<String> {
    let calls = stage.emulator.calls().into_iter();
    let is_write = |operation: &String| {
        let is_look = ["List", "Get", "BatchGet", "Describe"];
        !is_look.iter().any(|look| operation.starts_with(look))
    };
    calls.map(|call| call.operation).filter(is_write).collect()
}

fn key(stage: &Stage, name: &'static str, key: &str) {
    let key = StreamKey::Known(Secret::new(key));
    stage.script.change(move |desired| {
        let one = desired.destination_mut(name).unwrap();
        one.key = key;
        one.generation += 1;
    });
}

#[tokio::test(start_paused = true)]
async fn a_switch_touches_no_other_output() {
    let names = ["a", "b", "c", "d", "e"];
    let mut stage = Stage::new(wanted(&names));
    assert!(
        matches!(stage.converge(30).await, Ended::Converged),
        "{}",
        stage.log()
    );
    assert!(names.iter().all(|name| stage.phase(name) == Phase::Streaming));
    let before = outputs(&stage.emulator);
    assert_eq!(before.len(), 5);

    let count = writes(&stage).len();
    switch(&stage, "c", WantedState::Ready);
    assert!(
        matches!(stage.converge(30).await, Ended::Converged),
        "{}",
        stage.log()
    );
    assert_eq!(stage.phase("c"), Phase::Ready);
    assert_eq!(writes(&stage)[count..], ["TagGlobalResource", "StopRouterOutput"]);

    let count = writes(&stage).len();
    switch(&stage, "c", WantedState::Streaming);
    assert!(
        matches!(stage.converge(30).await, Ended::Converged),
        "{}",
        stage.log()
    );
    assert_eq!(stage.phase("c"), Phase::Streaming);
    assert_eq!(writes(&stage)[count..], ["StartRouterOutput"]);

    let after = outputs(&stage.emulator);
    for name in ["a", "b", "d", "e"] {
        assert_eq!(before[name], after[name], "{name}");
    }
    assert!(!stage.log().contains("k3y"), "a key was shown");
}

#[tokio::test(start_paused = true)]
async fn a_new_destination_costs_three_calls_and_rest_one_look() {
    let mut stage = Stage::new(wanted(&["a"]));
    assert!(
        matches!(stage.converge(30).await, Ended::Converged),
        "{}",
        stage.log()
    );
    assert_eq!(
        writes(&stage),
        ["CreateRouterOutput", "TakeRouterInput", "StartRouterOutput"]
    );
    let before = stage.emulator.calls().len();
    stage.run_for(3 * MINUTE).await;
    let calls: Vec<String> = stage.emulator.calls()[before..]
        .iter()
        .map(|call| call.operation.clone())
        .collect();
    let lists = |name: &str| calls.iter().filter(|call| *call == name).count();
    let (outputs, channels) = (lists("ListRouterOutputs"), lists("ListChannels"));
    assert_eq!(outputs + channels, calls.len(), "{calls:?}");
    assert_eq!(outputs, channels, "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn a_new_key_waits_for_a_grant_and_then_comes_back_by_itself() {
    let mut stage = Stage::new(wanted(&["a", "b"]));
    stage.converge(30).await;
    let before = outputs(&stage.emulator);
    key(&stage, "a", "another-k3y");
    stage.run_for(10 * MINUTE).await;
    assert_eq!(stage.destination("a").reason, "InterruptionForbidden");
    assert_eq!(outputs(&stage.emulator), before);

    stage.script.change(|desired| {
        let pool = desired.routers.get_mut("main").unwrap();
        pool.disruption.interrupt = Interrupt::Anytime;
    });
    assert!(
        matches!(stage.converge(30).await, Ended::Converged),
        "{}",
        stage.log()
    );
    let after = outputs(&stage.emulator);
    assert!(after["a"].1.contains("another-k3y"));
    assert_eq!(after["b"], before["b"]);
    assert_eq!(stage.phase("a"), Phase::Streaming);
}

#[tokio::test(start_paused = true)]
async fn what_vanishes_together_stays_on_air_and_one_is_released() {
    let mut stage = Stage::new(wanted(&["a", "b", "c", "d"]));
    stage.converge(30).await;
    let before = outputs(&stage.emulator);
    stage.script.change(|desired| {
        for name in ["a", "b", "c"] {
            desired.destinations.remove(name);
        }
    });
    stage.run_for(10 * MINUTE).await;
    assert_eq!(outputs(&stage.emulator), before, "{}", stage.log());

    let mut stage = Stage::new(wanted(&["a", "b", "c", "d"]));
    stage.converge(30).await;
    stage
        .script
        .change(|desired| drop(desired.destinations.remove("a")));
    stage.run_for(10 * MINUTE).await;
    let states = states(&stage.emulator);
    assert_eq!(
        states[0],
        ("a".to_owned(), "STANDBY".to_owned()),
        "{}",
        stage.log()
    );
    assert!(states[1..].iter().all(|(_, state)| state == "ACTIVE"));
}

#[tokio::test(start_paused = true)]
async fn a_restart_changes_nothing_and_finds_its_outputs_again() {
    let mut stage = Stage::new(wanted(&["a", "b"]));
    stage.converge(30).await;
    let before = outputs(&stage.emulator);
    let mut again = Stage::on(stage.emulator.clone(), wanted(&["a", "b"]), |_| {});
    let count = writes(&stage).len();
    assert!(
        matches!(again.converge(30).await, Ended::Converged),
        "{}",
        again.log()
    );
    assert_eq!(writes(&again).len(), count);
    assert_eq!(outputs(&again.emulator), before);
    assert_eq!(again.phase("a"), Phase::Streaming);
}

#[tokio::test(start_paused = true)]
async fn where_the_region_is_full_what_is_off_gives_way_and_nothing_on_air_does() {
    let mut options = Options::default();
    options.quotas.router.outputs = 2;
    let desired = declared(&[
        ("a", WantedState::Streaming),
        ("b", WantedState::Streaming),
        ("c", WantedState::Ready),
    ]);
    let emulator = Emulator::new(options, fleet(&desired));
    let mut stage = Stage::on(emulator, desired, |_| {});
    stage.converge(30).await;
    switch(&stage, "c", WantedState::Streaming);
    stage.run_for(10 * MINUTE).await;
    assert_eq!(stage.destination("c").reason, "QuotaReached", "{}", stage.log());
    assert!(states(&stage.emulator).iter().all(|(_, state)| state == "ACTIVE"));

    switch(&stage, "a", WantedState::Ready);
    stage.run_for(10 * MINUTE).await;
    assert_eq!(stage.phase("c"), Phase::Streaming, "{}", stage.log());
    let names: Vec<String> = outputs(&stage.emulator).into_keys().collect();
    assert_eq!(names, ["b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn while_outputs_cannot_be_looked_at_channels_go_on() {
    use super::stage::pool;
    let mut desired = wanted(&["a"]);
    let mut slots = pool(&["1"]);
    slots.name = "slots".into();
    desired.pools.insert("slots".into(), slots);
    let mut of_slots = destination("s", WantedState::Streaming);
    of_slots.pool = "slots".into();
    desired.destinations.insert("s".into(), of_slots.into());
    let mut stage = Stage::new(desired);
    let list = Operation::Router(mediaconnect::Operation::ListRouterOutputs);
    stage.emulator.inject(
        Fault::new(FaultKind::ServerError {
            status: 503,
            effect: Effect::Before,
        })
        .on(list),
    );
    stage.run_for(10 * MINUTE).await;
    assert_eq!(stage.phase("s"), Phase::Streaming, "{}", stage.log());
    assert_ne!(stage.phase("a"), Phase::Streaming);
    let warned = stage.events.lock().unwrap();
    let is_told = |event: &Event| matches!(event, Event::Warned { what } if what.contains("router outputs"));
    assert_eq!(warned.iter().filter(|(_, event)| is_told(event)).count(), 1);
}
