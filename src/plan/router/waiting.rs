//! Why nothing is done with a router output, or no more.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::feed::{Feed, NotReady};
use crate::model::{Cause, DestinationName, OutputState, Pause, PoolName, RouterArn};

/// Why nothing is done, or no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename_all_fields = "camelCase")]
pub enum OutputWaiting {
    /// Its stream key cannot be read.
    SecretUnavailable {
        /// The reference to the key.
        reference: String,
        /// Why, and what to do.
        why: String,
    },
    /// MediaConnect refused to point an output at it. It is tried again with growing delays, unless that takes it off air.
    TargetRefused {
        /// What MediaConnect said.
        what: String,
    },
    /// The destination or its pool is paused.
    Paused {
        /// What is paused: the destination (`None`) or its pool.
        pool: Option<PoolName>,
        /// Until when, set by which user, why.
        pause: Pause,
    },
    /// MediaConnect works on the output.
    OutputInTransition {
        /// Its state.
        state: OutputState,
    },
    /// It failed, and is not tried again before this moment.
    BackingOff {
        /// How many times in a row.
        failures: u32,
        /// When it is tried again.
        until: Timestamp,
        /// What failed, one sentence without secrets.
        what: String,
    },
    /// The change would interrupt the destination itself, which its pool does not grant now.
    InterruptionForbidden {
        /// The pool.
        pool: PoolName,
        /// What it does not grant: interruptions at all (`None`), or for this cause.
        cause: Option<Cause>,
    },
    /// The change would interrupt the destination itself, which has `interruptible: false`.
    Uninterruptible,
    /// The change would interrupt the destination itself, and no window is open.
    OutsideWindow {
        /// When the next one opens.
        opens: Option<Timestamp>,
    },
    /// Another input was taken by hand: a slate, a rehearsal. It stays so until the next start, or a grant.
    OtherInput {
        /// That input.
        input: RouterArn,
        /// The pool whose own input it is not.
        pool: PoolName,
    },
    /// MediaConnect has no room for another output, or the input for another route.
    QuotaReached {
        /// Which limit.
        limit: RouterLimit,
        /// How much it is.
        at: usize,
        /// The pool.
        pool: PoolName,
    },
    /// An output that is off is being deleted to make room.
    RoomIsMade,
    /// Its stream is on air already, or may be.
    SameTarget {
        /// Where.
        at: OnAirAt,
    },
    /// Not all router outputs could be listed, so that it may exist already.
    ListIncomplete,
    /// The router outputs could not be looked at: what is known is from before.
    OutputsUnreadable {
        /// Why, one sentence without secrets.
        why: String,
        /// The IAM action that is not allowed, where that is why.
        denied: Option<String>,
    },
    /// There is no such router input.
    InputMissing {
        /// The pool that names it.
        pool: PoolName,
        /// The input.
        input: RouterArn,
    },
    /// The input, or the channel in front, does not bring a programme yet.
    SourceNotReady {
        /// The pool.
        pool: PoolName,
        /// The first part that does not: the channel in front, or the input.
        feed: Feed,
        /// Its state; `None` where it could not be seen.
        state: Option<&'static str>,
        /// What is done about it.
        why: NotReady,
    },
    /// It was moved to another pool while on air, and has to end in the old one, which does not grant it, before it begins in the
    /// new one.
    OnAirElsewhere {
        /// The pool that it was moved from.
        pool: PoolName,
        /// Others on the same channel there, which it would interrupt.
        others: Vec<DestinationName>,
    },
    /// It was moved to another pool while on air, and ends in the old one as soon as its new place is ready.
    Moves {
        /// The pool that it was moved from.
        from: PoolName,
    },
    /// It is on air in the output of a pool that is declared no longer, which could grant its end.
    PoolGone {
        /// That pool.
        pool: PoolName,
    },
    /// By its tags it is the output of a destination and a pool that are not declared here: another slotwise may have it.
    OfAnother {
        /// That pool.
        pool: PoolName,
    },
    /// It is declared no longer, and the declaration is doubted.
    SourceUntrusted,
    /// It pushes what no Destination declares, and is left alone.
    Undeclared,
}

/// Where else a stream is, or may be, on air.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum OnAirAt {
    /// In the output of this destination; or it comes first, being wanted as well.
    Destination(DestinationName),
    /// In the output of this destination, which waits for a change of its own.
    Before(DestinationName),
    /// In a router output that is no declared destination's, by its name.
    Output(Arc<str>),
    /// On a MediaLive channel.
    Channel,
}

/// A limit of MediaConnect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum RouterLimit {
    /// Router outputs in the region.
    PerRegion,
    /// Outputs routed to one input.
    PerInput,
}
