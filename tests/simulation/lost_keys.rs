//! Keys that cannot be read for a while.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use slotwise::model::{Desired, Destination, DestinationName, StreamKey};

/// What the keys are that cannot be read, where a URL alone does not tell whose a target is.
#[derive(Default)]
pub(super) struct LostKeys(BTreeMap<DestinationName, StreamKey>);

impl LostKeys {
    /// Whether a destination shares its URL with others and its key is lost: nobody can tell where it is on air.
    pub(super) fn concern(one: &Destination) -> bool {
        matches!(one.key, StreamKey::Unavailable { .. }) && one.url.contains("platform")
    }

    /// Takes note of the keys of what is declared now, and fills in those that are lost. Whose they are.
    pub(super) fn fill_in(&mut self, desired: &mut Desired) -> BTreeSet<DestinationName> {
        let mut lost = BTreeSet::new();
        for (name, one) in &mut desired.destinations {
            if !Self::concern(one) {
                self.0.insert(name.clone(), one.key.clone());
                continue;
            }
            lost.insert(name.clone());
            if let Some(key) = self.0.get(name) {
                Arc::make_mut(one).key = key.clone();
            }
        }
        lost
    }
}
