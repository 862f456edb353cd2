//! Replies: status, headers, body; held back, withheld or cut off where a fault says so.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use jiff::Timestamp;
use serde_json::Value;

use super::Line;
use crate::emulator::error::ApiError;

/// How long a call without a reply stays open: longer than any client waits, and still bounded
const SILENCE: Duration = Duration::from_mins(5);

const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// What a client is to be sent
#[derive(Debug)]
pub(in crate::emulator) struct Answer {
    pub(in crate::emulator) reply: Reply,
    /// How long the reply is held back, on the client's clock
    pub(in crate::emulator) delay: Duration,
    /// A number of its own for each call
    pub(in crate::emulator) number: u64,
    /// What the emulator's clock shows
    pub(in crate::emulator) date: Timestamp,
}

/// The reply, or the lack of one
#[derive(Debug)]
pub(in crate::emulator) enum Reply {
    /// Success, with a body unless the status says there is none
    Success(u16, Value),
    /// An error
    Error(ApiError),
    /// None for a long time
    Silence,
    /// The connection breaks
    Cut,
}

/// Marks a response that represents a broken connection, for the connector in memory
#[derive(Debug, Clone, Copy)]
pub(in crate::emulator) struct Cut;

/// Makes the response, after the wait that the answer asks for
pub(super) async fn deliver(answer: Answer, line: Option<Line>) -> Response<Body> {
    if !answer.delay.is_zero() {
        wait(answer.delay, line.as_ref()).await;
    }
    match answer.reply {
        Reply::Success(status, body) => {
            let response = success(status, &body, answer.number);
            dated(response, answer.date, line.is_some())
        }
        Reply::Error(error) => dated(refusal(&error, answer.number), answer.date, line.is_some()),
        Reply::Silence => {
            wait(SILENCE, line.as_ref()).await;
            cut(line)
        }
        Reply::Cut => cut(line),
    }
}

/// Sleeps, but no longer than the server lives
async fn wait(duration: Duration, line: Option<&Line>) {
    match line {
        None => tokio::time::sleep(duration).await,
        Some(line) => {
            tokio::select! {
                () = tokio::time::sleep(duration) => {}
                () = line.closing() => {}
            }
        }
    }
}

fn cut(line: Option<Line>) -> Response<Body> {
    if let Some(line) = line {
        line.cut();
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response.extensions_mut().insert(Cut);
    response
}

fn success(status: u16, body: &Value, number: u64) -> Response<Body> {
    // 204 has neither body nor type.
    if status == 204 {
        return with_head(status, Body::empty(), None, number);
    }
    with_head(status, Body::from(body.to_string()), None, number)
}

fn refusal(error: &ApiError, number: u64) -> Response<Body> {
    let body = Body::from(error.body().to_string());
    with_head(error.kind.status(), body, Some(error.kind.name()), number)
}

fn with_head(status: u16, body: Body, error: Option<&'static str>, number: u64) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if status != 204 {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if let Ok(id) = HeaderValue::from_str(&request_id(number)) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(error) = error {
        headers.insert(ERROR_TYPE, HeaderValue::from_static(error));
    }
    response
}

/// With the date, as every HTTP server sends it, by the emulator's own clock. Without a server there is none: a client in
/// the same process would take tests that live in another year for a clock that is off, and correct it
fn dated(mut response: Response<Body>, date: Timestamp, is_served: bool) -> Response<Body> {
    if !is_served {
        return response;
    }
    let date = date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(date) = HeaderValue::from_str(&date) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}

/// A number in the form of a random UUID, different for each call
fn request_id(number: u64) -> String {
    let high = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        (high >> 4) & 0xfff,
        number >> 48 & 0xfff,
        number & 0xffff_ffff_ffff
    )
}
