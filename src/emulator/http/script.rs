//! The emulator's own endpoints: faults, calls, state, reset, clock, switches.
//!
//! None of them shows a stream key.

use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::emulator::Emulator;
use crate::emulator::faults::{FAULTS_MAX, Fault};
use crate::emulator::mediaconnect::{Resource, ResourceKind};

/// The largest body taken: a list of as many faults as are kept is far smaller
const BODY_MAX_BYTES: usize = 1_024 * 1_024;
/// Problems of one request that are reported
const PROBLEMS_MAX: usize = 50;

/// How far the clock may be moved at once: a year
const ADVANCE_MAX_SECONDS: f64 = 366.0 * 86_400.0;

/// `GET /_emulator/faults`
pub(super) async fn faults(State(emulator): State<Emulator>) -> Json<Value> {
    Json(list(&emulator))
}

fn list(emulator: &Emulator) -> Value {
    emulator.with_world(|world, _| {
        let faults = world
            .faults()
            .list()
            .map(|(fault, struck)| json!({"fault": fault, "struck": struck}));
        json!({"faults": faults.collect::<Vec<_>>()})
    })
}

/// `POST /_emulator/faults`: one fault, or a list of them; all or none are taken
pub(super) async fn inject(State(emulator): State<Emulator>, body: Body) -> Response {
    let Some(body) = read(body).await else {
        return too_large();
    };
    let value = match json_of(&body) {
        Ok(value) => value,
        Err(problem) => return refuse(&[problem]),
    };
    let wanted = match value {
        Value::Array(list) => list,
        one => vec![one],
    };
    if wanted.len() > FAULTS_MAX {
        return refuse(&[format!(
            "{} faults at once: give at most {FAULTS_MAX}",
            wanted.len()
        )]);
    }
    let (mut faults, mut problems) = (Vec::new(), Vec::new());
    for (index, value) in wanted.into_iter().enumerate() {
        match serde_json::from_value::<Fault>(value) {
            Ok(fault) => {
                problems.extend(
                    fault
                        .problems()
                        .into_iter()
                        .map(|problem| format!("fault {index}: {problem}")),
                );
                faults.push(fault);
            }
            Err(error) => problems.push(format!("fault {index}: {}", without_texts(&error))),
        }
    }
    if !problems.is_empty() {
        return refuse(&problems);
    }
    for fault in faults {
        emulator.inject(fault);
    }
    Json(list(&emulator)).into_response()
}

/// `DELETE /_emulator/faults`
pub(super) async fn clear_faults(State(emulator): State<Emulator>) -> Json<Value> {
    emulator.with_world(|world, _| world.faults().clear());
    Json(list(&emulator))
}

/// `GET /_emulator/calls`
pub(super) async fn calls(State(emulator): State<Emulator>) -> Json<Value> {
    Json(emulator.call_report())
}

/// `DELETE /_emulator/calls`
pub(super) async fn clear_calls(State(emulator): State<Emulator>) -> Json<Value> {
    emulator.clear_calls();
    Json(emulator.call_report())
}

/// `GET /_emulator/state`: channels, inputs and router resources in short, and what lies ahead of them
pub(super) async fn state(State(emulator): State<Emulator>) -> Json<Value> {
    let (channels, inputs, routers) = emulator.with_world(|world, _| {
        let channels = world.channels().iter().map(|(id, channel)| {
            let ahead: Vec<Value> = channel
                .life()
                .steps()
                .map(|step| json!({"atSeconds": step.at.as_secs_f64(), "state": step.to}))
                .collect();
            json!({
                "ahead": ahead,
                "id": id,
                "name": channel.document().get("name"),
                "sinceSeconds": channel.life().since().as_secs_f64(),
                "state": channel.state(),
            })
        });
        let inputs = world.inputs().iter().map(
            |(id, input)| json!({"attachedTo": input.attached_to(), "id": id, "state": input.state_name()}),
        );
        let routers = world.router().resources().map(router);
        (
            channels.collect::<Vec<_>>(),
            inputs.collect::<Vec<_>>(),
            routers.collect::<Vec<_>>(),
        )
    });
    Json(json!({
        "channels": channels, "clock": emulator.clock_report(), "inputs": inputs, "routers": routers,
    }))
}

fn router(resource: &Resource) -> Value {
    let ahead: Vec<Value> = resource
        .steps()
        .map(|step| json!({"atSeconds": step.at.as_secs_f64(), "state": step.to}))
        .collect();
    let mut shown = json!({
        "ahead": ahead,
        "arn": resource.arn(),
        "name": resource.document().get("name"),
        "sinceSeconds": resource.since().as_secs_f64(),
        "state": resource.state(),
    });
    if resource.kind() == ResourceKind::Output {
        shown["routedInputArn"] = json!(resource.routed_input());
        shown["routedState"] = json!(resource.routed_state());
    }
    shown
}

/// `POST /_emulator/reset`: back to the beginning; faults and calls are forgotten
pub(super) async fn reset(State(emulator): State<Emulator>) -> Json<Value> {
    emulator.reset();
    Json(json!({"clock": emulator.clock_report()}))
}

/// `GET /_emulator/clock`
pub(super) async fn clock(State(emulator): State<Emulator>) -> Json<Value> {
    Json(emulator.clock_report())
}

/// What to do to the clock
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ClockChange {
    advance_seconds: Option<f64>,
    speed: Option<f64>,
}

/// `POST /_emulator/clock`: `{"advanceSeconds": 180}`, `{"speed": 60}`
pub(super) async fn set_clock(State(emulator): State<Emulator>, body: Body) -> Response {
    let Some(body) = read(body).await else {
        return too_large();
    };
    let change = json_of(&body).and_then(|value| {
        serde_json::from_value::<ClockChange>(value).map_err(|error| without_texts(&error))
    });
    let change = match change {
        Ok(change) => change,
        Err(problem) => {
            return refuse(&[format!(
                r#"give {{"advanceSeconds": N}} or {{"speed": N}}: {problem}"#
            )]);
        }
    };
    let mut problems = Vec::new();
    if change.advance_seconds.is_none() && change.speed.is_none() {
        problems.push("give advanceSeconds or speed".to_owned());
    }
    if change
        .advance_seconds
        .is_some_and(|seconds| !(0.0..=ADVANCE_MAX_SECONDS).contains(&seconds))
    {
        problems.push(format!(
            "advanceSeconds: give 0 to {ADVANCE_MAX_SECONDS}; the clock does not go back"
        ));
    }
    if change
        .speed
        .is_some_and(|speed| !(0.001..=1_000_000.0).contains(&speed))
    {
        problems.push("speed: give 0.001 to 1000000".to_owned());
    }
    if !problems.is_empty() {
        return refuse(&problems);
    }
    if let Some(speed) = change.speed {
        emulator.set_speed(speed);
    }
    if let Some(by) = change
        .advance_seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    {
        emulator.advance(by);
    }
    Json(emulator.clock_report()).into_response()
}

/// `GET /_emulator/switches`: each with its name, what it is set to, and what it is about
pub(super) async fn switches(State(emulator): State<Emulator>) -> Json<Value> {
    Json(switch_list(&emulator))
}

fn switch_list(emulator: &Emulator) -> Value {
    json!({"switches": emulator.switches().list()})
}

/// `PUT /_emulator/switches`: `{"quietStopWhenIdle": false}`; those left out stay, all or none are set
pub(super) async fn set_switches(State(emulator): State<Emulator>, body: Body) -> Response {
    let Some(body) = read(body).await else {
        return too_large();
    };
    let changes = match json_of(&body) {
        Ok(Value::Object(changes)) => changes,
        Ok(_) => return refuse(&[r#"give an object like {"quietStopWhenIdle": false}"#.to_owned()]),
        Err(problem) => return refuse(&[problem]),
    };
    match emulator.turn(&changes) {
        Ok(()) => Json(switch_list(&emulator)).into_response(),
        Err(error) => refuse(&[error.to_string()]),
    }
}

/// Another method on one of the paths above
pub(super) async fn wrong_method(method: Method, uri: Uri) -> Response {
    let text = format!(
        "{} does not take {method}; see the emulator's module documentation",
        uri.path()
    );
    (StatusCode::METHOD_NOT_ALLOWED, Json(json!({"message": text}))).into_response()
}

/// The body; none if it cannot be read, or is larger than [`BODY_MAX_BYTES`]
async fn read(body: Body) -> Option<Bytes> {
    to_bytes(body, BODY_MAX_BYTES).await.ok()
}

/// The body as JSON, or what is wrong with it, without any of its text
fn json_of(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        format!("the body is not JSON (line {line}, column {column})")
    })
}

/// What serde says, without the text in the wrong place
fn without_texts(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let quoted = said
        .split_once("string \"")
        .and_then(|(before, rest)| Some((before, rest.rsplit_once('"')?.1)));
    match quoted {
        Some((before, after)) => format!("{before}a string{after}"),
        None => said,
    }
}

fn too_large() -> Response {
    let text = format!("the body could not be read, or is larger than {BODY_MAX_BYTES} bytes");
    (StatusCode::PAYLOAD_TOO_LARGE, Json(json!({"message": text}))).into_response()
}

fn refuse(problems: &[String]) -> Response {
    let problems = &problems[..problems.len().min(PROBLEMS_MAX)];
    let body = json!({"message": problems.join("; "), "problems": problems});
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}
