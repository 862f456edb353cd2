//! Between one process and everything outside it: here it is stopped for a while, and here it dies.
//!
//! Whatever a process does to the world passes a *boundary* before and another one after. A process that is killed
//! at a boundary gets no further: before a call nothing has happened, after it the answer is lost with the process. One
//! that is frozen (stopped by the system, by a debugger, with its whole machine) waits at the boundary that it is at.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use slotwise::emulator::{Emulator, in_memory};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// When a process dies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Death {
    /// After how many further boundaries.
    pub(super) after: usize,
    /// Whether only those of calls that change something count.
    pub(super) at_writes: bool,
}

/// The one way out of a process; its clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Tap {
    state: Arc<Mutex<Flow>>,
    deaths: Arc<Notify>,
}

#[derive(Debug)]
struct Flow {
    death: Option<Death>,
    is_dead: bool,
    frozen_until: Instant,
    /// Boundaries passed so far.
    passed: usize,
}

impl Tap {
    /// `deaths` is told when the process dies.
    pub(super) fn new(deaths: Arc<Notify>) -> Self {
        let flow = Flow {
            death: None,
            is_dead: false,
            frozen_until: Instant::now(),
            passed: 0,
        };
        Self {
            state: Arc::new(Mutex::new(flow)),
            deaths,
        }
    }

    /// The emulator as the process reaches it.
    pub(super) fn connector(&self, emulator: &Emulator) -> SharedHttpClient {
        in_memory(emulator.router().layer(from_fn_with_state(self.clone(), pass)))
    }

    pub(super) fn kill_at(&self, death: Death) {
        self.state.lock().unwrap().death = Some(death);
    }

    /// Dies here and now.
    pub(super) fn die(&self) {
        self.state.lock().unwrap().is_dead = true;
        self.deaths.notify_one();
    }

    /// Neither dies of what was in store for it nor stands still any longer.
    pub(super) fn spare(&self) {
        let mut flow = self.state.lock().unwrap();
        flow.death = None;
        flow.frozen_until = flow.frozen_until.min(Instant::now());
    }

    pub(super) fn freeze(&self, until: Instant) {
        self.state.lock().unwrap().frozen_until = until;
    }

    pub(super) fn is_dead(&self) -> bool {
        self.state.lock().unwrap().is_dead
    }

    /// How many boundaries the process has passed.
    pub(super) fn passed(&self) -> usize {
        self.state.lock().unwrap().passed
    }

    /// Passes a boundary, once the process goes on; never, if it dies there.
    pub(super) async fn boundary(&self, writes: bool) {
        loop {
            let until = self.state.lock().unwrap().frozen_until;
            if until <= Instant::now() {
                break;
            }
            sleep_until(until).await;
        }
        if !self.passes(writes) {
            self.deaths.notify_one();
            pending::<()>().await;
        }
    }

    fn passes(&self, writes: bool) -> bool {
        let mut flow = self.state.lock().unwrap();
        if flow.is_dead {
            return false;
        }
        let counts = flow.death.filter(|death| writes || !death.at_writes);
        match counts {
            Some(Death { after: 0, .. }) => flow.is_dead = true,
            Some(death) => {
                flow.death = Some(Death {
                    after: death.after - 1,
                    ..death
                });
            }
            None => {}
        }
        flow.passed += usize::from(!flow.is_dead);
        !flow.is_dead
    }

    /// `run`, which stands still while the process is frozen.
    pub(super) async fn while_awake<T>(&self, run: impl Future<Output = T>) -> T {
        let mut run = pin!(run);
        let mut nap = Box::pin(sleep_until(Instant::now()));
        poll_fn(|context| {
            let until = self.state.lock().unwrap().frozen_until;
            if nap.deadline() != until {
                nap.as_mut().reset(until);
            }
            if Instant::now() < until && nap.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            run.as_mut().poll(context)
        })
        .await
    }
}

async fn pass(State(tap): State<Tap>, request: Request, next: Next) -> Response {
    let writes = request.method() != http::Method::GET;
    tap.boundary(writes).await;
    let response = next.run(request).await;
    tap.boundary(writes).await;
    response
}
