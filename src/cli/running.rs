//! Which slotwise on this machine shows itself over HTTP: each one that listens on loopback leaves its address where the
//! other commands of its user find it.
//!
//! A record is a file that is called as its port, in a directory that only its user may enter. Its process has it locked for
//! as long as it lives. One that is not locked was left behind by a process that was killed: by now anybody may listen on
//! that port, also another user who waits for a token to be sent there. So it is removed, and nobody is asked.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::process::geteuid;

use super::endpoint::variable;
use crate::files;

/// More bytes than any address has.
const RECORD_MAX: u64 = 256;

/// Records that are read at most, far more than processes of one user.
const RECORDS_MAX: usize = 64;

/// Bits of a mode that say what others than the user may do.
const OF_OTHERS: u32 = 0o077;

/// How often a record is tried to be locked that another process looks at just then, and how long it may take to look.
const TRIES: u32 = 10;
const LOOK: Duration = Duration::from_millis(5);

/// The record of this process, removed with it.
#[derive(Debug)]
pub(super) struct Record {
    path: PathBuf,
    /// Locked as long as it is open.
    _file: File,
}

impl Record {
    /// Records that this process listens on `address`. `None` where there is no private place for it: then it has to be named
    /// with `--server`.
    pub(super) fn leave(address: SocketAddr) -> Option<Self> {
        let place = places().into_iter().next()?;
        let path = place.join(address.port().to_string());
        let left = make_private(&place).and_then(|()| write_locked(&path, &format!("http://{address}\n")));
        match left {
            Ok(file) => Some(Self { path, _file: file }),
            Err(error) => {
                tracing::debug!("{} is not written: {error}", path.display());
                None
            }
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        // Gone already, or left behind without its lock: nobody is asked there.
        fs::remove_file(&self.path).ok();
    }
}

/// Writes `text` into the file at `path`, which is locked before there is anything in it.
fn write_locked(path: &Path, text: &str) -> io::Result<File> {
    for _ in 0..TRIES {
        let mut open = OpenOptions::new();
        open.read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600);
        let mut file = open.open(path)?;
        match file.try_lock() {
            Ok(()) if is_at(&file, path) => {
                file.set_len(0)?;
                file.write_all(text.as_bytes())?;
                return Ok(file);
            }
            // Somebody removed what was left behind, just when it was opened.
            Ok(()) => {}
            // Somebody looks whether it was left behind.
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::Error::other("another process has it locked"))
}

/// Whether `path` still leads to `file`.
fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(open), Ok(found)) = (file.metadata(), fs::symlink_metadata(path)) else {
        return false;
    };
    (open.dev(), open.ino()) == (found.dev(), found.ino())
}

/// Where living processes of this user listen on loopback, the newest first. What others left behind is removed.
pub(super) fn recorded() -> Vec<SocketAddr> {
    let private = places().into_iter().filter(|place| is_private(place));
    let mut found: Vec<(SystemTime, SocketAddr)> = private.flat_map(|place| records(&place)).collect();
    found.sort_by(|one, other| other.cmp(one));
    found.into_iter().map(|(_, address)| address).collect()
}

fn records(place: &Path) -> Vec<(SystemTime, SocketAddr)> {
    let entries = fs::read_dir(place).into_iter().flatten().flatten();
    let read = |entry: fs::DirEntry| {
        let path = entry.path();
        let text = files::read_text(&path, RECORD_MAX).ok()?;
        if !is_alive(&path).ok()? {
            return None;
        }
        let address: SocketAddr = text.trim().strip_prefix("http://")?.parse().ok()?;
        let written = entry.metadata().ok()?.modified().ok()?;
        address.ip().is_loopback().then_some((written, address))
    };
    entries.take(RECORDS_MAX).filter_map(read).collect()
}

/// Whether the process that wrote the record at `path` still runs. A record that was left behind is removed.
fn is_alive(path: &Path) -> io::Result<bool> {
    let file = File::open(path)?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
        Ok(()) => {
            if is_at(&file, path) {
                fs::remove_file(path)?;
            }
            Ok(false)
        }
    }
}

/// Where records are: the first place is written to, all are read, as not every shell of a user has the same variables.
fn places() -> Vec<PathBuf> {
    let of_session = variable("XDG_RUNTIME_DIR").map(|dir| Path::new(&dir).join("slotwise"));
    let of_user = std::env::temp_dir().join(format!("slotwise-{}", geteuid().as_raw()));
    of_session.into_iter().chain([of_user]).collect()
}

fn make_private(place: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(place) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    if is_private(place) {
        Ok(())
    } else {
        Err(io::Error::other("others may write to its directory"))
    }
}

/// Whether `place` is a directory of this user that no other user may enter: they could send commands anywhere.
fn is_private(place: &Path) -> bool {
    fs::symlink_metadata(place).is_ok_and(|found| {
        found.is_dir() && found.uid() == geteuid().as_raw() && found.mode() & OF_OTHERS == 0
    })
}
