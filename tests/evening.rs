//! One evening in virtual time, lived in several ways: 8 destinations, 40 switches in 3 hours. What each way costs, as the table of
//! the README.
//!
//! Every second is looked at as the emulator has it: what pushes, and what runs.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use slotwise::testing::controller::{Clock, Settings, Until};
use slotwise::testing::emulator::mediaconnect::ResourceKind;
use slotwise::testing::emulator::request::Request;
use slotwise::testing::emulator::{
    Emulator, Fleet, InventedChannel, InventedPool, InventedRouter, InventedSlot, Operation, Options,
};
use slotwise::testing::model::{Cause, Desired, Interrupt, OwnerId, SlotId, SlotSelector, WantedState};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::stage::{INPUT, INTERFACE, PARKING, Script, Stage, destination, pool, router_pool};

const SECOND: Duration = Duration::from_secs(1);
const LASTS: Duration = Duration::from_hours(3);
const SWITCHES: usize = 40;
const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// Prices in micro-dollars an hour, us-east-1, HD below 10 Mbit/s and 30 frames a second, single pipeline, of 2026-09-18; those of
/// the router by the names of its tiers. An idle channel is left out: what it costs is not confirmed.
const INPUT_OF_CHANNEL: u64 = 140_400;
const OUTPUT_OF_CHANNEL: u64 = 421_200;
const ROUTER_INPUT: u64 = 90_000;
const ROUTER_OUTPUT: u64 = 40_000;

/// A way to live the evening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// An operator stops the one channel, writes what was switched, and starts it.
    ByHand,
    /// A ChannelPool of so many channels, with 8 slots together.
    Channels(usize, Interrupt),
    /// A RouterPool behind a channel that runs.
    Router,
}

impl Way {
    pub(crate) const ALL: [Self; 6] = [
        Self::ByHand,
        Self::Channels(1, Interrupt::Anytime),
        Self::Channels(1, Interrupt::Never),
        Self::Channels(4, Interrupt::Anytime),
        Self::Channels(4, Interrupt::Never),
        Self::Router,
    ];

    fn name(self) -> String {
        match self {
            Self::ByHand => "1 channel, by hand".to_owned(),
            Self::Channels(1, policy) => format!("ChannelPool, 1 channel, `interrupt: {policy:?}`"),
            Self::Channels(count, policy) => {
                format!("ChannelPool, {count} channels, `interrupt: {policy:?}`")
            }
            Self::Router => "RouterPool".to_owned(),
        }
    }

    fn channels(self) -> usize {
        match self {
            Self::ByHand => 1,
            Self::Channels(count, _) => count,
            Self::Router => 0,
        }
    }
}

/// What came of an evening.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Evening {
    /// How often a destination went off air while it was wanted.
    pub(crate) interruptions: usize,
    /// Seconds that wanted destinations were off air after that.
    pub(crate) lost: u64,
    /// Seconds from each switch on to being on air, sorted.
    pub(crate) waits: Vec<u64>,
    /// Switches on that never came on air before they were switched off again, or the evening ended.
    pub(crate) missed: usize,
    /// Calls that change something.
    pub(crate) calls: usize,
    /// Micro-dollar seconds an hour.
    cost: u64,
}

impl Evening {
    /// Micro-dollars an hour.
    pub(crate) fn dollars(&self) -> u64 {
        self.cost / LASTS.as_secs()
    }
}

/// The table, in Markdown.
pub(crate) fn table() -> String {
    let mut lines = vec![
        "| way | interruptions | minutes lost by them | on air after (median, longest) | switched on in vain | calls | $/h |"
            .to_owned(),
        "|---|---:|---:|---:|---:|---:|---:|".to_owned(),
    ];
    std::thread::scope(|scope| {
        let evenings = Way::ALL.map(|way| scope.spawn(move || row(way, &live(way))));
        let rows = evenings.map(|row| {
            row.join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        lines.extend(rows);
    });
    lines.join("\n")
}

fn row(way: Way, evening: &Evening) -> String {
    let time = |at: usize| {
        evening
            .waits
            .get(at)
            .map_or("–".to_owned(), |wait| format!("{wait} s"))
    };
    let dollars = evening.dollars();
    format!(
        "| {} | {} | {} | {}, {} | {} | {} | {}.{:02} |",
        way.name(),
        evening.interruptions,
        evening.lost / 60,
        time(evening.waits.len() / 2),
        time(evening.waits.len().saturating_sub(1)),
        evening.missed,
        evening.calls,
        dollars / 1_000_000,
        dollars % 1_000_000 / 10_000,
    )
}

/// Lives the evening in one way.
pub(crate) fn live(way: Way) -> Evening {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(Life::new(way).live())
}

/// When which destination is switched: the same in every way.
fn switches() -> Vec<(u64, &'static str)> {
    let mut random = ChaCha8Rng::seed_from_u64(2026);
    let mut switches: Vec<(u64, &str)> = (0..SWITCHES)
        .map(|_| {
            let at = random.random_range(600..LASTS.as_secs() - 600);
            (at, NAMES[random.random_range(0..NAMES.len())])
        })
        .collect();
    switches.sort_unstable();
    switches
}

struct Life {
    way: Way,
    emulator: Emulator,
    script: Script,
    /// Since when each destination is wanted; and whether it has been on air since.
    wanted: BTreeMap<&'static str, (u64, bool)>,
    on_air: BTreeMap<&'static str, bool>,
    hand: Hand,
    evening: Evening,
}

/// What the operator is at.
#[derive(Debug, Default, PartialEq, Eq)]
enum Hand {
    #[default]
    Rests,
    Stops,
    Writes,
    Starts,
}

impl Life {
    fn new(way: Way) -> Self {
        let mut desired = Desired::empty(OwnerId::new("test"));
        let ids: Vec<String> = (1..=way.channels()).map(|id| id.to_string()).collect();
        match way {
            Way::Router => drop(desired.routers.insert("main".into(), router_pool())),
            Way::ByHand | Way::Channels(..) => {
                let mut pool = pool(&ids.iter().map(String::as_str).collect::<Vec<_>>());
                if let Way::Channels(_, interrupt) = way {
                    pool.disruption.interrupt = interrupt;
                    pool.disruption.causes = [Cause::Start, Cause::Stop, Cause::Retarget].into();
                }
                desired.pools.insert("main".into(), pool);
            }
        }
        let wanted: BTreeMap<&str, (u64, bool)> = NAMES[..4].iter().map(|name| (*name, (0, false))).collect();
        for name in NAMES {
            let state = if wanted.contains_key(name) {
                WantedState::Streaming
            } else {
                WantedState::Ready
            };
            desired
                .destinations
                .insert(name.into(), destination(name, state).into());
        }
        let emulator = Emulator::new(Options::default(), fleet(way, &ids));
        Self {
            way,
            emulator,
            script: Script::new(desired),
            wanted,
            on_air: BTreeMap::new(),
            hand: Hand::default(),
            evening: Evening::default(),
        }
    }

    async fn live(mut self) -> Evening {
        let clock = Clock::starting_at("2026-01-01T18:00:00Z".parse().unwrap());
        let settings = Settings::new("test".into());
        let mut stage = Stage::assemble(self.emulator.clone(), self.script.clone(), clock, 7, settings);
        let asked = CancellationToken::new();
        let begun = Instant::now();
        let is_by_hand = self.way == Way::ByHand;
        let evening = async {
            let mut switches = switches().into_iter().peekable();
            for second in 0..LASTS.as_secs() {
                tokio::time::sleep_until(begun + SECOND * u32::try_from(second + 1).unwrap()).await;
                while let Some((_, name)) = switches.next_if(|(at, _)| *at <= second) {
                    self.switch(name, second);
                }
                if is_by_hand {
                    self.work();
                }
                self.look(second);
            }
            asked.cancel();
        };
        if is_by_hand {
            evening.await;
        } else {
            tokio::join!(evening, stage.controller.run(Until::Asked, &asked));
        }
        self.evening.missed += self.wanted.values().filter(|(_, was_on_air)| !was_on_air).count();
        self.evening.waits.sort_unstable();
        self.evening
    }

    fn switch(&mut self, name: &'static str, second: u64) {
        let state = if let Some((_, was_on_air)) = self.wanted.remove(name) {
            self.evening.missed += usize::from(!was_on_air);
            WantedState::Ready
        } else {
            self.wanted.insert(name, (second, false));
            WantedState::Streaming
        };
        self.script
            .change(|desired| desired.destination_mut(name).unwrap().state = state);
    }

    /// The operator goes on with what has to be done next, once the channel is there.
    fn work(&mut self) {
        let document = self
            .emulator
            .with_world(|world, _| world.channel("1").unwrap().describe());
        let state = document["state"].as_str().unwrap_or_default().to_owned();
        let should_be: Vec<&str> = self.wanted.keys().copied().collect();
        let is_right = carried(&Value::Object(document.clone())) == should_be;
        let next = match (&self.hand, state.as_str()) {
            (Hand::Rests, "RUNNING") if !is_right => Hand::Stops,
            (Hand::Rests | Hand::Stops, "IDLE") => Hand::Writes,
            (Hand::Writes, "IDLE") => Hand::Starts,
            (Hand::Starts, "RUNNING") => Hand::Rests,
            _ => return,
        };
        let (operation, body) = match next {
            Hand::Rests => (None, json!({})),
            Hand::Stops => (Some(Operation::StopChannel), json!({})),
            Hand::Writes => (Some(Operation::UpdateChannel), written(&document, &should_be)),
            Hand::Starts => (Some(Operation::StartChannel), json!({})),
        };
        self.hand = next;
        if let Some(operation) = operation {
            let request = Request::new(operation, "1").with_body(body);
            self.emulator
                .with_world(|world, now| world.handle(&request, now).unwrap());
            self.evening.calls += 1;
        }
    }

    /// Counts what pushes and what runs in this second.
    fn look(&mut self, second: u64) {
        let is_look = |operation: &str| {
            let looks = ["List", "Get", "BatchGet", "Describe"];
            looks.iter().any(|look| operation.starts_with(look))
        };
        self.evening.calls += self
            .emulator
            .calls()
            .iter()
            .filter(|call| !is_look(&call.operation))
            .count();
        self.emulator.clear_calls();
        let (on_air, cost) = self.shown();
        self.evening.cost += cost;
        for name in NAMES {
            let (was, is) = (
                self.on_air.get(name) == Some(&true),
                on_air.contains(&name.to_owned()),
            );
            self.on_air.insert(name, is);
            let Some((since, was_on_air)) = self.wanted.get_mut(name) else {
                continue;
            };
            if is && !*was_on_air {
                *was_on_air = true;
                self.evening.waits.push(second - *since);
            }
            self.evening.interruptions += usize::from(was && !is);
            self.evening.lost += u64::from(*was_on_air && !is);
        }
    }

    /// The destinations that are on air, and what all that runs costs, in micro-dollars an hour.
    fn shown(&self) -> (Vec<String>, u64) {
        self.emulator.with_world(|world, _| {
            let mut on_air = Vec::new();
            let mut cost = 0;
            for id in 1..=self.way.channels() {
                let document = Value::Object(world.channel(&id.to_string()).unwrap().describe());
                let slots = u64::try_from(8 / self.way.channels()).unwrap();
                if document["state"] != "IDLE" && document["state"] != "UPDATING" {
                    cost += INPUT_OF_CHANNEL + slots * OUTPUT_OF_CHANNEL;
                }
                if document["state"] == "RUNNING" {
                    on_air.extend(carried(&document).into_iter().map(str::to_owned));
                }
            }
            if self.way == Way::Router {
                cost += INPUT_OF_CHANNEL + OUTPUT_OF_CHANNEL + ROUTER_INPUT;
            }
            for output in world
                .router()
                .resources()
                .filter(|one| one.kind() == ResourceKind::Output)
            {
                if output.state().name() != "STANDBY" {
                    cost += ROUTER_OUTPUT;
                }
                if output.state().name() == "ACTIVE" {
                    let text = output.document().get("configuration").map(Value::to_string);
                    on_air.extend(names_in(&text.unwrap_or_default()).into_iter().map(str::to_owned));
                }
            }
            (on_air, cost)
        })
    }
}

/// The destinations whose keys are in a channel's slots, by name.
fn carried(channel: &Value) -> Vec<&'static str> {
    names_in(&channel["destinations"].to_string())
}

fn names_in(text: &str) -> Vec<&'static str> {
    let is_in = |name: &&&str| text.contains(&format!("k3y-of-{name}"));
    NAMES.iter().filter(is_in).copied().collect()
}

/// The channel's destinations with `names` in the slots, in order, and the others parked.
fn written(channel: &serde_json::Map<String, Value>, names: &[&str]) -> Value {
    let mut destinations = channel["destinations"].clone();
    let slots = destinations.as_array_mut().unwrap().iter_mut();
    let slots = slots.filter(|one| one["id"].as_str().is_some_and(|id| id.starts_with("slot-")));
    for (at, slot) in slots.enumerate() {
        let (url, key) = match names.get(at) {
            Some(name) => (format!("rtmp://{name}.example/live"), format!("k3y-of-{name}")),
            None => (PARKING.to_owned(), format!("parked-{at}")),
        };
        slot["settings"][0]["url"] = json!(url);
        slot["settings"][0]["streamName"] = json!(key);
    }
    json!({ "destinations": destinations })
}

fn fleet(way: Way, ids: &[String]) -> Fleet {
    let channel = |id: &String| InventedChannel {
        id: id.clone(),
        standard: false,
        parking_url: PARKING.into(),
        slots: (1..=8 / ids.len())
            .map(|number| {
                let group = format!("RTMP-Slot-{number}");
                let parked = SlotSelector::parking_name(&SlotId::new(id.as_str(), group.clone()), 0);
                InventedSlot {
                    output_group: group,
                    stream_names: vec![parked],
                }
            })
            .collect(),
    };
    let mut fleet = Fleet::invent(&[InventedPool {
        name: "main".to_owned(),
        channels: ids.iter().map(channel).collect(),
    }]);
    if way == Way::Router {
        fleet.add_invented_router(&InventedRouter {
            input: INPUT.to_owned(),
            interface: INTERFACE.to_owned(),
            channel: None,
        });
    }
    fleet
}
