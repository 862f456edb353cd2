//! Items of tables: the same trees by another way in.

use std::path::Path;
use std::sync::Arc;

use slotwise::testing::manifest::decode::{Decoded, Object, RawObject, decode, decode_item};
use slotwise::testing::manifest::document::Item as Place;
use slotwise::testing::manifest::node::Node;
use slotwise::testing::manifest::table::{Item, ItemId, Layout, validate_table};
use slotwise::testing::manifest::validate::validate_destination;
use slotwise::testing::manifest::yaml::{self, documents};
use slotwise::testing::model::Destination;

use super::super::engine::Features;
use super::{FILE, check_reported, look_up};

/// Takes the fields of `tree` for the attributes of an item, in each of `layouts`.
pub(super) fn check(tree: &Node, layouts: &[Arc<Layout>], features: &mut Features) {
    for layout in layouts {
        let (_, problems) = judge(layout, &attributes(tree));
        check_reported(&problems, None);
        for problem in problems {
            features.note(&format!("item {} {}", problem.field, problem.message));
        }
        come_back(tree, layout);
    }
}

/// The usual layout, and the first that `input` declares.
pub(super) fn layouts(input: &[u8]) -> Vec<Arc<Layout>> {
    let documents = documents(Path::new(FILE), input).unwrap_or_default();
    let tables = documents
        .iter()
        .flat_map(decode)
        .filter_map(|decoded| match decoded {
            Decoded::Object(mut object) => match object.raw.take() {
                Some(RawObject::Table(raw)) => validate_table(&raw, &mut object.report),
                _ => None,
            },
            _ => None,
        });
    let usual = Arc::new(Layout::default());
    std::iter::once(usual)
        .chain(tables.map(|table| table.layout))
        .take(3)
        .collect()
}

/// Everything in the first three levels of `tree` as attributes.
fn attributes(tree: &Node) -> Item {
    let mut item = Item::default();
    let mut level = vec![tree];
    for _ in 0..3 {
        let mut next = Vec::new();
        for node in level {
            let Node::Map(entries) = node else { continue };
            for (key, value) in entries {
                item.set(key, value.clone());
                next.push(value);
            }
        }
        level = next;
    }
    item
}

fn judge(
    layout: &Arc<Layout>,
    item: &Item,
) -> (Option<Destination>, Vec<slotwise::testing::manifest::Problem>) {
    let place = Place {
        table: Arc::from(Path::new("table fuzz")),
        layout: Arc::clone(layout),
        id: Arc::new(ItemId::new("fuzz", &[])),
        declared_in: Arc::from(Path::new(FILE)),
    };
    match decode_item(place, item) {
        Decoded::Object(object) => destination(*object),
        Decoded::Unidentified(problems) => (None, problems),
        Decoded::Foreign(_) => panic!("an item is never foreign"),
    }
}

fn destination(mut object: Object) -> (Option<Destination>, Vec<slotwise::testing::manifest::Problem>) {
    let destination = match object.raw.take() {
        Some(RawObject::Destination(raw)) => validate_destination(&raw, &look_up, &mut object.report),
        _ => None,
    };
    (destination, object.report.into_problems())
}

fn declared(text: &str) -> Option<Destination> {
    let documents = documents(Path::new(FILE), text.as_bytes()).ok()?;
    match decode(documents.first()?).pop()? {
        Decoded::Object(object) => destination(*object).0,
        _ => None,
    }
}

/// A destination that is accepted is the same after it has been an item, and a document again.
fn come_back(tree: &Node, layout: &Arc<Layout>) {
    let Some(before) = declared(&yaml::to_text(tree)) else {
        return;
    };
    let Ok(item) = layout.item(tree) else { return };
    let layout = Arc::new(Layout {
        local_keys: true,
        ..(**layout).clone()
    });
    let (after, problems) = judge(&layout, &item);
    let after = after.unwrap_or_else(|| panic!("as an item it is refused: {problems:?}"));
    // An item is recorded by its key, whatever it is called.
    let after = Destination {
        identity: before.identity.clone(),
        ..after
    };
    assert_eq!(after, before, "as an item it is another");
    let exported = declared(&yaml::to_text(&layout.tree(&item).0));
    assert_eq!(exported, Some(before), "exported it is another");
}
