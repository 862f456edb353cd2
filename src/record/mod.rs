//! Recordings: what one plan was made from and its outcome, without secrets; and the plan made again from that.
//!
//! A plan is a function of three arguments. A recording holds them and the whole outcome, and is replayed by planning and
//! checking again and comparing the two, down to the last field.
//!
//! ```text
//!   Case ── stand_ins ──► Case without secrets ──► Recording ──► text ──► Replay ──► CaseOutcome again, same or not
//!   (desired, observed, moment,     inputs, outcome: how they are written
//!    outcome)
//! ```
//!
//! - The declaration is recorded as far as it was trusted: after the vanish guard, whose reason is in `trust`, with
//!   one-off grants, and before a pool whose plan breaks a rule is held. So a defect is recorded with its cause. The
//!   guard itself is not replayed: nothing else depends on its memory.
//! - Names, hosts, ids, ARNs and sentences stay as they are, as in plans; keys and the rest of URLs are replaced by
//!   [stand-ins](StandIns). The plan in a recording is the one made from the stand-ins, so that it can be compared bit
//!   for bit. Should it ever differ from the one for the real keys, the recording says so: `faithful`.
//!
//! Pure; [`crate::recorder`] writes files.

mod disruption;
mod inputs;
mod outcome;
mod replay;
mod routers;
mod stand_ins;

use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::inputs::{DesiredDocument, ObservedDocument};
use self::outcome::OutcomeDocument;
use crate::model::{ChannelObservation, Desired, Observed};
use crate::plan::{Checked, Plan, Violation, Waiting, checked, plan};

pub use replay::{RecordingError, Replay, Replayed};
pub use stand_ins::StandIns;

/// Version of the format that is written, and the only one that is read.
pub const FORMAT_VERSION: u32 = 1;

/// What one plan was made from, and what came of it.
#[derive(Debug, Clone)]
pub struct Case {
    /// What was declared, as far as it was trusted for this plan.
    pub desired: Arc<Desired>,
    /// What was seen.
    pub observed: Observed,
    /// When.
    pub at: Timestamp,
    /// What came of it.
    pub outcome: CaseOutcome,
}

/// The outcome of planning and checking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseOutcome {
    /// What may be carried out; `None` where the whole plan was refused.
    pub plan: Option<Arc<Plan>>,
    /// What was wrong: with the pools that are held in `plan`, or with everything.
    pub refused: Vec<Violation>,
}

impl CaseOutcome {
    /// Plans and checks, as a cycle does.
    pub fn of(desired: &Arc<Desired>, observed: &Observed, at: Timestamp) -> Self {
        let made = plan(desired, observed, at);
        Self::from(&checked(made, Arc::clone(desired), observed, at))
    }
}

impl From<&Result<Checked, Vec<Violation>>> for CaseOutcome {
    fn from(checked: &Result<Checked, Vec<Violation>>) -> Self {
        match checked {
            Ok(checked) => Self {
                plan: Some(Arc::clone(&checked.plan)),
                refused: checked.refused.clone(),
            },
            Err(refused) => Self {
                plan: None,
                refused: refused.clone(),
            },
        }
    }
}

/// `case` as the text of a recording, without stream keys.
///
/// Within the life of `stand_ins` equal keys have equal stand-ins.
pub fn document(case: &Case, stand_ins: &mut StandIns) -> String {
    Recording::of(case, stand_ins).text()
}

/// A case without secrets, to be written.
#[derive(Debug)]
pub struct Recording {
    /// The case with stand-ins, and its outcome.
    case: Case,
    /// Whether its outcome is that of the case with the real keys.
    faithful: bool,
}

/// The content of a file. `slotwiseRecording` distinguishes it from other JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CaseDocument<O> {
    slotwise_recording: u32,
    made_by: String,
    at: Timestamp,
    faithful: bool,
    desired: DesiredDocument,
    observed: ObservedDocument,
    outcome: O,
}

impl Recording {
    /// A recording of `case`.
    pub fn of(case: &Case, stand_ins: &mut StandIns) -> Self {
        let hidden = stand_ins.hide(case);
        let outcome = CaseOutcome::of(&hidden.desired, &hidden.observed, hidden.at);
        Self {
            faithful: outcome == hidden.outcome,
            case: Case { outcome, ..hidden },
        }
    }

    /// Whether the same came of the case with the real keys.
    pub fn is_faithful(&self) -> bool {
        self.faithful
    }

    /// Its text: indented JSON that ends with a line feed.
    pub fn text(&self) -> String {
        let Case {
            desired,
            observed,
            at,
            outcome,
        } = &self.case;
        let document = CaseDocument {
            slotwise_recording: FORMAT_VERSION,
            made_by: env!("CARGO_PKG_VERSION").to_owned(),
            at: *at,
            faithful: self.faithful,
            desired: desired.as_ref().into(),
            observed: observed.into(),
            outcome: OutcomeDocument::from(outcome),
        };
        // These documents have text as keys and no number that JSON could not hold, so this cannot fail.
        serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
    }

    /// A number that two recordings share if they differ in nothing but the moment.
    ///
    /// The moment of a next try is left out as well: once it has passed, the present is recorded, which always differs.
    /// Whether it has passed shows in the plan. Two that differ share a number once in 2^64 times.
    pub fn fingerprint(&self) -> u64 {
        let mut observed = self.case.observed.clone();
        for observation in observed.channels.values_mut() {
            if let ChannelObservation::Seen(channel) = observation
                && let Some(trouble) = &mut channel.trouble
            {
                trouble.retry_at = Timestamp::UNIX_EPOCH;
            }
        }
        let mut outcome = self.case.outcome.clone();
        if let Some(plan) = &mut outcome.plan {
            forget_retries(Arc::make_mut(plan));
        }
        let content = (
            DesiredDocument::from(self.case.desired.as_ref()),
            ObservedDocument::from(&observed),
            OutcomeDocument::from(&outcome),
        );
        let mut hasher = DefaultHasher::new();
        hasher.write(&serde_json::to_vec(&content).unwrap_or_default());
        hasher.finish()
    }
}

fn forget_retries(plan: &mut Plan) {
    let of_destinations = plan.destinations.iter_mut().map(|one| &mut one.waiting);
    let of_channels = plan.channels.iter_mut().map(|one| &mut one.waiting);
    for waiting in of_destinations.chain(of_channels) {
        if let Some(Waiting::BackingOff { retry_at, .. }) = waiting {
            *retry_at = Timestamp::UNIX_EPOCH;
        }
    }
}
