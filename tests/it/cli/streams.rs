//! Standard output that cannot be written to, and files that may not grow.

use std::fs::{self, File};
use std::io::{Read, Write, pipe};
use std::os::unix::fs::FileTypeExt;
use std::process::{Command, Stdio};

use super::tool::{Ran, command, printed, run, slotwise};

const QUICKSTART: &str = "examples/quickstart";

/// Every command that shows something and needs no other process; `RECORDING` is the path of a recording.
const SHOWS: [&[&str]; 15] = [
    &["plan", "--emulator", QUICKSTART],
    &["plan", "--emulator", "--output", "json", QUICKSTART],
    &["plan", "--emulator", "--output", "markdown", QUICKSTART],
    &["plan", "--emulator", "--detailed-exitcode", QUICKSTART],
    &["status", "--emulator", QUICKSTART],
    &["status", "--emulator", "--watch", QUICKSTART],
    &["explain", "--emulator", "corp-cdn", QUICKSTART],
    &["validate", QUICKSTART],
    &["validate", "--output", "json", QUICKSTART],
    &["schema"],
    &["completions", "bash"],
    &["table", "create", "--cloudformation"],
    &["replay", "--output", "json", "RECORDING"],
    &["--help"],
    &["--version"],
];

/// A directory with one recording of the quickstart.
fn recording() -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap().to_owned();
    let args = ["run", "--once", "--emulator", "--emulator-speed", "1000"];
    let ran = slotwise(args.into_iter().chain(["--record", &path, QUICKSTART]));
    assert_eq!(ran.code, 0, "{ran:?}");
    (dir, path)
}

/// Runs each of [`SHOWS`] with what `output` gives as its standard output.
fn each(output: impl Fn() -> Stdio, judge: impl Fn(&[&str], Ran)) {
    let (_dir, recording) = recording();
    for args in SHOWS {
        let named = args
            .iter()
            .map(|arg| if *arg == "RECORDING" { &recording } else { *arg });
        judge(args, run_with(output(), command(named)));
    }
}

fn run_with(output: Stdio, mut command: Command) -> Ran {
    let child = command.stdout(output).stderr(Stdio::piped()).spawn().unwrap();
    printed(child.wait_with_output().unwrap())
}

fn assert_lost(args: &[&str], ran: &Ran, why: &str) {
    assert_eq!(ran.code, 1, "{args:?}: {ran:?}");
    let said = format!("error: cannot write to standard output: {why}");
    assert_eq!(ran.err.matches(&said).count(), 1, "{args:?}: {ran:?}");
}

#[test]
fn whatever_shows_something_ends_with_1_where_it_cannot() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out");
    fs::write(&path, "").unwrap();
    // Opened for reading only: a descriptor that nothing can be written to, whatever system and user.
    each(
        || File::open(&path).unwrap().into(),
        |args, ran| assert_lost(args, &ran, "Bad file descriptor"),
    );
}

#[test]
fn a_full_disk_is_reported() {
    let device = "/dev/full";
    let is_full = || File::options().write(true).open(device)?.write_all(b"x");
    let is_device = fs::metadata(device).is_ok_and(|metadata| metadata.file_type().is_char_device());
    if !is_device || is_full().is_ok() {
        println!("not tried: {device} is no full device here; a file at its size limit is used instead");
        return;
    }
    each(
        || File::options().write(true).open(device).unwrap().into(),
        |args, ran| assert_lost(args, &ran, "No space left on device"),
    );
}

/// `command` under limits of the shell's `ulimit`.
fn limited(limit: &str, redirect: &str, args: &[&str]) -> Command {
    let inner = command(args);
    let mut shell = command::<&str>([]);
    let script = format!("ulimit {limit} && exec \"$0\" \"$@\" {redirect}");
    let mut limited = Command::new("sh");
    limited
        .arg("-c")
        .arg(script)
        .arg(shell.get_program())
        .args(inner.get_args());
    limited
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null());
    limited.env_clear();
    for (name, value) in shell.env("PATH", "/usr/bin:/bin").get_envs() {
        if let Some(value) = value {
            limited.env(name, value);
        }
    }
    limited
}

#[test]
fn a_file_that_may_not_grow_is_reported_and_ends_no_process() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let redirect = format!("> '{}'", out.display());
    for args in [&["schema"][..], &["--help"], &["validate", QUICKSTART]] {
        let ran = run(&mut limited("-f 0", &redirect, args));
        assert_lost(args, &ran, "File too large");
        assert_eq!(fs::read(&out).unwrap(), b"");
    }
    let plan = dir.path().join("plan.json");
    fs::write(&plan, "as it was").unwrap();
    let path = plan.to_str().unwrap();
    let ran = run(&mut limited(
        "-f 0",
        "",
        &["plan", "--emulator", "--out", path, QUICKSTART],
    ));
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.err.contains("cannot save the plan") && ran.err.contains("File too large"),
        "{ran:?}"
    );
    assert_eq!(fs::read_to_string(&plan).unwrap(), "as it was");
    assert_eq!(
        fs::read_dir(dir.path()).unwrap().count(),
        2,
        "nothing is left beside it"
    );
}

#[test]
fn a_recording_that_may_not_grow_ends_no_run() {
    let dir = tempfile::tempdir().unwrap();
    let record = dir.path().to_str().unwrap();
    let args = [
        "run",
        "--once",
        "--emulator",
        "--emulator-speed",
        "1000",
        "--record",
        record,
        QUICKSTART,
    ];
    let ran = run(&mut limited("-f 1", "", &args));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("converged"), "{ran:?}");
    assert!(ran.err.contains("File too large"), "{ran:?}");
    let nothing = run(&mut limited("-f 0", "", &args));
    assert_eq!(nothing.code, 64, "{nothing:?}");
    assert!(nothing.err.contains("cannot write to"), "{nothing:?}");
}

#[test]
fn a_reader_that_is_gone_is_no_error() {
    each(
        || {
            let (reader, writer) = pipe().unwrap();
            drop(reader);
            writer.into()
        },
        |args, ran| {
            let expected = if args.contains(&"--detailed-exitcode") {
                2
            } else {
                0
            };
            assert_eq!((ran.code, ran.err.as_str()), (expected, ""), "{args:?}");
        },
    );
}

#[test]
fn a_log_that_cannot_be_written_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("err");
    fs::write(&path, "").unwrap();
    for (name, wish) in [("RUST_LOG", "=,=,!"), ("RUST_LOG", "slotwise=trace")] {
        let mut command = command([
            "run",
            "--once",
            "--log-format",
            "json",
            "--emulator",
            "--emulator-speed",
            "1000",
            QUICKSTART,
        ]);
        command.env(name, wish).stdout(Stdio::piped());
        let child = command.stderr(File::open(&path).unwrap()).spawn().unwrap();
        let ran = printed(child.wait_with_output().unwrap());
        assert_eq!(ran.code, 0, "{wish}: {ran:?}");
    }
}

#[test]
fn an_invalid_log_filter_is_reported() {
    let ran = run(command(["schema", "Plan"]).env("RUST_LOG", "=,=,!"));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.err.starts_with("warning: RUST_LOG is not used: "),
        "{}",
        ran.err
    );
}

/// A pipe may be set not to wait: then a write is refused until its reader has read.
#[test]
fn a_pipe_that_does_not_wait_is_waited_for() {
    let whole = slotwise(["schema"]).out;
    let (mut reader, mut writer) = pipe().unwrap();
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    // Full before anything is asked for.
    let mut filled = 0;
    while let Ok(count) = writer.write(&[b' '; 4096]) {
        filled += count;
    }
    let mut child = command(["schema"])
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(text[filled..], whole);
}
