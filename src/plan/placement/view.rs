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

use std::rc::Rc;

use super::bound::{Code, NEVER, code};
use super::kinds::{Content, Detail, Face, GONE, Ground, Groups, Layer, Size, id};
use super::problem::{Held, Problem};

/// Ways to take something out of one block. Beyond that there is no search.
const WAYS_MAX: usize = 20_000;

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
        let (before, after) = self.layers.split_at_mut(at + 1);
        let (layer, next) = (&mut before[at], &mut after[0]);
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
    let kept_parked = parked - load.joins.saturating_sub(other + warm).min(parked);
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
