//! `kind: DestinationTable`: a table whose items are Destinations, and which attribute holds what.
//!
//! Items are read the same way as documents: [`Layout::tree`] makes of an item the tree that a YAML document of the same
//! destination has, and mistakes are reported with the names of the attributes.

mod item_id;
mod layout;
pub mod raw;
mod status;
mod validate;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use url::{Host, Url};

pub use item_id::{ItemId, KeyPart};
pub use layout::{Item, Layout, Mistake};
pub use status::{StatusField, StatusLayout};
pub use validate::{NO_TABLE_NAME, instead_of_table_name, validate_table};

use crate::manifest::problem::TABLE;
use crate::model::PoolName;

/// A declared table, valid as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DestinationTable {
    /// Its name among the declared objects.
    pub name: String,
    /// Which table.
    pub place: TablePlace,
    /// Pool of items that name none.
    pub pool: Option<PoolName>,
    /// Time between two reads where there is no stream of changes.
    pub poll: Duration,
    /// Which attribute holds what.
    pub layout: Arc<Layout>,
    /// Where the status goes; `None` where none is written.
    pub status: Option<StatusLayout>,
}

/// Where a table is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TablePlace {
    /// Its name.
    pub table: String,
    /// Its region, where it is not slotwise's own.
    pub region: Option<String>,
    /// Its endpoint, where it is not the region's.
    pub endpoint: Option<String>,
}

impl TablePlace {
    /// As a [`crate::manifest::Location`] names it: `table destinations`.
    pub fn file(&self) -> PathBuf {
        PathBuf::from(self.to_string())
    }

    /// Whether it is on this machine.
    pub fn is_local(&self) -> bool {
        let url = self
            .endpoint
            .as_deref()
            .and_then(|endpoint| Url::parse(endpoint).ok());
        let host = url.as_ref().and_then(Url::host);
        match host {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }
}

/// `table destinations in eu-central-1`.
impl fmt::Display for TablePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{TABLE}{}", self.table)?;
        if let Some(region) = &self.region {
            write!(f, " in {region}")?;
        }
        Ok(())
    }
}
