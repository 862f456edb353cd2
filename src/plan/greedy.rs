//! A good placement fast: what large pools get, and where the exact search starts from.
//!
//! It goes through the criteria in their order, and each stage leaves all placements open that are best so far:
//!
//! 1. *Who* is placed. Unpinned items can take any slot, a pinned one only its own, so the sets that can be placed
//!    form a matroid, and taking items by priority while they fit is best at every level at once.
//! 2. *Which channels are interrupted.* All that leavers alone grant, since those gain in criterion 1. Of those that
//!    joining grants: first as many as there are joiners to gain leavers in criterion 1, then the cheapest set that
//!    has room for the items left over, by an exact knapsack. So criteria 1 and 2 are never given up for speed where
//!    everybody who joins grants the same. The exceptions: one-off grants in a pool that grants no joining, and former
//!    targets that may be of several, or in a pool that does not grant both `Stop` and `Retarget` or both `Start` and
//!    `Retarget`. There it counts who goes where, channels are opened one after the other, and a better placement may be
//!    missed.
//! 3. *Who shares with whom.* Groups as whole blocks, the largest first, each to the channels with the fewest strangers;
//!    `Pack` first narrows the channels down to the fewest that suffice.

use std::collections::{BTreeMap, BTreeSet};

use super::assign::{Pinned, Place, Placed, Problem};
use super::knapsack::{Choice, cheapest_cover};

/// Places the items of `problem`. Criterion 1 is best, criterion 2 is best (see the module's words for the exceptions).
pub(super) fn place(problem: &Problem) -> Placed {
    place_or_keep(problem, false)
}

/// The same, and whoever has a slot on a stopped channel already stays there.
pub(super) fn keep(problem: &Problem) -> Placed {
    place_or_keep(problem, true)
}

fn place_or_keep(problem: &Problem, keeps: bool) -> Placed {
    let mut greedy = Greedy::new(problem, keeps);
    if !problem.granting.start {
        greedy.open_by_grants();
    }
    greedy.admit();
    greedy.open_for_leavers();
    greedy.open_for_room();
    greedy.fill_opened();
    if keeps {
        greedy.keep();
    }
    if problem.pack {
        greedy.narrow();
    }
    greedy.distribute();
    greedy.repair();
    greedy.placed
}

struct Greedy<'p> {
    problem: &'p Problem,
    /// Whether those who have a slot on a stopped channel already stay there.
    keeps: bool,
    placed: Placed,
    /// Items that are to be placed; those not admitted wait.
    admitted: Vec<bool>,
    /// Bins that items may be put into.
    open: Vec<bool>,
    /// Kept bins that nobody has been put into yet, though it takes one to open them.
    owed: BTreeSet<usize>,
    /// Free slots left.
    room: Vec<usize>,
    /// Who is on each bin, by group.
    crew: Vec<Vec<(usize, usize)>>,
}

/// How often all bins are looked at for whoever may go to another one instead.
const ROUNDS_MAX: usize = 4;

/// Order in which bins are looked at: those with trouble last, then the fewest strangers, then those that have to
/// stop first last.
type Shelf = (bool, usize, bool);

impl<'p> Greedy<'p> {
    fn new(problem: &'p Problem, keeps: bool) -> Self {
        Self {
            problem,
            keeps,
            placed: vec![None; problem.items.len()],
            admitted: vec![false; problem.items.len()],
            open: (0..problem.bins.len())
                .map(|bin| problem.is_open_wherever(bin))
                .collect(),
            owed: BTreeSet::new(),
            room: problem.bins.iter().map(|bin| bin.free.len()).collect(),
            crew: problem.bins.iter().map(|bin| bin.crew.clone()).collect(),
        }
    }

    /// Where joining alone grants nothing: former targets that are rewritten, and one-off grants.
    fn open_by_grants(&mut self) {
        for item in 0..self.problem.items.len() {
            // Rewriting it takes the former target off air too, which going elsewhere does not.
            if let Some((bin, _)) = self.problem.items[item].outdated
                && !self.open[bin]
                && self.room[bin] > 0
                && self.problem.fits(item, bin)
                && self.problem.opens(item, bin)
            {
                self.open[bin] = true;
                self.put(item, bin);
            }
        }
        let mut granted: Vec<usize> = (0..self.problem.items.len())
            .filter(|item| self.problem.items[*item].granted && self.placed[*item].is_none())
            .collect();
        granted.sort_by_key(|item| self.order(*item));
        for item in granted {
            if let Some(bin) = self.best_to_open(item) {
                self.open[bin] = true;
                self.put(item, bin);
            }
        }
    }

    /// The closed bin that `item` gains most by opening, if it gains anything.
    fn best_to_open(&self, item: usize) -> Option<usize> {
        let problem = self.problem;
        let waiting: Vec<usize> = self.admission(None);
        let now = self.gain(&waiting, &[]);
        let mut best: Option<(Vec<usize>, usize, usize)> = None;
        for bin in 0..problem.bins.len() {
            if self.open[bin] || !problem.fits(item, bin) || self.room[bin] == 0 {
                continue;
            }
            let gain = self.gain(&self.admission(Some((item, bin))), &problem.bins[bin].leaving);
            let lost: Vec<usize> = gain.iter().map(|count| usize::MAX - count).collect();
            let key = (lost, problem.bins[bin].weight, bin);
            if gain > now && best.as_ref().is_none_or(|best| key < *best) {
                best = Some(key);
            }
        }
        best.map(|(_, _, bin)| bin)
    }

    /// Who would be placed with what is open now, and `opened` by its item as well.
    fn admission(&self, opened: Option<(usize, usize)>) -> Vec<usize> {
        let problem = self.problem;
        let mut room: usize = (0..problem.bins.len())
            .filter(|bin| self.open[*bin] || opened.is_some_and(|(_, one)| one == *bin))
            .map(|bin| self.room[bin])
            .sum();
        let mut slots = BTreeSet::new();
        let mut admitted = Vec::new();
        let mut order: Vec<usize> = (0..problem.items.len())
            .filter(|item| self.placed[*item].is_none())
            .collect();
        order.sort_by_key(|item| self.order(*item));
        let first = opened.map(|(item, _)| item);
        for item in first
            .into_iter()
            .chain(order.into_iter().filter(|item| Some(*item) != first))
        {
            let fits = match problem.items[item].pin {
                Pinned::Free => true,
                Pinned::Nowhere => false,
                Pinned::To(bin, slot) => {
                    let open = self.open[bin] || opened.is_some_and(|(_, one)| one == bin);
                    open && slots.insert(slot)
                }
            };
            if fits && room > 0 {
                room -= 1;
                admitted.push(item);
            }
        }
        admitted
    }

    fn gain(&self, items: &[usize], leaving: &[i32]) -> Vec<usize> {
        let problem = self.problem;
        let mut gain = vec![0; problem.levels.len()];
        let items = items.iter().map(|item| problem.items[*item].priority);
        items
            .chain(leaving.iter().copied())
            .for_each(|priority| gain[problem.level(priority)] += 1);
        gain
    }

    /// By priority; of equal ones first those who are to keep their slots, then the pinned, since they have no choice.
    fn order(&self, item: usize) -> (std::cmp::Reverse<i32>, bool, bool, usize) {
        let one = &self.problem.items[item];
        let keeps = self.keeps && !one.warm.is_empty();
        (
            std::cmp::Reverse(one.priority),
            !keeps,
            one.pin == Pinned::Free,
            item,
        )
    }

    /// Criterion 1: who is placed. Pinned ones are put into their slots at once.
    fn admit(&mut self) {
        let problem = self.problem;
        let usable = |bin: usize| self.open[bin] || problem.granting.start;
        let mut room: usize = (0..problem.bins.len())
            .filter(|bin| usable(*bin))
            .map(|bin| self.room[bin])
            .sum();
        let mut taken: BTreeSet<usize> = BTreeSet::new();
        for (item, bin) in self.placed.iter().enumerate() {
            // Those put already sit in their own slot as far as they have one.
            if let (Some(_), Pinned::To(_, slot)) = (bin, problem.items[item].pin) {
                taken.insert(slot);
            }
        }
        let mut order: Vec<usize> = (0..problem.items.len())
            .filter(|item| self.placed[*item].is_none())
            .collect();
        order.sort_by_key(|item| self.order(*item));
        let mut pinned = Vec::new();
        // Who was put into a bin before may leave less room than there are slots to pin to.
        let mut left = self.room.clone();
        for item in order {
            if room == 0 {
                break;
            }
            match problem.items[item].pin {
                Pinned::Nowhere => continue,
                Pinned::To(bin, slot) => {
                    if !usable(bin) || left[bin] == 0 || !taken.insert(slot) {
                        continue;
                    }
                    left[bin] -= 1;
                    pinned.push((item, bin));
                }
                Pinned::Free => self.admitted[item] = true,
            }
            room -= 1;
        }
        for (item, bin) in pinned {
            self.open[bin] = true;
            self.put(item, bin);
        }
    }

    /// Criterion 1 again: where joining grants an interruption, those that leave gain by it.
    fn open_for_leavers(&mut self) {
        let problem = self.problem;
        if !problem.granting.start {
            return;
        }
        let joiners = self.unplaced().count();
        let mut gains: Vec<(Vec<usize>, usize, usize)> = (0..problem.bins.len())
            .filter(|bin| !self.open[*bin] && self.room[*bin] > 0 && !problem.bins[*bin].leaving.is_empty())
            .map(|bin| {
                let gain = self.gain(&[], &problem.bins[bin].leaving);
                let lost = gain.into_iter().map(|count| usize::MAX - count).collect();
                (lost, problem.bins[bin].weight, bin)
            })
            .collect();
        gains.sort_unstable();
        for (_, _, bin) in gains.into_iter().take(joiners) {
            self.open[bin] = true;
            self.owed.insert(bin);
        }
    }

    /// Criterion 2: the cheapest interruptions that make room for all who are admitted.
    fn open_for_room(&mut self) {
        let problem = self.problem;
        let has: usize = (0..problem.bins.len())
            .filter(|bin| self.open[*bin])
            .map(|bin| self.room[bin])
            .sum();
        let need = self.unplaced().count().saturating_sub(has);
        if need == 0 || !problem.granting.start {
            return;
        }
        let mut choices: Vec<(bool, Choice)> = (0..problem.bins.len())
            .filter(|bin| !self.open[*bin] && self.room[*bin] > 0)
            .map(|bin| {
                let choice = Choice {
                    room: self.room[bin],
                    cost: problem.bins[bin].weight,
                    id: bin,
                };
                (problem.bins[bin].troubled, choice)
            })
            .collect();
        choices.sort_by_key(|(troubled, choice)| (*troubled, choice.id));
        let choices: Vec<Choice> = choices.into_iter().map(|(_, choice)| choice).collect();
        for bin in cheapest_cover(&choices, need) {
            self.open[bin] = true;
            self.owed.insert(bin);
        }
    }

    /// `Pack`: leaves open only as many channels as are needed, the largest first.
    fn narrow(&mut self) {
        let problem = self.problem;
        let runs = |bin: usize| problem.bins[bin].runs || self.room[bin] < problem.bins[bin].free.len();
        let mut need = self.unplaced().count();
        let mut open: Vec<usize> = (0..problem.bins.len()).filter(|bin| self.open[*bin]).collect();
        let warm = self.warm_by_bin();
        open.sort_by_key(|bin| {
            let at = &problem.bins[*bin];
            let room = std::cmp::Reverse(self.room[*bin]);
            let warm = std::cmp::Reverse(warm.get(bin).copied().unwrap_or(0));
            (at.troubled, !runs(*bin), room, at.stops_first, warm, *bin)
        });
        for bin in open {
            if need == 0 && !self.owed.contains(&bin) {
                self.open[bin] = false;
            }
            need = need.saturating_sub(self.room[bin]);
        }
    }

    /// How many unplaced items each bin has a warm slot for.
    fn warm_by_bin(&self) -> BTreeMap<usize, usize> {
        let mut warm = BTreeMap::new();
        for item in self.unplaced() {
            for (bin, _) in &self.problem.items[item].warm {
                *warm.entry(*bin).or_default() += 1;
            }
        }
        warm
    }

    /// Each bin that is interrupted for a joiner gets one: one of a group that is there already, otherwise the next by
    /// name that is not warm elsewhere.
    fn fill_opened(&mut self) {
        let mut queue: Vec<usize> = self.unplaced().collect();
        let mut mates: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for item in queue.iter().rev() {
            mates
                .entry(self.problem.items[*item].group)
                .or_default()
                .push(*item);
        }
        queue.sort_by_key(|item| std::cmp::Reverse((!self.problem.items[*item].warm.is_empty(), *item)));
        while let Some(bin) = self.owed.first().copied() {
            let groups: Vec<usize> = self.crew[bin].iter().map(|(group, _)| *group).collect();
            let mate = groups
                .into_iter()
                .find_map(|group| self.next_opener(mates.get_mut(&group)?, bin));
            match mate.or_else(|| self.next_opener(&mut queue, bin)) {
                Some(item) => self.put(item, bin),
                None => self.open[bin] = false,
            }
            self.owed.remove(&bin);
        }
    }

    /// Takes the last of `items` that is still to be placed and opens `bin`; those placed meanwhile are dropped.
    fn next_opener(&self, items: &mut Vec<usize>, bin: usize) -> Option<usize> {
        while items.pop_if(|item| self.placed[*item].is_some()).is_some() {}
        let found = items
            .iter()
            .rposition(|item| self.placed[*item].is_none() && self.problem.opens(*item, bin))?;
        Some(items.remove(found))
    }

    fn is_free(&self, item: usize) -> bool {
        self.problem.items[item].pin == Pinned::Free
    }

    /// Puts everybody into the slot that they have, where its channel is open; of several into that with the fewest strangers,
    /// once those are put who have no choice.
    fn keep(&mut self) {
        let mut warm: Vec<usize> = self.unplaced().collect();
        warm.sort_by_key(|item| (self.problem.items[*item].warm.len(), self.order(*item)));
        for item in warm {
            let group = Some(self.problem.items[item].group);
            let bins = self.problem.items[item].warm.iter().map(|(bin, _)| *bin);
            let open = bins.filter(|bin| self.open[*bin] && self.room[*bin] > 0);
            if let Some(bin) = open.min_by_key(|bin| (self.shelf(*bin, group), *bin)) {
                self.put(item, bin);
            }
        }
    }

    /// Criterion 3: blocks of one group, the largest first, each to the fewest strangers.
    fn distribute(&mut self) {
        let problem = self.problem;
        let mut blocks: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for item in self.unplaced() {
            blocks.entry(problem.items[item].group).or_default().push(item);
        }
        let mut blocks: Vec<Vec<usize>> = blocks.into_values().collect();
        blocks.sort_by_key(|block| (std::cmp::Reverse(block.len()), block[0]));
        let mut homes: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        let mut shelves: BTreeMap<Shelf, BTreeSet<(usize, usize)>> = BTreeMap::new();
        for bin in 0..problem.bins.len() {
            for (group, _) in &self.crew[bin] {
                homes.entry(*group).or_default().insert(bin);
            }
            if self.open[bin] && self.room[bin] > 0 {
                shelves
                    .entry(self.shelf(bin, None))
                    .or_default()
                    .insert((self.room[bin], bin));
            }
        }
        for block in blocks {
            let group = problem.items[block[0]].group;
            let home = homes.remove(&group).unwrap_or_default();
            self.place_block(block, group, &home, &mut shelves);
        }
    }

    fn place_block(
        &mut self,
        mut block: Vec<usize>,
        group: usize,
        home: &BTreeSet<usize>,
        shelves: &mut BTreeMap<Shelf, BTreeSet<(usize, usize)>>,
    ) {
        while !block.is_empty() {
            let Some(bin) = self.best_bin(&block, group, home, shelves) else {
                return;
            };
            let from = self.shelf(bin, None);
            if let Some(bins) = shelves.get_mut(&from) {
                bins.remove(&(self.room[bin], bin));
                if bins.is_empty() {
                    shelves.remove(&from);
                }
            }
            let is_warm = |item: &usize| self.problem.items[*item].warm.iter().any(|(at, _)| *at == bin);
            block.sort_by_key(|item| (!is_warm(item), *item));
            let rest = block.split_off(self.room[bin].min(block.len()));
            for item in block {
                self.put(item, bin);
            }
            if self.room[bin] > 0 {
                shelves
                    .entry(self.shelf(bin, None))
                    .or_default()
                    .insert((self.room[bin], bin));
            }
            block = rest;
        }
    }

    /// The bin for the next members of a block: the fewest strangers, then where the group is, then where it is warm,
    /// then the tightest that takes all of it, then the roomiest.
    fn best_bin(
        &self,
        block: &[usize],
        group: usize,
        home: &BTreeSet<usize>,
        shelves: &BTreeMap<Shelf, BTreeSet<(usize, usize)>>,
    ) -> Option<usize> {
        let (lowest, bins) = shelves.first_key_value()?;
        let tight = bins.range((block.len(), 0)..).next();
        let any = tight.or(bins.last()).map(|(_, bin)| *bin)?;
        let open = |bin: &usize| self.open[*bin] && self.room[*bin] > 0;
        let at_home = home
            .iter()
            .copied()
            .filter(open)
            .min_by_key(|bin| (self.shelf(*bin, Some(group)), *bin));
        if let Some(bin) = at_home.filter(|bin| self.shelf(*bin, Some(group)) <= *lowest) {
            return Some(bin);
        }
        let mut warm: BTreeMap<usize, usize> = BTreeMap::new();
        for (bin, _) in block.iter().flat_map(|item| &self.problem.items[*item].warm) {
            if open(bin) && self.shelf(*bin, Some(group)) <= *lowest {
                *warm.entry(*bin).or_default() += 1;
            }
        }
        let warmest = warm
            .into_iter()
            .max_by_key(|(bin, count)| (self.room[*bin].min(block.len()), *count, std::cmp::Reverse(*bin)));
        Some(warmest.map_or(any, |(bin, _)| bin))
    }

    /// What a former target grants hangs on where its destination went. Where that waits, it takes the place of one who
    /// could not have come without it; where its joining grants nothing, it goes elsewhere, or waits.
    ///
    /// Whoever goes elsewhere may take away by it what was granted on a channel before it. After some rounds of that nobody
    /// goes anywhere but off, which has an end.
    fn repair(&mut self) {
        let mut rounds = 0;
        while self.repair_bins(rounds < ROUNDS_MAX) {
            rounds += 1;
        }
    }

    /// Looks at each bin once. Whether anybody had to leave one; `to_others`: for another.
    fn repair_bins(&mut self, to_others: bool) -> bool {
        let mut has_changed = false;
        let by_bin = self.problem.by_bin(&self.placed);
        for (bin, mut items) in by_bin.into_iter().enumerate() {
            let problem = self.problem;
            items.retain(|item| self.placed[*item] == Some(bin));
            items.sort_by_key(|item| (problem.is_former(*item, bin), self.order(*item)));
            while !items.is_empty() && !problem.is_open(bin, &items, |item| Place::Decided(self.placed[item]))
            {
                has_changed = true;
                let formers = problem.bins[bin].formers.iter().copied();
                let waiting = formers
                    .filter(|item| self.placed[*item].is_none() && self.could_join(*item, bin, &items))
                    .find(|item| to_others && problem.opens(*item, bin));
                if self.room[bin] == 0 || waiting.is_none() {
                    let Some(item) = items.pop() else { break };
                    self.take_away(item, bin);
                    if to_others {
                        self.find_another(item, bin);
                    }
                }
                if let Some(former) = waiting {
                    self.put(former, bin);
                    items.push(former);
                }
            }
        }
        has_changed
    }

    /// Puts `item` into another bin than `from`, if there is one for it.
    fn find_another(&mut self, item: usize, from: usize) {
        let others =
            (0..self.room.len()).filter(|bin| *bin != from && self.open[*bin] && self.room[*bin] > 0);
        let group = Some(self.problem.items[item].group);
        let best = others
            .filter(|bin| self.problem.fits(item, *bin))
            .min_by_key(|bin| (self.shelf(*bin, group), *bin));
        if let Some(bin) = best {
            self.put(item, bin);
        } else if let Some((other, bin)) = self.least_elsewhere(item) {
            self.take_away(other, bin);
            self.put(item, bin);
        }
    }

    /// Whether `items` leave `item` the slot of `bin` that it is pinned to, if it is pinned.
    fn could_join(&self, item: usize, bin: usize, items: &[usize]) -> bool {
        let pin = self.problem.items[item].pin;
        let is_taken = || items.iter().any(|other| self.problem.items[*other].pin == pin);
        self.is_free(item) || self.problem.fits(item, bin) && !is_taken()
    }

    /// Whose place an item takes: the least important one's, if it is less important and its bin stays open.
    fn least_elsewhere(&self, item: usize) -> Option<(usize, usize)> {
        let problem = self.problem;
        let gives_way = |other: usize, bin: usize| {
            let here = (0..self.placed.len()).filter(|one| self.placed[*one] == Some(bin) && *one != other);
            let items: Vec<usize> = here.chain([item]).collect();
            let place = |one: usize| match self.placed[one] {
                _ if one == other => Place::Decided(None),
                _ if one == item => Place::Decided(Some(bin)),
                at => Place::Decided(at),
            };
            problem.is_open(bin, &items, place)
        };
        let placed = (0..self.placed.len()).filter_map(|other| Some((other, self.placed[other]?)));
        placed
            .filter(|(_, bin)| problem.fits(item, *bin))
            .filter(|(other, _)| problem.items[*other].priority < problem.items[item].priority)
            .filter(|(other, bin)| gives_way(*other, *bin))
            .max_by_key(|(other, _)| self.order(*other))
    }

    /// Where a bin stands, for a member of `group` or for a stranger.
    fn shelf(&self, bin: usize, group: Option<usize>) -> Shelf {
        let strangers = self.crew[bin].iter().filter(|(one, _)| Some(*one) != group);
        let at = &self.problem.bins[bin];
        (
            at.troubled,
            strangers.map(|(_, count)| count).sum(),
            at.stops_first,
        )
    }

    fn unplaced(&self) -> impl Iterator<Item = usize> {
        (0..self.placed.len()).filter(|item| self.admitted[*item] && self.placed[*item].is_none())
    }

    fn take_away(&mut self, item: usize, bin: usize) {
        let group = self.problem.items[item].group;
        self.placed[item] = None;
        self.room[bin] += 1;
        if let Some((_, count)) = self.crew[bin].iter_mut().find(|(one, _)| *one == group) {
            *count -= 1;
        }
    }

    fn put(&mut self, item: usize, bin: usize) {
        let group = self.problem.items[item].group;
        self.placed[item] = Some(bin);
        self.room[bin] -= 1;
        self.owed.remove(&bin);
        match self.crew[bin].iter_mut().find(|(one, _)| *one == group) {
            Some((_, count)) => *count += 1,
            None => self.crew[bin].push((group, 1)),
        }
    }
}
