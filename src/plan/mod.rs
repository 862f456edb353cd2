//! What to do, and why: [`Desired`](crate::model::Desired) and [`Observed`](crate::model::Observed) in, a [`Plan`] out.
//!
//! Pure and total: the same input gives the same plan, whatever the order it came in. The plan decides, the
//! executor obeys: it takes the first step of each channel and has no choice left.

pub mod action;
pub mod check;
pub mod cost;
pub mod explain;
pub mod held;
mod planner;
pub mod reason;
pub mod router;
pub mod waiting;

mod also_on_air;
mod goals;
mod grant;
mod placement;
mod protection;
mod reading;
mod steps;
mod wait;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

pub use action::{Action, SlotRecord, SlotWrite, Step};
pub use also_on_air::OtherPlace;
pub use check::{Violation, check};
pub use explain::{Candidate, Explanation, Verdict, explain};
pub use held::{Checked, checked};
pub use planner::plan;
pub use reading::{OnAir, Reading};
pub use reason::Reason;
pub use router::{
    Feed, FeedAction, FeedPlan, FeedStep, OutputAction, OutputContent, OutputPlan, OutputReason, OutputStep,
    RouterPoolPlan,
};
pub use waiting::{NoTakeover, Waiting};

use crate::model::{
    ChannelClass, ChannelId, ChannelState, ChannelTags, DestinationName, GroupName, Identity, Interrupt,
    OtherGroup, OutputGroup, OutputState, OwnerId, Placement, PoolName, RouterArn, SlotId, Target,
    WantedState,
};

/// What is to be done in every pool, and why it is not more.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "an unread plan changes nothing"]
pub struct Plan {
    /// One entry per pool, by name.
    pub pools: Vec<PoolPlan>,
    /// One entry per valid destination, by name.
    pub destinations: Vec<DestinationPlan>,
    /// One entry per channel that a pool names, by pool and the pool's order.
    pub channels: Vec<ChannelPlan>,
    /// One entry per RouterPool, by name; then one for outputs of this owner in no declared pool, if there are any.
    pub routers: Vec<RouterPoolPlan>,
    /// What feeds RouterPools with a source: channels in front, then inputs, by name.
    pub feeds: Vec<FeedPlan>,
}

impl Plan {
    /// Whether there is nothing to do, now or after a transition has ended.
    pub fn is_empty(&self) -> bool {
        let mut outputs = self.routers.iter().flat_map(|pool| &pool.outputs);
        self.channels.iter().all(|channel| channel.steps.is_empty())
            && outputs.all(|output| output.steps.is_empty())
            && self.feeds.iter().all(|feed| feed.step.is_none())
    }

    /// The steps of all channels.
    pub fn steps(&self) -> impl Iterator<Item = (&ChannelPlan, &Step)> {
        self.channels
            .iter()
            .flat_map(|channel| channel.steps.iter().map(move |step| (channel, step)))
    }

    /// Other channels that carry the destinations which `channel` carries a second time. Its stop interrupts none of these
    /// only because of them; no other step depends on another channel.
    pub fn stand_ins<'p>(
        &'p self,
        channel: &ChannelPlan,
        step: &Step,
    ) -> impl Iterator<Item = &'p ChannelPlan> {
        let is_stop = step.action == Action::Stop;
        let copies = channel.slots.iter().filter(move |_| is_stop);
        let names = copies.filter_map(|slot| match &slot.now {
            Content::Surplus(name) => Some(name),
            _ => None,
        });
        let on_air = names.filter_map(|name| {
            let one = self.destination(name).filter(|one| one.on_air)?;
            one.held.as_ref().map(|slot| &slot.channel)
        });
        let own = channel.id.clone();
        let ids: BTreeSet<&ChannelId> = on_air.filter(|id| **id != own).collect();
        self.channels.iter().filter(move |other| ids.contains(&other.id))
    }

    fn destination(&self, name: &DestinationName) -> Option<&DestinationPlan> {
        let at = self.destinations.binary_search_by(|one| one.name.cmp(name));
        at.ok().map(|at| &self.destinations[at])
    }

    /// Interruptions of all pools together.
    pub fn interruptions(&self) -> Interruptions {
        // Of outputs each interrupts nobody but its own destination, and only for its own change.
        let of_outputs = self.outputs().filter_map(OutputPlan::interrupts).count();
        let follows = self
            .channels
            .iter()
            .filter_map(|channel| channel.follows.as_ref());
        let for_moves = of_outputs + follows.map(|stop| stop.interrupts.len()).sum::<usize>();
        let for_moves = Interruptions {
            planned: for_moves,
            lower_bound: for_moves,
        };
        self.pools.iter().fold(for_moves, |sum, pool| Interruptions {
            planned: sum.planned + pool.interruptions.planned,
            lower_bound: sum.lower_bound + pool.interruptions.lower_bound,
        })
    }

    /// Calls to MediaLive and MediaConnect that the steps cost, without the looks while a channel is in transition.
    pub fn api_calls(&self) -> usize {
        let of_step = |(channel, step): (&ChannelPlan, &Step)| {
            step.action.api_calls() + self.stand_ins(channel, step).count()
        };
        let of_outputs = self.output_steps().map(|step| step.action.api_calls());
        let of_feeds = self.feed_steps().map(|step| step.action.api_calls());
        self.steps().map(of_step).chain(of_outputs).chain(of_feeds).sum()
    }

    /// The router outputs of all pools.
    pub fn outputs(&self) -> impl Iterator<Item = &OutputPlan> {
        self.routers.iter().flat_map(|pool| &pool.outputs)
    }

    /// What is to be done with them.
    pub fn output_steps(&self) -> impl Iterator<Item = &OutputStep> {
        self.outputs().flat_map(|output| &output.steps)
    }
}

/// One pool at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolPlan {
    /// Its name.
    pub name: PoolName,
    /// Its placement.
    pub placement: Placement,
    /// Its policy for interruptions.
    pub interrupt: Interrupt,
    /// How many channels it names.
    pub channels: usize,
    /// How many usable slots they have.
    pub slots: usize,
    /// Interruptions planned, and the least possible for as many destinations where they are wanted.
    pub interruptions: Interruptions,
    /// How far the placement is known to be the best one.
    pub optimality: Optimality,
    /// Why there is no slot in it for a newcomer, though destinations of it may be on air: the pool was edited, say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_slot: Option<Waiting>,
}

/// Interruptions, counted in destinations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Interruptions {
    /// That the plan makes.
    pub planned: usize,
    /// That no plan with as many destinations where they are wanted could avoid.
    pub lower_bound: usize,
}

/// How far a placement is known to be the best by the planner's criteria.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Optimality {
    /// No better placement exists.
    Optimal,
    /// A better one may exist: there are too many channels or destinations to look at every placement.
    Heuristic,
}

/// The plan for one destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DestinationPlan {
    /// Its name.
    pub name: DestinationName,
    /// Its pool.
    pub pool: PoolName,
    /// What its owner wants.
    pub state: WantedState,
    /// Whether it is wanted now: `Streaming` and not paused.
    pub wanted: bool,
    /// Its group.
    pub group: Option<GroupName>,
    /// The slot that it holds now.
    pub held: Option<SlotId>,
    /// Whether that slot's channel was seen RUNNING, so that it is on air, be it with its previous target.
    pub on_air: bool,
    /// Whether that slot has its previous target: URL or key have changed since.
    pub is_previous: bool,
    /// The slot that will carry it on air when the plan is carried out (or carries it already).
    pub assignment: Option<SlotId>,
    /// Why that slot.
    pub reason: Option<Reason>,
    /// What keeps it from where it is wanted.
    pub waiting: Option<Waiting>,
    /// Expected time off air, for one that the plan interrupts.
    pub off_air: Option<Duration>,
    /// The router output that carries it, or will; `None` for one of a ChannelPool, and for one that has none and needs none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputPlace>,
    /// Where else its stream is on air, in what this plan does not change, as far as [`DestinationPlan::waiting`] does not say
    /// so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub also_on_air: Option<OtherPlace>,
}

impl DestinationPlan {
    /// Whether it is on air, or about to be, when all of the plan is carried out.
    pub fn will_be_on_air(&self) -> bool {
        let output = self.output.as_ref();
        self.assignment.is_some() || output.is_some_and(|output| output.will_be_on_air)
    }
}

/// A destination's router output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutputPlace {
    /// Which; `None` for one that is to be made.
    pub arn: Option<RouterArn>,
    /// Its name.
    pub name: Option<Arc<str>>,
    /// Its state.
    pub state: Option<OutputState>,
    /// What MediaConnect says is wrong with it.
    pub messages: Arc<[String]>,
    /// What is done with it next, as plans call it.
    pub next: Option<&'static str>,
    /// Whether the destination is on air, or about to be, when all of the plan is carried out.
    pub will_be_on_air: bool,
}

/// The plan for one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelPlan {
    /// Its id.
    pub id: ChannelId,
    /// Its pool. `None` for an owned channel in no pool: it is never updated or started.
    pub pool: Option<PoolName>,
    /// What was seen of it: what every step's precondition is checked against. `None` where it could not be seen.
    pub seen: Option<Seen>,
    /// Whether slotwise owns its slots.
    pub adoption: Adoption,
    /// Its slots in the channel's order; empty where it could not be seen.
    pub slots: Vec<SlotPlan>,
    /// Its other output groups: they end with the channel.
    pub others: Arc<[OtherGroup]>,
    /// All steps to the goal, in order. The executor takes the first one and looks again.
    pub steps: Vec<Step>,
    /// The stop that follows without another decision, once what destinations leave it for is ready.
    pub follows: Option<Step>,
    /// Whether it will be running when the plan is carried out.
    pub runs: bool,
    /// What keeps it from where it should be, or makes it unusable.
    pub waiting: Option<Waiting>,
}

impl ChannelPlan {
    /// What would change its waiting, each a short phrase a person can act on. A one-off grant is among them where the slot that is
    /// to be released is that of a declared destination, which it names.
    pub fn ways_out(&self) -> Vec<String> {
        let Some(waiting) = &self.waiting else {
            return Vec::new();
        };
        let leaving = waiting.slot().filter(|slot| slot.channel == self.id);
        let leaving = leaving.and_then(|slot| {
            self.slots
                .iter()
                .find(|one| one.output_group == slot.output_group)
        });
        match leaving.map(|slot| &slot.now) {
            Some(Content::Destination(name) | Content::Previous(name) | Content::Surplus(name)) => {
                waiting.ways_out_of(name)
            }
            _ => waiting.ways_out_of_none(),
        }
    }

    /// What ends with it when it stops: its other output groups, by name, or by kind where one has no name.
    pub fn ends_with_it(&self) -> Vec<String> {
        let stops = self.steps.iter().any(|step| step.action == Action::Stop);
        let named = |group: &OtherGroup| {
            if group.name.is_empty() {
                format!("a {} group without a name", group.kind)
            } else {
                format!("{} ({})", group.name, group.kind)
            }
        };
        self.others.iter().filter(|_| stops).map(named).collect()
    }
}

/// The channel as the plan saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// Its ARN.
    pub arn: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Its class.
    pub class: ChannelClass,
    /// Its state.
    pub state: ChannelState,
    /// Its owner tag.
    pub owner: Option<OwnerId>,
    /// Its tags, as far as they are of slots.
    #[serde(skip)]
    pub tags: Arc<ChannelTags>,
}

/// Whether slotwise may change a channel's slots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "code")]
pub enum Adoption {
    /// It carries our owner tag.
    Owned,
    /// It carries no owner tag and may be adopted: its first step writes the tag.
    Adopt,
    /// It carries no owner tag and runs with targets that no Destination declares, or whose destinations have their
    /// slot on another channel. It is left exactly as it is.
    Refused {
        /// The slots with such targets.
        strays: Vec<Stray>,
    },
    /// It carries another owner's tag. It is left exactly as it is.
    Foreign {
        /// The other owner.
        owner: OwnerId,
    },
    /// It could not be seen.
    Unknown,
}

/// A slot of a running channel that would lose its target if the channel were adopted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stray {
    /// Name of the output group; empty where it has none.
    pub output_group: OutputGroup,
    /// Whether it is no slot of the pool: the glob does not match its name, or it has none.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub beside: bool,
    /// Host of its target.
    pub host: String,
    /// The declared destination that it is a target of, but that has its place elsewhere: in another slot that is on
    /// air, or in another pool. `None`: no Destination explains it.
    pub of: Option<DestinationName>,
}

/// The plan for one slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotPlan {
    /// Name of the output group.
    pub output_group: OutputGroup,
    /// What it points at now, for the precondition; never shown.
    pub target: Option<Target>,
    /// What it holds now.
    pub now: Content,
    /// What it will hold when the plan is carried out.
    pub then: Content,
    /// Why, where it changes.
    pub reason: Option<Reason>,
}

/// What a slot holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "holds", content = "what")]
pub enum Content {
    /// No destination.
    Parked,
    /// A declared destination, with its target; by what is recorded of the slot where its key cannot be read.
    Destination(DestinationName),
    /// The previous target of a declared destination, by what is recorded of the slot: its URL or key has changed since.
    Previous(DestinationName),
    /// The same stream as a declared destination holds in another slot.
    Surplus(DestinationName),
    /// What is recorded as the target of a destination that is no longer declared.
    Vanished(Identity),
    /// A target that no Destination explains.
    Undeclared {
        /// Its host.
        host: String,
    },
    /// It cannot be used as a slot.
    Unusable {
        /// Why not.
        why: String,
    },
}

/// In words, without secrets.
impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parked => f.write_str("parked"),
            Self::Destination(name) => write!(f, "{name}"),
            Self::Previous(name) => write!(f, "previous target of {name}"),
            Self::Surplus(name) => write!(f, "{name}, a second time"),
            Self::Vanished(identity) => write!(f, "{identity}, no longer declared"),
            Self::Undeclared { host } => write!(f, "undeclared ({host})"),
            Self::Unusable { why } => write!(f, "unusable ({why})"),
        }
    }
}
