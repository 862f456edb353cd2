//! A channel as a whole: destinations, attached inputs, role, tags.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Findings, Object, encoder, present, references, repeated, tags};
use crate::emulator::error::{ApiError, ErrorKind};
use crate::emulator::switches::Switches;

/// The most inputs, and push inputs, of a channel (user guide, eml-limitations-and-rules)
const INPUTS_MAX: usize = 20;
const PUSH_INPUTS_MAX: usize = 2;

/// The kinds of settings of a destination, of which it has one (botocore service model, `OutputDestination`)
const KINDS: [&str; 5] = [
    "settings",
    "mediaPackageSettings",
    "multiplexSettings",
    "srtSettings",
    "mediaConnectRouterSettings",
];

/// What a channel's check needs to know about an input
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::emulator) struct InputFacts {
    /// Two sources
    pub(in crate::emulator) standard: bool,
    /// Something pushes to it
    pub(in crate::emulator) push: bool,
    /// The channel that has it
    pub(in crate::emulator) attached_to: Option<String>,
    /// Deleted, or on its way
    pub(in crate::emulator) gone: bool,
}

/// A destination that was found well-formed, for the outputs that refer to it
#[derive(Debug)]
pub(super) struct Target<'a> {
    /// `destinations[3]`
    pub(super) path: String,
    pub(super) object: &'a Object,
    /// Which of [`KINDS`]
    pub(super) kind: Option<&'a str>,
}

/// Checks the channel that a creation or an update would leave behind; `before` is the channel before the update
pub(in crate::emulator) fn channel(
    doc: &Object,
    id: &str,
    before: Option<&Object>,
    inputs: &BTreeMap<&str, InputFacts>,
    switches: &Switches,
) -> Result<(), ApiError> {
    let (findings, taken) = findings(doc, id, inputs, switches);
    match before {
        Some(before) if !findings.is_empty() => {
            findings.without(&self::findings(before, id, inputs, switches).0)
        }
        _ => findings,
    }
    .finish()?;
    // Last, as it is no fault of the request: 409 `inputId=1047120 is already attached`
    // (aws-cloudformation/cloudformation-coverage-roadmap#2080).
    match taken {
        Some(input) => Err(ApiError::new(
            ErrorKind::Conflict,
            format!("inputId={input} is already attached"),
        )),
        None => Ok(()),
    }
}

/// What is wrong with a channel, and an input of it that another channel has
fn findings(
    doc: &Object,
    id: &str,
    inputs: &BTreeMap<&str, InputFacts>,
    switches: &Switches,
) -> (Findings, Option<String>) {
    let mut findings = Findings::default();
    top_level(&mut findings, doc);
    let standard = doc.get("channelClass").and_then(Value::as_str) != Some("SINGLE_PIPELINE");
    let targets = destinations(&mut findings, doc, standard);
    match findings.object(doc, "encoderSettings", "") {
        Some(settings) => {
            encoder::check(&mut findings, settings, &targets, switches);
            references::check(&mut findings, doc, settings, &targets, switches);
        }
        None => findings.invalid("encoderSettings", "requires property \"encoderSettings\""),
    }
    let taken = attachments(&mut findings, doc, id, inputs, standard);
    (findings, taken)
}

fn top_level(findings: &mut Findings, doc: &Object) {
    tags::checked(findings, doc);
    if let Some(role) = findings.text(doc, "roleArn", "")
        && !(role.starts_with("arn:") && role.contains(":iam::") && role.contains(":role/"))
    {
        findings.invalid("roleArn", "is not the ARN of a role");
    }
}

/// Checks `destinations[]`; answers those with a usable id, by id
fn destinations<'a>(
    findings: &mut Findings,
    doc: &'a Object,
    standard: bool,
) -> BTreeMap<&'a str, Target<'a>> {
    let mut targets = BTreeMap::new();
    let all = findings.objects(doc, "destinations", "");
    for (path, destination) in all {
        // Read even if the id is missing, so that every problem is reported at once.
        let kind = destination_kind(findings, destination, &path, standard);
        let Some(id) = findings
            .text(destination, "id", &path)
            .filter(|id| !id.is_empty())
        else {
            findings.invalid(&path, "requires property \"id\"");
            continue;
        };
        if !is_destination_id(id) {
            // Real text (SR-MDR/lunora-player); the exact form is the CDK's (aws-medialive-alpha `outputs.ts`).
            findings.invalid(
                format!("{path}.id"),
                "DestinationId should include only numbers, letters and hyphen",
            );
        }
        if targets.contains_key(id) {
            findings.invalid(
                format!("{path}.id"),
                format!("Destination id \"{id}\" is not unique"),
            );
        } else {
            targets.insert(
                id,
                Target {
                    path,
                    object: destination,
                    kind,
                },
            );
        }
    }
    targets
}

/// "only alphanumeric characters and hyphens, with no leading/trailing hyphen" (CDK, `outputs.ts`)
fn is_destination_id(id: &str) -> bool {
    id.chars()
        .all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
        && !id.starts_with('-')
        && !id.ends_with('-')
}

fn destination_kind(
    findings: &mut Findings,
    destination: &Object,
    path: &str,
    standard: bool,
) -> Option<&'static str> {
    let kinds = present(destination, &KINDS);
    let [kind] = kinds[..] else {
        // Real text (hashicorp/terraform-provider-aws#30659).
        let id = destination.get("id").and_then(Value::as_str).unwrap_or_default();
        findings.malformed(format!(
            "Exactly one of settings, MediaPackage settings, or Multiplex settings is required for destination {id}."
        ));
        return None;
    };
    if matches!(kind, "settings" | "srtSettings") {
        let wanted = if standard { 2 } else { 1 };
        let settings = findings.objects(destination, kind, path);
        if settings.len() != wanted {
            // Real text (SR-MDR/lunora-player).
            findings.invalid(
                format!("{path}.{kind}"),
                format!("Exactly {wanted} destinations settings required"),
            );
        }
    }
    KINDS.into_iter().find(|known| *known == kind)
}

/// Checks the attached inputs; answers one that another channel has
fn attachments(
    findings: &mut Findings,
    doc: &Object,
    id: &str,
    inputs: &BTreeMap<&str, InputFacts>,
    standard: bool,
) -> Option<String> {
    let attachments = findings.objects(doc, "inputAttachments", "");
    if attachments.is_empty() {
        findings.invalid("inputAttachments", "must have at least one input");
    }
    if attachments.len() > INPUTS_MAX {
        findings.invalid(
            "inputAttachments",
            format!("must have at most {INPUTS_MAX} inputs"),
        );
    }
    let (mut taken, mut push, mut ids) = (None, 0, Vec::new());
    for (path, attachment) in &attachments {
        let Some(input_id) = findings.text(attachment, "inputId", path) else {
            findings.invalid(path, "requires property \"inputId\"");
            continue;
        };
        ids.push((format!("{path}.inputId"), input_id));
        let Some(facts) = inputs.get(input_id).filter(|facts| !facts.gone) else {
            findings.invalid(
                format!("{path}.inputId"),
                format!("Input {input_id} does not exist"),
            );
            continue;
        };
        if standard && !facts.standard {
            // "a standard channel needs all standard-class inputs" (user guide, class-channel-input).
            findings.invalid(
                format!("{path}.inputId"),
                "A STANDARD channel needs inputs of class STANDARD",
            );
        }
        push += usize::from(facts.push);
        if facts.attached_to.as_deref().is_some_and(|channel| channel != id) {
            taken.get_or_insert_with(|| input_id.to_owned());
        }
    }
    for (path, input) in repeated(ids.into_iter()) {
        findings.invalid(path, format!("Input {input} is attached twice"));
    }
    if push > PUSH_INPUTS_MAX {
        // Real text (SR-MDR/lunora-player).
        findings.invalid("inputAttachments", "Too many push inputs");
    }
    taken
}
