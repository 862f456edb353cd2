//! RouterPools: MediaConnect's list, quotas, inputs and interfaces.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use slotwise::testing::emulator::{
    Fault, FaultKind, Fleet, InventedChannel, InventedPool, InventedRouter, Operation, mediaconnect,
};
use tower::ServiceExt;

use super::super::cli::tool::{command, run};
use super::{Clinic, DESTINATION, emulator_of};

const INPUT: &str = "arn:aws:mediaconnect:us-east-1:111122223333:routerInput:a1b2c3d4e5f6";
const INTERFACE: &str = "arn:aws:mediaconnect:us-east-1:111122223333:routerNetworkInterface:f6e5d4c3b2a1";

fn pool(input: &str, interface: &str) -> String {
    format!(
        "apiVersion: slotwise.dev/v1alpha1\nkind: RouterPool\nmetadata: {{ name: main }}\nspec:\n  input: {input}\n  \
         networkInterface: {interface}\n  output: {{ maximumBitrate: 8000000 }}\n"
    )
}

/// One RouterPool, one destination; MediaConnect has the input and the interface, both ACTIVE.
fn clinic() -> Clinic {
    let mut fleet = Fleet::invent(&[]);
    fleet.add_invented_router(&InventedRouter {
        interface: INTERFACE.to_owned(),
        input: INPUT.to_owned(),
        channel: None,
    });
    let mut clinic = Clinic::with(&[]);
    clinic.emulator = emulator_of(fleet);
    clinic.write("pool.yaml", &pool(INPUT, INTERFACE));
    clinic
}

fn denied(operation: mediaconnect::Operation) -> Fault {
    Fault::new(FaultKind::AccessDenied).on(Operation::Router(operation))
}

#[tokio::test]
async fn all_that_a_router_pool_needs_is_there() {
    let clinic = clinic();
    let report = clinic.doctor(&[]).await;
    assert_eq!(report.ran.code, 0, "{}", report.ran.out);
    for line in [
        "ok sources 1 pool, 1 destination",
        "ok ListRouterOutputs allowed",
        "ok GetRouterOutput allowed",
        "ok router outputs 0 of 20 in us-east-1 by the default quota; Service Quotas shows yours",
        "ok input of main ACTIVE, 0 of 10 outputs are routed to it",
        "ok networkInterface of main ACTIVE",
    ] {
        assert_eq!(report.line(line), line);
    }
}

#[tokio::test]
async fn without_a_router_pool_mediaconnect_is_not_asked() {
    let clinic = Clinic::new();
    clinic
        .emulator
        .inject(denied(mediaconnect::Operation::ListRouterOutputs));
    let report = clinic.doctor(&[]).await;
    assert_eq!(report.ran.code, 0, "{}", report.ran.out);
    let calls = clinic.emulator.calls();
    assert!(
        !calls.iter().any(|call| call.operation.contains("Router")),
        "{calls:?}"
    );
}

#[test]
fn an_emulator_inside_the_process_has_what_the_example_needs() {
    let ran = run(&mut command(["doctor", "--emulator", "examples/router"]));
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("input of live"), "{}", ran.out);
}

#[tokio::test]
async fn what_does_not_exist_is_named_with_its_field() {
    let clinic = clinic();
    let other = INPUT.replace("a1b2c3d4e5f6", "000000000000");
    clinic.write(
        "pool.yaml",
        &pool(&other, &INTERFACE.replace("f6e5d4c3b2a1", "000000000000")),
    );
    let report = clinic.doctor(&[]).await;
    assert_eq!(report.ran.code, 1);
    assert_eq!(
        report.line(" input of main "),
        format!(
            "FAIL input of main MediaConnect knows no router input {other}; fix: correct spec.input of pool main, or check \
             the account"
        )
    );
    let line = report.line(" networkInterface of main ");
    assert!(
        line.contains("correct spec.networkInterface of pool main"),
        "{line}"
    );
}

#[tokio::test]
async fn a_pool_of_another_region_says_where_to_run() {
    let clinic = clinic();
    let there = |arn: &str| arn.replace("us-east-1", "eu-central-1");
    clinic.write("pool.yaml", &pool(&there(INPUT), &there(INTERFACE)));
    let report = clinic.doctor(&[]).await;
    assert_eq!(report.ran.code, 1);
    assert_eq!(
        report.line(" input of main "),
        "FAIL input of main the router input is in eu-central-1, and slotwise works in us-east-1; fix: run with --region \
         eu-central-1, or name one of us-east-1 in pool main"
    );
}

#[tokio::test]
async fn an_input_that_is_stopped_is_to_be_started() {
    let clinic = clinic();
    clinic.emulator.set_speed(1_000_000.0);
    let path = format!("/v1/routerInput/stop/{}", INPUT.replace(':', "%3A"));
    let request = Request::post(path).body(Body::empty()).unwrap();
    let Ok(response) = clinic.emulator.router().oneshot(request).await;
    assert!(response.status().is_success(), "{}", response.status());
    let state = || {
        clinic
            .emulator
            .with_world(|world, _| world.router().resource(INPUT).unwrap().state().name().to_owned())
    };
    while state() != "STANDBY" {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let report = clinic.doctor(&[]).await;
    assert_eq!(report.ran.code, 1);
    assert_eq!(
        report.line(" input of main "),
        format!(
            "FAIL input of main STANDBY, so that nothing goes on air; fix: start it: aws mediaconnect start-router-input \
             --arn {INPUT}"
        )
    );
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let clinic = clinic();
    clinic
        .emulator
        .inject(denied(mediaconnect::Operation::GetRouterInput));
    let report = clinic.doctor(&[]).await;
    let line = report.line(" input of main ");
    assert!(line.starts_with("FAIL input of main access denied"), "{line}");
    assert!(line.contains("allow mediaconnect:GetRouterInput"), "{line}");

    clinic
        .emulator
        .inject(denied(mediaconnect::Operation::ListRouterOutputs));
    let report = clinic.doctor(&[]).await;
    let line = report.line(" ListRouterOutputs ");
    assert!(line.starts_with("FAIL ListRouterOutputs access denied"), "{line}");
    assert!(
        line.ends_with("allow mediaconnect:ListRouterOutputs, as manifests/iam-policy.json does"),
        "{line}"
    );
    assert!(report.line(" router pools ").starts_with("unknown router pools"));
}

#[tokio::test]
async fn more_destinations_than_an_input_feeds_are_counted() {
    let clinic = clinic();
    for number in 1..=10 {
        let text = DESTINATION
            .replace("name: a ", &format!("name: a-{number} "))
            .replace("a.example/live", &format!("a.example/live-{number}"));
        clinic.write(&format!("a-{number}.yaml"), &text);
    }
    let report = clinic.doctor(&[]).await;
    assert_eq!(report.ran.code, 0, "{}", report.ran.out);
    assert_eq!(
        report.line(" input of main "),
        "warn input of main ACTIVE, 0 of 10 outputs are routed to it, 0 of other owners; wanted: 11 destinations; fix: declare a second \
         RouterPool with another router input, and move some there"
    );
}

#[tokio::test]
async fn the_channel_in_front_is_there_and_feeds_the_input() {
    let without_group = InventedChannel {
        id: "4000001".to_owned(),
        standard: false,
        parking_url: "rtmp://127.0.0.1/parked".to_owned(),
        slots: Vec::new(),
    };
    let mut fleet = Fleet::invent(&[InventedPool {
        name: "other".to_owned(),
        channels: vec![without_group],
    }]);
    fleet.add_invented_router(&InventedRouter {
        interface: INTERFACE.to_owned(),
        input: INPUT.to_owned(),
        channel: Some("4000009".to_owned()),
    });
    let mut clinic = Clinic::with(&[]);
    clinic.emulator = emulator_of(fleet);
    for (channel, says) in [
        ("4000009", "ok source of main channel 4000009 is IDLE"),
        (
            "4000008",
            "FAIL source of main MediaLive knows no channel 4000008; fix: correct spec.source.channel of pool main",
        ),
        (
            "4000001",
            "FAIL source of main channel 4000001 has no MediaConnect Router output group",
        ),
    ] {
        let pool = format!(
            "{}  source: {{ channel: \"{channel}\" }}\n",
            pool(INPUT, INTERFACE)
        );
        clinic.write("pool.yaml", &pool);
        let report = clinic.doctor(&[]).await;
        let line = report.line(" source of main ");
        assert!(line.starts_with(says), "{line}\n{}", report.ran.out);
    }
}
