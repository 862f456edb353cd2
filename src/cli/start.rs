//! The threads and the signals of the process, or why there are none.

use std::panic::{self, AssertUnwindSafe};

use rustix::process::{Resource, getrlimit};
use tokio::runtime::Runtime;

use super::exit::ExitCode;
use super::failure::Failure;
use super::signals::Signals;

/// Open files that are enough for every command.
const OPEN_FILES: u64 = 256;

/// Starts both.
pub(super) fn start() -> Result<(Runtime, Signals), Failure> {
    // Tokio panics where the system gives it no descriptor for signals, or no thread. That is said in words of ours, once.
    let told = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let started = panic::catch_unwind(AssertUnwindSafe(|| {
        let signals = Signals::listen()?;
        Ok((Runtime::new()?, signals))
    }));
    panic::set_hook(told);
    match started {
        Ok(Ok(started)) => Ok(started),
        Ok(Err(error)) => Err(failure(&error)),
        Err(_) => Err(failure(&std::io::Error::other(
            "no descriptor for signals, or no thread",
        ))),
    }
}

fn failure(error: &std::io::Error) -> Failure {
    let limit = getrlimit(Resource::Nofile).current;
    let next = match limit.filter(|limit| *limit < OPEN_FILES) {
        Some(limit) => format!("raise the limit of open files from {limit} to {OPEN_FILES}: ulimit -n {OPEN_FILES}"),
        None => "raise the limits of open files and of processes: ulimit -n, ulimit -u".to_owned(),
    };
    let message = format!("cannot start, the system gives too few open files or threads: {error}");
    Failure::new(ExitCode::Error, message).next(next)
}
