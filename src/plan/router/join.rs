//! RouterPools within the plan of everything.
//!
//! Slots are planned first: what a channel pushes, or is about to push, is on air for the outputs. The other way round what an
//! output may push is on air for the slots ([`crate::plan::Reading`]). So of two starts of one stream in one plan the slot's
//! comes first, and after it there is no second.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::leaving::Leaving;
use super::{Elsewhere, NotReady, OutputContent, OutputPlan, OutputWaiting, plan_feeds, plan_routers};
use crate::model::{
    ChannelId, ChannelObservation, Desired, DestinationName, Endpoint, Identity, Observed, OutputState,
    PoolName, RouterArn, RouterPool, StreamKey, Trust,
};
use crate::plan::{DestinationPlan, OutputPlace, Plan, Waiting};

/// Adds the plans of the RouterPools to `plan`, which has those of the ChannelPools.
pub(in crate::plan) fn add_routers(plan: &mut Plan, channels: &crate::plan::Reading<'_>) {
    let (desired, observed, now) = (channels.desired, channels.observed, channels.now);
    if desired.routers.is_empty() && observed.routers.outputs.is_empty() {
        return;
    }
    let pools: Vec<&RouterPool> = desired.routers.values().collect();
    let leaving = Leaving::new(plan, channels);
    let mut elsewhere = elsewhere(plan, desired, observed);
    elsewhere.in_slots.clone_from(&leaving.in_slots);
    plan.routers = plan_routers(&pools, desired, &observed.routers, &elsewhere, now);
    elsewhere.placed = placed(plan, desired, observed, now);
    if !elsewhere.placed.is_empty() {
        plan.routers = plan_routers(&pools, desired, &observed.routers, &elsewhere, now);
    }
    plan.feeds = plan_feeds(&pools, desired, &observed.routers, &elsewhere, now);
    let mut own: BTreeMap<&DestinationName, &OutputPlan> = BTreeMap::new();
    let mut left: BTreeMap<&DestinationName, &OutputPlan> = BTreeMap::new();
    for output in plan.routers.iter().flat_map(|pool| &pool.outputs) {
        match &output.carries {
            OutputContent::Destination(name) | OutputContent::Previous(name) => {
                own.insert(name, output);
            }
            OutputContent::Moved(name) if output.on_air || output.waiting.is_some() => {
                left.insert(name, output);
            }
            _ => {}
        }
    }
    let pools_of: BTreeMap<&ChannelId, Option<&PoolName>> = plan
        .channels
        .iter()
        .map(|channel| (&channel.id, channel.pool.as_ref()))
        .collect();
    for one in &mut plan.destinations {
        if desired.routers.contains_key(&one.pool) {
            note_output(one, own.get(&one.name).copied(), &pools_of);
        }
        if let Some(output) = left.get(&one.name) {
            note_left(one, output);
        }
    }
    leaving.note(plan);
}

impl Plan {
    /// Whether what an output waits for is told with the destination that it carries, or carries still.
    pub fn is_told_with_destination(&self, output: &OutputPlan) -> bool {
        match &output.carries {
            OutputContent::Destination(_) | OutputContent::Previous(_) => true,
            OutputContent::Moved(name) => {
                let told = self.destination(name).and_then(|one| one.waiting.as_ref());
                matches!(told, Some(Waiting::Output(told)) if Some(told) == output.waiting.as_ref())
            }
            OutputContent::Surplus(_) | OutputContent::Vanished(_) | OutputContent::Undeclared => false,
        }
    }
}

/// Says of a destination that was moved where it still is.
fn note_left(one: &mut DestinationPlan, output: &OutputPlan) {
    if one.on_air {
        return;
    }
    one.on_air = output.on_air;
    let is_moving = |waiting: &OutputWaiting| matches!(waiting, OutputWaiting::Moves { .. });
    // What keeps its new place from being ready says more.
    let says_more = matches!(&one.waiting, Some(Waiting::Output(waiting)) if !is_moving(waiting));
    if !(says_more && output.waiting.as_ref().is_some_and(is_moving)) {
        let waiting = output.waiting.clone().map(Waiting::Output);
        one.waiting = waiting.or_else(|| one.waiting.take());
    }
    let moves = matches!(output.waiting, Some(OutputWaiting::Moves { .. }))
        || output.interrupts().is_some() && one.wanted;
    one.output = Some(OutputPlace {
        will_be_on_air: moves || output.will_be_on_air(),
        ..place(output)
    });
}

/// Destinations of ChannelPools that have a place there once they have ended in the RouterPool that they were moved from, as far as
/// they may end there.
fn placed(plan: &Plan, desired: &Desired, observed: &Observed, now: Timestamp) -> BTreeSet<DestinationName> {
    let moving: Vec<(&RouterArn, &DestinationName)> = plan
        .outputs()
        .filter(|output| matches!(output.waiting, Some(OutputWaiting::Moves { .. })))
        .filter_map(|output| match &output.carries {
            OutputContent::Moved(name) => Some((output.arn.as_ref()?, name)),
            _ => None,
        })
        .filter(|(_, name)| {
            let pool = plan.destinations.iter().find(|one| one.name == **name);
            pool.is_some_and(|one| desired.pools.contains_key(&one.pool))
        })
        .collect();
    if moving.is_empty() {
        return BTreeSet::new();
    }
    let mut ended = observed.clone();
    for (arn, _) in &moving {
        if let Some(output) = ended.routers.outputs.get_mut(*arn) {
            output.state = OutputState::Standby;
        }
    }
    // None of these moves in that plan, so that it asks no further.
    let then = crate::plan::plan(desired, &ended, now);
    let is_placed = |name: &DestinationName| {
        let mut all = then.destinations.iter();
        all.any(|one| one.name == *name && one.assignment.is_some())
    };
    let names = moving.into_iter().map(|(_, name)| name);
    names.filter(|name| is_placed(name)).cloned().collect()
}

/// Says of a destination of a RouterPool where it is. What it still is in a slot of another pool stays said.
fn note_output(
    one: &mut DestinationPlan,
    own: Option<&OutputPlan>,
    pools_of: &BTreeMap<&ChannelId, Option<&PoolName>>,
) {
    let is_in_slot = one.on_air;
    let waiting = own.and_then(|output| output.waiting.clone());
    one.waiting = match (waiting, is_in_slot) {
        (Some(waiting), _) => Some(Waiting::Output(waiting)),
        // It waits for no slot of its pool, which has none: what is in one ends there.
        (None, true) if matches!(one.waiting, Some(Waiting::NoFreeSlot { .. })) => {
            one.held.as_ref().map(|slot| Waiting::OnAirElsewhere {
                channel: slot.channel.clone(),
                output_group: Some(slot.output_group.clone()),
                pool: pools_of.get(&slot.channel).copied().flatten().cloned(),
            })
        }
        (None, true) => one.waiting.take(),
        (None, false) => None,
    };
    let Some(output) = own else { return };
    one.on_air |= output.on_air;
    // What its own output pushes is said, whatever a slot that it leaves still has.
    one.is_previous = match output.carries {
        OutputContent::Previous(_) => true,
        _ => one.is_previous && !output.on_air,
    };
    one.output = Some(OutputPlace {
        will_be_on_air: output.will_be_on_air() || one.wanted && is_awaited(output),
        ..place(output)
    });
}

fn place(output: &OutputPlan) -> OutputPlace {
    OutputPlace {
        arn: output.arn.clone(),
        name: output.name.clone(),
        state: output.state,
        messages: Arc::clone(&output.messages),
        next: output.steps.first().map(|step| step.action.name()),
        will_be_on_air: false,
    }
}

/// Whether MediaConnect works on an output, and more follows when that ends.
fn is_awaited(output: &OutputPlan) -> bool {
    matches!(
        output.waiting,
        Some(
            OutputWaiting::OutputInTransition { .. }
                | OutputWaiting::RoomIsMade
                | OutputWaiting::Moves { .. }
                | OutputWaiting::SourceNotReady {
                    why: NotReady::Starts,
                    ..
                }
        )
    )
}

/// What is on air beside router outputs, or is about to be.
fn elsewhere(plan: &Plan, desired: &Desired, observed: &Observed) -> Elsewhere {
    let seen = observed.channels.values().filter_map(ChannelObservation::seen);
    let publishing = seen.filter(|channel| channel.state.may_publish());
    let mut endpoints: Vec<Endpoint> = Vec::new();
    for channel in publishing {
        let targets = channel
            .groups
            .iter()
            .filter_map(|group| group.target.as_ref().ok());
        endpoints.extend(targets.flat_map(|target| target.0.iter().cloned()));
        endpoints.extend(channel.stray_endpoints.iter().cloned());
    }
    endpoints.extend(observed.elsewhere.values().flatten().cloned());
    let of_slots = plan.destinations.iter().filter(|one| one.assignment.is_some());
    let of_slots: BTreeSet<&DestinationName> = of_slots.map(|one| &one.name).collect();
    for one in desired.destinations.values() {
        if let StreamKey::Known(key) = &one.key
            && of_slots.contains(&one.name)
        {
            let urls = std::iter::once(&one.url).chain(&one.backup_url);
            endpoints.extend(urls.map(|url| Endpoint::new(Arc::clone(url), key.clone())));
        }
    }
    Elsewhere {
        endpoints,
        placed: BTreeSet::new(),
        in_slots: BTreeMap::new(),
        served: served(plan, desired),
        released: released(desired, observed),
        refused: observed.refused.clone(),
    }
}

/// Destinations of ChannelPools that are on air there with their own target.
fn served(plan: &Plan, desired: &Desired) -> BTreeSet<DestinationName> {
    let on_air = plan
        .destinations
        .iter()
        .filter(|one| one.on_air && !one.is_previous);
    let served = on_air.filter(|one| {
        let pool = desired.pools.get(&one.pool);
        let at = one.held.as_ref().map(|slot| &slot.channel);
        pool.is_some_and(|pool| pool.channels.iter().any(|channel| Some(&channel.id) == at))
    });
    served.map(|one| one.name.clone()).collect()
}

/// Destinations of outputs that are declared no longer. The guard has doubted the declaration if too many vanished at once.
fn released(desired: &Desired, observed: &Observed) -> BTreeSet<Identity> {
    if desired.trust != Trust::Whole {
        return BTreeSet::new();
    }
    let recorded = observed
        .routers
        .outputs
        .values()
        .filter_map(|output| output.record.as_ref());
    let identities = recorded.map(|record| record.identity.clone());
    identities
        .filter(|identity| !desired.set_aside.contains(identity))
        .collect()
}
