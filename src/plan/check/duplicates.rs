//! One stream is on air once: nothing is started while the same stream may be published somewhere else.
//!
//! Somewhere else is any other channel that may publish, ours or not, whatever becomes of it by this plan, since steps of
//! different channels have no order; and any other slot that this plan starts. Two destinations may have one stream if
//! one goes to a platform's primary ingest and the other to its backup.

use std::collections::BTreeMap;

use super::declared::{Dest, Pipe};
use super::places::Role;
use super::reading::{ChannelReading, Fit, Occupant, SlotReading, World, canonical_url, pipes};
use super::steps::Subject;
use super::violation::Violation;
use crate::model::{ChannelId, Endpoint, SlotId, Stream};

/// What a channel publishes of a stream: where, and for which destination whose target it is.
struct Published<'w> {
    channel: &'w ChannelId,
    /// Its output group, or what stands for it.
    group: &'w str,
    of: Option<Dest>,
    stream: Stream,
    is_backup: bool,
}

/// Who publishes the stream.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Any,
    /// It is the target of no declared destination.
    Unknown,
    Of(Dest),
}

/// The first two of different places: of one of them any other place is one away.
type Two<T> = (T, Option<T>);

/// Publishers of each stream, on the primary and on the backup ingest.
struct Index<'w, P> {
    entries: BTreeMap<(&'w Stream, bool, Who), Two<&'w Published<'w>>>,
    place: fn(&Published<'w>) -> P,
}

impl<'w, P: PartialEq> Index<'w, P> {
    fn new(all: impl Iterator<Item = &'w Published<'w>>, place: fn(&Published<'w>) -> P) -> Self {
        let mut index = Self {
            entries: BTreeMap::new(),
            place,
        };
        for one in all {
            for who in [Who::Any, one.of.map_or(Who::Unknown, Who::Of)] {
                let key = (&one.stream, one.is_backup, who);
                let (first, second) = index.entries.entry(key).or_insert((one, None));
                if second.is_none() && place(first) != place(one) {
                    *second = Some(one);
                }
            }
        }
        index
    }

    /// One that publishes the stream of `new` at another place and may not do so at the same time.
    fn conflict(&self, new: &Published<'w>) -> Option<&'w Published<'w>> {
        let at_other_place = |(backup, who): (bool, Who)| {
            let (first, second) = self.entries.get(&(&new.stream, backup, who))?;
            let is_other = |one: &&&'w Published<'w>| (self.place)(one) != (self.place)(new);
            [Some(first), second.as_ref()]
                .into_iter()
                .flatten()
                .find(is_other)
                .copied()
        };
        let own = new.of.map(|dest| (!new.is_backup, Who::Of(dest)));
        let other_ingest = match new.of {
            // Of what is no destination's nobody says that it may be on air twice.
            None => Some((!new.is_backup, Who::Any)),
            Some(_) => own,
        };
        let queries = [
            Some((new.is_backup, Who::Any)),
            Some((!new.is_backup, Who::Unknown)),
            other_ingest,
        ];
        queries.into_iter().flatten().find_map(at_other_place)
    }
}

/// What the started channels of a plan publish.
#[derive(Default)]
pub(super) struct Started<'w> {
    /// Of slots.
    slots: Vec<(Published<'w>, bool)>,
    /// Of output groups that are no slots, where they are published anew.
    others: Vec<Published<'w>>,
}

impl<'w> Started<'w> {
    /// Adds what a channel publishes that is started. New is what it does not publish already.
    pub(super) fn add(&mut self, subject: &Subject<'w>) {
        let channel = subject.channel;
        let runs = channel.is_running();
        let parking_url = channel
            .policy
            .map(|policy| canonical_url(&policy.pool.slots.parking_url));
        for (group, slot) in &channel.slots {
            let write = subject.write_to(group);
            let written;
            let (pipes, of) = match write {
                Some(write) => {
                    written = pipes(&subject.slot_id(group), &write.target, parking_url.as_deref());
                    (&written, subject.written(write))
                }
                None => (&slot.pipes, equal_of(slot)),
            };
            for (canonical, stream) in pipes.iter().filter_map(pushes) {
                let is_kept = runs && slot.pipes.iter().any(|pipe| pipe.stream() == Some(stream));
                let published = published(channel.id, group, of, canonical, stream.clone());
                self.slots.push((published, !is_kept));
            }
        }
        if runs {
            return;
        }
        for group in &channel.others {
            let id = subject.slot_id(group.name.as_str());
            let target = group.target.iter();
            let pipes = target.flat_map(|target| pipes(&id, target, parking_url.as_deref()));
            for pipe in pipes {
                if let Pipe::Pushes(canonical, stream) = pipe {
                    let group = group.name.as_str();
                    self.others
                        .push(published(channel.id, group, None, &canonical, stream));
                }
            }
        }
    }
}

/// Looks for every stream that is started anew among what may be published elsewhere and what is started, too.
pub(super) fn check<'w>(world: &'w World<'_>, started: &'w Started<'w>, found: &mut Vec<Violation>) {
    let publishing: Vec<Published<'w>> = publishing(world).collect();
    let on_air = Index::new(publishing.iter(), |one| one.channel);
    let going = Index::new(started.slots.iter().map(|(one, _)| one), |one| {
        (one.channel, one.group)
    });
    let new = started
        .slots
        .iter()
        .filter(|(_, is_new)| *is_new)
        .map(|(one, _)| one);
    let conflicts = new.filter_map(|one| Some((on_air.conflict(one).or_else(|| going.conflict(one))?, one)));
    let of_others = started
        .others
        .iter()
        .filter_map(|one| Some((on_air.conflict(one)?, one)));
    for (first, second) in conflicts.chain(of_others) {
        found.push(Violation::TargetTwice {
            first: first.id(),
            second: second.id(),
        });
    }
}

/// Streams that channels may publish now, by channel.
pub(super) struct OnAirNow<'w>(BTreeMap<Stream, Two<&'w ChannelId>>);

impl<'w> OnAirNow<'w> {
    pub(super) fn new(world: &'w World<'_>) -> Self {
        let mut all: BTreeMap<Stream, Two<&ChannelId>> = BTreeMap::new();
        for one in publishing(world) {
            let (first, second) = all.entry(one.stream).or_insert((one.channel, None));
            if second.is_none() && *first != one.channel {
                *second = Some(one.channel);
            }
        }
        Self(all)
    }

    /// Whether a channel other than `own` may publish the stream.
    pub(super) fn has_beside(&self, own: &ChannelId, stream: &Stream) -> bool {
        let entry = self.0.get(stream);
        entry.is_some_and(|(first, second)| *first != own || second.is_some())
    }
}

/// Everything that any channel may publish now, but what is parked.
fn publishing<'w>(world: &'w World<'_>) -> impl Iterator<Item = Published<'w>> {
    let channels = world.channels.values().filter(|channel| channel.may_publish());
    let seen = channels.flat_map(|channel| {
        let slots = channel.slots.iter().flat_map(move |(group, slot)| {
            let pipes = slot.pipes.iter().filter_map(pushes);
            pipes.map(move |(canonical, stream)| {
                published(channel.id, group, held_by(slot), canonical, stream.clone())
            })
        });
        let strays = channel
            .seen
            .into_iter()
            .flat_map(|seen| seen.stray_endpoints.iter());
        let strays = strays.map(move |endpoint| unslotted(channel.id, "(another output)", endpoint));
        slots.chain(published_by_others(channel)).chain(strays)
    });
    let elsewhere = world.observed.elsewhere.iter().flat_map(|(id, endpoints)| {
        endpoints
            .iter()
            .map(move |endpoint| unslotted(id, "(an output)", endpoint))
    });
    seen.chain(elsewhere)
}

fn published_by_others<'w>(channel: &'w ChannelReading<'_>) -> impl Iterator<Item = Published<'w>> {
    channel.others.iter().flat_map(move |group| {
        let endpoints = group.target.iter().flat_map(|target| target.0.iter());
        endpoints.map(move |endpoint| unslotted(channel.id, group.name.as_str(), endpoint))
    })
}

fn unslotted<'w>(channel: &'w ChannelId, group: &'w str, endpoint: &Endpoint) -> Published<'w> {
    published(channel, group, None, endpoint, endpoint.stream())
}

fn published<'w>(
    channel: &'w ChannelId,
    group: &'w str,
    of: Option<Dest>,
    endpoint: &Endpoint,
    stream: Stream,
) -> Published<'w> {
    Published {
        channel,
        group,
        of,
        is_backup: endpoint.is_backup_ingest(),
        stream,
    }
}

fn pushes(pipe: &Pipe) -> Option<(&Endpoint, &Stream)> {
    match pipe {
        Pipe::Parked => None,
        Pipe::Pushes(canonical, stream) => Some((canonical, stream)),
    }
}

/// The destination whose target a slot has.
fn equal_of(slot: &SlotReading<'_>) -> Option<Dest> {
    match slot.occupant {
        Occupant::Of(dest, Fit::Equal, _) => Some(dest),
        _ => None,
    }
}

/// The same, where it is the one slot of that destination.
fn held_by(slot: &SlotReading<'_>) -> Option<Dest> {
    match slot.occupant {
        Occupant::Of(dest, Fit::Equal, Role::Held) => Some(dest),
        _ => None,
    }
}

impl Published<'_> {
    fn id(&self) -> SlotId {
        SlotId::new(self.channel.clone(), self.group)
    }
}
