//! What people and MediaLive do to the controller while it runs.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::Rng;
use rand::seq::IteratorRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use slotwise::controller::Clock;
use slotwise::emulator::channel::State;
use slotwise::emulator::request::Request;
use slotwise::emulator::{Effect, Emulator, Fault, FaultKind, Operation};
use slotwise::model::{Desired, DestinationName, Interrupt, Pause, PoolName, StreamKey, WantedState};

use super::reading::is_running;
use super::safety::Safety;
use super::world::{self, CANARY, STRANGER};
use crate::stage::Script;

/// What the runner of the life has to do itself.
pub(super) enum Next {
    /// Go on.
    On,
    /// The process ends without a word; another one begins after a while.
    Crash,
}

/// Everything that life acts upon.
pub(super) struct Life {
    pub(super) random: ChaCha8Rng,
    pub(super) script: Script,
    pub(super) emulator: Emulator,
    pub(super) clock: Clock,
    pub(super) safety: Arc<Mutex<Safety>>,
    /// Counts whatever is made up, so that no name or key comes twice.
    pub(super) serial: usize,
}

impl Life {
    /// How long until something happens: often in quick succession, sometimes after a while.
    pub(super) fn pause(&mut self) -> Duration {
        let longest = *[3.0, 30.0, 300.0].iter().choose(&mut self.random).unwrap();
        Duration::from_secs_f64(self.random.random_range(0.1..longest))
    }

    /// Lets one thing happen.
    pub(super) fn act(&mut self) -> Next {
        match self.random.random_range(0..100) {
            0..35 => self.switch(),
            35..39 => self.add(),
            39..43 => self.remove(),
            43..47 => self.rename(),
            47..53 => self.rotate(),
            53..59 => self.hold(),
            59..62 => self.hold_pool(),
            62..66 => self.rearrange(),
            66..69 => self.lose_key(),
            69..73 => self.change_policy(),
            73..84 => self.human(),
            84..96 => self.fault(),
            96..98 => {
                let seconds = self.random.random_range(-7200..7200);
                self.clock.jump(seconds);
                self.declare(&format!("the wall clock jumps by {seconds} s"), |_, _| {});
            }
            _ => return Next::Crash,
        }
        Next::On
    }

    /// Faults and changes end; what only time would change is settled, so that rest is rest.
    pub(super) fn end(&mut self) {
        self.emulator.with_world(|world, _| world.faults().clear());
        let open = self.random.random_bool(0.5);
        self.declare("life and faults end", |_, desired| {
            for pool in desired.pools.values_mut() {
                pool.paused = None;
                if pool.disruption.interrupt == Interrupt::Window {
                    pool.disruption.interrupt = if open {
                        Interrupt::Anytime
                    } else {
                        Interrupt::Never
                    };
                }
            }
            for one in desired.destinations.values_mut().map(Arc::make_mut) {
                one.paused = one.paused.take().filter(|pause| pause.until.is_none());
            }
        });
    }

    /// Changes the declaration, and tells the judge.
    fn declare(&mut self, what: &str, change: impl FnOnce(&mut ChaCha8Rng, &mut Desired)) {
        let mut now = None;
        self.script.change(|desired| {
            change(&mut self.random, desired);
            now = Some(desired.clone());
        });
        let mut safety = self.safety.lock().unwrap();
        safety.declare(now.unwrap(), self.clock.now());
        safety.note(format!("life: {what}"));
    }

    /// Changes one destination, if there is any.
    fn change_one(
        &mut self,
        what: &str,
        change: impl FnOnce(&mut ChaCha8Rng, &mut slotwise::model::Destination),
    ) {
        let Some(name) = self.any() else { return };
        self.declare(&format!("{what} {name}"), |random, desired| {
            let one = desired.destination_mut(name.as_str()).unwrap();
            one.generation += 1;
            change(random, one);
        });
    }

    fn any(&mut self) -> Option<DestinationName> {
        let mut found = None;
        let random = &mut self.random;
        self.script
            .look(|desired| found = desired.destinations.keys().choose(random).cloned());
        found
    }

    fn switch(&mut self) {
        for _ in 0..self.random.random_range(1..=3) {
            self.change_one("switch", |_, one| {
                one.state = match one.state {
                    WantedState::Streaming => WantedState::Ready,
                    WantedState::Ready => WantedState::Streaming,
                };
            });
        }
    }

    fn add(&mut self) {
        self.serial += 1;
        let serial = 100 + self.serial;
        self.declare("add", |random, desired| {
            let pool = desired.pools.values().choose(random).unwrap().clone();
            let one = world::destination(random, &pool, serial);
            desired.destinations.insert(one.name.clone(), one.into());
        });
    }

    fn remove(&mut self) {
        let Some(name) = self.any() else { return };
        self.declare(&format!("remove {name}"), |_, desired| {
            drop(desired.destinations.remove(&name));
        });
    }

    fn rename(&mut self) {
        let Some(name) = self.any() else { return };
        self.serial += 1;
        let new = DestinationName::new(format!("r{}", self.serial));
        self.declare(&format!("rename {name} to {new}"), |_, desired| {
            let mut one = desired.destinations.remove(&name).unwrap();
            Arc::make_mut(&mut one).name = new.clone();
            desired.destinations.insert(new, one);
        });
    }

    fn rotate(&mut self) {
        self.serial += 1;
        let serial = self.serial as u64;
        self.change_one("rotate the key of", |_, one| {
            one.key = world::key(one.name.as_str(), serial);
        });
    }

    /// Only of one that has its URL alone: which of several owners of a URL a former key belonged to nobody can tell.
    fn hold(&mut self) {
        let now = self.clock.now();
        self.change_one("pause or resume", |random, one| {
            if one.url.contains("platform") {
                return;
            }
            let until = random
                .random_bool(0.5)
                .then(|| now + Duration::from_secs(random.random_range(10..1200)));
            one.paused = match one.paused {
                Some(_) => None,
                None => Some(Pause {
                    until,
                    by: None,
                    why: None,
                }),
            };
        });
    }

    fn hold_pool(&mut self) {
        let now = self.clock.now();
        self.declare("pause or resume a pool", |random, desired| {
            let pool = desired.pools.values_mut().choose(random).unwrap();
            let until = Some(now + Duration::from_secs(random.random_range(10..600)));
            pool.paused = match pool.paused {
                Some(_) => None,
                None => Some(Pause {
                    until,
                    by: None,
                    why: None,
                }),
            };
        });
    }

    fn rearrange(&mut self) {
        self.change_one("rearrange", |random, one| {
            one.group = world::group(random);
            one.priority = random.random_range(0..3);
            one.interruptible = random.random_bool(0.85);
            one.pin = None;
        });
    }

    /// A key cannot be read for a while. Only of one that has its URL alone, so that everybody knows which slot is its.
    fn lose_key(&mut self) {
        self.serial += 1;
        let serial = self.serial as u64;
        self.change_one("lose or find the key of", |_, one| {
            if !one.url.contains("platform") {
                one.key = match one.key {
                    StreamKey::Known(_) => StreamKey::Unavailable {
                        reference: "env KEY".to_owned(),
                        why: "it is not set".to_owned(),
                    },
                    StreamKey::Unavailable { .. } => world::key(one.name.as_str(), serial),
                };
            }
        });
    }

    fn change_policy(&mut self) {
        self.declare("change a pool's policy", |random, desired| {
            let names: Vec<PoolName> = desired.pools.keys().cloned().collect();
            let name = names.iter().choose(random).unwrap();
            desired.pools.get_mut(name).unwrap().disruption = world::disruption(random);
        });
    }

    /// Somebody works on a channel by hand.
    fn human(&mut self) {
        let ids: Vec<String> = self
            .emulator
            .with_world(|world, _| world.channels().keys().cloned().collect());
        let Some(id) = ids
            .into_iter()
            .filter(|id| id != STRANGER)
            .choose(&mut self.random)
        else {
            return;
        };
        self.serial += 1;
        let (serial, deed) = (self.serial, self.random.random_range(0..12));
        let random = &mut self.random;
        let did = self.emulator.with_world(|world, now| {
            let mut call = |operation| world.handle(&Request::new(operation, &id), now).is_ok();
            match deed {
                0..4 => call(Operation::StopChannel).then_some("stops"),
                4..7 => call(Operation::StartChannel).then_some("starts"),
                7..9 => {
                    let channel = world.channel_mut(&id)?;
                    let slot = random.random_range(1..=2);
                    let stopped = channel.state() == State::Idle;
                    let one = channel.document_mut().get_mut("destinations")?.get_mut(slot)?;
                    stopped.then(|| {
                        one["settings"][0]["url"] = json!("rtmp://by-hand.example/app");
                        one["settings"][0]["streamName"] = json!(format!("{CANARY}-by-hand-{serial}"));
                        "edits"
                    })
                }
                9 => {
                    let name = json!(format!("renamed-{serial}"));
                    world
                        .channel_mut(&id)?
                        .document_mut()
                        .insert("name".to_owned(), name);
                    Some("renames")
                }
                10 => {
                    world
                        .channel_mut(&id)?
                        .document_mut()
                        .insert("tags".to_owned(), json!({}));
                    Some("takes the tag off")
                }
                _ => {
                    let channel = world.channel_mut(&id)?;
                    (!is_running(channel) && random.random_bool(0.2)).then(|| {
                        world.remove_channel(&id);
                        "deletes"
                    })
                }
            }
        });
        if let Some(did) = did {
            self.safety
                .lock()
                .unwrap()
                .note(format!("life: a human {did} channel {id}"));
        }
    }

    /// Something goes wrong for a while.
    fn fault(&mut self) {
        let random = &mut self.random;
        let effect = if random.random_bool(0.5) {
            Effect::Before
        } else {
            Effect::After
        };
        let times = random.random_range(1..=3);
        let channel = random.random_range(1..=4).to_string();
        let mut fault = match random.random_range(0..12) {
            0 => Fault::new(FaultKind::Throttle),
            1 | 2 => Fault::new(FaultKind::ServerError { status: 500, effect }),
            3 | 4 => Fault::new(FaultKind::Timeout { effect }),
            5 => Fault::new(FaultKind::Reset { effect }),
            6 => Fault::new(FaultKind::StaleList {
                seconds: random.random_range(1.0..30.0),
            }),
            7 => Fault::new(FaultKind::Slow {
                seconds: random.random_range(1.0..25.0),
            }),
            8 => Fault::new(FaultKind::StartFails).times(times),
            9 => Fault::new(FaultKind::UpdateFails).times(times),
            10 => Fault::new(FaultKind::Recovering { seconds: None })
                .of(channel)
                .times(1),
            _ => Fault::new(FaultKind::Maintenance).of(channel).times(1),
        };
        if !fault.is_event() {
            fault.matcher.rate = random.random_range(0.2..1.0);
            fault.matcher.for_seconds = Some(random.random_range(5.0..240.0));
            let calls = [
                Operation::DescribeChannel,
                Operation::UpdateChannel,
                Operation::StartChannel,
                Operation::StopChannel,
            ];
            let broad = matches!(
                fault.kind,
                FaultKind::StaleList { .. } | FaultKind::StartFails | FaultKind::UpdateFails
            );
            if !broad && random.random_bool(0.5) {
                fault.matcher.operation = calls.into_iter().choose(random);
            }
        }
        self.safety.lock().unwrap().note(format!("fault: {fault:?}"));
        self.emulator.inject(fault);
    }
}
