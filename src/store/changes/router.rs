//! What differs between two declarations of a RouterPool, field by field.

use std::time::Duration;

use super::pool::{disruption, paused};
use crate::model::{ChannelId, Maintenance, RouterPool};

/// In words; `None` where nothing differs.
pub(super) fn differences(old: &RouterPool, new: &RouterPool) -> Option<String> {
    let mut words = Vec::new();
    words.extend(another("input", &old.input, &new.input));
    words.extend(another(
        "networkInterface",
        &old.network_interface,
        &new.network_interface,
    ));
    let source = |pool: &RouterPool| pool.source.as_ref().map_or_else(none, ChannelId::to_string);
    words.extend(arrow("source.channel", [old, new].map(source)));
    let settings = [&old.settings, &new.settings];
    words.extend(arrow("tier", settings.map(|one| one.tier.as_str())));
    words.extend(arrow("maximumBitrate", settings.map(|one| one.maximum_bitrate)));
    let zones = settings.map(|one| one.availability_zone.as_deref().map_or_else(none, str::to_owned));
    words.extend(arrow("availabilityZone", zones));
    let weekly = |at: &Maintenance| format!("{} {}", at.day, at.time);
    let times = settings.map(|one| one.maintenance.as_ref().map_or_else(none, weekly));
    words.extend(arrow("maintenance", times));
    let minutes = |keep: Duration| format!("{} min", keep.as_secs() / 60);
    let kept = [old.keep, new.keep].map(|keep| keep.map_or_else(none, minutes));
    words.extend(arrow("keep", kept));
    words.extend(disruption(&old.disruption, &new.disruption));
    words.extend(paused(old.paused.as_ref(), new.paused.as_ref()));
    (!words.is_empty()).then(|| words.join(", "))
}

fn none() -> String {
    "none".to_owned()
}

/// ARNs are too long to be read side by side.
fn another<T: PartialEq>(name: &str, old: &T, new: &T) -> Option<String> {
    (old != new).then(|| format!("another {name}"))
}

fn arrow<T: PartialEq + std::fmt::Display>(name: &str, [old, new]: [T; 2]) -> Option<String> {
    (old != new).then(|| format!("{name} {old} → {new}"))
}
