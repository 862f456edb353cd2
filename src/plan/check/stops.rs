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
//! | a slot holds what is not declared | `takeover: true`, recorded as begun, and all that is declared could be read |
//! | a group that the pool's pattern matches cannot be a slot | the same |
//! | a slot holds what vanished from the declaration and is kept, as it is on a channel in no pool | on such a channel, this process saw it declared |
//! | it stands in no pool while the declaration is doubted | every slot that is not parked is held by a destination that is off, and one is |
//! | a destination that is wanted or paused is on air in a group that is no slot, and in no slot of a running channel | |
//! | it is to start again and may not: a group that is no slot has a stream that is on air on another channel, or that a wanted destination pushes to that ingest | |
//!
//! A channel in no pool has policy `Never` and `idle: Stop`.

use super::declared::Dest;
use super::places::Role;
use super::reading::{Occupant, SlotReading};
use super::steps::{Subject, list};
use super::violation::{Rule, Violation};
use crate::model::{Cause, ChannelState, Idle, Trust};

/// A change on a running channel: its cause, and the destination it belongs to.
type Change = (Cause, Option<Dest>);

impl Subject<'_> {
    /// Whether the channel may be stopped, with the steps that follow.
    pub(super) fn check_stop(&self, found: &mut Vec<Violation>) {
        if let Some(why) = self.forbidden() {
            let what = format!("must not be stopped: {why}");
            found.push(self.broken(Rule::ForbiddenStop, what));
            return;
        }
        if self.on_air.is_empty() && self.channel.idle() != Idle::KeepRunning {
            return;
        }
        if let Some(why) = self.ungranted() {
            let names = list(&self.names(&self.on_air));
            found.push(self.broken(Rule::Ungranted, format!("the stop interrupts {names}: {why}")));
        }
        let mut lost = self.on_air.clone();
        lost.retain(|dest| !self.moves_out(*dest));
        if !self.ends_running && !lost.is_empty() {
            let names = list(&self.names(&lost));
            let what = format!("stops and does not start again, although {names} on it is wanted");
            found.push(self.broken(Rule::NotBroughtBack, what));
        }
    }

    /// What no grant opens.
    fn forbidden(&self) -> Option<&'static str> {
        let any = |is: &dyn Fn(&Occupant) -> bool| self.channel.slots.iter().any(|slot| is(&slot.occupant));
        let is_paused =
            |one: &Occupant| matches!(one, Occupant::Of(dest, ..) if self.world.one(*dest).paused);
        let is_kept = |one: &Occupant| matches!(one, Occupant::Vanished { kept: true, .. });
        let is_undeclared = any(&|one| *one == Occupant::Undeclared);
        let mut groups = self.seen.groups.iter();
        let is_unusable = groups.any(|group| group.target.is_err() && self.channel.matches(group));
        let takeover = self.is_taken_over();
        let reasons = [
            ("it has no slot", self.channel.slots.is_empty()),
            ("a destination on air on it is paused", any(&is_paused)),
            (
                "a slot holds what no Destination declares",
                is_undeclared && !takeover,
            ),
            (
                "an output group of the pool's pattern cannot be a slot",
                is_unusable && !takeover,
            ),
            (
                "a slot holds what vanished from the declaration and is kept",
                any(&is_kept),
            ),
            (
                "it stands in no pool, and may stand in one that could not be read",
                self.is_doubted(),
            ),
            (
                "a destination that stays on air is so in an output group that is no slot",
                self.is_any_kept_beside(),
            ),
            (
                "it could not start again, for what an output group that is no slot publishes",
                self.ends_running && self.is_any_twice_beside(),
            ),
        ];
        let (why, _) = reasons.iter().find(|(_, applies)| *applies)?;
        Some(why)
    }

    fn is_doubted(&self) -> bool {
        let is_off = |slot: &SlotReading<'_>| match slot.occupant {
            Occupant::Of(dest, ..) => !self.world.one(dest).wanted && !self.world.one(dest).paused,
            _ => false,
        };
        let slots = self.channel.slots.iter();
        let carrying: Vec<_> = slots.filter(|slot| slot.occupant != Occupant::Parked).collect();
        let is_asked_for = !carrying.is_empty() && carrying.into_iter().all(is_off);
        self.channel.policy.is_none() && self.world.desired.trust != Trust::Whole && !is_asked_for
    }

    fn is_any_kept_beside(&self) -> bool {
        let others = self.channel.others.iter().flat_map(|(_, pipes)| pipes);
        let mut beside = others.chain(&self.channel.strays).flatten();
        beside.any(|push| {
            let is_in_slot = || self.world.air.is_in_running_slot(&push.stream);
            self.world.declared.keeps(&push.stream) && !is_in_slot()
        })
    }

    /// Whether a start would publish a stream in a group that is no slot which another channel publishes, or a slot is to.
    fn is_any_twice_beside(&self) -> bool {
        let (air, declared) = (&self.world.air, &self.world.declared);
        let others = || {
            let pipes = self.channel.others.iter().flat_map(|(_, pipes)| pipes);
            pipes.flatten()
        };
        let mut all = others().chain(self.channel.strays.iter().flatten());
        others().any(|push| air.is_beside(self.channel.id, &push.stream))
            || all.any(|push| declared.wants(push))
    }

    fn ungranted(&self) -> Option<&'static str> {
        let is_firm = |dest: &Dest| !self.world.one(*dest).destination.interruptible;
        if self.on_air.iter().any(is_firm) {
            return Some("a destination on it must not be interrupted");
        }
        if self.seen.state == ChannelState::Recovering {
            return Some("it is RECOVERING");
        }
        if self.channel.idle() == Idle::KeepRunning && !self.ends_running {
            return Some("its pool keeps channels running, and it is not started again");
        }
        let mut changes = self.channel.slots.iter().flat_map(|slot| self.changes(slot));
        let is_granted = changes.any(|change| change.is_some_and(|change| self.is_granted(change)));
        (!is_granted).then_some("neither a policy nor a grant allows it for the changes made")
    }

    /// By the policy of the channel's pool, now, or by a one-off grant for the destination that the change belongs to.
    fn is_granted(&self, (cause, whose): Change) -> bool {
        let Some(policy) = &self.channel.policy else {
            return false;
        };
        let by_policy = policy.open && policy.pool.disruption.causes.contains(&cause);
        let named = |dest: Dest| self.world.desired.grants.contains(self.world.name(dest));
        by_policy || whose.is_some_and(named)
    }

    /// What the steps change in a slot: the destination that joins, and the one that leaves.
    fn changes(&self, slot: &SlotReading<'_>) -> [Option<Change>; 2] {
        let joins = self.write_to(slot).and_then(|write| self.written(write));
        if joins.is_some() && joins == slot.dest() {
            return [slot.is_changed().then_some((Cause::Retarget, joins)), None];
        }
        let leaves = self.is_released(slot).then(|| self.leaves(slot));
        [joins.map(|joins| (Cause::Start, Some(joins))), leaves.flatten()]
    }

    /// What it is worth that the content of a slot leaves.
    fn leaves(&self, slot: &SlotReading<'_>) -> Option<Change> {
        match slot.occupant {
            Occupant::Parked | Occupant::Vanished { kept: true, .. } => None,
            Occupant::Vanished { kept: false, .. } | Occupant::Undeclared => Some((Cause::Stop, None)),
            Occupant::Of(dest, _, role) => {
                let is_surplus = role == Role::Releasable;
                if is_surplus || !self.world.one(dest).wanted {
                    Some((Cause::Stop, Some(dest)))
                } else {
                    self.moves_out(dest).then_some((Cause::Retarget, Some(dest)))
                }
            }
        }
    }

    /// Whether a destination belongs to another pool now and has a place there: a slot by this plan, or a router output that only
    /// has to be started.
    fn moves_out(&self, dest: Dest) -> bool {
        let is_of_pool = |channel| self.world.is_of_pool(channel, dest);
        let place = self.planned.places[dest];
        let has_slot = || place.is_some_and(|site| is_of_pool(&self.world.channels[site.channel]));
        let has_output = || self.planned.prepared.contains(self.world.name(dest));
        !is_of_pool(self.channel) && (has_slot() || has_output())
    }

    /// A destination on air here that belongs to another pool leaves only for a slot there.
    pub(super) fn check_moves(&self, found: &mut Vec<Violation>) {
        for slot in self.channel.slots.iter().filter(|slot| self.is_released(slot)) {
            let Occupant::Of(dest, _, role) = slot.occupant else {
                continue;
            };
            let is_of_pool = self.world.is_of_pool(self.channel, dest);
            let is_surplus = role == Role::Releasable;
            let keeps = self.write_to(slot).and_then(|write| self.written(write)) == Some(dest);
            let may_leave = is_of_pool || is_surplus || keeps || self.moves_out(dest);
            if self.on_air.contains(&dest) && !may_leave {
                let name = self.world.name(dest);
                let what = format!("{name} is taken off air and has no slot in its pool");
                found.push(slot.broken(Rule::NoNewPlace, what));
            }
        }
    }
}
