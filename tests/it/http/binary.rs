//! `run --listen`, as built.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::live::Answer;
use crate::cli::changes::Daemon;
use crate::cli::tool::{Served, command, run};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn get(url: &str, path: &str, token: Option<&str>) -> Answer {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let token = token.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\n{token}Connection: close\r\n\r\n"
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    Answer::parse(&text)
}

#[test]
fn it_tells_its_address_shows_everything_and_ends_in_order() {
    let mut daemon = Daemon::begin(command([
        "run",
        "--listen",
        "127.0.0.1:0",
        "--emulator",
        "--emulator-speed",
        "1000",
        "examples/quickstart",
    ]));
    let url = daemon
        .until("listening on ")
        .trim()
        .rsplit(' ')
        .next()
        .unwrap()
        .to_owned();
    daemon.until("converged ");
    let mut all = String::new();
    for (path, holds) in [
        ("/livez", r#""status":"live""#),
        ("/readyz", r#""status":"ready""#),
        ("/metrics", r#"slotwise_destinations{phase="Streaming"} 3"#),
        ("/api/v1/destinations?phase=Streaming", r#""name": "corp-cdn""#),
        ("/api/v1/destinations/facebook-main", r#""phase": "Ready""#),
        (
            "/api/v1/destinations/twitch-main/explain",
            r#""verdict": "Chosen""#,
        ),
        ("/api/v1/channels", r#""state": "RUNNING""#),
        ("/api/v1/plan", r#""changes": false"#),
    ] {
        let answer = get(&url, path, None);
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.body.contains(holds), "{path}: {}", answer.body);
        all.push_str(&answer.body);
    }
    let ran = daemon.end("TERM");
    assert_eq!((ran.code, ran.err.as_str()), (143, ""));
    for key in crate::cli::tool::keys() {
        assert!(!all.contains(&key), "a key is shown");
    }
}

#[test]
fn it_shows_what_the_commands_print_of_the_same_world() {
    let served = Served::quickstart();
    let dir = tempfile::tempdir().unwrap();
    let lock = dir.path().join("lock").to_str().unwrap().to_owned();
    let mut command = served.command(
        "run",
        &[
            "--listen",
            "127.0.0.1:0",
            "--lock-file",
            &lock,
            "--transition-interval",
            "100ms",
        ],
        "examples/quickstart",
    );
    command.env("SLOTWISE_API_TOKEN", TOKEN);
    let mut daemon = Daemon::begin(command);
    let url = daemon
        .until("listening on ")
        .trim()
        .rsplit(' ')
        .next()
        .unwrap()
        .to_owned();
    daemon.until("converged ");
    assert_eq!(get(&url, "/api/v1/plan", None).status, 401);
    let plan = get(&url, "/api/v1/plan", Some(TOKEN)).body;
    assert_eq!(plan, served.slotwise("plan", &["--output", "json"]).out);
    let explained = served.slotwise("explain", &["--output", "json", "corp-cdn"]).out;
    assert_eq!(
        get(&url, "/api/v1/destinations/corp-cdn/explain", Some(TOKEN)).body,
        explained
    );

    // Since when anything is so only the daemon knows.
    let timeless = |text: &str| -> String {
        let lines = text.lines();
        lines
            .filter(|line| !line.contains("\"since\"") && !line.contains("\"lastTransitionTime\""))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let status = timeless(&served.slotwise("status", &["--output", "json"]).out);
    let destinations = timeless(&get(&url, "/api/v1/destinations", Some(TOKEN)).body);
    let (destinations, _) = destinations.split_once("\n  \"conditions\"").unwrap();
    assert!(status.starts_with(destinations), "{status}\n{destinations}");
    let ran = daemon.end("TERM");
    assert_eq!(ran.code, 143);
    assert!(!ran.out.contains(TOKEN) && !ran.err.contains(TOKEN));
}

#[test]
fn an_address_that_other_machines_reach_needs_a_good_token() {
    let listen = |address: &str, token: Option<&str>| {
        let mut command = command([
            "run",
            "--once",
            "--emulator",
            "--listen",
            address,
            "examples/quickstart",
        ]);
        if let Some(token) = token {
            command.env("SLOTWISE_API_TOKEN", token);
        }
        run(&mut command)
    };
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let ran = listen(address, None);
        assert_eq!((ran.code, ran.out.as_str()), (64, ""), "{address}");
        assert!(
            ran.err.contains("needs a token") || ran.err.contains("need a token"),
            "{}",
            ran.err
        );
        assert!(ran.err.contains("--api-token-file"), "{}", ran.err);
    }
    let ran = listen("0.0.0.0:0", Some("sh0rt"));
    assert_eq!(ran.code, 64);
    assert!(
        ran.err.contains("SLOTWISE_API_TOKEN") && !ran.err.contains("sh0rt"),
        "{}",
        ran.err
    );

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    let with_file = || {
        let mut command = command([
            "run",
            "--once",
            "--emulator",
            "--emulator-speed",
            "1000",
            "--listen",
            "0.0.0.0:0",
        ]);
        command
            .arg("--api-token-file")
            .arg(&file)
            .arg("examples/quickstart");
        run(&mut command)
    };
    let ran = with_file();
    assert_eq!(ran.code, 64, "{ran:?}");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let ran = with_file();
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    assert!(ran.out.contains("listening on http://0.0.0.0:"), "{}", ran.out);
}

#[test]
fn an_address_in_use_is_reported_before_anything_is_done() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = run(&mut command([
        "run",
        "--listen",
        &address,
        "--emulator",
        "examples/quickstart",
    ]));
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(
        ran.err.contains(&address) && ran.err.contains("--listen"),
        "{}",
        ran.err
    );
}
