//! Which of its slots is the one that counts for a destination.
//!
//! A destination holds one slot: one with its own target before one with its previous one, running before stopped. It may
//! be on air with its previous target meanwhile. All its other slots are *surplus*.

use super::{Fit, Occupant, Reading};
use crate::model::{ChannelState, SlotId};

/// How good a slot is as the one that counts for a destination, best first.
type Rank<'r> = (bool, u8, bool, bool, bool, &'r str, usize);

impl Reading<'_> {
    /// Finds where each destination is.
    pub(super) fn find_places(&mut self) {
        self.find_returning();
        let mut own: Vec<(usize, usize)> = Vec::new();
        for (at, slot) in self.slots.iter().enumerate() {
            if let Occupant::Dest(dest, _) = slot.occupant {
                own.push((dest, at));
            }
        }
        own.sort_by_cached_key(|(dest, slot)| {
            let (previous, readiness, unequal, not_ours, other_pool, id, at) = self.rank(*dest, *slot);
            let rank = (previous, readiness, unequal, not_ours, other_pool);
            (*dest, rank, id.to_owned(), at)
        });
        let mut rest = own.as_slice();
        while let Some((dest, _)) = rest.first().copied() {
            let count = rest.iter().take_while(|(other, _)| *other == dest).count();
            let (slots, others) = rest.split_at(count);
            self.place(dest, slots);
            rest = others;
        }
    }

    /// Settles where a destination is, given its slots, the best first.
    fn place(&mut self, dest: usize, slots: &[(usize, usize)]) {
        let is_previous = |slot: usize| self.slots[slot].occupant == Occupant::Dest(dest, Fit::Previous);
        let runs = |slot: usize| self.channel_of(slot).is_running();
        let slots = || slots.iter().map(|(_, slot)| *slot);
        // One with its own target, or for want of that one with its previous target.
        let held = slots().next();
        let on_air = held
            .filter(|slot| runs(*slot))
            .or_else(|| slots().find(|slot| is_previous(*slot) && runs(*slot)));
        let surplus = slots()
            .filter(|slot| held != Some(*slot) && on_air != Some(*slot))
            .collect();
        let one = &mut self.dests[dest];
        (one.held, one.on_air, one.surplus) = (held, on_air, surplus);
    }

    fn rank(&self, dest: usize, at: usize) -> Rank<'_> {
        let channel = self.channel_of(at);
        let is_previous = self.slots[at].occupant == Occupant::Dest(dest, Fit::Previous);
        let readiness = match (channel.is_usable(), channel.state()) {
            (true, ChannelState::Running) => 0,
            (true, state) if state.is_running() => 1,
            (false, ChannelState::Running) => 2,
            (false, state) if state.is_running() => 3,
            _ if self.comes_back(dest, at) => 4,
            _ => 5,
        };
        let is_ours = channel.adoption == super::Adoption::Owned && channel.is_usable();
        let other_pool = channel.pool != self.dests[dest].pool;
        (
            is_previous,
            readiness,
            // A copy on one pipeline only is not as good as the whole.
            self.slots[at].occupant != Occupant::Dest(dest, Fit::Equal),
            !is_ours,
            other_pool,
            channel.id.as_str(),
            at,
        )
    }

    /// Whether a slot is the one that a destination was interrupted in, of whatever pool that is.
    fn comes_back(&self, dest: usize, at: usize) -> bool {
        let slot = self.observed.returning.get(&self.dests[dest].decl.name);
        slot.is_some_and(|slot| {
            slot.channel == *self.channel_of(at).id && slot.output_group == self.slots[at].group.name
        })
    }

    fn find_returning(&mut self) {
        if self.observed.returning.is_empty() {
            return;
        }
        for at in 0..self.dests.len() {
            let (name, pool) = (&self.dests[at].decl.name, self.dests[at].pool);
            let slot: Option<&SlotId> = self.observed.returning.get(name);
            self.dests[at].returning = slot.and_then(|id| self.find_slot(pool, id));
        }
    }
}
