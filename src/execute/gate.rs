//! The one gate that every mutating call passes.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::medialive::Permit;

/// How long after its plan a step may still be taken.
///
/// What granted it may be over by then: a window, a declaration. A fresh look that is answered at the first attempt
/// fits in (10 s, `--attempt-timeout`), so that no step is ever refused again and again on a slow day.
const GOOD_FOR: Duration = Duration::from_secs(15);

/// Leave to write at all: one controller per owner has it at a time.
pub trait WriteLease: fmt::Debug + Send + Sync {
    /// Whether writing is allowed now.
    fn is_held(&self) -> bool;
}

/// Whether a step that was begun is still the one to take; the controller and the task that takes it share it.
#[derive(Debug, Clone)]
pub struct Order {
    until: Instant,
    withdrawn: Arc<AtomicBool>,
}

impl Order {
    /// For a step that was planned just now.
    pub fn given_now() -> Self {
        Self::given_at(Instant::now())
    }

    /// For a step that was planned then.
    pub fn given_at(planned: Instant) -> Self {
        Self {
            until: planned + GOOD_FOR,
            withdrawn: Arc::default(),
        }
    }

    /// The step is not to be taken any more, unless its call is on its way already.
    pub fn withdraw(&self) {
        self.withdrawn.store(true, Ordering::Release);
    }

    fn holds(&self) -> bool {
        !self.withdrawn.load(Ordering::Acquire) && Instant::now() < self.until
    }
}

/// Hands out permits while the lease is held.
#[derive(Debug, Clone)]
pub struct Gate {
    lease: Arc<dyn WriteLease>,
}

/// There is no permit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPermit {
    /// Another process holds the lease, or it ended.
    #[error("this process does not hold the lease")]
    LeaseLost,
    /// The plan that the step belongs to is not the newest, or too old.
    #[error("the plan has changed or grown old since")]
    OutOfDate,
}

impl Gate {
    pub(super) fn new(lease: Arc<dyn WriteLease>) -> Self {
        Self { lease }
    }

    /// A permit for one call of the step that `order` stands for.
    pub fn permit(&self, order: &Order) -> Result<Permit<'_>, NoPermit> {
        if !self.lease.is_held() {
            return Err(NoPermit::LeaseLost);
        }
        if !order.holds() {
            return Err(NoPermit::OutOfDate);
        }
        Ok(Permit::granted())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Held;

    impl WriteLease for Held {
        fn is_held(&self) -> bool {
            true
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_that_was_withdrawn_or_has_grown_old_gets_no_permit() {
        let gate = Gate::new(Arc::new(Held));
        let order = Order::given_now();
        assert!(gate.permit(&order).is_ok());
        order.clone().withdraw();
        assert!(matches!(gate.permit(&order), Err(NoPermit::OutOfDate)));
        let old = Order::given_now();
        tokio::time::advance(GOOD_FOR).await;
        assert!(matches!(gate.permit(&old), Err(NoPermit::OutOfDate)));
    }
}
