//! The documents that the command line prints with `--output json`, of the last view.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LAST_MODIFIED};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use super::Api;
use super::problem::Problem;
use crate::controller::View;
use crate::model::{DestinationName, PoolName, WantedState};
use crate::plan::explain;
use crate::render::{self, Style};
use crate::status::{DestinationStatus, Phase};

/// Columns of a text for a request without a width, and the fewest and the most.
const WIDTH: usize = 100;
const WIDTH_MIN: usize = 40;
const WIDTH_MAX: usize = 1_000;

pub(super) fn router() -> Router<Api> {
    Router::new()
        .route("/destinations", get(destinations))
        .route("/destinations/{name}", get(destination))
        .route("/destinations/{name}/explain", get(explanation))
        .route("/channels", get(channels))
        .route("/status", get(status))
        .route("/plan", get(plan))
}

/// Which destinations are asked for: those that all of these fit.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    pool: Option<String>,
    phase: Option<String>,
    /// `Streaming` or `Ready`.
    wanted: Option<String>,
}

impl Filter {
    /// A mistyped phase would match no destination, which looks like good news.
    fn is_known(&self) -> bool {
        let is_one_of = |asked: &Option<String>, known: &[&str]| {
            asked.as_deref().is_none_or(|asked| known.contains(&asked))
        };
        is_one_of(&self.phase, &Phase::ALL.map(Phase::as_str))
            && is_one_of(&self.wanted, &["Streaming", "Ready"])
    }

    fn keeps(&self, one: &DestinationStatus) -> bool {
        let fits =
            |asked: &Option<String>, is: Option<&str>| asked.as_deref().is_none_or(|asked| is == Some(asked));
        let wanted = one.wanted.map(|wanted| match wanted {
            WantedState::Streaming => "Streaming",
            WantedState::Ready => "Ready",
        });
        fits(&self.pool, one.pool.as_ref().map(PoolName::as_str))
            && fits(&self.phase, Some(one.phase.as_str()))
            && fits(&self.wanted, wanted)
    }
}

async fn destinations(
    State(api): State<Api>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Result<Response, Problem> {
    let filter = filter.ok().filter(|Query(filter)| filter.is_known());
    let Some(Query(filter)) = filter else {
        let phases = Phase::ALL.map(Phase::as_str).join(", ");
        let detail = format!(
            "the query is not understood; it may hold pool, phase ({phases}) and wanted (Streaming, Ready), each once"
        );
        return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
    };
    made(&api, move |view| {
        Ok(render::status::destinations_json(&view.status, |one| {
            filter.keeps(one)
        }))
    })
    .await
}

async fn destination(
    State(api): State<Api>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let name = name_of(name)?;
    made(&api, move |view| match view.status.destination(&name) {
        Some(found) => Ok(render::status::destination_json(found)),
        None => Err(unknown()),
    })
    .await
}

async fn explanation(
    State(api): State<Api>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let name = name_of(name)?;
    let turn = Arc::clone(&api.explaining).acquire_owned().await;
    made(&api, move |view| {
        // Held until it is done, also where the client is gone by then.
        let _turn = turn;
        let desired = &view.loaded.desired;
        let declared = DestinationName::new(&name);
        if let Some(explanation) = explain::explain(desired, &view.observed, view.at, &declared) {
            return Ok(render::explain_json::explain_json(&explanation, &view.plan));
        }
        match view.status.destination(&name) {
            // Set aside, so that the planner does not know it: its status says what is wrong with it.
            Some(status) => Err(Problem::new(StatusCode::CONFLICT, status.message.as_ref())),
            None => Err(unknown()),
        }
    })
    .await
}

async fn channels(State(api): State<Api>) -> Result<Response, Problem> {
    made(&api, |view| Ok(render::status::channels_json(&view.status))).await
}

/// How the status is to look.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Look {
    /// `json`, or `text` as `slotwise status` shows it.
    output: Option<String>,
    /// Columns of a text.
    width: Option<usize>,
    /// Whether a text has colours.
    color: Option<bool>,
}

impl Look {
    /// The style of a text; `None` for JSON.
    fn style(&self) -> Result<Option<Style>, Problem> {
        match self.output.as_deref() {
            None | Some("json") => Ok(None),
            Some("text") => Ok(Some(Style {
                color: self.color.unwrap_or(false),
                width: self.width.unwrap_or(WIDTH).clamp(WIDTH_MIN, WIDTH_MAX),
            })),
            Some(_) => Err(not_understood()),
        }
    }
}

fn not_understood() -> Problem {
    let detail = "the query is not understood; it may hold output (json, text), width and color (true, false), each once";
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

/// The whole status: what `slotwise status` asks for.
async fn status(
    State(api): State<Api>,
    look: Result<Query<Look>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(look) = look.map_err(|_| not_understood())?;
    let Some(style) = look.style()? else {
        return made(&api, |view| Ok(render::status::status_json(&view.status))).await;
    };
    // Durations are as of now, not as of the last look.
    let age = api
        .pulse()
        .cycle_ended
        .map_or(Duration::ZERO, |ended| ended.elapsed());
    let mut response = made(&api, move |view| {
        let now = view.at.saturating_add(age).unwrap_or(view.at);
        Ok(render::status::status(&view.status, Some(now), style))
    })
    .await?;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, text);
    Ok(response)
}

async fn plan(State(api): State<Api>) -> Result<Response, Problem> {
    made(&api, |view| Ok(render::plan_json::plan_json(&view.plan))).await
}

fn name_of(name: Result<Path<String>, PathRejection>) -> Result<String, Problem> {
    match name {
        Ok(Path(name)) => Ok(name),
        Err(_) => Err(unknown()),
    }
}

/// The name is not repeated: it may be any text.
fn unknown() -> Problem {
    Problem::not_found("no Destination has this name; /api/v1/destinations lists all of them")
}

/// The document that `make` makes of the last view, off the threads that serve connections.
async fn made(
    api: &Api,
    make: impl FnOnce(&View) -> Result<String, Problem> + Send + 'static,
) -> Result<Response, Problem> {
    let permit = Arc::clone(&api.making).acquire_owned().await;
    // Taken once it is this request's turn, so that requests that wait hold no old view.
    let Some(view) = api.pulse().view else {
        return Err(Problem::unavailable(
            "nothing to show yet: no cycle has made a plan",
        ));
    };
    let making = tokio::task::spawn_blocking(move || {
        // The client may be gone by now; the place is taken until this ends all the same.
        let _permit = permit;
        make(&view).map(|document| (document, view.at))
    });
    let (document, at) = making.await.map_err(|_| Problem::internal())??;
    let headers = [
        (CONTENT_TYPE, "application/json".to_owned()),
        (CACHE_CONTROL, "no-cache".to_owned()),
        // When the world was looked at.
        (
            LAST_MODIFIED,
            at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string(),
        ),
    ];
    Ok((headers, document).into_response())
}
