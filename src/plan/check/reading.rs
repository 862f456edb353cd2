//! The checker's own reading of the world: what every slot of every channel holds, over all pools at once.
//!
//! Written apart from the planner's, on purpose: a mistake in one of the two shows as a disagreement.
//!
//! | a slot is, first that applies | by |
//! |---|---|
//! | parked | its parking name, a tag that says so, or the pool's parking URL with no declared destination's stream and no tag that names one |
//! | of a destination, exact | the same stream as a declared target |
//! | of a destination, recorded | a tag that names its identity |
//! | vanished | a tag that names an identity which is declared no longer |
//! | undeclared | anything else |
//!
//! A tag counts if its digest is that of what the slot points at.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::adoption::{self, Ownership};
use super::declared::{Declared, Dest, Pipe};
use super::places::{self, Place, Role};
use super::violation::HandsOff;
use crate::model::{
    ChannelId, ChannelObservation, ChannelPool, ChannelState, Desired, Destination, DestinationName,
    Endpoint, Identity, Idle, Mark, Observed, ObservedChannel, ObservedGroup, PoolName, Recorded, Secret,
    SlotId, SlotSelector, SlotTag, Stream, Target, Trust,
};

/// What is declared and what was seen, read once for all rules.
pub(super) struct World<'a> {
    pub(super) desired: &'a Desired,
    pub(super) observed: &'a Observed,
    pub(super) declared: Declared<'a>,
    /// Every channel that a pool names, and every other one that was seen.
    pub(super) channels: BTreeMap<&'a ChannelId, ChannelReading<'a>>,
    /// Where each destination has its place.
    pub(super) places: Vec<Place<'a>>,
}

/// A pool, as its channels see it.
#[derive(Clone, Copy)]
pub(super) struct Policy<'a> {
    pub(super) pool: &'a ChannelPool,
    /// Whether the time allows interruptions.
    pub(super) open: bool,
    pub(super) paused: bool,
}

/// One channel as observed.
pub(super) struct ChannelReading<'a> {
    pub(super) id: &'a ChannelId,
    pub(super) seen: Option<&'a ObservedChannel>,
    /// `None` for a channel that no pool names.
    pub(super) policy: Option<Policy<'a>>,
    pub(super) takeover: bool,
    /// By output group.
    pub(super) slots: BTreeMap<&'a str, SlotReading<'a>>,
    /// Usable RTMP output groups that are no slots: they go on and off air with the channel.
    pub(super) others: Vec<&'a ObservedGroup>,
    pub(super) ownership: Ownership,
    /// Why it must be left as it is, if it must.
    pub(super) hands_off: Option<HandsOff>,
}

/// One slot as observed.
pub(super) struct SlotReading<'a> {
    pub(super) target: &'a Target,
    /// Its place among the channel's output groups.
    pub(super) order: usize,
    /// Whether the pool's pattern matches it. Otherwise it is a slot only until its occupant has left.
    pub(super) matches: bool,
    pub(super) pipes: Vec<Pipe>,
    /// Its tag, if that still fits.
    pub(super) tag: Option<SlotTag>,
    pub(super) occupant: Occupant,
}

/// What a slot holds.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Occupant {
    Parked,
    /// A declared destination.
    Of(Dest, Fit, Role),
    /// A destination that is declared no longer.
    Vanished {
        identity: Identity,
        /// Whether it stays on air, because it may be declared where that cannot be read.
        kept: bool,
    },
    Undeclared,
}

/// How well a slot fits the destination that it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// Its target, in whatever spelling.
    Equal,
    /// The same stream at another address, which is no change of the declaration.
    Respelled,
    /// The same stream at another address: the declaration has changed.
    Changed,
    /// Another stream: its previous target.
    Previous,
    /// What is recorded as its, while its key cannot be read.
    Unknown,
}

impl<'a> World<'a> {
    pub(super) fn new(desired: &'a Desired, observed: &'a Observed, now: Timestamp) -> Self {
        let seen = observed.channels.values().filter_map(ChannelObservation::seen);
        let classes = seen.map(|seen| seen.class).collect();
        let mut world = Self {
            desired,
            observed,
            declared: Declared::new(desired, &classes, now),
            channels: BTreeMap::new(),
            places: Vec::new(),
        };
        for pool in desired.pools.values() {
            let policy = Policy {
                pool,
                open: pool.disruption.is_open(now),
                paused: pool.pause_at(now).is_some(),
            };
            let parking_url = canonical_url(&pool.slots.parking_url);
            for channel in &pool.channels {
                if !world.channels.contains_key(&channel.id) {
                    let rules = Some((policy, &*parking_url));
                    world.read(&channel.id, rules, channel.takeover);
                }
            }
        }
        for id in observed.channels.keys() {
            if !world.channels.contains_key(id) {
                world.read(id, None, false);
            }
        }
        places::settle(&mut world);
        adoption::settle(&mut world);
        world
    }

    /// Reads a channel: whose it is stays open.
    fn read(&mut self, id: &'a ChannelId, rules: Option<(Policy<'a>, &str)>, takeover: bool) {
        let seen = self.observed.channels.get(id).and_then(|seen| seen.seen());
        let mut reading = ChannelReading {
            id,
            seen,
            policy: rules.map(|(policy, _)| policy),
            takeover,
            slots: BTreeMap::new(),
            others: Vec::new(),
            ownership: Ownership::Unknown,
            hands_off: None,
        };
        let groups = seen.map(|seen| (seen, seen.groups.iter().enumerate()));
        for (seen, (order, group)) in groups
            .into_iter()
            .flat_map(|(seen, all)| all.map(move |one| (seen, one)))
        {
            let Ok(target) = &group.target else { continue };
            let tag = seen.recorded(&self.desired.owner, group);
            let matches = reading.matches(group);
            // A channel that is neither in a pool nor ours has no slots.
            let may_have_slots = rules.is_some() || seen.owner.as_ref() == Some(&self.desired.owner);
            let is_recorded = may_have_slots && tag.as_ref().is_some_and(names_a_destination);
            if !matches && !is_recorded {
                reading.others.push(group);
                continue;
            }
            let slot = seen.slot(&group.name);
            let parking_url = rules.map(|(_, url)| url);
            let pipes = pipes(&slot, target, parking_url, tag.as_ref(), &self.declared);
            let occupant = self.occupant(seen, &pipes, tag.as_ref());
            reading.slots.entry(group.name.as_str()).or_insert(SlotReading {
                target,
                order,
                matches,
                pipes,
                tag,
                occupant,
            });
        }
        self.channels.insert(id, reading);
    }

    fn occupant(&self, seen: &ObservedChannel, pipes: &[Pipe], tag: Option<&SlotTag>) -> Occupant {
        let all_parked = !pipes.is_empty() && pipes.iter().all(|pipe| matches!(pipe, Pipe::Parked));
        let recorded = tag.map(|tag| &tag.occupant);
        if all_parked || matches!(recorded, Some(Recorded::Parked)) {
            return Occupant::Parked;
        }
        let (identity, mark) = match recorded {
            Some(Recorded::Destination { identity, mark }) => (Some(identity), *mark),
            _ => (None, Mark::None),
        };
        let tagged = identity.and_then(|identity| self.declared.by_identity(identity));
        if let Some((dest, is_equal)) = self.declared.exact(seen.class, pipes, tagged) {
            let is_preset = self.declared.get(dest).destination.is_preset;
            let fit = match is_equal {
                true => Fit::Equal,
                false if tagged == Some(dest) && mark != Mark::Adopted && !is_preset => Fit::Changed,
                false => Fit::Respelled,
            };
            return Occupant::Of(dest, fit, Role::Surplus { releasable: false });
        }
        match (tagged, identity) {
            (Some(dest), _) => {
                let has_key = self.declared.get(dest).has_key();
                let fit = if has_key { Fit::Previous } else { Fit::Unknown };
                Occupant::Of(dest, fit, Role::Surplus { releasable: false })
            }
            (None, Some(identity)) => {
                let is_released = mark == Mark::Released || self.desired.trust == Trust::Whole;
                Occupant::Vanished {
                    identity: identity.clone(),
                    kept: !is_released || self.desired.set_aside.contains(identity),
                }
            }
            (None, None) => Occupant::Undeclared,
        }
    }

    /// A slot, if it is one.
    pub(super) fn slot(&self, slot: &SlotId) -> Option<(&ChannelReading<'a>, &SlotReading<'a>)> {
        let channel = self.channels.get(&slot.channel)?;
        Some((channel, channel.slots.get(slot.output_group.as_str())?))
    }

    /// What a channel publishes in output groups that are no slots.
    pub(super) fn published_beside(
        &self,
        channel: &ChannelReading<'a>,
        seen: &'a ObservedChannel,
    ) -> impl Iterator<Item = Stream> {
        let parking_url = channel
            .policy
            .map(|policy| canonical_url(&policy.pool.slots.parking_url));
        let others = channel.others.iter().flat_map(move |group| {
            let slot = seen.slot(&group.name);
            let target = group.target.iter();
            let pipes =
                target.flat_map(|target| pipes(&slot, target, parking_url.as_deref(), None, &self.declared));
            pipes
                .filter_map(|pipe| pipe.stream().cloned())
                .collect::<Vec<_>>()
        });
        others.chain(seen.stray_endpoints.iter().map(Endpoint::stream))
    }

    /// Whether a slot of a running channel has this stream.
    pub(super) fn is_in_running_slot(&self, stream: &Stream) -> bool {
        let running = self.channels.values().filter(|channel| channel.is_running());
        let mut pipes = running
            .flat_map(|channel| channel.slots.values())
            .flat_map(|slot| &slot.pipes);
        pipes.any(|pipe| pipe.stream() == Some(stream))
    }

    pub(super) fn destination(&self, dest: Dest) -> &'a Destination {
        self.declared.get(dest).destination
    }

    pub(super) fn name(&self, dest: Dest) -> &'a DestinationName {
        &self.destination(dest).name
    }
}

impl<'a> ChannelReading<'a> {
    pub(super) fn state(&self) -> Option<ChannelState> {
        self.seen.map(|seen| seen.state)
    }

    /// STARTING, RUNNING or RECOVERING.
    pub(super) fn is_running(&self) -> bool {
        self.state().is_some_and(ChannelState::is_running)
    }

    pub(super) fn may_publish(&self) -> bool {
        self.state().is_some_and(ChannelState::may_publish)
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.state().is_some_and(ChannelState::is_stopped)
    }

    pub(super) fn pool(&self) -> Option<&'a PoolName> {
        self.policy.map(|policy| &policy.pool.name)
    }

    /// What the pool's policy says of a channel that no destination is wanted on. In no pool: that it stops.
    pub(super) fn idle(&self) -> Idle {
        self.policy.map_or(Idle::Stop, |policy| policy.pool.idle)
    }

    /// Where a slot of this name points while it is parked.
    pub(super) fn parking(&self, group: &str) -> Option<Target> {
        let slots: &SlotSelector = &self.policy?.pool.slots;
        Some(slots.parking(&self.slot_id(group), self.seen?.class))
    }

    pub(super) fn slot_id(&self, group: &str) -> SlotId {
        SlotId::new(self.id.clone(), group)
    }

    /// Whether the pool's pattern matches a group.
    pub(super) fn matches(&self, group: &ObservedGroup) -> bool {
        let pattern = self.policy.map(|policy| &policy.pool.slots.output_groups);
        pattern.is_some_and(|pattern| pattern.is_match(group.name.as_str()))
    }
}

/// Whether a tag says that its slot holds a destination.
pub(super) fn names_a_destination(tag: &SlotTag) -> bool {
    matches!(tag.occupant, Recorded::Destination { .. })
}

/// The endpoints of a slot. One is parked if its stream name is this very slot's parking name, whatever its URL. Otherwise
/// if its URL is the pool's parking URL in whatever spelling and no declared destination has that stream; but a slot whose
/// tag names a destination is not parked for nothing but that URL.
pub(super) fn pipes(
    slot: &SlotId,
    target: &Target,
    parking_url: Option<&str>,
    tag: Option<&SlotTag>,
    declared: &Declared<'_>,
) -> Vec<Pipe> {
    let is_named = |(pipeline, endpoint): (usize, &Endpoint)| {
        SlotSelector::is_parking_name(&endpoint.stream_name, slot, pipeline)
    };
    let is_at_url =
        |endpoint: &Endpoint| parking_url.is_some_and(|url| is_parked_at(endpoint, url, declared));
    let is_parked_whole = target
        .0
        .iter()
        .enumerate()
        .all(|(at, endpoint)| is_named((at, endpoint)) || is_at_url(endpoint));
    let counts_url = !is_parked_whole || !tag.is_some_and(names_a_destination);
    let pipe = |(pipeline, endpoint): (usize, &Endpoint)| {
        if is_named((pipeline, endpoint)) || counts_url && is_at_url(endpoint) {
            Pipe::Parked
        } else {
            Pipe::of(endpoint)
        }
    };
    target.0.iter().enumerate().map(pipe).collect()
}

/// Whether an endpoint is parked by the pool's parking URL.
pub(super) fn is_parked_at(endpoint: &Endpoint, parking_url: &str, declared: &Declared<'_>) -> bool {
    let has_url = *endpoint.canonical().url == *parking_url;
    let is_bare = endpoint.stream_name.is_empty() && *canonical_url(&endpoint.url) == *parking_url;
    (has_url || is_bare) && !declared.has_stream_of_any(&endpoint.stream())
}

/// The one spelling of a URL. Where it stands with a stream name, its path is the application's as a whole.
pub(super) fn canonical_url(url: &Arc<str>) -> Arc<str> {
    Endpoint::new(Arc::clone(url), Secret::new("name"))
        .canonical()
        .url
}
