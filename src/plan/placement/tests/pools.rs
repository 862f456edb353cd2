//! Pools of the size that is to be proved, made by chance from a seed.

use crate::plan::placement::{Bin, Budget, FreeSlot, Held, Item, Own, Pinned, Problem, solve};

/// The default budget of a whole plan.
const BUDGET: usize = 1_000_000;

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) >> 33).unwrap() % limit
    }

    fn one_in(&mut self, number: usize) -> bool {
        self.below(number) == 0
    }
}

/// What a pool is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// Nothing runs.
    Cold,
    /// Every other channel is on air; a newcomer opens it in a third of the pools always, in a third never.
    Running,
    /// With channels to which their occupants come back.
    Returning,
    /// And pins, warm slots, channels to be adopted, in trouble, or to be stopped first.
    Mixed,
}

const SORTS: [Sort; 4] = [Sort::Cold, Sort::Running, Sort::Returning, Sort::Mixed];

fn pool(sort: Sort, pack: bool, channels: usize, seed: u64) -> Problem {
    let mut chance = Chance(seed);
    let count = channels + chance.below(2 * channels + 3);
    let groups = 1 + count / (1 + chance.below(5));
    let levels = 1 + chance.below(3);
    let grants = chance.below(3);
    let mut bins: Vec<Bin> = (0..channels)
        .map(|at| bin(sort, at, groups, &mut chance))
        .collect();
    let items: Vec<Item> = (0..count)
        .map(|_| item(sort, &bins, groups, levels, grants, &mut chance))
        .collect();
    for item in &items {
        if let Some(own) = item.own {
            super::super::problem::join(&mut bins[own.bin].occupants, item.group);
        }
    }
    Problem::new(pack, items, bins)
}

fn bin(sort: Sort, at: usize, groups: usize, chance: &mut Chance) -> Bin {
    let mut bin = Bin::default();
    let mut slots = 3;
    if sort != Sort::Cold && at.is_multiple_of(2) || sort == Sort::Returning && chance.one_in(2) {
        bin.kept = sort != Sort::Returning && !chance.one_in(4);
        bin.opened = bin.kept && chance.one_in(8);
        bin.runs = true;
        for _ in 0..=chance.below(2) {
            super::super::problem::join(&mut bin.occupants, chance.below(groups + 2));
            slots -= 1;
            bin.weight += usize::from(bin.kept);
        }
        if bin.kept && chance.one_in(6) {
            bin.wishes.push(i32::try_from(chance.below(3)).unwrap());
        }
    }
    let is_mixed = sort == Sort::Mixed;
    bin.stops_first = is_mixed && !bin.kept && chance.one_in(5);
    bin.unowned = is_mixed && chance.one_in(5);
    bin.troubled = is_mixed && chance.one_in(8);
    bin.unsure = is_mixed && chance.one_in(8);
    bin.free = (0..slots)
        .map(|slot| {
            let holds = match chance.below(if is_mixed { 6 } else { 12 }) {
                0 => Held::Other,
                1 => Held::Warm,
                _ => Held::Parked,
            };
            FreeSlot { slot, holds }
        })
        .collect();
    bin
}

fn item(sort: Sort, bins: &[Bin], groups: usize, levels: usize, grants: usize, chance: &mut Chance) -> Item {
    let mut item = Item {
        priority: i32::try_from(chance.below(levels)).unwrap(),
        group: chance.below(groups),
        opens: grants == 2 || grants == 1 && chance.one_in(4),
        pin: Pinned::Free,
        own: None,
        warm: Vec::new(),
    };
    if sort == Sort::Mixed {
        let bin = chance.below(bins.len());
        if let Some(slot) = bins[bin].free.first() {
            match chance.below(12) {
                0 => item.pin = Pinned::To(bin, slot.slot),
                1..=3 => item
                    .warm
                    .push((bin, bins[bin].free[chance.below(bins[bin].free.len())].slot)),
                4 if bins[bin].kept => {
                    item.own = Some(Own {
                        bin,
                        opens: grants > 0,
                    });
                }
                _ => {}
            }
        }
        item.warm
            .retain(|(bin, slot)| bins[*bin].free[*slot].holds == Held::Other);
    }
    item
}

/// How much of the budget each of these pools takes; nothing for one that is not proved.
fn nodes(sort: Sort, pack: bool, channels: usize, seeds: std::ops::Range<u64>) -> Vec<Option<usize>> {
    let solved = seeds.map(|seed| {
        let mut budget = Budget { nodes: BUDGET };
        let found = solve(&pool(sort, pack, channels, seed), &mut budget);
        found.is_best.then_some(BUDGET - budget.nodes)
    });
    solved.collect()
}

fn are_proved(sort: Sort) {
    for pack in [false, true] {
        for channels in 7..=10 {
            assert!(
                nodes(sort, pack, channels, 0..5).iter().all(Option::is_some),
                "{channels} channels"
            );
        }
    }
}

#[test]
fn cold_pools_of_ten_channels_are_proved() {
    are_proved(Sort::Cold);
}

#[test]
fn pools_of_ten_channels_of_which_half_run_are_proved() {
    are_proved(Sort::Running);
}

#[test]
fn pools_of_ten_channels_to_which_people_come_back_are_proved() {
    are_proved(Sort::Returning);
}

#[test]
fn pools_of_ten_channels_with_all_there_is_are_proved() {
    are_proved(Sort::Mixed);
}

/// What a plan does to a stopped channel before it starts: those placed there find their targets.
fn write(problem: &Problem, placed: &[Option<usize>], bin: usize) -> Problem {
    let mut items = problem.items.clone();
    let mut bins = problem.bins.clone();
    let here: Vec<usize> = (0..placed.len())
        .filter(|item| placed[*item] == Some(bin))
        .collect();
    let slots = problem.slots_for(bin, &here);
    for item in &mut items {
        item.warm.retain(|(at, _)| *at != bin);
    }
    for free in &mut bins[bin].free {
        let taker = slots.iter().find(|(_, slot)| *slot == free.slot);
        free.holds = if taker.is_some() {
            Held::Other
        } else {
            Held::Parked
        };
    }
    for (item, slot) in slots {
        items[item].warm.push((bin, slot));
        items[item].warm.sort_unstable();
    }
    bins[bin].unowned = false;
    bins[bin].unsure = false;
    bins[bin].bound_writes = 0;
    Problem::new(problem.pack, items, bins)
}

/// Writes one stopped channel after the other and plans again each time.
fn stays(mut problem: Problem, nodes: usize) {
    let placed = solve(&problem, &mut Budget { nodes }).placed;
    for bin in (0..problem.bins.len())
        .rev()
        .filter(|bin| !problem.bins[*bin].kept)
        .collect::<Vec<_>>()
    {
        if placed.contains(&Some(bin)) {
            problem = write(&problem, &placed, bin);
            assert_eq!(
                solve(&problem, &mut Budget { nodes }).placed,
                placed,
                "after bin {bin}"
            );
        }
    }
}

#[test]
fn carrying_out_the_best_placement_does_not_change_it() {
    for sort in SORTS {
        for seed in 0..12 {
            stays(pool(sort, seed % 2 == 0, 5, seed), BUDGET);
        }
    }
}

/// Without a budget: stopped channels are written one after the other, each by a plan of its own, until there is nothing to write.
#[test]
fn carrying_out_unproven_placements_ends() {
    for sort in SORTS {
        for seed in 0..200 {
            let mut problem = pool(sort, seed % 2 == 0, 8, seed);
            let mut rounds = 0;
            let mut is_written = true;
            while is_written {
                is_written = false;
                for bin in (0..problem.bins.len())
                    .rev()
                    .filter(|bin| !problem.bins[*bin].kept)
                    .collect::<Vec<_>>()
                {
                    let found = solve(&problem, &mut Budget { nodes: 0 });
                    assert!(!found.is_best);
                    if found.placed.contains(&Some(bin)) {
                        let next = write(&problem, &found.placed, bin);
                        is_written |= (&next.items, &next.bins) != (&problem.items, &problem.bins);
                        problem = next;
                    }
                }
                rounds += 1;
                assert!(rounds <= 3, "{sort:?} {seed}");
            }
        }
    }
}

#[test]
fn the_names_of_slots_and_groups_do_not_matter() {
    for sort in SORTS {
        for seed in 0..12 {
            let problem = pool(sort, seed % 2 == 0, 5, seed);
            let mut other = problem.clone();
            let group = |group: usize| 1000 - group;
            let slot = |slot: usize| slot + 7;
            for bin in &mut other.bins {
                bin.occupants.iter_mut().for_each(|(one, _)| *one = group(*one));
                bin.occupants.reverse();
                bin.free.iter_mut().for_each(|free| free.slot = slot(free.slot));
            }
            for item in &mut other.items {
                item.group = group(item.group);
                item.warm.iter_mut().for_each(|(_, one)| *one = slot(*one));
                if let Pinned::To(_, one) = &mut item.pin {
                    *one = slot(*one);
                }
            }
            let found = [problem, other].map(|one| solve(&one, &mut Budget { nodes: BUDGET }));
            assert_eq!(found[0], found[1]);
        }
    }
}
