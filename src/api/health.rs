//! Whether the process is alive, and whether what it shows can be relied on.

use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::time::Instant;

use super::Api;
use super::problem::Problem;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Live {
    status: &'static str,
    /// How long ago the last cycle ended, well or not; before the first one, how long ago the process began.
    cycle_age_seconds: f64,
    age_max_seconds: f64,
}

/// Whether the loop goes round.
///
/// A cycle that fails is as good as one that does not: a process that cannot reach MediaLive is not helped by being
/// killed. And a cycle may take long: the first look at a large account is a Describe per channel, ten a second. As long
/// as requests of it end, it is not one that hangs.
pub(super) async fn livez(State(api): State<Api>) -> Response {
    let pulse = api.pulse();
    let now = Instant::now();
    let cycle_age = now.saturating_duration_since(pulse.cycle_ended.unwrap_or(pulse.began));
    let request_age = api
        .metrics
        .last_request()
        .map(|ended| now.saturating_duration_since(ended));
    let (age, max) = (cycle_age.as_secs_f64(), api.age_max.as_secs_f64());
    if cycle_age > api.age_max && request_age.is_none_or(|age| age > api.age_max) {
        let what = match pulse.cycle_ended {
            Some(_) => "the last cycle ended",
            None => "no cycle has ended since the process began",
        };
        let detail =
            format!("the loop hangs: {what} {age:.0} s ago, and after {max:.0} s another one is overdue");
        return Problem::unavailable(detail).with_age(age, max).into_response();
    }
    let live = Live {
        status: "live",
        cycle_age_seconds: age,
        age_max_seconds: max,
    };
    ([(CACHE_CONTROL, "no-store")], Json(live)).into_response()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ready {
    status: &'static str,
    observed_at: jiff::Timestamp,
}

/// Whether anything was seen yet, and the source is trusted. A standby is as ready as the leader.
///
/// Answered without a token, so it does not say why the source is not trusted: that may name files.
pub(super) async fn readyz(State(api): State<Api>) -> Response {
    let Some(view) = api.pulse().view else {
        return Problem::unavailable("nothing to show yet: no cycle has made a plan").into_response();
    };
    if !view.status.is_source_trusted() {
        let detail = "the source is not trusted to be whole, so what it does not declare stays on air; the condition \
                      SourceTrusted in /api/v1/destinations says why";
        return Problem::unavailable(detail).into_response();
    }
    let ready = Ready {
        status: "ready",
        observed_at: view.at,
    };
    ([(CACHE_CONTROL, "no-store")], Json(ready)).into_response()
}
