//! A document as a tree, and paths into it. No positions: they are looked up when a problem is reported.

use std::fmt;

use serde::{Serialize, Serializer};

use super::words::is_harmless;

/// A value as it was written. Has no `Debug`: any of its texts may be a key.
#[derive(Clone, Default, PartialEq)]
pub enum Node {
    /// Nothing, `null` or `~`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping in its order; a key that is written twice is here twice.
    Map(Vec<(String, Node)>),
    /// In the place of a mistake that was cut out: it decodes as any type, so that the search for mistakes continues.
    Hole,
}

impl Node {
    /// The value of `key`, where this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match self {
            Self::Map(entries) => entries
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text, where this is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What it is, in words: `a list`.
    pub fn what(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
            Self::Hole => "a mistake",
        }
    }

    /// The node at `path`; `None` where it does not exist.
    pub fn at_mut(&mut self, path: &[Segment]) -> Option<&mut Node> {
        let Some((first, rest)) = path.split_first() else {
            return Some(self);
        };
        match (self, first) {
            (Self::Map(entries), Segment::Field(name)) => entries
                .iter_mut()
                .find(|(key, _)| key == name)
                .and_then(|(_, value)| value.at_mut(rest)),
            (Self::List(items), Segment::Index(index)) => {
                items.get_mut(*index).and_then(|item| item.at_mut(rest))
            }
            _ => None,
        }
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null | Self::Hole => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(number) => serializer.serialize_i128(*number),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => serializer.collect_seq(items),
            Self::Map(entries) => serializer.collect_map(entries.iter().map(|(key, value)| (key, value))),
        }
    }
}

/// One step into a tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    /// Into a mapping.
    Field(String),
    /// Into a list, from 0.
    Index(usize),
}

/// A path into a tree, in the usual notation: `spec.disruption.windows[0].cron`. A field name that could be a key is
/// shown as `…`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldPath(pub Vec<Segment>);

impl FieldPath {
    /// This path and one field further.
    #[must_use]
    pub fn field(&self, name: &str) -> Self {
        let mut path = self.clone();
        path.0.push(Segment::Field(name.to_owned()));
        path
    }

    /// This path and one item further.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        let mut path = self.clone();
        path.0.push(Segment::Index(index));
        path
    }

    /// The path that this one continues by one step; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        let (_, most) = self.0.split_last()?;
        Some(Self(most.to_vec()))
    }

    /// Whether this is `other` or leads on from it.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }
}

/// Field names with dots between: `spec.slots.parkingUrl`.
impl From<&str> for FieldPath {
    fn from(text: &str) -> Self {
        let fields = text.split('.').filter(|name| !name.is_empty());
        Self(fields.map(|name| Segment::Field(name.to_owned())).collect())
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Field(name) => {
                    let dot = if position == 0 { "" } else { "." };
                    let name = if is_harmless(name) { name } else { "…" };
                    write!(f, "{dot}{name}")?;
                }
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}
