//! MediaConnect's routers as bytes, through files, and through the scripting endpoints.

use std::path::Path;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use slotwise::testing::emulator::{Emulator, Fleet, Options};

use super::wire::send;

const KEY: &str = "very-secret-key";

fn emulator() -> Emulator {
    Emulator::new(Options::default(), Fleet::empty())
}

async fn call(emulator: &Emulator, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
    let (response, value) = send(emulator, method, path, body.to_string()).await;
    (response.status(), value)
}

/// Longer than anything takes.
fn wait(emulator: &Emulator) {
    emulator.advance(Duration::from_mins(2));
}

fn encoded(arn: &str) -> String {
    arn.replace(':', "%3A")
}

/// Makes a network interface and an output on it; answers their ARNs.
async fn make(emulator: &Emulator) -> (String, String) {
    let interface = json!({"name": "public", "configuration": {"public": {"allowRules": []}}});
    let (status, made) = call(emulator, Method::POST, "/v1/routerNetworkInterface", interface).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let interface = made["routerNetworkInterface"]["arn"].as_str().unwrap().to_owned();
    wait(emulator);
    let output = json!({"name": "youtube", "maximumBitrate": 8_000_000, "routingScope": "REGIONAL", "tier": "OUTPUT_20",
        "configuration": {"standard": {"networkInterfaceArn": interface, "protocolConfiguration": {"rtmpPush": {
            "destinationAddress": "a.example.com", "destinationPort": 1935, "applicationName": "app", "streamName": KEY}}}}});
    let (status, made) = call(emulator, Method::POST, "/v1/routerOutput", output).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let output = made["routerOutput"]["arn"].as_str().unwrap().to_owned();
    wait(emulator);
    (interface, output)
}

#[tokio::test(start_paused = true)]
async fn the_record_of_calls_names_the_resource_and_no_stream() {
    let emulator = emulator();
    let (_, output) = make(&emulator).await;
    let path = format!("/v1/routerOutput/start/{}", encoded(&output));
    let (status, started) = call(&emulator, Method::POST, &path, json!({})).await;
    assert_eq!(
        (status, &started["state"]),
        (StatusCode::ACCEPTED, &json!("STARTING"))
    );
    let last = emulator.calls().pop().unwrap();
    assert_eq!(
        (last.operation.as_str(), last.channel, last.status),
        ("StartRouterOutput", None, Some(202))
    );
    assert_eq!(last.resource.as_deref(), Some(output.as_str()));
    let (_, calls) = call(&emulator, Method::GET, "/_emulator/calls", json!({})).await;
    let (_, state) = call(&emulator, Method::GET, "/_emulator/state", json!({})).await;
    let shown = format!("{calls} {state} {emulator:?}");
    assert!(!shown.contains(KEY), "{shown}");
    let router = state["routers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["arn"] == output.as_str());
    let router = router.expect("the output");
    assert_eq!(
        (&router["state"], &router["routedState"]),
        (&json!("STARTING"), &json!("UNROUTED"))
    );
    assert_eq!(router["ahead"][0]["state"], "ACTIVE");
}

#[tokio::test(start_paused = true)]
async fn thirty_calls_at_once_are_taken_and_medialive_has_its_own() {
    let emulator = emulator();
    let list = async || call(&emulator, Method::POST, "/v1/routerOutputs", json!({})).await;
    for _ in 0..30 {
        assert_eq!(list().await.0, StatusCode::OK);
    }
    let (status, refusal) = list().await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{refusal}");
    let (status, _) = call(&emulator, Method::GET, "/prod/channels", json!({})).await;
    assert_eq!(status, StatusCode::OK);
    tokio::time::advance(Duration::from_secs(1)).await;
    for _ in 0..5 {
        assert_eq!(list().await.0, StatusCode::OK);
    }
    assert_eq!(list().await.0, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test(start_paused = true)]
async fn a_state_file_keeps_routers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let open = || Emulator::open(Options::default(), Fleet::empty(), path.clone()).unwrap();
    let (_, output) = make(&open()).await;
    let get = format!("/v1/routerOutput/{}", encoded(&output));
    let again = open();
    wait(&again);
    let (status, shown) = call(&again, Method::GET, &get, json!({})).await;
    assert_eq!(
        (status, &shown["routerOutput"]["state"]),
        (StatusCode::OK, &json!("STANDBY"))
    );
    // A file of before there were routers has none.
    let mut old: Value = read(&path);
    old["world"].as_object_mut().unwrap().shift_remove("router");
    std::fs::write(&path, old.to_string()).unwrap();
    let (status, _) = call(&open(), Method::GET, &get, json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_time_of_a_router_that_no_world_can_have_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let open = || Emulator::open(Options::default(), Fleet::empty(), path.clone());
    make(&open().unwrap()).await;
    let mut file = read(&path);
    let resources = file["world"]["router"]["resources"].as_object_mut().unwrap();
    resources.values_mut().next().unwrap()["created"]["secs"] = json!(u64::MAX);
    std::fs::write(&path, file.to_string()).unwrap();
    let message = open().unwrap_err().to_string();
    assert!(message.contains("beyond a thousand years"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_reset_goes_back_to_the_fleets_routers() {
    let first = emulator();
    let (interface, output) = make(&first).await;
    let mut file = Vec::new();
    for (path, arn) in [("routerNetworkInterface", &interface), ("routerOutput", &output)] {
        let (_, shown) = call(
            &first,
            Method::GET,
            &format!("/v1/{path}/{}", encoded(arn)),
            json!({}),
        )
        .await;
        file.push(shown.to_string());
    }
    let fleet = Fleet::parse(&file.join("\n")).unwrap();
    let emulator = Emulator::new(Options::default(), fleet);
    let get = format!("/v1/routerOutput/{}", encoded(&output));
    let (_, before) = call(&emulator, Method::GET, &get, json!({})).await;
    let (status, _) = call(&emulator, Method::DELETE, &get, json!({})).await;
    assert_eq!(status, StatusCode::OK);
    wait(&emulator);
    assert_eq!(
        call(&emulator, Method::GET, &get, json!({})).await.0,
        StatusCode::NOT_FOUND
    );
    let (status, _) = call(&emulator, Method::POST, "/_emulator/reset", json!({})).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        call(&emulator, Method::GET, &get, json!({})).await,
        (StatusCode::OK, before)
    );
}

#[tokio::test(start_paused = true)]
async fn a_fault_by_script_strikes_the_resource_that_it_names() {
    let emulator = emulator();
    let (interface, output) = make(&emulator).await;
    let fault = json!({"kind": "accessDenied", "operation": "GetRouterOutput", "resource": output});
    let (status, _) = call(&emulator, Method::POST, "/_emulator/faults", fault).await;
    assert_eq!(status, StatusCode::OK);
    let get = |kind: &str, arn: &str| format!("/v1/{kind}/{}", encoded(arn));
    let (status, refusal) = call(&emulator, Method::GET, &get("routerOutput", &output), json!({})).await;
    let text = refusal["message"].as_str().unwrap();
    assert!(
        status == StatusCode::FORBIDDEN && text.contains("mediaconnect:GetRouterOutput"),
        "{refusal}"
    );
    let path = get("routerNetworkInterface", &interface);
    assert_eq!(
        call(&emulator, Method::GET, &path, json!({})).await.0,
        StatusCode::OK
    );
    let wrong = json!({"kind": "streamRefused", "channel": "1"});
    let (status, refusal) = call(&emulator, Method::POST, "/_emulator/faults", wrong).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        refusal["message"]
            .as_str()
            .unwrap()
            .contains("a router resource's ARN"),
        "{refusal}"
    );
}

#[tokio::test]
async fn what_is_not_served_of_mediaconnect_says_so() {
    let (status, refusal) = call(&emulator(), Method::GET, "/v1/flows", json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(
        refusal["message"]
            .as_str()
            .unwrap()
            .contains("MediaConnect's routers"),
        "{refusal}"
    );
}
