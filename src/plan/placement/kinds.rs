//! What tells items and bins apart.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::bound::{Code, NEVER, Scale};
use super::problem::{Bin, Held, Item, Pinned, Problem};
use super::view::Take;

/// No kind, no block.
pub(super) const GONE: u16 = u16::MAX;

/// What all views of a problem share.
pub(super) struct Ground<'p> {
    pub(super) problem: &'p Problem,
    pub(super) scale: Scale,
    /// The bins in the order in which they are decided: those with occupants first. What is left then knows no homes.
    pub(super) bins: Vec<usize>,
    /// Group of each item, counted from 0.
    pub(super) group_of: Vec<usize>,
    /// Which groups are on each bin, by its place in `bins`, as far as items belong to them: (group, count).
    pub(super) homes: Vec<Vec<(usize, usize)>>,
    /// One more than the last place of a bin that each group is on, 0 for none.
    pub(super) last_home: Vec<usize>,
    /// Slots that are warm for several items.
    contested: BTreeSet<(usize, usize)>,
    /// What it costs if an item waits. `None` for one that waits in any case.
    pub(super) waits: Vec<Option<Code>>,
}

impl<'p> Ground<'p> {
    pub(super) fn new(problem: &'p Problem) -> Option<Self> {
        let scale = Scale::new(problem)?;
        let mut bins: Vec<usize> = (0..problem.bins.len()).collect();
        bins.sort_by_key(|bin| problem.bins[*bin].occupants.is_empty());
        let mut groups: Vec<usize> = problem.items.iter().map(|item| item.group).collect();
        groups.sort_unstable();
        groups.dedup();
        let homes: Vec<Vec<(usize, usize)>> = bins
            .iter()
            .map(|bin| {
                let occupants = problem.bins[*bin].occupants.iter();
                occupants
                    .filter_map(|(group, count)| Some((groups.binary_search(group).ok()?, *count)))
                    .collect()
            })
            .collect();
        let mut last_home = vec![0; groups.len()];
        for (at, homes) in homes.iter().enumerate() {
            for (group, _) in homes {
                last_home[*group] = at + 1;
            }
        }
        let mut warm: Vec<(usize, usize)> = Vec::new();
        problem.items.iter().for_each(|item| warm.extend(&item.warm));
        warm.sort_unstable();
        let twice = warm.windows(2).filter(|pair| pair[0] == pair[1]);
        let level = |item: &Item| problem.level(item.priority);
        let waits = problem.items.iter().map(|item| Some(scale.lost[level(item)]));
        Some(Self {
            contested: twice.map(|pair| pair[0]).collect(),
            group_of: problem
                .items
                .iter()
                .map(|item| groups.partition_point(|group| *group < item.group))
                .collect(),
            waits: waits.collect(),
            problem,
            scale,
            bins,
            homes,
            last_home,
        })
    }

    /// How `item` looks from `bin`.
    pub(super) fn face(&self, item: usize, bin: usize, detail: Detail) -> Face {
        let one = &self.problem.items[item];
        let mut face = Face {
            joins: self.problem.fits(item, bin),
            own: self.problem.is_own(item, bin),
            ..Face::default()
        };
        if !face.joins && !face.own {
            return face;
        }
        face.opens = self.problem.bins[bin].is_closed() && self.problem.opens(item, bin);
        if let Pinned::To(at, slot) = one.pin {
            face.pin = (at == bin).then_some(slot);
        }
        if detail.writes && face.joins {
            let mut warm = one.warm.iter().filter(|(at, _)| *at == bin);
            if let Some(first) = warm.next() {
                face.warm = Some(first.1);
                let is_plain = warm.next().is_none() && !self.contested.contains(first);
                face.alone = (!is_plain).then_some(item);
            }
        }
        face
    }
}

/// What a view tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Detail {
    pub(super) groups: Groups,
    /// Whether what comes after sharing counts.
    pub(super) writes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Groups {
    /// Who belongs together does not count.
    Ignored,
    /// By how many are left, and whether it has a home at all.
    Alike,
    /// And by where its home is.
    Named,
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
    /// The item itself where its slots here cannot be told from those of others one by one.
    alone: Option<usize>,
}

impl Face {
    pub(super) fn is_plain(&self) -> bool {
        !self.own && self.pin.is_none() && self.warm.is_none()
    }

    pub(super) fn is_of_use(&self) -> bool {
        self.joins || self.own
    }

    /// Whether whoever looks like this can take the place of one that looks like `other`, at no higher cost.
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

/// Items that nothing tells apart from some bin on.
pub(super) struct Kind {
    /// One of them.
    pub(super) item: usize,
    pub(super) face: Face,
    /// Their kind at the next bin; [`GONE`] if no bin after this one can take them.
    pub(super) next: u16,
    /// What it costs if one waits.
    pub(super) waits: Code,
    /// Whether it may be written in place, here or later.
    pub(super) may_stay: bool,
    /// Kinds that would do as well here and not better later: they go first.
    pub(super) before: Vec<u16>,
}

/// Blocks that one layer may know. Beyond that there is no search.
const BLOCKS_MAX: usize = 60_000;
/// The items of one group that are not placed yet, as a view sees them: groups that it does not tell apart have equal blocks.
pub(super) struct Block {
    pub(super) tag: u16,
    pub(super) content: Content,
    pub(super) size: Size,
    pub(super) takes: Option<Rc<[Take]>>,
}

/// How many items a block has.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Size {
    pub(super) tag: usize,
    pub(super) all: usize,
    /// That may be written in place.
    pub(super) own: usize,
    /// That need not join: they may wait or be written in place.
    pub(super) optional: usize,
}

/// How many there are of each kind.
pub(super) type Content = Rc<[(u16, u16)]>;

/// A view at one bin.
pub(super) struct Layer {
    pub(super) bin: usize,
    pub(super) kinds: Vec<Kind>,
    /// Kind of each item.
    pub(super) kind_of: Vec<u16>,
    /// Whether a kind can take the place of another from here on: at `one * kinds.len() + other`.
    pub(super) replaces: Vec<bool>,
    /// Tag of each group's block.
    pub(super) tags: Vec<u16>,
    /// Occupants of the bin by their block's tag, as far as items belong to their group.
    pub(super) homes: Vec<(u16, usize)>,
    /// Some group has a home here or later.
    pub(super) has_homes: bool,
    /// Nothing tells apart the bins from here on.
    pub(super) is_last_run: bool,
    /// What the bins from here on cost if nobody more is placed.
    pub(super) idle: Code,
    pub(super) blocks: Vec<Block>,
    ids: BTreeMap<(u16, Content), u16>,
    /// There is more to be told apart than can be counted.
    pub(super) is_full: bool,
}

impl Layer {
    pub(super) fn end(ground: &Ground<'_>) -> Self {
        Self {
            bin: usize::MAX,
            kinds: Vec::new(),
            kind_of: vec![GONE; ground.problem.items.len()],
            replaces: Vec::new(),
            tags: Vec::new(),
            homes: Vec::new(),
            has_homes: false,
            is_last_run: true,
            idle: 0,
            blocks: Vec::new(),
            ids: BTreeMap::new(),
            is_full: false,
        }
    }

    /// The layer of the bin at place `at`, before `next`.
    pub(super) fn before(ground: &Ground<'_>, detail: Detail, at: usize, next: &Self) -> Self {
        let bin = ground.bins[at];
        let mut layer = Self::end(ground);
        layer.bin = bin;
        layer.is_last_run =
            next.kinds.is_empty() || next.is_last_run && are_alike(ground, detail, bin, next.bin);
        for item in 0..ground.problem.items.len() {
            let Some(waits) = ground.waits[item] else { continue };
            let (face, then) = (ground.face(item, bin, detail), next.kind_of[item]);
            if !face.is_of_use() && then == GONE {
                continue;
            }
            let is_alike = then != GONE && face == next.kinds[usize::from(then)].face;
            layer.is_last_run &= next.kinds.is_empty() || is_alike;
            let known = layer
                .kinds
                .iter()
                .position(|kind| kind.face == face && kind.next == then && kind.waits == waits);
            let kind = known.unwrap_or_else(|| {
                let may_stay = face.own || then != GONE && next.kinds[usize::from(then)].may_stay;
                layer.kinds.push(Kind {
                    item,
                    face,
                    next: then,
                    waits,
                    may_stay,
                    before: Vec::new(),
                });
                layer.kinds.len() - 1
            });
            layer.kind_of[item] = id(kind);
        }
        layer.compare_kinds(next);
        let of_group = |group: usize| match detail.groups {
            Groups::Named if ground.last_home[group] > at => id(group + 1),
            Groups::Alike if ground.last_home[group] > at => id(ground.last_home[group]),
            _ => 0,
        };
        layer.tags = (0..ground.last_home.len()).map(of_group).collect();
        let homes = ground.homes[at].iter();
        layer.homes = homes.map(|(group, count)| (layer.tags[*group], *count)).collect();
        layer.has_homes = next.has_homes || !layer.homes.is_empty();
        layer.homes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        layer
    }

    fn compare_kinds(&mut self, next: &Self) {
        let (count, later) = (self.kinds.len(), next.kinds.len());
        let goes_on = |one: u16, other: u16| {
            other == GONE || one != GONE && next.replaces[usize::from(one) * later + usize::from(other)]
        };
        self.replaces = vec![true; count * count];
        for one in 0..count {
            for other in (0..count).filter(|other| *other != one) {
                let (a, b) = (&self.kinds[one], &self.kinds[other]);
                let can_later = goes_on(a.next, b.next);
                self.replaces[one * count + other] = can_later && a.face.replaces(&b.face);
                if can_later && b.face.replaces(&a.face) && b.waits >= a.waits {
                    self.kinds[one].before.push(id(other));
                }
            }
        }
    }

    pub(super) fn intern(&mut self, tag: u16, content: Content) -> u16 {
        if self.blocks.len() >= BLOCKS_MAX {
            self.is_full = true;
            return 0;
        }
        let next = id(self.blocks.len());
        let found = *self.ids.entry((tag, Rc::clone(&content))).or_insert(next);
        if found == next {
            let mut size = Size {
                tag: usize::from(tag),
                ..Size::default()
            };
            for (kind, count) in content.iter() {
                let kind = &self.kinds[usize::from(*kind)];
                size.all += usize::from(*count);
                size.own += if kind.may_stay { usize::from(*count) } else { 0 };
                size.optional += if kind.may_stay || kind.waits < NEVER {
                    usize::from(*count)
                } else {
                    0
                };
            }
            self.blocks.push(Block {
                tag,
                content,
                size,
                takes: None,
            });
        }
        found
    }
}

/// Whether nothing that the view counts tells two bins apart but who fits in.
fn are_alike(ground: &Ground<'_>, detail: Detail, one: usize, other: usize) -> bool {
    let (a, b) = (&ground.problem.bins[one], &ground.problem.bins[other]);
    let sharing = a.occupants == b.occupants && a.runs == b.runs;
    let stops = a.kept == b.kept && a.weight == b.weight && a.opened == b.opened && a.wishes == b.wishes;
    let holds = |bin: &Bin| {
        [Held::Other, Held::Parked, Held::Warm]
            .map(|held| bin.free.iter().filter(|free| free.holds == held).count())
    };
    let rest = a.stops_first == b.stops_first
        && a.unowned == b.unowned
        && a.unsure == b.unsure
        && a.bound_writes == b.bound_writes
        && holds(a) == holds(b);
    sharing && stops && a.troubled == b.troubled && a.free.len() == b.free.len() && (rest || !detail.writes)
}

/// A number of kinds, blocks, groups: there are never so many that it does not fit, as the search's budget ends before.
pub(super) fn id(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(GONE)
}
