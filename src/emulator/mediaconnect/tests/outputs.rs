//! What one output does to another, and how many there may be.

use super::*;

#[test]
fn whatever_is_done_to_one_output_shows_in_no_other() {
    let (mut stage, input, outputs) = stage(3);
    for output in &outputs[1..] {
        stage.take(output, &input);
    }
    stage.start(&outputs[1]);
    let others =
        |stage: &mut Stage| -> Vec<Value> { outputs[1..].iter().map(|arn| stage.shown(arn)).collect() };
    let before = others(&mut stage);
    let one = outputs[0].as_str();
    stage.take(one, &input);
    stage.start(one);
    for operation in [Operation::RestartRouterOutput, Operation::StopRouterOutput] {
        stage.done(operation, one, json!({}));
        stage.wait(PAUSE);
        assert_eq!(others(&mut stage), before, "{operation:?}");
    }
    stage.done(Operation::UpdateRouterOutput, one, json!({"name": "other"}));
    stage.wait(PAUSE);
    stage.done(Operation::DeleteRouterOutput, one, json!({}));
    stage.wait(PAUSE);
    assert_eq!(others(&mut stage), before);
}

#[test]
fn a_stopped_output_keeps_its_route_and_its_place() {
    let (mut stage, input, outputs) = stage(11);
    for output in &outputs[..10] {
        stage.take(output, &input);
    }
    let last = json!({"routerInputArn": input});
    let refused = |stage: &mut Stage| stage.call(Operation::TakeRouterInput, &outputs[10], last.clone());
    assert_eq!(refused(&mut stage).unwrap_err().kind, ErrorKind::Conflict);
    stage.start(&outputs[0]);
    stage.done(Operation::StopRouterOutput, &outputs[0], json!({}));
    stage.wait(PAUSE);
    assert_eq!(stage.shown(&outputs[0])["routedState"], "ROUTED");
    assert_eq!(refused(&mut stage).unwrap_err().kind, ErrorKind::Conflict);
    // A place is free once its output is gone, and not before.
    stage.done(Operation::DeleteRouterOutput, &outputs[0], json!({}));
    assert_eq!(refused(&mut stage).unwrap_err().kind, ErrorKind::Conflict);
    stage.wait(PAUSE);
    assert_eq!(refused(&mut stage).unwrap()["routedState"], "ROUTING");
}

#[test]
fn a_region_has_twenty_outputs_and_another_region_its_own() {
    let (mut stage, _, _) = stage(20);
    let near = stage
        .world
        .router()
        .resources()
        .find(|one| one.kind() == ResourceKind::NetworkInterface);
    let near = near.unwrap().arn().to_owned();
    let create = Operation::CreateRouterOutput;
    assert_eq!(
        stage.refused(create, "", output(&near, "more")),
        ErrorKind::RouterOutputQuota
    );
    assert_eq!(ErrorKind::RouterOutputQuota.status(), 420);
    let body =
        json!({"name": "far", "regionName": "eu-west-1", "configuration": {"public": {"allowRules": []}}});
    let far = stage.made(
        Operation::CreateRouterNetworkInterface,
        "routerNetworkInterface",
        body,
    );
    let mut body = output(&far, "far");
    body["regionName"] = json!("eu-west-1");
    assert!(stage.call(create, "", body).is_ok());
}

#[test]
fn a_region_has_twenty_inputs_and_ten_network_interfaces() {
    let mut stage = Stage::new();
    let interfaces: Vec<String> = (0..10).map(|_| stage.interface()).collect();
    let body = json!({"name": "more", "configuration": {"public": {"allowRules": []}}});
    assert_eq!(
        stage.refused(Operation::CreateRouterNetworkInterface, "", body),
        ErrorKind::RouterNetworkInterfaceQuota
    );
    for _ in 0..20 {
        stage.input(&interfaces[0]);
    }
    let shown = stage
        .world
        .router()
        .resources()
        .find(|one| one.kind() == ResourceKind::Input)
        .unwrap();
    let mut body = Document::new();
    for key in ["name", "maximumBitrate", "routingScope", "tier", "configuration"] {
        body.insert(key.into(), shown.document()[key].clone());
    }
    assert_eq!(
        stage.refused(Operation::CreateRouterInput, "", Value::Object(body)),
        ErrorKind::RouterInputQuota
    );
}
