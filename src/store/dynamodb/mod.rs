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
mod error;
mod reader;
mod rows;
mod stream;
mod value;
mod writer;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use aws_types::SdkConfig;
use tokio::sync::OnceCell;

pub use client::{Description, ItemKey, TableClient};
pub use error::{Kind, TableError};
pub use reader::{Look, Reader};
pub use rows::{Row, Rows, Written};
pub use writer::{Publication, Writer};

use crate::manifest::table::TablePlace;

/// Loads credentials, region and HTTP client.
pub type LoadConfig = dyn Fn() -> Pin<Box<dyn Future<Output = SdkConfig> + Send>> + Send + Sync;

/// How to reach tables. What that needs is loaded when the first one is asked for: most sources have none.
#[derive(Clone)]
pub struct Access {
    load: Arc<LoadConfig>,
    config: Arc<OnceCell<SdkConfig>>,
}

impl Access {
    /// Tables of whatever account `load` gives.
    pub fn new(load: Arc<LoadConfig>) -> Self {
        Self {
            load,
            config: Arc::default(),
        }
    }

    /// The table at `place`.
    pub async fn table(&self, place: &TablePlace) -> TableClient {
        let config = self.config.get_or_init(|| (self.load)()).await;
        TableClient::new(config, place)
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Access")
    }
}
