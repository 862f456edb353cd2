//! `slotwise table`: the DynamoDB tables that slotwise works with.

use clap::{Args, Subcommand};

use super::connect::table_access;
use super::exit::ExitCode;
use super::failure::{CommandResult, Failure};
use super::output::Output;
use crate::manifest::table::{NO_TABLE_NAME, TablePlace, instead_of_table_name};
use crate::store::dynamodb::{Created, Description, KEY, TableError};

/// What `--cloudformation` prints.
const TEMPLATE: &str = include_str!("../../manifests/dynamodb-tables.yaml");

/// Names unless others are given; the template's as well.
const DESTINATIONS: &str = "slotwise-destinations";
const LEASE: &str = "slotwise-lease";

/// Arguments of `table`.
#[derive(Debug, Args)]
pub(super) struct TableArgs {
    #[command(subcommand)]
    command: TableCommand,
}

#[derive(Debug, Subcommand)]
enum TableCommand {
    /// Make the tables, and wait until they can be used; those that exist are left as they are
    Create(CreateArgs),
}

/// Arguments of `table create`. Without a name both tables are made, under their usual names.
#[derive(Debug, Args)]
struct CreateArgs {
    /// Make a table of destinations of this name [default: slotwise-destinations]
    #[arg(long, value_name = "NAME", value_parser = table_name)]
    destinations: Option<String>,
    /// Make a table for the lease of this name [default: slotwise-lease]
    #[arg(long, value_name = "NAME", value_parser = table_name)]
    lease: Option<String>,
    /// Print a CloudFormation template of both instead, and make nothing
    #[arg(long)]
    cloudformation: bool,
    /// AWS region; otherwise the environment or the AWS profile says
    #[arg(long, env = "SLOTWISE_REGION")]
    region: Option<String>,
}

/// The name of a table, as DynamoDB allows it.
fn table_name(name: &str) -> Result<String, String> {
    match instead_of_table_name(name) {
        None => Ok(name.to_owned()),
        Some(instead) => Err(format!("{NO_TABLE_NAME}: {instead}")),
    }
}

/// Makes tables, or prints how to.
pub(super) async fn run(args: TableArgs, output: &Output) -> CommandResult {
    let TableCommand::Create(args) = args.command;
    let neither = args.destinations.is_none() && args.lease.is_none();
    let destinations = args
        .destinations
        .or_else(|| neither.then(|| DESTINATIONS.to_owned()));
    let lease = args.lease.or_else(|| neither.then(|| LEASE.to_owned()));
    if args.cloudformation {
        let named = |text: String, usual: &str, name: Option<&String>| {
            text.replace(
                &format!("Default: {usual}"),
                &format!("Default: {}", name.map_or(usual, String::as_str)),
            )
        };
        let text = named(TEMPLATE.to_owned(), DESTINATIONS, destinations.as_ref());
        output.print(&named(text, LEASE, lease.as_ref()));
        return Ok(ExitCode::Success);
    }
    if destinations.is_some() && destinations == lease {
        return Err(
            Failure::usage("destinations and the lease do not go into one table")
                .next("give the two different names"),
        );
    }
    let access = table_access(args.region.as_deref())?;
    for (name, is_lease) in [(destinations.as_deref(), false), (lease.as_deref(), true)] {
        let Some(name) = name else { continue };
        let place = TablePlace {
            table: name.to_owned(),
            region: None,
            endpoint: None,
        };
        output.note(&format!("making table {name} …\n"));
        // A stream is for changes of destinations; changes of the lease need none.
        let created = access.table(&place).await.create(!is_lease).await;
        let created = created.map_err(|error| failure("cannot make the table", &error))?;
        output.print(&format!("{}\n", result(name, &created, is_lease)));
    }
    output.note(&next(destinations.as_deref(), lease.as_deref()));
    Ok(ExitCode::Success)
}

/// `error`, met at `step`, with what to do.
pub(super) fn failure(step: &str, error: &TableError) -> Failure {
    Failure::at(format_args!("{step} {}", error.table), error).next(error.fix())
}

fn result(name: &str, created: &Created, is_lease: bool) -> String {
    match created {
        Created::New => format!("table {name} is ready"),
        Created::Existing(Description { key, stream, .. }) => {
            let mut text = format!("table {name} exists already, with the key {}", key.join(", "));
            if is_lease && *key != [KEY] {
                text.push_str("; a lease needs a table whose key is name");
            } else if !is_lease && stream.is_none() {
                text.push_str("; it has no stream, so slotwise looks at it every 10 s (poll)");
            }
            text
        }
    }
}

fn next(destinations: Option<&str>, lease: Option<&str>) -> String {
    let declare = destinations.map(|name| {
        format!(
            "next: declare it beside your pools, in a file of its own:\n\n  \
             apiVersion: slotwise.dev/v1alpha1\n  \
             kind: DestinationTable\n  \
             metadata: {{ name: destinations }}\n  \
             spec: {{ table: {name} }}\n\n"
        )
    });
    let run = lease.map(|name| format!("next: run replicas with --lease-table {name}\n"));
    [declare, run].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::table_name;

    #[test]
    fn a_name_that_dynamodb_does_not_allow_is_refused_with_the_right_form() {
        assert_eq!(table_name("rt-1"), Ok("rt-1".to_owned()));
        for (wrong, part) in [
            ("rt", "3 to 255"),
            ("my table", "letters"),
            (
                "arn:aws:dynamodb:eu:1:table/live",
                "last part of the ARN only: `live`",
            ),
        ] {
            let why = table_name(wrong).unwrap_err();
            assert!(why.contains(part), "{wrong}: {why}");
        }
    }
}
