//! Desired and Observed in, Plan out.
//!
//! Pool by pool, since no channel belongs to two and no destination to two; only what is on air is compared across them:
//!
//! ```text
//! survey     who holds which slot, which channels may be used
//! elsewhere  whose target is on air elsewhere, in whatever pool
//! interrupt  who is protected, what is granted
//! assign     what is left to decide, and what makes a placement better
//! opening    which interruptions a placement would be granted
//! greedy     a good placement, best in criteria 1 and 2 …
//! search     … and on pools people have the best one
//! keep       where it may not be the best, who stays where they have a slot already
//! decide     what becomes of each channel
//! steps      how, slot by slot and call by call
//! wait       why it is not more
//! ```

use jiff::Timestamp;

use super::decide::Decision;
use super::elsewhere::surveys;
use super::steps::{channel_plan, destination_plan};
use super::{DestinationPlan, Plan, PoolPlan, Waiting};
use crate::model::{ChannelPool, Desired, Destination, Observed};

/// What is to be done so that `observed` becomes `desired`, as far as that is possible at `now`.
///
/// Total and deterministic: any input gives a plan, and the same input the same plan, whatever order it came in.
pub fn plan(desired: &Desired, observed: &Observed, now: Timestamp) -> Plan {
    let mut plan = Plan {
        pools: Vec::with_capacity(desired.pools.len()),
        destinations: Vec::with_capacity(desired.destinations.len()),
        channels: Vec::new(),
    };
    for survey in surveys(desired, observed, now) {
        let decision = Decision::new(survey, desired, observed, now);
        add_pool(&mut plan, desired, &decision, now);
    }
    let destinations = desired.destinations.values();
    let homeless = destinations.filter(|destination| !desired.pools.contains_key(&destination.pool));
    plan.destinations
        .extend(homeless.map(|destination| without_pool(destination, now)));
    // In place: a stable sort takes as much memory again.
    plan.destinations.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    plan
}

fn add_pool(plan: &mut Plan, desired: &Desired, decision: &Decision<'_>, now: Timestamp) {
    let survey = &decision.survey;
    plan.pools.push(PoolPlan {
        name: survey.pool.name.clone(),
        placement: survey.pool.placement,
        interrupt: survey.pool.disruption.interrupt,
        channels: survey.pool.channels.len(),
        slots: survey
            .slots
            .iter()
            .filter(|slot| slot.group.target.is_ok())
            .count(),
        interruptions: decision.interruptions,
        optimality: decision.optimality,
    });
    let dests = 0..survey.dests.len();
    plan.destinations
        .extend(dests.map(|dest| destination_plan(decision, dest, now)));
    for channel in declared_order(survey.pool) {
        plan.channels
            .push(channel_plan(decision, &desired.owner, channel, now));
    }
}

/// Indices of the channels by id, in the order of the declaration; one named twice only once.
pub(super) fn declared_order(pool: &ChannelPool) -> Vec<usize> {
    let mut ids: Vec<_> = pool.channels.iter().map(|channel| &channel.id).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut open = vec![true; ids.len()];
    let position = pool
        .channels
        .iter()
        .filter_map(|channel| ids.binary_search(&&channel.id).ok());
    position
        .filter(|at| std::mem::replace(&mut open[*at], false))
        .collect()
}

/// A destination whose pool is not declared: nothing can be done for it.
fn without_pool(destination: &Destination, now: Timestamp) -> DestinationPlan {
    let wanted = destination.is_wanted(now);
    let pool = destination.pool.clone();
    DestinationPlan {
        name: destination.name.clone(),
        pool: destination.pool.clone(),
        state: destination.state,
        wanted,
        group: destination.group.clone(),
        held: None,
        on_air: false,
        is_previous: false,
        assignment: None,
        reason: None,
        waiting: wanted.then_some(Waiting::NoFreeSlot { pool }),
        off_air: None,
    }
}
