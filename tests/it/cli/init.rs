//! `slotwise init`: what exists is declared, so that the first plan on it changes nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::tool::{Ran, Served, keys, slotwise};

/// A running channel without a tag, `4000001`, called `ch-4000001`: YouTube and another host.
const RUNNING: &str = "tests/cases/02-first-contact-glob-in-wrong-case/fleet.json";

fn init(channels: &[&str], fleet: &str, out: &Path) -> Ran {
    let fleet = format!("--emulator={fleet}");
    let out = out.to_str().unwrap();
    let args = ["init", &fleet, "--out", out];
    slotwise(args.iter().chain(channels))
}

#[test]
fn the_first_plan_on_channels_on_air_is_empty() {
    let served = Served::quickstart();
    let applied = served.slotwise("apply", &["--yes"]);
    assert_eq!(applied.code, 0, "{}", applied.err);
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("live");
    let text = out.to_str().unwrap();
    let init = served.on("init", &["--out", text, "4000001"], "4000002");
    assert_eq!(init.code, 0, "{}", init.err);
    assert!(init.out.contains("Nothing on air changes"), "{}", init.out);
    let plan = served.on("plan", &["--detailed-exitcode"], text);
    assert_eq!(plan.code, 0, "{}", plan.out);
    assert!(plan.out.contains("3 wanted"), "{}", plan.out);
    // The keys are in their files, and nowhere else.
    let kept = fs::read_dir(out.join("keys"))
        .unwrap()
        .map(|entry| entry.unwrap());
    let kept: Vec<_> = kept.filter(|entry| entry.file_name() != ".gitignore").collect();
    assert_eq!(kept.len(), 3);
    for entry in kept {
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let key = fs::read_to_string(entry.path()).unwrap();
        assert!(keys().contains(&key.trim().to_owned()));
    }
    for name in ["pool.yaml", "destinations.yaml"] {
        let yaml = fs::read_to_string(out.join(name)).unwrap();
        assert!(keys().iter().all(|key| !yaml.contains(key)), "{name}");
    }
    assert_eq!(fs::read_to_string(out.join("keys/.gitignore")).unwrap(), "*\n");
}

#[test]
fn a_channel_that_runs_without_a_tag_is_adopted_and_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("live");
    let arn = "arn:aws:medialive:eu-central-1:111122223333:channel:4000001";
    let ran = init(&["ch-4000001", arn], RUNNING, &out);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for says in [
        "2 Destinations: youtube, x-example",
        "RUNNING, stays",
        "1 adoption, 0 updates, 0 starts, 0 stops",
    ] {
        assert!(ran.out.contains(says), "{}", ran.out);
    }
    let again = init(&["4000001"], RUNNING, &out);
    assert_eq!(again.code, 1);
    assert!(
        again.err.contains("pool.yaml") && again.err.contains("exist already"),
        "{}",
        again.err
    );
}

#[test]
fn an_unknown_channel_name_is_reported_with_the_known_ones() {
    let dir = tempfile::tempdir().unwrap();
    let ran = init(
        &["studio-a", "4000001", "4000009"],
        RUNNING,
        &dir.path().join("live"),
    );
    assert_eq!((ran.code, ran.out.as_str()), (64, ""));
    insta::assert_snapshot!(ran.err, @"
    error: no channel has the id or the name studio-a; no channel has the id or the name 4000009
      next: there are 4000001 (ch-4000001)
    ");
    assert!(!dir.path().join("live").exists());
}

#[test]
fn keys_that_aws_is_to_keep_are_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("live");
    let ran = init(&["4000001", "--keys", "ssm"], RUNNING, &out);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let put = "aws ssm put-parameter --name /slotwise/youtube --type SecureString --value file://youtube";
    assert!(ran.out.contains(put), "{}", ran.out);
    assert!(!out.join("keys").exists());
    let yaml = fs::read_to_string(out.join("destinations.yaml")).unwrap();
    assert!(yaml.contains("ssm: /slotwise/youtube"), "{yaml}");
}

#[test]
fn a_template_is_a_document_of_a_channel_with_parked_slots() {
    let ran = slotwise(["init", "--template", "--slots", "2", "--input-id", "1234567"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["InputAttachments"][0]["InputId"], "1234567");
    let groups = document["EncoderSettings"]["OutputGroups"].as_array().unwrap();
    let names: Vec<&str> = groups
        .iter()
        .map(|group| group["Name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["RTMP-Slot-1", "RTMP-Slot-2"]);
    assert!(ran.err.contains("replace INPUT_ID and ACCOUNT_ID"), "{}", ran.err);
}

#[test]
fn an_unusable_pool_is_refused_before_any_write() {
    for (flag, value, says, code) in [
        ("--pool", "Bad Name", "metadata.name", 6),
        ("--parking-url", "rtmp://live.twitch.tv/app", "takes streams", 64),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("live");
        let ran = init(&["ch-4000001", flag, value], RUNNING, &out);
        assert_eq!(ran.code, code, "{}", ran.err);
        assert!(ran.err.contains(says), "{}", ran.err);
        assert!(!out.exists());
    }
}
