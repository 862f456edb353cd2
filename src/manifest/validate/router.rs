//! `kind: RouterPool`, and what MediaConnect asks of the destinations in one.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use url::{Host, Url};

use super::pool::validate_disruption;
use super::{check_channel_id, check_metadata, validate_pause};
use crate::manifest::node::FieldPath;
use crate::manifest::raw::{RawDay, RawOutput, RawRouterPool, RawTier};
use crate::manifest::report::Report;
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
    check_arn(&raw.spec.input, "routerInput", &spec.field("input"), report);
    check_arn(
        &raw.spec.network_interface,
        "routerNetworkInterface",
        &spec.field("networkInterface"),
        report,
    );
    if let Some(source) = &raw.spec.source {
        let path = spec.field("source");
        match check_channel_id(&source.channel) {
            Err((message, fix)) => report.reject(&path.field("channel"), message, fix),
            // It would start and stop a channel by rules that are not written yet.
            Ok(()) => report.reject(
                &path,
                "starting and stopping what feeds the input is not supported yet",
                "remove it, and start and stop the channel and the input yourself",
            ),
        }
    }
    let settings = validate_output(&raw.spec.output, &spec.field("output"), report);
    let keep = raw
        .spec
        .keep
        .as_ref()
        .and_then(|text| validate_keep(text, &spec.field("keep"), report));
    let disruption = validate_disruption(&raw.spec.disruption, &spec.field("disruption"), report);
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

/// Rejects what is no ARN of this kind: `arn:aws:mediaconnect:REGION:ACCOUNT:KIND:ID`.
fn check_arn(text: &str, kind: &str, path: &FieldPath, report: &mut Report) {
    let parts: Vec<&str> = text.split(':').collect();
    let fix = format!("write it as arn:aws:mediaconnect:REGION:ACCOUNT:{kind}:ID, as the console shows it");
    let ["arn", partition, "mediaconnect", region, account, found, id] = parts.as_slice() else {
        report.reject(path, format!("this is not the ARN of a {kind}"), fix);
        return;
    };
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let is_id = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_right = partition.starts_with("aws")
        && !region.is_empty()
        && is_account
        && id.len() == 12
        && id.bytes().all(is_id);
    if *found != kind {
        report.reject(
            path,
            format!("this is the ARN of a {found}, not of a {kind}"),
            fix,
        );
    } else if !is_right {
        report.reject(path, format!("this is not the ARN of a {kind}"), fix);
    }
}

fn validate_output(raw: &RawOutput, path: &FieldPath, report: &mut Report) -> RouterSettings {
    let tier = match raw.tier {
        RawTier::Output20 => Tier::Output20,
        RawTier::Output50 => Tier::Output50,
        RawTier::Output100 => Tier::Output100,
    };
    let bitrate = path.field("maximumBitrate");
    if raw.maximum_bitrate == 0 {
        report.reject(
            &bitrate,
            "an output carries at least 1 bit per second",
            "write 8000000 for 8 Mbit/s",
        );
    } else if raw.maximum_bitrate > tier.most() {
        let message = format!(
            "{} bits per second are more than tier {:?} carries",
            raw.maximum_bitrate, raw.tier
        );
        let fix = format!(
            "write at most {}, or a larger tier; it is in bits per second",
            tier.most()
        );
        report.reject(&bitrate, message, fix);
    } else if raw.maximum_bitrate < 100_000 {
        let message = format!("{} bits per second carry no programme", raw.maximum_bitrate);
        report.warn(
            &bitrate,
            message,
            "it is in bits per second: 8000000 for 8 Mbit/s",
        );
    }
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
            "use a ChannelPool for a server that asks for them",
        );
    }
    if one.pin.is_some() {
        tell("slot", "a RouterPool has no slots", "remove it");
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
                "the stream key has a character that MediaConnect does not take: printable ASCII without quotes and backslashes",
                "ask the platform for another key",
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
