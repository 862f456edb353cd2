//! Reading the emulator's documents: the owner of a channel, whether it runs, where its slots point.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use slotwise::testing::emulator::channel::State;
use slotwise::testing::emulator::world::Channel;
use slotwise::testing::medialive::OWNER_TAG;
use slotwise::testing::model::tag::{TAKEOVER_TAG, slot_tag_key};
use slotwise::testing::model::{ChannelPool, Desired, Destination, OutputGroup, Secret, SlotTag, StreamKey};

use super::world::PARKING;

/// Where one pipeline of a slot points: URL and stream name.
pub(super) type Endpoint = (String, String);

pub(super) fn owner(channel: &Channel) -> Option<&str> {
    channel.document().get("tags")?.get(OWNER_TAG)?.as_str()
}

/// How far its takeover has come, by its tag.
pub(super) fn takeover_of(channel: &Channel) -> Option<&str> {
    channel.document().get("tags")?.get(TAKEOVER_TAG)?.as_str()
}

pub(super) fn is_running(channel: &Channel) -> bool {
    matches!(
        channel.state(),
        State::Starting | State::Running | State::Recovering
    )
}

/// Whether a slot of `channel` points at `one`. With an unknown key the URL alone counts here.
pub(super) fn carries(channel: &Channel, one: &Destination) -> bool {
    let slots = slots(channel);
    let mut first = slots.values().filter_map(|slot| slot.first());
    first.any(|endpoint| is_target_of(one, endpoint))
}

/// Whether a destination pushes there, by whichever pipeline and in whichever spelling.
pub(super) fn is_target_of(one: &Destination, endpoint: &Endpoint) -> bool {
    let read =
        |url: &str| slotwise::testing::model::Endpoint::new(url, Secret::new(&*endpoint.1)).canonical();
    let mut urls = [Some(&one.url), one.backup_url.as_ref()].into_iter().flatten();
    let has_key = match &one.key {
        StreamKey::Known(key) => key.reveal() == endpoint.1,
        StreamKey::Unavailable { .. } => true,
    };
    has_key && urls.any(|url| read(url) == read(&endpoint.0))
}

/// Whether it is the target of a free slot, whatever parking URL its pool has by now.
pub(super) fn is_parking(endpoint: &Endpoint) -> bool {
    endpoint.0.starts_with(PARKING)
}

/// What the tag of an output group says, whether it fits or not.
pub(super) fn tag_of(channel: &Channel, group: &OutputGroup) -> Option<SlotTag> {
    let tags = channel.document().get("tags")?;
    SlotTag::parse(tags.get(slot_tag_key(group))?.as_str()?)
}

/// Every RTMP output group of a channel in its order, with an endpoint per pipeline; the name of one may be empty.
pub(super) fn rtmp_groups(channel: &Channel) -> Vec<(String, Vec<slotwise::testing::model::Endpoint>)> {
    let document = channel.document();
    let of = |id: &Value| {
        let entries = document["destinations"].as_array()?;
        let entry = entries.iter().find(|entry| entry["id"] == *id)?;
        let all = endpoints(entry).into_iter();
        let read = |(url, name): Endpoint| slotwise::testing::model::Endpoint::new(url, Secret::new(name));
        Some(all.map(read).collect())
    };
    let groups = wired(document);
    groups
        .into_iter()
        .map(|(group, id)| (group, of(&id).unwrap_or_default()))
        .collect()
}

/// The RTMP groups with a name of a channel, each with an endpoint per pipeline.
pub(super) fn slots(channel: &Channel) -> BTreeMap<String, Vec<Endpoint>> {
    let document = channel.document();
    let of = |id: &Value| {
        let entry = document["destinations"]
            .as_array()?
            .iter()
            .find(|entry| entry["id"] == *id)?;
        Some(endpoints(entry))
    };
    wiring(document)
        .into_iter()
        .filter_map(|(group, id)| Some((group, of(&id)?)))
        .collect()
}

/// Which destination each RTMP group with a name refers to.
pub(super) fn wiring(document: &Map<String, Value>) -> BTreeMap<String, Value> {
    let named = wired(document).into_iter().filter(|(name, _)| !name.is_empty());
    named.collect()
}

fn wired(document: &Map<String, Value>) -> Vec<(String, Value)> {
    let groups = document["encoderSettings"]["outputGroups"].as_array();
    let rtmp = |group: &Value| {
        group["outputGroupSettings"].get("rtmpGroupSettings")?;
        let name = group["name"].as_str().unwrap_or_default();
        let id =
            &group["outputs"][0]["outputSettings"]["rtmpOutputSettings"]["destination"]["destinationRefId"];
        Some((name.to_owned(), id.clone()))
    };
    groups.into_iter().flatten().filter_map(rtmp).collect()
}

pub(super) fn endpoints(entry: &Value) -> Vec<Endpoint> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let settings = entry["settings"].as_array();
    settings
        .into_iter()
        .flatten()
        .map(|one| (text(&one["url"]), text(&one["streamName"])))
        .collect()
}

/// A destination entry without where it points.
pub(super) fn skeleton(entry: &Value) -> Value {
    let mut entry = entry.clone();
    for one in entry["settings"]
        .as_array_mut()
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
    {
        one.shift_remove("url");
        one.shift_remove("streamName");
    }
    entry
}

pub(super) fn without(document: &Map<String, Value>, keys: &[&str]) -> Map<String, Value> {
    document
        .iter()
        .filter(|(key, _)| !keys.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// The pool that a channel is in.
pub(super) fn pool_of<'a>(desired: &'a Desired, id: &str) -> Option<&'a ChannelPool> {
    desired
        .pools
        .values()
        .find(|pool| pool.channels.iter().any(|channel| channel.id.as_str() == id))
}
