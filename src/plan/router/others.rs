//! What is to be done with outputs of a pool that are no destination's own: second copies, those of destinations that were moved or
//! are declared no longer, and what nobody explains.

use std::sync::Arc;

use super::reading::{Fit, Occupant, Reading};
use super::room::Room;
use super::steps::{Outcome, step};
use super::{OutputAction, OutputContent, OutputPlan, OutputReason, OutputStep, OutputWaiting};
use crate::model::{
    Destination, Endpoint, OutputRecord, OutputState, RouterArn, RouterOutput, RouterPool, Trust,
};

impl Reading<'_> {
    /// An output that is no destination's own.
    pub(super) fn other(
        &self,
        pool: &RouterPool,
        arn: &RouterArn,
        occupant: Occupant<'_>,
        room: &Room<'_>,
    ) -> OutputPlan {
        let output = self.output(arn);
        let blocked = self.pool_paused(pool).or_else(|| self.not_now(output));
        let (carries, (steps, waiting)) = match occupant {
            Occupant::Undeclared => (
                OutputContent::Undeclared,
                (Vec::new(), Some(OutputWaiting::Undeclared)),
            ),
            Occupant::Destination(one, _) if one.pool == pool.name => (
                OutputContent::Surplus(one.name.clone()),
                blocked.map_or_else(
                    || self.surplus(one, pool, output),
                    |waiting| (Vec::new(), Some(waiting)),
                ),
            ),
            Occupant::Destination(one, _) => (
                OutputContent::Moved(one.name.clone()),
                blocked.map_or_else(
                    || self.moved(one, pool, (arn, output), room),
                    |waiting| (Vec::new(), Some(waiting)),
                ),
            ),
            Occupant::Vanished(record) => (
                OutputContent::Vanished(record.identity.clone()),
                blocked.map_or_else(
                    || {
                        let after = || self.after_the_stop(pool, arn, output, room);
                        self.vanished(record, (arn, output), after)
                    },
                    |waiting| (Vec::new(), Some(waiting)),
                ),
            ),
        };
        OutputPlan {
            arn: Some(arn.clone()),
            name: Some(Arc::clone(&output.name)),
            state: Some(output.state),
            carries,
            on_air: self.is_on_air(output, pool),
            steps,
            waiting,
            messages: Arc::clone(&output.messages),
            maintenance: output.maintenance,
        }
    }

    /// A second output of a destination: it ends once the first one brings the destination's own stream, or the one that this has.
    /// Of two previous streams it is not known which one is watched.
    fn surplus(&self, one: &Destination, pool: &RouterPool, output: &RouterOutput) -> Outcome {
        if let Some(pause) = one.pause_at(self.now) {
            let pause = pause.clone();
            return (Vec::new(), Some(OutputWaiting::Paused { pool: None, pause }));
        }
        let stream = |output: &RouterOutput| output.target.as_ref().map(Endpoint::stream);
        let is_served = self.own(one).is_some_and(|(_, own, fit)| {
            let is_its = fit == Fit::Exact || stream(own) == stream(output);
            is_its && self.is_seen_on_air(own, pool)
        });
        let action = match output.state {
            OutputState::Standby => OutputAction::Delete,
            _ if is_served || !one.is_wanted(self.now) => OutputAction::Stop,
            _ => return (Vec::new(), None),
        };
        (vec![step(action, OutputReason::Surplus)], None)
    }

    /// The output of a destination that is declared no longer, and what is done with it once it has stopped.
    pub(super) fn vanished(
        &self,
        record: &OutputRecord,
        (arn, output): (&RouterArn, &RouterOutput),
        after_the_stop: impl Fn() -> Vec<OutputStep>,
    ) -> Outcome {
        let is_released = record.released || self.elsewhere.released.contains(&record.identity);
        if !is_released || self.desired.trust != Trust::Whole && !record.released {
            let is_new = self.desired.kept_outputs.contains(arn) && !record.kept;
            let keep = is_new.then(|| step(OutputAction::Keep, OutputReason::Vanished));
            return (keep.into_iter().collect(), Some(OutputWaiting::SourceUntrusted));
        }
        if output.state == OutputState::Standby {
            return (after_the_stop(), None);
        }
        let release = (!record.released).then(|| step(OutputAction::Release, OutputReason::Vanished));
        let stop = step(OutputAction::Stop, OutputReason::Vanished);
        (release.into_iter().chain([stop]).collect(), None)
    }
}
