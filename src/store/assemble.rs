//! Rules about several objects: names, pools and channels that are known and unique, and the last good state of an object
//! that is not valid now.
//!
//! The rule throughout: what was good stays in force until something good replaces it or it is certainly removed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

mod names;
mod pools;
mod twins;

use self::pools::{Pools, pools_to_keep, settle_channels, settle_sources};
use self::twins::{Twin, twins};
use crate::manifest::decode::{Object, RawObject};
use crate::manifest::document::Item;
use crate::manifest::node::FieldPath;
use crate::manifest::reference::{KeyLookup, KeyReference};
use crate::manifest::report::Report;
use crate::manifest::validate::{
    Globs, KeySource, key_source, router_mistakes, validate_destination, validate_pool, validate_router_pool,
};
use crate::manifest::words::{is_harmless, nearest, shown};
use crate::manifest::yaml::Spot;
use crate::manifest::{ObjectId, Problem, Rejected};
use crate::model::{
    ChannelId, ChannelPool, Destination, DestinationName, Endpoint, Identity, OutputGroup, Pool, PoolName,
    Secret, StreamKey, WantedState,
};

/// Names that are listed in a message at most.
const NAMES_LISTED: usize = 8;

/// Valid objects, and the file that each was last read from.
#[derive(Debug, Clone, Default)]
pub struct Good {
    /// The pools.
    pub pools: BTreeMap<PoolName, Declared<Pool>>,
    /// The destinations; the pool of each is in `pools`.
    pub destinations: BTreeMap<DestinationName, Declared<Arc<Destination>>>,
    /// Destinations that are set aside and have no last good state, with their names in messages: what is on air as one of
    /// them is declared all the same.
    pub set_aside: BTreeMap<Identity, DestinationName>,
}

/// A valid object and the file that it was last read from.
#[derive(Debug, Clone)]
pub struct Declared<T> {
    /// The object.
    pub value: T,
    /// The file.
    pub file: PathBuf,
}

/// What came of a load.
#[derive(Debug, Default)]
pub struct Assembled {
    /// What is in force.
    pub good: Good,
    /// Every mistake in the objects, in no order.
    pub problems: Vec<Problem>,
    /// What was set aside.
    pub rejected: Vec<Rejected>,
    /// What is missing without a last good state, a phrase each.
    pub doubts: Vec<String>,
}

/// Puts `objects` together. `before` is what was in force until now; `is_lost`: files whose content could not
/// be read to the end, so that what was in them is not certainly gone.
pub fn assemble(
    objects: Vec<Object>,
    look_up: &dyn Fn(&KeyReference) -> KeyLookup,
    before: &Good,
    is_lost: &dyn Fn(&Path) -> bool,
) -> Assembled {
    let (mut pools, mut globs) = (Vec::new(), Globs::default());
    let mut destinations = Vec::with_capacity(objects.len());
    for mut object in objects {
        match object.raw.take() {
            Some(RawObject::Pool(raw)) => {
                let value = validate_pool(&raw, &mut globs, &mut object.report);
                pools.push(Candidate::new(object, value.map(Pool::Channels), None));
            }
            Some(RawObject::RouterPool(raw)) => {
                let value = validate_router_pool(&raw, &mut object.report);
                pools.push(Candidate::new(object, value.map(Pool::Router), None));
            }
            Some(RawObject::Destination(raw)) => {
                let value = validate_destination(&raw, look_up, &mut object.report);
                let file = object.report.document().declared_in();
                let links = Links {
                    pool: raw.spec.pool.clone(),
                    key: key_source(&raw.spec, file),
                };
                destinations.push(Candidate::new(object, value, Some(links)));
            }
            // Tables have been read, and their items are among the objects.
            Some(RawObject::Table(_)) => {}
            None if object.id.kind == "DestinationTable" => {}
            None if matches!(object.id.kind.as_str(), "ChannelPool" | "RouterPool") => {
                pools.push(Candidate::new(object, None, None));
            }
            None => destinations.push(Candidate::new(object, None, None)),
        }
    }
    names::settle_pools(&mut pools, before);
    settle_channels(&mut pools, before);
    settle_sources(&mut pools);

    let kept_pools = pools_to_keep(&pools, &destinations, before, is_lost);
    let in_force = Pools::new(&pools, kept_pools);
    for destination in &mut destinations {
        check_links(destination, &in_force);
    }
    names::settle_destinations(&mut destinations, before, is_lost);
    check_streams(&mut destinations);
    check_pins(&mut destinations);

    let kept = destinations_to_keep(&destinations, &in_force, before, is_lost);
    finish(pools, destinations, in_force, kept)
}

/// An object on its way to being good.
struct Candidate<T> {
    name: String,
    /// What it is recorded by. Objects of a file are what they are called; items of a table have keys.
    identity: Identity,
    id: ObjectId,
    report: Report,
    /// The object; `None` once it is set aside, or in force.
    value: Option<T>,
    /// In force.
    is_good: bool,
    links: Option<Links>,
    /// Set aside because another object has its name.
    is_second: bool,
}

/// What a destination refers to, valid or not.
struct Links {
    pool: String,
    key: Option<KeySource>,
}

impl<T> Candidate<T> {
    fn new(object: Object, value: Option<T>, links: Option<Links>) -> Self {
        let identity = object.identity();
        let Object { id, report, .. } = object;
        Self {
            name: id.name.clone(),
            identity,
            id,
            report,
            value,
            is_good: false,
            links,
            is_second: false,
        }
    }

    fn item(&self) -> Option<&Item> {
        self.report.document().item()
    }

    fn file(&self) -> &Path {
        self.report.document().file()
    }

    fn reject(&mut self, path: &FieldPath, message: impl Into<String>, fix: impl Into<String>) {
        self.report.reject(path, message, fix);
        self.value = None;
    }

    /// Where it is declared, for a message about another object.
    fn place(&self) -> String {
        self.report
            .document()
            .locate(&FieldPath::from("metadata.name"), Spot::Value)
            .to_string()
    }
}

/// A destination's pool is known, and its pin is one of the pool's slots.
fn check_links(candidate: &mut Candidate<Destination>, in_force: &Pools) {
    let links = candidate.links.as_ref().filter(|links| !links.pool.is_empty());
    let Some(name) = links.map(|links| PoolName::new(&links.pool)) else {
        return;
    };
    let path = FieldPath::from("spec.pool");
    match (in_force.all.get(&name), in_force.set_aside.get(&name)) {
        (None, Some(place)) => {
            let message = format!("pool {name} is not valid itself");
            candidate.reject(&path, message, format!("correct the pool first: {place}"));
        }
        (None, None) => {
            let message = format!("there is no pool {}", shown(name.as_str()));
            candidate.reject(&path, message, unknown_pool(name.as_str(), in_force));
        }
        (Some(pool), set_aside) => {
            if set_aside.is_none() && in_force.kept.contains(&name) {
                let message =
                    format!("pool {name} is no longer declared; its last declaration stays in force");
                candidate
                    .report
                    .error(&path, message, "declare it again, or name another pool");
            }
            match &pool.value {
                Pool::Channels(pool) => check_pin(candidate, pool),
                Pool::Router(_) => check_router(candidate),
            }
        }
    }
}

fn unknown_pool(name: &str, in_force: &Pools) -> String {
    let names = || in_force.all.keys().map(PoolName::as_str);
    match (nearest(name, names()), names().next()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, Some(first)) if names().count() == 1 => format!("the only pool is `{first}`"),
        (None, Some(_)) => "name a pool that is declared".to_owned(),
        (None, None) => "declare a ChannelPool or RouterPool of this name".to_owned(),
    }
}

/// What MediaConnect asks of a destination: told before anything stops for it.
fn check_router(candidate: &mut Candidate<Destination>) {
    let mistakes = candidate.value.as_ref().map(router_mistakes);
    for (field, message, fix) in mistakes.into_iter().flatten() {
        let source = candidate.links.as_ref().and_then(|links| links.key.as_ref());
        let is_inline = matches!(source, Some(KeySource::Inline(_)));
        let field = match field {
            "streamKeyFrom" if is_inline => "streamKey",
            field => field,
        };
        candidate.reject(&FieldPath::from("spec").field(field), message, fix);
    }
}

fn check_pin(candidate: &mut Candidate<Destination>, pool: &ChannelPool) {
    let Some(pin) = candidate.value.as_ref().and_then(|value| value.pin.clone()) else {
        return;
    };
    let path = FieldPath::from("spec.slot");
    let ids = || pool.channels.iter().map(|channel| &channel.id);
    if !ids().any(|id| *id == pin.channel) {
        let names = || ids().map(ChannelId::as_str);
        let message = format!(
            "channel {} is none of pool {}",
            shown(pin.channel.as_str()),
            pool.name
        );
        let fix = match nearest(pin.channel.as_str(), names()) {
            Some(near) if is_harmless(near) => format!("did you mean {near}?"),
            _ => format!("name a channel of the pool: {}", some_of(names())),
        };
        candidate.reject(&path.field("channel"), message, fix);
    } else if !pool.slots.output_groups.is_match(pin.output_group.as_str()) {
        let glob = shown(pool.slots.output_groups.glob().glob());
        let message = format!(
            "{} is no slot of pool {}",
            shown(pin.output_group.as_str()),
            pool.name
        );
        let fix = format!("name a group that slots.outputGroups matches: {glob}");
        candidate.reject(&path.field("outputGroup"), message, fix);
    }
}

/// The first few of `names`, as far as they may be repeated.
fn some_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut some: Vec<&str> = names
        .filter(|name| is_harmless(name))
        .take(NAMES_LISTED + 1)
        .collect();
    if some.len() > NAMES_LISTED {
        some[NAMES_LISTED] = "…";
    }
    some.join(", ")
}

/// Wanted destinations that are one stream: reported here, and settled by the planner, which sees what is on air.
fn check_streams(destinations: &mut [Candidate<Destination>]) {
    // What cannot be read is the same key where it is kept in the same place.
    let mut sources: BTreeMap<KeySource, usize> = BTreeMap::new();
    let mut streamed = Vec::new();
    for (index, candidate) in destinations.iter().enumerate() {
        let Some(value) = wanted(candidate) else { continue };
        let key = match (
            &value.key,
            candidate.links.as_ref().and_then(|links| links.key.clone()),
        ) {
            (StreamKey::Known(key), _) => key.clone(),
            (StreamKey::Unavailable { .. }, Some(source)) => {
                let next = sources.len();
                Secret::new(format!("\0{}", sources.entry(source).or_insert(next)))
            }
            (StreamKey::Unavailable { .. }, None) => continue,
        };
        let urls = std::iter::once(&value.url).chain(&value.backup_url);
        let endpoints = urls.map(|url| Endpoint::new(Arc::clone(url), key.clone()));
        streamed.push((index, endpoints.collect()));
    }
    for Twin {
        one,
        other,
        is_backup,
    } in twins(&streamed)
    {
        let other = (&destinations[other].id, destinations[other].place());
        let path = FieldPath::from("spec");
        let (message, fix) = if is_backup {
            (
                format!(
                    "{} at {} streams the same key to the platform's other ingest",
                    other.0, other.1
                ),
                "keep both where one is the backup of the other; the platform shows one stream",
            )
        } else {
            (
                format!(
                    "{} at {} is the same stream: the same place with the same key",
                    other.0, other.1
                ),
                "set one of the two to state: Ready, or give each its own key",
            )
        };
        let report = &mut destinations[one].report;
        if is_backup {
            report.warn(&path, message, fix);
        } else {
            report.error(&path, message, fix);
        }
    }
}

fn wanted(candidate: &Candidate<Destination>) -> Option<&Destination> {
    let value = candidate.value.as_ref()?;
    // One that is paused is not wanted; whether it still is depends on the time.
    (value.state == WantedState::Streaming && value.paused.is_none()).then_some(value)
}

/// Two wanted destinations pinned to one slot can never both be on air.
fn check_pins(destinations: &mut [Candidate<Destination>]) {
    let mut owners: BTreeMap<(ChannelId, OutputGroup), usize> = BTreeMap::new();
    for index in 0..destinations.len() {
        let Some(pin) = wanted(&destinations[index]).and_then(|value| value.pin.clone()) else {
            continue;
        };
        let slot = (pin.channel, pin.output_group);
        if let Some(owner) = owners.get(&slot).copied() {
            let message = format!(
                "{} at {} is pinned to the same slot",
                destinations[owner].id,
                destinations[owner].place()
            );
            let fix = "pin one of the two elsewhere: only one can be on air";
            destinations[index]
                .report
                .warn(&FieldPath::from("spec.slot"), message, fix);
        } else {
            owners.insert(slot, index);
        }
    }
}

/// Destinations of before that stay in force: set aside now, or lost.
fn destinations_to_keep(
    destinations: &[Candidate<Destination>],
    in_force: &Pools,
    before: &Good,
    is_lost: &dyn Fn(&Path) -> bool,
) -> BTreeMap<DestinationName, Declared<Arc<Destination>>> {
    let valid: BTreeSet<&Identity> = destinations
        .iter()
        .filter(|one| one.value.is_some())
        .map(|one| &one.identity)
        .collect();
    let present: BTreeSet<&Identity> = destinations.iter().map(|one| &one.identity).collect();
    let stays = |old: &Declared<Arc<Destination>>| {
        let identity = &old.value.identity;
        !valid.contains(identity)
            && (present.contains(identity) || is_lost(&old.file))
            && in_force.can_carry(&old.value)
    };
    let old = before.destinations.iter();
    old.filter(|(_, one)| stays(one))
        .map(|(name, one)| (name.clone(), one.clone()))
        .collect()
}

fn finish(
    pools: Vec<Candidate<Pool>>,
    mut destinations: Vec<Candidate<Destination>>,
    in_force: Pools,
    kept: BTreeMap<DestinationName, Declared<Arc<Destination>>>,
) -> Assembled {
    let mut assembled = Assembled {
        good: Good {
            pools: in_force.all,
            destinations: kept,
            set_aside: BTreeMap::new(),
        },
        ..Assembled::default()
    };
    for one in &mut destinations {
        let file = one.file().to_owned();
        if let Some(value) = one.value.take() {
            one.is_good = true;
            let name = value.name.clone();
            let value = Arc::new(value);
            assembled.good.destinations.insert(name, Declared { value, file });
        }
    }
    for pool in pools {
        let stands = assembled.good.pools.contains_key(pool.name.as_str());
        assembled.add(pool, stands);
    }
    let in_force = assembled.good.destinations.values();
    let in_force: BTreeSet<Identity> = in_force.map(|one| one.value.identity.clone()).collect();
    for destination in destinations {
        let stands = in_force.contains(&destination.identity);
        if !stands {
            let name = DestinationName::new(&destination.name);
            assembled
                .good
                .set_aside
                .insert(destination.identity.clone(), name);
        }
        assembled.add(destination, stands);
    }
    assembled
}

impl Assembled {
    /// Takes the problems of `candidate`; `stands`: an object of its name is in force.
    fn add<T>(&mut self, candidate: Candidate<T>, stands: bool) {
        let first = candidate.report.first_error().cloned();
        if let (false, Some(problem)) = (candidate.value.is_some() || candidate.is_good, first) {
            // An item that is faulty can be itself only, and its identity is known. An object of a file may be another
            // one that was renamed.
            if candidate.item().is_none() && (!stands || candidate.is_second) {
                self.doubts
                    .push(format!("{} ({}) is not valid", candidate.id, problem.location));
            }
            self.rejected.push(Rejected {
                object: candidate.id.clone(),
                problem,
                last_good: stands,
            });
        }
        self.problems.extend(candidate.report.into_problems());
    }
}
