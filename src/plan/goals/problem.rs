//! What is left to decide in a pool, as a placement problem.
//!
//! *Items* are wanted destinations that are not on air with their target; *bins* are channels that could take them. What is on
//! air stays where it is and enters as the bins' occupants; a destination that comes back after an interruption is *bound* to its
//! slot.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Adoption;
use super::super::placement::{Bin, FreeSlot, Held, Item, Own, Pinned, Placed, Problem};
use super::super::protection::{ChannelKind, Kept, is_stoppable, leave};
use super::super::reading::{BlockedBy, Fit, Intent, Occupant, Reading};
use crate::model::tag::TAGS_MAX;
use crate::model::{Cause, ChannelState, GroupName, Placement, Recording};

/// Failures in a row from which a channel is avoided.
const TROUBLED_FROM: u32 = 2;

/// A problem, and what it is made of.
pub(super) struct Posed {
    pub(super) problem: Problem,
    /// The destination of each item.
    pub(super) items: Vec<usize>,
    /// The bin of each channel of the pool.
    pub(super) bins: Vec<Option<usize>>,
    /// Destinations whose slot is given: (destination, slot).
    pub(super) bound: Vec<(usize, usize)>,
}

impl Posed {
    /// The slot of every item that was placed.
    pub(super) fn slots_given(&self, reading: &Reading<'_>, placed: &Placed) -> Vec<(usize, usize)> {
        let mut given = Vec::new();
        for (bin, mut items) in by_bin(&self.problem, placed).into_iter().enumerate() {
            items.retain(|item| match &self.problem.items[*item].own {
                Some(own) if own.bin == bin => {
                    let dest = self.items[*item];
                    given.extend(reading.dests[dest].on_air.map(|slot| (slot, dest)));
                    false
                }
                _ => true,
            });
            let slots = self.problem.slots_for(bin, &items).into_iter();
            given.extend(slots.map(|(item, slot)| (slot, self.items[item])));
        }
        given
    }
}

/// The items of each bin, by name.
pub(super) fn by_bin(problem: &Problem, placed: &Placed) -> Vec<Vec<usize>> {
    let mut by_bin = vec![Vec::new(); problem.bins.len()];
    for (item, bin) in placed.iter().enumerate() {
        if let Some(bin) = bin {
            by_bin[*bin].push(item);
        }
    }
    by_bin
}

/// What is left to decide in a pool, with the kinds of its channels.
pub(super) fn pose(reading: &Reading<'_>, pool: usize, kinds: &[Option<ChannelKind>]) -> Posed {
    let groups = Groups::of(reading, pool);
    let bound = reading.bound.iter().map(|(dest, slot)| (*dest, *slot));
    let bound = bound.filter(|(_, slot)| reading.pool_of(*slot) == pool);
    let mut posing = Posing {
        reading,
        pool,
        bound: bound.collect(),
        bins: vec![None; kinds.len()],
        posed_bins: Vec::new(),
        groups,
    };
    let items = posing.items();
    let any_grant = items.iter().any(|dest| {
        let name = Some(&reading.dests[*dest].decl.name);
        reading.pools[pool].policy.allows(Cause::Retarget, name)
            || reading.pools[pool].policy.allows(Cause::Start, name)
    });
    for (at, kind) in kinds.iter().enumerate() {
        let channel = reading.pools[pool].channels.start + at;
        if let Some(bin) = kind
            .as_ref()
            .and_then(|kind| posing.bin(channel, kind, any_grant))
        {
            posing.bins[at] = Some(posing.posed_bins.len());
            posing.posed_bins.push(bin);
        }
    }
    posing.add_bound();
    let posed = items.iter().map(|dest| posing.item(*dest)).collect();
    let is_pack = reading.pools[pool]
        .decl
        .is_some_and(|pool| pool.placement == Placement::Pack);
    Posed {
        problem: Problem::new(is_pack, posed, posing.posed_bins),
        items,
        bins: posing.bins,
        bound: posing.bound.into_iter().collect(),
    }
}

struct Posing<'r, 'a> {
    reading: &'r Reading<'a>,
    pool: usize,
    /// The slot that each destination comes back to.
    bound: BTreeMap<usize, usize>,
    bins: Vec<Option<usize>>,
    posed_bins: Vec<Bin>,
    groups: Groups<'a>,
}

/// A number per destination, equal for those of one group.
struct Groups<'a> {
    named: BTreeMap<&'a GroupName, usize>,
}

impl<'a> Groups<'a> {
    fn of(reading: &Reading<'a>, pool: usize) -> Self {
        let mut named = BTreeMap::new();
        for dest in reading.pools[pool].dests.clone() {
            if let Some(group) = &reading.dests[dest].decl.group {
                named.entry(group).or_insert(dest);
            }
        }
        Self { named }
    }

    fn number(&self, reading: &Reading<'a>, dest: usize) -> usize {
        let group = reading.dests[dest].decl.group.as_ref();
        group
            .and_then(|group| self.named.get(group))
            .copied()
            .unwrap_or(dest)
    }
}

impl Posing<'_, '_> {
    /// Destinations that are to be placed, by name.
    fn items(&self) -> Vec<usize> {
        let dests = self.reading.pools[self.pool].dests.clone();
        dests.filter(|dest| self.is_item(*dest)).collect()
    }

    fn is_item(&self, dest: usize) -> bool {
        let one = &self.reading.dests[dest];
        let is_to_be_placed = match self.reading.fit_on_air(dest) {
            None => !self.reading.bound.contains_key(&dest),
            Some(fit) => fit.is_retarget() && !self.reading.is_moved(dest),
        };
        let may_start = match &one.blocked_by {
            None => true,
            Some(BlockedBy::Published { own, .. }) => own.is_some(),
            Some(BlockedBy::Duplicate(_) | BlockedBy::Output(_)) => false,
        };
        one.intent == Intent::Wanted && one.is_writable() && may_start && is_to_be_placed
    }

    fn item(&self, dest: usize) -> Item {
        let one = &self.reading.dests[dest];
        let policy = &self.reading.pools[self.pool].policy;
        let name = Some(&one.decl.name);
        let in_bin = |slot: usize| {
            let bin = self.bin_of(slot)?;
            let free = self.posed_bins[bin].free.iter().any(|free| free.slot == slot);
            free.then_some((bin, slot))
        };
        let only = |slot: Option<usize>| {
            let place = slot.and_then(in_bin);
            place.map_or(Pinned::Nowhere, |(bin, slot)| Pinned::To(bin, slot))
        };
        let pinned = one.decl.pin.as_ref().map(|pin| {
            let id = crate::model::SlotId::new(pin.channel.clone(), pin.output_group.clone());
            self.reading.find_slot(self.pool, &id)
        });
        let pin = match (&one.blocked_by, pinned) {
            _ if self.reading.fit_on_air(dest) == Some(Fit::Readdressed) => Pinned::Nowhere,
            (Some(BlockedBy::Published { own: Some(slot), .. }), pinned) => {
                let is_there = pinned.is_none_or(|pinned| pinned == Some(*slot));
                only(Some(*slot).filter(|_| is_there))
            }
            (_, Some(pinned)) => only(pinned),
            (_, None) => Pinned::Free,
        };
        let own = one.on_air.and_then(|slot| self.bin_of(slot));
        let warm = one.held.iter().chain(&one.surplus).copied();
        let is_equal = |slot: &usize| self.reading.slots[*slot].occupant == Occupant::Dest(dest, Fit::Equal);
        Item {
            priority: one.decl.priority,
            group: self.groups.number(self.reading, dest),
            // What is on air does not move to where it would interrupt others: it is rewritten in place, or begins on a
            // stopped channel.
            opens: one.on_air.is_none() && one.may_interrupt() && policy.allows(Cause::Start, name),
            pin,
            own: own.map(|bin| Own {
                bin,
                opens: one.may_interrupt() && policy.allows(Cause::Retarget, name),
            }),
            warm: warm.filter(is_equal).filter_map(in_bin).collect(),
        }
    }

    fn bin_of(&self, slot: usize) -> Option<usize> {
        let channel = self.reading.slots[slot].channel;
        let first = self.reading.pools[self.pool].channels.start;
        self.bins.get(channel.checked_sub(first)?).copied().flatten()
    }

    fn bin(&self, channel: usize, kind: &ChannelKind, any_grant: bool) -> Option<Bin> {
        let one = &self.reading.channels[channel];
        if matches!(kind, ChannelKind::Stopped | ChannelKind::Vacant) && one.beside.is_some()
            || self.would_write_what_cannot_be_read(channel, kind)
        {
            return None;
        }
        let trouble = one.seen.and_then(|seen| seen.trouble.as_ref());
        let mut bin = Bin {
            kept: false,
            weight: 0,
            opened: false,
            wishes: Vec::new(),
            occupants: Vec::new(),
            runs: false,
            stops_first: *kind == ChannelKind::Vacant || one.state() == ChannelState::Stopping,
            unowned: one.adoption == Adoption::Adopt,
            troubled: trouble.is_some_and(|trouble| trouble.failures >= TROUBLED_FROM),
            unsure: one.state() == ChannelState::UpdateFailed,
            free: Vec::new(),
            bound_writes: 0,
        };
        if let ChannelKind::Kept(kept) = kind {
            self.keep(channel, kept, any_grant, &mut bin)?;
        }
        bin.free = self.free_slots(channel, &bin);
        Some(bin)
    }

    /// Whether a start of a stopped channel would rewrite a slot that is recorded as that of a destination whose key cannot
    /// be read. Such a slot is neither put on air by a guess nor given away.
    fn would_write_what_cannot_be_read(&self, channel: usize, kind: &ChannelKind) -> bool {
        let mut slots = self.reading.channels[channel].slots.clone();
        !matches!(kind, ChannelKind::Kept(_))
            && slots.any(|slot| match self.reading.slots[slot].occupant {
                Occupant::Dest(dest, Fit::Unwritable) => {
                    self.reading.dests[dest].intent.is_kept()
                        && !self.reading.dests[dest].has_key()
                        && !self.reading.is_releasable(dest, slot)
                        && self
                            .bound
                            .get(&dest)
                            .is_none_or(|bound| self.reading.slots[*bound].channel != channel)
                }
                _ => false,
            })
    }

    /// What a kept channel costs and grants; `None` where nothing could open it.
    fn keep(&self, channel: usize, kept: &Kept, any_grant: bool, bin: &mut Bin) -> Option<()> {
        let policy = &self.reading.pools[self.pool].policy;
        let leaves = |slot: &usize| {
            let change = leave(self.reading, *slot);
            policy.allows(change.cause, change.owner_name(self.reading))
        };
        bin.opened = kept.leaving.iter().any(leaves);
        let could_open = bin.opened || policy.allows(Cause::Start, None) || any_grant;
        if !could_open || !is_stoppable(self.reading.channels[channel].state(), kept) {
            return None;
        }
        (bin.kept, bin.runs, bin.weight) = (true, true, kept.on_air.len());
        let priority = |slot: &usize| match self.reading.slots[*slot].occupant {
            Occupant::Dest(dest, _) if self.reading.is_own(dest, *slot) => {
                self.reading.dests[dest].decl.priority
            }
            _ => 0,
        };
        bin.wishes = kept.leaving.iter().map(priority).collect();
        bin.wishes.sort_unstable();
        for dest in &kept.on_air {
            join(&mut bin.occupants, self.groups.number(self.reading, *dest));
        }
        Some(())
    }

    /// The slots of a channel that may be given. Those without a tag only as far as the channel has room for more tags.
    fn free_slots(&self, channel: usize, bin: &Bin) -> Vec<FreeSlot> {
        let one = &self.reading.channels[channel];
        let count = self.reading.tags_taken(channel) + usize::from(bin.unowned);
        let mut room = match self.reading.observed.recording {
            Recording::Allowed => TAGS_MAX.saturating_sub(count),
            Recording::Denied { .. } => usize::MAX,
        };
        let bound: BTreeSet<usize> = self.bound.values().copied().collect();
        // What is not parked is written with every update, given away or not.
        let is_written = |slot: &usize| {
            let slot = &self.reading.slots[*slot];
            !slot.has_tag && !matches!(slot.occupant, Occupant::Parked | Occupant::Unusable)
        };
        let needed = one.slots.clone().filter(is_written).count();
        let Some(left) = room.checked_sub(needed) else {
            return Vec::new();
        };
        room = left;
        let mut free = Vec::new();
        for slot in one.slots.clone() {
            let holds = match self.reading.slots[slot].occupant {
                Occupant::Unusable => continue,
                _ if !self.reading.slots[slot].is_meant || bound.contains(&slot) => continue,
                Occupant::Parked => Held::Parked,
                Occupant::Dest(dest, fit) => {
                    let is_own = self.reading.is_own(dest, slot);
                    let intent = self.reading.dests[dest].intent;
                    let is_spare = !is_own && self.reading.is_releasable(dest, slot);
                    if bin.kept && intent.is_kept() && !is_spare {
                        continue;
                    }
                    let is_warm = is_own && fit == Fit::Equal && !bin.kept;
                    if is_warm { Held::Warm } else { Held::Other }
                }
                Occupant::Vanished(_) | Occupant::Undeclared => Held::Other,
            };
            if !self.reading.slots[slot].has_tag && holds == Held::Parked {
                if room == 0 {
                    continue;
                }
                room -= 1;
            }
            free.push(FreeSlot { slot, holds });
        }
        free
    }

    fn add_bound(&mut self) {
        for (dest, slot) in self.bound.clone() {
            let Some(bin) = self.bin_of(slot) else { continue };
            let group = self.groups.number(self.reading, dest);
            let has_key = self.reading.dests[dest].has_key();
            let is_there = match self.reading.slots[slot].occupant {
                Occupant::Dest(holder, fit) => holder == dest && matches!(fit, Fit::Equal | Fit::Unwritable),
                _ => false,
            };
            let bin = &mut self.posed_bins[bin];
            bin.runs = true;
            bin.bound_writes += usize::from(!is_there || bin.unsure && has_key);
            join(&mut bin.occupants, group);
        }
    }
}

fn join(occupants: &mut Vec<(usize, usize)>, group: usize) {
    match occupants.iter_mut().find(|(one, _)| *one == group) {
        Some((_, count)) => *count += 1,
        None => occupants.push((group, 1)),
    }
}
