//! From a channel's goal to its steps and slots.
//!
//! | channel is | goal | steps |
//! |---|---|---|
//! | IDLE | carry somebody | Update where a slot differs, Start |
//! | UPDATE_FAILED | carry somebody | Update of all that are carried, Start |
//! | IDLE, UPDATE_FAILED | nobody | none: what the slots hold stays, warm |
//! | RUNNING, RECOVERING, nobody protected | carry somebody | Stop, Update, Start |
//! | RUNNING, RECOVERING, nobody protected | nobody | Stop |
//! | RUNNING, somebody protected | change, granted | Stop, Update, Start |
//! | RUNNING, RECOVERING, somebody protected | no change, or none granted | none |
//! | CREATING, STARTING, STOPPING, UPDATING | any | Wait, then as above |
//! | any, no owner tag | any | Adopt, then as above |
//! | may not be used | – | none |
//!
//! On a channel that starts, each slot is either given or parked: whatever a slot points at goes on air with it.

use super::cost::{INTERRUPTION, expected};
use super::decide::{Decision, Goal};
use super::interrupt::Kind;
use super::survey::{Holder, Stance};
use super::wait::{channel_waiting, destination_waiting};
use super::{
    Action, Adoption, ChannelPlan, Content, DestinationPlan, Reason, Seen, SlotPlan, SlotWrite, Step,
};
use crate::model::{ChannelState, DestinationName, OwnerId, Target};
use jiff::Timestamp;

/// What becomes of one channel.
pub(super) fn channel_plan(
    decision: &Decision<'_>,
    owner: &OwnerId,
    channel: usize,
    now: Timestamp,
) -> ChannelPlan {
    let survey = &decision.survey;
    let one = &survey.channels[channel];
    let slots: Vec<(SlotPlan, Option<Target>)> =
        one.slots.clone().map(|slot| slot_plan(decision, slot)).collect();
    let writes: Vec<SlotWrite> = slots.iter().filter_map(slot_write).collect();
    ChannelPlan {
        id: one.id.clone(),
        pool: Some(survey.pool.name.clone()),
        others: one.seen.map(|seen| seen.others.clone()).unwrap_or_default(),
        seen: one.seen.map(|seen| Seen {
            arn: seen.arn.clone(),
            name: seen.name.clone(),
            class: seen.class,
            state: seen.state,
            owner: seen.owner.clone(),
            tags: seen.tags.clone(),
        }),
        adoption: one.adoption.clone(),
        steps: steps(decision, owner, channel, writes),
        slots: slots.into_iter().map(|(slot, _)| slot).collect(),
        runs: match decision.goals[channel] {
            Goal::Leave => one.is_running(),
            Goal::Idle | Goal::Stop => false,
            Goal::Stay | Goal::Run | Goal::Interrupt => true,
        },
        waiting: channel_waiting(decision, channel, now),
    }
}

/// What becomes of one destination.
pub(super) fn destination_plan(decision: &Decision<'_>, dest: usize, now: Timestamp) -> DestinationPlan {
    let survey = &decision.survey;
    let one = &survey.dests[dest];
    let carried = decision.carried[dest];
    let on_air = |slot: usize| survey.channel_of(slot).state() == ChannelState::Running;
    let interrupted = one.stance == Stance::Wanted
        && one.held.is_some_and(|slot| {
            carried == Some(slot)
                && survey.on_running(dest)
                && decision.goals[survey.slots[slot].channel] == Goal::Interrupt
        });
    DestinationPlan {
        name: one.decl.name.clone(),
        pool: survey.pool.name.clone(),
        state: one.decl.state,
        wanted: one.stance == Stance::Wanted,
        group: one.decl.group.clone(),
        held: one.held.map(|slot| survey.slot_id(slot)),
        on_air: one.held.is_some_and(on_air),
        is_previous: false,
        assignment: carried.map(|slot| survey.slot_id(slot)),
        reason: carried.map(|slot| assign_reason(decision, dest, slot)),
        waiting: destination_waiting(decision, dest, now),
        off_air: interrupted.then_some(INTERRUPTION),
    }
}

/// Why `dest` is carried by `slot`.
pub(super) fn assign_reason(decision: &Decision<'_>, dest: usize, slot: usize) -> Reason {
    let survey = &decision.survey;
    let one = &survey.dests[dest];
    let channel = survey.slots[slot].channel;
    if one.held == Some(slot) && survey.channels[channel].is_running() {
        let starting = survey.channels[channel].state() == ChannelState::Starting;
        return match (starting, one.returning == Some(slot)) {
            (false, _) => Reason::OnAir,
            (true, true) => Reason::AssignReturning,
            (true, false) => Reason::AssignWarm,
        };
    }
    if one.returning == Some(slot) {
        return Reason::AssignReturning;
    }
    // Only what is on air, or comes back, is anywhere else than where it is pinned.
    if one.decl.pin.is_some() {
        return Reason::AssignPinned;
    }
    if one.held == Some(slot) || one.copies.contains(&slot) {
        return Reason::AssignWarm;
    }
    if survey.slots[slot].holder == Holder::Outdated(dest) {
        let destination = one.decl.name.clone();
        return Reason::TargetChanged { destination };
    }
    if let Some(Kind::Kept(crew)) = &decision.kinds[channel] {
        let others = decision.names(crew.on_air.iter().copied());
        return Reason::AssignInterrupting { others };
    }
    match &one.decl.group {
        Some(group) if has_mate(decision, dest, channel) => Reason::AssignGroup { group: group.clone() },
        _ if survey.channels[channel].is_running() => Reason::AssignAfterStop,
        _ if survey.channels[channel].state() == ChannelState::Stopping => Reason::AssignAfterStop,
        _ => Reason::AssignNew,
    }
}

fn has_mate(decision: &Decision<'_>, dest: usize, channel: usize) -> bool {
    let dests = &decision.survey.dests;
    decision
        .given_on(channel)
        .any(|(_, other)| other != dest && dests[other].decl.group == dests[dest].decl.group)
}

/// What becomes of one slot, and where it points then, if that differs.
fn slot_plan(decision: &Decision<'_>, slot: usize) -> (SlotPlan, Option<Target>) {
    let survey = &decision.survey;
    let one = &survey.slots[slot];
    let now = survey.content(slot);
    let changes = matches!(decision.goals[one.channel], Goal::Run | Goal::Interrupt);
    let given = decision.given.get(&slot).copied();
    let (then, reason, target) = match (one.holder, given) {
        _ if !changes => (now.clone(), None, None),
        (Holder::Unusable, _) => (now.clone(), None, None),
        (_, Some(dest)) => {
            let name = survey.dests[dest].decl.name.clone();
            let differs = |target: &Target| Ok(target) != one.group.target.as_ref();
            let target = survey.target(dest, slot);
            let reason = target.as_ref().filter(|target| differs(target));
            let reason = reason.map(|_| assign_reason(decision, dest, slot));
            // What an update that failed left behind nobody knows: such slots are written again.
            let unsure = survey.channels[one.channel].state() == ChannelState::UpdateFailed;
            let target = target.filter(|target| unsure || differs(target));
            (Content::Destination(name), reason, target)
        }
        (Holder::Held(dest), None)
            if decision.goals[one.channel] == Goal::Interrupt && decision.carried[dest] == Some(slot) =>
        {
            (now.clone(), None, None)
        }
        (Holder::Parked, None) => (Content::Parked, None, None),
        (_, None) => (
            Content::Parked,
            Some(release_reason(decision, slot)),
            Some(one.parking.clone()),
        ),
    };
    let plan = SlotPlan {
        output_group: one.group.name.clone(),
        target: one.group.target.as_ref().ok().cloned(),
        now,
        then,
        reason,
    };
    (plan, target)
}

/// Why a slot is parked.
fn release_reason(decision: &Decision<'_>, slot: usize) -> Reason {
    let survey = &decision.survey;
    let name = |dest: usize| survey.dests[dest].decl.name.clone();
    match survey.slots[slot].holder {
        Holder::Held(dest) | Holder::Copy(dest) => Reason::NoLongerWanted {
            destination: name(dest),
        },
        Holder::Outdated(dest) => Reason::TargetChanged {
            destination: name(dest),
        },
        _ => Reason::NotDeclared {
            host: survey.slots[slot].host().to_owned(),
        },
    }
}

fn slot_write((slot, target): &(SlotPlan, Option<Target>)) -> Option<SlotWrite> {
    target.as_ref().map(|target| SlotWrite {
        output_group: slot.output_group.clone(),
        target: target.clone(),
        content: slot.then.clone(),
    })
}

fn steps(decision: &Decision<'_>, owner: &OwnerId, channel: usize, writes: Vec<SlotWrite>) -> Vec<Step> {
    let one = &decision.survey.channels[channel];
    let goal = decision.goals[channel];
    if goal == Goal::Leave {
        return Vec::new();
    }
    let mut steps = Vec::new();
    let mut step = |action: Action, reason: Reason, interrupts: Vec<DestinationName>| {
        let expected = expected(&action, one.state());
        steps.push(Step {
            action,
            reason,
            interrupts,
            expected,
        });
    };
    if one.adoption == Adoption::Adopt {
        step(
            Action::Adopt { tags: Vec::new() },
            Reason::AdoptUnowned { owner: owner.clone() },
            Vec::new(),
        );
    }
    if one.state().is_transition() {
        step(Action::Wait, Reason::InTransition, Vec::new());
    }
    if decision.delayed.contains(&channel) {
        return steps;
    }
    if one.is_running() && matches!(goal, Goal::Stop | Goal::Run | Goal::Interrupt) {
        let here = decision.interrupted_on(channel).iter().copied();
        step(Action::Stop, stop_reason(decision, channel), decision.names(here));
    }
    if matches!(goal, Goal::Run | Goal::Interrupt) {
        if !writes.is_empty() {
            step(
                Action::Update {
                    writes,
                    tags: Vec::new(),
                    adopts: false,
                },
                Reason::UpdateSlots,
                Vec::new(),
            );
        }
        let destinations = decision.names(wanted_on(decision, channel));
        step(Action::Start, Reason::StartWanted { destinations }, Vec::new());
    }
    steps
}

/// Wanted destinations that a channel carries in the end.
pub(super) fn wanted_on(decision: &Decision<'_>, channel: usize) -> impl Iterator<Item = usize> {
    let survey = &decision.survey;
    let slots = survey.channels[channel].slots.clone();
    slots.filter_map(|slot| {
        let held = match survey.slots[slot].holder {
            Holder::Held(dest) if decision.carried[dest] == Some(slot) => Some(dest),
            _ => None,
        };
        let dest = decision.given.get(&slot).copied().or(held)?;
        (survey.dests[dest].stance == Stance::Wanted).then_some(dest)
    })
}

/// On whose behalf a channel stops.
fn stop_reason(decision: &Decision<'_>, channel: usize) -> Reason {
    let survey = &decision.survey;
    let leaving: &[usize] = match &decision.kinds[channel] {
        Some(Kind::Kept(crew)) => &crew.leaving,
        _ if decision.goals[channel] == Goal::Stop => return Reason::StopUnwanted,
        _ => &[],
    };
    let owners = leaving
        .iter()
        .filter_map(|slot| match survey.slots[*slot].holder {
            Holder::Held(dest) | Holder::Copy(dest) | Holder::Outdated(dest) => Some(dest),
            _ => None,
        });
    let destinations = decision.names(owners.chain(decision.given_on(channel).map(|(_, dest)| dest)));
    match leaving.first() {
        Some(slot) if destinations.is_empty() => Reason::NotDeclared {
            host: survey.slots[*slot].host().to_owned(),
        },
        _ => Reason::StopForUpdate { destinations },
    }
}

#[cfg(test)]
mod tests {
    use ChannelState::{Idle, Running, Starting, Stopping};

    use super::super::Plan;
    use super::super::fixture::{World, pin, steps};
    use super::*;

    fn reason<'p>(plan: &'p Plan, name: &str) -> &'p Reason {
        let one = plan.destinations.iter().find(|one| one.name.as_str() == name);
        one.unwrap().reason.as_ref().unwrap()
    }

    /// Whom the start of a channel is for.
    fn started_for(plan: &Plan, id: &str) -> Vec<String> {
        let channel = plan.channels.iter().find(|one| one.id.as_str() == id).unwrap();
        match &channel.steps.last().unwrap().reason {
            Reason::StartWanted { destinations } => destinations.iter().map(ToString::to_string).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_group_is_the_reason_only_where_a_mate_is_on_the_channel() {
        let world = World::new()
            .channel("1", Idle, &["-", "-", "-"])
            .member("a", "x")
            .member("stranger", "y");
        assert_eq!(*reason(&world.plan(), "a"), Reason::AssignNew);
        let plan = world.member("b", "x").plan();
        let group = "x".into();
        assert_eq!(*reason(&plan, "a"), Reason::AssignGroup { group });
        assert_eq!(*reason(&plan, "stranger"), Reason::AssignNew);
    }

    #[test]
    fn a_channel_that_is_stopping_is_taken_after_the_stop() {
        let plan = World::new().channel("1", Stopping, &["-"]).wanted("a").plan();
        assert_eq!(*reason(&plan, "a"), Reason::AssignAfterStop);
    }

    #[test]
    fn a_group_that_cannot_be_used_as_a_slot_is_left_as_it_is() {
        let plan = World::new().channel("1", Idle, &["-", "!"]).wanted("a").plan();
        let why = "it has two outputs".to_owned();
        assert_eq!(plan.channels[0].slots[1].then, Content::Unusable { why });
        let Action::Update { writes, .. } = &plan.channels[0].steps[0].action else {
            panic!("{:?}", plan.channels[0].steps);
        };
        assert_eq!(writes.len(), 1);
    }

    #[test]
    fn a_former_target_is_parked_because_the_target_changed() {
        let plan = World::new()
            .channel("1", Idle, &["~b", "-"])
            .channel("2", Idle, &["-"])
            .with("a", |one| one.pin = Some(pin("1", "slot-2")))
            .with("b", |one| one.pin = Some(pin("2", "slot-1")))
            .plan();
        let destination = "b".into();
        assert_eq!(plan.channels[0].slots[0].then, Content::Parked);
        assert_eq!(
            plan.channels[0].slots[0].reason,
            Some(Reason::TargetChanged { destination })
        );
    }

    #[test]
    fn a_channel_is_started_for_those_whom_it_carries_in_the_end() {
        let plan = World::new()
            .channel("1", Running, &["a", "-"])
            .wanted("a")
            .wanted("b")
            .anytime()
            .plan();
        assert_eq!(started_for(&plan, "1"), ["a", "b"]);
        let moved = World::new()
            .channel("1", Idle, &["a", "-"])
            .channel("2", Idle, &["-"])
            .with("a", |one| one.pin = Some(pin("2", "slot-1")))
            .with("b", |one| one.pin = Some(pin("1", "slot-2")))
            .plan();
        assert_eq!(started_for(&moved, "1"), ["b"]);
    }

    #[test]
    fn a_starting_channel_whose_interruption_has_to_wait_its_turn_is_waited_for() {
        let plan = World::new()
            .channel("1", Starting, &["a", "-"])
            .channel("2", Starting, &["b", "-"])
            .wanted("a")
            .wanted("b")
            .with("c", |one| one.pin = Some(pin("1", "slot-2")))
            .with("d", |one| one.pin = Some(pin("2", "slot-2")))
            .anytime()
            .plan();
        assert_eq!(
            (steps(&plan, "1"), steps(&plan, "2")),
            ("wait stop update start".to_owned(), "wait".to_owned())
        );
    }
}
