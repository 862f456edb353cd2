//! The second author: reads the declaration and the observation again, by itself, and rejects a plan that breaks a rule.
//!
//! It runs before each execution and in every test, shares no helper with the planner (only `model` and the plan's
//! data types) and does not ask whether a plan is *good*, only whether it is *allowed and honest*:
//!
//! | question | looked at in |
//! |---|---|
//! | What does every slot hold, and whose is it? | `reading`, `places`, `adoption` |
//! | Does the plan speak of the world it was made for, and of all of it? | here, `goals` |
//! | Are the steps possible, in order, on channels that are ours to touch? | `steps` |
//! | May a running channel be stopped, and is what is taken off air named, granted and brought back? | `stops`, `steps` |
//! | Is what is written right, recorded, and no destination's loss? | `writes`, `tags` |
//! | Does only go on air what is wanted there, and every stream once? | `steps`, `duplicates` |
//! | Does every destination keep what is its own, and is none passed over in silence? | `assignments` |
//!
//! Total and O(n log n) in slots and destinations: whatever it is given, it answers.

mod adoption;
mod assignments;
mod declared;
mod duplicates;
mod goals;
mod places;
mod reading;
mod steps;
mod stops;
mod tags;
#[cfg(test)]
mod tests;
pub mod violation;
mod writes;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

pub use violation::{About, Forbidden, HandsOff, Ungranted, Violation};

use self::declared::Dest;
use self::duplicates::Started;
use self::reading::{ChannelReading, World};
use self::steps::{Outcome, Subject};
use self::stops::OnAir;
use super::{ChannelPlan, DestinationPlan, Plan, PoolPlan};
use crate::model::{
    ChannelId, ChannelObservation, ChannelPool, ChannelState, Desired, DestinationName, Observed, PoolName,
    SlotId,
};

/// Everything that is wrong with `plan`, if it was made from these arguments. Empty: it may be carried out.
#[must_use = "a plan with violations must not be carried out"]
pub fn check(plan: &Plan, desired: &Desired, observed: &Observed, now: Timestamp) -> Vec<Violation> {
    let mut found = Vec::new();
    let world = World::new(desired, observed, now);
    check_complete(plan, &world, &mut found);
    let assigned = Assigned::of(plan, &world, &mut found);
    let mut tallies: BTreeMap<&PoolName, Tally<'_>> = BTreeMap::new();
    let mut started = Started::default();
    for channel in &plan.channels {
        let Some(reading) = world.channels.get(&channel.id) else {
            found.extend(untouchable(channel, HandsOff::NotInPool));
            continue;
        };
        goals::check_seen(channel, reading, &mut found);
        let Some(seen) = reading.seen else {
            found.extend(untouchable(channel, HandsOff::NotSeen));
            continue;
        };
        let subject = Subject {
            world: &world,
            channel: reading,
            seen,
            plan: channel,
            assigned: &assigned,
        };
        let outcome = subject.check(&mut found);
        goals::check_goal(&subject, &mut found);
        if outcome.started {
            started.add(&subject);
        }
        if let Some(policy) = reading.policy {
            tallies
                .entry(&policy.pool.name)
                .or_default()
                .add(&subject, &outcome);
        }
    }
    duplicates::check(&world, &started, &mut found);
    check_pools(plan, &world, &tallies, &mut found);
    assignments::check(plan, &world, &mut found);
    found
}

/// What every slot holds, as it is read here, for the test that compares this with the planner's reading.
#[cfg(test)]
pub(in crate::plan) fn occupants(
    desired: &Desired,
    observed: &Observed,
    now: Timestamp,
) -> BTreeMap<SlotId, super::Content> {
    use super::Content;
    let world = World::new(desired, observed, now);
    let mut all = BTreeMap::new();
    for channel in world.channels.values() {
        for (group, slot) in &channel.slots {
            let content = match goals::content(&world, &slot.occupant) {
                Content::Undeclared { .. } => Content::Undeclared {
                    host: slot
                        .target
                        .hosts()
                        .first()
                        .copied()
                        .unwrap_or_default()
                        .to_owned(),
                },
                content => content,
            };
            all.insert(channel.slot_id(group), content);
        }
        let groups = channel.seen.into_iter().flat_map(|seen| seen.groups.iter());
        for group in groups.filter(|group| channel.matches(group)) {
            if let Err(why) = &group.target {
                let why = why.to_string();
                let slot = channel.slot_id(group.name.as_str());
                all.entry(slot).or_insert(Content::Unusable { why });
            }
        }
    }
    all
}

/// Why nothing at all may be done to a channel.
fn untouchable(plan: &ChannelPlan, why: HandsOff) -> Option<Violation> {
    (!plan.steps.is_empty()).then(|| Violation::Untouchable {
        channel: plan.id.clone(),
        why,
    })
}

/// One entry for every pool and destination that is declared, for every channel that a pool names, and for every other one
/// of ours that may be on air; and none besides, but for other channels that were seen.
fn check_complete(plan: &Plan, world: &World<'_>, found: &mut Vec<Violation>) {
    fn compare<'a>(
        kind: &str,
        needed: impl Iterator<Item = (&'a str, bool)>,
        planned: impl Iterator<Item = &'a str>,
        found: &mut Vec<Violation>,
    ) {
        let mut counts: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
        needed.for_each(|(name, must)| *counts.entry(name).or_default() = (usize::from(must), 1, 0));
        planned.for_each(|name| counts.entry(name).or_default().2 += 1);
        for (name, (least, most, planned)) in counts {
            if planned < least || planned > most {
                found.push(Violation::Incomplete {
                    what: format!("{kind} {name}"),
                    found: planned,
                    wanted: most,
                });
            }
        }
    }
    let desired = world.desired;
    let pools = plan.pools.iter().map(|pool| pool.name.as_str());
    compare(
        "pool",
        desired.pools.keys().map(|name| (name.as_str(), true)),
        pools,
        found,
    );
    let destinations = plan.destinations.iter().map(|one| one.name.as_str());
    let declared = desired.destinations.keys().map(|name| (name.as_str(), true));
    compare("destination", declared, destinations, found);
    let channels = world.channels.values().map(|channel| {
        let is_ours = channel
            .seen
            .is_some_and(|seen| seen.owner.as_ref() == Some(&desired.owner));
        let must = channel.policy.is_some() || is_ours && channel.may_publish();
        (channel.id.as_str(), must)
    });
    compare(
        "channel",
        channels,
        plan.channels.iter().map(|one| one.id.as_str()),
        found,
    );
}

/// Which wanted destination the plan gives which slot.
struct Assigned<'a> {
    slots: BTreeMap<&'a SlotId, Dest>,
    places: BTreeMap<Dest, &'a SlotId>,
}

impl<'a> Assigned<'a> {
    /// No slot twice.
    fn of(plan: &'a Plan, world: &World<'_>, found: &mut Vec<Violation>) -> Self {
        let mut taken: BTreeMap<&SlotId, &DestinationPlan> = BTreeMap::new();
        let mut assigned = Self {
            slots: BTreeMap::new(),
            places: BTreeMap::new(),
        };
        for planned in &plan.destinations {
            let Some(slot) = &planned.assignment else {
                continue;
            };
            if let Some(other) = taken.insert(slot, planned) {
                found.push(Violation::SlotTwice {
                    slot: slot.clone(),
                    first: other.name.clone(),
                    second: planned.name.clone(),
                });
            }
            let dest = world.declared.by_name(&planned.name);
            if let Some(dest) = dest.filter(|dest| world.declared.get(*dest).wanted) {
                assigned.slots.insert(slot, dest);
                assigned.places.insert(dest, slot);
            }
        }
        assigned
    }
}

/// What the channels of one pool come to together.
#[derive(Default)]
struct Tally<'a> {
    /// Wanted destinations that the steps take off air.
    interrupted: usize,
    /// Those that they would take off air, were the limit of concurrent interruptions not reached.
    delayed: usize,
    /// Channels whose steps interrupt a destination.
    interrupting: BTreeSet<&'a ChannelId>,
}

impl<'a> Tally<'a> {
    fn add(&mut self, subject: &Subject<'a>, outcome: &Outcome) {
        self.interrupted += outcome.interrupted;
        if outcome.interrupted > 0 {
            self.interrupting.insert(&subject.plan.id);
        }
        if subject.is_delayed() {
            self.delayed += OnAir::of(subject.world, subject.channel).wanted.len();
        }
    }
}

fn check_pools(
    plan: &Plan,
    world: &World<'_>,
    tallies: &BTreeMap<&PoolName, Tally<'_>>,
    found: &mut Vec<Violation>,
) {
    let nothing = Tally::default();
    let by_pool = still_interrupted(world);
    let none = BTreeSet::new();
    for said in &plan.pools {
        let Some(pool) = world.desired.pools.get(&said.name) else {
            continue;
        };
        let tally = tallies.get(&said.name).unwrap_or(&nothing);
        found.extend(wrong_count(said, tally));
        let before = by_pool.get(&said.name).unwrap_or(&none);
        found.extend(too_many_at_once(pool, tally, before));
    }
}

fn too_many_at_once(
    pool: &ChannelPool,
    tally: &Tally<'_>,
    before: &BTreeSet<&ChannelId>,
) -> Option<Violation> {
    let channels = before.union(&tally.interrupting).count();
    let limit = pool.disruption.max_concurrent;
    let is_over = channels > usize::try_from(limit).unwrap_or(usize::MAX);
    (is_over && !tally.interrupting.is_empty()).then(|| Violation::MaxConcurrent {
        pool: pool.name.clone(),
        channels,
        limit,
    })
}

/// Interruptions that wait for their turn may be counted: they are what the goal costs.
fn wrong_count(said: &PoolPlan, tally: &Tally<'_>) -> Option<Violation> {
    let counted = tally.interrupted + tally.delayed;
    let interruptions = said.interruptions;
    (interruptions.planned != counted || interruptions.lower_bound > interruptions.planned).then(|| {
        Violation::WrongCount {
            pool: said.name.clone(),
            said: interruptions.planned,
            lower_bound: interruptions.lower_bound,
            counted,
        }
    })
}

/// Channels on which a wanted destination of their pool was interrupted and has not come back, by pool.
fn still_interrupted<'a>(world: &World<'a>) -> BTreeMap<&'a PoolName, BTreeSet<&'a ChannelId>> {
    let wanted_of = |name: &DestinationName| {
        let one = world.declared.get(world.declared.by_name(name)?);
        one.wanted.then_some(&one.destination.pool)
    };
    let pool_of = |id: &ChannelId| world.channels.get(id).and_then(ChannelReading::pool);
    let is_off = |id: &ChannelId| match world.observed.channels.get(id) {
        Some(ChannelObservation::Seen(seen)) => seen.state != ChannelState::Running,
        // Who is on a channel that is gone does not come back there; of one that cannot be seen nothing is known.
        gone_or_unknown => !matches!(gone_or_unknown, Some(ChannelObservation::Missing)),
    };
    let returning = world.observed.returning.iter();
    let returning = returning
        .filter(|(name, slot)| wanted_of(name).is_some_and(|pool| pool_of(&slot.channel) == Some(pool)))
        .map(|(_, slot)| &slot.channel);
    let mut by_pool: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for id in returning.chain(&world.observed.interrupted) {
        if let Some(pool) = pool_of(id).filter(|_| is_off(id)) {
            by_pool.entry(pool).or_default().insert(id);
        }
    }
    by_pool
}
