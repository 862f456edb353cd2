//! A plan as versioned JSON.
//!
//! ```json
//! {
//!   "formatVersion": 1,
//!   "summary": { "text": "1 update, …", "updates": 1, "starts": 1, "stops": 0, "adoptions": 0,
//!                "wanted": 3, "onAir": 1, "goOnAir": 1, "goOffAir": 0, "released": 0, "waiting": 1 },
//!   "interruptions": { "planned": 0, "lowerBound": 0 },
//!   "apiCalls": 4,
//!   "pools": [ … ],
//!   "destinations": [ { "name": "youtube-main", "pool": "main", "state": "Streaming", "wanted": true,
//!                       "phase": "Pending", "onAir": false,
//!                       "assignment": { "channel": "4000001", "outputGroup": "RTMP-Slot-1" },
//!                       "reason": { "code": "AssignNew", "message": "…" }, "waiting": null, … } ],
//!   "channels": [ { "id": "4000001", "arn": "arn:aws:…", "name": "live-1", "state": "IDLE", "runs": true,
//!                   "slots": [ { "outputGroup": "RTMP-Slot-1", "now": { "holds": "Parked" },
//!                                "then": { "holds": "Destination", "name": "youtube-main" }, … } ],
//!                   "steps": [ { "action": "update", "reason": { … }, "interrupts": [], "expectedSeconds": 10,
//!                                "writes": [ … ] } ] } ]
//! }
//! ```
//!
//! Fields are always there and in this order; what does not apply is `null` or empty. New fields may come within
//! a format version; nothing is renamed or removed. Times are whole seconds of MediaLive's time. It holds no
//! stream key, no URL and nothing made from either, so it may be stored and shown.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Summary;
use super::feeds::{self, FeedDocument};
use super::routers_json::{self, Router};
use crate::model::{ChannelId, Interrupt, Placement, SlotId, WantedState};
use crate::plan::{
    Adoption, ChannelPlan, Content, DestinationPlan, Optimality, Plan, PoolPlan, Reason, SlotPlan, Step,
    Waiting,
};
use crate::status::phase;

/// `formatVersion` of what this version writes, and the only one it reads.
pub const FORMAT_VERSION: u32 = 1;

/// `plan` as a document.
pub fn document(plan: &Plan) -> PlanDocument {
    let interruptions = plan.interruptions();
    let channels: BTreeMap<&ChannelId, &ChannelPlan> =
        plan.channels.iter().map(|one| (&one.id, one)).collect();
    PlanDocument {
        format_version: FORMAT_VERSION,
        summary: summary(&Summary::of(plan)),
        interruptions: Interruptions {
            planned: interruptions.planned,
            lower_bound: interruptions.lower_bound,
        },
        api_calls: plan.api_calls(),
        pools: plan.pools.iter().map(pool).collect(),
        destinations: plan
            .destinations
            .iter()
            .map(|one| destination(one, &channels))
            .collect(),
        channels: plan.channels.iter().map(channel).collect(),
        routers: plan.routers.iter().map(routers_json::router).collect(),
        feeds: plan.feeds.iter().map(feeds::document).collect(),
    }
}

/// `plan` as indented JSON that ends with a line feed.
pub fn plan_json(plan: &Plan) -> String {
    pretty(&document(plan))
}

/// The JSON Schema of [`PlanDocument`].
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(PlanDocument).to_value()
}

/// `value` as indented JSON that ends with a line feed.
pub(super) fn pretty(value: &impl Serialize) -> String {
    // These documents have text as keys and no number that JSON could not hold, so this cannot fail.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

/// A plan for every channel and every destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "slotwise plan")]
pub struct PlanDocument {
    /// 1.
    pub format_version: u32,
    /// The plan in figures.
    pub summary: SummaryDocument,
    /// Wanted destinations taken off air for a moment.
    pub interruptions: Interruptions,
    /// Calls to MediaLive that the steps cost, without the looks while a channel is in transition.
    pub api_calls: usize,
    /// By name.
    pub pools: Vec<Pool>,
    /// By name.
    pub destinations: Vec<Destination>,
    /// By pool and the pool's order.
    pub channels: Vec<Channel>,
    /// RouterPools by name; left out where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routers: Vec<Router>,
    /// What feeds RouterPools with a source: the channels in front, then the inputs; left out where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feeds: Vec<FeedDocument>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// A plan in figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SummaryDocument {
    /// One line of text.
    pub text: String,
    /// Whether anything is to be done.
    pub changes: bool,
    /// Channels that get the owner tag.
    pub adoptions: usize,
    /// Router outputs made.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub creations: usize,
    /// Router outputs deleted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub deletions: usize,
    /// Channels whose slots are rewritten, and router outputs that are pointed elsewhere.
    pub updates: usize,
    /// Channels, router inputs and outputs started.
    pub starts: usize,
    /// Channels, router inputs and outputs stopped.
    pub stops: usize,
    /// Destinations wanted on air.
    pub wanted: usize,
    /// Destinations that were seen on air.
    pub on_air: usize,
    /// Destinations of which it is not known whether they are on air, since the router outputs cannot be looked at; left out where
    /// there are none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unknown: usize,
    /// Destinations that go on air.
    pub go_on_air: usize,
    /// Destinations that go off air and stay off.
    pub go_off_air: usize,
    /// Targets on air that no Destination declares and that are released.
    pub released: usize,
    /// Destinations that wait.
    pub waiting: usize,
}

/// Interruptions, counted in destinations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Interruptions {
    /// That the plan makes.
    pub planned: usize,
    /// That no plan with as many destinations where they are wanted could avoid.
    pub lower_bound: usize,
}

/// A pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// `Spread` or `Pack`.
    pub placement: String,
    /// `Never`, `Window` or `Anytime`.
    pub interrupt: String,
    /// How many channels it names.
    pub channels: usize,
    /// How many usable slots they have.
    pub slots: usize,
    /// Interruptions in it.
    pub interruptions: Interruptions,
    /// Whether no better placement exists.
    pub optimal: bool,
    /// Why there is no slot in it for a newcomer; left out where there may be one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_slot: Option<Waits>,
}

/// The plan for a destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Destination {
    /// Its name.
    pub name: String,
    /// Its pool.
    pub pool: String,
    /// `Streaming` or `Ready`: what its owner declared.
    pub state: String,
    /// Whether it is wanted on air now: `Streaming` and not paused.
    pub wanted: bool,
    /// `Ready`, `Pending`, `Starting`, `Streaming`, `Stopping` or `Error`: its state before the plan is
    /// carried out.
    pub phase: String,
    /// Its group.
    pub group: Option<String>,
    /// Whether it was seen on air.
    pub on_air: bool,
    /// The slot that points at it now.
    pub held: Option<Slot>,
    /// The slot that carries it on air when the plan is carried out.
    pub assignment: Option<Slot>,
    /// Why that slot.
    pub reason: Option<Why>,
    /// ARN of the router output that it has; left out where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// What keeps it from where it is wanted.
    pub waiting: Option<Waits>,
    /// Expected seconds off air, for one that the plan interrupts.
    pub off_air_seconds: Option<u64>,
    /// Where else its stream is, or may be, on air: no plan changes that.
    pub also_on_air: Option<OtherPlace>,
}

/// A channel of another owner or in no pool, or an output group that is no slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OtherPlace {
    /// Id of the channel.
    pub channel: String,
    /// Name of the output group, where it is known.
    pub output_group: Option<String>,
}

/// A slot of a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Slot {
    /// Id of the channel.
    pub channel: String,
    /// Name of the output group.
    pub output_group: String,
}

/// A reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Why {
    /// Stable code.
    pub code: String,
    /// In words, which may change between versions.
    pub message: String,
}

/// What is in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Waits {
    /// Stable code.
    pub code: String,
    /// In words, which may change between versions.
    pub message: String,
    /// What would change it.
    pub ways_out: Vec<String>,
}

/// The plan for a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Channel {
    /// Its id.
    pub id: String,
    /// Its ARN, where it could be seen: which account and region the plan is about.
    pub arn: Option<String>,
    /// Its name; empty where it could not be seen.
    pub name: String,
    /// Its pool; `null` for an owned channel in no pool.
    pub pool: Option<String>,
    /// Its state, where it could be seen.
    pub state: Option<String>,
    /// `Owned`, `Adopt`, `Refused`, `Foreign` or `Unknown`.
    pub adoption: String,
    /// Its slots, in its order.
    pub slots: Vec<ChannelSlot>,
    /// Its other output groups, which end where the plan stops it.
    pub ends_with_it: Vec<String>,
    /// All steps, in order.
    pub steps: Vec<StepDocument>,
    /// The stop that follows without another decision, once the router outputs are ready that destinations leave it for; left out
    /// where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<StepDocument>,
    /// Whether it runs when the plan is carried out.
    pub runs: bool,
    /// What keeps it from where it should be, or makes it unusable.
    pub waiting: Option<Waits>,
}

/// The plan for a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChannelSlot {
    /// Name of the output group.
    pub output_group: String,
    /// What it holds now.
    pub now: Holds,
    /// What it holds when the plan is carried out.
    pub then: Holds,
    /// Why, where it changes.
    pub reason: Option<Why>,
}

/// What a slot holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "holds")]
pub enum Holds {
    /// No destination.
    Parked,
    /// A declared destination.
    Destination {
        /// Its name.
        name: String,
    },
    /// The previous target of a declared destination, whose URL or key has changed since.
    Previous {
        /// Its name.
        name: String,
    },
    /// The same stream as a declared destination holds in another slot.
    Surplus {
        /// Its name.
        name: String,
    },
    /// What is recorded as the target of a destination that is no longer declared.
    Vanished {
        /// What it was called.
        name: String,
    },
    /// A target that no Destination declares.
    Undeclared {
        /// Its host.
        host: String,
    },
    /// It cannot be used as a slot.
    Unusable {
        /// Why not.
        why: String,
    },
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepDocument {
    /// `wait`, `adopt`, `record`, `stop`, `update` or `start`.
    pub action: String,
    /// Why.
    pub reason: Why,
    /// Wanted destinations that it takes off air.
    pub interrupts: Vec<String>,
    /// How long it is expected to take.
    pub expected_seconds: u64,
    /// Slots that an update rewrites.
    pub writes: Vec<Write>,
}

impl StepDocument {
    /// Whether what the channel carries is the same before and after it.
    pub fn only_writes_tags(&self) -> bool {
        self.action == "record"
    }
}

/// A slot that an update rewrites.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Write {
    /// Name of the output group.
    pub output_group: String,
    /// What it holds from then on.
    pub content: Holds,
}

/// Code and sentence of `reason`.
pub(super) fn why(reason: &Reason) -> Why {
    Why {
        code: reason.code().to_owned(),
        message: reason.to_string(),
    }
}

pub(super) fn waits(waiting: &Waiting, ways_out: Vec<String>) -> Waits {
    Waits {
        code: waiting.code().to_owned(),
        message: waiting.to_string(),
        ways_out,
    }
}

pub(super) fn slot(slot: &SlotId) -> Slot {
    Slot {
        channel: slot.channel.to_string(),
        output_group: slot.output_group.to_string(),
    }
}

fn summary(of: &Summary) -> SummaryDocument {
    SummaryDocument {
        text: of.to_string(),
        changes: of.adoptions + of.creations + of.deletions + of.updates + of.starts + of.stops > 0,
        adoptions: of.adoptions,
        creations: of.creations,
        deletions: of.deletions,
        updates: of.updates,
        starts: of.starts,
        stops: of.stops,
        wanted: of.wanted,
        on_air: of.on_air,
        unknown: of.unknown,
        go_on_air: of.go_on_air,
        go_off_air: of.go_off_air,
        released: of.released,
        waiting: of.waiting,
    }
}

fn pool(of: &PoolPlan) -> Pool {
    Pool {
        name: of.name.to_string(),
        placement: match of.placement {
            Placement::Spread => "Spread",
            Placement::Pack => "Pack",
        }
        .to_owned(),
        interrupt: match of.interrupt {
            Interrupt::Never => "Never",
            Interrupt::Window => "Window",
            Interrupt::Anytime => "Anytime",
        }
        .to_owned(),
        channels: of.channels,
        slots: of.slots,
        interruptions: Interruptions {
            planned: of.interruptions.planned,
            lower_bound: of.interruptions.lower_bound,
        },
        optimal: of.optimality == Optimality::Optimal,
        no_slot: of
            .no_slot
            .as_ref()
            .map(|waiting| waits(waiting, waiting.ways_out())),
    }
}

pub(super) fn destination(
    of: &DestinationPlan,
    channels: &BTreeMap<&ChannelId, &ChannelPlan>,
) -> Destination {
    let slot_of = of.assignment.as_ref().or(of.held.as_ref());
    let channel = slot_of.and_then(|slot| channels.get(&slot.channel).copied());
    Destination {
        name: of.name.to_string(),
        pool: of.pool.to_string(),
        state: match of.state {
            WantedState::Streaming => "Streaming",
            WantedState::Ready => "Ready",
        }
        .to_owned(),
        wanted: of.wanted,
        phase: phase(of, channel).to_string(),
        group: of.group.as_ref().map(ToString::to_string),
        on_air: of.on_air,
        held: of.held.as_ref().map(slot),
        assignment: of.assignment.as_ref().map(slot),
        reason: of.reason.as_ref().map(why),
        output: of
            .output
            .as_ref()
            .and_then(|output| Some(output.arn.as_ref()?.to_string())),
        waiting: of
            .waiting
            .as_ref()
            .map(|waiting| waits(waiting, waiting.ways_out_of(&of.name))),
        off_air_seconds: of.off_air.map(|time| time.as_secs()),
        also_on_air: of.also_on_air.as_ref().map(|place| OtherPlace {
            channel: place.channel.to_string(),
            output_group: place.output_group.as_ref().map(ToString::to_string),
        }),
    }
}

fn channel(of: &ChannelPlan) -> Channel {
    let adoption = match of.adoption {
        Adoption::Owned => "Owned",
        Adoption::Adopt => "Adopt",
        Adoption::Refused { .. } => "Refused",
        Adoption::Foreign { .. } => "Foreign",
        Adoption::Unknown => "Unknown",
    };
    Channel {
        id: of.id.to_string(),
        arn: of.seen.as_ref().map(|seen| seen.arn.to_string()),
        name: of
            .seen
            .as_ref()
            .map_or_else(String::new, |seen| seen.name.to_string()),
        pool: of.pool.as_ref().map(ToString::to_string),
        state: of.seen.as_ref().map(|seen| seen.state.to_string()),
        adoption: adoption.to_owned(),
        slots: of.slots.iter().map(channel_slot).collect(),
        ends_with_it: of.ends_with_it(),
        steps: of.steps.iter().map(step).collect(),
        follows: of.follows.as_ref().map(step),
        runs: of.runs,
        waiting: of.waiting.as_ref().map(|waiting| waits(waiting, of.ways_out())),
    }
}

fn channel_slot(of: &SlotPlan) -> ChannelSlot {
    ChannelSlot {
        output_group: of.output_group.to_string(),
        now: holds(&of.now),
        then: holds(&of.then),
        reason: of.reason.as_ref().map(why),
    }
}

fn holds(content: &Content) -> Holds {
    match content {
        Content::Parked => Holds::Parked,
        Content::Destination(name) => Holds::Destination {
            name: name.to_string(),
        },
        Content::Previous(name) => Holds::Previous {
            name: name.to_string(),
        },
        Content::Surplus(name) => Holds::Surplus {
            name: name.to_string(),
        },
        Content::Vanished(identity) => Holds::Vanished {
            name: identity.to_string(),
        },
        Content::Undeclared { host } => Holds::Undeclared { host: host.clone() },
        Content::Unusable { why } => Holds::Unusable { why: why.clone() },
    }
}

fn step(of: &Step) -> StepDocument {
    let writes = of.action.writes();
    StepDocument {
        action: of.action.name().to_owned(),
        reason: why(&of.reason),
        interrupts: of.interrupts.iter().map(ToString::to_string).collect(),
        expected_seconds: of.expected.as_secs(),
        writes: writes
            .iter()
            .map(|write| Write {
                output_group: write.output_group.to_string(),
                content: holds(&write.content),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, CANARY};
    use super::*;

    #[test]
    fn the_document_has_every_field_in_a_fixed_order_and_no_key() {
        let text = plan_json(&samples::start_two());
        assert!(!text.contains(CANARY), "a key is shown:\n{text}");
        insta::assert_snapshot!("plan_json", text);
    }

    #[test]
    fn what_is_written_can_be_read_back() {
        for plan in [
            samples::start_two(),
            samples::interrupt_one(),
            samples::converged(),
        ] {
            let read: PlanDocument = serde_json::from_str(&plan_json(&plan)).unwrap();
            assert_eq!(read, document(&plan));
        }
    }

    #[test]
    fn the_schema_requires_what_is_always_there() {
        let schema = schema();
        let required = schema["required"].as_array().unwrap();
        for field in ["formatVersion", "summary", "destinations", "channels", "apiCalls"] {
            assert!(
                required.contains(&serde_json::Value::from(field)),
                "{field} is not required in {schema}"
            );
        }
        let channel = &schema["$defs"]["Channel"]["properties"];
        assert_eq!(
            channel["runs"]["description"],
            "Whether it runs when the plan is carried out."
        );
    }
}
