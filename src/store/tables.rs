//! The tables that files declare, each with the tasks that read and write it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::assemble::Good;
use super::dynamodb::{Access, Look, Publication, Reader, Row, TableError, Writer};
use super::yaml::Snapshot;
use crate::manifest::decode::{Decoded, Object, RawObject, decode_item};
use crate::manifest::document::Item;
use crate::manifest::node::FieldPath;
use crate::manifest::table::{DestinationTable, StatusField, validate_table};
use crate::manifest::{Location, ObjectId, Problem, Severity};
use crate::model::{DestinationName, Identity, WantedState};
use crate::status::{DestinationStatus, Status};
use crate::write_lease::WriteLease;

/// Longest wait for the first look at a table. Until it works its destinations are unknown.
const FIRST_LOOK_LIMIT: Duration = Duration::from_secs(20);
/// Longest time that statuses are waited for when everything ends.
const FINISH_LIMIT: Duration = Duration::from_secs(5);

/// The tables that files declare.
pub struct Tables {
    live: Option<Live>,
    /// What was declared validly last, by name.
    open: BTreeMap<String, Open>,
    /// How many are declared.
    count: usize,
    first_look_limit: Duration,
}

/// What it takes to read and write tables.
struct Live {
    access: Access,
    /// Statuses are written by its holder; `None` where none are written at all.
    lease: Option<Arc<dyn WriteLease>>,
}

/// A table in use.
struct Open {
    table: Arc<DestinationTable>,
    declared_in: Arc<Path>,
    reader: Reader,
    writer: Option<Writer>,
    /// Version of the look that the last load saw.
    used: u64,
    /// Whether it held nothing at the first look, and has not held anything since.
    never_full: bool,
}

impl Open {
    fn is_alive(&self) -> bool {
        self.reader.is_alive() && self.writer.as_ref().is_none_or(Writer::is_alive)
    }
}

impl Tables {
    /// Nothing is read: the items of tables are not known.
    pub fn unread() -> Self {
        Self {
            live: None,
            open: BTreeMap::new(),
            count: 0,
            first_look_limit: FIRST_LOOK_LIMIT,
        }
    }

    /// Tables are reached by `access`. Statuses are written while `lease` is held; without one none are.
    pub fn new(access: Access, lease: Option<Arc<dyn WriteLease>>) -> Self {
        Self {
            live: Some(Live { access, lease }),
            ..Self::unread()
        }
    }

    /// Waits no longer than `limit` for the first look at a table.
    #[must_use]
    pub fn with_first_look_limit(mut self, limit: Duration) -> Self {
        self.first_look_limit = limit;
        self
    }

    /// Each table that is in force, and what was seen of it last.
    pub(super) fn looks(&self) -> Vec<(Arc<DestinationTable>, Look)> {
        let open = self.open.values();
        open.map(|open| (Arc::clone(&open.table), open.reader.look()))
            .collect()
    }

    /// How many are declared.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Takes the tables out of `snapshot` and puts their items in.
    pub(super) async fn read(&mut self, snapshot: &mut Snapshot, before: Option<&Good>) {
        let declared = self.declared(snapshot);
        self.count = declared.len();
        self.keep_only(&declared);
        for (table, file) in declared.into_values() {
            self.open(table, file);
        }
        for open in self.open.values_mut() {
            let look = open.reader.first_look(self.first_look_limit).await;
            open.used = look.version;
            let file = open.table.place.file();
            let shared: Arc<Path> = Arc::from(file.as_path());
            if let Some(error) = &look.failed {
                snapshot.problems.push(unreadable(&open.table, error));
                let why = format!("{} cannot be read: {error}", file.display());
                snapshot.lost.insert(file, why);
            } else if look.version == 0 {
                let why = format!("{} has not been read yet", file.display());
                snapshot.lost.insert(file, why);
            } else if look.rows.as_ref().is_some_and(|rows| rows.all.is_empty())
                && before.is_some_and(|before| held_many(before, &file))
            {
                snapshot.suspicious.insert(file, "is empty all at once");
            }
            let rows = look.rows.iter().flat_map(|rows| &rows.all);
            open.never_full = open.never_full && rows.clone().next().is_none();
            for row in rows {
                take_row(open, &shared, row, snapshot);
            }
        }
    }

    /// A sentence about tables that have been empty since this process began. What they held before is unknown.
    pub(super) fn unsure(&self) -> Option<String> {
        let empty = self.open.values().find(|open| open.never_full)?;
        let table = empty.table.place.file();
        Some(format!(
            "{} has been empty since slotwise began, so what it held before is unknown",
            table.display()
        ))
    }

    /// The tables that are in force, by name: those that `snapshot` declares, and those whose declaration is not valid
    /// or not known now as they were last.
    fn declared(&mut self, snapshot: &mut Snapshot) -> BTreeMap<String, (DestinationTable, Arc<Path>)> {
        let mut declared: BTreeMap<String, (DestinationTable, Arc<Path>)> = BTreeMap::new();
        let mut broken = Vec::new();
        let is_table = |object: &mut Object| object.id.kind == "DestinationTable";
        for mut object in snapshot.objects.extract_if(.., is_table) {
            let file: Arc<Path> = Arc::from(object.report.document().file());
            let table = match object.raw.take() {
                Some(RawObject::Table(raw)) => validate_table(&raw, &mut object.report),
                _ => None,
            };
            let second = table.as_ref().and_then(|table| twin(&declared, table));
            match (table, second) {
                (Some(table), None) => drop(declared.insert(table.name.clone(), (table, file))),
                (Some(_), Some((field, message))) => {
                    object.report.reject(&field, message, "remove one of the two");
                }
                (None, _) => broken.push(object.id.name.clone()),
            }
            snapshot.problems.extend(object.report.into_problems());
        }
        for (name, open) in &self.open {
            let is_lost = snapshot
                .lost
                .keys()
                .any(|path| open.declared_in.starts_with(path));
            if !declared.contains_key(name) && (is_lost || broken.contains(name)) {
                let last = ((*open.table).clone(), Arc::clone(&open.declared_in));
                declared.insert(name.clone(), last);
            }
        }
        let held = |name: &String| self.open.contains_key(name);
        for name in broken.iter().filter(|name| !held(name)) {
            let why = format!("DestinationTable {name} is not valid");
            snapshot.lost.insert(PathBuf::from(&why), why);
        }
        declared
    }

    fn keep_only(&mut self, declared: &BTreeMap<String, (DestinationTable, Arc<Path>)>) {
        self.open.retain(|name, open| {
            let now = declared.get(name);
            open.is_alive() && now.is_some_and(|(table, _)| *table == *open.table)
        });
    }

    fn open(&mut self, table: DestinationTable, declared_in: Arc<Path>) {
        let Some(live) = &self.live else { return };
        if let Some(open) = self.open.get_mut(&table.name) {
            open.declared_in = declared_in;
            return;
        }
        let table = Arc::new(table);
        let writer = match (&live.lease, &table.status) {
            (Some(lease), Some(layout)) => {
                let (access, layout) = (live.access.clone(), layout.clone());
                Some(Writer::start(access, &table, layout, Arc::clone(lease)))
            }
            _ => None,
        };
        let open = Open {
            reader: Reader::start(live.access.clone(), Arc::clone(&table)),
            writer,
            used: 0,
            never_full: true,
            declared_in,
            table,
        };
        self.open.insert(open.table.name.clone(), open);
    }

    /// Whether a table was seen to hold something else than at the last load, or has to be opened again.
    pub(super) fn changed(&self) -> bool {
        let mut open = self.open.values();
        open.any(|open| open.reader.version() != open.used || !open.is_alive())
    }

    /// The generation that an earlier process has reported for the destination `identity` in `file`, where that is a table.
    pub(super) fn generation_of(&self, identity: &Identity, file: &Path) -> Option<u64> {
        let open = self.open.values().find(|open| open.table.place.file() == file)?;
        let look = open.reader.look();
        let row = look.rows.as_ref()?.find(identity)?;
        row.written.get(StatusField::ObservedGeneration)?.parse().ok()
    }

    /// Hands statuses to the writers.
    pub(super) fn publish(&mut self, status: &Status, good: &Good) {
        let set_aside = good.set_aside.iter();
        let set_aside: BTreeMap<&DestinationName, &Identity> =
            set_aside.map(|(identity, name)| (name, identity)).collect();
        let identity = |status: &DestinationStatus| match good.destinations.get(&status.name) {
            Some(declared) => Some(&declared.value.identity),
            None => set_aside.get(&status.name).copied(),
        };
        let all: Vec<(&Identity, &Arc<DestinationStatus>)> = status
            .destinations
            .iter()
            .filter_map(|status| Some((identity(status)?, status)))
            .collect();
        for open in self.open.values() {
            let Some(writer) = &open.writer else { continue };
            let Some(rows) = open.reader.look().rows else {
                continue;
            };
            let here = all.iter().filter(|(identity, _)| rows.find(identity).is_some());
            let statuses = here
                .map(|(identity, status)| ((*identity).clone(), Arc::clone(status)))
                .collect();
            writer.publish(Publication {
                rows: Some(rows),
                statuses,
            });
        }
    }

    /// Waits until what was published last is written.
    pub(super) async fn finish(&mut self) {
        for open in self.open.values_mut() {
            if let Some(writer) = &mut open.writer
                && !writer.finish(FINISH_LIMIT).await
            {
                tracing::warn!(
                    table = open.table.place.table,
                    "not every status could be written"
                );
            }
        }
    }
}

/// What is wrong with `table` beside those that are declared already.
fn twin(
    declared: &BTreeMap<String, (DestinationTable, Arc<Path>)>,
    table: &DestinationTable,
) -> Option<(FieldPath, String)> {
    if let Some((_, file)) = declared.get(&table.name) {
        let message = format!(
            "DestinationTable {} is declared in {} too",
            table.name,
            file.display()
        );
        return Some((FieldPath::from("metadata.name"), message));
    }
    let same = declared.values().find(|(other, _)| other.place == table.place);
    same.map(|(other, _)| {
        let message = format!("DestinationTable {} reads the same table", other.name);
        (FieldPath::from("spec.table"), message)
    })
}

/// Whether so much was declared in `file` that its emptiness is no wish: one item may be deleted, and so may those
/// that are off air.
fn held_many(before: &Good, file: &Path) -> bool {
    let held = before.destinations.values().filter(|one| one.file == file);
    let wanted = held.filter(|one| one.value.state == WantedState::Streaming);
    wanted.count() > 1
}

fn take_row(open: &Open, table: &Arc<Path>, row: &Row, snapshot: &mut Snapshot) {
    let item = Item {
        table: Arc::clone(table),
        layout: Arc::clone(&open.table.layout),
        id: Arc::clone(&row.id),
        declared_in: Arc::clone(&open.declared_in),
    };
    match decode_item(item, &row.item) {
        Decoded::Object(object) => snapshot.objects.push(*object),
        Decoded::Foreign(problem) => snapshot.problems.push(problem),
        // No item: each of them is identified by its key.
        Decoded::Unidentified(problems) => snapshot.problems.extend(problems),
    }
}

fn unreadable(table: &DestinationTable, error: &TableError) -> Problem {
    Problem {
        location: Location {
            file: table.place.file(),
            line: 0,
            column: 0,
            item: None,
        },
        severity: Severity::Error,
        object: Some(ObjectId {
            kind: "DestinationTable".to_owned(),
            name: table.name.clone(),
        }),
        field: String::new(),
        message: format!("cannot be read: {error}"),
        fix: error.fix(),
    }
}
