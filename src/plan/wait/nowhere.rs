//! Why no channel of a pool that may be used has a slot, taken or not.

use super::super::Waiting;
use super::super::goals::Decision;
use super::super::reading::{Channel, Occupant};
use super::super::steps::pool_name;
use crate::model::OutputGroup;

/// Why no channel that may be used has a slot; `None` if one has.
pub(super) fn nowhere_at_all(decision: &Decision<'_, '_>) -> Option<Waiting> {
    let reading = decision.reading;
    let has_slot = |channel: &Channel<'_>| {
        let slots = &reading.slots[channel.slots.clone()];
        slots
            .iter()
            .any(|slot| slot.is_meant && slot.occupant != Occupant::Unusable)
    };
    let of_pool = &reading.channels[reading.pools[decision.pool].channels.clone()];
    let channels = || of_pool.iter();
    if channels().any(|channel| channel.is_usable() && has_slot(channel)) {
        return None;
    }
    // One that was seen to have no slot would be of no use if it could be used.
    let might_help = |channel: &&Channel<'_>| channel.seen.is_none() || has_slot(channel);
    let soonest = |channels: &mut dyn Iterator<Item = &Channel<'_>>| {
        let reasons = channels.filter_map(|channel| channel.unusable.clone());
        reasons.min_by_key(rank)
    };
    let nearest = soonest(&mut channels().filter(might_help));
    if nearest.is_some() {
        return nearest;
    }
    // A channel that is left alone just because it has no slot is put right by giving it one.
    let is_out_of_use = |channel: &&Channel<'_>| match &channel.unusable {
        Some(unusable) => !matches!(unusable, Waiting::NotAdopted { .. }),
        None => false,
    };
    if channels().all(|channel| is_out_of_use(&channel)) {
        return soonest(&mut channels()).or_else(|| Some(no_slot(decision)));
    }
    Some(no_slot(decision))
}

/// No output group of the pool's channels can be a slot.
fn no_slot(decision: &Decision<'_, '_>) -> Waiting {
    let reading = decision.reading;
    let pool = &reading.pools[decision.pool];
    let unusable = pool.slots.clone().find_map(|slot| {
        let why = reading.slots[slot].group.target.as_ref().err()?;
        Some((reading.slot_id(slot), why.clone()))
    });
    let glob = pool.decl.map(|pool| &pool.slots.output_groups);
    let mut there: Vec<OutputGroup> = Vec::new();
    for channel in &reading.channels[pool.channels.clone()] {
        let groups = channel.seen.into_iter().flat_map(|seen| seen.groups.iter());
        let others = groups.filter(|group| !glob.is_some_and(|glob| glob.is_match(group.name.as_str())));
        there.extend(others.map(|group| group.name.clone()));
    }
    there.sort();
    there.dedup();
    Waiting::NoSlot {
        pool: pool_name(decision),
        output_groups: glob.map(|glob| glob.glob().glob().to_owned()).unwrap_or_default(),
        unusable,
        there,
    }
}

/// What a person can put right soonest comes first.
fn rank(waiting: &Waiting) -> u8 {
    match waiting {
        Waiting::NotAdopted { .. } => 0,
        Waiting::OwnedByAnother { .. } => 1,
        Waiting::ChannelMissing { .. } => 2,
        Waiting::ChannelUnreadable { .. } => 3,
        _ => 4,
    }
}
