//! The occupants of slots.

use super::super::fixture::{World, held, steps, unknown_key, waiting};
use super::super::{Content, Plan};
use crate::model::ChannelState::{Idle, Running};
use crate::model::{Endpoint, Login, Secret, StreamKey, Target};

/// What the slots of a channel hold now.
fn now(plan: &Plan, channel: &str) -> Vec<String> {
    let channel = plan.channels.iter().find(|one| one.id == channel).unwrap();
    channel.slots.iter().map(|slot| slot.now.to_string()).collect()
}

/// Points a slot of channel 1 somewhere by hand.
fn point(world: &mut World, slot: usize, endpoint: Endpoint) {
    world.seen("1").groups_mut()[slot].target = Ok(Target::from(vec![endpoint]));
}

fn at(url: &str, key: &str) -> Endpoint {
    Endpoint::new(url, Secret::new(key))
}

#[test]
fn each_kind_of_slot_is_recognised() {
    let world = World::new()
        .channel("1", Running, &["-", "a", "~b", "^gone", "?x", "!"])
        .wanted("a")
        .wanted("b");
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert_eq!(
        now(&plan, "1"),
        [
            "parked",
            "a",
            "previous target of b",
            "gone, no longer declared",
            "undeclared (x)",
            "unusable (it has 2 outputs; a slot has one)"
        ]
    );
}

#[test]
fn parking_is_known_by_name_or_url() {
    let mut world = World::new().channel("1", Running, &["-", "?x", "-"]).wanted("a");
    let name = world.seen("1").groups[0].target.clone().unwrap().0[0]
        .stream_name
        .clone();
    point(
        &mut world,
        0,
        Endpoint::new("rtmp://another.example/parked", name.clone()),
    );
    point(&mut world, 1, at("rtmp://127.0.0.1/parked/", "whatever"));
    // The name of another slot is no parking name of this one.
    point(
        &mut world,
        2,
        Endpoint::new("rtmp://another.example/parked", name),
    );
    assert_eq!(
        now(&world.plan(), "1"),
        ["parked", "parked", "undeclared (another.example)"]
    );
}

#[test]
fn spelling_makes_no_difference() {
    for url in [
        "rtmp://a.example/live/",
        "rtmp://a.example:1935/live",
        "RTMP://A.Example/live",
        "rtmp://a.example//live",
    ] {
        let mut world = World::new().channel("1", Running, &["+a"]).wanted("a");
        point(&mut world, 0, at(url, "key-of-a"));
        let plan = world.plan();
        assert!(!plan.destinations[0].is_previous, "{url}");
        assert_eq!(
            (held(&plan, "a"), steps(&plan, "1")),
            ("1/slot-1".into(), String::new()),
            "{url}"
        );
    }
}

#[test]
fn a_key_within_the_url_is_the_same_stream() {
    let mut world = World::new()
        .channel("1", Running, &["-"])
        .channel("2", Idle, &["-"])
        .wanted("a");
    point(&mut world, 0, at("rtmp://a.example/live/key-of-a", ""));
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert_eq!(
        (held(&plan, "a"), steps(&plan, "2")),
        ("1/slot-1".into(), String::new())
    );
}

#[test]
fn a_platform_s_hosts_are_one_stream() {
    let mut world = World::new()
        .channel("1", Running, &["-"])
        .channel("2", Idle, &["-"])
        .with("a", |one| {
            one.url = "rtmps://live.twitch.tv/app".into();
            one.is_preset = true;
        });
    point(
        &mut world,
        0,
        at("rtmp://usw20.contribute.live-video.net/app/", "key-of-a"),
    );
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert_eq!(
        (held(&plan, "a"), steps(&plan, "1")),
        ("1/slot-1".into(), "record".into())
    );
    assert_eq!(steps(&plan, "2"), "", "no second copy");
}

#[test]
fn another_login_is_a_changed_target() {
    let login = Login {
        username: "user".into(),
        password_parameter: "/password".into(),
    };
    let world = World::new()
        .channel("1", Running, &["+a", "-"])
        .with("a", |one| one.login = Some(login));
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert!(plan.destinations[0].is_previous);
    assert_eq!(
        (steps(&plan, "1"), waiting(&plan, "a")),
        (String::new(), "InterruptionForbidden")
    );
    let plan = world.anytime().plan();
    assert_eq!(steps(&plan, "1"), "stop update start");
}

#[test]
fn an_unrecorded_respelling_is_written_with_the_next_start() {
    let world = World::new()
        .channel("1", Running, &["@a", "-"])
        .wanted("a")
        .anytime();
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert_eq!(steps(&plan, "1"), "record");
    let world = world.wanted("b");
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert_eq!(steps(&plan, "1"), "record stop update start");
    let writes = plan.channels[0].steps[2].action.writes();
    assert_eq!(writes.len(), 2, "its own target, and b's");
}

#[test]
fn a_preset_s_new_address_interrupts_nothing() {
    let world = World::new()
        .channel("1", Running, &["&a"])
        .with("a", |one| one.is_preset = true)
        .anytime();
    assert!(world.plan().is_empty());
    let world = world.with("a", |one| one.is_preset = false);
    assert_eq!(steps(&world.plan(), "1"), "stop update start");
}

#[test]
fn of_two_with_one_target_the_wanted_one_holds_then_the_recorded_one() {
    let twin = |one: &mut crate::model::Destination| {
        one.url = "rtmp://a.example/live".into();
        one.key = StreamKey::Known(Secret::new("key-of-a"));
    };
    let world = World::new()
        .channel("1", Running, &["+a"])
        .ready("a")
        .with("b", twin);
    assert_eq!(held(&world.plan(), "b"), "1/slot-1", "the wanted one");
    for wanted in [true, false] {
        let world = World::new()
            .channel("1", Running, &["+b"])
            .wanted("a")
            .with("b", twin);
        let world = if wanted { world } else { world.ready("a") };
        let world = world.with("b", |one| {
            twin(one);
            if !wanted {
                one.state = crate::model::WantedState::Ready;
            }
        });
        assert_eq!(held(&world.plan(), "b"), "1/slot-1", "the recorded one");
    }
}

#[test]
fn a_tag_of_another_target_proves_nothing() {
    let mut world = World::new().channel("1", Running, &["~a", "-"]).wanted("a");
    point(&mut world, 0, at("rtmp://elsewhere.example/live", "k"));
    let plan = world.plan();
    assert_eq!(now(&plan, "1"), ["undeclared (elsewhere.example)", "parked"]);
    assert_eq!(
        (steps(&plan, "1"), waiting(&plan, "a")),
        (String::new(), "Undeclared")
    );
}

#[test]
fn an_unreadable_key_keeps_its_recorded_slot() {
    let world = World::new()
        .channel("1", Running, &["+a", "-"])
        .with("a", |one| one.key = unknown_key())
        .wanted("b")
        .anytime();
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert_eq!(plan.channels[0].slots[0].now, Content::Destination("a".into()));
    let writes = plan.channels[0].steps[1].action.writes();
    assert_eq!(writes.len(), 1, "that of a is not written");
}

#[test]
fn an_unreadable_key_starts_nothing() {
    let world = World::new()
        .channel("1", Idle, &["+a", "-"])
        .with("a", |one| one.key = unknown_key())
        .wanted("b");
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert!(plan.is_empty());
    assert_eq!(
        (waiting(&plan, "a"), waiting(&plan, "b")),
        ("SecretUnavailable", "NoFreeSlot")
    );
    let world = world.returning("a", "1", "slot-1");
    let plan = world.plan();
    world.assert_allowed(&plan);
    assert_eq!(steps(&plan, "1"), "update start", "it comes back as it was");
}

#[test]
fn settings_in_the_other_order_are_kept() {
    let mut world = World::new();
    world.class = crate::model::ChannelClass::Standard;
    let backup = |one: &mut crate::model::Destination| one.backup_url = Some("rtmp://b.example/live".into());
    let mut world = world
        .channel("1", Running, &["a"])
        .channel("2", Idle, &["-"])
        .with("a", backup);
    let turned = vec![
        at("rtmp://b.example/live", "key-of-a"),
        at("rtmp://a.example/live", "key-of-a"),
    ];
    world.seen("1").groups_mut()[0].target = Ok(turned.into());
    for owner in [Some("us".into()), None] {
        world.seen("1").owner = owner;
        let plan = world.plan();
        world.assert_allowed(&plan);
        assert_eq!(held(&plan, "a"), "1/slot-1");
        assert!(!steps(&plan, "1").contains("stop"), "{}", steps(&plan, "1"));
        assert_eq!(steps(&plan, "2"), "", "no second copy");
    }
}

#[test]
fn of_two_pipelines_one_may_be_parked() {
    for parked in ["idle", "1-slot-2-0"] {
        let mut world = World::new();
        world.class = crate::model::ChannelClass::Standard;
        let mut world = world.channel("1", Running, &["a", "-"]).wanted("a");
        let half = vec![
            at("rtmp://127.0.0.1:1935/parked", parked),
            at("rtmp://cdn.example/live", "k"),
        ];
        world.seen("1").groups_mut()[1].target = Ok(half.into());
        let plan = world.plan();
        world.assert_allowed(&plan);
        let Content::Undeclared { host } = &plan.channels[0].slots[1].now else {
            panic!("{:?}", plan.channels[0].slots[1].now)
        };
        assert_eq!(host, "cdn.example");
    }
}
