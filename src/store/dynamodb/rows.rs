//! The items of a table as of one look.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::client::ItemKey;
use crate::manifest::node::Node;
use crate::manifest::table::{DestinationTable, Item, StatusField, StatusLayout};

/// Items in one table at most: more is a mistaken table.
pub(super) const ROWS_MAX: usize = 100_000;

/// The items of a table as of one look, in the order of their names.
#[derive(Clone)]
pub struct Rows {
    /// When the look began: whatever was written before is in it.
    pub begun: Instant,
    /// Attributes of the primary key.
    pub key: Vec<String>,
    /// The items.
    pub rows: Vec<Row>,
}

/// One item.
#[derive(Clone)]
pub struct Row {
    /// Its primary key.
    pub key: ItemKey,
    /// The name of its destination, as far as there is one.
    pub name: String,
    /// What users write, as far as the layout reads it.
    pub item: Item,
    /// What stands there of its status.
    pub written: Written,
}

/// A status as it stands in an item, or is to stand there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written(pub BTreeMap<StatusField, String>);

impl Written {
    /// The status in `item`, as `layout` keeps it there.
    fn read(item: &Item, layout: &StatusLayout) -> Self {
        let map = layout.map.as_ref().and_then(|map| item.get(map));
        let field = |field: StatusField| match layout.parts.get(&field) {
            Some(attribute) => item.get(attribute),
            None => map.and_then(|map| map.get(field.name())),
        };
        let text = |node: &Node| match node {
            Node::Text(text) => Some(text.clone()),
            Node::Int(number) => Some(number.to_string()),
            _ => None,
        };
        let fields = StatusField::ALL.into_iter();
        Self(
            fields
                .filter_map(|name| Some((name, text(field(name)?)?)))
                .collect(),
        )
    }

    /// Whether this says the same as `other`. Since when is told along, and no news by itself: a process that has just
    /// begun knows of no time before.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let fields = StatusField::ALL.into_iter();
        let mut told = fields.filter(|field| *field != StatusField::Since);
        told.all(|field| self.0.get(&field) == other.0.get(&field))
    }
}

impl Rows {
    /// `items` as `table` lays them out; in the order of names and then of what users wrote, whatever the order of the
    /// scan was.
    pub(super) fn new(
        items: Vec<(ItemKey, Item)>,
        key: Vec<String>,
        table: &DestinationTable,
        begun: Instant,
    ) -> Self {
        let read: Vec<String> = table.layout.attributes().into_iter().map(str::to_owned).collect();
        let mut rows: Vec<Row> = items
            .into_iter()
            .map(|(key, mut item)| {
                let status = table.status.as_ref();
                let written = status
                    .map(|layout| Written::read(&item, layout))
                    .unwrap_or_default();
                item.retain(|attribute, _| read.contains(attribute));
                let (tree, _) = table.layout.tree(&item);
                let name = tree.get("metadata").and_then(|metadata| metadata.get("name"));
                Row {
                    key,
                    name: name.and_then(Node::text).unwrap_or_default().to_owned(),
                    item,
                    written,
                }
            })
            .collect();
        rows.sort_by(|one, other| (&one.name, one.key.order()).cmp(&(&other.name, other.key.order())));
        Self { begun, key, rows }
    }

    /// Whether users wrote the same in `other`.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.rows.len() == other.rows.len()
            && self
                .rows
                .iter()
                .zip(&other.rows)
                .all(|(one, other)| one.key == other.key && one.item == other.item)
    }

    /// The item of the destination `name`.
    pub fn find(&self, name: &str) -> Option<&Row> {
        let found = self.rows.binary_search_by(|row| row.name.as_str().cmp(name));
        found.ok().map(|index| &self.rows[index])
    }
}

// By hand: items hold stream keys.
impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rows({})", self.rows.len())
    }
}
