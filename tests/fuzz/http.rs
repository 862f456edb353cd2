//! The emulator's HTTP surface: conversations, request after request, in memory and in virtual time.
//!
//! What holds of any bytes, besides that no handler panics:
//! - every request is answered within a size that depends on the request: MediaLive's paths with JSON, and where they
//!   refuse with `x-amzn-errortype` and a message; scripting with JSON;
//! - a request that is refused (4xx) leaves the world as it was;
//! - no channel's configuration changes in a state in which MediaLive takes no update; an input that a channel names
//!   is attached to that channel;
//! - what a refusal says, and every scripting endpoint, repeats no stream key;
//! - the world is the same after it has been a state file;
//! - afterwards, faults cleared and a day gone by, the emulator lists and describes all that it has.

mod world;

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use slotwise::testing::emulator::{Emulator, Fleet, InventedChannel, InventedPool, InventedSlot, Options};
use tokio::time::Instant;
use tower::ServiceExt;

use self::world::Look;
use super::engine::{Features, in_virtual_time};

/// Requests of one input that are made.
const REQUESTS_MAX: usize = 32;
/// Largest answer to a request without a body: what the world holds, and a page of calls.
const ANSWER_MAX_BYTES: usize = 256 << 10;
/// What an answer may take for each byte of the conversation so far: each id of a batch is answered with its ARN.
const ANSWER_FACTOR: usize = 64;
/// Largest refusal, beside what it repeats of the request.
const REFUSAL_MAX_BYTES: usize = 32 << 10;
const REFUSAL_FACTOR: usize = 4;
/// Stands for a stream key, in `streamName` of bodies.
pub(crate) const CANARY: &str = "live_90210_CanaryKey77x";

/// Takes any bytes; panics where something of the above does not hold.
pub(crate) fn check(input: &[u8]) -> Features {
    in_virtual_time(converse(input))
}

async fn converse(input: &[u8]) -> Features {
    let emulator = emulator();
    let mut features = Features::default();
    let mut taken = 0;
    let mut before = Look::at(&emulator);
    for part in parts(input).into_iter().take(REQUESTS_MAX) {
        taken += part.len();
        let Some(request) = Asked::parse(part) else {
            continue;
        };
        let began = Instant::now();
        let answer = ask(&emulator, &request).await;
        check_answer(&request, &answer, taken);
        let after = Look::at(&emulator);
        // A reset is another world.
        let is_reset = request.path.starts_with("/_emulator/reset") && answer.status.is_success();
        if began.elapsed().is_zero() && !is_reset {
            after.check_since(&before, &answer);
        }
        after.check_alone();
        before = after;
        let errors = answer.header("x-amzn-errortype").unwrap_or_default().to_owned();
        let called = emulator.calls().last().map(|call| call.operation.clone());
        let said = answer.json.as_ref().and_then(|json| json["message"].as_str());
        features.note(&format!(
            "{called:?} {}",
            char::from(answer.status.as_u16().to_be_bytes()[1])
        ));
        features.note(&format!("{called:?} {errors} {}", said.unwrap_or_default()));
    }
    world::check_kept(&emulator);
    check_alive(&emulator).await;
    Look::at(&emulator).check_alone();
    features
}

/// A request as it was written.
pub(crate) struct Asked {
    method: String,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Asked {
    /// Nothing where there is not even a method.
    fn parse(part: &[u8]) -> Option<Self> {
        let mut lines = part.splitn(2, |byte| *byte == b'\n');
        let line = String::from_utf8_lossy(lines.next()?).into_owned();
        let (mut rest, mut headers) = (lines.next().unwrap_or_default(), Vec::new());
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            let header = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
            rest = rest.get(end + 1..).unwrap_or_default();
            if header.is_empty() {
                break;
            }
            let colon = header
                .iter()
                .position(|byte| *byte == b':')
                .unwrap_or(header.len());
            let name = String::from_utf8_lossy(&header[..colon]).trim().to_owned();
            headers.push((
                name,
                header.get(colon + 1..).unwrap_or_default().trim_ascii().to_vec(),
            ));
        }
        let mut words = line.split_whitespace();
        Some(Self {
            method: words.next()?.to_owned(),
            path: words.next().unwrap_or("/").to_owned(),
            headers,
            body: rest.to_vec(),
        })
    }

    /// Nothing where HTTP itself refuses it: then it never gets as far as the emulator.
    fn request(&self) -> Option<Request<Body>> {
        let mut request = Request::builder().method(self.method.as_str()).uri(&self.path);
        for (name, value) in &self.headers {
            request = request.header(name, value.as_slice());
        }
        // Scripting takes nothing else, and most requests would end there.
        let says_what = self
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if self.path.starts_with("/_emulator/") && !says_what {
            request = request.header("content-type", "application/json");
        }
        request.body(Body::from(self.body.clone())).ok()
    }

    /// Whether the canary is in it as the name of a stream only, or in an unknown place.
    fn names_a_stream_only(&self) -> bool {
        let everywhere = String::from_utf8_lossy(&self.body).matches(CANARY).count();
        let body = serde_json::from_slice::<Value>(&self.body);
        everywhere > 0
            && !self.path.contains(CANARY)
            && body.map_or(true, |body| streams(&body) == everywhere)
    }
}

/// How many names of streams are the canary.
fn streams(body: &Value) -> usize {
    match body {
        Value::Array(items) => items.iter().map(streams).sum(),
        Value::Object(entries) => entries
            .iter()
            .map(|(key, value)| streams(value) + usize::from(key == "streamName" && value == CANARY))
            .sum(),
        _ => 0,
    }
}

fn parts(input: &[u8]) -> Vec<&[u8]> {
    let (mut parts, mut start) = (Vec::new(), 0);
    for at in 0..input.len() {
        if input[at..].starts_with(b"\n###\n") {
            parts.push(&input[start.min(at)..at]);
            start = at + 5;
        }
    }
    parts.push(input.get(start..).unwrap_or_default());
    parts
}

/// What came back.
pub(crate) struct Answer {
    status: StatusCode,
    head: Response<()>,
    bytes: usize,
    text: String,
    json: Option<Value>,
    /// It never got as far as the emulator.
    is_none: bool,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    }

    /// Whether it says that nothing was done.
    pub(crate) fn is_refusal(&self) -> bool {
        self.status.is_client_error() || self.is_none
    }
}

async fn ask(emulator: &Emulator, asked: &Asked) -> Answer {
    let Some(request) = asked.request() else {
        return Answer {
            status: StatusCode::BAD_REQUEST,
            head: Response::new(()),
            bytes: 0,
            text: String::new(),
            json: None,
            is_none: true,
        };
    };
    let Ok(response) = emulator.router().oneshot(request).await;
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        bytes: bytes.len(),
        text: String::from_utf8(bytes.to_vec()).unwrap(),
        json: serde_json::from_slice(&bytes).ok(),
        head: Response::from_parts(parts, ()),
        is_none: false,
    }
}

fn check_answer(asked: &Asked, answer: &Answer, taken: usize) {
    if answer.is_none {
        return;
    }
    let status = answer.status.as_u16();
    assert!((200..600).contains(&status), "{status}");
    let most = if answer.status.is_client_error() {
        REFUSAL_MAX_BYTES + REFUSAL_FACTOR * taken
    } else {
        ANSWER_MAX_BYTES + ANSWER_FACTOR * taken
    };
    assert!(answer.bytes <= most, "{} bytes for {taken}", answer.bytes);
    let is_cut = status == 502 && answer.bytes == 0;
    if is_cut || status == 204 || asked.method == "HEAD" {
        assert!(answer.bytes == 0 || asked.method == "HEAD");
        return;
    }
    let Some(json) = &answer.json else {
        panic!("{status} is answered with no JSON: {}", answer.text)
    };
    assert_eq!(answer.header("content-type"), Some("application/json"));
    if status >= 400 {
        let message = json["message"].as_str().unwrap_or_default();
        assert!(
            !message.is_empty(),
            "a refusal without a message: {}",
            answer.text
        );
        // What is not routed to scripting is answered as MediaLive answers, with an id.
        let typed = answer.header("x-amzn-errortype").is_some();
        assert!(
            typed || answer.header("x-amzn-requestid").is_none(),
            "a refusal without a type"
        );
    }
    if (status >= 400 || asked.path.starts_with("/_emulator/")) && asked.names_a_stream_only() {
        assert!(!answer.text.contains(CANARY), "{}", answer.text);
    }
}

/// Whatever was asked before: the emulator answers.
pub(crate) async fn check_alive(emulator: &Emulator) {
    emulator.with_world(|world, _| world.faults().clear());
    tokio::time::advance(std::time::Duration::from_hours(24)).await;
    let mut paths = vec![
        "/prod/channels".to_owned(),
        "/prod/inputs".to_owned(),
        "/_emulator/state".to_owned(),
    ];
    emulator.with_world(|world, _| {
        let live = world.channels().keys().take(8);
        paths.extend(live.map(|id| format!("/prod/channels/{id}")));
    });
    for path in paths {
        let (status, text) = request(emulator, "GET", &path, "").await;
        assert_eq!(status, 200, "{path}: {text}");
    }
}

/// Makes one request: status and text of the answer.
pub(crate) async fn request(emulator: &Emulator, method: &str, path: &str, body: &str) -> (u16, String) {
    let asked = Asked {
        method: method.to_owned(),
        path: path.to_owned(),
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
    };
    let answer = ask(emulator, &asked).await;
    (answer.status.as_u16(), answer.text)
}

/// A stopped channel, a running one of two pipelines, and one whose update has failed.
fn emulator() -> Emulator {
    let channel = |id: &str, standard| InventedChannel {
        id: id.to_owned(),
        standard,
        parking_url: "rtmp://127.0.0.1:1935/parked".to_owned(),
        slots: (1..=3)
            .map(|number| InventedSlot {
                output_group: format!("RTMP-Slot-{number}"),
                stream_names: vec![format!("{id}-{number}-0"), format!("{id}-{number}-1")],
            })
            .collect(),
    };
    let pool = InventedPool {
        name: "main".to_owned(),
        channels: vec![
            channel("4000001", false),
            channel("4000002", true),
            channel("4000003", false),
        ],
    };
    let emulator = Emulator::new(Options::default(), Fleet::invent(&[pool]));
    emulator.with_world(|world, now| {
        world.force_state(
            "4000002",
            slotwise::testing::emulator::channel::State::Running,
            now,
        );
        world.force_state(
            "4000003",
            slotwise::testing::emulator::channel::State::UpdateFailed,
            now,
        );
    });
    emulator
}
