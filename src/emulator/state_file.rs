//! The world in a file, so that an emulator can be stopped and started again.
//!
//! The file is replaced as a whole, and made readable by its owner only: it holds stream keys.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::world::World;
use crate::files;

/// Raised whenever an older emulator could not read what this one writes
const VERSION: u64 = 1;

/// Largest file that is read: ten thousand channels with all that is remembered of them have less
const BYTES_MAX: u64 = 512 << 20;

/// For its owner only
const MODE: u32 = 0o600;

/// Why a state file could not be read or written
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file is there and cannot be read
    #[error(
        "cannot read the emulator's state from {}; see that it is a file that can be read, move it away to start from the \
         fleet again, or name another one with --state",
        path.display()
    )]
    Read {
        /// The file
        path: PathBuf,
        /// Why
        #[source]
        source: io::Error,
    },
    /// The file holds something else
    #[error(
        "{} holds no emulator state that can be read ({reason}); move it away to start from the fleet again, or name \
         another file with --state",
        path.display()
    )]
    Corrupt {
        /// The file
        path: PathBuf,
        /// Where it breaks off, or what of it no world can have; never any of its content
        reason: String,
    },
    /// The file is of another version
    #[error(
        "{} was written by another version of the emulator (format {found}, this one reads {VERSION}); move it away \
         to start from the fleet again, or name another file with --state",
        path.display()
    )]
    Version {
        /// The file
        path: PathBuf,
        /// Its format
        found: u64,
    },
    /// The file cannot be written
    #[error("cannot write the emulator's state to {}", path.display())]
    Write {
        /// The file
        path: PathBuf,
        /// Why
        #[source]
        source: io::Error,
    },
}

/// What the file says first, whatever its version
#[derive(Deserialize)]
struct Header {
    version: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    elapsed: Duration,
    world: World,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Keep<'a> {
    version: u64,
    elapsed: Duration,
    world: &'a World,
}

/// Reads the world and its time; none if there is no file yet
pub(super) fn load(path: &Path) -> Result<Option<(World, Duration)>, StateError> {
    let text = match files::read(path, BYTES_MAX) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            return Err(corrupt(path, error.to_string()));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(StateError::Read {
                path: path.to_owned(),
                source,
            });
        }
    };
    let header: Header = serde_json::from_slice(&text).map_err(|error| breaks_off(path, &error))?;
    if header.version != VERSION {
        return Err(StateError::Version {
            path: path.to_owned(),
            found: header.version,
        });
    }
    let kept: Kept = serde_json::from_slice(&text).map_err(|error| breaks_off(path, &error))?;
    match kept.world.impossible(kept.elapsed) {
        None => Ok(Some((kept.world, kept.elapsed))),
        Some(what) => Err(corrupt(path, what.to_owned())),
    }
}

/// serde's own texts may quote the file, and the file holds stream keys
fn breaks_off(path: &Path, error: &serde_json::Error) -> StateError {
    corrupt(path, format!("line {}, column {}", error.line(), error.column()))
}

fn corrupt(path: &Path, reason: String) -> StateError {
    StateError::Corrupt {
        path: path.to_owned(),
        reason,
    }
}

/// Replaces the file, or leaves it as it was
pub(super) fn save(path: &Path, world: &World, elapsed: Duration) -> Result<(), StateError> {
    let keep = Keep {
        version: VERSION,
        elapsed,
        world,
    };
    let text = serde_json::to_vec(&keep).map_err(io::Error::from);
    text.and_then(|text| files::replace(path, &text, MODE))
        .map_err(|source| StateError::Write {
            path: path.to_owned(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::emulator::{Emulator, Fleet, Options};

    fn open(path: &Path) -> Result<Emulator, StateError> {
        Emulator::open(Options::default(), Fleet::empty(), path.to_owned())
    }

    #[test]
    fn the_file_is_its_owners_alone_and_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let emulator = open(&path).unwrap();
        emulator.with_world(|world, _| world.admit_channel("1", serde_json::Map::new()));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing is left beside it"
        );
        let again = open(&path).unwrap();
        assert!(again.with_world(|world, _| world.channel("1").is_some()));
    }

    #[test]
    fn an_impossible_world_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let emulator = open(&path).unwrap();
        emulator.with_world(|world, _| world.admit_channel("1", serde_json::Map::new()));
        let good = fs::read_to_string(&path).unwrap();
        for (from, to) in [
            (r#""nextId":5000000"#, r#""nextId":18446744073709551615"#),
            (r#""alertsRaised":0"#, r#""alertsRaised":18446744073709551615"#),
            (
                r#""elapsed":{"secs":0"#,
                r#""elapsed":{"secs":18446744073709551615"#,
            ),
            (r#""since":{"secs":0"#, r#""since":{"secs":18446744073709551615"#),
        ] {
            assert!(good.contains(from), "{from} is not in {good}");
            fs::write(&path, good.replacen(from, to, 1)).unwrap();
            let message = open(&path).unwrap_err().to_string();
            assert!(
                message.contains("beyond") && message.contains("move it away"),
                "{message}"
            );
        }
        fs::write(&path, good).unwrap();
        assert!(open(&path).is_ok());
    }

    #[test]
    fn a_non_text_or_non_file_names_the_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        fs::write(&path, [0xff, 0xfe, b'{', 0]).unwrap();
        for path in [path.as_path(), folder.path()] {
            let message = open(path).unwrap_err().to_string();
            let name = path.display().to_string();
            assert!(
                message.contains(&name) && message.contains("move it away"),
                "{message}"
            );
        }
    }

    #[test]
    fn an_unreadable_file_names_the_way_out_and_no_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        for (text, expected) in [
            (r#"{"version":1,"world":"secret""#, "move it away"),
            (
                r#"{"version":1,"elapsed":{"secs":0,"nanos":0},"world":"secret"}"#,
                "move it away",
            ),
            (r#"{"version":9,"world":"secret"}"#, "format 9"),
        ] {
            fs::write(&path, text).unwrap();
            let message = open(&path).unwrap_err().to_string();
            assert!(
                message.contains(expected) && !message.contains("secret"),
                "{message}"
            );
        }
    }
}
