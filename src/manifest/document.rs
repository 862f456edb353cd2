//! Where an object is written: a document of a YAML file, or an item of a table.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::node::FieldPath;
use super::problem::Location;
use super::table::{ItemId, Layout};
use super::yaml::{self, Spot};

/// Where an object is written.
#[derive(Clone)]
pub enum Document {
    /// In a YAML file.
    Yaml(yaml::Document),
    /// In a table.
    Item(Item),
}

/// An item of a table.
#[derive(Clone)]
pub struct Item {
    /// The table, as [`Location::file`] names it.
    pub table: Arc<Path>,
    /// Which attribute holds what.
    pub layout: Arc<Layout>,
    /// Which of its items.
    pub id: Arc<ItemId>,
    /// Where paths of key files begin: the file that declares the table.
    pub declared_in: Arc<Path>,
}

impl Document {
    /// The file or table that holds it.
    pub fn file(&self) -> &Path {
        match self {
            Self::Yaml(document) => document.file(),
            Self::Item(item) => &item.table,
        }
    }

    /// The file from which paths in it are seen.
    pub fn declared_in(&self) -> &Path {
        match self {
            Self::Yaml(document) => document.file(),
            Self::Item(item) => &item.declared_in,
        }
    }

    /// Whether it is an item of a table.
    pub fn item(&self) -> Option<&Item> {
        match self {
            Self::Yaml(_) => None,
            Self::Item(item) => Some(item),
        }
    }

    /// Whether its content may refer to variables and files of this process: in a file always, in an item only where the
    /// table allows it.
    pub fn may_name_local_keys(&self) -> bool {
        self.item().is_none_or(|item| item.layout.local_keys)
    }

    /// Where it begins.
    pub fn start(&self) -> Location {
        match self {
            Self::Yaml(document) => document.start(),
            Self::Item(item) => item.location(),
        }
    }

    /// Where `path` stands. An item has no lines: [`Document::field`] names the attribute.
    pub fn locate(&self, path: &FieldPath, spot: Spot) -> Location {
        match self {
            Self::Yaml(document) => document.locate(path, spot),
            Self::Item(item) => item.location(),
        }
    }

    /// `path` as its author knows it: a path in a file, an attribute in a table.
    pub fn field(&self, path: &FieldPath) -> String {
        match self {
            Self::Yaml(document) => document.whole_path(path).to_string(),
            Self::Item(item) => item.layout.attribute_of(path),
        }
    }
}

impl Item {
    fn location(&self) -> Location {
        Location {
            file: PathBuf::from(&*self.table),
            item: Some(Arc::clone(&self.id.shown)),
            ..Location::default()
        }
    }
}

impl From<yaml::Document> for Document {
    fn from(document: yaml::Document) -> Self {
        Self::Yaml(document)
    }
}
