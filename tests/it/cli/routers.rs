//! Commands on RouterPools: what a user reads.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::tool::{Served, copy, slotwise};

const ROUTER: &str = "examples/router";

/// `ListRouterOutputs` is not allowed.
const DENIED: &str = r#"{"kind": "accessDenied", "operation": "ListRouterOutputs"}"#;

/// The example, with the channels of the quickstart besides.
fn both() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in ["router", "quickstart"] {
        let to = dir.path().join(name);
        fs::create_dir(&to).unwrap();
        copy(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name),
            &to,
        );
    }
    dir
}

#[test]
fn a_command_fails_where_the_router_outputs_cannot_be_read_and_nothing_else_is_declared() {
    let served = Served::of(ROUTER);
    served.fault(DENIED);
    for (command, args) in [
        ("plan", &[][..]),
        ("status", &[]),
        ("apply", &["--yes"]),
        ("explain", &["youtube"]),
    ] {
        let ran = served.on(command, args, ROUTER);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{command}: {}", ran.err);
        assert!(
            ran.err
                .contains("cannot look at the router outputs: ListRouterOutputs: access denied"),
            "{}",
            ran.err
        );
        let next = "next: allow mediaconnect:ListRouterOutputs, as manifests/iam-policy.json does";
        assert!(ran.err.contains(next), "{}", ran.err);
    }
}

#[test]
fn the_permission_that_is_missing_is_named() {
    for (operation, action) in [
        ("BatchGetRouterOutput", "mediaconnect:GetRouterOutput"),
        ("GetRouterInput", "mediaconnect:GetRouterInput"),
    ] {
        let served = Served::of(ROUTER);
        assert_eq!(served.on("apply", &["--yes"], ROUTER).code, 0);
        served.fault(&format!(
            r#"{{"kind": "accessDenied", "operation": "{operation}"}}"#
        ));
        let ran = served.on("plan", &[], ROUTER);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{operation}: {}", ran.err);
        let next = format!("next: allow {action}, as manifests/iam-policy.json does");
        assert!(ran.err.contains(&next), "{}", ran.err);
    }
}

#[test]
fn beside_channels_that_can_be_read_it_is_said_what_is_not_known() {
    let dir = both();
    let source = dir.path().to_str().unwrap();
    let served = Served::of(source);
    served.fault(DENIED);

    let ran = served.on("plan", &[], source);
    assert_eq!(ran.code, 5, "{}", ran.err);
    let next = "allow mediaconnect:ListRouterOutputs, as manifests/iam-policy.json does";
    for text in [
        "pool live: router outputs not known, interrupt: Never",
        "facebook, kick and 3 others may be on air: OutputsUnreadable",
        next,
    ] {
        assert!(ran.out.contains(text), "{text}: {}", ran.out);
    }
    assert!(!ran.out.contains("0 router outputs"), "{}", ran.out);

    let ran = served.on("plan", &["--output", "json"], source);
    let plan: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(ran.code, 5);
    assert_eq!(plan["summary"]["unknown"], 5);
    assert_eq!(plan["routers"][0]["unseen"], true);

    let ran = served.on("plan", &["--output", "markdown"], source);
    assert!(
        ran.out.contains("| kick | live | no | not known |"),
        "{}",
        ran.out
    );

    let ran = served.on("status", &[], source);
    assert_eq!(ran.code, 5);
    assert!(
        ran.out
            .contains("facebook, kick and 3 others are Error: OutputsUnreadable"),
        "{}",
        ran.out
    );

    let ran = served.on("explain", &["kick"], source);
    assert_eq!(ran.code, 5);
    assert!(
        ran.out.starts_with("kick may be on air: OutputsUnreadable"),
        "{}",
        ran.out
    );
    for text in ["router output: not known", next] {
        assert!(ran.out.contains(text), "{text}: {}", ran.out);
    }
    assert_eq!(served.on("explain", &["corp-cdn"], source).code, 0);

    let ran = served.on("apply", &["--yes"], source);
    assert_eq!(ran.code, 5, "{}{}", ran.out, ran.err);
    let out = words(&ran.out);
    assert!(
        out.contains("3 of 3 on air; not known whether on air: facebook, kick and 3 others"),
        "{out}"
    );
    assert!(out.contains("3 go on air, 0 wait, 5 not known"), "{out}");
}

/// What was recorded while the router outputs could not be read gives the same plan again.
#[test]
fn a_recording_without_router_outputs_is_replayed() {
    let served = Served::of(ROUTER);
    served.fault(DENIED);
    let dir = tempfile::tempdir().unwrap();
    let lock = dir.path().join("lock");
    let records = dir.path().join("records");
    let (lock, records) = (lock.to_str().unwrap(), records.to_str().unwrap());
    let args = ["--once", "--record", records, "--lock-file", lock];
    let ran = served.on("run", &args, ROUTER);
    assert_eq!(ran.code, 5, "{}{}", ran.out, ran.err);
    let ran = slotwise(["replay", records]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains(" 0 differ, 0 unreadable"), "{}", ran.out);
}

/// Text in one line: it may be wrapped.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn what_router_outputs_push_beside_destinations_is_counted_and_named() {
    let served = Served::of(ROUTER);
    let ran = served.on("apply", &["--yes"], ROUTER);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let dir = tempfile::tempdir().unwrap();
    let pool = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(ROUTER)
        .join("pool.yaml");
    fs::copy(pool, dir.path().join("pool.yaml")).unwrap();
    let source = dir.path().to_str().unwrap();
    // All vanished at once, so all are kept, and that is recorded.
    let lock = dir.path().join("lock");
    served.on("run", &["--once", "--lock-file", lock.to_str().unwrap()], source);

    let plan = words(&served.on("plan", &[], source).out);
    let totals = "No changes. 0 of 0 on air; also on air: ";
    assert!(plan.starts_with(totals), "{plan}");
    assert!(
        plan.contains(", no longer declared in router output slotwise-live-"),
        "{plan}"
    );
    assert!(plan.contains(" and 1 more."), "{plan}");
    let status = words(&served.on("status", &[], source).out);
    for name in ["facebook", "own-server", "twitch", "youtube"] {
        let carries = format!("ACTIVE {name}, no longer declared waits SourceUntrusted");
        assert!(status.contains(&carries), "{status}");
        assert!(
            plan.contains(&format!("{name}, no longer declared ACTIVE, stays")),
            "{plan}"
        );
    }
    let status = served.on("status", &["--output", "json"], source);
    assert_eq!(status.err, "");
    let status: Value = serde_json::from_str(&status.out).unwrap();
    let outputs = status["outputs"].as_array().unwrap();
    assert_eq!(outputs.len(), 4);
    assert!(
        outputs
            .iter()
            .all(|one| one["onAir"] == true && one["waiting"]["code"] == "SourceUntrusted")
    );
}

#[test]
fn the_lines_of_a_plan_stand_in_columns() {
    insta::assert_snapshot!(slotwise(["plan", "--emulator", ROUTER]).golden(), @"
    exit 0
    --- out
    4 wanted, 1 off · pool live: 0 router outputs, interrupt: Never

      facebook    new → STANDBY → ACTIVE                                                      about 40 s
        create  wanted
        route   wanted
        start   wanted
      own-server  new → STANDBY → ACTIVE                                                      about 40 s
        create  wanted
        route   wanted
        start   wanted
      twitch      new → STANDBY → ACTIVE                                                      about 40 s
        create  wanted
        route   wanted
        start   wanted
      youtube     new → STANDBY → ACTIVE                                                      about 40 s
        create  wanted
        route   wanted
        start   wanted

    4 creations, 0 updates, 4 starts, 0 stops · 4 go on air, 0 wait · interruptions 0 (least possible 0) · 20 API calls
    --- err
    ");
}

#[test]
fn what_mediaconnect_says_of_an_output_is_shown() {
    let served = Served::of(ROUTER);
    let ran = served.on("apply", &["--yes"], ROUTER);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    served.fault(r#"{"kind": "routerMessage", "code": "REFUSED", "message": "no such key"}"#);
    let explained = words(&served.on("explain", &["youtube"], ROUTER).out);
    assert!(
        explained.starts_with("youtube is on air in a router output of its own"),
        "{explained}"
    );
    for text in ["message REFUSED: no such key", "MediaConnect maintains it: 20"] {
        assert!(explained.contains(text), "{text}: {explained}");
    }
    let status = words(&served.on("status", &[], ROUTER).out);
    let told = "MediaConnect says: REFUSED: no such key";
    assert!(
        status.contains("youtube is Streaming: OutputMessage on air in router output"),
        "{status}"
    );
    assert!(status.contains(told), "{status}");
    let plan = words(&served.on("plan", &[], ROUTER).out);
    assert!(plan.contains("message REFUSED: no such key"), "{plan}");
    let status = served.on("status", &["--output", "json"], ROUTER).out;
    let status: Value = serde_json::from_str(&status).unwrap();
    for one in status["outputs"].as_array().unwrap() {
        assert_eq!(one["messages"][0], "REFUSED: no such key");
        assert!(one["maintenance"]["scheduledTime"].is_string());
    }
}
