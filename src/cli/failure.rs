//! Why a command came to nothing: the step that failed, its cause, and the next step.

use std::error::Error;
use std::fmt;

use super::exit::ExitCode;
use crate::controller::CycleError;
use crate::controller::lease::{Holder, LeaseError};
use crate::store::LoadError;
use crate::wiring::WiringError;

/// What a command ends with.
pub(super) type CommandResult = Result<ExitCode, Failure>;

/// A failure to be shown, and the code to end with.
#[derive(Debug)]
pub(super) struct Failure {
    /// The code.
    pub(super) code: ExitCode,
    message: String,
    next: Option<String>,
    /// The holder of the lease, where that is what failed.
    pub(super) holder: Option<Holder>,
}

impl Failure {
    /// A failure of `code`.
    pub(super) fn new(code: ExitCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            next: None,
            holder: None,
        }
    }

    /// `error` with its causes, met at `step`.
    pub(super) fn at(step: impl fmt::Display, error: &dyn Error) -> Self {
        Self::new(ExitCode::Error, format!("{step}: {}", crate::error_chain(error)))
    }

    /// A command line that parses and makes no sense.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Usage, message)
    }

    /// What to do about it.
    #[must_use]
    pub(super) fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.next {
            Some(next) => write!(f, "\n  next: {next}"),
            None => Ok(()),
        }
    }
}

impl From<WiringError> for Failure {
    fn from(error: WiringError) -> Self {
        match error {
            WiringError::Lease(error) => error.into(),
            error @ (WiringError::NoRegion | WiringError::NoProfile(_)) => {
                Self::new(ExitCode::Error, crate::error_chain(&error))
            }
        }
    }
}

impl From<LeaseError> for Failure {
    fn from(error: LeaseError) -> Self {
        let failure = Self {
            holder: error.holder(),
            ..Self::new(
                ExitCode::of_lease(&error),
                format!("nothing is written: {}", crate::error_chain(&error)),
            )
        };
        match &error {
            LeaseError::HeldBy { .. } | LeaseError::Held { .. } => failure.next(
                "let that one do it, or end it and try again; apply --interrupt NAME hands it a grant, and plan, status and \
                 explain need no lease",
            ),
            LeaseError::File { path, .. } => failure.next(format!(
                "it has to be one that every slotwise of this owner can open: as root, install -d -m 1777 /run/slotwise; or \
                 give all of them the same --lock-file instead of {}",
                path.display()
            )),
            LeaseError::NotAFile(_) => failure.next("remove it, or name another file with --lock-file"),
            LeaseError::PrivateTmp(_) => failure.next(
                "make a directory that all share, as manifests/systemd/slotwise.service does: ExecStartPre=+install -d -m 1777 \
                 /run/slotwise, with ReadWritePaths=/run/slotwise",
            ),
            LeaseError::Table(_) | LeaseError::Undecided | LeaseError::Ended => failure,
        }
    }
}

impl From<CycleError> for Failure {
    fn from(error: CycleError) -> Self {
        let failure = Self::new(ExitCode::Error, crate::error_chain(&error));
        match &error {
            CycleError::Load(cause) => match cause.downcast_ref::<LoadError>() {
                Some(load) => failure.next(load.fix()),
                None => failure,
            },
            CycleError::Observe(_) | CycleError::Check(_) => failure,
        }
    }
}
