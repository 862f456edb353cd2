//! The targets that a saved plan was made with, those of parked slots too, as digests, and which of them have changed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::{ChannelPool, Desired, Destination, Endpoint, OwnerId, Secret, Target};
use crate::render::plan_json::{Channel, Holds, PlanDocument};
use crate::render::routers_json::Output;

/// What a destination declared of its target. A digest has four hex digits: enough to notice a change, useless to find the
/// value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeclaredTarget {
    /// Name of the destination.
    destination: String,
    /// Hosts of its URLs, each once.
    hosts: Vec<String>,
    /// Digest of its URLs.
    url: String,
    /// Digest of its key; `null` where that could not be read.
    key: Option<String>,
    /// Digest of its user name and password parameter.
    login: Option<String>,
}

/// Those of all destinations, by name.
pub(super) fn declared(desired: &Desired) -> Vec<DeclaredTarget> {
    let all = desired.destinations.values();
    all.map(|one| DeclaredTarget::of(one, &desired.owner)).collect()
}

impl DeclaredTarget {
    fn of(destination: &Destination, owner: &OwnerId) -> Self {
        let digests = destination.digests(owner);
        let urls = [Some(&destination.url), destination.backup_url.as_ref()];
        let endpoints = urls.into_iter().flatten();
        let target: Target = endpoints
            .map(|url| Endpoint::new(url.as_ref(), Secret::new("")))
            .collect::<Vec<_>>()
            .into();
        Self {
            destination: destination.name.to_string(),
            hosts: target.hosts().into_iter().map(str::to_owned).collect(),
            url: digests.url.to_string(),
            key: digests.key.map(|digest| digest.to_string()),
            login: digests.login.map(|digest| digest.to_string()),
        }
    }

    /// The parts that are not what they were. A key that could not be read at one of the two times counts as the same: what
    /// depends on it differs in the plan.
    fn changed_parts(&self, was: &Self) -> Vec<&'static str> {
        let is_other_key = self.key.is_some() && was.key.is_some() && self.key != was.key;
        let parts = [
            ("url", self.url != was.url),
            ("key", is_other_key),
            ("login", self.login != was.login),
        ];
        parts
            .into_iter()
            .filter_map(|(part, changed)| changed.then_some(part))
            .collect()
    }
}

/// The destinations of both whose target has changed, each with the line that says so.
pub(super) fn changed<'a>(was: &'a [DeclaredTarget], is: &[DeclaredTarget]) -> BTreeMap<&'a str, String> {
    let now: BTreeMap<&str, &DeclaredTarget> = is.iter().map(|one| (one.destination.as_str(), one)).collect();
    let line = |was: &'a DeclaredTarget| {
        let name = was.destination.as_str();
        let parts = now.get(name)?.changed_parts(was);
        let has = if parts.len() == 1 { "has" } else { "have" };
        (!parts.is_empty()).then(|| (name, format!("{name}: its {} {has} changed", parts.join(" and "))))
    };
    was.iter().filter_map(line).collect()
}

/// The destinations whose target `plan` writes into a slot or a router output.
pub(super) fn written(plan: &PlanDocument) -> BTreeSet<&str> {
    let steps = plan.channels.iter().flat_map(|channel| &channel.steps);
    let in_slots = steps
        .flat_map(|step| &step.writes)
        .filter_map(|write| match &write.content {
            Holds::Destination { name } => Some(name.as_str()),
            _ => None,
        });
    let outputs = plan.routers.iter().flat_map(|pool| &pool.outputs);
    let is_written = |output: &&Output| {
        let mut steps = output.steps.iter();
        steps.any(|step| matches!(step.action.as_str(), "create" | "update"))
    };
    let in_outputs = outputs
        .filter(is_written)
        .filter_map(|output| output.destination.as_deref());
    in_slots.chain(in_outputs).collect()
}

/// What a pool declared of the target of its parked slots: the rest of a pool shows in the plan itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeclaredParking {
    /// Name of the pool.
    pool: String,
    /// Host of its parking URL.
    host: String,
    /// Digest of its parking URL.
    parking_url: String,
}

/// Those of all pools, by name.
pub(super) fn parkings(desired: &Desired) -> Vec<DeclaredParking> {
    let of = |pool: &ChannelPool| {
        let endpoint = Endpoint::new(pool.slots.parking_url.as_ref(), Secret::new(""));
        DeclaredParking {
            pool: pool.name.to_string(),
            host: endpoint.host().to_owned(),
            parking_url: pool.parking_digest(&desired.owner).to_string(),
        }
    };
    desired.pools.values().map(of).collect()
}

/// The pools of both whose parking URL has changed, each with the line that says so.
pub(super) fn moved_parkings<'a>(
    was: &'a [DeclaredParking],
    is: &[DeclaredParking],
) -> BTreeMap<&'a str, String> {
    let now: BTreeMap<&str, &DeclaredParking> = is.iter().map(|one| (one.pool.as_str(), one)).collect();
    let has_changed = |was: &&DeclaredParking| {
        let now = now.get(was.pool.as_str());
        now.is_some_and(|now| now.parking_url != was.parking_url)
    };
    let line = |was: &'a DeclaredParking| {
        let pool = was.pool.as_str();
        (pool, format!("{pool}: its parkingUrl has changed"))
    };
    was.iter().filter(has_changed).map(line).collect()
}

/// The pools on channels of which `plan` writes slots: parked ones among them, or with a second pipeline that is parked.
pub(super) fn pools_written(plan: &PlanDocument) -> BTreeSet<&str> {
    let is_written = |channel: &&Channel| channel.steps.iter().any(|step| !step.writes.is_empty());
    let written = plan.channels.iter().filter(is_written);
    written.filter_map(|channel| channel.pool.as_deref()).collect()
}
