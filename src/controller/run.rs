//! Cycle after cycle: when to look, and when to end.

use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::lease::LeaseError;
use super::schedule::{CYCLE_GAP_MIN, Schedule};
use super::steps::{LEASE_RETRY, LookAgain};
use super::{Controller, CycleError, Event, Look, pace};
use crate::model::Desired;
use crate::plan::{FeedPlan, OutputPlan};
use crate::store::Source;
use crate::store::changes::are_router_switches;

/// Failures in a row on every channel with something to do after which `--once` and `apply` give up.
const GIVE_UP_AFTER: u32 = 5;

/// Switches of router outputs touch nobody else, so that little is gained by waiting for more of them: only that a file which
/// is written in two goes is read whole.
const SWITCH_IDLE: Duration = Duration::from_millis(250);

/// How much later the next look begins for each page of the list beyond the first: two calls a second may be lists, and the
/// rest of them is for steps.
const LOOK_GAP_PER_PAGE: Duration = Duration::from_millis(500);

/// But no more than this: what is looked at for a step must not be older than a step may be that was planned by it.
const LOOK_GAP_MAX: Duration = Duration::from_secs(10);

/// How long to run.
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
    /// The task that keeps the lease is gone, so nothing may be written.
    LeaseLost,
    /// Time is up and the lease is held by another process, or not available.
    NoLease(LeaseError),
    /// The very first cycle could not even read what is desired.
    Failed(CycleError),
}

/// Since when there is something to do, and whether its end was reported.
#[derive(Debug)]
struct Converging {
    since: Instant,
    is_reported: bool,
}

impl<S: Source> Controller<S> {
    /// Runs until `until`, or until `asked` is cancelled; then waits for the steps under way, and gives the lease back.
    pub async fn run(&mut self, until: Until, asked: &CancellationToken) -> Ended {
        let ended = self.go_on(until, asked).await;
        self.drain().await;
        // While the lease is held: statuses are written by its holder.
        self.source.finish().await;
        self.release_lease().await;
        ended
    }

    async fn go_on(&mut self, until: Until, asked: &CancellationToken) -> Ended {
        let begun = Instant::now();
        let mut schedule = Schedule::new(self.settings.source_interval);
        let mut converging = Converging {
            since: begun,
            is_reported: false,
        };
        let deadline = match until {
            Until::Asked => None,
            Until::Converged { deadline } => Some(deadline),
        };
        self.note_lease();
        loop {
            tokio::select! {
                biased;
                () = asked.cancelled() => return self.stop_asked(),
                () = sleep_until(deadline.unwrap_or(begun)), if deadline.is_some() => return self.time_is_up(),
                () = self.leadership.lease.changed() => {
                    if let Some(ended) = self.lease_changed(until, &mut schedule) {
                        return ended;
                    }
                }
                Some(ended) = self.tasks.join_next_with_id() => {
                    let again = self.end_step_and_go_on(ended);
                    self.look_after_step(again, &mut schedule);
                    if self.has_given_up(until) {
                        return Ended::Blocked;
                    }
                }
                () = self.wake.notified() => {
                    self.read_source().await;
                    schedule.ask_soon();
                }
                () = sleep_until(schedule.source()), if until == Until::Asked => {
                    if self.look_at_source(&mut schedule).await {
                        converging = Converging { since: Instant::now(), is_reported: false };
                    }
                }
                () = sleep_until(schedule.next()) => {
                    let result = tokio::select! {
                        biased;
                        () = asked.cancelled() => return self.stop_asked(),
                        () = sleep_until(deadline.unwrap_or(begun)), if deadline.is_some() => return self.time_is_up(),
                        result = self.look_as_due(&schedule) => result,
                    };
                    let Some(result) = result else {
                        self.pace_channels(&mut schedule);
                        continue;
                    };
                    if let Some(ended) = self.cycle_ended(result, until, &mut schedule, &mut converging) {
                        return ended;
                    }
                }
            }
        }
    }

    /// A cycle; `None` where a glance at the channels on their way is enough, and shows that they still are.
    async fn look_as_due(&mut self, schedule: &Schedule) -> Option<Result<(), CycleError>> {
        let now = Instant::now();
        let is_for_outputs = schedule.are_outputs_due(now);
        let glanced = if schedule.is_cycle_due(now) {
            None
        } else {
            let glanced = self.glance(now).await;
            if is_for_outputs && !schedule.are_channels_due(now) {
                Some(true)
            } else {
                glanced.map(|is_news| is_news || is_for_outputs)
            }
        };
        match glanced {
            Some(false) => None,
            Some(true) => Some(self.cycle(Look::Glanced).await),
            None => Some(self.cycle(Look::Everywhere).await),
        }
    }

    /// Looks at those of the channels on their way whose time has come, and says whether one has changed; `None` where the
    /// list costs no more.
    async fn glance(&mut self, now: Instant) -> Option<bool> {
        let mut due = self.pace.due_by(now, self.settings.transition_interval);
        due.truncate(self.settings.concurrency);
        if due.is_empty() || !self.may_glance() {
            return None;
        }
        let is_news = self.observer.glance(&due).await;
        self.pace.looked_at(|id| due.contains(id));
        Some(is_news)
    }

    /// Whether looks at the channels on their way cost less than a list. While steps wait for room there are always more.
    fn may_glance(&self) -> bool {
        let pages = self.observer.pages();
        let are_few = self.pace.len() < pages && !self.busy.has_queued();
        are_few || pages > 1 && self.pace.awaits_first_update()
    }

    /// What follows from a cycle: when the next one is due, or the end.
    fn cycle_ended(
        &mut self,
        result: Result<(), CycleError>,
        until: Until,
        schedule: &mut Schedule,
        converging: &mut Converging,
    ) -> Option<Ended> {
        match result {
            Err(error) if self.loaded.is_none() => return Some(Ended::Failed(error)),
            Err(error) => {
                let retry_in = schedule.cycle_failed(self.settings.interval, &mut self.random);
                self.publisher.emit(Event::CycleFailed {
                    what: crate::error_chain(&error),
                    retry_in,
                });
            }
            Ok(()) => {
                let (outputs, cycle) = (self.next_look_at_outputs(), self.next_cycle());
                schedule.cycle_succeeded(cycle, outputs, |schedule| self.paced_look(schedule.looked()));
            }
        }
        let may_end = until != Until::Asked && self.leadership.is_leading();
        if schedule.has_succeeded() && self.is_converged() {
            if !converging.is_reported {
                if let Some(plan) = &self.plan {
                    self.publisher.tell_converged(plan, converging.since.elapsed());
                }
                converging.is_reported = true;
            }
            return may_end.then_some(Ended::Converged);
        }
        if converging.is_reported {
            *converging = Converging {
                since: Instant::now(),
                is_reported: false,
            };
        }
        self.has_given_up(until).then_some(Ended::Blocked)
    }

    /// What follows from another state of the lease: a look at once, or the end.
    fn lease_changed(&mut self, until: Until, schedule: &mut Schedule) -> Option<Ended> {
        // A grant that arrived is taken by the next cycle, and that is now.
        if self.note_lease() || self.leadership.lease.has_grants() {
            schedule.ask_now();
        }
        match self.lock_again() {
            None => {}
            Some(Ok(())) => {
                schedule.ask_now();
                return None;
            }
            Some(Err(error)) => return Some(Ended::NoLease(error)),
        }
        if self.leadership.has_ended() {
            return Some(Ended::LeaseLost);
        }
        if until == Until::Asked || self.leadership.is_leading() {
            return None;
        }
        if !self.settings.waits_for_lease {
            return Some(Ended::NoLease(self.leadership.why_not()));
        }
        // No operator watches who could repair it.
        self.leadership.lasting_trouble().map(Ended::NoLease)
    }

    fn time_is_up(&self) -> Ended {
        if self.leadership.is_leading() {
            Ended::TimedOut
        } else {
            Ended::NoLease(self.leadership.why_not())
        }
    }

    fn stop_asked(&mut self) -> Ended {
        self.busy.withdraw_all();
        self.outputs.withdraw_all();
        self.feeds.withdraw_all();
        self.publisher.emit(Event::Draining);
        Ended::Drained
    }

    /// Waits for the steps under way; each has a limit of its own.
    async fn drain(&mut self) {
        while let Some(ended) = self.tasks.join_next_with_id().await {
            self.end_step(ended);
        }
    }

    /// Reads the source where it changed, and puts the next cycle where the batch of changes ends. Whether it changed.
    async fn look_at_source(&mut self, schedule: &mut Schedule) -> bool {
        let changed = self.source.may_have_changed() && self.source.changed().await;
        schedule.looked_at_source(self.settings.source_interval);
        if !changed {
            return false;
        }
        let before = self.desired();
        self.read_source().await;
        let after = before.zip(self.desired());
        let are_switches = after.is_some_and(|(before, after)| are_router_switches(&before, &after));
        let longest = if are_switches { SWITCH_IDLE } else { Duration::MAX };
        let idle = self.settings.batch_idle.min(longest);
        schedule.note_change(idle, self.settings.batch_max);
        true
    }

    fn desired(&self) -> Option<Arc<Desired>> {
        self.loaded.as_ref().map(|loaded| Arc::clone(&loaded.desired))
    }

    async fn read_source(&mut self) {
        if let Err(error) = self.reload().await {
            let why = crate::error_chain(&error);
            self.publisher.tell_source_doubted(why);
        }
    }

    /// How long after a look a step that ended may ask for the next one. While steps of the last plan wait for room, another
    /// plan would only delay them.
    fn look_gap(&self) -> Duration {
        let more_pages = u32::try_from(self.observer.pages().saturating_sub(1)).unwrap_or(u32::MAX);
        let lists = LOOK_GAP_PER_PAGE.saturating_mul(more_pages).min(LOOK_GAP_MAX);
        if self.busy.has_queued() {
            lists.max(self.settings.transition_interval)
        } else {
            lists
        }
    }

    /// When to look after a step that ended.
    fn look_after_step(&self, again: LookAgain, schedule: &mut Schedule) {
        match again {
            LookAgain::AtOutputs => return self.look_at_outputs_soon(schedule),
            LookAgain::AfterTransition => {}
            LookAgain::Now => schedule.ask_in(Duration::ZERO, self.look_gap()),
            LookAgain::In(delay) => schedule.ask_in(delay, self.look_gap()),
        }
        if schedule.has_succeeded() {
            self.pace_channels(schedule);
        }
    }

    fn pace_channels(&self, schedule: &mut Schedule) {
        schedule.pace_channels(self.paced_look(schedule.looked()));
    }

    /// When to look next at router outputs that are on their way.
    fn next_look_at_outputs(&self) -> Option<Instant> {
        let plan = self.plan.as_deref();
        let are_on_their_way = self.outputs.is_on_their_way(plan) || self.feeds.inputs_are_on_their_way(plan);
        are_on_their_way.then(|| Instant::now() + self.settings.transition_interval)
    }

    /// After a step on a router output: at once, unless more of the last plan wait for room.
    fn look_at_outputs_soon(&self, schedule: &mut Schedule) {
        let gap = if self.outputs.has_queued() {
            self.settings.transition_interval
        } else {
            CYCLE_GAP_MIN
        };
        schedule.ask_for_outputs_in(gap);
    }

    /// When to look next at what is on its way, if anything is: a channel in transition, or a step.
    fn paced_look(&self, looked: Option<Instant>) -> Option<Instant> {
        let least = self.settings.transition_interval;
        let of_channels = self.pace.next_look(least);
        if self.may_glance() && of_channels.is_some() {
            return of_channels;
        }
        let looked = looked.unwrap_or_else(Instant::now);
        let of_steps = (!self.busy.is_idle()).then(|| looked + least);
        let next = of_channels.into_iter().chain(of_steps).min()?;
        Some(next.max(looked + self.look_gap()))
    }

    /// When to look everywhere again after a cycle, unless something asks for it before.
    fn next_cycle(&mut self) -> Instant {
        let now = Instant::now();
        let mut next = now + self.settings.interval.mul_f64(self.random.random_range(0.9..1.1));
        // It leads, and too little of the lease is left for a call: a renewal is due any moment.
        let is_held_up = self.leadership.is_leading() && !self.executor.may_write();
        if is_held_up && self.plan.as_ref().is_some_and(|plan| !plan.is_empty()) {
            next = next.min(now + LEASE_RETRY);
        }
        let retries = [
            self.memory.next_retry(now),
            self.outputs.next_retry(now),
            self.feeds.next_retry(now),
        ];
        if let Some(retry) = retries.into_iter().flatten().min() {
            next = next.min(retry.max(now + CYCLE_GAP_MIN));
        }
        next
    }

    /// Whether an owned channel is in transition, recovers, or has a step under way, or a router output is tried again later.
    fn is_on_its_way(&self) -> bool {
        let Some(plan) = &self.plan else { return false };
        !self.busy.is_idle()
            || plan.channels.iter().any(pace::is_on_its_way)
            || self.outputs.is_on_their_way(Some(plan))
            || plan.outputs().any(OutputPlan::is_tried_again)
            || !self.feeds.is_idle()
            || plan.feeds.iter().any(FeedPlan::is_on_its_way)
    }

    pub(super) fn is_converged(&self) -> bool {
        self.plan.as_ref().is_some_and(|plan| plan.is_empty()) && !self.is_on_its_way()
    }

    /// Whether a run that ends by itself has nothing left but what fails again and again. Looked at after each step as well: a
    /// cycle mostly begins the next try.
    fn has_given_up(&self, until: Until) -> bool {
        until != Until::Asked && self.leadership.is_leading() && self.is_blocked()
    }

    /// Whether all that is left to do has failed again and again.
    fn is_blocked(&self) -> bool {
        let Some(plan) = &self.plan else { return false };
        let channels = plan.channels.iter().filter(|channel| !channel.steps.is_empty());
        let channels = channels.map(|channel| self.memory.failures(&channel.id));
        let outputs = plan.outputs().filter(|output| !output.steps.is_empty());
        let outputs = outputs.map(|output| self.outputs.failures(output));
        let feeds = plan.feeds.iter().filter(|feed| feed.step.is_some());
        let feeds = feeds.map(|feed| self.feeds.failures(&feed.feed));
        let mut left = channels.chain(outputs).chain(feeds).peekable();
        self.busy.is_idle()
            && self.outputs.is_idle()
            && self.feeds.is_idle()
            && left.peek().is_some()
            && left.all(|failures| failures >= GIVE_UP_AFTER)
    }
}
