//! What time it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// The wall clock, or one that Tokio's clock drives.
///
/// Only windows, pauses and displayed times use it. Every wait and deadline uses Tokio's monotonic clock, so a wall clock
/// that jumps neither speeds up nor delays anything.
#[derive(Debug, Clone)]
pub struct Clock(ClockKind);

#[derive(Debug, Clone)]
enum ClockKind {
    System,
    Driven {
        base: Timestamp,
        start: Instant,
        jumped_seconds: Arc<AtomicI64>,
    },
}

impl Clock {
    /// The system's wall clock.
    pub fn system() -> Self {
        Self(ClockKind::System)
    }

    /// A clock that shows `base` now and goes as Tokio's clock does, in tests faster than time.
    pub fn starting_at(base: Timestamp) -> Self {
        Self(ClockKind::Driven {
            base,
            start: Instant::now(),
            jumped_seconds: Arc::default(),
        })
    }

    /// Lets a driven clock jump, as a wall clock does that is set; all its clones jump with it.
    pub fn jump(&self, seconds: i64) {
        if let ClockKind::Driven { jumped_seconds, .. } = &self.0 {
            jumped_seconds.fetch_add(seconds, Ordering::Relaxed);
        }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            #[expect(
                clippy::disallowed_methods,
                reason = "the one place where the wall clock is read"
            )]
            ClockKind::System => Timestamp::now(),
            ClockKind::Driven {
                base,
                start,
                jumped_seconds,
            } => {
                let jumped = SignedDuration::from_secs(jumped_seconds.load(Ordering::Relaxed));
                let shown = base
                    .saturating_add(start.elapsed())
                    .and_then(|time| time.saturating_add(jumped));
                shown.unwrap_or(*base)
            }
        }
    }
}
