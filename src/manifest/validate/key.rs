//! Where the stream key of a destination is.

use std::path::Path;

use super::pasted::{KEY_LIMIT, key_of};
use crate::manifest::node::FieldPath;
use crate::manifest::raw::{RawDestinationSpec, RawKeySource};
use crate::manifest::reference::{KeyLookup, KeyReference, secret_and_field};
use crate::manifest::report::Report;
use crate::manifest::words::has_key_form;
use crate::model::{Secret, StreamKey};

/// Where the key of a destination comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeySource {
    /// It is in the declaration itself.
    Inline(Secret),
    /// It is kept elsewhere; the field says where.
    Reference(KeyReference, &'static str),
}

/// The one key source of `spec`; `None` where there is none, or more than one.
pub fn key_source(spec: &RawDestinationSpec, declared_in: &Path) -> Option<KeySource> {
    match (&spec.stream_key, &spec.stream_key_from) {
        (Some(key), None) => Some(KeySource::Inline(key.0.clone())),
        (None, Some(from)) => match references(from, declared_in).as_slice() {
            [(reference, field)] => Some(KeySource::Reference(reference.clone(), field)),
            _ => None,
        },
        _ => None,
    }
}

pub(super) fn validate_key(
    spec: &RawDestinationSpec,
    look_up: &dyn Fn(&KeyReference) -> KeyLookup,
    report: &mut Report,
) -> Option<StreamKey> {
    let at = FieldPath::from("spec");
    let (from_at, inline_at) = (at.field("streamKeyFrom"), at.field("streamKey"));
    match (&spec.stream_key, &spec.stream_key_from) {
        (Some(_), Some(_)) => {
            let (key, from) = (
                report.called("spec.streamKey"),
                report.called("spec.streamKeyFrom"),
            );
            let message = format!("{key} and {from} both give the key");
            let fix = format!("keep {from}, and replace the key if others could read it");
            report.reject(&inline_at, message, fix);
            None
        }
        (None, None) => {
            let fix = match report.document().item() {
                None => "add streamKeyFrom: { file: PATH }, or env, ssm or secretsManager".to_owned(),
                Some(item) => format!("set {}", item.layout.attributes_of_key()),
            };
            report.reject_missing(&from_at, "nothing says where the stream key is", fix);
            None
        }
        (Some(key), None) => {
            let key = match key_of(key.0.reveal()) {
                Ok(key) => key,
                Err(mistake) => {
                    report.reject(&inline_at, mistake.to_string(), mistake.fix("here"));
                    return None;
                }
            };
            if report.document().item().is_none() {
                let message = "the stream key is in the file: its readers can stream in your name";
                report.warn(
                    &inline_at,
                    message,
                    "move it out with streamKeyFrom: { env: NAME } or { file: PATH }",
                );
            }
            Some(StreamKey::Known(key))
        }
        (None, Some(from)) => validate_source(from, &from_at, look_up, report),
    }
}

fn validate_source(
    from: &RawKeySource,
    at: &FieldPath,
    look_up: &dyn Fn(&KeyReference) -> KeyLookup,
    report: &mut Report,
) -> Option<StreamKey> {
    let references = references(from, report.document().declared_in());
    let [(reference, field)] = references.as_slice() else {
        let message = match references.as_slice() {
            [] => "no source of the key is named".to_owned(),
            many => {
                let fields: Vec<&str> = many.iter().map(|(_, field)| *field).collect();
                format!("more than one source of the key is named: {}", fields.join(", "))
            }
        };
        report.reject(at, message, "name exactly one of env, file, ssm, secretsManager");
        return None;
    };
    let at = at.field(field);
    if let Err((message, fix)) = check_reference(reference) {
        report.reject(&at, message, fix);
        return None;
    }
    if !reference.is_in_aws() && !report.document().may_name_local_keys() {
        let message = format!("an item may not refer to {field} of the machine that slotwise runs on");
        let fix =
            "keep the key in ssm or secretsManager, or allow it with localKeys: true in the DestinationTable";
        report.reject(&at, message, fix);
        return None;
    }
    let unavailable = |why| StreamKey::Unavailable {
        reference: reference.to_string(),
        why,
    };
    Some(match look_up(reference) {
        KeyLookup::Found(secret) => StreamKey::Known(secret),
        KeyLookup::NotAsked => unavailable("keys were not looked up".to_owned()),
        KeyLookup::Missing { what, fix } => {
            let why = what.clone();
            // Not set aside: what is on air with a key that cannot be read now stays there.
            report.error(&at, what, fix);
            unavailable(why)
        }
    })
}

fn references(from: &RawKeySource, declared_in: &Path) -> Vec<(KeyReference, &'static str)> {
    let env = from.env.clone().map(|name| (KeyReference::Env(name), "env"));
    let file = from.file.as_deref();
    let file = file.map(|path| (KeyReference::file(path, declared_in), "file"));
    let ssm = from.ssm.clone().map(|name| (KeyReference::Ssm(name), "ssm"));
    let secret = from.secrets_manager.clone();
    let secret = secret.map(|name| (KeyReference::SecretsManager(name), "secretsManager"));
    [env, file, ssm, secret].into_iter().flatten().collect()
}

/// A reference is shown in messages, so a key that was pasted in its place must not pass.
fn check_reference(reference: &KeyReference) -> Result<(), (&'static str, &'static str)> {
    let (text, fix) = match reference {
        KeyReference::Env(name) => (name, "write the name of a variable: YOUTUBE_KEY"),
        KeyReference::File { written, .. } => (written, "write the path of a file: keys/youtube"),
        KeyReference::Ssm(name) => (name, "write the name or ARN of a parameter: /live/youtube"),
        KeyReference::SecretsManager(name) => (
            name,
            "write the name or ARN of a secret, and the field if it is JSON: live/youtube#streamKey",
        ),
    };
    if text.is_empty() {
        return Err(("the reference is empty", fix));
    }
    if text.len() > KEY_LIMIT || text.chars().any(char::is_control) {
        return Err(("this cannot be a reference to a key", fix));
    }
    let is_key = match reference {
        // The same letters make the parts of paths, ARNs and fields, none of which is a key.
        KeyReference::Ssm(_) | KeyReference::SecretsManager(_) => {
            text.split(['/', ':', '#']).any(has_key_form)
        }
        KeyReference::Env(_) | KeyReference::File { .. } => text.rsplit('/').next().is_some_and(has_key_form),
    };
    if is_key {
        return Err((
            "this looks like the stream key itself, not like the place where it is kept",
            fix,
        ));
    }
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let is_variable = text.chars().all(fits) && !text.starts_with(|letter: char| letter.is_ascii_digit());
    if matches!(reference, KeyReference::Env(_)) && !is_variable {
        return Err(("this is not the name of an environment variable", fix));
    }
    match reference {
        KeyReference::Ssm(name) if !is_name_in_aws(name, "ssm", "._-/:") => {
            Err(("this is not the name of a parameter", fix))
        }
        KeyReference::SecretsManager(written) => {
            let (name, field) = secret_and_field(written);
            if is_name_in_aws(name, "secretsmanager", "/_+=.@-") && field != Some("") {
                Ok(())
            } else {
                Err(("this is not the name of a secret", fix))
            }
        }
        _ => Ok(()),
    }
}

/// Whether `name` is an ARN of `service`, or a name of letters, digits and `signs`.
pub(super) fn is_name_in_aws(name: &str, service: &str, signs: &str) -> bool {
    if name.starts_with("arn:") {
        let mut parts = name.splitn(6, ':').skip(2);
        return parts.next() == Some(service)
            && parts.all(|part| !part.is_empty())
            && name.split(':').count() >= 6;
    }
    !name.is_empty()
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || signs.contains(letter))
}
