//! Pools of the size that is to be proved, made by chance from a seed.

use crate::plan::placement::{Bin, Budget, FreeSlot, Held, Item, Own, Pinned, Problem, solve};

/// The default budget of a whole plan.
const BUDGET: usize = 300_000;

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
    /// Every other channel has somebody on air; a newcomer opens it in a third of the pools always, in a third never.
    Running,
    /// With stops to come back to, so that strangers to a group have places that they share.
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
    let bins: Vec<Bin> = (0..channels)
        .map(|at| bin(sort, at, groups, &mut chance))
        .collect();
    let items = (0..count)
        .map(|_| item(sort, &bins, groups, levels, grants, &mut chance))
        .collect();
    Problem::new(pack, items, bins)
}

fn bin(sort: Sort, at: usize, groups: usize, chance: &mut Chance) -> Bin {
    let mut bin = Bin::default();
    let mut slots = 3;
    if sort != Sort::Cold && at % 2 == 0 || sort == Sort::Returning && chance.one_in(2) {
        bin.kept = sort != Sort::Returning && !chance.one_in(4);
        bin.opened = bin.kept && chance.one_in(8);
        bin.runs = true;
        for _ in 0..1 + chance.below(2) {
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
                    })
                }
                _ => {}
            }
        }
        item.warm
            .retain(|(bin, slot)| bins[*bin].free[*slot].holds == Held::Other);
    }
    item
}

/// How much of the budget each of `count` pools takes; nothing for one that is not proved.
fn nodes(sort: Sort, pack: bool, channels: usize, count: u64) -> Vec<Option<usize>> {
    let solved = (0..count).map(|seed| {
        let mut budget = Budget { nodes: BUDGET };
        let found = solve(&pool(sort, pack, channels, seed), &mut budget);
        found.is_best.then_some(BUDGET - budget.nodes)
    });
    solved.collect()
}

#[test]
fn bench() {
    for sort in SORTS {
        for pack in [false, true] {
            for channels in [7, 8, 9, 10] {
                let count = std::env::var("N").map_or(40, |n| n.parse().unwrap());
                let start = std::time::Instant::now();
                let nodes = nodes(sort, pack, channels, count);
                let time = start.elapsed();
                let mut proved: Vec<usize> = nodes.iter().flatten().copied().collect();
                proved.sort();
                let unproved: Vec<usize> = (0..nodes.len()).filter(|at| nodes[*at].is_none()).collect();
                eprintln!(
                    "{sort:?} pack {pack} {channels}: proved {} of {}, nodes median {} max {}, {:?} ms each {:?}",
                    proved.len(),
                    nodes.len(),
                    proved.get(proved.len() / 2).unwrap_or(&0),
                    proved.last().unwrap_or(&0),
                    time.as_secs_f64() * 1000.0 / nodes.len() as f64,
                    unproved
                );
            }
        }
    }
}
#[test]
fn look() {
    for (sort, seed) in [
        (Sort::Cold, 7),
        (Sort::Cold, 10),
        (Sort::Cold, 12),
        (Sort::Cold, 31),
        (Sort::Running, 7),
        (Sort::Running, 31),
        (Sort::Running, 37),
        (Sort::Returning, 20),
        (Sort::Returning, 29),
        (Sort::Mixed, 7),
        (Sort::Mixed, 10),
        (Sort::Mixed, 23),
        (Sort::Mixed, 25),
        (Sort::Mixed, 31),
    ] {
        let p = pool(sort, false, 10, seed);
        let mut g = std::collections::BTreeMap::<usize, usize>::new();
        p.items.iter().for_each(|i| *g.entry(i.group).or_default() += 1);
        let mut l = std::collections::BTreeMap::<i32, usize>::new();
        p.items
            .iter()
            .for_each(|i| *l.entry(i.priority).or_default() += 1);
        let mut sizes: Vec<_> = g.values().copied().collect();
        sizes.sort();
        eprintln!(
            "{sort:?} {seed}: items {} sizes {:?} levels {:?} opens {} free {:?} occ {:?}",
            p.items.len(),
            sizes,
            l,
            p.items.iter().filter(|i| i.opens).count(),
            p.bins.iter().map(|b| b.free.len()).collect::<Vec<_>>(),
            p.bins
                .iter()
                .map(|b| (b.kept, b.occupants.clone()))
                .collect::<Vec<_>>()
        );
        let start = std::time::Instant::now();
        let r = solve(&p, &mut Budget { nodes: 10_000_000 });
        eprintln!("  {} {:?}", r.is_best, start.elapsed());
    }
}
