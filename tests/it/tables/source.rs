//! Items → destinations.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use slotwise::testing::model::{Identity, OwnerId, StreamKey, WantedState};
use slotwise::testing::store::{LoadOptions, Source, Sources};

use super::super::keys::aws::FakeAws;
use super::{Fixture, doubt, load_until, names, until};

const URL: &str = "rtmp://a.example/live";

/// A table of a web front end that knows nothing of slotwise.
const FRONT_END: &str = "poll: 1s
  attributes:
    name: { attribute: title, label: true }
    state: { attribute: status, streaming: [streaming, 1], ready: [ready, 0] }
    url: rtmpUrl
    streamKey: key
    priority: rank
  status: { attributes: { phase: shown, message: why }, phases: { Streaming: streaming, Ready: ready } }";

#[tokio::test]
async fn items_of_the_default_layout_are_destinations() {
    let fixture = Fixture::new("").await;
    let table = fixture.table();
    fixture.dynamo.create(&table, "name", false).await;
    let texts = [
        ("name", "a"),
        ("state", "Streaming"),
        ("platform", "twitch"),
        ("streamKey", "CANARY-a"),
        ("group", "g"),
    ];
    let number = |number: &str| AttributeValue::N(number.to_owned());
    let pin = [("channel", "4000002"), ("outputGroup", "RTMP-Slot-1")];
    let pin = pin.map(|(name, text)| (name.to_owned(), AttributeValue::S(text.to_owned())));
    let more = [
        ("priority", number("7")),
        ("interruptible", AttributeValue::Bool(false)),
        ("slot", AttributeValue::M(pin.into())),
        ("unknown", number("1")),
    ];
    fixture.dynamo.put(&table, &texts, &more).await;
    let loaded = fixture.sources().load().await.unwrap();
    assert_eq!(fixture.messages(&loaded), [""; 0]);
    let one = &loaded.desired.destinations["a"];
    assert_eq!(
        (one.state, one.priority, one.interruptible),
        (WantedState::Streaming, 7, false)
    );
    assert_eq!(one.pool.as_str(), "main");
    assert_eq!(one.group.as_ref().map(ToString::to_string).as_deref(), Some("g"));
    assert_eq!(one.pin.as_ref().map(|pin| pin.channel.as_str()), Some("4000002"));
    assert!(matches!(&one.key, StreamKey::Known(key) if key.reveal() == "CANARY-a"));
}

#[tokio::test]
async fn a_table_that_exists_is_used_as_it_is() {
    let fixture = Fixture::new(FRONT_END).await;
    let table = fixture.table();
    fixture.dynamo.create(&table, "id", false).await;
    let item = |id, title, status| {
        [
            ("id", id),
            ("title", title),
            ("status", status),
            ("rtmpUrl", URL),
            ("key", id),
        ]
    };
    fixture
        .dynamo
        .put(&table, &item("k-17", "Main Stage", "streaming"), &[])
        .await;
    fixture
        .dynamo
        .put(&table, &item("k-18", "Side stage!", "ready"), &[])
        .await;
    let number = [("status", AttributeValue::N("1".to_owned()))];
    fixture
        .dynamo
        .put(&table, &item("k-19", "third", ""), &number)
        .await;
    let loaded = fixture.sources().load().await.unwrap();
    assert_eq!(fixture.messages(&loaded), [""; 0]);
    assert_eq!(names(&loaded), ["main-stage", "side-stage", "third"]);
    let state = |name: &str| loaded.desired.destinations[name].state;
    assert_eq!(
        [state("main-stage"), state("side-stage"), state("third")],
        [WantedState::Streaming, WantedState::Ready, WantedState::Streaming]
    );
}

#[tokio::test]
async fn a_bad_item_is_reported_by_attribute_and_the_others_work() {
    let fixture = Fixture::new(FRONT_END).await;
    let table = fixture.table();
    fixture.dynamo.create(&table, "id", false).await;
    let good = [
        ("id", "1"),
        ("title", "good"),
        ("status", "streaming"),
        ("rtmpUrl", URL),
        ("key", "CANARY-1"),
    ];
    fixture.dynamo.put(&table, &good, &[]).await;
    let bad = [
        ("id", "2"),
        ("title", "bad"),
        ("status", "paused"),
        ("rtmpUrl", "rtmp://a.example/live/live_1_CANARY"),
        ("key", "CAN ARY"),
    ];
    fixture
        .dynamo
        .put(&table, &bad, &[("rank", AttributeValue::S("high".to_owned()))])
        .await;
    let mut sources = fixture.sources();
    let loaded = sources.load().await.unwrap();
    assert_eq!(names(&loaded), ["good"]);
    let messages = fixture.messages(&loaded);
    assert_eq!(messages.len(), 4, "{messages:#?}");
    for (attribute, said) in [
        (
            "status: `paused`",
            "write `streaming`, 1 for on air or `ready`, 0 for off air",
        ),
        ("rank: must be a whole number, not a text", ""),
        ("rtmpUrl:", "the URL seems to hold a stream key"),
        ("key: there are spaces", ""),
    ] {
        let found = messages
            .iter()
            .find(|text| text.contains(&format!("table live [id=2]: Destination bad: {attribute}")));
        assert!(
            found.is_some_and(|text| text.contains(said)),
            "{attribute}: {messages:#?}"
        );
    }
    assert!(!messages.join(" ").contains("CANARY"));
    // It can be itself only: nothing else is held up for it.
    assert_eq!(doubt(&loaded), "");
    let set_aside: Vec<&str> = loaded.desired.set_aside.iter().map(Identity::as_str).collect();
    assert!(
        matches!(set_aside[..], [one] if one.starts_with("2-")),
        "{set_aside:?}"
    );

    // Put right, it is taken, and nothing else has to happen.
    let bad = [
        ("id", "2"),
        ("title", "bad"),
        ("status", "ready"),
        ("rtmpUrl", URL),
        ("key", "CANARY-2"),
    ];
    fixture.dynamo.put(&table, &bad, &[]).await;
    let loaded = load_until(&mut sources, "healed", |loaded| names(loaded).len() == 2).await;
    assert!(loaded.desired.set_aside.is_empty());
    // Broken again, it stays as it was last.
    fixture.dynamo.set(&table, ("id", "2"), "status", "what").await;
    let loaded = load_until(&mut sources, "set aside", |loaded| !loaded.rejected.is_empty()).await;
    assert_eq!(loaded.desired.destinations["bad"].state, WantedState::Ready);
    assert!(loaded.rejected[0].last_good);
}

#[tokio::test]
async fn a_name_in_two_sources_is_reported_and_not_guessed() {
    let fixture = Fixture::new("poll: 1s").await;
    let table = fixture.table();
    fixture.dynamo.create(&table, "name", false).await;
    let item = [
        ("name", "a"),
        ("state", "Streaming"),
        ("url", URL),
        ("streamKey", "one"),
    ];
    fixture.dynamo.put(&table, &item, &[]).await;
    fixture.write(
        "a.yaml",
        "apiVersion: slotwise.dev/v1alpha1\nkind: Destination\nmetadata: { name: a }\nspec: { pool: main, state: Ready, url: \"rtmp://b.example/live\", streamKey: two }\n",
    );
    let mut sources = fixture.sources();
    let loaded = sources.load().await.unwrap();
    assert_eq!(names(&loaded), [""; 0], "neither of the two is taken");
    let messages = fixture.messages(&loaded).join("\n");
    assert!(
        messages.contains("table live [name=a]: Destination a-")
            && messages.contains(
                ": name: Destination a is declared at a.yaml:3:19 too, and neither is in force yet"
            ),
        "{messages}"
    );
    assert!(
        messages.contains(
            "a.yaml:3:19: Destination a: metadata.name: Destination a is declared at table live [name=a] too"
        ),
        "{messages}"
    );
    assert!(doubt(&loaded).contains("Destination a"));

    // One that is in force stays in force when the other appears.
    std::fs::remove_file(fixture.dir.path().join("a.yaml")).unwrap();
    let loaded = load_until(&mut sources, "taken", |loaded| names(loaded) == ["a"]).await;
    assert_eq!(&*loaded.desired.destinations["a"].url, URL);
    fixture.write(
        "a.yaml",
        "apiVersion: slotwise.dev/v1alpha1\nkind: Destination\nmetadata: { name: a }\nspec: { pool: main, state: Ready, url: \"rtmp://b.example/live\", streamKey: two }\n",
    );
    let loaded = load_until(&mut sources, "reported", |loaded| !loaded.problems.is_empty()).await;
    assert_eq!(&*loaded.desired.destinations["a"].url, URL);
}

#[tokio::test]
async fn an_item_has_nothing_of_this_machine_sent_anywhere() {
    let fixture = Fixture::new("poll: 1s").await;
    let table = fixture.table();
    fixture.dynamo.create(&table, "name", false).await;
    let from = AttributeValue::M([("env".to_owned(), AttributeValue::S("HOME".to_owned()))].into());
    let item = [("name", "a"), ("state", "Streaming"), ("url", URL)];
    fixture
        .dynamo
        .put(&table, &item, &[("streamKeyFrom", from)])
        .await;
    let mut sources = fixture.sources();
    let loaded = sources.load().await.unwrap();
    assert_eq!(names(&loaded), [""; 0]);
    let messages = fixture.messages(&loaded).join("\n");
    assert!(
        messages.contains("streamKeyFrom.env: an item may not refer to env of the machine"),
        "{messages}"
    );
    // Unless the DestinationTable says so.
    fixture.declare(&table, "poll: 1s\n  localKeys: true");
    load_until(&mut sources, "allowed", |loaded| names(loaded) == ["a"]).await;
}

#[tokio::test]
async fn a_stream_tells_of_a_change_at_once() {
    let fixture = Fixture::new("poll: 1h").await;
    let table = fixture.table();
    fixture.dynamo.create(&table, "name", true).await;
    let item = [
        ("name", "a"),
        ("state", "Ready"),
        ("url", URL),
        ("streamKey", "one"),
    ];
    fixture.dynamo.put(&table, &item, &[]).await;
    let mut sources = fixture.sources();
    load_until(&mut sources, "read", |loaded| names(loaded) == ["a"]).await;
    let asked = || fixture.dynamo.count("GetRecords");
    // Until the stream is followed.
    until("the stream is followed", || asked() >= 2).await;
    fixture
        .dynamo
        .set(&table, ("name", "a"), "state", "Streaming")
        .await;
    let on = |loaded: &slotwise::testing::store::Loaded| {
        loaded.desired.destinations["a"].state == WantedState::Streaming
    };
    let loaded = load_until(&mut sources, "seen", on).await;
    assert_eq!(loaded.desired.destinations["a"].generation, 2);
    // What is written into attributes of slotwise's own is no news.
    let scans = fixture.dynamo.count("Scan");
    fixture
        .dynamo
        .set(&table, ("name", "a"), "status", "whatever")
        .await;
    let before = asked();
    // The first question may have been under way already; a look would have begun before the last one.
    until("the stream was read", || asked() >= before + 3).await;
    assert_eq!(fixture.dynamo.count("Scan"), scans);
}

#[tokio::test]
async fn a_generation_of_the_front_end_is_reported_back() {
    let fixture = Fixture::new("poll: 1s").await;
    let table = fixture.table();
    fixture.dynamo.create(&table, "name", false).await;
    let item = [
        ("name", "a"),
        ("state", "Ready"),
        ("url", URL),
        ("streamKey", "one"),
    ];
    let version = [("generation", AttributeValue::N("41".to_owned()))];
    fixture.dynamo.put(&table, &item, &version).await;
    let loaded = fixture.sources().load().await.unwrap();
    assert_eq!(loaded.desired.destinations["a"].generation, 41);
}

#[tokio::test]
async fn without_access_files_are_read_and_tables_are_counted() {
    let fixture = Fixture::new("").await;
    let paths = vec![fixture.dir.path().to_owned()];
    let mut sources = Sources::new(paths, OwnerId::new("test"), LoadOptions { check_keys: false });
    let loaded = sources.load().await.unwrap();
    assert_eq!((loaded.tables, fixture.dynamo.count("Scan")), (1, 0));
}

#[tokio::test]
async fn each_mistake_in_a_table_has_its_place() {
    let fixture = Fixture::new(
        "endpoint: \"http://u:p@x\"
  poll: 1ms
  attributes:
    name: { attribute: id }
    state: { attribute: id, streaming: [on], ready: [on] }
    priority: rank
  status: { attribute: rank, phases: { Streamin: x } }",
    )
    .await;
    let loaded = fixture.sources().load().await.unwrap();
    let messages = fixture.messages(&loaded).join("\n");
    for said in [
        "spec.endpoint: an endpoint takes no user",
        "spec.poll: the time is out of range",
        "spec.attributes.state.attribute: `id` holds spec.attributes.name.attribute already",
        "spec.attributes.state.ready[0]: `on` would mean both",
        "no attribute holds the stream key",
        "no attribute says where to stream to",
        "spec.status.attribute: `rank` holds what users write already",
        "spec.status.phases.Streamin: `Streamin` is no phase; did you mean `Streaming`?",
    ] {
        assert!(messages.contains(said), "{said}:\n{messages}");
    }
    assert!(
        doubt(&loaded).contains("DestinationTable front-end"),
        "{}",
        doubt(&loaded)
    );
}

#[tokio::test]
async fn a_key_that_aws_keeps_is_read_for_an_item_as_for_a_file() {
    let fixture = Fixture::new("poll: 1s").await;
    let table = fixture.table();
    fixture.dynamo.create(&table, "name", false).await;
    let from = |name: &str| {
        let name = AttributeValue::S(name.to_owned());
        AttributeValue::M([("ssm".to_owned(), name)].into())
    };
    for (name, parameter) in [("a", "/live/a"), ("b", "/live/missing")] {
        let item = [("name", name), ("state", "Ready"), ("url", URL)];
        let key = [("streamKeyFrom", from(parameter))];
        fixture.dynamo.put(&table, &item, &key).await;
    }
    let aws = FakeAws::default();
    aws.put("/live/a");
    let mut sources = fixture.sources().with_keys(aws.keys(Duration::from_mins(5)));
    let loaded = sources.load().await.unwrap();
    assert!(matches!(
        &loaded.desired.destinations["a"].key,
        StreamKey::Known(_)
    ));
    assert!(matches!(
        &loaded.desired.destinations["b"].key,
        StreamKey::Unavailable { .. }
    ));
    let messages = fixture.messages(&loaded).join("\n");
    assert!(
        messages.contains("table live [name=b]: Destination b: streamKeyFrom.ssm: "),
        "{messages}"
    );
    // Rotated while it is off air: it goes on air with the new key.
    aws.rotate("/live/a", "rotated");
    fixture
        .dynamo
        .set(&table, ("name", "a"), "state", "Streaming")
        .await;
    let rotated = |loaded: &slotwise::testing::store::Loaded| matches!(&loaded.desired.destinations["a"].key, StreamKey::Known(key) if key.reveal().ends_with("-rotated"));
    load_until(&mut sources, "read again", rotated).await;
}
