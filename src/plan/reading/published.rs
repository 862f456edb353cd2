//! One stream is on air once: what may not start because it is published elsewhere, or because another comes first.
//!
//! Every channel of the account counts, of any owner, in a pool or not. A channel that is STOPPING publishes until it is IDLE.
//! The one exception are a platform's primary and backup ingest for one key, where two destinations declare them.

use std::collections::BTreeMap;

use super::index::{Index, Unordered};
use super::occupant::look_at;
use super::{BlockedBy, Carried, Channel, Fit, Intent, Occupant, Reading, Slot};
use crate::model::{
    ChannelId, ChannelObservation, ChannelState, Endpoint, Observed, ObservedChannel, OutputGroup, RouterArn,
    Stream,
};
use crate::plan::Waiting;
use crate::plan::router::on_air_in_output;

/// The slot that publishes what a destination waits for, if it may continue in that one.
fn own_slot(obstacle: &BlockedBy<'_>) -> Option<usize> {
    match obstacle {
        BlockedBy::Published { own, .. } => *own,
        BlockedBy::Duplicate(_) | BlockedBy::Output(_) => None,
    }
}

/// Where a stream is, or may be, published.
#[derive(Debug, Clone, Copy)]
enum Place<'r> {
    /// In a slot.
    Slot(usize),
    /// On a channel, in what is no slot.
    Channel(&'r ChannelId),
    /// In a router output, at the backup ingest of its platform or not.
    Output(&'r RouterArn, bool),
}

/// Destinations by stream.
type ByStream<T> = Unordered<Stream, Vec<T>>;

impl<'a> Reading<'a> {
    /// Finds what has to end before each wanted destination may go on air.
    pub(super) fn find_published(&mut self, index: &Index<'_>) {
        let mut wanted: ByStream<(usize, Endpoint)> = ByStream::default();
        for dest in self.startable() {
            for endpoint in self.dests[dest].endpoints() {
                wanted
                    .entry(endpoint.stream())
                    .or_default()
                    .push((dest, endpoint));
            }
        }
        let starting = self.starting_beside(index);
        if wanted.is_empty() && starting.is_empty() {
            return;
        }
        let mut found: Vec<(usize, BlockedBy<'a>)> = Vec::new();
        let mut beside: Vec<(usize, Waiting)> = Vec::new();
        self.each_published(index, |stream, place| {
            let channels = starting.get(stream).into_iter().flatten();
            beside.extend(channels.filter_map(|channel| Some((*channel, self.beside(*channel, place)?))));
            for (dest, endpoint) in wanted.get(stream).into_iter().flatten() {
                found.extend(
                    self.obstacle(*dest, endpoint, place)
                        .map(|obstacle| (*dest, obstacle)),
                );
            }
        });
        for (dest, obstacle) in found {
            let counting = self.dests[dest].returning.or(self.dests[dest].held);
            let one = &mut self.dests[dest].blocked_by;
            match (own_slot(&obstacle), one.as_ref().map(own_slot)) {
                (_, None) | (None, Some(Some(_))) => *one = Some(obstacle),
                // It may continue in one slot only, once that channel has stopped, and not beside another one.
                (Some(here), Some(Some(there))) if self.slots[here].channel != self.slots[there].channel => {
                    if let Some(BlockedBy::Published { own, .. }) = one {
                        *own = None;
                    }
                }
                // Of two slots of one channel it continues in the one that counts.
                (Some(here), Some(Some(_))) if Some(here) == counting => *one = Some(obstacle),
                _ => {}
            }
        }
        for (channel, waiting) in beside {
            self.channels[channel].beside.get_or_insert(waiting);
        }
        self.find_duplicates();
    }

    /// Channels by what they would publish in output groups that are no slots when they start, or start again.
    fn starting_beside(&self, index: &Index<'_>) -> ByStream<usize> {
        let mut starting: ByStream<usize> = ByStream::default();
        for (at, channel) in self.channels.iter().enumerate() {
            let Some(seen) = channel.seen.filter(|_| channel.is_usable()) else {
                continue;
            };
            for (_, endpoint) in self.beside_slots(channel, seen, index) {
                starting.entry(endpoint.stream()).or_default().push(at);
            }
        }
        starting
    }

    /// Finds the channels that carry beside their slots a destination that stays on air and is in no slot of a running
    /// channel; and those that, once started, would carry beside their slots a wanted destination that gets a slot.
    pub(super) fn find_carried(&mut self, index: &Index<'a>) {
        for at in 0..self.channels.len() {
            let channel = &self.channels[at];
            let is_kept = |dest: usize, endpoint: &Endpoint| {
                self.dests[dest].intent.is_kept() && !self.is_in_running_slot(&endpoint.stream())
            };
            let carries = channel
                .is_running()
                .then(|| self.carried_by(channel, index, is_kept));
            let is_open = channel.is_usable() && channel.beside.is_none();
            // The other of a platform's two ingests for its key may be on air beside it.
            let is_wanted = |dest: usize, endpoint: &Endpoint| {
                self.dests[dest].intent == Intent::Wanted && !self.is_other_ingest(endpoint, dest)
            };
            let beside = is_open
                .then(|| self.carried_by(channel, index, is_wanted))
                .flatten()
                .or_else(|| is_open.then(|| self.repeated_beside(channel, index)).flatten());
            let beside = beside.map(|carries| self.carries_beside_slots(channel, carries));
            let channel = &mut self.channels[at];
            channel.carries = carries.flatten();
            channel.beside = channel.beside.take().or(beside);
        }
    }

    /// Of what a channel has in output groups that are no slots the first that one of its own slots has as well, of a destination that
    /// comes back as it is: it cannot be written, or is interrupted. What that slot has may be its previous target.
    fn repeated_beside(&self, channel: &Channel<'a>, index: &Index<'a>) -> Option<Carried<'a>> {
        let seen = channel.seen?;
        let mut beside = self.beside_slots(channel, seen, index);
        beside.find_map(|(group, endpoint)| {
            let repeats = |slot: &usize| {
                let targets = self.slots[*slot].target().into_iter();
                let mut targets = targets.flat_map(|target| &*target.0);
                targets.any(|own| {
                    let is_same_ingest = own.is_backup_ingest() == endpoint.is_backup_ingest();
                    own.stream() == endpoint.stream() && is_same_ingest
                })
            };
            let slot = channel.slots.clone().find(repeats)?;
            let Occupant::Dest(dest, _) = self.slots[slot].occupant else {
                return None;
            };
            let one = &self.dests[dest];
            let comes_back = channel.is_running() || !one.is_writable();
            let is_it = one.intent == Intent::Wanted && comes_back;
            let output_group = Some(group);
            is_it.then_some(Carried { dest, output_group })
        })
    }

    /// Of what a channel has in output groups that are no slots the first that is the stream of such a destination.
    fn carried_by(
        &self,
        channel: &Channel<'a>,
        index: &Index<'a>,
        is_such: impl Fn(usize, &Endpoint) -> bool,
    ) -> Option<Carried<'a>> {
        let seen = channel.seen?;
        let strays = seen.stray_endpoints.iter().map(|endpoint| (None, endpoint));
        let beside = self.beside_slots(channel, seen, index);
        let mut all = beside
            .map(|(group, endpoint)| (Some(group), endpoint))
            .chain(strays);
        all.find_map(|(output_group, endpoint)| {
            let stream = endpoint.stream();
            let mut pushing = index.pushing(&stream).iter().map(|pushing| pushing.dest);
            let dest = pushing.find(|dest| is_such(*dest, endpoint))?;
            Some(Carried { dest, output_group })
        })
    }

    /// The waiting of a channel that [carries](Channel::carries) a destination beside its slots.
    pub(in crate::plan) fn carries_beside_slots(
        &self,
        channel: &Channel<'_>,
        carries: Carried<'_>,
    ) -> Waiting {
        Waiting::OnAirBesideSlots {
            channel: channel.id.clone(),
            output_group: carries.output_group.cloned(),
            destination: self.dests[carries.dest].decl.name.clone(),
        }
    }

    fn is_in_running_slot(&self, stream: &Stream) -> bool {
        let runs = |slot: &Slot<'_>| self.channels[slot.channel].is_running();
        let mut slots = self.slots.iter();
        slots.any(|slot| slot.streams.contains(stream) && runs(slot))
    }

    /// Endpoints of a channel's RTMP groups that are no slots, as far as they are not parked.
    pub(super) fn beside_slots<'s, 'o: 's, 'i>(
        &'s self,
        channel: &'s Channel<'a>,
        seen: &'o ObservedChannel,
        index: &'s Index<'i>,
    ) -> impl Iterator<Item = (&'o OutputGroup, &'o Endpoint)> + use<'s, 'a, 'o, 'i> {
        let slots = &self.slots[channel.slots.clone()];
        let is_slot = |name: &OutputGroup| slots.iter().any(|slot| slot.group.name == *name);
        let groups = seen.groups.iter().filter(move |group| !is_slot(&group.name));
        let parking = self.parking_url(channel.pool);
        let targets = groups.filter_map(|group| Some((&group.name, group.target.as_ref().ok()?)));
        targets.flat_map(move |(name, target)| {
            let (parked, _) = look_at(&seen.slot(name), target, parking.as_deref(), false, index);
            let endpoints = (0..).zip(target.0.iter());
            endpoints.filter_map(move |(at, endpoint)| (parked >> at & 1 == 0).then_some((name, endpoint)))
        })
    }

    /// The waiting of a channel that would publish a stream which is published at `place`.
    fn beside(&self, channel: usize, place: Place<'a>) -> Option<Waiting> {
        let elsewhere = match place {
            Place::Slot(slot) => self.channel_of(slot).id,
            Place::Channel(id) => id,
            Place::Output(arn, _) => {
                return Some(on_air_in_output(self.desired, self.observed, arn));
            }
        };
        let channel = self.channels[channel].id;
        (elsewhere != channel).then(|| Waiting::OtherGroupOnAir {
            channel: channel.clone(),
            elsewhere: elsewhere.clone(),
        })
    }

    /// Wanted destinations of known target that are not on air with it.
    fn startable(&self) -> impl Iterator<Item = usize> {
        (0..self.dests.len()).filter(|dest| {
            let one = &self.dests[*dest];
            let is_off_air = one.on_air.is_none() || self.fit_on_air(*dest) == Some(Fit::Previous);
            one.intent == Intent::Wanted && one.is_writable() && one.blocked_by.is_none() && is_off_air
        })
    }

    /// Visits every stream that is, or may be, published, with its place.
    fn each_published(&self, index: &Index<'_>, mut tell: impl FnMut(&Stream, Place<'a>)) {
        for channel in &self.channels {
            let Some(seen) = channel.seen.filter(|seen| seen.state.may_publish()) else {
                continue;
            };
            for slot in channel.slots.clone() {
                let streams = self.slots[slot].streams.iter();
                streams.for_each(|stream| tell(stream, Place::Slot(slot)));
            }
            let others = self
                .beside_slots(channel, seen, index)
                .map(|(_, endpoint)| endpoint);
            let endpoints = others.chain(&*seen.stray_endpoints);
            endpoints.for_each(|endpoint| tell(&endpoint.stream(), Place::Channel(channel.id)));
        }
        let observed: &'a Observed = self.observed;
        let mut read: Vec<&ChannelId> = self.channels.iter().map(|channel| channel.id).collect();
        read.sort_unstable();
        let seen = observed.channels.values().filter_map(ChannelObservation::seen);
        let unread = seen.filter(|seen| read.binary_search(&&seen.id).is_err());
        for seen in unread.filter(|seen| seen.state.may_publish()) {
            let targets = seen.groups.iter().filter_map(|group| group.target.as_ref().ok());
            let endpoints = targets
                .flat_map(|target| &*target.0)
                .chain(&*seen.stray_endpoints);
            endpoints.for_each(|endpoint| tell(&endpoint.stream(), Place::Channel(&seen.id)));
        }
        for (id, endpoints) in &observed.elsewhere {
            for endpoint in endpoints {
                tell(&endpoint.stream(), Place::Channel(id));
            }
        }
        for (arn, output) in &observed.routers.outputs {
            let target = output.target.as_ref().filter(|_| output.state.may_publish());
            if let Some(target) = target {
                tell(&target.stream(), Place::Output(arn, target.is_backup_ingest()));
            }
        }
    }

    /// What blocks a destination whose stream is published at `place`.
    fn obstacle(&self, dest: usize, endpoint: &Endpoint, place: Place<'a>) -> Option<BlockedBy<'a>> {
        let slot = match place {
            Place::Slot(slot) => slot,
            Place::Output(arn, is_backup) => {
                return (is_backup == endpoint.is_backup_ingest()).then_some(BlockedBy::Output(arn));
            }
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
                return Some(BlockedBy::Duplicate(&self.dests[other].decl.name));
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

    /// Of several wanted destinations of one stream, none of them on air, one comes first: the one that was interrupted, then one
    /// that holds a slot, then by name.
    fn find_duplicates(&mut self) {
        let mut first: BTreeMap<Stream, usize> = BTreeMap::new();
        let mut all: Vec<usize> = self.startable().collect();
        all.sort_by_key(|dest| {
            let one = &self.dests[*dest];
            let returns = self.observed.returning.contains_key(&one.decl.name);
            (!returns, one.held.is_none(), &one.decl.name)
        });
        let mut found: Vec<(usize, BlockedBy<'a>)> = Vec::new();
        for dest in all {
            for endpoint in self.dests[dest].endpoints() {
                let before = *first.entry(endpoint.stream()).or_insert(dest);
                if before != dest && !self.is_other_ingest(&endpoint, before) {
                    found.push((dest, BlockedBy::Duplicate(&self.dests[before].decl.name)));
                }
            }
        }
        for (dest, blocked) in found {
            self.dests[dest].blocked_by = Some(blocked);
        }
    }
}
