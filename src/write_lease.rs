//! Leave to write: one process per owner has it at a time.
//!
//! Asked for by the gate that every mutating call passes, and by what writes statuses into tables; kept by `controller::lease`.

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

/// Leave to write at all.
pub trait WriteLease: fmt::Debug + Send + Sync {
    /// What is held at this moment, if anything.
    fn held_for(&self) -> Option<Holding>;
}

/// A lease that is held.
#[derive(Debug, Clone, Default)]
pub struct Holding {
    /// When it ends unless it is renewed, by the monotonic clock; `None` for one that ends with the process.
    pub until: Option<Instant>,
    /// Holder and epoch, as the calls made under it are stamped; `None` where there are none.
    pub stamp: Option<Arc<str>>,
    /// How often it has changed hands; 0 for one that does not count that.
    pub epoch: u64,
}
