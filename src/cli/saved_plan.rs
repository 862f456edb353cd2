//! Saved plans: what `plan --out` writes and `apply` takes.
//!
//! The file names the sources and holds the plan as it was shown, no secret and no fingerprint of one. It is never
//! carried out as such: `apply` plans again and continues only if the result is the plan that was reviewed.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::files;
use crate::plan::Plan;
use crate::render::differences::Comparison;
use crate::render::plan_json::{PlanDocument, document};
use crate::render::stale::what_changed;

/// Version of the file's format.
const VERSION: u32 = 1;

/// Field that distinguishes the file from declared state.
const MARK: &str = "slotwisePlan";

/// More than a plan of 100 000 destinations.
const SIZE_MAX: u64 = 512 * 1024 * 1024;

/// As far as the umask allows: it holds no secret.
const MODE: u32 = 0o666;

/// How a plan that was reviewed is compared with the one that is made now. What is left out says the same in words or
/// figures, or need not be the same.
const REVIEWED_AND_NOW: Comparison = Comparison {
    was: "was",
    is: "is",
    gone: "is gone",
    new: "is new:",
    left_out: &[
        "message",
        "waysOut",
        "summary",
        "apiCalls",
        "interruptions",
        "formatVersion",
    ],
};

/// A plan in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SavedPlan {
    /// Version of the format.
    slotwise_plan: u32,
    /// Which slotwise made it.
    made_by: String,
    /// Where the declared state was, as it was named.
    pub sources: Vec<PathBuf>,
    /// `--owner-id`.
    pub owner: String,
    /// `--interrupt`.
    pub interrupt: Vec<String>,
    /// The plan.
    pub plan: PlanDocument,
}

/// A file that is not a saved plan.
#[derive(Debug, thiserror::Error)]
pub enum SavedPlanError {
    /// The file cannot be read or written.
    #[error("{}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// It is not what `plan --out` writes.
    #[error("{} is not a plan that slotwise saved", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: serde_json::Error,
    },
    /// It was made by another version.
    #[error("{} has format {version}, and this slotwise reads format {VERSION}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its format.
        version: u64,
    },
}

impl SavedPlan {
    /// `plan`, made from `sources` by `owner` with one-off grants for `interrupt`.
    pub fn new(sources: &[PathBuf], owner: &str, interrupt: &[String], plan: &Plan) -> Self {
        Self {
            slotwise_plan: VERSION,
            made_by: format!("slotwise {}", env!("CARGO_PKG_VERSION")),
            sources: sources.to_vec(),
            owner: owner.to_owned(),
            interrupt: interrupt.to_vec(),
            plan: document(plan),
        }
    }

    /// Writes it to `path`, in one piece or not at all.
    pub fn write(&self, path: &Path) -> Result<(), SavedPlanError> {
        let failed = |cause| SavedPlanError::File {
            path: path.to_owned(),
            cause,
        };
        let mut text = serde_json::to_string_pretty(self).map_err(|error| failed(error.into()))?;
        text.push('\n');
        files::replace(path, text.as_bytes(), MODE).map_err(failed)
    }

    /// Reads it from `path`.
    pub fn read(path: &Path) -> Result<Self, SavedPlanError> {
        let text = files::read_text(path, SIZE_MAX).map_err(|cause| SavedPlanError::File {
            path: path.to_owned(),
            cause,
        })?;
        let format = |cause| SavedPlanError::Format {
            path: path.to_owned(),
            cause,
        };
        let value: Value = serde_json::from_str(&text).map_err(format)?;
        match value.get(MARK).and_then(Value::as_u64) {
            Some(version) if version != u64::from(VERSION) => Err(SavedPlanError::Version {
                path: path.to_owned(),
                version,
            }),
            _ => serde_json::from_value(value).map_err(format),
        }
    }

    /// What is different in `now` from what was reviewed; empty for the same plan.
    pub fn differences(&self, now: &Plan) -> Vec<String> {
        differences(&self.plan, &document(now))
    }
}

/// Whether `path` looks like a plan that [`SavedPlan::write`] wrote, and not like declared state.
pub fn is_saved_plan(path: &Path) -> bool {
    let Ok(text) = files::read_text(path, SIZE_MAX) else {
        return false;
    };
    text.trim_start().starts_with('{')
        && serde_json::from_str::<Value>(&text).is_ok_and(|value| value.get(MARK).is_some())
}

/// What is different between two plans, a line for each destination and channel: `youtube-main: Streaming → Ready`; where
/// they differ in something else only, a line for each field. Empty for the same plan.
///
/// Steps that only write tags are left out: what a slot holds is the same with and without its tag, and a daemon may have
/// written it meanwhile.
pub fn differences(reviewed: &PlanDocument, now: &PlanDocument) -> Vec<String> {
    let value = |plan: &PlanDocument| {
        let mut plan = plan.clone();
        for channel in &mut plan.channels {
            channel.steps.retain(|step| !step.only_writes_tags());
        }
        // A saved plan is always JSON; if it were not, everything in the other would count as different.
        serde_json::to_value(plan).unwrap_or_default()
    };
    let fields = REVIEWED_AND_NOW.differences(&value(reviewed), &value(now));
    if fields.is_empty() {
        return fields;
    }
    let words = what_changed(reviewed, now);
    if words.is_empty() { fields } else { words }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChannelClass, ChannelState};
    use crate::plan::{Action, Adoption, ChannelPlan, Reason, Seen, Step};
    use std::time::Duration;

    fn plan(state: ChannelState) -> Plan {
        Plan {
            pools: Vec::new(),
            destinations: Vec::new(),
            channels: vec![ChannelPlan {
                id: "4000001".into(),
                pool: Some("main".into()),
                others: std::sync::Arc::default(),
                seen: Some(Seen {
                    arn: "arn".into(),
                    name: "live".into(),
                    class: ChannelClass::SinglePipeline,
                    state,
                    owner: None,
                    tags: std::sync::Arc::default(),
                }),
                adoption: Adoption::Owned,
                slots: Vec::new(),
                steps: Vec::new(),
                runs: false,
                waiting: None,
            }],
        }
    }

    fn saved(state: ChannelState) -> SavedPlan {
        SavedPlan::new(
            &["live".into()],
            "default",
            &["facebook".to_owned()],
            &plan(state),
        )
    }

    #[test]
    fn a_saved_plan_is_read_back_and_differs_from_declared_state() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plan.json");
        let yaml = dir.path().join("live.yaml");
        let saved = saved(ChannelState::Idle);
        saved.write(&path).unwrap();
        std::fs::write(&yaml, "{ kind: Destination }").unwrap();
        assert_eq!(SavedPlan::read(&path).unwrap(), saved);
        assert!(is_saved_plan(&path));
        assert!(!is_saved_plan(&yaml) && !is_saved_plan(dir.path()));
    }

    #[test]
    fn a_file_of_another_version_or_kind_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plan.json");
        std::fs::write(&path, r#"{"slotwisePlan": 9}"#).unwrap();
        assert!(matches!(
            SavedPlan::read(&path),
            Err(SavedPlanError::Version { version: 9, .. })
        ));
        std::fs::write(&path, r#"{"slotwisePlan": 1}"#).unwrap();
        assert!(matches!(
            SavedPlan::read(&path),
            Err(SavedPlanError::Format { .. })
        ));
    }

    #[test]
    fn the_same_plan_is_not_stale() {
        assert_eq!(
            saved(ChannelState::Idle).differences(&plan(ChannelState::Idle)),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_step_that_only_writes_tags_makes_no_plan_stale() {
        let mut recorded = plan(ChannelState::Running);
        let step = |action| Step {
            action,
            reason: Reason::RecordSlots,
            interrupts: Vec::new(),
            expected: Duration::from_secs(1),
        };
        recorded.channels[0].steps.push(step(Action::Record {
            tags: Vec::new(),
            remove: vec!["slotwise.dev/slot/gone".into()],
        }));
        assert!(saved(ChannelState::Running).differences(&recorded).is_empty());
        recorded.channels[0].steps.push(step(Action::Stop));
        let lines = saved(ChannelState::Running).differences(&recorded);
        assert_eq!(lines, ["channel 4000001, step 1, stop, is new"]);
    }

    #[test]
    fn what_differs_is_said_in_words() {
        let mut now = plan(ChannelState::Running);
        now.channels.push(ChannelPlan {
            id: "4000002".into(),
            ..now.channels[0].clone()
        });
        let lines = saved(ChannelState::Idle).differences(&now);
        assert_eq!(
            lines,
            ["channel 4000002: new, RUNNING", "channel 4000001: IDLE → RUNNING"]
        );
    }
}
