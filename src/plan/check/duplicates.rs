//! One stream is on air once: nothing is started while the same stream may be published somewhere else.
//!
//! Somewhere else is any other channel that may publish, ours or not, whatever becomes of it by this plan, since steps of
//! different channels have no order; and any other slot that this plan starts. Two destinations may have one stream if
//! one goes to a platform's primary ingest and the other to its backup.

use std::collections::{BTreeMap, BTreeSet};

use super::declared::{Dest, Pipe};
use super::places::Role;
use super::reading::{Fit, Occupant, SlotReading, World, canonical_url, pipes};
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
            // What is of no declared destination may be on air at one ingest only.
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
        let declared = &subject.world.declared;
        let parking_url = channel
            .policy
            .map(|policy| canonical_url(&policy.pool.slots.parking_url));
        for (group, slot) in &channel.slots {
            let write = subject.write_to(group);
            let written;
            let (pipes, of) = match write {
                Some(write) => {
                    written = pipes(
                        &subject.slot_id(group),
                        &write.target,
                        parking_url.as_deref(),
                        None,
                        declared,
                    );
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
            let pipes = target.flat_map(|target| pipes(&id, target, parking_url.as_deref(), None, declared));
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

/// Looks for every stream that is started anew among what may be published on other channels and what is started, too.
pub(super) fn check<'w>(world: &'w World<'_>, started: &'w Started<'w>, found: &mut Vec<Violation>) {
    let slots = started.slots.iter();
    let new = || slots.clone().filter(|(_, is_new)| *is_new).map(|(one, _)| one);
    let streams = new().chain(&started.others).map(|one| &one.stream).collect();
    let publishing = publishing(world, &streams);
    let on_air = Index::new(publishing.iter(), |one| one.channel);
    let going = Index::new(slots.clone().map(|(one, _)| one), |one| (one.channel, one.group));
    let conflict = |one| on_air.conflict(one).or_else(|| going.conflict(one));
    let conflicts = new().filter_map(|one| Some((conflict(one)?, one)));
    let others = started.others.iter();
    let of_others = others.filter_map(|one| Some((on_air.conflict(one)?, one)));
    for (first, second) in conflicts.chain(of_others) {
        found.push(Violation::TargetTwice {
            first: first.id(),
            second: second.id(),
        });
    }
}

/// What channels may publish now of the streams that come back after an interruption.
pub(super) struct OnAirNow<'w>(Vec<Published<'w>>);

impl<'w> OnAirNow<'w> {
    pub(super) fn new(world: &'w World<'_>) -> Self {
        let slots = world.observed.returning.values();
        let found: Vec<_> = slots.filter_map(|slot| world.slot(slot)).collect();
        let pipes = found.iter().flat_map(|(_, slot)| &slot.pipes);
        // What else would go on air with them.
        let others = found.iter().flat_map(|(channel, _)| &channel.others);
        let others = others.flat_map(|group| group.target.iter().flat_map(|target| target.0.iter()));
        let others: Vec<Stream> = others.map(Endpoint::stream).collect();
        let mut all = publishing(world, &pipes.filter_map(Pipe::stream).chain(&others).collect());
        all.sort_by(|a, b| (&a.stream, a.channel).cmp(&(&b.stream, b.channel)));
        all.dedup_by(|a, b| (&a.stream, a.channel) == (&b.stream, b.channel));
        Self(all)
    }

    /// Whether a channel other than `own` may publish the stream.
    pub(super) fn has_beside(&self, own: &ChannelId, stream: &Stream) -> bool {
        let first = self.0.partition_point(|one| one.stream < *stream);
        let same = self.0[first..].iter().take_while(|one| one.stream == *stream);
        // Each channel is there once.
        same.take(2).any(|one| one.channel != own)
    }
}

/// Everything that any channel may publish now of these streams.
fn publishing<'w>(world: &'w World<'_>, streams: &BTreeSet<&Stream>) -> Vec<Published<'w>> {
    let mut all = Vec::new();
    if streams.is_empty() {
        return all;
    }
    for channel in world.channels.values().filter(|channel| channel.may_publish()) {
        for (group, slot) in &channel.slots {
            for (canonical, stream) in slot.pipes.iter().filter_map(pushes) {
                if streams.contains(stream) {
                    let of = held_by(slot);
                    all.push(published(channel.id, group, of, canonical, stream.clone()));
                }
            }
        }
        let others = channel.others.iter().flat_map(|group| {
            let endpoints = group.target.iter().flat_map(|target| target.0.iter());
            endpoints.map(|endpoint| (group.name.as_str(), endpoint))
        });
        let strays = channel
            .seen
            .into_iter()
            .flat_map(|seen| seen.stray_endpoints.iter());
        let strays = strays.map(|endpoint| ("(another output)", endpoint));
        for (group, endpoint) in others.chain(strays) {
            let stream = endpoint.stream();
            if streams.contains(&stream) {
                all.push(published(channel.id, group, None, endpoint, stream));
            }
        }
    }
    for (id, endpoints) in &world.observed.elsewhere {
        for endpoint in endpoints {
            let stream = endpoint.stream();
            if streams.contains(&stream) {
                all.push(published(id, "(an output)", None, endpoint, stream));
            }
        }
    }
    all
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
