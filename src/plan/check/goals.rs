//! What a plan says a channel and its slots are, and will be: as they were read, and as the steps leave them.

use std::collections::{BTreeMap, BTreeSet};

use super::adoption::Ownership;
use super::places::Role;
use super::reading::{ChannelReading, Fit, Occupant, World};
use super::steps::Subject;
use super::violation::Violation;
use crate::model::Target;
use crate::plan::{Adoption, ChannelPlan, Content};

/// What the executor compares with a fresh look before each step must be what was observed.
pub(super) fn check_seen(plan: &ChannelPlan, reading: &ChannelReading<'_>, found: &mut Vec<Violation>) {
    let mut misread = |what| {
        found.push(Violation::Misread {
            channel: plan.id.clone(),
            what,
        });
    };
    if plan.pool.as_ref() != reading.pool() {
        misread("its pool");
    }
    if !is_adoption_right(plan, reading) {
        misread("whose it is");
    }
    let (seen, said) = match (reading.seen, &plan.seen) {
        (None, None) => return,
        (Some(seen), Some(said)) => (seen, said),
        (Some(_), None) | (None, Some(_)) => return misread("whether it was seen"),
    };
    if said.state != seen.state {
        misread("its state");
    }
    if said.class != seen.class || said.arn != seen.arn || said.owner != seen.owner {
        misread("its class, ARN or owner");
    }
    // RTMP groups that are no slots end with the channel like those of other kinds, and may be named with them.
    let unslotted: BTreeSet<&str> = reading.others.iter().map(|group| group.name.as_str()).collect();
    let is_rtmp = |one: &crate::model::OtherGroup| &*one.kind == "RTMP" && unslotted.contains(&*one.name);
    if !plan
        .others
        .iter()
        .filter(|one| !is_rtmp(one))
        .eq(seen.others.iter())
    {
        misread("its other output groups");
    }
    let targets: BTreeMap<&str, Option<&Target>> = plan
        .slots
        .iter()
        .map(|slot| (slot.output_group.as_str(), slot.target.as_ref()))
        .collect();
    let usable = plan
        .slots
        .iter()
        .filter(|slot| !matches!(slot.now, Content::Unusable { .. }));
    let mut slots = reading.slots.iter();
    let as_observed = slots.all(|(group, slot)| targets.get(group) == Some(&Some(slot.target)));
    if usable.count() != reading.slots.len() || !as_observed {
        misread("its slots");
    }
}

/// On a channel that is neither stopped nor publishes, whether it may be adopted does not matter yet.
fn is_adoption_right(plan: &ChannelPlan, reading: &ChannelReading<'_>) -> bool {
    let matters = reading.is_stopped() || reading.may_publish();
    match reading.ownership {
        Ownership::Owned => plan.adoption == Adoption::Owned,
        Ownership::Foreign => matches!(plan.adoption, Adoption::Foreign { .. }),
        Ownership::Unknown => plan.adoption == Adoption::Unknown,
        // Never touched, whatever is said of it.
        Ownership::MayAdopt | Ownership::Refused if reading.policy.is_none() => true,
        Ownership::MayAdopt => {
            plan.adoption == Adoption::Adopt || !matters && matches!(plan.adoption, Adoption::Refused { .. })
        }
        Ownership::Refused => matches!(plan.adoption, Adoption::Refused { .. }),
    }
}

/// What the plan says a channel and its slots will be must be what its steps leave.
pub(super) fn check_goal(subject: &Subject<'_>, found: &mut Vec<Violation>) {
    if !subject.is_delayed() && subject.ends_running() != subject.plan.runs {
        found.push(Violation::WrongEnd {
            channel: subject.plan.id.clone(),
        });
    }
    for said in &subject.plan.slots {
        let group = said.output_group.as_str();
        let Some(slot) = subject.channel.slots.get(group) else {
            continue;
        };
        let is_now_right = is_content(subject.world, &slot.occupant, &said.now);
        let is_then_right = match subject.write_to(group) {
            Some(write) => said.then == write.content,
            None => said.then == said.now || subject.is_delayed() || may_carry(subject, group, &said.then),
        };
        if !is_now_right || !is_then_right {
            found.push(Violation::WrongGoal {
                slot: subject.slot_id(group),
            });
        }
    }
}

/// Whether a slot carries without a write who it is given to: it has the stream already, or waits until that has ended in
/// another pool.
fn may_carry(subject: &Subject<'_>, group: &str, then: &Content) -> bool {
    let Content::Destination(name) = then else {
        return false;
    };
    let Some(dest) = subject.world.declared.by_name(name) else {
        return false;
    };
    let occupant = subject.channel.slots.get(group).map(|slot| &slot.occupant);
    let has_it = matches!(occupant, Some(Occupant::Of(own, ..)) if *own == dest);
    let is_given = subject.assigned.slots.get(&subject.slot_id(group)) == Some(&dest);
    has_it || is_given && !subject.plan.runs
}

/// Whether the plan reads a slot as it was read here.
fn is_content(world: &World<'_>, occupant: &Occupant, said: &Content) -> bool {
    match (said, occupant) {
        (Content::Undeclared { .. }, Occupant::Undeclared) => true,
        (said, occupant) => *said == content(world, occupant),
    }
}

/// What a slot holds, in the plan's words.
pub(super) fn content(world: &World<'_>, occupant: &Occupant) -> Content {
    match occupant {
        Occupant::Parked => Content::Parked,
        Occupant::Vanished { identity, .. } => Content::Vanished(identity.clone()),
        Occupant::Undeclared => Content::Undeclared { host: String::new() },
        Occupant::Of(dest, fit, role) => {
            let name = world.name(*dest).clone();
            match (role, fit) {
                (Role::Surplus { .. }, _) => Content::Surplus(name),
                (Role::Previous, _) | (Role::Held, Fit::Changed | Fit::Previous) => Content::Previous(name),
                (Role::Held, Fit::Equal | Fit::Respelled | Fit::Unknown) => Content::Destination(name),
            }
        }
    }
}
