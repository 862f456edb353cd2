//! Carrying out one step of one channel: lease → precheck → act → record.
//!
//! The executor has no choice left: it looks at the channel afresh, and where it is still as the plan saw it, does
//! what the plan says. A reply lost after the effect is the normal case: the next look finds it done.
//!
//! A stop that takes nobody off air because they are on air on another channel as well looks at that one, too.

mod gate;
mod precheck;

use std::sync::Arc;

use crate::medialive::{CallError, ChannelDocument, MediaLive};
use crate::model::OwnerId;
use crate::plan::{Action, ChannelPlan, Step};

pub use gate::{Gate, Holding, NoPermit, Order, WriteLease};
pub use precheck::{Precheck, difference_beside, precheck};

/// Takes steps on behalf of one owner.
#[derive(Debug, Clone)]
pub struct Executor {
    client: MediaLive,
    gate: Gate,
    owner: OwnerId,
}

/// What came of a step.
#[derive(Debug)]
pub enum Outcome {
    /// MediaLive accepted it; the channel as it is said to be now.
    Accepted(Box<ChannelDocument>),
    /// It had been done already.
    AlreadyDone(Box<ChannelDocument>),
    /// The channel, or one that the step rests on, is not as the plan saw it: plan again.
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
    /// The fresh look at another channel, which the step rests on, failed; nothing was changed.
    #[error("{0}")]
    LookBeside(CallError),
    /// The call itself failed.
    #[error("{0}")]
    Act(CallError),
}

impl StepError {
    /// Whether it tells something of the channel. The others would have befallen any channel.
    pub fn is_of_the_channel(&self) -> bool {
        match self {
            Self::Gate(_) | Self::LookBeside(_) => false,
            Self::Look(error) | Self::Act(error) => error.kind.is_of_the_channel(),
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

    /// Takes `step`, the first one of `channel`, unless `order` ends before the call is made. A stop rests on `stand_ins`
    /// ([`crate::plan::Plan::stand_ins`]).
    pub async fn take(
        &self,
        channel: &ChannelPlan,
        step: &Step,
        stand_ins: &[ChannelPlan],
        order: &Order,
    ) -> Result<Outcome, StepError> {
        // At the same time, so that neither is older than the other.
        let (fresh, beside) = tokio::join!(self.client.describe(&channel.id), self.look_beside(stand_ins));
        let fresh = fresh.map_err(StepError::Look)?;
        match precheck(channel, step, &fresh.observed(), &self.owner) {
            Precheck::Ready => match beside? {
                None => self.act(step, fresh, order).await,
                Some(stale) => Ok(stale),
            },
            Precheck::AlreadyDone => Ok(Outcome::AlreadyDone(Box::new(fresh))),
            Precheck::Stale(why) => Ok(Outcome::Stale {
                why,
                channel: Box::new(fresh),
            }),
        }
    }

    /// The first of `stand_ins` that does not keep on air any more whom it kept on air when the plan was made.
    async fn look_beside(&self, stand_ins: &[ChannelPlan]) -> Result<Option<Outcome>, StepError> {
        for stand_in in stand_ins {
            let fresh = self.client.describe(&stand_in.id).await;
            let fresh = fresh.map_err(StepError::LookBeside)?;
            if let Some(why) = difference_beside(stand_in, &fresh.observed()) {
                let channel = Box::new(fresh);
                return Ok(Some(Outcome::Stale { why, channel }));
            }
        }
        Ok(None)
    }

    async fn act(&self, step: &Step, fresh: ChannelDocument, order: &Order) -> Result<Outcome, StepError> {
        let permit = self.gate.permit(order).map_err(StepError::Gate)?;
        let id = &fresh.summary.id;
        let after = match &step.action {
            Action::Wait | Action::Record { .. } => Ok(fresh.clone()),
            Action::Stop => self.client.stop(permit, id).await,
            Action::Start => self.client.start(permit, id).await,
            Action::Update { writes, .. } => self.client.update(permit, &fresh, writes).await,
            Action::Adopt { .. } => self.client.adopt(permit, &fresh, &self.owner).await.map(|()| {
                let mut adopted = fresh.clone();
                adopted.summary.owner = Some(self.owner.clone());
                adopted
            }),
        };
        let after = after.map_err(StepError::Act)?;
        Ok(Outcome::Accepted(Box::new(after)))
    }
}
