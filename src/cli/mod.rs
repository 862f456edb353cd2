//! The command line: one file per command, each thin.
//!
//! A command parses its arguments ([`args`]), has its parts made (`connect`), asks the controller to look or to run,
//! shows what came of it through [`crate::render`] and [`output`], and ends with an [`ExitCode`].

mod apply;
pub mod args;
mod aws_files;
mod completions;
mod connect;
mod doctor;
mod emulator;
mod endpoint;
mod event_log;
pub mod exit;
mod explain;
mod export;
mod failure;
mod hand_over;
mod import;
mod init;
mod listen;
mod names;
pub mod output;
mod plan;
pub mod reference;
mod replay;
mod run;
mod running;
pub mod saved_plan;
mod schema;
mod server;
mod signals;
mod start;
mod status;
mod table;
pub mod telemetry;
mod validate;

use std::fmt::Write as _;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use args::GlobalArgs;
pub use exit::ExitCode;
use failure::CommandResult;
use output::Output;
use signals::Signals;

/// Every RTMP destination of AWS MediaLive on its own switch
///
/// A MediaLive channel cannot be updated while it runs. Slotwise gives every declared destination a slot, an RTMP
/// output group, on a channel that is stopped; changes channels only while they are stopped; and starts and stops
/// them, so that nothing on air is interrupted and nothing idle is billed.
#[derive(Debug, Parser)]
#[command(
    name = "slotwise",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Keep what is on air as declared, until ended
    Run(run::RunArgs),
    /// Show what would be done; change nothing
    Plan(plan::PlanArgs),
    /// Show what would be done, ask, and do it
    Apply(apply::ApplyArgs),
    /// Declare the channels that exist, so that the first plan on them changes nothing
    Init(init::InitArgs),
    /// Check declared state without MediaLive: every mistake at once
    Validate(validate::ValidateArgs),
    /// Check that all that `run` needs is there: credentials, permissions, channels, routers, keys, tables. Changes nothing
    Doctor(doctor::DoctorArgs),
    /// Show destinations, channels and slots as they are
    Status(status::StatusArgs),
    /// Plan again from what `run --record` recorded, and compare the result
    Replay(replay::ReplayArgs),
    /// Say why a destination is where it is, and what would change that
    Explain(explain::ExplainArgs),
    /// Make the DynamoDB tables that slotwise works with
    Table(table::TableArgs),
    /// Write the destinations of files into a table
    Import(import::ImportArgs),
    /// Print the destinations of a table as YAML
    Export(export::ExportArgs),
    /// Serve a local MediaLive over HTTP, for AWS CLI, SDKs and slotwise
    #[command(after_long_help = emulator::switch_help())]
    Emulator(emulator::EmulatorArgs),
    /// Print the JSON Schema of what may be declared, or of a plan
    Schema(schema::SchemaArgs),
    /// Print a completion script
    Completions(completions::CompletionsArgs),
}

/// The command line as clap knows it, with the exit codes below its help.
pub fn command() -> clap::Command {
    let mut codes = String::from("Exit codes:\n");
    for code in ExitCode::ALL {
        // Writing to a String cannot fail.
        writeln!(codes, "  {:<4} {}", code.code(), code.meaning()).ok();
    }
    Cli::command().after_long_help(codes)
}

/// Runs the command that this process was started with.
pub fn main() -> ExitCode {
    let output = Output::of_process();
    let code = carry_out(&output).unwrap_or_else(|failure| {
        output.error(&failure);
        failure.code
    });
    // Lost output is an error, except after a signal, whose exit code says more.
    if output.is_lost() && !matches!(code, ExitCode::Interrupted | ExitCode::Terminated) {
        return ExitCode::Error;
    }
    code
}

fn carry_out(output: &Output) -> CommandResult {
    start::quieten_panics();
    // Before anything is written: so that a file that may not grow is an error, and not the end.
    let (runtime, signals) = start::start()?;
    let cli = match parse() {
        Ok(cli) => cli,
        Err(error) => return Ok(show_parse_error(&error, output)),
    };
    telemetry::install(cli.global.verbose, cli.global.log_format, output);
    let result = start::run(&runtime, cli.run(output, &signals));
    // A thread may hang in a read or in a name lookup whose result is no longer needed.
    runtime.shutdown_background();
    result
}

impl Cli {
    async fn run(self, output: &Output, signals: &Signals) -> CommandResult {
        let format = self.global.log_format;
        match self.command {
            Command::Run(args) => Box::pin(run::run(args, format, output, signals)).await,
            Command::Plan(args) => plan::run(args, output).await,
            Command::Apply(args) => apply::run(args, format, output, signals).await,
            Command::Init(args) => init::run(args, output).await,
            Command::Validate(args) => validate::run(args, output).await,
            Command::Doctor(args) => doctor::run(args, output).await,
            Command::Status(args) => status::run(args, output).await,
            Command::Explain(args) => explain::run(args, output).await,
            Command::Replay(args) => replay::run(&args, output),
            Command::Table(args) => table::run(args, output).await,
            Command::Import(args) => import::run(args, output).await,
            Command::Export(args) => export::run(args, output).await,
            Command::Emulator(args) => emulator::run(args, output, signals).await,
            Command::Schema(args) => Ok(schema::run(&args, output)),
            Command::Completions(args) => Ok(completions::run(&args, output)),
        }
    }
}

fn parse() -> Result<Cli, clap::Error> {
    let matches = command().try_get_matches()?;
    <Cli as clap::FromArgMatches>::from_arg_matches(&matches)
}

/// Help and version are what was asked for; everything else is a mistake in the command line.
fn show_parse_error(error: &clap::Error, output: &Output) -> ExitCode {
    let style = if error.use_stderr() {
        output.note_style()
    } else {
        output.style()
    };
    let rendered = error.render();
    let mut text = if style.color {
        rendered.ansi().to_string()
    } else {
        rendered.to_string()
    };
    if error.kind() == ErrorKind::MissingRequiredArgument && text.contains("SOURCE") {
        text.push_str("A SOURCE is a YAML file or a directory of them, for example examples/quickstart.\n");
    }
    if error.use_stderr() {
        output.note(&text);
        ExitCode::Usage
    } else {
        output.print(&text);
        ExitCode::Success
    }
}
