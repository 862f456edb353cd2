//! The first signal ends a command that changes nothing at once, and asks any other for an orderly end; the second one
//! ends that at once, too.
//!
//! A thread of its own handles signals, independent of the command: also while it reads from a disk that hangs, looks up a
//! name, or writes to a full pipe.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::Signal;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{self, SignalKind, signal};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::exit::ExitCode;

/// What ends this process from outside. Clones are about the same signals.
#[derive(Debug, Clone)]
pub(super) struct Signals(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    asked: CancellationToken,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    manners: Manners,
    first: Option<ExitCode>,
}

/// What the first signal does.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Manners {
    /// It ends the process: nothing is under way that would have to be finished.
    #[default]
    AtOnce,
    /// It asks for an end, and ends the process after this long.
    Within(Duration),
    /// It asks for an end.
    Orderly,
}

impl Signals {
    /// Handles signals from now on, until the process ends; a write to a file that grows too large does not end it.
    pub(super) fn listen() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let ends = {
            let _context = runtime.enter();
            // A handler that does nothing: the write fails instead, and that is reported.
            drop(signal(SignalKind::from_raw(Signal::XFSZ.as_raw()))?);
            Ends::listen()?
        };
        let shared = Arc::<Shared>::default();
        let of_thread = Arc::clone(&shared);
        // It lives as long as the process, of which it is the end.
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || hear(&runtime, ends, &of_thread))?;
        Ok(Self(shared))
    }

    /// From now on the first signal only asks for an end, by cancelling what this gives.
    pub(super) fn orderly(&self) -> CancellationToken {
        self.0.state().manners = Manners::Orderly;
        self.0.asked.clone()
    }

    /// The same for work that has changed nothing yet: it has to end within `limit`.
    pub(super) fn orderly_within(&self, limit: Duration) -> CancellationToken {
        self.0.state().manners = Manners::Within(limit);
        self.0.asked.clone()
    }

    /// The code of the first signal.
    pub(super) fn first(&self) -> Option<ExitCode> {
        self.0.state().first
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of `signal`; how long the process may run on, or `None` for an end at once.
    fn note(&self, signal: ExitCode) -> Option<Manners> {
        let mut state = self.state();
        if state.manners == Manners::AtOnce || state.first.is_some() {
            return None;
        }
        state.first = Some(signal);
        self.asked.cancel();
        Some(state.manners)
    }
}

fn hear(runtime: &Runtime, mut ends: Ends, shared: &Shared) {
    runtime.block_on(async {
        let first = ends.next().await;
        let Some(manners) = shared.note(first) else {
            return end(first);
        };
        let limited = async {
            match manners {
                Manners::Within(limit) => sleep(limit).await,
                Manners::AtOnce | Manners::Orderly => std::future::pending().await,
            }
        };
        tokio::select! {
            second = ends.next() => return end(second),
            () = limited => {}
        }
        // It may have begun to change something just before.
        if shared.state().manners != Manners::Orderly {
            return end(first);
        }
        end(ends.next().await);
    });
}

fn end(signal: ExitCode) {
    std::process::exit(i32::from(signal.code()));
}

/// The signals that ask a process to end.
struct Ends {
    interrupt: unix::Signal,
    terminate: unix::Signal,
}

impl Ends {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> ExitCode {
        tokio::select! {
            _ = self.interrupt.recv() => ExitCode::Interrupted,
            _ = self.terminate.recv() => ExitCode::Terminated,
        }
    }
}

/// SIGHUP: the daemon looks again.
pub(super) struct Hangups(unix::Signal);

impl Hangups {
    /// Handles it from now on: it no longer ends the process.
    pub(super) fn listen() -> io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    /// Runs `work`, and calls `again` upon each SIGHUP meanwhile.
    pub(super) async fn during<T>(mut self, work: impl Future<Output = T>, again: impl Fn()) -> T {
        tokio::pin!(work);
        loop {
            tokio::select! {
                result = &mut work => return result,
                Some(()) = self.0.recv() => again(),
            }
        }
    }
}
