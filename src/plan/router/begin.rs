//! What may begin, and where else its stream is.

use std::sync::Arc;

use super::reading::{Fit, Occupant, Pusher, Reading};
use super::{OnAirAt, OutputWaiting};
use crate::model::{
    Destination, DestinationName, Endpoint, Refused, RouterArn, RouterOutput, RouterPool, RouterSettings,
    StreamKey, WantedState,
};

impl Reading<'_> {
    /// Where a wanted destination is to be pushed to, unless something forbids that it begins; and what its start waits for, where it
    /// is on air in the pool that it was moved from and is to end there.
    pub(super) fn may_begin(
        &self,
        one: &Destination,
        pool: &RouterPool,
        own: Option<&RouterArn>,
    ) -> Result<(Endpoint, Option<OutputWaiting>), OutputWaiting> {
        if let Some(paused) = self.pool_paused(pool) {
            return Err(paused);
        }
        if let Some(unreadable) = self.unreadable() {
            return Err(unreadable);
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
        let pusher = self.duplicate(&target, own);
        let leaves = pusher.and_then(|at| self.leaves(one, at));
        if let Some(at) = pusher.filter(|_| leaves.is_none()) {
            return Err(self.on_air_at(one, at));
        }
        match self.comes_before(one, &target) {
            Some(first) => Err(Self::goes_first(first)),
            None => Ok((target, leaves.map(|from| OutputWaiting::Moves { from }))),
        }
    }

    /// Where else that is, or may be, on air which the output of `one` points at.
    pub(super) fn also_pushed(
        &self,
        one: &Destination,
        (arn, output): (&RouterArn, &RouterOutput),
    ) -> Option<OutputWaiting> {
        let at = self.duplicate(output.target.as_ref()?, Some(arn))?;
        Some(self.on_air_at(one, at))
    }

    /// What is said of a destination that is paused or off and has no output: that it is paused, or that its stream is on air in an
    /// output that is not known as its own.
    pub(super) fn told_of_none(&self, one: &Destination) -> Option<OutputWaiting> {
        if let Some(pause) = one
            .pause_at(self.now)
            .filter(|_| one.state == WantedState::Streaming)
        {
            let pause = pause.clone();
            return Some(OutputWaiting::Paused { pool: None, pause });
        }
        if one.is_wanted(self.now) || self.is_unseen() {
            return None;
        }
        let at = self.duplicate(&one.endpoint()?, None)?;
        let Pusher::Output(arn) = at else { return None };
        let is_anothers = !matches!(self.occupants.get(arn), Some(Occupant::Destination(..)));
        is_anothers.then(|| self.on_air_at(one, at))
    }

    /// Where the stream of a destination on air is a second time, in an output that is nobody's here.
    pub(super) fn second_copy(
        &self,
        one: &Destination,
        own: (&RouterArn, &RouterOutput),
    ) -> Option<OutputWaiting> {
        let (arn, output) = own;
        let at = self.duplicate(output.target.as_ref()?, Some(arn))?;
        let is_anothers = match at {
            Pusher::Channel => !self.elsewhere.in_slots.contains_key(&one.name),
            Pusher::Output(other) => !matches!(self.occupants.get(other), Some(Occupant::Destination(..))),
        };
        is_anothers.then(|| self.on_air_at(one, at))
    }

    /// Another destination of the same stream goes on air, and not this one.
    pub(super) fn goes_first(first: &DestinationName) -> OutputWaiting {
        OutputWaiting::SameTarget {
            at: OnAirAt::Destination(first.clone()),
        }
    }

    /// The stream of `one` is, or may be, on air there.
    fn on_air_at(&self, one: &Destination, pusher: Pusher<'_>) -> OutputWaiting {
        let Pusher::Output(arn) = pusher else {
            return match self.elsewhere.in_slots.get(&one.name) {
                Some((pool, _)) => OutputWaiting::elsewhere(pool.clone()),
                None => OutputWaiting::SameTarget { at: OnAirAt::Channel },
            };
        };
        let at = match self.occupants.get(arn) {
            Some(Occupant::Destination(other, Fit::Previous))
                if other.name != one.name && other.is_wanted(self.now) =>
            {
                OnAirAt::Before(other.name.clone())
            }
            Some(Occupant::Destination(other, _)) if other.name != one.name => {
                OnAirAt::Destination(other.name.clone())
            }
            Some(Occupant::Destination(..)) => match &self.output(arn).record {
                Some(record) => {
                    return OutputWaiting::elsewhere(record.pool.clone());
                }
                None => OnAirAt::Output(Arc::clone(&self.output(arn).name)),
            },
            _ => OnAirAt::Output(Arc::clone(&self.output(arn).name)),
        };
        OutputWaiting::SameTarget { at }
    }

    /// Why no output could be made for a destination, until that is tried again.
    pub(super) fn not_made(&self, one: &Destination) -> Option<OutputWaiting> {
        let trouble = self.observed.not_made.get(&one.name)?;
        (self.now < trouble.retry_at).then(|| OutputWaiting::BackingOff {
            failures: trouble.failures,
            until: trouble.retry_at,
            what: trouble.what.clone(),
        })
    }

    /// What MediaConnect said when an update was not allowed, until one is accepted.
    pub(super) fn update_denied(&self) -> Option<&Refused> {
        self.elsewhere.refused.values().find(|refused| refused.denied)
    }

    /// What MediaConnect said when an output was to be pointed at it.
    pub(super) fn refused(&self, one: &Destination) -> Option<&Refused> {
        self.elsewhere.refused.get(&one.name)
    }
}

/// Whether an output pushes to this very address, in whatever spelling.
pub(super) fn is_equal(output: &RouterOutput, target: &Endpoint) -> bool {
    output
        .target
        .as_ref()
        .is_some_and(|now| now.canonical() == target.canonical())
}

/// Whether a stopped output needs no update before it starts: it has this target, and the tier and bitrate of its pool.
pub(super) fn is_as_declared(output: &RouterOutput, target: &Endpoint, pool: &RouterPool) -> bool {
    let settings = |of: &RouterSettings| (of.tier, of.maximum_bitrate);
    is_equal(output, target) && settings(&output.settings) == settings(&pool.settings)
}
