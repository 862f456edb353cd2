//! The checker's own reading of the world: what every slot of every channel holds, over all pools at once.
//!
//! Written apart from the planner's, on purpose: a mistake in one of the two shows as a disagreement.
//!
//! | a slot is, first that applies | by |
//! |---|---|
//! | parked | its parking name, a tag that says so, or the pool's parking URL with no declared destination's stream and no tag that names one |
//! | of a destination, exact | the same stream as a declared target |
//! | of a destination, recorded | a tag that names its identity |
//! | vanished | a tag that names an identity which is no longer declared |
//! | undeclared | anything else |
//!
//! A tag counts if its digest is that of what the slot points at.
//!
//! What vanished is released if a tag says that it was before; else only while the declaration is whole, and on a channel that no
//! pool names only if it was declared during the life of this process.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::adoption::{self, Ownership};
use super::air::Air;
use super::declared::{Declared, Dest, One, Pipes, Push, canonical_url};
use super::places::{self, Place, Role, Site};
use super::takeover::Takeover;
use super::violation::{About, Rule, Violation};
use crate::model::{
    ChannelClass, ChannelId, ChannelObservation, ChannelPool, ChannelState, Desired, DestinationName,
    Endpoint, Identity, Idle, Mark, Observed, ObservedChannel, ObservedGroup, OutputGroup, PoolName,
    Recorded, SlotId, SlotSelector, SlotTag, StreamKey, Target, Trust,
};

/// What is declared and what was seen, read once for all rules.
pub(super) struct World<'a> {
    pub(super) desired: &'a Desired,
    pub(super) observed: &'a Observed,
    pub(super) declared: Declared<'a>,
    /// Every channel that a pool names, and every other one that was seen; by id.
    pub(super) channels: Vec<ChannelReading<'a>>,
    /// Where each destination has its place.
    pub(super) places: Vec<Place>,
    /// What may be published now.
    pub(super) air: Air,
}

/// A pool, as its channels see it.
#[derive(Clone)]
pub(super) struct Policy<'a> {
    pub(super) pool: &'a ChannelPool,
    /// Whether the time allows interruptions.
    pub(super) open: bool,
    pub(super) paused: bool,
    /// What `takeover:` of this channel says.
    pub(super) takeover: Takeover,
    /// The pool's, in its one spelling.
    parking_url: Arc<str>,
}

/// One channel as observed.
pub(super) struct ChannelReading<'a> {
    pub(super) id: &'a ChannelId,
    pub(super) seen: Option<&'a ObservedChannel>,
    /// `None` for a channel that no pool names.
    pub(super) policy: Option<Policy<'a>>,
    /// In the order of the channel's output groups.
    pub(super) slots: Vec<SlotReading<'a>>,
    /// Usable RTMP output groups that are not slots: they go on and off air with the channel.
    pub(super) others: Vec<(&'a OutputGroup, Pipes)>,
    /// Its other targets.
    pub(super) strays: Pipes,
    /// Whether any tag of an output group fits, slot or not.
    pub(super) has_fitting_tag: bool,
    pub(super) ownership: Ownership,
    /// Why it must be left as it is, if it must.
    pub(super) hands_off: Option<&'static str>,
}

/// One slot as observed.
pub(super) struct SlotReading<'a> {
    pub(super) id: SlotId,
    pub(super) site: Site,
    pub(super) target: &'a Target,
    /// Whether the pool's pattern matches it. Otherwise it is a slot only until its occupant has left.
    pub(super) matches: bool,
    pub(super) pipes: Pipes,
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
    /// A destination that is no longer declared.
    Vanished {
        identity: Identity,
        /// Whether it stays on air, because it may be declared where that cannot be read.
        kept: bool,
    },
    Undeclared,
}

/// How well a slot fits the destination that it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// Its target, in whatever spelling.
    Equal,
    /// The same stream at another address, which is no change of the declaration.
    Respelled,
    /// The same stream at another address: the declaration has changed.
    Changed,
    /// Another stream: its previous target.
    Previous,
    /// What is recorded as its, while its own target cannot be written: its key cannot be read, or MediaLive refused it.
    Unknown,
}

impl<'a> World<'a> {
    pub(super) fn new(desired: &'a Desired, observed: &'a Observed, now: Timestamp) -> Self {
        let declared = Declared::new(desired, observed, now);
        let mut policies: BTreeMap<&ChannelId, Option<Policy<'a>>> =
            observed.channels.keys().map(|id| (id, None)).collect();
        // What is not explained must be known to be declared nowhere.
        let mut all = desired.destinations.values();
        let is_whole = desired.trust == Trust::Whole
            && desired.set_aside.is_empty()
            && all.all(|one| matches!(one.key, StreamKey::Known(_)));
        for pool in desired.pools.values() {
            let policy = Policy {
                pool,
                open: pool.disruption.is_open(now),
                paused: pool.pause_at(now).is_some(),
                takeover: Takeover::NotAsked,
                parking_url: canonical_url(&pool.slots.parking_url),
            };
            for channel in &pool.channels {
                let policy = Policy {
                    takeover: Takeover::of(channel, is_whole, observed),
                    ..policy.clone()
                };
                policies.entry(&channel.id).or_default().get_or_insert(policy);
            }
        }
        let mut world = Self {
            desired,
            observed,
            declared,
            channels: Vec::with_capacity(policies.len()),
            places: Vec::new(),
            air: Air::default(),
        };
        for (id, policy) in policies {
            let reading = world.read(id, policy);
            world.channels.push(reading);
        }
        places::settle(&mut world);
        adoption::settle(&mut world);
        world.air = Air::read(&world);
        world
    }

    /// Reads a channel. Its owner, and which slots are surplus, are decided later.
    fn read(&self, id: &'a ChannelId, policy: Option<Policy<'a>>) -> ChannelReading<'a> {
        let seen = self.observed.channels.get(id).and_then(ChannelObservation::seen);
        let mut reading = ChannelReading {
            id,
            seen,
            policy,
            slots: Vec::new(),
            others: Vec::new(),
            strays: Vec::new(),
            has_fitting_tag: false,
            ownership: Ownership::Unknown,
            hands_off: None,
        };
        let Some(seen) = seen else { return reading };
        let owner = &self.desired.owner;
        reading.ownership = Ownership::by_tag(seen.owner.as_ref(), owner);
        let strays = seen.stray_endpoints.iter();
        reading.strays = strays
            .map(|endpoint| {
                Some(Push::of(endpoint)).filter(|push| !self.is_parked_at(&reading, endpoint, push))
            })
            .collect();
        // A channel that is neither in a pool nor owned has no slots.
        let may_have_slots = reading.policy.is_some() || reading.ownership == Ownership::Owned;
        for group in seen.groups.iter() {
            let Ok(target) = &group.target else { continue };
            let tag = seen.recorded(owner, group);
            let pipes = self.pipes(&reading, &group.name, target, tag.as_ref());
            reading.has_fitting_tag |= tag.is_some();
            let matches = reading.matches(group);
            let is_recorded = tag.as_ref().is_some_and(names_a_destination);
            // A tag that no longer fits still names the group, as long as that has no parking name, and runs or has a declared
            // target.
            let is_declared = || self.declared.exact(seen.class, &pipes, None).is_some();
            let is_named = seen.tags.is_named(&group.name)
                && tag.is_none()
                && !has_parking_names(&reading.slot_id(&group.name), target)
                && (seen.state.is_running() || is_declared());
            let is_slot = matches || may_have_slots && (is_recorded || is_named);
            if !is_slot {
                reading.others.push((&group.name, pipes));
                continue;
            }
            let occupant = self.occupant(&reading, seen.class, &pipes, tag.as_ref());
            let (channel, slot) = (self.channels.len(), reading.slots.len());
            reading.slots.push(SlotReading {
                id: reading.slot_id(&group.name),
                site: Site { channel, slot },
                target,
                matches,
                pipes,
                tag,
                occupant,
            });
        }
        reading
    }

    /// The endpoints of an output group. One is parked if its stream name is this group's own parking name, whatever its URL,
    /// or if it is [parked by its URL](Self::is_parked_at). The URL alone does not count for a group whose tag names a
    /// destination.
    fn pipes(
        &self,
        channel: &ChannelReading<'_>,
        group: &OutputGroup,
        target: &Target,
        tag: Option<&SlotTag>,
    ) -> Pipes {
        let id = channel.slot_id(group);
        let read = |(pipeline, endpoint): (usize, &Endpoint)| {
            let push = Push::of(endpoint);
            let is_named = SlotSelector::is_parking_name(&endpoint.stream_name, &id, pipeline);
            let is_parked = is_named || self.is_parked_at(channel, endpoint, &push);
            (push, is_named, is_parked)
        };
        let read: Vec<_> = target.0.iter().enumerate().map(read).collect();
        let is_parked_whole = read.iter().all(|(.., is_parked)| *is_parked);
        let counts_url = !is_parked_whole || !tag.is_some_and(names_a_destination);
        let pipe = |(push, is_named, is_parked)| {
            let is_parked = is_named || counts_url && is_parked;
            (!is_parked).then_some(push)
        };
        read.into_iter().map(pipe).collect()
    }

    /// Whether the URL of an endpoint is the pool's parking URL in whatever spelling, and no declared destination pushes there.
    fn is_parked_at(&self, channel: &ChannelReading<'_>, endpoint: &Endpoint, push: &Push) -> bool {
        let is_parking_url = channel.policy.as_ref().is_some_and(|policy| {
            let has_no_name = endpoint.stream_name.is_empty();
            push.form.url == policy.parking_url
                || has_no_name && canonical_url(&endpoint.url) == policy.parking_url
        });
        is_parking_url && !self.declared.push_to(&push.form.url)
    }

    fn occupant(
        &self,
        channel: &ChannelReading<'_>,
        class: ChannelClass,
        pipes: &Pipes,
        tag: Option<&SlotTag>,
    ) -> Occupant {
        let all_parked = !pipes.is_empty() && pipes.iter().all(Option::is_none);
        let recorded = tag.map(|tag| &tag.occupant);
        if all_parked || matches!(recorded, Some(Recorded::Parked)) {
            return Occupant::Parked;
        }
        let (identity, mark) = match recorded {
            Some(Recorded::Destination { identity, mark }) => (Some(identity), *mark),
            _ => (None, Mark::None),
        };
        let tagged = identity.and_then(|identity| self.declared.identities.get(identity).copied());
        // Until all slots are read.
        let role = Role::Surplus;
        if let Some((dest, is_equal)) = self.declared.exact(class, pipes, tagged) {
            // With any mark the tag does not say that the slot had this destination's very target.
            let may_change = mark == Mark::None && !self.one(dest).destination.is_preset;
            let fit = match is_equal {
                true => Fit::Equal,
                false if !self.one(dest).is_writable() => Fit::Unknown,
                false if tagged == Some(dest) && may_change => Fit::Changed,
                false => Fit::Respelled,
            };
            return Occupant::Of(dest, fit, role);
        }
        match (tagged, identity) {
            (Some(dest), _) if self.one(dest).is_writable() => Occupant::Of(dest, Fit::Previous, role),
            (Some(dest), _) => Occupant::Of(dest, Fit::Unknown, role),
            (None, Some(identity)) => {
                let is_set_aside = self.desired.set_aside.contains(identity);
                let is_known_gone = channel.policy.is_some() || self.desired.seen_declared.contains(identity);
                let may_be_released = self.desired.trust == Trust::Whole && is_known_gone;
                Occupant::Vanished {
                    identity: identity.clone(),
                    kept: is_set_aside || mark != Mark::Released && !may_be_released,
                }
            }
            (None, None) => Occupant::Undeclared,
        }
    }

    pub(super) fn one(&self, dest: Dest) -> &One<'a> {
        &self.declared.list[dest]
    }

    pub(super) fn name(&self, dest: Dest) -> &'a DestinationName {
        &self.one(dest).destination.name
    }

    /// Whether a destination belongs to the pool of a channel.
    pub(super) fn is_of_pool(&self, channel: &ChannelReading<'_>, dest: Dest) -> bool {
        channel.pool() == Some(&self.one(dest).destination.pool)
    }

    /// Whether a destination was interrupted in a slot and comes back there.
    pub(super) fn returns_to(&self, slot: &SlotReading<'_>, dest: Dest) -> bool {
        self.observed.returning.get(self.name(dest)) == Some(&slot.id)
    }

    /// The index of a channel.
    pub(super) fn channel(&self, id: &ChannelId) -> Option<usize> {
        self.channels.binary_search_by(|channel| channel.id.cmp(id)).ok()
    }

    /// A slot, if it is one.
    pub(super) fn slot(&self, id: &SlotId) -> Option<&SlotReading<'a>> {
        self.channels[self.channel(&id.channel)?].slot(&id.output_group)
    }

    pub(super) fn at(&self, site: Site) -> &SlotReading<'a> {
        &self.channels[site.channel].slots[site.slot]
    }

    pub(super) fn channel_of(&self, slot: &SlotReading<'_>) -> &ChannelReading<'a> {
        &self.channels[slot.site.channel]
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

    /// Whether anything may be done to a channel in its state, now or when that has passed.
    pub(super) fn may_be_used(&self) -> bool {
        use ChannelState::{CreateFailed, Deleted, Deleting, Unknown};
        let is_lost = |state| matches!(state, CreateFailed | Deleted | Deleting | Unknown);
        self.state().is_some_and(|state| !is_lost(state))
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.state().is_some_and(ChannelState::is_stopped)
    }

    pub(super) fn pool(&self) -> Option<&'a PoolName> {
        self.policy.as_ref().map(|policy| &policy.pool.name)
    }

    pub(super) fn takeover(&self) -> bool {
        let policy = self.policy.as_ref();
        policy.is_some_and(|policy| policy.takeover == Takeover::InForce)
    }

    /// What the pool's policy says of a channel that no destination is wanted on. In no pool: that it stops.
    pub(super) fn idle(&self) -> Idle {
        self.policy.as_ref().map_or(Idle::Stop, |policy| policy.pool.idle)
    }

    /// Where a slot points while it is parked.
    pub(super) fn parking(&self, slot: &SlotReading<'_>) -> Option<Target> {
        let slots: &SlotSelector = &self.policy.as_ref()?.pool.slots;
        Some(slots.parking(&slot.id, self.seen?.class))
    }

    pub(super) fn slot_id(&self, group: &OutputGroup) -> SlotId {
        SlotId::new(self.id.clone(), group.clone())
    }

    pub(super) fn slot(&self, group: &OutputGroup) -> Option<&SlotReading<'a>> {
        self.slots.iter().find(|slot| slot.id.output_group == *group)
    }

    /// Whether the pool's pattern matches a group.
    pub(super) fn matches(&self, group: &ObservedGroup) -> bool {
        let policy = self.policy.as_ref();
        policy.is_some_and(|policy| policy.pool.slots.output_groups.is_match(group.name.as_str()))
    }
}

impl SlotReading<'_> {
    pub(super) fn broken(&self, rule: Rule, what: impl Into<String>) -> Violation {
        Violation::new(rule, About::Slot(self.id.clone()), what)
    }

    /// The declared destination that it holds.
    pub(super) fn dest(&self) -> Option<Dest> {
        match self.occupant {
            Occupant::Of(dest, ..) => Some(dest),
            _ => None,
        }
    }

    /// Whether it has another target than its destination, by the declaration's own change.
    pub(super) fn is_changed(&self) -> bool {
        matches!(self.occupant, Occupant::Of(_, Fit::Changed | Fit::Previous, _))
    }
}

/// Whether a tag says that its slot holds a destination.
fn names_a_destination(tag: &SlotTag) -> bool {
    matches!(tag.occupant, Recorded::Destination { .. })
}

/// Whether every endpoint has slotwise's own parking name for its slot.
fn has_parking_names(slot: &SlotId, target: &Target) -> bool {
    let mut endpoints = target.0.iter().enumerate();
    endpoints.all(|(at, one)| SlotSelector::is_parking_name(&one.stream_name, slot, at))
}
