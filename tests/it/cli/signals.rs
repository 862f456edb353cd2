//! Signals, wherever a command is when they come.

use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Read, Write, pipe};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use super::changes::Daemon;
use super::tool::{command, printed};

const QUICKSTART: &str = "examples/quickstart";
const SIGNALS: [(&str, i32); 2] = [("INT", 130), ("TERM", 143)];

fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill")
        .args(["-s", signal, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

/// Whatever waits for an answer that never comes ends upon a signal.
#[test]
fn a_command_that_waits_for_an_answer_ends_with_the_signal() {
    let dir = tempfile::tempdir().unwrap();
    let lock = dir.path().join("lock").to_str().unwrap().to_owned();
    let plain: [&[&str]; 5] = [
        &["plan"],
        &["status"],
        &["explain", "corp-cdn"],
        &["doctor"],
        &["apply", "--yes", "--lock-file", &lock],
    ];
    for (signal, code) in SIGNALS {
        for args in plain {
            let silent = TcpListener::bind("127.0.0.1:0").unwrap();
            let url = format!("http://{}", silent.local_addr().unwrap());
            let timeouts = ["--attempt-timeout", "1h", "--operation-timeout", "1h"];
            let mut command = command(args.iter().copied().chain(timeouts));
            let child = command
                .args(["--region", "us-east-1", "--endpoint-url", &url, QUICKSTART])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            // It asked, and is never answered.
            let (_held, _) = silent.accept().unwrap();
            send(signal, &child);
            let ran = printed(child.wait_with_output().unwrap());
            assert_eq!(ran.code, code, "{args:?}: {ran:?}");
        }
    }
}

/// A pipe that takes nothing more.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = pipe().unwrap();
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    while writer.write(&[b' '; 4096]).is_ok() {}
    rustix::io::ioctl_fionbio(&writer, false).unwrap();
    (reader, writer)
}

/// A thread that waits for a pipe to be emptied hears nothing by itself.
#[test]
fn a_command_whose_output_is_not_read_ends_with_the_signal() {
    let sources = super::tool::copy_of_quickstart();
    // A warning, which is on standard error before anything is shown.
    let warned = "apiVersion: slotwise.dev/v1alpha1\nkind: Destination\nmetadata: { name: warned }\nspec:\n  \
                  pool: main\n  url: rtmp://warned.example/live\n  streamKey: a-key\n  state: Ready\n";
    std::fs::write(sources.path().join("warned.yaml"), warned).unwrap();
    for (signal, code) in SIGNALS {
        for args in [&["plan"][..], &["status"], &["apply", "--yes"]] {
            let (reader, writer) = full_pipe();
            let mut child = command(args)
                .arg("--emulator")
                .arg(sources.path())
                .stdout(writer)
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut line = String::new();
            let mut errors = BufReader::new(child.stderr.take().unwrap());
            errors.read_line(&mut line).unwrap();
            assert!(line.contains("warned.yaml"), "{args:?}: {line}");
            send(signal, &child);
            assert_eq!(child.wait().unwrap().code(), Some(code), "{args:?}");
            // Until here there was a reader.
            drop(reader);
        }
    }
}

fn cycles(url: &str) -> u64 {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let counts = text
        .lines()
        .filter(|line| line.starts_with("slotwise_cycles_total"));
    counts
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}

#[test]
fn a_hangup_makes_a_run_look_again_and_ends_nothing() {
    let mut daemon = Daemon::begin(command([
        "run",
        "--listen",
        "127.0.0.1:0",
        // Nothing but the signal makes it look.
        "--interval",
        "24h",
        "--emulator",
        "--emulator-speed",
        "1000",
        QUICKSTART,
    ]));
    let reported = daemon.until("listening on ");
    let url = reported.trim().rsplit(' ').next().unwrap();
    daemon.until("converged ");
    for _ in 0..2 {
        let before = cycles(url);
        daemon.send("HUP");
        // The harness ends a test that waits for ever.
        while cycles(url) == before {
            std::thread::yield_now();
        }
    }
    let ran = daemon.end("TERM");
    assert_eq!((ran.code, ran.err.as_str()), (143, ""));
}
