//! `slotwise emulator`: a local MediaLive and MediaConnect's routers on HTTP.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use tokio::net::TcpListener;

use super::args::{SwitchSetting, parse_speed, switches};
use super::connect::{invent, read_fleet};
use super::exit::ExitCode;
use super::failure::{CommandResult, Failure};
use super::listen::access;
use super::output::Output;
use super::signals::Signals;
use crate::api::Access;
use crate::controller::Clock;
use crate::emulator::{Emulator, Fleet, Options, Switches};
use crate::model::OwnerId;

/// Arguments of `emulator`.
#[derive(Debug, Args)]
pub(super) struct EmulatorArgs {
    /// Begin with the channels that the pools of these YAML files and directories name [default: no channels]
    #[arg(value_name = "SOURCE")]
    sources: Vec<PathBuf>,
    /// Address to serve on; port 0 takes a free one. One that other machines can reach needs a token
    #[arg(
        long,
        env = "SLOTWISE_EMULATOR_LISTEN",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:4570"
    )]
    listen: SocketAddr,
    /// File with the token that requests have to show, as AWS access key id or bearer token; or set SLOTWISE_API_TOKEN to
    /// the token itself
    #[arg(long, env = "SLOTWISE_API_TOKEN_FILE", value_name = "FILE")]
    api_token_file: Option<PathBuf>,
    /// Begin with the channels and routers of this file, JSON as `aws medialive describe-channel` and `aws mediaconnect
    /// get-router-output` print it
    #[arg(
        long,
        env = "SLOTWISE_EMULATOR_FLEET",
        value_name = "FILE",
        conflicts_with = "sources"
    )]
    fleet: Option<PathBuf>,
    /// Keep the state in this file; what it holds goes before SOURCE and --fleet. It holds stream keys
    #[arg(long, env = "SLOTWISE_EMULATOR_STATE", value_name = "FILE")]
    state: Option<PathBuf>,
    /// Seed of every duration and every chance
    #[arg(long, env = "SLOTWISE_EMULATOR_SEED", value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many times faster than MediaLive's the channels start, stop and update
    #[arg(long, env = "SLOTWISE_EMULATOR_SPEED", value_name = "N", default_value = "1", value_parser = parse_speed)]
    speed: f64,
    /// Set a switch: how MediaLive and MediaConnect behave where AWS documents nothing. --help lists them; several with several --set, or
    /// with ; between them
    #[arg(
        long,
        env = "SLOTWISE_EMULATOR_SET",
        value_name = "NAME=VALUE",
        value_delimiter = ';'
    )]
    set: Vec<SwitchSetting>,
}

/// Every switch with its default, for the end of the help.
pub(super) fn switch_help() -> String {
    let mut text = String::from("Switches, with their defaults, for --set NAME=VALUE:\n");
    for switch in Switches::default().list() {
        // Writing to a String cannot fail.
        write!(text, "\n  {}={}\n", switch.name, shown(&switch.value)).ok();
        for line in wrapped(&switch.about, HELP_WIDTH) {
            writeln!(text, "      {line}").ok();
        }
    }
    text
}

/// Columns of what a switch is about, after its indent.
const HELP_WIDTH: usize = 90;

fn shown(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Serves until a signal comes.
pub(super) async fn run(args: EmulatorArgs, output: &Output, signals: &Signals) -> CommandResult {
    let access = access(args.listen, args.api_token_file.as_deref())?;
    let emulator = emulator(&args).await?;
    let listener = TcpListener::bind(args.listen).await.map_err(|error| {
        Failure::at(format_args!("cannot listen on {}", args.listen), &error)
            .next("name another address with --listen; port 0 takes a free one")
    })?;
    let address = listener
        .local_addr()
        .map_err(|error| Failure::at("cannot find the address", &error))?;
    output.print(&greeting(address, args.speed, &access));
    let shutdown = signals.orderly().cancelled_owned();
    let served = emulator.serve_guarded(access, listener, shutdown).await;
    served.map_err(|error| Failure::at("serving failed", &error))?;
    Ok(signals.first().unwrap_or(ExitCode::Success))
}

async fn emulator(args: &EmulatorArgs) -> Result<Emulator, Failure> {
    let fleet = match &args.fleet {
        Some(path) => read_fleet(path)?,
        None if args.sources.is_empty() => Fleet::empty(),
        None => invent(&args.sources, &OwnerId::new("emulator")).await?,
    };
    let options = Options {
        seed: args.seed,
        speed: args.speed,
        epoch: Clock::system().now(),
        switches: switches(&args.set),
        ..Options::default()
    };
    match &args.state {
        None => Ok(Emulator::new(options, fleet)),
        Some(path) => Emulator::open(options, fleet, path.clone()).map_err(|error| {
            Failure::at("cannot keep the state", &error).next("name another file with --state")
        }),
    }
}

fn greeting(address: SocketAddr, speed: f64, access: &Access) -> String {
    let key = match access {
        Access::Local => "emulator",
        // Never the token itself: this is printed.
        Access::Token(_) => "THE-TOKEN",
    };
    format!(
        "MediaLive emulator on http://{address}, {speed} times as fast as MediaLive; Ctrl-C ends it\n\
         \n  \
           export AWS_ENDPOINT_URL_MEDIALIVE=http://{address}\n  \
           export AWS_ENDPOINT_URL_MEDIACONNECT=http://{address}\n  \
           export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1\n  \
           export AWS_ACCESS_KEY_ID={key} AWS_SECRET_ACCESS_KEY=emulator\n  \
           aws medialive list-channels\n"
    )
}
