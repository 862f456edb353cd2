//! A destination that was moved to another pool.

use super::super::fixture::{World, allowed, assignments, interrupted, steps, waiting};
use crate::model::ChannelState::{Idle, Running};
use crate::model::tag::TAGS_MAX;
use crate::model::{Cause, Interrupt};

/// `a` is on air beside b on channel 1, and belongs to pool `other` with channel 2 now.
fn moved(there: &[&str], policy: &[Cause]) -> World {
    let world = World::new()
        .channel("1", Running, &["+a", "+b"])
        .channel("2", Idle, there)
        .wanted("b")
        .with("a", |one| one.pool = "other".into());
    let interrupt = if policy.is_empty() {
        Interrupt::Never
    } else {
        Interrupt::Anytime
    };
    world.policy(interrupt, policy).split("other", "2")
}

#[test]
fn it_waits_until_its_old_pool_grants() {
    let plan = allowed(&moved(&["-"], &[]));
    assert!(plan.is_empty());
    assert_eq!(waiting(&plan, "a"), "OnAirElsewhere");
    assert!(allowed(&moved(&["-"], &[Cause::Start, Cause::Stop])).is_empty());
}

#[test]
fn it_waits_until_a_slot_is_reserved() {
    let plan = allowed(&moved(&["!"], &[Cause::Retarget]));
    assert!(!steps(&plan, "1").contains("stop"));
    assert_eq!(waiting(&plan, "a"), "OnAirElsewhere");
}

#[test]
fn no_slot_is_reserved_that_could_not_be_recorded() {
    let mut world = moved(&["-"], &[Cause::Retarget]);
    assert!(steps(&allowed(&world), "1").contains("stop"));
    world.seen("2").tags_mut().count = TAGS_MAX;
    assert!(allowed(&world).is_empty());
}

#[test]
fn granted_and_reserved_it_moves() {
    let mut world = moved(&["-"], &[Cause::Retarget]);
    let plan = allowed(&world);
    assert_eq!(
        (steps(&plan, "1"), interrupted(&plan)),
        ("stop update start".into(), vec!["a".into(), "b".into()])
    );
    assert_eq!(assignments(&plan)["a"], "2/slot-1");
    assert_eq!(steps(&plan, "2"), "", "not before it has ended there");
    for _ in 0..12 {
        let plan = allowed(&world);
        for channel in plan.channels.iter().filter(|one| !one.steps.is_empty()) {
            world.take_step(&plan, channel);
        }
    }
    let plan = allowed(&world);
    assert!(plan.is_empty());
    assert_eq!(
        (&*assignments(&plan)["a"], &*assignments(&plan)["b"]),
        ("2/slot-1", "1/slot-2")
    );
}

#[test]
fn a_one_off_grant_moves_it() {
    let plan = allowed(&moved(&["-"], &[]).grant("a"));
    assert_eq!(steps(&plan, "1"), "stop update start");
}

#[test]
fn not_wanted_it_just_ends() {
    let world = World::new()
        .channel("1", Running, &["+a"])
        .channel("2", Idle, &["-"])
        .with("a", |one| {
            (one.pool, one.state) = ("other".into(), crate::model::WantedState::Ready);
        })
        .split("other", "2");
    assert_eq!(steps(&allowed(&world), "1"), "stop");
}

#[test]
fn a_channel_in_no_pool_grants_nothing() {
    let mut world = World::new()
        .channel("1", Running, &["+a"])
        .channel("2", Idle, &["-"])
        .wanted("a")
        .anytime()
        .grant("a");
    world.pool().channels.remove(0);
    let plan = allowed(&world);
    assert!(plan.is_empty());
    assert_eq!(waiting(&plan, "a"), "OnAirElsewhere");
    let plan = allowed(&world.ready("a"));
    assert_eq!(steps(&plan, "1"), "stop", "the way out");
}

#[test]
fn moved_while_it_is_interrupted_it_comes_back_as_it_was() {
    let interrupted = |there: &[&str], pool: &str| {
        let world = World::new()
            .channel("1", Idle, &["+a", "+b", "-"])
            .channel("2", Idle, there)
            .wanted("b")
            .with("a", |one| one.pool = pool.into())
            .returning("a", "1", "slot-1")
            .returning("b", "1", "slot-2");
        world.split("other", "2")
    };
    let begin = |world: &World| {
        let plan = allowed(world);
        (steps(&plan, "1"), steps(&plan, "2"), plan)
    };
    // No place in the new pool: back to where it was, with the others.
    for (there, pool) in [(&["!"][..], "other"), (&["-"], "mistyped")] {
        let mut world = interrupted(there, pool);
        let (one, two, _) = begin(&world);
        assert_eq!((&*one, &*two), ("start", ""), "{pool}");
        world.seen("1").state = Running;
        let (one, _, plan) = begin(&world);
        assert!(plan.destinations[0].on_air && one.is_empty(), "{pool}");
    }
    // It was off air anyway, so it begins in the new pool.
    let (one, two, plan) = begin(&interrupted(&["-"], "other"));
    assert_eq!((&*one, &*two), ("update start", "update start"));
    assert_eq!(assignments(&plan)["a"], "2/slot-1");
}

#[test]
fn begun_again_in_its_old_pool_it_moves_to_the_slot_that_it_has_in_the_new_one() {
    use crate::model::ChannelState::Starting;
    for state in [Starting, Running] {
        let world = World::new()
            .channel("1", state, &["+a", "-"])
            .channel("2", Idle, &["+a", "-"])
            .with("a", |one| one.pool = "other".into());
        let mut world = world
            .policy(Interrupt::Anytime, &[Cause::Retarget])
            .split("other", "2");
        for returns in ["1", "2"] {
            world = world.returning("a", returns, "slot-1");
            let plan = allowed(&world);
            assert_eq!(steps(&plan, "2"), "", "{state} {returns}");
        }
        // A channel that starts again after its own change reserves nothing.
        let other = world.desired.pools.get_mut("other").unwrap();
        other.idle = crate::model::Idle::KeepRunning;
        let plan = allowed(&world.restarting("2"));
        assert!(steps(&plan, "2").ends_with("start"), "{state}");
    }
}
