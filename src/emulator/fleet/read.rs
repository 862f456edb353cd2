//! Fleet files: channels as `aws medialive describe-channel` prints them.
//!
//! The AWS CLI spells members `EncoderSettings`, the wire `encoderSettings`; for everything a channel or an input
//! holds, the wire's name is the CLI's with a small first letter (checked over the botocore service model). Either
//! is taken.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value};

use super::Fleet;
use crate::emulator::channel::State;
use crate::emulator::mediaconnect::{self, ResourceKind};

/// Maps whose keys are the user's own and keep their letters (botocore service model)
const USER_MAPS: [&str; 2] = ["tags", "mediaConnectRouterOutputConnectionMap"];

/// How deep a document may nest before it is taken for nonsense; MediaLive's own go about twelve deep
const DEPTH_MAX: usize = 64;

/// Something wrong in a fleet file
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetProblem {
    /// The field, `Channels[2].Id`
    pub path: String,
    /// What is wrong and how to mend it; never quotes the file, which holds stream keys
    pub message: String,
}

impl fmt::Display for FleetProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path, self.message)
        }
    }
}

/// Everything wrong in a fleet file
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct FleetError {
    /// In the order of the file
    pub problems: Vec<FleetProblem>,
}

#[derive(Default)]
struct Reader {
    fleet: Fleet,
    problems: Vec<FleetProblem>,
    channel_ids: BTreeSet<String>,
    /// Which channel has an input
    attached: BTreeMap<String, String>,
}

impl Fleet {
    /// Reads a fleet file
    ///
    /// It holds `{"Channels": […]}`, one channel, or a list of channels, or several of these one after the other, as
    /// several calls of describe-channel write them into one file; `{"Inputs": […]}` may be beside the channels, and
    /// an input that is only attached is invented; and so may router resources, as `aws mediaconnect batch-get-router-output` and the like
    /// print them. Every problem is reported at once.
    pub fn parse(text: &str) -> Result<Self, FleetError> {
        let mut reader = Reader::default();
        let documents: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(text).into_iter().collect();
        match documents {
            Ok(documents) if documents.is_empty() => {
                reader.problem("", "is empty; save what `aws medialive describe-channel` prints");
            }
            Ok(documents) => documents.iter().for_each(|value| reader.file(value)),
            Err(error) => reader.problem(
                "",
                format!(
                    "is not JSON (line {}, column {}); save what `aws medialive describe-channel` prints",
                    error.line(),
                    error.column()
                ),
            ),
        }
        if reader.problems.is_empty() {
            Ok(reader.fleet)
        } else {
            Err(FleetError {
                problems: reader.problems,
            })
        }
    }
}

impl Reader {
    fn problem(&mut self, path: &str, message: impl Into<String>) {
        self.problems.push(FleetProblem {
            path: path.to_owned(),
            message: message.into(),
        });
    }

    fn file(&mut self, value: &Value) {
        let Some(file) = value.as_object() else {
            return match value {
                Value::Array(list) => self.channels("", list),
                _ => self.problem("", "holds neither a channel nor a list of channels"),
            };
        };
        for (key, value) in file {
            match (lower_first(key).as_str(), value) {
                ("inputs", Value::Array(list)) => self.inputs(key, list),
                ("inputs" | "channels", value) if !value.is_array() => self.problem(key, "must be a list"),
                _ => {}
            }
        }
        let has_routers = self.routers(file);
        if let Some((key, list)) =
            named(file, "channels").and_then(|(key, list)| Some((key, list.as_array()?)))
        {
            self.channels(key, list);
        } else if let Some((key, channel)) = named(file, "channel") {
            self.channel(key, channel);
        } else if named(file, "id").is_some() || named(file, "encoderSettings").is_some() {
            self.channel("", value);
        } else if self.problems.is_empty() && named(file, "inputs").is_none() && !has_routers {
            self.problem(
                "",
                "holds no channel; save what `aws medialive describe-channel` prints",
            );
        }
    }

    fn channels(&mut self, path: &str, list: &[Value]) {
        for (index, channel) in list.iter().enumerate() {
            self.channel(&format!("{path}[{index}]"), channel);
        }
    }

    fn channel(&mut self, path: &str, value: &Value) {
        let Some(doc) = self.document(path, value) else {
            return;
        };
        self.check_channel(path, &doc);
        let Some(id) = self.id(path, &doc) else { return };
        if !self.channel_ids.insert(id.clone()) {
            self.problem(&member(path, "Id"), format!("channel {id} is in the file twice"));
        }
        self.attachments(path, &id, &doc);
        self.fleet.add_channel(id, doc);
    }

    fn inputs(&mut self, path: &str, list: &[Value]) {
        for (index, input) in list.iter().enumerate() {
            let path = format!("{path}[{index}]");
            let Some(mut doc) = self.document(&path, input) else {
                continue;
            };
            let Some(id) = self.id(&path, &doc) else { continue };
            if self.fleet.inputs.contains_key(&id) {
                self.problem(&member(&path, "Id"), format!("input {id} is in the file twice"));
            }
            // Both follow from the channels in the file.
            doc.shift_remove("attachedChannels");
            doc.shift_remove("state");
            self.fleet.add_input(id, doc);
        }
    }

    /// Reads lists of router resources, and single ones; true if there is any
    fn routers(&mut self, file: &Map<String, Value>) -> bool {
        let mut has_any = false;
        for kind in ResourceKind::ALL {
            if let Some((key, list)) = named(file, kind.list_key()) {
                has_any = true;
                match list.as_array() {
                    Some(list) => list
                        .iter()
                        .enumerate()
                        .for_each(|(index, one)| self.router(kind, &format!("{key}[{index}]"), one)),
                    None => self.problem(key, "must be a list"),
                }
            }
            if let Some((key, one)) = named(file, kind.key()) {
                has_any = true;
                self.router(kind, key, one);
            }
        }
        has_any
    }

    fn router(&mut self, kind: ResourceKind, path: &str, value: &Value) {
        let Some(doc) = self.document(path, value) else {
            return;
        };
        let arn = doc
            .get("arn")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        if !mediaconnect::is_arn_of(kind, &arn) {
            self.problem(
                &member(path, "Arn"),
                format!("is missing or not that of a {}", kind.words()),
            );
        }
        if !doc.get("configuration").is_some_and(Value::is_object) {
            let text = "is missing; list calls leave it out, get and batch-get print it";
            self.problem(&member(path, "Configuration"), text);
        }
        if let Some(state) = doc.get("state")
            && state.as_str().and_then(mediaconnect::State::parse).is_none()
        {
            let states = mediaconnect::State::ALL.map(mediaconnect::State::name).join(", ");
            self.problem(&member(path, "State"), format!("must be one of: {states}"));
        }
        if self.fleet.routers.contains_key(&arn) {
            self.problem(&member(path, "Arn"), format!("{arn} is in the file twice"));
        }
        self.fleet.add_router(kind, arn, doc);
    }

    fn document(&mut self, path: &str, value: &Value) -> Option<Map<String, Value>> {
        match wire(value, DEPTH_MAX) {
            Some(Value::Object(doc)) => Some(doc),
            Some(_) => {
                self.problem(path, "must be an object");
                None
            }
            None => {
                self.problem(path, format!("nests more than {DEPTH_MAX} levels deep"));
                None
            }
        }
    }

    fn id(&mut self, path: &str, doc: &Map<String, Value>) -> Option<String> {
        let id = doc.get("id").and_then(Value::as_str).filter(|id| !id.is_empty());
        if id.is_none() {
            self.problem(&member(path, "Id"), "is missing or no string");
        }
        id.map(str::to_owned)
    }

    fn check_channel(&mut self, path: &str, doc: &Map<String, Value>) {
        if !doc.get("encoderSettings").is_some_and(Value::is_object) {
            let text = "is missing; list-channels leaves it out, describe-channel prints it";
            self.problem(&member(path, "EncoderSettings"), text);
        }
        for (key, shown) in [
            ("destinations", "Destinations"),
            ("inputAttachments", "InputAttachments"),
        ] {
            if !doc.get(key).is_some_and(Value::is_array) {
                self.problem(&member(path, shown), "is missing or no list");
            }
        }
        if doc.get("tags").is_some_and(|tags| !tags.is_object()) {
            self.problem(&member(path, "Tags"), "must be an object of strings");
        }
        if let Some(class) = doc.get("channelClass")
            && !matches!(class.as_str(), Some("STANDARD" | "SINGLE_PIPELINE"))
        {
            self.problem(
                &member(path, "ChannelClass"),
                "must be STANDARD or SINGLE_PIPELINE",
            );
        }
        if let Some(state) = doc.get("state")
            && state.as_str().and_then(State::parse).is_none()
        {
            let states = State::ALL.map(State::name).join(", ");
            self.problem(&member(path, "State"), format!("must be one of: {states}"));
        }
    }

    /// Every input belongs to one channel; one that the file does not describe is invented
    fn attachments(&mut self, path: &str, channel: &str, doc: &Map<String, Value>) {
        let standard = doc.get("channelClass").and_then(Value::as_str) != Some("SINGLE_PIPELINE");
        let attachments = doc.get("inputAttachments").and_then(Value::as_array);
        for (index, attachment) in attachments.into_iter().flatten().enumerate() {
            let path = format!("{}[{index}].InputId", member(path, "InputAttachments"));
            let Some(input) = attachment.get("inputId").and_then(Value::as_str) else {
                self.problem(&path, "is missing or no string");
                continue;
            };
            match self.attached.insert(input.to_owned(), channel.to_owned()) {
                Some(other) if other != channel => {
                    let text = format!(
                        "input {input} is attached to channel {other} already, and belongs to one only"
                    );
                    self.problem(&path, text);
                }
                _ => self.invent_input(input, standard),
            }
        }
    }

    fn invent_input(&mut self, id: &str, standard: bool) {
        if self.fleet.inputs.contains_key(id) {
            return;
        }
        let sources = if standard { 2 } else { 1 };
        let source =
            |index: usize| serde_json::json!({"url": format!("https://example.com/programme-{index}.m3u8")});
        let doc = serde_json::json!({
            "destinations": [],
            "id": id,
            "inputClass": if standard { "STANDARD" } else { "SINGLE_PIPELINE" },
            "inputDevices": [],
            "inputPartnerIds": [],
            "inputSourceType": "STATIC",
            "mediaConnectFlows": [],
            "name": format!("input-{id}"),
            "securityGroups": [],
            "sources": (0..sources).map(source).collect::<Vec<_>>(),
            "tags": {},
            "type": "URL_PULL",
        });
        if let Value::Object(doc) = doc {
            self.fleet.add_input(id.to_owned(), doc);
        }
    }
}

fn member(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

fn named<'a>(object: &'a Map<String, Value>, name: &str) -> Option<(&'a str, &'a Value)> {
    object
        .iter()
        .find(|(key, _)| lower_first(key) == name)
        .map(|(key, value)| (key.as_str(), value))
}

fn lower_first(key: &str) -> String {
    let mut letters = key.chars();
    letters
        .next()
        .map(|first| first.to_ascii_lowercase())
        .into_iter()
        .chain(letters)
        .collect()
}

/// The value in the wire's spelling; none if it nests too deep
fn wire(value: &Value, depth: usize) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    match value {
        Value::Array(list) => list.iter().map(|one| wire(one, depth)).collect(),
        Value::Object(object) => {
            let entry = |(key, value): (&String, &Value)| {
                let key = lower_first(key);
                let value = if USER_MAPS.contains(&key.as_str()) {
                    value.clone()
                } else {
                    wire(value, depth)?
                };
                Some((key, value))
            };
            object
                .iter()
                .map(entry)
                .collect::<Option<Map<_, _>>>()
                .map(Value::Object)
        }
        plain => Some(plain.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        Fleet::parse(text)
            .unwrap_err()
            .problems
            .into_iter()
            .map(|problem| problem.path)
            .collect()
    }

    #[test]
    fn the_clis_spelling_becomes_the_wires_and_tags_keep_their_own() {
        let text = r#"{"Channels": [{"Id": "1", "State": "RUNNING", "Destinations": [], "InputAttachments": [],
            "EncoderSettings": {"OutputGroups": []}, "Tags": {"Team": "A"}, "FutureField": {"Deep": 1}}]}"#;
        let fleet = Fleet::parse(text).unwrap();
        let doc: Value = serde_json::from_str(&fleet.channels["1"]).unwrap();
        assert!(doc["encoderSettings"]["outputGroups"].is_array());
        assert_eq!(
            (&doc["tags"]["Team"], &doc["futureField"]["deep"]),
            (&"A".into(), &1.into())
        );
    }

    #[test]
    fn every_problem_is_reported_with_its_path() {
        let text = r#"{"Channels": [{"Id": "1", "State": "BUSY", "InputAttachments": [{"InputId": "9"}, {}]},
            {"Id": "1", "EncoderSettings": {}, "Destinations": [], "InputAttachments": []},
            {"Id": "2", "EncoderSettings": {}, "Destinations": [], "InputAttachments": [{"InputId": "9"}]}, 7]}"#;
        let expected = [
            "Channels[0].EncoderSettings",
            "Channels[0].Destinations",
            "Channels[0].State",
            "Channels[0].InputAttachments[1].InputId",
            "Channels[1].Id",
            "Channels[2].InputAttachments[0].InputId",
            "Channels[3]",
        ];
        assert_eq!(paths(text), expected);
    }

    #[test]
    fn one_channel_and_a_bare_list_are_taken_too() {
        let one = r#"{"Id": "1", "EncoderSettings": {}, "Destinations": [], "InputAttachments": []}"#;
        assert_eq!(Fleet::parse(one).unwrap().len(), 1);
        assert_eq!(Fleet::parse(&format!("[{one}]")).unwrap().len(), 1);
        let two = one.replace("\"1\"", "\"2\"");
        assert_eq!(Fleet::parse(&format!("{one}\n{two}\n")).unwrap().len(), 2);
        assert_eq!(
            Fleet::parse(&format!(r#"{{"Channel": {one}}}"#)).unwrap().len(),
            1
        );
    }

    #[test]
    fn what_is_no_fleet_says_so_and_quotes_nothing() {
        for text in ["", "nonsense-secret", "7", "{}", r#"{"Channels": 3}"#] {
            let error = Fleet::parse(text).unwrap_err().to_string();
            assert!(!error.contains("secret") && !error.is_empty());
        }
    }
}
