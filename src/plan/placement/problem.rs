//! What is to be placed, and where.
//!
//! *Items* are the wanted destinations whose slot is still to be decided; *bins* are the channels that could take them.
//! What stays on air in any case enters as the bins' occupants.
//!
//! | bin | takes items | costs |
//! |---|---|---|
//! | not kept, stopped | always | |
//! | not kept, running | always | a stop first |
//! | kept: a protected destination is on air | if a placed item, or something on it, grants the stop | its weight in interruptions |
//!
//! Placements are compared by their [`Cost`](super::Cost). Within a channel slots differ only by pins and by the writes they
//! save, so a placement maps items to bins; [`Problem::slots_for`] then picks slots.

use std::cmp::Reverse;
use std::collections::BTreeSet;

/// What can still be decided in a pool.
#[derive(Debug, Clone)]
pub(in crate::plan) struct Problem {
    /// Fewest running channels before fewest pairs of different groups.
    pub(in crate::plan) pack: bool,
    /// To be placed; of equal priority the first goes first.
    pub(in crate::plan) items: Vec<Item>,
    /// Where.
    pub(in crate::plan) bins: Vec<Bin>,
    /// Distinct priorities of all that counts in the first criterion, highest first.
    pub(in crate::plan) levels: Vec<i32>,
}

/// A destination to be placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plan) struct Item {
    pub(in crate::plan) priority: i32,
    /// Equal for items that prefer to share a channel.
    pub(in crate::plan) group: usize,
    /// Whether its joining a kept bin grants the stop.
    pub(in crate::plan) opens: bool,
    /// Where it may join. In its own bin it may stay whatever this says.
    pub(in crate::plan) pin: Pinned,
    /// Where it is on air with its previous target and may be written in place.
    pub(in crate::plan) own: Option<Own>,
    /// Free slots that have its target already: (bin, slot).
    pub(in crate::plan) warm: Vec<(usize, usize)>,
}

/// Where an item may join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plan) enum Pinned {
    /// Anywhere.
    Free,
    /// Into this slot of this bin only: (bin, slot).
    To(usize, usize),
    /// The slot that it is pinned to cannot take it.
    Nowhere,
}

/// The kept bin on which an item is on air with its previous target. It is one of that bin's occupants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plan) struct Own {
    pub(in crate::plan) bin: usize,
    /// Whether its being written in place grants the stop.
    pub(in crate::plan) opens: bool,
}

/// A channel that could take items.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, read one at a time"
)]
pub(in crate::plan) struct Bin {
    /// It stops only when that is granted.
    pub(in crate::plan) kept: bool,
    /// Interruptions when it stops although it is kept.
    pub(in crate::plan) weight: usize,
    /// Something on it grants the stop already.
    pub(in crate::plan) opened: bool,
    /// Priorities of the destinations whose wish needs a stop of this kept bin.
    pub(in crate::plan) wishes: Vec<i32>,
    /// Wanted destinations that are on it in any case: (group, count).
    pub(in crate::plan) occupants: Vec<(usize, usize)>,
    /// It runs in the end in any case.
    pub(in crate::plan) runs: bool,
    /// It has to stop before it can be written, although nothing on it is protected.
    pub(in crate::plan) stops_first: bool,
    /// It carries no owner tag yet.
    pub(in crate::plan) unowned: bool,
    /// Its last steps failed.
    pub(in crate::plan) troubled: bool,
    /// What its slots hold is unknown, so each is written again.
    pub(in crate::plan) unsure: bool,
    /// Slots that may be given, in the channel's order.
    pub(in crate::plan) free: Vec<FreeSlot>,
    /// Slots that are written for occupants.
    pub(in crate::plan) bound_writes: usize,
}

/// A slot that may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plan) struct FreeSlot {
    pub(in crate::plan) slot: usize,
    pub(in crate::plan) holds: Held,
}

/// What a free slot holds, in the order in which newcomers take slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::plan) enum Held {
    /// Something that is rewritten whenever the channel runs.
    Other,
    /// The target of another destination, not wanted now, that would find it there later. It is rewritten as well.
    Warm,
    /// Nothing.
    Parked,
}

/// Bin of each item, `None` for one that waits.
pub(in crate::plan) type Placed = Vec<Option<usize>>;

impl Bin {
    /// How many wanted destinations are on it in any case.
    pub(super) fn load(&self) -> usize {
        self.occupants.iter().map(|(_, count)| count).sum()
    }

    /// Whether it stays closed unless an item opens it.
    pub(super) fn is_closed(&self) -> bool {
        self.kept && !self.opened
    }

    fn has_slot(&self, slot: usize) -> bool {
        self.free.iter().any(|free| free.slot == slot)
    }
}

impl Problem {
    pub(in crate::plan) fn new(pack: bool, mut items: Vec<Item>, bins: Vec<Bin>) -> Self {
        for item in &mut items {
            let own = item.own.map(|own| own.bin);
            // An item that is pinned into its own bin is written in place there.
            if let Pinned::To(bin, slot) = item.pin
                && (own == Some(bin) || !bins[bin].has_slot(slot))
            {
                item.pin = Pinned::Nowhere;
            }
            item.warm
                .retain(|(bin, slot)| own != Some(*bin) && bins[*bin].has_slot(*slot));
        }
        let wishes = bins.iter().flat_map(|bin| &bin.wishes);
        let levels: BTreeSet<i32> = items
            .iter()
            .map(|item| &item.priority)
            .chain(wishes)
            .copied()
            .collect();
        Self {
            pack,
            items,
            bins,
            levels: levels.into_iter().rev().collect(),
        }
    }

    /// Whether `bin` stops, or is stopped already, with `items` in it.
    pub(in crate::plan) fn is_open(&self, bin: usize, items: &[usize]) -> bool {
        !self.bins[bin].is_closed() || items.iter().any(|item| self.opens(*item, bin))
    }

    /// The slot of each of `items` that joins `bin`: pinned, then warm, then a rewritten one, then a parked one, then one
    /// that is warm for another item; the highest priority first. Those written in place have their own.
    pub(in crate::plan) fn slots_for(&self, bin: usize, items: &[usize]) -> Vec<(usize, usize)> {
        let mut left: Vec<usize> = items
            .iter()
            .copied()
            .filter(|item| !self.is_own(*item, bin))
            .collect();
        left.sort_by_key(|item| self.order(*item));
        let mut open: Vec<FreeSlot> = self.bins[bin].free.clone();
        let mut given: Vec<(usize, usize)> = Vec::with_capacity(left.len());
        let mut give = |wishes: &dyn Fn(&Item, usize) -> bool| {
            left.retain(|item| {
                let found = open.iter().position(|free| wishes(&self.items[*item], free.slot));
                found.is_none_or(|found| {
                    given.push((*item, open.remove(found).slot));
                    false
                })
            });
        };
        give(&|item, slot| item.pin == Pinned::To(bin, slot));
        give(&|item, slot| item.warm.contains(&(bin, slot)));
        // Stable: of one sort in the channel's order.
        open.sort_by_key(|free| free.holds);
        given.extend(left.into_iter().zip(open.into_iter().map(|free| free.slot)));
        given.sort_unstable();
        given
    }

    /// Whether `item` may join `bin`.
    pub(super) fn fits(&self, item: usize, bin: usize) -> bool {
        let fits = match self.items[item].pin {
            Pinned::Free => true,
            Pinned::To(only, _) => only == bin,
            Pinned::Nowhere => false,
        };
        fits && !self.is_own(item, bin)
    }

    /// Whether `item` is on air in `bin` with its previous target.
    pub(super) fn is_own(&self, item: usize, bin: usize) -> bool {
        self.items[item].own.is_some_and(|own| own.bin == bin)
    }

    /// Whether `item`, placed in `bin`, grants its stop.
    pub(super) fn opens(&self, item: usize, bin: usize) -> bool {
        let item = &self.items[item];
        match item.own.filter(|own| own.bin == bin) {
            Some(own) => own.opens,
            None => item.opens,
        }
    }

    /// The order in which items are placed.
    pub(super) fn order(&self, item: usize) -> (Reverse<i32>, usize) {
        (Reverse(self.items[item].priority), item)
    }

    /// Index of a priority in [`Problem::levels`].
    pub(super) fn level(&self, priority: i32) -> usize {
        self.levels.partition_point(|level| *level > priority)
    }
}

/// One more of `group`.
pub(super) fn join(groups: &mut Vec<(usize, usize)>, group: usize) {
    match groups.iter_mut().find(|(one, _)| *one == group) {
        Some((_, count)) => *count += 1,
        None => groups.push((group, 1)),
    }
}
