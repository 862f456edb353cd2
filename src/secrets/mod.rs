//! References to stream keys → [`crate::model::Secret`]s.
//!
//! The environment, key files and AWS's stores of secrets are read here and nowhere else. Errors say what could not
//! be read and never what was read.
//!
//! ```text
//!   local            environment and files
//!   remote           what AWS keeps: batches, limits, reading again in the background
//!   cache            what is known of it, and when to ask again   (pure)
//!   ssm              the only file that names the SDK of Systems Manager
//!   secrets_manager  the only file that names the SDK of Secrets Manager
//!   trouble          whatever went wrong ──► one trouble, by code, once
//! ```

mod cache;
mod local;
mod remote;
mod secrets_manager;
mod ssm;
mod trouble;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::aws::Connect;
use crate::manifest::reference::{KeyLookup, KeyReference};
use local::Local;
use remote::Remote;

pub use local::is_exposed;

/// How long a key in AWS is valid before it is read again, by default.
pub const TTL: Duration = Duration::from_mins(5);

/// Looks up stream keys.
#[derive(Debug)]
pub struct Keys {
    local: Local,
    remote: Option<Remote>,
}

impl Keys {
    /// Keys on this machine only.
    pub fn local() -> Self {
        Self {
            local: Local::default(),
            remote: None,
        }
    }

    /// Keys on this machine and in AWS. What AWS keeps is read again after `ttl`.
    pub fn with_aws(ssm: Connect, secrets_manager: Connect, ttl: Duration) -> Self {
        Self {
            local: Local::default(),
            remote: Some(Remote::new(ssm, secrets_manager, ttl)),
        }
    }

    /// The same, without warnings about files that every user can read.
    #[must_use]
    pub fn without_warnings(self) -> Self {
        Self {
            local: self.local.without_warnings(),
            ..self
        }
    }

    /// The lookup of each of `references`, which are all that there are: others are not read again. A key that cannot be read
    /// has its reason; nothing fails as a whole.
    pub async fn look_up(&mut self, references: BTreeSet<KeyReference>) -> BTreeMap<KeyReference, KeyLookup> {
        let Some(remote) = &mut self.remote else {
            return self.local.look_up(references).await;
        };
        let (in_aws, here) = references.into_iter().partition(KeyReference::is_in_aws);
        let (in_aws, mut found) = tokio::join!(remote.look_up(in_aws), self.local.look_up(here));
        found.extend(in_aws);
        found
    }

    /// Reads `references` again when they are looked up next: for a destination that is about to go on air, whose key may
    /// have been replaced a moment ago. Where that fails, the last good key is used.
    pub fn read_again(&mut self, references: &BTreeSet<KeyReference>) {
        if let Some(remote) = &mut self.remote {
            remote.read_again(references);
        }
    }

    /// A warning about the keys that were read, once: that every user can read their files.
    pub fn warning(&mut self) -> Option<String> {
        self.local.warning()
    }

    /// Whether a key changed without anything on this machine telling so: one that AWS keeps is another one now, or
    /// can be read again, or no longer. Cheap: it reads in the background, and only when it is time to.
    pub fn is_due(&mut self) -> bool {
        self.remote.as_mut().is_some_and(Remote::is_due)
    }
}
