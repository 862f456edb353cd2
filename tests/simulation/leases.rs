//! The lease table that replicas share, in memory: what DynamoDB makes of each request, and what can go wrong with it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use slotwise::testing::controller::lease::table::VACANT;
use slotwise::testing::controller::lease::{Answer, Ask, LeaseTableError, LeaseTableErrorKind, Row, Table};
use tokio::time::{Instant, sleep};

use super::tap::Tap;

/// How long a request and its answer take, each.
const WAY: Duration = Duration::from_millis(10);

/// The row that all replicas contend for.
pub(super) type SharedRow = Arc<Mutex<Option<Row>>>;

/// What a replica gets instead of quick answers for a while.
#[derive(Debug, Clone, Copy)]
pub(super) enum Trouble {
    /// None at all.
    Fails {
        kind: LeaseTableErrorKind,
        /// Whether the table did what it was asked for all the same.
        after_effect: bool,
    },
    /// Late ones: a request and its answer take so long, each.
    Slow(Duration),
}

/// The table as one replica reaches it.
#[derive(Debug, Clone)]
pub(super) struct Leases {
    row: SharedRow,
    tap: Tap,
    /// What is wrong, and until when.
    trouble: Arc<Mutex<Option<(Trouble, Instant)>>>,
}

impl Leases {
    pub(super) fn new(row: SharedRow, tap: Tap) -> Self {
        Self {
            row,
            tap,
            trouble: Arc::default(),
        }
    }

    pub(super) fn set_trouble(&self, trouble: Option<(Trouble, Instant)>) {
        *self.trouble.lock().unwrap() = trouble;
    }

    fn trouble(&self) -> Option<Trouble> {
        let (trouble, until) = (*self.trouble.lock().unwrap())?;
        (Instant::now() < until).then_some(trouble)
    }
}

impl Leases {
    fn error(&self, kind: LeaseTableErrorKind) -> LeaseTableError {
        LeaseTableError {
            operation: "UpdateItem",
            table: self.name(),
            kind,
            message: String::new(),
            fix: String::new(),
        }
    }
}

impl Table for Leases {
    fn name(&self) -> Arc<str> {
        "leases".into()
    }

    async fn ask(&self, me: &str, duration: Duration, ask: &Ask) -> Result<Answer, LeaseTableError> {
        let writes = !matches!(ask, Ask::Read);
        let trouble = self.trouble();
        let way = match trouble {
            Some(Trouble::Slow(way)) => way,
            _ => WAY,
        };
        self.tap.boundary(writes).await;
        sleep(way).await;
        let applied = || apply(&mut self.row.lock().unwrap(), me, duration, ask);
        let answer = match trouble {
            Some(Trouble::Fails { kind, after_effect }) => {
                if after_effect {
                    applied();
                }
                Err(self.error(kind))
            }
            Some(Trouble::Slow(_)) | None => Ok(applied()),
        };
        sleep(way).await;
        self.tap.boundary(writes).await;
        answer
    }
}

/// What DynamoDB makes of a request.
fn apply(row: &mut Option<Row>, me: &str, duration: Duration, ask: &Ask) -> Answer {
    let taken = |holder: String, epoch, renewal| Row {
        holder: Some(holder.into()),
        epoch,
        renewal,
        duration,
    };
    match ask {
        Ask::Read => return Answer::Row(row.clone()),
        Ask::Create { epoch } if row.is_none() => *row = Some(taken(format!("{VACANT}{me}"), *epoch, 0)),
        Ask::Acquire { seen, epoch } if row.as_ref() == Some(seen) => {
            *row = Some(taken(me.to_owned(), *epoch, seen.renewal + 1));
        }
        Ask::Create { .. } | Ask::Acquire { .. } => return Answer::Refused,
        Ask::Renew { .. } | Ask::Release => {
            let mine = row.as_mut().filter(|row| row.holder.as_deref() == Some(me));
            let Some(mine) = mine else { return Answer::Refused };
            match ask {
                Ask::Renew { epoch } if mine.epoch == *epoch => mine.renewal += 1,
                Ask::Renew { .. } => return Answer::Refused,
                _ => mine.holder = None,
            }
        }
    }
    Answer::Done
}
