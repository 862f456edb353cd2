//! A pool that was renamed, and destinations that were moved to another pool.

use super::*;
use crate::plan::fixture::{self, allowed};

/// `a` is on air in pool `main`, and the pool is called `new` now.
fn renamed() -> World {
    let mut world = World::new().output("arn-a", "a", OutputState::Active);
    world.pools = vec![pool("new")];
    world.with("a", |one| one.pool = "new".into())
}

/// `a` is on air in pool `main`, and belongs to pool `other` now, which has this input.
fn moved_to(input: &str) -> World {
    let mut world = World::new().output("arn-a", "a", OutputState::Active);
    let mut other = pool("other");
    other.input = input.into();
    world.pools.push(other);
    world
        .observed
        .inputs
        .entry(input.into())
        .or_insert_with(|| RouterInput::in_state(InputState::Active));
    world.with("a", |one| one.pool = "other".into())
}

fn is_on_air(world: &World) -> bool {
    let mut desired = world.desired.clone();
    desired.routers = world
        .pools
        .iter()
        .map(|pool| (pool.name.clone(), pool.clone()))
        .collect();
    let observed = Observed {
        routers: world.observed.clone(),
        ..Observed::default()
    };
    crate::plan::plan(&desired, &observed, now()).destinations[0].on_air
}

#[test]
fn an_output_goes_on_in_the_pool_that_was_renamed() {
    let mut world = renamed();
    assert_eq!(world.steps(), ["arn-a: record"]);
    assert!(is_on_air(&world));
    let off = renamed().with("a", |one| {
        (one.pool, one.state) = ("new".into(), WantedState::Ready);
    });
    assert_eq!(off.steps(), ["arn-a: stop"]);
    world.seen("arn-a").state = OutputState::Standby;
    assert_eq!(world.steps(), ["arn-a: record, start"]);
}

#[test]
fn renamed_with_another_input_it_stays_on_air_until_its_next_start() {
    let mut world = renamed();
    world.pool().input = "new-input".into();
    let input = RouterInput::in_state(InputState::Active);
    world.observed.inputs.insert("new-input".into(), input);
    assert_eq!(world.steps(), ["arn-a: record"]);
    world.seen("arn-a").record.as_mut().unwrap().pool = "new".into();
    let target = world.seen("arn-a").target.clone().unwrap();
    world.seen("arn-a").record.as_mut().unwrap().digest =
        TargetDigest::of_output(&"us".into(), &"new".into(), &"a".into(), &target);
    assert_eq!(world.steps(), [""; 0]);
    assert!(matches!(
        world.waiting("arn-a"),
        Some(OutputWaiting::OtherInput { .. })
    ));
}

#[test]
fn the_outputs_of_another_slotwise_are_left() {
    // Neither its pool nor its destination is declared here.
    let foreign = |world: World| {
        let mut world = world.output("arn-z", "z", OutputState::Active).wanted("a");
        let target = world.seen("arn-z").target.clone().unwrap();
        let record = world.seen("arn-z").record.as_mut().unwrap();
        record.pool = "theirs".into();
        record.digest = TargetDigest::of_output(&"us".into(), &"theirs".into(), &"z".into(), &target);
        world.elsewhere.released.insert("z".into());
        world
    };
    let world = foreign(World::new());
    assert_eq!(world.steps(), ["a: create, route, start"]);
    let pool = PoolName::new("theirs");
    assert_eq!(world.waiting("arn-z"), Some(OutputWaiting::OfAnother { pool }));
    // One of the same name with another stream is theirs as well.
    let same_name = foreign(World::new()).with("z", new_key);
    assert_eq!(
        same_name.steps(),
        ["a: create, route, start", "z: create, route, start"]
    );
    // This process saw it declared, so that it was removed with its pool.
    let mut ours = foreign(World::new());
    ours.desired.seen_declared.insert("z".into());
    assert_eq!(ours.steps(), ["a: create, route, start", "arn-z: release, stop"]);
}

#[test]
fn renamed_with_another_key_it_is_another_slotwises_unless_this_process_saw_the_pool() {
    let mut world = renamed().with("a", |one| {
        new_key(one);
        one.pool = "new".into();
    });
    assert_eq!(world.steps(), ["a: create, route, start"]);
    world.desired.seen_pools.insert("main".into());
    assert_eq!(world.steps(), ["arn-a: record"]);
    assert!(matches!(
        world.waiting("arn-a"),
        Some(OutputWaiting::InterruptionForbidden { .. })
    ));
    world.pool().disruption.interrupt = Interrupt::Anytime;
    assert_eq!(world.steps(), ["arn-a: record, stop, update, start"]);
}

#[test]
fn renamed_with_its_pool_a_destination_goes_on() {
    let mut world = World::new().output("arn-a", "a", OutputState::Active);
    world.pools = vec![pool("new")];
    let as_a = |one: &mut Destination| {
        let first = samples::destination("a");
        (one.url, one.key, one.pool) = (first.url, first.key, "new".into());
    };
    let wanted = world.clone().with("b", as_a);
    assert_eq!(wanted.steps(), ["arn-a: record"]);
    assert!(is_on_air(&wanted));
    // Off, it may be that of another slotwise: it is told, and left.
    let off = world.with("b", |one| {
        as_a(one);
        one.state = WantedState::Ready;
    });
    assert_eq!(off.steps(), [""; 0]);
    assert!(matches!(off.waiting("b"), Some(OutputWaiting::SameTarget { .. })));
}

#[test]
fn swapped_keys_are_told_with_the_way_that_works() {
    let of = |other: &'static str| {
        move |one: &mut Destination| {
            let other = samples::destination(other);
            (one.url, one.key) = (other.url, other.key);
        }
    };
    let mut world = World::new()
        .output("arn-a", "a", OutputState::Active)
        .output("arn-b", "b", OutputState::Active)
        .with("a", of("b"))
        .with("b", of("a"));
    world.pool().disruption.interrupt = Interrupt::Anytime;
    assert_eq!(world.steps(), [""; 0]);
    let waiting = world.waiting("arn-a").unwrap();
    let at = OnAirAt::Before("b".into());
    assert_eq!(waiting, OutputWaiting::SameTarget { at });
    assert!(waiting.ways_out()[0].contains("Ready for both, it and b"));
    // Both off, then both on.
    for name in ["a", "b"] {
        world.desired.destination_mut(name).unwrap().state = WantedState::Ready;
    }
    assert_eq!(world.steps(), ["arn-a: stop", "arn-b: stop"]);
    for (arn, name) in [("arn-a", "a"), ("arn-b", "b")] {
        world.seen(arn).state = OutputState::Standby;
        world.desired.destination_mut(name).unwrap().state = WantedState::Streaming;
    }
    assert_eq!(world.steps(), ["arn-a: update, start", "arn-b: update, start"]);
}

#[test]
fn a_stream_on_air_twice_is_told() {
    let mut world = World::new()
        .output("arn-a", "a", OutputState::Active)
        .output("theirs", "a", OutputState::Active)
        .wanted("a");
    world.seen("theirs").owner = Some("them".into());
    assert_eq!(world.steps(), [""; 0]);
    let at = OnAirAt::Output("theirs".into());
    assert_eq!(world.waiting("arn-a"), Some(OutputWaiting::SameTarget { at }));
}

#[test]
fn to_a_pool_with_the_same_input_it_moves_without_an_interruption() {
    let mut world = moved_to(INPUT);
    assert_eq!(world.steps(), ["arn-a: record"]);
    // Through another interface it would push from another address.
    world.seen("arn-a").interface = Some("another".into());
    assert_eq!(world.steps(), [""; 0]);
    assert!(matches!(
        world.waiting("a"),
        Some(OutputWaiting::OnAirElsewhere { .. })
    ));
}

#[test]
fn to_a_pool_with_another_input_it_moves_when_its_old_pool_grants() {
    let mut world = moved_to("other-input");
    assert_eq!(world.steps(), [""; 0]);
    for of in ["arn-a", "a"] {
        let pool = "main".into();
        assert_eq!(world.waiting(of), Some(OutputWaiting::elsewhere(pool)), "{of}");
    }
    assert!(is_on_air(&world));
    world.pool().disruption.interrupt = Interrupt::Anytime;
    assert_eq!(world.steps(), ["a: create, route"]);
    let from = "main".into();
    assert_eq!(world.waiting("a"), Some(OutputWaiting::Moves { from }));
    let interrupted = |world: &World| world.plans().iter().filter_map(OutputPlan::interrupts).count();
    assert_eq!(interrupted(&world), 1, "told before it happens");
    // The new place is ready.
    let mut world = world.output("arn-b", "a", OutputState::Standby);
    let target = world.seen("arn-b").target.clone().unwrap();
    world.seen("arn-b").input = Some("other-input".into());
    let record = world.seen("arn-b").record.as_mut().unwrap();
    record.pool = "other".into();
    record.digest = TargetDigest::of_output(&"us".into(), &"other".into(), &"a".into(), &target);
    assert_eq!(world.steps(), ["arn-a: stop"]);
    assert_eq!(interrupted(&world), 1);
    let mut doubtful = world.clone();
    doubtful
        .observed
        .inputs
        .get_mut(&RouterArn::from("other-input"))
        .unwrap()
        .state = InputState::Other;
    assert_eq!(doubtful.steps(), [""; 0], "without a programme there it stays");
    world.seen("arn-a").state = OutputState::Stopping;
    assert_eq!(world.steps(), [""; 0]);
    world.seen("arn-a").state = OutputState::Standby;
    assert_eq!(world.steps(), ["arn-b: start"]);
}

#[test]
fn not_wanted_it_just_ends() {
    let world = moved_to("other-input").with("a", |one| {
        (one.pool, one.state) = ("other".into(), WantedState::Ready);
    });
    assert_eq!(world.steps(), ["arn-a: stop"]);
    assert_eq!(world.plans().iter().filter_map(OutputPlan::interrupts).count(), 0);
}

#[test]
fn moved_with_a_new_key_it_begins_there_and_then_ends() {
    let mut world = moved_to("other-input").with("a", |one| {
        one.pool = "other".into();
        new_key(one);
    });
    assert_eq!(world.steps(), ["a: create, route, start"]);
    let StreamKey::Known(key) = world.desired.destinations["a"].key.clone() else {
        unreachable!()
    };
    let target = Endpoint::new(samples::destination("a").url, key);
    world = world.output("arn-b", "a", OutputState::Active);
    let output = world.seen("arn-b");
    output.input = Some("other-input".into());
    let record = output.record.as_mut().unwrap();
    record.pool = "other".into();
    record.digest = TargetDigest::of_output(&"us".into(), &"other".into(), &"a".into(), &target);
    output.target = Some(target);
    assert_eq!(world.steps(), ["arn-a: stop"], "on air in its new place");
}

/// Channel 1 of pool `main`, and RouterPool `router`.
pub(super) fn both(world: fixture::World) -> fixture::World {
    let mut world = world;
    let mut router = pool("router");
    router.disruption.interrupt = Interrupt::Never;
    world.desired.routers.insert("router".into(), router);
    world.observed.routers = World::new().observed;
    world
}

pub(super) fn output_steps(plan: &crate::plan::Plan) -> Vec<String> {
    let acting = plan.outputs().filter(|output| !output.steps.is_empty());
    acting
        .map(|output| {
            let steps: Vec<&str> = output.steps.iter().map(|step| step.action.name()).collect();
            format!("{}: {}", at(output), steps.join(", "))
        })
        .collect()
}

#[test]
fn from_a_channel_to_a_router_output_when_the_channels_pool_grants() {
    use crate::model::ChannelState::{Idle, Running};
    let there = |policy: &[Cause]| {
        let world = fixture::World::new()
            .channel("1", Running, &["+a", "+b"])
            .wanted("b")
            .with("a", |one| one.pool = "router".into());
        let interrupt = if policy.is_empty() {
            Interrupt::Never
        } else {
            Interrupt::Anytime
        };
        both(world.policy(interrupt, policy))
    };
    let plan = allowed(&there(&[]));
    assert!(plan.is_empty() && plan.destinations[0].on_air, "{plan:?}");
    let mut world = there(&[Cause::Retarget]);
    let plan = allowed(&world);
    assert_eq!(
        (output_steps(&plan), fixture::steps(&plan, "1")),
        (vec!["a: create, route".into()], String::new())
    );
    assert!(plan.destinations[0].will_be_on_air());
    let ready = World::new().output("arn-a", "a", OutputState::Standby);
    let StreamKey::Known(key) = world.desired.destinations["a"].key.clone() else {
        unreachable!()
    };
    let target = Endpoint::new(Arc::clone(&world.desired.destinations["a"].url), key);
    world.observed.routers = ready.observed;
    let owner = world.desired.owner.clone();
    let output = world.observed.routers.outputs.values_mut().next().unwrap();
    output.owner = Some(owner.clone());
    let identity = world.desired.destinations["a"].identity.clone();
    output.record = Some(OutputRecord {
        pool: "router".into(),
        digest: TargetDigest::of_output(&owner, &"router".into(), &identity, &target),
        identity,
        released: false,
        kept: false,
        off_since: None,
    });
    output.target = Some(target);
    let plan = allowed(&world);
    assert_eq!(
        (output_steps(&plan), fixture::steps(&plan, "1")),
        (vec![], "stop update start".into())
    );
    for state in [Idle, Running] {
        let plan = allowed(&world);
        let channel = plan.channels.iter().find(|one| !one.steps.is_empty());
        let Some(channel) = channel else { break };
        world.take_step(&plan, channel);
        let _ = state;
    }
    let plan = allowed(&world);
    assert_eq!(output_steps(&plan), ["arn-a: start"]);
}

#[test]
fn from_a_router_output_to_a_channel_when_its_pool_grants() {
    use crate::model::ChannelState::{Idle, Running};
    let there = |slot: &str, interrupt| {
        let mut world = both(fixture::World::new().channel("1", Idle, &[slot]).wanted("a"));
        world
            .desired
            .routers
            .get_mut("router")
            .unwrap()
            .disruption
            .interrupt = interrupt;
        let identity = world.desired.destinations["a"].identity.clone();
        let StreamKey::Known(key) = world.desired.destinations["a"].key.clone() else {
            unreachable!()
        };
        let target = Endpoint::new(Arc::clone(&world.desired.destinations["a"].url), key);
        world.observed.routers = World::new().output("arn-a", "a", OutputState::Active).observed;
        let owner = world.desired.owner.clone();
        let output = world.observed.routers.outputs.values_mut().next().unwrap();
        output.owner = Some(owner.clone());
        output.record = Some(OutputRecord {
            pool: "router".into(),
            digest: TargetDigest::of_output(&owner, &"router".into(), &identity, &target),
            identity,
            released: false,
            kept: false,
            off_since: None,
        });
        output.target = Some(target);
        world
    };
    let plan = allowed(&there("-", Interrupt::Never));
    assert!(plan.is_empty() && plan.destinations[0].on_air);
    assert_eq!(fixture::waiting(&plan, "a"), "OnAirElsewhere");
    let plan = allowed(&there("!", Interrupt::Anytime));
    assert!(plan.is_empty(), "no slot there");
    assert_eq!(fixture::waiting(&plan, "a"), "Moves");
    let mut world = there("-", Interrupt::Anytime);
    let plan = allowed(&world);
    assert_eq!(
        (output_steps(&plan), fixture::steps(&plan, "1")),
        (vec!["arn-a: stop".into()], String::new())
    );
    assert_eq!(plan.interruptions().planned, 1);
    assert!(plan.destinations[0].will_be_on_air());
    world.observed.routers.outputs.values_mut().next().unwrap().state = OutputState::Standby;
    assert_eq!(fixture::steps(&allowed(&world), "1"), "update start");
    // It is on air there, and somebody starts the output again: the second copy ends without a grant.
    let mut twice = there("+a", Interrupt::Never);
    assert_eq!(output_steps(&allowed(&twice)), [""; 0]);
    twice.seen("1").state = Running;
    assert_eq!(output_steps(&allowed(&twice)), ["arn-a: stop"]);
    // Its pool is declared no longer: it stays, and no grant is possible.
    let mut gone = there("-", Interrupt::Anytime);
    gone.desired.routers.clear();
    let plan = allowed(&gone);
    assert!(plan.is_empty() && plan.destinations[0].on_air);
    assert_eq!(fixture::waiting(&plan, "a"), "PoolGone");
    assert_eq!(output_steps(&allowed(&gone.ready("a"))), ["arn-a: stop"]);
}

/// Gives `a` of pool `router` an output in `state` with the target that it has now.
fn with_own_output(world: &mut fixture::World, state: OutputState) {
    let one = &world.desired.destinations["a"];
    let (owner, pool) = (&world.desired.owner, PoolName::new("router"));
    let target = one.endpoint().unwrap();
    let mut routers = World::new().output("arn-a", "a", state).observed;
    let output = routers.outputs.values_mut().next().unwrap();
    output.owner = Some(owner.clone());
    output.record = Some(OutputRecord {
        digest: TargetDigest::of_output(owner, &pool, &one.identity, &target),
        pool,
        identity: one.identity.clone(),
        released: false,
        kept: false,
        off_since: None,
    });
    output.target = Some(target);
    world.observed.routers = routers;
}

#[test]
fn what_has_begun_in_its_output_does_not_come_back_to_its_slot_for_a_new_key() {
    for state in [OutputState::Standby, OutputState::Starting, OutputState::Active] {
        let interrupted = fixture::World::new()
            .channel("1", crate::model::ChannelState::Idle, &["+a"])
            .wanted("a")
            .with("a", |one| one.pool = "router".into());
        let mut world = both(interrupted).returning("a", "1", "slot-1");
        with_own_output(&mut world, state);
        let plan = allowed(&world.with("a", |one| {
            new_key(one);
            one.pool = "router".into();
        }));
        assert_eq!(fixture::steps(&plan, "1"), "", "{state:?}");
    }
}

#[test]
fn on_air_in_its_output_it_is_not_told_to_have_the_key_of_the_slot_that_it_leaves() {
    let moved = fixture::World::new()
        .channel("1", crate::model::ChannelState::Running, &["+a"])
        .with("a", |one| {
            new_key(one);
            one.pool = "router".into();
        });
    let mut world = both(moved);
    with_own_output(&mut world, OutputState::Active);
    let plan = allowed(&world);
    assert!(plan.destinations[0].on_air && !plan.destinations[0].is_previous);
}
