//! MediaConnect router outputs: the pool that declares them, and what was seen of them.
//!
//! Shapes and states are those of botocore 1.44.8, service `mediaconnect`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    ChannelId, DestinationName, Disruption, Endpoint, Identity, OwnerId, Pause, PoolName, RouterArn,
    SourceObservation, TargetDigest, Trouble,
};

/// A declared pool of router outputs, valid as a whole.
#[derive(Debug, Clone)]
pub struct RouterPool {
    /// Its name.
    pub name: PoolName,
    /// The router input that feeds its outputs.
    pub input: RouterArn,
    /// The router network interface that its outputs push through.
    pub network_interface: RouterArn,
    /// The MediaLive channel in front of the input: the two run while a destination is wanted. Without one the input is
    /// neither started nor stopped.
    pub source: Option<ChannelId>,
    /// What every output of it is made with.
    pub settings: RouterSettings,
    /// An output that has been off for this long is deleted; `None`: only when its place is needed.
    pub keep: Option<Duration>,
    /// When a destination on air may be interrupted for a change of its own.
    pub disruption: Disruption,
    /// Hands off all its outputs.
    pub paused: Option<Pause>,
}

impl RouterPool {
    /// The pause in force at `now`.
    pub fn pause_at(&self, now: Timestamp) -> Option<&Pause> {
        self.paused.as_ref().filter(|pause| pause.holds_at(now))
    }
}

/// What a router output is made with, beside its target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouterSettings {
    /// The capacity that is reserved and billed.
    pub tier: Tier,
    /// In bits per second; at least that of the input.
    pub maximum_bitrate: u64,
    /// The zone of the input: an output in another one costs transfer.
    pub availability_zone: Option<Arc<str>>,
    /// When MediaConnect may maintain it; `None`: whenever MediaConnect likes to.
    pub maintenance: Option<Maintenance>,
}

/// A weekly moment for maintenance, in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maintenance {
    /// `MONDAY` …
    pub day: Arc<str>,
    /// `03:00`
    pub time: Arc<str>,
}

/// When MediaConnect maintains an output: 60 to 66 days after its start.
///
/// Source: MediaConnect service model, `WindowMaintenanceSchedule`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MaintenanceWindow {
    /// The window begins.
    pub start: Timestamp,
    /// It ends.
    pub end: Timestamp,
    /// When in it the output is interrupted.
    pub scheduled_time: Timestamp,
}

impl fmt::Display for MaintenanceWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            start,
            end,
            scheduled_time,
        } = self;
        write!(f, "{scheduled_time:.0}, in the window {start:.0} to {end:.0}")
    }
}

/// `RouterOutputTier`: capacity in Mbit/s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Tier {
    #[serde(rename = "OUTPUT_20")]
    Output20,
    #[serde(rename = "OUTPUT_50")]
    Output50,
    #[serde(rename = "OUTPUT_100")]
    Output100,
    /// One that no pool can declare: the tiers for JPEG XS, and what MediaConnect may add. Seen only, in outputs of others.
    Other,
}

impl Tier {
    /// The tier named `text` on the wire.
    pub fn from_wire(text: &str) -> Self {
        let mut all = [Self::Output20, Self::Output50, Self::Output100].into_iter();
        all.find(|tier| tier.as_str() == text).unwrap_or(Self::Other)
    }

    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Output20 => "OUTPUT_20",
            Self::Output50 => "OUTPUT_50",
            Self::Output100 => "OUTPUT_100",
            Self::Other => "OTHER",
        }
    }

    /// The highest bit rate that it carries, in bits per second.
    pub fn most(self) -> u64 {
        match self {
            Self::Output20 => 20_000_000,
            Self::Output50 => 50_000_000,
            Self::Output100 => 100_000_000,
            Self::Other => u64::MAX,
        }
    }
}

/// `RouterOutputState`, and one for what MediaConnect may add.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OutputState {
    /// Being made.
    Creating,
    /// Stopped. It keeps its route and its reservation.
    Standby,
    /// On its way to active.
    Starting,
    /// Pushing what its input brings.
    Active,
    /// On its way to standby.
    Stopping,
    /// Being deleted.
    Deleting,
    /// Being changed.
    Updating,
    /// It failed; a restart may recover it.
    Error,
    /// MediaConnect repairs it.
    Recovering,
    /// MediaConnect moves it.
    Migrating,
    /// A state that did not exist when this was written: never acted upon.
    Unknown,
}

impl OutputState {
    /// Every state, for tests and completeness.
    pub const ALL: [Self; 11] = [
        Self::Creating,
        Self::Standby,
        Self::Starting,
        Self::Active,
        Self::Stopping,
        Self::Deleting,
        Self::Updating,
        Self::Error,
        Self::Recovering,
        Self::Migrating,
        Self::Unknown,
    ];

    /// The state named `text` on the wire.
    pub fn from_wire(text: &str) -> Self {
        let mut all = Self::ALL.into_iter();
        all.find(|state| state.as_str() == text).unwrap_or(Self::Unknown)
    }

    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Standby => "STANDBY",
            Self::Starting => "STARTING",
            Self::Active => "ACTIVE",
            Self::Stopping => "STOPPING",
            Self::Deleting => "DELETING",
            Self::Updating => "UPDATING",
            Self::Error => "ERROR",
            Self::Recovering => "RECOVERING",
            Self::Migrating => "MIGRATING",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// Whether a call may be made about it. In any other state MediaConnect works on it, and answers with 409.
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Standby | Self::Active | Self::Error)
    }

    /// Whether it fails, or recovers from a failure.
    pub fn is_failing(self) -> bool {
        matches!(self, Self::Error | Self::Recovering)
    }

    /// Whether a copy of its stream elsewhere could be the second one: only STANDBY is known to push nothing.
    pub fn may_publish(self) -> bool {
        !matches!(self, Self::Standby | Self::Creating | Self::Deleting)
    }
}

impl fmt::Display for OutputState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// `RouterOutputRoutedState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RouteState {
    /// Its input is taken.
    Routed,
    /// An input is being taken.
    Routing,
    /// No input.
    Unrouted,
}

impl RouteState {
    /// The state named `text` on the wire. One that did not exist when this was written is one to wait in.
    pub fn from_wire(text: &str) -> Self {
        match text {
            "ROUTED" => Self::Routed,
            "UNROUTED" => Self::Unrouted,
            _ => Self::Routing,
        }
    }
}

/// `RouterInputState`, and one for what MediaConnect may add.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum InputState {
    /// Being made.
    Creating,
    /// Stopped.
    Standby,
    /// On its way to active.
    Starting,
    /// Receiving.
    Active,
    /// On its way to standby.
    Stopping,
    /// Being deleted.
    Deleting,
    /// Being changed.
    Updating,
    /// It failed.
    Error,
    /// MediaConnect repairs it.
    Recovering,
    /// MediaConnect moves it.
    Migrating,
    /// A state that did not exist when this was written: never acted upon.
    Other,
}

impl InputState {
    /// Every state, for tests and completeness.
    pub const ALL: [Self; 11] = [
        Self::Creating,
        Self::Standby,
        Self::Starting,
        Self::Active,
        Self::Stopping,
        Self::Deleting,
        Self::Updating,
        Self::Error,
        Self::Recovering,
        Self::Migrating,
        Self::Other,
    ];

    /// The state named `text` on the wire.
    pub fn from_wire(text: &str) -> Self {
        let mut all = Self::ALL.into_iter();
        all.find(|state| state.as_str() == text).unwrap_or(Self::Other)
    }

    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Standby => "STANDBY",
            Self::Starting => "STARTING",
            Self::Active => "ACTIVE",
            Self::Stopping => "STOPPING",
            Self::Deleting => "DELETING",
            Self::Updating => "UPDATING",
            Self::Error => "ERROR",
            Self::Recovering => "RECOVERING",
            Self::Migrating => "MIGRATING",
            Self::Other => "OTHER",
        }
    }

    /// Whether MediaConnect works on it: another state follows by itself.
    pub fn is_transition(self) -> bool {
        matches!(
            self,
            Self::Creating
                | Self::Starting
                | Self::Stopping
                | Self::Updating
                | Self::Recovering
                | Self::Migrating
        )
    }
}

impl fmt::Display for InputState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What the tags of a router output say, read by BatchGet: the list has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputRecord {
    /// `slotwise.dev/pool`: whose place it takes.
    pub pool: PoolName,
    /// `slotwise.dev/destination`: whose output it is.
    pub identity: Identity,
    /// The digest behind the name: of the target that it was pointed at.
    pub digest: TargetDigest,
    /// It was released after the destination had vanished from the declaration.
    pub released: bool,
    /// It stays on air after its destination vanished together with more than may vanish at once, until that is declared again.
    pub kept: bool,
    /// `slotwise.dev/off-since`, written before the stop: outputs that have been off for longest give way first.
    pub off_since: Option<Timestamp>,
}

/// A router output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouterOutput {
    /// Its name, for people.
    pub name: Arc<str>,
    /// Its state.
    pub state: OutputState,
    /// Whether an input is taken.
    pub route: RouteState,
    /// Which.
    pub input: Option<RouterArn>,
    /// The value of its owner tag.
    pub owner: Option<OwnerId>,
    /// What its other tags say; `None` where they are missing or not slotwise's.
    pub record: Option<OutputRecord>,
    /// The network interface that it pushes through; `None` for one that has none.
    pub interface: Option<RouterArn>,
    /// Where it pushes; `None` for one that is no RTMP push.
    pub target: Option<Endpoint>,
    /// What it was made with.
    pub settings: RouterSettings,
    /// What MediaConnect says is wrong with it, without secrets.
    pub messages: Arc<[String]>,
    /// When MediaConnect maintains it next, which interrupts it; `None` where it does not say.
    pub maintenance: Option<MaintenanceWindow>,
    /// Failures in a row, as this controller counts them.
    pub trouble: Option<Trouble>,
}

/// A router input that a pool names, or that a running output takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouterInput {
    /// Its state.
    pub state: InputState,
    /// Whether slotwise started it: by its tag. Only then it is stopped.
    pub is_ours_to_stop: bool,
    /// The MediaLive channel whose output it takes; `None` where it takes something else.
    pub channel: Option<ChannelId>,
    /// How many outputs are routed to it, those of other regions as well, as it says itself.
    pub routed_outputs: usize,
    /// Failures in a row, as this controller counts them.
    pub trouble: Option<Trouble>,
}

impl RouterInput {
    /// One in this state that nobody started and nothing uses.
    pub fn in_state(state: InputState) -> Self {
        Self {
            state,
            is_ours_to_stop: false,
            channel: None,
            routed_outputs: 0,
            trouble: None,
        }
    }
}

/// How much MediaConnect has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouterQuota {
    /// Router outputs in the region, those of others included.
    ///
    /// Source: MediaConnect user guide, "Quotas": 20, adjustable.
    pub per_region: usize,
    /// Outputs that are routed to one input at once, stopped ones included.
    ///
    /// Source: MediaConnect user guide, "Creating router inputs and outputs": 10.
    pub per_input: usize,
}

impl Default for RouterQuota {
    fn default() -> Self {
        Self {
            per_region: 20,
            per_input: 10,
        }
    }
}

/// Why router outputs could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// One sentence, without secrets.
    pub why: String,
    /// The IAM action that is not allowed: `mediaconnect:ListRouterOutputs`. `None` where it is not for a permission.
    pub denied: Option<String>,
}

/// What was seen of the routers of the region.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObservedRouters {
    /// Every router output, ours or not.
    pub outputs: BTreeMap<RouterArn, RouterOutput>,
    /// The inputs that pools name, as far as they exist; and where a pool has a source, those that running outputs take, as far as
    /// they can be read.
    pub inputs: BTreeMap<RouterArn, RouterInput>,
    /// The channels in front of inputs that pools name as their source. They are no pool's, and have no slots.
    pub sources: BTreeMap<ChannelId, SourceObservation>,
    /// Whether all pages of the list were read: an output that is missing from a part may exist.
    pub is_complete: bool,
    /// Why the last look failed: all this is as it was before that, and nothing is done about it.
    pub unreadable: Option<Unreadable>,
    /// How much there is room for.
    pub quota: RouterQuota,
    /// Destinations that this controller stopped for a change of their own: they start again.
    pub returning: BTreeSet<Identity>,
    /// Destinations for which no output could be made, and is not tried again yet.
    pub not_made: BTreeMap<DestinationName, Trouble>,
}
