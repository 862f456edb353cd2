//! What of a partial placement is looked at: readings of it, from coarse to fine.
//!
//! A placement is decided bin by bin, so what is left to decide is a *state*: the items that are not placed yet. Costs add
//! up over the bins, and what a state costs from some bin on hangs only on what tells its items apart from there on.
//! A [`View`] says what that is. The coarser it is, the fewer states it has and the less it says they cost, so a coarse view
//! gives the lower bounds for a finer one:
//!
//! | view | tells apart | counts |
//! |---|---|---|
//! | counts | who may go where, who opens what | who waits, interruptions, trouble, running channels |
//! | sizes | and how many of a group are left | and pairs, where any group is at home on an occupied channel |
//! | groups | and which group has its home where | and pairs |
//! | writes | as counts, and who is warm where | as counts, and all that comes after sharing |
//! | all | everything | everything |

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::bound::{Code, NEVER, Scale, code};
use super::problem::{Held, Pinned, Problem};

/// No kind, no block.
pub(super) const GONE: u16 = u16::MAX;

/// Blocks that one layer may know, and ways to take something out of one of them. Beyond that there is no search.
const BLOCKS_MAX: usize = 60_000;
const WAYS_MAX: usize = 20_000;

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
            homes.iter().for_each(|(group, _)| last_home[*group] = at + 1);
        }
        let mut warm: Vec<(usize, usize)> = Vec::new();
        problem.items.iter().for_each(|item| warm.extend(&item.warm));
        warm.sort_unstable();
        let twice = warm.windows(2).filter(|pair| pair[0] == pair[1]);
        let level = |item: &super::Item| problem.level(item.priority);
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
    fn face(&self, item: usize, bin: usize, detail: Detail) -> Face {
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

    fn is_of_use(&self) -> bool {
        self.joins || self.own
    }

    /// Whether whoever looks like this can take the place of one that looks like `other`, at no higher cost.
    fn replaces(&self, other: &Self) -> bool {
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
    next: u16,
    /// What it costs if one waits.
    pub(super) waits: Code,
    /// Whether it may be written in place, here or later.
    may_stay: bool,
    /// Kinds that would do as well here and not better later: they go first.
    before: Vec<u16>,
}

/// What a bin takes out of one block.
pub(super) struct Take {
    /// The rest of the block, at the next bin.
    pub(super) next: u16,
    /// What it costs that some of the rest have nowhere to go any more.
    pub(super) waits: Code,
    pub(super) joins: usize,
    pub(super) own: usize,
    pub(super) opens: bool,
    /// Whether somebody who must not wait is among them.
    pub(super) has_must: bool,
    pub(super) is_plain: bool,
    pub(super) kinds: Vec<u16>,
}

/// The items of one group that are not placed yet, as a view sees them: groups that it does not tell apart have equal blocks.
struct Block {
    tag: u16,
    content: Content,
    size: Size,
    takes: Option<Rc<[Take]>>,
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
type Content = Rc<[(u16, u16)]>;

/// A view at one bin.
pub(super) struct Layer {
    pub(super) bin: usize,
    pub(super) kinds: Vec<Kind>,
    /// Kind of each item.
    pub(super) kind_of: Vec<u16>,
    /// Whether a kind can take the place of another from here on: at `one * kinds.len() + other`.
    replaces: Vec<bool>,
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
    blocks: Vec<Block>,
    ids: BTreeMap<(u16, Content), u16>,
    /// There is more to be told apart than can be counted.
    pub(super) is_full: bool,
}

impl Layer {
    fn end(ground: &Ground<'_>) -> Self {
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
    fn before(ground: &Ground<'_>, detail: Detail, at: usize, next: &Self) -> Self {
        let bin = ground.bins[at];
        let mut layer = Self::end(ground);
        layer.bin = bin;
        layer.is_last_run =
            next.kinds.is_empty() || next.is_last_run && are_alike(ground, detail, bin, next.bin);
        for item in 0..ground.problem.items.len() {
            let Some(waits) = ground.waits[item] else { continue };
            let (face, later) = (ground.face(item, bin, detail), next.kind_of[item]);
            if !face.is_of_use() && later == GONE {
                continue;
            }
            let is_alike = later != GONE && face == next.kinds[usize::from(later)].face;
            layer.is_last_run &= face.is_plain() && (next.kinds.is_empty() || is_alike);
            let known = layer
                .kinds
                .iter()
                .position(|kind| kind.face == face && kind.next == later && kind.waits == waits);
            let kind = known.unwrap_or_else(|| {
                let may_stay = face.own || later != GONE && next.kinds[usize::from(later)].may_stay;
                layer.kinds.push(Kind {
                    item,
                    face,
                    next: later,
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

    fn intern(&mut self, tag: u16, content: Content) -> u16 {
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
    let holds = |bin: &super::Bin| {
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

/// A view of a problem, with what has been found out by it.
pub(super) struct View {
    pub(super) detail: Detail,
    pub(super) layers: Vec<Layer>,
}

/// Who is put into a bin.
#[derive(Default)]
pub(super) struct Load {
    pub(super) joins: usize,
    pub(super) own: usize,
    pub(super) opens: bool,
    pub(super) is_plain: bool,
    /// How much the squares of the groups' sizes grow.
    pub(super) squares: usize,
    /// One of each kind.
    pub(super) items: Vec<usize>,
}

impl View {
    pub(super) fn new(ground: &Ground<'_>, detail: Detail) -> Self {
        let mut layers = vec![Layer::end(ground)];
        for at in (0..ground.bins.len()).rev() {
            let next = &layers[layers.len() - 1];
            let layer = Layer::before(ground, detail, at, next);
            layers.push(layer);
        }
        layers.reverse();
        let mut view = Self { detail, layers };
        let nobody = Load {
            is_plain: true,
            ..Load::default()
        };
        for at in (0..ground.bins.len()).rev() {
            view.layers[at].idle = view.layers[at + 1].idle + view.cost(ground, at, &nobody);
        }
        view
    }

    /// The state in which `items` are to be placed from the bin at `at` on, and what it costs that some have nowhere to go.
    pub(super) fn state(&mut self, ground: &Ground<'_>, at: usize, items: &[usize]) -> (Vec<u16>, Code) {
        let layer = &mut self.layers[at];
        let mut waits = 0;
        let mut sorted: Vec<(usize, u16)> = Vec::with_capacity(items.len());
        for item in items {
            let (kind, group) = (layer.kind_of[*item], ground.group_of[*item]);
            if kind == GONE {
                waits += ground.waits[*item].unwrap_or(0);
            } else {
                sorted.push((
                    if self.detail.groups == Groups::Ignored {
                        0
                    } else {
                        group
                    },
                    kind,
                ));
            }
        }
        sorted.sort_unstable();
        let mut state: Vec<u16> = Vec::new();
        for block in sorted.chunk_by(|a, b| a.0 == b.0) {
            let content: Content = block
                .chunk_by(|a, b| a == b)
                .map(|same| (same[0].1, id(same.len())))
                .collect();
            let tag = layer.tags[block[0].0];
            state.push(layer.intern(
                if self.detail.groups == Groups::Ignored {
                    0
                } else {
                    tag
                },
                content,
            ));
        }
        state.sort_unstable();
        (state, waits)
    }

    /// The same state, as `coarser` sees it.
    pub(super) fn state_in(&self, coarser: &mut Self, at: usize, state: &[u16]) -> Vec<u16> {
        let layer = &self.layers[at];
        let other = &mut coarser.layers[at];
        let mut all: Vec<(u16, u16)> = Vec::new();
        let mut seen: Vec<u16> = Vec::with_capacity(state.len());
        for block in state.iter().map(|id| &layer.blocks[usize::from(*id)]) {
            for (kind, count) in block.content.iter() {
                all.push((other.kind_of[layer.kinds[usize::from(*kind)].item], *count));
            }
            if coarser.detail.groups != Groups::Ignored {
                let tag = match block.tag {
                    0 => 0,
                    tag if self.detail.groups == Groups::Named => other.tags[usize::from(tag) - 1],
                    tag => tag,
                };
                seen.push(other.intern(tag, merged(&mut all)));
                all.clear();
            }
        }
        if coarser.detail.groups == Groups::Ignored && !all.is_empty() {
            seen.push(other.intern(0, merged(&mut all)));
        }
        seen.sort_unstable();
        seen
    }

    /// How many items a block has.
    pub(super) fn size(&self, at: usize, block: u16) -> Size {
        self.layers[at].blocks[usize::from(block)].size
    }

    pub(super) fn tag(&self, at: usize, block: u16) -> u16 {
        self.layers[at].blocks[usize::from(block)].tag
    }

    /// All that the bin at `at` can take out of a block; nothing comes first.
    pub(super) fn takes(&mut self, ground: &Ground<'_>, at: usize, block: u16) -> Rc<[Take]> {
        let (now, later) = self.layers.split_at_mut(at + 1);
        let (layer, next) = (&mut now[at], &mut later[0]);
        let at_block = &layer.blocks[usize::from(block)];
        if let Some(takes) = &at_block.takes {
            return Rc::clone(takes);
        }
        let content = Rc::clone(&at_block.content);
        let tag = match (self.detail.groups, at_block.tag) {
            (_, 0) | (Groups::Ignored, _) => 0,
            (Groups::Named, tag) => next.tags.get(usize::from(tag) - 1).copied().unwrap_or(0),
            (Groups::Alike, tag) if usize::from(tag) > at + 1 => tag,
            (Groups::Alike, _) => 0,
        };
        let mut ways: Vec<Vec<u16>> = Vec::new();
        let room = ground.problem.bins[layer.bin].free.len();
        choose(layer, &content, room, &mut Vec::new(), &mut ways);
        layer.is_full |= ways.len() >= WAYS_MAX;
        let ways = ways.iter().filter(|taken| is_in_order(layer, &content, taken));
        let takes: Rc<[Take]> = ways
            .map(|taken| take(layer, next, tag, &content, taken))
            .collect();
        layer.blocks[usize::from(block)].takes = Some(Rc::clone(&takes));
        takes
    }

    /// What the pairs of different groups on the bin at `at` cost with `load`, if it runs.
    pub(super) fn cost_of_pairs(&self, ground: &Ground<'_>, at: usize, load: &Load) -> Code {
        if self.detail.groups == Groups::Ignored {
            return 0;
        }
        let bin = &ground.problem.bins[self.layers[at].bin];
        let squares: usize = bin.occupants.iter().map(|(_, count)| count * count).sum();
        let all = bin.load() + load.joins;
        ground.scale.pairs * code((all * all - squares - load.squares) / 2)
    }

    /// What the bin at `at` costs with `load`.
    pub(super) fn cost(&self, ground: &Ground<'_>, at: usize, load: &Load) -> Code {
        let (problem, scale, layer) = (ground.problem, &ground.scale, &self.layers[at]);
        let bin = &problem.bins[layer.bin];
        let placed = load.joins + load.own;
        let mut cost = 0;
        if bin.runs || placed > 0 {
            cost += scale.running + self.cost_of_pairs(ground, at, load);
        }
        if bin.is_closed() && !load.opens {
            let lost = bin.wishes.iter().map(|wish| scale.lost[problem.level(*wish)]);
            return cost + lost.sum::<Code>();
        }
        let count_if = |counts: bool| if counts { code(placed) } else { 0 };
        cost += if bin.kept {
            scale.interruptions * code(bin.weight)
        } else {
            0
        };
        cost += scale.troubled * count_if(bin.troubled);
        if self.detail.writes {
            cost += scale.stops * count_if(bin.stops_first || bin.kept);
            cost += scale.adoptions * count_if(bin.unowned);
            if bin.runs || placed > 0 {
                let (writes, displaced) = writes(problem, layer.bin, load);
                cost += scale.updates * Code::from(bin.kept || writes > 0);
                cost += scale.displaced * code(displaced) + scale.writes * code(writes);
            }
        }
        cost
    }
}

/// As [`Problem::writes`], without giving out slots where that makes no difference.
fn writes(problem: &Problem, at: usize, load: &Load) -> (usize, usize) {
    if !load.is_plain {
        return problem.writes(at, &load.items);
    }
    let bin = &problem.bins[at];
    let count = |held: Held| bin.free.iter().filter(|free| free.holds == held).count();
    let (other, parked, warm) = (count(Held::Other), count(Held::Parked), count(Held::Warm));
    let kept_parked = parked - load.joins.saturating_sub(other).min(parked);
    (bin.bound_writes + other + parked + warm - kept_parked, warm)
}

/// All numbers of items that a bin with `room` can take of each kind.
fn choose(layer: &Layer, content: &Content, room: usize, taken: &mut Vec<u16>, ways: &mut Vec<Vec<u16>>) {
    let Some((kind, count)) = content.get(taken.len()) else {
        ways.push(taken.clone());
        return;
    };
    if ways.len() >= WAYS_MAX {
        return;
    }
    let face = &layer.kinds[usize::from(*kind)].face;
    let most = match face {
        Face { own: true, .. } => usize::from(*count),
        Face { joins: false, .. } => 0,
        Face { pin: Some(_), .. } => room.min(1),
        _ => room.min(usize::from(*count)),
    };
    for number in 0..=most {
        taken.push(id(number));
        choose(
            layer,
            content,
            if face.own { room } else { room - number },
            taken,
            ways,
        );
        taken.pop();
    }
}

/// Whether nobody is taken while one is left who would do as well here and not better later.
fn is_in_order(layer: &Layer, content: &Content, taken: &[u16]) -> bool {
    let is_left = |kind: &u16| {
        let mut here = content.iter().zip(taken);
        here.any(|((one, count), taken)| one == kind && taken < count)
    };
    let mut kinds = content.iter().zip(taken).filter(|(_, taken)| **taken > 0);
    !kinds.any(|((kind, _), _)| layer.kinds[usize::from(*kind)].before.iter().any(is_left))
}

fn take(layer: &Layer, next: &mut Layer, tag: u16, content: &Content, taken: &[u16]) -> Take {
    let mut take = Take {
        next: GONE,
        waits: 0,
        joins: 0,
        own: 0,
        opens: false,
        has_must: false,
        is_plain: true,
        kinds: Vec::new(),
    };
    let mut left: Vec<(u16, u16)> = Vec::with_capacity(content.len());
    for ((kind, count), taken) in content.iter().zip(taken) {
        let one = &layer.kinds[usize::from(*kind)];
        match count - taken {
            0 => {}
            rest if one.next == GONE => take.waits += one.waits * Code::from(rest),
            rest => left.push((one.next, rest)),
        }
        if *taken > 0 {
            let number = usize::from(*taken);
            *if one.face.own {
                &mut take.own
            } else {
                &mut take.joins
            } += number;
            take.opens |= one.face.opens;
            take.has_must |= one.waits >= NEVER;
            take.is_plain &= one.face.is_plain();
            take.kinds.extend(std::iter::repeat_n(*kind, number));
        }
    }
    if !left.is_empty() {
        take.next = next.intern(tag, merged(&mut left));
    }
    take
}

/// Sorted, each kind once.
fn merged(counts: &mut [(u16, u16)]) -> Content {
    counts.sort_unstable();
    let same = counts.chunk_by(|a, b| a.0 == b.0);
    same.map(|same| (same[0].0, same.iter().map(|(_, count)| count).sum()))
        .collect()
}

/// A number of kinds, blocks, groups: there are never so many that it does not fit, as the search's budget ends before.
pub(super) fn id(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(GONE)
}
