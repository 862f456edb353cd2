//! Tables that are missing, forbidden, throttled, half read or empty.

use aws_sdk_dynamodb::types::AttributeValue;
use slotwise::testing::model::StreamKey;
use slotwise::testing::store::{Loaded, Source, Sources};

use super::dynamo::Fault;
use super::{Fixture, PATIENCE, doubt, load_until, names, until};

const URL: &str = "rtmp://a.example/live";

async fn put(fixture: &Fixture, name: &str, state: &str) {
    let item = [
        ("name", name),
        ("state", state),
        ("url", URL),
        ("streamKey", name),
    ];
    fixture.dynamo.put(&fixture.table(), &item, &[]).await;
}

async fn filled(names: &[&str]) -> Fixture {
    let fixture = Fixture::new("poll: 1s").await;
    fixture.dynamo.create(&fixture.table(), "name", false).await;
    for name in names {
        put(&fixture, name, "Streaming").await;
    }
    fixture
}

fn fault(operation: &'static str, code: &'static str) -> Fault {
    Fault {
        operation,
        after: 0,
        times: usize::MAX,
        status: 400,
        code,
    }
}

#[tokio::test]
async fn a_missing_table_is_reported_and_read_when_it_is_there() {
    let fixture = Fixture::new("poll: 1s").await;
    let mut sources = fixture.sources();
    let loaded = sources.load().await.unwrap();
    let messages = fixture.messages(&loaded).join("\n");
    assert!(
        messages
            .contains("DestinationTable front-end: cannot be read: DescribeTable: there is no such table"),
        "{messages}"
    );
    assert!(
        messages.contains("slotwise table create --destinations live"),
        "{messages}"
    );
    assert!(doubt(&loaded).contains("cannot be read"));
    assert_eq!(loaded.desired.pools.len(), 1, "the rest is good");
    fixture.dynamo.create(&fixture.table(), "name", false).await;
    put(&fixture, "a", "Streaming").await;
    let loaded = load_until(&mut sources, "healed", |loaded| names(loaded) == ["a"]).await;
    assert_eq!(doubt(&loaded), "");
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    for operation in ["DescribeTable", "Scan"] {
        let fixture = filled(&["a"]).await;
        fixture.dynamo.fail(fault(operation, "AccessDeniedException"));
        let loaded = fixture.sources().load().await.unwrap();
        let messages = fixture.messages(&loaded).join("\n");
        assert!(
            messages.contains(&format!("allow dynamodb:{operation} on table live")),
            "{messages}"
        );
    }
}

#[tokio::test]
async fn a_table_that_throttles_changes_no_destination() {
    let fixture = filled(&["a", "b"]).await;
    let mut sources = fixture.sources();
    load_until(&mut sources, "read", |loaded| names(loaded).len() == 2).await;
    fixture
        .dynamo
        .fail(fault("Scan", "ProvisionedThroughputExceededException"));
    let loaded = load_until(&mut sources, "doubted", |loaded| !doubt(loaded).is_empty()).await;
    assert_eq!(names(&loaded), ["a", "b"]);
    fixture.dynamo.heal();
    let loaded = load_until(&mut sources, "healed", |loaded| doubt(loaded).is_empty()).await;
    assert_eq!(names(&loaded), ["a", "b"]);
}

#[tokio::test]
async fn a_scan_that_fails_on_its_third_page_is_no_smaller_table() {
    let fixture = filled(&[]).await;
    // Pages of 1 MB: some items of 300 KB make several.
    let long = "x".repeat(300_000);
    for number in 0..12 {
        let name = format!("d-{number:02}");
        let item = [
            ("name", name.as_str()),
            ("state", "Streaming"),
            ("url", URL),
            ("streamKey", &name),
            ("group", "g"),
            ("note", &long),
        ];
        fixture.dynamo.put(&fixture.table(), &item, &[]).await;
    }
    let mut sources = fixture.sources();
    let loaded = load_until(&mut sources, "read", |loaded| names(loaded).len() == 12).await;
    assert_eq!(doubt(&loaded), "");
    let pages = fixture.dynamo.count("Scan");
    assert!(pages >= 3, "{pages} pages");
    let mut third = fault("Scan", "InternalServerError");
    (third.after, third.status) = (2, 500);
    fixture.dynamo.fail(third);
    let loaded = load_until(&mut sources, "doubted", |loaded| !doubt(loaded).is_empty()).await;
    assert_eq!(names(&loaded).len(), 12);
}

#[tokio::test]
async fn a_full_table_that_is_empty_all_at_once_is_not_believed() {
    let fixture = filled(&["a", "b", "c"]).await;
    let mut sources = fixture.sources();
    load_until(&mut sources, "read", |loaded| names(loaded).len() == 3).await;
    for name in ["a", "b", "c"] {
        fixture.dynamo.delete(&fixture.table(), ("name", name)).await;
    }
    let loaded = load_until(&mut sources, "doubted", |loaded| {
        doubt(loaded).contains("is empty all at once")
    })
    .await;
    assert_eq!(names(&loaded), ["a", "b", "c"]);
    // Believed as soon as anything stands there again.
    put(&fixture, "d", "Streaming").await;
    let loaded = load_until(&mut sources, "believed", |loaded| names(loaded) == ["d"]).await;
    assert_eq!(doubt(&loaded), "");
}

/// What a scan answers that has come across these only.
fn only(names: &[&str]) -> String {
    let item = |name: &&str| {
        format!(
            r#"{{"name":{{"S":"{name}"}},"state":{{"S":"Streaming"}},"url":{{"S":"{URL}"}},"streamKey":{{"S":"{name}"}}}}"#
        )
    };
    let items: Vec<String> = names.iter().map(item).collect();
    format!(r#"{{"Items":[{}]}}"#, items.join(","))
}

#[tokio::test]
async fn a_table_emptied_during_a_scan_is_not_believed() {
    let fixture = filled(&["a", "b", "c"]).await;
    let mut sources = fixture.sources();
    load_until(&mut sources, "read", |loaded| names(loaded).len() == 3).await;
    // A scan that has read the first item only, when all of them are deleted.
    fixture.dynamo.answer("Scan", &only(&["a"]));
    for name in ["a", "b", "c"] {
        fixture.dynamo.delete(&fixture.table(), ("name", name)).await;
    }
    let loaded = load_until(&mut sources, "doubted", |loaded| {
        names(loaded).len() < 3 || doubt(loaded).contains("is empty all at once")
    })
    .await;
    assert_eq!(names(&loaded), ["a", "b", "c"]);
}

#[tokio::test]
async fn a_table_refilled_during_a_scan_is_read_again() {
    let fixture = filled(&["a", "b", "c"]).await;
    let mut sources = fixture.sources();
    load_until(&mut sources, "read", |loaded| names(loaded).len() == 3).await;
    for name in ["a", "b", "c"] {
        fixture.dynamo.delete(&fixture.table(), ("name", name)).await;
    }
    load_until(&mut sources, "doubted", |loaded| !doubt(loaded).is_empty()).await;
    // A scan that had passed the places of the others when they came back.
    fixture.dynamo.answer("Scan", &only(&["a"]));
    fixture.dynamo.answer("Scan", &only(&["a", "b", "c"]));
    let scans = fixture.dynamo.count("Scan");
    load_until(&mut sources, "read twice", |loaded| {
        assert_eq!(names(loaded), ["a", "b", "c"]);
        fixture.dynamo.count("Scan") > scans + 2
    })
    .await;
}

#[tokio::test]
async fn an_item_renamed_during_a_scan_is_never_missing() {
    let fixture = filled(&["a", "b"]).await;
    let mut sources = fixture.sources();
    load_until(&mut sources, "read", |loaded| names(loaded).len() == 2).await;
    // Its new place had been passed already, and its old one was empty when the scan came there.
    fixture.dynamo.answer("Scan", &only(&["a"]));
    put(&fixture, "c", "Streaming").await;
    fixture.dynamo.delete(&fixture.table(), ("name", "b")).await;
    let loaded = load_until(&mut sources, "another", |loaded| names(loaded) != ["a", "b"]).await;
    assert!(names(&loaded).contains(&"c".to_owned()), "{:?}", names(&loaded));
}

#[tokio::test]
async fn what_a_table_lacks_at_the_first_look_is_looked_for_again() {
    let fixture = filled(&["a", "b"]).await;
    fixture.dynamo.answer("Scan", &only(&["a"]));
    let mut sources = fixture.sources();
    let loaded = load_until(&mut sources, "read", |loaded| !names(loaded).is_empty()).await;
    assert_eq!(names(&loaded), ["a", "b"]);
}

#[tokio::test]
async fn a_declaration_that_breaks_loses_no_table() {
    let fixture = filled(&["a", "b"]).await;
    let mut sources = fixture.sources();
    load_until(&mut sources, "read", |loaded| names(loaded).len() == 2).await;
    for broken in [
        "kind: [",
        "apiVersion: slotwise.dev/v1alpha1\nkind: DestinationTable\nmetadata: { name: front-end }\nspec: { table: x }\n",
    ] {
        fixture.write("table.yaml", broken);
        let loaded = load_until(&mut sources, "reported", |loaded| !loaded.problems.is_empty()).await;
        assert_eq!(names(&loaded), ["a", "b"]);
    }
    // Another mapping is another way to read it: until that has worked every destination stays.
    fixture.dynamo.fail(fault("Scan", "AccessDeniedException"));
    fixture.declare(&fixture.table(), "poll: 2s");
    let loaded = load_until(&mut sources, "doubted", |loaded| {
        doubt(loaded).contains("access denied")
    })
    .await;
    assert_eq!(names(&loaded), ["a", "b"]);
}

#[tokio::test]
async fn a_table_that_does_not_answer_holds_up_no_load() {
    let fixture = filled(&["a"]).await;
    let mut sources = fixture.sources();
    load_until(&mut sources, "read", |loaded| names(loaded).len() == 1).await;
    fixture.dynamo.fail(fault("Scan", "InternalServerError"));
    let before = fixture.dynamo.count("Scan");
    until("a look fails", || fixture.dynamo.count("Scan") > before).await;
    // Looks fail for good: a load that waited for one would never end.
    let loaded = tokio::time::timeout(PATIENCE, sources.load())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(names(&loaded), ["a"]);
}

/// A table that is looked at once an hour, with a stream that is followed.
async fn followed() -> (Fixture, Sources) {
    let fixture = Fixture::new("poll: 1h").await;
    fixture.dynamo.create(&fixture.table(), "name", true).await;
    put(&fixture, "a", "Ready").await;
    let mut sources = fixture.sources();
    load_until(&mut sources, "read", |loaded| names(loaded) == ["a"]).await;
    until("the stream is followed", || {
        fixture.dynamo.count("GetRecords") >= 2
    })
    .await;
    (fixture, sources)
}

async fn is_seen(fixture: &Fixture, sources: &mut Sources, state: &str) {
    let key = ("name", "a");
    fixture.dynamo.set(&fixture.table(), key, "state", state).await;
    let seen = |loaded: &Loaded| format!("{:?}", loaded.desired.destinations["a"].state) == state;
    load_until(sources, "seen", seen).await;
}

#[tokio::test]
async fn records_that_were_trimmed_are_made_up_for_by_a_look() {
    let (fixture, mut sources) = followed().await;
    for code in [
        "TrimmedDataAccessException",
        "ExpiredIteratorException",
        "InternalServerError",
    ] {
        let looks = fixture.dynamo.count("Scan");
        let mut trimmed = fault("GetRecords", code);
        trimmed.times = 1;
        fixture.dynamo.fail(trimmed);
        until("looked at again", || fixture.dynamo.count("Scan") > looks).await;
    }
    is_seen(&fixture, &mut sources, "Streaming").await;
}

#[tokio::test]
async fn the_child_of_an_ended_shard_is_followed() {
    let fixture = Fixture::new("poll: 1h").await;
    fixture.dynamo.create(&fixture.table(), "name", true).await;
    put(&fixture, "a", "Ready").await;
    // A shard whose parent has ended already, and which ends as soon as it is read: the table's own is the next one.
    let shards = r#"{"StreamDescription":{"StreamStatus":"ENABLED","Shards":[
        {"ShardId":"shardId-0000000000000000001","SequenceNumberRange":{"StartingSequenceNumber":"1","EndingSequenceNumber":"9"}},
        {"ShardId":"shardId-0000000000000000002","ParentShardId":"shardId-0000000000000000001",
         "SequenceNumberRange":{"StartingSequenceNumber":"10"}}]}}"#;
    fixture.dynamo.answer("DescribeStream", shards);
    fixture
        .dynamo
        .answer("GetShardIterator", r#"{"ShardIterator":"of-shard-2"}"#);
    fixture.dynamo.answer("GetRecords", r#"{"Records":[]}"#);
    let mut sources = fixture.sources();
    load_until(&mut sources, "read", |loaded| names(loaded) == ["a"]).await;
    until("both are read", || fixture.dynamo.count("GetRecords") >= 3).await;
    assert_eq!(
        fixture.dynamo.count("GetShardIterator"),
        2,
        "one for each of the two shards"
    );
    is_seen(&fixture, &mut sources, "Streaming").await;
}

#[tokio::test]
async fn without_stream_permission_the_table_is_polled() {
    let fixture = Fixture::new("poll: 1s").await;
    fixture.dynamo.create(&fixture.table(), "name", true).await;
    put(&fixture, "a", "Ready").await;
    fixture
        .dynamo
        .fail(fault("DescribeStream", "AccessDeniedException"));
    let mut sources = fixture.sources();
    load_until(&mut sources, "read", |loaded| names(loaded) == ["a"]).await;
    is_seen(&fixture, &mut sources, "Streaming").await;
}

#[tokio::test]
async fn keys_of_a_lost_directory_stay_as_they_were_read() {
    let fixture = Fixture::new("poll: 1s\n  localKeys: true").await;
    fixture.dynamo.create(&fixture.table(), "name", false).await;
    fixture.write("key", "key-of-a");
    let from = AttributeValue::M([("file".to_owned(), AttributeValue::S("key".to_owned()))].into());
    let item = [("name", "a"), ("state", "Streaming"), ("url", URL)];
    let more = [("streamKeyFrom", from)];
    fixture.dynamo.put(&fixture.table(), &item, &more).await;
    let knows_key = |loaded: &Loaded| {
        let one = loaded.desired.destinations.get("a");
        one.is_some_and(|one| matches!(&one.key, StreamKey::Known(key) if key.reveal() == "key-of-a"))
    };
    let mut sources = fixture.sources();
    let loaded = sources.load().await.unwrap();
    assert!(knows_key(&loaded), "{:?}", loaded.problems);
    let (here, away) = (fixture.dir.path(), fixture.dir.path().with_extension("away"));
    std::fs::rename(here, &away).unwrap();
    for _ in 0..2 {
        let loaded = sources.load().await.unwrap();
        assert!(doubt(&loaded).contains("cannot be read"), "{}", doubt(&loaded));
        assert!(knows_key(&loaded), "{:?}", loaded.problems);
    }
    std::fs::rename(&away, here).unwrap();
    // A key that alone is gone is missing.
    std::fs::remove_file(here.join("key")).unwrap();
    let loaded = sources.load().await.unwrap();
    assert!(!knows_key(&loaded));
}
