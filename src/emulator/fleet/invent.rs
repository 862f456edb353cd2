//! Invented channels, where there are none: parked RTMP slots, one output group that is not a slot, one input.

use serde_json::{Map, Value, json};

use super::Fleet;

/// A pool whose channels are to be invented
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventedPool {
    /// Part of the channels' names
    pub name: String,
    /// Its channels
    pub channels: Vec<InventedChannel>,
}

/// A channel to be invented: IDLE, every slot parked
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventedChannel {
    /// The channel's id
    pub id: String,
    /// Two pipelines instead of one
    pub standard: bool,
    /// Where parked slots point: an RTMP URL without stream name
    pub parking_url: String,
    /// The RTMP output groups, in order
    pub slots: Vec<InventedSlot>,
}

/// A slot to be invented
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventedSlot {
    /// The output group's name
    pub output_group: String,
    /// The stream name while parked, one per pipeline; the last goes for pipelines that have none
    pub stream_names: Vec<String>,
}

impl Fleet {
    /// Invents channels, each with an input of its own, as an input belongs to one channel only
    pub fn invent(pools: &[InventedPool]) -> Self {
        let mut fleet = Self::default();
        for pool in pools {
            for channel in &pool.channels {
                let input_id = (6_000_001 + fleet.inputs.len()).to_string();
                fleet.add_input(input_id.clone(), object(input(&input_id, channel)));
                fleet.add_channel(channel.id.clone(), object(document(pool, channel, &input_id)));
            }
        }
        fleet
    }
}

const ROLE: &str = "arn:aws:iam::111122223333:role/MediaLiveAccessRole";

pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

pub(super) fn input(id: &str, channel: &InventedChannel) -> Value {
    let flow = |index: usize| json!({"flowArn": format!("arn:aws:mediaconnect:us-east-1:111122223333:flow:1-emulated:programme-{index}")});
    json!({
        "destinations": [],
        "id": id,
        "inputClass": if channel.standard { "STANDARD" } else { "SINGLE_PIPELINE" },
        "inputDevices": [],
        "inputPartnerIds": [],
        "inputSourceType": "STATIC",
        "mediaConnectFlows": (0..pipelines(channel)).map(flow).collect::<Vec<_>>(),
        "name": format!("programme-{}", channel.id),
        "roleArn": ROLE,
        "securityGroups": [],
        "sources": [],
        "tags": {},
        "type": "MEDIACONNECT",
    })
}

const fn pipelines(channel: &InventedChannel) -> usize {
    if channel.standard { 2 } else { 1 }
}

pub(super) fn document(pool: &InventedPool, channel: &InventedChannel, input_id: &str) -> Value {
    let endpoint = |index: usize| json!({"sourceIp": format!("198.51.100.{}", 10 + index)});
    json!({
        "channelClass": if channel.standard { "STANDARD" } else { "SINGLE_PIPELINE" },
        "destinations": destinations(channel),
        "egressEndpoints": (0..pipelines(channel)).map(endpoint).collect::<Vec<_>>(),
        "encoderSettings": encoder(channel),
        "id": channel.id,
        "inputAttachments": [{
            "inputAttachmentName": "programme",
            "inputId": input_id,
            "inputSettings": {
                "audioSelectors": [],
                "captionSelectors": [],
                "deblockFilter": "DISABLED",
                "denoiseFilter": "DISABLED",
                "filterStrength": 1,
                "inputFilter": "AUTO",
                "smpte2038DataPreference": "IGNORE",
                "sourceEndBehavior": "CONTINUE",
            },
        }],
        "inputSpecification": {"codec": "AVC", "maximumBitrate": "MAX_10_MBPS", "resolution": "HD"},
        "logLevel": "DISABLED",
        "maintenance": {"maintenanceDay": "TUESDAY", "maintenanceStartTime": "02:00"},
        "name": format!("{}-{}", pool.name, channel.id),
        "pipelineDetails": [],
        "pipelinesRunningCount": 0,
        "roleArn": ROLE,
        "state": "IDLE",
        "tags": {},
    })
}

fn destinations(channel: &InventedChannel) -> Value {
    let other = json!({
        "id": "mediapackage",
        "mediaPackageSettings": [{"channelId": format!("archive-{}", channel.id)}],
        "settings": [],
    });
    let slots = channel.slots.iter().enumerate().map(|(index, slot)| {
        let setting = |pipeline: usize| {
            let name = slot.stream_names.get(pipeline).or(slot.stream_names.last());
            json!({"streamName": name, "url": channel.parking_url})
        };
        json!({
            "id": format!("slot-{}", index + 1),
            "mediaPackageSettings": [],
            "settings": (0..pipelines(channel)).map(setting).collect::<Vec<_>>(),
        })
    });
    // The foreign destination comes first, so that a client which numbers destinations instead of naming them fails.
    std::iter::once(other).chain(slots).collect()
}

fn encoder(channel: &InventedChannel) -> Value {
    let mut groups = vec![json!({
        "name": other_group(channel),
        "outputGroupSettings": {"mediaPackageGroupSettings": {"destination": {"destinationRefId": "mediapackage"}}},
        "outputs": [{
            "audioDescriptionNames": ["audio"],
            "captionDescriptionNames": [],
            "outputName": "mediapackage",
            "outputSettings": {"mediaPackageOutputSettings": {}},
            "videoDescriptionName": "video",
        }],
    })];
    groups.extend(
        channel
            .slots
            .iter()
            .enumerate()
            .map(|(index, slot)| slot_group(index, slot)),
    );
    json!({
        "audioDescriptions": [{
            "audioSelectorName": "default",
            "audioTypeControl": "FOLLOW_INPUT",
            "codecSettings": {"aacSettings": {
                "bitrate": 128_000.0, "codingMode": "CODING_MODE_2_0", "inputType": "NORMAL", "profile": "LC",
                "rateControlMode": "CBR", "rawFormat": "NONE", "sampleRate": 48_000.0, "spec": "MPEG4",
            }},
            "languageCodeControl": "FOLLOW_INPUT",
            "name": "audio",
        }],
        "captionDescriptions": [],
        "outputGroups": groups,
        "timecodeConfig": {"source": "EMBEDDED"},
        "videoDescriptions": [{
            "codecSettings": {"h264Settings": {
                "bitrate": 4_500_000, "framerateControl": "SPECIFIED", "framerateDenominator": 1,
                "framerateNumerator": 30, "gopSize": 2.0, "gopSizeUnits": "SECONDS", "rateControlMode": "CBR",
            }},
            "height": 1080,
            "name": "video",
            "respondToAfd": "NONE",
            "scalingBehavior": "DEFAULT",
            "sharpness": 50,
            "width": 1920,
        }],
    })
}

fn slot_group(index: usize, slot: &InventedSlot) -> Value {
    json!({
        "name": slot.output_group,
        "outputGroupSettings": {"rtmpGroupSettings": {
            "adMarkers": [],
            "authenticationScheme": "COMMON",
            "cacheFullBehavior": "DISCONNECT_IMMEDIATELY",
            "cacheLength": 30,
            "captionData": "ALL",
            "inputLossAction": "EMIT_OUTPUT",
            "restartDelay": 15,
        }},
        "outputs": [{
            "audioDescriptionNames": ["audio"],
            "captionDescriptionNames": [],
            "outputName": format!("slot-{}", index + 1),
            "outputSettings": {"rtmpOutputSettings": {
                "certificateMode": "VERIFY_AUTHENTICITY",
                "connectionRetryInterval": 2,
                "destination": {"destinationRefId": format!("slot-{}", index + 1)},
                "numRetries": 10,
            }},
            "videoDescriptionName": "video",
        }],
    })
}

/// The name of the group that is no slot, different from every slot's
fn other_group(channel: &InventedChannel) -> String {
    let mut name = String::from("MediaPackage");
    while channel.slots.iter().any(|slot| slot.output_group == name) {
        name.push('-');
    }
    name
}
