//! The cheapest set of channels that has room enough: a covering knapsack, exact and fast because both room and
//! cost are numbers of slots of one channel.

/// A channel that could be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Choice {
    /// Slots it adds.
    pub(super) room: usize,
    /// Wanted destinations that are interrupted for it.
    pub(super) cost: usize,
    /// Which it is.
    pub(super) id: usize,
}

/// The ids of a cheapest set of `choices` whose rooms add up to at least `need`; all of them where there is not that
/// much room. Of equal choices the earlier ones are taken.
///
/// For each cost the choices with the most room come first, so the room gained by taking `t` of them is concave in
/// `t`; the best room for every total cost is then a chain of (max, +) convolutions with concave functions, each done by
/// divide and conquer in `n log n`.
pub(super) fn cheapest_cover(choices: &[Choice], need: usize) -> Vec<usize> {
    let mut ids: Vec<usize> = Vec::new();
    if choices.iter().map(|one| one.room).sum::<usize>() <= need {
        ids.extend(choices.iter().map(|one| one.id));
        return ids;
    }
    let classes = classes(choices);
    let limit = affordable(&classes, need);
    let mut best: Vec<usize> = vec![0; limit + 1];
    let mut taken: Vec<Vec<u32>> = Vec::new();
    for class in &classes {
        let (next, counts) = add_class(&best, class);
        best = next;
        taken.push(counts);
    }
    let Some(mut cost) = best.iter().position(|room| *room >= need) else {
        return choices.iter().map(|one| one.id).collect();
    };
    for (class, counts) in classes.iter().zip(&taken).rev() {
        let count = counts[cost] as usize;
        ids.extend(class.members.iter().take(count).map(|one| one.id));
        cost -= count * class.cost;
    }
    ids.sort_unstable();
    ids
}

/// Choices of one cost.
struct Class {
    cost: usize,
    /// The most room first.
    members: Vec<Choice>,
    /// Room of the first `t` members.
    room: Vec<usize>,
}

fn classes(choices: &[Choice]) -> Vec<Class> {
    let mut sorted: Vec<Choice> = choices.to_vec();
    // Stable: of equal ones the earlier first.
    sorted.sort_by_key(|one| (one.cost, std::cmp::Reverse(one.room)));
    sorted
        .chunk_by(|a, b| a.cost == b.cost)
        .map(|members| {
            let mut room = vec![0];
            for one in members {
                room.push(room[room.len() - 1] + one.room);
            }
            Class {
                cost: members[0].cost,
                members: members.to_vec(),
                room,
            }
        })
        .collect()
}

/// A cost that surely suffices: that of taking the cheapest per slot first.
fn affordable(classes: &[Class], need: usize) -> usize {
    let mut all: Vec<Choice> = classes
        .iter()
        .flat_map(|class| class.members.iter().copied())
        .collect();
    all.sort_by(|a, b| (a.cost * b.room).cmp(&(b.cost * a.room)).then(a.id.cmp(&b.id)));
    let (mut room, mut cost) = (0, 0);
    for one in all {
        if room >= need {
            break;
        }
        room += one.room;
        cost += one.cost;
    }
    cost
}

/// The best room for each total cost once members of `class` may be taken, and how many of them that takes.
fn add_class(best: &[usize], class: &Class) -> (Vec<usize>, Vec<u32>) {
    let mut next = best.to_vec();
    let mut counts = vec![0; best.len()];
    if class.cost == 0 {
        let all = class.members.len();
        for room in &mut next {
            *room += class.room[all];
        }
        counts.fill(u32::try_from(all).unwrap_or(u32::MAX));
        return (next, counts);
    }
    for residue in 0..class.cost.min(best.len()) {
        let line: Vec<usize> = (residue..best.len()).step_by(class.cost).collect();
        let mut todo = vec![(0, line.len(), 0, line.len())];
        // Among equal offers the one with the fewest members: both bounds of the divide stay monotone by that.
        while let Some((from, to, low, high)) = todo.pop() {
            if from >= to {
                continue;
            }
            let middle = usize::midpoint(from, to);
            let first = low.max(middle.saturating_sub(class.members.len()));
            let mut chosen = (0, first.min(middle));
            for base in first..=middle.min(high.saturating_sub(1)) {
                let offer = best[line[base]] + class.room[middle - base];
                if offer >= chosen.0 {
                    chosen = (offer, base);
                }
            }
            next[line[middle]] = chosen.0;
            counts[line[middle]] = u32::try_from(middle - chosen.1).unwrap_or(u32::MAX);
            todo.push((from, middle, low, chosen.1 + 1));
            todo.push((middle + 1, to, chosen.1, high));
        }
    }
    (next, counts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cost_of(choices: &[Choice], ids: &[usize]) -> usize {
        ids.iter().map(|id| choices[*id].cost).sum()
    }

    fn brute_force(choices: &[Choice], need: usize) -> Option<usize> {
        (0..1_u32 << choices.len())
            .filter_map(|set| {
                let taken = choices.iter().filter(|one| set >> one.id & 1 == 1);
                let (room, cost) = taken.fold((0, 0), |sum, one| (sum.0 + one.room, sum.1 + one.cost));
                (room >= need).then_some(cost)
            })
            .min()
    }

    proptest! {
        #[test]
        fn the_cover_is_the_cheapest_there_is(
            sizes in prop::collection::vec((1_usize..6, 0_usize..5), 1..11),
            need in 0_usize..30,
        ) {
            let choices: Vec<Choice> = sizes
                .iter()
                .enumerate()
                .map(|(id, (room, cost))| Choice { room: *room, cost: *cost, id })
                .collect();
            let ids = cheapest_cover(&choices, need);
            if let Some(cost) = brute_force(&choices, need) {
                prop_assert!(ids.iter().map(|id| choices[*id].room).sum::<usize>() >= need);
                prop_assert_eq!(cost_of(&choices, &ids), cost);
            } else {
                prop_assert_eq!(ids.len(), choices.len());
            }
        }
    }
}
