//! Every call against the emulator, and a few against services that behave worse than it may.

use std::collections::BTreeSet;
use std::sync::Mutex;

use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::emulator::mediaconnect::{Operation, ResourceKind, RouterQuotas};
use crate::emulator::{
    Call, Effect, Emulator, Fault, FaultKind, Fleet, InventedRouter, Operation as Any, Options, Quotas,
    in_memory,
};
use crate::mediaconnect::{client_token, output_name};
use crate::model::tag::{DESTINATION_TAG, OFF_SINCE_TAG, off_since_tag, started_tag};
use crate::model::{Maintenance, OutputRecord, PoolName, Secret, TargetDigest, Tier};
use crate::service::Limits;
use crate::wiring::{emulated_mediaconnect, mediaconnect_through};

const KEY: &str = "very-secret-k3y";
const URL: &str = "rtmps://a.rtmps.youtube.com/live2";

/// Longer than anything takes that is not stuck.
const PAUSE: Duration = Duration::from_mins(2);

fn arn(kind: &str, id: &str) -> RouterArn {
    RouterArn::new(format!(
        "arn:aws:mediaconnect:us-east-1:111122223333:{kind}:{id:a>12}"
    ))
}

fn owner() -> OwnerId {
    "us".into()
}

fn permit() -> Permit<'static> {
    Permit::granted(Limits::within(Duration::from_mins(1)), None)
}

fn endpoint(url: &str, key: &str) -> Endpoint {
    Endpoint::new(url, Secret::new(key))
}

fn settings() -> RouterSettings {
    RouterSettings {
        tier: Tier::Output20,
        maximum_bitrate: 8_000_000,
        availability_zone: Some("us-east-1a".into()),
        maintenance: Some(Maintenance {
            day: "MONDAY".into(),
            time: "03:00".into(),
        }),
    }
}

fn record(destination: &str, target: &Endpoint) -> OutputRecord {
    let (pool, identity) = (PoolName::new("main"), destination.into());
    OutputRecord {
        digest: TargetDigest::of_output(&owner(), &pool, &identity, target),
        pool,
        identity,
        released: false,
        kept: false,
        off_since: None,
    }
}

/// An emulator with an interface and two inputs, the first one ACTIVE, and a client of it.
struct Stage {
    emulator: Emulator,
    client: MediaConnect,
    input: RouterArn,
    /// In STANDBY, as its channel is idle.
    other_input: RouterArn,
    interface: RouterArn,
    meter: Arc<Counted>,
}

/// What was counted: service, operation and result.
#[derive(Debug, Default)]
struct Counted(Mutex<Vec<(&'static str, &'static str, &'static str)>>);

impl Meter for Counted {
    fn waited(&self, _: &'static str, _: Duration) {}

    fn ended(&self, service: &'static str, operation: &'static str, code: &'static str, _: Duration) {
        self.0.lock().unwrap().push((service, operation, code));
    }
}

impl Stage {
    fn new() -> Self {
        Self::with(RouterQuotas::default(), |_| ())
    }

    fn with(router: RouterQuotas, add: impl FnOnce(&mut Fleet)) -> Self {
        let (interface, input) = (arn("routerNetworkInterface", "n"), arn("routerInput", "i"));
        let other_input = arn("routerInput", "j");
        let mut fleet = Fleet::empty();
        for (input, channel) in [(&input, None), (&other_input, Some("4000009".to_owned()))] {
            fleet.add_invented_router(&InventedRouter {
                interface: interface.to_string(),
                input: input.to_string(),
                channel,
            });
        }
        add(&mut fleet);
        let quotas = Quotas {
            router,
            ..Quotas::default()
        };
        let options = Options {
            quotas,
            ..Options::default()
        };
        let emulator = Emulator::new(options, fleet);
        let meter = Arc::new(Counted::default());
        let wire = Settings {
            rate: RateLimit { per_second: 1_000.0 },
            meter: Some(Arc::clone(&meter) as Arc<dyn Meter>),
            ..Settings::default()
        };
        let client = emulated_mediaconnect(&emulator, &wire);
        Self {
            emulator,
            client,
            input,
            other_input,
            interface,
            meter,
        }
    }

    async fn create(&self, destination: &str, target: &Endpoint, counter: u32) -> Result<Created, CallError> {
        let record = record(destination, target);
        self.create_tagged(&record, target, &settings(), counter).await
    }

    async fn create_tagged(
        &self,
        record: &OutputRecord,
        target: &Endpoint,
        settings: &RouterSettings,
        counter: u32,
    ) -> Result<Created, CallError> {
        let (owner, pool, identity) = (owner(), &record.pool, &record.identity);
        let new = NewOutput {
            name: &output_name(&owner, pool, &identity.as_str().into(), identity),
            region: self.client.region(),
            interface: &self.interface,
            settings,
            target,
            tags: &record.tags(&owner),
            client_token: &client_token(&owner, "us-east-1", pool, identity, record.digest, counter),
        };
        self.client.create_output(permit(), &new).await
    }

    /// An output in STANDBY.
    async fn made(&self, destination: &str) -> RouterArn {
        let made = self.create(destination, &endpoint(URL, KEY), 0).await.unwrap();
        self.wait();
        made.arn
    }

    fn wait(&self) {
        self.emulator.advance(PAUSE);
    }

    async fn seen(&self, arn: &RouterArn) -> RouterOutput {
        self.client.get_output(arn).await.unwrap().unwrap()
    }

    async fn document(&self, arn: &RouterArn) -> OutputDocument {
        self.client.get_output_document(arn).await.unwrap().unwrap()
    }

    fn inject(&self, kind: FaultKind, operation: Operation) {
        self.emulator
            .inject(Fault::new(kind).on(Any::Router(operation)).times(1));
    }

    fn calls_of(&self, operation: &str) -> Vec<Call> {
        let calls = self.emulator.calls().into_iter();
        calls.filter(|call| call.operation == operation).collect()
    }
}

/// A client of a service that answers as `answer` says.
fn client_of(answer: impl Fn() -> Response + Clone + Send + Sync + 'static) -> MediaConnect {
    let router = Router::new().fallback(move || {
        let answer = answer();
        async move { answer }
    });
    let timers = SharedAsyncSleep::new(TokioSleep::new());
    mediaconnect_through(in_memory(router), timers, &Settings::default())
}

fn error(status: u16, code: &'static str, message: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    let body = json!({"message": message}).to_string();
    (status, [("x-amzn-errortype", code)], body).into_response()
}

#[tokio::test]
async fn an_output_is_made_routed_started_stopped_pointed_elsewhere_and_deleted() {
    let stage = Stage::new();
    let target = endpoint(URL, KEY);
    let made = stage.create("yt", &target, 0).await.unwrap();
    assert_eq!(made.state, OutputState::Creating);
    stage.wait();

    let seen = stage.seen(&made.arn).await;
    assert_eq!(
        (seen.state, seen.route),
        (OutputState::Standby, RouteState::Unrouted)
    );
    assert!(seen.name.starts_with("slotwise-main-yt-"), "{}", seen.name);
    assert_eq!(seen.owner, Some(owner()));
    assert_eq!(seen.record, Some(record("yt", &target)));
    assert_eq!(seen.target.unwrap().canonical(), target.canonical());
    assert_eq!(seen.settings, settings());
    assert_eq!((seen.input, seen.messages.len(), seen.trouble), (None, 0, None));

    let taken = stage
        .client
        .take_input(permit(), &made.arn, &stage.input)
        .await
        .unwrap();
    assert_eq!(taken, RouteState::Routing);
    let started = stage.client.start_output(permit(), &made.arn).await.unwrap();
    assert_eq!(started, OutputState::Starting);
    stage.wait();
    let seen = stage.seen(&made.arn).await;
    assert_eq!(
        (seen.state, seen.route),
        (OutputState::Active, RouteState::Routed)
    );
    assert_eq!(seen.input.as_ref(), Some(&stage.input));

    let restarted = stage.client.restart_output(permit(), &made.arn).await.unwrap();
    assert_eq!(restarted, OutputState::Migrating);
    stage.wait();
    let stopped = stage.client.stop_output(permit(), &made.arn).await.unwrap();
    assert_eq!(stopped, OutputState::Stopping);
    stage.wait();

    let elsewhere = endpoint("rtmp://b.example:1936/app/inst?x=1", "another");
    let larger = RouterSettings {
        tier: Tier::Output50,
        maximum_bitrate: 9_000_000,
        maintenance: None,
        ..settings()
    };
    let document = stage.document(&made.arn).await;
    let updating = stage
        .client
        .update_output(permit(), &document, &elsewhere, &larger)
        .await;
    assert_eq!(updating.unwrap(), OutputState::Updating);
    stage.wait();
    let seen = stage.seen(&made.arn).await;
    assert_eq!(
        (seen.state, seen.route),
        (OutputState::Standby, RouteState::Routed)
    );
    assert_eq!(seen.target.unwrap().canonical(), elsewhere.canonical());
    assert_eq!(seen.settings, larger);
    assert_eq!(seen.record, Some(record("yt", &target)), "tags stay");

    let deleted = stage.client.delete_output(permit(), &made.arn).await.unwrap();
    assert_eq!(deleted, OutputState::Deleting);
    stage.wait();
    assert_eq!(stage.client.get_output(&made.arn).await.unwrap(), None);
    let gone = stage
        .client
        .get_outputs(std::slice::from_ref(&made.arn))
        .await
        .unwrap();
    assert_eq!(gone, BTreeMap::from([(made.arn, None)]));

    let counted = stage.meter.0.lock().unwrap().clone();
    let calls = stage.emulator.calls();
    assert_eq!(counted.len(), calls.len());
    for ((service, operation, code), call) in counted.into_iter().zip(calls) {
        let result = if call.error.is_some() { "not_found" } else { "ok" };
        assert_eq!(
            (service, operation, code),
            ("mediaconnect", &*call.operation, result)
        );
    }
}

#[tokio::test]
async fn inputs_interfaces_and_tags_are_read_and_written() {
    let stage = Stage::new();
    let client = &stage.client;
    let us = owner();
    let input = client.get_input(&stage.other_input, &us).await.unwrap().unwrap();
    assert_eq!((input.state, input.is_ours_to_stop), (InputState::Standby, false));
    client
        .tag(permit(), &stage.other_input, &[started_tag(&us)])
        .await
        .unwrap();
    let started = client.start_input(permit(), &stage.other_input).await.unwrap();
    assert_eq!(started, InputState::Starting);
    stage.wait();
    let input = client.get_input(&stage.other_input, &us).await.unwrap().unwrap();
    assert_eq!((input.state, input.is_ours_to_stop), (InputState::Active, true));
    let of_others = client
        .get_input(&stage.other_input, &"them".into())
        .await
        .unwrap();
    assert!(!of_others.unwrap().is_ours_to_stop);
    let stopping = client.stop_input(permit(), &stage.other_input).await.unwrap();
    assert_eq!(stopping, InputState::Stopping);
    assert_eq!(
        client.get_input(&arn("routerInput", "x"), &us).await.unwrap(),
        None
    );

    let interface = client.get_interface(&stage.interface).await.unwrap().unwrap();
    assert!(interface.is_active());
    assert_eq!(&*interface.region, "us-east-1");
    let missing = arn("routerNetworkInterface", "x");
    assert_eq!(client.get_interface(&missing).await.unwrap(), None);

    let output = stage.made("yt").await;
    let at: Timestamp = "2026-11-30T16:22:34Z".parse().unwrap();
    let released = OutputRecord {
        released: true,
        off_since: Some(at),
        ..record("yt", &endpoint(URL, KEY))
    };
    let changed = [
        off_since_tag(at),
        (DESTINATION_TAG.to_owned(), released.destination_tag()),
    ];
    client.tag(permit(), &output, &changed).await.unwrap();
    assert_eq!(stage.seen(&output).await.record, Some(released.clone()));
    client.untag(permit(), &output, &[OFF_SINCE_TAG]).await.unwrap();
    let on = OutputRecord {
        off_since: None,
        ..released
    };
    assert_eq!(stage.seen(&output).await.record, Some(on));
}

#[tokio::test]
async fn a_creation_whose_reply_was_lost_makes_no_second_output() {
    for lost in [
        FaultKind::Reset {
            effect: Effect::After,
        },
        FaultKind::ServerError {
            status: 500,
            effect: Effect::After,
        },
    ] {
        let stage = Stage::new();
        let target = endpoint(URL, KEY);
        stage.inject(lost, Operation::CreateRouterOutput);
        let error = stage.create("yt", &target, 0).await.unwrap_err();
        assert!(error.kind.is_ambiguous(), "{error}");
        assert_eq!(stage.calls_of("CreateRouterOutput").len(), 1, "tried once");

        let again = stage.create("yt", &target, 0).await.unwrap();
        let listed = stage.client.list_outputs().await.unwrap();
        let arns: Vec<&RouterArn> = listed.outputs.iter().map(|one| &one.arn).collect();
        assert_eq!(arns, [&again.arn]);
    }
}

#[tokio::test]
async fn a_token_of_an_output_that_has_gone_answers_its_arn_and_another_counter_makes_one() {
    let stage = Stage::new();
    let target = endpoint(URL, KEY);
    let first = stage.made("yt").await;
    stage.client.delete_output(permit(), &first).await.unwrap();
    stage.wait();
    let again = stage.create("yt", &target, 0).await.unwrap();
    assert_eq!(again.arn, first);
    assert_eq!(stage.client.get_output(&again.arn).await.unwrap(), None);
    let second = stage.create("yt", &target, 1).await.unwrap();
    assert_ne!(second.arn, first);
    assert!(stage.client.get_output(&second.arn).await.unwrap().is_some());
}

#[tokio::test]
async fn a_token_with_another_body_is_a_conflict_and_makes_nothing() {
    let stage = Stage::new();
    let target = endpoint(URL, KEY);
    stage.made("yt").await;
    let other = RouterSettings {
        maximum_bitrate: 9_000_000,
        ..settings()
    };
    let refused = stage
        .create_tagged(&record("yt", &target), &target, &other, 0)
        .await;
    assert_eq!(refused.unwrap_err().kind, CallErrorKind::Conflict);
    assert_eq!(stage.client.list_outputs().await.unwrap().outputs.len(), 1);
}

#[tokio::test]
async fn a_refusal_is_of_one_kind_and_no_change_is_tried_twice() {
    let stage = Stage::with(
        RouterQuotas {
            outputs: 1,
            ..RouterQuotas::default()
        },
        |_| (),
    );
    let output = stage.made("yt").await;
    let target = endpoint(URL, KEY);

    let full = stage.create("fb", &target, 0).await.unwrap_err();
    assert_eq!(full.kind, CallErrorKind::QuotaExceeded, "{full}");
    assert!(!full.kind.is_of_the_channel() && !full.kind.is_ambiguous());

    let stopped = stage.client.stop_output(permit(), &output).await.unwrap_err();
    assert_eq!(stopped.kind, CallErrorKind::Conflict, "{stopped}");
    assert!(
        stopped
            .to_string()
            .starts_with(&format!("StopRouterOutput on {output}: its state"))
    );
    assert_eq!(
        stage.calls_of("StopRouterOutput").len(),
        1,
        "409 is not tried again"
    );

    let missing = stage
        .client
        .start_output(permit(), &arn("routerOutput", "x"))
        .await;
    assert_eq!(missing.unwrap_err().kind, CallErrorKind::NotFound);

    for (fault, kind) in [
        (FaultKind::Throttle, CallErrorKind::Throttled),
        (FaultKind::AccessDenied, CallErrorKind::Denied),
        (FaultKind::ExpiredToken, CallErrorKind::CredentialsExpired),
        (
            FaultKind::ServerError {
                status: 503,
                effect: Effect::Before,
            },
            CallErrorKind::Server,
        ),
    ] {
        stage.emulator.clear_calls();
        stage.inject(fault, Operation::StartRouterOutput);
        let error = stage.client.start_output(permit(), &output).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert_eq!(stage.calls_of("StartRouterOutput").len(), 1);
    }
    let metered = stage.meter.0.lock().unwrap().clone();
    for code in ["quota_exceeded", "conflict", "throttled", "denied", "server"] {
        assert!(metered.iter().any(|(_, _, counted)| *counted == code), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_look_is_tried_again() {
    let stage = Stage::new();
    let output = stage.made("yt").await;
    stage.inject(FaultKind::Throttle, Operation::ListRouterOutputs);
    stage.inject(FaultKind::Throttle, Operation::GetRouterOutput);
    assert!(stage.client.list_outputs().await.unwrap().is_complete);
    assert_eq!(stage.calls_of("ListRouterOutputs").len(), 2);
    stage.seen(&output).await;
    assert_eq!(stage.calls_of("GetRouterOutput").len(), 2);
}

#[tokio::test]
async fn what_no_output_takes_is_refused_without_its_key() {
    let stage = Stage::new();
    let output = stage.made("yt").await;
    let document = stage.document(&output).await;
    // MediaConnect refuses the first one, a router output cannot have the others: nothing is sent.
    for (url, sent) in [
        ("rtmps://a.example:80/live", 1),
        ("srt://a.example/live", 0),
        ("rtmp://user:very-secret-k3y@a.example/live", 0),
    ] {
        stage.emulator.clear_calls();
        let target = endpoint(url, KEY);
        let created = stage.create("fb", &target, 0).await.unwrap_err();
        let updated = stage
            .client
            .update_output(permit(), &document, &target, &settings())
            .await
            .unwrap_err();
        for error in [created, updated] {
            assert_eq!(error.kind, CallErrorKind::Invalid, "{error}");
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains(KEY), "{shown}");
        }
        assert_eq!(stage.emulator.calls().len(), 2 * sent, "{url}");
    }
}

#[tokio::test]
async fn no_answer_shows_a_key() {
    let stage = Stage::new();
    let output = stage.made("yt").await;
    let document = stage.document(&output).await;
    assert!(!format!("{document:?}").contains(KEY));
    // A service that repeats what it was sent, and what it has.
    let said =
        "very-secret-k3y is no stream of rtmps://a.example/live2/very-secret-k3y new+k3y, new%2Bk3y, token=1";
    let client = client_of(move || error(400, "BadRequestException", said));
    let target = endpoint("rtmp://b.example/app?token=1", "new+k3y");
    let new = NewOutput {
        name: "name",
        region: "us-east-1",
        interface: &stage.interface,
        settings: &settings(),
        target: &target,
        tags: &[],
        client_token: "token",
    };
    let created = client.create_output(permit(), &new).await.unwrap_err();
    assert!(!created.message.contains("new"), "{created}");
    let updated = client
        .update_output(permit(), &document, &target, &settings())
        .await
        .unwrap_err();
    assert_eq!(updated.message, "… is no stream of rtmps://a.example/… …, …, …");

    stage
        .client
        .take_input(permit(), &output, &stage.input)
        .await
        .unwrap();
    stage.client.start_output(permit(), &output).await.unwrap();
    stage.wait();
    stage.seen(&output).await;
    stage.emulator.inject(Fault::new(FaultKind::RouterMessage {
        code: "REFUSED".into(),
        message: format!("{KEY} is refused by rtmps://a.example/live2/{KEY}"),
    }));
    stage.wait();
    let seen = stage.seen(&output).await;
    assert_eq!(
        seen.messages[..],
        ["REFUSED: … is refused by rtmps://a.example/…"]
    );
    assert!(!format!("{seen:?}").contains(KEY));
}

/// Outputs that exist from the beginning, in two regions.
fn add_outputs(fleet: &mut Fleet, here: usize, elsewhere: usize) {
    let places = [("us-east-1", here), ("eu-central-1", elsewhere)];
    for (region, count) in places {
        for number in 0..count {
            let arn = format!("arn:aws:mediaconnect:{region}:111122223333:routerOutput:{number:0>12}");
            let Value::Object(doc) = json!({"configuration": {"standard": {
                "networkInterfaceArn": "arn:aws:mediaconnect:us-east-1:111122223333:routerNetworkInterface:naaaaaaaaaaa",
                "protocolConfiguration": {"rtmpPush": {"destinationAddress": "a.example", "destinationPort": 1935,
                    "applicationName": "live", "streamName": KEY}}}}})
            else {
                panic!("no object")
            };
            fleet.add_router(ResourceKind::Output, arn, doc);
        }
    }
}

#[tokio::test]
async fn all_pages_of_the_region_are_listed_and_those_of_others_are_not() {
    let stage = Stage::with(RouterQuotas::default(), |fleet| add_outputs(fleet, 230, 3));
    let listed = stage.client.list_outputs().await.unwrap();
    assert!(listed.is_complete);
    assert_eq!((listed.outputs.len(), listed.pages), (230, 3));
    let one = &listed.outputs[7];
    assert_eq!(
        (&*one.region, one.state, one.message_count),
        ("us-east-1", OutputState::Standby, 0)
    );
    assert_eq!((one.route, &one.input), (RouteState::Unrouted, &None));
    assert_eq!(one.updated_at, Some(Timestamp::UNIX_EPOCH));
    let there = stage
        .client
        .in_region("eu-central-1")
        .list_outputs()
        .await
        .unwrap();
    assert_eq!(there.outputs.len(), 3);

    let arns: Vec<RouterArn> = listed.outputs.iter().map(|one| one.arn.clone()).collect();
    stage.emulator.clear_calls();
    let got = stage.client.get_outputs(&arns[..45]).await.unwrap();
    assert_eq!(got.len(), 45);
    assert!(
        got.values()
            .all(|one| one.as_ref().is_some_and(|one| one.owner.is_none()))
    );
    assert_eq!(stage.calls_of("BatchGetRouterOutput").len(), 3);
    assert!(stage.client.get_outputs(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_list_that_goes_round_in_circles_is_not_complete() {
    let page = json!({"routerOutputs": [
        {"arn": "a", "state": "ACTIVE", "routedState": "ROUTED", "regionName": "us-east-1"},
        {"arn": "b", "state": "ACTIVE", "routedState": "ROUTED", "regionName": "eu-central-1"},
    ], "nextToken": "again"});
    let client = client_of(move || page.to_string().into_response());
    let listed = client.list_outputs().await.unwrap();
    assert!(!listed.is_complete);
    assert_eq!((listed.outputs.len(), listed.pages), (1, 2));
}

#[tokio::test]
async fn a_batch_that_fails_in_part_shows_the_rest() {
    let stage = Stage::new();
    let (one, two) = (stage.made("yt").await, stage.made("fb").await);
    let missing = arn("routerOutput", "x");
    let got = stage
        .client
        .get_outputs(&[one.clone(), missing.clone(), two.clone()])
        .await
        .unwrap();
    assert_eq!(got.len(), 3);
    assert_eq!(got[&missing], None);
    assert_eq!(
        got[&two].as_ref().unwrap().record.as_ref().unwrap().identity,
        "fb"
    );

    let failed = |code: &str, arn: &RouterArn| json!({"arn": arn, "code": code, "message": "no"});
    let partly = json!({"routerOutputs": [], "errors": [
        failed("NotFoundException", &one), failed("ForbiddenException", &two)]});
    let got = client_of(move || partly.to_string().into_response())
        .get_outputs(&[one.clone(), two.clone()])
        .await
        .unwrap();
    assert_eq!(got, BTreeMap::from([(one.clone(), None)]));

    let none = json!({"routerOutputs": [], "errors": [failed("ForbiddenException", &one)]});
    let client = client_of(move || none.to_string().into_response());
    let error = client.get_outputs(std::slice::from_ref(&one)).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Denied, "{error}");

    // Without its tags nothing shows whose an output is.
    let untagged =
        json!({"routerOutputs": [{"arn": one, "state": "ACTIVE", "routedState": "ROUTED"}], "errors": []});
    let client = client_of(move || untagged.to_string().into_response());
    let error = client.get_outputs(&[one]).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::BadAnswer, "{error}");
}

#[tokio::test]
async fn only_mediaconnect_itself_can_say_that_there_is_no_such_thing() {
    for (code, kind) in [
        ("UnknownOperationException", CallErrorKind::BadAnswer),
        ("", CallErrorKind::BadAnswer),
    ] {
        let client = client_of(move || error(404, code, "no such page"));
        let output = client.get_output(&arn("routerOutput", "x")).await.unwrap_err();
        let input = client
            .get_input(&arn("routerInput", "x"), &owner())
            .await
            .unwrap_err();
        assert_eq!((output.kind, input.kind), (kind, kind), "{output}");
    }
}

#[tokio::test]
async fn nothing_is_sent_on_a_permit_that_has_expired() {
    let stage = Stage::new();
    let output = stage.made("yt").await;
    let document = stage.document(&output).await;
    let late = || Permit::granted(Limits::within(Duration::ZERO), None);
    let target = endpoint(URL, KEY);
    let new = NewOutput {
        name: "name",
        region: "us-east-1",
        interface: &stage.interface,
        settings: &settings(),
        target: &target,
        tags: &[],
        client_token: "token",
    };
    stage.emulator.clear_calls();
    let client = &stage.client;
    let errors = [
        client.create_output(late(), &new).await.map(drop),
        client
            .update_output(late(), &document, &target, &settings())
            .await
            .map(drop),
        client.take_input(late(), &output, &stage.input).await.map(drop),
        client.start_output(late(), &output).await.map(drop),
        client.stop_output(late(), &output).await.map(drop),
        client.restart_output(late(), &output).await.map(drop),
        client.delete_output(late(), &output).await.map(drop),
        client.start_input(late(), &stage.input).await.map(drop),
        client.stop_input(late(), &stage.input).await.map(drop),
        client.tag(late(), &output, &[]).await,
        client.untag(late(), &output, &["key"]).await,
    ];
    let named: BTreeSet<&str> = errors
        .iter()
        .map(|error| {
            let error = error.as_ref().unwrap_err();
            assert_eq!(error.kind, CallErrorKind::NotSent, "{error}");
            error.operation
        })
        .collect();
    assert_eq!(named.len(), errors.len());
    assert_eq!(stage.emulator.calls(), []);

    // In time it is sent, and names the lease.
    let stamped = Permit::granted(Limits::within(Duration::from_mins(1)), Some("me.7".into()));
    client.start_output(stamped, &output).await.unwrap();
    let agent = stage.emulator.calls().pop().unwrap().user_agent.unwrap();
    assert!(agent.ends_with(" md/slotwise-lease#me.7"), "{agent}");
}

#[tokio::test(start_paused = true)]
async fn a_start_goes_before_looks_and_the_burst_has_an_end() {
    let stage = Stage::new();
    let output = stage.made("yt").await;
    stage.emulator.clear_calls();
    let client = emulated_mediaconnect(&stage.emulator, &Settings::default());
    let begun = tokio::time::Instant::now();
    // 4 a second, 20 at once.
    for _ in 0..20 {
        client.get_output(&output).await.unwrap();
    }
    assert_eq!(begun.elapsed(), Duration::ZERO);
    let looks = async {
        tokio::join!(
            client.get_output(&output),
            client.get_output(&output),
            client.get_output(&output)
        )
    };
    let start = async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        client.start_output(permit(), &output).await
    };
    let (_, started) = tokio::join!(looks, start);
    started.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 1);
    let calls = stage.emulator.calls();
    let order: Vec<&str> = calls[20..].iter().map(|call| call.operation.as_str()).collect();
    assert_eq!(order[0], "StartRouterOutput", "{order:?}");
}
