//! Writes statuses into items, in a task of its own.
//!
//! The statuses of all items are handed over as a whole after each cycle, and only what differs from an item's content is
//! written: by an update of slotwise's own attributes under the condition that the item exists, so that nothing that users
//! write is touched and nothing they deleted comes back.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::Access;
use super::client::TableClient;
use super::error::TableError;
use super::rows::{Row, Rows, Written};
use crate::manifest::table::{DestinationTable, StatusField, StatusLayout};
use crate::model::Identity;
use crate::retry::Backoff;
use crate::status::DestinationStatus;
use crate::write_lease::WriteLease;

/// Writes under way at once.
const WRITES_MAX: usize = 25;
/// Longest time before a write that failed is tried again.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The statuses to write into the items.
#[derive(Debug, Clone, Default)]
pub struct Publication {
    /// The items as they were seen last.
    pub rows: Option<Arc<Rows>>,
    /// What is true of the destinations in them, by the item: names may be those of other items.
    pub statuses: Vec<(Identity, Arc<DestinationStatus>)>,
}

/// The task that writes. It ends when this is dropped.
#[derive(Debug)]
pub struct Writer {
    /// With the number of the publication.
    publish: watch::Sender<(u64, Publication)>,
    /// Number of the last publication of which nothing is left to write.
    written: watch::Receiver<u64>,
    lease: Arc<dyn WriteLease>,
    _task: JoinSet<()>,
}

impl Writer {
    /// Begins to write to `table` while `lease` is held.
    pub fn start(
        access: Access,
        table: &DestinationTable,
        layout: StatusLayout,
        lease: Arc<dyn WriteLease>,
    ) -> Self {
        let (publish, publication) = watch::channel((0, Publication::default()));
        let (tell_written, written) = watch::channel(0);
        let task = Task {
            layout,
            lease: Arc::clone(&lease),
            publication,
            tell_written,
            compared: 0,
            due: BTreeMap::new(),
            own: BTreeMap::new(),
            writing: JoinSet::new(),
            random: ChaCha8Rng::seed_from_u64(0),
        };
        let place = table.place.clone();
        let mut owner = JoinSet::new();
        owner.spawn(async move {
            let client = access.table(&place).await;
            task.run(client).await;
        });
        Self {
            publish,
            written,
            lease,
            _task: owner,
        }
    }

    /// Hands over the statuses to write. Earlier ones that are not written yet are forgotten.
    pub fn publish(&self, publication: Publication) {
        self.publish.send_modify(|(number, last)| {
            *number += 1;
            *last = publication;
        });
    }

    /// Whether the task still runs; it ends early only by a fault of slotwise.
    pub fn is_alive(&self) -> bool {
        !self.publish.is_closed()
    }

    /// Waits until everything that was handed over is written, or `limit` is over. Whether it is; what is another
    /// process's to write is nothing to wait for.
    pub async fn finish(&mut self, limit: Duration) -> bool {
        if !may_write(&*self.lease) {
            return true;
        }
        let last = self.publish.borrow().0;
        let done = self.written.wait_for(|written| *written >= last);
        tokio::time::timeout(limit, done)
            .await
            .is_ok_and(|done| done.is_ok())
    }
}

/// What is known of an item beyond what a look showed.
struct Own {
    /// What this task wrote, and when the write had ended.
    written: Written,
    at: Instant,
}

/// A write that is due. There may be as many as items, so what it says is put into words when its turn comes.
struct Due {
    row: Arc<Row>,
    status: Arc<DestinationStatus>,
    from: Instant,
    trouble: Option<Box<Backoff>>,
    under_way: bool,
}

struct Ended {
    identity: Identity,
    status: Written,
    /// `None` where the write stopped being this process's to make.
    result: Option<Result<bool, TableError>>,
}

struct Task {
    layout: StatusLayout,
    lease: Arc<dyn WriteLease>,
    publication: watch::Receiver<(u64, Publication)>,
    tell_written: watch::Sender<u64>,
    /// Number of the last publication that was compared with the content of the items.
    compared: u64,
    due: BTreeMap<Identity, Due>,
    own: BTreeMap<Identity, Own>,
    writing: JoinSet<Ended>,
    random: ChaCha8Rng,
}

impl Task {
    async fn run(mut self, client: TableClient) {
        loop {
            self.begin_writes(&client);
            if self.due.is_empty() && self.writing.is_empty() {
                self.tell_written.send_replace(self.compared);
            }
            let wake = self.next_retry();
            tokio::select! {
                changed = self.publication.changed() => match changed {
                    Ok(()) => self.compare(),
                    Err(_) => return,
                },
                Some(ended) = self.writing.join_next() => {
                    match ended {
                        Ok(ended) => self.end(ended),
                        // Which one panicked is not known: all that is due is found out again.
                        Err(_) => self.due.clear(),
                    }
                }
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
            }
        }
    }

    /// Finds out which items are to be written.
    fn compare(&mut self) {
        let (number, publication) = self.publication.borrow_and_update().clone();
        self.compared = number;
        let Some(rows) = publication.rows else { return };
        let now = Instant::now();
        self.own
            .retain(|identity, own| own.at >= rows.begun && rows.find(identity).is_some());
        let mut before = std::mem::take(&mut self.due);
        for (identity, status) in &publication.statuses {
            let Some(row) = rows.find(identity) else { continue };
            // A look that began before a write ended may not have seen it.
            let stands = self.own.get(identity).map_or(&row.written, |own| &own.written);
            let old = before.remove(identity);
            if stands.tells(status, &self.layout) && old.as_ref().is_none_or(|old| !old.under_way) {
                continue;
            }
            let (row, status) = (Arc::clone(row), Arc::clone(status));
            let due = match old {
                Some(old) => Due { row, status, ..old },
                None => Due {
                    row,
                    status,
                    from: now,
                    trouble: None,
                    under_way: false,
                },
            };
            self.due.insert(identity.clone(), due);
        }
    }

    fn begin_writes(&mut self, client: &TableClient) {
        if !may_write(&*self.lease) {
            return;
        }
        let now = Instant::now();
        for (identity, due) in &mut self.due {
            if self.writing.len() >= WRITES_MAX {
                return;
            }
            if due.under_way || due.from > now {
                continue;
            }
            due.under_way = true;
            let own = self.own.get(identity);
            let stands = own.map_or(&due.row.written, |own| &own.written);
            let status = keep_since(Written::of(&due.status, &self.layout), stands);
            let attributes = attributes(&self.layout, &status);
            let (client, row, identity) = (client.clone(), Arc::clone(&due.row), identity.clone());
            let lease = Arc::clone(&self.lease);
            self.writing.spawn(async move {
                let result = while_held(&*lease, client.set(&row.key, &attributes)).await;
                Ended {
                    identity,
                    status,
                    result,
                }
            });
        }
    }

    fn end(&mut self, ended: Ended) {
        let Ended {
            identity,
            status,
            result,
        } = ended;
        let now = Instant::now();
        match result {
            Some(Ok(true)) => {
                let newer = self
                    .due
                    .remove(&identity)
                    .filter(|due| !status.tells(&due.status, &self.layout));
                self.own.insert(
                    identity.clone(),
                    Own {
                        written: status,
                        at: now,
                    },
                );
                if let Some(due) = newer {
                    let due = Due {
                        under_way: false,
                        trouble: None,
                        ..due
                    };
                    self.due.insert(identity, due);
                }
            }
            // Deleted meanwhile: there is nothing to write to.
            Some(Ok(false)) => drop(self.due.remove(&identity)),
            None => {
                if let Some(due) = self.due.get_mut(&identity) {
                    due.under_way = false;
                }
            }
            Some(Err(error)) => {
                tracing::warn!(item = %identity, %error, fix = error.fix(), "a status is not written yet");
                if let Some(due) = self.due.get_mut(&identity) {
                    due.under_way = false;
                    let trouble = due.trouble.get_or_insert_default();
                    due.from = now + trouble.fail(&mut self.random).min(LONGEST_PAUSE);
                }
            }
        }
    }

    fn next_retry(&self) -> Option<Instant> {
        if !may_write(&*self.lease) || self.writing.len() >= WRITES_MAX {
            return None;
        }
        let waiting = self.due.values().filter(|due| !due.under_way);
        waiting.map(|due| due.from).min()
    }
}

/// Whether statuses are this process's to write. Another one may take over while a write is on its way: it writes what
/// is true itself then, as soon as it sees what stands there.
fn may_write(lease: &dyn WriteLease) -> bool {
    let holding = lease.held_for();
    holding.is_some_and(|holding| holding.until.is_none_or(|until| Instant::now() < until))
}

/// The result of `write`, unless the lease ends before: after a suspension of the machine no attempt continues.
async fn while_held<T>(lease: &dyn WriteLease, write: impl Future<Output = T>) -> Option<T> {
    let mut write = pin!(write);
    poll_fn(|context| {
        if may_write(lease) {
            write.as_mut().poll(context).map(Some)
        } else {
            Poll::Ready(None)
        }
    })
    .await
}

/// A phase that the item has already keeps its time, whichever process wrote it.
fn keep_since(status: Written, stands: &Written) -> Written {
    match stands.get(StatusField::Since) {
        Some(since) if status.get(StatusField::Phase) == stands.get(StatusField::Phase) => {
            status.with(StatusField::Since, Some(since))
        }
        _ => status,
    }
}

/// `status` as attributes of an item.
fn attributes(layout: &StatusLayout, status: &Written) -> BTreeMap<String, AttributeValue> {
    let value = |field: StatusField| match status.get(field) {
        None => AttributeValue::Null(true),
        Some(text) if field == StatusField::ObservedGeneration => AttributeValue::N(text.to_owned()),
        Some(text) => AttributeValue::S(text.to_owned()),
    };
    let parts = layout.parts.iter();
    let mut attributes: BTreeMap<String, AttributeValue> = parts
        .map(|(field, attribute)| (attribute.clone(), value(*field)))
        .collect();
    if let Some(map) = &layout.map {
        let fields = StatusField::ALL
            .into_iter()
            .filter(|field| status.get(*field).is_some());
        let entries = fields.map(|field| (field.name().to_owned(), value(field)));
        attributes.insert(map.clone(), AttributeValue::M(entries.collect()));
    }
    attributes
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::time::sleep;

    use super::*;
    use crate::write_lease::Holding;

    #[derive(Debug)]
    struct Until(Instant);

    impl WriteLease for Until {
        fn held_for(&self) -> Option<Holding> {
            let until = Some(self.0);
            Some(Holding {
                until,
                ..Holding::default()
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_was_begun_does_not_go_on_once_another_process_may_write() {
        let attempts = AtomicU32::new(0);
        let write = async {
            for _ in 0..3 {
                attempts.fetch_add(1, Ordering::Relaxed);
                sleep(Duration::from_secs(10)).await;
            }
        };
        let lease = Until(Instant::now() + Duration::from_secs(15));
        assert_eq!(while_held(&lease, write).await, None);
        assert_eq!(attempts.into_inner(), 2);
        let held = Until(Instant::now() + Duration::from_secs(15));
        assert_eq!(while_held(&held, async { 7 }).await, Some(7));
    }
}
