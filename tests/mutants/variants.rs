//! The mistakes that the simulation has to catch, as `variants.yaml` lists them: for `examples/mutants`, which tries them, and
//! for the test that they fit the source.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A mistake that somebody could make: one edit of one file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variant {
    pub(crate) name: String,
    /// The rule that it breaks, in a sentence.
    pub(crate) breaks: String,
    pub(crate) file: PathBuf,
    /// Text that occurs once in the file.
    pub(crate) find: String,
    pub(crate) replace: String,
}

/// All of them, in the tree at `root`.
pub(crate) fn variants(root: &Path) -> Result<Vec<Variant>, Box<dyn std::error::Error>> {
    let list = fs::read_to_string(root.join("tests/mutants/variants.yaml"))?;
    Ok(serde_yaml::from_str(&list)?)
}
