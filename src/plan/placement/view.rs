//! Relaxations: what of a problem is looked at.
//!
//! A placement is decided bin by bin, so what is left to decide is the set of items that are not placed yet, and what that costs
//! depends only on what distinguishes its items from there on. A [`View`] says what that is. Sets that it cannot distinguish are
//! one [`State`]. The coarser a view, the fewer states it has and the lower their cost, so it bounds the finer ones:
//!
//! | view | distinguishes | counts | is bounded by |
//! |---|---|---|---|
//! | counts | where an item may go, which bins it opens | waiting items, interruptions, trouble, running channels | |
//! | groups | also groups | also pairs | counts |
//! | writes | as counts, and where an item is warm | as counts, and all criteria after sharing | counts |
//! | all | everything | everything | groups and writes |

use std::collections::{BTreeMap, BTreeSet};

use super::cost::{Code, Detail};
use super::instance::{Face, Instance, Set, members, set};
use super::problem::{Bin, Held};

/// What is left of a group: where it has homes, and how many there are of each kind.
pub(super) type Block = (usize, u64);

/// The items left to be placed, as far as the view distinguishes them.
pub(super) type State = Box<[Block]>;

/// What is known of a state.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memo {
    /// It costs at least so much.
    pub(super) least: Code,
    /// And no more.
    pub(super) is_exact: bool,
}

pub(super) struct View {
    pub(super) detail: Detail,
    /// Group of each item; all of one where they do not count.
    pub(super) group_of: Vec<usize>,
    /// Members of each group.
    pub(super) groups: Vec<Set>,
    /// By bin, and one after the last.
    pub(super) layers: Vec<Layer>,
}

/// What a view sees from one bin on.
pub(super) struct Layer {
    /// By item: equal for items that nothing distinguishes from here on.
    pub(super) kinds: Vec<usize>,
    /// By item: place value of its kind, so that the sum over a set says how many there are of each.
    units: Vec<u64>,
    /// By group: not zero if it has a home here or later.
    homes: Vec<usize>,
    /// By item: the items whose place it can take from here on, at no higher cost.
    replaces: Vec<Set>,
    /// By item: those of its group that are as good here, and not better later.
    pub(super) first: Vec<Set>,
    /// The bin, as far as it is looked at, and how the items look from it.
    looks: Option<(Bin, Vec<Face>)>,
    /// Nothing distinguishes the bins from here on.
    pub(super) is_uniform: bool,
    /// What the bins from here on cost if no further item is placed.
    pub(super) idle: Code,
    /// What has been found out.
    pub(super) memos: BTreeMap<State, Memo>,
}

impl View {
    pub(super) fn new(instance: &Instance<'_>, detail: Detail) -> Self {
        let name = |item: &usize| instance.problem.items[*item].group;
        let mut names: Vec<usize> = vec![0];
        let mut group_of = vec![0; instance.items.len()];
        if detail.groups {
            let all: BTreeSet<usize> = instance.items.iter().map(name).collect();
            names = all.into_iter().collect();
            let number = |item| names.partition_point(|one| *one < name(item));
            group_of = instance.items.iter().map(number).collect();
        }
        let members_of = |group| set((0..group_of.len()).filter(|item| group_of[*item] == group));
        let mut view = Self {
            detail,
            groups: (0..names.len()).map(members_of).collect(),
            group_of,
            layers: Vec::new(),
        };
        let mut layers = vec![Layer::end(instance, names.len())];
        for at in (0..instance.bins.len()).rev() {
            let layer = view.layer(instance, at, &names, &layers[layers.len() - 1]);
            layers.push(layer);
        }
        layers.reverse();
        view.layers = layers;
        view
    }

    /// The layer of the bin at `at`, before `next`.
    fn layer(&self, instance: &Instance<'_>, at: usize, names: &[usize], next: &Layer) -> Layer {
        let bin = &instance.problem.bins[instance.bins[at]];
        let count = instance.items.len();
        let faces: Vec<Face> = (0..count)
            .map(|item| instance.face(item, at, self.detail))
            .collect();
        let mut homes = next.homes.clone();
        for (name, _) in bin.occupants.iter().filter(|_| self.detail.groups) {
            if let Ok(group) = names.binary_search(name) {
                homes[group] = group + 1;
            }
        }
        let mut known = Vec::new();
        let mut kinds = Vec::with_capacity(count);
        for one in faces.iter().zip(&next.kinds).zip(&instance.waits) {
            let kind = known.iter().position(|other| *other == one);
            kinds.push(kind.unwrap_or(known.len()));
            if kind.is_none() {
                known.push(one);
            }
        }
        let can_replace = |one: usize, other: &usize| faces[one].replaces(&faces[*other]);
        let replaces = |one: usize| set(members(next.replaces[one]).filter(|other| can_replace(one, other)));
        let precedes = |one: usize, other: &usize| {
            kinds[one] != kinds[*other]
                && faces[*other].replaces(&faces[one])
                && instance.waits[*other] >= instance.waits[one]
        };
        let first = |one: usize| {
            let mates = next.replaces[one] & self.groups[self.group_of[one]];
            set(members(mates).filter(|other| precedes(one, other)))
        };
        let (first, replaces) = (
            (0..count).map(first).collect(),
            (0..count).map(replaces).collect(),
        );
        let looks = Some((looks(bin, self.detail), faces));
        Layer {
            units: units(&kinds, instance.reach[at]),
            kinds,
            homes,
            replaces,
            first,
            is_uniform: next.is_uniform && (next.looks.is_none() || next.looks == looks),
            looks,
            idle: next.idle + instance.cost(at, 0, self.detail),
            memos: BTreeMap::new(),
        }
    }

    /// What is left of each group if these items are.
    pub(super) fn blocks(&self, at: usize, items: Set) -> Vec<Block> {
        let layer = &self.layers[at];
        let mut blocks: Vec<Block> = layer.homes.iter().map(|home| (*home, 0)).collect();
        for item in members(items) {
            blocks[self.group_of[item]].1 += layer.units[item];
        }
        blocks
    }

    /// The state in which these items are left.
    pub(super) fn state(&self, at: usize, items: Set) -> State {
        let mut blocks = self.blocks(at, items);
        blocks.retain(|(_, left)| *left != 0);
        blocks.sort_unstable();
        blocks.into()
    }
}

impl Layer {
    fn end(instance: &Instance<'_>, groups: usize) -> Self {
        let count = instance.items.len();
        Self {
            kinds: vec![0; count],
            units: vec![0; count],
            homes: vec![0; groups],
            replaces: vec![set(0..count); count],
            first: vec![0; count],
            looks: None,
            is_uniform: true,
            idle: 0,
            memos: BTreeMap::new(),
        }
    }
}

/// Place values by kind, each larger than all that can come before it together: for 64 items they just fit.
fn units(kinds: &[usize], reach: Set) -> Vec<u64> {
    let mut units = vec![0; kinds.len()];
    let mut unit: u64 = 1;
    for kind in 0..kinds.len() {
        let mut radix = 1;
        for item in members(reach).filter(|item| kinds[*item] == kind) {
            units[item] = unit;
            radix += 1;
        }
        unit = unit.wrapping_mul(radix);
    }
    units
}

/// A bin as far as it is looked at: without the names of its slots.
fn looks(bin: &Bin, detail: Detail) -> Bin {
    let mut bin = bin.clone();
    bin.free.sort_by_key(|free| free.holds);
    for (slot, free) in bin.free.iter_mut().enumerate() {
        free.slot = slot;
    }
    if !detail.writes {
        bin.free.iter_mut().for_each(|free| free.holds = Held::Parked);
        (bin.stops_first, bin.unowned, bin.unsure, bin.bound_writes) = (false, false, false, 0);
    }
    bin
}
