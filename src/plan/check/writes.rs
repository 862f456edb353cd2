//! Rules for what an update writes.

use std::collections::BTreeSet;

use super::places::Role;
use super::reading::{Fit, Occupant, SlotReading};
use super::steps::Subject;
use super::violation::Violation;
use crate::model::SlotId;
use crate::plan::{Content, SlotWrite};

impl Subject<'_> {
    /// Every rule for the writes.
    pub(super) fn check_writes(&self, found: &mut Vec<Violation>) {
        let Some(writes) = self.writes() else {
            return;
        };
        if writes.is_empty() {
            found.push(Violation::EmptyUpdate {
                channel: self.plan.id.clone(),
            });
        }
        let mut written = BTreeSet::new();
        for write in writes {
            let id = self.slot_id(write.output_group.as_str());
            if !written.insert(&write.output_group) {
                found.push(Violation::WrittenTwice { slot: id });
                continue;
            }
            found.extend(self.wrong_write(write, id));
        }
    }

    fn wrong_write(&self, write: &SlotWrite, id: SlotId) -> Option<Violation> {
        let Some(slot) = self.channel.slots.get(write.output_group.as_str()) else {
            return Some(Violation::NoSlot { slot: id });
        };
        let pipelines = self.seen.class.pipelines();
        if write.target.0.len() != pipelines {
            return Some(Violation::WrongPipelines {
                slot: id,
                found: write.target.0.len(),
                wanted: pipelines,
            });
        }
        if let Some(said) = self.wrong_content(write, slot) {
            return Some(Violation::WrongContent { slot: id, said });
        }
        self.wrong_release(write, slot, id)
    }

    /// What a write says that it is, if it is not that.
    fn wrong_content(&self, write: &SlotWrite, slot: &SlotReading<'_>) -> Option<String> {
        let parking = self.channel.parking(write.output_group.as_str())?;
        match &write.content {
            Content::Parked => (write.target != parking).then(|| "parked".to_owned()),
            Content::Destination(name) => {
                let is_right = self.world.declared.by_name(name).is_some_and(|dest| {
                    let destination = self.world.destination(dest);
                    // A newcomer gets a slot of its pool, and one that is going to stay a slot.
                    let is_here = matches!(slot.occupant, Occupant::Of(own, ..) if own == dest);
                    let may_join = slot.matches && self.channel.pool() == Some(&destination.pool);
                    let target = destination.target(self.seen.class, &parking);
                    (is_here || may_join) && target.as_ref() == Some(&write.target)
                });
                (!is_right).then(|| name.to_string())
            }
            _ => Some("a destination or parked".to_owned()),
        }
    }

    /// A destination that would lose what it has by right.
    fn wrong_release(&self, write: &SlotWrite, slot: &SlotReading<'_>, id: SlotId) -> Option<Violation> {
        let Occupant::Of(dest, fit, role) = slot.occupant else {
            return None;
        };
        let one = self.world.declared.get(dest);
        // On a channel that stays stopped it is never put on air again, so it would only keep the others off air.
        let comes_back = self.comes_back(write.output_group.as_str(), dest);
        // A further one may go: its one slot is on air, or comes back on this channel.
        let held = self.world.places[dest].held;
        let is_beside = held.is_some_and(|held| held.channel == self.channel.id);
        let is_spare = match role {
            Role::Surplus { releasable } => releasable || is_beside,
            Role::Held | Role::Previous => false,
        };
        if fit == Fit::Unknown && (one.wanted || one.paused) && comes_back && !is_spare {
            return Some(Violation::UnknownKeyWritten {
                slot: id,
                destination: self.world.name(dest).clone(),
            });
        }
        let is_protected = one.wanted && self.channel.is_running() && !is_spare;
        // Who belongs to another pool leaves by a rule of its own.
        let is_of_pool = self.channel.pool() == Some(&one.destination.pool);
        (is_protected && is_of_pool && self.written(write) != Some(dest)).then(|| Violation::Evicted {
            slot: id,
            destination: self.world.name(dest).clone(),
        })
    }
}
