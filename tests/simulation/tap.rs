//! Between one process and everything outside it: here it is stopped for a while, and here it dies.
//!
//! Whatever a process does to the world passes a *boundary* before and another one after. A process that is killed
//! at a boundary gets no further: before a call nothing has happened, after it the answer is lost with the process. One
//! that is frozen (stopped by the system, by a debugger, with its whole machine) waits at the boundary that it is at. It
//! may freeze right there as well: a call that was decided on long ago is then about to be made, or was answered long ago.

use std::fmt;
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, Sleep};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use slotwise::testing::emulator::{Emulator, in_memory};
use slotwise::testing::medialive::{MediaLive, Settings};
use slotwise::testing::wiring;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Which of the boundaries to come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Boundary {
    /// The one after so many others.
    pub(super) after: usize,
    /// Which calls' boundaries count.
    pub(super) at: Calls,
}

/// Kinds of calls, each a part of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Calls {
    /// Every call.
    Any,
    /// Those that change something.
    Writes,
    /// Those that write tags.
    Tags,
}

impl Boundary {
    /// Whether this is the one, of a call of this kind; counts it otherwise.
    fn is_reached(&mut self, of: Calls) -> bool {
        if of < self.at {
            return false;
        }
        let is_reached = self.after == 0;
        self.after = self.after.saturating_sub(1);
        is_reached
    }
}

/// The one way out of a process; its clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Tap {
    state: Arc<Mutex<Flow>>,
    deaths: Arc<Notify>,
}

/// A change of a channel from outside.
type Action = Box<dyn FnOnce(&str) + Send>;

struct Flow {
    /// Where it is going to die.
    death: Option<Boundary>,
    is_dead: bool,
    /// Whether it died right after it had written tags, so before what they were written for.
    has_only_tagged: bool,
    /// Where it is going to freeze, and for how long.
    freeze: Option<(Boundary, Duration)>,
    frozen_until: Instant,
    /// What happens to the next channel that is looked at by itself, right before.
    forestalled: Option<Action>,
    /// Boundaries passed so far.
    passed: usize,
}

// By hand: what is to happen cannot be printed.
impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flow").finish_non_exhaustive()
    }
}

impl Tap {
    /// `deaths` is notified when the process dies.
    pub(super) fn new(deaths: Arc<Notify>) -> Self {
        let flow = Flow {
            death: None,
            is_dead: false,
            has_only_tagged: false,
            freeze: None,
            frozen_until: Instant::now(),
            forestalled: None,
            passed: 0,
        };
        Self {
            state: Arc::new(Mutex::new(flow)),
            deaths,
        }
    }

    /// The emulator as the process reaches it.
    pub(super) fn client(&self, emulator: &Emulator) -> MediaLive {
        let http = in_memory(emulator.router().layer(from_fn_with_state(self.clone(), pass)));
        wiring::client_through(http, self.timers(), &Settings::default())
    }

    /// Timers that stand still with the process.
    pub(super) fn timers(&self) -> SharedAsyncSleep {
        SharedAsyncSleep::new(self.clone())
    }

    pub(super) fn kill_at(&self, death: Boundary) {
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
        flow.freeze = None;
        flow.forestalled = None;
        flow.frozen_until = flow.frozen_until.min(Instant::now());
    }

    pub(super) fn freeze(&self, until: Instant) {
        self.state.lock().unwrap().frozen_until = until;
    }

    /// Stands still for `time` at a boundary to come.
    pub(super) fn freeze_at(&self, boundary: Boundary, time: Duration) {
        self.state.lock().unwrap().freeze = Some((boundary, time));
    }

    /// Lets `action` happen to the next channel that is looked at by itself: its process relies on an older look until then.
    pub(super) fn before_next_look(&self, action: impl FnOnce(&str) + Send + 'static) {
        self.state.lock().unwrap().forestalled = Some(Box::new(action));
    }

    fn forestall(&self, id: &str) {
        let action = self.state.lock().unwrap().forestalled.take();
        if let Some(action) = action {
            action(id);
        }
    }

    pub(super) fn is_dead(&self) -> bool {
        self.state.lock().unwrap().is_dead
    }

    /// Whether it died between tags and the update that they were written for.
    pub(super) fn has_only_tagged(&self) -> bool {
        self.state.lock().unwrap().has_only_tagged
    }

    /// How many boundaries the process has passed.
    pub(super) fn passed(&self) -> usize {
        self.state.lock().unwrap().passed
    }

    /// Passes a boundary of another service, once the process continues; never, if it dies there.
    pub(super) async fn boundary(&self, writes: bool) {
        self.cross(if writes { Calls::Writes } else { Calls::Any }).await;
    }

    async fn cross(&self, of: Calls) {
        self.state.lock().unwrap().freeze_here(of);
        self.awake().await;
        if !self.state.lock().unwrap().passes(of) {
            self.deaths.notify_one();
            pending::<()>().await;
        }
    }

    /// The end of a standstill, or now.
    async fn awake(&self) {
        loop {
            let until = self.state.lock().unwrap().frozen_until;
            if until <= Instant::now() {
                break;
            }
            sleep_until(until).await;
        }
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

/// The timers of a process. None of them fires while it is suspended, so that what waits at a boundary continues first
/// afterwards: a request that was sent is not taken back because its time was over meanwhile.
impl AsyncSleep for Tap {
    fn sleep(&self, duration: Duration) -> Sleep {
        let tap = self.clone();
        Sleep::new(async move {
            tokio::time::sleep(duration).await;
            tap.awake().await;
        })
    }
}

impl Flow {
    fn freeze_here(&mut self, of: Calls) {
        if let Some((boundary, time)) = &mut self.freeze
            && boundary.is_reached(of)
        {
            self.frozen_until = self.frozen_until.max(Instant::now() + *time);
            self.freeze = None;
        }
    }

    fn passes(&mut self, of: Calls) -> bool {
        let dies_here = |death: &mut Boundary| death.is_reached(of);
        if !self.is_dead && self.death.as_mut().is_some_and(dies_here) {
            self.is_dead = true;
            // Of the two boundaries of a call that writes tags only the second is awaited so.
            self.has_only_tagged = self.death.is_some_and(|death| death.at == Calls::Tags);
        }
        self.passed += usize::from(!self.is_dead);
        !self.is_dead
    }
}

async fn pass(State(tap): State<Tap>, request: Request, next: Next) -> Response {
    let writes = request.method() != http::Method::GET;
    let of = match request.uri().path() {
        path if writes && path.starts_with("/prod/tags/") => Calls::Tags,
        _ if writes => Calls::Writes,
        _ => Calls::Any,
    };
    tap.cross(of).await;
    let described = request.uri().path().strip_prefix("/prod/channels/");
    if let Some(id) = described.filter(|_| !writes) {
        tap.forestall(id);
    }
    let response = next.run(request).await;
    tap.cross(of).await;
    response
}
