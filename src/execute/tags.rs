//! Writing what slots hold, and how far a takeover has come, into the channel's tags.
//!
//! An older policy allows the owner tag only. Then a step continues without tags of slots, which nothing on air depends on,
//! and says so: the occupant of a slot is known by its target alone until the policy is changed. A takeover depends on its tag:
//! without it nothing is written in this step, and the next plan does without the takeover.

use std::sync::Arc;

use super::{ChannelOutcome, Executor, StepError, StepPermit, accepted, accepted_but};
use crate::medialive::{CallError, CallErrorKind, ChannelDocument, Summary};
use crate::model::tag::{TAKEOVER_TAG, TakeoverTag, slot_tag_key};
use crate::model::{ObservedChannel, OwnerId, Recording};
use crate::plan::SlotRecord;

impl Executor {
    /// Writes what of `owner`, `records` and `takeover` is not there yet, in one call.
    pub(super) async fn write_tags(
        &self,
        mut channel: ChannelDocument,
        owner: Option<&OwnerId>,
        (records, takeover): (&[SlotRecord], Option<TakeoverTag>),
        step_permit: &StepPermit,
    ) -> Result<ChannelOutcome, StepError> {
        let owner = owner.filter(|owner| channel.summary.owner.as_ref() != Some(*owner));
        if owner.is_none() && are_there(&channel.observed(), records, takeover) {
            return Ok(accepted(channel));
        }
        let tags = (records, takeover);
        let written = self.create_tags(&channel, owner, tags, step_permit).await;
        let denied = match written {
            Ok(()) => {
                let slots = records.iter().map(|record| (&record.output_group, &record.tag));
                channel.note_tags(owner, slots);
                if let Some(tag) = takeover {
                    channel.note_takeover(tag);
                }
                return Ok(accepted(channel));
            }
            // Which key it is about is not said.
            Err(StepError::Act(error)) if error.kind == CallErrorKind::Denied && takeover.is_some() => {
                let takeovers = Recording::Denied {
                    why: takeover_why(&error),
                };
                return Ok(accepted_but(channel, Recording::Allowed, takeovers));
            }
            Err(StepError::Act(error)) if error.kind == CallErrorKind::Denied && !records.is_empty() => error,
            Err(error) => return Err(error),
        };
        if owner.is_some() {
            self.create_tags(&channel, owner, (&[], None), step_permit)
                .await?;
            channel.note_tags(owner, []);
        }
        let recording = Recording::Denied { why: why(&denied) };
        Ok(accepted_but(channel, recording, Recording::Allowed))
    }

    /// Writes the tags of `records` as they were on the channel `before`. Without them a slot that still points where it did
    /// would be that of nobody; so where this fails, what it holds stays off air, and nothing else is lost.
    pub(super) async fn restore_tags(
        &self,
        before: &Summary,
        records: &[SlotRecord],
        step_permit: &StepPermit,
    ) {
        let keys = records.iter().map(|record| slot_tag_key(&record.output_group));
        let were = keys.filter_map(|key| Some((before.tags.slots.get(&*key)?.to_string(), key)));
        let tags: Vec<(String, String)> = were.map(|(value, key)| (key, value)).collect();
        if tags.is_empty() {
            return;
        }
        let Ok(permit) = self.permit(step_permit) else {
            return;
        };
        // What is told is the refusal; whether this worked shows in the next look.
        drop(self.client.create_tags(permit, before, None, &tags).await);
    }

    /// Removes tags by their keys from a channel that has been `written` to, as far as they are there.
    pub(super) async fn remove_tags(
        &self,
        mut written: ChannelOutcome,
        keys: &[Arc<str>],
        step_permit: &StepPermit,
    ) -> Result<ChannelOutcome, StepError> {
        let ChannelOutcome::Accepted {
            channel,
            takeovers,
            keeps_leftovers,
            ..
        } = &mut written
        else {
            return Ok(written);
        };
        let there = &channel.summary.tags;
        let keys: Vec<Arc<str>> = keys.iter().filter(|key| there.has(key)).cloned().collect();
        if keys.is_empty() {
            return Ok(written);
        }
        let permit = self.permit(step_permit)?;
        match self.client.delete_tags(permit, &channel.summary, &keys).await {
            Ok(()) => channel.note_removed(&keys),
            // Those of slots count for nothing, so nothing is the worse for it but the room that they take; that of a takeover
            // keeps the next one from being used.
            Err(error) if error.kind == CallErrorKind::Denied => {
                *keeps_leftovers = true;
                if keys.iter().any(|key| **key == *TAKEOVER_TAG) {
                    let why = takeover_why(&error);
                    *takeovers = Recording::Denied { why };
                }
            }
            Err(error) => return Err(StepError::Act(error)),
        }
        Ok(written)
    }

    async fn create_tags(
        &self,
        channel: &ChannelDocument,
        owner: Option<&OwnerId>,
        (records, takeover): (&[SlotRecord], Option<TakeoverTag>),
        step_permit: &StepPermit,
    ) -> Result<(), StepError> {
        let takeover = takeover.map(|tag| (TAKEOVER_TAG.to_owned(), tag.as_str().to_owned()));
        let tags: Vec<(String, String)> = records.iter().map(key_and_value).chain(takeover).collect();
        let permit = self.permit(step_permit)?;
        let written = self
            .client
            .create_tags(permit, &channel.summary, owner, &tags)
            .await;
        written.map_err(StepError::Act)
    }
}

/// Whether a channel has all of these tags.
pub(super) fn are_there(
    channel: &ObservedChannel,
    records: &[SlotRecord],
    takeover: Option<TakeoverTag>,
) -> bool {
    let mut records = records.iter();
    records.all(|record| channel.tags.of(&record.output_group).as_ref() == Some(&record.tag))
        && (takeover.is_none() || channel.tags.takeover == takeover)
}

fn key_and_value(record: &SlotRecord) -> (String, String) {
    (slot_tag_key(&record.output_group), record.tag.to_string())
}

/// Which permission is missing for a takeover.
fn takeover_why(denied: &CallError) -> String {
    let said = said(denied);
    format!("the tag {TAKEOVER_TAG} cannot be changed: access denied{said}")
}

/// What MediaLive said.
fn said(denied: &CallError) -> String {
    match denied.message.as_str() {
        "" => String::new(),
        message => format!(" ({message})"),
    }
}

/// Which permission is missing for tags of slots.
fn why(denied: &CallError) -> String {
    let said = said(denied);
    format!(
        "tags of slots cannot be written: access denied{said}; allow medialive:CreateTags for slotwise.dev/slot/*, as \
         manifests/iam-policy.json does"
    )
}
