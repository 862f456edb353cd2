//! Encoder settings: descriptions, output groups, outputs and what they refer to.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::channel::Target;
use super::{Findings, Object, present, repeated};
use crate::emulator::switches::Switches;

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

/// What holds the reference to a destination
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
    let videos = descriptions(findings, settings, "videoDescriptions");
    let audios = descriptions(findings, settings, "audioDescriptions");
    let captions = descriptions(findings, settings, "captionDescriptions");
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

/// The descriptions at `key` that have a name: path, name, content; names are unique (botocore service model)
fn descriptions<'a>(
    findings: &mut Findings,
    settings: &'a Object,
    key: &str,
) -> Vec<(String, &'a str, &'a Object)> {
    let mut named = Vec::new();
    for (path, description) in findings.objects(settings, key, "") {
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

fn groups<'a>(findings: &mut Findings, settings: &'a Object, scope: &mut Scope<'a>) {
    let groups = findings.objects(settings, "outputGroups", "");
    if groups.is_empty() {
        findings.invalid("outputGroups", "must have at least one output group");
    }
    if groups.len() > scope.switches.output_groups_max {
        let text = format!(
            "must have at most {} output groups",
            scope.switches.output_groups_max
        );
        findings.invalid("outputGroups", text);
    }
    let (mut group_names, mut output_names) = (Vec::new(), Vec::new());
    for (path, group) in groups {
        if let Some(name) = findings.text(group, "name", &path) {
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
        if let Some(target) = target.filter(|_| kind == "rtmpOutputSettings") {
            rtmp_target(findings, scope, target);
        }
    }
}

/// Follows `destination.destinationRefId` to a destination of the wanted kind
fn reference<'a>(
    findings: &mut Findings,
    settings: &'a Object,
    path: &str,
    scope: &Scope<'a>,
    wanted: &str,
) -> Option<&'a Target<'a>> {
    let destination = findings.object(settings, "destination", path)?;
    let path = format!("{path}.destination");
    let Some(id) = findings.text(destination, "destinationRefId", &path) else {
        findings.invalid(path, "requires property \"destinationRefId\"");
        return None;
    };
    let path = format!("{path}.destinationRefId");
    // One that does not exist is found by `references`, with all others.
    let target = scope.targets.get(id)?;
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
        if let Some(problem) = url_problem(url, scope.switches) {
            findings.invalid(format!("{path}.url"), problem);
        }
        if stream.is_empty() && scope.switches.rtmp_stream_name_required {
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

fn url_problem(url: &str, switches: &Switches) -> Option<&'static str> {
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
    if switches.rtmp_app_required && path.is_empty() {
        Some("The URL must have an application name after the host")
    } else if !switches.rtmp_query_allowed && path.contains('?') {
        Some("The URL must not have a query")
    } else if !switches.rtmp_trailing_slash_allowed && path.ends_with('/') {
        Some("The URL must not end in a slash")
    } else if !switches.rtmp_reserved_hosts_allowed && is_reserved(host) {
        Some("The URL's host must be one that the internet knows")
    } else {
        None
    }
}

/// Hosts at which nothing outside of a machine or of a test can be: loopback addresses, and names that RFC 6761 sets aside
fn is_reserved(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let name = name
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_ascii_lowercase();
    let last = name.rsplit('.').next().unwrap_or_default();
    matches!(last, "localhost" | "invalid" | "test" | "example")
        || name
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}
