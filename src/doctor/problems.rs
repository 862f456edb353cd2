//! Mistakes in declared state as checks.

use super::Check;
use crate::manifest::{Problem, Severity};

/// Lines of one kind at most; the others are counted.
pub(super) const LINES_MAX: usize = 20;

/// A line for each of `problems`, errors first.
pub(super) fn problem_checks(name: &str, problems: &[&Problem]) -> Vec<Check> {
    let mut ordered = problems.to_vec();
    ordered.sort_by_key(|problem| problem.severity);
    let rest = ordered.split_off(ordered.len().min(LINES_MAX));
    let mut checks: Vec<Check> = ordered
        .into_iter()
        .map(|problem| {
            let what = Problem {
                severity: Severity::Error,
                fix: String::new(),
                ..problem.clone()
            };
            let what = what.to_string();
            let what = what.trim_end_matches("; ");
            match problem.severity {
                Severity::Error => Check::failed(name, what, &problem.fix),
                Severity::Warning => Check::warning(name, what, &problem.fix),
            }
        })
        .collect();
    if !rest.is_empty() {
        let what = format!("and {} more", rest.len());
        let fix = "correct these first";
        let is_error = |problem: &&Problem| problem.severity == Severity::Error;
        checks.push(if rest.iter().any(is_error) {
            Check::failed(name, what, fix)
        } else {
            Check::warning(name, what, fix)
        });
    }
    checks
}
