//! The files below the paths that a user named, and whether any of them changed. Blocking.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files read at most: more is a mistaken path, such as `/`.
const FILE_COUNT_LIMIT: usize = 20_000;
/// Directories entered below a path that was named.
const DEPTH_LIMIT: usize = 32;
/// Largest file: ten thousand destinations in one file take about 3 MiB.
const FILE_SIZE_LIMIT: u64 = 16 << 20;

/// What stands below the named paths.
#[derive(Debug, Default)]
pub struct Tree {
    /// Files to read, in order.
    pub files: Vec<PathBuf>,
    /// What could not be looked into: a named path that does not exist, a directory or link that leads nowhere.
    pub unreadable: Vec<(PathBuf, io::Error)>,
}

impl Tree {
    /// Looks below `roots`. A named file is taken whatever it is called; below a directory those that end in
    /// `.yaml` or `.yml`. Hidden names are passed over, among them the `..data` of a mounted ConfigMap, whose files
    /// are reached by the links beside it.
    pub fn find(roots: &[PathBuf]) -> Self {
        let mut walk = Walk {
            tree: Self::default(),
            entered: BTreeSet::new(),
        };
        for root in roots {
            walk.visit(root, 0, true);
        }
        walk.tree
    }
}

struct Walk {
    tree: Tree,
    /// Directories by their real path: a link to one above must not lead round in circles.
    entered: BTreeSet<PathBuf>,
}

impl Walk {
    fn visit(&mut self, path: &Path, depth: usize, named: bool) {
        // Links are followed: in a mounted ConfigMap every file is one.
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            // Listed a moment ago and deleted since, unlike a link that leads nowhere.
            Err(_) if !named && fs::symlink_metadata(path).is_err() => return,
            Err(error) => return self.tree.unreadable.push((path.to_owned(), error)),
        };
        if metadata.is_dir() {
            if let Err(error) = self.enter(path, depth) {
                self.tree.unreadable.push((path.to_owned(), error));
            }
        } else if metadata.is_file() && (named || is_yaml(path)) {
            if self.tree.files.len() < FILE_COUNT_LIMIT {
                self.tree.files.push(path.to_owned());
            } else if self.tree.files.len() == FILE_COUNT_LIMIT {
                let error = io::Error::other(format!("more than {FILE_COUNT_LIMIT} files"));
                self.tree.unreadable.push((path.to_owned(), error));
            }
        } else if named {
            let error = io::Error::other("neither a file nor a directory");
            self.tree.unreadable.push((path.to_owned(), error));
        }
    }

    fn enter(&mut self, path: &Path, depth: usize) -> io::Result<()> {
        if depth >= DEPTH_LIMIT {
            return Err(io::Error::other(format!(
                "more than {DEPTH_LIMIT} directories deep"
            )));
        }
        if !self.entered.insert(fs::canonicalize(path)?) {
            return Ok(());
        }
        let mut entries = fs::read_dir(path)?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect::<io::Result<Vec<_>>>()?;
        entries.retain(|name| !name.as_encoded_bytes().starts_with(b"."));
        entries.sort();
        for name in entries {
            self.visit(&path.join(name), depth + 1, false);
        }
        Ok(())
    }
}

fn is_yaml(path: &Path) -> bool {
    matches!(path.extension().and_then(OsStr::to_str), Some("yaml" | "yml"))
}

/// Reads a file that [`Tree::find`] found.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?
        .take(FILE_SIZE_LIMIT + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_SIZE_LIMIT {
        let why = format!("larger than {} MiB", FILE_SIZE_LIMIT >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(bytes)
}

/// Tells cheaply whether a source may have changed since it was last read.
///
/// By looking, not by inotify: a mounted ConfigMap changes by swapping a link two directories away, an editor by
/// renaming over the file, and on network mounts nobody tells at all. A look costs one `stat` per file.
#[derive(Debug, Clone)]
pub struct Watch {
    pub(super) roots: Arc<[PathBuf]>,
    /// Files that keys are read from.
    pub(super) key_files: Arc<BTreeSet<PathBuf>>,
}

/// A state of the files; another state has another one. The states are compared, never kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    files: u64,
    key_files: u64,
}

impl Fingerprint {
    /// Of `files` as they were a moment ago and of `key_files` as they are now. Blocking.
    pub(super) fn with_key_files(self, key_files: &BTreeSet<PathBuf>) -> Self {
        Self {
            key_files: key_files_fingerprint(key_files),
            ..self
        }
    }
}

impl Watch {
    /// What the files look like now. Take it before a load, so that a change during the load is seen after it.
    /// Blocking; on a network mount that hangs for as long as that hangs.
    pub fn fingerprint(&self) -> Fingerprint {
        let tree = Tree::find(&self.roots);
        let mut hasher = DefaultHasher::new();
        for path in &tree.files {
            hash_file(path, &mut hasher);
        }
        for (path, error) in &tree.unreadable {
            (path, error.kind()).hash(&mut hasher);
        }
        Fingerprint {
            files: hasher.finish(),
            key_files: key_files_fingerprint(&self.key_files),
        }
    }
}

fn key_files_fingerprint(files: &BTreeSet<PathBuf>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for path in files {
        hash_file(path, &mut hasher);
    }
    hasher.finish()
}

fn hash_file(path: &Path, hasher: &mut DefaultHasher) {
    path.hash(hasher);
    let stamp = fs::metadata(path).ok().map(|metadata| stamp(&metadata));
    stamp.hash(hasher);
}

/// Inode, time of change, length: a file that was swapped for another of the same age and length differs in the first.
fn stamp(metadata: &Metadata) -> impl Hash + use<> {
    (inode(metadata), metadata.modified().ok(), metadata.len())
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> u64 {
    0
}
