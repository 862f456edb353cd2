//! Rules for assignments: every destination keeps its own slot, and each that is not placed has a reason.

use super::Planned;
use super::declared::{Dest, One};
use super::reading::{Fit, Occupant, SlotReading, World};
use super::steps::{has_stop, is_delayed};
use super::violation::{About, Rule, Violation};
use crate::model::{ChannelState, SlotId, WantedState};
use crate::plan::{ChannelPlan, Content, DestinationPlan, Plan, SlotPlan};

/// Every rule for the destinations of the plan, and silence on channels.
pub(super) fn check(plan: &Plan, world: &World<'_>, planned: &Planned<'_>, found: &mut Vec<Violation>) {
    for said in &plan.destinations {
        let Some(dest) = world.declared.by_name(&said.name) else {
            continue;
        };
        let case = Case {
            world,
            planned,
            said,
            dest,
            one: world.one(dest),
            own: world.places[dest].first().map(|site| world.at(site)),
        };
        found.extend(case.misstated());
        found.extend(case.taken_away());
        found.extend(case.wrong_assignment());
        found.extend(case.silent());
    }
    for (channel, plan) in world.channels.iter().zip(&planned.channels) {
        let why = channel.hands_off.filter(|_| channel.policy.is_some());
        if let (Some(why), Some(plan)) = (why, plan)
            && plan.waiting.is_none()
        {
            let what = format!("cannot be used ({why}), and the plan does not say so");
            let about = About::Channel(plan.id.clone());
            found.push(Violation::new(Rule::SilentChannel, about, what));
        }
    }
}

/// One destination, as planned and as read.
struct Case<'a> {
    world: &'a World<'a>,
    planned: &'a Planned<'a>,
    said: &'a DestinationPlan,
    dest: Dest,
    one: &'a One<'a>,
    /// The slot that it is on air in, otherwise the one that it holds.
    own: Option<&'a SlotReading<'a>>,
}

impl<'a> Case<'a> {
    fn broken(&self, rule: Rule, what: impl Into<String>) -> Violation {
        Violation::new(rule, About::Destination(self.said.name.clone()), what)
    }

    /// Its slot, if its channel runs.
    fn on_air(&self) -> Option<&'a SlotReading<'a>> {
        self.own.filter(|own| self.world.channel_of(own).is_running())
    }

    /// Whether a slot's channel is of its pool.
    fn is_of_pool(&self, slot: &SlotReading<'_>) -> bool {
        self.world.is_of_pool(self.world.channel_of(slot), self.dest)
    }

    /// What is planned for the channel of a slot.
    fn plan_of(&self, slot: &SlotReading<'_>) -> Option<&'a ChannelPlan> {
        self.planned.channels[slot.site.channel]
    }

    /// Whether the channel of a slot runs in the end.
    fn will_run(&self, slot: &SlotReading<'_>) -> bool {
        self.plan_of(slot).is_some_and(|plan| plan.runs)
    }

    /// The plan must state the destination as it was declared and observed.
    fn misstated(&self) -> Option<Violation> {
        let (said, declared) = (self.said, self.one.destination);
        let is_held_right = said.held.as_ref() == self.own.map(|own| &own.id);
        let state = self.own.and_then(|own| self.world.channel_of(own).state());
        let runs = state == Some(ChannelState::Running);
        let is_previous = self.own.is_some_and(SlotReading::is_changed);
        // What its router output is doing has rules of its own.
        let output = self.planned.in_outputs.get(&declared.name);
        let is_wanted_right = said.wanted == self.one.wanted && said.state == declared.state;
        let claims = [
            ("whether it is wanted", is_wanted_right),
            ("its pool", said.pool == declared.pool),
            ("the slot it holds", is_held_right),
            (
                "whether it is on air",
                said.on_air == runs || output == Some(&true),
            ),
            (
                "whether that is with its previous target",
                said.is_previous == is_previous || output.is_some(),
            ),
        ];
        let (what, _) = claims.iter().find(|(_, is_right)| !is_right)?;
        let what = format!("the plan does not say what was declared and observed: {what}");
        Some(self.broken(Rule::Misstated, what))
    }

    /// A destination that is wanted and on air in its pool, or was interrupted by slotwise, keeps its slot. It does not come
    /// back where its stream is on air on another channel meanwhile. With a previous target it may start in another slot.
    fn taken_away(&self) -> Option<Violation> {
        let own = self.own?;
        let channel = self.world.channel_of(own);
        // What a failed update left behind is not known, and what MediaLive refuses cannot be written there again.
        let is_lost = channel.state() == Some(ChannelState::UpdateFailed)
            && self.one.has_key()
            && !self.one.is_writable();
        let is_previous = matches!(own.occupant, Occupant::Of(_, Fit::Previous, _)) || is_lost;
        let is_given = self.said.assignment.as_ref() == Some(&own.id);
        if !self.one.wanted || is_previous || !self.is_of_pool(own) || is_given {
            return None;
        }
        let comes_back = self.world.returns_to(own, self.dest) && channel.hands_off.is_none();
        let keeps = channel.is_running() || comes_back && !self.is_on_air_beside(own);
        let what = || format!("belongs in {} and is moved", own.id);
        keeps.then(|| self.broken(Rule::Moved, what()))
    }

    /// Whether the stream that its slot would publish is on air on another channel, or in two groups of its own channel.
    fn is_on_air_beside(&self, own: &SlotReading<'_>) -> bool {
        let channel = self.world.channel_of(own);
        let slot = || own.pipes.iter().flatten();
        let others = || channel.others.iter().flat_map(|(_, pipes)| pipes).flatten();
        let is_twice = others().any(|other| slot().any(|push| push.stream == other.stream));
        let mut all = slot().chain(others());
        is_twice || all.any(|push| self.world.air.is_beside(channel.id, &push.stream))
    }

    fn wrong_assignment(&self) -> Option<Violation> {
        let id = self.said.assignment.as_ref()?;
        let stays = self.on_air().filter(|own| own.id == *id);
        if !self.one.wanted {
            let what = || format!("is not wanted and is given {id}");
            return stays.is_none().then(|| self.broken(Rule::NotWanted, what()));
        }
        if stays.is_some_and(|own| self.will_run(own)) {
            return None;
        }
        let Some(slot) = self.world.slot(id).filter(|slot| self.may_have(slot)) else {
            let what = format!("is given {id}, which its pool cannot use");
            return Some(self.broken(Rule::SlotUnavailable, what));
        };
        if let Some(pinned) = self.away_from_pin(id) {
            let what = format!("is given {id} but pinned to {pinned}");
            return Some(self.broken(Rule::AwayFromPin, what));
        }
        let is_right = self.is_reserved(slot) || self.is_carried(slot);
        let what = || format!("is given {id}, but the steps do not put it there");
        (!is_right).then(|| self.broken(Rule::NotCarried, what()))
    }

    /// Whether a slot is one of its pool that may be used; and, if the pool's pattern does not match it, its own. Or the one of
    /// another pool that it was interrupted in.
    fn may_have(&self, slot: &SlotReading<'_>) -> bool {
        let is_own = slot.dest() == Some(self.dest);
        let comes_back = is_own && self.world.returns_to(slot, self.dest);
        let may_join = self.is_of_pool(slot) && (slot.matches || is_own);
        self.world.channel_of(slot).hands_off.is_none() && (may_join || comes_back)
    }

    fn away_from_pin(&self, slot: &SlotId) -> Option<SlotId> {
        let pin = self.one.destination.pin.as_ref()?;
        let pinned = SlotId::new(pin.channel.clone(), pin.output_group.clone());
        let is_returning = self.world.observed.returning.get(&self.said.name) == Some(slot);
        let may_differ = is_returning || !self.one.has_key();
        (pinned != *slot && !may_differ).then_some(pinned)
    }

    /// Whether the slot is kept free on a stopped channel for a destination that this plan takes off air in another pool, or
    /// that is going off air there: it begins here once it has ended there.
    fn is_reserved(&self, slot: &SlotReading<'_>) -> bool {
        let is_away =
            |own: &&SlotReading<'_>| self.world.channel_of(own).may_publish() && !self.is_of_pool(own);
        let Some(own) = self.own.filter(is_away) else {
            return false;
        };
        let is_taken_off = self.plan_of(own).is_some_and(|plan| {
            let mut written = plan.steps.iter().flat_map(|step| step.action.writes());
            let is_written = written.any(|write| write.output_group == own.id.output_group);
            has_stop(plan) && (is_written || !plan.runs) || is_delayed(plan)
        });
        let is_free = match slot.occupant {
            Occupant::Of(dest, Fit::Unknown, _) => {
                let one = self.world.one(dest);
                !one.wanted && !one.paused
            }
            _ => true,
        };
        let leaves = is_taken_off || self.on_air().is_none();
        leaves && is_free && self.world.channel_of(slot).is_stopped() && !self.will_run(slot)
    }

    /// Whether the slot carries it on air in the end. The rules for steps check what is written there, and that a start puts
    /// only wanted destinations on air.
    fn is_carried(&self, slot: &SlotReading<'_>) -> bool {
        let carries = |said: &SlotPlan| {
            let is_it = matches!(&said.then, Content::Destination(name) if *name == self.said.name);
            said.output_group == slot.id.output_group && is_it
        };
        let plan = self.plan_of(slot).filter(|plan| plan.runs);
        plan.is_some_and(|plan| plan.slots.iter().any(carries))
    }

    /// Not where it is wanted, or not as it is wanted, without a word.
    fn silent(&self) -> Option<Violation> {
        let is_of_router = self
            .world
            .desired
            .routers
            .contains_key(&self.one.destination.pool);
        if self.said.waiting.is_some() || self.one.paused || is_of_router && self.on_air().is_none() {
            return None;
        }
        // It is on air in its own output, whatever becomes of what a slot still has; or it begins there with another stream.
        let next = self.said.output.as_ref().and_then(|output| output.next);
        let in_output = self.planned.in_outputs.get(&self.said.name) == Some(&true);
        if is_of_router && (in_output || next.is_some()) {
            return None;
        }
        // What is left as it is on air.
        let left = self.on_air();
        let left = left.filter(|own| !self.plan_of(own).is_some_and(has_stop));
        let is_silent = match self.one.destination.state {
            WantedState::Ready => left.is_some(),
            WantedState::Streaming => {
                let is_wrong = |own: &SlotReading<'_>| !self.is_of_pool(own) || own.is_changed();
                let given = self.said.assignment.as_ref();
                given.is_none() || left.is_some_and(|own| given == Some(&own.id) && is_wrong(own))
            }
        };
        let what = "is not where it is wanted, and the plan does not say why";
        is_silent.then(|| self.broken(Rule::SilentDestination, what))
    }
}
