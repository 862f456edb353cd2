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

use super::begin::{is_as_declared, is_equal};
use super::reading::{Fit, Reading, has_its_stream};
use super::room::Room;
use super::{OutputAction, OutputContent, OutputPlan, OutputReason, OutputStep, OutputWaiting};
use crate::model::{
    Cause, Destination, Endpoint, OutputState, RouteState, RouterArn, RouterOutput, RouterPool,
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
        let others = self.others_of(Some(&pool.name)).iter().copied();
        let others = others.map(|(arn, occupant)| self.other(pool, arn, occupant, room));
        own.chain(others).collect()
    }

    /// A destination that has no output yet.
    fn without_output(&self, one: &Destination, pool: &RouterPool, room: &Room<'_>) -> Option<OutputPlan> {
        let told = self.told_of_none(one);
        if told.is_none() && !one.is_wanted(self.now) && !self.is_unseen() {
            return None;
        }
        let (steps, waiting) = match self.may_begin(one, pool, None) {
            _ if told.is_some() => (Vec::new(), told),
            Err(waiting) => (Vec::new(), Some(waiting)),
            Ok(_) if room.short.contains_key(&one.name) => (Vec::new(), room.short.get(&one.name).cloned()),
            Ok(_) if self.not_made(one).is_some() => (Vec::new(), self.not_made(one)),
            Ok(_) if !self.observed.is_complete => (Vec::new(), Some(OutputWaiting::ListIncomplete)),
            Ok((target, moves)) => {
                let actions = [OutputAction::Create(target), OutputAction::Route];
                let steps = actions
                    .into_iter()
                    .map(|action| step(action, OutputReason::Wanted));
                self.then_start(steps.collect(), OutputReason::Wanted, pool, moves)
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
            messages: [].into(),
            maintenance: None,
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
        let (steps, waiting) = match self.hands_off(one, pool, output) {
            Some(waiting) => (Vec::new(), Some(waiting)),
            None if !one.is_wanted(self.now) => (self.not_wanted(pool, arn, output, room), None),
            None => self.while_wanted(one, pool, (arn, output), room),
        };
        OutputPlan {
            arn: Some(arn.clone()),
            name: Some(Arc::clone(&output.name)),
            state: Some(output.state),
            carries: match fit {
                Fit::Previous if !has_its_stream(one, output) => OutputContent::Previous(one.name.clone()),
                _ => OutputContent::Destination(one.name.clone()),
            },
            on_air: self.is_on_air(output, pool),
            steps,
            waiting,
            messages: Arc::clone(&output.messages),
            maintenance: output.maintenance,
        }
    }

    /// The output of a destination that is wanted.
    fn while_wanted(
        &self,
        one: &Destination,
        pool: &RouterPool,
        (arn, output): (&RouterArn, &RouterOutput),
        room: &Room<'_>,
    ) -> Outcome {
        let (mut steps, waiting) = match output.state {
            OutputState::Standby => self.while_standby(one, pool, (arn, output), room),
            OutputState::Error => self.while_failed(one, pool, (arn, output)),
            _ => match self.while_active(one, pool, (arn, output)) {
                (steps, None) if steps.is_empty() && !self.is_source_ready(pool) => {
                    (steps, Some(self.source_not_ready(pool)))
                }
                outcome => outcome,
            },
        };
        if !self.is_recorded(output, one, pool) {
            steps.insert(0, step(OutputAction::Record, why_recorded(one, output)));
        }
        (steps, waiting)
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
        if let Some(unreadable) = self.unreadable() {
            return Some(unreadable);
        }
        if !output.state.is_settled() || output.route == RouteState::Routing {
            return Some(OutputWaiting::OutputInTransition { state: output.state });
        }
        let trouble = output
            .trouble
            .as_ref()
            .filter(|trouble| self.now < trouble.retry_at);
        trouble.map(|trouble| OutputWaiting::BackingOff {
            failures: trouble.failures,
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
        let (target, moves) = match self.may_begin(one, pool, Some(arn)) {
            // What was interrupted comes back as it was.
            Err(OutputWaiting::SecretUnavailable { .. } | OutputWaiting::TargetRefused { .. }) if returns => {
                let before = output.target.as_ref();
                let is_anothers = || {
                    Some(Self::goes_first(
                        before.and_then(|at| self.comes_before(one, at))?,
                    ))
                };
                if let Some(waiting) = self.also_pushed(one, (arn, output)).or_else(is_anothers) {
                    return (Vec::new(), Some(waiting));
                }
                (None, None)
            }
            Err(waiting) => return (Vec::new(), Some(waiting)),
            Ok((target, moves)) => (Some(target), moves),
        };
        if let Some(waiting) = room.short.get(&one.name) {
            return (Vec::new(), Some(waiting.clone()));
        }
        let mut steps = Vec::new();
        if let Some(target) = target.filter(|target| !is_as_declared(output, target, pool)) {
            steps.push(step(OutputAction::Update(target), OutputReason::Retarget));
        }
        if !Self::is_routed(output, pool) {
            steps.push(step(OutputAction::Route, reason()));
        }
        self.then_start(steps, reason(), pool, moves)
    }

    /// Ends with a start, once the source is ready: an output without a programme is billed for nothing. What moves starts when it
    /// has ended where it was.
    fn then_start(
        &self,
        mut steps: Vec<OutputStep>,
        reason: OutputReason,
        pool: &RouterPool,
        moves: Option<OutputWaiting>,
    ) -> Outcome {
        if moves.is_some() {
            return (steps, moves);
        }
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
            Ok((target, None)) if !is_equal(output, &target) => (retarget(target), None),
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
        if let Some(input) = output.input.as_ref().filter(|input| **input != pool.input) {
            return self.on_other_input(pool, input, grant);
        }
        let Some(target) = one.endpoint().filter(|target| !is_equal(output, target)) else {
            return (Vec::new(), self.second_copy(one, (arn, output)));
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
        if let Err(waiting) | Ok((_, Some(waiting))) = self.may_begin(one, pool, Some(arn)) {
            return (Vec::new(), Some(waiting));
        }
        let interrupts = self.is_on_air(output, pool);
        // It is not taken off air for another try, nor for what is not allowed.
        let refused = self.refused(one).or_else(|| self.update_denied());
        if let Some(refused) = refused.filter(|_| interrupts) {
            let what = refused.what.clone();
            return (Vec::new(), Some(OutputWaiting::TargetRefused { what }));
        }
        if let Some(waiting) = not_granted(one, pool, grant).filter(|_| interrupts) {
            return (Vec::new(), Some(waiting));
        }
        // Its start would wait for what is not seen to feed it.
        if interrupts && !self.is_source_ready(pool) {
            return (Vec::new(), Some(self.source_not_ready(pool)));
        }
        (retarget(target), None)
    }

    /// An output on air that takes another input than its pool names: that was taken by hand, or the pool names another one now.
    fn on_other_input(&self, pool: &RouterPool, input: &RouterArn, grant: Grant) -> Outcome {
        match grant {
            // What it takes now may be a programme, and what is not ready is none.
            Grant::Granted if !self.is_source_ready(pool) => (Vec::new(), Some(self.source_not_ready(pool))),
            Grant::Granted => (vec![step(OutputAction::Route, OutputReason::Wanted)], None),
            _ => {
                let waiting = OutputWaiting::OtherInput {
                    input: input.clone(),
                    pool: pool.name.clone(),
                };
                (Vec::new(), Some(waiting))
            }
        }
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

/// Why the tags of a wanted destination's own output are written: they say less than is known of it.
fn why_recorded(one: &Destination, output: &RouterOutput) -> OutputReason {
    match &output.record {
        Some(record) if record.identity == one.identity && record.pool != one.pool => OutputReason::Moved,
        Some(record) if record.identity == one.identity => OutputReason::DeclaredAgain,
        _ => OutputReason::Recognised,
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
