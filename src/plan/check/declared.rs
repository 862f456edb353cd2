//! The declared destinations, in the two indices that a slot is looked up in: by identity and by stream.
//!
//! Canonical forms and streams are worked out once per declared endpoint.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::{
    ChannelClass, Desired, Destination, DestinationName, Endpoint, Identity, Observed, Secret, Stream,
    StreamKey,
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
    /// Canonical URLs that destinations push to, whatever their keys are.
    urls: BTreeSet<Arc<str>>,
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
    /// Whether MediaLive refused to write its target, and it is not to be tried again yet.
    is_refused: bool,
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
    pub(super) fn new(desired: &'a Desired, observed: &Observed, now: Timestamp) -> Self {
        let refused = |one: &Destination| observed.refused.get(&one.name).is_some_and(|it| !it.may_try);
        let destinations = desired.destinations.values().map(Arc::as_ref);
        let one = |one| One::new(one, refused(one), now);
        let list: Vec<One<'a>> = destinations.map(one).collect();
        let identities = list.iter().enumerate().rev();
        let mut declared = Self {
            // Of two with one identity the first counts, which comes last here.
            identities: identities
                .map(|(dest, one)| (&one.destination.identity, dest))
                .collect(),
            streams: BTreeMap::new(),
            urls: BTreeSet::new(),
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
            let urls = std::iter::once(&one.destination.url).chain(&one.destination.backup_url);
            self.urls.extend(urls.map(canonical_url));
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

    /// The destination whose stream a slot of a channel of `class` has, and whether its target is equal. Of several: one that pushes to
    /// this of a platform's two ingests, one that is off last, an equal target before the same stream, then the one that the slot's
    /// tag names, then by claim.
    pub(super) fn exact(
        &self,
        class: ChannelClass,
        pipes: &[Option<Push>],
        tagged: Option<Dest>,
    ) -> Option<(Dest, bool)> {
        let streams = pipes.iter().flatten().map(|push| &push.stream);
        let claiming = streams.filter_map(|stream| self.streams.get(stream)).flatten();
        let candidates = claiming.copied().chain(tagged);
        let is_backup = pipes.iter().flatten().any(|push| push.form.is_backup_ingest());
        let with_stream = candidates.filter(|dest| self.list[*dest].has_stream_of(class, pipes));
        let ranked = with_stream.map(|dest| {
            let one = &self.list[dest];
            let differs = !one.has_target(class, pipes);
            let is_off = !one.wanted && !one.paused;
            let mut own = one.first.iter().chain(&one.backup);
            let is_other_ingest = differs && own.all(|push| push.form.is_backup_ingest() != is_backup);
            let differences = (is_other_ingest, is_off, differs, Some(dest) != tagged);
            (differences, self.claim(dest))
        });
        ranked
            .min()
            .map(|((.., differs, _), (.., dest))| (dest, !differs))
    }

    /// Whether any declared destination pushes to this URL, a canonical one.
    pub(super) fn push_to(&self, url: &str) -> bool {
        self.urls.contains(url)
    }

    /// Whether a destination that has this stream stays on air: it is wanted or paused.
    pub(super) fn keeps(&self, stream: &Stream) -> bool {
        let mut having = self.streams.get(stream).into_iter().flatten();
        having.any(|dest| self.list[*dest].wanted || self.list[*dest].paused)
    }
}

impl Declared<'_> {
    /// Whether a wanted destination pushes this stream to the same ingest.
    pub(super) fn wants(&self, push: &Push) -> bool {
        let is_same = |own: &Push| {
            own.stream == push.stream && own.form.is_backup_ingest() == push.form.is_backup_ingest()
        };
        let mut having = self.streams.get(&push.stream).into_iter().flatten();
        having.any(|dest| {
            let one = &self.list[*dest];
            one.wanted && one.first.iter().chain(&one.backup).any(is_same)
        })
    }
}

impl<'a> One<'a> {
    fn new(destination: &'a Destination, is_refused: bool, now: Timestamp) -> Self {
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
            is_refused,
        }
    }

    pub(super) fn has_key(&self) -> bool {
        self.first.is_some()
    }

    /// Whether a slot can be pointed at it.
    pub(super) fn is_writable(&self) -> bool {
        self.has_key() && !self.is_refused
    }

    /// What it pushes to by the pipelines of a channel of `class`.
    pub(super) fn pushes(&self, class: ChannelClass) -> impl Iterator<Item = &Push> {
        self.first.iter().chain(&self.backup).take(class.pipelines())
    }

    /// Whether all of `pipes` that are not parked are its own.
    pub(super) fn has_all_of(&self, class: ChannelClass, pipes: &[Option<Push>]) -> bool {
        let is_own = |push: &Push| self.pushes(class).any(|own| own.stream == push.stream);
        pipes.iter().flatten().all(is_own)
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

/// The one spelling of a URL. Where it stands with a stream name, its path is the application's as a whole.
pub(super) fn canonical_url(url: &Arc<str>) -> Arc<str> {
    let endpoint = Endpoint::new(Arc::clone(url), Secret::new("name"));
    endpoint.canonical().url
}
