//! Whether all that [`controller`](crate::controller)s need is there: credentials, permissions, tables, channels, keys.
//!
//! ```text
//!   account    credentials, their identity, region                   ┐
//!   service    MediaLive: its clock, permissions, quota               ├─► Checks, in this order ─► render::doctor
//!   declared   sources, keys;  tables  those of destinations, lease   │
//!   pools      channels, their slots and owners                       │
//!   routers    MediaConnect, for RouterPools: inputs, interfaces      ┘
//! ```
//!
//! Nothing is changed: a call that changes something is tried on a channel, or an item, that does not exist
//! ([`crate::medialive::Rehearsal`]). Checks run side by side, each for a limited time, and one that fails hides no
//! other.

pub mod account;
mod check;
mod declared;
mod make;
mod pools;
mod problems;
mod routers;
mod service;
mod sources;
mod tables;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use account::Account;
pub use check::{Check, CheckOutcome, Tally};

use crate::controller::Clock;
use crate::mediaconnect::MediaConnect;
use crate::medialive::{Home, MediaLive};
use crate::model::OwnerId;
use crate::store::Sources;
use crate::store::dynamodb::Access;

/// Longest time that one thing is waited for.
pub const LIMIT: Duration = Duration::from_secs(10);

/// What is looked at.
pub struct Patient {
    /// How AWS is reached; `None` for an emulator inside this process.
    pub account: Option<Account>,
    /// MediaLive; `None` where no region is set.
    pub medialive: Option<MediaLive>,
    /// MediaConnect, asked where a RouterPool is declared; `None` where no region is set.
    pub mediaconnect: Option<MediaConnect>,
    /// An endpoint of MediaLive other than the region's, and the flag or variable that names it.
    pub endpoint: Option<String>,
    /// What is declared.
    pub sources: Option<Sources>,
    /// How tables are reached.
    pub tables: Access,
    /// The table of the lease.
    pub lease_table: Option<String>,
    /// The owner of the channels.
    pub owner: OwnerId,
    /// Channels that are described at once.
    pub concurrency: usize,
    /// What time it is here.
    pub clock: Clock,
}

/// Looks at everything, and says in `under_way` what is being waited for.
pub async fn examine(patient: Patient, under_way: &UnderWay) -> Vec<Check> {
    let Patient {
        account,
        medialive,
        mediaconnect,
        endpoint,
        sources,
        tables,
        lease_table,
        owner,
        concurrency,
        clock,
    } = patient;
    let (account, service, declared, lease) = tokio::join!(
        Box::pin(account::examine(account.as_ref(), clock.now(), under_way)),
        Box::pin(service::examine(
            medialive.as_ref(),
            endpoint.as_deref(),
            account.is_none(),
            &clock,
            under_way
        )),
        Box::pin(declared::examine(sources, &tables, under_way)),
        Box::pin(tables::lease(lease_table.as_deref(), &tables, &owner, under_way)),
    );
    let home = service.home().or(account.home);
    let desired = declared.desired.as_deref();
    // The channel in front says how an input is made that takes it.
    let in_front = async {
        let sources = sources::examine(desired, service.reached(medialive.as_ref()), under_way).await;
        let routers = routers::examine(
            desired,
            mediaconnect.as_ref(),
            endpoint.as_deref(),
            &sources.fronts,
            clock.now(),
            under_way,
        );
        let routers = Box::pin(routers).await;
        (sources.checks, routers)
    };
    let (asked, pools, (sources, routers)) = tokio::join!(
        Box::pin(service.rehearse(home.as_ref(), &owner, under_way)),
        Box::pin(pools::examine(
            desired,
            service.reached(medialive.as_ref()),
            concurrency,
            clock.now(),
            under_way
        )),
        Box::pin(in_front),
    );
    let mut checks = account.checks;
    let quota = service.quota(&pools.missing);
    checks.extend(service.checks);
    checks.extend(asked.checks(&owner, pools.adopts));
    checks.extend(quota);
    checks.extend(declared.checks);
    checks.extend(lease);
    checks.extend(pools.checks);
    checks.extend(sources);
    checks.extend(routers);
    checks
}

/// What a part of the examination found of the account.
struct Found {
    checks: Vec<Check>,
    home: Option<Home>,
}

/// What is being waited for. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct UnderWay(Arc<Mutex<BTreeSet<String>>>);

impl UnderWay {
    /// The names of it, in order.
    pub fn names(&self) -> Vec<String> {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.iter().cloned().collect()
    }

    /// What `work` gives, which has limits of its own.
    fn show<'a, T: 'a>(
        &'a self,
        name: &'a str,
        work: impl Future<Output = T> + 'a,
    ) -> impl Future<Output = T> + 'a {
        // A call of the SDK is a future of many kilobytes.
        let work = Box::pin(work);
        async move {
            self.set(name, true);
            let ended = work.await;
            self.set(name, false);
            ended
        }
    }

    /// What `work` gives, unless it takes longer than [`LIMIT`].
    fn wait_for<'a, T: 'a>(
        &'a self,
        name: &'a str,
        work: impl Future<Output = T> + 'a,
    ) -> impl Future<Output = Result<T, TookTooLong>> + 'a {
        let limited = self.show(name, tokio::time::timeout(LIMIT, work));
        async move { limited.await.map_err(|_| TookTooLong) }
    }

    fn set(&self, name: &str, is_under_way: bool) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if is_under_way {
            names.insert(name.to_owned());
        } else {
            names.remove(name);
        }
    }
}

/// Nothing came in time.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("no answer within {} s", LIMIT.as_secs())]
struct TookTooLong;
