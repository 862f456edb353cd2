//! The checker's own reading of the world: who holds which slot, which channels may be touched, who is protected.
//!
//! Written apart from the planner's survey, on purpose: a mistake in one of the two shows as a disagreement.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::violation::HandsOff;
use crate::model::{
    ChannelId, ChannelObservation, ChannelPool, ChannelState, Desired, Destination, DestinationName,
    Observed, ObservedChannel, PoolChannel, Returning, Secret, SlotId, StreamKey, Target, Trust, WantedState,
};

/// One pool as declared and observed.
pub(super) struct PoolReading<'a> {
    pub(super) pool: &'a ChannelPool,
    /// By id. A channel that the pool names twice counts once.
    pub(super) channels: BTreeMap<&'a ChannelId, ChannelReading<'a>>,
    pub(super) destinations: BTreeMap<&'a DestinationName, &'a Destination>,
    /// The one slot that each destination holds, on air or not.
    pub(super) held: BTreeMap<&'a DestinationName, SlotId>,
    /// Whether the pool's policy allows interruptions by the clock.
    pub(super) open: bool,
}

/// One channel as observed.
pub(super) struct ChannelReading<'a> {
    pub(super) seen: Option<&'a ObservedChannel>,
    /// By output group; those that can be slots.
    pub(super) slots: BTreeMap<&'a str, SlotReading<'a>>,
    /// Why it must be left as it is, if it must.
    pub(super) hands_off: Option<HandsOff>,
    /// It carries our owner tag.
    pub(super) owned: bool,
}

/// One slot as observed.
pub(super) struct SlotReading<'a> {
    pub(super) target: &'a Target,
    pub(super) parking: Target,
    pub(super) holds: Holds<'a>,
    /// It may be on air for somebody whose key is not known, and who is presumed to hold another slot.
    pub(super) may_be_wanted: bool,
}

/// What a slot holds.
#[derive(Clone, Copy)]
pub(super) enum Holds<'a> {
    /// Nobody.
    Parked,
    /// This destination.
    Held(&'a Destination),
    /// By its URL, this destination, whose key is not known.
    Presumed(&'a Destination),
    /// The former target of this destination, which is wanted or paused.
    Outdated(&'a Destination),
    /// A second slot with the target of this destination, which holds another one.
    Copy(&'a Destination),
    /// What nobody declares.
    Undeclared,
}

/// Those on a running channel that a stop may not take off air without a grant.
#[derive(Default)]
pub(super) struct Protected<'a> {
    /// `Streaming` and not paused: the ones to count and name.
    pub(super) wanted: Vec<&'a Destination>,
    /// Paused: hands off, whatever their state.
    pub(super) paused: Vec<&'a Destination>,
    /// A target that nobody declares while the declaration is not known to be whole, or that of one whose key is not
    /// known.
    pub(super) doubted: bool,
}

impl Protected<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.wanted.is_empty() && self.paused.is_empty() && !self.doubted
    }

    /// Names of all, sorted.
    pub(super) fn names(&self) -> Vec<DestinationName> {
        let mut names: Vec<_> = self
            .wanted
            .iter()
            .chain(&self.paused)
            .map(|d| d.name.clone())
            .collect();
        names.sort();
        names
    }
}

impl<'a> PoolReading<'a> {
    /// Reads a pool. Where a destination could hold several slots, all equally good, `claims` decides.
    pub(super) fn new(
        pool: &'a ChannelPool,
        destinations: BTreeMap<&'a DestinationName, &'a Destination>,
        desired: &'a Desired,
        observed: &'a Observed,
        claims: &BTreeMap<&DestinationName, &SlotId>,
        now: Timestamp,
    ) -> Self {
        let mut reading = Self {
            pool,
            channels: BTreeMap::new(),
            destinations,
            held: BTreeMap::new(),
            open: pool.disruption.is_open(now),
        };
        for channel in &pool.channels {
            let seen = observed
                .channels
                .get(&channel.id)
                .and_then(ChannelObservation::seen);
            let slots = seen.map(|seen| slots_of(pool, channel, seen)).unwrap_or_default();
            let channel_reading = ChannelReading {
                seen,
                slots,
                hands_off: None,
                owned: seen.is_some_and(|seen| seen.owner.as_ref() == Some(&desired.owner)),
            };
            reading.channels.insert(&channel.id, channel_reading);
        }
        let paused = pool.pause_at(now).is_some();
        let preferences = Preferences {
            returning: &observed.returning,
            claims,
            doubted: matches!(desired.trust, Trust::Doubted { .. }),
            pool_paused: paused,
            now,
        };
        Matching::of(&reading, &preferences, desired).settle(&mut reading);
        for channel in &pool.channels {
            if let Some(found) = reading.channels.get_mut(&channel.id) {
                found.hands_off = found.why_hands_off(channel, paused);
            }
        }
        reading
    }

    /// The slot, if it is one of the pool's.
    pub(super) fn slot(&self, slot: &SlotId) -> Option<(&ChannelReading<'a>, &SlotReading<'a>)> {
        let channel = self.channels.get(&slot.channel)?;
        Some((channel, channel.slots.get(slot.output_group.as_str())?))
    }

    /// Whether the pool has the slot, even if it cannot be used as one.
    fn has_seen(&self, slot: &SlotId) -> bool {
        let channel = self.channels.get(&slot.channel);
        let groups = channel.and_then(|channel| channel.seen).map(|seen| &seen.groups);
        let is_there =
            groups.is_some_and(|groups| groups.iter().any(|group| group.name == slot.output_group));
        is_there && self.pool.slots.output_groups.is_match(slot.output_group.as_str())
    }

    /// Whether a running channel has the former target of a destination, as far as is known.
    pub(super) fn has_former_on_air(&self, destination: &Destination) -> bool {
        let running = self.channels.values().filter(|channel| channel.is_running());
        running
            .flat_map(|channel| channel.slots.values())
            .any(|slot| matches!(slot.holds, Holds::Outdated(one) if one.name == destination.name))
    }

    /// Where a destination is on air, or about to be.
    pub(super) fn on_air_slot(&self, name: &DestinationName) -> Option<&SlotId> {
        self.held.get(name).filter(|slot| {
            self.channels
                .get(&slot.channel)
                .is_some_and(ChannelReading::is_running)
        })
    }
}

impl<'a> ChannelReading<'a> {
    /// STARTING, RUNNING or RECOVERING.
    pub(super) fn is_running(&self) -> bool {
        self.seen.is_some_and(|seen| seen.state.is_running())
    }

    /// Who may not be taken off air without a grant.
    pub(super) fn protected(&self, trust: &Trust, now: Timestamp) -> Protected<'a> {
        let mut protected = Protected::default();
        if !self.is_running() {
            return protected;
        }
        for slot in self.slots.values() {
            let is_guess = match slot.holds {
                Holds::Undeclared => true,
                Holds::Presumed(one) => one.state == WantedState::Ready && one.pause_at(now).is_none(),
                _ => false,
            };
            protected.doubted |= slot.may_be_wanted || is_guess && matches!(trust, Trust::Doubted { .. });
            match slot.holds {
                Holds::Held(destination) | Holds::Presumed(destination) => {
                    if destination.pause_at(now).is_some() {
                        protected.paused.push(destination);
                    } else if destination.state == WantedState::Streaming {
                        protected.wanted.push(destination);
                    }
                }
                Holds::Outdated(destination) if destination.pause_at(now).is_some() => {
                    protected.paused.push(destination);
                }
                Holds::Parked | Holds::Outdated(_) | Holds::Copy(_) | Holds::Undeclared => {}
            }
        }
        protected
    }

    fn why_hands_off(&self, channel: &PoolChannel, pool_paused: bool) -> Option<HandsOff> {
        let Some(seen) = self.seen else {
            return Some(HandsOff::NotSeen);
        };
        if pool_paused {
            return Some(HandsOff::PoolPaused);
        }
        if seen.owner.is_some() && !self.owned {
            return Some(HandsOff::Foreign);
        }
        let undeclared = |slot: &SlotReading<'_>| {
            matches!(
                slot.holds,
                Holds::Undeclared | Holds::Outdated(_) | Holds::Copy(_) | Holds::Presumed(_)
            )
        };
        let live = seen.state.is_running() && self.slots.values().any(undeclared);
        if seen.owner.is_none() && live && !channel.takeover {
            return Some(HandsOff::Undeclared);
        }
        (!may_be_used(seen.state)).then_some(HandsOff::State)
    }
}

/// Whether anything may be done to a channel in this state, now or when it has passed.
fn may_be_used(state: ChannelState) -> bool {
    !matches!(
        state,
        ChannelState::CreateFailed | ChannelState::Deleted | ChannelState::Deleting | ChannelState::Unknown
    )
}

fn slots_of<'a>(
    pool: &'a ChannelPool,
    channel: &'a PoolChannel,
    seen: &'a ObservedChannel,
) -> BTreeMap<&'a str, SlotReading<'a>> {
    let mut slots = BTreeMap::new();
    for group in seen.groups.iter() {
        let Ok(target) = &group.target else {
            continue;
        };
        if pool.slots.output_groups.is_match(group.name.as_str()) {
            let id = SlotId::new(channel.id.clone(), group.name.clone());
            let parking = pool.slots.parking(&id, seen.class);
            let holds = if *target == parking {
                Holds::Parked
            } else {
                Holds::Undeclared
            };
            let reading = SlotReading {
                target,
                parking,
                holds,
                may_be_wanted: false,
            };
            slots.entry(group.name.as_str()).or_insert(reading);
        }
    }
    slots
}

/// What decides where several slots could be the one that a destination holds.
struct Preferences<'p> {
    returning: &'p Returning,
    claims: &'p BTreeMap<&'p DestinationName, &'p SlotId>,
    /// No former target is told from an undeclared one while the declaration may not be whole: the two may have no
    /// more in common than a platform.
    doubted: bool,
    pool_paused: bool,
    now: Timestamp,
}

/// How good a slot is as the one a destination holds, less is better: its standing, then the slot that the plan
/// says, then the pool's order.
type Rank = (u8, bool, usize);

/// Standing of a slot on air on a channel that may not be used: RUNNING, and one more for the other running states.
const ON_AIR_ELSEWHERE: u8 = 3;

/// Standing of everything that is not on air.
const STOPPED: u8 = 6;

/// A standing where none on air is better because its channel has been so for longer.
fn on_air_alike(standing: u8) -> u8 {
    standing - standing % ON_AIR_ELSEWHERE
}

/// A slot that nobody is known to hold: its standing, whether its channel is not ours (yet), and its place in the order.
type Free = (u8, bool, usize);

/// Slots that nobody is known to hold, by URL.
type Unclaimed<'a> = BTreeMap<&'a str, BTreeSet<Free>>;

/// A slot that is not parked, with what it holds.
struct Occupied<'a> {
    id: SlotId,
    /// RUNNING on a channel that may be used 0, another running state 1; see the constants for the rest.
    standing: u8,
    /// Whether its channel may be used.
    usable: bool,
    /// Whether its channel has our owner tag.
    owned: bool,
    holds: Holds<'a>,
    may_be_wanted: bool,
}

/// Standing of the slot that a destination was interrupted in: one target is not pushed to twice, so coming back is
/// after all that are on air.
const COMES_BACK: u8 = 5;

/// Who holds what, worked out in three rounds, each on what the one before has left:
///
/// 1. exact targets, a wanted destination before another one of the same target;
/// 2. destinations whose key is not known, by the URL of what is on air or was interrupted; all with the same target
///    count as one;
/// 3. former targets of paused or wanted destinations that are not on air, by URL.
struct Matching<'a> {
    /// In the pool's order.
    slots: Vec<Occupied<'a>>,
    /// The place in `slots` of the one that each destination holds.
    held: BTreeMap<&'a DestinationName, usize>,
}

impl<'a> Matching<'a> {
    fn of(reading: &PoolReading<'a>, preferences: &Preferences<'_>, desired: &Desired) -> Self {
        let mut matching = Self {
            slots: Vec::new(),
            held: BTreeMap::new(),
        };
        matching.collect(reading, preferences);
        matching.exact(reading, preferences);
        let mut unclaimed = matching.unclaimed(reading);
        matching.presumed(reading, preferences, desired, &mut unclaimed);
        if !preferences.doubted {
            matching.outdated(reading, preferences, unclaimed);
        }
        matching
    }

    /// All slots that hold something, by channel id, whatever order the pool names them in, and in the order of their groups.
    fn collect(&mut self, reading: &PoolReading<'a>, preferences: &Preferences<'_>) {
        for (id, found) in &reading.channels {
            let Some(seen) = found.seen else { continue };
            let failed = !may_be_used(seen.state);
            let foreign = seen.owner.is_some() && !found.owned;
            let usable = !failed && !foreign && !preferences.pool_paused;
            let elsewhere = if usable { 0 } else { ON_AIR_ELSEWHERE };
            let standing = match seen.state {
                ChannelState::Running => elsewhere,
                state if state.is_running() => elsewhere + 1,
                _ => STOPPED,
            };
            let mut groups = BTreeSet::new();
            for group in seen.groups.iter() {
                let holds_something = found
                    .slots
                    .get(group.name.as_str())
                    .is_some_and(|slot| !matches!(slot.holds, Holds::Parked));
                if holds_something && groups.insert(&group.name) {
                    self.slots.push(Occupied {
                        id: SlotId::new((*id).clone(), group.name.clone()),
                        standing,
                        usable,
                        owned: found.owned,
                        holds: Holds::Undeclared,
                        may_be_wanted: false,
                    });
                }
            }
        }
    }

    fn exact(&mut self, reading: &PoolReading<'a>, preferences: &Preferences<'_>) {
        let mut by_endpoint: BTreeMap<_, Vec<&'a Destination>> = BTreeMap::new();
        for destination in in_order_of_claim(reading, preferences.now) {
            if let StreamKey::Known(key) = &destination.key {
                by_endpoint
                    .entry((&*destination.url, key))
                    .or_default()
                    .push(destination);
            }
        }
        let mut best: BTreeMap<&'a DestinationName, Rank> = BTreeMap::new();
        for (index, occupied) in self.slots.iter_mut().enumerate() {
            let Some((channel, slot)) = reading.slot(&occupied.id) else {
                continue;
            };
            let (Some(seen), Some(first)) = (channel.seen, slot.target.0.first()) else {
                continue;
            };
            let claimant = by_endpoint
                .get(&(&*first.url, &first.stream_name))
                .into_iter()
                .flatten()
                .find(|d| d.target(seen.class, &slot.parking).as_ref() == Some(slot.target));
            let Some(&destination) = claimant else {
                continue;
            };
            occupied.holds = Holds::Copy(destination);
            let rank = preferences.rank(destination, occupied, index);
            best.entry(&destination.name)
                .and_modify(|best| *best = (*best).min(rank))
                .or_insert(rank);
        }
        for (_, _, index) in best.into_values() {
            if let Holds::Copy(destination) = self.slots[index].holds {
                self.hold(index, destination, Holds::Held(destination));
            }
        }
    }

    fn free(&self, index: usize) -> Free {
        let slot = &self.slots[index];
        (on_air_alike(slot.standing), !(slot.owned && slot.usable), index)
    }

    /// Undeclared slots by URL, each URL's in order of standing, ours first, then of the pool.
    fn unclaimed(&self, reading: &PoolReading<'a>) -> Unclaimed<'a> {
        let mut unclaimed = Unclaimed::new();
        for (index, occupied) in self.slots.iter().enumerate() {
            let Some((_, slot)) = reading.slot(&occupied.id) else {
                continue;
            };
            let target: &'a Target = slot.target;
            if let (Holds::Undeclared, Some(first)) = (occupied.holds, target.0.first()) {
                unclaimed.entry(&*first.url).or_default().insert(self.free(index));
            }
        }
        unclaimed
    }

    fn presumed(
        &mut self,
        reading: &PoolReading<'a>,
        preferences: &Preferences<'_>,
        desired: &Desired,
        unclaimed: &mut Unclaimed<'a>,
    ) {
        let unknown = in_order_of_claim(reading, preferences.now).into_iter();
        let unknown = unknown.filter(|one| !matches!(one.key, StreamKey::Known(_)));
        let stays = |one: &&Destination| {
            one.state == WantedState::Streaming || one.pause_at(preferences.now).is_some()
        };
        let (staying, others): (Vec<_>, Vec<_>) = unknown.partition(stays);
        if staying.is_empty() && others.is_empty() {
            return;
        }
        let of_other_pools = self.take_known_elsewhere(reading, desired, unclaimed);
        let mut guessed: BTreeSet<&str> = BTreeSet::new();
        for destination in &staying {
            if let Some(free) = unclaimed.get_mut(&*destination.url) {
                self.presume(reading, preferences, destination, free);
                guessed.insert(&*destination.url);
            }
        }
        for (standing, _, index) in guessed.iter().flat_map(|url| &unclaimed[url]) {
            self.slots[*index].may_be_wanted = *standing != STOPPED;
        }
        self.join_fates(preferences, &staying);
        for destination in others {
            if let Some(free) = unclaimed.get_mut(&*destination.url) {
                self.presume(reading, preferences, destination, free);
            }
        }
        for (url, free) in unclaimed {
            free.retain(|(.., index)| !self.slots[*index].may_be_wanted);
            free.extend(of_other_pools.get(url).into_iter().flatten());
        }
    }

    /// Several of one URL may have each other's slots, so whoever must not be interrupted keeps all of them on air.
    fn join_fates(&mut self, preferences: &Preferences<'_>, staying: &[&'a Destination]) {
        let is_firm = |one: &Destination| !one.interruptible || one.pause_at(preferences.now).is_some();
        let firm: BTreeSet<&str> = staying
            .iter()
            .filter(|one| is_firm(one))
            .map(|one| &*one.url)
            .collect();
        for one in staying.iter().filter(|one| firm.contains(&*one.url)) {
            if let Some(index) = self.held.get(&one.name) {
                self.slots[*index].may_be_wanted = true;
            }
        }
    }

    /// Takes away the slots with a target that is that of another pool's destination, whose key is known.
    fn take_known_elsewhere(
        &self,
        reading: &PoolReading<'a>,
        desired: &Desired,
        unclaimed: &mut Unclaimed<'a>,
    ) -> Unclaimed<'a> {
        let others = desired
            .destinations
            .values()
            .filter(|one| one.pool != reading.pool.name);
        let known: BTreeSet<(&str, &Secret)> = others
            .filter_map(|one| match &one.key {
                StreamKey::Known(key) => Some((&*one.url, key)),
                StreamKey::Unavailable { .. } => None,
            })
            .collect();
        let is_known = |index: usize| {
            let slot = reading.slot(&self.slots[index].id);
            let first = slot.and_then(|(_, slot)| slot.target.0.first());
            first.is_some_and(|first| known.contains(&(&*first.url, &first.stream_name)))
        };
        let mut taken = BTreeMap::new();
        for (url, free) in unclaimed {
            let of_url: BTreeSet<Free> = free.extract_if(.., |(.., index)| is_known(*index)).collect();
            taken.insert(*url, of_url);
        }
        taken
    }

    /// Gives a destination whose key is not known one of the slots of its URL: the one it comes back to, or the best one
    /// on air. Nothing is put on air for whom it may not be.
    fn presume(
        &mut self,
        reading: &PoolReading<'a>,
        preferences: &Preferences<'_>,
        destination: &'a Destination,
        free: &mut BTreeSet<Free>,
    ) {
        let named = |slot: Option<&SlotId>| {
            let index = self
                .slots
                .iter()
                .position(|occupied| Some(&occupied.id) == slot)?;
            Some(self.free(index)).filter(|found| free.contains(found))
        };
        // The first in order, and the one that could be better than it.
        let claimed = named(preferences.claims.get(&destination.name).copied());
        let candidates = free.first().copied().into_iter().chain(claimed);
        let best = candidates.min_by_key(|found| (found.0, Some(*found) != claimed, *found));
        let comes_back = named(preferences.returning.get(&destination.name));
        let best = best.filter(|(standing, ..)| *standing != STOPPED);
        let Some((.., best)) = comes_back.or(best) else {
            return;
        };
        let alike = self.all_alike(reading, best, free);
        free.retain(|(.., index)| !alike.contains(index));
        let rank = |index: &usize| preferences.rank(destination, &self.slots[*index], *index);
        let counts = alike.iter().copied().min_by_key(rank).unwrap_or(best);
        for index in alike {
            self.slots[index].holds = Holds::Copy(destination);
        }
        self.hold(counts, destination, Holds::Presumed(destination));
    }

    /// All of `free` with the target of `best`.
    fn all_alike(&self, reading: &PoolReading<'a>, best: usize, free: &BTreeSet<Free>) -> Vec<usize> {
        let endpoint = |index: usize| {
            let (_, slot) = reading.slot(&self.slots[index].id)?;
            slot.target.0.first()
        };
        let is_alike = |index: &usize| endpoint(*index) == endpoint(best);
        free.iter().map(|(.., index)| *index).filter(is_alike).collect()
    }

    fn outdated(
        &mut self,
        reading: &PoolReading<'a>,
        preferences: &Preferences<'_>,
        mut unclaimed: Unclaimed<'a>,
    ) {
        // What runs on a channel that is not ours is nobody's former target: nothing there was ever written by us.
        for free in unclaimed.values_mut() {
            free.retain(|(standing, _, index)| {
                let slot = &self.slots[*index];
                slot.owned || slot.usable && *standing == STOPPED
            });
        }
        let mut all: Vec<&'a Destination> = reading.destinations.values().copied().collect();
        all.sort_by_key(|destination| destination.pause_at(preferences.now).is_none());
        for destination in all {
            let known = matches!(destination.key, StreamKey::Known(_));
            let is_paused = destination.pause_at(preferences.now).is_some();
            if !known || !is_paused && !destination.is_wanted(preferences.now) {
                continue;
            }
            let Some(free) = unclaimed.get_mut(&*destination.url) else {
                continue;
            };
            // One that was given a slot and is not on air there yet may still be on air with its former key.
            let returning = preferences.returning.get(&destination.name);
            let comes_back = returning.is_some_and(|slot| reading.has_seen(slot));
            let former_runs = free.first().is_some_and(|(standing, ..)| *standing != STOPPED);
            let may_be = match self.standing(&destination.name) {
                None => true,
                Some(standing) => standing == STOPPED && former_runs && !is_paused && !comes_back,
            };
            if !may_be {
                continue;
            }
            if let Some((.., index)) = free.pop_first() {
                self.slots[index].holds = Holds::Outdated(destination);
            }
        }
    }

    /// Standing of the slot that a destination holds.
    fn standing(&self, name: &DestinationName) -> Option<u8> {
        self.held.get(name).map(|index| self.slots[*index].standing)
    }

    fn hold(&mut self, index: usize, destination: &'a Destination, holds: Holds<'a>) {
        self.slots[index].holds = holds;
        self.held.insert(&destination.name, index);
    }

    fn settle(self, reading: &mut PoolReading<'a>) {
        let slot = |index: usize| self.slots[index].id.clone();
        reading.held = self
            .held
            .iter()
            .map(|(name, index)| (*name, slot(*index)))
            .collect();
        for Occupied {
            id,
            holds,
            may_be_wanted,
            ..
        } in self.slots
        {
            if let Some(channel) = reading.channels.get_mut(&id.channel)
                && let Some(slot) = channel.slots.get_mut(id.output_group.as_str())
            {
                slot.holds = holds;
                slot.may_be_wanted = may_be_wanted;
            }
        }
    }
}

impl Preferences<'_> {
    fn rank(&self, destination: &Destination, slot: &Occupied<'_>, index: usize) -> Rank {
        let returns = self.returning.get(&destination.name) == Some(&slot.id);
        let comes_back = if returns { COMES_BACK } else { STOPPED };
        let claimed = self.claims.get(&destination.name).copied() == Some(&slot.id);
        (slot.standing.min(comes_back), !claimed, index)
    }
}

/// All destinations of the pool: the wanted ones and the paused ones, whom nothing may be taken from, before the
/// others; each by name.
fn in_order_of_claim<'a>(reading: &PoolReading<'a>, now: Timestamp) -> Vec<&'a Destination> {
    let mut all: Vec<&'a Destination> = reading.destinations.values().copied().collect();
    all.sort_by_key(|d| (!d.is_wanted(now), d.pause_at(now).is_none()));
    all
}
