//! Changes to files: the system tells of them, and what it does not tell is found all the same.

use std::fs;
use std::path::Path;
use std::time::Duration;

use slotwise::testing::model::OwnerId;
use slotwise::testing::store::{LoadOptions, Source, Sources};

use super::{Fixture, destination, link, pool, simple};

/// What is told is told by then, and long before a look is due that finds it untold.
const PATIENCE: Duration = Duration::from_secs(3);

/// Files below `live` that were loaded once, with keys in `keys`; nothing has been told since.
async fn watched() -> Fixture {
    let mut fixture = Fixture::new(&[
        ("live/pool.yaml", &pool("main", &["1", "2"])),
        ("live/one.yaml", &simple("one", "Streaming")),
        (
            "live/two.yaml",
            &destination("two", "state: Ready\n  streamKeyFrom: { file: ../keys/two }"),
        ),
        ("keys/two", "a-key"),
        ("..v1/three.yaml", &simple("three", "Ready")),
        ("..v2/three.yaml", &simple("three", "Streaming")),
    ]);
    link("../..v1".as_ref(), &fixture.path("live/..data"));
    link("..data/three.yaml".as_ref(), &fixture.path("live/three.yaml"));
    link("../later/four.yaml".as_ref(), &fixture.path("live/four.yaml"));
    load_and_settle(&mut fixture).await;
    fixture
}

fn sources(path: &Path) -> Sources {
    Sources::new(
        vec![path.to_owned()],
        OwnerId::new("test"),
        LoadOptions::default(),
    )
    .with_notices()
}

async fn load_and_settle(fixture: &mut Fixture) {
    fixture.source = sources(&fixture.path("live"));
    fixture.load().await;
    settle(&mut fixture.source).await;
}

/// Waits until nothing is told any more.
async fn settle(source: &mut Sources) {
    while source.may_have_changed() {
        assert!(!source.changed().await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Whether a change is told, and is one.
async fn is_told(source: &mut Sources) -> bool {
    let is_changed = async {
        while !(source.may_have_changed() && source.changed().await) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, is_changed).await.is_ok()
}

/// Writes beside and renames over, as editors do.
fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("tmp");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, path).unwrap();
}

/// As kubelet does it: a new link beside, renamed over the old one.
fn swap_link(at: &Path, target: &str) {
    let beside = at.with_file_name("..data_tmp");
    link(target.as_ref(), &beside);
    fs::rename(beside, at).unwrap();
}

#[tokio::test]
async fn each_kind_of_change_is_told() {
    type Change = fn(&Fixture);
    let changes: [(&str, Change); 9] = [
        ("written", |all| {
            all.write("live/one.yaml", &simple("one", "Ready"));
        }),
        ("renamed over", |all| {
            replace(&all.path("live/one.yaml"), &simple("one", "Ready"));
        }),
        ("deleted", |all| all.remove("live/one.yaml")),
        ("a new directory", |all| {
            all.write("live/more/five.yaml", &simple("five", "Ready"));
        }),
        ("the link of a mounted ConfigMap swapped", |all| {
            swap_link(&all.path("live/..data"), "../..v2");
        }),
        ("the directory replaced", |all| {
            fs::rename(all.path("live"), all.path("old")).unwrap();
            all.write("live/pool.yaml", &pool("main", &["1"]));
        }),
        ("what a link leads to written", |all| {
            all.write("..v1/three.yaml", &simple("three", "Streaming"));
        }),
        ("a key renamed over", |all| {
            replace(&all.path("keys/two"), "another-key");
        }),
        ("no longer a directory", |all| {
            fs::rename(all.path("live"), all.path("old")).unwrap();
            all.write("live", "nothing");
        }),
    ];
    for (what, change) in changes {
        let mut fixture = watched().await;
        change(&fixture);
        assert!(is_told(&mut fixture.source).await, "{what}");
    }
}

#[tokio::test]
async fn what_came_with_a_change_is_watched_from_then_on() {
    let mut fixture = watched().await;
    for (directory, file, is_change) in [
        // A link leads there.
        ("later", "later/four.yaml", false),
        ("live/more", "live/more/five.yaml", true),
    ] {
        fs::create_dir(fixture.path(directory)).unwrap();
        assert_eq!(is_told(&mut fixture.source).await, is_change, "{directory}");
        if is_change {
            fixture.load().await;
        }
        settle(&mut fixture.source).await;
        fixture.write(file, &simple("new", "Ready"));
        assert!(is_told(&mut fixture.source).await, "{file}");
        fixture.load().await;
        settle(&mut fixture.source).await;
    }
    fixture.write("live/more/five.yaml", &simple("new", "Streaming"));
    assert!(is_told(&mut fixture.source).await);
}

#[tokio::test]
async fn at_rest_nothing_is_looked_at_and_what_declares_nothing_is_not_told() {
    let mut fixture = watched().await;
    fixture.write("live/notes.log", "begun");
    assert!(
        !is_told(&mut fixture.source).await,
        "it is looked at and is nothing"
    );
    fs::read(fixture.path("live/one.yaml")).unwrap();
    fs::write(fixture.path("live/notes.log"), "and another line").unwrap();
    fixture.write("beside", "something");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!fixture.source.may_have_changed());
}

#[tokio::test]
async fn a_change_that_is_not_told_is_found_within_ten_seconds() {
    let mut fixture = watched().await;
    // One file under two names, and written under the one that is not watched: as from another machine.
    fs::hard_link(fixture.path("live/one.yaml"), fixture.path("same")).unwrap();
    settle(&mut fixture.source).await;
    fixture.write("same", &simple("one", "Ready"));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(
        !fixture.source.may_have_changed(),
        "it is told, so this shows nothing"
    );

    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(9)).await;
    assert!(!fixture.source.may_have_changed());
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(fixture.source.may_have_changed());
    assert!(fixture.source.changed().await);
}

/// A key on a file system that tells of nothing.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn where_the_system_does_not_tell_files_are_looked_at_each_time_and_that_is_said_once() {
    let mut fixture = watched().await;
    let elsewhere = "state: Ready\n  streamKeyFrom: { file: /proc/sys/kernel/ostype }";
    fixture.write("live/two.yaml", &destination("two", elsewhere));
    fixture.load().await;
    let warnings: Vec<String> = std::iter::from_fn(|| fixture.source.warning()).collect();
    let told = warnings
        .iter()
        .filter(|warning| warning.contains("are not watched"));
    assert_eq!(told.count(), 1, "{warnings:?}");
    assert!(
        warnings
            .iter()
            .any(|warning| warning.contains("/proc/sys/kernel"))
    );
    for _ in 0..3 {
        assert!(fixture.source.may_have_changed());
        assert!(!fixture.source.changed().await);
    }

    fixture.write("live/one.yaml", &simple("one", "Ready"));
    assert!(fixture.source.changed().await);
    fixture.load().await;
    assert_eq!(fixture.source.warning(), None, "it was told");

    fixture.write("live/two.yaml", &simple("two", "Ready"));
    fixture.load().await;
    settle(&mut fixture.source).await;
    assert!(!fixture.source.may_have_changed(), "it is watched again");
}

#[tokio::test]
async fn files_that_nobody_asked_to_watch_are_looked_at_each_time() {
    let mut fixture = Fixture::new(&[("pool.yaml", &pool("main", &["1"]))]);
    fixture.load().await;
    for _ in 0..3 {
        assert!(fixture.source.may_have_changed());
        assert!(!fixture.source.changed().await);
    }
}
