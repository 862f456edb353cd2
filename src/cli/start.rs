//! The threads and the signals of the process, or why there are none.

use std::io;
use std::panic::{self, AssertUnwindSafe};

use rustix::process::{Resource, getrlimit};
use tokio::runtime::Runtime;

use super::exit::ExitCode;
use super::failure::{CommandResult, Failure};
use super::signals::Signals;
use crate::aws::caught::{caught, is_caught};

/// Open files that are enough for every command.
const OPEN_FILES: u64 = 256;

/// Starts both.
pub(super) fn start() -> Result<(Runtime, Signals), Failure> {
    // Tokio panics where the system gives it no descriptor for signals, or no thread.
    let started = caught(|| {
        let signals = Signals::listen()?;
        Ok((Runtime::new()?, signals))
    });
    match started {
        Some(Ok(started)) => Ok(started),
        Some(Err(error)) => Err(failure(&error)),
        None => Err(failure(&io::Error::other(
            "no descriptor for signals, or no thread",
        ))),
    }
}

/// What `work` gives on `runtime`. A panic in it has been printed; it is a fault, and no code of its own.
pub(super) fn run(runtime: &Runtime, work: impl Future<Output = CommandResult>) -> CommandResult {
    let ended = panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(work)));
    ended.unwrap_or_else(|_| {
        Err(Failure::new(
            ExitCode::Error,
            "a fault of slotwise; please report it",
        ))
    })
}

/// Leaves a panic unprinted that becomes an error.
pub(super) fn quieten_panics() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !is_caught() {
            usual(info);
        }
    }));
}

fn failure(error: &io::Error) -> Failure {
    let limit = getrlimit(Resource::Nofile).current;
    let next = match limit.filter(|limit| *limit < OPEN_FILES) {
        Some(limit) => {
            format!("raise the limit of open files from {limit} to {OPEN_FILES}: ulimit -n {OPEN_FILES}")
        }
        None => "raise the limits of open files and of processes: ulimit -n, ulimit -u".to_owned(),
    };
    let message = format!("cannot start, the system gives too few open files or threads: {error}");
    Failure::new(ExitCode::Error, message).next(next)
}
