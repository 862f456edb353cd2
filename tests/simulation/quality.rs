//! How good slotwise is on a good day: weeks without faults, against the least that any controller could do.
//!
//! In these weeks every destination may be interrupted at any time and there are slots enough, so a wanted one goes on air
//! at once; the question is only on which channel, and that decides the later interruptions. Changes come so far apart
//! that each is done before the next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::seq::IteratorRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use slotwise::testing::emulator::channel::State;
use slotwise::testing::emulator::{Call, Emulator, Fleet, Options, World};
use slotwise::testing::model::{
    Cause, Desired, DestinationName, Disruption, Interrupt, OwnerId, Placement, WantedState,
};

use super::hindsight::{Moment, first_fit, least_interruptions};
use super::process::{Process, SetUp};
use super::reading::{is_running, slots};
use super::{Broken, Cast, Log, Simulation, WEEK, in_virtual_time, world};

/// Slots of each channel.
const SLOTS: usize = 3;

/// How far apart changes are, in minutes: at most three channels that are stopped, updated and started one by one.
const APART: std::ops::Range<u64> = 45..360;

/// What a number of weeks came to.
#[derive(Debug, Default)]
pub(crate) struct Quality {
    pub(crate) weeks: usize,
    /// Changes of one or several destinations at once.
    pub(crate) changes: usize,
    /// Destinations interrupted, and how many would have been if the whole week had been known.
    pub(crate) interruptions: usize,
    pub(crate) least: usize,
    /// The same for a controller that always joins where it interrupts the fewest now.
    pub(crate) first_fit: usize,
    /// From wanted to on air, in seconds, each with what MediaLive itself took of it.
    pub(crate) waits: Vec<(f64, f64)>,
    /// Calls made, and how many it takes: a list for each interval, and each change of a channel once.
    pub(crate) calls: usize,
    pub(crate) calls_floor: usize,
    /// A rule that was broken, all the same.
    pub(crate) broken: Option<Broken>,
}

impl Quality {
    pub(crate) fn add(&mut self, mut other: Self) {
        self.weeks += other.weeks;
        self.changes += other.changes;
        self.interruptions += other.interruptions;
        self.least += other.least;
        self.first_fit += other.first_fit;
        self.waits.append(&mut other.waits);
        self.calls += other.calls;
        self.calls_floor += other.calls_floor;
        self.broken = self.broken.take().or(other.broken);
    }
}

impl Quality {
    /// As a table in Markdown; values are means per week unless stated otherwise.
    pub(crate) fn table(&self) -> String {
        let weeks = number(self.weeks.max(1));
        let mean = |count: usize| number(count) / weeks;
        let waits = sorted(self.waits.iter().map(|(wait, _)| *wait));
        let own = sorted(self.waits.iter().map(|(_, own)| *own));
        let ours = sorted(self.waits.iter().map(|(wait, own)| wait - own));
        let spread = |seconds: &[f64]| {
            let [median, most, max] = [0.5, 0.95, 1.0].map(|share| quantile(seconds, share));
            format!("{median:.0} / {most:.0} / {max:.0}")
        };
        format!(
            "| {} weeks, {:.0} changes each | slotwise | the least possible |\n\
             |---|---|---|\n\
             | interruptions in a week | {:.2} | {:.2} with hindsight; {:.2} by first fit |\n\
             | wanted to on air, s (median / 95 % / longest) | {} | {}, MediaLive's own time |\n\
             | of that slotwise, s | {} | |\n\
             | API calls in a week | {:.0} | {:.0}: a list a minute, each change of a channel once |",
            self.weeks,
            mean(self.changes),
            mean(self.interruptions),
            mean(self.least),
            mean(self.first_fit),
            spread(&waits),
            spread(&own),
            spread(&ours),
            mean(self.calls),
            mean(self.calls_floor),
        )
    }
}

fn sorted(seconds: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut seconds: Vec<f64> = seconds.collect();
    seconds.sort_by(f64::total_cmp);
    seconds
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// The number below which `share` of `sorted` are.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let at = (number(last) * share).round() as usize;
    sorted.get(at).copied().unwrap_or_default()
}

/// A week of `seed` without faults.
pub(crate) fn calm_week(seed: u64) -> Quality {
    calm_week_of(seed, WEEK)
}

/// The beginning of it.
pub(super) fn calm_week_of(seed: u64, lasts: Duration) -> Quality {
    in_virtual_time(seed, async |log| {
        let mut week = Week::new(seed, log);
        week.live(lasts).await;
        week.quality(lasts)
    })
}

/// What is being measured.
struct Week {
    random: ChaCha8Rng,
    simulation: Simulation,
    stopwatch: Arc<Mutex<Stopwatch>>,
    channels: usize,
    moments: Vec<Moment>,
}

impl Week {
    fn new(seed: u64, log: Log) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let cast = cast(seed, &mut random);
        let channels = cast.desired.pools.values().next().unwrap().channels.len();
        let simulation = Simulation::new(cast, log);
        let stopwatch = Arc::new(Mutex::new(Stopwatch::default()));
        let (judge, watch) = (Arc::clone(&simulation.judge), Arc::clone(&stopwatch));
        simulation
            .life
            .emulator
            .on_call(Box::new(move |before, after, call| {
                judge.lock().unwrap().call(before, after, call);
                watch.lock().unwrap().call(before, after, call);
            }));
        Self {
            random,
            simulation,
            stopwatch,
            channels,
            moments: Vec::new(),
        }
    }

    async fn live(&mut self, lasts: Duration) {
        let mut at = Duration::ZERO;
        loop {
            at += Duration::from_mins(self.random.random_range(APART));
            if at > lasts || self.simulation.is_broken() {
                break;
            }
            self.simulation.until(self.simulation.begun + at).await;
            self.change();
        }
        self.simulation.until(self.simulation.begun + lasts).await;
    }

    /// Some go on or off air, or one on air gets another key.
    fn change(&mut self) {
        let desired = &self.simulation.life.desired;
        let all = desired.destinations.keys().cloned();
        let mut rotated = None;
        let mut switched = BTreeSet::new();
        if self.random.random_bool(0.15) {
            let on = all.filter(|name| is_on(desired, name));
            rotated = on.choose(&mut self.random);
        } else {
            let count = self.random.random_range(1..=3);
            switched.extend(all.choose_multiple(&mut self.random, count));
        }
        let number = self.moments.len() as u64;
        self.simulation.life.declare("a change", |_, desired| {
            for name in &switched {
                let state = if is_on(desired, name) {
                    WantedState::Ready
                } else {
                    WantedState::Streaming
                };
                desired.destination_mut(name.as_str()).unwrap().state = state;
            }
            if let Some(name) = &rotated {
                desired.destination_mut(name.as_str()).unwrap().key = world::key(name.as_str(), number + 1);
            }
        });
        self.simulation.processes.running().for_each(Process::wake);
        let desired = &self.simulation.life.desired;
        let wanted: BTreeSet<DestinationName> = desired
            .destinations
            .keys()
            .filter(|name| is_on(desired, name))
            .cloned()
            .collect();
        let now = self.simulation.begun.elapsed();
        let new = switched.iter().filter(|name| wanted.contains(*name));
        self.stopwatch.lock().unwrap().want(&wanted, new, now);
        let number = |name: &DestinationName| name.as_str()[1..].parse::<u32>().unwrap();
        self.moments.push(Moment {
            wanted: wanted.iter().map(number).collect(),
            rotated: rotated.iter().map(number).collect(),
        });
    }

    fn quality(self, lasts: Duration) -> Quality {
        let mut judge = self.simulation.judge();
        let stopwatch = self.stopwatch.lock().unwrap();
        let interval = self.simulation.processes.set_up().interval;
        let rounds = (lasts.as_secs_f64() / interval.as_secs_f64()).floor();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small count"
        )]
        let calls_floor = rounds as usize + stopwatch.writes;
        let slots = vec![SLOTS; self.channels];
        Quality {
            weeks: 1,
            changes: self.moments.len(),
            interruptions: stopwatch.interrupted,
            least: least_interruptions(&slots, &self.moments).unwrap(),
            first_fit: first_fit(&slots, &self.moments).unwrap(),
            waits: stopwatch.waits.clone(),
            calls: judge.tally.calls,
            calls_floor,
            broken: judge.broken.take(),
        }
    }
}

fn is_on(desired: &Desired, name: &DestinationName) -> bool {
    desired.destinations[name].state == WantedState::Streaming
}

/// One pool with slots for every destination.
fn cast(seed: u64, random: &mut ChaCha8Rng) -> Cast {
    let channels = random.random_range(2..=4);
    let ids: Vec<String> = (1..=channels).map(|number| number.to_string()).collect();
    let disruption = Disruption {
        interrupt: Interrupt::Anytime,
        causes: BTreeSet::from([Cause::Start, Cause::Stop, Cause::Retarget]),
        windows: Vec::new(),
        max_concurrent: 1,
    };
    let pool = world::pool(
        "main",
        ids.iter().map(String::as_str),
        Placement::Spread,
        disruption,
    );
    let mut desired = Desired::empty(OwnerId::new(world::OWNER));
    for number in 0..random.random_range(channels..=SLOTS * channels).min(7) {
        let one = world::plain(&format!("d{number}"), &pool);
        desired.destinations.insert(one.name.clone(), one.into());
    }
    let fleet = Fleet::invent(&[world::invented(&pool, SLOTS)]);
    desired.pools.insert(pool.name.clone(), pool);
    let options = Options {
        seed,
        ..Options::default()
    };
    Cast {
        seed,
        desired,
        emulator: Emulator::new(options, fleet),
        processes: 1,
        set_up: SetUp {
            interval: Duration::from_mins(1),
            transition_interval: Duration::from_secs(5),
            // It is woken for each change.
            source_interval: Duration::from_hours(1),
            concurrency: 8,
            lease: None,
        },
        table: None,
        kinds: Vec::new(),
    }
}

/// Takes the time of channels and destinations, at every call.
#[derive(Default)]
struct Stopwatch {
    wanted: BTreeSet<DestinationName>,
    /// Wanted destinations that are not on air yet, and since when they are wanted.
    waiting: BTreeMap<DestinationName, Duration>,
    /// Stretches of transition of each channel: from when to when.
    transitions: BTreeMap<String, Vec<(Duration, Duration)>>,
    /// In which state each channel was seen last, and since when.
    seen: BTreeMap<String, (State, Duration)>,
    waits: Vec<(f64, f64)>,
    interrupted: usize,
    writes: usize,
}

impl Stopwatch {
    fn want<'a>(
        &mut self,
        wanted: &BTreeSet<DestinationName>,
        new: impl Iterator<Item = &'a DestinationName>,
        now: Duration,
    ) {
        self.wanted.clone_from(wanted);
        self.waiting.retain(|name, _| wanted.contains(name));
        self.waiting.extend(new.map(|name| (name.clone(), now)));
    }

    fn call(&mut self, before: &World, after: &World, call: &Call) {
        for (id, channel) in after.channels() {
            self.note_state(id, channel.state(), channel.life().since());
        }
        let Some(id) = &call.channel else {
            return self.note_on_air(after);
        };
        if call.applied && call.operation != "DescribeChannel" {
            self.writes += 1;
        }
        if call.applied && call.operation == "StopChannel" {
            let stopped = before.channel(id).filter(|channel| is_running(channel));
            let targets = stopped.map(slots).unwrap_or_default().into_values();
            let lost =
                targets.filter(|slot| slot.first().is_some_and(|first| self.holder(&first.0).is_some()));
            self.interrupted += lost.count();
        }
        self.note_on_air(after);
    }

    /// Which of those that are wanted a URL belongs to; here each has one of its own.
    fn holder(&self, url: &str) -> Option<&DestinationName> {
        self.wanted
            .iter()
            .find(|name| url == format!("rtmp://{name}.example/app"))
    }

    fn note_state(&mut self, id: &str, state: State, since: Duration) {
        let before = self.seen.insert(id.to_owned(), (state, since));
        if let Some((was, began)) = before
            && was != state
            && matches!(was, State::Starting | State::Stopping | State::Updating)
        {
            self.transitions
                .entry(id.to_owned())
                .or_default()
                .push((began, since));
        }
    }

    fn note_on_air(&mut self, world: &World) {
        for (id, channel) in world
            .channels()
            .iter()
            .filter(|(_, channel)| channel.state() == State::Running)
        {
            let on_air_at = channel.life().since();
            for slot in slots(channel).into_values() {
                let holder = slot.first().and_then(|first| self.holder(&first.0)).cloned();
                let Some((name, since)) = holder.and_then(|name| self.waiting.remove_entry(&name)) else {
                    continue;
                };
                let of_medialive = self.transitions.get(id).into_iter().flatten();
                let own: Duration = of_medialive
                    .map(|(from, to)| to.min(&on_air_at).saturating_sub(*from.max(&since)))
                    .sum();
                debug_assert!(on_air_at >= since, "{name} is on air before it is wanted");
                self.waits
                    .push((on_air_at.saturating_sub(since).as_secs_f64(), own.as_secs_f64()));
            }
        }
    }
}
