//! What is asked to find out whether slotwise could work, and changes nothing.
//!
//! Whether a call that changes something is allowed shows only when it is made. So it is made for a channel that does not
//! exist: the answer is "not found" if it is allowed, "denied" if not. No call here takes the id of a channel, so none
//! can hit one that exists.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_medialive::Client;
use aws_sdk_medialive::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_medialive::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;

use super::{MediaLive, once};
use crate::model::tag::{OWNER_TAG, TAKEOVER_TAG, TakeoverTag, slot_tag_key};
use crate::model::{OutputGroup, OwnerId};
use crate::service::{CallError, CallErrorKind};

/// The id of no channel: MediaLive gives numbers of seven digits. A number all the same, so that it is looked up and
/// not refused for its form. Before anything else is asked for it, DescribeChannel has said that there is none.
const MISSING: &str = "0";

/// Where the channels of an account are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// `aws`, `aws-cn`.
    pub partition: String,
    /// The region.
    pub region: String,
    /// The number of the account.
    pub account: String,
}

impl Home {
    /// What `arn` says of it; the region may be empty there.
    pub fn of_arn(arn: &str) -> Option<Self> {
        let mut parts = arn.split(':');
        let is_arn = parts.next() == Some("arn");
        let (partition, _service) = (parts.next()?, parts.next()?);
        let (region, account) = (parts.next()?, parts.next()?);
        is_arn.then(|| Self {
            partition: partition.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
        })
    }
}

/// Calls that change nothing, because they are for a channel that does not exist. Only [`MediaLive::rehearsal`] gives
/// one, after it has made sure of that.
///
/// Each ends in [`CallErrorKind::NotFound`] where it is allowed.
#[derive(Debug)]
pub struct Rehearsal {
    sdk: Client,
}

/// Why nothing can be rehearsed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NoRehearsal {
    /// There is a channel where none should be.
    #[error("there is a channel {MISSING}, so nothing is tried on it")]
    Exists,
    /// Whether there is one could not be determined.
    #[error(transparent)]
    Call(CallError),
}

impl MediaLive {
    /// What MediaLive's clock shows, as the head of its answer says, whatever the answer.
    pub async fn date(&self) -> Option<String> {
        let date = Date::default();
        let call = self
            .sdk
            .list_channels()
            .max_results(1)
            .customize()
            .config_override(once())
            .interceptor(date.clone());
        // An error has a date as well; where nothing answers, the list of channels reports it.
        drop(call.send().await);
        date.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Looks that the channel to rehearse with does not exist.
    pub async fn rehearsal(&self) -> Result<Rehearsal, NoRehearsal> {
        let sent = self.sdk.describe_channel().channel_id(MISSING).send().await;
        match sent.map_err(|error| CallError::classify_by_code("DescribeChannel", None, &error)) {
            Ok(_) => Err(NoRehearsal::Exists),
            Err(error) if error.kind == CallErrorKind::NotFound => Ok(Rehearsal {
                sdk: self.sdk.clone(),
            }),
            Err(error) => Err(NoRehearsal::Call(error)),
        }
    }
}

impl Rehearsal {
    /// An update.
    pub async fn update(&self) -> Result<(), CallError> {
        let call = self.sdk.update_channel().channel_id(MISSING);
        let sent = call.customize().config_override(once()).send().await;
        sent.map(drop)
            .map_err(|error| CallError::classify_by_code("UpdateChannel", None, &error))
    }

    /// A start.
    pub async fn start(&self) -> Result<(), CallError> {
        let call = self.sdk.start_channel().channel_id(MISSING);
        let sent = call.customize().config_override(once()).send().await;
        sent.map(drop)
            .map_err(|error| CallError::classify_by_code("StartChannel", None, &error))
    }

    /// A stop.
    pub async fn stop(&self) -> Result<(), CallError> {
        let call = self.sdk.stop_channel().channel_id(MISSING);
        let sent = call.customize().config_override(once()).send().await;
        sent.map(drop)
            .map_err(|error| CallError::classify_by_code("StopChannel", None, &error))
    }

    /// An adoption by `owner`, in `home`.
    pub async fn adopt(&self, home: &Home, owner: &OwnerId) -> Result<(), CallError> {
        let arn = arn(home);
        let call = self.sdk.create_tags().resource_arn(arn);
        let call = call.tags(OWNER_TAG, owner.as_str());
        let sent = call.customize().config_override(once()).send().await;
        sent.map(drop)
            .map_err(|error| CallError::classify_by_code("CreateTags", None, &error))
    }

    /// An adoption that records what a slot holds.
    pub async fn record(&self, home: &Home, owner: &OwnerId) -> Result<(), CallError> {
        let arn = arn(home);
        let call = self.sdk.create_tags().resource_arn(arn);
        let call = call.tags(OWNER_TAG, owner.as_str()).tags(a_slot(), "-");
        let sent = call.customize().config_override(once()).send().await;
        sent.map(drop)
            .map_err(|error| CallError::classify_by_code("CreateTags", None, &error))
    }

    /// An adoption that records how far a takeover has come.
    pub async fn take_over(&self, home: &Home, owner: &OwnerId) -> Result<(), CallError> {
        let arn = arn(home);
        let call = self.sdk.create_tags().resource_arn(arn);
        let call = call.tags(OWNER_TAG, owner.as_str());
        let call = call.tags(TAKEOVER_TAG, TakeoverTag::Done.as_str());
        let sent = call.customize().config_override(once()).send().await;
        sent.map(drop)
            .map_err(|error| CallError::classify_by_code("CreateTags", None, &error))
    }

    /// The removal of the tags of a slot and of a takeover.
    pub async fn remove(&self, home: &Home) -> Result<(), CallError> {
        let arn = arn(home);
        let call = self.sdk.delete_tags().resource_arn(arn);
        let call = call.tag_keys(a_slot()).tag_keys(TAKEOVER_TAG);
        let sent = call.customize().config_override(once()).send().await;
        sent.map(drop)
            .map_err(|error| CallError::classify_by_code("DeleteTags", None, &error))
    }
}

fn arn(home: &Home) -> String {
    let Home {
        partition,
        region,
        account,
    } = home;
    let missing = format!(":channel:{MISSING}");
    format!("arn:{partition}:medialive:{region}:{account}{missing}")
}

fn a_slot() -> String {
    slot_tag_key(&OutputGroup::new("slot"))
}

/// Keeps the date of the last answer of one call.
#[derive(Debug, Clone, Default)]
struct Date(Arc<Mutex<Option<String>>>);

impl Intercept for Date {
    fn name(&self) -> &'static str {
        "Date"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date").map(str::to_owned);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = date;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_tells_partition_region_and_account() {
        let home = Home::of_arn("arn:aws-cn:medialive:cn-north-1:111122223333:channel:4000001").unwrap();
        assert_eq!(
            (&*home.partition, &*home.region, &*home.account),
            ("aws-cn", "cn-north-1", "111122223333")
        );
        assert_eq!(Home::of_arn("4000001"), None);
        assert_eq!(Home::of_arn("urn:aws:medialive:x:1:channel:2"), None);
    }
}
