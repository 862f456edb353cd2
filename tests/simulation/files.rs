//! The desired state as people keep it: YAML files and key files, in a directory of their own.
//!
//! What is declared goes to the daemon through the one door that it has, so a life tests that as well.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use slotwise::testing::model::{
    ChannelPool, Desired, Destination, DestinationName, Idle, Interrupt, Pause, Placement, PoolName,
    StreamKey, WantedState, Window,
};
use tempfile::TempDir;

use super::items;
use super::table::{Plan, key_file};

/// Between two declarations of one file.
const SEPARATOR: &str = "---\n";

/// Accidents of files.
#[derive(Debug, Clone, Copy)]
pub(super) enum Accident {
    /// Half of a file: an editor that crashed, a disk that is full.
    Torn,
    /// A file without content.
    Emptied,
    /// The directory is not there: a mount that is gone.
    Gone,
    /// Fewer declarations, each of them whole: a merge that went wrong.
    Shrunk,
}

/// The destinations that an accident concerns.
#[derive(Debug, Default)]
pub(super) struct Spoiled {
    /// No longer declared, in a file that looks as if nothing were wrong.
    pub(super) missing: BTreeSet<DestinationName>,
    /// Its declaration cannot be read to its end.
    pub(super) torn: Option<DestinationName>,
}

/// A directory of files.
pub(super) struct Files {
    directory: TempDir,
    /// What each file holds, by its path below the root.
    written: BTreeMap<String, String>,
    accident: Option<Accident>,
    /// The table that some destinations live in instead.
    table: Option<Arc<Plan>>,
}

impl Files {
    pub(super) fn new(table: Option<Arc<Plan>>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("declared/keys")).unwrap();
        Self {
            directory,
            written: BTreeMap::new(),
            accident: None,
            table,
        }
    }

    /// What the daemon is given.
    pub(super) fn root(&self) -> PathBuf {
        self.directory.path().join("declared")
    }

    /// What happened to the files and was not mended yet.
    pub(super) fn accident(&self) -> Option<Accident> {
        self.accident
    }

    /// Writes what `desired` says, each file at once. Whatever accident happened before is mended by it.
    pub(super) fn write(&mut self, desired: &Desired) {
        if let Some(Accident::Gone) = self.accident {
            fs::rename(self.aside(), self.root()).unwrap();
        }
        let mended = self.accident.take().is_some();
        let files = self.files(desired);
        for (path, text) in &files {
            if mended || self.written.get(path) != Some(text) {
                self.put(path, text);
            }
        }
        let gone: BTreeSet<&String> = self
            .written
            .keys()
            .filter(|path| !files.contains_key(*path))
            .collect();
        for path in gone {
            fs::remove_file(self.root().join(path)).unwrap();
        }
        self.written = files;
    }

    /// Lets `accident` happen, to the `number`th of the files with destinations where it is about one.
    pub(super) fn spoil(&mut self, accident: Accident, number: usize) -> Spoiled {
        let with_destinations: Vec<String> = self
            .written
            .keys()
            .filter(|path| path.starts_with("of-"))
            .cloned()
            .collect();
        if self.accident.is_some() || with_destinations.is_empty() {
            return Spoiled::default();
        }
        let path = &with_destinations[number % with_destinations.len()];
        let text = self.written[path].clone();
        let mut spoiled = Spoiled::default();
        match accident {
            Accident::Torn => {
                // Within the name of a field, so that no half of it is a document.
                self.put(path, &text[..text.rfind("spec:").unwrap_or(0) + 3]);
                spoiled.torn = text.split(SEPARATOR).last().map(name_in);
            }
            Accident::Emptied => self.put(path, ""),
            Accident::Gone => fs::rename(self.root(), self.aside()).unwrap(),
            Accident::Shrunk => {
                spoiled.missing = self.shrink(path, &text);
                return spoiled;
            }
        }
        self.accident = Some(accident);
        spoiled
    }

    /// Leaves the first third of the declarations in a file, if that is any.
    fn shrink(&mut self, path: &str, text: &str) -> BTreeSet<DestinationName> {
        let declarations: Vec<&str> = text.split(SEPARATOR).collect();
        let kept = declarations.len() / 3;
        if kept == 0 {
            return BTreeSet::new();
        }
        self.put(path, &declarations[..kept].join(SEPARATOR));
        self.accident = Some(Accident::Shrunk);
        declarations[kept..]
            .iter()
            .map(|declaration| name_in(declaration))
            .collect()
    }

    /// The files that say what `desired` says: pools, the destinations of each pool, a file for each key that there is.
    fn files(&self, desired: &Desired) -> BTreeMap<String, String> {
        let mut files = files(desired, self.table.as_deref());
        if self.table.is_some() {
            // A process that has not seen yet that an item is gone still reads its key.
            let is_gone = |path: &str| {
                let name = path.strip_prefix("keys/");
                name.is_some_and(|name| !desired.destinations.contains_key(name))
            };
            let gone = self.written.iter().filter(|(path, _)| is_gone(path));
            files.extend(gone.map(|(path, text)| (path.clone(), text.clone())));
        }
        files
    }

    fn aside(&self) -> PathBuf {
        self.directory.path().join("aside")
    }

    fn put(&self, path: &str, text: &str) {
        put(&self.root(), path, text);
    }
}

/// The name of the destination that `declaration` declares.
fn name_in(declaration: &str) -> DestinationName {
    let line = declaration.lines().find_map(|line| line.strip_prefix("  name: "));
    DestinationName::new(line.unwrap())
}

/// Replaces a file as an editor does: written beside it, then renamed.
fn put(root: &Path, path: &str, text: &str) {
    let beside = root.join(".beside");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, root.join(path)).unwrap();
}

fn files(desired: &Desired, table: Option<&Plan>) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let pools = desired.pools.values().map(pool).collect::<Vec<_>>();
    files.insert("pools.yaml".to_owned(), pools.join(SEPARATOR));
    if let Some(plan) = table {
        files.insert("table.yaml".to_owned(), items::declaration(plan));
    }
    let is_in_files = |name: &PoolName| table.is_none_or(|plan| !plan.pools.contains(name));
    for name in desired.pools.keys().filter(|name| is_in_files(name)) {
        let mine = desired.destinations.values().filter(|one| one.pool == *name);
        let documents: Vec<String> = mine.map(|one| destination(one)).collect();
        if !documents.is_empty() {
            files.insert(format!("of-{name}.yaml"), documents.join(SEPARATOR));
        }
    }
    for one in desired.destinations.values() {
        let is_inside = table.is_some_and(|plan| plan.holds(one) && key_file(plan, one).is_none());
        if let (StreamKey::Known(key), false) = (&one.key, is_inside) {
            files.insert(format!("keys/{}", one.name), format!("{}\n", key.reveal()));
        }
    }
    files
}

fn pool(pool: &ChannelPool) -> String {
    let mut text = header("ChannelPool", pool.name.as_str());
    text.push_str("  channels:\n");
    for channel in &pool.channels {
        let _written = writeln!(
            text,
            "    - {{ id: \"{}\", takeover: {} }}",
            channel.id, channel.takeover
        );
    }
    let groups = pool.slots.output_groups.glob().glob();
    let parking = &pool.slots.parking_url;
    let _written = writeln!(
        text,
        "  slots: {{ outputGroups: \"{groups}\", parkingUrl: \"{parking}\" }}"
    );
    let idle = match pool.idle {
        Idle::Stop => "Stop",
        Idle::KeepRunning => "KeepRunning",
    };
    let placement = match pool.placement {
        Placement::Spread => "Spread",
        Placement::Pack => "Pack",
    };
    let interrupt = match pool.disruption.interrupt {
        Interrupt::Never => "Never",
        Interrupt::Window => "Window",
        Interrupt::Anytime => "Anytime",
    };
    let causes: Vec<String> = pool.disruption.causes.iter().map(ToString::to_string).collect();
    let _written = write!(
        text,
        "  placement: {placement}\n  idle: {idle}\n  disruption:\n    interrupt: {interrupt}\n    for: [{}]\n    maxConcurrent: {}\n",
        causes.join(", "),
        pool.disruption.max_concurrent
    );
    if !pool.disruption.windows.is_empty() {
        text.push_str("    windows:\n");
    }
    pool.disruption
        .windows
        .iter()
        .for_each(|one| window(&mut text, one));
    paused(&mut text, pool.paused.as_ref());
    text
}

fn window(text: &mut String, window: &Window) {
    let minutes = window.duration.as_secs() / 60;
    let _written = writeln!(
        text,
        "      - {{ cron: \"{}\", duration: {minutes}m, timeZone: UTC }}",
        window.cron.pattern.as_str()
    );
}

fn destination(one: &Destination) -> String {
    let mut text = header("Destination", one.name.as_str());
    let state = match one.state {
        WantedState::Streaming => "Streaming",
        WantedState::Ready => "Ready",
    };
    let _written = write!(
        text,
        "  pool: {}\n  state: {state}\n  url: \"{}\"\n  streamKeyFrom: {{ file: keys/{} }}\n  priority: {}\n  interruptible: {}\n",
        one.pool, one.url, one.name, one.priority, one.interruptible
    );
    if let Some(url) = &one.backup_url {
        let _written = writeln!(text, "  backupUrl: \"{url}\"");
    }
    if let Some(group) = &one.group {
        let _written = writeln!(text, "  group: {group}");
    }
    if let Some(pin) = &one.pin {
        let (channel, group) = (&pin.channel, &pin.output_group);
        let _written = writeln!(text, "  slot: {{ channel: \"{channel}\", outputGroup: {group} }}");
    }
    paused(&mut text, one.paused.as_ref());
    text
}

fn header(kind: &str, name: &str) -> String {
    format!("apiVersion: slotwise.dev/v1alpha1\nkind: {kind}\nmetadata:\n  name: {name}\nspec:\n")
}

fn paused(text: &mut String, pause: Option<&Pause>) {
    let Some(pause) = pause else { return };
    let _written = match pause.until {
        Some(until) => writeln!(text, "  paused: {{ until: \"{until}\", by: ana }}"),
        None => writeln!(text, "  paused: {{ by: ana }}"),
    };
}
