//! A lease table in memory.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use slotwise::testing::controller::lease::table::VACANT;
use slotwise::testing::controller::lease::{Answer, Ask, LeaseTableError, LeaseTableErrorKind, Row, Table};
use tokio::time::sleep;

/// What DynamoDB makes of a request.
pub(super) fn apply(row: &mut Option<Row>, me: &str, duration: Duration, ask: &Ask) -> Answer {
    match ask {
        Ask::Read => Answer::Row(row.clone()),
        Ask::Create { epoch } if row.is_none() => {
            *row = Some(Row {
                holder: Some(format!("{VACANT}{me}").into()),
                epoch: *epoch,
                renewal: 0,
                duration,
            });
            Answer::Done
        }
        Ask::Acquire { seen, epoch } if row.as_ref() == Some(seen) => {
            *row = Some(Row {
                holder: Some(me.into()),
                epoch: *epoch,
                renewal: seen.renewal + 1,
                duration,
            });
            Answer::Done
        }
        Ask::Create { .. } | Ask::Acquire { .. } => Answer::Refused,
        Ask::Renew { epoch } => match row {
            Some(row) if row.holder.as_deref() == Some(me) && row.epoch == *epoch => {
                row.renewal += 1;
                Answer::Done
            }
            _ => Answer::Refused,
        },
        Ask::Release => match row {
            Some(row) if row.holder.as_deref() == Some(me) => {
                row.holder = None;
                Answer::Done
            }
            _ => Answer::Refused,
        },
    }
}

/// A table in memory that several candidates share; each may lose touch with it.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    row: Arc<Mutex<Option<Row>>>,
    /// What this candidate gets instead of an answer.
    trouble: Arc<Mutex<Option<LeaseTableErrorKind>>>,
    is_broken: Arc<AtomicBool>,
}

impl Memory {
    /// The same table, as another process reaches it.
    pub(super) fn for_another(&self) -> Self {
        Self {
            row: Arc::clone(&self.row),
            ..Self::default()
        }
    }

    /// The next request panics.
    pub(super) fn break_down(&self) {
        self.is_broken.store(true, Ordering::Relaxed);
    }

    /// Writes the row by hand.
    pub(super) fn set_row(&self, row: Row) {
        *self.row.lock().unwrap() = Some(row);
    }

    pub(super) fn set_trouble(&self, trouble: Option<LeaseTableErrorKind>) {
        *self.trouble.lock().unwrap() = trouble;
    }
}

impl Table for Memory {
    fn name(&self) -> Arc<str> {
        "leases".into()
    }

    async fn ask(&self, me: &str, duration: Duration, ask: &Ask) -> Result<Answer, LeaseTableError> {
        sleep(Duration::from_millis(10)).await;
        assert!(
            !self.is_broken.load(Ordering::Relaxed),
            "a defect, made for this test"
        );
        let trouble = *self.trouble.lock().unwrap();
        if let Some(kind) = trouble {
            return Err(LeaseTableError {
                operation: "UpdateItem",
                table: self.name(),
                kind,
                message: String::new(),
                fix: String::new(),
            });
        }
        let answer = apply(&mut self.row.lock().unwrap(), me, duration, ask);
        sleep(Duration::from_millis(10)).await;
        Ok(answer)
    }
}
