//! A lock on a local file, for where there is no table: it keeps a second `run` or `apply` on the same machine from
//! writing, and the system releases it when the process ends, however it ends.
//!
//! The lock is on the file, not on its name. So before each mutating call the name is looked up again: where it leads to
//! nothing or to another file, the next process would lock that one, and this one may no longer write.

use std::fs::{self, File, Metadata, Permissions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::LeaseError;
use super::notes::NOTE_MAX;
use super::place::LockPlace;
use crate::write_lease::{Holding, WriteLease};

/// Every user may open the file, lock it and name itself in it, whatever the umask: it holds nothing else.
const MODE: u32 = 0o666;
/// What a holder says of itself, and leaves to its successor, is shorter; what is longer was not written by slotwise.
const CONTENT_MAX: usize = 256 + NOTE_MAX;
/// How often a file that vanishes between two looks is opened again.
const TRIES: u32 = 10;

/// Which file it is, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileId {
    /// Of the file system.
    pub(super) device: u64,
    /// Within it.
    pub(super) inode: u64,
}

impl FileId {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

/// Locked as long as it is open.
#[derive(Debug)]
pub(super) struct FileLock {
    place: LockPlace,
    id: FileId,
    file: File,
    /// What the holder before this one left, until it is taken.
    left: Option<String>,
}

impl FileLock {
    /// Takes the lock at `place`, or says at once that another process has it.
    pub(super) fn take(place: &LockPlace) -> Result<Self, LeaseError> {
        let path = place.path();
        if place.is_hidden() {
            return Err(LeaseError::PrivateTmp(path.to_owned()));
        }
        let failed = |cause: io::Error| failed(path, cause);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        for _ in 0..TRIES {
            let Some((mut file, id)) = open(path)? else {
                continue;
            };
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(LeaseError::Held {
                        path: path.to_owned(),
                        holder: content(&mut file).0.into(),
                        file: id,
                    });
                }
                Err(TryLockError::Error(cause)) => return Err(failed(cause)),
            }
            let (_, left) = content(&mut file);
            let mut lock = Self {
                place: place.clone(),
                id,
                file,
                left,
            };
            // It may have been removed since it was opened.
            if lock.loss().is_none() {
                let left = lock.left.clone().unwrap_or_default();
                lock.introduce(&left);
                return Ok(lock);
            }
        }
        let cause = io::Error::other("it is removed again and again while it is locked");
        Err(failed(cause))
    }

    /// Which file it is.
    pub(super) fn id(&self) -> FileId {
        self.id
    }

    /// Why the lock no longer keeps others away; `None` while it does.
    fn loss(&self) -> Option<String> {
        let shown = self.place.path().display();
        if let Some(now) = self.place.moved() {
            return Some(format!("the lock's place is {} by now", now.display()));
        }
        match fs::symlink_metadata(self.place.path()) {
            Ok(found) if FileId::of(&found) == self.id => None,
            Ok(_) => Some(format!("the lock file {shown} was replaced")),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Some(format!("the lock file {shown} was removed"))
            }
            Err(error) => Some(format!("the lock file {shown} cannot be looked at: {error}")),
        }
    }

    /// Names the holder in the file, for operators, and what it leaves to its successor. Where the file is another user's, the lock
    /// is valid all the same.
    fn introduce(&mut self, left: &str) {
        let text = format!("pid {}\n{left}", std::process::id());
        let written = self
            .file
            .set_len(0)
            .and_then(|()| self.file.seek(SeekFrom::Start(0)))
            .and_then(|_| self.file.write_all(text.as_bytes()));
        if let Err(error) = written {
            tracing::debug!(
                "{} does not name its holder: {error}",
                self.place.path().display()
            );
        }
    }
}

fn failed(path: &Path, cause: io::Error) -> LeaseError {
    LeaseError::File {
        path: path.to_owned(),
        cause,
    }
}

/// The file, made where there is none; `None` where it vanished in between. Checked before it is opened, since opening a
/// pipe waits for a writer and opening a device may do anything; and checked again then.
fn open(path: &Path) -> Result<Option<(File, FileId)>, LeaseError> {
    let failed = |cause| failed(path, cause);
    let file = match fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => return Err(LeaseError::NotAFile(path.to_owned())),
        // Without O_CREAT: in a directory like /tmp no user may open another user's file with it.
        Ok(_) => match File::options().read(true).write(true).open(path) {
            // Another user's file, made by hand: reading is enough to lock it.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => File::open(path),
            opened => opened,
        },
        Err(error) if error.kind() == ErrorKind::NotFound => make(path),
        Err(error) => return Err(failed(error)),
    };
    let file = match file {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::AlreadyExists) => {
            return Ok(None);
        }
        Err(error) => return Err(failed(error)),
    };
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(LeaseError::NotAFile(path.to_owned()));
    }
    Ok(Some((file, FileId::of(&metadata))))
}

fn make(path: &Path) -> io::Result<File> {
    let file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path)?;
    file.set_permissions(Permissions::from_mode(MODE))?;
    Ok(file)
}

/// The holder, as it names itself, `pid 1234`, and what it leaves to its successor. Empty where the content is not of that form.
fn content(file: &mut File) -> (String, Option<String>) {
    let mut bytes = Vec::new();
    let limit = u64::try_from(CONTENT_MAX).unwrap_or(u64::MAX);
    let read = file.take(limit).read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).unwrap_or_default();
    let (first, left) = text.split_once('\n').unwrap_or((&text, ""));
    let number = first.trim().strip_prefix("pid ").unwrap_or_default();
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    if read.is_ok() && is_number && number.len() <= 10 {
        let left = Some(left.to_owned()).filter(|left| !left.is_empty());
        (format!("pid {number}"), left)
    } else {
        (String::new(), None)
    }
}

/// The lock of this process, which it may lose and take again.
#[derive(Debug)]
pub(super) struct FileKeeper(Mutex<State>);

#[derive(Debug)]
struct State {
    lock: FileLock,
    /// Why it no longer holds. It stays lost, even where the file comes back, until [`FileKeeper::mend`].
    lost: Option<Arc<str>>,
}

impl FileKeeper {
    pub(super) fn take(place: &LockPlace) -> Result<Self, LeaseError> {
        let lock = FileLock::take(place)?;
        Ok(Self(Mutex::new(State { lock, lost: None })))
    }

    pub(super) fn id(&self) -> FileId {
        self.with(|state| state.lock.id())
    }

    /// Why the lock is lost, if it is: the file is looked at.
    pub(super) fn lost(&self) -> Option<Arc<str>> {
        self.with(|state| {
            if state.lost.is_none() {
                state.lost = state.lock.loss().map(Into::into);
            }
            state.lost.clone()
        })
    }

    /// Takes the lock again where it was lost: where it is now.
    pub(super) fn mend(&self) -> Result<PathBuf, LeaseError> {
        self.with(|state| {
            let place = state.lock.place.now();
            state.lock = FileLock::take(&place)?;
            state.lost = None;
            Ok(place.path().to_owned())
        })
    }

    /// What the holder before this process left, once.
    pub(super) fn take_note(&self) -> Option<String> {
        self.with(|state| state.lock.left.take())
    }

    /// Leaves a text to the next holder, while the lock is held.
    pub(super) fn leave_note(&self, text: &str) {
        if self.lost().is_none() {
            self.with(|state| state.lock.introduce(text));
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl WriteLease for FileKeeper {
    fn held_for(&self) -> Option<Holding> {
        self.lost().is_none().then(Holding::default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(dir: &tempfile::TempDir) -> LockPlace {
        LockPlace::named(dir.path().join("deep/slotwise.lock"))
    }

    #[test]
    fn a_second_holder_is_refused_with_the_name_of_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let place = place(&dir);
        let first = FileLock::take(&place).unwrap();
        let refused = FileLock::take(&place).unwrap_err();
        let pid = format!("pid {}", std::process::id());
        assert!(
            matches!(&refused, LeaseError::Held { holder, .. } if **holder == *pid),
            "{refused}"
        );
        drop(first);
        FileLock::take(&place).unwrap();
    }

    #[test]
    fn a_holder_leaves_a_note_to_the_next_one() {
        let dir = tempfile::tempdir().unwrap();
        let keeper = FileKeeper::take(&place(&dir)).unwrap();
        assert_eq!(keeper.take_note(), None);
        keeper.leave_note("a longer note");
        keeper.leave_note("a note");
        drop(keeper);
        let next = FileKeeper::take(&place(&dir)).unwrap();
        drop(next);
        let next = FileKeeper::take(&place(&dir)).unwrap();
        assert_eq!(
            next.take_note().as_deref(),
            Some("a note"),
            "it lies there until it is replaced"
        );
        assert_eq!(next.take_note(), None);
        next.leave_note("");
        drop(next);
        assert_eq!(FileKeeper::take(&place(&dir)).unwrap().take_note(), None);
    }

    #[test]
    fn every_user_may_lock_the_file_whatever_the_umask() {
        let dir = tempfile::tempdir().unwrap();
        let place = place(&dir);
        let _first = FileLock::take(&place).unwrap();
        let mode = fs::metadata(place.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, MODE);
    }

    #[test]
    fn a_removed_or_replaced_lock_file_is_locked_again() {
        let dir = tempfile::tempdir().unwrap();
        let place = place(&dir);
        let keeper = FileKeeper::take(&place).unwrap();
        assert!(keeper.held_for().is_some());

        fs::remove_file(place.path()).unwrap();
        assert!(keeper.held_for().is_none());
        assert!(keeper.lost().unwrap().contains("was removed"));
        let other = FileLock::take(&place).unwrap();
        assert!(keeper.held_for().is_none());
        assert!(matches!(keeper.mend(), Err(LeaseError::Held { .. })));
        drop(other);
        keeper.mend().unwrap();
        assert!(keeper.held_for().is_some());
        assert!(FileLock::take(&place).is_err(), "it is locked again");

        let beside = dir.path().join("deep/beside");
        fs::write(&beside, "").unwrap();
        fs::rename(&beside, place.path()).unwrap();
        assert!(keeper.held_for().is_none());
        assert!(keeper.lost().unwrap().contains("was replaced"));
        fs::remove_file(place.path()).unwrap();
        assert!(keeper.held_for().is_none(), "what was lost stays lost");
    }

    #[test]
    fn nothing_but_a_plain_file_is_locked() {
        let dir = tempfile::tempdir().unwrap();
        let (link, target) = (dir.path().join("link"), dir.path().join("target"));
        fs::write(&target, "").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let pipe = dir.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        for path in [link, pipe, dir.path().to_owned(), PathBuf::from("/dev/zero")] {
            let refused = FileLock::take(&LockPlace::named(path.clone()));
            assert!(
                matches!(refused, Err(LeaseError::NotAFile(_))),
                "{}",
                path.display()
            );
        }
    }

    #[test]
    fn a_holder_is_named_by_what_it_could_have_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        for (text, expected) in [
            ("pid 12\n", "pid 12"),
            ("pid x", ""),
            ("\x1b[31mpid 1", ""),
            ("", ""),
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(content(&mut File::open(&path).unwrap()).0, expected);
        }
        fs::write(&path, "1".repeat(1_000_000)).unwrap();
        assert_eq!(content(&mut File::open(&path).unwrap()).0, "");
    }
}
