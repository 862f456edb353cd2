//! What a start puts on air.

use std::collections::BTreeSet;

use jiff::Timestamp;
use slotwise::emulator::World;
use slotwise::emulator::world::Channel;
use slotwise::model::Desired;

use super::reading::{Endpoint, is_running, is_target_of, slots};
use super::world::PARKING;

/// A start of a channel, with what it puts on air.
pub(super) struct Start<'a> {
    world: &'a World,
    id: &'a str,
    targets: BTreeSet<Endpoint>,
}

impl<'a> Start<'a> {
    /// The start of channel `id`, which left it as it is in `world`.
    pub(super) fn new(world: &'a World, id: &'a str) -> Self {
        let slots = world.channel(id).map(slots).unwrap_or_default();
        let targets = slots.into_values().flatten().filter(|one| one.0 != PARKING);
        Self {
            world,
            id,
            targets: targets.collect(),
        }
    }

    /// A channel on which one of the targets is on air already, those aside that `is_news`.
    pub(super) fn twice(&self, is_news: impl Fn(&str, &Channel) -> bool) -> Option<&'a str> {
        let others = self
            .world
            .channels()
            .iter()
            .filter(|(other, _)| *other != self.id);
        let mut running = others.filter(|(other, channel)| is_running(channel) && !is_news(other, channel));
        let shares = |channel: &Channel| {
            slots(channel)
                .values()
                .flatten()
                .any(|one| self.targets.contains(one))
        };
        let found = running.find(|(_, channel)| shares(channel));
        found.map(|(other, _)| other.as_str())
    }

    /// Where its slots push to, parked ones aside.
    pub(super) fn targets(&self) -> &BTreeSet<Endpoint> {
        &self.targets
    }
}

/// Whether somebody wants `target` on air by what is declared at this time.
pub(super) fn is_wanted(desired: &Desired, wall: Timestamp, target: &Endpoint) -> bool {
    let mut all = desired.destinations.values();
    all.any(|one| one.is_wanted(wall) && is_target_of(one, target))
}
