//! What keeps a channel from where it should be.

use super::super::Waiting;
use super::super::goals::{Decision, Goal};
use super::super::reading::Occupant;
use super::{blocked, leave_obstacle};
use crate::model::Recording;
use crate::model::tag::TAGS_MAX;

/// What keeps a channel from where it should be.
pub(in crate::plan) fn channel_waiting(decision: &Decision<'_, '_>, channel: usize) -> Option<Waiting> {
    let one = &decision.reading.channels[channel];
    if let Some(unusable) = &one.unusable {
        return Some(unusable.clone());
    }
    on_the_way(decision, channel).or_else(|| {
        let Some(kept) = decision.staying(channel) else {
            let beside = decision.reading.channels[channel].beside.clone();
            return beside.or_else(|| tags_full(decision, channel));
        };
        match (kept.leaving.first(), kept.block) {
            (_, Some(block)) => blocked(decision, block),
            (Some(slot), None) => leave_obstacle(decision, *slot),
            (None, None) => None,
        }
    })
}

/// What delays the steps of a channel that may be used.
pub(super) fn on_the_way(decision: &Decision<'_, '_>, channel: usize) -> Option<Waiting> {
    let one = &decision.reading.channels[channel];
    let id = one.id.clone();
    // Before its turn has come it does not try either.
    if decision.delayed.contains(&channel) {
        let limit = decision.reading.pools[decision.pool].policy.max_concurrent();
        return Some(Waiting::MaxConcurrent { channel: id, limit });
    }
    let acts = matches!(decision.goal(channel), Goal::Stop | Goal::Run | Goal::Interrupt);
    let trouble = one.seen.and_then(|seen| seen.trouble.as_ref());
    if let Some(trouble) = trouble.filter(|trouble| acts && trouble.retry_at > decision.reading.now) {
        return Some(Waiting::BackingOff {
            channel: id,
            failures: trouble.failures,
            attempts: trouble.attempts,
            retry_at: trouble.retry_at,
            what: trouble.what.clone(),
        });
    }
    let state = one.state();
    (one.is_usable() && state.is_transition()).then_some(Waiting::ChannelInTransition { channel: id, state })
}

/// A stopped channel whose slots cannot all be given, since there would be no room for their tags.
pub(super) fn tags_full(decision: &Decision<'_, '_>, channel: usize) -> Option<Waiting> {
    let reading = decision.reading;
    let one = &reading.channels[channel];
    let seen = one
        .seen
        .filter(|_| reading.observed.recording == Recording::Allowed)?;
    let untagged = || {
        let slots = one.slots.clone().map(|slot| &reading.slots[slot]);
        slots.filter(|slot| !slot.has_tag && slot.occupant != Occupant::Unusable)
    };
    // An update writes every slot that is not parked, and records it.
    let parked = untagged()
        .filter(|slot| slot.occupant == Occupant::Parked)
        .count();
    let taken = seen.tags.count + untagged().count() - parked;
    let full = taken > TAGS_MAX || taken == TAGS_MAX && parked > 0;
    full.then(|| Waiting::TagsFull {
        channel: one.id.clone(),
    })
}
