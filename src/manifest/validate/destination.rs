//! `kind: Destination`.

use super::key::validate_key;
use super::login::validate_login;
use super::url::{as_written, check_no_key, check_url};
use super::{check_channel_id, check_metadata, validate_pause};
use crate::manifest::node::FieldPath;
use crate::manifest::raw::{RawDestination, RawDestinationSpec, RawPin, RawState};
use crate::manifest::reference::{KeyLookup, KeyReference};
use crate::manifest::report::Report;
use crate::manifest::words::has_key_form;
use crate::model::{
    ChannelId, Destination, DestinationName, Endpoint, GroupName, Identity, Pin, PoolName, Secret, StreamKey,
    WantedState,
};

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
    let login = validate_login(&raw.spec, report);
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
        identity: match report.document().item() {
            Some(item) => item.id.identity.clone(),
            None => Identity::new(&raw.metadata.name),
        },
        pool: PoolName::new(&raw.spec.pool),
        state: match raw.spec.state {
            RawState::Streaming => WantedState::Streaming,
            RawState::Ready => WantedState::Ready,
        },
        url: as_written(&url?),
        backup_url: backup_url.as_deref().map(as_written),
        is_preset: raw.spec.platform.is_some(),
        login,
        key: key?,
        group: raw.spec.group.as_deref().map(GroupName::new),
        priority: raw.spec.priority,
        interruptible: raw.spec.interruptible,
        pin,
        paused,
        // Without a number of its own the source counts.
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
                let message = format!("platform: {} decides about the backup itself", platform.0.name);
                report.reject(
                    &backup_at,
                    message,
                    "remove it, or give url and backupUrl instead of platform",
                );
            }
            let preset = platform.0;
            (Some(preset.url.to_owned()), preset.backup_url.map(str::to_owned))
        }
        (None, Some(url)) => {
            if let Some(backup) = &spec.backup_url {
                check_backup(url, backup, &backup_at, report);
            }
            (Some(url.clone()), spec.backup_url.clone())
        }
        (Some(platform), Some(_)) => {
            let message = format!(
                "{} and {}: {} both say where to stream to",
                report.called("spec.url"),
                report.called("spec.platform"),
                platform.0.name
            );
            report.reject(&url_at, message, "remove one of the two");
            (None, None)
        }
        // The value of platform is wrong and was reported.
        (None, None) if report.is_hole(&at.field("platform")) => (None, None),
        (None, None) => {
            let fix = format!(
                "add {}: youtube, twitch, facebook, kick or x, or {}: rtmps://HOST/APP",
                report.called("spec.platform"),
                report.called("spec.url")
            );
            report.reject_missing(&url_at, "nothing says where to stream to", fix);
            (None, None)
        }
    }
}

/// Two pipelines that publish one stream throw each other out.
fn check_backup(url: &str, backup: &str, at: &FieldPath, report: &mut Report) {
    // Whatever the key is, both have it.
    let endpoint = |url: &str| Endpoint::new(url, Secret::new("any"));
    let (one, other) = (endpoint(url), endpoint(backup));
    let (url, backup) = (report.called("spec.url"), report.called("spec.backupUrl"));
    if one.canonical() == other.canonical() {
        let message = format!("{backup} is the same as {url}: the two pipelines would throw each other out");
        report.reject(at, message, "name another ingest, or remove it");
    } else if one.stream() == other.stream() && one.is_backup_ingest() == other.is_backup_ingest() {
        let message =
            format!("{backup} takes the same stream as {url}: the two pipelines would throw each other out");
        report.error(at, message, "name an ingest for backups, or remove it");
    }
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
