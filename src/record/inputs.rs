//! [`Desired`] and [`Observed`] as they stand in a recording.
//!
//! Types of their own, as the model's hold what JSON does not know (globs, cron patterns, time zones) and secrets, which
//! must stay without any way of being written. By the time these are made, stand-ins have taken the secrets' places.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use globset::Glob;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::model::{
    Cause, ChannelClass, ChannelId, ChannelObservation, ChannelPool, ChannelState, Desired, Destination,
    DestinationName, Disruption, Endpoint, GroupName, Interrupt, Observed, ObservedChannel, ObservedGroup,
    OutputGroup, OwnerId, Pause, Pin, Placement, PoolChannel, PoolName, Returning, Secret, SlotSelector,
    StreamKey, Target, Trouble, Trust, WantedState, Window,
};

/// Something in a recording that is JSON and cannot be: somebody edited it, or it is damaged.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {why}")]
pub struct WrongInput {
    /// Where: `pool main, outputGroups`.
    what: String,
    /// Why not.
    why: String,
}

impl WrongInput {
    fn new(what: impl Into<String>, why: &impl ToString) -> Self {
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
    grants: BTreeSet<DestinationName>,
    pools: Vec<PoolDocument>,
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
    interrupt: Interrupt,
    causes: BTreeSet<Cause>,
    windows: Vec<WindowDocument>,
    max_concurrent: u32,
    paused: Option<Pause>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WindowDocument {
    cron: String,
    duration: Duration,
    time_zone: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DestinationDocument {
    name: DestinationName,
    pool: PoolName,
    state: WantedState,
    url: Arc<str>,
    backup_url: Option<Arc<str>>,
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
    returning: Returning,
    interrupted: BTreeSet<ChannelId>,
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
    groups: Vec<GroupDocument>,
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
    Unusable(String),
}

/// One endpoint of a target.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct EndpointDocument {
    url: Arc<str>,
    stream_name: Arc<str>,
}

// ── Into a recording ────────────────────────────────────────────────────────────────────────────────────────────────

impl From<&Desired> for DesiredDocument {
    fn from(desired: &Desired) -> Self {
        let Desired {
            owner,
            pools,
            destinations,
            trust,
            grants,
        } = desired;
        Self {
            owner: owner.clone(),
            trust: trust.clone(),
            grants: grants.clone(),
            pools: pools.values().map(PoolDocument::from).collect(),
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
            disruption,
            paused,
        } = pool;
        Self {
            name: name.clone(),
            channels: channels.clone(),
            output_groups: slots.output_groups.glob().glob().to_owned(),
            parking_url: Arc::clone(&slots.parking_url),
            placement: *placement,
            interrupt: disruption.interrupt,
            causes: disruption.causes.clone(),
            windows: disruption.windows.iter().map(WindowDocument::from).collect(),
            max_concurrent: disruption.max_concurrent,
            paused: paused.clone(),
        }
    }
}

impl From<&Window> for WindowDocument {
    fn from(window: &Window) -> Self {
        Self {
            cron: window.cron.as_str().to_owned(),
            duration: window.duration,
            // The one zone without a name that can be declared.
            time_zone: window.time_zone.iana_name().unwrap_or("Etc/Unknown").to_owned(),
        }
    }
}

impl From<&Destination> for DestinationDocument {
    fn from(destination: &Destination) -> Self {
        let Destination {
            name,
            pool,
            state,
            url,
            backup_url,
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
            pool,
            state,
            url,
            backup_url,
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
            returning,
            interrupted,
        } = observed;
        let documents = channels
            .iter()
            .map(|(id, one)| (id.clone(), ObservationDocument::from(one)));
        Self {
            channels: documents.collect(),
            returning: returning.clone(),
            interrupted: interrupted.clone(),
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
        // The id is the key that it stands at.
        let ObservedChannel {
            id: _,
            arn,
            name,
            class,
            state,
            owner,
            groups,
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
            groups: groups.iter().map(group).collect(),
        }
    }
}

/// The endpoints of `target`, whose keys are stand-ins.
pub(super) fn endpoints(target: &Target) -> Vec<EndpointDocument> {
    let endpoints = target.0.iter().map(|one| EndpointDocument {
        url: Arc::clone(&one.url),
        stream_name: one.stream_name.reveal().into(),
    });
    endpoints.collect()
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
        let mut destinations = BTreeMap::new();
        for one in document.destinations {
            if !pools.contains_key(&one.pool) {
                let why = format!("the recording has no pool {}", one.pool);
                return Err(WrongInput::new(format!("destination {}", one.name), &why));
            }
            destinations.insert(one.name.clone(), Arc::new(Destination::from(one)));
        }
        Ok(Self {
            owner: document.owner,
            pools,
            destinations,
            trust: document.trust,
            grants: document.grants,
        })
    }
}

impl TryFrom<PoolDocument> for ChannelPool {
    type Error = WrongInput;

    fn try_from(document: PoolDocument) -> Result<Self, WrongInput> {
        let place = |field: &str| format!("pool {}, {field}", document.name);
        let glob = Glob::new(&document.output_groups)
            .map_err(|error| WrongInput::new(place("outputGroups"), &error))?;
        let windows = document
            .windows
            .into_iter()
            .map(|window| {
                Ok(Window {
                    cron: window
                        .cron
                        .parse()
                        .map_err(|error| WrongInput::new(place("cron"), &error))?,
                    duration: window.duration,
                    time_zone: TimeZone::get(&window.time_zone)
                        .map_err(|error| WrongInput::new(place("timeZone"), &error))?,
                })
            })
            .collect::<Result<_, WrongInput>>()?;
        Ok(Self {
            slots: SlotSelector {
                output_groups: glob.compile_matcher(),
                parking_url: document.parking_url,
            },
            disruption: Disruption {
                interrupt: document.interrupt,
                causes: document.causes,
                windows,
                max_concurrent: document.max_concurrent,
            },
            name: document.name,
            channels: document.channels,
            placement: document.placement,
            paused: document.paused,
        })
    }
}

impl From<DestinationDocument> for Destination {
    fn from(document: DestinationDocument) -> Self {
        let DestinationDocument {
            name,
            pool,
            state,
            url,
            backup_url,
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
            pool,
            state,
            url,
            backup_url,
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
            returning: document.returning,
            interrupted: document.interrupted,
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
            groups: Arc::new(self.groups.into_iter().map(group).collect()),
            trouble: self.trouble,
        }
    }
}

fn target(endpoints: Vec<EndpointDocument>) -> Target {
    let endpoints = endpoints.into_iter();
    Target(
        endpoints
            .map(|one| Endpoint::new(one.url, Secret::new(one.stream_name)))
            .collect(),
    )
}
