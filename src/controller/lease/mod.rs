//! Which process may write.
//!
//! One controller per owner writes at a time, any number may look. With a table the lease is a row there, which one
//! process holds for some seconds and renews; without one it is a lock on a local file.
//!
//! ```text
//!   place      where the local file is, and which MediaLive it is about
//!   file       the lock on it
//!   table      the protocol: when to ask the table what, and what its answers mean. Pure, time is an argument
//!   keeper     the task that carries it out, beside the loop
//!   dynamodb   the row in DynamoDB
//!   grants     one-off grants that others hand to the holder: by the row, or beside a local file by a
//!   socket
//!   notes      what a holder leaves to its successor
//! ```
//!
//! What keeps two from writing at once:
//! - the holder counts the lease duration from before its request, every candidate from after it saw the row, each by its
//!   own monotonic clock. So the holder stops before another process can begin, whatever the wall clocks show;
//! - a takeover raises the epoch, under the condition that the row is still as it was seen;
//! - a missing row is made anew without a holder and waited for just as long, since the previous holder may not have
//!   noticed yet;
//! - the gate (`execute::Gate`) refuses a call that could outlast the lease, and the client refuses a request that was
//!   held up until the lease was over.

mod dynamodb;
mod file;
mod grants;
mod keeper;
mod notes;
pub mod place;
mod socket;
pub mod table;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use file::{FileId, FileKeeper};
use grants::Mailbox;
use keeper::Keeper;
pub(super) use notes::Note;
use notes::Notes;

pub use dynamodb::{LeaseRow, LeaseTable};
pub use grants::{Following, GrantOutcome, Grantee, HandError, Handed, Hander, Progress};
pub use place::LockPlace;
pub use table::{
    Answer, Ask, Candidate, How, LeaseState, LeaseTableError, LeaseTableErrorKind, Role, Row, Table,
};

use crate::write_lease::{Holding, WriteLease};

/// How often a locked file is checked while nothing is written, so that its loss is reported soon. It is also checked
/// before each call that changes something.
const FILE_LOOK: Duration = Duration::from_secs(1);

/// Leave to write, for as long as it is held.
#[derive(Debug)]
pub struct Lease {
    kind: LeaseKind,
    mailbox: Arc<Mailbox>,
    notes: Notes,
}

#[derive(Debug)]
enum LeaseKind {
    /// For a controller that only looks.
    Never,
    /// For a world that no other process can reach.
    Alone,
    /// Held as long as the process lives and the file is there.
    File {
        keeper: Arc<FileKeeper>,
        /// When to look at the file next.
        look_at: Instant,
        /// Listens for grants.
        serving: JoinSet<()>,
    },
    /// In a table that others use as well.
    Table(Keeper),
}

/// The process that holds the lease instead of this one.
#[derive(Debug, Clone)]
pub enum Holder {
    /// A process on this machine.
    File {
        /// As it calls itself; may be empty.
        holder: Arc<str>,
        /// Which file it has locked.
        file: FileId,
    },
    /// A process that renews the row.
    Table {
        /// Its id.
        holder: Arc<str>,
        /// Its epoch.
        epoch: u64,
    },
}

/// The lease could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Another process holds the lock.
    #[error("another slotwise holds the lock {}{}", path.display(), in_brackets(holder))]
    Held {
        /// The lock file.
        path: PathBuf,
        /// The holder's name for itself; may be empty.
        holder: Arc<str>,
        /// Which file it is: device and inode.
        file: FileId,
    },
    /// The lock file cannot be made or locked.
    #[error("cannot lock {}", path.display())]
    File {
        /// The lock file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// Something else is in the place of the lock file: a link, a pipe, a device, a directory.
    #[error("{} is not a regular file, so it is not locked", .0.display())]
    NotAFile(PathBuf),
    /// The directory belongs to this service alone, so that a lock there would keep no other process away.
    #[error("{} would be seen by this service only: its /tmp is private (PrivateTmp=)", .0.display())]
    PrivateTmp(PathBuf),
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
    Table(LeaseTableError),
    /// Nothing was decided in time.
    #[error("no holder of the lease is known, and it was not acquired in time")]
    Undecided,
    /// The task that keeps the lease is gone.
    #[error("the lease is no longer kept: a fault of slotwise; please report it")]
    Ended,
}

fn in_brackets(holder: &str) -> String {
    if holder.is_empty() {
        String::new()
    } else {
        format!(" ({holder})")
    }
}

impl LeaseError {
    /// The holder of the lease, where it is known.
    pub fn holder(&self) -> Option<Holder> {
        match self {
            Self::Held { holder, file, .. } => Some(Holder::File {
                holder: Arc::clone(holder),
                file: *file,
            }),
            Self::HeldBy { holder, epoch } => Some(Holder::Table {
                holder: Arc::clone(holder),
                epoch: *epoch,
            }),
            _ => None,
        }
    }
}

impl Lease {
    /// For a controller that only looks: nothing may be written.
    pub fn never() -> Self {
        Self::of(LeaseKind::Never, Arc::default())
    }

    /// For a world that no other process can reach.
    pub fn alone() -> Self {
        Self::of(LeaseKind::Alone, Arc::default())
    }

    /// Takes the lock at `place`, or says at once that another process has it. Needs a runtime: it listens for grants.
    pub fn lock_file(place: &LockPlace) -> Result<Self, LeaseError> {
        let keeper = Arc::new(FileKeeper::take(place)?);
        let mailbox = Arc::default();
        let notes = Notes::in_file(&keeper);
        let kind = LeaseKind::File {
            serving: socket::serve(keeper.id(), Arc::clone(&mailbox)),
            keeper,
            look_at: Instant::now() + FILE_LOOK,
        };
        Ok(Self {
            notes,
            ..Self::of(kind, mailbox)
        })
    }

    /// Contends for the row of `table` from now on.
    pub fn table<T: Table>(table: T, candidate: Candidate) -> Self {
        Self::of(LeaseKind::Table(Keeper::begin(table, candidate)), Arc::default())
    }

    /// The same, by way of which others hand grants to this process while it holds the lease.
    pub fn row(row: LeaseRow, candidate: Candidate) -> Self {
        let mailbox = Arc::default();
        let row = row.delivering_to(Arc::clone(&mailbox));
        let notes = Notes::in_row(row.clone(), Arc::clone(candidate.me()));
        Self {
            notes,
            ..Self::of(LeaseKind::Table(Keeper::begin(row, candidate)), mailbox)
        }
    }

    fn of(kind: LeaseKind, mailbox: Arc<Mailbox>) -> Self {
        let notes = Notes::nowhere();
        Self { kind, mailbox, notes }
    }

    /// What the holder before this process left, once.
    pub(super) fn take_note(&self) -> Option<String> {
        self.notes.take()
    }

    /// What this process leaves to its successor, once it is written.
    pub(super) fn note(&self, text: String) -> Note {
        self.notes.note(text)
    }

    /// What the gate asks.
    pub fn gate(&self) -> Arc<dyn WriteLease> {
        match &self.kind {
            LeaseKind::Never => Arc::new(Nothing),
            LeaseKind::Alone => Arc::new(Always),
            LeaseKind::File { keeper, .. } => Arc::clone(keeper) as Arc<dyn WriteLease>,
            LeaseKind::Table(keeper) => keeper.gate(),
        }
    }

    /// The lease state of this process; `None` without other candidates.
    pub fn state(&self) -> Option<LeaseState> {
        match &self.kind {
            LeaseKind::Never | LeaseKind::Alone | LeaseKind::File { .. } => None,
            LeaseKind::Table(keeper) => Some(keeper.state()),
        }
    }

    /// The name of this process among those that contend.
    pub fn me(&self) -> Option<&str> {
        match &self.kind {
            LeaseKind::Never | LeaseKind::Alone | LeaseKind::File { .. } => None,
            LeaseKind::Table(keeper) => Some(keeper.me()),
        }
    }

    /// This process as the holder, for the giver of a grant.
    pub(super) fn signature(&self) -> String {
        match self.state().map(|state| state.role) {
            Some(Role::Leading { epoch, .. }) => {
                format!("{}, epoch {epoch},", self.me().unwrap_or_default())
            }
            _ => format!("pid {}", std::process::id()),
        }
    }

    /// Whether it never permits a write.
    pub fn is_never(&self) -> bool {
        matches!(self.kind, LeaseKind::Never)
    }

    /// Whether this process is the one to act, by the last report.
    pub fn is_leading(&self) -> bool {
        match &self.kind {
            LeaseKind::Never => false,
            LeaseKind::Alone => true,
            LeaseKind::File { keeper, .. } => keeper.lost().is_none(),
            LeaseKind::Table(keeper) => matches!(keeper.state().role, Role::Leading { .. }),
        }
    }

    /// Returns when the lease state of this process has changed, or it was handed a grant.
    pub async fn changed(&mut self) {
        let arrived = self.mailbox.arrived();
        match &mut self.kind {
            LeaseKind::Never | LeaseKind::Alone => std::future::pending().await,
            LeaseKind::File { keeper, look_at, .. } => tokio::select! {
                () = arrived => {}
                () = lost(keeper, look_at) => {}
            },
            LeaseKind::Table(keeper) => tokio::select! {
                () = arrived => {}
                () = keeper.changed() => {}
            },
        }
    }

    /// Grants that were handed to this process since it was last asked.
    pub(super) fn grants(&self) -> Vec<Handed> {
        self.mailbox.take()
    }

    /// Whether there are any.
    pub(super) fn has_grants(&self) -> bool {
        !self.mailbox.is_empty()
    }

    /// Why the locked file no longer keeps others away, if so.
    pub(super) fn file_lost(&self) -> Option<Arc<str>> {
        match &self.kind {
            LeaseKind::File { keeper, .. } => keeper.lost(),
            LeaseKind::Never | LeaseKind::Alone | LeaseKind::Table(_) => None,
        }
    }

    /// Locks a lost file again, and returns its path. No step that was begun before may continue.
    pub(super) fn lock_again(&mut self) -> Result<PathBuf, LeaseError> {
        let LeaseKind::File { keeper, serving, .. } = &mut self.kind else {
            return Err(LeaseError::Undecided);
        };
        let path = keeper.mend()?;
        *serving = socket::serve(keeper.id(), Arc::clone(&self.mailbox));
        Ok(path)
    }

    /// Waits until this process holds the lease, or another one is known to be alive and to hold it, or the table is
    /// of no use. A holder that does not renew within its lease duration is replaced.
    pub async fn win(&mut self) -> Result<(), LeaseError> {
        match &mut self.kind {
            LeaseKind::Never | LeaseKind::Alone | LeaseKind::File { .. } => Ok(()),
            LeaseKind::Table(keeper) => keeper.win().await,
        }
    }

    /// Gives the lease back, so that another process need not wait until it runs out.
    pub async fn release(&mut self) {
        if let LeaseKind::Table(keeper) = &mut self.kind {
            keeper.release().await;
        }
    }
}

/// Returns when the file is lost. Cancelled and called again, it looks no more often.
async fn lost(keeper: &FileKeeper, look_at: &mut Instant) {
    loop {
        sleep_until(*look_at).await;
        *look_at = Instant::now() + FILE_LOOK;
        if keeper.lost().is_some() {
            return;
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

#[derive(Debug)]
struct Always;

impl WriteLease for Always {
    fn held_for(&self) -> Option<Holding> {
        Some(Holding::default())
    }
}
