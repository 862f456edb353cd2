//! Saved plans: what `plan --out` writes and `apply` takes.
//!
//! The file names the sources and holds the plan as it was shown, no secret, and of targets no more than short digests
//! ([`ShortDigest`](crate::model::ShortDigest)). It is never carried out as such: `apply` plans again and continues only if
//! the result is the plan that was reviewed, with the same targets.

mod targets;

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::targets::{DeclaredParking, DeclaredTarget};
use crate::files;
use crate::model::Desired;
use crate::plan::Plan;
use crate::render::differences::Comparison;
use crate::render::plan_json::{PlanDocument, document};
use crate::render::stale::what_changed;

/// Version of the file's format. Version 1 had no targets, so that a new key went unnoticed, and version 2 no parking URLs: both are
/// refused.
const VERSION: u32 = 3;

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
        "alsoOnAir",
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
    /// The targets of all destinations when it was made.
    pub targets: Vec<DeclaredTarget>,
    /// Where the parked slots of all pools pointed.
    pub parkings: Vec<DeclaredParking>,
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
    /// `plan`, made of what `sources` declare, `desired`, with one-off grants for `interrupt`.
    pub fn new(sources: &[PathBuf], interrupt: &[String], desired: &Desired, plan: &Plan) -> Self {
        Self {
            slotwise_plan: VERSION,
            made_by: format!("slotwise {}", env!("CARGO_PKG_VERSION")),
            sources: sources.to_vec(),
            owner: desired.owner.to_string(),
            interrupt: interrupt.to_vec(),
            plan: document(plan),
            targets: targets::declared(desired),
            parkings: targets::parkings(desired),
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

    /// What is different from what was reviewed in `now`, made of `desired`; empty for the same plan with the same targets.
    pub fn differences(&self, desired: &Desired, now: &Plan) -> Vec<String> {
        let reviewed = Reviewed {
            plan: &self.plan,
            targets: &self.targets,
            parkings: &self.parkings,
        };
        reviewed.differences(desired, now)
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

/// What is different in `now`, made of `desired`, from the plan `shown`, made of `of`.
pub fn differences((of, shown): (&Desired, &Plan), (desired, now): (&Desired, &Plan)) -> Vec<String> {
    let reviewed = Reviewed {
        plan: &document(shown),
        targets: &targets::declared(of),
        parkings: &targets::parkings(of),
    };
    reviewed.differences(desired, now)
}

/// What a person saw and agreed to.
struct Reviewed<'a> {
    plan: &'a PlanDocument,
    targets: &'a [DeclaredTarget],
    parkings: &'a [DeclaredParking],
}

impl Reviewed<'_> {
    /// A line for each destination and channel that is different now: `youtube-main: Streaming → Ready`; where the plans
    /// differ in something else only, a line for each field.
    ///
    /// A changed target makes no plan another one as long as neither writes it: the rest of the plan says where it stands.
    fn differences(&self, desired: &Desired, now: &Plan) -> Vec<String> {
        let now = document(now);
        let is = targets::declared(desired);
        let changed = targets::changed(self.targets, &is);
        let fields = REVIEWED_AND_NOW.differences(&comparable(self.plan), &comparable(&now));
        let moved = targets::moved_parkings(self.parkings, &targets::parkings(desired));
        let plans = [self.plan, &now];
        let is_written = |name: &&str| plans.iter().any(|plan| targets::written(plan).contains(name));
        let is_parked = |pool: &&str| {
            plans
                .iter()
                .any(|plan| targets::pools_written(plan).contains(pool))
        };
        if fields.is_empty() && !changed.keys().any(is_written) && !moved.keys().any(is_parked) {
            return Vec::new();
        }
        // A changed target is the cause of the rest.
        let mut words: Vec<String> = changed.into_values().chain(moved.into_values()).collect();
        words.extend(what_changed(self.plan, &now));
        if words.is_empty() { fields } else { words }
    }
}

/// `plan` without the steps that only write tags: what a slot holds is the same with and without its tag, and a daemon may
/// have written it meanwhile.
fn comparable(plan: &PlanDocument) -> Value {
    let mut plan = plan.clone();
    for channel in &mut plan.channels {
        channel.steps.retain(|step| !step.only_writes_tags());
    }
    // A saved plan is always JSON; if it were not, everything in the other would count as different.
    serde_json::to_value(plan).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChannelClass, ChannelState, Secret, StreamKey, samples};
    use crate::plan::{Action, Adoption, ChannelPlan, Content, Reason, Seen, SlotWrite, Step};
    use std::sync::Arc;
    use std::time::Duration;

    const KEY: &str = "c4n4ry-key-of-yt";

    fn plan(state: ChannelState) -> Plan {
        Plan {
            routers: Vec::new(),
            feeds: Vec::new(),
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
                follows: None,
                runs: false,
                waiting: None,
            }],
        }
    }

    fn desired() -> Desired {
        let mut desired = Desired::empty("default".into());
        let mut yt = samples::destination("yt");
        yt.key = StreamKey::Known(Secret::new(KEY));
        desired.destinations.insert("yt".into(), Arc::new(yt));
        let pool = samples::pool(&["4000001"], "RTMP-*");
        desired.pools.insert(pool.name.clone(), pool);
        desired
    }

    fn saved(state: ChannelState) -> SavedPlan {
        saved_plan(&plan(state))
    }

    fn saved_plan(plan: &Plan) -> SavedPlan {
        SavedPlan::new(&["live".into()], &["facebook".to_owned()], &desired(), plan)
    }

    fn step(action: Action) -> Step {
        Step {
            action,
            reason: Reason::RecordSlots,
            interrupts: Vec::new(),
            expected: Duration::from_secs(1),
        }
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
        for other in [1, 2, 9] {
            std::fs::write(&path, format!(r#"{{"slotwisePlan": {other}}}"#)).unwrap();
            assert!(matches!(
                SavedPlan::read(&path),
                Err(SavedPlanError::Version { version, .. }) if version == other
            ));
        }
        std::fs::write(&path, r#"{"slotwisePlan": 3}"#).unwrap();
        assert!(matches!(
            SavedPlan::read(&path),
            Err(SavedPlanError::Format { .. })
        ));
    }

    #[test]
    fn the_same_plan_is_not_stale() {
        assert_eq!(
            saved(ChannelState::Idle).differences(&desired(), &plan(ChannelState::Idle)),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_step_that_only_writes_tags_makes_no_plan_stale() {
        let mut recorded = plan(ChannelState::Running);
        recorded.channels[0].steps.push(step(Action::Record {
            tags: Vec::new(),
            remove: vec!["slotwise.dev/slot/gone".into()],
            takeover: None,
        }));
        assert!(
            saved(ChannelState::Running)
                .differences(&desired(), &recorded)
                .is_empty()
        );
        recorded.channels[0].steps.push(step(Action::Stop));
        let lines = saved(ChannelState::Running).differences(&desired(), &recorded);
        assert_eq!(lines, ["channel 4000001, step 1, stop, is new"]);
    }

    #[test]
    fn what_differs_is_said_in_words() {
        let mut now = plan(ChannelState::Running);
        now.channels.push(ChannelPlan {
            id: "4000002".into(),
            ..now.channels[0].clone()
        });
        let lines = saved(ChannelState::Idle).differences(&desired(), &now);
        assert_eq!(
            lines,
            ["channel 4000002: new, RUNNING", "channel 4000001: IDLE → RUNNING"]
        );
    }

    /// A plan that writes yt into a slot.
    fn writes_yt() -> Plan {
        let mut plan = plan(ChannelState::Idle);
        plan.channels[0].steps.push(step(Action::Update {
            writes: vec![SlotWrite {
                output_group: "RTMP-Slot-1".into(),
                target: crate::model::Target::from(Vec::new()),
                content: Content::Destination("yt".into()),
            }],
            tags: Vec::new(),
            adopts: false,
        }));
        plan
    }

    fn with(change: impl FnOnce(&mut crate::model::Destination)) -> Desired {
        let mut desired = desired();
        change(desired.destination_mut("yt").unwrap());
        desired
    }

    #[test]
    fn another_url_or_key_of_what_is_written_makes_a_plan_stale() {
        let saved = saved_plan(&writes_yt());
        let text = serde_json::to_string(&saved).unwrap();
        assert!(!text.contains(KEY) && !text.contains("rtmp://"), "{text}");
        let lines =
            |change: fn(&mut crate::model::Destination)| saved.differences(&with(change), &writes_yt());
        assert!(lines(|_| ()).is_empty());
        assert_eq!(
            lines(|yt| yt.url = "rtmp://yt.example/other".into()),
            ["yt: its url has changed"]
        );
        assert_eq!(
            lines(|yt| yt.key = StreamKey::Known(Secret::new("another"))),
            ["yt: its key has changed"]
        );
        assert_eq!(
            lines(|yt| {
                yt.url = "rtmp://other.example/live".into();
                yt.key = StreamKey::Known(Secret::new("another"));
            }),
            ["yt: its url and key have changed"]
        );
        let unread = StreamKey::Unavailable {
            reference: "env YT".into(),
            why: "not set".into(),
        };
        let unread = with(|yt| yt.key = unread);
        assert!(
            saved.differences(&unread, &writes_yt()).is_empty(),
            "the plan itself says that"
        );
    }

    #[test]
    fn another_parking_url_of_a_pool_that_is_written_makes_a_plan_stale() {
        let with_parking = |url: &str| {
            let mut desired = desired();
            desired.pools.get_mut("main").unwrap().slots.parking_url = url.into();
            desired
        };
        let (moved, respelled) = (
            with_parking("rtmp://192.0.2.7/parked"),
            with_parking("RTMP://127.0.0.1/parked/"),
        );
        let saved = saved_plan(&writes_yt());
        assert_eq!(
            saved.differences(&moved, &writes_yt()),
            ["main: its parkingUrl has changed"]
        );
        assert!(saved.differences(&respelled, &writes_yt()).is_empty());
        assert!(!serde_json::to_string(&saved).unwrap().contains("rtmp://"));
        let idle = saved_plan(&plan(ChannelState::Idle));
        assert!(idle.differences(&moved, &plan(ChannelState::Idle)).is_empty());
    }

    #[test]
    fn another_key_of_what_no_plan_writes_is_a_cause_at_most() {
        let rotated = with(|yt| yt.key = StreamKey::Known(Secret::new("another")));
        let saved = saved(ChannelState::Idle);
        assert!(saved.differences(&rotated, &plan(ChannelState::Idle)).is_empty());
        assert_eq!(
            saved.differences(&rotated, &plan(ChannelState::Running)),
            ["yt: its key has changed", "channel 4000001: IDLE → RUNNING"]
        );
    }
}
