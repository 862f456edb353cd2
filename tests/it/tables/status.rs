//! The status in the items.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use slotwise::testing::controller::lease::Lease;
use slotwise::testing::emulator::channel::State;
use slotwise::testing::model::{Observed, OwnerId};
use slotwise::testing::plan::plan;
use slotwise::testing::status::Status;
use slotwise::testing::store::{LoadOptions, Source, Sources, Tables};

use super::dynamo::{Dynamo, Fault};
use super::{Fixture, emulator, until};

const URL: &str = "rtmp://a.example/live";
const WORDS: &str = "poll: 1s
  attributes:
    name: { attribute: id }
    state: { attribute: wanted, streaming: [streaming], ready: [ready] }
    url: rtmpUrl
    streamKey: key
  status:
    attributes: { phase: state, reason: reason, message: why, channel: channel, slot: slot, since: since, observedGeneration: seen }
    phases: { Ready: ready, Pending: starting, Starting: starting, Streaming: streaming, Stopping: stopping, Error: error }";

async fn front_end() -> (Fixture, String) {
    let fixture = Fixture::new(WORDS).await;
    let table = fixture.table();
    fixture.dynamo.create(&table, "id", false).await;
    (fixture, table)
}

/// Waits for so many more looks at the table, and their effects.
async fn looks(dynamo: &Dynamo, count: usize) {
    let before = dynamo.count("Scan");
    // One may be under way, and one more begins when all that came of the others is over.
    until("looked at", || dynamo.count("Scan") > before + count).await;
}

async fn put(fixture: &Fixture, id: &str, wanted: &str) {
    let item = [
        ("id", id),
        ("wanted", wanted),
        ("rtmpUrl", URL),
        ("key", &format!("CANARY-{id}")),
        ("note", "mine"),
    ];
    fixture.dynamo.put(&fixture.table(), &item, &[]).await;
}

#[tokio::test]
async fn the_status_is_written_in_the_front_ends_words() {
    let (fixture, table) = front_end().await;
    put(&fixture, "a", "ready").await;
    let emulator = emulator(&fixture).await;
    let mut daemon = fixture.daemon(&emulator);
    let dynamo = &fixture.dynamo;
    let a = ("id", "a");
    daemon
        .run_during(async {
            dynamo.until(&table, a, "state", "ready").await;
            dynamo.set(&table, a, "wanted", "streaming").await;
            dynamo.until(&table, a, "state", "starting").await;
            dynamo.until(&table, a, "state", "streaming").await;
            assert_eq!(dynamo.text(&table, a, "channel").await, "4000001");
            assert_eq!(dynamo.text(&table, a, "slot").await, "RTMP-Slot-1");
            assert_eq!(dynamo.text(&table, a, "seen").await, "2");
            assert!(!dynamo.text(&table, a, "since").await.is_empty());
            dynamo.set(&table, a, "wanted", "ready").await;
            dynamo.until(&table, a, "state", "ready").await;
            // A URL that cannot be one: its item says why, and what was good stays in force.
            dynamo.set(&table, a, "rtmpUrl", "http://x").await;
            dynamo.until(&table, a, "reason", "Invalid").await;
            assert!(dynamo.text(&table, a, "why").await.contains("rtmpUrl: "));
            assert_eq!(dynamo.text(&table, a, "state").await, "ready");
            // One that never was good is an error.
            put(&fixture, "b", "what").await;
            dynamo.until(&table, ("id", "b"), "state", "error").await;
        })
        .await;
    let item = dynamo.get(&table, a).await.unwrap();
    // What users write is as they wrote it, and the key stands nowhere else.
    assert_eq!(item["note"], AttributeValue::S("mine".to_owned()));
    let shown = format!(
        "{:?} {}",
        item.iter().filter(|(name, _)| *name != "key").collect::<Vec<_>>(),
        daemon.log()
    );
    assert!(!shown.contains("CANARY"));
}

#[tokio::test]
async fn a_steady_state_costs_no_write_and_neither_does_a_restart() {
    let (fixture, table) = front_end().await;
    for id in ["a", "b"] {
        put(&fixture, id, "streaming").await;
    }
    put(&fixture, "c", "ready").await;
    let emulator = emulator(&fixture).await;
    let dynamo = &fixture.dynamo;
    fixture
        .daemon(&emulator)
        .run_during(async {
            for (id, state) in [("a", "streaming"), ("b", "streaming"), ("c", "ready")] {
                dynamo.until(&table, ("id", id), "state", state).await;
            }
            // One more look at the table, which then knows what was written.
            looks(dynamo, 2).await;
            let writes = dynamo.count("UpdateItem");
            looks(dynamo, 3).await;
            assert_eq!(dynamo.count("UpdateItem"), writes);
        })
        .await;
    let (writes, since) = (
        dynamo.count("UpdateItem"),
        dynamo.text(&table, ("id", "a"), "since").await,
    );
    fixture.daemon(&emulator).run_during(looks(dynamo, 3)).await;
    assert_eq!(dynamo.count("UpdateItem"), writes, "a restart is no news");
    assert_eq!(dynamo.text(&table, ("id", "a"), "since").await, since);
}

#[tokio::test]
async fn a_deleted_item_is_not_recreated_and_goes_off_air() {
    let (fixture, table) = front_end().await;
    for id in ["a", "b"] {
        put(&fixture, id, "streaming").await;
    }
    let emulator = emulator(&fixture).await;
    let dynamo = &fixture.dynamo;
    let mut daemon = fixture.daemon(&emulator);
    daemon
        .run_during(async {
            for id in ["a", "b"] {
                dynamo.until(&table, ("id", id), "state", "streaming").await;
            }
            dynamo.delete(&table, ("id", "b")).await;
            let running = || {
                emulator.with_world(|world, _| {
                    let channels = world.channels().values();
                    channels
                        .filter(|channel| channel.state() == State::Running)
                        .count()
                })
            };
            until("off air", || running() == 1).await;
        })
        .await;
    assert!(
        dynamo.get(&table, ("id", "b")).await.is_none(),
        "it was not written again"
    );
    assert_eq!(dynamo.text(&table, ("id", "a"), "state").await, "streaming");
}

#[tokio::test]
async fn a_write_that_fails_holds_up_nothing_and_is_tried_again() {
    let (fixture, table) = front_end().await;
    put(&fixture, "a", "streaming").await;
    let emulator = emulator(&fixture).await;
    let dynamo = &fixture.dynamo;
    dynamo.fail(Fault {
        operation: "UpdateItem",
        after: 0,
        times: usize::MAX,
        status: 400,
        code: "AccessDeniedException",
    });
    let mut daemon = fixture.daemon(&emulator);
    daemon
        .run_during(async {
            let started = || {
                let calls = emulator.calls();
                calls.iter().any(|call| call.operation == "StartChannel")
            };
            until("started", started).await;
            assert_eq!(dynamo.text(&table, ("id", "a"), "state").await, "");
            dynamo.heal();
            dynamo.until(&table, ("id", "a"), "state", "streaming").await;
        })
        .await;
}

#[tokio::test]
async fn at_most_25_writes_run_at_once() {
    let (fixture, table) = front_end().await;
    let many = 200;
    for number in 0..many {
        put(&fixture, &format!("d-{number}"), "ready").await;
    }
    let emulator = emulator(&fixture).await;
    let dynamo = &fixture.dynamo;
    fixture
        .daemon(&emulator)
        .run_during(async {
            for number in 0..many {
                dynamo
                    .until(&table, ("id", &format!("d-{number}")), "state", "ready")
                    .await;
            }
        })
        .await;
    assert_eq!(dynamo.count("UpdateItem"), many);
    let most = dynamo.most_at_once("UpdateItem");
    assert!((2..=25).contains(&most), "{most} at once");
}

#[tokio::test]
async fn a_standby_writes_no_status() {
    let (fixture, table) = front_end().await;
    put(&fixture, "a", "streaming").await;
    let tables = Tables::new(fixture.dynamo.access(), Some(Lease::never().gate()));
    let paths = vec![fixture.dir.path().to_owned()];
    let mut sources = Sources::new(paths, OwnerId::new("test"), LoadOptions::default()).with_tables(tables);
    let desired = sources.load().await.unwrap().desired;
    let now = Timestamp::UNIX_EPOCH;
    let planned = plan(&desired, &Observed::default(), now);
    sources.publish(&slotwise::testing::status::status(
        &desired,
        &[],
        &planned,
        &Status::default(),
        now,
    ));
    // Writes that are waited for are given five seconds.
    let ended = tokio::time::timeout(Duration::from_millis(4500), sources.finish()).await;
    assert!(
        ended.is_ok(),
        "what another one is to write is nothing to wait for"
    );
    assert_eq!(fixture.dynamo.count("UpdateItem"), 0);
    assert_eq!(fixture.dynamo.text(&table, ("id", "a"), "state").await, "");
}
