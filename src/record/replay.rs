//! Reading a recording, and making its plan again.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::inputs::WrongInput;
use super::outcome::OutcomeDocument;
use super::{Case, CaseDocument, CaseOutcome, FORMAT_VERSION};
use crate::model::{Desired, Observed};

/// Field that distinguishes a recording from other JSON.
const MARK: &str = "slotwiseRecording";

/// A text that is no recording, or none that can be replayed.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// It ends too early.
    #[error("it ends in the middle (line {line})")]
    Truncated {
        /// Where.
        line: usize,
    },
    /// It is not JSON, or other JSON.
    #[error("it is not a recording of slotwise")]
    NoRecording,
    /// It has a newer format, or an older one.
    #[error("its format is {version}, made by slotwise {made_by}; this slotwise {} reads format {FORMAT_VERSION}", env!("CARGO_PKG_VERSION"))]
    Version {
        /// Its format.
        version: u64,
        /// Which version of slotwise wrote it.
        made_by: String,
    },
    /// It lacks something, or has something that this version does not know.
    #[error("it is a recording that was damaged or edited")]
    Format(#[source] serde_json::Error),
    /// It holds something that cannot be.
    #[error("it is a recording that was damaged or edited")]
    Input(#[source] WrongInput),
}

impl RecordingError {
    /// What to do about it.
    pub fn fix(&self) -> &'static str {
        match self {
            Self::Truncated { .. } => "copy it again from where it was recorded",
            Self::NoRecording => "name a file that slotwise run --record DIR wrote, or DIR itself",
            Self::Version { .. } => "replay it with the slotwise that wrote it, or a newer one",
            Self::Format(_) | Self::Input(_) => {
                "take the file as it was recorded; if it is, replay it with the slotwise that wrote it"
            }
        }
    }
}

/// A recording that was read.
#[derive(Debug)]
pub struct Replay {
    /// Which version of slotwise wrote it.
    pub made_by: String,
    /// The moment that was planned for.
    pub at: Timestamp,
    /// Whether what was recorded is what was decided for the real keys.
    pub faithful: bool,
    desired: Arc<Desired>,
    observed: Observed,
    recorded: Value,
}

/// The outcome of a recording now, beside its outcome then.
#[derive(Debug)]
pub struct Replayed {
    /// The outcome now.
    pub outcome: CaseOutcome,
    /// The recorded outcome, as in the file.
    pub recorded: Value,
    /// The outcome now, as it would be in a file.
    pub recomputed: Value,
}

impl Replayed {
    /// Whether both are the same, in every field.
    pub fn is_same(&self) -> bool {
        self.recorded == self.recomputed
    }
}

impl Replay {
    /// The recording that `text` is.
    pub fn read(text: &str) -> Result<Self, RecordingError> {
        let value: Value = serde_json::from_str(text).map_err(|error| not_json(text, &error))?;
        let version = value
            .get(MARK)
            .and_then(Value::as_u64)
            .ok_or(RecordingError::NoRecording)?;
        if version != u64::from(FORMAT_VERSION) {
            let made_by = value.get("madeBy").and_then(Value::as_str);
            return Err(RecordingError::Version {
                version,
                made_by: made_by.unwrap_or("of an unknown version").to_owned(),
            });
        }
        // From the text, not from the value: an error then says in which line.
        drop(value);
        let document: CaseDocument<Value> = serde_json::from_str(text).map_err(RecordingError::Format)?;
        Ok(Self {
            made_by: document.made_by,
            at: document.at,
            faithful: document.faithful,
            desired: Arc::new(document.desired.try_into().map_err(RecordingError::Input)?),
            observed: document.observed.into(),
            recorded: document.outcome,
        })
    }

    /// Plans and checks again.
    pub fn run(&self) -> Replayed {
        let outcome = CaseOutcome::of(&self.desired, &self.observed, self.at);
        Replayed {
            // The outcome is always JSON; if it were not, everything recorded would count as different.
            recomputed: serde_json::to_value(OutcomeDocument::from(&outcome)).unwrap_or_default(),
            recorded: self.recorded.clone(),
            outcome,
        }
    }

    /// The case with its outcome now: what this version would have recorded.
    pub fn case(&self) -> Case {
        Case {
            desired: Arc::clone(&self.desired),
            observed: self.observed.clone(),
            at: self.at,
            outcome: CaseOutcome::of(&self.desired, &self.observed, self.at),
        }
    }
}

/// A recording that was cut off is known by its beginning.
fn not_json(text: &str, error: &serde_json::Error) -> RecordingError {
    let begins_as_one = text.trim_start().starts_with('{') && text.contains(MARK);
    if error.is_eof() && begins_as_one {
        RecordingError::Truncated { line: error.line() }
    } else {
        RecordingError::NoRecording
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_a_recording_is_an_error_with_a_fix() {
        for (text, message, fix) in [
            ("", "it is not a recording of slotwise", "name a file"),
            (
                "kind: ChannelPool",
                "it is not a recording of slotwise",
                "name a file",
            ),
            (
                r#"{"slotwisePlan": 1}"#,
                "it is not a recording of slotwise",
                "name a file",
            ),
            (
                "{\n\"slotwiseRecording\": 1,\n\"at\": \"20",
                "it ends in the middle (line 3)",
                "copy it",
            ),
            (
                r#"{"slotwiseRecording": 9, "madeBy": "7.0.0"}"#,
                "its format is 9, made by slotwise 7.0.0",
                "or a newer one",
            ),
            (
                r#"{"slotwiseRecording": 1}"#,
                "damaged or edited",
                "as it was recorded",
            ),
        ] {
            let error = Replay::read(text).unwrap_err();
            assert!(error.to_string().contains(message), "{text}: {error}");
            assert!(error.fix().contains(fix), "{text}: {}", error.fix());
        }
    }
}
