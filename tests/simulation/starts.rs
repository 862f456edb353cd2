//! What a start puts on air.

use jiff::Timestamp;
use slotwise::testing::emulator::World;
use slotwise::testing::emulator::channel::State;
use slotwise::testing::emulator::world::Channel;
use slotwise::testing::model::{Desired, Endpoint, SlotId, SlotSelector};

use super::ground::{Fit, Ground, Occupant, clash, is_refused};
use super::reading::{is_running, rtmp_groups};
use super::world::PARKING;

/// A start of a channel, with what it puts on air.
pub(super) struct Start<'a> {
    world: &'a World,
    id: &'a str,
    targets: Vec<Endpoint>,
}

impl<'a> Start<'a> {
    /// The start of channel `id`, which left it as it is in `world`.
    pub(super) fn new(world: &'a World, id: &'a str) -> Self {
        let targets = world
            .channel(id)
            .map(|channel| pushed(id, channel))
            .unwrap_or_default();
        Self { world, id, targets }
    }

    /// A channel on which one of the streams is, or may be, on air already, those aside that are `is_news`.
    pub(super) fn twice(&self, is_news: impl Fn(&str, &Channel) -> bool) -> Option<&'a str> {
        let others = self
            .world
            .channels()
            .iter()
            .filter(|(other, _)| *other != self.id);
        let publishes = |channel: &Channel| is_running(channel) || channel.state() == State::Stopping;
        let mut publishing = others.filter(|(other, channel)| publishes(channel) && !is_news(other, channel));
        let shares = |other: &str, channel: &Channel| {
            let there = pushed(other, channel);
            there
                .iter()
                .any(|one| self.targets.iter().any(|own| clash(own, one)))
        };
        let found = publishing.find(|(other, channel)| shares(other, channel));
        found.map(|(other, _)| other.as_str())
    }

    /// Slots that carry no destination wanted on air by the declaration at this time.
    pub(super) fn unwanted(&self, desired: &Desired, wall: Timestamp) -> Vec<String> {
        let ground = Ground::read(self.world, desired, wall);
        let Some(place) = ground.place(self.id) else {
            return vec!["no pool names it".to_owned()];
        };
        let slots = place.slots.iter().filter(|slot| match &slot.is {
            Occupant::Parked | Occupant::Unusable => false,
            // What MediaLive refuses continues with its previous target.
            Occupant::Of(one, fit) => {
                *fit == Fit::Previous && !is_refused(self.world, one) || !ground.wanted(one)
            }
            Occupant::Vanished { .. } | Occupant::Undeclared => true,
        });
        slots.map(|slot| slot.group.clone()).collect()
    }
}

/// Where the RTMP groups of a channel push to, parked ones aside.
fn pushed(id: &str, channel: &Channel) -> Vec<Endpoint> {
    let groups = rtmp_groups(channel).into_iter();
    let endpoints = groups.flat_map(|(group, endpoints)| {
        let slot = SlotId::new(id, group.as_str());
        (0..).zip(endpoints).filter(move |(at, one)| {
            !one.url.starts_with(PARKING)
                && one.stream_name.reveal() != SlotSelector::parking_name(&slot, *at)
        })
    });
    endpoints.map(|(_, one)| one).collect()
}
