//! Where those that were interrupted come back.
//!
//! Each to its slot, as soon as the channel has stopped. One that was moved to another pool meanwhile comes back as it was, unless
//! there is a place for it in the new pool: the change of its declaration takes nobody off air.
//!
//! Who comes back is remembered by name, and a name may pass on meanwhile. Then the destination comes back to which the slot
//! belongs now, by its stream or by what is recorded of it.

use std::collections::BTreeMap;

use super::{BlockedBy, Fit, Intent, Occupant, Reading};
use crate::model::{ChannelState, DestinationName, SlotId};
use crate::plan::router::placed_in_outputs;

impl Reading<'_> {
    /// Finds the slot that each interrupted destination comes back to, whether it can or not.
    pub(super) fn find_returning(&mut self) {
        if self.observed.returning.is_empty() {
            return;
        }
        for at in 0..self.dests.len() {
            let (name, pool) = (&self.dests[at].decl.name, self.dests[at].pool);
            let slot: Option<&SlotId> = self.observed.returning.get(name);
            let there = slot.and_then(|id| self.find_slot(pool, id).or_else(|| self.find_its_slot(at, id)));
            self.dests[at].returning = there;
        }
    }

    /// The names that those who come back have now, where these are no longer their names, by the names that are remembered.
    pub fn renamed(&self) -> BTreeMap<DestinationName, DestinationName> {
        let returning = &self.observed.returning;
        let now = |(name, id): (&DestinationName, &SlotId)| {
            let mut pools = 0..self.pools.len();
            let slot = pools.find_map(|pool| self.find_slot(pool, id))?;
            let Occupant::Dest(dest, _) = self.slots[slot].occupant else {
                return None;
            };
            let one = &self.dests[dest];
            // One that is declared still may come back to a slot that was reserved for it, whatever that holds.
            let is_its = self.desired.destinations.contains_key(name)
                && !(one.held == Some(slot) && self.observed.interrupted.contains(&id.channel));
            let is_next = one.intent == Intent::Wanted && !returning.contains_key(&one.decl.name);
            (!is_its && is_next).then(|| (name.clone(), one.decl.name.clone()))
        };
        returning.iter().filter_map(now).collect()
    }

    /// A slot in another pool than that of a destination, if the destination holds it.
    fn find_its_slot(&self, dest: usize, id: &SlotId) -> Option<usize> {
        let pools = 0..self.pools.len() - 1;
        let slot = pools
            .filter(|pool| *pool != self.dests[dest].pool)
            .find_map(|pool| self.find_slot(pool, id))?;
        matches!(self.slots[slot].occupant, Occupant::Dest(holder, _) if holder == dest).then_some(slot)
    }

    fn is_as_it_was(&self, dest: usize, slot: usize) -> bool {
        matches!(self.slots[slot].occupant, Occupant::Dest(holder, Fit::Equal | Fit::Unwritable) if holder == dest)
    }

    /// Binds those that come back to their slots. One whose target cannot be written comes back only to a slot that has it, or
    /// is recorded as its own.
    pub(super) fn bind(&mut self) {
        for dest in 0..self.dests.len() {
            if let Some(slot) = self.dests[dest].returning
                && self.may_come_back(dest, slot)
                && !self.bound.values().any(|taken| *taken == slot)
            {
                self.bound.insert(dest, slot);
            }
        }
    }

    fn may_come_back(&self, dest: usize, slot: usize) -> bool {
        let (one, channel) = (&self.dests[dest], self.channel_of(slot));
        let is_stopped = channel.is_usable() && !channel.is_running() && channel.beside.is_none();
        // What a failed update left in a slot has to be written again.
        let is_sure = channel.state() != ChannelState::UpdateFailed || !one.has_key();
        let has_target = one.is_writable() && self.slots[slot].occupant != Occupant::Unusable
            || self.is_as_it_was(dest, slot) && is_sure;
        let may_start = match &one.blocked_by {
            None => true,
            // Its channel has two copies of it, say, and publishes neither once it has stopped.
            Some(BlockedBy::Published { own, .. }) => {
                own.is_some_and(|own| self.slots[own].channel == self.slots[slot].channel)
            }
            Some(BlockedBy::Duplicate(_) | BlockedBy::Output(_)) => false,
        };
        let is_off_air = one.intent == Intent::Wanted && one.on_air.is_none();
        let is_its_place = channel.pool == one.pool || !self.has_room_for(dest);
        is_off_air && is_stopped && has_target && may_start && is_its_place
    }

    /// Whether a destination certainly finds a place in its pool: a router output that has everything but its start, or was started; or as many
    /// slots are parked on stopped channels as destinations of the pool are off air.
    fn has_room_for(&self, dest: usize) -> bool {
        let one = &self.dests[dest];
        if self.desired.routers.contains_key(&one.decl.pool) {
            let placed = placed_in_outputs(self.desired, self.observed, self.now);
            return placed.contains(&one.decl.name);
        }
        let pool = &self.pools[one.pool];
        let channels = self.channels[pool.channels.clone()].iter();
        let startable = channels.filter(|channel| {
            channel.is_usable() && channel.state().is_stopped() && channel.beside.is_none()
        });
        let slots = startable.flat_map(|channel| &self.slots[channel.slots.clone()]);
        let free = slots.filter(|slot| slot.is_meant && slot.occupant == Occupant::Parked);
        let dests = self.dests[pool.dests.clone()].iter();
        let off_air = dests.filter(|one| one.intent == Intent::Wanted && one.on_air.is_none());
        one.is_writable() && one.decl.pin.is_none() && free.count() >= off_air.count()
    }
}
