//! Files that are looked at again and again.

use std::time::Duration;

use super::tree::Fingerprint;
use super::{LoadError, Loaded, Source, YamlSource};
use crate::model::OwnerId;

/// Longest time that a look at the files may take. Each is a stat per file.
const LOOK_LIMIT: Duration = Duration::from_secs(5);

/// YAML files on behalf of one owner, with what they looked like when they were last read.
pub struct WatchedYaml {
    source: YamlSource,
    owner: OwnerId,
    seen: Option<Fingerprint>,
}

impl WatchedYaml {
    /// Watches `source` for `owner`.
    pub fn new(source: YamlSource, owner: OwnerId) -> Self {
        Self {
            source,
            owner,
            seen: None,
        }
    }

    /// What the files look like now; `None` where they do not answer in time.
    async fn fingerprint(&self) -> Option<Fingerprint> {
        let watch = self.source.watch();
        let look = tokio::task::spawn_blocking(move || watch.fingerprint());
        tokio::time::timeout(LOOK_LIMIT, look).await.ok()?.ok()
    }
}

impl Source for WatchedYaml {
    type Error = LoadError;

    async fn load(&mut self) -> Result<Loaded, LoadError> {
        if self.seen.is_none() {
            // Finds the key files, which are watched as well.
            self.source.load(&self.owner).await?;
        }
        // Taken before reading: what changes while it is read is seen as a change afterwards.
        self.seen = self.fingerprint().await;
        self.source.load(&self.owner).await
    }

    async fn changed(&mut self) -> bool {
        if self.source.keys_are_due() {
            return true;
        }
        // Files that do not answer are read, which fails with a message of its own.
        self.fingerprint().await.is_none_or(|now| self.seen != Some(now))
    }
}
