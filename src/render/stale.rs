//! What changed in a plan since it was reviewed, in words: `youtube-main: Streaming → Ready`.

use std::collections::{BTreeMap, BTreeSet};

use super::plan_json::{Channel, Destination, PlanDocument, Slot};

/// A line for each destination and channel that is not as it was when `reviewed` was made. Of each only the first of:
/// what was declared, where it goes, whether it is on air, what is in its way. May be empty for plans that differ elsewhere.
pub fn what_changed(reviewed: &PlanDocument, now: &PlanDocument) -> Vec<String> {
    let destinations = paired(&reviewed.destinations, &now.destinations, |one| &one.name);
    let channels = paired(&reviewed.channels, &now.channels, |one| &one.id);
    let mut lines: Vec<(u8, String)> = destinations.into_iter().filter_map(of_destination).collect();
    lines.extend(channels.into_iter().filter_map(of_channel));
    // A changed declaration is the cause of the rest.
    lines.sort_by_key(|(rank, _)| *rank);
    lines.into_iter().map(|(_, line)| line).collect()
}

type Pair<'a, T> = (Option<&'a T>, Option<&'a T>);

fn paired<'a, T>(was: &'a [T], is: &'a [T], name: fn(&T) -> &String) -> Vec<Pair<'a, T>> {
    let named =
        |all: &'a [T]| -> BTreeMap<&'a String, &'a T> { all.iter().map(|one| (name(one), one)).collect() };
    let (was, is) = (named(was), named(is));
    let all: BTreeSet<&&String> = was.keys().chain(is.keys()).collect();
    all.into_iter()
        .map(|name| (was.get(*name).copied(), is.get(*name).copied()))
        .collect()
}

fn of_destination(pair: Pair<'_, Destination>) -> Option<(u8, String)> {
    let (was, is) = match pair {
        (Some(was), None) => return Some((0, format!("{}: {} → no longer declared", was.name, was.state))),
        (None, Some(is)) => return Some((0, format!("{}: new, {}", is.name, is.state))),
        (Some(was), Some(is)) => (was, is),
        (None, None) => return None,
    };
    let change = |was: &str, is: &str| format!("{}: {was} → {is}", name_of(pair));
    if was.state != is.state {
        return Some((0, change(&was.state, &is.state)));
    }
    if was.wanted != is.wanted {
        let paused = |wanted| if wanted { "wanted" } else { "paused" };
        return Some((0, change(paused(was.wanted), paused(is.wanted))));
    }
    if was.assignment != is.assignment {
        return Some((
            1,
            change(&place(was.assignment.as_ref()), &place(is.assignment.as_ref())),
        ));
    }
    if was.on_air != is.on_air {
        let stands = |on_air| if on_air { "on air" } else { "off air" };
        return Some((2, change(stands(was.on_air), stands(is.on_air))));
    }
    let code = |one: &Destination| one.waiting.as_ref().map(|waiting| waiting.code.clone());
    let waits = |one| {
        code(one).map_or_else(
            || "nothing in its way".to_owned(),
            |code| format!("waits ({code})"),
        )
    };
    (code(was) != code(is)).then(|| (2, change(&waits(was), &waits(is))))
}

fn name_of(pair: Pair<'_, Destination>) -> &str {
    pair.1.or(pair.0).map_or("", |one| &one.name)
}

/// Where a plan takes it.
fn place(slot: Option<&Slot>) -> String {
    slot.map_or_else(
        || "no slot".to_owned(),
        |slot| format!("{}/{}", slot.channel, slot.output_group),
    )
}

fn of_channel(pair: Pair<'_, Channel>) -> Option<(u8, String)> {
    let seen = |one: &Channel| one.state.clone().unwrap_or_else(|| "not seen".to_owned());
    match pair {
        (Some(was), None) => Some((1, format!("channel {}: no longer in a pool", was.id))),
        (None, Some(is)) => Some((1, format!("channel {}: new, {}", is.id, seen(is)))),
        (Some(was), Some(is)) if was.state != is.state => {
            Some((2, format!("channel {}: {} → {}", is.id, seen(was), seen(is))))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::WantedState;
    use crate::plan::Plan;
    use crate::render::plan_json::document;
    use crate::render::samples;

    fn changed(change: impl FnOnce(&mut Plan)) -> Vec<String> {
        let reviewed = samples::start_two();
        let mut now = reviewed.clone();
        change(&mut now);
        what_changed(&document(&reviewed), &document(&now))
    }

    #[test]
    fn each_destination_has_one_line_and_what_was_declared_comes_first() {
        assert!(changed(|_| ()).is_empty());
        let lines = changed(|plan| {
            let youtube = plan
                .destinations
                .iter_mut()
                .find(|one| one.name == "youtube-main")
                .unwrap();
            (youtube.state, youtube.wanted, youtube.assignment) = (WantedState::Ready, false, None);
            let twitch = plan
                .destinations
                .iter_mut()
                .find(|one| one.name == "twitch-main")
                .unwrap();
            twitch.assignment = None;
            plan.destinations.retain(|one| one.name != "archive");
        });
        assert_eq!(
            lines,
            [
                "archive: Ready → no longer declared",
                "youtube-main: Streaming → Ready",
                "twitch-main: 4000001/RTMP-Slot-2 → no slot",
            ]
        );
    }

    #[test]
    fn a_channel_in_another_state_is_said() {
        let lines = changed(|plan| {
            plan.channels[0].seen.as_mut().unwrap().state = crate::model::ChannelState::Running;
        });
        assert_eq!(lines, ["channel 4000001: IDLE → RUNNING"]);
    }
}
