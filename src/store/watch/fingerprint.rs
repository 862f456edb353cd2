//! What files look like, in one number.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use crate::store::tree::{Stamp, Tree};

/// A state of the files; another state has another one. The states are compared, never kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    files: u64,
    key_files: u64,
}

impl Fingerprint {
    /// Of the files in `tree`, and of no key files.
    pub(in crate::store) fn of(tree: &Tree) -> Self {
        let mut hasher = DefaultHasher::new();
        tree.too_much.hash(&mut hasher);
        // A directory in the place of another is watched anew, also where its files are links to the same ones.
        tree.directories.hash(&mut hasher);
        for found in &tree.files {
            (&found.path, found.stamp).hash(&mut hasher);
        }
        for (path, error) in &tree.unreadable {
            (path, error.kind()).hash(&mut hasher);
        }
        let files = hasher.finish();
        Self { files, key_files: 0 }
    }

    /// With `key_files` as they are now. Blocking.
    pub(in crate::store) fn with_key_files(self, key_files: &BTreeSet<PathBuf>) -> Self {
        let mut hasher = DefaultHasher::new();
        for path in key_files {
            (path, Stamp::of(path)).hash(&mut hasher);
        }
        let key_files = hasher.finish();
        Self { key_files, ..self }
    }
}
