//! Paths that lead to something unexpected, and accidental surroundings.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{CWD, Mode, mkfifoat};

use super::tool::{Ran, command, copy_of_quickstart, run, slotwise};

const QUICKSTART: &str = "examples/quickstart";

/// A named pipe without a writer.
fn pipe_in(directory: &Path) -> PathBuf {
    let path = directory.join("pipe");
    mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).unwrap();
    path
}

fn assert_said(ran: &Ran, code: i32, said: &str) {
    assert_eq!(ran.code, code, "{ran:?}");
    assert!(
        ran.err.contains(said) || ran.out.contains(said),
        "{said}: {ran:?}"
    );
}

#[test]
fn nothing_waits_for_a_pipe_without_a_writer() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = pipe_in(dir.path());
    let pipe = pipe.to_str().unwrap();
    let fleet = format!("--emulator={pipe}");
    for (args, code) in [
        (&["plan", &fleet, QUICKSTART][..], 1),
        (&["status", &fleet, QUICKSTART], 1),
        (&["apply", "--yes", &fleet, QUICKSTART], 1),
        (&["run", "--once", &fleet, QUICKSTART], 1),
        (&["emulator", "--listen", "127.0.0.1:0", "--fleet", pipe], 1),
        (&["emulator", "--listen", "127.0.0.1:0", "--state", pipe], 1),
        (&["plan", "--emulator", pipe], 1),
        (&["apply", "--yes", "--emulator", pipe], 1),
        (&["validate", pipe], 1),
        (&["replay", pipe], 1),
        (
            &[
                "run",
                "--once",
                "--listen",
                "127.0.0.1:0",
                "--api-token-file",
                pipe,
                "--emulator",
                QUICKSTART,
            ],
            64,
        ),
    ] {
        assert_said(&slotwise(args), code, "a named pipe, not a regular file");
    }
}

#[test]
fn a_key_that_is_a_pipe_is_missing_without_a_wait() {
    let sources = copy_of_quickstart();
    let keys = sources.path().join("keys");
    let key = fs::read_dir(&keys).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(&key).unwrap();
    mkfifoat(CWD, &key, Mode::RUSR | Mode::WUSR).unwrap();
    let ran = run(command(["validate"]).arg(sources.path()));
    let name = key.file_name().unwrap().to_str().unwrap();
    assert!((ran.out + &ran.err).contains(&format!("{name} is not a file")));
}

#[test]
fn a_device_without_an_end_is_not_read() {
    use std::os::unix::fs::FileTypeExt;
    let device = "/dev/zero";
    if !fs::metadata(device).is_ok_and(|metadata| metadata.file_type().is_char_device()) {
        println!("not tried: {device} is no device here; pipes are used instead");
        return;
    }
    let fleet = format!("--emulator={device}");
    for (args, code) in [
        (&["plan", &fleet, QUICKSTART][..], 1),
        (&["plan", "--emulator", device], 1),
        (&["replay", device], 1),
        (&["apply", "--yes", "--emulator", device], 1),
    ] {
        assert_said(&slotwise(args), code, "a device, not a regular file");
    }
}

#[test]
fn a_file_of_terabytes_is_too_large_everywhere() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("large.yaml");
    if fs::File::create(&file).unwrap().set_len(1 << 40).is_err() {
        println!("not tried: this file system takes no file of that length");
        return;
    }
    let path = file.to_str().unwrap();
    let fleet = format!("--emulator={path}");
    for (args, code) in [
        (&["plan", &fleet, QUICKSTART][..], 1),
        (&["plan", "--emulator", path], 1),
        (&["emulator", "--listen", "127.0.0.1:0", "--state", path], 1),
        (&["apply", "--yes", "--emulator", path], 1),
        (
            &[
                "run",
                "--once",
                "--listen",
                "127.0.0.1:0",
                "--api-token-file",
                path,
                "--emulator",
                QUICKSTART,
            ],
            64,
        ),
    ] {
        assert_said(&slotwise(args), code, "larger than");
    }
}

#[test]
fn a_plan_is_saved_only_over_a_file_or_through_links() {
    let dir = tempfile::tempdir().unwrap();
    let plan = |path: &Path| {
        let mut command = command(["plan", "--emulator", "--out"]);
        run(command.arg(path).arg(QUICKSTART))
    };
    let pipe = pipe_in(dir.path());
    let to_pipe = dir.path().join("to-pipe");
    symlink("pipe", &to_pipe).unwrap();
    for path in [pipe.as_path(), &to_pipe, dir.path()] {
        let ran = plan(path);
        assert_said(&ran, 1, "not a regular file");
        assert!(ran.err.contains("name another file with --out"), "{ran:?}");
    }
    let (link, file) = (dir.path().join("link"), dir.path().join("file"));
    symlink("file", &link).unwrap();
    assert_eq!(plan(&link).code, 0);
    assert!(link.is_symlink() && fs::read_to_string(file).unwrap().contains("slotwisePlan"));
}

/// As [`super::streams`] cannot: the state is written while the emulator begins.
#[test]
fn the_state_of_an_emulator_is_kept_in_nothing_but_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let ran = slotwise(["emulator", "--listen", "127.0.0.1:0", "--state", path]);
    assert_said(&ran, 1, "a directory, not a regular file");
}

#[test]
fn a_link_to_everything_is_not_followed_and_said() {
    for everything in ["/", "/proc/self"] {
        let sources = copy_of_quickstart();
        symlink(everything, sources.path().join("everything")).unwrap();
        let ran = run(command(["validate"]).arg(sources.path()));
        if fs::metadata(everything).is_err() {
            println!("not tried: there is no {everything} here");
            continue;
        }
        assert_said(&ran, 6, "a link out of the source");
        assert!(ran.out.contains("1 error in 1 file"), "{}", ran.out);
    }
}

#[test]
fn a_thousand_mistakes_are_shown_and_all_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mistake = "---\napiVersion: slotwise.dev/v1alpha1\nkind: Nonsense\n";
    fs::write(dir.path().join("many.yaml"), mistake.repeat(1234)).unwrap();
    let text = run(command(["validate"]).arg(dir.path()));
    assert_eq!(text.code, 6, "{}", text.err);
    assert_eq!(text.out.matches("fix: ").count(), 1000);
    assert!(
        text.out.contains("and 234 more problems, not shown\n"),
        "{}",
        text.out
    );
    assert!(text.out.contains("1234 "), "all are counted");
    let json = run(command(["validate", "--output", "json"]).arg(dir.path()));
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["problems"].as_array().unwrap().len(), 1000);
    assert_eq!(json["notShown"], 234);
    assert_eq!(
        json["errors"].as_u64().unwrap() + json["warnings"].as_u64().unwrap(),
        1234
    );
}

/// With credentials in the environment of the names that the SDK reads.
fn with_credentials(variables: &[(&str, &str)]) -> Ran {
    let mut command = command([
        "plan",
        "--endpoint-url",
        "http://127.0.0.1:1",
        "--attempt-timeout",
        "1s",
        "--operation-timeout",
        "2s",
        QUICKSTART,
    ]);
    command.env("AWS_REGION", "us-east-1");
    command
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "CANARY");
    run(command.envs(variables.iter().copied()))
}

#[test]
fn what_no_header_can_carry_is_an_error_and_no_panic() {
    for (variable, part) in [
        ("AWS_ACCESS_KEY_ID", "access key ID"),
        ("AWS_SECRET_ACCESS_KEY", "secret access key"),
        ("AWS_SESSION_TOKEN", "session token"),
    ] {
        for value in ["CAN\r\nARY", "CANARY\u{7f}"] {
            let ran = with_credentials(&[(variable, value)]);
            assert_said(&ran, 1, &format!("control character not allowed in the {part}"));
            assert!(!ran.err.contains("CANARY"), "{ran:?}");
        }
    }
    for variable in [
        "AWS_REGION",
        "AWS_SDK_UA_APP_ID",
        "AWS_EXECUTION_ENV",
        "AWS_PROFILE",
    ] {
        for value in ["a\nb", "é"] {
            let ran = with_credentials(&[(variable, value)]);
            assert_eq!(ran.code, 1, "{variable}={value:?}: {ran:?}");
            assert!(!ran.err.contains("panicked"), "{ran:?}");
        }
    }
}

#[test]
fn settings_of_the_sdk_that_make_no_sense_are_no_panic() {
    let dir = tempfile::tempdir().unwrap();
    let empty = dir.path().join("empty.pem");
    fs::write(&empty, "").unwrap();
    let profile = dir.path().join("config");
    fs::write(
        &profile,
        "[default]\nmax_attempts = x\nretry_mode = x\nregion = a b\n",
    )
    .unwrap();
    for (variable, value) in [
        ("AWS_MAX_ATTEMPTS", "x"),
        ("AWS_RETRY_MODE", "x"),
        ("AWS_DEFAULTS_MODE", "x"),
        ("AWS_USE_FIPS_ENDPOINT", "x"),
        ("AWS_CONFIG_FILE", profile.to_str().unwrap()),
    ] {
        let ran = with_credentials(&[(variable, value)]);
        assert_eq!(ran.code, 1, "{variable}={value:?}: {ran:?}");
        assert!(!ran.err.contains("panicked"), "{ran:?}");
    }
    // Without a certificate authority nothing can be reached over TLS, as in a container that has none.
    let mut command = command(["plan", "--endpoint-url", "https://127.0.0.1:1", QUICKSTART]);
    command
        .env("AWS_REGION", "us-east-1")
        .env("SSL_CERT_FILE", &empty);
    command
        .env("AWS_ACCESS_KEY_ID", "x")
        .env("AWS_SECRET_ACCESS_KEY", "x");
    let ran = run(command.env("SSL_CERT_DIR", dir.path()));
    assert_said(&ran, 1, "no certificate authority is known");
    assert!(!ran.err.contains("panicked"), "{ran:?}");
}

#[test]
fn a_profile_file_that_has_no_end_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = pipe_in(dir.path());
    for variable in [
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
    ] {
        let ran = with_credentials(&[(variable, pipe.to_str().unwrap())]);
        assert_said(&ran, 1, &format!("({variable}): it is a named pipe"));
    }
}

/// From none at all up to enough: any shortage is a reported error.
#[test]
fn too_few_open_files_are_an_error_and_no_panic() {
    let program = env!("CARGO_BIN_EXE_slotwise");
    let mut started = 0;
    for limit in 3..24 {
        for args in [
            "plan --emulator",
            "validate",
            "plan --operation-timeout 1s --region us-east-1 --endpoint-url https://127.0.0.1:1",
        ] {
            let script = format!("ulimit -n {limit} && exec {program} {args} {QUICKSTART}");
            let mut shell = Command::new("sh");
            shell
                .arg("-c")
                .arg(&script)
                .current_dir(env!("CARGO_MANIFEST_DIR"));
            shell
                .env_clear()
                .env("AWS_EC2_METADATA_DISABLED", "true")
                .stdin(Stdio::null());
            shell
                .env("AWS_ACCESS_KEY_ID", "x")
                .env("AWS_SECRET_ACCESS_KEY", "x");
            shell.env("HOME", "/nonexistent");
            let output = shell.output().unwrap();
            let text = String::from_utf8_lossy(&output.stderr);
            let code = output.status.code();
            assert!(!text.contains("panicked"), "{script}: {text}");
            // 127: not even the libraries of the program could be opened.
            assert!(
                matches!(code, Some(0 | 1 | 5 | 6 | 127)),
                "{script}: {code:?} {text}"
            );
            assert!(code == Some(0) || !text.is_empty(), "{script}: {code:?}");
            started += usize::from(code == Some(0));
        }
    }
    assert!(started > 0, "some limits are enough");
}
