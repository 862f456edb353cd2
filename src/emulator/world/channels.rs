//! Channels: the operations on them, and the channel itself.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::page::page;
use super::{Alert, Document, Scheduled, World, document};
use crate::emulator::channel::{Change, Command, Lifecycle, State, Verdict, judge};
use crate::emulator::dice::Dice;
use crate::emulator::error::{ApiError, ErrorKind};
use crate::emulator::request::{Now, Outcome, Request};
use crate::emulator::validate;

/// How many changes of a channel a stale List can reach back over
const HISTORY_MAX: usize = 16;

/// A channel
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Channel {
    /// What Describe shows, except for what is computed (state, pipelines)
    pub(super) doc: Document,
    life: Lifecycle,
    created: Duration,
    /// The configuration to go back to if the update under way fails
    previous: Option<Document>,
    pub(super) schedule: Vec<Scheduled>,
    pub(super) alerts: Vec<Alert>,
    pub(super) alerts_raised: u64,
    history: VecDeque<Past>,
}

/// How a channel was until something changed
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Past {
    until: Duration,
    state: State,
    /// As List shows it; absent if it was the same after the change, which most changes are
    doc: Option<Document>,
}

impl Channel {
    fn new(doc: Document, life: Lifecycle, created: Duration) -> Self {
        Self {
            doc,
            life,
            created,
            previous: None,
            schedule: Vec::new(),
            alerts: Vec::new(),
            alerts_raised: 0,
            history: VecDeque::new(),
        }
    }

    /// Every time that is kept of it
    pub(super) fn times(&self) -> impl Iterator<Item = Duration> + '_ {
        let ahead = self.life.steps().map(|step| step.at);
        let past = self.history.iter().map(|past| past.until);
        ahead.chain(past).chain([self.life.since(), self.created])
    }

    /// The state now
    pub const fn state(&self) -> State {
        self.life.state()
    }

    /// Where the channel is, since when, and what lies ahead
    pub const fn life(&self) -> &Lifecycle {
        &self.life
    }

    /// The configuration, without the fields that are computed
    pub const fn document(&self) -> &Document {
        &self.doc
    }

    /// The configuration, to be changed behind everyone's back, as if it had always been so; no rule is checked
    pub const fn document_mut(&mut self) -> &mut Document {
        &mut self.doc
    }

    /// Changes the configuration behind everyone's back; no rule is checked. A stale List shows what it was before
    pub fn edit(&mut self, now: Now, change: impl FnOnce(&mut Document)) {
        self.record(now.elapsed);
        let mut doc = self.doc.clone();
        change(&mut doc);
        self.reconfigure(doc);
    }

    /// The schedule's actions
    pub fn schedule(&self) -> &[Scheduled] {
        &self.schedule
    }

    /// The channel's ARN
    pub fn arn(&self) -> &str {
        self.doc.get("arn").and_then(Value::as_str).unwrap_or_default()
    }

    /// True if the channel has two pipelines
    pub fn is_standard(&self) -> bool {
        document::is_standard(&self.doc)
    }

    /// What Describe shows
    pub fn describe(&self) -> Document {
        let healthy = document::healthy_pipelines(&self.doc, self.state());
        let mut doc = document::with_state(self.doc.clone(), self.state());
        doc.insert("pipelineDetails".into(), self.pipeline_details(healthy));
        doc
    }

    /// What List shows
    pub fn summary(&self) -> Document {
        document::with_state(document::summary(&self.doc), self.state())
    }

    fn pipeline_details(&self, count: usize) -> Value {
        let attachment = self.doc.get("inputAttachments").and_then(|list| list.get(0));
        let first = attachment
            .and_then(|first| first.get("inputAttachmentName"))
            .and_then(Value::as_str);
        let (input, action) = self
            .active_input()
            .unwrap_or((first.unwrap_or_default(), "Initial Channel Input"));
        let detail = |pipeline: usize| {
            json!({
                "activeInputAttachmentName": input,
                "activeInputSwitchActionName": action,
                "pipelineId": pipeline.to_string(),
            })
        };
        (0..count).map(detail).collect()
    }

    /// The state as of `at` and all that came after it, as far as they are remembered, the last one now
    pub fn states_since(&self, at: Duration) -> impl Iterator<Item = State> + '_ {
        let past = self.history.iter().filter(move |past| past.until > at);
        past.map(|past| past.state).chain([self.state()])
    }

    /// The state as of `at`; none if the channel did not exist yet
    fn state_at(&self, at: Duration) -> Option<State> {
        let past = self.history.iter().find(|past| past.until > at);
        (at >= self.created).then(|| past.map_or(self.state(), |past| past.state))
    }

    /// How List shows the channel as of `at`, when it existed
    fn summary_at(&self, at: Duration) -> Document {
        let later = self.history.iter().filter(|past| past.until > at);
        let doc = later.map(|past| &past.doc).find_map(Clone::clone);
        let doc = doc.unwrap_or_else(|| document::summary(&self.doc));
        document::with_state(doc, self.state_at(at).unwrap_or(self.state()))
    }

    /// True if a step is due
    pub(super) fn due(&self, now: Duration) -> bool {
        self.life.steps().next().is_some_and(|step| step.at <= now)
    }

    /// Takes the next step if it is due
    pub(super) fn step(&mut self, now: Duration) -> Option<Change> {
        let at = self.life.steps().next().filter(|step| step.at <= now)?.at;
        self.record(at);
        self.life.step(now)
    }

    /// Enters a state at once, with what is to follow
    pub(super) fn begin(&mut self, now: Duration, state: State, then: &[(Duration, State)]) {
        self.record(now);
        self.life.begin(now, state, then);
    }

    /// Is deleted as soon as it has stopped
    fn delete_next(&mut self, now: Duration, takes: Duration) {
        if self.life.steps().next().is_none() {
            self.record(now);
        }
        self.life.delete_next(now, takes);
    }

    /// Whether it was deleted so long ago that nobody knows it any more
    pub(super) fn is_forgotten(&self, now: Duration, kept: Duration) -> bool {
        self.state() == State::Deleted && now.saturating_sub(self.life.since()) >= kept
    }

    /// Moves the channel's time line
    pub(super) fn rebase(&mut self, by: Duration) {
        self.created += by;
        self.life.rebase(by);
    }

    fn record(&mut self, until: Duration) {
        if self.history.len() == HISTORY_MAX {
            self.history.pop_front();
        }
        self.history.push_back(Past {
            until,
            state: self.state(),
            doc: None,
        });
    }

    /// Takes over another configuration, right after the change of state that goes with it; answers the old one
    fn reconfigure(&mut self, doc: Document) -> Document {
        let old = std::mem::replace(&mut self.doc, doc);
        if let Some(past) = self.history.back_mut() {
            past.doc = Some(document::summary(&old));
        }
        old
    }

    /// What entering a state does to the channel itself
    pub(super) fn entered(&mut self, state: State, failed_update_keeps_old: bool, now: Now) {
        match state {
            State::UpdateFailed => {
                let previous = self.previous.take();
                if let Some(mut previous) = previous.filter(|_| failed_update_keeps_old) {
                    // Tags may change in any state and are no part of the update.
                    if let Some(tags) = self.doc.get("tags") {
                        previous.insert("tags".into(), tags.clone());
                    }
                    self.reconfigure(previous);
                }
            }
            State::Starting => self.reset_alerts(),
            State::Idle => {
                self.previous = None;
                self.clear_alerts(now);
            }
            _ => {}
        }
    }
}

impl World {
    pub(super) fn create_channel(&mut self, request: &Request, now: Now) -> Result<Value, ApiError> {
        if let Some(id) = self.remembered(request)? {
            return Ok(self.wrapped(&id));
        }
        let body = validate::object(&request.body)?;
        let id = self.new_id();
        let mut doc = document::new_channel(body, &id, &self.arn("channel", &id));
        self.check_channel(&doc, &id, None)?;
        self.check_channel_quota()?;
        document::fill_defaults(&mut doc, &mut self.dice);
        let ends = match request.twist.outcome {
            Outcome::Normal => vec![(self.dice.create(), State::Idle)],
            Outcome::Fails => vec![(self.dice.create(), State::CreateFailed)],
            Outcome::Stuck => Vec::new(),
        };
        let mut life = Lifecycle::settled(State::Creating, now.elapsed);
        life.begin(now.elapsed, State::Creating, &ends);
        let channel = Channel::new(doc, life, now.elapsed);
        if is_dry_run(body) {
            return Ok(json!({"channel": channel.describe()}));
        }
        self.channels.insert(id.clone(), channel);
        self.attach(&id);
        self.remember(request, &id);
        Ok(self.wrapped(&id))
    }

    pub(super) fn describe_channel(&self, id: &str) -> Result<Value, ApiError> {
        Ok(Value::Object(self.known_channel(id)?.describe()))
    }

    pub(super) fn list_channels(&self, request: &Request, now: Now) -> Result<Value, ApiError> {
        let at = request.twist.stale.map(|ago| now.elapsed.saturating_sub(ago));
        let deleted = self.settings.switches.list_shows_deleted;
        let shown = |channel: &Channel| {
            let state = at.map_or(Some(channel.state()), |at| channel.state_at(at));
            state.is_some_and(|state| deleted || state != State::Deleted)
        };
        let listed = self.channels.iter().filter(|(_, channel)| shown(channel));
        let left_out = request.twist.left_out;
        let listed = listed
            .enumerate()
            .filter(|(place, _)| Some(*place) != left_out)
            .map(|(_, one)| one);
        let page = page("channels", listed, &request.query, &self.settings.switches)?;
        let look = |channel: &&Channel| at.map_or_else(|| channel.summary(), |at| channel.summary_at(at));
        let summaries: Vec<Document> = page.items.iter().map(look).collect();
        Ok(with_token(json!({"channels": summaries}), page.next))
    }

    pub(super) fn update_channel(&mut self, request: &Request, now: Now) -> Result<Value, ApiError> {
        let body = validate::object(&request.body)?;
        let verdict = self.judge(&request.id, Command::Update)?;
        let strips = self.settings.switches.omitted_role_removed;
        let doc = document::updated(&self.known_channel(&request.id)?.doc, body, strips);
        self.change_channel(&request.id, doc, verdict, request, now)
    }

    /// Only when idle; going to a single pipeline drops each second destination (botocore service model)
    pub(super) fn update_channel_class(&mut self, request: &Request, now: Now) -> Result<Value, ApiError> {
        let body = validate::object(&request.body)?;
        let verdict = self.judge(&request.id, Command::ChangeClass)?;
        let doc = document::with_class(&self.known_channel(&request.id)?.doc, body);
        self.change_channel(&request.id, doc, verdict, request, now)
    }

    fn change_channel(
        &mut self,
        id: &str,
        mut doc: Document,
        verdict: Verdict,
        request: &Request,
        now: Now,
    ) -> Result<Value, ApiError> {
        let is_dry_run = request.body.as_object().is_some_and(is_dry_run);
        if !(is_dry_run && self.settings.switches.dry_run_while_running) {
            permit(verdict)?;
        }
        self.check_channel(&doc, id, self.channels.get(id).map(|channel| &channel.doc))?;
        document::fill_defaults(&mut doc, &mut self.dice);
        let ends = match request.twist.outcome {
            Outcome::Normal => vec![(self.dice.update(), State::Idle)],
            Outcome::Fails => vec![(self.dice.update(), State::UpdateFailed)],
            Outcome::Stuck => Vec::new(),
        };
        let Some(channel) = self.channels.get_mut(id) else {
            return Err(ApiError::not_found("Channel", id));
        };
        if is_dry_run {
            let preview = Channel {
                doc,
                ..channel.clone()
            };
            return Ok(json!({"channel": preview.describe()}));
        }
        channel.begin(now.elapsed, State::Updating, &ends);
        channel.previous = Some(channel.reconfigure(doc));
        self.attach(id);
        Ok(self.wrapped(id))
    }

    pub(super) fn start_channel(&mut self, id: &str, outcome: Outcome, now: Now) -> Result<Value, ApiError> {
        self.command(id, Command::Start, State::Starting, now, |dice| match outcome {
            Outcome::Normal => Some((dice.start(), State::Running)),
            Outcome::Fails => Some((dice.start(), State::Idle)),
            Outcome::Stuck => None,
        })
    }

    pub(super) fn stop_channel(&mut self, id: &str, now: Now) -> Result<Value, ApiError> {
        self.command(id, Command::Stop, State::Stopping, now, |dice| {
            Some((dice.stop(), State::Idle))
        })
    }

    pub(super) fn delete_channel(&mut self, id: &str, now: Now) -> Result<Value, ApiError> {
        if self.known_channel(id)?.state() == State::Stopping && permit(self.judge(id, Command::Delete)?)? {
            let is_new = self
                .channels
                .get(id)
                .is_some_and(|channel| !channel.life.is_deleted_next());
            if is_new {
                let takes = self.dice.delete();
                if let Some(channel) = self.channels.get_mut(id) {
                    channel.delete_next(now.elapsed, takes);
                }
            }
            return self.describe_channel(id);
        }
        self.command(id, Command::Delete, State::Deleting, now, |dice| {
            Some((dice.delete(), State::Deleted))
        })
    }

    /// Restarts the encode without new configuration; shown as RECOVERING meanwhile, which is a guess
    pub(super) fn restart_pipelines(&mut self, request: &Request, now: Now) -> Result<Value, ApiError> {
        self.command(&request.id, Command::Restart, State::Recovering, now, |dice| {
            Some((dice.recover(), State::Running))
        })
    }

    /// Enters `state` if the channel takes the command; `ends` draws when that ends and in what
    ///
    /// A refused command draws nothing, so that a client which tries too often does not shift what follows.
    fn command(
        &mut self,
        id: &str,
        command: Command,
        state: State,
        now: Now,
        ends: impl FnOnce(&mut Dice) -> Option<(Duration, State)>,
    ) -> Result<Value, ApiError> {
        let proceed = permit(self.judge(id, command)?)?;
        if proceed && let Some(channel) = self.channels.get_mut(id) {
            channel.begin(now.elapsed, state, ends(&mut self.dice).as_slice());
            channel.entered(state, self.settings.switches.failed_update_keeps_old, now);
        }
        self.describe_channel(id)
    }

    /// Unknown ids are 404; an id that once existed is judged by its state
    fn judge(&self, id: &str, command: Command) -> Result<Verdict, ApiError> {
        let channel = self.known_channel(id)?;
        Ok(judge(channel.state(), command, &self.settings.switches))
    }

    pub(super) fn known_channel(&self, id: &str) -> Result<&Channel, ApiError> {
        self.channels
            .get(id)
            .ok_or_else(|| ApiError::not_found("Channel", id))
    }

    /// Create and Update wrap their answer in `channel`, the others are flat (botocore service model)
    fn wrapped(&self, id: &str) -> Value {
        json!({"channel": self.channels.get(id).map(Channel::describe)})
    }

    pub(super) fn check_channel(
        &self,
        doc: &Document,
        id: &str,
        before: Option<&Document>,
    ) -> Result<(), ApiError> {
        let inputs = self
            .inputs
            .iter()
            .map(|(id, input)| (id.as_str(), input.facts()))
            .collect();
        validate::channel(doc, id, before, &inputs, &self.settings.switches)
    }

    /// Type and text of this refusal are unconfirmed; 429 is the harder one for a client, as SDKs retry it
    fn check_channel_quota(&self) -> Result<(), ApiError> {
        let count = self
            .channels
            .values()
            .filter(|channel| channel.state() != State::Deleted)
            .count();
        if count < self.settings.quotas.channels {
            return Ok(());
        }
        Err(ApiError::new(
            ErrorKind::TooManyRequests,
            format!(
                "Limit exceeded: the account has {count} channels, its quota is {}",
                self.settings.quotas.channels
            ),
        ))
    }

    /// Gives the channel the inputs its configuration names; those of the configuration before stay until the
    /// update has ended, as it may yet fail and want them back
    pub(super) fn attach(&mut self, id: &str) {
        let Some(channel) = self.channels.get(id) else {
            return;
        };
        for input_id in document::input_ids(&channel.doc) {
            if let Some(input) = self.inputs.get_mut(&input_id) {
                input.attach(id);
            }
        }
    }

    /// Lets go of the inputs that the channel's configuration no longer names
    pub(super) fn reattach(&mut self, id: &str) {
        let Some(channel) = self.channels.get(id) else {
            return;
        };
        let wanted = document::input_ids(&channel.doc);
        for (input_id, input) in &mut self.inputs {
            if !wanted.contains(input_id) {
                input.detach(id);
            }
        }
    }

    pub(super) fn detach_all(&mut self, id: &str) {
        for input in self.inputs.values_mut() {
            input.detach(id);
        }
    }

    /// Takes in a channel that exists already, as a fleet file describes it
    ///
    /// A channel in transition arrives after a drawn time; one without a state is IDLE.
    pub fn admit_channel(&mut self, id: &str, mut doc: Document) {
        let named = doc.get("state").and_then(Value::as_str).and_then(State::parse);
        let state = named.unwrap_or(State::Idle);
        doc.entry("arn").or_insert_with(|| json!(self.arn("channel", id)));
        doc.entry("tags").or_insert_with(|| json!({}));
        let mut life = Lifecycle::settled(state, Duration::ZERO);
        let ends = match state {
            State::Creating => Some((self.dice.create(), State::Idle)),
            State::Starting => Some((self.dice.start(), State::Running)),
            State::Recovering => Some((self.dice.recover(), State::Running)),
            State::Stopping => Some((self.dice.stop(), State::Idle)),
            State::Updating => Some((self.dice.update(), State::Idle)),
            State::Deleting => Some((self.dice.delete(), State::Deleted)),
            _ => None,
        };
        life.begin(Duration::ZERO, state, ends.as_slice());
        self.channels
            .insert(id.to_owned(), Channel::new(doc, life, Duration::ZERO));
        self.attach(id);
    }
}

/// Whether to carry the command out
fn permit(verdict: Verdict) -> Result<bool, ApiError> {
    match verdict {
        Verdict::Proceed => Ok(true),
        Verdict::Quiet => Ok(false),
        Verdict::Refuse(text) => Err(ApiError::new(ErrorKind::Conflict, text)),
        Verdict::BadRequest(text) => Err(ApiError::new(ErrorKind::BadRequest, text)),
    }
}

/// `dryRun` has no documentation; here everything is checked, nothing is done, and the answer shows what would be
fn is_dry_run(body: &Document) -> bool {
    body.get("dryRun").and_then(Value::as_bool) == Some(true)
}

/// The list's answer with its token, if there is a next page
pub(super) fn with_token(mut answer: Value, next: Option<String>) -> Value {
    if let (Some(token), Some(object)) = (next, answer.as_object_mut()) {
        object.insert("nextToken".into(), json!(token));
    }
    answer
}
