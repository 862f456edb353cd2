//! One RTMP endpoint that users switch on and off.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    ChannelClass, ChannelId, DestinationName, Endpoint, GroupName, Identity, Login, OutputGroup, PoolName,
    Secret, Target,
};

/// A declared destination, valid as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Its name, for display.
    pub name: DestinationName,
    /// What slot tags call it.
    pub identity: Identity,
    /// The pool whose channels may carry it.
    pub pool: PoolName,
    /// What its owner wants.
    pub state: WantedState,
    /// RTMP or RTMPS URL without the key, of the first pipeline.
    pub url: Arc<str>,
    /// The same for the second pipeline of a STANDARD channel. Without it that pipeline is parked: two pipelines
    /// that publish one key to one place throw each other out.
    pub backup_url: Option<Arc<str>>,
    /// Whether the URLs are those of a platform's preset. A new version may spell them in another way, which is no wish of
    /// the declaration's owner.
    pub is_preset: bool,
    /// User name and password parameter, for servers that ask for them.
    pub login: Option<Login>,
    /// The stream key, or why it is not known.
    pub key: StreamKey,
    /// Those of one group like to share a channel. Without one a destination is a group of its own.
    pub group: Option<GroupName>,
    /// Higher wins a scarce slot.
    pub priority: i32,
    /// `false`: while it is wanted and on air its channel is never interrupted, whatever the pool grants.
    pub interruptible: bool,
    /// The only slot that may carry it.
    pub pin: Option<Pin>,
    /// Hands off: on air stays on air, off air stays off air.
    pub paused: Option<Pause>,
    /// Counts the changes of its declaration that this process has seen, from 1.
    pub generation: u64,
}

impl Destination {
    /// Whether its owner wants it on air now: `Streaming`, and not paused.
    pub fn is_wanted(&self, now: Timestamp) -> bool {
        self.state == WantedState::Streaming && self.pause_at(now).is_none()
    }

    /// The pause in force at `now`.
    pub fn pause_at(&self, now: Timestamp) -> Option<&Pause> {
        self.paused.as_ref().filter(|pause| pause.holds_at(now))
    }

    /// Where a router output of its own pushes; `None` while its key is not known.
    pub fn endpoint(&self) -> Option<Endpoint> {
        match &self.key {
            StreamKey::Known(key) => Some(Endpoint::new(Arc::clone(&self.url), key.clone())),
            StreamKey::Unavailable { .. } => None,
        }
    }

    /// What a slot of a channel of `class` points at when it carries this destination; `None` while its key is
    /// not known. `parking` is the parked target of that slot.
    pub fn target(&self, class: ChannelClass, parking: &Target) -> Option<Target> {
        let StreamKey::Known(key) = &self.key else {
            return None;
        };
        let endpoint =
            |url: &Arc<str>| Endpoint::new(Arc::clone(url), key.clone()).with_login(self.login.clone());
        let mut endpoints = vec![endpoint(&self.url)];
        if class == ChannelClass::Standard {
            endpoints.push(match &self.backup_url {
                Some(url) => endpoint(url),
                None => parking.0.get(1).cloned().unwrap_or_else(|| endpoints[0].clone()),
            });
        }
        Some(Target::from(endpoints))
    }
}

/// `spec.state` of a Destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum WantedState {
    /// On air.
    Streaming,
    /// Off air, and ready to be switched on.
    Ready,
}

/// A stream key, or why it is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamKey {
    /// The key.
    Known(Secret),
    /// It could not be read.
    Unavailable {
        /// The reference, as in messages: `env YOUTUBE_KEY`, `file keys/youtube`.
        reference: String,
        /// What went wrong and what to do, one sentence.
        why: String,
    },
}

/// `spec.slot`: the one slot that may carry a destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pin {
    /// The channel, one of the pool's.
    pub channel: ChannelId,
    /// The output group.
    pub output_group: OutputGroup,
}

/// Hands off, until a moment or until it is taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// When it ends by itself.
    pub until: Option<Timestamp>,
    /// The user who asked for it.
    pub by: Option<String>,
    /// Why.
    pub why: Option<String>,
}

impl Pause {
    /// Whether the pause is in force at `now`.
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}
