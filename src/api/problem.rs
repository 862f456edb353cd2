//! Errors as `application/problem+json` (RFC 9457).

use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// The largest body taken. Nothing here reads one yet.
const BODY_MAX_BYTES: u64 = 16 * 1_024;

/// An error, as problem JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Problem {
    /// Says that `title` is the status in words.
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    /// Age of the last cycle, where it is too old.
    #[serde(skip_serializing_if = "Option::is_none")]
    cycle_age_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_max_seconds: Option<f64>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            cycle_age_seconds: None,
            age_max_seconds: None,
        }
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    pub(super) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    pub(super) fn internal() -> Self {
        let detail = "a fault of slotwise; its log says more";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }

    pub(super) fn with_age(mut self, age_seconds: f64, max_seconds: f64) -> Self {
        self.cycle_age_seconds = Some(age_seconds);
        self.age_max_seconds = Some(max_seconds);
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // Text, numbers and nothing else, so this cannot fail.
        let body = serde_json::to_string(&self).unwrap_or_default();
        let headers = [
            (CONTENT_TYPE, "application/problem+json"),
            (CACHE_CONTROL, "no-store"),
        ];
        (status, headers, body).into_response()
    }
}

pub(super) async fn no_such_path() -> Problem {
    Problem::not_found(
        "there is nothing at this path; see /api/v1/destinations, /api/v1/channels, /api/v1/plan",
    )
}

pub(super) async fn wrong_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "this path can only be read, with GET",
    )
}

/// Refuses a request that says that its body is large. One of unknown length is cut off where the answer ends.
pub(super) async fn refuse_large_body(request: Request<Body>, next: Next) -> Response {
    if request.body().size_hint().lower() > BODY_MAX_BYTES {
        let detail = format!("the body is larger than {BODY_MAX_BYTES} bytes");
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail).into_response();
    }
    next.run(request).await
}
