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
//! | is on air, or was interrupted, with the URL of a destination whose key cannot be read | [`Holder::Held`], presumed; other slots with the same target are [`Holder::Copy`] |
//! | has the URL of a wanted or paused destination that is not on air: its key changed | [`Holder::Outdated`] |
//! | anything else | [`Holder::Undeclared`] |
//!
//! *Better* is: on air on a channel that may be used (RUNNING before STARTING and RECOVERING), then on air on one that
//! may not be used, then the slot it comes back to after an interruption, then the rest; of equal ones those on our own
//! channels, then the order of channel ids and output groups. Whoever is known by its URL alone comes back first of all:
//! what else has that URL may well be another's, and its own slot would be given away.
//!
//! Four readings are narrower than they could be, because the cost of a mistake is somebody on air, or a programme that
//! goes to somebody else's viewers:
//! - a stopped channel's target is nobody's by its URL alone: it may be of somebody who was removed, and a guess puts
//!   nothing on air;
//! - which of several targets on air with its URL is that of a destination whose key cannot be read nobody knows. One of
//!   them is presumed to be, and the others [may be](Slot::may_be) as well: none of them is let go, nor read as outdated.
//!   Where one of several such destinations must not be interrupted, none of them is;
//! - while the declaration is [doubted](Trust::Doubted) nothing is read as outdated. An undeclared target may belong
//!   to a declaration that could not be read, and many destinations share one platform's URL;
//! - on a channel that is not ours (yet) nothing that runs is read as outdated, for the same reason.
//!
//! Whose former target it is hangs on who is on air, never on what stopped channels hold: a destination that was given a
//! slot and is not on air yet may still have its former target on another channel. So the reading, and what is granted
//! because of it, stays the same while channels are made ready.

mod matching;

use std::ops::Range;

use jiff::Timestamp;

use matching::Keys;

use super::{Adoption, Content, Stray, Waiting};
use crate::model::{
    ChannelClass, ChannelId, ChannelObservation, ChannelPool, ChannelState, Desired, Destination,
    DestinationName, Endpoint, Observed, ObservedChannel, ObservedGroup, OutputGroup, Pause, PoolChannel,
    PoolName, SlotId, StreamKey, Target, Trust, WantedState,
};

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
    /// Whose target it may be on air with, besides: of a destination that is not to be let go, or not even to be
    /// interrupted where it is presumed to hold another's, and whose key cannot be read.
    pub(super) may_be: Option<usize>,
}

/// Why what nobody is known to want is not let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// The declaration may not be whole.
    Source,
    /// It may be what this destination pushes to, whose key cannot be read.
    Key(usize),
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

    /// Whether it must not be interrupted, whatever the pool grants.
    pub(super) fn is_firm(&self) -> bool {
        match self.stance {
            Stance::Wanted => !self.decl.interruptible,
            Stance::Paused => true,
            Stance::Off => false,
        }
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
        survey.match_unknown_keys(desired);
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

    /// Why a slot on air is left as it is, though nobody is known to want what it holds.
    pub(super) fn doubt_of(&self, slot: usize) -> Option<Doubt> {
        let slot = &self.slots[slot];
        // By its URL alone it may as well be that of somebody whose declaration is missing.
        let is_undeclared = match slot.holder {
            Holder::Undeclared => true,
            Holder::Held(dest) => self.dests[dest].stance == Stance::Off && !self.dests[dest].has_key(),
            _ => false,
        };
        if is_undeclared && self.doubt.is_some() {
            return Some(Doubt::Source);
        }
        slot.may_be.map(Doubt::Key)
    }

    /// What a slot holds now, in the plan's words.
    pub(super) fn content(&self, slot: usize) -> Content {
        let slot = &self.slots[slot];
        match (slot.holder, &slot.group.target) {
            (Holder::Unusable, Err(why)) => Content::Unusable { why: why.to_string() },
            (Holder::Parked, _) => Content::Parked,
            (Holder::Held(dest), _) => Content::Destination(self.dests[dest].decl.name.clone()),
            (Holder::Outdated(dest), _) => Content::Previous(self.dests[dest].decl.name.clone()),
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
            may_be: None,
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

    /// An unowned channel is not adopted, unless the pool says so, while it runs with what would be let go: targets that
    /// nobody declares, and those of destinations whose place is elsewhere. The latter may well be what their viewers
    /// see: of two connections to one target nobody but the platform knows which counts. What is presumed to be somebody's
    /// by its URL may turn out to be nobody's as soon as the key can be read.
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
                Holder::Held(dest) if !self.dests[dest].has_key() => Some(self.dests[dest].decl.name.clone()),
                Holder::Unusable | Holder::Parked | Holder::Held(_) => return None,
            };
            Some(Stray {
                output_group: slot.group.name.clone(),
                host: slot.host().to_owned(),
                of,
                presumed: matches!(slot.holder, Holder::Held(_)),
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
