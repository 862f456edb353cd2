//! What is true of a pool: read from the world and the declaration alone.
//!
//! Each slot is read once, in this order: parked; the target of a declared destination (of several slots that have it
//! one counts, the others are copies); on air with the URL of a destination whose key is not known; the URL of a wanted
//! or paused destination that is not on air, so that it may be its former target; nobody's. Which of several on air with
//! the URL of one whose key is not known is its own nobody knows.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use jiff::Timestamp;
use slotwise::emulator::World;
use slotwise::emulator::channel::State;
use slotwise::emulator::world::Channel;
use slotwise::model::{
    Cause, ChannelPool, Desired, Destination, DestinationName, Interrupt, Pause, PoolName, StreamKey, Trust,
    WantedState,
};

use super::super::reading::{Endpoint, is_running, owner, slots};
use super::windows;

/// Names of destinations, in order.
pub(super) type Names = BTreeSet<DestinationName>;

/// One pool and all that is true of it.
pub(super) struct Ground<'a> {
    pub(super) desired: &'a Desired,
    pub(super) pool: &'a ChannelPool,
    pub(super) wall: Timestamp,
    pub(super) places: Vec<Place<'a>>,
    dests: Vec<&'a Destination>,
}

/// A channel that the pool names.
pub(super) struct Place<'a> {
    pub(super) id: &'a str,
    /// `None`: MediaLive knows no such channel.
    pub(super) channel: Option<&'a Channel>,
    takeover: bool,
    pub(super) slots: Vec<Slot>,
}

/// One slot of a channel.
pub(super) struct Slot {
    pub(super) group: String,
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) holder: Holder,
    /// These, who are not to be let go and whose key is not known, may be on air in it as well.
    pub(super) may_be: Names,
}

/// Whose a slot is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Holder {
    /// It has not as many targets as the channel has pipelines.
    Broken,
    Parked,
    Held(DestinationName),
    /// Another slot is the one that counts for this destination.
    Copy(DestinationName),
    /// It may be the former target of any of these, who are not on air.
    Former(Names),
    Nobody,
}

/// Who is on a running channel.
#[derive(Debug, Default)]
pub(super) struct Crew {
    /// Wanted and on air there.
    pub(super) on_air: Names,
    /// Must not be interrupted.
    pub(super) firm: Names,
    /// Perhaps must not be interrupted: a former target of several, one of whom is paused.
    pub(super) perhaps_firm: Names,
    /// Slots on air for nobody who is wanted or paused.
    pub(super) leaving: Vec<usize>,
    /// Some of them may be presumed somebody's, since the declaration may not be whole.
    pub(super) doubted: bool,
    /// Some of them may be that of one of these, whose key is not known.
    pub(super) may_be: Names,
}

impl Crew {
    /// Whether nobody is on it whom a stop would harm.
    pub(super) fn is_vacant(&self) -> bool {
        self.on_air.is_empty() && self.yields()
    }

    /// Whether a grant would be enough to stop it, for all that is certain.
    fn yields(&self) -> bool {
        self.firm.is_empty() && self.perhaps_firm.is_empty() && !self.doubted && self.may_be.is_empty()
    }
}

impl Place<'_> {
    pub(super) fn runs(&self) -> bool {
        self.channel.is_some_and(is_running)
    }

    fn is_stopped(&self) -> bool {
        let state = self.channel.map(Channel::state);
        matches!(state, Some(State::Idle | State::UpdateFailed))
    }

    /// Whether it carries nobody's tag.
    pub(super) fn is_unowned(&self) -> bool {
        self.channel.is_some_and(|channel| owner(channel).is_none())
    }

    /// Whether a slot of the channel may have the destination's former target.
    pub(super) fn former_like(&self, one: &Destination) -> bool {
        let mut slots = self.slots.iter();
        slots.any(|slot| matches!(slot.holder, Holder::Former(_) | Holder::Nobody) && slot.has_url(&one.url))
    }

    pub(super) fn slot(&self, group: &str) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.group == group)
    }
}

impl Slot {
    fn has_url(&self, url: &str) -> bool {
        self.endpoints.first().is_some_and(|first| first.0 == url)
    }

    /// Host of its first target.
    pub(super) fn host(&self) -> &str {
        let url = self.endpoints.first().map_or("", |first| first.0.as_str());
        let rest = url.split_once("://").map_or("", |(_, rest)| rest);
        rest.split(['/', ':']).next().unwrap_or_default()
    }
}

impl<'a> Ground<'a> {
    /// Reads the pool of this name, if it is declared.
    pub(super) fn read(
        world: &'a World,
        desired: &'a Desired,
        wall: Timestamp,
        pool: &PoolName,
    ) -> Option<Self> {
        let pool = desired.pools.get(pool)?;
        let places = pool.channels.iter().map(|named| {
            let id = named.id.as_str();
            let known = world
                .channel(id)
                .filter(|channel| channel.state() != State::Deleted);
            Place {
                id,
                channel: known,
                takeover: named.takeover,
                slots: known
                    .map(|channel| read_slots(pool, id, channel))
                    .unwrap_or_default(),
            }
        });
        let mut ground = Self {
            desired,
            pool,
            wall,
            places: places.collect(),
            dests: desired
                .destinations
                .values()
                .map(|one| &**one)
                .filter(|one| one.pool == pool.name)
                .collect(),
        };
        ground.find_targets();
        ground.presume_unknown_keys();
        ground.find_former_targets();
        Some(ground)
    }

    pub(super) fn place(&self, id: &str) -> Option<&Place<'a>> {
        self.places.iter().find(|place| place.id == id)
    }

    /// The pause in force on a destination.
    pub(super) fn pause_of<'b>(&self, one: &'b Destination) -> Option<&'b Pause> {
        in_force(one.paused.as_ref(), self.wall)
    }

    /// The pause in force on the pool.
    pub(super) fn pool_pause(&self) -> Option<&'a Pause> {
        in_force(self.pool.paused.as_ref(), self.wall)
    }

    pub(super) fn wanted(&self, one: &Destination) -> bool {
        one.state == WantedState::Streaming && self.pause_of(one).is_none()
    }

    /// Where a destination is on air: the places of channel and slot.
    pub(super) fn on_air(&self, one: &Destination) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        for (at, place) in self.places.iter().enumerate().filter(|(_, place)| place.runs()) {
            for (slot, is) in place.slots.iter().enumerate() {
                if matches!(&is.holder, Holder::Held(name) | Holder::Copy(name) if *name == one.name) {
                    found.push((at, slot));
                }
            }
        }
        found
    }

    /// Whether somebody holds or may have held a slot of any channel.
    pub(super) fn holds_anything(&self, name: &DestinationName) -> bool {
        let mut slots = self.places.iter().flat_map(|place| &place.slots);
        slots.any(|slot| matches!(&slot.holder, Holder::Held(one) if one == name))
    }

    /// Whether a channel may be used at all.
    pub(super) fn is_usable(&self, place: &Place<'_>) -> bool {
        self.pool_pause().is_none()
            && self.is_sound(place)
            && (!place.is_unowned() || self.keeping_off(place).next().is_none())
    }

    /// Slots of a channel that is without our tag that keep it from being adopted.
    fn keeping_off<'p>(&self, place: &'p Place<'_>) -> impl Iterator<Item = &'p Slot> {
        let applies = place.runs() && !place.takeover;
        let foreign = move |slot: &&Slot| match &slot.holder {
            Holder::Nobody | Holder::Former(_) | Holder::Copy(_) => true,
            Holder::Held(name) => {
                matches!(self.desired.destinations[name].key, StreamKey::Unavailable { .. })
            }
            Holder::Broken | Holder::Parked => false,
        };
        place.slots.iter().filter(move |slot| applies && foreign(slot))
    }

    /// What keeps a channel from being adopted: group, host, and whose target it is whose place is elsewhere.
    pub(super) fn strays(&self, place: &Place<'_>) -> Vec<(String, String, Option<DestinationName>)> {
        let told = self.keeping_off(place).map(|slot| {
            let of = match &slot.holder {
                Holder::Copy(name) | Holder::Held(name) => Some(name.clone()),
                _ => self.of_another_pool(slot).map(|one| one.name.clone()),
            };
            (slot.group.clone(), slot.host().to_owned(), of)
        });
        told.collect()
    }

    /// The destination of another pool that a slot has the target of.
    fn of_another_pool(&self, slot: &Slot) -> Option<&'a Destination> {
        let mut others = self
            .desired
            .destinations
            .values()
            .filter(|one| one.pool != self.pool.name);
        let is_pushed_to = |one: &&std::sync::Arc<Destination>| {
            slot.has_url(&one.url)
                && matches!(&one.key, StreamKey::Known(key) if slot.endpoints[0].1 == key.reveal())
        };
        others.find(is_pushed_to).map(|one| &**one)
    }

    /// The other owner of a channel.
    pub(super) fn other_owner<'p>(&self, place: &Place<'p>) -> Option<&'p str> {
        place
            .channel
            .and_then(owner)
            .filter(|owner| *owner != self.desired.owner.as_str())
    }

    /// Whether the declaration may be held for incomplete: it says so, or a target on air is declared nowhere, so that the
    /// guard against a source that shrinks may have stepped in. That it does for more than one, and more than 30 %; the
    /// others of them may have left the air since.
    pub(super) fn may_be_doubted(&self) -> bool {
        let ours =
            |place: &&Place<'_>| place.runs() && !place.is_unowned() && self.other_owner(place).is_none();
        let mut slots = self.places.iter().filter(ours).flat_map(|place| &place.slots);
        let is_lost = |slot: &Slot| match &slot.holder {
            Holder::Parked | Holder::Broken => false,
            // By its URL alone it may be somebody else's.
            Holder::Held(name) => !has_key(&self.desired.destinations[name]),
            Holder::Copy(_) | Holder::Former(_) | Holder::Nobody => true,
        };
        self.desired.trust != Trust::Whole || slots.any(is_lost)
    }

    /// Who is on a running channel.
    pub(super) fn crew(&self, place: &Place<'_>) -> Crew {
        let mut crew = Crew::default();
        for (at, slot) in place.slots.iter().enumerate() {
            crew.may_be.extend(slot.may_be.iter().cloned());
            match &slot.holder {
                Holder::Held(name) => {
                    let one = &self.desired.destinations[name];
                    if self.wanted(one) {
                        crew.on_air.insert(name.clone());
                    }
                    if self.pause_of(one).is_some() || self.wanted(one) && !one.interruptible {
                        crew.firm.insert(name.clone());
                    }
                    if self.is_off(one) {
                        crew.leaving.push(at);
                        crew.doubted |= !has_key(one) && self.may_be_doubted();
                    }
                }
                Holder::Former(of) => self.former(&mut crew, at, of),
                Holder::Copy(_) => crew.leaving.push(at),
                Holder::Nobody => {
                    crew.leaving.push(at);
                    crew.doubted |= self.may_be_doubted();
                }
                Holder::Broken | Holder::Parked => {}
            }
        }
        crew
    }

    fn former(&self, crew: &mut Crew, at: usize, of: &Names) {
        // Where it is doubted nothing is read as anybody's former target, not even of one who is paused.
        crew.doubted |= self.may_be_doubted();
        let is_paused = |name: &&DestinationName| self.pause_of(&self.desired.destinations[*name]).is_some();
        let paused: Names = of.iter().filter(is_paused).cloned().collect();
        if paused.is_empty() {
            crew.leaving.push(at);
        } else if paused.len() == of.len() {
            crew.firm.extend(paused);
        } else {
            crew.perhaps_firm.extend(paused);
        }
    }

    fn is_off(&self, one: &Destination) -> bool {
        one.state == WantedState::Ready && self.pause_of(one).is_none()
    }

    /// Whether somebody is kept in a slot of a running channel: for certain, or perhaps.
    pub(super) fn is_kept(&self, slot: &Slot, perhaps: bool) -> bool {
        let paused = |name: &DestinationName| self.pause_of(&self.desired.destinations[name]).is_some();
        match &slot.holder {
            _ if perhaps && !slot.may_be.is_empty() => true,
            Holder::Held(name) => {
                let one = &self.desired.destinations[name];
                !self.is_off(one) || perhaps && !has_key(one) && self.may_be_doubted()
            }
            Holder::Former(of) if perhaps => of.iter().any(paused) || self.may_be_doubted(),
            Holder::Former(of) => of.iter().all(paused),
            Holder::Nobody => perhaps && self.may_be_doubted(),
            Holder::Broken => true,
            Holder::Parked | Holder::Copy(_) => false,
        }
    }

    /// A slot in which a wanted destination that is off air could be on air, within what is granted.
    pub(super) fn way_on(&self, one: &Destination) -> Option<String> {
        for place in self.places.iter().filter(|place| self.is_usable(place)) {
            let pinned = |slot: &&Slot| {
                one.pin.as_ref().is_none_or(|pin| {
                    pin.channel.as_str() == place.id && pin.output_group.as_str() == slot.group
                })
            };
            let mut slots = place.slots.iter().filter(pinned);
            let found = slots.find(|slot| has_key(one) && self.could_carry(place, slot, one));
            if let Some(slot) = found {
                return Some(format!("{}/{}", place.id, slot.group));
            }
        }
        None
    }

    fn could_carry(&self, place: &Place<'_>, slot: &Slot, one: &Destination) -> bool {
        if slot.holder == Holder::Broken {
            return false;
        }
        if place.is_stopped() {
            return true;
        }
        let crew = self.crew(place);
        place.runs()
            && !self.is_kept(slot, true)
            && (crew.is_vacant() || crew.yields() && self.is_join_granted(place, &crew, one))
    }

    /// Whether the pool grants for certain that others are interrupted for one that joins them.
    fn is_join_granted(&self, place: &Place<'_>, crew: &Crew, one: &Destination) -> bool {
        let former = place.former_like(one);
        // Its own former target, and nobody else's, or perhaps another's: then it takes both.
        let alone = self.dests.iter().filter(|other| other.url == one.url).count() == 1;
        let joins = match former {
            false => self.grants(Cause::Start),
            true if alone => self.grants(Cause::Retarget),
            true => self.grants(Cause::Start) && self.grants(Cause::Retarget),
        };
        let rides = crew
            .leaving
            .iter()
            .any(|slot| matches!(place.slots[*slot].holder, Holder::Held(_)) && self.grants(Cause::Stop));
        joins || rides || self.desired.grants.contains(&one.name)
    }

    /// A slot of which a destination that is not wanted could be let go, within what is granted.
    pub(super) fn way_off(&self, one: &Destination) -> Option<String> {
        let found = self.on_air(one).into_iter().find(|(place, _)| {
            let place = &self.places[*place];
            let crew = self.crew(place);
            let granted = self.grants(Cause::Stop) || self.desired.grants.contains(&one.name);
            self.is_usable(place) && (crew.is_vacant() || crew.yields() && granted)
        });
        found.map(|(place, slot)| {
            let place = &self.places[place];
            format!("{}/{}", place.id, place.slots[slot].group)
        })
    }

    /// Whether the policy grants interruptions for this cause now.
    pub(super) fn grants(&self, cause: Cause) -> bool {
        let policy = &self.pool.disruption;
        let open = match policy.interrupt {
            Interrupt::Never => false,
            Interrupt::Anytime => true,
            Interrupt::Window => policy
                .windows
                .iter()
                .any(|window| windows::is_open(window, self.wall)),
        };
        open && policy.causes.contains(&cause)
    }

    // ── Whose each slot is ──────────────────────────────────────────────────────────────────────────────────────────

    fn find_targets(&mut self) {
        for one in self.by_stance() {
            let standings = self.standings(|ground, place, slot| {
                slot.holder == Holder::Nobody && ground.points_at(place, slot, one)
            });
            for (nth, (place, slot)) in standings.into_iter().enumerate() {
                let name = one.name.clone();
                let holder = if nth == 0 {
                    Holder::Held(name)
                } else {
                    Holder::Copy(name)
                };
                self.places[place].slots[slot].holder = holder;
            }
        }
    }

    fn presume_unknown_keys(&mut self) {
        let unknown = |one: &&&Destination| matches!(one.key, StreamKey::Unavailable { .. });
        let unknown: Vec<&Destination> = self.by_stance().iter().filter(unknown).copied().collect();
        let (off, staying): (Vec<_>, Vec<_>) = unknown.into_iter().partition(|one| self.is_off(one));
        for one in &staying {
            self.presume(one);
        }
        for at in 0..self.places.len() {
            for slot in 0..self.places[at].slots.len() {
                let is = &self.places[at].slots[slot];
                let of_url = staying
                    .iter()
                    .filter(|one| self.may_be(is, one) && self.places[at].runs());
                let may_be = of_url.map(|one| one.name.clone()).collect();
                self.places[at].slots[slot].may_be = may_be;
            }
        }
        self.protect_whoever_it_is(&staying);
        for one in off {
            self.presume(one);
        }
    }

    /// A slot that one of them is presumed to hold may be another's, who must not be interrupted.
    fn protect_whoever_it_is(&mut self, staying: &[&Destination]) {
        let is_firm = |one: &&&Destination| !one.interruptible || self.pause_of(one).is_some();
        let firm: Vec<&Destination> = staying.iter().filter(is_firm).copied().collect();
        for slot in self.places.iter_mut().flat_map(|place| &mut place.slots) {
            let Holder::Held(name) = &slot.holder else {
                continue;
            };
            let holder = staying.iter().find(|one| one.name == *name);
            let others = firm.iter().filter(|one| one.name != *name);
            let alike = others.filter(|one| holder.is_some_and(|holder| holder.url == one.url));
            slot.may_be.extend(alike.map(|one| one.name.clone()));
        }
    }

    /// Whether a slot may be that of one whose key is not known.
    fn may_be(&self, slot: &Slot, one: &Destination) -> bool {
        let is_nobodys = slot.holder == Holder::Nobody && self.of_another_pool(slot).is_none();
        is_nobodys && slot.has_url(&one.url)
    }

    /// It holds one slot of its URL that is on air, and all others with the same target are copies.
    fn presume(&mut self, one: &Destination) {
        let mut of_url = self.standings(|ground, _, slot| ground.may_be(slot, one));
        let first = of_url.first().copied();
        let Some((place, slot)) = first.filter(|(place, _)| self.places[*place].runs()) else {
            return;
        };
        let target = self.places[place].slots[slot].endpoints[0].clone();
        of_url.retain(|(at, slot)| self.places[*at].slots[*slot].endpoints[0] == target);
        for (at, slot) in of_url {
            self.places[at].slots[slot].holder = Holder::Copy(one.name.clone());
        }
        self.places[place].slots[slot].holder = Holder::Held(one.name.clone());
    }

    fn find_former_targets(&mut self) {
        // Whoever was given a slot of a stopped channel may be on air with its former key meanwhile.
        let waits = |one: &&&Destination| {
            !self.is_off(one)
                && (!self.holds_anything(&one.name) || self.wanted(one) && self.on_air(one).is_empty())
        };
        let waiting: Vec<&Destination> = self.dests.iter().filter(waits).copied().collect();
        for slot in self.places.iter_mut().flat_map(|place| &mut place.slots) {
            let of: Names = waiting
                .iter()
                .filter(|one| slot.holder == Holder::Nobody && slot.has_url(&one.url))
                .map(|one| one.name.clone())
                .collect();
            if !of.is_empty() {
                slot.holder = Holder::Former(of);
            }
        }
    }

    /// The wanted, then the paused, then the rest; each by name.
    fn by_stance(&self) -> Vec<&'a Destination> {
        let mut dests = self.dests.clone();
        dests.sort_by_key(|one| (!self.wanted(one), self.is_off(one)));
        dests
    }

    /// The slots that `is` accepts, the one that counts first: on air on a channel that is sound, on air on another, the
    /// rest; ours before those that are not yet ours; then by id.
    fn standings(&self, is: impl Fn(&Self, &Place<'_>, &Slot) -> bool) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        for (at, place) in self.places.iter().enumerate() {
            let sound = self.is_sound(place);
            let rank = (
                Reverse(place.runs()),
                Reverse(sound && place.runs()),
                !sound || place.is_unowned(),
            );
            let slots = place.slots.iter().enumerate();
            let good = slots.filter(|(_, slot)| is(self, place, slot));
            found.extend(good.map(|(slot, _)| (rank, place.id, slot, at)));
        }
        found.sort_unstable();
        found.into_iter().map(|(_, _, slot, at)| (at, slot)).collect()
    }

    /// Whether a channel exists, has not failed, and is not another's.
    fn is_sound(&self, place: &Place<'_>) -> bool {
        let failed = |channel: &Channel| matches!(channel.state(), State::CreateFailed | State::Deleting);
        place.channel.is_some_and(|channel| !failed(channel)) && self.other_owner(place).is_none()
    }

    /// Whether a slot has the destination's target. On two pipelines the second one goes to the backup URL, or stays
    /// parked.
    fn points_at(&self, place: &Place<'_>, slot: &Slot, one: &Destination) -> bool {
        let StreamKey::Known(key) = &one.key else {
            return false;
        };
        let own = |url: &str| (url.to_owned(), key.reveal().to_owned());
        let mut target = vec![own(&one.url)];
        if slot.endpoints.len() > 1 {
            let parked = parked(self.pool, place.id, &slot.group, 1);
            target.push(one.backup_url.as_deref().map_or(parked, own));
        }
        slot.endpoints == target
    }
}

fn has_key(one: &Destination) -> bool {
    matches!(one.key, StreamKey::Known(_))
}

fn in_force(pause: Option<&Pause>, wall: Timestamp) -> Option<&Pause> {
    pause.filter(|pause| pause.until.is_none_or(|until| wall < until))
}

fn parked(pool: &ChannelPool, channel: &str, group: &str, pipeline: usize) -> Endpoint {
    (
        pool.slots.parking_url.to_string(),
        format!("{channel}-{group}-{pipeline}"),
    )
}

fn read_slots(pool: &ChannelPool, id: &str, channel: &Channel) -> Vec<Slot> {
    let pipelines = if channel.is_standard() { 2 } else { 1 };
    let of_pool = slots(channel)
        .into_iter()
        .filter(|(group, _)| pool.slots.output_groups.is_match(group.as_str()));
    let read = of_pool.map(|(group, endpoints)| {
        let parking: Vec<Endpoint> = (0..pipelines).map(|at| parked(pool, id, &group, at)).collect();
        let holder = if endpoints.len() != pipelines {
            Holder::Broken
        } else if endpoints == parking {
            Holder::Parked
        } else {
            Holder::Nobody
        };
        Slot {
            group,
            endpoints,
            holder,
            may_be: Names::new(),
        }
    });
    read.collect()
}
