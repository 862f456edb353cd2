//! Counts what leaves this process, where retries are seen one by one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use tokio::time::Instant;

use super::error::Kind;

/// Counts every request to MediaLive, first or retried.
pub trait Meter: Send + Sync + fmt::Debug {
    /// A request waited so long for its turn.
    fn waited(&self, time: Duration);

    /// A request of `operation` ended: `ok`, or the label of a [`Kind`].
    fn ended(&self, operation: &'static str, code: &'static str, took: Duration);
}

/// A request under way. One that is dropped has timed out.
pub(super) struct UnderWay {
    meter: Arc<dyn Meter>,
    operation: &'static str,
    begun: Instant,
    code: &'static str,
}

impl UnderWay {
    pub(super) fn begin(meter: &Arc<dyn Meter>, operation: &'static str) -> Self {
        Self {
            meter: Arc::clone(meter),
            operation,
            begun: Instant::now(),
            code: Kind::TimedOut.label(),
        }
    }

    pub(super) fn end(mut self, result: &Result<HttpResponse, ConnectorError>) {
        self.code = match result {
            Ok(answer) if answer.status().is_success() => "ok",
            Ok(answer) => {
                let code = answer.headers().get("x-amzn-errortype").unwrap_or_default();
                // The name may be followed by a colon and a URL.
                let code = code.split(':').next().unwrap_or_default();
                Kind::of_code(code, answer.status().as_u16()).label()
            }
            Err(error) if error.is_timeout() => Kind::TimedOut.label(),
            Err(_) => Kind::Unreachable.label(),
        };
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.meter.ended(self.operation, self.code, self.begun.elapsed());
    }
}

/// The operation of a request, by the paths of MediaLive's service model.
pub(super) fn operation(request: &HttpRequest) -> &'static str {
    of_path(request.method(), request.uri())
}

fn of_path(method: &str, uri: &str) -> &'static str {
    let path = uri.split('?').next().unwrap_or_default();
    let Some((_, path)) = path.split_once("/prod/") else {
        return "Other";
    };
    let parts: Vec<&str> = path.split('/').collect();
    match (method, parts.as_slice()) {
        ("GET", ["channels"]) => "ListChannels",
        ("GET", ["channels", _]) => "DescribeChannel",
        ("PUT", ["channels", _]) => "UpdateChannel",
        ("POST", ["channels", _, "start"]) => "StartChannel",
        ("POST", ["channels", _, "stop"]) => "StopChannel",
        ("POST", ["tags", ..]) => "CreateTags",
        _ => "Other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_of_the_client_is_known_by_its_path() {
        for (method, uri, operation) in [
            (
                "GET",
                "https://medialive.eu-central-1.amazonaws.com/prod/channels?maxResults=20",
                "ListChannels",
            ),
            (
                "GET",
                "http://127.0.0.1:4570/prod/channels/4000001",
                "DescribeChannel",
            ),
            ("PUT", "/prod/channels/4000001", "UpdateChannel"),
            ("POST", "/prod/channels/4000001/start", "StartChannel"),
            ("POST", "/prod/channels/4000001/stop", "StopChannel"),
            ("POST", "/prod/tags/arn%3Aaws%3Amedialive", "CreateTags"),
            ("DELETE", "/prod/channels/4000001", "Other"),
            ("GET", "/", "Other"),
        ] {
            assert_eq!(of_path(method, uri), operation, "{method} {uri}");
        }
    }
}
