//! Channel documents: how a request becomes what Describe shows.

use serde_json::{Value, json};

use super::Document;
use crate::emulator::channel::State;
use crate::emulator::dice::Dice;

/// The fields of CreateChannel that Describe shows again (botocore service model)
const CREATED: [&str; 16] = [
    "cdiInputSpecification",
    "channelClass",
    "destinations",
    "encoderSettings",
    "inputAttachments",
    "inputSpecification",
    "logLevel",
    "maintenance",
    "name",
    "roleArn",
    "anywhereSettings",
    "channelEngineVersion",
    "linkedChannelSettings",
    "channelSecurityGroups",
    "inferenceSettings",
    "jpegXsInputSpecification",
];

/// The fields of UpdateChannel, except for the role and the maintenance window (botocore service model)
const UPDATED: [&str; 13] = [
    "cdiInputSpecification",
    "destinations",
    "encoderSettings",
    "inputAttachments",
    "inputSpecification",
    "logLevel",
    "name",
    "channelEngineVersion",
    "anywhereSettings",
    "linkedChannelSettings",
    "channelSecurityGroups",
    "inferenceSettings",
    "jpegXsInputSpecification",
];

/// A new channel's document, in the order in which the service model lists the fields
pub(super) fn new_channel(body: &Document, id: &str, arn: &str) -> Document {
    let mut doc = Document::new();
    doc.insert("arn".into(), json!(arn));
    for key in CREATED {
        if let Some(value) = body.get(key).filter(|value| !value.is_null()) {
            doc.insert(key.into(), value.clone());
        }
    }
    // "default class when omitted is STANDARD" (SR-MDR/lunora-player).
    doc.entry("channelClass").or_insert_with(|| json!("STANDARD"));
    doc.insert("id".into(), json!(id));
    doc.insert(
        "tags".into(),
        body.get("tags")
            .filter(|tags| !tags.is_null())
            .cloned()
            .unwrap_or(json!({})),
    );
    if let Some(Value::Object(vpc)) = body.get("vpc") {
        doc.insert("vpc".into(), Value::Object(vpc_description(vpc)));
    }
    doc
}

fn vpc_description(vpc: &Document) -> Document {
    let list = |key: &str| vpc.get(key).cloned().unwrap_or(json!([]));
    let description = json!({
        "availabilityZones": [],
        "networkInterfaceIds": [],
        "securityGroupIds": list("securityGroupIds"),
        "subnetIds": list("subnetIds"),
    });
    description.as_object().cloned().unwrap_or_default()
}

/// The document after an update
///
/// Top-level fields left out stay; the role left out is removed: "If you do not specify this … but the role was
/// previously set that role will be removed" (botocore service model, `UpdateChannelRequest.RoleArn`), unless a switch
/// says otherwise. Of the maintenance window, which has a day and a time, either may be changed by itself.
pub(super) fn updated(old: &Document, body: &Document, strips_role: bool) -> Document {
    let mut doc = old.clone();
    for key in UPDATED {
        if let Some(value) = body.get(key).filter(|value| !value.is_null()) {
            doc.insert(key.into(), value.clone());
        }
    }
    match body.get("roleArn").filter(|role| !role.is_null()) {
        Some(role) => doc.insert("roleArn".into(), role.clone()),
        None if strips_role => doc.shift_remove("roleArn"),
        None => None,
    };
    if let Some(Value::Object(window)) = body.get("maintenance") {
        let mut merged = match doc.get("maintenance") {
            Some(Value::Object(old)) => old.clone(),
            _ => Document::new(),
        };
        let given = window.iter().filter(|(_, value)| !value.is_null());
        merged.extend(given.map(|(key, value)| (key.clone(), value.clone())));
        doc.insert("maintenance".into(), Value::Object(merged));
    }
    doc
}

/// The document after UpdateChannelClass; going to a single pipeline drops each second destination
pub(super) fn with_class(old: &Document, body: &Document) -> Document {
    let mut doc = old.clone();
    let Some(class) = body.get("channelClass") else {
        return doc;
    };
    doc.insert("channelClass".into(), class.clone());
    if let Some(destinations) = body.get("destinations").filter(|value| !value.is_null()) {
        doc.insert("destinations".into(), destinations.clone());
    } else if class == "SINGLE_PIPELINE" {
        for destination in objects_mut(&mut doc, "destinations") {
            truncate(destination, "settings");
            truncate(destination, "srtSettings");
        }
    }
    doc.shift_remove("egressEndpoints");
    doc
}

fn truncate(destination: &mut Document, key: &str) {
    if let Some(Value::Array(settings)) = destination.get_mut(key) {
        settings.truncate(1);
    }
}

/// What List shows: no encoder settings, no pipeline details (botocore service model, `ChannelSummary`)
pub(super) fn summary(doc: &Document) -> Document {
    let listed = doc
        .iter()
        .filter(|(key, _)| !matches!(key.as_str(), "encoderSettings" | "pipelineDetails"));
    listed.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// "number of currently healthy pipelines" (botocore service model, `PipelinesRunningCount`)
pub(super) fn healthy_pipelines(doc: &Document, state: State) -> usize {
    let pipelines = if is_standard(doc) { 2 } else { 1 };
    match state {
        State::Running => pipelines,
        State::Recovering => pipelines - 1,
        _ => 0,
    }
}

/// The document with the fields that follow from the state
pub(super) fn with_state(mut doc: Document, state: State) -> Document {
    let healthy = healthy_pipelines(&doc, state);
    doc.insert("state".into(), json!(state.name()));
    doc.insert("pipelinesRunningCount".into(), json!(healthy));
    // Addresses are given to a channel while it is made.
    if matches!(state, State::Creating | State::CreateFailed) && doc.contains_key("egressEndpoints") {
        doc.insert("egressEndpoints".into(), json!([]));
    }
    doc
}

pub(super) fn is_standard(doc: &Document) -> bool {
    doc.get("channelClass").and_then(Value::as_str) != Some("SINGLE_PIPELINE")
}

/// The ids of the inputs that the channel attaches
pub(super) fn input_ids(doc: &Document) -> Vec<String> {
    let attachments = doc.get("inputAttachments").and_then(Value::as_array);
    attachments
        .into_iter()
        .flatten()
        .filter_map(|attachment| attachment.get("inputId").and_then(Value::as_str))
        .map(str::to_owned)
        .collect()
}

/// Fills in what Describe shows even if the request left it out
///
/// That Describe echoes settings with defaults filled in is observed (alchemy-run/alchemy, MediaLive
/// `Channel.ts`). COMMON and a restart delay of 15 s are the CDK's; the other RTMP numbers are what the console
/// proposes and are unconfirmed.
pub(super) fn fill_defaults(doc: &mut Document, dice: &mut Dice) {
    for destination in objects_mut(doc, "destinations") {
        fill(destination, json!({"mediaPackageSettings": [], "settings": []}));
    }
    for attachment in objects_mut(doc, "inputAttachments") {
        attachment.entry("inputSettings").or_insert_with(|| json!({}));
        if let Some(Value::Object(settings)) = attachment.get_mut("inputSettings") {
            fill(settings, input_settings());
        }
    }
    if let Some(Value::Object(encoder)) = doc.get_mut("encoderSettings") {
        fill_encoder(encoder, dice);
    }
    let pipelines = if is_standard(doc) { 2 } else { 1 };
    // Addresses from the blocks that RFC 5737 sets aside for documentation.
    let endpoint = |dice: &mut Dice| json!({"sourceIp": format!("198.51.100.{}", 1 + dice.pick(250))});
    if !doc.contains_key("egressEndpoints") {
        let endpoints: Vec<Value> = (0..pipelines).map(|_| endpoint(dice)).collect();
        doc.insert("egressEndpoints".into(), json!(endpoints));
    }
    fill(
        doc,
        json!({
            "logLevel": "DISABLED",
            "maintenance": {"maintenanceDay": "TUESDAY", "maintenanceStartTime": "02:00"},
        }),
    );
}

fn fill_encoder(encoder: &mut Document, dice: &mut Dice) {
    for audio in objects_mut(encoder, "audioDescriptions") {
        fill(
            audio,
            json!({"audioTypeControl": "FOLLOW_INPUT", "languageCodeControl": "FOLLOW_INPUT"}),
        );
    }
    for video in objects_mut(encoder, "videoDescriptions") {
        fill(
            video,
            json!({"respondToAfd": "NONE", "scalingBehavior": "DEFAULT", "sharpness": 50}),
        );
    }
    fill(encoder, json!({"captionDescriptions": []}));
    for group in objects_mut(encoder, "outputGroups") {
        if let Some(Value::Object(rtmp)) = inner(group, "outputGroupSettings", "rtmpGroupSettings") {
            fill(rtmp, rtmp_group());
        }
        for output in objects_mut(group, "outputs") {
            fill_output(output, dice);
        }
    }
}

fn fill_output(output: &mut Document, dice: &mut Dice) {
    fill(
        output,
        json!({"audioDescriptionNames": [], "captionDescriptionNames": []}),
    );
    if !output.contains_key("outputName") {
        output.insert("outputName".into(), json!(dice.name()));
    }
    if let Some(Value::Object(rtmp)) = inner(output, "outputSettings", "rtmpOutputSettings") {
        fill(
            rtmp,
            json!({"certificateMode": "VERIFY_AUTHENTICITY", "connectionRetryInterval": 2, "numRetries": 10}),
        );
    }
}

fn rtmp_group() -> Value {
    json!({
        "adMarkers": [],
        "authenticationScheme": "COMMON",
        "cacheFullBehavior": "DISCONNECT_IMMEDIATELY",
        "cacheLength": 30,
        "captionData": "ALL",
        "inputLossAction": "EMIT_OUTPUT",
        "restartDelay": 15,
    })
}

fn input_settings() -> Value {
    json!({
        "audioSelectors": [],
        "captionSelectors": [],
        "deblockFilter": "DISABLED",
        "denoiseFilter": "DISABLED",
        "filterStrength": 1,
        "inputFilter": "AUTO",
        "smpte2038DataPreference": "IGNORE",
        "sourceEndBehavior": "CONTINUE",
    })
}

/// Adds the fields of `defaults` that are missing, at the end
fn fill(object: &mut Document, defaults: Value) {
    let Value::Object(defaults) = defaults else { return };
    for (key, value) in defaults {
        object.entry(key).or_insert(value);
    }
}

fn inner<'a>(object: &'a mut Document, outer: &str, key: &str) -> Option<&'a mut Value> {
    object.get_mut(outer)?.get_mut(key)
}

fn objects_mut<'a>(object: &'a mut Document, key: &str) -> impl Iterator<Item = &'a mut Document> + use<'a> {
    object
        .get_mut(key)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doc(value: Value) -> Document {
        match value {
            Value::Object(doc) => doc,
            other => panic!("{other} is no object"),
        }
    }

    #[test]
    fn an_update_keeps_omitted_fields_in_their_place_and_drops_an_omitted_role() {
        let old =
            doc(json!({"arn": "a", "name": "n", "roleArn": "r", "destinations": [1], "future": {"x": 1}}));
        let new = updated(
            &old,
            &doc(json!({"destinations": [2], "tags": {"not": "updatable"}})),
            true,
        );
        assert_eq!(
            Value::Object(new).to_string(),
            r#"{"arn":"a","name":"n","destinations":[2],"future":{"x":1}}"#
        );
    }

    #[test]
    fn an_explicit_null_is_an_omission() {
        let old = doc(json!({"name": "n", "roleArn": "r"}));
        let new = updated(&old, &doc(json!({"name": null, "roleArn": null})), true);
        assert_eq!(new, doc(json!({"name": "n"})));
        let kept = updated(&old, &doc(json!({"name": null, "roleArn": null})), false);
        assert_eq!(kept, old, "the other reading");
    }

    #[test]
    fn half_a_maintenance_window_leaves_the_other_half() {
        let old = doc(json!({"maintenance": {"maintenanceDay": "TUESDAY", "maintenanceStartTime": "02:00"}}));
        let change = json!({"maintenance": {"maintenanceDay": "FRIDAY", "maintenanceStartTime": null}});
        let new = updated(&old, &doc(change), true);
        let expected = json!({"maintenanceDay": "FRIDAY", "maintenanceStartTime": "02:00"});
        assert_eq!(new["maintenance"], expected);
    }

    #[test]
    fn rtmp_defaults_are_filled_in_and_what_was_given_stays() {
        let mut channel = doc(
            json!({"channelClass": "SINGLE_PIPELINE", "encoderSettings": {"outputGroups": [{
            "outputGroupSettings": {"rtmpGroupSettings": {"restartDelay": 3}},
            "outputs": [{"outputSettings": {"rtmpOutputSettings": {}}}]}]}}),
        );
        fill_defaults(&mut channel, &mut Dice::new(1, 0));
        let group = &channel["encoderSettings"]["outputGroups"][0];
        let settings = &group["outputGroupSettings"]["rtmpGroupSettings"];
        assert_eq!(
            (&settings["restartDelay"], &settings["cacheLength"]),
            (&json!(3), &json!(30))
        );
        assert_eq!(
            group["outputs"][0]["outputSettings"]["rtmpOutputSettings"]["numRetries"],
            10
        );
        assert_eq!(channel["egressEndpoints"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn filling_in_twice_changes_nothing() {
        let mut once = doc(
            json!({"destinations": [{"id": "a"}], "encoderSettings": {"outputGroups": [{"outputs": [{}]}]}}),
        );
        fill_defaults(&mut once, &mut Dice::new(1, 0));
        let mut twice = once.clone();
        fill_defaults(&mut twice, &mut Dice::new(2, 0));
        assert_eq!(once, twice);
    }
}
