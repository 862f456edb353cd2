//! Every mistake at once, each with its place, and no key repeated.

use slotwise::testing::model::Identity;

use super::{Fixture, destination, doubt, names, pool, simple};

/// Stands for a stream key: must never be repeated.
const CANARY: &str = "live_77301_CanaryXq9Z";

const POOL: &str = r#"apiVersion: slotwise.dev/v1alpha1
kind: ChannelPool
metadata:
  name: main
spec:
  channels:
    - id: "4000001"
    - id: 4000002
  slots:
    outputGroups: "RTMP-["
    parkingUrl: rtmp://user:live_77301_CanaryXq9Z@127.0.0.1/parked
  placement: Sprad
  disruption:
    interrupt: Window
    maxConcurrent: 0
    windows:
      - { cron: "0 25 * * *", duration: 30, timeZone: Europe/Berln }
  paused: { until: tomorrow }
"#;

const GOOD: &str = r#"apiVersion: slotwise.dev/v1alpha1
kind: ChannelPool
metadata: { name: good }
spec:
  channels: [{ id: "1" }]
  slots: { outputGroups: "*", parkingUrl: rtmp://127.0.0.1/parked }
---
apiVersion: slotwise.dev/v1alpha1
kind: Destination
metadata: { name: fine }
spec: { pool: good, state: Streaming, url: rtmp://fine.example/live, streamKeyFrom: { file: fine.key } }
"#;

const DESTINATIONS: &str = r#"# a comment
apiVersion: slotwise.dev/v1alpha1
kind: Destination
metadata:
  name: key-in-url
spec:
  pool: good
  state: Streaming
  url: rtmps://a.rtmps.youtube.com/live2/abcd-1234-efgh-5678
  streamKey: live_77301_CanaryXq9Z
---
apiVersion: slotwise.dev/v1alpha1
kind: Destination
metadata:
  name: typo
spec:
  pool: goood
  state: Streamin
  platform: youtube
  colour: blue
  streamKeyFrom: { env: SLOTWISE_TEST_NOT_SET, file: fine.key }
---
kind: Destination
metadata:
  name: fine
spec: { pool: good, state: Ready, platform: twitch, streamKeyFrom: { file: fine.key } }
---
apiVersion: slotwise.dev/v1alpha1
kind: Destination
metadata: { name: broken }
spec: { pool: good, state: "Ready
---
apiVersion: slotwise.dev/v1alpha1
kind: Destination
metadata: { name: no-key }
spec:
  pool: good
  state: Ready
  platform: facebook
  streamKeyFrom:
    file: missing.key
"#;

fn fixture() -> Fixture {
    Fixture::new(&[
        ("a-pool.yaml", POOL),
        ("b-good.yaml", GOOD),
        ("c/destinations.yml", DESTINATIONS),
        ("fine.key", &format!("{CANARY}\n")),
        ("c/fine.key", "another-key"),
    ])
}

#[tokio::test]
async fn every_mistake_is_reported_at_once_with_place_and_fix() {
    let mut fixture = fixture();
    let loaded = fixture.load().await;
    let messages: Vec<String> = loaded
        .problems
        .iter()
        .map(|problem| fixture.message(problem))
        .collect();
    insta::assert_snapshot!(messages.join("\n"));
}

#[tokio::test]
async fn a_mistake_never_blocks_what_is_right() {
    let loaded = fixture().load().await;
    assert_eq!(names(&loaded), ["fine", "no-key"]);
    let rejected: Vec<String> = loaded
        .rejected
        .iter()
        .map(|rejected| rejected.object.to_string())
        .collect();
    assert_eq!(
        rejected,
        [
            "ChannelPool main",
            "Destination key-in-url",
            "Destination typo",
            "Destination fine"
        ]
    );
    // Declared all the same: what is on air under these names did not vanish. `fine` is in force.
    let set_aside: Vec<&str> = loaded.desired.set_aside.iter().map(Identity::as_str).collect();
    assert_eq!(set_aside, ["key-in-url", "typo"]);
    assert!(
        doubt(&loaded).unwrap().contains("c/destinations.yml:31:"),
        "{:?}",
        doubt(&loaded)
    );
}

#[tokio::test]
async fn a_set_aside_object_counts_as_declared() {
    let mut fixture = Fixture::new(&[
        ("pool.yaml", &pool("main", &["1"])),
        ("one.yaml", &simple("one", "Ready")),
        (
            "two.yaml",
            &destination("two", "state: Ready\n  streamKey: k").replace("pool: main", "pool: nowhere"),
        ),
    ]);
    let loaded = fixture.load().await;
    assert!(loaded.desired.set_aside.iter().eq([&Identity::new("two")]));
    fixture.write("two.yaml", &simple("two", "Ready"));
    assert!(fixture.load().await.desired.set_aside.is_empty());
    fixture.write("two.yaml", &simple("two", "Perhaps"));
    let loaded = fixture.load().await;
    assert_eq!((names(&loaded), loaded.rejected.len()), (vec!["one", "two"], 1));
    assert!(loaded.desired.set_aside.is_empty());
}

#[tokio::test]
async fn no_key_is_repeated_anywhere() {
    let mut fixture = fixture();
    let loaded = fixture.load().await;
    let everything = format!(
        "{loaded:?} {}",
        loaded
            .problems
            .iter()
            .map(ToString::to_string)
            .collect::<String>()
    );
    for secret in [CANARY, "abcd-1234", "another-key"] {
        assert!(!everything.contains(secret), "{secret} in {everything}");
    }
}
