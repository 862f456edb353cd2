//! One-off grants that others handed to this controller while it runs: which are in force, and when each is over.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::lease::{GrantOutcome, Grantee, Handed, Progress};
use super::refusals::Suspects;
use super::{Controller, Event, GrantNews};
use crate::model::{ChannelId, Desired, DestinationName};
use crate::plan::router::OutputWaiting;
use crate::plan::{DestinationPlan, OutputContent, OutputPlan, Plan, Waiting};
use crate::store::Source;

/// How long a grant is valid, unless it is used before. By then its giver sees that something else is in the way, and an
/// interruption long after would surprise.
const GOOD_FOR: Duration = Duration::from_mins(10);

/// Grants in force.
#[derive(Debug, Default)]
pub(super) struct Granted(BTreeMap<Grantee, InForce>);

#[derive(Debug)]
struct InForce {
    /// All that gave it.
    handed: Vec<Handed>,
    until: Instant,
}

impl Granted {
    /// The destinations of `desired` that have one.
    pub(super) fn names(&self, desired: &Desired) -> impl Iterator<Item = &DestinationName> {
        let declared = self
            .0
            .keys()
            .filter(|grantee| is_declared(desired, grantee) == Some(true));
        declared.map(|grantee| &grantee.name)
    }

    fn take(&mut self, grant: Handed, now: Instant) {
        let until = now + GOOD_FOR;
        let in_force = self.0.entry(grant.grantee.clone()).or_insert_with(|| InForce {
            handed: Vec::new(),
            until,
        });
        in_force.until = until;
        in_force.handed.push(grant);
    }

    /// Those that are over by `plan`, which was made of `desired` with all of them; `rests` where it leaves nothing to do now
    /// or later.
    fn over(
        &self,
        (desired, plan): (&Desired, &Plan),
        rests: bool,
        now: Instant,
    ) -> Vec<(Grantee, GrantOutcome)> {
        let over = self.0.iter().filter_map(|(grantee, grant)| {
            let outcome = match is_declared(desired, grantee) {
                Some(false) => Some(GrantOutcome::NameTaken),
                _ => outcome(plan, &grantee.name, rests),
            };
            let expired = (grant.until <= now).then_some(GrantOutcome::Expired);
            Some((grantee.clone(), outcome.or(expired)?))
        });
        over.collect()
    }

    fn end(&mut self, grantee: &Grantee, outcome: GrantOutcome, message: &str) {
        for grant in self.0.remove(grantee).into_iter().flat_map(|grant| grant.handed) {
            grant.report(Progress::Ended {
                outcome,
                message: message.to_owned(),
            });
        }
    }
}

/// Whether `grantee` is the destination that is declared by its name; `None` where none is.
fn is_declared(desired: &Desired, grantee: &Grantee) -> Option<bool> {
    let declared = desired.destinations.get(&grantee.name)?;
    Some(declared.identity == grantee.identity)
}

/// What came of a grant for `name`; `None` while something may still come of it.
fn outcome(plan: &Plan, name: &DestinationName, rests: bool) -> Option<GrantOutcome> {
    let Some(destination) = plan.destinations.iter().find(|one| one.name == *name) else {
        return Some(GrantOutcome::Unknown);
    };
    let steps = || {
        plan.steps()
            .filter(|(channel, _)| channel.pool.as_ref() == Some(&destination.pool))
    };
    match &destination.waiting {
        None if is_settled(plan, destination) => Some(GrantOutcome::Done),
        Some(waiting) if is_refusal(waiting) && steps().next().is_none() => Some(GrantOutcome::Refused),
        _ => rests.then_some(GrantOutcome::Waits),
    }
}

/// Whether a destination that waits for nothing is where it is wanted, and stays there.
fn is_settled(plan: &Plan, destination: &DestinationPlan) -> bool {
    let slots = [&destination.held, &destination.assignment];
    let is_its = |id: &ChannelId| slots.into_iter().flatten().any(|slot| slot.channel == *id);
    let mut steps = plan.steps();
    let mut outputs = plan.outputs();
    let changes = |output: &OutputPlan| {
        let is_its = match &output.carries {
            OutputContent::Moved(name) => *name == destination.name,
            other => other.destination() == Some(&destination.name),
        };
        is_its && !output.steps.is_empty()
    };
    destination.on_air == destination.wanted
        && !steps.any(|(channel, _)| is_its(&channel.id))
        && !outputs.any(changes)
}

/// Whether it could be done, and a rule forbids it.
pub fn is_refusal(waiting: &Waiting) -> bool {
    matches!(
        waiting,
        Waiting::InterruptionForbidden { .. }
            | Waiting::OutsideWindow { .. }
            | Waiting::Uninterruptible { .. }
            | Waiting::SharesChannel { .. }
            | Waiting::SourceUntrusted { .. }
            | Waiting::NotAdopted { .. }
            | Waiting::OwnedByAnother { .. }
            | Waiting::Output(
                OutputWaiting::InterruptionForbidden { .. }
                    | OutputWaiting::OutsideWindow { .. }
                    | OutputWaiting::Uninterruptible
                    | OutputWaiting::OtherInput { .. }
                    | OutputWaiting::SourceUntrusted
            )
    )
}

impl<S: Source> Controller<S> {
    /// Takes the grants that arrived, if this process is the one to use them.
    pub(super) fn take_grants(&mut self) {
        let (now, arrived) = (Instant::now(), self.leadership.lease.grants());
        if !self.leadership.is_leading() {
            // A handed grant ends with the lease, and its giver is informed.
            self.granted = Granted::default();
            return;
        }
        let by = self.leadership.lease.signature();
        for grant in arrived {
            grant.report(Progress::Taken { by: by.clone() });
            self.publisher.emit(Event::Grant(GrantNews::Taken {
                destination: grant.grantee.name.clone(),
                by: grant.by.clone(),
            }));
            self.granted.take(grant, now);
        }
    }

    /// Ends the grants for those whose targets MediaLive refused: another try would interrupt the others once more.
    pub(super) fn refuse_grants(&mut self, refused: &Suspects, what: &str) {
        self.settings.grants.retain(|name| !refused.contains_key(name));
        let grantees = self.granted.0.keys();
        let over: Vec<Grantee> = grantees
            .filter(|grantee| refused.contains_key(&grantee.name))
            .cloned()
            .collect();
        for grantee in over {
            let outcome = GrantOutcome::Waits;
            let message = format!("MediaLive refused to point a slot at it: {what}");
            self.granted.end(&grantee, outcome, &message);
            self.publisher.emit(Event::Grant(GrantNews::Ended {
                destination: grantee.name,
                outcome,
                message,
            }));
        }
    }

    /// Ends the grants that are over by the plan of this cycle. One that the command was given is good for one change, too.
    pub(super) fn end_grants(&mut self, desired: &Desired, plan: &Plan) {
        let is_used = |name: &DestinationName| outcome(plan, name, false) == Some(GrantOutcome::Done);
        self.settings.grants.retain(|name| !is_used(name));
        let over = self
            .granted
            .over((desired, plan), self.is_converged(), Instant::now());
        for (grantee, outcome) in over {
            // The status of another one is none of the giver's business.
            let is_its = outcome != GrantOutcome::NameTaken;
            let status = self.publisher.status().destination(grantee.name.as_str());
            let message = status
                .filter(|_| is_its)
                .map(|status| status.message.to_string())
                .unwrap_or_default();
            self.granted.end(&grantee, outcome, &message);
            self.publisher.emit(Event::Grant(GrantNews::Ended {
                destination: grantee.name,
                outcome,
                message,
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Identity, Interrupt, OutputState, SlotId, WantedState, samples};
    use crate::plan::{OutputAction, OutputReason, OutputStep, RouterPoolPlan};
    use std::sync::Arc;

    fn destination(on_air: bool, waiting: Option<Waiting>) -> DestinationPlan {
        let slot = waiting.is_none().then(|| SlotId::new("1", "slot-1"));
        DestinationPlan {
            output: None,
            name: "a".into(),
            pool: "main".into(),
            state: WantedState::Streaming,
            wanted: true,
            group: None,
            held: slot.clone().filter(|_| on_air),
            on_air,
            is_previous: false,
            assignment: slot,
            reason: None,
            waiting,
            off_air: None,
            also_on_air: None,
        }
    }

    /// Declares `a`, which has this identity.
    fn desired(identity: &str) -> Desired {
        let mut desired = Desired::empty("us".into());
        let mut a = samples::destination("a");
        a.identity = identity.into();
        desired.destinations.insert("a".into(), Arc::new(a));
        desired
    }

    fn grantee(identity: impl Into<Identity>) -> Grantee {
        Grantee {
            name: "a".into(),
            identity: identity.into(),
        }
    }

    fn plan(destination: DestinationPlan) -> Plan {
        Plan {
            routers: Vec::new(),
            feeds: Vec::new(),
            pools: Vec::new(),
            destinations: vec![destination],
            channels: Vec::new(),
        }
    }

    /// The router output of `a`, with these steps.
    fn own_output(steps: Vec<OutputStep>) -> RouterPoolPlan {
        RouterPoolPlan {
            name: Some("main".into()),
            interrupt: Interrupt::Never,
            outputs: vec![OutputPlan {
                arn: Some("arn-a".into()),
                name: Some("a".into()),
                state: Some(OutputState::Active),
                carries: OutputContent::Previous("a".into()),
                on_air: true,
                steps,
                waiting: None,
                messages: [].into(),
                maintenance: None,
            }],
            unseen: false,
        }
    }

    fn forbidden() -> Waiting {
        Waiting::OwnedByAnother {
            channel: "1".into(),
            owner: "b".into(),
        }
    }

    fn no_slot() -> Waiting {
        Waiting::NoFreeSlot {
            pool: "main".into(),
            outranked_by: None,
        }
    }

    #[test]
    fn a_grant_ends_when_it_is_used_or_can_do_nothing() {
        let name = "a".into();
        for (destination, rests, expected) in [
            (destination(true, None), false, Some(GrantOutcome::Done)),
            // On its way.
            (destination(false, None), false, None),
            (destination(false, None), true, Some(GrantOutcome::Waits)),
            (
                destination(false, Some(forbidden())),
                false,
                Some(GrantOutcome::Refused),
            ),
            // Another change may still make room.
            (destination(false, Some(no_slot())), false, None),
            (
                destination(false, Some(no_slot())),
                true,
                Some(GrantOutcome::Waits),
            ),
        ] {
            let plan = plan(destination);
            assert_eq!(outcome(&plan, &name, rests), expected, "{plan:?} {rests}");
        }
        let mut retargets = plan(destination(true, None));
        retargets.routers = vec![own_output(vec![OutputStep {
            action: OutputAction::Stop,
            reason: OutputReason::Retarget,
        }])];
        assert_eq!(
            outcome(&retargets, &name, false),
            None,
            "it stops, and comes back"
        );
        retargets.routers = vec![own_output(Vec::new())];
        assert_eq!(outcome(&retargets, &name, false), Some(GrantOutcome::Done));
        let without_b = plan(destination(true, None));
        assert_eq!(
            outcome(&without_b, &"b".into(), false),
            Some(GrantOutcome::Unknown)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_grant_given_again_is_extended_and_reported_to_each() {
        let (mut granted, desired) = (Granted::default(), desired("item-1"));
        let on_its_way = plan(destination(false, None));
        let made = (&desired, &on_its_way);
        let (first, mut first_followed) = Handed::new(grantee("item-1"), "x");
        granted.take(first, Instant::now());
        tokio::time::advance(GOOD_FOR / 2).await;
        let (second, mut second_followed) = Handed::new(grantee("item-1"), "y");
        granted.take(second, Instant::now());
        assert_eq!(granted.names(&desired).count(), 1);
        tokio::time::advance(GOOD_FOR / 2).await;
        assert!(granted.over(made, false, Instant::now()).is_empty());
        tokio::time::advance(GOOD_FOR / 2).await;
        let over = granted.over(made, false, Instant::now());
        assert_eq!(over, [(grantee("item-1"), GrantOutcome::Expired)]);
        granted.end(&grantee("item-1"), GrantOutcome::Expired, "late");
        assert_eq!(granted.names(&desired).count(), 0);
        for followed in [&mut first_followed, &mut second_followed] {
            let ended = Progress::Ended {
                outcome: GrantOutcome::Expired,
                message: "late".to_owned(),
            };
            assert_eq!(followed.try_recv(), Ok(ended));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_grant_for_an_item_does_not_reach_another_one_of_its_name() {
        let mut granted = Granted::default();
        let (grant, mut followed) = Handed::new(grantee("item-1"), "x");
        granted.take(grant, Instant::now());
        let (its, another) = (desired("item-1"), desired("item-2"));
        let waits = plan(destination(false, Some(no_slot())));
        assert_eq!(granted.names(&its).count(), 1);
        assert!(granted.over((&its, &waits), false, Instant::now()).is_empty());
        assert_eq!(granted.names(&another).count(), 0);
        let over = granted.over((&another, &waits), false, Instant::now());
        assert_eq!(over, [(grantee("item-1"), GrantOutcome::NameTaken)]);
        granted.end(&grantee("item-1"), GrantOutcome::NameTaken, "");
        assert!(matches!(
            followed.try_recv(),
            Ok(Progress::Ended { outcome: GrantOutcome::NameTaken, message }) if message.is_empty()
        ));
    }
}
