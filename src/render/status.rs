//! What is true now, as a table and as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::feeds::{self, FeedDocument};
use super::plan::RUNS_WITHOUT_SLOT;
use super::plan_json::{Slot, pretty, slot};
use super::style::{Style, Tone};
use super::table::{Table, cell};
use crate::model::{ChannelState, DestinationName, MaintenanceWindow, OutputState, PoolName, WantedState};
use crate::plan::reason::Names;
use crate::plan::waiting::Approximately;
use crate::status::{ChannelStatus, Condition, DestinationStatus, OutputStatus, Phase, Status};

/// `formatVersion` of [`status_json`].
pub const FORMAT_VERSION: u32 = 1;

/// `status` as tables. `now`, where known, gives for how long each destination has been in its phase.
pub fn status(status: &Status, now: Option<Timestamp>, style: Style) -> String {
    let mut lines = Vec::new();
    if status.destinations.is_empty() {
        lines.push("No destinations are declared.".to_owned());
    } else {
        lines.extend(destinations(&status.destinations, now, style));
    }
    for (names, destination) in groups(&status.destinations) {
        lines.push(String::new());
        lines.push(format!(
            "{} {} {}: {}",
            style.paint(Tone::Strong, Names(&names)),
            if names.len() == 1 { "is" } else { "are" },
            style.paint(tone(destination.phase), destination.phase),
            style.paint(Tone::Waits, destination.reason)
        ));
        let mut table = Table::default();
        table.row([cell(Tone::Plain, &destination.message)]);
        if !destination.ways_out.is_empty() {
            let ways = format!("ways out: {}", destination.ways_out.join(" · "));
            table.row([cell(Tone::Muted, ways)]);
        }
        lines.extend(table.lines(style, 2));
    }
    if !status.channels.is_empty() {
        lines.push(String::new());
        lines.extend(channels(status, style));
    }
    if !status.outputs.is_empty() {
        lines.push(String::new());
        lines.extend(outputs(status, style));
    }
    if !status.feeds.is_empty() {
        lines.push(String::new());
        lines.extend(feeds::all(&status.feeds, style));
    }
    let unusual = conditions(&status.conditions, style);
    if !unusual.is_empty() {
        lines.push(String::new());
        lines.extend(unusual);
    }
    lines.join("\n") + "\n"
}

/// `status` as indented JSON that ends with a line feed: `formatVersion`, `destinations[]`, `channels[]`, `outputs[]` where
/// there are router outputs, `conditions[]`, each field always there.
pub fn status_json(status: &Status) -> String {
    pretty(&StatusDocument {
        format_version: FORMAT_VERSION,
        destinations: status
            .destinations
            .iter()
            .map(|one| destination_document(one))
            .collect(),
        channels: status.channels.iter().map(channel_document).collect(),
        outputs: status.outputs.iter().map(output_document).collect(),
        feeds: status.feeds.iter().map(feeds::document).collect(),
        conditions: &status.conditions,
    })
}

/// The destinations of [`status_json`] that `keep` accepts, with the conditions of the whole.
pub fn destinations_json(status: &Status, keep: impl Fn(&DestinationStatus) -> bool) -> String {
    let kept = status.destinations.iter().filter(|one| keep(one));
    pretty(&DestinationsDocument {
        format_version: FORMAT_VERSION,
        destinations: kept.map(|one| destination_document(one)).collect(),
        conditions: &status.conditions,
    })
}

/// One of the destinations of [`status_json`], with a `formatVersion` of its own.
pub fn destination_json(destination: &DestinationStatus) -> String {
    pretty(&OneDocument {
        format_version: FORMAT_VERSION,
        destination: destination_document(destination),
    })
}

/// The channels of [`status_json`], with the conditions of the whole.
pub fn channels_json(status: &Status) -> String {
    pretty(&ChannelsDocument {
        format_version: FORMAT_VERSION,
        channels: status.channels.iter().map(channel_document).collect(),
        conditions: &status.conditions,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DestinationsDocument<'a> {
    format_version: u32,
    destinations: Vec<DestinationDocument<'a>>,
    conditions: &'a [Condition],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OneDocument<'a> {
    format_version: u32,
    #[serde(flatten)]
    destination: DestinationDocument<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChannelsDocument<'a> {
    format_version: u32,
    channels: Vec<ChannelDocument<'a>>,
    conditions: &'a [Condition],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusDocument<'a> {
    format_version: u32,
    destinations: Vec<DestinationDocument<'a>>,
    channels: Vec<ChannelDocument<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    outputs: Vec<OutputDocument<'a>>,
    /// Of RouterPools with a source.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    feeds: Vec<FeedDocument>,
    conditions: &'a [Condition],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DestinationDocument<'a> {
    name: &'a str,
    pool: Option<&'a str>,
    wanted: Option<WantedState>,
    phase: Phase,
    reason: &'static str,
    message: &'a str,
    ways_out: &'a [String],
    slot: Option<Slot>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a str>,
    since: Timestamp,
    observed_generation: u64,
    conditions: Vec<Condition>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChannelDocument<'a> {
    id: &'a str,
    name: &'a str,
    pool: Option<&'a str>,
    state: Option<ChannelState>,
    slots: Vec<SlotDocument<'a>>,
    waiting: Option<WaitingDocument<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutputDocument<'a> {
    arn: &'a str,
    name: &'a str,
    pool: Option<&'a str>,
    state: OutputState,
    on_air: bool,
    carries: &'a str,
    waiting: Option<WaitingDocument<'a>>,
    messages: &'a [String],
    maintenance: Option<MaintenanceWindow>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SlotDocument<'a> {
    output_group: &'a str,
    holds: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WaitingDocument<'a> {
    code: &'static str,
    message: &'a str,
}

fn destination_document(of: &DestinationStatus) -> DestinationDocument<'_> {
    DestinationDocument {
        name: of.name.as_str(),
        pool: of.pool.as_ref().map(PoolName::as_str),
        wanted: of.wanted,
        phase: of.phase,
        reason: of.reason,
        message: &of.message,
        ways_out: &of.ways_out,
        slot: of.slot.as_ref().map(slot),
        output: of.output.as_deref(),
        since: of.since,
        observed_generation: of.observed_generation,
        conditions: of.conditions(),
    }
}

fn channel_document(of: &ChannelStatus) -> ChannelDocument<'_> {
    let slots = of
        .slots
        .iter()
        .map(|(output_group, holds)| SlotDocument { output_group, holds });
    ChannelDocument {
        id: of.id.as_str(),
        name: &of.name,
        pool: of.pool.as_ref().map(PoolName::as_str),
        state: of.state,
        slots: slots.collect(),
        waiting: of
            .waiting
            .as_ref()
            .map(|(code, message)| WaitingDocument { code, message }),
    }
}

fn output_document(of: &OutputStatus) -> OutputDocument<'_> {
    OutputDocument {
        arn: of.arn.as_str(),
        name: &of.name,
        pool: of.pool.as_ref().map(PoolName::as_str),
        state: of.state,
        on_air: of.on_air,
        carries: &of.carries,
        waiting: of
            .waiting
            .as_ref()
            .map(|(code, message, _)| WaitingDocument { code, message }),
        messages: &of.messages,
        maintenance: of.maintenance,
    }
}

fn destinations(of: &[Arc<DestinationStatus>], now: Option<Timestamp>, style: Style) -> Vec<String> {
    let mut table = Table::default();
    let duration = |text| now.map(|_| cell(Tone::Muted, text));
    table.row_of(
        ["DESTINATION", "POOL", "WANTED", "PHASE"]
            .map(|head| cell(Tone::Muted, head))
            .into_iter()
            .chain(duration("FOR".to_owned()))
            .chain([cell(Tone::Muted, "SLOT")]),
    );
    for one in of {
        let wanted = one
            .wanted
            .map_or_else(|| "?".to_owned(), |wanted| format!("{wanted:?}"));
        let slot = one.slot.as_ref().map(ToString::to_string);
        let output = || one.output.as_ref().map(ToString::to_string);
        let slot = slot.or_else(output).unwrap_or_else(|| "-".to_owned());
        let time = now.map_or(Duration::ZERO, |now| elapsed(one.since, now));
        let before = [
            cell(Tone::Strong, &one.name),
            cell(Tone::Plain, one.pool.as_ref().map_or("?", PoolName::as_str)),
            cell(Tone::Plain, wanted),
            cell(tone(one.phase), one.phase),
        ];
        let time = duration(Approximately(time).to_string());
        table.row_of(before.into_iter().chain(time).chain([cell(Tone::Plain, slot)]));
    }
    table.lines(style, 0)
}

fn channels(status: &Status, style: Style) -> Vec<String> {
    // A channel that keeps its destinations off air is told with them.
    let told: BTreeSet<&str> = status.destinations.iter().map(|one| &*one.message).collect();
    let mut table = Table::default();
    table.row(["CHANNEL", "NAME", "POOL", "STATE", "SLOTS"].map(|head| cell(Tone::Muted, head)));
    for one in &status.channels {
        let slots: Vec<String> = one
            .slots
            .iter()
            .map(|(group, holds)| format!("{group} = {holds}"))
            .collect();
        table.row([
            cell(Tone::Strong, &one.id),
            cell(Tone::Plain, &one.name),
            cell(
                Tone::Plain,
                one.pool.as_ref().map_or("(no pool)", PoolName::as_str),
            ),
            cell(Tone::Plain, one.state.map_or("not seen", ChannelState::as_str)),
            cell(Tone::Plain, slots.join(", ")),
        ]);
        if let Some((code, message)) = &one.waiting {
            table.row([
                cell(Tone::Plain, ""),
                cell(Tone::Plain, ""),
                cell(Tone::Plain, ""),
                cell(Tone::Waits, "waits"),
                cell(
                    Tone::Waits,
                    if told.contains(message.as_str()) {
                        (*code).to_owned()
                    } else {
                        format!("{code}: {message}")
                    },
                ),
            ]);
        } else if one.pool.is_none()
            && one.slots.is_empty()
            && one.state.is_some_and(ChannelState::is_running)
        {
            table.row([
                cell(Tone::Plain, ""),
                cell(Tone::Plain, ""),
                cell(Tone::Plain, ""),
                cell(Tone::Muted, "runs"),
                cell(Tone::Muted, RUNS_WITHOUT_SLOT),
            ]);
        }
    }
    table.lines(style, 0)
}

/// Destinations of which there is the same to say: what keeps one often keeps many.
fn groups(of: &[Arc<DestinationStatus>]) -> Vec<(Vec<DestinationName>, &DestinationStatus)> {
    let mut groups: Vec<(Vec<DestinationName>, &DestinationStatus)> = Vec::new();
    let mut index: BTreeMap<(Phase, &str, &str, &[String]), usize> = BTreeMap::new();
    for one in of.iter().filter(|one| says_more(one)) {
        let key = (one.phase, one.reason, &*one.message, one.ways_out.as_slice());
        let at = *index.entry(key).or_insert_with(|| {
            groups.push((Vec::new(), one));
            groups.len() - 1
        });
        groups[at].0.push(one.name.clone());
    }
    groups
}

fn outputs(status: &Status, style: Style) -> Vec<String> {
    let more = |table: &mut Table, head: &str, text: String| {
        table.row([
            cell(Tone::Plain, ""),
            cell(Tone::Plain, ""),
            cell(Tone::Waits, head),
            cell(Tone::Waits, text),
        ]);
    };
    let mut table = Table::default();
    table.row(["ROUTER OUTPUT", "POOL", "STATE", "CARRIES"].map(|head| cell(Tone::Muted, head)));
    for one in &status.outputs {
        table.row([
            cell(Tone::Strong, &one.name),
            cell(
                Tone::Plain,
                one.pool.as_ref().map_or("(no pool)", PoolName::as_str),
            ),
            cell(Tone::Plain, one.state),
            cell(Tone::Plain, &one.carries),
        ]);
        if let Some((code, message, ways_out)) = &one.waiting {
            let ways = format!("ways out: {}", ways_out.join(" · "));
            more(&mut table, "waits", format!("{code}: {message}"));
            if !ways_out.is_empty() {
                more(&mut table, "", ways);
            }
        }
        // Those of an output on air are told with its destination.
        let destination = status.destination(&one.carries);
        let is_told = destination.is_some_and(|destination| destination.is_degraded());
        for message in one.messages.iter().filter(|_| !is_told) {
            more(&mut table, "message", message.clone());
        }
    }
    table.lines(style, 0)
}

/// Global conditions that are not as they should be; those that are need no words.
fn conditions(of: &[Condition], style: Style) -> Vec<String> {
    let mut table = Table::default();
    for one in of.iter().filter(|one| !one.is_as_it_should_be()) {
        table.row([
            cell(Tone::Bad, format!("{} is {:?}", one.kind, one.status)),
            cell(Tone::Plain, format!("{}: {}", one.reason, one.message)),
        ]);
    }
    table.lines(style, 0)
}

/// Whether the table alone does not answer "why".
fn says_more(destination: &DestinationStatus) -> bool {
    !destination.ways_out.is_empty()
        || destination.is_degraded()
        || matches!(destination.phase, Phase::Error | Phase::Pending | Phase::Stopping)
}

fn elapsed(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}

pub(super) fn tone(phase: Phase) -> Tone {
    match phase {
        Phase::Ready => Tone::Muted,
        Phase::Pending | Phase::Stopping => Tone::Waits,
        Phase::Starting => Tone::Change,
        Phase::Streaming => Tone::Good,
        Phase::Error => Tone::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SlotId;
    use crate::status::{ConditionStatus, Conditions};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn sample() -> Status {
        let destination = |name: &str, wanted, phase| DestinationStatus {
            name: name.into(),
            pool: Some("main".into()),
            wanted: Some(wanted),
            phase,
            reason: "OnAir",
            message: "on air here".into(),
            ways_out: Vec::new(),
            slot: None,
            output: None,
            since: at(1_000),
            observed_generation: 1,
            conditions: Conditions::default(),
        };
        let youtube = DestinationStatus {
            slot: Some(SlotId::new("4000001", "RTMP-Slot-1")),
            ..destination("youtube-main", WantedState::Streaming, Phase::Streaming)
        };
        let facebook = DestinationStatus {
            reason: "NoFreeSlot",
            message: "every slot of pool main that could carry it is taken".into(),
            ways_out: vec!["add a channel to pool main".to_owned()],
            ..destination("facebook", WantedState::Streaming, Phase::Pending)
        };
        let broken = DestinationStatus {
            pool: None,
            wanted: None,
            reason: "Invalid",
            message: "spec.url: not a URL; write rtmp://host/app".into(),
            ..destination("broken", WantedState::Ready, Phase::Error)
        };
        let channel = ChannelStatus {
            id: "4000001".into(),
            name: "live-1".to_owned(),
            pool: Some("main".into()),
            state: Some(ChannelState::Running),
            slots: vec![
                ("RTMP-Slot-1".to_owned(), "youtube-main".to_owned()),
                ("RTMP-Slot-2".to_owned(), "parked".to_owned()),
            ],
            waiting: Some(("ChannelRecovering", "4000001 is RECOVERING".to_owned())),
        };
        let condition = |kind, status| Condition {
            kind,
            status,
            reason: "FileUnreadable",
            message: "live/a.yaml cannot be read".into(),
            last_transition_time: at(1_000),
            observed_generation: 0,
        };
        Status {
            feeds: Vec::new(),
            destinations: [broken, facebook, youtube].map(Arc::new).into(),
            channels: vec![channel],
            outputs: Vec::new(),
            conditions: vec![
                condition("SourceTrusted", ConditionStatus::False),
                condition("Leader", ConditionStatus::True),
            ],
        }
    }

    #[test]
    fn a_channel_in_no_pool_that_runs_on_says_so() {
        let mut left = sample();
        let channel = &mut left.channels[0];
        (channel.pool, channel.waiting) = (None, None);
        channel.slots.clear();
        let text = status(&left, Some(at(1_125)), Style::PLAIN);
        // It may be wrapped.
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(RUNS_WITHOUT_SLOT), "{text}");
    }

    #[test]
    fn the_table_shows_every_destination_and_why_one_waits() {
        insta::assert_snapshot!(status(&sample(), Some(at(1_125)), Style::PLAIN), @"
        DESTINATION   POOL  WANTED     PHASE      FOR        SLOT
        broken        ?     ?          Error      2 min 5 s  -
        facebook      main  Streaming  Pending    2 min 5 s  -
        youtube-main  main  Streaming  Streaming  2 min 5 s  4000001/RTMP-Slot-1

        broken is Error: Invalid
          spec.url: not a URL; write rtmp://host/app

        facebook is Pending: NoFreeSlot
          every slot of pool main that could carry it is taken
          ways out: add a channel to pool main

        CHANNEL  NAME    POOL  STATE    SLOTS
        4000001  live-1  main  RUNNING  RTMP-Slot-1 = youtube-main, RTMP-Slot-2 = parked
                               waits    ChannelRecovering: 4000001 is RECOVERING

        SourceTrusted is False  FileUnreadable: live/a.yaml cannot be read
        ");
    }

    #[test]
    fn a_single_look_does_not_say_for_how_long() {
        let text = status(&sample(), None, Style::PLAIN);
        assert!(
            text.starts_with("DESTINATION   POOL  WANTED     PHASE      SLOT\n"),
            "{text}"
        );
    }

    #[test]
    fn nothing_declared_is_said() {
        let text = status(&Status::default(), None, Style::PLAIN);
        assert_eq!(text, "No destinations are declared.\n");
    }

    #[test]
    fn json_has_every_field() {
        insta::assert_snapshot!(status_json(&sample()), @r#"
        {
          "formatVersion": 1,
          "destinations": [
            {
              "name": "broken",
              "pool": null,
              "wanted": null,
              "phase": "Error",
              "reason": "Invalid",
              "message": "spec.url: not a URL; write rtmp://host/app",
              "waysOut": [],
              "slot": null,
              "since": "1970-01-01T00:16:40Z",
              "observedGeneration": 1,
              "conditions": []
            },
            {
              "name": "facebook",
              "pool": "main",
              "wanted": "Streaming",
              "phase": "Pending",
              "reason": "NoFreeSlot",
              "message": "every slot of pool main that could carry it is taken",
              "waysOut": [
                "add a channel to pool main"
              ],
              "slot": null,
              "since": "1970-01-01T00:16:40Z",
              "observedGeneration": 1,
              "conditions": []
            },
            {
              "name": "youtube-main",
              "pool": "main",
              "wanted": "Streaming",
              "phase": "Streaming",
              "reason": "OnAir",
              "message": "on air here",
              "waysOut": [],
              "slot": {
                "channel": "4000001",
                "outputGroup": "RTMP-Slot-1"
              },
              "since": "1970-01-01T00:16:40Z",
              "observedGeneration": 1,
              "conditions": []
            }
          ],
          "channels": [
            {
              "id": "4000001",
              "name": "live-1",
              "pool": "main",
              "state": "RUNNING",
              "slots": [
                {
                  "outputGroup": "RTMP-Slot-1",
                  "holds": "youtube-main"
                },
                {
                  "outputGroup": "RTMP-Slot-2",
                  "holds": "parked"
                }
              ],
              "waiting": {
                "code": "ChannelRecovering",
                "message": "4000001 is RECOVERING"
              }
            }
          ],
          "conditions": [
            {
              "type": "SourceTrusted",
              "status": "False",
              "reason": "FileUnreadable",
              "message": "live/a.yaml cannot be read",
              "lastTransitionTime": "1970-01-01T00:16:40Z",
              "observedGeneration": 0
            },
            {
              "type": "Leader",
              "status": "True",
              "reason": "FileUnreadable",
              "message": "live/a.yaml cannot be read",
              "lastTransitionTime": "1970-01-01T00:16:40Z",
              "observedGeneration": 0
            }
          ]
        }
        "#);
    }
}
