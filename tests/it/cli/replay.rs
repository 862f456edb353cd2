//! `run --record` and `replay`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::tool::{Ran, keys, slotwise};

const RECORDED: &str = "tests/recordings/interruption.json";

fn run_once(directory: &Path) -> Ran {
    let args = ["run", "--once", "--emulator", "--emulator-speed", "1000"];
    let rest = [
        "--transition-interval",
        "100ms",
        "--record",
        directory.to_str().unwrap(),
        "examples/quickstart",
    ];
    slotwise(args.into_iter().chain(rest))
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn replay(file: &Path, more: &[&str]) -> Ran {
    let args = ["replay", file.to_str().unwrap()];
    slotwise(args.into_iter().chain(more.iter().copied()))
}

/// A copy of a recording with `from` written as `to`.
fn edited(directory: &Path, from: &str, to: &str) -> PathBuf {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(RECORDED)).unwrap();
    assert!(text.contains(from), "{from}");
    let path = directory.join("edited.json");
    fs::write(&path, text.replacen(from, to, 1)).unwrap();
    path
}

#[test]
fn what_run_recorded_is_replayed_as_recorded_and_holds_no_key() {
    let dir = tempfile::tempdir().unwrap();
    let directory = dir.path().join("recordings");
    let ran = run_once(&directory);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    let files = files(&directory);
    assert!(files.len() >= 4, "{files:?}");
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        assert!(keys().iter().all(|key| !text.contains(key)), "{}", file.display());
        assert!(!text.contains("/live2") && text.contains("rtmps://a.rtmps.youtube.com/url-"));
    }
    let all = replay(&directory, &[]);
    assert_eq!((all.code, all.err.as_str()), (0, ""), "{}", all.out);
    let sum = format!(
        "\n{0} recordings: {0} same, 0 differ, 0 unreadable\n",
        files.len()
    );
    assert!(all.out.ends_with(&sum), "{}", all.out);
    // A second run continues in the same directory.
    assert_eq!(run_once(&directory).code, 0);
    assert_eq!(replay(&directory, &[]).code, 0);
}

#[test]
fn one_recording_shows_its_plan_and_its_verdict() {
    // The recording stays of the version that wrote it.
    let shown = slotwise(["replay", RECORDED])
        .golden()
        .replace("0.1.0", "[version]");
    insta::assert_snapshot!(shown);
    let json = slotwise(["replay", "--output", "json", RECORDED]);
    assert_eq!((json.code, json.err.as_str()), (0, ""));
    let value: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(
        value["summary"],
        serde_json::json!({"same": 1, "different": 0, "unreadable": 0})
    );
    let one = &value["recordings"][0];
    assert_eq!(
        (&one["same"], &one["plan"]["formatVersion"]),
        (&true.into(), &1.into())
    );
}

#[test]
fn another_plan_has_its_own_code_and_lists_differences() {
    let dir = tempfile::tempdir().unwrap();
    let file = edited(
        dir.path(),
        "\"interrupt\": \"Anytime\"",
        "\"interrupt\": \"Never\"",
    );
    let ran = replay(&file, &[]);
    assert_eq!((ran.code, ran.err.as_str()), (3, ""), "{}", ran.out);
    for line in [
        "  destination facebook-main, waiting: not recorded, recomputed InterruptionForbidden",
        "  pool main, interrupt: recorded Anytime, recomputed Never",
    ] {
        assert!(
            ran.out.lines().any(|reported| reported == line),
            "{line} in\n{}",
            ran.out
        );
    }
    let json = replay(&file, &["--output", "json"]);
    let value: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((json.code, &value["recordings"][0]["same"]), (3, &false.into()));
    assert!(value["recordings"][0]["differences"].as_array().unwrap().len() > 3);
}

/// What stands nowhere but in the outcome is compared as well: a target, an expected time, the order of entries.
#[test]
fn nothing_that_was_recorded_is_too_small_to_differ() {
    let dir = tempfile::tempdir().unwrap();
    for (from, to, reported) in [
        (
            "\"secs\": 130",
            "\"secs\": 131",
            "expected, secs: recorded 131, recomputed 130",
        ),
        (
            "\"lowerBound\": 1",
            "\"lowerBound\": 0",
            "lowerBound: recorded 0, recomputed 1",
        ),
    ] {
        let ran = replay(&edited(dir.path(), from, to), &[]);
        assert_eq!(ran.code, 3, "{}", ran.out);
        assert!(ran.out.contains(reported), "{reported} in\n{}", ran.out);
    }
    let path = dir.path().join("edited.json");
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(RECORDED)).unwrap();
    let mut value: Value = serde_json::from_str(&text).unwrap();
    value["outcome"]["plan"]["destinations"]
        .as_array_mut()
        .unwrap()
        .reverse();
    fs::write(&path, value.to_string()).unwrap();
    let ran = replay(&path, &[]);
    assert_eq!(ran.code, 3);
    assert!(
        ran.out.contains("the same entries are in another order"),
        "{}",
        ran.out
    );
}

#[test]
fn a_file_that_is_not_a_recording_is_an_error_with_a_fix() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(RECORDED)).unwrap();
    fs::write(path("cut.json"), &text[..text.len() / 2]).unwrap();
    fs::write(
        path("newer.json"),
        text.replacen("\"slotwiseRecording\": 1", "\"slotwiseRecording\": 2", 1),
    )
    .unwrap();
    fs::write(path("plan.json"), "{\"slotwisePlan\": 1}").unwrap();
    fs::write(path("binary.json"), [0xff, 0xfe]).unwrap();
    fs::write(
        path("pool.json"),
        text.replacen("\"pool\": \"main\"", "\"pool\": \"mian\"", 1),
    )
    .unwrap();
    for (name, reported, fix) in [
        ("cut.json", "it ends in the middle (line ", "next: copy it again"),
        (
            "newer.json",
            "its format is 2, made by slotwise 0.1.0; this slotwise",
            "or a newer one",
        ),
        (
            "plan.json",
            "it is not a recording of slotwise",
            "next: name a file that slotwise run --record",
        ),
        (
            "binary.json",
            "it is not a recording of slotwise",
            "next: name a file",
        ),
        (
            "pool.json",
            "destination corp-cdn: the recording has no pool mian",
            "next: take the file as it was recorded",
        ),
        ("none.json", "cannot read it: No such file", "next: name a file"),
    ] {
        let ran = replay(&path(name), &[]);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{name}");
        assert!(
            ran.err.contains(reported) && ran.err.contains(fix),
            "{name}: {}",
            ran.err
        );
    }
    // A directory of them goes through all the same.
    fs::write(path("whole.json"), &text).unwrap();
    let all = replay(dir.path(), &[]);
    assert_eq!(all.code, 1);
    assert!(
        all.out
            .ends_with("6 recordings: 1 same, 0 differ, 5 unreadable\n"),
        "{}",
        all.out
    );
    let empty = tempfile::tempdir().unwrap();
    let ran = replay(empty.path(), &[]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("there is no recording in "), "{}", ran.err);
}

#[test]
fn an_unusable_record_directory_is_a_usage_error() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let ran = run_once(&file);
    assert_eq!((ran.code, ran.out.as_str()), (64, ""));
    assert!(ran.err.contains(" to record in: "), "{}", ran.err);
    assert!(
        ran.err.contains("\n  next: name a directory with --record"),
        "{}",
        ran.err
    );
}
