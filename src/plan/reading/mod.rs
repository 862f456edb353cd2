//! The occupant of each slot, and which channels may be used: the observation, read once, for the guard, the plan and its texts.
//!
//! All pools are read together: a destination may still hold a slot of the pool that it was moved from, and one stream is
//! on air once, whatever pool it is declared in.
//!
//! ```text
//! occupant   the occupant of each slot, by its target and by what is recorded of it
//! places     which of its slots is the one that counts for a destination; the others are surplus
//! adoption   which channels may be used
//! published  other places where a stream is, or may be, on air
//! on_air     the input of the vanish guard
//! takeover   whether `takeover: true` is in force, and how far it has come
//! ```

mod adoption;
mod index;
mod occupant;
mod on_air;
mod parts;
mod places;
mod published;
mod returning;
mod takeover;

use std::collections::BTreeMap;

use jiff::Timestamp;

use self::index::Index;
pub use self::on_air::OnAir;
pub(super) use self::parts::{
    BlockedBy, Carried, Channel, Dest, Fit, Intent, Occupant, Pool, Release, Slot, Takeover,
};
use super::grant::Policy;
use super::{Adoption, Content, NoTakeover, Waiting};
use crate::model::{
    ChannelId, ChannelObservation, ChannelPool, ChannelState, Desired, Destination, Observed, Pause,
    PoolName, SlotId, Target, Trust,
};

/// Everything that is declared and was seen, each referring to the others by index.
pub struct Reading<'a> {
    pub(super) desired: &'a Desired,
    pub(super) observed: &'a Observed,
    pub(super) now: Timestamp,
    /// By name; the last one is for owned channels in no pool, which left theirs.
    pub(super) pools: Vec<Pool<'a>>,
    /// By pool, then by id: the order of the declaration decides nothing.
    pub(super) channels: Vec<Channel<'a>>,
    /// By channel, then in the channel's order.
    pub(super) slots: Vec<Slot<'a>>,
    /// By pool, then by name.
    pub(super) dests: Vec<Dest<'a>>,
    /// The slot that each destination comes back to which was interrupted.
    pub(super) bound: BTreeMap<usize, usize>,
}

impl<'a> Reading<'a> {
    /// Reads what is declared and what was seen.
    pub fn new(desired: &'a Desired, observed: &'a Observed, now: Timestamp) -> Self {
        let mut reading = Self {
            desired,
            observed,
            now,
            pools: Vec::with_capacity(desired.pools.len() + 1),
            channels: Vec::new(),
            slots: Vec::new(),
            dests: Vec::with_capacity(desired.destinations.len()),
            bound: BTreeMap::new(),
        };
        reading.add_pools();
        let index = Index::new(&reading);
        reading.find_occupants(&index);
        reading.find_returning();
        reading.find_places();
        reading.decide_adoption(&index);
        reading.find_published(&index);
        reading.find_carried(&index);
        reading.bind();
        reading
    }

    /// The name of a slot.
    pub(super) fn slot_id(&self, slot: usize) -> SlotId {
        let slot = &self.slots[slot];
        SlotId::new(self.channels[slot.channel].id.clone(), slot.group.name.clone())
    }

    /// The channel of a slot.
    pub(super) fn channel_of(&self, slot: usize) -> &Channel<'a> {
        &self.channels[self.slots[slot].channel]
    }

    /// The pool of a slot, in [`Reading::pools`].
    pub(super) fn pool_of(&self, slot: usize) -> usize {
        self.channel_of(slot).pool
    }

    /// The channel of this id in a pool.
    pub(super) fn find_channel(&self, pool: usize, id: &ChannelId) -> Option<usize> {
        let range = self.pools[pool].channels.clone();
        let at = self.channels[range.clone()].binary_search_by(|one| one.id.cmp(id));
        at.ok().map(|at| range.start + at)
    }

    /// The slot of this name in a pool, usable or not.
    pub(super) fn find_slot(&self, pool: usize, id: &SlotId) -> Option<usize> {
        let channel = self.find_channel(pool, &id.channel)?;
        let mut slots = self.channels[channel].slots.clone();
        slots.find(|slot| self.slots[*slot].group.name == id.output_group)
    }

    /// What a slot points at while it is parked. In no pool nothing is ever parked.
    pub(super) fn parking(&self, slot: usize) -> Option<Target> {
        let channel = self.channel_of(slot);
        let pool = self.pools[channel.pool].decl?;
        Some(pool.slots.parking(&self.slot_id(slot), channel.class()))
    }

    /// Where a slot points when it carries a destination of its pool; `None` while the key is not known.
    pub(super) fn target(&self, dest: usize, slot: usize) -> Option<Target> {
        let parking = self.parking(slot)?;
        self.dests[dest]
            .decl
            .target(self.channel_of(slot).class(), &parking)
    }

    /// Whether a slot has the previous target of the destination that holds it.
    pub(super) fn is_previous(&self, slot: usize) -> bool {
        matches!(self.slots[slot].occupant, Occupant::Dest(_, fit) if fit.is_retarget())
    }

    /// How what it is on air with fits a destination.
    pub(super) fn fit_on_air(&self, dest: usize) -> Option<Fit> {
        match self.slots[self.dests[dest].on_air?].occupant {
            Occupant::Dest(_, fit) => Some(fit),
            _ => None,
        }
    }

    /// Whether a destination is on air in a slot that is not of its pool.
    pub(super) fn is_moved(&self, dest: usize) -> bool {
        let one = &self.dests[dest];
        one.on_air.is_some_and(|slot| self.pool_of(slot) != one.pool)
    }

    /// Whether a slot is the one that counts for a destination, on air or not.
    pub(super) fn is_own(&self, dest: usize, slot: usize) -> bool {
        let one = &self.dests[dest];
        one.on_air == Some(slot) || one.held == Some(slot)
    }

    /// Whether a second copy of a destination may end: the first one was seen RUNNING, with its own stream or that of the copy. Of
    /// two previous streams it is not known which one is watched. Of a paused destination none may.
    pub(super) fn is_releasable(&self, dest: usize, slot: usize) -> bool {
        if self.dests[dest].intent == Intent::Paused {
            return false;
        }
        let held = self.dests[dest].held.filter(|held| *held != slot);
        held.is_some_and(|held| {
            let (copy, first) = (&self.slots[slot].streams, &self.slots[held].streams);
            let is_same = || copy.iter().any(|stream| first.contains(stream));
            let own = self.dests[dest].endpoints().map(|endpoint| endpoint.stream());
            let runs = self.channel_of(held).state() == ChannelState::Running;
            runs && (is_same() || own.into_iter().any(|stream| first.contains(&stream)))
        })
    }

    /// What a slot holds now, in the plan's words.
    pub(super) fn content(&self, at: usize) -> Content {
        let slot = &self.slots[at];
        match slot.occupant {
            Occupant::Unusable => Content::Unusable {
                why: slot
                    .group
                    .target
                    .as_ref()
                    .err()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            },
            Occupant::Parked => Content::Parked,
            Occupant::Dest(dest, fit) => {
                let name = self.dests[dest].decl.name.clone();
                match fit {
                    _ if !self.is_own(dest, at) => Content::Surplus(name),
                    Fit::Readdressed | Fit::Previous => Content::Previous(name),
                    Fit::Equal | Fit::Respelled | Fit::Unwritable => Content::Destination(name),
                }
            }
            Occupant::Vanished(_) => slot.identity().map_or(Content::Parked, Content::Vanished),
            Occupant::Undeclared => Content::Undeclared {
                host: slot.host().to_owned(),
            },
        }
    }

    /// Why what vanished is not released: in a slot, or wherever it is.
    pub(super) fn why_kept(&self, slot: Option<usize>) -> String {
        if let Some(at) = slot.filter(|at| self.may_be_anothers(*at))
            && let Some(identity) = self.slots[at].identity()
        {
            let (owner, slot) = (&self.desired.owner, self.slot_id(at));
            return format!(
                "{identity} in {slot} is not declared here, and no pool has that channel: another slotwise of owner {owner} may \
                 have declared it; sources that know nothing of each other need an --owner-id each"
            );
        }
        match &self.desired.trust {
            Trust::Doubted { why } => why.clone(),
            Trust::Whole => "an object of that name was set aside because of mistakes in it".to_owned(),
        }
    }

    fn add_pools(&mut self) {
        let mut by_pool: BTreeMap<&PoolName, Vec<&'a Destination>> = BTreeMap::new();
        let mut in_no_pool: Vec<&'a Destination> = Vec::new();
        for destination in self.desired.destinations.values() {
            if self.desired.pools.contains_key(&destination.pool) {
                by_pool.entry(&destination.pool).or_default().push(destination);
            } else {
                in_no_pool.push(destination);
            }
        }
        for pool in self.desired.pools.values() {
            let dests = by_pool.remove(&pool.name).unwrap_or_default();
            self.add_pool(Some(pool), &dests);
        }
        self.add_pool(None, &in_no_pool);
    }

    fn add_pool(&mut self, decl: Option<&'a ChannelPool>, dests: &[&'a Destination]) {
        let (at, now) = (self.pools.len(), self.now);
        let first = (self.channels.len(), self.slots.len(), self.dests.len());
        let paused = decl.and_then(|pool| pool.pause_at(now));
        match decl {
            Some(pool) => self.add_channels_of(at, pool, paused),
            None => self.add_channels_of_none(at),
        }
        let refused = &self.observed.refused;
        let dests = dests
            .iter()
            .map(|decl| Dest::new(at, decl, refused.get(&decl.name), now));
        self.dests.extend(dests);
        self.pools.push(Pool {
            decl,
            paused,
            policy: Policy::new(decl.map(|pool| &pool.disruption), &self.desired.grants, now),
            channels: first.0..self.channels.len(),
            slots: first.1..self.slots.len(),
            dests: first.2..self.dests.len(),
        });
    }

    fn add_channels_of(&mut self, at: usize, pool: &'a ChannelPool, paused: Option<&Pause>) {
        let mut named: Vec<_> = pool.channels.iter().collect();
        named.sort_by(|a, b| a.id.cmp(&b.id));
        named.dedup_by(|a, b| a.id == b.id);
        for named in named {
            let seen = self.observed.channels.get(&named.id);
            let waiting = paused.map(|pause| Waiting::Paused {
                pool: Some(pool.name.clone()),
                pause: pause.clone(),
            });
            let takeover = self.takeover(named.takeover, seen.and_then(ChannelObservation::seen));
            self.add_channel(at, &named.id, seen, takeover, waiting);
        }
    }

    /// Owned channels that no pool names.
    fn add_channels_of_none(&mut self, at: usize) {
        let mut named: Vec<&ChannelId> = self.channels.iter().map(|channel| channel.id).collect();
        named.sort_unstable();
        let observed: &'a Observed = self.observed;
        for (id, observation) in &observed.channels {
            let is_ours = observation
                .seen()
                .is_some_and(|seen| seen.owner.as_ref() == Some(&self.desired.owner));
            if is_ours && named.binary_search(&id).is_err() {
                self.add_channel(at, id, Some(observation), Takeover::No(NoTakeover::NotSet), None);
            }
        }
    }

    fn add_channel(
        &mut self,
        pool: usize,
        id: &'a ChannelId,
        observation: Option<&'a ChannelObservation>,
        takeover: Takeover,
        paused: Option<Waiting>,
    ) {
        let seen = observation.and_then(ChannelObservation::seen);
        let adoption = match seen.map(|seen| &seen.owner) {
            None => Adoption::Unknown,
            Some(None) => Adoption::Adopt,
            Some(Some(owner)) if *owner == self.desired.owner => Adoption::Owned,
            Some(Some(owner)) => Adoption::Foreign { owner: owner.clone() },
        };
        let unusable = adoption::unusable(id, observation, &adoption).or(paused);
        let channel = self.channels.len();
        let first = self.slots.len();
        self.channels.push(Channel {
            pool,
            id,
            seen,
            takeover,
            adoption,
            unusable,
            beside: None,
            carries: None,
            slots: first..first,
        });
        if let Some(seen) = seen {
            self.add_slots(channel, seen);
        }
        self.channels[channel].slots = first..self.slots.len();
    }
}
