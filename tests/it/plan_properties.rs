//! What holds for every plan, in worlds larger and odder than real ones.

mod worlds;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use slotwise::testing::model::{
    ChannelState, Desired, DestinationName, Endpoint, Observed, SlotId, Target, Trust, WantedState,
};
use slotwise::testing::plan::{Adoption, Content, Optimality, Plan, Waiting, plan};
use slotwise::testing::record::{self, Case, CaseOutcome, Replay, StandIns};
use slotwise::testing::render;

use self::worlds::{Bounds, world};
use super::plan_support as support;

// ── Reading plans ──────────────────────────────────────────────────────────────────────────────────────────────────────

fn assignments(plan: &Plan) -> BTreeMap<DestinationName, SlotId> {
    let given = plan
        .destinations
        .iter()
        .filter_map(|planned| Some((planned.name.clone(), planned.assignment.clone()?)));
    given.collect()
}

fn is_delayed(plan: &Plan) -> bool {
    plan.channels
        .iter()
        .any(|channel| matches!(channel.waiting, Some(Waiting::MaxConcurrent { .. })))
}

/// (1) as a list, highest priority first, less is better: destinations not where they are wanted once the plan is done.
fn misplaced(plan: &Plan, desired: &Desired, pool: &str) -> Vec<(i32, usize)> {
    let mut levels: BTreeMap<i32, usize> = BTreeMap::new();
    let ends = |slot: &SlotId| {
        let channel = plan
            .channels
            .iter()
            .find(|channel| channel.id == slot.channel)
            .unwrap();
        let then = channel
            .slots
            .iter()
            .find(|said| said.output_group == slot.output_group)
            .map(|said| said.then.clone());
        channel.runs.then_some(then).flatten()
    };
    for planned in plan
        .destinations
        .iter()
        .filter(|planned| planned.pool.as_str() == pool)
    {
        let declared = &desired.destinations[&planned.name];
        if declared.paused.is_some() {
            continue;
        }
        let stays = |slot: &SlotId| ends(slot) == Some(Content::Destination(planned.name.clone()));
        let wrong = match declared.state {
            WantedState::Streaming => planned.assignment.is_none(),
            WantedState::Ready => planned.held.as_ref().is_some_and(stays),
        };
        *levels.entry(declared.priority).or_default() += usize::from(wrong);
    }
    let channels = plan
        .channels
        .iter()
        .filter(|channel| channel.pool.as_ref().is_some_and(|own| own.as_str() == pool) && channel.runs);
    for channel in channels.filter(|c| matches!(c.adoption, Adoption::Owned | Adoption::Adopt)) {
        for slot in &channel.slots {
            let released = match slot.then {
                Content::Undeclared { .. } => desired.trust == Trust::Whole,
                Content::Previous(_) => true,
                _ => false,
            };
            *levels.entry(0).or_default() += usize::from(released);
        }
    }
    levels.into_iter().rev().collect()
}

// ── Properties ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// No violations.
const ALLOWED: [String; 0] = [];

const SMALL: Bounds = Bounds {
    channels: 4,
    slots: 4,
    destinations: 6,
    settled: false,
};
const SETTLED: Bounds = Bounds {
    channels: 4,
    slots: 4,
    destinations: 7,
    settled: true,
};
const LARGE: Bounds = Bounds {
    channels: 14,
    slots: 5,
    destinations: 40,
    settled: false,
};

fn cases(count: u32) -> ProptestConfig {
    ProptestConfig {
        cases: count,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    }
}

/// A destination on air by right must still be there, in the same slot, when the plan is done.
fn on_air(
    desired: &Desired,
    observed: &Observed,
    plan: &Plan,
) -> BTreeMap<DestinationName, (SlotId, Target)> {
    let kept = plan.destinations.iter().filter(|planned| {
        let declared = &desired.destinations[&planned.name];
        planned.on_air
            && !planned.is_previous
            && (declared.state == WantedState::Streaming || declared.paused.is_some())
    });
    kept.map(|planned| {
        let slot = planned.held.clone().unwrap();
        let target = target_of(observed, &slot).unwrap();
        (planned.name.clone(), (slot, target))
    })
    .collect()
}

fn target_of(observed: &Observed, slot: &SlotId) -> Option<Target> {
    let seen = observed.channels.get(&slot.channel)?.seen()?;
    let group = seen.groups.iter().find(|group| group.name == slot.output_group)?;
    group.target.clone().ok()
}

fn assert_kept(
    desired: &Desired,
    before: &BTreeMap<DestinationName, (SlotId, Target)>,
    observed: &Observed,
) -> Result<(), TestCaseError> {
    for (name, (slot, target)) in before {
        let seen = observed.channels[&slot.channel].seen().unwrap();
        prop_assert_eq!(seen.state, ChannelState::Running, "{} is off air", name);
        // Another spelling of its stream may have been put right.
        let streams = |target: &Target| target.0.iter().map(Endpoint::stream).collect::<BTreeSet<_>>();
        let now = target_of(observed, slot).map(|target| streams(&target));
        let is_kept = now.is_some_and(|now| !now.is_disjoint(&streams(target)));
        prop_assert!(is_kept, "{} lost {}", name, slot);
        prop_assert!(desired.destinations.contains_key(name));
    }
    Ok(())
}

/// `text` with every `key-7` and `url-7` as `key-` and `url-`.
fn without_numbers(text: &str) -> String {
    let mut reported = String::new();
    let mut after_stand_in = false;
    for letter in text.chars() {
        if !(after_stand_in && letter.is_ascii_digit()) {
            reported.push(letter);
            after_stand_in = reported.ends_with("key-") || reported.ends_with("url-");
        }
    }
    reported
}

proptest! {
    // Each plans four times and compiles the pools' globs twice.
    #![proptest_config(cases(100))]

    #[test]
    fn a_recording_of_any_world_replays_as_recorded_and_holds_no_key(world in world(SMALL)) {
        let (desired, observed) = world.build();
        let (desired, at) = (Arc::new(desired), support::now());
        let outcome = CaseOutcome::of(&desired, &observed, at);
        let case = Case { desired, observed, at, outcome };
        let mut stand_ins = StandIns::default();
        let text = record::document(&case, &mut stand_ins);
        for secret in ["key-of", "previous-key", "/live"] {
            prop_assert!(!text.contains(secret), "{secret} in {text}");
        }
        let read = Replay::read(&text).unwrap();
        prop_assert!(read.faithful, "{text}");
        let replayed = read.run();
        prop_assert_eq!(render::replay::differences(&replayed), ALLOWED);
        // Nothing got lost on the way: recorded again it is the same text, but for the numbers of its stand-ins.
        let again = record::document(&read.case(), &mut StandIns::default());
        prop_assert_eq!(without_numbers(&again), without_numbers(&text));
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn every_plan_is_allowed_and_keeps_what_is_on_air(world in world(SMALL)) {
        let (desired, mut observed) = world.build();
        let plan = plan(&desired, &observed, support::now());
        prop_assert_eq!(support::violations(&plan, &desired, &observed), ALLOWED);
        let kept = on_air(&desired, &observed, &plan);
        support::carry_out(&mut observed, &plan);
        assert_kept(&desired, &kept, &observed)?;
    }

    #[test]
    fn a_plan_that_was_carried_out_leaves_nothing_to_do(world in world(SETTLED)) {
        let (desired, mut observed) = world.build();
        let first = plan(&desired, &observed, support::now());
        prop_assert_eq!(support::violations(&first, &desired, &observed), ALLOWED);
        support::carry_out(&mut observed, &first);
        let mut second = plan(&desired, &observed, support::now());
        let mut turns = 0;
        // What went on air without an update is recorded with the first look at it.
        let only_records = |plan: &Plan| plan.steps().all(|(_, step)| step.action.name() == "record");
        while (is_delayed(&first) || only_records(&second)) && !second.is_empty() && turns < first.channels.len() {
            support::carry_out(&mut observed, &second);
            second = plan(&desired, &observed, support::now());
            turns += 1;
        }
        prop_assert!(second.is_empty(), "first {first:#?}\nsecond {second:#?}");
        prop_assert_eq!(assignments(&first), assignments(&second));
    }

    #[test]
    fn planning_again_after_each_step_ends_where_the_first_plan_ends(world in world(SETTLED)) {
        let (mut desired, mut observed) = world.build();
        // A stop that is granted to one may serve another of higher priority by the time the channel has stopped.
        desired.grants.clear();
        let first = plan(&desired, &observed, support::now());
        let mut next = first.clone();
        let mut interrupted = 0;
        for _ in 0..support::rounds_at_most(&observed) {
            for channel in next.channels.iter().filter(|channel| !channel.steps.is_empty()) {
                interrupted += channel.steps[0].interrupts.len();
                support::act(&mut observed, &next, &channel.id, &channel.steps[0]);
            }
            next = plan(&desired, &observed, support::now());
            prop_assert_eq!(support::violations(&next, &desired, &observed), ALLOWED);
        }
        prop_assert!(next.is_empty(), "it does not come to rest: {next:#?}");
        // Of equally good slots a later plan may take another one; the destinations that go on air stay the same.
        let names = |plan: &Plan| assignments(plan).into_keys().collect::<Vec<_>>();
        prop_assert_eq!(names(&first), names(&next));
        prop_assert!(interrupted <= first.interruptions().planned);
    }

    /// Where one channel lags behind, another may have become the better place of two equal destinations in the
    /// meantime. What is on air, and what is interrupted for it, stays the same.
    #[test]
    fn steps_in_any_order_put_the_same_ones_on_air(
        world in world(SETTLED),
        turns in vec(any::<prop::sample::Index>(), 16),
    ) {
        let (mut desired, mut observed) = world.build();
        // A stop that is granted to one may serve another of higher priority by the time the channel has stopped.
        desired.grants.clear();
        let first = plan(&desired, &observed, support::now());
        let mut next = first.clone();
        let mut interrupted = 0;
        for round in 0..support::rounds_at_most(&observed) * first.channels.len() {
            let busy: Vec<_> = next.channels.iter().filter(|channel| !channel.steps.is_empty()).collect();
            if busy.is_empty() {
                break;
            }
            let channel = busy[turns[round % turns.len()].index(busy.len())];
            interrupted += channel.steps[0].interrupts.len();
            support::act(&mut observed, &next, &channel.id, &channel.steps[0]);
            next = plan(&desired, &observed, support::now());
            prop_assert_eq!(support::violations(&next, &desired, &observed), ALLOWED);
        }
        prop_assert!(next.is_empty(), "it does not come to rest: {next:#?}");
        let on_air = |plan: &Plan| assignments(plan).into_keys().collect::<Vec<_>>();
        prop_assert_eq!(on_air(&first), on_air(&next));
        let planned = first.interruptions().planned;
        prop_assert!(interrupted <= planned, "{interrupted} interrupted, {planned} planned");
    }

    #[test]
    fn every_world_settles_by_allowed_plans(world in world(SMALL)) {
        let (desired, mut observed) = world.build();
        let mut rounds = 0;
        loop {
            let plan = plan(&desired, &observed, support::now());
            prop_assert_eq!(support::violations(&plan, &desired, &observed), ALLOWED);
            if plan.is_empty() {
                break;
            }
            rounds += 1;
            prop_assert!(rounds <= support::rounds_at_most(&observed), "it does not come to rest: {plan:#?}");
            let before = observed.clone();
            for channel in plan.channels.iter().filter(|channel| !channel.steps.is_empty()) {
                support::act(&mut observed, &plan, &channel.id, &channel.steps[0]);
            }
            prop_assert_ne!(before, observed.clone(), "a step changes nothing: {:#?}", plan);
        }
    }

    #[test]
    fn the_order_of_the_channels_in_a_pool_does_not_matter(world in world(SETTLED)) {
        let (mut desired, observed) = world.build();
        let mut one = plan(&desired, &observed, support::now());
        for pool in desired.pools.values_mut() {
            pool.channels.reverse();
        }
        let mut other = plan(&desired, &observed, support::now());
        for plan in [&mut one, &mut other] {
            plan.channels.sort_by(|a, b| a.id.cmp(&b.id));
        }
        prop_assert_eq!(assignments(&one), assignments(&other));
        prop_assert_eq!(one.channels, other.channels);
        prop_assert_eq!(one.destinations, other.destinations);
        prop_assert_eq!(one.pools, other.pools);
    }

    #[test]
    fn one_more_channel_never_puts_fewer_where_they_are_wanted(world in world(SMALL), slots in 1..4_usize) {
        let (mut desired, mut observed) = world.build();
        let before = plan(&desired, &observed, support::now());
        let mut channel = support::channel("one-more", ChannelState::Idle);
        for s in 0..slots {
            let group = format!("s{s}");
            let parking = support::parking(&desired.pools["p0"], "one-more", &group, channel.class);
            support::slot(&mut channel, &group, parking);
        }
        support::place(&mut desired, &mut observed, "p0", channel);
        let after = plan(&desired, &observed, support::now());
        let (before, after) = (misplaced(&before, &desired, "p0"), misplaced(&after, &desired, "p0"));
        let counts = |levels: &[(i32, usize)]| levels.iter().map(|(_, count)| *count).collect::<Vec<_>>();
        // Level 0 is counted only where something undeclared is on air or declared with it; both have the same levels
        // otherwise.
        if before.len() == after.len() {
            prop_assert!(counts(&after) <= counts(&before), "{before:?} before, {after:?} after");
        }
    }
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn large_plans_are_allowed_honest_and_come_to_rest(world in world(LARGE)) {
        let (desired, mut observed) = world.build();
        let mut rounds = 0;
        loop {
            let plan = plan(&desired, &observed, support::now());
            prop_assert_eq!(support::violations(&plan, &desired, &observed), ALLOWED);
            for pool in &plan.pools {
                if pool.optimality == Optimality::Optimal {
                    prop_assert_eq!(pool.interruptions.planned, pool.interruptions.lower_bound);
                }
            }
            if plan.is_empty() {
                break;
            }
            rounds += 1;
            prop_assert!(rounds <= support::rounds_at_most(&observed), "it does not come to rest");
            for channel in plan.channels.iter().filter(|channel| !channel.steps.is_empty()) {
                support::act(&mut observed, &plan, &channel.id, &channel.steps[0]);
            }
        }
    }
}
