//! A pinned destination waits for its one slot.

use super::super::Waiting;
use super::super::goals::Decision;
use super::super::protection::{Change, ChannelKind};
use super::super::reading::Occupant;
use super::super::steps::pool_name;
use super::room::tags_full;
use super::{is_free, obstacle};
use crate::model::{Cause, Pin, SlotId};

/// The slot that a pin names.
pub(super) fn pinned(pin: &Pin) -> SlotId {
    SlotId::new(pin.channel.clone(), pin.output_group.clone())
}

/// What keeps a destination from the slot that it is pinned to.
pub(super) fn pinned_waiting(decision: &Decision<'_, '_>, dest: usize, pin: &Pin) -> Waiting {
    let reading = decision.reading;
    let slot = pinned(pin);
    let incompatible = |why: &str| Waiting::SlotIncompatible {
        slot: slot.clone(),
        why: why.to_owned(),
    };
    let Some(at) = reading.find_channel(decision.pool, &pin.channel) else {
        return incompatible("its pool does not name this channel");
    };
    if let Some(unusable) = &reading.channels[at].unusable {
        return unusable.clone();
    }
    let Some(found) = reading.find_slot(decision.pool, &slot) else {
        return incompatible("the channel has no such slot");
    };
    if let Err(why) = &reading.slots[found].group.target {
        return incompatible(&why.to_string());
    }
    if let Some(by) = taken_by(decision, found, dest) {
        let is_given = decision.given.contains_key(&found);
        return Waiting::PinnedSlotTaken {
            slot,
            by,
            is_declared: is_given || matches!(reading.slots[found].occupant, Occupant::Dest(..)),
        };
    }
    let change = Change {
        cause: Cause::Start,
        owner: Some(dest),
    };
    let pool = pool_name(decision);
    let of_the_channel = || {
        reading.channels[at]
            .beside
            .clone()
            .or_else(|| tags_full(decision, at))
    };
    obstacle(decision, found, change)
        .map(|(_, _, waiting)| waiting)
        .or_else(of_the_channel)
        .unwrap_or(Waiting::NoFreeSlot {
            pool,
            outranked_by: None,
        })
}

/// The other occupant that holds or gets a slot and may not be displaced.
pub(in crate::plan) fn taken_by(decision: &Decision<'_, '_>, slot: usize, dest: usize) -> Option<String> {
    let reading = decision.reading;
    let name = |dest: usize| reading.dests[dest].decl.name.to_string();
    if let Some(other) = decision.given.get(&slot).filter(|other| **other != dest) {
        return Some(name(*other));
    }
    let is_kept = matches!(
        decision.kind(reading.slots[slot].channel),
        Some(ChannelKind::Kept(_))
    );
    match reading.slots[slot].occupant {
        Occupant::Dest(other, _) if is_kept && other != dest && !is_free(decision, slot) => Some(name(other)),
        Occupant::Vanished(_) if is_kept && !is_free(decision, slot) => reading.slots[slot]
            .identity()
            .map(|identity| identity.to_string()),
        Occupant::Undeclared if is_kept && !is_free(decision, slot) => {
            Some(reading.slots[slot].host().to_owned())
        }
        _ => None,
    }
}
