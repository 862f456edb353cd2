//! What MediaConnect checks beyond the service model: what refers to what, what fits, and the rules of RTMP.
//!
//! Every problem of a document is reported at once, as a 400; what another resource stands in the way of is a 409. No problem repeats
//! what a member holds.

use std::net::IpAddr;

use serde_json::Value;

use super::create::text;
use super::maintenance::time_of_day;
use super::operation::ResourceKind;
use super::resource::{configuration, link, network_interface};
use super::{Document, Router, State, Terms, unions};
use crate::emulator::error::{ApiError, ErrorKind};

/// What a check needs to know of everything else
pub(super) struct Site<'a> {
    pub(super) router: &'a Router,
    /// The ARN of what is checked, if it exists
    pub(super) of: Option<&'a str>,
    pub(super) terms: Terms<'a>,
}

/// Checks the resource that a creation or an update would leave behind
pub(super) fn check(kind: ResourceKind, doc: &Document, site: &Site<'_>) -> Result<(), ApiError> {
    let mut problems = Vec::new();
    for key in [
        "configuration",
        "maintenanceConfiguration",
        "fabricConfiguration",
        "transitEncryption",
    ] {
        if let Some(value) = doc.get(key) {
            let mut found = Vec::new();
            unions::mismatches(value, key, &mut found);
            problems.extend(
                found
                    .iter()
                    .map(|path| format!("{path} does not match the configuration beside it")),
            );
        }
    }
    place(&mut problems, doc);
    if kind != ResourceKind::NetworkInterface {
        capacity(&mut problems, doc);
        maintenance(&mut problems, doc);
        served(&mut problems, kind, doc);
        interface(&mut problems, doc, site);
    }
    match kind {
        ResourceKind::Output => rtmp(&mut problems, doc),
        ResourceKind::Input => channel(&mut problems, doc, site),
        ResourceKind::NetworkInterface => {}
    }
    if !problems.is_empty() {
        return Err(ApiError::new(ErrorKind::BadRequest, problems.join("; ")));
    }
    conflicts(kind, doc, site)
}

fn place(problems: &mut Vec<String>, doc: &Document) {
    let region = text(doc, "regionName");
    let is_region = region.split('-').count() >= 3
        && region
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !is_region {
        problems.push("regionName is not the name of a Region".into());
    }
    let zone = doc.get("availabilityZone").and_then(Value::as_str);
    let is_zone = |zone: &str| {
        let letter = zone.strip_prefix(region).unwrap_or_default();
        letter.len() == 1 && letter.bytes().all(|byte| byte.is_ascii_lowercase())
    };
    if zone.is_some_and(|zone| !is_zone(zone)) {
        problems.push("availabilityZone is not one of the Region's".into());
    }
}

/// "The tier sets the maximum bitrate, in Mbps" (botocore service model)
fn capacity(problems: &mut Vec<String>, doc: &Document) {
    let bitrate = doc
        .get("maximumBitrate")
        .and_then(Value::as_i64)
        .unwrap_or_default();
    let tier = text(doc, "tier").rsplit('_').next();
    let most = tier
        .and_then(|megabits| megabits.parse::<i64>().ok())
        .unwrap_or_default()
        * 1_000_000;
    if !(1..=most).contains(&bitrate) {
        problems.push(format!(
            "maximumBitrate must be 1 to {most}, which is what the tier carries"
        ));
    }
}

fn maintenance(problems: &mut Vec<String>, doc: &Document) {
    let preferred = doc
        .get("maintenanceConfiguration")
        .and_then(|one| one.get("preferredDayTime"));
    let time = preferred.and_then(|preferred| preferred.get("time")?.as_str());
    if time.is_some_and(|time| time_of_day(time).is_none()) {
        problems
            .push("maintenanceConfiguration.preferredDayTime.time must be a time of day like 03:00".into());
    }
}

/// MediaConnect has more types of inputs and outputs than the emulator serves
fn served(problems: &mut Vec<String>, kind: ResourceKind, doc: &Document) {
    let types: &[&str] = match kind {
        ResourceKind::Output => &["standard"],
        _ => &["standard", "mediaLiveChannel"],
    };
    if configuration(doc).is_some_and(|(of, _)| !types.contains(&of)) {
        problems.push(format!(
            "configuration is of a type that the emulator does not serve; it serves {}",
            types.join(" and ")
        ));
    }
}

fn interface(problems: &mut Vec<String>, doc: &Document, site: &Site<'_>) {
    let Some(arn) = network_interface(doc) else {
        return;
    };
    let path = "configuration.standard.networkInterfaceArn";
    match site.router.known(ResourceKind::NetworkInterface, arn) {
        Err(_) => problems.push(format!("{path} names no network interface that exists")),
        Ok(interface) if interface.text("regionName") != text(doc, "regionName") => {
            problems.push(format!("{path} names a network interface of another Region"));
        }
        Ok(_) => {}
    }
}

/// Longest name of an application or a stream (user guide, creating-router-io)
const RTMP_NAME_MAX: usize = 1_024;

/// The user guide's rules for RTMP Push
fn rtmp(problems: &mut Vec<String>, doc: &Document) {
    let protocol = configuration(doc).and_then(|(_, standard)| standard.get("protocolConfiguration"));
    let Some(push) = protocol.and_then(|protocol| protocol.get("rtmpPush")?.as_object()) else {
        return;
    };
    let path = "configuration.standard.protocolConfiguration.rtmpPush";
    let is_tls = push.contains_key("tlsEncryption");
    let port = push
        .get("destinationPort")
        .and_then(Value::as_i64)
        .unwrap_or_default();
    if !((1_024..=65_535).contains(&port) || (is_tls && port == 443)) {
        let ports = if is_tls {
            "443 or 1024 to 65535"
        } else {
            "1024 to 65535"
        };
        problems.push(format!("{path}.destinationPort must be {ports}"));
    }
    let address = text(push, "destinationAddress");
    let is_ip = address.parse::<IpAddr>().is_ok();
    if !is_ip && !is_host_name(address) {
        problems.push(format!(
            "{path}.destinationAddress must be an IP address or a host name alone"
        ));
    }
    if is_ip && is_tls {
        problems.push(format!(
            "{path}.destinationAddress must be a domain name where TLS is used"
        ));
    }
    for key in ["applicationName", "streamName"] {
        if !is_rtmp_name(text(push, key)) {
            problems.push(format!(
                "{path}.{key} must be 1 to {RTMP_NAME_MAX} printable ASCII characters without double quotes, backslashes, and \
                 spaces at either end"
            ));
        }
    }
}

fn is_rtmp_name(name: &str) -> bool {
    (1..=RTMP_NAME_MAX).contains(&name.len())
        && name
            .bytes()
            .all(|byte| (b' '..=b'~').contains(&byte) && byte != b'"' && byte != b'\\')
        && name.trim() == name
}

fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A name of digits alone is a mistyped address.
    name.len() <= 253 && name.split('.').all(is_label) && name.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// A MediaLive channel's input: ARN, pipeline and output together or none; in one zone, encrypted alike
fn channel(problems: &mut Vec<String>, doc: &Document, site: &Site<'_>) {
    let Some(("mediaLiveChannel", inner)) = configuration(doc) else {
        return;
    };
    let path = "configuration.mediaLiveChannel";
    let named = [
        "mediaLiveChannelArn",
        "mediaLivePipelineId",
        "mediaLiveChannelOutputName",
    ];
    let given = named.iter().filter(|key| inner.contains_key(**key)).count();
    if given == 0 {
        return;
    }
    let Some((channel, pipeline, output)) = link(inner) else {
        problems.push(format!(
            "{path} must have {} together, or none of them",
            named.join(", ")
        ));
        return;
    };
    let channels = site.terms.channels;
    let found = channels
        .iter()
        .find(|one| one.channel == channel && one.pipeline == pipeline && one.name == output);
    let Some(found) = found else {
        problems.push(format!(
            "{path} names no MediaConnect Router output of a channel that exists"
        ));
        return;
    };
    if channel.split(':').nth(3) != Some(text(doc, "regionName")) {
        problems.push(format!("{path} names a channel of another Region"));
    }
    let zone = doc.get("availabilityZone").and_then(Value::as_str);
    if zone.is_some() && found.zone.is_some() && zone != found.zone.as_deref() {
        problems.push("availabilityZone is not one that the channel's output writes to".into());
    }
    let decryption = inner
        .get("sourceTransitDecryption")
        .and_then(|one| one.get("encryptionKeyConfiguration"));
    let decryption = decryption.and_then(|one| one.as_object()?.keys().next());
    if decryption.is_some_and(|one| unions::type_name(one) != found.encryption) {
        problems.push(format!(
            "{path}.sourceTransitDecryption does not match the encryption of the channel's output"
        ));
    }
}

/// What another resource stands in the way of
fn conflicts(kind: ResourceKind, doc: &Document, site: &Site<'_>) -> Result<(), ApiError> {
    let conflict = |text: &str| Err(ApiError::new(ErrorKind::Conflict, text));
    let interface = network_interface(doc).and_then(|arn| site.router.resource(arn));
    if interface.is_some_and(|interface| interface.state() != State::Active) {
        return conflict("The network interface is not ACTIVE.");
    }
    let Some(("mediaLiveChannel", inner)) = configuration(doc).filter(|_| kind == ResourceKind::Input) else {
        return Ok(());
    };
    let wanted = link(inner);
    let is_taken = |one: &super::Resource| one.link() == wanted && Some(one.arn()) != site.of;
    if wanted.is_some() && site.router.resources().any(is_taken) {
        return conflict("The channel's output is connected to another router input.");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(change: impl FnOnce(&mut Value)) -> String {
        let mut push = json!({"destinationAddress": "a.rtmps.youtube.com", "destinationPort": 443,
            "applicationName": "live2", "streamName": "secret", "tlsEncryption": {}});
        change(&mut push);
        let doc = json!({"configuration": {"standard": {"protocolConfiguration": {"rtmpPush": push}}}});
        let mut problems = Vec::new();
        rtmp(&mut problems, doc.as_object().unwrap());
        problems.join("; ")
    }

    #[test]
    fn rtmp_takes_what_the_user_guide_allows() {
        for (key, value) in [
            ("destinationPort", json!(1935)),
            ("applicationName", json!("live2?backup=1")),
            ("streamName", json!("a b~!")),
            ("streamName", json!("x".repeat(1_024))),
            ("destinationAddress", json!("localhost")),
        ] {
            assert_eq!(said(|push| push[key] = value), "", "{key}");
        }
        let plain = said(|push| {
            *push = json!({"destinationAddress": "2001:db8::1", "destinationPort": 1024, "applicationName": "a", "streamName": "b"});
        });
        assert_eq!(plain, "");
    }

    #[test]
    fn rtmp_refuses_the_rest_and_repeats_no_name() {
        for (key, value) in [
            ("destinationPort", json!(444)),
            ("destinationPort", json!(65_536)),
            ("destinationAddress", json!("192.0.2.1")),
            ("destinationAddress", json!("rtmps://secret.example/app")),
            ("destinationAddress", json!("secret.example:443")),
            ("destinationAddress", json!("")),
            ("destinationAddress", json!("1.2.3")),
            ("streamName", json!("")),
            ("streamName", json!(" secret")),
            ("streamName", json!("secret ")),
            ("streamName", json!("sec\"ret")),
            ("streamName", json!("sec\\ret")),
            ("streamName", json!("sécret")),
            ("streamName", json!("sec\nret")),
            ("streamName", json!("x".repeat(1_025))),
            ("applicationName", json!("")),
        ] {
            let said = said(|push| push[key] = value.clone());
            assert!(
                said.contains(&format!("rtmpPush.{key} must be")),
                "{value}: {said}"
            );
            assert!(!said.contains("secret") && !said.contains("xxx"), "{said}");
        }
        let plain = said(|push| {
            push.as_object_mut().unwrap().shift_remove("tlsEncryption");
        });
        assert!(plain.contains("destinationPort must be 1024 to 65535"), "{plain}");
    }
}
