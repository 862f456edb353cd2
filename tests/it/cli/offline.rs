//! What needs no MediaLive: help, mistakes in the command line, validate, schema, completions, colours, pipes.

use std::fs;
use std::process::Stdio;

use super::tool::{Ran, command, printed, run, slotwise};

#[test]
fn help_and_version_are_what_was_asked_for() {
    let help = slotwise(["--help"]);
    assert_eq!((help.code, help.err.as_str()), (0, ""));
    assert!(
        help.out.contains("Exit codes:") && help.out.contains("130"),
        "{}",
        help.out
    );
    let version = slotwise(["--version"]);
    assert_eq!(version.golden(), "exit 0\n--- out\nslotwise [version]\n--- err\n");
    for name in [
        "run",
        "init",
        "plan",
        "apply",
        "validate",
        "status",
        "explain",
        "emulator",
        "schema",
        "completions",
    ] {
        let of_command = slotwise([name, "--help"]);
        assert_eq!((of_command.code, of_command.err.as_str()), (0, ""), "{name}");
    }
}

#[test]
fn a_usage_error_ends_with_64_and_a_fix() {
    for (args, says) in [
        (vec![], "Usage: slotwise"),
        (vec!["paln"], "a similar subcommand exists: 'plan'"),
        (vec!["plan"], "A SOURCE is a YAML file or a directory of them"),
        (vec!["plan", "--emulatr", "x"], "'--emulator'"),
        (
            vec!["run", "--interval", "60", "x"],
            "write a number with its unit",
        ),
        (vec!["run", "--max-vanish", "30", "x"], "for example 30%"),
        (
            vec!["run", "--emulator", "--endpoint-url", "http://x", "x"],
            "cannot be used with",
        ),
        (vec!["run", "--owner-id", "a/b", "x"], "use letters, digits"),
        (
            vec!["plan", "--endpoint-url", "127.0.0.1:4570", "x"],
            "write it with scheme and host",
        ),
        (vec!["schema", "Pool"], "possible values: ChannelPool"),
    ] {
        let ran = slotwise(&args);
        assert_eq!((ran.code, ran.out.as_str()), (64, ""), "{args:?}");
        assert!(ran.err.contains(says), "{args:?}: {}", ran.err);
    }
}

#[test]
fn a_flag_can_come_from_the_environment() {
    let ran = run(command(["run", "x"]).env("SLOTWISE_INTERVAL", "soon"));
    assert_eq!(ran.code, 64);
    assert!(ran.err.contains("--interval <TIME>"), "{}", ran.err);
}

#[test]
fn an_endpoint_of_the_environment_that_is_none_is_named() {
    let mut plan = command(["plan", "examples/quickstart"]);
    let ran = run(plan.env("AWS_ENDPOINT_URL_MEDIALIVE", "nonsense"));
    insta::assert_snapshot!(ran.golden(), @"
    exit 64
    --- out
    --- err
    error: AWS_ENDPOINT_URL_MEDIALIVE is no endpoint: write it with scheme and host, for example http://127.0.0.1:4570
    ");
}

#[test]
fn user_and_password_of_an_endpoint_are_never_shown() {
    const ENDPOINT: &str = "http://c4n4ry-user:c4n4ry-pw@127.0.0.1:1";
    let names = [
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_MEDIALIVE",
        "SLOTWISE_ENDPOINT_URL",
    ];
    for name in ["plan", "apply", "run", "doctor", "status"] {
        let by_flag = slotwise([name, "--endpoint-url", ENDPOINT, "examples/quickstart"]);
        let by_name =
            names.map(|variable| run(command([name, "examples/quickstart"]).env(variable, ENDPOINT)));
        for ran in by_name.iter().chain([&by_flag]) {
            assert_eq!(ran.code, 64, "{ran:?}");
            assert!(ran.err.contains("takes no user and no password"), "{ran:?}");
            assert!(!format!("{ran:?}").contains("c4n4ry"), "{ran:?}");
        }
    }
}

#[test]
fn a_profile_that_does_not_exist_is_named_with_those_that_do() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config");
    fs::write(&config, "[profile studio]\nregion = eu-central-1\n").unwrap();
    for (region, exists) in [(None, false), (Some("eu-central-1"), false), (None, true)] {
        let mut plan = command(["plan", "examples/quickstart"]);
        plan.env("AWS_CONFIG_FILE", &config);
        plan.env("AWS_PROFILE", if exists { "studio" } else { "studoi" });
        if let Some(region) = region {
            plan.env("AWS_REGION", region);
        }
        let ran = run(&mut plan);
        assert_eq!(ran.code, 1, "{ran:?}");
        let message = "there is no AWS profile studoi (known: studio)";
        assert_eq!(ran.err.contains(message), !exists, "{ran:?}");
        assert!(
            exists || ran.err.contains("aws configure list-profiles"),
            "{ran:?}"
        );
    }
}

#[test]
fn missing_sources_are_named_with_cause_and_fix() {
    for command_name in ["validate", "plan --emulator", "run --emulator"] {
        let ran = slotwise(command_name.split(' ').chain(["nowhere"]));
        assert_eq!(ran.code, 1, "{command_name}");
        assert!(
            ran.err.ends_with(
                "nowhere cannot be read: No such file or directory (os error 2)\n  next: name a YAML file or a directory \
                 of them\n"
            ),
            "{}",
            ran.err
        );
    }
}

#[test]
fn every_shell_gets_a_completion_script() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = slotwise(["completions", shell]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{shell}");
        assert!(ran.out.contains("detailed-exitcode"), "{shell}");
    }
}

#[test]
fn schemas_are_json() {
    let all: serde_json::Value = serde_json::from_str(&slotwise(["schema"]).out).unwrap();
    assert_eq!(all["oneOf"].as_array().unwrap().len(), 4);
    for kind in [
        "ChannelPool",
        "RouterPool",
        "Destination",
        "DestinationTable",
        "Plan",
    ] {
        let one: serde_json::Value = serde_json::from_str(&slotwise(["schema", kind]).out).unwrap();
        assert!(one["properties"].is_object(), "{kind}");
        if kind != "Plan" {
            assert_eq!(all["$defs"][kind]["properties"], one["properties"], "{kind}");
        }
    }
}

#[test]
fn valid_declarations_are_counted() {
    insta::assert_snapshot!(slotwise(["validate", "examples/quickstart"]).golden(), @"
    exit 0
    --- out
    valid: 1 pool with 3 channels, 4 destinations: 3 Streaming, 1 Ready
    --- err
    ");
}

/// Declarations with three mistakes, one of them a key in a URL.
fn mistakes() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let pool = "apiVersion: slotwise.dev/v1alpha1\nkind: ChannelPool\nmetadata: { name: main }\nspec:\n  \
                channels: [{ id: \"4000001\" }]\n  slots: { outputGroups: \"RTMP-*\", parkingUrl: \
                \"rtmp://127.0.0.1/parked\" }\n";
    let destinations = "apiVersion: slotwise.dev/v1alpha1\nkind: Destination\nmetadata: { name: one }\nspec:\n  \
                        pool: man\n  state: Streaming\n  url: rtmp://a.example/live/live_123_canarycanary\n  \
                        streamKeyFrom: { env: NOT_SET }\n---\napiVersion: slotwise.dev/v1alpha1\nkind: \
                        Destination\nmetadata: { name: two }\nspec:\n  pool: main\n  state: Streeming\n  url: \
                        rtmp://b.example/live\n  streamKeyFrom: { env: NOT_SET }\n";
    fs::write(dir.path().join("a-pool.yaml"), pool).unwrap();
    fs::write(dir.path().join("b-destinations.yaml"), destinations).unwrap();
    dir
}

fn in_dir(args: &[&str], dir: &tempfile::TempDir) -> Ran {
    let mut all = args.to_vec();
    let path = dir.path().to_str().unwrap();
    all.push(path);
    let mut ran = slotwise(all);
    assert!(
        !ran.out.contains("canarycanary") && !ran.err.contains("canarycanary"),
        "a key is shown:\n{ran:?}"
    );
    ran.out = ran.out.replace(path, "[dir]");
    ran.err = ran.err.replace(path, "[dir]");
    ran
}

#[test]
fn every_mistake_is_listed_with_its_place_and_its_fix() {
    insta::assert_snapshot!(in_dir(&["validate", "--no-keys"], &mistakes()).golden(), @"
    exit 6
    --- out
    [dir]/b-destinations.yaml
        5:9  error    Destination one: spec.pool
                      there is no pool `man`
                      fix: did you mean `main`?
        7:8  error    Destination one: spec.url
                      the URL seems to hold a stream key
                      fix: end the URL after the application, and give the key with streamKeyFrom
      15:10  error    Destination two: spec.state
                      `Streeming` is not one of the words allowed here
                      fix: did you mean `Streaming`?

    3 errors in 1 file
    --- err
    next: correct these and validate again
    ");
}

#[test]
fn mistakes_can_be_read_by_a_program() {
    let ran = in_dir(&["validate", "--output", "json"], &mistakes());
    assert_eq!((ran.code, ran.err.as_str()), (6, ""));
    let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["formatVersion"], 1);
    let listed = document["problems"].as_array().unwrap();
    assert_eq!(document["errors"], listed.len());
    assert!(
        listed.iter().all(|problem| problem["line"].as_u64().unwrap() > 0),
        "{document:#}"
    );
}

#[test]
fn a_plan_of_mistakes_is_refused_with_all_of_them() {
    let ran = in_dir(&["plan", "--emulator"], &mistakes());
    assert_eq!((ran.code, ran.out.as_str()), (6, ""));
    assert!(ran.err.contains("errors in 1 file"), "{}", ran.err);
}

#[test]
fn a_source_that_is_not_there_is_named() {
    let ran = slotwise(["plan", "--emulator", "no/such/dir"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.starts_with("error: ") && ran.err.contains("no/such/dir"),
        "{}",
        ran.err
    );
}

#[test]
fn colours_are_for_terminals_and_where_forced() {
    let args = ["plan", "--emulator", "examples/quickstart"];
    let plain = slotwise(args);
    assert!(!plain.out.contains('\u{1b}'), "{}", plain.out);
    let forced = run(command(args).env("CLICOLOR_FORCE", "1"));
    assert!(forced.out.contains("\u{1b}[32mstart"), "{}", forced.out);
    let refused = run(command(args).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1"));
    assert_eq!(refused.out, plain.out);
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let mut child = command(["schema"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ran = printed(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}
