//! Every placement of tiny problems is tried, with a cost of its own calculation.

use proptest::prelude::*;

use crate::plan::placement::{
    Bin, Budget, FreeSlot, Held, Item, Own, Pinned, Placed, Problem, greedy, solve,
};

const ENOUGH: usize = 1_000_000;

/// Whether `placed` may be carried out at all.
pub(super) fn is_feasible(problem: &Problem, placed: &Placed) -> bool {
    (0..problem.bins.len()).all(|bin| {
        let here: Vec<usize> = (0..placed.len())
            .filter(|item| placed[*item] == Some(bin))
            .collect();
        let joins: Vec<&Item> = here
            .iter()
            .map(|item| &problem.items[*item])
            .filter(|item| item.own.is_none_or(|own| own.bin != bin))
            .collect();
        let mut slots: Vec<usize> = Vec::new();
        for item in &joins {
            match item.pin {
                Pinned::Free => {}
                Pinned::To(at, slot) => {
                    let is_there = problem.bins[bin].free.iter().any(|free| free.slot == slot);
                    if at != bin || !is_there || slots.contains(&slot) {
                        return false;
                    }
                    slots.push(slot);
                }
                Pinned::Nowhere => return false,
            }
        }
        joins.len() <= problem.bins[bin].free.len() && (here.is_empty() || problem.is_open(bin, &here))
    })
}

pub(super) fn all_placements(problem: &Problem) -> impl Iterator<Item = Placed> {
    let ways = problem.bins.len() + 1;
    let all = ways.pow(u32::try_from(problem.items.len()).unwrap());
    (0..all).map(move |mut number| {
        let place = |_| {
            let bin = number % ways;
            number /= ways;
            (bin + 1 < ways).then_some(bin)
        };
        (0..problem.items.len()).map(place).collect()
    })
}

/// The order of equal placements: by bin, occupied and tight ones first; of two the one with the item that comes first.
fn rank(problem: &Problem, placed: &Placed) -> Vec<bool> {
    let mut bins: Vec<usize> = (0..problem.bins.len()).collect();
    bins.sort_by_key(|bin| {
        let one = &problem.bins[*bin];
        let tightness = if one.occupants.is_empty() {
            usize::MAX
        } else {
            one.free.len()
        };
        (tightness, *bin)
    });
    let mut items: Vec<usize> = (0..problem.items.len()).collect();
    items.sort_by_key(|item| (std::cmp::Reverse(problem.items[*item].priority), *item));
    let is_not_in = |bin: usize| {
        items
            .iter()
            .map(move |item| placed[*item] != Some(bin))
            .collect::<Vec<_>>()
    };
    bins.into_iter().flat_map(is_not_in).collect()
}

prop_compose! {
    fn bin(groups: usize)(
        kept in prop::bool::weighted(0.4),
        opened in prop::bool::weighted(0.2),
        weight in 0_usize..3,
        wishes in prop::collection::vec(-1_i32..2, 0..3),
        occupants in prop::collection::btree_map(0..groups, 1_usize..3, 0..3),
        flags in prop::array::uniform5(prop::bool::weighted(0.25)),
        holds in prop::collection::vec(prop_oneof![3 => Just(Held::Parked), 1 => Just(Held::Other), 1 => Just(Held::Warm)], 0..4),
        bound_writes in 0_usize..2,
    ) -> Bin {
        let [runs, stops_first, unowned, troubled, unsure] = flags;
        let occupants: Vec<(usize, usize)> = occupants.into_iter().collect();
        Bin {
            kept,
            weight,
            opened: kept && opened,
            wishes: if kept { wishes } else { Vec::new() },
            runs: runs || kept || !occupants.is_empty(),
            occupants,
            stops_first,
            unowned,
            troubled,
            unsure,
            free: holds.into_iter().enumerate().map(|(slot, holds)| FreeSlot { slot, holds }).collect(),
            bound_writes,
        }
    }
}

prop_compose! {
    fn item(groups: usize)(
        priority in -1_i32..2,
        group in 0..groups,
        opens in any::<bool>(),
        pin in prop_oneof![
            6 => Just(Pinned::Free),
            2 => (0_usize..4, 0_usize..3).prop_map(|(bin, slot)| Pinned::To(bin, slot)),
            1 => Just(Pinned::Nowhere),
        ],
        own in prop::option::weighted(0.25, (0_usize..4, any::<bool>())),
        warm in prop::collection::vec((0_usize..4, 0_usize..3), 0..3),
    ) -> Item {
        Item { priority, group, opens, pin, own: own.map(|(bin, opens)| Own { bin, opens }), warm }
    }
}

/// Tiny problems of all sorts.
pub(super) fn problems() -> impl Strategy<Value = Problem> {
    let bins = prop::collection::vec(bin(4), 1..5);
    let items = prop::collection::vec(item(4), 0..6);
    (any::<bool>(), bins, items).prop_map(|(pack, mut bins, mut items)| {
        let count = bins.len();
        for item in &mut items {
            if let Pinned::To(bin, _) = &mut item.pin {
                *bin %= count;
            }
            item.warm.iter_mut().for_each(|(bin, _)| *bin %= count);
            item.warm.sort_unstable();
            item.warm.dedup();
            // What has a target is not parked.
            for (bin, slot) in &item.warm {
                let free = bins[*bin]
                    .free
                    .iter_mut()
                    .filter(|free| free.slot == *slot && free.holds == Held::Parked);
                free.for_each(|free| free.holds = Held::Other);
            }
            item.own = item
                .own
                .map(|own| Own {
                    bin: own.bin % count,
                    ..own
                })
                .filter(|own| bins[own.bin].kept);
            if let Some(own) = item.own {
                super::super::problem::join(&mut bins[own.bin].occupants, item.group);
            }
        }
        Problem::new(pack, items, bins)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_placement_is_better_and_of_equal_ones_the_first_is_taken(problem in problems()) {
        let found = solve(&problem, &mut Budget { nodes: ENOUGH });
        prop_assert!(found.is_best);
        prop_assert!(is_feasible(&problem, &found.placed));
        let cost = problem.cost(&found.placed);
        prop_assert_eq!(found.interruptions, cost.interruptions);
        let feasible = all_placements(&problem).filter(|placed| is_feasible(&problem, placed));
        let best = feasible.min_by_key(|placed| (problem.cost(placed), rank(&problem, placed))).unwrap();
        prop_assert_eq!(&cost, &problem.cost(&best));
        prop_assert_eq!(&found.placed, &best);
        prop_assert_eq!(found.least_interruptions, cost.interruptions);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_found_fast_places_as_many(problem in problems()) {
        let placed = greedy::place(&problem);
        prop_assert!(is_feasible(&problem, &placed));
        let cost = problem.cost(&placed);
        prop_assert_eq!(greedy::interruptions(&problem, &placed), cost.interruptions);
        let feasible = all_placements(&problem).filter(|placed| is_feasible(&problem, placed));
        let best = feasible.map(|placed| problem.cost(&placed)).min().unwrap();
        if best.lost == cost.lost {
            prop_assert!(greedy::least_interruptions(&problem, &placed) <= best.interruptions);
        }
        let opens = problem.items.iter().filter(|item| item.opens).count();
        // A destination on air with its previous target could stay for a wish there, or go for a wish elsewhere. The search
        // does not compare the two.
        let has_own = problem.items.iter().any(|item| item.own.is_some());
        let has_wishes = problem.bins.iter().any(|bin| !bin.wishes.is_empty());
        let has_pins = problem.items.iter().any(|item| item.pin != Pinned::Free);
        let is_simple = (opens == 0 || opens == problem.items.len()) && !(has_own && (has_wishes || has_pins));
        if is_simple {
            prop_assert_eq!(best.lost, cost.lost);
        }
    }
}
