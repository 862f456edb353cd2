//! The event log, line by line.
//!
//! ```text
//! 12:00:01  source            1 pool and 4 destinations
//! 12:00:01  plan              1 update, 1 start, 0 stops · 2 go on air, 1 waits · …
//!             youtube-main  → 4000001/RTMP-Slot-1  new; on a stopped channel, interrupts nothing
//! 12:00:01  4000001 (live-1)  update  slots differ from what is wanted
//!             RTMP-Slot-1 ← youtube-main
//! 12:00:02  4000001           IDLE → STARTING after 2.0 s
//! 12:00:05  youtube-main      Streaming  on air in 4000001/RTMP-Slot-1
//! ```

mod reporter;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use jiff::civil::Time;
pub use reporter::Reporter;

use super::plan::{groups_of_waiting, verb, ways_out};
use super::problems;
use super::status::tone as phase_tone;
use super::style::{Style, Tone, columns};
use super::summary::Summary;
use super::table::{Cell, Table, cell};
use crate::controller::event::StepOutcome;
use crate::controller::lease::{GrantOutcome, How};
use crate::controller::{Event, GrantNews, LeaseNews};
use crate::manifest::Problem;
use crate::manifest::Rejected;
use crate::model::{ChannelId, ChannelState, DestinationName};
use crate::plan::reason::Names;
use crate::plan::waiting::Approximately;
use crate::plan::{Action, OutputReason, Plan, Step};
use crate::status::{Phase, Totals};
use crate::store::Change;
use crate::words::counted;

/// More entries than this under one event are counted instead of listed.
const LIST_AT_MOST: usize = 12;

/// How an orderly end begins.
const DRAINING: &str = "calls under way are finished, no new one begins; once more ends at once";

/// Columns of the subject of a line, so that the texts line up; a longer subject pushes its text to the right.
const SUBJECT: usize = 18;

/// When an event happened, as its line shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamp {
    /// Time of day: for a daemon.
    Clock(Time),
    /// Since the beginning: for `apply`.
    Elapsed(Duration),
    /// None: for a log that has its own.
    None,
}

/// The lines of `event`, each complete without a line feed, whether it is news or not.
pub fn event(event: &Event, stamp: Stamp, style: Style) -> Vec<String> {
    Entry::of(event).lines(stamp, style)
}

impl Stamp {
    fn text(self) -> String {
        match self {
            Self::Clock(time) => time.strftime("%H:%M:%S").to_string(),
            Self::Elapsed(time) => {
                let tenths = time.as_millis() / 100;
                format!("{:>6}.{} s", tenths / 10, tenths % 10)
            }
            Self::None => String::new(),
        }
    }
}

fn narrowed(style: Style, by: usize) -> Style {
    Style {
        width: style.width.saturating_sub(by),
        ..style
    }
}

/// A head line and the lines below it.
#[derive(Default)]
struct Entry {
    head: Table,
    details: Table,
    /// More below: tables, this far to the right of the details.
    more: Vec<(usize, Table)>,
}

impl Entry {
    fn lines(&self, stamp: Stamp, style: Style) -> Vec<String> {
        let stamp = stamp.text();
        let indent = if stamp.is_empty() { 0 } else { stamp.len() + 2 };
        let mut lines = Vec::new();
        for (index, line) in self
            .head
            .lines(narrowed(style, indent), 0)
            .into_iter()
            .enumerate()
        {
            let margin = if index == 0 && indent > 0 {
                format!("{}  ", style.paint(Tone::Muted, &stamp))
            } else {
                " ".repeat(indent)
            };
            lines.push(format!("{margin}{line}"));
        }
        lines.extend(self.details.lines(style, indent + 2));
        for (right, table) in &self.more {
            lines.extend(table.lines(style, indent + 2 + right));
        }
        lines
    }

    fn of(event: &Event) -> Self {
        match event {
            Event::SourceLoaded {
                pools,
                destinations,
                problems,
                rejected,
                changes,
            } => source_loaded(*pools, *destinations, problems, rejected, changes),
            Event::SourceDoubted { why } => Self::says(
                Tone::Bad,
                "source",
                format!("cannot be trusted: {why}; what is on air stays as it is"),
            ),
            Event::Warned { what } => Self::says(Tone::Waits, "warning", what),
            Event::SourceTrusted => Self::says(Tone::Good, "source", "can be trusted again"),
            Event::Planned(plan) => planned(
                plan,
                &plan.destinations.iter().map(|one| one.name.clone()).collect(),
            ),
            Event::StepBegun {
                channel,
                channel_name,
                step,
            } => step_begun(channel.as_str(), channel_name, step),
            Event::StepEnded {
                channel,
                action,
                outcome,
                took,
            } => step_ended(channel.as_str(), action, outcome, *took),
            Event::OutputStepBegun { .. }
            | Event::OutputStepEnded { .. }
            | Event::OutputChanged { .. }
            | Event::InputChanged { .. } => of_output(event),
            Event::StateChanged {
                channel,
                from,
                to,
                after,
            } => state_changed(channel, *from, *to, *after),
            Event::PhaseChanged {
                destination,
                to,
                message,
                ways_out,
                wanted_for,
                ..
            } => phase_changed(destination, *to, message, ways_out, *wanted_for),
            Event::Converged {
                totals,
                interruptions,
                took,
            } => converged(totals, *interruptions, *took),
            Event::PlanRefused { what } => {
                let what = format!("{what}; the pool is left as it is, please report this");
                Self::says(Tone::Bad, "defect", what)
            }
            Event::CycleFailed { what, retry_in } => {
                let next = precise(*retry_in);
                let what = format!("{what}; nothing on air is touched, next try in {next}");
                Self::says(Tone::Bad, "failed", what)
            }
            Event::Lease(news) => lease(news),
            Event::Grant(news) => grant(news),
            Event::SourceRead { .. } | Event::CycleEnded { .. } | Event::WentOffAir { .. } => Self::default(),
            Event::Draining => Self::says(Tone::Waits, "ending", DRAINING),
        }
    }

    /// A head line of a subject and a sentence.
    fn says(tone: Tone, subject: impl fmt::Display, sentence: impl fmt::Display) -> Self {
        let mut entry = Self::default();
        entry
            .head
            .row([self::subject(tone, subject), cell(Tone::Plain, sentence)]);
        entry
    }
}

fn lease(news: &LeaseNews) -> Entry {
    let (tone, text) = match news {
        LeaseNews::Standby { holder, epoch } => (
            Tone::Waits,
            format!("standby: {holder} holds the lease (epoch {epoch})"),
        ),
        LeaseNews::Vacant { wait } => (
            Tone::Waits,
            format!(
                "standby: no lease row; a new one is free in {}, once no process holds an old one",
                precise(*wait)
            ),
        ),
        LeaseNews::Taken { epoch, how } => {
            let text = match how {
                How::Free => format!("took the lease, epoch {epoch}"),
                How::Silence { of, after } => format!(
                    "took over, epoch {epoch}, after {} without a renewal by {of}",
                    precise(*after)
                ),
                How::Again => format!("holds the lease again, epoch {epoch}"),
            };
            (Tone::Good, text)
        }
        LeaseNews::Lost { why } => (
            Tone::Bad,
            format!("lost the lease: {why}; nothing more is written"),
        ),
        LeaseNews::LockedAgain { path } => (Tone::Good, format!("locked {} again", path.display())),
        LeaseNews::Released => (Tone::Strong, "gave the lease back".to_owned()),
        LeaseNews::Trouble(error) => (Tone::Bad, error.to_string()),
        LeaseNews::TroubleOver => (Tone::Good, "the lease table answers again".to_owned()),
    };
    Entry::says(tone, "lease", text)
}

fn grant(news: &GrantNews) -> Entry {
    let (tone, text) = match news {
        GrantNews::Taken { destination, by } => (
            Tone::Strong,
            format!(
                "{destination} may interrupt others once: granted by {by}, for 10 min or until it is used"
            ),
        ),
        GrantNews::Ended {
            destination,
            outcome,
            message,
        } => {
            let (tone, how) = match outcome {
                GrantOutcome::Done => (Tone::Good, "is used"),
                GrantOutcome::Refused => (Tone::Waits, "is over: another rule forbids the interruption"),
                GrantOutcome::Waits => (Tone::Waits, "is over: it waits for something that no grant gives"),
                GrantOutcome::Expired => (Tone::Waits, "is over: 10 min have passed"),
                GrantOutcome::Unknown => (Tone::Bad, "is over: no such destination is declared here"),
                GrantOutcome::NameTaken => (
                    Tone::Bad,
                    "is over: it was given for another destination of this name",
                ),
            };
            let message = if message.is_empty() {
                String::new()
            } else {
                format!("; {message}")
            };
            (tone, format!("the one for {destination} {how}{message}"))
        }
    };
    Entry::says(tone, "grant", text)
}

fn source_loaded(
    pools: usize,
    destinations: usize,
    problems: &[Problem],
    rejected: &[Rejected],
    changes: &[Change],
) -> Entry {
    let mut entry = Entry::says(
        Tone::Strong,
        "source",
        format!(
            "{} and {}",
            counted(pools, "pool"),
            counted(destinations, "destination")
        ),
    );
    for change in changes.iter().take(LIST_AT_MOST) {
        entry.details.row([
            cell(Tone::Strong, &change.object),
            cell(Tone::Plain, &change.what),
        ]);
    }
    more(&mut entry.details, changes.len());
    for problem in problems.iter().take(LIST_AT_MOST) {
        let tone = if problems::errors(std::slice::from_ref(problem)) > 0 {
            Tone::Bad
        } else {
            Tone::Waits
        };
        entry.details.row([cell(tone, problem)]);
    }
    more(&mut entry.details, problems.len());
    for one in rejected.iter().take(LIST_AT_MOST) {
        let fate = if one.last_good {
            "is set aside; its last good declaration stays in force"
        } else {
            "is set aside until it is repaired"
        };
        entry
            .details
            .row([cell(Tone::Waits, format!("{} {fate}", one.object))]);
    }
    more(&mut entry.details, rejected.len());
    entry
}

/// The entry of [`Event::SourceLoaded`] with only the new mistakes; `left` were reported before and remain.
fn loaded_since(event: &Event, problems: &[Problem], rejected: &[Rejected], left: usize) -> Entry {
    let Event::SourceLoaded {
        pools,
        destinations,
        changes,
        ..
    } = event
    else {
        return Entry::default();
    };
    let mut entry = source_loaded(*pools, *destinations, problems, rejected, changes);
    if left > 0 {
        let remain = if left == 1 { "remains" } else { "remain" };
        let text = format!("{} reported before {remain}", counted(left, "mistake"));
        entry.details.row([cell(Tone::Waits, text)]);
    }
    entry
}

/// What `plan` says as a whole, and of those named.
fn planned(plan: &Plan, names: &BTreeSet<DestinationName>) -> Entry {
    let mut entry = if plan.is_empty() {
        Entry::says(Tone::Strong, "plan", "no changes")
    } else {
        Entry::says(Tone::Strong, "plan", Summary::of(plan))
    };
    let placed: Vec<_> = plan
        .destinations
        .iter()
        .filter(|one| !one.on_air && names.contains(&one.name))
        .filter_map(|one| Some((&one.name, one.assignment.as_ref()?, one.reason.as_ref()?)))
        .collect();
    for (name, slot, reason) in placed.iter().take(LIST_AT_MOST) {
        entry.details.row([
            cell(Tone::Strong, name),
            cell(Tone::Plain, format!("→ {slot}")),
            cell(Tone::Muted, reason),
        ]);
    }
    more(&mut entry.details, placed.len());
    let waiting = groups_of_waiting(plan.destinations.iter().filter(|one| names.contains(&one.name)));
    for (names, predicate, waiting) in waiting.iter().take(LIST_AT_MOST) {
        let mut head = Table::default();
        let verb = verb(names.len(), predicate);
        head.row([
            cell(Tone::Strong, Names(names)),
            cell(Tone::Waits, format!("{verb}: {}", waiting.code())),
        ]);
        let mut why = Table::default();
        why.row([cell(Tone::Plain, waiting)]);
        let ways = ways_out(waiting, names);
        if !ways.is_empty() {
            why.row([cell(Tone::Muted, format!("ways out: {}", ways.join(" · ")))]);
        }
        entry.more.extend([(0, head), (2, why)]);
    }
    let mut rest = Table::default();
    more(&mut rest, waiting.len());
    entry.more.push((0, rest));
    entry
}

fn step_begun(channel: &str, name: &str, step: &Step) -> Entry {
    let with_name = format!("{channel} ({name})");
    let fits = !name.is_empty() && name != channel && columns(&with_name) <= SUBJECT;
    let title = if fits { with_name } else { channel.to_owned() };
    let mut entry = Entry::default();
    let about = match step.expected.as_secs() {
        0 => String::new(),
        _ => format!(", about {}", Approximately(step.expected)),
    };
    let action = step.action.name();
    entry.head.row([
        subject(Tone::Strong, title),
        cell(step_tone(&step.action), action),
        cell(Tone::Plain, format!("{}{about}", step.reason)),
    ]);
    if let Action::Update { writes, .. } = &step.action {
        for write in writes {
            entry.details.row([cell(
                Tone::Plain,
                format!("{} ← {}", write.output_group, write.content),
            )]);
        }
    }
    for name in &step.interrupts {
        entry.details.row([cell(Tone::Bad, format!("interrupts {name}"))]);
    }
    entry
}

/// What happens to a router output.
fn of_output(event: &Event) -> Entry {
    match event {
        Event::OutputStepBegun {
            carries,
            action,
            reason,
            ..
        } => output_step_begun(carries, action, reason),
        Event::OutputStepEnded {
            carries,
            action,
            outcome,
            took,
            ..
        } => step_ended(carries, action, outcome, *took),
        Event::OutputChanged {
            name,
            from,
            to,
            after,
        } => {
            let text = format!("{from} → {to} after {}", precise(*after));
            Entry::says(Tone::Strong, name, text)
        }
        Event::InputChanged {
            input,
            from,
            to,
            after,
        } => {
            let name = format!("router input {}", input.id());
            let text = format!("{from} → {to} after {}", precise(*after));
            Entry::says(Tone::Strong, &name, text)
        }
        _ => Entry::default(),
    }
}

fn output_step_begun(carries: &str, action: &str, reason: &OutputReason) -> Entry {
    let tone = match action {
        "stop" | "delete" => Tone::Bad,
        "start" | "restart" => Tone::Good,
        _ => Tone::Change,
    };
    let mut entry = Entry::default();
    entry.head.row([
        subject(Tone::Strong, carries),
        cell(tone, action),
        cell(Tone::Plain, reason),
    ]);
    entry
}

fn step_ended(channel: &str, action: &str, outcome: &StepOutcome, took: Duration) -> Entry {
    match outcome {
        StepOutcome::Accepted => Entry::says(
            Tone::Strong,
            channel,
            format!("{action} accepted after {}", precise(took)),
        ),
        StepOutcome::AlreadyDone => {
            Entry::says(Tone::Strong, channel, format!("{action} had been done already"))
        }
        StepOutcome::Stale { why } => Entry::says(
            Tone::Strong,
            channel,
            format!("{action} not sent, {why}; planning again"),
        ),
        StepOutcome::Failed { what, retry_in } => Entry::says(
            Tone::Bad,
            channel,
            format!("{action} failed: {what}; next try in {}", precise(*retry_in)),
        ),
    }
}

fn state_changed(
    channel: &ChannelId,
    from: Option<ChannelState>,
    to: ChannelState,
    after: Option<Duration>,
) -> Entry {
    let from = from.map_or_else(String::new, |from| format!("{from} "));
    let after = after.map_or_else(String::new, |time| format!(" after {}", precise(time)));
    Entry::says(Tone::Strong, channel, format!("{from}→ {to}{after}"))
}

fn phase_changed(
    destination: &DestinationName,
    to: Phase,
    message: &str,
    ways_out: &[String],
    wanted_for: Option<Duration>,
) -> Entry {
    let mut entry = Entry::default();
    let after = wanted_for.map_or_else(String::new, |time| {
        format!(", {} after it was wanted", precise(time))
    });
    entry.head.row([
        subject(Tone::Strong, destination),
        cell(phase_tone(to), to),
        cell(Tone::Plain, format!("{message}{after}")),
    ]);
    if !ways_out.is_empty() {
        entry
            .details
            .row([cell(Tone::Muted, format!("ways out: {}", ways_out.join(" · ")))]);
    }
    entry
}

fn subject(tone: Tone, text: impl fmt::Display) -> Cell {
    cell(tone, format!("{:<SUBJECT$}", text.to_string()))
}

fn step_tone(action: &Action) -> Tone {
    match action {
        Action::Start => Tone::Good,
        Action::Stop => Tone::Bad,
        Action::Wait | Action::Adopt { .. } | Action::Record { .. } | Action::Update { .. } => Tone::Change,
    }
}

/// Says how many entries are not listed.
fn more(details: &mut Table, count: usize) {
    if count > LIST_AT_MOST {
        details.row([cell(Tone::Muted, format!("and {} more", count - LIST_AT_MOST))]);
    }
}

/// A time that passed, exact where it is short: `0.4 s`, `3.2 s`, `2 min 30 s`.
fn precise(time: Duration) -> String {
    if time < Duration::from_mins(1) {
        let tenths = time.as_millis() / 100;
        format!("{}.{} s", tenths / 10, tenths % 10)
    } else {
        Approximately(time).to_string()
    }
}

/// Nothing is left to do, which is good news only where every destination is where it is wanted.
fn converged(totals: &Totals, interruptions: usize, took: Duration) -> Entry {
    let interruptions = match interruptions {
        0 => String::new(),
        some => format!("{}; ", counted(some, "interruption")),
    };
    let text = format!("{totals}; {interruptions}took {}", precise(took));
    if totals.is_as_wanted() {
        Entry::says(Tone::Good, "converged", text)
    } else {
        Entry::says(Tone::Waits, "partial", text)
    }
}

#[cfg(test)]
mod tests;
