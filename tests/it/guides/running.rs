//! Runs the `sh` blocks of every guide as a reader would, without AWS and without the surroundings of this process.
//!
//! A guide is run in a copy of the examples, block by block, each in a `bash -eu` of its own: files stay, variables do not.
//! MediaLive is an emulator with the channels that the example declares, or else those of the quickstart; DynamoDB is one in
//! this process; nothing else of AWS can be reached.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;
use tokio::time::Instant;

use super::blocks::{Block, blocks};
use super::{blocks_of, guide, names, root};
use crate::tables::dynamo::Dynamo;

/// What a block may take: most take a second, on a machine that does nothing else.
const BLOCK_MAX: Duration = Duration::from_mins(2);

/// Programs that a machine may lack. A block with one of them is skipped there, with a message.
const PERHAPS_MISSING: [&str; 2] = ["curl", "openssl"];

#[tokio::test(flavor = "multi_thread")]
async fn every_block_of_every_guide_runs() {
    let mut running = Vec::new();
    for name in names() {
        let dynamo = Dynamo::start().await;
        let endpoint = dynamo.endpoint.clone();
        let guide = tokio::task::spawn_blocking(move || try_guide(&name, &endpoint));
        running.push((guide, dynamo));
    }
    let (mut ran, mut failed) = (0, Vec::new());
    for (guide, _dynamo) in running {
        match guide.await.unwrap() {
            Ok(count) => ran += count,
            Err(failure) => failed.push(failure),
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
    assert!(ran >= 15, "{ran} blocks ran");
}

#[test]
fn a_block_that_fails_hangs_or_shows_a_key_is_noticed() {
    let place = Place::new("quickstart", "http://127.0.0.1:9");
    for (text, limit, says) in [
        ("true", BLOCK_MAX, None),
        (
            "slotwise plan examples/quickstart > plan; false; true",
            BLOCK_MAX,
            Some("ended with"),
        ),
        ("echo $NO_SUCH_VARIABLE", BLOCK_MAX, Some("ended with")),
        (
            "cat examples/quickstart/keys/*",
            BLOCK_MAX,
            Some("shows a stream key"),
        ),
        (
            "sleep 600 & wait",
            Duration::from_millis(500),
            Some("did not end"),
        ),
    ] {
        let block = &blocks("f", &format!("```sh\n{text}\n```"))[0];
        let failure = place.run(block, limit).err();
        match says {
            None => assert_eq!(failure, None),
            Some(says) => assert!(
                failure.as_ref().is_some_and(|reported| reported.contains(says)),
                "{text}: {failure:?}"
            ),
        }
    }
    assert!(fs::metadata(place.dir.path().join("plan")).unwrap().len() > 100);
}

/// Runs the blocks of one guide up to the first that fails; how many there were.
fn try_guide(name: &str, dynamo: &str) -> Result<usize, String> {
    let blocks = blocks_of(&guide(name));
    let place = Place::new(name, dynamo);
    let mut ran = 0;
    for block in &blocks {
        match block.tag.as_str() {
            "sh" => {
                if let Some(missing) = missing(block) {
                    say(&format!("{}: not run: {missing} is not installed", block.at()));
                    continue;
                }
                place.run(block, BLOCK_MAX)?;
                ran += 1;
            }
            "console" => say(&format!(
                "{}: not run: for people; its commands are parsed",
                block.at()
            )),
            _ => {}
        }
    }
    Ok(ran)
}

#[expect(clippy::print_stdout, reason = "skipped blocks are reported")]
fn say(line: &str) {
    println!("{line}");
}

fn missing(block: &Block) -> Option<&'static str> {
    let is_named = |program: &&str| {
        let mut words = block.text.split(|c: char| !c.is_ascii_alphanumeric());
        words.any(|word| word == *program)
    };
    let is_there = |program: &&str| {
        ["/usr/local/bin", "/usr/bin", "/bin"]
            .iter()
            .any(|dir| Path::new(dir).join(program).exists())
    };
    PERHAPS_MISSING
        .into_iter()
        .find(|program| is_named(program) && !is_there(program))
}

/// Where one guide is tried.
struct Place {
    dir: TempDir,
    emulator: Emulator,
    dynamo: String,
}

impl Place {
    fn new(name: &str, dynamo: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for part in ["examples", "manifests", "tests/recordings"] {
            copy(&root().join(part), &dir.path().join(part));
        }
        for part in ["bin", "home", "tmp"] {
            fs::create_dir(dir.path().join(part)).unwrap();
        }
        let binary = dir.path().join("bin/slotwise");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_slotwise"), binary).unwrap();
        let own = PathBuf::from("examples").join(name);
        let emulator = Emulator::start(dir.path(), &own)
            .or_else(|| Emulator::start(dir.path(), Path::new("examples/quickstart")));
        Self {
            dir,
            emulator: emulator.unwrap(),
            dynamo: dynamo.to_owned(),
        }
    }

    fn run(&self, block: &Block, limit: Duration) -> Result<(), String> {
        let script = self.dir.path().join("tmp/block.sh");
        let shown = self.dir.path().join("tmp/block.out");
        fs::write(&script, &block.text).unwrap();
        let out = File::create(&shown).unwrap();
        let mut child = hermetic("bash", self.dir.path())
            .args(["-eu", script.to_str().unwrap()])
            .env("AWS_ENDPOINT_URL_MEDIALIVE", &self.emulator.endpoint)
            .env("AWS_ENDPOINT_URL_MEDIACONNECT", &self.emulator.endpoint)
            .env("AWS_ENDPOINT_URL_DYNAMODB", &self.dynamo)
            .env("AWS_ENDPOINT_URL_DYNAMODB_STREAMS", &self.dynamo)
            .stderr(out.try_clone().unwrap())
            .stdout(out)
            .process_group(0)
            .spawn()
            .unwrap();
        let ended = ended(&mut child, limit);
        end_group(&mut child);
        let shown = fs::read_to_string(&shown).unwrap();
        let fault = match ended {
            None => format!("did not end within {limit:?}"),
            Some(status) if !status.success() => format!("ended with {status}"),
            Some(_) if shown.contains("-not-a-real-key") => "shows a stream key".to_owned(),
            Some(_) => return Ok(()),
        };
        Err(format!(
            "{} {fault}:\n{}\n--- shown\n{shown}",
            block.at(),
            block.text
        ))
    }
}

/// `program` with nothing of the surroundings of this process.
fn hermetic(program: &str, dir: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(dir)
        .env_clear()
        .env(
            "PATH",
            format!("{}/bin:/usr/local/bin:/usr/bin:/bin", dir.display()),
        )
        .env("HOME", dir.join("home"))
        .env("TMPDIR", dir.join("tmp"))
        .env("TZ", "UTC")
        .env("NO_COLOR", "1")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "emulator")
        .env("AWS_SECRET_ACCESS_KEY", "emulator")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        // For services that are not served here: nothing listens there.
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        // On channels that start within a second.
        .env("SLOTWISE_TRANSITION_INTERVAL", "200ms")
        .env("SLOTWISE_EMULATOR_SPEED", "1000")
        .stdin(Stdio::null());
    command
}

/// How `child` ended; `None` if it did not within `limit`.
fn ended(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let begun = Instant::now();
    while begun.elapsed() < limit {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    None
}

/// Ends what a block started and left behind.
fn end_group(child: &mut Child) {
    let group = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    // Most blocks leave nothing behind.
    kill_process_group(group, Signal::KILL).ok();
    child.wait().unwrap();
}

/// A MediaLive in a process of its own.
struct Emulator {
    child: Child,
    endpoint: String,
}

impl Emulator {
    /// With the channels that `source` declares; `None` if it declares none.
    fn start(dir: &Path, source: &Path) -> Option<Self> {
        let mut child = hermetic(env!("CARGO_BIN_EXE_slotwise"), dir)
            .args(["emulator", "--listen", "127.0.0.1:0"])
            .arg(source)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut first)
            .unwrap();
        let endpoint = first.split(&[' ', ',']).find(|word| word.starts_with("http://"));
        if let Some(endpoint) = endpoint {
            let endpoint = endpoint.to_owned();
            return Some(Self { child, endpoint });
        }
        child.kill().ok();
        child.wait().unwrap();
        None
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
