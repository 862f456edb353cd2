//! The event log of `run` and `apply`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::time::Instant;

use super::args::LogFormat;
use super::output::Output;
use super::telemetry::EVENT_LOG;
use crate::controller::{Clock, Event, Listener, StepOutcome};
use crate::model::ChannelState;
use crate::render::Style;
use crate::render::progress::{self, Reporter, Stamp};
use crate::status::Totals;

/// Which time the lines of the event log begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    /// The time of day.
    OfDay,
    /// What has passed since the event log began.
    Elapsed,
}

/// What the event log found out for the end of the command.
#[derive(Debug, Clone, Default)]
pub(super) struct RunOutcome {
    changed: Arc<AtomicBool>,
    set_aside: Arc<AtomicBool>,
}

impl RunOutcome {
    /// Whether MediaLive accepted at least one change.
    pub(super) fn changed(&self) -> bool {
        self.changed.load(Ordering::Relaxed)
    }

    /// Whether an object is set aside because of mistakes in it.
    pub(super) fn set_aside(&self) -> bool {
        self.set_aside.load(Ordering::Relaxed)
    }
}

/// A listener that emits `reporter`'s lines: on standard output, or as JSON in the log.
pub(super) fn event_log(
    mut reporter: Reporter,
    times: Times,
    format: LogFormat,
    output: &Output,
) -> (Listener, RunOutcome) {
    let (output, outcome) = (output.clone(), RunOutcome::default());
    let noted = outcome.clone();
    let clock = Clock::system();
    let mut began = None;
    let listener = move |event: Event| {
        match &event {
            Event::StepEnded {
                outcome: StepOutcome::Accepted,
                ..
            }
            | Event::OutputStepEnded {
                outcome: StepOutcome::Accepted,
                ..
            } => noted.changed.store(true, Ordering::Relaxed),
            Event::SourceLoaded { rejected, .. } => {
                noted.set_aside.store(!rejected.is_empty(), Ordering::Relaxed);
            }
            _ => {}
        }
        let stamp = match (times, format) {
            (_, LogFormat::Json) => Stamp::None,
            (Times::OfDay, LogFormat::Text) => Stamp::Clock(clock.now().to_zoned(TimeZone::system()).time()),
            // Time spent reading the plan is no part of carrying it out.
            (Times::Elapsed, LogFormat::Text)
                if matches!(event, Event::StepBegun { .. } | Event::OutputStepBegun { .. }) =>
            {
                Stamp::Elapsed(began.get_or_insert_with(Instant::now).elapsed())
            }
            (Times::Elapsed, LogFormat::Text) => {
                Stamp::Elapsed(began.map_or(Duration::ZERO, |began: Instant| began.elapsed()))
            }
        };
        match format {
            LogFormat::Text => {
                let lines = reporter.lines(&event, stamp, output.style());
                if !lines.is_empty() {
                    output.print(&(lines.join("\n") + "\n"));
                }
            }
            // A program leaves out what it knows by itself.
            LogFormat::Json => log(&event),
        }
    };
    (Box::new(listener), outcome)
}

/// A program splits its lines itself.
const ONE_LINE: Style = Style {
    color: false,
    width: usize::MAX,
};

fn log(event: &Event) {
    let text = progress::event(event, Stamp::None, ONE_LINE)
        .iter()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join("; ");
    let event_name = name(event);
    match event {
        Event::StepBegun { channel, step, .. } => tracing::info!(
            target: EVENT_LOG,
            event = event_name,
            channel = channel.as_str(),
            action = step.action.name(),
            reason = step.reason.code(),
            "{text}"
        ),
        Event::StepEnded {
            channel,
            action,
            outcome,
            took,
        } => tracing::info!(
            target: EVENT_LOG,
            event = event_name,
            channel = channel.as_str(),
            action,
            outcome = outcome_name(outcome),
            seconds = took.as_secs_f64(),
            "{text}"
        ),
        Event::OutputStepBegun { .. } | Event::OutputStepEnded { .. } => log_output_step(event, &text),
        Event::StateChanged {
            channel, from, to, ..
        } => tracing::info!(
            target: EVENT_LOG,
            event = event_name,
            channel = channel.as_str(),
            from = from.map(ChannelState::as_str),
            to = to.as_str(),
            "{text}"
        ),
        Event::PhaseChanged {
            destination,
            from,
            to,
            ..
        } => tracing::info!(
            target: EVENT_LOG,
            event = event_name,
            destination = destination.as_str(),
            from = from.map(|from| from.to_string()),
            to = to.to_string(),
            "{text}"
        ),
        Event::Converged {
            totals,
            interruptions,
            ..
        } => log_totals(totals, *interruptions, &text),
        Event::CycleFailed { .. }
        | Event::SourceDoubted { .. }
        | Event::PlanRefused { .. }
        | Event::Warned { .. } => {
            tracing::warn!(target: EVENT_LOG, event = event_name, "{text}");
        }
        event if event.is_only_counted() => {}
        _ => tracing::info!(target: EVENT_LOG, event = event_name, "{text}"),
    }
}

fn log_output_step(event: &Event, text: &str) {
    let event_name = name(event);
    match event {
        Event::OutputStepBegun {
            pool,
            carries,
            action,
            reason,
        } => tracing::info!(
            target: EVENT_LOG,
            event = event_name,
            pool,
            carries,
            action,
            reason = reason.code(),
            "{text}"
        ),
        Event::OutputStepEnded {
            pool,
            carries,
            action,
            reason,
            outcome,
            took,
        } => tracing::info!(
            target: EVENT_LOG,
            event = event_name,
            reason = reason.code(),
            pool,
            carries,
            action,
            outcome = outcome_name(outcome),
            seconds = took.as_secs_f64(),
            "{text}"
        ),
        _ => {}
    }
}

fn log_totals(totals: &Totals, interruptions: usize, text: &str) {
    tracing::info!(
        target: EVENT_LOG,
        event = "Converged",
        wanted = totals.wanted,
        on_air = totals.on_air,
        as_wanted = totals.is_as_wanted(),
        interruptions,
        "{text}"
    );
}

fn outcome_name(outcome: &StepOutcome) -> &'static str {
    match outcome {
        StepOutcome::Accepted => "Accepted",
        StepOutcome::AlreadyDone => "AlreadyDone",
        StepOutcome::Stale { .. } => "Stale",
        StepOutcome::Failed { .. } => "Failed",
    }
}

fn name(event: &Event) -> &'static str {
    match event {
        Event::SourceLoaded { .. } => "SourceLoaded",
        Event::SourceDoubted { .. } => "SourceDoubted",
        Event::SourceRead { .. } => "SourceRead",
        Event::SourceTrusted => "SourceTrusted",
        Event::Warned { .. } => "Warned",
        Event::Planned(_) => "Planned",
        Event::PlanRefused { .. } => "PlanRefused",
        Event::StepBegun { .. } => "StepBegun",
        Event::StepEnded { .. } => "StepEnded",
        Event::OutputStepBegun { .. } => "OutputStepBegun",
        Event::OutputStepEnded { .. } => "OutputStepEnded",
        Event::OutputChanged { .. } => "OutputChanged",
        Event::InputChanged { .. } => "InputChanged",
        Event::StateChanged { .. } => "StateChanged",
        Event::PhaseChanged { .. } => "PhaseChanged",
        Event::Converged { .. } => "Converged",
        Event::WentOffAir { .. } => "WentOffAir",
        Event::CycleEnded { .. } => "CycleEnded",
        Event::CycleFailed { .. } => "CycleFailed",
        Event::Lease(_) => "Lease",
        Event::Grant(_) => "Grant",
        Event::Draining => "Draining",
    }
}
