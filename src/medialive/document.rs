//! Channel documents as MediaLive sends them, and the one body it gets back.
//!
//! Lossless where it matters: `destinations[]` entries are kept as the text that came, in their order. Only the
//! entries of slots that are written are taken apart, and of those only `url`, `streamName`, `username` and
//! `passwordParam` change. So fields that a newer MediaLive adds, and destinations of other groups, go back byte
//! for byte.

mod wiring;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

pub use self::wiring::RouterFeed;
use self::wiring::{WireEncoder, Wiring};
use crate::model::tag::{OWNER_TAG, TakeoverTag};
use crate::model::{
    ChannelClass, ChannelId, ChannelState, ChannelTags, Endpoint, Login, NoSlot, ObservedChannel,
    ObservedGroup, OutputGroup, OwnerId, Secret, SlotTag, Target,
};

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
    /// Its tags, as far as they are of slots.
    pub tags: Arc<ChannelTags>,
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

/// Which output group uses which destination, as one channel shows it. Channels that are made alike are wired alike.
#[derive(Debug, Clone)]
pub struct Layout(Wiring);

/// What a slot is pointed at.
#[derive(Debug, Clone, Copy)]
pub struct SlotTarget<'a> {
    /// Name of the output group.
    pub output_group: &'a OutputGroup,
    /// Where it points from then on.
    pub target: &'a Target,
}

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
    /// A slot that is to be written has more or fewer pipelines, or is not of the form that was read.
    #[error("the destination of output group {0} does not have one setting for each endpoint")]
    OtherForm(String),
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

    /// How it is wired.
    pub fn layout(&self) -> Layout {
        Layout(self.wiring.clone())
    }

    /// Its outputs that router inputs of MediaConnect may take.
    pub fn router_feeds(&self) -> &[RouterFeed] {
        &self.wiring.feeds
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
        let rows = self.wiring.rtmp.iter();
        let groups: Vec<ObservedGroup> = rows
            .map(|group| ObservedGroup {
                name: group.name.clone(),
                target: target(&group.wired),
            })
            .collect();
        ObservedChannel {
            id: summary.id.clone(),
            arn: summary.arn.clone(),
            name: summary.name.clone(),
            class: summary.class,
            state: summary.state,
            owner: summary.owner.clone(),
            tags: Arc::clone(&summary.tags),
            stray_endpoints: self.stray_endpoints(&groups),
            groups: Arc::new(groups),
            others: Arc::clone(&self.wiring.others),
            trouble: None,
        }
    }

    /// Targets of its destinations that are not of `groups` that can be slots: all that an RTMP group refers to, and of the
    /// rest the RTMP URLs.
    fn stray_endpoints(&self, groups: &[ObservedGroup]) -> Arc<[Endpoint]> {
        let mut slots = BTreeSet::new();
        let mut pushed = BTreeSet::new();
        for (group, observed) in self.wiring.rtmp.iter().zip(groups) {
            match (&group.wired, &observed.target) {
                (Ok(id), Ok(_)) => _ = slots.insert(id.as_str()),
                _ => pushed.extend(group.destinations.iter().map(String::as_str)),
            }
        }
        let mut strays = Vec::new();
        for raw in &self.summary.destinations {
            let id = id_of(raw).unwrap_or_default();
            if !slots.contains(id) {
                let is_pushed = pushed.contains(id);
                let endpoints = endpoints_of(raw);
                strays.extend(endpoints.filter(|endpoint| is_pushed || is_rtmp(endpoint)));
            }
        }
        strays.into()
    }

    /// Takes note of tags that were written since this answer was given.
    pub fn note_tags<'t>(
        &mut self,
        owner: Option<&OwnerId>,
        slots: impl IntoIterator<Item = (&'t OutputGroup, &'t SlotTag)>,
    ) {
        let summary = &mut self.summary;
        let tags = Arc::make_mut(&mut summary.tags);
        if let Some(owner) = owner {
            tags.count += usize::from(summary.owner.is_none());
            summary.owner = Some(owner.clone());
        }
        for (output_group, tag) in slots {
            tags.set(output_group, tag);
        }
    }

    /// Takes note of the tag of a takeover that was written since this answer was given.
    pub fn note_takeover(&mut self, tag: TakeoverTag) {
        Arc::make_mut(&mut self.summary.tags).set_takeover(tag);
    }

    /// Takes note of the record of a start by `owner` that was written since this answer was given.
    pub fn note_started(&mut self, owner: &OwnerId) {
        let tags = Arc::make_mut(&mut self.summary.tags);
        let is_new = tags.started.replace(owner.clone()).is_none();
        tags.count += usize::from(is_new);
    }

    /// Takes note of tags that were removed since this answer was given.
    pub fn note_removed(&mut self, keys: &[Arc<str>]) {
        let tags = Arc::make_mut(&mut self.summary.tags);
        for key in keys {
            tags.remove(key);
        }
    }

    /// Every stream name in the body of an update: what an answer to it may repeat.
    pub(super) fn stream_names(&self, writes: &[SlotTarget<'_>]) -> Vec<Secret> {
        let kept = self.summary.destinations.iter().flat_map(|raw| endpoints_of(raw));
        let written = writes.iter().flat_map(|write| write.target.0.iter().cloned());
        kept.chain(written).map(|endpoint| endpoint.stream_name).collect()
    }

    /// Body of the UpdateChannel that points slots elsewhere: all destinations, in order, and the role, which
    /// MediaLive removes where it is left out (botocore service model, UpdateChannelRequest.RoleArn).
    pub fn update_body(&self, writes: &[SlotTarget<'_>]) -> Result<String, DocumentError> {
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
            let other_form = || DocumentError::OtherForm(write.output_group.to_string());
            *entry = rewrite(entry, write.target)?.ok_or_else(other_form)?;
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
        let tags = wire.tags.unwrap_or_default();
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
            owner: tags.get(OWNER_TAG).map(OwnerId::new),
            tags: Arc::new(ChannelTags::of_all(
                tags.iter().map(|(key, value)| (key.as_str(), value.as_str())),
            )),
            destinations: wire.destinations.unwrap_or_default(),
        }
    }

    /// Everything that any of its destinations pushes RTMP to, slot or not.
    pub fn rtmp_endpoints(&self) -> impl Iterator<Item = Endpoint> {
        let all = self.destinations.iter().flat_map(|raw| endpoints_of(raw));
        all.filter(is_rtmp)
    }

    /// What channels that are made alike have in common, as far as a list shows it: class, and ids of destinations.
    pub fn shape(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.class.pipelines().hash(&mut hasher);
        let ids = self.destinations.iter().map(|raw| id_of(raw));
        ids.for_each(|id| id.hash(&mut hasher));
        hasher.finish()
    }

    /// The channel as the planner sees it, if it is wired by `layout`.
    pub fn wired_by(&self, layout: &Layout) -> ObservedChannel {
        let document = ChannelDocument {
            summary: self.clone(),
            wiring: layout.0.clone(),
            role_arn: None,
        };
        document.observed()
    }

    /// Distinguishes configurations: made of all that a wiring depends on, as far as a list shows it.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.class.pipelines(), &self.name).hash(&mut hasher);
        let destinations = self.destinations.iter().map(|raw| raw.get());
        destinations.for_each(|text| text.hash(&mut hasher));
        hasher.finish()
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

/// Everything that a destination entry points at.
fn endpoints_of(raw: &RawValue) -> impl Iterator<Item = Endpoint> + use<> {
    let entry = serde_json::from_str::<Entry>(raw.get()).ok();
    let settings = entry.and_then(|entry| entry.settings).unwrap_or_default();
    let pointed = settings.into_iter().filter(|setting| setting.url.is_some());
    pointed.map(Setting::endpoint)
}

fn is_rtmp(endpoint: &Endpoint) -> bool {
    let scheme = endpoint.url.split("://").next().unwrap_or_default().trim_start();
    scheme.eq_ignore_ascii_case("rtmp") || scheme.eq_ignore_ascii_case("rtmps")
}

/// The entry with `target` in place of its own target and otherwise unchanged; `None` where it has another form.
fn rewrite(raw: &RawValue, target: &Target) -> Result<Option<Box<RawValue>>, DocumentError> {
    let mut entry: Value = serde_json::from_str(raw.get())?;
    let settings = entry.get_mut("settings").and_then(Value::as_array_mut);
    let Some(settings) = settings.filter(|settings| settings.len() == target.0.len()) else {
        return Ok(None);
    };
    for (setting, endpoint) in settings.iter_mut().zip(target.0.iter()) {
        let Some(setting) = setting.as_object_mut() else {
            return Ok(None);
        };
        point(setting, endpoint);
    }
    Ok(Some(serde_json::value::to_raw_value(&entry)?))
}

/// Points one pipeline at `endpoint`. A user name of before must not go to another server, so what the new one does not have
/// is taken away.
fn point(setting: &mut Map<String, Value>, endpoint: &Endpoint) {
    setting.insert("url".to_owned(), Value::from(&*endpoint.url));
    let key = endpoint.stream_name.reveal();
    setting.insert("streamName".to_owned(), Value::from(key));
    let login = endpoint.login.as_ref();
    let username = login.map(|login| &*login.username);
    let password = login.map(|login| &*login.password_parameter);
    for (member, text) in [("username", username), ("passwordParam", password)] {
        match text.filter(|text| !text.is_empty()) {
            Some(text) => _ = setting.insert(member.to_owned(), Value::from(text)),
            None => _ = setting.shift_remove(member),
        }
    }
}

// The fields that are read from the wire. All others in a document are ignored, and never sent back.

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OtherGroup;
    use crate::model::tag::SLOT_TAG_PREFIX;

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

    fn parse(json: &str) -> ChannelDocument {
        ChannelDocument::parse(json.as_bytes()).unwrap()
    }

    fn endpoint(url: &str, key: &str) -> Endpoint {
        Endpoint::new(url, Secret::new(key))
    }

    fn login(username: &str, password_parameter: &str) -> Login {
        Login {
            username: username.into(),
            password_parameter: password_parameter.into(),
        }
    }

    fn written(channel: &ChannelDocument, endpoints: &[Endpoint]) -> Result<String, DocumentError> {
        let (output_group, target) = ("RTMP-Slot-1".into(), Target::from(endpoints.to_vec()));
        channel.update_body(&[SlotTarget {
            output_group: &output_group,
            target: &target,
        }])
    }

    #[test]
    fn only_url_and_stream_name_of_the_written_slot_change() {
        let body = written(&parse(CHANNEL), &[endpoint("rtmp://new/app", "new-k3y")]);
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
    fn a_login_is_read_written_and_never_left_for_another_server() {
        let channel = parse(&CHANNEL.replace(
            r#""later":true"#,
            r#""username":"joe","passwordParam":"/p","later":true"#,
        ));
        let seen = channel.observed();
        let target = seen.groups[0].target.clone().unwrap();
        assert_eq!(target.0[0].login, Some(login("joe", "/p")));

        let plain = written(&channel, &[endpoint("rtmp://new/app", "k")]).unwrap();
        assert!(plain.contains(r#""streamName":"k","later":true}"#), "{plain}");
        let other = endpoint("rtmp://new/app", "k").with_login(Some(login("ann", "/q")));
        let other = written(&parse(CHANNEL), &[other]).unwrap();
        assert!(
            other.contains(r#""later":true,"username":"ann","passwordParam":"/q"}"#),
            "{other}"
        );
    }

    #[test]
    fn a_slot_of_another_form_is_not_written() {
        let one = endpoint("rtmp://new/app", "k");
        let body = written(&parse(CHANNEL), &[one.clone(), one.clone()]);
        assert!(matches!(body, Err(DocumentError::OtherForm(_))), "{body:?}");
        // serde takes a list for an object.
        let list = CHANNEL.replace(
            r#"{"url":"rtmp://old/app","streamName":"old-k3y","later":true}"#,
            r#"["rtmp://old/app","old-k3y",null,null]"#,
        );
        let body = written(&parse(&list), &[one]);
        assert!(matches!(body, Err(DocumentError::OtherForm(_))), "{body:?}");
    }

    #[test]
    fn a_channel_is_seen_with_its_slots_its_other_groups_and_its_tags() {
        let json = CHANNEL.replace(
            r#""x":"y""#,
            r#""x":"y","slotwise.dev/slot/RTMP-Slot-1":"- 0000""#,
        );
        let seen = parse(&json).observed();
        assert_eq!(seen.owner, Some(OwnerId::new("me")));
        assert_eq!(seen.state, ChannelState::Idle);
        assert_eq!(
            *seen.groups,
            vec![ObservedGroup {
                name: "RTMP-Slot-1".into(),
                target: Ok(Target::from(vec![endpoint("rtmp://old/app", "old-k3y")]))
            }]
        );
        let package = OtherGroup {
            name: "Package".into(),
            kind: "MediaPackage".into(),
        };
        assert_eq!(*seen.others, [package]);
        assert_eq!(*seen.stray_endpoints, []);
        assert_eq!(seen.tags.count, 3);
        let key: Vec<String> = seen.tags.slots.keys().map(ToString::to_string).collect();
        assert_eq!(key, [format!("{SLOT_TAG_PREFIX}RTMP-Slot-1")]);
    }

    #[test]
    fn settings_in_the_other_order_are_read_as_they_stand() {
        let two = CHANNEL.replace("SINGLE_PIPELINE", "STANDARD").replace(
            r#"[{"url":"rtmp://old/app""#,
            r#"[{"url":"rtmp://backup/app","streamName":"k"},{"url":"rtmp://old/app""#,
        );
        let seen = parse(&two).observed();
        let target = seen.groups[0].target.clone().unwrap();
        assert_eq!(target.hosts(), ["backup", "old"]);
    }

    #[test]
    fn every_kind_of_group_has_the_name_that_people_know() {
        for (member, kind) in [
            ("hlsGroupSettings", "HLS"),
            ("udpGroupSettings", "UDP"),
            ("srtGroupSettings", "SRT"),
            ("archiveGroupSettings", "Archive"),
            ("holographGroupSettings", "holograph"),
        ] {
            let seen = parse(&CHANNEL.replace("mediaPackageGroupSettings", member)).observed();
            assert_eq!(&*seen.others[0].kind, kind);
        }
        let none = CHANNEL.replace(
            r#""mediaPackageGroupSettings":{"destination":{"destinationRefId":"hls"}}"#,
            "",
        );
        assert_eq!(&*parse(&none).observed().others[0].kind, "unknown");
        // A hand-written file may name a field without a value.
        let null = CHANNEL.replace(
            r#""rtmpGroupSettings":{}"#,
            r#""hlsGroupSettings":null,"rtmpGroupSettings":{}"#,
        );
        assert_eq!(parse(&null).observed().groups.len(), 1);
    }

    #[test]
    fn what_is_pushed_beside_the_slots_is_stray() {
        let strays = |json: &str| {
            let seen = parse(json).observed();
            let strays = seen.stray_endpoints.iter();
            strays.map(|one| one.host().to_owned()).collect::<Vec<_>>()
        };
        let beside = |url: &str| {
            CHANNEL.replace(
                r#"{"id":"slot-1""#,
                &format!(r#"{{"id":"x","settings":[{{"url":"{url}","streamName":"k"}}]}},{{"id":"slot-1""#),
            )
        };
        assert_eq!(strays(&beside("rtmp://stray/app")), ["stray"]);
        assert_eq!(strays(&beside("RTMPS://stray/app")), ["stray"]);
        assert_eq!(strays(&beside("https://stray/app")), [""; 0]);
        let unnamed = CHANNEL.replace(r#"{"name":"RTMP-Slot-1","#, "{");
        assert_eq!(strays(&unnamed), ["old"]);
        let unknown = unnamed.replace("rtmp://old", "newer://old");
        assert_eq!(
            strays(&unknown),
            ["old"],
            "an RTMP group pushes there, whatever it is"
        );
        let standard = CHANNEL.replace("SINGLE_PIPELINE", "STANDARD");
        assert_eq!(strays(&standard), ["old"], "one setting where two are needed");
    }

    #[test]
    fn a_group_that_cannot_be_a_slot_says_why() {
        let two_outputs = CHANNEL.replace(
            r#"{"outputSettings":{"rtmpOutputSettings":{"destination":{"destinationRefId":"slot-1"}}}}"#,
            r#"{"outputSettings":{}},{"outputSettings":{}}"#,
        );
        let standard = CHANNEL.replace("SINGLE_PIPELINE", "STANDARD");
        let shared = CHANNEL.replace(
            r#""mediaPackageOutputSettings":{}"#,
            r#""x":{"destination":{"destinationRefId":"slot-1"}}"#,
        );
        let settings = NoSlot::Settings { found: 1, needed: 2 };
        for (json, why) in [
            (two_outputs, NoSlot::Outputs(2)),
            (standard, settings),
            (shared, NoSlot::SharedDestination("slot-1".to_owned())),
        ] {
            assert_eq!(parse(&json).observed().groups[0].target, Err(why));
        }
    }

    #[test]
    fn tags_that_were_written_are_part_of_the_channel() {
        let mut channel = parse(&CHANNEL.replace(r#""slotwise.dev/owner":"me","#, ""));
        let tag = SlotTag::parse("yt 12ab").unwrap();
        channel.note_tags(Some(&"me".into()), [(&"RTMP-Slot-1".into(), &tag)]);
        let seen = channel.observed();
        assert_eq!((seen.owner, seen.tags.count), (Some("me".into()), 3));
        assert_eq!(seen.tags.of(&"RTMP-Slot-1".into()), Some(tag));
        channel.note_removed(&["slotwise.dev/slot/RTMP-Slot-1".into()]);
        assert_eq!(channel.observed().tags.count, 2);
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
