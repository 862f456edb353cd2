//! RouterPools within the plan of everything.
//!
//! Slots are planned first: what a channel pushes, or is about to push, is on air for the outputs. The other way round what an
//! output may push is on air for the slots ([`crate::plan::Reading`]). So of two starts of one stream in one plan the slot's
//! comes first, and after it there is no second.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::{Elsewhere, NotReady, OutputContent, OutputPlan, OutputWaiting, plan_feeds, plan_routers};
use crate::model::{
    ChannelObservation, Desired, DestinationName, Endpoint, Identity, Observed, RouterPool, StreamKey, Trust,
};
use crate::plan::{DestinationPlan, OutputPlace, Plan, Waiting};

/// Adds the plans of the RouterPools to `plan`, which has those of the ChannelPools.
pub(in crate::plan) fn add_routers(plan: &mut Plan, desired: &Desired, observed: &Observed, now: Timestamp) {
    if desired.routers.is_empty() {
        return;
    }
    let pools: Vec<&RouterPool> = desired.routers.values().collect();
    let elsewhere = elsewhere(plan, desired, observed);
    plan.routers = plan_routers(&pools, desired, &observed.routers, &elsewhere, now);
    plan.feeds = plan_feeds(&pools, desired, &observed.routers, &elsewhere, now);
    let mut own: BTreeMap<&DestinationName, &OutputPlan> = BTreeMap::new();
    for output in plan.routers.iter().flat_map(|pool| &pool.outputs) {
        if let OutputContent::Destination(name) | OutputContent::Previous(name) = &output.carries {
            own.insert(name, output);
        }
    }
    for one in &mut plan.destinations {
        if desired.routers.contains_key(&one.pool) {
            note_output(one, own.get(&one.name).copied());
        }
    }
}

/// Says of a destination of a RouterPool where it is. What it still is in a slot of another pool stays said.
fn note_output(one: &mut DestinationPlan, own: Option<&OutputPlan>) {
    let is_in_slot = one.on_air;
    let waiting = own.and_then(|output| output.waiting.clone());
    one.waiting = match (waiting, is_in_slot) {
        (Some(waiting), _) => Some(Waiting::Output(waiting)),
        (None, true) => one.waiting.take(),
        (None, false) => None,
    };
    let Some(output) = own else { return };
    one.on_air |= output.on_air;
    one.is_previous |= matches!(output.carries, OutputContent::Previous(_));
    one.output = Some(OutputPlace {
        arn: output.arn.clone(),
        name: output.name.clone(),
        state: output.state,
        next: output.steps.first().map(|step| step.action.name()),
        will_be_on_air: output.will_be_on_air() || one.wanted && is_awaited(output),
    });
}

/// Whether MediaConnect works on an output, and more follows when that ends.
fn is_awaited(output: &OutputPlan) -> bool {
    matches!(
        output.waiting,
        Some(
            OutputWaiting::OutputInTransition { .. }
                | OutputWaiting::RoomIsMade
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
        released: released(desired, observed),
        refused: observed.refused.clone(),
    }
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
