//! The built binary: both of its streams, its exit codes, its signals.

mod changes;
mod docs;
mod offline;
mod plans;
pub(crate) mod tool;
