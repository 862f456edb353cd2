//! The built binary: both of its streams, its exit codes, its signals.

pub(crate) mod changes;
mod docs;
mod offline;
mod plans;
mod replay;
pub(crate) mod tool;
