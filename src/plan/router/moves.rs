//! Destinations that were moved to another pool, of whatever kind, and outputs in no declared pool.
//!
//! What is on air ends in its old pool once its new place is ready, and the old pool grants it. Until that it stays where it is.

use std::sync::Arc;

use super::begin::is_equal;
use super::reading::{Fit, Occupant, Pusher, Reading};
use super::room::Room;
use super::steps::{Outcome, step};
use super::{OutputAction, OutputContent, OutputPlan, OutputReason, OutputWaiting};
use crate::model::{
    Destination, OutputRecord, OutputState, PoolName, RouteState, RouterArn, RouterOutput, RouterPool,
};
use crate::plan::grant::Grant;

impl Reading<'_> {
    /// The pool that a destination is on air in, at `at`, and may leave for the one that it was moved to.
    pub(super) fn leaves(&self, one: &Destination, at: Pusher<'_>) -> Option<PoolName> {
        let Pusher::Output(arn) = at else {
            let (pool, is_granted) = self.elsewhere.in_slots.get(&one.name)?;
            return is_granted.then(|| pool.clone());
        };
        let occupant = self.occupants.get(arn);
        let is_its = matches!(occupant, Some(Occupant::Destination(other, _)) if other.name == one.name);
        let from = self.home(arn).filter(|from| is_its && from.name != one.pool)?;
        let may_leave = from.pause_at(self.now).is_none() && self.grant(one, from) == Grant::Granted;
        may_leave.then(|| from.name.clone())
    }

    /// The output of a destination that is declared in another pool now.
    pub(super) fn moved(
        &self,
        one: &Destination,
        from: &RouterPool,
        (arn, output): (&RouterArn, &RouterOutput),
        room: &Room<'_>,
    ) -> Outcome {
        if output.state == OutputState::Standby && one.pause_at(self.now).is_none() {
            return (self.after_the_stop(from, arn, output, room), None);
        }
        if let Some(outcome) = self.no_longer_needed(one) {
            return outcome;
        }
        if output.state == OutputState::Error {
            return (vec![step(OutputAction::Stop, OutputReason::Moved)], None);
        }
        let pool = from.name.clone();
        let has_pool = self.pools.contains_key(&one.pool) || self.desired.pools.contains_key(&one.pool);
        if self.grant(one, from) != Grant::Granted || !has_pool {
            return (Vec::new(), Some(OutputWaiting::elsewhere(pool)));
        }
        if self.is_placed(one) {
            return (vec![step(OutputAction::Stop, OutputReason::Moved)], None);
        }
        (Vec::new(), Some(OutputWaiting::Moves { from: pool }))
    }

    /// What becomes of an old output, where that interrupts nothing or is not to be decided.
    fn no_longer_needed(&self, one: &Destination) -> Option<Outcome> {
        if let Some(pause) = one.pause_at(self.now) {
            let pause = pause.clone();
            return Some((Vec::new(), Some(OutputWaiting::Paused { pool: None, pause })));
        }
        if !one.is_wanted(self.now) {
            return Some((vec![step(OutputAction::Stop, OutputReason::NotWanted)], None));
        }
        let is_served = self.is_served_by_its_own(one) || self.elsewhere.served.contains(&one.name);
        is_served.then(|| (vec![step(OutputAction::Stop, OutputReason::Surplus)], None))
    }

    /// Whether a destination's own output brings its programme to its target.
    pub(super) fn is_served_by_its_own(&self, one: &Destination) -> bool {
        let own = self.own(one).zip(self.pools.get(&one.pool));
        own.is_some_and(|((_, own, fit), pool)| fit == Fit::Exact && self.is_seen_on_air(own, pool))
    }

    /// Whether a destination begins in its pool as soon as it has ended in the one that it was moved from.
    fn is_placed(&self, one: &Destination) -> bool {
        self.elsewhere.placed.contains(&one.name) || self.is_prepared(one)
    }

    /// Whether a destination's own output has everything but its start.
    pub(super) fn is_prepared(&self, one: &Destination) -> bool {
        let own = self.own(one).zip(one.endpoint());
        self.has_programme(one) && own.is_some_and(|((_, output, _), target)| is_equal(output, &target))
    }

    /// Whether a destination's own output has everything but its start and the target, which changed meanwhile.
    pub(super) fn needs_an_update_only(&self, one: &Destination) -> bool {
        let own = self.own(one);
        self.has_programme(one) && own.is_some_and(|(_, _, fit)| fit == Fit::Previous)
    }

    /// Whether a destination's own output is stopped, and would push its pool's programme.
    fn has_programme(&self, one: &Destination) -> bool {
        let Some(((_, output, _), pool)) = self.own(one).zip(self.pools.get(&one.pool)) else {
            return false;
        };
        output.state == OutputState::Standby
            && output.trouble.is_none()
            && Self::is_routed(output, pool)
            && self.is_source_ready(pool)
            && pool.pause_at(self.now).is_none()
    }

    /// An output in no declared pool. Another slotwise of this owner may have it, unless its destination is declared here with its
    /// stream, or it or its pool was declared during the life of this process.
    pub(super) fn in_no_pool(&self, arn: &RouterArn, occupant: Occupant<'_>) -> Option<OutputPlan> {
        let output = self.output(arn);
        let record = output.record.as_ref()?;
        let blocked = self.not_now(output).map(|waiting| (Vec::new(), Some(waiting)));
        let pool = record.pool.clone();
        let (carries, outcome) = match occupant {
            Occupant::Undeclared => return None,
            Occupant::Destination(one, fit)
                if fit == Fit::Exact || self.desired.seen_pools.contains(&pool) =>
            {
                (
                    OutputContent::Moved(one.name.clone()),
                    blocked.unwrap_or_else(|| match output.state {
                        OutputState::Standby => (Vec::new(), None),
                        _ => self
                            .no_longer_needed(one)
                            .unwrap_or((Vec::new(), Some(OutputWaiting::PoolGone { pool }))),
                    }),
                )
            }
            Occupant::Destination(..) => (
                OutputContent::Vanished(record.identity.clone()),
                (Vec::new(), Some(OutputWaiting::OfAnother { pool })),
            ),
            Occupant::Vanished(_) => (
                OutputContent::Vanished(record.identity.clone()),
                blocked.unwrap_or_else(|| self.vanished_with_its_pool(record, arn, output)),
            ),
        };
        let (steps, waiting) = outcome;
        Some(OutputPlan {
            arn: Some(arn.clone()),
            name: Some(Arc::clone(&output.name)),
            state: Some(output.state),
            carries,
            on_air: output.state == OutputState::Active && output.route == RouteState::Routed,
            steps,
            waiting,
            messages: Arc::clone(&output.messages),
            maintenance: output.maintenance,
        })
    }

    fn vanished_with_its_pool(
        &self,
        record: &OutputRecord,
        arn: &RouterArn,
        output: &RouterOutput,
    ) -> Outcome {
        if !self.is_known_as_ours(record) {
            let pool = record.pool.clone();
            return (Vec::new(), Some(OutputWaiting::OfAnother { pool }));
        }
        self.vanished(record, (arn, output), Vec::new)
    }

    /// Whether what is recorded of an output in no declared pool is nobody else's.
    pub(super) fn is_known_as_ours(&self, record: &OutputRecord) -> bool {
        record.released
            || self.desired.seen_declared.contains(&record.identity)
            || self.desired.seen_pools.contains(&record.pool)
    }
}
