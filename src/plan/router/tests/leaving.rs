//! Destinations that leave the slot of a channel, and their neighbours there.

use super::moves::{both, output_steps};
use super::*;
use crate::plan::fixture::{self, allowed};
use crate::plan::{Plan, Waiting};

/// `a` and `b` are on air on channel 1, whose pool grants changes of their own. `a` is moved to RouterPool `router`.
fn leaving() -> fixture::World {
    let world = fixture::World::new()
        .channel("1", crate::model::ChannelState::Running, &["+a", "+b"])
        .policy(Interrupt::Anytime, &[Cause::Retarget])
        .with("a", |one| one.pool = "router".into())
        .wanted("b");
    both(world)
}

fn follows(plan: &Plan) -> Vec<String> {
    let stops = plan
        .channels
        .iter()
        .filter_map(|channel| channel.follows.as_ref());
    let interrupts = stops.flat_map(|stop| stop.interrupts.iter().map(ToString::to_string));
    interrupts.collect()
}

#[test]
fn whom_a_move_interrupts_is_told_before_its_output_is_made() {
    let plan = allowed(&leaving());
    assert_eq!(output_steps(&plan), ["a: create, route"]);
    assert_eq!(fixture::steps(&plan, "1"), "");
    assert_eq!(follows(&plan), ["a", "b"]);
    assert_eq!(plan.interruptions().planned, 2);
    assert!(plan.destinations.iter().all(|one| one.off_air.is_some()));
}

#[test]
fn no_move_is_begun_that_a_neighbour_forbids() {
    let world = leaving().with("b", |one| one.interruptible = false);
    let plan = allowed(&world);
    assert!(plan.is_empty(), "{plan:?}");
    assert_eq!(follows(&plan), [""; 0]);
    assert_eq!(plan.interruptions().planned, 0);
    let waiting = plan.destinations[0].waiting.as_ref();
    assert!(
        matches!(waiting, Some(Waiting::Uninterruptible { .. })),
        "{waiting:?}"
    );
}

#[test]
fn the_way_out_names_those_that_a_grant_interrupts() {
    let plan = allowed(&leaving().policy(Interrupt::Never, &[]));
    assert!(plan.is_empty(), "{plan:?}");
    let ways = plan.destinations[0].waiting.as_ref().unwrap().ways_out();
    assert_eq!(
        ways[0],
        "set disruption.interrupt: Anytime in pool main, with Retarget in for: (it and b off air about 3 min)"
    );
    assert!(!ways.iter().any(|way| way.contains("then Streaming")), "{ways:?}");
}
