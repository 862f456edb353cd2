//! Taking one step on what feeds router outputs: a fresh look, a permit, the record, one call.
//!
//! | action | looks | calls |
//! |---|---|---|
//! | Start | at it | CreateTags or TagGlobalResource unless the record is there, then StartChannel or StartRouterInput |
//! | Stop | at it, and at the list of outputs: one may take it by now | StopChannel or StopRouterInput |
//! | Forget | at it | DeleteTags or UntagGlobalResource |
//!
//! The record comes before the start. The other way round a start whose reply is lost would leave it running for ever.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::StepError;
use super::gate::{Gate, StepPermit};
use crate::mediaconnect::MediaConnect;
use crate::medialive::{ChannelDocument, MediaLive};
use crate::model::tag::{STARTED_TAG, started_tag};
use crate::model::{
    ChannelId, InputState, OutputState, OwnerId, RouteState, RouterArn, RouterInput, SourceChannel,
};
use crate::plan::FeedAction;
use crate::service::{CallError, Permit};
use crate::write_lease::WriteLease;

/// Takes steps on channels in front of router inputs, and on those.
#[derive(Debug, Clone)]
pub struct FeedExecutor {
    medialive: MediaLive,
    mediaconnect: MediaConnect,
    gate: Gate,
    owner: OwnerId,
}

/// A step with all that it is about.
#[derive(Debug, Clone)]
pub struct FeedTask {
    /// What it is taken on.
    pub feed: SeenFeed,
    /// The step.
    pub action: FeedAction,
    /// The inputs that get their programme from it: a stop is taken only while no running output takes one of them.
    pub inputs: BTreeSet<RouterArn>,
    /// Inputs that are known to get theirs from something else. Any other may get it from a channel.
    pub others: BTreeSet<RouterArn>,
}

/// A feed as the plan saw it.
#[derive(Debug, Clone)]
pub enum SeenFeed {
    /// A channel.
    Channel(ChannelId, SourceChannel),
    /// A router input.
    Input(RouterArn, RouterInput),
}

/// What came of a step on a feed, with the channel as MediaLive reports it, where it is one.
#[derive(Debug)]
pub enum FeedOutcome {
    /// It was accepted.
    Accepted(Option<Box<ChannelDocument>>),
    /// It is not as the plan saw it, or an output takes it: plan again.
    Stale(String, Option<Box<ChannelDocument>>),
}

impl FeedExecutor {
    /// An executor that writes only while `lease` is held.
    pub fn new(
        medialive: MediaLive,
        mediaconnect: MediaConnect,
        lease: Arc<dyn WriteLease>,
        owner: OwnerId,
    ) -> Self {
        Self {
            gate: Gate::new(lease, medialive.attempt_timeout()),
            medialive,
            mediaconnect,
            owner,
        }
    }

    /// Whether the lease allows a step that begins now.
    pub fn may_write(&self) -> bool {
        self.gate.is_open()
    }

    /// Takes the step of `task`, unless `step_permit` ends before the call is made.
    pub async fn take(&self, task: &FeedTask, step_permit: &StepPermit) -> Result<FeedOutcome, StepError> {
        // One that has grown old, or may not write, has no use for a look.
        drop(self.permit(step_permit)?);
        if task.action == FeedAction::Stop
            && let Some(why) = self.taken_by(task).await?
        {
            return Ok(FeedOutcome::Stale(why, None));
        }
        match &task.feed {
            SeenFeed::Channel(id, planned) => self.on_channel(task, id, planned, step_permit).await,
            SeenFeed::Input(arn, planned) => self.on_input(task, arn, planned, step_permit).await,
        }
    }

    /// Why a feed must not stop now: a router output takes it that is not stopped, or may.
    async fn taken_by(&self, task: &FeedTask) -> Result<Option<String>, StepError> {
        let listed = self.mediaconnect.list_outputs().await.map_err(StepError::Look)?;
        if !listed.is_complete {
            return Ok(Some("not all router outputs could be listed".to_owned()));
        }
        let is_channel = matches!(task.feed, SeenFeed::Channel(..));
        let takes =
            |input: &RouterArn| task.inputs.contains(input) || is_channel && !task.others.contains(input);
        let running = listed.outputs.iter().find(|output| {
            let is_running = output.state != OutputState::Standby && output.route != RouteState::Unrouted;
            is_running && output.input.as_ref().is_none_or(takes)
        });
        Ok(running.map(|output| format!("router output {} takes it by now", output.name)))
    }

    async fn on_channel(
        &self,
        task: &FeedTask,
        id: &ChannelId,
        planned: &SourceChannel,
        step_permit: &StepPermit,
    ) -> Result<FeedOutcome, StepError> {
        let mut fresh = self.medialive.describe(id).await.map_err(StepError::Look)?;
        let seen = SourceChannel::from(&fresh.observed());
        if let Some(why) = difference(planned, &seen) {
            return Ok(FeedOutcome::Stale(why, Some(Box::new(fresh))));
        }
        let done = match task.action {
            FeedAction::Start { .. } => {
                self.record_start(&mut fresh, &seen, step_permit).await?;
                self.medialive.start(self.permit(step_permit)?, id).await
            }
            FeedAction::Stop => self.medialive.stop(self.permit(step_permit)?, id).await,
            FeedAction::Forget => {
                let keys = [Arc::from(STARTED_TAG)];
                let permit = self.permit(step_permit)?;
                let removed = self.medialive.delete_tags(permit, &fresh.summary, &keys).await;
                removed.map_err(StepError::Act)?;
                fresh.note_removed(&keys);
                return Ok(FeedOutcome::Accepted(Some(Box::new(fresh))));
            }
        };
        let mut after = done.map_err(StepError::Act)?;
        // The answer may be of a moment at which the tags were not there yet.
        after.summary.owner.clone_from(&fresh.summary.owner);
        after.summary.tags = fresh.summary.tags;
        Ok(FeedOutcome::Accepted(Some(Box::new(after))))
    }

    async fn record_start(
        &self,
        fresh: &mut ChannelDocument,
        seen: &SourceChannel,
        step_permit: &StepPermit,
    ) -> Result<(), StepError> {
        let owner = seen.owner.is_none().then_some(&self.owner);
        if owner.is_none() && seen.started_by.as_ref() == Some(&self.owner) {
            return Ok(());
        }
        let tags = [started_tag(&self.owner)];
        let permit = self.permit(step_permit)?;
        let written = self
            .medialive
            .create_tags(permit, &fresh.summary, owner, &tags)
            .await;
        written.map_err(StepError::Act)?;
        fresh.note_tags(owner, []);
        fresh.note_started(&self.owner);
        Ok(())
    }

    async fn on_input(
        &self,
        task: &FeedTask,
        arn: &RouterArn,
        planned: &RouterInput,
        step_permit: &StepPermit,
    ) -> Result<FeedOutcome, StepError> {
        let fresh = self.mediaconnect.get_input(arn, &self.owner).await;
        let Some(fresh) = fresh.map_err(StepError::Look)? else {
            let why = "it does not exist any more".to_owned();
            return Ok(FeedOutcome::Stale(why, None));
        };
        if let Some(why) = input_difference(planned, &fresh) {
            return Ok(FeedOutcome::Stale(why, None));
        }
        match task.action {
            FeedAction::Start { .. } => {
                if !fresh.is_ours_to_stop {
                    let permit = self.permit(step_permit)?;
                    let tagged = self
                        .mediaconnect
                        .tag(permit, arn, &[started_tag(&self.owner)])
                        .await;
                    tagged.map_err(StepError::Act)?;
                }
                done(
                    self.mediaconnect
                        .start_input(self.permit(step_permit)?, arn)
                        .await,
                )
            }
            FeedAction::Stop => done(self.mediaconnect.stop_input(self.permit(step_permit)?, arn).await),
            FeedAction::Forget => {
                let permit = self.permit(step_permit)?;
                let removed = self.mediaconnect.untag(permit, arn, &[STARTED_TAG]).await;
                removed.map_err(StepError::Act)?;
                Ok(FeedOutcome::Accepted(None))
            }
        }
    }

    fn permit(&self, step_permit: &StepPermit) -> Result<Permit<'_>, StepError> {
        self.gate.permit(step_permit).map_err(StepError::Gate)
    }
}

fn done(answer: Result<InputState, CallError>) -> Result<FeedOutcome, StepError> {
    answer.map_err(StepError::Act)?;
    Ok(FeedOutcome::Accepted(None))
}

/// What of a channel is not as the plan saw it.
fn difference(planned: &SourceChannel, fresh: &SourceChannel) -> Option<String> {
    if planned.state != fresh.state {
        return Some(format!(
            "the channel was {} and is {} now",
            planned.state, fresh.state
        ));
    }
    let what = if planned.owner != fresh.owner || planned.started_by != fresh.started_by {
        "its tags"
    } else if planned.beside != fresh.beside {
        "its output groups"
    } else {
        return None;
    };
    Some(format!("{what} changed since it was planned"))
}

/// What of an input is not as the plan saw it.
fn input_difference(planned: &RouterInput, fresh: &RouterInput) -> Option<String> {
    if planned.state != fresh.state {
        return Some(format!("it was {} and is {} now", planned.state, fresh.state));
    }
    let what = if planned.is_ours_to_stop != fresh.is_ours_to_stop {
        "its tags"
    } else if planned.channel != fresh.channel {
        "the channel that it takes"
    } else if planned.routed_outputs < fresh.routed_outputs {
        "how many outputs take it"
    } else {
        return None;
    };
    Some(format!("{what} changed since it was planned"))
}
