//! Where Desired comes from, and status goes back.
//!
//! - [`sources`]: all of it together
//! - [`yaml`]: files, found by [`tree`]
//! - [`watch`]: whether they may have changed
//! - [`tables`]: the tables that files declare, read and written by [`dynamodb`]
//! - [`transfer`]: destinations from files into a table, and back
//! - [`assemble`]: rules about several objects, and the last good state of one that is not valid now
//! - [`mod@changes`]: what differs between two loads, for display

pub mod assemble;
pub mod changes;
pub mod dynamodb;
pub mod sources;
pub mod tables;
pub mod transfer;
pub mod tree;
pub mod watch;
pub mod yaml;

pub use changes::{Change, changes};
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
    /// `desired.trust` says whether anything is missing without a last good state.
    /// Shared, since each cycle looks at it and hardly any changes it.
    pub desired: Arc<Desired>,
    /// Every mistake, in the order of files and lines. Shared likewise.
    pub problems: Arc<[Problem]>,
    /// Objects that are set aside because of them.
    pub rejected: Vec<Rejected>,
    /// How many tables are declared.
    pub tables: usize,
    /// Sources that held nothing when this process began and hold nothing yet, one sentence: a destination on air that is not
    /// declared may have been declared there.
    pub unsure: Option<String>,
}

/// Somewhere that Desired comes from.
pub trait Source: Send {
    /// Why nothing could be loaded at all.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Reads everything. Where a part cannot be read its last good state is used.
    fn load(&mut self) -> impl Future<Output = Result<Loaded, Self::Error>> + Send;

    /// Whether it is worth asking for a change now. Next to free: it is asked several times a second.
    fn may_have_changed(&mut self) -> bool {
        true
    }

    /// Whether a load might give something else than the last one did. Looks afresh; it carries no data.
    fn changed(&mut self) -> impl Future<Output = bool> + Send;

    /// A warning about what was read that is no mistake; each once.
    fn warning(&mut self) -> Option<String> {
        None
    }

    /// Takes what is true to where its author sees it. Returns at once; what fails is tried again later.
    fn publish(&mut self, status: &Status);

    /// Waits, for a while, until what was published last has arrived.
    fn finish(&mut self) -> impl Future<Output = ()> + Send;
}
