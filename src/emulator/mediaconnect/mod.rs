//! MediaConnect's routers: outputs, inputs and the network interfaces between them and the world.
//!
//! ```text
//!  MediaLive channel ─► router input ──(take)──► router output ─► network interface ─► rtmp(s)://…
//!                       up to ten outputs each    one destination each
//! ```
//!
//! Pure, like [`super::world`], which owns a [`Router`] and calls it: time is an argument, chance is seeded, and what it needs to
//! know of MediaLive's channels it is given (`ChannelOutput`). Requests were held against the service model before
//! (`src/emulator/validate`). Sources: botocore service model `mediaconnect` 2018-11-14 and the user guide's router pages; texts of
//! errors and codes of messages are invented, so match on types. What nobody has confirmed is a switch whose name begins with `router`.
//!
//! Invariants:
//! - nothing here says anything about another output than the one a call names: outputs share their input, and nothing else;
//! - an output has one route at most, and keeps it while it is stopped;
//! - a stream name is in documents only, and no document is shown by `Debug`.

mod checks;
mod create;
mod events;
mod life;
mod list;
mod maintenance;
pub mod operation;
mod resource;
mod routes;
mod tags;
#[cfg(test)]
mod tests;
mod token;
mod unions;
mod update;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use self::life::State;
use self::life::{Command, Verdict, judge};
use self::operation::Verb;
pub use self::operation::{Operation, ResourceKind};
use self::resource::Due;
pub use self::resource::{Message, Resource};
use self::token::Token;
use super::dice::Dice;
use super::error::{ApiError, ErrorKind};
use super::request::{Now, Request, TransitionOutcome};
use super::switches::Switches;

type Document = Map<String, Value>;

/// How long a resource that is gone is kept for lists that answer late
const GONE_KEPT: Duration = Duration::from_hours(1);

/// How many router resources a region may have (user guide, quotas; all adjustable)
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RouterQuotas {
    /// Router outputs per region
    pub outputs: usize,
    /// Router inputs per region
    pub inputs: usize,
    /// Router network interfaces per region
    pub network_interfaces: usize,
    /// Outputs routed to one input at once, stopped ones too (user guide, creating-router-io)
    pub outputs_per_input: usize,
}

impl Default for RouterQuotas {
    fn default() -> Self {
        Self {
            outputs: 20,
            inputs: 20,
            network_interfaces: 10,
            outputs_per_input: 10,
        }
    }
}

/// An output of a MediaLive channel that a router input may be connected to, one for each pipeline
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChannelOutput {
    /// The channel's ARN
    pub(super) channel: String,
    /// The output's name
    pub(super) name: String,
    /// 0 or 1
    pub(super) pipeline: usize,
    /// The Availability Zone it writes to; any when absent
    pub(super) zone: Option<String>,
    /// `AUTOMATIC` or `SECRETS_MANAGER`
    pub(super) encryption: String,
}

/// A router input's connection to a channel
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link<'a> {
    pub(super) pipeline: usize,
    pub(super) output: &'a str,
    pub(super) input: &'a str,
}

/// What a router goes by beside its own resources
#[derive(Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) region: &'a str,
    pub(super) account: &'a str,
    pub(super) switches: &'a Switches,
    pub(super) quotas: &'a RouterQuotas,
    pub(super) channels: &'a [ChannelOutput],
}

/// A request at its time
#[derive(Clone, Copy)]
struct Call<'a> {
    request: &'a Request,
    now: Now,
    terms: Terms<'a>,
}

impl<'a> Call<'a> {
    /// The body; what is no object was refused before
    fn body(&self) -> Result<&'a Document, ApiError> {
        super::validate::object(&self.request.body)
    }

    fn arn(&self) -> &'a str {
        &self.request.id
    }
}

/// The router resources of one account, in every region
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Router {
    /// A stream of its own, so that routers do not shift what channels draw
    dice: Dice,
    /// By ARN
    resources: BTreeMap<String, Resource>,
    tokens: VecDeque<Token>,
}

/// As in a state file that was written before there were routers
impl Default for Router {
    fn default() -> Self {
        Self::new(0)
    }
}

/// Says nothing of the documents, which hold stream keys
impl std::fmt::Debug for Router {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Router")
            .field("resources", &self.resources.keys())
            .finish_non_exhaustive()
    }
}

impl Router {
    /// Without any resource
    pub(super) fn new(seed: u64) -> Self {
        // Streams 0 and 1 are the world's and the faults'.
        Self {
            dice: Dice::new(seed, 2),
            resources: BTreeMap::new(),
            tokens: VecDeque::new(),
        }
    }

    /// Answers a call, after whatever was due before it
    pub(super) fn handle(
        &mut self,
        operation: Operation,
        request: &Request,
        now: Now,
        terms: Terms<'_>,
    ) -> Result<Value, ApiError> {
        let call = Call { request, now, terms };
        match operation.verb() {
            Verb::Create(kind) => self.create(kind, call),
            Verb::Get(kind) => self.get(kind, call),
            Verb::BatchGet(kind) => self.batch_get(kind, call),
            Verb::List(kind) => self.list(kind, call),
            Verb::Update(kind) => self.update(kind, call),
            Verb::Start(kind) => self.start(kind, call),
            Verb::Stop(kind) => self.stop(kind, call),
            Verb::Restart(kind) => self.restart(kind, call),
            Verb::Take => self.take(call),
            Verb::Delete(kind) => self.delete(kind, call),
            Verb::Tag(scope) => self.tag(scope, call),
            Verb::Untag(scope) => self.untag(scope, call),
            Verb::ListTags(scope) => self.list_tags(scope, call),
        }
    }

    /// Takes every step that is due: states, routes, maintenance
    pub(super) fn advance(&mut self, now: Now) {
        for resource in self.resources.values_mut() {
            while resource.step(now.elapsed) {}
            match resource.maintenance_at(now.wall) {
                Due::Later => {}
                Due::Unknown => resource.schedule(now.wall, &mut self.dice),
                Due::Now => {
                    let takes = self.dice.router_start();
                    resource.begin(now.elapsed, State::Migrating, &[(takes, State::Active)]);
                    resource.say(Message::new(
                        "MAINTENANCE",
                        "The resource is moved for maintenance.",
                    ));
                    resource.schedule(now.wall, &mut self.dice);
                }
            }
        }
        self.resources
            .retain(|_, one| one.state() != State::Deleted || now.elapsed < one.since() + GONE_KEPT);
    }

    fn get(&self, kind: ResourceKind, call: Call<'_>) -> Result<Value, ApiError> {
        let resource = self.known(kind, call.arn())?;
        Ok(self.wrapped(resource, call.terms))
    }

    fn start(&mut self, kind: ResourceKind, call: Call<'_>) -> Result<Value, ApiError> {
        if self.permits(kind, Command::Start, call)? {
            self.begin_run(State::Starting, call);
        }
        self.short(call.arn(), true)
    }

    /// "During the restart, the I/O enters the Migrating state", which "resets the maintenance countdown" (user guide,
    /// manual-restart-maintenance). A restart from STANDBY refreshes the output without putting it on air
    fn restart(&mut self, kind: ResourceKind, call: Call<'_>) -> Result<Value, ApiError> {
        let is_stopped = self.known(kind, call.arn())?.state() == State::Standby;
        if self.permits(kind, Command::Restart, call)? {
            if is_stopped {
                let takes = self.dice.router_change();
                self.begin(call, State::Updating, &[(takes, State::Standby)]);
            } else {
                self.begin_run(State::Migrating, call);
            }
        }
        self.short(call.arn(), false)
    }

    /// Enters a state that leads to ACTIVE
    fn begin_run(&mut self, state: State, call: Call<'_>) {
        let takes = self.dice.router_start();
        let steps = match call.request.twist.outcome {
            TransitionOutcome::Normal => vec![(takes, State::Active)],
            TransitionOutcome::Fails => vec![(takes, State::Error)],
            TransitionOutcome::Stuck => Vec::new(),
        };
        let Some(resource) = self.resources.get_mut(call.arn()) else {
            return;
        };
        resource.begin(call.now.elapsed, state, &steps);
        resource.schedule(call.now.wall, &mut self.dice);
        if call.request.twist.outcome == TransitionOutcome::Fails {
            resource.fail_with(Message::new("START_FAILED", "The start failed."));
        }
    }

    fn stop(&mut self, kind: ResourceKind, call: Call<'_>) -> Result<Value, ApiError> {
        if self.permits(kind, Command::Stop, call)? {
            let takes = self.dice.router_change();
            self.begin(call, State::Stopping, &[(takes, State::Standby)]);
        }
        self.short(call.arn(), false)
    }

    /// What something else still uses is not deleted
    fn delete(&mut self, kind: ResourceKind, call: Call<'_>) -> Result<Value, ApiError> {
        if self.permits(kind, Command::Delete, call)? {
            let resource = self.known(kind, call.arn())?;
            let users = match kind {
                ResourceKind::Output => 0,
                ResourceKind::Input => {
                    self.routed_to(call.arn()).count() + usize::from(resource.link().is_some())
                }
                ResourceKind::NetworkInterface => self.users_of(call.arn()).count(),
            };
            if users > 0 {
                let text = format!(
                    "Cannot delete a {} that is in use by {users} other resources; disconnect them first.",
                    kind.words()
                );
                return Err(ApiError::new(ErrorKind::Conflict, text));
            }
            let takes = self.dice.router_change();
            self.begin(call, State::Deleting, &[(takes, State::Deleted)]);
        }
        self.short(call.arn(), false)
    }

    /// Whether the resource takes the command; false if it is to be answered and not carried out
    fn permits(&self, kind: ResourceKind, command: Command, call: Call<'_>) -> Result<bool, ApiError> {
        let resource = self.known(kind, call.arn())?;
        match judge(kind, resource.state(), command, call.terms.switches) {
            Verdict::Proceed => Ok(true),
            Verdict::Quiet => Ok(false),
            Verdict::Refuse(text) => Err(ApiError::new(ErrorKind::Conflict, text)),
        }
    }

    fn begin(&mut self, call: Call<'_>, state: State, then: &[(Duration, State)]) {
        if let Some(resource) = self.resources.get_mut(call.arn()) {
            resource.begin(call.now.elapsed, state, then);
        }
    }

    /// The resource of this kind with this ARN, unless it is gone
    fn known(&self, kind: ResourceKind, arn: &str) -> Result<&Resource, ApiError> {
        if !is_arn_of(kind, arn) {
            let text = format!("The ARN is not that of a {}.", kind.words());
            return Err(ApiError::new(ErrorKind::BadRequest, text));
        }
        self.resource(arn).ok_or_else(|| {
            let text = format!("There is no {} with ARN {arn}.", kind.words());
            ApiError::new(ErrorKind::NotFound, text)
        })
    }

    /// Every resource that is not gone
    fn live(&self) -> impl Iterator<Item = (&str, &Resource)> {
        let all = self.resources.iter().map(|(arn, one)| (arn.as_str(), one));
        all.filter(|(_, one)| one.state() != State::Deleted)
    }

    /// The outputs routed to an input, or on their way there
    fn routed_to(&self, input: &str) -> impl Iterator<Item = &Resource> {
        let outputs = self.live().map(|(_, one)| one);
        outputs.filter(move |one| one.routed_input() == Some(input))
    }

    /// The inputs and outputs that use a network interface
    fn users_of(&self, interface: &str) -> impl Iterator<Item = &Resource> {
        let all = self.live().map(|(_, one)| one);
        all.filter(move |one| one.network_interface() == Some(interface))
    }

    /// What Get shows
    fn describe(&self, resource: &Resource, terms: Terms<'_>) -> Document {
        let mut doc = resource.describe();
        self.count_users(resource, &mut doc);
        if resource.kind() == ResourceKind::Input {
            doc.insert(
                "maximumRoutedOutputs".into(),
                json!(terms.quotas.outputs_per_input),
            );
        }
        doc
    }

    fn count_users(&self, resource: &Resource, doc: &mut Document) {
        let arn = resource.arn();
        match resource.kind() {
            ResourceKind::Output => {}
            ResourceKind::Input => {
                doc.insert("routedOutputs".into(), json!(self.routed_to(arn).count()));
            }
            ResourceKind::NetworkInterface => {
                for (key, kind) in [
                    ("associatedOutputCount", ResourceKind::Output),
                    ("associatedInputCount", ResourceKind::Input),
                ] {
                    let users = self.users_of(arn).filter(|one| one.kind() == kind);
                    doc.insert(key.into(), json!(users.count()));
                }
            }
        }
    }

    fn wrapped(&self, resource: &Resource, terms: Terms<'_>) -> Value {
        json!({ resource.kind().key(): self.describe(resource, terms) })
    }

    /// What commands answer: ARN, name, state, and on a start when maintenance is due
    fn short(&self, arn: &str, with_schedule: bool) -> Result<Value, ApiError> {
        let resource = self
            .resources
            .get(arn)
            .ok_or_else(|| ApiError::not_found("Resource", arn))?;
        let mut doc = resource.part(&["arn", "name", "state"]);
        if with_schedule {
            doc.extend(resource.part(&["maintenanceScheduleType", "maintenanceSchedule"]));
        }
        Ok(Value::Object(doc))
    }

    /// The connections of router inputs to a channel's outputs
    pub(super) fn links<'a>(&'a self, channel: &'a str) -> impl Iterator<Item = Link<'a>> {
        self.live().filter_map(move |(arn, one)| {
            let (of, pipeline, output) = one.link()?;
            (of == channel).then_some(Link {
                pipeline,
                output,
                input: arn,
            })
        })
    }

    /// A resource, unless it is gone
    pub fn resource(&self, arn: &str) -> Option<&Resource> {
        self.resources
            .get(arn)
            .filter(|one| one.state() != State::Deleted)
    }

    /// Every resource that is not gone, by ARN
    pub fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.live().map(|(_, one)| one)
    }

    /// Every time that is kept
    pub(super) fn times(&self) -> impl Iterator<Item = Duration> + '_ {
        let tokens = self.tokens.iter().map(Token::at);
        self.resources.values().flat_map(Resource::times).chain(tokens)
    }

    /// Moves the whole time line
    pub(super) fn rebase(&mut self, by: Duration) {
        self.resources.values_mut().for_each(|one| one.rebase(by));
    }
}

/// Ids in ARNs have twelve small letters and digits (botocore service model)
const ID_LETTERS: usize = 12;

pub(super) fn is_arn_of(kind: ResourceKind, arn: &str) -> bool {
    let parts: Vec<&str> = arn.split(':').collect();
    let is_id = |id: &str| {
        id.len() == ID_LETTERS
            && id
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    matches!(parts[..], ["arn", partition, "mediaconnect", _, account, of, id]
        if partition.starts_with("aws") && account.len() == 12 && of == kind.key() && is_id(id))
}
