//! The one gate that every mutating call passes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::medialive::{Limits, Permit};
use crate::write_lease::{Holding, WriteLease};

/// How long after the declaration behind its plan was read a step may still be taken.
///
/// What granted it may be over by then: a window, a declaration. A fresh look that is answered at the first attempt
/// fits in (10 s, `--attempt-timeout`), so that no step is ever refused again and again on a slow day.
const GOOD_FOR: Duration = Duration::from_secs(15);

/// The last request leaves at least this part of an attempt's limit before the end of the lease: it must arrive before
/// another process may write. With 10 s, `--attempt-timeout`, this is 1 s.
const ON_ITS_WAY: u32 = 10;

/// Whether a step that was begun is still the one to take; the controller and the task that takes it share it.
#[derive(Debug, Clone)]
pub struct StepPermit {
    until: Instant,
    withdrawn: Arc<AtomicBool>,
}

impl StepPermit {
    /// For a step of what is declared just now.
    pub fn given_now() -> Self {
        Self::given_at(Instant::now())
    }

    /// For a step of what was declared at `read`.
    pub fn given_at(read: Instant) -> Self {
        Self {
            until: read + GOOD_FOR,
            withdrawn: Arc::default(),
        }
    }

    /// Cancels the step, unless its call is on its way already.
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
    attempt_timeout: Duration,
}

/// There is no permit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPermit {
    /// Another process holds the lease, or it ended, or too little of it is left to finish a call in.
    #[error("this process does not hold the lease, or not for long enough")]
    LeaseLost,
    /// The plan that the step belongs to is not the newest, or too old.
    #[error("the plan has changed or grown old since")]
    OutOfDate,
}

impl Gate {
    /// A gate for calls of which each attempt is given up after `attempt_timeout`.
    pub(super) fn new(lease: Arc<dyn WriteLease>, attempt_timeout: Duration) -> Self {
        Self {
            lease,
            attempt_timeout,
        }
    }

    /// A permit for one call of the step of `step_permit`.
    pub fn permit(&self, step_permit: &StepPermit) -> Result<Permit<'_>, NoPermit> {
        let holding = self.holding().ok_or(NoPermit::LeaseLost)?;
        if !step_permit.holds() {
            return Err(NoPermit::OutOfDate);
        }
        // A machine that is suspended between here and the wire must not send an outdated request. A call that begins at
        // the last moment has as long as any attempt.
        let begun = step_permit.until + self.attempt_timeout;
        let leased = holding
            .until
            .map(|until| until - self.attempt_timeout / ON_ITS_WAY);
        let limits = Limits {
            begin_before: step_permit.until,
            leave_before: leased.map_or(begun, |leased| leased.min(begun)),
        };
        Ok(Permit::granted(limits, holding.stamp))
    }

    /// Whether a call begun now would get a permit, as far as the lease goes.
    pub(super) fn is_open(&self) -> bool {
        self.holding().is_some()
    }

    /// What is held, if an attempt that begins now ends before it does.
    fn holding(&self) -> Option<Holding> {
        let ends_too_soon = |until: Instant| until < Instant::now() + self.attempt_timeout;
        self.lease
            .held_for()
            .filter(|holding| !holding.until.is_some_and(ends_too_soon))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ATTEMPT: Duration = Duration::from_secs(10);

    #[derive(Debug)]
    struct Held(Option<Holding>);

    impl WriteLease for Held {
        fn held_for(&self) -> Option<Holding> {
            self.0.clone()
        }
    }

    fn gate(holding: Option<Holding>) -> Gate {
        Gate::new(Arc::new(Held(holding)), ATTEMPT)
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_that_was_withdrawn_or_has_grown_old_gets_no_permit() {
        let gate = gate(Some(Holding::default()));
        let step_permit = StepPermit::given_now();
        assert!(gate.permit(&step_permit).is_ok());
        step_permit.clone().withdraw();
        assert!(matches!(gate.permit(&step_permit), Err(NoPermit::OutOfDate)));
        let old = StepPermit::given_now();
        tokio::time::advance(GOOD_FOR).await;
        assert!(matches!(gate.permit(&old), Err(NoPermit::OutOfDate)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_permit_ends_before_its_order_and_its_lease() {
        let now = Instant::now();
        let limits = |until| {
            let gate = gate(Some(Holding {
                until,
                ..Holding::default()
            }));
            gate.permit(&StepPermit::given_at(now)).unwrap().limits()
        };
        let alone = limits(None);
        assert_eq!(alone.begin_before, now + GOOD_FOR);
        assert_eq!(alone.leave_before, now + GOOD_FOR + ATTEMPT);
        let leased = limits(Some(now + GOOD_FOR));
        assert_eq!(leased.leave_before, now + GOOD_FOR - ATTEMPT / ON_ITS_WAY);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_or_ending_lease_gives_no_permit() {
        let step_permit = StepPermit::given_now();
        assert!(matches!(
            gate(None).permit(&step_permit),
            Err(NoPermit::LeaseLost)
        ));
        let until = Some(Instant::now() + ATTEMPT);
        let ends = gate(Some(Holding {
            until,
            ..Holding::default()
        }));
        assert!(ends.permit(&step_permit).is_ok() && ends.is_open());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(matches!(ends.permit(&step_permit), Err(NoPermit::LeaseLost)));
        assert!(!ends.is_open());
    }
}
