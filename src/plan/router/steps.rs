//! What is to be done with each output.
//!
//! | the output is | its destination is wanted | not wanted |
//! |---|---|---|
//! | not there | Create, Route, Start | nothing |
//! | STANDBY | Update where it differs, Route where it has not the pool's input, Start | Delete once it was kept long enough, or its place is needed |
//! | ACTIVE | nothing; with a new target, granted: Stop, Update, Start; without its input: Route | Stop |
//! | ERROR | Restart, once its source is ready; with a new target Stop, Update, Start | Stop |
//! | in any other state | nothing: MediaConnect works on it | nothing |

use std::sync::Arc;

use super::reading::{Fit, Occupant, Pusher, Reading, endpoint};
use super::room::Room;
use super::{OnAirAt, OutputAction, OutputContent, OutputPlan, OutputReason, OutputStep, OutputWaiting};
use crate::model::{
    Cause, Destination, Endpoint, OutputState, Refused, RouteState, RouterArn, RouterOutput, RouterPool,
    StreamKey,
};
use crate::plan::grant::{Grant, Policy};

/// Steps, or why there are none; both where some of them have to wait.
pub(super) type Outcome = (Vec<OutputStep>, Option<OutputWaiting>);

impl<'a> Reading<'a> {
    /// The outputs of a pool: its destinations' own, then the others.
    pub(super) fn outputs_of(&self, pool: &'a RouterPool, room: &Room<'_>) -> Vec<OutputPlan> {
        let own = self.destinations_of(pool).filter_map(|one| match self.own(one) {
            Some((arn, output, fit)) => Some(self.with_output(one, pool, (arn, output, fit), room)),
            None => self.without_output(one, pool, room),
        });
        let others = self.others_of(pool).into_iter();
        let others = others.map(|(arn, occupant)| self.other(pool, arn, occupant, room));
        own.chain(others).collect()
    }

    /// A destination that has no output yet.
    fn without_output(&self, one: &Destination, pool: &RouterPool, room: &Room<'_>) -> Option<OutputPlan> {
        if !one.is_wanted(self.now) {
            return None;
        }
        let (steps, waiting) = match self.may_begin(one, pool, None) {
            Err(waiting) => (Vec::new(), Some(waiting)),
            Ok(_) if room.short.contains_key(&one.name) => (Vec::new(), room.short.get(&one.name).cloned()),
            Ok(_) if self.not_made(one).is_some() => (Vec::new(), self.not_made(one)),
            Ok(_) if !self.observed.is_complete => (Vec::new(), Some(OutputWaiting::ListIncomplete)),
            Ok(target) => {
                let actions = [OutputAction::Create(target), OutputAction::Route];
                let steps = actions
                    .into_iter()
                    .map(|action| step(action, OutputReason::Wanted));
                self.then_start(steps.collect(), OutputReason::Wanted, pool)
            }
        };
        Some(OutputPlan {
            arn: None,
            name: None,
            state: None,
            carries: OutputContent::Destination(one.name.clone()),
            on_air: false,
            steps,
            waiting,
        })
    }

    /// A destination's own output.
    fn with_output(
        &self,
        one: &Destination,
        pool: &RouterPool,
        (arn, output, fit): (&RouterArn, &RouterOutput, Fit),
        room: &Room<'_>,
    ) -> OutputPlan {
        let is_marked = output
            .record
            .as_ref()
            .is_some_and(|record| record.identity == one.identity && (record.released || record.kept));
        let (steps, waiting) = match self.hands_off(one, pool, output) {
            Some(waiting) => (Vec::new(), Some(waiting)),
            None if is_marked => (
                vec![step(OutputAction::Record, OutputReason::DeclaredAgain)],
                None,
            ),
            None if !one.is_wanted(self.now) => (self.not_wanted(pool, arn, output, room), None),
            None => match output.state {
                OutputState::Standby => self.while_standby(one, pool, (arn, output), room),
                OutputState::Error => self.while_failed(one, pool, (arn, output)),
                _ => match self.while_active(one, pool, (arn, output)) {
                    (steps, None) if steps.is_empty() && !self.is_source_ready(pool) => {
                        (steps, Some(self.source_not_ready(pool)))
                    }
                    outcome => outcome,
                },
            },
        };
        OutputPlan {
            arn: Some(arn.clone()),
            name: Some(Arc::clone(&output.name)),
            state: Some(output.state),
            carries: match fit {
                Fit::Exact => OutputContent::Destination(one.name.clone()),
                Fit::Previous if endpoint(one).is_none() => OutputContent::Destination(one.name.clone()),
                Fit::Previous => OutputContent::Previous(one.name.clone()),
            },
            on_air: self.is_on_air(output, pool),
            steps,
            waiting,
        }
    }

    /// Why an output is left alone whatever is wanted.
    fn hands_off(
        &self,
        one: &Destination,
        pool: &RouterPool,
        output: &RouterOutput,
    ) -> Option<OutputWaiting> {
        let own = one.pause_at(self.now).map(|pause| OutputWaiting::Paused {
            pool: None,
            pause: pause.clone(),
        });
        own.or_else(|| self.pool_paused(pool))
            .or_else(|| self.not_now(output))
    }

    pub(super) fn pool_paused(&self, pool: &RouterPool) -> Option<OutputWaiting> {
        let pause = pool.pause_at(self.now)?;
        Some(OutputWaiting::Paused {
            pool: Some(pool.name.clone()),
            pause: pause.clone(),
        })
    }

    /// Why no call about an output can be made now.
    pub(super) fn not_now(&self, output: &RouterOutput) -> Option<OutputWaiting> {
        if let Some(why) = &self.observed.unreadable {
            return Some(OutputWaiting::OutputsUnreadable { why: why.clone() });
        }
        if !output.state.is_settled() || output.route == RouteState::Routing {
            return Some(OutputWaiting::OutputInTransition { state: output.state });
        }
        let trouble = output
            .trouble
            .as_ref()
            .filter(|trouble| self.now < trouble.retry_at);
        trouble.map(|trouble| OutputWaiting::BackingOff {
            until: trouble.retry_at,
            what: trouble.what.clone(),
        })
    }

    /// The output of a destination that is not wanted: it stops, is kept, and deleted in the end.
    fn not_wanted(
        &self,
        pool: &RouterPool,
        arn: &RouterArn,
        output: &RouterOutput,
        room: &Room<'_>,
    ) -> Vec<OutputStep> {
        if output.state != OutputState::Standby {
            return vec![step(OutputAction::Stop, OutputReason::NotWanted)];
        }
        self.after_the_stop(pool, arn, output, room)
    }

    /// A stopped output that is of no use now.
    pub(super) fn after_the_stop(
        &self,
        pool: &RouterPool,
        arn: &RouterArn,
        output: &RouterOutput,
        room: &Room<'_>,
    ) -> Vec<OutputStep> {
        let off_since = output.record.as_ref().and_then(|record| record.off_since);
        let is_over = pool.keep.zip(off_since).is_some_and(|(keep, since)| {
            let off = self.now.duration_since(since);
            off >= jiff::SignedDuration::try_from(keep).unwrap_or(jiff::SignedDuration::MAX)
        });
        let reason = match room.gives_way.get(arn) {
            Some(one) => OutputReason::PlaceNeeded((*one).clone()),
            None if is_over => OutputReason::KeptLongEnough,
            None => return Vec::new(),
        };
        vec![step(OutputAction::Delete, reason)]
    }

    /// Where a wanted destination is to be pushed to, unless something forbids that it begins.
    fn may_begin(
        &self,
        one: &Destination,
        pool: &RouterPool,
        own: Option<&RouterArn>,
    ) -> Result<Endpoint, OutputWaiting> {
        if let Some(paused) = self.pool_paused(pool) {
            return Err(paused);
        }
        if let Some(why) = &self.observed.unreadable {
            return Err(OutputWaiting::OutputsUnreadable { why: why.clone() });
        }
        if !self.observed.inputs.contains_key(&pool.input) {
            return Err(OutputWaiting::InputMissing {
                pool: pool.name.clone(),
                input: pool.input.clone(),
            });
        }
        let target = match &one.key {
            StreamKey::Unavailable { reference, why } => {
                return Err(OutputWaiting::SecretUnavailable {
                    reference: reference.clone(),
                    why: why.clone(),
                });
            }
            StreamKey::Known(key) => Endpoint::new(Arc::clone(&one.url), key.clone()),
        };
        if let Some(refused) = self.refused(one).filter(|refused| !refused.may_try) {
            let what = refused.what.clone();
            return Err(OutputWaiting::TargetRefused { what });
        }
        if let Some(at) = self.duplicate(&target, own) {
            return Err(self.on_air_at(one, at));
        }
        match self.comes_before(one, &target) {
            Some(first) => Err(OutputWaiting::SameTarget {
                at: OnAirAt::Destination(first.clone()),
            }),
            None => Ok(target),
        }
    }

    /// Where else that is, or may be, on air which the output of `one` points at.
    fn also_pushed(
        &self,
        one: &Destination,
        (arn, output): (&RouterArn, &RouterOutput),
    ) -> Option<OutputWaiting> {
        let at = self.duplicate(output.target.as_ref()?, Some(arn))?;
        Some(self.on_air_at(one, at))
    }

    /// The stream of `one` is, or may be, on air there.
    fn on_air_at(&self, one: &Destination, pusher: Pusher<'_>) -> OutputWaiting {
        let Pusher::Output(arn) = pusher else {
            return OutputWaiting::SameTarget { at: OnAirAt::Channel };
        };
        let at = match self.occupants.get(arn) {
            Some(Occupant::Destination(other, _)) if other.name != one.name => {
                OnAirAt::Destination(other.name.clone())
            }
            Some(Occupant::Destination(..)) => match &self.output(arn).record {
                Some(record) => {
                    return OutputWaiting::OnAirElsewhere {
                        pool: record.pool.clone(),
                    };
                }
                None => OnAirAt::Output(arn.clone()),
            },
            _ => OnAirAt::Output(arn.clone()),
        };
        OutputWaiting::SameTarget { at }
    }

    /// Why no output could be made for a destination, until that is tried again.
    fn not_made(&self, one: &Destination) -> Option<OutputWaiting> {
        let trouble = self.observed.not_made.get(&one.name)?;
        (self.now < trouble.retry_at).then(|| OutputWaiting::BackingOff {
            until: trouble.retry_at,
            what: trouble.what.clone(),
        })
    }

    /// What MediaConnect said when an output was to be pointed at it.
    fn refused(&self, one: &Destination) -> Option<&Refused> {
        self.elsewhere.refused.get(&one.name)
    }

    fn while_standby(
        &self,
        one: &Destination,
        pool: &RouterPool,
        (arn, output): (&RouterArn, &RouterOutput),
        room: &Room<'_>,
    ) -> Outcome {
        let returns = self.observed.returning.contains(&one.identity);
        let reason = || {
            if returns {
                OutputReason::ComesBack
            } else {
                OutputReason::Wanted
            }
        };
        let target = match self.may_begin(one, pool, Some(arn)) {
            // What was interrupted comes back as it was.
            Err(OutputWaiting::SecretUnavailable { .. } | OutputWaiting::TargetRefused { .. }) if returns => {
                if let Some(waiting) = self.also_pushed(one, (arn, output)) {
                    return (Vec::new(), Some(waiting));
                }
                None
            }
            Err(waiting) => return (Vec::new(), Some(waiting)),
            Ok(target) => Some(target),
        };
        if let Some(waiting) = room.short.get(&one.name) {
            return (Vec::new(), Some(waiting.clone()));
        }
        let mut steps = Vec::new();
        if let Some(target) = target.filter(|target| !is_equal(output, target)) {
            steps.push(step(OutputAction::Update(target), OutputReason::Retarget));
        }
        if !Self::is_routed(output, pool) {
            steps.push(step(OutputAction::Route, reason()));
        }
        self.then_start(steps, reason(), pool)
    }

    /// Ends with a start, once the source is ready: an output without a programme is billed for nothing.
    fn then_start(&self, mut steps: Vec<OutputStep>, reason: OutputReason, pool: &RouterPool) -> Outcome {
        if !self.is_source_ready(pool) {
            return (steps, Some(self.source_not_ready(pool)));
        }
        steps.push(step(OutputAction::Start, reason));
        (steps, None)
    }

    fn while_failed(
        &self,
        one: &Destination,
        pool: &RouterPool,
        (arn, output): (&RouterArn, &RouterOutput),
    ) -> Outcome {
        match self.may_begin(one, pool, Some(arn)) {
            Ok(target) if !is_equal(output, &target) => (retarget(target), None),
            Ok(_) | Err(OutputWaiting::SecretUnavailable { .. }) => {
                match self.also_pushed(one, (arn, output)) {
                    Some(waiting) => (Vec::new(), Some(waiting)),
                    None if !self.is_source_ready(pool) => (Vec::new(), Some(self.source_not_ready(pool))),
                    None => (vec![step(OutputAction::Restart, OutputReason::Failed)], None),
                }
            }
            Err(waiting) => (Vec::new(), Some(waiting)),
        }
    }

    fn while_active(
        &self,
        one: &Destination,
        pool: &RouterPool,
        (arn, output): (&RouterArn, &RouterOutput),
    ) -> Outcome {
        if output.route == RouteState::Unrouted {
            return match self.also_pushed(one, (arn, output)) {
                Some(waiting) => (Vec::new(), Some(waiting)),
                None => (vec![step(OutputAction::Route, OutputReason::Wanted)], None),
            };
        }
        let grant = self.grant(one, pool);
        let other_input = output.input.as_ref().filter(|input| **input != pool.input);
        if let Some(input) = other_input {
            return match grant {
                Grant::Granted => (vec![step(OutputAction::Route, OutputReason::Wanted)], None),
                _ => (
                    Vec::new(),
                    Some(OutputWaiting::OtherInput {
                        input: input.clone(),
                        pool: pool.name.clone(),
                    }),
                ),
            };
        }
        let Some(target) = endpoint(one).filter(|target| !is_equal(output, target)) else {
            return (Vec::new(), None);
        };
        let is_same_stream = output
            .target
            .as_ref()
            .is_some_and(|now| now.stream() == target.stream());
        if is_same_stream && one.is_preset {
            // Another spelling of a platform's address is no wish of the declaration: it is written before the next start.
            return (Vec::new(), None);
        }
        // It stops for a target that can be started only.
        if let Err(waiting) = self.may_begin(one, pool, Some(arn)) {
            return (Vec::new(), Some(waiting));
        }
        let interrupts = self.is_on_air(output, pool);
        // It is not taken off air for another try.
        if let Some(refused) = self.refused(one).filter(|_| interrupts) {
            let what = refused.what.clone();
            return (Vec::new(), Some(OutputWaiting::TargetRefused { what }));
        }
        if let Some(waiting) = not_granted(one, pool, grant).filter(|_| interrupts) {
            return (Vec::new(), Some(waiting));
        }
        (retarget(target), None)
    }

    /// What the pool says of a change that interrupts the destination itself.
    pub(super) fn grant(&self, one: &Destination, pool: &RouterPool) -> Grant {
        if !one.interruptible {
            return Grant::Never;
        }
        let policy = Policy::new(Some(&pool.disruption), &self.desired.grants, self.now);
        policy.grant(Cause::Retarget, Some(&one.name), self.now)
    }
}

/// The own change of an output that pushes.
fn retarget(target: Endpoint) -> Vec<OutputStep> {
    let actions = [
        OutputAction::Stop,
        OutputAction::Update(target),
        OutputAction::Start,
    ];
    actions.map(|action| step(action, OutputReason::Retarget)).into()
}

pub(super) fn step(action: OutputAction, reason: OutputReason) -> OutputStep {
    OutputStep { action, reason }
}

/// Whether an output pushes to this very address, in whatever spelling.
fn is_equal(output: &RouterOutput, target: &Endpoint) -> bool {
    output
        .target
        .as_ref()
        .is_some_and(|now| now.canonical() == target.canonical())
}

/// Why a destination on air does not interrupt itself.
fn not_granted(one: &Destination, pool: &RouterPool, grant: Grant) -> Option<OutputWaiting> {
    let forbidden = |cause| OutputWaiting::InterruptionForbidden {
        pool: pool.name.clone(),
        cause,
    };
    match grant {
        Grant::Granted => None,
        _ if !one.interruptible => Some(OutputWaiting::Uninterruptible),
        Grant::OutsideWindow(opens) => Some(OutputWaiting::OutsideWindow { opens }),
        Grant::NotFor(cause) => Some(forbidden(Some(cause))),
        Grant::Never => Some(forbidden(None)),
    }
}
