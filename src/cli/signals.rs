//! The first signal asks for an orderly end, the second one ends at once.

use std::io;

use tokio_util::sync::CancellationToken;

use super::exit::ExitCode;

/// Runs `work` until it ends by itself. A first SIGINT or SIGTERM cancels `asked`, upon which `work` is expected to
/// end soon; a second one ends the process at once. Also tells which signal was the first.
pub(super) async fn with_signals<T>(
    work: impl Future<Output = T>,
    asked: &CancellationToken,
) -> io::Result<(T, Option<ExitCode>)> {
    let mut signals = Signals::listen()?;
    let mut first = None;
    tokio::pin!(work);
    loop {
        tokio::select! {
            result = &mut work => return Ok((result, first)),
            signal = signals.next() => {
                if first.is_some() {
                    std::process::exit(i32::from(signal.code()));
                }
                first = Some(signal);
                asked.cancel();
            }
        }
    }
}

/// Runs `work`, which changes nothing, until it ends by itself or a signal comes.
pub(super) async fn or_signal<T>(work: impl Future<Output = T>) -> io::Result<Result<T, ExitCode>> {
    let mut signals = Signals::listen()?;
    tokio::select! {
        result = work => Ok(Ok(result)),
        signal = signals.next() => Ok(Err(signal)),
    }
}

/// The signals that ask a process to end.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
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

/// Where there is nothing but Ctrl-C.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> ExitCode {
        match tokio::signal::ctrl_c().await {
            Ok(()) => ExitCode::Interrupted,
            // Without a way to listen there is nothing to wait for.
            Err(_) => std::future::pending().await,
        }
    }
}
