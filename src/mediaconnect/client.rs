//! The only file that names SDK operations of MediaConnect.
//!
//! Answers are read as the JSON text that came over the wire, and bodies that hold a target are JSON put under the SDK call: the
//! crate does not know all that an output has (its processors), and its types print stream keys.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_mediaconnect::Client;
use aws_sdk_mediaconnect::config::BehaviorVersion;
use aws_sdk_mediaconnect::config::retry::{RetryPartition, TokenBucket};
use aws_sdk_mediaconnect::types::RouterOutputFilter;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;

use super::document::{
    Batch, DocumentError, Failed, InputDocument, NetworkInterface, NewOutput, OutputDocument, OutputSummary,
    create_body, parse_input, parse_interface, parse_route, parse_state, secrets_in,
};
use super::wire::MEDIACONNECT;
use crate::model::{
    Endpoint, InputState, OutputState, OwnerId, RouteState, RouterArn, RouterInput, RouterOutput,
    RouterSettings,
};
use crate::service::{
    Answer, CallError, CallErrorKind, LimitedHttpClient, Meter, Permit, RateLimit, Subject, put_json,
    without_secrets,
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

/// MediaConnect allows the whole account 5 requests per second (user guide, "Quotas").
const RATE: RateLimit = RateLimit { per_second: 4.0 };

/// Attempts of a call that only looks. The cycle retries as well, so few are enough to bridge a dropped connection.
const ATTEMPTS_MAX: u32 = 3;

/// Outputs of one page of a list: the most that the service model takes.
const PAGE: i32 = 100;

/// Pages of one list: 10 000 outputs, of which a region has 20 unless its quota was raised.
const PAGES_MAX: usize = 100;

/// Outputs of one batch: the most that MediaConnect takes (botocore service model, `BatchGetRouterOutputRequestArnsList`).
const BATCH_MAX: usize = 20;

/// What a list of outputs answers.
#[derive(Debug, Clone, Default)]
pub struct Listed {
    /// The outputs of the client's region, by ARN.
    pub outputs: Vec<OutputSummary>,
    /// How many pages they were on.
    pub pages: usize,
    /// Whether that was all of them: an output that is missing from a part may exist.
    pub is_complete: bool,
}

/// An output that was made, now or by an earlier creation with the same token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Its ARN. For an output that has gone since, Get does not find it.
    pub arn: RouterArn,
    /// Its state.
    pub state: OutputState,
}

/// MediaConnect in one account, with the outputs of one region. Cheap to clone.
#[derive(Debug, Clone)]
pub struct MediaConnect {
    sdk: Client,
    region: Arc<str>,
    attempt_timeout: Duration,
}

impl MediaConnect {
    /// A client on `http`, with the credentials and region of `aws`.
    pub fn new(aws: &SdkConfig, http: SharedHttpClient, settings: &Settings) -> Self {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(settings.attempt_timeout)
            .operation_timeout(settings.operation_timeout)
            .connect_timeout(settings.attempt_timeout)
            .build();
        // One that is only named would be one for all clients of the process.
        let partition = RetryPartition::custom("MediaConnect")
            .token_bucket(TokenBucket::default())
            .build();
        let mut config = aws_sdk_mediaconnect::config::Builder::from(aws)
            .behavior_version(BehaviorVersion::latest())
            .http_client(SharedHttpClient::new(LimitedHttpClient::new(
                http,
                &MEDIACONNECT,
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
            region: aws
                .region()
                .map(|region| region.as_ref().into())
                .unwrap_or_default(),
            attempt_timeout: settings.attempt_timeout,
        }
    }

    /// The same client for the outputs of `region`. Router resources are global: one endpoint serves those of every region.
    #[must_use]
    pub fn in_region(&self, region: &str) -> Self {
        Self {
            region: region.into(),
            ..self.clone()
        }
    }

    /// The region of the outputs that it lists.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Limit of one attempt: how long after its permit a mutating call is given up.
    pub fn attempt_timeout(&self) -> Duration {
        self.attempt_timeout
    }

    /// Every router output of the region: one request per page.
    pub async fn list_outputs(&self) -> Result<Listed, CallError> {
        let mut listed = Listed::default();
        let mut token: Option<String> = None;
        while listed.pages < PAGES_MAX {
            let (page, next) = self.page(token.clone()).await?;
            // The filter says so already; what a list shows of other regions must not be taken for ours.
            let of_region = page.into_iter().filter(|one| *one.region == *self.region);
            listed.outputs.extend(of_region);
            listed.pages += 1;
            if next.is_none() {
                listed.is_complete = true;
                break;
            }
            // A token that does not move on would go round in circles.
            if next == token {
                break;
            }
            token = next;
        }
        // A list that changes between two pages may show one output on both.
        listed.outputs.sort_by(|one, other| one.arn.cmp(&other.arn));
        listed.outputs.dedup_by(|one, other| one.arn == other.arn);
        Ok(listed)
    }

    async fn page(&self, token: Option<String>) -> Result<(Vec<OutputSummary>, Option<String>), CallError> {
        const OPERATION: &str = "ListRouterOutputs";
        let answer = Answer::default();
        let call = self
            .sdk
            .list_router_outputs()
            .max_results(PAGE)
            .set_next_token(token)
            .filters(RouterOutputFilter::RegionNames(vec![self.region.to_string()]))
            .customize()
            .interceptor(answer.clone());
        call.send()
            .await
            .map_err(|error| CallError::classify_by_code(OPERATION, None, &error))?;
        answer
            .read(OutputSummary::parse_page)
            .map_err(|error| CallError::bad_answer(OPERATION, None, &error))
    }

    /// Outputs with their targets and tags: `None` for one that does not exist.
    ///
    /// One that could not be read this time is missing from the answer; [`Self::get_output`] says why. Where none could, that is
    /// an error.
    pub async fn get_outputs(
        &self,
        arns: &[RouterArn],
    ) -> Result<BTreeMap<RouterArn, Option<RouterOutput>>, CallError> {
        let mut outputs = BTreeMap::new();
        let mut unread = None;
        for chunk in arns.chunks(BATCH_MAX) {
            let batch = self.batch(chunk).await?;
            let found = batch.found.into_iter().filter(|one| chunk.contains(&one.arn));
            outputs.extend(found.map(|one| (one.arn, Some(one.output))));
            for failed in batch.failed {
                match not_found_or(failed) {
                    Ok(gone) => drop(outputs.insert(gone, None)),
                    Err(error) => drop(unread.get_or_insert(error)),
                }
            }
            if let Some(error) = batch.unreadable {
                unread.get_or_insert_with(|| CallError::bad_answer(BATCH_GET, None, &error));
            }
        }
        match unread {
            Some(error) if outputs.is_empty() => Err(error),
            _ => Ok(outputs),
        }
    }

    async fn batch(&self, arns: &[RouterArn]) -> Result<Batch, CallError> {
        let answer = Answer::default();
        let call = self
            .sdk
            .batch_get_router_output()
            .set_arns(Some(arns.iter().map(ToString::to_string).collect()))
            .customize()
            .interceptor(answer.clone());
        call.send()
            .await
            .map_err(|error| CallError::classify_by_code(BATCH_GET, None, &error))?;
        answer
            .read(Batch::parse)
            .map_err(|error| CallError::bad_answer(BATCH_GET, None, &error))
    }

    /// One output; `None` where MediaConnect says that it does not exist.
    pub async fn get_output(&self, arn: &RouterArn) -> Result<Option<RouterOutput>, CallError> {
        let document = self.get_output_document(arn).await?;
        Ok(document.map(|document| document.output))
    }

    /// The same, with what an update has to keep.
    pub async fn get_output_document(&self, arn: &RouterArn) -> Result<Option<OutputDocument>, CallError> {
        const OPERATION: &str = "GetRouterOutput";
        let answer = Answer::default();
        let call = self
            .sdk
            .get_router_output()
            .arn(arn.as_str())
            .customize()
            .interceptor(answer.clone());
        let sent = call.send().await;
        let sent = sent.map_err(|error| CallError::classify_by_code(OPERATION, Some(arn.into()), &error));
        let read = || answer.read(OutputDocument::parse);
        existing(OPERATION, arn, sent.map(drop), read)
    }

    /// A router input; `None` where MediaConnect says that it does not exist. It is ours to stop where its tag says that `owner`
    /// started it.
    pub async fn get_input(
        &self,
        arn: &RouterArn,
        owner: &OwnerId,
    ) -> Result<Option<RouterInput>, CallError> {
        let document = self.get_input_document(arn, owner).await?;
        Ok(document.map(|document| document.input))
    }

    /// The same, with what it can carry.
    pub async fn get_input_document(
        &self,
        arn: &RouterArn,
        owner: &OwnerId,
    ) -> Result<Option<InputDocument>, CallError> {
        const OPERATION: &str = "GetRouterInput";
        let answer = Answer::default();
        let call = self
            .sdk
            .get_router_input()
            .arn(arn.as_str())
            .customize()
            .interceptor(answer.clone());
        let sent = call.send().await;
        let sent = sent.map_err(|error| CallError::classify_by_code(OPERATION, Some(arn.into()), &error));
        let read = || answer.read(|json| parse_input(json, owner));
        existing(OPERATION, arn, sent.map(drop), read)
    }

    /// A router network interface; `None` where MediaConnect says that it does not exist.
    pub async fn get_interface(&self, arn: &RouterArn) -> Result<Option<NetworkInterface>, CallError> {
        const OPERATION: &str = "GetRouterNetworkInterface";
        let answer = Answer::default();
        let call = self
            .sdk
            .get_router_network_interface()
            .arn(arn.as_str())
            .customize()
            .interceptor(answer.clone());
        let sent = call.send().await;
        let sent = sent.map_err(|error| CallError::classify_by_code(OPERATION, Some(arn.into()), &error));
        existing(OPERATION, arn, sent.map(drop), || answer.read(parse_interface))
    }

    /// Makes an output, in STANDBY and without a route once it is made. Repeated with the same token and the same body it makes
    /// none, and answers the first one; with another body it is a conflict.
    pub async fn create_output(&self, permit: Permit<'_>, new: &NewOutput<'_>) -> Result<Created, CallError> {
        const OPERATION: &str = "CreateRouterOutput";
        let body = create_body(new).map_err(|error| refused(OPERATION, None, &error))?;
        let answer = Answer::default();
        let call = self
            .sdk
            .create_router_output()
            .customize()
            .config_override(once())
            .mutate_request(move |request| put_json(request, &body))
            .interceptor(permit.terms())
            .interceptor(answer.clone());
        call.send().await.map_err(|error| {
            let told = CallError::classify_by_code(OPERATION, None, &error);
            told.without(&secrets_in(new.target))
        })?;
        let made = answer
            .read(OutputDocument::parse)
            .map_err(|error| CallError::bad_answer(OPERATION, None, &error))?;
        Ok(Created {
            arn: made.arn,
            state: made.output.state,
        })
    }

    /// Points a stopped output at `target` and gives it `settings`, as far as they differ from those that `output` was seen with.
    pub async fn update_output(
        &self,
        permit: Permit<'_>,
        output: &OutputDocument,
        target: &Endpoint,
        settings: &RouterSettings,
    ) -> Result<OutputState, CallError> {
        const OPERATION: &str = "UpdateRouterOutput";
        let subject = || Some(Subject::from(&output.arn));
        let body = output
            .update_body(target, settings)
            .map_err(|error| refused(OPERATION, subject(), &error))?;
        let answer = Answer::default();
        let call = self
            .sdk
            .update_router_output()
            .arn(output.arn.as_str())
            .customize()
            .config_override(once())
            .mutate_request(move |request| put_json(request, &body))
            .interceptor(permit.terms())
            .interceptor(answer.clone());
        call.send().await.map_err(|error| {
            let told = CallError::classify_by_code(OPERATION, subject(), &error);
            told.without(&[output.secrets(), secrets_in(target)].concat())
        })?;
        let updated = answer
            .read(OutputDocument::parse)
            .map_err(|error| CallError::bad_answer(OPERATION, subject(), &error))?;
        Ok(updated.output.state)
    }

    /// Routes `input` to `output`, whether that is on air or stopped (user guide, "Assigning a route").
    pub async fn take_input(
        &self,
        permit: Permit<'_>,
        output: &RouterArn,
        input: &RouterArn,
    ) -> Result<RouteState, CallError> {
        const OPERATION: &str = "TakeRouterInput";
        let answer = Answer::default();
        let call = self
            .sdk
            .take_router_input()
            .router_output_arn(output.as_str())
            .router_input_arn(input.as_str())
            .customize()
            .config_override(once())
            .interceptor(permit.terms())
            .interceptor(answer.clone());
        call.send()
            .await
            .map_err(|error| CallError::classify_by_code(OPERATION, Some(output.into()), &error))?;
        answer
            .read(parse_route)
            .map_err(|error| CallError::bad_answer(OPERATION, Some(output.into()), &error))
    }

    /// Starts a stopped output.
    pub async fn start_output(&self, permit: Permit<'_>, arn: &RouterArn) -> Result<OutputState, CallError> {
        const OPERATION: &str = "StartRouterOutput";
        let answer = Answer::default();
        let call = self
            .sdk
            .start_router_output()
            .arn(arn.as_str())
            .customize()
            .config_override(once())
            .interceptor(permit.terms())
            .interceptor(answer.clone());
        let sent = call.send().await;
        let sent = sent.map_err(|error| CallError::classify_by_code(OPERATION, Some(arn.into()), &error));
        state_of(OPERATION, arn, sent.map(drop), &answer)
    }

    /// Stops an output. It keeps its route and its place.
    pub async fn stop_output(&self, permit: Permit<'_>, arn: &RouterArn) -> Result<OutputState, CallError> {
        const OPERATION: &str = "StopRouterOutput";
        let answer = Answer::default();
        let call = self
            .sdk
            .stop_router_output()
            .arn(arn.as_str())
            .customize()
            .config_override(once())
            .interceptor(permit.terms())
            .interceptor(answer.clone());
        let sent = call.send().await;
        let sent = sent.map_err(|error| CallError::classify_by_code(OPERATION, Some(arn.into()), &error));
        state_of(OPERATION, arn, sent.map(drop), &answer)
    }

    /// Restarts an output: "can be used to recover from errors" (botocore service model).
    pub async fn restart_output(
        &self,
        permit: Permit<'_>,
        arn: &RouterArn,
    ) -> Result<OutputState, CallError> {
        const OPERATION: &str = "RestartRouterOutput";
        let answer = Answer::default();
        let call = self
            .sdk
            .restart_router_output()
            .arn(arn.as_str())
            .customize()
            .config_override(once())
            .interceptor(permit.terms())
            .interceptor(answer.clone());
        let sent = call.send().await;
        let sent = sent.map_err(|error| CallError::classify_by_code(OPERATION, Some(arn.into()), &error));
        state_of(OPERATION, arn, sent.map(drop), &answer)
    }

    /// Deletes a stopped output, with its route.
    pub async fn delete_output(&self, permit: Permit<'_>, arn: &RouterArn) -> Result<OutputState, CallError> {
        const OPERATION: &str = "DeleteRouterOutput";
        let answer = Answer::default();
        let call = self
            .sdk
            .delete_router_output()
            .arn(arn.as_str())
            .customize()
            .config_override(once())
            .interceptor(permit.terms())
            .interceptor(answer.clone());
        let sent = call.send().await;
        let sent = sent.map_err(|error| CallError::classify_by_code(OPERATION, Some(arn.into()), &error));
        state_of(OPERATION, arn, sent.map(drop), &answer)
    }

    /// Starts a stopped input.
    pub async fn start_input(&self, permit: Permit<'_>, arn: &RouterArn) -> Result<InputState, CallError> {
        const OPERATION: &str = "StartRouterInput";
        let answer = Answer::default();
        let call = self
            .sdk
            .start_router_input()
            .arn(arn.as_str())
            .customize()
            .config_override(once())
            .interceptor(permit.terms())
            .interceptor(answer.clone());
        let sent = call.send().await;
        let sent = sent.map_err(|error| CallError::classify_by_code(OPERATION, Some(arn.into()), &error));
        input_state_of(OPERATION, arn, sent.map(drop), &answer)
    }

    /// Stops an input: whatever is routed to it carries nothing then.
    pub async fn stop_input(&self, permit: Permit<'_>, arn: &RouterArn) -> Result<InputState, CallError> {
        const OPERATION: &str = "StopRouterInput";
        let answer = Answer::default();
        let call = self
            .sdk
            .stop_router_input()
            .arn(arn.as_str())
            .customize()
            .config_override(once())
            .interceptor(permit.terms())
            .interceptor(answer.clone());
        let sent = call.send().await;
        let sent = sent.map_err(|error| CallError::classify_by_code(OPERATION, Some(arn.into()), &error));
        input_state_of(OPERATION, arn, sent.map(drop), &answer)
    }

    /// Writes tags of an output or input in one call; others stay. By the call for global resources, which routers are.
    pub async fn tag(
        &self,
        permit: Permit<'_>,
        arn: &RouterArn,
        tags: &[(String, String)],
    ) -> Result<(), CallError> {
        let call = self
            .sdk
            .tag_global_resource()
            .resource_arn(arn.as_str())
            .set_tags(Some(tags.iter().cloned().collect()))
            .customize()
            .config_override(once())
            .interceptor(permit.terms());
        let sent = call.send().await;
        sent.map(drop)
            .map_err(|error| CallError::classify_by_code("TagGlobalResource", Some(arn.into()), &error))
    }

    /// Removes tags of an output or input by their keys, in one call.
    pub async fn untag(&self, permit: Permit<'_>, arn: &RouterArn, keys: &[&str]) -> Result<(), CallError> {
        let call = self
            .sdk
            .untag_global_resource()
            .resource_arn(arn.as_str())
            .set_tag_keys(Some(keys.iter().map(ToString::to_string).collect()))
            .customize()
            .config_override(once())
            .interceptor(permit.terms());
        let sent = call.send().await;
        sent.map(drop)
            .map_err(|error| CallError::classify_by_code("UntagGlobalResource", Some(arn.into()), &error))
    }
}

const BATCH_GET: &str = "BatchGetRouterOutput";

/// A call that changes something is tried once. The SDK would send one again that was refused with 409, which MediaConnect's model
/// calls retryable; and the cycle tries again, after a fresh look and with a new plan.
fn once() -> aws_sdk_mediaconnect::config::Builder {
    aws_sdk_mediaconnect::Config::builder().retry_config(RetryConfig::disabled())
}

/// A call that was not made, because its body could not be.
fn refused(operation: &'static str, subject: Option<Subject>, why: &DocumentError) -> CallError {
    CallError {
        operation,
        subject,
        kind: CallErrorKind::Invalid,
        message: why.to_string(),
    }
}

/// The ARN of an output that does not exist; any other failure is an error.
fn not_found_or(failed: Failed) -> Result<RouterArn, CallError> {
    // What is no code that is known says nothing: it is taken for a failure of the service.
    const UNKNOWN: u16 = 500;
    let arn = RouterArn::from(failed.arn);
    match CallErrorKind::of_code(&failed.code, UNKNOWN) {
        CallErrorKind::NotFound => Ok(arn),
        kind => Err(CallError {
            operation: BATCH_GET,
            subject: Some((&arn).into()),
            kind,
            message: without_secrets(&failed.message, &[]),
        }),
    }
}

/// What a Get answered; `None` where it answered that there is no such thing.
fn existing<T>(
    operation: &'static str,
    arn: &RouterArn,
    sent: Result<(), CallError>,
    read: impl FnOnce() -> Result<T, DocumentError>,
) -> Result<Option<T>, CallError> {
    match sent {
        Err(error) if error.kind == CallErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
        Ok(()) => read()
            .map(Some)
            .map_err(|error| CallError::bad_answer(operation, Some(arn.into()), &error)),
    }
}

fn state_of(
    operation: &'static str,
    arn: &RouterArn,
    sent: Result<(), CallError>,
    answer: &Answer,
) -> Result<OutputState, CallError> {
    sent?;
    answer
        .read(parse_state)
        .map(|state| OutputState::from_wire(&state))
        .map_err(|error| CallError::bad_answer(operation, Some(arn.into()), &error))
}

fn input_state_of(
    operation: &'static str,
    arn: &RouterArn,
    sent: Result<(), CallError>,
    answer: &Answer,
) -> Result<InputState, CallError> {
    sent?;
    answer
        .read(parse_state)
        .map(|state| InputState::from_wire(&state))
        .map_err(|error| CallError::bad_answer(operation, Some(arn.into()), &error))
}

#[cfg(test)]
mod tests;
