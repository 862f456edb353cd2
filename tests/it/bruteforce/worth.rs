//! What an outcome is worth: a number for each criterion.

use std::collections::BTreeSet;

use slotwise::testing::model::{ChannelState, Placement};

use super::case::{Case, Hold};
use super::outcome::{Fate, Outcome, new_on, outcomes, protected, protection};

/// The criteria, each so that less is better; the first that differs decides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Worth {
    /// (1) By priority, highest first: destinations that are not where they are wanted.
    pub(super) misplaced: Vec<usize>,
    /// (2) Destinations interrupted.
    pub(super) interruptions: usize,
    /// (2b) Destinations newly placed on channels in trouble.
    pub(super) in_trouble: usize,
    /// (3) Pairs of destinations of other groups on a channel and running channels (`Spread`), or the other way round (`Pack`).
    pub(super) sharing: (usize, usize),
    /// (4) Destinations on channels that have to stop first, channels updated, slots rewritten.
    pub(super) effort: (usize, usize, usize),
}

pub(super) fn worth(case: &Case, outcome: &Outcome) -> Worth {
    let end = End { case, outcome };
    let mut levels: BTreeSet<i32> = case.dests.iter().map(|dest| dest.priority).collect();
    levels.insert(0);
    let pairs: usize = end.chans().map(|c| end.pairs_of_groups(c)).sum();
    let running = end.chans().filter(|c| end.runs(*c)).count();
    let interrupted = |c: &usize| outcome.fates[*c] != Fate::Left && case.chans[*c].state.is_running();
    // STOPPING counts like running, but not on a channel with an interruption, as it did not while the channel ran: what
    // was chosen for a stop stays chosen while it lasts.
    let stops_first = |c: usize| match case.chans[c].state {
        ChannelState::Stopping => !end.a_wanted_one_returns(c),
        state => state.is_running() && !protected(case, c),
    };
    Worth {
        misplaced: levels
            .into_iter()
            .rev()
            .map(|level| end.misplaced(level))
            .collect(),
        interruptions: end.chans().filter(interrupted).map(|c| end.wanted_now(c)).sum(),
        in_trouble: end.newcomers(|c| case.chans[c].failures >= 2),
        sharing: match case.placement {
            Placement::Spread => (pairs, running),
            Placement::Pack => (running, pairs),
        },
        effort: (
            end.newcomers(stops_first),
            end.chans().filter(|c| end.rewritten(*c) > 0).count(),
            // How many slots are rewritten is not compared: whether that is of a destination that would find its target there
            // later goes before it, which this does not know.
            0,
        ),
    }
}

/// The state in the end.
struct End<'a> {
    case: &'a Case,
    outcome: &'a Outcome,
}

impl End<'_> {
    fn chans(&self) -> std::ops::Range<usize> {
        0..self.case.chans.len()
    }

    fn runs(&self, c: usize) -> bool {
        match self.outcome.fates[c] {
            Fate::Left => self.case.chans[c].state.is_running(),
            Fate::Stopped => false,
            Fate::Started => true,
        }
    }

    fn content(&self, c: usize, s: usize) -> Hold {
        match self.outcome.fates[c] {
            Fate::Left | Fate::Stopped => self.case.chans[c].slots[s],
            Fate::Started => (0..self.case.dests.len())
                .find(|d| self.outcome.places[*d] == Some((c, s)))
                .map_or(Hold::Parked, Hold::Dest),
        }
    }

    /// What is on air, with its channel.
    fn on_air(&self) -> Vec<(usize, Hold)> {
        self.chans()
            .filter(|c| self.runs(*c))
            .flat_map(|c| (0..self.case.chans[c].slots.len()).map(move |s| (c, self.content(c, s))))
            .collect()
    }

    /// Destinations of this priority that are on air and should not be, or the other way round; undeclared targets that may
    /// be released have priority 0.
    fn misplaced(&self, level: i32) -> usize {
        let on_air = self.on_air();
        let dests = &self.case.dests;
        let wrong = |d: &usize| on_air.iter().any(|(_, hold)| *hold == Hold::Dest(*d)) != dests[*d].streaming;
        let declared = (0..dests.len())
            .filter(|d| dests[*d].priority == level && !dests[*d].paused)
            .filter(wrong)
            .count();
        let undeclared = on_air.iter().filter(|(c, hold)| {
            matches!(hold, Hold::Previous(_) | Hold::Undeclared) && !protection(self.case, *c, *hold).0
        });
        declared + if level == 0 { undeclared.count() } else { 0 }
    }

    /// Pairs of wanted destinations of different groups on channel `c`; without a group each is one of its own.
    fn pairs_of_groups(&self, c: usize) -> usize {
        let dests = &self.case.dests;
        let wanted: Vec<usize> = self
            .on_air()
            .into_iter()
            .filter_map(|(on, hold)| match hold {
                Hold::Dest(d) if on == c && dests[d].wanted() => Some(d),
                _ => None,
            })
            .collect();
        let mut pairs = 0;
        for (index, one) in wanted.iter().enumerate() {
            for other in &wanted[index + 1..] {
                let group = dests[*one].group;
                pairs += usize::from(group.is_none() || group != dests[*other].group);
            }
        }
        pairs
    }

    /// Destinations that newly go to channels of a kind.
    fn newcomers(&self, on: impl Fn(usize) -> bool) -> usize {
        (0..self.case.dests.len())
            .filter(|d| new_on(self.case, self.outcome, *d).is_some_and(&on))
            .count()
    }

    /// Whether a wanted destination was interrupted on channel `c` and comes back.
    fn a_wanted_one_returns(&self, c: usize) -> bool {
        let returns = |hold: &Hold| matches!(hold, Hold::Dest(d) if self.case.dests[*d].returning && self.case.dests[*d].wanted());
        self.case.chans[c].slots.iter().any(returns)
    }

    /// Wanted destinations that channel `c` holds now.
    fn wanted_now(&self, c: usize) -> usize {
        let wanted = |hold: &&Hold| matches!(hold, Hold::Dest(d) if self.case.dests[*d].wanted());
        self.case.chans[c].slots.iter().filter(wanted).count()
    }

    /// Slots of channel `c` that are written. What a failed update left behind is unknown: whatever is given there is written
    /// again.
    fn rewritten(&self, c: usize) -> usize {
        let chan = &self.case.chans[c];
        let failed = chan.state == ChannelState::UpdateFailed && self.outcome.fates[c] == Fate::Started;
        let written_again =
            |hold: Hold| failed && matches!(hold, Hold::Dest(d) if self.case.dests[d].key_known);
        (0..chan.slots.len())
            .filter(|s| self.content(c, *s) != chan.slots[*s] || written_again(self.content(c, *s)))
            .count()
    }
}

pub(super) fn best(case: &Case) -> (Outcome, Worth) {
    let mut best: Option<(Outcome, Worth)> = None;
    outcomes(case, |outcome| {
        let worth = worth(case, outcome);
        if best.as_ref().is_none_or(|(_, least)| worth < *least) {
            best = Some((outcome.clone(), worth));
        }
    });
    best.unwrap()
}
