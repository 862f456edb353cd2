//! The items of a table as of one look.

use std::borrow::Cow;
use std::sync::Arc;

use tokio::time::Instant;

use super::client::ItemKey;
use crate::manifest::node::Node;
use crate::manifest::table::{DestinationTable, Item, ItemId, StatusField, StatusLayout};
use crate::model::Identity;
use crate::status::DestinationStatus;

/// Items in one table at most: more is a mistaken table.
pub(super) const ROWS_MAX: usize = 100_000;

/// The items of a table as of one look, in the order of their identities, which begin with their keys.
#[derive(Clone)]
pub struct Rows {
    /// When the look began: whatever was written before is in it.
    pub begun: Instant,
    /// Attributes of the primary key.
    pub key: Vec<String>,
    /// The items.
    pub all: Vec<Arc<Row>>,
}

/// One item.
#[derive(Clone, PartialEq)]
pub struct Row {
    /// Its primary key.
    pub key: ItemKey,
    /// Which item it is.
    pub id: Arc<ItemId>,
    /// The name that it gives its destination, as far as there is one. Another item may give the same.
    pub name: String,
    /// What users write, as far as the layout reads it.
    pub item: Item,
    /// What stands there of its status.
    pub written: Written,
}

/// A status as it is in an item, or is to be written there: a text for each field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written([Option<Box<str>>; StatusField::ALL.len()]);

impl Written {
    /// The status in `item`, as `layout` keeps it there.
    fn read(item: &Item, layout: &StatusLayout) -> Self {
        let map = layout.map.as_ref().and_then(|map| item.get(map));
        let node = |field: StatusField| match layout.parts.get(&field) {
            Some(attribute) => item.get(attribute),
            None => map.and_then(|map| map.get(field.name())),
        };
        Self(StatusField::ALL.map(|field| match node(field)? {
            Node::Text(text) => Some(text.as_str().into()),
            Node::Int(number) => Some(number.to_string().into()),
            _ => None,
        }))
    }

    /// `status` as `layout` says it.
    pub(super) fn of(status: &DestinationStatus, layout: &StatusLayout) -> Self {
        Self(StatusField::ALL.map(|field| said(field, status, layout).map(|text| text.into_owned().into())))
    }

    /// The text of `field`.
    pub fn get(&self, field: StatusField) -> Option<&str> {
        self.0[field as usize].as_deref()
    }

    /// The same, with another text in `field`.
    pub(super) fn with(mut self, field: StatusField, text: Option<&str>) -> Self {
        self.0[field as usize] = text.map(Into::into);
        self
    }

    /// Whether this says what `layout` says of `status`. Since when is told along, and no news by itself: a process that has
    /// just begun knows of no time before.
    pub(super) fn tells(&self, status: &DestinationStatus, layout: &StatusLayout) -> bool {
        compared().all(|field| self.get(field) == said(field, status, layout).as_deref())
    }
}

/// The fields that make news.
fn compared() -> impl Iterator<Item = StatusField> {
    StatusField::ALL
        .into_iter()
        .filter(|field| *field != StatusField::Since)
}

/// What `status` says in `field`, in the words of `layout`.
fn said<'a>(
    field: StatusField,
    status: &'a DestinationStatus,
    layout: &'a StatusLayout,
) -> Option<Cow<'a, str>> {
    Some(match field {
        StatusField::Phase => layout.word(status.phase.as_str()).into(),
        // The last version of the item is not in force: its status says that first.
        StatusField::Reason => match status.set_aside() {
            Some(_) => "Invalid".into(),
            None => status.reason.into(),
        },
        StatusField::Message => match status.set_aside() {
            Some(problem) => format!("the last good declaration is in force: {problem}").into(),
            None => Cow::Borrowed(&*status.message),
        },
        StatusField::Channel => status.slot.as_ref()?.channel.as_str().into(),
        StatusField::Slot => status.slot.as_ref()?.output_group.as_str().into(),
        StatusField::Since => status.since.to_string().into(),
        StatusField::ObservedGeneration => status.observed_generation.to_string().into(),
    })
}

impl Row {
    /// An item of `table`.
    pub(super) fn new(key: ItemKey, item: Item, table: &DestinationTable) -> Self {
        let status = table.status.as_ref();
        let written = status
            .map(|layout| Written::read(&item, layout))
            .unwrap_or_default();
        let read = table.layout.attributes();
        let item = item.reduced_to(|attribute| read.contains(&attribute));
        let (tree, _) = table.layout.tree(&item);
        let name = tree.get("metadata").and_then(|metadata| metadata.get("name"));
        Self {
            id: Arc::new(ItemId::new(&table.place.table, &key.parts())),
            key,
            name: name.and_then(Node::text).unwrap_or_default().to_owned(),
            item,
            written,
        }
    }
}

impl Rows {
    /// `rows` in the order of their identities, whatever the order of the scan was.
    pub(super) fn new(mut rows: Vec<Arc<Row>>, key: Vec<String>, begun: Instant) -> Self {
        rows.sort_by(|one, other| one.id.identity.cmp(&other.id.identity));
        Self {
            begun,
            key,
            all: rows,
        }
    }

    /// `row`, or the one of an earlier look where that is the same: a table changes little between two looks.
    pub(super) fn shared(&self, row: Row) -> Arc<Row> {
        match self.find(&row.id.identity) {
            Some(known) if **known == row => Arc::clone(known),
            _ => Arc::new(row),
        }
    }

    /// Whether users wrote the same in `other`.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.all.len() == other.all.len()
            && self.all.iter().zip(&other.all).all(|(one, other)| {
                Arc::ptr_eq(one, other) || (&one.key, &one.item) == (&other.key, &other.item)
            })
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether items of `other` are missing.
    pub(super) fn lacks_some_of(&self, other: &Self) -> bool {
        other.all.iter().any(|row| self.find(&row.id.identity).is_none())
    }

    /// The item of this identity.
    pub fn find(&self, identity: &Identity) -> Option<&Arc<Row>> {
        let found = self.all.binary_search_by(|row| row.id.identity.cmp(identity));
        found.ok().map(|index| &self.all[index])
    }
}

// By hand: items hold stream keys.
impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rows({})", self.all.len())
    }
}
