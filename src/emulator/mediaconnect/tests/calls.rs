//! What a call needs, and what it is refused for.

use super::*;

/// A running channel with a MediaConnect Router output on both pipelines
fn channel(stage: &mut Stage) -> String {
    let doc = json!({"channelClass": "STANDARD", "id": "1", "inputAttachments": [], "state": "RUNNING",
        "destinations": [{"id": "router", "mediaConnectRouterSettings": [{"encryptionType": "AUTOMATIC"}, {}]}],
        "encoderSettings": {"outputGroups": [{
            "outputGroupSettings": {"mediaConnectRouterGroupSettings": {"availabilityZones": ["us-east-1b", "us-east-1c"]}},
            "outputs": [{"outputName": "programme", "outputSettings":
                {"mediaConnectRouterOutputSettings": {"destination": {"destinationRefId": "router"}}}}]}]}});
    stage.world.admit_channel("1", doc.as_object().unwrap().clone());
    stage.world.channel("1").unwrap().arn().to_owned()
}

#[test]
fn a_channels_output_feeds_one_input_and_its_pipeline_says_so() {
    let mut stage = Stage::new();
    let channel = channel(&mut stage);
    let body = |pipeline: &str| {
        json!({"name": "live", "maximumBitrate": 8_000_000, "routingScope": "REGIONAL", "tier": "INPUT_20",
            "configuration": {"mediaLiveChannel": {"mediaLiveChannelArn": channel, "mediaLivePipelineId": pipeline,
                "mediaLiveChannelOutputName": "programme",
                "sourceTransitDecryption": {"encryptionKeyConfiguration": {"automatic": {}}}}}})
    };
    let create = Operation::CreateRouterInput;
    let first = stage.made(create, "routerInput", body("PIPELINE_0"));
    assert_eq!(stage.refused(create, "", body("PIPELINE_0")), ErrorKind::Conflict);
    let second = stage.made(create, "routerInput", body("PIPELINE_1"));
    let zone = stage.world.router().resource(&second).unwrap().document()["availabilityZone"].clone();
    assert_eq!(zone, "us-east-1c", "it goes where the pipeline writes to");
    let links = |stage: &mut Stage| -> Vec<Value> {
        let described = stage
            .world
            .handle(&Request::new(Any::DescribeChannel, "1"), stage.now)
            .unwrap();
        let pipelines = described["pipelineDetails"].as_array().unwrap();
        let map =
            |one: &Value| one["mediaConnectRouterOutputConnectionMap"]["programme"]["routerInputArn"].clone();
        pipelines.iter().map(map).collect()
    };
    assert_eq!(links(&mut stage), [json!(first), json!(second)]);
    assert_eq!(
        stage.refused(Operation::DeleteRouterInput, &first, json!({})),
        ErrorKind::Conflict
    );
    let stop = Request::new(Any::StopChannel, "1");
    let delete = Request::new(Any::DeleteChannel, "1");
    stage.world.handle(&stop, stage.now).unwrap();
    stage.wait(PAUSE);
    let refused = stage.world.handle(&delete, stage.now).unwrap_err();
    assert_eq!(
        (refused.kind, refused.message.contains("feeds router input")),
        (ErrorKind::Conflict, true)
    );
    stage
        .world
        .handle(&Request::new(Any::StartChannel, "1"), stage.now)
        .unwrap();
    stage.wait(Duration::from_mins(10));
    // None of the three disconnects.
    let decryption = json!({"sourceTransitDecryption": {"encryptionKeyConfiguration": {"automatic": {}}}});
    let none = json!({"configuration": {"mediaLiveChannel": decryption}});
    stage.done(Operation::UpdateRouterInput, &first, none);
    assert_eq!(links(&mut stage), [Value::Null, json!(second)]);
    stage.wait(PAUSE);
    stage.done(Operation::DeleteRouterInput, &first, json!({}));
}

#[test]
fn a_take_needs_the_bitrate_and_the_scope() {
    let (mut stage, input, outputs) = stage(1);
    let slower = json!({"maximumBitrate": 7_999_999});
    stage.done(Operation::UpdateRouterOutput, &outputs[0], slower.clone());
    stage.wait(PAUSE);
    let take = json!({"routerInputArn": input});
    assert_eq!(
        stage.refused(Operation::TakeRouterInput, &outputs[0], take.clone()),
        ErrorKind::BadRequest
    );
    stage.done(
        Operation::UpdateRouterOutput,
        &outputs[0],
        json!({"maximumBitrate": 8_000_000}),
    );
    stage.wait(PAUSE);
    stage.take(&outputs[0], &input);
    assert_eq!(
        stage.refused(Operation::UpdateRouterOutput, &outputs[0], slower),
        ErrorKind::BadRequest
    );
    let faster = json!({"maximumBitrate": 8_000_001});
    assert_eq!(
        stage.refused(Operation::UpdateRouterInput, &input, faster),
        ErrorKind::BadRequest
    );
    let body =
        json!({"name": "far", "regionName": "eu-west-1", "configuration": {"public": {"allowRules": []}}});
    let far = stage.made(
        Operation::CreateRouterNetworkInterface,
        "routerNetworkInterface",
        body,
    );
    let mut body = output(&far, "far");
    body["regionName"] = json!("eu-west-1");
    body["routingScope"] = json!("GLOBAL");
    let far = stage.made(Operation::CreateRouterOutput, "routerOutput", body);
    assert_eq!(
        stage.refused(Operation::TakeRouterInput, &far, take.clone()),
        ErrorKind::BadRequest
    );
    // The input has a route, and its scope may be changed all the same.
    stage.done(
        Operation::UpdateRouterInput,
        &input,
        json!({"routingScope": "GLOBAL"}),
    );
    stage.wait(PAUSE);
    stage.done(Operation::TakeRouterInput, &far, take);
}

#[test]
fn an_output_that_is_routing_takes_nothing_else() {
    let (mut stage, input, outputs) = stage(1);
    let interface = stage
        .world
        .router()
        .resources()
        .find(|one| one.kind() == ResourceKind::NetworkInterface);
    let interface = interface.unwrap().arn().to_owned();
    let other = stage.input(&interface);
    let take = |input: &str| json!({"routerInputArn": input});
    stage.done(Operation::TakeRouterInput, &outputs[0], take(&input));
    assert_eq!(
        stage.refused(Operation::TakeRouterInput, &outputs[0], take(&other)),
        ErrorKind::Conflict
    );
    let again = stage.done(Operation::TakeRouterInput, &outputs[0], take(&input));
    assert_eq!(again["routedState"], "ROUTING");
    stage.wait(PAUSE);
    assert_eq!(
        stage.done(Operation::TakeRouterInput, &outputs[0], take(&input))["routedState"],
        "ROUTED"
    );
    let other = stage.done(Operation::TakeRouterInput, &outputs[0], take(&other));
    assert_eq!(other["routedState"], "ROUTING");
}

#[test]
fn without_an_input_a_take_is_refused_unless_a_switch_says_it_unroutes() {
    let (mut stage, input, outputs) = stage(1);
    stage.take(&outputs[0], &input);
    assert_eq!(
        stage.refused(Operation::TakeRouterInput, &outputs[0], json!({})),
        ErrorKind::BadRequest
    );
    stage.world.settings_mut().switches.router_unroute_by_omission = true;
    assert_eq!(
        stage.done(Operation::TakeRouterInput, &outputs[0], json!({}))["routedState"],
        "ROUTING"
    );
    stage.wait(PAUSE);
    let shown = stage.shown(&outputs[0]);
    assert_eq!(
        (&shown["routedState"], shown.get("routedInputArn")),
        (&json!("UNROUTED"), None)
    );
}

#[test]
fn what_is_in_use_is_not_deleted() {
    let (mut stage, input, outputs) = stage(1);
    let shown = stage.shown(&outputs[0]);
    let interface = shown["configuration"]["standard"]["networkInterfaceArn"]
        .as_str()
        .unwrap()
        .to_owned();
    stage.take(&outputs[0], &input);
    for (operation, arn) in [
        (Operation::DeleteRouterInput, &input),
        (Operation::DeleteRouterNetworkInterface, &interface),
    ] {
        assert_eq!(stage.refused(operation, arn, json!({})), ErrorKind::Conflict);
    }
    stage.done(Operation::DeleteRouterOutput, &outputs[0], json!({}));
    stage.wait(PAUSE);
    stage.done(Operation::DeleteRouterInput, &input, json!({}));
    stage.wait(PAUSE);
    stage.done(Operation::DeleteRouterNetworkInterface, &interface, json!({}));
    stage.wait(PAUSE);
    stage.world.advance(stage.now);
    assert_eq!(stage.world.router().resources().count(), 0);
}

#[test]
fn a_network_interface_that_is_not_active_is_a_conflict() {
    let mut stage = Stage::new();
    let body = json!({"name": "public", "configuration": {"public": {"allowRules": []}}});
    let made = stage.done(Operation::CreateRouterNetworkInterface, "", body);
    let interface = made["routerNetworkInterface"]["arn"].as_str().unwrap().to_owned();
    let create = Operation::CreateRouterOutput;
    assert_eq!(
        stage.refused(create, "", output(&interface, "early")),
        ErrorKind::Conflict
    );
    stage.wait(PAUSE);
    assert!(stage.call(create, "", output(&interface, "late")).is_ok());
}

#[test]
fn a_vpcs_interface_is_reconfigured_while_nothing_uses_it() {
    let mut stage = Stage::new();
    let vpc = |group: &str| json!({"vpc": {"securityGroupIds": [group], "subnetId": "subnet-1"}});
    let body = json!({"name": "vpc", "configuration": vpc("sg-1")});
    let interface = stage.made(
        Operation::CreateRouterNetworkInterface,
        "routerNetworkInterface",
        body,
    );
    let update = Operation::UpdateRouterNetworkInterface;
    stage.done(update, &interface, json!({"configuration": vpc("sg-2")}));
    stage.wait(PAUSE);
    stage.output(&interface, "user");
    let other = json!({"configuration": vpc("sg-3")});
    assert_eq!(stage.refused(update, &interface, other), ErrorKind::Conflict);
    stage.done(update, &interface, json!({"name": "renamed"}));
}

#[test]
fn an_active_output_is_updated_where_a_switch_says_so_but_for_its_maintenance() {
    let (mut stage, _, outputs) = stage(1);
    stage.start(&outputs[0]);
    let update = Operation::UpdateRouterOutput;
    assert_eq!(
        stage.refused(update, &outputs[0], json!({"name": "x"})),
        ErrorKind::Conflict
    );
    stage.world.settings_mut().switches.router_update_while_active = true;
    let maintenance = json!({"maintenanceConfiguration": {"default": {}}});
    assert_eq!(
        stage.refused(update, &outputs[0], maintenance),
        ErrorKind::Conflict
    );
    stage.done(update, &outputs[0], json!({"name": "x"}));
    assert_eq!(stage.state(&outputs[0]), "UPDATING");
    stage.wait(PAUSE);
    assert_eq!(stage.state(&outputs[0]), "ACTIVE");
}

#[test]
fn a_restart_is_a_migration_and_begins_the_maintenance_countdown_anew() {
    let (mut stage, _, outputs) = stage(1);
    stage.start(&outputs[0]);
    let before = stage.shown(&outputs[0])["maintenanceSchedule"].clone();
    stage.wait(Duration::from_hours(24 * 30));
    let restarted = stage.done(Operation::RestartRouterOutput, &outputs[0], json!({}));
    assert_eq!(restarted["state"], "MIGRATING");
    stage.wait(PAUSE);
    let after = stage.shown(&outputs[0]);
    assert_eq!(after["state"], "ACTIVE");
    assert_ne!(after["maintenanceSchedule"], before);
}

#[test]
fn a_token_makes_one_output_and_is_forgotten_in_time() {
    let (mut stage, _, _) = stage(0);
    let interface = stage
        .world
        .router()
        .resources()
        .find(|one| one.kind() == ResourceKind::NetworkInterface);
    let mut body = output(interface.unwrap().arn(), "one");
    body["clientToken"] = json!("token");
    let create = Operation::CreateRouterOutput;
    let first = stage.made(create, "routerOutput", body.clone());
    assert_eq!(stage.made(create, "routerOutput", body.clone()), first);
    let mut other = body.clone();
    other["name"] = json!("other");
    assert_eq!(stage.refused(create, "", other), ErrorKind::Conflict);
    stage.done(Operation::DeleteRouterOutput, &first, json!({}));
    stage.wait(PAUSE);
    assert_eq!(
        stage.made(create, "routerOutput", body.clone()),
        first,
        "answered as before"
    );
    assert_eq!(
        stage.refused(Operation::GetRouterOutput, &first, json!({})),
        ErrorKind::NotFound
    );
    stage.wait(Duration::from_mins(10));
    let second = stage.made(create, "routerOutput", body.clone());
    assert_ne!(second, first);
    stage.world.settings_mut().switches.router_token_seconds = 0;
    stage.wait(Duration::from_hours(1_000));
    assert_eq!(stage.made(create, "routerOutput", body), second, "0 is for good");
}

#[test]
fn a_refused_call_changes_nothing_and_shifts_nothing() {
    let run = |with_refusals: bool| {
        let (mut stage, input, outputs) = stage(2);
        if with_refusals {
            for (operation, body) in [
                (Operation::StopRouterOutput, json!({})),
                (Operation::TakeRouterInput, json!({"routerInputArn": outputs[1]})),
                (Operation::UpdateRouterOutput, json!({"tier": "OUTPUT_1"})),
                (Operation::CreateRouterOutput, json!({"name": "x"})),
            ] {
                stage.refused(operation, &outputs[0], body);
            }
        }
        stage.take(&outputs[0], &input);
        stage.start(&outputs[0]);
        stage.wait(PAUSE);
        serde_json::to_string(&stage.world).unwrap()
    };
    assert_eq!(run(true), run(false));
}
