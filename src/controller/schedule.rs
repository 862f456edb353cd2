//! When a controller looks next, and at what.

use std::time::Duration;

use rand::Rng;
use tokio::time::Instant;

use crate::retry::Backoff;

/// No two cycles begin closer together, whatever asks for them.
pub(super) const CYCLE_GAP_MIN: Duration = Duration::from_millis(50);

/// When the next things are due.
#[derive(Debug)]
pub(super) struct Schedule {
    /// A look everywhere.
    cycle: Instant,
    /// The next look at channels on their way.
    paced: Option<Instant>,
    /// The next look at router outputs that have changed, or are on their way.
    outputs: Option<Instant>,
    /// When the last cycle ended.
    looked: Option<Instant>,
    source: Instant,
    /// Changes of the source that no cycle has seen yet.
    changes: Option<Batch>,
    /// Whole cycles that failed in a row.
    failed: Option<Backoff>,
}

/// Changes of the source that are planned together.
#[derive(Debug)]
struct Batch {
    first: Instant,
    /// They are planned after this long without another one.
    idle: Duration,
}

impl Schedule {
    /// The first cycle now, and the first look at the source after `source_interval`.
    pub(super) fn new(source_interval: Duration) -> Self {
        let now = Instant::now();
        Self {
            cycle: now,
            paced: None,
            outputs: None,
            looked: None,
            source: now + source_interval,
            changes: None,
            failed: None,
        }
    }

    /// The next look at anything but the source.
    pub(super) fn next(&self) -> Instant {
        let others = self.paced.into_iter().chain(self.outputs);
        others.fold(self.cycle, Instant::min)
    }

    /// The next look at whether the source has changed.
    pub(super) fn source(&self) -> Instant {
        self.source
    }

    /// When the last cycle ended.
    pub(super) fn looked(&self) -> Option<Instant> {
        self.looked
    }

    /// Whether a look everywhere is due at `now`.
    pub(super) fn is_cycle_due(&self, now: Instant) -> bool {
        self.cycle <= now
    }

    /// Whether a look at the channels on their way is due at `now`.
    pub(super) fn are_channels_due(&self, now: Instant) -> bool {
        self.paced.is_some_and(|at| at <= now)
    }

    /// Whether a look at the router outputs is due at `now`.
    pub(super) fn are_outputs_due(&self, now: Instant) -> bool {
        self.outputs.is_some_and(|at| at <= now)
    }

    /// Whether the last cycle came to a plan.
    pub(super) fn has_succeeded(&self) -> bool {
        self.failed.is_none()
    }

    /// A cycle now.
    pub(super) fn ask_now(&mut self) {
        self.cycle = Instant::now();
    }

    /// A cycle as soon as one may follow another.
    pub(super) fn ask_soon(&mut self) {
        self.cycle = self.cycle.min(Instant::now() + CYCLE_GAP_MIN);
    }

    /// A cycle in `delay`, but no sooner than `gap` after the last one, unless one is due before.
    pub(super) fn ask_in(&mut self, delay: Duration, gap: Duration) {
        let moment = Instant::now() + delay.max(CYCLE_GAP_MIN);
        let gap_ends = self.looked.map(|looked| looked + gap);
        self.cycle = self.cycle.min(gap_ends.map_or(moment, |ends| ends.max(moment)));
    }

    /// A look at the router outputs in `delay`, unless one is due before.
    pub(super) fn ask_for_outputs_in(&mut self, delay: Duration) {
        let moment = Instant::now() + delay;
        self.outputs = Some(self.outputs.map_or(moment, |at| at.min(moment)));
    }

    /// When the channels on their way are looked at next.
    pub(super) fn pace_channels(&mut self, at: Option<Instant>) {
        self.paced = at;
    }

    /// The source was looked at; the next time after `interval`.
    pub(super) fn looked_at_source(&mut self, interval: Duration) {
        self.source = Instant::now() + interval;
    }

    /// The source has changed: a cycle after `idle` without another change, or `max` after the first one.
    pub(super) fn note_change(&mut self, idle: Duration, max: Duration) {
        let now = Instant::now();
        let batch = self.changes.get_or_insert(Batch { first: now, idle });
        batch.idle = batch.idle.max(idle);
        self.cycle = (now + batch.idle).min(batch.first + max);
    }

    /// A cycle has come to a plan; the next looks as given.
    pub(super) fn cycle_succeeded(
        &mut self,
        cycle: Instant,
        outputs: Option<Instant>,
        paced: impl FnOnce(&Self) -> Option<Instant>,
    ) {
        self.note_end();
        self.failed = None;
        self.cycle = cycle;
        self.outputs = outputs;
        self.paced = paced(self);
    }

    /// A cycle has come to no plan: the next one follows after a delay that grows with each failure in a row, up to `longest`, and
    /// nothing before it.
    pub(super) fn cycle_failed(&mut self, longest: Duration, random: &mut impl Rng) -> Duration {
        self.note_end();
        let delay = self
            .failed
            .get_or_insert_with(Backoff::default)
            .fail(random)
            .min(longest);
        self.cycle = Instant::now() + delay;
        self.paced = None;
        self.outputs = None;
        delay
    }

    fn note_end(&mut self) {
        self.changes = None;
        self.looked = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use tokio::time::advance;

    use super::*;

    const IDLE: Duration = Duration::from_secs(1);
    const MAX: Duration = Duration::from_secs(5);
    const MINUTE: Duration = Duration::from_mins(1);

    /// At rest: the last cycle ended now, and the next one is a minute away.
    fn at_rest() -> Schedule {
        let mut schedule = Schedule::new(IDLE);
        schedule.cycle_succeeded(Instant::now() + MINUTE, None, |_| None);
        schedule
    }

    fn left(schedule: &Schedule) -> Duration {
        schedule.next() - Instant::now()
    }

    #[tokio::test(start_paused = true)]
    async fn changes_are_planned_together_and_wait_for_each_other_only_so_long() {
        let mut schedule = at_rest();
        schedule.note_change(IDLE, MAX);
        assert_eq!(left(&schedule), IDLE);
        for _ in 0..4 {
            advance(IDLE * 9 / 10).await;
            schedule.note_change(IDLE, MAX);
            assert_eq!(left(&schedule), IDLE);
        }
        advance(IDLE * 9 / 10).await;
        schedule.note_change(IDLE, MAX);
        assert_eq!(left(&schedule), IDLE / 2);
        schedule.cycle_succeeded(Instant::now() + MINUTE, None, |_| None);
        schedule.note_change(IDLE, MAX);
        assert_eq!(left(&schedule), IDLE, "another batch");
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_waits_as_long_as_its_slowest_change() {
        let mut schedule = at_rest();
        schedule.note_change(IDLE / 4, MAX);
        assert_eq!(left(&schedule), IDLE / 4);
        schedule.note_change(IDLE, MAX);
        schedule.note_change(IDLE / 4, MAX);
        assert_eq!(left(&schedule), IDLE);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_asked_for_never_delays_what_is_due_before() {
        let mut schedule = at_rest();
        schedule.ask_in(IDLE * 2, Duration::ZERO);
        schedule.ask_in(MAX, Duration::ZERO);
        assert_eq!(left(&schedule), IDLE * 2);
        schedule.ask_in(Duration::ZERO, IDLE);
        assert_eq!(left(&schedule), IDLE, "so long after the last cycle");
        schedule.ask_for_outputs_in(IDLE / 2);
        schedule.ask_for_outputs_in(IDLE);
        assert_eq!(left(&schedule), IDLE / 2);
        schedule.ask_soon();
        assert_eq!(left(&schedule), CYCLE_GAP_MIN);
    }

    #[tokio::test(start_paused = true)]
    async fn after_cycles_that_failed_nothing_comes_before_the_next_try() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut schedule = at_rest();
        schedule.pace_channels(Some(Instant::now()));
        schedule.ask_for_outputs_in(Duration::ZERO);
        let first = schedule.cycle_failed(MINUTE, &mut random);
        assert_eq!(left(&schedule), first);
        assert!(!schedule.has_succeeded());
        let delays: Vec<Duration> = (0..10)
            .map(|_| schedule.cycle_failed(MINUTE, &mut random))
            .collect();
        assert!(delays[0] > first, "{first:?} {delays:?}");
        assert_eq!(delays[9], MINUTE);
        schedule.cycle_succeeded(Instant::now() + MINUTE, None, |_| None);
        assert!(schedule.has_succeeded());
    }
}
