//! The placement problem of one pool, and its solution.
//!
//! Read in this order: the [`problem`], what a solution [costs](cost), and two ways to one. Small pools get the best placement there is,
//! with a proof: [`search`] decides bin by bin ([`ways`]), in the order of an [`instance`], and is bounded by coarser [views](view) of
//! what is left. All others, and those for which the budget does not suffice, get a good one ([`greedy`], [`share`]).

mod cost;
mod greedy;
mod instance;
mod problem;
mod search;
mod share;
mod view;
mod ways;

#[cfg(test)]
mod tests;

pub(in crate::plan) use cost::Cost;
pub(in crate::plan) use problem::{Bin, FreeSlot, Held, Item, Own, Pinned, Placed, Problem};

/// Ways to fill a channel that the search may look at, for all pools of a plan together. Counted, not timed, so that the same input
/// gives the same plan on every machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plan) struct Budget {
    pub(in crate::plan) nodes: usize,
}

/// A placement, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plan) struct Found {
    pub(in crate::plan) placed: Placed,
    /// Whether no better one exists.
    pub(in crate::plan) is_best: bool,
    /// Wanted destinations that `placed` interrupts.
    pub(in crate::plan) interruptions: usize,
    /// No placement with as many destinations where they are wanted interrupts fewer.
    pub(in crate::plan) least_interruptions: usize,
}

/// The best placement as far as `budget` goes, otherwise a good one.
pub(in crate::plan) fn solve(problem: &Problem, budget: &mut Budget) -> Found {
    let least = match search::best(problem, budget) {
        Ok(found) => return found,
        Err(search::Unproved(least)) => least,
    };
    let placed = greedy::place(problem);
    let interruptions = greedy::interruptions(problem, &placed);
    Found {
        is_best: false,
        interruptions,
        least_interruptions: least.unwrap_or_else(|| greedy::least_interruptions(problem, &placed)),
        placed,
    }
}
