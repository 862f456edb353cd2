//! Who may write.
//!
//! One controller per owner writes at a time, any number may look. With a table the lease is a row there, which one
//! process holds for some seconds and renews; without one it is a lock on a local file.
//!
//! ```text
//!   file       the lock on a local file
//!   table      the protocol: when to ask the table what, and what its answers mean. Pure, time is an argument
//!   keeper     the task that carries it out, beside the loop
//!   dynamodb   the row in DynamoDB
//! ```
//!
//! What keeps two from writing at once:
//! - the holder counts from before it asked, everybody else from after they saw, each by its own monotonic clock, for the
//!   time that the row states. So the holder stops before anyone else can begin, whatever the wall clocks show;
//! - whoever takes over raises the epoch, under the condition that the row is still as it was seen;
//! - a row that is missing is made anew without a holder and waited for just as long, since whoever held the lease may
//!   not have noticed yet;
//! - the gate (`execute::Gate`) refuses a call that could outlast the lease, and the client refuses a request that was
//!   held up until the lease was over.

mod dynamodb;
mod file;
mod keeper;
pub mod table;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use file::FileLock;
use keeper::Keeper;

pub use dynamodb::{LeaseRow, LeaseTable};
pub use table::{Answer, Ask, Contender, How, Role, Row, Standing, Table, TableError, TableErrorKind};

use crate::execute::{Holding, WriteLease};

/// Leave to write, for as long as it is held.
#[derive(Debug)]
pub struct Lease(Kind);

#[derive(Debug)]
enum Kind {
    /// For a controller that only looks.
    Never,
    /// Held as long as the process lives.
    Always(Option<Arc<FileLock>>),
    /// In a table that others use as well.
    Table(Keeper),
}

/// The lease could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Another process holds the lock.
    #[error("another slotwise holds the lock {}; stop it first, or give this one another --owner-id", .0.display())]
    Held(PathBuf),
    /// The lock file cannot be made or locked.
    #[error("cannot lock {}", path.display())]
    File {
        /// The lock file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// Another process holds the row, and renews it.
    #[error("{holder} holds the lease (epoch {epoch})")]
    HeldBy {
        /// Its id.
        holder: Arc<str>,
        /// Its epoch.
        epoch: u64,
    },
    /// The table does not do what it should.
    #[error(transparent)]
    Table(TableError),
    /// Nothing was decided in time.
    #[error("nobody is known to hold the lease, and it could not be had in time")]
    Undecided,
    /// The task that keeps the lease is gone.
    #[error("the lease is no longer kept: a fault of slotwise; please report it")]
    Ended,
}

impl Lease {
    /// For a controller that only looks: nothing may be written.
    pub fn never() -> Self {
        Self(Kind::Never)
    }

    /// For a world that nobody else can reach.
    pub fn alone() -> Self {
        Self(Kind::Always(None))
    }

    /// Takes the lock on `path`, or says at once that another process has it.
    pub fn lock_file(path: &Path) -> Result<Self, LeaseError> {
        Ok(Self(Kind::Always(Some(Arc::new(FileLock::take(path)?)))))
    }

    /// Contends for the row of `table` from now on.
    pub fn table<T: Table>(table: T, contender: Contender) -> Self {
        Self(Kind::Table(Keeper::begin(table, contender)))
    }

    /// What the gate asks.
    pub fn gate(&self) -> Arc<dyn WriteLease> {
        match &self.0 {
            Kind::Never => Arc::new(Nothing),
            Kind::Always(lock) => Arc::new(Always { _lock: lock.clone() }),
            Kind::Table(keeper) => keeper.gate(),
        }
    }

    /// Where this process stands; `None` for one that does not contend with others.
    pub fn standing(&self) -> Option<Standing> {
        match &self.0 {
            Kind::Never | Kind::Always(_) => None,
            Kind::Table(keeper) => Some(keeper.standing()),
        }
    }

    /// The name of this process among those that contend.
    pub fn me(&self) -> Option<&str> {
        match &self.0 {
            Kind::Never | Kind::Always(_) => None,
            Kind::Table(keeper) => Some(keeper.me()),
        }
    }

    /// Whether nobody may write through it, ever.
    pub fn is_never(&self) -> bool {
        matches!(self.0, Kind::Never)
    }

    /// Whether this process is the one to act, as far as it was told.
    pub fn is_leading(&self) -> bool {
        match &self.0 {
            Kind::Never => false,
            Kind::Always(_) => true,
            Kind::Table(keeper) => matches!(keeper.standing().role, Role::Leading { .. }),
        }
    }

    /// Returns when this process stands elsewhere than before.
    pub async fn changed(&mut self) {
        match &mut self.0 {
            Kind::Never | Kind::Always(_) => std::future::pending().await,
            Kind::Table(keeper) => keeper.changed().await,
        }
    }

    /// Waits until this process holds the lease, or another one is known to be alive and to hold it, or the table is
    /// of no use. A holder that is not heard of for as long as its lease lasts is succeeded.
    pub async fn win(&mut self) -> Result<(), LeaseError> {
        match &mut self.0 {
            Kind::Never | Kind::Always(_) => Ok(()),
            Kind::Table(keeper) => keeper.win().await,
        }
    }

    /// Gives the lease back, so that another process need not wait until it runs out.
    pub async fn release(&mut self) {
        if let Kind::Table(keeper) = &mut self.0 {
            keeper.release().await;
        }
    }
}

#[derive(Debug)]
struct Nothing;

impl WriteLease for Nothing {
    fn held_for(&self) -> Option<Holding> {
        None
    }
}

/// Keeps the lock as long as anybody may ask for it.
#[derive(Debug)]
struct Always {
    _lock: Option<Arc<FileLock>>,
}

impl WriteLease for Always {
    fn held_for(&self) -> Option<Holding> {
        Some(Holding::default())
    }
}
