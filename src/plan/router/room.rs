//! Who gets a place where MediaConnect has no more room.
//!
//! A stopped output keeps its route and its reservation (MediaConnect user guide), so one that is off takes the place of one that
//! is wanted. The one that has been off for longest is deleted for it. Nothing on air is stopped to make room.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::reading::{Occupant, Reading};
use super::{OutputWaiting, RouterLimit};
use crate::model::{Destination, DestinationName, Endpoint, OutputState, RouteState, RouterArn, RouterPool};

/// Places, given by priority.
#[derive(Debug, Default)]
pub(super) struct Room<'a> {
    /// Outputs that are deleted, and for which destination.
    pub(super) gives_way: BTreeMap<&'a RouterArn, &'a DestinationName>,
    /// Wanted destinations without a place.
    pub(super) short: BTreeMap<&'a DestinationName, OutputWaiting>,
}

/// Places that are free.
struct Free<'a> {
    in_region: usize,
    on_input: BTreeMap<&'a RouterArn, usize>,
}

impl<'a> Room<'a> {
    pub(super) fn new(reading: &Reading<'a>) -> Self {
        let mut room = Self::default();
        let mut free = Free::of(reading);
        let mut off = outputs_that_are_off(reading);
        let outputs = reading.observed.outputs.iter();
        let mut deleted: Vec<&RouterArn> = outputs
            .filter(|(_, output)| output.state == OutputState::Deleting)
            .map(|(arn, _)| arn)
            .collect();
        for (one, pool) in seekers(reading) {
            let own = reading.own(one);
            let needs_output = own.is_none();
            let needs_route = own.is_none_or(|(_, output, _)| {
                output.route == RouteState::Unrouted || output.input.as_ref() != Some(&pool.input)
            });
            let on_input = free.on_input.entry(&pool.input).or_default();
            let is_full = needs_route && *on_input == 0;
            if !is_full && (!needs_output || free.in_region > 0) {
                free.in_region -= usize::from(needs_output);
                *on_input -= usize::from(needs_route);
                continue;
            }
            // A place on the input is a place in the region as well.
            let fits = |arn: &&RouterArn| !is_full || reading.output(arn).input.as_ref() == Some(&pool.input);
            if let Some(at) = deleted.iter().position(fits) {
                deleted.remove(at);
                room.short.insert(&one.name, OutputWaiting::RoomIsMade);
            } else if let Some(at) = off.iter().position(fits) {
                room.gives_way.insert(off.remove(at), &one.name);
                room.short.insert(&one.name, OutputWaiting::RoomIsMade);
            } else {
                let quota = reading.observed.quota;
                let (limit, at) = if is_full {
                    (RouterLimit::PerInput, quota.per_input)
                } else {
                    (RouterLimit::PerRegion, quota.per_region)
                };
                let pool = pool.name.clone();
                room.short
                    .insert(&one.name, OutputWaiting::QuotaReached { limit, at, pool });
            }
        }
        room
    }
}

impl<'a> Free<'a> {
    fn of(reading: &Reading<'a>) -> Self {
        let quota = reading.observed.quota;
        let outputs = &reading.observed.outputs;
        let mut on_input: BTreeMap<&RouterArn, usize> = BTreeMap::new();
        for pool in reading.pools.values() {
            on_input.insert(&pool.input, quota.per_input);
        }
        for output in outputs
            .values()
            .filter(|output| output.route != RouteState::Unrouted)
        {
            if let Some(free) = output.input.as_ref().and_then(|input| on_input.get_mut(input)) {
                *free = free.saturating_sub(1);
            }
        }
        Self {
            in_region: quota.per_region.saturating_sub(outputs.len()),
            on_input,
        }
    }
}

/// Destinations that are wanted and can begin: the most important first.
fn seekers<'a>(reading: &Reading<'a>) -> Vec<(&'a Destination, &'a RouterPool)> {
    let mut seekers: Vec<_> = reading
        .pools
        .values()
        .flat_map(|pool| reading.destinations_of(pool).map(|one| (one, *pool)))
        .filter(|(one, pool)| reading.is_wanted(one, pool))
        .filter(|(one, _)| {
            let own = reading.own(one).map(|(arn, _, _)| arn);
            let is_free = |at: &Endpoint| {
                let pusher = reading.duplicate(at, own);
                pusher.is_none_or(|pusher| reading.leaves(one, pusher).is_some())
            };
            let may_begin = |at: Endpoint| is_free(&at) && reading.comes_before(one, &at).is_none();
            own.is_some() || one.endpoint().is_some_and(may_begin)
        })
        .collect();
    seekers.sort_by_key(|(one, _)| (Reverse(one.priority), &one.name));
    seekers
}

/// Outputs of ours that may be deleted: stopped, and of no destination that is wanted or paused. The longest off first.
fn outputs_that_are_off<'a>(reading: &Reading<'a>) -> Vec<&'a RouterArn> {
    let wanted: BTreeSet<&RouterArn> = reading
        .desired
        .destinations
        .values()
        .filter(|one| one.is_wanted(reading.now) || one.pause_at(reading.now).is_some())
        .filter_map(|one| reading.own(one).map(|(arn, _, _)| arn))
        .collect();
    let may_go = |(arn, occupant): &(&&'a RouterArn, &Occupant<'a>)| {
        let output = reading.output(arn);
        let pool = reading.home(arn);
        let is_released = match occupant {
            Occupant::Destination(one, _) => {
                output.record.is_some() && pool.is_some() && one.pause_at(reading.now).is_none()
            }
            Occupant::Vanished(record) if pool.is_none() && !reading.is_known_as_ours(record) => false,
            Occupant::Vanished(record) => {
                record.released || reading.elsewhere.released.contains(&record.identity)
            }
            Occupant::Undeclared => false,
        };
        output.state == OutputState::Standby
            && is_released
            && !wanted.contains(*arn)
            && pool.is_none_or(|pool| pool.pause_at(reading.now).is_none())
    };
    let off = reading.occupants.iter().filter(may_go);
    let mut off: Vec<&RouterArn> = off.map(|(arn, _)| *arn).collect();
    // Without a record of since when it is off, it may have been made just now.
    off.sort_by_key(|arn| {
        let since = reading
            .output(arn)
            .record
            .as_ref()
            .and_then(|record| record.off_since);
        (since.is_none(), since, *arn)
    });
    off
}
