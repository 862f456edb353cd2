//! Who may write.
//!
//! One controller per owner writes at a time. Without a table the lease is a lock on a local file: it keeps a second
//! `run` or `apply` on the same machine from writing, and the system releases it when the process ends, however it ends.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::execute::WriteLease;

/// Leave to write, for as long as it is held.
#[derive(Debug, Clone)]
pub struct Lease(Arc<Kind>);

#[derive(Debug)]
enum Kind {
    /// The embedded emulator belongs to this process alone.
    Alone,
    /// The lock lives as long as the file is open.
    FileLock { _file: File },
}

/// The lease could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Another process holds it.
    #[error("another slotwise holds the lock {}; stop it first, or give this one another --owner-id", .0.display())]
    Held(PathBuf),
    /// The lock file cannot be made or locked.
    #[error("cannot lock {}", path.display())]
    File {
        /// The lock file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
}

impl Lease {
    /// For a world that nobody else can reach.
    pub fn alone() -> Self {
        Self(Arc::new(Kind::Alone))
    }

    /// Takes the lock on `path`, or says at once that another process has it.
    pub fn lock_file(path: &Path) -> Result<Self, LeaseError> {
        let failed = |cause| LeaseError::File {
            path: path.to_owned(),
            cause,
        };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(Arc::new(Kind::FileLock { _file: file }))),
            Err(TryLockError::WouldBlock) => Err(LeaseError::Held(path.to_owned())),
            Err(TryLockError::Error(cause)) => Err(failed(cause)),
        }
    }
}

impl WriteLease for Lease {
    fn is_held(&self) -> bool {
        match &*self.0 {
            Kind::Alone | Kind::FileLock { .. } => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_refused_until_the_first_lets_go() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/slotwise.lock");
        let first = Lease::lock_file(&path).unwrap();
        assert!(matches!(Lease::lock_file(&path), Err(LeaseError::Held(_))));
        drop(first);
        Lease::lock_file(&path).unwrap();
    }
}
