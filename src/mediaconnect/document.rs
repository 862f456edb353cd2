//! What MediaConnect says of outputs, inputs and interfaces, and the bodies it gets.
//!
//! Of an output that is updated everything that is not slotwise's goes back as it came: what the configuration holds beside the
//! target, and the processors. Shapes: botocore service model `mediaconnect` 2018-11-14.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::target::{TargetError, of_push, to_push};
use crate::model::tag::{OWNER_TAG, STARTED_TAG};
use crate::model::{
    ChannelId, Endpoint, InputState, Maintenance, OutputRecord, OutputState, OwnerId, RouteState, RouterArn,
    RouterInput, RouterOutput, RouterSettings, Secret, Tier,
};
use crate::service::without_secrets;

type Tags = BTreeMap<String, String>;

/// An output as ListRouterOutputs shows it: neither its target nor its tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputSummary {
    /// Its ARN.
    pub arn: RouterArn,
    /// Its name, for people.
    pub name: Arc<str>,
    /// Its state.
    pub state: OutputState,
    /// Whether an input is taken.
    pub route: RouteState,
    /// Which.
    pub input: Option<RouterArn>,
    /// When it was last changed; `None` where MediaConnect does not say: then nothing shows whether it was.
    pub updated_at: Option<Timestamp>,
    /// How much MediaConnect has to say about it; Get says what.
    pub message_count: u64,
    /// The region that it is in: lists are of all.
    pub region: Arc<str>,
}

/// An output as Get shows it.
#[derive(Clone)]
pub struct OutputDocument {
    /// Its ARN.
    pub arn: RouterArn,
    /// The region that it is in.
    pub region: Arc<str>,
    /// What a plan is made from.
    pub output: RouterOutput,
    configuration: Value,
    /// Left out of an update, they are reset (botocore service model, `UpdateRouterOutputRequest`).
    processors: Option<Value>,
}

// By hand: the configuration holds a stream key.
impl fmt::Debug for OutputDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutputDocument")
            .field("arn", &self.arn)
            .field("output", &self.output)
            .finish_non_exhaustive()
    }
}

/// An output that is to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewOutput<'a> {
    /// Its name: [`super::output_name`].
    pub name: &'a str,
    /// The region that it is made in: that of the input.
    pub region: &'a str,
    /// The router network interface that it pushes through.
    pub interface: &'a RouterArn,
    /// Capacity, zone, maintenance.
    pub settings: &'a RouterSettings,
    /// Where it pushes.
    pub target: &'a Endpoint,
    /// All its tags: they are there from its beginning, or an output could be left without an owner.
    pub tags: &'a [(String, String)],
    /// [`super::client_token`].
    pub client_token: &'a str,
}

/// An input as Get shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputDocument {
    /// What a plan is made from.
    pub input: RouterInput,
    /// In bits per second: no output that takes it may have less.
    pub maximum_bitrate: Option<u64>,
    /// Its zone.
    pub zone: Option<Arc<str>>,
}

/// A router network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkInterface {
    /// Its name, for people.
    pub name: Arc<str>,
    /// `RouterNetworkInterfaceState`, as on the wire. Outputs can be made while it is `ACTIVE`.
    pub state: Arc<str>,
    /// The region that it is in.
    pub region: Arc<str>,
}

impl NetworkInterface {
    /// Whether outputs can be made on it.
    pub fn is_active(&self) -> bool {
        &*self.state == "ACTIVE"
    }
}

/// An answer or a body that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// No JSON, or not of the shape the service model gives.
    #[error("the answer is not of the expected shape: {category} error at line {line}, column {column}")]
    Shape {
        /// What kind of error: syntax, data, eof.
        category: &'static str,
        /// Line.
        line: usize,
        /// Column.
        column: usize,
    },
    /// No router output can push there.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// It is no RTMP push, and "changing the type of the configuration is not supported".
    #[error("the output is no RTMP push, and its type cannot be changed")]
    OtherType,
}

impl From<serde_json::Error> for DocumentError {
    // serde_json's own message repeats the offending value, which may be a key.
    fn from(error: serde_json::Error) -> Self {
        let category = match error.classify() {
            serde_json::error::Category::Io => "io",
            serde_json::error::Category::Syntax => "syntax",
            serde_json::error::Category::Data => "data",
            serde_json::error::Category::Eof => "eof",
        };
        Self::Shape {
            category,
            line: error.line(),
            column: error.column(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireSummary {
    arn: String,
    #[serde(default)]
    name: String,
    state: String,
    routed_state: String,
    routed_input_arn: Option<String>,
    updated_at: Option<String>,
    message_count: Option<u64>,
    region_name: String,
}

impl OutputSummary {
    /// Reads one page of ListRouterOutputs: its outputs and the token of the next page.
    pub(super) fn parse_page(json: &[u8]) -> Result<(Vec<Self>, Option<String>), DocumentError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Page {
            router_outputs: Vec<WireSummary>,
            next_token: Option<String>,
        }
        let page: Page = serde_json::from_slice(json)?;
        let outputs = page.router_outputs.into_iter().map(Self::from_wire);
        Ok((outputs.collect(), page.next_token))
    }

    fn from_wire(wire: WireSummary) -> Self {
        Self {
            arn: wire.arn.into(),
            name: wire.name.into(),
            state: OutputState::from_wire(&wire.state),
            route: RouteState::from_wire(&wire.routed_state),
            input: wire.routed_input_arn.map(RouterArn::from),
            updated_at: wire.updated_at.and_then(|time| time.parse().ok()),
            message_count: wire.message_count.unwrap_or_default(),
            region: wire.region_name.into(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireOutput {
    arn: String,
    #[serde(default)]
    name: String,
    state: String,
    routed_state: String,
    routed_input_arn: Option<String>,
    region_name: String,
    availability_zone: Option<String>,
    maximum_bitrate: u64,
    tier: String,
    configuration: Value,
    maintenance_configuration: Option<Value>,
    maintenance_schedule: Option<WireSchedule>,
    messages: Option<Vec<WireMessage>>,
    /// Required by the service model. Without them nothing shows whose the output is.
    tags: Tags,
    processors: Option<Value>,
}

/// A union: what it has beside a window is not understood.
#[derive(Deserialize)]
struct WireSchedule {
    window: Option<Value>,
}

#[derive(Deserialize)]
struct WireMessage {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// What BatchGetRouterOutput answers: it may fail in part.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) found: Vec<OutputDocument>,
    pub(super) failed: Vec<Failed>,
    /// The first one that was found and cannot be understood.
    pub(super) unreadable: Option<DocumentError>,
}

/// An output that BatchGetRouterOutput has nothing to show of.
#[derive(Debug, Deserialize)]
pub(super) struct Failed {
    pub(super) arn: String,
    #[serde(default)]
    pub(super) code: String,
    #[serde(default)]
    pub(super) message: String,
}

impl Batch {
    pub(super) fn parse(json: &[u8]) -> Result<Self, DocumentError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            router_outputs: Vec<Value>,
            #[serde(default)]
            errors: Vec<Failed>,
        }
        let answer: Answer = serde_json::from_slice(json)?;
        let mut batch = Self {
            failed: answer.errors,
            ..Self::default()
        };
        for value in answer.router_outputs {
            match WireOutput::deserialize(value) {
                Ok(wire) => batch.found.push(OutputDocument::from_wire(wire)),
                Err(error) => {
                    batch.unreadable.get_or_insert(error.into());
                }
            }
        }
        Ok(batch)
    }
}

impl OutputDocument {
    /// Reads the answer of GetRouterOutput, CreateRouterOutput or UpdateRouterOutput.
    pub(super) fn parse(json: &[u8]) -> Result<Self, DocumentError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            router_output: WireOutput,
        }
        let answer: Answer = serde_json::from_slice(json)?;
        Ok(Self::from_wire(answer.router_output))
    }

    fn from_wire(wire: WireOutput) -> Self {
        let push = push_in(&wire.configuration);
        let target = push.and_then(of_push);
        let secrets = push.map(secrets_of).unwrap_or_default();
        let messages = wire.messages.unwrap_or_default();
        let output = RouterOutput {
            name: wire.name.into(),
            state: OutputState::from_wire(&wire.state),
            route: RouteState::from_wire(&wire.routed_state),
            input: wire.routed_input_arn.map(RouterArn::from),
            owner: wire.tags.get(OWNER_TAG).map(OwnerId::new),
            record: OutputRecord::of_tags(&wire.tags),
            interface: interface_in(&wire.configuration),
            target,
            settings: RouterSettings {
                tier: Tier::from_wire(&wire.tier),
                maximum_bitrate: wire.maximum_bitrate,
                availability_zone: wire.availability_zone.map(Arc::from),
                maintenance: wire.maintenance_configuration.as_ref().and_then(maintenance_of),
            },
            messages: messages.iter().map(|one| one.shown(&secrets)).collect(),
            // It is only shown, so one that is not understood is no error.
            maintenance: wire
                .maintenance_schedule
                .and_then(|schedule| serde_json::from_value(schedule.window?).ok()),
            trouble: None,
        };
        Self {
            arn: wire.arn.into(),
            region: wire.region_name.into(),
            output,
            configuration: wire.configuration,
            processors: wire.processors.filter(|processors| !processors.is_null()),
        }
    }

    /// The body of UpdateRouterOutput that points it at `target` and gives it `settings`.
    ///
    /// Of the settings only what differs is in it: maintenance can be set in STANDBY only, a zone not at all, and whatever is left
    /// out stays as it is. `fabricConfiguration` is refused while there is a route, so it is never in it.
    pub(super) fn update_body(
        &self,
        target: &Endpoint,
        settings: &RouterSettings,
    ) -> Result<String, DocumentError> {
        let mut configuration = self.configuration.clone();
        let push = push_in_mut(&mut configuration).ok_or(DocumentError::OtherType)?;
        push.shift_remove("tlsEncryption");
        push.extend(to_push(target)?);
        let mut body = json!({"configuration": configuration});
        let now = &self.output.settings;
        if settings.tier != now.tier {
            body["tier"] = json!(settings.tier.as_str());
        }
        if settings.maximum_bitrate != now.maximum_bitrate {
            body["maximumBitrate"] = json!(settings.maximum_bitrate);
        }
        if settings.maintenance != now.maintenance {
            body["maintenanceConfiguration"] = maintenance_to(settings.maintenance.as_ref());
        }
        if let Some(processors) = &self.processors {
            body["processors"] = processors.clone();
        }
        Ok(body.to_string())
    }

    /// What must not be shown of what MediaConnect says of it.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        push_in(&self.configuration).map(secrets_of).unwrap_or_default()
    }
}

impl WireMessage {
    fn shown(&self, secrets: &[Secret]) -> String {
        let text = match (self.code.as_str(), self.message.as_str()) {
            ("", text) | (text, "") => text.to_owned(),
            (code, text) => format!("{code}: {text}"),
        };
        without_secrets(&text, secrets)
    }
}

/// The body of CreateRouterOutput.
pub(super) fn create_body(new: &NewOutput<'_>) -> Result<String, DocumentError> {
    let push = to_push(new.target)?;
    let tags: Tags = new.tags.iter().cloned().collect();
    let mut body = json!({
        "name": new.name,
        "configuration": {"standard": {
            "networkInterfaceArn": new.interface,
            "protocol": "RTMP_PUSH",
            "protocolConfiguration": {"rtmpPush": push},
        }},
        "maximumBitrate": new.settings.maximum_bitrate,
        "routingScope": "REGIONAL",
        "tier": new.settings.tier.as_str(),
        "regionName": new.region,
        "tags": tags,
        "clientToken": new.client_token,
    });
    if let Some(zone) = &new.settings.availability_zone {
        body["availabilityZone"] = json!(zone);
    }
    if let Some(maintenance) = &new.settings.maintenance {
        body["maintenanceConfiguration"] = maintenance_to(Some(maintenance));
    }
    Ok(body.to_string())
}

/// Stream name and query of `target`: what a refusal may repeat.
pub(super) fn secrets_in(target: &Endpoint) -> Vec<Secret> {
    to_push(target).as_ref().map(secrets_of).unwrap_or_default()
}

/// The stream name; and the query of the application, where other servers than the large platforms have theirs.
fn secrets_of(push: &Map<String, Value>) -> Vec<Secret> {
    let text = |key: &str| push.get(key).and_then(Value::as_str);
    let query = text("applicationName").and_then(|name| Some(name.split_once('?')?.1));
    [text("streamName"), query]
        .into_iter()
        .flatten()
        .map(Secret::new)
        .collect()
}

fn interface_in(configuration: &Value) -> Option<RouterArn> {
    let arn = configuration.get("standard")?.get("networkInterfaceArn")?;
    arn.as_str().map(RouterArn::from)
}

fn push_in(configuration: &Value) -> Option<&Map<String, Value>> {
    let standard = configuration.get("standard")?;
    standard
        .get("protocolConfiguration")?
        .get("rtmpPush")?
        .as_object()
}

fn push_in_mut(configuration: &mut Value) -> Option<&mut Map<String, Value>> {
    let standard = configuration.get_mut("standard")?;
    let protocol = standard.get_mut("protocolConfiguration")?;
    protocol.get_mut("rtmpPush")?.as_object_mut()
}

fn maintenance_of(configuration: &Value) -> Option<Maintenance> {
    let preferred = configuration.get("preferredDayTime")?;
    let text = |key: &str| preferred.get(key)?.as_str().map(Arc::from);
    Some(Maintenance {
        day: text("day")?,
        time: text("time")?,
    })
}

fn maintenance_to(maintenance: Option<&Maintenance>) -> Value {
    match maintenance {
        None => json!({"default": {}}),
        Some(Maintenance { day, time }) => json!({"preferredDayTime": {"day": day, "time": time}}),
    }
}

/// The state in what StartRouterOutput, StopRouterInput and their like answer.
pub(super) fn parse_state(json: &[u8]) -> Result<String, DocumentError> {
    #[derive(Deserialize)]
    struct Answer {
        state: String,
    }
    let answer: Answer = serde_json::from_slice(json)?;
    Ok(answer.state)
}

/// The state of the route in what TakeRouterInput answers.
pub(super) fn parse_route(json: &[u8]) -> Result<RouteState, DocumentError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        routed_state: String,
    }
    let answer: Answer = serde_json::from_slice(json)?;
    Ok(RouteState::from_wire(&answer.routed_state))
}

/// Reads the answer of GetRouterInput.
pub(super) fn parse_input(json: &[u8], owner: &OwnerId) -> Result<InputDocument, DocumentError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        router_input: Wire,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire {
        state: String,
        tags: Tags,
        #[serde(default)]
        configuration: Value,
        #[serde(default)]
        routed_outputs: usize,
        maximum_bitrate: Option<u64>,
        availability_zone: Option<Arc<str>>,
    }
    let Answer { router_input: wire } = serde_json::from_slice(json)?;
    let channel = wire
        .configuration
        .pointer("/mediaLiveChannel/mediaLiveChannelArn");
    let channel = channel
        .and_then(Value::as_str)
        .and_then(|arn| arn.rsplit(':').next());
    let input = RouterInput {
        state: InputState::from_wire(&wire.state),
        is_ours_to_stop: wire.tags.get(STARTED_TAG).is_some_and(|by| by == owner.as_str()),
        channel: channel.map(ChannelId::new),
        routed_outputs: wire.routed_outputs,
        trouble: None,
    };
    Ok(InputDocument {
        input,
        maximum_bitrate: wire.maximum_bitrate,
        zone: wire.availability_zone,
    })
}

/// Reads the answer of GetRouterNetworkInterface.
pub(super) fn parse_interface(json: &[u8]) -> Result<NetworkInterface, DocumentError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        router_network_interface: Wire,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire {
        #[serde(default)]
        name: String,
        state: String,
        region_name: String,
    }
    let answer: Answer = serde_json::from_slice(json)?;
    let wire = answer.router_network_interface;
    Ok(NetworkInterface {
        name: wire.name.into(),
        state: wire.state.into(),
        region: wire.region_name.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "very-secret-k3y";

    /// An output as Get shows it, with members that no version of the model has yet.
    fn answer(change: impl FnOnce(&mut Value)) -> Vec<u8> {
        let mut output = json!({
            "arn": "arn:aws:mediaconnect:us-east-1:111122223333:routerOutput:aaaaaaaaaaaa",
            "name": "one", "state": "STANDBY", "routedState": "ROUTED", "regionName": "us-east-1",
            "routedInputArn": "arn:aws:mediaconnect:us-east-1:111122223333:routerInput:aaaaaaaaaaaa",
            "availabilityZone": "us-east-1a", "maximumBitrate": 8_000_000, "tier": "OUTPUT_20",
            "maintenanceConfiguration": {"default": {}}, "messages": [], "tags": {},
            "fabricConfiguration": {"recoveryLatencyMode": "BALANCED"},
            "processors": {"singleProgramTransportStreamPidMap": {"videoPid": 481}},
            "configuration": {"standard": {
                "networkInterfaceArn": "arn:aws:mediaconnect:us-east-1:111122223333:routerNetworkInterface:aaaaaaaaaaaa",
                "protocol": "RTMP_PUSH", "ofStandard": 1,
                "protocolConfiguration": {"rtmpPush": {"destinationAddress": "a.example", "destinationPort": 443,
                    "applicationName": "live", "streamName": KEY, "ofPush": true,
                    "tlsEncryption": {"encryptionType": "PUBLIC", "encryptionConfiguration": {"public": {}}}}}}}
        });
        change(&mut output);
        json!({"routerOutput": output}).to_string().into_bytes()
    }

    fn seen(change: impl FnOnce(&mut Value)) -> OutputDocument {
        OutputDocument::parse(&answer(change)).unwrap()
    }

    fn body(document: &OutputDocument, settings: &RouterSettings) -> Value {
        let target = Endpoint::new("rtmp://b.example:1936/app", Secret::new("other"));
        serde_json::from_str(&document.update_body(&target, settings).unwrap()).unwrap()
    }

    #[test]
    fn an_update_changes_the_target_and_keeps_all_else() {
        let document = seen(|_| ());
        let body = body(&document, &document.output.settings);
        let standard = &body["configuration"]["standard"];
        assert_eq!(
            standard["protocolConfiguration"]["rtmpPush"],
            json!({"destinationAddress": "b.example", "destinationPort": 1936, "applicationName": "app",
                "streamName": "other", "ofPush": true})
        );
        assert_eq!(
            (&standard["ofStandard"], &standard["protocol"]),
            (&json!(1), &json!("RTMP_PUSH"))
        );
        assert_eq!(
            body["processors"]["singleProgramTransportStreamPidMap"]["videoPid"],
            481
        );
        let sent: Vec<&String> = body.as_object().unwrap().keys().collect();
        assert_eq!(sent, ["configuration", "processors"]);
    }

    #[test]
    fn an_update_holds_the_settings_that_differ() {
        let document = seen(|output| drop(output.as_object_mut().unwrap().shift_remove("processors")));
        let settings = RouterSettings {
            tier: Tier::Output50,
            maximum_bitrate: 30_000_000,
            availability_zone: Some("us-east-1b".into()),
            maintenance: Some(Maintenance {
                day: "MONDAY".into(),
                time: "03:00".into(),
            }),
        };
        let mut body = body(&document, &settings);
        body.as_object_mut().unwrap().shift_remove("configuration");
        assert_eq!(
            body,
            json!({"tier": "OUTPUT_50", "maximumBitrate": 30_000_000,
                "maintenanceConfiguration": {"preferredDayTime": {"day": "MONDAY", "time": "03:00"}}})
        );
    }

    #[test]
    fn an_output_that_is_no_push_has_no_target_and_is_never_made_one() {
        let document = seen(|output| output["configuration"] = json!({"mediaConnectFlow": {}}));
        assert_eq!(document.output.target, None);
        let target = Endpoint::new("rtmp://b.example/app", Secret::new("other"));
        let refused = document.update_body(&target, &document.output.settings);
        assert_eq!(refused, Err(DocumentError::OtherType));
    }

    #[test]
    fn states_and_tiers_that_are_not_known_are_seen_as_such() {
        let document = seen(|output| {
            output["state"] = json!("POLISHING");
            output["routedState"] = json!("REROUTING");
            output["tier"] = json!("OUTPUT_500");
        });
        assert_eq!(document.output.state, OutputState::Unknown);
        assert_eq!(document.output.route, RouteState::Routing);
        assert_eq!(document.output.settings.tier, Tier::Other);
    }

    #[test]
    fn an_answer_of_another_shape_is_an_error_that_repeats_nothing() {
        for change in [
            |output: &mut Value| output["tags"] = json!(KEY),
            |output: &mut Value| output["tags"] = Value::Null,
            |output: &mut Value| output["messages"] = json!([KEY]),
            |output: &mut Value| output["maximumBitrate"] = json!(KEY),
        ] {
            let error = OutputDocument::parse(&answer(change)).unwrap_err();
            assert!(error.to_string().contains("data error"), "{error}");
            assert!(!format!("{error} {error:?}").contains(KEY), "{error}");
        }
    }

    #[test]
    fn a_message_shows_neither_key_nor_query() {
        let document = seen(|output| {
            let push = &mut output["configuration"]["standard"]["protocolConfiguration"]["rtmpPush"];
            push["applicationName"] = json!("live?token=t0ken");
            output["messages"] = json!([
                {"code": "REFUSED", "message": format!("{KEY} at rtmps://a.example/live/{KEY} with token=t0ken")},
                {"message": "no code"}, {"code": "CODE"}]);
        });
        let expected = ["REFUSED: … at rtmps://a.example/… with …", "no code", "CODE"];
        assert_eq!(document.output.messages[..], expected);
    }
}
