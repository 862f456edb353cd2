//! Destinations from files into a table, and back: `slotwise import` and `slotwise export`.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::dynamodb::{Row, Rows, TableClient, TableError};
use super::tree::{Tree, read};
use crate::manifest::Severity;
use crate::manifest::decode::{Decoded, Object, RawObject, decode_item, decode_object, objects};
use crate::manifest::document::Item;
use crate::manifest::node::{FieldPath, Node};
use crate::manifest::reference::{KeyLookup, KeyReference};
use crate::manifest::table::{self, DestinationTable, ItemId, Layout, validate_table};
use crate::manifest::validate::validate_destination;
use crate::manifest::yaml::{documents, to_text};

/// Fields of a Destination in the order in which people write them.
const ORDER: [&str; 17] = [
    "name",
    "generation",
    "labels",
    "annotations",
    "pool",
    "state",
    "platform",
    "url",
    "backupUrl",
    "username",
    "passwordParameter",
    "streamKeyFrom",
    "group",
    "priority",
    "interruptible",
    "slot",
    "paused",
];

/// What files declare, as it stands there.
#[derive(Default)]
pub struct Written {
    /// The tables that are valid.
    pub tables: Vec<DestinationTable>,
    /// The destinations that are valid by themselves, in the order of the files.
    pub destinations: Vec<WrittenDestination>,
}

/// A Destination of a file.
pub struct WrittenDestination {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub file: PathBuf,
    tree: Node,
}

/// What became of a destination on its way into a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    /// It is an item now.
    Written,
    /// There is an item of its key, which is left as it is.
    Existing,
    /// Its key is in the file: it is not copied.
    InlineKey,
    /// The table has no attribute for these fields of it.
    NoAttribute(Vec<String>),
    /// It would be set aside once it is read from the table: which attribute, why, and what to do.
    Refused(String),
}

/// What became of an item on its way into a file.
pub enum Exported {
    /// The document.
    Document(String),
    /// Its key is in the item: it is not copied.
    InlineKey,
    /// Its state has a value that means nothing.
    Invalid(String),
}

impl Written {
    /// Reads the files below `roots`. Blocking. Mistakes in them are not reported here.
    pub fn read(roots: &[PathBuf]) -> io::Result<Self> {
        let mut written = Self::default();
        let Tree { files, too_much, .. } = Tree::find(roots);
        if let Some(what) = too_much {
            return Err(io::Error::other(what));
        }
        for file in files.into_iter().map(|found| found.path) {
            let bytes = read(&file)?;
            let documents = documents(&file, &bytes).unwrap_or_default();
            for (document, tree) in documents.iter().filter_map(|one| objects(one).ok()).flatten() {
                if let Some(Decoded::Object(object)) = decode_object(&document, tree.clone()) {
                    written.take(*object, &file, tree);
                }
            }
        }
        Ok(written)
    }

    fn take(&mut self, mut object: Object, file: &Path, tree: Node) {
        match object.raw.take() {
            Some(RawObject::Table(raw)) => self.tables.extend(validate_table(&raw, &mut object.report)),
            Some(RawObject::Destination(_)) => self.destinations.push(WrittenDestination {
                name: object.id.name,
                file: file.to_owned(),
                tree,
            }),
            _ => {}
        }
    }
}

impl WrittenDestination {
    /// The item that it becomes in `table`, whose primary key is `key`; or why the table would not have it.
    pub fn item(&self, table: &DestinationTable, key: &[String]) -> Result<table::Item, Imported> {
        let spec = self.tree.get("spec");
        if spec.is_some_and(|spec| spec.get("streamKey").is_some()) {
            return Err(Imported::InlineKey);
        }
        let mut item = table.layout.item(&self.tree).map_err(Imported::NoAttribute)?;
        // A key that is no name is an id of its own: the name is as good as any.
        for attribute in key {
            if item.get(attribute).is_none() {
                item.set(attribute, Node::Text(self.name.clone()));
            }
        }
        match self.refusal(table, &item) {
            Some(why) => Err(Imported::Refused(why)),
            None => Ok(item),
        }
    }

    /// What would be said of `item` once it is read from the table.
    fn refusal(&self, table: &DestinationTable, item: &table::Item) -> Option<String> {
        let place = Item {
            table: Arc::from(table.place.file()),
            layout: Arc::clone(&table.layout),
            id: Arc::new(ItemId::new(&table.name, &[])),
            declared_in: Arc::from(self.file.as_path()),
        };
        let not_asked = |_: &KeyReference| KeyLookup::NotAsked;
        let problems = match decode_item(place, item) {
            Decoded::Object(mut object) => {
                if let Some(RawObject::Destination(raw)) = object.raw.take() {
                    validate_destination(&raw, &not_asked, &mut object.report);
                }
                object.report.into_problems()
            }
            Decoded::Unidentified(problems) => problems,
            Decoded::Foreign(problem) => vec![problem],
        };
        let mut errors = problems.into_iter().filter(|one| one.severity == Severity::Error);
        let first = errors.next()?;
        Some(format!("{}: {}; {}", first.field, first.message, first.fix))
    }
}

/// Writes `item` into a table whose primary key is `key`. An item that is there already is left as it is, or with `replace`
/// gets what is declared; its other attributes stay.
pub async fn import(
    item: &table::Item,
    table: &TableClient,
    key: &[String],
    replace: bool,
) -> Result<Imported, TableError> {
    if table.put_new(item, key).await? {
        return Ok(Imported::Written);
    }
    if !replace {
        return Ok(Imported::Existing);
    }
    table.merge(item, key).await?;
    Ok(Imported::Written)
}

/// The documents of the destinations in `rows`, by name.
pub fn export(rows: &Rows, layout: &Layout) -> BTreeMap<String, Exported> {
    let mut exported = BTreeMap::new();
    for row in &rows.all {
        // Of several items with one name all but the first get one of their own, as in force.
        let name = if exported.contains_key(&row.name) {
            format!("{}-{}", row.name, row.id.suffix())
        } else {
            row.name.clone()
        };
        let document = export_row(row, &name, layout);
        exported.insert(name, document);
    }
    exported
}

fn export_row(row: &Row, name: &str, layout: &Layout) -> Exported {
    if holds_key(&row.item, layout) {
        return Exported::InlineKey;
    }
    let (mut tree, mistakes) = layout.tree(&row.item);
    if let Some(mistake) = mistakes.first() {
        return Exported::Invalid(mistake.message.clone());
    }
    if let Some(written) = tree.at_mut(&FieldPath::from("metadata.name").0) {
        *written = Node::Text(name.to_owned());
    }
    if let Node::Map(parts) = &mut tree {
        for (_, part) in parts {
            if let Node::Map(fields) = part {
                fields.sort_by_key(|(name, _)| ORDER.iter().position(|field| field == name));
            }
        }
    }
    Exported::Document(to_text(&tree))
}

fn holds_key(item: &table::Item, layout: &Layout) -> bool {
    let attribute = layout.fields.get("streamKey");
    attribute
        .and_then(|attribute| item.get(attribute))
        .is_some_and(|key| !matches!(key, Node::Null))
}
