//! What may be written: the YAML as serde and schemars see it. Rustdoc here is the text of the JSON Schemas.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::presets::RawPlatform;
use crate::model::Secret;

/// The only `apiVersion` there is.
pub const API_VERSION: &str = "slotwise.dev/v1alpha1";
/// Group of [`API_VERSION`]: documents of other groups are not read.
pub const API_GROUP: &str = "slotwise.dev/";
/// Every `kind` there is.
pub const KINDS: [&str; 4] = ["ChannelPool", "RouterPool", "Destination", "DestinationTable"];

/// The MediaLive channels that may carry a set of destinations, and the policy for touching them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "ChannelPool", rename = "ChannelPool")]
pub struct RawPool {
    /// The version of this format.
    #[schemars(extend("const" = "slotwise.dev/v1alpha1"))]
    pub api_version: String,
    /// What this object is.
    #[schemars(extend("const" = "ChannelPool"))]
    pub kind: String,
    /// Name and labels.
    pub metadata: RawMetadata,
    /// What is wanted.
    pub spec: RawPoolSpec,
}

/// One RTMP(S) endpoint plus stream key that is switched on and off by itself.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Destination", rename = "Destination")]
pub struct RawDestination {
    /// The version of this format.
    #[schemars(extend("const" = "slotwise.dev/v1alpha1"))]
    pub api_version: String,
    /// What this object is.
    #[schemars(extend("const" = "Destination"))]
    pub kind: String,
    /// Name and labels.
    pub metadata: RawMetadata,
    /// What is wanted.
    pub spec: RawDestinationSpec,
}

/// Name and labels of an object, as in Kubernetes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Metadata")]
pub struct RawMetadata {
    /// Unique among all objects of its kind: lower case letters, digits and `-`.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub name: String,
    /// For users and their tools; not read by slotwise.
    pub labels: Option<BTreeMap<String, String>>,
    /// For users and their tools; not read by slotwise.
    pub annotations: Option<BTreeMap<String, String>>,
    /// A number that grows with each change, reported as `observedGeneration`. Without it slotwise counts the changes
    /// that it sees.
    pub generation: Option<u64>,
}

/// `spec` of a ChannelPool.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "ChannelPoolSpec")]
pub struct RawPoolSpec {
    /// The channels this pool may use. A channel belongs to one pool.
    #[schemars(length(min = 1))]
    pub channels: Vec<RawChannel>,
    /// Which output groups of these channels are slots.
    pub slots: RawSlots,
    /// How destinations spread over channels.
    #[serde(default)]
    pub placement: RawPlacement,
    /// What happens to a running channel without a wanted destination.
    #[serde(default)]
    pub idle: RawIdle,
    /// When destinations on air may be interrupted.
    #[serde(default)]
    pub disruption: RawDisruption,
    /// Hands off all channels of this pool: nothing is started, stopped or changed.
    pub paused: Option<RawPause>,
}

/// The MediaConnect router outputs that carry a set of destinations, one each, and the policy for touching them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "RouterPool", rename = "RouterPool")]
pub struct RawRouterPool {
    /// The version of this format.
    #[schemars(extend("const" = "slotwise.dev/v1alpha1"))]
    pub api_version: String,
    /// What this object is.
    #[schemars(extend("const" = "RouterPool"))]
    pub kind: String,
    /// Name and labels.
    pub metadata: RawMetadata,
    /// What is wanted.
    pub spec: RawRouterPoolSpec,
}

/// `spec` of a RouterPool.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "RouterPoolSpec")]
pub struct RawRouterPoolSpec {
    /// ARN of the router input that feeds the outputs. At most 10 outputs are routed to one input.
    #[schemars(regex(
        pattern = r"^arn:aws[a-z-]*:mediaconnect:[a-z0-9-]+:[0-9]{12}:routerInput:[a-z0-9]{12}$"
    ))]
    pub input: String,
    /// ARN of the router network interface that the outputs push through.
    #[schemars(regex(
        pattern = r"^arn:aws[a-z-]*:mediaconnect:[a-z0-9-]+:[0-9]{12}:routerNetworkInterface:[a-z0-9]{12}$"
    ))]
    pub network_interface: String,
    /// What brings the programme to the input. Without it slotwise neither starts nor stops the input.
    pub source: Option<RawSource>,
    /// What each output is made with.
    pub output: RawOutput,
    /// How long an output is kept that is off: `24h`. Without it an output is kept until its place is needed.
    #[schemars(length(min = 1))]
    pub keep: Option<String>,
    /// When a destination on air may be interrupted for a change of its own. Others are never interrupted.
    #[serde(default)]
    pub disruption: RawDisruption,
    /// Hands off all outputs of this pool: nothing is made, started, stopped or changed.
    pub paused: Option<RawPause>,
}

/// What brings the programme to a router input.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "RouterSource")]
pub struct RawSource {
    /// Id of the MediaLive channel in front of the input, in quotes. Channel and input run while a destination is wanted.
    #[schemars(length(min = 1, max = 32), regex(pattern = r"^[A-Za-z0-9_-]+$"))]
    pub channel: String,
}

/// What a router output is made with.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "RouterOutput")]
pub struct RawOutput {
    /// The capacity that is reserved and billed.
    #[serde(default)]
    pub tier: RawTier,
    /// In bits per second, at least that of the input and at most what the tier carries.
    #[schemars(range(min = 1))]
    pub maximum_bitrate: u64,
    /// The zone of the input: `eu-central-1a`.
    #[schemars(length(min = 1))]
    pub availability_zone: Option<String>,
    /// When MediaConnect may maintain the outputs.
    pub maintenance: Option<RawMaintenance>,
}

/// Capacity of a router output, in Mbit/s.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(rename = "Tier")]
pub enum RawTier {
    #[default]
    #[serde(rename = "OUTPUT_20")]
    Output20,
    #[serde(rename = "OUTPUT_50")]
    Output50,
    #[serde(rename = "OUTPUT_100")]
    Output100,
}

/// A weekly moment for maintenance.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Maintenance")]
pub struct RawMaintenance {
    /// The day.
    pub day: RawDay,
    /// The hour, in UTC: `03:00`.
    #[schemars(regex(pattern = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"))]
    pub time: String,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(rename = "Day")]
pub enum RawDay {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// A MediaLive channel.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "PoolChannel")]
pub struct RawChannel {
    /// Id of the channel, in quotes: the last part of its ARN.
    #[schemars(length(min = 1, max = 32), regex(pattern = r"^[A-Za-z0-9_-]+$"))]
    pub id: String,
    /// Release once what the channel runs with and no Destination declares, and adopt it even so. The tag
    /// slotwise.dev/takeover says that this is used up: by the first stop, or as soon as nothing of the kind is on air on it.
    /// Setting it to false, and to true again, allows it once more.
    #[serde(default)]
    pub takeover: bool,
}

/// Which RTMP output groups of a channel are slots.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Slots")]
pub struct RawSlots {
    /// Glob on the names of RTMP output groups: those that match are slots, all others are never changed.
    #[schemars(length(min = 1, max = 255))]
    pub output_groups: String,
    /// Where a slot points while it holds no destination: an RTMP(S) URL that takes no stream. The stream name is made
    /// unique per slot.
    #[schemars(regex(pattern = r"^[Rr][Tt][Mm][Pp][Ss]?://[^\s/@?#]+/[^\s?#]+$"))]
    pub parking_url: String,
}

/// How destinations spread over channels.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize, JsonSchema)]
#[schemars(rename = "Placement")]
pub enum RawPlacement {
    /// A channel of its own for each group of destinations while there is one.
    #[default]
    Spread,
    /// As few running channels as possible.
    Pack,
}

/// What happens to a running channel without a wanted destination.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize, JsonSchema)]
#[schemars(rename = "Idle")]
pub enum RawIdle {
    /// It stops, and its other output groups (HLS, MediaPackage, archives …) end with it.
    #[default]
    Stop,
    /// It keeps running. It stops for nothing without a grant, not for an update either.
    KeepRunning,
}

/// When a channel with a wanted destination on air may be stopped for a change, and then started again.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Disruption")]
pub struct RawDisruption {
    /// Whether others may be interrupted.
    #[serde(default)]
    pub interrupt: RawInterrupt,
    /// Which changes are worth an interruption of others.
    #[serde(default = "every_cause", rename = "for")]
    pub causes: BTreeSet<RawCause>,
    /// The windows of `interrupt: Window`.
    #[serde(default)]
    pub windows: Vec<RawWindow>,
    /// How many channels may be interrupted at once.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    pub max_concurrent: u32,
}

impl Default for RawDisruption {
    fn default() -> Self {
        Self {
            interrupt: RawInterrupt::default(),
            causes: every_cause(),
            windows: Vec::new(),
            max_concurrent: one(),
        }
    }
}

fn every_cause() -> BTreeSet<RawCause> {
    BTreeSet::from([RawCause::Start, RawCause::Stop, RawCause::Retarget])
}

fn one() -> u32 {
    1
}

/// Whether others may be interrupted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(rename = "Interrupt")]
pub enum RawInterrupt {
    /// A wanted destination on air is never interrupted.
    #[default]
    Never,
    /// Within `windows` only.
    Window,
    /// Whenever it is needed.
    Anytime,
}

/// A change that may be worth an interruption of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[schemars(rename = "Cause")]
pub enum RawCause {
    /// A destination goes on air on the channel.
    Start,
    /// A destination on air is no longer wanted.
    Stop,
    /// The URL or key of a destination on air changed.
    Retarget,
}

/// A recurring stretch of time.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Window")]
pub struct RawWindow {
    /// When it opens: minute, hour, day of month, month, day of week.
    #[schemars(length(min = 1))]
    pub cron: String,
    /// How long it stays open: `30m`, `1h30m`.
    #[schemars(length(min = 1))]
    pub duration: String,
    /// The zone that `cron` is read in: `Europe/Berlin`.
    #[serde(default = "utc")]
    pub time_zone: String,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// Hands off: what is on air stays on air, what is off air stays off air.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Pause")]
pub struct RawPause {
    /// When the pause ends by itself: `2026-12-24T00:00:00Z`. Without it the pause lasts until it is removed.
    #[schemars(extend("format" = "date-time"))]
    pub until: Option<String>,
    /// The user who asked for it.
    pub by: Option<String>,
    /// Why.
    pub why: Option<String>,
}

/// `spec` of a Destination.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(
    rename = "DestinationSpec",
    extend("allOf" = [
        { "oneOf": [{ "required": ["platform"] }, { "required": ["url"] }] },
        { "oneOf": [{ "required": ["streamKeyFrom"] }, { "required": ["streamKey"] }] }
    ]),
    extend("dependentRequired" = {
        "backupUrl": ["url"],
        "username": ["url", "passwordParameter"],
        "passwordParameter": ["username"]
    })
)]
pub struct RawDestinationSpec {
    /// Name of the ChannelPool or RouterPool that carries it.
    #[schemars(length(min = 1))]
    pub pool: String,
    /// `Streaming`: on air. `Ready`: off air.
    pub state: RawState,
    /// A platform whose URLs are known. Give this or `url`.
    pub platform: Option<RawPlatform>,
    /// RTMP or RTMPS URL without the stream key: `rtmps://HOST/APP`. Give this or `platform`.
    #[schemars(regex(pattern = r"^[Rr][Tt][Mm][Pp][Ss]?://[^\s/@?#]+/[^\s#]+$"))]
    pub url: Option<String>,
    /// The same for the second pipeline of a STANDARD channel. Without it that pipeline stays parked.
    #[schemars(regex(pattern = r"^[Rr][Tt][Mm][Pp][Ss]?://[^\s/@?#]+/[^\s#]+$"))]
    pub backup_url: Option<String>,
    /// User name, for a server that asks for one. The password is kept where `passwordParameter` says.
    #[schemars(length(min = 1, max = 255), regex(pattern = r"^[^\s]+$"))]
    pub username: Option<String>,
    /// Name of the parameter in the Systems Manager Parameter Store that holds the password: `/live/wowza-password`.
    /// MediaLive reads it, slotwise does not.
    #[schemars(length(min = 1, max = 1011), regex(pattern = r"^[A-Za-z0-9_./-]+$"))]
    pub password_parameter: Option<String>,
    /// Where the stream key is kept. Exactly one of its fields.
    pub stream_key_from: Option<RawKeySource>,
    /// The stream key itself. A reader of the file can stream in your name: prefer `streamKeyFrom`.
    #[schemars(with = "Option<String>")]
    pub stream_key: Option<RawSecret>,
    /// Destinations of one group like to share a channel: they start and stop together.
    #[schemars(length(min = 1, max = 63))]
    pub group: Option<String>,
    /// Higher wins a scarce slot.
    #[serde(default)]
    pub priority: i32,
    /// `false`: never interrupt this one while it is on air, whatever the pool allows.
    #[serde(default = "yes")]
    pub interruptible: bool,
    /// The only slot that may carry it.
    pub slot: Option<RawPin>,
    /// Hands off this destination.
    pub paused: Option<RawPause>,
}

fn yes() -> bool {
    true
}

/// What the owner of a destination wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(rename = "State")]
pub enum RawState {
    /// On air.
    Streaming,
    /// Off air, and ready to be switched on.
    Ready,
}

/// Where a stream key is kept. Exactly one field.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "KeySource", extend("minProperties" = 1, "maxProperties" = 1))]
pub struct RawKeySource {
    /// An environment variable of the slotwise process.
    #[schemars(length(min = 1))]
    pub env: Option<String>,
    /// A file that holds nothing but the key; relative to the file this is written in.
    #[schemars(length(min = 1))]
    pub file: Option<String>,
    /// A parameter in the Systems Manager Parameter Store, by name or ARN: `/live/youtube`. It holds nothing but the key.
    #[schemars(length(min = 1))]
    pub ssm: Option<String>,
    /// A secret in Secrets Manager, by name or ARN: `live/youtube`. It holds nothing but the key, or JSON with the key in
    /// the field named after `#`: `live/youtube#streamKey`.
    #[schemars(length(min = 1))]
    pub secrets_manager: Option<String>,
}

/// One output group of one channel.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Pin")]
pub struct RawPin {
    /// Id of a channel of the pool, in quotes.
    #[schemars(length(min = 1))]
    pub channel: String,
    /// Name of one of its output groups.
    #[schemars(length(min = 1))]
    pub output_group: String,
}

/// A stream key as it was written.
#[derive(Debug, Clone)]
pub struct RawSecret(pub Secret);

impl<'de> Deserialize<'de> for RawSecret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Secret::new(text)))
    }
}
