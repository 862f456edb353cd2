//! A batch of schedule actions: validated as a whole, all or nothing (user guide,
//! how-batch-schedule-requests-work).

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Findings, Object, present};
use crate::emulator::error::ApiError;

/// Actions in a schedule, in progress and stale ones included (user guide, eml-limitations-and-rules)
const ACTIONS_MAX: usize = 1_500;
/// How far apart two input switches are (user guide, x-actions-in-schedule-ips)
const SWITCHES_APART: SignedDuration = SignedDuration::from_secs(5);
/// How far ahead a pause may lie (user guide, x-actions-in-schedule-pause)
const PAUSE_AHEAD_MAX: SignedDuration = SignedDuration::from_hours(14 * 24);

/// The kinds of actions (botocore service model, `ScheduleActionSettings`)
const KINDS: [&str; 17] = [
    "hlsId3SegmentTaggingSettings",
    "hlsTimedMetadataSettings",
    "id3SegmentTaggingSettings",
    "inputPrepareSettings",
    "inputSwitchSettings",
    "motionGraphicsImageActivateSettings",
    "motionGraphicsImageDeactivateSettings",
    "pauseStateSettings",
    "scte35InputSettings",
    "scte35ReturnToNetworkSettings",
    "scte35SpliceInsertSettings",
    "scte35TimeSignalSettings",
    "staticImageActivateSettings",
    "staticImageDeactivateSettings",
    "staticImageOutputActivateSettings",
    "staticImageOutputDeactivateSettings",
    "timedMetadataSettings",
];

const STARTS: [&str; 3] = [
    "fixedModeScheduleActionStartSettings",
    "followModeScheduleActionStartSettings",
    "immediateModeScheduleActionStartSettings",
];

/// An action that the schedule has already
#[derive(Debug, Clone, Copy)]
pub(in crate::emulator) struct Existing<'a> {
    pub(in crate::emulator) name: &'a str,
    pub(in crate::emulator) at: Option<Timestamp>,
    pub(in crate::emulator) action: &'a Object,
}

/// What a valid batch does
#[derive(Debug)]
pub(in crate::emulator) struct Batch {
    /// Names of the actions that go
    pub(in crate::emulator) deletes: Vec<String>,
    /// The actions that come, each with its start if that is fixed
    pub(in crate::emulator) creates: Vec<(Object, Option<Timestamp>)>,
}

/// What the actions of a batch are checked against
struct Scope<'a> {
    channel: &'a Object,
    now: Timestamp,
    /// Every name in the schedule after the batch
    names: BTreeSet<&'a str>,
    /// Start and name of every input switch with a fixed time
    switches: BTreeSet<(Timestamp, &'a str)>,
    /// The actions that an input switch follows already
    followed: BTreeSet<&'a str>,
}

/// Checks a BatchUpdateSchedule
pub(in crate::emulator) fn schedule(
    body: &Object,
    channel: &Object,
    existing: &[Existing<'_>],
    now: Timestamp,
) -> Result<Batch, ApiError> {
    let mut findings = Findings::default();
    let deletes = deletes(&mut findings, body, existing);
    let kept: Vec<&Existing<'_>> = existing
        .iter()
        .filter(|entry| !deletes.iter().any(|name| name == entry.name))
        .collect();
    let actions = findings
        .object(body, "creates", "")
        .map(|creates| findings.objects(creates, "scheduleActions", "creates"))
        .unwrap_or_default();
    if kept.len() + actions.len() > ACTIONS_MAX {
        findings.invalid(
            "creates.scheduleActions",
            format!("A schedule has at most {ACTIONS_MAX} actions"),
        );
    }
    let mut scope = scope(channel, now, &kept);
    collect_names(&mut findings, &actions, &mut scope);
    let mut creates = Vec::new();
    for (path, action) in actions {
        let at = check_action(&mut findings, action, &path, &mut scope);
        creates.push((action.clone(), at));
    }
    check_distances(&mut findings, &scope);
    findings.finish()?;
    Ok(Batch { deletes, creates })
}

fn deletes(findings: &mut Findings, body: &Object, existing: &[Existing<'_>]) -> Vec<String> {
    let Some(deletes) = findings.object(body, "deletes", "") else {
        return Vec::new();
    };
    let names = findings.texts(deletes, "actionNames", "deletes");
    for (index, name) in names.iter().enumerate() {
        if !existing.iter().any(|entry| entry.name == *name) {
            findings.invalid(
                format!("deletes.actionNames[{index}]"),
                format!("Action \"{name}\" does not exist"),
            );
        }
    }
    names.into_iter().map(str::to_owned).collect()
}

fn scope<'a>(channel: &'a Object, now: Timestamp, kept: &[&Existing<'a>]) -> Scope<'a> {
    let mut scope = Scope {
        channel,
        now,
        names: kept.iter().map(|entry| entry.name).collect(),
        switches: BTreeSet::new(),
        followed: BTreeSet::new(),
    };
    for entry in kept {
        if !is_switch(entry.action) {
            continue;
        }
        if let Some(at) = entry.at {
            scope.switches.insert((at, entry.name));
        }
        if let Some(reference) = followed(entry.action) {
            scope.followed.insert(reference);
        }
    }
    scope
}

/// Names first, as an action may follow one that comes later in the batch
fn collect_names<'a>(findings: &mut Findings, actions: &[(String, &'a Object)], scope: &mut Scope<'a>) {
    for (path, action) in actions {
        match findings.text(action, "actionName", path) {
            None | Some("") => findings.invalid(path, "requires property \"actionName\""),
            Some(name) if !scope.names.insert(name) => {
                findings.invalid(
                    format!("{path}.actionName"),
                    format!("Action name \"{name}\" is not unique"),
                );
            }
            Some(_) => {}
        }
    }
}

fn check_action<'a>(
    findings: &mut Findings,
    action: &'a Object,
    path: &str,
    scope: &mut Scope<'a>,
) -> Option<Timestamp> {
    let name = action
        .get("actionName")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let kind = one_member(findings, action, path, "scheduleActionSettings", &KINDS);
    let start = one_member(findings, action, path, "scheduleActionStartSettings", &STARTS);
    if let Some(kind) = kind {
        check_kind(findings, action, path, scope, kind);
    }
    match (kind?, start?) {
        (kind, "fixedModeScheduleActionStartSettings") => {
            let at = fixed_start(findings, action, path)?;
            check_deadline(findings, path, scope, kind, name, at);
            if kind == "inputSwitchSettings" {
                scope.switches.insert((at, name));
            }
            Some(at)
        }
        (kind, "followModeScheduleActionStartSettings") => {
            check_follow(findings, action, path, scope, kind);
            None
        }
        _ => None,
    }
}

/// The one member that the object at `key` has, of those it may have
fn one_member(
    findings: &mut Findings,
    action: &Object,
    path: &str,
    key: &str,
    known: &'static [&'static str],
) -> Option<&'static str> {
    let Some(settings) = findings.object(action, key, path) else {
        findings.invalid(path, format!("requires property \"{key}\""));
        return None;
    };
    let [member] = present(settings, known)[..] else {
        let text = format!("must contain exactly one property: {}", known.join(", "));
        findings.invalid(format!("{path}.{key}"), text);
        return None;
    };
    Some(member)
}

fn fixed_start(findings: &mut Findings, action: &Object, path: &str) -> Option<Timestamp> {
    let start = action
        .get("scheduleActionStartSettings")?
        .get(STARTS[0])?
        .as_object()?;
    let path = format!("{path}.scheduleActionStartSettings.{}", STARTS[0]);
    let Some(time) = findings.text(start, "time", &path) else {
        findings.invalid(path, "requires property \"time\"");
        return None;
    };
    let at = time.parse().ok();
    if at.is_none() {
        findings.invalid(
            format!("{path}.time"),
            "must be a UTC time like 2026-12-24T20:15:00.000Z",
        );
    }
    at
}

/// How long before its start an action must be in the schedule: 60 s for an overlay per output (user guide,
/// schedule-fields-activate-image-per-output), 15 s for the others
fn check_deadline(
    findings: &mut Findings,
    path: &str,
    scope: &Scope<'_>,
    kind: &str,
    name: &str,
    at: Timestamp,
) {
    let seconds = if kind == "staticImageOutputActivateSettings" {
        60
    } else {
        15
    };
    let path = format!("{path}.scheduleActionStartSettings");
    let ahead = at.duration_since(scope.now);
    if ahead < SignedDuration::from_secs(seconds) {
        // Real text (StephenLovell-dev/sl-dazzler-eip-generator).
        let text = format!(
            "Cannot schedule actionName={name} with action time={at}, missed deadline of {seconds} seconds"
        );
        findings.invalid(path, text);
    } else if kind == "pauseStateSettings" && ahead > PAUSE_AHEAD_MAX {
        findings.invalid(path, format!("actionName={name} must start within 14 days"));
    }
}

/// Follow is for input switches, their preparation and SCTE-35 only (user guide, sched-timing-types)
fn check_follow<'a>(
    findings: &mut Findings,
    action: &'a Object,
    path: &str,
    scope: &mut Scope<'a>,
    kind: &str,
) {
    let path = format!("{path}.scheduleActionStartSettings.{}", STARTS[1]);
    if !kind.starts_with("scte35") && !matches!(kind, "inputSwitchSettings" | "inputPrepareSettings") {
        findings.invalid(&path, format!("{kind} cannot follow another action"));
    }
    let Some(reference) = followed(action) else {
        findings.invalid(path, "requires property \"referenceActionName\"");
        return;
    };
    if !scope.names.contains(reference) {
        findings.invalid(
            path,
            format!("Reference action name \"{reference}\" does not exist"),
        );
    } else if kind == "inputSwitchSettings" && !scope.followed.insert(reference) {
        // Real text (StephenLovell-dev/sl-dazzler-eip-generator).
        let text = format!(
            "Reference action name {reference} is used for multiple input switch follow actions. \
             Only one input switch can follow another."
        );
        findings.invalid(path, text);
    }
}

/// What an action refers to in the channel exists
fn check_kind(findings: &mut Findings, action: &Object, path: &str, scope: &Scope<'_>, kind: &str) {
    let settings = action
        .get("scheduleActionSettings")
        .and_then(|settings| settings.get(kind));
    let Some(Value::Object(settings)) = settings else {
        findings.malformed(format!("{path}.scheduleActionSettings.{kind} must be an object"));
        return;
    };
    let path = format!("{path}.scheduleActionSettings.{kind}");
    match kind {
        "inputSwitchSettings" | "inputPrepareSettings" => check_input(findings, settings, &path, scope, kind),
        "staticImageOutputActivateSettings" | "staticImageOutputDeactivateSettings" => {
            check_overlay(findings, settings, &path, scope);
        }
        _ => {}
    }
}

fn check_input(findings: &mut Findings, settings: &Object, path: &str, scope: &Scope<'_>, kind: &str) {
    let name = findings.text(settings, "inputAttachmentNameReference", path);
    let attachments = scope.channel.get("inputAttachments").and_then(Value::as_array);
    let known = |name: &str| {
        attachments
            .into_iter()
            .flatten()
            .any(|one| one.get("inputAttachmentName").and_then(Value::as_str) == Some(name))
    };
    match name {
        None if kind == "inputSwitchSettings" => {
            findings.invalid(path, "requires property \"inputAttachmentNameReference\"");
        }
        Some(name) if !known(name) => {
            findings.invalid(path, format!("Input attachment \"{name}\" does not exist"));
        }
        _ => {}
    }
}

/// An overlay names outputs that exist and needs its feature activated, which only an update can do (botocore
/// service model, `FeatureActivations`)
fn check_overlay(findings: &mut Findings, settings: &Object, path: &str, scope: &Scope<'_>) {
    let encoder = scope.channel.get("encoderSettings");
    let activation = encoder
        .and_then(|encoder| encoder.get("featureActivations"))
        .and_then(|features| features.get("outputStaticImageOverlayScheduleActions"));
    if activation.and_then(Value::as_str) != Some("ENABLED") {
        findings.invalid(
            path,
            "requires outputStaticImageOverlayScheduleActions to be ENABLED in the channel",
        );
    }
    let groups = encoder
        .and_then(|encoder| encoder.get("outputGroups"))
        .and_then(Value::as_array);
    let outputs: BTreeSet<&str> = groups
        .into_iter()
        .flatten()
        .filter_map(|group| group.get("outputs").and_then(Value::as_array))
        .flatten()
        .filter_map(|output| output.get("outputName").and_then(Value::as_str))
        .collect();
    let names = findings.texts(settings, "outputNames", path);
    if names.is_empty() {
        findings.invalid(path, "requires property \"outputNames\"");
    }
    for name in names.into_iter().filter(|name| !outputs.contains(name)) {
        findings.invalid(
            format!("{path}.outputNames"),
            format!("Output \"{name}\" does not exist"),
        );
    }
}

fn check_distances(findings: &mut Findings, scope: &Scope<'_>) {
    let switches: Vec<(Timestamp, &str)> = scope.switches.iter().copied().collect();
    for pair in switches.windows(2) {
        if pair[1].0.duration_since(pair[0].0) < SWITCHES_APART {
            // Real text (StephenLovell-dev/sl-dazzler-eip-generator).
            let text = format!(
                "Input switch actions must be separated by at least 5 seconds; violation found between action \
                 names [{}, {}]",
                pair[0].1, pair[1].1
            );
            findings.invalid("creates.scheduleActions", text);
        }
    }
}

fn is_switch(action: &Object) -> bool {
    action
        .get("scheduleActionSettings")
        .is_some_and(|settings| settings.get("inputSwitchSettings").is_some())
}

fn followed(action: &Object) -> Option<&str> {
    action
        .get("scheduleActionStartSettings")?
        .get(STARTS[1])?
        .get("referenceActionName")?
        .as_str()
}
