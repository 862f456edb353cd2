//! `slotwise validate`: every mistake at once, without MediaLive.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::connect::{channel_count, keys};
use super::exit::ExitCode;
use super::failure::{CommandResult, Failure};
use super::output::Output;
use crate::model::{Desired, OwnerId, WantedState};
use crate::render::problems::{errors, problems, problems_json};
use crate::secrets;
use crate::store::{LoadError, LoadOptions, Source, Sources};
use crate::words::{counted, pools_with};

/// Arguments of `validate`.
#[derive(Debug, Args)]
pub(super) struct ValidateArgs {
    /// YAML files and directories with the declared state; below a directory every .yaml, .yml and .json file is read. - is
    /// standard input
    #[arg(value_name = "SOURCE", required = true)]
    sources: Vec<PathBuf>,
    #[command(flatten)]
    shown: Shown,
    /// Do not look up stream keys: for a check where they are not at hand, such as CI. Without it those that AWS keeps
    /// are read there
    #[arg(long, env = "SLOTWISE_NO_KEYS")]
    no_keys: bool,
    /// AWS region of stream keys that AWS keeps; otherwise the environment or the AWS profile says
    #[arg(long, env = "SLOTWISE_REGION")]
    region: Option<String>,
}

/// How a command that lists something shows it.
#[derive(Debug, Args)]
pub(super) struct Shown {
    /// How to show it
    #[arg(
        long,
        value_enum,
        default_value_t,
        env = "SLOTWISE_OUTPUT",
        value_name = "FORMAT"
    )]
    pub(super) output: ListFormat,
}

/// `--output` of commands that list something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ListFormat {
    /// Text for a terminal
    #[default]
    Text,
    /// For programs
    Json,
}

/// Reads the sources and shows what is wrong with them.
pub(super) async fn run(args: ValidateArgs, output: &Output) -> CommandResult {
    let options = LoadOptions {
        check_keys: !args.no_keys,
    };
    let mut source = Sources::new(args.sources, OwnerId::new("validate"), options);
    if !args.no_keys {
        source = source.with_keys(keys(args.region.as_deref(), secrets::TTL)?);
    }
    let loaded = source.load().await.map_err(|error| {
        let code = match error {
            LoadError::NothingDeclared { .. } => ExitCode::InvalidState,
            _ => ExitCode::Error,
        };
        Failure::new(code, crate::error_chain(&error)).next(error.fix())
    })?;
    let found = errors(&loaded.problems);
    match args.shown.output {
        ListFormat::Json => output.print(&problems_json(&loaded.problems)),
        ListFormat::Text => {
            output.print(&problems(&loaded.problems, output.style()));
            if found == 0 {
                output.print(&format!("valid: {}\n", census(&loaded.desired)));
                if loaded.tables > 0 {
                    output.print("the items of tables are not looked at here; plan reads them\n");
                }
            }
        }
    }
    if found == 0 {
        return Ok(ExitCode::Success);
    }
    if args.shown.output == ListFormat::Text {
        output.note("next: correct these and validate again\n");
    }
    Ok(ExitCode::InvalidState)
}

/// `1 pool with 2 channels, 4 destinations: 3 Streaming, 1 Ready`.
fn census(desired: &Desired) -> String {
    let streaming = desired
        .destinations
        .values()
        .filter(|one| one.state == WantedState::Streaming)
        .count();
    format!(
        "{}, {}: {streaming} Streaming, {} Ready",
        pools_with(desired.pool_count(), channel_count(desired)),
        counted(desired.destinations.len(), "destination"),
        desired.destinations.len() - streaming
    )
}
