//! Destinations by what they push to and by what slot tags call them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use super::Reading;
use super::occupant::whole_url;
use crate::model::{Identity, Stream};

/// Never iterated, and hashed without a seed: its order shows nowhere.
pub(super) type Unordered<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;

/// Destinations by stream and identity.
pub(super) struct Index<'a> {
    by_stream: Unordered<Stream, Vec<Pushing>>,
    by_identity: BTreeMap<&'a Identity, usize>,
    /// Where destinations push to, whatever their keys are.
    urls: BTreeSet<Arc<str>>,
}

/// A destination that pushes a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pushing {
    /// Which.
    pub(super) dest: usize,
    /// Whether with its second pipeline only.
    pub(super) by_backup: bool,
}

impl<'a> Index<'a> {
    pub(super) fn new(reading: &Reading<'a>) -> Self {
        let mut index = Self {
            by_stream: Unordered::with_capacity_and_hasher(
                reading.dests.len(),
                BuildHasherDefault::default(),
            ),
            by_identity: BTreeMap::new(),
            urls: BTreeSet::new(),
        };
        for (dest, one) in reading.dests.iter().enumerate() {
            // The first by name, as everywhere: two of one identity are two objects of one name.
            index.by_identity.entry(&one.decl.identity).or_insert(dest);
            let urls = std::iter::once(&one.decl.url).chain(&one.decl.backup_url);
            index.urls.extend(urls.map(whole_url));
            for (pipeline, endpoint) in one.endpoints().enumerate() {
                let all = index.by_stream.entry(endpoint.stream()).or_default();
                let by_backup = pipeline > 0;
                if !all.iter().any(|known| known.dest == dest) {
                    all.push(Pushing { dest, by_backup });
                }
            }
        }
        index
    }

    /// The destinations that push a stream, by pool and name.
    pub(super) fn pushing(&self, stream: &Stream) -> &[Pushing] {
        self.by_stream.get(stream).map_or(&[], Vec::as_slice)
    }

    /// Whether a declared destination pushes to this URL, in its one spelling.
    pub(super) fn is_pushed_to(&self, url: &str) -> bool {
        self.urls.contains(url)
    }

    /// The destination that a slot tag names by this identity.
    pub(super) fn called(&self, identity: &Identity) -> Option<usize> {
        self.by_identity.get(identity).copied()
    }
}
