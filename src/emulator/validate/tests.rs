use serde_json::json;

use super::*;
use crate::emulator::request::{Operation, Request};
use crate::emulator::switches::Switches;

/// A channel that passes, with two RTMP slots
fn good() -> Value {
    let destination = |id: &str| json!({"id": id, "settings": [{"url": "rtmps://example.com:443/live2?backup=1", "streamName": id}]});
    let group = |id: &str| {
        json!({
            "name": format!("group-{id}"),
            "outputGroupSettings": {"rtmpGroupSettings": {}},
            "outputs": [{
                "outputName": id,
                "videoDescriptionName": "video",
                "audioDescriptionNames": ["audio"],
                "outputSettings": {"rtmpOutputSettings": {"destination": {"destinationRefId": id}}},
            }],
        })
    };
    json!({
        "channelClass": "SINGLE_PIPELINE",
        "destinations": [destination("a"), destination("b")],
        "inputAttachments": [{"inputId": "7"}],
        "roleArn": "arn:aws:iam::111122223333:role/MediaLiveAccessRole",
        "encoderSettings": {
            "audioDescriptions": [{"name": "audio", "audioSelectorName": "default"}],
            "videoDescriptions": [{"name": "video", "codecSettings": {"h264Settings": {"bitrate": 1_000}}}],
            "timecodeConfig": {"source": "EMBEDDED"},
            "outputGroups": [group("a"), group("b")],
        },
    })
}

fn facts() -> InputFacts {
    InputFacts {
        standard: false,
        push: false,
        attached_to: None,
        gone: false,
    }
}

fn check_with(doc: &Value, facts: InputFacts, switches: &Switches) -> Result<(), ApiError> {
    let inputs = BTreeMap::from([("7", facts)]);
    let creation = Request::new(Operation::CreateChannel, "").with_body(doc.clone());
    request(&creation, None, switches)?;
    channel(doc.as_object().unwrap(), "1", None, &inputs, switches)
}

/// Checks an update from one channel to another
fn check_update(before: &Value, after: &Value) -> Result<(), ApiError> {
    let inputs = BTreeMap::from([("7", facts())]);
    let update = Request::new(Operation::UpdateChannel, "1").with_body(after.clone());
    let (before, after) = (before.as_object().unwrap(), after.as_object().unwrap());
    request(&update, Some(before), &Switches::default())?;
    channel(after, "1", Some(before), &inputs, &Switches::default())
}

fn check(doc: &Value) -> Result<(), ApiError> {
    check_with(doc, facts(), &Switches::default())
}

/// Changes what is at a JSON pointer, then answers the problems found: `path message`
fn broken(pointer: &str, value: Value) -> Vec<String> {
    let mut doc = good();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = doc.pointer_mut(parent).unwrap();
    match parent {
        Value::Array(list) => list[key.parse::<usize>().unwrap()] = value,
        other => other[key] = value,
    }
    problems(&doc)
}

fn problems(doc: &Value) -> Vec<String> {
    let Err(error) = check(doc) else { return Vec::new() };
    if error.kind == ErrorKind::BadRequest {
        return vec![error.message];
    }
    error
        .validation
        .into_iter()
        .map(|one| format!("{} {}", one.element_path, one.error_message))
        .collect()
}

#[test]
fn a_good_channel_passes() {
    assert_eq!(check(&good()), Ok(()));
}

/// Each change to the good channel, and the problem it is to be found with
fn each_is_found<const N: usize>(cases: [(&str, Value, &str); N]) {
    for (pointer, value, expected) in cases {
        let found = broken(pointer, value);
        assert!(
            found.iter().any(|one| one.starts_with(expected)),
            "{pointer}: {found:?}"
        );
    }
}

#[test]
fn each_mistake_of_a_channel_has_its_place_and_message() {
    each_is_found([
        (
            "/destinations/0/settings",
            json!([]),
            "Exactly one of settings, MediaPackage settings, or Multiplex settings is required for destination a.",
        ),
        (
            "/channelClass",
            json!("STANDARD"),
            "destinations[0].settings Exactly 2 destinations settings required",
        ),
        (
            "/destinations/1/id",
            json!("b_"),
            "destinations[1].id DestinationId should include only numbers, letters and hyphen",
        ),
        (
            "/destinations/0/settings/0/url",
            json!("https://example.com/live"),
            "destinations[0].settings[0].url The URL must start with rtmp:// or rtmps://",
        ),
        (
            "/destinations/0/settings/0/url",
            json!("rtmp://example.com"),
            "destinations[0].settings[0].url The URL must have an application name after the host",
        ),
        (
            "/destinations/0/settings/0/streamName",
            json!(null),
            "destinations[0].settings[0].streamName An RTMP destination requires a stream name",
        ),
        (
            "/inputAttachments",
            json!([]),
            "inputAttachments must have at least one input",
        ),
        (
            "/inputAttachments/0/inputId",
            json!("8"),
            "inputAttachments[0].inputId Input 8 does not exist",
        ),
        ("/roleArn", json!("role"), "roleArn is not the ARN of a role"),
        ("/destinations", json!({}), "destinations must be a list"),
        ("/logLevel", json!("LOUD"), "logLevel must be one of: ERROR"),
        ("/tags", json!({"a": 1}), "tags must be an object of strings"),
        ("/tags", json!({"": "b"}), "tags: a key has 1 to 128 characters"),
    ]);
}

#[test]
fn each_mistake_of_the_encoder_has_its_place_and_message() {
    let output = "/encoderSettings/outputGroups/0/outputs/0";
    let video = format!("{output}/videoDescriptionName");
    let settings = format!("{output}/outputSettings");
    let reference = format!("{settings}/rtmpOutputSettings/destination/destinationRefId");
    each_is_found([
        (
            &reference,
            json!("5tj5bm"),
            "outputGroups[0].outputs[0].outputSettings.rtmpOutputSettings.destination.destinationRefId Object \
             references undefined destination \"5tj5bm\"",
        ),
        (
            &video,
            json!("x"),
            "outputGroups[0].outputs[0].videoDescriptionName Object references undefined video description \"x\"",
        ),
        (
            "/encoderSettings/outputGroups/0/name",
            json!("x".repeat(33)),
            "outputGroups[0].name must have at most 32 characters",
        ),
        (
            "/encoderSettings/outputGroups/1/name",
            json!("group-a"),
            "outputGroups[1].name Output group name \"group-a\" is not unique in the channel",
        ),
        (
            "/encoderSettings/timecodeConfig",
            json!(null),
            " requires property \"timecodeConfig\"",
        ),
        (
            &settings,
            json!({}),
            "outputGroups[0].outputs[0].outputSettings OutputSettings must contain exactly one property: \
             archiveOutputSettings, cmafIngestOutputSettings",
        ),
        (
            "/encoderSettings/videoDescriptions/0/codecSettings",
            json!({"h265Settings": {"framerateDenominator": 1, "framerateNumerator": 30}}),
            "outputGroups[0].outputs[0].videoDescriptionName Video description \"video\" must be H.264",
        ),
        (
            "/encoderSettings/videoDescriptions/0/codecSettings/h264Settings/bitrate",
            json!(999),
            "videoDescriptions[0].codecSettings.h264Settings.bitrate 999 is not in the range",
        ),
        (
            "/encoderSettings/outputGroups/0/outputGroupSettings/rtmpGroupSettings/cacheLength",
            json!(29),
            "outputGroups[0].outputGroupSettings.rtmpGroupSettings.cacheLength 29 is not in the range 30",
        ),
    ]);
}

#[test]
fn all_problems_come_at_once() {
    let mut doc = good();
    doc["encoderSettings"]["audioDescriptions"] =
        json!([{"name": "audio", "audioSelectorName": "d"}, {"name": "spare", "audioSelectorName": "d"}]);
    doc["destinations"][0]["id"] = json!("-x");
    doc["inputAttachments"] = json!([]);
    let found = problems(&doc);
    assert_eq!(found.len(), 4, "{found:#?}");
    assert!(found.contains(
        &"audioDescriptions[1] Audio description \"spare\" is not referenced by any output".into()
    ));
}

#[test]
fn an_accepted_value_is_not_refused_later() {
    let mut before = good();
    let groups = before["encoderSettings"]["outputGroups"].as_array_mut().unwrap();
    let second = groups[1]["outputs"][0].clone();
    groups[0]["outputs"].as_array_mut().unwrap().push(second);
    groups.truncate(1);
    before["encoderSettings"]["nextYear"] = json!({"x": 1});
    before["destinations"][0]["nextYear"] = json!(1);
    assert!(
        check(&before).is_err(),
        "a second output in an RTMP group, and unknown members"
    );
    let mut after = before.clone();
    after["destinations"][0]["settings"][0]["streamName"] = json!("new");
    assert_eq!(check_update(&before, &after), Ok(()));
    after["destinations"][0]["settings"][0]["url"] = json!("http://example.com/x");
    let error = check_update(&before, &after).unwrap_err();
    assert_eq!(error.validation.len(), 1, "{error}");
    after["destinations"][0]["unheardOf"] = json!(1);
    let error = check_update(&before, &after).unwrap_err();
    assert_eq!(
        error.message,
        "destinations[0] does not have a member unheardOf in MediaLive's model"
    );
}

#[test]
fn references_and_selectors_exist_outside_of_rtmp_too() {
    let mut doc = good();
    doc["destinations"]
        .as_array_mut()
        .unwrap()
        .push(json!({"id": "mp", "mediaPackageSettings": [{"channelId": "x"}]}));
    let there = json!({"destinationRefId": "mp"});
    let settings = |more: Value| {
        json!({"mediaPackageGroupSettings": {"destination": there,
        "mediapackageV2GroupSettings": {"additionalDestinations": [{"destination": more}]}}})
    };
    let groups = doc["encoderSettings"]["outputGroups"].as_array_mut().unwrap();
    groups.push(json!({
        "outputGroupSettings": settings(json!({"destinationRefId": "nowhere"})),
        "outputs": [{"outputSettings": {"mediaPackageOutputSettings": {}}, "videoDescriptionName": "video"}],
    }));
    doc["encoderSettings"]["captionDescriptions"] = json!([{"name": "c", "captionSelectorName": "cs"}]);
    doc["inputAttachments"][0]["automaticInputFailoverSettings"] = json!({"secondaryInputId": "8"});
    doc["inputAttachments"][0]["inputSettings"] = json!({"audioSelectors": [{"name": "english"}]});
    doc["encoderSettings"]["audioDescriptions"][0]["audioSelectorName"] = json!("french");
    let found = problems(&doc);
    for expected in [
        "additionalDestinations[0].destination.destinationRefId Object references undefined destination \"nowhere\"",
        "captionDescriptions[0].captionSelectorName Object references undefined caption selector \"cs\"",
        "audioDescriptions[0].audioSelectorName Object references undefined audio selector \"french\"",
        "inputAttachments[0].automaticInputFailoverSettings.secondaryInputId Input 8 is not attached",
    ] {
        assert!(
            found.iter().any(|one| one.contains(expected)),
            "{expected}: {found:#?}"
        );
    }
    assert_eq!(found.len(), 4, "{found:#?}");
    for name in ["", "Default", "english"] {
        doc["encoderSettings"]["audioDescriptions"][0]["audioSelectorName"] = json!(name);
        assert_eq!(problems(&doc).len(), 3, "{name}");
    }
}

#[test]
fn an_audio_description_needs_no_selector() {
    let mut doc = good();
    doc["encoderSettings"]["audioDescriptions"] = json!([{"name": "audio"}]);
    assert_eq!(check(&doc), Ok(()));
}

#[test]
fn each_unconfirmed_form_of_an_rtmp_url_is_a_switch() {
    let said = |url: &str, switch: &str| {
        let mut doc = good();
        doc["destinations"][0]["settings"][0]["url"] = json!(url);
        assert_eq!(check(&doc), Ok(()), "{url}");
        let mut switches = Switches::default();
        switches.set(switch, "false").unwrap();
        check_with(&doc, facts(), &switches).unwrap_err().message
    };
    assert!(said("rtmp://example.org/live?backup=1", "rtmpQueryAllowed").contains("not have a query"));
    assert!(said("rtmps://example.org:443/rtmp/", "rtmpTrailingSlashAllowed").contains("end in a slash"));
    for host in [
        "127.0.0.1",
        "localhost:1935",
        "[::1]:1935",
        "parked.invalid",
        "a.TEST",
    ] {
        let said = said(&format!("rtmp://{host}/live"), "rtmpReservedHostsAllowed");
        assert!(said.contains("one that the internet knows"), "{host}: {said}");
    }
}

#[test]
fn two_outputs_with_one_target_are_refused_without_the_key() {
    let mut doc = good();
    doc["destinations"][1]["settings"] = doc["destinations"][0]["settings"].clone();
    doc["destinations"][0]["settings"][0]["streamName"] = json!("secret");
    doc["destinations"][1]["settings"][0]["streamName"] = json!("secret");
    let error = check(&doc).unwrap_err();
    assert!(
        error.message.contains("Outputs must have unique destinations") && !error.message.contains("secret")
    );
    assert_eq!(check_with(&doc, facts(), &Switches::lenient()), Ok(()));
}

#[test]
fn an_attached_input_is_a_conflict_after_validation() {
    let taken = InputFacts {
        attached_to: Some("2".into()),
        ..facts()
    };
    let error = check_with(&good(), taken.clone(), &Switches::default()).unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::Conflict, "inputId=7 is already attached")
    );
    let mut doc = good();
    doc["destinations"][0]["id"] = json!("-");
    assert_eq!(
        check_with(&doc, taken, &Switches::default()).unwrap_err().kind,
        ErrorKind::Unprocessable
    );
    let own = InputFacts {
        attached_to: Some("1".into()),
        ..facts()
    };
    assert_eq!(check_with(&good(), own, &Switches::default()), Ok(()));
}

/// A batch of actions against the good channel with an attachment named `main`; the problems found
fn scheduled(actions: &Value) -> Vec<String> {
    let mut doc = good();
    doc["inputAttachments"][0]["inputAttachmentName"] = json!("main");
    let body = json!({"creates": {"scheduleActions": actions}});
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    match schedule(body.as_object().unwrap(), doc.as_object().unwrap(), &[], now) {
        Ok(_) => Vec::new(),
        Err(error) => error
            .validation
            .into_iter()
            .map(|one| one.error_message)
            .collect(),
    }
}

fn switch(name: &str, start: &Value) -> Value {
    let settings = json!({"inputSwitchSettings": {"inputAttachmentNameReference": "main"}});
    json!({"actionName": name, "scheduleActionSettings": settings, "scheduleActionStartSettings": start})
}

fn fixed(time: &str) -> Value {
    json!({"fixedModeScheduleActionStartSettings": {"time": format!("2026-01-01T{time}Z")}})
}

fn following(name: &str) -> Value {
    json!({"followModeScheduleActionStartSettings": {"referenceActionName": name, "followPoint": "END"}})
}

#[test]
fn a_batch_may_follow_what_comes_later_in_it() {
    let batch = json!([switch("b", &following("a")), switch("a", &fixed("00:01:00"))]);
    assert_eq!(scheduled(&batch), Vec::<String>::new());
}

#[test]
fn input_switches_are_five_seconds_apart_and_follow_one_at_a_time() {
    let close = json!([switch("a", &fixed("00:01:00")), switch("b", &fixed("00:01:04"))]);
    let found = scheduled(&close);
    assert!(
        found[0].starts_with("Input switch actions must be separated by at least 5 seconds"),
        "{found:?}"
    );
    let twice = json!([
        switch("a", &fixed("00:01:00")),
        switch("b", &following("a")),
        switch("c", &following("a"))
    ]);
    assert!(scheduled(&twice)[0].contains("Only one input switch can follow another."));
    assert!(scheduled(&json!([switch("a", &following("z"))]))[0].contains("does not exist"));
}

#[test]
fn an_overlay_needs_its_feature_and_outputs_that_exist() {
    let overlay = json!([{"actionName": "slate", "scheduleActionStartSettings": fixed("00:00:59"),
        "scheduleActionSettings": {"staticImageOutputActivateSettings": {"outputNames": ["nowhere"]}}}]);
    let found = scheduled(&overlay).join("\n");
    for expected in [
        "to be ENABLED",
        "\"nowhere\" does not exist",
        "deadline of 60 seconds",
    ] {
        assert!(found.contains(expected), "{expected}: {found}");
    }
}

#[test]
fn an_action_has_one_kind_one_start_and_a_name() {
    let found =
        scheduled(&json!([{"scheduleActionSettings": {}, "scheduleActionStartSettings": fixed("noon")}]));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(scheduled(&json!([switch("a", &fixed("noon"))]))[0].starts_with("must be a UTC time"));
}
