//! A lock on a local file, for where there is no table: it keeps a second `run` or `apply` on the same machine from
//! writing, and the system releases it when the process ends, however it ends.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::LeaseError;

/// Locked as long as it is open.
#[derive(Debug)]
pub(super) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the lock on `path`, or says at once that another process has it.
    pub(super) fn take(path: &Path) -> Result<Self, LeaseError> {
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
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LeaseError::Held(path.to_owned())),
            Err(TryLockError::Error(cause)) => Err(failed(cause)),
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
        let first = FileLock::take(&path).unwrap();
        assert!(matches!(FileLock::take(&path), Err(LeaseError::Held(_))));
        drop(first);
        FileLock::take(&path).unwrap();
    }
}
