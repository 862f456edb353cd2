//! One stream is on air once: what may not start because it is published elsewhere, or because another comes first.
//!
//! Every channel of the account counts, ours or not, in a pool or not. A channel that is STOPPING publishes until it is IDLE.
//! The one exception are a platform's primary and backup ingest for one key, where two destinations declare them.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, DefaultHasher};

use super::{BlockedBy, Fit, Intent, Occupant, Reading};
use crate::model::{ChannelId, ChannelState, Endpoint, Observed, OutputGroup, Stream};

/// Where a stream is, or may be, published.
#[derive(Debug, Clone, Copy)]
enum Place<'r> {
    /// In a slot.
    Slot(usize),
    /// On a channel, in what is no slot.
    Channel(&'r ChannelId),
}

/// Destinations by stream. Never iterated, and hashed without a seed: its order shows nowhere.
type ByStream = HashMap<Stream, Vec<(usize, Endpoint)>, BuildHasherDefault<DefaultHasher>>;

impl<'a> Reading<'a> {
    /// Finds what has to end before each wanted destination may go on air.
    pub(super) fn find_published(&mut self) {
        let mut wanted = ByStream::default();
        for dest in self.startable() {
            for endpoint in self.dests[dest].endpoints() {
                wanted
                    .entry(endpoint.stream())
                    .or_default()
                    .push((dest, endpoint));
            }
        }
        if wanted.is_empty() {
            return;
        }
        let mut found: Vec<(usize, BlockedBy<'a>)> = Vec::new();
        self.each_published(|stream, place| {
            for (dest, endpoint) in wanted.get(stream).into_iter().flatten() {
                found.extend(
                    self.obstacle(*dest, endpoint, place)
                        .map(|obstacle| (*dest, obstacle)),
                );
            }
        });
        for (dest, obstacle) in found {
            let may_go_on = matches!(obstacle, BlockedBy::Published { own: Some(_), .. });
            let one = &mut self.dests[dest].blocked_by;
            let is_known = one.is_some() && !matches!(one, Some(BlockedBy::Published { own: Some(_), .. }));
            if !is_known && (one.is_none() || !may_go_on) {
                *one = Some(obstacle);
            }
        }
        self.find_rivals();
    }

    /// Wanted destinations of known target that are not on air with it.
    fn startable(&self) -> impl Iterator<Item = usize> {
        (0..self.dests.len()).filter(|dest| {
            let one = &self.dests[*dest];
            let is_off_air = one.on_air.is_none() || self.fit_on_air(*dest) == Some(Fit::Previous);
            one.intent == Intent::Wanted && one.has_key() && one.blocked_by.is_none() && is_off_air
        })
    }

    /// Tells of every stream that is, or may be, published, and where.
    fn each_published(&self, mut tell: impl FnMut(&Stream, Place<'a>)) {
        for channel in &self.channels {
            let Some(seen) = channel.seen.filter(|seen| seen.state.may_publish()) else {
                continue;
            };
            for slot in channel.slots.clone() {
                let streams = self.slots[slot].streams.iter();
                streams.for_each(|stream| tell(stream, Place::Slot(slot)));
            }
            let slots = &self.slots[channel.slots.clone()];
            let is_slot = |name: &OutputGroup| slots.iter().any(|slot| slot.group.name == *name);
            let others = seen.groups.iter().filter(|group| !is_slot(&group.name));
            let targets = others.filter_map(|group| group.target.as_ref().ok());
            let endpoints = targets
                .flat_map(|target| target.0.iter())
                .chain(&*seen.stray_endpoints);
            endpoints.for_each(|endpoint| tell(&endpoint.stream(), Place::Channel(channel.id)));
        }
        let observed: &'a Observed = self.observed;
        for (id, endpoints) in &observed.elsewhere {
            endpoints
                .iter()
                .for_each(|endpoint| tell(&endpoint.stream(), Place::Channel(id)));
        }
    }

    /// What it means for a destination that its stream is published in some place.
    fn obstacle(&self, dest: usize, endpoint: &Endpoint, place: Place<'a>) -> Option<BlockedBy<'a>> {
        let slot = match place {
            Place::Slot(slot) => slot,
            Place::Channel(channel) => {
                return Some(BlockedBy::Published {
                    channel: channel.clone(),
                    output_group: None,
                    pool: None,
                    own: None,
                });
            }
        };
        let holder = match self.slots[slot].occupant {
            Occupant::Dest(holder, fit) => Some((holder, fit)),
            _ => None,
        };
        if let Some((other, fit)) = holder.filter(|(other, _)| *other != dest) {
            if fit == Fit::Equal && self.is_other_ingest(endpoint, other) {
                return None;
            }
            if self.dests[other].intent == Intent::Wanted && self.is_own(other, slot) {
                return Some(BlockedBy::Rival(&self.dests[other].decl.name));
            }
        }
        let (channel, one) = (self.channel_of(slot), &self.dests[dest]);
        let is_ending = channel.state() == ChannelState::Stopping && channel.is_usable();
        let is_own = holder.is_some_and(|(holder, _)| holder == dest);
        Some(BlockedBy::Published {
            channel: channel.id.clone(),
            output_group: Some(self.slots[slot].group.name.clone()),
            pool: self.pools[channel.pool]
                .name()
                .filter(|_| channel.pool != one.pool)
                .cloned(),
            own: (is_own && is_ending && channel.pool == one.pool).then_some(slot),
        })
    }

    /// Whether `other` pushes to the other one of a platform's two ingests for one key.
    fn is_other_ingest(&self, endpoint: &Endpoint, other: usize) -> bool {
        let is_backup = endpoint.is_backup_ingest();
        let mut others = self.dests[other].endpoints();
        let stream = endpoint.stream();
        others.all(|one| one.stream() != stream || one.is_backup_ingest() != is_backup)
    }

    /// Of several wanted destinations of one stream, none of them on air, one comes first: whoever holds a slot, then by name.
    fn find_rivals(&mut self) {
        let mut first: BTreeMap<Stream, usize> = BTreeMap::new();
        let mut all: Vec<usize> = self.startable().collect();
        all.sort_by_key(|dest| (self.dests[*dest].held.is_none(), &self.dests[*dest].decl.name));
        let mut found: Vec<(usize, BlockedBy<'a>)> = Vec::new();
        for dest in all {
            for endpoint in self.dests[dest].endpoints() {
                let before = *first.entry(endpoint.stream()).or_insert(dest);
                if before != dest && !self.is_other_ingest(&endpoint, before) {
                    found.push((dest, BlockedBy::Rival(&self.dests[before].decl.name)));
                }
            }
        }
        for (dest, blocked) in found {
            self.dests[dest].blocked_by = Some(blocked);
        }
    }
}
