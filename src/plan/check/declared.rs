//! The declared destinations, in indices that a slot is looked up in: by identity, by target, by stream.
//!
//! Canonical forms and streams are worked out once per declared endpoint.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::{
    ChannelClass, Desired, Destination, DestinationName, Endpoint, Identity, Stream, StreamKey,
};

/// Index of a destination in [`Declared::list`].
pub(super) type Dest = usize;

/// All declared destinations.
pub(super) struct Declared<'a> {
    /// By name.
    list: Vec<One<'a>>,
    identities: BTreeMap<&'a Identity, Dest>,
    /// The first in order of claim of those with this target, by canonical endpoints.
    targets: BTreeMap<Forms, Dest>,
    /// The first in order of claim of those with this stream, among those whose first endpoint it is, and among all.
    streams: BTreeMap<Stream, (Option<Dest>, Dest)>,
}

/// One declared destination.
pub(super) struct One<'a> {
    name: &'a DestinationName,
    pub(super) destination: &'a Destination,
    pub(super) wanted: bool,
    pub(super) paused: bool,
    /// Its addresses; `None` while its key is not known.
    addresses: Option<Addresses>,
}

/// What it pushes to, canonical, each with its stream; the second is that of two pipelines.
struct Addresses {
    first: (Endpoint, Stream),
    backup: Option<(Endpoint, Stream)>,
}

/// The canonical endpoints of a target. `None` in the second place: parked, or there is no second pipeline.
type Forms = (ChannelClass, Endpoint, Option<Endpoint>);

/// An endpoint of a slot.
pub(super) enum Pipe {
    /// It is parked.
    Parked,
    /// Its canonical form, and its stream.
    Pushes(Endpoint, Stream),
}

impl Pipe {
    /// One that is not parked.
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        Self::Pushes(endpoint.canonical(), endpoint.stream())
    }

    pub(super) fn stream(&self) -> Option<&Stream> {
        match self {
            Self::Parked => None,
            Self::Pushes(_, stream) => Some(stream),
        }
    }
}

impl<'a> Declared<'a> {
    /// `classes` are those of the channels that were seen.
    pub(super) fn new(desired: &'a Desired, classes: &BTreeSet<ChannelClass>, now: Timestamp) -> Self {
        let mut declared = Self {
            list: Vec::with_capacity(desired.destinations.len()),
            identities: BTreeMap::new(),
            targets: BTreeMap::new(),
            streams: BTreeMap::new(),
        };
        for (name, destination) in &desired.destinations {
            let dest = declared.list.len();
            declared.identities.entry(&destination.identity).or_insert(dest);
            declared.list.push(One {
                name,
                destination,
                wanted: destination.is_wanted(now),
                paused: destination.pause_at(now).is_some(),
                addresses: Addresses::of(destination),
            });
        }
        declared.index(classes);
        declared
    }

    /// Enters all into the indices, in order of claim: wanted ones, then paused ones, then the others; each by name.
    fn index(&mut self, classes: &BTreeSet<ChannelClass>) {
        let mut order: Vec<Dest> = (0..self.list.len()).collect();
        order.sort_by_key(|dest| (!self.list[*dest].wanted, !self.list[*dest].paused));
        for dest in order {
            let Some(addresses) = &self.list[dest].addresses else {
                continue;
            };
            for class in classes {
                self.targets.entry(addresses.forms(*class)).or_insert(dest);
            }
            let (_, stream) = &addresses.first;
            let entry = self.streams.entry(stream.clone()).or_insert((None, dest));
            entry.0.get_or_insert(dest);
            if let Some((_, stream)) = &addresses.backup {
                self.streams.entry(stream.clone()).or_insert((None, dest));
            }
        }
    }

    pub(super) fn get(&self, dest: Dest) -> &One<'a> {
        &self.list[dest]
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn by_name(&self, name: &DestinationName) -> Option<Dest> {
        self.list.binary_search_by(|one| one.name.cmp(name)).ok()
    }

    pub(super) fn by_identity(&self, identity: &Identity) -> Option<Dest> {
        self.identities.get(identity).copied()
    }

    /// Whose stream a slot of a channel of `class` has, and whether its target is equal. Of several: who has an equal
    /// target before who has the same stream, then the one that the slot's tag names, then by order of claim.
    pub(super) fn exact(
        &self,
        class: ChannelClass,
        pipes: &[Pipe],
        tagged: Option<Dest>,
    ) -> Option<(Dest, bool)> {
        if let Some(forms) = forms_of(class, pipes)
            && let Some(first) = self.targets.get(&forms)
        {
            let tagged = tagged.filter(|dest| self.forms(*dest, class).as_ref() == Some(&forms));
            return Some((tagged.unwrap_or(*first), true));
        }
        let named = tagged.filter(|dest| self.has_stream(*dest, class, pipes));
        let of_stream = |stream| {
            let (first, any) = *self.streams.get(stream)?;
            match class {
                ChannelClass::SinglePipeline => first,
                ChannelClass::Standard => Some(any),
            }
        };
        let claim = |dest: &Dest| (!self.list[*dest].wanted, !self.list[*dest].paused, *dest);
        let candidates = pipes.iter().filter_map(Pipe::stream).filter_map(of_stream);
        Some((named.or_else(|| candidates.min_by_key(claim))?, false))
    }

    /// Who has the first claim to a stream, by whichever of its endpoints.
    pub(super) fn claimed_by(&self, stream: &Stream) -> Option<&One<'a>> {
        let (_, any) = *self.streams.get(stream)?;
        Some(self.get(any))
    }

    fn forms(&self, dest: Dest, class: ChannelClass) -> Option<Forms> {
        Some(self.list[dest].addresses.as_ref()?.forms(class))
    }

    fn has_stream(&self, dest: Dest, class: ChannelClass, pipes: &[Pipe]) -> bool {
        self.streams_of(dest, class)
            .any(|own| pipes.iter().any(|pipe| pipe.stream() == Some(own)))
    }

    /// Whether any declared destination has this stream.
    pub(super) fn has_stream_of_any(&self, stream: &Stream) -> bool {
        self.streams.contains_key(stream)
    }

    /// The streams that a destination has on a channel of `class`; none while its key is not known.
    pub(super) fn streams_of(&self, dest: Dest, class: ChannelClass) -> impl Iterator<Item = &Stream> {
        let addresses = self.list[dest].addresses.as_ref();
        let second = addresses
            .filter(|_| class == ChannelClass::Standard)
            .and_then(|addresses| addresses.backup.as_ref());
        let all = addresses
            .map(|addresses| &addresses.first)
            .into_iter()
            .chain(second);
        all.map(|(_, stream)| stream)
    }
}

impl One<'_> {
    pub(super) fn has_key(&self) -> bool {
        self.addresses.is_some()
    }
}

impl Addresses {
    fn of(destination: &Destination) -> Option<Self> {
        let StreamKey::Known(key) = &destination.key else {
            return None;
        };
        let address = |url: &Arc<str>| {
            let endpoint = Endpoint::new(Arc::clone(url), key.clone()).with_login(destination.login.clone());
            (endpoint.canonical(), endpoint.stream())
        };
        Some(Self {
            first: address(&destination.url),
            backup: destination.backup_url.as_ref().map(address),
        })
    }

    fn forms(&self, class: ChannelClass) -> Forms {
        let backup = self.backup.as_ref().filter(|_| class == ChannelClass::Standard);
        (class, self.first.0.clone(), backup.map(|(form, _)| form.clone()))
    }
}

/// `None` where the first pipeline is parked, as no destination's is. A second pipeline that is parked is equal to any
/// other that is parked: another parking URL is no change of anyone's declaration.
fn forms_of(class: ChannelClass, pipes: &[Pipe]) -> Option<Forms> {
    let form = |pipe: &Pipe| match pipe {
        Pipe::Parked => None,
        Pipe::Pushes(form, _) => Some(form.clone()),
    };
    (pipes.len() == class.pipelines()).then_some(())?;
    Some((class, form(pipes.first()?)?, pipes.get(1).and_then(form)))
}
