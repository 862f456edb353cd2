//! The plan for each slot of a channel.

use super::super::goals::{Decision, Goal};
use super::super::reading::{Fit, Intent, Occupant};
use super::super::{Content, Reason, SlotPlan, SlotWrite};
use super::{assign_reason, is_started_again};
use crate::model::{ChannelState, Target};

/// A slot, with what is written to it.
pub(super) struct SlotChange {
    /// Its place in the reading.
    pub(super) slot: usize,
    /// The plan for it.
    pub(super) plan: SlotPlan,
    /// What is written.
    pub(super) write: Option<SlotWrite>,
}

/// What a slot will hold, why, and where it will point if it is written.
struct Then {
    content: Content,
    reason: Option<Reason>,
    target: Option<Target>,
}

/// Every slot of a channel, in its order.
pub(super) fn slot_changes(decision: &Decision<'_, '_>, channel: usize) -> Vec<SlotChange> {
    let reading = decision.reading;
    let slots = reading.channels[channel].slots.clone();
    let mut thens: Vec<(usize, Then)> = slots.map(|slot| (slot, then(decision, slot))).collect();
    if thens.iter().any(|(_, then)| then.target.is_some()) {
        for (slot, then) in &mut thens {
            ride_along(decision, *slot, then);
        }
    }
    let change = |(slot, then): (usize, Then)| {
        let group = &reading.slots[slot].group;
        let write = then.target.map(|target| SlotWrite {
            output_group: group.name.clone(),
            target,
            content: then.content.clone(),
        });
        SlotChange {
            slot,
            plan: SlotPlan {
                output_group: group.name.clone(),
                target: group.target.as_ref().ok().cloned(),
                now: reading.content(slot),
                then: then.content,
                reason: then.reason,
            },
            write,
        }
    };
    thens.into_iter().map(change).collect()
}

fn then(decision: &Decision<'_, '_>, at: usize) -> Then {
    let reading = decision.reading;
    let slot = &reading.slots[at];
    let stays = || Then {
        content: reading.content(at),
        reason: None,
        target: None,
    };
    let goal = decision.goal(slot.channel);
    let is_written = match goal {
        Goal::Run => true,
        Goal::Interrupt => is_started_again(decision, slot.channel),
        Goal::Leave | Goal::Idle | Goal::Stay | Goal::Stop => false,
    };
    if !is_written || slot.occupant == Occupant::Unusable {
        return stays();
    }
    if let Some(dest) = decision.given.get(&at).copied() {
        return given(decision, dest, at);
    }
    match slot.occupant {
        Occupant::Parked => stays(),
        Occupant::Dest(dest, fit) if goal == Goal::Interrupt && comes_back(decision, dest, at) => {
            let respelled = (fit == Fit::Respelled)
                .then(|| reading.target(dest, at))
                .flatten();
            Then {
                target: respelled,
                ..stays()
            }
        }
        _ => Then {
            content: Content::Parked,
            reason: Some(release_reason(decision, at)),
            target: reading.parking(at),
        },
    }
}

/// Whether a destination comes back to a slot of a channel that is interrupted, as it is.
fn comes_back(decision: &Decision<'_, '_>, dest: usize, slot: usize) -> bool {
    let reading = decision.reading;
    let channel = reading.slots[slot].channel;
    // A further copy on the channel of the first one is needed no more when both start again.
    let is_beside = reading.dests[dest]
        .held
        .is_some_and(|held| reading.slots[held].channel == channel);
    let is_protected = reading.is_own(dest, slot) || !is_beside && !reading.is_releasable(dest, slot);
    reading.dests[dest].intent != Intent::Off && is_protected && decision.reserved_for(dest).is_none()
}

/// A slot that is given to a destination.
fn given(decision: &Decision<'_, '_>, dest: usize, at: usize) -> Then {
    let reading = decision.reading;
    let slot = &reading.slots[at];
    let is_there =
        matches!(slot.occupant, Occupant::Dest(holder, Fit::Equal | Fit::Unwritable) if holder == dest);
    // What a failed update left behind is unknown, so such slots are written again: in the spelling that was taken before.
    let is_unsure = reading.channels[slot.channel].state() == ChannelState::UpdateFailed;
    let one = &reading.dests[dest];
    let target = if is_there {
        slot.target().filter(|_| is_unsure && one.has_key()).cloned()
    } else {
        reading.target(dest, at)
    };
    let reason = match slot.occupant {
        _ if is_there => None,
        Occupant::Dest(holder, _) if holder == dest => Some(Reason::TargetChanged {
            destination: one.decl.name.clone(),
        }),
        _ => Some(assign_reason(decision, dest, at)),
    };
    Then {
        content: Content::Destination(one.decl.name.clone()),
        reason,
        target,
    }
}

/// What differs only in how a pipeline is parked is written where the channel is updated anyway, unless MediaLive refused the
/// destination's spelling of what it has.
fn ride_along(decision: &Decision<'_, '_>, at: usize, then: &mut Then) {
    let reading = decision.reading;
    let Some(now) = reading.slots[at].target().filter(|_| then.target.is_none()) else {
        return;
    };
    let should_be = match (&then.content, reading.slots[at].occupant) {
        (Content::Parked, Occupant::Parked) => reading.parking(at),
        (Content::Destination(_), Occupant::Dest(dest, Fit::Equal)) if reading.dests[dest].is_writable() => {
            reading.target(dest, at)
        }
        _ => None,
    };
    then.target = should_be.filter(|target| !target.equals(now));
}

/// Why a slot is parked.
fn release_reason(decision: &Decision<'_, '_>, at: usize) -> Reason {
    let reading = decision.reading;
    match reading.slots[at].occupant {
        Occupant::Dest(dest, _) => {
            let destination = reading.dests[dest].decl.name.clone();
            if decision.reserved_for(dest).is_some() {
                Reason::Moved { destination }
            } else {
                Reason::NoLongerWanted { destination }
            }
        }
        _ => Reason::NotDeclared {
            host: reading.slots[at].host().to_owned(),
        },
    }
}
