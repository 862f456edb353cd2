//! Inputs and input security groups.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Findings, Object, tags};
use crate::emulator::error::ApiError;

/// True for the types that count as push inputs
pub(in crate::emulator) fn is_push(kind: &str) -> bool {
    matches!(kind, "UDP_PUSH" | "RTP_PUSH" | "RTMP_PUSH")
}

/// Where each type of input lists its sources: STANDARD has two of them, SINGLE_PIPELINE has one
const SOURCES: [&[&str]; 8] = [
    &["sources"],
    &["destinations"],
    &["mediaConnectFlows"],
    &["sdiSources"],
    &["srtSettings", "srtCallerSources"],
    &["multicastSettings", "sources"],
    &["smpte2110ReceiverGroupSettings", "smpte2110ReceiverGroups"],
    &["routerSettings", "destinations"],
];

/// STANDARD with two sources, flows or endpoints, SINGLE_PIPELINE with one (user guide, class-channel-input)
pub(in crate::emulator) fn input_class(body: &Object) -> &'static str {
    let count = |way: &&[&str]| {
        let (first, rest) = way.split_first()?;
        let list = rest
            .iter()
            .try_fold(body.get(*first)?, |value, key| value.get(*key))?;
        list.as_array().map(Vec::len)
    };
    let most = SOURCES.iter().filter_map(count).max();
    if most == Some(1) {
        "SINGLE_PIPELINE"
    } else {
        "STANDARD"
    }
}

/// Checks a CreateInput
pub(in crate::emulator) fn new_input(body: &Object, groups: &BTreeSet<&str>) -> Result<(), ApiError> {
    let mut findings = Findings::default();
    match findings.text(body, "type", "") {
        None => findings.malformed("type is required"),
        Some(kind) => {
            required(&mut findings, body, kind);
            settings(&mut findings, body, kind, groups);
        }
    }
    tags::checked(&mut findings, body);
    findings.finish()
}

/// Checks an UpdateInput, which may leave out anything
pub(in crate::emulator) fn changed_input(
    body: &Object,
    kind: &str,
    groups: &BTreeSet<&str>,
) -> Result<(), ApiError> {
    let mut findings = Findings::default();
    settings(&mut findings, body, kind, groups);
    findings.finish()
}

fn required(findings: &mut Findings, body: &Object, kind: &str) {
    let members: &[&str] = match kind {
        "RTMP_PUSH" => &["destinations", "inputSecurityGroups"],
        "UDP_PUSH" | "RTP_PUSH" => &["inputSecurityGroups"],
        "RTMP_PULL" | "URL_PULL" | "MP4_FILE" | "TS_FILE" => &["sources"],
        "MEDIACONNECT" => &["mediaConnectFlows", "roleArn"],
        "SRT_CALLER" | "SRT_LISTENER" => &["srtSettings"],
        "MULTICAST" => &["multicastSettings"],
        "SMPTE_2110_RECEIVER_GROUP" => &["smpte2110ReceiverGroupSettings"],
        "SDI" => &["sdiSources"],
        "MEDIACONNECT_ROUTER" => &["routerSettings"],
        "INPUT_DEVICE" => &["inputDevices"],
        _ => &[],
    };
    // A push input inside a VPC has the VPC's security groups instead.
    let in_vpc = body.get("vpc").is_some_and(Value::is_object);
    for member in members {
        let empty = match body.get(*member) {
            Some(Value::Array(list)) => list.is_empty(),
            Some(value) => value.is_null(),
            None => true,
        };
        if empty && !(in_vpc && *member == "inputSecurityGroups") {
            findings.malformed(format!("{member} is required for an input of type {kind}"));
        }
    }
}

fn settings(findings: &mut Findings, body: &Object, kind: &str, groups: &BTreeSet<&str>) {
    for key in ["sources", "destinations", "mediaConnectFlows"] {
        if findings.objects(body, key, "").len() > 2 {
            findings.malformed(format!("{key} has two entries at most"));
        }
    }
    for (path, source) in findings.objects(body, "sources", "") {
        let url = findings.text(source, "url", &path).unwrap_or_default();
        if !url.contains("://") {
            findings.malformed(format!("{path}.url must be a URL"));
        }
    }
    for (path, destination) in findings.objects(body, "destinations", "") {
        let name = findings.text(destination, "streamName", &path);
        // "app/instance" (user guide, RTMP push input).
        if kind == "RTMP_PUSH"
            && name.is_none_or(|name| name.split('/').filter(|part| !part.is_empty()).count() != 2)
        {
            findings.malformed(format!(
                "{path}.streamName must have the form application/instance"
            ));
        }
    }
    for group in findings.texts(body, "inputSecurityGroups", "") {
        if !groups.contains(group) {
            findings.malformed(format!("Input security group {group} does not exist"));
        }
    }
}

/// The whitelist rules of a body, reduced to their CIDRs; `Must specify at least one whitelist` is a real text
/// (public CloudFormation and Terraform threads)
pub(in crate::emulator) fn whitelist(body: &Object) -> Result<Value, ApiError> {
    let mut findings = Findings::default();
    let rules = findings.objects(body, "whitelistRules", "");
    if rules.is_empty() {
        findings.malformed("Must specify at least one whitelist");
    }
    for (path, rule) in &rules {
        if !findings.text(rule, "cidr", path).is_some_and(is_cidr) {
            findings.malformed(format!("{path}.cidr must be an IPv4 CIDR block"));
        }
    }
    let rules = rules
        .into_iter()
        .map(|(_, rule)| Value::Object(rule.clone()))
        .collect();
    findings.finish()?;
    Ok(rules)
}

fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return false;
    };
    address.parse::<std::net::Ipv4Addr>().is_ok() && bits.parse::<u8>().is_ok_and(|bits| bits <= 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(body: &Value) -> Result<(), ApiError> {
        new_input(body.as_object().unwrap(), &BTreeSet::from(["1"]))
    }

    #[test]
    fn every_problem_of_an_input_is_reported_at_once() {
        let body = json!({"type": "RTMP_PUSH", "destinations": [{"streamName": "alone"}], "inputSecurityGroups": ["9"]});
        let message = check(&body).unwrap_err().message;
        assert!(
            message.contains("application/instance") && message.contains("group 9"),
            "{message}"
        );
    }

    #[test]
    fn a_complete_input_of_each_common_type_passes() {
        let push = json!({"type": "RTMP_PUSH", "destinations": [{"streamName": "a/b"}], "inputSecurityGroups": ["1"]});
        let pull = json!({"type": "URL_PULL", "sources": [{"url": "https://example.com/a.m3u8"}]});
        let flow = json!({"type": "MEDIACONNECT", "mediaConnectFlows": [{"flowArn": "a"}], "roleArn": "r"});
        for body in [push, pull, flow] {
            assert_eq!(check(&body), Ok(()));
            assert_eq!(input_class(body.as_object().unwrap()), "SINGLE_PIPELINE");
        }
    }

    #[test]
    fn the_class_follows_from_the_number_of_sources_wherever_they_are() {
        let class = |body: Value| input_class(body.as_object().unwrap());
        let callers = |count: usize| json!({"srtSettings": {"srtCallerSources": vec![json!({}); count]}});
        assert_eq!(
            (class(callers(1)), class(callers(2))),
            ("SINGLE_PIPELINE", "STANDARD")
        );
        let groups = json!({"smpte2110ReceiverGroupSettings": {"smpte2110ReceiverGroups": [{}]}});
        let router = json!({"routerSettings": {"destinations": [{}, {}]}});
        assert_eq!((class(groups), class(router)), ("SINGLE_PIPELINE", "STANDARD"));
        assert_eq!(class(json!({})), "STANDARD");
    }

    #[test]
    fn a_security_group_needs_rules() {
        let error = whitelist(&Object::new()).unwrap_err();
        assert_eq!(error.message, "Must specify at least one whitelist");
    }
}
