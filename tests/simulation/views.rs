//! What is declared, and which declarations a process may know at a moment.
//!
//! It knows the last one that it could read, and reads files and table one after the other: either may be older.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use slotwise::model::{Desired, DestinationName};
use tokio::time::Instant;

use super::lost_keys::LostKeys;
use super::reading::{Endpoint, is_target_of};
use super::table::{Plan, Table};
use super::world::PARKING;

/// How old the declaration may be that a call is made on, from when it was noticed that it changed: a batch of changes,
/// a look and the call itself.
const DECLARED_MAX: Duration = Duration::from_secs(23);

/// A declaration, and since when it is the one.
#[derive(Clone)]
pub(super) struct View {
    from: Instant,
    pub(super) desired: Desired,
    /// What is left of it in the files, where a part of it is missing for no good reason.
    pub(super) left: Option<Desired>,
    /// Whose key cannot be read, so that what has their URL may be taken for theirs.
    pub(super) lost: BTreeSet<DestinationName>,
    /// Whether something is wrong with the files.
    is_spoiled: bool,
    /// How far the wall clock is ahead of the time that passed.
    ahead: Timestamp,
}

impl View {
    /// Whether somebody declares what a slot points at, or it is parked.
    pub(super) fn declares(&self, endpoint: &Endpoint) -> bool {
        let mut all = self.desired.destinations.values();
        endpoint.0 == PARKING || all.any(|one| is_target_of(one, endpoint))
    }
}

/// Every declaration of a life so far.
pub(super) struct Views {
    begun: Instant,
    /// In their order; there is always one.
    all: Vec<View>,
    lost_keys: LostKeys,
    /// How old the declaration may be that a call is made on.
    pub(super) declared_max: Duration,
}

impl Views {
    /// For processes that look at their files every `source_interval`.
    pub(super) fn new(desired: Desired, wall: Timestamp, source_interval: Duration) -> Self {
        let mut views = Self {
            begun: Instant::now(),
            all: Vec::new(),
            lost_keys: LostKeys::default(),
            declared_max: source_interval + DECLARED_MAX,
        };
        views.declare(desired, wall);
        views
    }

    /// The last one.
    pub(super) fn last(&self) -> &View {
        self.all.last().unwrap()
    }

    /// Takes note of what is declared from now on, while the wall clock shows `wall`.
    pub(super) fn declare(&mut self, mut desired: Desired, wall: Timestamp) {
        let lost = self.lost_keys.fill_in(&mut desired);
        let passed = self.begun.elapsed();
        let ahead = wall.checked_sub(passed).unwrap();
        self.all.push(View {
            from: Instant::now(),
            desired,
            left: None,
            lost,
            is_spoiled: false,
            ahead,
        });
    }

    /// Takes note that nobody can read any more that these are declared, and that this was nobody's wish.
    pub(super) fn miss(&mut self, names: &BTreeSet<DestinationName>) {
        let View {
            desired, lost, ahead, ..
        } = self.last();
        let mut left = desired.clone();
        left.destinations.retain(|name, _| !names.contains(name));
        self.all.push(View {
            from: Instant::now(),
            desired: desired.clone(),
            left: (!names.is_empty()).then_some(left),
            lost: lost.clone(),
            is_spoiled: true,
            ahead: *ahead,
        });
    }

    /// Every declaration that may be known, with the times that the wall clock showed at its edges. Where items live in a
    /// table, as the process in that seat, or in any, may have read them.
    pub(super) fn recent<'a>(
        &'a self,
        table: Option<(&Table, Option<char>)>,
    ) -> impl Iterator<Item = (Cow<'a, View>, Timestamp)> {
        let back = Instant::now()
            .checked_sub(self.declared_max)
            .unwrap_or(self.begun);
        let walls: Vec<Timestamp> = self.since(back).map(|(_, wall)| wall).collect();
        let mut files: Vec<&View> = self
            .since(self.readable_since(back))
            .map(|(view, _)| view)
            .collect();
        files.dedup_by_key(|view| view.from);
        let known: Vec<Cow<'_, View>> = match table {
            None => files.into_iter().map(Cow::Borrowed).collect(),
            Some((table, seat)) => self.mixed(table, seat, &files, back),
        };
        let at = move |view: Cow<'a, View>| walls.clone().into_iter().map(move |wall| (view.clone(), wall));
        known.into_iter().flat_map(at)
    }

    /// From when the files may be that are known of since `back`: what was written right before they were spoiled may never
    /// have been read, and what was read before that is in force.
    fn readable_since(&self, back: Instant) -> Instant {
        let mut since = back;
        let mut until = Instant::now();
        for view in self.all.iter().rev() {
            if until < since {
                break;
            }
            if view.is_spoiled {
                since = since.min(view.from.checked_sub(self.declared_max).unwrap_or(self.begun));
            }
            until = view.from;
        }
        since
    }

    /// Items are as of the last look at the table that worked before; either may be older than the other.
    fn mixed(&self, table: &Table, seat: Option<char>, files: &[&View], back: Instant) -> Vec<Cow<'_, View>> {
        let mut items: Vec<&View> = self
            .since(table.known_from(seat, back))
            .map(|(view, _)| view)
            .collect();
        items.dedup_by_key(|view| view.from);
        let with_items = |of_files: &&View| {
            let of_files = *of_files;
            let mixed = items
                .iter()
                .map(move |view| Cow::Owned(mixed(of_files, view, &table.plan)));
            mixed.collect::<Vec<_>>()
        };
        files.iter().flat_map(with_items).collect()
    }

    /// Every declaration since `back`, with the times that the wall clock showed at its edges.
    fn since(&self, back: Instant) -> impl Iterator<Item = (&View, Timestamp)> {
        let (now, begun) = (Instant::now(), self.begun);
        let back = back.max(begun);
        self.all.iter().enumerate().rev().flat_map(move |(at, view)| {
            let until = self.all.get(at + 1).map_or(now, |next| next.from);
            let (from, until) = (view.from.max(back), until.min(now));
            let edges = if from <= until {
                vec![until, from]
            } else {
                Vec::new()
            };
            edges
                .into_iter()
                .map(move |edge| (view, view.ahead.checked_add(edge - begun).unwrap()))
        })
    }
}

/// What is known where the files say what `of_files` says and the table what `of_table` says.
fn mixed(of_files: &View, of_table: &View, plan: &Plan) -> View {
    let with_items = |desired: &Desired| mix(desired, &of_files.desired, &of_table.desired, plan);
    View {
        desired: with_items(&of_files.desired),
        left: of_files.left.as_ref().map(with_items),
        lost: of_files.lost.clone(),
        ..*of_files
    }
}

/// `desired` with the items of `of_table` in the place of its own.
fn mix(desired: &Desired, of_files: &Desired, of_table: &Desired, plan: &Plan) -> Desired {
    let mut desired = desired.clone();
    desired.destinations.retain(|_, one| !plan.holds(one));
    let items = of_table.destinations.iter().filter(|(_, one)| plan.holds(one));
    for (name, one) in items {
        let mut one = Arc::clone(one);
        // A key that stands in a file is read from it.
        let in_file = of_files.destinations.get(name).filter(|_| !plan.keys_inside);
        if let Some(newer) = in_file {
            Arc::make_mut(&mut one).key = newer.key.clone();
        }
        desired.destinations.insert(name.clone(), one);
    }
    desired
}
