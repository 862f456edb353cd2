//! `kind: ChannelPool`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use globset::{Glob, GlobMatcher};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::pasted::is_partly_invisible;
use super::url::{check_parking_url, parking_as_written};
use super::{check_channel_id, check_metadata, validate_pause};
use crate::manifest::node::FieldPath;
use crate::manifest::raw::{
    RawCause, RawDisruption, RawIdle, RawInterrupt, RawPlacement, RawPool, RawWindow,
};
use crate::manifest::report::Report;
use crate::manifest::words::{is_harmless, nearest, shown};
use crate::model::{
    Cause, ChannelId, ChannelPool, Disruption, Idle, Interrupt, Placement, PoolChannel, PoolName,
    SlotSelector, Window,
};

/// Longest window: for more there is `interrupt: Anytime`.
const LONGEST_WINDOW: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Longest glob: names of output groups are far shorter.
const GLOB_LIMIT: usize = 255;

/// Globs that were compiled before: pools mostly share one, and each takes tens of kilobytes and a fraction of a
/// millisecond.
#[derive(Debug, Default)]
pub struct Globs(BTreeMap<String, GlobMatcher>);

impl Globs {
    fn compile(&mut self, text: &str) -> Result<GlobMatcher, globset::Error> {
        if let Some(known) = self.0.get(text) {
            return Ok(known.clone());
        }
        let glob = Glob::new(text)?.compile_matcher();
        self.0.insert(text.to_owned(), glob.clone());
        Ok(glob)
    }
}

/// The pool that `raw` declares; `None` where `report` has rejected something.
pub fn validate_pool(raw: &RawPool, globs: &mut Globs, report: &mut Report) -> Option<ChannelPool> {
    let spec = FieldPath::from("spec");
    check_metadata(&raw.metadata, report);
    let channels = validate_channels(raw, &spec.field("channels"), report);
    let slots = spec.field("slots");
    let glob = validate_glob(
        globs,
        &raw.spec.slots.output_groups,
        &slots.field("outputGroups"),
        report,
    );
    check_parking_url(&raw.spec.slots.parking_url, &slots.field("parkingUrl"), report);
    let disruption = validate_disruption(&raw.spec.disruption, &spec.field("disruption"), report);
    let paused = match &raw.spec.paused {
        Some(pause) => validate_pause(pause, &spec.field("paused"), report),
        None => None,
    };
    if report.is_rejected() {
        return None;
    }
    Some(ChannelPool {
        name: PoolName::new(&raw.metadata.name),
        channels,
        slots: SlotSelector {
            output_groups: glob?,
            parking_url: parking_as_written(&raw.spec.slots.parking_url),
        },
        placement: match raw.spec.placement {
            RawPlacement::Spread => Placement::Spread,
            RawPlacement::Pack => Placement::Pack,
        },
        idle: match raw.spec.idle {
            RawIdle::Stop => Idle::Stop,
            RawIdle::KeepRunning => Idle::KeepRunning,
        },
        disruption,
        paused,
    })
}

fn validate_channels(raw: &RawPool, path: &FieldPath, report: &mut Report) -> Vec<PoolChannel> {
    if raw.spec.channels.is_empty() {
        report.reject(
            path,
            "a pool has at least one channel",
            "add { id: \"4000001\" } with the id of a channel",
        );
    }
    let mut seen = BTreeSet::new();
    for (index, channel) in raw.spec.channels.iter().enumerate() {
        let at = path.index(index).field("id");
        if let Err((message, fix)) = check_channel_id(&channel.id) {
            report.reject(&at, message, fix);
        } else if !seen.insert(&channel.id) {
            report.reject(
                &at,
                format!("channel {} is listed twice", shown(&channel.id)),
                "remove one of the two",
            );
        } else if !channel.id.bytes().all(|byte| byte.is_ascii_digit()) {
            // It may be that of an emulator.
            let message = format!(
                "{} is not the id of a channel: ids are digits",
                shown(&channel.id)
            );
            report.error(
                &at,
                message,
                "write the last part of its ARN: \"4000001\"; slotwise doctor finds the id of a name",
            );
        }
    }
    let channels = raw.spec.channels.iter();
    channels
        .map(|channel| PoolChannel {
            id: ChannelId::new(&channel.id),
            takeover: channel.takeover,
        })
        .collect()
}

fn validate_glob(
    globs: &mut Globs,
    text: &str,
    path: &FieldPath,
    report: &mut Report,
) -> Option<GlobMatcher> {
    const FIX: &str = "write a glob on the names of the output groups: \"RTMP-Slot-*\"";
    if text.is_empty() {
        report.reject(path, "an empty glob matches no output group", FIX);
        return None;
    }
    if text.len() > GLOB_LIMIT || text.chars().any(char::is_control) {
        let message = format!("a glob is one line of at most {GLOB_LIMIT} bytes");
        report.reject(path, message, FIX);
        return None;
    }
    if text.trim() != text || is_partly_invisible(text) {
        report.reject(
            path,
            "spaces at an end of the glob, or invisible characters in it",
            FIX,
        );
        return None;
    }
    match globs.compile(text) {
        Ok(glob) => Some(glob),
        Err(error) => {
            report.reject(
                path,
                format!("this is not a glob: {}", glob_mistake(error.kind())),
                FIX,
            );
            None
        }
    }
}

/// What is wrong with a glob, without the glob.
fn glob_mistake(kind: &globset::ErrorKind) -> &'static str {
    match kind {
        globset::ErrorKind::UnclosedClass => "a `[` is not closed",
        globset::ErrorKind::UnclosedAlternates => "a `{` is not closed",
        globset::ErrorKind::UnopenedAlternates => "a `}` closes nothing",
        globset::ErrorKind::InvalidRange(..) => "a range in `[…]` runs backwards",
        globset::ErrorKind::DanglingEscape => "it ends with a `\\`",
        _ => "its pattern does not compile",
    }
}

pub(super) fn validate_disruption(raw: &RawDisruption, path: &FieldPath, report: &mut Report) -> Disruption {
    let windows_path = path.field("windows");
    let mut windows = Vec::new();
    for (index, window) in raw.windows.iter().enumerate() {
        windows.extend(validate_window(window, &windows_path.index(index), report));
    }
    if raw.interrupt == RawInterrupt::Window && raw.windows.is_empty() {
        report.reject(
            &path.field("interrupt"),
            "interrupt: Window without any windows never interrupts",
            "add windows: [{ cron: \"0 4 * * *\", duration: 30m }], or write interrupt: Never",
        );
    } else if raw.interrupt != RawInterrupt::Window && !raw.windows.is_empty() {
        let message = format!("these windows have no effect with interrupt: {:?}", raw.interrupt);
        report.warn(&windows_path, message, "write interrupt: Window, or remove them");
    }
    if raw.interrupt != RawInterrupt::Never && raw.causes.is_empty() {
        let message = format!(
            "no change may interrupt, so interrupt: {:?} has no effect",
            raw.interrupt
        );
        report.warn(
            &path.field("for"),
            message,
            "list some of Start, Stop, Retarget, or write interrupt: Never",
        );
    }
    if raw.max_concurrent == 0 {
        let message = "with 0 no channel may ever be interrupted";
        report.reject(
            &path.field("maxConcurrent"),
            message,
            "write 1 or more; interrupt: Never forbids it all",
        );
    }
    Disruption {
        interrupt: match raw.interrupt {
            RawInterrupt::Never => Interrupt::Never,
            RawInterrupt::Window => Interrupt::Window,
            RawInterrupt::Anytime => Interrupt::Anytime,
        },
        causes: raw.causes.iter().copied().map(cause).collect(),
        windows,
        max_concurrent: raw.max_concurrent,
    }
}

fn cause(raw: RawCause) -> Cause {
    match raw {
        RawCause::Start => Cause::Start,
        RawCause::Stop => Cause::Stop,
        RawCause::Retarget => Cause::Retarget,
    }
}

fn validate_window(raw: &RawWindow, path: &FieldPath, report: &mut Report) -> Option<Window> {
    let cron = validate_cron(&raw.cron, &path.field("cron"), report);
    let duration = validate_duration(&raw.duration, &path.field("duration"), report);
    let time_zone = validate_time_zone(&raw.time_zone, &path.field("timeZone"), report);
    Some(Window {
        cron: cron?,
        duration: duration?,
        time_zone: time_zone?,
    })
}

fn validate_cron(text: &str, path: &FieldPath, report: &mut Report) -> Option<Cron> {
    const FIX: &str = "write minute, hour, day of month, month, day of week: \"0 4 * * *\"";
    let parser = CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build();
    let cron = match parser.parse(text) {
        Ok(cron) => cron,
        Err(error) => {
            // The parser may quote what it was given, and begins with the name of its error.
            let error = error.to_string();
            let why = error.split_once(": ").map_or(error.as_str(), |(_, why)| why);
            let why = if is_harmless(text) {
                format!(": {}", why.trim_end_matches('.'))
            } else {
                String::new()
            };
            report.reject(path, format!("this is not a cron pattern{why}"), FIX);
            return None;
        }
    };
    // Any moment does: what is looked for is a pattern that never fires at all, as on February 30.
    let epoch = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
    if cron.find_next_occurrence(&epoch, false).is_err() {
        report.reject(path, "this cron pattern never fires", "name a day that exists");
        return None;
    }
    Some(cron)
}

fn validate_duration(text: &str, path: &FieldPath, report: &mut Report) -> Option<Duration> {
    const FIX: &str = "write it with units: 30m, 1h30m";
    let message = match text.parse::<SignedDuration>() {
        Err(_) => "this is not a duration",
        Ok(duration) if duration < SignedDuration::from_secs(1) => "a window is open for a second at least",
        Ok(duration) if duration > LONGEST_WINDOW => "a window is open for 7 days (168h) at most",
        Ok(duration) => return Some(duration.unsigned_abs()),
    };
    report.reject(path, message, FIX);
    None
}

fn validate_time_zone(text: &str, path: &FieldPath, report: &mut Report) -> Option<TimeZone> {
    if let Ok(zone) = TimeZone::get(text) {
        return Some(zone);
    }
    let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    let fix = match nearest(text, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write a name of the IANA time zone database: Europe/Berlin".to_owned(),
    };
    report.reject(path, format!("there is no time zone {}", shown(text)), fix);
    None
}
