//! The small world that a seed draws: pools and their policies, channels, destinations.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::Rng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use slotwise::testing::emulator::channel::State;
use slotwise::testing::emulator::{
    Emulator, Fleet, InventedChannel, InventedPool, InventedSlot, Options, Switches,
};
use slotwise::testing::medialive::OWNER_TAG;
use slotwise::testing::model::{
    Cause, ChannelId, ChannelPool, Desired, Destination, DestinationName, Disruption, GroupName, Interrupt,
    OwnerId, Pin, Placement, PoolChannel, PoolName, Secret, SlotId, SlotSelector, StreamKey, WantedState,
    Window,
};

/// Where a free slot points.
pub(super) const PARKING: &str = "rtmp://127.0.0.1:1935/parked";

/// The owner of the channels.
pub(super) const OWNER: &str = "test";

/// A channel that no pool names: no process may ever touch it.
pub(super) const FOREIGN: &str = "900";

/// Part of every stream name that is a secret, so that one search finds any of them; with a sign that no name of a
/// directory for the time being has.
pub(super) const CANARY: &str = "k3y-of-";

/// How many slots each channel has, and whether it has two pipelines.
struct Shape {
    id: String,
    slots: usize,
    standard: bool,
}

/// Draws what is declared, and the emulator it meets.
pub(super) fn draw(random: &mut ChaCha8Rng) -> (Desired, Emulator) {
    let mut desired = Desired::empty(OwnerId::new(OWNER));
    let mut fleet = Vec::new();
    let pools = random.random_range(1..=2);
    let channels = random.random_range(pools..=4);
    let mut shapes: Vec<Shape> = (1..=channels)
        .map(|number| Shape {
            id: number.to_string(),
            slots: random.random_range(2..=3),
            standard: random.random_bool(0.3),
        })
        .collect();
    for number in 0..pools {
        let share = if number + 1 == pools {
            shapes.len()
        } else {
            random.random_range(1..=shapes.len() + 1 - pools)
        };
        let mine: Vec<Shape> = shapes.drain(..share).collect();
        let name = ["main", "side"][number];
        let placement = *[Placement::Spread, Placement::Pack].choose(random).unwrap();
        let policy = disruption(random);
        let mut pool = pool(
            name,
            mine.iter().map(|shape| shape.id.as_str()),
            placement,
            policy,
        );
        for channel in &mut pool.channels {
            channel.takeover = random.random_bool(0.05);
        }
        let most = 3 * mine.len() + 1;
        // More than channels, so that they have to share, and at times more than slots.
        for _ in 0..random.random_range(mine.len() + 1..=most) {
            let one = destination(random, &pool, desired.destinations.len());
            desired.destinations.insert(one.name.clone(), one.into());
        }
        fleet.push(invented_as(&pool, &mine));
        desired.pools.insert(pool.name.clone(), pool);
    }
    fleet.push(foreign());
    let options = Options {
        seed: random.random(),
        switches: switches(random),
        ..Options::default()
    };
    let mut options = options;
    // An account whose policy allows the owner tag only, as older ones do.
    if random.clone().random_bool(0.06) {
        OWNER_TAG.clone_into(&mut options.switches.tag_keys_allowed);
    }
    let emulator = Emulator::new(options, Fleet::invent(&fleet));
    estrange(&emulator, random, channels);
    // The rest of the life is the same in whatever order the pools name their channels.
    let mut order = random.clone();
    for pool in desired.pools.values_mut() {
        pool.channels.shuffle(&mut order);
    }
    (desired, emulator)
}

/// A pool of `channels`.
pub(super) fn pool<'a>(
    name: &str,
    channels: impl Iterator<Item = &'a str>,
    placement: Placement,
    disruption: Disruption,
) -> ChannelPool {
    ChannelPool {
        name: PoolName::new(name),
        channels: channels
            .map(|id| PoolChannel {
                id: id.into(),
                takeover: false,
            })
            .collect(),
        slots: SlotSelector {
            output_groups: globset::Glob::new("RTMP-Slot-*").unwrap().compile_matcher(),
            parking_url: PARKING.into(),
        },
        placement,
        idle: slotwise::testing::model::Idle::Stop,
        disruption,
        paused: None,
    }
}

/// A policy.
pub(super) fn disruption(random: &mut ChaCha8Rng) -> Disruption {
    let mut causes: BTreeSet<Cause> = [Cause::Start, Cause::Stop, Cause::Retarget]
        .into_iter()
        .filter(|_| random.random_bool(0.7))
        .collect();
    if causes.is_empty() {
        causes.insert(Cause::Start);
    }
    Disruption {
        interrupt: *[Interrupt::Never, Interrupt::Window, Interrupt::Anytime]
            .choose(random)
            .unwrap(),
        causes,
        windows: windows(random),
        max_concurrent: random.random_range(1..=2),
    }
}

/// A short one several times an hour, or one in a night and another by day.
fn windows(random: &mut ChaCha8Rng) -> Vec<Window> {
    let window = |cron: &str, minutes| Window {
        cron: cron.parse().unwrap(),
        duration: Duration::from_mins(minutes),
        time_zone: jiff::tz::TimeZone::UTC,
    };
    if random.random_bool(0.5) {
        return vec![window("*/20 * * * *", 5)];
    }
    let mut daily = |hours: std::ops::Range<u8>| {
        let cron = format!(
            "{} {} * * *",
            random.random_range(0..60),
            random.random_range(hours)
        );
        window(&cron, random.random_range(20..180))
    };
    vec![daily(0..6), daily(8..22)]
}

/// A destination that is off air, with a target that no other has and nothing else special.
pub(super) fn plain(name: &str, pool: &ChannelPool) -> Destination {
    Destination {
        name: DestinationName::new(name),
        identity: name.into(),
        pool: pool.name.clone(),
        state: WantedState::Ready,
        url: format!("rtmp://{name}.example/app").into(),
        backup_url: None,
        is_preset: false,
        login: None,
        key: key(name, 0),
        group: None,
        priority: 0,
        interruptible: true,
        pin: None,
        paused: None,
        generation: 1,
    }
}

/// A destination with a target that no other has. Half of them share a platform's URL, as on Twitch.
pub(super) fn destination(random: &mut ChaCha8Rng, pool: &ChannelPool, serial: usize) -> Destination {
    let name = format!("d{serial}");
    let shared = random.random_bool(0.5);
    let url = if shared {
        "rtmp://platform.example/app".to_owned()
    } else {
        format!("rtmp://{name}.example/app")
    };
    let backup = (!shared && random.random_bool(0.5)).then(|| format!("rtmp://backup.{name}.example/app"));
    let pin = random.random_bool(0.1).then(|| Pin {
        channel: pool.channels.choose(random).unwrap().id.clone(),
        output_group: format!("RTMP-Slot-{}", random.random_range(1..=3)).into(),
    });
    Destination {
        state: if random.random_bool(0.7) {
            WantedState::Streaming
        } else {
            WantedState::Ready
        },
        url: url.into(),
        backup_url: backup.map(Into::into),
        group: group(random),
        priority: random.random_range(0..3),
        interruptible: random.random_bool(0.85),
        pin,
        ..plain(&name, pool)
    }
}

pub(super) fn key(name: &str, generation: u64) -> StreamKey {
    StreamKey::Known(Secret::new(format!("{CANARY}{name}-{generation}")))
}

pub(super) fn group(random: &mut ChaCha8Rng) -> Option<GroupName> {
    random
        .random_bool(0.4)
        .then(|| GroupName::new(["red", "blue"][random.random_range(0..2)]))
}

/// The channels of `pool`, each with one pipeline and as many parked slots.
pub(super) fn invented(pool: &ChannelPool, slots: usize) -> InventedPool {
    let shape = |channel: &PoolChannel| Shape {
        id: channel.id.to_string(),
        slots,
        standard: false,
    };
    let shapes: Vec<Shape> = pool.channels.iter().map(shape).collect();
    invented_as(pool, &shapes)
}

fn invented_as(pool: &ChannelPool, shapes: &[Shape]) -> InventedPool {
    let channels = shapes.iter().map(|shape| {
        let slot = |number: usize| {
            let output_group = format!("RTMP-Slot-{number}");
            let id = SlotId::new(ChannelId::new(&shape.id), output_group.as_str());
            let stream_names = (0..2)
                .map(|pipeline| SlotSelector::parking_name(&id, pipeline))
                .collect();
            InventedSlot {
                output_group,
                stream_names,
            }
        };
        InventedChannel {
            id: shape.id.clone(),
            standard: shape.standard,
            parking_url: pool.slots.parking_url.to_string(),
            slots: (1..=shape.slots).map(slot).collect(),
        }
    });
    InventedPool {
        name: pool.name.to_string(),
        channels: channels.collect(),
    }
}

fn foreign() -> InventedPool {
    let slot = InventedSlot {
        output_group: "RTMP-Slot-1".to_owned(),
        stream_names: vec![format!("{CANARY}a-foreign")],
    };
    InventedPool {
        name: "foreign".to_owned(),
        channels: vec![InventedChannel {
            id: FOREIGN.to_owned(),
            standard: false,
            parking_url: "rtmp://foreign.example/app".to_owned(),
            slots: vec![slot],
        }],
    }
}

/// Unconfirmed behaviour is one way in one world and the other way in another.
fn switches(random: &mut ChaCha8Rng) -> Switches {
    let mut unknown = || random.random_bool(0.3);
    let made = Switches {
        quiet_start_when_running: unknown(),
        quiet_stop_when_idle: unknown(),
        stop_from_recovering: unknown(),
        start_from_update_failed: unknown(),
        failed_update_keeps_old: !unknown(),
        unique_rtmp_targets: !unknown(),
        list_shows_deleted: unknown(),
        ..Switches::default()
    };
    let made = Switches {
        // Then some spellings of a URL are refused. By what was drawn above, so that worlds of known seeds stay as they are.
        rtmp_trailing_slash_allowed: !made.quiet_start_when_running,
        ..made
    };
    if !random.random_bool(0.3) {
        return made;
    }
    // A list costs more than a look at one channel.
    Switches {
        list_page_default: 2,
        list_page_max: 2,
        ..made
    }
}

/// The foreign channel runs; of the pools' channels one may belong to another owner or run with undeclared targets.
fn estrange(emulator: &Emulator, random: &mut ChaCha8Rng, channels: usize) {
    let one = random.random_range(1..=channels).to_string();
    let fate = random.random_range(0..10);
    emulator.with_world(|world, now| {
        world.force_state(FOREIGN, State::Running, now);
        match fate {
            0 => {
                let tags = json!({ OWNER_TAG: "another" });
                world
                    .channel_mut(&one)
                    .unwrap()
                    .document_mut()
                    .insert("tags".to_owned(), tags);
            }
            1 => {
                let document = world.channel_mut(&one).unwrap().document_mut();
                document["destinations"][1]["settings"][0] =
                    json!({"streamName": format!("{CANARY}undeclared"), "url": "rtmp://undeclared.example/app"});
                world.force_state(&one, State::Running, now);
            }
            _ => {}
        }
    });
}
