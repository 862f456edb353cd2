//! `slotwise apply`: show what would be done, ask, and do it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::args::{ChangeArgs, ConnectionArgs, LogFormat, parse_time};
use super::connect::{Live, Purpose, check_outputs, check_view, show_problems};
use super::event_log::{RunOutcome, Times, event_log};
use super::exit::ExitCode;
use super::failure::{CommandResult, Failure};
use super::hand_over::{Telling, hand_over};
use super::output::{self, Output};
use super::saved_plan::{SavedPlan, differences};
use super::signals::Signals;
use super::{run, saved_plan};
use crate::controller::{Until, View};
use crate::render::progress::Reporter;
use crate::render::{self};

/// The one answer that means yes.
const YES: &str = "yes";

/// After a signal, how long an apply that has changed nothing yet may run on: to give the lease back.
const END_WITHIN: Duration = Duration::from_secs(2);

/// Arguments of `apply`.
#[derive(Debug, Args)]
pub(super) struct ApplyArgs {
    /// A plan that `slotwise plan --out` saved, or YAML files and directories with the declared state
    #[arg(value_name = "PLANFILE|SOURCE", required = true)]
    sources: Vec<PathBuf>,
    /// Do not ask
    #[arg(short, long, env = "SLOTWISE_YES")]
    pub(super) yes: bool,
    /// Just this once a change of this destination may interrupt others, whatever the pool's policy; may be repeated.
    /// Those with `interruptible: false` are still left alone
    #[arg(
        long,
        value_name = "DESTINATION",
        env = "SLOTWISE_INTERRUPT",
        value_delimiter = ','
    )]
    pub(super) interrupt: Vec<String>,
    /// Give up after this long
    #[arg(long, env = "SLOTWISE_TIMEOUT", value_name = "TIME", default_value = "30m", value_parser = parse_time)]
    pub(super) timeout: Duration,
    #[command(flatten)]
    changes: ChangeArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Shows the plan, asks, and carries it out until converged.
pub(super) async fn run(
    mut args: ApplyArgs,
    format: LogFormat,
    output: &Output,
    signals: &Signals,
) -> CommandResult {
    let saved = take_saved_plan(&mut args)?;
    let result = Box::pin(apply(&args, saved.as_ref(), format, output, signals)).await;
    match (result, signals.first()) {
        (Ok(_), Some(signal)) => Ok(signal),
        (result, _) => result,
    }
}

async fn apply(
    args: &ApplyArgs,
    saved: Option<&SavedPlan>,
    format: LogFormat,
    output: &Output,
    signals: &Signals,
) -> CommandResult {
    let purpose = Purpose {
        sources: &args.sources,
        connection: &args.connection,
        changes: Some(&args.changes),
        grants: &args.interrupt,
        lasts: false,
    };
    args.changes.check_lease(&args.connection)?;
    let (listener, outcome) = event_log(Reporter::of_apply(), Times::Elapsed, format, output);
    let mut settings = purpose.settings();
    settings.waits_for_lease = false;
    let asked = signals.orderly_within(END_WITHIN);
    let telling = Telling { format, output };
    let hand_over_to = |holder| hand_over(args, saved, &purpose, holder, telling, &asked);
    let mut controller = match purpose.controller(settings, listener).await {
        Err(Failure {
            holder: Some(holder), ..
        }) if !args.interrupt.is_empty() => {
            signals.orderly();
            return Box::pin(hand_over_to(&holder)).await;
        }
        made => made?,
    };
    let result = match controller.win_lease(&asked).await {
        Ok(()) => {
            let shown = Box::pin(review(args, saved, &purpose, &mut controller, output, &asked)).await;
            match shown {
                Ok(Some(code)) => Ok(code),
                Ok(None) if asked.is_cancelled() => Ok(ExitCode::Interrupted),
                Ok(None) => {
                    signals.orderly();
                    if format == LogFormat::Text {
                        output.print("\n");
                    }
                    carry_out(&mut controller, args, &asked, &outcome).await
                }
                Err(failure) => Err(failure),
            }
        }
        // Asked to end while it waited: that is no trouble with the lease.
        Err(_) if asked.is_cancelled() => Ok(ExitCode::Interrupted),
        Err(error) => match error.holder().filter(|_| !args.interrupt.is_empty()) {
            Some(holder) => {
                // Otherwise this process would succeed the holder and carry nothing out.
                controller.release_lease().await;
                signals.orderly();
                return Box::pin(hand_over_to(&holder)).await;
            }
            None => Err(error.into()),
        },
    };
    // Whatever came of it: the next one need not wait until the lease runs out.
    controller.release_lease().await;
    result
}

/// Shows what would be done, and asks. A code where it is not to be carried out.
async fn review(
    args: &ApplyArgs,
    saved: Option<&SavedPlan>,
    purpose: &Purpose<'_>,
    controller: &mut Live,
    output: &Output,
    asked: &CancellationToken,
) -> Result<Option<ExitCode>, Failure> {
    let view = tokio::select! {
        view = Box::pin(controller.look()) => view.map_err(|error| purpose.failure(error))?,
        () = asked.cancelled() => return Ok(Some(ExitCode::Interrupted)),
    };
    if show_problems(&view.loaded.problems, output) {
        return Ok(Some(ExitCode::InvalidState));
    }
    check_view(&view, &args.interrupt, output)?;
    refuse_stale_saved(saved, &view, output)?;
    output.print(&render::plan::plan(&view.plan, output.style()));
    if !view.plan.is_empty() && !args.yes {
        confirm(asked, output).await?;
        tokio::select! {
            checked = check_again(controller, &view, output) => checked?,
            () = asked.cancelled() => return Ok(Some(ExitCode::Interrupted)),
        }
    }
    Ok(None)
}

async fn carry_out(
    controller: &mut Live,
    args: &ApplyArgs,
    asked: &CancellationToken,
    outcome: &RunOutcome,
) -> CommandResult {
    let until = Until::Converged {
        deadline: Instant::now() + args.timeout,
    };
    let ended = Box::pin(controller.run(until, asked)).await;
    let code = ExitCode::of_run(&ended, controller.plan().map(AsRef::as_ref), outcome.changed());
    let look = args.connection.where_to_look(&args.sources);
    run::finish(ended, (args.timeout, &look), None, code)
}

/// The saved plan that the arguments name, with what it was made from put into their place.
fn take_saved_plan(args: &mut ApplyArgs) -> Result<Option<SavedPlan>, Failure> {
    for path in &args.sources {
        must_exist(path)?;
    }
    let is_saved = |path: &PathBuf| saved_plan::is_saved_plan(path);
    let [path] = args.sources.as_slice() else {
        return match args.sources.iter().find(|path| is_saved(path)) {
            Some(path) => Err(Failure::usage(format!(
                "{} is a saved plan, which is applied alone",
                path.display()
            ))
            .next("it names its sources itself")),
            None => Ok(None),
        };
    };
    if !is_saved(path) {
        return Ok(None);
    }
    let saved = read(path)?;
    if !args.interrupt.is_empty() {
        return Err(Failure::usage("--interrupt does not go with a saved plan")
            .next("give it to plan, with --out, so that its effect is reviewed"));
    }
    args.sources.clone_from(&saved.sources);
    args.interrupt.clone_from(&saved.interrupt);
    args.connection.owner_id.clone_from(&saved.owner);
    Ok(Some(saved))
}

/// Before the lease: another process may hold it for long.
fn must_exist(path: &Path) -> Result<(), Failure> {
    match path.metadata() {
        Err(error) if path != Path::new("-") => {
            let what = format!("{} cannot be read: {error}", path.display());
            Err(Failure::new(ExitCode::Error, what).next("name a saved plan, or YAML files and directories"))
        }
        _ => Ok(()),
    }
}

fn read(path: &Path) -> Result<SavedPlan, Failure> {
    SavedPlan::read(path).map_err(|error| {
        Failure::at("cannot read the saved plan", &error).next("make a new one: plan with --out")
    })
}

/// Waits for the answer on a thread of its own, so that a signal is handled meanwhile.
pub(super) async fn confirm(asked: &CancellationToken, output: &Output) -> Result<(), Failure> {
    if !output::can_ask() {
        return Err(Failure::usage(
            "standard input is not a terminal, so apply cannot ask; nothing was changed",
        )
        .next("give --yes, or save the plan (plan --out FILE), review it, and apply the file with --yes"));
    }
    output.print(&format!("\nApply these changes? Only '{YES}' is accepted: "));
    let answer = tokio::task::spawn_blocking(output::read_answer);
    let answer = tokio::select! {
        answer = answer => answer.ok().and_then(Result::ok),
        () = asked.cancelled() => return Ok(()),
    };
    match answer.as_deref() {
        Some(YES) => Ok(()),
        _ => Err(Failure::new(
            ExitCode::Error,
            "not confirmed; nothing was changed",
        )),
    }
}

/// The user confirmed the plan that was shown; the channels may have changed meanwhile.
async fn check_again(controller: &mut Live, shown: &View, output: &Output) -> Result<(), Failure> {
    let now = Box::pin(controller.look()).await?;
    check_outputs(&now, output)?;
    let differences = differences(
        (&shown.loaded.desired, &shown.plan),
        (&now.loaded.desired, &now.plan),
    );
    refuse_if_stale(&differences, "the plan changed while it was read", output)
}

/// A saved plan is carried out only where planning again gives the same plan.
pub(super) fn refuse_stale_saved(
    saved: Option<&SavedPlan>,
    now: &View,
    output: &Output,
) -> Result<(), Failure> {
    let Some(saved) = saved else {
        return Ok(());
    };
    let differences = saved.differences(&now.loaded.desired, &now.plan);
    refuse_if_stale(&differences, "the saved plan is stale", output)
}

fn refuse_if_stale(differences: &[String], what: &str, output: &Output) -> Result<(), Failure> {
    /// More than these do not help to understand what happened.
    const SHOWN: usize = 20;
    if differences.is_empty() {
        return Ok(());
    }
    for line in differences.iter().take(SHOWN) {
        output.note(&format!("  {line}\n"));
    }
    if differences.len() > SHOWN {
        output.note(&format!("  and {} more\n", differences.len() - SHOWN));
    }
    Err(
        Failure::new(ExitCode::StalePlan, format!("{what}; nothing was changed"))
            .next("plan again, with --out, and review the difference"),
    )
}
