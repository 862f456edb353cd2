//! temporary
mod problem;
pub(in crate::plan) use problem::{Bin, Cost, FreeSlot, Held, Item, Own, Pinned, Placed, Problem};
pub(in crate::plan) struct Budget {
    pub(in crate::plan) nodes: usize,
}
pub(in crate::plan) struct Found {
    pub(in crate::plan) placed: Placed,
    pub(in crate::plan) is_best: bool,
    pub(in crate::plan) interruptions: usize,
    pub(in crate::plan) least_interruptions: usize,
}
pub(in crate::plan) fn solve(problem: &Problem, _budget: &mut Budget) -> Found {
    let mut best: Option<(Cost, Placed)> = None;
    let mut placed = vec![None; problem.items.len()];
    go(problem, 0, &mut placed, &mut best);
    let (cost, placed) = best.unwrap_or((Cost::default(), vec![None; problem.items.len()]));
    Found {
        placed,
        is_best: true,
        interruptions: cost.interruptions,
        least_interruptions: cost.interruptions,
    }
}
fn go(p: &Problem, at: usize, placed: &mut Placed, best: &mut Option<(Cost, Placed)>) {
    if at == placed.len() {
        let mut by = vec![Vec::new(); p.bins.len()];
        for (i, b) in placed.iter().enumerate() {
            if let Some(b) = b {
                by[*b].push(i);
            }
        }
        for (b, items) in by.iter().enumerate() {
            let joins = items
                .iter()
                .filter(|i| p.items[**i].own.as_ref().is_none_or(|o| o.bin != b))
                .count();
            if joins > p.bins[b].free.len() || (!items.is_empty() && !p.is_open(b, items)) {
                return;
            }
            let mut pins: Vec<usize> = items
                .iter()
                .filter_map(|i| match p.items[*i].pin {
                    Pinned::To(_, s) if p.items[*i].own.as_ref().is_none_or(|o| o.bin != b) => Some(s),
                    _ => None,
                })
                .collect();
            let n = pins.len();
            pins.sort_unstable();
            pins.dedup();
            if pins.len() != n {
                return;
            }
        }
        let cost = p.cost(placed);
        if best.as_ref().is_none_or(|b| cost < b.0) {
            *best = Some((cost, placed.clone()));
        }
        return;
    }
    for b in 0..p.bins.len() {
        let own = p.items[at].own.as_ref().is_some_and(|o| o.bin == b);
        let fits = match p.items[at].pin {
            Pinned::Free => true,
            Pinned::To(x, _) => x == b,
            Pinned::Nowhere => false,
        };
        if own || fits {
            placed[at] = Some(b);
            go(p, at + 1, placed, best);
        }
    }
    placed[at] = None;
    go(p, at + 1, placed, best);
}
