//! What changes something: apply, run, and how they end.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use super::tool::{Ran, Served, command, copy_of_quickstart, printed, run, slotwise};

const FAST: [&str; 2] = ["--transition-interval", "100ms"];

#[test]
fn applied_means_on_air_and_nothing_left_to_do() {
    let served = Served::quickstart();
    let applied = served.slotwise("apply", &["--yes", FAST[0], FAST[1]]);
    assert_eq!((applied.code, applied.err.as_str()), (0, ""), "{}", applied.out);
    assert!(
        applied
            .out
            .contains("youtube-main        Streaming  on air in 4000001/RTMP-Slot-1"),
        "{}",
        applied.out
    );

    let planned = served.slotwise("plan", &["--detailed-exitcode"]);
    assert_eq!(planned.code, 0);
    assert!(
        planned.out.starts_with("No changes. 3 of 3 on air.\n"),
        "{}",
        planned.out
    );

    let status = served.slotwise("status", &[]);
    let line = status
        .out
        .lines()
        .find(|line| line.starts_with("twitch-main"))
        .unwrap();
    assert!(line.contains("Streaming  Streaming"), "{line}");

    let explained = served.on("explain", &["twitch-main"], "examples/quickstart");
    assert!(
        explained
            .out
            .starts_with("twitch-main is on air in 4000001/RTMP-Slot-2\n"),
        "{}",
        explained.out
    );

    let again = served.slotwise("apply", &["--yes"]);
    assert_eq!(again.code, 0);
    assert!(!again.out.contains("start"), "{}", again.out);
}

#[test]
fn without_a_terminal_to_ask_nothing_changes() {
    let served = Served::quickstart();
    let asked = served.slotwise("apply", &[]);
    assert_eq!(asked.code, 64);
    assert!(
        asked.err.contains("nothing was changed") && asked.err.contains("--yes"),
        "{}",
        asked.err
    );
    assert_eq!(served.slotwise("plan", &["--detailed-exitcode"]).code, 2);
}

/// A copy of the quickstart with all four destinations wanted on its one channel left, which carries three.
fn four_on_three_slots() -> tempfile::TempDir {
    let dir = copy_of_quickstart();
    for file in ["pool.yaml", "launch-event.yaml", "corporate.yaml"] {
        let path = dir.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        let text = text
            .replace("state: Ready", "state: Streaming")
            .replace("    - id: \"4000002\"\n    - id: \"4000003\"\n", "");
        fs::write(&path, text).unwrap();
    }
    dir
}

#[test]
fn some_on_air_and_one_without_a_slot_is_partial() {
    let dir = four_on_three_slots();
    let ran = slotwise([
        "run",
        "--emulator",
        "--once",
        "--emulator-speed",
        "1000",
        dir.path().to_str().unwrap(),
    ]);
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(ran.out.contains("waits: NoFreeSlot"), "{}", ran.out);
}

#[test]
fn a_forbidden_change_ends_with_4_and_a_grant_allows_it() {
    let served = Served::quickstart();
    let dir = copy_of_quickstart();
    let source = dir.path().to_str().unwrap();
    let (on, off) = ("state: Streaming", "state: Ready");
    let corporate = dir.path().join("corporate.yaml");
    assert_eq!(served.on("apply", &["--yes", FAST[0], FAST[1]], source).code, 0);

    // Both channels are on air by now, so any change would interrupt others.
    let launch = dir.path().join("launch-event.yaml");
    let text = fs::read_to_string(&launch).unwrap();
    fs::write(&launch, text.replacen(on, off, 1)).unwrap();
    assert!(fs::read_to_string(&corporate).unwrap().contains(on));
    let planned = served.on("plan", &[], source);
    assert!(
        planned.out.contains("stays on air: SharesChannel"),
        "{}",
        planned.out
    );
    let refused = served.on("apply", &["--yes"], source);
    assert_eq!(refused.code, 4, "{refused:?}");

    let leaver = planned
        .out
        .lines()
        .find_map(|line| line.trim().strip_suffix(" stays on air: SharesChannel"))
        .unwrap();
    let granted = served.on(
        "apply",
        &["--yes", "--interrupt", leaver, FAST[0], FAST[1]],
        source,
    );
    assert_eq!(granted.code, 0, "{granted:?}");
    assert!(
        granted
            .out
            .replace("interrupts nothing", "")
            .contains("interrupts "),
        "{}",
        granted.out
    );
    assert_eq!(served.on("plan", &["--detailed-exitcode"], source).code, 0);
}

#[test]
fn a_second_writer_on_this_machine_is_turned_away() {
    let served = Served::quickstart();
    let dir = tempfile::tempdir().unwrap();
    let lock = dir.path().join("lock").to_str().unwrap().to_owned();
    let mut first = Daemon::begin(served.command("run", &["--lock-file", &lock], "examples/quickstart"));
    first.until("source ");
    let second = served.slotwise("apply", &["--yes", "--lock-file", &lock]);
    assert_eq!(second.code, 7, "{second:?}");
    assert!(
        second.err.contains("another slotwise holds the lock"),
        "{}",
        second.err
    );
    assert_eq!(first.end("TERM").code, 143);
}

#[test]
fn a_signal_ends_a_run_in_order_and_says_so() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let mut daemon = Daemon::begin(command([
            "run",
            "--emulator",
            "--emulator-speed",
            "1000",
            "examples/quickstart",
        ]));
        daemon.until("converged ");
        let ran = daemon.end(signal);
        assert_eq!((ran.code, ran.err.as_str()), (code, ""), "{signal}");
        assert!(ran.out.contains("calls under way are finished"), "{}", ran.out);
    }
}

#[test]
fn a_change_of_a_file_is_carried_out_and_shown() {
    let dir = copy_of_quickstart();
    let source = dir.path().to_str().unwrap();
    let mut daemon = Daemon::begin(command([
        "run",
        "--emulator",
        "--emulator-speed",
        "1000",
        "--batch-idle",
        "100ms",
        source,
    ]));
    daemon.until("converged ");
    let file = dir.path().join("corporate.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("state: Streaming", "state: Ready")).unwrap();
    daemon.until("corp-cdn  Streaming → Ready");
    daemon.until("no destination on it is wanted");
    daemon.until("converged           2 of 2 on air");
    fs::write(&file, "kind: [").unwrap();
    daemon.until("corporate.yaml");
    assert_eq!(daemon.end("INT").code, 130);
}

#[test]
fn a_program_reads_the_story_from_the_log() {
    let ran = slotwise([
        "run",
        "--emulator",
        "--emulator-speed",
        "1000",
        "--once",
        "--log-format",
        "json",
        "examples/quickstart",
    ]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
    let records: Vec<serde_json::Value> = ran
        .err
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let events: Vec<&str> = records
        .iter()
        .filter_map(|record| record["event"].as_str())
        .collect();
    for event in [
        "SourceLoaded",
        "Planned",
        "StepBegun",
        "StateChanged",
        "PhaseChanged",
        "Converged",
    ] {
        assert!(events.contains(&event), "{event} is not shown:\n{}", ran.err);
    }
}

#[test]
fn the_whole_log_holds_no_key() {
    let ran = run(command([
        "run",
        "--emulator",
        "--emulator-speed",
        "1000",
        "--once",
        "-vvv",
        "examples/quickstart",
    ])
    .env("RUST_LOG", "trace"));
    // The look for keys is part of every run.
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn without_credentials_the_message_says_which_and_what_to_do() {
    let ran = slotwise(["plan", "--region", "eu-central-1", "examples/quickstart"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(
        ran.err.contains("ListChannels") && ran.err.contains("no usable AWS credentials"),
        "{}",
        ran.err
    );
}

#[test]
fn without_a_region_the_message_says_what_to_set() {
    let ran = slotwise(["plan", "examples/quickstart"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("no AWS region; set --region"), "{}", ran.err);
}

#[test]
fn an_endpoint_that_does_not_answer_is_reported() {
    let ran = slotwise([
        "plan",
        "--endpoint-url",
        "http://127.0.0.1:9",
        "--attempt-timeout",
        "1s",
        "--operation-timeout",
        "2s",
        "examples/quickstart",
    ]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("ListChannels"), "{}", ran.err);
}

/// A process that runs until it is asked to end.
pub(crate) struct Daemon {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
    seen: String,
}

impl Daemon {
    pub(crate) fn begin(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self {
            child,
            lines,
            seen: String::new(),
        }
    }

    /// Waits for a line that holds `text`, and gives it; a process that ends before never wrote it.
    pub(crate) fn until(&mut self, text: &str) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(
                self.lines.read_line(&mut line).unwrap(),
                0,
                "{text:?} was not said:\n{}",
                self.seen
            );
            self.seen.push_str(&line);
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Sends `signal`.
    pub(crate) fn send(&self, signal: &str) {
        let sent = Command::new("kill")
            .args(["-s", signal, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Sends `signal` and waits for the end.
    pub(crate) fn end(mut self, signal: &str) -> Ran {
        self.send(signal);
        self.lines.read_to_string(&mut self.seen).unwrap();
        let mut ran = printed(self.child.wait_with_output().unwrap());
        ran.out = self.seen;
        ran
    }
}
