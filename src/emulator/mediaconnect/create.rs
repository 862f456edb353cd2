//! Creation: what is not given gets its default, then an ARN, an address, and its time.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::checks::{self, Site};
use super::operation::ResourceKind;
use super::resource::{Message, Resource, configuration, link};
use super::{Call, Document, ID_LETTERS, Router, State, Terms, unions};
use crate::emulator::error::{ApiError, ErrorKind};
use crate::emulator::request::TransitionOutcome;
use crate::emulator::validate;

impl Router {
    pub(super) fn create(&mut self, kind: ResourceKind, call: Call<'_>) -> Result<Value, ApiError> {
        if let Some(reply) = self.remembered(kind, call)? {
            return Ok(reply);
        }
        let mut doc = candidate(call.body()?, call.terms);
        doc.insert("tags".into(), Value::Object(validate::tags(&doc)?));
        checks::check(kind, &doc, &self.site(None, call.terms))?;
        let region = text(&doc, "regionName").to_owned();
        self.check_quota(kind, &region, call.terms)?;
        let arn = self.complete(kind, &mut doc, &region, call);
        let mut resource = Resource::new(kind, doc, State::Creating, call.now.elapsed);
        let takes = self.dice.router_change();
        let is_failure = call.request.twist.outcome == TransitionOutcome::Fails;
        let end = if is_failure { State::Error } else { ready(kind) };
        resource.begin(call.now.elapsed, State::Creating, &[(takes, end)]);
        if is_failure {
            resource.fail_with(Message::new("CREATE_FAILED", "The creation failed."));
        }
        self.resources.insert(arn.clone(), resource);
        let shown = self
            .known(kind, &arn)
            .map(|made| self.describe(made, call.terms))?;
        self.remember(kind, &arn, shown.clone(), call);
        Ok(json!({ kind.key(): shown }))
    }

    /// What a check needs to know of everything else; `of` is the ARN of what is checked, if it exists
    pub(super) fn site<'a>(&'a self, of: Option<&'a str>, terms: Terms<'a>) -> Site<'a> {
        Site {
            router: self,
            of,
            terms,
        }
    }

    fn check_quota(&self, kind: ResourceKind, region: &str, terms: Terms<'_>) -> Result<(), ApiError> {
        let (quota, refusal) = match kind {
            ResourceKind::Output => (terms.quotas.outputs, ErrorKind::RouterOutputQuota),
            ResourceKind::Input => (terms.quotas.inputs, ErrorKind::RouterInputQuota),
            ResourceKind::NetworkInterface => (
                terms.quotas.network_interfaces,
                ErrorKind::RouterNetworkInterfaceQuota,
            ),
        };
        let is_counted = |one: &&Resource| one.kind() == kind && one.text("regionName") == region;
        let count = self.resources().filter(is_counted).count();
        if count < quota {
            return Ok(());
        }
        let text = format!(
            "The account has {count} {}s in {region}, its quota is {quota}.",
            kind.words()
        );
        Err(ApiError::new(refusal, text))
    }

    /// Gives a document all that a resource has from its beginning; answers its ARN
    fn complete(&mut self, kind: ResourceKind, doc: &mut Document, region: &str, call: Call<'_>) -> String {
        let id = self.dice.letters(ID_LETTERS);
        let arn = format!(
            "arn:aws:mediaconnect:{region}:{}:{}:{id}",
            call.terms.account,
            kind.key()
        );
        if kind != ResourceKind::NetworkInterface && doc.get("availabilityZone").is_none() {
            let zone = zone_of_channel(doc, call.terms).unwrap_or_else(|| {
                let letter = ["a", "b", "c"][self.dice.pick(3)];
                format!("{region}{letter}")
            });
            doc.insert("availabilityZone".into(), json!(zone));
        }
        let now = json!(call.now.wall);
        doc.insert("arn".into(), json!(arn));
        doc.insert("id".into(), json!(id));
        doc.insert("createdAt".into(), now.clone());
        doc.insert("updatedAt".into(), now);
        self.fill_defaults(kind, doc);
        arn
    }

    /// The defaults that the service model names, and addresses from blocks set aside for documentation (RFC 5737)
    pub(super) fn fill_defaults(&mut self, kind: ResourceKind, doc: &mut Document) {
        fill_types(kind, doc);
        match kind {
            ResourceKind::NetworkInterface => return,
            ResourceKind::Output => {
                doc.entry("fabricConfiguration")
                    .or_insert_with(|| json!({"recoveryLatencyMode": "BALANCED"}));
                let fabric = &mut doc["fabricConfiguration"];
                if fabric.get("switchingConfiguration").is_none() {
                    fabric["switchingConfiguration"] = json!({"immediate": {}});
                }
            }
            ResourceKind::Input => {
                doc.entry("transitEncryption")
                    .or_insert_with(|| json!({"encryptionKeyConfiguration": {"automatic": {}}}));
                doc.entry("contentQualityAnalysisConfiguration")
                    .or_insert_with(|| json!({"contentLevel": {}}));
                doc.insert("contentQualityAnalysisType".into(), json!("CONTENT_LEVEL"));
            }
        }
        let address = format!("203.0.113.{}", 1 + self.dice.pick(250));
        doc.entry("ipAddress").or_insert_with(|| json!(address));
        let details = self.stream_details(kind, doc);
        doc.entry("streamDetails").or_insert(details);
        fill_types(kind, doc);
    }

    /// What is known of the stream beside its configuration; empty names are given where RTMP asks for automatic ones
    fn stream_details(&mut self, kind: ResourceKind, doc: &Document) -> Value {
        let Some((of, inner)) = configuration(doc) else {
            return json!({});
        };
        let protocol = inner.get("protocolConfiguration");
        let naming = protocol.and_then(|protocol| protocol.get("rtmpPush")?.get("namingConfiguration"));
        let details = match (kind, of, naming) {
            (ResourceKind::Input, "standard", Some(naming)) => {
                let given = |key: &str| naming.get("manual")?.get(key).cloned();
                let mut name = |key| given(key).unwrap_or_else(|| json!(self.dice.letters(ID_LETTERS)));
                json!({"rtmpPush": {"applicationName": name("applicationName"), "streamName": name("streamName")}})
            }
            (ResourceKind::Output, "standard", _) => {
                let address = format!("198.51.100.{}", 1 + self.dice.pick(250));
                json!({"destinationIpAddress": address})
            }
            _ => json!({}),
        };
        json!({ of: details })
    }

    /// Takes in a resource that exists already, as a fleet file describes it; no rule is checked
    pub(in crate::emulator) fn admit(&mut self, kind: ResourceKind, arn: &str, mut doc: Document) {
        let state = doc.shift_remove("state");
        let state = state.as_ref().and_then(Value::as_str).and_then(State::parse);
        let state = state.unwrap_or(ready(kind));
        let routed = doc.shift_remove("routedInputArn");
        for computed in [
            "routedState",
            "routedOutputs",
            "maximumRoutedOutputs",
            "messages",
            "maintenanceSchedule",
            "maintenanceScheduleType",
            "associatedInputCount",
            "associatedOutputCount",
        ] {
            doc.shift_remove(computed);
        }
        fill_identity(kind, arn, &mut doc);
        self.fill_defaults(kind, &mut doc);
        let mut resource = Resource::new(kind, doc, state, Duration::ZERO);
        let end = match state {
            State::Creating | State::Updating => Some(ready(kind)),
            State::Starting | State::Recovering | State::Migrating => Some(State::Active),
            State::Stopping => Some(State::Standby),
            State::Deleting => Some(State::Deleted),
            State::Standby | State::Active | State::Error | State::Deleted => None,
        };
        let end = end.map(|end| (self.dice.router_change(), end));
        resource.begin(Duration::ZERO, state, end.as_slice());
        if let Some(input) = routed.as_ref().and_then(Value::as_str) {
            resource.settle_route(input);
        }
        self.resources.insert(arn.to_owned(), resource);
    }
}

/// The state of a resource that is made and does nothing yet
const fn ready(kind: ResourceKind) -> State {
    match kind {
        ResourceKind::NetworkInterface => State::Active,
        ResourceKind::Input | ResourceKind::Output => State::Standby,
    }
}

/// What a fleet's resource has by its ARN, or may as well have
fn fill_identity(kind: ResourceKind, arn: &str, doc: &mut Document) {
    let part = |place| arn.split(':').nth(place).unwrap_or_default();
    let (region, id) = (part(3), part(6));
    let mut missing = json!({
        "arn": arn, "createdAt": Timestamp::UNIX_EPOCH, "id": id, "name": id, "regionName": region, "tags": {},
        "updatedAt": Timestamp::UNIX_EPOCH,
    });
    if kind != ResourceKind::NetworkInterface {
        let tier = if kind == ResourceKind::Input {
            "INPUT_20"
        } else {
            "OUTPUT_20"
        };
        missing["availabilityZone"] = json!(format!("{region}a"));
        missing["maximumBitrate"] = json!(8_000_000);
        missing["routingScope"] = json!("REGIONAL");
        missing["tier"] = json!(tier);
    }
    for (key, value) in missing.as_object().into_iter().flatten() {
        doc.entry(key).or_insert_with(|| value.clone());
    }
}

/// Everything that a request says, and where it says it
pub(super) fn candidate(body: &Document, terms: Terms<'_>) -> Document {
    let mut doc = body.clone();
    doc.shift_remove("clientToken");
    doc.retain(|_, value| !value.is_null());
    doc.entry("regionName").or_insert_with(|| json!(terms.region));
    doc
}

/// Writes every type beside what it is of, at the top and within
pub(super) fn fill_types(kind: ResourceKind, doc: &mut Document) {
    if kind != ResourceKind::NetworkInterface {
        let maintenance = doc
            .entry("maintenanceConfiguration")
            .or_insert_with(|| json!({"default": {}}));
        let of = maintenance.as_object().and_then(|one| one.keys().next());
        let of = of.map(|member| unions::type_name(member)).unwrap_or_default();
        doc.insert("maintenanceType".into(), json!(of));
    }
    if let Some((of, _)) = configuration(doc) {
        let of = unions::type_name(of);
        doc.insert(kind.type_key().into(), json!(of));
    }
    doc.values_mut().for_each(unions::fill_in);
}

/// Where the channel's output writes to that an input is connected to
fn zone_of_channel(doc: &Document, terms: Terms<'_>) -> Option<String> {
    let (of, inner) = configuration(doc)?;
    let (channel, pipeline, output) = (of == "mediaLiveChannel").then(|| link(inner))??;
    let is_it = |one: &&super::ChannelOutput| {
        one.channel == channel && one.pipeline == pipeline && one.name == output
    };
    terms.channels.iter().find(is_it)?.zone.clone()
}

pub(super) fn text<'a>(doc: &'a Document, key: &str) -> &'a str {
    doc.get(key).and_then(Value::as_str).unwrap_or_default()
}
