//! What befalls routers without a call: failures, maintenance, late lists.

use super::*;

#[test]
fn a_start_that_fails_or_hangs_says_so() {
    let (mut stage, _, outputs) = stage(2);
    let mut request = Request::new(Any::Router(Operation::StartRouterOutput), outputs[0].as_str());
    request.twist.outcome = TransitionOutcome::Fails;
    stage.world.handle(&request, stage.now).unwrap();
    assert_eq!(stage.shown(&outputs[0])["messages"], json!([]));
    stage.wait(PAUSE);
    let failed = stage.shown(&outputs[0]);
    assert_eq!(
        (&failed["state"], &failed["messages"][0]["code"]),
        (&json!("ERROR"), &json!("START_FAILED"))
    );
    stage.done(Operation::RestartRouterOutput, &outputs[0], json!({}));
    stage.wait(PAUSE);
    let healed = stage.shown(&outputs[0]);
    assert_eq!(
        (&healed["state"], &healed["messages"]),
        (&json!("ACTIVE"), &json!([]))
    );
    request.id.clone_from(&outputs[1]);
    request.twist.outcome = TransitionOutcome::Stuck;
    stage.world.handle(&request, stage.now).unwrap();
    stage.wait(Duration::from_hours(10));
    assert_eq!(stage.state(&outputs[1]), "STARTING");
    assert_eq!(
        stage.refused(Operation::StopRouterOutput, &outputs[1], json!({})),
        ErrorKind::Conflict
    );
    stage.world.settings_mut().switches.router_stop_in_transition = true;
    stage.done(Operation::StopRouterOutput, &outputs[1], json!({}));
}

#[test]
fn events_befall_the_outputs_that_run_or_the_one_that_is_named() {
    let (mut stage, _, outputs) = stage(3);
    stage.start(&outputs[0]);
    stage.start(&outputs[1]);
    stage.inject(
        Fault::new(FaultKind::RouterRecovering { seconds: Some(30.0) }).of_resource(outputs[1].as_str()),
    );
    assert_eq!(stage.state(&outputs[0]), "ACTIVE");
    let struck = stage.shown(&outputs[1]);
    assert_eq!(
        (&struck["state"], &struck["messages"][0]["code"]),
        (&json!("RECOVERING"), &json!("RECOVERING"))
    );
    stage.wait(PAUSE);
    let healed = stage.shown(&outputs[1]);
    assert_eq!(
        (&healed["state"], &healed["messages"]),
        (&json!("ACTIVE"), &json!([])),
        "once"
    );
    let error = FaultKind::RouterError {
        code: "LOST".into(),
        message: "It is lost.".into(),
    };
    stage.inject(Fault::new(error));
    assert_eq!(stage.state(&outputs[0]), "ERROR");
    assert_eq!(stage.state(&outputs[1]), "ERROR");
    assert_eq!(stage.state(&outputs[2]), "STANDBY");
    assert_eq!(
        stage.shown(&outputs[0])["messages"],
        json!([{"code": "LOST", "message": "It is lost."}])
    );
}

#[test]
fn what_a_refused_stream_does_is_a_switch() {
    for (reading, expected, messages) in [
        (RefusedStream::Error, "ERROR", 1),
        (RefusedStream::Recovering, "RECOVERING", 1),
        (RefusedStream::Active, "ACTIVE", 1),
    ] {
        let (mut stage, _, outputs) = stage(1);
        stage.world.settings_mut().switches.refused_stream = reading;
        stage.start(&outputs[0]);
        stage.inject(Fault::new(FaultKind::StreamRefused).times(5));
        let shown = stage.shown(&outputs[0]);
        let count = shown["messages"].as_array().unwrap().len();
        assert_eq!((shown["state"].as_str().unwrap(), count), (expected, messages));
        stage.wait(PAUSE);
        assert_eq!(
            stage.state(&outputs[0]),
            expected,
            "it strikes whenever the output runs again"
        );
    }
}

#[test]
fn a_late_list_shows_what_was_and_what_is_gone() {
    let (mut stage, input, outputs) = stage(2);
    stage.take(&outputs[0], &input);
    stage.start(&outputs[0]);
    stage.done(Operation::DeleteRouterOutput, &outputs[1], json!({}));
    stage.wait(PAUSE);
    assert_eq!(stage.list().len(), 1);
    let mut request = Request::new(Any::Router(Operation::ListRouterOutputs), "");
    request.twist.stale = Some(PAUSE * 2);
    let late = stage.world.handle(&request, stage.now).unwrap();
    let states: Vec<&str> = late["routerOutputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["state"].as_str().unwrap())
        .collect();
    assert_eq!(states.len(), 2, "{states:?}");
    request.twist.stale = Some(Duration::from_secs(100_000));
    let earlier = stage.world.handle(&request, stage.now).unwrap();
    assert_eq!(earlier["routerOutputs"], json!([]), "before they were made");
    request.twist.stale = None;
    request.twist.left_out = Some(0);
    let part = stage.world.handle(&request, stage.now).unwrap();
    assert_eq!(part["routerOutputs"], json!([]));
}

#[test]
fn a_running_output_is_maintained_in_its_window_and_a_stopped_one_is_not() {
    let (mut stage, _, outputs) = stage(2);
    stage.start(&outputs[0]);
    let due = |stage: &mut Stage| -> Timestamp {
        let at = &stage.shown(&outputs[0])["maintenanceSchedule"]["window"]["scheduledTime"];
        at.as_str().unwrap().parse().unwrap()
    };
    let first = due(&mut stage);
    stage.now.wall = first - SignedDuration::from_secs(1);
    assert_eq!(stage.state(&outputs[0]), "ACTIVE");
    stage.now.wall = first;
    let moved = stage.shown(&outputs[0]);
    assert_eq!(
        (&moved["state"], &moved["messages"][0]["code"]),
        (&json!("MIGRATING"), &json!("MAINTENANCE"))
    );
    assert_eq!(stage.state(&outputs[1]), "STANDBY");
    assert!(due(&mut stage) > first + SignedDuration::from_hours(24 * 59));
    stage.wait(PAUSE);
    assert_eq!(stage.state(&outputs[0]), "ACTIVE");
    stage.done(Operation::StopRouterOutput, &outputs[0], json!({}));
    stage.wait(PAUSE);
    assert_eq!(stage.shown(&outputs[0]).get("maintenanceSchedule"), None);
}
