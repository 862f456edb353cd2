//! `slotwise export`: the destinations of a table as YAML.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::connect::table_access;
use super::exit::ExitCode;
use super::failure::CommandResult;
use super::import::{choose, read};
use super::output::Output;
use super::table::failure;
use crate::store::dynamodb::Reader;
use crate::store::transfer::{Exported, export};

/// Longest time that reading the table may take.
const LIMIT: Duration = Duration::from_mins(2);

/// Arguments of `export`.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// YAML files and directories with the DestinationTable
    #[arg(value_name = "SOURCE", required = true)]
    sources: Vec<PathBuf>,
    /// The DestinationTable to read, where more than one is declared
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
    /// AWS region; otherwise the environment or the AWS profile says
    #[arg(long, env = "SLOTWISE_REGION")]
    region: Option<String>,
}

/// Prints each item of the table as a Destination.
pub(super) async fn run(args: ExportArgs, output: &Output) -> CommandResult {
    let table = Arc::new(choose(
        read(args.sources, output).await?.tables,
        args.table.as_deref(),
    )?);
    let mut reader = Reader::start(table_access(args.region.as_deref())?, Arc::clone(&table));
    let look = reader.first_look(LIMIT).await;
    if let Some(error) = &look.failed {
        return Err(failure("cannot read table", error));
    }
    let documents = look
        .rows
        .map(|rows| export(&rows, &table.layout))
        .unwrap_or_default();
    let mut left = 0;
    for (name, exported) in &documents {
        let why = match exported {
            Exported::Document(text) => {
                output.print(&format!("---\n{text}"));
                continue;
            }
            Exported::InlineKey => {
                "has its key in the item, which is not carried on; keep it in ssm or secretsManager"
            }
            Exported::Invalid(why) => why,
        };
        left += 1;
        output.note(&format!("{name}  {why}\n"));
    }
    output.note(&format!("{} exported, {left} left out\n", documents.len() - left));
    Ok(if left == 0 {
        ExitCode::Success
    } else {
        ExitCode::Partial
    })
}
