//! Looks at a table again and again, in a task of its own.

use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::Access;
use super::client::{Description, Segment, TableClient};
use super::error::{TableError, TableErrorKind};
use super::rows::{ROWS_MAX, Row, Rows};
use super::stream::Stream;
use crate::manifest::table::{DestinationTable, StatusLayout};
use crate::retry::Backoff;

/// Bytes that one segment of a scan reads: two pages.
const SEGMENT_BYTES: u64 = 2 << 20;
/// Segments at most: what a small table's capacity bears.
const SEGMENTS_MAX: u64 = 8;
/// Time between two looks while the stream shows changes.
const SAFETY_INTERVAL: Duration = Duration::from_mins(1);
/// No two looks begin closer together, whatever asks for them.
const LOOK_GAP: Duration = Duration::from_millis(500);
/// How many times as long as it looked it does not look then: a large table is not looked at all the time, however much
/// happens in it.
const LOOK_SHARE: u32 = 3;
/// Time between two looks at what the table is: its size, and whether it has a stream.
const DESCRIBE_INTERVAL: Duration = Duration::from_mins(10);
/// Scans of one look at most. In a table where items are deleted all the time each scan lacks some of the one before.
const SCANS_MAX: usize = 4;
/// Longest time that a look may take with all its pages.
const LOOK_LIMIT: Duration = Duration::from_mins(2);

/// What was seen last.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// The items, as of the last look that worked.
    pub rows: Option<Arc<Rows>>,
    /// Why the newest look did not work; `None` where it did.
    pub failed: Option<TableError>,
    /// Counts the looks that gave something else than the one before.
    pub version: u64,
}

/// The task that looks. It ends when this is dropped.
#[derive(Debug)]
pub struct Reader {
    look: watch::Receiver<Look>,
    _task: JoinSet<()>,
}

impl Reader {
    /// Begins to look at `table`.
    pub fn start(access: Access, table: Arc<DestinationTable>) -> Self {
        let (publish, look) = watch::channel(Look::default());
        let task = Task {
            access,
            table,
            publish,
            stream: None,
            described: None,
            trouble: None,
            filled: None,
            random: ChaCha8Rng::seed_from_u64(0),
        };
        let mut owner = JoinSet::new();
        owner.spawn(task.run());
        Self { look, _task: owner }
    }

    /// What was seen last.
    pub fn look(&self) -> Look {
        self.look.borrow().clone()
    }

    /// How often something else was seen.
    pub fn version(&self) -> u64 {
        self.look.borrow().version
    }

    /// Whether the task still runs; it ends early only by a fault of slotwise.
    pub fn is_alive(&self) -> bool {
        self.look.has_changed().is_ok()
    }

    /// Waits until the table was looked at once, or `limit` is over.
    pub async fn first_look(&mut self, limit: Duration) -> Look {
        let looked = self.look.wait_for(|look| look.version > 0);
        let looked = tokio::time::timeout(limit, looked).await;
        drop(looked);
        self.look()
    }
}

struct Task {
    access: Access,
    table: Arc<DestinationTable>,
    publish: watch::Sender<Look>,
    stream: Option<Stream>,
    described: Option<(Description, Instant)>,
    trouble: Option<Backoff>,
    /// The items of the last look that showed any: what is there after the table was empty may not be all of them yet.
    filled: Option<Arc<Rows>>,
    random: ChaCha8Rng,
}

impl Task {
    async fn run(mut self) {
        let client = self.access.table(&self.table.place).await;
        loop {
            let begun = Instant::now();
            let looked = tokio::time::timeout(LOOK_LIMIT, self.look(&client, begun)).await;
            let looked = looked.unwrap_or_else(|_| Err(timed_out(&client)));
            let ended = Instant::now();
            let next = ended + self.pause_after(&looked);
            let gap = (LOOK_SHARE * (ended - begun)).max(LOOK_GAP);
            self.tell(looked);
            self.wait(next.max(ended + gap), ended + gap).await;
        }
    }

    /// Waits until `next`, or until the stream has news; not less than until `earliest`.
    async fn wait(&mut self, next: Instant, earliest: Instant) {
        match &mut self.stream {
            None => sleep_until(next).await,
            Some(stream) => {
                tokio::select! {
                    () = sleep_until(next) => {}
                    () = stream.news() => sleep_until(earliest.min(next)).await,
                }
            }
        }
    }

    fn pause_after(&mut self, looked: &Result<Rows, TableError>) -> Duration {
        if looked.is_err() {
            let trouble = self.trouble.get_or_insert_with(Backoff::default);
            return trouble.fail(&mut self.random).min(SAFETY_INTERVAL);
        }
        self.trouble = None;
        match &self.stream {
            Some(stream) if stream.is_followed() => SAFETY_INTERVAL.max(self.table.poll),
            _ => self.table.poll,
        }
    }

    /// The items, as of a scan that lacks none of those that the one before it showed. A scan is not atomic: meanwhile
    /// an item can be renamed to where the scan was already, or the table be emptied or filled behind it, and what was read
    /// was never the content of the table. What is really gone is gone a moment later as well.
    async fn look(&mut self, client: &TableClient, begun: Instant) -> Result<Rows, TableError> {
        let description = self.describe(client, begun).await?;
        let before = self.publish.borrow().rows.clone();
        let mut rows = self.scan(client, &description, before.as_ref()).await?;
        // An empty one is not believed, so that there is nothing to be sure of.
        let mut is_sure = match &self.filled {
            Some(filled) => !rows.lacks_some_of(filled),
            None => rows.is_empty(),
        };
        for _ in 1..SCANS_MAX {
            if is_sure {
                break;
            }
            let again = self.scan(client, &description, before.as_ref()).await?;
            is_sure = !again.lacks_some_of(&rows) && again.is_empty() == rows.is_empty();
            rows = again;
        }
        Ok(rows)
    }

    async fn scan(
        &self,
        client: &TableClient,
        description: &Description,
        before: Option<&Arc<Rows>>,
    ) -> Result<Rows, TableError> {
        let begun = Instant::now();
        let segments = (description.bytes / SEGMENT_BYTES + 1).min(SEGMENTS_MAX);
        let segments = i32::try_from(segments).unwrap_or(1);
        let attributes: Arc<[Arc<str>]> = self.attributes(&description.key).into();
        let key: Arc<[Arc<str>]> = description
            .key
            .iter()
            .map(|name| Arc::from(name.as_str()))
            .collect();
        let mut reading = JoinSet::new();
        for number in 0..segments {
            let scan = Scan {
                client: client.clone(),
                table: Arc::clone(&self.table),
                attributes: Arc::clone(&attributes),
                key: Arc::clone(&key),
                before: before.cloned(),
            };
            reading.spawn(async move { scan.read(number, segments).await });
        }
        // A page that fails fails the look: a part of a table looks like a table whose rest was deleted.
        let mut rows = Vec::new();
        while let Some(segment) = reading.join_next().await {
            rows.extend(segment.map_err(|_| timed_out(client))??);
            if rows.len() > ROWS_MAX {
                return Err(too_many(client));
            }
        }
        Ok(Rows::new(rows, description.key.clone(), begun))
    }

    async fn describe(&mut self, client: &TableClient, now: Instant) -> Result<Description, TableError> {
        if let Some((description, at)) = &self.described
            && now < *at + DESCRIBE_INTERVAL
            && self.trouble.is_none()
        {
            return Ok(description.clone());
        }
        let description = client.describe().await?;
        let before = self
            .described
            .as_ref()
            .and_then(|(before, _)| before.stream.clone());
        if self.stream.is_none() || before != description.stream {
            let ours = self.table.status.iter().flat_map(StatusLayout::attributes);
            let ours: Vec<String> = ours.map(str::to_owned).collect();
            self.stream = description
                .stream
                .clone()
                .map(|arn| Stream::new(client.clone(), arn, ours));
        }
        self.described = Some((description.clone(), now));
        Ok(description)
    }

    /// What users write, what slotwise wrote, and the key; each once, or DynamoDB refuses the projection.
    fn attributes(&self, key: &[String]) -> Vec<Arc<str>> {
        let status = self.table.status.iter().flat_map(StatusLayout::attributes);
        let key = key.iter().map(String::as_str);
        let all = self
            .table
            .layout
            .attributes()
            .into_iter()
            .chain(status)
            .chain(key);
        let mut all: Vec<Arc<str>> = all.map(Arc::from).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn tell(&mut self, looked: Result<Rows, TableError>) {
        let looked = looked.map(Arc::new);
        if let Ok(rows) = &looked
            && !rows.is_empty()
        {
            self.filled = Some(Arc::clone(rows));
        }
        self.publish.send_modify(|look| match looked {
            Ok(rows) => {
                let same = look.rows.as_ref().is_some_and(|before| before.is_same(&rows));
                if !same || look.failed.is_some() {
                    look.version += 1;
                }
                look.failed = None;
                look.rows = Some(rows);
            }
            Err(error) => {
                if look.failed.as_ref() != Some(&error) {
                    look.version += 1;
                }
                look.failed = Some(error);
            }
        });
    }
}

/// A scan of a table.
struct Scan {
    client: TableClient,
    table: Arc<DestinationTable>,
    attributes: Arc<[Arc<str>]>,
    key: Arc<[Arc<str>]>,
    before: Option<Arc<Rows>>,
}

impl Scan {
    /// Every row of one segment.
    async fn read(self, number: i32, of: i32) -> Result<Vec<Arc<Row>>, TableError> {
        let mut segment = Segment {
            number,
            of,
            from: None,
        };
        let mut rows = Vec::new();
        loop {
            let page = self.client.scan(&segment, &self.attributes, &self.key).await?;
            for (key, item) in page.items {
                let row = Row::new(key, item, &self.table);
                rows.push(match &self.before {
                    Some(before) => before.shared(row),
                    None => Arc::new(row),
                });
            }
            if rows.len() > ROWS_MAX {
                return Err(too_many(&self.client));
            }
            match page.next {
                None => return Ok(rows),
                next => segment.from = next,
            }
        }
    }
}

fn timed_out(client: &TableClient) -> TableError {
    TableError {
        operation: "Scan",
        table: client.name().to_owned(),
        kind: TableErrorKind::TimedOut,
        message: String::new(),
    }
}

fn too_many(client: &TableClient) -> TableError {
    TableError {
        operation: "Scan",
        table: client.name().to_owned(),
        kind: TableErrorKind::Invalid,
        message: format!("more than {ROWS_MAX} items"),
    }
}
