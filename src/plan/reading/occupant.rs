//! The occupant of each slot: the first line that applies.
//!
//! | the slot | its occupant is |
//! |---|---|
//! | cannot be used as one | [`Occupant::Unusable`] |
//! | has slotwise's own parking name for it in every endpoint, or is recorded as parked | [`Occupant::Parked`] |
//! | has the pool's parking URL, to which no declared destination pushes, and is not recorded as that of any | [`Occupant::Parked`] |
//! | carries the same stream as a declared destination pushes | that destination |
//! | is recorded as that of a declared destination | it, with its [previous](Fit::Previous) target or one that [cannot be written](Fit::Unwritable) |
//! | is recorded as that of a destination that is no longer declared | [`Occupant::Vanished`] |
//! | anything else | [`Occupant::Undeclared`] |
//!
//! A record counts only while the slot points where it did when the record was written.
//!
//! What vanished is kept on a channel that stands in no pool, unless this process saw it declared: another team may run slotwise
//! with the same owner.

use std::sync::Arc;

use super::index::Index;
use super::{Fit, Intent, Occupant, Reading, Release, Slot};
use crate::model::{
    Desired, Destination, Endpoint, Mark, ObservedChannel, ObservedGroup, Recorded, Secret, SlotId,
    SlotSelector, Stream, StreamKey, Target, Trust,
};

impl<'a> Reading<'a> {
    /// The slots of a channel: the groups that its pool's glob matches, and others that are recorded as holding a
    /// destination.
    pub(super) fn add_slots(&mut self, channel: usize, seen: &'a ObservedChannel) {
        let pool = self.desired.pools.values().nth(self.channels[channel].pool);
        for group in seen.groups.iter() {
            let record = seen.recorded(&self.desired.owner, group);
            let is_recorded = record
                .as_ref()
                .is_some_and(|tag| matches!(tag.occupant, Recorded::Destination { .. }));
            let is_meant = pool.is_some_and(|pool| pool.slots.output_groups.is_match(group.name.as_str()));
            let has_tag = seen.tags.is_named(&group.name);
            // What was written into a slot by hand does not become an output group beside the slots by an edit of the pool: as
            // long as it runs it stays a slot whose target is not declared; and a slot with a declared target stays one. A parked
            // one has no occupant, and nothing says that its channel is to stop.
            let is_overwritten = || {
                let is_misfit = has_tag && record.is_none() && !is_parked_by_name(seen, group);
                is_misfit && (seen.state.is_running() || self.is_declared(seen, group))
            };
            if !is_meant && !is_recorded && !is_overwritten() {
                continue;
            }
            self.slots.push(Slot {
                channel,
                group,
                is_meant,
                record,
                has_tag,
                parked: 0,
                streams: Vec::new(),
                occupant: Occupant::Undeclared,
            });
        }
    }

    /// Whether a group points at the stream of a declared destination. Asked for few groups: it looks at all destinations.
    fn is_declared(&self, seen: &ObservedChannel, group: &ObservedGroup) -> bool {
        let Ok(target) = &group.target else { return false };
        let slot = SlotId::new(seen.id.clone(), group.name.clone());
        let endpoints = target.0.iter().enumerate();
        let used = endpoints.filter(|(pipeline, endpoint)| {
            !SlotSelector::is_parking_name(&endpoint.stream_name, &slot, *pipeline)
        });
        let streams: Vec<Stream> = used.map(|(_, endpoint)| endpoint.stream()).collect();
        let pushes = |one: &Destination| {
            let StreamKey::Known(key) = &one.key else {
                return false;
            };
            let urls = std::iter::once(&one.url).chain(&one.backup_url);
            let mut own = urls.take(seen.class.pipelines());
            own.any(|url| streams.contains(&Endpoint::new(url.clone(), key.clone()).stream()))
        };
        self.desired.destinations.values().any(|one| pushes(one))
    }

    /// The one spelling of a pool's parking URL.
    pub(super) fn parking_url(&self, pool: usize) -> Option<Arc<str>> {
        let pool = self.desired.pools.values().nth(pool)?;
        Some(whole_url(&pool.slots.parking_url))
    }

    /// Finds the occupant of every slot.
    pub(super) fn find_occupants(&mut self, index: &Index<'a>) {
        for at in 0..self.slots.len() {
            let slot = &self.slots[at];
            if let Some(target) = slot.target() {
                let parking = self.parking_url(self.channels[slot.channel].pool);
                let id = self.slot_id(at);
                let (parked, streams) =
                    look_at(&id, target, parking.as_deref(), slot.identity().is_some(), index);
                (self.slots[at].parked, self.slots[at].streams) = (parked, streams);
            }
            self.slots[at].occupant = self.occupant(at, index);
        }
    }

    fn occupant(&self, at: usize, index: &Index<'a>) -> Occupant {
        let slot = &self.slots[at];
        let Some(target) = slot.target() else {
            return Occupant::Unusable;
        };
        let recorded = slot.record.as_ref().map(|tag| &tag.occupant);
        if slot.streams.is_empty() || recorded == Some(&Recorded::Parked) {
            return Occupant::Parked;
        }
        if let Some((dest, is_equal)) = self.best_match(at, target, index) {
            return Occupant::Dest(dest, self.fit(at, dest, is_equal));
        }
        let Some(Recorded::Destination { identity, mark }) = recorded else {
            return Occupant::Undeclared;
        };
        match index.called(identity) {
            Some(dest) if self.dests[dest].is_writable() => Occupant::Dest(dest, Fit::Previous),
            Some(dest) => Occupant::Dest(dest, Fit::Unwritable),
            None if self.desired.set_aside.contains(identity) => Occupant::Vanished(Release::Kept),
            None if *mark == Mark::Released => Occupant::Vanished(Release::Before),
            None if self.may_be_anothers(at) => Occupant::Vanished(Release::Kept),
            None if self.desired.trust == Trust::Whole => Occupant::Vanished(Release::Now),
            None => Occupant::Vanished(Release::Kept),
        }
    }

    /// Whether what is recorded of a slot may be declared by another slotwise of the same owner: its channel stands in no pool
    /// of ours, and this process has not seen it declared, nor set aside.
    pub(super) fn may_be_anothers(&self, at: usize) -> bool {
        let is_in_no_pool = self.channel_of(at).pool >= self.desired.pools.len();
        let Desired {
            seen_declared,
            set_aside,
            ..
        } = self.desired;
        let is_ours = |identity| seen_declared.contains(&identity) || set_aside.contains(&identity);
        is_in_no_pool
            && self.slots[at]
                .identity()
                .is_some_and(|identity| !is_ours(identity))
    }

    /// Of the destinations that push the slot's stream the best match, and whether the slot has exactly its target.
    fn best_match(&self, at: usize, target: &Target, index: &Index<'a>) -> Option<(usize, bool)> {
        let slot = &self.slots[at];
        let pipelines = self.channel_of(at).class().pipelines();
        let identity = slot.identity();
        let is_backup = target.0.iter().any(Endpoint::is_backup_ingest);
        let rank = |dest: usize| {
            let one = &self.dests[dest];
            let is_equal = self.is_equal(at, one.decl, target);
            let is_recorded = identity.as_ref() == Some(&one.decl.identity);
            // A platform's two ingests for one key may be two destinations.
            let is_other_ingest = !is_equal && one.endpoints().all(|own| own.is_backup_ingest() != is_backup);
            // A stream that was handed to another name is that one's, in whatever spelling: the record says whose it was.
            let is_off = one.intent == Intent::Off;
            let kind = (is_other_ingest, is_off, !is_equal, !is_recorded);
            (kind, one.intent, &one.decl.name, dest)
        };
        let pushing = slot.streams.iter().flat_map(|stream| index.pushing(stream));
        let candidates = pushing.filter(|pushing| !pushing.by_backup || pipelines > 1);
        let best = candidates.map(|pushing| rank(pushing.dest)).min()?;
        Some((best.3, !best.0.2))
    }

    /// Whether a slot points where it would for a destination, but for spelling and for how a pipeline is parked.
    fn is_equal(&self, at: usize, decl: &Destination, target: &Target) -> bool {
        let StreamKey::Known(key) = &decl.key else {
            return false;
        };
        let parked = self.slots[at].parked;
        let urls = [Some(&decl.url), decl.backup_url.as_ref()];
        (0..).zip(target.0.iter()).all(|(pipeline, endpoint)| {
            let is_parked = parked >> pipeline & 1 == 1;
            match urls.get(pipeline).copied().flatten() {
                None => is_parked,
                Some(_) if is_parked => false,
                Some(url) => {
                    let own = Endpoint::new(url.clone(), key.clone()).with_login(decl.login.clone());
                    own == *endpoint || own.canonical() == endpoint.canonical()
                }
            }
        })
    }

    fn fit(&self, at: usize, dest: usize, is_equal: bool) -> Fit {
        let decl = self.dests[dest].decl;
        let pointed = Recorded::destination(decl.identity.clone());
        let record = self.slots[at].record.as_ref();
        match is_equal {
            true => Fit::Equal,
            false if !self.dests[dest].is_writable() => Fit::Unwritable,
            false if !decl.is_preset && record.is_some_and(|tag| tag.occupant == pointed) => Fit::Readdressed,
            false => Fit::Respelled,
        }
    }
}

/// Whether every endpoint of a group has slotwise's own parking name for it.
fn is_parked_by_name(seen: &ObservedChannel, group: &ObservedGroup) -> bool {
    let slot = seen.slot(&group.name);
    let Ok(target) = &group.target else { return false };
    let mut endpoints = target.0.iter().enumerate();
    endpoints.all(|(at, one)| SlotSelector::is_parking_name(&one.stream_name, &slot, at))
}

/// Which endpoints of a target are parked, and the streams of the others.
///
/// A stream to the parking URL is parked, unless a declared destination pushes there. A slot that `is_recorded` as that of a
/// destination is not parked by that URL alone: the pool may be edited while it is on air.
pub(super) fn look_at(
    slot: &SlotId,
    target: &Target,
    parking_url: Option<&str>,
    is_recorded: bool,
    index: &Index<'_>,
) -> (u8, Vec<Stream>) {
    let (mut by_name, mut by_url) = (0_u8, 0_u8);
    for (pipeline, endpoint) in target.0.iter().enumerate() {
        if SlotSelector::is_parking_name(&endpoint.stream_name, slot, pipeline) {
            by_name |= 1 << pipeline;
        } else if goes_to_parking(endpoint, parking_url, index) {
            by_url |= 1 << pipeline;
        }
    }
    let is_parked_by_url = by_url > 0 && (by_name | by_url).count_ones() as usize == target.0.len();
    let parked = if is_parked_by_url && is_recorded {
        by_name
    } else {
        by_name | by_url
    };
    let others = (0..).zip(target.0.iter()).filter(|(at, _)| parked >> at & 1 == 0);
    (parked, others.map(|(_, endpoint)| endpoint.stream()).collect())
}

/// Whether an endpoint goes to a pool's parking URL, to which no declared destination pushes.
pub(super) fn goes_to_parking(endpoint: &Endpoint, parking_url: Option<&str>, index: &Index<'_>) -> bool {
    let is_there = |parking: &str| {
        *endpoint.canonical().url == *parking
            || endpoint.stream_name.is_empty() && *whole_url(&endpoint.url) == *parking
    };
    // Where destinations push to the same URL, a key that is not known may be that of one of them before it was changed.
    parking_url.is_some_and(|parking| is_there(parking) && !index.is_pushed_to(parking))
}

/// The one spelling of a URL that has no key in it.
pub(super) fn whole_url(url: &Arc<str>) -> Arc<str> {
    Endpoint::new(Arc::clone(url), Secret::new("key")).canonical().url
}
