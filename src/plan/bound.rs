//! Lower bounds: what a placement costs at least.
//!
//! A bound is compared field by field from the first, like any [`Cost`], so each of its fields may assume that all
//! fields before it are met exactly: a placement that misses one of them is worse by that field anyway.

use std::collections::BTreeMap;

use super::assign::{Cost, Pinned, Problem, strangers};
use super::search::{BINS_MAX, Search, State};

/// Wanted destinations on one channel, in pools that are searched: tens of outputs are what encoders carry.
pub(super) const LOAD_MAX: usize = 64;

/// What is left to be placed from some depth of the search on.
pub(super) struct Left {
    /// Levels of those that could be placed, highest priority first.
    levels: Vec<usize>,
    /// Levels of those that could not, whatever happens.
    nowhere: Vec<usize>,
    /// How many of each group could be placed; only of groups that have mates to meet.
    groups: Vec<(usize, usize)>,
    /// How many of them some slot already points at.
    warm: usize,
    /// How many of them a slot of each bin already points at.
    warm_in: Vec<usize>,
}

impl Left {
    /// For every depth of a search in this order.
    pub(super) fn all(problem: &Problem, order: &[usize], loners: &[bool]) -> Vec<Self> {
        (0..=order.len())
            .map(|depth| Self::new(problem, &order[depth..], loners))
            .collect()
    }

    fn new(problem: &Problem, items: &[usize], loners: &[bool]) -> Self {
        let level = |item: &usize| problem.level(problem.items[*item].priority);
        let is_nowhere = |item: &&usize| problem.items[**item].pin == Pinned::Nowhere;
        let placeable: Vec<usize> = items.iter().filter(|item| !is_nowhere(item)).copied().collect();
        let mut levels: Vec<usize> = placeable.iter().map(level).collect();
        levels.sort_unstable();
        let mut groups: BTreeMap<usize, usize> = BTreeMap::new();
        let mut warm_in = vec![0; problem.bins.len()];
        for item in &placeable {
            let one = &problem.items[*item];
            if !loners[*item] {
                *groups.entry(one.group).or_default() += 1;
            }
            one.warm.iter().for_each(|(bin, _)| warm_in[*bin] += 1);
        }
        let is_warm = |item: &&usize| !problem.items[**item].warm.is_empty();
        Self {
            levels,
            nowhere: items.iter().filter(is_nowhere).map(level).collect(),
            groups: groups.into_iter().collect(),
            warm: placeable.iter().filter(is_warm).count(),
            warm_in,
        }
    }
}

/// How a bin stands at some depth.
#[derive(Clone, Copy, Default)]
struct Standing {
    /// It stops in every completion that is worth looking at: it is open, somebody is in it, or somebody leaves it, which
    /// criterion 1 asks for wherever it can be had.
    is_reached: bool,
    /// Somebody who is left could be given a slot of it.
    can_take: bool,
}

/// A set of bins, a bit for each.
type BinSet = u16;

/// What all bins together cost already, and what they have room for.
#[derive(Clone, Copy, Default)]
struct Sum {
    pairs: usize,
    running: usize,
    /// Those that run and have nothing to be written yet.
    running_clean: usize,
    /// Free slots of bins that can take somebody, and of those among them that are best to take.
    room: usize,
    room_untroubled: usize,
    room_at_once: usize,
    room_owned: usize,
    /// Slots that are rewritten anyway and could still be given to somebody.
    dirty_left: usize,
    /// How many of those left could be given a slot that points at them already.
    warm: usize,
}

impl Search<'_> {
    /// What every completion of the placement up to `depth` costs at least.
    pub(super) fn bound(&self, depth: usize) -> Cost {
        let left = &self.left[depth];
        let mut bound = Cost {
            lost: self.lost.clone(),
            ..Cost::default()
        };
        let mut bins = [Standing::default(); BINS_MAX];
        let placing = self.placing(depth, left, &mut bins, &mut bound);
        let mut sum = Sum::default();
        for (at, standing) in bins.iter().enumerate().take(self.bins.len()) {
            self.add_cost(at, *standing, &mut bound, &mut sum);
        }
        let reached = self
            .bins
            .iter()
            .zip(&bins)
            .filter(|(_, standing)| standing.is_reached);
        let need = placing.saturating_sub(reached.map(|(state, _)| state.room).sum());
        if need == 0 {
            for standing in &mut bins {
                standing.can_take = standing.is_reached;
            }
            return self.with_room(placing, left, &bins, 0, bound, sum);
        }
        let costs = self.cheapest_covers(need, &bins).into_iter().map(|also| {
            let mut bins = bins;
            for (at, standing) in bins.iter_mut().enumerate() {
                standing.can_take &= standing.is_reached || also & 1 << at != 0;
            }
            self.with_room(placing, left, &bins, also, bound.clone(), sum)
        });
        costs.min().unwrap_or_default()
    }

    /// The bound where exactly those bins are given to somebody that can take them; `also` are interrupted for that.
    fn with_room(
        &self,
        placing: usize,
        left: &Left,
        bins: &[Standing; BINS_MAX],
        also: BinSet,
        mut bound: Cost,
        mut sum: Sum,
    ) -> Cost {
        for (at, standing) in bins.iter().enumerate().take(self.bins.len()) {
            if also & 1 << at != 0 {
                bound.interruptions += self.problem.bins[at].weight;
                bound.updates += 1;
            }
            if standing.can_take {
                self.add_room(at, left, &mut sum);
            }
        }
        sum.pairs += self.more_strangers(left, placing, bins);
        let more = self.more_running(placing, bins);
        sum.running += more;
        bound.troubled += placing.saturating_sub(sum.room_untroubled);
        bound.stops += placing.saturating_sub(sum.room_at_once);
        bound.adoptions += placing.saturating_sub(sum.room_owned);
        let may_stay_clean = self.may_stay_clean(left, sum.room.saturating_sub(placing), bins);
        bound.updates += (sum.running_clean + more).saturating_sub(may_stay_clean);
        bound.writes += placing
            .saturating_sub(left.warm.min(sum.warm))
            .saturating_sub(sum.dirty_left);
        bound.sharing = [sum.pairs, sum.running];
        if self.problem.pack {
            bound.sharing.reverse();
        }
        bound
    }

    /// How many of those left could still be placed, and where; the others are lost, the lowest priority first, and so are
    /// those who leave a bin that nobody can open any more.
    fn placing(&self, depth: usize, left: &Left, bins: &mut [Standing; BINS_MAX], bound: &mut Cost) -> usize {
        let mut room = 0;
        for (at, state) in self.bins.iter().enumerate() {
            let is_open = !state.items.is_empty() || self.is_open(at);
            bins[at].is_reached = is_open;
            bins[at].can_take = is_open || depth < self.last_opener[at];
            room += if bins[at].can_take { state.room } else { 0 };
        }
        let placing = left.levels.len().min(room);
        for level in left.levels[placing..].iter().chain(&left.nowhere) {
            bound.lost[*level] += 1;
        }
        for (at, standing) in bins.iter_mut().enumerate().take(self.bins.len()) {
            let leaving = &self.problem.bins[at].leaving;
            if standing.is_reached || leaving.is_empty() {
                continue;
            }
            if placing == 0 || !standing.can_take {
                for priority in leaving {
                    bound.lost[self.problem.level(*priority)] += 1;
                }
            } else {
                standing.is_reached = true;
            }
        }
        placing
    }

    /// What a bin costs with those who are in it.
    fn add_cost(&self, at: usize, standing: Standing, bound: &mut Cost, sum: &mut Sum) {
        let (bin, state) = (&self.problem.bins[at], &self.bins[at]);
        let runs = bin.runs || !state.items.is_empty();
        if runs {
            sum.running += 1;
            sum.pairs += strangers(state.crew.iter().map(|(_, count)| *count));
        }
        if !standing.is_reached {
            return;
        }
        bound.interruptions += bin.weight;
        bound.troubled += if bin.troubled { state.items.len() } else { 0 };
        bound.stops += if bin.stops_first { state.items.len() } else { 0 };
        bound.adoptions += if bin.unowned { state.items.len() } else { 0 };
        if runs {
            let writes = bin.bound_writes + state.cold.max(bin.dirty);
            let is_updated = bin.kept || writes > 0;
            bound.updates += usize::from(is_updated);
            bound.writes += writes;
            sum.running_clean += usize::from(!is_updated);
            sum.dirty_left += bin.dirty.saturating_sub(state.cold);
        }
    }

    /// The cheapest sets of bins to interrupt for `need` more slots; every other set costs more interruptions.
    fn cheapest_covers(&self, need: usize, bins: &[Standing; BINS_MAX]) -> Vec<BinSet> {
        let mut sets: Vec<(usize, usize, BinSet)> = vec![(0, 0, 0)];
        for at in (0..self.bins.len()).filter(|at| bins[*at].can_take && !bins[*at].is_reached) {
            let with = |(weight, room, set): &(usize, usize, BinSet)| {
                let (more, wider) = (self.problem.bins[at].weight, self.bins[at].room);
                (weight + more, room + wider, set | 1 << at)
            };
            let more: Vec<_> = sets.iter().map(with).collect();
            sets.extend(more);
        }
        sets.retain(|(_, room, _)| *room >= need);
        let least = sets.iter().map(|(weight, _, _)| *weight).min();
        sets.retain(|(weight, _, _)| Some(*weight) == least);
        sets.into_iter().map(|(_, _, set)| set).collect()
    }

    fn add_room(&self, at: usize, left: &Left, sum: &mut Sum) {
        let (bin, room) = (&self.problem.bins[at], self.bins[at].room);
        sum.room += room;
        sum.room_untroubled += if bin.troubled { 0 } else { room };
        sum.room_at_once += if bin.stops_first { 0 } else { room };
        sum.room_owned += if bin.unowned { 0 } else { room };
        sum.warm += if bin.unsure { 0 } else { room.min(left.warm_in[at]) };
    }

    /// At least so many pairs of strangers come with `placing` more: they go to the emptiest bins, and each group sits
    /// together as far as the bins could take it.
    fn more_strangers(&self, left: &Left, placing: usize, bins: &[Standing; BINS_MAX]) -> usize {
        let can_take = || {
            self.bins
                .iter()
                .zip(bins)
                .filter(|(state, standing)| standing.can_take && state.room > 0)
        };
        let mut loads = [0_usize; LOAD_MAX + 1];
        let mut most = 0;
        for (state, _) in can_take() {
            most = most.max(state.room);
            for count in loads.iter_mut().skip(state.load).take(state.room) {
                *count += 1;
            }
        }
        let mut mates = [0_usize; LOAD_MAX + 1];
        for (group, count) in &left.groups {
            let mut homes = [0_usize; BINS_MAX];
            let mut known = 0;
            for (state, _) in can_take() {
                homes[known] = members(state, *group);
                known += 1;
            }
            let homes = &mut homes[..known];
            homes.sort_unstable_by(|a, b| b.cmp(a));
            // No bin takes more than `most`: the first ones join the largest part of their group, the rest the next.
            let met = homes.iter().flat_map(|home| *home..*home + most);
            met.take(*count).for_each(|met| mates[met.min(LOAD_MAX)] += 1);
        }
        let met = take(loads.iter().copied().enumerate(), placing);
        met.saturating_sub(take(mates.iter().copied().enumerate().rev(), placing))
    }

    /// At least so many more bins run with `placing` more items.
    fn more_running(&self, placing: usize, bins: &[Standing; BINS_MAX]) -> usize {
        let mut left = placing;
        let mut rooms: Vec<usize> = Vec::new();
        for (at, state) in self.bins.iter().enumerate().filter(|(at, _)| bins[*at].can_take) {
            if self.problem.bins[at].runs || !state.items.is_empty() {
                left = left.saturating_sub(state.room);
            } else {
                rooms.push(state.room);
            }
        }
        fewest(rooms, left)
    }

    /// At most so many bins run without an update when `slack` slots stay free: those with nothing to be written yet
    /// whose slots can be given to those they point at already.
    fn may_stay_clean(&self, left: &Left, slack: usize, bins: &[Standing; BINS_MAX]) -> usize {
        let mut empty: Vec<usize> = Vec::new();
        for (at, state) in self.bins.iter().enumerate().filter(|(at, _)| bins[*at].can_take) {
            let bin = &self.problem.bins[at];
            if !bin.kept && bin.bound_writes + bin.dirty + state.cold == 0 {
                let warm = if bin.unsure { 0 } else { left.warm_in[at] };
                empty.push(state.room.saturating_sub(warm));
            }
        }
        empty.sort_unstable();
        let mut slack = slack;
        let fits = empty.into_iter().take_while(|empty| {
            let fits = *empty <= slack;
            slack = slack.saturating_sub(*empty);
            fits
        });
        fits.count()
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
