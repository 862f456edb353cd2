//! The built binary: both of its streams, its exit codes, its signals.

pub(crate) mod changes;
mod docs;
mod first_hour;
mod init;
mod offline;
mod paths;
mod plans;
mod replay;
mod routers;
mod signals;
mod streams;
pub(crate) mod tool;
mod watching;
