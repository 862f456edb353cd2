//! The plan of a RouterPool: a difference, one output a destination.
//!
//! Nothing is placed and no neighbour is touched: what there is to decide is whose output an output is, who gets a place where
//! MediaConnect has no more room, and when a destination may interrupt itself.
//!
//! ```text
//! reading   whose each output is: exact, recorded, vanished, undeclared
//! home      which pool it belongs to
//! room      who gets a place, and which output that is off gives its own up for it
//! steps     what is to be done with each output
//! others    with those that are no destination's own
//! moves     with those of destinations that have their place in another pool
//! leaving   with the channels that destinations leave for outputs
//! source    the input, and the channel in front of it
//! feed      how plans tell of those
//! ```

mod begin;
mod feed;
mod home;
mod join;
mod leaving;
mod moves;
mod others;
mod reading;
mod room;
mod source;
mod steps;
#[cfg(test)]
mod tests;
mod waiting;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

pub use self::feed::{Feed, FeedAction, FeedPlan, FeedStep, FeedWaiting, NotReady};
pub(super) use self::join::add_routers;
use self::reading::{Occupant, Reading};
use self::room::Room;
pub use self::waiting::{OnAirAt, OutputWaiting, RouterLimit};
pub use self::words::allow;
pub(super) use self::words::{on_air_in_output, say_on_air_in_output};
use crate::model::{
    Desired, Destination, DestinationName, Endpoint, Identity, Interrupt, MaintenanceWindow, Observed,
    ObservedRouters, OutputState, PoolName, Refused, RouterArn, RouterPool,
};

/// What is to be done in one RouterPool, and why it is not more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouterPoolPlan {
    /// Its name; `None` for the last one, which has the outputs of this owner in no declared pool.
    pub name: Option<PoolName>,
    /// When a destination may be interrupted for a change of its own.
    pub interrupt: Interrupt,
    /// Its outputs: those of its destinations by name, then the others by ARN.
    pub outputs: Vec<OutputPlan>,
    /// Whether it is not known what outputs there are: they cannot be looked at, and were not before.
    pub unseen: bool,
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
    /// What MediaConnect says is wrong with it.
    pub messages: Arc<[String]>,
    /// When MediaConnect maintains it next.
    pub maintenance: Option<MaintenanceWindow>,
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
    /// Record whose it is.
    Record,
}

impl OutputPlan {
    /// The destination on air that it takes off air, now or in a moment, for a change of its own: a new target, or its place in
    /// another pool.
    pub fn interrupts(&self) -> Option<&DestinationName> {
        let stops = |reason: Option<&OutputReason>| {
            let is_it = |step: &OutputStep| {
                step.action == OutputAction::Stop && reason.is_none_or(|reason| step.reason == *reason)
            };
            self.steps.iter().any(is_it)
        };
        match &self.carries {
            _ if !self.on_air => None,
            OutputContent::Moved(name) => {
                let moves = matches!(self.waiting, Some(OutputWaiting::Moves { .. }));
                (moves || stops(Some(&OutputReason::Moved))).then_some(name)
            }
            other => other
                .destination()
                .filter(|_| self.will_be_on_air() && stops(None)),
        }
    }

    /// Whether a call about it failed, and is made again later.
    pub fn is_tried_again(&self) -> bool {
        matches!(self.waiting, Some(OutputWaiting::BackingOff { .. }))
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
    /// It pushes its destination's stream, and its tags do not say so.
    Recognised,
    /// Its place is needed for this destination.
    PlaceNeeded(DestinationName),
    /// It has been off for as long as the pool keeps outputs.
    KeptLongEnough,
    /// It failed.
    Failed,
    /// It is stopped: that slotwise started it counts no more.
    Stopped,
}

/// What else is on air in the account.
#[derive(Debug, Clone, Default)]
pub struct Elsewhere {
    /// What MediaLive channels push, or may.
    pub endpoints: Vec<Endpoint>,
    /// Destinations that have a place in a ChannelPool as soon as they have ended in the RouterPool that they were moved from.
    pub placed: BTreeSet<DestinationName>,
    /// Destinations on air in a ChannelPool that they were moved from: that pool, and whether it grants their end.
    pub in_slots: BTreeMap<DestinationName, (PoolName, bool)>,
    /// Destinations that are on air with their own target in a slot of their ChannelPool.
    pub served: BTreeSet<DestinationName>,
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
    if observed.routers.outputs.is_empty() {
        return OutputsOnAir::default();
    }
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
                let is_ours = reading.home(arn).is_some() || reading.is_known_as_ours(record);
                if is_ours && !desired.set_aside.contains(&record.identity) {
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

/// Destinations whose own router output has everything but its start, or needs none: a slot that they left was started by hand.
pub(in crate::plan) fn prepared_outputs(
    desired: &Desired,
    observed: &Observed,
    now: Timestamp,
) -> BTreeSet<DestinationName> {
    read_outputs(desired, observed, now, |reading| {
        names_of(desired, |one| {
            reading.is_prepared(one) || reading.is_served_by_its_own(one)
        })
    })
}

/// Destinations that need no place elsewhere: their own router output has everything but its start and perhaps its target, or may push
/// already, be it with a previous one.
pub(in crate::plan) fn placed_in_outputs(
    desired: &Desired,
    observed: &Observed,
    now: Timestamp,
) -> BTreeSet<DestinationName> {
    read_outputs(desired, observed, now, |reading| {
        names_of(desired, |one| {
            let own = reading.own(one);
            own.is_some_and(|(_, output, _)| output.state.may_publish())
                || reading.is_prepared(one)
                || reading.needs_an_update_only(one)
        })
    })
}

/// What `find` finds in router outputs, if there are any.
fn read_outputs(
    desired: &Desired,
    observed: &Observed,
    now: Timestamp,
    find: impl FnOnce(&Reading<'_>) -> BTreeSet<DestinationName>,
) -> BTreeSet<DestinationName> {
    if observed.routers.outputs.is_empty() {
        return BTreeSet::new();
    }
    let pools: Vec<&RouterPool> = desired.routers.values().collect();
    let elsewhere = Elsewhere::default();
    find(&Reading::new(&pools, desired, &observed.routers, &elsewhere, now))
}

fn names_of(desired: &Desired, is_it: impl Fn(&Destination) -> bool) -> BTreeSet<DestinationName> {
    let all = desired.destinations.values().filter(|one| is_it(one));
    all.map(|one| one.name.clone()).collect()
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
        name: Some(pool.name.clone()),
        interrupt: pool.disruption.interrupt,
        outputs: reading.outputs_of(pool, &room),
        unseen: reading.is_unseen(),
    };
    let in_no_pool = reading.others_of(None).iter();
    let in_no_pool = in_no_pool.filter_map(|(arn, occupant)| reading.in_no_pool(arn, *occupant));
    let in_no_pool = RouterPoolPlan {
        name: None,
        interrupt: Interrupt::Never,
        outputs: in_no_pool.collect(),
        unseen: reading.is_unseen(),
    };
    let in_no_pool = (!in_no_pool.outputs.is_empty()).then_some(in_no_pool);
    pools.iter().map(plan).chain(in_no_pool).collect()
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
