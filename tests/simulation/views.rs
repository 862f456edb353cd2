//! What is declared, and which declarations a process may know at a moment.
//!
//! It knows the last one that it could read, and reads files and table one after the other: either may be older.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use slotwise::testing::model::{Desired, DestinationName};
use tokio::time::Instant;

use super::files::Spoiled;
use super::reading::{Endpoint, is_parking, is_target_of};
use super::table::{Plan, Table};

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
    /// The destination where a file is torn: in force as it was read before.
    torn: Option<DestinationName>,
    /// Whether something is wrong with the files.
    is_spoiled: bool,
    /// How far the wall clock is ahead of the time that passed.
    ahead: Timestamp,
}

impl View {
    /// Whether the target of a slot is declared, or it is parked.
    pub(super) fn declares(&self, endpoint: &Endpoint) -> bool {
        let mut all = self.desired.destinations.values();
        is_parking(endpoint) || all.any(|one| is_target_of(one, endpoint))
    }
}

/// Every declaration of a life so far.
pub(super) struct Views {
    begun: Instant,
    /// In their order; there is always one.
    all: Vec<View>,
    /// How old the declaration may be that a call is made on.
    pub(super) declared_max: Duration,
}

impl Views {
    /// For processes that look at their files every `source_interval`.
    pub(super) fn new(desired: Desired, wall: Timestamp, source_interval: Duration) -> Self {
        let mut views = Self {
            begun: Instant::now(),
            all: Vec::new(),
            declared_max: source_interval + DECLARED_MAX,
        };
        views.declare(desired, wall);
        views
    }

    /// The last one.
    pub(super) fn last(&self) -> &View {
        self.all.last().unwrap()
    }

    /// Whether an endpoint was declared once, and a destination whose key cannot be read may be that one, renamed: while that is
    /// open, whoever was interrupted comes back although it is removed.
    pub(super) fn may_be_renamed(&self, endpoint: &Endpoint) -> bool {
        let mut declared = self.last().desired.destinations.values();
        let is_open =
            declared.any(|one| matches!(one.key, slotwise::testing::model::StreamKey::Unavailable { .. }));
        is_open && self.all.iter().any(|view| view.declares(endpoint))
    }

    /// Takes note of what is declared from now on, while the wall clock shows `wall`.
    pub(super) fn declare(&mut self, desired: Desired, wall: Timestamp) {
        let passed = self.begun.elapsed();
        let ahead = wall.checked_sub(passed).unwrap();
        self.all.push(View {
            from: Instant::now(),
            desired,
            left: None,
            torn: None,
            is_spoiled: false,
            ahead,
        });
    }

    /// Takes note of what happened to the files, by accident.
    pub(super) fn spoil(&mut self, Spoiled { missing, torn }: Spoiled) {
        let View { desired, ahead, .. } = self.last();
        let mut left = desired.clone();
        left.destinations.retain(|name, _| !missing.contains(name));
        self.all.push(View {
            from: Instant::now(),
            desired: desired.clone(),
            left: (!missing.is_empty()).then_some(left),
            torn,
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
        let torn: Vec<View> = where_torn(&files).collect();
        let mut files: Vec<Cow<'_, View>> = files.into_iter().map(Cow::Borrowed).collect();
        files.extend(torn.into_iter().map(Cow::Owned));
        let known: Vec<Cow<'_, View>> = match table {
            None => files,
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
    fn mixed<'a>(
        &'a self,
        table: &Table,
        seat: Option<char>,
        files: &[Cow<'a, View>],
        back: Instant,
    ) -> Vec<Cow<'a, View>> {
        let known_from = table.known_from(seat, back);
        let mut items: Vec<&View> = self.since(known_from).map(|(view, _)| view).collect();
        items.dedup_by_key(|view| view.from);
        // What an emptied table held stays as it was, with the key that it had.
        let keys_of_items: &[bool] = match (table.plan.keys_inside, table.was_empty_since(known_from)) {
            (true, _) => &[true],
            (false, true) => &[true, false],
            (false, false) => &[false],
        };
        let with_items = |of_files: &Cow<'a, View>| {
            let mixed = items.iter().flat_map(move |view| {
                let mixed = |keys_of_items: &bool| mixed(of_files, view, &table.plan, *keys_of_items);
                keys_of_items.iter().map(mixed)
            });
            mixed.map(Cow::Owned).collect::<Vec<Cow<'a, View>>>()
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

/// What is known of torn files: the destination there as it was in any of `files`, which begin with the newest, and all
/// others as they are.
fn where_torn<'a>(files: &'a [&View]) -> impl Iterator<Item = View> + 'a {
    files.iter().enumerate().flat_map(move |(at, view)| {
        let as_it_was = move |before: &&View, name: &DestinationName| {
            let mut view = (**view).clone();
            match before.desired.destinations.get(name) {
                Some(one) => drop(view.desired.destinations.insert(name.clone(), Arc::clone(one))),
                None => drop(view.desired.destinations.remove(name)),
            }
            view
        };
        let name = view.torn.iter();
        name.flat_map(move |name| files[at + 1..].iter().map(move |before| as_it_was(before, name)))
    })
}

/// What is known where the files say what `of_files` says and the table what `of_table` says; the keys may be those of
/// the items.
fn mixed(of_files: &View, of_table: &View, plan: &Plan, keys_of_items: bool) -> View {
    let with_items = |desired: &Desired| {
        let newer = (!keys_of_items).then_some(&of_files.desired);
        mix(desired, newer, &of_table.desired, plan)
    };
    View {
        desired: with_items(&of_files.desired),
        left: of_files.left.as_ref().map(with_items),
        torn: of_files.torn.clone(),
        ..*of_files
    }
}

/// `desired` with the items of `of_table` in the place of its own; their keys are those of `newer`, if that is given.
fn mix(desired: &Desired, newer: Option<&Desired>, of_table: &Desired, plan: &Plan) -> Desired {
    let mut desired = desired.clone();
    desired.destinations.retain(|_, one| !plan.holds(one));
    let items = of_table.destinations.iter().filter(|(_, one)| plan.holds(one));
    for (name, one) in items {
        let mut one = Arc::clone(one);
        if let Some(newer) = newer.and_then(|newer| newer.destinations.get(name)) {
            Arc::make_mut(&mut one).key = newer.key.clone();
        }
        desired.destinations.insert(name.clone(), one);
    }
    desired
}
