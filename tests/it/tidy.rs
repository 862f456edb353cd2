//! House rules, executed: what `src/lib.rs` promises of the structure holds.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Files of `src` without their tests: path relative to `src`, text without `#[cfg(test)] mod tests`; modules that
/// are for tests as a whole are left out.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let texts: Vec<(PathBuf, String)> = files
        .into_iter()
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect();
    let test_modules: BTreeSet<PathBuf> = texts
        .iter()
        .flat_map(|(path, text)| test_modules(path, text))
        .collect();
    texts
        .iter()
        .filter(|(path, _)| !test_modules.contains(path))
        .map(|(path, text)| {
            let relative = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
            (relative, without_tests(text))
        })
        .collect()
}

/// Files of the modules that `text` declares for tests only.
fn test_modules(path: &Path, text: &str) -> Vec<PathBuf> {
    let is_root = ["mod.rs", "lib.rs", "main.rs"]
        .iter()
        .any(|name| path.ends_with(name));
    let folder = if is_root {
        path.parent().unwrap().to_owned()
    } else {
        path.with_extension("")
    };
    let declared = text.split("#[cfg(test)]\nmod ").skip(1);
    let names = declared
        .filter_map(|rest| rest.split_once(';'))
        .map(|(name, _)| name);
    names
        .filter(|name| !name.contains(char::is_whitespace))
        .map(|name| folder.join(format!("{name}.rs")))
        .collect()
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn without_tests(text: &str) -> String {
    text.split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or(text)
        .to_owned()
}

/// Lines of code that hold `needle`, comments left out.
fn uses<'a>(text: &'a str, needle: &str) -> Vec<&'a str> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//") && line.contains(needle))
        .collect()
}

/// Every use of `needle` outside the files that `allowed` accepts.
fn strays(needle: &str, allowed: impl Fn(&str) -> bool) -> Vec<String> {
    sources()
        .iter()
        .filter(|(path, _)| !allowed(path))
        .flat_map(|(path, text)| {
            uses(text, needle)
                .into_iter()
                .map(move |line| format!("{path}: {}", line.trim()))
        })
        .collect()
}

fn assert_none(rule: &str, strays: &[String]) {
    assert!(strays.is_empty(), "{rule}:\n  {}", strays.join("\n  "));
}

const PURE: [&str; 8] = [
    "model/",
    "manifest/",
    "plan/",
    "record/",
    "status",
    "render/",
    "medialive/document.rs",
    "emulator/world/",
];

const PURE_TOO: [&str; 4] = [
    "emulator/channel.rs",
    "emulator/validate/",
    "emulator/faults.rs",
    "secrets/cache.rs",
];

#[test]
fn pure_modules_know_no_io_no_clock_and_no_chance() {
    let is_pure = |path: &str| PURE.iter().chain(&PURE_TOO).any(|start| path.starts_with(start));
    for needle in [
        "tokio::",
        "aws_",
        "axum::",
        "std::fs",
        "std::env",
        "::now()",
        "thread_rng",
        "rand::rng",
    ] {
        assert_none(
            &format!("pure modules do not use {needle}"),
            &strays(needle, |path| !is_pure(path)),
        );
    }
    // One index is looked up by key and never walked through, so its order shows nowhere.
    for needle in ["HashMap", "HashSet"] {
        assert_none(
            &format!("pure modules have sorted maps, not {needle}"),
            &strays(needle, |path| !is_pure(path) || path == "plan/survey/matching.rs"),
        );
    }
}

#[test]
fn the_model_stands_at_the_bottom_and_imports_nothing_of_ours() {
    assert_none(
        "model imports nothing of ours",
        &strays("use crate::", |path| !path.starts_with("model/")),
    );
}

#[test]
fn the_planner_and_its_checker_share_no_helper() {
    let in_check = |path: &str| path.starts_with("plan/check");
    // This test compares the two.
    let is_second = |path: &str| in_check(path) && path != "plan/check/tests/readings.rs";
    for planner in [
        "plan::assign",
        "plan::survey",
        "plan::interrupt",
        "plan::steps",
        "super::super::",
    ] {
        assert_none(
            "check is a second author",
            &strays(planner, |path| !is_second(path)),
        );
    }
    // These two bring planner and checker together.
    let of_both = ["plan/mod.rs", "plan/held.rs"];
    let of_plan = |path: &str| path.starts_with("plan/") && !in_check(path) && !of_both.contains(&path);
    assert_none(
        "the planner does not use check",
        &strays("check::", |path| !of_plan(path)),
    );
}

#[test]
fn each_unmaintained_crate_stands_behind_one_file() {
    assert_none(
        "serde_yaml is used in manifest/yaml.rs only",
        &strays("serde_yaml", |path| path == "manifest/yaml.rs"),
    );
    assert_none(
        "backoff is used in retry.rs only",
        &strays("backoff::Exp", |path| path == "retry.rs"),
    );
}

#[test]
fn one_file_names_the_operations_of_medialive() {
    let of_client = ["medialive/client.rs", "medialive/client/probe.rs"];
    assert_none(
        "the SDK of MediaLive is used in medialive/client.rs and its probe only",
        &strays("aws_sdk_medialive", |path| of_client.contains(&path)),
    );
}

/// What needs no permit can reach no channel that exists.
#[test]
fn a_rehearsal_names_no_channel() {
    let probe = sources()
        .into_iter()
        .find(|(path, _)| path == "medialive/client/probe.rs")
        .unwrap()
        .1;
    let (_, rehearsal) = probe.split_once("impl Rehearsal {").unwrap();
    let (before, _) = probe.split_once("impl Rehearsal {").unwrap();
    for call in ["update_channel", "start_channel", "stop_channel", "create_tags"] {
        assert!(!before.contains(call), "{call} is made without a rehearsal");
    }
    let changes = ["update_channel", "start_channel", "stop_channel"];
    for call in changes {
        let for_nobody = format!(".{call}().channel_id(NOBODY)");
        assert_eq!(rehearsal.matches(call).count(), 1, "{call}");
        assert!(rehearsal.contains(&for_nobody), "{call} is not for nobody");
    }
    assert!(rehearsal.contains(":channel:{NOBODY}\");") && rehearsal.contains(".resource_arn(arn)"));
    for taken in ["ChannelId", "Summary", "ChannelDocument"] {
        assert!(!rehearsal.contains(taken), "a rehearsal takes a {taken}");
    }
}

#[test]
fn one_file_asks_whose_the_credentials_are() {
    assert_none(
        "the SDK of STS is used in doctor/account.rs only",
        &strays("aws_sdk_sts", |path| path == "doctor/account.rs"),
    );
}

#[test]
fn two_modules_name_the_operations_of_dynamodb() {
    assert_none(
        "the SDK of DynamoDB is used in store/dynamodb and controller/lease only",
        &strays("aws_sdk_dynamodb", |path| {
            path.starts_with("store/dynamodb/") || path.starts_with("controller/lease")
        }),
    );
}

#[test]
fn one_file_each_names_the_services_that_keep_keys() {
    for (sdk, file) in [
        ("aws_sdk_ssm", "secrets/ssm.rs"),
        ("aws_sdk_secretsmanager", "secrets/secrets_manager.rs"),
    ] {
        assert_none(
            &format!("{sdk} is used in {file} only"),
            &strays(sdk, |path| path == file),
        );
    }
}

#[test]
fn the_store_and_the_lease_alone_name_dynamodb() {
    let allowed = ["store/dynamodb", "controller/lease/dynamodb"];
    assert_none(
        "the SDK of DynamoDB is used in store/dynamodb and controller/lease/dynamodb only",
        &strays("aws_sdk_dynamodb", |path| {
            allowed.iter().any(|start| path.starts_with(start))
        }),
    );
}

#[test]
fn the_lease_goes_by_no_wall_clock_and_its_protocol_by_no_clock_at_all() {
    for needle in ["SystemTime", "Timestamp", "jiff", "Clock"] {
        assert_none(
            &format!("the lease does not use {needle}: wall clocks of several machines differ"),
            &strays(needle, |path| !path.starts_with("controller/lease/")),
        );
    }
    for needle in ["::now()", ".elapsed()", "sleep"] {
        assert_none(
            &format!("the protocol does not use {needle}"),
            &strays(needle, |path| path != "controller/lease/table.rs"),
        );
    }
}

#[test]
fn what_is_shown_over_http_is_read_and_rendered_elsewhere() {
    let in_api = |path: &str| path.starts_with("api/");
    for (needle, why) in [
        ("aws_", "calls nobody"),
        ("std::fs", "reads no file"),
        ("std::env", "reads no variable"),
        ("serde_json::json!", "has no format of its own"),
        ("crate::medialive", "does not know MediaLive"),
        ("crate::execute", "changes nothing"),
        ("crate::store", "does not read the source"),
        ("crate::wiring", "is given its parts"),
        (".reveal()", "sees no key"),
    ] {
        assert_none(&format!("api {why}"), &strays(needle, |path| !in_api(path)));
    }
    assert_none(
        "axum serves api and the emulator only",
        &strays("axum::", |path| in_api(path) || path.starts_with("emulator/")),
    );
    assert_none(
        "hyper is used by itself in api/serve.rs only",
        &strays("hyper::", |path| {
            path == "api/serve.rs" || path.starts_with("emulator/")
        }),
    );
    assert_none(
        "metrics alone knows how they are written",
        &strays("prometheus::", |path| path.starts_with("metrics")),
    );
}

#[test]
fn only_the_gate_makes_permits() {
    assert_none(
        "a permit is made by execute/gate.rs only",
        &strays("Permit::granted(", |path| path == "execute/gate.rs"),
    );
    let client = sources()
        .into_iter()
        .find(|(path, _)| path == "medialive/client.rs")
        .unwrap()
        .1;
    for call in [
        ".update_channel()",
        ".start_channel()",
        ".stop_channel()",
        ".create_tags()",
    ] {
        let before = client.split(call).next().unwrap();
        let signature = before.rfind("pub async fn").map(|at| &before[at..]).unwrap();
        assert!(
            signature.contains(" permit: Permit<'_>"),
            "{call} is made without a permit"
        );
        let after = client.split(call).nth(1).unwrap();
        let built = after.split(".send()").next().unwrap();
        assert!(
            built.contains(".interceptor(permit.terms())"),
            "{call} does not carry what its permit says"
        );
    }
}

#[test]
fn a_secret_is_revealed_in_few_places() {
    // Recordings hold stand-ins: they look at keys to replace them, and reveal what they put in their place.
    let allowed = ["medialive/document.rs", "manifest/", "secrets/", "record/"];
    assert_none(
        "reveal() is called where the channel configuration is written, or a key is checked or replaced, nowhere else",
        &strays(".reveal()", |path| {
            allowed.iter().any(|start| path.starts_with(start))
        }),
    );
    let secret = sources()
        .into_iter()
        .find(|(path, _)| path == "model/secret.rs")
        .unwrap()
        .1;
    assert!(
        !secret.contains("Serialize") || !secret.contains("derive(Serialize"),
        "a secret is not serialised"
    );
    assert!(
        !secret.contains("impl fmt::Display for Secret"),
        "a secret is not displayed"
    );
}

/// What the loop shows is written elsewhere, so that a disk cannot hold it up.
#[test]
fn the_loop_knows_recordings_and_no_files_of_them() {
    assert_none(
        "recorder is used by cli only",
        &strays("crate::recorder", |path| path.starts_with("cli/")),
    );
    for needle in [
        "crate::controller",
        "crate::render",
        "crate::store",
        "crate::medialive",
    ] {
        assert_none(
            "a recording is made of model and plan alone",
            &strays(needle, |path| !path.starts_with("record/")),
        );
    }
    assert_none(
        "what a recording is made of leaves record with stand-ins only",
        &strays("pub struct DesiredDocument", |_| false),
    );
}

#[test]
fn nothing_is_left_half_done() {
    for marker in [
        "todo!(",
        "unimplemented!(",
        "FIXME",
        "#[ignore",
        "#[allow(",
        "dbg!(",
    ] {
        assert_none(&format!("no {marker}"), &strays(marker, |_| false));
    }
}

#[test]
fn files_and_functions_stay_small() {
    const LINES_PER_FILE_MAX: usize = 700;
    const LINES_PER_FUNCTION_MAX: usize = 70;
    let mut long = Vec::new();
    for (path, text) in sources() {
        let lines: Vec<&str> = text.lines().collect();
        if lines.len() > LINES_PER_FILE_MAX {
            long.push(format!("{path}: {} lines", lines.len()));
        }
        for (start, line) in lines.iter().enumerate().filter(|(_, line)| is_function(line)) {
            let indent = &line[..line.len() - line.trim_start().len()];
            let end = lines[start..]
                .iter()
                .position(|line| *line == format!("{indent}}}"))
                .unwrap_or(0);
            if end + 1 > LINES_PER_FUNCTION_MAX {
                long.push(format!(
                    "{path}:{}: {} lines: {}",
                    start + 1,
                    end + 1,
                    line.trim()
                ));
            }
        }
    }
    assert_none("files have at most 700 lines and functions at most 70", &long);
}

fn is_function(line: &str) -> bool {
    let line = line.trim_start();
    let line = ["pub(super) ", "pub(crate) ", "pub ", "async ", "const "]
        .iter()
        .fold(line, |line, word| line.strip_prefix(word).unwrap_or(line));
    line.starts_with("fn ")
}

#[test]
fn the_top_level_holds_only_what_the_project_agreed_on() {
    let agreed = [
        "Cargo.toml",
        "Cargo.lock",
        "src",
        "manifests",
        "examples",
        "tests",
        "README.md",
        "CHANGELOG.md",
        "LICENSE",
        "target",
    ];
    let strays: Vec<String> = fs::read_dir(env!("CARGO_MANIFEST_DIR"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.') && !agreed.contains(&name.as_str()))
        .collect();
    assert_none("nothing else at the top level", &strays);
}
