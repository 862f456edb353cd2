//! Desired and Observed in, Plan out, one way:
//!
//! ```text
//! reading     the occupant of each slot, the usable channels, what is on air elsewhere
//! protection  what is protected on a running channel
//! grant       what may interrupt it
//! goals       placement, and the goal of each channel
//! steps       how, slot by slot and call by call
//! wait        why not more
//! also_on_air what is on air where nothing is planned
//! ```

use jiff::Timestamp;

use super::also_on_air::note_other_places;
use super::goals::{Decision, Ready, decide};
use super::reading::{Intent, Reading};
use super::router::add_routers;
use super::steps::{channel_plan, destination_plan, off_air};
use super::wait::no_slot_at_all;
use super::{DestinationPlan, Plan, PoolPlan, Waiting};
use crate::model::{ChannelPool, Desired, Observed};

/// What is to be done so that `observed` becomes `desired`, as far as that is possible at `now`.
///
/// Total and deterministic: any input gives a plan, and the same input the same plan, whatever order it came in.
pub fn plan(desired: &Desired, observed: &Observed, now: Timestamp) -> Plan {
    Reading::new(desired, observed, now).plan()
}

impl Reading<'_> {
    /// What is to be done, by what was read.
    pub fn plan(&self) -> Plan {
        let mut plan = self.plan_channels(Ready::Seen);
        add_routers(&mut plan, self);
        note_other_places(&mut plan, self.desired, self.observed);
        plan
    }

    /// What is to be done with channels.
    pub(super) fn plan_channels(&self, ready: Ready<'_>) -> Plan {
        let decisions = decide(self, ready);
        let mut plan = Plan {
            pools: Vec::with_capacity(self.pools.len()),
            destinations: Vec::with_capacity(self.dests.len()),
            channels: Vec::with_capacity(self.channels.len()),
            routers: Vec::new(),
            feeds: Vec::new(),
        };
        for decision in &decisions {
            self.plan_pool(&mut plan, decision);
        }
        let in_no_pool = self.pools.len() - 1;
        let dests = 0..self.dests.len();
        plan.destinations.extend(dests.map(|dest| {
            if self.dests[dest].pool == in_no_pool {
                self.without_pool(&decisions, dest)
            } else {
                destination_plan(&decisions, dest, self.now)
            }
        }));
        // In place: a stable sort takes as much memory again.
        plan.destinations.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        plan
    }

    fn plan_pool(&self, plan: &mut Plan, decision: &Decision<'_, '_>) {
        let pool = &self.pools[decision.pool];
        let Some(decl) = pool.decl else {
            let channels = pool.channels.clone();
            plan.channels
                .extend(channels.map(|channel| channel_plan(decision, channel)));
            return;
        };
        let slots = &self.slots[pool.slots.clone()];
        plan.pools.push(PoolPlan {
            name: decl.name.clone(),
            placement: decl.placement,
            interrupt: decl.disruption.interrupt,
            channels: decl.channels.len(),
            slots: slots.iter().filter(|slot| slot.target().is_some()).count(),
            interruptions: decision.interruptions,
            optimality: decision.optimality,
            no_slot: no_slot_at_all(decision)
                .filter(|_| self.dests.iter().any(|one| one.pool == decision.pool)),
        });
        let in_order = declared_order(decl).into_iter();
        let channels = in_order.map(|at| channel_plan(decision, pool.channels.start + at));
        plan.channels.extend(channels);
    }

    /// A destination whose pool is not declared.
    fn without_pool(&self, decisions: &[Decision<'_, '_>], dest: usize) -> DestinationPlan {
        let one = &self.dests[dest];
        let wanted = one.intent == Intent::Wanted;
        let pool = one.decl.pool.clone();
        DestinationPlan {
            name: one.decl.name.clone(),
            pool: pool.clone(),
            state: one.decl.state,
            wanted,
            group: one.decl.group.clone(),
            held: one.on_air.or(one.held).map(|slot| self.slot_id(slot)),
            on_air: one
                .on_air
                .is_some_and(|slot| self.channel_of(slot).state().as_str() == "RUNNING"),
            is_previous: one.on_air.or(one.held).is_some_and(|slot| self.is_previous(slot)),
            assignment: None,
            reason: None,
            waiting: (wanted || one.on_air.is_some()).then_some(Waiting::NoFreeSlot {
                pool,
                outranked_by: None,
            }),
            off_air: off_air(decisions, dest),
            output: None,
            also_on_air: None,
        }
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
