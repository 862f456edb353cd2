//! The built binary: `table create`, `import`, `export`, and `run` on what they made.

use std::process::Command;

use super::super::cli::tool::{Ran, command, printed};
use super::{Fixture, POOL};

/// Runs `slotwise` with `args` and the directory of `fixture`, against its DynamoDB; no credentials, no region.
async fn run(fixture: &Fixture, args: &[&str]) -> Ran {
    let mut command: Command = command(args);
    command
        .arg(fixture.dir.path())
        .env("AWS_ENDPOINT_URL_DYNAMODB", &fixture.dynamo.endpoint);
    let ended = tokio::task::spawn_blocking(move || printed(command.output().unwrap()));
    ended.await.unwrap()
}

/// As [`run`], without the directory.
async fn run_bare(fixture: &Fixture, args: &[&str]) -> Ran {
    let mut command: Command = command(args);
    command.env("AWS_ENDPOINT_URL_DYNAMODB", &fixture.dynamo.endpoint);
    let ended = tokio::task::spawn_blocking(move || printed(command.output().unwrap()));
    ended.await.unwrap()
}

const DESTINATIONS: &str = r#"apiVersion: slotwise.dev/v1alpha1
kind: Destination
metadata: { name: youtube-main, labels: { team: live }, annotations: { note: "1" } }
spec:
  pool: main
  state: Streaming
  platform: youtube
  streamKeyFrom: { ssm: /live/youtube }
  group: launch
  priority: -7
  interruptible: false
  slot: { channel: "4000001", outputGroup: RTMP-Slot-1 }
  paused: { until: 2099-01-01T00:00:00Z, by: ana, why: "it's: complicated" }
---
apiVersion: slotwise.dev/v1alpha1
kind: Destination
metadata: { name: corp }
spec:
  pool: main
  state: Ready
  url: rtmp://a.example/live
  backupUrl: rtmp://b.example/live
  streamKeyFrom: { secretsManager: "live/corp#key" }
---
apiVersion: slotwise.dev/v1alpha1
kind: Destination
metadata: { name: inline }
spec: { pool: main, state: Ready, url: "rtmp://a.example/live", streamKey: CANARY-inline }
"#;

#[tokio::test]
async fn tables_are_made_once_and_left_alone_then() {
    let fixture = Fixture::new("").await;
    let (table, lease) = (fixture.table(), format!("{}-lease", fixture.table()));
    let args = ["table", "create", "--destinations", &table, "--lease", &lease];
    let made = run_bare(&fixture, &args).await;
    assert_eq!(made.code, 0, "{}", made.err);
    assert_eq!(
        made.out,
        format!("table {table} is ready\ntable {lease} is ready\n")
    );
    assert!(
        made.err.contains(&format!("spec: {{ table: {table} }}")),
        "{}",
        made.err
    );
    let again = run_bare(&fixture, &args).await;
    assert_eq!(again.code, 0);
    assert!(
        again
            .out
            .contains(&format!("table {table} exists already, with the key name\n")),
        "{}",
        again.out
    );

    let template = run_bare(
        &fixture,
        &["table", "create", "--cloudformation", "--lease", "mine"],
    )
    .await;
    assert!(template.out.contains("Default: mine") && template.out.contains("AWS::DynamoDB::Table"));
}

#[tokio::test]
async fn destinations_go_into_a_table_and_come_out_the_same() {
    let fixture = Fixture::new("").await;
    fixture.dynamo.create(&fixture.table(), "name", false).await;
    fixture.write("destinations.yaml", DESTINATIONS);
    let dry = run(&fixture, &["import", "--dry-run"]).await;
    assert_eq!((dry.code, dry.out.lines().count()), (5, 2), "{}", dry.err);
    assert!(
        fixture
            .dynamo
            .get(&fixture.table(), ("name", "corp"))
            .await
            .is_none()
    );

    let imported = run(&fixture, &["import"]).await;
    assert_eq!(imported.code, 5, "{}", imported.err);
    assert_eq!(imported.out, "2 written, 0 there already, 1 left out\n");
    assert!(
        imported.err.contains("inline  has its key in the file"),
        "{}",
        imported.err
    );
    assert!(!format!("{imported:?}").contains("CANARY"));
    let again = run(&fixture, &["import"]).await;
    assert_eq!(again.out, "0 written, 2 there already, 1 left out\n");

    // What comes out is what went in, but for the one that was left out.
    let exported = run(&fixture, &["export"]).await;
    assert_eq!(exported.code, 0, "{}", exported.err);
    fixture.write("destinations.yaml", &exported.out);
    let second = Fixture::new("").await;
    second.write("pool.yaml", POOL);
    second.write(
        "destinations.yaml",
        &DESTINATIONS.replace("streamKey: CANARY-inline", "streamKeyFrom: { ssm: /x }"),
    );
    let mut declared = declared(&second).await;
    declared.retain(|line| !line.contains("inline"));
    assert_eq!(declared_in(&exported.out).await, declared);
}

/// Every destination of a directory, keys and generations left out.
async fn declared(fixture: &Fixture) -> Vec<String> {
    use slotwise::testing::store::{LoadOptions, Source, Sources};
    let paths = vec![fixture.dir.path().to_owned()];
    let options = LoadOptions { check_keys: false };
    let mut sources = Sources::new(paths, slotwise::testing::model::OwnerId::new("test"), options);
    let loaded = sources.load().await.unwrap();
    assert_eq!(fixture.messages(&loaded), [""; 0]);
    loaded
        .desired
        .destinations
        .values()
        .map(|one| format!("{one:?}"))
        .collect()
}

async fn declared_in(text: &str) -> Vec<String> {
    let fixture = Fixture::new("").await;
    fixture.write("destinations.yaml", text);
    assert!(text.contains("labels:\n    team: live"), "{text}");
    declared(&fixture).await
}

#[tokio::test]
async fn replacing_sets_what_is_declared_and_keeps_the_rest() {
    let fixture = Fixture::new("").await;
    let table = fixture.table();
    fixture.dynamo.create(&table, "name", false).await;
    fixture
        .dynamo
        .put(
            &table,
            &[("name", "corp"), ("state", "Streaming"), ("note", "mine")],
            &[],
        )
        .await;
    fixture.write("destinations.yaml", DESTINATIONS);
    let replaced = run(&fixture, &["import", "--replace"]).await;
    assert_eq!(
        replaced.out, "2 written, 0 there already, 1 left out\n",
        "{}",
        replaced.err
    );
    let key = ("name", "corp");
    assert_eq!(fixture.dynamo.text(&table, key, "state").await, "Ready");
    assert_eq!(fixture.dynamo.text(&table, key, "note").await, "mine");
}

#[tokio::test]
async fn a_table_that_lacks_an_attribute_says_which_field_is_lost() {
    let fixture = Fixture::new(
        "attributes: { name: { attribute: id }, url: u, platform: p, streamKeyFrom: { ssm: k, secretsManager: s } }",
    )
    .await;
    fixture.dynamo.create(&fixture.table(), "id", false).await;
    fixture.write("destinations.yaml", DESTINATIONS);
    let imported = run(&fixture, &["import"]).await;
    assert_eq!(imported.code, 5);
    let said = "has labels, annotations, group, priority, interruptible, slot, paused, for which the DestinationTable";
    assert!(imported.err.contains(said), "{}", imported.err);
    assert!(imported.err.contains("corp  has backupUrl"), "{}", imported.err);
}

#[tokio::test]
async fn what_the_table_would_refuse_is_not_written() {
    let fixture = Fixture::new("").await;
    fixture.dynamo.create(&fixture.table(), "name", false).await;
    let local = DESTINATIONS.replacen(
        "streamKey: CANARY-inline",
        "streamKeyFrom: { file: keys/inline }",
        1,
    );
    fixture.write("destinations.yaml", &local);
    for args in [&["import", "--dry-run"][..], &["import"]] {
        let imported = run(&fixture, args).await;
        assert_eq!(imported.code, 5, "{}", imported.err);
        let said = "inline  would be set aside as an item: ";
        assert!(
            imported.err.contains(said) && imported.err.contains("localKeys"),
            "{}",
            imported.err
        );
    }
    let key = ("name", "inline");
    assert!(fixture.dynamo.get(&fixture.table(), key).await.is_none());
}

#[tokio::test]
async fn what_cannot_work_says_what_to_do() {
    let fixture = Fixture::new("").await;
    let missing = run(&fixture, &["export"]).await;
    assert_eq!(missing.code, 1);
    assert!(missing.err.contains("next: check table, region and endpoint of the DestinationTable, or make it: slotwise table create --destinations"), "{}", missing.err);
    fixture.write("second.yaml", "apiVersion: slotwise.dev/v1alpha1\nkind: DestinationTable\nmetadata: { name: b }\nspec: { table: other }\n");
    let two = run(&fixture, &["export"]).await;
    assert_eq!(two.code, 64);
    assert!(
        two.err
            .contains("more than one DestinationTable is declared: b, front-end"),
        "{}",
        two.err
    );
    fixture.write("second.yaml", "apiVersion: slotwise.dev/v1alpha1\nkind: DestinationTable\nmetadata: { name: b }\nspec: { tabel: other }\n");
    let wrong = run(&fixture, &["import"]).await;
    assert_eq!(wrong.code, 6);
    assert!(wrong.err.contains("did you mean `table`?"), "{}", wrong.err);
}

/// Pool `main` as a RouterPool.
const ROUTER_POOL: &str = "apiVersion: slotwise.dev/v1alpha1
kind: RouterPool
metadata: { name: main }
spec:
  input: arn:aws:mediaconnect:us-east-1:111122223333:routerInput:a1b2c3d4e5f6
  networkInterface: arn:aws:mediaconnect:us-east-1:111122223333:routerNetworkInterface:f6e5d4c3b2a1
  output: { maximumBitrate: 8000000 }
";

#[tokio::test]
async fn a_run_takes_the_items_of_a_table_on_air_in_router_outputs() {
    let fixture = Fixture::new("").await;
    let table = fixture.table();
    fixture.dynamo.create(&table, "name", true).await;
    fixture.write("pool.yaml", ROUTER_POOL);
    for (name, more) in [("a", None), ("b", Some(("backupUrl", "rtmp://b.example/live")))] {
        let item = [
            ("name", name),
            ("state", "Streaming"),
            ("url", "rtmp://a.example/live"),
            ("streamKey", &format!("CANARY-{name}")),
        ];
        let item: Vec<_> = item.into_iter().chain(more).collect();
        fixture.dynamo.put(&table, &item, &[]).await;
    }
    let args = ["run", "--once", "--emulator", "--emulator-speed", "1000", "-vvv"];
    let ran = run(&fixture, &args).await;
    // One has what a router output cannot have.
    assert_eq!(ran.code, 5, "{}{}", ran.out, ran.err);
    let phase = |name| fixture.dynamo.text(&table, ("name", name), "status.phase");
    assert_eq!(phase("a").await, "Streaming");
    assert_eq!(phase("b").await, "Error");
    let why = fixture.dynamo.text(&table, ("name", "b"), "status.message").await;
    assert!(why.contains("a router output has one target"), "{why}");
    assert!(!format!("{ran:?}").contains("CANARY"));

    fixture.write(
        "destinations.yaml",
        &DESTINATIONS
            .replace("  slot:", "  # slot:")
            .replace("  backupUrl:", "  # backupUrl:"),
    );
    let imported = run(&fixture, &["import"]).await;
    assert_eq!(
        imported.out, "2 written, 0 there already, 1 left out\n",
        "{}",
        imported.err
    );
}

#[tokio::test]
async fn a_run_takes_the_items_of_a_table_on_air() {
    let fixture = Fixture::new("").await;
    let table = fixture.table();
    fixture.dynamo.create(&table, "name", true).await;
    for name in ["a", "b"] {
        let item = [
            ("name", name),
            ("state", "Streaming"),
            ("url", "rtmp://a.example/live"),
            ("streamKey", &format!("CANARY-{name}")),
        ];
        fixture.dynamo.put(&table, &item, &[]).await;
    }
    let ran = run(
        &fixture,
        &[
            "run",
            "--once",
            "--emulator",
            "--emulator-speed",
            "1000",
            "--timeout",
            "1m",
            "-vvv",
        ],
    )
    .await;
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("2 on air"), "{}", ran.out);
    assert_eq!(
        fixture.dynamo.text(&table, ("name", "a"), "status.phase").await,
        "Streaming"
    );
    assert!(!format!("{ran:?}").contains("CANARY"));
}
