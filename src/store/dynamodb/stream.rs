//! Following the stream of a table, to know when to look again.
//!
//! Records are not read for what they say. Whatever goes wrong here only means that a change is seen later, by the
//! look that is due anyway.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::time::{Instant, sleep_until};

use super::client::TableClient;
use super::error::TableError;
use crate::retry::Backoff;

/// Time between two questions whether something was written. A shard takes five a second from all readers; with two
/// replicas that leaves one for others.
const ASK_INTERVAL: Duration = Duration::from_millis(500);
/// Time between two looks for new shards, which appear as the table grows; besides whenever one ends.
const SHARDS_INTERVAL: Duration = Duration::from_mins(1);

/// The stream of a table.
pub(super) struct Stream {
    client: TableClient,
    arn: String,
    /// Attributes whose change is no news.
    ours: Vec<String>,
    /// Where each open shard continues; `None` while nothing is known.
    places: Option<BTreeMap<String, String>>,
    /// Shards that were followed to their end.
    ended: BTreeSet<String>,
    shards_due: Instant,
    ask_at: Instant,
    trouble: Option<Backoff>,
    random: ChaCha8Rng,
}

impl Stream {
    pub(super) fn new(client: TableClient, arn: String, ours: Vec<String>) -> Self {
        let now = Instant::now();
        Self {
            client,
            arn,
            ours,
            places: None,
            ended: BTreeSet::new(),
            shards_due: now,
            ask_at: now,
            trouble: None,
            random: ChaCha8Rng::seed_from_u64(0),
        }
    }

    /// Whether it can be relied on to show changes.
    pub(super) fn is_followed(&self) -> bool {
        self.trouble.is_none() && self.places.as_ref().is_some_and(|places| !places.is_empty())
    }

    /// Returns when there may be something new. Can be dropped at any point and called again.
    pub(super) async fn news(&mut self) {
        loop {
            sleep_until(self.ask_at).await;
            let asked = self.ask().await;
            let now = Instant::now();
            match asked {
                Ok(news) => {
                    self.trouble = None;
                    self.ask_at = now + ASK_INTERVAL;
                    if news {
                        return;
                    }
                }
                Err(error) => {
                    tracing::debug!(table = self.client.name(), %error, "the stream cannot be read");
                    let trouble = self.trouble.get_or_insert_with(Backoff::default);
                    self.ask_at = now + trouble.fail(&mut self.random);
                    // Records may have been missed: begun again at the end, after a look.
                    let was_followed = self.places.take().is_some();
                    if was_followed {
                        return;
                    }
                }
            }
        }
    }

    async fn ask(&mut self) -> Result<bool, TableError> {
        let mut news = false;
        if self.places.is_none() || Instant::now() >= self.shards_due {
            news = self.find_shards().await?;
        }
        let places: Vec<(String, String)> = self
            .places
            .iter()
            .flatten()
            .map(|(shard, place)| (shard.clone(), place.clone()))
            .collect();
        for (shard, place) in places {
            let (written, next) = self.client.written_since(&place, &self.ours).await?;
            news |= written;
            let places = self.places.get_or_insert_default();
            if let Some(next) = next {
                places.insert(shard, next);
            } else {
                // The shard has ended; those that follow it may have begun already.
                places.remove(&shard);
                self.ended.insert(shard);
                self.shards_due = Instant::now();
                news = true;
            }
        }
        Ok(news)
    }

    /// Goes to the end of every shard that is open and not followed yet. Whether there were any: what was written to
    /// them before is seen by a look.
    async fn find_shards(&mut self) -> Result<bool, TableError> {
        let mut open = self.client.last_shards(&self.arn).await?;
        self.ended.retain(|shard| open.contains(shard));
        open.retain(|shard| !self.ended.contains(shard));
        let known = self.places.take().unwrap_or_default();
        let mut places = BTreeMap::new();
        let mut is_new = false;
        for shard in open {
            let place = if let Some(place) = known.get(&shard) {
                Some(place.clone())
            } else {
                is_new = true;
                self.client.end_of(&self.arn, &shard).await?
            };
            places.extend(place.map(|place| (shard, place)));
        }
        self.places = Some(places);
        self.shards_due = Instant::now() + SHARDS_INTERVAL;
        Ok(is_new)
    }
}
