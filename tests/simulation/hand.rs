//! Somebody who works on channels by hand, in the console of MediaLive.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use slotwise::emulator::channel::State;
use slotwise::emulator::request::Request;
use slotwise::emulator::world::Document;
use slotwise::emulator::{Emulator, Operation};
use slotwise::model::tag::SLOT_TAG_PREFIX;

use super::reading::is_running;
use super::world::CANARY;

/// One thing that somebody does by hand.
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
        let deed = random.random_range(0..15);
        emulator.with_world(|world, now| {
            let mut call = |operation| world.handle(&Request::new(operation, id), now).is_ok();
            match deed {
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
                // As somebody does who tidies up, or copies a template with all that hangs on it.
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
                        if deed == 12 {
                            tags.remove(&key);
                        } else if tags.contains_key(&other) {
                            tags.insert(other, first);
                        } else {
                            tags.insert(key, json!("by-hand"));
                        }
                    });
                    Some(if deed == 12 {
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
}
