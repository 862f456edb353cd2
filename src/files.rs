//! The only place that opens files named by users: regular files only, up to a size, and written in one piece; and
//! standard input, where its path is `-`.
//!
//! A path may lead to a named pipe without a writer, to a device without an end, or to a file of terabytes. None of these
//! stays open: the kind is checked before and after opening, and opening never waits.

use std::fs::{self, File, FileType, Metadata, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::OFlags;

/// Links that are followed one after the other, as the kernel does.
const LINKS_MAX: usize = 40;

/// Names that are tried for the file that is written beside the one to be replaced.
const NAMES_TRIED: u32 = 16;

/// Bytes of a file's name that its temporary neighbour takes over: names have 255 bytes at most.
const NAME_KEPT: usize = 200;

/// What is there is no regular file.
#[derive(Debug, thiserror::Error)]
#[error("it is {0}, not a regular file")]
struct NotRegular(&'static str);

/// Reads the regular file that `path` leads to. One of more than `limit` bytes is [`io::ErrorKind::FileTooLarge`].
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    if file.metadata()?.len() > limit {
        return Err(too_large(limit));
    }
    // The length is no promise: files below /proc have none, and others grow.
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
        return Err(too_large(limit));
    }
    Ok(bytes)
}

/// Whether `path` means standard input: `-`. A file of that name is `./-`.
pub(crate) fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// All of standard input: the same however often it is asked for, as it can be read only once.
pub(crate) fn read_standard_input(limit: u64) -> io::Result<Vec<u8>> {
    static READ: OnceLock<Result<Vec<u8>, (io::ErrorKind, String)>> = OnceLock::new();
    let read = READ.get_or_init(|| {
        let mut bytes = Vec::new();
        let read = io::stdin()
            .lock()
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes);
        let fits = u64::try_from(bytes.len()).unwrap_or(u64::MAX) <= limit;
        let read = read.and_then(|_| if fits { Ok(bytes) } else { Err(too_large(limit)) });
        read.map_err(|error| (error.kind(), error.to_string()))
    });
    let kept = read.clone();
    kept.map_err(|(kind, message)| io::Error::new(kind, message))
}

/// The same as text.
pub(crate) fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    String::from_utf8(read(path, limit)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
}

/// Whether `error` says that something other than a regular file is there.
pub(crate) fn is_not_regular(error: &io::Error) -> bool {
    error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<NotRegular>())
        .is_some()
}

/// What is at a path that is no regular file.
pub(crate) fn not_regular(kind: FileType) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, NotRegular(name_of(kind)))
}

/// Replaces the regular file that `path` leads to, or makes it with `mode`: in one piece or not at all.
///
/// A link stays one: what it leads to is replaced. Mode and owner of the file that was there stay.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let target = end_of_links(path)?;
    let before = existing(&target)?;
    // No other user may read the file before it has the mode and owner of the old one.
    let (mut file, beside) = create_beside(&target, if before.is_some() { 0o600 } else { mode })?;
    let written = file
        .write_all(bytes)
        .and_then(|()| before.as_ref().map_or(Ok(()), |before| take_over(&file, before)))
        // Some file systems say only now that the disk is full.
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&beside, &target));
    if written.is_err() {
        // Best effort: the first error is the one to report.
        fs::remove_file(&beside).ok();
    }
    written
}

/// Makes a file that was not there, with `mode`.
pub(crate) fn create(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    file.write_all(bytes).and_then(|()| file.sync_all())
}

/// The name of the file that a half-written file of [`replace`] was to become.
pub(crate) fn whole_of(name: &str) -> Option<&str> {
    let (whole, number) = name.strip_prefix('.')?.strip_suffix(".part")?.rsplit_once('.')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    number
        .split_once('-')
        .is_some_and(|(process, attempt)| is_number(process) && is_number(attempt))
        .then_some(whole)
}

fn open(path: &Path) -> io::Result<File> {
    // Before opening: merely to open some devices does something.
    check_kind(&fs::metadata(path)?)?;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(unwaiting())
        .open(path)?;
    // And after it: it may have been swapped in between.
    check_kind(&file.metadata()?)?;
    Ok(file)
}

/// Opening never waits, and no terminal becomes the controlling one.
fn unwaiting() -> i32 {
    (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed()
}

fn check_kind(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() {
        Ok(())
    } else {
        Err(not_regular(metadata.file_type()))
    }
}

fn name_of(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_char_device() || kind.is_block_device() {
        "a device"
    } else {
        "something else"
    }
}

fn too_large(limit: u64) -> io::Error {
    let limit = match limit >> 20 {
        0 => format!("{limit} bytes"),
        mebibytes => format!("{mebibytes} MiB"),
    };
    io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {limit}"))
}

/// Where the links at `path` lead, whether anything is there or not.
fn end_of_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_symlink() => {
                let target = fs::read_link(&path)?;
                path = path.parent().unwrap_or(Path::new("")).join(target);
            }
            _ => return Ok(path),
        }
    }
    Err(io::Error::other("too many links, one after the other"))
}

/// The regular file at `path`, if this process may write to it; `None` for none.
fn existing(path: &Path) -> io::Result<Option<Metadata>> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    check_kind(&metadata)?;
    // A read-only file in a writable directory must not be replaced.
    OpenOptions::new()
        .write(true)
        .custom_flags(unwaiting())
        .open(path)?;
    Ok(Some(metadata))
}

/// A new file next to `target`, and its path.
fn create_beside(target: &Path, mode: u32) -> io::Result<(File, PathBuf)> {
    let name = target.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let name = name.to_string_lossy();
    let kept = &name[..name.floor_char_boundary(NAME_KEPT)];
    let mut failed = io::Error::from(io::ErrorKind::AlreadyExists);
    for attempt in 0..NAMES_TRIED {
        let beside = target.with_file_name(format!(".{kept}.{}-{attempt}.part", std::process::id()));
        let created = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&beside);
        match created {
            Ok(file) => return Ok((file, beside)),
            // Left by a process of the same number, or written at this moment by another thread.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => failed = error,
            Err(error) => return Err(error),
        }
    }
    Err(failed)
}

/// Gives `file` mode and owner of the one `before`.
fn take_over(file: &File, before: &Metadata) -> io::Result<()> {
    let now = file.metadata()?;
    if (now.uid(), now.gid()) != (before.uid(), before.gid()) {
        std::os::unix::fs::fchown(file, Some(before.uid()), Some(before.gid())).map_err(|error| {
            let owner = format!("user {}, group {}", before.uid(), before.gid());
            let what = format!("it belongs to {owner}, and replacing it would change that: {error}");
            io::Error::new(error.kind(), what)
        })?;
    }
    // After the owner: a change of owner takes bits of the mode away.
    file.set_permissions(Permissions::from_mode(before.mode() & 0o7777))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use rustix::fs::{CWD, Mode, mkfifoat};

    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// One of each kind of things that are no regular file.
    fn oddities(directory: &Path) -> [(PathBuf, &'static str); 3] {
        let (pipe, socket) = (directory.join("pipe"), directory.join("socket"));
        mkfifoat(CWD, &pipe, Mode::RUSR | Mode::WUSR).unwrap();
        drop(UnixListener::bind(&socket).unwrap());
        let folder = directory.join("folder");
        fs::create_dir(&folder).unwrap();
        [
            (pipe, "it is a named pipe, not a regular file"),
            (socket, "it is a socket, not a regular file"),
            (folder, "it is a directory, not a regular file"),
        ]
    }

    #[test]
    fn only_a_regular_file_is_read_and_only_up_to_the_limit() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "12345").unwrap();
        assert_eq!(read(&file, 5).unwrap(), b"12345");
        let error = read(&file, 4).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(error.to_string(), "it is larger than 4 bytes");
        // A length alone takes no space and must not take memory.
        File::create(&file).unwrap().set_len(1 << 40).unwrap();
        let error = read(&file, 16 << 20).unwrap_err();
        assert_eq!(error.to_string(), "it is larger than 16 MiB");
        for (path, said) in oddities(dir.path()) {
            let error = read(&path, 5).unwrap_err();
            assert!(is_not_regular(&error) && error.to_string() == said, "{error}");
        }
    }

    #[test]
    fn a_file_below_proc_that_has_no_length_is_limited_too() {
        let endless = Path::new("/proc/self/status");
        if !endless.exists() {
            println!("not tried: there is no /proc here");
            return;
        }
        let error = read(endless, 10).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn nothing_but_a_regular_file_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let odd = oddities(dir.path());
        let before = names(dir.path());
        for (path, said) in &odd {
            let kind = fs::symlink_metadata(path).unwrap().file_type();
            let error = replace(path, b"new", 0o600).unwrap_err();
            assert_eq!(error.to_string(), *said);
            assert_eq!(fs::symlink_metadata(path).unwrap().file_type(), kind);
            let link = dir.path().join("link");
            symlink(path, &link).unwrap();
            assert!(is_not_regular(&replace(&link, b"new", 0o600).unwrap_err()));
            fs::remove_file(link).unwrap();
        }
        assert_eq!(names(dir.path()), before, "nothing is left beside them");
    }

    #[test]
    fn what_a_link_leads_to_is_written_and_the_link_stays() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("deep")).unwrap();
        let (link, second) = (dir.path().join("link"), dir.path().join("deep/second"));
        // Relative, one after the other, and to nothing yet.
        symlink("deep/second", &link).unwrap();
        symlink("../file", &second).unwrap();
        for text in ["one", "two"] {
            replace(&link, text.as_bytes(), 0o600).unwrap();
            assert_eq!(fs::read_to_string(dir.path().join("file")).unwrap(), text);
        }
        assert!(link.is_symlink() && second.is_symlink());
        assert_eq!(names(dir.path()), ["deep", "file", "link"]);
        let round = dir.path().join("round");
        symlink("round", &round).unwrap();
        assert!(replace(&round, b"x", 0o600).is_err());
    }

    #[test]
    fn mode_and_owner_stay() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        replace(&file, b"one", 0o600).unwrap();
        let mode = || fs::metadata(&file).unwrap().mode() & 0o7777;
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        if std::os::unix::fs::chown(&file, Some(12345), Some(54321)).is_err() {
            println!("another owner is not tried: only root may give a file away");
        }
        let owner = |metadata: Metadata| (metadata.uid(), metadata.gid());
        let before = owner(fs::metadata(&file).unwrap());
        replace(&file, b"two", 0o600).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!((mode(), owner(fs::metadata(&file).unwrap())), (0o640, before));
    }

    #[test]
    fn what_a_crash_left_behind_is_in_no_way() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        let left = format!(".file.{}-0.part", std::process::id());
        fs::write(dir.path().join(&left), "half").unwrap();
        replace(&file, b"whole", 0o600).unwrap();
        assert_eq!(names(dir.path()), [left.as_str(), "file"]);
        assert_eq!(whole_of(&left), Some("file"));
        for other in [
            ".file.part",
            "file.1-0.part",
            ".file.1-0",
            ".file.1.part",
            ".file.x-0.part",
        ] {
            assert_eq!(whole_of(other), None, "{other}");
        }
    }

    #[test]
    fn a_name_as_long_as_names_may_be_can_be_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("é".repeat(127));
        replace(&file, b"x", 0o600).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"x");
    }
}
