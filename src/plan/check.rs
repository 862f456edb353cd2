//! The second author: reads the declaration and the observation again, by itself, and rejects a plan that breaks a rule.
//!
//! It runs before each execution and in every test, shares no helper with the planner (only `model` and the plan's
//! data types) and does not ask whether a plan is *good*, only whether it is *allowed and honest*:
//!
//! | question | looked at in |
//! |---|---|
//! | Does the plan speak of the world it was made for, and of all of it? | here |
//! | Are the steps possible, in order, on channels that are ours to touch? | `steps` |
//! | Is everybody who is taken off air named, granted and brought back? | `steps` |
//! | Does only go on air what is wanted there? | `steps` |
//! | Does everybody keep what is theirs, and is nobody passed over in silence? | `assignments` |
//!
//! In one thing the plan is believed: where a destination's target stands in several slots that are equally good, the
//! one that the plan says it holds is the one.
//!
//! Total and O(n log n) in slots and destinations: whatever it is given, it answers.

mod assignments;
mod reading;
mod steps;
#[cfg(test)]
mod tests;
pub mod violation;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

pub use violation::{About, HandsOff, Ungranted, Violation};

use self::reading::{Holds, PoolReading};
use self::steps::{Outcome, Subject};
use super::{ChannelPlan, Content, DestinationPlan, Plan, PoolPlan};
use crate::model::{
    ChannelId, ChannelObservation, ChannelState, Desired, Destination, DestinationName, Endpoint, Observed,
    PoolName, SlotId, Target,
};

/// Everything that is wrong with `plan`, if it was made from these arguments. Empty: it may be carried out.
#[must_use = "a plan with violations must not be carried out"]
pub fn check(plan: &Plan, desired: &Desired, observed: &Observed, now: Timestamp) -> Vec<Violation> {
    let mut found = Vec::new();
    check_complete(plan, desired, &mut found);
    let claims: BTreeMap<&DestinationName, &SlotId> = plan
        .destinations
        .iter()
        .filter_map(|planned| Some((&planned.name, planned.held.as_ref()?)))
        .collect();
    let world = read(desired, observed, &claims, now);
    let assigned = assigned(plan, &world, now, &mut found);
    let places = assigned
        .iter()
        .map(|(slot, destination)| (&destination.name, *slot))
        .collect();
    let mut tallies: BTreeMap<&PoolName, Tally<'_>> = BTreeMap::new();
    let nowhere = PoolName::from("");
    for channel in &plan.channels {
        let reading = world
            .get(channel.pool.as_ref().unwrap_or(&nowhere))
            .and_then(|pool| Some((pool, pool.channels.get(&channel.id)?)));
        let Some((pool, reading)) = reading else {
            found.extend(steps::not_in_pool(channel));
            continue;
        };
        check_seen(channel, reading, &mut found);
        let Some(seen) = reading.seen else {
            found.extend((!channel.steps.is_empty()).then(|| Violation::Untouchable {
                channel: channel.id.clone(),
                why: HandsOff::NotSeen,
            }));
            continue;
        };
        let subject = Subject {
            desired,
            pool,
            channel: reading,
            seen,
            plan: channel,
            assigned: &assigned,
            places: &places,
            now,
        };
        let outcome = subject.check(&mut found);
        assignments::check_goal(&subject, &mut found);
        tallies
            .entry(channel.pool.as_ref().unwrap_or(&pool.pool.name))
            .or_default()
            .add(&subject, &outcome, now);
    }
    check_targets(&world, &tallies, &mut found);
    check_pools(plan, &world, &tallies, observed, now, &mut found);
    assignments::check(plan, desired, &world, observed, now, &mut found);
    found
}

fn read<'a>(
    desired: &'a Desired,
    observed: &'a Observed,
    claims: &BTreeMap<&DestinationName, &SlotId>,
    now: Timestamp,
) -> BTreeMap<&'a PoolName, PoolReading<'a>> {
    let mut by_pool: BTreeMap<&PoolName, BTreeMap<&DestinationName, &Destination>> = BTreeMap::new();
    for (name, destination) in &desired.destinations {
        by_pool
            .entry(&destination.pool)
            .or_default()
            .insert(name, destination);
    }
    desired
        .pools
        .iter()
        .map(|(name, pool)| {
            let destinations = by_pool.remove(name).unwrap_or_default();
            (
                name,
                PoolReading::new(pool, destinations, desired, observed, claims, now),
            )
        })
        .collect()
}

/// One entry for every pool, destination and channel that is declared, and none besides.
fn check_complete(plan: &Plan, desired: &Desired, found: &mut Vec<Violation>) {
    fn compare<'a>(
        kind: &str,
        declared: impl Iterator<Item = &'a str>,
        planned: impl Iterator<Item = &'a str>,
        found: &mut Vec<Violation>,
    ) {
        let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        declared.for_each(|name| counts.entry(name).or_default().0 += 1);
        planned.for_each(|name| counts.entry(name).or_default().1 += 1);
        for (name, (wanted, planned)) in counts {
            if wanted != planned {
                found.push(Violation::Incomplete {
                    what: format!("{kind} {name}"),
                    found: planned,
                    wanted,
                });
            }
        }
    }
    compare(
        "pool",
        desired.pools.keys().map(PoolName::as_str),
        plan.pools.iter().map(|pool| pool.name.as_str()),
        found,
    );
    compare(
        "destination",
        desired.destinations.keys().map(DestinationName::as_str),
        plan.destinations.iter().map(|d| d.name.as_str()),
        found,
    );
    let named = desired.pools.values().flat_map(|pool| &pool.channels);
    compare(
        "channel",
        named.map(|channel| channel.id.as_str()),
        plan.channels.iter().map(|channel| channel.id.as_str()),
        found,
    );
}

/// Wanted destinations by the slot that the plan gives them; no slot twice.
fn assigned<'a>(
    plan: &'a Plan,
    world: &BTreeMap<&PoolName, PoolReading<'a>>,
    now: Timestamp,
    found: &mut Vec<Violation>,
) -> BTreeMap<&'a SlotId, &'a Destination> {
    let mut taken: BTreeMap<&SlotId, &DestinationPlan> = BTreeMap::new();
    let mut assigned = BTreeMap::new();
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
        let destination = world
            .get(&planned.pool)
            .and_then(|pool| pool.destinations.get(&planned.name));
        if let Some(destination) = destination.filter(|destination| destination.is_wanted(now)) {
            assigned.insert(slot, *destination);
        }
    }
    assigned
}

/// What the executor compares with a fresh look before each step must be what was observed.
fn check_seen(plan: &ChannelPlan, reading: &reading::ChannelReading<'_>, found: &mut Vec<Violation>) {
    let mut misread = |what| {
        found.push(Violation::Misread {
            channel: plan.id.clone(),
            what,
        });
    };
    let (seen, said) = match (reading.seen, &plan.seen) {
        (None, None) => return,
        (Some(seen), Some(said)) => (seen, said),
        (Some(_), None) | (None, Some(_)) => return misread("whether it was seen"),
    };
    if said.state != seen.state {
        misread("its state");
    }
    if said.class != seen.class || said.arn != seen.arn || said.owner != seen.owner {
        misread("its class, ARN or owner");
    }
    let targets: BTreeMap<&str, Option<&Target>> = plan
        .slots
        .iter()
        .map(|slot| (slot.output_group.as_str(), slot.target.as_ref()))
        .collect();
    let as_observed = |(group, slot): (&&str, &reading::SlotReading<'_>)| {
        targets.get(group).is_some_and(|said| *said == Some(slot.target))
    };
    let usable = plan
        .slots
        .iter()
        .filter(|slot| !matches!(slot.now, Content::Unusable { .. }));
    if usable.count() != reading.slots.len() || !reading.slots.iter().all(as_observed) {
        misread("its slots");
    }
}

/// What the channels of one pool come to together.
#[derive(Default)]
struct Tally<'a> {
    /// Wanted destinations that the steps take off air.
    interrupted: usize,
    /// Those that they would take off air, were the limit of concurrent interruptions not reached.
    delayed: usize,
    /// Channels whose steps interrupt somebody.
    interrupting: BTreeSet<&'a ChannelId>,
    /// Endpoints that a start of this plan pushes to, and from where.
    started: Vec<(&'a Endpoint, SlotId)>,
}

impl<'a> Tally<'a> {
    fn add(&mut self, subject: &Subject<'a>, outcome: &Outcome, now: Timestamp) {
        self.interrupted += outcome.interrupted;
        if outcome.interrupted > 0 {
            self.interrupting.insert(&subject.plan.id);
        }
        if subject.is_delayed() {
            let protected = subject.channel.protected(&subject.desired.trust, now);
            self.delayed += protected.wanted.len();
        }
        if !outcome.started {
            return;
        }
        let was_running = subject.channel.is_running();
        for (group, slot) in &subject.channel.slots {
            // What is interrupted and comes back to its slot was pushed before.
            // So was what is presumed to be somebody's, whose key is not known: it is kept as it is.
            let kept = was_running || matches!(slot.holds, Holds::Presumed(_));
            let is_new = |target: &&Target| **target != slot.parking && !(kept && *target == slot.target);
            let target = subject.final_target(group).filter(is_new);
            if let Some(endpoint) = target.and_then(|target| target.0.first()) {
                let id = SlotId::new(subject.plan.id.clone(), *group);
                self.started.push((endpoint, id));
            }
        }
    }
}

/// Nothing is started that is pushed to from elsewhere: from a channel that runs now, whatever becomes of it and
/// whatever pool it is of, or from another slot that this plan starts. Steps of different channels have no order.
fn check_targets(
    world: &BTreeMap<&PoolName, PoolReading<'_>>,
    tallies: &BTreeMap<&PoolName, Tally<'_>>,
    found: &mut Vec<Violation>,
) {
    let mut started: Vec<_> = tallies.values().flat_map(|tally| &tally.started).collect();
    started.sort();
    let running = world
        .values()
        .flat_map(|pool| &pool.channels)
        .filter(|(_, channel)| channel.is_running());
    for (id, channel) in running {
        for (group, slot) in &channel.slots {
            let target = Some(slot.target).filter(|target| **target != slot.parking);
            if let Some(endpoint) = target.and_then(|target| target.0.first()) {
                let first = started.partition_point(|(started, _)| *started < endpoint);
                let same = started[first..]
                    .iter()
                    .take_while(|(started, _)| *started == endpoint);
                let elsewhere = same.filter(|(_, slot)| slot.channel != **id);
                found.extend(elsewhere.map(|(_, slot)| Violation::TargetTwice {
                    first: SlotId::new((*id).clone(), *group),
                    second: slot.clone(),
                }));
            }
        }
    }
    for [(one, first), (other, second)] in started.array_windows() {
        if one == other {
            found.push(Violation::TargetTwice {
                first: first.clone(),
                second: second.clone(),
            });
        }
    }
}

fn check_pools(
    plan: &Plan,
    world: &BTreeMap<&PoolName, PoolReading<'_>>,
    tallies: &BTreeMap<&PoolName, Tally<'_>>,
    observed: &Observed,
    now: Timestamp,
    found: &mut Vec<Violation>,
) {
    let nothing = Tally::default();
    for said in &plan.pools {
        let Some(pool) = world.get(&said.name) else {
            continue;
        };
        let tally = tallies.get(&said.name).unwrap_or(&nothing);
        found.extend(wrong_count(said, tally));
        if tally.interrupting.is_empty() {
            continue;
        }
        let mut at_once: BTreeSet<&ChannelId> = tally.interrupting.clone();
        at_once.extend(still_interrupted(pool, observed, now));
        let limit = pool.pool.disruption.max_concurrent;
        if at_once.len() > usize::try_from(limit).unwrap_or(usize::MAX) {
            found.push(Violation::MaxConcurrent {
                pool: said.name.clone(),
                channels: at_once.len(),
                limit,
            });
        }
    }
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

/// Channels of the pool on which somebody wanted was interrupted and has not come back.
fn still_interrupted<'a>(
    pool: &PoolReading<'a>,
    observed: &'a Observed,
    now: Timestamp,
) -> impl Iterator<Item = &'a ChannelId> {
    let wanted = move |name: &DestinationName| pool.destinations.get(name).is_some_and(|d| d.is_wanted(now));
    let returning = observed.returning.iter().filter(move |(name, _)| wanted(name));
    returning
        .map(|(_, slot)| &slot.channel)
        .chain(&observed.interrupted)
        .filter(|id| pool.channels.contains_key(id))
        .filter(|id| match observed.channels.get(*id) {
            Some(ChannelObservation::Seen(seen)) => seen.state != ChannelState::Running,
            // Who is on a channel that is gone does not come back there; of one that cannot be seen nobody knows.
            gone_or_unknown => !matches!(gone_or_unknown, Some(ChannelObservation::Missing)),
        })
}
