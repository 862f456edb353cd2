//! Keys that changed: whose former target it is that is on air, and what that grants.

use super::super::fixture::{World, assignments, interrupted, pin, steps, waiting};
use super::super::{Content, check};
use crate::model::ChannelState::{Idle, Running};
use crate::model::{Cause, Destination, Interrupt, Secret, StreamKey};

#[test]
fn a_changed_key_is_rewritten_in_place() {
    let plan = World::new()
        .channel("1", Running, &["a", "~b"])
        .wanted("a")
        .wanted("b")
        .anytime()
        .plan();
    assert_eq!(assignments(&plan)["b"], "1/slot-2");
    assert_eq!(plan.channels[0].slots[1].now, Content::Previous("b".into()));
    assert_eq!(plan.channels[0].slots[1].then, Content::Destination("b".into()));
    let beside_another = World::new()
        .channel("1", Idle, &["?x", "~b"])
        .channel("2", Idle, &["~c"])
        .wanted("b")
        .wanted("c")
        .plan();
    assert_eq!(assignments(&beside_another)["b"], "1/slot-2");
}

#[test]
fn where_a_former_target_leaves_for_another_channel_others_may_come() {
    let plan = World::new()
        .channel("1", Running, &["on-air", "~c"])
        .channel("2", Idle, &["-"])
        .wanted("on-air")
        .wanted("a")
        .wanted("c")
        .policy(Interrupt::Anytime, &[Cause::Stop])
        .plan();
    assert_eq!(assignments(&plan)["a"], "1/slot-2");
    assert_eq!(assignments(&plan)["c"], "2/slot-1");
    assert_eq!(steps(&plan, "1"), "stop update start");
}

#[test]
fn a_changed_key_grants_an_interruption_for_its_own_destination_alone() {
    let world = World::new()
        .channel("1", Running, &["a", "~b"])
        .wanted("a")
        .wanted("b")
        .with("z", |one| one.priority = 9)
        .policy(Interrupt::Anytime, &[Cause::Retarget]);
    let plan = world.plan();
    assert_eq!(assignments(&plan)["b"], "1/slot-2");
    assert_eq!(waiting(&plan, "z"), "NoFreeSlot");
    let nowhere = world.with("b", |one| one.pin = Some(pin("9", "slot-1"))).plan();
    assert!(nowhere.is_empty());
    assert_eq!(waiting(&nowhere, "z"), "InterruptionForbidden");
}

#[test]
fn whoever_shares_the_url_of_a_former_target_is_not_like_others_who_could_wait_instead() {
    let contending = World::new()
        .channel("1", Running, &["on-air", "~f"])
        .channel("2", Idle, &["-", "-"])
        .wanted("on-air")
        .wanted("a")
        .wanted("b")
        .with("c", with_url_of("f"))
        .wanted("f")
        .policy(Interrupt::Anytime, &[Cause::Stop])
        .plan();
    assert_eq!(waiting(&contending, "b"), "NoFreeSlot");
    assert_eq!(assignments(&contending).len(), 4);
    let mistakable = World::new()
        .channel("1", Running, &["on-air", "~off", "-"])
        .wanted("on-air")
        .ready("off")
        .with("m", with_url_of("off"))
        .wanted("z")
        .policy(Interrupt::Anytime, &[Cause::Start])
        .plan();
    assert!(assignments(&mistakable).contains_key("z"));
}

#[test]
fn whose_key_changed_is_not_known_among_those_of_one_url() {
    let shares_url = with_url_of("b");
    let world = World::new()
        .channel("1", Running, &["a", "~b", "-"])
        .wanted("a")
        .wanted("b")
        .with("c", shares_url);
    let granted = |causes: &[Cause]| {
        let plan = world.clone().policy(Interrupt::Anytime, causes).plan();
        !plan.is_empty()
    };
    assert!(!granted(&[Cause::Start]), "c might be the one whose key changed");
    assert!(granted(&[Cause::Start, Cause::Retarget]));
    let plan = world
        .clone()
        .with("b", |one| one.pin = Some(pin("1", "slot-9")))
        .policy(Interrupt::Anytime, &[Cause::Start, Cause::Retarget])
        .plan();
    assert_eq!(steps(&plan, "1"), "stop update start", "whoever of them c is");
    // Where no former target can be its own it may join, though more are interrupted there.
    let plan = world
        .channel("2", Running, &["d", "e", "-"])
        .wanted("d")
        .wanted("e")
        .policy(Interrupt::Anytime, &[Cause::Start])
        .plan();
    assert_eq!(interrupted(&plan), ["d", "e"]);
}

#[test]
fn of_one_url_whose_former_target_it_is_does_not_change_while_channels_are_made_ready() {
    let mut world = World::new()
        .channel("1", Idle, &["-"])
        .channel("2", Running, &["mate", "?platform"])
        .member("mate", "red")
        .wanted("a")
        .member("b", "red")
        .policy(Interrupt::Anytime, &[Cause::Start, Cause::Stop])
        .on_one_platform();
    // As long as others are interrupted, the second channel has to wait.
    for _ in 0..4 {
        let plan = world.plan();
        world.assert_allowed(&plan);
        world.take_step(&plan.channels[0]);
    }
    assert_eq!(world.seen("1").state, Running);
}

#[test]
fn whoever_was_given_a_slot_and_is_not_on_air_yet_may_still_have_its_former_target() {
    let mut world = World::new()
        .channel("1", Running, &["-", "-", "?platform", "-"])
        .channel("2", Running, &["?platform", "a"])
        .wanted("a")
        .wanted("b")
        .wanted("c")
        .wanted("d")
        .policy(Interrupt::Anytime, &[Cause::Stop])
        .on_one_platform();
    for _ in 0..6 {
        let plan = world.plan();
        world.assert_allowed(&plan);
        world.take_step(&plan.channels[0]);
    }
    assert_eq!(world.seen("1").state, Running);
}

#[test]
fn a_former_target_that_may_be_of_one_who_joins_does_not_let_it_in_by_leaving() {
    let world = World::new()
        .channel("1", Idle, &["-"])
        .channel("2", Running, &["mate", "?platform"])
        .member("mate", "red")
        .wanted("a")
        .member("b", "red")
        .on_one_platform();
    let joins = world.clone().anytime().plan();
    assert_eq!(assignments(&joins)["b"], "2/slot-2");
    world.clone().anytime().assert_allowed(&joins);
    let stops = world.policy(Interrupt::Anytime, &[Cause::Stop]);
    assert!(
        !check(&joins, &stops.desired, &stops.observed, stops.now).is_empty(),
        "on air it may be b, whose key changed"
    );
    assert_eq!(interrupted(&stops.plan()), [] as [&str; 0]);
}

#[test]
fn a_former_target_is_let_go_for_all_to_whom_it_may_belong_or_rewritten_for_the_one_it_is_read_as() {
    let world = |slots: &[&str]| {
        World::new()
            .channel("1", Idle, slots)
            .channel("2", Running, &["mate", "?platform"])
            .wanted("mate")
            .wanted("a")
            .wanted("b")
            .on_one_platform()
    };
    let both_elsewhere = world(&["-", "-"]).policy(Interrupt::Anytime, &[Cause::Stop]);
    assert_eq!(interrupted(&both_elsewhere.plan()), ["mate"]);
    let one_waits = world(&["-"]).policy(Interrupt::Anytime, &[Cause::Stop]);
    assert!(interrupted(&one_waits.plan()).is_empty());
    let rewritten = world(&["!"]).policy(Interrupt::Anytime, &[Cause::Retarget]);
    let plan = rewritten.plan();
    rewritten.assert_allowed(&plan);
    assert_eq!(assignments(&plan)["a"], "2/slot-2");
    assert!(!assignments(&plan).contains_key("b"));
}

#[test]
fn a_doubted_source_reads_no_undeclared_target_as_a_changed_key() {
    let world = World::new().channel("1", Running, &["~a"]).wanted("a");
    assert_eq!(steps(&world.plan(), "1"), "stop update start");
    assert!(world.doubted().plan().is_empty());
}

#[test]
fn on_a_channel_that_is_taken_over_no_key_has_changed_before_it_is_ours() {
    let mut world = World::new()
        .channel("1", Running, &["a", "~b"])
        .wanted("a")
        .wanted("b")
        .policy(Interrupt::Anytime, &[Cause::Retarget]);
    world.seen("1").owner = None;
    world.pool().channels[0].takeover = true;
    let plan = world.plan();
    assert_eq!(steps(&plan, "1"), "adopt");
    assert_eq!(check(&plan, &world.desired, &world.observed, world.now), []);
    world.take_step(&plan.channels[0]);
    assert_eq!(steps(&world.plan(), "1"), "stop update start");
}

#[test]
fn whoever_holds_a_slot_or_is_pushed_by_another_has_no_former_target() {
    let undeclared = |world: World| {
        let plan = world.plan();
        matches!(plan.channels[1].slots[0].now, Content::Undeclared { .. })
    };
    let world = World::new()
        .channel("1", Running, &["a"])
        .channel("2", Idle, &["~a"])
        .wanted("a");
    assert!(undeclared(world.clone()));
    let rival = world.with("b", |one| {
        one.url = "rtmp://a.example/live".into();
        one.key = StreamKey::Known(Secret::new("key-of-a"));
    });
    assert!(undeclared(rival));
}

#[test]
fn a_changed_key_leaves_less_room_than_there_are_slots_to_pin_to() {
    let world = World::new()
        .channel("1", Running, &["~b", "d", "-"])
        .channel("2", Idle, &["-"])
        .wanted("b")
        .wanted("d")
        .with("c", |one| one.pin = Some(pin("1", "slot-3")))
        .with("e", |one| one.pin = Some(pin("1", "slot-1")))
        .policy(Interrupt::Anytime, &[Cause::Retarget]);
    let plan = world.plan();
    world.assert_allowed(&plan);
    let waits = ["b", "c", "d", "e"].map(|name| waiting(&plan, name));
    assert_eq!(
        waits.iter().filter(|code| code.is_empty()).count(),
        3,
        "{waits:?}"
    );
}

/// Of the platform that the destination `name` pushes to, with another key.
fn with_url_of(name: &str) -> impl Fn(&mut Destination) {
    move |one| {
        one.url = format!("rtmp://{name}.example/live").into();
        one.key = StreamKey::Known(Secret::new("other"));
    }
}
