//! Whole hours of RouterPools and a ChannelPool with switches, moves between them, faults, restarts and work by hand, drawn at random and judged by what the emulator
//! shows, second by second.
//!
//! Safety: an output that carries a wanted destination's own target stays on air, whatever happens around it; one stream is pushed
//! once; what belongs to others is not touched. Liveness: when the trouble has ended, each destination is where it is wanted or
//! says why not.

#[path = "router_lives/judge.rs"]
mod judge;
#[path = "router_lives/shown.rs"]
mod shown;
#[path = "router_lives/source.rs"]
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use slotwise::testing::controller::{Clock, Settings, Until};
use slotwise::testing::emulator::mediaconnect::{Operation as Op, ResourceKind};
use slotwise::testing::emulator::request::Request;
use slotwise::testing::emulator::{Effect, Emulator, Fault, FaultKind, Operation, Options};
use slotwise::testing::model::{Cause, Desired, Interrupt, Pause, Secret, StreamKey, WantedState};
use slotwise::testing::status::Phase;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::shown::Shown;
use super::stage::{INPUT, Script, Stage, declared, destination, fleet, pool};

const SECOND: Duration = Duration::from_secs(1);
const POOLS: [&str; 3] = ["main", "other", "slots"];
const CHANNELS: [&str; 2] = ["1", "2"];
const OTHER_INPUT: &str = "arn:aws:mediaconnect:us-east-1:111122223333:routerInput:b1b2c3d4e5f6";
const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// How long a declaration has to be as it is before a step may no longer follow from the one before: as long as an order is good
/// for, with the call itself.
const CALM: Duration = Duration::from_secs(30);

/// How long after work by hand, or a fault of an output, what it does is none of slotwise's.
const DISTURBED: Duration = Duration::from_mins(10);

/// Since when each part of a declaration is as it is.
#[derive(Debug, Clone, Copy)]
struct Since {
    state: Instant,
    key: Instant,
    pause: Instant,
    pool: Instant,
}

/// One life: the world, what is declared, and what has happened.
struct Life {
    random: ChaCha8Rng,
    emulator: Emulator,
    script: Script,
    clock: Clock,
    since: BTreeMap<String, Since>,
    /// Since when the policies of the pools are as they are.
    policy: Instant,
    /// Destinations that vanished with more than may vanish at once: they stay on air.
    kept: BTreeSet<String>,
    /// Outputs that were worked on by hand, or failed.
    disturbed: BTreeMap<String, Instant>,
    before: BTreeMap<String, Shown>,
    /// When this process began.
    begun: Instant,
    /// Outputs on air that were stopped for a new target, and when.
    retargeted: BTreeMap<String, Instant>,
    /// Every key that was declared, and whose it was.
    keys_of: BTreeMap<String, String>,
    log: Vec<String>,
    keys: u32,
    /// What is in front of the input, in a life with a source.
    in_front: Option<source::InFront>,
}

impl Life {
    fn new(seed: u64, has_source: bool) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let states: Vec<(&str, WantedState)> = NAMES[..5]
            .iter()
            .map(|name| {
                (
                    *name,
                    either(&mut random, WantedState::Streaming, WantedState::Ready),
                )
            })
            .collect();
        let mut desired = declared(&states);
        let pool = desired.routers.get_mut("main").unwrap();
        pool.disruption.interrupt = either(&mut random, Interrupt::Never, Interrupt::Anytime);
        pool.source = has_source.then(|| source::CHANNEL.into());
        pool.keep = random.random_bool(0.5).then(|| Duration::from_mins(20));
        add_pools(&mut desired);
        if random.random_bool(0.5) {
            for name in ["d", "e"] {
                desired.destination_mut(name).unwrap().pool = "slots".into();
            }
        }
        let mut options = Options {
            seed,
            ..Options::default()
        };
        if random.random_bool(0.3) {
            options.quotas.router.outputs = 4;
        }
        let emulator = Emulator::new(options, fleet(&desired));
        let clock = Clock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
        let now = Instant::now();
        let mut life = Self {
            random,
            emulator,
            script: Script::new(desired),
            clock,
            since: NAMES
                .iter()
                .map(|name| {
                    (
                        (*name).to_owned(),
                        Since {
                            state: now,
                            key: now,
                            pause: now,
                            pool: now,
                        },
                    )
                })
                .collect(),
            policy: now,
            kept: BTreeSet::new(),
            disturbed: BTreeMap::new(),
            before: BTreeMap::new(),
            begun: now,
            retargeted: BTreeMap::new(),
            keys_of: NAMES
                .iter()
                .map(|name| (format!("k3y-of-{name}"), (*name).to_owned()))
                .collect(),
            log: Vec::new(),
            keys: 0,
            in_front: has_source.then(source::InFront::new),
        };
        if !has_source {
            life.add_foreign();
        }
        life.before = life.outputs();
        life
    }

    /// An output of somebody else, on air with the stream of a destination that may be declared later.
    fn add_foreign(&mut self) {
        let interface = self.script.desired().routers["main"]
            .network_interface
            .to_string();
        let body = json!({
            "name": "foreign", "maximumBitrate": 8_000_000, "routingScope": "REGIONAL", "tier": "OUTPUT_20",
            "configuration": {"standard": {"networkInterfaceArn": interface, "protocolConfiguration": {"rtmpPush": {
                "destinationAddress": "f.example", "destinationPort": 1935, "applicationName": "live",
                "streamName": "k3y-of-f"}}}},
        });
        let made = self.by_hand(Op::CreateRouterOutput, "", body);
        assert!(made, "the foreign output is made");
        self.emulator.advance(Duration::from_mins(5));
        let arn = self.router_outputs().into_keys().next().unwrap();
        let body = json!({ "routerInputArn": INPUT });
        assert!(self.by_hand(Op::TakeRouterInput, &arn, body));
        self.emulator.advance(Duration::from_mins(5));
        assert!(self.by_hand(Op::StartRouterOutput, &arn, json!({})));
        self.emulator.advance(Duration::from_mins(5));
        assert_eq!(self.outputs()[&arn].state, "ACTIVE");
    }

    fn by_hand(&mut self, operation: Op, arn: &str, body: Value) -> bool {
        let request = Request::new(Operation::Router(operation), arn).with_body(body);
        self.emulator
            .with_world(|world, now| world.handle(&request, now).is_ok())
    }

    fn note(&mut self, what: String) {
        self.log.push(what);
    }

    /// Something happens.
    fn happen(&mut self) {
        let name = (*NAMES.choose(&mut self.random).unwrap()).to_owned();
        let now = Instant::now();
        match self.random.random_range(0..22) {
            0..6 => {
                let state = either(&mut self.random, WantedState::Streaming, WantedState::Ready);
                self.change(
                    &name,
                    |since, now| since.state = now,
                    |desired, name| {
                        if let Some(one) = desired.destination_mut(name) {
                            one.state = state;
                        }
                    },
                );
                self.note(format!("{name} is {state:?}"));
            }
            6 => self.other_key(&name, false),
            7 => {
                let is_there = self.script.desired().destinations.contains_key(name.as_str());
                self.kept.remove(&name);
                self.change(
                    &name,
                    |since, now| since.state = now,
                    |desired, name| {
                        if is_there {
                            desired.destinations.remove(name);
                        } else {
                            let mut one = destination(name, WantedState::Streaming);
                            let named = desired
                                .routers
                                .keys()
                                .find(|pool| pool.as_str().starts_with("main"));
                            one.pool = named.unwrap().clone();
                            desired.destinations.insert(name.into(), one.into());
                        }
                    },
                );
                self.note(format!(
                    "{name} {}",
                    if is_there { "vanishes" } else { "is declared" }
                ));
            }
            8 => {
                let is_paused = self.random.random_bool(0.3);
                self.change(
                    &name,
                    |since, now| since.pause = now,
                    |desired, name| {
                        if let Some(one) = desired.destination_mut(name) {
                            one.paused = is_paused.then_some(Pause {
                                until: None,
                                by: None,
                                why: None,
                            });
                        }
                    },
                );
                self.note(format!("{name} is paused: {is_paused}"));
            }
            9..12 => self.fault(),
            12 => {
                let interrupt = either(&mut self.random, Interrupt::Never, Interrupt::Anytime);
                self.policy = now;
                let pool = *POOLS.choose(&mut self.random).unwrap();
                self.script.change(|desired| {
                    if let Some(pool) = desired
                        .routers
                        .values_mut()
                        .find(|one| one.name.as_str().starts_with(pool))
                    {
                        pool.disruption.interrupt = interrupt;
                    } else {
                        desired.pools.get_mut("slots").unwrap().disruption.interrupt = interrupt;
                    }
                });
                self.note(format!("interrupt: {interrupt:?} in {pool}"));
            }
            13 => self.vanish_together(),
            14 => self.copy_stream(&name),
            15..17 => self.move_one(&name),
            17 => self.rename_pool(),
            18 => self.other_key(&name, true),
            _ => self.work_by_hand(),
        }
    }

    /// Another key; MediaConnect takes none with a backslash.
    fn other_key(&mut self, name: &str, is_refused: bool) {
        self.keys += 1;
        let text = format!("k3y-{}{}", self.keys, if is_refused { "\\" } else { "" });
        self.keys_of.insert(text.clone(), name.to_owned());
        let key = StreamKey::Known(Secret::new(text));
        self.change(
            name,
            |since, now| since.key = now,
            |desired, name| {
                if let Some(one) = desired.destination_mut(name) {
                    one.key = key;
                }
            },
        );
        let kind = if is_refused {
            "another key, which is refused"
        } else {
            "another key"
        };
        self.note(format!("{name} has {kind}"));
    }

    /// Two of one stream, as when a block is copied.
    fn copy_stream(&mut self, name: &str) {
        let (url, key) = {
            let first = destination("a", WantedState::Streaming);
            (first.url, first.key)
        };
        self.change(
            name,
            |since, now| since.key = now,
            |desired, name| {
                if let Some(one) = desired.destination_mut(name).filter(|_| name != "a") {
                    (one.url, one.key) = (url, key);
                }
            },
        );
        self.note(format!("{name} has the stream of a"));
    }

    fn move_one(&mut self, name: &str) {
        let desired = self.script.desired();
        let routers = desired.routers.keys();
        let pools: Vec<_> = routers.chain(desired.pools.keys()).cloned().collect();
        let pool = pools.choose(&mut self.random).unwrap().clone();
        self.note(format!("{name} moves to {pool}"));
        self.change(
            name,
            |since, now| since.pool = now,
            |desired, name| {
                if let Some(one) = desired.destination_mut(name) {
                    one.pool = pool;
                }
            },
        );
    }

    /// Pool `main` is called `main-2`, or again `main`, in every file.
    fn rename_pool(&mut self) {
        self.note("pool main is renamed".to_owned());
        self.policy = Instant::now();
        self.script.change(|desired| {
            let (from, to) = if desired.routers.contains_key("main") {
                ("main", "main-2")
            } else {
                ("main-2", "main")
            };
            let mut pool = desired.routers.remove(from).unwrap();
            pool.name = to.into();
            desired.routers.insert(to.into(), pool);
            for name in NAMES {
                if let Some(one) = desired
                    .destination_mut(name)
                    .filter(|one| one.pool.as_str() == from)
                {
                    one.pool = to.into();
                }
            }
        });
    }

    fn work_by_hand(&mut self) {
        let arns: Vec<String> = self
            .router_outputs()
            .into_iter()
            .filter(|(_, shown)| shown.ours)
            .map(|(arn, _)| arn)
            .collect();
        let Some(arn) = arns.choose(&mut self.random).cloned() else {
            return;
        };
        let operations = [
            Op::StopRouterOutput,
            Op::StartRouterOutput,
            Op::DeleteRouterOutput,
        ];
        let operation = *operations.choose(&mut self.random).unwrap();
        self.disturbed.insert(arn.clone(), Instant::now());
        let done = self.by_hand(operation, &arn, json!({}));
        self.note(format!("by hand {operation:?} {arn}: {done}"));
    }

    fn change(
        &mut self,
        name: &str,
        note: impl FnOnce(&mut Since, Instant),
        change: impl FnOnce(&mut Desired, &str),
    ) {
        note(self.since.get_mut(name).unwrap(), Instant::now());
        self.script.change(|desired| change(desired, name));
    }

    /// Files are lost: so many vanish at once that none of them may be released.
    fn vanish_together(&mut self) {
        let on_air = self.outputs().into_values();
        let on_air = on_air.filter(|shown| shown.ours && shown.state == "ACTIVE");
        let on_air: BTreeSet<String> = on_air.filter_map(|shown| shown.named).collect();
        let desired = self.script.desired();
        // One whose stream another one has as well goes on in that one.
        let is_alone = |name: &&String| {
            let own = desired.destinations.get(name.as_str()).map(|one| &one.key);
            let same = desired.destinations.values().filter(|one| Some(&one.key) == own);
            same.count() == 1
        };
        let gone: Vec<String> = on_air.iter().filter(is_alone).cloned().collect();
        if gone.len() < 3 || !self.kept.is_empty() {
            return;
        }
        let now = Instant::now();
        for name in &gone {
            self.since.get_mut(name).unwrap().state = now;
        }
        self.note(format!("{gone:?} vanish together"));
        self.script.change(|desired| {
            for name in &gone {
                desired.destinations.remove(name.as_str());
            }
        });
        self.kept.extend(gone);
    }

    fn fault(&mut self) {
        let kinds = [
            FaultKind::Throttle,
            FaultKind::ServerError {
                status: 503,
                effect: Effect::Before,
            },
            FaultKind::ServerError {
                status: 503,
                effect: Effect::After,
            },
            FaultKind::StaleList { seconds: 20.0 },
            FaultKind::PartialList { place: 1 },
            FaultKind::StartFails,
        ];
        if self.random.random_bool(0.15) {
            self.note("fault: updates are denied".to_owned());
            let update = Operation::Router(Op::UpdateRouterOutput);
            self.emulator
                .inject(Fault::new(FaultKind::AccessDenied).on(update));
            return;
        }
        let mut fault = Fault::new(kinds.choose(&mut self.random).unwrap().clone());
        if matches!(fault.kind, FaultKind::StartFails) {
            fault = fault.times(1);
        } else {
            fault = fault.rate(0.4).times(30);
        }
        self.note(format!("fault {:?}", fault.kind));
        self.emulator.inject(fault);
    }

    fn tail(&self) -> String {
        let from = self.log.len().saturating_sub(60);
        self.log[from..].join("\n")
    }

    /// One process runs for so long, and something happens every `pause` or so.
    async fn tenure(&mut self, long: Duration, pause: Option<Duration>) -> Stage {
        let settings = Settings::new("test".into());
        let seed = self.random.random();
        let emulator = self.emulator.clone();
        let mut stage = Stage::assemble(emulator, self.script.clone(), self.clock.clone(), seed, settings);
        // The first look of a process is whole: of an output that it has never seen it cannot know that a stream is on air there.
        self.emulator.with_world(|world, _| world.faults().clear());
        let asked = CancellationToken::new();
        let until = Instant::now() + long;
        let events = stage.events.clone();
        let begun = Instant::now();
        self.begun = begun;
        let judge = async {
            let mut shown = 0;
            while Instant::now() < until {
                tokio::time::sleep(SECOND).await;
                let heard = events.lock().unwrap()[shown..].to_vec();
                shown += heard.len();
                self.hear(&heard, begun);
                self.judge();
                let share = pause.map_or(0.0, |pause| 1.0 / pause.as_secs_f64());
                if self.random.random_bool(share) {
                    self.happen_anywhere();
                }
            }
            asked.cancel();
        };
        tokio::join!(judge, stage.controller.run(Until::Asked, &asked));
        stage
    }
}

/// RouterPool `other` with an input of its own, and ChannelPool `slots`.
fn add_pools(desired: &mut Desired) {
    let mut other = desired.routers["main"].clone();
    other.name = "other".into();
    other.input = OTHER_INPUT.into();
    other.source = None;
    desired.routers.insert("other".into(), other);
    let mut slots = pool(&CHANNELS);
    slots.name = "slots".into();
    slots.disruption.causes = [Cause::Retarget].into();
    desired.pools.insert("slots".into(), slots);
}

fn either<T>(random: &mut ChaCha8Rng, one: T, other: T) -> T {
    if random.random_bool(0.6) { one } else { other }
}

/// Lets one life happen. What is wrong with it, as `CHECK: what, and what happened before`.
pub(crate) fn live(seed: u64) -> Result<(), String> {
    let life = || {
        // The SDK draws the jitter of its retries from this thread's generator.
        fastrand::seed(seed);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(whole_hours(seed));
    };
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(life));
    ended.map_err(|panic| match panic.downcast::<String>() {
        Ok(what) => *what,
        Err(other) => format!("panicked: {:?}", other.downcast_ref::<&str>()),
    })
}

async fn whole_hours(seed: u64) {
    // Every other one has a channel in front.
    let has_source = seed % 2 == 1;
    let mut life = Life::new(seed, has_source);
    life.note(format!("seed {seed}"));
    for _ in 0..6 {
        let minutes = life.random.random_range(5..30);
        let pause = Duration::from_secs(life.random.random_range(20..90));
        drop(life.tenure(Duration::from_mins(minutes), Some(pause)).await);
    }
    life.end_trouble();
    let stage = life.tenure(Duration::from_mins(45), None).await;
    life.assert_settled(&stage);
    if has_source {
        Box::pin(life.end_in_front(stage)).await;
    }
    assert!(!life.log.join("\n").contains("k3y"), "key shown: a key was shown");
}

#[cfg(test)]
mod tests {
    fn live(seed: u64) {
        super::live(seed).unwrap_or_else(|what| panic!("seed {seed}: {what}"));
    }

    /// `tests/run` lives more. A life that fails is mended, not drawn again.
    #[test]
    fn whole_hours_of_switches_moves_faults_and_restarts() {
        live(0);
    }
}
