//! The plan of a RouterPool: a difference, one output a destination.
//!
//! Nothing is placed and no neighbour is touched: what there is to decide is whose output an output is, who gets a place where
//! MediaConnect has no more room, and when a destination may interrupt itself.
//!
//! ```text
//! reading   whose each output is: exact, recorded, vanished, undeclared
//! room      who gets a place, and which output that is off gives its own up for it
//! steps     what is to be done with each output
//! source    the input, and the channel in front of it
//! ```

mod reading;
mod room;
mod source;
mod steps;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use jiff::Timestamp;

use self::reading::Reading;
use self::room::Room;
pub use self::source::{InputAction, SourcePlan};
use crate::model::{
    ChannelId, Desired, DestinationName, Endpoint, Identity, ObservedRouters, OutputState, PoolName,
    RouterArn, RouterPool,
};

/// What is to be done in one RouterPool, and why it is not more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouterPoolPlan {
    /// Its name.
    pub name: PoolName,
    /// Its outputs: those of its destinations by name, then the others by ARN.
    pub outputs: Vec<OutputPlan>,
    /// What becomes of its input and of the channel in front.
    pub source: SourcePlan,
}

/// What becomes of one router output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputPlan {
    /// Which; `None` for one that is to be made, or that there is no place for.
    pub arn: Option<RouterArn>,
    /// Its state; `None` for one that does not exist.
    pub state: Option<OutputState>,
    /// What it carries, or is to carry.
    pub carries: OutputContent,
    /// All steps to the goal, in order. The executor takes the first one and looks again.
    pub steps: Vec<OutputStep>,
    /// What keeps it from where it should be.
    pub waiting: Option<OutputWaiting>,
}

/// What a router output carries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutputContent {
    /// A declared destination, with its target; by what is recorded of the output where its key cannot be read.
    Destination(DestinationName),
    /// The previous target of a declared destination: its URL or key has changed since.
    Previous(DestinationName),
    /// The same stream as a declared destination has in another output.
    Surplus(DestinationName),
    /// A destination that was declared in this pool before and is now in another one.
    Moved(DestinationName),
    /// What is recorded as the output of a destination that is declared no longer.
    Vanished(Identity),
    /// No Destination explains it.
    Undeclared,
}

/// One call, and why it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputStep {
    /// What is done.
    pub action: OutputAction,
    /// Why.
    pub reason: OutputReason,
}

/// What is done with a router output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputAction {
    /// Make one for a destination, with this target.
    Create(Endpoint),
    /// Take the pool's input.
    Route,
    /// Start it.
    Start,
    /// Record since when it is off, then stop it.
    Stop,
    /// Restart it, to recover it from an error.
    Restart,
    /// Point it at this target. It is stopped.
    Update(Endpoint),
    /// Delete it. It is stopped.
    Delete,
    /// Record that a vanished destination was released.
    Release,
}

impl OutputAction {
    /// As plans and metrics call it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::Route => "route",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Update(_) => "update",
            Self::Delete => "delete",
            Self::Release => "release",
        }
    }
}

/// Why a step is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputReason {
    /// Its destination is wanted.
    Wanted,
    /// Its destination is not wanted.
    NotWanted,
    /// The URL or key of its destination has changed.
    Retarget,
    /// Its destination was stopped for a change of its own and comes back.
    ComesBack,
    /// Its destination is on air in another output.
    Surplus,
    /// Its destination has its place in another pool.
    Moved,
    /// Its destination is declared no longer.
    Vanished,
    /// Its place is needed for this destination.
    PlaceNeeded(DestinationName),
    /// It has been off for as long as the pool keeps outputs.
    KeptLongEnough,
    /// It failed.
    Failed,
}

/// Why nothing is done, or no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputWaiting {
    /// Its stream key cannot be read.
    KeyUnavailable {
        /// Why, one sentence.
        why: String,
    },
    /// The destination or its pool is paused.
    Paused,
    /// MediaConnect works on the output.
    InTransition(OutputState),
    /// It failed, and is not tried again before this moment.
    Backoff {
        /// When it is tried again.
        until: Timestamp,
        /// What failed, one sentence without secrets.
        what: String,
    },
    /// The change would interrupt the destination itself, which its pool does not grant now.
    InterruptionForbidden {
        /// When a window grants it; `None` where none does.
        until: Option<Timestamp>,
    },
    /// Another input was taken by hand: a slate, a rehearsal. It stays so until the next start, or a grant.
    OtherInput(RouterArn),
    /// MediaConnect has no room for another output, or the input for another route.
    QuotaReached {
        /// Which limit.
        limit: RouterLimit,
        /// How much it is.
        at: usize,
    },
    /// An output that is off is being deleted to make room.
    RoomIsMade,
    /// Its stream is on air already, or may be.
    SameStream {
        /// Where: the destination, or the ARN of a router output; `None` for a MediaLive channel.
        at: Option<String>,
    },
    /// Not all router outputs could be listed, so that it may exist already.
    ListIncomplete,
    /// There is no such router input.
    NoInput,
    /// The input, or the channel in front, does not bring a programme yet.
    SourceNotReady,
    /// It stays on air until the place in the other pool is ready, and the move is granted.
    MovesLater,
    /// It is declared no longer, and the declaration is doubted.
    Doubted,
    /// It pushes what no Destination declares, and is left alone.
    Undeclared,
}

/// A limit of MediaConnect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouterLimit {
    /// Router outputs in the region.
    PerRegion,
    /// Outputs routed to one input.
    PerInput,
}

/// What else is on air in the account.
#[derive(Debug, Clone, Default)]
pub struct Elsewhere {
    /// What MediaLive channels push, or may.
    pub endpoints: Vec<Endpoint>,
    /// MediaLive channels that run.
    pub running: BTreeSet<ChannelId>,
    /// Destinations whose place in a ChannelPool is reserved or on air: an output of theirs may end.
    pub placed: BTreeSet<DestinationName>,
    /// Identities that vanished from the declaration and are released.
    pub released: BTreeSet<Identity>,
}

/// What is to be done with the outputs of `pools`.
pub fn plan_routers(
    pools: &[&RouterPool],
    desired: &Desired,
    observed: &ObservedRouters,
    elsewhere: &Elsewhere,
    now: Timestamp,
) -> Vec<RouterPoolPlan> {
    let reading = Reading::new(pools, desired, observed, elsewhere, now);
    let room = Room::new(&reading);
    let plan = |pool: &&RouterPool| RouterPoolPlan {
        name: pool.name.clone(),
        outputs: reading.outputs_of(pool, &room),
        source: reading.source_of(pool),
    };
    pools.iter().map(plan).collect()
}
