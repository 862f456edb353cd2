//! What is recorded of slots, and when.

use std::sync::Arc;

use super::super::goals::Decision;
use super::super::reading::{Fit, Occupant, Release};
use super::super::{Action, Content, Reason, SlotRecord, SlotWrite};
use super::slots::SlotChange;
use crate::model::tag::{TAGS_MAX, TAKEOVER_TAG};
use crate::model::{Mark, ObservedChannel, Recorded, Recording, SlotTag, Target, TargetDigest};

/// What the first look at a channel writes: the owner tag where it is adopted, the occupants of slots without a record, what was
/// decided on vanished destinations, and how far its takeover has come. Else tags of slots change only while a channel is
/// stopped; a decision cannot wait for that, as the channel runs because of it.
pub(super) fn first_look(
    decision: &Decision<'_, '_>,
    channel: usize,
    adopts: bool,
) -> Option<(Action, Reason)> {
    let reading = decision.reading;
    let one = &reading.channels[channel];
    let seen = one.seen?;
    let may_record = reading.observed.recording == Recording::Allowed;
    let runs = one.is_running() && may_record;
    let takeover = reading.takeover_news(channel);
    let mut tags = Vec::new();
    let mut remove: Vec<Arc<str>> = Vec::new();
    if runs {
        remove = seen.tags_without_group();
        let room = room(decision, channel, adopts);
        tags = one
            .slots
            .clone()
            .filter_map(|slot| record_as_it_is(decision, slot, seen))
            .collect();
        keep_to_room(&mut tags, seen, room);
    }
    if adopts {
        let owner = reading.desired.owner.clone();
        return Some((Action::Adopt { tags, takeover }, Reason::AdoptUnowned { owner }));
    }
    let records_slots = !tags.is_empty() || !remove.is_empty();
    let removes_takeover = reading.has_leftover_takeover(channel);
    if removes_takeover {
        remove.push(TAKEOVER_TAG.into());
    }
    let reason = if records_slots {
        Reason::RecordSlots
    } else if takeover.is_some() || removes_takeover {
        Reason::RecordTakeover { tag: takeover }
    } else {
        return None;
    };
    let record = Action::Record {
        tags,
        remove,
        takeover,
    };
    Some((record, reason))
}

/// The tags that go with an update: of all slots that are written, and of those that stay and have none that fits.
pub(super) fn with_update(
    decision: &Decision<'_, '_>,
    channel: usize,
    writes: &[SlotWrite],
    changes: &[SlotChange],
) -> Vec<SlotRecord> {
    let reading = decision.reading;
    let one = &reading.channels[channel];
    let Some(seen) = one
        .seen
        .filter(|_| reading.observed.recording == Recording::Allowed)
    else {
        return Vec::new();
    };
    let identity = |content: &Content| match content {
        Content::Destination(name) => {
            let declared = reading.desired.destinations.get(name);
            declared.map(|one| Recorded::destination(one.identity.clone()))
        }
        Content::Parked => Some(Recorded::Parked),
        _ => None,
    };
    let mut tags = Vec::new();
    for change in changes {
        let output_group = &change.plan.output_group;
        let written = writes.iter().find(|write| write.output_group == *output_group);
        let (target, occupant) = match written {
            Some(write) => (Some(&write.target), identity(&write.content)),
            None if reading.slots[change.slot].record.is_some() && is_up_to_date(decision, change.slot) => {
                continue;
            }
            None => match reading.slots[change.slot].occupant {
                Occupant::Dest(_, Fit::Equal) => (change.plan.target.as_ref(), identity(&change.plan.then)),
                _ => continue,
            },
        };
        if let (Some(target), Some(occupant)) = (target, occupant) {
            tags.push(record(decision, change.slot, occupant, target));
        }
    }
    let adopts = seen.owner.is_none();
    keep_to_room(&mut tags, seen, room(decision, channel, adopts));
    tags
}

/// The tag of a slot that is on air and has none, or whose occupant was released or kept just now.
fn record_as_it_is(decision: &Decision<'_, '_>, at: usize, seen: &ObservedChannel) -> Option<SlotRecord> {
    let reading = decision.reading;
    let slot = &reading.slots[at];
    let target = slot.target()?;
    match slot.occupant {
        Occupant::Dest(dest, fit @ (Fit::Equal | Fit::Respelled))
            if reading.is_own(dest, at) && !(slot.has_tag && is_up_to_date(decision, at)) =>
        {
            let identity = reading.dests[dest].decl.identity.clone();
            let mark = if fit == Fit::Equal {
                Mark::None
            } else {
                Mark::Adopted
            };
            Some(record(
                decision,
                at,
                Recorded::Destination { identity, mark },
                target,
            ))
        }
        // What was released or kept is declared again, with another key.
        Occupant::Dest(dest, _)
            if reading.is_own(dest, at)
                && matches!(slot.mark(), Some(Mark::Released | Mark::Kept))
                && slot.identity().as_ref() == Some(&reading.dests[dest].decl.identity) =>
        {
            let identity = reading.dests[dest].decl.identity.clone();
            let pointed = Recorded::destination(identity);
            Some(record(decision, at, pointed, target))
        }
        Occupant::Vanished(release) if seen.owner.as_ref() == Some(&reading.desired.owner) => {
            let identity = slot.identity()?;
            let mark = match release {
                Release::Now => Mark::Released,
                Release::Kept if reading.desired.kept.contains(&reading.slot_id(at)) => Mark::Kept,
                Release::Kept | Release::Before => return None,
            };
            let is_news = slot.mark() != Some(mark);
            is_news.then(|| record(decision, at, Recorded::Destination { identity, mark }, target))
        }
        _ => None,
    }
}

/// Whether what is recorded of a slot needs no change: a tag that does not fit is left to the next update; one that fits says who
/// holds the slot, by the name that its destination has now, and does not call that vanished.
fn is_up_to_date(decision: &Decision<'_, '_>, at: usize) -> bool {
    let reading = decision.reading;
    let slot = &reading.slots[at];
    let Some(record) = &slot.record else {
        return slot.has_tag;
    };
    match (&slot.occupant, &record.occupant) {
        (Occupant::Dest(dest, _), Recorded::Destination { identity, mark }) => {
            let is_declared = matches!(mark, Mark::None | Mark::Adopted);
            *identity == reading.dests[*dest].decl.identity && is_declared
        }
        _ => true,
    }
}

fn record(decision: &Decision<'_, '_>, slot: usize, occupant: Recorded, target: &Target) -> SlotRecord {
    let reading = decision.reading;
    let id = reading.slot_id(slot);
    let digest = TargetDigest::of(&reading.desired.owner, &id, target);
    SlotRecord {
        output_group: id.output_group,
        tag: SlotTag { occupant, digest },
    }
}

/// How many tags of slots a channel has room for.
fn room(decision: &Decision<'_, '_>, channel: usize, adopts: bool) -> usize {
    TAGS_MAX.saturating_sub(decision.reading.tags_taken(channel) + usize::from(adopts))
}

/// Drops the last of those tags that a channel has no room for.
fn keep_to_room(tags: &mut Vec<SlotRecord>, seen: &ObservedChannel, mut room: usize) {
    tags.retain(|record| {
        let is_there = seen.tags.of(&record.output_group).is_some();
        let fits = is_there || room > 0;
        room -= usize::from(!is_there && fits);
        fits
    });
}
