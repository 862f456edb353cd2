//! A router output, input or network interface: its configuration, its life, its route, and what lists showed of it a while ago.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Document;
use super::life::State;
use super::maintenance::Window;
use super::operation::ResourceKind;
use crate::emulator::channel::{Lifecycle, Step};
use crate::emulator::dice::Dice;

/// How many changes of a resource a late list can reach back over
const PAST_MAX: usize = 8;

/// How many messages a resource has at most
const MESSAGES_MAX: usize = 10;

/// What MediaConnect says of a resource in trouble
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// In capitals
    pub code: String,
    /// In words
    #[serde(rename = "message")]
    pub text: String,
}

impl Message {
    pub(super) fn new(code: &str, text: &str) -> Self {
        Self {
            code: code.to_owned(),
            text: text.to_owned(),
        }
    }
}

/// Which input an output takes
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Route {
    input: Option<String>,
    /// When ROUTING ends
    settles: Option<Duration>,
}

/// When maintenance comes
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Now,
    Later,
    /// It runs, as a fleet file says, and nobody has seen it start
    Unknown,
}

/// How List showed a resource until something changed
#[derive(Clone, Serialize, Deserialize)]
struct Past {
    until: Duration,
    listed: Document,
}

/// A router output, input or network interface
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    kind: ResourceKind,
    /// What Get shows, except for what is computed
    doc: Document,
    life: Lifecycle<State>,
    created: Duration,
    route: Route,
    messages: Vec<Message>,
    /// Comes with the ERROR that lies ahead
    failure: Option<Message>,
    maintenance: Option<Window>,
    past: VecDeque<Past>,
}

impl Resource {
    pub(super) fn new(kind: ResourceKind, doc: Document, state: State, now: Duration) -> Self {
        Self {
            kind,
            doc,
            life: Lifecycle::settled(state, now),
            created: now,
            route: Route::default(),
            messages: Vec::new(),
            failure: None,
            maintenance: None,
            past: VecDeque::new(),
        }
    }

    /// What it is
    pub const fn kind(&self) -> ResourceKind {
        self.kind
    }

    /// The state now
    pub const fn state(&self) -> State {
        self.life.state()
    }

    /// When the state began, since the world's epoch
    pub const fn since(&self) -> Duration {
        self.life.since()
    }

    /// The states that lie ahead, in order
    pub fn steps(&self) -> impl Iterator<Item = Step<State>> + '_ {
        self.life.steps()
    }

    /// The configuration, without what is computed; of an output with its stream name
    pub const fn document(&self) -> &Document {
        &self.doc
    }

    /// The ARN of the input that an output takes, or is about to take
    pub fn routed_input(&self) -> Option<&str> {
        self.route.input.as_deref()
    }

    /// `ROUTED`, `ROUTING` or `UNROUTED`
    pub const fn routed_state(&self) -> &'static str {
        match (&self.route.settles, &self.route.input) {
            (Some(_), _) => "ROUTING",
            (None, Some(_)) => "ROUTED",
            (None, None) => "UNROUTED",
        }
    }

    /// What MediaConnect says of it
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Its ARN
    pub fn arn(&self) -> &str {
        self.text("arn")
    }

    pub(super) fn text(&self, key: &str) -> &str {
        self.doc.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// The type of its configuration and what that holds
    pub(super) fn configuration(&self) -> Option<(&str, &Document)> {
        configuration(&self.doc)
    }

    /// The network interface of a standard input or output
    pub(super) fn network_interface(&self) -> Option<&str> {
        network_interface(&self.doc)
    }

    /// The channel, pipeline and output that an input is connected to
    pub(super) fn link(&self) -> Option<(&str, usize, &str)> {
        let (kind, of) = self
            .configuration()
            .filter(|_| self.kind == ResourceKind::Input)?;
        (kind == "mediaLiveChannel").then(|| link(of)).flatten()
    }

    /// What Get shows
    pub(super) fn describe(&self) -> Document {
        let mut doc = self.doc.clone();
        doc.insert("state".into(), json!(self.state()));
        if self.kind == ResourceKind::NetworkInterface {
            return doc;
        }
        doc.insert("messages".into(), json!(self.messages));
        if let Some(window) = self.maintenance {
            doc.insert("maintenanceScheduleType".into(), json!("WINDOW"));
            doc.insert("maintenanceSchedule".into(), window.shown());
        }
        if self.kind == ResourceKind::Output {
            doc.insert("routedState".into(), json!(self.routed_state()));
            if let Some(input) = self.routed_input() {
                doc.insert("routedInputArn".into(), json!(input));
            }
        }
        doc
    }

    /// Some members of what Get shows
    pub(super) fn part(&self, keys: &[&str]) -> Document {
        let mut shown = self.describe();
        let taken = keys.iter().filter_map(|key| shown.shift_remove_entry(*key));
        taken.collect()
    }

    /// What List shows, without what is counted elsewhere: neither configuration nor tags
    pub(super) fn listed(&self) -> Document {
        let mut listed = self.part(&[
            "name",
            "arn",
            "id",
            self.kind.type_key(),
            "state",
            "routedState",
            "regionName",
            "availabilityZone",
            "maximumBitrate",
            "routingScope",
            "createdAt",
            "updatedAt",
            "routedInputArn",
            "maintenanceScheduleType",
            "maintenanceSchedule",
        ]);
        if self.kind != ResourceKind::NetworkInterface {
            listed.insert("messageCount".into(), json!(self.messages.len()));
            if let Some(interface) = self.network_interface() {
                listed.insert("networkInterfaceArn".into(), json!(interface));
            }
        }
        listed
    }

    /// How List showed it at `at`; none if it was not there
    pub(super) fn listed_at(&self, at: Duration) -> Option<Document> {
        if at < self.created {
            return None;
        }
        let past = self.past.iter().find(|past| past.until > at);
        match past {
            Some(past) => Some(past.listed.clone()),
            None => (self.state() != State::Deleted).then(|| self.listed()),
        }
    }

    fn record(&mut self, until: Duration) {
        if self.past.len() == PAST_MAX {
            self.past.pop_front();
        }
        self.past.push_back(Past {
            until,
            listed: self.listed(),
        });
    }

    /// Enters a state at once, with what is to follow
    pub(super) fn begin(&mut self, now: Duration, state: State, then: &[(Duration, State)]) {
        self.record(now);
        self.failure = None;
        self.life.begin(now, state, then);
        self.entered(state);
    }

    /// What it says once the ERROR that lies ahead has come
    pub(super) fn fail_with(&mut self, message: Message) {
        self.failure = Some(message);
    }

    /// Takes the next step that is due, of its life or its route; false if there is none
    pub(super) fn step(&mut self, now: Duration) -> bool {
        if let Some(at) = self.route.settles.filter(|at| *at <= now) {
            self.record(at);
            self.route.settles = None;
            return true;
        }
        let Some(next) = self.life.steps().next().filter(|step| step.at <= now) else {
            return false;
        };
        self.record(next.at);
        self.life.step(now);
        self.entered(next.to);
        true
    }

    /// What entering a state does: a resource that begins anew has nothing to say, and a stopped one is not maintained
    fn entered(&mut self, state: State) {
        match state {
            State::Starting | State::Active => self.messages.clear(),
            State::Standby => {
                self.messages.clear();
                self.maintenance = None;
            }
            State::Error => {
                if let Some(failure) = self.failure.take() {
                    self.say(failure);
                }
            }
            _ => {}
        }
    }

    /// Adds a message, once
    pub(super) fn say(&mut self, message: Message) {
        if !self.messages.contains(&message) && self.messages.len() < MESSAGES_MAX {
            self.messages.push(message);
        }
    }

    /// Adds a message at a moment of its own; false if it is there already
    pub(super) fn say_at(&mut self, now: Duration, message: Message) -> bool {
        if self.messages.contains(&message) {
            return false;
        }
        self.record(now);
        self.say(message);
        true
    }

    /// Takes over another configuration
    pub(super) fn reconfigure(&mut self, now: Duration, doc: Document) {
        self.record(now);
        self.doc = doc;
    }

    pub(super) fn set_tags(&mut self, tags: Document) {
        self.doc.insert("tags".into(), Value::Object(tags));
    }

    /// Routes an input to the output, or none
    pub(super) fn route(&mut self, now: Duration, input: Option<&str>, takes: Duration) {
        self.record(now);
        self.route = Route {
            input: input.map(str::to_owned),
            settles: Some(now + takes),
        };
    }

    /// Puts it where a fleet file says it is, without time passing
    pub(super) fn settle_route(&mut self, input: &str) {
        self.route.input = Some(input.to_owned());
    }

    /// Sets when maintenance comes after a start at `started`
    pub(super) fn schedule(&mut self, started: Timestamp, dice: &mut Dice) {
        self.maintenance = Window::after(started, self.doc.get("maintenanceConfiguration"), dice);
    }

    /// Whether its maintenance has come
    pub(super) fn maintenance_at(&self, now: Timestamp) -> Due {
        match self.maintenance {
            _ if self.state() != State::Active || self.kind == ResourceKind::NetworkInterface => Due::Later,
            None => Due::Unknown,
            Some(window) if window.is_due(now) => Due::Now,
            Some(_) => Due::Later,
        }
    }

    /// Every time that is kept of it
    pub(super) fn times(&self) -> impl Iterator<Item = Duration> + '_ {
        let ahead = self.life.steps().map(|step| step.at);
        let past = self.past.iter().map(|past| past.until);
        let settles = self.route.settles;
        ahead
            .chain(past)
            .chain(settles)
            .chain([self.life.since(), self.created])
    }

    pub(super) fn rebase(&mut self, by: Duration) {
        self.created += by;
        self.life.rebase(by);
    }
}

/// The one type of a configuration, and what it holds
pub(super) fn configuration(doc: &Document) -> Option<(&str, &Document)> {
    let (kind, of) = doc.get("configuration")?.as_object()?.iter().next()?;
    Some((kind, of.as_object()?))
}

pub(super) fn network_interface(doc: &Document) -> Option<&str> {
    configuration(doc)?.1.get("networkInterfaceArn")?.as_str()
}

/// Channel, pipeline and output of a MediaLive channel's input; none unless it has all three
pub(super) fn link(of: &Document) -> Option<(&str, usize, &str)> {
    let text = |key: &str| of.get(key).and_then(Value::as_str);
    let pipeline = usize::from(text("mediaLivePipelineId")? == "PIPELINE_1");
    Some((
        text("mediaLiveChannelArn")?,
        pipeline,
        text("mediaLiveChannelOutputName")?,
    ))
}
