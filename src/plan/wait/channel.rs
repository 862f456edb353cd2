//! What keeps a channel from where it should be.

use super::super::Waiting;
use super::super::goals::{Decision, Goal};
use super::room::tags_full;
use super::{blocked, leave_obstacle};

/// What keeps a channel from where it should be.
pub(in crate::plan) fn channel_waiting(decision: &Decision<'_, '_>, channel: usize) -> Option<Waiting> {
    let one = &decision.reading.channels[channel];
    if let Some(unusable) = &one.unusable {
        return Some(unusable.clone());
    }
    on_the_way(decision, channel).or_else(|| {
        let Some(kept) = decision.staying(channel) else {
            let beside = one.beside.clone().filter(|_| !one.is_running());
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
