//! `slotwise doctor`: what it finds, and that it changes nothing.

mod account;
mod channels;
mod routers;
mod tables;

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use slotwise::testing::emulator::{Emulator, Fleet, InventedChannel, InventedPool, InventedSlot, Options};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tower::ServiceExt;

use super::cli::tool::{Ran, command, printed};

/// Part of every key.
const CANARY: &str = "c4n4ry";

const POOL: &str = r#"apiVersion: slotwise.dev/v1alpha1
kind: ChannelPool
metadata: { name: main }
spec:
  channels: [{ id: "4000001" }, { id: "4000002" }]
  slots: { outputGroups: "RTMP-Slot-*", parkingUrl: "rtmp://127.0.0.1:1935/parked" }
"#;

const DESTINATION: &str = "apiVersion: slotwise.dev/v1alpha1
kind: Destination
metadata: { name: a }
spec: { pool: main, state: Streaming, url: rtmp://a.example/live, streamKeyFrom: { env: KEY_OF_A } }
";

/// Calls that change nothing.
const READS: [&str; 7] = [
    "ListChannels",
    "DescribeChannel",
    "ListRouterOutputs",
    "GetRouterOutput",
    "BatchGetRouterOutput",
    "GetRouterInput",
    "GetRouterNetworkInterface",
];

/// Declarations, and a MediaLive.
struct Clinic {
    dir: TempDir,
    emulator: Emulator,
}

impl Clinic {
    /// One pool with two channels, one destination; MediaLive has these channels.
    fn new() -> Self {
        Self::with(&["4000001", "4000002"])
    }

    /// The same declarations, where MediaLive has `channels`.
    fn with(channels: &[&str]) -> Self {
        let clinic = Self {
            dir: TempDir::new().unwrap(),
            emulator: emulator(channels),
        };
        clinic.write("pool.yaml", POOL);
        clinic.write("a.yaml", DESTINATION);
        clinic
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).unwrap();
    }

    /// `slotwise doctor` with `args` on the declarations.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = command(["doctor"].iter().chain(args));
        command
            .arg(self.dir.path())
            .env("KEY_OF_A", format!("{CANARY}-a"));
        command
    }

    /// What it finds.
    async fn doctor(&self, args: &[&str]) -> Report {
        self.run(self.command(args)).await
    }

    /// What `command` finds, while MediaLive is served on a socket; it changes nothing there.
    async fn run(&self, mut command: Command) -> Report {
        let before = documents(&self.emulator);
        self.emulator.clear_calls();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        command.env("AWS_ENDPOINT_URL_MEDIALIVE", &endpoint);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let served = self.emulator.serve(listener, async move { drop(stopped.await) });
        let ran = async {
            let ran = tokio::task::spawn_blocking(move || printed(command.output().unwrap()));
            let ran = ran.await.unwrap();
            drop(stop);
            ran
        };
        let (served, ran) = tokio::join!(served, ran);
        served.unwrap();
        assert_eq!(documents(&self.emulator), before, "a channel was changed");
        for call in self.emulator.calls() {
            let is_read = READS.contains(&call.operation.as_str());
            assert!(is_read || !call.applied, "{call:?}");
            assert!(
                is_read || call.channel.as_deref().is_none_or(|id| id == "0"),
                "{call:?}"
            );
        }
        assert!(!format!("{ran:?}").contains(CANARY), "a key is shown: {ran:?}");
        Report {
            endpoint,
            dir: self.dir.path().display().to_string(),
            ran,
        }
    }
}

/// What a doctor said.
struct Report {
    endpoint: String,
    dir: String,
    ran: Ran,
}

impl Report {
    /// Without what differs from run to run.
    fn text(&self) -> String {
        let text = self.ran.out.replace(&self.endpoint, "http://[endpoint]");
        text.replace(&format!("{}/", self.dir), "")
            .replace(&self.dir, "[dir]")
    }

    /// The one line, in one piece, that says `what`.
    fn line(&self, what: &str) -> String {
        let mut lines: Vec<String> = Vec::new();
        for line in self.text().lines() {
            match lines.last_mut() {
                Some(last) if line.starts_with(' ') => *last = format!("{last} {}", line.trim()),
                _ => lines.push(line.split_whitespace().collect::<Vec<_>>().join(" ")),
            }
        }
        let mut found = lines.iter().filter(|line| line.contains(what));
        let one = found
            .next()
            .unwrap_or_else(|| panic!("no {what}:\n{}", self.ran.out));
        assert!(found.next().is_none(), "more than one {what}:\n{}", self.ran.out);
        one.clone()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.ran.out).unwrap()
    }
}

/// A MediaLive with `channels` of three parked slots each.
fn emulator(channels: &[&str]) -> Emulator {
    let slot = |number: usize| InventedSlot {
        output_group: format!("RTMP-Slot-{number}"),
        stream_names: vec![format!("parked-{number}")],
    };
    let channel = |id: &&str| InventedChannel {
        id: (*id).to_owned(),
        standard: false,
        parking_url: "rtmp://127.0.0.1:1935/parked".to_owned(),
        slots: (1..=3).map(slot).collect(),
    };
    let fleet = Fleet::invent(&[InventedPool {
        name: "main".to_owned(),
        channels: channels.iter().map(channel).collect(),
    }]);
    emulator_of(fleet)
}

fn emulator_of(fleet: Fleet) -> Emulator {
    let options = Options {
        #[expect(clippy::disallowed_methods, reason = "the clock of a server")]
        epoch: jiff::Timestamp::now(),
        ..Options::default()
    };
    Emulator::new(options, fleet)
}

/// Every channel as it is now.
fn documents(emulator: &Emulator) -> BTreeMap<String, Value> {
    emulator.with_world(|world, _| {
        let channels = world.channels().iter();
        channels
            .map(|(id, channel)| (id.clone(), Value::Object(channel.describe())))
            .collect()
    })
}

/// Gives a channel an owner.
fn tag(emulator: &Emulator, id: &str, owner: &str) {
    emulator.with_world(|world, _| {
        let document = world.channel_mut(id).unwrap().document_mut();
        document.insert("tags".into(), json!({"slotwise.dev/owner": owner}));
    });
}

/// Starts a channel, and waits until it runs.
async fn start(emulator: &Emulator, id: &str) {
    emulator.set_speed(1_000_000.0);
    let request = Request::post(format!("/prod/channels/{id}/start")).body(Body::empty());
    let Ok(response) = emulator.router().oneshot(request.unwrap()).await;
    assert_eq!(response.status(), 200);
    while documents(emulator)[id]["state"] != "RUNNING" {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
