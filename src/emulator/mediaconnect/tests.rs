//! Routers through the world, call by call, in time that is given.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::emulator::faults::{Fault, FaultKind};
use crate::emulator::fleet::{Fleet, InventedRouter};
use crate::emulator::request::Operation as Any;
use crate::emulator::switches::RefusedStream;
use crate::emulator::world::{Quotas, Settings, World};

const KEY: &str = "very-secret-key";
/// Longer than anything takes that is not stuck
const PAUSE: Duration = Duration::from_mins(2);

struct Stage {
    world: World,
    now: Now,
}

type Answer = Result<Value, ApiError>;

impl Stage {
    fn new() -> Self {
        Self::with(Switches::default())
    }

    fn with(switches: Switches) -> Self {
        let settings = Settings {
            region: "us-east-1".into(),
            account: "111122223333".into(),
            switches,
            quotas: Quotas::default(),
        };
        let now = Now {
            elapsed: Duration::from_secs(1_000),
            wall: "2026-11-30T09:00:00Z".parse().unwrap(),
        };
        let world = World::new(settings, 1);
        Self { world, now }
    }

    fn call(&mut self, operation: Operation, arn: &str, body: Value) -> Answer {
        let request = Request::new(Any::Router(operation), arn).with_body(body);
        self.world.handle(&request, self.now)
    }

    fn done(&mut self, operation: Operation, arn: &str, body: Value) -> Value {
        self.call(operation, arn, body)
            .unwrap_or_else(|error| panic!("{operation:?}: {error}"))
    }

    fn refused(&mut self, operation: Operation, arn: &str, body: Value) -> ErrorKind {
        self.call(operation, arn, body).unwrap_err().kind
    }

    fn wait(&mut self, by: Duration) {
        self.now.elapsed += by;
        self.now.wall += SignedDuration::try_from(by).unwrap();
    }

    fn made(&mut self, operation: Operation, key: &str, body: Value) -> String {
        let made = self.done(operation, "", body);
        self.wait(PAUSE);
        made[key]["arn"].as_str().unwrap().to_owned()
    }

    fn interface(&mut self) -> String {
        let body = json!({"name": "public", "configuration": {"public": {"allowRules": []}}});
        self.made(
            Operation::CreateRouterNetworkInterface,
            "routerNetworkInterface",
            body,
        )
    }

    fn input(&mut self, interface: &str) -> String {
        let body = json!({"name": "main", "maximumBitrate": 8_000_000, "routingScope": "REGIONAL", "tier": "INPUT_20",
            "configuration": {"standard": {"networkInterfaceArn": interface, "protocolConfiguration": {"rtp": {"port": 5000}}}}});
        self.made(Operation::CreateRouterInput, "routerInput", body)
    }

    fn output(&mut self, interface: &str, name: &str) -> String {
        self.made(
            Operation::CreateRouterOutput,
            "routerOutput",
            output(interface, name),
        )
    }

    fn shown(&mut self, arn: &str) -> Value {
        self.done(Operation::GetRouterOutput, arn, json!({}))["routerOutput"].clone()
    }

    fn state(&mut self, arn: &str) -> String {
        self.shown(arn)["state"].as_str().unwrap().to_owned()
    }

    fn take(&mut self, output: &str, input: &str) {
        self.done(
            Operation::TakeRouterInput,
            output,
            json!({"routerInputArn": input}),
        );
        self.wait(PAUSE);
    }

    fn start(&mut self, output: &str) {
        self.done(Operation::StartRouterOutput, output, json!({}));
        self.wait(PAUSE);
        assert_eq!(self.state(output), "ACTIVE");
    }

    fn list(&mut self) -> Vec<Value> {
        let listed = self.done(Operation::ListRouterOutputs, "", json!({}));
        listed["routerOutputs"].as_array().unwrap().clone()
    }

    fn inject(&mut self, fault: Fault) {
        self.world.faults().inject(fault, self.now.elapsed);
    }
}

fn output(interface: &str, name: &str) -> Value {
    json!({"name": name, "maximumBitrate": 8_000_000, "routingScope": "REGIONAL", "tier": "OUTPUT_20",
        "configuration": {"standard": {"networkInterfaceArn": interface, "protocolConfiguration": {"rtmpPush": {
            "destinationAddress": "a.example.com", "destinationPort": 1935, "applicationName": "app", "streamName": KEY}}}}})
}

/// An interface, an input, and so many outputs
fn stage(outputs: usize) -> (Stage, String, Vec<String>) {
    let mut stage = Stage::new();
    let interface = stage.interface();
    let input = stage.input(&interface);
    let outputs = (0..outputs)
        .map(|number| stage.output(&interface, &format!("out-{number}")))
        .collect();
    (stage, input, outputs)
}

#[test]
fn whatever_is_done_to_one_output_shows_in_no_other() {
    let (mut stage, input, outputs) = stage(3);
    for output in &outputs[1..] {
        stage.take(output, &input);
    }
    stage.start(&outputs[1]);
    let others =
        |stage: &mut Stage| -> Vec<Value> { outputs[1..].iter().map(|arn| stage.shown(arn)).collect() };
    let before = others(&mut stage);
    let one = outputs[0].as_str();
    stage.take(one, &input);
    stage.start(one);
    for operation in [Operation::RestartRouterOutput, Operation::StopRouterOutput] {
        stage.done(operation, one, json!({}));
        stage.wait(PAUSE);
        assert_eq!(others(&mut stage), before, "{operation:?}");
    }
    stage.done(Operation::UpdateRouterOutput, one, json!({"name": "other"}));
    stage.wait(PAUSE);
    stage.done(Operation::DeleteRouterOutput, one, json!({}));
    stage.wait(PAUSE);
    assert_eq!(others(&mut stage), before);
}

#[test]
fn a_stopped_output_keeps_its_route_and_its_place() {
    let (mut stage, input, outputs) = stage(11);
    for output in &outputs[..10] {
        stage.take(output, &input);
    }
    let last = json!({"routerInputArn": input});
    let refused = |stage: &mut Stage| stage.call(Operation::TakeRouterInput, &outputs[10], last.clone());
    assert_eq!(refused(&mut stage).unwrap_err().kind, ErrorKind::Conflict);
    stage.start(&outputs[0]);
    stage.done(Operation::StopRouterOutput, &outputs[0], json!({}));
    stage.wait(PAUSE);
    assert_eq!(stage.shown(&outputs[0])["routedState"], "ROUTED");
    assert_eq!(refused(&mut stage).unwrap_err().kind, ErrorKind::Conflict);
    // A place is free once its output is gone, and not before.
    stage.done(Operation::DeleteRouterOutput, &outputs[0], json!({}));
    assert_eq!(refused(&mut stage).unwrap_err().kind, ErrorKind::Conflict);
    stage.wait(PAUSE);
    assert_eq!(refused(&mut stage).unwrap()["routedState"], "ROUTING");
}

#[test]
fn a_region_has_twenty_outputs_and_another_region_its_own() {
    let (mut stage, _, _) = stage(20);
    let near = stage
        .world
        .router()
        .resources()
        .find(|one| one.kind() == ResourceKind::NetworkInterface);
    let near = near.unwrap().arn().to_owned();
    let create = Operation::CreateRouterOutput;
    assert_eq!(
        stage.refused(create, "", output(&near, "more")),
        ErrorKind::RouterOutputQuota
    );
    assert_eq!(ErrorKind::RouterOutputQuota.status(), 420);
    let body =
        json!({"name": "far", "regionName": "eu-west-1", "configuration": {"public": {"allowRules": []}}});
    let far = stage.made(
        Operation::CreateRouterNetworkInterface,
        "routerNetworkInterface",
        body,
    );
    let mut body = output(&far, "far");
    body["regionName"] = json!("eu-west-1");
    assert!(stage.call(create, "", body).is_ok());
}

#[test]
fn a_region_has_twenty_inputs_and_ten_network_interfaces() {
    let mut stage = Stage::new();
    let interfaces: Vec<String> = (0..10).map(|_| stage.interface()).collect();
    let body = json!({"name": "more", "configuration": {"public": {"allowRules": []}}});
    assert_eq!(
        stage.refused(Operation::CreateRouterNetworkInterface, "", body),
        ErrorKind::RouterNetworkInterfaceQuota
    );
    for _ in 0..20 {
        stage.input(&interfaces[0]);
    }
    let shown = stage
        .world
        .router()
        .resources()
        .find(|one| one.kind() == ResourceKind::Input)
        .unwrap();
    let mut body = Document::new();
    for key in ["name", "maximumBitrate", "routingScope", "tier", "configuration"] {
        body.insert(key.into(), shown.document()[key].clone());
    }
    assert_eq!(
        stage.refused(Operation::CreateRouterInput, "", Value::Object(body)),
        ErrorKind::RouterInputQuota
    );
}

/// A running channel with a MediaConnect Router output on both pipelines
fn channel(stage: &mut Stage) -> String {
    let doc = json!({"channelClass": "STANDARD", "id": "1", "inputAttachments": [], "state": "RUNNING",
        "destinations": [{"id": "router", "mediaConnectRouterSettings": [{"encryptionType": "AUTOMATIC"}, {}]}],
        "encoderSettings": {"outputGroups": [{
            "outputGroupSettings": {"mediaConnectRouterGroupSettings": {"availabilityZones": ["us-east-1b", "us-east-1c"]}},
            "outputs": [{"outputName": "programme", "outputSettings":
                {"mediaConnectRouterOutputSettings": {"destination": {"destinationRefId": "router"}}}}]}]}});
    stage.world.admit_channel("1", doc.as_object().unwrap().clone());
    stage.world.channel("1").unwrap().arn().to_owned()
}

#[test]
fn a_channels_output_feeds_one_input_and_its_pipeline_says_so() {
    let mut stage = Stage::new();
    let channel = channel(&mut stage);
    let body = |pipeline: &str| {
        json!({"name": "live", "maximumBitrate": 8_000_000, "routingScope": "REGIONAL", "tier": "INPUT_20",
            "configuration": {"mediaLiveChannel": {"mediaLiveChannelArn": channel, "mediaLivePipelineId": pipeline,
                "mediaLiveChannelOutputName": "programme",
                "sourceTransitDecryption": {"encryptionKeyConfiguration": {"automatic": {}}}}}})
    };
    let create = Operation::CreateRouterInput;
    let first = stage.made(create, "routerInput", body("PIPELINE_0"));
    assert_eq!(stage.refused(create, "", body("PIPELINE_0")), ErrorKind::Conflict);
    let second = stage.made(create, "routerInput", body("PIPELINE_1"));
    let zone = stage.world.router().resource(&second).unwrap().document()["availabilityZone"].clone();
    assert_eq!(zone, "us-east-1c", "it goes where the pipeline writes to");
    let links = |stage: &mut Stage| -> Vec<Value> {
        let described = stage
            .world
            .handle(&Request::new(Any::DescribeChannel, "1"), stage.now)
            .unwrap();
        let pipelines = described["pipelineDetails"].as_array().unwrap();
        let map =
            |one: &Value| one["mediaConnectRouterOutputConnectionMap"]["programme"]["routerInputArn"].clone();
        pipelines.iter().map(map).collect()
    };
    assert_eq!(links(&mut stage), [json!(first), json!(second)]);
    assert_eq!(
        stage.refused(Operation::DeleteRouterInput, &first, json!({})),
        ErrorKind::Conflict
    );
    let stop = Request::new(Any::StopChannel, "1");
    let delete = Request::new(Any::DeleteChannel, "1");
    stage.world.handle(&stop, stage.now).unwrap();
    stage.wait(PAUSE);
    let refused = stage.world.handle(&delete, stage.now).unwrap_err();
    assert_eq!(
        (refused.kind, refused.message.contains("feeds router input")),
        (ErrorKind::Conflict, true)
    );
    stage
        .world
        .handle(&Request::new(Any::StartChannel, "1"), stage.now)
        .unwrap();
    stage.wait(Duration::from_mins(10));
    // None of the three disconnects.
    let decryption = json!({"sourceTransitDecryption": {"encryptionKeyConfiguration": {"automatic": {}}}});
    let none = json!({"configuration": {"mediaLiveChannel": decryption}});
    stage.done(Operation::UpdateRouterInput, &first, none);
    assert_eq!(links(&mut stage), [Value::Null, json!(second)]);
    stage.wait(PAUSE);
    stage.done(Operation::DeleteRouterInput, &first, json!({}));
}

#[test]
fn a_take_needs_the_bitrate_and_the_scope() {
    let (mut stage, input, outputs) = stage(1);
    let slower = json!({"maximumBitrate": 7_999_999});
    stage.done(Operation::UpdateRouterOutput, &outputs[0], slower.clone());
    stage.wait(PAUSE);
    let take = json!({"routerInputArn": input});
    assert_eq!(
        stage.refused(Operation::TakeRouterInput, &outputs[0], take.clone()),
        ErrorKind::BadRequest
    );
    stage.done(
        Operation::UpdateRouterOutput,
        &outputs[0],
        json!({"maximumBitrate": 8_000_000}),
    );
    stage.wait(PAUSE);
    stage.take(&outputs[0], &input);
    assert_eq!(
        stage.refused(Operation::UpdateRouterOutput, &outputs[0], slower),
        ErrorKind::BadRequest
    );
    let faster = json!({"maximumBitrate": 8_000_001});
    assert_eq!(
        stage.refused(Operation::UpdateRouterInput, &input, faster),
        ErrorKind::BadRequest
    );
    let body =
        json!({"name": "far", "regionName": "eu-west-1", "configuration": {"public": {"allowRules": []}}});
    let far = stage.made(
        Operation::CreateRouterNetworkInterface,
        "routerNetworkInterface",
        body,
    );
    let mut body = output(&far, "far");
    body["regionName"] = json!("eu-west-1");
    body["routingScope"] = json!("GLOBAL");
    let far = stage.made(Operation::CreateRouterOutput, "routerOutput", body);
    assert_eq!(
        stage.refused(Operation::TakeRouterInput, &far, take.clone()),
        ErrorKind::BadRequest
    );
    // The input has a route, and its scope may be changed all the same.
    stage.done(
        Operation::UpdateRouterInput,
        &input,
        json!({"routingScope": "GLOBAL"}),
    );
    stage.wait(PAUSE);
    stage.done(Operation::TakeRouterInput, &far, take);
}

#[test]
fn an_output_that_is_routing_takes_nothing_else() {
    let (mut stage, input, outputs) = stage(1);
    let interface = stage
        .world
        .router()
        .resources()
        .find(|one| one.kind() == ResourceKind::NetworkInterface);
    let interface = interface.unwrap().arn().to_owned();
    let other = stage.input(&interface);
    let take = |input: &str| json!({"routerInputArn": input});
    stage.done(Operation::TakeRouterInput, &outputs[0], take(&input));
    assert_eq!(
        stage.refused(Operation::TakeRouterInput, &outputs[0], take(&other)),
        ErrorKind::Conflict
    );
    let again = stage.done(Operation::TakeRouterInput, &outputs[0], take(&input));
    assert_eq!(again["routedState"], "ROUTING");
    stage.wait(PAUSE);
    assert_eq!(
        stage.done(Operation::TakeRouterInput, &outputs[0], take(&input))["routedState"],
        "ROUTED"
    );
    let other = stage.done(Operation::TakeRouterInput, &outputs[0], take(&other));
    assert_eq!(other["routedState"], "ROUTING");
}

#[test]
fn without_an_input_a_take_is_refused_unless_a_switch_says_it_unroutes() {
    let (mut stage, input, outputs) = stage(1);
    stage.take(&outputs[0], &input);
    assert_eq!(
        stage.refused(Operation::TakeRouterInput, &outputs[0], json!({})),
        ErrorKind::BadRequest
    );
    stage.world.settings_mut().switches.router_unroute_by_omission = true;
    assert_eq!(
        stage.done(Operation::TakeRouterInput, &outputs[0], json!({}))["routedState"],
        "ROUTING"
    );
    stage.wait(PAUSE);
    let shown = stage.shown(&outputs[0]);
    assert_eq!(
        (&shown["routedState"], shown.get("routedInputArn")),
        (&json!("UNROUTED"), None)
    );
}

#[test]
fn what_is_in_use_is_not_deleted() {
    let (mut stage, input, outputs) = stage(1);
    let shown = stage.shown(&outputs[0]);
    let interface = shown["configuration"]["standard"]["networkInterfaceArn"]
        .as_str()
        .unwrap()
        .to_owned();
    stage.take(&outputs[0], &input);
    for (operation, arn) in [
        (Operation::DeleteRouterInput, &input),
        (Operation::DeleteRouterNetworkInterface, &interface),
    ] {
        assert_eq!(stage.refused(operation, arn, json!({})), ErrorKind::Conflict);
    }
    stage.done(Operation::DeleteRouterOutput, &outputs[0], json!({}));
    stage.wait(PAUSE);
    stage.done(Operation::DeleteRouterInput, &input, json!({}));
    stage.wait(PAUSE);
    stage.done(Operation::DeleteRouterNetworkInterface, &interface, json!({}));
    stage.wait(PAUSE);
    stage.world.advance(stage.now);
    assert_eq!(stage.world.router().resources().count(), 0);
}

#[test]
fn a_network_interface_that_is_not_active_is_a_conflict() {
    let mut stage = Stage::new();
    let body = json!({"name": "public", "configuration": {"public": {"allowRules": []}}});
    let made = stage.done(Operation::CreateRouterNetworkInterface, "", body);
    let interface = made["routerNetworkInterface"]["arn"].as_str().unwrap().to_owned();
    let create = Operation::CreateRouterOutput;
    assert_eq!(
        stage.refused(create, "", output(&interface, "early")),
        ErrorKind::Conflict
    );
    stage.wait(PAUSE);
    assert!(stage.call(create, "", output(&interface, "late")).is_ok());
}

#[test]
fn a_vpcs_interface_is_reconfigured_while_nothing_uses_it() {
    let mut stage = Stage::new();
    let vpc = |group: &str| json!({"vpc": {"securityGroupIds": [group], "subnetId": "subnet-1"}});
    let body = json!({"name": "vpc", "configuration": vpc("sg-1")});
    let interface = stage.made(
        Operation::CreateRouterNetworkInterface,
        "routerNetworkInterface",
        body,
    );
    let update = Operation::UpdateRouterNetworkInterface;
    stage.done(update, &interface, json!({"configuration": vpc("sg-2")}));
    stage.wait(PAUSE);
    stage.output(&interface, "user");
    let other = json!({"configuration": vpc("sg-3")});
    assert_eq!(stage.refused(update, &interface, other), ErrorKind::Conflict);
    stage.done(update, &interface, json!({"name": "renamed"}));
}

#[test]
fn an_active_output_is_updated_where_a_switch_says_so_but_for_its_maintenance() {
    let (mut stage, _, outputs) = stage(1);
    stage.start(&outputs[0]);
    let update = Operation::UpdateRouterOutput;
    assert_eq!(
        stage.refused(update, &outputs[0], json!({"name": "x"})),
        ErrorKind::Conflict
    );
    stage.world.settings_mut().switches.router_update_while_active = true;
    let maintenance = json!({"maintenanceConfiguration": {"default": {}}});
    assert_eq!(
        stage.refused(update, &outputs[0], maintenance),
        ErrorKind::Conflict
    );
    stage.done(update, &outputs[0], json!({"name": "x"}));
    assert_eq!(stage.state(&outputs[0]), "UPDATING");
    stage.wait(PAUSE);
    assert_eq!(stage.state(&outputs[0]), "ACTIVE");
}

#[test]
fn a_restart_is_a_migration_and_begins_the_maintenance_countdown_anew() {
    let (mut stage, _, outputs) = stage(1);
    stage.start(&outputs[0]);
    let before = stage.shown(&outputs[0])["maintenanceSchedule"].clone();
    stage.wait(Duration::from_hours(24 * 30));
    let restarted = stage.done(Operation::RestartRouterOutput, &outputs[0], json!({}));
    assert_eq!(restarted["state"], "MIGRATING");
    stage.wait(PAUSE);
    let after = stage.shown(&outputs[0]);
    assert_eq!(after["state"], "ACTIVE");
    assert_ne!(after["maintenanceSchedule"], before);
}

#[test]
fn a_token_makes_one_output_and_is_forgotten_in_time() {
    let (mut stage, _, _) = stage(0);
    let interface = stage
        .world
        .router()
        .resources()
        .find(|one| one.kind() == ResourceKind::NetworkInterface);
    let mut body = output(interface.unwrap().arn(), "one");
    body["clientToken"] = json!("token");
    let create = Operation::CreateRouterOutput;
    let first = stage.made(create, "routerOutput", body.clone());
    assert_eq!(stage.made(create, "routerOutput", body.clone()), first);
    let mut other = body.clone();
    other["name"] = json!("other");
    assert_eq!(stage.refused(create, "", other), ErrorKind::Conflict);
    stage.done(Operation::DeleteRouterOutput, &first, json!({}));
    stage.wait(PAUSE);
    assert_eq!(
        stage.made(create, "routerOutput", body.clone()),
        first,
        "answered as before"
    );
    assert_eq!(
        stage.refused(Operation::GetRouterOutput, &first, json!({})),
        ErrorKind::NotFound
    );
    stage.wait(Duration::from_mins(10));
    let second = stage.made(create, "routerOutput", body.clone());
    assert_ne!(second, first);
    stage.world.settings_mut().switches.router_token_seconds = 0;
    stage.wait(Duration::from_hours(1_000));
    assert_eq!(stage.made(create, "routerOutput", body), second, "0 is for good");
}

#[test]
fn a_refused_call_changes_nothing_and_shifts_nothing() {
    let run = |with_refusals: bool| {
        let (mut stage, input, outputs) = stage(2);
        if with_refusals {
            for (operation, body) in [
                (Operation::StopRouterOutput, json!({})),
                (Operation::TakeRouterInput, json!({"routerInputArn": outputs[1]})),
                (Operation::UpdateRouterOutput, json!({"tier": "OUTPUT_1"})),
                (Operation::CreateRouterOutput, json!({"name": "x"})),
            ] {
                stage.refused(operation, &outputs[0], body);
            }
        }
        stage.take(&outputs[0], &input);
        stage.start(&outputs[0]);
        stage.wait(PAUSE);
        serde_json::to_string(&stage.world).unwrap()
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn a_start_that_fails_or_hangs_says_so() {
    let (mut stage, _, outputs) = stage(2);
    let mut request = Request::new(Any::Router(Operation::StartRouterOutput), outputs[0].as_str());
    request.twist.outcome = TransitionOutcome::Fails;
    stage.world.handle(&request, stage.now).unwrap();
    assert_eq!(stage.shown(&outputs[0])["messages"], json!([]));
    stage.wait(PAUSE);
    let failed = stage.shown(&outputs[0]);
    assert_eq!(
        (&failed["state"], &failed["messages"][0]["code"]),
        (&json!("ERROR"), &json!("START_FAILED"))
    );
    stage.done(Operation::RestartRouterOutput, &outputs[0], json!({}));
    stage.wait(PAUSE);
    let healed = stage.shown(&outputs[0]);
    assert_eq!(
        (&healed["state"], &healed["messages"]),
        (&json!("ACTIVE"), &json!([]))
    );
    request.id.clone_from(&outputs[1]);
    request.twist.outcome = TransitionOutcome::Stuck;
    stage.world.handle(&request, stage.now).unwrap();
    stage.wait(Duration::from_hours(10));
    assert_eq!(stage.state(&outputs[1]), "STARTING");
    assert_eq!(
        stage.refused(Operation::StopRouterOutput, &outputs[1], json!({})),
        ErrorKind::Conflict
    );
    stage.world.settings_mut().switches.router_stop_in_transition = true;
    stage.done(Operation::StopRouterOutput, &outputs[1], json!({}));
}

#[test]
fn events_befall_the_outputs_that_run_or_the_one_that_is_named() {
    let (mut stage, _, outputs) = stage(3);
    stage.start(&outputs[0]);
    stage.start(&outputs[1]);
    stage.inject(
        Fault::new(FaultKind::RouterRecovering { seconds: Some(30.0) }).of_resource(outputs[1].as_str()),
    );
    assert_eq!(stage.state(&outputs[0]), "ACTIVE");
    let struck = stage.shown(&outputs[1]);
    assert_eq!(
        (&struck["state"], &struck["messages"][0]["code"]),
        (&json!("RECOVERING"), &json!("RECOVERING"))
    );
    stage.wait(PAUSE);
    let healed = stage.shown(&outputs[1]);
    assert_eq!(
        (&healed["state"], &healed["messages"]),
        (&json!("ACTIVE"), &json!([])),
        "once"
    );
    let error = FaultKind::RouterError {
        code: "LOST".into(),
        message: "It is lost.".into(),
    };
    stage.inject(Fault::new(error));
    assert_eq!(stage.state(&outputs[0]), "ERROR");
    assert_eq!(stage.state(&outputs[1]), "ERROR");
    assert_eq!(stage.state(&outputs[2]), "STANDBY");
    assert_eq!(
        stage.shown(&outputs[0])["messages"],
        json!([{"code": "LOST", "message": "It is lost."}])
    );
}

#[test]
fn what_a_refused_stream_does_is_a_switch() {
    for (reading, expected, messages) in [
        (RefusedStream::Error, "ERROR", 1),
        (RefusedStream::Recovering, "RECOVERING", 1),
        (RefusedStream::Active, "ACTIVE", 1),
    ] {
        let (mut stage, _, outputs) = stage(1);
        stage.world.settings_mut().switches.refused_stream = reading;
        stage.start(&outputs[0]);
        stage.inject(Fault::new(FaultKind::StreamRefused).times(5));
        let shown = stage.shown(&outputs[0]);
        let count = shown["messages"].as_array().unwrap().len();
        assert_eq!((shown["state"].as_str().unwrap(), count), (expected, messages));
        stage.wait(PAUSE);
        assert_eq!(
            stage.state(&outputs[0]),
            expected,
            "it strikes whenever the output runs again"
        );
    }
}

#[test]
fn a_late_list_shows_what_was_and_what_is_gone() {
    let (mut stage, input, outputs) = stage(2);
    stage.take(&outputs[0], &input);
    stage.start(&outputs[0]);
    stage.done(Operation::DeleteRouterOutput, &outputs[1], json!({}));
    stage.wait(PAUSE);
    assert_eq!(stage.list().len(), 1);
    let mut request = Request::new(Any::Router(Operation::ListRouterOutputs), "");
    request.twist.stale = Some(PAUSE * 2);
    let late = stage.world.handle(&request, stage.now).unwrap();
    let states: Vec<&str> = late["routerOutputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["state"].as_str().unwrap())
        .collect();
    assert_eq!(states.len(), 2, "{states:?}");
    request.twist.stale = Some(Duration::from_secs(100_000));
    let earlier = stage.world.handle(&request, stage.now).unwrap();
    assert_eq!(earlier["routerOutputs"], json!([]), "before they were made");
    request.twist.stale = None;
    request.twist.left_out = Some(0);
    let part = stage.world.handle(&request, stage.now).unwrap();
    assert_eq!(part["routerOutputs"], json!([]));
}

#[test]
fn a_running_output_is_maintained_in_its_window_and_a_stopped_one_is_not() {
    let (mut stage, _, outputs) = stage(2);
    stage.start(&outputs[0]);
    let due = |stage: &mut Stage| -> Timestamp {
        let at = &stage.shown(&outputs[0])["maintenanceSchedule"]["window"]["scheduledTime"];
        at.as_str().unwrap().parse().unwrap()
    };
    let first = due(&mut stage);
    stage.now.wall = first - SignedDuration::from_secs(1);
    assert_eq!(stage.state(&outputs[0]), "ACTIVE");
    stage.now.wall = first;
    let moved = stage.shown(&outputs[0]);
    assert_eq!(
        (&moved["state"], &moved["messages"][0]["code"]),
        (&json!("MIGRATING"), &json!("MAINTENANCE"))
    );
    assert_eq!(stage.state(&outputs[1]), "STANDBY");
    assert!(due(&mut stage) > first + SignedDuration::from_hours(24 * 59));
    stage.wait(PAUSE);
    assert_eq!(stage.state(&outputs[0]), "ACTIVE");
    stage.done(Operation::StopRouterOutput, &outputs[0], json!({}));
    stage.wait(PAUSE);
    assert_eq!(stage.shown(&outputs[0]).get("maintenanceSchedule"), None);
}

#[test]
fn debug_shows_no_stream_name() {
    let (mut stage, _, outputs) = stage(1);
    let update = json!({"configuration": output("arn", "x")["configuration"]});
    let request =
        Request::new(Any::Router(Operation::UpdateRouterOutput), outputs[0].as_str()).with_body(update);
    let shown = format!("{:?} {request:?} {:?}", stage.world.router(), stage.world);
    assert!(shown.contains(&outputs[0]) && !shown.contains(KEY), "{shown}");
    assert!(
        stage.shown(&outputs[0]).to_string().contains(KEY),
        "MediaConnect itself shows it"
    );
}

#[test]
fn a_world_read_back_goes_on_as_before() {
    let (mut stage, input, outputs) = stage(2);
    stage.take(&outputs[0], &input);
    stage.done(Operation::StartRouterOutput, &outputs[0], json!({}));
    let text = serde_json::to_string(&stage.world).unwrap();
    let mut copy = Stage {
        world: serde_json::from_str(&text).unwrap(),
        now: stage.now,
    };
    for stage in [&mut stage, &mut copy] {
        stage.wait(PAUSE);
        stage.done(Operation::StopRouterOutput, &outputs[0], json!({}));
        stage.wait(Duration::from_secs(3));
    }
    assert_eq!(
        serde_json::to_string(&stage.world).unwrap(),
        serde_json::to_string(&copy.world).unwrap()
    );
}

#[test]
fn what_the_cli_prints_makes_the_same_routers_again() {
    let (mut stage, input, outputs) = stage(1);
    stage.take(&outputs[0], &input);
    let shown = stage.shown(&outputs[0]);
    let interface = shown["configuration"]["standard"]["networkInterfaceArn"]
        .as_str()
        .unwrap()
        .to_owned();
    let of_input = stage.done(Operation::GetRouterInput, &input, json!({}));
    let of_interface = stage.done(Operation::GetRouterNetworkInterface, &interface, json!({}));
    let file = format!("{} {of_input} {of_interface}", json!({"RouterOutputs": [shown]}));
    let fleet = Fleet::parse(&file).unwrap_or_else(|error| panic!("{error}"));
    assert!(!format!("{fleet:?}").contains(KEY));
    let mut again = Stage {
        world: fleet.world(stage.world.settings().clone(), 1),
        now: stage.now,
    };
    assert_eq!(again.shown(&outputs[0]), shown);
    assert_eq!(again.done(Operation::GetRouterInput, &input, json!({})), of_input);
    let interface = again.done(Operation::GetRouterNetworkInterface, &interface, json!({}));
    assert_eq!(interface, of_interface);
}

#[test]
fn a_fleet_file_names_what_is_wrong_with_a_router() {
    let text =
        json!({"RouterOutputs": [{"Arn": "arn:aws:mediaconnect:x", "State": "BUSY"}, 7], "RouterInput": {}});
    let error = Fleet::parse(&text.to_string()).unwrap_err();
    let paths: Vec<&str> = error
        .problems
        .iter()
        .map(|problem| problem.path.as_str())
        .collect();
    let expected = [
        "RouterInput.Arn",
        "RouterInput.Configuration",
        "RouterOutputs[0].Arn",
        "RouterOutputs[0].Configuration",
        "RouterOutputs[0].State",
        "RouterOutputs[1]",
    ];
    assert_eq!(paths, expected);
}

/// What one may ask of an output: which operation, with which body
fn asked(which: usize, input: &str) -> (Operation, Value) {
    match which {
        0 => (Operation::StartRouterOutput, json!({})),
        1 => (Operation::StopRouterOutput, json!({})),
        2 => (Operation::RestartRouterOutput, json!({})),
        3 => (Operation::UpdateRouterOutput, json!({"name": "other"})),
        4 => (Operation::TakeRouterInput, json!({"routerInputArn": input})),
        5 => (Operation::TakeRouterInput, json!({})),
        _ => (Operation::DeleteRouterOutput, json!({})),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_call_changes_the_output_that_it_names_and_a_refused_one_none(
        steps in prop::collection::vec((0..7_usize, 0..3_usize, 0..60_u64), 1..60),
        is_lenient: bool,
    ) {
        let (mut stage, input, outputs) = stage(3);
        if is_lenient {
            stage.world.settings_mut().switches = Switches::lenient();
        }
        for (which, output, seconds) in steps {
            stage.wait(Duration::from_secs(seconds));
            stage.world.advance(stage.now);
            let look = |stage: &Stage| -> Vec<Option<String>> {
                let shown = |arn: &String| stage.world.router().resource(arn).map(|one| json!(one.describe()).to_string());
                outputs.iter().map(shown).collect()
            };
            let before = look(&stage);
            let (operation, body) = asked(which, &input);
            let answer = stage.call(operation, &outputs[output], body);
            for (index, (was, is)) in before.iter().zip(look(&stage)).enumerate() {
                prop_assert!(*was == is || (index == output && answer.is_ok()), "{operation:?}: {was:?} {is:?}");
            }
        }
    }
}

#[test]
fn a_fleets_routers_go_on_from_the_state_they_are_in() {
    let (mut stage, _, outputs) = stage(1);
    let mut doc = stage.shown(&outputs[0]);
    for (state, expected) in [
        ("STARTING", "ACTIVE"),
        ("STOPPING", "STANDBY"),
        ("ERROR", "ERROR"),
        ("ACTIVE", "ACTIVE"),
    ] {
        doc["state"] = json!(state);
        let mut fleet = Fleet::empty();
        fleet.add_router(
            ResourceKind::Output,
            outputs[0].clone(),
            doc.as_object().unwrap().clone(),
        );
        let mut again = Stage {
            world: fleet.world(stage.world.settings().clone(), 1),
            now: stage.now,
        };
        assert_eq!(again.state(&outputs[0]), expected);
        let shown = again.shown(&outputs[0]);
        assert_eq!(shown.get("maintenanceSchedule").is_some(), expected == "ACTIVE");
    }
}

#[test]
fn an_invented_router_takes_outputs_with_a_channel_in_front_or_without() {
    let arn = |kind: ResourceKind| {
        format!(
            "arn:aws:mediaconnect:us-east-1:111122223333:{}:abcdefgh1234",
            kind.key()
        )
    };
    let (interface, input) = (arn(ResourceKind::NetworkInterface), arn(ResourceKind::Input));
    for channel in [None, Some("4000009".to_owned())] {
        let mut stage = Stage::new();
        let mut fleet = Fleet::empty();
        fleet.add_invented_router(&InventedRouter {
            interface: interface.clone(),
            input: input.clone(),
            channel: channel.clone(),
        });
        stage.world = fleet.world(stage.world.settings().clone(), 1);
        let output = stage.output(&interface, "first");
        stage.take(&output, &input);
        stage.start(&output);
        let shown = stage.done(Operation::GetRouterInput, &input, json!({}));
        let shown = &shown["routerInput"];
        assert_eq!(shown["routedOutputs"], 1);
        let Some(channel) = channel else {
            assert_eq!(
                (&shown["state"], &shown["inputType"]),
                (&json!("ACTIVE"), &json!("STANDARD"))
            );
            continue;
        };
        assert_eq!(
            (&shown["state"], &shown["inputType"]),
            (&json!("STANDBY"), &json!("MEDIALIVE_CHANNEL"))
        );
        stage
            .world
            .handle(&Request::new(Any::StartChannel, channel.as_str()), stage.now)
            .unwrap();
        stage.wait(Duration::from_mins(10));
        let described = stage
            .world
            .handle(&Request::new(Any::DescribeChannel, channel), stage.now)
            .unwrap();
        let map = &described["pipelineDetails"][0]["mediaConnectRouterOutputConnectionMap"];
        assert_eq!(map["programme"]["routerInputArn"], input);
    }
}
