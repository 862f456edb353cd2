//! Runs the binary, and watches that it never shows a stream key.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// What a run gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Both streams and the code, for a golden; what differs from run to run is replaced.
    pub(crate) fn golden(&self) -> String {
        format!(
            "exit {}\n--- out\n{}--- err\n{}",
            self.code,
            self.out.replace(env!("CARGO_PKG_VERSION"), "[version]"),
            self.err
        )
    }
}

/// The binary with `args`, in the project's directory, with nothing of the surroundings that could change what it does.
pub(crate) fn command<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slotwise"));
    command
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_clear()
        .env("TZ", "UTC")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("HOME", std::env::temp_dir().join("slotwise-no-home"))
        .stdin(Stdio::null());
    command
}

/// Runs the binary with `args`.
pub(crate) fn slotwise<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Ran {
    run(&mut command(args))
}

/// Runs `command`.
pub(crate) fn run(command: &mut Command) -> Ran {
    printed(command.output().unwrap())
}

/// What `output` holds, after a look for stream keys.
pub(crate) fn printed(output: Output) -> Ran {
    let ran = Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    };
    for key in keys() {
        assert!(
            !ran.out.contains(&key),
            "standard output shows a key:\n{}",
            ran.out
        );
        assert!(
            !ran.err.contains(&key),
            "standard error shows a key:\n{}",
            ran.err
        );
    }
    ran
}

/// Every stream key of the quickstart.
pub(crate) fn keys() -> Vec<String> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart/keys");
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let keys: Vec<String> = files
        .map(|path| fs::read_to_string(path).unwrap().trim().to_owned())
        .collect();
    assert!(
        keys.len() >= 4 && keys.iter().all(|key| key.len() > 8),
        "the keys are worth a look"
    );
    keys
}

/// An emulator in a process of its own, ended with it.
pub(crate) struct Served {
    child: Child,
    pub(crate) endpoint: String,
}

impl Served {
    /// Serves the channels that the pools of the quickstart name, so fast that a start takes a fifth of a second.
    pub(crate) fn quickstart() -> Self {
        Self::of("examples/quickstart")
    }

    /// The same of what `source` names.
    pub(crate) fn of(source: &str) -> Self {
        let args = ["emulator", "--listen", "127.0.0.1:0", "--speed", "1000", source];
        let mut child = command(args).stdout(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut first)
            .unwrap();
        let endpoint = first
            .split(&[' ', ','])
            .find(|word| word.starts_with("http://"))
            .unwrap()
            .to_owned();
        Self { child, endpoint }
    }

    /// Asks the emulator for this fault from now on; as JSON.
    pub(crate) fn fault(&self, fault: &str) {
        let address = self.endpoint.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).unwrap();
        let length = fault.len();
        let request = format!(
            "POST /_emulator/faults HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: \
             {length}\r\nConnection: close\r\n\r\n{fault}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// Runs `command` with `args` on the quickstart against this emulator.
    pub(crate) fn slotwise(&self, command_name: &str, args: &[&str]) -> Ran {
        self.on(command_name, args, "examples/quickstart")
    }

    /// Runs `command` with `args` on `source` against this emulator.
    pub(crate) fn on(&self, command_name: &str, args: &[&str], source: &str) -> Ran {
        run(&mut self.command(command_name, args, source))
    }

    /// `command` with `args` on `source` against this emulator.
    pub(crate) fn command(&self, command_name: &str, args: &[&str], source: &str) -> Command {
        let mut all = vec![
            command_name,
            "--endpoint-url",
            &self.endpoint,
            "--region",
            "us-east-1",
        ];
        all.extend(args);
        all.push(source);
        command(all)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A directory with a copy of the quickstart, to be changed.
pub(crate) fn copy_of_quickstart() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart");
    copy(&from, dir.path());
    dir
}

pub(crate) fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
