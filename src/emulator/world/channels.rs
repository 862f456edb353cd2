//! The operations on channels.

use std::time::Duration;

use serde_json::{Value, json};

use super::channel::Channel;
use super::{Document, World, document};
use crate::emulator::channel::{Command, Lifecycle, State, Verdict, judge};
use crate::emulator::dice::Dice;
use crate::emulator::error::{ApiError, ErrorKind};
use crate::emulator::page::page;
use crate::emulator::request::{Now, Request, TransitionOutcome};
use crate::emulator::validate;

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
            TransitionOutcome::Normal => vec![(self.dice.create(), State::Idle)],
            TransitionOutcome::Fails => vec![(self.dice.create(), State::CreateFailed)],
            TransitionOutcome::Stuck => Vec::new(),
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
        Ok(Value::Object(self.show_links(self.known_channel(id)?.describe())))
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
            TransitionOutcome::Normal => vec![(self.dice.update(), State::Idle)],
            TransitionOutcome::Fails => vec![(self.dice.update(), State::UpdateFailed)],
            TransitionOutcome::Stuck => Vec::new(),
        };
        let Some(channel) = self.channels.get_mut(id) else {
            return Err(ApiError::not_found("Channel", id));
        };
        if is_dry_run {
            let mut preview = channel.clone();
            preview.doc = doc;
            return Ok(json!({"channel": preview.describe()}));
        }
        channel.begin(now.elapsed, State::Updating, &ends);
        channel.update(doc);
        self.attach(id);
        Ok(self.wrapped(id))
    }

    pub(super) fn start_channel(
        &mut self,
        id: &str,
        outcome: TransitionOutcome,
        now: Now,
    ) -> Result<Value, ApiError> {
        self.command(id, Command::Start, State::Starting, now, |dice| match outcome {
            TransitionOutcome::Normal => Some((dice.start(), State::Running)),
            TransitionOutcome::Fails => Some((dice.start(), State::Idle)),
            TransitionOutcome::Stuck => None,
        })
    }

    pub(super) fn stop_channel(&mut self, id: &str, now: Now) -> Result<Value, ApiError> {
        self.command(id, Command::Stop, State::Stopping, now, |dice| {
            Some((dice.stop(), State::Idle))
        })
    }

    pub(super) fn delete_channel(&mut self, id: &str, now: Now) -> Result<Value, ApiError> {
        self.check_unlinked(id)?;
        if self.known_channel(id)?.state() == State::Stopping && permit(self.judge(id, Command::Delete)?)? {
            let is_new = self
                .channels
                .get(id)
                .is_some_and(|channel| !channel.life().is_deleted_next());
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
