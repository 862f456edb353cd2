//! The placement problem of one pool: who may go where, and what makes one placement better than another.
//!
//! A [`Problem`] holds only what can still be decided. *Items* are the wanted destinations that are not on a running
//! channel; *bins* are the channels that could take them. What is on air stays where it is and enters as the bins'
//! crews; a destination that comes back after an interruption is *bound* to its slot.
//!
//! | bin | can take items | costs |
//! |---|---|---|
//! | stopped | always | |
//! | running, nobody protected | always | a stop first |
//! | running, somebody protected | when an interruption is granted | one interruption for each wanted on air |
//!
//! Placements are compared by [`Cost`], which is lexicographic. Within a channel slots are interchangeable but for
//! pins and for the writes they save, so a placement maps items to bins; [`Problem::slots_for`] then picks slots.

use std::collections::{BTreeMap, BTreeSet};

use super::Adoption;
use super::interrupt::{Kind, Policy, is_stoppable, leave};
use super::survey::{Elsewhere, Holder, Stance, Survey};
use crate::model::{Cause, ChannelState, GroupName, Placement};

/// Failures in a row from which a channel is avoided.
const TROUBLED_FROM: u32 = 2;

/// What can still be decided in a pool.
pub(super) struct Problem {
    /// Fewest running channels before fewest strangers.
    pub(super) pack: bool,
    /// Which changes grant an interruption now, whoever they belong to.
    pub(super) granting: Granting,
    /// Who is to be placed, by name.
    pub(super) items: Vec<Item>,
    /// Where, by channel id.
    pub(super) bins: Vec<Bin>,
    /// Bin of each channel of the survey.
    pub(super) bin_of: Vec<Option<usize>>,
    /// Destinations whose slot is given: (destination, slot).
    pub(super) bound: Vec<(usize, usize)>,
    /// The slots of `bound`.
    bound_slots: BTreeSet<usize>,
    /// Items of one URL that have no former target on a running channel, while others of that URL do.
    pub(super) contenders: Vec<Vec<usize>>,
    /// Distinct priorities of all that counts in criterion 1, highest first.
    pub(super) levels: Vec<i32>,
}

/// Which changes grant an interruption now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Granting {
    /// A destination that joins.
    pub(super) start: bool,
    /// Somebody on air who leaves.
    pub(super) stop: bool,
    /// A former target that is rewritten.
    pub(super) retarget: bool,
}

/// A destination to be placed.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// Its index in the survey.
    pub(super) dest: usize,
    /// Its priority.
    pub(super) priority: i32,
    /// Equal for those who like to share a channel.
    pub(super) group: usize,
    /// Whether it has a one-off grant.
    pub(super) granted: bool,
    /// Where it may go.
    pub(super) pin: Pinned,
    /// The slot of a bin that has its former target, with the bin.
    pub(super) outdated: Option<(usize, usize)>,
    /// Bins that it does not open by joining, since a former target of its URL there may be its own and `Retarget` grants
    /// nothing.
    pub(super) mistakable: Vec<usize>,
    /// Others to whom its former target may belong as well: by place in [`Problem::contenders`].
    pub(super) contested: Option<usize>,
    /// Whether the former target of another may be its own.
    pub(super) contends: bool,
    /// Slots of bins that have its target already, each with its bin.
    pub(super) warm: Vec<(usize, usize)>,
}

/// Where an item may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pinned {
    /// Anywhere.
    Free,
    /// Into this bin and slot only.
    To(usize, usize),
    /// The slot it is pinned to cannot take it.
    Nowhere,
}

/// Where an item is in a placement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// That is still to be decided.
    Undecided,
    /// In this bin; `None` if it waits.
    Decided(Option<usize>),
}

/// A channel that could take somebody.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, read one at a time"
)]
pub(super) struct Bin {
    /// Somebody protected is on air on it.
    pub(super) kept: bool,
    /// It runs with nobody protected, or is STOPPING: one that is stopped already is ready sooner.
    pub(super) stops_first: bool,
    /// It carries no owner tag yet.
    pub(super) unowned: bool,
    /// Interruptions when it stops.
    pub(super) weight: usize,
    /// Those who leave it grant its interruption already, former targets of items not counted.
    pub(super) opened: bool,
    /// Items whose former target is on it.
    pub(super) formers: Vec<usize>,
    /// Priorities of those that leave a kept bin when it stops.
    pub(super) leaving: Vec<i32>,
    /// Wanted destinations that are on it in any case, by group.
    pub(super) crew: Vec<(usize, usize)>,
    /// It runs in any case: kept, or somebody is bound to it.
    pub(super) runs: bool,
    /// Its last steps failed.
    pub(super) troubled: bool,
    /// Its last update failed, so that nobody knows what its slots hold: they are written again.
    pub(super) unsure: bool,
    /// Slots that may be given, in the channel's order: (slot, parked).
    pub(super) free: Vec<(usize, bool)>,
    /// Slots that are rewritten for those bound to it.
    pub(super) bound_writes: usize,
    /// Free slots that are rewritten whenever it runs: neither parked nor warm for any item.
    pub(super) dirty: usize,
}

impl Bin {
    /// How many wanted destinations are on it in any case.
    pub(super) fn crew_len(&self) -> usize {
        self.crew.iter().map(|(_, count)| count).sum()
    }
}

/// Bin of each item, `None` for one that waits.
pub(super) type Placed = Vec<Option<usize>>;

/// What a placement costs, compared from the first field on: criteria 1, 2, 2b, 3 and 4.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cost {
    /// Destinations that are not where they are wanted, per level.
    pub(super) lost: Vec<usize>,
    /// Wanted destinations that are interrupted.
    pub(super) interruptions: usize,
    /// Items on channels whose last steps failed.
    pub(super) troubled: usize,
    /// Pairs of strangers on a channel and running channels; for `Pack` the other way round.
    pub(super) sharing: [usize; 2],
    /// Items on channels that have to stop first.
    pub(super) stops: usize,
    /// Channels that need an update.
    pub(super) updates: usize,
    /// Slots rewritten.
    pub(super) writes: usize,
    /// Items on channels that have to be adopted first, which takes a step more.
    pub(super) adoptions: usize,
}

/// Pairs of destinations of different groups among those counted by group.
pub(super) fn strangers(groups: impl Iterator<Item = usize>) -> usize {
    let (mut all, mut squares) = (0, 0);
    for count in groups {
        all += count;
        squares += count * count;
    }
    (all * all - squares) / 2
}

impl Problem {
    /// What is left to decide after `kinds`, one per channel of the survey (`None` for one that may not be used).
    pub(super) fn new(survey: &Survey<'_>, kinds: &[Option<Kind>], policy: &Policy<'_>) -> Self {
        let groups = groups(survey);
        let bound = bound(survey, kinds);
        let mut problem = Self {
            pack: survey.pool.placement == Placement::Pack,
            granting: Granting {
                start: policy.allows(Cause::Start),
                stop: policy.allows(Cause::Stop),
                retarget: policy.allows(Cause::Retarget),
            },
            items: Vec::new(),
            bins: Vec::new(),
            bin_of: vec![None; survey.channels.len()],
            bound_slots: bound.iter().map(|(_, slot)| *slot).collect(),
            bound,
            contenders: Vec::new(),
            levels: Vec::new(),
        };
        let to_place: Vec<usize> = (0..survey.dests.len())
            .filter(|dest| problem.is_item(survey, *dest))
            .collect();
        let any_grant = to_place
            .iter()
            .any(|dest| policy.grants.contains(&survey.dests[*dest].decl.name));
        for (channel, kind) in kinds.iter().enumerate() {
            if let Some(bin) = kind
                .as_ref()
                .and_then(|kind| problem.bin(survey, policy, any_grant, channel, kind, &groups))
            {
                problem.bin_of[channel] = Some(problem.bins.len());
                problem.bins.push(bin);
            }
        }
        problem.add_bound(survey, &groups);
        for dest in to_place {
            let item = problem.item(survey, policy, dest, groups[dest]);
            problem.items.push(item);
        }
        for (item, one) in problem.items.iter().enumerate() {
            if let Some((bin, _)) = one.outdated {
                problem.bins[bin].formers.push(item);
            }
        }
        problem.find_mistakable(survey);
        problem.find_contenders(survey);
        problem.count_dirty();
        problem.levels = problem.find_levels();
        problem
    }

    /// Whether the pin of `item`, if it has one, admits `bin`.
    pub(super) fn fits(&self, item: usize, bin: usize) -> bool {
        match self.items[item].pin {
            Pinned::Free => true,
            Pinned::To(only, _) => only == bin,
            Pinned::Nowhere => false,
        }
    }

    /// The items of each bin, by name.
    pub(super) fn by_bin(&self, placed: &Placed) -> Vec<Vec<usize>> {
        let mut by_bin = vec![Vec::new(); self.bins.len()];
        for (item, bin) in placed.iter().enumerate() {
            if let Some(bin) = bin {
                by_bin[*bin].push(item);
            }
        }
        by_bin
    }

    /// What `placed` costs.
    pub(super) fn cost(&self, placed: &Placed) -> Cost {
        let mut cost = Cost {
            lost: vec![0; self.levels.len()],
            ..Cost::default()
        };
        for (item, bin) in self.items.iter().zip(placed) {
            if bin.is_none() {
                cost.lost[self.level(item.priority)] += 1;
            }
        }
        let (mut pairs, mut running) = (0, 0);
        for (at, items) in self.by_bin(placed).iter().enumerate() {
            let bin = &self.bins[at];
            let open = self.is_open(at, items, |item| Place::Decided(placed[item]));
            self.add_bin_cost(at, items, open, &mut cost);
            if bin.runs || !items.is_empty() {
                running += 1;
                pairs += strangers(self.crew_with(at, items).into_values());
            }
        }
        cost.sharing = if self.pack {
            [running, pairs]
        } else {
            [pairs, running]
        };
        cost
    }

    /// Everything but what is shared with whom.
    fn add_bin_cost(&self, at: usize, items: &[usize], open: bool, cost: &mut Cost) {
        let bin = &self.bins[at];
        if !open {
            for priority in &bin.leaving {
                cost.lost[self.level(*priority)] += 1;
            }
            return;
        }
        cost.interruptions += bin.weight;
        cost.troubled += if bin.troubled { items.len() } else { 0 };
        cost.stops += if bin.stops_first { items.len() } else { 0 };
        cost.adoptions += if bin.unowned { items.len() } else { 0 };
        if bin.runs || !items.is_empty() {
            let writes = self.writes(at, &self.slots_for(at, items));
            cost.updates += usize::from(bin.kept || writes > 0);
            cost.writes += writes;
        }
    }

    /// Slots of a bin that are rewritten when it is given out as `slots` says.
    fn writes(&self, at: usize, slots: &[(usize, usize)]) -> usize {
        let bin = &self.bins[at];
        let parked_anew = bin
            .free
            .iter()
            .filter(|(slot, parked)| !parked && slots.iter().all(|(_, given)| given != slot));
        let written = slots
            .iter()
            .filter(|(item, slot)| bin.unsure || self.items[*item].warm.iter().all(|(_, warm)| warm != slot));
        bin.bound_writes + parked_anew.count() + written.count()
    }

    /// Who is on a bin with `items`, by group.
    pub(super) fn crew_with(&self, at: usize, items: &[usize]) -> BTreeMap<usize, usize> {
        let mut crew: BTreeMap<usize, usize> = self.bins[at].crew.iter().copied().collect();
        for item in items {
            *crew.entry(self.items[*item].group).or_default() += 1;
        }
        crew
    }

    /// The slot of each of `items` in `bin`: pinned, then warm, then rewritten in place, then slots that are
    /// rewritten anyway, then parked ones; the highest priority first.
    pub(super) fn slots_for(&self, at: usize, items: &[usize]) -> Vec<(usize, usize)> {
        let bin = &self.bins[at];
        let mut given: Vec<(usize, usize)> = Vec::with_capacity(items.len());
        let mut open: Vec<(usize, bool)> = bin.free.clone();
        let mut left: Vec<usize> = items.to_vec();
        left.sort_by_key(|item| (std::cmp::Reverse(self.items[*item].priority), *item));
        let mut give = |left: &mut Vec<usize>, wish: &dyn Fn(&Item) -> Vec<usize>| {
            left.retain(|item| {
                let wishes = wish(&self.items[*item]);
                let found = open.iter().position(|(slot, _)| wishes.contains(slot));
                found.is_none_or(|found| {
                    given.push((*item, open.remove(found).0));
                    false
                })
            });
        };
        give(&mut left, &|item| match item.pin {
            Pinned::To(_, slot) => vec![slot],
            Pinned::Free | Pinned::Nowhere => Vec::new(),
        });
        give(&mut left, &|item| {
            item.warm.iter().map(|(_, slot)| *slot).collect()
        });
        give(&mut left, &|item| match item.outdated {
            Some((of, slot)) if of == at => vec![slot],
            _ => Vec::new(),
        });
        // Stable: dirty slots before parked ones, each in the channel's order.
        open.sort_by_key(|(_, parked)| *parked);
        given.extend(left.into_iter().zip(open.into_iter().map(|(slot, _)| slot)));
        given.sort_unstable();
        given
    }

    /// Index of a priority in [`Problem::levels`].
    pub(super) fn level(&self, priority: i32) -> usize {
        self.levels.partition_point(|level| *level > priority)
    }

    fn count_dirty(&mut self) {
        let warm = self
            .items
            .iter()
            .flat_map(|item| item.warm.iter().map(|(_, slot)| *slot));
        let warm: BTreeSet<usize> = warm.collect();
        for bin in &mut self.bins {
            let dirty = bin
                .free
                .iter()
                .filter(|(slot, parked)| !parked && (bin.unsure || !warm.contains(slot)));
            bin.dirty = dirty.count();
        }
    }

    fn find_levels(&self) -> Vec<i32> {
        let items = self.items.iter().map(|item| item.priority);
        let leaving = self.bins.iter().flat_map(|bin| bin.leaving.iter().copied());
        let levels: BTreeSet<i32> = items.chain(leaving).collect();
        levels.into_iter().rev().collect()
    }

    fn is_item(&self, survey: &Survey<'_>, dest: usize) -> bool {
        let one = &survey.dests[dest];
        one.stance == Stance::Wanted
            && one.has_key()
            && !one.is_held_back()
            && !survey.on_running(dest)
            && self
                .bound
                .binary_search_by_key(&dest, |(bound, _)| *bound)
                .is_err()
    }

    fn item(&self, survey: &Survey<'_>, policy: &Policy<'_>, dest: usize, group: usize) -> Item {
        let one = &survey.dests[dest];
        let in_bin = |slot: usize| {
            let bin = self.bin_of[survey.slots[slot].channel]?;
            let free = self.bins[bin].free.iter().any(|(free, _)| *free == slot);
            free.then_some((bin, slot))
        };
        let only = |slot: Option<usize>| {
            slot.and_then(in_bin)
                .map_or(Pinned::Nowhere, |(bin, slot)| Pinned::To(bin, slot))
        };
        let pinned = one.decl.pin.as_ref();
        let pinned = pinned.map(|pin| survey.find_slot(&pin.channel, &pin.output_group));
        let pin = match (&one.elsewhere, pinned) {
            (Some(Elsewhere::Former(slot)), pinned) if pinned.is_none_or(|pinned| pinned == Some(*slot)) => {
                only(Some(*slot))
            }
            (Some(_), _) => Pinned::Nowhere,
            (None, Some(pinned)) => only(pinned),
            (None, None) => Pinned::Free,
        };
        Item {
            dest,
            priority: one.decl.priority,
            group,
            granted: policy.grants.contains(&one.decl.name),
            pin,
            outdated: one.outdated.and_then(in_bin),
            mistakable: Vec::new(),
            contested: None,
            contends: false,
            warm: one
                .held
                .iter()
                .chain(&one.copies)
                .copied()
                .filter_map(in_bin)
                .collect(),
        }
    }

    fn bin(
        &self,
        survey: &Survey<'_>,
        policy: &Policy<'_>,
        any_grant: bool,
        channel: usize,
        kind: &Kind,
        groups: &[usize],
    ) -> Option<Bin> {
        let seen = &survey.channels[channel];
        let trouble = seen.seen.and_then(|seen| seen.trouble.as_ref());
        let mut bin = Bin {
            kept: false,
            stops_first: *kind == Kind::Vacant || seen.state() == ChannelState::Stopping,
            unowned: seen.adoption == Adoption::Adopt,
            weight: 0,
            opened: false,
            formers: Vec::new(),
            leaving: Vec::new(),
            crew: Vec::new(),
            runs: false,
            troubled: trouble.is_some_and(|trouble| trouble.failures >= TROUBLED_FROM),
            unsure: seen.state() == ChannelState::UpdateFailed,
            free: Vec::new(),
            bound_writes: 0,
            dirty: 0,
        };
        if let Kind::Kept(crew) = kind {
            let is_former = |slot: &&usize| match survey.slots[**slot].holder {
                Holder::Outdated(dest) => self.is_item(survey, dest),
                _ => false,
            };
            let mut others = crew.leaving.iter().filter(|slot| !is_former(slot));
            bin.opened = others.any(|slot| policy.grants(survey, leave(survey, *slot)));
            let has_former = crew.leaving.iter().any(|slot| is_former(&slot));
            let former_opens = has_former && (self.granting.stop || self.granting.retarget);
            let could_open = bin.opened || former_opens || self.granting.start || any_grant;
            if !could_open || !is_stoppable(seen.state(), crew) {
                return None;
            }
            bin.kept = true;
            bin.runs = true;
            bin.weight = crew.on_air.len();
            bin.leaving = crew
                .leaving
                .iter()
                .map(|slot| leaving_priority(survey, *slot))
                .collect();
            bin.leaving.sort_unstable();
            crew.on_air
                .iter()
                .for_each(|dest| join(&mut bin.crew, groups[*dest]));
        }
        bin.free = seen
            .slots
            .clone()
            .filter(|slot| self.is_free(survey, &bin, *slot))
            .map(|slot| (slot, survey.slots[slot].holder == Holder::Parked))
            .collect();
        Some(bin)
    }

    fn is_free(&self, survey: &Survey<'_>, bin: &Bin, slot: usize) -> bool {
        match survey.slots[slot].holder {
            Holder::Unusable => false,
            Holder::Held(dest) if bin.kept => survey.dests[dest].stance == Stance::Off,
            _ => !self.bound_slots.contains(&slot),
        }
    }

    fn add_bound(&mut self, survey: &Survey<'_>, groups: &[usize]) {
        for (dest, slot) in &self.bound {
            let Some(bin) = self.bin_of[survey.slots[*slot].channel] else {
                continue;
            };
            let bin = &mut self.bins[bin];
            let one = &survey.dests[*dest];
            bin.runs = true;
            let differs = one.held != Some(*slot) && !one.copies.contains(slot);
            bin.bound_writes += usize::from(differs || bin.unsure && one.has_key());
            join(&mut bin.crew, groups[*dest]);
        }
    }
}

/// The level at which a leaving slot counts: that of its destination, 0 for one nobody declares.
fn leaving_priority(survey: &Survey<'_>, slot: usize) -> i32 {
    match survey.slots[slot].holder {
        Holder::Held(dest) => survey.dests[dest].decl.priority,
        _ => 0,
    }
}

fn join(crew: &mut Vec<(usize, usize)>, group: usize) {
    match crew.iter_mut().find(|(one, _)| *one == group) {
        Some((_, count)) => *count += 1,
        None => crew.push((group, 1)),
    }
}

/// A number per destination, equal for those of one group.
fn groups(survey: &Survey<'_>) -> Vec<usize> {
    let mut named: BTreeMap<&GroupName, usize> = BTreeMap::new();
    let mut numbers = Vec::with_capacity(survey.dests.len());
    for (at, dest) in survey.dests.iter().enumerate() {
        numbers.push(match &dest.decl.group {
            Some(group) => *named.entry(group).or_insert(at),
            None => at,
        });
    }
    numbers
}

/// Destinations that come back to a stopped channel, by destination, each with its slot. Those without a key first: they
/// can be carried nowhere else.
fn bound(survey: &Survey<'_>, kinds: &[Option<Kind>]) -> Vec<(usize, usize)> {
    let is_stopped = |slot: usize| kinds[survey.slots[slot].channel] == Some(Kind::Stopped);
    let mut bound: Vec<(usize, usize)> = Vec::new();
    let mut taken: BTreeSet<usize> = BTreeSet::new();
    for (at, dest) in survey.dests.iter().enumerate() {
        if dest.stance != Stance::Wanted || dest.has_key() {
            continue;
        }
        if let Some(slot) = dest.held.filter(|slot| is_stopped(*slot)) {
            // A pin elsewhere changes nothing: without the key it could not be carried there.
            if taken.insert(slot) {
                bound.push((at, slot));
            }
        }
    }
    for (at, dest) in survey.dests.iter().enumerate() {
        let comes_back = dest.stance == Stance::Wanted
            && dest.has_key()
            && dest.rival.is_none()
            && dest.elsewhere.is_none()
            && !survey.on_running(at);
        let back = dest
            .returning
            .filter(|slot| is_stopped(*slot) && survey.slots[*slot].holder != Holder::Unusable);
        if let Some(slot) = back.filter(|_| comes_back)
            && taken.insert(slot)
        {
            bound.push((at, slot));
        }
    }
    bound.sort_unstable();
    bound
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_the_pairs_of_different_groups() {
        assert_eq!(strangers([2, 1].into_iter()), 2);
        assert_eq!(strangers([1, 1, 1].into_iter()), 3);
        assert_eq!(strangers([3].into_iter()), 0);
    }
}
