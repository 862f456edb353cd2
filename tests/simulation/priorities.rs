//! Whether a plan prefers the more important: no destination waits while a less important one is about to take its place.
//!
//! Judged by an exchange. Of two that are both off air, the one that waits would do in the slot that the other is given,
//! on a stopped channel with nothing in the way; so the plan with both exchanged would be better by its first goal.

use slotwise::testing::controller::View;
use slotwise::testing::model::{Destination, SlotId, StreamKey};
use slotwise::testing::plan::{DestinationPlan, Waiting};

/// A destination that waits although a less important one is about to go on air in a slot that would do.
pub(super) fn passed_over(view: &View) -> Option<String> {
    let plan = &view.plan;
    let declared = |one: &DestinationPlan| view.loaded.desired.destinations.get(&one.name);
    let waiting = || {
        let waits = |one: &&DestinationPlan| one.wanted && one.held.is_none() && is_blocked_by_others(one);
        plan.destinations.iter().filter(waits).filter_map(declared)
    };
    let rising = plan.destinations.iter().filter(|one| one.wanted && !one.on_air);
    rising
        .filter_map(|one| Some((declared(one)?, one.assignment.as_ref()?)))
        .filter(|(other, slot)| is_free_to_choose(view, other, slot))
        .find_map(|(other, slot)| {
            let better = |one: &&std::sync::Arc<Destination>| {
                one.pool == other.pool && one.priority > other.priority && would_do(one)
            };
            let one = waiting().find(better)?;
            Some(format!("{} waits while {} is given {slot}", one.name, other.name))
        })
}

/// Whether only other destinations on air keep it off air.
fn is_blocked_by_others(one: &DestinationPlan) -> bool {
    matches!(
        one.waiting,
        Some(
            Waiting::NoFreeSlot { .. }
                | Waiting::InterruptionForbidden { .. }
                | Waiting::OutsideWindow { .. }
                | Waiting::Uninterruptible { .. }
        )
    )
}

/// Whether any slot of its pool would do.
fn would_do(one: &Destination) -> bool {
    one.pin.is_none() && matches!(one.key, StreamKey::Known(_))
}

/// Whether only its importance gives `other` this slot: it does not come back to it after an interruption, its key is
/// known, and nothing is on air there.
fn is_free_to_choose(view: &View, other: &Destination, slot: &SlotId) -> bool {
    let is_stopped = view
        .observed
        .channels
        .get(&slot.channel)
        .and_then(|channel| channel.seen())
        .is_some_and(|channel| channel.state.is_stopped());
    let returns = view.observed.returning.contains_key(&other.name);
    is_stopped && !returns && matches!(other.key, StreamKey::Known(_))
}
