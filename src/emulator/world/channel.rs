//! A channel: its configuration, its life, and what it was a while ago.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Alert, Document, Scheduled, document};
use crate::emulator::channel::{Change, Lifecycle, State};
use crate::emulator::request::Now;

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
    pub(super) fn new(doc: Document, life: Lifecycle, created: Duration) -> Self {
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

    /// The configuration, to be changed without a call, as if it had always been so; no rule is checked
    pub const fn document_mut(&mut self) -> &mut Document {
        &mut self.doc
    }

    /// Changes the configuration without a call; no rule is checked. A stale List shows what it was before
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
    pub(super) fn state_at(&self, at: Duration) -> Option<State> {
        let past = self.history.iter().find(|past| past.until > at);
        (at >= self.created).then(|| past.map_or(self.state(), |past| past.state))
    }

    /// How List shows the channel as of `at`, when it existed
    pub(super) fn summary_at(&self, at: Duration) -> Document {
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
    pub(super) fn delete_next(&mut self, now: Duration, takes: Duration) {
        if self.life.steps().next().is_none() {
            self.record(now);
        }
        self.life.delete_next(now, takes);
    }

    /// Whether it was deleted so long ago that Describe no longer returns it
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

    /// Takes over the configuration of an update, which may yet fail
    pub(super) fn update(&mut self, doc: Document) {
        self.previous = Some(self.reconfigure(doc));
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
