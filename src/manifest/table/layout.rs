//! Which attribute of an item holds what: items → trees of Destinations, and back.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::raw::RawWord;
use crate::manifest::node::{FieldPath, Node, Segment};
use crate::manifest::raw::API_VERSION;
use crate::manifest::words::{as_label, one_of, shown};

/// The attributes of an item by name. A table has many items and few names, so the names are shared.
#[derive(Clone, Default, PartialEq)]
pub struct Item(Vec<(Arc<str>, Node)>);

impl Item {
    /// The value of `attribute`.
    pub fn get(&self, attribute: &str) -> Option<&Node> {
        let found = self.0.binary_search_by(|(name, _)| (**name).cmp(attribute));
        found.ok().map(|index| &self.0[index].1)
    }

    /// Sets the value of `attribute`.
    pub fn set(&mut self, attribute: &str, value: Node) {
        match self.0.binary_search_by(|(name, _)| (**name).cmp(attribute)) {
            Ok(index) => self.0[index].1 = value,
            Err(index) => self.0.insert(index, (attribute.into(), value)),
        }
    }

    /// Each attribute with its value, in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// Only the attributes that `keep` names, and room for no more.
    #[must_use]
    pub fn reduced_to(mut self, keep: impl Fn(&str) -> bool) -> Self {
        self.0.retain(|(name, _)| keep(name));
        self.0.shrink_to_fit();
        self
    }
}

impl FromIterator<(Arc<str>, Node)> for Item {
    fn from_iter<T: IntoIterator<Item = (Arc<str>, Node)>>(attributes: T) -> Self {
        let mut attributes: Vec<_> = attributes.into_iter().collect();
        attributes.sort_by(|one, other| one.0.cmp(&other.0));
        Self(attributes)
    }
}

/// Fields of a Destination's `spec` that an attribute holds as they are.
const FIELDS: [&str; 13] = [
    "pool",
    "platform",
    "url",
    "backupUrl",
    "username",
    "passwordParameter",
    "streamKey",
    "streamKeyFrom",
    "group",
    "priority",
    "interruptible",
    "slot",
    "paused",
];

/// Fields of a Destination's `metadata` that an attribute holds, without its name.
const METADATA: [&str; 3] = ["generation", "labels", "annotations"];

/// Which attribute holds what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The name.
    pub name: String,
    /// Whether a name is made of any text there.
    pub label: bool,
    /// The wanted state.
    pub state: String,
    /// Its values that mean `Streaming`; the first is written.
    pub streaming: Vec<RawWord>,
    /// Its values that mean `Ready`; the first is written.
    pub ready: Vec<RawWord>,
    /// By field of `spec` or `metadata`.
    pub fields: BTreeMap<&'static str, String>,
    /// By field of `streamKeyFrom`, where each reference has an attribute of its own.
    pub references: BTreeMap<&'static str, String>,
    /// Pool of items that name none.
    pub pool: Option<String>,
    /// Whether items may refer to variables and files of this process.
    pub local_keys: bool,
}

/// Something in an item that no tree can be made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The field that it would have been.
    pub path: FieldPath,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub fix: String,
}

impl Default for Layout {
    /// Attributes are called like the fields.
    fn default() -> Self {
        let fields = FIELDS.into_iter().chain(METADATA);
        Self {
            name: "name".to_owned(),
            label: false,
            state: "state".to_owned(),
            streaming: vec![RawWord::Text("Streaming".to_owned())],
            ready: vec![RawWord::Text("Ready".to_owned())],
            fields: fields.map(|field| (field, field.to_owned())).collect(),
            references: BTreeMap::new(),
            pool: None,
            local_keys: false,
        }
    }
}

impl Layout {
    /// Every attribute that is read, each once.
    pub fn attributes(&self) -> Vec<&str> {
        let fields = self.fields.values().chain(self.references.values());
        let mut all: Vec<&str> = fields.map(String::as_str).collect();
        all.extend([self.name.as_str(), self.state.as_str()]);
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The tree of the Destination that `item` is, with a [`Node::Hole`] in the place of a mistake.
    pub fn tree(&self, item: &Item) -> (Node, Vec<Mistake>) {
        let mut mistakes = Vec::new();
        let held = |attribute: &str| item.get(attribute).filter(|node| is_there(node)).cloned();
        let mut metadata = Vec::new();
        if let Some(name) = held(&self.name) {
            metadata.push(("name".to_owned(), self.name_of(name)));
        }
        let mut spec = Vec::new();
        if let Some(state) = held(&self.state) {
            spec.push(("state".to_owned(), self.state_of(&state, &mut mistakes)));
        }
        for (field, attribute) in &self.fields {
            let Some(value) = held(attribute) else { continue };
            let part = if METADATA.contains(field) {
                &mut metadata
            } else {
                &mut spec
            };
            part.push(((*field).to_owned(), value));
        }
        if let (false, Some(pool)) = (spec.iter().any(|(field, _)| field == "pool"), &self.pool) {
            spec.push(("pool".to_owned(), Node::Text(pool.clone())));
        }
        let references = self.references.iter();
        let references: Vec<(String, Node)> = references
            .filter_map(|(field, attribute)| Some(((*field).to_owned(), held(attribute)?)))
            .collect();
        if !references.is_empty() {
            spec.push(("streamKeyFrom".to_owned(), Node::Map(references)));
        }
        let text = |text: &str| Node::Text(text.to_owned());
        let tree = Node::Map(vec![
            ("apiVersion".to_owned(), text(API_VERSION)),
            ("kind".to_owned(), text("Destination")),
            ("metadata".to_owned(), Node::Map(metadata)),
            ("spec".to_owned(), Node::Map(spec)),
        ]);
        (tree, mistakes)
    }

    fn name_of(&self, written: Node) -> Node {
        match &written {
            Node::Text(text) if self.label => as_label(text).map_or(written, Node::Text),
            // Ids are often numbers.
            Node::Int(number) if self.label => Node::Text(number.to_string()),
            _ => written,
        }
    }

    fn state_of(&self, value: &Node, mistakes: &mut Vec<Mistake>) -> Node {
        let means = |words: &[RawWord]| words.iter().any(|word| is_word(value, word));
        if means(&self.streaming) {
            return Node::Text("Streaming".to_owned());
        }
        if means(&self.ready) {
            return Node::Text("Ready".to_owned());
        }
        let found = match value {
            Node::Text(text) => shown(text),
            other => other.what().to_owned(),
        };
        mistakes.push(Mistake {
            path: FieldPath::from("spec.state"),
            message: format!("{found} is not a value that means on air or off air"),
            fix: format!(
                "write {}, or list the value in the DestinationTable",
                self.states()
            ),
        });
        Node::Hole
    }

    /// The attribute that holds `path`, and the way on from there; the path itself where no attribute does.
    pub fn attribute_of(&self, path: &FieldPath) -> String {
        let name = |index: usize| match path.0.get(index) {
            Some(Segment::Field(name)) => name.as_str(),
            _ => "",
        };
        let (attribute, used) = match (name(0), name(1), name(2)) {
            ("metadata", "name", _) => (Some(&self.name), 2),
            ("spec", "state", _) => (Some(&self.state), 2),
            ("spec", "streamKeyFrom", field) if self.references.contains_key(field) => {
                (self.references.get(field), 3)
            }
            // What says where to stream to, or where the key is, may be this or that.
            ("spec", "url", _) if !self.fields.contains_key("url") => (self.fields.get("platform"), 2),
            ("spec", "streamKeyFrom", "") if !self.fields.contains_key("streamKeyFrom") => {
                return self.attributes_of_key();
            }
            ("metadata" | "spec", field, _) => (self.fields.get(field), 2),
            _ => (None, 0),
        };
        match attribute {
            None => path.to_string(),
            Some(attribute) => {
                let mut segments = vec![Segment::Field(attribute.clone())];
                segments.extend(path.0[used..].iter().cloned());
                FieldPath(segments).to_string()
            }
        }
    }

    /// The values of the state, for messages.
    fn states(&self) -> String {
        let list = |words: &[RawWord]| {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            words.join(", ")
        };
        format!(
            "{} for on air or {} for off air",
            list(&self.streaming),
            list(&self.ready)
        )
    }

    /// What to do about an item that lacks `path`.
    pub fn how_to_add(&self, path: &FieldPath) -> String {
        let attribute = self.attribute_of(path);
        if *path == FieldPath::from("spec.state") {
            format!("set {attribute} to {}", self.states())
        } else if *path == FieldPath::from("spec.pool") && !self.fields.contains_key("pool") {
            "name a pool in the DestinationTable, or the attribute that does".to_owned()
        } else {
            format!("set {attribute}")
        }
    }

    /// The attributes that hold a stream key or where it is kept, for messages.
    pub fn attributes_of_key(&self) -> String {
        let keys = ["streamKey", "streamKeyFrom"].into_iter();
        let fields = keys.filter_map(|field| self.fields.get(field));
        let all: Vec<&str> = fields
            .chain(self.references.values())
            .map(String::as_str)
            .collect();
        one_of(&all)
    }

    /// The item of the Destination that `tree` is; the fields that no attribute holds, where there are any.
    pub fn item(&self, tree: &Node) -> Result<Item, Vec<String>> {
        let mut item = Item::default();
        let mut lost = Vec::new();
        for part in ["metadata", "spec"] {
            let Some(Node::Map(entries)) = tree.get(part) else {
                continue;
            };
            for (field, value) in entries {
                match (part, field.as_str()) {
                    ("metadata", "name") => item.set(&self.name, value.clone()),
                    ("spec", "state") => item.set(&self.state, self.written_state(value)),
                    ("spec", "pool") if is_text(value, self.pool.as_deref()) => {}
                    (_, field) => self.put(field, value, &mut item, &mut lost),
                }
            }
        }
        if lost.is_empty() { Ok(item) } else { Err(lost) }
    }

    fn put(&self, field: &str, value: &Node, item: &mut Item, lost: &mut Vec<String>) {
        if let Some(attribute) = self.fields.get(field) {
            item.set(attribute, value.clone());
        } else if let ("streamKeyFrom", Node::Map(references)) = (field, value) {
            for (reference, value) in references {
                match self.references.get(reference.as_str()) {
                    Some(attribute) => item.set(attribute, value.clone()),
                    None => lost.push(format!("streamKeyFrom.{reference}")),
                }
            }
        } else {
            lost.push(field.to_owned());
        }
    }

    fn written_state(&self, state: &Node) -> Node {
        let words = match state {
            Node::Text(text) if text == "Streaming" => &self.streaming,
            _ => &self.ready,
        };
        match words.first() {
            Some(RawWord::Text(text)) => Node::Text(text.clone()),
            Some(RawWord::Int(number)) => Node::Int(*number),
            Some(RawWord::Bool(value)) => Node::Bool(*value),
            None => state.clone(),
        }
    }
}

/// Front ends write NULL, or an empty text, for an empty field of a form.
fn is_there(node: &Node) -> bool {
    !matches!(node, Node::Null) && !is_text(node, Some(""))
}

fn is_text(node: &Node, text: Option<&str>) -> bool {
    node.text().is_some_and(|own| Some(own) == text)
}

fn is_word(value: &Node, word: &RawWord) -> bool {
    match (value, word) {
        (Node::Text(value), RawWord::Text(word)) => value == word,
        (Node::Int(value), RawWord::Int(word)) => value == word,
        (Node::Bool(value), RawWord::Bool(word)) => value == word,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Node {
        Node::Text(text.to_owned())
    }

    fn item(attributes: &[(&str, Node)]) -> Item {
        attributes
            .iter()
            .map(|(name, value)| (Arc::from(*name), value.clone()))
            .collect()
    }

    fn front_end() -> Layout {
        Layout {
            name: "id".to_owned(),
            label: true,
            state: "status".to_owned(),
            streaming: vec![RawWord::Text("streaming".to_owned()), RawWord::Bool(true)],
            ready: vec![RawWord::Text("ready".to_owned())],
            fields: BTreeMap::from([
                ("url", "rtmpUrl".to_owned()),
                ("generation", "version".to_owned()),
            ]),
            references: BTreeMap::from([("ssm", "keyParameter".to_owned())]),
            pool: Some("main".to_owned()),
            local_keys: false,
        }
    }

    #[test]
    fn an_item_becomes_the_tree_of_its_destination() {
        let item = item(&[
            ("id", text("Main Stage")),
            ("status", Node::Bool(true)),
            ("rtmpUrl", text("rtmp://a.example/live")),
            ("keyParameter", text("/live/main")),
            ("version", Node::Int(7)),
            ("group", text("not in the layout")),
        ]);
        let (tree, mistakes) = front_end().tree(&item);
        assert!(mistakes.is_empty());
        let (metadata, spec) = (tree.get("metadata").unwrap(), tree.get("spec").unwrap());
        assert_eq!(metadata.get("name").and_then(Node::text), Some("main-stage"));
        assert!(matches!(metadata.get("generation"), Some(Node::Int(7))));
        assert_eq!(spec.get("state").and_then(Node::text), Some("Streaming"));
        assert_eq!(spec.get("pool").and_then(Node::text), Some("main"));
        let key = spec.get("streamKeyFrom").and_then(|from| from.get("ssm"));
        assert_eq!(key.and_then(Node::text), Some("/live/main"));
        assert!(spec.get("group").is_none());
    }

    #[test]
    fn an_unknown_state_is_reported_with_the_known_ones() {
        let item = item(&[("status", text("maybe"))]);
        let (tree, mistakes) = front_end().tree(&item);
        assert!(matches!(tree.get("spec").unwrap().get("state"), Some(Node::Hole)));
        assert!(mistakes[0].message.contains("`maybe`"));
        assert!(mistakes[0].fix.contains("`streaming`, true") && mistakes[0].fix.contains("`ready`"));
    }

    #[test]
    fn empty_texts_and_nulls_are_not_there() {
        let item = item(&[("name", text("a")), ("group", text("")), ("url", Node::Null)]);
        let (tree, _) = Layout::default().tree(&item);
        let spec = tree.get("spec").unwrap();
        assert!(spec.get("group").is_none() && spec.get("url").is_none());
    }

    #[test]
    fn a_path_is_shown_as_the_attribute() {
        let layout = front_end();
        for (path, said) in [
            ("metadata.name", "id"),
            ("spec.state", "status"),
            ("spec.url", "rtmpUrl"),
            ("spec.streamKeyFrom.ssm", "keyParameter"),
            ("spec.streamKeyFrom", "keyParameter"),
            ("spec.group", "spec.group"),
        ] {
            assert_eq!(layout.attribute_of(&FieldPath::from(path)), said);
        }
        let pin = FieldPath::from("spec.slot.channel");
        assert_eq!(Layout::default().attribute_of(&pin), "slot.channel");
    }

    #[test]
    fn what_became_an_item_becomes_the_same_destination_again() {
        let item = item(&[
            ("name", text("a")),
            ("state", text("Ready")),
            ("pool", text("main")),
            ("priority", Node::Int(-3)),
            ("streamKeyFrom", Node::Map(vec![("ssm".to_owned(), text("/a"))])),
        ]);
        let layout = Layout::default();
        let (tree, _) = layout.tree(&item);
        assert!(layout.item(&tree).unwrap() == item);
        // Where an attribute is lacking it says so.
        assert_eq!(front_end().item(&tree).err(), Some(vec!["priority".to_owned()]));
    }
}
