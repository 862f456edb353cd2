//! A channel's schedule.
//!
//! No action starts, stops or re-points an output, so the emulator keeps and orders actions rather than playing
//! them; only the active input follows its switches. A batch is all or nothing, deletes first, then creates
//! (user guide, how-batch-schedule-requests-work). A completed action leaves about an hour after it started
//! (botocore service model, `ScheduleAction.ActionName`).

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::channels::with_token;
use super::{Channel, Document, World};
use crate::emulator::channel::State;
use crate::emulator::error::{ApiError, ErrorKind};
use crate::emulator::page::page;
use crate::emulator::request::{Now, Request};
use crate::emulator::validate::{self, Existing};

/// How long a started action stays in the schedule
const COMPLETED_SHOWN: SignedDuration = SignedDuration::from_hours(1);

/// An action of a schedule
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scheduled {
    /// As it was requested
    pub action: Document,
    /// When it is to start; none for an immediate action and for one that follows another
    pub at: Option<Timestamp>,
    /// When it started
    pub started: Option<Timestamp>,
}

impl Scheduled {
    /// The action's name, unique in the schedule
    pub fn name(&self) -> &str {
        self.action
            .get("actionName")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    fn is_immediate(&self) -> bool {
        self.action
            .get("scheduleActionStartSettings")
            .is_some_and(|start| start.get("immediateModeScheduleActionStartSettings").is_some())
    }

    fn input(&self) -> Option<&str> {
        let settings = self
            .action
            .get("scheduleActionSettings")?
            .get("inputSwitchSettings")?;
        settings
            .get("inputAttachmentNameReference")
            .and_then(Value::as_str)
    }
}

impl Channel {
    /// Starts what is due and forgets what is long over
    ///
    /// On an idle channel an immediate action runs "as soon as the channel starts" (user guide,
    /// schedule-fields-activate-image-per-output).
    pub(super) fn advance_schedule(&mut self, now: Now) {
        if self.schedule.is_empty() {
            return;
        }
        let running = self.state() == State::Running;
        for entry in self.schedule.iter_mut().filter(|entry| entry.started.is_none()) {
            match entry.at {
                Some(at) if at <= now.wall => entry.started = Some(at),
                None if running && entry.is_immediate() => entry.started = Some(now.wall),
                _ => {}
            }
        }
        let shown = |started: Timestamp| now.wall.duration_since(started) < COMPLETED_SHOWN;
        self.schedule.retain(|entry| entry.started.is_none_or(shown));
    }

    /// The input that the last switch made active, and the switch's name
    pub(super) fn active_input(&self) -> Option<(&str, &str)> {
        let started = self.schedule.iter().filter(|entry| entry.started.is_some());
        let last = started
            .filter(|entry| entry.input().is_some())
            .max_by_key(|entry| entry.started)?;
        Some((last.input()?, last.name()))
    }
}

impl World {
    pub(super) fn update_schedule(&mut self, request: &Request, now: Now) -> Result<Value, ApiError> {
        let body = validate::object(&request.body)?;
        let channel = self.known_channel(&request.id)?;
        if matches!(
            channel.state(),
            State::Creating | State::Deleting | State::Deleted | State::CreateFailed
        ) {
            // Seen in the wild though not modelled for this operation (sl-dazzler-eip-generator).
            let text = "Resource has been changed by another request, please re-submit";
            return Err(ApiError::new(ErrorKind::Conflict, text));
        }
        let existing: Vec<Existing<'_>> = channel
            .schedule
            .iter()
            .map(|entry| Existing {
                name: entry.name(),
                at: entry.at,
                action: &entry.action,
            })
            .collect();
        let batch = validate::schedule(body, &channel.doc, &existing, now.wall)?;
        let Some(channel) = self.channels.get_mut(&request.id) else {
            return Ok(Value::Null);
        };
        let (gone, kept): (Vec<_>, Vec<_>) = channel
            .schedule
            .drain(..)
            .partition(|entry| batch.deletes.iter().any(|name| name == entry.name()));
        channel.schedule = kept;
        let created: Vec<Document> = batch.creates.iter().map(|(action, _)| action.clone()).collect();
        for (action, at) in batch.creates {
            channel.schedule.push(Scheduled {
                action,
                at,
                started: None,
            });
        }
        channel.advance_schedule(now);
        let gone: Vec<Document> = gone.into_iter().map(|entry| entry.action).collect();
        Ok(json!({"creates": {"scheduleActions": created}, "deletes": {"scheduleActions": gone}}))
    }

    pub(super) fn describe_schedule(&self, request: &Request) -> Result<Value, ApiError> {
        let channel = self.known_channel(&request.id)?;
        // The place in the schedule is the page's name: actions are only added at the end.
        let shown = channel
            .schedule
            .iter()
            .enumerate()
            .map(|(index, entry)| (format!("{index:06}"), entry.action.clone()));
        let page = page("schedule", shown, &request.query, &self.settings.switches)?;
        Ok(with_token(json!({"scheduleActions": page.items}), page.next))
    }

    pub(super) fn delete_schedule(&mut self, id: &str) -> Result<Value, ApiError> {
        self.known_channel(id)?;
        if let Some(channel) = self.channels.get_mut(id) {
            channel.schedule.clear();
        }
        Ok(json!({}))
    }
}
