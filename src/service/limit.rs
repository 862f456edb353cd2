//! How many requests a second leave this process, and that none leaves when it may no longer.

use std::fmt;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use tokio::time::Instant;

use super::limiter::{QueueFull, RateLimiter};
use super::meter::{Meter, UnderWay};
use super::permit::Limits;
use super::wire::Service;

/// Requests per second. How many may leave at once is the service's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLimit {
    /// Requests per second, above 0.
    pub per_second: f64,
}

/// An HTTP client that lets every attempt, first or retried, wait for its turn.
///
/// The limit sits below the SDK because that is the only place where retries are seen one by one.
pub(crate) struct LimitedHttpClient {
    inner: SharedHttpClient,
    service: &'static Service,
    limiter: Arc<RateLimiter>,
    meter: Option<Arc<dyn Meter>>,
}

impl LimitedHttpClient {
    pub(crate) fn new(
        inner: SharedHttpClient,
        service: &'static Service,
        limit: RateLimit,
        meter: Option<Arc<dyn Meter>>,
    ) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small positive number"
        )]
        let burst = (limit.per_second * service.burst_seconds).ceil().max(1.0) as u32;
        Self {
            inner,
            service,
            limiter: Arc::new(RateLimiter::new(limit.per_second, burst)),
            meter,
        }
    }
}

impl fmt::Debug for LimitedHttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitedHttpClient").finish_non_exhaustive()
    }
}

impl HttpClient for LimitedHttpClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(LimitedConnector {
            inner: self.inner.http_connector(settings, components),
            service: self.service,
            limiter: Arc::clone(&self.limiter),
            meter: self.meter.clone(),
        })
    }
}

struct LimitedConnector {
    inner: SharedHttpConnector,
    service: &'static Service,
    limiter: Arc<RateLimiter>,
    meter: Option<Arc<dyn Meter>>,
}

impl fmt::Debug for LimitedConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitedConnector").finish_non_exhaustive()
    }
}

impl HttpConnector for LimitedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (inner, limiter) = (self.inner.clone(), Arc::clone(&self.limiter));
        let (service, meter) = (self.service, self.meter.clone());
        HttpConnectorFuture::new(async move {
            let operation = service.operation(&request);
            let begun = Instant::now();
            limiter
                .acquire((service.priority)(operation))
                .await
                .map_err(not_sent)?;
            let Some(meter) = meter else {
                return send(&inner, request).await;
            };
            meter.waited(service.name, begun.elapsed());
            let under_way = UnderWay::begin(&meter, service.name, operation);
            let answer = send(&inner, request).await;
            under_way.end(&answer);
            answer
        })
    }
}

fn not_sent(full: QueueFull) -> ConnectorError {
    ConnectorError::other(full.into(), None)
}

/// Sends `request`, unless it has waited for longer than its permit is valid.
async fn send(inner: &SharedHttpConnector, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    match request.extension::<Limits>().copied() {
        None => inner.call(request).await,
        Some(limits) => limits.keep(async { inner.call(request).await }).await,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::sleep;

    use crate::emulator::{Emulator, Fleet, InventedChannel, InventedPool, Options};
    use crate::medialive::{CallErrorKind, Permit, RateLimit, Settings};
    use crate::wiring;

    use super::*;

    /// A client that may send so many requests a second.
    fn slow(per_second: f64) -> (Emulator, crate::medialive::MediaLive) {
        let channel = InventedChannel {
            id: "1".to_owned(),
            standard: false,
            parking_url: "rtmp://127.0.0.1/parked".to_owned(),
            slots: Vec::new(),
        };
        let pool = InventedPool {
            name: "main".to_owned(),
            channels: vec![channel],
        };
        let emulator = Emulator::new(Options::default(), Fleet::invent(&[pool]));
        let settings = Settings {
            rate: RateLimit { per_second },
            ..Settings::default()
        };
        let client = wiring::emulated_client(&emulator, &settings);
        (emulator, client)
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_past_its_permit_is_not_sent() {
        // One now, and the next one after 5 s.
        let (emulator, client) = slow(0.2);
        client.list().await.unwrap();
        let permit = Permit::granted(Limits::within(Duration::from_secs(2)), Some("me.7".into()));
        let error = client.start(permit, &"1".into()).await.unwrap_err();
        assert_eq!(error.kind, CallErrorKind::NotSent, "{error}");
        assert_eq!(emulator.calls().len(), 1);

        // The same with enough time: it is sent, and names the lease.
        sleep(Duration::from_secs(5)).await;
        let permit = Permit::granted(Limits::within(Duration::from_secs(2)), Some("me.7".into()));
        // The result does not matter here.
        client.start(permit, &"1".into()).await.ok();
        let agent = emulator.calls().pop().unwrap().user_agent.unwrap();
        assert!(agent.ends_with(" md/slotwise-lease#me.7"), "{agent}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_start_does_not_queue_behind_looks() {
        // Two at once, then one a second.
        let (emulator, client) = slow(1.0);
        client.list().await.unwrap();
        client.list().await.unwrap();
        let id = "1".into();
        let looks = async { tokio::join!(client.describe(&id), client.describe(&id), client.describe(&id)) };
        let start = async {
            // The looks are in the queue before it.
            sleep(Duration::from_millis(1)).await;
            let permit = Permit::granted(Limits::within(Duration::from_secs(5)), None);
            client.start(permit, &id).await
        };
        let ((first, second, third), _started_or_not) = tokio::join!(looks, start);
        assert!(first.is_ok() && second.is_ok() && third.is_ok());
        let calls = emulator.calls();
        let operations: Vec<&str> = calls.iter().map(|call| call.operation.as_str()).collect();
        let (lists, rest) = operations.split_at(2);
        assert_eq!(lists, ["ListChannels"; 2]);
        assert_eq!(
            rest,
            [
                "StartChannel",
                "DescribeChannel",
                "DescribeChannel",
                "DescribeChannel"
            ]
        );
    }
}
