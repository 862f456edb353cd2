//! The best placement of a small pool, with a proof.
//!
//! Bins are decided one after the other; for each [state](super::view::State) the least cost from there on is remembered. A branch
//! is cut as soon as it costs more than the limit, by the bound of a coarser [`View`]; the limit grows from the least possible
//! cost until a placement is found, which is then the best.
//!
//! Of equal placements the first is taken: by bin, in the order of [`Instance::bins`], the one that takes the item which comes first.
//! Carried-out steps do not enter this order, and each step makes the planned placement cheaper by at least as much as any other,
//! so carrying a plan out does not change it.

use super::cost::{Code, Detail, NEVER};
use super::instance::{ITEMS_MAX, Instance, Set, members, set};
use super::problem::{Placed, Problem};
use super::view::{Memo, View};
use super::ways::{Ask, Way, Ways};
use super::{Budget, Found};

/// Larger problems are not searched at all: the budget would end before the search has left its first corner.
const CELLS_MAX: usize = ITEMS_MAX * 12;

/// What is known if the budget does not suffice: the least number of interruptions, if even that.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unproved(pub(super) Option<usize>);

/// The best placement.
pub(super) fn best(problem: &Problem, budget: &mut Budget) -> Result<Found, Unproved> {
    let items = problem.items.len();
    if items > ITEMS_MAX || items * problem.bins.len() > CELLS_MAX || budget.nodes == 0 {
        return Err(Unproved(None));
    }
    let mut search = Search {
        instance: Instance::new(problem).ok_or(Unproved(None))?,
        views: Vec::new(),
        nodes: budget.nodes,
    };
    let found = search.run();
    budget.nodes = search.nodes;
    found
}

/// The views, from coarse to fine.
const COUNTS: usize = 0;
const GROUPS: usize = 1;
const WRITES: usize = 2;
const ALL: usize = 3;
const VIEWS: [Detail; 4] = [
    detail(false, false),
    detail(true, false),
    detail(false, true),
    detail(true, true),
];

const fn detail(groups: bool, writes: bool) -> Detail {
    Detail { groups, writes }
}

struct Search<'p> {
    instance: Instance<'p>,
    views: Vec<View>,
    /// What is left of the budget.
    nodes: usize,
}

impl Search<'_> {
    fn run(&mut self) -> Result<Found, Unproved> {
        let all = set(0..self.instance.items.len());
        let items = all & self.instance.reach[0];
        self.views.push(View::new(&self.instance, VIEWS[COUNTS]));
        let counts = self.solve(COUNTS, items).ok_or(Unproved(None))?;
        let counts = counts + self.instance.lost(all & !items);
        let interruptions = self.instance.scale.interruptions(counts);
        let unproved = Unproved(Some(interruptions));
        let items = self.settle_waiting(items, counts);
        self.views = VIEWS.map(|detail| View::new(&self.instance, detail)).into();
        self.solve(GROUPS, items).ok_or(unproved)?;
        let value = self.solve(ALL, items).ok_or(unproved)?;
        let placed = self.first(items, value).ok_or(unproved)?;
        Ok(Found {
            placed,
            is_best: true,
            interruptions,
            least_interruptions: interruptions,
        })
    }

    /// By the least loss: of a level no item waits, or all do, or it stays open which. Returns the items to place.
    fn settle_waiting(&mut self, items: Set, counts: Code) -> Set {
        let mut left = items;
        for item in members(items) {
            let problem = self.instance.problem;
            let level = problem.level(problem.items[self.instance.items[item]].priority);
            let (lost, all) = self.instance.scale.lost(counts, level);
            if lost == 0 {
                self.instance.waits[item] = NEVER;
            } else if lost == all {
                left &= !(1 << item);
            }
        }
        left
    }

    /// The least cost of placing `items`, as far as a view sees it.
    fn solve(&mut self, view: usize, items: Set) -> Option<Code> {
        let mut limit = match view {
            COUNTS => NEVER - 1,
            _ => self.bound(view, 0, items, NEVER - 1),
        };
        loop {
            let value = self.value(view, 0, items, limit);
            if self.nodes == 0 || value >= NEVER {
                return None;
            }
            if value <= limit {
                return Some(value);
            }
            limit = value;
        }
    }

    /// What placing `items` in the bins from the one at `at` on costs: exactly if it is at most `limit`, otherwise at least.
    fn value(&mut self, view: usize, at: usize, items: Set, limit: Code) -> Code {
        if items == 0 {
            return self.views[view].layers[at].idle;
        }
        let state = self.views[view].state(at, items);
        if let Some(memo) = self.views[view].layers[at].memos.get(&state)
            && (memo.is_exact || memo.least > limit)
        {
            return memo.least;
        }
        let bound = self.bound(view, at, items, limit);
        let memo = if bound > limit {
            Memo {
                least: bound,
                is_exact: false,
            }
        } else {
            self.branch(view, at, items, limit, bound)
        };
        if self.nodes > 0 {
            self.views[view].layers[at].memos.insert(state, memo);
        }
        memo.least
    }

    /// At least so much that costs by the coarser views' word.
    fn bound(&mut self, view: usize, at: usize, items: Set, limit: Code) -> Code {
        match view {
            COUNTS => 0,
            GROUPS | WRITES => self.value(COUNTS, at, items, NEVER - 1),
            _ => {
                let groups = self.value(GROUPS, at, items, limit);
                let scale = &self.instance.scale;
                if groups > limit || !scale.are_as_good_up_to_pairs(groups, limit) {
                    return groups;
                }
                let allowed = scale.without_pairs(limit);
                let writes = self.value(WRITES, at, items, allowed);
                self.instance.scale.combine(groups, writes)
            }
        }
    }

    /// The best way to fill the bin at `at`.
    fn branch(&mut self, view: usize, at: usize, items: Set, limit: Code, bound: Code) -> Memo {
        let ask = Ask {
            at,
            items,
            limit,
            is_lazy: true,
        };
        let ways = Ways::find(&self.instance, &self.views[view], ask, self.nodes);
        let (mut found, mut other) = (ways.found, ways.other);
        self.nodes = ways.nodes;
        found.sort_by_key(|way| way.cost);
        let mut best = NEVER;
        for way in found {
            let allowed = limit.min(best - 1);
            if way.cost > allowed {
                break;
            }
            let value = way.cost + self.value(view, at + 1, way.rest, allowed - way.cost);
            if value <= allowed {
                best = value;
            } else {
                other = other.min(value);
            }
            if self.nodes == 0 || best <= bound {
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
                least: other.max(bound),
                is_exact: false,
            }
        }
    }

    /// The first of the placements that cost `value`.
    fn first(&mut self, items: Set, value: Code) -> Option<Placed> {
        let mut placed = vec![None; self.instance.items.len()];
        let (mut items, mut left) = (items, value);
        for at in 0..self.instance.bins.len() {
            let ask = Ask {
                at,
                items,
                limit: left,
                is_lazy: false,
            };
            let ways = Ways::find(&self.instance, &self.views[ALL], ask, self.nodes);
            let (found, nodes) = (ways.found, ways.nodes);
            self.nodes = nodes;
            let is_best = |way: &Way| self.value(ALL, at + 1, way.rest, left - way.cost) <= left - way.cost;
            let way = found.into_iter().find(is_best)?;
            for item in members(way.chosen) {
                placed[self.instance.items[item]] = Some(self.instance.bins[at]);
            }
            (items, left) = (way.rest, left - way.cost);
        }
        (self.nodes > 0).then_some(placed)
    }
}
