//! Tables of destinations and of the lease.

use std::process::Command;

use aws_sdk_dynamodb::types::AttributeValue;

use super::super::tables::dynamo::Dynamo;
use super::{CANARY, Clinic};

const KEY: &str = "name";

fn declare(clinic: &Clinic, spec: &str) {
    clinic.write(
        "table.yaml",
        &format!("apiVersion: slotwise.dev/v1alpha1\nkind: DestinationTable\nmetadata: {{ name: front-end }}\nspec:\n  table: doctor\n  pool: main\n  {spec}\n"),
    );
}

fn on(dynamo: &Dynamo, mut command: Command) -> Command {
    command
        .env("AWS_ENDPOINT_URL_DYNAMODB", &dynamo.endpoint)
        .env("AWS_ENDPOINT_URL_DYNAMODB_STREAMS", &dynamo.endpoint)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", format!("{CANARY}-secret"));
    command
}

async fn items(dynamo: &Dynamo, table: &str) -> String {
    let scan = dynamo.front_end.scan().table_name(table).send().await.unwrap();
    let mut items: Vec<String> = scan
        .items()
        .iter()
        .map(|item| {
            let mut attributes: Vec<String> = item
                .iter()
                .map(|(name, value)| format!("{name} {value:?}"))
                .collect();
            attributes.sort();
            attributes.join(", ")
        })
        .collect();
    items.sort();
    items.join("\n")
}

async fn put(dynamo: &Dynamo, name: &str, state: &str) {
    let key = format!("{CANARY}-{name}");
    let texts = [
        ("name", name),
        ("state", state),
        ("url", "rtmp://b.example/live"),
        ("streamKey", &key),
    ];
    dynamo.put("doctor", &texts, &[]).await;
}

#[tokio::test]
async fn a_table_is_shown_with_items_stream_and_writability() {
    let (clinic, dynamo) = (Clinic::new(), Dynamo::start().await);
    declare(&clinic, "status: {}");
    dynamo.create("doctor", KEY, true).await;
    put(&dynamo, "b", "Streaming").await;
    put(&dynamo, "c", "Ready").await;
    put(&dynamo, "d", "Perhaps").await;
    // The item that a dry check would hit if it could.
    put(&dynamo, "slotwise-doctor", "Ready").await;
    let before = items(&dynamo, "doctor").await;
    let report = clinic.run(on(&dynamo, clinic.command(&[]))).await;
    assert_eq!(items(&dynamo, "doctor").await, before, "an item was written");
    assert_eq!(report.ran.code, 1);
    assert_eq!(
        report.line("can be read, "),
        "ok table doctor can be read, 4 items, 1 of them not valid"
    );
    assert!(
        report.line("Destination d").starts_with("FAIL table doctor"),
        "{}",
        report.ran.out
    );
    assert_eq!(
        report.line("stream"),
        "ok table doctor stream followed: changes are seen within about 1 s"
    );
    assert_eq!(report.line("statuses"), "ok table doctor statuses can be written");
    assert!(
        report
            .line(" sources ")
            .contains("1 pool with 2 channels, 4 destinations, 1 table"),
        "{}",
        report.ran.out
    );
}

#[tokio::test]
async fn a_missing_stream_is_fine_and_a_missing_table_is_not() {
    let (clinic, dynamo) = (Clinic::new(), Dynamo::start().await);
    declare(&clinic, "poll: 30s");
    let report = clinic.run(on(&dynamo, clinic.command(&[]))).await;
    assert_eq!(report.ran.code, 1);
    let line = report.line(" table doctor ");
    assert!(
        line.starts_with("FAIL table doctor DescribeTable: there is no such table"),
        "{line}"
    );
    assert!(
        line.ends_with("slotwise table create --destinations doctor"),
        "{line}"
    );
    dynamo.create("doctor", KEY, false).await;
    let report = clinic.run(on(&dynamo, clinic.command(&[]))).await;
    assert_eq!(report.ran.code, 0, "{}", report.ran.out);
    assert_eq!(
        report.line("stream"),
        "ok table doctor no stream: changes are seen every 30 s"
    );
}

#[tokio::test]
async fn a_lease_needs_a_table_with_its_key_and_permission() {
    let (clinic, dynamo) = (Clinic::new(), Dynamo::start().await);
    let lease = |table| on(&dynamo, clinic.command(&["--lease-table", table]));
    let report = clinic.run(lease("leases")).await;
    assert_eq!(report.ran.code, 1);
    let line = report.line(" lease table leases ");
    assert!(
        line.ends_with("fix: make one: slotwise table create --lease leases"),
        "{line}"
    );

    dynamo.create("leases", KEY, false).await;
    dynamo
        .put(
            "leases",
            &[(KEY, "default slotwise-doctor")],
            &[("epoch", AttributeValue::N("7".into()))],
        )
        .await;
    let before = items(&dynamo, "leases").await;
    let report = clinic.run(lease("leases")).await;
    assert_eq!(report.ran.code, 0, "{}", report.ran.out);
    assert_eq!(
        report.line(" lease table leases "),
        "ok lease table leases there, with the right key; can be read and written"
    );
    assert_eq!(items(&dynamo, "leases").await, before, "the lease was written");

    dynamo.create("other", "id", false).await;
    let report = clinic.run(lease("other")).await;
    assert_eq!(report.ran.code, 1);
    let line = report.line(" lease table other ");
    assert!(
        line.starts_with("FAIL lease table other its key is id (S), and a lease needs name (S)"),
        "{line}"
    );
}
