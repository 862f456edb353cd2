//! Where declared streams are on air in what no plan changes: channels of other owners and in no pool, output groups that are
//! no slots.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::{Adoption, ChannelPlan, DestinationPlan, Plan, Waiting};
use crate::model::{
    ChannelId, ChannelObservation, Desired, Destination, Endpoint, Observed, OutputGroup, SlotId, Stream,
    StreamKey,
};

/// A place where a declared stream is, or may be, on air in no slot that slotwise holds: a channel of another owner or in no pool, or
/// an output group that is no slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OtherPlace {
    /// The channel.
    pub channel: ChannelId,
    /// The output group, where it is known.
    pub output_group: Option<OutputGroup>,
}

/// `4000009 (RTMP-1)`.
impl fmt::Display for OtherPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group = self
            .output_group
            .as_ref()
            .filter(|group| !group.as_str().is_empty());
        match group {
            Some(group) => write!(f, "{} ({group})", self.channel),
            None => write!(f, "{}", self.channel),
        }
    }
}

/// Something that is, or may be, on air.
struct Published<'a> {
    channel: &'a ChannelId,
    output_group: Option<&'a OutputGroup>,
    endpoint: &'a Endpoint,
}

/// Says so of the destinations of `plan`.
pub(super) fn note_other_places(plan: &mut Plan, desired: &Desired, observed: &Observed) {
    let published = published(plan, observed);
    if published.is_empty() {
        return;
    }
    let pushing = pushing(&plan.destinations, desired);
    let mut found: Vec<(usize, OtherPlace)> = Vec::new();
    for one in &published {
        for dest in pushing.get(&one.endpoint.stream()).into_iter().flatten() {
            if !is_told(&plan.destinations[*dest], one) {
                let place = OtherPlace {
                    channel: one.channel.clone(),
                    output_group: one.output_group.cloned(),
                };
                found.push((*dest, place));
            }
        }
    }
    for (dest, place) in found {
        plan.destinations[dest].also_on_air.get_or_insert(place);
    }
}

/// All that may be on air outside the slots that `plan` says the contents of, by channel.
fn published<'a>(plan: &Plan, observed: &'a Observed) -> Vec<Published<'a>> {
    let planned: BTreeMap<&ChannelId, &ChannelPlan> = plan
        .channels
        .iter()
        .map(|channel| (&channel.id, channel))
        .collect();
    let mut published = Vec::new();
    let seen = observed.channels.values().filter_map(ChannelObservation::seen);
    for channel in seen.filter(|channel| channel.state.may_publish()) {
        let ours = planned
            .get(&channel.id)
            .filter(|planned| matches!(planned.adoption, Adoption::Owned | Adoption::Adopt));
        let is_ours = |name: &OutputGroup| {
            ours.is_some_and(|planned| planned.slots.iter().any(|slot| slot.output_group == *name))
        };
        let others = channel.groups.iter().filter(|group| !is_ours(&group.name));
        let others = others.filter_map(|group| Some((Some(&group.name), group.target.as_ref().ok()?)));
        let others = others.flat_map(|(name, target)| target.0.iter().map(move |one| (name, one)));
        let strays = channel.stray_endpoints.iter().map(|endpoint| (None, endpoint));
        published.extend(others.chain(strays).map(|(output_group, endpoint)| Published {
            channel: &channel.id,
            output_group,
            endpoint,
        }));
    }
    for (channel, endpoints) in &observed.elsewhere {
        published.extend(endpoints.iter().map(|endpoint| Published {
            channel,
            output_group: None,
            endpoint,
        }));
    }
    published
}

/// The destinations of a plan, by stream.
fn pushing(planned: &[DestinationPlan], desired: &Desired) -> BTreeMap<Stream, Vec<usize>> {
    let mut pushing: BTreeMap<Stream, Vec<usize>> = BTreeMap::new();
    for (at, one) in planned.iter().enumerate() {
        for stream in desired
            .destinations
            .get(&one.name)
            .map(|decl| streams(decl))
            .unwrap_or_default()
        {
            pushing.entry(stream).or_default().push(at);
        }
    }
    pushing
}

/// What it pushes; nothing while its key is not known.
fn streams(destination: &Destination) -> Vec<Stream> {
    let StreamKey::Known(key) = &destination.key else {
        return Vec::new();
    };
    let urls = std::iter::once(&destination.url).chain(&destination.backup_url);
    urls.map(|url| Endpoint::new(url.as_ref(), key.clone()).stream())
        .collect()
}

/// Whether the plan says so already: it is the slot that it names for the destination, or what the destination waits for.
fn is_told(planned: &DestinationPlan, one: &Published<'_>) -> bool {
    let waits = matches!(
        planned.waiting,
        Some(Waiting::OnAirElsewhere { .. } | Waiting::OnAirBesideSlots { .. })
    );
    let is_its = |slot: &SlotId| slot.channel == *one.channel && Some(&slot.output_group) == one.output_group;
    waits || planned.held.as_ref().is_some_and(is_its)
}
