//! `slotwise run`: the daemon, and with `--once` one convergence.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::time::Instant;

use super::args::{ChangeArgs, ConnectionArgs, EmulatorFleet, LogFormat, parse_time};
use super::connect::Purpose;
use super::endpoint::region_of_environment;
use super::event_log::{Times, event_log};
use super::exit::ExitCode;
use super::failure::{CommandResult, Failure};
use super::listen::ListenArgs;
use super::output::Output;
use super::signals::{Hangups, Signals};
use crate::controller::{Ended, Settings, Until, Witness};
use crate::medialive::Meter;
use crate::plan::waiting::Approximately;
use crate::recorder::{Limits, Recorder};
use crate::render::progress::Reporter;

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// YAML files and directories with the declared state; below a directory every .yaml, .yml and .json file is read. - is
    /// standard input
    #[arg(value_name = "SOURCE", required = true)]
    sources: Vec<PathBuf>,
    /// Converge and exit: with 0 when every destination is where it is wanted, 5 when a wanted destination is not on air, 4
    /// when a rule forbids the rest
    #[arg(long, env = "SLOTWISE_ONCE")]
    once: bool,
    /// With --once: give up after this long
    #[arg(long, env = "SLOTWISE_TIMEOUT", value_name = "TIME", default_value = "30m", value_parser = parse_time)]
    timeout: Duration,
    /// Write what each plan was made from and what came of it into this directory, without stream keys, for `slotwise
    /// replay` and for bug reports; a cycle like the one before is left out. The oldest files go when there are more than
    /// 10000 or 1 GiB of them
    #[arg(long, env = "SLOTWISE_RECORD", value_name = "DIR")]
    record: Option<PathBuf>,
    #[command(flatten)]
    pace: PaceArgs,
    #[command(flatten)]
    http: ListenArgs,
    #[command(flatten)]
    changes: ChangeArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// How often to look, and how long to collect changes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Changes")]
struct PaceArgs {
    /// Time between looks while nothing is on its way, give or take a tenth
    #[arg(long, env = "SLOTWISE_INTERVAL", value_name = "TIME", default_value = "60s", value_parser = parse_time)]
    interval: Duration,
    /// Plan after this long without another change of the sources: several switches are often pressed in a row.
    /// After 250 ms at most where only destinations of RouterPools are switched
    #[arg(long, env = "SLOTWISE_BATCH_IDLE", value_name = "TIME", default_value = "1s", value_parser = parse_time)]
    batch_idle: Duration,
    /// But this long after the first change at the latest
    #[arg(long, env = "SLOTWISE_BATCH_MAX", value_name = "TIME", default_value = "5s", value_parser = parse_time)]
    batch_max: Duration,
}

impl PaceArgs {
    fn set(&self, settings: &mut Settings) {
        settings.interval = self.interval;
        settings.batch_idle = self.batch_idle;
        settings.batch_max = self.batch_max.max(self.batch_idle);
    }
}

/// Runs until asked to end, or with `--once` until converged. SIGHUP makes it read the sources again and look.
pub(super) async fn run(
    args: RunArgs,
    format: LogFormat,
    output: &Output,
    signals: &Signals,
) -> CommandResult {
    let hangups = Hangups::listen().map_err(|error| Failure::at("cannot listen for signals", &error))?;
    let purpose = Purpose {
        sources: &args.sources,
        connection: &args.connection,
        changes: Some(&args.changes),
        grants: &[],
        lasts: !args.once,
    };
    let mut settings = purpose.settings();
    args.changes.check_lease(&args.connection)?;
    args.pace.set(&mut settings);
    let recording = args.record.as_deref().map(start_recording).transpose()?;
    let tries_out = args.connection.emulator.is_some() && !args.once;
    let listening = args.http.open(tries_out).await?;
    if format == LogFormat::Text {
        output.print(&greeting(&args));
    }
    let (mut listener, outcome) = event_log(Reporter::of_run(), Times::OfDay, format, output);
    let mut meter: Option<Arc<dyn Meter>> = None;
    if let Some(listening) = &listening {
        listening.tell(format, output);
        listener = listening.counting(listener);
        meter = Some(Arc::new(listening.metrics()));
    }
    let mut controller = purpose.metered_controller(settings, listener, meter).await?;
    let recorder = recording.map(|(recorder, witness)| {
        controller.show_to(witness);
        recorder
    });
    let until = if args.once {
        Until::Converged {
            deadline: Instant::now() + args.timeout,
        }
    } else {
        Until::Asked
    };
    let asked = signals.orderly();
    let waker = controller.waker();
    // Watched only where requests may come: otherwise no view is kept.
    let listening = listening.map(|listening| (listening, controller.watch()));
    let running = Box::pin(controller.run(until, &asked));
    let running = async {
        match listening {
            None => running.await,
            Some((listening, pulse)) => {
                let limit = args.connection.operation_timeout;
                listening
                    .open_while(pulse, args.pace.interval, limit, running)
                    .await
            }
        }
    };
    let ended = hangups.during(Box::pin(running), || waker.notify_one()).await;
    let code = ExitCode::of_run(&ended, controller.plan().map(AsRef::as_ref), outcome.changed());
    let code = code.map(|code| code.while_set_aside(outcome.set_aside()));
    if let Some(recorder) = recorder {
        // The witness is dropped with it, so that the recorder ends.
        drop(controller);
        recorder.finish().await;
    }
    let look = args.connection.where_to_look(&args.sources);
    finish(ended, (args.timeout, &look), signals.first(), code)
}

/// Says why a run that did not end well ended, and gives the code. `look` says how to see all destinations.
pub(super) fn finish(
    ended: Ended,
    (timeout, look): (Duration, &str),
    signal: Option<ExitCode>,
    code: Option<ExitCode>,
) -> CommandResult {
    let code = signal.or(code).unwrap_or(ExitCode::Success);
    match ended {
        Ended::Drained | Ended::Converged => Ok(code),
        Ended::Blocked => Err(Failure::new(code, "what is left to do failed again and again")
            .next(format!("see the last failures above{look}"))),
        Ended::TimedOut => Err(Failure::new(
            code,
            format!("not converged within {} (--timeout)", Approximately(timeout)),
        )
        .next(format!("run it again to continue{look}"))),
        Ended::LeaseLost => Err(Failure::new(
            code,
            "the lease is no longer kept, so nothing more is written; a fault of slotwise, please report it",
        )),
        Ended::NoLease(error) => Err(error.into()),
        Ended::Failed(error) => Err(error.into()),
    }
}

fn start_recording(directory: &Path) -> Result<(Recorder, Witness), Failure> {
    Recorder::start(directory, Limits::default()).map_err(|error| {
        Failure::usage(crate::error_chain(&error))
            .next("name a directory with --record that slotwise may make and write to")
    })
}

fn greeting(args: &RunArgs) -> String {
    let world = match &args.connection.emulator {
        None => match (args.connection.endpoint(), &args.connection.region) {
            (Some(endpoint), _) => format!("MediaLive at {endpoint}"),
            (None, Some(region)) => format!("AWS MediaLive in {region}"),
            (None, None) => match region_of_environment() {
                Some(region) => format!("AWS MediaLive in {region}"),
                None => "AWS MediaLive".to_owned(),
            },
        },
        Some(fleet) => {
            let of = match fleet {
                EmulatorFleet::Invented => String::new(),
                EmulatorFleet::File(path) => format!(" with the channels of {}", path.display()),
            };
            format!(
                "an emulator of MediaLive{of}, {} times faster than it; plans show MediaLive's own times",
                args.connection.emulator_speed
            )
        }
    };
    let end = if args.once { "" } else { "; Ctrl-C ends it" };
    format!("slotwise {} on {world}{end}\n", env!("CARGO_PKG_VERSION"))
}
