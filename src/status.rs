//! What is true of every destination and channel: (desired, observed, plan) → phase, conditions, reasons.
//!
//! A phase never says more than was observed: `Streaming` means that the channel was seen RUNNING with this target,
//! `Starting` that it was seen on its way there. A step that is only planned is `Pending`, so that a look without a
//! daemon does not promise what no process does.

mod conditions;
mod derive;
mod output;
mod totals;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

pub use conditions::{Conditions, DESCRIBED};
pub use derive::{phase, status};
pub use totals::Totals;

use crate::model::{
    ChannelId, ChannelState, DestinationName, MaintenanceWindow, OutputState, PoolName, RouterArn, SlotId,
    WantedState,
};
use crate::plan::FeedPlan;

/// Everything there is to say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// By name; those of objects that were set aside among them. Each is shared with the status before where nothing
    /// changed.
    pub destinations: Vec<Arc<DestinationStatus>>,
    /// By pool and the pool's order.
    pub channels: Vec<ChannelStatus>,
    /// Router outputs of ours, by pool: those of its destinations by name, then the others.
    pub outputs: Vec<OutputStatus>,
    /// What feeds RouterPools with a source, with what becomes of it: the channels in front, then the inputs.
    pub feeds: Vec<FeedPlan>,
    /// `SourceTrusted` and `Leader`.
    pub conditions: Vec<Condition>,
}

impl Status {
    /// The status of the destination of this name.
    pub fn destination(&self, name: &str) -> Option<&Arc<DestinationStatus>> {
        let found = self
            .destinations
            .binary_search_by(|status| status.name.as_str().cmp(name));
        found.ok().map(|index| &self.destinations[index])
    }

    /// Whether the source is trusted to be whole.
    pub fn is_source_trusted(&self) -> bool {
        let mut conditions = self.conditions.iter();
        conditions.any(|one| one.kind == "SourceTrusted" && one.status == ConditionStatus::True)
    }
}

/// One destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DestinationStatus {
    /// Its name.
    pub name: DestinationName,
    /// Its pool; `None` where its declaration could not be read.
    pub pool: Option<PoolName>,
    /// What its owner wants; `None` where its declaration could not be read.
    pub wanted: Option<WantedState>,
    /// What a person reads.
    pub phase: Phase,
    /// Stable code of the reason or waiting.
    pub reason: &'static str,
    /// One sentence, shared by the conditions that say the same.
    pub message: Arc<str>,
    /// What would change it, where it waits.
    pub ways_out: Vec<String>,
    /// The slot that carries it or will.
    pub slot: Option<SlotId>,
    /// Name of its router output; `None` for one of a ChannelPool, and while there is none.
    pub output: Option<Arc<str>>,
    /// Since when it is in this phase.
    pub since: Timestamp,
    /// The generation of the declaration that this speaks of.
    pub observed_generation: u64,
    /// What a program reads; see [`DestinationStatus::conditions`].
    pub conditions: Conditions,
}

impl DestinationStatus {
    /// Whether something is wrong with how it is carried, also where it is on air.
    pub fn is_degraded(&self) -> bool {
        self.conditions.is_degraded()
    }

    /// What is wrong with its declaration, where that was set aside and the last good one is in force.
    pub fn set_aside(&self) -> Option<&str> {
        self.conditions.set_aside.as_deref()
    }
}

/// One channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelStatus {
    /// Its id.
    pub id: ChannelId,
    /// Its name.
    pub name: String,
    /// Its pool; `None` for an owned channel in no pool.
    pub pool: Option<PoolName>,
    /// Its state, where it could be seen.
    pub state: Option<ChannelState>,
    /// Slots and what each holds, for people: a name, `parked`, `undeclared (host)`, `unusable (why)`.
    pub slots: Vec<(String, String)>,
    /// What keeps it from where it should be: code and sentence.
    pub waiting: Option<(&'static str, String)>,
}

/// One router output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputStatus {
    /// Its ARN.
    pub arn: RouterArn,
    /// Its name.
    pub name: Arc<str>,
    /// Its pool; `None` for one of this owner in no declared pool.
    pub pool: Option<PoolName>,
    /// Its state.
    pub state: OutputState,
    /// Whether it brings the pool's programme to its target.
    pub on_air: bool,
    /// What it carries, for people: a name, `undeclared`, `NAME, no longer declared`.
    pub carries: String,
    /// What keeps it from where it should be, where it is no destination's own: code, sentence and what would change it.
    pub waiting: Option<(&'static str, String, Vec<String>)>,
    /// What MediaConnect says is wrong with it, without secrets.
    pub messages: Arc<[String]>,
    /// When MediaConnect maintains it next.
    pub maintenance: Option<MaintenanceWindow>,
}

/// `phase` of a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Phase {
    /// Off air, as wanted.
    Ready,
    /// Wanted on air, and not seen on its way: it waits, or nothing has been done yet.
    Pending,
    /// Wanted on air, and seen on its way.
    Starting,
    /// Seen on air.
    Streaming,
    /// On air and not wanted.
    Stopping,
    /// Its declaration or its channel is broken: its key cannot be read, say, or the steps of its channel keep failing, twice
    /// in a row for a reason of the channel or five times for another like throttling. Or it is not known whether it is on air,
    /// since the router outputs cannot be looked at.
    Error,
}

impl Phase {
    /// Every phase.
    pub const ALL: [Self; 6] = [
        Self::Ready,
        Self::Pending,
        Self::Starting,
        Self::Streaming,
        Self::Stopping,
        Self::Error,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Pending => "Pending",
            Self::Starting => "Starting",
            Self::Streaming => "Streaming",
            Self::Stopping => "Stopping",
            Self::Error => "Error",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A condition in the Kubernetes shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// `Synced`, `Assigned`, `OnAir`, `Blocked`, `Degraded`, `SourceTrusted`, `Leader`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// True, False or Unknown.
    pub status: ConditionStatus,
    /// Stable code.
    pub reason: &'static str,
    /// One sentence.
    pub message: Arc<str>,
    /// When `status` last changed.
    pub last_transition_time: Timestamp,
    /// The generation of the declaration that this speaks of.
    pub observed_generation: u64,
}

impl Condition {
    /// Whether there is nothing to report.
    pub fn is_as_it_should_be(&self) -> bool {
        let expected = match self.kind {
            "Degraded" => ConditionStatus::False,
            _ => ConditionStatus::True,
        };
        self.status == expected
    }
}

/// `status` of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not.
    False,
    /// It could not be looked at.
    Unknown,
}

/// Whether this process is the one that writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leader {
    /// Whether it leads; unknown while no process does.
    pub status: ConditionStatus,
    /// Stable code.
    pub reason: &'static str,
    /// One sentence.
    pub message: Arc<str>,
}

impl Status {
    /// Adds the condition `Degraded` where slots cannot be recorded, which `why` explains.
    pub fn set_unrecorded(&mut self, why: Option<&str>, previous: &[Condition], now: Timestamp) {
        let Some(why) = why else { return };
        let condition = derive::global(
            "Degraded",
            ConditionStatus::True,
            "SlotTagsDenied",
            why.into(),
            previous,
            now,
        );
        self.conditions.push(condition);
    }

    /// Adds the condition `Leader`; its time is kept from `previous` where it has not changed.
    pub fn set_leader(&mut self, leader: Leader, previous: &[Condition], now: Timestamp) {
        let Leader {
            status,
            reason,
            message,
        } = leader;
        self.conditions
            .push(derive::global("Leader", status, reason, message, previous, now));
    }
}

impl ConditionStatus {
    fn of(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}
