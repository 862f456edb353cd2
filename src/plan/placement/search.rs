//! The best placement of a small pool, with a proof.
//!
//! Bins are decided one after the other, and of each state (what is left to place) it is remembered what it costs at least
//! from there on. A branch is cut as soon as it costs more than allowed by a coarser [`View`]'s word; what is allowed grows
//! from the least cost that is possible until a placement is found, which is then the best.
//!
//! Of equal placements the first is chosen: by bin, occupied ones first and then in their order, the one that takes the item
//! which comes first by priority and order. What has been carried out of a plan has no part in that, and each step makes the
//! planned placement cheaper by at least as much as any other, so carrying a plan out does not change it.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::bound::{Code, NEVER, Prices, code};
use super::problem::{Placed, Problem};
use super::view::{Detail, GONE, Ground, Groups, Load, Size, Take, View};
use super::{Budget, Found};

/// Larger problems are not searched at all: the budget would end before the search has left its first corner.
const ITEMS_MAX: usize = 64;
const CELLS_MAX: usize = ITEMS_MAX * 12;

/// What is known if the budget does not suffice: the least number of interruptions, if even that.
pub(super) struct Unproved(pub(super) Option<usize>);

/// The best placement.
pub(super) fn best(problem: &Problem, budget: &mut Budget) -> Result<Found, Unproved> {
    let items = problem.items.len();
    let ground = match Ground::new(problem) {
        Some(ground) if items <= ITEMS_MAX && items * problem.bins.len() <= CELLS_MAX => ground,
        _ => return Err(Unproved(None)),
    };
    let mut search = Search {
        ground,
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

struct Search<'p> {
    ground: Ground<'p>,
    /// From coarse to fine; see [`COARSER`].
    views: Vec<View>,
    /// What each view has found out, at each bin.
    memos: Vec<Vec<BTreeMap<Box<[u16]>, Memo>>>,
    prices: Option<Prices>,
    nodes: usize,
    is_out: bool,
}

/// The views by which each is bounded.
const COARSER: [&[usize]; 5] = [&[], &[0], &[1], &[0], &[2, 3]];
const GROUPS: usize = 2;
const FINEST: usize = 4;

/// The views after the first.
const DETAILS: [Detail; 4] = [
    Detail {
        groups: Groups::Alike,
        writes: false,
    },
    Detail {
        groups: Groups::Named,
        writes: false,
    },
    Detail {
        groups: Groups::Ignored,
        writes: true,
    },
    Detail {
        groups: Groups::Named,
        writes: true,
    },
];

const COUNTS: Detail = Detail {
    groups: Groups::Ignored,
    writes: false,
};

/// How often the limit is raised to the next possible cost before it is raised further.
const ROUNDS_MAX: u32 = 4;

/// What is left after a bin, and what that bin cost.
struct Child {
    cost: Code,
    /// What the whole costs at least.
    least: Code,
    /// Whether that is exact, at least by the word of the view that bounds this one.
    is_known: bool,
    joins: usize,
    state: Vec<u16>,
}

impl Search<'_> {
    fn run(&mut self) -> Result<Found, Unproved> {
        self.add(COUNTS);
        let (counts, waits) = self.solve(0).ok_or(Unproved(None))?;
        let counts = counts + waits;
        let scale = &self.ground.scale;
        let least = usize::try_from(counts / scale.interruptions % scale.interruptions_radix).unwrap_or(0);
        if self.settle_who_waits(counts) {
            self.views.clear();
            self.memos.clear();
            self.add(COUNTS);
        }
        let mut value = 0;
        for detail in DETAILS {
            self.add(detail);
        }
        self.solve(0).ok_or(Unproved(Some(least)))?;
        self.find_prices();
        for view in 1..self.views.len() {
            (value, _) = self.solve(view).ok_or(Unproved(Some(least)))?;
        }
        let placed = self.extract(value).ok_or(Unproved(Some(least)))?;
        Ok(Found {
            placed,
            is_best: true,
            interruptions: least,
            least_interruptions: least,
        })
    }

    fn add(&mut self, detail: Detail) {
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
        self.prices = Some(Prices::new(&self.ground, loads, &sizes, waits));
    }

    fn placeable(&self) -> Vec<usize> {
        let mut items: Vec<usize> = (0..self.ground.waits.len())
            .filter(|item| self.ground.waits[*item].is_some())
            .collect();
        items.sort_by_key(|item| self.ground.problem.order(*item));
        items
    }

    /// What `state` costs from the bin at `at` on: exactly if it is at most `limit`, otherwise at least.
    fn value(&mut self, view: usize, at: usize, state: &[u16], limit: Code) -> Code {
        if state.is_empty() {
            return self.views[view].layers[at].idle;
        }
        if view == GROUPS && !self.views[view].layers[at].has_homes {
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
        for coarser in COARSER[view] {
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
        for child in &mut children {
            self.look_up(view, at + 1, child);
        }
        children.sort_by(|a, b| (!a.is_known, a.least, a.cost).cmp(&(!b.is_known, b.least, b.cost)));
        (children, other)
    }

    /// What is known of a child already, by this view or by that which bounds it.
    fn look_up(&mut self, view: usize, at: usize, child: &mut Child) {
        let of_view = |memos: &Vec<Vec<BTreeMap<Box<[u16]>, Memo>>>, view: usize, state: &[u16]| {
            memos[view].get(at).and_then(|memo| memo.get(state)).copied()
        };
        let mut known = of_view(&self.memos, view, &child.state);
        if let (None, Some(coarser)) = (known, COARSER[view].first()) {
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

/// Equal blocks of a state.
struct Entry {
    takes: Rc<[Take]>,
    times: usize,
    tag: u16,
    is_forced: bool,
}

/// All ways to fill a bin from a state.
struct Ways<'s> {
    ground: &'s Ground<'s>,
    view: &'s View,
    at: usize,
    entries: &'s [Entry],
    limit: Code,
    nodes: usize,
    /// What is taken, by entry.
    chosen: Vec<(usize, usize)>,
    /// What is left of the blocks before, by the next layer's numbers, and what those cost who have nowhere to go.
    rest: Vec<(u16, Code)>,
    children: Vec<Child>,
    /// The least cost above the limit.
    other: Code,
}

impl Ways<'_> {
    /// Goes on with the `copy`th block of an entry, of which the take numbered `most` at most is taken: the copies are alike.
    fn extend(&mut self, entry: usize, copy: usize, most: usize, room: usize) {
        if self.nodes == 0 {
            return;
        }
        let Some(now) = self.entries.get(entry) else {
            self.nodes -= 1;
            self.close();
            return;
        };
        if copy == now.times {
            return self.extend(entry + 1, 0, usize::MAX, room);
        }
        for number in (0..now.takes.len().min(most.saturating_add(1))).rev() {
            let take = &now.takes[number];
            if take.joins > room {
                continue;
            }
            self.rest.push((take.next, take.waits));
            if number > 0 {
                self.chosen.push((entry, number));
            }
            self.extend(entry, copy + 1, number, room - take.joins);
            if number > 0 {
                self.chosen.pop();
            }
            self.rest.pop();
        }
    }

    fn close(&mut self) {
        let takes = || {
            self.chosen
                .iter()
                .map(|(entry, number)| (&self.entries[*entry], &self.entries[*entry].takes[*number]))
        };
        let is_forced = self.entries.iter().any(|entry| entry.is_forced);
        if is_forced && !takes().any(|(entry, take)| entry.is_forced && take.has_must) {
            return;
        }
        let layer = &self.view.layers[self.at];
        let mut load = Load {
            is_plain: true,
            ..Load::default()
        };
        let mut homes: Vec<(u16, usize)> = Vec::new();
        for (entry, take) in takes() {
            load.joins += take.joins;
            load.own += take.own;
            load.opens |= take.opens;
            load.is_plain &= take.is_plain;
            load.squares += take.joins * take.joins;
            if entry.tag != 0 {
                homes.push((entry.tag, take.joins));
            }
            load.items
                .extend(take.kinds.iter().map(|kind| layer.kinds[usize::from(*kind)].item));
        }
        load.squares += 2 * at_home(&layer.homes, &mut homes);
        if !is_possible(self.ground.problem, layer.bin, &load) {
            return;
        }
        let waits: Code = self.rest.iter().map(|(_, waits)| waits).sum();
        let cost = self.view.cost(self.ground, self.at, &load) + waits;
        if cost > self.limit {
            self.other = self.other.min(cost);
            return;
        }
        let mut state: Vec<u16> = self
            .rest
            .iter()
            .map(|(block, _)| *block)
            .filter(|block| *block != GONE)
            .collect();
        state.sort_unstable();
        self.children.push(Child {
            cost,
            least: cost,
            is_known: false,
            joins: load.joins,
            state,
        });
    }
}

/// Pairs of somebody who joins and an occupant of the same group, at most: each group has one home of its tag.
fn at_home(homes: &[(u16, usize)], joining: &mut [(u16, usize)]) -> usize {
    if homes.is_empty() || joining.is_empty() {
        return 0;
    }
    joining.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut used: Vec<usize> = Vec::new();
    let mut pairs = 0;
    for (tag, count) in joining.iter() {
        let home = (0..homes.len()).find(|home| homes[*home].0 == *tag && !used.contains(home));
        if let Some(home) = home {
            used.push(home);
            pairs += homes[home].1 * count;
        }
    }
    pairs
}

/// Whether a bin may be filled like this.
fn is_possible(problem: &Problem, bin: usize, load: &Load) -> bool {
    let is_open = load.opens || !problem.bins[bin].is_closed() || load.joins + load.own == 0;
    let pins = |item: &usize| match problem.items[*item].pin {
        super::Pinned::To(at, slot) if at == bin => Some(slot),
        _ => None,
    };
    let mut slots: Vec<usize> = Vec::new();
    if !load.is_plain {
        slots = load.items.iter().filter_map(pins).collect();
        slots.sort_unstable();
    }
    is_open && slots.windows(2).all(|pair| pair[0] != pair[1])
}

impl Search<'_> {
    /// The first of the placements that cost `value`.
    fn extract(&mut self, value: Code) -> Option<Placed> {
        let mut placed: Placed = vec![None; self.ground.problem.items.len()];
        let mut left = value;
        let mut items = self.placeable();
        for at in 0..self.ground.bins.len() {
            let layer = &self.views[FINEST].layers[at];
            items.retain(|item| layer.kind_of[*item] != GONE);
            if items.is_empty() {
                break;
            }
            let bin = layer.bin;
            let room = self.ground.problem.bins[bin].free.len();
            let mut pick = Pick {
                at,
                items: &items,
                value: left,
                chosen: Vec::new(),
                passed: Vec::new(),
            };
            let rest = self.pick(&mut pick, 0, room)?;
            let chosen = pick.chosen;
            left = rest;
            chosen.iter().for_each(|item| placed[*item] = Some(bin));
            items.retain(|item| placed[*item].is_none());
        }
        Some(placed)
    }

    /// Decides on the items from `next` on, taking them before leaving them. What is left of the value, once it is found.
    fn pick(&mut self, pick: &mut Pick<'_>, next: usize, room: usize) -> Option<Code> {
        let load = self.load(pick.at, &pick.chosen);
        let cost = self.views[FINEST].cost_of_pairs(&self.ground, pick.at, &load);
        if cost > pick.value && !pick.chosen.is_empty() || self.is_out {
            return None;
        }
        let Some(item) = pick.items.get(next).copied() else {
            return self.check(pick, &load);
        };
        let layer = &self.views[FINEST].layers[pick.at];
        let kind = layer.kind_of[item];
        let face = layer.kinds[usize::from(kind)].face;
        let group = self.ground.group_of[item];
        let mates = pick
            .items
            .iter()
            .filter(|other| self.ground.group_of[**other] == group)
            .count();
        let is_alone = mates == 1 && layer.tags[group] == 0;
        let twin = (kind, if is_alone { usize::MAX } else { group });
        if (face.own || face.joins && room > 0) && !pick.passed.contains(&twin) {
            pick.chosen.push(item);
            let found = self.pick(pick, next + 1, if face.own { room } else { room - 1 });
            if found.is_some() {
                return found;
            }
            pick.chosen.pop();
        }
        pick.passed.push(twin);
        let found = self.pick(pick, next + 1, room);
        pick.passed.pop();
        found
    }

    /// Whether a placement of that value begins with what is chosen.
    fn check(&mut self, pick: &Pick<'_>, load: &Load) -> Option<Code> {
        if !is_possible(self.ground.problem, self.ground.bins[pick.at], load) {
            return None;
        }
        let cost = self.views[FINEST].cost(&self.ground, pick.at, load);
        let rest: Vec<usize> = pick
            .items
            .iter()
            .copied()
            .filter(|item| !pick.chosen.contains(item))
            .collect();
        let (state, waits) = self.views[FINEST].state(&self.ground, pick.at + 1, &rest);
        let left = pick.value.checked_sub(cost + waits)?;
        self.nodes = self.nodes.saturating_sub(1);
        self.is_out |= self.nodes == 0;
        (self.value(FINEST, pick.at + 1, &state, left) <= left && !self.is_out).then_some(left)
    }

    fn load(&self, at: usize, chosen: &[usize]) -> Load {
        let layer = &self.views[FINEST].layers[at];
        let mut load = Load {
            is_plain: true,
            ..Load::default()
        };
        let mut groups: Vec<(usize, usize)> = Vec::new();
        for item in chosen {
            let face = layer.kinds[usize::from(layer.kind_of[*item])].face;
            load.joins += usize::from(face.joins);
            load.own += usize::from(face.own);
            load.opens |= face.opens;
            load.is_plain &= face.is_plain();
            load.items.push(*item);
            if face.joins {
                super::problem::join(&mut groups, self.ground.group_of[*item]);
            }
        }
        let mut homes: Vec<(u16, usize)> = groups
            .iter()
            .map(|(group, count)| (layer.tags[*group], *count))
            .collect();
        homes.retain(|(tag, _)| *tag != 0);
        load.squares = groups.iter().map(|(_, count)| count * count).sum();
        load.squares += 2 * at_home(&layer.homes, &mut homes);
        load
    }
}

/// The choice of who is put into a bin.
struct Pick<'s> {
    at: usize,
    items: &'s [usize],
    value: Code,
    chosen: Vec<usize>,
    /// Those left, so that nobody who is alike is taken instead.
    passed: Vec<(u16, usize)>,
}
