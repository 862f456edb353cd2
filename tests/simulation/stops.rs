//! Whether a stop of a channel is granted: who goes off air by it, and what the pool grants just then.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use slotwise::emulator::World;
use slotwise::emulator::channel::State;
use slotwise::emulator::world::Channel;
use slotwise::model::{
    Cause, ChannelPool, Desired, Destination, DestinationName, Interrupt, Pause, WantedState,
};
use tokio::time::Instant;

use super::reading::{Endpoint, carries, has_key, is_running, pool_of, slots};
use super::world::PARKING;

/// A stop of a channel, at a moment, while this is declared.
pub(super) struct Stop<'a> {
    world: &'a World,
    desired: &'a Desired,
    wall: Timestamp,
    id: &'a str,
    channel: &'a Channel,
    pool: &'a ChannelPool,
    /// Whether somebody who is on air on another channel as well loses nothing.
    copies: bool,
}

impl<'a> Stop<'a> {
    pub(super) fn new(
        world: &'a World,
        id: &'a str,
        desired: &'a Desired,
        wall: Timestamp,
    ) -> Result<Self, String> {
        let (Some(channel), Some(pool)) = (world.channel(id), pool_of(desired, id)) else {
            return Err("no pool names it".to_owned());
        };
        Ok(Self {
            world,
            desired,
            wall,
            id,
            channel,
            pool,
            copies: true,
        })
    }

    /// Whoever is on air on another channel as well loses it too.
    pub(super) fn with_copies(self) -> Self {
        Self {
            copies: false,
            ..self
        }
    }

    /// Whom it takes off air, or why it must not be.
    pub(super) fn judge(
        &self,
        released: &BTreeMap<DestinationName, Instant>,
    ) -> Result<BTreeSet<DestinationName>, String> {
        let (pool, wall) = (self.pool, self.wall);
        let mine = self.desired.destinations.values().map(|one| &**one);
        let here: Vec<&Destination> = mine
            .filter(|one| one.pool == pool.name && carries(self.channel, one))
            .filter(|one| !released.contains_key(&one.name))
            .filter(|one| !self.copies || !self.is_elsewhere(one))
            .collect();
        if let Some(paused) = here.iter().find(|one| is_paused(one.paused.as_ref(), wall)) {
            return Err(format!("{} is paused and on air there", paused.name));
        }
        let lost: Vec<&&Destination> = here
            .iter()
            .filter(|one| one.state == WantedState::Streaming)
            .collect();
        if lost.is_empty() {
            return Ok(BTreeSet::new());
        }
        let names: BTreeSet<DestinationName> = lost.iter().map(|one| one.name.clone()).collect();
        if let Some(firm) = lost.iter().find(|one| !one.interruptible) {
            return Err(format!("{} must not be interrupted", firm.name));
        }
        if is_paused(pool.paused.as_ref(), wall) {
            return Err(format!("{names:?} are on air there and the pool is paused"));
        }
        let granted = causes(self.world, self.channel, self.desired, pool, wall)
            .intersection(&pool.disruption.causes)
            .next()
            .is_some();
        if !is_open(pool, wall) || !granted {
            return Err(format!(
                "{names:?} are wanted and on air there, and nothing grants it"
            ));
        }
        Ok(names)
    }

    /// Whether somebody is on air on another channel as well; where this one only starts or recovers, one that does is as
    /// good.
    fn is_elsewhere(&self, one: &Destination) -> bool {
        let is_as_good = |other: &Channel| {
            other.state() == State::Running || self.channel.state() != State::Running && is_running(other)
        };
        let mut others = self
            .world
            .channels()
            .iter()
            .filter(|(other, _)| *other != self.id);
        others.any(|(_, channel)| is_as_good(channel) && carries(channel, one))
    }
}

/// Which causes an interruption of a channel could have at all.
fn causes(
    world: &World,
    channel: &Channel,
    desired: &Desired,
    pool: &ChannelPool,
    wall: Timestamp,
) -> BTreeSet<Cause> {
    let all = || desired.destinations.values().map(|one| &**one);
    let mine = || all().filter(|one| one.pool == pool.name);
    let kept =
        |one: &&Destination| one.state == WantedState::Streaming || is_paused(one.paused.as_ref(), wall);
    let on_air = |one: &Destination| {
        world
            .channels()
            .values()
            .any(|channel| is_running(channel) && carries(channel, one))
    };
    let pushed_to = |endpoint: &Endpoint| {
        let running = world.channels().values().filter(|channel| is_running(channel));
        let slots = running.flat_map(|channel| slots(channel).into_values());
        slots.filter(|slot| slot.first() == Some(endpoint)).count()
    };
    let missing: Vec<&Destination> = mine()
        .filter(|one| {
            one.state == WantedState::Streaming && !is_paused(one.paused.as_ref(), wall) && !on_air(one)
        })
        .collect();
    let mut causes = BTreeSet::new();
    if !missing.is_empty() {
        causes.insert(Cause::Start);
    }
    for slot in slots(channel)
        .values()
        .filter_map(|slot| slot.first())
        .filter(|first| first.0 != PARKING)
    {
        // A second copy of a target is one too many.
        let is_kept = mine()
            .filter(kept)
            .any(|one| *one.url == *slot.0 && has_key(one, &slot.1));
        if !is_kept || pushed_to(slot) > 1 {
            causes.insert(Cause::Stop);
        }
        if missing.iter().any(|one| *one.url == *slot.0) {
            causes.insert(Cause::Retarget);
        }
    }
    causes
}

/// Whether a pause is in force.
pub(super) fn is_paused(pause: Option<&Pause>, wall: Timestamp) -> bool {
    pause.is_some_and(|pause| pause.until.is_none_or(|until| wall < until))
}

/// Whether the time allows an interruption in `pool`: windows of these worlds open by the hour or by the day.
fn is_open(pool: &ChannelPool, wall: Timestamp) -> bool {
    match pool.disruption.interrupt {
        Interrupt::Never => false,
        Interrupt::Anytime => true,
        Interrupt::Window => pool.disruption.windows.iter().any(|window| {
            let (every, first) = period(&window.cron.pattern.to_string());
            let since = (wall.as_second() - first).rem_euclid(every);
            since < window.duration.as_secs().cast_signed()
        }),
    }
}

/// How often a window opens, and when first after midnight, in seconds.
fn period(cron: &str) -> (i64, i64) {
    let mut fields = cron.split_whitespace();
    let (minute, hour) = (fields.next().unwrap(), fields.next().unwrap());
    match (
        minute.strip_prefix("*/"),
        minute.parse::<i64>(),
        hour.parse::<i64>(),
    ) {
        (Some(every), _, _) => (60 * every.parse::<i64>().unwrap(), 0),
        (None, Ok(minute), Ok(hour)) => (86_400, 60 * (60 * hour + minute)),
        _ => panic!("no world draws {cron}"),
    }
}
