//! `slotwise explain`: why a destination is where it is.

use std::path::PathBuf;

use clap::Args;

use super::args::ConnectionArgs;
use super::connect::{Purpose, check_view, show_problems};
use super::exit::ExitCode;
use super::failure::{CommandResult, Failure};
use super::names::unknown_destination;
use super::output::Output;
use super::validate::{ListFormat, Shown};
use crate::model::DestinationName;
use crate::plan::explain;
use crate::render;

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// Name of the destination
    #[arg(value_name = "DESTINATION")]
    destination: String,
    /// YAML files and directories with the declared state; below a directory every .yaml, .yml and .json file is read. - is
    /// standard input
    #[arg(value_name = "SOURCE", required = true)]
    sources: Vec<PathBuf>,
    #[command(flatten)]
    shown: Shown,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Looks, and explains one destination.
pub(super) async fn run(args: ExplainArgs, output: &Output) -> CommandResult {
    let purpose = Purpose {
        sources: &args.sources,
        connection: &args.connection,
        changes: None,
        grants: &[],
        lasts: false,
    };
    let (_, view) = Box::pin(purpose.look(output)).await?;
    show_problems(&view.loaded.problems, output);
    check_view(&view, &[], output)?;
    let desired = &view.loaded.desired;
    let name = DestinationName::new(&args.destination);
    let Some(explanation) = explain::explain(desired, &view.observed, view.at, &name) else {
        let set_aside = view
            .loaded
            .rejected
            .iter()
            .find(|one| one.object.name == args.destination);
        return Err(match set_aside {
            Some(rejected) => Failure::new(
                ExitCode::InvalidState,
                format!("{} is set aside: {}", rejected.object, rejected.problem),
            ),
            None => unknown_destination(&args.destination, desired),
        });
    };
    output.print(&match args.shown.output {
        ListFormat::Text => render::explain::explain(&explanation, output.style()),
        ListFormat::Json => render::explain_json::explain_json(&explanation, &view.plan),
    });
    Ok(if explanation.destination.is_unknown() {
        ExitCode::Partial
    } else {
        ExitCode::Success
    })
}
