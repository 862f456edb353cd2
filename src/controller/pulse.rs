//! What a controller shows of itself while it runs: always the latest state only.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use super::View;
use crate::write_lease::WriteLease;

/// A controller at a glance. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pulse {
    /// When the controller was made.
    pub began: Instant,
    /// When its last cycle ended, well or not.
    pub cycle_ended: Option<Instant>,
    /// What the last cycle that came to something saw and planned.
    pub view: Option<Arc<View>>,
    /// Tells what is held of the lease at the moment that it is asked.
    pub lease: Arc<dyn WriteLease>,
}

/// Where a controller shows its pulse.
///
/// Neither side waits for the other: a reader gets a copy, and the writer replaces what was there. Without a reader no
/// view is kept, so that it costs no memory.
#[derive(Debug)]
pub(super) struct Shown(watch::Sender<Pulse>);

impl Shown {
    pub(super) fn new(lease: Arc<dyn WriteLease>) -> Self {
        Self(watch::Sender::new(Pulse {
            began: Instant::now(),
            cycle_ended: None,
            view: None,
            lease,
        }))
    }

    pub(super) fn watch(&self) -> watch::Receiver<Pulse> {
        self.0.subscribe()
    }

    pub(super) fn view(&self, view: View) {
        if self.0.receiver_count() > 0 {
            self.0.send_modify(|pulse| pulse.view = Some(Arc::new(view)));
        }
    }

    pub(super) fn cycle_ended(&self) {
        self.0
            .send_modify(|pulse| pulse.cycle_ended = Some(Instant::now()));
    }
}
