//! What the emulator shows of the outputs and slots of a life.

use super::{BTreeMap, CHANNELS, Life, ResourceKind, Value};

/// An output, or a slot of a channel, as the emulator has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shown {
    /// Which pool it is of by its tag.
    pub(super) pool: String,
    pub(super) state: String,
    pub(super) url: String,
    pub(super) key: String,
    pub(super) ours: bool,
    /// Whose it is by its tag.
    pub(super) named: Option<String>,
}

impl Life {
    /// Router outputs, and the slots of channels.
    pub(super) fn outputs(&self) -> BTreeMap<String, Shown> {
        let mut all = self.router_outputs();
        all.extend(self.slots());
        all
    }

    fn slots(&self) -> BTreeMap<String, Shown> {
        let shown = |document: &serde_json::Map<String, Value>| {
            let state = match document["state"].as_str().unwrap_or_default() {
                "RUNNING" => "ACTIVE",
                "IDLE" | "UPDATING" => "STANDBY",
                other => other,
            };
            let groups = document["destinations"].as_array().cloned().unwrap_or_default();
            let slots = groups.into_iter().map(|group| {
                let push = &group["settings"][0];
                let url = push["url"].as_str().unwrap_or_default();
                let key = push["streamName"].as_str().unwrap_or_default().to_owned();
                let shown = Shown {
                    pool: "slots".to_owned(),
                    state: state.to_owned(),
                    url: url.trim_start_matches("rtmp://").to_owned(),
                    ours: true,
                    named: document["tags"][format!("slotwise.dev/slot/{}", group_of(&group["id"]))]
                        .as_str()
                        .and_then(|tag| Some(tag.split(' ').next()?.to_owned()))
                        .or_else(|| self.keys_of.get(&key).cloned()),
                    key,
                };
                (format!("{} {}", document["id"], group["id"]), shown)
            });
            slots.collect::<Vec<_>>()
        };
        self.emulator.with_world(|world, _| {
            let channels = CHANNELS.iter().filter_map(|id| world.channel(id));
            let slots = channels.flat_map(|channel| shown(&channel.describe()));
            slots
                .filter(|(_, slot)| self.keys_of.contains_key(&slot.key))
                .collect()
        })
    }

    pub(super) fn router_outputs(&self) -> BTreeMap<String, Shown> {
        self.emulator.with_world(|world, _| {
            let all = world.router().resources();
            let outputs = all.filter(|one| one.kind() == ResourceKind::Output);
            outputs
                .map(|output| {
                    let document = output.document();
                    let push = find(document.get("configuration"), "rtmpPush");
                    let text = |key: &str| push[key].as_str().unwrap_or_default().to_owned();
                    let shown = Shown {
                        pool: document["tags"]["slotwise.dev/pool"]
                            .as_str()
                            .unwrap_or("?")
                            .to_owned(),
                        state: output.state().name().to_owned(),
                        url: format!("{}/{}", text("destinationAddress"), text("applicationName")),
                        key: text("streamName"),
                        named: document["tags"]["slotwise.dev/destination"]
                            .as_str()
                            .and_then(|tag| Some(tag.split(' ').next()?.to_owned())),
                        ours: document["tags"]["slotwise.dev/owner"].as_str() == Some("test"),
                    };
                    (document["arn"].as_str().unwrap_or_default().to_owned(), shown)
                })
                .collect()
        })
    }
}

/// The output group of a slot, by the id of its destination.
fn group_of(id: &Value) -> String {
    let number = id.as_str().unwrap_or_default().trim_start_matches("slot-");
    format!("RTMP-Slot-{number}")
}

/// The first object of this name, however deep.
fn find(value: Option<&Value>, name: &str) -> Value {
    match value {
        Some(Value::Object(object)) => match object.get(name) {
            Some(found) => found.clone(),
            None => object
                .values()
                .map(|value| find(Some(value), name))
                .find(|found| !found.is_null())
                .unwrap_or_default(),
        },
        _ => Value::Null,
    }
}
