//! Inputs: created, attached to one channel at most, deleted once detached.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::channels::with_token;
use super::{Document, World};
use crate::emulator::channel::State;
use crate::emulator::error::{ApiError, ErrorKind};
use crate::emulator::page::page;
use crate::emulator::request::{Now, Request};
use crate::emulator::validate::{self, InputFacts};

/// An input's own state; [`Input::attached_to`] says whether it is attached
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum InputState {
    /// Just created
    Creating,
    /// ATTACHED or DETACHED on the wire
    Ready,
    /// On its way out
    Deleting,
    /// A tombstone
    Deleted,
}

/// An input
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Input {
    pub(super) doc: Document,
    state: InputState,
    next: Option<(Duration, InputState)>,
    attached: Option<String>,
    /// When it was DELETED
    #[serde(default)]
    gone_at: Option<Duration>,
}

impl Input {
    /// When its state changes by itself
    pub(super) fn next_at(&self) -> Option<Duration> {
        self.next.map(|(at, _)| at)
    }

    /// What Describe shows
    pub fn describe(&self) -> Document {
        let mut doc = self.doc.clone();
        doc.insert("attachedChannels".into(), self.attached.iter().cloned().collect());
        doc.insert("state".into(), json!(self.state_name()));
        doc
    }

    /// The state on the wire
    pub const fn state_name(&self) -> &'static str {
        match (self.state, &self.attached) {
            (InputState::Creating, _) => "CREATING",
            (InputState::Ready, Some(_)) => "ATTACHED",
            (InputState::Ready, None) => "DETACHED",
            (InputState::Deleting, _) => "DELETING",
            (InputState::Deleted, _) => "DELETED",
        }
    }

    /// The one channel that has the input
    pub fn attached_to(&self) -> Option<&str> {
        self.attached.as_deref()
    }

    /// The configuration, without the fields that are computed
    pub const fn document(&self) -> &Document {
        &self.doc
    }

    pub(super) fn attach(&mut self, channel: &str) {
        self.attached.get_or_insert_with(|| channel.to_owned());
    }

    pub(super) fn detach(&mut self, channel: &str) {
        if self.attached.as_deref() == Some(channel) {
            self.attached = None;
        }
    }

    pub(super) fn advance(&mut self, now: Duration) {
        if let Some((at, state)) = self.next
            && at <= now
        {
            self.state = state;
            self.next = None;
            self.gone_at = (state == InputState::Deleted).then_some(at);
        }
    }

    /// When it was DELETED
    pub(super) const fn gone_at(&self) -> Option<Duration> {
        self.gone_at
    }

    pub(super) fn facts(&self) -> InputFacts {
        InputFacts {
            standard: self.doc.get("inputClass").and_then(Value::as_str) == Some("STANDARD"),
            push: self.kind().is_some_and(validate::is_push),
            attached_to: self.attached.clone(),
            gone: matches!(self.state, InputState::Deleting | InputState::Deleted),
        }
    }

    fn kind(&self) -> Option<&str> {
        self.doc.get("type").and_then(Value::as_str)
    }
}

impl World {
    pub(super) fn create_input(&mut self, request: &Request, now: Now) -> Result<Value, ApiError> {
        if let Some(id) = self.remembered(request)? {
            return Ok(self.wrapped_input(&id));
        }
        let body = validate::object(&request.body)?;
        let groups = self.groups.keys().map(String::as_str).collect();
        validate::new_input(body, &groups)?;
        let kind = body.get("type").and_then(Value::as_str).unwrap_or_default();
        self.check_input_quota(validate::is_push(kind))?;
        let id = self.new_id();
        let doc = self.new_input(body, kind, &id);
        let next = Some((now.elapsed + self.dice.input(), InputState::Ready));
        self.inputs.insert(
            id.clone(),
            Input {
                doc,
                state: InputState::Creating,
                next,
                attached: None,
                gone_at: None,
            },
        );
        self.remember(request, &id);
        Ok(self.wrapped_input(&id))
    }

    fn new_input(&mut self, body: &Document, kind: &str, id: &str) -> Document {
        let mut doc = Document::new();
        doc.insert("arn".into(), json!(self.arn("input", id)));
        doc.insert("destinations".into(), self.endpoints(body, kind));
        doc.insert("id".into(), json!(id));
        doc.insert("inputClass".into(), json!(validate::input_class(body)));
        doc.insert("inputDevices".into(), list(body, "inputDevices"));
        doc.insert("inputPartnerIds".into(), json!([]));
        doc.insert("inputSourceType".into(), json!("STATIC"));
        doc.insert("mediaConnectFlows".into(), list(body, "mediaConnectFlows"));
        copy(body, &mut doc, "name");
        copy(body, &mut doc, "roleArn");
        doc.insert("securityGroups".into(), list(body, "inputSecurityGroups"));
        doc.insert("sources".into(), list(body, "sources"));
        doc.insert(
            "tags".into(),
            body.get("tags")
                .filter(|tags| tags.is_object())
                .cloned()
                .unwrap_or(json!({})),
        );
        doc.insert("type".into(), json!(kind));
        for key in [
            "srtSettings",
            "inputNetworkLocation",
            "multicastSettings",
            "smpte2110ReceiverGroupSettings",
            "sdiSources",
        ] {
            copy(body, &mut doc, key);
        }
        if let Some(Value::Object(settings)) = body.get("routerSettings") {
            doc.insert("routerSettings".into(), router(settings));
        }
        doc
    }

    /// The addresses that a push input is given, from a block that RFC 5737 sets aside for documentation
    fn endpoints(&mut self, body: &Document, kind: &str) -> Value {
        let (scheme, port) = match kind {
            "RTMP_PUSH" => ("rtmp", "1935"),
            "UDP_PUSH" => ("udp", "5000"),
            "RTP_PUSH" => ("rtp", "5000"),
            _ => return json!([]),
        };
        let wanted = body
            .get("destinations")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let count = if wanted.is_empty() { 2 } else { wanted.len() };
        let one = |index: usize| {
            let ip = format!("203.0.113.{}", 1 + self.dice.pick(250));
            let stream = wanted
                .get(index)
                .and_then(|one| one.get("streamName"))
                .and_then(Value::as_str);
            let path = stream.map(|stream| format!("/{stream}")).unwrap_or_default();
            json!({"ip": ip, "port": port, "url": format!("{scheme}://{ip}:{port}{path}")})
        };
        (0..count).map(one).collect()
    }

    /// 429 "Limit exceeded" is the model's own word for CreateInput
    fn check_input_quota(&self, push: bool) -> Result<(), ApiError> {
        let quota = if push {
            self.settings.quotas.push_inputs
        } else {
            self.settings.quotas.pull_inputs
        };
        let count = self
            .inputs
            .values()
            .map(Input::facts)
            .filter(|facts| facts.push == push && !facts.gone)
            .count();
        if count < quota {
            return Ok(());
        }
        let kind = if push { "push" } else { "pull" };
        let text = format!("Limit exceeded: the account has {count} {kind} inputs, its quota is {quota}");
        Err(ApiError::new(ErrorKind::TooManyRequests, text))
    }

    pub(super) fn describe_input(&self, id: &str) -> Result<Value, ApiError> {
        Ok(Value::Object(self.known_input(id)?.describe()))
    }

    pub(super) fn list_inputs(&self, request: &Request) -> Result<Value, ApiError> {
        let deleted = self.settings.switches.list_shows_deleted;
        let shown = self
            .inputs
            .iter()
            .filter(|(_, input)| deleted || input.state != InputState::Deleted)
            .map(|(id, input)| (id.clone(), input.describe()));
        let page = page("inputs", shown, &request.query, &self.settings.switches)?;
        Ok(with_token(json!({"inputs": page.items}), page.next))
    }

    /// An attached input is editable only when its channel is idle (user guide, edit-input)
    pub(super) fn update_input(&mut self, request: &Request) -> Result<Value, ApiError> {
        let body = validate::object(&request.body)?;
        let input = self.known_input(&request.id)?;
        if input.facts().gone {
            return Err(ApiError::new(
                ErrorKind::Conflict,
                format!("Input {} is deleted.", request.id),
            ));
        }
        if let Some(channel) = input.attached_to()
            && self
                .channels
                .get(channel)
                .is_some_and(|channel| channel.state() != State::Idle)
        {
            let text = format!("Cannot update an input while channel {channel} is not idle.");
            return Err(ApiError::new(ErrorKind::Conflict, text));
        }
        let kind = input.kind().unwrap_or_default().to_owned();
        let groups = self.groups.keys().map(String::as_str).collect();
        validate::changed_input(body, &kind, &groups)?;
        let endpoints = body.get("destinations").map(|_| self.endpoints(body, &kind));
        if let Some(input) = self.inputs.get_mut(&request.id) {
            change_input(&mut input.doc, body, endpoints);
        }
        Ok(self.wrapped_input(&request.id))
    }

    /// ATTACHED refuses until the channel is DELETED; deleting again is safe (aws-bench)
    pub(super) fn delete_input(&mut self, id: &str, now: Now) -> Result<Value, ApiError> {
        let input = self.known_input(id)?;
        if let Some(channel) = input.attached_to() {
            let text = format!("Cannot delete input {id}: it is attached to channel {channel}.");
            return Err(ApiError::new(ErrorKind::Conflict, text));
        }
        let takes = self.dice.input();
        if let Some(input) = self.inputs.get_mut(id).filter(|input| !input.facts().gone) {
            input.state = InputState::Deleting;
            input.next = Some((now.elapsed + takes, InputState::Deleted));
        }
        Ok(json!({}))
    }

    fn known_input(&self, id: &str) -> Result<&Input, ApiError> {
        self.inputs
            .get(id)
            .ok_or_else(|| ApiError::not_found("Input", id))
    }

    fn wrapped_input(&self, id: &str) -> Value {
        json!({"input": self.inputs.get(id).map(Input::describe)})
    }

    /// Takes in an input that exists already, as a fleet file describes it
    pub fn admit_input(&mut self, id: &str, mut doc: Document) {
        doc.entry("arn").or_insert_with(|| json!(self.arn("input", id)));
        doc.entry("id").or_insert_with(|| json!(id));
        doc.entry("tags").or_insert_with(|| json!({}));
        doc.entry("type").or_insert_with(|| json!("URL_PULL"));
        let input = Input {
            doc,
            state: InputState::Ready,
            next: None,
            attached: None,
            gone_at: None,
        };
        self.inputs.insert(id.to_owned(), input);
    }
}

fn change_input(doc: &mut Document, body: &Document, endpoints: Option<Value>) {
    for key in [
        "name",
        "roleArn",
        "sources",
        "mediaConnectFlows",
        "inputDevices",
        "srtSettings",
        "multicastSettings",
        "smpte2110ReceiverGroupSettings",
        "sdiSources",
    ] {
        copy(body, doc, key);
    }
    if let Some(groups) = body.get("inputSecurityGroups").filter(|groups| !groups.is_null()) {
        doc.insert("securityGroups".into(), groups.clone());
    }
    if let Some(endpoints) = endpoints {
        doc.insert("destinations".into(), endpoints);
    }
}

/// What Describe shows of a router's input; that encryption left out is AUTOMATIC is a guess
fn router(settings: &Document) -> Value {
    let mut shown = Document::new();
    shown.insert("destinations".into(), list(settings, "destinations"));
    shown.insert("encryptionType".into(), json!("AUTOMATIC"));
    copy(settings, &mut shown, "encryptionType");
    copy(settings, &mut shown, "secretArn");
    Value::Object(shown)
}

fn list(body: &Document, key: &str) -> Value {
    body.get(key)
        .filter(|value| value.is_array())
        .cloned()
        .unwrap_or(json!([]))
}

fn copy(from: &Document, to: &mut Document, key: &str) {
    if let Some(value) = from.get(key).filter(|value| !value.is_null()) {
        to.insert(key.into(), value.clone());
    }
}
