//! Why something is not done, and what would change that.

mod ways_out;
mod words;

pub(in crate::plan) use ways_out::{AGAIN, JUST_THIS_ONCE, OWN_KEY, anytime, end_of_pause, off_air};
pub(in crate::plan) use words::paused;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::Stray;
use super::router::OutputWaiting;
use crate::model::{
    Cause, ChannelId, ChannelState, DestinationName, NoSlot, OtherGroup, OutputGroup, OwnerId, Pause,
    PoolName, SlotId,
};

/// What keeps a destination or a channel from where it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename_all_fields = "camelCase")]
pub enum Waiting {
    /// Every slot that could carry it is taken by a destination it may not displace.
    NoFreeSlot {
        /// The pool.
        pool: PoolName,
        /// The least important of the destinations that get a slot of the pool in this plan and are not on air yet: one of a
        /// higher priority would get that slot.
        #[serde(skip_serializing_if = "Option::is_none")]
        outranked_by: Option<DestinationName>,
    },
    /// No channel of its pool that may be used has a slot at all.
    NoSlot {
        /// The pool.
        pool: PoolName,
        /// `slots.outputGroups` of the pool.
        output_groups: String,
        /// The first output group that matches, and why it cannot be a slot; `None` if none matches.
        unusable: Option<(SlotId, NoSlot)>,
        /// Names of the RTMP output groups that its channels have instead.
        there: Vec<OutputGroup>,
    },
    /// It could go on air only by interrupting others, which the pool does not grant.
    InterruptionForbidden {
        /// The pool with this policy.
        pool: PoolName,
        /// The slot it would get.
        slot: SlotId,
        /// Destinations that would be interrupted.
        others: Vec<DestinationName>,
        /// For about how long.
        off_air: Duration,
        /// What the pool does not grant: interruptions at all (`None`), or for this cause.
        cause: Option<Cause>,
        /// Whether it is on air there itself, and waits for its new URL or key to be written.
        own: bool,
    },
    /// It could go on air only by interrupting others, and no window is open.
    OutsideWindow {
        /// The slot it would get (or has).
        slot: SlotId,
        /// Destinations that would be interrupted.
        others: Vec<DestinationName>,
        /// When the next window opens.
        opens: Option<Timestamp>,
    },
    /// It could go on air only by interrupting a destination that is paused or has `interruptible: false`.
    Uninterruptible {
        /// The slot it would get (or has).
        slot: SlotId,
        /// Destinations that must not be interrupted.
        by: Vec<DestinationName>,
    },
    /// It is no longer wanted, but stays on air until those it shares the channel with end.
    SharesChannel {
        /// The pool with this policy.
        pool: PoolName,
        /// The slot it is on air in.
        slot: SlotId,
        /// The others.
        others: Vec<DestinationName>,
        /// For about how long they would be off air if interrupted.
        off_air: Duration,
    },
    /// Enough channels are being interrupted already.
    MaxConcurrent {
        /// The channel that has to wait its turn.
        channel: ChannelId,
        /// `maxConcurrent` of the pool.
        limit: u32,
    },
    /// Its channel is on its way to another state.
    ChannelInTransition {
        /// The channel.
        channel: ChannelId,
        /// Its state.
        state: ChannelState,
    },
    /// The channel recovers from a failure by itself and is not stopped for a change meanwhile.
    ChannelRecovering {
        /// The channel.
        channel: ChannelId,
    },
    /// The channel cannot be used: its state says it failed or is gone.
    ChannelFailed {
        /// The channel.
        channel: ChannelId,
        /// Its state.
        state: ChannelState,
    },
    /// MediaLive knows no channel of this id.
    ChannelMissing {
        /// The channel.
        channel: ChannelId,
    },
    /// The channel could not be read.
    ChannelUnreadable {
        /// The channel.
        channel: ChannelId,
        /// Why.
        why: String,
    },
    /// Steps on the channel failed; the next try comes later.
    BackingOff {
        /// The channel.
        channel: ChannelId,
        /// Failures in a row that concern the channel.
        failures: u32,
        /// All failures in a row, throttling as well.
        attempts: u32,
        /// When the next step is tried.
        retry_at: Timestamp,
        /// What failed last.
        what: String,
    },
    /// Its key could not be read.
    SecretUnavailable {
        /// The reference to the key.
        reference: String,
        /// Why, and what to do.
        why: String,
    },
    /// MediaLive refused to point a slot at it. It is tried again with growing delays, on a channel that nobody is on air on.
    TargetRefused {
        /// What MediaLive said.
        what: String,
    },
    /// The slot it is pinned to does not exist or cannot carry it.
    SlotIncompatible {
        /// The slot.
        slot: SlotId,
        /// Why not.
        why: String,
    },
    /// The slot it is pinned to is held by a destination it may not displace.
    PinnedSlotTaken {
        /// The slot.
        slot: SlotId,
        /// Its occupant: a name, or the host of an undeclared target.
        by: String,
        /// Whether that is a declared destination.
        #[serde(skip)]
        is_declared: bool,
    },
    /// It is on air elsewhere than pinned, and what is on air is never moved.
    PinnedElsewhere {
        /// Where it is on air.
        on_air: SlotId,
        /// Where it is pinned.
        pinned: SlotId,
    },
    /// Another wanted destination is the same stream and comes first.
    SameTarget {
        /// The other.
        other: DestinationName,
    },
    /// Its stream is, or may be, still on air elsewhere, and has to end there first: one stream is on air once.
    OnAirElsewhere {
        /// The channel that carries it.
        channel: ChannelId,
        /// The output group, where it is known.
        output_group: Option<OutputGroup>,
        /// The pool of that channel, if it is another one: it was moved from there.
        pool: Option<PoolName>,
    },
    /// The same, where a router output pushes it, or may.
    #[serde(rename = "OnAirElsewhere")]
    OnAirInOutput {
        /// Name of the router output.
        output: Arc<str>,
        /// The declared destination that it is of.
        of: Option<DestinationName>,
    },
    /// Hands off.
    Paused {
        /// What is paused: the destination or its pool.
        pool: Option<PoolName>,
        /// Until when, set by which user, why.
        pause: Pause,
    },
    /// The declaration may not be whole, so what vanished from it stays on air.
    SourceUntrusted {
        /// What is missing.
        why: String,
    },
    /// The channel carries no owner tag and is on air with what would end if slotwise took it over.
    NotAdopted {
        /// The channel.
        channel: ChannelId,
        /// RTMP targets that would end.
        strays: Vec<Stray>,
        /// Its other output groups, which would end with it.
        others: Vec<OtherGroup>,
        /// Its RTMP output groups that cannot be slots, and why.
        no_slots: Vec<(OutputGroup, NoSlot)>,
        /// Why it is not taken over.
        #[serde(skip_serializing_if = "NoTakeover::is_not_set")]
        takeover: NoTakeover,
    },
    /// The channel runs with what no Destination explains, so it is not stopped.
    Undeclared {
        /// The output group.
        slot: SlotId,
        /// Host of its target.
        host: String,
        /// Why it is not taken over.
        #[serde(skip_serializing_if = "NoTakeover::is_not_set")]
        takeover: NoTakeover,
    },
    /// The channel runs with an output group that is meant as a slot and cannot be one, so it is not stopped.
    UnusableSlot {
        /// The output group.
        slot: SlotId,
        /// Why not.
        why: NoSlot,
        /// Why it is not taken over.
        #[serde(skip_serializing_if = "NoTakeover::is_not_set")]
        takeover: NoTakeover,
    },
    /// An output group of the channel that is no slot has the stream of a wanted destination: the channel is not stopped
    /// while that is on air there, and not started while it gets a slot.
    OnAirBesideSlots {
        /// The channel.
        channel: ChannelId,
        /// The output group, where it is known.
        output_group: Option<OutputGroup>,
        /// The destination.
        destination: DestinationName,
    },
    /// An output group of the channel that is no slot has a stream that is, or may be, on air on another channel: the channel is not
    /// started, and not stopped to start again.
    OtherGroupOnAir {
        /// The channel.
        channel: ChannelId,
        /// The other channel.
        elsewhere: ChannelId,
    },
    /// The channel has as many tags as it may have, so that no more slots of it can be given.
    TagsFull {
        /// The channel.
        channel: ChannelId,
    },
    /// The channel belongs to another owner.
    OwnedByAnother {
        /// The channel.
        channel: ChannelId,
        /// The other owner.
        owner: OwnerId,
    },
    /// What keeps a router output from where it should be.
    #[serde(untagged)]
    Output(OutputWaiting),
}

/// Why `takeover: true` does not release what no Destination explains on a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum NoTakeover {
    /// It is not set, or waits for other reasons.
    NotSet,
    /// It is used up: it releases once.
    Used,
    /// MediaLive refuses the tag that would record it, so that it would never be used up.
    Denied {
        /// What it said, one sentence without secrets.
        why: String,
    },
    /// The channel has no room for that tag.
    TagsFull,
}

impl NoTakeover {
    fn is_not_set(&self) -> bool {
        *self == Self::NotSet
    }
}

/// Failures of a channel in a row from which it keeps failing: the planner goes around it from then on, too.
const FAILING_FROM: u32 = 2;

/// Failures in a row of any kind from which a channel keeps failing: about half a minute, with 2, 4, 8 and 16 s between them.
pub(super) const FAILING_FROM_ATTEMPTS: u32 = 5;

impl Waiting {
    /// Stable code, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Output(waiting) => waiting.code(),
            Self::NoFreeSlot { .. } => "NoFreeSlot",
            Self::NoSlot { .. } => "NoSlot",
            Self::InterruptionForbidden { .. } => "InterruptionForbidden",
            Self::OutsideWindow { .. } => "OutsideWindow",
            Self::Uninterruptible { .. } => "Uninterruptible",
            Self::SharesChannel { .. } => "SharesChannel",
            Self::MaxConcurrent { .. } => "MaxConcurrent",
            Self::ChannelInTransition { .. } => "ChannelInTransition",
            Self::ChannelRecovering { .. } => "ChannelRecovering",
            Self::ChannelFailed { .. } => "ChannelFailed",
            Self::ChannelMissing { .. } => "ChannelMissing",
            Self::ChannelUnreadable { .. } => "ChannelUnreadable",
            Self::BackingOff { .. } => "BackingOff",
            Self::SecretUnavailable { .. } => "SecretUnavailable",
            Self::TargetRefused { .. } => "TargetRefused",
            Self::SlotIncompatible { .. } | Self::UnusableSlot { .. } => "SlotIncompatible",
            Self::PinnedSlotTaken { .. } => "PinnedSlotTaken",
            Self::PinnedElsewhere { .. } => "PinnedElsewhere",
            Self::SameTarget { .. } => "SameTarget",
            Self::OnAirElsewhere { .. } | Self::OnAirInOutput { .. } | Self::OtherGroupOnAir { .. } => {
                "OnAirElsewhere"
            }
            Self::Paused { .. } => "Paused",
            Self::SourceUntrusted { .. } => "SourceUntrusted",
            Self::NotAdopted { .. } => "NotAdopted",
            Self::Undeclared { .. } => "Undeclared",
            Self::OnAirBesideSlots { .. } => "OnAirBesideSlots",
            Self::TagsFull { .. } => "TagsFull",
            Self::OwnedByAnother { .. } => "OwnedByAnother",
        }
    }

    /// Whether it has failed so often that the next try is likely to fail as well. What failed once, a throttled call say, is
    /// tried again within seconds and is on its way as before.
    pub fn keeps_failing(&self) -> bool {
        matches!(
            self,
            Self::BackingOff { failures, attempts, .. } if *failures >= FAILING_FROM || *attempts >= FAILING_FROM_ATTEMPTS
        ) || matches!(self, Self::Output(waiting) if waiting.keeps_failing())
    }

    /// The slot that it is about, where what it waits for is a grant.
    pub(super) fn slot(&self) -> Option<&SlotId> {
        match self {
            Self::InterruptionForbidden { slot, .. }
            | Self::OutsideWindow { slot, .. }
            | Self::Uninterruptible { slot, .. }
            | Self::SharesChannel { slot, .. } => Some(slot),
            _ => None,
        }
    }

    /// Whether the declaration asks for it.
    pub fn is_pause(&self) -> bool {
        matches!(
            self,
            Self::Paused { .. } | Self::Output(OutputWaiting::Paused { .. })
        )
    }

    /// Whether it is on air in the pool that it was moved from.
    pub fn is_in_another_pool(&self) -> bool {
        let Self::Output(waiting) = self else {
            return false;
        };
        matches!(
            waiting,
            OutputWaiting::OnAirElsewhere { .. }
                | OutputWaiting::Moves { .. }
                | OutputWaiting::PoolGone { .. }
        )
    }

    /// Whether it ends without an operator.
    pub fn ends_by_itself(&self) -> bool {
        match self {
            Self::Output(waiting) => waiting.ends_by_itself(),
            Self::MaxConcurrent { .. }
            | Self::ChannelInTransition { .. }
            | Self::ChannelRecovering { .. }
            | Self::BackingOff { .. } => true,
            _ => false,
        }
    }
}

/// A duration as people say it: `40 s`, `3 min`, `2 min 30 s`, `1 h 5 min`.
#[derive(Debug, Clone, Copy)]
pub struct Approximately(pub Duration);

impl fmt::Display for Approximately {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
            (0, 0, s) => write!(f, "{s} s"),
            (0, m, 0) => write!(f, "{m} min"),
            (0, m, s) => write!(f, "{m} min {s} s"),
            (h, 0, _) => write!(f, "{h} h"),
            (h, m, _) => write!(f, "{h} h {m} min"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        for (seconds, text) in [
            (0, "0 s"),
            (45, "45 s"),
            (180, "3 min"),
            (150, "2 min 30 s"),
            (3900, "1 h 5 min"),
        ] {
            assert_eq!(Approximately(Duration::from_secs(seconds)).to_string(), text);
        }
    }

    #[test]
    fn a_call_that_was_throttled_once_does_not_keep_failing() {
        let backing_off = |failures, attempts| Waiting::BackingOff {
            channel: "4000001".into(),
            failures,
            attempts,
            retry_at: Timestamp::UNIX_EPOCH,
            what: "StartChannel: throttled".to_owned(),
        };
        for (failures, attempts, keeps_failing) in [
            (0, 1, false),
            (1, 1, false),
            (0, 4, false),
            (2, 2, true),
            (0, 5, true),
        ] {
            assert_eq!(backing_off(failures, attempts).keeps_failing(), keeps_failing);
        }
    }

    #[test]
    fn a_turn_comes_by_itself_and_a_free_slot_does_not() {
        let channel = ChannelId::from("4000001");
        assert!(Waiting::MaxConcurrent { channel, limit: 1 }.ends_by_itself());
        let (pool, outranked_by) = ("main".into(), None);
        assert!(!Waiting::NoFreeSlot { pool, outranked_by }.ends_by_itself());
    }
}
