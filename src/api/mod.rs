//! What a running controller shows over HTTP. It only reads.
//!
//! | path | gives | needs the token |
//! |---|---|---|
//! | `/livez` | whether the loop goes round, and the age of its last cycle | no |
//! | `/readyz` | whether anything was seen, and the source is trusted | no |
//! | `/metrics` | [`crate::metrics`] in the text format of Prometheus | yes |
//! | `/api/v1/destinations`, `/{name}` | the destinations of `slotwise status --output json` | yes |
//! | `/api/v1/destinations/{name}/explain` | `slotwise explain --output json` | yes |
//! | `/api/v1/channels` | the channels of `slotwise status --output json` | yes |
//! | `/api/v1/status` | `slotwise status --output json`, or with `output=text` its text | yes |
//! | `/api/v1/plan` | `slotwise plan --output json` | yes |
//!
//! Documents are rendered by [`crate::render`] and nowhere else; errors are `application/problem+json`.
//!
//! The controller publishes its [`Pulse`] and continues; a request takes a copy. So nothing here delays the loop, and a
//! loop that hangs delays nothing here: `/livez` reports it. [`serve`] limits the number of connections, their idle time
//! and the size of requests.

pub mod access;
mod documents;
mod health;
mod problem;
pub mod routes;
pub mod serve;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::{Semaphore, watch};

pub use access::{Access, Token};
pub use serve::Server;

use crate::controller::Pulse;
use crate::metrics::{self, Metrics};
use problem::Problem;

/// Documents being made at once. Each may take some megabytes of a large account.
const MAKING_MAX: usize = 3;

/// Explanations among them: one may take seconds, and is not to keep the others from being made.
const EXPLAINING_MAX: usize = 1;

/// A loop that has not come round for this many intervals hangs.
const INTERVALS_MAX: u32 = 3;

/// What is shown, and the requests that get it.
#[derive(Debug, Clone)]
pub struct Api {
    pulse: watch::Receiver<Pulse>,
    metrics: Metrics,
    access: Access,
    /// How old the last cycle of a loop may be that goes round.
    age_max: Duration,
    making: Arc<Semaphore>,
    explaining: Arc<Semaphore>,
}

impl Api {
    /// Shows `pulse` and `metrics` to requests that `access` allows. The loop looks every `interval`, and one call of it may
    /// take `operation_timeout`.
    pub fn new(
        pulse: watch::Receiver<Pulse>,
        metrics: Metrics,
        access: Access,
        interval: Duration,
        operation_timeout: Duration,
    ) -> Self {
        Self {
            pulse,
            metrics,
            access,
            age_max: interval
                .saturating_mul(INTERVALS_MAX)
                .saturating_add(operation_timeout),
            making: Arc::new(Semaphore::new(MAKING_MAX)),
            explaining: Arc::new(Semaphore::new(EXPLAINING_MAX)),
        }
    }

    /// Every path.
    pub fn router(self) -> Router {
        let guarded = Router::new()
            .route("/metrics", get(show_metrics))
            .nest("/api/v1", documents::router())
            .route_layer(middleware::from_fn_with_state(self.clone(), access::guard));
        Router::new()
            .route("/livez", get(health::livez))
            .route("/readyz", get(health::readyz))
            .merge(guarded)
            .fallback(problem::no_such_path)
            .method_not_allowed_fallback(problem::wrong_method)
            .layer(middleware::from_fn(problem::refuse_large_body))
            .with_state(self)
    }

    /// What the controller shows now.
    fn pulse(&self) -> Pulse {
        // The copy is all that happens under the lock.
        self.pulse.borrow().clone()
    }
}

async fn show_metrics(State(api): State<Api>) -> Response {
    match api.metrics.text(&api.pulse()) {
        Ok(text) => ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!("{}", crate::error_chain(&error));
            Problem::internal().into_response()
        }
    }
}
