//! What happened, a line each: to find out why a life failed.

use std::fmt::Write as _;

use slotwise::testing::controller::Event;
use slotwise::testing::emulator::{Emulator, World};
use slotwise::testing::model::{Desired, StreamKey};
use tokio::time::Instant;

use super::reading::{owner, slots};
use super::world::{CANARY, PARKING};

/// Lines of a timeline that are shown up to a failure, or to the end.
const SHOWN: usize = 100;

/// Lines that are shown from a failure on.
const SHOWN_AFTER: usize = 20;

/// An event in a line; empty where it is not worth one.
pub(super) fn brief(process: &str, event: &Event) -> String {
    let text = match event {
        Event::Planned(plan) => {
            let steps = plan
                .steps()
                .map(|(channel, step)| format!("{}:{}", channel.id, step.action.name()));
            format!("planned {}", steps.collect::<Vec<_>>().join(" "))
        }
        Event::PhaseChanged {
            destination,
            from,
            to,
            message,
            ..
        } => match from {
            Some(from) => format!("{destination} {from:?} -> {to:?}: {message}"),
            None => format!("{destination} {to:?}: {message}"),
        },
        Event::StepBegun { .. } | Event::SourceLoaded { .. } => return String::new(),
        Event::StateChanged {
            channel, from, to, ..
        } => match from {
            Some(from) => format!("channel {channel} {from} -> {to}"),
            None => return String::new(),
        },
        Event::StepEnded {
            channel,
            action,
            outcome,
            ..
        } => format!("{action} {channel}: {outcome:?}"),
        other => format!("{other:?}"),
    };
    format!("  {process} {text}")
}

/// The last lines of what happened until a failure, in the order of time.
pub(super) fn text(begun: Instant, mut lines: Vec<(Instant, String)>) -> String {
    lines.retain(|(_, line)| !line.is_empty());
    // Events of a process are read a little later than they happened.
    lines.sort_by_key(|(at, _)| *at);
    // Until the next action a life continues after a failure; the reports of that moment are part of it.
    let broken = lines.iter().position(|(_, line)| line.starts_with("BROKEN"));
    lines.truncate(broken.map_or(lines.len(), |at| at + SHOWN_AFTER));
    let shown = lines.len().saturating_sub(SHOWN);
    let mut text = String::new();
    if shown > 0 {
        let _written = writeln!(text, "          ({shown} lines before)");
    }
    for (at, line) in &lines[shown..] {
        let since = (*at - begun).as_secs_f64();
        let (days, seconds) = ((since / 86_400.0).floor(), since % 86_400.0);
        let (hours, minutes) = ((seconds / 3_600.0).floor(), (seconds % 3_600.0 / 60.0).floor());
        let _written = writeln!(
            text,
            "{days}d {hours:02}:{minutes:02}:{:05.2} {line}",
            seconds % 60.0
        );
    }
    text
}

/// What is desired and what is there, side by side, without keys.
pub(super) fn picture(desired: &Desired, emulator: &Emulator) -> String {
    let mut text = String::from("declared:\n");
    for pool in desired.pools.values() {
        let policy = &pool.disruption;
        let paused = if pool.paused.is_some() { ", paused" } else { "" };
        let _written = writeln!(
            text,
            "  pool {}: {:?}, {:?} for {:?}, maxConcurrent {}{paused}",
            pool.name, pool.placement, policy.interrupt, policy.causes, policy.max_concurrent
        );
    }
    for one in desired.destinations.values() {
        let key = if matches!(one.key, StreamKey::Known(_)) {
            ""
        } else {
            ", no key"
        };
        let paused = if one.paused.is_some() { ", paused" } else { "" };
        let firm = if one.interruptible {
            ""
        } else {
            ", not interruptible"
        };
        let group = one
            .group
            .as_ref()
            .map_or_else(String::new, |group| format!(", group {group}"));
        let pin = one.pin.as_ref().map_or_else(String::new, |pin| {
            format!(", pinned {} {}", pin.channel, pin.output_group)
        });
        let _written = writeln!(
            text,
            "  {} in {}: {:?}, priority {}{group}{pin}{paused}{firm}{key}",
            one.name, one.pool, one.state, one.priority
        );
    }
    emulator.with_world(|world, _| text.push_str(&channels(world, desired)));
    text
}

fn channels(world: &World, desired: &Desired) -> String {
    let mut text = String::from("observed:\n");
    for (id, channel) in world.channels() {
        let _written = write!(
            text,
            "  channel {id} {:?} of {:?}, {} tags:",
            channel.state(),
            owner(channel),
            channel.document()["tags"]
                .as_object()
                .map_or(0, serde_json::Map::len)
        );
        for (group, endpoints) in slots(channel) {
            let Some((url, name)) = endpoints.first() else {
                continue;
            };
            let holder = desired.destinations.values().find(|one| match &one.key {
                StreamKey::Known(key) => *one.url == **url && key.reveal() == name,
                StreamKey::Unavailable { .. } => *one.url == **url,
            });
            let held = match holder {
                Some(one) => one.name.to_string(),
                None if url.starts_with(PARKING) => "-".to_owned(),
                // The user is part of the key; it is invented, but no example for what may be printed.
                None => format!(
                    "undeclared ({} characters)",
                    name.len().saturating_sub(CANARY.len())
                ),
            };
            let _written = write!(text, " {}={held}", group.trim_start_matches("RTMP-Slot-"));
        }
        text.push('\n');
    }
    text
}
