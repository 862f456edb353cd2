//! The emulator as bytes: over a socket, and through its scripting endpoints.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use slotwise::testing::emulator::{Effect, Emulator, Fault, FaultKind, Operation};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use super::emulator;

/// Sends a request to the router in memory; answers the reply and its body, `null` if there is none.
pub(super) async fn send(
    emulator: &Emulator,
    method: Method,
    path: &str,
    body: impl Into<Body>,
) -> (Response<()>, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .body(body.into())
        .expect("a request");
    let Ok(response) = emulator.router().oneshot(request).await;
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("a body").to_bytes();
    let value = if bytes.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&bytes).expect("JSON")
    };
    (Response::from_parts(parts, ()), value)
}

async fn post(emulator: &Emulator, path: &str, body: &Value) -> (StatusCode, Value) {
    let (response, value) = send(emulator, Method::POST, path, body.to_string()).await;
    (response.status(), value)
}

/// Serves the emulator on a free port while `f` runs, then shuts it down.
async fn serve<F: Future<Output = ()>>(emulator: &Emulator, f: impl FnOnce(String) -> F) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = emulator.serve(listener, async move { drop(stopped.await) });
    let client = async {
        f(address).await;
        drop(stop);
    };
    let (served, ()) = tokio::join!(served, client);
    served.expect("the server ends well");
}

/// One HTTP exchange over a socket; answers all bytes until the server closes.
pub(super) async fn exchange(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("the request is sent");
    let mut reply = String::new();
    // A reset instead of an end is an empty reply too.
    drop(stream.read_to_string(&mut reply).await);
    reply
}

const START: &str =
    "POST /prod/channels/4000001/start HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn a_reply_over_a_socket_has_medialives_headers() {
    let emulator = emulator();
    serve(&emulator, async |address| {
        let reply = exchange(&address, START).await;
        assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
        assert!(reply.contains("x-amzn-requestid: ") && reply.contains("content-type: application/json"));
        let again = exchange(&address, START).await;
        assert!(
            again.starts_with("HTTP/1.1 409") && again.contains("x-amzn-errortype: ConflictException"),
            "{again}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_connection_is_cut_without_a_byte_and_the_effect_stays() {
    let emulator = emulator();
    emulator.inject(
        Fault::new(FaultKind::Reset {
            effect: Effect::After,
        })
        .on(Operation::StartChannel)
        .times(1),
    );
    serve(&emulator, async |address| {
        assert_eq!(exchange(&address, START).await, "");
        assert!(
            exchange(&address, START).await.starts_with("HTTP/1.1 409"),
            "the channel is starting already"
        );
    })
    .await;
}

#[tokio::test]
async fn an_unanswered_call_does_not_block_shutdown() {
    let emulator = emulator();
    emulator.inject(Fault::new(FaultKind::Timeout {
        effect: Effect::Before,
    }));
    let began = tokio::time::Instant::now();
    serve(&emulator, async |address| {
        let mut stream = TcpStream::connect(&address).await.expect("a connection");
        stream
            .write_all(START.as_bytes())
            .await
            .expect("the request is sent");
        while emulator.calls().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_request_gets_a_typed_json_error() {
    let emulator = emulator();
    let large = "x".repeat(11 * 1_024 * 1_024);
    for (method, path, body, status, kind) in [
        (Method::GET, "/", "", 404, "UnknownOperationException"),
        (
            Method::GET,
            "/prod/multiplexes",
            "",
            404,
            "UnknownOperationException",
        ),
        (Method::GET, "/prod/channels/1", "", 404, "NotFoundException"),
        (
            Method::PUT,
            "/prod/channels/4000001",
            "{\"name\": secret",
            400,
            "BadRequestException",
        ),
        (
            Method::PUT,
            "/prod/channels/4000001",
            "[]",
            400,
            "BadRequestException",
        ),
        (
            Method::PUT,
            "/prod/channels/4000001",
            &large,
            413,
            "RequestEntityTooLargeException",
        ),
    ] {
        let (response, body) = send(&emulator, method, path, body.to_owned()).await;
        assert_eq!(
            (
                response.status().as_u16(),
                &response.headers()["x-amzn-errortype"]
            ),
            (status, &kind.parse().unwrap())
        );
        let message = body["message"].as_str().unwrap();
        assert!(!message.is_empty() && !message.contains("secret"), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn faults_are_scripted_over_http_atomically() {
    let emulator = emulator();
    let bad = json!([{"kind": "slow", "seconds": -1}, {"kind": "throttle", "rate": 2}, {"kind": "nonsense"}, {"kind": "throttle"}]);
    let (status, body) = post(&emulator, "/_emulator/faults", &bad).await;
    assert_eq!(
        (status, body["problems"].as_array().unwrap().len()),
        (StatusCode::BAD_REQUEST, 3)
    );
    let (_, body) = send(&emulator, Method::GET, "/_emulator/faults", "").await;
    assert_eq!(body, json!({"faults": []}), "none of a bad list is taken");
    let fault = json!({"kind": "throttle", "operation": "ListChannels", "times": 1});
    assert_eq!(
        post(&emulator, "/_emulator/faults", &fault).await.0,
        StatusCode::OK
    );
    let status = |response: Response<()>| response.status().as_u16();
    assert_eq!(
        status(send(&emulator, Method::GET, "/prod/channels", "").await.0),
        429
    );
    assert_eq!(
        status(send(&emulator, Method::GET, "/prod/channels", "").await.0),
        200
    );
    let (_, body) = send(&emulator, Method::DELETE, "/_emulator/faults", "").await;
    assert_eq!(body, json!({"faults": []}));
}

#[tokio::test(start_paused = true)]
async fn scripting_refuses_oversized_requests_briefly() {
    let emulator = emulator();
    let large = " ".repeat(11 * 1_024 * 1_024);
    for path in ["/_emulator/faults", "/_emulator/clock"] {
        let (response, body) = send(&emulator, Method::POST, path, large.clone()).await;
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert!(
            body["message"].as_str().unwrap().contains("larger than"),
            "{body}"
        );
    }
    let (status, body) = post(&emulator, "/_emulator/faults", &json!(vec![1; 1_000])).await;
    let reported = body["problems"].as_array().unwrap().len();
    assert_eq!((status, reported), (StatusCode::BAD_REQUEST, 50));
    let many = vec![json!({"kind": "throttle"}); 1_001];
    let (status, body) = post(&emulator, "/_emulator/faults", &json!(many)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        body["message"].as_str().unwrap().contains("at most 1000"),
        "{body}"
    );
    let (_, body) = send(&emulator, Method::GET, "/_emulator/faults", "").await;
    assert_eq!(body, json!({"faults": []}));
}

#[tokio::test(start_paused = true)]
async fn of_a_caller_only_the_first_words_are_kept() {
    let emulator = emulator();
    let request = Request::builder()
        .uri(format!("/prod/channels/{}", "4".repeat(5_000)))
        .header("user-agent", "a".repeat(5_000))
        .body(Body::empty())
        .expect("a request");
    let Ok(response) = emulator.router().oneshot(request).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    let call = emulator.calls().pop().unwrap();
    assert_eq!(
        (call.user_agent.unwrap().len(), call.channel.unwrap().len()),
        (1_000, 1_000)
    );
}

#[tokio::test(start_paused = true)]
async fn the_clock_is_moved_over_http_and_never_back() {
    let emulator = emulator();
    assert_eq!(
        send(&emulator, Method::POST, "/prod/channels/4000001/start", "")
            .await
            .0
            .status(),
        StatusCode::OK
    );
    let (status, body) = post(&emulator, "/_emulator/clock", &json!({"advanceSeconds": 700})).await;
    assert_eq!((status, &body["elapsedSeconds"]), (StatusCode::OK, &json!(700.0)));
    let (_, body) = send(&emulator, Method::GET, "/_emulator/state", "").await;
    assert_eq!(body["channels"][0]["state"], "RUNNING");
    for bad in [
        json!({}),
        json!({"advanceSeconds": -1}),
        json!({"speed": 0}),
        json!({"sped": 1}),
        json!(7),
    ] {
        let (status, body) = post(&emulator, "/_emulator/clock", &bad).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(body["message"].as_str().unwrap().contains("give"), "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_goes_back_to_the_fleet_it_began_with() {
    let emulator = emulator();
    tokio::time::sleep(Duration::from_mins(1)).await;
    send(&emulator, Method::DELETE, "/prod/channels/4000001", "").await;
    emulator.inject(Fault::new(FaultKind::Throttle).on(Operation::DeleteChannel));
    assert_eq!(
        post(&emulator, "/_emulator/reset", &json!({})).await.0,
        StatusCode::OK
    );
    let (_, body) = send(&emulator, Method::GET, "/_emulator/state", "").await;
    assert_eq!(
        (
            &body["channels"][0]["state"],
            &body["channels"][0]["sinceSeconds"]
        ),
        (&json!("IDLE"), &json!(60.0))
    );
    assert_eq!(
        send(&emulator, Method::DELETE, "/prod/channels/4000001", "")
            .await
            .0
            .status(),
        StatusCode::OK
    );
}

#[tokio::test(start_paused = true)]
async fn no_scripting_endpoint_shows_a_stream_key() {
    let emulator = emulator();
    let body = json!({"destinations": [{"id": "slot-1", "settings": [{"streamName": "very-secret"}]}]});
    send(&emulator, Method::PUT, "/prod/channels/4000001", body.to_string()).await;
    for path in [
        "/_emulator/calls",
        "/_emulator/state",
        "/_emulator/faults",
        "/_emulator/clock",
        "/_emulator/switches",
    ] {
        let (_, body) = send(&emulator, Method::GET, path, "").await;
        let text = body.to_string();
        assert!(
            !text.contains("very-secret") && !text.contains("4000001-1"),
            "{path}: {text}"
        );
    }
    let (_, body) = send(&emulator, Method::GET, "/_emulator/calls", "").await;
    assert_eq!(
        (&body["counts"]["UpdateChannel"], &body["calls"][0]["status"]),
        (&json!(1), &json!(422))
    );
}

#[tokio::test(start_paused = true)]
async fn what_scripting_refuses_is_not_repeated() {
    let emulator = emulator();
    for (path, body) in [
        ("/_emulator/clock", r#"{"advanceSeconds": "very-secret"}"#),
        ("/_emulator/clock", r#"{"very-secret": 1"#),
        (
            "/_emulator/faults",
            r#"{"kind": "slow", "seconds": "very-secret"}"#,
        ),
        (
            "/_emulator/faults",
            r#"{"kind": "throttle", "times": "very-\"secret"}"#,
        ),
        ("/_emulator/faults", r#"["very-secret""#),
    ] {
        let (response, body) = send(&emulator, Method::POST, path, body).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let message = body["message"].as_str().unwrap();
        assert!(!message.contains("secret") && message.len() > 10, "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_method_on_a_scripting_endpoint_is_refused() {
    let (response, body) = send(&emulator(), Method::PUT, "/_emulator/clock", "").await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert!(
        body["message"].as_str().unwrap().contains("does not take PUT"),
        "{body}"
    );
}

#[tokio::test(start_paused = true)]
async fn printing_an_emulator_prints_no_stream_key() {
    let emulator = emulator();
    let text = format!("{emulator:?}");
    assert!(text.contains("Emulator") && !text.contains("4000001-1"), "{text}");
}
