//! Plans: as text, as JSON, as a comment, saved.

use std::fs;

use serde_json::Value;

use super::tool::{Served, command, copy_of_quickstart, keys, printed, slotwise};

const QUICKSTART: &str = "examples/quickstart";

#[test]
fn the_quickstart_has_the_plan_that_the_readme_shows() {
    insta::assert_snapshot!(slotwise(["plan", "--emulator", QUICKSTART]).golden(), @"
    exit 0
    --- out
    3 wanted, 1 off · pool main: 3 channels, 9 slots, Spread, interrupt: Never

      4000001 (main-4000001)  IDLE → RUNNING                                            about 2 min 30 s
        update  RTMP-Slot-1 ← youtube-main  same group: launch-event
                RTMP-Slot-2 ← twitch-main   same group: launch-event
        start   about 2 min 10 s
      4000002 (main-4000002)  IDLE → RUNNING                                            about 2 min 30 s
        update  RTMP-Slot-1 ← corp-cdn  new; on a stopped channel, interrupts nothing
        start   about 2 min 10 s
      4000003 (main-4000003)  IDLE, stays                                                      about 1 s
        adopt  not owned yet; adopted by default

    1 adoption, 2 updates, 2 starts, 0 stops · 3 go on air, 0 wait · interruptions 0 (least possible 0) · 12 API calls
    --- err
    ");
}

#[test]
fn a_plan_as_json_is_the_same_every_time_and_fits_its_schema() {
    let args = ["plan", "--emulator", "--output", "json", QUICKSTART];
    let (first, second) = (slotwise(args), slotwise(args));
    assert_eq!((first.code, first.err.as_str()), (0, ""));
    assert_eq!(first.out, second.out);
    let plan: Value = serde_json::from_str(&first.out).unwrap();
    assert_eq!(plan["formatVersion"], 1);
    assert_eq!(plan["summary"]["goOnAir"], 3);
    let schema: Value = serde_json::from_str(&slotwise(["schema", "Plan"]).out).unwrap();
    let mut described: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
    let mut present: Vec<&String> = plan.as_object().unwrap().keys().collect();
    // Left out where no RouterPool is declared.
    described.retain(|name| !["routers", "feeds"].contains(&name.as_str()));
    described.sort();
    present.sort();
    assert_eq!(described, present);
}

#[test]
fn a_plan_as_a_comment_begins_with_its_mark() {
    let ran = slotwise(["plan", "--emulator", "--output", "markdown", QUICKSTART]);
    assert!(
        ran.out.starts_with("<!-- slotwise plan -->\n### slotwise plan: "),
        "{}",
        ran.out
    );
}

#[test]
fn pending_changes_have_a_code_of_their_own_when_asked_for() {
    let pending = slotwise(["plan", "--emulator", "--detailed-exitcode", QUICKSTART]);
    assert_eq!(pending.code, 2);
}

#[test]
fn a_one_off_grant_without_a_destination_is_a_mistake() {
    let ran = slotwise(["plan", "--emulator", "--interrupt", "twich-main", QUICKSTART]);
    assert_eq!((ran.code, ran.out.as_str()), (64, ""));
    assert_eq!(
        ran.err,
        "error: no Destination of the sources is named twich-main\n  next: did you mean twitch-main?\n"
    );
}

#[test]
fn explain_knows_a_destination_that_is_only_almost_named() {
    let ran = slotwise(["explain", "--emulator", "youtube", QUICKSTART]);
    assert_eq!(ran.code, 64);
    assert!(ran.err.contains("did you mean youtube-main?"), "{}", ran.err);
}

#[test]
fn a_saved_plan_is_applied_once_and_stale_afterwards() {
    let served = Served::quickstart();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("plan.json");
    let path = file.to_str().unwrap();
    let planned = served.slotwise("plan", &["--out", path]);
    assert_eq!(planned.code, 0, "{planned:?}");
    // The command that is printed, as a shell takes it.
    let command_line = planned.err.strip_prefix("saved; apply it with: ").unwrap().trim();
    let mut asks = command::<&str>([]);
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", command_line])
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    shell.env_clear().envs(
        asks.env("PATH", "/usr/bin:/bin")
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let asked = printed(shell.output().unwrap());
    assert_eq!(asked.code, 64, "{asked:?}");
    assert!(asked.err.contains("apply cannot ask"), "{asked:?}");

    let apply = ["--yes", "--transition-interval", "100ms"];
    let applied = served.on("apply", &apply, path);
    assert_eq!(applied.code, 0, "{applied:?}");
    assert!(
        applied.out.contains("converged           3 of 3 on air"),
        "{}",
        applied.out
    );

    let stale = served.on("apply", &apply, path);
    assert_eq!((stale.code, stale.out.as_str()), (3, ""), "{stale:?}");
    assert!(
        stale.err.contains("channel 4000001: IDLE → RUNNING"),
        "{}",
        stale.err
    );
    assert!(
        stale
            .err
            .contains("error: the saved plan is stale; nothing was changed"),
        "{}",
        stale.err
    );
}

#[test]
fn a_saved_plan_is_stale_when_the_declaration_changed() {
    let sources = copy_of_quickstart();
    let source = sources.path().to_str().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("plan.json").to_str().unwrap().to_owned();
    assert_eq!(slotwise(["plan", "--emulator", "--out", &path, source]).code, 0);
    fs::remove_file(sources.path().join("corporate.yaml")).unwrap();
    let launch = sources.path().join("launch-event.yaml");
    let text = fs::read_to_string(&launch).unwrap();
    fs::write(&launch, text.replacen("state: Streaming", "state: Ready", 1)).unwrap();
    let stale = slotwise(["apply", "--emulator", "--yes", &path]);
    assert_eq!(stale.code, 3, "{stale:?}");
    assert!(
        stale.err.contains("  youtube-main: Streaming → Ready\n"),
        "{}",
        stale.err
    );
    assert!(
        stale.err.contains("  corp-cdn: Streaming → no longer declared\n"),
        "{}",
        stale.err
    );
}

#[test]
fn a_saved_plan_is_stale_when_a_url_or_key_changed() {
    let sources = copy_of_quickstart();
    let source = sources.path().to_str().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("plan.json").to_str().unwrap().to_owned();
    assert_eq!(slotwise(["plan", "--emulator", "--out", &path, source]).code, 0);
    let saved = fs::read_to_string(&path).unwrap();
    assert!(!keys().iter().any(|key| saved.contains(key)), "{saved}");
    fs::write(
        sources.path().join("keys/youtube-main"),
        "another-key-of-youtube\n",
    )
    .unwrap();
    let corporate = sources.path().join("corporate.yaml");
    let text = fs::read_to_string(&corporate).unwrap();
    fs::write(
        &corporate,
        text.replace("127.0.0.1:1935/live", "127.0.0.1:1935/other"),
    )
    .unwrap();
    let stale = slotwise(["apply", "--emulator", "--yes", &path]);
    assert_eq!((stale.code, stale.out.as_str()), (3, ""), "{stale:?}");
    assert!(
        stale
            .err
            .starts_with("  corp-cdn: its url has changed\n  youtube-main: its key has changed\n"),
        "{}",
        stale.err
    );
    assert!(
        !stale.err.contains("another-key") && !stale.err.contains("rtmp://"),
        "{stale:?}"
    );
}

#[test]
fn a_saved_plan_is_stale_when_the_parking_url_changed() {
    let sources = copy_of_quickstart();
    let source = sources.path().to_str().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("plan.json").to_str().unwrap().to_owned();
    assert_eq!(slotwise(["plan", "--emulator", "--out", &path, source]).code, 0);
    let mut files = fs::read_dir(sources.path())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let pool = files.find(|path| fs::read_to_string(path).is_ok_and(|text| text.contains("parkingUrl")));
    let pool = pool.unwrap();
    let text = fs::read_to_string(&pool).unwrap();
    fs::write(&pool, text.replace("/parked", "/elsewhere")).unwrap();
    let stale = slotwise(["apply", "--emulator", "--yes", &path]);
    assert_eq!((stale.code, stale.out.as_str()), (3, ""), "{stale:?}");
    assert!(
        stale.err.starts_with(
            "  main: its parkingUrl has changed
"
        ),
        "{}",
        stale.err
    );
}

#[test]
fn a_saved_plan_takes_no_other_sources_and_no_grants() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("plan.json").to_str().unwrap().to_owned();
    assert_eq!(
        slotwise(["plan", "--emulator", "--out", &path, QUICKSTART]).code,
        0
    );
    let both = slotwise(["apply", "--emulator", "--yes", &path, QUICKSTART]);
    assert_eq!(both.code, 64, "{both:?}");
    let granted = slotwise(["apply", "--emulator", "--yes", "--interrupt", "corp-cdn", &path]);
    assert_eq!(granted.code, 64, "{granted:?}");
}
