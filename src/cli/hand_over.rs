//! `apply --interrupt` where another slotwise holds the lease: the grant is handed to that one, and what it does is followed.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::apply::{ApplyArgs, confirm};
use super::args::LogFormat;
use super::connect::{Purpose, check_view, host, show_problems};
use super::event_log::{Times, event_log};
use super::exit::ExitCode;
use super::failure::{CommandResult, Failure};
use super::output::Output;
use super::saved_plan::SavedPlan;
use super::telemetry::EVENT_LOG;
use crate::controller::lease::{Following, GrantOutcome, Grantee, HandError, Hander, Holder, Progress};
use crate::controller::{Ended, Until};
use crate::model::{Desired, DestinationName};
use crate::plan::waiting::Approximately;
use crate::render;
use crate::render::progress::Reporter;

/// Where lines go, and how.
#[derive(Clone, Copy)]
pub(super) struct Telling<'a> {
    pub(super) format: LogFormat,
    pub(super) output: &'a Output,
}

impl Telling<'_> {
    fn tell(self, text: &str) {
        match self.format {
            LogFormat::Text => self.output.print(&format!("grant  {text}\n")),
            LogFormat::Json => tracing::info!(target: EVENT_LOG, event = "Grant", "{text}"),
        }
    }
}

/// Shows what `holder` would do with the grants, asks, hands them over, and follows until they are used or over.
pub(super) async fn hand_over(
    args: &ApplyArgs,
    saved: Option<&SavedPlan>,
    purpose: &Purpose<'_>,
    holder: &Holder,
    telling: Telling<'_>,
    asked: &CancellationToken,
) -> CommandResult {
    let Telling { format, output } = telling;
    let Some(hander) = purpose.hander(holder).await? else {
        return Err(Failure::new(
            ExitCode::LeaseLost,
            "another slotwise holds the lease",
        ));
    };
    let looking = Purpose {
        changes: None,
        ..*purpose
    };
    let (listener, _) = event_log(Reporter::of_apply(), Times::Elapsed, format, output);
    let mut settings = purpose.settings();
    // What the other one does is seen as soon as if it were done here.
    settings.interval = settings.interval.min(settings.transition_interval);
    let mut controller = looking.controller(settings, listener).await?;
    let view = tokio::select! {
        view = Box::pin(controller.look()) => view.map_err(|error| purpose.failure(error))?,
        () = asked.cancelled() => return Ok(ExitCode::Interrupted),
    };
    if show_problems(&view.loaded.problems, output) {
        return Ok(ExitCode::InvalidState);
    }
    check_view(&view, &args.interrupt, output)?;
    super::apply::refuse_stale_saved(saved, &view, output)?;
    output.print(&render::plan::plan(&view.plan, output.style()));
    if view.plan.is_empty() {
        let ended = ExitCode::of_run(&Ended::Converged, Some(&view.plan), false);
        return Ok(ended.unwrap_or(ExitCode::Success));
    }
    telling.tell(&format!(
        "{} holds the lease: it is handed the grant, and carries it out by what it reads itself",
        name_of(holder)
    ));
    if !args.yes {
        confirm(asked, output).await?;
    }
    let grantees = grantees(&args.interrupt, &view.loaded.desired);
    let stop = CancellationToken::new();
    let deadline = Instant::now() + args.timeout;
    let result = tokio::select! {
        biased;
        () = asked.cancelled() => Ok(ExitCode::Interrupted),
        result = give(&hander, grantees, telling) => result,
        () = sleep_until(deadline) => Err(timed_out(args.timeout)),
        // Only looks: it shows what the holder does.
        ended = Box::pin(controller.run(Until::Asked, &stop)) => super::run::finish(ended, (args.timeout, ""), None, None),
    };
    stop.cancel();
    result
}

fn name_of(holder: &Holder) -> String {
    match holder {
        Holder::File { holder, .. } if holder.is_empty() => "another slotwise".to_owned(),
        Holder::File { holder, .. } => format!("slotwise, {holder},"),
        Holder::Table { holder, epoch } => format!("{holder}, epoch {epoch},"),
    }
}

fn timed_out(timeout: Duration) -> Failure {
    let message = format!(
        "the grant was not used within {} (--timeout)",
        Approximately(timeout)
    );
    Failure::new(ExitCode::Partial, message)
        .next("it holds for 10 min from when it was taken; the process that took it continues and reports the result")
}

/// The destinations of `desired` with these names, all of which are declared.
fn grantees(names: &[String], desired: &Desired) -> Vec<Grantee> {
    let declared = names
        .iter()
        .filter_map(|name| desired.destinations.get(name.as_str()));
    declared.map(|destination| Grantee::of(destination)).collect()
}

/// Hands all grants over and follows each to its end.
async fn give(hander: &Hander, grantees: Vec<Grantee>, telling: Telling<'_>) -> CommandResult {
    let by = format!("apply, pid {} on {}", std::process::id(), host());
    let mut followed = Vec::new();
    for grantee in grantees {
        let following = hander
            .hand(&grantee, &by)
            .await
            .map_err(|error| failure(&error))?;
        followed.push((grantee.name, following));
    }
    let mut outcomes = Vec::new();
    for (name, following) in &mut followed {
        outcomes.push(
            follow(name, following, telling)
                .await
                .map_err(|error| failure(&error))?,
        );
    }
    Ok(code(&outcomes))
}

async fn follow(
    name: &DestinationName,
    following: &mut Following,
    telling: Telling<'_>,
) -> Result<GrantOutcome, HandError> {
    loop {
        match following.next().await? {
            Progress::Waiting => {}
            Progress::Taken { by } => telling.tell(&format!("{by} took the grant for {name}")),
            Progress::Ended { outcome, message } => {
                let what = match outcome {
                    GrantOutcome::Done => "used",
                    GrantOutcome::Refused => "refused: another rule forbids it all the same",
                    GrantOutcome::Waits => "over: it waits for something that a grant does not give",
                    GrantOutcome::Expired => "over: its 10 min have passed",
                    GrantOutcome::Unknown => "refused: the lease holder declares no such destination",
                    GrantOutcome::NameTaken => {
                        "refused: the lease holder declares another destination of this name"
                    }
                };
                let more = if message.is_empty() { "" } else { "; " };
                telling.tell(&format!("for {name} is {what}{more}{message}"));
                return Ok(outcome);
            }
        }
    }
}

/// Done is success, forbidden is refused, and everything in between is partial.
fn code(outcomes: &[GrantOutcome]) -> ExitCode {
    use GrantOutcome::{NameTaken, Refused, Unknown};
    let is_refused = |outcome: &GrantOutcome| matches!(outcome, Refused | Unknown | NameTaken);
    if outcomes.iter().all(|outcome| *outcome == GrantOutcome::Done) {
        ExitCode::Success
    } else if outcomes.iter().all(is_refused) {
        ExitCode::Refused
    } else {
        ExitCode::Partial
    }
}

fn failure(error: &HandError) -> Failure {
    let text = crate::error_chain(error);
    match error {
        HandError::Unreachable(_) => Failure::new(ExitCode::LeaseLost, text).next(
            "run apply as the same user or as root on the same machine, or end the other one and apply then",
        ),
        HandError::Refused(_) => Failure::new(ExitCode::LeaseLost, text)
            .next("wait for what is under way, or end the other one and apply then"),
        HandError::HolderGone => {
            Failure::new(ExitCode::Partial, text).next("plan to see what is left to do, and apply again")
        }
        HandError::Table(_) => Failure::new(ExitCode::Error, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use GrantOutcome::{Done, Expired, NameTaken, Refused, Unknown, Waits};

    #[test]
    fn the_code_says_what_came_of_all_grants_together() {
        for (outcomes, expected) in [
            (vec![Done, Done], ExitCode::Success),
            (vec![Refused], ExitCode::Refused),
            (vec![Refused, Unknown, NameTaken], ExitCode::Refused),
            (vec![Done, Refused], ExitCode::Partial),
            (vec![Waits], ExitCode::Partial),
            (vec![Expired], ExitCode::Partial),
        ] {
            assert_eq!(code(&outcomes), expected, "{outcomes:?}");
        }
    }
}
