//! Documents → raw objects, with every mistake reported although serde stops at the first.
//!
//! The first mistake is reported and cut out of the tree, then the rest is decoded again: an unknown field is removed,
//! anything else becomes a [`Node::Hole`], which decodes as any type. So the number of rounds is at most the number of
//! mistakes, and an object with holes is checked to the end but never used.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;

use super::advice::{how_to_add, how_to_write, instead_of_unknown, suggest};
use super::de::{Fault, from_node};
use super::document::{Document, Item};
use super::node::{FieldPath, Node, Segment};
use super::problem::{ObjectId, Problem, Severity};
use super::raw::{API_GROUP, API_VERSION, KINDS, RawDestination, RawPool, RawRouterPool};
use super::report::Report;
use super::table;
use super::table::raw::RawTable;
use super::words::{
    NAME_FORM, NOT_REPEATED, is_harmless, is_harmless_name, is_label, looks_like_a_field, nearest, one_of,
    shown,
};
use super::yaml::{self, Broken, Spot};
use crate::model::Identity;

/// Mistakes cut out of one document at most.
const ROUND_LIMIT: usize = 100;

/// What a document holds.
pub enum Decoded {
    /// An object of slotwise, right or wrong; kind and name are known.
    Object(Box<Object>),
    /// Something that should be an object of slotwise, of unknown kind or name.
    Unidentified(Vec<Problem>),
    /// An object of another API.
    Foreign(Problem),
}

/// An object as it was written, and what is wrong with it so far.
pub struct Object {
    /// What was written; with holes where `report` has rejected something. `None` where even that is impossible.
    pub raw: Option<RawObject>,
    /// Kind and name.
    pub id: ObjectId,
    /// What is wrong.
    pub report: Report,
}

impl Object {
    /// What its destination is recorded by: its name, or what is made from the item's key.
    pub fn identity(&self) -> Identity {
        match self.report.document().item() {
            Some(item) => item.id.identity.clone(),
            None => Identity::new(&self.id.name),
        }
    }
}

/// An object as it was written.
pub enum RawObject {
    /// `kind: ChannelPool`.
    Pool(Box<RawPool>),
    /// `kind: RouterPool`.
    RouterPool(Box<RawRouterPool>),
    /// `kind: Destination`.
    Destination(Box<RawDestination>),
    /// `kind: DestinationTable`.
    Table(Box<RawTable>),
}

/// Decodes one document of a file: the object that it is, or those of a `List`.
pub fn decode(document: &yaml::Document) -> Vec<Decoded> {
    match objects(document) {
        Ok(objects) => objects
            .into_iter()
            .filter_map(|(document, tree)| decode_object(&document, tree))
            .collect(),
        Err(broken) => vec![Decoded::Unidentified(vec![broken.into()])],
    }
}

/// The objects of one document of a file: itself, or the items of a `List` as `kubectl get` and `kustomize` print them.
pub fn objects(document: &yaml::Document) -> Result<Vec<(yaml::Document, Node)>, Broken> {
    let tree = document.parse()?;
    let mut found = Vec::new();
    take_objects(document, FieldPath::default(), tree, &mut found);
    Ok(found)
}

/// `tree`, at `path`, or the items of the `List` that it is, including nested lists.
fn take_objects(
    document: &yaml::Document,
    path: FieldPath,
    mut tree: Node,
    found: &mut Vec<(yaml::Document, Node)>,
) {
    let at = FieldPath::from("items");
    let items = tree.at_mut(&at.0).filter(|items| matches!(items, Node::List(_)));
    let items = items.map(std::mem::take);
    let Some(Node::List(items)) = items.filter(|_| is_list(&tree)) else {
        found.push((document.part(path), tree));
        return;
    };
    for (index, item) in items.into_iter().enumerate() {
        let mut place = path.clone();
        place.0.extend(at.index(index).0);
        take_objects(document, place, item, found);
    }
}

/// Whether it is a `List`, in which Kubernetes tools print several objects.
fn is_list(tree: &Node) -> bool {
    let is = |field, text| tree.get(field).and_then(Node::text) == Some(text);
    is("kind", "List") && is("apiVersion", "v1")
}

/// Decodes an object of a file; `None` where there is nothing, or JSON for another program.
pub fn decode_object(document: &yaml::Document, tree: Node) -> Option<Decoded> {
    if tree == Node::Null || is_other_json(document, &tree) {
        return None;
    }
    let document = Document::from(document.clone());
    if is_list(&tree) {
        // Half written, perhaps: what it held is not given up for that.
        let mut report = Report::new(document, None);
        let fix = "write items: [] for a list of nothing";
        report.reject_missing(&FieldPath::from("items"), "the List has no list of items", fix);
        return Some(Decoded::Unidentified(report.into_problems()));
    }
    if let Some(foreign) = foreign(&document, &tree) {
        return Some(Decoded::Foreign(foreign));
    }
    Some(decode_tree(document, tree, Vec::new()))
}

/// Whether a JSON file holds no object at all: package.json, a channel as the AWS CLI prints it.
fn is_other_json(document: &yaml::Document, tree: &Node) -> bool {
    let is_json = document
        .file()
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let is_object = |tree: &Node| tree.get("apiVersion").is_some() || tree.get("kind").is_some();
    let holds_objects = match tree {
        Node::List(items) => items.iter().any(is_object),
        tree => is_object(tree),
    };
    is_json && !holds_objects
}

/// Decodes one item of a table.
pub fn decode_item(item: Item, attributes: &table::Item) -> Decoded {
    let (mut tree, mistakes) = item.layout.tree(attributes);
    if item.layout.label
        && let Some(Node::Text(name)) = tree.at_mut(&FieldPath::from("metadata.name").0)
        && !is_label(name)
        && is_harmless(name)
    {
        // No letters that a label could be made of.
        item.id.identity.as_str().clone_into(name);
    }
    decode_tree(Document::Item(item), tree, mistakes)
}

/// Decodes `tree`, in which `mistakes` are holes already.
fn decode_tree(document: Document, mut tree: Node, mistakes: Vec<table::Mistake>) -> Decoded {
    let kind = tree
        .get("kind")
        .and_then(Node::text)
        .unwrap_or_default()
        .to_owned();
    // The name is needed even where the rest is wrong: the last good state is found by it.
    let name = tree
        .get("metadata")
        .and_then(|metadata| metadata.get("name"))
        .and_then(Node::text);
    let name = name
        .filter(|name| is_harmless_name(name))
        .unwrap_or_default()
        .to_owned();
    // An item without a name is reported, and set aside, by its key.
    let is_nameless = name.is_empty();
    let name = match document.item() {
        Some(item) if is_nameless => item.id.identity.to_string(),
        _ => name,
    };
    let id = ObjectId {
        kind: if is_harmless(&kind) { kind } else { String::new() },
        name,
    };
    let mut report = Report::new(document, (!id.kind.is_empty()).then(|| id.clone()));
    for mistake in mistakes {
        report.reject(&mistake.path, mistake.message, mistake.fix);
        report.add_hole(mistake.path);
    }
    check_envelope(&mut tree, &id.kind, &mut report);
    let raw = match id.kind.as_str() {
        "ChannelPool" => decode_all(&mut tree, &mut report).map(RawObject::Pool),
        "RouterPool" => decode_all(&mut tree, &mut report).map(RawObject::RouterPool),
        "Destination" => decode_all(&mut tree, &mut report).map(RawObject::Destination),
        "DestinationTable" => decode_all(&mut tree, &mut report).map(RawObject::Table),
        _ => None,
    };
    if is_nameless {
        check_name(&tree, &mut report);
    }
    if !KINDS.contains(&id.kind.as_str()) || id.name.is_empty() {
        return Decoded::Unidentified(report.into_problems());
    }
    Decoded::Object(Box::new(Object { raw, id, report }))
}

/// A warning where the document is an object of another API, as a directory for Kubernetes may hold.
fn foreign(document: &Document, tree: &Node) -> Option<Problem> {
    let version = tree.get("apiVersion")?.text()?;
    let ours = version.starts_with(API_GROUP) || nearest(version, [API_VERSION]).is_some();
    (!ours && tree.get("kind").is_some()).then(|| Problem {
        location: document.locate(&FieldPath::from("apiVersion"), Spot::Value),
        severity: Severity::Warning,
        object: None,
        field: "apiVersion".to_owned(),
        message: format!(
            "{} is not an API of slotwise, the object is passed over",
            shown(version)
        ),
        fix: format!("move it elsewhere, or write apiVersion: {API_VERSION}"),
    })
}

/// Checks `apiVersion` and `kind`, which serde takes as any text.
fn check_envelope(tree: &mut Node, kind: &str, report: &mut Report) {
    if !matches!(tree, Node::Map(_)) {
        let message = format!("{} where an object is needed", tree.what());
        report.reject(
            &FieldPath::default(),
            message,
            "write apiVersion, kind, metadata and spec",
        );
        return;
    }
    let path = FieldPath::from("apiVersion");
    match tree.get("apiVersion") {
        Some(Node::Text(version)) if version != API_VERSION => {
            let message = format!("{} is not a version this slotwise knows", shown(version));
            report.reject(&path, message, format!("write {API_VERSION}"));
        }
        None if !kind.is_empty() && !KINDS.contains(&kind) => {
            report.reject_missing(&path, MISSING, how_to_add("apiVersion"));
        }
        _ => {}
    }
    let path = FieldPath::from("kind");
    match tree.get("kind") {
        Some(Node::Text(found)) if !KINDS.contains(&found.as_str()) => {
            let message = format!("{} is not a kind of object", shown(found));
            report.reject(&path, message, suggest(found, &KINDS));
        }
        Some(Node::Text(_)) => {}
        None => report.reject_missing(&path, MISSING, format!("add kind: {}", one_of(&KINDS))),
        Some(other) => {
            let message = format!("must be a word, not {}", other.what());
            report.reject(&path, message, format!("write {}", one_of(&KINDS)));
        }
    }
}

/// Reports a name that cannot be used at all.
fn check_name(tree: &Node, report: &mut Report) {
    let Some(name) = tree
        .get("metadata")
        .and_then(|metadata| metadata.get("name"))
        .and_then(Node::text)
    else {
        return;
    };
    if !is_harmless_name(name) || name.is_empty() {
        let message = if name.is_empty() {
            "the name is empty"
        } else {
            "this looks like a stream key, not like a name"
        };
        report.reject(&FieldPath::from("metadata.name"), message, NAME_FORM);
    }
}

const MISSING: &str = "the field is missing";

/// Decodes `tree`, cutting out mistakes until it works.
fn decode_all<T: DeserializeOwned>(tree: &mut Node, report: &mut Report) -> Option<Box<T>> {
    drop_second_entries(tree, &FieldPath::default(), report);
    for _ in 0..ROUND_LIMIT {
        let (path, fault) = match from_node(tree) {
            Ok(raw) => return Some(Box::new(raw)),
            Err(error) => error.into_parts(),
        };
        let (spot, message, fix) = tell(&path, &fault);
        if fault == Fault::Missing {
            let item = report.document().item();
            let fix = item.map_or(fix, |item| item.layout.how_to_add(&path));
            report.reject_missing(&path, message, fix);
        } else if is_hidden(&path, &fault) {
            report.reject_hidden_key(&path, message, fix);
        } else {
            report.reject_key(&path, spot, message, fix);
        }
        cut_out(tree, &path, &fault);
        if !matches!(fault, Fault::UnknownField { .. }) {
            report.add_hole(path);
        }
    }
    None
}

/// A key that is written twice: serde would take the last one without a word.
fn drop_second_entries(tree: &mut Node, path: &FieldPath, report: &mut Report) {
    match tree {
        Node::Map(entries) => {
            let mut seen = BTreeSet::new();
            entries.retain(|(key, _)| {
                let first = seen.insert(key.clone());
                if !first {
                    let message = "the field is written twice".to_owned();
                    let fix = "keep one of the two".to_owned();
                    report.reject_key(&path.field(key), Spot::SecondKey, message, fix);
                }
                first
            });
            for (key, value) in entries {
                drop_second_entries(value, &path.field(key), report);
            }
        }
        Node::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                drop_second_entries(item, &path.index(index), report);
            }
        }
        _ => {}
    }
}

/// Whether the name of a field that does not exist may be a stream key.
fn is_hidden(path: &FieldPath, fault: &Fault) -> bool {
    match (fault, path.0.last()) {
        (Fault::UnknownField { .. }, Some(Segment::Field(name))) => !looks_like_a_field(name),
        _ => false,
    }
}

/// A mistake in words: where to point, what is wrong, what to do.
fn tell(path: &FieldPath, fault: &Fault) -> (Spot, String, String) {
    let name = match path.0.last() {
        Some(Segment::Field(name)) => name.as_str(),
        _ => "",
    };
    match fault {
        Fault::UnknownField { .. } if name == "<<" => (
            Spot::Key,
            "merge keys are not supported".to_owned(),
            "write the fields out".to_owned(),
        ),
        Fault::UnknownField { allowed } => {
            let name_shown = if is_hidden(path, fault) {
                NOT_REPEATED.to_owned()
            } else {
                shown(name)
            };
            let message = format!("there is no field {name_shown}");
            let fix = instead_of_unknown(name, allowed);
            (Spot::Key, message, fix)
        }
        Fault::Missing => (Spot::Key, MISSING.to_owned(), how_to_add(name)),
        Fault::WrongType { needed, found } => {
            let fix = how_to_write(path, needed, found);
            (Spot::Value, format!("must be {needed}, not {found}"), fix)
        }
        Fault::UnknownWord { found, allowed } => {
            let message = format!("{} is not one of the words allowed here", shown(found));
            (Spot::Value, message, suggest(found, allowed))
        }
        Fault::OutOfRange { range } => (
            Spot::Value,
            "the number is out of range".to_owned(),
            format!("write a number {range}"),
        ),
        Fault::Other => (
            Spot::Value,
            "the value does not fit here".to_owned(),
            "see `slotwise schema`".to_owned(),
        ),
    }
}

/// Removes the mistake from `tree`.
fn cut_out(tree: &mut Node, path: &FieldPath, fault: &Fault) {
    let Some((last, above)) = path.0.split_last() else {
        *tree = Node::Hole;
        return;
    };
    match (fault, last, tree.at_mut(above)) {
        (Fault::UnknownField { .. }, Segment::Field(name), Some(Node::Map(entries))) => {
            entries.retain(|(key, _)| key != name);
        }
        (Fault::Missing, Segment::Field(name), Some(Node::Map(entries))) => {
            entries.push((name.clone(), Node::Hole));
        }
        _ => {
            if let Some(node) = tree.at_mut(&path.0) {
                *node = Node::Hole;
            }
        }
    }
}
