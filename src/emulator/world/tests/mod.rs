//! The world, by example and by property.

mod properties;
mod unconfirmed;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Quotas, Settings, World};
use crate::emulator::channel::State;
use crate::emulator::error::{ApiError, ErrorKind};
use crate::emulator::faults::{Fault, FaultKind};
use crate::emulator::fleet::{Fleet, InventedChannel, InventedPool, InventedSlot};
use crate::emulator::request::{Now, Operation, Query, Request, TransitionOutcome, Twist};
use crate::emulator::switches::Switches;

const ROLE: &str = "arn:aws:iam::111122223333:role/MediaLiveAccessRole";

fn at(seconds: u64) -> Now {
    let wall = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(i64::try_from(seconds).unwrap());
    Now {
        elapsed: Duration::from_secs(seconds),
        wall,
    }
}

fn settings() -> Settings {
    Settings {
        region: "us-east-1".into(),
        account: "111122223333".into(),
        switches: Switches::default(),
        quotas: Quotas::default(),
    }
}

fn invented(id: &str, standard: bool) -> InventedChannel {
    let slot = |number: usize| InventedSlot {
        output_group: format!("RTMP-Slot-{number}"),
        stream_names: vec![format!("{id}-{number}-a"), format!("{id}-{number}-b")],
    };
    InventedChannel {
        id: id.into(),
        standard,
        parking_url: "rtmp://127.0.0.1:1935/parked".into(),
        slots: (1..=3).map(slot).collect(),
    }
}

/// Channel 1 has one pipeline, channel 2 has two
fn world() -> World {
    let channels = vec![invented("1", false), invented("2", true)];
    Fleet::invent(&[InventedPool {
        name: "main".into(),
        channels,
    }])
    .world(settings(), 1)
}

fn call(world: &mut World, operation: Operation, id: &str, body: Value, now: u64) -> Result<Value, ApiError> {
    world.handle(&Request::new(operation, id).with_body(body), at(now))
}

fn ok(world: &mut World, operation: Operation, id: &str, body: Value, now: u64) -> Value {
    call(world, operation, id, body, now).unwrap_or_else(|error| panic!("{operation:?}: {error}"))
}

fn kind(answer: Result<Value, ApiError>) -> ErrorKind {
    answer.unwrap_err().kind
}

/// A creation like channel 1, with an input of its own that exists already
fn creation(world: &mut World, input: &str) -> Value {
    let model = world.channel("1").unwrap().document().clone();
    if world.inputs().get(input).is_none() {
        let doc = json!({"id": input, "type": "URL_PULL", "inputClass": "SINGLE_PIPELINE"});
        world.admit_input(input, doc.as_object().unwrap().clone());
    }
    let mut body = Value::Object(model);
    // What Describe adds to a creation.
    for key in [
        "arn",
        "id",
        "state",
        "egressEndpoints",
        "pipelineDetails",
        "pipelinesRunningCount",
    ] {
        body.as_object_mut().unwrap().shift_remove(key);
    }
    body["inputAttachments"] = json!([{"inputId": input}]);
    body
}

#[test]
fn an_invented_fleet_passes_the_emulators_own_checks() {
    let world = world();
    for (id, channel) in world.channels() {
        assert_eq!(world.check_channel(channel.document(), id, None), Ok(()));
        assert_eq!(channel.state(), State::Idle);
    }
}

#[test]
fn a_partial_update_keeps_what_it_leaves_out_and_strips_the_role() {
    let mut world = world();
    let before = world.channel("1").unwrap().document().clone();
    ok(
        &mut world,
        Operation::UpdateChannel,
        "1",
        json!({"name": "new"}),
        0,
    );
    let after = world.channel("1").unwrap().document().clone();
    let mut expected = before;
    expected.insert("name".into(), json!("new"));
    expected.shift_remove("roleArn");
    assert_eq!(after, expected);
}

#[test]
fn a_failed_update_ends_in_update_failed_with_the_old_configuration() {
    let mut world = world();
    let before = world.channel("1").unwrap().document().clone();
    let mut request =
        Request::new(Operation::UpdateChannel, "1").with_body(json!({"name": "new", "roleArn": ROLE}));
    request.twist = Twist {
        outcome: TransitionOutcome::Fails,
        ..Twist::default()
    };
    world.handle(&request, at(0)).unwrap();
    assert_eq!(world.channel("1").unwrap().document()["name"], "new");
    world.advance(at(90));
    assert_eq!(world.channel("1").unwrap().state(), State::UpdateFailed);
    assert_eq!(*world.channel("1").unwrap().document(), before);
    ok(
        &mut world,
        Operation::UpdateChannel,
        "1",
        json!({"name": "again", "roleArn": ROLE}),
        91,
    );
}

#[test]
fn an_input_given_up_by_an_update_is_free_once_the_update_has_ended() {
    let mut world = world();
    let first = world.channel("1").unwrap().document()["inputAttachments"][0]["inputId"]
        .as_str()
        .unwrap()
        .to_owned();
    let other = creation(&mut world, "77");
    let body = json!({"inputAttachments": other["inputAttachments"], "roleArn": ROLE});
    ok(&mut world, Operation::UpdateChannel, "1", body, 0);
    assert_eq!(world.inputs()["77"].attached_to(), Some("1"));
    assert_eq!(
        world.inputs()[&first].attached_to(),
        Some("1"),
        "the update may still fail"
    );
    world.advance(at(90));
    assert_eq!(
        (
            world.inputs()["77"].attached_to(),
            world.inputs()[&first].attached_to()
        ),
        (Some("1"), None)
    );
}

#[test]
fn a_start_that_fails_falls_back_to_idle_and_a_stuck_one_can_be_stopped() {
    let mut world = world();
    world
        .faults()
        .inject(Fault::new(FaultKind::StartFails).times(1), Duration::ZERO);
    let twist = world
        .faults()
        .decide(Operation::StartChannel, Some("1"), Duration::ZERO)
        .twist;
    let request = Request {
        twist,
        ..Request::new(Operation::StartChannel, "1")
    };
    assert_eq!(world.handle(&request, at(0)).unwrap()["state"], "STARTING");
    world.advance(at(700));
    assert_eq!(world.channel("1").unwrap().state(), State::Idle);
    let twist = Twist {
        outcome: TransitionOutcome::Stuck,
        ..Twist::default()
    };
    world
        .handle(
            &Request {
                twist,
                ..Request::new(Operation::StartChannel, "1")
            },
            at(700),
        )
        .unwrap();
    world.advance(at(9_000));
    assert_eq!(world.channel("1").unwrap().state(), State::Starting);
    ok(&mut world, Operation::StopChannel, "1", json!({}), 9_000);
}

#[test]
fn a_retry_with_the_same_request_id_makes_no_second_channel() {
    let mut world = world();
    let mut body = creation(&mut world, "77");
    body["requestId"] = json!("r");
    let first = ok(&mut world, Operation::CreateChannel, "", body.clone(), 0);
    let second = ok(&mut world, Operation::CreateChannel, "", body.clone(), 1);
    assert_eq!(first["channel"]["id"], second["channel"]["id"]);
    body["name"] = json!("different");
    assert_eq!(
        kind(call(&mut world, Operation::CreateChannel, "", body, 2)),
        ErrorKind::Conflict
    );
}

#[test]
fn the_sixth_channel_is_one_too_many() {
    let mut world = world();
    for input in ["71", "72", "73"] {
        let body = creation(&mut world, input);
        ok(&mut world, Operation::CreateChannel, "", body, 0);
    }
    let body = creation(&mut world, "74");
    assert_eq!(
        kind(call(&mut world, Operation::CreateChannel, "", body, 0)),
        ErrorKind::TooManyRequests
    );
}

#[test]
fn a_dry_run_checks_everything_and_does_nothing() {
    let mut world = world();
    let before = world.channel("1").unwrap().document().clone();
    let answer = ok(
        &mut world,
        Operation::UpdateChannel,
        "1",
        json!({"name": "new", "dryRun": true}),
        0,
    );
    assert_eq!(answer["channel"]["name"], "new");
    assert_eq!(
        (
            world.channel("1").unwrap().document(),
            world.channel("1").unwrap().state()
        ),
        (&before, State::Idle)
    );
    let mut body = creation(&mut world, "77");
    body["dryRun"] = json!(true);
    ok(&mut world, Operation::CreateChannel, "", body, 0);
    assert_eq!(
        (world.channels().len(), world.inputs()["77"].attached_to()),
        (2, None)
    );
}

#[test]
fn going_to_a_single_pipeline_drops_each_second_destination() {
    let mut world = world();
    ok(
        &mut world,
        Operation::UpdateChannelClass,
        "2",
        json!({"channelClass": "SINGLE_PIPELINE"}),
        0,
    );
    let doc = world.channel("2").unwrap().document();
    assert_eq!(doc["destinations"][1]["settings"].as_array().unwrap().len(), 1);
    assert_eq!(doc["egressEndpoints"].as_array().unwrap().len(), 1);
    assert_eq!(doc["roleArn"], ROLE, "a change of class leaves the role alone");
}

#[test]
fn a_standard_channel_loses_one_pipeline_while_recovering() {
    let mut world = world();
    world.force_state("1", State::Running, at(0));
    world.force_state("2", State::Running, at(0));
    world.faults().inject(
        Fault::new(FaultKind::Recovering { seconds: None }),
        Duration::ZERO,
    );
    world.advance(at(0));
    let healthy = |id: &str| world.channel(id).unwrap().describe()["pipelinesRunningCount"].clone();
    assert_eq!((healthy("1"), healthy("2")), (json!(0), json!(1)));
    world.advance(at(300));
    assert_eq!(
        world.channel("1").unwrap().state(),
        State::Running,
        "an event strikes once"
    );
}

#[test]
fn an_immediate_action_waits_for_the_start_and_expires() {
    let mut world = world();
    let action = json!({"actionName": "now", "scheduleActionSettings": {"pauseStateSettings": {}},
        "scheduleActionStartSettings": {"immediateModeScheduleActionStartSettings": {}}});
    let body = json!({"creates": {"scheduleActions": [action]}});
    ok(&mut world, Operation::BatchUpdateSchedule, "1", body.clone(), 0);
    assert_eq!(
        kind(call(&mut world, Operation::BatchUpdateSchedule, "1", body, 9_000)),
        ErrorKind::Unprocessable
    );
    world.force_state("1", State::Running, at(10_000));
    world.advance(at(10_000));
    world.advance(at(13_599));
    assert_eq!(world.channel("1").unwrap().schedule().len(), 1);
    world.advance(at(13_600));
    assert_eq!(world.channel("1").unwrap().schedule().len(), 0);
}

#[test]
fn a_bad_batch_changes_nothing_of_the_schedule() {
    let mut world = world();
    let action = |name: &str, start: Value| {
        json!({"actionName": name, "scheduleActionSettings": {"pauseStateSettings": {}},
            "scheduleActionStartSettings": start})
    };
    let now = json!({"immediateModeScheduleActionStartSettings": {}});
    let late = json!({"fixedModeScheduleActionStartSettings": {"time": "1970-01-01T00:00:01.000Z"}});
    let body = json!({"creates": {"scheduleActions": [action("good", now), action("late", late)]}});
    let error = call(&mut world, Operation::BatchUpdateSchedule, "1", body, 0).unwrap_err();
    assert!(error.message.contains("missed deadline of 15 seconds"), "{error}");
    assert!(world.channel("1").unwrap().schedule().is_empty());
}

#[test]
fn alerts_are_set_while_running_and_cleared_by_the_stop() {
    let mut world = world();
    world.force_state("1", State::Running, at(0));
    let kind = FaultKind::Alert {
        alert_type: "Failed RTMP Connection".into(),
        message: "m".into(),
        pipeline_id: "0".into(),
    };
    world.faults().inject(Fault::new(kind), Duration::ZERO);
    let listed = |world: &mut World, filter: &str, now: u64| {
        let query = Query {
            state_filter: Some(filter.into()),
            ..Query::default()
        };
        let request = Request {
            query,
            ..Request::new(Operation::ListAlerts, "1")
        };
        world.handle(&request, at(now)).unwrap()["alerts"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(listed(&mut world, "SET", 1), 1);
    ok(&mut world, Operation::StopChannel, "1", json!({}), 10);
    assert_eq!(
        (listed(&mut world, "SET", 100), listed(&mut world, "CLEARED", 100)),
        (0, 1)
    );
    assert_eq!(listed(&mut world, "ALL", 500), 0);
}

#[test]
fn a_world_read_back_from_json_goes_on_the_same_way() {
    let mut world = world();
    ok(&mut world, Operation::StartChannel, "1", json!({}), 0);
    let mut copy: World = serde_json::from_str(&serde_json::to_string(&world).unwrap()).unwrap();
    for now in (0..700).step_by(7) {
        let look = |world: &mut World| ok(world, Operation::DescribeChannel, "1", json!({}), now);
        assert_eq!(look(&mut world), look(&mut copy));
    }
}

#[test]
fn a_stale_list_shows_the_configuration_and_the_state_of_its_time() {
    let mut world = world();
    let rename = |name: &str| json!({"name": name, "roleArn": ROLE});
    ok(&mut world, Operation::UpdateChannel, "1", rename("one"), 100);
    ok(&mut world, Operation::UpdateChannel, "1", rename("two"), 200);
    ok(&mut world, Operation::StartChannel, "1", json!({}), 300);
    let mut listed = |ago: u64| {
        let twist = Twist {
            stale: Some(Duration::from_secs(ago)),
            ..Twist::default()
        };
        let request = Request {
            twist,
            ..Request::new(Operation::ListChannels, "")
        };
        let list = world.handle(&request, at(310)).unwrap();
        format!("{} {}", list["channels"][0]["name"], list["channels"][0]["state"])
    };
    let seen: Vec<String> = [300, 209, 120, 109, 11, 10, 0]
        .into_iter()
        .map(&mut listed)
        .collect();
    let expected = [
        r#""main-1" "IDLE""#,
        r#""one" "UPDATING""#,
        r#""one" "IDLE""#,
        r#""two" "UPDATING""#,
        r#""two" "IDLE""#,
        r#""two" "STARTING""#,
        r#""two" "STARTING""#,
    ];
    assert_eq!(seen, expected);
}
