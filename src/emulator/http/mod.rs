//! The world on the wire: rest-json as MediaLive and MediaConnect speak it.
//!
//! ```text
//! request ─► routes (operation, id) ─► limit (429) ─► body ─► Emulator::call ─► reply ─► wait or cut ─► response
//! ```
//!
//! Signatures are not checked, so that curl works too. Access is checked where other machines can reach the socket ([`guarded`]).

mod guard;
mod limit;
mod reply;
mod routes;
mod script;
mod wire;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request as HttpRequest, State};
use axum::http::request::Parts;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::Value;

pub(super) use self::limit::Buckets;
pub(super) use self::reply::{Answer, Cut, Reply};
pub(super) use self::wire::{Line, Lines};
use super::Emulator;
use super::error::{ApiError, ErrorKind};
use super::request::{Operation, Request};
use crate::api::Access;

/// The largest body taken; API Gateway, which is in front of MediaLive, takes 10 MB
const BODY_MAX_BYTES: usize = 10 * 1_024 * 1_024;

/// The services' operations and the scripting endpoints
pub(super) fn router(emulator: Emulator) -> Router {
    Router::new()
        .route(
            "/_emulator/faults",
            get(script::faults)
                .post(script::inject)
                .delete(script::clear_faults),
        )
        .route("/_emulator/calls", get(script::calls).delete(script::clear_calls))
        .route("/_emulator/state", get(script::state))
        .route("/_emulator/reset", post(script::reset))
        .route("/_emulator/clock", get(script::clock).post(script::set_clock))
        .route(
            "/_emulator/switches",
            get(script::switches).put(script::set_switches),
        )
        .route_layer(from_fn(guard::json_only))
        .method_not_allowed_fallback(script::wrong_method)
        .fallback(serve)
        .with_state(emulator)
}

/// The same for requests that `access` allows
pub(super) fn guarded(emulator: Emulator, access: Access) -> Router {
    router(emulator).layer(from_fn_with_state(access, guard::guard))
}

async fn serve(State(emulator): State<Emulator>, request: HttpRequest) -> Response {
    let (parts, body) = request.into_parts();
    let line = parts
        .extensions
        .get::<ConnectInfo<Line>>()
        .map(|info| info.0.clone());
    let agent = user_agent(&parts);
    let answer = match routes::find(&parts.method, parts.uri.path(), parts.uri.query()) {
        Err(error) => emulator.refuse(None, None, agent, error),
        Ok(request) if !emulator.within_limit(request.operation) => {
            let error = ApiError::new(ErrorKind::TooManyRequests, "Too Many Requests");
            emulator.refuse(Some(request.operation), named(&request), agent, error)
        }
        Ok(request) => match read_body(body).await {
            Err(error) => emulator.refuse(Some(request.operation), named(&request), agent, error),
            Ok(body) => emulator.call(request.with_body(body), agent),
        },
    };
    reply::deliver(answer, line).await
}

/// The channel or the router resource that the path names
pub(super) fn named(request: &Request) -> Option<String> {
    let is_named = match request.operation {
        Operation::Router(operation) => operation.is_of_resource(),
        operation => operation.is_of_channel(),
    };
    is_named.then(|| request.id.clone())
}

fn user_agent(parts: &Parts) -> Option<String> {
    let header = parts
        .headers
        .get("x-amz-user-agent")
        .or_else(|| parts.headers.get("user-agent"));
    header.and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// The body as JSON; no body is an empty object
async fn read_body(body: Body) -> Result<Value, ApiError> {
    let Ok(bytes) = to_bytes(body, BODY_MAX_BYTES).await else {
        let text = format!("The request body could not be read, or is larger than {BODY_MAX_BYTES} bytes");
        return Err(ApiError::new(ErrorKind::TooLarge, text));
    };
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    // serde's own text may quote the body, and the body holds stream keys.
    serde_json::from_slice(&bytes).map_err(|error| {
        let text = format!(
            "The request body is not valid JSON (line {}, column {})",
            error.line(),
            error.column()
        );
        ApiError::new(ErrorKind::BadRequest, text)
    })
}
