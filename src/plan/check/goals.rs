//! What a plan says a channel and its slots are, and will be: as they were read, and as the steps leave them.

use super::adoption::Ownership;
use super::places::Role;
use super::reading::{ChannelReading, Fit, Occupant, SlotReading, World};
use super::steps::{Subject, is_delayed};
use super::violation::{About, Rule, Violation};
use crate::model::OtherGroup;
use crate::plan::{Adoption, ChannelPlan, Content};

/// What the executor compares with a fresh look before each step must be what was observed.
pub(super) fn misread(plan: &ChannelPlan, reading: &ChannelReading<'_>) -> Option<Violation> {
    let (said, seen) = (plan.seen.as_ref(), reading.seen);
    // RTMP groups that are no slots end with the channel like those of other kinds, and may be named with them.
    let is_rtmp = |one: &&OtherGroup| {
        let mut others = reading.others.iter();
        &*one.kind == "RTMP" && others.any(|(group, _)| *group.as_str() == *one.name)
    };
    let others = plan.others.iter().filter(|one| !is_rtmp(one));
    let others_seen = seen.into_iter().flat_map(|seen| seen.others.iter());
    let slots = plan.slots.iter();
    let slots = slots.filter(|slot| !matches!(slot.now, Content::Unusable { .. }));
    let slots = slots.map(|slot| (&slot.output_group, slot.target.as_ref()));
    let slots_read = reading
        .slots
        .iter()
        .map(|slot| (&slot.id.output_group, Some(slot.target)));
    let identity = seen.map(|seen| (seen.class, &seen.arn, &seen.owner));
    let claims = [
        ("its pool", plan.pool.as_ref() == reading.pool()),
        ("its owner", is_adoption_right(plan, reading)),
        ("its state", said.map(|said| said.state) == reading.state()),
        (
            "its class, ARN or owner",
            said.map(|said| (said.class, &said.arn, &said.owner)) == identity,
        ),
        (
            "its other output groups",
            seen.is_none() || others.eq(others_seen),
        ),
        ("its slots", seen.is_none() || slots.eq(slots_read)),
    ];
    let (what, _) = claims.iter().find(|(_, is_right)| !is_right)?;
    let what = format!("is not seen as it was observed: {what}");
    Some(Violation::new(
        Rule::Misread,
        About::Channel(plan.id.clone()),
        what,
    ))
}

/// On a channel that is neither stopped nor publishes, whether it may be adopted does not matter yet.
fn is_adoption_right(plan: &ChannelPlan, reading: &ChannelReading<'_>) -> bool {
    let matters = reading.is_stopped() || reading.may_publish();
    match reading.ownership {
        Ownership::Owned => plan.adoption == Adoption::Owned,
        Ownership::Foreign => matches!(plan.adoption, Adoption::Foreign { .. }),
        Ownership::Unknown => plan.adoption == Adoption::Unknown,
        // Never touched, whatever the plan says of it.
        Ownership::MayAdopt | Ownership::Refused if reading.policy.is_none() => true,
        Ownership::MayAdopt => {
            plan.adoption == Adoption::Adopt || !matters && matches!(plan.adoption, Adoption::Refused { .. })
        }
        Ownership::Refused => matches!(plan.adoption, Adoption::Refused { .. }),
    }
}

/// What the plan says a channel and its slots will be must be what its steps leave.
pub(super) fn check_goal(subject: &Subject<'_>, found: &mut Vec<Violation>) {
    let is_delayed = is_delayed(subject.plan);
    if !is_delayed && subject.ends_running != subject.plan.runs {
        let what = "its steps do not lead to where the plan says it will be";
        found.push(subject.broken(Rule::WrongEnd, what));
    }
    for slot in &subject.channel.slots {
        let mut slots = subject.plan.slots.iter();
        let Some(said) = slots.find(|said| said.output_group == slot.id.output_group) else {
            continue;
        };
        // Without a write it carries its new occupant if it has that stream already, or once that has ended in another pool.
        let may_carry = || {
            let given = subject
                .planned
                .slots
                .get(&slot.site)
                .filter(|_| !subject.plan.runs);
            let mut carried = slot.dest().into_iter().chain(given.copied());
            carried.any(|dest| said.then == Content::Destination(subject.world.name(dest).clone()))
        };
        let is_then_right = match subject.write_to(slot) {
            Some(write) => said.then == write.content,
            None => said.then == said.now || is_delayed || may_carry(),
        };
        if said.now != content(subject.world, slot) || !is_then_right {
            let what = "does not hold, or will not hold, what the plan says";
            found.push(slot.broken(Rule::WrongGoal, what));
        }
    }
}

/// What a slot holds, in the plan's words.
pub(super) fn content(world: &World<'_>, slot: &SlotReading<'_>) -> Content {
    match &slot.occupant {
        Occupant::Parked => Content::Parked,
        Occupant::Vanished { identity, .. } => Content::Vanished(identity.clone()),
        Occupant::Undeclared => {
            // Of two pipelines one may be parked.
            let mut pushed = slot
                .target
                .0
                .iter()
                .zip(&slot.pipes)
                .filter(|(_, pipe)| pipe.is_some());
            let host = pushed.next().map_or("", |(endpoint, _)| endpoint.host());
            Content::Undeclared {
                host: host.to_owned(),
            }
        }
        Occupant::Of(dest, fit, role) => {
            let name = world.name(*dest).clone();
            match (role, fit) {
                (Role::Surplus | Role::Releasable, _) => Content::Surplus(name),
                (Role::Previous, _) | (Role::Held, Fit::Changed | Fit::Previous) => Content::Previous(name),
                (Role::Held, Fit::Equal | Fit::Respelled | Fit::Unknown) => Content::Destination(name),
            }
        }
    }
}
