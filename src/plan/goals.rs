//! From the reading to goals: what each channel of a pool is to do, and which destinations it carries.
//!
//! Pool by pool, since no channel belongs to two; only a moved destination ties two pools together. It leaves the old
//! pool once the new one has a slot reserved for it and the old one grants it.

mod problem;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use super::placement::{Budget, Placed, Problem, solve};
use super::protection::{Change, ChannelKind, Kept, is_stoppable, join, kind, leave};
use super::reading::{Intent, Reading};
use super::router::prepared_outputs;
use super::{Interruptions, Optimality, Waiting};
use crate::model::{Cause, ChannelId, ChannelObservation, ChannelState, DestinationName, StreamKey};

/// Ways to fill a channel that are looked at for a plan of one pool: counted, not timed, so that the same input gives the same
/// plan on every machine. About two seconds. A plan of many pools shares less, so that it takes no longer than they need.
const NODE_BUDGET: usize = 4_000_000;

/// The decision on one pool.
pub(super) struct Decision<'r, 'a> {
    /// What was seen.
    pub(super) reading: &'r Reading<'a>,
    /// Its place in [`Reading::pools`].
    pub(super) pool: usize,
    /// The kind of each of its channels; `None` for one that may not be used.
    kinds: Vec<Option<ChannelKind>>,
    /// What was left to decide.
    pub(super) problem: Problem,
    /// The destination of each item.
    pub(super) items: Vec<usize>,
    /// The bin of each of its channels.
    bins: Vec<Option<usize>>,
    /// The bin that each item was placed in.
    pub(super) placed: Placed,
    /// The goal of each of its channels.
    goals: Vec<Goal>,
    /// Slots given to destinations that are not on air in them, or are rewritten there.
    pub(super) given: BTreeMap<usize, usize>,
    /// Destinations that leave for another pool, each with the place that is reserved for it there.
    leaving_for: BTreeMap<usize, Reserved>,
    /// The slot that carries each of its destinations on air in the end, wanted or not.
    carried: Vec<Option<usize>>,
    /// Channels whose interruption has to wait its turn.
    pub(super) delayed: BTreeSet<usize>,
    /// Interruptions planned and least possible.
    pub(super) interruptions: Interruptions,
    /// How good the placement is known to be.
    pub(super) optimality: Optimality,
    /// What keeps destinations that could go anywhere from a slot, once it was asked for.
    pub(super) joining: OnceCell<Option<Waiting>>,
}

/// A place in another pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reserved {
    /// This slot.
    Slot(usize),
    /// A router output that has everything but its start.
    Output,
}

/// The goal of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// It is left exactly as it is: it may not be used.
    Leave,
    /// It stays stopped; what its slots hold stays, too.
    Idle,
    /// It keeps running unchanged.
    Stay,
    /// No destination on it is wanted: it stops.
    Stop,
    /// It carries the given destinations and no others.
    Run,
    /// It stops, changes and starts again; those protected come back to their slots.
    Interrupt,
}

/// Router outputs that destinations leave channels for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ready<'s> {
    /// Those that were seen to be ready.
    Seen,
    /// Those of these destinations as well.
    AndOf(&'s BTreeSet<DestinationName>),
}

/// Decides for all pools, in their order.
pub(super) fn decide<'r, 'a>(reading: &'r Reading<'a>, ready: Ready<'_>) -> Vec<Decision<'r, 'a>> {
    let pools = 0..reading.pools.len();
    let declared = reading.desired.pools.len().max(1);
    let mut budget = Budget {
        nodes: NODE_BUDGET / declared,
    };
    let mut decisions: Vec<Decision<'r, 'a>> = pools
        .map(|pool| Decision::new(reading, pool, &mut budget))
        .collect();
    let reserved = reserve(reading, &decisions, ready);
    for decision in &mut decisions {
        decision.set_goals(&reserved);
        decision.delay();
    }
    set_carried(reading, &mut decisions);
    decisions
}

/// A slot of a channel that stays stopped, or a router output, for each wanted destination that is on air in a pool that it was moved
/// from.
fn reserve(
    reading: &Reading<'_>,
    decisions: &[Decision<'_, '_>],
    ready: Ready<'_>,
) -> BTreeMap<usize, Reserved> {
    let mut reserved = BTreeMap::new();
    let mut taken = BTreeSet::new();
    let prepared = OnceCell::new();
    for (dest, one) in reading.dests.iter().enumerate() {
        if one.intent != Intent::Wanted || !one.is_writable() || !reading.is_moved(dest) {
            continue;
        }
        if reading.desired.routers.contains_key(&one.decl.pool) {
            let prepared =
                prepared.get_or_init(|| prepared_outputs(reading.desired, reading.observed, reading.now));
            let is_taken_as_ready = matches!(ready, Ready::AndOf(those) if those.contains(&one.decl.name));
            if is_taken_as_ready || prepared.contains(&one.decl.name) {
                reserved.insert(dest, Reserved::Output);
            }
            continue;
        }
        let decision = &decisions[one.pool];
        let pin = one.decl.pin.as_ref();
        let slot = decision.free_slots().find(|slot| {
            let group = &reading.slots[*slot].group.name;
            let id = reading.channel_of(*slot).id;
            !taken.contains(slot) && pin.is_none_or(|pin| pin.channel == *id && pin.output_group == *group)
        });
        if let Some(slot) = slot {
            taken.insert(slot);
            reserved.insert(dest, Reserved::Slot(slot));
        }
    }
    reserved
}

/// Says of every destination which slot carries it in the end.
fn set_carried(reading: &Reading<'_>, decisions: &mut [Decision<'_, '_>]) {
    let mut carried: Vec<Option<usize>> = vec![None; reading.dests.len()];
    for decision in decisions.iter() {
        for (slot, dest) in &decision.given {
            carried[*dest] = Some(*slot);
        }
        for (dest, place) in &decision.leaving_for {
            let Reserved::Slot(slot) = place else { continue };
            let from = reading.dests[*dest]
                .on_air
                .map(|slot| reading.slots[slot].channel);
            if from.is_some_and(|from| decision.goal(from) == Goal::Interrupt) {
                carried[*dest] = Some(*slot);
            }
        }
    }
    for (dest, one) in reading.dests.iter().enumerate() {
        let Some(slot) = one.on_air.filter(|_| carried[dest].is_none()) else {
            continue;
        };
        let channel = &reading.channels[reading.slots[slot].channel];
        let stays = match decisions[channel.pool].goal(reading.slots[slot].channel) {
            Goal::Leave | Goal::Stay => true,
            Goal::Interrupt => one.intent.is_kept(),
            Goal::Idle | Goal::Stop | Goal::Run => false,
        };
        if stays {
            carried[dest] = Some(slot);
        }
    }
    for decision in decisions {
        decision.carried = carried[reading.pools[decision.pool].dests.clone()].to_vec();
    }
}

impl<'r, 'a> Decision<'r, 'a> {
    fn new(reading: &'r Reading<'a>, pool: usize, budget: &mut Budget) -> Self {
        let channels = reading.pools[pool].channels.clone();
        let kinds: Vec<Option<ChannelKind>> = channels
            .map(|at| reading.channels[at].is_usable().then(|| kind(reading, at)))
            .collect();
        let posed = problem::pose(reading, pool, &kinds);
        let found = solve(&posed.problem, budget);
        let mut given: BTreeMap<usize, usize> =
            posed.bound.iter().map(|(dest, slot)| (*slot, *dest)).collect();
        given.extend(posed.slots_given(reading, &found.placed));
        let planned = found.interruptions;
        Self {
            reading,
            pool,
            goals: Vec::with_capacity(kinds.len()),
            kinds,
            problem: posed.problem,
            items: posed.items,
            bins: posed.bins,
            placed: found.placed,
            given,
            leaving_for: BTreeMap::new(),
            carried: Vec::new(),
            delayed: BTreeSet::new(),
            interruptions: Interruptions {
                planned,
                lower_bound: found.least_interruptions.min(planned),
            },
            optimality: if found.is_best {
                Optimality::Optimal
            } else {
                Optimality::Heuristic
            },
            joining: OnceCell::new(),
        }
    }

    /// The kind of a channel of the pool; `None` for one that may not be used.
    pub(super) fn kind(&self, channel: usize) -> Option<&ChannelKind> {
        self.kinds[channel - self.first_channel()].as_ref()
    }

    /// The goal of a channel of the pool.
    pub(super) fn goal(&self, channel: usize) -> Goal {
        self.goals[channel - self.first_channel()]
    }

    /// The bin of a channel of the pool.
    pub(super) fn bin(&self, channel: usize) -> Option<usize> {
        self.bins[channel - self.first_channel()]
    }

    /// The slot that carries a destination of the pool on air in the end.
    pub(super) fn carried(&self, dest: usize) -> Option<usize> {
        self.carried[dest - self.reading.pools[self.pool].dests.start]
    }

    /// What is protected on a channel that keeps running unchanged.
    pub(super) fn staying(&self, channel: usize) -> Option<&Kept> {
        match self.kind(channel) {
            Some(ChannelKind::Kept(kept)) if self.goal(channel) == Goal::Stay => Some(kept),
            _ => None,
        }
    }

    /// Destinations interrupted on a channel, even if that has to wait its turn.
    pub(super) fn interrupted_on(&self, channel: usize) -> &[usize] {
        match self.kind(channel) {
            Some(ChannelKind::Kept(kept)) if self.goal(channel) == Goal::Interrupt => &kept.on_air,
            _ => &[],
        }
    }

    /// The place that is reserved in another pool for a destination that leaves a channel for it.
    pub(super) fn reserved_for(&self, dest: usize) -> Option<Reserved> {
        self.leaving_for.get(&dest).copied()
    }

    /// The slots given on a channel: slot and destination.
    pub(super) fn given_on(&self, channel: usize) -> impl Iterator<Item = (usize, usize)> {
        let slots = self.reading.channels[channel].slots.clone();
        self.given.range(slots).map(|(slot, dest)| (*slot, *dest))
    }

    /// Wanted destinations that a channel carries in the end.
    pub(super) fn wanted_on(&self, channel: usize) -> Vec<usize> {
        let mut wanted: Vec<usize> = self.given_on(channel).map(|(_, dest)| dest).collect();
        if let (Goal::Interrupt | Goal::Stay | Goal::Leave, Some(ChannelKind::Kept(kept))) =
            (self.goal(channel), self.kind(channel))
        {
            let stays =
                |dest: &&usize| self.reserved_for(**dest).is_none() || self.goal(channel) == Goal::Stay;
            wanted.extend(kept.on_air.iter().filter(stays));
        }
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }

    /// The changes that an interruption of a kept channel would make.
    pub(super) fn changes(&self, channel: usize, kept: &Kept) -> Vec<Change> {
        let leaving = kept.leaving.iter().map(|slot| leave(self.reading, *slot));
        let joining = self.given_on(channel);
        let joining = joining.map(|(slot, dest)| join(self.reading, dest, slot));
        let moving = kept
            .on_air
            .iter()
            .filter(|dest| self.leaving_for.contains_key(dest));
        let moving = moving.map(|dest| Change {
            cause: Cause::Retarget,
            owner: Some(*dest),
        });
        leaving.chain(joining).chain(moving).collect()
    }

    /// Whether a change may interrupt others now.
    pub(super) fn allows(&self, change: Change) -> bool {
        let policy = &self.reading.pools[self.pool].policy;
        policy.allows(change.cause, change.owner_name(self.reading))
    }

    /// Names of destinations, sorted.
    pub(super) fn names(&self, dests: impl IntoIterator<Item = usize>) -> Vec<DestinationName> {
        let names = dests.into_iter().map(|dest| &self.reading.dests[dest].decl.name);
        let names: BTreeSet<&DestinationName> = names.collect();
        names.into_iter().cloned().collect()
    }

    fn first_channel(&self) -> usize {
        self.reading.pools[self.pool].channels.start
    }

    /// Slots of channels that stay stopped, which could be given.
    fn free_slots(&self) -> impl Iterator<Item = usize> {
        let channels = self.reading.pools[self.pool].channels.clone();
        let idle = channels.filter(|channel| {
            self.kind(*channel) == Some(&ChannelKind::Stopped)
                && self.reading.channels[*channel].state().is_stopped()
                && self.bin(*channel).is_some()
                && self.given_on(*channel).next().is_none()
                && !self.is_restarted(*channel)
        });
        // Those without a tag only as far as there is room for more tags.
        let free = idle.filter_map(|channel| Some(&self.problem.bins[self.bin(channel)?].free));
        free.flatten().map(|free| free.slot)
    }

    fn set_goals(&mut self, reserved: &BTreeMap<usize, Reserved>) {
        let by_bin = problem::by_bin(&self.problem, &self.placed);
        // Interruptions that only moves between pools make: without them the moved ones are not where they are wanted.
        let mut for_moves = 0;
        for channel in self.reading.pools[self.pool].channels.clone() {
            let is_given = self.given_on(channel).next().is_some();
            let goal = match self.kind(channel) {
                None => Goal::Leave,
                Some(ChannelKind::Stopped | ChannelKind::Vacant) if is_given => Goal::Run,
                Some(ChannelKind::Stopped) if self.is_restarted(channel) => Goal::Run,
                Some(ChannelKind::Stopped) => Goal::Idle,
                Some(ChannelKind::Vacant) => Goal::Stop,
                Some(ChannelKind::Kept(kept)) => {
                    let leaving = self.leaving_from(channel, kept, reserved);
                    let is_open = self
                        .bin(channel)
                        .is_some_and(|bin| self.problem.is_open(bin, &by_bin[bin]));
                    let is_opened = is_open || !leaving.is_empty();
                    for_moves += if is_open || !is_opened {
                        0
                    } else {
                        kept.on_air.len()
                    };
                    self.leaving_for.extend(leaving);
                    if is_opened { Goal::Interrupt } else { Goal::Stay }
                }
            };
            self.goals.push(goal);
        }
        let channels = self.reading.pools[self.pool].channels.clone();
        let planned = channels.map(|channel| self.interrupted_on(channel).len()).sum();
        let lower_bound = (self.interruptions.lower_bound + for_moves).min(planned);
        self.interruptions = Interruptions { planned, lower_bound };
    }

    /// Whether a channel that is to keep running was stopped for a change, and starts again whoever is wanted by now.
    fn is_restarted(&self, channel: usize) -> bool {
        let id = self.reading.channels[channel].id;
        self.reading.pools[self.pool].keeps_running()
            && self.reading.observed.restarting.contains(id)
            && self.bin(channel).is_some()
    }

    /// Destinations on a kept channel that may leave it for another pool now.
    fn leaving_from(
        &self,
        channel: usize,
        kept: &Kept,
        reserved: &BTreeMap<usize, Reserved>,
    ) -> BTreeMap<usize, Reserved> {
        let may_stop = is_stoppable(self.reading.channels[channel].state(), kept);
        let cause = Cause::Retarget;
        let moving = kept
            .on_air
            .iter()
            .filter_map(|dest| Some((*dest, *reserved.get(dest)?)));
        let moving: BTreeMap<usize, Reserved> = moving.filter(|_| may_stop).collect();
        let allowed = moving.keys().any(|dest| {
            let owner = Some(*dest);
            self.allows(Change { cause, owner })
        });
        if allowed { moving } else { BTreeMap::new() }
    }

    /// `maxConcurrent`: interruptions beyond the limit wait their turn, those with the most important gain first.
    fn delay(&mut self) {
        let observed = self.reading.observed;
        // Of a channel that cannot be seen just now it is not known that they are back.
        let may_be_off_air = |id: &&ChannelId| match observed.channels.get(*id) {
            Some(ChannelObservation::Seen(seen)) => seen.state != ChannelState::Running,
            Some(ChannelObservation::Missing) => false,
            Some(ChannelObservation::Unreadable { .. }) | None => true,
        };
        let returning = observed.returning.values().map(|slot| &slot.channel);
        let busy: BTreeSet<usize> = returning
            .chain(&observed.interrupted)
            .filter(may_be_off_air)
            .filter_map(|id| self.reading.find_channel(self.pool, id))
            .collect();
        let limit = self.reading.pools[self.pool].policy.max_concurrent();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let channels = self.reading.pools[self.pool].channels.clone();
        let mut turns: Vec<(std::cmp::Reverse<i32>, usize)> = channels
            .filter(|channel| self.goal(*channel) == Goal::Interrupt && !busy.contains(channel))
            .map(|channel| (std::cmp::Reverse(self.gain(channel)), channel))
            .collect();
        turns.sort_unstable();
        let late = turns.into_iter().skip(limit.saturating_sub(busy.len()));
        self.delayed = late.map(|(_, channel)| channel).collect();
    }

    /// The highest priority among the destinations that gain by an interruption.
    fn gain(&self, channel: usize) -> i32 {
        let Some(ChannelKind::Kept(kept)) = self.kind(channel) else {
            return i32::MIN;
        };
        let dests = &self.reading.dests;
        let priority = |change: &Change| change.owner.map_or(0, |dest| dests[dest].decl.priority);
        self.changes(channel, kept)
            .iter()
            .map(priority)
            .max()
            .unwrap_or(i32::MIN)
    }
}

/// Why the key of a destination is not known.
pub(super) fn unreadable_key(key: &StreamKey) -> Option<Waiting> {
    match key {
        StreamKey::Known(_) => None,
        StreamKey::Unavailable { reference, why } => Some(Waiting::SecretUnavailable {
            reference: reference.clone(),
            why: why.clone(),
        }),
    }
}
