//! Mistakes in declared state, for its authors and for CI.

use std::path::Path;

use serde::Serialize;

use super::plan_json::pretty;
use super::style::{Style, Tone};
use super::table::{Table, cell};
use crate::manifest::{Location, Problem, Severity};
use crate::words::counted;

/// `formatVersion` of [`problems_json`].
pub const FORMAT_VERSION: u32 = 1;

/// Problems that are shown; the rest is counted. One mistake in a script makes thousands.
pub const SHOWN_MAX: usize = 1000;

/// `problems`, which are in the order of their files, grouped by file; ends with the count. Empty for none.
pub fn problems(problems: &[Problem], style: Style) -> String {
    if problems.is_empty() {
        return String::new();
    }
    let mut lines = Vec::new();
    let (shown, more) = shown(problems);
    for of_file in shown.chunk_by(|one, next| one.location.file == next.location.file) {
        lines.push(style.paint(Tone::Strong, of_file[0].location.file_name()));
        lines.extend(of_file.iter().flat_map(|problem| problem_lines(problem, style)));
        lines.push(String::new());
    }
    if more > 0 {
        lines.push(format!("and {}, not shown", counted(more, "more problem")));
        lines.push(String::new());
    }
    lines.push(style.paint(Tone::Strong, count(problems)));
    lines.join("\n") + "\n"
}

/// `problems` as indented JSON that ends with a line feed: `formatVersion`, `errors`, `warnings`, `problems[]`
/// with `severity`, `file`, `line`, `column` (from 1; 0 is the whole file), `kind`, `name`, `field`, `message`, `fix`;
/// and `notShown` where there are more than [`SHOWN_MAX`].
pub fn problems_json(problems: &[Problem]) -> String {
    let (shown, more) = shown(problems);
    pretty(&ProblemsDocument {
        format_version: FORMAT_VERSION,
        errors: errors(problems),
        warnings: problems.len() - errors(problems),
        problems: shown.iter().map(problem_document).collect(),
        not_shown: more,
    })
}

/// The first [`SHOWN_MAX`] and how many more there are.
fn shown(problems: &[Problem]) -> (&[Problem], usize) {
    let (shown, more) = problems.split_at(problems.len().min(SHOWN_MAX));
    (shown, more.len())
}

/// How many of `problems` are errors.
pub fn errors(problems: &[Problem]) -> usize {
    problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .count()
}

/// `3 errors and 1 warning in 2 files and 1 table`.
pub fn count(problems: &[Problem]) -> String {
    let errors = errors(problems);
    let mut places: Vec<&Location> = problems.iter().map(|problem| &problem.location).collect();
    places.dedup_by(|one, other| one.file == other.file);
    let tables = places.iter().filter(|place| place.is_table()).count();
    let files = places.len() - tables;
    let warnings = problems.len() - errors;
    let what = match (errors, warnings) {
        (errors, 0) => counted(errors, "error"),
        (0, warnings) => counted(warnings, "warning"),
        (errors, warnings) => format!(
            "{} and {}",
            counted(errors, "error"),
            counted(warnings, "warning")
        ),
    };
    let whereabouts = match (files, tables) {
        (files, 0) => counted(files, "file"),
        (0, tables) => counted(tables, "table"),
        (files, tables) => format!("{} and {}", counted(files, "file"), counted(tables, "table")),
    };
    format!("{what} in {whereabouts}")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProblemsDocument<'a> {
    format_version: u32,
    errors: usize,
    warnings: usize,
    problems: Vec<ProblemDocument<'a>>,
    #[serde(skip_serializing_if = "is_none")]
    not_shown: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_none(count: &usize) -> bool {
    *count == 0
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProblemDocument<'a> {
    severity: &'static str,
    file: &'a Path,
    line: usize,
    column: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<&'a str>,
    kind: Option<&'a str>,
    name: Option<&'a str>,
    field: &'a str,
    message: &'a str,
    fix: &'a str,
}

fn problem_document(of: &Problem) -> ProblemDocument<'_> {
    ProblemDocument {
        severity: severity(of.severity),
        file: &of.location.file,
        line: of.location.line,
        column: of.location.column,
        item: of.location.item.as_deref(),
        kind: of.object.as_ref().map(|object| object.kind.as_str()),
        name: of
            .object
            .as_ref()
            .map(|object| object.name.as_str())
            .filter(|name| !name.is_empty()),
        field: &of.field,
        message: &of.message,
        fix: &of.fix,
    }
}

fn problem_lines(problem: &Problem, style: Style) -> Vec<String> {
    let of_item = problem
        .object
        .as_ref()
        .is_some_and(|object| object.kind == "Destination");
    let place = match (problem.location.line, problem.location.column) {
        (0, _) if problem.location.is_table() && of_item => match &problem.location.item {
            Some(item) => format!("item {item}"),
            None => "item".to_owned(),
        },
        (0, _) if problem.location.is_table() => "table".to_owned(),
        (0, _) => "file".to_owned(),
        (line, 0) => format!("{line}"),
        (line, column) => format!("{line}:{column}"),
    };
    let object = problem
        .object
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    let subject = match (object.as_str(), problem.field.as_str()) {
        ("", "") => "whole document".to_owned(),
        ("", field) => field.to_owned(),
        (object, "") => object.to_owned(),
        (object, field) => format!("{object}: {field}"),
    };
    let tone = match problem.severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Waits,
    };
    let mut table = Table::default();
    table.row([
        cell(Tone::Muted, format!("{place:>7}")),
        cell(tone, format!("{:<7}", severity(problem.severity))),
        cell(Tone::Strong, subject),
    ]);
    table.row([
        cell(Tone::Plain, ""),
        cell(Tone::Plain, ""),
        cell(Tone::Plain, &problem.message),
    ]);
    table.row([
        cell(Tone::Plain, ""),
        cell(Tone::Plain, ""),
        cell(Tone::Muted, format!("fix: {}", problem.fix)),
    ]);
    table.lines(style, 0)
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Location, ObjectId};

    fn problem(file: &str, line: usize, severity: Severity) -> Problem {
        Problem {
            location: Location {
                file: file.into(),
                line,
                column: if line == 0 { 0 } else { 5 },
                item: None,
            },
            severity,
            object: (line > 0).then(|| ObjectId {
                kind: "Destination".to_owned(),
                name: "youtube-main".to_owned(),
            }),
            field: if line > 0 { "spec.url" } else { "" }.to_owned(),
            message: "`http` is not a scheme that MediaLive pushes RTMP with".to_owned(),
            fix: "write rtmp:// or rtmps://".to_owned(),
        }
    }

    fn sample() -> Vec<Problem> {
        vec![
            problem("live/a.yaml", 3, Severity::Error),
            problem("live/a.yaml", 120, Severity::Warning),
            problem("live/b.yaml", 0, Severity::Error),
        ]
    }

    #[test]
    fn mistakes_are_grouped_by_file_with_place_field_and_fix() {
        insta::assert_snapshot!(problems(&sample(), Style::PLAIN), @"
        live/a.yaml
            3:5  error    Destination youtube-main: spec.url
                          `http` is not a scheme that MediaLive pushes RTMP with
                          fix: write rtmp:// or rtmps://
          120:5  warning  Destination youtube-main: spec.url
                          `http` is not a scheme that MediaLive pushes RTMP with
                          fix: write rtmp:// or rtmps://

        live/b.yaml
           file  error    whole document
                          `http` is not a scheme that MediaLive pushes RTMP with
                          fix: write rtmp:// or rtmps://

        2 errors and 1 warning in 2 files
        ");
    }

    #[test]
    fn no_mistakes_no_words() {
        assert_eq!(problems(&[], Style::PLAIN), "");
    }

    #[test]
    fn json_counts_and_lists_them() {
        insta::assert_snapshot!(problems_json(&sample()), @r#"
        {
          "formatVersion": 1,
          "errors": 2,
          "warnings": 1,
          "problems": [
            {
              "severity": "error",
              "file": "live/a.yaml",
              "line": 3,
              "column": 5,
              "kind": "Destination",
              "name": "youtube-main",
              "field": "spec.url",
              "message": "`http` is not a scheme that MediaLive pushes RTMP with",
              "fix": "write rtmp:// or rtmps://"
            },
            {
              "severity": "warning",
              "file": "live/a.yaml",
              "line": 120,
              "column": 5,
              "kind": "Destination",
              "name": "youtube-main",
              "field": "spec.url",
              "message": "`http` is not a scheme that MediaLive pushes RTMP with",
              "fix": "write rtmp:// or rtmps://"
            },
            {
              "severity": "error",
              "file": "live/b.yaml",
              "line": 0,
              "column": 0,
              "kind": null,
              "name": null,
              "field": "",
              "message": "`http` is not a scheme that MediaLive pushes RTMP with",
              "fix": "write rtmp:// or rtmps://"
            }
          ]
        }
        "#);
    }
}
