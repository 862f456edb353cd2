//! Whether there would be a way on air or off, within what is granted.

use slotwise::testing::emulator::channel::State;
use slotwise::testing::model::{Cause, Destination, StreamKey};

use super::{Fit, Oracle, Place, Slot};

impl Oracle<'_> {
    /// A slot in which a wanted destination could be on air as it is declared.
    pub(super) fn way_on(&self, one: &Destination) -> Option<String> {
        let ground = self.ground;
        if !matches!(one.key, StreamKey::Known(_)) {
            return None;
        }
        let there = ground.on_air(&one.name);
        if let Some((at, slot, _)) = there {
            let place = &ground.places[at];
            if self.opens(place, Cause::Retarget, one) {
                return Some(name(place, &place.slots[slot]));
            }
        }
        // The same stream at another address is written where it is, and nowhere else.
        if matches!(there, Some((_, _, Fit::Changed))) {
            return None;
        }
        let usable = self
            .of_pool(one)
            .filter(|place| ground.is_usable(place) && !ground.may_not_start(place));
        for place in usable {
            let pinned = |slot: &&Slot<'_>| {
                one.pin.as_ref().is_none_or(|pin| {
                    pin.channel.as_str() == place.id && pin.output_group.as_str() == slot.group
                })
            };
            // One that is on air with its previous target interrupts no other destination to begin anew elsewhere.
            let may_interrupt = || there.is_none() && self.opens(place, Cause::Start, one);
            let could_carry = |slot: &&Slot<'_>| {
                let is_free = place.is_stopped()
                    || place.runs()
                        && !ground.is_kept(place, slot)
                        && (ground.is_vacant(place) || may_interrupt());
                place.could_give(slot) && is_free
            };
            if let Some(slot) = place.slots.iter().filter(pinned).find(could_carry) {
                return Some(name(place, slot));
            }
        }
        None
    }

    /// A way for a destination that was moved to another pool and is on air in the one before.
    pub(super) fn way_over(&self, one: &Destination, at: usize, slot: usize) -> Option<String> {
        let place = &self.ground.places[at];
        let is_known = matches!(one.key, StreamKey::Known(_));
        let mut stopped = self
            .of_pool(one)
            .filter(|place| place.is_stopped() && self.ground.is_usable(place))
            .filter(|place| !self.ground.may_not_start(place));
        let is_free = |new: &Place<'_>| {
            let mut slots = new.slots.iter();
            slots.any(|slot| {
                new.could_give(slot)
                    && one.pin.as_ref().is_none_or(|pin| {
                        pin.channel.as_str() == new.id && pin.output_group.as_str() == slot.group
                    })
            })
        };
        let is_open = self.opens(place, Cause::Retarget, one);
        (is_known && is_open && stopped.any(is_free)).then(|| name(place, &place.slots[slot]))
    }

    /// A slot of which a destination that is not wanted could be released.
    pub(super) fn way_off(&self, one: &Destination) -> Option<String> {
        let (at, slot, _) = self.ground.on_air(&one.name)?;
        let place = &self.ground.places[at];
        let is_open = self.ground.is_usable(place)
            && (self.ground.is_vacant(place) || self.opens(place, Cause::Stop, one));
        is_open.then(|| name(place, &place.slots[slot]))
    }

    /// Whether a running channel may be interrupted for a change of this cause, which is that of `one`.
    fn opens(&self, place: &Place<'_>, cause: Cause, one: &Destination) -> bool {
        let granted = self.ground.grants(place.pool, cause, Some(&one.name));
        granted
            && self.ground.is_usable(place)
            && place.is_in(State::Running)
            && self.ground.occupants(place).yields()
    }
}

fn name(place: &Place<'_>, slot: &Slot<'_>) -> String {
    format!("{}/{}", place.id, slot.group)
}
