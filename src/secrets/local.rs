//! Keys on this machine: the environment and key files.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::files;
use crate::manifest::reference::{KeyLookup, KeyReference};
use crate::manifest::validate::{KeyMistake, key_of};
use crate::manifest::words::NOT_REPEATED;
use crate::model::Secret;

/// Largest file that is taken for a key: the longest key and room for line ends. A mistaken path may lead to gigabytes.
const FILE_LIMIT: u64 = 4096;

/// Longest time that reading the keys on this machine may take: a network mount that hangs must not hold up what is
/// on air.
const READ_LIMIT: Duration = Duration::from_secs(10);

/// Keys on this machine.
#[derive(Debug)]
pub(super) struct Local {
    /// A read of key files that took too long, and still holds a thread.
    hanging: Option<JoinHandle<Found>>,
    /// Files reported because every user may read them; `None` where that is not reported.
    exposed: Option<BTreeSet<PathBuf>>,
    /// The warning to report.
    warning: Option<String>,
}

/// What a read gave.
#[derive(Debug, Default)]
struct Found {
    keys: BTreeMap<KeyReference, KeyLookup>,
    /// Files that every user of this machine may read.
    exposed: BTreeSet<PathBuf>,
}

impl Default for Local {
    fn default() -> Self {
        Self {
            hanging: None,
            exposed: Some(BTreeSet::new()),
            warning: None,
        }
    }
}

impl Local {
    /// For keys that are no secrets: an emulator's.
    pub(super) fn without_warnings(self) -> Self {
        Self {
            exposed: None,
            ..self
        }
    }

    /// What became of each of `references`.
    pub(super) async fn look_up(
        &mut self,
        references: BTreeSet<KeyReference>,
    ) -> BTreeMap<KeyReference, KeyLookup> {
        if references.is_empty() {
            return BTreeMap::new();
        }
        // A thread that hangs is waited for, so that there is never more than one. What it brings is old news.
        if let Some(hanging) = &mut self.hanging {
            if tokio::time::timeout(READ_LIMIT, hanging).await.is_err() {
                return timed_out(references);
            }
            self.hanging = None;
        }
        let asked = references.clone();
        let thread = tokio::task::spawn_blocking(move || read(asked));
        let thread = self.hanging.insert(thread);
        let Ok(ended) = tokio::time::timeout(READ_LIMIT, thread).await else {
            return timed_out(references);
        };
        self.hanging = None;
        let Ok(found) = ended else {
            return timed_out(references);
        };
        self.tell_exposed(found.exposed);
        found.keys
    }

    /// Once for each file: it is no error, and may be intended.
    fn tell_exposed(&mut self, exposed: BTreeSet<PathBuf>) {
        let Some(reported) = &mut self.exposed else { return };
        let news: Vec<PathBuf> = exposed
            .into_iter()
            .filter(|path| reported.insert(path.clone()))
            .collect();
        if let Some(warning) = exposed_warning(&news) {
            self.warning = Some(warning);
        }
    }

    /// What was met with since it was last asked.
    pub(super) fn warning(&mut self) -> Option<String> {
        self.warning.take()
    }
}

fn read(references: BTreeSet<KeyReference>) -> Found {
    let mut found = Found::default();
    for reference in references {
        let key = look_up(&reference);
        if let (KeyReference::File { path, .. }, KeyLookup::Found(_)) = (&reference, &key)
            && is_exposed(path)
        {
            found.exposed.insert(path.clone());
        }
        found.keys.insert(reference, key);
    }
    found
}

/// Whether every user of this machine may read the file.
pub fn is_exposed(path: &Path) -> bool {
    const READ_BY_OTHERS: u32 = 0o004;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & READ_BY_OTHERS != 0)
}

fn exposed_warning(files: &[PathBuf]) -> Option<String> {
    /// More are counted.
    const SHOWN_MAX: usize = 5;
    let shown: Vec<String> = files
        .iter()
        .take(SHOWN_MAX)
        .map(|path| path.display().to_string())
        .collect();
    let more = match files.len().checked_sub(SHOWN_MAX) {
        None | Some(0) => String::new(),
        Some(more) => format!(" and {more} more"),
    };
    (!files.is_empty()).then(|| {
        format!(
            "every user of this machine can read the stream key in {}{more}; take that away with chmod o-r",
            shown.join(", ")
        )
    })
}

fn timed_out(references: BTreeSet<KeyReference>) -> BTreeMap<KeyReference, KeyLookup> {
    let missing = KeyLookup::Missing {
        what: format!("reading the keys took longer than {} s", READ_LIMIT.as_secs()),
        fix: "look at the mount that the key files are on".to_owned(),
    };
    references
        .into_iter()
        .map(|reference| (reference, missing.clone()))
        .collect()
}

/// Why a key could not be read.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The variable does not exist.
    #[error("the environment variable {name} is not set")]
    NotSet {
        /// Its name.
        name: String,
    },
    /// The variable is not text.
    #[error("the environment variable {name} is not UTF-8")]
    VariableNotText {
        /// Its name.
        name: String,
    },
    /// The file could not be opened or read.
    #[error("no key in {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something other than a file.
    #[error("{} is not a file", .path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// Too large for a key.
    #[error("{} is larger than {FILE_LIMIT} bytes, too large for a key", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file is not text.
    #[error("the key file {} is not UTF-8", .path.display())]
    FileNotText {
        /// The file.
        path: PathBuf,
    },
    /// What was read cannot be a key.
    #[error("{why}")]
    NotAKey {
        /// Why not, without what it is.
        why: KeyMistake,
        /// Where it was read from, as people wrote it.
        reference: String,
    },
    /// It is not kept on this machine.
    #[error("{reference} is kept in AWS, and only keys on this machine are read here")]
    Elsewhere {
        /// As people wrote it.
        reference: String,
    },
}

impl KeyError {
    /// The same without what was written in `reference`, where that may be the key itself.
    fn naming(self, reference: &KeyReference) -> Self {
        let shown = reference.shown();
        if shown != NOT_REPEATED {
            return self;
        }
        let hidden = |path: PathBuf| path.with_file_name(shown);
        let name = shown.to_owned();
        match self {
            Self::NotSet { .. } => Self::NotSet { name },
            Self::VariableNotText { .. } => Self::VariableNotText { name },
            // Its cause says nothing of the path.
            Self::Read { path, source } => Self::Read {
                path: hidden(path),
                source,
            },
            Self::NotAFile { path } => Self::NotAFile { path: hidden(path) },
            Self::TooLarge { path } => Self::TooLarge { path: hidden(path) },
            Self::FileNotText { path } => Self::FileNotText { path: hidden(path) },
            other @ (Self::NotAKey { .. } | Self::Elsewhere { .. }) => other,
        }
    }

    /// What to do.
    pub fn fix(&self) -> String {
        match self {
            Self::NotSet { name } if name == NOT_REPEATED => {
                "write the name of a variable: YOUTUBE_KEY".to_owned()
            }
            Self::Read { path, .. } if path.ends_with(NOT_REPEATED) => {
                "write the path of a file: keys/youtube".to_owned()
            }
            Self::NotSet { name } | Self::VariableNotText { name } => {
                format!("set {name} in the environment of slotwise")
            }
            Self::Read { path, .. } | Self::NotAFile { path } => {
                format!("put the key into {}, readable for slotwise", path.display())
            }
            Self::TooLarge { path } => format!("put the key and nothing else into {}", path.display()),
            Self::FileNotText { path } => format!(
                "put the key and nothing else into {}, saved as UTF-8",
                path.display()
            ),
            Self::NotAKey { why, reference } => why.fix(reference),
            Self::Elsewhere { .. } => "use env or file".to_owned(),
        }
    }
}

/// Looks `reference` up, with `env` for the environment.
pub fn resolve(
    reference: &KeyReference,
    env: &dyn Fn(&str) -> Option<std::ffi::OsString>,
) -> Result<Secret, KeyError> {
    let text = match reference {
        KeyReference::Env(name) => from_env(name, env).map_err(|error| error.naming(reference))?,
        KeyReference::File { path, .. } => from_file(path).map_err(|error| error.naming(reference))?,
        KeyReference::Ssm(_) | KeyReference::SecretsManager(_) => {
            return Err(KeyError::Elsewhere {
                reference: reference.to_string(),
            });
        }
    };
    key_of(&text).map_err(|why| KeyError::NotAKey {
        why,
        reference: reference.to_string(),
    })
}

/// As [`resolve`], from this process's environment, as the manifest wants to hear it.
fn look_up(reference: &KeyReference) -> KeyLookup {
    match resolve(reference, &|name| std::env::var_os(name)) {
        Ok(key) => KeyLookup::Found(key),
        Err(error) => {
            let fix = error.fix();
            let what = match std::error::Error::source(&error) {
                Some(cause) => format!("{error}: {cause}"),
                None => error.to_string(),
            };
            KeyLookup::Missing { what, fix }
        }
    }
}

fn from_env(name: &str, env: &dyn Fn(&str) -> Option<std::ffi::OsString>) -> Result<String, KeyError> {
    env(name)
        .ok_or_else(|| KeyError::NotSet {
            name: name.to_owned(),
        })?
        .into_string()
        .map_err(|_| KeyError::VariableNotText {
            name: name.to_owned(),
        })
}

fn from_file(path: &Path) -> Result<String, KeyError> {
    let bytes = files::read(path, FILE_LIMIT).map_err(|source| {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::FileTooLarge => KeyError::TooLarge { path },
            _ if files::is_not_regular(&source) => KeyError::NotAFile { path },
            _ => KeyError::Read { path, source },
        }
    })?;
    String::from_utf8(bytes).map_err(|_| KeyError::FileNotText {
        path: path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<std::ffi::OsString> {
        match name {
            "KEY" => Some("a-key\n".into()),
            "EMPTY" => Some("".into()),
            "SPACED" => Some("CANARY KEY".into()),
            "LONG" => Some("CANARY".repeat(1000).into()),
            _ => None,
        }
    }

    fn of_variable(name: &str) -> Result<Secret, KeyError> {
        resolve(&KeyReference::Env(name.to_owned()), &env)
    }

    fn of_file(path: &Path) -> Result<Secret, KeyError> {
        resolve(&KeyReference::file("key", path), &env)
    }

    #[test]
    fn a_line_end_after_the_key_is_not_part_of_it() {
        assert_eq!(of_variable("KEY").unwrap().reveal(), "a-key");
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("key"), "a-key\r\n\n").unwrap();
        assert_eq!(of_file(&dir.path().join("main.yaml")).unwrap().reveal(), "a-key");
    }

    #[test]
    fn what_cannot_be_a_key_is_refused_without_showing_it() {
        for (name, said) in [
            ("NOWHERE", "the environment variable NOWHERE is not set"),
            ("EMPTY", "the stream key is empty"),
            ("SPACED", "there are spaces or line breaks in the stream key"),
            ("LONG", "the stream key is longer than 1000 bytes"),
        ] {
            let error = of_variable(name).unwrap_err();
            assert_eq!(error.to_string(), said);
            assert!(error.fix().contains(name), "{}", error.fix());
            assert!(!format!("{error:?}{}", error.fix()).contains("CANARY"));
        }
    }

    #[test]
    fn a_file_that_is_no_key_file_is_refused_without_showing_it() {
        let dir = tempfile::tempdir().unwrap();
        let (yaml, key) = (dir.path().join("main.yaml"), dir.path().join("key"));
        assert!(matches!(of_file(&yaml), Err(KeyError::Read { .. })));
        std::fs::create_dir(&key).unwrap();
        assert!(matches!(of_file(&yaml), Err(KeyError::NotAFile { .. })));
        std::fs::remove_dir(&key).unwrap();
        std::fs::write(&key, "CANARY".repeat(1000)).unwrap();
        assert!(matches!(of_file(&yaml), Err(KeyError::TooLarge { .. })));
        std::fs::write(&key, b"CANARY\xff").unwrap();
        let error = of_file(&yaml).unwrap_err();
        assert!(matches!(error, KeyError::FileNotText { .. }));
        assert!(!format!("{error:?}{error}{}", error.fix()).contains("CANARY"));
    }

    #[tokio::test]
    async fn an_exposed_key_file_is_reported_once_and_still_used() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, "a-key").unwrap();
        let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let reference = KeyReference::file("key", &dir.path().join("main.yaml"));
        let references = || BTreeSet::from([reference.clone()]);
        let mut local = Local::default();

        mode(0o640);
        assert!(read(references()).exposed.is_empty());
        mode(0o644);
        assert_eq!(read(references()).exposed, BTreeSet::from([path.clone()]));
        let found = local.look_up(references()).await;
        assert!(matches!(found[&reference], KeyLookup::Found(_)));
        assert!(local.warning().unwrap().contains("chmod o-r"));
        local.look_up(references()).await;
        assert_eq!(local.warning(), None, "it was reported");
        let mut quiet = Local::default().without_warnings();
        quiet.look_up(references()).await;
        assert_eq!(quiet.warning(), None);
        let warning = exposed_warning(&vec![path.clone(); 7]).unwrap();
        assert!(
            warning.contains("and 2 more; take that away with chmod o-r"),
            "{warning}"
        );
        assert_eq!(exposed_warning(&[]), None);
    }

    #[test]
    fn what_aws_keeps_is_not_looked_for_on_this_machine() {
        let error = resolve(&KeyReference::Ssm("/live/x".to_owned()), &env).unwrap_err();
        assert!(
            error.to_string().starts_with("ssm /live/x is kept in AWS"),
            "{error}"
        );
    }
}
