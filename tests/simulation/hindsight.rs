//! The least interruptions with hindsight: had the whole future been known, how few would have done?
//!
//! A life is a list of [`Moment`]s. Everything happens at once and takes no time; all that are wanted are on air at
//! every moment, and each stays on its channel for as long as it stays wanted. A channel that a destination joins or
//! leaves, or on which a target changes, stops for it once, whatever else changes on it at the same moment.
//!
//! An *interruption* is one destination at one moment: wanted before and after it, on a channel that stops at it. One
//! whose own target is changed is among them. Joiners are not, so a rotation in the moment of joining costs nothing;
//! a channel that was empty, or that all destinations leave, interrupts nothing.
//!
//! Only where a joiner goes is ever open. So the least is found moment by moment over all placements that can be
//! reached, each with the least it can have cost so far. Slots of a channel are interchangeable, and so are channels of
//! equally many slots: such placements are one.

#[cfg(test)]
#[path = "hindsight/tests.rs"]
mod tests;

use std::collections::{BTreeSet, HashMap};

/// Placements held in mind at once, at most: beyond it the least is not known. Twelve destinations on four channels of
/// three slots have 15 400.
pub(super) const PLACEMENTS_MAX: usize = 100_000;

/// What changes at one moment. A destination is a number.
#[derive(Debug, Clone, Default)]
pub(super) struct Moment {
    /// Wanted from then on.
    pub(super) wanted: BTreeSet<u32>,
    /// Destinations whose target changes then.
    pub(super) rotated: BTreeSet<u32>,
}

/// Why the least is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    /// At some moment more are wanted than there are slots.
    NoRoom,
    /// There are more than [`PLACEMENTS_MAX`] placements.
    TooManyPlacements,
}

/// A channel within a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Channel {
    slots: usize,
    /// The destinations on it, sorted.
    members: Vec<u32>,
    /// How many of them were on air before the moment.
    stay: usize,
    /// Whether it stops at this moment.
    stops: bool,
}

/// The least interruptions of `moments` on channels of so many `slots`. No destination is wanted before the first of
/// them.
pub(super) fn least_interruptions(slots: &[usize], moments: &[Moment]) -> Result<usize, Unknown> {
    let mut least = HashMap::from([(fresh(slots), 0)]);
    for moment in moments {
        check_room(slots, moment)?;
        least = keep_least(
            least
                .into_iter()
                .map(|(placed, cost)| begin(placed, cost, moment)),
        )?;
        // They are the same in every placement.
        let any = least.keys().next().cloned().unwrap_or_default();
        for joiner in joiners(&any, moment) {
            let ways = least.iter().flat_map(|(placed, cost)| {
                (0..placed.len()).filter_map(move |at| join(placed, *cost, at, joiner))
            });
            least = keep_least(ways)?;
        }
        least = keep_least(least.into_iter().map(|(placed, cost)| (at_rest(placed), cost)))?;
    }
    Ok(least.into_values().min().unwrap_or(0))
}

/// What it costs without foresight: a joiner goes where it interrupts the fewest now, to the first of those.
pub(super) fn first_fit(slots: &[usize], moments: &[Moment]) -> Result<usize, Unknown> {
    let (mut placed, mut cost) = (fresh(slots), 0);
    for moment in moments {
        check_room(slots, moment)?;
        (placed, cost) = begin(placed, cost, moment);
        for joiner in joiners(&placed, moment) {
            let ways = (0..placed.len()).filter_map(|at| join(&placed, cost, at, joiner));
            (placed, cost) = ways.min_by_key(|(_, cost)| *cost).ok_or(Unknown::NoRoom)?;
        }
    }
    Ok(cost)
}

fn fresh(slots: &[usize]) -> Vec<Channel> {
    let empty = |slots: &usize| Channel {
        slots: *slots,
        ..Channel::default()
    };
    slots.iter().map(empty).collect()
}

fn check_room(slots: &[usize], moment: &Moment) -> Result<(), Unknown> {
    let room = slots.iter().sum::<usize>() >= moment.wanted.len();
    room.then_some(()).ok_or(Unknown::NoRoom)
}

/// Leavers leave, and channels stop for them and for changed targets.
fn begin(mut placed: Vec<Channel>, mut cost: usize, moment: &Moment) -> (Vec<Channel>, usize) {
    for channel in &mut placed {
        let before = channel.members.len();
        channel.members.retain(|member| moment.wanted.contains(member));
        channel.stay = channel.members.len();
        let changes = channel
            .members
            .iter()
            .any(|member| moment.rotated.contains(member));
        channel.stops = channel.stay < before || changes;
        if channel.stops {
            cost += channel.stay;
        }
    }
    (placed, cost)
}

/// Wanted and on no channel.
fn joiners(placed: &[Channel], moment: &Moment) -> Vec<u32> {
    let there: BTreeSet<u32> = placed
        .iter()
        .flat_map(|channel| &channel.members)
        .copied()
        .collect();
    moment.wanted.difference(&there).copied().collect()
}

/// With `joiner` on the channel `at`, where there is room for it.
fn join(placed: &[Channel], cost: usize, at: usize, joiner: u32) -> Option<(Vec<Channel>, usize)> {
    let mut placed = placed.to_vec();
    let channel = &mut placed[at];
    if channel.members.len() >= channel.slots {
        return None;
    }
    let interrupted = if channel.stops { 0 } else { channel.stay };
    channel.stops = true;
    let place = channel.members.partition_point(|member| *member < joiner);
    channel.members.insert(place, joiner);
    Some((placed, cost + interrupted))
}

/// Without what only counts within a moment.
fn at_rest(mut placed: Vec<Channel>) -> Vec<Channel> {
    for channel in &mut placed {
        (channel.stay, channel.stops) = (0, false);
    }
    placed
}

/// One of each placement, with the least it costs; channels of equally many slots in the order of their members.
fn keep_least(
    ways: impl Iterator<Item = (Vec<Channel>, usize)>,
) -> Result<HashMap<Vec<Channel>, usize>, Unknown> {
    let mut least: HashMap<Vec<Channel>, usize> = HashMap::new();
    for (mut placed, cost) in ways {
        placed.sort_unstable();
        let known = least.entry(placed).or_insert(cost);
        *known = cost.min(*known);
        if least.len() > PLACEMENTS_MAX {
            return Err(Unknown::TooManyPlacements);
        }
    }
    Ok(least)
}
