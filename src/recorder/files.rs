//! The files of a recording: named so that their order is the order of what happened, and no more than allowed.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::files;

/// For its owner only: a recording holds no key, but names and hosts.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// The form of the moment in a file's name: only characters that shells and file systems accept.
const MOMENT: &str = "%Y-%m-%dT%H-%M-%SZ";

/// Length of such a moment.
const MOMENT_LEN: usize = "2026-11-24T14-30-00Z".len();

/// How much is kept. The oldest files make room for new ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Files.
    pub files: usize,
    /// Bytes of all files together.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            files: 10_000,
            bytes: 1 << 30,
        }
    }
}

/// Nothing can be recorded in a directory.
#[derive(Debug, thiserror::Error)]
pub enum RecorderError {
    /// It is not there and cannot be made.
    #[error("cannot make {} to record in", directory.display())]
    Make {
        /// The directory.
        directory: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// It cannot be listed.
    #[error("cannot list {} to record in", directory.display())]
    List {
        /// The directory.
        directory: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// No file can be written there.
    #[error("cannot write to {} to record in", directory.display())]
    Write {
        /// The directory.
        directory: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The system gives no thread.
    #[error("cannot begin to record")]
    Thread(#[source] io::Error),
}

/// A directory of recordings.
#[derive(Debug)]
pub(super) struct Files {
    directory: PathBuf,
    limits: Limits,
    /// Names and sizes of what is there, oldest first.
    kept: VecDeque<(String, u64)>,
    /// Bytes of all of them.
    bytes: u64,
    /// Number of the next one.
    serial: u64,
}

impl Files {
    /// Takes over `directory` with the recordings that it holds.
    pub(super) fn open(directory: &Path, limits: Limits) -> Result<Self, RecorderError> {
        let directory = directory.to_owned();
        DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(&directory)
            .map_err(|cause| RecorderError::Make {
                directory: directory.clone(),
                cause,
            })?;
        let mut files = Self {
            directory,
            limits,
            kept: VecDeque::new(),
            bytes: 0,
            serial: 1,
        };
        files.list().map_err(|cause| RecorderError::List {
            directory: files.directory.clone(),
            cause,
        })?;
        files.try_out().map_err(|cause| RecorderError::Write {
            directory: files.directory.clone(),
            cause,
        })?;
        Ok(files)
    }

    /// Where they are.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Writes one more file, in one piece or not at all.
    pub(super) fn write(&mut self, at: Timestamp, text: &str) -> io::Result<()> {
        let size = u64::try_from(text.len()).unwrap_or(u64::MAX);
        if size > self.limits.bytes {
            let limit = self.limits.bytes;
            let what = format!("one recording of {size} bytes is more than the {limit} that all may have");
            return Err(io::Error::other(what));
        }
        self.make_room(size);
        let name = format!("{}-{:06}.json", at.strftime(MOMENT), self.serial);
        files::replace(&self.directory.join(&name), text.as_bytes(), FILE_MODE)?;
        self.serial += 1;
        self.bytes += size;
        self.kept.push_back((name, size));
        Ok(())
    }

    /// Removes the oldest until one more of `size` fits.
    fn make_room(&mut self, size: u64) {
        while self.kept.len() >= self.limits.files || self.bytes + size > self.limits.bytes {
            let Some((name, bytes)) = self.kept.pop_front() else {
                return;
            };
            // It may have been removed by hand. What cannot be removed is no longer counted: the next start does.
            fs::remove_file(self.directory.join(name)).ok();
            self.bytes -= bytes;
        }
    }

    /// Takes stock of what is there, and removes what a crash left half written.
    fn list(&mut self) -> io::Result<()> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            // Nothing but a file was written here, so nothing else is removed to make room.
            if let (Some(serial), true) = (serial_of(&name), entry.file_type()?.is_file()) {
                found.push((serial, name, entry.metadata()?.len()));
            } else if files::whole_of(&name).and_then(serial_of).is_some() {
                fs::remove_file(entry.path())?;
            }
        }
        found.sort();
        self.serial = found.last().map_or(1, |(serial, ..)| serial + 1);
        self.bytes = found.iter().map(|(.., size)| size).sum();
        self.kept = found.into_iter().map(|(_, name, size)| (name, size)).collect();
        Ok(())
    }

    fn try_out(&self) -> io::Result<()> {
        // Named as what a crash leaves half written, so that the next start removes it.
        let moment = Timestamp::UNIX_EPOCH.strftime(MOMENT);
        let path = self.directory.join(format!(".{moment}-000000.json.0-0.part"));
        // Not empty: on a disk that is full an empty file can be made.
        files::replace(&path, b"{}\n", FILE_MODE)?;
        fs::remove_file(&path)
    }
}

/// The number of a recording of this name; `None` for other files, which are left alone.
fn serial_of(name: &str) -> Option<u64> {
    let (moment, rest) = name.split_at_checked(MOMENT_LEN)?;
    let digits = rest.strip_prefix('-')?.strip_suffix(".json")?;
    let form = |letter: char| if letter.is_ascii_digit() { '0' } else { letter };
    let is_moment = moment.chars().map(form).eq("0000-00-00T00-00-00Z".chars());
    let is_serial = digits.len() >= 6 && digits.chars().all(|letter| letter.is_ascii_digit());
    (is_moment && is_serial).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_oldest_recordings_make_room_and_other_files_stay() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("notes.json"), "x".repeat(500)).unwrap();
        let limits = Limits { files: 3, bytes: 100 };
        let mut files = Files::open(dir.path(), limits).unwrap();
        for second in 0..5 {
            files.write(at(second), "0123456789").unwrap();
        }
        let third = "1970-01-01T00-00-02Z-000003.json";
        assert_eq!(
            names(dir.path()),
            [
                third,
                "1970-01-01T00-00-03Z-000004.json",
                "1970-01-01T00-00-04Z-000005.json",
                "notes.json"
            ]
        );
        files.write(at(5), &"x".repeat(85)).unwrap();
        assert_eq!(
            names(dir.path()),
            [
                "1970-01-01T00-00-04Z-000005.json",
                "1970-01-01T00-00-05Z-000006.json",
                "notes.json"
            ]
        );
        assert!(files.write(at(6), &"x".repeat(101)).is_err());
        assert_eq!(names(dir.path()).len(), 3, "what cannot fit removes nothing");
    }

    #[test]
    fn a_directory_with_recordings_is_gone_on_with() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b");
        let limits = Limits {
            files: 2,
            ..Limits::default()
        };
        Files::open(&deep, limits).unwrap().write(at(9), "{}").unwrap();
        fs::write(deep.join(".1970-01-01T00-00-09Z-000002.json.77-0.part"), "{").unwrap();
        let mut files = Files::open(&deep, limits).unwrap();
        // The wall clock was set back; the number continues.
        files.write(at(1), "{}").unwrap();
        files.write(at(2), "{}").unwrap();
        assert_eq!(
            names(&deep),
            [
                "1970-01-01T00-00-01Z-000002.json",
                "1970-01-01T00-00-02Z-000003.json"
            ]
        );
    }

    #[test]
    fn only_its_owner_reads_a_recording() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("recordings");
        Files::open(&deep, Limits::default())
            .unwrap()
            .write(at(9), "{}")
            .unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&deep), 0o700);
        assert_eq!(mode(&deep.join("1970-01-01T00-00-09Z-000001.json")), 0o600);
    }

    #[test]
    fn a_directory_that_cannot_be_one_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let error = Files::open(&file.join("x"), Limits::default()).unwrap_err();
        assert!(matches!(error, RecorderError::Make { .. }), "{error:?}");
    }
}
