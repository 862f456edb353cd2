//! One router output: whether its steps are possible, founded, granted, and start nothing twice.

use std::collections::BTreeSet;

use super::super::declared::Push;
use super::super::violation::{About, Rule, Violation};
use super::{Ingest, Occupant, Outputs, is_exact, takes};
use crate::model::{
    Cause, Destination, DestinationName, Endpoint, OutputState, RouteState, RouterOutput, RouterPool,
};
use crate::plan::{OutputAction, OutputPlan, OutputReason};

/// What is planned for one output.
pub(super) struct Case<'a> {
    pub(super) outputs: &'a Outputs<'a>,
    /// `None` for an output in no declared pool.
    pub(super) pool: Option<&'a RouterPool>,
    pub(super) said: &'a OutputPlan,
}

impl<'a> Case<'a> {
    pub(super) fn broken(&self, rule: Rule, what: impl Into<String>) -> Violation {
        let about = match self.said.carries.destination() {
            Some(name) if self.said.arn.is_none() => About::Destination(name.clone()),
            _ => {
                let pool = self.pool.map(|pool| pool.name.clone());
                About::Output(pool, self.said.carries.to_string())
            }
        };
        Violation::new(rule, about, what)
    }

    fn seen(&self) -> Option<&'a RouterOutput> {
        self.outputs.seen(self.said.arn.as_ref()?)
    }

    fn occupant(&self) -> Option<Occupant<'a>> {
        self.outputs.occupants.get(self.said.arn.as_ref()?).copied()
    }

    /// The destination that a step is for: the occupant of the output, or the one that it is made for.
    fn destination(&self) -> Option<&'a Destination> {
        match (self.said.arn.is_some(), self.occupant()) {
            (true, Some(Occupant::Of(one))) => Some(one),
            (true, _) => None,
            (false, _) => {
                let name = self.said.carries.destination()?;
                self.outputs
                    .world
                    .desired
                    .destinations
                    .get(name)
                    .map(|one| &**one)
            }
        }
    }

    fn is_wanted(&self, one: &Destination) -> bool {
        self.is_of_pool(one) && one.is_wanted(self.outputs.now)
    }

    fn is_of_pool(&self, one: &Destination) -> bool {
        self.pool.is_some_and(|pool| pool.name == one.pool)
    }

    /// Whether an output takes the pool's input.
    fn takes_its_input(&self, output: &RouterOutput) -> bool {
        self.pool.is_some_and(|pool| takes(output, pool))
    }

    fn may_bring(&self) -> bool {
        self.pool.is_some_and(|pool| self.outputs.may_bring(pool))
    }

    fn is_fed(&self) -> bool {
        self.pool.is_some_and(|pool| self.outputs.is_fed(pool))
    }

    fn actions(&self) -> impl Iterator<Item = &'a OutputAction> {
        self.said.steps.iter().map(|step| &step.action)
    }

    /// The plan must state the output as it was observed.
    pub(super) fn misread(&self) -> Option<Violation> {
        let seen = self.seen();
        let state = seen.map(|seen| seen.state);
        let is_on_air = seen.is_some_and(|seen| match self.pool {
            Some(pool) => self.outputs.is_on_air(seen, pool),
            None => seen.state == OutputState::Active && seen.route == RouteState::Routed,
        });
        let is_right = self.said.arn.is_some() == seen.is_some()
            && self.said.state == state
            && self.said.on_air == is_on_air;
        (!is_right).then(|| self.broken(Rule::Misstated, "is not as it was observed"))
    }

    /// The plan must tell an output with the pool that it belongs to.
    pub(super) fn misplaced(&self) -> Option<Violation> {
        let pool = self.outputs.pool_of(self.said.arn.as_ref()?);
        let is_right = pool.map(|pool| &pool.name) == self.pool.map(|pool| &pool.name);
        (!is_right).then(|| self.broken(Rule::Misstated, "belongs to another pool"))
    }

    /// Of an output in no declared pool: it may end, if it is known as this slotwise's.
    fn untouchable_in_no_pool(&self) -> Option<&'static str> {
        let seen = self.seen().filter(|_| self.pool.is_none())?;
        let ends = |action: &OutputAction| {
            use OutputAction::{Delete, Keep, Release, Stop};
            matches!(action, Stop | Delete | Release | Keep)
        };
        match self.occupant() {
            _ if !self.actions().all(ends) => Some("it is in no pool"),
            Some(Occupant::Of(one)) if is_exact(seen, one) => None,
            _ if self.outputs.may_be_anothers(seen) => Some("another slotwise may have it"),
            _ => None,
        }
    }

    pub(super) fn untouchable(&self) -> Option<Violation> {
        let now = self.outputs.now;
        let paused = self.pool.and_then(|pool| pool.pause_at(now));
        let mut why = paused
            .map(|_| "its pool is paused")
            .or(self.untouchable_in_no_pool());
        let is_unreadable = self.outputs.world.observed.routers.unreadable.is_some();
        why = why.or(is_unreadable.then_some("router outputs cannot be looked at"));
        if let Some(seen) = self.seen() {
            let is_held = |one: &Destination| one.pause_at(now).is_some();
            let is_settled = matches!(
                seen.state,
                OutputState::Standby | OutputState::Active | OutputState::Error
            );
            why = why.or(match self.occupant() {
                None | Some(Occupant::Foreign) => Some("it belongs to another owner"),
                Some(Occupant::Undeclared) => Some("no Destination explains it"),
                Some(Occupant::Of(one)) if is_held(one) => Some("its destination is paused"),
                Some(_) if !is_settled || seen.route == RouteState::Routing => {
                    Some("MediaConnect works on it")
                }
                Some(_) => None,
            });
            let waits = seen
                .trouble
                .as_ref()
                .is_some_and(|trouble| now < trouble.retry_at);
            why = why.or(waits.then_some("it failed, and is not to be tried yet"));
        }
        why.map(|why| self.broken(Rule::Untouchable, format!("has steps although {why}")))
    }

    /// Steps that the state does not allow.
    pub(super) fn wrong_order(&self) -> Option<Violation> {
        let seen = self.seen();
        let mut state = seen.map(|seen| seen.state);
        let mut takes_input = seen.is_some_and(|seen| self.takes_its_input(seen));
        // A later start is looked at again by then.
        let first = self.actions().next();
        let is_start = matches!(first, Some(OutputAction::Start | OutputAction::Restart));
        if is_start && !self.is_fed() {
            return Some(self.broken(Rule::StepOrder, "is started before what feeds it"));
        }
        for action in self.actions() {
            let is_possible = match (action, state) {
                (OutputAction::Create(_), None)
                | (OutputAction::Route, Some(OutputState::Standby | OutputState::Active))
                | (OutputAction::Stop, Some(OutputState::Active | OutputState::Error))
                | (OutputAction::Restart, Some(OutputState::Error))
                | (OutputAction::Update(_) | OutputAction::Delete, Some(OutputState::Standby))
                | (OutputAction::Release | OutputAction::Keep | OutputAction::Record, Some(_)) => true,
                (OutputAction::Start, Some(OutputState::Standby)) => takes_input,
                _ => false,
            };
            if !is_possible {
                let what = format!("cannot {} in the state it is in by then", action.name());
                return Some(self.broken(Rule::StepOrder, what));
            }
            match action {
                OutputAction::Create(_) | OutputAction::Stop => state = Some(OutputState::Standby),
                OutputAction::Start => state = Some(OutputState::Active),
                OutputAction::Delete => state = None,
                OutputAction::Route => takes_input = true,
                _ => {}
            }
        }
        None
    }

    /// Steps that nothing asks for: an output for one that is not wanted, another target than declared, a second output.
    pub(super) fn unfounded(&self) -> Option<Violation> {
        let one = self.destination();
        let own = one.and_then(Destination::endpoint);
        let is_wanted = one.is_some_and(|one| self.is_wanted(one));
        for action in self.actions() {
            let is_founded = match action {
                OutputAction::Create(target) => {
                    let is_new = one.is_some_and(|one| !self.has_output(one));
                    is_wanted
                        && is_new
                        && self.is_own(target)
                        && self.outputs.world.observed.routers.is_complete
                }
                OutputAction::Update(target) => is_wanted && self.is_own(target),
                OutputAction::Start | OutputAction::Restart => is_wanted && self.may_start(own.as_ref()),
                OutputAction::Route => is_wanted,
                OutputAction::Stop => true,
                OutputAction::Release => {
                    matches!(self.occupant(), Some(Occupant::Vanished { may_end: true }))
                }
                OutputAction::Keep => matches!(self.occupant(), Some(Occupant::Vanished { may_end: false })),
                OutputAction::Record => one.is_some(),
                OutputAction::Delete => self.may_delete(),
            };
            if !is_founded {
                let what = format!("nothing asks for its {}", action.name());
                return Some(self.broken(Rule::WrongGoal, what));
            }
        }
        None
    }

    fn is_own(&self, target: &Endpoint) -> bool {
        let own = self.destination().and_then(Destination::endpoint);
        own.is_some_and(|own| own.canonical() == target.canonical())
    }

    /// Whether an output of this pool is that of a destination.
    fn has_output(&self, one: &Destination) -> bool {
        let mut own = self.outputs.own(one);
        own.any(|(arn, _)| self.outputs.pool_of(arn).map(|pool| &pool.name) == Some(&one.pool))
    }

    /// Whether what it would push is the destination's target, or the previous one of a destination that comes back.
    fn may_start(&self, own: Option<&Endpoint>) -> bool {
        let written = self.actions().filter_map(OutputAction::target).last();
        let there = self.seen().and_then(|seen| seen.target.as_ref());
        let target = written.or(there);
        match (target, own) {
            (Some(target), Some(own)) => {
                let refused = &self.outputs.world.observed.refused;
                let comes_back = self
                    .destination()
                    .is_some_and(|one| refused.contains_key(&one.name));
                target.canonical() == own.canonical() || self.restarts() || comes_back
            }
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    fn restarts(&self) -> bool {
        self.actions().any(|action| *action == OutputAction::Restart)
    }

    fn may_delete(&self) -> bool {
        let of_another = |name: &DestinationName| {
            let declared = self.outputs.world.desired.destinations.get(name);
            declared.is_some_and(|one| one.is_wanted(self.outputs.now))
        };
        let is_needed = self.destination().is_some_and(|one| {
            let is_kept = self.is_wanted(one) || one.pause_at(self.outputs.now).is_some();
            is_kept && !self.has_another(one)
        });
        let is_free = match self.occupant() {
            Some(Occupant::Of(_)) => !is_needed,
            Some(Occupant::Vanished { may_end }) => may_end,
            Some(Occupant::Foreign | Occupant::Undeclared) | None => false,
        };
        is_free
            && self.said.steps.iter().all(|step| match &step.reason {
                OutputReason::PlaceNeeded(name) => of_another(name),
                OutputReason::KeptLongEnough => self.was_kept(),
                OutputReason::Surplus => self.destination().is_some_and(|one| self.has_another(one)),
                _ => step.action != OutputAction::Delete,
            })
    }

    fn was_kept(&self) -> bool {
        let record = self.seen().and_then(|seen| seen.record.as_ref());
        let since = record.and_then(|record| record.off_since);
        let keep = self.pool.and_then(|pool| pool.keep);
        keep.zip(since).is_some_and(|(keep, since)| {
            let off = self.outputs.now.duration_since(since);
            std::time::Duration::try_from(off).is_ok_and(|off| off >= keep)
        })
    }

    /// Whether a destination has another output than this one.
    fn has_another(&self, one: &Destination) -> bool {
        let mut own = self.outputs.own(one);
        own.any(|(arn, _)| Some(arn) != self.said.arn.as_ref())
    }

    /// A wanted destination goes off air without a grant, or does not come back; or one that vanished and may be declared.
    pub(super) fn takes_off_air(&self) -> Option<Violation> {
        let seen = self.seen()?;
        let stops = self.actions().any(|action| *action == OutputAction::Stop);
        let is_taken_by_hand = seen.state == OutputState::Active
            && seen.route == RouteState::Routed
            && seen.input.as_ref() != self.pool.map(|pool| &pool.input);
        let retakes = is_taken_by_hand && self.actions().any(|action| *action == OutputAction::Route);
        if !stops && !retakes {
            return None;
        }
        let may_publish = !matches!(seen.state, OutputState::Standby | OutputState::Error);
        let one = match self.occupant()? {
            Occupant::Of(one) if one.is_wanted(self.outputs.now) => one,
            Occupant::Vanished { may_end: false } => {
                let what = "ends although its destination may be declared";
                return Some(self.broken(Rule::ForbiddenStop, what));
            }
            _ => return None,
        };
        let is_moved = !self.is_of_pool(one);
        if self.is_served_elsewhere(one) || !may_publish {
            return None;
        }
        let brings_something = self.takes_its_input(seen) && self.may_bring();
        if !(retakes || is_moved || brings_something) {
            // It stops and is pointed at its target while it brings nothing.
            return None;
        }
        if !self.is_granted(one) {
            return Some(self.broken(Rule::Ungranted, format!("takes {} off air", one.name)));
        }
        let ends = self.actions().last();
        let comes_back = if is_moved {
            self.has_place_elsewhere(one)
        } else {
            retakes || ends == Some(&OutputAction::Start)
        };
        (!comes_back).then(|| self.broken(Rule::NotBroughtBack, format!("leaves {} off air", one.name)))
    }

    /// Whether a destination that was moved to another RouterPool has an output there which only has to be started. What is given
    /// in a ChannelPool the rules of slots look at.
    fn has_place_elsewhere(&self, one: &Destination) -> bool {
        let is_of_channels = self.outputs.world.desired.pools.contains_key(&one.pool);
        is_of_channels || self.outputs.is_prepared(one)
    }

    fn is_granted(&self, one: &Destination) -> bool {
        let Some(pool) = self.pool else { return false };
        let disruption = &pool.disruption;
        let by_policy = disruption.is_open(self.outputs.now) && disruption.causes.contains(&Cause::Retarget);
        let is_named = self.outputs.world.desired.grants.contains(&one.name);
        one.interruptible && (by_policy || is_named)
    }

    /// Whether another output brings a destination's programme to its own target, or to where this one does.
    fn is_served_elsewhere(&self, one: &Destination) -> bool {
        let world = self.outputs.world;
        let Some(pool) = world.desired.routers.get(&one.pool) else {
            let own = one.endpoint().map(|own| own.stream());
            return own.is_some_and(|own| world.air.is_in_running_slot(&own));
        };
        let stream = |endpoint: &Endpoint| endpoint.stream();
        let here = self.seen().and_then(|seen| seen.target.as_ref()).map(stream);
        let own = one.endpoint().as_ref().map(stream);
        let mut others = self
            .outputs
            .own(one)
            .filter(|(arn, _)| Some(*arn) != self.said.arn.as_ref());
        others.any(|(_, output)| {
            let there = output.target.as_ref().map(stream);
            let is_same = there.is_some() && (there == own || there == here);
            is_same && self.outputs.is_seen_on_air(output, pool)
        })
    }

    /// What the steps start to push.
    pub(super) fn starts(&self) -> Option<&'a Endpoint> {
        let starts = |action: &OutputAction| matches!(action, OutputAction::Start | OutputAction::Restart);
        if !self.actions().any(starts) {
            return None;
        }
        let written = self.actions().filter_map(OutputAction::target).last();
        written.or(self.seen().and_then(|seen| seen.target.as_ref()))
    }

    /// A stream that is started while something else may publish it, or is about to from a slot that it is given.
    pub(super) fn published_elsewhere(&self, given: &BTreeSet<Ingest>) -> Option<Violation> {
        let target = self.starts()?;
        let ingest = Ingest::of(target);
        let mut publishing = self.outputs.publishing.get(&ingest).into_iter().flatten();
        let in_outputs = publishing.any(|arn| Some(*arn) != self.said.arn.as_ref());
        let on_channels = self.outputs.world.air.may_be_published(&Push::of(target));
        let what = "starts a stream that is, or may be, on air elsewhere";
        let is_twice = in_outputs || on_channels || given.contains(&ingest);
        is_twice.then(|| self.broken(Rule::TargetTwice, what))
    }
}
