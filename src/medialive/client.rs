//! The only file that names SDK operations.
//!
//! Answers are read as the JSON text that came over the wire, not through the SDK's types, and the one body that
//! is sent is JSON put under the SDK call: so nothing that a newer MediaLive adds is lost on the way.

pub(super) mod probe;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_medialive::Client;
use aws_sdk_medialive::config::retry::{RetryPartition, TokenBucket};
use aws_sdk_medialive::config::{BehaviorVersion, ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_medialive::error::BoxError;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;

use super::document::{ChannelDocument, DocumentError, OWNER_TAG, Summary};
use super::error::CallError;
use super::limit::{LimitedHttpClient, RateLimit};
use super::meter::Meter;
use super::permit::Permit;
use crate::model::{ChannelId, OwnerId};
use crate::plan::SlotWrite;

/// How the client behaves on the wire.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Limit of one attempt.
    pub attempt_timeout: Duration,
    /// Limit of a call with all its attempts.
    pub operation_timeout: Duration,
    /// Requests per second.
    pub rate: RateLimit,
    /// Another endpoint than the region's.
    pub endpoint_url: Option<String>,
    /// Told of every request.
    pub meter: Option<Arc<dyn Meter>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            attempt_timeout: Duration::from_secs(10),
            operation_timeout: Duration::from_secs(30),
            rate: RateLimit::default(),
            endpoint_url: None,
            meter: None,
        }
    }
}

/// Attempts of a call that only looks. The cycle retries as well, so few are enough to bridge a dropped connection.
const ATTEMPTS_MAX: u32 = 3;

/// Pages of one list: with 20 channels a page, 100 000 channels.
const PAGES_MAX: usize = 5_000;

/// MediaLive in one account and region. Cheap to clone.
#[derive(Debug, Clone)]
pub struct MediaLive {
    sdk: Client,
    attempt_timeout: Duration,
}

impl MediaLive {
    /// A client on `http`, with the credentials and region of `aws`.
    pub fn new(aws: &SdkConfig, http: SharedHttpClient, settings: &Settings) -> Self {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(settings.attempt_timeout)
            .operation_timeout(settings.operation_timeout)
            .connect_timeout(settings.attempt_timeout)
            .build();
        // One that is only named would be one for all clients of the process.
        let partition = RetryPartition::custom("MediaLive")
            .token_bucket(TokenBucket::default())
            .build();
        let mut config = aws_sdk_medialive::config::Builder::from(aws)
            .behavior_version(BehaviorVersion::latest())
            .http_client(SharedHttpClient::new(LimitedHttpClient::new(
                http,
                settings.rate,
                settings.meter.clone(),
            )))
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS_MAX))
            .retry_partition(partition)
            .timeout_config(timeouts);
        if let Some(url) = &settings.endpoint_url {
            config = config.endpoint_url(url);
        }
        Self {
            sdk: Client::from_conf(config.build()),
            attempt_timeout: settings.attempt_timeout,
        }
    }

    /// Limit of one attempt: how long after its permit a mutating call is given up.
    pub fn attempt_timeout(&self) -> Duration {
        self.attempt_timeout
    }

    /// Every channel of the account and region: one request per page.
    pub async fn list(&self) -> Result<Vec<Summary>, CallError> {
        const OPERATION: &str = "ListChannels";
        let mut channels = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let answer = Answer::default();
            let call = self
                .sdk
                .list_channels()
                .set_next_token(token.clone())
                .customize()
                .interceptor(answer.clone());
            call.send()
                .await
                .map_err(|error| CallError::classify(OPERATION, None, &error))?;
            let (page, next) = answer
                .read(Summary::parse_page)
                .map_err(|error| CallError::bad_answer(OPERATION, None, &error))?;
            channels.extend(page);
            // A token that does not move on would go round in circles.
            if next.is_none() || next == token {
                break;
            }
            token = next;
        }
        Ok(channels)
    }

    /// One channel with its encoder settings.
    pub async fn describe(&self, id: &ChannelId) -> Result<ChannelDocument, CallError> {
        const OPERATION: &str = "DescribeChannel";
        let answer = Answer::default();
        let call = self
            .sdk
            .describe_channel()
            .channel_id(id.as_str())
            .customize()
            .interceptor(answer.clone());
        call.send()
            .await
            .map_err(|error| CallError::classify(OPERATION, Some(id), &error))?;
        answer
            .read(ChannelDocument::parse)
            .map_err(|error| CallError::bad_answer(OPERATION, Some(id), &error))
    }

    /// Points slots of a stopped channel elsewhere.
    pub async fn update(
        &self,
        permit: Permit<'_>,
        channel: &ChannelDocument,
        writes: &[SlotWrite],
    ) -> Result<ChannelDocument, CallError> {
        const OPERATION: &str = "UpdateChannel";
        let id = &channel.summary.id;
        let bad = |error: DocumentError| CallError::bad_answer(OPERATION, Some(id), &error);
        let body = channel.update_body(writes).map_err(bad)?;
        let answer = Answer::default();
        let call = self
            .sdk
            .update_channel()
            .channel_id(id.as_str())
            .customize()
            .config_override(once())
            .mutate_request(move |request| put_json(request, &body))
            .interceptor(permit.terms())
            .interceptor(answer.clone());
        call.send()
            .await
            .map_err(|error| CallError::classify(OPERATION, Some(id), &error))?;
        answer.read(ChannelDocument::parse_wrapped).map_err(bad)
    }

    /// Starts a stopped channel.
    pub async fn start(&self, permit: Permit<'_>, id: &ChannelId) -> Result<ChannelDocument, CallError> {
        const OPERATION: &str = "StartChannel";
        let answer = Answer::default();
        let call = self
            .sdk
            .start_channel()
            .channel_id(id.as_str())
            .customize()
            .config_override(once())
            .interceptor(permit.terms())
            .interceptor(answer.clone());
        call.send()
            .await
            .map_err(|error| CallError::classify(OPERATION, Some(id), &error))?;
        answer
            .read(ChannelDocument::parse)
            .map_err(|error| CallError::bad_answer(OPERATION, Some(id), &error))
    }

    /// Stops a running channel.
    pub async fn stop(&self, permit: Permit<'_>, id: &ChannelId) -> Result<ChannelDocument, CallError> {
        const OPERATION: &str = "StopChannel";
        let answer = Answer::default();
        let call = self
            .sdk
            .stop_channel()
            .channel_id(id.as_str())
            .customize()
            .config_override(once())
            .interceptor(permit.terms())
            .interceptor(answer.clone());
        call.send()
            .await
            .map_err(|error| CallError::classify(OPERATION, Some(id), &error))?;
        answer
            .read(ChannelDocument::parse)
            .map_err(|error| CallError::bad_answer(OPERATION, Some(id), &error))
    }

    /// Writes the owner tag. Tags may be changed while a channel runs (User Guide, editing-deleting-channel).
    pub async fn adopt(
        &self,
        permit: Permit<'_>,
        channel: &ChannelDocument,
        owner: &OwnerId,
    ) -> Result<(), CallError> {
        let Summary { id, arn, .. } = &channel.summary;
        let call = self
            .sdk
            .create_tags()
            .resource_arn(&**arn)
            .tags(OWNER_TAG, owner.as_str())
            .customize()
            .config_override(once())
            .interceptor(permit.terms());
        call.send()
            .await
            .map_err(|error| CallError::classify("CreateTags", Some(id), &error))?;
        Ok(())
    }
}

/// A call that changes something is tried once. A second try would go by a look at the channel that is as old as the
/// first one took to fail; the cycle tries again, after a fresh look and with the plan of then.
fn once() -> aws_sdk_medialive::config::Builder {
    aws_sdk_medialive::Config::builder().retry_config(RetryConfig::disabled())
}

fn put_json(request: &mut HttpRequest, body: &str) {
    *request.body_mut() = SdkBody::from(body);
    request
        .headers_mut()
        .insert("content-length", body.len().to_string());
    request.headers_mut().insert("content-type", "application/json");
}

/// Keeps the text of the last answer of one call.
#[derive(Clone, Default)]
struct Answer(Arc<Mutex<Vec<u8>>>);

impl Answer {
    fn read<T>(&self, parse: impl FnOnce(&[u8]) -> Result<T, DocumentError>) -> Result<T, DocumentError> {
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
