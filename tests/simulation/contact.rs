//! What some accounts hold before slotwise comes: RTMP groups without a name, channels that run without a tag for targets
//! that are wanted, channels that have hardly any room for tags.
//!
//! Drawn from a stream of its own, so that everything else of a world is as it would be without.

use rand::seq::{IndexedRandom, IteratorRandom};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use slotwise::testing::emulator::channel::State;
use slotwise::testing::emulator::request::Now;
use slotwise::testing::emulator::world::Channel;
use slotwise::testing::emulator::{Emulator, World};
use slotwise::testing::model::{ChannelPool, Desired, Destination, StreamKey, WantedState};

use super::ground::pushes;
use super::reading::{Endpoint, owner};
use super::world::{CANARY, PARKING};

/// The stream of random numbers that worlds draw this from.
const CONTACT: u64 = u64::MAX - 2;

/// As many tags a channel may have.
pub(super) const TAGS_MAX: usize = 50;

/// Furnishes the account, and says with what.
pub(super) fn furnish(seed: u64, desired: &Desired, emulator: &Emulator) -> Vec<&'static str> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(CONTACT);
    let random = &mut random;
    let mut kinds = Vec::new();
    let mut plain = emulator.with_world(|world, _| plain_channels(desired, world));
    emulator.with_world(|world, now| {
        for (share, furnish) in FURNISHINGS {
            let is_drawn = random.random_bool(share);
            let at = (0..plain.len()).choose(random).filter(|_| is_drawn);
            let Some(id) = at.map(|at| plain.swap_remove(at)) else {
                continue;
            };
            kinds.extend(furnish(random, desired, world, (&id, now)));
        }
    });
    kinds
}

/// Does something to the channel of that id, and says what it was, if it could be done.
type Furnish = fn(&mut ChaCha8Rng, &Desired, &mut World, (&str, Now)) -> Option<&'static str>;

/// In which share of the worlds each happens to a channel, as long as there is another one for it.
const FURNISHINGS: [(f64, Furnish); 3] = [(0.25, run), (0.12, add_unnamed), (0.1, fill_tags)];

/// The channels of pools that are stopped and without owner.
fn plain_channels(desired: &Desired, world: &World) -> Vec<String> {
    let mut ids: Vec<String> = desired
        .pools
        .values()
        .flat_map(|pool| &pool.channels)
        .map(|channel| channel.id.to_string())
        .collect();
    let is_plain = |channel: &Channel| channel.state() == State::Idle && owner(channel).is_none();
    ids.retain(|id| world.channel(id).is_some_and(is_plain));
    ids.sort();
    ids
}

/// It runs without a tag, for a declared destination, an undeclared one, or none.
fn run(
    random: &mut ChaCha8Rng,
    desired: &Desired,
    world: &mut World,
    (id, now): (&str, Now),
) -> Option<&'static str> {
    let pool = pool_of(desired, id)?;
    let of = |is_mine: bool, state: WantedState| {
        let mut all: Vec<&Destination> = desired.destinations.values().map(|one| &**one).collect();
        all.retain(|one| {
            (one.pool == pool.name) == is_mine && one.state == state && matches!(one.key, StreamKey::Known(_))
        });
        all
    };
    let (mine, off) = (of(true, WantedState::Streaming), of(true, WantedState::Ready));
    let others = of(false, WantedState::Streaming);
    let count = random.random_range(1..=2);
    let (kind, carried, undeclared) = match random.random_range(0..8) {
        0..4 => (
            "untagged and running, to be adopted",
            mine.choose_multiple(random, count).copied().collect(),
            false,
        ),
        4 => (
            "untagged and running, wanted beside undeclared",
            mine.choose(random).into_iter().copied().collect(),
            true,
        ),
        5 => (
            "untagged and running for one that is not wanted",
            off.choose(random).into_iter().copied().collect(),
            false,
        ),
        6 => (
            "untagged and running for one of another pool",
            others.choose(random).into_iter().copied().collect(),
            false,
        ),
        _ => ("untagged and running, all parked", Vec::new(), false),
    };
    let carried: Vec<&Destination> = carried;
    if carried.is_empty() && kind != "untagged and running, all parked" {
        return None;
    }
    let channel = world.channel_mut(id)?;
    let pipelines = if channel.is_standard() { 2 } else { 1 };
    let mut targets: Vec<Vec<Endpoint>> = carried.iter().map(|one| target(one, pipelines)).collect();
    if undeclared {
        targets.push(undeclared_targets(id, pipelines));
    }
    let entries = channel.document_mut()["destinations"].as_array_mut()?;
    let mut targets = targets.into_iter();
    for (number, entry) in entries.iter_mut().skip(1).enumerate() {
        let parked = || vec![(PARKING.to_owned(), format!("idle-{number}")); pipelines];
        point(entry, &targets.next().unwrap_or_else(parked));
    }
    world.force_state(id, State::Running, now);
    Some(kind)
}

/// It has an RTMP group without a name, which pushes to an undeclared target.
fn add_unnamed(
    _: &mut ChaCha8Rng,
    _: &Desired,
    world: &mut World,
    (id, _): (&str, Now),
) -> Option<&'static str> {
    let channel = world.channel_mut(id)?;
    let endpoints = undeclared_targets(id, if channel.is_standard() { 2 } else { 1 });
    let document = channel.document_mut();
    let entries = document["destinations"].as_array_mut()?;
    let mut entry = entries.last()?.clone();
    entry["id"] = json!("unnamed");
    point(&mut entry, &endpoints);
    entries.push(entry);
    let groups = document["encoderSettings"]["outputGroups"].as_array_mut()?;
    let mut group = groups.last()?.clone();
    group.as_object_mut()?.shift_remove("name");
    group["outputs"][0]["outputName"] = json!("unnamed");
    group["outputs"][0]["outputSettings"]["rtmpOutputSettings"]["destination"]["destinationRefId"] =
        json!("unnamed");
    groups.push(group);
    Some("a group without a name")
}

/// It has so many tags that some of slotwise's, or all of them, have no room.
fn fill_tags(
    random: &mut ChaCha8Rng,
    _: &Desired,
    world: &mut World,
    (id, _): (&str, Now),
) -> Option<&'static str> {
    let room = random.random_range(0..=4);
    let document = world.channel_mut(id)?.document_mut();
    let tags = document.entry("tags").or_insert_with(|| json!({}));
    fill(tags, room);
    Some("fifty tags, but for a few")
}

/// Adds tags until there is room for no more than `room`.
pub(super) fn fill(tags: &mut Value, room: usize) {
    let Some(tags) = tags.as_object_mut() else { return };
    for number in tags.len()..TAGS_MAX.saturating_sub(room) {
        tags.insert(format!("team:cost-centre-{number}"), json!("7"));
    }
}

fn pool_of<'a>(desired: &'a Desired, id: &str) -> Option<&'a ChannelPool> {
    let mut pools = desired.pools.values();
    pools.find(|pool| pool.channels.iter().any(|channel| *channel.id.as_str() == *id))
}

/// What a slot points at that carries `one`.
fn target(one: &Destination, pipelines: usize) -> Vec<Endpoint> {
    let own = pushes(one);
    let read =
        |one: &slotwise::testing::model::Endpoint| (one.url.to_string(), one.stream_name.reveal().to_owned());
    let parked = |at: usize| (PARKING.to_owned(), format!("idle-backup-{at}"));
    (0..pipelines)
        .map(|at| own.get(at).map_or_else(|| parked(at), read))
        .collect()
}

/// An undeclared target; another one for each channel, as two of them would push one stream.
fn undeclared_targets(id: &str, pipelines: usize) -> Vec<Endpoint> {
    let one = |at: usize| {
        (
            format!("rtmp://undeclared-{at}.example/of-{id}"),
            format!("{CANARY}undeclared"),
        )
    };
    (0..pipelines).map(one).collect()
}

/// Points an entry of a channel's destinations there.
pub(super) fn point(entry: &mut Value, endpoints: &[Endpoint]) {
    let settings = entry["settings"].as_array_mut().into_iter().flatten();
    for (setting, (url, name)) in settings.zip(endpoints) {
        setting["url"] = json!(url);
        setting["streamName"] = json!(name);
    }
}
