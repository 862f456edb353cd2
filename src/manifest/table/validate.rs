//! Rules of `kind: DestinationTable`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use url::Url;

use super::raw::{RawAttributes, RawStatus, RawTable};
use super::{DestinationTable, Layout, StatusField, StatusLayout, TablePlace};
use crate::manifest::node::FieldPath;
use crate::manifest::report::Report;
use crate::manifest::validate::check_metadata;
use crate::manifest::words::{nearest, one_of, shown};
use crate::model::PoolName;

/// Time between two looks unless given.
const POLL: Duration = Duration::from_secs(10);
/// No shorter: each look reads the whole table.
const SHORTEST_POLL: SignedDuration = SignedDuration::from_secs(1);
/// No longer: a wish should not wait for longer than this.
const LONGEST_POLL: SignedDuration = SignedDuration::from_hours(1);
/// Longest name of an attribute that an index could have. DynamoDB allows longer ones, which are not used in practice.
const ATTRIBUTE_LIMIT: usize = 255;
/// Words for phases are for programs and badges.
const WORD_LIMIT: usize = 63;

const PHASES: [&str; 6] = ["Ready", "Pending", "Starting", "Streaming", "Stopping", "Error"];

/// The table that `raw` declares; `None` where `report` has rejected something.
pub fn validate_table(raw: &RawTable, report: &mut Report) -> Option<DestinationTable> {
    let spec = FieldPath::from("spec");
    check_metadata(&raw.metadata, report);
    check_table_name(&raw.spec.table, &spec.field("table"), report);
    if let Some(endpoint) = &raw.spec.endpoint {
        check_endpoint(endpoint, &spec.field("endpoint"), report);
    }
    for (field, text) in [("region", &raw.spec.region), ("pool", &raw.spec.pool)] {
        if text.as_deref() == Some("") {
            report.reject(
                &spec.field(field),
                "the text is empty",
                "write a name, or remove the field",
            );
        }
    }
    let poll = validate_poll(raw.spec.poll.as_deref(), &spec.field("poll"), report);
    let mut layout = validate_attributes(raw.spec.attributes.as_ref(), &spec.field("attributes"), report);
    layout.pool.clone_from(&raw.spec.pool);
    layout.local_keys = raw.spec.local_keys;
    let status = validate_status(&raw.spec.status, &layout, &spec.field("status"), report);
    if report.is_rejected() {
        return None;
    }
    Some(DestinationTable {
        name: raw.metadata.name.clone(),
        place: TablePlace {
            table: raw.spec.table.clone(),
            region: raw.spec.region.clone(),
            endpoint: raw.spec.endpoint.clone(),
        },
        pool: raw.spec.pool.as_deref().map(PoolName::new),
        poll: poll?,
        layout: Arc::new(layout),
        status: raw.spec.status.write.then_some(status),
    })
}

fn check_table_name(name: &str, path: &FieldPath, report: &mut Report) {
    if let Some(fix) = instead_of_table_name(name) {
        report.reject(path, NO_TABLE_NAME, fix);
    }
}

/// What is wrong where [`instead_of_table_name`] knows better.
pub const NO_TABLE_NAME: &str = "this is not the name of a table";

/// What to write instead of `name`, where DynamoDB allows no table of that name. Source: DynamoDB Developer Guide, "Naming rules".
pub fn instead_of_table_name(name: &str) -> Option<String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if (3..=255).contains(&name.len()) && name.bytes().all(fits) {
        return None;
    }
    let last = name.strip_prefix("arn:").and_then(|arn| arn.rsplit('/').next());
    Some(match last {
        Some(last) => format!("write the last part of the ARN only: {}", shown(last)),
        None => "write 3 to 255 letters, digits, `-`, `_` and `.`".to_owned(),
    })
}

fn check_endpoint(text: &str, path: &FieldPath, report: &mut Report) {
    const FIX: &str = "write scheme and host: http://127.0.0.1:8000";
    let Ok(url) = Url::parse(text) else {
        return report.reject(path, "this is not a URL", FIX);
    };
    if !url.username().is_empty() || url.password().is_some() {
        let fix = "remove them; credentials come from the AWS profile";
        report.reject(path, "an endpoint takes no user and no password", fix);
    } else if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        report.reject(path, "this is not an endpoint", FIX);
    }
}

fn validate_poll(text: Option<&str>, path: &FieldPath, report: &mut Report) -> Option<Duration> {
    let Some(text) = text else { return Some(POLL) };
    let time = text.trim().parse::<SignedDuration>().ok();
    match time {
        Some(time) if (SHORTEST_POLL..=LONGEST_POLL).contains(&time) => Duration::try_from(time).ok(),
        Some(_) => {
            report.reject(path, "the time is out of range", "write a time from 1s to 1h");
            None
        }
        None => {
            report.reject(path, "this is not a time", "write a number with its unit: 10s");
            None
        }
    }
}

fn validate_attributes(raw: Option<&RawAttributes>, path: &FieldPath, report: &mut Report) -> Layout {
    let Some(raw) = raw else { return Layout::default() };
    let fields = [
        ("pool", &raw.pool),
        ("platform", &raw.platform),
        ("url", &raw.url),
        ("backupUrl", &raw.backup_url),
        ("username", &raw.username),
        ("passwordParameter", &raw.password_parameter),
        ("streamKey", &raw.stream_key),
        ("group", &raw.group),
        ("priority", &raw.priority),
        ("interruptible", &raw.interruptible),
        ("slot", &raw.slot),
        ("paused", &raw.paused),
        ("generation", &raw.generation),
        ("labels", &raw.labels),
        ("annotations", &raw.annotations),
    ];
    let keys = &raw.stream_key_from;
    let references = [
        ("env", &keys.env),
        ("file", &keys.file),
        ("ssm", &keys.ssm),
        ("secretsManager", &keys.secrets_manager),
    ];
    let mut uses = Uses::default();
    let (name, state) = (
        path.field("name").field("attribute"),
        path.field("state").field("attribute"),
    );
    uses.take(&raw.name.attribute, &name, report);
    uses.take(&raw.state.attribute, &state, report);
    let fields = uses.take_all(&fields, path, report);
    let references = uses.take_all(&references, &path.field("streamKeyFrom"), report);
    if fields.contains_key("streamKey") || !references.is_empty() {
        // Each destination says which it is.
    } else {
        let fix = "add streamKey: ATTRIBUTE, or streamKeyFrom: { ssm: ATTRIBUTE }";
        report.reject(path, "no attribute holds the stream key or where it is kept", fix);
    }
    if !fields.contains_key("url") && !fields.contains_key("platform") {
        let fix = "add url: ATTRIBUTE, or platform: ATTRIBUTE";
        report.reject(path, "no attribute says where to stream to", fix);
    }
    check_words(raw, &path.field("state"), report);
    Layout {
        name: raw.name.attribute.clone(),
        label: raw.name.label,
        state: raw.state.attribute.clone(),
        streaming: raw.state.streaming.clone(),
        ready: raw.state.ready.clone(),
        fields,
        references,
        pool: None,
        local_keys: false,
    }
}

fn check_words(raw: &RawAttributes, path: &FieldPath, report: &mut Report) {
    for (field, words) in [("streaming", &raw.state.streaming), ("ready", &raw.state.ready)] {
        if words.is_empty() {
            report.reject(
                &path.field(field),
                "the list is empty",
                "list the values that mean it",
            );
        }
    }
    let both = raw
        .state
        .ready
        .iter()
        .position(|word| raw.state.streaming.contains(word));
    if let Some(index) = both {
        let message = format!("{} would mean both on air and off air", raw.state.ready[index]);
        report.reject(
            &path.field("ready").index(index),
            message,
            "keep it in one of the two lists",
        );
    }
}

fn validate_status(raw: &RawStatus, layout: &Layout, path: &FieldPath, report: &mut Report) -> StatusLayout {
    let parts = [
        (StatusField::Phase, &raw.attributes.phase),
        (StatusField::Reason, &raw.attributes.reason),
        (StatusField::Message, &raw.attributes.message),
        (StatusField::Channel, &raw.attributes.channel),
        (StatusField::Slot, &raw.attributes.slot),
        (StatusField::Since, &raw.attributes.since),
        (
            StatusField::ObservedGeneration,
            &raw.attributes.observed_generation,
        ),
    ];
    let mut uses = Uses::of_users(layout);
    let mut named = BTreeMap::new();
    for (field, attribute) in parts {
        if let Some(attribute) = attribute {
            uses.take(attribute, &path.field("attributes").field(field.name()), report);
            named.insert(field, attribute.clone());
        }
    }
    let map = match (&raw.attribute, named.is_empty()) {
        (Some(attribute), _) => Some(attribute.clone()),
        (None, true) => StatusLayout::default().map,
        (None, false) => None,
    };
    if let Some(attribute) = map.as_ref().filter(|_| raw.write) {
        uses.take(attribute, &path.field("attribute"), report);
    }
    for (phase, word) in &raw.phases {
        let at = path.field("phases").field(phase);
        if !PHASES.contains(&phase.as_str()) {
            let fix = match nearest(phase, PHASES) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("write {}", one_of(&PHASES)),
            };
            report.reject(&at, format!("{} is no phase", shown(phase)), fix);
        } else if !(1..=WORD_LIMIT).contains(&word.len()) {
            report.reject(&at, "a word has 1 to 63 characters", "write a short word");
        }
    }
    StatusLayout {
        map,
        parts: named,
        phases: raw.phases.clone(),
    }
}

/// Attributes that are taken, and by what.
#[derive(Default)]
struct Uses(BTreeMap<String, String>);

impl Uses {
    /// Those that users write.
    fn of_users(layout: &Layout) -> Self {
        let attributes = layout.attributes().into_iter();
        Self(
            attributes
                .map(|name| (name.to_owned(), "what users write".to_owned()))
                .collect(),
        )
    }

    fn take(&mut self, attribute: &str, path: &FieldPath, report: &mut Report) {
        if !(1..=ATTRIBUTE_LIMIT).contains(&attribute.len()) {
            let message = "the name of an attribute has 1 to 255 characters";
            report.reject(path, message, "write the name of an attribute");
        } else if let Some(other) = self.0.insert(attribute.to_owned(), path.to_string()) {
            let message = format!("{} holds {other} already", shown(attribute));
            report.reject(path, message, "give each an attribute of its own");
        }
    }

    fn take_all(
        &mut self,
        fields: &[(&'static str, &Option<String>)],
        path: &FieldPath,
        report: &mut Report,
    ) -> BTreeMap<&'static str, String> {
        let mut taken = BTreeMap::new();
        for (field, attribute) in fields {
            if let Some(attribute) = attribute {
                self.take(attribute, &path.field(field), report);
                taken.insert(*field, attribute.clone());
            }
        }
        taken
    }
}
