//! What was seen of the channels.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::tag::{
    SLOT_TAG_PREFIX, STARTED_TAG, SlotTag, TAGS_MAX, TAKEOVER_TAG, TakeoverTag, TargetDigest, slot_tag_key,
};
use super::{ChannelId, DestinationName, Endpoint, ObservedRouters, OutputGroup, OwnerId, SlotId, Target};

/// What was seen of the account, with what this controller remembers about its own running work.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// An entry for every channel that a pool names, and for every other owned one that may be on air.
    pub channels: BTreeMap<ChannelId, ChannelObservation>,
    /// The endpoints that may be on air on any other channel of the account and region, of any owner; and on a channel that
    /// could not be read, as far as they are known.
    pub elsewhere: BTreeMap<ChannelId, BTreeSet<Endpoint>>,
    /// Whether slot tags can be written.
    pub recording: Recording,
    /// Whether the tags of takeovers can be written and removed.
    pub takeovers: Recording,
    /// Destinations that this controller took off air for a moment: each comes back to its own slot. Lost on a
    /// crash, which costs no more than the certainty of the same slot.
    pub returning: Returning,
    /// Channels with a wanted destination that this controller took off air and that is not back on air on any channel, also
    /// where the channel failed to start again. They count in `maxConcurrent`. Lost on a crash.
    pub interrupted: BTreeSet<ChannelId>,
    /// Channels that this controller stopped to start them again, and that have not run since. Lost on a crash.
    pub restarting: BTreeSet<ChannelId>,
    /// Destinations whose target MediaLive refused to write into a slot, as long as they are declared so. Lost on a crash,
    /// which costs one more try.
    pub refused: BTreeMap<DestinationName, Refused>,
    /// What was seen of the routers of MediaConnect; empty where no RouterPool is declared.
    pub routers: ObservedRouters,
}

/// What MediaLive said when a slot was to be pointed at a destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    /// Its answer, one sentence without secrets.
    pub what: String,
    /// Whether it may be tried again, on a channel that nobody is on air on.
    pub may_try: bool,
    /// Whether the update is not allowed, so that any other one fails as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub denied: bool,
}

/// Whether something can be recorded in tags: what slots hold, or how far takeovers have come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Recording {
    /// As far as is known.
    #[default]
    Allowed,
    /// MediaLive refused it: slotwise continues without. A takeover waits.
    Denied {
        /// What it said, one sentence without secrets.
        why: String,
    },
}

/// By interrupted destination: the slot that it comes back to.
pub type Returning = BTreeMap<DestinationName, SlotId>;

/// One channel that a pool names, as far as it could be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelObservation {
    /// Seen whole.
    Seen(Box<ObservedChannel>),
    /// MediaLive knows no such channel, or only its tombstone.
    Missing,
    /// MediaLive did not say. Nothing is planned for it.
    Unreadable {
        /// What went wrong, one sentence without secrets.
        why: String,
    },
}

impl ChannelObservation {
    /// The channel, where it was seen.
    pub fn seen(&self) -> Option<&ObservedChannel> {
        match self {
            Self::Seen(channel) => Some(channel),
            Self::Missing | Self::Unreadable { .. } => None,
        }
    }
}

/// A channel as it was last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedChannel {
    /// Its id.
    pub id: ChannelId,
    /// Its ARN, for its tags.
    pub arn: Arc<str>,
    /// Its name, for display. Not unique.
    pub name: Arc<str>,
    /// One or two pipelines.
    pub class: ChannelClass,
    /// Its state.
    pub state: ChannelState,
    /// The value of its owner tag.
    pub owner: Option<OwnerId>,
    /// Its tags, as far as they are of slots or of its takeover.
    pub tags: Arc<ChannelTags>,
    /// Every RTMP output group, in the channel's order. Those whose name the pool's glob matches and that are
    /// usable are the slots. Shared between the looks that show the same.
    pub groups: Arc<Vec<ObservedGroup>>,
    /// Every other output group, in the channel's order: they end with the channel.
    pub others: Arc<[OtherGroup]>,
    /// Targets of its other destinations, not of groups that can be slots.
    pub stray_endpoints: Arc<[Endpoint]>,
    /// Failures in a row, as this controller counts them.
    pub trouble: Option<Trouble>,
}

impl ObservedChannel {
    /// Its groups, to be changed here and not in shared copies.
    pub fn groups_mut(&mut self) -> &mut Vec<ObservedGroup> {
        Arc::make_mut(&mut self.groups)
    }

    /// Its tags, to be changed here and not in shared copies.
    pub fn tags_mut(&mut self) -> &mut ChannelTags {
        Arc::make_mut(&mut self.tags)
    }

    /// The slot that is its output group of this name.
    pub fn slot(&self, output_group: &OutputGroup) -> SlotId {
        SlotId::new(self.id.clone(), output_group.clone())
    }

    /// What is recorded of a group, if that is still what it points at: with any other target a tag proves nothing.
    pub fn recorded(&self, owner: &OwnerId, group: &ObservedGroup) -> Option<SlotTag> {
        let tag = self.tags.of(&group.name)?;
        let target = group.target.as_ref().ok()?;
        let digest = TargetDigest::of(owner, &self.slot(&group.name), target);
        (tag.digest == digest).then_some(tag)
    }

    /// Keys of slot tags whose output group is missing.
    pub fn tags_without_group(&self) -> Vec<Arc<str>> {
        let keys: BTreeSet<String> = self
            .groups
            .iter()
            .map(|group| slot_tag_key(&group.name))
            .collect();
        let tags = self.tags.slots.keys();
        tags.filter(|key| !keys.contains(&***key)).cloned().collect()
    }
}

/// The tags of a channel, as far as they are of slots, of its takeover, or of its start as a source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChannelTags {
    /// Those that begin with [`SLOT_TAG_PREFIX`], by key, as they are.
    pub slots: BTreeMap<Arc<str>, Arc<str>>,
    /// [`TAKEOVER_TAG`], where it is there.
    pub takeover: Option<TakeoverTag>,
    /// The value of [`STARTED_TAG`], where it is there: the owner that started it as the source of a RouterPool.
    pub started: Option<OwnerId>,
    /// How many tags the channel has in all, slotwise's and others.
    pub count: usize,
}

impl ChannelTags {
    /// Of all tags of a channel.
    pub fn of_all<'t>(tags: impl IntoIterator<Item = (&'t str, &'t str)>) -> Self {
        let mut found = Self::default();
        for (key, value) in tags {
            found.count += 1;
            if key.starts_with(SLOT_TAG_PREFIX) {
                found.slots.insert(key.into(), value.into());
            } else if key == TAKEOVER_TAG {
                found.takeover = Some(TakeoverTag::parse(value));
            } else if key == STARTED_TAG {
                found.started = Some(OwnerId::new(value));
            }
        }
        found
    }

    /// The tag of an output group, whether it still fits or not.
    pub fn of(&self, output_group: &OutputGroup) -> Option<SlotTag> {
        SlotTag::parse(self.slots.get(&*slot_tag_key(output_group))?)
    }

    /// Whether an output group has a tag, readable or not.
    pub fn is_named(&self, output_group: &OutputGroup) -> bool {
        self.slots.contains_key(&*slot_tag_key(output_group))
    }

    /// Sets the tag of an output group.
    pub fn set(&mut self, output_group: &OutputGroup, tag: &SlotTag) {
        let value = tag.to_string().into();
        let is_new = self
            .slots
            .insert(slot_tag_key(output_group).into(), value)
            .is_none();
        self.count += usize::from(is_new);
    }

    /// Sets the tag of the takeover.
    pub fn set_takeover(&mut self, tag: TakeoverTag) {
        let is_new = self.takeover.replace(tag).is_none();
        self.count += usize::from(is_new);
    }

    /// Whether a tag of these is there, by its key.
    pub fn has(&self, key: &str) -> bool {
        self.slots.contains_key(key)
            || key == TAKEOVER_TAG && self.takeover.is_some()
            || key == STARTED_TAG && self.started.is_some()
    }

    /// Removes a tag of these by its key.
    pub fn remove(&mut self, key: &str) {
        self.count -= usize::from(self.has(key));
        self.slots.remove(key);
        if key == TAKEOVER_TAG {
            self.takeover = None;
        } else if key == STARTED_TAG {
            self.started = None;
        }
    }

    /// Whether tags for these output groups would fit beside those that are there, with one for the owner if that is new.
    pub fn has_room_for<'g>(
        &self,
        groups: impl IntoIterator<Item = &'g OutputGroup>,
        new_owner: bool,
    ) -> bool {
        let is_new = |group: &&OutputGroup| !self.slots.contains_key(&*slot_tag_key(group));
        let more = groups.into_iter().filter(is_new).count() + usize::from(new_owner);
        self.count + more <= TAGS_MAX
    }
}

/// An output group that is no RTMP group: it ends with its channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OtherGroup {
    /// Its name; may be empty.
    pub name: Arc<str>,
    /// What it is, in the service's words: `hlsGroupSettings` is `HLS`.
    pub kind: Arc<str>,
}

impl ObservedChannel {
    /// Its RTMP output groups that cannot be slots, and why: each name and each reason once.
    pub fn no_slots(&self) -> Vec<(OutputGroup, NoSlot)> {
        let mut no_slots: Vec<(OutputGroup, NoSlot)> = Vec::new();
        for group in self.groups.iter() {
            if let Err(why) = &group.target {
                let one = (group.name.clone(), why.clone());
                if !no_slots.contains(&one) {
                    no_slots.push(one);
                }
            }
        }
        no_slots
    }
}

/// An RTMP output group of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedGroup {
    /// Its name, unique within the channel.
    pub name: OutputGroup,
    /// What it points at; or, for a group that cannot be a slot, why not.
    pub target: Result<Target, NoSlot>,
}

/// Why an RTMP output group cannot be a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
pub enum NoSlot {
    /// CDK and Terraform definitions may leave the name out.
    #[error("it has no name")]
    NoName,
    /// Two groups of one name are indistinguishable.
    #[error("another output group has the same name")]
    NameTwice,
    /// A slot has one output.
    #[error("it has {0} outputs; a slot has one")]
    Outputs(usize),
    /// Its output refers to no destination.
    #[error("its output refers to no destination")]
    NoReference,
    /// Another output would be pointed elsewhere with it.
    #[error("it shares destination {0} with another output")]
    SharedDestination(String),
    /// Its output refers to a destination that the channel does not have.
    #[error("the channel has no destination {0}")]
    NoDestination(String),
    /// Its destination has more or fewer settings than the channel has pipelines.
    #[error("its destination has {found} settings; the channel's class needs {needed}")]
    Settings {
        /// Settings of the destination.
        found: usize,
        /// Pipelines of the channel.
        needed: usize,
    },
    /// Its destination has a form that did not exist when this was written.
    #[error("its destination has an unknown form")]
    UnknownForm,
}

impl NoSlot {
    /// What to do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::NoName => "RTMP output groups without a name cannot be slots: give each a name",
            Self::NameTwice => "give each output group a name of its own",
            Self::Outputs(_) => "give each output an output group of its own",
            Self::NoReference | Self::NoDestination(_) => "give its output a destination of the channel",
            Self::SharedDestination(_) => "give each output a destination of its own",
            Self::Settings { .. } => "give its destination one setting for each pipeline of the channel",
            Self::UnknownForm => "give its destination `settings` with url and streamName",
        }
    }
}

/// Failures in a row on one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trouble {
    /// How many of them concern the channel: throttling, for example, does not.
    pub failures: u32,
    /// All of them in a row, throttling as well.
    #[serde(default)]
    pub attempts: u32,
    /// No step is taken before this moment.
    pub retry_at: Timestamp,
    /// What failed last, one sentence without secrets.
    pub what: String,
}

/// `ChannelClass` of MediaLive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ChannelClass {
    /// One pipeline: one endpoint per slot.
    SinglePipeline,
    /// Two pipelines: two endpoints per slot.
    Standard,
}

impl ChannelClass {
    /// How many endpoints a slot has.
    pub fn pipelines(self) -> usize {
        match self {
            Self::SinglePipeline => 1,
            Self::Standard => 2,
        }
    }
}

impl fmt::Display for ChannelClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::SinglePipeline => "SINGLE_PIPELINE",
            Self::Standard => "STANDARD",
        })
    }
}

/// `ChannelState` of MediaLive (botocore service model), and one for what it may add.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ChannelState {
    /// Being made.
    Creating,
    /// Making it failed.
    CreateFailed,
    /// Stopped: the only state in which a channel may be changed.
    Idle,
    /// On its way to running.
    Starting,
    /// Running.
    Running,
    /// Running, with a pipeline that MediaLive restarts.
    Recovering,
    /// On its way to idle.
    Stopping,
    /// Being deleted.
    Deleting,
    /// Gone; what answers is the tombstone.
    Deleted,
    /// Being changed.
    Updating,
    /// Changing it failed.
    UpdateFailed,
    /// A state that did not exist when this was written: never acted upon.
    Unknown,
}

impl ChannelState {
    /// Every state, for tests and completeness.
    pub const ALL: [Self; 12] = [
        Self::Creating,
        Self::CreateFailed,
        Self::Idle,
        Self::Starting,
        Self::Running,
        Self::Recovering,
        Self::Stopping,
        Self::Deleting,
        Self::Deleted,
        Self::Updating,
        Self::UpdateFailed,
        Self::Unknown,
    ];

    /// The state named `text` on the wire.
    pub fn from_wire(text: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .unwrap_or(Self::Unknown)
    }

    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::CreateFailed => "CREATE_FAILED",
            Self::Idle => "IDLE",
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Recovering => "RECOVERING",
            Self::Stopping => "STOPPING",
            Self::Deleting => "DELETING",
            Self::Deleted => "DELETED",
            Self::Updating => "UPDATING",
            Self::UpdateFailed => "UPDATE_FAILED",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// Whether what it carries is, or is about to be, on air: RUNNING, STARTING, RECOVERING.
    pub fn is_running(self) -> bool {
        matches!(self, Self::Starting | Self::Running | Self::Recovering)
    }

    /// Whether what it carries may still, or already, be published: all but those in which a channel is known to publish
    /// nothing. A channel that is STOPPING publishes until it is IDLE.
    pub fn may_publish(self) -> bool {
        matches!(
            self,
            Self::Starting | Self::Running | Self::Recovering | Self::Stopping | Self::Unknown
        )
    }

    /// Whether it is stopped, so that it may be updated and started: IDLE, UPDATE_FAILED.
    pub fn is_stopped(self) -> bool {
        matches!(self, Self::Idle | Self::UpdateFailed)
    }

    /// Whether it is on its way to another state without our doing, so that one waits and looks again.
    pub fn is_transition(self) -> bool {
        matches!(
            self,
            Self::Creating | Self::Starting | Self::Stopping | Self::Updating | Self::Deleting
        )
    }
}

impl fmt::Display for ChannelState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_is_on_air_changeable_or_in_transition() {
        let of = |state: ChannelState| (state.is_running(), state.is_stopped(), state.is_transition());
        for (state, expected) in [
            ("IDLE", (false, true, false)),
            ("UPDATE_FAILED", (false, true, false)),
            ("RUNNING", (true, false, false)),
            ("RECOVERING", (true, false, false)),
            ("STARTING", (true, false, true)),
            ("STOPPING", (false, false, true)),
            ("UPDATING", (false, false, true)),
            ("CREATING", (false, false, true)),
            ("DELETING", (false, false, true)),
            ("CREATE_FAILED", (false, false, false)),
            ("DELETED", (false, false, false)),
            ("what MediaLive adds", (false, false, false)),
        ] {
            assert_eq!(of(ChannelState::from_wire(state)), expected, "{state}");
        }
    }

    #[test]
    fn a_class_reads_as_on_the_wire() {
        assert_eq!(ChannelClass::SinglePipeline.to_string(), "SINGLE_PIPELINE");
        assert_eq!(ChannelClass::Standard.to_string(), "STANDARD");
    }
}
