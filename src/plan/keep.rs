//! A placement that may not be the best is kept once it is made.
//!
//! The best placement stays the best while it is carried out. Another one is found from what stopped channels hold already, so
//! that a plan that was half carried out could be followed by one that is no better, and that by the first again, and nobody
//! would ever go on air. So whoever has a slot on a stopped channel stays there, unless that has a
//! [reason](is_reason_to_move).

use std::cmp::Ordering;

use super::assign::{Cost, Item, Placed, Problem};
use super::greedy;

/// `placed`, or the placement that leaves everybody who has a slot on a stopped channel there: the cheaper one, to start a
/// search from.
pub(super) fn or_cheaper(problem: &Problem, placed: Placed) -> (Placed, Cost) {
    let cost = problem.cost(&placed);
    let kept = kept_instead(problem, &placed).filter(|(_, kept)| *kept <= cost);
    kept.unwrap_or((placed, cost))
}

/// `placed`, which is not known to be the best placement, or the one that leaves everybody who has a slot on a stopped channel
/// there, where there is no reason to move them.
pub(super) fn or_keep(problem: &Problem, placed: Placed) -> (Placed, Cost) {
    let cost = problem.cost(&placed);
    match kept_instead(problem, &placed) {
        Some(kept) if !is_reason_to_move(problem, (&placed, &cost), (&kept.0, &kept.1)) => kept,
        _ => (placed, cost),
    }
}

/// The placement that leaves everybody who has a slot on a stopped channel there, if `placed` does not.
fn kept_instead(problem: &Problem, placed: &Placed) -> Option<(Placed, Cost)> {
    let stays = |(one, bin): (&Item, &Option<usize>)| {
        one.warm.is_empty() || one.warm.iter().any(|(warm, _)| Some(*warm) == *bin)
    };
    if problem.items.iter().zip(placed).all(stays) {
        return None;
    }
    let kept = greedy::keep(problem);
    let cost = problem.cost(&kept);
    Some((kept, cost))
}

/// Whether `placed` is so much better than `kept` that people are moved for it.
///
/// Who is on air, who is interrupted and what fails always is a reason. Who shares with whom is one where all can be done at
/// once. Where a part has to wait for a stop, an interruption or a channel that fails, nobody can tell by what is done
/// already how the rest was going to be placed, so that a comparison would be one with something else.
fn is_reason_to_move(
    problem: &Problem,
    (placed, cost): (&Placed, &Cost),
    (kept, cost_of_kept): (&Placed, &Cost),
) -> bool {
    let first = |cost: &Cost| (cost.lost.clone(), cost.interruptions, cost.troubled);
    let can_be_done_at_once = |bin: &usize| {
        let bin = &problem.bins[*bin];
        !bin.kept && !bin.stops_first && !bin.troubled
    };
    match first(cost).cmp(&first(cost_of_kept)) {
        Ordering::Less => true,
        Ordering::Greater => false,
        Ordering::Equal => {
            cost < cost_of_kept && placed.iter().chain(kept).flatten().all(can_be_done_at_once)
        }
    }
}
