//! From placement to goals: what becomes of each channel of a pool, and who is carried where.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::assign::{Cost, Place, Placed, Problem};
use super::interrupt::{Change, Crew, Kind, Policy, join, kind, leave};
use super::survey::{Holder, Stance, Survey};
use super::{Interruptions, Optimality, Waiting, search};
use crate::model::{ChannelId, ChannelObservation, ChannelState, Desired, DestinationName, Observed};

/// What becomes of one pool.
pub(super) struct Decision<'a> {
    /// What was seen.
    pub(super) survey: Survey<'a>,
    /// What the pool grants now.
    pub(super) policy: Policy<'a>,
    /// How each channel stands; `None` for one that may not be used.
    pub(super) kinds: Vec<Option<Kind>>,
    /// What was left to decide.
    pub(super) problem: Problem,
    /// The bin of each item that was to be placed.
    pub(super) placed: Placed,
    /// What becomes of each channel.
    pub(super) goals: Vec<Goal>,
    /// Slots given to destinations that are not on air in them.
    pub(super) given: BTreeMap<usize, usize>,
    /// The slot that each of them was given.
    slot_given: BTreeMap<usize, usize>,
    /// The slot that carries each destination on air in the end, wanted or not.
    pub(super) carried: Vec<Option<usize>>,
    /// Channels whose interruption has to wait its turn.
    pub(super) delayed: BTreeSet<usize>,
    /// Interruptions planned and least possible.
    pub(super) interruptions: Interruptions,
    /// How good the placement is known to be.
    pub(super) optimality: Optimality,
    /// What keeps destinations that could go anywhere from a slot, once it was asked for.
    pub(super) joining: OnceCell<Option<Waiting>>,
}

/// What becomes of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// It is left exactly as it is: it may not be used.
    Leave,
    /// It stays stopped; what its slots hold stays, too.
    Idle,
    /// It keeps running unchanged.
    Stay,
    /// Nobody on it is wanted: it stops.
    Stop,
    /// It carries the given destinations and nobody else.
    Run,
    /// It stops, changes and starts again; those protected come back to their slots.
    Interrupt,
}

impl<'a> Decision<'a> {
    /// Decides for the pool that was read.
    pub(super) fn new(
        survey: Survey<'a>,
        desired: &'a Desired,
        observed: &'a Observed,
        now: Timestamp,
    ) -> Self {
        let policy = Policy::new(&survey.pool.disruption, &desired.grants, now);
        let kinds: Vec<Option<Kind>> = (0..survey.channels.len())
            .map(|at| survey.channels[at].is_usable().then(|| kind(&survey, at)))
            .collect();
        let problem = Problem::new(&survey, &kinds, &policy);
        let found = search::best(&problem);
        let mut given: BTreeMap<usize, usize> =
            problem.bound.iter().map(|(dest, slot)| (*slot, *dest)).collect();
        for (bin, items) in problem.by_bin(&found.placed).iter().enumerate() {
            for (item, slot) in problem.slots_for(bin, items) {
                given.insert(slot, problem.items[item].dest);
            }
        }
        let mut decision = Self {
            goals: Vec::with_capacity(kinds.len()),
            carried: vec![None; survey.dests.len()],
            delayed: BTreeSet::new(),
            interruptions: Interruptions::default(),
            optimality: if found.is_best {
                Optimality::Optimal
            } else {
                Optimality::Heuristic
            },
            survey,
            policy,
            kinds,
            problem,
            placed: found.placed,
            slot_given: given.iter().map(|(slot, dest)| (*dest, *slot)).collect(),
            given,
            joining: OnceCell::new(),
        };
        decision.set_goals();
        decision.set_carried();
        decision.delay(observed);
        let channels = 0..decision.goals.len();
        let planned = channels
            .map(|channel| decision.interrupted_on(channel).len())
            .sum();
        let lower_bound = found.bound.interruptions.min(planned);
        decision.interruptions = Interruptions { planned, lower_bound };
        decision
    }

    /// Who is interrupted on a channel, even if that has to wait its turn.
    pub(super) fn interrupted_on(&self, channel: usize) -> &[usize] {
        match &self.kinds[channel] {
            Some(Kind::Kept(crew)) if self.goals[channel] == Goal::Interrupt => &crew.on_air,
            _ => &[],
        }
    }

    /// Who is given a slot on a channel: slot and destination.
    pub(super) fn given_on(&self, channel: usize) -> impl Iterator<Item = (usize, usize)> {
        let slots = self.survey.channels[channel].slots.clone();
        self.given.range(slots).map(|(slot, dest)| (*slot, *dest))
    }

    /// The changes that an interruption of a kept channel would make, as far as they can grant one.
    pub(super) fn changes(&self, channel: usize, crew: &Crew) -> Vec<Change> {
        let leaves = |slot: &usize| match self.survey.slots[*slot].holder {
            Holder::Outdated(dest) => self.former_leaves(dest, channel),
            _ => true,
        };
        let leaving = crew.leaving.iter().copied().filter(leaves);
        let mut changes: Vec<Change> = leaving.map(|slot| leave(&self.survey, slot)).collect();
        let joining = self.given_on(channel);
        changes.extend(joining.map(|(_, dest)| join(&self.survey, self.policy.disruption, dest, channel)));
        changes
    }

    /// Whether the former target of a destination leaves a channel for good. Where it stays it is rewritten; while its
    /// destination waits, or another to whom it may belong, it grants nothing.
    fn former_leaves(&self, dest: usize, channel: usize) -> bool {
        let problem = &self.problem;
        let given = |dest| Some(self.survey.slots[self.given_to(dest)?].channel);
        let goes_elsewhere = given(dest).is_some_and(|at| at != channel);
        let item = problem.items.binary_search_by_key(&dest, |item| item.dest);
        goes_elsewhere
            && item.ok().zip(problem.bin_of[channel]).is_none_or(|(item, bin)| {
                let place = |other: usize| given(problem.items[other].dest).and_then(|at| problem.bin_of[at]);
                problem.leaves_for_all(item, bin, |other| Place::Decided(place(other)))
            })
    }

    /// The slot that is given to a destination.
    fn given_to(&self, dest: usize) -> Option<usize> {
        self.slot_given.get(&dest).copied()
    }

    /// Names of destinations, sorted.
    pub(super) fn names(&self, dests: impl IntoIterator<Item = usize>) -> Vec<DestinationName> {
        let mut dests: Vec<usize> = dests.into_iter().collect();
        dests.sort_unstable();
        dests.dedup();
        dests
            .into_iter()
            .map(|dest| self.survey.dests[dest].decl.name.clone())
            .collect()
    }

    fn set_goals(&mut self) {
        for channel in 0..self.kinds.len() {
            let is_given = self.given_on(channel).next().is_some();
            let goal = match &self.kinds[channel] {
                None => Goal::Leave,
                Some(Kind::Stopped | Kind::Vacant) if is_given => Goal::Run,
                Some(Kind::Stopped) => Goal::Idle,
                Some(Kind::Vacant) => Goal::Stop,
                Some(Kind::Kept(crew)) => {
                    let changes = self.changes(channel, crew);
                    let granted = self.problem.bin_of[channel].is_some()
                        && changes
                            .iter()
                            .any(|change| self.policy.grants(&self.survey, *change));
                    if granted { Goal::Interrupt } else { Goal::Stay }
                }
            };
            if goal == Goal::Stay && is_given {
                // The last word on what may be interrupted is spoken here: without a grant nobody joins.
                for slot in self.survey.channels[channel].slots.clone() {
                    if let Some(dest) = self.given.remove(&slot) {
                        self.slot_given.remove(&dest);
                    }
                }
            }
            self.goals.push(goal);
        }
    }

    fn set_carried(&mut self) {
        for (slot, dest) in &self.given {
            self.carried[*dest] = Some(*slot);
        }
        for (at, dest) in self.survey.dests.iter().enumerate() {
            let Some(slot) = dest.held.filter(|_| self.survey.on_running(at)) else {
                continue;
            };
            let stays = match self.goals[self.survey.slots[slot].channel] {
                Goal::Leave | Goal::Stay => true,
                Goal::Interrupt => dest.stance != Stance::Off,
                Goal::Idle | Goal::Stop | Goal::Run => false,
            };
            if stays {
                self.carried[at] = Some(slot);
            }
        }
    }

    /// `maxConcurrent`: interruptions beyond the limit wait their turn, those with the most important gain first.
    fn delay(&mut self, observed: &Observed) {
        // Of a channel that cannot be seen just now it is not known that they are back.
        let may_be_off_air = |id: &&ChannelId| match observed.channels.get(*id) {
            Some(ChannelObservation::Seen(seen)) => seen.state != ChannelState::Running,
            Some(ChannelObservation::Missing) => false,
            Some(ChannelObservation::Unreadable { .. }) | None => true,
        };
        let channels = &self.survey.channels;
        let returning = observed.returning.values().map(|slot| &slot.channel);
        let busy: BTreeSet<usize> = returning
            .chain(&observed.interrupted)
            .filter(|id| may_be_off_air(id))
            .filter_map(|id| channels.binary_search_by(|one| one.id.cmp(id)).ok())
            .collect();
        let limit = usize::try_from(self.policy.disruption.max_concurrent).unwrap_or(usize::MAX);
        let mut turns: Vec<(std::cmp::Reverse<i32>, usize)> = (0..self.goals.len())
            .filter(|channel| self.goals[*channel] == Goal::Interrupt && !busy.contains(channel))
            .map(|channel| (std::cmp::Reverse(self.gain(channel)), channel))
            .collect();
        turns.sort_unstable();
        let late = turns.into_iter().skip(limit.saturating_sub(busy.len()));
        self.delayed = late.map(|(_, channel)| channel).collect();
    }

    /// The highest priority among those who gain by an interruption.
    fn gain(&self, channel: usize) -> i32 {
        let Some(Kind::Kept(crew)) = &self.kinds[channel] else {
            return i32::MIN;
        };
        let changes = self.changes(channel, crew);
        let priority = |change: &Change| {
            change
                .owner
                .map_or(0, |dest| self.survey.dests[dest].decl.priority)
        };
        changes.iter().map(priority).max().unwrap_or(i32::MIN)
    }
}
