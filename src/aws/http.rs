//! Answers with an end: whatever is at an endpoint, its answer takes no more memory than any service's may.

use std::fmt;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::caught::caught;

/// Largest answer that is read. The largest of a service that slotwise calls has 16 MiB (DynamoDB, BatchGetItem).
pub(crate) const ANSWER_MAX: usize = 64 << 20;

/// An answer was longer than any that makes sense.
#[derive(Debug, thiserror::Error)]
#[error("the answer is larger than {} MiB; see what answers at the endpoint", ANSWER_MAX >> 20)]
pub(crate) struct AnswerTooLarge;

/// The message of [`AnswerTooLarge`], if it is a cause of `error`.
pub(crate) fn too_large(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(inner) = cause {
        if inner.is::<AnswerTooLarge>() {
            return Some(inner.to_string());
        }
        cause = inner.source();
    }
    None
}

/// `inner`, whose answers end with an error after [`ANSWER_MAX`] bytes.
pub(crate) fn bounded(inner: SharedHttpClient) -> SharedHttpClient {
    SharedHttpClient::new(Bounded(inner))
}

struct Bounded<T>(T);

impl<T> fmt::Debug for Bounded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bounded")
    }
}

impl HttpClient for Bounded<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        match caught(|| self.0.http_connector(settings, components)) {
            Some(connector) => SharedHttpConnector::new(Bounded(connector)),
            None => SharedHttpConnector::new(NoCertificates),
        }
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        // Certificates are read here, before the first call has a limit. Without any that call says so.
        caught(|| self.0.validate_base_client_config(components, config)).unwrap_or(Ok(()))
    }
}

/// In place of a connector that cannot be made: the SDK panics where it finds no certificate authority.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error(
    "no certificate authority is known; install ca-certificates, or name a file of them in SSL_CERT_FILE"
)]
struct NoCertificates;

impl HttpConnector for NoCertificates {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(Err(ConnectorError::user(Self.into())))
    }
}

impl HttpConnector for Bounded<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let mut answer = answer.await?;
            let body = std::mem::replace(answer.body_mut(), SdkBody::taken());
            let body = Limited::new(body, ANSWER_MAX).map_err(|error| {
                if error.is::<LengthLimitError>() {
                    AnswerTooLarge.into()
                } else {
                    error
                }
            });
            *answer.body_mut() = SdkBody::from_body_1_x(body);
            Ok(answer)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use crate::medialive::{CallErrorKind, Settings};
    use crate::wiring::{self, Aws, World};

    /// Answers every request with `mebibytes` of a list that never ends.
    fn endless(mut stream: TcpStream, mebibytes: usize) {
        let mut request = [0; 4096];
        assert!(stream.read(&mut request).unwrap() > 0);
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"channels\":[";
        let mut sent = stream.write_all(head.as_bytes());
        for _ in 0..mebibytes {
            // The client hangs up once it has had enough.
            sent = sent.and_then(|()| stream.write_all(&vec![b' '; 1 << 20]));
        }
    }

    #[tokio::test]
    async fn an_answer_without_an_end_is_given_up_and_not_kept() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let aws = Aws {
            endpoint_url: Some(format!("http://{}", listener.local_addr().unwrap())),
            region: Some("us-east-1".to_owned()),
            placeholder_credentials: true,
            profile: None,
        };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                endless(stream.unwrap(), 200);
            }
        });
        let client = wiring::client(&World::Aws(aws), &Settings::default(), None)
            .await
            .unwrap();
        let error = client.list().await.unwrap_err();
        assert_eq!(error.kind, CallErrorKind::BadAnswer, "{error}");
        assert!(error.to_string().contains("larger than 64 MiB"), "{error}");
    }
}
