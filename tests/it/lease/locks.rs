//! The lock on a local file, and grants handed to its holder: the binary, twice, over an emulator.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::processes::{Replica, to_end};
use crate::cli::tool::{Ran, Served, copy_of_quickstart, run};

const FAST: [&str; 4] = ["--transition-interval", "100ms", "--interval", "1s"];

/// An emulator and the quickstart, in which one more of a group may be wanted whose channel is on air.
struct Scene {
    served: Served,
    source: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let source = copy_of_quickstart();
        let path = source.path().join("pool.yaml");
        let text = fs::read_to_string(&path).unwrap();
        // Without the channel that is free.
        fs::write(&path, text.replace("    - id: \"4000003\"\n", "")).unwrap();
        Self {
            served: Served::quickstart(),
            source,
        }
    }

    fn command(&self, name: &str, args: &[&str]) -> Command {
        self.served
            .command(name, args, self.source.path().to_str().unwrap())
    }

    fn ran(&self, name: &str, args: &[&str]) -> Ran {
        run(&mut self.command(name, args))
    }

    async fn daemon(&self, args: &[&str]) -> Replica {
        let all = [&FAST[..], args].concat();
        let mut daemon = Replica::begin("daemon", self.command("run", &all));
        daemon.until("converged").await;
        daemon
    }

    /// Wants the third of the group of two that are on air, whose channel has a slot left.
    fn want_facebook(&self) {
        let path = self.source.path().join("launch-event.yaml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, text.replace("state: Ready", "state: Streaming")).unwrap();
    }

    fn port(&self) -> &str {
        self.served.endpoint.rsplit(':').next().unwrap()
    }

    /// The default file.
    fn default_file(&self) -> PathBuf {
        let name = format!("slotwise-default@http___127.0.0.1_{}.lock", self.port());
        let places = ["/run/slotwise", "/tmp"].map(Path::new);
        let mut there = places.into_iter().filter(|place| place.is_dir());
        there.next().unwrap().join(name)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lock_is_the_same_in_every_environment() {
    let scene = Scene::new();
    let mut daemon = scene.daemon(&[]).await;
    let elsewhere = tempfile::tempdir().unwrap();
    for host in ["127.0.0.1", "localhost", "LOCALHOST", "[::1]", "127.0.0.2"] {
        let endpoint = format!("http://{host}:{}/", scene.port());
        let mut command = scene.command("apply", &["--yes"]);
        // Given again, the last one would be refused.
        let args: Vec<String> = command
            .get_args()
            .map(|arg| arg.to_str().unwrap().replace(&scene.served.endpoint, &endpoint))
            .collect();
        command = crate::cli::tool::command(args);
        for name in ["HOME", "TMPDIR", "XDG_RUNTIME_DIR"] {
            command.env(name, elsewhere.path());
        }
        let refused = run(&mut command);
        assert_eq!(refused.code, 7, "{host}: {refused:?}");
        let holder = format!("(pid {})", daemon.number());
        assert!(
            refused.err.contains("another slotwise holds the lock")
                && refused.err.contains(&holder)
                && refused.err.contains("apply --interrupt NAME"),
            "{refused:?}"
        );
    }
    assert_eq!(daemon.end("TERM").await, 143);
    assert_eq!(scene.ran("apply", &["--yes"]).code, 0, "it is free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_lock_file_is_locked_again() {
    let scene = Scene::new();
    let mut daemon = scene.daemon(&[]).await;
    let file = scene.default_file();
    fs::remove_file(&file).unwrap();
    daemon.until("was removed").await;
    daemon.until("lock again").await;
    assert_eq!(scene.ran("apply", &["--yes"]).code, 7);

    // One that is there already when the loss is noticed, and locked by another process.
    let beside = file.with_extension("beside");
    let other = fs::File::create(&beside).unwrap();
    other.lock().unwrap();
    fs::rename(&beside, &file).unwrap();
    assert_eq!(daemon.ended().await, 7, "{}", daemon.said());
    assert!(daemon.said().contains("was replaced"), "{}", daemon.said());
    drop(other);
    fs::remove_file(&file).unwrap();
}

#[test]
fn what_is_no_regular_file_is_refused_at_once_and_said() {
    let scene = Scene::new();
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let link = dir.path().join("link");
    std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
    for path in [pipe.to_str().unwrap(), link.to_str().unwrap(), "/dev/zero"] {
        let refused = scene.ran("apply", &["--yes", "--lock-file", path]);
        assert_eq!(refused.code, 1, "{path}: {refused:?}");
        assert!(
            refused.err.contains("is not a regular file") && refused.err.contains("--lock-file"),
            "{refused:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_carries_out_a_grant_once() {
    let scene = Scene::new();
    let mut daemon = scene.daemon(&[]).await;
    scene.want_facebook();
    daemon.until("waits: InterruptionForbidden").await;
    // Without a grant the policy forbids it, and beside a daemon nothing is applied.
    assert_eq!(scene.ran("apply", &["--yes"]).code, 7);

    let apply = scene.command(
        "apply",
        &["--yes", "--interrupt", "facebook-main", "--timeout", "2m"],
    );
    let (code, said) = to_end(apply).await;
    assert_eq!(code, 0, "{said}\n{}", daemon.said());
    let taken = format!("pid {} took the grant for facebook-main", daemon.number());
    assert!(said.contains(&taken) && said.contains("is used"), "{said}");
    daemon.until("facebook-main may interrupt others once").await;
    daemon.until("the one for facebook-main is used").await;
    let planned = scene.ran("plan", &["--detailed-exitcode"]);
    assert_eq!(planned.code, 0, "{planned:?}");

    // It is over: the next change waits again.
    let path = scene.source.path().join("launch-event.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, text.replacen("state: Streaming", "state: Ready", 1)).unwrap();
    daemon.until("SharesChannel").await;
    assert_eq!(daemon.end("TERM").await, 143);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_grant_gives_ends_with_4_or_5_and_says_why() {
    let scene = Scene::new();
    let corporate = scene.source.path().join("corporate.yaml");
    let _daemon = scene.daemon(&[]).await;
    // Another owner's grant and one for an undeclared name are refused before anything is asked.
    let unknown = scene.ran("apply", &["--yes", "--interrupt", "undeclared"]);
    assert_eq!(unknown.code, 64, "{unknown:?}");

    // `interruptible: false` outweighs a grant.
    let launch = scene.source.path().join("launch-event.yaml");
    let text = fs::read_to_string(&launch).unwrap();
    let text = text.replace(
        "  group: launch-event",
        "  interruptible: false\n  group: launch-event",
    );
    fs::write(&launch, text.replace("state: Ready", "state: Streaming")).unwrap();
    let text = fs::read_to_string(&corporate).unwrap();
    fs::write(
        &corporate,
        text.replace("  group: corporate", "  interruptible: false\n  group: corporate"),
    )
    .unwrap();
    let apply = scene.command(
        "apply",
        &["--yes", "--interrupt", "facebook-main", "--timeout", "2m"],
    );
    let (code, said) = to_end(apply).await;
    // A rule forbids it, and a wanted destination is off air for that.
    assert_eq!(code, 5, "{said}");
}

#[test]
fn key_files_readable_by_every_user_cause_one_warning() {
    let scene = Scene::new();
    let keys: Vec<PathBuf> = fs::read_dir(scene.source.path().join("keys"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let set = |mode| {
        for key in &keys {
            fs::set_permissions(key, fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    set(0o644);
    let once = scene.ran("run", &["--once", FAST[0], FAST[1]]);
    assert_eq!((once.code, once.err.as_str()), (0, ""), "{once:?}");
    let warning = "every user of this machine can read the stream key in";
    assert_eq!(once.out.matches(warning).count(), 1, "{once:?}");
    set(0o600);
    let once = scene.ran("run", &["--once"]);
    assert!(once.code == 0 && !once.out.contains(warning), "{once:?}");
}
