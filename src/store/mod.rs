//! Where Desired comes from, and status goes back.
//!
//! - [`sources`]: all of it together
//! - [`yaml`]: files, found by [`tree`]
//! - [`tables`]: the tables that files declare, read and written by [`dynamodb`]
//! - [`transfer`]: destinations from files into a table, and back
//! - [`assemble`]: what concerns several objects, and what stands in for one that is not valid now
//! - [`mod@changes`]: what differs between two loads, for people

pub mod assemble;
pub mod changes;
pub mod dynamodb;
pub mod sources;
pub mod tables;
pub mod transfer;
pub mod tree;
pub mod yaml;

pub use changes::{Change, Changed, changes};
pub use sources::{Examined, LoadOptions, Sources};
pub use tables::Tables;
pub use yaml::LoadError;

use std::sync::Arc;

use crate::manifest::{Problem, Rejected};
use crate::model::Desired;
use crate::status::Status;

/// What a source gave.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Everything valid; where an object or a file cannot be read now, its last good state.
    /// `desired.trust` says whether anything is missing without a last good state to stand in for it.
    /// Shared, since each cycle looks at it and hardly any changes it.
    pub desired: Arc<Desired>,
    /// Every mistake, in the order of files and lines.
    pub problems: Vec<Problem>,
    /// Objects that are set aside because of them.
    pub rejected: Vec<Rejected>,
    /// How many tables are declared.
    pub tables: usize,
    /// What held nothing when this process began and holds nothing yet, one sentence: whoever is on air and declared nowhere
    /// may have been declared there.
    pub unsure: Option<String>,
}

/// Somewhere that Desired comes from.
pub trait Source: Send {
    /// Why nothing could be loaded at all.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Reads everything. Where a part cannot be read its last good state stands in for it.
    fn load(&mut self) -> impl Future<Output = Result<Loaded, Self::Error>> + Send;

    /// Whether a load might give something else than the last one did. Cheap; it carries no data.
    fn changed(&mut self) -> impl Future<Output = bool> + Send;

    /// What somebody should know of what was read, and that is no mistake; each once.
    fn warning(&mut self) -> Option<String> {
        None
    }

    /// Takes what is true to where its author sees it. Returns at once; what fails is tried again later.
    fn publish(&mut self, status: &Status);

    /// Waits, for a while, until what was published last has arrived.
    fn finish(&mut self) -> impl Future<Output = ()> + Send;
}
