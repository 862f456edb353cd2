//! A problem in the order in which it is searched, with sets of items.

use super::cost::{Code, Cost, Detail, Scale};
use super::problem::{Bin, Pinned, Problem};

/// A set of items, by their places in [`Instance::items`].
pub(super) type Set = u64;

/// Larger problems are not searched.
pub(super) const ITEMS_MAX: usize = 64;

pub(super) fn members(mut set: Set) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let next = (set != 0).then(|| set.trailing_zeros() as usize);
        set &= set.wrapping_sub(1);
        next
    })
}

pub(super) fn set(items: impl Iterator<Item = usize>) -> Set {
    items.fold(0, |set, item| set | 1 << item)
}

/// A problem in the order in which it is searched.
///
/// The order is that of [`super::search`] for equal placements. Nothing in it changes while a plan is carried out.
pub(super) struct Instance<'p> {
    pub(super) problem: &'p Problem,
    pub(super) scale: Scale,
    /// By priority, then as given.
    pub(super) items: Vec<usize>,
    /// By [`search_order`], then as given.
    pub(super) bins: Vec<usize>,
    /// What it costs if an item waits.
    pub(super) waits: Vec<Code>,
    /// By bin: the items that may go to it or to a later one.
    pub(super) reach: Vec<Set>,
}

impl<'p> Instance<'p> {
    /// `None` for a problem whose costs do not fit into a [`Code`].
    pub(super) fn new(problem: &'p Problem) -> Option<Self> {
        let scale = Scale::new(problem)?;
        let mut items: Vec<usize> = (0..problem.items.len()).collect();
        items.sort_by_key(|item| problem.order(*item));
        let mut bins: Vec<usize> = (0..problem.bins.len()).collect();
        bins.sort_by_key(|bin| search_order(&problem.bins[*bin]));
        let mut reach: Vec<Set> = vec![0; bins.len() + 1];
        for (at, bin) in bins.iter().enumerate().rev() {
            let may_hold = |item: usize| problem.fits(item, *bin) || problem.is_own(item, *bin);
            reach[at] = reach[at + 1] | set((0..items.len()).filter(|item| may_hold(items[*item])));
        }
        let level = |item: &usize| problem.level(problem.items[*item].priority);
        Some(Self {
            waits: items.iter().map(|item| scale.one_lost(level(item))).collect(),
            problem,
            scale,
            items,
            bins,
            reach,
        })
    }

    /// What it costs if all of them wait.
    pub(super) fn lost(&self, items: Set) -> Code {
        members(items).map(|item| self.waits[item]).sum()
    }

    /// What the bin at `at` costs with `chosen` in it, as far as `detail` goes.
    pub(super) fn cost(&self, at: usize, chosen: Set, detail: Detail) -> Code {
        let items: Vec<usize> = members(chosen).map(|item| self.items[item]).collect();
        let cost: Cost = self.problem.bin_cost(self.bins[at], &items, detail);
        self.scale.code(&cost)
    }

    /// How `item` looks from the bin at `at`.
    pub(super) fn face(&self, item: usize, at: usize, detail: Detail) -> Face {
        let (item, bin) = (self.items[item], self.bins[at]);
        let one = &self.problem.items[item];
        let mut face = Face {
            joins: self.problem.fits(item, bin),
            own: self.problem.is_own(item, bin),
            ..Face::default()
        };
        if !face.is_of_use() {
            return face;
        }
        face.opens = self.problem.bins[bin].is_closed() && self.problem.opens(item, bin);
        if let Pinned::To(to, slot) = one.pin {
            face.pin = (to == bin).then_some(slot);
        }
        if detail.writes && face.joins {
            let mut warm = one.warm.iter().filter(|(to, _)| *to == bin);
            face.warm = warm.next().map(|(_, slot)| *slot);
            let is_contested = one.warm.iter().any(|slot| {
                let takers = self.problem.items.iter().filter(|item| item.warm.contains(slot));
                slot.0 == bin && takers.count() > 1
            });
            face.alone = (is_contested || warm.next().is_some()).then_some(item);
        }
        face
    }
}

/// Bins with occupants come first, so that the rest has no homes; of them the tightest, since it has the fewest ways.
fn search_order(bin: &Bin) -> (bool, usize) {
    let is_empty = bin.occupants.is_empty();
    (is_empty, if is_empty { 0 } else { bin.free.len() })
}

/// How an item looks from a bin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Face {
    /// It may join.
    pub(super) joins: bool,
    /// It may be written in place.
    pub(super) own: bool,
    /// It opens the bin, which is closed otherwise.
    pub(super) opens: bool,
    /// The slot that it is pinned to.
    pub(super) pin: Option<usize>,
    /// A slot that is warm for it.
    warm: Option<usize>,
    /// The item itself, where its slots here have to be distinguished from those of others.
    alone: Option<usize>,
}

impl Face {
    pub(super) fn is_of_use(&self) -> bool {
        self.joins || self.own
    }

    /// Whether an item that looks like this can take the place of one that looks like `other`, at no higher cost.
    pub(super) fn replaces(&self, other: &Self) -> bool {
        let is_simple = |face: &Self| face.joins && face.pin.is_none() && face.alone.is_none();
        self == other
            || !other.is_of_use()
            || is_simple(self)
                && is_simple(other)
                && self.opens >= other.opens
                && (other.warm.is_none() || other.warm == self.warm)
    }
}
