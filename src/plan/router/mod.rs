//! The plan of a RouterPool: a difference, one output a destination.
//!
//! Nothing is placed and no neighbour is touched: what there is to decide is whose output an output is, who gets a place where
//! MediaConnect has no more room, and when a destination may interrupt itself.
//!
//! ```text
//! reading   whose each output is: exact, recorded, vanished, undeclared
//! room      who gets a place, and which output that is off gives its own up for it
//! steps     what is to be done with each output
//! others    with those that are no destination's own
//! source    the input, and the channel in front of it
//! feed      how plans tell of those
//! ```

mod feed;
mod join;
mod others;
mod reading;
mod room;
mod source;
mod steps;
#[cfg(test)]
mod tests;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

pub use self::feed::{Feed, FeedAction, FeedPlan, FeedStep, FeedWaiting, NotReady};
pub(super) use self::join::add_routers;
use self::reading::{Occupant, Reading};
use self::room::Room;
use crate::model::{
    Cause, Desired, DestinationName, Endpoint, Identity, Interrupt, Observed, ObservedRouters, OutputState,
    Pause, PoolName, Refused, RouterArn, RouterPool,
};

/// What is to be done in one RouterPool, and why it is not more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouterPoolPlan {
    /// Its name.
    pub name: PoolName,
    /// When a destination may be interrupted for a change of its own.
    pub interrupt: Interrupt,
    /// Its outputs: those of its destinations by name, then the others by ARN.
    pub outputs: Vec<OutputPlan>,
}

/// What becomes of one router output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputPlan {
    /// Which; `None` for one that is to be made, or that there is no place for.
    pub arn: Option<RouterArn>,
    /// Its name, for people; `None` for one that does not exist.
    pub name: Option<Arc<str>>,
    /// Its state; `None` for one that does not exist.
    pub state: Option<OutputState>,
    /// What it carries, or is to carry.
    pub carries: OutputContent,
    /// Whether it brings the pool's programme to its target now.
    pub on_air: bool,
    /// All steps to the goal, in order. The executor takes the first one and looks again.
    pub steps: Vec<OutputStep>,
    /// What keeps it from where it should be.
    pub waiting: Option<OutputWaiting>,
}

/// What a router output carries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "holds", content = "what")]
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

impl OutputContent {
    /// The declared destination that it is the one output of, whether with its target or not.
    pub fn destination(&self) -> Option<&DestinationName> {
        match self {
            Self::Destination(name) | Self::Previous(name) => Some(name),
            Self::Surplus(_) | Self::Moved(_) | Self::Vanished(_) | Self::Undeclared => None,
        }
    }
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
    /// Record that a vanished destination stays on air, as too many vanished with it.
    Keep,
    /// Record that its destination is declared again.
    Record,
}

impl OutputPlan {
    /// Whether its steps take the destination off air for a change of its own.
    pub fn interrupts_itself(&self) -> bool {
        let stops = |step: &OutputStep| step.action == OutputAction::Stop;
        self.on_air && self.will_be_on_air() && self.steps.iter().any(stops)
    }

    /// Whether it is on air, or about to be, when all its steps are taken.
    pub fn will_be_on_air(&self) -> bool {
        match self.steps.last().map(|step| &step.action) {
            Some(OutputAction::Start | OutputAction::Restart) => true,
            Some(OutputAction::Stop | OutputAction::Delete) => false,
            // Its route comes back on air, where it is active.
            Some(_) => self.state == Some(OutputState::Active),
            None => {
                self.on_air || matches!(self.state, Some(OutputState::Starting | OutputState::Recovering))
            }
        }
    }
}

impl OutputAction {
    /// Where it points an output.
    pub fn target(&self) -> Option<&Endpoint> {
        match self {
            Self::Create(target) | Self::Update(target) => Some(target),
            _ => None,
        }
    }

    /// Calls that it costs, with the look before it. An output that is made is looked at afterwards, in the list.
    pub fn api_calls(&self) -> usize {
        match self {
            Self::Create(_) => 1,
            Self::Stop | Self::Update(_) => 3,
            _ => 2,
        }
    }

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
            Self::Keep => "keep",
            Self::Record => "record",
        }
    }
}

/// Why a step is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "code", content = "what")]
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
    /// Its destination is declared again.
    DeclaredAgain,
    /// Its place is needed for this destination.
    PlaceNeeded(DestinationName),
    /// It has been off for as long as the pool keeps outputs.
    KeptLongEnough,
    /// It failed.
    Failed,
    /// It is stopped: that slotwise started it counts no more.
    Stopped,
}

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
    /// It was moved to another pool while on air, and has to end in the old one before it begins in the new one.
    OnAirElsewhere {
        /// The pool that it was moved from.
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
    /// In a router output that is no declared destination's.
    Output(RouterArn),
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

/// What else is on air in the account.
#[derive(Debug, Clone, Default)]
pub struct Elsewhere {
    /// What MediaLive channels push, or may.
    pub endpoints: Vec<Endpoint>,
    /// Destinations whose place in a ChannelPool is reserved or on air: an output of theirs may end.
    pub placed: BTreeSet<DestinationName>,
    /// Identities that vanished from the declaration and are released.
    pub released: BTreeSet<Identity>,
    /// What MediaConnect refused to write.
    pub refused: BTreeMap<DestinationName, Refused>,
}

/// Outputs of this owner that may push.
#[derive(Debug, Default)]
pub(super) struct OutputsOnAir {
    /// How many declared destinations they carry.
    pub(super) declared: usize,
    /// Those of destinations that are declared no longer, without those whose object was set aside or that were released before.
    pub(super) vanished: BTreeMap<RouterArn, Identity>,
    /// Those of these that are recorded as kept.
    pub(super) kept: BTreeSet<RouterArn>,
}

/// The input of the vanish guard, as far as it is about router outputs.
pub(super) fn outputs_on_air(desired: &Desired, observed: &Observed, now: Timestamp) -> OutputsOnAir {
    let pools: Vec<&RouterPool> = desired.routers.values().collect();
    let elsewhere = Elsewhere::default();
    let reading = Reading::new(&pools, desired, &observed.routers, &elsewhere, now);
    let mut on_air = OutputsOnAir::default();
    let mut declared = BTreeSet::new();
    for (arn, occupant) in &reading.occupants {
        if !reading.output(arn).state.may_publish() {
            continue;
        }
        match occupant {
            Occupant::Destination(one, _) => drop(declared.insert(&one.name)),
            Occupant::Vanished(record) if !record.released => {
                if !desired.set_aside.contains(&record.identity) {
                    on_air.vanished.insert((*arn).clone(), record.identity.clone());
                    if record.kept {
                        on_air.kept.insert((*arn).clone());
                    }
                }
            }
            Occupant::Vanished(_) | Occupant::Undeclared => {}
        }
    }
    on_air.declared = declared.len();
    on_air
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
        interrupt: pool.disruption.interrupt,
        outputs: reading.outputs_of(pool, &room),
    };
    pools.iter().map(plan).collect()
}

/// What is to be done with what feeds the outputs of `pools`.
pub fn plan_feeds(
    pools: &[&RouterPool],
    desired: &Desired,
    observed: &ObservedRouters,
    elsewhere: &Elsewhere,
    now: Timestamp,
) -> Vec<FeedPlan> {
    Reading::new(pools, desired, observed, elsewhere, now).feeds()
}
