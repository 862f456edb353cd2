//! What public bug reports taught: each folder of `tests/cases` with its right answer.
//!
//! The declarations are read from files, the fleet from JSON as the AWS CLI prints it; the whole loop runs on the emulator
//! in virtual time. What a person reads is that of the built binary.

mod first_contact;
mod keys;
mod live;
mod spelling;
mod tenants;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use slotwise::testing::controller::{Controller, Until};
use slotwise::testing::emulator::{Emulator, Fleet, Options};
use slotwise::testing::model::{DestinationName, OwnerId};
use slotwise::testing::render;
use slotwise::testing::status::Phase;
use slotwise::testing::store::{LoadOptions, Sources};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::cli::tool::{Ran, slotwise};
use super::stage::on_files;

const POOL: &str = "apiVersion: slotwise.dev/v1alpha1\nkind: ChannelPool\nmetadata: {name: main}\nspec:\n  \
                    channels: [{id: '4000001'}, {id: '4000002'}]\n  \
                    slots: {outputGroups: RTMP-Slot-*, parkingUrl: 'rtmp://127.0.0.1:1935/parked'}\n";

/// A file of a case.
fn file(case: &str, name: &str) -> PathBuf {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    cases.join(case).join(name)
}

fn text(case: &str, name: &str) -> String {
    fs::read_to_string(file(case, name)).unwrap()
}

fn json(case: &str, name: &str) -> Value {
    serde_json::from_str(&text(case, name)).unwrap()
}

/// A Destination of pool `main` that is wanted.
fn destination(name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: slotwise.dev/v1alpha1\nkind: Destination\nmetadata: {{name: {name}}}\nspec:\n  pool: main\n  \
         state: Streaming\n{spec}"
    )
}

/// An RTMP output group with one output to each of `outputs`: URL and stream name of every setting.
fn group(name: &str, outputs: &[&[(&str, &str)]]) -> Value {
    serde_json::json!({ "name": name, "outputs": outputs })
}

/// A channel in `state` whose output groups are [`group`]s.
fn channel(id: &str, state: &str, groups: &[Value]) -> Value {
    let mut destinations = Vec::new();
    let mut output_groups = Vec::new();
    let mut pipelines = 1;
    for (at, group) in groups.iter().enumerate() {
        let mut outputs = Vec::new();
        for (number, settings) in group["outputs"].as_array().unwrap().iter().enumerate() {
            let reference = format!("d{at}-{number}");
            let settings: Vec<Value> = (settings.as_array().unwrap().iter())
                .map(|one| serde_json::json!({"Url": one[0], "StreamName": one[1]}))
                .collect();
            pipelines = pipelines.max(settings.len());
            destinations.push(serde_json::json!({"Id": reference, "Settings": settings}));
            outputs.push(serde_json::json!({
                "OutputName": format!("o{at}-{number}"),
                "VideoDescriptionName": "v",
                "AudioDescriptionNames": ["a"],
                "OutputSettings": {"RtmpOutputSettings": {"Destination": {"DestinationRefId": reference}}},
            }));
        }
        output_groups.push(serde_json::json!({
            "Name": group["name"],
            "OutputGroupSettings": {"RtmpGroupSettings": {}},
            "Outputs": outputs,
        }));
    }
    serde_json::json!({
        "Arn": format!("arn:aws:medialive:eu-west-1:111122223333:channel:{id}"),
        "Id": id,
        "Name": format!("ch-{id}"),
        "State": state,
        "ChannelClass": if pipelines == 1 { "SINGLE_PIPELINE" } else { "STANDARD" },
        "Destinations": destinations,
        "EncoderSettings": {
            "AudioDescriptions": [{"Name": "a", "AudioSelectorName": "default"}],
            "VideoDescriptions": [{"Name": "v", "Height": 1080, "Width": 1920}],
            "TimecodeConfig": {"Source": "SYSTEMCLOCK"},
            "OutputGroups": output_groups,
        },
        "InputAttachments": [{"InputId": format!("9{id}"), "InputAttachmentName": "in", "InputSettings": {}}],
        "InputSpecification": {"Codec": "AVC", "MaximumBitrate": "MAX_20_MBPS", "Resolution": "HD"},
        "RoleArn": "arn:aws:iam::111122223333:role/MediaLiveAccessRole",
        "Tags": {},
    })
}

/// Where slot 1 of an idle channel of one pipeline points.
fn parked(id: &str) -> Value {
    let name = format!("{id}-RTMP-Slot-1-0");
    channel(
        id,
        "IDLE",
        &[group(
            "RTMP-Slot-1",
            &[&[("rtmp://127.0.0.1:1935/parked", &name)]],
        )],
    )
}

fn fleet(channels: &[Value]) -> Value {
    serde_json::json!({"Channels": channels})
}

/// The same channel, ours.
fn ours(mut channel: Value) -> Value {
    channel["Tags"]["slotwise.dev/owner"] = "default".into();
    channel
}

/// What `slotwise plan` says of `declared` on `fleet`, each line break and each run of spaces one space.
fn plan(fleet: &Value, declared: &str) -> Ran {
    let dir = TempDir::new().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let fleet = write("fleet.json", &fleet.to_string());
    let declared = write("declared.yaml", declared);
    let mut ran = slotwise(["plan", &format!("--emulator={fleet}"), &declared]);
    ran.out = one_line(&ran.out);
    ran.err = one_line(&ran.err);
    ran
}

/// [`plan`] of what is right as it is.
fn planned(fleet: &Value, declared: &str) -> String {
    let ran = plan(fleet, declared);
    // 5: a wanted destination cannot go on air, which is what many of the cases are about.
    assert!([0, 5].contains(&ran.code), "{ran:?}");
    ran.out
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The daemon on a case's fleet.
struct Daemon {
    emulator: Emulator,
    controller: Controller<Sources>,
    log: Arc<Mutex<String>>,
    dir: TempDir,
}

impl Daemon {
    /// Starts on `fleet` and what `declared` holds: names of files, and their texts.
    fn new(fleet: &Value, declared: &[(&str, &str)]) -> Self {
        let fleet = Fleet::parse(&fleet.to_string()).unwrap();
        let emulator = Emulator::new(Options::default(), fleet);
        let dir = TempDir::new().unwrap();
        for (name, text) in declared {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let owner = OwnerId::new("default");
        let source = Sources::new(vec![dir.path().to_owned()], owner.clone(), LoadOptions::default());
        let (controller, log) = on_files(&emulator, source, owner);
        Self {
            emulator,
            controller,
            log,
            dir,
        }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.dir.path().join(name), text).unwrap();
    }

    /// Lets it run for ten minutes: a stop, an update and a start.
    async fn run(&mut self) {
        let asked = CancellationToken::new();
        let stop = asked.clone();
        let ((), _) = tokio::join!(
            async move {
                tokio::time::sleep(Duration::from_mins(10)).await;
                stop.cancel();
            },
            self.controller.run(Until::Asked, &asked)
        );
    }

    /// Calls that change something, since the last time this was asked: operation and channel.
    fn writes(&self) -> Vec<String> {
        let calls = self.emulator.calls();
        self.emulator.clear_calls();
        let changes = calls
            .into_iter()
            .filter(|call| !call.operation.starts_with("List") && !call.operation.starts_with("Describe"));
        changes
            .map(|call| {
                format!("{} {}", call.operation, call.channel.unwrap_or_default())
                    .trim_end()
                    .to_owned()
            })
            .collect()
    }

    fn channel(&self, id: &str) -> Value {
        let document = self
            .emulator
            .with_world(|world, _| world.channel(id).unwrap().describe());
        Value::Object(document)
    }

    fn state(&self, channel: &str) -> String {
        self.channel(channel)["state"].as_str().unwrap().to_owned()
    }

    /// What slot 1 of a channel points at: URL and stream name of each pipeline.
    fn targets(&self, channel: &str) -> Vec<(String, String)> {
        let document = self.channel(channel);
        let settings = document["destinations"][0]["settings"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        settings
            .iter()
            .map(|one| (text(&one["url"]), text(&one["streamName"])))
            .collect()
    }

    /// Where each destination is, by name: its phase, its slot.
    fn placed(&self) -> BTreeMap<String, (Phase, String)> {
        let status = self.controller.status();
        let slot = |one: &slotwise::testing::status::DestinationStatus| {
            one.slot.as_ref().map(ToString::to_string).unwrap_or_default()
        };
        (status.destinations.iter())
            .map(|one| (one.name.to_string(), (one.phase, slot(one))))
            .collect()
    }

    /// The plan as a person reads it.
    fn plan(&self) -> String {
        let plan = self.controller.plan().unwrap();
        one_line(&render::plan::plan(plan, render::Style::PLAIN))
    }

    /// What one waits for, in words, with the ways out.
    fn waits(&self, name: &str) -> String {
        let name = DestinationName::new(name);
        let plan = self.controller.plan().unwrap();
        let one = plan.destinations.iter().find(|one| one.name == name).unwrap();
        let Some(waiting) = &one.waiting else {
            return String::new();
        };
        format!(
            "{}: {waiting} [{}]",
            waiting.code(),
            waiting.ways_out_of(&name).join(" · ")
        )
    }

    /// The log since the last call.
    fn log(&self) -> String {
        std::mem::take(&mut self.log.lock().unwrap())
    }
}
