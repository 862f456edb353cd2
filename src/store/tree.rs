//! The files below the paths that a user named. Blocking.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::files;

/// Files read at most: more is a mistaken path, such as `/`.
const FILE_COUNT_LIMIT: usize = 20_000;
/// Names looked at below all paths, whatever they stand for.
const ENTRY_COUNT_LIMIT: usize = 200_000;
/// Bytes of all files together: fifty times what 10 000 destinations take. Each is held in memory while it is read.
pub(super) const BYTES_LIMIT: u64 = 256 << 20;
/// Directories entered below a path that was named.
const DEPTH_LIMIT: usize = 32;
/// Largest file: ten thousand destinations in one file take about 3 MiB.
const FILE_SIZE_LIMIT: u64 = 16 << 20;

/// What stands below the named paths.
#[derive(Debug, Default)]
pub struct Tree {
    /// Files to read, in order.
    pub files: Vec<Found>,
    /// Directories that were looked into, by their real paths, with their inodes.
    pub directories: BTreeMap<PathBuf, u64>,
    /// What could not be looked into: a named path that does not exist, a directory or link that leads nowhere.
    pub unreadable: Vec<(PathBuf, io::Error)>,
    /// Set where more stands there than is looked at: then the others are not all of it, and say nothing.
    pub too_much: Option<TooMuch>,
}

/// A file to read.
#[derive(Debug)]
pub struct Found {
    /// Where.
    pub path: PathBuf,
    /// What it looked like; `None` for standard input.
    pub stamp: Option<Stamp>,
}

/// More than declared state has; a mistaken path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TooMuch {
    /// More YAML files.
    #[error("more than {FILE_COUNT_LIMIT} YAML files")]
    Files,
    /// More names of any kind.
    #[error("more than {ENTRY_COUNT_LIMIT} files and directories")]
    Entries,
    /// More bytes in all files together.
    #[error("more than {} MiB of YAML", BYTES_LIMIT >> 20)]
    Bytes,
}

/// A link to a directory that is part of no source.
#[derive(Debug, thiserror::Error)]
#[error("it is a link out of the source, to a directory, and not followed")]
struct LeadsOut;

/// What to do about a path that cannot be read.
pub(super) fn fix_of(error: &io::Error) -> &'static str {
    let leads_out = error.get_ref().and_then(|inner| inner.downcast_ref::<LeadsOut>());
    if leads_out.is_some() {
        return "name the directory that it leads to as a source of its own";
    }
    match error.kind() {
        io::ErrorKind::FileTooLarge => "split it, or move it elsewhere if it declares nothing",
        _ => "make it readable for slotwise, or remove it",
    }
}

impl Tree {
    /// Looks below `roots`. A named file is taken whatever its name; below a directory those that end in
    /// `.yaml`, `.yml` or `.json`, in letters of either case. `-` is standard input. Hidden names are passed over, among them the `..data` of a mounted ConfigMap, whose files
    /// are reached by the links beside it. A link to a file is followed wherever it leads; one to a directory only within
    /// the roots: it may lead to `/`.
    pub fn find(roots: &[PathBuf]) -> Self {
        let mut walk = Walk {
            tree: Self::default(),
            roots: roots
                .iter()
                .filter_map(|root| fs::canonicalize(root).ok())
                .collect(),
            seen: 0,
        };
        for root in roots {
            walk.visit(root, 0, true);
        }
        walk.tree
    }
}

struct Walk {
    tree: Tree,
    /// The real paths of what was named.
    roots: Vec<PathBuf>,
    /// Names looked at.
    seen: usize,
}

impl Walk {
    fn visit(&mut self, path: &Path, depth: usize, named: bool) {
        self.seen += 1;
        if self.seen > ENTRY_COUNT_LIMIT {
            self.tree.too_much = Some(TooMuch::Entries);
        }
        if self.tree.too_much.is_some() {
            return;
        }
        if named && files::is_standard_input(path) {
            return self.found(path, None);
        }
        // Links are followed: in a mounted ConfigMap every file is one.
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            // Listed a moment ago and deleted since, unlike a link that leads nowhere.
            Err(_) if !named && fs::symlink_metadata(path).is_err() => return,
            Err(error) => return self.tree.unreadable.push((path.to_owned(), error)),
        };
        if metadata.is_dir() {
            let files = self.tree.files.len();
            let entered = self.enter(path, metadata.ino(), depth, named);
            // What a container runtime makes of a file that is missing on its host.
            let is_no_file = !named && is_yaml(path) && self.tree.files.len() == files;
            match entered {
                Ok(true) if is_no_file => self.cannot_read(path, files::not_regular(metadata.file_type())),
                Ok(_) => {}
                Err(error) => self.cannot_read(path, error),
            }
        } else if !(named || is_yaml(path)) {
            // It declares nothing.
        } else if !metadata.is_file() {
            // Not passed over: what was declared here is not taken away by a pipe in its place.
            self.cannot_read(path, files::not_regular(metadata.file_type()));
        } else if self.tree.files.len() < FILE_COUNT_LIMIT {
            self.found(path, Some(Stamp::from(&metadata)));
        } else {
            self.tree.too_much = Some(TooMuch::Files);
        }
    }

    fn found(&mut self, path: &Path, stamp: Option<Stamp>) {
        let path = path.to_owned();
        self.tree.files.push(Found { path, stamp });
    }

    fn cannot_read(&mut self, path: &Path, error: io::Error) {
        self.tree.unreadable.push((path.to_owned(), error));
    }

    /// Whether it was not entered before.
    fn enter(&mut self, path: &Path, inode: u64, depth: usize, named: bool) -> io::Result<bool> {
        if depth >= DEPTH_LIMIT {
            return Err(io::Error::other(format!(
                "more than {DEPTH_LIMIT} directories deep"
            )));
        }
        let real = fs::canonicalize(path)?;
        if !named && !self.roots.iter().any(|root| real.starts_with(root)) {
            return Err(io::Error::other(LeadsOut));
        }
        // A link to a directory above must not lead round in circles.
        if self.tree.directories.insert(real, inode).is_some() {
            return Ok(false);
        }
        let mut entries = fs::read_dir(path)?
            // One more than may be looked at, so that it is noticed.
            .take(ENTRY_COUNT_LIMIT + 1)
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect::<io::Result<Vec<_>>>()?;
        entries.retain(|name| !name.as_encoded_bytes().starts_with(b"."));
        entries.sort();
        for name in entries {
            self.visit(&path.join(name), depth + 1, false);
        }
        Ok(true)
    }
}

/// Whether its name is that of a file with declared state.
pub(super) fn is_yaml(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    ["yaml", "yml", "json"]
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known))
}

/// Reads a file that [`Tree::find`] found.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    if files::is_standard_input(path) {
        return files::read_standard_input(FILE_SIZE_LIMIT);
    }
    files::read(path, FILE_SIZE_LIMIT)
}

/// What tells a file from another state of it. A file that was swapped for another of the same age and length differs in
/// the inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stamp {
    inode: u64,
    modified: Option<SystemTime>,
    length: u64,
}

impl Stamp {
    /// Of what stands at `path` now. Blocking.
    pub(super) fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|metadata| Self::from(&metadata))
    }
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            modified: metadata.modified().ok(),
            length: metadata.len(),
        }
    }
}
