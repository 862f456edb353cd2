//! The mistakes that the simulation has to catch, as `variants.yaml` lists them: for `examples/mutants`, which tries them, and
//! for the test that they fit the source.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A deliberate defect.
#[derive(Debug, Deserialize)]
pub(crate) struct Variant {
    pub(crate) name: String,
    /// The rule that it breaks, in a sentence.
    pub(crate) breaks: String,
    #[serde(flatten)]
    edit: Edit,
    /// A second mistake, without which the first one would not show.
    also: Option<Edit>,
    /// Which lives have to catch it.
    #[serde(default)]
    pub(crate) lives: Lives,
}

/// Kinds of lives.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Lives {
    /// Weeks of ChannelPools.
    #[default]
    Channels,
    /// Hours of RouterPools beside a ChannelPool.
    Routers,
}

/// An edit of a file.
#[derive(Debug, Deserialize)]
pub(crate) struct Edit {
    pub(crate) file: PathBuf,
    /// Text that occurs once in the file.
    pub(crate) find: String,
    pub(crate) replace: String,
}

impl Variant {
    /// Its edits, of one file each.
    pub(crate) fn edits(&self) -> impl Iterator<Item = &Edit> {
        std::iter::once(&self.edit).chain(&self.also)
    }
}

/// All of them, in the tree at `root`.
pub(crate) fn variants(root: &Path) -> Result<Vec<Variant>, Box<dyn std::error::Error>> {
    let list = fs::read_to_string(root.join("tests/mutants/variants.yaml"))?;
    Ok(serde_yaml::from_str(&list)?)
}
