//! Single rules, in examples worked out by hand.

use crate::plan::placement::{
    Bin, Budget, Cost, FreeSlot, Held, Item, Own, Pinned, Placed, Problem, greedy, solve,
};

fn item(priority: i32, group: usize) -> Item {
    Item {
        priority,
        group,
        opens: true,
        pin: Pinned::Free,
        own: None,
        warm: Vec::new(),
    }
}

fn stopped(holds: &[Held]) -> Bin {
    let free = holds.iter().enumerate();
    Bin {
        free: free
            .map(|(slot, holds)| FreeSlot { slot, holds: *holds })
            .collect(),
        ..Bin::default()
    }
}

/// A destination of `group` is on air.
fn kept(group: usize, holds: &[Held]) -> Bin {
    Bin {
        kept: true,
        runs: true,
        weight: 1,
        occupants: vec![(group, 1)],
        ..stopped(holds)
    }
}

fn placed(problem: &Problem) -> Placed {
    let found = solve(problem, &mut Budget { nodes: 100_000 });
    assert!(found.is_best);
    found.placed
}

#[test]
fn a_newcomer_takes_what_is_rewritten_anyway_before_a_parked_slot() {
    use Held::{Other, Parked, Warm};
    let mut items: Vec<Item> = (0..5).map(|number| item(-number, 0)).collect();
    items[3].pin = Pinned::To(0, 0);
    items[4].warm = vec![(0, 4)];
    let problem = Problem::new(false, items, vec![stopped(&[Warm, Warm, Parked, Other, Other])]);
    let given = problem.slots_for(0, &[0, 1, 2, 3, 4]);
    assert_eq!(given, [(0, 3), (1, 1), (2, 2), (3, 0), (4, 4)]);
    // Of two items that find their target in one slot the more important one has it.
    let mut items = vec![item(0, 0), item(1, 0)];
    items[0].warm = vec![(0, 1)];
    items[1].warm = vec![(0, 1)];
    let problem = Problem::new(false, items, vec![stopped(&[Parked, Other])]);
    assert_eq!(problem.slots_for(0, &[0, 1]), [(0, 0), (1, 1)]);
}

#[test]
fn each_thing_costs_what_it_should() {
    use Held::{Other, Parked, Warm};
    let mut items = vec![item(5, 1), item(0, 2), item(0, 3), item(0, 1)];
    items[1].warm = vec![(0, 1)];
    items[3].own = Some(Own { bin: 1, opens: true });
    let mut first = stopped(&[Parked, Other, Other, Warm]);
    first.unowned = true;
    first.troubled = true;
    first.bound_writes = 1;
    let mut second = kept(1, &[Parked]);
    second.weight = 2;
    second.wishes = vec![7];
    let problem = Problem::new(false, items, vec![first, second]);
    assert_eq!(problem.levels, [7, 5, 0]);
    let cost = problem.cost(&vec![Some(0), Some(0), None, Some(1)]);
    let expected = Cost {
        lost: vec![0, 0, 1],
        interruptions: 2,
        troubled: 2,
        sharing: [1, 2],
        stops: 1,
        updates: 2,
        displaced: 1,
        // The occupant's, one slot given and not warm, one parked that was warm for another; and the one in place.
        writes: 4,
        adoptions: 2,
    };
    assert_eq!(cost, expected);
    // It is in its own bin already, so that it makes no pair with itself; where that is closed its wish is lost.
    let cost = problem.cost(&vec![None, None, None, None]);
    assert_eq!(
        (cost.lost, cost.interruptions, cost.sharing),
        (vec![1, 1, 3], 0, [0, 1])
    );
}

#[test]
fn a_kept_bin_is_opened_only_by_a_granted_item() {
    let bins = vec![kept(0, &[Held::Parked; 2])];
    let mut items = vec![item(1, 1), item(0, 2)];
    items[0].opens = false;
    assert_eq!(
        placed(&Problem::new(false, items.clone(), bins.clone())),
        [Some(0), Some(0)]
    );
    items[1].opens = false;
    assert_eq!(
        placed(&Problem::new(false, items.clone(), bins.clone())),
        [None, None]
    );
    items[1].own = Some(Own { bin: 0, opens: true });
    items[1].pin = Pinned::Nowhere;
    assert_eq!(placed(&Problem::new(false, items, bins)), [Some(0), Some(0)]);
}

#[test]
fn a_rotated_destination_prefers_a_free_slot_to_an_interruption() {
    let mut one = item(0, 0);
    one.own = Some(Own { bin: 0, opens: true });
    let bins = vec![kept(0, &[]), stopped(&[Held::Parked])];
    let problem = Problem::new(false, vec![one.clone()], bins.clone());
    assert_eq!(placed(&problem), [Some(1)]);
    assert_eq!(greedy::place(&problem), [Some(1)]);
    let problem = Problem::new(false, vec![one], bins[..1].to_vec());
    assert_eq!(placed(&problem), [Some(0)]);
    assert_eq!(greedy::place(&problem), [Some(0)]);
}

#[test]
fn groups_sit_together_and_others_apart_and_pack_fills_channels() {
    let items: Vec<Item> = [0, 1, 0, 2].map(|group| item(0, group)).into();
    let bins = vec![stopped(&[Held::Parked; 3]); 4];
    let spread = Problem::new(false, items.clone(), bins.clone());
    let pack = Problem::new(true, items, bins);
    for (problem, pairs_and_running) in [(&spread, [0, 3]), (&pack, [2, 1])] {
        for placed in [placed(problem), greedy::place(problem)] {
            assert_eq!(placed[0], placed[2]);
            assert_eq!(problem.cost(&placed).sharing, pairs_and_running);
        }
    }
}

#[test]
fn a_group_is_not_gathered_where_that_writes_more() {
    use Held::{Other, Parked};
    // Three on one channel and one on the other would take a parked slot as well.
    let bins = vec![stopped(&[Other, Other, Parked]); 2];
    let problem = Problem::new(false, vec![item(0, 0); 4], bins);
    let placed = placed(&problem);
    assert_eq!(placed.iter().filter(|bin| **bin == Some(0)).count(), 2);
    assert_eq!(problem.cost(&placed).writes, 4);
}

#[test]
fn without_a_proof_slots_on_stopped_channels_are_kept() {
    let mut items: Vec<Item> = (0..4).map(|number| item(0, number / 2)).collect();
    items[0].warm = vec![(1, 0)];
    items[1].warm = vec![(0, 0)];
    let bins = vec![stopped(&[Held::Other, Held::Parked]); 2];
    let problem = Problem::new(false, items, bins);
    let found = solve(&problem, &mut Budget { nodes: 0 });
    assert!(!found.is_best);
    assert_eq!(found.placed[..2], [Some(1), Some(0)]);
}

#[test]
fn the_cheapest_slots_are_gained_first() {
    let mut dear = kept(8, &[Held::Parked; 2]);
    dear.weight = 3;
    let bins = vec![dear, kept(9, &[Held::Parked; 2]), kept(9, &[Held::Parked])];
    let problem = Problem::new(false, vec![item(0, 0), item(0, 1), item(0, 2)], bins);
    for nodes in [0, 100_000] {
        let found = solve(&problem, &mut Budget { nodes });
        assert_eq!((found.interruptions, found.least_interruptions), (2, 2));
        assert_eq!(found.placed.iter().filter(|bin| **bin == Some(0)).count(), 0);
    }
}
