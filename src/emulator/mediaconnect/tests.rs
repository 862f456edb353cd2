//! Routers through the world, call by call, in time that is given.

mod calls;
mod events;
mod outputs;
mod worlds;

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
