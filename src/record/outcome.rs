//! The outcome of a case, as a recording holds it: all of the plan, so that "the same" means the same.
//!
//! Only written, never read: a replay makes the plan again and compares the texts of both.
//! Every field is named where its type is taken apart, so that a new one cannot be forgotten here.

use std::time::Duration;

use serde::Serialize;

use super::CaseOutcome;
use super::inputs::{EndpointDocument, endpoints};
use crate::model::{ChannelId, DestinationName, OutputGroup, OutputState, PoolName, RouterArn};
use crate::plan::router::{
    OutputContent, OutputPlan, OutputReason, OutputStep, OutputWaiting, RouterPoolPlan,
};
use crate::plan::{
    Adoption, ChannelPlan, Content, DestinationPlan, FeedPlan, Plan, PoolPlan, Reason, Seen, SlotPlan,
    SlotWrite, Step, Violation, Waiting,
};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OutcomeDocument<'a> {
    /// `null` where the whole plan was refused.
    plan: Option<PlanDocument<'a>>,
    refused: Vec<ViolationDocument>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ViolationDocument {
    code: String,
    message: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PlanDocument<'a> {
    pools: &'a [PoolPlan],
    destinations: &'a [DestinationPlan],
    channels: Vec<ChannelDocument<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    routers: Vec<RouterDocument<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    feeds: &'a [FeedPlan],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RouterDocument<'a> {
    name: &'a Option<PoolName>,
    outputs: Vec<OutputDocument<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OutputDocument<'a> {
    arn: Option<&'a RouterArn>,
    state: Option<OutputState>,
    carries: &'a OutputContent,
    steps: Vec<OutputStepDocument<'a>>,
    waiting: Option<&'a OutputWaiting>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OutputStepDocument<'a> {
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<EndpointDocument>,
    reason: &'a OutputReason,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ChannelDocument<'a> {
    id: &'a ChannelId,
    pool: Option<&'a PoolName>,
    seen: Option<&'a Seen>,
    adoption: &'a Adoption,
    slots: Vec<SlotDocument<'a>>,
    steps: Vec<StepDocument<'a>>,
    runs: bool,
    waiting: Option<&'a Waiting>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SlotDocument<'a> {
    output_group: &'a OutputGroup,
    target: Option<Vec<EndpointDocument>>,
    now: &'a Content,
    then: &'a Content,
    reason: Option<&'a Reason>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StepDocument<'a> {
    action: &'static str,
    /// Empty for all actions but an update.
    writes: Vec<WriteDocument<'a>>,
    reason: &'a Reason,
    interrupts: &'a [DestinationName],
    expected: Duration,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WriteDocument<'a> {
    output_group: &'a OutputGroup,
    target: Vec<EndpointDocument>,
    content: &'a Content,
}

impl<'a> From<&'a CaseOutcome> for OutcomeDocument<'a> {
    fn from(outcome: &'a CaseOutcome) -> Self {
        let CaseOutcome { plan, refused } = outcome;
        let violation = |violation: &Violation| ViolationDocument {
            code: violation.code(),
            message: violation.to_string(),
        };
        Self {
            plan: plan.as_deref().map(PlanDocument::from),
            refused: refused.iter().map(violation).collect(),
        }
    }
}

impl<'a> From<&'a Plan> for PlanDocument<'a> {
    fn from(plan: &'a Plan) -> Self {
        let Plan {
            pools,
            destinations,
            channels,
            routers,
            feeds,
        } = plan;
        Self {
            pools,
            destinations,
            channels: channels.iter().map(ChannelDocument::from).collect(),
            routers: routers.iter().map(RouterDocument::from).collect(),
            feeds,
        }
    }
}

impl<'a> From<&'a RouterPoolPlan> for RouterDocument<'a> {
    fn from(plan: &'a RouterPoolPlan) -> Self {
        let RouterPoolPlan {
            name,
            interrupt: _,
            outputs,
            unseen: _,
        } = plan;
        Self {
            name,
            outputs: outputs.iter().map(OutputDocument::from).collect(),
        }
    }
}

impl<'a> From<&'a OutputPlan> for OutputDocument<'a> {
    fn from(output: &'a OutputPlan) -> Self {
        let OutputPlan {
            arn,
            name: _,
            state,
            carries,
            on_air: _,
            steps,
            waiting,
            messages: _,
            maintenance: _,
        } = output;
        Self {
            arn: arn.as_ref(),
            state: *state,
            carries,
            steps: steps.iter().map(OutputStepDocument::from).collect(),
            waiting: waiting.as_ref(),
        }
    }
}

impl<'a> From<&'a OutputStep> for OutputStepDocument<'a> {
    fn from(step: &'a OutputStep) -> Self {
        let OutputStep { action, reason } = step;
        Self {
            action: action.name(),
            target: action.target().map(EndpointDocument::from),
            reason,
        }
    }
}

impl<'a> From<&'a ChannelPlan> for ChannelDocument<'a> {
    fn from(channel: &'a ChannelPlan) -> Self {
        let ChannelPlan {
            id,
            pool,
            seen,
            adoption,
            slots,
            others: _,
            steps,
            follows: _,
            runs,
            waiting,
        } = channel;
        Self {
            id,
            pool: pool.as_ref(),
            seen: seen.as_ref(),
            adoption,
            slots: slots.iter().map(SlotDocument::from).collect(),
            steps: steps.iter().map(StepDocument::from).collect(),
            runs: *runs,
            waiting: waiting.as_ref(),
        }
    }
}

impl<'a> From<&'a SlotPlan> for SlotDocument<'a> {
    fn from(slot: &'a SlotPlan) -> Self {
        let SlotPlan {
            output_group,
            target,
            now,
            then,
            reason,
        } = slot;
        Self {
            output_group,
            target: target.as_ref().map(endpoints),
            now,
            then,
            reason: reason.as_ref(),
        }
    }
}

impl<'a> From<&'a Step> for StepDocument<'a> {
    fn from(step: &'a Step) -> Self {
        let Step {
            action,
            reason,
            interrupts,
            expected,
        } = step;
        let writes = action.writes();
        Self {
            action: action.name(),
            writes: writes.iter().map(WriteDocument::from).collect(),
            reason,
            interrupts,
            expected: *expected,
        }
    }
}

impl<'a> From<&'a SlotWrite> for WriteDocument<'a> {
    fn from(write: &'a SlotWrite) -> Self {
        let SlotWrite {
            output_group,
            target,
            content,
        } = write;
        Self {
            output_group,
            target: endpoints(target),
            content,
        }
    }
}
