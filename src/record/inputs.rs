//! [`Desired`] and [`Observed`] as a recording holds them.
//!
//! Types of their own, as the model's hold what JSON does not know (globs, cron patterns, time zones) and secrets, which
//! must stay without any way of being written. By the time these are made, stand-ins have taken the secrets' places.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use globset::Glob;
use serde::{Deserialize, Serialize};

use super::disruption::{WindowDocument, disruption};
use super::routers::RoutersDocument;
use crate::model::tag::TakeoverTag;
use crate::model::{
    Cause, ChannelClass, ChannelId, ChannelObservation, ChannelPool, ChannelState, ChannelTags, Desired,
    Destination, DestinationName, Endpoint, GroupName, Identity, Idle, Interrupt, Login, NoSlot, Observed,
    ObservedChannel, ObservedGroup, OtherGroup, OutputGroup, OwnerId, Pause, Pin, Placement, PoolChannel,
    PoolName, Recording, Refused, Returning, RouterArn, RouterPool, RouterSettings, Secret, SlotId,
    SlotSelector, StreamKey, Target, Trouble, Trust, WantedState,
};

/// Valid JSON in a recording that has no meaning there: it was edited, or is damaged.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {why}")]
pub struct WrongInput {
    /// Where: `pool main, outputGroups`.
    what: String,
    /// Why not.
    why: String,
}

impl WrongInput {
    pub(super) fn new(what: impl Into<String>, why: &impl ToString) -> Self {
        Self {
            what: what.into(),
            why: why.to_string(),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DesiredDocument {
    owner: OwnerId,
    trust: Trust,
    set_aside: BTreeSet<Identity>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    kept: BTreeSet<SlotId>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    kept_outputs: BTreeSet<RouterArn>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    seen_declared: BTreeSet<Identity>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    seen_pools: BTreeSet<PoolName>,
    grants: BTreeSet<DestinationName>,
    pools: Vec<PoolDocument>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    routers: Vec<RouterPoolDocument>,
    destinations: Vec<DestinationDocument>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PoolDocument {
    name: PoolName,
    channels: Vec<PoolChannel>,
    output_groups: String,
    parking_url: Arc<str>,
    placement: Placement,
    idle: Idle,
    interrupt: Interrupt,
    causes: BTreeSet<Cause>,
    windows: Vec<WindowDocument>,
    max_concurrent: u32,
    paused: Option<Pause>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RouterPoolDocument {
    name: PoolName,
    input: RouterArn,
    network_interface: RouterArn,
    source: Option<ChannelId>,
    settings: RouterSettings,
    keep: Option<Duration>,
    interrupt: Interrupt,
    causes: BTreeSet<Cause>,
    windows: Vec<WindowDocument>,
    max_concurrent: u32,
    paused: Option<Pause>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DestinationDocument {
    name: DestinationName,
    identity: Identity,
    pool: PoolName,
    state: WantedState,
    url: Arc<str>,
    backup_url: Option<Arc<str>>,
    is_preset: bool,
    login: Option<LoginDocument>,
    key: KeyDocument,
    group: Option<GroupName>,
    priority: i32,
    interruptible: bool,
    pin: Option<Pin>,
    paused: Option<Pause>,
    generation: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum KeyDocument {
    StandIn(Arc<str>),
    Unavailable { reference: String, why: String },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ObservedDocument {
    channels: BTreeMap<ChannelId, ObservationDocument>,
    elsewhere: BTreeMap<ChannelId, Vec<EndpointDocument>>,
    recording: Recording,
    #[serde(default, skip_serializing_if = "is_allowed")]
    takeovers: Recording,
    returning: Returning,
    interrupted: BTreeSet<ChannelId>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    restarting: BTreeSet<ChannelId>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    refused: BTreeMap<DestinationName, Refused>,
    #[serde(default, skip_serializing_if = "RoutersDocument::is_empty")]
    routers: RoutersDocument,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum ObservationDocument {
    Seen(ChannelDocument),
    Missing,
    Unreadable { why: String },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ChannelDocument {
    arn: Arc<str>,
    name: Arc<str>,
    class: ChannelClass,
    state: ChannelState,
    owner: Option<OwnerId>,
    trouble: Option<Trouble>,
    tags: BTreeMap<Arc<str>, Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    takeover: Option<TakeoverTag>,
    tag_count: usize,
    groups: Vec<GroupDocument>,
    others: Arc<[OtherGroup]>,
    stray_endpoints: Vec<EndpointDocument>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GroupDocument {
    name: OutputGroup,
    target: TargetDocument,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum TargetDocument {
    Endpoints(Vec<EndpointDocument>),
    Unusable(NoSlot),
}

/// One endpoint of a target.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct EndpointDocument {
    url: Arc<str>,
    stream_name: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    login: Option<LoginDocument>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LoginDocument {
    username: Arc<str>,
    password_parameter: Arc<str>,
}

impl From<Login> for LoginDocument {
    fn from(login: Login) -> Self {
        Self {
            username: login.username,
            password_parameter: login.password_parameter,
        }
    }
}

impl From<LoginDocument> for Login {
    fn from(document: LoginDocument) -> Self {
        Self {
            username: document.username,
            password_parameter: document.password_parameter,
        }
    }
}

impl From<&Endpoint> for EndpointDocument {
    /// Of an endpoint whose key is a stand-in.
    fn from(endpoint: &Endpoint) -> Self {
        Self {
            url: Arc::clone(&endpoint.url),
            stream_name: endpoint.stream_name.reveal().into(),
            login: endpoint.login.clone().map(LoginDocument::from),
        }
    }
}

impl From<EndpointDocument> for Endpoint {
    fn from(document: EndpointDocument) -> Self {
        Self::new(document.url, Secret::new(document.stream_name)).with_login(document.login.map(Login::from))
    }
}

// ── Into a recording ────────────────────────────────────────────────────────────────────────────────────────────────

impl From<&Desired> for DesiredDocument {
    fn from(desired: &Desired) -> Self {
        let Desired {
            owner,
            pools,
            routers,
            destinations,
            trust,
            set_aside,
            kept,
            kept_outputs,
            seen_declared,
            seen_pools,
            grants,
        } = desired;
        Self {
            owner: owner.clone(),
            trust: trust.clone(),
            set_aside: set_aside.clone(),
            kept: kept.clone(),
            kept_outputs: kept_outputs.clone(),
            seen_declared: seen_declared.clone(),
            seen_pools: seen_pools.clone(),
            grants: grants.clone(),
            pools: pools.values().map(PoolDocument::from).collect(),
            routers: routers.values().map(RouterPoolDocument::from).collect(),
            destinations: destinations
                .values()
                .map(|one| DestinationDocument::from(one.as_ref()))
                .collect(),
        }
    }
}

impl From<&ChannelPool> for PoolDocument {
    fn from(pool: &ChannelPool) -> Self {
        let ChannelPool {
            name,
            channels,
            slots,
            placement,
            idle,
            disruption,
            paused,
        } = pool;
        Self {
            name: name.clone(),
            channels: channels.clone(),
            output_groups: slots.output_groups.glob().glob().to_owned(),
            parking_url: Arc::clone(&slots.parking_url),
            placement: *placement,
            idle: *idle,
            interrupt: disruption.interrupt,
            causes: disruption.causes.clone(),
            windows: disruption.windows.iter().map(WindowDocument::from).collect(),
            max_concurrent: disruption.max_concurrent,
            paused: paused.clone(),
        }
    }
}

impl From<&RouterPool> for RouterPoolDocument {
    fn from(pool: &RouterPool) -> Self {
        let RouterPool {
            name,
            input,
            network_interface,
            source,
            settings,
            keep,
            disruption,
            paused,
        } = pool;
        Self {
            name: name.clone(),
            input: input.clone(),
            network_interface: network_interface.clone(),
            source: source.clone(),
            settings: settings.clone(),
            keep: *keep,
            interrupt: disruption.interrupt,
            causes: disruption.causes.clone(),
            windows: disruption.windows.iter().map(WindowDocument::from).collect(),
            max_concurrent: disruption.max_concurrent,
            paused: paused.clone(),
        }
    }
}

impl From<&Destination> for DestinationDocument {
    fn from(destination: &Destination) -> Self {
        let Destination {
            name,
            identity,
            pool,
            state,
            url,
            backup_url,
            is_preset,
            login,
            key,
            group,
            priority,
            interruptible,
            pin,
            paused,
            generation,
        } = destination.clone();
        Self {
            name,
            identity,
            pool,
            state,
            url,
            backup_url,
            is_preset,
            login: login.map(LoginDocument::from),
            key: match key {
                StreamKey::Known(stand_in) => KeyDocument::StandIn(stand_in.reveal().into()),
                StreamKey::Unavailable { reference, why } => KeyDocument::Unavailable { reference, why },
            },
            group,
            priority,
            interruptible,
            pin,
            paused,
            generation,
        }
    }
}

impl From<&Observed> for ObservedDocument {
    fn from(observed: &Observed) -> Self {
        let Observed {
            channels,
            elsewhere,
            recording,
            takeovers,
            returning,
            interrupted,
            restarting,
            refused,
            routers,
        } = observed;
        let documents = channels
            .iter()
            .map(|(id, one)| (id.clone(), ObservationDocument::from(one)));
        Self {
            channels: documents.collect(),
            elsewhere: elsewhere
                .iter()
                .map(|(id, some)| (id.clone(), some.iter().map(EndpointDocument::from).collect()))
                .collect(),
            recording: recording.clone(),
            takeovers: takeovers.clone(),
            returning: returning.clone(),
            interrupted: interrupted.clone(),
            restarting: restarting.clone(),
            refused: refused.clone(),
            routers: RoutersDocument::from(routers),
        }
    }
}

impl From<&ChannelObservation> for ObservationDocument {
    fn from(observation: &ChannelObservation) -> Self {
        match observation {
            ChannelObservation::Seen(channel) => Self::Seen(channel.as_ref().into()),
            ChannelObservation::Missing => Self::Missing,
            ChannelObservation::Unreadable { why } => Self::Unreadable { why: why.clone() },
        }
    }
}

impl From<&ObservedChannel> for ChannelDocument {
    fn from(channel: &ObservedChannel) -> Self {
        // The id is its key in the map.
        let ObservedChannel {
            id: _,
            arn,
            name,
            class,
            state,
            owner,
            tags,
            groups,
            others,
            stray_endpoints,
            trouble,
        } = channel.clone();
        let group = |group: &ObservedGroup| GroupDocument {
            name: group.name.clone(),
            target: match &group.target {
                Ok(target) => TargetDocument::Endpoints(endpoints(target)),
                Err(why) => TargetDocument::Unusable(why.clone()),
            },
        };
        Self {
            arn,
            name,
            class,
            state,
            owner,
            trouble,
            tags: tags.slots.clone(),
            takeover: tags.takeover,
            tag_count: tags.count,
            groups: groups.iter().map(group).collect(),
            others,
            stray_endpoints: stray_endpoints.iter().map(EndpointDocument::from).collect(),
        }
    }
}

/// The endpoints of `target`, whose keys are stand-ins.
pub(super) fn endpoints(target: &Target) -> Vec<EndpointDocument> {
    target.0.iter().map(EndpointDocument::from).collect()
}

// ── Out of a recording ──────────────────────────────────────────────────────────────────────────────────────────────

impl TryFrom<DesiredDocument> for Desired {
    type Error = WrongInput;

    fn try_from(document: DesiredDocument) -> Result<Self, WrongInput> {
        let pools: BTreeMap<PoolName, ChannelPool> = document
            .pools
            .into_iter()
            .map(|pool| Ok((pool.name.clone(), pool.try_into()?)))
            .collect::<Result<_, WrongInput>>()?;
        let routers: BTreeMap<PoolName, RouterPool> = document
            .routers
            .into_iter()
            .map(|pool| Ok((pool.name.clone(), pool.try_into()?)))
            .collect::<Result<_, WrongInput>>()?;
        let mut destinations = BTreeMap::new();
        for one in document.destinations {
            if !pools.contains_key(&one.pool) && !routers.contains_key(&one.pool) {
                let why = format!("the recording has no pool {}", one.pool);
                return Err(WrongInput::new(format!("destination {}", one.name), &why));
            }
            destinations.insert(one.name.clone(), Arc::new(Destination::from(one)));
        }
        Ok(Self {
            owner: document.owner,
            pools,
            routers,
            destinations,
            trust: document.trust,
            set_aside: document.set_aside,
            kept: document.kept,
            kept_outputs: document.kept_outputs,
            seen_declared: document.seen_declared,
            seen_pools: document.seen_pools,
            grants: document.grants,
        })
    }
}

impl TryFrom<RouterPoolDocument> for RouterPool {
    type Error = WrongInput;

    fn try_from(document: RouterPoolDocument) -> Result<Self, WrongInput> {
        let place = |field: &str| format!("pool {}, {field}", document.name);
        let disruption = disruption(
            (document.interrupt, document.causes),
            document.windows,
            document.max_concurrent,
            &place,
        )?;
        Ok(Self {
            disruption,
            name: document.name,
            input: document.input,
            network_interface: document.network_interface,
            source: document.source,
            settings: document.settings,
            keep: document.keep,
            paused: document.paused,
        })
    }
}

impl TryFrom<PoolDocument> for ChannelPool {
    type Error = WrongInput;

    fn try_from(document: PoolDocument) -> Result<Self, WrongInput> {
        let place = |field: &str| format!("pool {}, {field}", document.name);
        let glob = Glob::new(&document.output_groups)
            .map_err(|error| WrongInput::new(place("outputGroups"), &error))?;
        let disruption = disruption(
            (document.interrupt, document.causes),
            document.windows,
            document.max_concurrent,
            &place,
        )?;
        Ok(Self {
            slots: SlotSelector {
                output_groups: glob.compile_matcher(),
                parking_url: document.parking_url,
            },
            disruption,
            name: document.name,
            channels: document.channels,
            placement: document.placement,
            idle: document.idle,
            paused: document.paused,
        })
    }
}

impl From<DestinationDocument> for Destination {
    fn from(document: DestinationDocument) -> Self {
        let DestinationDocument {
            name,
            identity,
            pool,
            state,
            url,
            backup_url,
            is_preset,
            login,
            key,
            group,
            priority,
            interruptible,
            pin,
            paused,
            generation,
        } = document;
        Self {
            name,
            identity,
            pool,
            state,
            url,
            backup_url,
            is_preset,
            login: login.map(Login::from),
            key: match key {
                KeyDocument::StandIn(stand_in) => StreamKey::Known(Secret::new(stand_in)),
                KeyDocument::Unavailable { reference, why } => StreamKey::Unavailable { reference, why },
            },
            group,
            priority,
            interruptible,
            pin,
            paused,
            generation,
        }
    }
}

impl From<ObservedDocument> for Observed {
    fn from(document: ObservedDocument) -> Self {
        let channels = document.channels.into_iter();
        Self {
            channels: channels
                .map(|(id, one)| (id.clone(), one.observation(id)))
                .collect(),
            elsewhere: document
                .elsewhere
                .into_iter()
                .map(|(id, some)| (id, some.into_iter().map(Endpoint::from).collect()))
                .collect(),
            recording: document.recording,
            takeovers: document.takeovers,
            returning: document.returning,
            interrupted: document.interrupted,
            restarting: document.restarting,
            refused: document.refused,
            routers: document.routers.into(),
        }
    }
}

impl ObservationDocument {
    fn observation(self, id: ChannelId) -> ChannelObservation {
        match self {
            Self::Seen(channel) => ChannelObservation::Seen(Box::new(channel.channel(id))),
            Self::Missing => ChannelObservation::Missing,
            Self::Unreadable { why } => ChannelObservation::Unreadable { why },
        }
    }
}

impl ChannelDocument {
    fn channel(self, id: ChannelId) -> ObservedChannel {
        let group = |group: GroupDocument| ObservedGroup {
            name: group.name,
            target: match group.target {
                TargetDocument::Endpoints(endpoints) => Ok(target(endpoints)),
                TargetDocument::Unusable(why) => Err(why),
            },
        };
        ObservedChannel {
            id,
            arn: self.arn,
            name: self.name,
            class: self.class,
            state: self.state,
            owner: self.owner,
            tags: Arc::new(ChannelTags {
                slots: self.tags,
                takeover: self.takeover,
                started: None,
                count: self.tag_count,
            }),
            groups: Arc::new(self.groups.into_iter().map(group).collect()),
            others: self.others,
            stray_endpoints: self.stray_endpoints.into_iter().map(Endpoint::from).collect(),
            trouble: self.trouble,
        }
    }
}

fn is_allowed(recording: &Recording) -> bool {
    *recording == Recording::Allowed
}

fn target(endpoints: Vec<EndpointDocument>) -> Target {
    Target(endpoints.into_iter().map(Endpoint::from).collect())
}
