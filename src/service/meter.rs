//! Counts what leaves this process, where retries are seen one by one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;
use tokio::time::Instant;

use super::error::CallErrorKind;

/// Counts every request to a service, first or retried.
pub trait Meter: Send + Sync + fmt::Debug {
    /// A request to `service` waited so long for its turn.
    fn waited(&self, service: &'static str, time: Duration);

    /// A request of `operation` to `service` ended: `ok`, or the label of a [`CallErrorKind`].
    fn ended(&self, service: &'static str, operation: &'static str, code: &'static str, took: Duration);
}

/// A request under way. One that is dropped has timed out.
pub(super) struct UnderWay {
    meter: Arc<dyn Meter>,
    service: &'static str,
    operation: &'static str,
    begun: Instant,
    code: &'static str,
}

impl UnderWay {
    pub(super) fn begin(meter: &Arc<dyn Meter>, service: &'static str, operation: &'static str) -> Self {
        Self {
            meter: Arc::clone(meter),
            service,
            operation,
            begun: Instant::now(),
            code: CallErrorKind::TimedOut.label(),
        }
    }

    pub(super) fn end(mut self, result: &Result<HttpResponse, ConnectorError>) {
        self.code = match result {
            Ok(answer) if answer.status().is_success() => "ok",
            Ok(answer) => {
                let code = answer.headers().get("x-amzn-errortype").unwrap_or_default();
                // The name may be followed by a colon and a URL.
                let code = code.split(':').next().unwrap_or_default();
                CallErrorKind::of_code(code, answer.status().as_u16()).label()
            }
            Err(error) if error.is_timeout() => CallErrorKind::TimedOut.label(),
            Err(_) => CallErrorKind::Unreachable.label(),
        };
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.meter
            .ended(self.service, self.operation, self.code, self.begun.elapsed());
    }
}
