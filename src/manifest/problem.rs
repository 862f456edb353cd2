//! What is wrong with an input, where, and how to put it right.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// One mistake in declared state. Never holds a secret: values of key fields are not repeated.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Its place.
    pub location: Location,
    /// Whether it keeps the object out.
    pub severity: Severity,
    /// The object it is in, as far as its kind and name could be read.
    pub object: Option<ObjectId>,
    /// Path of the field, in the usual notation: `spec.disruption.windows[0].cron`. Empty for the whole document.
    pub field: String,
    /// What is wrong: one sentence without a full stop.
    pub message: String,
    /// What to do: one phrase in the imperative.
    pub fix: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.location)?;
        if self.severity == Severity::Warning {
            f.write_str("warning: ")?;
        }
        if let Some(object) = &self.object {
            write!(f, "{object}: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        write!(f, "{}; {}", self.message, self.fix)
    }
}

/// How much a [`Problem`] matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The declaration is not what its author wants: `validate`, `plan` and `apply` fail.
    Error,
    /// It works, and there is a better way.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// Prefix of the name of a table where a file name is possible, too.
pub(super) const TABLE: &str = "table ";

/// A place in a file, or a table. Lines and columns count from 1; 0 means the file as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The file, as it was named on the command line or found below it; or `table NAME`.
    pub file: PathBuf,
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
    /// The key of the item in a table, as far as it may be shown: `tenant=acme, id=k-17`.
    pub item: Option<Arc<str>>,
}

impl Location {
    /// Whether it is a table, whose items have no lines.
    pub fn is_table(&self) -> bool {
        self.file
            .as_os_str()
            .as_encoded_bytes()
            .starts_with(TABLE.as_bytes())
    }

    /// The file, for display.
    pub fn file_name(&self) -> Cow<'_, str> {
        if self.file.as_os_str() == "-" {
            Cow::Borrowed("standard input")
        } else {
            self.file.to_string_lossy()
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file_name())?;
        match (self.line, self.column) {
            (0, _) => match &self.item {
                Some(item) => write!(f, " [{item}]"),
                None => Ok(()),
            },
            (line, 0) => write!(f, ":{line}"),
            (line, column) => write!(f, ":{line}:{column}"),
        }
    }
}

/// Kind and name of a declared object: `Destination youtube-main`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectId {
    /// `ChannelPool`, `Destination`, or the text in its place.
    pub kind: String,
    /// `metadata.name`; empty where it could not be read.
    pub name: String,
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.is_empty() {
            f.write_str(&self.kind)
        } else {
            write!(f, "{} {}", self.kind, self.name)
        }
    }
}

/// An object that is not valid, and what happens to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Which.
    pub object: ObjectId,
    /// The first of its problems, for its status.
    pub problem: Problem,
    /// Whether its last good state stands in for it.
    pub last_good: bool,
}
