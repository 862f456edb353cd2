//! Costs as numbers, and the least number of pairs of different groups.

use super::kinds::{Ground, Size};
use super::problem::Problem;

/// A cost as one number: its fields are the digits, so that costs are added and compared at once.
pub(super) type Code = u128;

/// More than any placement costs, and small enough to be added up for all items.
pub(super) const NEVER: Code = 1 << 118;

pub(super) fn code(count: usize) -> Code {
    count as Code
}

/// The place values of a [`Code`]'s digits.
pub(super) struct Scale {
    pub(super) lost: Vec<Code>,
    /// One more than the largest value of each digit of `lost`.
    pub(super) lost_radix: Vec<Code>,
    pub(super) interruptions: Code,
    pub(super) interruptions_radix: Code,
    pub(super) troubled: Code,
    /// Place value of whatever comes just before the pairs.
    pub(super) above_pairs: Code,
    pub(super) pairs: Code,
    pub(super) running: Code,
    pub(super) stops: Code,
    pub(super) updates: Code,
    pub(super) displaced: Code,
    pub(super) writes: Code,
    pub(super) adoptions: Code,
}

impl Scale {
    /// How much is lost on all levels together.
    pub(super) fn all_lost(&self, cost: Code) -> usize {
        let digits = self.lost.iter().zip(&self.lost_radix);
        let lost: Code = digits.map(|(unit, radix)| cost / unit % radix).sum();
        usize::try_from(lost).unwrap_or(usize::MAX)
    }

    /// `None` if the cost of this problem does not fit into a code.
    pub(super) fn new(problem: &Problem) -> Option<Self> {
        let (items, bins) = (problem.items.len(), problem.bins.len());
        let slots: usize = problem.bins.iter().map(|bin| bin.free.len()).sum();
        let bound: usize = problem.bins.iter().map(|bin| bin.bound_writes).sum();
        let weight: usize = problem.bins.iter().map(|bin| bin.weight).sum();
        let most = problem.bins.iter().map(|bin| (bin.load() + items).pow(2) / 2);
        let pairs_most: usize = most.sum();
        let mut unit: Code = 1;
        let mut digit = |most: usize| {
            let here = unit;
            unit = unit.saturating_mul(code(most) + 1);
            here
        };
        let adoptions = digit(items);
        let writes = digit(slots + bound + items);
        let displaced = digit(slots);
        let updates = digit(bins);
        let stops = digit(items);
        let (running, pairs, above_pairs);
        if problem.pack {
            pairs = digit(pairs_most);
            running = digit(bins);
            above_pairs = running;
        } else {
            running = digit(bins);
            pairs = digit(pairs_most);
            above_pairs = digit(0);
        }
        let troubled = digit(items);
        let interruptions = digit(weight);
        let mut counts = vec![0; problem.levels.len()];
        let priorities = problem.items.iter().map(|item| item.priority);
        let wishes = problem.bins.iter().flat_map(|bin| bin.wishes.iter().copied());
        priorities
            .chain(wishes)
            .for_each(|priority| counts[problem.level(priority)] += 1);
        let mut lost: Vec<Code> = counts.iter().rev().map(|count| digit(*count)).collect();
        lost.reverse();
        (unit < NEVER).then_some(Self {
            lost,
            lost_radix: counts.into_iter().map(|count| code(count) + 1).collect(),
            interruptions,
            interruptions_radix: code(weight) + 1,
            troubled,
            above_pairs,
            pairs,
            running,
            stops,
            updates,
            displaced,
            writes,
            adoptions,
        })
    }
}

/// Prices are counted in parts of a pair.
const PARTS: i64 = 8;

const TOO_MUCH: i64 = i64::MAX / 4;

/// Rounds in which prices are improved, and the first step.
const ROUNDS_MAX: usize = 12;
const STEPS: [i64; 3] = [4, 2, 1];

/// A lower bound for pairs of different groups on a channel, by prices of slots.
///
/// Each group pays for its items what they meet: an occupant of another group a whole pair, another item that joins half of
/// it, the other half is paid by that. What a group meets hangs on how it is divided and how many join the channels that its parts go
/// to. So let a place on a channel of so many occupants that so many join have a price, which groups get for taking it and channels
/// have to give. Then each group is divided, and each channel filled, at the least cost by itself, and the sum is a lower bound, whatever
/// the prices. Good ones are found by trying.
pub(super) struct Prices {
    /// By occupants and joiners of a bin.
    places: Vec<Vec<i64>>,
    /// Whether there may be such a bin.
    exists: Vec<Vec<bool>>,
    /// For an item that does not join.
    waits: i64,
    /// What is joined by how many, by bin.
    loads: Vec<Vec<usize>>,
    /// Occupants by bin, and their pairs from each bin on.
    occupants: Vec<usize>,
    pairs: Vec<usize>,
    /// Most occupants of its group that an item with a tag could meet on a bin with so many occupants.
    homes: Vec<Vec<usize>>,
    /// The least cost of so many items of one group, by its tag.
    groups: Vec<Vec<i64>>,
    /// The least cost of the bins from each on if so many join.
    bins: Vec<Vec<i64>>,
    /// How many prices were tried.
    pub(super) tries: usize,
}

impl Prices {
    /// Prices for what is to be placed at first; `loads`: how many may join each bin.
    pub(super) fn new(ground: &Ground<'_>, loads: Vec<Vec<usize>>, sizes: &[Size], waits_max: usize) -> Self {
        let bins = || ground.bins.iter().map(|bin| &ground.problem.bins[*bin]);
        let occupants: Vec<usize> = bins().map(super::Bin::load).collect();
        let most = occupants.iter().max().copied().unwrap_or(0);
        let room = loads.iter().flatten().max().copied().unwrap_or(0);
        let mut pairs = vec![0];
        for bin in bins().rev() {
            let squares: usize = bin.occupants.iter().map(|(_, count)| count * count).sum();
            let here = if bin.runs {
                (bin.load() * bin.load() - squares) / 2
            } else {
                0
            };
            pairs.push(pairs[pairs.len() - 1] + here);
        }
        pairs.reverse();
        let mut homes = vec![vec![0; most + 1]; ground.bins.len() + 1];
        for (at, here) in ground.homes.iter().enumerate() {
            for (group, count) in here {
                let home = &mut homes[ground.last_home[*group]][occupants[at]];
                *home = (*home).max(*count);
            }
        }
        // What it costs if all are of different groups.
        let place = |others: usize, joins: usize| parts(others) + parts(joins.saturating_sub(1)) / 2;
        let mut prices = Self {
            places: (0..=most)
                .map(|others| (0..=room).map(|joins| place(others, joins)).collect())
                .collect(),
            exists: vec![vec![false; room + 1]; most + 1],
            waits: 0,
            loads,
            occupants,
            pairs,
            homes,
            groups: Vec::new(),
            bins: Vec::new(),
            tries: 0,
        };
        let items = sizes.iter().map(|size| size.all).sum();
        let largest = sizes.iter().map(|size| size.all).max().unwrap_or(0);
        for (loads, occupants) in prices.loads.iter().zip(&prices.occupants) {
            for joins in loads {
                prices.exists[*occupants][*joins] = true;
            }
        }
        prices.fill(items, largest);
        prices.improve(sizes, waits_max, items, largest);
        prices
    }

    /// Changes one price after the other as long as that raises the bound.
    fn improve(&mut self, sizes: &[Size], waits_max: usize, items: usize, largest: usize) {
        let mut best = self.bound(0, sizes, waits_max);
        let room = self.places[0].len();
        let all: Vec<(usize, usize)> = (0..self.places.len())
            .flat_map(|others| (0..room).map(move |joins| (others, joins)))
            .filter(|(others, joins)| {
                (*others, *joins) == (0, 0) || *joins > 0 && self.exists[*others][*joins]
            })
            .collect();
        for step in STEPS {
            for _ in 0..ROUNDS_MAX {
                let before = best;
                for (place, by) in all.iter().flat_map(|place| [(*place, step), (*place, -step)]) {
                    self.tries += 1;
                    *self.price(place) += by;
                    self.fill(items, largest);
                    let bound = self.bound(0, sizes, waits_max);
                    if bound > best {
                        best = bound;
                    } else {
                        *self.price(place) -= by;
                    }
                }
                if best == before {
                    break;
                }
            }
        }
        self.fill(items, largest);
    }

    /// The price of a place; that where nobody joins stands for not joining.
    fn price(&mut self, (others, joins): (usize, usize)) -> &mut i64 {
        if joins == 0 {
            &mut self.waits
        } else {
            &mut self.places[others][joins]
        }
    }

    fn fill(&mut self, items: usize, largest: usize) {
        let tags = self.homes.len();
        self.groups.clear();
        for tag in 0..tags {
            let part: Vec<i64> = (0..=largest).map(|size| self.part(size, tag)).collect();
            let mut costs = vec![0];
            for size in 1..=largest {
                let of = (1..=size)
                    .filter(|first| part[*first] < TOO_MUCH)
                    .map(|first| part[first] + costs[size - first]);
                costs.push(of.min().unwrap_or(TOO_MUCH));
            }
            self.groups.push(costs);
        }
        let mut bins = vec![vec![TOO_MUCH; items + 1]; self.loads.len() + 1];
        bins[self.loads.len()][0] = 0;
        for at in (0..self.loads.len()).rev() {
            for joins in self.loads[at].iter().copied().filter(|joins| *joins <= items) {
                let price = self.places[self.occupants[at]][joins] * whole(joins);
                for rest in 0..=items - joins {
                    let cost = bins[at + 1][rest] + price;
                    bins[at][rest + joins] = bins[at][rest + joins].min(cost);
                }
            }
        }
        self.bins = bins;
    }

    /// The least cost of a part of a group on one bin.
    fn part(&self, size: usize, tag: usize) -> i64 {
        let mut least = TOO_MUCH;
        for (others, places) in self.places.iter().enumerate() {
            let met = others - self.homes[tag][others].min(others);
            for (joins, price) in places.iter().enumerate().skip(size) {
                if !self.exists[others][joins] {
                    continue;
                }
                least = least.min(parts(size * (joins - size)) / 2 + parts(size * met) - price * whole(size));
            }
        }
        least
    }

    /// In parts of a pair, without occupants among themselves.
    fn bound(&self, at: usize, sizes: &[Size], waits_max: usize) -> i64 {
        let (mut items, mut optional, mut own, mut sum) = (0, 0, 0, 0);
        for size in sizes {
            items += size.all;
            optional += size.optional;
            own += size.own;
            let costs = &self.groups[if size.tag > at { size.tag } else { 0 }];
            let joining =
                (0..=size.optional).map(|waits| costs[size.all - waits] - self.waits * whole(waits));
            sum += joining.min().unwrap_or(0);
        }
        let waits = 0..=optional.min(waits_max + own);
        let bins = waits.map(|waits| self.bins[at][items - waits] + self.waits * whole(waits));
        sum + bins.min().unwrap_or(0)
    }

    /// At least so many pairs there are on the bins from `at` on if blocks of these sizes are left.
    pub(super) fn pairs(&self, at: usize, sizes: &[Size], waits_max: usize) -> usize {
        let bound = self.bound(at, sizes, waits_max).clamp(0, PARTS * 1_000_000);
        self.pairs[at] + usize::try_from((bound + PARTS - 1) / PARTS).unwrap_or(0)
    }
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(TOO_MUCH)
}

fn parts(pairs: usize) -> i64 {
    PARTS * whole(pairs)
}
