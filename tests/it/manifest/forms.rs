//! The forms in which declared state comes: other endings, JSON, lists of Kubernetes, standard input.

use std::io::Write;
use std::process::Stdio;

use super::{Fixture, names, pool, pool_names, simple};
use crate::cli::tool::{command, printed};

fn indented(text: &str) -> String {
    format!("  {}\n", text.trim_end().replace('\n', "\n  "))
}

/// A `List` with these objects.
fn list(objects: &[String]) -> String {
    let items = objects.iter().map(|object| {
        let object = indented(object);
        format!("-{}", &object[1..])
    });
    format!(
        "apiVersion: v1\nkind: List\nitems:\n{}",
        items.collect::<String>()
    )
}

#[tokio::test]
async fn yaml_in_capitals_and_json_are_read() {
    let json = r#"{"apiVersion": "slotwise.dev/v1alpha1", "kind": "Destination", "metadata": {"name": "yt"},
        "spec": {"pool": "main", "state": "Ready", "url": "rtmp://yt.example/live", "streamKey": "k"}}"#;
    let mut fixture = Fixture::new(&[
        ("POOL.YAML", &pool("main", &["1"])),
        ("a.Yml", &simple("a", "Ready")),
        ("yt.json", json),
        ("package.json", r#"{"name": "front-end", "dependencies": {}}"#),
        ("fleet.JSON", r#"[{"Id": "1", "Destinations": []}]"#),
    ]);
    let loaded = fixture.load().await;
    assert_eq!(
        (pool_names(&loaded), names(&loaded)),
        (vec!["main"], vec!["a", "yt"])
    );
    assert_eq!(
        loaded.problems.iter().filter(|one| one.object.is_none()).count(),
        0
    );
}

#[tokio::test]
async fn mistakes_of_a_json_object_are_reported() {
    let mut fixture = Fixture::new(&[
        ("pool.yaml", &pool("main", &["1"])),
        (
            "yt.json",
            r#"{"kind": "Destination", "metadata": {"name": "yt"}}"#,
        ),
    ]);
    let loaded = fixture.load().await;
    let messages: Vec<String> = loaded.problems.iter().map(|one| fixture.message(one)).collect();
    assert!(
        messages
            .iter()
            .any(|line| line.contains("yt.json") && line.contains("apiVersion")),
        "{messages:?}"
    );
}

#[tokio::test]
async fn the_items_of_a_list_are_objects_and_mistakes_in_them_are_found() {
    let wrong = simple("b", "Streming");
    let text = list(&[pool("main", &["1"]), simple("a", "Ready"), wrong]);
    let mut fixture = Fixture::new(&[("all.yaml", &text)]);
    let loaded = fixture.load().await;
    assert_eq!((pool_names(&loaded), names(&loaded)), (vec!["main"], vec!["a"]));
    let line = 1 + text.lines().position(|line| line.contains("Streming")).unwrap();
    let messages: Vec<String> = loaded.problems.iter().map(|one| fixture.message(one)).collect();
    let place = format!("all.yaml:{line}:");
    let found = messages.iter().find(|line| line.contains("Streming")).unwrap();
    assert!(
        found.contains(&place) && found.contains("items[2].spec.state"),
        "{found}"
    );
    // The order of a list is that of its author: a new first entry moves no other.
    fixture.write("all.yaml", &list(&[simple("a", "Ready"), pool("main", &["1"])]));
    assert_eq!(names(&fixture.load().await), ["a"]);
}

#[tokio::test]
async fn lists_may_be_empty_and_stand_in_each_other() {
    let inner = list(&[simple("b", "Ready")]);
    let text = list(&[pool("main", &["1"]), simple("a", "Ready"), inner]);
    let empty = "apiVersion: v1\nkind: List\nitems: []\n";
    let mut fixture = Fixture::new(&[("all.yaml", &text), ("empty.yaml", empty)]);
    let loaded = fixture.load().await;
    assert_eq!(names(&loaded), ["a", "b"]);
    assert!(
        loaded.problems.iter().all(|one| one.object.is_some()),
        "{:?}",
        loaded.problems
    );
}

#[tokio::test]
async fn a_json_array_of_objects_is_no_object_and_said_so() {
    let text = r#"[{"apiVersion": "slotwise.dev/v1alpha1", "kind": "Destination"}]"#;
    let mut fixture = Fixture::new(&[("pool.yaml", &pool("main", &["1"])), ("all.json", text)]);
    let loaded = fixture.load().await;
    let messages: Vec<String> = loaded.problems.iter().map(|one| fixture.message(one)).collect();
    assert!(
        messages
            .iter()
            .any(|line| line.contains("all.json") && line.contains("a list where an object is needed")),
        "{messages:?}"
    );
}

#[tokio::test]
async fn a_shorter_list_releases_and_a_torn_list_keeps() {
    let whole = list(&[
        pool("main", &["1"]),
        simple("a", "Streaming"),
        simple("b", "Streaming"),
    ]);
    let mut fixture = Fixture::new(&[("all.yaml", &whole)]);
    assert_eq!(names(&fixture.load().await), ["a", "b"]);
    for torn in [
        format!("{whole}  - {{"),
        "apiVersion: v1\nkind: List\nitems:\n".to_owned(),
    ] {
        fixture.write("all.yaml", &torn);
        let loaded = fixture.load().await;
        assert_eq!(names(&loaded), ["a", "b"]);
        assert!(super::doubt(&loaded).is_some(), "{torn}");
    }
    fixture.write(
        "all.yaml",
        &list(&[pool("main", &["1"]), simple("a", "Streaming")]),
    );
    assert_eq!(names(&fixture.load().await), ["a"]);
}

#[test]
fn standard_input_is_a_source() {
    let text = format!("{}---\n{}", pool("main", &["4000001"]), simple("a", "Streaming"));
    let run = |args: &[&str], text: &str| {
        let mut child = command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        printed(child.wait_with_output().unwrap())
    };
    let plan = run(&["plan", "--emulator", "-"], &text);
    assert!(
        plan.out.contains("RTMP-Slot-1 ← a") || plan.out.contains("← a"),
        "{}{}",
        plan.out,
        plan.err
    );
    let wrong = run(&["validate", "-"], &text.replace("Streaming", "On"));
    assert_eq!(wrong.code, 6);
    assert!(
        wrong.err.contains("standard input") || wrong.out.contains("standard input"),
        "{wrong:?}"
    );
    let saved = run(&["plan", "--emulator", "--out", "x.plan", "-"], &text);
    assert_eq!(saved.code, 64);
    assert!(saved.err.contains("cannot be saved"), "{}", saved.err);
}
