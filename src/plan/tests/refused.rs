//! What MediaLive refuses to write keeps nobody else off air.

use super::super::fixture::{World, allowed, interrupted, steps, waiting};
use super::super::{Content, Plan};
use crate::model::ChannelClass;
use crate::model::ChannelState::{Idle, Running};

/// `a` and `b` were interrupted on channel 1 and come back to their slots.
fn interrupted_on_1(slots: &[&str]) -> World {
    World::new()
        .channel("1", Idle, slots)
        .wanted("a")
        .wanted("b")
        .wanted("c")
        .anytime()
        .returning("a", "1", "slot-1")
        .returning("b", "1", "slot-2")
}

#[test]
fn neighbours_come_back_without_the_newcomer() {
    let world = interrupted_on_1(&["+a", "+b", "-"]);
    assert_eq!(steps(&allowed(&world), "1"), "update start");
    let plan = allowed(&world.refused("c", false));
    assert_eq!(steps(&plan, "1"), "start");
    assert_eq!(waiting(&plan, "c"), "TargetRefused");
}

#[test]
fn an_own_change_that_is_refused_comes_back_as_it_was() {
    let world = interrupted_on_1(&["~a", "+b"]);
    assert_eq!(steps(&allowed(&world), "1"), "update start");
    let mut world = world.refused("a", false);
    let plan = allowed(&world);
    assert_eq!(steps(&plan, "1"), "start");
    assert_eq!(plan.channels[0].slots[0].then, Content::Destination("a".into()));
    world.seen("1").state = Running;
    let plan = allowed(&world);
    assert_eq!(steps(&plan, "1"), "");
    assert_eq!(waiting(&plan, "a"), "TargetRefused");
    assert!(plan.destinations[0].on_air);
}

#[test]
fn what_is_refused_and_off_air_gives_its_slot_up() {
    let world = World::new()
        .channel("1", Idle, &["~a", "+b"])
        .wanted("a")
        .wanted("b")
        .refused("a", false);
    let plan = allowed(&world);
    assert_eq!(steps(&plan, "1"), "update start");
    assert_eq!(plan.channels[0].slots[0].then, Content::Parked);
}

#[test]
fn it_is_tried_again_where_that_interrupts_nobody() {
    let running = || {
        World::new()
            .channel("1", Running, &["+a", "-"])
            .wanted("a")
            .anytime()
    };
    let with_c = running().wanted("c");
    assert_eq!(interrupted(&allowed(&with_c)), ["a"]);
    let plan = allowed(&with_c.clone().refused("c", true));
    assert_eq!(
        (steps(&plan, "1").as_str(), waiting(&plan, "c")),
        ("", "TargetRefused")
    );
    let plan = allowed(&with_c.refused("c", true).channel("2", Idle, &["-"]));
    assert_eq!(
        (steps(&plan, "1").as_str(), steps(&plan, "2").as_str()),
        ("", "update start")
    );

    let own = || {
        World::new()
            .channel("1", Running, &["~a", "+b"])
            .wanted("a")
            .wanted("b")
            .anytime()
    };
    assert_eq!(interrupted(&allowed(&own())), ["a", "b"]);
    for may_try in [false, true] {
        let plan = allowed(&own().refused("a", may_try));
        assert_eq!(
            (steps(&plan, "1").as_str(), waiting(&plan, "a")),
            ("", "TargetRefused")
        );
    }
}

#[test]
fn an_address_that_is_refused_stays_as_it_was() {
    let world = World::new()
        .channel("1", Running, &["&a", "+b"])
        .wanted("a")
        .wanted("b")
        .anytime();
    assert_eq!(interrupted(&allowed(&world)), ["a", "b"]);
    let plan = allowed(&world.refused("a", false));
    assert_eq!(
        (steps(&plan, "1").as_str(), waiting(&plan, "a")),
        ("", "TargetRefused")
    );
}

#[test]
fn a_spelling_that_is_refused_is_not_written_in_passing() {
    let mut world = World::new();
    world.class = ChannelClass::Standard;
    let mut world = world
        .channel("1", Idle, &["/a", "-"])
        .wanted("a")
        .wanted("b")
        .returning("a", "1", "slot-1");
    // The second pipeline is parked elsewhere now, which is written where the channel is updated anyway.
    world.pool().slots.parking_url = "rtmp://192.0.2.7/elsewhere".into();
    let written = |plan: &Plan| -> Vec<String> {
        let writes = plan.channels[0].steps[0].action.writes().iter();
        writes.map(|write| write.output_group.to_string()).collect()
    };
    assert_eq!(written(&allowed(&world)), ["slot-1", "slot-2"]);
    assert_eq!(written(&allowed(&world.refused("a", false))), ["slot-2"]);
}
