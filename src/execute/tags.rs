//! Writing what slots hold into the channel's tags.
//!
//! An older policy allows the owner tag only. Then a step continues without tags of slots, which nothing on air depends on,
//! and says so: the occupant of a slot is known by its target alone until the policy is changed.

use std::sync::Arc;

use super::{Executor, Order, Outcome, StepError, accepted};
use crate::medialive::{CallError, ChannelDocument, Kind};
use crate::model::tag::slot_tag_key;
use crate::model::{ObservedChannel, OwnerId, Recording};
use crate::plan::SlotRecord;

impl Executor {
    /// Writes what of `owner` and `records` is not there yet, in one call.
    pub(super) async fn write_tags(
        &self,
        mut channel: ChannelDocument,
        owner: Option<&OwnerId>,
        records: &[SlotRecord],
        order: &Order,
    ) -> Result<Outcome, StepError> {
        let owner = owner.filter(|owner| channel.summary.owner.as_ref() != Some(*owner));
        if owner.is_none() && are_there(&channel.observed(), records) {
            return Ok(accepted(channel));
        }
        let written = self.create_tags(&channel, owner, records, order).await;
        let denied = match written {
            Ok(()) => {
                let slots = records.iter().map(|record| (&record.output_group, &record.tag));
                channel.note_tags(owner, slots);
                return Ok(accepted(channel));
            }
            Err(StepError::Act(error)) if error.kind == Kind::Denied && !records.is_empty() => error,
            Err(error) => return Err(error),
        };
        if owner.is_some() {
            self.create_tags(&channel, owner, &[], order).await?;
            channel.note_tags(owner, []);
        }
        Ok(Outcome::Accepted {
            channel: Box::new(channel),
            recording: Recording::Denied { why: why(&denied) },
            keeps_leftovers: false,
        })
    }

    /// Removes tags by their keys from a channel that has been `written` to, as far as they are there.
    pub(super) async fn remove_tags(
        &self,
        mut written: Outcome,
        keys: &[Arc<str>],
        order: &Order,
    ) -> Result<Outcome, StepError> {
        let Outcome::Accepted {
            channel,
            keeps_leftovers,
            ..
        } = &mut written
        else {
            return Ok(written);
        };
        let there = &channel.summary.tags.slots;
        let keys: Vec<Arc<str>> = keys
            .iter()
            .filter(|key| there.contains_key(*key))
            .cloned()
            .collect();
        if keys.is_empty() {
            return Ok(written);
        }
        let permit = self.permit(order)?;
        match self.client.delete_tags(permit, &channel.summary, &keys).await {
            Ok(()) => channel.note_removed(&keys),
            // They count for nothing, so nothing is the worse for it but the room that they take.
            Err(error) if error.kind == Kind::Denied => *keeps_leftovers = true,
            Err(error) => return Err(StepError::Act(error)),
        }
        Ok(written)
    }

    async fn create_tags(
        &self,
        channel: &ChannelDocument,
        owner: Option<&OwnerId>,
        records: &[SlotRecord],
        order: &Order,
    ) -> Result<(), StepError> {
        let slots: Vec<(String, String)> = records.iter().map(key_and_value).collect();
        let permit = self.permit(order)?;
        let written = self
            .client
            .create_tags(permit, &channel.summary, owner, &slots)
            .await;
        written.map_err(StepError::Act)
    }
}

/// Whether a channel has all of these tags.
pub(super) fn are_there(channel: &ObservedChannel, records: &[SlotRecord]) -> bool {
    let mut records = records.iter();
    records.all(|record| channel.tags.of(&record.output_group).as_ref() == Some(&record.tag))
}

fn key_and_value(record: &SlotRecord) -> (String, String) {
    (slot_tag_key(&record.output_group), record.tag.to_string())
}

/// Which permission is missing.
fn why(denied: &CallError) -> String {
    let said = match denied.message.as_str() {
        "" => String::new(),
        message => format!(" ({message})"),
    };
    format!(
        "tags of slots cannot be written: access denied{said}; allow medialive:CreateTags for slotwise.dev/slot/*, as \
         manifests/iam-policy.json does"
    )
}
