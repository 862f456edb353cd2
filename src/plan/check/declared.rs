//! The declared destinations, in the two indices that a slot is looked up in: by identity and by stream.
//!
//! Canonical forms and streams are worked out once per declared endpoint.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::{
    ChannelClass, Desired, Destination, DestinationName, Endpoint, Identity, Stream, StreamKey,
};

/// Index of a destination in [`Declared`].
pub(super) type Dest = usize;

/// All declared destinations.
pub(super) struct Declared<'a> {
    /// By name.
    pub(super) list: Vec<One<'a>>,
    pub(super) identities: BTreeMap<&'a Identity, Dest>,
    /// The destinations of each stream, by either endpoint, in order of claim; of several with equal endpoints only the first.
    streams: BTreeMap<Stream, Vec<Dest>>,
}

/// One declared destination.
pub(super) struct One<'a> {
    pub(super) destination: &'a Destination,
    pub(super) wanted: bool,
    pub(super) paused: bool,
    /// What it pushes to; `None` while its key is not known.
    first: Option<Push>,
    /// The same for the second of two pipelines.
    backup: Option<Push>,
}

/// An endpoint that is not parked: its canonical form, and its stream.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Push {
    pub(super) form: Endpoint,
    pub(super) stream: Stream,
}

/// What a slot's pipelines push to; `None` for one that is parked.
pub(super) type Pipes = Vec<Option<Push>>;

impl Push {
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        Self {
            form: endpoint.canonical(),
            stream: endpoint.stream(),
        }
    }
}

impl<'a> Declared<'a> {
    pub(super) fn new(desired: &'a Desired, now: Timestamp) -> Self {
        let destinations = desired.destinations.values().map(Arc::as_ref);
        let list: Vec<One<'a>> = destinations.map(|one| One::new(one, now)).collect();
        let identities = list.iter().enumerate().rev();
        let mut declared = Self {
            // Of two with one identity the first counts, which comes last here.
            identities: identities
                .map(|(dest, one)| (&one.destination.identity, dest))
                .collect(),
            streams: BTreeMap::new(),
            list,
        };
        declared.index_streams();
        declared
    }

    fn index_streams(&mut self) {
        let mut order: Vec<Dest> = (0..self.list.len()).collect();
        order.sort_by_key(|dest| self.claim(*dest));
        for dest in order {
            let one = &self.list[dest];
            for push in one.first.iter().chain(&one.backup) {
                let same = self.streams.entry(push.stream.clone()).or_default();
                let is_twin = |other: &Dest| {
                    let other = &self.list[*other];
                    other.first == one.first && other.backup == one.backup
                };
                if !same.iter().any(is_twin) {
                    same.push(dest);
                }
            }
        }
    }

    /// Less comes first: wanted ones, then paused ones, then the others; each by name.
    fn claim(&self, dest: Dest) -> (bool, bool, Dest) {
        let one = &self.list[dest];
        (!one.wanted, !one.paused, dest)
    }

    pub(super) fn by_name(&self, name: &DestinationName) -> Option<Dest> {
        let found = self.list.binary_search_by(|one| one.destination.name.cmp(name));
        found.ok()
    }

    /// The destination whose stream a slot of a channel of `class` has, and whether its target is equal. Of several: an equal
    /// target before the same stream, then the one that the slot's tag names, then by claim.
    pub(super) fn exact(
        &self,
        class: ChannelClass,
        pipes: &[Option<Push>],
        tagged: Option<Dest>,
    ) -> Option<(Dest, bool)> {
        let streams = pipes.iter().flatten().map(|push| &push.stream);
        let claiming = streams.filter_map(|stream| self.streams.get(stream)).flatten();
        let candidates = claiming.copied().chain(tagged);
        let with_stream = candidates.filter(|dest| self.list[*dest].has_stream_of(class, pipes));
        let ranked = with_stream.map(|dest| {
            let differs = !self.list[dest].has_target(class, pipes);
            (differs, Some(dest) != tagged, self.claim(dest))
        });
        ranked.min().map(|(differs, _, (.., dest))| (dest, !differs))
    }

    /// Whether any declared destination has this stream.
    pub(super) fn knows(&self, stream: &Stream) -> bool {
        self.streams.contains_key(stream)
    }

    /// Whether a destination that has this stream stays on air: it is wanted or paused.
    pub(super) fn keeps(&self, stream: &Stream) -> bool {
        let mut having = self.streams.get(stream).into_iter().flatten();
        having.any(|dest| self.list[*dest].wanted || self.list[*dest].paused)
    }
}

impl<'a> One<'a> {
    fn new(destination: &'a Destination, now: Timestamp) -> Self {
        let push = |url: &Arc<str>| match &destination.key {
            StreamKey::Known(key) => {
                let endpoint = Endpoint::new(Arc::clone(url), key.clone());
                Some(Push::of(&endpoint.with_login(destination.login.clone())))
            }
            StreamKey::Unavailable { .. } => None,
        };
        Self {
            destination,
            wanted: destination.is_wanted(now),
            paused: destination.pause_at(now).is_some(),
            first: push(&destination.url),
            backup: destination.backup_url.as_ref().and_then(push),
        }
    }

    pub(super) fn has_key(&self) -> bool {
        self.first.is_some()
    }

    /// What it pushes to by the pipelines of a channel of `class`.
    pub(super) fn pushes(&self, class: ChannelClass) -> impl Iterator<Item = &Push> {
        self.first.iter().chain(&self.backup).take(class.pipelines())
    }

    fn has_stream_of(&self, class: ChannelClass, pipes: &[Option<Push>]) -> bool {
        let is_own = |push: &Push| self.pushes(class).any(|own| own.stream == push.stream);
        pipes.iter().flatten().any(is_own)
    }

    /// Whether `pipes` are its target, in whatever spelling. A second pipeline that is parked is equal to any other that is
    /// parked: another parking URL is no change of the declaration.
    fn has_target(&self, class: ChannelClass, pipes: &[Option<Push>]) -> bool {
        pipes.len() == class.pipelines()
            && pipes[0].is_some()
            && pipes.iter().flatten().eq(self.pushes(class))
    }
}
