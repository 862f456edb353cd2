//! A good placement fast, for pools that are too large to be searched.
//!
//! It goes through the criteria in their order:
//!
//! 1. *What is placed.* An item without a choice is placed in its one place; then channels are opened for the items that wait for
//!    exactly that channel, then for room. Opening one never takes a place away, so taking items by priority while they fit is best.
//! 2. *Which channels are interrupted.* The cheapest by slot gained, less those that turn out not to be needed.
//! 3. *What shares with what.* An item that has a slot on a stopped channel stays there, so that a placement which is half carried out is not
//!    replaced by one that is no better. The others go by whole groups, the largest first, to the channels with the fewest of other
//!    groups; `pack` first narrows the channels down to those that suffice.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::problem::{Pinned, Placed, Problem, join};

/// Places the items of `problem`.
pub(super) fn place(problem: &Problem) -> Placed {
    let mut greedy = Greedy::new(problem);
    greedy.place_those_without_choice();
    greedy.open_for_gain();
    greedy.open_for_room();
    greedy.admit();
    greedy.keep();
    greedy.fill_owed();
    if problem.pack {
        greedy.narrow();
    }
    greedy.distribute();
    greedy.placed
}

/// Which bins stop, or are stopped already.
fn opened(problem: &Problem, placed: &Placed) -> Vec<bool> {
    let mut is_open: Vec<bool> = problem.bins.iter().map(|bin| !bin.is_closed()).collect();
    for (item, bin) in placed.iter().enumerate() {
        if let Some(bin) = bin {
            is_open[*bin] |= problem.opens(item, *bin);
        }
    }
    is_open
}

/// Wanted destinations that `placed` interrupts.
pub(super) fn interruptions(problem: &Problem, placed: &Placed) -> usize {
    let bins = problem.bins.iter().zip(opened(problem, placed));
    let stopped = bins.filter(|(bin, is_open)| bin.kept && *is_open);
    stopped.map(|(bin, _)| bin.weight).sum()
}

/// A lower bound: no placement of as many items as in `placed` interrupts fewer. Each placed item needs a slot, and this
/// is the cost of the cheapest slots of all closed bins.
pub(super) fn least_interruptions(problem: &Problem, placed: &Placed) -> usize {
    let mut gains: Vec<usize> = problem
        .bins
        .iter()
        .map(|bin| bin.free.len() + bin.wishes.len())
        .collect();
    for own in problem.items.iter().filter_map(|item| item.own) {
        gains[own.bin] += 1;
    }
    let wishes = problem.bins.iter().zip(opened(problem, placed));
    let fulfilled = wishes.filter(|(_, is_open)| *is_open);
    let mut need =
        placed.iter().flatten().count() + fulfilled.map(|(bin, _)| bin.wishes.len()).sum::<usize>();
    let mut least = 0;
    let mut closed: Vec<(usize, usize)> = Vec::new();
    for (bin, gain) in problem.bins.iter().zip(gains) {
        if !bin.is_closed() {
            need = need.saturating_sub(gain);
            least += if bin.kept { bin.weight } else { 0 };
        } else if gain > 0 {
            closed.push((bin.weight, gain));
        }
    }
    closed.sort_by(|a, b| (a.0 * b.1).cmp(&(b.0 * a.1)));
    for (weight, gain) in closed {
        if need <= gain {
            return least + (weight * need).div_ceil(gain);
        }
        need -= gain;
        least += weight;
    }
    least
}

pub(super) struct Greedy<'p> {
    pub(super) problem: &'p Problem,
    placed: Placed,
    /// Items with a choice that are to be placed.
    is_admitted: Vec<bool>,
    /// Bins that items may be put into.
    pub(super) is_open: Vec<bool>,
    /// Bins that stay open only if an item that opens them is put into them.
    pub(super) owed: BTreeSet<usize>,
    /// How many on each bin open it.
    opened_by: Vec<usize>,
    /// Free slots left.
    pub(super) room: Vec<usize>,
    /// Slots that are taken by those pinned to them.
    pinned: BTreeSet<(usize, usize)>,
    /// The occupants of each bin, by group.
    pub(super) occupants: Vec<Vec<(usize, usize)>>,
    /// Items by the one closed bin on which they can be placed, as long as another item opens it.
    hoping: BTreeMap<usize, Vec<usize>>,
    /// Items with a choice that are on air in a closed bin with their previous target.
    owners: BTreeMap<usize, Vec<usize>>,
    /// Items with a choice that open bins, as far as no bin is owed to them.
    openers: usize,
}

impl<'p> Greedy<'p> {
    fn new(problem: &'p Problem) -> Self {
        let has_choice = |item: &&super::Item| item.pin == Pinned::Free;
        Self {
            problem,
            placed: vec![None; problem.items.len()],
            is_admitted: vec![false; problem.items.len()],
            is_open: problem.bins.iter().map(|bin| !bin.is_closed()).collect(),
            owed: BTreeSet::new(),
            opened_by: vec![0; problem.bins.len()],
            room: problem.bins.iter().map(|bin| bin.free.len()).collect(),
            pinned: BTreeSet::new(),
            occupants: problem.bins.iter().map(|bin| bin.occupants.clone()).collect(),
            hoping: BTreeMap::new(),
            owners: BTreeMap::new(),
            openers: problem
                .items
                .iter()
                .filter(has_choice)
                .filter(|item| item.opens)
                .count(),
        }
    }

    /// By priority; of equal ones first those with a slot on a stopped bin, then the pinned, since they have no choice.
    pub(super) fn order(&self, item: usize) -> (Reverse<i32>, bool, bool, usize) {
        let one = &self.problem.items[item];
        let is_warm = one.warm.iter().any(|(bin, _)| !self.problem.bins[*bin].kept);
        (Reverse(one.priority), !is_warm, one.pin == Pinned::Free, item)
    }

    /// Items in that order.
    fn ordered(&self, of: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut items: Vec<usize> = (0..self.placed.len()).filter(|item| of(*item)).collect();
        items.sort_by_cached_key(|item| self.order(*item));
        items
    }

    fn has_choice(&self, item: usize) -> bool {
        self.problem.items[item].pin == Pinned::Free
    }

    /// Pinned items take their slots, and one that can only be written in place is, where that grants the stop.
    fn place_those_without_choice(&mut self) {
        let problem = self.problem;
        for item in self.ordered(|item| !self.has_choice(item)) {
            let one = &problem.items[item];
            let mut bins = Vec::new();
            if let Pinned::To(bin, slot) = one.pin
                && !self.pinned.contains(&(bin, slot))
            {
                bins.push(bin);
            }
            bins.extend(one.own.map(|own| own.bin));
            let goes = |bin: &usize| self.is_open[*bin] || problem.opens(item, *bin);
            if let Some(bin) = bins.iter().copied().find(goes) {
                self.put(item, bin);
            } else if let Some(bin) = bins.first() {
                self.hoping.entry(*bin).or_default().push(item);
            }
        }
        for item in self.ordered(|item| self.has_choice(item)) {
            match problem.items[item].own {
                Some(own) if self.is_open[own.bin] => {
                    self.openers -= usize::from(problem.items[item].opens);
                    self.put(item, own.bin);
                }
                Some(own) => self.owners.entry(own.bin).or_default().push(item),
                None => {}
            }
        }
    }

    /// Opens bins for the items that wait for exactly that.
    fn open_for_gain(&mut self) {
        let problem = self.problem;
        let mut gains: Vec<(Vec<usize>, usize, usize)> = Vec::new();
        for bin in (0..problem.bins.len()).filter(|bin| !self.is_open[*bin]) {
            let hoping = self.hoping.get(&bin).into_iter().flatten();
            let hoping = hoping.map(|item| problem.items[*item].priority);
            let all: Vec<i32> = problem.bins[bin].wishes.iter().copied().chain(hoping).collect();
            if !all.is_empty() {
                let mut lost = vec![usize::MAX; problem.levels.len()];
                for priority in all {
                    lost[problem.level(priority)] -= 1;
                }
                gains.push((lost, problem.bins[bin].weight, bin));
            }
        }
        gains.sort_unstable();
        for (_, _, bin) in gains {
            let needs_slots = self.hoping.get(&bin).map_or(0, Vec::len);
            let owners = self.owners_that_open(bin);
            let by_itself = self.opens_by_itself(bin) && self.openers >= owners;
            if by_itself || self.openers > owners && self.room[bin] > needs_slots {
                self.open(bin);
            }
        }
    }

    /// Whether an item is on air on a closed bin and its write in place grants the stop.
    fn opens_by_itself(&self, bin: usize) -> bool {
        let mut owners = self.owners.get(&bin).into_iter().flatten();
        owners.any(|item| self.problem.opens(*item, bin))
    }

    /// How many of those on air on a closed bin with their previous target would open others.
    fn owners_that_open(&self, bin: usize) -> usize {
        let owners = self.owners.get(&bin).into_iter().flatten();
        owners.filter(|item| self.problem.items[**item].opens).count()
    }

    fn open(&mut self, bin: usize) {
        let own = self.opens_by_itself(bin);
        self.is_open[bin] = true;
        if !own {
            self.owed.insert(bin);
        }
        self.openers = self
            .openers
            .saturating_sub(self.owners_that_open(bin) + usize::from(!own));
        for item in self.owners.remove(&bin).into_iter().flatten() {
            self.put(item, bin);
        }
        for item in self.hoping.remove(&bin).into_iter().flatten() {
            let fits = match self.problem.items[item].pin {
                Pinned::To(at, slot) if at == bin => {
                    self.room[bin] > 0 && !self.pinned.contains(&(bin, slot))
                }
                _ => self.problem.is_own(item, bin),
            };
            if fits {
                self.put(item, bin);
            }
        }
    }

    /// How many more slots the items with a choice need.
    fn need(&self) -> usize {
        let waiting =
            (0..self.placed.len()).filter(|item| self.placed[*item].is_none() && self.has_choice(*item));
        let room = (0..self.room.len())
            .filter(|bin| self.is_open[*bin])
            .map(|bin| self.room[bin]);
        waiting.count().saturating_sub(room.sum())
    }

    /// Opens the cheapest bins that make room for all items left, or the largest where too few can open any.
    fn open_for_room(&mut self) {
        let need = self.need();
        let gain = |bin: usize| self.room[bin] + self.owners.get(&bin).map_or(0, Vec::len);
        let mut closed: Vec<(usize, usize, usize)> = (0..self.room.len())
            .filter(|bin| !self.is_open[*bin] && (self.room[*bin] > 0 || self.opens_by_itself(*bin)))
            .map(|bin| (self.problem.bins[bin].weight, gain(bin), bin))
            .collect();
        closed.sort_by(|a, b| {
            (a.0 * b.1)
                .cmp(&(b.0 * a.1))
                .then(b.1.cmp(&a.1))
                .then(a.2.cmp(&b.2))
        });
        let (mut chosen, mut gained) = self.cover(&closed, need);
        if gained < need {
            closed.sort_by_key(|(weight, gain, bin)| (Reverse(*gain), *weight, *bin));
            (chosen, gained) = self.cover(&closed, need);
        }
        chosen.sort_by_key(|(weight, gain, _)| (Reverse(*weight), *gain));
        for (_, gain, bin) in chosen {
            if gained - gain >= need {
                gained -= gain;
            } else {
                self.open(bin);
            }
        }
    }

    /// The first of the bins that suffice, as far as there are items to open them.
    fn cover(&self, closed: &[(usize, usize, usize)], need: usize) -> (Vec<(usize, usize, usize)>, usize) {
        let (mut chosen, mut gained, mut openers) = (Vec::new(), 0, self.openers);
        for one in closed {
            let (by_itself, owners) = (self.opens_by_itself(one.2), self.owners_that_open(one.2));
            if gained >= need {
                break;
            }
            if by_itself && openers >= owners || openers > owners && self.room[one.2] > 0 {
                openers = openers.saturating_sub(owners + usize::from(!by_itself));
                gained += one.1;
                chosen.push(*one);
            }
        }
        (chosen, gained)
    }

    /// Criterion 1: which items are placed. As many that open bins as are owed; a pin gives no precedence.
    fn admit(&mut self) {
        let joins = |item: usize| match self.placed[item] {
            Some(bin) => !self.problem.is_own(item, bin),
            None => self.has_choice(item),
        };
        let order = self.ordered(joins);
        let free = (0..self.room.len())
            .filter(|bin| self.is_open[*bin])
            .map(|bin| self.room[bin]);
        let room = free.sum::<usize>() + order.iter().filter(|item| self.placed[**item].is_some()).count();
        let (first, rest) = order.split_at(room.min(order.len()));
        for item in rest {
            if let Some(bin) = self.placed[*item] {
                self.take_away(*item, bin);
            }
        }
        let problem = self.problem;
        let opens = |item: &&usize| problem.items[**item].opens && problem.items[**item].pin == Pinned::Free;
        let missing = self.owed.len().saturating_sub(first.iter().filter(opens).count());
        let also: Vec<usize> = rest.iter().filter(opens).take(missing).copied().collect();
        let mut too_many = also.len();
        for item in first.iter().rev() {
            if too_many > 0 && !opens(&item) && self.placed[*item].is_none() {
                too_many -= 1;
            } else {
                self.is_admitted[*item] = true;
            }
        }
        for item in also {
            self.is_admitted[item] = true;
        }
    }

    /// An item less important than those that wait leaves the slot that it is pinned to, and its bin to one of them.
    fn take_away(&mut self, item: usize, bin: usize) {
        let problem = self.problem;
        self.placed[item] = None;
        self.room[bin] += 1;
        if let Some((_, count)) = self.occupants[bin]
            .iter_mut()
            .find(|(group, _)| *group == problem.items[item].group)
        {
            *count -= 1;
        }
        self.opened_by[bin] -= usize::from(problem.opens(item, bin));
        if problem.bins[bin].is_closed() && self.opened_by[bin] == 0 {
            self.owed.insert(bin);
        }
    }

    /// Each bin that is owed an item that opens it gets one: of a group that is there already, otherwise the last in order.
    fn fill_owed(&mut self) {
        let opens = |item: &usize| self.problem.items[*item].opens;
        let mut queue: Vec<usize> = self.unplaced().filter(opens).collect();
        queue.sort_by_cached_key(|item| self.order(*item));
        let mut mates: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for item in &queue {
            mates
                .entry(self.problem.items[*item].group)
                .or_default()
                .push(*item);
        }
        // As many are admitted as are owed, but some that could be here may be pinned.
        let mut failed: BTreeSet<usize> = BTreeSet::new();
        for bin in std::mem::take(&mut self.owed) {
            let groups: Vec<usize> = self.occupants[bin].iter().map(|(group, _)| *group).collect();
            let next = |items: &mut Vec<usize>| {
                while items.pop_if(|item| self.placed[*item].is_some()).is_some() {}
                items.pop()
            };
            let mate = groups.iter().find_map(|group| next(mates.get_mut(group)?));
            match mate.or_else(|| next(&mut queue)) {
                Some(item) if self.room[bin] > 0 => self.put(item, bin),
                _ => {
                    failed.insert(bin);
                }
            }
        }
        for bin in &failed {
            self.is_open[*bin] = false;
        }
        if !failed.is_empty() {
            for (bin, is_admitted) in self.placed.iter_mut().zip(&mut self.is_admitted) {
                *is_admitted &= bin.take_if(|bin| failed.contains(bin)).is_none();
            }
        }
    }

    pub(super) fn unplaced(&self) -> impl Iterator<Item = usize> {
        (0..self.placed.len()).filter(|item| self.is_admitted[*item] && self.placed[*item].is_none())
    }

    pub(super) fn put(&mut self, item: usize, bin: usize) {
        let one = &self.problem.items[item];
        self.placed[item] = Some(bin);
        self.is_open[bin] = true;
        self.opened_by[bin] += usize::from(self.problem.opens(item, bin));
        if self.problem.is_own(item, bin) {
            return;
        }
        if let Pinned::To(at, slot) = one.pin {
            self.pinned.insert((at, slot));
        }
        self.room[bin] -= 1;
        join(&mut self.occupants[bin], one.group);
    }
}
