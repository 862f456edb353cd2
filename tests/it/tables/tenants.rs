//! A table of several independent tenants: each item is identified by its key, whatever its name.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use jiff::Timestamp;
use slotwise::testing::model::{Identity, Observed, WantedState};
use slotwise::testing::plan::plan;
use slotwise::testing::status::{Status, status};
use slotwise::testing::store::{Loaded, Source, Sources};

use super::{Fixture, doubt, load_until, names};

const TENANTS: &str = "poll: 1s
  attributes:
    name: { attribute: title, label: true }
    state: { attribute: wanted, streaming: [on], ready: [off] }
    url: rtmpUrl
    streamKey: key
  status: { attributes: { phase: shown, message: why } }";

/// A table with the key (tenant, id).
pub(crate) async fn tenants() -> Fixture {
    let fixture = Fixture::new(TENANTS).await;
    let text = |name: &str| {
        AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(ScalarAttributeType::S)
            .build()
            .unwrap()
    };
    let part = |name: &str, kind| {
        KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(kind)
            .build()
            .unwrap()
    };
    let call = fixture
        .dynamo
        .front_end
        .create_table()
        .table_name(fixture.table());
    call.attribute_definitions(text("tenant"))
        .attribute_definitions(text("id"))
        .key_schema(part("tenant", KeyType::Hash))
        .key_schema(part("id", KeyType::Range))
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await
        .unwrap();
    fixture
}

async fn put(fixture: &Fixture, tenant: &str, id: &str, title: &str, wanted: &str) {
    let item = [
        ("tenant", tenant),
        ("id", id),
        ("title", title),
        ("wanted", wanted),
        ("rtmpUrl", "rtmp://a.example/live"),
        ("key", &format!("CANARY-{tenant}-{id}")),
    ];
    fixture.dynamo.put(&fixture.table(), &item, &[]).await;
}

fn key(tenant: &str, id: &str) -> std::collections::HashMap<String, AttributeValue> {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    [("tenant".to_owned(), text(tenant)), ("id".to_owned(), text(id))].into()
}

async fn delete(fixture: &Fixture, tenant: &str, id: &str) {
    let call = fixture.dynamo.front_end.delete_item();
    let call = call.table_name(fixture.table()).set_key(Some(key(tenant, id)));
    call.send().await.unwrap();
}

/// A text of an item.
pub(crate) async fn text(fixture: &Fixture, tenant: &str, id: &str, attribute: &str) -> String {
    let call = fixture.dynamo.front_end.get_item();
    let call = call.table_name(fixture.table()).set_key(Some(key(tenant, id)));
    let item = call.consistent_read(true).send().await.unwrap().item.unwrap();
    match item.get(attribute) {
        Some(AttributeValue::S(text)) => text.clone(),
        _ => String::new(),
    }
}

/// Names with the beginning of the identity of each.
fn called(loaded: &Loaded) -> Vec<(String, String)> {
    let destinations = loaded.desired.destinations.values();
    destinations
        .map(|one| {
            let identity = one.identity.as_str();
            let (key, _) = identity.rsplit_once('-').unwrap();
            (one.name.to_string(), key.to_owned())
        })
        .collect()
}

/// The name of the destination whose identity begins with `key`.
fn name_of(loaded: &Loaded, key: &str) -> String {
    let called = called(loaded).into_iter();
    let mut found = called.filter(|(_, identity)| identity == key);
    found.next().unwrap().0
}

/// Writes what is true of `loaded` while nothing is on air.
async fn publish(sources: &mut Sources, loaded: &Loaded) {
    let now = Timestamp::UNIX_EPOCH;
    let planned = plan(&loaded.desired, &Observed::default(), now);
    sources.publish(&status(
        &loaded.desired,
        &loaded.rejected,
        &planned,
        &Status::default(),
        now,
    ));
    sources.finish().await;
}

#[tokio::test]
async fn items_of_one_name_get_and_keep_distinct_names() {
    let fixture = tenants().await;
    put(&fixture, "beta", "1", "Main Stage", "on").await;
    put(&fixture, "acme", "1", "Main stage", "off").await;
    let mut sources = fixture.sources();
    let loaded = sources.load().await.unwrap();
    assert_eq!(fixture.messages(&loaded), [""; 0]);
    assert_eq!(name_of(&loaded, "acme-1"), "main-stage", "the first by key");
    let beta = name_of(&loaded, "beta-1");
    let suffix = beta.strip_prefix("main-stage-").unwrap();
    let identity = loaded.desired.destinations[beta.as_str()].identity.as_str();
    assert_eq!(identity, format!("beta-1-{suffix}"));

    // A new item takes no other's name, whatever its key, and the others keep theirs.
    put(&fixture, "aaa", "1", "main-stage", "on").await;
    let loaded = load_until(&mut sources, "read", |loaded| names(loaded).len() == 3).await;
    assert_eq!(name_of(&loaded, "acme-1"), "main-stage");
    assert!(name_of(&loaded, "aaa-1").starts_with("main-stage-"));
    delete(&fixture, "acme", "1").await;
    let loaded = load_until(&mut sources, "gone", |loaded| names(loaded).len() == 2).await;
    assert_eq!(name_of(&loaded, "beta-1"), beta);

    // What it is recorded by stays whatever it is called, and so does what is counted of it.
    put(&fixture, "beta", "1", "Side Stage", "on").await;
    let loaded = load_until(&mut sources, "renamed", |loaded| {
        name_of(loaded, "beta-1") == "side-stage"
    })
    .await;
    let one = &loaded.desired.destinations["side-stage"];
    assert_eq!(
        (one.identity.as_str(), one.generation),
        (&*format!("beta-1-{suffix}"), 2)
    );
}

#[tokio::test]
async fn names_in_any_script_become_labels() {
    let fixture = tenants().await;
    for (id, title) in [("1", "Bühne 1"), ("2", "日本語"), ("3", "!!!")] {
        put(&fixture, "acme", id, title, "on").await;
    }
    let loaded = fixture.sources().load().await.unwrap();
    assert_eq!(fixture.messages(&loaded), [""; 0]);
    assert_eq!(name_of(&loaded, "acme-1"), "buhne-1");
    assert_eq!(name_of(&loaded, "acme-2"), "ri-ben-yu");
    assert!(name_of(&loaded, "acme-3").starts_with("acme-3-"));
}

#[tokio::test]
async fn an_item_yields_its_name_to_an_object_unless_it_had_it() {
    let yaml = "apiVersion: slotwise.dev/v1alpha1\nkind: Destination\nmetadata: { name: main-stage }\nspec: { pool: main, state: Ready, url: \"rtmp://b.example/live\", streamKeyFrom: { file: key } }\n";
    let fixture = tenants().await;
    put(&fixture, "acme", "1", "Main Stage", "on").await;
    fixture.write("key", "two");
    fixture.write("a.yaml", yaml);
    let mut sources = fixture.sources();
    let loaded = sources.load().await.unwrap();
    assert_eq!(fixture.messages(&loaded), [""; 0]);
    assert_eq!(loaded.desired.destinations["main-stage"].identity, "main-stage");
    assert!(name_of(&loaded, "acme-1").starts_with("main-stage-"));

    let mut sources = fixture.sources();
    std::fs::remove_file(fixture.dir.path().join("a.yaml")).unwrap();
    let loaded = sources.load().await.unwrap();
    assert_eq!(name_of(&loaded, "acme-1"), "main-stage");
    fixture.write("a.yaml", yaml);
    let loaded = load_until(&mut sources, "reported", |loaded| !loaded.problems.is_empty()).await;
    assert_eq!(name_of(&loaded, "acme-1"), "main-stage");
    let messages = fixture.messages(&loaded).join("\n");
    assert!(
        messages.contains("a.yaml:3:19: Destination main-stage: metadata.name: Destination main-stage is declared at table live [tenant=acme, id=1] too, which stays in force"),
        "{messages}"
    );
}

#[tokio::test]
async fn a_status_is_written_to_the_item_that_it_is_of() {
    let fixture = tenants().await;
    put(&fixture, "acme", "1", "Main Stage", "off").await;
    put(&fixture, "beta", "1", "Main Stage", "on").await;
    put(&fixture, "beta", "2", "Main Stage", "perhaps").await;
    let mut sources = fixture.sources();
    let loaded = sources.load().await.unwrap();
    publish(&mut sources, &loaded).await;
    assert_eq!(text(&fixture, "acme", "1", "shown").await, "Ready");
    assert_eq!(text(&fixture, "beta", "1", "shown").await, "Pending");
    assert_eq!(text(&fixture, "beta", "2", "shown").await, "Error");
    let why = text(&fixture, "beta", "2", "why").await;
    assert!(
        why.contains("[tenant=beta, id=2]") && why.contains("wanted: `perhaps`"),
        "{why}"
    );

    // An item that was good and is faulty now says so.
    put(&fixture, "acme", "1", "Main Stage", "what").await;
    let loaded = load_until(&mut sources, "set aside", |loaded| loaded.rejected.len() == 2).await;
    publish(&mut sources, &loaded).await;
    assert_eq!(text(&fixture, "acme", "1", "shown").await, "Ready");
    assert!(text(&fixture, "acme", "1", "why").await.contains("`what`"));
    assert!(!text(&fixture, "beta", "1", "why").await.contains("`what`"));
}

#[tokio::test]
async fn a_faulty_item_blocks_no_other_and_is_reported_by_key() {
    let fixture = tenants().await;
    put(&fixture, "acme", "1", "Main Stage", "on").await;
    put(&fixture, "beta", "1", "Main Stage", "perhaps").await;
    // A name that could be a key, and none.
    put(&fixture, "beta", "3", "live_1234_CANARY", "on").await;
    let nothing = [("tenant", "beta"), ("id", "4")];
    fixture.dynamo.put(&fixture.table(), &nothing, &[]).await;
    let mut sources = fixture.sources();
    let loaded = sources.load().await.unwrap();
    assert_eq!(called(&loaded), [("main-stage".to_owned(), "acme-1".to_owned())]);
    assert_eq!(doubt(&loaded), "", "what vanishes elsewhere is released");
    let set_aside = loaded.desired.set_aside.iter().map(Identity::as_str);
    let set_aside: Vec<&str> = set_aside.map(|one| one.rsplit_once('-').unwrap().0).collect();
    assert_eq!(set_aside, ["beta-1", "beta-3", "beta-4"]);
    let messages = fixture.messages(&loaded);
    for said in [
        "[tenant=beta, id=1]: Destination main-stage-",
        "wanted: `perhaps` is not a value that means on air or off air",
        "title: the field is missing; set title",
        "title: this looks like a stream key",
        "wanted: the field is missing; set wanted to `on` for on air or `off` for off air",
        "rtmpUrl: nothing says where to stream to",
        "key: nothing says where the stream key is; set key",
    ] {
        assert!(
            messages.iter().any(|message| message.contains(said)),
            "{said}: {messages:#?}"
        );
    }
    assert!(
        messages
            .iter()
            .all(|message| message.contains("[tenant=beta, id=")),
        "{messages:#?}"
    );
    assert!(!messages.concat().contains("CANARY"), "{messages:#?}");
    let of_another = |rejected: &&slotwise::testing::manifest::Rejected| rejected.object.name == "main-stage";
    assert_eq!(loaded.rejected.iter().find(of_another), None);

    // Another tenant's item that is gone is gone, and one that is repaired is there.
    delete(&fixture, "acme", "1").await;
    put(&fixture, "beta", "1", "Main Stage", "on").await;
    let loaded = load_until(&mut sources, "gone", |loaded| {
        called(loaded).iter().all(|(_, key)| key == "beta-1") && names(loaded).len() == 1
    })
    .await;
    let one = loaded.desired.destinations.values().next().unwrap();
    assert_eq!(one.state, WantedState::Streaming);
    assert_eq!(doubt(&loaded), "");
}

#[tokio::test]
async fn a_faulty_renamed_item_keeps_its_last_good_name() {
    let fixture = tenants().await;
    put(&fixture, "acme", "1", "Main Stage", "off").await;
    let mut sources = fixture.sources();
    let loaded = sources.load().await.unwrap();
    assert_eq!(names(&loaded), ["main-stage"]);
    // Nor does a newcomer take its name meanwhile.
    put(&fixture, "acme", "1", "Side Stage", "perhaps").await;
    put(&fixture, "aaa", "1", "Main Stage", "on").await;
    let loaded = load_until(&mut sources, "faulty", |loaded| {
        !loaded.rejected.is_empty() && names(loaded).len() == 2
    })
    .await;
    assert_eq!(name_of(&loaded, "acme-1"), "main-stage");
    assert_eq!(
        (
            loaded.rejected[0].object.name.as_str(),
            loaded.rejected[0].last_good
        ),
        ("main-stage", true)
    );
    assert!(loaded.desired.set_aside.is_empty());
}
