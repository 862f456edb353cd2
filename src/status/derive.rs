//! From a plan to its status.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::conditions::{ConditionKind, Conditions};
use super::output;
use super::{ChannelStatus, Condition, ConditionStatus, DestinationStatus, Phase, Status};
use crate::manifest::Rejected;
use crate::model::{
    ChannelId, ChannelState, Desired, Destination, DestinationName, OutputState, Trust, WantedState,
};
use crate::plan::router::{NotReady, OutputWaiting};
use crate::plan::{Action, ChannelPlan, DestinationPlan, Plan, Waiting};

/// What is true now. Times of `previous` are kept where nothing changed.
pub fn status(
    desired: &Desired,
    rejected: &[Rejected],
    plan: &Plan,
    previous: &Status,
    now: Timestamp,
) -> Status {
    let channels: BTreeMap<&ChannelId, &ChannelPlan> =
        plan.channels.iter().map(|plan| (&plan.id, plan)).collect();
    let set_aside: BTreeMap<&str, &Rejected> = rejected
        .iter()
        .filter(|entry| entry.object.kind == "Destination")
        .map(|entry| (entry.object.name.as_str(), entry))
        .collect();

    let valid = plan.destinations.iter().filter_map(|planned| {
        let declared = desired.destinations.get(&planned.name)?;
        let before = previous.destination(planned.name.as_str());
        let view = View::of(planned, declared, &channels, before.map(AsRef::as_ref));
        let rejected = set_aside.get(planned.name.as_str()).copied();
        let status = view.status(rejected, before.map(AsRef::as_ref), now);
        Some(shared(status, before))
    });
    let invalid = rejected
        .iter()
        .filter(|entry| entry.object.kind == "Destination" && !entry.object.name.is_empty())
        .filter(|entry| !desired.destinations.contains_key(entry.object.name.as_str()))
        .map(|entry| {
            let before = previous.destination(&entry.object.name);
            shared(invalid(entry, before.map(AsRef::as_ref), now), before)
        });
    let mut destinations = Vec::with_capacity(plan.destinations.len());
    destinations.extend(valid.chain(invalid));
    destinations.sort_by(|a, b| a.name.cmp(&b.name));
    Status {
        destinations,
        channels: plan.channels.iter().map(channel).collect(),
        outputs: output::outputs(plan),
        feeds: plan.feeds.clone(),
        conditions: vec![source_trusted(&desired.trust, &previous.conditions, now)],
    }
}

/// Where a destination stands by what was seen now. `channel` is the one that carries it, or will.
pub fn phase(planned: &DestinationPlan, channel: Option<&ChannelPlan>) -> Phase {
    if output::is_told_by_output(planned) {
        return output::phase(planned);
    }
    let paused = matches!(planned.waiting, Some(Waiting::Paused { pool: None, .. }));
    let state = channel
        .and_then(|channel| channel.seen.as_ref())
        .map(|seen| seen.state);
    let is_carried_by_running = planned.held.is_some() && state.is_some_and(ChannelState::is_running);
    let is_on_air = planned.on_air;
    match planned.state {
        state if is_on_air && (paused || state == WantedState::Streaming) => Phase::Streaming,
        WantedState::Streaming => phase_off_air(planned, state),
        WantedState::Ready if is_on_air || is_carried_by_running => Phase::Stopping,
        WantedState::Ready => Phase::Ready,
    }
}

/// Wanted, and not seen on air. What is only planned is `Pending`: it is on its way once its channel is seen in
/// transition.
fn phase_off_air(planned: &DestinationPlan, state: Option<ChannelState>) -> Phase {
    let moves = state.is_some_and(|state| state.is_transition() || state == ChannelState::Recovering);
    match &planned.waiting {
        Some(
            Waiting::SecretUnavailable { .. }
            | Waiting::TargetRefused { .. }
            | Waiting::SlotIncompatible { .. },
        ) => Phase::Error,
        Some(waiting) if waiting.keeps_failing() => Phase::Error,
        _ if moves && is_unhindered(planned) => Phase::Starting,
        _ => Phase::Pending,
    }
}

/// Whether it has a slot and nothing but its channel between it and the air.
fn is_unhindered(planned: &DestinationPlan) -> bool {
    let waits_for_channel = matches!(
        planned.waiting,
        None | Some(
            Waiting::ChannelInTransition { .. }
                | Waiting::MaxConcurrent { .. }
                | Waiting::BackingOff { .. }
                | Waiting::Output(OutputWaiting::OutputInTransition { .. })
        )
    );
    let output = planned.output.as_ref();
    let is_made = output.is_some_and(|output| output.will_be_on_air && output.arn.is_some());
    waits_for_channel && (planned.assignment.is_some() || is_made)
}

/// Reasons with which what keeps failing is told.
const TRIED_AGAIN: [&str; 2] = ["BackingOff", "SourceNotReady"];

/// Whether what feeds its output is stopped, and is started just now.
fn awaits_source(planned: &DestinationPlan) -> bool {
    let Some(Waiting::Output(OutputWaiting::SourceNotReady { state, why, .. })) = &planned.waiting else {
        return false;
    };
    *why == NotReady::Starts && matches!(state, Some("IDLE" | "STANDBY"))
}

/// [`phase`], and what was on its way stays so between two steps: after an update its channel is IDLE for a moment. So does what kept
/// failing, while it is tried again.
fn phase_since(
    planned: &DestinationPlan,
    channel: Option<&ChannelPlan>,
    before: Option<&DestinationStatus>,
) -> Phase {
    let was = |phase: Phase| before.is_some_and(|before| before.phase == phase);
    let kept_failing = was(Phase::Error) && before.is_some_and(|before| TRIED_AGAIN.contains(&before.reason));
    match phase(planned, channel) {
        Phase::Pending if was(Phase::Starting) && is_unhindered(planned) => Phase::Starting,
        Phase::Pending if kept_failing && (is_unhindered(planned) || awaits_source(planned)) => Phase::Error,
        now => now,
    }
}

/// One destination with its declaration and the channel that matters to it.
struct View<'a> {
    planned: &'a DestinationPlan,
    declared: &'a Destination,
    /// The channel that carries it, or will.
    channel: Option<&'a ChannelPlan>,
    phase: Phase,
}

impl<'a> View<'a> {
    fn of(
        planned: &'a DestinationPlan,
        declared: &'a Destination,
        channels: &BTreeMap<&ChannelId, &'a ChannelPlan>,
        before: Option<&DestinationStatus>,
    ) -> Self {
        let channel = planned
            .slot()
            .and_then(|slot| channels.get(&slot.channel).copied());
        Self {
            planned,
            declared,
            channel,
            phase: phase_since(planned, channel, before),
        }
    }

    fn state(&self) -> Option<ChannelState> {
        Some(self.channel?.seen.as_ref()?.state)
    }

    fn reason(&self) -> &'static str {
        match (&self.planned.waiting, &self.planned.reason) {
            (Some(waiting), _) => waiting.code(),
            (None, _) if self.is_still_failing() => "BackingOff",
            (None, Some(reason)) => reason.code(),
            (None, None) if !output::messages(self.planned).is_empty() => "OutputMessage",
            (None, None) => "AsWanted",
        }
    }

    /// Whether it is an error only since it kept failing before: it is tried again just now.
    fn is_still_failing(&self) -> bool {
        self.phase == Phase::Error && phase(self.planned, self.channel) == Phase::Pending
    }

    /// One sentence: what keeps it, or where it is and what happens next.
    fn message(&self) -> String {
        let mut message = self.message_here();
        let said = output::messages(self.planned);
        if !said.is_empty() {
            message = format!("{message}; MediaConnect says: {}", said.join("; "));
        }
        match &self.planned.also_on_air {
            Some(place) => format!("{message}; its stream is, or may be, on air on {place} as well"),
            None => message,
        }
    }

    /// The same, of the slots of its pool.
    fn message_here(&self) -> String {
        if let Some(waiting) = &self.planned.waiting {
            return waiting.to_string();
        }
        if let Some(output) = &self.planned.output {
            return output::message(self.phase, output);
        }
        match (self.phase, self.planned.slot()) {
            (Phase::Streaming, Some(slot)) => format!("on air in {slot}"),
            (Phase::Pending, Some(slot)) => format!("goes to {slot}: {}", self.next()),
            (Phase::Starting, Some(slot)) => format!("{slot}: {}", self.next()),
            (Phase::Error, Some(slot)) if self.is_still_failing() => {
                format!("tried again in {slot}: {}", self.next())
            }
            (Phase::Stopping, Some(slot)) => format!("leaves {slot}: {}", self.next()),
            (Phase::Ready, Some(slot)) => {
                let off_air = match &self.planned.also_on_air {
                    Some(_) => "",
                    None => "off air; ",
                };
                format!("{off_air}{slot} holds it, so that a start needs no update")
            }
            _ if self.planned.also_on_air.is_some() => "in no slot".to_owned(),
            _ => "off air".to_owned(),
        }
    }

    /// What its channel does next, for a person.
    fn next(&self) -> &'static str {
        if self.state() == Some(ChannelState::Recovering) {
            return "the channel recovers from a failure by itself";
        }
        match self
            .channel
            .and_then(|channel| channel.steps.first())
            .map(|step| &step.action)
        {
            Some(Action::Wait) | None => match self.state() {
                Some(ChannelState::Starting) => "the channel is starting",
                Some(ChannelState::Stopping) => "the channel is stopping",
                Some(ChannelState::Updating) => "the channel is being updated",
                _ => "waits for its channel",
            },
            Some(Action::Adopt { .. }) => "the channel is adopted first",
            Some(Action::Record { .. }) => "its slots are recorded first",
            Some(Action::Stop) => "the channel stops",
            Some(Action::Update { .. }) => "the channel is updated, then started",
            Some(Action::Start) => "the channel starts",
        }
    }

    fn status(
        &self,
        rejected: Option<&Rejected>,
        before: Option<&DestinationStatus>,
        now: Timestamp,
    ) -> DestinationStatus {
        let is_known = |kind: &ConditionKind| {
            let is_of_output = matches!(kind, ConditionKind::Assigned | ConditionKind::OnAir);
            !is_of_output || !self.planned.is_unknown()
        };
        let kinds = [
            (
                ConditionKind::Synced,
                rejected.is_none() && !self.is_tried_again(),
            ),
            (ConditionKind::Assigned, self.is_assigned()),
            (ConditionKind::OnAir, self.planned.on_air),
            (ConditionKind::Blocked, self.is_blocked()),
            (ConditionKind::Degraded, self.is_degraded()),
        ];
        let kinds = kinds.into_iter().filter(|(kind, _)| is_known(kind));
        let mut conditions = Conditions::new(kinds, before.map(|before| &before.conditions), now);
        conditions.set_aside = rejected.map(|entry| entry.problem.to_string().into());
        DestinationStatus {
            name: self.planned.name.clone(),
            pool: Some(self.planned.pool.clone()),
            wanted: Some(self.planned.state),
            phase: self.phase,
            reason: self.reason(),
            message: self.message().into(),
            ways_out: self
                .planned
                .waiting
                .as_ref()
                .map(|waiting| waiting.ways_out_of(&self.planned.name))
                .unwrap_or_default(),
            slot: self.planned.slot().cloned(),
            output: self
                .planned
                .output
                .as_ref()
                .and_then(|output| output.name.clone()),
            since: before
                .filter(|status| status.phase == self.phase)
                .map_or(now, |status| status.since),
            observed_generation: self.declared.generation,
            conditions,
        }
    }

    /// Whether it has a slot, or a router output.
    fn is_assigned(&self) -> bool {
        let output = self.planned.output.as_ref();
        self.planned.assignment.is_some() || output.is_some_and(|output| output.arn.is_some())
    }

    /// Not where it is wanted, and not on its way.
    fn is_blocked(&self) -> bool {
        self.planned.waiting.is_some()
            && matches!(self.phase, Phase::Pending | Phase::Stopping | Phase::Error)
    }

    /// Whether a step on its behalf failed, and what is declared of it is not carried out until the next try.
    fn is_tried_again(&self) -> bool {
        matches!(
            self.planned.waiting,
            Some(Waiting::BackingOff { .. } | Waiting::Output(OutputWaiting::BackingOff { .. }))
        )
    }

    fn is_degraded(&self) -> bool {
        self.is_tried_again()
            || matches!(self.planned.waiting, Some(Waiting::ChannelFailed { .. }))
            || self.state() == Some(ChannelState::Recovering)
            || self.output_state().is_some_and(OutputState::is_failing)
            || self.is_output_unreadable()
            || !output::messages(self.planned).is_empty()
    }

    /// Whether its router output cannot be looked at, so that all that is known of it is from before.
    fn is_output_unreadable(&self) -> bool {
        let waiting = self.planned.waiting.as_ref();
        matches!(
            waiting,
            Some(Waiting::Output(OutputWaiting::OutputsUnreadable { .. }))
        )
    }

    fn output_state(&self) -> Option<OutputState> {
        self.planned.output.as_ref()?.state
    }
}

/// The one before where nothing changed: there are many, and few of them change at a time.
fn shared(status: DestinationStatus, before: Option<&Arc<DestinationStatus>>) -> Arc<DestinationStatus> {
    match before {
        Some(before) if **before == status => Arc::clone(before),
        _ => Arc::new(status),
    }
}

/// The status of a declaration that is not valid and has no last good state.
fn invalid(entry: &Rejected, before: Option<&DestinationStatus>, now: Timestamp) -> DestinationStatus {
    DestinationStatus {
        name: DestinationName::new(&entry.object.name),
        pool: None,
        wanted: None,
        phase: Phase::Error,
        reason: "Invalid",
        message: entry.problem.to_string().into(),
        ways_out: vec![entry.problem.fix.clone()],
        slot: None,
        output: None,
        since: before
            .filter(|status| status.phase == Phase::Error)
            .map_or(now, |status| status.since),
        observed_generation: 0,
        conditions: Conditions::new(
            [(ConditionKind::Synced, false)],
            before.map(|before| &before.conditions),
            now,
        ),
    }
}

fn channel(plan: &ChannelPlan) -> ChannelStatus {
    ChannelStatus {
        id: plan.id.clone(),
        name: plan
            .seen
            .as_ref()
            .map(|seen| seen.name.to_string())
            .unwrap_or_default(),
        pool: plan.pool.clone(),
        state: plan.seen.as_ref().map(|seen| seen.state),
        slots: plan
            .slots
            .iter()
            .map(|slot| (slot.output_group.to_string(), slot.now.to_string()))
            .collect(),
        waiting: plan
            .waiting
            .as_ref()
            .map(|waiting| (waiting.code(), waiting.to_string())),
    }
}

fn source_trusted(trust: &Trust, previous: &[Condition], now: Timestamp) -> Condition {
    let (holds, reason, message): (bool, _, Arc<str>) = match trust {
        Trust::Whole => (true, "Whole", "the source was read whole".into()),
        Trust::Doubted { why } => (false, "SourceUntrusted", why.as_str().into()),
    };
    global(
        "SourceTrusted",
        ConditionStatus::of(holds),
        reason,
        message,
        previous,
        now,
    )
}

/// A condition of the whole; since `now` unless it was the same among `previous`.
pub(super) fn global(
    kind: &'static str,
    status: ConditionStatus,
    reason: &'static str,
    message: Arc<str>,
    previous: &[Condition],
    now: Timestamp,
) -> Condition {
    let same = previous
        .iter()
        .find(|old| old.kind == kind && old.status == status);
    Condition {
        kind,
        status,
        reason,
        message,
        last_transition_time: same.map_or(now, |old| old.last_transition_time),
        observed_generation: 0,
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
