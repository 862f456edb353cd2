//! `slotwise import`: destinations from files into a table.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use tokio::task::JoinSet;

use super::connect::{show_problems, table_access};
use super::exit::ExitCode;
use super::failure::{CommandResult, Failure};
use super::output::Output;
use super::table::failure;
use crate::manifest::table::DestinationTable;
use crate::model::OwnerId;
use crate::store::dynamodb::TableError;
use crate::store::transfer::{Imported, Written, import};
use crate::store::{LoadOptions, Source, Sources};

/// Items on their way at once.
const AT_ONCE: usize = 25;

/// Arguments of `import`.
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// YAML files and directories with the destinations and the DestinationTable
    #[arg(value_name = "SOURCE", required = true)]
    sources: Vec<PathBuf>,
    /// The DestinationTable to write to, where more than one is declared
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
    /// Set what is declared in items that exist already; their other attributes stay
    #[arg(long)]
    replace: bool,
    /// Say what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// AWS region; otherwise the environment or the AWS profile says
    #[arg(long, env = "SLOTWISE_REGION")]
    region: Option<String>,
}

/// Writes each destination that the sources declare into the table.
pub(super) async fn run(args: ImportArgs, output: &Output) -> CommandResult {
    let written = read(args.sources, output).await?;
    let table = choose(written.tables, args.table.as_deref())?;
    if written.destinations.is_empty() {
        return Err(Failure::new(
            ExitCode::InvalidState,
            "no Destination is declared in these files",
        ));
    }
    let client = table_access(args.region.as_deref())?.table(&table.place).await;
    let description = client
        .describe()
        .await
        .map_err(|error| failure("cannot look at table", &error))?;
    let mut results = BTreeMap::new();
    let mut items = Vec::new();
    for one in &written.destinations {
        match one.item(&table, &description.key) {
            Ok(item) => items.push((one.name.clone(), item)),
            Err(refused) => drop(results.insert(one.name.clone(), Ok(refused))),
        }
    }
    if args.dry_run {
        for (name, _) in &items {
            output.print(&format!("{name}  would go into {}\n", table.place));
        }
        let left = results.len();
        show_each(&results, output);
        return Ok(if left == 0 {
            ExitCode::Success
        } else {
            ExitCode::Partial
        });
    }
    let mut files: Vec<PathBuf> = written.destinations.iter().map(|one| one.file.clone()).collect();
    files.dedup();
    let mut writing: JoinSet<(String, Result<Imported, TableError>)> = JoinSet::new();
    let mut left = items.into_iter();
    loop {
        while writing.len() < AT_ONCE
            && let Some((name, item)) = left.next()
        {
            let (client, key, replace) = (client.clone(), description.key.clone(), args.replace);
            writing.spawn(async move { (name, import(&item, &client, &key, replace).await) });
        }
        let Some(ended) = writing.join_next().await else {
            break;
        };
        let (name, result) = ended.map_err(|error| Failure::at("cannot write an item", &error))?;
        results.insert(name, result);
    }
    Ok(show(&results, &files, output))
}

/// What the sources declare, unless there is a mistake in it.
pub(super) async fn read(sources: Vec<PathBuf>, output: &Output) -> Result<Written, Failure> {
    let options = LoadOptions { check_keys: false };
    let loaded = Sources::new(sources.clone(), OwnerId::new("import"), options)
        .load()
        .await
        .map_err(|error| Failure::at("cannot read the desired state", &error).next(error.fix()))?;
    if show_problems(&loaded.problems, output) {
        return Err(
            Failure::new(ExitCode::InvalidState, "there are mistakes in these files")
                .next("correct them, and run it again"),
        );
    }
    let read = tokio::task::spawn_blocking(move || Written::read(&sources)).await;
    let read = read.map_err(|error| Failure::at("cannot read the files", &error))?;
    read.map_err(|error| Failure::at("cannot read the files", &error))
}

/// The table that is meant.
pub(super) fn choose(tables: Vec<DestinationTable>, name: Option<&str>) -> Result<DestinationTable, Failure> {
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    let message = match (name, names.as_slice()) {
        (None, [_]) => None,
        (None, []) => Some("no DestinationTable is declared in these files".to_owned()),
        (None, many) => Some(format!(
            "more than one DestinationTable is declared: {}",
            many.join(", ")
        )),
        (Some(name), names) if names.contains(&name) => None,
        (Some(name), []) => Some(format!("no DestinationTable {name} is declared")),
        (Some(name), names) => Some(format!(
            "no DestinationTable {name} is declared; there is {}",
            names.join(", ")
        )),
    };
    if let Some(message) = message {
        let next = "declare one (kind: DestinationTable), and name it with --table where there are several";
        return Err(Failure::usage(message).next(next));
    }
    let mut tables = tables.into_iter();
    let found = tables.find(|table| name.is_none_or(|name| table.name == name));
    found.ok_or_else(|| Failure::usage("no DestinationTable is declared in these files"))
}

fn show(
    results: &BTreeMap<String, Result<Imported, TableError>>,
    files: &[PathBuf],
    output: &Output,
) -> ExitCode {
    let is_written = |result: &&Result<Imported, TableError>| matches!(result, Ok(Imported::Written));
    let is_existing = |result: &&Result<Imported, TableError>| matches!(result, Ok(Imported::Existing));
    let written = results.values().filter(is_written).count();
    let existing = results.values().filter(is_existing).count();
    let left = results.len() - written - existing;
    show_each(results, output);
    output.print(&format!(
        "{written} written, {existing} there already, {left} left out\n"
    ));
    if left > 0 {
        return ExitCode::Partial;
    }
    let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    output.note(&format!(
        "next: take the destinations out of {}; a name in two sources is reported, and what is in force stays\n",
        files.join(", ")
    ));
    ExitCode::Success
}

/// Says of each that was not written why.
fn show_each(results: &BTreeMap<String, Result<Imported, TableError>>, output: &Output) {
    for (name, result) in results {
        let why = match result {
            Ok(Imported::Written) => continue,
            Ok(Imported::Existing) => {
                "is an item already, and left as it is; --replace sets what is declared".to_owned()
            }
            Ok(Imported::InlineKey) => {
                "has its key in the file, which is not carried on; keep it in ssm or secretsManager"
                    .to_owned()
            }
            Ok(Imported::NoAttribute(fields)) => format!(
                "has {}, for which the DestinationTable names no attribute",
                fields.join(", ")
            ),
            Ok(Imported::Refused(why)) => format!("would be set aside as an item: {why}"),
            Err(error) => format!("cannot be written: {error}; {}", error.fix()),
        };
        output.note(&format!("{name}  {why}\n"));
    }
}
