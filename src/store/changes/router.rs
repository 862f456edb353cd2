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
    words.extend(arrow("source.channel", source(old), source(new)));
    let (was, is) = (&old.settings, &new.settings);
    words.extend(arrow("tier", was.tier.as_str(), is.tier.as_str()));
    words.extend(arrow("maximumBitrate", was.maximum_bitrate, is.maximum_bitrate));
    let zone = |zone: Option<&str>| zone.map_or_else(none, str::to_owned);
    let zones = [&was.availability_zone, &is.availability_zone].map(|one| zone(one.as_deref()));
    let [was_in, is_in] = zones;
    words.extend(arrow("availabilityZone", was_in, is_in));
    let weekly = |at: Option<&Maintenance>| at.map_or_else(none, |at| format!("{} {}", at.day, at.time));
    let hours = [&was.maintenance, &is.maintenance].map(|one| weekly(one.as_ref()));
    let [was_at, is_at] = hours;
    words.extend(arrow("maintenance", was_at, is_at));
    let keep = |keep: Option<Duration>| keep.map_or_else(none, |keep| format!("{} min", keep.as_secs() / 60));
    words.extend(arrow("keep", keep(old.keep), keep(new.keep)));
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

fn arrow<T: PartialEq + std::fmt::Display>(name: &str, old: T, new: T) -> Option<String> {
    (old != new).then(|| format!("{name} {old} → {new}"))
}
