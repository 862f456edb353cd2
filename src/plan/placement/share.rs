//! The last part of the [fast way](super::greedy): which items share a channel.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::greedy::Greedy;

/// Order in which bins are looked at: those with trouble last, then the fewest of other groups, then those that have to stop first
/// last.
type Rank = (bool, usize, bool);

type Ranks = BTreeMap<Rank, BTreeSet<(usize, usize)>>;

impl Greedy<'_> {
    /// An item with a slot on a stopped bin stays there; of several on that with the fewest of other groups.
    pub(super) fn keep(&mut self) {
        let problem = self.problem;
        // As many as are owed have to go where they open something.
        let mut spare = self
            .unplaced()
            .filter(|item| problem.items[*item].opens)
            .count()
            .saturating_sub(self.owed.len());
        let mut warm: Vec<usize> = self
            .unplaced()
            .filter(|item| !problem.items[*item].warm.is_empty())
            .collect();
        warm.sort_by_cached_key(|item| (problem.items[*item].warm.len(), self.order(*item)));
        for item in warm {
            let one = &problem.items[item];
            let bins = one.warm.iter().map(|(bin, _)| *bin);
            let open = bins.filter(|bin| !problem.bins[*bin].kept && self.room[*bin] > 0);
            let Some(bin) = open.min_by_key(|bin| (self.rank(*bin, Some(one.group)), *bin)) else {
                continue;
            };
            if one.opens && spare == 0 {
                continue;
            }
            spare -= usize::from(one.opens);
            self.put(item, bin);
        }
    }

    /// Leaves open only as many bins as are needed: those that run, then the largest.
    pub(super) fn narrow(&mut self) {
        let problem = self.problem;
        let mut need = self.unplaced().count();
        let mut open: Vec<usize> = (0..self.room.len()).filter(|bin| self.is_open[*bin]).collect();
        open.sort_by_cached_key(|bin| {
            let at = &problem.bins[*bin];
            let runs = at.runs || self.room[*bin] < at.free.len();
            (at.troubled, !runs, Reverse(self.room[*bin]), at.stops_first, *bin)
        });
        for bin in open {
            self.is_open[bin] = need > 0;
            need = need.saturating_sub(self.room[bin]);
        }
    }

    /// By groups, the largest first, each to the fewest of other groups.
    pub(super) fn distribute(&mut self) {
        let problem = self.problem;
        let mut blocks: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for item in self.unplaced() {
            blocks.entry(problem.items[item].group).or_default().push(item);
        }
        let mut blocks: Vec<Vec<usize>> = blocks.into_values().collect();
        blocks.sort_by_key(|block| (Reverse(block.len()), block[0]));
        let mut homes: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut ranks = Ranks::new();
        if !blocks.is_empty() {
            for bin in (0..problem.bins.len()).filter(|bin| self.is_open[*bin] && self.room[*bin] > 0) {
                for (group, _) in &self.occupants[bin] {
                    homes.entry(*group).or_default().push(bin);
                }
                ranks
                    .entry(self.rank(bin, None))
                    .or_default()
                    .insert((self.room[bin], bin));
            }
        }
        for block in blocks {
            let home = homes.remove(&problem.items[block[0]].group).unwrap_or_default();
            self.place_block(block, home, &mut ranks);
        }
    }

    fn place_block(&mut self, mut block: Vec<usize>, mut home: Vec<usize>, ranks: &mut Ranks) {
        let group = self.problem.items[block[0]].group;
        home.retain(|bin| self.room[*bin] > 0);
        // What a home costs does not change as long as only its own group goes there; the best comes last.
        home.sort_by_cached_key(|bin| Reverse((self.rank(*bin, Some(group)), *bin)));
        while !block.is_empty() {
            let Some((lowest, bins)) = ranks.first_key_value() else {
                return;
            };
            while home.pop_if(|bin| self.room[*bin] == 0).is_some() {}
            let at_home = home
                .last()
                .copied()
                .filter(|bin| self.rank(*bin, Some(group)) <= *lowest);
            // The tightest that takes all of the block, otherwise the roomiest.
            let other = bins.range((block.len(), 0)..).next().or(bins.last());
            let Some(bin) = at_home.or(other.map(|(_, bin)| *bin)) else {
                return;
            };
            let from = self.rank(bin, None);
            if let Some(bins) = ranks.get_mut(&from) {
                bins.remove(&(self.room[bin], bin));
                if bins.is_empty() {
                    ranks.remove(&from);
                }
            }
            let rest = block.split_off(self.room[bin].min(block.len()));
            for item in block {
                self.put(item, bin);
            }
            if self.room[bin] > 0 {
                ranks
                    .entry(self.rank(bin, None))
                    .or_default()
                    .insert((self.room[bin], bin));
            }
            block = rest;
        }
    }

    /// The rank of a bin, for a member of `group` or for one of none.
    fn rank(&self, bin: usize, group: Option<usize>) -> Rank {
        let others = self.occupants[bin].iter().filter(|(one, _)| Some(*one) != group);
        let at = &self.problem.bins[bin];
        (at.troubled, others.map(|(_, count)| count).sum(), at.stops_first)
    }
}
