//! Desired state from YAML files.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::Loaded;
use super::assemble::{Assembled, Good, assemble};
use super::changes::is_changed;
use super::tree::{Fingerprint, Tree, Watch, read};
use crate::manifest::decode::{Decoded, Object, RawObject, decode};
use crate::manifest::raw::RawState;
use crate::manifest::reference::{KeyLookup, KeyReference};
use crate::manifest::validate::{KeySource, key_source};
use crate::manifest::yaml::documents;
use crate::manifest::{Location, Problem, Severity};
use crate::model::{Desired, OwnerId, Trust, WantedState};
use crate::secrets::Keys;

/// Longest time that reading all files may take: a network mount that hangs must not hold up what is on air.
const READ_LIMIT: Duration = Duration::from_secs(10);
/// Reasons for doubt that are told; the rest is counted.
const DOUBTS_TOLD: usize = 3;

/// How to load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadOptions {
    /// Whether stream keys are looked up, and told when they cannot be read. `false` for a check where they are
    /// not at hand; every key is then [`crate::model::StreamKey::Unavailable`].
    pub check_keys: bool,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self { check_keys: true }
    }
}

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
    /// The files did not answer.
    #[error("reading {paths} took longer than {} s", READ_LIMIT.as_secs())]
    TimedOut {
        /// The paths that were named.
        paths: String,
    },
    /// Reading ended in a fault of ours.
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
                "write them into files that end in .yaml or .yml, or start from one of the directories below examples/"
            }
            Self::TimedOut { .. } => "look at the mount it is on",
            Self::Fault { .. } => "please report it",
        }
    }
}

/// Desired state from YAML files, and what was good in them last.
pub struct YamlSource {
    roots: Arc<[PathBuf]>,
    options: LoadOptions,
    /// What is in force; `None` before the first load.
    good: Option<Good>,
    key_files: Arc<BTreeSet<PathBuf>>,
    keys: Keys,
    /// A read that took too long, and still holds a thread.
    hanging: Option<JoinHandle<()>>,
}

impl YamlSource {
    /// A source of everything in `paths`: files, and directories with all that is below them.
    pub fn new(paths: Vec<PathBuf>, options: LoadOptions) -> Self {
        Self {
            roots: Arc::from(paths),
            options,
            good: None,
            key_files: Arc::default(),
            keys: Keys::local(),
            hanging: None,
        }
    }

    /// Looks up keys with `keys`.
    #[must_use]
    pub fn with_keys(mut self, keys: Keys) -> Self {
        self.keys = keys;
        self
    }

    /// Whether a key may have changed without anything on this machine telling so.
    pub fn keys_are_due(&mut self) -> bool {
        self.options.check_keys && self.keys.is_due()
    }

    /// Reads everything again. Whatever cannot be read now stays as it was last good.
    pub async fn load(&mut self, owner: &OwnerId) -> Result<Loaded, LoadError> {
        let snapshot = match self.read().await {
            Ok(snapshot) => snapshot,
            Err(error) => {
                let Some(good) = &self.good else { return Err(error) };
                let desired = Arc::new(desired(owner, good, &[error.to_string()]));
                return Ok(Loaded {
                    desired,
                    problems: Vec::new(),
                    rejected: Vec::new(),
                });
            }
        };
        if self.good.is_none() {
            self.check_first(&snapshot)?;
        }
        self.key_files = Arc::new(snapshot.key_files());
        let before = self.good.take().unwrap_or_default();
        let Snapshot {
            objects,
            keys,
            mut problems,
            lost,
            suspicious,
            ..
        } = snapshot;
        let is_lost = |file: &Path| {
            let within = |path: &PathBuf| file.starts_with(path);
            lost.keys().any(within) || suspicious.keys().any(within)
        };
        let look_up = |reference: &KeyReference| keys.get(reference).cloned().unwrap_or(KeyLookup::NotAsked);
        let mut assembled = assemble(objects, &look_up, &before, &is_lost);

        let mut doubts: Vec<String> = lost.into_values().collect();
        for (path, what) in suspicious.iter().filter(|(path, _)| keeps(&assembled.good, path)) {
            doubts.push(format!("{} {what}", path.display()));
            problems.push(emptied(path, what));
        }
        doubts.append(&mut assembled.doubts);
        count_generations(&mut assembled, &before);
        problems.append(&mut assembled.problems);
        problems.sort();
        let desired = Arc::new(desired(owner, &assembled.good, &doubts));
        self.good = Some(assembled.good);
        Ok(Loaded {
            desired,
            problems,
            rejected: assembled.rejected,
        })
    }

    /// Tells whether a load would find anything new. Includes the key files of the last load.
    pub fn watch(&self) -> Watch {
        Watch {
            roots: Arc::clone(&self.roots),
            key_files: Arc::clone(&self.key_files),
        }
    }

    /// What the files look like now; see [`Watch::fingerprint`].
    pub fn fingerprint(&self) -> Fingerprint {
        self.watch().fingerprint()
    }

    /// Reads files, then the keys that they refer to.
    async fn read(&mut self) -> Result<Snapshot, LoadError> {
        let roots = Arc::clone(&self.roots);
        let files = self.on_a_thread(move || Files::read(&roots)).await?;
        // Taken apart here and not on the thread, which would keep the memory that this takes for itself.
        let mut snapshot = Snapshot::of(files, &self.roots);
        if self.options.check_keys {
            let switched_on = snapshot.switched_on(self.good.as_ref());
            self.keys.read_again(&switched_on);
            snapshot.keys = self.keys.look_up(snapshot.key_references()).await;
        }
        Ok(snapshot)
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
    fn check_first(&self, snapshot: &Snapshot) -> Result<(), LoadError> {
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
    /// Blocking.
    fn read(roots: &[PathBuf]) -> Self {
        let Tree { files, unreadable } = Tree::find(roots);
        let mut read_already = BTreeSet::new();
        let mut contents = Vec::with_capacity(files.len());
        for file in files {
            // One file may be reached in two ways; its objects are not declared twice.
            let real = std::fs::canonicalize(&file).unwrap_or_else(|_| file.clone());
            if read_already.insert(real) {
                let content = read(&file);
                contents.push((file, content));
            }
        }
        Self { contents, unreadable }
    }
}

/// Everything that was read at one moment.
struct Snapshot {
    objects: Vec<Object>,
    keys: BTreeMap<KeyReference, KeyLookup>,
    /// Problems of files, and of documents that are no objects.
    problems: Vec<Problem>,
    unreadable: BTreeMap<PathBuf, io::Error>,
    /// Files and directories whose content is not known in full, and why, in one phrase.
    lost: BTreeMap<PathBuf, String>,
    /// Files and named paths that hold nothing, and what is odd about it: lost only where they held something before.
    suspicious: BTreeMap<PathBuf, &'static str>,
}

impl Snapshot {
    /// What `files` declare. No key is looked up yet.
    fn of(files: Files, roots: &[PathBuf]) -> Self {
        let mut snapshot = Self {
            objects: Vec::new(),
            keys: BTreeMap::new(),
            problems: Vec::new(),
            unreadable: BTreeMap::new(),
            lost: BTreeMap::new(),
            suspicious: BTreeMap::new(),
        };
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
                snapshot
                    .suspicious
                    .insert(root.clone(), "holds no objects any more");
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
                for document in &documents {
                    match decode(document) {
                        Some(Decoded::Object(object)) => self.objects.push(*object),
                        Some(Decoded::Unidentified(problems)) => self.lose(file, problems),
                        Some(Decoded::Foreign(problem)) => self.problems.push(problem),
                        None => {}
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
            },
            severity: Severity::Error,
            object: None,
            field: String::new(),
            message: format!("cannot be read: {error}"),
            fix: match error.kind() {
                io::ErrorKind::FileTooLarge => "split it, or move it elsewhere if it declares nothing",
                _ => "make it readable for slotwise, or remove it",
            }
            .to_owned(),
        });
        self.unreadable.insert(path, error);
    }

    /// Whether there is anything below `root` that is an object, wants to be one, or could not be read.
    fn holds_anything(&self, root: &Path) -> bool {
        let mut objects = self.objects.iter().map(|object| object.report.document().file());
        objects.any(|file| file.starts_with(root)) || self.lost.keys().any(|path| path.starts_with(root))
    }

    /// Where the keys of all destinations are.
    fn key_references(&self) -> BTreeSet<KeyReference> {
        self.objects.iter().filter_map(key_reference).collect()
    }

    /// Where the keys of those destinations are that were not wanted `before` and are now.
    fn switched_on(&self, before: Option<&Good>) -> BTreeSet<KeyReference> {
        let is_switched_on = |object: &&Object| {
            let before = before.and_then(|good| good.destinations.get(object.id.name.as_str()));
            let was_off = before.is_some_and(|before| before.value.state == WantedState::Ready);
            was_off
                && matches!(&object.raw, Some(RawObject::Destination(raw)) if raw.spec.state == RawState::Streaming)
        };
        let switched_on = self.objects.iter().filter(is_switched_on);
        switched_on.filter_map(key_reference).collect()
    }

    fn key_files(&self) -> BTreeSet<PathBuf> {
        let file = |reference: &KeyReference| match reference {
            KeyReference::File { path, .. } => Some(path.clone()),
            _ => None,
        };
        self.keys.keys().filter_map(file).collect()
    }
}

fn key_reference(object: &Object) -> Option<KeyReference> {
    let Some(RawObject::Destination(raw)) = &object.raw else {
        return None;
    };
    match key_source(&raw.spec, object.report.document().file()) {
        Some(KeySource::Reference(reference, _)) => Some(reference),
        _ => None,
    }
}

/// Whether anything in force was last read from `path` or below it.
fn keeps(good: &Good, path: &Path) -> bool {
    let pools = good.pools.values().map(|pool| &pool.file);
    let mut files = pools.chain(good.destinations.values().map(|destination| &destination.file));
    files.any(|file| file.starts_with(path))
}

fn emptied(path: &Path, what: &str) -> Problem {
    Problem {
        location: Location {
            file: path.to_owned(),
            line: 0,
            column: 0,
        },
        severity: Severity::Error,
        object: None,
        field: String::new(),
        message: format!("{what}; what it held stays in force"),
        fix: "to take everything off air set state: Ready; to remove one file of several, delete it"
            .to_owned(),
    }
}

/// Counts a change of each destination that differs from `before`. One that is the same in every respect is shared.
fn count_generations(assembled: &mut Assembled, before: &Good) {
    for (name, destination) in &mut assembled.good.destinations {
        let Some(old) = before.destinations.get(name) else {
            continue;
        };
        let new = Arc::make_mut(&mut destination.value);
        new.generation = old.value.generation + u64::from(is_changed(&old.value, new));
        if *new == *old.value {
            destination.value = Arc::clone(&old.value);
        }
    }
}

fn desired(owner: &OwnerId, good: &Good, doubts: &[String]) -> Desired {
    let mut desired = Desired::empty(owner.clone());
    let pools = good.pools.iter();
    desired.pools = pools
        .map(|(name, pool)| (name.clone(), pool.value.clone()))
        .collect();
    let destinations = good.destinations.iter();
    desired.destinations = destinations
        .map(|(name, one)| (name.clone(), one.value.clone()))
        .collect();
    if !doubts.is_empty() {
        let mut why = doubts[..doubts.len().min(DOUBTS_TOLD)].join(", ");
        if doubts.len() > DOUBTS_TOLD {
            why = format!("{why}, and {} more", doubts.len() - DOUBTS_TOLD);
        }
        desired.trust = Trust::Doubted { why };
    }
    desired
}
