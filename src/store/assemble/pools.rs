//! The pools in force: the pool of each channel, and the last good state of a pool that is not valid now.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::{Candidate, Declared, Good};
use crate::manifest::node::FieldPath;
use crate::model::{ChannelId, ChannelPool, Destination, Identity, PoolName};

/// A channel belongs to one pool: rather to the one that had it, rather to the first.
pub(super) fn settle_channels(pools: &mut [Candidate<ChannelPool>], before: &Good) {
    let has = |pool: &ChannelPool, id: &ChannelId| pool.channels.iter().any(|channel| channel.id == *id);
    let mut order: Vec<usize> = (0..pools.len()).collect();
    order.sort_by_key(|index| {
        let had = |pool: &ChannelPool| {
            let old = before.pools.get(&pool.name);
            old.is_some_and(|old| pool.channels.iter().any(|channel| has(&old.value, &channel.id)))
        };
        !pools[*index].value.as_ref().is_some_and(had)
    });
    let mut owners: BTreeMap<ChannelId, usize> = BTreeMap::new();
    for index in order {
        let Some(pool) = &pools[index].value else { continue };
        let ids: Vec<ChannelId> = pool.channels.iter().map(|channel| channel.id.clone()).collect();
        for (position, id) in ids.iter().enumerate() {
            if let Some(owner) = owners.get(id).copied() {
                let (other, place) = (pools[owner].id.clone(), pools[owner].place());
                let path = FieldPath::from("spec.channels").index(position).field("id");
                let message = format!("channel {id} belongs to {other} at {place} already");
                pools[index].reject(&path, message, "list it in one pool only");
            }
        }
        if pools[index].value.is_some() {
            owners.extend(ids.into_iter().map(|id| (id, index)));
        }
    }
}

/// Pools of before that stay in force: set aside now, lost, or gone while destinations still name them.
pub(super) fn pools_to_keep(
    pools: &[Candidate<ChannelPool>],
    destinations: &[Candidate<Destination>],
    before: &Good,
    is_lost: &dyn Fn(&Path) -> bool,
) -> BTreeMap<PoolName, Declared<ChannelPool>> {
    let valid: BTreeSet<&str> = pools
        .iter()
        .filter(|pool| pool.value.is_some())
        .map(|pool| pool.name.as_str())
        .collect();
    let taken: BTreeSet<&ChannelId> = pools
        .iter()
        .filter_map(|pool| pool.value.as_ref())
        .flat_map(ids)
        .collect();
    let present: BTreeSet<&Identity> = destinations.iter().map(|one| &one.identity).collect();
    let named_now = destinations
        .iter()
        .filter_map(|one| one.links.as_ref())
        .map(|links| links.pool.as_str());
    let may_stay =
        |one: &&Declared<Arc<Destination>>| present.contains(&one.value.identity) || is_lost(&one.file);
    let named_before = before.destinations.values().filter(may_stay);
    let named_before = named_before.map(|one| one.value.pool.as_str());
    let named: BTreeSet<&str> = named_now.chain(named_before).collect();
    let set_aside: BTreeSet<&str> = pools.iter().map(|pool| pool.name.as_str()).collect();
    let mut kept = BTreeMap::new();
    for (name, old) in before
        .pools
        .iter()
        .filter(|(name, _)| !valid.contains(name.as_str()))
    {
        if !(set_aside.contains(name.as_str()) || is_lost(&old.file) || named.contains(name.as_str())) {
            continue;
        }
        let mut old = old.clone();
        old.value.channels.retain(|channel| !taken.contains(&channel.id));
        if !old.value.channels.is_empty() {
            kept.insert(name.clone(), old);
        }
    }
    kept
}

/// The ids of the channels of `pool`.
pub(super) fn ids(pool: &ChannelPool) -> impl Iterator<Item = &ChannelId> {
    pool.channels.iter().map(|channel| &channel.id)
}

/// The pools in force.
pub(super) struct Pools {
    pub(super) all: BTreeMap<PoolName, Declared<ChannelPool>>,
    /// Those that are not declared validly now.
    pub(super) kept: BTreeSet<PoolName>,
    /// Where those are declared that were set aside.
    pub(super) set_aside: BTreeMap<PoolName, String>,
}

impl Pools {
    pub(super) fn new(
        pools: &[Candidate<ChannelPool>],
        kept: BTreeMap<PoolName, Declared<ChannelPool>>,
    ) -> Self {
        let names = kept.keys().cloned().collect();
        let bad = pools.iter().filter(|pool| pool.value.is_none());
        let set_aside = bad
            .map(|pool| (PoolName::new(&pool.name), pool.place()))
            .collect();
        let mut all = kept;
        for pool in pools {
            if let Some(value) = &pool.value {
                let declared = Declared {
                    value: value.clone(),
                    file: pool.file().to_owned(),
                };
                all.insert(value.name.clone(), declared);
            }
        }
        Self {
            all,
            kept: names,
            set_aside,
        }
    }

    /// Whether its pool is one of them, and its pin a channel of that.
    pub(super) fn can_carry(&self, destination: &Destination) -> bool {
        self.all.get(&destination.pool).is_some_and(|pool| {
            let has = |id: &ChannelId| ids(&pool.value).any(|own| own == id);
            destination.pin.as_ref().is_none_or(|pin| has(&pin.channel))
        })
    }
}
