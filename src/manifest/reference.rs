//! Where a stream key is kept.

use std::fmt;
use std::path::{Path, PathBuf};

use super::words::{NOT_REPEATED, looks_like_a_place};
use crate::model::Secret;

/// Where a stream key is kept, outside of the file that declares its destination.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyReference {
    /// An environment variable.
    Env(String),
    /// A file.
    File {
        /// As written in the manifest.
        written: String,
        /// Where that is, seen from the file it is written in.
        path: PathBuf,
    },
    /// A parameter of the Systems Manager Parameter Store, by name or ARN.
    Ssm(String),
    /// A secret in Secrets Manager, by name or ARN; `live/youtube#streamKey` for one field of a secret that is JSON.
    SecretsManager(String),
}

impl KeyReference {
    /// The file `written` in the declaration file `declared_in`: relative to its directory.
    pub fn file(written: &str, declared_in: &Path) -> Self {
        let directory = declared_in.parent().unwrap_or(Path::new(""));
        Self::File {
            written: written.to_owned(),
            path: directory.join(written),
        }
    }

    /// What was written, as in messages: nothing that may be the key itself, pasted in this place.
    pub fn shown(&self) -> &str {
        let (Self::Env(written)
        | Self::File { written, .. }
        | Self::Ssm(written)
        | Self::SecretsManager(written)) = self;
        if looks_like_a_place(written) {
            written
        } else {
            NOT_REPEATED
        }
    }

    /// Whether AWS keeps it, so that it can change without anything on this machine telling so.
    pub fn is_in_aws(&self) -> bool {
        matches!(self, Self::Ssm(_) | Self::SecretsManager(_))
    }
}

/// The secret and the field that `written` names, the value of `secretsManager:`. A secret's name has no `#`.
pub fn secret_and_field(written: &str) -> (&str, Option<&str>) {
    match written.split_once('#') {
        Some((secret, field)) => (secret, Some(field)),
        None => (written, None),
    }
}

/// As in messages: `env YOUTUBE_KEY`.
impl fmt::Display for KeyReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Env(_) => "env",
            Self::File { .. } => "file",
            Self::Ssm(_) => "ssm",
            Self::SecretsManager(_) => "secretsManager",
        };
        write!(f, "{kind} {}", self.shown())
    }
}

/// The result of looking up a [`KeyReference`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyLookup {
    /// The key.
    Found(Secret),
    /// It was not looked up, as in a check without keys.
    NotAsked,
    /// It could not be read.
    Missing {
        /// What is wrong, without what was read.
        what: String,
        /// What to do.
        fix: String,
    },
}
