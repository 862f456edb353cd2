//! What can be done to a channel.

use std::sync::Arc;
use std::time::Duration;

use super::{Content, Reason};
use crate::model::tag::TakeoverTag;
use crate::model::{DestinationName, OutputGroup, SlotTag, Target};

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
    /// Write the owner tag, from which moment slotwise owns its slots, and what they hold.
    Adopt {
        /// Tags of slots, by output group.
        tags: Vec<SlotRecord>,
        /// The tag of its takeover, if that changes.
        takeover: Option<TakeoverTag>,
    },
    /// Bring its tags to what its slots hold and how far its takeover has come; tags may change while a channel runs.
    Record {
        /// Tags to be written, by output group.
        tags: Vec<SlotRecord>,
        /// Keys of tags that are removed: of slots without an output group, and of a takeover that is no longer set.
        remove: Vec<Arc<str>>,
        /// The tag of its takeover, if that changes.
        takeover: Option<TakeoverTag>,
    },
    /// Stop the channel.
    Stop,
    /// Point slots elsewhere, while it is stopped. Their new occupants are written into the channel's tags first, then all
    /// slots in one call.
    Update {
        /// At least one.
        writes: Vec<SlotWrite>,
        /// Tags to be written before, by output group.
        tags: Vec<SlotRecord>,
        /// Whether the owner tag is written with them: the channel is adopted on the way.
        adopts: bool,
    },
    /// Start the channel.
    Start,
}

impl Action {
    /// Stable name, in plans, metrics and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Adopt { .. } => "adopt",
            Self::Record { .. } => "record",
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
            Self::Adopt { .. } | Self::Stop | Self::Start => 2,
            Self::Record {
                tags,
                remove,
                takeover,
            } => {
                let writes = !tags.is_empty() || takeover.is_some();
                1 + usize::from(writes) + usize::from(!remove.is_empty())
            }
            Self::Update { tags, adopts, .. } => 2 + usize::from(*adopts || !tags.is_empty()),
        }
    }

    /// What it does to slots: nothing, for all actions but [`Action::Update`].
    pub fn writes(&self) -> &[SlotWrite] {
        match self {
            Self::Update { writes, .. } => writes,
            _ => &[],
        }
    }

    /// Tags of slots that it writes.
    pub fn tags(&self) -> &[SlotRecord] {
        match self {
            Self::Adopt { tags, .. } | Self::Record { tags, .. } | Self::Update { tags, .. } => tags,
            Self::Wait | Self::Stop | Self::Start => &[],
        }
    }

    /// The tag of the takeover that it writes.
    pub fn takeover(&self) -> Option<TakeoverTag> {
        match self {
            Self::Adopt { takeover, .. } | Self::Record { takeover, .. } => *takeover,
            Self::Wait | Self::Stop | Self::Update { .. } | Self::Start => None,
        }
    }
}

/// What is recorded of a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotRecord {
    /// Name of the output group.
    pub output_group: OutputGroup,
    /// Its tag.
    pub tag: SlotTag,
}

/// A slot that is pointed elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotWrite {
    /// Name of the output group.
    pub output_group: OutputGroup,
    /// Where it points from then on. Never shown.
    pub target: Target,
    /// The occupant.
    pub content: Content,
}
