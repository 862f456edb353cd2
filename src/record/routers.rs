//! What was seen of the routers of MediaConnect, as a recording has it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::inputs::EndpointDocument;
use crate::model::{
    ChannelId, DestinationName, Endpoint, Identity, InputState, MaintenanceWindow, ObservedRouters,
    OutputRecord, OutputState, OwnerId, PoolName, RouteState, RouterArn, RouterInput, RouterOutput,
    RouterQuota, RouterSettings, SourceObservation, TargetDigest, Trouble, Unreadable,
};

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RoutersDocument {
    outputs: BTreeMap<RouterArn, OutputDocument>,
    inputs: BTreeMap<RouterArn, InputDocument>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    sources: BTreeMap<ChannelId, SourceObservation>,
    is_complete: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unreadable: Option<String>,
    /// The IAM action for want of which they could not be looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    denied: Option<String>,
    quota: RouterQuota,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    returning: BTreeSet<Identity>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    not_made: BTreeMap<DestinationName, Trouble>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OutputDocument {
    name: Arc<str>,
    state: OutputState,
    route: RouteState,
    input: Option<RouterArn>,
    owner: Option<OwnerId>,
    record: Option<RecordDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    interface: Option<RouterArn>,
    target: Option<EndpointDocument>,
    settings: RouterSettings,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    messages: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    maintenance: Option<MaintenanceWindow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trouble: Option<Trouble>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RecordDocument {
    pool: PoolName,
    identity: Identity,
    digest: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    released: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    kept: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    off_since: Option<Timestamp>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct InputDocument {
    state: InputState,
    is_ours_to_stop: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channel: Option<ChannelId>,
    #[serde(default)]
    routed_outputs: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trouble: Option<Trouble>,
}

impl RoutersDocument {
    /// Nothing was asked of MediaConnect.
    pub(super) fn is_empty(&self) -> bool {
        let is_seen = self.is_complete || self.unreadable.is_some();
        self.outputs.is_empty() && self.inputs.is_empty() && !is_seen
    }
}

impl From<&ObservedRouters> for RoutersDocument {
    fn from(observed: &ObservedRouters) -> Self {
        let ObservedRouters {
            outputs,
            inputs,
            sources,
            is_complete,
            unreadable,
            quota,
            returning,
            not_made,
        } = observed;
        let outputs = outputs.iter();
        let input = |input: &RouterInput| InputDocument {
            state: input.state,
            is_ours_to_stop: input.is_ours_to_stop,
            channel: input.channel.clone(),
            routed_outputs: input.routed_outputs,
            trouble: input.trouble.clone(),
        };
        Self {
            outputs: outputs
                .map(|(arn, output)| (arn.clone(), OutputDocument::from(output)))
                .collect(),
            inputs: inputs
                .iter()
                .map(|(arn, one)| (arn.clone(), input(one)))
                .collect(),
            sources: sources.clone(),
            is_complete: *is_complete,
            unreadable: unreadable.as_ref().map(|unreadable| unreadable.why.clone()),
            denied: unreadable
                .as_ref()
                .and_then(|unreadable| unreadable.denied.clone()),
            quota: *quota,
            returning: returning.clone(),
            not_made: not_made.clone(),
        }
    }
}

impl From<RoutersDocument> for ObservedRouters {
    fn from(document: RoutersDocument) -> Self {
        let input = |one: InputDocument| RouterInput {
            state: one.state,
            is_ours_to_stop: one.is_ours_to_stop,
            channel: one.channel,
            routed_outputs: one.routed_outputs,
            trouble: one.trouble,
        };
        let outputs = document.outputs.into_iter();
        Self {
            outputs: outputs.map(|(arn, one)| (arn, RouterOutput::from(one))).collect(),
            inputs: document
                .inputs
                .into_iter()
                .map(|(arn, one)| (arn, input(one)))
                .collect(),
            sources: document.sources,
            is_complete: document.is_complete,
            unreadable: document.unreadable.map(|why| Unreadable {
                why,
                denied: document.denied,
            }),
            quota: document.quota,
            returning: document.returning,
            not_made: document.not_made,
        }
    }
}

impl From<&RouterOutput> for OutputDocument {
    fn from(output: &RouterOutput) -> Self {
        let record = |record: &OutputRecord| RecordDocument {
            pool: record.pool.clone(),
            identity: record.identity.clone(),
            digest: record.digest.to_string(),
            released: record.released,
            kept: record.kept,
            off_since: record.off_since,
        };
        Self {
            name: Arc::clone(&output.name),
            state: output.state,
            route: output.route,
            input: output.input.clone(),
            owner: output.owner.clone(),
            record: output.record.as_ref().map(record),
            interface: output.interface.clone(),
            target: output.target.as_ref().map(EndpointDocument::from),
            settings: output.settings.clone(),
            messages: output.messages.to_vec(),
            maintenance: output.maintenance,
            trouble: output.trouble.clone(),
        }
    }
}

impl From<OutputDocument> for RouterOutput {
    fn from(document: OutputDocument) -> Self {
        let record = |record: RecordDocument| {
            Some(OutputRecord {
                pool: record.pool,
                identity: record.identity,
                digest: TargetDigest::parse(&record.digest)?,
                released: record.released,
                kept: record.kept,
                off_since: record.off_since,
            })
        };
        Self {
            name: document.name,
            state: document.state,
            route: document.route,
            input: document.input,
            owner: document.owner,
            record: document.record.and_then(record),
            interface: document.interface,
            target: document.target.map(Endpoint::from),
            settings: document.settings,
            messages: document.messages.into(),
            maintenance: document.maintenance,
            trouble: document.trouble,
        }
    }
}
