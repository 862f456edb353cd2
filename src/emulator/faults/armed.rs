//! The faults that are armed, and what they make of a call.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::fault::{Effect, Fault, FaultKind, duration};
use crate::emulator::dice::Dice;
use crate::emulator::error::{ApiError, ErrorKind};
use crate::emulator::request::{Operation, TransitionOutcome, Twist};

/// The most faults that may be armed at once
pub const FAULTS_MAX: usize = 1_000;

/// How a call fails
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// Before or after the effect
    pub effect: Effect,
    /// With what
    pub how: How,
}

/// What the client gets instead of its answer
#[derive(Debug, Clone, PartialEq)]
pub enum How {
    /// An error reply
    Error(ApiError),
    /// Nothing, for very long
    Silence,
    /// A broken connection
    Cut,
}

/// What the armed faults make of one call
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Decision {
    /// The first failure that strikes
    pub failure: Option<Failure>,
    /// How long the reply is held back, on the client's clock
    pub delay: Duration,
    /// How the call's effect is bent
    pub twist: Twist,
}

/// An event that is due on running channels
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Which fault, for [`Faults::used`]
    pub index: usize,
    /// What happens
    pub kind: FaultKind,
    /// To which channel; to all that run when absent
    pub channel: Option<String>,
    /// To which router resource; to all ACTIVE outputs when absent
    pub resource: Option<String>,
}

/// A fault and how far it has got
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Armed {
    fault: Fault,
    from: Duration,
    until: Option<Duration>,
    struck: u32,
}

impl Armed {
    fn live(&self, now: Duration) -> bool {
        let often = if self.fault.is_event() {
            self.fault.matcher.times.or(Some(1))
        } else {
            self.fault.matcher.times
        };
        now >= self.from
            && self.until.is_none_or(|until| now < until)
            && often.is_none_or(|times| self.struck < times)
    }

    /// `named` is what the path names: a channel's id, or a router resource's ARN
    fn matches(&self, operation: Operation, named: Option<&str>) -> bool {
        let matcher = &self.fault.matcher;
        let (wanted, other) = match operation {
            Operation::Router(_) => (&matcher.resource, &matcher.channel),
            _ => (&matcher.channel, &matcher.resource),
        };
        self.fault.may_hit(operation)
            && matcher.operation.is_none_or(|wanted| wanted == operation)
            && other.is_none()
            && wanted.as_deref().is_none_or(|wanted| Some(wanted) == named)
    }
}

/// The faults that are armed
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Faults {
    armed: Vec<Armed>,
    dice: Dice,
}

impl Faults {
    /// None yet; `seed` decides which calls the ones with a rate will hit
    pub fn new(seed: u64) -> Self {
        // Stream 1: the world's own draws are stream 0.
        Self {
            armed: Vec::new(),
            dice: Dice::new(seed, 1),
        }
    }

    /// Arms a fault; its times count from `now`
    pub fn inject(&mut self, fault: Fault, now: Duration) {
        let from = now + duration(fault.matcher.after_seconds);
        let until = fault.matcher.for_seconds.map(|seconds| from + duration(seconds));
        if self.armed.len() == FAULTS_MAX {
            self.armed.remove(0);
        }
        self.armed.push(Armed {
            fault,
            from,
            until,
            struck: 0,
        });
    }

    /// Every time that is kept of them
    pub(in crate::emulator) fn times(&self) -> impl Iterator<Item = Duration> + '_ {
        let times = |armed: &Armed| [Some(armed.from), armed.until];
        self.armed.iter().flat_map(times).flatten()
    }

    /// Disarms all
    pub fn clear(&mut self) {
        self.armed.clear();
    }

    /// The armed faults, each with how often it has struck
    pub fn list(&self) -> impl Iterator<Item = (&Fault, u32)> {
        self.armed.iter().map(|armed| (&armed.fault, armed.struck))
    }

    /// Draws what happens to a call on what its path names, a channel's id or an ARN; what strikes is counted
    pub fn decide(&mut self, operation: Operation, named: Option<&str>, now: Duration) -> Decision {
        let mut decision = Decision::default();
        for armed in &mut self.armed {
            if !armed.live(now) || !armed.matches(operation, named) {
                continue;
            }
            if armed.fault.matcher.rate < 1.0 && !self.dice.chance(armed.fault.matcher.rate) {
                continue;
            }
            // One call fails once; a second failure waits for the next call.
            let failure = failure(&armed.fault.kind, operation);
            if failure.is_some() && decision.failure.is_some() {
                continue;
            }
            armed.struck = armed.struck.saturating_add(1);
            decision.failure = decision.failure.or(failure);
            bend(&mut decision, &armed.fault.kind);
        }
        decision
    }

    /// The events that are due; the world reports back with [`Faults::used`] whether one struck
    pub fn due(&self, now: Duration) -> Vec<Event> {
        let live = |armed: &Armed| armed.fault.is_event() && armed.live(now);
        self.armed
            .iter()
            .enumerate()
            .filter(|(_, armed)| live(armed))
            .map(|(index, armed)| Event {
                index,
                kind: armed.fault.kind.clone(),
                channel: armed.fault.matcher.channel.clone(),
                resource: armed.fault.matcher.resource.clone(),
            })
            .collect()
    }

    /// Counts one strike of an event
    pub fn used(&mut self, event: &Event) {
        if let Some(armed) = self.armed.get_mut(event.index) {
            armed.struck = armed.struck.saturating_add(1);
        }
    }
}

fn bend(decision: &mut Decision, kind: &FaultKind) {
    match kind {
        FaultKind::Slow { seconds } => decision.delay += duration(*seconds),
        FaultKind::StaleList { seconds } => decision.twist.stale = Some(duration(*seconds)),
        FaultKind::PartialList { place } => decision.twist.left_out = Some(*place),
        FaultKind::StartFails | FaultKind::UpdateFails | FaultKind::CreateFails => {
            decision.twist.outcome = TransitionOutcome::Fails;
        }
        FaultKind::StuckStarting => decision.twist.outcome = TransitionOutcome::Stuck,
        _ => {}
    }
}

fn failure(kind: &FaultKind, operation: Operation) -> Option<Failure> {
    let error = |kind, text: String| Failure {
        effect: Effect::Before,
        how: How::Error(ApiError::new(kind, text)),
    };
    match kind {
        FaultKind::Throttle => Some(error(ErrorKind::TooManyRequests, "Too Many Requests".into())),
        FaultKind::ServerError { status, effect } => {
            let kind = match status {
                502 => ErrorKind::BadGateway,
                503 => ErrorKind::Unavailable,
                504 => ErrorKind::GatewayTimeout,
                _ => ErrorKind::Internal,
            };
            let how = How::Error(ApiError::new(kind, "Internal service error"));
            Some(Failure { effect: *effect, how })
        }
        FaultKind::Timeout { effect } => Some(Failure {
            effect: *effect,
            how: How::Silence,
        }),
        FaultKind::Reset { effect } => Some(Failure {
            effect: *effect,
            how: How::Cut,
        }),
        FaultKind::AccessDenied => Some(error(
            ErrorKind::AccessDenied,
            format!(
                "User: arn:aws:sts::111122223333:assumed-role/emulated/session is not authorized to perform: \
                 {service}:{name} because no identity-based policy allows the {service}:{name} action",
                service = operation.service(),
                name = operation.name(),
            ),
        )),
        FaultKind::ExpiredToken => Some(error(
            ErrorKind::ExpiredToken,
            "The security token included in the request is expired".into(),
        )),
        _ => None,
    }
}
