//! DynamoDB tables as a source: items → Destinations, and their status back into the items.
//!
//! ```text
//!   stream ─ "look again" ─┐
//!   time is up ────────────┴─► reader ── rows, or why there are none ──► load
//!                              (a task of its own per table)
//!   status of each cycle ────► writer ── conditional updates, only what changed, only with the lease
//! ```
//!
//! Neither holds up the loop: a load takes the rows of the last look, and what cannot be written is written later.

mod client;
mod create;
mod error;
mod probe;
mod reader;
mod rows;
mod stream;
mod value;
mod writer;

use std::sync::Arc;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::SdkConfig;
use aws_types::region::Region;
use tokio::sync::OnceCell;

pub use client::{Description, TableClient};
pub use create::{Created, KEY};
pub use error::{TableError, TableErrorKind};
pub use reader::{Look, Reader};
pub use rows::{Row, Rows};
pub use writer::{Publication, Writer};

use crate::aws::Connect;
use crate::manifest::table::TablePlace;

/// How to reach tables. What that needs is loaded when the first one is asked for: most sources have none.
#[derive(Debug, Clone)]
pub struct Access {
    connect: Connect,
    /// For a table at an endpoint on this machine, which accepts any; `None` where credentials were given.
    placeholder: Option<SharedCredentialsProvider>,
    /// Endpoint of streams, where it is not what the SDK takes.
    streams: Option<String>,
    config: Arc<OnceCell<SdkConfig>>,
}

impl Access {
    /// Tables that `connect` reaches.
    pub fn new(connect: Connect) -> Self {
        Self {
            connect,
            placeholder: None,
            streams: None,
            config: Arc::default(),
        }
    }

    /// With `credentials` for tables at endpoints on this machine.
    #[must_use]
    pub fn with_placeholder(mut self, credentials: SharedCredentialsProvider) -> Self {
        self.placeholder = Some(credentials);
        self
    }

    /// With the streams of tables at `endpoint`, unless a table names an endpoint of its own.
    #[must_use]
    pub fn with_streams_at(mut self, endpoint: String) -> Self {
        self.streams = Some(endpoint);
        self
    }

    /// The table at `place`.
    pub async fn table(&self, place: &TablePlace) -> TableClient {
        let config = self.config.get_or_init(|| self.connect.config()).await;
        match &self.placeholder {
            Some(credentials) if place.is_local() => {
                let builder = config.to_builder().credentials_provider(credentials.clone());
                let region = config.region().cloned();
                let region = region.unwrap_or_else(|| Region::new("us-east-1"));
                TableClient::new(&builder.region(region).build(), place, None)
            }
            _ => TableClient::new(config, place, self.streams.as_deref()),
        }
    }
}
