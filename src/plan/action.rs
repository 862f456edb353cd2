//! What can be done to a channel.

use std::time::Duration;

use super::{Content, Reason};
use crate::model::{DestinationName, OutputGroup, Target};

/// One thing to do to a channel, with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What.
    pub action: Action,
    /// Why. The executor never reads it.
    pub reason: Reason,
    /// Wanted destinations that this takes off air; empty for all actions but [`Action::Stop`].
    pub interrupts: Vec<DestinationName>,
    /// How long it is expected to take, in MediaLive's time.
    pub expected: Duration,
}

/// A thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nothing but look again: the channel is on its way to another state.
    Wait,
    /// Write the owner tag, from which moment its slots are ours.
    Adopt,
    /// Stop the channel.
    Stop,
    /// Point slots elsewhere, while it is stopped. All writes of a channel go in one call.
    Update {
        /// At least one.
        writes: Vec<SlotWrite>,
    },
    /// Start the channel.
    Start,
}

impl Action {
    /// Stable name, in plans, metrics and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Adopt => "adopt",
            Self::Stop => "stop",
            Self::Update { .. } => "update",
            Self::Start => "start",
        }
    }

    /// Calls to MediaLive: a fresh Describe and the call itself. A stop takes one more for each of its
    /// [stand-ins](super::Plan::stand_ins).
    pub fn api_calls(&self) -> usize {
        match self {
            Self::Wait => 0,
            Self::Adopt | Self::Stop | Self::Update { .. } | Self::Start => 2,
        }
    }
}

/// A slot that is pointed elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotWrite {
    /// Name of the output group.
    pub output_group: OutputGroup,
    /// Where it points from then on. Never shown.
    pub target: Target,
    /// Who that is.
    pub content: Content,
}
