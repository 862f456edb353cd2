//! The judge: on small pools every placement is tried, and the plan must be as good as the best of them.
//!
//! Nothing here is clever. A [`Case`] is a pool in a few small integers; [`outcomes`] lists every way to run it that
//! the rules allow, [`worth`] puts a number to each criterion, and the smallest list of numbers is the best. The planner
//! sees the same case as `Desired` and `Observed`, and its plan is read back into an [`Outcome`] and judged by the
//! same numbers.

mod case;
mod outcome;
mod worth;

use std::collections::{BTreeMap, BTreeSet};

use ChannelState::{Creating, Idle, Recovering, Running, Starting, Stopping, UpdateFailed, Updating};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use slotwise::testing::model::{Cause, ChannelState, Interrupt, Placement};
use slotwise::testing::plan::{
    Action, Content, Interruptions, Optimality, Plan, Violation, Waiting, check, plan,
};

use self::case::{ALL_CAUSES, Case, Chan, Dest, Hold, Owner, describe, dest, dest_name};
use self::outcome::{Fate, Outcome, held};
use self::worth::{best, worth};
use super::plan_support as support;

/// Reads a plan back into an outcome.
fn outcome_of(plan: &Plan) -> Result<Outcome, String> {
    let index = |text: &str| text[1..].parse::<usize>().unwrap();
    let places = plan.destinations.iter().map(|planned| {
        let slot = planned.assignment.as_ref().filter(|_| planned.wanted)?;
        Some((index(slot.channel.as_str()), index(slot.output_group.as_str())))
    });
    let fates = plan.channels.iter().map(|channel| {
        let has = |is: fn(&Action) -> bool| channel.steps.iter().any(|step| is(&step.action));
        let delayed = matches!(channel.waiting, Some(Waiting::MaxConcurrent { .. }));
        if has(|action| matches!(action, Action::Start)) || delayed {
            Fate::Started
        } else if has(|action| matches!(action, Action::Stop)) {
            Fate::Stopped
        } else {
            Fate::Left
        }
    });
    let outcome = Outcome {
        places: places.collect(),
        fates: fates.collect(),
    };
    for (c, channel) in plan.channels.iter().enumerate() {
        for (s, slot) in channel.slots.iter().enumerate() {
            let place = outcome.places.iter().position(|place| *place == Some((c, s)));
            let expected = match (outcome.fates[c], place) {
                (Fate::Started, Some(d)) => Content::Destination(dest_name(d).as_str().into()),
                (Fate::Started, None) => Content::Parked,
                (Fate::Left | Fate::Stopped, _) => slot.now.clone(),
            };
            if slot.then != expected {
                return Err(format!(
                    "says wrongly what a slot will hold\nc{c}/s{s} will hold {:?}, not {expected:?}",
                    slot.then
                ));
            }
        }
    }
    Ok(outcome)
}

/// Judges one case; what is wrong with its plan, if anything is.
fn judge(case: &Case) -> Result<(), String> {
    let (desired, observed) = case.world();
    let plan = plan(&desired, &observed, support::now());
    let violations = check(&plan, &desired, &observed, support::now());
    if !violations.is_empty() {
        let codes: BTreeSet<String> = violations.iter().map(Violation::code).collect();
        return Err(format!("not allowed: {codes:?}\n{violations:#?}"));
    }
    let planned = outcome_of(&plan)?;
    let mut planned_worth = worth(case, &planned);
    let (best, least) = best(case);
    // While a channel stops, what it was stopped for stays chosen, though another slot might cost a write less.
    if case.chans.iter().any(|chan| chan.state == ChannelState::Stopping) {
        planned_worth.effort = least.effort;
    }
    if planned_worth != least {
        return Err(format!(
            "not the best one\nplanned {planned:?}\n  {planned_worth:?}\nbest {best:?}\n  {least:?}"
        ));
    }
    let pool = &plan.pools[0];
    let all_least = Interruptions {
        planned: least.interruptions,
        lower_bound: least.interruptions,
    };
    if pool.interruptions != all_least || pool.optimality != Optimality::Optimal {
        return Err(format!(
            "does not know that it is the best one\n{:?}, {:?}",
            pool.interruptions, pool.optimality
        ));
    }
    Ok(())
}

/// Policies and one-off grants worth telling apart.
fn policies() -> Vec<(Interrupt, Vec<Cause>, Vec<usize>)> {
    let mut policies = vec![
        (Interrupt::Never, ALL_CAUSES.to_vec(), vec![]),
        (Interrupt::Anytime, ALL_CAUSES.to_vec(), vec![]),
        // No window is declared, so none is ever open.
        (Interrupt::Window, ALL_CAUSES.to_vec(), vec![1]),
        (Interrupt::Never, ALL_CAUSES.to_vec(), vec![0]),
    ];
    policies.extend(ALL_CAUSES.map(|cause| (Interrupt::Anytime, vec![cause], vec![])));
    policies
}

/// Every content of `slots` slots with these destinations, each at most once, in canonical order: slots of a channel
/// are alike, and so are channels of one state.
fn contents(chans: usize, slots: usize, dests: usize) -> Vec<Vec<Vec<Hold>>> {
    fn fill(rest: usize, free: &[usize], row: &mut Vec<Hold>, all: &mut Vec<Vec<Hold>>) {
        if rest == 0 {
            all.push(row.clone());
            return;
        }
        let candidates = [Hold::Parked, Hold::Undeclared]
            .into_iter()
            .chain(free.iter().flat_map(|d| [Hold::Dest(*d)]));
        for hold in candidates {
            let left: Vec<usize> = free
                .iter()
                .copied()
                .filter(|d| !matches!(hold, Hold::Dest(x) | Hold::Previous(x) if x == *d))
                .collect();
            row.push(hold);
            fill(rest - 1, &left, row, all);
            row.pop();
        }
    }
    let free: Vec<usize> = (0..dests).collect();
    let mut rows = Vec::new();
    fill(chans * slots, &free, &mut Vec::new(), &mut rows);
    let canonical: BTreeSet<Vec<Vec<Hold>>> = rows
        .into_iter()
        .map(|row| {
            row.chunks(slots)
                .map(|chunk| {
                    let mut chunk = chunk.to_vec();
                    chunk.sort_unstable();
                    chunk
                })
                .collect()
        })
        .collect();
    canonical.into_iter().collect()
}

fn ours(state: ChannelState, slots: &[Hold]) -> Chan {
    Chan {
        state,
        owner: Owner::Us,
        failures: 0,
        slots: slots.to_vec(),
    }
}

/// Failures that are shown, the smallest cases first.
const SHOWN: usize = 3;

/// Judges every case and says how many there were.
#[track_caller]
#[expect(
    clippy::print_stdout,
    reason = "the number of cases is what a judge has to show"
)]
fn judge_all(what: &str, cases: impl Iterator<Item = Case>) {
    let mut judged = 0;
    let mut failures: Vec<(usize, String)> = Vec::new();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for case in cases {
        judged += 1;
        if let Err(why) = judge(&case) {
            let size = case.dests.len() + case.chans.iter().map(|chan| 1 + chan.slots.len()).sum::<usize>();
            *kinds.entry(why.lines().next().unwrap().to_owned()).or_default() += 1;
            failures.push((size, format!("{}\n{why}", describe(&case))));
        }
    }
    println!("{what}: {judged} cases judged");
    assert!(judged > 0);
    failures.sort();
    let shown: Vec<&str> = failures
        .iter()
        .take(SHOWN)
        .map(|(_, text)| text.as_str())
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {judged} cases fail: {kinds:#?}\nthe smallest:\n\n{}",
        failures.len(),
        shown.join("\n\n")
    );
}

#[test]
fn one_channel_with_every_content_policy_and_wish() {
    let mut cases = Vec::new();
    for holds in contents(1, 3, 3) {
        for state in [Idle, Running] {
            for wishes in 0..8_u32 {
                let dests: Vec<Dest> = (0..3)
                    .map(|d| Dest {
                        streaming: wishes & (1 << d) != 0,
                        ..dest()
                    })
                    .collect();
                for (interrupt, causes, grants) in policies() {
                    let mut case = Case::new(vec![ours(state, &holds[0])], dests.clone());
                    case.interrupt = interrupt;
                    case.causes = causes.into_iter().collect();
                    case.grants = grants.into_iter().collect();
                    cases.push(case);
                }
            }
        }
    }
    judge_all("one channel, three slots, three destinations", cases.into_iter());
}

#[test]
fn two_channels_with_every_content_placement_and_wish() {
    let mut cases = Vec::new();
    for holds in contents(2, 2, 2) {
        for states in [[Idle, Idle], [Idle, Running], [Running, Running]] {
            if states[0] == states[1] && holds[0] > holds[1] {
                continue; // The mirror image is judged.
            }
            // The third destination is new and always wanted, alone or with the first.
            for wishes in 0..4_u32 {
                let mut dests: Vec<Dest> = (0..2)
                    .map(|d| Dest {
                        streaming: wishes & (1 << d) != 0,
                        ..dest()
                    })
                    .collect();
                let group = (wishes & 1 != 0).then_some(0);
                dests[0].group = group;
                dests.push(Dest { group, ..dest() });
                for placement in [Placement::Spread, Placement::Pack] {
                    for interrupt in [Interrupt::Never, Interrupt::Anytime] {
                        let chans = (0..2).map(|c| ours(states[c], &holds[c])).collect();
                        let mut case = Case::new(chans, dests.clone());
                        case.placement = placement;
                        case.interrupt = interrupt;
                        cases.push(case);
                    }
                }
            }
        }
    }
    judge_all(
        "two channels, two slots each, three destinations",
        cases.into_iter(),
    );
}

#[test]
fn groups_and_priorities_on_stopped_channels() {
    let kinds: Vec<Dest> = [None, Some(0), Some(1)]
        .into_iter()
        .flat_map(|group| {
            [5, -5].map(|priority| Dest {
                priority,
                group,
                ..dest()
            })
        })
        .collect();
    // Which destination has which name is of no weight, so each choice of four kinds is judged once.
    let mut choices: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..4 {
        let longer = choices.iter().flat_map(|choice| {
            let least = choice.last().copied().unwrap_or(0);
            (least..kinds.len()).map(move |kind| [choice.as_slice(), &[kind]].concat())
        });
        choices = longer.collect();
    }
    let mut cases = Vec::new();
    for choice in &choices {
        let dests: Vec<Dest> = choice.iter().map(|kind| kinds[*kind].clone()).collect();
        // Two slots too few, one too few, just enough, more than enough.
        for (chans, slots) in [(1, 2), (3, 1), (2, 2), (3, 2)] {
            for placement in [Placement::Spread, Placement::Pack] {
                let chans = vec![ours(Idle, &vec![Hold::Parked; slots]); chans];
                let mut case = Case::new(chans, dests.clone());
                case.placement = placement;
                cases.push(case);
            }
        }
    }
    judge_all(
        "four destinations with every group and priority",
        cases.into_iter(),
    );
}

/// A random pool of up to 3 channels × 3 slots × 4 destinations, with everything a pool can have.
fn sample(rng: &mut ChaCha8Rng) -> Case {
    let states = [
        Idle,
        Idle,
        Idle,
        Running,
        Running,
        Running,
        Running,
        Starting,
        Recovering,
        Stopping,
        Updating,
        UpdateFailed,
        Creating,
    ];
    let count = rng.random_range(1..=4);
    let mut dests: Vec<Dest> = (0..count)
        .map(|_| Dest {
            streaming: rng.random_bool(0.75),
            paused: rng.random_bool(0.06),
            key_known: !rng.random_bool(0.08),
            priority: *[0, 0, 0, 10, -10].choose(rng).unwrap(),
            group: *[None, Some(0), Some(0), Some(1)].choose(rng).unwrap(),
            interruptible: !rng.random_bool(0.15),
            pin: None,
            returning: false,
        })
        .collect();
    let mut free: Vec<usize> = (0..count).collect();
    let chans: Vec<Chan> = (0..rng.random_range(1..=3))
        .map(|_| Chan {
            state: *states.choose(rng).unwrap(),
            owner: *[
                Owner::Us,
                Owner::Us,
                Owner::Us,
                Owner::Us,
                Owner::Unowned,
                Owner::Them,
            ]
            .choose(rng)
            .unwrap(),
            failures: if rng.random_bool(0.1) { 2 } else { 0 },
            slots: (0..rng.random_range(1..=3))
                .map(|_| sample_hold(rng, &mut free))
                .collect(),
        })
        .collect();
    for dest in &mut dests {
        if rng.random_bool(0.12) && dest.key_known {
            let c = rng.random_range(0..chans.len());
            dest.pin = Some((c, rng.random_range(0..chans[c].slots.len())));
        }
    }
    let mut case = Case::new(chans, dests);
    // Unreadable keys rest on what is recorded, and adoption of what runs on what is wanted there: both have tests of their own.
    for dest in &mut case.dests {
        dest.key_known = true;
    }
    for chan in &mut case.chans {
        // What is STOPPING counts as on air until it is IDLE, so the best placement comes a look later.
        if chan.state == Stopping {
            chan.state = Idle;
        }
        if !matches!(chan.owner, Owner::Us) && chan.state != Idle {
            chan.owner = Owner::Us;
        }
    }
    for hold in case.chans.iter_mut().flat_map(|chan| &mut chan.slots) {
        // By its URL alone an unknown key is indistinguishable from a previous one.
        if let Hold::Previous(d) = *hold
            && !case.dests[d].key_known
        {
            *hold = Hold::Dest(d);
        }
    }
    for d in 0..count {
        let comes_back = held(&case, d)
            .is_some_and(|(c, _)| matches!(case.chans[c].state, Idle | UpdateFailed | Stopping | Updating));
        let dest = &mut case.dests[d];
        dest.returning = comes_back && dest.wanted() && dest.pin.is_none() && rng.random_bool(0.3);
    }
    case.placement = *[Placement::Spread, Placement::Pack].choose(rng).unwrap();
    let (interrupt, causes, grants) = policies().choose(rng).unwrap().clone();
    case.interrupt = interrupt;
    case.causes = causes.into_iter().collect();
    case.grants = grants.into_iter().filter(|d| *d < count).collect();
    case.doubted = rng.random_bool(0.1);
    case.max_concurrent = rng.random_range(1..=2);
    case
}

fn sample_hold(rng: &mut ChaCha8Rng, free: &mut Vec<usize>) -> Hold {
    let kind = rng.random_range(0..10);
    if kind < 4 || (kind < 9 && free.is_empty()) {
        return Hold::Parked;
    }
    if kind == 9 {
        return Hold::Undeclared;
    }
    let d = free.swap_remove(rng.random_range(0..free.len()));
    Hold::Dest(d)
}

#[test]
fn the_judge_knows_what_a_person_would_say() {
    let parked = [Hold::Parked; 2];
    let mut apart = Case::new(
        vec![ours(Idle, &parked), ours(Idle, &parked)],
        vec![dest(), dest()],
    );
    assert_eq!(best(&apart).1.sharing, (0, 2));
    apart.placement = Placement::Pack;
    assert_eq!(best(&apart).1.sharing, (1, 1));

    let beside = [Hold::Dest(0), Hold::Parked];
    let mut joins = Case::new(vec![ours(Running, &beside)], vec![dest(), dest()]);
    assert_eq!(best(&joins).1.misplaced, [1]);
    joins.interrupt = Interrupt::Anytime;
    let (_, interrupted) = best(&joins);
    assert_eq!((interrupted.misplaced, interrupted.interruptions), (vec![0], 1));
    joins.dests[0].interruptible = false;
    assert_eq!(best(&joins).1.misplaced, [1]);

    let warm = [Hold::Undeclared, Hold::Dest(0)];
    let warm = Case::new(vec![ours(Idle, &parked), ours(Idle, &warm)], vec![dest()]);
    // A parked channel costs one update of one slot; the warm one as well, to park the undeclared one.
    assert_eq!(best(&warm).1.effort, (0, 1, 0));
}

/// How many sampled pools are judged.
const SAMPLES: u64 = 4000;

#[test]
fn sampled_pools_with_everything_a_pool_can_have() {
    let cases = (0..SAMPLES).map(|seed| sample(&mut ChaCha8Rng::seed_from_u64(seed)));
    judge_all("up to three channels, three slots each, four destinations", cases);
}
