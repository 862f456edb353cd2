//! Channel documents as MediaLive sends them, and the one body it gets back.
//!
//! Lossless where it matters: `destinations[]` entries are kept as the text that came, in their order. Only the
//! entries of slots that are written are taken apart, and of those only `url` and `streamName` change. So fields
//! that a newer MediaLive adds, and destinations that are none of ours, go back byte for byte.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::model::{
    ChannelClass, ChannelId, ChannelState, Endpoint, Login, NoSlot, ObservedChannel, ObservedGroup,
    OutputGroup, OwnerId, Secret, Target,
};
use crate::plan::SlotWrite;

/// Tag that says which controller a channel belongs to.
pub const OWNER_TAG: &str = "slotwise.dev/owner";

/// A channel as ListChannels shows it: everything but its encoder settings, so without the wiring of its groups.
#[derive(Debug, Clone)]
pub struct Summary {
    /// Its id.
    pub id: ChannelId,
    /// Its ARN.
    pub arn: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Its state.
    pub state: ChannelState,
    /// Its class.
    pub class: ChannelClass,
    /// The value of its owner tag.
    pub owner: Option<OwnerId>,
    destinations: Vec<Box<RawValue>>,
}

/// A channel as DescribeChannel shows it.
#[derive(Debug, Clone)]
pub struct ChannelDocument {
    /// What the list shows too.
    pub summary: Summary,
    wiring: Wiring,
    role_arn: Option<String>,
}

/// RTMP output groups in the channel's order, with the id of the destination each one's output refers to, or why
/// the group cannot be a slot. It can only change while the channel is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Wiring(Vec<(OutputGroup, Result<String, NoSlot>)>);

/// A channel document that cannot be understood. Never holds the document, which holds keys.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// No JSON, or not of the shape the service model gives.
    #[error("the answer is not a channel document: {category} error at line {line}, column {column}")]
    Shape {
        /// What kind of error: syntax, data, eof.
        category: &'static str,
        /// Line.
        line: usize,
        /// Column.
        column: usize,
    },
    /// A slot that is to be written is not there.
    #[error("output group {0} has no destination to write to")]
    NoSuchSlot(String),
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

impl ChannelDocument {
    /// Reads the answer of DescribeChannel, StartChannel or StopChannel, which are flat.
    pub fn parse(json: &[u8]) -> Result<Self, DocumentError> {
        let wire: WireChannel = serde_json::from_slice(json)?;
        Ok(Self::from_wire(wire))
    }

    /// Reads the answer of UpdateChannel, which wraps the document in `channel`.
    pub fn parse_wrapped(json: &[u8]) -> Result<Self, DocumentError> {
        #[derive(Deserialize)]
        struct Wrapped {
            channel: WireChannel,
        }
        let wrapped: Wrapped = serde_json::from_slice(json)?;
        Ok(Self::from_wire(wrapped.channel))
    }

    fn from_wire(wire: WireChannel) -> Self {
        let wiring = wire
            .encoder_settings
            .as_ref()
            .map(Wiring::read)
            .unwrap_or_default();
        let role_arn = wire.role_arn.clone();
        Self {
            summary: Summary::from_wire(wire),
            wiring,
            role_arn,
        }
    }

    /// The channel as the planner sees it.
    pub fn observed(&self) -> ObservedChannel {
        let summary = &self.summary;
        let pipelines = summary.class.pipelines();
        let by_id: BTreeMap<&str, &RawValue> = summary
            .destinations
            .iter()
            .filter_map(|raw| Some((id_of(raw)?, raw.as_ref())))
            .collect();
        let target = |wired: &Result<String, NoSlot>| -> Result<Target, NoSlot> {
            let id = wired.as_ref().map_err(Clone::clone)?;
            let raw = by_id
                .get(id.as_str())
                .ok_or_else(|| NoSlot::NoDestination(id.clone()))?;
            read_target(raw, pipelines)
        };
        let groups = self.wiring.0.iter().map(|(name, wired)| ObservedGroup {
            name: name.clone(),
            target: target(wired),
        });
        ObservedChannel {
            id: summary.id.clone(),
            arn: summary.arn.clone(),
            name: summary.name.clone(),
            class: summary.class,
            state: summary.state,
            owner: summary.owner.clone(),
            tags: Arc::default(),
            groups: Arc::new(groups.collect()),
            others: Arc::default(),
            stray_endpoints: Arc::default(),
            trouble: None,
        }
    }

    /// Body of the UpdateChannel that points slots elsewhere: all destinations, in order, and the role, which
    /// MediaLive removes where it is left out (botocore service model, UpdateChannelRequest.RoleArn).
    pub fn update_body(&self, writes: &[SlotWrite]) -> Result<String, DocumentError> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Body<'a> {
            destinations: Vec<Box<RawValue>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            role_arn: Option<&'a str>,
        }
        let mut destinations = self.summary.destinations.clone();
        for write in writes {
            let no_such_slot = || DocumentError::NoSuchSlot(write.output_group.to_string());
            let id = self
                .wiring
                .destination_of(write.output_group.as_str())
                .ok_or_else(no_such_slot)?;
            let entry = destinations
                .iter_mut()
                .find(|raw| id_of(raw) == Some(id))
                .ok_or_else(no_such_slot)?;
            *entry = rewrite(entry, &write.target)?;
        }
        Ok(serde_json::to_string(&Body {
            destinations,
            role_arn: self.role_arn.as_deref(),
        })?)
    }
}

impl Summary {
    /// Reads one page of ListChannels: its channels and the token of the next page.
    pub fn parse_page(json: &[u8]) -> Result<(Vec<Self>, Option<String>), DocumentError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Page {
            #[serde(default)]
            channels: Vec<WireChannel>,
            next_token: Option<String>,
        }
        let page: Page = serde_json::from_slice(json)?;
        Ok((
            page.channels.into_iter().map(Self::from_wire).collect(),
            page.next_token,
        ))
    }

    fn from_wire(wire: WireChannel) -> Self {
        Self {
            id: ChannelId::new(wire.id),
            arn: wire.arn.into(),
            name: wire.name.into(),
            state: ChannelState::from_wire(&wire.state),
            class: match wire.channel_class.as_deref() {
                Some("SINGLE_PIPELINE") => ChannelClass::SinglePipeline,
                // Left out means STANDARD (facts §3).
                _ => ChannelClass::Standard,
            },
            owner: wire
                .tags
                .and_then(|mut tags| tags.remove(OWNER_TAG))
                .map(OwnerId::new),
            destinations: wire.destinations.unwrap_or_default(),
        }
    }

    /// Everything that any of its destinations points at, slot or not.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        let entries = self
            .destinations
            .iter()
            .filter_map(|raw| serde_json::from_str::<Entry>(raw.get()).ok());
        let settings = entries.flat_map(|entry| entry.settings.unwrap_or_default());
        settings
            .filter(|setting| setting.url.is_some())
            .map(Setting::endpoint)
            .collect()
    }

    /// Tells configurations apart: made of all that a wiring depends on, as far as a list shows it.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.class.pipelines(), &self.name).hash(&mut hasher);
        let destinations = self.destinations.iter().map(|raw| raw.get());
        destinations.for_each(|text| text.hash(&mut hasher));
        hasher.finish()
    }
}

impl Wiring {
    fn read(settings: &WireEncoder) -> Self {
        let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        for group in &settings.output_groups {
            *names.entry(group.name.as_deref().unwrap_or("")).or_default() += 1;
            for id in group.outputs.iter().filter_map(WireOutput::destination_id) {
                *uses.entry(id).or_default() += 1;
            }
        }
        let wired = |group: &WireGroup| -> Result<String, NoSlot> {
            let name = group.name.as_deref().unwrap_or("");
            if name.is_empty() {
                return Err(NoSlot::NoName);
            }
            if names[name] > 1 {
                return Err(NoSlot::NameTwice);
            }
            let [output] = group.outputs.as_slice() else {
                return Err(NoSlot::Outputs(group.outputs.len()));
            };
            let Some(id) = output.destination_id() else {
                return Err(NoSlot::NoReference);
            };
            if uses[id] > 1 {
                return Err(NoSlot::SharedDestination(id.to_owned()));
            }
            Ok(id.to_owned())
        };
        let is_rtmp = |group: &&WireGroup| group.output_group_settings.rtmp_group_settings.is_some();
        let rows = settings.output_groups.iter().filter(is_rtmp);
        Self(
            rows.map(|group| (group.name.as_deref().unwrap_or_default().into(), wired(group)))
                .collect(),
        )
    }

    fn destination_of(&self, output_group: &str) -> Option<&str> {
        let (_, wired) = self.0.iter().find(|(name, _)| name == output_group)?;
        wired.as_deref().ok()
    }
}

/// The `id` of a destination entry.
fn id_of(raw: &RawValue) -> Option<&str> {
    #[derive(Deserialize)]
    struct OnlyId<'a> {
        #[serde(borrow)]
        id: Option<&'a str>,
    }
    // Ids hold letters, digits and hyphens only, so they never need unescaping and can be borrowed.
    serde_json::from_str::<OnlyId<'_>>(raw.get()).ok()?.id
}

/// A destination entry, as far as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    settings: Option<Vec<Setting>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Setting {
    url: Option<String>,
    stream_name: Option<String>,
    username: Option<String>,
    password_param: Option<String>,
}

impl Setting {
    fn endpoint(self) -> Endpoint {
        let is_given = |text: &String| !text.is_empty();
        let (username, password) = (
            self.username.filter(is_given),
            self.password_param.filter(is_given),
        );
        let login = (username.is_some() || password.is_some()).then(|| Login {
            username: username.unwrap_or_default().into(),
            password_parameter: password.unwrap_or_default().into(),
        });
        Endpoint::new(
            self.url.unwrap_or_default(),
            Secret::new(self.stream_name.unwrap_or_default()),
        )
        .with_login(login)
    }
}

/// What a destination entry points at, or why its group cannot be a slot.
fn read_target(raw: &RawValue, pipelines: usize) -> Result<Target, NoSlot> {
    let entry: Entry = serde_json::from_str(raw.get()).map_err(|_| NoSlot::UnknownForm)?;
    let settings = entry.settings.unwrap_or_default();
    if settings.len() != pipelines {
        return Err(NoSlot::Settings {
            found: settings.len(),
            needed: pipelines,
        });
    }
    Ok(Target(settings.into_iter().map(Setting::endpoint).collect()))
}

/// The entry with `target` in place of what it pointed at, all else as it was.
fn rewrite(raw: &RawValue, target: &Target) -> Result<Box<RawValue>, DocumentError> {
    let mut entry: Value = serde_json::from_str(raw.get())?;
    if let Some(settings) = entry.get_mut("settings").and_then(Value::as_array_mut) {
        for (setting, endpoint) in settings.iter_mut().zip(target.0.iter()) {
            setting["url"] = Value::from(&*endpoint.url);
            setting["streamName"] = Value::from(endpoint.stream_name.reveal());
        }
    }
    Ok(serde_json::value::to_raw_value(&entry)?)
}

// What is read of the wire. Everything else in a document is never looked at, and never sent back.

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireChannel {
    #[serde(default)]
    id: String,
    #[serde(default)]
    arn: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    state: String,
    channel_class: Option<String>,
    role_arn: Option<String>,
    tags: Option<BTreeMap<String, String>>,
    destinations: Option<Vec<Box<RawValue>>>,
    encoder_settings: Option<WireEncoder>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireEncoder {
    #[serde(default)]
    output_groups: Vec<WireGroup>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireGroup {
    name: Option<String>,
    #[serde(default)]
    output_group_settings: WireGroupKind,
    #[serde(default)]
    outputs: Vec<WireOutput>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct WireGroupKind {
    rtmp_group_settings: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireOutput {
    #[serde(default)]
    output_settings: BTreeMap<String, WireOutputKind>,
}

/// Any kind of output: most name a destination in the same place.
#[derive(Deserialize)]
struct WireOutputKind {
    destination: Option<WireDestinationRef>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireDestinationRef {
    destination_ref_id: Option<String>,
}

impl WireOutput {
    fn destination_id(&self) -> Option<&str> {
        self.output_settings
            .values()
            .find_map(|kind| kind.destination.as_ref()?.destination_ref_id.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Content;

    /// One slot, one foreign destination with unusual spacing and an unknown field.
    const CHANNEL: &str = r#"{"id":"1","arn":"arn:1","name":"main","state":"IDLE","channelClass":"SINGLE_PIPELINE",
        "roleArn":"arn:role","tags":{"slotwise.dev/owner":"me","x":"y"},
        "destinations":[
          {"id":"hls",  "settings":[ ], "mediaPackageSettings":[{"channelId":"c", "new":1.50}]},
          {"id":"slot-1","settings":[{"url":"rtmp://old/app","streamName":"old-k3y","later":true}],"more":{"z":1,"a":2}}],
        "encoderSettings":{"outputGroups":[
          {"name":"Package","outputGroupSettings":{"mediaPackageGroupSettings":{"destination":{"destinationRefId":"hls"}}},
           "outputs":[{"outputSettings":{"mediaPackageOutputSettings":{}}}]},
          {"name":"RTMP-Slot-1","outputGroupSettings":{"rtmpGroupSettings":{}},
           "outputs":[{"outputSettings":{"rtmpOutputSettings":{"destination":{"destinationRefId":"slot-1"}}}}]}]}}"#;

    fn write(url: &str, key: &str) -> SlotWrite {
        SlotWrite {
            output_group: "RTMP-Slot-1".into(),
            target: Target::from(vec![Endpoint::new(url, Secret::new(key))]),
            content: Content::Parked,
        }
    }

    #[test]
    fn only_url_and_stream_name_of_the_written_slot_change() {
        let body = ChannelDocument::parse(CHANNEL.as_bytes())
            .unwrap()
            .update_body(&[write("rtmp://new/app", "new-k3y")]);
        assert_eq!(
            body.unwrap(),
            concat!(
                r#"{"destinations":[{"id":"hls",  "settings":[ ], "mediaPackageSettings":[{"channelId":"c", "new":1.50}]},"#,
                r#"{"id":"slot-1","settings":[{"url":"rtmp://new/app","streamName":"new-k3y","later":true}],"more":{"z":1,"a":2}}],"#,
                r#""roleArn":"arn:role"}"#
            )
        );
    }

    #[test]
    fn a_channel_is_seen_with_its_rtmp_groups_only() {
        let seen = ChannelDocument::parse(CHANNEL.as_bytes()).unwrap().observed();
        assert_eq!(seen.owner, Some(OwnerId::new("me")));
        assert_eq!(seen.state, ChannelState::Idle);
        let target = Target::from(vec![Endpoint::new("rtmp://old/app", Secret::new("old-k3y"))]);
        assert_eq!(
            *seen.groups,
            vec![ObservedGroup {
                name: "RTMP-Slot-1".into(),
                target: Ok(target)
            }]
        );
    }

    #[test]
    fn a_group_that_cannot_be_a_slot_says_why() {
        let two_outputs = CHANNEL.replace(
            r#"{"outputSettings":{"rtmpOutputSettings":{"destination":{"destinationRefId":"slot-1"}}}}"#,
            r#"{"outputSettings":{}},{"outputSettings":{}}"#,
        );
        let login = CHANNEL.replace(r#""later":true"#, r#""username":"u""#);
        let standard = CHANNEL.replace("SINGLE_PIPELINE", "STANDARD");
        let shared = CHANNEL.replace(
            r#""mediaPackageOutputSettings":{}"#,
            r#""x":{"destination":{"destinationRefId":"slot-1"}}"#,
        );
        for (json, why) in [
            (two_outputs, "it has 2 outputs; a slot has one"),
            (
                login,
                "its destination has a user name and password, which must not go to another endpoint",
            ),
            (
                standard,
                "its destination has 1 settings; the channel's class needs 2",
            ),
            (shared, "it shares destination slot-1 with another output"),
        ] {
            let seen = ChannelDocument::parse(json.as_bytes()).unwrap().observed();
            assert_eq!(seen.groups[0].target, Err(why.to_owned()));
        }
    }

    #[test]
    fn an_unreadable_document_is_not_repeated_in_the_error() {
        let error = ChannelDocument::parse(br#"{"id":"1","destinations":"k3y"}"#).unwrap_err();
        assert!(!error.to_string().contains("k3y"), "{error}");
    }

    #[test]
    fn a_page_gives_its_channels_and_the_next_token() {
        let (channels, token) = Summary::parse_page(
            br#"{"channels":[{"id":"1","state":"SOON","destinations":[]}],"nextToken":"t"}"#,
        )
        .unwrap();
        assert_eq!(channels[0].state, ChannelState::Unknown);
        assert_eq!(token.as_deref(), Some("t"));
    }
}
