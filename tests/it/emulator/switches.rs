//! Every switch can be reached: over HTTP, and from the command line.

use std::fs;
use std::path::Path;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use slotwise::testing::emulator::{Emulator, Operation, Switches};

use super::emulator;
use super::wire::send;
use crate::cli::tool::slotwise;

async fn put(emulator: &Emulator, body: Value) -> (StatusCode, Value) {
    let (response, body) = send(emulator, Method::PUT, "/_emulator/switches", body.to_string()).await;
    (response.status(), body)
}

#[tokio::test]
async fn switches_are_set_over_http_until_a_reset() {
    let emulator = emulator();
    let stop = async || {
        let (response, _) = send(&emulator, Method::POST, "/prod/channels/4000001/stop", "").await;
        response.status().as_u16()
    };
    let (_, body) = send(&emulator, Method::GET, "/_emulator/switches", "").await;
    let listed = body["switches"].as_array().expect("a list");
    assert_eq!(listed.len(), Switches::default().list().len());
    assert!(listed.iter().all(|switch| switch["about"].is_string()));
    assert_eq!(stop().await, 200);
    let (status, body) = put(&emulator, json!({"quietStopWhenIdle": false, "listPageMax": 7})).await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        body["switches"]
            .as_array()
            .expect("a list")
            .iter()
            .any(|switch| switch["value"] == 7)
    );
    assert_eq!(stop().await, 409);
    let (status, body) = put(&emulator, json!({"quietStopWhenIdle": true, "very-secret": 1})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let message = body["message"].as_str().expect("a message");
    assert!(
        message.contains("quietStartWhenRunning") && !message.contains("secret"),
        "{message}"
    );
    assert_eq!(stop().await, 409, "all or none");
    emulator.reset();
    assert_eq!(stop().await, 200);
}

#[test]
fn settings_are_checked_first_and_help_lists_all() {
    let help = slotwise(["emulator", "--help"]).out;
    for switch in Switches::default().list() {
        assert!(help.contains(&format!("\n  {}=", switch.name)), "{}", switch.name);
    }
    for flag in ["--set", "--emulator-set"] {
        let command = if flag == "--set" { "emulator" } else { "plan" };
        let run = slotwise([command, flag, "quietStopWhenIdle=perhaps", "examples/quickstart"]);
        assert_eq!(run.code, 64, "{}", run.err);
        assert!(
            run.err.contains("quietStopWhenIdle takes true or false"),
            "{}",
            run.err
        );
    }
}

#[test]
fn a_switch_of_an_emulator_inside_the_process_is_set_by_flag() {
    let apply = |set: &[&str]| {
        let usual = [
            "apply",
            "--yes",
            "--emulator",
            "--emulator-speed",
            "1000",
            "examples/quickstart",
        ];
        slotwise(usual.iter().chain(set))
    };
    assert_eq!(apply(&[]).code, 0);
    let set = ["--emulator-set", "tagKeysAllowed=team/*;listPageMax=1"];
    let denied = apply(&[&set[..], &["--timeout", "5s"]].concat());
    assert_ne!(denied.code, 0, "{}", denied.out);
    assert!(denied.out.contains("medialive:CreateTags"), "{}", denied.out);
}

#[test]
fn the_emulators_guide_names_every_operation_switch_and_endpoint() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/emulator/README.md");
    let guide = fs::read_to_string(guide).expect("the guide");
    let operations: Vec<String> = Operation::all().map(Operation::name).collect();
    let switches = Switches::default().list();
    let names = operations
        .iter()
        .chain(switches.iter().map(|switch| &switch.name));
    for name in names {
        assert!(guide.contains(&format!("`{name}`")), "{name} is not in the guide");
    }
}
