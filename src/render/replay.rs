//! What came of replaying recordings: for a terminal, and for programs.

use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;

use super::differences::Comparison;
use super::plan::plan;
use super::plan_json::{PlanDocument, document, pretty};
use super::style::{Style, Tone, wrap};
use crate::record::{Replay, Replayed};
use crate::words::counted;

/// `formatVersion` of [`replays_json`].
pub const FORMAT_VERSION: u32 = 1;

/// More differences of one recording than this are counted instead of listed.
const LIST_AT_MOST: usize = 50;

/// A recording is compared in every field.
const RECORDED_AND_RECOMPUTED: Comparison = Comparison {
    was: "recorded",
    is: "recomputed",
    gone: "not recomputed",
    new: "not recorded, recomputed",
    left_out: &[],
};

/// What of a recording is not the same now, a line each: `destination facebook, waiting, code: recorded NoFreeSlot,
/// recomputed Paused`. Empty if and only if everything is the same.
pub fn differences(replayed: &Replayed) -> Vec<String> {
    if replayed.is_same() {
        return Vec::new();
    }
    let lines = RECORDED_AND_RECOMPUTED.differences(&replayed.recorded, &replayed.recomputed);
    if lines.is_empty() {
        // Entries of lists are compared by name.
        return vec!["the same entries are in another order".to_owned()];
    }
    let of_plan = lines.into_iter().map(|line| match line.strip_prefix("plan, ") {
        Some(rest) => rest.to_owned(),
        None => line,
    });
    of_plan.collect()
}

/// One recording: the version and time of the recording, what is planned now, and whether that is the same.
pub fn replay(replay: &Replay, replayed: &Replayed, style: Style) -> String {
    let mut text = format!("recorded with slotwise {} at {}\n\n", replay.made_by, replay.at);
    match &replayed.outcome.plan {
        Some(made) => text.push_str(&plan(made, style)),
        None => text.push_str("Nothing is carried out: the plan breaks rules of slotwise's own.\n"),
    }
    text.push('\n');
    for violation in &replayed.outcome.refused {
        let line = format!("defect: {}: {violation}", violation.code());
        push_lines(&mut text, &wrap(&line, style.width), Tone::Bad, style);
    }
    if !replay.faithful {
        let note = "note: with the real keys another plan was made than the one recorded here";
        push_lines(&mut text, &[note], Tone::Waits, style);
    }
    let different = differences(replayed);
    let (tone, verdict) = verdict(&different);
    push_lines(&mut text, &[verdict], tone, style);
    push_differences(&mut text, &different, style);
    text
}

/// One recording among several: a line, and below it what is different.
pub fn replay_line(file: &Path, replay: &Replay, replayed: &Replayed, style: Style) -> String {
    let different = differences(replayed);
    let (tone, _) = verdict(&different);
    let word = if different.is_empty() {
        "same   "
    } else {
        "DIFFERS"
    };
    let mut text = format!(
        "{}  {}  recorded with slotwise {}\n",
        style.paint(tone, word),
        style.paint(Tone::Strong, file.display()),
        replay.made_by,
    );
    push_differences(&mut text, &different, style);
    text
}

/// The last line: `12 recordings: 11 same, 1 differs, 0 unreadable`.
pub fn tally(tally: Tally, style: Style) -> String {
    let Tally {
        same,
        different,
        unreadable,
    } = tally;
    let tone = match (different, unreadable) {
        (0, 0) => Tone::Good,
        _ => Tone::Bad,
    };
    let verb = if different == 1 { "differs" } else { "differ" };
    let sum = format!(
        "{}: {same} same, {different} {verb}, {unreadable} unreadable",
        counted(same + different + unreadable, "recording")
    );
    format!("\n{}\n", style.paint(tone, sum))
}

/// How many recordings there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Of which the same came.
    pub same: usize,
    /// With another outcome.
    pub different: usize,
    /// That could not be replayed.
    pub unreadable: usize,
}

/// What came of one file, for programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplayDocument {
    file: String,
    /// `null` for one that could not be replayed, like all below but `error`.
    made_by: Option<String>,
    at: Option<Timestamp>,
    faithful: Option<bool>,
    same: Option<bool>,
    differences: Vec<String>,
    refused: Vec<String>,
    plan: Option<PlanDocument>,
    error: Option<String>,
}

impl ReplayDocument {
    /// Of a recording; `with_plan` as well, which is long.
    pub fn of(file: &Path, replay: &Replay, replayed: &Replayed, with_plan: bool) -> Self {
        let plan = replayed.outcome.plan.as_deref().filter(|_| with_plan);
        let refused = replayed.outcome.refused.iter();
        Self {
            file: file.display().to_string(),
            made_by: Some(replay.made_by.clone()),
            at: Some(replay.at),
            faithful: Some(replay.faithful),
            same: Some(replayed.is_same()),
            differences: differences(replayed),
            refused: refused
                .map(|violation| format!("{}: {violation}", violation.code()))
                .collect(),
            plan: plan.map(document),
            error: None,
        }
    }

    /// Of a file that could not be replayed.
    pub fn unreadable(file: &Path, error: String) -> Self {
        Self {
            file: file.display().to_string(),
            made_by: None,
            at: None,
            faithful: None,
            same: None,
            differences: Vec::new(),
            refused: Vec::new(),
            plan: None,
            error: Some(error),
        }
    }
}

/// `recordings` as indented JSON that ends with a line feed: `formatVersion`, `recordings[]` with `file`, `madeBy`,
/// `at`, `faithful`, `same`, `differences[]`, `refused[]`, `plan` (of a single one) and `error`, and `summary`.
pub fn replays_json(recordings: &[ReplayDocument], tally: Tally) -> String {
    pretty(&ReplaysDocument {
        format_version: FORMAT_VERSION,
        recordings,
        summary: tally,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReplaysDocument<'a> {
    format_version: u32,
    recordings: &'a [ReplayDocument],
    summary: Tally,
}

fn verdict(different: &[String]) -> (Tone, String) {
    match different.len() {
        0 => (Tone::Good, "same as recorded, bit for bit".to_owned()),
        count => (
            Tone::Bad,
            format!("differs from what was recorded: {}", counted(count, "difference")),
        ),
    }
}

fn push_lines(text: &mut String, lines: &[impl AsRef<str>], tone: Tone, style: Style) {
    for line in lines {
        text.push_str(&style.paint(tone, line.as_ref()));
        text.push('\n');
    }
}

fn push_differences(text: &mut String, different: &[String], style: Style) {
    let shown = different.iter().take(LIST_AT_MOST);
    let lines: Vec<String> = shown.map(|line| format!("  {line}")).collect();
    push_lines(text, &lines, Tone::Plain, style);
    if different.len() > LIST_AT_MOST {
        let rest = format!("  and {} more", different.len() - LIST_AT_MOST);
        push_lines(text, &[rest], Tone::Muted, style);
    }
}
