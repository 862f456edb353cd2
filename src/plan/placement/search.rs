//! The best placement of a small pool, with a proof.
//!
//! Bins are decided one after the other, and of each state (what is left to place) it is remembered what it costs at least
//! from there on. A branch is cut as soon as it costs more than allowed by a coarser [`View`]'s word; what is allowed grows
//! from the least cost that is possible until a placement is found, which is then the best.
//!
//! Of equal placements the [first](super::first) is taken.

use std::collections::{BTreeMap, BTreeSet};

use super::bound::{Code, NEVER, Prices, code};
use super::kinds::{Detail, Ground, Groups, Size};
use super::problem::Problem;
use super::view::View;
use super::ways::{Child, Entry, Ways};
use super::{Budget, Found};

/// Larger problems are not searched at all: the budget would end before the search has left its first corner.
const ITEMS_MAX: usize = 64;
const CELLS_MAX: usize = ITEMS_MAX * 12;

/// What is known if the budget does not suffice: the least number of interruptions, if even that.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unproved(pub(super) Option<usize>);

/// The best placement.
pub(super) fn best(problem: &Problem, budget: &mut Budget) -> Result<Found, Unproved> {
    let items = problem.items.len();
    let cells = items * problem.bins.len();
    if items > ITEMS_MAX || cells > CELLS_MAX || budget.nodes == 0 {
        return Err(Unproved(None));
    }
    let steps = if cells <= ONE_MAX {
        ONE
    } else if cells <= FEW_MAX {
        FEW
    } else {
        ALL
    };
    best_by(problem, budget, steps)
}

/// The best placement, by the views of `steps`.
pub(super) fn best_by(
    problem: &Problem,
    budget: &mut Budget,
    steps: &'static [Step],
) -> Result<Found, Unproved> {
    let ground = Ground::new(problem).ok_or(Unproved(None))?;
    let mut search = Search {
        ground,
        steps,
        views: Vec::new(),
        memos: Vec::new(),
        prices: None,
        nodes: budget.nodes,
        is_out: false,
    };
    let found = search.run();
    budget.nodes = if search.is_out { 0 } else { search.nodes };
    found
}

/// What a state costs from some bin on.
#[derive(Clone, Copy)]
struct Memo {
    least: Code,
    is_exact: bool,
}

type Memos = BTreeMap<Box<[u16]>, Memo>;

pub(super) struct Search<'p> {
    pub(super) ground: Ground<'p>,
    steps: &'static [Step],
    /// From coarse to fine, as far as they are needed yet.
    pub(super) views: Vec<View>,
    /// What each view has found out, at each bin.
    memos: Vec<Vec<Memos>>,
    prices: Option<Prices>,
    pub(super) nodes: usize,
    pub(super) is_out: bool,
}

/// A view, and those by which it is bounded.
pub(super) type Step = (Detail, &'static [usize]);

const fn detail(groups: Groups, writes: bool) -> Detail {
    Detail { groups, writes }
}

/// The views of tiny problems, of small ones and of others; the finest comes last.
pub(super) const ONE: &[Step] = &[(detail(Groups::Named, true), &[])];
pub(super) const FEW: &[Step] = &[
    (detail(Groups::Ignored, false), &[]),
    (detail(Groups::Named, true), &[0]),
];
pub(super) const ALL: &[Step] = &[
    (detail(Groups::Ignored, false), &[]),
    (detail(Groups::Alike, false), &[0]),
    (detail(Groups::Named, false), &[1]),
    (detail(Groups::Ignored, true), &[0]),
    (detail(Groups::Named, true), &[2, 3]),
];
const GROUPS: usize = 2;

/// Up to so many items times bins one view is enough, or few are.
const ONE_MAX: usize = 10;
const FEW_MAX: usize = 24;

/// What it takes to try one price, in nodes.
const NODES_PER_TRY: usize = 3;

/// How often the limit is raised to the next possible cost before it is raised further.
const ROUNDS_MAX: u32 = 4;

impl Search<'_> {
    fn run(&mut self) -> Result<Found, Unproved> {
        self.add();
        let (counts, waits) = self.solve(0).ok_or(Unproved(None))?;
        let counts = counts + waits;
        let scale = &self.ground.scale;
        let least = usize::try_from(counts / scale.interruptions % scale.interruptions_radix).unwrap_or(0);
        let unproved = Unproved(Some(least));
        if self.steps.len() > 1 && self.settle_who_waits(counts) {
            self.views.clear();
            self.memos.clear();
            self.add();
            self.solve(0).ok_or(unproved)?;
        }
        let mut value = counts - waits;
        for view in 1..self.steps.len() {
            self.add();
            if view == 1 && self.steps.len() > 2 {
                self.find_prices();
            }
            (value, _) = self.solve(view).ok_or(unproved)?;
        }
        let placed = self.extract(value).ok_or(unproved)?;
        Ok(Found {
            placed,
            is_best: true,
            interruptions: least,
            least_interruptions: least,
        })
    }

    /// Adds the next view.
    fn add(&mut self) {
        let (detail, _) = self.steps[self.views.len()];
        self.views.push(View::new(&self.ground, detail));
        self.memos.push(vec![BTreeMap::new(); self.ground.bins.len()]);
    }

    /// By what is lost at least: all of a level wait, or nobody, or it is not said who. Whether that changes anything.
    fn settle_who_waits(&mut self, counts: Code) -> bool {
        let ground = &mut self.ground;
        for (item, one) in ground.problem.items.iter().enumerate() {
            let level = ground.problem.level(one.priority);
            let radix = ground.scale.lost_radix[level];
            let lost = counts / ground.scale.lost[level] % radix;
            if lost == 0 {
                ground.waits[item] = Some(NEVER);
            } else if lost + 1 == radix {
                ground.waits[item] = None;
            }
        }
        ground.scale.lost.len() > 1
    }

    /// The least cost in a view, and what it costs besides that some have nowhere to go.
    fn solve(&mut self, view: usize) -> Option<(Code, Code)> {
        let items: Vec<usize> = self.placeable();
        let (root, waits) = self.views[view].state(&self.ground, 0, &items);
        let first = self.least(view, 0, &root, NEVER - 1);
        let mut limit = if view == 0 { NEVER - 1 } else { first };
        for round in 0.. {
            let value = self.value(view, 0, &root, limit);
            if self.is_out || value >= NEVER {
                return None;
            }
            if value <= limit {
                return Some((value, waits));
            }
            limit = value;
            if round >= ROUNDS_MAX && self.views[view].detail.writes {
                limit += value - first;
            }
        }
        None
    }

    /// Prices by which pairs are bounded, with as many joining each bin as may in a placement that is best in what comes before
    /// pairs.
    fn find_prices(&mut self) {
        let bins = self.ground.bins.len();
        let items = self.placeable();
        let above = self.ground.scale.above_pairs;
        let mut loads: Vec<Vec<usize>> = Vec::with_capacity(bins);
        let (root, _) = self.views[0].state(&self.ground, 0, &items);
        let mut states: BTreeSet<Vec<u16>> = [root].into();
        for at in 0..bins {
            let mut joins: BTreeSet<usize> = BTreeSet::new();
            let mut next: BTreeSet<Vec<u16>> = BTreeSet::new();
            for state in states {
                if state.is_empty() {
                    joins.insert(0);
                    next.insert(state);
                    continue;
                }
                let value = self.value(0, at, &state, NEVER - 1) / above;
                for child in self.children(0, at, &state, (value + 1) * above - 1, false).0 {
                    if child.cost / above + self.value(0, at + 1, &child.state, NEVER - 1) / above == value {
                        joins.insert(child.joins);
                        next.insert(child.state);
                    }
                }
            }
            loads.push(joins.into_iter().collect());
            states = next;
        }
        if self.is_out {
            return;
        }
        let (root, waits) = self.views[1].state(&self.ground, 0, &items);
        let sizes: Vec<Size> = root.iter().map(|block| self.views[1].size(0, *block)).collect();
        let (counts, _) = self.views[0].state(&self.ground, 0, &items);
        let lost = self.value(0, 0, &counts, NEVER - 1);
        let waits = self.ground.scale.all_lost(lost + waits);
        let prices = Prices::new(&self.ground, loads, &sizes, waits);
        self.nodes = self.nodes.saturating_sub(prices.tries * NODES_PER_TRY);
        self.is_out |= self.nodes == 0;
        self.prices = Some(prices);
    }

    pub(super) fn finest(&self) -> usize {
        self.steps.len() - 1
    }

    pub(super) fn placeable(&self) -> Vec<usize> {
        let mut items: Vec<usize> = (0..self.ground.waits.len())
            .filter(|item| self.ground.waits[*item].is_some())
            .collect();
        items.sort_by_key(|item| self.ground.problem.order(*item));
        items
    }

    /// What `state` costs from the bin at `at` on: exactly if it is at most `limit`, otherwise at least.
    pub(super) fn value(&mut self, view: usize, at: usize, state: &[u16], limit: Code) -> Code {
        if state.is_empty() {
            return self.views[view].layers[at].idle;
        }
        if view == GROUPS && self.steps.len() > GROUPS && !self.views[view].layers[at].has_homes {
            // From here on it sees what the coarser one sees.
            let (coarse, fine) = self.views.split_at_mut(view);
            let seen = fine[0].state_in(&mut coarse[view - 1], at, state);
            return self.value(view - 1, at, &seen, limit);
        }
        if let Some(memo) = self.memos[view][at].get(state)
            && (memo.is_exact || memo.least > limit)
        {
            return memo.least;
        }
        let least = self.least(view, at, state, limit);
        let memo = if least > limit {
            Memo {
                least,
                is_exact: false,
            }
        } else {
            self.branch(view, at, state, limit, least)
        };
        if self.is_out {
            return NEVER;
        }
        self.memos[view][at].insert(state.into(), memo);
        memo.least
    }

    fn branch(&mut self, view: usize, at: usize, state: &[u16], limit: Code, least: Code) -> Memo {
        let (children, mut other) = self.children(view, at, state, limit, true);
        let mut best = NEVER;
        for child in children {
            let allowed = limit.min(best - 1);
            if child.least > allowed {
                other = other.min(child.least);
                continue;
            }
            let value = child.cost + self.value(view, at + 1, &child.state, allowed - child.cost);
            if value <= allowed {
                best = value;
            } else {
                other = other.min(value);
            }
            if self.is_out || best <= least {
                break;
            }
        }
        if best <= limit {
            Memo {
                least: best,
                is_exact: true,
            }
        } else {
            Memo {
                least: other.max(least),
                is_exact: false,
            }
        }
    }

    /// At least so much a state costs by the coarser views' word.
    fn least(&mut self, view: usize, at: usize, state: &[u16], limit: Code) -> Code {
        if state.is_empty() {
            return self.views[view].layers[at].idle;
        }
        let mut least = 0;
        for coarser in self.steps[view].1 {
            let (coarse, fine) = self.views.split_at_mut(view);
            let seen = fine[0].state_in(&mut coarse[*coarser], at, state);
            if least == 0 {
                let limit = if *coarser == 0 { NEVER - 1 } else { limit };
                least = self.value(*coarser, at, &seen, limit);
            } else {
                let (above, pairs) = (self.ground.scale.above_pairs, self.ground.scale.pairs);
                if least / pairs < limit / pairs {
                    continue;
                }
                let allowed = limit / above * above + limit % pairs;
                let rest = self.value(*coarser, at, &seen, allowed);
                least = if least / above == rest / above {
                    least - least % pairs + (least % pairs).max(rest % pairs)
                } else {
                    least.max(rest)
                };
            }
            if let (1, Some(prices)) = (view, &self.prices) {
                let sizes: Vec<Size> = state
                    .iter()
                    .map(|block| self.views[view].size(at, *block))
                    .collect();
                least += self.ground.scale.pairs
                    * code(prices.pairs(at, &sizes, self.ground.scale.all_lost(least)));
            }
            if least > limit {
                break;
            }
        }
        least
    }

    /// All that may follow, and the least cost of what costs more than `limit`.
    fn children(
        &mut self,
        view: usize,
        at: usize,
        state: &[u16],
        limit: Code,
        may_force: bool,
    ) -> (Vec<Child>, Code) {
        let blocks: Vec<(u16, usize)> = state
            .chunk_by(|a, b| a == b)
            .map(|same| (same[0], same.len()))
            .collect();
        let forced = if may_force {
            self.forced(view, at, &blocks)
        } else {
            None
        };
        let mut entries = Vec::with_capacity(blocks.len());
        for (block, times) in blocks {
            let takes = self.views[view].takes(&self.ground, at, block);
            entries.push(Entry {
                takes,
                times,
                tag: self.views[view].tag(at, block),
                is_forced: forced == Some(block),
            });
        }
        let layers = &self.views[view].layers;
        self.is_out |= layers[at].is_full || layers[at + 1].is_full;
        let mut ways = Ways {
            ground: &self.ground,
            view: &self.views[view],
            at,
            entries: &entries,
            limit,
            nodes: if self.is_out { 0 } else { self.nodes },
            chosen: Vec::new(),
            rest: Vec::new(),
            children: Vec::new(),
            other: NEVER,
        };
        let room = self.ground.problem.bins[layers[at].bin].free.len();
        ways.extend(0, 0, usize::MAX, room);
        let (mut children, other) = (ways.children, ways.other);
        self.nodes = ways.nodes;
        self.is_out |= self.nodes == 0;
        if self.is_out {
            return (Vec::new(), other);
        }
        // To look one up takes as long as to find it.
        self.nodes = self.nodes.saturating_sub(children.len());
        for child in &mut children {
            self.look_up(view, at + 1, child);
        }
        children.sort_by_key(|child| (!child.is_known, child.least, child.cost));
        (children, other)
    }

    /// What is known of a child already, by this view or by that which bounds it.
    fn look_up(&mut self, view: usize, at: usize, child: &mut Child) {
        let of_view = |memos: &[Vec<Memos>], view: usize, state: &[u16]| {
            memos[view].get(at).and_then(|memo| memo.get(state)).copied()
        };
        let mut known = of_view(&self.memos, view, &child.state);
        if let (None, Some(coarser)) = (known, self.steps[view].1.first()) {
            let (coarse, fine) = self.views.split_at_mut(view);
            let seen = fine[0].state_in(&mut coarse[*coarser], at, &child.state);
            known = of_view(&self.memos, *coarser, &seen);
        }
        if let Some(memo) = known {
            child.least = child.cost + memo.least;
            child.is_known = memo.is_exact;
        }
    }

    /// Where nothing tells the bins apart that are left, the largest block with somebody who must not wait gives one to the
    /// first of them.
    fn forced(&mut self, view: usize, at: usize, blocks: &[(u16, usize)]) -> Option<u16> {
        if !self.views[view].layers[at].is_last_run {
            return None;
        }
        let has_must = |search: &mut Self, block: u16| {
            let takes = search.views[view].takes(&search.ground, at, block);
            takes.iter().any(|take| take.has_must)
        };
        let mut largest: Option<(usize, u16)> = None;
        for (block, _) in blocks {
            let size = self.views[view].size(at, *block).all;
            if largest.is_none_or(|(most, _)| size > most) && has_must(self, *block) {
                largest = Some((size, *block));
            }
        }
        largest.map(|(_, block)| block)
    }
}
