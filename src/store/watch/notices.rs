//! What the system tells of directories.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::places::Places;

/// Directories watched at most: what every kernel allows a user. More of them are looked at instead.
const PLACES_MAX: usize = 8192;

/// Why the system does not tell.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unwatched {
    #[error("more than {PLACES_MAX} directories")]
    TooMany,
    #[error("{} is on a file system of the type {kind:#x}, which may change without telling", .path.display())]
    MayBeShared { path: PathBuf, kind: u64 },
    #[error("the file system does not answer")]
    Hangs,
    #[error("the system gives no watch")]
    Refused(#[source] notify::Error),
    #[error("a fault of slotwise")]
    Fault,
}

impl Unwatched {
    pub(super) fn fix(&self) -> &'static str {
        match self {
            Self::TooMany => "put files together, if the time that this takes matters",
            Self::MayBeShared { .. } => "nothing needs to be done",
            Self::Hangs => "look at the mount it is on",
            Self::Refused(_) => {
                "raise fs.inotify.max_user_watches and fs.inotify.max_user_instances (sysctl), and see that the directories can be read"
            }
            Self::Fault => "please report it",
        }
    }
}

/// What happened, without where and how often; more of it takes the place of less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Told {
    Nothing,
    /// Files were written, or nobody knows.
    Content,
    /// Names came, went or lead elsewhere.
    Names,
}

/// What happened at some places since somebody last asked.
#[derive(Debug)]
pub(super) struct Notices {
    /// Its thread ends with it.
    _watcher: RecommendedWatcher,
    /// A [`Told`].
    told: Arc<AtomicU8>,
}

impl Notices {
    /// Begins to watch `places`. What happened before is unknown, so a look is asked for at once. Blocking.
    pub(super) fn of(places: Places) -> Result<Self, Unwatched> {
        if places.len() > PLACES_MAX {
            return Err(Unwatched::TooMany);
        }
        let told = Arc::new(AtomicU8::new(Told::Content as u8));
        let paths: Vec<PathBuf> = places.keys().cloned().collect();
        let to_tell = Arc::clone(&told);
        let hear = move |event: notify::Result<Event>| {
            let told = event.map_or(Told::Content, |event| told_by(&event, &places));
            to_tell.fetch_max(told as u8, Ordering::AcqRel);
        };
        let mut watcher = notify::recommended_watcher(hear).map_err(Unwatched::Refused)?;
        for path in &paths {
            watch(&mut watcher, path)?;
        }
        Ok(Self {
            _watcher: watcher,
            told,
        })
    }

    /// What happened since this was last asked.
    pub(super) fn take(&self) -> Told {
        let told = self.told.swap(Told::Nothing as u8, Ordering::AcqRel);
        let known = [Told::Nothing, Told::Content, Told::Names];
        known[usize::from(told)]
    }
}

fn watch(watcher: &mut RecommendedWatcher, path: &Path) -> Result<(), Unwatched> {
    let begun = match file_system::unknown_kind(path) {
        Ok(Some(kind)) => {
            let path = path.to_owned();
            return Err(Unwatched::MayBeShared { path, kind });
        }
        Ok(None) => watcher.watch(path, RecursiveMode::NonRecursive),
        Err(error) => Err(notify::Error::io(error)),
    };
    match begun {
        // Gone since it was found: the look that follows finds that, too.
        Err(error) if is_gone(&error) => Ok(()),
        begun => begun.map_err(Unwatched::Refused),
    }
}

fn is_gone(error: &notify::Error) -> bool {
    match &error.kind {
        notify::ErrorKind::PathNotFound => true,
        notify::ErrorKind::Io(error) => error.kind() == io::ErrorKind::NotFound,
        _ => false,
    }
}

/// What `event` says of `places`. That files are opened and read is nothing: slotwise does that itself.
fn told_by(event: &Event, places: &Places) -> Told {
    let told = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) | EventKind::Modify(ModifyKind::Data(_)) => {
            Told::Content
        }
        EventKind::Access(_) => return Told::Nothing,
        _ => Told::Names,
    };
    // More happened than the system could remember.
    if event.need_rescan() || event.paths.is_empty() {
        return Told::Names;
    }
    let concerns = |path: &PathBuf| {
        let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
            return false;
        };
        let interest = places.get(directory);
        interest.is_some_and(|interest| interest.concerns(name, told == Told::Content))
    };
    let is_news = event
        .paths
        .iter()
        .any(|path| places.contains_key(path) || concerns(path));
    if is_news { told } else { Told::Nothing }
}

#[cfg(target_os = "linux")]
mod file_system {
    use std::io;
    use std::path::Path;

    use rustix::fs::FsWord;

    /// File systems of this machine alone: ext2 to 4, XFS, Btrfs, tmpfs, overlay, ZFS, F2FS, ramfs, bcachefs, SquashFS,
    /// EROFS (linux/magic.h). On any other (NFS, SMB, FUSE, 9P) somebody else may write and nobody here is told.
    const OF_ONE_MACHINE: [FsWord; 11] = [
        0xEF53,
        0x5846_5342,
        0x9123_683E,
        0x0102_1994,
        0x794C_7630,
        0x2FC1_2FC1,
        0xF2F5_2010,
        0x8584_58F6,
        0xCA45_1A4E,
        0x7371_7368,
        0xE0F5_E1E2,
    ];

    /// The type of the file system that `path` is on, unless changes to it are told.
    pub(super) fn unknown_kind(path: &Path) -> io::Result<Option<u64>> {
        let kind = rustix::fs::statfs(path)?.f_type;
        Ok((!OF_ONE_MACHINE.contains(&kind)).then(|| kind.unsigned_abs()))
    }
}

#[cfg(not(target_os = "linux"))]
mod file_system {
    use std::io;
    use std::path::Path;

    /// Not known here: changes that are not told are found by the look every few seconds.
    pub(super) fn unknown_kind(_: &Path) -> io::Result<Option<u64>> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use notify::event::{CreateKind, DataChange, Flag};

    use super::super::places::Interest;
    use super::*;

    fn event(kind: EventKind, path: &str) -> Event {
        Event::new(kind).add_path(PathBuf::from(path))
    }

    #[test]
    fn more_than_the_system_could_remember_is_told_and_reading_is_not() {
        let places = BTreeMap::from([(PathBuf::from("/live"), Interest::default())]);
        let overflow = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        assert_eq!(told_by(&overflow, &places), Told::Names);
        let opened = EventKind::Access(AccessKind::Open(AccessMode::Any));
        assert_eq!(told_by(&event(opened, "/live"), &places), Told::Nothing);
        let written = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        assert_eq!(told_by(&event(written, "/live"), &places), Told::Content);
        let made = EventKind::Create(CreateKind::File);
        assert_eq!(told_by(&event(made, "/live"), &places), Told::Names);
        assert_eq!(told_by(&event(made, "/other/a.yaml"), &places), Told::Nothing);
    }

    #[test]
    fn more_directories_than_every_kernel_allows_are_not_watched() {
        let path = |number: usize| (PathBuf::from(format!("/{number}")), Interest::default());
        let refused = Notices::of((0..=PLACES_MAX).map(path).collect()).unwrap_err();
        assert_eq!(refused.to_string(), "more than 8192 directories");
    }

    #[test]
    fn a_directory_that_is_gone_is_no_reason_not_to_watch_the_others() {
        let dir = tempfile::tempdir().unwrap();
        let places = BTreeMap::from([
            (dir.path().join("gone"), Interest::default()),
            (dir.path().to_owned(), Interest::default()),
        ]);
        let notices = Notices::of(places).unwrap();
        assert_eq!(notices.take(), Told::Content, "what happened before is unknown");
        assert_eq!(notices.take(), Told::Nothing);
        std::fs::remove_dir(dir.path()).unwrap();
        let limit = std::time::Duration::from_millis(10);
        let told = (0..300).find_map(|_| {
            std::thread::sleep(limit);
            Some(notices.take()).filter(|told| *told != Told::Nothing)
        });
        assert_eq!(told, Some(Told::Names));
    }
}
