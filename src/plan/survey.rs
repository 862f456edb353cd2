//! Reading what was seen: who holds which slot, and which channels may be used.
//!
//! The channel's own configuration is the record of assignments, so everything starts here. Each slot is read as
//! exactly one [`Holder`], tried in this order:
//!
//! | the slot's target | it is |
//! |---|---|
//! | cannot be used as a slot | [`Holder::Unusable`] |
//! | equals the slot's parking target | [`Holder::Parked`] |
//! | equals a destination's target: the wanted one first, then by name | [`Holder::Held`] by it |
//! | the same, but that destination holds a better slot already | [`Holder::Copy`] of it |
//! | has the URL of a destination whose key cannot be read | [`Holder::Held`], presumed |
//! | has the URL of a wanted or paused destination that is not on air: its key changed | [`Holder::Outdated`] |
//! | anything else | [`Holder::Undeclared`] |
//!
//! *Better* is: on air on a channel that may be used (RUNNING before STARTING and RECOVERING), then on air on one that
//! may not be used, then the slot it comes back to after an interruption, then the rest; of equal ones those on our own
//! channels, then the order of channel ids and output groups. Whoever is known by its URL alone comes back first of all:
//! what else has that URL may well be another's, and its own slot would be given away.
//!
//! Two readings are narrower than they could be, because the cost of a mistake is somebody on air:
//! - while the declaration is [doubted](Trust::Doubted) nothing is read as outdated. An undeclared target may belong
//!   to a declaration that could not be read, and many destinations share one platform's URL;
//! - on a channel that is not ours (yet) nothing that runs is read as outdated, for the same reason.
//!
//! Whose former target it is hangs on who is on air, never on what stopped channels hold: a destination that was given a
//! slot and is not on air yet may still have its former target on another channel. So the reading, and what is granted
//! because of it, stays the same while channels are made ready.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::ops::Range;

use jiff::Timestamp;

use super::{Adoption, Content, Stray, Waiting};
use crate::model::{
    ChannelClass, ChannelId, ChannelObservation, ChannelPool, ChannelState, Desired, Destination,
    DestinationName, Endpoint, Observed, ObservedChannel, ObservedGroup, OutputGroup, Pause, PoolChannel,
    PoolName, Secret, SlotId, StreamKey, Target, Trust, WantedState,
};

/// How good a slot is as the one that counts for a destination, best first: its standing, whether its channel is not
/// ours, its place in the order.
type Rank = (u8, bool, usize);

/// The standing of the slot that a destination comes back to: after all in which it is on air, since one target is
/// not to be pushed to twice, and before all that are stopped.
const RETURNING: u8 = 4;

/// One pool as it was seen. Everything refers to everything by index.
pub(super) struct Survey<'a> {
    /// The pool.
    pub(super) pool: &'a ChannelPool,
    /// The pause in force on the pool.
    pub(super) paused: Option<&'a Pause>,
    /// Its channels, by id: the order of the declaration decides nothing.
    pub(super) channels: Vec<Channel<'a>>,
    /// Their slots, by channel, then in the channel's order.
    pub(super) slots: Vec<Slot<'a>>,
    /// Its destinations, by name.
    pub(super) dests: Vec<Dest<'a>>,
    /// Why undeclared targets are not to be let go.
    pub(super) doubt: Option<&'a str>,
}

/// One channel of the pool.
pub(super) struct Channel<'a> {
    /// Its id.
    pub(super) id: &'a ChannelId,
    /// What was seen of it.
    pub(super) seen: Option<&'a ObservedChannel>,
    /// Adopt it even while it runs with undeclared targets.
    pub(super) takeover: bool,
    /// Whether its slots are ours.
    pub(super) adoption: Adoption,
    /// Why it may not be used; `None` for one that may.
    pub(super) unusable: Option<Waiting>,
    /// Its slots in [`Survey::slots`].
    pub(super) slots: Range<usize>,
}

impl Channel<'_> {
    /// Its state; that of a channel which could not be seen is unknown.
    pub(super) fn state(&self) -> ChannelState {
        self.seen.map_or(ChannelState::Unknown, |seen| seen.state)
    }

    /// Whether what it carries is, or is about to be, on air.
    pub(super) fn is_running(&self) -> bool {
        self.state().is_running()
    }

    /// Whether the planner may change it.
    pub(super) fn is_usable(&self) -> bool {
        self.unusable.is_none()
    }
}

/// One slot of a channel.
pub(super) struct Slot<'a> {
    /// Its channel in [`Survey::channels`].
    pub(super) channel: usize,
    /// The output group.
    pub(super) group: &'a ObservedGroup,
    /// Where it points while it holds nobody.
    pub(super) parking: Target,
    /// Who holds it.
    pub(super) holder: Holder,
}

/// Who holds a slot. Destinations by their index in [`Survey::dests`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    /// It cannot be used as a slot.
    Unusable,
    /// Nobody.
    Parked,
    /// A destination, by its target or (presumed) by its URL.
    Held(usize),
    /// Another slot is the one that counts for this destination.
    Copy(usize),
    /// It has the former target of a destination.
    Outdated(usize),
    /// Nobody who is declared.
    Undeclared,
}

/// One destination of the pool.
pub(super) struct Dest<'a> {
    /// What was declared.
    pub(super) decl: &'a Destination,
    /// What it asks for now.
    pub(super) stance: Stance,
    /// The slot it holds.
    pub(super) held: Option<usize>,
    /// Other slots that have its target.
    pub(super) copies: Vec<usize>,
    /// The slot that has its former target.
    pub(super) outdated: Option<usize>,
    /// Another wanted destination of the same target, of any pool, which comes first.
    pub(super) rival: Option<&'a DestinationName>,
    /// Where its target is on air, if that is no slot it holds: one target is not pushed to twice.
    pub(super) elsewhere: Option<Elsewhere<'a>>,
    /// The slot it comes back to after an interruption.
    pub(super) returning: Option<usize>,
}

/// A slot in which the target of a destination is on air that does not hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Elsewhere<'a> {
    /// Its own former one, from which only the second pipeline's endpoint differs: it may go on in this slot only, by
    /// its index in [`Survey::slots`].
    Former(usize),
    /// Any other one. It has to end there first.
    Other {
        /// The slot.
        slot: SlotId,
        /// The pool of the slot, if it is another one.
        pool: Option<&'a PoolName>,
    },
}

impl Dest<'_> {
    /// Whether its key is known, so that a slot can be pointed at it.
    pub(super) fn has_key(&self) -> bool {
        matches!(self.decl.key, StreamKey::Known(_))
    }

    /// Whether its target has to end elsewhere before it may be put on air.
    pub(super) fn is_held_back(&self) -> bool {
        self.rival.is_some() || matches!(self.elsewhere, Some(Elsewhere::Other { .. }))
    }
}

/// What a destination asks for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stance {
    /// On air.
    Wanted,
    /// Paused: no change, whatever its state.
    Paused,
    /// Off air.
    Off,
}

impl<'a> Survey<'a> {
    /// Reads `pool` with its destinations, which come by name.
    pub(super) fn new(
        desired: &'a Desired,
        observed: &'a Observed,
        now: Timestamp,
        pool: &'a ChannelPool,
        destinations: &[&'a Destination],
    ) -> Self {
        let mut survey = Self {
            pool,
            paused: pool.pause_at(now),
            channels: Vec::with_capacity(pool.channels.len()),
            slots: Vec::new(),
            dests: destinations.iter().map(|decl| Dest::new(decl, now)).collect(),
            doubt: match &desired.trust {
                Trust::Whole => None,
                Trust::Doubted { why } => Some(why),
            },
        };
        survey.read_channels(desired, observed);
        survey.read_returning(observed);
        let keys = Keys::new(&survey.dests);
        survey.match_targets(&keys);
        survey.match_unknown_keys();
        survey.find_rivals(&keys);
        if survey.doubt.is_none() {
            survey.match_former_targets();
        }
        survey.decide_adoption(desired);
        survey
    }

    /// The name of a slot.
    pub(super) fn slot_id(&self, slot: usize) -> SlotId {
        let slot = &self.slots[slot];
        SlotId::new(self.channels[slot.channel].id.clone(), slot.group.name.clone())
    }

    /// The slot of this name, usable or not.
    pub(super) fn find_slot(&self, channel: &ChannelId, output_group: &OutputGroup) -> Option<usize> {
        let at = self.channels.binary_search_by(|one| one.id.cmp(channel)).ok()?;
        self.channels[at]
            .slots
            .clone()
            .find(|slot| self.slots[*slot].group.name == *output_group)
    }

    /// The channel of a slot.
    pub(super) fn channel_of(&self, slot: usize) -> &Channel<'a> {
        &self.channels[self.slots[slot].channel]
    }

    /// What a slot holds now, in the plan's words.
    pub(super) fn content(&self, slot: usize) -> Content {
        let slot = &self.slots[slot];
        match (slot.holder, &slot.group.target) {
            (Holder::Unusable, Err(why)) => Content::Unusable { why: why.clone() },
            (Holder::Parked, _) => Content::Parked,
            (Holder::Held(dest), _) => Content::Destination(self.dests[dest].decl.name.clone()),
            (Holder::Outdated(dest), _) => Content::Outdated(self.dests[dest].decl.name.clone()),
            _ => Content::Undeclared {
                host: slot.host().to_owned(),
            },
        }
    }

    /// Whether a channel has a target of the destination's URL that is nobody's any more.
    pub(super) fn has_former_like(&self, dest: usize, channel: usize) -> bool {
        let url = &*self.dests[dest].decl.url;
        let slots = self.channels[channel].slots.clone();
        self.slots[slots]
            .iter()
            .any(|slot| slot.former_url() == Some(url))
    }

    /// Whether a wanted destination is on air, or about to be, in the slot it holds.
    pub(super) fn on_running(&self, dest: usize) -> bool {
        self.dests[dest]
            .held
            .is_some_and(|slot| self.channel_of(slot).is_running())
    }

    fn read_channels(&mut self, desired: &Desired, observed: &'a Observed) {
        let mut named: Vec<&PoolChannel> = self.pool.channels.iter().collect();
        named.sort_by(|a, b| a.id.cmp(&b.id));
        named.dedup_by(|a, b| a.id == b.id);
        for named in named {
            let first = self.slots.len();
            let observation = observed.channels.get(&named.id);
            let seen = observation.and_then(ChannelObservation::seen);
            for group in seen.map_or(&[][..], |seen| &seen.groups) {
                if self.pool.slots.output_groups.is_match(group.name.as_str()) {
                    let class = seen.map_or(ChannelClass::SinglePipeline, |seen| seen.class);
                    self.push_slot(&named.id, class, group);
                }
            }
            let adoption = match seen {
                None => Adoption::Unknown,
                Some(seen) => match &seen.owner {
                    None => Adoption::Adopt,
                    Some(owner) if *owner == desired.owner => Adoption::Owned,
                    Some(owner) => Adoption::Foreign { owner: owner.clone() },
                },
            };
            self.channels.push(Channel {
                id: &named.id,
                seen,
                takeover: named.takeover,
                unusable: unusable(&named.id, observation, &adoption)
                    .or_else(|| self.paused.map(|pause| self.pool_paused(pause))),
                adoption,
                slots: first..self.slots.len(),
            });
        }
    }

    fn push_slot(&mut self, channel: &ChannelId, class: ChannelClass, group: &'a ObservedGroup) {
        let id = SlotId::new(channel.clone(), group.name.clone());
        let parking = self.pool.slots.parking(&id, class);
        let holder = match &group.target {
            Err(_) => Holder::Unusable,
            Ok(target) if *target == parking => Holder::Parked,
            Ok(_) => Holder::Undeclared,
        };
        let channel = self.channels.len();
        self.slots.push(Slot {
            channel,
            group,
            parking,
            holder,
        });
    }

    fn read_returning(&mut self, observed: &Observed) {
        if observed.returning.is_empty() {
            return;
        }
        for at in 0..self.dests.len() {
            let slot = observed.returning.get(&self.dests[at].decl.name);
            self.dests[at].returning = slot.and_then(|id| self.find_slot(&id.channel, &id.output_group));
        }
    }

    /// Exact targets.
    fn match_targets(&mut self, keys: &Keys<'_>) {
        let mut matches: Vec<(usize, usize)> = Vec::new();
        for (at, slot) in self.slots.iter().enumerate() {
            let (Holder::Undeclared, Ok(target)) = (slot.holder, &slot.group.target) else {
                continue;
            };
            let Some(first) = target.0.first() else { continue };
            let class = self.class_of(slot);
            let holder = keys
                .of(&first.stream_name, &first.url)
                .iter()
                .copied()
                .filter(|dest| self.dests[*dest].decl.is_carried_by(target, class, &slot.parking))
                .min_by_key(|dest| (self.dests[*dest].stance != Stance::Wanted, *dest));
            matches.extend(holder.map(|dest| (dest, at)));
        }
        matches.sort_by_key(|(dest, slot)| (*dest, self.preference(*dest, *slot)));
        for (dest, slot) in matches {
            if self.dests[dest].held.is_none() {
                self.dests[dest].held = Some(slot);
                self.slots[slot].holder = Holder::Held(dest);
            } else {
                self.dests[dest].copies.push(slot);
                self.slots[slot].holder = Holder::Copy(dest);
            }
        }
    }

    /// Destinations whose key cannot be read are presumed to hold a slot with their URL. Those who would lose most
    /// by a wrong guess choose first: the wanted, then the paused, then the rest; each by name.
    fn match_unknown_keys(&mut self) {
        let mut unknown: Vec<usize> = (0..self.dests.len())
            .filter(|at| !self.dests[*at].has_key())
            .collect();
        if unknown.is_empty() {
            return;
        }
        unknown.sort_by_key(|at| (self.dests[*at].stance, *at));
        let mut free = self.undeclared_by_url(|_| true);
        for dest in unknown {
            let Some(slots) = free.get_mut(&*self.dests[dest].decl.url) else {
                continue;
            };
            let Some(mut best) = slots.first().copied() else {
                continue;
            };
            let back = self.dests[dest]
                .returning
                .map(|slot| on_air_alike(self.rank(slot)));
            if let Some(back) = back.filter(|back| slots.contains(back)) {
                best = back;
            }
            slots.remove(&best);
            self.dests[dest].held = Some(best.2);
            self.slots[best.2].holder = Holder::Held(dest);
        }
    }

    /// Several wanted destinations of one target: whoever holds a slot comes first, then the first by name.
    fn find_rivals(&mut self, keys: &Keys<'_>) {
        for same in &keys.shared {
            let wanted = || {
                same.iter()
                    .copied()
                    .filter(|at| self.dests[*at].stance == Stance::Wanted)
            };
            let Some(first) = wanted().min_by_key(|at| (self.dests[*at].held.is_none(), *at)) else {
                continue;
            };
            let losers: Vec<usize> = wanted()
                .filter(|at| *at != first && self.dests[*at].held.is_none())
                .collect();
            for loser in losers {
                self.dests[loser].rival = Some(&self.dests[first].decl.name);
            }
        }
    }

    /// A destination that is not on air, and an undeclared target of its URL: its key was changed. A paused one is left
    /// on air with the former key, so it chooses first. One that holds a slot already can only have a former target that
    /// runs; one that comes back after an interruption was on air with the key it has.
    fn match_former_targets(&mut self) {
        let mut free = self.undeclared_by_url(|channel| match channel.adoption {
            Adoption::Owned => true,
            _ => channel.is_usable() && !channel.is_running(),
        });
        if free.is_empty() {
            return;
        }
        let mut claimants: Vec<usize> = (0..self.dests.len())
            .filter(|at| self.may_have_former_target(*at))
            .collect();
        claimants.sort_by_key(|at| (self.dests[*at].stance != Stance::Paused, *at));
        for at in claimants {
            let dest = &mut self.dests[at];
            let Some(slots) = free.get_mut(&*dest.decl.url) else {
                continue;
            };
            let runs = |(standing, ..): &Rank| *standing < RETURNING;
            if dest.held.is_some() && !slots.first().is_some_and(runs) {
                continue;
            }
            if let Some((_, _, slot)) = slots.pop_first() {
                dest.outdated = Some(slot);
                self.slots[slot].holder = Holder::Outdated(at);
            }
        }
    }

    fn may_have_former_target(&self, at: usize) -> bool {
        let dest = &self.dests[at];
        let is_made_ready = dest.stance == Stance::Wanted && dest.returning.is_none() && !self.on_running(at);
        let takes_part = dest.stance != Stance::Off && (dest.held.is_none() || is_made_ready);
        takes_part && dest.rival.is_none() && dest.has_key()
    }

    /// Slots with undeclared targets by URL, best first, on channels that `eligible` admits. A URL alone tells little, so
    /// of two slots on air it is not to be the other one as soon as a channel that starts has started.
    fn undeclared_by_url(
        &self,
        eligible: impl Fn(&Channel<'a>) -> bool,
    ) -> BTreeMap<&'a str, BTreeSet<Rank>> {
        let mut by_url: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (at, slot) in self.slots.iter().enumerate() {
            let group: &'a ObservedGroup = slot.group;
            if let (Holder::Undeclared, Ok(target)) = (slot.holder, &group.target)
                && let Some(first) = target.0.first()
                && eligible(&self.channels[slot.channel])
            {
                by_url
                    .entry(&*first.url)
                    .or_default()
                    .insert(on_air_alike(self.rank(at)));
            }
        }
        by_url
    }

    /// How good a slot is as the one that counts, whoever holds it.
    fn rank(&self, slot: usize) -> Rank {
        let channel = self.channel_of(slot);
        let standing = match (channel.is_usable(), channel.state()) {
            (true, ChannelState::Running) => 0,
            (true, state) if state.is_running() => 1,
            (false, ChannelState::Running) => 2,
            (false, state) if state.is_running() => 3,
            _ => RETURNING + 1,
        };
        let not_ours = channel.adoption != Adoption::Owned || !channel.is_usable();
        (standing, not_ours, slot)
    }

    fn preference(&self, dest: usize, slot: usize) -> Rank {
        let (standing, not_ours, _) = self.rank(slot);
        if self.dests[dest].returning == Some(slot) {
            return (standing.min(RETURNING), not_ours, slot);
        }
        (standing, not_ours, slot)
    }

    /// An unowned channel is not adopted, unless the pool says so, while it runs with what would be let go: targets that
    /// nobody declares, and those of destinations whose place is elsewhere. The latter may well be what their viewers
    /// see: of two connections to one target nobody but the platform knows which counts.
    fn decide_adoption(&mut self, desired: &Desired) {
        for at in 0..self.channels.len() {
            let channel = &self.channels[at];
            if channel.adoption != Adoption::Adopt || !channel.is_running() || channel.takeover {
                continue;
            }
            let strays = self.strays(channel, desired);
            if !strays.is_empty() {
                let waiting = Waiting::NotAdopted {
                    channel: channel.id.clone(),
                    strays: strays.clone(),
                };
                let channel = &mut self.channels[at];
                channel.unusable.get_or_insert(waiting);
                channel.adoption = Adoption::Refused { strays };
            }
        }
    }

    /// What a running channel that is not ours carries and would lose by being adopted.
    fn strays(&self, channel: &Channel<'a>, desired: &Desired) -> Vec<Stray> {
        let stray = |slot: &Slot<'a>| {
            let of = match slot.holder {
                Holder::Copy(dest) => Some(self.dests[dest].decl.name.clone()),
                Holder::Undeclared | Holder::Outdated(_) => self.owner_in_another_pool(slot, desired),
                Holder::Unusable | Holder::Parked | Holder::Held(_) => return None,
            };
            Some(Stray {
                output_group: slot.group.name.clone(),
                host: slot.host().to_owned(),
                of,
            })
        };
        self.slots[channel.slots.clone()]
            .iter()
            .filter_map(stray)
            .collect()
    }

    /// The destination of another pool that a slot has the target of.
    fn owner_in_another_pool(&self, slot: &Slot<'a>, desired: &Desired) -> Option<DestinationName> {
        let first = slot.first()?;
        let mut others = desired.destinations.values();
        let found = others.find(|one| one.pool != self.pool.name && is_pushed_to(one, first));
        found.map(|one| one.name.clone())
    }

    fn pool_paused(&self, pause: &Pause) -> Waiting {
        Waiting::Paused {
            pool: Some(self.pool.name.clone()),
            pause: pause.clone(),
        }
    }

    fn class_of(&self, slot: &Slot<'_>) -> ChannelClass {
        let seen = self.channels[slot.channel].seen;
        seen.map_or(ChannelClass::SinglePipeline, |seen| seen.class)
    }

    /// Where `slot` points when it carries `dest`; `None` while the key is not known.
    pub(super) fn target(&self, dest: usize, slot: usize) -> Option<Target> {
        let slot = &self.slots[slot];
        self.dests[dest].decl.target(self.class_of(slot), &slot.parking)
    }
}

/// The rank of a slot where RUNNING is no better than the other running states, whose standings come right after.
fn on_air_alike((standing, not_ours, slot): Rank) -> Rank {
    (standing - standing % 2, not_ours, slot)
}

/// Whether `endpoint` is the one that the first pipeline pushes to for a destination.
fn is_pushed_to(one: &Destination, endpoint: &Endpoint) -> bool {
    let same_key = matches!(&one.key, StreamKey::Known(key) if *key == endpoint.stream_name);
    same_key && one.url == endpoint.url
}

impl<'a> Slot<'a> {
    /// The endpoint that the first pipeline pushes to, parked or not.
    pub(super) fn first(&self) -> Option<&'a Endpoint> {
        let group: &'a ObservedGroup = self.group;
        group.target.as_ref().ok()?.0.first()
    }

    /// The URL of a target that is nobody's any more, as far as is known.
    pub(super) fn former_url(&self) -> Option<&'a str> {
        let is_former = matches!(self.holder, Holder::Outdated(_) | Holder::Undeclared);
        is_former.then_some(&*self.first()?.url)
    }

    /// Host of the first endpoint: all that is told of a target nobody declares.
    pub(super) fn host(&self) -> &str {
        self.first().map_or("(no host)", Endpoint::host)
    }
}

impl<'a> Dest<'a> {
    fn new(decl: &'a Destination, now: Timestamp) -> Self {
        let stance = match decl.state {
            _ if decl.pause_at(now).is_some() => Stance::Paused,
            WantedState::Streaming => Stance::Wanted,
            WantedState::Ready => Stance::Off,
        };
        Self {
            decl,
            stance,
            held: None,
            copies: Vec::new(),
            outdated: None,
            rival: None,
            elsewhere: None,
            returning: None,
        }
    }
}

/// Destinations by stream key and URL: the first endpoint of their target in any class.
struct Keys<'a> {
    /// The place in `firsts`. Never iterated, and hashed without a seed: its order shows nowhere.
    places: HashMap<(&'a Secret, &'a str), usize, BuildHasherDefault<DefaultHasher>>,
    /// The first destination of each.
    firsts: Vec<usize>,
    /// All of each that several share, by name.
    shared: Vec<Vec<usize>>,
    /// The place in `shared` of each that several share.
    sharing: BTreeMap<usize, usize>,
}

impl<'a> Keys<'a> {
    fn new(dests: &[Dest<'a>]) -> Self {
        let mut keys = Self {
            places: HashMap::with_capacity_and_hasher(dests.len(), BuildHasherDefault::default()),
            firsts: Vec::with_capacity(dests.len()),
            shared: Vec::new(),
            sharing: BTreeMap::new(),
        };
        for (at, dest) in dests.iter().enumerate() {
            let StreamKey::Known(key) = &dest.decl.key else {
                continue;
            };
            let next = keys.firsts.len();
            let place = *keys.places.entry((key, &*dest.decl.url)).or_insert(next);
            if place == next {
                keys.firsts.push(at);
                continue;
            }
            let list = *keys.sharing.entry(place).or_insert_with(|| {
                keys.shared.push(vec![keys.firsts[place]]);
                keys.shared.len() - 1
            });
            keys.shared[list].push(at);
        }
        keys
    }

    /// Destinations of this key and URL, by name.
    fn of(&self, key: &Secret, url: &str) -> &[usize] {
        match self.places.get(&(key, url)) {
            None => &[],
            Some(place) => match self.sharing.get(place) {
                Some(list) => &self.shared[*list],
                None => std::slice::from_ref(&self.firsts[*place]),
            },
        }
    }
}

/// Why a channel may not be used, as far as that does not depend on who holds its slots.
fn unusable(
    id: &ChannelId,
    observation: Option<&ChannelObservation>,
    adoption: &Adoption,
) -> Option<Waiting> {
    let channel = id.clone();
    let seen = match observation {
        Some(ChannelObservation::Seen(seen)) => seen,
        Some(ChannelObservation::Missing) => return Some(Waiting::ChannelMissing { channel }),
        Some(ChannelObservation::Unreadable { why }) => {
            return Some(Waiting::ChannelUnreadable {
                channel,
                why: why.clone(),
            });
        }
        None => {
            let why = "it was not looked at".to_owned();
            return Some(Waiting::ChannelUnreadable { channel, why });
        }
    };
    match seen.state {
        ChannelState::CreateFailed
        | ChannelState::Deleting
        | ChannelState::Deleted
        | ChannelState::Unknown => {
            let state = seen.state;
            return Some(Waiting::ChannelFailed { channel, state });
        }
        _ => {}
    }
    match adoption {
        Adoption::Foreign { owner } => Some(Waiting::OwnedByAnother {
            channel,
            owner: owner.clone(),
        }),
        _ => None,
    }
}
