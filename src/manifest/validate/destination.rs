//! `kind: Destination`.

use std::path::Path;

use super::url::{check_no_key, check_url};
use super::{check_channel_id, check_metadata, validate_pause};
use crate::manifest::node::FieldPath;
use crate::manifest::raw::{RawDestination, RawDestinationSpec, RawKeySource, RawPin, RawState};
use crate::manifest::reference::{KeyLookup, KeyReference, secret_and_field};
use crate::manifest::report::Report;
use crate::manifest::words::has_key_form;
use crate::model::{
    ChannelId, Destination, DestinationName, GroupName, Identity, Pin, PoolName, Secret, StreamKey,
    WantedState,
};

/// Longest stream key. Platforms use below 100 characters, with parameters some hundred.
const KEY_LIMIT: usize = 1000;

/// Where the key of a destination comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// It stands in the declaration itself.
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

/// The destination that `raw` declares; `None` where `report` has rejected something. `look_up` gives the key of
/// a reference.
pub fn validate_destination(
    raw: &RawDestination,
    look_up: &dyn Fn(&KeyReference) -> KeyLookup,
    report: &mut Report,
) -> Option<Destination> {
    let spec = FieldPath::from("spec");
    check_metadata(&raw.metadata, report);
    if raw.spec.pool.is_empty() {
        report.reject(
            &spec.field("pool"),
            "the name of the pool is empty",
            "name a ChannelPool",
        );
    }
    let key = validate_key(&raw.spec, look_up, report);
    let (url, backup_url) = validate_urls(&raw.spec, key.as_ref(), report);
    check_group(raw.spec.group.as_deref(), report);
    let pin = match &raw.spec.slot {
        Some(pin) => validate_pin(pin, &spec.field("slot"), report),
        None => None,
    };
    let paused = match &raw.spec.paused {
        Some(pause) => validate_pause(pause, &spec.field("paused"), report),
        None => None,
    };
    if report.is_rejected() {
        return None;
    }
    Some(Destination {
        name: DestinationName::new(&raw.metadata.name),
        identity: Identity::new(&raw.metadata.name),
        pool: PoolName::new(&raw.spec.pool),
        state: match raw.spec.state {
            RawState::Streaming => WantedState::Streaming,
            RawState::Ready => WantedState::Ready,
        },
        url: url?.into(),
        backup_url: backup_url.map(Into::into),
        is_preset: raw.spec.platform.is_some(),
        login: None,
        key: key?,
        group: raw.spec.group.as_deref().map(GroupName::new),
        priority: raw.spec.priority,
        interruptible: raw.spec.interruptible,
        pin,
        paused,
        // The source counts where nobody else does.
        generation: raw.metadata.generation.unwrap_or(0),
    })
}

fn validate_urls(
    spec: &RawDestinationSpec,
    key: Option<&StreamKey>,
    report: &mut Report,
) -> (Option<String>, Option<String>) {
    let at = FieldPath::from("spec");
    let (url_at, backup_at) = (at.field("url"), at.field("backupUrl"));
    let secret = match key {
        Some(StreamKey::Known(secret)) => Some(secret),
        _ => None,
    };
    for (url, at) in [(&spec.url, &url_at), (&spec.backup_url, &backup_at)] {
        if let Some(url) = url
            && check_url(url, at, report)
        {
            check_no_key(url, secret, at, report);
        }
    }
    match (spec.platform, &spec.url) {
        (Some(platform), None) => {
            if spec.backup_url.is_some() {
                let message = format!("platform: {} decides about the backup itself", platform.as_str());
                report.reject(
                    &backup_at,
                    message,
                    "remove it, or give url and backupUrl instead of platform",
                );
            }
            let preset = platform.preset();
            (Some(preset.url.to_owned()), preset.backup_url.map(str::to_owned))
        }
        (None, Some(url)) => {
            if spec
                .backup_url
                .as_deref()
                .is_some_and(|backup| place(backup) == place(url))
            {
                let message = "backupUrl is the same as url: the two pipelines would throw each other out";
                report.reject(&backup_at, message, "name another ingest, or remove it");
            }
            (Some(url.clone()), spec.backup_url.clone())
        }
        (Some(platform), Some(_)) => {
            let message = format!(
                "url and platform: {} both say where to stream to",
                platform.as_str()
            );
            report.reject(&url_at, message, "remove one of the two");
            (None, None)
        }
        // What stands at platform is wrong and was told.
        (None, None) if report.is_hole(&at.field("platform")) => (None, None),
        (None, None) => {
            report.reject_missing(
                &url_at,
                "nothing says where to stream to",
                "add platform: youtube, twitch or facebook, or url: rtmps://HOST/APP",
            );
            (None, None)
        }
    }
}

/// `url` without what makes no difference to where it leads.
pub fn place(url: &str) -> String {
    url.trim_end_matches('/').to_ascii_lowercase()
}

fn validate_key(
    spec: &RawDestinationSpec,
    look_up: &dyn Fn(&KeyReference) -> KeyLookup,
    report: &mut Report,
) -> Option<StreamKey> {
    let at = FieldPath::from("spec");
    let (from_at, inline_at) = (at.field("streamKeyFrom"), at.field("streamKey"));
    match (&spec.stream_key, &spec.stream_key_from) {
        (Some(_), Some(_)) => {
            let message = "streamKey and streamKeyFrom both give the key";
            report.reject(
                &inline_at,
                message,
                "keep streamKeyFrom, and replace the key if this file was shared",
            );
            None
        }
        (None, None) => {
            let fix = "add streamKeyFrom: { file: PATH }, or env, ssm or secretsManager";
            report.reject_missing(&from_at, "nothing says where the stream key is", fix);
            None
        }
        (Some(key), None) => {
            if let Err(why) = check_key(&key.0) {
                report.reject(&inline_at, why, "write the key as the platform shows it");
            } else if report.document().item().is_none() {
                let message = "the stream key stands in the file: whoever reads it can stream in your name";
                report.warn(
                    &inline_at,
                    message,
                    "move it out with streamKeyFrom: { env: NAME } or { file: PATH }",
                );
            }
            Some(StreamKey::Known(key.0.clone()))
        }
        (None, Some(from)) => validate_source(from, &from_at, look_up, report),
    }
}

/// What is wrong with a key; says nothing about what it is.
pub fn check_key(key: &Secret) -> Result<(), &'static str> {
    let text = key.reveal();
    if text.is_empty() {
        Err("the stream key is empty")
    } else if text.len() > KEY_LIMIT {
        Err("the stream key is longer than 1000 bytes")
    } else if text
        .chars()
        .any(|letter| letter.is_whitespace() || letter.is_control())
    {
        Err("there are spaces or line breaks in the stream key")
    } else {
        Ok(())
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

/// A reference is shown to people, so a key that was pasted in its place must not pass.
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
fn is_name_in_aws(name: &str, service: &str, signs: &str) -> bool {
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

fn check_group(group: Option<&str>, report: &mut Report) {
    let fits = |group: &str| {
        (1..=63).contains(&group.chars().count())
            && !group.chars().any(char::is_control)
            && !has_key_form(group)
    };
    if group.is_some_and(|group| !fits(group)) {
        let message = "a group has a name of 1 to 63 characters";
        report.reject(
            &FieldPath::from("spec.group"),
            message,
            "write a short name, or remove the field",
        );
    }
}

fn validate_pin(raw: &RawPin, path: &FieldPath, report: &mut Report) -> Option<Pin> {
    if let Err((message, fix)) = check_channel_id(&raw.channel) {
        report.reject(&path.field("channel"), message, fix);
        return None;
    }
    if raw.output_group.is_empty() {
        report.reject(
            &path.field("outputGroup"),
            "the name of the output group is empty",
            "name an output group",
        );
        return None;
    }
    Some(Pin {
        channel: ChannelId::new(&raw.channel),
        output_group: raw.output_group.as_str().into(),
    })
}
