//! The emulator's clock: Tokio's, sped up, and moved by hand.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::request::Now;

/// The speeds a clock takes; outside of it, the nearest one is taken
const SPEED_MIN: f64 = 0.001;
const SPEED_MAX: f64 = 1_000_000.0;

/// Gives both times of [`Now`]; driven by Tokio's clock, also by a paused one
#[derive(Debug, Clone)]
pub(super) struct Clock {
    /// Since when `speed` holds, and what the elapsed time was then
    anchor: Instant,
    elapsed: Duration,
    speed: f64,
    /// The date at `born`
    epoch: Timestamp,
    born: Instant,
    /// What was added by hand; it moves both times
    advanced: Duration,
}

impl Clock {
    pub(super) fn new(epoch: Timestamp, elapsed: Duration, speed: f64) -> Self {
        let now = Instant::now();
        Self {
            anchor: now,
            elapsed,
            speed: bounded(speed),
            epoch,
            born: now,
            advanced: Duration::ZERO,
        }
    }

    pub(super) fn now(&self) -> Now {
        let real = self.born.elapsed() + self.advanced;
        // A date beyond what a calendar holds stays at the last one that did.
        let wall = SignedDuration::try_from(real)
            .ok()
            .and_then(|real| self.epoch.checked_add(real).ok());
        Now {
            elapsed: self.elapsed(),
            wall: wall.unwrap_or(Timestamp::MAX),
        }
    }

    pub(super) const fn speed(&self) -> f64 {
        self.speed
    }

    pub(super) fn set_speed(&mut self, speed: f64) {
        self.elapsed = self.elapsed();
        self.anchor = Instant::now();
        self.speed = bounded(speed);
    }

    pub(super) fn advance(&mut self, by: Duration) {
        self.elapsed += by;
        self.advanced += by;
    }

    /// Takes back what was added to the date by hand; elapsed time never goes back
    pub(super) fn reset_wall(&mut self) {
        self.advanced = Duration::ZERO;
    }

    fn elapsed(&self) -> Duration {
        let real = self.anchor.elapsed();
        // Speed 1 goes without floating point, so that virtual seconds are exact there.
        let stretched = Duration::try_from_secs_f64(real.as_secs_f64() * self.speed).unwrap_or(real);
        self.elapsed
            + if (self.speed - 1.0).abs() < f64::EPSILON {
                real
            } else {
                stretched
            }
    }
}

fn bounded(speed: f64) -> f64 {
    if speed.is_nan() {
        1.0
    } else {
        speed.clamp(SPEED_MIN, SPEED_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(speed: f64) -> Clock {
        Clock::new(Timestamp::UNIX_EPOCH, Duration::ZERO, speed)
    }

    #[tokio::test(start_paused = true)]
    async fn a_speed_stretches_transitions_and_leaves_the_date_alone() {
        let clock = clock(60.0);
        tokio::time::advance(Duration::from_secs(3)).await;
        let now = clock.now();
        assert_eq!((now.elapsed.as_secs(), now.wall.as_second()), (180, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn time_never_jumps_when_the_speed_changes() {
        let mut clock = clock(10.0);
        tokio::time::advance(Duration::from_secs(1)).await;
        clock.set_speed(1.0);
        assert_eq!(clock.now().elapsed.as_secs(), 10);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(clock.now().elapsed.as_secs(), 11);
    }

    #[tokio::test(start_paused = true)]
    async fn moving_the_clock_by_hand_moves_both_times() {
        let mut clock = clock(5.0);
        clock.advance(Duration::from_hours(1));
        let now = clock.now();
        assert_eq!((now.elapsed.as_secs(), now.wall.as_second()), (3_600, 3_600));
    }
}
