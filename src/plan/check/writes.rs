//! Rules for what an update writes.

use std::collections::BTreeSet;

use super::places::Role;
use super::reading::{Fit, Occupant, SlotReading};
use super::steps::Subject;
use super::violation::{About, Rule, Violation};
use crate::plan::{Content, SlotWrite};

impl Subject<'_> {
    /// Every rule for the writes.
    pub(super) fn check_writes(&self, found: &mut Vec<Violation>) {
        if self.update.is_some_and(<[_]>::is_empty) {
            found.push(self.broken(Rule::EmptyUpdate, "the update writes nothing"));
        }
        let mut written = BTreeSet::new();
        for write in self.update.into_iter().flatten() {
            let is_first = written.insert(&write.output_group);
            if let Some((rule, what)) = self.wrong_write(write, is_first) {
                let slot = About::Slot(self.channel.slot_id(&write.output_group));
                found.push(Violation::new(rule, slot, what));
            }
        }
    }

    fn wrong_write(&self, write: &SlotWrite, is_first: bool) -> Option<(Rule, String)> {
        if !is_first {
            return Some((Rule::WrittenTwice, "is written twice in one update".to_owned()));
        }
        let Some(slot) = self.channel.slot(&write.output_group) else {
            return Some((Rule::NoSlot, "is no slot of the pool".to_owned()));
        };
        let (found, needed) = (write.target.0.len(), self.seen.class.pipelines());
        if found != needed {
            let what = format!("has {needed} pipelines, the write has {found}");
            return Some((Rule::WrongPipelines, what));
        }
        if !self.is_as_said(write, slot) {
            let what = format!("what is written is not {}", write.content);
            return Some((Rule::WrongContent, what));
        }
        self.wrong_release(write, slot)
    }

    /// Whether a write is what it says, and that may be written here: a newcomer gets a slot of its pool, and one that is
    /// going to stay a slot.
    fn is_as_said(&self, write: &SlotWrite, slot: &SlotReading<'_>) -> bool {
        let Some(parking) = self.channel.parking(slot) else {
            return true;
        };
        let Some(dest) = self.written(write) else {
            return write.content == Content::Parked && write.target == parking;
        };
        let destination = self.world.one(dest).destination;
        let may_join = slot.matches && self.world.is_of_pool(self.channel, dest);
        let target = destination.target(self.seen.class, &parking);
        // A failed update is written again as it was, in whatever spelling that is.
        let is_there = matches!(slot.occupant, Occupant::Of(holder, Fit::Equal, _) if holder == dest);
        let is_as_it_was = is_there && write.target == *slot.target;
        let is_its_target = target.as_ref() == Some(&write.target) || is_as_it_was;
        (slot.dest() == Some(dest) || may_join) && is_its_target
    }

    /// A destination that would lose what it has by right.
    fn wrong_release(&self, write: &SlotWrite, slot: &SlotReading<'_>) -> Option<(Rule, String)> {
        let Occupant::Of(dest, fit, role) = slot.occupant else {
            return None;
        };
        let one = self.world.one(dest);
        let name = &one.destination.name;
        // A further one may go: its one slot is on air, or comes back on this channel.
        let held = self.world.places[dest].held;
        let is_beside = held.is_some_and(|held| self.world.channels[held.channel].id == self.channel.id);
        let is_spare = match role {
            Role::Releasable => true,
            Role::Surplus => is_beside,
            Role::Held | Role::Previous => false,
        };
        if is_spare {
            return None;
        }
        // On a channel that stays stopped it is never put on air again, so it would only keep the others off air.
        let comes_back = self.comes_back(slot, dest);
        if fit == Fit::Unknown && (one.wanted || one.paused) && comes_back {
            let what = format!("is recorded as that of {name}, whose key is not known, and is written");
            return Some((Rule::UnknownKeyWritten, what));
        }
        // For a destination of another pool there is a rule of its own.
        let is_of_pool = self.world.is_of_pool(self.channel, dest);
        let is_protected = one.wanted && self.channel.is_running() && is_of_pool;
        let is_taken = is_protected && self.written(write) != Some(dest);
        is_taken.then(|| {
            (
                Rule::Evicted,
                format!("is taken from {name}, which is on air there"),
            )
        })
    }
}
