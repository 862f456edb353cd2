//! Routers made up for someone who has none yet: a network interface, an input, and a MediaLive channel in front if wanted.

use serde_json::{Value, json};

use super::invent::{document, input, object};
use super::{Fleet, InventedChannel, InventedPool};
use crate::emulator::mediaconnect::ResourceKind;

/// What router outputs need beside themselves, to be invented
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventedRouter {
    /// The network interface's ARN
    pub interface: String,
    /// The input's ARN
    pub input: String,
    /// The id of the MediaLive channel in front; without one the input receives RTP
    pub channel: Option<String>,
}

/// The name of the channel's output that feeds the input
const OUTPUT: &str = "programme";

impl Fleet {
    /// Adds an input and its network interface: ACTIVE without a channel in front, else in STANDBY, and the channel IDLE
    pub fn add_invented_router(&mut self, router: &InventedRouter) {
        let interface = json!({"configuration": {"public": {"allowRules": []}}});
        self.add_router(
            ResourceKind::NetworkInterface,
            router.interface.clone(),
            object(interface),
        );
        let zone = format!("{}a", part(&router.input, 3));
        let configuration = match &router.channel {
            None => json!({"standard": {
                "networkInterfaceArn": router.interface,
                "protocolConfiguration": {"rtp": {"port": 5_000}},
            }}),
            Some(channel) => {
                self.add_channel_in_front(channel, &zone);
                let (region, account) = (part(&router.input, 3), part(&router.input, 4));
                json!({"mediaLiveChannel": {
                    "mediaLiveChannelArn": format!("arn:aws:medialive:{region}:{account}:channel:{channel}"),
                    "mediaLiveChannelOutputName": OUTPUT,
                    "mediaLivePipelineId": "PIPELINE_0",
                    "sourceTransitDecryption": {"encryptionKeyConfiguration": {"automatic": {}}},
                }})
            }
        };
        let state = if router.channel.is_some() {
            "STANDBY"
        } else {
            "ACTIVE"
        };
        let doc = json!({"availabilityZone": zone, "configuration": configuration, "state": state});
        self.add_router(ResourceKind::Input, router.input.clone(), object(doc));
    }

    fn add_channel_in_front(&mut self, id: &str, zone: &str) {
        let channel = InventedChannel {
            id: id.to_owned(),
            standard: false,
            parking_url: String::new(),
            slots: Vec::new(),
        };
        let pool = InventedPool {
            name: "router".to_owned(),
            channels: Vec::new(),
        };
        let input_id = (6_000_001 + self.inputs.len()).to_string();
        let mut doc = document(&pool, &channel, &input_id);
        // It feeds the router and nothing else.
        for (list, one) in [
            ("/destinations", destination()),
            ("/encoderSettings/outputGroups", group(zone)),
        ] {
            if let Some(list) = doc.pointer_mut(list) {
                *list = json!([one]);
            }
        }
        self.add_input(input_id.clone(), object(input(&input_id, &channel)));
        self.add_channel(id.to_owned(), object(doc));
    }
}

fn destination() -> Value {
    json!({
        "id": "router",
        "mediaConnectRouterSettings": [{"encryptionType": "AUTOMATIC"}],
        "mediaPackageSettings": [],
        "settings": [],
    })
}

fn group(zone: &str) -> Value {
    json!({
        "name": "MediaConnect Router",
        "outputGroupSettings": {"mediaConnectRouterGroupSettings": {"availabilityZones": [zone]}},
        "outputs": [{
            "audioDescriptionNames": ["audio"],
            "captionDescriptionNames": [],
            "outputName": OUTPUT,
            "outputSettings": {"mediaConnectRouterOutputSettings": {
                "containerSettings": {"m2tsSettings": {}},
                "destination": {"destinationRefId": "router"},
            }},
            "videoDescriptionName": "video",
        }],
    })
}

/// A part of an ARN: 3 is the region, 4 the account
fn part(arn: &str, place: usize) -> &str {
    arn.split(':').nth(place).unwrap_or_default()
}
