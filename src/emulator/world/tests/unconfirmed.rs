//! Unconfirmed behaviour with a switch, in both readings; and what Describe shows of new resources.

use super::*;

/// The world with one switch set
fn world_with(switch: &str, value: &str) -> World {
    let mut world = world();
    world.settings_mut().switches.set(switch, value).unwrap();
    world
}

fn tag(world: &mut World, keys: &[&str]) -> Result<Value, ApiError> {
    let tags: serde_json::Map<String, Value> =
        keys.iter().map(|key| ((*key).to_owned(), json!("v"))).collect();
    let arn = world.channel("1").unwrap().arn().to_owned();
    call(world, Operation::CreateTags, &arn, json!({ "tags": tags }), 0)
}

fn untag(world: &mut World, key: &str) -> Result<Value, ApiError> {
    let query = Query {
        tag_keys: vec![key.to_owned()],
        ..Query::default()
    };
    let arn = world.channel("1").unwrap().arn().to_owned();
    let request = Request {
        query,
        ..Request::new(Operation::DeleteTags, arn)
    };
    world.handle(&request, at(0))
}

#[test]
fn a_stop_on_an_idle_channel_is_quiet_or_a_conflict() {
    let mut world = world();
    let answer = ok(&mut world, Operation::StopChannel, "1", json!({}), 0);
    assert_eq!(answer["state"], "IDLE");
    let mut world = world_with("quietStopWhenIdle", "false");
    assert_eq!(
        kind(call(&mut world, Operation::StopChannel, "1", json!({}), 0)),
        ErrorKind::Conflict
    );
}

#[test]
fn a_channel_deleted_while_it_stops_is_gone_once_it_has_stopped() {
    let mut world = world();
    world.force_state("1", State::Running, at(0));
    ok(&mut world, Operation::StopChannel, "1", json!({}), 0);
    for _ in 0..2 {
        let answer = ok(&mut world, Operation::DeleteChannel, "1", json!({}), 1);
        assert_eq!(answer["state"], "STOPPING");
    }
    assert_eq!(
        kind(call(&mut world, Operation::StartChannel, "1", json!({}), 2)),
        ErrorKind::Conflict
    );
    let ends: Vec<State> = world
        .channel("1")
        .unwrap()
        .life()
        .steps()
        .map(|step| step.to)
        .collect();
    assert_eq!(ends, [State::Deleting, State::Deleted]);
    world.advance(at(1_000));
    assert_eq!(world.channel("1").unwrap().state(), State::Deleted);
    let mut world = world_with("deleteWhileStopping", "false");
    world.force_state("1", State::Stopping, at(0));
    assert_eq!(
        kind(call(&mut world, Operation::DeleteChannel, "1", json!({}), 1)),
        ErrorKind::Conflict
    );
}

#[test]
fn a_role_left_out_of_an_update_is_removed_or_kept() {
    for (removed, role) in [("true", None), ("false", Some(&json!(ROLE)))] {
        let mut world = world_with("omittedRoleRemoved", removed);
        ok(
            &mut world,
            Operation::UpdateChannel,
            "1",
            json!({"name": "new"}),
            0,
        );
        assert_eq!(world.channel("1").unwrap().document().get("roleArn"), role);
    }
}

#[test]
fn a_dry_run_on_a_running_channel_is_a_conflict_or_an_answer() {
    let dry = json!({"name": "new", "dryRun": true});
    for (allowed, is_ok) in [("false", false), ("true", true)] {
        let mut world = world_with("dryRunWhileRunning", allowed);
        world.force_state("1", State::Running, at(0));
        let answer = call(&mut world, Operation::UpdateChannel, "1", dry.clone(), 0);
        assert_eq!(answer.is_ok(), is_ok, "{answer:?}");
        assert_eq!(world.channel("1").unwrap().document()["name"], "main-1");
        let real = call(
            &mut world,
            Operation::UpdateChannel,
            "1",
            json!({"name": "new"}),
            0,
        );
        assert_eq!(
            kind(real),
            ErrorKind::Conflict,
            "a running channel takes no update"
        );
    }
}

#[test]
fn a_start_while_creating_is_a_conflict_or_a_bad_request() {
    for (bad, expected) in [("false", ErrorKind::Conflict), ("true", ErrorKind::BadRequest)] {
        let mut world = world_with("badRequestWhileCreating", bad);
        world.force_state("1", State::Creating, at(0));
        let answer = call(&mut world, Operation::StartChannel, "1", json!({}), 0);
        assert_eq!(kind(answer), expected);
    }
}

#[test]
fn a_tombstone_is_answered_for_a_day() {
    let day = 86_400;
    let mut world = world();
    let body = json!({"type": "URL_PULL", "sources": [{"url": "https://example.com/a"}], "requestId": "r"});
    let made = ok(&mut world, Operation::CreateInput, "", body.clone(), 0);
    let input = made["input"]["id"].as_str().unwrap().to_owned();
    let body_of_group = json!({"whitelistRules": [{"cidr": "10.0.0.0/8"}]});
    let made = ok(
        &mut world,
        Operation::CreateInputSecurityGroup,
        "",
        body_of_group,
        0,
    );
    let group = made["securityGroup"]["id"].as_str().unwrap().to_owned();
    ok(&mut world, Operation::DeleteChannel, "1", json!({}), 100);
    ok(&mut world, Operation::DeleteInput, &input, json!({}), 100);
    ok(
        &mut world,
        Operation::DeleteInputSecurityGroup,
        &group,
        json!({}),
        100,
    );
    let known = |world: &mut World, now: u64| {
        [
            (Operation::DescribeChannel, "1"),
            (Operation::DescribeInput, input.as_str()),
            (Operation::DescribeInputSecurityGroup, group.as_str()),
        ]
        .map(|(operation, id)| call(world, operation, id, json!({}), now).is_ok())
    };
    assert_eq!(known(&mut world, day), [true; 3]);
    let mut for_good = world.clone();
    for_good.settings_mut().switches.tombstone_seconds = 0;
    assert_eq!(known(&mut world, 2 * day), [false; 3]);
    assert_eq!(known(&mut for_good, 2 * day), [true; 3]);
    let again = ok(&mut world, Operation::CreateInput, "", body, 2 * day);
    assert_ne!(
        again["input"]["id"],
        json!(input),
        "no retry of a creation that is forgotten"
    );
}

#[test]
fn addresses_are_given_to_a_channel_once_it_is_made() {
    let mut world = world();
    let body = creation(&mut world, "77");
    let made = ok(&mut world, Operation::CreateChannel, "", body, 0);
    assert_eq!(made["channel"]["egressEndpoints"], json!([]));
    let id = made["channel"]["id"].as_str().unwrap().to_owned();
    let shown = ok(&mut world, Operation::DescribeChannel, &id, json!({}), 1_000);
    assert_eq!(
        (
            &shown["state"],
            shown["egressEndpoints"].as_array().unwrap().len()
        ),
        (&json!("IDLE"), 1)
    );
}

#[test]
fn a_policy_that_does_not_allow_a_key_is_a_403_and_changes_nothing() {
    let mut world = world_with("tagKeysAllowed", "slotwise.dev/*");
    tag(&mut world, &["slotwise.dev/owner"]).unwrap();
    assert_eq!(
        kind(tag(&mut world, &["slotwise.dev/owner", "Team"])),
        ErrorKind::AccessDenied
    );
    assert_eq!(kind(untag(&mut world, "Team")), ErrorKind::AccessDenied);
    let mut body = creation(&mut world, "77");
    body["tags"] = json!({"Team": "A"});
    let created = call(&mut world, Operation::CreateChannel, "", body, 0);
    assert_eq!(kind(created), ErrorKind::AccessDenied);
    let unknown = call(
        &mut world,
        Operation::CreateTags,
        "arn:unknown",
        json!({"tags": {"Team": "A"}}),
        0,
    );
    assert_eq!(kind(unknown), ErrorKind::AccessDenied, "IAM comes first");
    untag(&mut world, "slotwise.dev/owner").unwrap();
    world.settings_mut().switches.tag_keys_allowed.clear();
    assert_eq!(
        kind(tag(&mut world, &["slotwise.dev/owner"])),
        ErrorKind::AccessDenied
    );
    assert_eq!(world.channel("1").unwrap().document()["tags"], json!({}));
}

#[test]
fn a_running_channel_takes_up_to_fifty_tags() {
    let mut world = world();
    world.force_state("1", State::Running, at(0));
    let keys: Vec<String> = (0..50)
        .map(|number| format!("slotwise.dev/slot-{number}"))
        .collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    tag(&mut world, &keys[..30]).unwrap();
    tag(&mut world, &keys[20..]).unwrap();
    let described = ok(&mut world, Operation::DescribeChannel, "1", json!({}), 1);
    let listed = ok(&mut world, Operation::ListChannels, "", json!({}), 1);
    assert_eq!(described["tags"].as_object().unwrap().len(), 50);
    assert_eq!(described["tags"], listed["channels"][0]["tags"]);
    assert_eq!(described["state"], "RUNNING");
    assert_eq!(kind(tag(&mut world, &["one-too-many"])), ErrorKind::BadRequest);
    untag(&mut world, keys[0]).unwrap();
    tag(&mut world, &["one-too-many"]).unwrap();
}

#[test]
fn what_an_input_is_made_with_is_shown_again() {
    let mut world = world();
    let groups = json!({"smpte2110ReceiverGroups": [{"sdpSettings": {"videoSdp": {"sdpUrl": "http://x/v", "mediaIndex": 0}}}]});
    let body = json!({"type": "SMPTE_2110_RECEIVER_GROUP", "smpte2110ReceiverGroupSettings": groups});
    let made = ok(&mut world, Operation::CreateInput, "", body, 0);
    assert_eq!(made["input"]["smpte2110ReceiverGroupSettings"], groups);
    let zone = json!({"availabilityZoneName": "us-east-1a"});
    let body = json!({"type": "MEDIACONNECT_ROUTER", "routerSettings": {"destinations": [zone, zone]}});
    let made = ok(&mut world, Operation::CreateInput, "", body, 0);
    let shown = json!({"destinations": [zone, zone], "encryptionType": "AUTOMATIC"});
    assert_eq!(made["input"]["routerSettings"], shown);
    assert_eq!(made["input"]["inputClass"], "STANDARD");
    let caller = json!({"srtListenerAddress": "203.0.113.9", "srtListenerPort": "5000"});
    let body = json!({"type": "SRT_CALLER", "srtSettings": {"srtCallerSources": [caller]}});
    let made = ok(&mut world, Operation::CreateInput, "", body, 0);
    assert_eq!(made["input"]["inputClass"], "SINGLE_PIPELINE");
}
