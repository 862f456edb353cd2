//! References to stream keys → [`crate::model::Secret`]s.
//!
//! The environment, key files and AWS's stores of secrets are read here and nowhere else. Errors say what could not
//! be read and never what was read.

mod local;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::manifest::reference::{KeyLookup, KeyReference};

pub use local::{KeyError, resolve};

/// Longest time that reading the keys on this machine may take: a network mount that hangs must not hold up what is
/// on air.
const READ_LIMIT: Duration = Duration::from_secs(10);

/// Looks up stream keys.
#[derive(Debug)]
pub struct Keys {
    /// A read of key files that took too long, and still holds a thread.
    hanging: Option<JoinHandle<BTreeMap<KeyReference, KeyLookup>>>,
}

impl Keys {
    /// Keys on this machine only.
    pub fn local() -> Self {
        Self { hanging: None }
    }

    /// What became of each of `references`. What cannot be read is said to be so; nothing fails as a whole.
    pub async fn look_up(&mut self, references: BTreeSet<KeyReference>) -> BTreeMap<KeyReference, KeyLookup> {
        if references.is_empty() {
            return BTreeMap::new();
        }
        // A thread that hangs is waited for, so that there is never more than one. What it brings is old news.
        if let Some(hanging) = &mut self.hanging {
            if tokio::time::timeout(READ_LIMIT, hanging).await.is_err() {
                return timed_out(references);
            }
            self.hanging = None;
        }
        let asked = references.clone();
        let look_up = |reference: KeyReference| {
            let found = local::look_up(&reference);
            (reference, found)
        };
        let thread = tokio::task::spawn_blocking(move || asked.into_iter().map(look_up).collect());
        let thread = self.hanging.insert(thread);
        let Ok(ended) = tokio::time::timeout(READ_LIMIT, thread).await else {
            return timed_out(references);
        };
        self.hanging = None;
        ended.unwrap_or_else(|_| timed_out(references))
    }

    /// Whether a key may have changed without anything on this machine telling so: one that AWS keeps is to be read
    /// again. Cheap.
    pub fn is_due(&self) -> bool {
        false
    }
}

fn timed_out(references: BTreeSet<KeyReference>) -> BTreeMap<KeyReference, KeyLookup> {
    let missing = KeyLookup::Missing {
        what: format!("reading the keys took longer than {} s", READ_LIMIT.as_secs()),
        fix: "look at the mount that the key files are on".to_owned(),
    };
    references
        .into_iter()
        .map(|reference| (reference, missing.clone()))
        .collect()
}
