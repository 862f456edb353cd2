//! The best placement of a small pool, by branch and bound.
//!
//! Items are placed one after the other, by priority and name, into the bins by id or left waiting; a branch is cut
//! as soon as a lower bound of its [`Cost`] is no better than the best placement known, which at first is the greedy
//! one. Two symmetries are cut as well: items that nothing but their priority tells apart take bins in ascending order, and
//! one waits only where those after it wait too; of bins that nothing tells apart an empty one is used only after the
//! ones before it.
//!
//! Of equal placements the first in that order is chosen, also before the greedy one. The order does not depend on
//! how far the last plan has been carried out, so carrying a plan out does not change it: each step makes the planned
//! placement cheaper by at least as much as any other.
//!
//! The bound is lexicographic too, so each of its fields may assume that all fields before it are met exactly: if
//! they are not, the branch is worse by an earlier field anyway.

use std::collections::BTreeMap;

use super::assign::{Bin, Cost, Item, Pinned, Place, Placed, Problem};
use super::bound::{LOAD_MAX, Left, large_bound};
use super::{greedy, keep};

/// Placements looked at before the search gives up and the best so far is taken. Counted, not timed, so that the
/// same input gives the same plan on every machine; about 10 ms.
const NODE_BUDGET: usize = 5_000;

/// Larger problems are not searched at all: the budget would end before the search has left its first corner.
const ITEMS_MAX: usize = 48;
pub(super) const BINS_MAX: usize = 10;

/// A placement, and whether it is known to be the best.
pub(super) struct Found {
    /// The placement.
    pub(super) placed: Placed,
    /// What it costs.
    pub(super) cost: Cost,
    /// Whether no better one exists.
    pub(super) is_best: bool,
    /// A lower bound of what any placement costs.
    pub(super) bound: Cost,
    /// How many placements, whole or begun, were looked at.
    #[cfg(test)]
    pub(super) nodes: usize,
}

/// The best placement, or the fast one improved as far as the budget goes.
pub(super) fn best(problem: &Problem) -> Found {
    if problem.items.is_empty() {
        let cost = problem.cost(&Placed::new());
        return Found {
            bound: cost.clone(),
            placed: Placed::new(),
            cost,
            is_best: true,
            #[cfg(test)]
            nodes: 0,
        };
    }
    let is_huge = |bin: &Bin| bin.crew_len() + bin.free.len() > LOAD_MAX;
    if problem.items.len() > ITEMS_MAX || problem.bins.len() > BINS_MAX || problem.bins.iter().any(is_huge) {
        let (placed, cost) = keep::or_keep(problem, greedy::place(problem));
        return Found {
            bound: large_bound(problem, &cost),
            placed,
            cost,
            is_best: false,
            #[cfg(test)]
            nodes: 0,
        };
    }
    let (placed, cost) = keep::or_cheaper(problem, greedy::place(problem));
    let mut search = Search::new(problem, placed, cost);
    let root = search.bound(0);
    search.descend(0);
    if search.nodes < NODE_BUDGET || root >= search.best {
        return Found {
            placed: search.best_placed,
            bound: search.best.clone(),
            cost: search.best,
            is_best: true,
            #[cfg(test)]
            nodes: search.nodes,
        };
    }
    let (placed, cost) = keep::or_keep(problem, search.best_placed);
    Found {
        placed,
        cost,
        is_best: false,
        bound: root,
        #[cfg(test)]
        nodes: search.nodes,
    }
}

/// A search under way.
pub(super) struct Search<'p> {
    /// What is to be placed, and where.
    pub(super) problem: &'p Problem,
    /// Items in the order they are placed.
    order: Vec<usize>,
    /// What is left of the items at each depth.
    pub(super) left: Vec<Left>,
    /// An item before each in `order` that nothing but its priority tells apart from it.
    item_twin: Vec<Option<usize>>,
    /// How far in `order` somebody comes who can open a kept bin that not everybody can open.
    pub(super) last_opener: Vec<usize>,
    /// A bin before each that nothing tells apart from it.
    bin_twin: Vec<Option<usize>>,
    placed: Placed,
    /// Whether it was decided where each item is.
    decided: Vec<bool>,
    /// The bins as far as items were placed.
    pub(super) bins: Vec<State>,
    /// Items left waiting, by level.
    pub(super) lost: Vec<usize>,
    best: Cost,
    best_placed: Placed,
    /// Whether the best was found here, so that only better ones are looked for.
    is_own: bool,
    nodes: usize,
}

/// A bin in a partial placement.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    /// Items placed in it.
    pub(super) items: Vec<usize>,
    /// Everybody wanted on it, by group.
    pub(super) crew: Vec<(usize, usize)>,
    /// How many that are.
    pub(super) load: usize,
    /// Free slots left.
    pub(super) room: usize,
    /// Items that need a write of their slot.
    pub(super) cold: usize,
}

impl<'p> Search<'p> {
    fn new(problem: &'p Problem, greedy: Placed, cost: Cost) -> Self {
        let order = order(problem);
        let loners = loners(problem);
        let item_twin = (0..order.len())
            .map(|at| {
                let mut before = order[..at].iter().rev();
                before
                    .find(|other| are_twins(problem, &loners, **other, order[at]))
                    .copied()
            })
            .collect();
        let last_opener = (0..problem.bins.len())
            .map(|bin| {
                let opens = |item: &usize| problem.opens(*item, bin) && problem.fits(*item, bin);
                order.iter().rposition(opens).map_or(0, |at| at + 1)
            })
            .collect();
        let state = |bin: &Bin| State {
            items: Vec::new(),
            crew: bin.crew.clone(),
            load: bin.crew_len(),
            room: bin.free.len(),
            cold: 0,
        };
        Self {
            problem,
            left: Left::all(problem, &order, &loners),
            order,
            item_twin,
            last_opener,
            bin_twin: twins(problem),
            placed: vec![None; problem.items.len()],
            decided: vec![false; problem.items.len()],
            bins: problem.bins.iter().map(state).collect(),
            lost: vec![0; problem.levels.len()],
            best: cost,
            best_placed: greedy,
            is_own: false,
            nodes: 0,
        }
    }

    /// Places the items from `depth` on in every way that could be better.
    fn descend(&mut self, depth: usize) {
        if self.nodes >= NODE_BUDGET {
            return;
        }
        self.nodes += 1;
        if depth == self.order.len() {
            self.reach_leaf();
            return;
        }
        if self.is_dead(depth) {
            return;
        }
        let bound = self.bound(depth);
        if bound > self.best || self.is_own && bound == self.best {
            return;
        }
        let item = self.order[depth];
        let waits = self.problem.bins.len();
        let twin = self.item_twin[depth];
        let first = twin.map_or(0, |twin| self.placed[twin].unwrap_or(waits));
        for bin in first..waits {
            if self.may_enter(depth, bin) {
                self.enter(item, bin);
                self.descend(depth + 1);
                self.leave(item, bin);
            }
        }
        let level = self.problem.level(self.problem.items[item].priority);
        self.lost[level] += 1;
        self.decided[item] = true;
        self.descend(depth + 1);
        self.decided[item] = false;
        self.lost[level] -= 1;
    }

    /// Whether somebody is in a kept bin that nobody can open any more.
    fn is_dead(&self, depth: usize) -> bool {
        let mut bins = self.problem.bins.iter().zip(&self.bins).enumerate();
        bins.any(|(at, (bin, state))| {
            bin.kept && !state.items.is_empty() && depth >= self.last_opener[at] && !self.is_open(at)
        })
    }

    fn reach_leaf(&mut self) {
        if self.is_dead(self.order.len()) {
            return;
        }
        let cost = self.problem.cost(&self.placed);
        if cost < self.best || !self.is_own && cost == self.best {
            self.best = cost;
            self.best_placed.clone_from(&self.placed);
            self.is_own = true;
        }
    }

    fn may_enter(&self, depth: usize, bin: usize) -> bool {
        let item = self.order[depth];
        let state = &self.bins[bin];
        let empty_twin = self.bin_twin[bin].is_some_and(|twin| self.bins[twin].items.is_empty());
        let taken = |slot: usize| {
            let pinned =
                |one: &usize| matches!(self.problem.items[*one].pin, Pinned::To(_, to) if to == slot);
            state.items.iter().any(pinned)
        };
        let slot_is_free = match self.problem.items[item].pin {
            Pinned::To(_, slot) => !taken(slot),
            Pinned::Free | Pinned::Nowhere => true,
        };
        state.room > 0
            && !(state.items.is_empty() && empty_twin)
            && self.problem.fits(item, bin)
            && (depth < self.last_opener[bin] || self.is_open(bin))
            && slot_is_free
    }

    fn enter(&mut self, item: usize, bin: usize) {
        let group = self.problem.items[item].group;
        let cold = self.is_cold(item, bin);
        let state = &mut self.bins[bin];
        state.items.push(item);
        state.load += 1;
        state.room -= 1;
        state.cold += usize::from(cold);
        match state.crew.iter_mut().find(|(one, _)| *one == group) {
            Some((_, count)) => *count += 1,
            None => state.crew.push((group, 1)),
        }
        self.placed[item] = Some(bin);
        self.decided[item] = true;
    }

    fn leave(&mut self, item: usize, bin: usize) {
        let group = self.problem.items[item].group;
        let cold = self.is_cold(item, bin);
        let state = &mut self.bins[bin];
        state.items.pop();
        state.load -= 1;
        state.room += 1;
        state.cold -= usize::from(cold);
        if let Some((_, count)) = state.crew.iter_mut().find(|(one, _)| *one == group) {
            *count -= 1;
        }
        self.placed[item] = None;
        self.decided[item] = false;
    }

    /// Whether a bin is stopped, or can be by a former target whose destination is not decided yet.
    pub(super) fn is_open(&self, bin: usize) -> bool {
        self.problem.is_open(bin, &self.bins[bin].items, |item| {
            if self.decided[item] {
                Place::Decided(self.placed[item])
            } else {
                Place::Undecided
            }
        })
    }

    /// Whether a slot of `bin` has to be written for `item`.
    fn is_cold(&self, item: usize, bin: usize) -> bool {
        self.problem.bins[bin].unsure || self.problem.items[item].warm.iter().all(|(at, _)| *at != bin)
    }
}

/// By priority, then by name.
fn order(problem: &Problem) -> Vec<usize> {
    let mut order: Vec<usize> = (0..problem.items.len()).collect();
    order.sort_by_key(|item| (std::cmp::Reverse(problem.items[*item].priority), *item));
    order
}

/// Groups with a single member to be placed and nobody on any bin.
fn loners(problem: &Problem) -> Vec<bool> {
    let mut count: BTreeMap<usize, usize> = BTreeMap::new();
    let crews = problem
        .bins
        .iter()
        .flat_map(|bin| bin.crew.iter().map(|(group, _)| *group));
    for group in crews.chain(problem.items.iter().map(|item| item.group)) {
        *count.entry(group).or_default() += 1;
    }
    problem.items.iter().map(|item| count[&item.group] == 1).collect()
}

/// Whether nothing tells two items apart but their priority, which counts for who waits and not for where they go.
fn are_twins(problem: &Problem, loners: &[bool], a: usize, b: usize) -> bool {
    let (one, two) = (&problem.items[a], &problem.items[b]);
    let is_plain = |item: &Item| {
        let is_free = item.pin == Pinned::Free;
        let is_told_apart = item.outdated.is_some() || item.contends || !item.mistakable.is_empty();
        is_free && !is_told_apart && item.warm.is_empty()
    };
    is_plain(one)
        && is_plain(two)
        && one.granted == two.granted
        && (one.group == two.group || loners[a] && loners[b])
}

/// The bin just before each that nothing tells apart from it.
fn twins(problem: &Problem) -> Vec<Option<usize>> {
    let named = |bin: usize| {
        problem.items.iter().any(|item| {
            matches!(item.pin, Pinned::To(at, _) if at == bin)
                || item.outdated.is_some_and(|(at, _)| at == bin)
                || item.warm.iter().any(|(at, _)| *at == bin)
        })
    };
    let face = |bin: usize| {
        let at = &problem.bins[bin];
        let parked = at.free.iter().filter(|(_, parked)| *parked).count();
        (!at.kept && at.crew.is_empty() && !named(bin)).then_some((
            at.stops_first,
            at.unowned,
            at.troubled,
            at.free.len(),
            parked,
        ))
    };
    (0..problem.bins.len())
        .map(|bin| {
            let own = face(bin)?;
            (0..bin).rev().find(|other| face(*other) == Some(own))
        })
        .collect()
}
