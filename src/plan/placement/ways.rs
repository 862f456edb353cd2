//! All ways to fill one bin from a state.

use std::rc::Rc;

use super::bound::Code;
use super::kinds::{GONE, Ground};
use super::problem::{Pinned, Problem};
use super::view::{Load, Take, View};

/// What is left after a bin, and what that bin cost.
pub(super) struct Child {
    pub(super) cost: Code,
    /// What the whole costs at least.
    pub(super) least: Code,
    /// Whether that is exact, at least by the word of the view that bounds this one.
    pub(super) is_known: bool,
    pub(super) joins: usize,
    pub(super) state: Vec<u16>,
}

/// Equal blocks of a state.
pub(super) struct Entry {
    pub(super) takes: Rc<[Take]>,
    pub(super) times: usize,
    pub(super) tag: u16,
    pub(super) is_forced: bool,
}

/// All ways to fill a bin from a state.
pub(super) struct Ways<'s> {
    pub(super) ground: &'s Ground<'s>,
    pub(super) view: &'s View,
    pub(super) at: usize,
    pub(super) entries: &'s [Entry],
    pub(super) limit: Code,
    pub(super) nodes: usize,
    /// What is taken, by entry.
    pub(super) chosen: Vec<(usize, usize)>,
    /// What is left of the blocks before, by the next layer's numbers, and what those cost who have nowhere to go.
    pub(super) rest: Vec<(u16, Code)>,
    pub(super) children: Vec<Child>,
    /// The least cost above the limit.
    pub(super) other: Code,
}

impl Ways<'_> {
    /// Goes on with the `copy`th block of an entry, of which the take numbered `most` at most is taken: the copies are alike.
    pub(super) fn extend(&mut self, entry: usize, copy: usize, most: usize, room: usize) {
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
pub(super) fn at_home(homes: &[(u16, usize)], joining: &mut [(u16, usize)]) -> usize {
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
pub(super) fn is_possible(problem: &Problem, bin: usize, load: &Load) -> bool {
    let is_open = load.opens || !problem.bins[bin].is_closed() || load.joins + load.own == 0;
    let pins = |item: &usize| match problem.items[*item].pin {
        Pinned::To(at, slot) if at == bin => Some(slot),
        _ => None,
    };
    let mut slots: Vec<usize> = Vec::new();
    if !load.is_plain {
        slots = load.items.iter().filter_map(pins).collect();
        slots.sort_unstable();
    }
    is_open && slots.windows(2).all(|pair| pair[0] != pair[1])
}
