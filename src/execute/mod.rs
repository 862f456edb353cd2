//! Carrying out one step of one channel: lease → precheck → act → record.
//!
//! The executor has no choice left: it looks at the channel again, and if that is still as the plan saw it, does what the
//! plan says. A reply lost after the effect is the normal case: the next look finds it done.
//!
//! A start right after an update relies on the look that showed the end of the update, while that is fresh: a list, or a look
//! at the channel itself, that shows it is no older than the update.
//!
//! A stop that interrupts nothing only because its destinations are on air on another channel as well looks at that one, too.
//!
//! | action | calls after the fresh look |
//! |---|---|
//! | Adopt | CreateTags: owner, slots and takeover |
//! | Record | CreateTags, DeleteTags, as far as there is anything to do |
//! | Update | CreateTags unless all tags are there, then UpdateChannel |
//! | Stop, Start | StopChannel, StartChannel |
//!
//! Tags come before the update: between the two a tag does not fit its slot's target, and proves nothing. The other way
//! round a slot would hold a destination without a record. Where MediaLive refuses the update, the tags are written as they
//! were: the slots still point where those say.

mod feeds;
mod gate;
mod outputs;
mod precheck;
mod tags;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::medialive::{CallError, CallErrorKind, ChannelDocument, MediaLive, Permit, SlotTarget};
use crate::model::{ObservedChannel, OwnerId, Recording};
use crate::plan::{Action, ChannelPlan, SlotWrite, Step};
use crate::write_lease::WriteLease;

pub use feeds::{FeedExecutor, FeedOutcome, FeedTask, SeenFeed};
pub use gate::{Gate, NoPermit, StepPermit};
pub use outputs::{OutputExecutor, OutputOutcome, OutputTask};
pub use precheck::{Precheck, difference_beside, difference_from_assumed, difference_in_what_ends, precheck};

/// Takes steps on behalf of one owner.
#[derive(Debug, Clone)]
pub struct Executor {
    client: MediaLive,
    gate: Gate,
    owner: OwnerId,
}

/// What a step relies on beside the plan of its channel.
#[derive(Debug, Default)]
pub struct Grounds {
    /// Channels that keep the destinations of a stopped channel on air ([`crate::plan::Plan::stand_ins`]).
    pub stand_ins: Vec<ChannelPlan>,
    /// The channel, where the plan was made from what is assumed of it ([`crate::observe`]).
    pub assumed: Option<Box<ObservedChannel>>,
    /// The channel as it was last seen, where it is to be stopped: all of it ends with it, and not only its slots.
    pub ends: Option<Box<ObservedChannel>>,
    /// When the look was begun that showed the end of the update which this start follows.
    pub settled: Option<Instant>,
}

/// How old the look before a start after an update may be: as old as a look of its own when it is answered (10 s,
/// `--attempt-timeout`).
const SETTLED_FOR: Duration = Duration::from_secs(10);

impl Grounds {
    /// Whether the look that the plan was made from is that of a start itself.
    fn is_settled(&self) -> bool {
        self.settled.is_some_and(|at| at.elapsed() < SETTLED_FOR)
    }

    /// What was assumed, or seen, and is not so.
    fn refuted_by(&self, fresh: &ChannelDocument) -> Option<String> {
        let fresh = fresh.observed();
        let assumed = self.assumed.as_deref();
        let ends = self.ends.as_deref();
        let from_assumed = assumed.and_then(|assumed| difference_from_assumed(assumed, &fresh));
        from_assumed.or_else(|| ends.and_then(|seen| difference_in_what_ends(seen, &fresh)))
    }
}

/// What came of a step.
#[derive(Debug)]
pub enum ChannelOutcome {
    /// MediaLive accepted it.
    Accepted {
        /// The channel as MediaLive reports it now.
        channel: Box<ChannelDocument>,
        /// Whether its slot tags were written. Where they were denied the step went on without.
        recording: Recording,
        /// Whether the tag of its takeover was written or removed. Where that was denied nothing else was written.
        takeovers: Recording,
        /// Whether slot tags without an output group are still there, as their removal is denied.
        keeps_leftovers: bool,
    },
    /// It had been done already.
    AlreadyDone(Box<ChannelDocument>),
    /// The channel, or one that the step relies on, is not as the plan saw it: plan again.
    Stale {
        /// What differs.
        why: String,
        /// That channel as it is.
        channel: Box<ChannelDocument>,
    },
}

/// Why a step was not taken.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StepError {
    /// Writing is not allowed: the lease is lost or about to end.
    #[error("not allowed to write: {0}")]
    Gate(NoPermit),
    /// The fresh look before the step failed; nothing was changed.
    #[error("{0}")]
    Look(CallError),
    /// The fresh look at another channel, which the step relies on, failed; nothing was changed.
    #[error("{0}")]
    LookBeside(CallError),
    /// The call itself failed.
    #[error("{0}")]
    Act(CallError),
    /// MediaLive refuses the update as such: what is to be written, or the channel's configuration.
    #[error("{0}")]
    Refused(CallError),
}

impl StepError {
    /// Whether it concerns the channel. The others could happen to any channel.
    pub fn is_of_the_channel(&self) -> bool {
        match self {
            Self::Gate(_) | Self::LookBeside(_) => false,
            Self::Look(error) | Self::Act(error) | Self::Refused(error) => error.kind.is_of_the_channel(),
        }
    }
}

impl Executor {
    /// An executor that writes only while `lease` is held.
    pub fn new(client: MediaLive, lease: Arc<dyn WriteLease>, owner: OwnerId) -> Self {
        Self {
            gate: Gate::new(lease, client.attempt_timeout()),
            client,
            owner,
        }
    }

    /// Whether the lease allows a step that begins now.
    pub fn may_write(&self) -> bool {
        self.gate.is_open()
    }

    /// Takes `step`, the first one of `channel`, unless `step_permit` ends before the call is made.
    pub async fn take(
        &self,
        channel: &ChannelPlan,
        step: &Step,
        grounds: &Grounds,
        step_permit: &StepPermit,
    ) -> Result<ChannelOutcome, StepError> {
        // One that has grown old, or may not write, has no use for a look.
        drop(self.permit(step_permit)?);
        if step.action == Action::Start && grounds.is_settled() {
            return done(self.client.start(self.permit(step_permit)?, &channel.id).await);
        }
        let stand_ins = &grounds.stand_ins;
        // At the same time, so that neither is older than the other.
        let (fresh, beside) = tokio::join!(self.client.describe(&channel.id), self.look_beside(stand_ins));
        let fresh = fresh.map_err(StepError::Look)?;
        if let Some(why) = grounds.refuted_by(&fresh) {
            let channel = Box::new(fresh);
            return Ok(ChannelOutcome::Stale { why, channel });
        }
        match precheck(channel, step, &fresh.observed(), &self.owner) {
            Precheck::Ready => match beside? {
                None => self.act(step, fresh, step_permit).await,
                Some(stale) => Ok(stale),
            },
            Precheck::AlreadyDone => Ok(ChannelOutcome::AlreadyDone(Box::new(fresh))),
            Precheck::Stale(why) => Ok(ChannelOutcome::Stale {
                why,
                channel: Box::new(fresh),
            }),
        }
    }

    /// The first of `stand_ins` that no longer carries the destinations that it carried when the plan was made.
    async fn look_beside(&self, stand_ins: &[ChannelPlan]) -> Result<Option<ChannelOutcome>, StepError> {
        for stand_in in stand_ins {
            let fresh = self.client.describe(&stand_in.id).await;
            let fresh = fresh.map_err(StepError::LookBeside)?;
            if let Some(why) = difference_beside(stand_in, &fresh.observed()) {
                let channel = Box::new(fresh);
                return Ok(Some(ChannelOutcome::Stale { why, channel }));
            }
        }
        Ok(None)
    }

    async fn act(
        &self,
        step: &Step,
        fresh: ChannelDocument,
        step_permit: &StepPermit,
    ) -> Result<ChannelOutcome, StepError> {
        let id = &fresh.summary.id;
        match &step.action {
            Action::Wait => Ok(accepted(fresh)),
            Action::Stop => done(self.client.stop(self.permit(step_permit)?, id).await),
            Action::Start => done(self.client.start(self.permit(step_permit)?, id).await),
            Action::Adopt { tags, takeover } => {
                let owner = Some(&self.owner);
                self.write_tags(fresh, owner, (tags, *takeover), step_permit)
                    .await
            }
            Action::Record {
                tags,
                remove,
                takeover,
            } => {
                let tags = (tags.as_slice(), *takeover);
                let written = self.write_tags(fresh, None, tags, step_permit).await?;
                self.remove_tags(written, remove, step_permit).await
            }
            Action::Update { writes, tags, adopts } => {
                let owner = adopts.then_some(&self.owner);
                let before = fresh.summary.clone();
                let written = self.write_tags(fresh, owner, (tags, None), step_permit).await?;
                let updated = self.update(written, writes, step_permit).await;
                if matches!(updated, Err(StepError::Refused(_))) {
                    self.restore_tags(&before, tags, step_permit).await;
                }
                updated
            }
        }
    }

    /// Points slots of a channel whose tags were `written`.
    async fn update(
        &self,
        written: ChannelOutcome,
        writes: &[SlotWrite],
        step_permit: &StepPermit,
    ) -> Result<ChannelOutcome, StepError> {
        let ChannelOutcome::Accepted {
            channel, recording, ..
        } = written
        else {
            return Ok(written);
        };
        let targets: Vec<SlotTarget<'_>> = writes.iter().map(slot_target).collect();
        let permit = self.permit(step_permit)?;
        let after = self.client.update(permit, &channel, &targets).await;
        let mut after = after.map_err(|error| match error.kind {
            CallErrorKind::Invalid => StepError::Refused(error),
            _ => StepError::Act(error),
        })?;
        // The answer may be of a moment at which the tags were not there yet.
        after.summary.owner.clone_from(&channel.summary.owner);
        after.summary.tags = channel.summary.tags;
        Ok(accepted_but(after, recording, Recording::Allowed))
    }

    fn permit(&self, step_permit: &StepPermit) -> Result<Permit<'_>, StepError> {
        self.gate.permit(step_permit).map_err(StepError::Gate)
    }
}

fn done(answer: Result<ChannelDocument, CallError>) -> Result<ChannelOutcome, StepError> {
    answer.map(accepted).map_err(StepError::Act)
}

fn accepted(channel: ChannelDocument) -> ChannelOutcome {
    accepted_but(channel, Recording::Allowed, Recording::Allowed)
}

fn accepted_but(channel: ChannelDocument, recording: Recording, takeovers: Recording) -> ChannelOutcome {
    ChannelOutcome::Accepted {
        channel: Box::new(channel),
        recording,
        takeovers,
        keeps_leftovers: false,
    }
}

fn slot_target(write: &SlotWrite) -> SlotTarget<'_> {
    SlotTarget {
        output_group: &write.output_group,
        target: &write.target,
    }
}
