//! All ways to fill one bin.

use super::cost::{Code, NEVER};
use super::instance::{Face, Instance, Set, members, set};
use super::view::{Block, View};

/// The items put into a bin; and the cost of that and of the items that have no bin left afterwards.
pub(super) struct Way {
    pub(super) cost: Code,
    pub(super) chosen: Set,
    /// Items still to be placed.
    pub(super) rest: Set,
}

/// The ways to fill a bin, in the order of equal placements: the item that comes first is taken before it is left.
///
/// Of ways that differ only by indistinguishable items there is one, the first of them.
pub(super) struct Ways<'s> {
    instance: &'s Instance<'s>,
    view: &'s View,
    ask: Ask,
    /// Items that may be put here.
    candidates: Vec<Candidate>,
    /// One of these is put here, if there are any.
    forced: Set,
    /// What is left of the budget.
    pub(super) nodes: usize,
    /// The ways that cost no more than the limit.
    pub(super) found: Vec<Way>,
    /// The least cost of the others.
    pub(super) other: Code,
}

struct Candidate {
    item: usize,
    face: Face,
    /// Taken only if all of these are.
    after: Set,
    /// Of the same kind, in groups of which as much is left: taken only if these are, or others of one of the two groups.
    alike: Set,
}

/// The bin to fill, the items for it, and which ways are asked for.
#[derive(Clone, Copy)]
pub(super) struct Ask {
    pub(super) at: usize,
    /// Items to be placed here or later.
    pub(super) items: Set,
    /// Ways that cost more are of no use.
    pub(super) limit: Code,
    /// Whether ways are left out that are no better than another.
    pub(super) is_lazy: bool,
}

impl<'s> Ways<'s> {
    /// Looks for ways as long as there are `nodes`.
    pub(super) fn find(instance: &'s Instance<'s>, view: &'s View, ask: Ask, nodes: usize) -> Self {
        let mut ways = Self {
            instance,
            view,
            ask,
            candidates: Vec::new(),
            forced: 0,
            nodes,
            found: Vec::new(),
            other: NEVER,
        };
        let blocks = view.blocks(ask.at, ask.items);
        let room = instance.problem.bins[instance.bins[ask.at]].free.len();
        ways.add_candidates(&blocks);
        let largest = ways.force(&blocks);
        match ways.whole(largest, room) {
            Some(whole) => ways.close(whole),
            None => ways.extend(0, room, 0),
        }
        ways
    }

    fn add_candidates(&mut self, blocks: &[Block]) {
        let (layer, group_of) = (&self.view.layers[self.ask.at], &self.view.group_of);
        for item in members(self.ask.items) {
            let face = self.instance.face(item, self.ask.at, self.view.detail);
            if !face.is_of_use() {
                continue;
            }
            let before = || self.candidates.iter().map(|other| other.item);
            let same = || before().filter(|other| layer.kinds[*other] == layer.kinds[item]);
            let is_mate = |other: &usize| group_of[*other] == group_of[item];
            let block = |item: usize| blocks[group_of[item]];
            let mut after = set(same().filter(is_mate));
            if self.ask.is_lazy {
                after |= layer.first[item] & set(before());
            }
            let alike = set(same().filter(|other| !is_mate(other) && block(*other) == block(item)));
            self.candidates.push(Candidate {
                item,
                face,
                after,
                alike,
            });
        }
    }

    /// Where the bins left are indistinguishable, an item of the largest group that must not wait goes to the first of
    /// them. Returns the items of that group that must not wait.
    fn force(&mut self, blocks: &[Block]) -> Set {
        if !self.ask.is_lazy || !self.view.layers[self.ask.at].is_uniform {
            return 0;
        }
        let must_not_wait = |item: &usize| self.instance.waits[*item] >= NEVER;
        let must = set(members(self.ask.items).filter(must_not_wait));
        let groups = || (0..blocks.len()).filter(|group| self.view.groups[*group] & must != 0);
        let size = |group: &usize| (self.view.groups[*group] & self.ask.items).count_ones();
        let Some(largest) = groups().max_by_key(size) else {
            return 0;
        };
        let alike = groups().filter(|group| blocks[*group] == blocks[largest]);
        self.forced = alike.fold(0, |all, group| all | self.view.groups[group] & must);
        self.view.groups[largest] & must
    }

    /// A group that fills an empty bin takes one, where the bins left are indistinguishable: gathered there, it parts no
    /// groups but those that its members part now. For the criteria after sharing that need not be best.
    fn whole(&self, group: Set, room: usize) -> Option<Set> {
        let bin = &self.instance.problem.bins[self.instance.bins[self.ask.at]];
        let detail = self.view.detail;
        let is_empty = bin.occupants.is_empty() && !bin.is_closed() && room > 0;
        let suffices = group.count_ones() as usize >= room;
        (is_empty && suffices && detail.groups && !detail.writes).then(|| set(members(group).take(room)))
    }

    /// Adds to those chosen one of the candidates from `from` on, in all ways, and at last none.
    fn extend(&mut self, from: usize, room: usize, chosen: Set) {
        for next in from..self.candidates.len() {
            let one = &self.candidates[next];
            let is_in_turn = one.after & !chosen == 0 && !self.is_passed(one, chosen);
            let needs = usize::from(!one.face.own);
            if self.nodes == 0 || !is_in_turn || needs > room || self.is_pin_taken(one, chosen) {
                continue;
            }
            let chosen = chosen | 1 << one.item;
            self.extend(next + 1, room - needs, chosen);
        }
        self.close(chosen);
    }

    /// Whether it would take the place of one that was left.
    fn is_passed(&self, one: &Candidate, chosen: Set) -> bool {
        let is_untouched = |item: usize| self.view.groups[self.view.group_of[item]] & chosen == 0;
        one.alike != 0 && is_untouched(one.item) && members(one.alike & !chosen).any(is_untouched)
    }

    fn is_pin_taken(&self, one: &Candidate, chosen: Set) -> bool {
        let is_chosen = |other: &&Candidate| chosen & 1 << other.item != 0;
        one.face.pin.is_some()
            && self
                .candidates
                .iter()
                .filter(is_chosen)
                .any(|other| other.face.pin == one.face.pin)
    }

    fn close(&mut self, chosen: Set) {
        self.nodes = self.nodes.saturating_sub(1);
        let (instance, layer) = (self.instance, &self.view.layers[self.ask.at]);
        let bin = instance.bins[self.ask.at];
        let left = self.ask.items & !chosen;
        let is_late = self.ask.is_lazy && members(chosen).any(|item| layer.first[item] & left != 0);
        let opens = |item: usize| instance.problem.opens(instance.items[item], bin);
        let is_open = || !instance.problem.bins[bin].is_closed() || members(chosen).any(opens);
        if is_late || self.forced != 0 && self.forced & chosen == 0 || chosen != 0 && !is_open() {
            return;
        }
        let rest = left & instance.reach[self.ask.at + 1];
        let cost = instance.cost(self.ask.at, chosen, self.view.detail) + instance.lost(left & !rest);
        if cost > self.ask.limit {
            self.other = self.other.min(cost);
        } else {
            self.found.push(Way { cost, chosen, rest });
        }
    }
}
