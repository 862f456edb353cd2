//! Lower bounds: what a placement costs at least.
//!
//! A bound is compared field by field from the first, like any [`Cost`], so each of its fields may assume that all
//! fields before it are met exactly: a placement that misses one of them is worse by that field anyway.

use std::collections::BTreeMap;

use super::assign::{Cost, Pinned, Problem, strangers};
use super::search::{Search, State};

/// Wanted destinations on one channel, in pools that are searched: tens of outputs are what encoders carry.
pub(super) const LOAD_MAX: usize = 64;

/// What is left to be placed from some depth of the search on.
pub(super) struct Left {
    /// Levels of those that could be placed, highest priority first.
    levels: Vec<usize>,
    /// Levels of those that could not, whatever happens.
    nowhere: Vec<usize>,
    /// How many of each group could be placed.
    groups: Vec<(usize, usize)>,
    /// How many of them some slot already points at.
    warm: usize,
}

impl Left {
    /// For every depth of a search in this order.
    pub(super) fn all(problem: &Problem, order: &[usize]) -> Vec<Self> {
        (0..=order.len())
            .map(|depth| Self::new(problem, &order[depth..]))
            .collect()
    }

    fn new(problem: &Problem, items: &[usize]) -> Self {
        let level = |item: &usize| problem.level(problem.items[*item].priority);
        let is_nowhere = |item: &&usize| problem.items[**item].pin == Pinned::Nowhere;
        let placeable: Vec<usize> = items.iter().filter(|item| !is_nowhere(item)).copied().collect();
        let mut levels: Vec<usize> = placeable.iter().map(level).collect();
        levels.sort_unstable();
        let mut groups: BTreeMap<usize, usize> = BTreeMap::new();
        for item in &placeable {
            *groups.entry(problem.items[*item].group).or_default() += 1;
        }
        Self {
            levels,
            nowhere: items.iter().filter(is_nowhere).map(level).collect(),
            groups: groups.into_iter().collect(),
            warm: placeable
                .iter()
                .filter(|item| !problem.items[**item].warm.is_empty())
                .count(),
        }
    }
}

/// What all bins together cost already, and what they have room for.
#[derive(Default)]
struct Sum {
    pairs: usize,
    running: usize,
    /// Free slots of bins that are reached, and of those among them that are best to take.
    room: usize,
    room_untroubled: usize,
    room_at_once: usize,
    /// Slots that are rewritten anyway and could still be given to somebody.
    dirty_left: usize,
}

impl Search<'_> {
    /// What every completion of the placement up to `depth` costs at least.
    pub(super) fn bound(&self, depth: usize) -> Cost {
        let left = &self.left[depth];
        let mut bound = Cost {
            lost: self.lost.clone(),
            ..Cost::default()
        };
        let placing = self.placing(depth, left, &mut bound);
        let mut sum = Sum::default();
        for at in 0..self.bins.len() {
            self.add_bin(at, depth, placing, &mut bound, &mut sum);
        }
        if placing > sum.room {
            let openable = (0..self.bins.len()).filter(|bin| depth < self.last_opener[*bin]);
            let closed = openable.filter(|bin| !self.is_reached(*bin));
            bound.interruptions += closed.map(|bin| self.problem.bins[bin].weight).min().unwrap_or(0);
        } else {
            sum.pairs += self.more_strangers(left, placing);
            sum.running += self.more_running(placing);
            bound.troubled += placing.saturating_sub(sum.room_untroubled);
            bound.stops += placing.saturating_sub(sum.room_at_once);
            bound.writes += placing.saturating_sub(left.warm).saturating_sub(sum.dirty_left);
        }
        bound.sharing = [sum.pairs, sum.running];
        if self.problem.pack {
            bound.sharing.reverse();
        }
        bound
    }

    /// How many of those left could still be placed; the others are lost, the lowest priority first.
    fn placing(&self, depth: usize, left: &Left, bound: &mut Cost) -> usize {
        let within_reach = |bin: &usize| depth < self.last_opener[*bin] || self.is_reached(*bin);
        let room = (0..self.bins.len())
            .filter(within_reach)
            .map(|bin| self.bins[bin].room)
            .sum();
        let placing = left.levels.len().min(room);
        for level in left.levels[placing..].iter().chain(&left.nowhere) {
            bound.lost[*level] += 1;
        }
        placing
    }

    fn add_bin(&self, at: usize, depth: usize, placing: usize, bound: &mut Cost, sum: &mut Sum) {
        let (bin, state) = (&self.problem.bins[at], &self.bins[at]);
        let is_over = placing == 0 || depth >= self.last_opener[at];
        if bin.kept && state.items.is_empty() && is_over && !self.is_open(at) {
            // Nobody is left who could open it.
            for priority in &bin.leaving {
                bound.lost[self.problem.level(*priority)] += 1;
            }
        }
        let runs = bin.runs || !state.items.is_empty();
        if runs {
            sum.running += 1;
            sum.pairs += strangers(state.crew.iter().map(|(_, count)| *count));
        }
        if !self.is_reached(at) {
            return;
        }
        bound.interruptions += bin.weight;
        sum.room += state.room;
        sum.room_untroubled += if bin.troubled { 0 } else { state.room };
        sum.room_at_once += if bin.stops_first { 0 } else { state.room };
        bound.troubled += if bin.troubled { state.items.len() } else { 0 };
        bound.stops += if bin.stops_first { state.items.len() } else { 0 };
        bound.adoptions += if bin.unowned { state.items.len() } else { 0 };
        if runs {
            let writes = bin.bound_writes + state.cold.max(bin.dirty);
            bound.updates += usize::from(bin.kept || writes > 0);
            bound.writes += writes;
            sum.dirty_left += bin.dirty.saturating_sub(state.cold);
        }
    }

    /// At least so many pairs of strangers come with `placing` more: they go to the emptiest bins that are open, and
    /// each group sits together as far as one bin could take it.
    fn more_strangers(&self, left: &Left, placing: usize) -> usize {
        let mut loads = [0_usize; LOAD_MAX + 1];
        let mut mates = [0_usize; LOAD_MAX + 1];
        let mut most = 0;
        let reached = (0..self.bins.len()).filter(|at| self.is_reached(*at));
        for state in reached.map(|at| &self.bins[at]) {
            most = most.max(state.load + state.room);
            for count in loads.iter_mut().skip(state.load).take(state.room) {
                *count += 1;
            }
        }
        for (group, count) in &left.groups {
            let already = self
                .bins
                .iter()
                .map(|state| members(state, *group))
                .max()
                .unwrap_or(0);
            for more in already..already + count {
                if let Some(count) = mates.get_mut(more.min(most.saturating_sub(1))) {
                    *count += 1;
                }
            }
        }
        let met = take(loads.iter().copied().enumerate(), placing);
        met.saturating_sub(take(mates.iter().copied().enumerate().rev(), placing))
    }

    /// At least so many more bins run with `placing` more items.
    fn more_running(&self, placing: usize) -> usize {
        let mut left = placing;
        let mut rooms: Vec<usize> = Vec::new();
        for (bin, state) in self.problem.bins.iter().zip(&self.bins) {
            if bin.runs || !state.items.is_empty() {
                left = left.saturating_sub(state.room);
            } else {
                rooms.push(state.room);
            }
        }
        fewest(rooms, left)
    }
}

fn members(state: &State, group: usize) -> usize {
    let own = state.crew.iter().find(|(one, _)| *one == group);
    own.map_or(0, |(_, count)| *count)
}

/// Sum of the first `count` values, where each comes with how often it occurs.
fn take(values: impl Iterator<Item = (usize, usize)>, count: usize) -> usize {
    let (mut left, mut sum) = (count, 0);
    for (value, times) in values {
        let taken = times.min(left);
        sum += value * taken;
        left -= taken;
    }
    sum
}

/// A lower bound where there is no search: the greedy placement is best in criteria 1 and 2, so only sharing may be
/// worse than it has to be.
pub(super) fn large_bound(problem: &Problem, greedy: &Cost) -> Cost {
    let placed = problem.items.len();
    let mut bound = greedy.clone();
    // Whoever is placed adds at least as many strangers as there are on the emptiest bins, less the mates it can meet.
    let mut mates: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    let (mut pairs, mut running, mut most) = (0, 0, 0);
    let mut loads: Vec<usize> = Vec::new();
    let mut rooms: Vec<usize> = Vec::new();
    for bin in &problem.bins {
        for (group, count) in &bin.crew {
            let already = &mut mates.entry(*group).or_default().0;
            *already = (*already).max(*count);
        }
        let load = bin.crew_len();
        most = most.max(load + bin.free.len());
        loads.extend(load..load + bin.free.len());
        if bin.runs {
            running += 1;
            pairs += strangers(bin.crew.iter().map(|(_, count)| *count));
        } else {
            rooms.push(bin.free.len());
        }
    }
    for item in &problem.items {
        mates.entry(item.group).or_default().1 += 1;
    }
    let waits: usize = greedy.lost.iter().sum();
    let placing = placed.saturating_sub(waits);
    loads.sort_unstable();
    let met: usize = loads.iter().take(placing).sum();
    let limit = most.saturating_sub(1);
    let mut meets: Vec<usize> = mates
        .into_values()
        .flat_map(|(already, more)| (0..more).map(move |at| (already + at).min(limit)))
        .collect();
    meets.sort_unstable_by(|a, b| b.cmp(a));
    pairs += met.saturating_sub(meets.iter().take(placing).sum());
    let kept: usize = problem
        .bins
        .iter()
        .filter(|bin| bin.runs)
        .map(|bin| bin.free.len())
        .sum();
    running += fewest(rooms, placing.saturating_sub(kept));
    bound.sharing = if problem.pack {
        [running, pairs]
    } else {
        [pairs, running]
    };
    bound
}

/// How many of `rooms`, the largest first, it takes for `need`.
fn fewest(mut rooms: Vec<usize>, need: usize) -> usize {
    rooms.sort_unstable_by(|a, b| b.cmp(a));
    let mut left = need;
    rooms
        .into_iter()
        .take_while(|room| {
            let needed = left > 0;
            left = left.saturating_sub(*room);
            needed
        })
        .count()
}
