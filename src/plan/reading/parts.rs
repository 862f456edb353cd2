//! What a reading is made of.

use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::{
    ChannelClass, ChannelId, ChannelPool, ChannelState, Destination, DestinationName, Endpoint, Identity,
    Idle, Mark, ObservedChannel, ObservedGroup, OutputGroup, Pause, PoolName, Recorded, Refused, RouterArn,
    SlotTag, Stream, StreamKey, Target, WantedState,
};
use crate::plan::grant::Policy;
use crate::plan::{Adoption, NoTakeover, Waiting};

/// A pool, or what is in none.
pub(in crate::plan) struct Pool<'a> {
    /// As declared; `None` for what is in no pool.
    pub(in crate::plan) decl: Option<&'a ChannelPool>,
    /// The pause in force on it.
    pub(in crate::plan) paused: Option<&'a Pause>,
    /// What it grants now.
    pub(in crate::plan) policy: Policy<'a>,
    /// Its channels in [`Reading::channels`](super::Reading::channels).
    pub(in crate::plan) channels: Range<usize>,
    /// Their slots in [`Reading::slots`](super::Reading::slots).
    pub(in crate::plan) slots: Range<usize>,
    /// Its destinations in [`Reading::dests`](super::Reading::dests).
    pub(in crate::plan) dests: Range<usize>,
}

impl Pool<'_> {
    /// Whether a channel keeps running although no destination on it is wanted.
    pub(in crate::plan) fn keeps_running(&self) -> bool {
        self.decl.is_some_and(|pool| pool.idle == Idle::KeepRunning)
    }

    /// Its name; `None` for what is in no pool.
    pub(in crate::plan) fn name(&self) -> Option<&PoolName> {
        self.decl.map(|pool| &pool.name)
    }
}

/// One channel.
pub(in crate::plan) struct Channel<'a> {
    /// Its pool in [`Reading::pools`](super::Reading::pools).
    pub(in crate::plan) pool: usize,
    /// Its id.
    pub(in crate::plan) id: &'a ChannelId,
    /// What was seen of it.
    pub(in crate::plan) seen: Option<&'a ObservedChannel>,
    /// Whether it is taken over even while it runs with what no Destination explains.
    pub(in crate::plan) takeover: Takeover,
    /// Whether slotwise owns its slots.
    pub(in crate::plan) adoption: Adoption,
    /// Why it may not be used; `None` for one that may.
    pub(in crate::plan) unusable: Option<Waiting>,
    /// Why it may not be started, or not again once it has stopped: it has an output group that is not a slot and whose stream may
    /// be on air on another channel, or is that of a wanted destination, which gets a slot.
    pub(in crate::plan) beside: Option<Waiting>,
    /// A destination that stays on air beside the slots of this channel, which runs.
    pub(in crate::plan) carries: Option<Carried<'a>>,
    /// Its slots in [`Reading::slots`](super::Reading::slots).
    pub(in crate::plan) slots: Range<usize>,
}

impl Channel<'_> {
    /// Its state; that of a channel which could not be seen is unknown.
    pub(in crate::plan) fn state(&self) -> ChannelState {
        self.seen.map_or(ChannelState::Unknown, |seen| seen.state)
    }

    /// Whether what it carries is, or is about to be, on air.
    pub(in crate::plan) fn is_running(&self) -> bool {
        self.state().is_running()
    }

    /// Why `takeover: true` does not help against what it carries.
    pub(in crate::plan) fn no_takeover(&self) -> NoTakeover {
        match &self.takeover {
            Takeover::No(why) => why.clone(),
            Takeover::Waits(_) | Takeover::InForce => NoTakeover::NotSet,
        }
    }

    /// Whether it may be changed.
    pub(in crate::plan) fn is_usable(&self) -> bool {
        self.unusable.is_none()
    }

    /// One or two pipelines.
    pub(in crate::plan) fn class(&self) -> ChannelClass {
        self.seen.map_or(ChannelClass::SinglePipeline, |seen| seen.class)
    }
}

/// The effect of `takeover: true` on a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plan) enum Takeover {
    /// It has none.
    No(NoTakeover),
    /// It waits: for this reason what is on air may be declared after all, where that could not be read.
    Waits(String),
    /// What no Destination explains is released, once it is recorded that this has begun.
    InForce,
}

/// A destination whose stream is in an output group that is not a slot.
#[derive(Debug, Clone, Copy)]
pub(in crate::plan) struct Carried<'a> {
    /// Which, in [`Reading::dests`](super::Reading::dests).
    pub(in crate::plan) dest: usize,
    /// The output group, where it is known.
    pub(in crate::plan) output_group: Option<&'a OutputGroup>,
}

/// One slot, or an output group that its pool means as one and that cannot be.
pub(in crate::plan) struct Slot<'a> {
    /// Its channel in [`Reading::channels`](super::Reading::channels).
    pub(in crate::plan) channel: usize,
    /// The output group.
    pub(in crate::plan) group: &'a ObservedGroup,
    /// Whether its pool's glob matches it. A group that it does not match is a slot until its occupant has left.
    pub(in crate::plan) is_meant: bool,
    /// What is recorded of it, if that is still what it points at.
    pub(in crate::plan) record: Option<SlotTag>,
    /// Whether there is a tag for it, fitting or not.
    pub(in crate::plan) has_tag: bool,
    /// Which endpoints of its target are parked, a bit each.
    pub(in crate::plan) parked: u8,
    /// The streams of its other endpoints.
    pub(in crate::plan) streams: Vec<Stream>,
    /// What holds it.
    pub(in crate::plan) occupant: Occupant,
}

impl<'a> Slot<'a> {
    /// What it points at.
    pub(in crate::plan) fn target(&self) -> Option<&'a Target> {
        let group: &'a ObservedGroup = self.group;
        group.target.as_ref().ok()
    }

    /// Host of the first endpoint that is not parked: the only part of an undeclared target that is shown.
    pub(in crate::plan) fn host(&self) -> &'a str {
        let endpoints = self.target().map_or(&[][..], |target| &target.0);
        let mut hosts = (0..).zip(endpoints).filter(|(at, _)| self.parked >> at & 1 == 0);
        hosts.next().map_or("(no host)", |(_, endpoint)| endpoint.host())
    }
}

/// The occupant of a slot. Destinations by their index in [`Reading::dests`](super::Reading::dests).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plan) enum Occupant {
    /// It cannot be used as a slot.
    Unusable,
    /// Parked.
    Parked,
    /// A destination.
    Dest(usize, Fit),
    /// One that is recorded and no longer declared.
    Vanished(Release),
    /// No Destination explains what it points at.
    Undeclared,
}

/// How what a slot points at fits the destination that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plan) enum Fit {
    /// It is the destination's target.
    Equal,
    /// The same stream at another address, which is written before the next start: a preset has changed, or the channel was
    /// adopted so.
    Respelled,
    /// The same stream at another address: the declaration has changed.
    Readdressed,
    /// By what is recorded: the destination's URL or key has changed, so that this is another stream.
    Previous,
    /// The destination's own target cannot be written: its key cannot be read, and this is recorded as its; or MediaLive
    /// refused it, and this is the previous one or the same stream.
    Unwritable,
}

impl Fit {
    /// Whether it is written as soon as that is granted.
    pub(in crate::plan) fn is_retarget(self) -> bool {
        matches!(self, Self::Readdressed | Self::Previous)
    }
}

/// What happens to a vanished destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plan) enum Release {
    /// It stays on air: the declaration may not be whole.
    Kept,
    /// It is released, which is yet to be recorded.
    Now,
    /// It was released before.
    Before,
}

/// One destination.
pub(in crate::plan) struct Dest<'a> {
    /// Its pool in [`Reading::pools`](super::Reading::pools).
    pub(in crate::plan) pool: usize,
    /// What was declared.
    pub(in crate::plan) decl: &'a Destination,
    /// Its intent now.
    pub(in crate::plan) intent: Intent,
    /// The slot that it holds.
    pub(in crate::plan) held: Option<usize>,
    /// The slot that it is on air in, or about to be: the one it holds, or one with its previous target.
    pub(in crate::plan) on_air: Option<usize>,
    /// All its other slots.
    pub(in crate::plan) surplus: Vec<usize>,
    /// The slot it comes back to after an interruption.
    pub(in crate::plan) returning: Option<usize>,
    /// What has to end before it may go on air.
    pub(in crate::plan) blocked_by: Option<BlockedBy<'a>>,
    /// What MediaLive said when its target was to be written.
    pub(in crate::plan) refused: Option<&'a Refused>,
}

impl Dest<'_> {
    /// Whether its key is known.
    pub(in crate::plan) fn has_key(&self) -> bool {
        matches!(self.decl.key, StreamKey::Known(_))
    }

    /// Whether a slot can be pointed at it now.
    pub(in crate::plan) fn is_writable(&self) -> bool {
        self.has_key() && self.refused.is_none_or(|refused| refused.may_try)
    }

    /// Whether others may be interrupted for it: not for what MediaLive refused, unless it is granted by name.
    pub(in crate::plan) fn may_interrupt(&self) -> bool {
        self.refused.is_none()
    }

    /// Whether it must not be interrupted, whatever the pool grants.
    pub(in crate::plan) fn is_firm(&self) -> bool {
        match self.intent {
            Intent::Wanted => !self.decl.interruptible,
            Intent::Paused => true,
            Intent::Off => false,
        }
    }
}

/// The intent of a destination now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::plan) enum Intent {
    /// On air.
    Wanted,
    /// Paused: no change, whatever its state.
    Paused,
    /// Off air.
    Off,
}

impl Intent {
    /// Whether what is on air stays there.
    pub(in crate::plan) fn is_kept(self) -> bool {
        self != Self::Off
    }
}

/// One stream is on air once: where it is already, or the destination that goes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plan) enum BlockedBy<'a> {
    /// Another wanted destination of the same stream.
    Duplicate(&'a DestinationName),
    /// A router output pushes it, or may.
    Output(&'a RouterArn),
    /// What publishes it.
    Published {
        /// The channel.
        channel: ChannelId,
        /// The output group, where it is known.
        output_group: Option<OutputGroup>,
        /// The pool of the channel, if it is another one.
        pool: Option<PoolName>,
        /// The slot that publishes it, if the destination may continue in it once the channel has stopped.
        own: Option<usize>,
    },
}

impl Slot<'_> {
    /// The recorded destination.
    pub(in crate::plan) fn identity(&self) -> Option<Identity> {
        match &self.record.as_ref()?.occupant {
            Recorded::Destination { identity, .. } => Some(identity.clone()),
            Recorded::Parked => None,
        }
    }

    /// What is recorded beside the destination.
    pub(in crate::plan) fn mark(&self) -> Option<Mark> {
        match self.record.as_ref()?.occupant {
            Recorded::Destination { mark, .. } => Some(mark),
            Recorded::Parked => None,
        }
    }
}

impl<'a> Dest<'a> {
    pub(super) fn new(
        pool: usize,
        decl: &'a Destination,
        refused: Option<&'a Refused>,
        now: Timestamp,
    ) -> Self {
        let intent = match decl.state {
            _ if decl.pause_at(now).is_some() => Intent::Paused,
            WantedState::Streaming => Intent::Wanted,
            WantedState::Ready => Intent::Off,
        };
        Self {
            pool,
            decl,
            intent,
            held: None,
            on_air: None,
            surplus: Vec::new(),
            returning: None,
            blocked_by: None,
            refused,
        }
    }

    /// Where it pushes to: its endpoints, the backup one last. None while its key is not known.
    pub(in crate::plan) fn endpoints(&self) -> impl Iterator<Item = Endpoint> {
        let decl = self.decl;
        let key = match &decl.key {
            StreamKey::Known(key) => Some(key),
            StreamKey::Unavailable { .. } => None,
        };
        let urls = std::iter::once(&decl.url).chain(&decl.backup_url);
        key.into_iter().flat_map(move |key| {
            let endpoint = |url: &Arc<str>| Endpoint::new(Arc::clone(url), key.clone());
            urls.clone().map(endpoint)
        })
    }
}
