//! Destinations that leave the slot of a channel for a router output.
//!
//! The channel stops for them, and so interrupts their neighbours, but not before their outputs are ready. What it does then is known
//! before: it is planned here as if they were, so that a plan tells of the interruption which follows from it, and promises none that
//! does not.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Cause, ChannelId, Destination, DestinationName, PoolName};
use crate::plan::goals::Ready;
use crate::plan::grant::Policy;
use crate::plan::router::OutputWaiting;
use crate::plan::{Action, ChannelPlan, DestinationPlan, Plan, Reading, Step, Waiting};

/// Destinations of RouterPools that are on air in slots.
pub(super) struct Leaving {
    /// The pool that each is on air in, and whether it ends there once its output is ready.
    pub(super) in_slots: BTreeMap<DestinationName, (PoolName, bool)>,
    /// What would be done with channels if the outputs of those that may end were ready.
    then: Option<Plan>,
    /// Why others do not, though their pool grants it.
    kept: BTreeMap<DestinationName, Waiting>,
}

impl Leaving {
    pub(super) fn new(plan: &Plan, reading: &Reading<'_>) -> Self {
        let mut in_slots = allowed(plan, reading);
        let granted = in_slots.iter().filter(|(_, (_, is_granted))| *is_granted);
        let granted: BTreeSet<DestinationName> = granted.map(|(name, _)| name.clone()).collect();
        let then = (!granted.is_empty()).then(|| reading.plan_channels(Ready::AndOf(&granted)));
        let mut kept = BTreeMap::new();
        for name in &granted {
            let one = then.as_ref().and_then(|then| then.destination(name));
            if one.is_none_or(|one| one.off_air.is_none()) {
                in_slots.entry(name.clone()).and_modify(|(_, ends)| *ends = false);
                kept.extend(kept_by_neighbours(plan, reading, name).map(|waiting| (name.clone(), waiting)));
            }
        }
        Self { in_slots, then, kept }
    }

    /// Says of those that stay why, and of the channels that stop for others what follows.
    pub(super) fn note(mut self, plan: &mut Plan) {
        let here = on_air_by_channel(plan);
        for one in &mut plan.destinations {
            let Some(Waiting::Output(OutputWaiting::OnAirElsewhere { others, .. })) = &mut one.waiting else {
                continue;
            };
            let at = one.held.as_ref().filter(|_| one.on_air);
            let here = at.and_then(|slot| here.get(&slot.channel)).into_iter().flatten();
            others.extend(here.filter(|name| **name != one.name).cloned());
            if let Some(why) = self.kept.remove(&one.name) {
                one.waiting = Some(why);
            }
        }
        let Some(then) = self.then else { return };
        let left: BTreeSet<ChannelId> = plan.destinations.iter().filter_map(leaves).cloned().collect();
        let mut interrupted = BTreeSet::new();
        let mut stops: BTreeMap<&ChannelId, &Step> = BTreeMap::new();
        for channel in then.channels.iter().filter(|channel| left.contains(&channel.id)) {
            stops.extend(stop(channel).map(|stop| (&channel.id, stop)));
        }
        for channel in plan.channels.iter_mut().filter(|channel| stop(channel).is_none()) {
            let Some(stop) = stops.get(&channel.id) else {
                continue;
            };
            interrupted.extend(&stop.interrupts);
            channel.follows = Some((*stop).clone());
        }
        for one in plan
            .destinations
            .iter_mut()
            .filter(|one| interrupted.contains(&one.name))
        {
            one.off_air = then.destination(&one.name).and_then(|one| one.off_air);
        }
    }
}

/// Destinations of RouterPools that are on air in a ChannelPool, and whether that and they themselves allow that they end there.
fn allowed(plan: &Plan, reading: &Reading<'_>) -> BTreeMap<DestinationName, (PoolName, bool)> {
    let (desired, now) = (reading.desired, reading.now);
    let on_air = plan.destinations.iter().filter(|one| one.on_air && one.wanted);
    let moved = on_air.filter(|one| desired.routers.contains_key(&one.pool));
    let in_slots = moved.filter_map(|one| {
        let channel = &one.held.as_ref()?.channel;
        let channel = plan.channels.iter().find(|other| other.id == *channel)?;
        let pool = desired.pools.get(channel.pool.as_ref()?)?;
        let declared = desired.destinations.get(&one.name)?;
        let policy = Policy::new(Some(&pool.disruption), &desired.grants, now);
        let is_granted = policy.allows(Cause::Retarget, Some(&one.name));
        let may_leave = is_granted && declared.interruptible && pool.pause_at(now).is_none();
        Some((one.name.clone(), (pool.name.clone(), may_leave)))
    });
    in_slots.collect()
}

/// Others on the channel of a destination that must not be interrupted.
fn kept_by_neighbours(plan: &Plan, reading: &Reading<'_>, name: &DestinationName) -> Option<Waiting> {
    let slot = plan.destination(name)?.held.clone()?;
    let is_kept = |one: &&DestinationPlan| {
        let declared = reading.desired.destinations.get(&one.name);
        let must_stay = |one: &Destination| !one.interruptible || one.pause_at(reading.now).is_some();
        let is_here = one.held.as_ref().is_some_and(|held| held.channel == slot.channel);
        one.on_air && is_here && declared.is_some_and(|one| must_stay(one))
    };
    let by = plan.destinations.iter().filter(is_kept);
    let by: Vec<DestinationName> = by.map(|one| one.name.clone()).collect();
    (!by.is_empty()).then_some(Waiting::Uninterruptible { slot, by })
}

/// Wanted destinations on air on each channel.
fn on_air_by_channel(plan: &Plan) -> BTreeMap<ChannelId, Vec<DestinationName>> {
    let mut here: BTreeMap<ChannelId, Vec<DestinationName>> = BTreeMap::new();
    for one in plan.destinations.iter().filter(|one| one.on_air && one.wanted) {
        if let Some(slot) = &one.held {
            here.entry(slot.channel.clone())
                .or_default()
                .push(one.name.clone());
        }
    }
    here
}

/// The channel that a destination leaves as soon as its router output is ready.
fn leaves(one: &DestinationPlan) -> Option<&ChannelId> {
    let moves = matches!(one.waiting, Some(Waiting::Output(OutputWaiting::Moves { .. })));
    one.held
        .as_ref()
        .filter(|_| moves && one.on_air)
        .map(|slot| &slot.channel)
}

fn stop(channel: &ChannelPlan) -> Option<&Step> {
    channel.steps.iter().find(|step| step.action == Action::Stop)
}
