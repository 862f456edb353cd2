//! A user who works on channels by hand, in the console of MediaLive.

use rand::seq::IteratorRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use slotwise::testing::emulator::channel::State;
use slotwise::testing::emulator::request::{Now, Request};
use slotwise::testing::emulator::world::{Channel, Document};
use slotwise::testing::emulator::{Emulator, Operation, World};
use slotwise::testing::model::tag::SLOT_TAG_PREFIX;

use super::contact::{TAGS_MAX, fill, point};
use super::reading::{Endpoint, is_parking, is_running, slots, wiring};
use super::world::{CANARY, PARKING};

/// The name of an output group that is no slot.
const BESIDE: &str = "Beside";

/// One change by hand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hand {
    /// Makes what is typed in unlike anything else.
    pub(super) serial: usize,
    /// Draws what it is.
    pub(super) seed: u64,
}

impl Hand {
    /// Does it to the channel `id`. What was done, if it could be.
    pub(super) fn work(self, emulator: &Emulator, id: &str) -> Option<&'static str> {
        let Self { serial, seed } = self;
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        // Drawn beside the others, which stay as they are.
        if random.clone().random_bool(0.04) {
            return emulator.with_world(|world, now| add_beside(world, (id, now)));
        }
        let action = random.random_range(0..22);
        emulator.with_world(|world, now| {
            if action >= 15 {
                return self.reset(&mut random, world, (id, now), action);
            }
            let mut call = |operation| world.handle(&Request::new(operation, id), now).is_ok();
            match action {
                0..4 => call(Operation::StopChannel).then_some("stops"),
                4..7 => call(Operation::StartChannel).then_some("starts"),
                7..9 => {
                    let channel = world.channel_mut(id)?;
                    let slot = random.random_range(1..=2);
                    let has_slot = channel.document()["destinations"].get(slot).is_some();
                    (channel.state() == State::Idle && has_slot).then(|| {
                        channel.edit(now, |document| {
                            let target = &mut document["destinations"][slot]["settings"][0];
                            target["url"] = json!("rtmp://by-hand.example/app");
                            target["streamName"] = json!(format!("{CANARY}by-hand-{serial}"));
                        });
                        "edits"
                    })
                }
                9 => {
                    let name = json!(format!("renamed-{serial}"));
                    let renamed = |document: &mut Document| drop(document.insert("name".to_owned(), name));
                    world.channel_mut(id)?.edit(now, renamed);
                    Some("renames")
                }
                10 => {
                    let untagged =
                        |document: &mut Document| drop(document.insert("tags".to_owned(), json!({})));
                    world.channel_mut(id)?.edit(now, untagged);
                    Some("takes the tag off")
                }
                // As when a user tidies up, or copies a template with all its tags.
                12 | 13 => {
                    let channel = world.channel_mut(id)?;
                    let tags = channel.document().get("tags")?.as_object()?.clone();
                    let mut of_slots = tags.iter().filter(|(key, _)| key.starts_with(SLOT_TAG_PREFIX));
                    let (key, first) = of_slots.next().map(|(key, value)| (key.clone(), value.clone()))?;
                    let other = of_slots.next().map(|(key, _)| key.clone()).unwrap_or_default();
                    channel.edit(now, |document| {
                        let Some(tags) = document["tags"].as_object_mut() else {
                            return;
                        };
                        if action == 12 {
                            tags.remove(&key);
                        } else if tags.contains_key(&other) {
                            tags.insert(other, first);
                        } else {
                            tags.insert(key, json!("by-hand"));
                        }
                    });
                    Some(if action == 12 {
                        "takes the tag of a slot off"
                    } else {
                        "copies the tag of a slot on"
                    })
                }
                _ => {
                    let channel = world.channel_mut(id)?;
                    (!is_running(channel) && random.random_bool(0.2)).then(|| {
                        world.remove_channel(id);
                        "deletes"
                    })
                }
            }
        })
    }

    /// Terraform puts targets or tags back as its own state has them, or a user gives the channel the tags of another one, or
    /// as many as it may have.
    fn reset(
        self,
        random: &mut ChaCha8Rng,
        world: &mut World,
        (id, now): (&str, Now),
        action: usize,
    ) -> Option<&'static str> {
        let channel = world.channel(id)?;
        let state = channel.state();
        let (was_running, is_still) = (state == State::Running, state == State::Idle);
        match action {
            15..18 if was_running || is_still => {
                let (is_parked, keeps_tags) = (random.random_bool(0.6), random.random_bool(0.5));
                // It stops what runs, and starts it again.
                world.force_state(id, State::Idle, now);
                let channel = world.channel_mut(id)?;
                let groups = slots(channel);
                channel.edit(now, |document| {
                    if !keeps_tags {
                        document.insert("tags".to_owned(), json!({ "managed-by": "terraform" }));
                    }
                    let wiring = wiring(document);
                    for (group, endpoints) in groups {
                        let back = as_made(&group, endpoints.len(), is_parked, self.serial);
                        let entries = document["destinations"].as_array_mut().into_iter().flatten();
                        for entry in entries.filter(|entry| wiring.get(&group) == Some(&entry["id"])) {
                            point(entry, &back);
                        }
                    }
                });
                if was_running {
                    world.force_state(id, State::Running, now);
                }
                Some(match (was_running, is_parked) {
                    (true, true) => "parks every target of running",
                    (true, false) => "resets the targets of running",
                    (false, true) => "parks every target of stopped",
                    (false, false) => "resets the targets of stopped",
                })
            }
            18 => {
                let tags = json!({ "managed-by": "terraform" });
                let reset = |document: &mut Document| drop(document.insert("tags".to_owned(), tags));
                world.channel_mut(id)?.edit(now, reset);
                Some("resets the tags of")
            }
            19 | 20 => {
                let tags_of = |channel: &Channel| channel.document()["tags"].as_object().cloned();
                let others = world.channels().iter().filter(|(other, _)| *other != id);
                let (_, other) = others.choose(random)?;
                let tags = tags_of(other).filter(|tags| !tags.is_empty())?;
                let mut own = world.channel(id).and_then(tags_of).unwrap_or_default();
                own.extend(tags);
                if own.len() > TAGS_MAX {
                    return None;
                }
                let copied = |document: &mut Document| drop(document.insert("tags".to_owned(), own.into()));
                world.channel_mut(id)?.edit(now, copied);
                Some("copies the tags of another one to")
            }
            21 => {
                let room = random.random_range(0..=2);
                world.channel_mut(id)?.edit(now, |document| {
                    fill(document.entry("tags").or_insert_with(|| json!({})), room);
                });
                Some("fills the tags of")
            }
            _ => None,
        }
    }
}

/// A user adds an output group that is no slot, for the stream of one that is: by another scheme, as to be sure.
fn add_beside(world: &mut World, (id, now): (&str, Now)) -> Option<&'static str> {
    let channel = world.channel(id)?;
    let state = channel.state();
    let was_running = state == State::Running;
    let is_used = |(_, endpoints): &(&String, &Vec<Endpoint>)| !endpoints.iter().any(is_parking);
    let groups = slots(channel);
    let (group, endpoints) = groups
        .iter()
        .find(is_used)
        .filter(|(group, _)| *group != BESIDE)?;
    if !(was_running || state == State::Idle) || groups.contains_key(BESIDE) {
        return None;
    }
    let secure = |(url, name): &Endpoint| (url.replacen("rtmp://", "rtmps://", 1), name.clone());
    let secured: Vec<Endpoint> = endpoints.iter().map(secure).collect();
    let reference = wiring(channel.document()).get(group)?.clone();
    world.force_state(id, State::Idle, now);
    world.channel_mut(id)?.edit(now, |document| {
        let entries = document["destinations"].as_array_mut();
        if let Some(entries) = entries
            && let Some(mut entry) = entries.iter().find(|entry| entry["id"] == reference).cloned()
        {
            entry["id"] = json!(BESIDE);
            point(&mut entry, &secured);
            entries.push(entry);
        }
        let groups = document["encoderSettings"]["outputGroups"].as_array_mut();
        if let Some(groups) = groups
            && let Some(mut added) = groups.iter().find(|one| one["name"] == json!(group)).cloned()
        {
            added["name"] = json!(BESIDE);
            let output = &mut added["outputs"][0];
            output["outputName"] = json!(BESIDE);
            output["outputSettings"]["rtmpOutputSettings"]["destination"]["destinationRefId"] = json!(BESIDE);
            groups.push(added);
        }
    });
    if was_running {
        world.force_state(id, State::Running, now);
    }
    Some(if was_running {
        "adds a group beside the slots of running"
    } else {
        "adds a group beside the slots of stopped"
    })
}

/// Where a group pointed when it was made: parked by an address only, or a target of its own.
fn as_made(group: &str, pipelines: usize, is_parked: bool, serial: usize) -> Vec<Endpoint> {
    let one = |at: usize| {
        if is_parked {
            (PARKING.to_owned(), format!("{group}-{at}"))
        } else {
            let name = format!("{CANARY}made-{group}-{at}-{serial}");
            ("rtmp://terraform.example/app".to_owned(), name)
        }
    };
    (0..pipelines).map(one).collect()
}
