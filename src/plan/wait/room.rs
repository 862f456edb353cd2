//! Room for tags.

use super::super::Waiting;
use super::super::goals::Decision;
use super::super::reading::Occupant;
use crate::model::Recording;
use crate::model::tag::TAGS_MAX;

/// A stopped channel whose slots cannot all be given, since there would be no room for their tags.
pub(super) fn tags_full(decision: &Decision<'_, '_>, channel: usize) -> Option<Waiting> {
    let reading = decision.reading;
    let one = &reading.channels[channel];
    if one.seen.is_none() || reading.observed.recording != Recording::Allowed {
        return None;
    }
    let untagged = || {
        let slots = one.slots.clone().map(|slot| &reading.slots[slot]);
        slots.filter(|slot| !slot.has_tag && slot.occupant != Occupant::Unusable)
    };
    // An update writes every slot that is not parked, and records it.
    let parked = untagged()
        .filter(|slot| slot.occupant == Occupant::Parked)
        .count();
    let taken = reading.tags_taken(channel) + untagged().count() - parked;
    let full = taken > TAGS_MAX || taken == TAGS_MAX && parked > 0;
    full.then(|| Waiting::TagsFull {
        channel: one.id.clone(),
    })
}
