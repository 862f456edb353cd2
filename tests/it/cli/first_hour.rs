//! What a user does in the first hour: run the quickstart, press the switch, look from a second terminal.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tokio::time::Instant;

use super::changes::Daemon;
use super::tool::{Ran, command, copy_of_quickstart, run};

/// A home of its own for what running processes record of themselves.
struct Desk {
    runtime: tempfile::TempDir,
    source: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        Self {
            runtime: tempfile::tempdir().unwrap(),
            source: copy_of_quickstart(),
        }
    }

    fn source(&self) -> &str {
        self.source.path().to_str().unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = command(args);
        command.env("XDG_RUNTIME_DIR", self.runtime.path());
        command
    }

    fn daemon(&self) -> Daemon {
        let args = ["run", "--emulator", "--emulator-speed", "1000", self.source()];
        Daemon::begin(self.command(&args))
    }

    fn status(&self, args: &[&str]) -> Ran {
        run(&mut self.command(&[&["status"], args].concat()))
    }

    /// How many processes have recorded themselves.
    fn records(&self) -> usize {
        fs::read_dir(self.runtime.path().join("slotwise"))
            .unwrap()
            .count()
    }

    /// Writes another state for the destination that the quickstart leaves off air.
    fn switch_on(&self) {
        let path = self.source.path().join("launch-event.yaml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("state: Ready"));
        fs::write(path, text.replace("state: Ready", "state: Streaming")).unwrap();
    }
}

/// The line of `status` about `name`.
fn line<'a>(ran: &'a Ran, name: &str) -> &'a str {
    let mut lines = ran.out.lines();
    lines
        .find(|line| line.starts_with(name))
        .unwrap_or_else(|| panic!("nothing of {name}: {ran:?}"))
}

#[test]
fn the_first_switch_uses_the_free_channel_and_interrupts_nothing() {
    let desk = Desk::new();
    let mut daemon = desk.daemon();
    daemon.until("listening on http://127.0.0.1:");
    daemon.until("converged ");
    let before = desk.status(&[]);
    assert_eq!((before.code, before.err.as_str()), (0, ""), "{before:?}");
    assert!(line(&before, "facebook-main").contains("Ready"), "{before:?}");
    desk.switch_on();
    daemon.until("facebook-main       Streaming  on air in 4000003/RTMP-Slot-1");
    daemon.until("converged ");
    let after = desk.status(&[]);
    let facebook = line(&after, "facebook-main");
    assert!(facebook.contains("Streaming  Streaming"), "{facebook}");
    assert!(facebook.ends_with("4000003/RTMP-Slot-1"), "{facebook}");
    for name in ["youtube-main", "twitch-main", "corp-cdn"] {
        assert!(line(&after, name).contains("Streaming  Streaming"), "{after:?}");
    }
    let printed = daemon.end("INT").out;
    assert!(
        !printed.replace("interrupts nothing", "").contains("interrupts "),
        "{printed}"
    );
    assert!(!printed.contains(" stop "), "{printed}");
}

#[test]
fn status_without_a_source_follows_what_runs() {
    let desk = Desk::new();
    let mut daemon = desk.daemon();
    daemon.until("converged ");
    let mut watching = Daemon::begin(desk.command(&["status", "--watch", "--watch-interval", "100ms"]));
    watching.until("facebook-main  main  Ready");
    desk.switch_on();
    watching.until("facebook-main  main  Streaming  Streaming");
    assert_eq!(watching.end("INT").code, 130);

    let json: serde_json::Value = serde_json::from_str(&desk.status(&["--output", "json"]).out).unwrap();
    assert_eq!(json["destinations"].as_array().unwrap().len(), 4);
    assert_eq!(json["channels"].as_array().unwrap().len(), 3);
    assert_eq!(daemon.end("INT").code, 130);
}

#[test]
fn status_says_what_to_do_where_nothing_runs() {
    let desk = Desk::new();
    let ran = desk.status(&[]);
    assert_eq!((ran.code, ran.out.as_str()), (64, ""), "{ran:?}");
    assert!(
        ran.err.contains("no slotwise that shows its status runs"),
        "{ran:?}"
    );
    assert!(ran.err.contains("name a SOURCE"), "{ran:?}");

    let mut daemon = desk.daemon();
    daemon.until("converged ");
    daemon.end("KILL");
    assert_eq!(desk.records(), 1, "one that is killed leaves its record behind");
    assert_eq!(desk.status(&[]).code, 64);
    assert_eq!(desk.records(), 0, "and status removes it");
}

#[test]
fn nobody_is_asked_where_a_process_that_is_gone_has_listened() {
    let desk = Desk::new();
    let mut daemon = desk.daemon();
    daemon.until("converged ");
    daemon.end("KILL");
    let place = desk.runtime.path().join("slotwise");
    let record = fs::read_dir(&place).unwrap().next().unwrap().unwrap().path();
    // Another user listens there by now, and waits for a token.
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    other.set_nonblocking(true).unwrap();
    fs::write(&record, format!("http://{}\n", other.local_addr().unwrap())).unwrap();
    assert_eq!(desk.status(&[]).code, 64);
    assert_eq!(other.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn one_that_hangs_is_passed_over_and_sees_no_token() {
    let desk = Desk::new();
    let mut daemon = desk.daemon();
    daemon.until("converged ");
    let hangs = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = hangs.local_addr().unwrap();
    let record = desk
        .runtime
        .path()
        .join("slotwise")
        .join(address.port().to_string());
    fs::write(&record, format!("http://{address}\n")).unwrap();
    let locked = fs::File::open(&record).unwrap();
    locked.lock().unwrap();

    let mut command = desk.command(&["status"]);
    command.env("SLOTWISE_API_TOKEN", "CANARY-CANARY-CANARY-CANARY-CANARY");
    let begun = Instant::now();
    let ran = run(&mut command);
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert!(ran.out.contains("corp-cdn"), "{ran:?}");
    // It was asked by now, or never.
    hangs.set_nonblocking(true).unwrap();
    let (mut asked, _) = hangs.accept().unwrap();
    let mut request = String::new();
    asked.read_to_string(&mut request).unwrap();
    assert!(request.starts_with("GET /livez"), "{request}");
    assert!(!request.contains("CANARY"), "{request}");
    daemon.end("TERM");
}

#[test]
fn the_newest_of_several_answers_and_each_can_be_named() {
    let desk = Desk::new();
    let mut first = desk.daemon();
    let address = first
        .until("listening on ")
        .trim()
        .rsplit(' ')
        .next()
        .unwrap()
        .to_owned();
    first.until("converged ");
    let small = copy_of_quickstart();
    fs::remove_file(small.path().join("corporate.yaml")).unwrap();
    let args = [
        "run",
        "--emulator",
        "--emulator-speed",
        "1000",
        small.path().to_str().unwrap(),
    ];
    let mut second = Daemon::begin(desk.command(&args));
    second.until("converged ");
    assert!(!desk.status(&[]).out.contains("corp-cdn"));
    let named = desk.status(&["--server", &address]);
    assert!(named.out.contains("corp-cdn"), "{named:?}");
    assert!(!named.out.contains("says:"), "{named:?}");
    assert_eq!(second.end("TERM").code, 143);
    let of_first = desk.status(&[]);
    assert!(of_first.out.contains("corp-cdn"), "the first one still runs");
    let says = format!("the slotwise at {address} says:\n");
    assert!(of_first.out.starts_with(&says), "{of_first:?}");
    assert_eq!(first.end("TERM").code, 143);
    assert_eq!(desk.records(), 0, "an orderly end removes the record");
}

#[test]
fn a_record_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    let mut daemon = desk.daemon();
    daemon.until("converged ");
    let place = desk.runtime.path().join("slotwise");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place), 0o700);
    daemon.end("TERM");
    // What others may write to is not believed.
    fs::set_permissions(&place, fs::Permissions::from_mode(0o777)).unwrap();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    other.set_nonblocking(true).unwrap();
    let record = place.join("4580");
    fs::write(&record, format!("http://{}\n", other.local_addr().unwrap())).unwrap();
    let locked = fs::File::open(&record).unwrap();
    locked.lock().unwrap();
    assert_eq!(desk.status(&[]).code, 64);
    assert_eq!(other.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn once_is_no_success_while_an_object_is_set_aside() {
    let source = copy_of_quickstart();
    let path = source.path().join("corporate.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("state: Streaming", "state: Streeming")).unwrap();
    let mut once = command(["run", "--once", "--emulator", "--emulator-speed", "1000"]);
    let ran = run(once.arg(source.path()));
    assert_eq!(ran.code, 5, "{}{}", ran.out, ran.err);
}
