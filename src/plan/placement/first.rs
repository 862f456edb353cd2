//! Of all placements that cost the least, the first.
//!
//! By bin, occupied ones first and then in their order: the one that takes the item which comes first by priority and order. What has been
//! carried out of a plan has no part in that, and each step makes the planned placement cheaper by at least as much as any other, so
//! carrying a plan out does not change it.

use super::bound::Code;
use super::kinds::GONE;
use super::problem::{Placed, join};
use super::search::Search;
use super::view::Load;
use super::ways::{at_home, is_possible};

impl Search<'_> {
    /// The first of the placements that cost `value`.
    pub(super) fn extract(&mut self, value: Code) -> Option<Placed> {
        let mut placed: Placed = vec![None; self.ground.problem.items.len()];
        let mut left = value;
        let mut items = self.placeable();
        for at in 0..self.ground.bins.len() {
            let layer = &self.views[self.finest()].layers[at];
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
            for item in chosen {
                placed[item] = Some(bin);
            }
            items.retain(|item| placed[*item].is_none());
        }
        Some(placed)
    }

    /// Decides on the items from `next` on, taking them before leaving them. What is left of the value, once it is found.
    fn pick(&mut self, pick: &mut Pick<'_>, next: usize, room: usize) -> Option<Code> {
        let load = self.load(pick.at, &pick.chosen);
        let cost = self.views[self.finest()].cost_of_pairs(&self.ground, pick.at, &load);
        if cost > pick.value && !pick.chosen.is_empty() || self.is_out {
            return None;
        }
        let Some(item) = pick.items.get(next).copied() else {
            return self.check(pick, &load);
        };
        let layer = &self.views[self.finest()].layers[pick.at];
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
        let cost = self.views[self.finest()].cost(&self.ground, pick.at, load);
        let rest: Vec<usize> = pick
            .items
            .iter()
            .copied()
            .filter(|item| !pick.chosen.contains(item))
            .collect();
        let (state, waits) = {
            let finest = self.finest();
            self.views[finest].state(&self.ground, pick.at + 1, &rest)
        };
        let left = pick.value.checked_sub(cost + waits)?;
        self.nodes = self.nodes.saturating_sub(1);
        self.is_out |= self.nodes == 0;
        (self.value(self.finest(), pick.at + 1, &state, left) <= left && !self.is_out).then_some(left)
    }

    fn load(&self, at: usize, chosen: &[usize]) -> Load {
        let layer = &self.views[self.finest()].layers[at];
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
                join(&mut groups, self.ground.group_of[*item]);
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
