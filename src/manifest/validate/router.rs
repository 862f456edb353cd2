//! `kind: RouterPool`, and what MediaConnect asks of the destinations in one.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use url::{Host, Url};

use super::pool::validate_disruption;
use super::{check_channel_id, check_metadata, validate_pause};
use crate::manifest::node::FieldPath;
use crate::manifest::raw::{
    RawCause, RawDay, RawDisruption, RawInterrupt, RawOutput, RawRouterPool, RawTier,
};
use crate::manifest::report::Report;
use crate::manifest::words::shown;
use crate::model::{
    ChannelId, Destination, Maintenance, PoolName, RouterArn, RouterPool, RouterSettings, StreamKey, Tier,
};

/// Longest that an output may be kept: a year, by then it is forgotten.
const LONGEST_KEEP: SignedDuration = SignedDuration::from_hours(366 * 24);
/// Longest application and stream name of an RTMP push.
///
/// Source: MediaConnect user guide, "Creating router outputs": at most 1024 printable ASCII characters.
const NAME_LIMIT: usize = 1024;

/// The pool that `raw` declares; `None` where `report` has rejected something.
pub fn validate_router_pool(raw: &RawRouterPool, report: &mut Report) -> Option<RouterPool> {
    let spec = FieldPath::from("spec");
    check_metadata(&raw.metadata, report);
    check_arn(&raw.spec.input, &INPUT, &spec.field("input"), report);
    let path = spec.field("networkInterface");
    check_arn(&raw.spec.network_interface, &INTERFACE, &path, report);
    check_places(raw, &path, report);
    if let Some(source) = &raw.spec.source {
        let path = spec.field("source").field("channel");
        if let Err((message, fix)) = check_channel_id(&source.channel) {
            report.reject(&path, message, fix);
        }
    }
    let settings = validate_output(&raw.spec.output, &spec.field("output"), report);
    let keep = raw
        .spec
        .keep
        .as_ref()
        .and_then(|text| validate_keep(text, &spec.field("keep"), report));
    let path = spec.field("disruption");
    let disruption = validate_disruption(&raw.spec.disruption, &path, report);
    check_disruption(&raw.spec.disruption, &path, report);
    let paused = raw.spec.paused.as_ref();
    let paused = paused.and_then(|pause| validate_pause(pause, &spec.field("paused"), report));
    if report.is_rejected() {
        return None;
    }
    Some(RouterPool {
        name: PoolName::new(&raw.metadata.name),
        input: RouterArn::new(&raw.spec.input),
        network_interface: RouterArn::new(&raw.spec.network_interface),
        source: raw
            .spec
            .source
            .as_ref()
            .map(|source| ChannelId::new(&source.channel)),
        settings,
        keep,
        disruption,
        paused,
    })
}

/// What a field names by its ARN.
struct Named {
    /// In the ARN.
    kind: &'static str,
    words: &'static str,
    /// The command that shows it.
    list: &'static str,
}

const INPUT: Named = Named {
    kind: "routerInput",
    words: "router input",
    list: "aws mediaconnect list-router-inputs",
};
const INTERFACE: Named = Named {
    kind: "routerNetworkInterface",
    words: "router network interface",
    list: "aws mediaconnect list-router-network-interfaces",
};

impl Named {
    fn fix(&self) -> String {
        let Self { kind, words, list } = self;
        format!(
            "write the ARN of a {words}, arn:aws:mediaconnect:REGION:ACCOUNT:{kind}:ID, as {list} shows it"
        )
    }
}

/// Rejects what is no ARN of this kind: `arn:aws:mediaconnect:REGION:ACCOUNT:KIND:ID`.
fn check_arn(text: &str, named: &Named, path: &FieldPath, report: &mut Report) {
    let words = named.words;
    let parts: Vec<&str> = text.split(':').collect();
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_id = |id: &str| {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        id.len() == 12 && id.bytes().all(fits)
    };
    let (message, fix) = match parts.as_slice() {
        ["arn", partition, "mediaconnect", region, account, kind, id] if *kind == named.kind => {
            let why = if !partition.starts_with("aws") {
                "its partition is not aws"
            } else if region.is_empty() {
                "its region is missing"
            } else if account.len() != 12 || !is_digits(account) {
                "its account has not 12 digits"
            } else if !is_id(id) {
                "its id has not 12 lower-case letters and digits"
            } else {
                return;
            };
            (format!("this is not the ARN of a {words}: {why}"), named.fix())
        }
        ["arn", _, "mediaconnect", _, _, "flow", ..] if named.kind == INPUT.kind => (
            format!("this is the ARN of a flow, not of a {words}"),
            format!("make a router input that takes the flow, and {}", named.fix()),
        ),
        ["arn", _, "medialive", _, _, "channel", ..] if named.kind == INPUT.kind => (
            format!("this is the ARN of a MediaLive channel, not of a {words}"),
            format!("make a router input that takes the channel, and {}", named.fix()),
        ),
        ["arn", _, "mediaconnect", _, _, kind, ..] => {
            let other = [INPUT, INTERFACE].into_iter().find(|other| other.kind == *kind);
            match other {
                Some(other) => (
                    format!("this is the ARN of a {}, not of a {words}", other.words),
                    format!(
                        "see whether input and networkInterface are exchanged; {}",
                        named.fix()
                    ),
                ),
                None => (
                    format!("this is the ARN of something else than a {words}"),
                    named.fix(),
                ),
            }
        }
        ["arn", ..] => (
            format!("this is not the ARN of a {words}, but of another service"),
            named.fix(),
        ),
        _ if text.starts_with("eni-") => (
            format!("this is a network interface of EC2, not a {words} of MediaConnect"),
            named.fix(),
        ),
        _ => (
            format!("this is no ARN, and a {words} is named by its ARN"),
            named.fix(),
        ),
    };
    report.reject(path, message, fix);
}

/// Input, interface and zone are of one account and region, as an output that uses them has to be.
fn check_places(raw: &RawRouterPool, interface: &FieldPath, report: &mut Report) {
    let place = |arn: &str| {
        let mut parts = arn.split(':').skip(3);
        Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
    };
    let places = place(&raw.spec.input).zip(place(&raw.spec.network_interface));
    let Some(((region, account), (of_interface, its_account))) = places.filter(|_| !report.is_rejected())
    else {
        return;
    };
    if region != of_interface {
        report.reject(
            interface,
            format!("this interface is in {of_interface}, and the input in {region}"),
            format!("name a router network interface of {region}: an output uses both, in one region"),
        );
    } else if account != its_account {
        report.reject(
            interface,
            "this interface is of another account than the input",
            "name two of one account: an output uses both",
        );
    }
    let zone = raw.spec.output.availability_zone.as_deref();
    if let Some(zone) = zone.filter(|zone| zone.strip_prefix(&*region).is_none_or(str::is_empty)) {
        report.reject(
            &FieldPath::from("spec.output.availabilityZone"),
            format!(
                "{} is no availability zone of {region}, where the input is",
                shown(zone)
            ),
            format!("write the zone of the input: {region}a"),
        );
    }
}

fn validate_output(raw: &RawOutput, path: &FieldPath, report: &mut Report) -> RouterSettings {
    let tier = match raw.tier {
        RawTier::Output20 => Tier::Output20,
        RawTier::Output50 => Tier::Output50,
        RawTier::Output100 => Tier::Output100,
    };
    // A tier that could not be read may be any.
    let most = if report.is_hole(&path.field("tier")) {
        Tier::Output100
    } else {
        tier
    };
    check_bitrate(raw.maximum_bitrate, most, &path.field("maximumBitrate"), report);
    let maintenance = raw.maintenance.as_ref();
    if maintenance.is_some_and(|maintenance| !is_time(&maintenance.time)) {
        report.reject(
            &path.field("maintenance").field("time"),
            "this is not a time of day",
            "write hours and minutes in UTC, in quotes: \"03:00\"",
        );
    }
    RouterSettings {
        tier,
        maximum_bitrate: raw.maximum_bitrate,
        availability_zone: raw.availability_zone.as_deref().map(Arc::from),
        maintenance: maintenance.map(|maintenance| Maintenance {
            day: day(maintenance.day).into(),
            time: maintenance.time.as_str().into(),
        }),
    }
}

/// The lowest bit rate that is taken for one in bits per second: less carries no picture.
const LEAST_BITRATE: u64 = 100_000;

fn check_bitrate(bitrate: u64, tier: Tier, path: &FieldPath, report: &mut Report) {
    if bitrate < LEAST_BITRATE {
        // What is meant: Mbit/s, or kbit/s.
        let meant = match bitrate {
            0 => 8_000_000,
            1..=100 => bitrate * 1_000_000,
            _ => bitrate * 1_000,
        };
        let in_words = if meant % 1_000_000 == 0 {
            format!("{} Mbit/s", meant / 1_000_000)
        } else {
            format!("{} kbit/s", meant / 1_000)
        };
        report.reject(
            path,
            format!("{bitrate} bits per second carry no programme"),
            format!("it is in bits per second: write {meant} for {in_words}"),
        );
    } else if bitrate > tier.most() {
        let larger = [Tier::Output50, Tier::Output100];
        let larger = larger.into_iter().find(|tier| bitrate <= tier.most());
        let larger = larger.map_or_else(String::new, |tier| format!(", or tier: {}", tier.as_str()));
        report.reject(
            path,
            format!(
                "{bitrate} bits per second are more than tier {} carries",
                tier.as_str()
            ),
            format!("write at most {}{larger}; it is in bits per second", tier.most()),
        );
    }
}

/// What `disruption` of a pool of channels has, and no router output needs: each is changed by itself.
fn check_disruption(raw: &RawDisruption, path: &FieldPath, report: &mut Report) {
    let is_of_no_use = !raw.causes.is_empty() && !raw.causes.contains(&RawCause::Retarget);
    if raw.interrupt != RawInterrupt::Never && is_of_no_use {
        report.warn(
            &path.field("for"),
            format!(
                "in a RouterPool only Retarget interrupts, so interrupt: {:?} has no effect",
                raw.interrupt
            ),
            "write for: [Retarget], or interrupt: Never",
        );
    }
    if raw.max_concurrent > 1 {
        report.warn(
            &path.field("maxConcurrent"),
            "it has no effect in a RouterPool: a destination interrupts only itself",
            "remove it",
        );
    }
}

fn day(raw: RawDay) -> &'static str {
    match raw {
        RawDay::Monday => "MONDAY",
        RawDay::Tuesday => "TUESDAY",
        RawDay::Wednesday => "WEDNESDAY",
        RawDay::Thursday => "THURSDAY",
        RawDay::Friday => "FRIDAY",
        RawDay::Saturday => "SATURDAY",
        RawDay::Sunday => "SUNDAY",
    }
}

/// `03:00`
fn is_time(text: &str) -> bool {
    let number = |text: &str, below: u32| {
        text.len() == 2
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && text.parse::<u32>().is_ok_and(|n| n < below)
    };
    text.split_once(':')
        .is_some_and(|(hours, minutes)| number(hours, 24) && number(minutes, 60))
}

fn validate_keep(text: &str, path: &FieldPath, report: &mut Report) -> Option<Duration> {
    let message = match text.parse::<SignedDuration>() {
        Err(_) => "this is not a duration",
        Ok(duration) if duration < SignedDuration::from_mins(1) => "an output is kept for a minute at least",
        Ok(duration) if duration > LONGEST_KEEP => "an output is kept for a year at most",
        Ok(duration) => return Some(duration.unsigned_abs()),
    };
    report.reject(path, message, "write it with units: 24h, 168h");
    None
}

/// What keeps a destination from being pushed to by a router output: field of `spec`, what is wrong, what to do.
///
/// Source: MediaConnect user guide, "Creating router outputs", RTMP push; botocore 1.44.8, `RtmpPushRouterOutputConfiguration`.
pub fn router_mistakes(one: &Destination) -> Vec<(&'static str, String, String)> {
    let mut found = Vec::new();
    let mut tell = |field, what: &str, fix: &str| found.push((field, what.to_owned(), fix.to_owned()));
    // A platform's preset has one for channels with two pipelines; it is not used.
    if one.backup_url.is_some() && !one.is_preset {
        tell(
            "backupUrl",
            "a router output has one target, so a backup URL cannot be used",
            "remove it, or declare the backup ingest as a Destination of its own",
        );
    }
    if one.login.is_some() {
        tell(
            "username",
            "a router output has no user name and password",
            "use a ChannelPool for a server that asks for them, else remove username and passwordParameter",
        );
    }
    if one.pin.is_some() {
        tell(
            "slot",
            "a RouterPool has no slots",
            "remove it, or name a ChannelPool in pool:",
        );
    }
    if let Ok(url) = Url::parse(&one.url) {
        for (what, fix) in url_mistakes(&url) {
            tell("url", what, fix);
        }
    }
    if let StreamKey::Known(key) = &one.key {
        let has_stop = key.reveal().contains(['"', '\\']);
        if has_stop || key.reveal().len() > NAME_LIMIT || !is_printable(key.reveal()) {
            tell(
                "streamKeyFrom",
                "MediaConnect does not take this stream key: at most 1024 printable ASCII characters without quotes and backslashes",
                "see that it is the key and nothing else, or use a ChannelPool",
            );
        }
    }
    found
}

fn url_mistakes(url: &Url) -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    let is_tls = url.scheme() == "rtmps";
    let is_address = match url.host() {
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
        Some(Host::Domain(name)) => name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok(),
        None => false,
    };
    if is_tls && is_address {
        found.push((
            "MediaConnect pushes RTMPS to a domain name only, as it checks the certificate",
            "write the host's name instead of its address",
        ));
    }
    let port = url.port().unwrap_or(if is_tls { 443 } else { 1935 });
    if port < 1024 && !(is_tls && port == 443) {
        found.push((
            "MediaConnect pushes RTMP to ports from 1024 on, and RTMPS to 443 as well",
            "write a port that it takes, or use a ChannelPool",
        ));
    }
    let application = &url[url::Position::BeforePath..];
    let application = application.strip_prefix('/').unwrap_or(application);
    if application.len() > NAME_LIMIT || application.contains(['"', '\\']) || !is_printable(application) {
        found.push((
            "MediaConnect takes at most 1024 printable ASCII characters without quotes and backslashes as application",
            "write the application as the server has it",
        ));
    }
    found
}

fn is_printable(text: &str) -> bool {
    text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) && text.trim() == text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Login, Secret, samples};

    fn fields(change: impl FnOnce(&mut Destination)) -> Vec<&'static str> {
        let mut one = samples::destination("a");
        change(&mut one);
        router_mistakes(&one)
            .into_iter()
            .map(|(field, ..)| field)
            .collect()
    }

    #[test]
    fn what_a_router_output_cannot_do_is_said_of_each_field() {
        assert_eq!(fields(|_| ()), [""; 0]);
        assert_eq!(
            fields(|one| {
                one.backup_url = Some("rtmp://b.example/live".into());
                one.login = Some(Login {
                    username: "me".into(),
                    password_parameter: "/password".into(),
                });
                one.key = StreamKey::Known(Secret::new("a\"b"));
            }),
            ["backupUrl", "username", "streamKeyFrom"]
        );
    }

    #[test]
    fn the_rules_of_an_rtmp_push_are_those_of_mediaconnect() {
        for (url, right) in [
            ("rtmp://a.example/live", true),
            ("rtmp://203.0.113.7:1935/live", true),
            ("rtmp://a.example:80/live", false),
            ("rtmps://a.example/live?backup=1", true),
            ("rtmps://a.example:443/live", true),
            ("rtmps://a.example:444/live", false),
            ("rtmps://203.0.113.7/live", false),
            ("rtmps://[2001:db8::1]/live", false),
        ] {
            assert_eq!(fields(|one| one.url = url.into()).is_empty(), right, "{url}");
        }
    }

    #[test]
    fn times_of_day_have_two_digits_each() {
        for (text, right) in [
            ("03:00", true),
            ("23:59", true),
            ("24:00", false),
            ("3:00", false),
            ("03:0x", false),
        ] {
            assert_eq!(is_time(text), right, "{text}");
        }
    }
}
