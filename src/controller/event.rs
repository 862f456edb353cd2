//! What happens, as it happens: the event log of `run` and `apply`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::lease::{GrantOutcome, How, LeaseTableError};
use crate::manifest::Problem;
use crate::manifest::Rejected;
use crate::model::{ChannelId, ChannelState, DestinationName, InputState, OutputState, RouterArn};
use crate::plan::{OutputReason, Plan, Step};
use crate::status::{Phase, Totals};
use crate::store::Change;

/// One thing that happened. Holds no key.
#[derive(Debug, Clone)]
pub enum Event {
    /// The source was read and differs from before.
    SourceLoaded {
        /// How many pools.
        pools: usize,
        /// How many destinations.
        destinations: usize,
        /// Every mistake found.
        problems: Vec<Problem>,
        /// Objects set aside.
        rejected: Vec<Rejected>,
        /// Pools and destinations that differ from before, and what changed in a few words.
        changes: Vec<Change>,
    },
    /// The source was read, whether or not it differs from before. For metrics.
    SourceRead {
        /// Whether it was read whole.
        trusted: bool,
    },
    /// The source could not be read, or not be trusted. Last good state stays in force.
    SourceDoubted {
        /// Why.
        why: String,
    },
    /// Something works, and an operator should look at it.
    Warned {
        /// What, and what to do.
        what: String,
    },
    /// The source can be trusted again.
    SourceTrusted,
    /// A plan that differs from the one before.
    Planned(Arc<Plan>),
    /// The plan of a pool breaks slotwise's own rules: a defect. The pool is left as it is, the others continue.
    PlanRefused {
        /// What is wrong.
        what: String,
    },
    /// A step begins.
    StepBegun {
        /// Its channel.
        channel: ChannelId,
        /// The channel's name, for display.
        channel_name: String,
        /// The step.
        step: Step,
    },
    /// A step ended: MediaLive accepted the call, or did not.
    StepEnded {
        /// Its channel.
        channel: ChannelId,
        /// Name of the action.
        action: &'static str,
        /// What came of it.
        outcome: StepOutcome,
        /// How long the call took.
        took: Duration,
    },
    /// A step on a router output begins, or on what feeds it.
    OutputStepBegun {
        /// The pool, or those that it feeds.
        pool: String,
        /// What the output carries, or is to carry; or what feeds it.
        carries: String,
        /// Name of the action.
        action: &'static str,
        /// Why.
        reason: OutputReason,
    },
    /// A step on a router output ended: MediaConnect accepted the call, or did not.
    OutputStepEnded {
        /// The pool.
        pool: String,
        /// What the output carries, or is to carry.
        carries: String,
        /// Name of the action.
        action: &'static str,
        /// Why it was taken.
        reason: OutputReason,
        /// What came of it.
        outcome: StepOutcome,
        /// How long the call took.
        took: Duration,
    },
    /// A router output was seen in another state.
    OutputChanged {
        /// Its name.
        name: String,
        /// Before.
        from: OutputState,
        /// Now.
        to: OutputState,
        /// How long it was in the state before, as far as this process saw it.
        after: Duration,
    },
    /// A router input was seen in another state.
    InputChanged {
        /// The input.
        input: RouterArn,
        /// Before.
        from: InputState,
        /// Now.
        to: InputState,
        /// How long it was in the state before, as far as this process saw it.
        after: Duration,
    },
    /// A channel was seen in another state.
    StateChanged {
        /// The channel.
        channel: ChannelId,
        /// Before.
        from: Option<ChannelState>,
        /// Now.
        to: ChannelState,
        /// How long it took: since it was asked to, or else since it was seen on its way. `None` where this process does not know.
        after: Option<Duration>,
    },
    /// A destination is in another phase, or in the same for another reason.
    PhaseChanged {
        /// The destination.
        destination: DestinationName,
        /// Before.
        from: Option<Phase>,
        /// Now.
        to: Phase,
        /// One sentence: where, why, or what is in the way.
        message: String,
        /// What would change it, where it waits.
        ways_out: Vec<String>,
        /// How long since it was wanted, when it went on air for the first time since.
        wanted_for: Option<Duration>,
    },
    /// A wanted destination went off air without a stop of this controller. Its phase shows it to users; this is for metrics.
    WentOffAir {
        /// Which one.
        destination: DestinationName,
        /// What happened to its channel (`ChannelStopped`, `ChannelRecovering`, or `TargetGone` where it runs on) or to its router
        /// output (`OutputStopped`, `OutputFailed`, `OutputRecovering`, `OutputGone`, or `InputStopped` where it is ACTIVE).
        reason: &'static str,
    },
    /// Nothing is left to do.
    Converged {
        /// How many destinations are where they are wanted, and how many are not.
        totals: Box<Totals>,
        /// Wanted destinations that went off air meanwhile, whatever took them.
        interruptions: usize,
        /// Since the first cycle or the last change.
        took: Duration,
    },
    /// A cycle ended; steps that it began may still run. For metrics.
    CycleEnded {
        /// Whether it came to a plan.
        succeeded: bool,
        /// How long it took.
        took: Duration,
    },
    /// A whole cycle failed; what is on air is not touched.
    CycleFailed {
        /// What failed and what to do, with the chain of causes.
        what: String,
        /// When the next one begins.
        retry_in: Duration,
    },
    /// The writer has changed, or the lease table is in trouble.
    Lease(LeaseNews),
    /// A one-off grant that another process handed to this one.
    Grant(GrantNews),
    /// An orderly end was asked for: calls under way are finished, no new one begins.
    Draining,
}

/// What happened to the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseNews {
    /// Another process holds it; this one looks on.
    Standby {
        /// Which one.
        holder: Arc<str>,
        /// In which epoch.
        epoch: u64,
    },
    /// The table had no row. One was made, and is waited for, as a process may hold the lease by an earlier row.
    Vacant {
        /// How long.
        wait: Duration,
    },
    /// This process holds it from now on.
    Taken {
        /// In which epoch.
        epoch: u64,
        /// How it came to that.
        how: How,
    },
    /// This process held it and holds it no more.
    Lost {
        /// Why.
        why: Arc<str>,
    },
    /// The file that was lost is locked again, or the one that is in its place now.
    LockedAgain {
        /// Which one.
        path: Arc<Path>,
    },
    /// It was given back.
    Released,
    /// The table cannot be asked.
    Trouble(LeaseTableError),
    /// It can be asked again.
    TroubleOver,
}

/// What happened to a one-off grant that was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantNews {
    /// It is in force from now on.
    Taken {
        /// The destination whose change may interrupt others.
        destination: DestinationName,
        /// The user or process that gave it.
        by: Arc<str>,
    },
    /// It is over.
    Ended {
        /// The destination whose change might interrupt others.
        destination: DestinationName,
        /// How it ended.
        outcome: GrantOutcome,
        /// The destination as it is now; may be empty.
        message: String,
    },
}

impl Event {
    /// Whether only metrics use it.
    pub fn is_only_counted(&self) -> bool {
        matches!(
            self,
            Self::SourceRead { .. } | Self::CycleEnded { .. } | Self::WentOffAir { .. }
        )
    }
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepOutcome {
    /// MediaLive accepted it.
    Accepted,
    /// It had been done already.
    AlreadyDone,
    /// The channel is not as the plan saw it: planned again at once.
    Stale {
        /// What differs.
        why: String,
    },
    /// It failed; tried again after a while.
    Failed {
        /// What failed, with the chain of causes, without secrets.
        what: String,
        /// When it is tried again.
        retry_in: Duration,
    },
}
