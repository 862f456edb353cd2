//! What a doctor found, line by line.

use serde::Serialize;

use super::plan_json::pretty;
use super::style::{Style, Tone};
use super::table::{Table, cell};
use crate::doctor::{Check, CheckOutcome, Tally};
use crate::words::counted;

/// `formatVersion` of [`checks_json`].
pub const FORMAT_VERSION: u32 = 1;

/// One line per check, wrapped where it is long, and a summary.
pub fn checks(checks: &[Check], style: Style) -> String {
    let mut table = Table::default();
    for check in checks {
        let text = match check.fix.as_str() {
            "" => check.what.clone(),
            fix => format!("{}; fix: {fix}", check.what),
        };
        let (word, tone) = word(check.outcome);
        table.row([
            cell(tone, word),
            cell(Tone::Strong, &check.name),
            cell(Tone::Plain, text),
        ]);
    }
    let mut lines = table.lines(style, 0);
    lines.push(String::new());
    let tally = Tally::of(checks);
    let tone = match tally {
        Tally { failed: 1.., .. } => Tone::Bad,
        Tally { warnings: 1.., .. } => Tone::Waits,
        _ => Tone::Good,
    };
    lines.push(style.paint(tone, summary(tally)));
    lines.join("\n") + "\n"
}

/// `checks` as indented JSON that ends with a line feed: `formatVersion`, `checks[]` with `name`, `outcome` (`ok`,
/// `warning`, `failed`, `unknown`), `what`, `fix` (empty where there is nothing to do) and `commands` where there are any, and `summary`.
pub fn checks_json(checks: &[Check]) -> String {
    pretty(&DoctorDocument {
        format_version: FORMAT_VERSION,
        checks,
        summary: Tally::of(checks),
    })
}

/// The commands that make what is missing, each under a comment that says what it is for: a script of a shell.
pub fn commands(checks: &[Check]) -> String {
    let with_commands = checks.iter().filter(|check| !check.commands.is_empty());
    let parts: Vec<String> = with_commands
        .map(|check| {
            format!(
                "# {}: {}\n{}\n",
                check.name,
                check.what,
                check.commands.join("\n")
            )
        })
        .collect();
    if parts.is_empty() {
        return "\n# nothing that these commands could make is missing\n".to_owned();
    }
    format!("\n{}", parts.join("\n"))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DoctorDocument<'a> {
    format_version: u32,
    checks: &'a [Check],
    summary: Tally,
}

fn word(outcome: CheckOutcome) -> (&'static str, Tone) {
    match outcome {
        CheckOutcome::Ok => ("ok", Tone::Good),
        CheckOutcome::Warning => ("warn", Tone::Waits),
        CheckOutcome::Failed => ("FAIL", Tone::Bad),
        CheckOutcome::Unknown => ("unknown", Tone::Muted),
    }
}

/// `12 ok, 1 warning, 2 failed`.
fn summary(tally: Tally) -> String {
    let mut text = format!(
        "{} ok, {}, {} failed",
        tally.ok,
        counted(tally.warnings, "warning"),
        tally.failed
    );
    if tally.unknown > 0 {
        text = format!("{text}, {} unknown", tally.unknown);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<Check> {
        vec![
            Check::ok("credentials", "access key AKIA…XYZ from the environment"),
            Check::warning(
                "channel 4000002",
                "runs with undeclared targets\u{1b}[2J",
                "declare them",
            ),
            Check::failed(
                "table live",
                "Scan: access denied",
                "allow dynamodb:Scan on table live",
            ),
            Check::unknown(
                "medialive:StartChannel",
                "denied for a channel that does not exist",
                "",
            ),
        ]
    }

    #[test]
    fn checks_line_up_and_end_with_a_count() {
        insta::assert_snapshot!(checks(&sample(), Style::PLAIN), @r#"
        ok       credentials             access key AKIA…XYZ from the environment
        warn     channel 4000002         runs with undeclared targets�[2J; fix: declare them
        FAIL     table live              Scan: access denied; fix: allow dynamodb:Scan on table live
        unknown  medialive:StartChannel  denied for a channel that does not exist

        1 ok, 1 warning, 1 failed, 1 unknown
        "#);
    }

    #[test]
    fn json_has_every_check_and_the_count() {
        insta::assert_snapshot!(checks_json(&sample()[1..3]), @r#"
        {
          "formatVersion": 1,
          "checks": [
            {
              "name": "channel 4000002",
              "outcome": "warning",
              "what": "runs with undeclared targets\u001b[2J",
              "fix": "declare them"
            },
            {
              "name": "table live",
              "outcome": "failed",
              "what": "Scan: access denied",
              "fix": "allow dynamodb:Scan on table live"
            }
          ],
          "summary": {
            "ok": 0,
            "warnings": 1,
            "failed": 1,
            "unknown": 0
          }
        }
        "#);
    }

    #[test]
    fn the_summary_is_as_bad_as_the_worst() {
        let colored = Style {
            color: true,
            ..Style::PLAIN
        };
        let last = |checks: &[Check]| super::checks(checks, colored).lines().last().unwrap().to_owned();
        assert!(last(&sample()).starts_with("\u{1b}[31m"));
        assert!(last(&sample()[..1]).starts_with("\u{1b}[32m"));
    }
}
