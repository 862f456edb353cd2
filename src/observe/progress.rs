//! The progress of a look, for display.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many channels were looked at by themselves, and how many will be. Shared between all clones.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    done: AtomicUsize,
    expected: AtomicUsize,
}

impl Progress {
    /// Of how many channels how many were looked at; `None` where none is.
    pub fn so_far(&self) -> Option<(usize, usize)> {
        let expected = self.0.expected.load(Ordering::Relaxed);
        (expected > 0).then(|| (self.0.done.load(Ordering::Relaxed), expected))
    }

    pub(super) fn begin(&self) {
        self.0.done.store(0, Ordering::Relaxed);
        self.0.expected.store(0, Ordering::Relaxed);
    }

    pub(crate) fn expect(&self, channels: usize) {
        self.0.expected.fetch_add(channels, Ordering::Relaxed);
    }

    pub(crate) fn one_is_done(&self) {
        self.0.done.fetch_add(1, Ordering::Relaxed);
    }
}
