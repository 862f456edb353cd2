//! Everything that is declared, and how far it can be trusted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    ChannelPool, Destination, DestinationName, Identity, OwnerId, PoolName, RouterArn, RouterPool, SlotId,
};

/// The declared state of one owner: input of the planner.
#[derive(Debug, Clone)]
pub struct Desired {
    /// The owner of the channels.
    pub owner: OwnerId,
    /// All valid pools of channels.
    pub pools: BTreeMap<PoolName, ChannelPool>,
    /// All valid pools of router outputs. No name is in both.
    pub routers: BTreeMap<PoolName, RouterPool>,
    /// All valid destinations; the pool of each is in `pools` or `routers`. Shared with the source that they come from.
    pub destinations: BTreeMap<DestinationName, Arc<Destination>>,
    /// Whether what vanished from the declaration is released.
    pub trust: Trust,
    /// Objects that were set aside because they are faulty or declared twice: these names count as declared.
    pub set_aside: BTreeSet<Identity>,
    /// Slots of destinations that vanished together with more than may vanish at once, by the vanish guard's decision, which is
    /// yet to be recorded of some of them.
    pub kept: BTreeSet<SlotId>,
    /// Router outputs of such destinations.
    pub kept_outputs: BTreeSet<RouterArn>,
    /// Of those that are no longer declared the ones that this process saw declared. What is on air on a channel in no pool is
    /// released only if it is one of them: two sources of one owner see each other's channels so.
    pub seen_declared: BTreeSet<Identity>,
    /// Of RouterPools that are no longer declared the ones that this process saw declared. A router output of such a pool is no other
    /// slotwise's, though its destination has another stream by now.
    pub seen_pools: BTreeSet<PoolName>,
    /// One-off grants: a change of these destinations may interrupt others now, whatever the pool's policy.
    /// `interruptible: false` of the others still holds.
    pub grants: BTreeSet<DestinationName>,
}

impl Desired {
    /// How many pools of either kind are declared.
    pub fn pool_count(&self) -> usize {
        self.pools.len() + self.routers.len()
    }

    /// A destination to be changed here and not in shared copies.
    pub fn destination_mut(&mut self, name: &str) -> Option<&mut Destination> {
        self.destinations.get_mut(name).map(Arc::make_mut)
    }

    /// Nothing declared.
    pub fn empty(owner: OwnerId) -> Self {
        Self {
            owner,
            pools: BTreeMap::new(),
            routers: BTreeMap::new(),
            destinations: BTreeMap::new(),
            trust: Trust::Whole,
            set_aside: BTreeSet::new(),
            kept: BTreeSet::new(),
            kept_outputs: BTreeSet::new(),
            seen_declared: BTreeSet::new(),
            seen_pools: BTreeSet::new(),
            grants: BTreeSet::new(),
        }
    }
}

/// How far the declaration can be trusted to be all there is.
///
/// `state: Ready` is an explicit wish and always obeyed. Trust decides only about what is on air and vanished from the
/// declaration: a slot that is recorded as that of a destination which is no longer declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trust {
    /// The load was whole and shrank no more than allowed: what vanished is released.
    Whole,
    /// Something is missing: what vanished may be declared where it could not be read, and stays on air.
    Doubted {
        /// What is missing, one sentence.
        why: String,
    },
}
