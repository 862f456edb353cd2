//! Why one destination is where it is, as versioned JSON.
//!
//! ```json
//! {
//!   "formatVersion": 1,
//!   "destination": { … },
//!   "candidates": [ { "slot": { "channel": "4000001", "outputGroup": "RTMP-Slot-1" }, "verdict": "Taken",
//!                     "code": null, "message": "by youtube-main" } ]
//! }
//! ```
//!
//! `destination` is the one of the plan's document. The rules of that document hold for this one too.

use std::collections::BTreeMap;

use serde::Serialize;

use super::feeds;
use super::plan_json::{self, Slot, pretty};
use super::routers_json;
use crate::plan::{Candidate, Explanation, Plan, Verdict};

/// `formatVersion` of what this version writes.
pub const FORMAT_VERSION: u32 = 1;

/// `explanation`, made with `plan`, as indented JSON that ends with a line feed.
pub fn explain_json(explanation: &Explanation, plan: &Plan) -> String {
    let channels = plan.channels.iter().map(|one| (&one.id, one));
    let channels: BTreeMap<_, _> = channels.collect();
    pretty(&ExplanationDocument {
        format_version: FORMAT_VERSION,
        destination: plan_json::destination(&explanation.destination, &channels),
        candidates: explanation.candidates.iter().map(candidate).collect(),
        output: explanation.output.as_ref().map(routers_json::output),
        feeds: explanation.feeds.iter().map(feeds::document).collect(),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExplanationDocument {
    format_version: u32,
    destination: plan_json::Destination,
    candidates: Vec<CandidateDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<routers_json::Output>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    feeds: Vec<feeds::FeedDocument>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CandidateDocument {
    slot: Slot,
    verdict: &'static str,
    /// The stable code of a reason or waiting, where there is one.
    code: Option<&'static str>,
    message: Option<String>,
}

fn candidate(of: &Candidate) -> CandidateDocument {
    let (verdict, code, message) = match &of.verdict {
        Verdict::Chosen(reason) => ("Chosen", Some(reason.code()), Some(reason.to_string())),
        Verdict::Blocked(waiting) => ("Blocked", Some(waiting.code()), Some(waiting.to_string())),
        Verdict::Taken { by } => ("Taken", None, Some(format!("by {by}"))),
        Verdict::Worse { why } => ("Worse", None, Some(why.clone())),
        Verdict::NotWanted => ("NotWanted", None, None),
    };
    CandidateDocument {
        slot: plan_json::slot(&of.slot),
        verdict,
        code,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::model::SlotId;

    #[test]
    fn every_slot_has_its_verdict() {
        let plan = samples::start_two();
        let destination = plan.destinations[2].clone();
        let waiting = destination.waiting.clone().unwrap();
        let candidate = |number: usize, verdict| Candidate {
            slot: SlotId::new("4000001", format!("RTMP-Slot-{number}")),
            verdict,
        };
        let explanation = Explanation {
            output: None,
            feeds: Vec::new(),
            destination,
            candidates: vec![
                candidate(
                    1,
                    Verdict::Taken {
                        by: "youtube-main".to_owned(),
                    },
                ),
                candidate(2, Verdict::Blocked(waiting)),
                candidate(3, Verdict::NotWanted),
            ],
        };
        insta::assert_snapshot!(explain_json(&explanation, &plan));
    }
}
