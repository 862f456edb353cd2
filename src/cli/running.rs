//! Which slotwise on this machine shows itself over HTTP: each one that listens on loopback leaves its address where the
//! other commands of its user find it.
//!
//! A record is a file that is called as its port, in a directory that only its user may enter. One that was left behind
//! by a process that was killed does no harm: nothing answers there.

use std::fs::{self, DirBuilder};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::process::geteuid;

use super::endpoint::variable;
use crate::files;

/// More bytes than any address has.
const RECORD_MAX: u64 = 256;

/// Records that are read at most, far more than processes of one user.
const RECORDS_MAX: usize = 64;

/// Bits of a mode that say what others than the user may do.
const OF_OTHERS: u32 = 0o077;

/// The record of this process, removed with it.
#[derive(Debug)]
pub(super) struct Record(PathBuf);

impl Record {
    /// Records that this process listens on `address`. `None` where there is no private place for it: then it has to be named
    /// with `--server`.
    pub(super) fn leave(address: SocketAddr) -> Option<Self> {
        let place = places().into_iter().next()?;
        let path = place.join(address.port().to_string());
        let left = make_private(&place).and_then(|()| {
            let text = format!("http://{address}\n");
            files::replace(&path, text.as_bytes(), 0o600)
        });
        match left {
            Ok(()) => Some(Self(path)),
            Err(error) => {
                tracing::debug!("{} is not written: {error}", path.display());
                None
            }
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        // Gone already, or left behind: nothing answers there.
        fs::remove_file(&self.0).ok();
    }
}

/// Addresses that processes of this user recorded, the newest first.
pub(super) fn recorded() -> Vec<String> {
    let private = places().into_iter().filter(|place| is_private(place));
    let mut found: Vec<(SystemTime, String)> = private.flat_map(|place| records(&place)).collect();
    found.sort_by(|one, other| other.cmp(one));
    found.into_iter().map(|(_, url)| url).collect()
}

fn records(place: &Path) -> Vec<(SystemTime, String)> {
    let entries = fs::read_dir(place).into_iter().flatten().flatten();
    let read = |entry: fs::DirEntry| {
        let written = entry.metadata().ok()?.modified().ok()?;
        let text = files::read_text(&entry.path(), RECORD_MAX).ok()?;
        Some((written, text.trim().to_owned()))
    };
    entries.take(RECORDS_MAX).filter_map(read).collect()
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
