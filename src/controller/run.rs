//! Cycle after cycle: when to look, and when to end.

use std::time::Duration;

use rand::Rng;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::steps::LookAgain;
use super::{Controller, CycleError, Event};
use crate::model::ChannelState;
use crate::plan::{Action, Adoption, Content, Plan};
use crate::retry::Backoff;
use crate::status::Phase;
use crate::store::Source;

/// Failures in a row on every channel with something to do after which `--once` and `apply` give up.
const GIVE_UP_AFTER: u32 = 5;

/// No two cycles begin closer together, whatever asks for them.
const CYCLE_GAP_MIN: Duration = Duration::from_millis(50);

/// How long to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Until asked to end.
    Asked,
    /// Until nothing is left to do, or nothing can be done, or time is up.
    Converged {
        /// The limit.
        deadline: Instant,
    },
}

/// How it ended.
#[derive(Debug)]
pub enum Ended {
    /// Asked to; no step is under way.
    Drained,
    /// Nothing is left to do.
    Converged,
    /// What is left to do keeps failing.
    Blocked,
    /// Time is up.
    TimedOut,
    /// Writing is no longer allowed.
    LeaseLost,
    /// The very first cycle could not even read what is desired.
    Failed(CycleError),
}

/// When the next things are due.
#[derive(Debug)]
struct Due {
    cycle: Instant,
    source: Instant,
    /// The first change of the source that no cycle has seen yet.
    changed: Option<Instant>,
    /// Whole cycles that failed in a row.
    failed: Option<Backoff>,
}

impl<S: Source> Controller<S> {
    /// Runs until `until`, or until `asked` is cancelled; then waits for the steps under way.
    pub async fn run(&mut self, until: Until, asked: &CancellationToken) -> Ended {
        let ended = self.go_on(until, asked).await;
        self.drain().await;
        self.source.finish().await;
        ended
    }

    async fn go_on(&mut self, until: Until, asked: &CancellationToken) -> Ended {
        let begun = Instant::now();
        let mut due = Due {
            cycle: begun,
            source: begun + self.settings.source_interval,
            changed: None,
            failed: None,
        };
        let mut converged_told = false;
        let mut converging_since = begun;
        let deadline = match until {
            Until::Asked => None,
            Until::Converged { deadline } => Some(deadline),
        };
        loop {
            tokio::select! {
                biased;
                () = asked.cancelled() => return self.stop_asked(),
                () = sleep_until(deadline.unwrap_or(begun)), if deadline.is_some() => return Ended::TimedOut,
                Some(ended) = self.tasks.join_next_with_id() => match self.end_step_and_go_on(ended) {
                    LookAgain::LeaseLost => return Ended::LeaseLost,
                    again => due.cycle = due.cycle.min(self.moment(again)),
                },
                () = self.wake.notified() => {
                    self.read_source().await;
                    due.cycle = due.cycle.min(self.moment(LookAgain::Now));
                }
                () = sleep_until(due.source), if until == Until::Asked => {
                    if self.look_at_source(&mut due).await {
                        converged_told = false;
                        converging_since = Instant::now();
                    }
                }
                () = sleep_until(due.cycle) => {
                    let result = tokio::select! {
                        biased;
                        () = asked.cancelled() => return self.stop_asked(),
                        () = sleep_until(deadline.unwrap_or(begun)), if deadline.is_some() => return Ended::TimedOut,
                        result = self.cycle() => result,
                    };
                    due.changed = None;
                    match result {
                        Err(error) if self.loaded.is_none() => return Ended::Failed(error),
                        Err(error) => due.cycle = self.cycle_failed(&mut due, &error),
                        Ok(()) => {
                            due.failed = None;
                            due.cycle = self.next_cycle();
                        }
                    }
                    if due.failed.is_none() && self.is_converged() {
                        if !converged_told {
                            self.tell_converged(converging_since.elapsed());
                            converged_told = true;
                        }
                        if deadline.is_some() {
                            return Ended::Converged;
                        }
                    } else {
                        if converged_told {
                            converging_since = Instant::now();
                            converged_told = false;
                        }
                        if deadline.is_some() && self.is_blocked() {
                            return Ended::Blocked;
                        }
                    }
                }
            }
        }
    }

    fn stop_asked(&mut self) -> Ended {
        self.busy.withdraw_all();
        self.tell(Event::Draining);
        Ended::Drained
    }

    /// Waits for the steps under way; each has a limit of its own.
    async fn drain(&mut self) {
        while let Some(ended) = self.tasks.join_next_with_id().await {
            self.end_step(ended);
        }
    }

    /// Reads the source where it changed, and puts the next cycle where the batch of changes ends. Whether it changed.
    async fn look_at_source(&mut self, due: &mut Due) -> bool {
        let changed = self.source.changed().await;
        let now = Instant::now();
        due.source = now + self.settings.source_interval;
        if !changed {
            return false;
        }
        self.read_source().await;
        let first = *due.changed.get_or_insert(now);
        due.cycle = (now + self.settings.batch_idle).min(first + self.settings.batch_max);
        true
    }

    async fn read_source(&mut self) {
        if let Err(error) = self.reload().await {
            let why = crate::error_chain(&error);
            self.tell(Event::SourceDoubted { why });
        }
    }

    fn moment(&self, again: LookAgain) -> Instant {
        let now = Instant::now();
        match again {
            LookAgain::Now | LookAgain::LeaseLost => now + CYCLE_GAP_MIN,
            LookAgain::AfterTransition => now + self.settings.transition_interval,
            LookAgain::In(delay) => now + delay.max(CYCLE_GAP_MIN),
        }
    }

    /// When to look again after a cycle, unless something asks for it before.
    fn next_cycle(&mut self) -> Instant {
        let now = Instant::now();
        let steady = now + self.settings.interval.mul_f64(self.random.random_range(0.9..1.1));
        let mut next = if self.is_on_its_way() {
            now + self.settings.transition_interval
        } else {
            steady
        };
        if let Some(retry) = self.memory.next_retry(now) {
            next = next.min(retry.max(now + CYCLE_GAP_MIN));
        }
        next
    }

    fn cycle_failed(&mut self, due: &mut Due, error: &CycleError) -> Instant {
        let delay = due
            .failed
            .get_or_insert_with(Backoff::default)
            .fail(&mut self.random)
            .min(self.settings.interval);
        self.tell(Event::CycleFailed {
            what: crate::error_chain(error),
            retry_in: delay,
        });
        Instant::now() + delay
    }

    /// Whether a channel of ours is in transition, recovers, or has a step under way.
    fn is_on_its_way(&self) -> bool {
        let Some(plan) = &self.plan else { return false };
        !self.busy.is_idle()
            || plan.channels.iter().any(|channel| {
                let ours = matches!(channel.adoption, Adoption::Owned | Adoption::Adopt);
                let waits = channel
                    .steps
                    .first()
                    .is_some_and(|step| step.action == Action::Wait);
                waits
                    || (ours
                        && channel
                            .seen
                            .as_ref()
                            .is_some_and(|seen| seen.state.is_transition()))
            })
    }

    fn is_converged(&self) -> bool {
        self.plan.as_ref().is_some_and(|plan| plan.is_empty()) && !self.is_on_its_way()
    }

    /// Whether all that is left to do has failed again and again.
    fn is_blocked(&self) -> bool {
        let Some(plan) = &self.plan else { return false };
        let mut left = plan
            .channels
            .iter()
            .filter(|channel| !channel.steps.is_empty())
            .peekable();
        self.busy.is_idle()
            && left.peek().is_some()
            && left.all(|channel| self.memory.failures(&channel.id) >= GIVE_UP_AFTER)
    }

    fn tell_converged(&mut self, took: Duration) {
        let count = |phases: &[Phase]| {
            self.status
                .destinations
                .iter()
                .filter(|status| phases.contains(&status.phase))
                .count()
        };
        let on_air = count(&[Phase::Streaming]);
        let waiting = count(&[Phase::Pending, Phase::Stopping, Phase::Error]);
        let undeclared = self.plan.as_deref().map_or(0, undeclared_on_air);
        self.tell(Event::Converged {
            on_air,
            waiting,
            undeclared,
            took,
        });
    }
}

/// Slots on running channels of ours that stream to where no Destination points.
fn undeclared_on_air(plan: &Plan) -> usize {
    let ours = plan
        .channels
        .iter()
        .filter(|channel| channel.adoption == Adoption::Owned)
        .filter(|channel| {
            channel
                .seen
                .as_ref()
                .is_some_and(|seen| seen.state == ChannelState::Running)
        });
    ours.flat_map(|channel| &channel.slots)
        .filter(|slot| matches!(slot.now, Content::Undeclared { .. }))
        .count()
}
