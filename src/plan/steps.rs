//! From a channel's goal to its steps and slots.
//!
//! | channel is | goal | steps |
//! |---|---|---|
//! | IDLE | carry destinations | Update where a slot differs, Start |
//! | UPDATE_FAILED | carry destinations | Update of all that are carried, Start |
//! | IDLE, UPDATE_FAILED | carry none | none: what the slots hold stays, warm |
//! | RUNNING, RECOVERING, nothing in the way | carry destinations | Stop, Update, Start |
//! | RUNNING, RECOVERING, nothing in the way | carry none | Stop |
//! | RUNNING, with a protected destination | change, granted | Stop, Update, Start |
//! | RUNNING, RECOVERING, with a protected destination | no change, or none granted | none |
//! | CREATING, STARTING, STOPPING, UPDATING | any | Wait, then as above |
//! | running, owned, not all of it recorded | any | Record, then as above |
//! | owned, its takeover not recorded, or left over | any | Record, then as above |
//! | no owner tag | any | Adopt, then as above; with the Update where there is one, the channel is stopped and no takeover is recorded |
//! | may not be used | – | none |
//!
//! On a channel that starts, each slot is either given or parked: whatever a slot points at goes on air with it. The new
//! occupants are recorded in tags before the update.

mod slots;
mod tags;

use std::time::Duration;

use jiff::Timestamp;

use self::slots::{SlotChange, slot_changes};
use self::tags::{first_look, with_update};
use super::cost::{INTERRUPTION, expected};
use super::goals::{Decision, Goal};
use super::protection::ChannelKind;
use super::reading::{Fit, Intent, Occupant};
use super::wait::{channel_waiting, destination_waiting};
use super::{Action, Adoption, ChannelPlan, DestinationPlan, Reason, Seen, SlotWrite, Step};
use crate::model::{ChannelState, DestinationName, PoolName};

/// The plan for one channel.
pub(super) fn channel_plan(decision: &Decision<'_, '_>, channel: usize) -> ChannelPlan {
    let reading = decision.reading;
    let one = &reading.channels[channel];
    let changes = slot_changes(decision, channel);
    let steps = steps(decision, channel, &changes);
    ChannelPlan {
        id: one.id.clone(),
        pool: reading.pools[one.pool].name().cloned(),
        seen: one.seen.map(|seen| Seen {
            arn: seen.arn.clone(),
            name: seen.name.clone(),
            class: seen.class,
            state: seen.state,
            owner: seen.owner.clone(),
            tags: seen.tags.clone(),
        }),
        adoption: one.adoption.clone(),
        others: one.seen.map(|seen| seen.others.clone()).unwrap_or_default(),
        runs: runs_in_the_end(decision, channel),
        waiting: channel_waiting(decision, channel),
        slots: changes.into_iter().map(|change| change.plan).collect(),
        steps,
        follows: None,
    }
}

/// Whether a channel runs once its goal is reached.
fn runs_in_the_end(decision: &Decision<'_, '_>, channel: usize) -> bool {
    match decision.goal(channel) {
        Goal::Leave => decision.reading.channels[channel].is_running(),
        Goal::Idle | Goal::Stop => false,
        Goal::Stay | Goal::Run => true,
        Goal::Interrupt => is_started_again(decision, channel),
    }
}

/// Whether an interrupted channel starts again: a destination on it is wanted, or its pool keeps channels running.
fn is_started_again(decision: &Decision<'_, '_>, channel: usize) -> bool {
    let keeps_running = decision.reading.pools[decision.pool].keeps_running();
    keeps_running || !decision.wanted_on(channel).is_empty()
}

/// The plan for one destination.
pub(super) fn destination_plan(
    decisions: &[Decision<'_, '_>],
    dest: usize,
    now: Timestamp,
) -> DestinationPlan {
    let reading = decisions[0].reading;
    let one = &reading.dests[dest];
    let decision = &decisions[one.pool];
    let carried = decision.carried(dest);
    let there = one.on_air.or(one.held);
    let is_running = |slot: usize| reading.channel_of(slot).state() == ChannelState::Running;
    DestinationPlan {
        output: None,
        name: one.decl.name.clone(),
        pool: one.decl.pool.clone(),
        state: one.decl.state,
        wanted: one.intent == Intent::Wanted,
        group: one.decl.group.clone(),
        held: there.map(|slot| reading.slot_id(slot)),
        on_air: one.on_air.is_some_and(is_running),
        is_previous: there.is_some_and(|slot| reading.is_previous(slot)),
        assignment: carried.map(|slot| reading.slot_id(slot)),
        reason: carried.map(|slot| assign_reason(&decisions[reading.pool_of(slot)], dest, slot)),
        waiting: destination_waiting(decisions, dest, now),
        off_air: off_air(decisions, dest),
        also_on_air: None,
    }
}

/// Expected time off air of a destination that is interrupted where it is on air.
pub(super) fn off_air(decisions: &[Decision<'_, '_>], dest: usize) -> Option<Duration> {
    let reading = decisions[0].reading;
    let one = &reading.dests[dest];
    let is_interrupted = |slot: usize| {
        let channel = reading.slots[slot].channel;
        decisions[reading.channels[channel].pool].goal(channel) == Goal::Interrupt
    };
    let is_interrupted = one.intent == Intent::Wanted && one.on_air.is_some_and(is_interrupted);
    is_interrupted.then_some(INTERRUPTION)
}

/// Why `dest` is carried by `slot`.
pub(super) fn assign_reason(decision: &Decision<'_, '_>, dest: usize, slot: usize) -> Reason {
    let reading = decision.reading;
    let one = &reading.dests[dest];
    let channel = reading.slots[slot].channel;
    let is_rewritten = decision.given.get(&slot) == Some(&dest);
    if one.on_air == Some(slot) && !is_rewritten {
        let is_starting = reading.channels[channel].state() == ChannelState::Starting;
        return match (is_starting, one.returning == Some(slot)) {
            (false, _) => Reason::OnAir,
            (true, true) => Reason::AssignReturning,
            (true, false) => Reason::AssignWarm,
        };
    }
    if one.on_air.is_some() {
        let destination = one.decl.name.clone();
        return if reading.is_moved(dest) {
            Reason::Moved { destination }
        } else {
            Reason::TargetChanged { destination }
        };
    }
    if one.returning == Some(slot) {
        return Reason::AssignReturning;
    }
    // A destination is in another slot than its pin only if it is on air, or comes back.
    if one.decl.pin.is_some() {
        return Reason::AssignPinned;
    }
    if reading.slots[slot].occupant == Occupant::Dest(dest, Fit::Equal) {
        return Reason::AssignWarm;
    }
    if let Some(ChannelKind::Kept(kept)) = decision.kind(channel)
        && !kept.on_air.is_empty()
    {
        let others = decision.names(kept.on_air.iter().copied());
        return Reason::AssignInterrupting { others };
    }
    match &one.decl.group {
        Some(group) if has_mate(decision, dest, channel) => Reason::AssignGroup { group: group.clone() },
        _ if reading.channels[channel].is_running() => Reason::AssignAfterStop,
        _ if reading.channels[channel].state() == ChannelState::Stopping => Reason::AssignAfterStop,
        _ => Reason::AssignNew,
    }
}

fn has_mate(decision: &Decision<'_, '_>, dest: usize, channel: usize) -> bool {
    let dests = &decision.reading.dests;
    decision
        .given_on(channel)
        .any(|(_, other)| other != dest && dests[other].decl.group == dests[dest].decl.group)
}

fn steps(decision: &Decision<'_, '_>, channel: usize, changes: &[SlotChange]) -> Vec<Step> {
    let one = &decision.reading.channels[channel];
    let goal = decision.goal(channel);
    let mut steps = Vec::new();
    if goal == Goal::Leave {
        return steps;
    }
    let mut step = |action: Action, reason: Reason, interrupts: Vec<DestinationName>| {
        let expected = expected(&action, one.state());
        steps.push(Step {
            action,
            reason,
            interrupts,
            expected,
        });
    };
    let writes: Vec<SlotWrite> = changes.iter().filter_map(|change| change.write.clone()).collect();
    let starts = goal == Goal::Run || goal == Goal::Interrupt && is_started_again(decision, channel);
    let adopts = one.adoption == Adoption::Adopt;
    let records_takeover = decision.reading.takeover_news(channel).is_some();
    let adopts_with_update = adopts && !one.is_running() && starts && !writes.is_empty() && !records_takeover;
    if let Some((action, reason)) = first_look(decision, channel, adopts && !adopts_with_update) {
        step(action, reason, Vec::new());
    }
    if one.state().is_transition() {
        step(Action::Wait, Reason::InTransition, Vec::new());
    }
    if decision.delayed.contains(&channel) {
        return steps;
    }
    if one.is_running() && matches!(goal, Goal::Stop | Goal::Run | Goal::Interrupt) {
        let here = decision.interrupted_on(channel).iter().copied();
        step(Action::Stop, stop_reason(decision, channel), decision.names(here));
    }
    if starts {
        if !writes.is_empty() {
            let tags = with_update(decision, channel, &writes, changes);
            let adopts = adopts_with_update;
            let update = Action::Update { writes, tags, adopts };
            step(update, Reason::UpdateSlots, Vec::new());
        }
        let destinations = decision.names(decision.wanted_on(channel));
        step(Action::Start, Reason::StartWanted { destinations }, Vec::new());
    }
    steps
}

/// The reason for a stop.
fn stop_reason(decision: &Decision<'_, '_>, channel: usize) -> Reason {
    let reading = decision.reading;
    let Some(ChannelKind::Kept(kept)) = decision.kind(channel) else {
        if decision.goal(channel) == Goal::Stop {
            return Reason::StopUnwanted;
        }
        let destinations = decision.names(decision.given_on(channel).map(|(_, dest)| dest));
        return Reason::StopForUpdate { destinations };
    };
    let owners = kept
        .leaving
        .iter()
        .filter_map(|slot| match reading.slots[*slot].occupant {
            Occupant::Dest(dest, _) => Some(dest),
            _ => None,
        });
    let moving = kept
        .on_air
        .iter()
        .copied()
        .filter(|dest| decision.reserved_for(*dest).is_some());
    let joining = decision.given_on(channel).map(|(_, dest)| dest);
    let destinations = decision.names(owners.chain(joining).chain(moving));
    match kept.leaving.first() {
        Some(slot) if destinations.is_empty() => Reason::NotDeclared {
            host: reading.slots[*slot].host().to_owned(),
        },
        _ => Reason::StopForUpdate { destinations },
    }
}

/// The name of a pool, for words; of none where a channel is in none.
pub(super) fn pool_name(decision: &Decision<'_, '_>) -> PoolName {
    let name = decision.reading.pools[decision.pool].name();
    name.cloned().unwrap_or_else(|| PoolName::new("(no pool)"))
}
