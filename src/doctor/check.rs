//! What a check found.

use std::fmt;

use serde::Serialize;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at: `credentials`, `channel 4000001`.
    pub name: String,
    /// Whether it is as it should be.
    pub outcome: CheckOutcome,
    /// What was found, in one line. Holds no key.
    pub what: String,
    /// What to do about it; empty where there is nothing to do.
    pub fix: String,
    /// Commands that do it, a line each, with comments: those that make what is missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
}

/// Whether something is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum CheckOutcome {
    /// It is.
    Ok,
    /// It works, and an operator should look at it.
    Warning,
    /// It is not: `run` would not work, or not for all destinations.
    Failed,
    /// It could not be determined.
    Unknown,
}

impl Check {
    /// All is well with `name`.
    pub fn ok(name: impl fmt::Display, what: impl fmt::Display) -> Self {
        Self::new(name, CheckOutcome::Ok, what, "")
    }

    /// It works, and an operator should look at it.
    pub fn warning(name: impl fmt::Display, what: impl fmt::Display, fix: impl fmt::Display) -> Self {
        Self::new(name, CheckOutcome::Warning, what, fix)
    }

    /// It would stop `run` from working.
    pub fn failed(name: impl fmt::Display, what: impl fmt::Display, fix: impl fmt::Display) -> Self {
        Self::new(name, CheckOutcome::Failed, what, fix)
    }

    /// It could not be determined.
    pub fn unknown(name: impl fmt::Display, what: impl fmt::Display, fix: impl fmt::Display) -> Self {
        Self::new(name, CheckOutcome::Unknown, what, fix)
    }

    fn new(
        name: impl fmt::Display,
        outcome: CheckOutcome,
        what: impl fmt::Display,
        fix: impl fmt::Display,
    ) -> Self {
        Self {
            name: name.to_string(),
            outcome,
            what: what.to_string(),
            fix: fix.to_string(),
            commands: Vec::new(),
        }
    }

    /// The same, with commands that do what its fix says.
    #[must_use]
    pub(super) fn by(self, commands: Vec<String>) -> Self {
        Self { commands, ..self }
    }
}

/// How many checks ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// As they should be.
    pub ok: usize,
    /// Working, and worth a look.
    pub warnings: usize,
    /// In the way of `run`.
    pub failed: usize,
    /// Not determined.
    pub unknown: usize,
}

impl Tally {
    /// Counts `checks`.
    pub fn of(checks: &[Check]) -> Self {
        let count = |outcome| checks.iter().filter(|check| check.outcome == outcome).count();
        Self {
            ok: count(CheckOutcome::Ok),
            warnings: count(CheckOutcome::Warning),
            failed: count(CheckOutcome::Failed),
            unknown: count(CheckOutcome::Unknown),
        }
    }
}
