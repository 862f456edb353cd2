//! `source` of a RouterPool: the MediaLive channel in front and the input run while a destination is wanted, against the emulator.

use std::time::Duration;

use serde_json::{Value, json};
use slotwise::testing::controller::Ended;
use slotwise::testing::emulator::mediaconnect::Operation as Op;
use slotwise::testing::emulator::request::Request;
use slotwise::testing::emulator::{Effect, Emulator, Fault, FaultKind, Operation, Options};
use slotwise::testing::model::{Desired, Interrupt, Pause, Secret, StreamKey, WantedState};
use slotwise::testing::status::Phase;

use super::router_pool::{outputs, states, switch, writes};
use super::stage::{INPUT, INTERFACE, Stage, declared, destination, fleet};

const MINUTE: Duration = Duration::from_mins(1);
const CHANNEL: &str = "4000009";

/// Pool `main` with the channel in front.
fn with_source(names: &[(&str, WantedState)]) -> Desired {
    let mut desired = declared(names);
    desired.routers.get_mut("main").unwrap().source = Some(CHANNEL.into());
    desired
}

fn wanted(names: &[&str]) -> Desired {
    let names: Vec<_> = names.iter().map(|name| (*name, WantedState::Streaming)).collect();
    with_source(&names)
}

fn input_document(emulator: &Emulator) -> Value {
    emulator.with_world(|world, _| {
        let input = world.router().resource(INPUT).unwrap();
        let mut document = Value::Object(input.document().clone());
        document["state"] = json!(input.state().name());
        document
    })
}

fn input(stage: &Stage) -> String {
    input_document(&stage.emulator)["state"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn channel_tags(stage: &Stage) -> Value {
    let described = stage
        .emulator
        .with_world(|world, _| world.channel(CHANNEL).unwrap().describe());
    described["tags"].clone()
}

fn by_hand(emulator: &Emulator, operation: Operation, id: &str, body: Value) -> bool {
    let request = Request::new(operation, id).with_body(body);
    emulator.with_world(|world, now| world.handle(&request, now).is_ok())
}

async fn converge(stage: &mut Stage) {
    let ended = stage.converge(60).await;
    assert!(matches!(ended, Ended::Converged), "{ended:?} {}", stage.log());
}

/// `operations` without those that only record something.
fn power(operations: &[String]) -> Vec<&str> {
    let names = operations.iter().map(String::as_str);
    names
        .filter(|name| name.starts_with("Start") || name.starts_with("Stop"))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn channel_input_and_outputs_start_in_this_order_and_stop_in_reverse() {
    let mut stage = Stage::new(wanted(&["a", "b"]));
    converge(&mut stage).await;
    assert_eq!(
        power(&writes(&stage)),
        [
            "StartChannel",
            "StartRouterInput",
            "StartRouterOutput",
            "StartRouterOutput"
        ]
    );
    assert_eq!(stage.phase("a"), Phase::Streaming, "{}", stage.log());
    assert_eq!(
        (stage.state(CHANNEL).as_str(), input(&stage).as_str()),
        ("RUNNING", "ACTIVE")
    );
    let tags = channel_tags(&stage);
    assert_eq!(tags["slotwise.dev/owner"], "test");
    assert_eq!(tags["slotwise.dev/started"], "test");
    assert_eq!(
        input_document(&stage.emulator)["tags"]["slotwise.dev/started"],
        "test"
    );
    assert_eq!(stage.count("UpdateChannel"), 0);

    let count = writes(&stage).len();
    switch(&stage, "a", WantedState::Ready);
    converge(&mut stage).await;
    assert_eq!(
        power(&writes(&stage)[count..]),
        ["StopRouterOutput"],
        "b is wanted"
    );

    let count = writes(&stage).len();
    switch(&stage, "b", WantedState::Ready);
    converge(&mut stage).await;
    assert_eq!(
        power(&writes(&stage)[count..]),
        ["StopRouterOutput", "StopRouterInput", "StopChannel"]
    );
    assert_eq!(
        (stage.state(CHANNEL).as_str(), input(&stage).as_str()),
        ("IDLE", "STANDBY")
    );
    assert!(
        channel_tags(&stage)["slotwise.dev/started"].is_null(),
        "the next start may be another's"
    );
    assert!(input_document(&stage.emulator)["tags"]["slotwise.dev/started"].is_null());
    let count = writes(&stage).len();
    stage.run_for(10 * MINUTE).await;
    assert_eq!(writes(&stage).len(), count, "{:?}", &writes(&stage)[count..]);
}

/// During a show, in a hurry: another key, and a slip in the id of the channel.
#[tokio::test(start_paused = true)]
async fn a_mistyped_source_and_a_new_key_take_nothing_off_air() {
    let mut stage = Stage::new(wanted(&["a", "b"]));
    converge(&mut stage).await;
    let (before, count) = (outputs(&stage.emulator), writes(&stage).len());
    stage.script.change(|desired| {
        desired.routers.get_mut("main").unwrap().source = Some("4000008".into());
        desired.routers.get_mut("main").unwrap().disruption.interrupt = Interrupt::Anytime;
        let mut a = destination("a", WantedState::Streaming);
        a.key = StreamKey::Known(Secret::new("another"));
        desired.destinations.insert("a".into(), a.into());
    });
    stage.run_for(10 * MINUTE).await;
    assert_eq!(outputs(&stage.emulator), before, "{}", stage.log());
    assert_eq!(writes(&stage).len(), count, "{:?}", &writes(&stage)[count..]);
    let a = stage.destination("a");
    assert_eq!((a.phase, a.reason), (Phase::Streaming, "SourceNotReady"), "{a:?}");
    assert!(a.message.contains("4000008"), "{}", a.message);

    stage
        .script
        .change(|desired| desired.routers.get_mut("main").unwrap().source = Some(CHANNEL.into()));
    converge(&mut stage).await;
    assert_eq!(
        power(&writes(&stage)[count..]),
        ["StopRouterOutput", "StartRouterOutput"],
        "the new key, once it can come back"
    );
}

#[tokio::test(start_paused = true)]
async fn at_rest_a_source_costs_no_call_of_its_own() {
    let mut stage = Stage::new(wanted(&["a"]));
    converge(&mut stage).await;
    let before = stage.emulator.calls().len();
    stage.run_for(3 * MINUTE).await;
    let calls = stage.emulator.calls();
    let others = calls[before..].iter().map(|call| call.operation.as_str());
    let others: Vec<&str> = others
        .filter(|name| !["ListChannels", "ListRouterOutputs"].contains(name))
        .collect();
    assert_eq!(others, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_output_of_others_on_the_input_keeps_both_running() {
    let mut stage = Stage::new(wanted(&["a"]));
    converge(&mut stage).await;
    let foreign = add_foreign(&stage.emulator, INPUT);
    switch(&stage, "a", WantedState::Ready);
    stage.run_for(30 * MINUTE).await;
    assert_eq!(
        (stage.state(CHANNEL).as_str(), input(&stage).as_str()),
        ("RUNNING", "ACTIVE")
    );
    let is_told = |stage: &Stage| {
        let plan = stage.controller.plan().unwrap();
        plan.feeds.iter().all(|feed| {
            feed.waiting
                .as_ref()
                .is_some_and(|waiting| waiting.code() == "SourceInUse")
        })
    };
    assert!(is_told(&stage), "{:?}", stage.controller.plan().unwrap().feeds);

    let stop = Operation::Router(Op::StopRouterOutput);
    assert!(by_hand(&stage.emulator, stop, &foreign, json!({})));
    stage.run_for(30 * MINUTE).await;
    assert_eq!(
        (stage.state(CHANNEL).as_str(), input(&stage).as_str()),
        ("IDLE", "STANDBY")
    );
}

/// An output of somebody else on `input`, on air. Gives its ARN.
fn add_foreign(emulator: &Emulator, input: &str) -> String {
    let router = |operation, id: &str, body| by_hand(emulator, Operation::Router(operation), id, body);
    let body = json!({
        "name": "foreign", "maximumBitrate": 8_000_000, "routingScope": "REGIONAL", "tier": "OUTPUT_20",
        "configuration": {"standard": {"networkInterfaceArn": INTERFACE, "protocolConfiguration": {"rtmpPush": {
            "destinationAddress": "f.example", "destinationPort": 1935, "applicationName": "live",
            "streamName": "theirs"}}}},
    });
    assert!(router(Op::CreateRouterOutput, "", body));
    emulator.advance(5 * MINUTE);
    let arn = emulator.with_world(|world, _| {
        let mut all = world.router().resources();
        let foreign = all.find(|one| one.document()["name"] == "foreign").unwrap();
        foreign.document()["arn"].as_str().unwrap().to_owned()
    });
    assert!(router(
        Op::TakeRouterInput,
        &arn,
        json!({ "routerInputArn": input })
    ));
    emulator.advance(5 * MINUTE);
    assert!(router(Op::StartRouterOutput, &arn, json!({})));
    emulator.advance(5 * MINUTE);
    arn
}

#[tokio::test(start_paused = true)]
async fn what_was_started_by_hand_is_used_and_never_stopped() {
    let desired = wanted(&["a"]);
    let emulator = Emulator::new(Options::default(), fleet(&desired));
    assert!(by_hand(&emulator, Operation::StartChannel, CHANNEL, json!({})));
    emulator.advance(10 * MINUTE);
    let mut stage = Stage::on(emulator, desired, |_| {});
    converge(&mut stage).await;
    assert_eq!(stage.phase("a"), Phase::Streaming, "{}", stage.log());
    let touched = stage.count("StartChannel") + stage.count("CreateTags");
    assert_eq!(touched, 0, "by slotwise");

    switch(&stage, "a", WantedState::Ready);
    stage.run_for(30 * MINUTE).await;
    assert_eq!(stage.state(CHANNEL), "RUNNING");
    assert_eq!(input(&stage), "STANDBY", "that one slotwise started");
    let plan = stage.controller.plan().unwrap();
    assert_eq!(plan.feeds[0].waiting.as_ref().unwrap().code(), "NotStartedHere");
}

#[tokio::test(start_paused = true)]
async fn one_that_is_killed_in_between_is_gone_on_with() {
    for steps in 1..14_u32 {
        let mut stage = Stage::new(wanted(&["a"]));
        stage.run_for_without_end(steps * Duration::from_secs(20)).await;
        let emulator = stage.emulator.clone();
        drop(stage);
        let mut stage = Stage::on(emulator, wanted(&["a"]), |_| {});
        converge(&mut stage).await;
        assert_eq!(stage.phase("a"), Phase::Streaming, "{steps} {}", stage.log());
        assert_eq!(stage.count("StartChannel"), 1, "{steps}");

        switch(&stage, "a", WantedState::Ready);
        let declared = stage.script.desired();
        stage.run_for_without_end(steps * Duration::from_secs(20)).await;
        let mut stage = Stage::on(stage.emulator.clone(), declared, |_| {});
        converge(&mut stage).await;
        assert_eq!(
            (stage.state(CHANNEL).as_str(), input(&stage).as_str()),
            ("IDLE", "STANDBY"),
            "{steps} {}",
            stage.log()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_leaves_nothing_that_is_not_stopped_again() {
    let mut stage = Stage::new(wanted(&["a"]));
    for operation in [
        Operation::StartChannel,
        Operation::CreateTags,
        Operation::Router(Op::StartRouterInput),
        Operation::Router(Op::StopRouterInput),
        Operation::StopChannel,
        Operation::DeleteTags,
    ] {
        let lost = FaultKind::Reset {
            effect: Effect::After,
        };
        stage.emulator.inject(Fault::new(lost).on(operation).times(1));
    }
    converge(&mut stage).await;
    assert_eq!(stage.phase("a"), Phase::Streaming, "{}", stage.log());
    switch(&stage, "a", WantedState::Ready);
    converge(&mut stage).await;
    assert_eq!(
        (stage.state(CHANNEL).as_str(), input(&stage).as_str()),
        ("IDLE", "STANDBY")
    );
    assert!(channel_tags(&stage)["slotwise.dev/started"].is_null());
}

#[tokio::test(start_paused = true)]
async fn an_input_in_trouble_holds_starts_and_stops_nothing() {
    let mut stage = Stage::new(with_source(&[
        ("a", WantedState::Streaming),
        ("b", WantedState::Ready),
    ]));
    converge(&mut stage).await;
    let before = outputs(&stage.emulator);
    let error = FaultKind::RouterError {
        code: "SOURCE".to_owned(),
        message: "no packets".to_owned(),
    };
    stage
        .emulator
        .inject(Fault::new(error).of_resource(INPUT).times(1));
    stage.run_for(10 * MINUTE).await;
    assert_eq!(input(&stage), "ERROR", "{}", stage.log());
    switch(&stage, "b", WantedState::Streaming);
    stage.run_for(10 * MINUTE).await;
    assert_eq!(outputs(&stage.emulator)["a"], before["a"]);
    assert_eq!(states(&stage.emulator)[1], ("b".to_owned(), "STANDBY".to_owned()));
    assert_eq!(stage.destination("b").reason, "SourceNotReady");
    assert!(
        stage.destination("b").message.contains("is ERROR"),
        "{:?}",
        stage.destination("b")
    );
    assert_eq!(stage.count("StopRouterInput") + stage.count("StopChannel"), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_paused_holds_both() {
    let mut stage = Stage::new(with_source(&[
        ("a", WantedState::Streaming),
        ("b", WantedState::Streaming),
    ]));
    converge(&mut stage).await;
    stage.script.change(|desired| {
        desired.destination_mut("b").unwrap().paused = Some(Pause {
            until: None,
            by: None,
            why: None,
        });
    });
    switch(&stage, "a", WantedState::Ready);
    stage.run_for(30 * MINUTE).await;
    assert_eq!(
        (stage.state(CHANNEL).as_str(), input(&stage).as_str()),
        ("RUNNING", "ACTIVE")
    );
    assert_eq!(states(&stage.emulator)[1].1, "ACTIVE");
}

#[tokio::test(start_paused = true)]
async fn a_start_that_fails_is_tried_again_with_growing_delays() {
    let mut stage = Stage::new(wanted(&["a"]));
    let fails = |operation| Fault::new(FaultKind::StartFails).on(operation).times(2);
    stage.emulator.inject(fails(Operation::StartChannel));
    converge(&mut stage).await;
    assert_eq!(stage.phase("a"), Phase::Streaming, "{}", stage.log());
    assert_eq!(stage.count("StartChannel"), 3);
}

#[tokio::test(start_paused = true)]
async fn two_pools_on_one_input_share_what_feeds_them() {
    let mut desired = wanted(&["a"]);
    let mut other = desired.routers["main"].clone();
    other.name = "other".into();
    desired.routers.insert("other".into(), other);
    let mut one = destination("b", WantedState::Streaming);
    one.pool = "other".into();
    desired.destinations.insert("b".into(), one.into());
    let mut only = desired.clone();
    only.routers.remove("other");
    let emulator = Emulator::new(Options::default(), fleet(&only));
    let mut stage = Stage::on(emulator, desired, |_| {});
    converge(&mut stage).await;
    assert_eq!(stage.count("StartChannel") + stage.count("StartRouterInput"), 2);
    switch(&stage, "a", WantedState::Ready);
    stage.run_for(20 * MINUTE).await;
    assert_eq!(
        (stage.phase("b"), input(&stage).as_str()),
        (Phase::Streaming, "ACTIVE")
    );
    switch(&stage, "b", WantedState::Ready);
    converge(&mut stage).await;
    assert_eq!(
        (stage.state(CHANNEL).as_str(), input(&stage).as_str()),
        ("IDLE", "STANDBY")
    );
}
