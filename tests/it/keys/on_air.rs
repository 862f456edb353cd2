//! Destinations whose keys are in AWS: the whole loop on files, with the emulator, in virtual time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use slotwise::testing::controller::{Controller, Until};
use slotwise::testing::emulator::{Emulator, Options};
use slotwise::testing::model::{DestinationName, OwnerId};
use slotwise::testing::status::{DestinationStatus, Phase};
use slotwise::testing::store::{LoadOptions, Sources};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::super::stage::{desired, fleet, on_files, pool};
use super::aws::{CANARY, FakeAws, Fault};

const MINUTE: Duration = Duration::from_mins(1);
const TTL: Duration = Duration::from_mins(5);

/// A daemon on files whose keys are in AWS. The keys of `a`, `b` and so on are the parameters `/live/a`, `/live/b`.
struct Daemon {
    aws: FakeAws,
    emulator: Emulator,
    controller: Controller<Sources>,
    log: Arc<Mutex<String>>,
    dir: TempDir,
}

impl Daemon {
    /// Destinations `names`, all wanted and of one group, in a pool of `channels` that interrupts as `interrupt` says.
    fn new(aws: FakeAws, channels: &[&str], interrupt: &str, names: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let ids: Vec<String> = channels.iter().map(|id| format!("{{ id: \"{id}\" }}")).collect();
        let mut text = format!(
            "apiVersion: slotwise.dev/v1alpha1\nkind: ChannelPool\nmetadata: {{ name: main }}\nspec:\n  channels: [{}]\n  \
             slots: {{ outputGroups: \"RTMP-Slot-*\", parkingUrl: rtmp://127.0.0.1/parked }}\n  \
             disruption: {{ interrupt: {interrupt} }}\n",
            ids.join(", ")
        );
        let declare = |name: &&str| {
            format!(
                "---\napiVersion: slotwise.dev/v1alpha1\nkind: Destination\nmetadata: {{ name: {name} }}\nspec:\n  \
                 pool: main\n  state: Streaming\n  group: show\n  url: rtmp://{name}.example/live\n  \
                 streamKeyFrom: {{ ssm: /live/{name} }}\n"
            )
        };
        text.extend(names.iter().map(declare));
        std::fs::write(dir.path().join("all.yaml"), text).unwrap();

        let owner = OwnerId::new("test");
        let source = Sources::new(vec![dir.path().to_owned()], owner.clone(), LoadOptions::default());
        let emulator = Emulator::new(Options::default(), fleet(&desired(pool(channels), Vec::new())));
        let (controller, log) = on_files(&emulator, source.with_keys(aws.keys(TTL)), owner);
        Self {
            aws,
            emulator,
            controller,
            log,
            dir,
        }
    }

    /// Writes `text` in place of `old` into the declarations.
    fn edit(&self, old: &str, text: &str) {
        let path = self.dir.path().join("all.yaml");
        let before = std::fs::read_to_string(&path).unwrap();
        assert!(before.contains(old), "{before}");
        std::fs::write(&path, before.replace(old, text)).unwrap();
    }

    async fn run_for(&mut self, time: Duration) {
        let asked = CancellationToken::new();
        let stop = asked.clone();
        tokio::join!(
            async move {
                tokio::time::sleep(time).await;
                stop.cancel();
            },
            self.controller.run(Until::Asked, &asked)
        );
    }

    fn status(&self, name: &str) -> Arc<DestinationStatus> {
        let name = DestinationName::new(name);
        let status = self.controller.status();
        status
            .destinations
            .iter()
            .find(|one| one.name == name)
            .unwrap()
            .clone()
    }

    fn phases<const N: usize>(&self, names: [&str; N]) -> [Phase; N] {
        names.map(|name| self.status(name).phase)
    }

    /// Whether a slot of `channel` has this key.
    fn carries(&self, channel: &str, key: &str) -> bool {
        let document = self
            .emulator
            .with_world(|world, _| world.channel(channel).unwrap().describe());
        serde_json::to_string(&document)
            .unwrap()
            .contains(&format!("\"{CANARY}-{key}\""))
    }

    /// Calls that change something, since the last time this was asked.
    fn writes(&self) -> Vec<String> {
        let calls = self.emulator.calls();
        self.emulator.clear_calls();
        calls
            .into_iter()
            .map(|call| call.operation)
            .filter(|operation| {
                !["ListChannels", "DescribeChannel", "CreateTags"].contains(&operation.as_str())
            })
            .collect()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let log = self.log.lock().unwrap();
            let status = format!("{:?} {:?}", self.controller.status(), self.controller.plan());
            assert!(!log.contains(CANARY), "a key was shown:\n{log}");
            assert!(
                !status.contains(CANARY),
                "a key is in the status or the plan:\n{status}"
            );
        }
    }
}

fn with_keys(names: &[&str]) -> FakeAws {
    let aws = FakeAws::default();
    for name in names {
        aws.rotate(&format!("/live/{name}"), &format!("{name}-1"));
    }
    aws
}

#[tokio::test(start_paused = true)]
async fn a_rotated_key_on_air_waits_without_a_grant() {
    let mut daemon = Daemon::new(with_keys(&["a", "b"]), &["1"], "Never", &["a", "b"]);
    daemon.run_for(20 * MINUTE).await;
    assert_eq!(daemon.phases(["a", "b"]), [Phase::Streaming; 2]);
    daemon.writes();

    daemon.aws.rotate("/live/a", "a-2");
    daemon.run_for(30 * MINUTE).await;
    assert_eq!(daemon.writes(), [""; 0]);
    assert!(daemon.carries("1", "a-1"), "still on air with the key of before");
    let a = daemon.status("a");
    assert_eq!(a.reason, "InterruptionForbidden", "{a:?}");
    assert!(daemon.log.lock().unwrap().contains("new key"));
}

#[tokio::test(start_paused = true)]
async fn a_rotated_key_on_air_interrupts_where_allowed() {
    let mut daemon = Daemon::new(with_keys(&["a", "b"]), &["1"], "Anytime", &["a", "b"]);
    daemon.run_for(20 * MINUTE).await;
    daemon.writes();

    daemon.aws.rotate("/live/a", "a-2");
    daemon.run_for(30 * MINUTE).await;
    assert_eq!(daemon.writes(), ["StopChannel", "UpdateChannel", "StartChannel"]);
    assert!(daemon.carries("1", "a-2") && !daemon.carries("1", "a-1"));
    assert!(daemon.carries("1", "b-1"));
    assert_eq!(daemon.phases(["a", "b"]), [Phase::Streaming; 2]);
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_key_blocks_only_its_destination() {
    let aws = with_keys(&["a", "b", "c"]);
    aws.state().denied.insert("/live/c".to_owned());
    let mut daemon = Daemon::new(aws, &["1", "2"], "Never", &["a", "b", "c"]);
    daemon.run_for(20 * MINUTE).await;
    assert_eq!(daemon.phases(["a", "b"]), [Phase::Streaming; 2]);
    let c = daemon.status("c");
    assert_eq!(c.reason, "SecretUnavailable");
    assert!(
        c.message.contains("ssm /live/c") && c.message.contains("ssm:GetParameters is missing"),
        "{c:?}"
    );

    daemon.aws.state().denied.clear();
    daemon.run_for(20 * MINUTE).await;
    assert_eq!(daemon.phases(["a", "b", "c"]), [Phase::Streaming; 3]);
    assert!(daemon.carries("2", "c-1"), "where it interrupts nothing");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_can_no_longer_be_read_takes_nothing_off_air() {
    let mut daemon = Daemon::new(with_keys(&["a", "b"]), &["1"], "Anytime", &["a", "b"]);
    daemon.run_for(20 * MINUTE).await;
    daemon.writes();
    daemon.aws.state().parameters.remove("/live/a");
    daemon.run_for(60 * MINUTE).await;
    assert_eq!(daemon.writes(), [""; 0]);
    assert_eq!(daemon.phases(["a", "b"]), [Phase::Streaming; 2]);
    assert!(
        daemon
            .log
            .lock()
            .unwrap()
            .contains("there is no parameter /live/a in eu-central-1")
    );
}

#[tokio::test(start_paused = true)]
async fn an_unresponsive_ssm_blocks_nothing_else() {
    let aws = with_keys(&["a"]);
    aws.state().fault = Some(Fault::Slow(60 * MINUTE));
    let mut daemon = Daemon::new(aws, &["1"], "Never", &["a"]);
    daemon.run_for(5 * MINUTE).await;
    assert_eq!(daemon.status("a").reason, "SecretUnavailable");
    let looks = daemon.emulator.calls().len();
    assert!(looks >= 4, "{looks} looks at the channels in 5 minutes");

    daemon.aws.state().fault = None;
    daemon.run_for(20 * MINUTE).await;
    assert_eq!(daemon.phases(["a"]), [Phase::Streaming]);
}

#[tokio::test(start_paused = true)]
async fn reading_an_unchanged_key_again_is_no_event() {
    let mut daemon = Daemon::new(with_keys(&["a"]), &["1"], "Never", &["a"]);
    daemon.run_for(20 * MINUTE).await;
    daemon.log.lock().unwrap().clear();
    daemon.aws.calls();
    daemon.run_for(60 * MINUTE).await;
    let log = daemon.log.lock().unwrap();
    assert!(!log.contains("SourceLoaded") && !log.contains("Planned"), "{log}");
    assert_eq!(daemon.aws.calls().len(), 12);
}

#[tokio::test(start_paused = true)]
async fn a_destination_goes_on_air_with_a_key_rotated_just_before() {
    let mut daemon = Daemon::new(with_keys(&["a"]), &["1"], "Never", &["a"]);
    daemon.edit("state: Streaming", "state: Ready");
    daemon.run_for(2 * MINUTE).await;
    daemon.writes();

    daemon.aws.rotate("/live/a", "a-2");
    daemon.edit("state: Ready", "state: Streaming");
    daemon.run_for(20 * MINUTE).await;
    assert_eq!(
        daemon.writes(),
        ["UpdateChannel", "StartChannel"],
        "and nothing is stopped for it later"
    );
    assert!(daemon.carries("1", "a-2"));
}

#[tokio::test(start_paused = true)]
async fn without_an_answer_a_destination_goes_on_air_with_its_last_key() {
    let mut daemon = Daemon::new(with_keys(&["a"]), &["1"], "Never", &["a"]);
    daemon.edit("state: Streaming", "state: Ready");
    daemon.run_for(2 * MINUTE).await;
    daemon.aws.state().fault = Some(Fault::Slow(60 * MINUTE));
    daemon.edit("state: Ready", "state: Streaming");
    daemon.run_for(5 * MINUTE).await;
    assert_eq!(daemon.phases(["a"]), [Phase::Streaming]);
    assert!(daemon.carries("1", "a-1"));
}

#[tokio::test(start_paused = true)]
async fn changed_files_cost_a_call_only_for_a_newly_wanted_destination() {
    let mut daemon = Daemon::new(with_keys(&["a", "b"]), &["1"], "Never", &["a", "b"]);
    daemon.run_for(MINUTE).await;
    daemon.aws.calls();
    daemon.edit("group: show", "group: another");
    daemon.run_for(MINUTE).await;
    assert_eq!(daemon.aws.calls(), [""; 0]);
    daemon.edit("state: Streaming", "state: Ready");
    daemon.run_for(MINUTE).await;
    assert_eq!(daemon.aws.calls(), [""; 0]);
    daemon.edit("state: Ready", "state: Streaming");
    daemon.run_for(MINUTE).await;
    assert_eq!(daemon.aws.calls(), ["GetParameters 2"]);
}
