//! The plan of a RouterPool for a terminal.

use std::collections::BTreeMap;

use super::plan::{in_words, ways_out_row};
use super::style::{Style, Tone, columns};
use super::table::{Table, cell};
use crate::model::OutputState;
use crate::plan::Plan;
use crate::plan::cost::expected_of_output;
use crate::plan::router::{OutputAction, OutputPlan, OutputWaiting, RouterPoolPlan};
use crate::words::counted;

/// More unchanged outputs than this are folded into one line.
const FOLD_ABOVE: usize = 4;

/// The outputs of a pool: those that change with their steps, then the others.
pub(super) fn outputs(plan: &Plan, pool: &RouterPoolPlan, style: Style) -> Vec<String> {
    let (quiet, changed): (Vec<_>, Vec<_>) = pool.outputs.iter().partition(|output| output.steps.is_empty());
    let edges = Edges::of(pool);
    let mut lines: Vec<String> = Vec::new();
    for output in changed {
        lines.extend(changing(output, edges, style));
    }
    // What waits and has no output yet is told with the destinations.
    let there = quiet.into_iter().filter(|output| output.arn.is_some());
    let (quiet, stuck): (Vec<&OutputPlan>, Vec<&OutputPlan>) =
        there.partition(|output| output.messages.is_empty() && waiting_to_tell(plan, output).is_none());
    lines.extend(stuck_ones(plan, &stuck, edges, style));
    if quiet.len() > FOLD_ABOVE {
        lines.push(folded(&quiet, style));
    } else {
        lines.extend(
            quiet
                .iter()
                .flat_map(|output| unchanged(plan, output, edges, style)),
        );
    }
    lines
}

/// States that an output passes through: `STANDBY → ACTIVE`.
pub(super) fn course(output: &OutputPlan) -> String {
    let mut states = vec![output.state.map_or("new", OutputState::as_str)];
    for step in &output.steps {
        let next = match step.action {
            OutputAction::Start | OutputAction::Restart => "ACTIVE",
            OutputAction::Create(_) | OutputAction::Stop => "STANDBY",
            OutputAction::Delete => "deleted",
            OutputAction::Route
            | OutputAction::Update(_)
            | OutputAction::Release
            | OutputAction::Keep
            | OutputAction::Record => continue,
        };
        if states.last() != Some(&next) {
            states.push(next);
        }
    }
    match states.as_slice() {
        [only] => format!("{only}, stays"),
        several => several.join(" → "),
    }
}

/// Sum of the expected times of all steps, in words; nothing for none.
pub(super) fn expected(output: &OutputPlan) -> Option<String> {
    in_words(output.steps.iter().map(|step| expected_of_output(&step.action)))
}

/// A destination's own output, for its explanation.
pub(super) fn of_destination(output: &OutputPlan, style: Style) -> Vec<String> {
    let is_made = output.steps.first().map(|step| step.action.name()) == Some("create");
    let name = match &output.name {
        Some(name) => name,
        None if is_made => "is to be made",
        None if matches!(output.waiting, Some(OutputWaiting::OutputsUnreadable { .. })) => "not known",
        None => "none yet",
    };
    let state = output
        .state
        .map_or_else(String::new, |state| format!(" ({state})"));
    let mut lines = vec![format!("  router output: {name}{state}")];
    if let Some(window) = &output.maintenance {
        lines.push(format!("  MediaConnect maintains it: {window}"));
    }
    lines.extend(messages(output).lines(style, 2));
    if !output.steps.is_empty() {
        lines.push(String::new());
        lines.push("What is done".to_owned());
        lines.extend(steps(output).lines(style, 2));
    }
    lines
}

/// What it waits for, unless that is told with its destination.
fn waiting_to_tell<'a>(plan: &Plan, output: &'a OutputPlan) -> Option<&'a OutputWaiting> {
    let waiting = output.waiting.as_ref();
    waiting.filter(|_| !plan.is_told_with_destination(output))
}

/// Those that wait and are no destination's own, and those with messages: the first of each reason, then how many more.
fn stuck_ones(plan: &Plan, stuck: &[&OutputPlan], edges: Edges, style: Style) -> Vec<String> {
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut lines = Vec::new();
    for output in stuck {
        let code = waiting_to_tell(plan, output).map_or("OutputMessage", OutputWaiting::code);
        let count = counts.entry(code).or_default();
        *count += 1;
        if *count <= FOLD_ABOVE {
            lines.extend(unchanged(plan, output, edges, style));
        }
    }
    for (code, count) in counts.into_iter().filter(|(_, count)| *count > FOLD_ABOVE) {
        let more = counted(count - FOLD_ABOVE, "router output");
        lines.push(format!("  and {more} more: {code}"));
    }
    lines
}

fn changing(output: &OutputPlan, edges: Edges, style: Style) -> Vec<String> {
    let mut lines = vec![line(output, Tone::Change, edges, style)];
    lines.extend(steps(output).lines(style, 4));
    lines.extend(messages(output).lines(style, 4));
    lines
}

/// What MediaConnect says is wrong with it.
fn messages(output: &OutputPlan) -> Table {
    let mut table = Table::default();
    for message in &*output.messages {
        table.row([cell(Tone::Waits, "message"), cell(Tone::Plain, message)]);
    }
    table
}

fn steps(output: &OutputPlan) -> Table {
    let mut table = Table::default();
    for step in &output.steps {
        let tone = match step.action {
            OutputAction::Stop | OutputAction::Delete => Tone::Bad,
            OutputAction::Start | OutputAction::Restart => Tone::Good,
            _ => Tone::Change,
        };
        let interrupted = output.interrupts().filter(|_| step.action == OutputAction::Stop);
        let why = match interrupted {
            Some(name) => format!("{}; interrupts {name}", step.reason),
            None => step.reason.to_string(),
        };
        table.row([cell(tone, step.action.name()), cell(Tone::Muted, why)]);
    }
    table
}

fn unchanged(plan: &Plan, output: &OutputPlan, edges: Edges, style: Style) -> Vec<String> {
    let mut lines = vec![line(output, Tone::Muted, edges, style)];
    if let Some(waiting) = waiting_to_tell(plan, output) {
        let mut table = Table::default();
        let text = format!("{}: {waiting}", waiting.code());
        table.row([cell(Tone::Waits, "waits"), cell(Tone::Plain, text)]);
        ways_out_row(&mut table, Some(cell(Tone::Muted, "")), &waiting.ways_out());
        lines.extend(table.lines(style, 4));
    }
    lines.extend(messages(output).lines(style, 4));
    lines
}

/// How wide the columns of a pool are.
#[derive(Debug, Clone, Copy)]
struct Edges {
    carries: usize,
    course: usize,
}

impl Edges {
    fn of(pool: &RouterPoolPlan) -> Self {
        let widest = |text: fn(&OutputPlan) -> String| {
            let widths = pool.outputs.iter().map(|output| columns(&text(output)));
            widths.max().unwrap_or_default()
        };
        Self {
            carries: widest(|output| output.carries.to_string()),
            course: widest(course),
        }
    }
}

/// What it carries, its states, its name, and at the right edge the time that its steps take.
fn line(output: &OutputPlan, tone: Tone, edges: Edges, style: Style) -> String {
    let (title, course) = (output.carries.to_string(), course(output));
    let gap = |text: &str, edge: usize| " ".repeat(edge.saturating_sub(columns(text)) + 2);
    let (after_title, after_course) = (gap(&title, edges.carries), gap(&course, edges.course));
    let name = output.name.as_deref().unwrap_or_default();
    let right = expected(output).unwrap_or_default();
    let used = [title.as_str(), &after_title, &course, &after_course, name, &right];
    let used: usize = 2 + used.into_iter().map(columns).sum::<usize>();
    let edge = style.width.min(Style::DEFAULT_WIDTH);
    let line = format!(
        "  {}{after_title}{}{after_course}{}{}{}",
        style.paint(Tone::Strong, &title),
        style.paint(tone, &course),
        style.paint(Tone::Muted, name),
        " ".repeat(edge.saturating_sub(used).max(2)),
        style.paint(Tone::Muted, right)
    );
    line.trim_end().to_owned()
}

/// `12 router outputs unchanged: 8 ACTIVE, 4 STANDBY`.
fn folded(quiet: &[&OutputPlan], style: Style) -> String {
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    for output in quiet {
        *states
            .entry(output.state.map_or("new", OutputState::as_str))
            .or_default() += 1;
    }
    let parts: Vec<String> = states
        .into_iter()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    let text = format!("{} router outputs unchanged: {}", quiet.len(), parts.join(", "));
    format!("  {}", style.paint(Tone::Muted, text))
}
