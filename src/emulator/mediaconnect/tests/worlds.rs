//! Whole worlds: read back, made by the CLI, read from a file, and under any calls.

use super::*;

#[test]
fn debug_shows_no_stream_name() {
    let (mut stage, _, outputs) = stage(1);
    let update = json!({"configuration": output("arn", "x")["configuration"]});
    let request =
        Request::new(Any::Router(Operation::UpdateRouterOutput), outputs[0].as_str()).with_body(update);
    let shown = format!("{:?} {request:?} {:?}", stage.world.router(), stage.world);
    assert!(shown.contains(&outputs[0]) && !shown.contains(KEY), "{shown}");
    assert!(
        stage.shown(&outputs[0]).to_string().contains(KEY),
        "MediaConnect itself shows it"
    );
}

#[test]
fn a_world_read_back_goes_on_as_before() {
    let (mut stage, input, outputs) = stage(2);
    stage.take(&outputs[0], &input);
    stage.done(Operation::StartRouterOutput, &outputs[0], json!({}));
    let text = serde_json::to_string(&stage.world).unwrap();
    let mut copy = Stage {
        world: serde_json::from_str(&text).unwrap(),
        now: stage.now,
    };
    for stage in [&mut stage, &mut copy] {
        stage.wait(PAUSE);
        stage.done(Operation::StopRouterOutput, &outputs[0], json!({}));
        stage.wait(Duration::from_secs(3));
    }
    assert_eq!(
        serde_json::to_string(&stage.world).unwrap(),
        serde_json::to_string(&copy.world).unwrap()
    );
}

#[test]
fn what_the_cli_prints_makes_the_same_routers_again() {
    let (mut stage, input, outputs) = stage(1);
    stage.take(&outputs[0], &input);
    let shown = stage.shown(&outputs[0]);
    let interface = shown["configuration"]["standard"]["networkInterfaceArn"]
        .as_str()
        .unwrap()
        .to_owned();
    let of_input = stage.done(Operation::GetRouterInput, &input, json!({}));
    let of_interface = stage.done(Operation::GetRouterNetworkInterface, &interface, json!({}));
    let file = format!("{} {of_input} {of_interface}", json!({"RouterOutputs": [shown]}));
    let fleet = Fleet::parse(&file).unwrap_or_else(|error| panic!("{error}"));
    assert!(!format!("{fleet:?}").contains(KEY));
    let mut again = Stage {
        world: fleet.world(stage.world.settings().clone(), 1),
        now: stage.now,
    };
    assert_eq!(again.shown(&outputs[0]), shown);
    assert_eq!(again.done(Operation::GetRouterInput, &input, json!({})), of_input);
    let interface = again.done(Operation::GetRouterNetworkInterface, &interface, json!({}));
    assert_eq!(interface, of_interface);
}

#[test]
fn a_fleet_file_names_what_is_wrong_with_a_router() {
    let text =
        json!({"RouterOutputs": [{"Arn": "arn:aws:mediaconnect:x", "State": "BUSY"}, 7], "RouterInput": {}});
    let error = Fleet::parse(&text.to_string()).unwrap_err();
    let paths: Vec<&str> = error
        .problems
        .iter()
        .map(|problem| problem.path.as_str())
        .collect();
    let expected = [
        "RouterInput.Arn",
        "RouterInput.Configuration",
        "RouterOutputs[0].Arn",
        "RouterOutputs[0].Configuration",
        "RouterOutputs[0].State",
        "RouterOutputs[1]",
    ];
    assert_eq!(paths, expected);
}

/// What one may ask of an output: which operation, with which body
fn asked(which: usize, input: &str) -> (Operation, Value) {
    match which {
        0 => (Operation::StartRouterOutput, json!({})),
        1 => (Operation::StopRouterOutput, json!({})),
        2 => (Operation::RestartRouterOutput, json!({})),
        3 => (Operation::UpdateRouterOutput, json!({"name": "other"})),
        4 => (Operation::TakeRouterInput, json!({"routerInputArn": input})),
        5 => (Operation::TakeRouterInput, json!({})),
        _ => (Operation::DeleteRouterOutput, json!({})),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_call_changes_the_output_that_it_names_and_a_refused_one_none(
        steps in prop::collection::vec((0..7_usize, 0..3_usize, 0..60_u64), 1..60),
        is_lenient: bool,
    ) {
        let (mut stage, input, outputs) = stage(3);
        if is_lenient {
            stage.world.settings_mut().switches = Switches::lenient();
        }
        for (which, output, seconds) in steps {
            stage.wait(Duration::from_secs(seconds));
            stage.world.advance(stage.now);
            let look = |stage: &Stage| -> Vec<Option<String>> {
                let shown = |arn: &String| stage.world.router().resource(arn).map(|one| json!(one.describe()).to_string());
                outputs.iter().map(shown).collect()
            };
            let before = look(&stage);
            let (operation, body) = asked(which, &input);
            let answer = stage.call(operation, &outputs[output], body);
            for (index, (was, is)) in before.iter().zip(look(&stage)).enumerate() {
                prop_assert!(*was == is || (index == output && answer.is_ok()), "{operation:?}: {was:?} {is:?}");
            }
        }
    }
}

#[test]
fn a_fleets_routers_go_on_from_the_state_they_are_in() {
    let (mut stage, _, outputs) = stage(1);
    let mut doc = stage.shown(&outputs[0]);
    for (state, expected) in [
        ("STARTING", "ACTIVE"),
        ("STOPPING", "STANDBY"),
        ("ERROR", "ERROR"),
        ("ACTIVE", "ACTIVE"),
    ] {
        doc["state"] = json!(state);
        let mut fleet = Fleet::empty();
        fleet.add_router(
            ResourceKind::Output,
            outputs[0].clone(),
            doc.as_object().unwrap().clone(),
        );
        let mut again = Stage {
            world: fleet.world(stage.world.settings().clone(), 1),
            now: stage.now,
        };
        assert_eq!(again.state(&outputs[0]), expected);
        let shown = again.shown(&outputs[0]);
        assert_eq!(shown.get("maintenanceSchedule").is_some(), expected == "ACTIVE");
    }
}

#[test]
fn an_invented_router_takes_outputs_with_a_channel_in_front_or_without() {
    let arn = |kind: ResourceKind| {
        format!(
            "arn:aws:mediaconnect:us-east-1:111122223333:{}:abcdefgh1234",
            kind.key()
        )
    };
    let (interface, input) = (arn(ResourceKind::NetworkInterface), arn(ResourceKind::Input));
    for channel in [None, Some("4000009".to_owned())] {
        let mut stage = Stage::new();
        let mut fleet = Fleet::empty();
        fleet.add_invented_router(&InventedRouter {
            interface: interface.clone(),
            input: input.clone(),
            channel: channel.clone(),
        });
        stage.world = fleet.world(stage.world.settings().clone(), 1);
        let output = stage.output(&interface, "first");
        stage.take(&output, &input);
        stage.start(&output);
        let shown = stage.done(Operation::GetRouterInput, &input, json!({}));
        let shown = &shown["routerInput"];
        assert_eq!(shown["routedOutputs"], 1);
        let Some(channel) = channel else {
            assert_eq!(
                (&shown["state"], &shown["inputType"]),
                (&json!("ACTIVE"), &json!("STANDARD"))
            );
            continue;
        };
        assert_eq!(
            (&shown["state"], &shown["inputType"]),
            (&json!("STANDBY"), &json!("MEDIALIVE_CHANNEL"))
        );
        stage
            .world
            .handle(&Request::new(Any::StartChannel, channel.as_str()), stage.now)
            .unwrap();
        stage.wait(Duration::from_mins(10));
        let described = stage
            .world
            .handle(&Request::new(Any::DescribeChannel, channel), stage.now)
            .unwrap();
        let map = &described["pipelineDetails"][0]["mediaConnectRouterOutputConnectionMap"];
        assert_eq!(map["programme"]["routerInputArn"], input);
    }
}
