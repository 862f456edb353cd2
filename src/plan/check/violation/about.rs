//! What a violation is about, and what it is called.

use super::Violation;
use crate::model::{ChannelId, DestinationName, PoolName};

/// What a violation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About<'a> {
    /// The plan as a whole.
    Everything,
    /// A pool.
    Pool(&'a PoolName),
    /// A channel.
    Channel(&'a ChannelId),
    /// Two channels, which may be of two pools.
    Channels(&'a ChannelId, &'a ChannelId),
    /// A destination.
    Destination(&'a DestinationName),
}

impl Violation {
    /// What it is about: where to look, and what to hold.
    pub fn about(&self) -> About<'_> {
        match self {
            Self::Incomplete { .. } => About::Everything,
            Self::MaxConcurrent { pool, .. } | Self::WrongCount { pool, .. } => About::Pool(pool),
            Self::Misread { channel, .. }
            | Self::Untouchable { channel, .. }
            | Self::Adoption { channel, .. }
            | Self::WrongState { channel, .. }
            | Self::StepOrder { channel, .. }
            | Self::UpdateWithoutStart { channel, .. }
            | Self::ForbiddenStop { channel, .. }
            | Self::Ungranted { channel, .. }
            | Self::WrongRecord { channel, .. }
            | Self::TooManyTags { channel, .. }
            | Self::WrongInterrupts { channel, .. }
            | Self::NotBroughtBack { channel, .. }
            | Self::EmptyUpdate { channel, .. }
            | Self::StartedForNobody { channel, .. }
            | Self::WrongEnd { channel, .. }
            | Self::SilentChannel { channel, .. } => About::Channel(channel),
            Self::NoSlot { slot, .. }
            | Self::WrongPipelines { slot, .. }
            | Self::WrittenTwice { slot, .. }
            | Self::WrongContent { slot, .. }
            | Self::Evicted { slot, .. }
            | Self::UnknownKeyWritten { slot, .. }
            | Self::NoNewPlace { slot, .. }
            | Self::WrongTag { slot, .. }
            | Self::PutsOnAir { slot, .. }
            | Self::NotRewritten { slot, .. }
            | Self::SlotTwice { slot, .. }
            | Self::WrongGoal { slot, .. } => About::Channel(&slot.channel),
            Self::TargetTwice { first, second } => About::Channels(&first.channel, &second.channel),
            Self::Misstated { destination, .. }
            | Self::SlotUnavailable { destination, .. }
            | Self::AwayFromPin { destination, .. }
            | Self::Moved { destination, .. }
            | Self::NotWanted { destination, .. }
            | Self::NotCarried { destination, .. }
            | Self::SilentDestination { destination, .. } => About::Destination(destination),
        }
    }

    /// Stable code, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Incomplete { .. } => "Incomplete",
            Self::Misread { .. } => "Misread",
            Self::Misstated { .. } => "Misstated",
            Self::Untouchable { .. } => "Untouchable",
            Self::Adoption { .. } => "Adoption",
            Self::WrongState { .. } => "WrongState",
            Self::StepOrder { .. } => "StepOrder",
            Self::UpdateWithoutStart { .. } => "UpdateWithoutStart",
            Self::ForbiddenStop { .. } => "ForbiddenStop",
            Self::Ungranted { .. } => "Ungranted",
            Self::WrongInterrupts { .. } => "WrongInterrupts",
            Self::NotBroughtBack { .. } => "NotBroughtBack",
            Self::MaxConcurrent { .. } => "MaxConcurrent",
            Self::WrongCount { .. } => "WrongCount",
            Self::EmptyUpdate { .. } => "EmptyUpdate",
            Self::NoSlot { .. } => "NoSlot",
            Self::WrongPipelines { .. } => "WrongPipelines",
            Self::WrittenTwice { .. } => "WrittenTwice",
            Self::WrongContent { .. } => "WrongContent",
            Self::Evicted { .. } => "Evicted",
            Self::UnknownKeyWritten { .. } => "UnknownKeyWritten",
            Self::NoNewPlace { .. } => "NoNewPlace",
            Self::WrongTag { .. } => "WrongTag",
            Self::WrongRecord { .. } => "WrongRecord",
            Self::TooManyTags { .. } => "TooManyTags",
            Self::PutsOnAir { .. } => "PutsOnAir",
            Self::NotRewritten { .. } => "NotRewritten",
            Self::StartedForNobody { .. } => "StartedForNobody",
            Self::TargetTwice { .. } => "TargetTwice",
            Self::SlotTwice { .. } => "SlotTwice",
            Self::SlotUnavailable { .. } => "SlotUnavailable",
            Self::AwayFromPin { .. } => "AwayFromPin",
            Self::Moved { .. } => "Moved",
            Self::NotWanted { .. } => "NotWanted",
            Self::NotCarried { .. } => "NotCarried",
            Self::WrongGoal { .. } => "WrongGoal",
            Self::WrongEnd { .. } => "WrongEnd",
            Self::SilentDestination { .. } => "SilentDestination",
            Self::SilentChannel { .. } => "SilentChannel",
        }
    }
}
