//! MediaLive channels in front of router inputs, as far as a RouterPool cares: whether they run, and may be stopped.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{ChannelObservation, ChannelState, ObservedChannel, OwnerId, Trouble};

/// The kind of an output group that feeds router inputs ([`super::OtherGroup`]).
const ROUTER_GROUP: &str = "MediaConnect Router";

/// A look at a channel that a RouterPool names as its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SourceObservation {
    /// It was read.
    Seen(SourceChannel),
    /// MediaLive knows no such channel.
    Missing,
    /// It could not be read.
    Unreadable {
        /// Why, one sentence without secrets.
        why: String,
    },
}

/// A channel in front of a router input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceChannel {
    /// Its name.
    pub name: Arc<str>,
    /// Its state.
    pub state: ChannelState,
    /// The value of its owner tag.
    pub owner: Option<OwnerId>,
    /// The owner that started it, by the tag `slotwise.dev/started`. Only what slotwise started is stopped.
    pub started_by: Option<OwnerId>,
    /// Its output groups that feed no router input, in words: they would end with it.
    pub beside: Vec<String>,
    /// Failures in a row, as this controller counts them.
    pub trouble: Option<Trouble>,
}

impl SourceObservation {
    /// The channel, where it was read.
    pub fn seen(&self) -> Option<&SourceChannel> {
        match self {
            Self::Seen(channel) => Some(channel),
            Self::Missing | Self::Unreadable { .. } => None,
        }
    }

    /// Whether the channel was seen RUNNING.
    pub fn is_running(&self) -> bool {
        self.seen()
            .is_some_and(|seen| seen.state == ChannelState::Running)
    }
}

impl From<&ChannelObservation> for SourceObservation {
    fn from(observation: &ChannelObservation) -> Self {
        match observation {
            ChannelObservation::Seen(channel) => Self::Seen(channel.as_ref().into()),
            ChannelObservation::Missing => Self::Missing,
            ChannelObservation::Unreadable { why } => Self::Unreadable { why: why.clone() },
        }
    }
}

impl From<&ObservedChannel> for SourceChannel {
    fn from(channel: &ObservedChannel) -> Self {
        let rtmp = channel.groups.iter().map(|group| (group.name.as_str(), "RTMP"));
        let others = channel.others.iter().filter(|group| &*group.kind != ROUTER_GROUP);
        let others = others.map(|group| (&*group.name, &*group.kind));
        let named = |(name, kind): (&str, &str)| match name {
            "" => format!("a {kind} group without a name"),
            name => format!("{name} ({kind})"),
        };
        Self {
            name: Arc::clone(&channel.name),
            state: channel.state,
            owner: channel.owner.clone(),
            started_by: channel.tags.started.clone(),
            beside: rtmp.chain(others).map(named).collect(),
            trouble: channel.trouble.clone(),
        }
    }
}
