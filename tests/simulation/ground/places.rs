//! Where destinations are on air, the occupants of a channel, and which channels may be used.

use std::cmp::Reverse;

use slotwise::testing::emulator::channel::State;
use slotwise::testing::emulator::world::Channel;
use slotwise::testing::model::{Destination, DestinationName, Endpoint};

use super::super::reading::{owner, rtmp_groups};
use super::{Fit, Ground, Names, Occupant, Place, Slot, clash, in_force, pushes};

/// The occupants of a running channel.
#[derive(Debug, Default)]
pub(in super::super) struct Occupants {
    /// Wanted and on air there.
    pub(in super::super) on_air: Names,
    /// Must not be interrupted.
    pub(in super::super) firm: Names,
    /// Slots on air for no wanted or paused destination.
    pub(in super::super) leaving: Vec<usize>,
    /// The first slot that nothing helps against.
    pub(in super::super) block: Option<usize>,
    /// Whether a destination that stays on air is so there in a group that is not a slot.
    carries_beside: bool,
    /// Whether it is to start again once it has stopped, and could not.
    no_restart: bool,
}

impl Occupants {
    /// Whether a grant would be enough to stop it.
    pub(in super::super) fn yields(&self) -> bool {
        self.firm.is_empty() && !self.is_blocked()
    }

    /// Whether no grant helps.
    pub(in super::super) fn is_blocked(&self) -> bool {
        self.block.is_some() || self.carries_beside || self.no_restart
    }
}

impl Ground<'_> {
    /// The slots that a destination has, by the places of channel and slot, the one that counts first.
    fn ranks(&self, name: &DestinationName) -> Vec<(usize, usize, Fit)> {
        let mut found = Vec::new();
        for (at, place) in self.places.iter().enumerate() {
            for (slot, is) in place.slots.iter().enumerate() {
                let Occupant::Of(one, fit) = is.is else { continue };
                if one.name != *name {
                    continue;
                }
                let usable = self.is_sound(place) && self.pause_on(place).is_none();
                let rank = (
                    fit == Fit::Previous,
                    Reverse((place.runs(), place.runs() && usable, place.is_in(State::Running))),
                    fit != Fit::Equal,
                    !usable || place.is_unowned(),
                    place.pool.is_none_or(|pool| pool.name != one.pool),
                );
                found.push((rank, place.id, slot, at, fit));
            }
        }
        found.sort_unstable_by_key(|(rank, id, slot, ..)| (*rank, *id, *slot));
        found
            .into_iter()
            .map(|(_, _, slot, at, fit)| (at, slot, fit))
            .collect()
    }

    /// The slot that a destination is on air in, if it is: its place in `places`, its slot there, and how that fits.
    pub(in super::super) fn on_air(&self, name: &DestinationName) -> Option<(usize, usize, Fit)> {
        let all = self.ranks(name);
        let held = all.first();
        let runs = |at: usize| self.places[at].runs();
        let previous = || all.iter().find(|(at, _, fit)| *fit == Fit::Previous && runs(*at));
        held.filter(|(at, ..)| runs(*at)).or_else(previous).copied()
    }

    /// Whether a slot is the one that counts for the destination that has it.
    fn is_own(&self, name: &DestinationName, place: &Place<'_>, slot: usize) -> bool {
        let is_here = |(at, is, _): &(usize, usize, Fit)| self.places[*at].id == place.id && *is == slot;
        let all = self.ranks(name);
        all.first().is_some_and(is_here) || self.on_air(name).as_ref().is_some_and(is_here)
    }

    /// Whether a second copy may end: the first one is RUNNING, with the destination's own stream or that of the copy. Of two
    /// previous streams it is not known which one is watched. Of a paused destination none may.
    fn is_spare(&self, one: &Destination, place: &Place<'_>, slot: usize) -> bool {
        let copy: Vec<_> = place.slots[slot].streams().collect();
        let own: Vec<_> = pushes(one).iter().map(Endpoint::stream).collect();
        let first = self.on_air(&one.name).filter(|(at, first, _)| {
            let mut streams = self.places[*at].slots[*first].streams();
            let runs = self.places[*at].is_in(State::Running);
            runs && streams.any(|stream| copy.contains(&stream) || own.contains(&stream))
        });
        self.pause_of(one).is_none() && !self.is_own(&one.name, place, slot) && first.is_some()
    }

    /// The occupants of a running channel.
    pub(in super::super) fn occupants(&self, place: &Place<'_>) -> Occupants {
        let mut occupants = Occupants {
            carries_beside: self.kept_beside_slots(place).is_some(),
            ..Occupants::default()
        };
        for (at, slot) in place.slots.iter().enumerate() {
            match &slot.is {
                Occupant::Parked => {}
                Occupant::Unusable if place.takeover => {}
                Occupant::Undeclared if place.takeover => occupants.leaving.push(at),
                Occupant::Vanished { released, .. } if *released || self.lets_go => {
                    occupants.leaving.push(at);
                }
                Occupant::Unusable | Occupant::Undeclared | Occupant::Vanished { .. } => {
                    occupants.block.get_or_insert(at);
                }
                Occupant::Of(one, _) => {
                    if self.is_off(one) || self.is_spare(one, place, at) {
                        occupants.leaving.push(at);
                        continue;
                    }
                    if self.wanted(one) {
                        occupants.on_air.insert(one.name.clone());
                    }
                    if self.pause_of(one).is_some() || !one.interruptible {
                        occupants.firm.insert(one.name.clone());
                    }
                }
            }
        }
        let is_to_start_again = !occupants.on_air.is_empty() || place.keeps_running();
        occupants.no_restart = is_to_start_again && self.keeps_from_start(place).is_some();
        occupants
    }

    /// A destination that stays on air in an RTMP group that is not a slot, and in no slot of a running channel.
    pub(in super::super) fn kept_beside_slots(&self, place: &Place<'_>) -> Option<&Destination> {
        let is_kept = |one: &Destination| !self.is_off(one) && self.on_air(&one.name).is_none();
        self.beside_slots(place).find(|one| is_kept(one))
    }

    /// The destinations whose streams a channel has in RTMP groups that are not slots.
    pub(in super::super) fn beside_slots(&self, place: &Place<'_>) -> impl Iterator<Item = &Destination> {
        let groups = place.channel.map(rtmp_groups).unwrap_or_default();
        let others = groups.iter().filter(|(group, _)| place.slot(group).is_none());
        let streams: Vec<_> = others
            .flat_map(|(_, endpoints)| endpoints.iter().map(Endpoint::stream))
            .collect();
        let all = self.desired.destinations.values().map(AsRef::as_ref);
        all.filter(move |one| pushes(one).iter().any(|own| streams.contains(&own.stream())))
    }

    /// A wanted destination that a channel would push to its very ingest in an RTMP group that is not a slot.
    pub(in super::super) fn keeps_from_start(&self, place: &Place<'_>) -> Option<&Destination> {
        let groups = place.channel.map(rtmp_groups).unwrap_or_default();
        let others = groups.iter().filter(|(group, _)| place.slot(group).is_none());
        let there: Vec<&Endpoint> = others.flat_map(|(_, endpoints)| endpoints).collect();
        let mut all = self.desired.destinations.values().map(AsRef::as_ref);
        all.find(|one| {
            let own = pushes(one);
            let clashes = |there: &&Endpoint| own.iter().any(|own| clash(own, there));
            self.wanted(one) && there.iter().any(clashes)
        })
    }

    /// Whether a running channel stops by itself.
    pub(in super::super) fn is_vacant(&self, place: &Place<'_>) -> bool {
        let occupants = self.occupants(place);
        let mut slots = place.slots.iter();
        let has_slot = slots.any(|slot| slot.is != Occupant::Unusable);
        has_slot && occupants.on_air.is_empty() && occupants.yields() && !place.keeps_running()
    }

    /// Whether a stopped channel stays so: a wanted destination would be on air there in a group that is not a slot; or a
    /// slot of it is recorded as that of a destination whose key cannot be read and that is not to lose it. It is neither
    /// put on air by a guess nor written.
    pub(in super::super) fn may_not_start(&self, place: &Place<'_>) -> bool {
        let holds = |(at, slot): (usize, &Slot<'_>)| match slot.is {
            Occupant::Of(one, Fit::Unreadable) => !self.is_off(one) && !self.is_spare(one, place, at),
            _ => false,
        };
        let would_push = || self.keeps_from_start(place).is_some();
        !place.runs() && (place.slots.iter().enumerate().any(holds) || would_push())
    }

    /// Whether a destination is kept in a slot of a running channel.
    pub(in super::super) fn is_kept(&self, place: &Place<'_>, slot: &Slot<'_>) -> bool {
        let at = place.slots.iter().position(|one| one.group == slot.group);
        let is_leaving = at.is_some_and(|at| self.occupants(place).leaving.contains(&at));
        slot.is != Occupant::Parked && !is_leaving
    }

    /// The pause in force on the pool of a channel.
    pub(in super::super) fn pause_on<'p>(
        &self,
        place: &Place<'p>,
    ) -> Option<&'p slotwise::testing::model::Pause> {
        in_force(place.pool?.paused.as_ref(), self.wall)
    }

    /// Whether a channel may be used at all.
    pub(in super::super) fn is_usable(&self, place: &Place<'_>) -> bool {
        self.pause_on(place).is_none() && self.is_sound(place) && !self.is_refused(place)
    }

    /// Whether a channel exists, has not failed, and is not another's.
    fn is_sound(&self, place: &Place<'_>) -> bool {
        let failed = |channel: &Channel| matches!(channel.state(), State::CreateFailed | State::Deleting);
        place.channel.is_some_and(|channel| !failed(channel)) && self.other_owner(place).is_none()
    }

    /// The other owner of a channel.
    pub(in super::super) fn other_owner<'p>(&self, place: &Place<'p>) -> Option<&'p str> {
        let owner = place.channel.and_then(owner);
        owner.filter(|owner| *owner != self.desired.owner.as_str())
    }

    /// Whether a channel without an owner is left alone.
    pub(in super::super) fn is_refused(&self, place: &Place<'_>) -> bool {
        if place.cannot_be_owned() {
            return true;
        }
        if !place.is_unowned() || !place.may_publish() || place.takeover {
            return false;
        }
        let was_held = place.slots.iter().any(Slot::was_held);
        let is_wanted = |(at, slot): (usize, &Slot<'_>)| match slot.is {
            Occupant::Of(one, fit) => {
                fit != Fit::Previous && self.wanted(one) && self.is_placed(one, place, at)
            }
            _ => false,
        };
        let carries = place.slots.iter().enumerate().any(is_wanted);
        !(was_held || carries && self.strays(place).is_empty())
    }

    /// Whether a destination of the channel's pool has its place in this slot.
    fn is_placed(&self, one: &Destination, place: &Place<'_>, slot: usize) -> bool {
        let is_of_pool = place.pool.is_some_and(|pool| pool.name == one.pool);
        is_of_pool && self.is_own(&one.name, place, slot)
    }

    /// What would end on a channel that is adopted: group, host, and the destination of the target, if it has its slot elsewhere.
    pub(in super::super) fn strays(
        &self,
        place: &Place<'_>,
    ) -> Vec<(String, String, Option<DestinationName>)> {
        let mut strays = Vec::new();
        for (at, slot) in place.slots.iter().enumerate() {
            let of = match slot.is {
                Occupant::Parked | Occupant::Unusable => continue,
                // Of two pipelines one may push what is not declared.
                Occupant::Of(one, _) if !slot.is_all_of(one) => None,
                Occupant::Of(one, _) if self.is_placed(one, place, at) => continue,
                Occupant::Of(one, _) => Some(one.name.clone()),
                Occupant::Vanished { .. } | Occupant::Undeclared => None,
            };
            strays.push((slot.group.clone(), slot.host().to_owned(), of));
        }
        strays.extend(place.others.iter().map(|(group, endpoint)| {
            let mut all = self.desired.destinations.values();
            let pushes_it = |one: &&std::sync::Arc<Destination>| {
                pushes(one).iter().any(|own| own.stream() == endpoint.stream())
            };
            let of = all.find(pushes_it).map(|one| one.name.clone());
            (group.clone(), endpoint.host().to_owned(), of)
        }));
        strays
    }
}
