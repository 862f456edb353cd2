//! What the parts below an SDK know of its service, and the texts that pass it by.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;

use super::limiter::Priority;

/// A service, as far as requests to it are told apart below its SDK.
#[derive(Debug)]
pub(crate) struct Service {
    /// Its label in metrics: `medialive`.
    pub(crate) name: &'static str,
    /// So many seconds' worth of requests may leave at once.
    pub(crate) burst_seconds: f64,
    /// The operation of a request, by method and path.
    pub(crate) operation: fn(method: &str, path: &str) -> &'static str,
    /// How urgent an operation is.
    pub(crate) priority: fn(operation: &str) -> Priority,
}

impl Service {
    /// The operation of `request`.
    pub(super) fn operation(&self, request: &HttpRequest) -> &'static str {
        let path = request.uri().split('?').next().unwrap_or_default();
        (self.operation)(request.method(), path)
    }
}

/// Sends `body` in place of what the SDK made.
pub(crate) fn put_json(request: &mut HttpRequest, body: &str) {
    *request.body_mut() = SdkBody::from(body);
    request
        .headers_mut()
        .insert("content-length", body.len().to_string());
    request.headers_mut().insert("content-type", "application/json");
}

/// Keeps the text of the last answer of one call.
#[derive(Clone, Default)]
pub(crate) struct Answer(Arc<Mutex<Vec<u8>>>);

impl Answer {
    /// Reads it.
    pub(crate) fn read<T>(&self, parse: impl FnOnce(&[u8]) -> T) -> T {
        parse(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

// By hand: the text holds stream keys.
impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Answer(***)")
    }
}

impl Intercept for Answer {
    fn name(&self) -> &'static str {
        "Answer"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let bytes = context.response().body().bytes().unwrap_or_default();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = bytes.to_vec();
        Ok(())
    }
}
