//! The surface of the emulator's state file: torn, truncated, of another program, or malicious.
//!
//! What holds of any bytes, besides that nothing panics:
//! - what cannot be read is a mistake that names the file and the way out, repeats no stream key, and leaves the file as
//!   it was, with nothing beside it;
//! - what can be read is a world that answers: it lists and describes what it has, takes every command, goes through a day,
//!   and is read again from the file that it has become.

use std::fs;
use std::path::Path;

use slotwise::testing::emulator::{Emulator, Fleet, Options, StateError};

use super::engine::{Features, in_virtual_time};
use super::http::{CANARY, check_alive, request};

/// Channels that commands are given to.
const CHANNELS_MAX: usize = 4;

/// Takes any bytes; panics where something of the above does not hold.
pub(crate) fn check(input: &[u8]) -> Features {
    in_virtual_time(live(input))
}

async fn live(input: &[u8]) -> Features {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");
    fs::write(&file, input).unwrap();
    let mut features = Features::default();
    match open(&file) {
        Err(error) => features.note(&check_mistake(&error, &file, input)),
        Ok(emulator) => {
            check_commands(&emulator, &mut features).await;
            check_alive(&emulator).await;
            drop(emulator);
            if let Err(error) = open(&file) {
                panic!("what it wrote itself is not read: {error}");
            }
        }
    }
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "something is left beside it"
    );
    features
}

fn open(file: &Path) -> Result<Emulator, StateError> {
    Emulator::open(Options::default(), Fleet::empty(), file.to_owned())
}

/// What it says, without the name of the file.
fn check_mistake(error: &StateError, file: &Path, input: &[u8]) -> String {
    let (reported, name) = (slotwise::testing::error_chain(error), file.display().to_string());
    assert!(reported.contains(&name), "it does not name the file: {reported}");
    assert!(
        reported.contains("move it away"),
        "it does not say what to do: {reported}"
    );
    assert!(
        !reported.contains(CANARY) && reported.len() < 1_000,
        "it repeats the file: {reported}"
    );
    assert_eq!(fs::read(file).unwrap(), input, "the file is not as it was");
    reported.replace(&name, "")
}

/// Whatever the world is like: every command is answered.
async fn check_commands(emulator: &Emulator, features: &mut Features) {
    let ids: Vec<String> =
        emulator.with_world(|world, _| world.channels().keys().take(CHANNELS_MAX).cloned().collect());
    let mut commands = vec![
        (
            "POST",
            "/prod/inputs".to_owned(),
            r#"{"name":"in","type":"RTMP_PULL","sources":[{"url":"rtmp://a/b"}]}"#,
        ),
        ("POST", "/prod/channels".to_owned(), "{}"),
        (
            "POST",
            "/_emulator/clock".to_owned(),
            r#"{"advanceSeconds":3600}"#,
        ),
        ("GET", "/_emulator/state".to_owned(), ""),
    ];
    for id in ids
        .iter()
        .filter(|id| id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    {
        let channel = format!("/prod/channels/{id}");
        let operations = [
            ("start", "POST"),
            ("stop", "POST"),
            ("alerts", "GET"),
            ("schedule", "GET"),
        ];
        commands.extend(operations.map(|(operation, method)| (method, format!("{channel}/{operation}"), "")));
        commands.push(("PUT", channel.clone(), r#"{"name":"other"}"#));
        commands.push(("POST", format!("{channel}/restartChannelPipelines"), "{}"));
        commands.push(("DELETE", channel, ""));
    }
    for (method, path, body) in commands {
        let (status, text) = request(emulator, method, &path, body).await;
        features.note(&format!("{method} {path} {text}"));
        assert!((200..600).contains(&status), "{status}");
        tokio::time::advance(std::time::Duration::from_secs(20)).await;
    }
}
