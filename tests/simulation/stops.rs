//! The rule of stops, by the raw channel at the moment of the call.
//!
//! A running channel may be stopped only if it has a slot and each of its slots is parked, a second copy, or of an unwanted
//! destination; or if an interruption is granted. Neither while something on it is undeclared or cannot be a slot, unless
//! it is taken over and its tag says that this has begun, nor while a destination on it is paused, nor where it could not start
//! again. A change of its own interrupts a destination like any other.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use slotwise::testing::emulator::World;
use slotwise::testing::emulator::channel::State;
use slotwise::testing::model::{Cause, Desired, Destination, DestinationName};
use tokio::time::Instant;

use super::ground::{Fit, Ground, Occupant, Place};

/// A stop of a channel, at a moment, while this is declared.
pub(super) struct Stop<'a> {
    ground: Ground<'a>,
    id: &'a str,
    /// Whether a destination that is on air on another channel as well loses nothing.
    copies: bool,
}

impl<'a> Stop<'a> {
    pub(super) fn new(
        world: &'a World,
        id: &'a str,
        desired: &'a Desired,
        wall: Timestamp,
    ) -> Result<Self, String> {
        let mut ground = Ground::read(world, desired, wall);
        // Whether it is right that they vanished is asked for each declaration.
        ground.lets_go = true;
        if ground.place(id).is_none() {
            return Err("no pool names it, and it is not ours".to_owned());
        }
        let copies = true;
        Ok(Self { ground, id, copies })
    }

    /// A destination that is on air on another channel as well counts as lost, too.
    pub(super) fn with_copies(self) -> Self {
        Self {
            copies: false,
            ..self
        }
    }

    /// The destinations that it takes off air, or why it is forbidden.
    pub(super) fn judge(
        &self,
        released: &BTreeMap<DestinationName, Instant>,
    ) -> Result<BTreeSet<DestinationName>, String> {
        let ground = &self.ground;
        let place = ground.place(self.id).ok_or("no pool names it")?;
        if place.slots.iter().all(|slot| slot.is == Occupant::Unusable) {
            return Err("it has no slot".to_owned());
        }
        let mut lost: Vec<&Destination> = Vec::new();
        for slot in &place.slots {
            match &slot.is {
                Occupant::Unusable | Occupant::Undeclared if !place.is_taken_over() => {
                    return Err(format!("{} is not recognised", slot.group));
                }
                // A copy is no more than a copy.
                Occupant::Of(one, _) if self.copies && self.is_elsewhere(place, one) => {}
                Occupant::Of(one, _) if ground.pause_of(one).is_some() => {
                    return Err(format!("{} is paused and on air there", one.name));
                }
                Occupant::Of(one, _) if ground.wanted(one) && !released.contains_key(&one.name) => {
                    lost.push(*one);
                }
                _ => {}
            }
        }
        if let Some(one) = ground.kept_beside_slots(place) {
            return Err(format!("{} is on air there in what is no slot", one.name));
        }
        if lost.is_empty() && !place.keeps_running() {
            return Ok(BTreeSet::new());
        }
        if let Some(one) = ground.keeps_from_start(place) {
            return Err(format!(
                "it could not start again beside {} in what is no slot",
                one.name
            ));
        }
        let names: BTreeSet<DestinationName> = lost.iter().map(|one| one.name.clone()).collect();
        if let Some(firm) = lost.iter().find(|one| !one.interruptible) {
            return Err(format!("{} must not be interrupted", firm.name));
        }
        if ground.pause_on(place).is_some() {
            return Err(format!("{names:?} are on air there and the pool is paused"));
        }
        let mut changes = self.changes(place);
        if changes.any(|(cause, owner)| ground.grants(place.pool, cause, owner)) {
            return Ok(names);
        }
        Err(format!(
            "{names:?} are wanted and on air there, and nothing grants it"
        ))
    }

    /// Whether a destination is on air on another channel as well; where this channel only starts or recovers, another one
    /// that starts or recovers is as good.
    fn is_elsewhere(&self, place: &Place<'_>, one: &Destination) -> bool {
        let is_as_good =
            |other: &Place<'_>| other.is_in(State::Running) || !place.is_in(State::Running) && other.runs();
        let mut others = self.ground.places.iter().filter(|other| other.id != place.id);
        others.any(|other| {
            let mut slots = other.slots.iter();
            is_as_good(other)
                && slots.any(|slot| matches!(slot.is, Occupant::Of(is, fit) if is.name == one.name && fit != Fit::Previous))
        })
    }

    /// The changes that an interruption of a channel could be for, with their destinations.
    fn changes<'s>(
        &'s self,
        place: &'s Place<'a>,
    ) -> impl Iterator<Item = (Cause, Option<&'s DestinationName>)> {
        let ground = &self.ground;
        let here = place.slots.iter().filter_map(|slot| match &slot.is {
            Occupant::Parked | Occupant::Unusable => None,
            Occupant::Undeclared | Occupant::Vanished { .. } => Some((Cause::Stop, None)),
            Occupant::Of(one, fit) => {
                let is_moved = place.pool.is_none_or(|pool| pool.name != one.pool);
                let cause = if !ground.wanted(one) || self.is_elsewhere(place, one) {
                    Cause::Stop
                } else if is_moved || matches!(fit, Fit::Changed | Fit::Previous) {
                    Cause::Retarget
                } else {
                    return None;
                };
                Some((cause, Some(&one.name)))
            }
        });
        let is_current = |name| matches!(ground.on_air(name), Some((_, _, fit)) if fit != Fit::Previous);
        let joining = ground.desired.destinations.values().filter(move |one| {
            let is_of_pool = place.pool.is_some_and(|pool| pool.name == one.pool);
            is_of_pool && ground.wanted(one) && !is_current(&one.name)
        });
        here.chain(joining.map(|one| (Cause::Start, Some(&one.name))))
    }
}
