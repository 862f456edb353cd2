//! `idle: KeepRunning`: nothing stops without a grant.

use super::super::Plan;
use super::super::fixture::{World, assignments, interrupted, steps, waiting};
use crate::model::ChannelState::{Idle, Running};
use crate::model::{self, Cause, Interrupt};

fn keeps(mut world: World) -> World {
    world.pool().idle = model::Idle::KeepRunning;
    world
}

#[track_caller]
fn allowed(world: &World) -> Plan {
    let plan = world.plan();
    world.assert_allowed(&plan);
    plan
}

#[test]
fn without_a_wanted_destination_it_runs_on() {
    let world = keeps(World::new().channel("1", Running, &["+off", "-"]).ready("off"));
    let plan = allowed(&world);
    assert!(plan.is_empty());
    assert_eq!(waiting(&plan, "off"), "SharesChannel");
    assert!(allowed(&keeps(World::new().channel("1", Running, &["-"]))).is_empty());
}

#[test]
fn a_granted_stop_is_followed_by_a_start() {
    let world = keeps(
        World::new()
            .channel("1", Running, &["+off", "-"])
            .ready("off")
            .anytime(),
    );
    let plan = allowed(&world);
    assert_eq!(steps(&plan, "1"), "stop update start");
    assert!(interrupted(&plan).is_empty() && plan.channels[0].runs);
}

#[test]
fn a_newcomer_needs_a_grant_there() {
    let world = keeps(World::new().channel("1", Running, &["-"]).wanted("a"));
    assert!(allowed(&world).is_empty());
    let world = world.policy(Interrupt::Anytime, &[Cause::Start]);
    assert_eq!(assignments(&allowed(&world))["a"], "1/slot-1");
}

#[test]
fn a_stopped_channel_stays_stopped() {
    assert!(allowed(&keeps(World::new().channel("1", Idle, &["-"]))).is_empty());
}
