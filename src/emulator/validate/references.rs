//! What one part of a channel says of another, beyond what outputs say of descriptions: destinations and selectors.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::channel::Target;
use super::{Findings, Object, model};
use crate::emulator::switches::Switches;

/// Checks every reference to a destination, and descriptions' references to selectors of the inputs
pub(super) fn check(
    findings: &mut Findings,
    channel: &Object,
    settings: &Object,
    targets: &BTreeMap<&str, Target<'_>>,
    switches: &Switches,
) {
    let mut refs = Vec::new();
    model::destination_refs("EncoderSettings", settings, "", &mut refs);
    for (path, id) in refs {
        if !targets.contains_key(id) {
            // Real text (aws/aws-sdk-java#1525).
            findings.invalid(path, format!("Object references undefined destination \"{id}\""));
        }
    }
    if switches.unknown_selectors_refused {
        selectors(findings, channel, settings, "caption");
        selectors(findings, channel, settings, "audio");
    }
    secondary_inputs(findings, channel);
}

/// A description takes what a selector of an input selects
///
/// The console calls the audio of an input without audio selectors "default", and many channels have just that; so an
/// audio selector is looked for among inputs that have any.
fn selectors(findings: &mut Findings, channel: &Object, settings: &Object, what: &str) {
    let mut known = BTreeSet::new();
    for (path, attachment) in findings.objects(channel, "inputAttachments", "") {
        if let Some(input) = findings.object(attachment, "inputSettings", &path) {
            let path = format!("{path}.inputSettings");
            for (path, selector) in findings.objects(input, &format!("{what}Selectors"), &path) {
                known.extend(findings.text(selector, "name", &path));
            }
        }
    }
    let is_any_known = !known.is_empty() || what == "caption";
    let key = format!("{what}SelectorName");
    for (path, description) in findings.objects(settings, &format!("{what}Descriptions"), "") {
        let name = findings.text(description, &key, &path).unwrap_or_default();
        let is_default = name.is_empty() || (what == "audio" && name.eq_ignore_ascii_case("default"));
        if is_any_known && !is_default && !known.contains(name) {
            let text = format!("Object references undefined {what} selector \"{name}\"");
            findings.invalid(format!("{path}.{key}"), text);
        }
    }
}

/// The input that takes over when another fails is attached, too (botocore service model,
/// `AutomaticInputFailoverSettings.SecondaryInputId`)
fn secondary_inputs(findings: &mut Findings, channel: &Object) {
    let attachments = findings.objects(channel, "inputAttachments", "");
    let ids: BTreeSet<&str> = attachments
        .iter()
        .filter_map(|(_, attachment)| attachment.get("inputId").and_then(Value::as_str))
        .collect();
    for (path, attachment) in attachments {
        let failover = findings.object(attachment, "automaticInputFailoverSettings", &path);
        let path = format!("{path}.automaticInputFailoverSettings");
        let second = failover.and_then(|failover| findings.text(failover, "secondaryInputId", &path));
        if let Some(second) = second.filter(|second| !ids.contains(second)) {
            findings.invalid(
                format!("{path}.secondaryInputId"),
                format!("Input {second} is not attached to the channel"),
            );
        }
    }
}
