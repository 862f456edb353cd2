//! `slotwise schema`: JSON Schemas, for editors and CI.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::exit::ExitCode;
use super::output::Output;
use crate::manifest::schema::{combined, schemas, to_text};
use crate::render::plan_json;

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// What to print the schema of [default: a file that may hold all kinds]
    #[arg(value_name = "KIND", value_enum)]
    kind: Option<SchemaKind>,
}

/// What there is a schema of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SchemaKind {
    /// A pool of channels
    #[value(name = "ChannelPool")]
    ChannelPool,
    /// A pool of router outputs
    #[value(name = "RouterPool")]
    RouterPool,
    /// A destination
    #[value(name = "Destination")]
    Destination,
    /// A table whose items are destinations
    #[value(name = "DestinationTable")]
    DestinationTable,
    /// What `slotwise plan --output json` prints
    #[value(name = "Plan")]
    Plan,
}

/// Prints one schema.
pub(super) fn run(args: &SchemaArgs, output: &Output) -> ExitCode {
    let mut all = all();
    let name = args
        .kind
        .and_then(|kind| Some(kind.to_possible_value()?.get_name().to_owned()));
    let schema = name.and_then(|name| all.remove(&name));
    output.print(&to_text(&schema.unwrap_or_else(combined)));
    ExitCode::Success
}

fn all() -> BTreeMap<String, Value> {
    let mut all = schemas();
    all.insert("Plan".to_owned(), plan_json::schema());
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_schema_can_be_asked_for() {
        let kinds = SchemaKind::value_variants()
            .iter()
            .filter_map(ValueEnum::to_possible_value);
        let names: BTreeSet<String> = kinds.map(|kind| kind.get_name().to_owned()).collect();
        assert_eq!(names, all().into_keys().collect());
    }
}
