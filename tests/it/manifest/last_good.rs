//! Files that break, shrink, vanish or are swapped: none of it takes a destination off air.

use std::fs;

use slotwise::testing::manifest::Severity;
use slotwise::testing::model::{ChannelId, Identity, Idle, OwnerId, StreamKey, WantedState};
use slotwise::testing::store::{LoadError, LoadOptions, Loaded, Sources, changes};

use super::{Fixture, destination, doubt, link, names, pool, pool_names, simple};

fn fixture() -> Fixture {
    Fixture::new(&[
        ("pool.yaml", &pool("main", &["1", "2"])),
        ("one.yaml", &simple("one", "Streaming")),
        ("two.yaml", &simple("two", "Streaming")),
    ])
}

fn change_lines(before: &Loaded, after: &Loaded) -> Vec<String> {
    let changes = changes(Some(&before.desired), &after.desired).into_iter();
    changes
        .map(|change| format!("{}: {}", change.object, change.what))
        .collect()
}

#[tokio::test]
async fn an_edit_of_a_pool_is_shown_field_by_field() {
    let mut fixture = fixture();
    let before = fixture.load().await;
    let edited = pool("main", &["2", "3"]).replace("RTMP-*", "Slot-*");
    fixture.write(
        "pool.yaml",
        &format!("{edited}  idle: KeepRunning\n  disruption: {{ interrupt: Anytime }}\n"),
    );
    let after = fixture.load().await;
    assert_eq!(
        change_lines(&before, &after),
        [
            "pool main: channel 3 added, channel 1 removed, outputGroups RTMP-* → Slot-*, idle Stop → KeepRunning, \
          interrupt Never → Anytime"
        ]
    );
    assert_eq!(after.desired.pools["main"].idle, Idle::KeepRunning);
    assert_eq!(before.desired.pools["main"].idle, Idle::Stop);
}

#[tokio::test]
async fn a_path_that_does_not_exist_is_named() {
    let mut fixture = fixture();
    fixture.source = Sources::new(
        vec![fixture.path("nowhere")],
        OwnerId::new("test"),
        LoadOptions::default(),
    );
    let error = fixture.try_load().await.unwrap_err();
    assert!(matches!(error, LoadError::Unreadable { .. }));
    assert!(error.to_string().contains("nowhere cannot be read"), "{error}");
}

#[tokio::test]
async fn a_directory_without_objects_is_named_with_the_next_step() {
    let mut fixture = Fixture::new(&[("notes.txt", "hello"), ("empty.yaml", "# nothing\n---\n")]);
    let error = fixture.try_load().await.unwrap_err();
    assert!(matches!(error, LoadError::NothingDeclared { .. }));
    assert!(error.fix().contains("examples/"), "{error}");
}

#[tokio::test]
async fn a_broken_object_keeps_its_last_good_state() {
    let mut fixture = fixture();
    fixture.load().await;
    fixture.write("one.yaml", &simple("one", "Raedy"));
    fixture.write("two.yaml", &simple("two", "Ready"));
    let loaded = fixture.load().await;
    assert_eq!(loaded.desired.destinations["one"].state, WantedState::Streaming);
    assert_eq!(loaded.desired.destinations["two"].state, WantedState::Ready);
    assert!(loaded.rejected[0].last_good);
    assert_eq!(doubt(&loaded), None);

    fixture.write("one.yaml", &simple("one", "Ready"));
    let loaded = fixture.load().await;
    assert_eq!(loaded.desired.destinations["one"].state, WantedState::Ready);
    assert_eq!(loaded.desired.destinations["one"].generation, 2);
    assert!(loaded.rejected.is_empty());
}

#[tokio::test]
async fn an_object_that_was_never_good_harms_no_other() {
    let mut fixture = fixture();
    fixture.load().await;
    fixture.write("three.yaml", &simple("three", "Raedy"));
    let loaded = fixture.load().await;
    assert_eq!(names(&loaded), ["one", "two"]);
    assert!(!loaded.rejected[0].last_good);
    assert!(
        doubt(&loaded).unwrap().contains("three.yaml"),
        "{:?}",
        doubt(&loaded)
    );
}

#[tokio::test]
async fn a_file_that_cannot_be_parsed_keeps_everything_last_read_from_it() {
    let mut fixture = fixture();
    let both = format!(
        "{}---\n{}",
        simple("three", "Streaming"),
        simple("four", "Streaming")
    );
    fixture.write("more.yaml", &both);
    fixture.load().await;
    // The first document breaks, the second is changed.
    fixture.write("more.yaml", &format!("[a, b\n---\n{}", simple("four", "Ready")));
    let loaded = fixture.load().await;
    assert_eq!(names(&loaded), ["four", "one", "three", "two"]);
    assert_eq!(loaded.desired.destinations["four"].state, WantedState::Ready);
    assert!(
        doubt(&loaded).unwrap().contains("more.yaml:1:"),
        "{:?}",
        doubt(&loaded)
    );
}

#[tokio::test]
async fn a_file_that_became_something_else_is_not_deleted() {
    let became: [fn(&std::path::Path); 3] = [
        |path| rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RUSR).unwrap(),
        |path| drop(std::os::unix::net::UnixListener::bind(path).unwrap()),
        // What a container runtime makes of a file that is missing on its host.
        |path| fs::create_dir(path).unwrap(),
    ];
    for become_other in became {
        let mut fixture = fixture();
        let before = fixture.load().await;
        fixture.remove("two.yaml");
        become_other(&fixture.path("two.yaml"));
        let loaded = fixture.load().await;
        assert_eq!(loaded.desired.destinations, before.desired.destinations);
        let why = doubt(&loaded).unwrap();
        assert!(
            why.contains("two.yaml") && why.contains("not a regular file"),
            "{why}"
        );
        let mut errors = loaded.problems.iter();
        assert!(errors.any(|problem| problem.severity == Severity::Error));
    }
}

#[tokio::test]
async fn a_directory_named_like_a_file_is_a_directory() {
    let mut fixture = fixture();
    fixture.write("more.yaml/three.yaml", &simple("three", "Streaming"));
    let loaded = fixture.load().await;
    assert_eq!(names(&loaded), ["one", "three", "two"]);
    assert_eq!(doubt(&loaded), None);
}

#[tokio::test]
async fn a_link_out_of_the_source_is_not_followed() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("three.yaml"), simple("three", "Streaming")).unwrap();
    let mut fixture = fixture();
    fixture.write("inside/three.yaml", &simple("three", "Streaming"));
    // Within the source, and to a single file, links lead wherever they lead.
    link(&fixture.path("inside"), &fixture.path("within"));
    fs::write(outside.path().join("four"), simple("four", "Streaming")).unwrap();
    link(&outside.path().join("four"), &fixture.path("four.yaml"));
    let before = fixture.load().await;
    assert_eq!(names(&before), ["four", "one", "three", "two"]);
    assert_eq!(doubt(&before), None, "{:?}", before.problems);

    fs::rename(fixture.path("inside"), outside.path().join("moved")).unwrap();
    fs::remove_file(fixture.path("within")).unwrap();
    link(&outside.path().join("moved"), &fixture.path("inside"));
    let loaded = fixture.load().await;
    assert_eq!(
        names(&loaded),
        ["four", "one", "three", "two"],
        "nothing is released"
    );
    assert!(doubt(&loaded).unwrap().contains("a link out of the source"));
    let mut problems = loaded.problems.iter();
    assert!(problems.any(|problem| problem.fix.contains("a source of its own")));
}

#[tokio::test]
async fn a_source_beyond_the_limits_is_an_error_as_a_whole() {
    type Fill = fn(&Fixture);
    // More files; and more bytes than all together may have, in files each of which is not too large.
    let too_many: Fill = |fixture| {
        for number in 0..=20_000 {
            fs::File::create(fixture.path(&format!("a{number}.yaml"))).unwrap();
        }
    };
    let too_large: Fill = |fixture| {
        for number in 0..17 {
            let file = fs::File::create(fixture.path(&format!("a{number}.yaml"))).unwrap();
            file.set_len(16 << 20).unwrap();
        }
    };
    let cases: [(Fill, &str); 2] = [
        (too_many, "more than 20000 YAML files"),
        (too_large, "more than 256 MiB"),
    ];
    for (fill, said) in cases {
        let mut fixture = fixture();
        let before = fixture.load().await;
        fill(&fixture);
        // Sorts last, and is not passed over; what sorts first does not count either.
        fixture.write("a.yaml", &simple("new", "Streaming"));
        let loaded = fixture.load().await;
        assert_eq!(pool_names(&loaded), pool_names(&before));
        assert_eq!(loaded.desired.destinations, before.desired.destinations);
        assert!(doubt(&loaded).unwrap().contains(said), "{:?}", doubt(&loaded));

        fixture.source = Sources::new(
            vec![fixture.path("")],
            OwnerId::new("test"),
            LoadOptions::default(),
        );
        let error = fixture.try_load().await.unwrap_err();
        assert!(matches!(error, LoadError::TooMuch { .. }), "{error}");
        assert!(
            error.to_string().contains(said) && !error.fix().is_empty(),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_deleted_object_is_gone_when_the_rest_is_whole() {
    let mut fixture = fixture();
    let before = fixture.load().await;
    fixture.remove("two.yaml");
    let loaded = fixture.load().await;
    assert_eq!(names(&loaded), ["one"]);
    assert_eq!(doubt(&loaded), None);
    assert_eq!(change_lines(&before, &loaded), ["two: removed"]);
}

#[tokio::test]
async fn an_emptied_directory_takes_nothing_off_air() {
    let mut fixture = fixture();
    fixture.load().await;
    for file in ["pool.yaml", "one.yaml", "two.yaml"] {
        fixture.remove(file);
    }
    let loaded = fixture.load().await;
    assert_eq!(names(&loaded), ["one", "two"]);
    assert!(
        doubt(&loaded).unwrap().contains("holds no objects"),
        "{:?}",
        doubt(&loaded)
    );
    assert_eq!(loaded.problems.len(), 1);

    // What comes back replaces it: the other one was deleted.
    fixture.write("pool.yaml", &pool("main", &["1", "2"]));
    fixture.write("one.yaml", &simple("one", "Streaming"));
    let loaded = fixture.load().await;
    assert_eq!(names(&loaded), ["one"]);
    assert_eq!(doubt(&loaded), None);
}

#[tokio::test]
async fn a_file_that_is_empty_at_the_start_takes_nothing_off_air() {
    let mut fixture = fixture();
    fixture.write("one.yaml", "");
    let loaded = fixture.load().await;
    assert_eq!(names(&loaded), ["two"]);
    assert!(doubt(&loaded).unwrap().contains("one.yaml is empty"));
    assert_eq!(loaded.problems[0].severity, Severity::Warning);
    assert!(
        loaded.problems[0].fix.contains("delete it"),
        "{:?}",
        loaded.problems
    );

    // Another change does not make it whole.
    fixture.write("two.yaml", &simple("two", "Ready"));
    assert!(doubt(&fixture.load().await).is_some());

    fs::remove_file(fixture.path("one.yaml")).unwrap();
    assert_eq!(doubt(&fixture.load().await), None);
}

#[tokio::test]
async fn a_deleted_directory_takes_nothing_off_air() {
    let mut fixture = fixture();
    fixture.load().await;
    fs::rename(fixture.dir.path(), fixture.dir.path().with_extension("away")).unwrap();
    let loaded = fixture.load().await;
    assert_eq!(names(&loaded), ["one", "two"]);
    assert!(
        doubt(&loaded).unwrap().contains("cannot be read"),
        "{:?}",
        doubt(&loaded)
    );
    fs::rename(fixture.dir.path().with_extension("away"), fixture.dir.path()).unwrap();
    assert_eq!(doubt(&fixture.load().await), None);
}

#[tokio::test]
async fn a_file_that_is_being_written_is_not_a_deletion() {
    let mut fixture = fixture();
    fixture.load().await;
    fixture.write("two.yaml", "");
    let loaded = fixture.load().await;
    assert_eq!(names(&loaded), ["one", "two"]);
    assert!(
        doubt(&loaded).unwrap().contains("two.yaml is empty"),
        "{:?}",
        doubt(&loaded)
    );
    // The author says that it is meant.
    fixture.write("two.yaml", "# empty on purpose\n");
    let loaded = fixture.load().await;
    assert_eq!(names(&loaded), ["one"]);
    assert_eq!(doubt(&loaded), None);
}

#[tokio::test]
async fn a_mounted_config_map_is_read_once_and_its_swap_is_seen() {
    let mut fixture = Fixture::new(&[
        ("..v1/pool.yaml", &pool("main", &["1"])),
        ("..v1/one.yaml", &simple("one", "Streaming")),
        ("..v2/pool.yaml", &pool("main", &["1"])),
        ("..v2/one.yaml", &simple("one", "Ready")),
    ]);
    link("..v1".as_ref(), &fixture.path("..data"));
    link("..data/pool.yaml".as_ref(), &fixture.path("pool.yaml"));
    link("..data/one.yaml".as_ref(), &fixture.path("one.yaml"));
    let before = fixture.source.fingerprint().await;
    let loaded = fixture.load().await;
    assert!(
        loaded
            .problems
            .iter()
            .all(|problem| problem.severity == Severity::Warning),
        "{:?}",
        loaded.problems
    );
    assert_eq!(loaded.desired.destinations["one"].state, WantedState::Streaming);
    assert_eq!(fixture.source.fingerprint().await, before);

    // As kubelet does it: a new link beside, renamed over the old one.
    link("..v2".as_ref(), &fixture.path("..data_tmp"));
    fs::rename(fixture.path("..data_tmp"), fixture.path("..data")).unwrap();
    assert_ne!(fixture.source.fingerprint().await, before);
    let loaded = fixture.load().await;
    assert_eq!(loaded.desired.destinations["one"].state, WantedState::Ready);
    assert_eq!(doubt(&loaded), None);
}

#[tokio::test]
async fn a_link_that_leads_round_in_circles_is_followed_once() {
    let mut fixture = fixture();
    link(fixture.dir.path(), &fixture.path("loop"));
    link("one.yaml".as_ref(), &fixture.path("same.yaml"));
    let loaded = fixture.load().await;
    assert_eq!(names(&loaded), ["one", "two"]);
    assert!(loaded.rejected.is_empty(), "{:?}", loaded.rejected);
}

#[tokio::test]
async fn a_dangling_link_is_reported_and_doubted() {
    let mut fixture = fixture();
    link("gone.yaml".as_ref(), &fixture.path("link.yaml"));
    let loaded = fixture.load().await;
    assert_eq!(names(&loaded), ["one", "two"]);
    assert!(
        doubt(&loaded).unwrap().contains("link.yaml cannot be read"),
        "{:?}",
        doubt(&loaded)
    );
}

#[tokio::test]
async fn a_key_file_is_watched_and_its_loss_sets_nothing_aside() {
    let mut fixture = fixture();
    fixture.write("keys/three", "first-key\n");
    fixture.write(
        "three.yaml",
        &destination("three", "state: Streaming\n  streamKeyFrom: { file: keys/three }"),
    );
    let first = fixture.load().await;
    let StreamKey::Known(key) = &first.desired.destinations["three"].key else {
        panic!("no key")
    };
    assert_eq!(key.reveal(), "first-key");

    let before = fixture.source.fingerprint().await;
    fixture.write("keys/three", "second-key\n");
    assert_ne!(fixture.source.fingerprint().await, before);
    let second = fixture.load().await;
    assert_eq!(change_lines(&first, &second), ["three: new key"]);
    assert_eq!(second.desired.destinations["three"].generation, 2);

    fixture.remove("keys/three");
    let third = fixture.load().await;
    let StreamKey::Unavailable { reference, why } = &third.desired.destinations["three"].key else {
        panic!("a key from nowhere")
    };
    assert_eq!(reference, "file keys/three");
    assert!(why.contains("keys/three"), "{why}");
    assert_eq!(doubt(&third), None);
    assert_eq!(third.desired.destinations["three"].generation, 2);
}

#[tokio::test]
async fn a_check_without_keys_does_not_ask_for_them() {
    let mut fixture = fixture();
    fixture.write(
        "three.yaml",
        &destination(
            "three",
            "state: Ready\n  streamKeyFrom: { env: SLOTWISE_NOT_SET }",
        ),
    );
    fixture.source = Sources::new(
        vec![fixture.dir.path().to_owned()],
        OwnerId::new("test"),
        LoadOptions { check_keys: false },
    );
    let loaded = fixture.load().await;
    assert!(
        loaded
            .problems
            .iter()
            .all(|problem| problem.severity == Severity::Warning)
    );
    assert!(matches!(
        loaded.desired.destinations["three"].key,
        StreamKey::Unavailable { .. }
    ));
}

#[tokio::test]
async fn a_pool_that_breaks_or_vanishes_stays_for_its_destinations() {
    let mut fixture = fixture();
    fixture.load().await;
    fixture.write("pool.yaml", &pool("main", &[]));
    let loaded = fixture.load().await;
    assert_eq!(loaded.desired.pools["main"].channels.len(), 2);
    assert_eq!(doubt(&loaded), None);

    fixture.remove("pool.yaml");
    fixture.write("one.yaml", &simple("one", "Ready"));
    let loaded = fixture.load().await;
    assert_eq!(loaded.desired.pools["main"].channels.len(), 2);
    assert_eq!(loaded.desired.destinations["one"].state, WantedState::Ready);
    let message = &loaded
        .problems
        .iter()
        .find(|problem| problem.severity == Severity::Error)
        .unwrap()
        .message;
    assert!(message.contains("no longer declared"), "{message}");
}

#[tokio::test]
async fn a_renamed_pool_takes_its_channels_along() {
    let mut fixture = fixture();
    fixture.load().await;
    fixture.write("pool.yaml", &pool("other", &["1", "2"]));
    let loaded = fixture.load().await;
    assert_eq!(pool_names(&loaded), ["other"]);
    assert!(names(&loaded).is_empty());
    // The destinations name a pool that is no more: what they have on air is left alone.
    assert!(doubt(&loaded).is_some());
}

#[tokio::test]
async fn a_channel_stays_with_the_pool_that_had_it() {
    let mut fixture = fixture();
    fixture.load().await;
    fixture.write("a-thief.yaml", &pool("thief", &["3", "2"]));
    let loaded = fixture.load().await;
    assert_eq!(pool_names(&loaded), ["main"]);
    let message = fixture.message(&loaded.problems[0]);
    assert!(
        message.contains("a-thief.yaml:5:33: ChannelPool thief: spec.channels[1].id: channel 2 belongs to"),
        "{message}"
    );
    assert!(message.contains("pool.yaml:3:19"), "{message}");
    assert_eq!(loaded.desired.pools["main"].channels[1].id, ChannelId::new("2"));
}

#[tokio::test]
async fn of_two_with_one_name_the_one_in_force_stays() {
    let mut fixture = fixture();
    fixture.load().await;
    fixture.write("a.yaml", &simple("one", "Ready"));
    let loaded = fixture.load().await;
    assert_eq!(loaded.desired.destinations["one"].state, WantedState::Streaming);
    let message = fixture.message(&loaded.rejected[0].problem);
    assert!(
        message.starts_with("a.yaml:3:19: Destination one: metadata.name: Destination one is declared at"),
        "{message}"
    );
    assert!(doubt(&loaded).is_some());
}

#[tokio::test]
async fn of_two_in_one_file_the_one_in_force_stays_wherever_it_stands() {
    let mut fixture = fixture();
    let both = |first: &str, second: &str| format!("{first}---\n{second}");
    fixture.load().await;
    fixture.write(
        "one.yaml",
        &both(&simple("one", "Ready"), &simple("one", "Streaming")),
    );
    fixture.write(
        "pool.yaml",
        &both(&pool("main", &["1"]), &pool("main", &["1", "2"])),
    );
    let loaded = fixture.load().await;
    assert_eq!(loaded.desired.destinations["one"].state, WantedState::Streaming);
    assert_eq!(loaded.desired.pools["main"].channels.len(), 2);
    let rejected: Vec<String> = loaded
        .rejected
        .iter()
        .map(|one| fixture.message(&one.problem))
        .collect();
    assert!(
        rejected
            .iter()
            .any(|message| message.starts_with("one.yaml:3:19:")),
        "{rejected:?}"
    );
    // Which of the two is the one of before is not known any more: that stays as it was.
    let edited = |text: String| format!("{text}  priority: 7\n");
    fixture.write(
        "one.yaml",
        &both(&simple("one", "Ready"), &edited(simple("one", "Ready"))),
    );
    let loaded = fixture.load().await;
    assert_eq!(loaded.desired.destinations["one"].state, WantedState::Streaming);
    fixture.write("one.yaml", &simple("one", "Ready"));
    let loaded = fixture.load().await;
    assert_eq!(loaded.desired.destinations["one"].state, WantedState::Ready);
}

#[tokio::test]
async fn of_two_that_contradict_each_other_at_the_first_load_neither_counts() {
    let mut fixture = fixture();
    fixture.write("a.yaml", &simple("one", "Ready"));
    let loaded = fixture.load().await;
    assert_eq!(names(&loaded), ["two"]);
    assert!(loaded.desired.set_aside.iter().eq([&Identity::new("one")]));
    assert!(doubt(&loaded).is_some());
    let rejected = loaded.rejected.iter();
    let messages: Vec<String> = rejected.map(|one| fixture.message(&one.problem)).collect();
    let beside = |here: &str, there: &str| {
        let what = "too, with other content, so neither counts; rename one of the two, or remove it";
        format!(
            "{here}:3:19: Destination one: metadata.name: Destination one is declared at {there}:3:19 {what}"
        )
    };
    assert_eq!(
        messages,
        [beside("a.yaml", "one.yaml"), beside("one.yaml", "a.yaml")]
    );
    fixture.remove("a.yaml");
    let loaded = fixture.load().await;
    assert_eq!(loaded.desired.destinations["one"].state, WantedState::Streaming);
    assert_eq!((loaded.desired.set_aside.len(), doubt(&loaded)), (0, None));
}

#[tokio::test]
async fn of_two_that_are_alike_the_first_counts() {
    let mut fixture = fixture();
    fixture.write("a.yaml", &simple("one", "Streaming"));
    fixture.write("z.yaml", &pool("main", &["1", "2"]));
    let loaded = fixture.load().await;
    assert_eq!(names(&loaded), ["one", "two"]);
    assert_eq!(loaded.rejected.len(), 2);
    // Of two that begin to differ the first one is in force.
    fixture.write("one.yaml", &simple("one", "Ready"));
    let loaded = fixture.load().await;
    assert_eq!(loaded.desired.destinations["one"].state, WantedState::Streaming);
}

#[tokio::test]
async fn of_two_pools_that_contradict_each_other_at_the_first_load_neither_counts() {
    let mut fixture = fixture();
    fixture.write("a.yaml", &pool("main", &["1"]));
    let loaded = fixture.load().await;
    assert!(pool_names(&loaded).is_empty() && names(&loaded).is_empty());
    let set_aside: Vec<&str> = loaded.desired.set_aside.iter().map(Identity::as_str).collect();
    assert_eq!(set_aside, ["one", "two"]);
    // Both of a pool that is in force are new: it stays.
    fixture.remove("a.yaml");
    assert_eq!(pool_names(&fixture.load().await), ["main"]);
    fixture.remove("pool.yaml");
    fixture.write("b.yaml", &pool("main", &["1"]));
    fixture.write("c.yaml", &pool("main", &["1", "3"]));
    let loaded = fixture.load().await;
    assert_eq!(loaded.desired.pools["main"].channels.len(), 2);
    assert_eq!(loaded.desired.pools["main"].channels[1].id, ChannelId::new("2"));
}

#[tokio::test]
async fn two_wanted_with_one_target_are_reported_and_left_to_the_planner() {
    let mut fixture = fixture();
    fixture.write(
        "three.yaml",
        &simple("one", "Streaming").replace("name: one }", "name: three }"),
    );
    let loaded = fixture.load().await;
    assert_eq!(names(&loaded), ["one", "three", "two"]);
    let messages: Vec<String> = loaded
        .problems
        .iter()
        .map(|problem| fixture.message(problem))
        .collect();
    assert!(
        messages
            .iter()
            .any(|message| message.starts_with("three.yaml:")
                && message.contains("same place with the same key")),
        "{messages:?}"
    );
}
