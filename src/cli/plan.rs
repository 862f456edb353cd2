//! `slotwise plan`: what would be done.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::args::ConnectionArgs;
use super::connect::{Purpose, check_view, show_problems};
use super::exit::ExitCode;
use super::failure::{CommandResult, Failure};
use super::output::Output;
use super::saved_plan::SavedPlan;
use crate::files::is_standard_input;
use crate::render;

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    /// YAML files and directories with the declared state; below a directory every .yaml, .yml and .json file is read. - is
    /// standard input
    #[arg(value_name = "SOURCE", required = true)]
    sources: Vec<PathBuf>,
    /// Save the plan for `slotwise apply FILE`, which refuses it once it is stale. Holds no stream key
    #[arg(long, env = "SLOTWISE_OUT", value_name = "FILE")]
    out: Option<PathBuf>,
    /// How to show it; markdown is for a comment on a pull request
    #[arg(
        long,
        value_enum,
        default_value_t,
        env = "SLOTWISE_OUTPUT",
        value_name = "FORMAT"
    )]
    output: PlanFormat,
    /// Exit with 2 when there are changes to make, also where a wanted destination would not go on air (otherwise 5)
    #[arg(long, env = "SLOTWISE_DETAILED_EXITCODE")]
    detailed_exitcode: bool,
    /// Plan as if a change of this destination might interrupt others, whatever the pool's policy; may be repeated
    #[arg(
        long,
        value_name = "DESTINATION",
        env = "SLOTWISE_INTERRUPT",
        value_delimiter = ','
    )]
    interrupt: Vec<String>,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// `--output` of `plan`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum PlanFormat {
    /// Text for a terminal
    #[default]
    Text,
    /// For programs; `slotwise schema Plan` describes it
    Json,
    /// For a comment on a pull request
    Markdown,
}

/// Looks once and shows what would be done.
pub(super) async fn run(args: PlanArgs, output: &Output) -> CommandResult {
    if args.out.is_some() && args.sources.iter().any(|path| is_standard_input(path)) {
        return Err(Failure::usage(
            "a plan of standard input cannot be saved: it is planned again before it is applied",
        )
        .next("write what is declared into a file, and name that"));
    }
    let purpose = Purpose {
        sources: &args.sources,
        connection: &args.connection,
        changes: None,
        grants: &args.interrupt,
        lasts: false,
    };
    let (_, view) = Box::pin(purpose.look(output)).await?;
    if show_problems(&view.loaded.problems, output) {
        return Ok(ExitCode::InvalidState);
    }
    check_view(&view, &args.interrupt, output)?;
    output.print(&match args.output {
        PlanFormat::Text => render::plan::plan(&view.plan, output.style()),
        PlanFormat::Json => render::plan_json::plan_json(&view.plan),
        PlanFormat::Markdown => render::plan_markdown::plan_markdown(&view.plan),
    });
    if let Some(path) = &args.out {
        let saved = SavedPlan::new(&args.sources, &args.interrupt, &view.loaded.desired, &view.plan);
        saved.write(path).map_err(|error| {
            Failure::at("cannot save the plan", &error).next("name another file with --out")
        })?;
        output.note(&format!(
            "saved; apply it with: {}\n",
            args.connection.command("apply", std::slice::from_ref(path))
        ));
    }
    Ok(ExitCode::of_plan(&view.plan, args.detailed_exitcode))
}
