//! Sources, and the keys that they refer to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::problems::{LINES_MAX, problem_checks};
use super::{Check, UnderWay, tables};
use crate::manifest::reference::{KeyLookup, KeyReference};
use crate::manifest::{Problem, Severity};
use crate::model::Desired;
use crate::store::dynamodb::Access;
use crate::store::{Examined, Sources};
use crate::words::{counted, pools_with};

/// What was found of the sources.
#[derive(Default)]
pub(super) struct Declared {
    pub(super) checks: Vec<Check>,
    pub(super) desired: Option<Arc<Desired>>,
}

pub(super) async fn examine(sources: Option<Sources>, access: &Access, under_way: &UnderWay) -> Declared {
    const NAME: &str = "sources";
    let Some(mut sources) = sources else {
        return Declared::default();
    };
    // It has limits of its own for files, tables and keys, one after the other.
    let Examined { loaded, keys, tables } = match under_way.show(NAME, sources.examine()).await {
        Ok(examined) => examined,
        Err(error) => {
            let check = Check::failed(NAME, crate::error_chain(&error), error.fix());
            return Declared {
                checks: vec![check],
                desired: None,
            };
        }
    };
    let of_tables: BTreeSet<PathBuf> = tables.iter().map(|(table, _)| table.place.file()).collect();
    let (in_tables, in_files): (Vec<&Problem>, Vec<&Problem>) = loaded
        .problems
        .iter()
        .filter(|problem| !is_shown_as_key(problem, &keys))
        .partition(|problem| of_tables.contains(&problem.location.file));
    let mut checks = source_checks(&loaded.desired, tables.len(), &in_files);
    checks.extend(key_checks(&keys));
    checks.extend(tables::examine(&tables, &in_tables, access, under_way).await);
    Declared {
        checks,
        desired: Some(loaded.desired),
    }
}

/// A key that cannot be read is a mistake in each object that refers to it, and one line of its own.
fn is_shown_as_key(problem: &Problem, keys: &BTreeMap<KeyReference, KeyLookup>) -> bool {
    let is_it =
        |lookup: &KeyLookup| matches!(lookup, KeyLookup::Missing { what, .. } if *what == problem.message);
    problem.severity == Severity::Error && keys.values().any(is_it)
}

fn source_checks(desired: &Desired, tables: usize, problems: &[&Problem]) -> Vec<Check> {
    const NAME: &str = "sources";
    let pools = desired.pools.values();
    let channels: usize = pools.map(|pool| pool.channels.len()).sum();
    let mut what = format!(
        "{}, {}",
        pools_with(desired.pool_count(), channels),
        counted(desired.destinations.len(), "destination")
    );
    if tables > 0 {
        what = format!("{what}, {}", counted(tables, "table"));
    }
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        what = format!("{what} are valid");
    }
    let mut checks = vec![Check::ok(NAME, what)];
    checks.extend(problem_checks(NAME, problems));
    checks
}

fn key_checks(keys: &BTreeMap<KeyReference, KeyLookup>) -> Vec<Check> {
    let is_found = |lookup: &KeyLookup| matches!(lookup, KeyLookup::Found(_));
    let found = keys.values().filter(|lookup| is_found(lookup)).count();
    let mut checks = Vec::new();
    if found > LINES_MAX {
        checks.push(Check::ok("keys", format!("{found} can be read")));
    }
    let lookups = keys
        .iter()
        .filter(|(_, lookup)| found <= LINES_MAX || !is_found(lookup));
    checks.extend(lookups.map(|(reference, lookup)| match lookup {
        KeyLookup::Found(_) => Check::ok("key", format!("{reference} can be read")),
        KeyLookup::Missing { what, fix } => Check::failed("key", format!("{reference}: {what}"), fix),
        KeyLookup::NotAsked => {
            let what = format!("{reference} was not read in time: others took too long");
            Check::unknown("key", what, "try it again")
        }
    }));
    checks
}
