//! The pools in force: the pool of each channel, and the last good state of a pool that is not valid now.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::{Candidate, Declared, Good, ObjectId};
use crate::manifest::node::FieldPath;
use crate::manifest::validate::router_mistakes;
use crate::model::{ChannelId, Destination, Identity, Pool, PoolName, RouterArn};

/// A channel belongs to one pool: rather to the one that had it, rather to the first.
pub(super) fn settle_channels(pools: &mut [Candidate<Pool>], before: &Good) {
    let has = |pool: &Pool, id: &ChannelId| pool.channels().any(|own| own == id);
    let mut order: Vec<usize> = (0..pools.len()).collect();
    order.sort_by_key(|index| {
        let had = |pool: &Pool| {
            let old = before.pools.get(pool.name());
            old.is_some_and(|old| pool.channels().any(|id| has(&old.value, id)))
        };
        !pools[*index].value.as_ref().is_some_and(had)
    });
    let mut owners: BTreeMap<ChannelId, usize> = BTreeMap::new();
    for index in order {
        let Some(pool) = &pools[index].value else { continue };
        let is_source = matches!(pool, Pool::Router(_));
        let ids: Vec<ChannelId> = pool.channels().cloned().collect();
        for (position, id) in ids.iter().enumerate() {
            if let Some(owner) = owners.get(id).copied() {
                if is_source && matches!(pools[owner].value, Some(Pool::Router(_))) {
                    // One programme may feed several inputs.
                    continue;
                }
                let (other, place) = (pools[owner].id.clone(), pools[owner].place());
                let path = if is_source {
                    FieldPath::from("spec.source.channel")
                } else {
                    FieldPath::from("spec.channels").index(position).field("id")
                };
                let message = format!("channel {id} belongs to {other} at {place} already");
                pools[index].reject(&path, message, "list it in one pool only");
            }
        }
        if pools[index].value.is_some() {
            for id in ids {
                owners.entry(id).or_insert(index);
            }
        }
    }
}

/// An input takes one channel, so that RouterPools with one input have one source, or none.
pub(super) fn settle_sources(pools: &mut [Candidate<Pool>]) {
    let mut sources: BTreeMap<RouterArn, (ChannelId, ObjectId, String)> = BTreeMap::new();
    for candidate in pools {
        let Some(Pool::Router(pool)) = &candidate.value else {
            continue;
        };
        let Some(source) = pool.source.clone() else {
            continue;
        };
        match sources.get(&pool.input) {
            Some((other, name, place)) if *other != source => {
                let message = format!("the input of this pool takes channel {other}, by {name} at {place}");
                let fix =
                    format!("write channel: \"{other}\", or name another input: an input takes one channel");
                candidate.reject(&FieldPath::from("spec.source.channel"), message, fix);
            }
            Some(_) => {}
            None => {
                let known = (source, candidate.id.clone(), candidate.place());
                sources.insert(pool.input.clone(), known);
            }
        }
    }
}

/// Pools of before that stay in force: set aside now, lost, or gone while destinations still name them.
pub(super) fn pools_to_keep(
    pools: &[Candidate<Pool>],
    destinations: &[Candidate<Destination>],
    before: &Good,
    is_lost: &dyn Fn(&Path) -> bool,
) -> BTreeMap<PoolName, Declared<Pool>> {
    let valid: BTreeSet<&str> = pools
        .iter()
        .filter(|pool| pool.value.is_some())
        .map(|pool| pool.name.as_str())
        .collect();
    let taken: BTreeSet<&ChannelId> = pools
        .iter()
        .filter_map(|pool| pool.value.as_ref())
        .flat_map(Pool::channels)
        .collect();
    // One programme may feed several pools of outputs.
    let has_slots: BTreeSet<&ChannelId> = pools
        .iter()
        .filter_map(|pool| pool.value.as_ref())
        .filter(|pool| matches!(pool, Pool::Channels(_)))
        .flat_map(Pool::channels)
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
        let is_left = match &mut old.value {
            Pool::Channels(pool) => {
                pool.channels.retain(|channel| !taken.contains(&channel.id));
                !pool.channels.is_empty()
            }
            Pool::Router(pool) => {
                pool.source = pool.source.take().filter(|channel| !has_slots.contains(channel));
                true
            }
        };
        if is_left {
            kept.insert(name.clone(), old);
        }
    }
    kept
}

/// The pools in force.
pub(super) struct Pools {
    pub(super) all: BTreeMap<PoolName, Declared<Pool>>,
    /// Those that are not declared validly now.
    pub(super) kept: BTreeSet<PoolName>,
    /// Where those are declared that were set aside.
    pub(super) set_aside: BTreeMap<PoolName, String>,
}

impl Pools {
    pub(super) fn new(pools: &[Candidate<Pool>], kept: BTreeMap<PoolName, Declared<Pool>>) -> Self {
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
                all.insert(value.name().clone(), declared);
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
            let has = |id: &ChannelId| pool.value.channels().any(|own| own == id);
            match &pool.value {
                Pool::Channels(_) => destination.pin.as_ref().is_none_or(|pin| has(&pin.channel)),
                Pool::Router(_) => router_mistakes(destination).is_empty(),
            }
        })
    }
}
