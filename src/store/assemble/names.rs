//! The name of each object, where several have the same.
//!
//! | equal names of | result |
//! |---|---|
//! | objects of files | one stays: a valid one, rather the one that was in force, rather the first; the others are set aside. Valid ones that differ are all set aside if none of them was in force; what was in force before stays so |
//! | items of tables | the one that had the name keeps it, otherwise the first by key; the others get a suffix from their keys |
//! | an object and an item whose name is a label | the item gets a suffix, unless it had the name: then the object is set aside |
//! | an object and an item with a name of its own | the one that was in force stays; if neither was, both are set aside |
//!
//! Items that are set aside have a name of their own as well: messages about them must not name another one.
//!
//! Which of two objects was in force is not known after a restart. The order of their files says nothing of it, and if the
//! newcomer counted, it could take off air what the other one declares. Set aside, both count as declared.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::super::changes::{is_changed, is_pool_changed};
use super::{Candidate, Good};
use crate::manifest::ObjectId;
use crate::manifest::node::FieldPath;
use crate::model::{Destination, DestinationName, Identity, Pool};

const FIX: &str = "rename one of the two, or remove it";

/// Sets aside all but one of the pools that are called the same.
pub(super) fn settle_pools(pools: &mut [Candidate<Pool>], before: &Good) {
    for indexes in same_names(pools) {
        let before = before.pools.get(pools[indexes[0]].name.as_str());
        let before = before.map(|pool| (pool.file.as_path(), &pool.value));
        match stays(pools, &indexes, before, is_pool_changed) {
            Some(stays) => set_aside_others(pools, &indexes, stays),
            None => set_aside_all(pools, &indexes),
        }
    }
}

/// Gives each destination a name of its own, or sets it aside.
pub(super) fn settle_destinations(
    destinations: &mut [Candidate<Destination>],
    before: &Good,
    is_lost: &dyn Fn(&Path) -> bool,
) {
    let mut names = Names::new(destinations, before, is_lost);
    names.leave_to_holders(destinations);
    names.settle_objects(destinations);
    names.settle_items(destinations);
    settle_identities(destinations);
}

/// Two with one identity are indistinguishable on air: items of one key in two tables of one name, such as replicas of a
/// table in two regions.
fn settle_identities(destinations: &mut [Candidate<Destination>]) {
    let mut first: BTreeMap<Identity, usize> = BTreeMap::new();
    for index in 0..destinations.len() {
        if destinations[index].value.is_none() {
            continue;
        }
        let identity = destinations[index].identity.clone();
        let Some(first) = first.get(&identity) else {
            first.insert(identity, index);
            continue;
        };
        let message = format!(
            "{} is recorded by the same name, {identity}",
            destinations[*first].place()
        );
        let fix = "declare one of the two only, or give this one another key";
        destinations[index].reject(&FieldPath::from("metadata.name"), message, fix);
    }
}

/// The indexes of those in files that are called the same, name by name, alone or not.
fn same_names<T>(candidates: &[Candidate<T>]) -> Vec<Vec<usize>> {
    let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, candidate) in candidates.iter().enumerate() {
        if candidate.item().is_none() {
            by_name.entry(&candidate.name).or_default().push(index);
        }
    }
    by_name.into_values().collect()
}

/// Which of `indexes`, at least one, stays; the one of `before` was last read from this file. `None` where valid ones `differ` and
/// that is none of them, or may be any: of several in its file it is the one that has not changed.
fn stays<T>(
    candidates: &[Candidate<T>],
    indexes: &[usize],
    before: Option<(&Path, &T)>,
    differ: fn(&T, &T) -> bool,
) -> Option<usize> {
    let is_of_file = |index: usize| before.is_some_and(|(file, _)| candidates[index].file() == file);
    let is_same = |index: usize| {
        let (value, old) = (candidates[index].value.as_ref(), before.map(|(_, old)| old));
        value.zip(old).is_some_and(|(value, old)| !differ(old, value))
    };
    let rank = |index: &usize| {
        let is_other = !is_of_file(*index);
        (
            candidates[*index].value.is_none(),
            is_other,
            is_other || !is_same(*index),
            *index,
        )
    };
    let best = indexes.iter().copied().min_by_key(rank)?;
    let valid = || {
        let all = indexes.iter().copied();
        all.filter_map(|index| Some((index, candidates[index].value.as_ref()?)))
    };
    let is_alone = valid().filter(|(index, _)| is_of_file(*index)).count() == 1;
    let is_in_force = candidates[best].value.is_some() && is_of_file(best) && (is_alone || is_same(best));
    let (_, first) = valid().next().unzip();
    let contradict = first.is_some_and(|first| valid().any(|(_, other)| differ(first, other)));
    (is_in_force || !contradict).then_some(best)
}

fn set_aside_others<T>(candidates: &mut [Candidate<T>], indexes: &[usize], stays: usize) {
    if indexes.len() < 2 {
        return;
    }
    let (id, place) = (candidates[stays].id.clone(), candidates[stays].place());
    for index in indexes.iter().copied().filter(|index| *index != stays) {
        candidates[index].set_aside_for(&id, &place, "which stays in force");
        candidates[index].is_second = true;
    }
}

/// Of objects and `items` of one name the object that is `in_force` stays; without one all are set aside.
fn settle_beside_items(
    destinations: &mut [Candidate<Destination>],
    indexes: &[usize],
    items: Vec<usize>,
    in_force: Option<usize>,
) {
    let object = in_force.unwrap_or(indexes[0]);
    let (object_at, item_at) = (destinations[object].place(), destinations[items[0]].place());
    let fate = if in_force.is_some() {
        "which stays in force"
    } else {
        "and neither is in force yet"
    };
    for index in items {
        destinations[index].set_aside_beside(&object_at, fate);
    }
    if let Some(stays) = in_force {
        set_aside_others(destinations, indexes, stays);
    } else {
        for index in indexes {
            destinations[*index].set_aside_beside(&item_at, fate);
        }
    }
}

/// Sets all of them aside: which of them is meant is not known.
fn set_aside_all<T>(candidates: &mut [Candidate<T>], indexes: &[usize]) {
    let place = |index: &usize| (candidates[*index].id.clone(), candidates[*index].place());
    let places: Vec<(ObjectId, String)> = indexes.iter().map(place).collect();
    for (at, index) in indexes.iter().enumerate() {
        let (id, place) = &places[usize::from(at == 0)];
        candidates[*index].set_aside_for(id, place, "with other content, so neither counts");
        candidates[*index].is_second = true;
    }
}

impl<T> Candidate<T> {
    /// Sets it aside because it is declared at `place` too.
    fn set_aside_beside(&mut self, place: &str, fate: &str) {
        let id = self.id.clone();
        self.set_aside_for(&id, place, fate);
    }

    /// Sets it aside because `other`, which may be of another kind, is declared at `place`.
    fn set_aside_for(&mut self, other: &ObjectId, place: &str, fate: &str) {
        let message = format!("{other} is declared at {place} too, {fate}");
        self.reject(&FieldPath::from("metadata.name"), message, FIX);
    }
}

/// The object that has a name.
enum Holder {
    /// One that cannot be read now, from there.
    Lost(String),
    /// The destination of this index.
    Present(usize),
}

struct Names<'b> {
    before: &'b Good,
    /// What each was called before.
    held: BTreeMap<&'b Identity, &'b DestinationName>,
    taken: BTreeMap<String, Holder>,
}

impl<'b> Names<'b> {
    fn new(
        destinations: &[Candidate<Destination>],
        before: &'b Good,
        is_lost: &dyn Fn(&Path) -> bool,
    ) -> Self {
        let present: BTreeSet<&Identity> = destinations.iter().map(|one| &one.identity).collect();
        let lost = before
            .destinations
            .iter()
            .filter(|(_, one)| is_lost(&one.file) && !present.contains(&one.value.identity));
        let taken = lost.map(|(name, one)| {
            let place = one.file.display().to_string();
            (name.to_string(), Holder::Lost(place))
        });
        let held = before.destinations.iter();
        Self {
            before,
            held: held.map(|(name, one)| (&one.value.identity, name)).collect(),
            taken: taken.collect(),
        }
    }

    /// Items keep the names that they had, as long as they could still have them. So do those that are faulty now: their last
    /// good state has that name.
    fn leave_to_holders(&mut self, destinations: &mut [Candidate<Destination>]) {
        for (index, candidate) in destinations.iter_mut().enumerate() {
            let Some(name) = self
                .held
                .get(&candidate.identity)
                .filter(|_| candidate.item().is_some())
            else {
                continue;
            };
            let is_own = candidate.value.is_none() || candidate.own_names().iter().any(|own| **name == **own);
            if is_own && !self.taken.contains_key(name.as_str()) {
                self.taken.insert(name.to_string(), Holder::Present(index));
                candidate.call(name.as_str());
            }
        }
    }

    /// Objects of files cannot be called otherwise.
    fn settle_objects(&mut self, destinations: &mut [Candidate<Destination>]) {
        let mut items: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, candidate) in destinations.iter().enumerate() {
            let is_settled = self.held_by(&candidate.name) == Some(index);
            let says_itself = candidate.item().is_some_and(|item| !item.layout.label);
            if says_itself && !is_settled && candidate.value.is_some() {
                items.entry(candidate.name.clone()).or_default().push(index);
            }
        }
        for indexes in same_names(destinations) {
            let name = destinations[indexes[0]].name.clone();
            if let Some(place) = self.place_of(&name, destinations) {
                for index in indexes {
                    destinations[index].set_aside_beside(&place, "which stays in force");
                    destinations[index].is_second = true;
                }
                continue;
            }
            let before = self.before.destinations.get(name.as_str());
            let before = before.filter(|one| one.value.identity == destinations[indexes[0]].identity);
            let of_before = before.map(|one| (one.file.as_path(), &*one.value));
            let stays = stays(destinations, &indexes, of_before, is_changed);
            let items = items.remove(&name);
            self.taken
                .insert(name, Holder::Present(stays.unwrap_or(indexes[0])));
            match (items, stays) {
                (None, Some(stays)) => set_aside_others(destinations, &indexes, stays),
                (None, None) => set_aside_all(destinations, &indexes),
                (Some(items), stays) => {
                    let is_valid = |index: &usize| destinations[*index].value.is_some();
                    let in_force = stays.filter(|stays| before.is_some() && is_valid(stays));
                    settle_beside_items(destinations, &indexes, items, in_force);
                }
            }
        }
    }

    /// The other items take what is free.
    fn settle_items(&mut self, destinations: &mut [Candidate<Destination>]) {
        let open = |(index, candidate): &(usize, &Candidate<Destination>)| {
            candidate.item().is_some() && self.held_by(&candidate.name) != Some(*index)
        };
        let mut indexes: Vec<usize> = destinations
            .iter()
            .enumerate()
            .filter(open)
            .map(|(index, _)| index)
            .collect();
        // What is faulty takes no name from what is not.
        indexes.sort_by_key(|index| destinations[*index].value.is_none());
        for index in indexes {
            let candidate = &mut destinations[index];
            let mut names = candidate.own_names().into_iter();
            match names.find(|name| !self.taken.contains_key(name)) {
                Some(name) => {
                    candidate.call(&name);
                    self.taken.insert(name, Holder::Present(index));
                }
                None => candidate.reject(
                    &FieldPath::from("metadata.name"),
                    "every name that could be made of this one is another destination's",
                    "rename it",
                ),
            }
        }
    }

    /// Where the object is declared that has a name already.
    fn place_of(&self, name: &str, destinations: &[Candidate<Destination>]) -> Option<String> {
        Some(match self.taken.get(name)? {
            Holder::Lost(place) => place.clone(),
            Holder::Present(holder) => destinations[*holder].place(),
        })
    }

    fn held_by(&self, name: &str) -> Option<usize> {
        match self.taken.get(name) {
            Some(Holder::Present(index)) => Some(*index),
            _ => None,
        }
    }
}

impl Candidate<Destination> {
    /// What an item may be called: as it says, with a suffix from its key, or as it is recorded.
    fn own_names(&self) -> Vec<String> {
        /// Letters of a label.
        const LABEL: usize = 63;
        let Some(item) = self.item() else {
            return vec![self.name.clone()];
        };
        let suffix = item.id.suffix();
        let room = LABEL - 1 - suffix.len();
        let is_short = |end: &usize| self.name.is_char_boundary(*end);
        let end = (0..=room.min(self.name.len())).rev().find(is_short);
        let start = self.name[..end.unwrap_or(0)].trim_end_matches('-');
        vec![
            self.name.clone(),
            format!("{start}-{suffix}"),
            self.identity.to_string(),
        ]
    }

    /// Calls it `name` from now on.
    fn call(&mut self, name: &str) {
        if self.name == name {
            return;
        }
        name.clone_into(&mut self.name);
        name.clone_into(&mut self.id.name);
        self.report.rename(name);
        if let Some(value) = &mut self.value {
            value.name = DestinationName::new(name);
        }
    }
}
