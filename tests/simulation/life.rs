//! What people, AWS and the machines do to slotwise in a week.
//!
//! A life is a list of actions. Each is drawn by itself, from the seed and its number, so that a life without some of
//! them is the same life otherwise: that is what lets a failure be shrunk.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::seq::{IndexedRandom, IteratorRandom};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use slotwise::testing::controller::Clock;
use slotwise::testing::emulator::{Emulator, Fault, FaultKind, Operation};
use slotwise::testing::medialive::OWNER_TAG;
use slotwise::testing::model::{
    ChannelPool, Desired, Destination, DestinationName, Idle, Interrupt, Pause, PoolChannel, PoolName,
    StreamKey, WantedState,
};
use tokio::time::Instant;

use super::files::{Accident, Files};
use super::hand::Hand;
use super::items;
use super::judge::Judge;
use super::leases::Trouble;
use super::mishaps;
use super::reading::slots;
use super::table::Table;
use super::tap::{Boundary, Calls};
use super::world::{self, FOREIGN, PARKING};

#[path = "life/faults.rs"]
mod faults;

/// Destinations at most: more than there are slots in any of these worlds.
const DESTINATIONS_MAX: usize = 16;

/// For how long a name must have been free before it is used again.
const FREE_FOR: Duration = Duration::from_hours(3);

/// The policy that allows every tag.
const ALL_TAGS: &str = "*";

/// The streams of random numbers that rare actions are drawn from.
const MEDDLING: u64 = 1 << 61;

/// What an action does to processes.
#[derive(Debug, Clone, Copy)]
pub(super) enum ToProcess {
    /// It ends without a word: at once, or at a boundary to come.
    Dies(Option<Boundary>),
    /// It stands still for a while: at once, or at a boundary to come.
    Freezes(Duration, Option<Boundary>),
    /// The lease table does not answer it for a while, or late.
    LosesTable { trouble: Trouble, lasts: Duration },
    /// Before its next look at a single channel that one is changed by hand.
    IsForestalled(Hand),
}

/// One of the things that happen in a life.
#[derive(Debug)]
pub(super) struct Action {
    /// Its number in the life.
    pub(super) number: usize,
    /// When it happens, since the life began.
    pub(super) at: Duration,
    random: ChaCha8Rng,
}

/// Everything that happens in the life of `seed`, as long as it lasts.
pub(super) fn actions(seed: u64, lasts: Duration) -> Vec<Action> {
    let mut at = Duration::ZERO;
    let drawn = (0..).map(|number| {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(number as u64 + 1);
        at += pause(&mut random);
        Action { number, at, random }
    });
    drawn.take_while(|action| action.at < lasts).collect()
}

/// Things happen in quick succession around a show, and then for hours nothing does.
fn pause(random: &mut ChaCha8Rng) -> Duration {
    let longest = match random.random_range(0..100) {
        0..45 => 60.0,
        45..80 => 1_200.0,
        _ => 30_000.0,
    };
    Duration::from_secs_f64(random.random_range(0.1..longest))
}

/// Everything that life acts upon.
pub(super) struct Life {
    /// What people have declared, whatever became of their files.
    pub(super) desired: Desired,
    pub(super) files: Files,
    pub(super) emulator: Emulator,
    pub(super) clock: Clock,
    pub(super) judge: Arc<Mutex<Judge>>,
    /// Where some or all of the destinations live, if not in files.
    pub(super) table: Option<Table>,
    /// Draws the action that happens now.
    random: ChaCha8Rng,
    /// Counts whatever is made up, so that no name or key comes twice.
    serial: usize,
    /// Names that are free, and since when.
    free: BTreeMap<DestinationName, Instant>,
    /// Which tags may be written in the end.
    tag_keys_allowed: String,
    /// Keys that cannot be read, as they were.
    lost: BTreeMap<DestinationName, StreamKey>,
}

impl Life {
    pub(super) fn new(
        desired: Desired,
        emulator: Emulator,
        clock: Clock,
        judge: Arc<Mutex<Judge>>,
        table: Option<Table>,
    ) -> Self {
        let mut files = Files::new(table.as_ref().map(|table| Arc::clone(&table.plan)));
        files.write(&desired);
        if let Some(table) = &table {
            table.write(&desired);
        }
        let tag_keys_allowed =
            emulator.with_world(|world, _| world.settings().switches.tag_keys_allowed.clone());
        Self {
            free: BTreeMap::new(),
            tag_keys_allowed,
            desired,
            files,
            emulator,
            clock,
            judge,
            table,
            random: ChaCha8Rng::seed_from_u64(0),
            serial: 0,
            lost: BTreeMap::new(),
        }
    }

    /// Lets one thing happen.
    pub(super) fn act(&mut self, action: Action) -> Option<ToProcess> {
        let mishap = self
            .table
            .as_ref()
            .and_then(|table| mishaps::befall(table, &action.random));
        if let Some((what, to_process)) = mishap {
            self.note(what);
            return to_process;
        }
        if let ControlFlow::Break(to_process) = self.meddle(&action.random) {
            return to_process;
        }
        self.random = action.random;
        self.serial = 10 * action.number;
        match self.random.random_range(0..100) {
            0..14 => self.begin_or_end_event(),
            14..33 => self.switch(),
            33..37 => self.add(),
            37..41 => self.remove(),
            41..44 => self.rename(),
            44..50 => self.rotate(),
            50..55 => self.hold(),
            55..58 => self.hold_pool(),
            58..62 => self.rearrange(),
            62..65 => self.lose_key(),
            65..69 => self.change_policy(),
            69..77 => return self.human(),
            77..88 => self.fault(),
            88..89 => self.maintain_all(),
            89..91 => self.jump_clock(),
            91..93 => self.spoil_files(),
            93..97 => return Some(self.die()),
            97..99 => return Some(self.freeze()),
            _ => return Some(self.lose_table()),
        }
        None
    }

    /// In the place of some actions something rare: pools are edited, addresses respelled, tags denied. Drawn aside, so that
    /// all else stays as it is. What happens to a process by it, if anything.
    fn meddle(&mut self, random: &ChaCha8Rng) -> ControlFlow<Option<ToProcess>> {
        let mut random = random.clone();
        random.set_stream(random.get_stream() | MEDDLING);
        let action = random.random_range(0..100);
        if action > 12 {
            return ControlFlow::Continue(());
        }
        self.random = random;
        match action {
            0 | 1 => self.respell(),
            2 => self.change_pool("what its idle channels do", |_, pool| {
                pool.idle = match pool.idle {
                    Idle::Stop => Idle::KeepRunning,
                    Idle::KeepRunning => Idle::Stop,
                };
            }),
            3 | 4 => self.change_groups(),
            5 => self.change_pool("where its parked slots point", |_, pool| {
                let is_first = *pool.slots.parking_url == *PARKING;
                let other = format!("{PARKING}-elsewhere");
                pool.slots.parking_url = if is_first { other.into() } else { PARKING.into() };
            }),
            6 | 7 => self.edit_channels(),
            8 => self.deny_tags(),
            9 => self.deny_slot_tags(),
            10 => self.move_to_full_pool(),
            _ => {
                // Tags have two boundaries: it dies at the second.
                let (after, at) = (1, Calls::Tags);
                return ControlFlow::Break(Some(ToProcess::Dies(Some(Boundary { after, at }))));
            }
        }
        let kinds = [
            "an address respelled",
            "an address respelled",
            "a pool's idle changed",
            "a pool's groups changed",
            "a pool's groups changed",
            "a pool's parking changed",
            "a pool's channels changed",
            "a pool's channels changed",
        ];
        if let Some(kind) = kinds.get(action) {
            self.meet(kind);
        }
        ControlFlow::Break(None)
    }

    /// No tag can be written for a while, not even an owner's.
    fn deny_tags(&mut self) {
        let mut fault = Fault::new(FaultKind::AccessDenied).on(Operation::CreateTags);
        fault.matcher.for_seconds = Some(self.random.random_range(60.0..7_200.0));
        self.inject(fault);
    }

    /// A policy that allows the owner tag only takes the place of the one that there is, or that one is back.
    fn deny_slot_tags(&mut self) {
        let allowed = self.emulator.with_world(|world, _| {
            let allowed = &mut world.settings_mut().switches.tag_keys_allowed;
            let other = if *allowed == ALL_TAGS { OWNER_TAG } else { ALL_TAGS };
            other.clone_into(allowed);
            allowed.clone()
        });
        self.note(format!("life: a policy allows tags: {allowed}"));
    }

    /// A destination on air moves to a pool whose others are all wanted at the same time.
    fn move_to_full_pool(&mut self) {
        let in_table = self.table.as_ref().map(|table| table.plan.pools.clone());
        let in_table = in_table.unwrap_or_default();
        let of = &self.desired;
        let mut wanted: Vec<&Destination> = of.destinations.values().map(|one| &**one).collect();
        wanted.retain(|one| one.state == WantedState::Streaming && one.paused.is_none());
        let Some(one) = wanted.choose(&mut self.random) else {
            return;
        };
        // Where both are read in one look: between two it would be declared twice or nowhere.
        let beside =
            |pool: &&PoolName| **pool != one.pool && in_table.contains(*pool) == in_table.contains(&one.pool);
        let Some(pool) = of.pools.keys().find(beside).cloned() else {
            return;
        };
        let name = one.name.clone();
        let slots: usize = self.emulator.with_world(|world, _| {
            let channels = of.pools[&pool].channels.iter();
            let known = channels.filter_map(|channel| world.channel(channel.id.as_str()));
            known.map(|channel| slots(channel).len()).sum()
        });
        let others = of.destinations.values().filter(|one| one.pool == pool).count();
        self.declare(
            &format!("move {name} to {pool}, whose {others} are all wanted"),
            |_, desired| {
                for one in desired.destinations.values_mut().map(Arc::make_mut) {
                    if one.name == name {
                        (one.pool, one.pin) = (pool.clone(), None);
                    } else if one.pool == pool {
                        one.state = WantedState::Streaming;
                    }
                }
            },
        );
        let is_full = others >= slots;
        self.meet(if is_full {
            "a move to a full pool"
        } else {
            "a move to a busy pool"
        });
    }

    /// Another spelling of the same address.
    fn respell(&mut self) {
        self.change_one("respell the URL of", |_, one| {
            let name = one.name.clone();
            let plain = format!("rtmp://{name}.example/app");
            if *one.url == *plain {
                one.url = format!("rtmp://{}.EXAMPLE:1935/app/", name.as_str().to_uppercase()).into();
            } else if one.url.starts_with("rtmp://platform") {
                one.url = "rtmp://Platform.example/app/".into();
            } else if one.url.starts_with("rtmp://Platform") {
                one.url = "rtmp://platform.example/app".into();
            }
        });
    }

    fn change_pool(&mut self, what: &str, change: impl FnOnce(&mut ChaCha8Rng, &mut ChannelPool)) {
        self.declare(&format!("a pool has another: {what}"), |random, desired| {
            let pool = desired.pools.values_mut().choose(random).unwrap();
            change(random, pool);
        });
    }

    /// A pool has other output groups for slots.
    fn change_groups(&mut self) {
        let plan = self.table.as_ref().map(|table| Arc::clone(&table.plan));
        self.declare("a pool has another: its output groups", |random, desired| {
            let pool = desired.pools.values_mut().choose(random).unwrap();
            let globs = ["RTMP-Slot-*", "RTMP-Slot-[12]", "rtmp-slot-*"];
            let glob = globs.choose(random).unwrap();
            let glob = globset::Glob::new(glob).unwrap().compile_matcher();
            // Files and table are not read in one look: an item's pin would be refused in between.
            let is_misfit = |one: &Destination| {
                let mut pin = one.pin.iter();
                one.pool == pool.name && pin.any(|pin| !glob.is_match(pin.output_group.as_str()))
            };
            let is_of_item = |one: &Destination| plan.as_ref().is_some_and(|plan| plan.holds(one));
            let mut all = desired.destinations.values();
            if !all.any(|one| is_of_item(one) && is_misfit(one)) {
                pool.slots.output_groups = glob;
            }
        });
    }

    /// A channel leaves its pool, or comes back to one.
    fn edit_channels(&mut self) {
        let known = self.emulator.with_world(|world, _| {
            let ids = world.channels().keys();
            ids.filter(|id| *id != FOREIGN).cloned().collect::<Vec<_>>()
        });
        self.declare("a channel leaves or joins a pool", |random, desired| {
            let is_pooled = |id: &str| {
                let mut all = desired.pools.values().flat_map(|pool| &pool.channels);
                all.any(|channel| channel.id == *id)
            };
            let alone = known.iter().find(|id| !is_pooled(id)).cloned();
            let pinned: Vec<_> = desired
                .destinations
                .values()
                .filter_map(|one| one.pin.clone())
                .collect();
            let pool = desired.pools.values_mut().choose(random).unwrap();
            if let Some(id) = alone {
                // The rest of the life is the same with it and without.
                let takeover = random.clone().random_bool(0.3);
                let id = id.as_str().into();
                pool.channels.push(PoolChannel { id, takeover });
            } else if pool.channels.len() > 1 {
                let at = random.random_range(0..pool.channels.len());
                if pinned.iter().all(|pin| pin.channel != pool.channels[at].id) {
                    pool.channels.remove(at);
                }
            }
        });
    }

    /// Faults and changes end; what only time would change is settled, so that rest is rest.
    pub(super) fn end(&mut self) {
        self.emulator.with_world(|world, _| {
            world.faults().clear();
            let allowed = &mut world.settings_mut().switches.tag_keys_allowed;
            allowed.clone_from(&self.tag_keys_allowed);
        });
        self.table.iter().for_each(Table::recover);
        self.declare("life and faults end", |_, desired| {
            for pool in desired.pools.values_mut() {
                pool.paused = None;
                // A window that opens in an hour would end the rest.
                if pool.disruption.interrupt == Interrupt::Window {
                    pool.disruption.interrupt = Interrupt::Anytime;
                }
            }
            for one in desired.destinations.values_mut().map(Arc::make_mut) {
                one.paused = one.paused.take().filter(|pause| pause.until.is_none());
            }
        });
    }

    /// Changes the declaration, and informs the judge.
    pub(super) fn declare(&mut self, what: &str, change: impl FnOnce(&mut ChaCha8Rng, &mut Desired)) {
        change(&mut self.random, &mut self.desired);
        unpin_misfits(&mut self.desired);
        self.files.write(&self.desired);
        self.table.iter().for_each(|table| table.write(&self.desired));
        let mut judge = self.judge.lock().unwrap();
        judge.views.declare(self.desired.clone(), self.clock.now());
        judge.note(format!("life: {what}"));
    }

    /// Changes one destination, if there is any.
    fn change_one(&mut self, what: &str, change: impl FnOnce(&mut ChaCha8Rng, &mut Destination)) {
        let Some(name) = self.any() else { return };
        self.declare(&format!("{what} {name}"), |random, desired| {
            change(random, desired.destination_mut(name.as_str()).unwrap());
        });
    }

    fn any(&mut self) -> Option<DestinationName> {
        self.desired.destinations.keys().choose(&mut self.random).cloned()
    }

    /// All of a group go on or off air together, or some that have nothing else in common.
    fn begin_or_end_event(&mut self) {
        let group = world::group(&mut self.random);
        let all = self.desired.destinations.values();
        let mut chosen: Vec<DestinationName> = match group {
            Some(group) => all
                .filter(|one| one.group.as_ref() == Some(&group))
                .map(|one| one.name.clone())
                .collect(),
            None => all
                .map(|one| one.name.clone())
                .choose_multiple(&mut self.random, 4),
        };
        chosen.sort();
        let is_on = |name: &DestinationName| self.desired.destinations[name].state == WantedState::Streaming;
        let (what, state) = if chosen.iter().any(is_on) {
            ("an event ends", WantedState::Ready)
        } else {
            ("an event begins", WantedState::Streaming)
        };
        let names: Vec<&str> = chosen.iter().map(DestinationName::as_str).collect();
        self.declare(&format!("{what}: {}", names.join(" ")), |_, desired| {
            for name in &chosen {
                desired.destination_mut(name.as_str()).unwrap().state = state;
            }
        });
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
        if self.desired.destinations.len() >= DESTINATIONS_MAX {
            return;
        }
        self.serial += 1;
        let serial = 100 + self.serial;
        let plan = self.table.as_ref().map(|table| Arc::clone(&table.plan));
        let name = self.name_that_is_free();
        let mut is_given_on = false;
        self.declare("add", |random, desired| {
            let pool = desired.pools.values().choose(random).unwrap().clone();
            let mut one = world::destination(random, &pool, serial);
            if plan.as_ref().is_some_and(|plan| plan.is_of_tenant(&one)) {
                one.identity = items::identity(serial).into();
                is_given_on = name.is_some() && plan.is_some_and(|plan| plan.keys_inside);
                if let Some(name) = name.filter(|_| is_given_on) {
                    one.name = name;
                }
            }
            desired.destinations.insert(one.name.clone(), one.into());
        });
        if is_given_on {
            self.meet("a name given on from tenant to tenant");
        }
    }

    /// A name that has been free for so long that every process has seen it.
    fn name_that_is_free(&mut self) -> Option<DestinationName> {
        let is_free = |(_, since): &(&DestinationName, &Instant)| since.elapsed() > FREE_FOR;
        let free = self
            .free
            .iter()
            .filter(is_free)
            .map(|(name, _)| name.clone())
            .next()?;
        self.free.remove(&free);
        Some(free)
    }

    fn give_up(&mut self, name: &DestinationName) {
        self.free.insert(name.clone(), Instant::now());
    }

    fn remove(&mut self) {
        let Some(name) = self.any() else { return };
        // A table that is empty is believed only when there is an item again.
        if self.table.as_ref().is_some_and(|table| table.is_last(&name)) {
            return;
        }
        self.give_up(&name);
        self.declare(&format!("remove {name}"), |_, desired| {
            drop(desired.destinations.remove(&name));
        });
    }

    fn rename(&mut self) {
        let Some(name) = self.any() else { return };
        self.serial += 1;
        let new = DestinationName::new(format!("r{}", self.serial));
        self.give_up(&name);
        let plan = self.table.as_ref().map(|table| Arc::clone(&table.plan));
        self.declare(&format!("rename {name} to {new}"), |_, desired| {
            let mut of = desired.destinations.remove(&name).unwrap();
            let one = Arc::make_mut(&mut of);
            one.name = new.clone();
            // The item of a tenant is still the same one.
            if !plan.is_some_and(|plan| plan.is_of_tenant(one)) {
                one.identity = new.as_str().into();
            }
            desired.destinations.insert(new, of);
        });
    }

    fn rotate(&mut self) {
        self.serial += 1;
        let serial = self.serial as u64;
        self.change_one("rotate the key of", |_, one| {
            one.key = world::key(one.name.as_str(), serial);
        });
    }

    fn hold(&mut self) {
        let now = self.clock.now();
        self.change_one("pause or resume", |random, one| {
            let until = random
                .random_bool(0.5)
                .then(|| now + Duration::from_secs(random.random_range(10..1200)));
            one.paused = match one.paused {
                Some(_) => None,
                None => Some(Pause {
                    until,
                    by: Some("ana".to_owned()),
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
                    by: Some("ana".to_owned()),
                    why: None,
                }),
            };
        });
    }

    fn rearrange(&mut self) {
        let in_table = self.table.as_ref().map(|table| table.plan.pools.clone());
        let in_table = in_table.unwrap_or_default();
        let pools: Vec<PoolName> = self.desired.pools.keys().cloned().collect();
        self.change_one("rearrange", |random, one| {
            if random.random_bool(0.3) {
                // Where both are read in one look: between two it would be declared twice or nowhere.
                let beside = |pool: &&PoolName| in_table.contains(*pool) == in_table.contains(&one.pool);
                one.pool = pools.iter().filter(beside).choose(random).unwrap().clone();
            }
            one.group = world::group(random);
            one.priority = random.random_range(0..3);
            one.interruptible = random.random_bool(0.85);
            one.pin = None;
        });
    }

    /// A key cannot be read for a while, or those of all with one URL: it takes one permission to read them. What comes back
    /// may be another one.
    fn lose_key(&mut self) {
        let Some(name) = self.any() else { return };
        let of = &self.desired.destinations[&name];
        let (url, finds) = (of.url.clone(), matches!(of.key, StreamKey::Unavailable { .. }));
        let all = self.random.random_bool(0.3);
        self.serial += 1;
        let serial = self.serial as u64;
        let mut keys = std::mem::take(&mut self.lost);
        let action = if finds { "find" } else { "lose" };
        let whose = if all { " and its like" } else { "" };
        self.declare(
            &format!("{action} the key of {name}{whose}"),
            |random, desired| {
                let ones = desired.destinations.values_mut().map(Arc::make_mut);
                for one in ones.filter(|one| one.name == name || all && one.url == url) {
                    match &one.key {
                        StreamKey::Known(_) if !finds => {
                            keys.insert(one.name.clone(), std::mem::replace(&mut one.key, nowhere()));
                        }
                        StreamKey::Unavailable { .. } if finds => {
                            let old = keys.remove(&one.name).filter(|_| random.random_bool(0.5));
                            one.key = old.unwrap_or_else(|| world::key(one.name.as_str(), serial));
                        }
                        _ => {}
                    }
                }
            },
        );
        self.lost = keys;
    }

    fn change_policy(&mut self) {
        self.declare("change a pool's policy", |random, desired| {
            let names: Vec<PoolName> = desired.pools.keys().cloned().collect();
            let name = names.iter().choose(random).unwrap();
            desired.pools.get_mut(name).unwrap().disruption = world::disruption(random);
        });
    }

    fn jump_clock(&mut self) {
        let seconds = self.random.random_range(-7_200..7_200);
        self.clock.jump(seconds);
        self.declare(&format!("the wall clock jumps by {seconds} s"), |_, _| {});
    }

    fn spoil_files(&mut self) {
        // Until they are mended nothing else happens to them.
        if self.files.accident().is_some() {
            return;
        }
        let accidents = [
            Accident::Torn,
            Accident::Emptied,
            Accident::Gone,
            Accident::Shrunk,
        ];
        let accident = *accidents.choose(&mut self.random).unwrap();
        let spoiled = self.files.spoil(accident, self.random.random_range(0..2));
        self.judge.lock().unwrap().views.spoil(spoiled);
        self.note(format!("life: files are spoiled: {accident:?}"));
    }

    fn meet(&self, kind: &str) {
        self.judge.lock().unwrap().tally.meet(kind);
    }

    fn note(&self, what: String) {
        self.judge.lock().unwrap().note(what);
    }

    /// A channel is changed by hand: now, or right between a look at it and the step decided by that.
    fn human(&mut self) -> Option<ToProcess> {
        let hand = Hand {
            serial: self.serial + 1,
            seed: self.random.random(),
        };
        if self.random.random_bool(0.3) {
            return Some(ToProcess::IsForestalled(hand));
        }
        let mut ids = self
            .emulator
            .with_world(|world, _| world.channels().keys().cloned().collect::<Vec<_>>());
        ids.retain(|id| id != FOREIGN);
        let id = ids.choose(&mut self.random)?;
        if let Some(did) = hand.work(&self.emulator, id) {
            self.note(format!("life: a human {did} channel {id}"));
            self.meet(&format!("a human {did} a channel"));
        }
        None
    }
}

fn nowhere() -> StreamKey {
    StreamKey::Unavailable {
        reference: "env KEY".to_owned(),
        why: "it is not set".to_owned(),
    }
}

/// Removes pins to groups that are no longer slots of the pool: such a declaration would be refused.
fn unpin_misfits(desired: &mut Desired) {
    let pools = &desired.pools;
    for one in desired.destinations.values_mut() {
        let fits = one.pin.as_ref().is_none_or(|pin| {
            let pool = &pools[&one.pool];
            pool.channels.iter().any(|channel| channel.id == pin.channel)
                && pool.slots.output_groups.is_match(pin.output_group.as_str())
        });
        if !fits {
            Arc::make_mut(one).pin = None;
        }
    }
}
