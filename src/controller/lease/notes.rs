//! What a holder leaves to its successor: a text that lies beside the lease, in the lock file or in the row.
//!
//! It is for comfort, not for safety: where it cannot be written, or is gone, the successor begins without.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

use super::dynamodb::LeaseRow;
use super::file::FileKeeper;

/// The longest note. A row of DynamoDB holds 400 KB, and is read with each renewal.
pub(super) const NOTE_MAX: usize = 64 * 1024;

/// The place for notes; its clones write in the order in which they were asked.
#[derive(Debug, Clone)]
pub(super) struct Notes {
    place: Place,
    asked: Arc<AtomicU64>,
    written: Arc<Mutex<u64>>,
}

#[derive(Debug, Clone)]
enum Place {
    Nowhere,
    File(Arc<FileKeeper>),
    Row { row: LeaseRow, me: Arc<str> },
}

/// A text to be left.
#[derive(Debug)]
#[must_use = "it is not left before it is written"]
pub(in crate::controller) struct Note {
    notes: Notes,
    number: u64,
    text: String,
}

impl Notes {
    pub(super) fn nowhere() -> Self {
        Self::at(Place::Nowhere)
    }

    pub(super) fn in_file(keeper: &Arc<FileKeeper>) -> Self {
        Self::at(Place::File(Arc::clone(keeper)))
    }

    pub(super) fn in_row(row: LeaseRow, me: Arc<str>) -> Self {
        Self::at(Place::Row { row, me })
    }

    fn at(place: Place) -> Self {
        Self {
            place,
            asked: Arc::default(),
            written: Arc::default(),
        }
    }

    /// What the holder before this process left, once.
    pub(super) fn take(&self) -> Option<String> {
        match &self.place {
            Place::Nowhere => None,
            Place::File(keeper) => keeper.take_note(),
            Place::Row { row, .. } => row.take_note(),
        }
    }

    /// A note of `text`, which replaces the one before once it is written.
    pub(super) fn note(&self, text: String) -> Note {
        Note {
            notes: self.clone(),
            number: self.asked.fetch_add(1, Ordering::Relaxed) + 1,
            text,
        }
    }
}

impl Note {
    /// Writes it, unless a later one was written meanwhile. Takes no longer than any request of the lease.
    pub(in crate::controller) async fn write(self) {
        let mut written = self.notes.written.lock().await;
        if self.number < *written || self.text.len() > NOTE_MAX {
            return;
        }
        match &self.notes.place {
            Place::Nowhere => {}
            Place::File(keeper) => keeper.leave_note(&self.text),
            Place::Row { row, me } => row.leave_note(me, &self.text).await,
        }
        *written = self.number;
    }
}
