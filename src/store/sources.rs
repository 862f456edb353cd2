//! Everything that is declared: YAML files, the tables that they name, and the keys that both refer to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::assemble::{Assembled, Declared, Good, assemble};
use super::changes::is_changed;
use super::dynamodb::Look;
use super::tables::Tables;
use super::tree::Tree;
use super::watch::{Fingerprint, Watch};
use super::yaml::{LoadError, Snapshot, YamlFiles};
use super::{Loaded, Source};
use crate::manifest::reference::{KeyLookup, KeyReference};
use crate::manifest::table::DestinationTable;
use crate::manifest::{Location, Problem, Severity};
use crate::model::{Desired, Destination, Identity, OwnerId, Pool, Secret, Trust};
use crate::secrets::Keys;
use crate::status::Status;

/// Longest time that a look at the files may take. Each is a stat per file.
const LOOK_LIMIT: Duration = Duration::from_secs(5);
/// Reasons for doubt that are listed; the rest is counted.
const DOUBTS_LISTED: usize = 3;

/// How to load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadOptions {
    /// Whether stream keys are looked up, and reported when they cannot be read. `false` for a check where they are
    /// not at hand; every key is then [`crate::model::StreamKey::Unavailable`].
    pub check_keys: bool,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self { check_keys: true }
    }
}

/// Everything that is declared, and what was good of it last.
pub struct Sources {
    files: YamlFiles,
    owner: OwnerId,
    options: LoadOptions,
    tables: Tables,
    keys: Keys,
    /// What is in force; `None` before the first load.
    good: Option<Good>,
    /// Files and named paths that held nothing at the first load, and have not held anything since. What they held before
    /// this process began is not known, so nothing is released because of them.
    never_full: BTreeSet<PathBuf>,
    key_files: Arc<BTreeSet<PathBuf>>,
    /// Keys that were read from files last.
    file_keys: BTreeMap<KeyReference, Secret>,
    /// What the files looked like when they were read; `None` where nothing was read yet or they did not answer.
    seen: Option<Fingerprint>,
    watch: Watch,
}

/// What a load gave, part by part.
#[derive(Debug)]
pub struct Examined {
    /// All of it together.
    pub loaded: Loaded,
    /// What became of each reference to a key.
    pub keys: BTreeMap<KeyReference, KeyLookup>,
    /// Each table, and what was seen of it.
    pub tables: Vec<(Arc<DestinationTable>, Look)>,
}

impl Sources {
    /// On behalf of `owner`, everything in `paths`: files, and directories with all that is below them. Tables are
    /// not read, keys are those of this machine.
    pub fn new(paths: Vec<PathBuf>, owner: OwnerId, options: LoadOptions) -> Self {
        Self {
            files: YamlFiles::new(paths),
            owner,
            options,
            tables: Tables::unread(),
            keys: Keys::local(),
            good: None,
            never_full: BTreeSet::new(),
            key_files: Arc::default(),
            file_keys: BTreeMap::new(),
            seen: None,
            watch: Watch::default(),
        }
    }

    /// Reads the tables that the files declare with `tables`.
    #[must_use]
    pub fn with_tables(mut self, tables: Tables) -> Self {
        self.tables = tables;
        self
    }

    /// Looks up keys with `keys`.
    #[must_use]
    pub fn with_keys(mut self, keys: Keys) -> Self {
        self.keys = keys;
        self
    }

    /// Has the system tell of changes to files where it can, instead of looking at all of them again and again.
    #[must_use]
    pub fn with_notices(mut self) -> Self {
        self.watch = Watch::with_notices();
        self
    }

    /// What the files look like now, with the key files of the last load; `None` where they do not answer in time.
    pub async fn fingerprint(&self) -> Option<Fingerprint> {
        let (roots, key_files) = (self.files.roots(), Arc::clone(&self.key_files));
        let look = tokio::task::spawn_blocking(move || {
            Fingerprint::of(&Tree::find(&roots)).with_key_files(&key_files)
        });
        tokio::time::timeout(LOOK_LIMIT, look).await.ok()?.ok()
    }

    /// Reads files, then tables, then the keys that both refer to.
    async fn read(&mut self) -> Result<(Snapshot, BTreeMap<KeyReference, KeyLookup>), LoadError> {
        self.seen = None;
        let (seen, mut snapshot) = self.files.read().await?;
        if self.good.is_none() {
            self.files.check_first(&snapshot)?;
        }
        self.tables.read(&mut snapshot, self.good.as_ref()).await;
        let mut keys = BTreeMap::new();
        let mut key_files = BTreeSet::new();
        if self.options.check_keys {
            let references = snapshot.key_references();
            key_files.extend(references.iter().filter_map(file_of).map(Path::to_owned));
            self.seen = with_key_files(seen, &key_files).await;
            self.keys.read_again(&snapshot.switched_on(self.good.as_ref()));
            keys = self.keys.look_up(references).await;
        } else {
            self.seen = Some(seen);
        }
        self.key_files = Arc::new(key_files);
        self.follow().await;
        Ok((snapshot, keys))
    }

    /// Reads everything as [`Source::load`] does, and keeps apart what became of each part of it.
    pub async fn examine(&mut self) -> Result<Examined, LoadError> {
        let (snapshot, keys) = self.read().await?;
        Ok(Examined {
            loaded: self.assemble(snapshot, &keys),
            keys,
            tables: self.tables.looks(),
        })
    }

    /// Watches what was read last.
    async fn follow(&mut self) {
        if let Some(seen) = self.seen {
            let (roots, key_files) = (self.files.roots(), Arc::clone(&self.key_files));
            self.watch.follow(roots, key_files, seen).await;
        }
    }

    /// Whether a table or a key in AWS is another one now.
    fn has_changed_beside_files(&mut self) -> bool {
        self.tables.changed() || (self.options.check_keys && self.keys.is_due())
    }

    /// Puts together what was read, with what was good before in the place of what is not.
    fn assemble(&mut self, snapshot: Snapshot, keys: &BTreeMap<KeyReference, KeyLookup>) -> Loaded {
        let is_first = self.good.is_none();
        let before = self.good.take().unwrap_or_default();
        let Snapshot {
            objects,
            mut problems,
            lost,
            suspicious,
            ..
        } = snapshot;
        let is_lost = |file: &Path| {
            let within = |path: &PathBuf| file.starts_with(path);
            lost.keys().any(within) || suspicious.keys().any(within)
        };
        let before_key = |reference: &KeyReference| {
            // Lost with all that is declared around it: an item of a table may refer to it all the same.
            let is_lost =
                file_of(reference).is_some_and(|file| lost.keys().any(|path| file.starts_with(path)));
            self.file_keys.get(reference).filter(|_| is_lost).cloned()
        };
        let look_up = |reference: &KeyReference| match keys.get(reference) {
            Some(missing @ KeyLookup::Missing { .. }) => {
                before_key(reference).map_or_else(|| missing.clone(), KeyLookup::Found)
            }
            Some(found) => found.clone(),
            None => KeyLookup::NotAsked,
        };
        let mut assembled = assemble(objects, &look_up, &before, &is_lost);
        let in_files = keys.keys().filter(|reference| file_of(reference).is_some());
        self.file_keys = in_files
            .filter_map(|reference| match look_up(reference) {
                KeyLookup::Found(key) => Some((reference.clone(), key)),
                _ => None,
            })
            .collect();

        let mut doubts: Vec<String> = lost.into_values().collect();
        if is_first {
            self.never_full = suspicious.keys().cloned().collect();
        }
        self.never_full.retain(|path| suspicious.contains_key(path));
        for (path, what) in &suspicious {
            if keeps(&assembled.good, path) {
                problems.push(emptied(path, what));
            } else if self.never_full.contains(path) {
                problems.push(never_full(path, what));
            } else {
                continue;
            }
            doubts.push(format!("{} {what}", path.display()));
        }
        doubts.append(&mut assembled.doubts);
        count_generations(&mut assembled, &before, &self.tables);
        problems.append(&mut assembled.problems);
        problems.sort();
        let desired = Arc::new(desired(&self.owner, &assembled.good, &doubts));
        self.good = Some(assembled.good);
        Loaded {
            desired,
            problems: problems.into(),
            rejected: assembled.rejected,
            tables: self.tables.count(),
            unsure: self.tables.unsure(),
        }
    }
}

impl Source for Sources {
    type Error = LoadError;

    /// Reads everything again. Whatever cannot be read now stays as it was last good.
    async fn load(&mut self) -> Result<Loaded, LoadError> {
        match self.read().await {
            Ok((snapshot, keys)) => Ok(self.assemble(snapshot, &keys)),
            Err(error) => {
                let Some(good) = &self.good else { return Err(error) };
                Ok(Loaded {
                    desired: Arc::new(desired(&self.owner, good, &[error.to_string()])),
                    problems: Arc::new([]),
                    rejected: Vec::new(),
                    tables: self.tables.count(),
                    unsure: self.tables.unsure(),
                })
            }
        }
    }

    fn may_have_changed(&mut self) -> bool {
        self.seen.is_none() || self.has_changed_beside_files() || self.watch.asks_for_look(Instant::now())
    }

    async fn changed(&mut self) -> bool {
        if self.has_changed_beside_files() {
            return true;
        }
        let begun = Instant::now();
        // Files that do not answer are read, which fails with a message of its own.
        let now = self.fingerprint().await;
        self.watch.looked(begun, Instant::now());
        let has_changed = now.is_none() || self.seen != now;
        if !has_changed {
            self.follow().await;
        }
        has_changed
    }

    fn warning(&mut self) -> Option<String> {
        self.keys.warning().or_else(|| self.watch.warning())
    }

    fn publish(&mut self, status: &Status) {
        if let Some(good) = &self.good {
            self.tables.publish(status, good);
        }
    }

    async fn finish(&mut self) {
        self.tables.finish().await;
    }
}

/// `seen` with what `key_files` look like now; `None` where they do not answer in time.
async fn with_key_files(seen: Fingerprint, key_files: &BTreeSet<PathBuf>) -> Option<Fingerprint> {
    let key_files = key_files.clone();
    let look = tokio::task::spawn_blocking(move || seen.with_key_files(&key_files));
    tokio::time::timeout(LOOK_LIMIT, look).await.ok()?.ok()
}

fn file_of(reference: &KeyReference) -> Option<&Path> {
    match reference {
        KeyReference::File { path, .. } => Some(path),
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
            item: None,
        },
        severity: Severity::Error,
        object: None,
        field: String::new(),
        message: format!("{what}; what it held stays in force"),
        fix: "to take everything off air set state: Ready; to remove one file of several, delete it"
            .to_owned(),
    }
}

fn never_full(path: &Path, what: &str) -> Problem {
    Problem {
        severity: Severity::Warning,
        message: format!(
            "{what}; what it held before stays declared: nothing on air is released because of it"
        ),
        fix: "write into it what it should hold, or delete it".to_owned(),
        ..emptied(path, what)
    }
}

/// Counts a change of each destination that differs from `before`, where its author does not count himself. One that
/// is the same in every respect is shared.
fn count_generations(assembled: &mut Assembled, before: &Good, tables: &Tables) {
    let known = before.destinations.values();
    let known: BTreeMap<&Identity, &Declared<Arc<Destination>>> =
        known.map(|one| (&one.value.identity, one)).collect();
    for destination in assembled.good.destinations.values_mut() {
        let Some(old) = known.get(&destination.value.identity) else {
            let new = Arc::make_mut(&mut destination.value);
            if new.generation == 0 {
                // Continues from where an earlier process has counted to.
                new.generation = tables
                    .generation_of(&new.identity, &destination.file)
                    .unwrap_or(1);
            }
            continue;
        };
        let new = Arc::make_mut(&mut destination.value);
        if new.generation == 0 {
            new.generation = old.value.generation + u64::from(is_changed(&old.value, new));
        }
        if *new == *old.value {
            destination.value = Arc::clone(&old.value);
        }
    }
}

fn desired(owner: &OwnerId, good: &Good, doubts: &[String]) -> Desired {
    let mut desired = Desired::empty(owner.clone());
    for (name, pool) in &good.pools {
        match pool.value.clone() {
            Pool::Channels(pool) => drop(desired.pools.insert(name.clone(), pool)),
            Pool::Router(pool) => drop(desired.routers.insert(name.clone(), pool)),
        }
    }
    let destinations = good.destinations.iter();
    desired.destinations = destinations
        .map(|(name, one)| (name.clone(), one.value.clone()))
        .collect();
    desired.set_aside = good.set_aside.keys().cloned().collect();
    if !doubts.is_empty() {
        let mut why = doubts[..doubts.len().min(DOUBTS_LISTED)].join(", ");
        if doubts.len() > DOUBTS_LISTED {
            why = format!("{why}, and {} more", doubts.len() - DOUBTS_LISTED);
        }
        desired.trust = Trust::Doubted { why };
    }
    desired
}
