//! Why not more: the [`Waiting`] of each destination and channel.
//!
//! Each is true and, of several that are, the one nearest to a way out:
//!
//! | nearest first | it ends |
//! |---|---|
//! | `ChannelRecovering` | by itself, once MediaLive has repaired the channel |
//! | `OutsideWindow` | by itself, at a known time |
//! | `InterruptionForbidden`, `SharesChannel` | when the policy changes, once for all or just this once |
//! | `Uninterruptible` | when the others end |
//! | `Undeclared`, `SourceUntrusted`, `SecretUnavailable` | when it is declared, the source is whole, the key can be read |
//! | `TargetRefused` | when its address is corrected, or MediaLive takes it after all |
//! | `NoFreeSlot` | when there is another channel, or another destination ends |
//! | `NoSlot` | when the pool names output groups that its channels have |
//!
//! Of equal ones the channel with the fewest to interrupt is named, then the first by id.

mod channel;
mod nowhere;
mod pinned;
mod room;

use std::collections::BTreeSet;

use jiff::Timestamp;

pub(super) use self::channel::channel_waiting;
use self::channel::on_the_way;
use self::nowhere::nowhere_at_all;
pub(super) use self::pinned::taken_by;
use self::pinned::{pinned, pinned_waiting};
use super::Waiting;
use super::cost::INTERRUPTION;
use super::goals::{Decision, Goal, unreadable_key};
use super::grant::Grant;
use super::protection::{Block, Change, Kept, join, leave};
use super::reading::{BlockedBy, Fit, Intent, Occupant, Takeover};
use super::steps::pool_name;
use crate::model::{Cause, ChannelState, WantedState};

/// What is in the way of a change on a kept channel: how near a way out is, how many would be interrupted, the words.
pub(super) type Obstacle = (u8, usize, Waiting);

/// What keeps a destination from where it is wanted.
pub(super) fn destination_waiting(
    decisions: &[Decision<'_, '_>],
    dest: usize,
    now: Timestamp,
) -> Option<Waiting> {
    let reading = decisions[0].reading;
    let one = &reading.dests[dest];
    let decision = &decisions[one.pool];
    let there = one.on_air.map(|slot| (&decisions[reading.pool_of(slot)], slot));
    match one.intent {
        Intent::Paused => {
            let as_wished = there.is_some() == (one.decl.state == WantedState::Streaming);
            let pause = one.decl.pause_at(now).filter(|_| !as_wished)?;
            Some(Waiting::Paused {
                pool: None,
                pause: pause.clone(),
            })
        }
        Intent::Off => {
            let (there, slot) = there?;
            let channel = reading.slots[slot].channel;
            match there.goal(channel) {
                Goal::Leave => reading.channels[channel].unusable.clone(),
                Goal::Stay => leave_obstacle(there, slot).or_else(|| on_the_way(there, channel)),
                _ => on_the_way(there, channel),
            }
        }
        Intent::Wanted => match (there, decision.carried(dest)) {
            (Some((there, slot)), _) if reading.is_moved(dest) => Some(moved_waiting(there, dest, slot)),
            (Some(_), _) if one.refused.is_some() && is_refused_on_air(decision, dest) => {
                target_refused(decision, dest)
            }
            (Some(_), Some(carried)) if is_to_be_rewritten(decision, dest) => {
                Some(retarget_waiting(decision, dest, carried))
            }
            (_, Some(slot)) => carried_waiting(&decisions[reading.pool_of(slot)], dest, slot),
            (_, None) => Some(unplaced_waiting(decision, dest)),
        },
    }
}

/// Whether a destination is on air with another target than its own, and is given no slot for its own.
fn is_to_be_rewritten(decision: &Decision<'_, '_>, dest: usize) -> bool {
    let reading = decision.reading;
    let is_given = decision
        .carried(dest)
        .is_some_and(|slot| decision.given.get(&slot) == Some(&dest));
    !is_given && reading.fit_on_air(dest).is_some_and(Fit::is_retarget)
}

/// Whether a destination stays on air with another target than its own, as MediaLive refused that.
fn is_refused_on_air(decision: &Decision<'_, '_>, dest: usize) -> bool {
    let fit = decision.reading.fit_on_air(dest);
    fit == Some(Fit::Unwritable) || is_to_be_rewritten(decision, dest)
}

/// What MediaLive said when the target of a destination was to be written.
fn target_refused(decision: &Decision<'_, '_>, dest: usize) -> Option<Waiting> {
    let what = decision.reading.dests[dest].refused?.what.clone();
    Some(Waiting::TargetRefused { what })
}

/// A destination that was moved and is still on air in the pool that it was moved from.
fn moved_waiting(there: &Decision<'_, '_>, dest: usize, slot: usize) -> Waiting {
    let reading = there.reading;
    let channel = reading.slots[slot].channel;
    let on_the_way = on_the_way(there, channel).filter(|_| there.reserved_for(dest).is_some());
    on_the_way.unwrap_or_else(|| Waiting::OnAirElsewhere {
        channel: reading.channels[channel].id.clone(),
        output_group: Some(reading.slots[slot].group.name.clone()),
        pool: reading.pools[there.pool].name().cloned(),
    })
}

/// A destination that stays on air with its previous target.
fn retarget_waiting(decision: &Decision<'_, '_>, dest: usize, slot: usize) -> Waiting {
    let reading = decision.reading;
    let channel = reading.slots[slot].channel;
    if let Some(blocked) = &reading.dests[dest].blocked_by {
        return blocked_waiting(reading, blocked);
    }
    if let Some(unusable) = &reading.channels[channel].unusable {
        return unusable.clone();
    }
    let found = obstacle(decision, slot, join(reading, dest, slot)).map(|(_, _, waiting)| waiting);
    let pool = pool_name(decision);
    found
        .or_else(|| on_the_way(decision, channel))
        .unwrap_or(Waiting::NoFreeSlot {
            pool,
            outranked_by: None,
        })
}

fn carried_waiting(decision: &Decision<'_, '_>, dest: usize, slot: usize) -> Option<Waiting> {
    let reading = decision.reading;
    let on_air = reading.slot_id(slot);
    let channel = reading.slots[slot].channel;
    let is_on_air = reading.dests[dest].on_air == Some(slot);
    if is_on_air
        && let Some(pin) = &reading.dests[dest].decl.pin
        && pinned(pin) != on_air
    {
        return Some(Waiting::PinnedElsewhere {
            on_air,
            pinned: pinned(pin),
        });
    }
    let is_rewritten = decision.given.get(&slot) == Some(&dest);
    if is_on_air && !is_rewritten && reading.channels[channel].state() != ChannelState::Starting {
        // Whatever happens to the channel then happens to others; this one is where it is wanted.
        return None;
    }
    on_the_way(decision, channel)
}

/// Why no output group of a pool's channels is a slot that a newcomer might have.
pub(super) fn no_slot_at_all(decision: &Decision<'_, '_>) -> Option<Waiting> {
    nowhere_at_all(decision).filter(|waiting| matches!(waiting, Waiting::NoSlot { .. }))
}

fn unplaced_waiting(decision: &Decision<'_, '_>, dest: usize) -> Waiting {
    let reading = decision.reading;
    let one = &reading.dests[dest];
    // What is on air in an output group that is no slot, say, is found by the name of that group.
    if let Some(blocked) = &one.blocked_by {
        return no_slot_at_all(decision).unwrap_or_else(|| blocked_waiting(reading, blocked));
    }
    if let Some(unreadable) = unreadable_key(&one.decl.key) {
        return unreadable;
    }
    if let Some(refused) = target_refused(decision, dest) {
        return refused;
    }
    let pool = &reading.pools[decision.pool];
    if let Some(pause) = pool.paused {
        return Waiting::Paused {
            pool: pool.name().cloned(),
            pause: pause.clone(),
        };
    }
    if let Some(pin) = &one.decl.pin {
        return pinned_waiting(decision, dest, pin);
    }
    nearest(decision, dest)
}

fn blocked_waiting(reading: &super::Reading<'_>, blocked: &BlockedBy<'_>) -> Waiting {
    match blocked {
        BlockedBy::Output(output) => {
            super::router::on_air_in_output(reading.desired, reading.observed, output)
        }
        BlockedBy::Duplicate(other) => Waiting::SameTarget {
            other: (*other).clone(),
        },
        BlockedBy::Published {
            channel,
            output_group,
            pool,
            ..
        } => Waiting::OnAirElsewhere {
            channel: channel.clone(),
            output_group: output_group.clone(),
            pool: pool.clone(),
        },
    }
}

/// The nearest way for a destination that could go anywhere.
fn nearest(decision: &Decision<'_, '_>, dest: usize) -> Waiting {
    let find = || find_nearest(decision, dest).unwrap_or_else(|| no_free_slot(decision));
    // Only a one-off grant distinguishes destinations here.
    let name = &decision.reading.dests[dest].decl.name;
    if decision.reading.desired.grants.contains(name) {
        return find();
    }
    let joining = decision.joining.get_or_init(|| Some(find()));
    joining.clone().unwrap_or_else(find)
}

fn no_free_slot(decision: &Decision<'_, '_>) -> Waiting {
    let dests = &decision.reading.dests;
    let placed: BTreeSet<usize> = decision.items.iter().copied().collect();
    // One that comes back to its slot is placed before all others, and one on air keeps its slot.
    let given = decision.given.values().copied();
    let others = given.filter(|dest| placed.contains(dest) && dests[*dest].on_air.is_none());
    let last = others.min_by_key(|dest| (dests[*dest].decl.priority, std::cmp::Reverse(*dest)));
    Waiting::NoFreeSlot {
        pool: pool_name(decision),
        outranked_by: last.map(|dest| dests[dest].decl.name.clone()),
    }
}

fn find_nearest(decision: &Decision<'_, '_>, dest: usize) -> Option<Waiting> {
    let mut best: Option<Obstacle> = None;
    for at in decision.reading.pools[decision.pool].channels.clone() {
        if let Some((slot, change)) = joining(decision, at, dest)
            && let Some(obstacle) = obstacle(decision, slot, change)
            && best
                .as_ref()
                .is_none_or(|best| (obstacle.0, obstacle.1) < (best.0, best.1))
        {
            best = Some(obstacle);
        }
    }
    let beside = || {
        let mut channels = decision.reading.pools[decision.pool].channels.clone();
        channels.find_map(|at| decision.reading.channels[at].beside.clone())
    };
    best.map(|(_, _, waiting)| waiting)
        .or_else(|| nowhere_at_all(decision))
        .or_else(beside)
}

/// The slot of a kept channel that `dest` could get, and the change that would be.
pub(super) fn joining(decision: &Decision<'_, '_>, channel: usize, dest: usize) -> Option<(usize, Change)> {
    let reading = decision.reading;
    decision.staying(channel)?;
    let mut slots = reading.channels[channel].slots.clone();
    let slot = slots.find(|slot| is_free(decision, *slot))?;
    let change = Change {
        cause: Cause::Start,
        owner: Some(dest),
    };
    Some((slot, change))
}

/// Whether an interruption of a kept channel would free a slot of it.
fn is_free(decision: &Decision<'_, '_>, slot: usize) -> bool {
    let reading = decision.reading;
    match reading.slots[slot].occupant {
        _ if !reading.slots[slot].is_meant => false,
        Occupant::Parked => true,
        Occupant::Dest(dest, _) => {
            reading.dests[dest].intent == Intent::Off
                || !reading.is_own(dest, slot) && reading.is_releasable(dest, slot)
        }
        Occupant::Vanished(release) => release != super::reading::Release::Kept,
        Occupant::Undeclared => reading.channel_of(slot).takeover == Takeover::InForce,
        Occupant::Unusable => false,
    }
}

/// What keeps a slot of a kept channel from being released.
fn leave_obstacle(decision: &Decision<'_, '_>, slot: usize) -> Option<Waiting> {
    match obstacle(decision, slot, leave(decision.reading, slot))?.2 {
        Waiting::InterruptionForbidden {
            pool,
            slot,
            others,
            off_air,
            ..
        } => Some(Waiting::SharesChannel {
            pool,
            slot,
            others,
            off_air,
        }),
        other => Some(other),
    }
}

/// What keeps `change` from being made in `slot` of a kept channel; `None` if it could be made.
pub(super) fn obstacle(decision: &Decision<'_, '_>, slot: usize, change: Change) -> Option<Obstacle> {
    let reading = decision.reading;
    let channel = reading.slots[slot].channel;
    let kept = decision.staying(channel)?;
    let id = || reading.slot_id(slot);
    let (rank, waiting) = if let Some(block) = kept.block {
        (4, blocked(decision, block)?)
    } else if !kept.firm.is_empty() {
        let by = decision.names(kept.firm.iter().copied());
        (3, Waiting::Uninterruptible { slot: id(), by })
    } else {
        let policy = &reading.pools[decision.pool].policy;
        let grant = policy.grant(change.cause, change.owner_name(reading), reading.now);
        ungranted(decision, (channel, slot), kept, change, grant)?
    };
    Some((rank, kept.on_air.len(), waiting))
}

fn ungranted(
    decision: &Decision<'_, '_>,
    (channel, slot): (usize, usize),
    kept: &Kept,
    change: Change,
    grant: Grant,
) -> Option<(u8, Waiting)> {
    let reading = decision.reading;
    let own = change.cause == Cause::Retarget;
    let others = kept
        .on_air
        .iter()
        .copied()
        .filter(|dest| !own || change.owner != Some(*dest));
    let others = decision.names(others);
    let slot = reading.slot_id(slot);
    let forbidden = |cause| Waiting::InterruptionForbidden {
        pool: pool_name(decision),
        slot: slot.clone(),
        others: others.clone(),
        off_air: INTERRUPTION,
        cause,
        own,
    };
    match grant {
        Grant::Granted => {
            let channel = &reading.channels[channel];
            let is_recovering = channel.state() == ChannelState::Recovering;
            let channel = channel.id.clone();
            is_recovering.then_some((0, Waiting::ChannelRecovering { channel }))
        }
        Grant::OutsideWindow(opens) => Some((
            1,
            Waiting::OutsideWindow {
                slot: slot.clone(),
                others: others.clone(),
                opens,
            },
        )),
        Grant::Never => Some((2, forbidden(None))),
        Grant::NotFor(cause) => Some((2, forbidden(Some(cause)))),
    }
}

/// The waiting of a block that no grant removes. A channel that runs without a slot blocks no destination.
fn blocked(decision: &Decision<'_, '_>, block: Block) -> Option<Waiting> {
    let reading = decision.reading;
    if let Block::Undeclared(slot) | Block::Unusable(slot) = block
        && let Takeover::Waits(why) = &reading.channel_of(slot).takeover
    {
        return Some(Waiting::SourceUntrusted { why: why.clone() });
    }
    match block {
        Block::NoSlot => None,
        Block::Undeclared(slot) => Some(Waiting::Undeclared {
            slot: reading.slot_id(slot),
            host: reading.slots[slot].host().to_owned(),
            takeover: reading.channel_of(slot).no_takeover(),
        }),
        Block::Unusable(slot) => {
            let why = reading.slots[slot].group.target.as_ref().err()?.clone();
            let takeover = reading.channel_of(slot).no_takeover();
            let slot = reading.slot_id(slot);
            Some(Waiting::UnusableSlot { slot, why, takeover })
        }
        Block::Vanished(slot) => Some(Waiting::SourceUntrusted {
            why: reading.why_kept(Some(slot)),
        }),
        Block::Doubted => Some(Waiting::SourceUntrusted {
            why: reading.why_kept(None),
        }),
        Block::Beside(channel) => {
            let channel = &reading.channels[channel];
            Some(reading.carries_beside_slots(channel, channel.carries?))
        }
        Block::NoRestart(channel) => reading.channels[channel].beside.clone(),
    }
}
