//! The lease table that replicas share, in memory: what DynamoDB makes of each request, and what can go wrong with it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use slotwise::controller::lease::table::VACANT;
use slotwise::controller::lease::{Answer, Ask, Row, Table, TableError, TableErrorKind};
use tokio::time::{Instant, sleep};

use super::tap::Tap;

/// How long a request and its answer take, each.
const WAY: Duration = Duration::from_millis(10);

/// The row that all replicas contend for.
pub(super) type SharedRow = Arc<Mutex<Option<Row>>>;

/// What a replica gets instead of answers for a while.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trouble {
    pub(super) kind: TableErrorKind,
    /// Whether the table did what it was asked for all the same.
    pub(super) after_effect: bool,
    pub(super) until: Instant,
}

/// The table as one replica reaches it.
#[derive(Debug, Clone)]
pub(super) struct Leases {
    row: SharedRow,
    tap: Tap,
    trouble: Arc<Mutex<Option<Trouble>>>,
}

impl Leases {
    pub(super) fn new(row: SharedRow, tap: Tap) -> Self {
        Self {
            row,
            tap,
            trouble: Arc::default(),
        }
    }

    pub(super) fn set_trouble(&self, trouble: Option<Trouble>) {
        *self.trouble.lock().unwrap() = trouble;
    }

    fn trouble(&self) -> Option<Trouble> {
        self.trouble
            .lock()
            .unwrap()
            .filter(|trouble| Instant::now() < trouble.until)
    }
}

impl Table for Leases {
    fn name(&self) -> Arc<str> {
        "leases".into()
    }

    async fn ask(&self, me: &str, duration: Duration, ask: &Ask) -> Result<Answer, TableError> {
        let writes = !matches!(ask, Ask::Read);
        self.tap.boundary(writes).await;
        sleep(WAY).await;
        let trouble = self.trouble();
        let answer = match trouble {
            Some(trouble) if !trouble.after_effect => None,
            _ => Some(apply(&mut self.row.lock().unwrap(), me, duration, ask)),
        };
        sleep(WAY).await;
        self.tap.boundary(writes).await;
        let refused = |kind| TableError {
            operation: "UpdateItem",
            table: self.name(),
            kind,
            message: String::new(),
            fix: String::new(),
        };
        match (trouble, answer) {
            (None, Some(answer)) => Ok(answer),
            (trouble, _) => Err(refused(
                trouble.map_or(TableErrorKind::TimedOut, |trouble| trouble.kind),
            )),
        }
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
