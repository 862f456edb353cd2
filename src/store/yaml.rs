//! Desired state from YAML files.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::assemble::Good;
use super::tree::{BYTES_LIMIT, TooMuch, Tree, fix_of, read};
use super::watch::Fingerprint;
use crate::manifest::decode::{Decoded, Object, RawObject, decode};
use crate::manifest::raw::RawState;
use crate::manifest::reference::KeyReference;
use crate::manifest::validate::{KeySource, key_source};
use crate::manifest::yaml::documents;
use crate::manifest::{Location, Problem, Severity};
use crate::model::{Identity, WantedState};

/// Longest time that reading all files may take: a network mount that hangs must not hold up what is on air.
const READ_LIMIT: Duration = Duration::from_secs(10);

/// Why nothing could be loaded. Only the first load fails: later ones fall back to what was good before.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A path that was named cannot be read.
    #[error("{} cannot be read", .path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Nothing is declared in any file.
    #[error("no ChannelPool and no Destination in {paths}")]
    NothingDeclared {
        /// The paths that were named.
        paths: String,
    },
    /// More stands there than declared state has. A part of it is not taken for the whole.
    #[error("{paths}: {what}, so nothing of it is read")]
    TooMuch {
        /// The paths that were named.
        paths: String,
        /// More than what.
        what: TooMuch,
    },
    /// The files did not answer.
    #[error("reading {paths} took longer than {} s", READ_LIMIT.as_secs())]
    TimedOut {
        /// The paths that were named.
        paths: String,
    },
    /// Reading ended in a fault of slotwise.
    #[error("reading {paths} ended in a fault of slotwise")]
    Fault {
        /// The paths that were named.
        paths: String,
        /// The fault.
        #[source]
        source: tokio::task::JoinError,
    },
}

impl LoadError {
    /// What a person can do about it.
    pub fn fix(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "name a YAML file or a directory of them",
            Self::NothingDeclared { .. } => {
                "write them into files that end in .yaml, .yml or .json, or start from one of the directories below examples/"
            }
            Self::TooMuch { .. } => {
                "name the file or the directory that holds the declared state, and nothing above it"
            }
            Self::TimedOut { .. } => "look at the mount it is on",
            Self::Fault { .. } => "please report it",
        }
    }
}

/// YAML files below the paths that were named.
pub(super) struct YamlFiles {
    roots: Arc<[PathBuf]>,
    /// A read that took too long, and still holds a thread.
    hanging: Option<JoinHandle<()>>,
}

impl YamlFiles {
    pub(super) fn new(paths: Vec<PathBuf>) -> Self {
        Self {
            roots: Arc::from(paths),
            hanging: None,
        }
    }

    /// The paths that were named.
    pub(super) fn roots(&self) -> Arc<[PathBuf]> {
        Arc::clone(&self.roots)
    }

    /// Reads every file, and says what all of them looked like just before.
    pub(super) async fn read(&mut self) -> Result<(Fingerprint, Snapshot), LoadError> {
        let roots = self.roots();
        let read = self.on_a_thread(move || Files::read(&roots)).await?;
        let (before, files) = read.map_err(|what| LoadError::TooMuch {
            paths: self.paths(),
            what,
        })?;
        // Taken apart here and not on the thread, which would keep the memory that this takes for itself.
        Ok((before, Snapshot::of(files, &self.roots)))
    }

    /// Does `work` on a thread that may block, for [`READ_LIMIT`] at most.
    async fn on_a_thread<T: Send + 'static>(
        &mut self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, LoadError> {
        // A thread that hangs is waited for, so that there is never more than one. What it brings is old news.
        if let Some(hanging) = &mut self.hanging {
            if tokio::time::timeout(READ_LIMIT, hanging).await.is_err() {
                return Err(LoadError::TimedOut { paths: self.paths() });
            }
            self.hanging = None;
        }
        let (bring, brought) = oneshot::channel();
        let thread = tokio::task::spawn_blocking(move || drop(bring.send(work())));
        let thread = self.hanging.insert(thread);
        let Ok(ended) = tokio::time::timeout(READ_LIMIT, thread).await else {
            return Err(LoadError::TimedOut { paths: self.paths() });
        };
        self.hanging = None;
        ended.map_err(|source| LoadError::Fault {
            paths: self.paths(),
            source,
        })?;
        brought
            .await
            .map_err(|_| LoadError::TimedOut { paths: self.paths() })
    }

    /// On the first load there is nothing to fall back to.
    pub(super) fn check_first(&self, snapshot: &Snapshot) -> Result<(), LoadError> {
        for root in self.roots.iter() {
            if let Some(error) = snapshot.unreadable.get(root) {
                let (path, source) = (root.clone(), io::Error::new(error.kind(), error.to_string()));
                return Err(LoadError::Unreadable { path, source });
            }
        }
        let is_empty = snapshot.objects.is_empty() && snapshot.problems.is_empty();
        if is_empty {
            Err(LoadError::NothingDeclared { paths: self.paths() })
        } else {
            Ok(())
        }
    }

    fn paths(&self) -> String {
        let paths: Vec<String> = self.roots.iter().map(|path| path.display().to_string()).collect();
        paths.join(", ")
    }
}

/// What stood in the files at one moment.
struct Files {
    contents: Vec<(PathBuf, io::Result<Vec<u8>>)>,
    /// Named paths and directories that could not be looked into.
    unreadable: Vec<(PathBuf, io::Error)>,
}

impl Files {
    /// With what they looked like before they were read, so that a change meanwhile is seen after it. Blocking.
    fn read(roots: &[PathBuf]) -> Result<(Fingerprint, Self), TooMuch> {
        let tree = Tree::find(roots);
        if let Some(what) = tree.too_much {
            return Err(what);
        }
        let before = Fingerprint::of(&tree);
        let Tree {
            files, unreadable, ..
        } = tree;
        let mut left = BYTES_LIMIT;
        let mut read_already = BTreeSet::new();
        let mut contents = Vec::with_capacity(files.len());
        for file in files.into_iter().map(|found| found.path) {
            // One file may be reached in two ways; its objects are not declared twice.
            let real = std::fs::canonicalize(&file).unwrap_or_else(|_| file.clone());
            if read_already.insert(real) {
                let content = read(&file);
                let size = content.as_ref().map_or(0, Vec::len);
                left = left.checked_sub(size as u64).ok_or(TooMuch::Bytes)?;
                contents.push((file, content));
            }
        }
        Ok((before, Self { contents, unreadable }))
    }
}

/// Everything that was read at one moment.
#[derive(Default)]
pub(super) struct Snapshot {
    pub(super) objects: Vec<Object>,
    /// Problems of files, and of documents that are no objects.
    pub(super) problems: Vec<Problem>,
    unreadable: BTreeMap<PathBuf, io::Error>,
    /// Files, directories and tables whose content is not known in full, and why, in one phrase.
    pub(super) lost: BTreeMap<PathBuf, String>,
    /// Files, tables and named paths that hold nothing, and what is odd about it: lost only where they held something
    /// before, or where that is unknown.
    pub(super) suspicious: BTreeMap<PathBuf, &'static str>,
}

impl Snapshot {
    /// What `files` declare. No key is looked up yet.
    fn of(files: Files, roots: &[PathBuf]) -> Self {
        let mut snapshot = Self::default();
        for (path, error) in files.unreadable {
            snapshot.cannot_read(path, error);
        }
        for (file, content) in files.contents {
            match content {
                Ok(bytes) => snapshot.take_file(&file, &bytes),
                Err(error) => snapshot.cannot_read(file, error),
            }
        }
        for root in roots {
            if !snapshot.holds_anything(root) {
                snapshot.suspicious.insert(root.clone(), "holds no objects");
            }
        }
        snapshot
    }

    fn take_file(&mut self, file: &Path, bytes: &[u8]) {
        // Writing over a file begins with emptying it.
        if bytes.iter().all(u8::is_ascii_whitespace) {
            self.suspicious.insert(file.to_owned(), "is empty");
        }
        match documents(file, bytes) {
            Ok(documents) => {
                for decoded in documents.iter().flat_map(decode) {
                    match decoded {
                        Decoded::Object(object) => self.objects.push(*object),
                        Decoded::Unidentified(problems) => self.lose(file, problems),
                        Decoded::Foreign(problem) => self.problems.push(problem),
                    }
                }
            }
            Err(broken) => self.lose(file, vec![broken.into()]),
        }
    }

    fn lose(&mut self, file: &Path, problems: Vec<Problem>) {
        if let Some(first) = problems.first() {
            let why = format!("{} cannot be understood", first.location);
            self.lost.entry(file.to_owned()).or_insert(why);
        }
        self.problems.extend(problems);
    }

    fn cannot_read(&mut self, path: PathBuf, error: io::Error) {
        self.lost.insert(
            path.clone(),
            format!("{} cannot be read: {error}", path.display()),
        );
        self.problems.push(Problem {
            location: Location {
                file: path.clone(),
                line: 0,
                column: 0,
                item: None,
            },
            severity: Severity::Error,
            object: None,
            field: String::new(),
            message: format!("cannot be read: {error}"),
            fix: fix_of(&error).to_owned(),
        });
        self.unreadable.insert(path, error);
    }

    /// Whether there is anything below `root` that is an object, wants to be one, or could not be read.
    fn holds_anything(&self, root: &Path) -> bool {
        let mut objects = self.objects.iter().map(|object| object.report.document().file());
        objects.any(|file| file.starts_with(root)) || self.lost.keys().any(|path| path.starts_with(root))
    }

    /// Where the keys of all destinations are.
    pub(super) fn key_references(&self) -> BTreeSet<KeyReference> {
        self.objects.iter().filter_map(key_reference).collect()
    }

    /// Where the keys of those destinations are that were not wanted `before` and are now.
    pub(super) fn switched_on(&self, before: Option<&Good>) -> BTreeSet<KeyReference> {
        let good = before.into_iter().flat_map(|good| good.destinations.values());
        let off = good.filter(|one| one.value.state == WantedState::Ready);
        let off: BTreeSet<&Identity> = off.map(|one| &one.value.identity).collect();
        let is_switched_on = |object: &&Object| {
            off.contains(&object.identity())
                && matches!(&object.raw, Some(RawObject::Destination(raw)) if raw.spec.state == RawState::Streaming)
        };
        let switched_on = self.objects.iter().filter(is_switched_on);
        switched_on.filter_map(key_reference).collect()
    }
}

fn key_reference(object: &Object) -> Option<KeyReference> {
    let Some(RawObject::Destination(raw)) = &object.raw else {
        return None;
    };
    let document = object.report.document();
    match key_source(&raw.spec, document.declared_in()) {
        // Not even read: the item is going to be refused.
        Some(KeySource::Reference(reference, _))
            if !reference.is_in_aws() && !document.may_name_local_keys() =>
        {
            None
        }
        Some(KeySource::Reference(reference, _)) => Some(reference),
        _ => None,
    }
}
