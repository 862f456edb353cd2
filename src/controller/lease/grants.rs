//! One-off grants that other processes hand to the holder of the lease: `apply --interrupt` beside a daemon.
//!
//! ```text
//!   apply ── hand ──►  socket   beside a lock file    ┐                        ┌─► a cycle with the grant
//!                      row      of the lease table    ├─► Mailbox ─► controller ┤
//!         ◄─ Progress ─────────────────────────────── ┘                        └─► Handed::report
//! ```
//!
//! A grant is given to the present holder of the lease. A successor does not inherit it: a takeover removes the grants in
//! the row, and a socket ends with its process.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, mpsc};

use super::dynamodb::{GrantOnRow, LeaseRow};
use super::file::FileId;
use super::socket::{self, Line};
use super::{Holder, LeaseTableError};
use crate::model::{Destination, DestinationName, Identity};

/// Grants that the controller has not looked at yet: more than users give within a cycle.
const WAITING_MAX: usize = 32;

/// It is taken, and it ends: each is reported, however soon the other follows.
const REPORTS_MAX: usize = 2;

/// The destination that a grant is for. In tables a name may pass to the item of another tenant: it is the one with both.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grantee {
    /// Its name, as it was when the grant was given.
    pub name: DestinationName,
    /// Its identity.
    pub identity: Identity,
}

impl Grantee {
    /// `destination`, as it is declared now.
    pub fn of(destination: &Destination) -> Self {
        Self {
            name: destination.name.clone(),
            identity: destination.identity.clone(),
        }
    }
}

/// A grant that was handed to this process.
#[derive(Debug)]
pub struct Handed {
    /// The destination whose change may interrupt others.
    pub grantee: Grantee,
    /// The user or process that gave it, for operators.
    pub by: Arc<str>,
    progress: mpsc::Sender<Progress>,
}

/// The progress of a grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Progress {
    /// It waits for the holder's next cycle.
    Waiting,
    /// The holder plans with it.
    Taken {
        /// The holder, for display.
        by: String,
    },
    /// It is over.
    Ended {
        /// How.
        outcome: GrantOutcome,
        /// The destination as it is then, in one sentence.
        message: String,
    },
}

/// How a grant ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum GrantOutcome {
    /// The destination is where it is wanted.
    Done,
    /// Another rule forbids it all the same.
    Refused,
    /// The destination waits for something that no grant gives.
    Waits,
    /// Its time was over first.
    Expired,
    /// The holder declares no such destination.
    Unknown,
    /// The holder declares another destination by this name.
    NameTaken,
}

impl GrantOutcome {
    /// All of them.
    const ALL: [Self; 6] = [
        Self::Done,
        Self::Refused,
        Self::Waits,
        Self::Expired,
        Self::Unknown,
        Self::NameTaken,
    ];

    /// Its stable name.
    pub fn code(self) -> &'static str {
        match self {
            Self::Done => "Done",
            Self::Refused => "Refused",
            Self::Waits => "Waits",
            Self::Expired => "Expired",
            Self::Unknown => "Unknown",
            Self::NameTaken => "NameTaken",
        }
    }

    /// The one with this name.
    pub(super) fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.code() == code)
    }
}

impl Handed {
    /// A grant for `grantee`, and its progress.
    pub fn new(grantee: Grantee, by: impl Into<Arc<str>>) -> (Self, mpsc::Receiver<Progress>) {
        let (progress, followed) = mpsc::channel(REPORTS_MAX);
        let by = by.into();
        let handed = Self {
            grantee,
            by,
            progress,
        };
        (handed, followed)
    }

    /// Reports its progress.
    pub fn report(&self, progress: Progress) {
        // The receiver may be gone.
        self.progress.try_send(progress).ok();
    }
}

/// Grants on their way to the controller.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    waiting: Mutex<VecDeque<Handed>>,
    arrived: Notify,
}

impl Mailbox {
    /// Leaves `grant` for the next cycle; says whether there was room.
    pub(super) fn offer(&self, grant: Handed) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= WAITING_MAX {
            return false;
        }
        waiting.push_back(grant);
        self.arrived.notify_one();
        true
    }

    /// All that arrived since.
    pub(super) fn take(&self) -> Vec<Handed> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.drain(..).collect()
    }

    /// Whether any waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
    }

    /// Returns when there is a new grant.
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
    }
}

/// A grant could not be handed over, or not be followed.
#[derive(Debug, thiserror::Error)]
pub enum HandError {
    /// The holder does not listen for grants, or this process cannot reach it.
    #[error("cannot reach the slotwise that holds the lock")]
    Unreachable(#[source] io::Error),
    /// The holder does not take it.
    #[error("the slotwise that holds the lease refuses the grant: {0}")]
    Refused(String),
    /// The lease table does not do what it should.
    #[error(transparent)]
    Table(#[from] LeaseTableError),
    /// The holder is gone, or another one is in its place.
    #[error("the slotwise that was given the grant no longer holds the lease")]
    HolderGone,
}

/// Hands grants to the holder of the lease.
#[derive(Debug)]
pub enum Hander {
    /// Through the socket that goes with a locked file.
    File(FileId),
    /// Through the row.
    Row {
        /// The row.
        row: LeaseRow,
        /// The holder of the lease.
        holder: Arc<str>,
        /// In which epoch.
        epoch: u64,
    },
}

impl Hander {
    /// The way to `holder`; `row` is the lease's, where there is a table.
    pub fn new(holder: &Holder, row: Option<LeaseRow>) -> Option<Self> {
        match (holder, row) {
            (Holder::File { file, .. }, _) => Some(Self::File(*file)),
            (Holder::Table { holder, epoch }, Some(row)) => Some(Self::Row {
                row,
                holder: Arc::clone(holder),
                epoch: *epoch,
            }),
            (Holder::Table { .. }, None) => None,
        }
    }

    /// Hands a grant for `grantee` over, given by `by`.
    pub async fn hand(&self, grantee: &Grantee, by: &str) -> Result<Following, HandError> {
        Ok(Following(match self {
            Self::File(file) => Way::Socket(socket::hand(*file, grantee, by).await?),
            Self::Row { row, holder, epoch } => Way::Row(row.hand(holder, *epoch, grantee, by).await?),
        }))
    }
}

/// A grant that was handed over.
#[derive(Debug)]
pub struct Following(Way);

#[derive(Debug)]
enum Way {
    Socket(Line),
    Row(GrantOnRow),
}

impl Following {
    /// Its next progress.
    pub async fn next(&mut self) -> Result<Progress, HandError> {
        match &mut self.0 {
            Way::Socket(line) => line.next().await,
            Way::Row(grant) => grant.next().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_grants_wait_than_are_looked_at() {
        let mailbox = Mailbox::default();
        let grant = || {
            let grantee = Grantee {
                name: "a".into(),
                identity: "a".into(),
            };
            Handed::new(grantee, "me").0
        };
        for _ in 0..WAITING_MAX {
            assert!(mailbox.offer(grant()));
        }
        assert!(!mailbox.offer(grant()));
        assert_eq!(mailbox.take().len(), WAITING_MAX);
        assert!(mailbox.offer(grant()));
    }

    #[test]
    fn outcomes_have_names_of_their_own() {
        for outcome in GrantOutcome::ALL {
            assert_eq!(GrantOutcome::of_code(outcome.code()), Some(outcome));
            assert_eq!(
                serde_json::to_string(&outcome).unwrap(),
                format!("\"{}\"", outcome.code())
            );
        }
    }
}
