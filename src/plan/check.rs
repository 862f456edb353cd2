//! The second author: reads the declaration and the observation again, by itself, and rejects a plan that breaks a rule.
//!
//! It runs before each execution and in every test, shares no helper with the planner (only `model` and the plan's
//! data types) and does not ask whether a plan is *good*, only whether it is *allowed and honest*:
//!
//! | question | looked at in |
//! |---|---|
//! | What does every slot hold, and who owns its channel? | `reading`, `declared`, `places`, `adoption` |
//! | Does the plan match its inputs, and cover all of them? | here, `goals` |
//! | Are the steps possible, in order, on channels that slotwise may touch? | `steps` |
//! | May a running channel be stopped, and is what is taken off air named, granted and brought back? | `stops`, `steps` |
//! | Are writes correct and recorded, and does no destination lose its slot by one? | `writes`, `tags` |
//! | Is what no Destination declares released once only? | `takeover`, `stops` |
//! | Do only wanted destinations go on air, and every stream once? | `steps`, `air` |
//! | Whose is each router output, and does no step take off air what is wanted? | `outputs` |
//! | Does what feeds outputs start before them, and stop only when slotwise started it and nothing takes it? | `feeds` |
//! | Does every destination keep its slot, and has each that is not placed a reason? | `assignments` |
//!
//! Total: it returns for every input. O(n log n) in slots and destinations as long as few of them have one stream.

mod adoption;
mod air;
mod assignments;
mod declared;
mod feeds;
mod goals;
mod outputs;
mod places;
mod reading;
mod steps;
mod stops;
mod tags;
mod takeover;
#[cfg(test)]
mod tests;
mod violation;
mod writes;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

#[cfg(test)]
pub(in crate::plan) use tests::occupants;
pub use violation::Violation;
pub(in crate::plan) use violation::{About, Rule};

use self::adoption::Ownership;
use self::air::Started;
use self::declared::Dest;
use self::outputs::Outputs;
use self::places::Site;
use self::reading::{ChannelReading, World};
use self::steps::Subject;
use super::{ChannelPlan, Plan};
use crate::model::{
    ChannelId, ChannelObservation, ChannelState, Desired, DestinationName, Observed, PoolName,
};

/// Everything that is wrong with `plan`, if it was made from these arguments. Empty: it may be carried out.
#[must_use = "a plan with violations must not be carried out"]
pub fn check(plan: &Plan, desired: &Desired, observed: &Observed, now: Timestamp) -> Vec<Violation> {
    let mut found = Vec::new();
    let world = World::new(desired, observed, now);
    let mut planned = Planned::of(plan, &world, &mut found);
    let outputs = Outputs::read(&world, now);
    planned.prepared = outputs.prepared();
    planned.in_outputs = outputs.with_output();
    let mut tallies = still_interrupted(&world);
    let mut started = Started::default();
    for (at, channel) in world.channels.iter().enumerate() {
        let Some(said) = planned.channels[at] else {
            continue;
        };
        found.extend(goals::misread(said, channel));
        let untouchable = steps::untouchable(said, channel);
        let may_have_steps = untouchable.is_none();
        found.extend(untouchable);
        let Some(subject) = Subject::new(&world, channel, said, &planned) else {
            continue;
        };
        if may_have_steps && subject.check(&mut found) {
            started.add(&subject);
        }
        goals::check_goal(&subject, &mut found);
        if let Some(pool) = channel.pool() {
            tallies.entry(pool).or_default().add(&subject);
        }
    }
    started.check(&world, &mut found);
    check_pools(plan, &world, &tallies, &mut found);
    assignments::check(plan, &world, &planned, &mut found);
    outputs::check(plan, &outputs, &mut found);
    feeds::check(plan, &world, now, &mut found);
    found
}

fn incomplete(what: &str) -> Violation {
    Violation::new(Rule::Incomplete, About::Everything, what)
}

/// The plan, in the order of what was read.
struct Planned<'a> {
    /// What is planned for each channel.
    channels: Vec<Option<&'a ChannelPlan>>,
    /// The slot that each wanted destination is given.
    places: Vec<Option<Site>>,
    /// The same, by slot.
    slots: BTreeMap<Site, Dest>,
    /// Destinations of RouterPools with an output that only has to be started.
    prepared: BTreeSet<DestinationName>,
    /// Destinations with an output in whatever pool, and whether one of theirs is ACTIVE.
    in_outputs: BTreeMap<DestinationName, bool>,
}

impl<'a> Planned<'a> {
    /// One entry for every declared pool and destination, for every channel that a pool names, and for every other owned
    /// channel that may be on air. Other channels that were seen may have one; nothing else has.
    fn of(plan: &'a Plan, world: &World<'_>, found: &mut Vec<Violation>) -> Self {
        let mut planned = Self {
            channels: vec![None; world.channels.len()],
            places: vec![None; world.declared.list.len()],
            slots: BTreeMap::new(),
            prepared: BTreeSet::new(),
            in_outputs: BTreeMap::new(),
        };
        let pools = plan.pools.iter().map(|pool| &pool.name);
        if !pools.eq(world.desired.pools.keys()) {
            found.push(incomplete("it does not have one entry for each pool, by name"));
        }
        let destinations = plan.destinations.iter().map(|one| &one.name);
        if !destinations.eq(world.desired.destinations.keys()) {
            found.push(incomplete(
                "it does not have one entry for each destination, by name",
            ));
        }
        for channel in &plan.channels {
            let entry = world.channel(&channel.id).map(|at| &mut planned.channels[at]);
            if entry.is_none_or(|entry| entry.replace(channel).is_some()) {
                let what = format!("it has an entry too many for channel {}", channel.id);
                found.push(incomplete(&what));
            }
        }
        for (channel, said) in world.channels.iter().zip(&planned.channels) {
            let is_ours = channel.ownership == Ownership::Owned;
            let must = channel.policy.is_some() || is_ours && channel.may_publish();
            if must && said.is_none() {
                found.push(incomplete(&format!("it has no entry for channel {}", channel.id)));
            }
        }
        planned.assign(plan, world, found);
        planned
    }

    /// No slot is given twice.
    fn assign(&mut self, plan: &Plan, world: &World<'_>, found: &mut Vec<Violation>) {
        let mut taken = BTreeMap::new();
        for said in &plan.destinations {
            let slot = said.assignment.as_ref().and_then(|id| world.slot(id));
            let (Some(slot), Some(dest)) = (slot, world.declared.by_name(&said.name)) else {
                continue;
            };
            if let Some(other) = taken.insert(slot.site, &said.name) {
                let what = format!("is given to both {other} and {}", said.name);
                let about = About::Slot(slot.id.clone());
                found.push(Violation::new(Rule::SlotTwice, about, what));
            }
            if world.one(dest).wanted {
                self.slots.insert(slot.site, dest);
                self.places[dest] = Some(slot.site);
            }
        }
    }
}

/// The totals over the channels of one pool.
#[derive(Default)]
struct Tally<'a> {
    /// Wanted destinations that the steps take off air, or would, were the limit of concurrent interruptions not reached.
    interruptions: usize,
    /// Channels that are interrupted, by these steps or before.
    interrupted: BTreeSet<&'a ChannelId>,
    /// Whether any is by these steps.
    interrupts: bool,
}

impl<'a> Tally<'a> {
    fn add(&mut self, subject: &Subject<'a>) {
        self.interruptions += subject.on_air.len();
        if subject.stops && !subject.on_air.is_empty() {
            self.interrupted.insert(subject.channel.id);
            self.interrupts = true;
        }
    }
}

/// Channels on which a wanted destination of their pool was interrupted and has not come back, by pool.
fn still_interrupted<'a>(world: &World<'a>) -> BTreeMap<&'a PoolName, Tally<'a>> {
    let observed = world.observed;
    let reading = |id: &ChannelId| world.channel(id).map(|at| &world.channels[at]);
    let is_wanted = |name: &DestinationName, pool: &PoolName| {
        let one = world.declared.by_name(name).map(|dest| world.one(dest));
        one.is_some_and(|one| one.wanted && one.destination.pool == *pool)
    };
    let returning = observed.returning.iter().filter(|(name, slot)| {
        let pool = reading(&slot.channel).and_then(ChannelReading::pool);
        pool.is_some_and(|pool| is_wanted(name, pool))
    });
    let returning = returning.map(|(_, slot)| &slot.channel);
    let mut tallies: BTreeMap<_, Tally<'_>> = BTreeMap::new();
    for id in returning.chain(&observed.interrupted) {
        // A destination does not come back to a channel that is gone; of one that cannot be seen nothing is known.
        let is_gone = matches!(observed.channels.get(id), Some(ChannelObservation::Missing));
        let is_off = |one: &&ChannelReading<'_>| !is_gone && one.state() != Some(ChannelState::Running);
        if let Some((channel, pool)) = reading(id)
            .filter(is_off)
            .and_then(|one| Some((one, one.pool()?)))
        {
            tallies.entry(pool).or_default().interrupted.insert(channel.id);
        }
    }
    tallies
}

fn check_pools(
    plan: &Plan,
    world: &World<'_>,
    tallies: &BTreeMap<&PoolName, Tally<'_>>,
    found: &mut Vec<Violation>,
) {
    let nothing = Tally::default();
    for said in &plan.pools {
        let Some(pool) = world.desired.pools.get(&said.name) else {
            continue;
        };
        let mut breaks = |rule, what| found.push(Violation::new(rule, About::Pool(pool.name.clone()), what));
        let tally = tallies.get(&pool.name).unwrap_or(&nothing);
        // Interruptions that wait for their turn are counted: they are what the goal costs.
        let (planned, least) = (said.interruptions.planned, said.interruptions.lower_bound);
        let counted = tally.interruptions;
        if planned != counted || least > planned {
            let said = format!("counts {planned} interruptions, at least {least}");
            breaks(Rule::WrongCount, format!("{said}; its steps have {counted}"));
        }
        let (channels, limit) = (tally.interrupted.len(), pool.disruption.max_concurrent);
        if tally.interrupts && channels > usize::try_from(limit).unwrap_or(usize::MAX) {
            let what = format!("{channels} channels would be interrupted at once, at most {limit} may");
            breaks(Rule::MaxConcurrent, what);
        }
    }
}
