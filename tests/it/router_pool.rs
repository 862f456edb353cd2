//! RouterPools: each destination on a router output of its own, against the emulator.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use slotwise::testing::controller::{Ended, Event, Until};
use slotwise::testing::emulator::mediaconnect::{self, ResourceKind};
use slotwise::testing::emulator::{Effect, Emulator, Fault, FaultKind, Operation, Options};
use slotwise::testing::model::{Desired, Interrupt, RouterArn, Secret, StreamKey, WantedState};
use slotwise::testing::status::{ConditionStatus, Phase};
use tokio_util::sync::CancellationToken;

use super::stage::{INPUT, INTERFACE, Stage, declared, destination, fleet};

const MINUTE: Duration = Duration::from_mins(1);
pub(crate) fn wanted(names: &[&str]) -> Desired {
    let names: Vec<_> = names.iter().map(|name| (*name, WantedState::Streaming)).collect();
    declared(&names)
}

/// Each output by the destination in its tags: state, route, target and since when.
pub(crate) fn outputs(emulator: &Emulator) -> BTreeMap<String, (String, String, Duration)> {
    emulator.with_world(|world, _| {
        let all = world.router().resources();
        let outputs = all.filter(|one| one.kind() == ResourceKind::Output);
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
    writes_to(&stage.emulator)
}

fn writes_to(emulator: &Emulator) -> Vec<String> {
    let calls = emulator.calls().into_iter();
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

/// A look at outputs that takes long makes a plan that is old when it is made, and is carried out all the same.
#[tokio::test(start_paused = true)]
async fn what_is_planned_by_a_slow_look_is_begun() {
    use mediaconnect::Operation as Op;
    let mut stage = Stage::new(declared(&[
        ("a", WantedState::Ready),
        ("b", WantedState::Streaming),
    ]));
    assert!(
        matches!(stage.converge(30).await, Ended::Converged),
        "{}",
        stage.log()
    );
    for look in [Op::ListRouterOutputs, Op::BatchGetRouterOutput] {
        let slow = FaultKind::Slow { seconds: 6.0 };
        stage
            .emulator
            .inject(Fault::new(slow).on(Operation::Router(look)));
    }
    switch(&stage, "a", WantedState::Streaming);
    let begun = tokio::time::Instant::now();
    let ended = stage.converge(30).await;
    assert!(matches!(ended, Ended::Converged), "{}", stage.log());
    // 35 s of it are MediaConnect's own, and there are five looks of 6 or 12 s.
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(110), "{took:?} {}", stage.log());
}

/// Items of a table are identified by their keys, and told by their names.
#[tokio::test(start_paused = true)]
async fn an_output_is_told_by_the_name_of_its_destination() {
    let mut desired = wanted(&["a"]);
    desired.destination_mut("a").unwrap().identity = "table-7-item-1".into();
    let mut stage = Stage::new(desired);
    assert!(
        matches!(stage.converge(30).await, Ended::Converged),
        "{}",
        stage.log()
    );
    let log = stage.log();
    assert!(
        log.contains("OutputChanged { name: \"a\", from: Starting"),
        "{log}"
    );
    assert!(!log.contains("OutputChanged { name: \"table"), "{log}");
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
async fn a_switch_is_acted_on_within_a_second() {
    let mut stage = Stage::new(wanted(&["a", "b"]));
    assert!(
        matches!(stage.converge(30).await, Ended::Converged),
        "{}",
        stage.log()
    );
    let (emulator, script) = (stage.emulator.clone(), stage.script.clone());
    let asked = CancellationToken::new();
    let pressing = async {
        for press in 0..6_u64 {
            // Whenever it comes between two looks at the sources.
            tokio::time::sleep(MINUTE + Duration::from_millis(83 * press)).await;
            let (to, call) = [
                (WantedState::Ready, "StopRouterOutput"),
                (WantedState::Streaming, "StartRouterOutput"),
            ][usize::from(press % 2 == 1)];
            let count = writes_to(&emulator).len();
            script.change(move |desired| desired.destination_mut("a").unwrap().state = to);
            tokio::time::sleep(Duration::from_secs(1)).await;
            let made = writes_to(&emulator).split_off(count);
            assert_eq!(made.last().map(String::as_str), Some(call), "press {press}");
        }
        asked.cancel();
    };
    tokio::join!(pressing, stage.controller.run(Until::Asked, &asked));
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
async fn while_outputs_may_not_be_looked_at_they_stay_and_the_permission_is_named() {
    let mut stage = Stage::new(declared(&[
        ("a", WantedState::Streaming),
        ("b", WantedState::Streaming),
        ("c", WantedState::Ready),
    ]));
    stage.converge(30).await;
    let before = outputs(&stage.emulator);
    let list = Operation::Router(mediaconnect::Operation::ListRouterOutputs);
    stage
        .emulator
        .inject(Fault::new(FaultKind::AccessDenied).on(list));
    switch(&stage, "b", WantedState::Ready);
    stage.run_for(10 * MINUTE).await;
    assert_eq!(outputs(&stage.emulator), before);
    for name in ["a", "b"] {
        let one = stage.destination(name);
        assert_eq!(one.reason, "OutputsUnreadable");
        let way = "allow mediaconnect:ListRouterOutputs, as manifests/iam-policy.json does";
        assert_eq!(one.ways_out, [way]);
    }
    assert_eq!(stage.phase("a"), Phase::Streaming);
    // It never had an output, so there is nothing to be known of it.
    assert_eq!(stage.phase("c"), Phase::Ready);

    stage.emulator.with_world(|world, _| world.faults().clear());
    stage.run_for(10 * MINUTE).await;
    assert_eq!(stage.phase("b"), Phase::Ready);
    assert_eq!(stage.destination("a").reason, "AsWanted");
}

#[tokio::test(start_paused = true)]
async fn a_message_about_an_output_on_air_degrades_its_destination_until_it_is_gone() {
    let is_degraded = |stage: &Stage, name: &str| {
        let conditions = stage.destination(name).conditions();
        let degraded = conditions.iter().find(|one| one.kind == "Degraded").unwrap();
        degraded.status == ConditionStatus::True
    };
    let mut stage = Stage::new(wanted(&["a"]));
    stage.converge(30).await;
    assert!(!is_degraded(&stage, "a"));
    stage.emulator.inject(Fault::new(FaultKind::RouterMessage {
        code: "REFUSED".to_owned(),
        message: "rtmp://a.example/live/k3y-of-a refuses it".to_owned(),
    }));
    stage.run_for(10 * MINUTE).await;
    let told = stage.destination("a");
    assert_eq!(
        (told.phase, told.reason),
        (Phase::Streaming, "OutputMessage"),
        "{}",
        stage.log()
    );
    let message = &told.message;
    assert!(message.contains("MediaConnect says: REFUSED: "), "{message}");
    assert!(!message.contains("k3y"), "{message}");
    assert!(is_degraded(&stage, "a"));
    let status = stage.status();
    let output = &status.outputs[0];
    assert_eq!((output.messages.len(), output.on_air), (1, true));
    // MediaConnect says when it maintains an output that runs.
    assert!(output.maintenance.is_some());

    // It begins anew without it.
    for state in [WantedState::Ready, WantedState::Streaming] {
        switch(&stage, "a", state);
        stage.run_for(10 * MINUTE).await;
        assert!(!is_degraded(&stage, "a"), "{}", stage.log());
    }
    assert_eq!(stage.destination("a").reason, "AsWanted");
}

/// A destination `s` of a ChannelPool `slots`.
fn with_slots(mut desired: Desired) -> Desired {
    let mut slots = super::stage::pool(&["1"]);
    slots.name = "slots".into();
    desired.pools.insert("slots".into(), slots);
    let mut of_slots = destination("s", WantedState::Streaming);
    of_slots.pool = "slots".into();
    desired.destinations.insert("s".into(), of_slots.into());
    desired
}

#[tokio::test(start_paused = true)]
async fn a_stream_on_air_in_an_output_names_its_destination_as_the_way_out() {
    let mut stage = Stage::new(with_slots(wanted(&["a"])));
    switch(&stage, "s", WantedState::Ready);
    stage.converge(30).await;
    stage.script.change(|desired| {
        let (url, key) = {
            let first = desired.destination_mut("a").unwrap();
            (first.url.clone(), first.key.clone())
        };
        let copy = desired.destination_mut("s").unwrap();
        (copy.url, copy.key, copy.state) = (url, key, WantedState::Streaming);
    });
    stage.run_for(10 * MINUTE).await;
    let waits = stage.destination("s");
    assert_eq!(waits.reason, "OnAirElsewhere", "{}", stage.log());
    assert_eq!(waits.ways_out, ["set state: Ready for a"]);
    assert!(
        waits.message.ends_with(", which is that of a"),
        "{}",
        waits.message
    );
    let in_output = "its stream is, or may be, on air in router output slotwise-main-a-";
    assert!(waits.message.starts_with(in_output), "{}", waits.message);

    switch(&stage, "a", WantedState::Ready);
    stage.run_for(30 * MINUTE).await;
    assert_eq!(stage.phase("s"), Phase::Streaming, "{}", stage.log());
}

#[tokio::test(start_paused = true)]
async fn while_outputs_cannot_be_looked_at_channels_go_on() {
    let desired = with_slots(wanted(&["a"]));
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

#[tokio::test(start_paused = true)]
async fn two_hundred_over_twenty_inputs_go_on_air_at_the_pace_of_their_calls() {
    const POOLS: usize = 20;
    let mut desired = declared(&[]);
    let model = desired.routers.remove("main").unwrap();
    for at in 0..POOLS {
        let mut pool = model.clone();
        pool.name = format!("pool-{at:02}").as_str().into();
        pool.input = format!("{}{at:02}", &INPUT[..INPUT.len() - 2]).as_str().into();
        for number in 0..10 {
            let name = format!("d{at:02}-{number}");
            let mut one = destination(&name, WantedState::Streaming);
            one.pool = pool.name.clone();
            desired.destinations.insert(name.as_str().into(), one.into());
        }
        desired.routers.insert(pool.name.clone(), pool);
    }
    let mut options = Options::default();
    (options.quotas.router.outputs, options.quotas.router.inputs) = (10 * POOLS, POOLS);
    let emulator = Emulator::new(options, fleet(&desired));
    let begun = tokio::time::Instant::now();
    let mut stage = Stage::on(emulator, desired, |_| {});
    let ended = stage.converge(60).await;
    assert!(matches!(ended, Ended::Converged), "{}", stage.log());
    let took = begun.elapsed();
    let calls = stage.emulator.calls();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for call in &calls {
        *counts.entry(&call.operation).or_default() += 1;
    }
    // Create, Take and Start with a look at each, and the lists, at 4 calls a second after a burst of 20.
    let floor = 200 * 6 + counts["ListRouterOutputs"] - 20;
    let floor = Duration::from_secs_f64(f64::from(u32::try_from(floor).unwrap()) / 4.0);
    assert!(took < floor.mul_f64(1.1), "{took:?}, {floor:?}, {counts:?}");
    for (operation, most) in [
        ("CreateRouterOutput", 200),
        ("TakeRouterInput", 200),
        ("GetRouterInput", 60),
    ] {
        assert!(counts[operation] <= most, "{counts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_keeps_an_output_from_starting_is_told_and_ends_a_run() {
    let mut stage = Stage::new(wanted(&["a"]));
    let start = Operation::Router(mediaconnect::Operation::StartRouterOutput);
    stage
        .emulator
        .inject(Fault::new(FaultKind::AccessDenied).on(start));
    // It is not called converged while it is tried again.
    let ended = stage.converge(30).await;
    assert!(matches!(ended, Ended::Blocked), "{ended:?} {}", stage.log());
    stage.run_for(Duration::from_secs(5)).await;
    let status = stage.destination("a");
    assert_eq!((status.phase, status.reason), (Phase::Error, "BackingOff"));
    assert!(
        status.message.contains("mediaconnect:StartRouterOutput"),
        "{status:?}"
    );
    assert!(!stage.log().contains("Converged"), "{}", stage.log());

    stage.emulator.with_world(|world, _| world.faults().clear());
    stage.run_for(2 * MINUTE).await;
    assert_eq!(stage.phase("a"), Phase::Streaming);
}

#[tokio::test(start_paused = true)]
async fn an_output_whose_update_is_denied_stays_that_of_its_destination() {
    let mut stage = Stage::new(wanted(&["a"]));
    assert!(
        matches!(stage.converge(30).await, Ended::Converged),
        "{}",
        stage.log()
    );
    let update = Operation::Router(mediaconnect::Operation::UpdateRouterOutput);
    stage
        .emulator
        .inject(Fault::new(FaultKind::AccessDenied).on(update));
    switch(&stage, "a", WantedState::Ready);
    assert!(
        matches!(stage.converge(30).await, Ended::Converged),
        "{}",
        stage.log()
    );
    key(&stage, "a", "another");
    switch(&stage, "a", WantedState::Streaming);
    stage.run_for(10 * MINUTE).await;
    let a = stage.destination("a");
    assert_eq!((a.phase, a.reason), (Phase::Error, "TargetRefused"), "{a:?}");
    assert!(a.message.contains("mediaconnect:UpdateRouterOutput"), "{a:?}");
    assert_eq!(stage.count("CreateRouterOutput"), 1, "no second one is made");

    stage.emulator.with_world(|world, _| world.faults().clear());
    stage.run_for(6 * MINUTE).await;
    assert_eq!(stage.phase("a"), Phase::Streaming, "{}", stage.log());
    assert_eq!(stage.count("CreateRouterOutput"), 1);
}

#[tokio::test(start_paused = true)]
async fn where_updates_are_denied_one_is_interrupted_and_comes_back_as_it_was() {
    let mut desired = wanted(&["a", "b"]);
    desired.routers.get_mut("main").unwrap().disruption.interrupt = Interrupt::Anytime;
    let mut stage = Stage::new(desired);
    assert!(
        matches!(stage.converge(30).await, Ended::Converged),
        "{}",
        stage.log()
    );
    let update = Operation::Router(mediaconnect::Operation::UpdateRouterOutput);
    stage
        .emulator
        .inject(Fault::new(FaultKind::AccessDenied).on(update));
    key(&stage, "a", "another");
    stage.run_for(2 * MINUTE).await;
    key(&stage, "b", "another");
    stage.run_for(10 * MINUTE).await;
    let active = |name: &str| (name.to_owned(), "ACTIVE".to_owned());
    assert_eq!(
        states(&stage.emulator),
        [active("a"), active("b")],
        "{}",
        stage.log()
    );
    assert_eq!(stage.count("StopRouterOutput"), 1, "{}", stage.log());
    for name in ["a", "b"] {
        assert_eq!(stage.destination(name).reason, "TargetRefused");
    }
    // Allowed meanwhile: what is off may be tried, and what is on air then is.
    stage.emulator.with_world(|world, _| world.faults().clear());
    switch(&stage, "a", WantedState::Ready);
    stage.run_for(2 * MINUTE).await;
    switch(&stage, "a", WantedState::Streaming);
    assert!(
        matches!(stage.converge(30).await, Ended::Converged),
        "{}",
        stage.log()
    );
    assert_eq!(stage.count("StopRouterOutput"), 3, "{}", stage.log());
    assert!(
        ["a", "b"]
            .iter()
            .all(|name| stage.destination(name).reason == "AsWanted")
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_wrong_with_the_pool_is_tried_again_as_soon_as_it_is_corrected() {
    let mut stage = Stage::new(declared(&[("a", WantedState::Ready)]));
    assert!(
        matches!(stage.converge(30).await, Ended::Converged),
        "{}",
        stage.log()
    );
    let pool = |desired: &mut Desired, interface: RouterArn| {
        desired.routers.get_mut("main").unwrap().network_interface = interface;
    };
    stage.script.change(move |desired| {
        pool(
            desired,
            "arn:aws:mediaconnect:us-east-1:111122223333:routerNetworkInterface:000000000000".into(),
        );
        desired.destination_mut("a").unwrap().state = WantedState::Streaming;
    });
    stage.run_for(10 * MINUTE).await;
    let a = stage.destination("a");
    assert_eq!(a.phase, Phase::Error, "{a:?}");
    assert!(
        a.ways_out.iter().any(|way| way.contains("networkInterface")),
        "{a:?}"
    );
    stage
        .script
        .change(move |desired| pool(desired, INTERFACE.into()));
    stage.run_for(MINUTE).await;
    assert_eq!(stage.phase("a"), Phase::Streaming, "{}", stage.log());
}
