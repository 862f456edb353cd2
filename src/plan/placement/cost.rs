//! What a placement costs: a vector that is compared field by field, and the same as one number.

use super::problem::{Bin, Held, Placed, Problem, join};

/// What a placement costs, compared from the first field on.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::plan) struct Cost {
    /// Items that wait and wishes that are not fulfilled, per level.
    pub(in crate::plan) lost: Vec<usize>,
    /// Wanted destinations that are interrupted.
    pub(in crate::plan) interruptions: usize,
    /// Items on channels whose last steps failed.
    pub(in crate::plan) troubled: usize,
    /// Pairs of different groups on a running channel, and running channels; for `pack` the other way round.
    pub(in crate::plan) sharing: [usize; 2],
    /// Items on channels that have to stop first, by an interruption or without.
    pub(in crate::plan) stops: usize,
    /// Running channels that need an update.
    pub(in crate::plan) updates: usize,
    /// Slots that another destination would find its target in later.
    pub(in crate::plan) displaced: usize,
    /// Slots written.
    pub(in crate::plan) writes: usize,
    /// Items on channels that have to be adopted first.
    pub(in crate::plan) adoptions: usize,
}

/// Which criteria of a cost count. Those before sharing, and running channels, always do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Detail {
    /// Pairs of different groups.
    pub(super) groups: bool,
    /// All criteria after sharing.
    pub(super) writes: bool,
}

impl Detail {
    const ALL: Self = Self {
        groups: true,
        writes: true,
    };
}

impl Problem {
    /// What `placed` costs.
    pub(in crate::plan) fn cost(&self, placed: &Placed) -> Cost {
        let mut cost = self.no_cost();
        let mut by_bin: Vec<Vec<usize>> = vec![Vec::new(); self.bins.len()];
        for (item, bin) in placed.iter().enumerate() {
            match bin {
                Some(bin) => by_bin[*bin].push(item),
                None => cost.lost[self.level(self.items[item].priority)] += 1,
            }
        }
        for (at, items) in by_bin.iter().enumerate() {
            self.add_bin(at, items, Detail::ALL, &mut cost);
        }
        cost
    }

    /// What of it is due to one bin with `items` in it.
    pub(super) fn bin_cost(&self, at: usize, items: &[usize], detail: Detail) -> Cost {
        let mut cost = self.no_cost();
        self.add_bin(at, items, detail, &mut cost);
        cost
    }

    fn no_cost(&self) -> Cost {
        Cost {
            lost: vec![0; self.levels.len()],
            ..Cost::default()
        }
    }

    fn add_bin(&self, at: usize, items: &[usize], detail: Detail, cost: &mut Cost) {
        let bin = &self.bins[at];
        let runs = bin.runs || !items.is_empty();
        if runs {
            let pairs = if detail.groups { self.pairs(at, items) } else { 0 };
            let [first, second] = self.sharing(pairs, 1);
            cost.sharing[0] += first;
            cost.sharing[1] += second;
        }
        if !self.is_open(at, items) {
            for wish in &bin.wishes {
                cost.lost[self.level(*wish)] += 1;
            }
            return;
        }
        let count_if = |counts: bool| if counts { items.len() } else { 0 };
        cost.interruptions += if bin.kept { bin.weight } else { 0 };
        cost.troubled += count_if(bin.troubled);
        if !detail.writes {
            return;
        }
        cost.stops += count_if(bin.stops_first || bin.kept);
        cost.adoptions += count_if(bin.unowned);
        if runs {
            let (writes, displaced) = self.writes(at, items);
            cost.updates += usize::from(bin.kept || writes > 0);
            cost.displaced += displaced;
            cost.writes += writes;
        }
    }

    fn sharing(&self, pairs: usize, running: usize) -> [usize; 2] {
        if self.pack {
            [running, pairs]
        } else {
            [pairs, running]
        }
    }

    /// Slots of a bin that runs in the end that are written for `items`, and those that are lost to others.
    fn writes(&self, at: usize, items: &[usize]) -> (usize, usize) {
        let bin = &self.bins[at];
        let slots = self.slots_for(at, items);
        let mut writes = bin.bound_writes + items.len() - slots.len();
        let mut displaced = 0;
        for free in &bin.free {
            let taker = slots.iter().find(|(_, slot)| *slot == free.slot);
            let is_warm = taker.is_some_and(|(item, slot)| self.items[*item].warm.contains(&(at, *slot)));
            displaced += usize::from(free.holds == Held::Warm && !is_warm);
            writes += usize::from(match taker {
                Some(_) => bin.unsure || !is_warm,
                None => free.holds != Held::Parked,
            });
        }
        (writes, displaced)
    }

    /// Pairs of different groups among all destinations on a bin.
    fn pairs(&self, at: usize, items: &[usize]) -> usize {
        let mut groups: Vec<(usize, usize)> = self.bins[at].occupants.clone();
        for item in items.iter().filter(|item| !self.is_own(**item, at)) {
            join(&mut groups, self.items[*item].group);
        }
        let all: usize = groups.iter().map(|(_, count)| count).sum();
        let squares: usize = groups.iter().map(|(_, count)| count * count).sum();
        (all * all - squares) / 2
    }
}

impl Cost {
    /// Its fields in their order.
    fn digits(&self) -> impl DoubleEndedIterator<Item = usize> {
        let [first, second] = self.sharing;
        let rest = [
            self.interruptions,
            self.troubled,
            first,
            second,
            self.stops,
            self.updates,
            self.displaced,
            self.writes,
            self.adoptions,
        ];
        self.lost.iter().copied().chain(rest)
    }
}

/// A [`Cost`] as one number: its fields are the digits, so that costs are added and compared at once.
pub(super) type Code = u128;

/// More than any placement costs, and small enough to be added up for all items.
pub(super) const NEVER: Code = 1 << 118;

/// The place values of a [`Code`]'s digits.
pub(super) struct Scale {
    /// In the order of [`Cost`]'s fields.
    units: Vec<Code>,
    /// One more than the largest value of each digit.
    radices: Vec<Code>,
    levels: usize,
    /// Which digit the pairs are.
    pairs: usize,
}

impl Scale {
    /// `None` if the cost of this problem does not fit into a code.
    pub(super) fn new(problem: &Problem) -> Option<Self> {
        let radices: Vec<Code> = most(problem).digits().map(|digit| digit as Code + 1).collect();
        let mut unit: Code = 1;
        let mut units = vec![0; radices.len()];
        for (here, radix) in units.iter_mut().zip(&radices).rev() {
            *here = unit;
            unit = unit.saturating_mul(*radix);
        }
        let levels = problem.levels.len();
        (unit < NEVER).then_some(Self {
            units,
            radices,
            levels,
            pairs: levels + if problem.pack { 3 } else { 2 },
        })
    }

    pub(super) fn code(&self, cost: &Cost) -> Code {
        let digits = cost.digits().zip(&self.units);
        digits.map(|(digit, unit)| digit as Code * unit).sum()
    }

    /// One that is lost on a level.
    pub(super) fn one_lost(&self, level: usize) -> Code {
        self.units[level]
    }

    /// How many are lost on a level, and how many there are.
    pub(super) fn lost(&self, code: Code, level: usize) -> (Code, Code) {
        (self.digit(code, level), self.radices[level] - 1)
    }

    pub(super) fn interruptions(&self, code: Code) -> usize {
        usize::try_from(self.digit(code, self.levels)).unwrap_or(usize::MAX)
    }

    fn digit(&self, code: Code, at: usize) -> Code {
        code / self.units[at] % self.radices[at]
    }

    /// The same without the pairs.
    pub(super) fn without_pairs(&self, code: Code) -> Code {
        let (above, pairs) = (self.units[self.pairs - 1], self.units[self.pairs]);
        code / above * above + code % pairs
    }

    /// A lower bound from one without the criteria after sharing, `groups`, and one without pairs.
    pub(super) fn combine(&self, groups: Code, others: Code) -> Code {
        let (above, pairs) = (self.units[self.pairs - 1], self.units[self.pairs]);
        if groups / above == others / above {
            groups - groups % pairs + (groups % pairs).max(others % pairs)
        } else {
            groups.max(others)
        }
    }

    /// Whether the criteria after pairs decide between the two.
    pub(super) fn are_as_good_up_to_pairs(&self, one: Code, other: Code) -> bool {
        one / self.units[self.pairs] == other / self.units[self.pairs]
    }
}

/// The most that any placement could cost in each field.
fn most(problem: &Problem) -> Cost {
    let (items, bins) = (problem.items.len(), problem.bins.len());
    let sum = |of: fn(&Bin) -> usize| problem.bins.iter().map(of).sum::<usize>();
    let slots = sum(|bin| bin.free.len());
    let pairs = problem.bins.iter().map(|bin| (bin.load() + items).pow(2) / 2);
    let mut most = problem.no_cost();
    let priorities = problem.items.iter().map(|item| item.priority);
    let wishes = problem.bins.iter().flat_map(|bin| bin.wishes.iter().copied());
    for priority in priorities.chain(wishes) {
        most.lost[problem.level(priority)] += 1;
    }
    Cost {
        interruptions: sum(|bin| bin.weight),
        troubled: items,
        sharing: problem.sharing(pairs.sum(), bins),
        stops: items,
        updates: bins,
        displaced: slots,
        writes: slots + sum(|bin| bin.bound_writes) + items,
        adoptions: items,
        ..most
    }
}
