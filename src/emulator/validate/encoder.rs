//! Encoder settings: descriptions, output groups, outputs and what they refer to.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::channel::Target;
use super::{Findings, Object, present, repeated};
use crate::emulator::switches::Switches;

/// "OutputGroup.Name max 32", "OutputName 1–255" (botocore service model)
const GROUP_NAME_MAX: usize = 32;
const OUTPUT_NAME_MAX: usize = 255;

/// Each kind of output group: its settings, its outputs' settings, and where its destination is referred to from
const KINDS: [(&str, &str, Refers); 11] = [
    ("archiveGroupSettings", "archiveOutputSettings", Refers::Group),
    (
        "cmafIngestGroupSettings",
        "cmafIngestOutputSettings",
        Refers::Group,
    ),
    (
        "frameCaptureGroupSettings",
        "frameCaptureOutputSettings",
        Refers::Group,
    ),
    ("hlsGroupSettings", "hlsOutputSettings", Refers::Group),
    (
        "mediaConnectRouterGroupSettings",
        "mediaConnectRouterOutputSettings",
        Refers::Output,
    ),
    (
        "mediaPackageGroupSettings",
        "mediaPackageOutputSettings",
        Refers::Group,
    ),
    ("msSmoothGroupSettings", "msSmoothOutputSettings", Refers::Group),
    (
        "multiplexGroupSettings",
        "multiplexOutputSettings",
        Refers::Output,
    ),
    ("rtmpGroupSettings", "rtmpOutputSettings", Refers::Output),
    ("srtGroupSettings", "srtOutputSettings", Refers::Output),
    ("udpGroupSettings", "udpOutputSettings", Refers::Output),
];

/// Who holds the reference to a destination
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refers {
    Group,
    Output,
}

/// What outputs may refer to, and what they have referred to
struct Scope<'a> {
    videos: BTreeSet<&'a str>,
    /// H.264, or nothing said
    rtmp_videos: BTreeSet<&'a str>,
    audios: BTreeSet<&'a str>,
    /// AAC, or nothing said
    rtmp_audios: BTreeSet<&'a str>,
    captions: BTreeSet<&'a str>,
    targets: &'a BTreeMap<&'a str, Target<'a>>,
    switches: &'a Switches,
    used_audios: BTreeSet<&'a str>,
    /// RTMP targets so far: URL and stream name
    rtmp_targets: BTreeSet<(&'a str, &'a str)>,
}

/// Checks `encoderSettings`; paths start at its root, as MediaLive's do
pub(super) fn check<'a>(
    findings: &mut Findings,
    settings: &'a Object,
    targets: &'a BTreeMap<&'a str, Target<'a>>,
    switches: &'a Switches,
) {
    required(
        findings,
        settings,
        "",
        &[
            "audioDescriptions",
            "outputGroups",
            "timecodeConfig",
            "videoDescriptions",
        ],
    );
    if let Some(timecode) = findings.object(settings, "timecodeConfig", "") {
        required(findings, timecode, "timecodeConfig", &["source"]);
        findings.one_of(
            timecode,
            "source",
            "timecodeConfig",
            &["EMBEDDED", "SYSTEMCLOCK", "ZEROBASED"],
        );
    }
    let videos = descriptions(findings, settings, "videoDescriptions", &["name"]);
    let audios = descriptions(
        findings,
        settings,
        "audioDescriptions",
        &["audioSelectorName", "name"],
    );
    let captions = descriptions(
        findings,
        settings,
        "captionDescriptions",
        &["captionSelectorName", "name"],
    );
    bitrates(findings, &videos);
    let mut scope = Scope {
        rtmp_videos: of_codec(&videos, "h264Settings"),
        rtmp_audios: of_codec(&audios, "aacSettings"),
        videos: videos.iter().map(|(_, name, _)| *name).collect(),
        audios: audios.iter().map(|(_, name, _)| *name).collect(),
        captions: captions.iter().map(|(_, name, _)| *name).collect(),
        targets,
        switches,
        used_audios: BTreeSet::new(),
        rtmp_targets: BTreeSet::new(),
    };
    groups(findings, settings, &mut scope);
    for (path, name, _) in &audios {
        if !scope.used_audios.contains(name) {
            // Real text (aws-solutions-library-samples/live-streaming-on-aws PR#6).
            findings.invalid(
                path,
                format!("Audio description \"{name}\" is not referenced by any output"),
            );
        }
    }
}

/// `requires property "m3u8Settings"` is how MediaLive names a missing member
/// (aws-samples/aws-media-services-simple-live-workflow#23)
fn required(findings: &mut Findings, object: &Object, path: &str, keys: &[&str]) {
    for key in keys {
        if object.get(*key).is_none_or(Value::is_null) {
            findings.invalid(path, format!("requires property \"{key}\""));
        }
    }
}

/// The descriptions at `key` that have a name: path, name, content; names are unique (botocore service model)
fn descriptions<'a>(
    findings: &mut Findings,
    settings: &'a Object,
    key: &str,
    members: &[&str],
) -> Vec<(String, &'a str, &'a Object)> {
    let mut named = Vec::new();
    for (path, description) in findings.objects(settings, key, "") {
        required(findings, description, &path, members);
        if let Some(name) = findings.text(description, "name", &path) {
            named.push((path, name, description));
        }
    }
    for (path, name) in repeated(named.iter().map(|(path, name, _)| (path.clone(), *name))) {
        findings.invalid(format!("{path}.name"), format!("Name \"{name}\" is not unique"));
    }
    named
}

/// The names of the descriptions whose codec is this one or not given
fn of_codec<'a>(descriptions: &[(String, &'a str, &'a Object)], codec: &str) -> BTreeSet<&'a str> {
    let fits = |description: &Object| match description.get("codecSettings").and_then(Value::as_object) {
        Some(settings) => settings.is_empty() || settings.contains_key(codec),
        None => true,
    };
    descriptions
        .iter()
        .filter(|(_, _, description)| fits(description))
        .map(|(_, name, _)| *name)
        .collect()
}

/// H.264 bitrates are 1000 or more (botocore service model, `H264Settings`)
fn bitrates(findings: &mut Findings, videos: &[(String, &str, &Object)]) {
    for (path, _, video) in videos {
        let codec = video
            .get("codecSettings")
            .and_then(|codec| codec.get("h264Settings"));
        if let Some(Value::Object(h264)) = codec {
            let path = format!("{path}.codecSettings.h264Settings");
            for key in ["bitrate", "maxBitrate"] {
                findings.number(h264, key, &path, 1_000, i64::from(i32::MAX));
            }
        }
    }
}

fn groups<'a>(findings: &mut Findings, settings: &'a Object, scope: &mut Scope<'a>) {
    let groups = findings.objects(settings, "outputGroups", "");
    if groups.is_empty() && settings.contains_key("outputGroups") {
        findings.invalid("outputGroups", "must have at least one output group");
    }
    let (mut group_names, mut output_names) = (Vec::new(), Vec::new());
    for (path, group) in groups {
        if let Some(name) = findings.text(group, "name", &path) {
            if name.chars().count() > GROUP_NAME_MAX {
                let text = format!("must have at most {GROUP_NAME_MAX} characters");
                findings.invalid(format!("{path}.name"), text);
            }
            group_names.push((format!("{path}.name"), name));
        }
        check_group(findings, group, &path, scope, &mut output_names);
    }
    for (path, name) in repeated(output_names.into_iter()) {
        findings.invalid(
            path,
            format!("Output name \"{name}\" is not unique in the channel"),
        );
    }
    if scope.switches.unique_group_names {
        for (path, name) in repeated(group_names.into_iter().filter(|(_, name)| !name.is_empty())) {
            findings.invalid(
                path,
                format!("Output group name \"{name}\" is not unique in the channel"),
            );
        }
    }
}

fn check_group<'a>(
    findings: &mut Findings,
    group: &'a Object,
    path: &str,
    scope: &mut Scope<'a>,
    output_names: &mut Vec<(String, &'a str)>,
) {
    required(findings, group, path, &["outputGroupSettings", "outputs"]);
    let kind = group_kind(findings, group, path, scope);
    let outputs = findings.objects(group, "outputs", path);
    if outputs.is_empty() && group.contains_key("outputs") {
        findings.invalid(format!("{path}.outputs"), "must have at least one output");
    }
    let rtmp = kind == Some("rtmpOutputSettings");
    if rtmp && outputs.len() > 1 && scope.switches.one_output_per_rtmp_group {
        // "An RTMP output can contain only one output" (user guide, creating-rtmp-output-group).
        findings.invalid(
            format!("{path}.outputs"),
            "An RTMP output group can contain only one output",
        );
    }
    for (path, output) in outputs {
        if let Some(name) = findings.text(output, "outputName", &path) {
            if name.is_empty() || name.chars().count() > OUTPUT_NAME_MAX {
                let text = format!("must have 1 to {OUTPUT_NAME_MAX} characters");
                findings.invalid(format!("{path}.outputName"), text);
            }
            output_names.push((format!("{path}.outputName"), name));
        }
        check_descriptions(findings, output, &path, scope, rtmp);
        check_output_settings(findings, output, &path, scope, kind);
    }
}

/// Checks a group's settings; answers which kind of output settings belongs to them
fn group_kind<'a>(
    findings: &mut Findings,
    group: &'a Object,
    path: &str,
    scope: &mut Scope<'a>,
) -> Option<&'static str> {
    let settings = findings.object(group, "outputGroupSettings", path)?;
    let path = format!("{path}.outputGroupSettings");
    let known: Vec<&str> = KINDS.iter().map(|(group, _, _)| *group).collect();
    let [kind] = present(settings, &known)[..] else {
        let text = format!(
            "OutputGroupSettings must contain exactly one property: {}",
            known.join(", ")
        );
        findings.invalid(path, text);
        return None;
    };
    let (_, output_kind, refers) = *KINDS.iter().find(|(group, _, _)| *group == kind)?;
    let inner = findings.object(settings, kind, &path)?;
    let path = format!("{path}.{kind}");
    if kind == "rtmpGroupSettings" {
        rtmp_group(findings, inner, &path);
    }
    if refers == Refers::Group {
        let wanted = if kind == "mediaPackageGroupSettings" {
            "mediaPackageSettings"
        } else {
            "settings"
        };
        reference(findings, inner, &path, scope, wanted);
    }
    Some(output_kind)
}

/// Ranges and values of `RtmpGroupSettings` (botocore service model)
fn rtmp_group(findings: &mut Findings, settings: &Object, path: &str) {
    let most = i64::from(i32::MAX);
    findings.number(settings, "cacheLength", path, 30, most);
    findings.number(settings, "restartDelay", path, 0, most);
    findings.one_of(settings, "authenticationScheme", path, &["AKAMAI", "COMMON"]);
    findings.one_of(
        settings,
        "cacheFullBehavior",
        path,
        &["DISCONNECT_IMMEDIATELY", "WAIT_FOR_SERVER"],
    );
    findings.one_of(
        settings,
        "captionData",
        path,
        &["ALL", "FIELD1_608", "FIELD1_AND_FIELD2_608"],
    );
    findings.one_of(
        settings,
        "inputLossAction",
        path,
        &["EMIT_OUTPUT", "PAUSE_OUTPUT"],
    );
    findings.one_of(
        settings,
        "includeFillerNalUnits",
        path,
        &["AUTO", "DROP", "INCLUDE"],
    );
}

/// Outputs refer to descriptions that exist; RTMP takes H.264, AAC and one audio only (user guide,
/// outputs-supported-codecs and audio-only-outputs)
fn check_descriptions<'a>(
    findings: &mut Findings,
    output: &'a Object,
    path: &str,
    scope: &mut Scope<'a>,
    rtmp: bool,
) {
    if let Some(video) = findings
        .text(output, "videoDescriptionName", path)
        .filter(|name| !name.is_empty())
    {
        let path = format!("{path}.videoDescriptionName");
        if !scope.videos.contains(video) {
            findings.invalid(
                path,
                format!("Object references undefined video description \"{video}\""),
            );
        } else if rtmp && !scope.rtmp_videos.contains(video) {
            findings.invalid(
                path,
                format!("Video description \"{video}\" must be H.264 for an RTMP output"),
            );
        }
    }
    let audios = findings.texts(output, "audioDescriptionNames", path);
    if rtmp && audios.len() > 1 {
        findings.invalid(
            format!("{path}.audioDescriptionNames"),
            "An RTMP output has one audio at most",
        );
    }
    for audio in audios {
        let path = format!("{path}.audioDescriptionNames");
        if !scope.audios.contains(audio) {
            findings.invalid(
                path,
                format!("Object references undefined audio description \"{audio}\""),
            );
        } else if rtmp && !scope.rtmp_audios.contains(audio) {
            findings.invalid(
                path,
                format!("Audio description \"{audio}\" must be AAC for an RTMP output"),
            );
        }
        scope.used_audios.insert(audio);
    }
    for caption in findings.texts(output, "captionDescriptionNames", path) {
        if !scope.captions.contains(caption) {
            let text = format!("Object references undefined caption description \"{caption}\"");
            findings.invalid(format!("{path}.captionDescriptionNames"), text);
        }
    }
}

fn check_output_settings<'a>(
    findings: &mut Findings,
    output: &'a Object,
    path: &str,
    scope: &mut Scope<'a>,
    expected: Option<&'static str>,
) {
    required(findings, output, path, &["outputSettings"]);
    let Some(settings) = findings.object(output, "outputSettings", path) else {
        return;
    };
    let path = format!("{path}.outputSettings");
    let known: Vec<&str> = KINDS.iter().map(|(_, output, _)| *output).collect();
    let [kind] = present(settings, &known)[..] else {
        // Real text (hashicorp/terraform-provider-aws#39516).
        let text = format!(
            "OutputSettings must contain exactly one property: {}",
            known.join(", ")
        );
        findings.invalid(path, text);
        return;
    };
    if expected.is_some_and(|expected| expected != kind) {
        findings.invalid(&path, format!("{kind} does not fit the output group's settings"));
    }
    let refers = KINDS
        .iter()
        .find(|(_, output, _)| *output == kind)
        .map(|(_, _, refers)| *refers);
    let Some(inner) = findings.object(settings, kind, &path) else {
        return;
    };
    let path = format!("{path}.{kind}");
    if refers == Some(Refers::Output) {
        let wanted = match kind {
            "srtOutputSettings" => "srtSettings",
            "multiplexOutputSettings" => "multiplexSettings",
            "mediaConnectRouterOutputSettings" => "mediaConnectRouterSettings",
            _ => "settings",
        };
        let target = reference(findings, inner, &path, scope, wanted);
        if kind == "rtmpOutputSettings" {
            rtmp_output(findings, inner, &path);
            if let Some(target) = target {
                rtmp_target(findings, scope, target);
            }
        }
    }
}

/// Ranges and values of `RtmpOutputSettings` (botocore service model)
fn rtmp_output(findings: &mut Findings, settings: &Object, path: &str) {
    let most = i64::from(i32::MAX);
    findings.number(settings, "connectionRetryInterval", path, 1, most);
    findings.number(settings, "numRetries", path, 0, most);
    findings.one_of(
        settings,
        "certificateMode",
        path,
        &["SELF_SIGNED", "VERIFY_AUTHENTICITY"],
    );
}

/// Follows `destination.destinationRefId` to a destination of the wanted kind
fn reference<'a>(
    findings: &mut Findings,
    settings: &'a Object,
    path: &str,
    scope: &Scope<'a>,
    wanted: &str,
) -> Option<&'a Target<'a>> {
    required(findings, settings, path, &["destination"]);
    let destination = findings.object(settings, "destination", path)?;
    let path = format!("{path}.destination");
    let Some(id) = findings.text(destination, "destinationRefId", &path) else {
        findings.invalid(path, "requires property \"destinationRefId\"");
        return None;
    };
    let path = format!("{path}.destinationRefId");
    let Some(target) = scope.targets.get(id) else {
        // Real text (aws/aws-sdk-java#1525).
        findings.invalid(path, format!("Object references undefined destination \"{id}\""));
        return None;
    };
    if target.kind.is_some_and(|kind| kind != wanted) {
        findings.invalid(path, format!("Destination \"{id}\" must have {wanted}"));
        return None;
    }
    Some(target)
}

/// An RTMP target is `rtmp://` or `rtmps://` with a host, and has a stream name (user guide, rtmp-destinations)
fn rtmp_target<'a>(findings: &mut Findings, scope: &mut Scope<'a>, target: &'a Target<'a>) {
    // Two pipelines may publish one key; two outputs may not.
    let mut own = BTreeSet::new();
    for (path, setting) in findings.objects(target.object, "settings", &target.path) {
        let url = findings.text(setting, "url", &path).unwrap_or_default();
        let stream = findings.text(setting, "streamName", &path).unwrap_or_default();
        if let Some(problem) = url_problem(url, scope.switches.rtmp_app_required) {
            findings.invalid(format!("{path}.url"), problem);
        }
        if stream.is_empty() {
            findings.invalid(
                format!("{path}.streamName"),
                "An RTMP destination requires a stream name",
            );
        }
        if scope.switches.unique_rtmp_targets && scope.rtmp_targets.contains(&(url, stream)) {
            // Neither URL nor stream name is in the text: the stream name is a secret.
            findings.invalid(&path, "Outputs must have unique destinations");
        }
        own.insert((url, stream));
    }
    scope.rtmp_targets.extend(own);
}

fn url_problem(url: &str, app_required: bool) -> Option<&'static str> {
    let rest = url
        .strip_prefix("rtmp://")
        .or_else(|| url.strip_prefix("rtmps://"));
    let Some(rest) = rest else {
        return Some("The URL must start with rtmp:// or rtmps://");
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let bad = |letter: char| letter.is_whitespace() || letter.is_control();
    if host.is_empty() || host.starts_with(':') || url.contains(bad) {
        return Some("The URL must have a host and no spaces");
    }
    (app_required && path.is_empty()).then_some("The URL must have an application name after the host")
}
