//! What holds of every plan, whatever the world.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::super::fixture::{World, pause, pin, unknown_key};
use super::super::{Action, Content, Plan, check};
use crate::model::tag::TakeoverTag;
use crate::model::{
    Cause, ChannelClass, ChannelId, ChannelState, Idle, Interrupt, Mark, ObservedChannel, ObservedGroup,
    OwnerId, Recorded, Recording, SlotId, SlotTag, StreamKey, TargetDigest, WantedState,
};

const NAMES: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];
const CAUSES: [Cause; 3] = [Cause::Start, Cause::Stop, Cause::Retarget];
/// The pool that the last channels are given to.
const OTHER: &str = "other";

/// What is special about a channel.
#[derive(Debug, Clone)]
struct Chan {
    state: ChannelState,
    standard: bool,
    slots: Vec<String>,
    owner: Option<&'static str>,
    takeover: bool,
    takeover_tag: Option<TakeoverTag>,
    failures: u32,
}

/// What is special about a destination.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
struct Dest {
    kind: u8,
    priority: i32,
    group: Option<u8>,
    pinned: Option<(u8, u8)>,
    is_elsewhere: bool,
    /// It is declared with the target of the one before it.
    is_twin: bool,
    is_preset: bool,
    has_backup: bool,
}

fn slots() -> impl Strategy<Value = String> {
    let name = || prop::sample::select(&NAMES[..]);
    let with = |sign: &'static str| name().prop_map(move |name| format!("{sign}{name}"));
    prop_oneof![
        6 => Just("-".to_owned()),
        3 => name().prop_map(str::to_owned),
        6 => with("+"),
        3 => with("~"),
        1 => with("%"),
        2 => with("&"),
        1 => with("@"),
        1 => with("/"),
        1 => prop::sample::select(vec!["?x", "?y", "!"]).prop_map(str::to_owned),
        1 => prop::sample::select(vec!["^x", "^y"]).prop_map(str::to_owned),
    ]
}

fn channels() -> impl Strategy<Value = Vec<Chan>> {
    let state = prop_oneof![
        6 => Just(ChannelState::Running),
        6 => Just(ChannelState::Idle),
        1 => prop::sample::select(&ChannelState::ALL[..]),
    ];
    let takeover_tag = prop_oneof![
        4 => Just(None),
        1 => Just(Some(TakeoverTag::Begun)),
        1 => Just(Some(TakeoverTag::Done)),
    ];
    let owner = prop_oneof![12 => Just(Some("us")), 2 => Just(None), 1 => Just(Some("them"))];
    let channel = (
        state,
        prop::bool::weighted(0.15),
        prop::collection::vec(slots(), 0..5),
        owner,
        (prop::bool::weighted(0.2), takeover_tag),
        0_u32..4,
    );
    let channel = channel.prop_map(|(state, standard, slots, owner, takeover, failures)| Chan {
        state,
        standard,
        slots,
        owner,
        takeover: takeover.0,
        takeover_tag: takeover.1,
        failures,
    });
    prop::collection::vec(channel, 1..6)
}

fn destinations() -> impl Strategy<Value = Vec<Dest>> {
    let destination = (
        0_u8..24,
        0_i32..3,
        prop::option::of(0_u8..2),
        prop::option::weighted(0.1, (1_u8..5, 1_u8..5)),
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
    );
    let destination = destination.prop_map(
        |(kind, priority, group, pinned, is_elsewhere, is_twin, is_preset, has_backup)| Dest {
            kind,
            priority,
            group,
            pinned,
            is_elsewhere,
            is_twin,
            is_preset,
            has_backup,
        },
    );
    prop::collection::vec(destination, 1..=NAMES.len())
}

/// Pools, policy, and what else there is to know.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
struct Rules {
    interrupt: Interrupt,
    causes: Vec<Cause>,
    pack: bool,
    grant: Option<&'static str>,
    doubted: bool,
    max_concurrent: u32,
    one_platform: bool,
    keeps_running: bool,
    denied: bool,
    set_aside: bool,
    /// From which channel on they are in another pool.
    split: Option<usize>,
    /// Which channel left its pool.
    left: Option<usize>,
    /// The pattern of output groups matches the first two slots only.
    narrow: bool,
    /// Tags of takeovers cannot be written.
    takeovers_denied: bool,
}

fn rules() -> impl Strategy<Value = Rules> {
    let policy = (
        prop::sample::select(vec![Interrupt::Never, Interrupt::Anytime, Interrupt::Window]),
        prop::sample::subsequence(&CAUSES[..], 0..=3),
        any::<bool>(),
        prop::option::weighted(0.2, prop::sample::select(&NAMES[..])),
        prop::bool::weighted(0.1),
        1_u32..3,
    );
    let more = (
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.15),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
        prop::option::weighted(0.4, 1_usize..4),
        prop::option::weighted(0.15, 0_usize..4),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
    );
    (policy, more).prop_map(|(policy, more)| {
        let (interrupt, causes, pack, grant, doubted, max_concurrent) = policy;
        let (one_platform, keeps_running, denied, set_aside, split, left, narrow, takeovers_denied) = more;
        Rules {
            interrupt,
            causes,
            pack,
            grant,
            doubted,
            max_concurrent,
            one_platform,
            keeps_running,
            denied,
            set_aside,
            split,
            left,
            narrow,
            takeovers_denied,
        }
    })
}

/// A world of up to five channels and seven destinations, with everything that can be wrong or special about them.
pub(super) fn worlds() -> impl Strategy<Value = World> {
    (channels(), destinations(), rules(), any::<u64>()).prop_map(|(channels, destinations, rules, tags)| {
        let mut world = build(&channels, &destinations, &rules);
        if rules.one_platform {
            world = world.on_one_platform();
        }
        tag_at_random(&mut world, tags);
        world
    })
}

fn build(channels: &[Chan], destinations: &[Dest], rules: &Rules) -> World {
    let mut world = World::new().window().policy(rules.interrupt, &rules.causes);
    world.pool().disruption.max_concurrent = rules.max_concurrent;
    if rules.pack {
        world = world.pack();
    }
    if rules.doubted {
        world = world.doubted();
        world.desired.kept.insert(SlotId::new("1", "slot-1"));
    }
    if let Some(name) = rules.grant {
        world = world.grant(name);
    }
    if rules.keeps_running {
        world.pool().idle = Idle::KeepRunning;
    }
    if rules.set_aside {
        world.desired.set_aside.insert("x".into());
    }
    if rules.denied {
        let why = "AccessDenied".to_owned();
        world.observed.recording = Recording::Denied { why };
    }
    if rules.takeovers_denied {
        let why = "AccessDenied".to_owned();
        world.observed.takeovers = Recording::Denied { why };
    }
    for (at, one) in channels.iter().enumerate() {
        let id = (at + 1).to_string();
        let slots: Vec<&str> = one.slots.iter().map(String::as_str).collect();
        // The next try is due, or is not yet.
        let hour = if one.failures == 1 { 13 } else { 11 };
        world.class = if one.standard {
            ChannelClass::Standard
        } else {
            ChannelClass::SinglePipeline
        };
        let retry_at = format!("2026-04-01T{hour}:00:00Z");
        world = world
            .channel(&id, one.state, &slots)
            .trouble(&id, one.failures, &retry_at);
        world.seen(&id).owner = one.owner.map(OwnerId::from);
        world.pool().channels[at].takeover = one.takeover;
        if let Some(tag) = one.takeover_tag {
            world.seen(&id).tags_mut().set_takeover(tag);
        }
    }
    let split = rules.split.filter(|at| *at < channels.len());
    for (at, one) in destinations.iter().enumerate() {
        world = declare(world, at, one, split.is_some());
    }
    if let Some(at) = split {
        world = world.split(OTHER, &(at + 1).to_string());
    }
    if rules.narrow {
        for pool in world.desired.pools.values_mut() {
            pool.slots.output_groups = globset::Glob::new("slot-[12]").unwrap().compile_matcher();
        }
    }
    if let Some(left) = rules.left {
        let id = (left + 1).to_string();
        for pool in world.desired.pools.values_mut() {
            pool.channels.retain(|channel| *channel.id.as_str() != *id);
        }
    }
    world
}

fn declare(world: World, at: usize, dest: &Dest, has_other: bool) -> World {
    world.with(NAMES[at], |one| {
        if dest.is_twin && at > 0 {
            let other = crate::model::samples::destination(NAMES[at - 1]);
            (one.url, one.key) = (other.url, other.key);
        }
        if dest.is_elsewhere && has_other {
            one.pool = OTHER.into();
        }
        one.is_preset = dest.is_preset;
        one.backup_url = dest
            .has_backup
            .then(|| format!("rtmp://{}-backup.example/live", NAMES[at]).into());
        one.priority = dest.priority;
        one.group = dest.group.map(|group| format!("g{group}").as_str().into());
        let slot = |(channel, slot): (u8, u8)| pin(&channel.to_string(), &format!("slot-{slot}"));
        one.pin = dest.pinned.map(slot);
        one.interruptible = dest.kind != 0;
        match dest.kind {
            1 => one.paused = Some(pause()),
            2 => one.key = unknown_key(),
            3..=7 => one.state = WantedState::Ready,
            8 => (one.state, one.paused) = (WantedState::Ready, Some(pause())),
            _ => {}
        }
    })
}

/// Tags some slots without a tag: as parked, as another destination's, or with a digest that does not fit.
fn tag_at_random(world: &mut World, mut chance: u64) {
    let owner = world.desired.owner.clone();
    let ids: Vec<ChannelId> = world.observed.channels.keys().cloned().collect();
    let mut next = |below: u64| {
        let drawn = chance % below;
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1) >> 1;
        drawn
    };
    for id in ids {
        let seen = world.seen(id.as_str());
        for group in Vec::clone(&seen.groups) {
            let Ok(target) = &group.target else { continue };
            if seen.tags.of(&group.name).is_some() {
                continue;
            }
            let digest = TargetDigest::of(&owner, &seen.slot(&group.name), target);
            let parked = Recorded::Parked;
            let vanished = |mark| Recorded::Destination {
                identity: "x".into(),
                mark,
            };
            let (occupant, digest) = match next(12) {
                0..=2 => (parked, digest),
                3 => (Recorded::destination("a".into()), digest),
                4 => (Recorded::destination("b".into()), digest.other()),
                5 => (vanished(Mark::Released), digest),
                6 => (vanished(Mark::Kept), digest),
                _ => continue,
            };
            let is_parked = matches!(occupant, Recorded::Parked);
            let is_named = target.0[0].stream_name.reveal().contains("key-of-");
            if is_parked && is_named {
                continue;
            }
            seen.tags_mut().set(&group.name, &SlotTag { occupant, digest });
        }
        if next(15) == 0
            && let Some(last) = seen.groups_mut().last_mut()
        {
            last.name = "no-slot".into();
        }
        if next(40) == 0 {
            let digest = TargetDigest::of(&owner, &SlotId::new(id.clone(), "x"), &Vec::new().into());
            let occupant = Recorded::Parked;
            seen.tags_mut().set(&"gone".into(), &SlotTag { occupant, digest });
        }
        if next(20) == 0 {
            seen.tags_mut().count = 49;
        }
    }
}

/// Plans again and again after the first step of every channel that `picks` names, until nothing is left to do. Looks at each
/// plan on the way.
pub(super) fn run(
    world: &mut World,
    picks: impl Fn(usize, usize) -> bool,
    look: impl Fn(&World, &Plan) -> Result<(), TestCaseError>,
) -> Result<Plan, TestCaseError> {
    for round in 0..250 {
        let plan = world.plan();
        look(world, &plan)?;
        let busy: Vec<_> = plan
            .channels
            .iter()
            .filter(|channel| !channel.steps.is_empty())
            .collect();
        if busy.is_empty() {
            return Ok(plan);
        }
        let first = round % busy.len();
        for (at, channel) in busy.into_iter().enumerate() {
            if picks(at, first) {
                world.take_step(&plan, channel);
            }
        }
    }
    let steps = world.plan();
    let steps: Vec<_> = steps
        .steps()
        .map(|(channel, step)| (channel.id.clone(), step.action.name()))
        .collect();
    Err(TestCaseError::fail(format!(
        "it never ends: {steps:?}\n{world:?}"
    )))
}

/// The second author finds nothing wrong.
fn is_allowed(world: &World, plan: &Plan) -> Result<(), TestCaseError> {
    let found = check(plan, &world.desired, &world.observed, world.now);
    prop_assert!(found.is_empty(), "{:#?}\n{:?}", found, world);
    Ok(())
}

/// Planner and checker read every slot alike.
pub(super) fn is_read_alike(world: &World, plan: &Plan) -> Result<(), TestCaseError> {
    let mut planned: BTreeMap<SlotId, Content> = BTreeMap::new();
    for channel in &plan.channels {
        for slot in &channel.slots {
            let id = SlotId::new(channel.id.clone(), slot.output_group.clone());
            planned.insert(id, slot.now.clone());
        }
    }
    let checked = check::occupants(&world.desired, &world.observed, world.now);
    for (slot, now) in &planned {
        prop_assert_eq!(checked.get(slot), Some(now), "{}\n{:?}", slot, world);
    }
    let of_plan = |slot: &SlotId| plan.channels.iter().any(|channel| channel.id == slot.channel);
    for slot in checked.keys().filter(|slot| of_plan(slot)) {
        prop_assert!(planned.contains_key(slot), "{}\n{:?}", slot, world);
    }
    Ok(())
}

/// The destination of a slot: by its own key, by its tag, or by its previous key.
fn name_of(world: &World, seen: &ObservedChannel, group: &ObservedGroup) -> Option<String> {
    let target = group.target.as_ref().ok()?;
    let key = target.0.first()?.stream_name.reveal();
    if !key.contains("-of-") && !key.starts_with("undeclared-") {
        return None;
    }
    let own = key.strip_prefix("key-of-");
    if let Some(own) = own.filter(|own| world.desired.destinations.contains_key(*own)) {
        return Some(own.to_owned());
    }
    match seen.recorded(&world.desired.owner, group)?.occupant {
        Recorded::Destination { identity, .. } => Some(identity.to_string()),
        Recorded::Parked => None,
    }
}

/// Without any grant no channel is stopped that carries a wanted or paused destination in a slot, unless that is on air
/// on another channel, too.
pub(super) fn interrupts_nothing(world: &World, plan: &Plan) -> Result<(), TestCaseError> {
    let is_twin = |one: &crate::model::Destination| {
        let own = crate::model::samples::destination(one.name.as_str()).key;
        matches!(one.key, StreamKey::Known(_)) && one.key != own
    };
    // Of two destinations with one target a target does not say which one it belongs to.
    if world.desired.destinations.values().any(|one| is_twin(one)) {
        return Ok(());
    }
    let on_air: BTreeSet<(&ChannelId, String)> = world
        .observed
        .channels
        .values()
        .filter_map(|channel| channel.seen())
        .filter(|seen| seen.state == ChannelState::Running)
        .flat_map(|seen| seen.groups.iter().map(move |group| (seen, group)))
        .filter_map(|(seen, group)| Some((&seen.id, name_of(world, seen, group)?)))
        .collect();
    for (channel, step) in plan.steps() {
        if step.action != Action::Stop {
            continue;
        }
        let pool = channel.pool.as_ref().map(|pool| &world.desired.pools[pool]);
        let is_set = pool.is_some_and(|pool| {
            let mut named = pool.channels.iter().filter(|one| one.id == channel.id);
            named.any(|one| one.takeover)
        });
        let seen = world.observed.channels[&channel.id].seen().unwrap();
        let mut steps = channel.steps.iter();
        let begins = steps.any(|step| step.action.takeover() == Some(TakeoverTag::Begun));
        let takeover = is_set && (begins || seen.tags.takeover == Some(TakeoverTag::Begun));
        for group in seen.groups.iter() {
            // What is no slot ends with the channel, like other output groups.
            if !channel.slots.iter().any(|slot| slot.output_group == group.name) {
                continue;
            }
            let Ok(target) = &group.target else {
                prop_assert!(takeover, "{}: unusable\n{:?}", channel.id, world);
                continue;
            };
            let Some(name) = name_of(world, seen, group) else {
                let is_undeclared = target.0[0].stream_name.reveal().starts_with("undeclared-")
                    && seen.recorded(&world.desired.owner, group).is_none();
                prop_assert!(
                    takeover || !is_undeclared,
                    "{}: undeclared\n{:?}",
                    channel.id,
                    world
                );
                continue;
            };
            let Some(one) = world.desired.destinations.get(&*name) else {
                continue;
            };
            let is_up = on_air.iter().any(|(id, own)| **id != channel.id && *own == name);
            let is_protected = one.paused.is_some() || one.state == WantedState::Streaming;
            prop_assert!(
                !is_protected || is_up,
                "{}: {} is taken off air\n{:?}",
                channel.id,
                name,
                world
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn the_second_author_allows_every_plan(world in worlds()) {
        is_allowed(&world, &world.plan())?;
    }

    #[test]
    fn planner_and_second_author_read_slots_alike(world in worlds()) {
        is_read_alike(&world, &world.plan())?;
    }

    #[test]
    fn all_channels_together_come_to_rest(world in worlds()) {
        let mut world = world;
        let last = run(&mut world, |_, _| true, |world, plan| {
            is_read_alike(world, plan)?;
            is_allowed(world, plan)
        })?;
        prop_assert_eq!(world.plan(), last);
    }

    #[test]
    fn one_channel_at_a_time_comes_to_rest(world in worlds()) {
        let mut world = world;
        let last = run(&mut world, |at, first| at == first, is_allowed)?;
        prop_assert!(last.is_empty());
    }

    #[test]
    fn without_a_grant_nothing_is_interrupted(world in worlds()) {
        let mut world = world;
        for pool in world.desired.pools.values_mut() {
            pool.disruption.interrupt = Interrupt::Never;
        }
        world.desired.grants.clear();
        let last = run(&mut world, |_, _| true, interrupts_nothing)?;
        prop_assert!(last.is_empty());
    }

    #[test]
    fn the_order_of_the_input_decides_nothing(world in worlds()) {
        let mut turned = world.clone();
        for pool in turned.desired.pools.values_mut() {
            pool.channels.reverse();
        }
        let (turned, plan) = (turned.plan(), world.plan());
        let by_id = |plan: &Plan| -> BTreeMap<ChannelId, super::super::ChannelPlan> {
            let channels = plan.channels.iter();
            channels.map(|channel| (channel.id.clone(), channel.clone())).collect()
        };
        prop_assert_eq!(by_id(&turned), by_id(&plan));
        prop_assert_eq!(turned.destinations, plan.destinations);
    }

    #[test]
    fn a_destination_not_where_it_is_wanted_has_a_reason(world in worlds()) {
        for one in &world.plan().destinations {
            if one.wanted && one.assignment.is_none() {
                prop_assert!(one.waiting.is_some(), "{}", one.name);
            }
            if one.on_air && one.state == WantedState::Ready && one.assignment.is_some() {
                prop_assert!(one.waiting.is_some(), "{}", one.name);
            }
        }
    }

    #[test]
    fn no_key_is_ever_shown(world in worlds()) {
        let text = format!("{:?}", world.plan());
        prop_assert!(!text.contains("key-of-") && !text.contains("previous-of-"));
    }
}
