//! `slotwise emulator`: a local MediaLive on HTTP.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use tokio::net::TcpListener;

use super::args::parse_speed;
use super::connect::{invent, read_fleet};
use super::exit::ExitCode;
use super::failure::{CommandResult, Failure};
use super::output::Output;
use super::signals::Signals;
use crate::controller::Clock;
use crate::emulator::{Emulator, Fleet, Options};
use crate::model::OwnerId;

/// Arguments of `emulator`.
#[derive(Debug, Args)]
pub(super) struct EmulatorArgs {
    /// Begin with the channels that the pools of these YAML files and directories name [default: no channels]
    #[arg(value_name = "SOURCE")]
    sources: Vec<PathBuf>,
    /// Address to serve on; port 0 takes a free one
    #[arg(
        long,
        env = "SLOTWISE_EMULATOR_LISTEN",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:4570"
    )]
    listen: SocketAddr,
    /// Begin with the channels of this file, JSON as `aws medialive describe-channel` prints it
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
}

/// Serves until a signal comes.
pub(super) async fn run(args: EmulatorArgs, output: &Output, signals: &Signals) -> CommandResult {
    let emulator = emulator(&args).await?;
    let listener = TcpListener::bind(args.listen).await.map_err(|error| {
        Failure::at(format_args!("cannot listen on {}", args.listen), &error)
            .next("name another address with --listen; port 0 takes a free one")
    })?;
    let address = listener
        .local_addr()
        .map_err(|error| Failure::at("cannot tell the address", &error))?;
    output.print(&greeting(address, args.speed));
    if !address.ip().is_loopback() {
        output.warning(&format_args!(
            "{address} can be reached from other machines, and whoever reaches it reads every stream key"
        ));
    }
    let shutdown = signals.orderly().cancelled_owned();
    let served = emulator.serve(listener, shutdown).await;
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
        ..Options::default()
    };
    match &args.state {
        None => Ok(Emulator::new(options, fleet)),
        Some(path) => Emulator::open(options, fleet, path.clone()).map_err(|error| {
            Failure::at("cannot keep the state", &error).next("name another file with --state")
        }),
    }
}

fn greeting(address: SocketAddr, speed: f64) -> String {
    format!(
        "MediaLive emulator on http://{address}, {speed} times as fast as MediaLive; Ctrl-C ends it\n\
         \n  \
           export AWS_ENDPOINT_URL_MEDIALIVE=http://{address}\n  \
           export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1\n  \
           export AWS_ACCESS_KEY_ID=emulator AWS_SECRET_ACCESS_KEY=emulator\n  \
           aws medialive list-channels\n"
    )
}
