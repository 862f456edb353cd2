//! The only file that names SDK operations.
//!
//! Answers are read as the JSON text that came over the wire, not through the SDK's types, and the one body that
//! is sent is JSON put under the SDK call: so nothing that a newer MediaLive adds is lost on the way.

pub(super) mod probe;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_medialive::Client;
use aws_sdk_medialive::config::BehaviorVersion;
use aws_sdk_medialive::config::retry::{RetryPartition, TokenBucket};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;

use super::document::{ChannelDocument, DocumentError, SlotTarget, Summary};
use super::wire::MEDIALIVE;
use crate::model::tag::OWNER_TAG;
use crate::model::{ChannelId, OwnerId};
use crate::service::{
    Answer, CallError, CallErrorKind, LimitedHttpClient, Meter, Permit, RateLimit, put_json,
};

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
    /// Counts every request.
    pub meter: Option<Arc<dyn Meter>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            attempt_timeout: Duration::from_secs(10),
            operation_timeout: Duration::from_secs(30),
            rate: RATE,
            endpoint_url: None,
            meter: None,
        }
    }
}

/// Half of what MediaLive allows the whole account; the rest is for users and other tools.
const RATE: RateLimit = RateLimit { per_second: 10.0 };

/// Attempts of a call that only looks. The cycle retries as well, so few are enough to bridge a dropped connection.
const ATTEMPTS_MAX: u32 = 3;

/// Channels of one page of a list.
///
/// The service model takes 1 to 1000; what MediaLive gives without being asked, and where it cuts off, is not published.
/// With its 20 or so, a steady look at a large account would be mostly waiting for the rate limit; a page of 1000, with
/// some kilobytes a channel, might not be there within an attempt. One that gives less than it is asked for gives more pages.
const PAGE: i32 = 100;

/// Pages of one list: with 20 channels a page, 100 000 channels.
const PAGES_MAX: usize = 5_000;

/// MediaLive in one account and region. Cheap to clone.
#[derive(Debug, Clone)]
pub struct MediaLive {
    sdk: Client,
    attempt_timeout: Duration,
    /// A page size was refused, so no request has one.
    refuses_page_size: Arc<AtomicBool>,
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
                &MEDIALIVE,
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
            refuses_page_size: Arc::default(),
        }
    }

    /// Limit of one attempt: how long after its permit a mutating call is given up.
    pub fn attempt_timeout(&self) -> Duration {
        self.attempt_timeout
    }

    /// Every channel of the account and region: one request per page.
    pub async fn list(&self) -> Result<Vec<Summary>, CallError> {
        Ok(self.list_by_page().await?.0)
    }

    /// The same, and how many pages it took.
    pub async fn list_by_page(&self) -> Result<(Vec<Summary>, usize), CallError> {
        let mut channels = Vec::new();
        let mut token: Option<String> = None;
        let mut pages = 0;
        while pages < PAGES_MAX {
            let (page, next) = self.page(token.clone()).await?;
            channels.extend(page);
            pages += 1;
            // A token that does not move on would go round in circles.
            if next.is_none() || next == token {
                break;
            }
            token = next;
        }
        Ok((channels, pages))
    }

    /// One page of the list, of any size where the requested one is refused.
    async fn page(&self, token: Option<String>) -> Result<(Vec<Summary>, Option<String>), CallError> {
        let asks = !self.refuses_page_size.load(Ordering::Relaxed);
        match self.page_of(asks.then_some(PAGE), token.clone()).await {
            Err(error) if asks && error.kind == CallErrorKind::Invalid => {
                let page = self.page_of(None, token).await?;
                self.refuses_page_size.store(true, Ordering::Relaxed);
                Ok(page)
            }
            answer => answer,
        }
    }

    async fn page_of(
        &self,
        size: Option<i32>,
        token: Option<String>,
    ) -> Result<(Vec<Summary>, Option<String>), CallError> {
        const OPERATION: &str = "ListChannels";
        let answer = Answer::default();
        let call = self
            .sdk
            .list_channels()
            .set_max_results(size)
            .set_next_token(token)
            .customize()
            .interceptor(answer.clone());
        call.send()
            .await
            .map_err(|error| CallError::classify(OPERATION, None, &error))?;
        answer
            .read(Summary::parse_page)
            .map_err(|error| CallError::bad_answer(OPERATION, None, &error))
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
            .map_err(|error| CallError::classify(OPERATION, Some(id.into()), &error))?;
        answer
            .read(ChannelDocument::parse)
            .map_err(|error| CallError::bad_answer(OPERATION, Some(id.into()), &error))
    }

    /// Points slots of a stopped channel elsewhere.
    pub async fn update(
        &self,
        permit: Permit<'_>,
        channel: &ChannelDocument,
        writes: &[SlotTarget<'_>],
    ) -> Result<ChannelDocument, CallError> {
        const OPERATION: &str = "UpdateChannel";
        let id = &channel.summary.id;
        let bad = |error: DocumentError| CallError::bad_answer(OPERATION, Some(id.into()), &error);
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
        call.send().await.map_err(|error| {
            let told = CallError::classify(OPERATION, Some(id.into()), &error);
            told.without(&channel.stream_names(writes))
        })?;
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
            .map_err(|error| CallError::classify(OPERATION, Some(id.into()), &error))?;
        answer
            .read(ChannelDocument::parse)
            .map_err(|error| CallError::bad_answer(OPERATION, Some(id.into()), &error))
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
            .map_err(|error| CallError::classify(OPERATION, Some(id.into()), &error))?;
        answer
            .read(ChannelDocument::parse)
            .map_err(|error| CallError::bad_answer(OPERATION, Some(id.into()), &error))
    }

    /// Writes tags of a channel in one call: the owner's, if one is given, and `others`, by key. Tags may be changed
    /// while a channel runs (User Guide, editing-deleting-channel).
    pub async fn create_tags(
        &self,
        permit: Permit<'_>,
        channel: &Summary,
        owner: Option<&OwnerId>,
        others: &[(String, String)],
    ) -> Result<(), CallError> {
        let owner = owner.map(|owner| (OWNER_TAG.to_owned(), owner.to_string()));
        let call = self
            .sdk
            .create_tags()
            .resource_arn(&*channel.arn)
            .set_tags(Some(owner.into_iter().chain(others.iter().cloned()).collect()))
            .customize()
            .config_override(once())
            .interceptor(permit.terms());
        call.send()
            .await
            .map_err(|error| CallError::classify("CreateTags", Some((&channel.id).into()), &error))?;
        Ok(())
    }

    /// Removes tags of a channel by their keys, in one call.
    pub async fn delete_tags(
        &self,
        permit: Permit<'_>,
        channel: &Summary,
        keys: &[Arc<str>],
    ) -> Result<(), CallError> {
        let call = self
            .sdk
            .delete_tags()
            .resource_arn(&*channel.arn)
            .set_tag_keys(Some(keys.iter().map(ToString::to_string).collect()))
            .customize()
            .config_override(once())
            .interceptor(permit.terms());
        call.send()
            .await
            .map_err(|error| CallError::classify("DeleteTags", Some((&channel.id).into()), &error))?;
        Ok(())
    }
}

/// A call that changes something is tried once. A second try would rely on a look at the channel that is as old as
/// the first one took to fail; the cycle tries again, after a fresh look and with a new plan.
fn once() -> aws_sdk_medialive::config::Builder {
    aws_sdk_medialive::Config::builder().retry_config(RetryConfig::disabled())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
    use axum::Router;
    use axum::extract::RawQuery;
    use axum::http::StatusCode;
    use axum::response::{IntoResponse, Response};

    use tokio::time::Instant;

    use super::*;
    use crate::emulator::in_memory;
    use crate::model::{Endpoint, Secret, Target};
    use crate::service::Limits;
    use crate::wiring::client_through;

    /// A list of two pages, of a service that refuses to be asked for their size.
    fn page(RawQuery(query): RawQuery, refused: &AtomicU32) -> Response {
        let query = query.unwrap_or_default();
        if query.contains("maxResults") {
            refused.fetch_add(1, Ordering::Relaxed);
            return (
                StatusCode::BAD_REQUEST,
                r#"{"message":"maxResults is too large"}"#,
            )
                .into_response();
        }
        let (id, next) = if query.contains("nextToken") {
            ("2", "null")
        } else {
            ("1", r#""more""#)
        };
        format!(r#"{{"channels":[{{"id":"{id}"}}],"nextToken":{next}}}"#).into_response()
    }

    #[tokio::test]
    async fn a_refusal_that_repeats_a_key_is_shown_without_it() {
        let channel = r#"{"id":"1","destinations":[{"id":"d","settings":[{"url":"rtmp://a.example/live","streamName":"old-k3y"}]}],
            "encoderSettings":{"outputGroups":[{"name":"RTMP-1","outputGroupSettings":{"rtmpGroupSettings":{}},
            "outputs":[{"outputSettings":{"rtmpOutputSettings":{"destination":{"destinationRefId":"d"}}}}]}]}}"#;
        let router = Router::new().fallback(|| async {
            let refusal = r#"{"message":"new-k3y is not valid in place of old-k3y"}"#;
            let kind = [("x-amzn-errortype", "UnprocessableEntityException")];
            (StatusCode::UNPROCESSABLE_ENTITY, kind, refusal)
        });
        let timers = SharedAsyncSleep::new(TokioSleep::new());
        let client = client_through(in_memory(router), timers, &Settings::default());
        let now = Instant::now() + Duration::from_mins(1);
        let limits = Limits {
            begin_before: now,
            leave_before: now,
        };
        let target = Target::from(vec![Endpoint::new(
            "rtmp://b.example/live",
            Secret::new("new-k3y"),
        )]);
        let write = SlotTarget {
            output_group: &"RTMP-1".into(),
            target: &target,
        };
        let document = ChannelDocument::parse(channel.as_bytes()).unwrap();
        let permit = Permit::granted(limits, None);
        let refused = client.update(permit, &document, &[write]).await.unwrap_err();
        assert_eq!(refused.message, "… is not valid in place of …");
    }

    #[tokio::test]
    async fn a_refused_page_size_is_left_out() {
        let refused = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&refused);
        let router = Router::new().fallback(move |query: RawQuery| {
            let counter = Arc::clone(&counter);
            async move { page(query, &counter) }
        });
        let timers = SharedAsyncSleep::new(TokioSleep::new());
        let client = client_through(in_memory(router), timers, &Settings::default());
        for _ in 0..2 {
            let (listed, pages) = client.list_by_page().await.unwrap();
            assert_eq!(pages, 2);
            let ids: Vec<&str> = listed.iter().map(|one| one.id.as_str()).collect();
            assert_eq!(ids, ["1", "2"]);
        }
        assert_eq!(refused.load(Ordering::Relaxed), 1);
    }
}
