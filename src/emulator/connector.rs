//! The emulator as the SDK's HTTP client: no socket, the same bytes.
//!
//! The SDK's request goes through the same axum `Router` that a socket would reach. With Tokio's paused clock the
//! whole stack, retries and timeouts included, runs in virtual time.

use std::fmt;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use axum::Router;
use axum::body::Body;
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::http::Cut;

/// Calls the router in memory
#[derive(Clone)]
pub(super) struct InMemory {
    router: Router,
    read_timeout: Option<std::time::Duration>,
}

impl InMemory {
    pub(super) const fn new(router: Router) -> Self {
        Self {
            router,
            read_timeout: None,
        }
    }
}

impl fmt::Debug for InMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("emulator::connector::InMemory")
    }
}

impl HttpClient for InMemory {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Self {
            router: self.router.clone(),
            read_timeout: settings.read_timeout(),
        })
    }
}

impl HttpConnector for InMemory {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (router, read_timeout) = (self.router.clone(), self.read_timeout);
        HttpConnectorFuture::new(async move {
            let call = exchange(router, request);
            match read_timeout {
                None => call.await,
                // A client over a socket gives up here, so this one does too.
                Some(limit) => tokio::time::timeout(limit, call)
                    .await
                    .unwrap_or_else(|elapsed| Err(ConnectorError::timeout(elapsed.into()))),
            }
        })
    }
}

async fn exchange(router: Router, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let request = request
        .try_into_http1x()
        .map_err(|error| ConnectorError::user(error.into()))?;
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(ConnectorError::io)?.to_bytes();
    let response = router
        .oneshot(http::Request::from_parts(parts, Body::from(body)))
        .await;
    // The router's error type has no values.
    let Ok(response) = response;
    if response.extensions().get::<Cut>().is_some() {
        let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        return Err(ConnectorError::io(reset.into()));
    }
    let (parts, body) = response.into_parts();
    // Collected first: axum's body cannot be shared between threads, the SDK's must be.
    let body = body
        .collect()
        .await
        .map_err(|error| ConnectorError::io(error.into()))?
        .to_bytes();
    let response = http::Response::from_parts(parts, SdkBody::from(body));
    HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
}
