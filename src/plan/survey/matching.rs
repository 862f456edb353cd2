//! Who holds which slot: the rounds in which the [`Holder`]s are told.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, DefaultHasher};

use super::super::Adoption;
use super::{Channel, Dest, Holder, Stance, Survey};
use crate::model::{ChannelState, Desired, ObservedGroup, Secret, StreamKey};

/// How good a slot is as the one that counts for a destination, best first: its standing, whether its channel is not
/// ours, its place in the order.
type Rank = (u8, bool, usize);

/// The standing of the slot that a destination comes back to: after all in which it is on air, since one target is
/// not to be pushed to twice, and before all that are stopped.
const RETURNING: u8 = 4;

impl<'a> Survey<'a> {
    /// Exact targets.
    pub(super) fn match_targets(&mut self, keys: &Keys<'_>) {
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
                .filter(|dest| self.dests[*dest].decl.target(class, &slot.parking).as_ref() == Some(target))
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

    /// Destinations whose key cannot be read are presumed to hold a slot on air with their URL. Those who would lose most
    /// by a wrong guess choose first: the wanted, then the paused, then the rest; each by name. What another pool's
    /// destination pushes to is none of theirs. What is on air besides and has the URL of a wanted or paused one may be
    /// that one's as well, whoever else it may belong to.
    pub(super) fn match_unknown_keys(&mut self, desired: &Desired) {
        let mut unknown: Vec<usize> = (0..self.dests.len())
            .filter(|at| !self.dests[*at].has_key())
            .collect();
        if unknown.is_empty() {
            return;
        }
        unknown.sort_by_key(|at| (self.dests[*at].stance, *at));
        let protected = unknown.partition_point(|at| self.dests[*at].stance != Stance::Off);
        let (protected, off) = unknown.split_at(protected);
        let mut free = self.undeclared_by_url(|_| true);
        let urls: BTreeSet<&str> = unknown.iter().map(|at| &*self.dests[*at].decl.url).collect();
        free.retain(|url, _| urls.contains(url));
        let pushed_to = self.pushed_to_by_other_pools(desired);
        for slots in free.values_mut() {
            slots.retain(|(_, _, slot)| {
                let first = self.slots[*slot].first();
                first.is_some_and(|first| !pushed_to.contains(&(&*first.url, &first.stream_name)))
            });
        }
        let mut guessed: BTreeMap<&str, usize> = BTreeMap::new();
        for dest in protected {
            self.presume(*dest, &mut free);
            guessed.entry(&*self.dests[*dest].decl.url).or_insert(*dest);
        }
        for (url, dest) in guessed {
            let on_air = free.get(url).into_iter().flatten();
            for (_, _, slot) in on_air.filter(|(standing, ..)| *standing < RETURNING) {
                self.slots[*slot].may_be = Some(dest);
            }
        }
        self.hold_back_for_firm(protected);
        for dest in off {
            self.presume(*dest, &mut free);
        }
    }

    /// Where the destinations of other pools push to first, as far as their keys are known.
    fn pushed_to_by_other_pools<'d>(&self, desired: &'d Desired) -> BTreeSet<(&'d str, &'d Secret)> {
        let all = desired.destinations.values();
        let others = all.filter(|one| one.pool != self.pool.name);
        let first = others.filter_map(|one| match &one.key {
            StreamKey::Known(key) => Some((&*one.url, key)),
            StreamKey::Unavailable { .. } => None,
        });
        first.collect()
    }

    /// Which of its targets on air is whose of those of one URL nobody knows: while one of them must not be interrupted,
    /// none of them is.
    fn hold_back_for_firm(&mut self, protected: &[usize]) {
        let mut firm: BTreeMap<&str, usize> = BTreeMap::new();
        for dest in protected.iter().filter(|dest| self.dests[**dest].is_firm()) {
            firm.entry(&*self.dests[*dest].decl.url).or_insert(*dest);
        }
        for dest in protected.iter().filter(|dest| !self.dests[**dest].is_firm()) {
            let one = &self.dests[*dest];
            if let (Some(slot), Some(firm)) = (one.held, firm.get(&*one.decl.url)) {
                self.slots[slot].may_be = Some(*firm);
            }
        }
    }

    /// Gives a destination the slot of its URL that it is presumed to hold, if there is one. What a stopped channel has
    /// may be of somebody who was removed, and would be put on air by the guess: only what it was interrupted in counts.
    fn presume(&mut self, dest: usize, free: &mut BTreeMap<&'a str, BTreeSet<Rank>>) {
        let Some(slots) = free.get_mut(&*self.dests[dest].decl.url) else {
            return;
        };
        let back = self.dests[dest]
            .returning
            .map(|slot| on_air_alike(self.rank(slot)));
        let back = back.filter(|back| slots.contains(back));
        let on_air = slots
            .first()
            .copied()
            .filter(|(standing, ..)| *standing < RETURNING);
        let Some((_, _, best)) = back.or(on_air) else {
            return;
        };
        // Of those with one target the one that counts is the same as if the key were known.
        let target = self.slots[best].first();
        let all = slots.iter().map(|(_, _, slot)| *slot);
        let same: Vec<usize> = all.filter(|slot| self.slots[*slot].first() == target).collect();
        slots.retain(|(_, _, slot)| !same.contains(slot));
        let counts = same
            .iter()
            .copied()
            .min_by_key(|slot| self.preference(dest, *slot))
            .unwrap_or(best);
        for slot in same {
            if slot == counts {
                self.dests[dest].held = Some(slot);
                self.slots[slot].holder = Holder::Held(dest);
            } else {
                // None of its own: without its key it is written nowhere else.
                self.slots[slot].holder = Holder::Copy(dest);
            }
        }
    }

    /// Several wanted destinations of one target: whoever holds a slot comes first, then the first by name.
    pub(super) fn find_rivals(&mut self, keys: &Keys<'_>) {
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
    pub(super) fn match_former_targets(&mut self) {
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
            if let (Holder::Undeclared, None, Ok(target)) = (slot.holder, slot.may_be, &group.target)
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
}

/// The rank of a slot where RUNNING is no better than the other running states, whose standings come right after.
fn on_air_alike((standing, not_ours, slot): Rank) -> Rank {
    (standing - standing % 2, not_ours, slot)
}

/// Destinations by stream key and URL: the first endpoint of their target in any class.
pub(super) struct Keys<'a> {
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
    pub(super) fn new(dests: &[Dest<'a>]) -> Self {
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
