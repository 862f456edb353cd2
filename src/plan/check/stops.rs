//! The rule of stops, stated from the channel as it was seen.
//!
//! A running channel may be stopped only if
//!
//! - (a) it has at least one slot; every slot is parked, surplus that may be released, or held by a destination that is not
//!   wanted; and the pool says `idle: Stop`. Or
//! - (b) an interruption is granted: the channel is RUNNING, a change that is made on it is granted, and no destination on
//!   it is `interruptible: false`.
//!
//! | forbids both | unless |
//! |---|---|
//! | it has no slot | |
//! | a paused destination is on air on it | |
//! | a slot holds what is not declared | `takeover: true` |
//! | a group that the pool's pattern matches cannot be a slot | `takeover: true` |
//! | a slot holds what vanished from the declaration and is kept | |
//! | a destination that is wanted or paused is on air in a group that is no slot, and in no slot of a running channel | |
//!
//! A channel that stands in no pool has policy `Never` and `idle: Stop`.

use std::collections::BTreeSet;

use super::declared::Dest;
use super::places::Role;
use super::reading::{ChannelReading, Fit, Occupant, World, names_a_destination};
use super::steps::Subject;
use super::violation::{Forbidden, Ungranted, Violation};
use crate::model::{Cause, ChannelState, DestinationName, Idle};

/// What is on air on a channel, as far as a stop of it is concerned.
#[derive(Default)]
pub(super) struct OnAir {
    /// Slots of whatever content.
    slots: usize,
    /// Wanted destinations whose place this is, or that are on air here until their place is.
    pub(super) wanted: BTreeSet<Dest>,
    /// Paused destinations, however they are on air.
    paused: BTreeSet<Dest>,
    undeclared: bool,
    /// What vanished from the declaration and is kept.
    kept: bool,
    /// A group that the pattern matches and that cannot be a slot.
    unusable: bool,
    /// Somebody who stays on air, in what is no slot only.
    beside: bool,
}

impl OnAir {
    /// What a running channel has on air; nothing where it does not run.
    pub(super) fn of(world: &World<'_>, channel: &ChannelReading<'_>) -> Self {
        let mut on_air = Self::default();
        let Some(seen) = channel.seen.filter(|seen| seen.state.is_running()) else {
            return on_air;
        };
        for group in seen.groups.iter() {
            let is_matched = channel.matches(group);
            if group.target.is_err() {
                on_air.unusable |= is_matched;
                continue;
            }
            let tag = seen.recorded(&world.desired.owner, group);
            if is_matched || tag.as_ref().is_some_and(names_a_destination) {
                on_air.slots += 1;
                match channel.slots.get(group.name.as_str()) {
                    Some(slot) => on_air.add(world, &slot.occupant),
                    None => on_air.undeclared = true,
                }
            }
        }
        on_air.beside = world.published_beside(channel, seen).any(|stream| {
            let claimed = world.declared.claimed_by(&stream);
            let stays = claimed.is_some_and(|one| one.wanted || one.paused);
            stays && !world.is_in_running_slot(&stream)
        });
        on_air
    }

    fn add(&mut self, world: &World<'_>, occupant: &Occupant) {
        match occupant {
            Occupant::Parked | Occupant::Vanished { kept: false, .. } => {}
            Occupant::Vanished { kept: true, .. } => self.kept = true,
            Occupant::Undeclared => self.undeclared = true,
            Occupant::Of(dest, _, role) => {
                let one = world.declared.get(*dest);
                if one.paused {
                    self.paused.insert(*dest);
                } else if one.wanted && *role != (Role::Surplus { releasable: true }) {
                    self.wanted.insert(*dest);
                }
            }
        }
    }

    /// What no grant opens.
    fn forbids(&self, takeover: bool) -> Option<Forbidden> {
        if self.slots == 0 {
            Some(Forbidden::NoSlot)
        } else if !self.paused.is_empty() {
            Some(Forbidden::Paused)
        } else if self.undeclared && !takeover {
            Some(Forbidden::Undeclared)
        } else if self.unusable && !takeover {
            Some(Forbidden::Unusable)
        } else if self.kept {
            Some(Forbidden::Kept)
        } else if self.beside {
            Some(Forbidden::Beside)
        } else {
            None
        }
    }

    /// The wanted ones by name, sorted.
    pub(super) fn names(&self, world: &World<'_>) -> Vec<DestinationName> {
        self.wanted.iter().map(|dest| world.name(*dest).clone()).collect()
    }
}

/// What a change on a running channel is worth, and whose it is.
type Change = (Cause, Option<Dest>);

impl Subject<'_> {
    /// Whether the channel may be stopped, with the steps that follow.
    pub(super) fn check_stop(&self, on_air: &OnAir, found: &mut Vec<Violation>) {
        let channel = self.plan.id.clone();
        if let Some(why) = on_air.forbids(self.channel.takeover) {
            found.push(Violation::ForbiddenStop { channel, why });
            return;
        }
        let needs_grant = !on_air.wanted.is_empty() || self.channel.idle() == Idle::KeepRunning;
        if !needs_grant {
            return;
        }
        if let Some(why) = self.ungranted(on_air) {
            found.push(Violation::Ungranted {
                channel: channel.clone(),
                destinations: on_air.names(self.world),
                why,
            });
        }
        let stays_off = |dest: &&Dest| !self.moves_out(**dest);
        let lost = on_air.wanted.iter().filter(stays_off);
        let destinations: Vec<_> = lost.map(|dest| self.world.name(*dest).clone()).collect();
        if !self.ends_running() && !destinations.is_empty() {
            found.push(Violation::NotBroughtBack {
                channel,
                destinations,
            });
        }
    }

    fn ungranted(&self, on_air: &OnAir) -> Option<Ungranted> {
        let is_firm = |dest: &Dest| !self.world.destination(*dest).interruptible;
        if on_air.wanted.iter().any(is_firm) {
            return Some(Ungranted::Uninterruptible);
        }
        if self.seen.state == ChannelState::Recovering {
            return Some(Ungranted::Recovering);
        }
        if self.channel.idle() == Idle::KeepRunning && !self.ends_running() {
            return Some(Ungranted::KeepsRunning);
        }
        let is_granted = self.changes().into_iter().any(|change| self.is_granted(change));
        (!is_granted).then_some(Ungranted::Policy)
    }

    /// By the policy of the channel's pool, now, or by a one-off grant for the one whose change it is.
    fn is_granted(&self, (cause, whose): Change) -> bool {
        let Some(policy) = self.channel.policy else {
            return false;
        };
        let by_policy = policy.open && policy.pool.disruption.causes.contains(&cause);
        let named = |dest: Dest| self.world.desired.grants.contains(self.world.name(dest));
        by_policy || whose.is_some_and(named)
    }

    /// What the steps change on the running channel.
    fn changes(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        for (group, slot) in &self.channel.slots {
            let joins = self.write_to(group).and_then(|write| self.written(write));
            let occupant = match slot.occupant {
                Occupant::Of(dest, fit, role) => Some((dest, fit, role)),
                _ => None,
            };
            match (joins, occupant) {
                (Some(joins), Some((dest, fit, _))) if joins == dest => {
                    let is_changed = matches!(fit, Fit::Changed | Fit::Previous);
                    changes.extend(is_changed.then_some((Cause::Retarget, Some(dest))));
                    continue;
                }
                (joins, _) => changes.extend(joins.map(|joins| (Cause::Start, Some(joins)))),
            }
            if self.is_released(group) {
                changes.extend(self.leaves(&slot.occupant));
            }
        }
        changes
    }

    /// What it is worth that the content of a slot leaves.
    fn leaves(&self, occupant: &Occupant) -> Option<Change> {
        match occupant {
            Occupant::Parked | Occupant::Vanished { kept: true, .. } => None,
            Occupant::Vanished { kept: false, .. } | Occupant::Undeclared => Some((Cause::Stop, None)),
            Occupant::Of(dest, _, role) => {
                let is_off = !self.world.declared.get(*dest).wanted;
                let is_surplus = *role == Role::Surplus { releasable: true };
                if is_off || is_surplus {
                    Some((Cause::Stop, Some(*dest)))
                } else {
                    self.moves_out(*dest).then_some((Cause::Retarget, Some(*dest)))
                }
            }
        }
    }

    /// Whether a destination belongs to another pool now and this plan has a place for it there.
    pub(super) fn moves_out(&self, dest: Dest) -> bool {
        let destination = self.world.destination(dest);
        let has_place = || {
            let slot = self.assigned.places.get(&dest);
            let channel = slot.and_then(|slot| self.world.channels.get(&slot.channel));
            channel.is_some_and(|channel| channel.pool() == Some(&destination.pool))
        };
        self.channel.pool() != Some(&destination.pool) && has_place()
    }
}
