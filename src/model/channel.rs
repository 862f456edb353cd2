//! What was seen of the channels.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ChannelId, DestinationName, OutputGroup, OwnerId, SlotId, Target};

/// What was seen of the account, with what this controller remembers about its own running work.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// An entry for every channel that a pool names.
    pub channels: BTreeMap<ChannelId, ChannelObservation>,
    /// Destinations that this controller took off air for a moment: each comes back to its own slot. Lost on a
    /// crash, which costs no more than the certainty of the same slot.
    pub returning: Returning,
    /// Channels with somebody wanted on them whom this controller took off air and who is not back on air anywhere,
    /// not even after the channel failed to start again: what counts in `maxConcurrent`. Lost on a crash.
    pub interrupted: BTreeSet<ChannelId>,
}

/// Who comes back where after an interruption.
pub type Returning = BTreeMap<DestinationName, SlotId>;

/// One channel that a pool names, as far as it could be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelObservation {
    /// Seen whole.
    Seen(Box<ObservedChannel>),
    /// MediaLive knows no such channel, or only its tombstone.
    Missing,
    /// MediaLive did not say. Nothing is planned for it.
    Unreadable {
        /// What went wrong, one sentence without secrets.
        why: String,
    },
}

impl ChannelObservation {
    /// The channel, where it was seen.
    pub fn seen(&self) -> Option<&ObservedChannel> {
        match self {
            Self::Seen(channel) => Some(channel),
            Self::Missing | Self::Unreadable { .. } => None,
        }
    }
}

/// A channel as it was last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedChannel {
    /// Its id.
    pub id: ChannelId,
    /// Its ARN: what its tags hang on.
    pub arn: Arc<str>,
    /// Its name, for people. Not unique.
    pub name: Arc<str>,
    /// One or two pipelines.
    pub class: ChannelClass,
    /// Its state.
    pub state: ChannelState,
    /// The value of its owner tag.
    pub owner: Option<OwnerId>,
    /// Every RTMP output group, in the channel's order. Those whose name the pool's glob matches and that are
    /// usable are the slots. Shared between the looks that show the same.
    pub groups: Arc<Vec<ObservedGroup>>,
    /// Failures in a row, as this controller counts them.
    pub trouble: Option<Trouble>,
}

impl ObservedChannel {
    /// Its groups, to be changed here and nowhere else where they are shared.
    pub fn groups_mut(&mut self) -> &mut Vec<ObservedGroup> {
        Arc::make_mut(&mut self.groups)
    }
}

/// An RTMP output group of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedGroup {
    /// Its name, unique within the channel.
    pub name: OutputGroup,
    /// What it points at; or, for a group that cannot be a slot, why not: several outputs, a destination it shares
    /// with another output, a missing name, a wrong number of settings.
    pub target: Result<Target, String>,
}

/// Failures in a row on one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trouble {
    /// How many of them tell something of the channel: throttling, say, would have befallen any other.
    pub failures: u32,
    /// No step is taken before this moment.
    pub retry_at: Timestamp,
    /// What failed last, one sentence without secrets.
    pub what: String,
}

/// `ChannelClass` of MediaLive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ChannelClass {
    /// One pipeline: one endpoint per slot.
    SinglePipeline,
    /// Two pipelines: two endpoints per slot.
    Standard,
}

impl ChannelClass {
    /// How many endpoints a slot has.
    pub fn pipelines(self) -> usize {
        match self {
            Self::SinglePipeline => 1,
            Self::Standard => 2,
        }
    }
}

impl fmt::Display for ChannelClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::SinglePipeline => "SINGLE_PIPELINE",
            Self::Standard => "STANDARD",
        })
    }
}

/// `ChannelState` of MediaLive (botocore service model), and one for what it may add.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ChannelState {
    /// Being made.
    Creating,
    /// Making it failed.
    CreateFailed,
    /// Stopped: the only state in which a channel may be changed.
    Idle,
    /// On its way to running.
    Starting,
    /// Running.
    Running,
    /// Running, with a pipeline that MediaLive restarts.
    Recovering,
    /// On its way to idle.
    Stopping,
    /// Being deleted.
    Deleting,
    /// Gone; what answers is the tombstone.
    Deleted,
    /// Being changed.
    Updating,
    /// Changing it failed.
    UpdateFailed,
    /// A state that did not exist when this was written: never acted upon.
    Unknown,
}

impl ChannelState {
    /// Every state, for tests and completeness.
    pub const ALL: [Self; 12] = [
        Self::Creating,
        Self::CreateFailed,
        Self::Idle,
        Self::Starting,
        Self::Running,
        Self::Recovering,
        Self::Stopping,
        Self::Deleting,
        Self::Deleted,
        Self::Updating,
        Self::UpdateFailed,
        Self::Unknown,
    ];

    /// The state named `text` on the wire.
    pub fn from_wire(text: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .unwrap_or(Self::Unknown)
    }

    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::CreateFailed => "CREATE_FAILED",
            Self::Idle => "IDLE",
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Recovering => "RECOVERING",
            Self::Stopping => "STOPPING",
            Self::Deleting => "DELETING",
            Self::Deleted => "DELETED",
            Self::Updating => "UPDATING",
            Self::UpdateFailed => "UPDATE_FAILED",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// Whether what it carries is, or is about to be, on air: RUNNING, STARTING, RECOVERING.
    pub fn is_running(self) -> bool {
        matches!(self, Self::Starting | Self::Running | Self::Recovering)
    }

    /// Whether it is stopped, so that it may be updated and started: IDLE, UPDATE_FAILED.
    pub fn is_stopped(self) -> bool {
        matches!(self, Self::Idle | Self::UpdateFailed)
    }

    /// Whether it is on its way to another state without our doing, so that one waits and looks again.
    pub fn is_transition(self) -> bool {
        matches!(
            self,
            Self::Creating | Self::Starting | Self::Stopping | Self::Updating | Self::Deleting
        )
    }
}

impl fmt::Display for ChannelState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_says_whether_a_channel_is_on_air_may_be_changed_or_is_on_its_way() {
        let of = |state: ChannelState| (state.is_running(), state.is_stopped(), state.is_transition());
        for (state, expected) in [
            ("IDLE", (false, true, false)),
            ("UPDATE_FAILED", (false, true, false)),
            ("RUNNING", (true, false, false)),
            ("RECOVERING", (true, false, false)),
            ("STARTING", (true, false, true)),
            ("STOPPING", (false, false, true)),
            ("UPDATING", (false, false, true)),
            ("CREATING", (false, false, true)),
            ("DELETING", (false, false, true)),
            ("CREATE_FAILED", (false, false, false)),
            ("DELETED", (false, false, false)),
            ("what MediaLive adds", (false, false, false)),
        ] {
            assert_eq!(of(ChannelState::from_wire(state)), expected, "{state}");
        }
    }

    #[test]
    fn a_class_reads_as_on_the_wire() {
        assert_eq!(ChannelClass::SinglePipeline.to_string(), "SINGLE_PIPELINE");
        assert_eq!(ChannelClass::Standard.to_string(), "STANDARD");
    }
}
