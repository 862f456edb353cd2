//! The plan of a RouterPool as JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::plan_json::{Waits, Why};
use crate::model::DestinationName;
use crate::plan::cost::expected_of_output;
use crate::plan::router::{OutputPlan, OutputReason, OutputStep, OutputWaiting, RouterPoolPlan};

/// The plan for a RouterPool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Router {
    /// Its name; `null` for the outputs of this owner in no declared pool.
    pub name: Option<String>,
    /// `Never`, `Window` or `Anytime`: when a destination may be interrupted for a change of its own.
    pub interrupt: String,
    /// Its router outputs: those of its destinations by name, then the others by ARN.
    pub outputs: Vec<Output>,
    /// Whether it is not known what outputs there are, since they cannot be looked at; left out where they were seen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unseen: bool,
}

/// The plan for a router output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// Its ARN; `null` for one that is to be made.
    pub arn: Option<String>,
    /// Its name; `null` for one that is to be made.
    pub name: Option<String>,
    /// Its state.
    pub state: Option<String>,
    /// What it carries, or is to carry, in words.
    pub carries: String,
    /// The destination whose one output it is; `null` for any other output.
    pub destination: Option<String>,
    /// Whether it brings the pool's programme to its target now.
    pub on_air: bool,
    /// All steps, in order.
    pub steps: Vec<OutputStepDocument>,
    /// What keeps it from where it should be.
    pub waiting: Option<Waits>,
    /// What MediaConnect says is wrong with it; left out where that is nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<String>,
    /// When MediaConnect maintains it next; left out where it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<Window>,
}

/// When MediaConnect maintains a router output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Window {
    /// The window begins: RFC 3339, in UTC.
    pub start: String,
    /// It ends.
    pub end: String,
    /// When in it the output is interrupted.
    pub scheduled_time: String,
}

/// A step on a router output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutputStepDocument {
    /// `create`, `route`, `start`, `stop`, `restart`, `update`, `delete`, `release`, `keep` or `record`.
    pub action: String,
    /// Why.
    pub reason: Why,
    /// How long it is expected to take.
    pub expected_seconds: u64,
}

pub(super) fn router(of: &RouterPoolPlan) -> Router {
    Router {
        name: of.name.as_ref().map(ToString::to_string),
        interrupt: format!("{:?}", of.interrupt),
        outputs: of.outputs.iter().map(output).collect(),
        unseen: of.unseen,
    }
}

pub(super) fn output(of: &OutputPlan) -> Output {
    Output {
        arn: of.arn.as_ref().map(ToString::to_string),
        name: of.name.as_ref().map(ToString::to_string),
        state: of.state.map(|state| state.to_string()),
        carries: of.carries.to_string(),
        destination: of.carries.destination().map(ToString::to_string),
        on_air: of.on_air,
        steps: of.steps.iter().map(step).collect(),
        waiting: of
            .waiting
            .as_ref()
            .map(|waiting| waits(waiting, of.carries.destination())),
        messages: of.messages.to_vec(),
        maintenance: of.maintenance.map(|window| Window {
            start: window.start.to_string(),
            end: window.end.to_string(),
            scheduled_time: window.scheduled_time.to_string(),
        }),
    }
}

fn step(of: &OutputStep) -> OutputStepDocument {
    OutputStepDocument {
        action: of.action.name().to_owned(),
        reason: why(&of.reason),
        expected_seconds: expected_of_output(&of.action).as_secs(),
    }
}

fn why(reason: &OutputReason) -> Why {
    Why {
        code: reason.code().to_owned(),
        message: reason.to_string(),
    }
}

fn waits(waiting: &OutputWaiting, of: Option<&DestinationName>) -> Waits {
    Waits {
        code: waiting.code().to_owned(),
        message: waiting.to_string(),
        ways_out: of.map_or_else(|| waiting.ways_out(), |name| waiting.ways_out_of(name)),
    }
}
