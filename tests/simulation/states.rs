//! A process reports the states of a channel in the order in which the channel was in them.
//!
//! It may miss some, and see one late. It never goes back to one that it has reported: then it has taken an old list for
//! the present state. Only of a state that it has just missed it cannot know that it is over.
//!
//! Of a channel on which a call of its own failed it plans with nothing that was over by then: the call may have had its
//! effect, which a list that lags behind does not show.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use slotwise::testing::controller::{Event, StepOutcome};
use slotwise::testing::emulator::World;
use slotwise::testing::model::{ChannelId, ChannelState};
use tokio::time::Instant;

use super::process::Sign;

/// What states the channels were in, and how far each process has reported them.
#[derive(Default)]
pub(super) struct States {
    /// By channel, from the first on, each with when it could be seen first.
    passed: BTreeMap<String, Vec<(Instant, &'static str)>>,
    /// When they were looked up last, in the emulator's time.
    until: Duration,
    reported: BTreeMap<(String, ChannelId), Reported>,
    /// When a call of each process failed, by its channel, until the process has seen that one again.
    failed: BTreeMap<(String, ChannelId), Instant>,
}

/// The passed states of a channel that a process has reported, by their place; the last is where it is, at least.
type Reported = BTreeSet<usize>;

/// How long a list may lag behind in these lives, and reports based on one.
const LAG_MAX: Duration = Duration::from_mins(1);

impl States {
    /// Takes note of the states up to `now`.
    pub(super) fn follow(&mut self, world: &World, now: Duration) {
        for (id, channel) in world.channels() {
            let passed = self.passed.entry(id.clone()).or_default();
            for state in channel.states_since(self.until) {
                if passed.last().is_none_or(|(_, last)| *last != state.name()) {
                    passed.push((Instant::now(), state.name()));
                }
            }
        }
        self.until = now;
    }

    /// What is wrong with what `process` reported or planned with at `when`.
    pub(super) fn hear(&mut self, process: &str, when: Instant, sign: &Sign) -> Option<String> {
        match sign {
            Sign::Reported(Event::StateChanged { channel, to, .. }) => {
                self.check_order(process, when, channel, *to)
            }
            Sign::Reported(Event::StepEnded {
                channel,
                outcome: StepOutcome::Failed { .. },
                ..
            }) => {
                self.failed.insert((process.to_owned(), channel.clone()), when);
                None
            }
            Sign::Reported(_) => None,
            Sign::Planned(states) => states
                .iter()
                .find_map(|(channel, state)| self.check_since_failure(process, when, channel, *state)),
        }
    }

    /// What was over when a call failed is not planned with afterwards.
    fn check_since_failure(
        &mut self,
        process: &str,
        when: Instant,
        channel: &ChannelId,
        state: ChannelState,
    ) -> Option<String> {
        let failed = self.failed.remove(&(process.to_owned(), channel.clone()))?;
        let passed = self.passed.get(channel.as_str()).map_or(&[][..], Vec::as_slice);
        let until = |at: usize| passed.get(at + 1).map(|(next, _)| *next);
        let may_be = |(at, (since, name)): (usize, &(Instant, &str))| {
            *name == state.as_str() && *since <= when && until(at).is_none_or(|end| failed <= end)
        };
        let is_current = passed.iter().enumerate().any(may_be);
        (!is_current).then(|| {
            format!("{process} plans with channel {channel} {state}, which was over when its call failed")
        })
    }

    /// No state is reported that the process knew to be over.
    fn check_order(
        &mut self,
        process: &str,
        when: Instant,
        channel: &ChannelId,
        to: ChannelState,
    ) -> Option<String> {
        let passed = self.passed.get(channel.as_str()).map_or(&[][..], Vec::as_slice);
        // It is read later: states that came meanwhile were not reported.
        let passed = &passed[..passed.partition_point(|(since, _)| *since <= when)];
        let reported = self
            .reported
            .entry((process.to_owned(), channel.clone()))
            .or_default();
        let is_it = |at: &usize| passed[*at].1 == to.as_str();
        let last = reported.last().copied().unwrap_or(0);
        // Of what it missed it cannot know that it is over.
        let is_missed = |at: &usize| !reported.contains(at) && when <= passed[*at + 1].0 + LAG_MAX;
        let found = (last..passed.len())
            .find(is_it)
            .or_else(|| (0..last).filter(is_missed).find(is_it));
        match found {
            Some(at) => {
                reported.insert(at);
                None
            }
            None => Some(format!(
                "{process} reports that channel {channel} is {to}, which it was before, if ever"
            )),
        }
    }
}
