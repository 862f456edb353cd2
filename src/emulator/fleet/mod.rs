//! What exists before the first call: read from the AWS CLI's output, or invented.

mod invent;
mod read;
mod router;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

pub use self::invent::{InventedChannel, InventedPool, InventedSlot};
pub use self::router::InventedRouter;
use super::mediaconnect::ResourceKind;
use super::world::{Settings, World};

/// Channels, inputs and router resources to begin with, in the shape of the wire
///
/// Documents are kept as text, which takes a tenth of a parsed one's memory: an emulator keeps its fleet for a reset.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Fleet {
    channels: BTreeMap<String, String>,
    inputs: BTreeMap<String, String>,
    /// What MediaConnect's routers have, by ARN
    routers: BTreeMap<String, (ResourceKind, String)>,
}

/// Says nothing of the documents, which hold stream keys
impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet")
            .field("channels", &self.channels.keys())
            .field("routers", &self.routers.keys())
            .finish_non_exhaustive()
    }
}

impl Fleet {
    /// No channels at all
    pub fn empty() -> Self {
        Self::default()
    }

    /// How many channels there are
    pub fn len(&self) -> usize {
        self.channels.len()
    }

    /// True if there is no channel
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty()
    }

    /// The world that begins with this fleet; quotas do not limit what exists already
    pub fn world(&self, settings: Settings, seed: u64) -> World {
        let mut world = World::new(settings, seed);
        for (id, input) in &self.inputs {
            world.admit_input(id, parsed(input));
        }
        for (id, channel) in &self.channels {
            world.admit_channel(id, parsed(channel));
        }
        for (arn, (kind, resource)) in &self.routers {
            world.admit_router(*kind, arn, parsed(resource));
        }
        world
    }

    /// Adds what a router has, as Get shows it; what is left out is made up but for the configuration. One with the same ARN is
    /// replaced
    pub fn add_router(&mut self, kind: ResourceKind, arn: String, doc: Map<String, Value>) {
        self.routers.insert(arn, (kind, Value::Object(doc).to_string()));
    }

    fn add_channel(&mut self, id: String, doc: Map<String, Value>) {
        self.channels.insert(id, Value::Object(doc).to_string());
    }

    fn add_input(&mut self, id: String, doc: Map<String, Value>) {
        self.inputs.insert(id, Value::Object(doc).to_string());
    }
}

/// What `add_channel` and the like wrote, which is an object always
fn parsed(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::switches::Switches;
    use crate::emulator::world::Quotas;

    /// The AWS CLI's spelling of a document
    fn pascal(value: &Value) -> Value {
        match value {
            Value::Array(list) => list.iter().map(pascal).collect(),
            Value::Object(object) => {
                let entry = |(key, value): (&String, &Value)| {
                    let upper = key[..1].to_uppercase() + &key[1..];
                    (
                        upper,
                        if key == "tags" {
                            value.clone()
                        } else {
                            pascal(value)
                        },
                    )
                };
                Value::Object(object.iter().map(entry).collect())
            }
            plain => plain.clone(),
        }
    }

    fn world(fleet: &Fleet) -> World {
        let settings = Settings {
            region: "us-east-1".into(),
            account: "111122223333".into(),
            switches: Switches::default(),
            quotas: Quotas::default(),
        };
        fleet.world(settings, 1)
    }

    #[test]
    fn the_output_of_describe_channel_makes_the_same_channel() {
        let slot = InventedSlot {
            output_group: "RTMP-Slot-1".into(),
            stream_names: vec!["a".into()],
        };
        let channel = InventedChannel {
            id: "4000001".into(),
            standard: true,
            parking_url: "rtmp://127.0.0.1:1935/parked".into(),
            slots: vec![slot],
        };
        let mut first = world(&Fleet::invent(&[InventedPool {
            name: "main".into(),
            channels: vec![channel],
        }]));
        let tags = serde_json::json!({"Team": "A", "slotwise.dev/owner": "one"});
        let channel = first.channel_mut("4000001").unwrap();
        channel.document_mut().insert("tags".into(), tags);
        let described = Value::Object(channel.describe());
        let printed = serde_json::json!({"Channels": [pascal(&described)]});
        let second = world(&Fleet::parse(&printed.to_string()).unwrap());
        let again = Value::Object(second.channel("4000001").unwrap().describe());
        assert_eq!(
            again.to_string(),
            described.to_string(),
            "byte for byte, in the same order"
        );
        assert_eq!(second.inputs()["6000001"].attached_to(), Some("4000001"));
    }
}
