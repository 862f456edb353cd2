//! The pure world: channels, inputs, security groups, schedules, alerts, tags; and MediaConnect's routers beside them.
//!
//! Nothing in here waits, reads a clock or does I/O: every method takes the time as an argument. Transitions happen lazily:
//! [`World::advance`] takes every step that is due, and [`World::handle`] does so before each call.
//!
//! Invariants:
//! - a channel's configuration changes only through an update accepted while it is stopped (or by
//!   [`World::channel_mut`], a test's back door);
//! - an input is attached to one channel at most;
//! - a deleted channel or input stays as a tombstone for a while, so that Describe still returns it.

mod alerts;
mod batch;
mod channel;
mod channels;
mod document;
mod groups;
mod inputs;
mod router;
mod schedule;
mod tags;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::alerts::Alert;
pub use self::channel::Channel;
pub use self::groups::SecurityGroup;
pub use self::inputs::Input;
pub use self::schedule::Scheduled;
use super::channel::{Change, State};
use super::dice::Dice;
use super::error::ApiError;
use super::faults::{Event, FaultKind, Faults};
use super::mediaconnect::{Router, RouterQuotas};
use super::request::{Now, Operation, Request};
use super::switches::Switches;
use super::validate;

/// A JSON object in the order its keys came
pub type Document = Map<String, Value>;

/// How many requestIds are remembered; the oldest is forgotten first
const REQUESTS_MAX: usize = 1_000;

/// How much of everything an account may have
///
/// Defaults: <https://docs.aws.amazon.com/general/latest/gr/medialive_region.html> (adjustable per region) and
/// the user guide's eml-limitations-and-rules (fixed).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Quotas {
    /// Channels per region
    pub channels: usize,
    /// Push inputs per region
    pub push_inputs: usize,
    /// Pull inputs per region
    pub pull_inputs: usize,
    /// Input security groups per region
    pub security_groups: usize,
    /// MediaConnect's routers
    pub router: RouterQuotas,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            channels: 5,
            push_inputs: 5,
            pull_inputs: 100,
            security_groups: 5,
            router: RouterQuotas::default(),
        }
    }
}

/// What a world is made with
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// The region in ARNs
    pub region: String,
    /// The account in ARNs
    pub account: String,
    /// What is unconfirmed about MediaLive
    pub switches: Switches,
    /// The account's limits
    pub quotas: Quotas,
}

/// One region of one account, as MediaLive sees it
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct World {
    settings: Settings,
    dice: Dice,
    faults: Faults,
    channels: BTreeMap<String, Channel>,
    inputs: BTreeMap<String, Input>,
    groups: BTreeMap<String, SecurityGroup>,
    requests: VecDeque<Remembered>,
    next_id: u64,
    /// Outputs, inputs and network interfaces of MediaConnect
    #[serde(default)]
    router: Router,
}

/// The greatest age of a world: a thousand years. Sums of such times are still far from the largest duration
const AGE_MAX: Duration = Duration::from_hours(1_000 * 366 * 24);

/// Highest number that a count kept in a world may have: beyond, adding to it would end somewhere
const COUNT_MAX: u64 = 1 << 62;

/// A creation that a retry with the same requestId must not repeat (botocore service model, `requestId`)
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Remembered {
    operation: Operation,
    request_id: String,
    /// Of the body: another request under the same id is recognised without keeping the body
    digest: u64,
    resource: String,
}

impl World {
    /// An empty region
    pub fn new(settings: Settings, seed: u64) -> Self {
        Self {
            settings,
            dice: Dice::new(seed, 0),
            faults: Faults::new(seed),
            channels: BTreeMap::new(),
            inputs: BTreeMap::new(),
            groups: BTreeMap::new(),
            requests: VecDeque::new(),
            next_id: 5_000_000,
            router: Router::new(seed),
        }
    }

    /// What of a world that was kept for `elapsed` is impossible; `None` if nothing is
    ///
    /// Only what would break sums. Documents may be anything: tests change them without a call.
    pub(super) fn impossible(&self, elapsed: Duration) -> Option<&'static str> {
        let counts = self.next_id <= COUNT_MAX
            && self
                .channels
                .values()
                .all(|channel| channel.alerts_raised <= COUNT_MAX);
        let channels = self.channels.values().flat_map(Channel::times);
        let inputs = self.inputs.values().filter_map(Input::next_at);
        let routers = self.router.times();
        let mut times = channels
            .chain(inputs)
            .chain(routers)
            .chain(self.faults.times())
            .chain([elapsed]);
        if times.any(|time| time > AGE_MAX) {
            Some("a time in it is beyond a thousand years")
        } else if !counts {
            Some("a count in it is beyond all that can be counted")
        } else {
            None
        }
    }

    /// Answers a call, after whatever was due before it
    pub fn handle(&mut self, request: &Request, now: Now) -> Result<Value, ApiError> {
        use Operation as Op;
        self.advance(now);
        self.check_body(request)?;
        self.check_policy(request)?;
        match request.operation {
            Op::CreateChannel => self.create_channel(request, now),
            Op::DescribeChannel => self.describe_channel(&request.id),
            Op::ListChannels => self.list_channels(request, now),
            Op::UpdateChannel => self.update_channel(request, now),
            Op::UpdateChannelClass => self.update_channel_class(request, now),
            Op::DeleteChannel => self.delete_channel(&request.id, now),
            Op::StartChannel => self.start_channel(&request.id, request.twist.outcome, now),
            Op::StopChannel => self.stop_channel(&request.id, now),
            Op::RestartChannelPipelines => self.restart_pipelines(request, now),
            Op::ListAlerts => self.list_alerts(request, now),
            Op::BatchUpdateSchedule => self.update_schedule(request, now),
            Op::DescribeSchedule => self.describe_schedule(request),
            Op::DeleteSchedule => self.delete_schedule(&request.id),
            Op::BatchStart | Op::BatchStop | Op::BatchDelete => self.batch(request, now),
            Op::CreateInput => self.create_input(request, now),
            Op::DescribeInput => self.describe_input(&request.id),
            Op::ListInputs => self.list_inputs(request),
            Op::UpdateInput => self.update_input(request),
            Op::DeleteInput => self.delete_input(&request.id, now),
            Op::CreateInputSecurityGroup => self.create_group(request),
            Op::DescribeInputSecurityGroup => self.describe_group(&request.id),
            Op::ListInputSecurityGroups => self.list_groups(request),
            Op::UpdateInputSecurityGroup => self.update_group(request),
            Op::DeleteInputSecurityGroup => self.delete_group(&request.id, now),
            Op::CreateTags => self.create_tags(request),
            Op::DeleteTags => self.delete_tags(request),
            Op::ListTagsForResource => self.list_tags(&request.id),
            Op::Router(operation) => self.call_router(operation, request, now),
        }
    }

    /// Takes every step that is due: transitions, schedules, events of faults
    pub fn advance(&mut self, now: Now) {
        let ids: Vec<String> = self
            .channels
            .iter()
            .filter(|(_, channel)| channel.due(now.elapsed))
            .map(|(id, _)| id.clone())
            .collect();
        for id in ids {
            while let Some(change) = self
                .channels
                .get_mut(&id)
                .and_then(|channel| channel.step(now.elapsed))
            {
                self.settle(&id, change, now);
            }
        }
        for input in self.inputs.values_mut() {
            input.advance(now.elapsed);
        }
        self.forget_deleted(now);
        self.router.advance(now);
        for channel in self.channels.values_mut() {
            channel.advance_schedule(now);
            channel.forget_alerts(now);
        }
        self.strike(now);
    }

    /// Holds the body against the service model; what is there already and was accepted once is not refused again
    fn check_body(&self, request: &Request) -> Result<(), ApiError> {
        // MediaConnect's lists have their filters in a body.
        if request.operation.is_read() && !matches!(request.operation, Operation::Router(_)) {
            return Ok(());
        }
        let stored = match request.operation {
            Operation::UpdateChannel => self.channels.get(&request.id).map(|channel| &channel.doc),
            Operation::UpdateInput => self.inputs.get(&request.id).map(|input| &input.doc),
            _ => None,
        };
        validate::request(request, stored, &self.settings.switches)
    }

    /// Forgets what was deleted so long ago that Describe no longer answers it
    fn forget_deleted(&mut self, now: Now) {
        let kept = match self.settings.switches.tombstone_seconds {
            0 => return,
            seconds => Duration::from_secs(seconds),
        };
        let is_over =
            |since: Option<Duration>| since.is_some_and(|since| now.elapsed.saturating_sub(since) >= kept);
        let channels = self.channels.len();
        self.channels
            .retain(|_, channel| !channel.is_forgotten(now.elapsed, kept));
        let inputs = self.inputs.len();
        self.inputs.retain(|_, input| !is_over(input.gone_at()));
        self.groups.retain(|_, group| !is_over(group.gone_at));
        // A retry of a creation that is long over is a new one.
        if channels != self.channels.len() || inputs != self.inputs.len() {
            let (channels, inputs) = (&self.channels, &self.inputs);
            self.requests.retain(|entry| {
                channels.contains_key(&entry.resource) || inputs.contains_key(&entry.resource)
            });
        }
    }

    /// What follows from a change of state beyond the channel itself
    fn settle(&mut self, id: &str, change: Change, now: Now) {
        let keeps_old = self.settings.switches.failed_update_keeps_old;
        if let Some(channel) = self.channels.get_mut(id) {
            channel.entered(change.to, keeps_old, now);
        }
        if change.from == State::Updating {
            self.reattach(id);
        }
        if change.to == State::Deleted {
            self.detach_all(id);
        }
    }

    /// Lets the events that are due befall the running channels, or what routers have, they are meant for
    fn strike(&mut self, now: Now) {
        for event in self.faults.due(now.elapsed) {
            if event.kind.is_of_router() {
                let switches = &self.settings.switches;
                if self
                    .router
                    .befall(&event.kind, event.resource.as_deref(), now, switches)
                {
                    self.faults.used(&event);
                }
                continue;
            }
            let ids: Vec<String> = self
                .channels
                .iter()
                .filter(|(id, channel)| {
                    channel.state() == State::Running
                        && event.channel.as_ref().is_none_or(|wanted| wanted == *id)
                })
                .map(|(id, _)| id.clone())
                .collect();
            for id in &ids {
                self.befall(id, &event, now);
            }
            if !ids.is_empty() {
                self.faults.used(&event);
            }
        }
    }

    fn befall(&mut self, id: &str, event: &Event, now: Now) {
        let Some(channel) = self.channels.get_mut(id) else {
            return;
        };
        match &event.kind {
            FaultKind::Recovering { seconds } => {
                let drawn = self.dice.recover();
                let wanted = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                channel.begin(
                    now.elapsed,
                    State::Recovering,
                    &[(wanted.unwrap_or(drawn), State::Running)],
                );
            }
            FaultKind::Maintenance if channel.is_standard() => {}
            FaultKind::Maintenance => {
                let steps = [
                    (self.dice.stop(), State::Starting),
                    (self.dice.start(), State::Running),
                ];
                channel.begin(now.elapsed, State::Stopping, &steps);
            }
            FaultKind::Alert {
                alert_type,
                message,
                pipeline_id,
            } => {
                channel.raise(alert_type, message, pipeline_id, now);
            }
            _ => {}
        }
    }

    /// Moves the world's whole time line by `by`, for a world that begins again while its clock runs on
    pub(super) fn rebase(&mut self, by: Duration) {
        for channel in self.channels.values_mut() {
            channel.rebase(by);
        }
        self.router.rebase(by);
    }

    /// The faults that are armed
    pub const fn faults(&mut self) -> &mut Faults {
        &mut self.faults
    }

    /// What the world was made with
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The channels by id, tombstones included
    pub const fn channels(&self) -> &BTreeMap<String, Channel> {
        &self.channels
    }

    /// The inputs by id, tombstones included
    pub const fn inputs(&self) -> &BTreeMap<String, Input> {
        &self.inputs
    }

    /// What MediaConnect's routers have
    pub const fn router(&self) -> &Router {
        &self.router
    }

    /// A channel, tombstone or not
    pub fn channel(&self, id: &str) -> Option<&Channel> {
        self.channels.get(id)
    }

    /// A channel to be changed without a call; no rule is checked
    pub fn channel_mut(&mut self, id: &str) -> Option<&mut Channel> {
        self.channels.get_mut(id)
    }

    /// Puts a channel into a state in which it stays, whatever it was doing; false if there is no such channel
    pub fn force_state(&mut self, id: &str, state: State, now: Now) -> bool {
        let Some(channel) = self.channels.get_mut(id) else {
            return false;
        };
        let from = channel.state();
        channel.begin(now.elapsed, state, &[]);
        self.settle(
            id,
            Change {
                at: now.elapsed,
                from,
                to: state,
            },
            now,
        );
        true
    }

    /// Takes a channel away without a tombstone, as if it had never been; its inputs become free
    pub fn remove_channel(&mut self, id: &str) -> Option<Channel> {
        self.detach_all(id);
        self.channels.remove(id)
    }

    /// Changes what the world was made with, for a test that tries the other reading of an unknown
    pub const fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    /// The resource that an earlier creation under the same requestId made; an error if that was another request
    fn remembered(&self, request: &Request) -> Result<Option<String>, ApiError> {
        let Some(request_id) = request_id(request) else {
            return Ok(None);
        };
        let digest = request.digest();
        let same =
            |entry: &&Remembered| entry.operation == request.operation && entry.request_id == request_id;
        match self.requests.iter().find(same) {
            None => Ok(None),
            Some(entry) if entry.digest == digest => Ok(Some(entry.resource.clone())),
            Some(_) => Err(ApiError::new(
                super::error::ErrorKind::Conflict,
                "A request with the same requestId but different parameters was made before.",
            )),
        }
    }

    fn remember(&mut self, request: &Request, resource: &str) {
        let Some(request_id) = request_id(request) else {
            return;
        };
        if self.requests.len() == REQUESTS_MAX {
            self.requests.pop_front();
        }
        self.requests.push_back(Remembered {
            operation: request.operation,
            request_id: request_id.to_owned(),
            digest: request.digest(),
            resource: resource.to_owned(),
        });
    }

    /// A number that no resource has yet
    fn new_id(&mut self) -> String {
        loop {
            self.next_id += 1;
            let id = self.next_id.to_string();
            if !self.channels.contains_key(&id)
                && !self.inputs.contains_key(&id)
                && !self.groups.contains_key(&id)
            {
                return id;
            }
        }
    }

    fn arn(&self, kind: &str, id: &str) -> String {
        format!(
            "arn:aws:medialive:{}:{}:{kind}:{id}",
            self.settings.region, self.settings.account
        )
    }
}

fn request_id(request: &Request) -> Option<&str> {
    request
        .body
        .get("requestId")
        .and_then(Value::as_str)
        .filter(|id| !id.is_empty())
}
