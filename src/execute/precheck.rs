//! Is the channel still as the plan saw it?

use super::tags::are_there;
use crate::model::{
    ChannelId, ChannelState, ObservedChannel, OwnerId, Recorded, SlotId, Target, TargetDigest,
};
use crate::plan::{Action, Adoption, ChannelPlan, Seen, SlotPlan, Step};

/// What a fresh look says of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precheck {
    /// As the plan saw it: act.
    Ready,
    /// The effect is there already: record.
    AlreadyDone,
    /// Neither: plan again. Holds what differs, without secrets.
    Stale(String),
}

/// Compares a fresh look at a channel with what the plan saw of it.
pub fn precheck(plan: &ChannelPlan, step: &Step, fresh: &ObservedChannel, owner: &OwnerId) -> Precheck {
    if is_done(plan, step, fresh, owner) {
        return Precheck::AlreadyDone;
    }
    match difference(plan, step, fresh, owner) {
        None => Precheck::Ready,
        Some(what) => Precheck::Stale(what),
    }
}

fn is_done(plan: &ChannelPlan, step: &Step, fresh: &ObservedChannel, owner: &OwnerId) -> bool {
    match &step.action {
        Action::Wait => false,
        Action::Record {
            tags,
            remove,
            takeover,
        } => {
            let mut left_over = remove.iter();
            are_there(fresh, tags, *takeover) && !left_over.any(|key| fresh.tags.has(key))
        }
        Action::Adopt { tags, takeover } => {
            fresh.owner.as_ref() == Some(owner) && are_there(fresh, tags, *takeover)
        }
        Action::Stop => fresh.state == ChannelState::Stopping || fresh.state.is_stopped(),
        Action::Start => fresh.state.is_running() && changed_slot(plan, fresh).is_none(),
        Action::Update {
            writes, tags, adopts, ..
        } => {
            // The effect of a failed update is unknown, whatever the slots show.
            matches!(fresh.state, ChannelState::Idle | ChannelState::Updating)
                && (!adopts || fresh.owner.as_ref() == Some(owner))
                // Who holds a slot is part of it: without its record the next plan would be the same again.
                && are_there(fresh, tags, None)
                && writes
                    .iter()
                    .all(|write| target_of(fresh, write.output_group.as_str()) == Some(&write.target))
        }
    }
}

/// The first thing that is not as the plan saw it.
fn difference(plan: &ChannelPlan, step: &Step, fresh: &ObservedChannel, owner: &OwnerId) -> Option<String> {
    let seen = plan.seen.as_ref()?;
    if fresh.state != seen.state {
        return Some(format!(
            "the channel was {} and is {} now",
            seen.state, fresh.state
        ));
    }
    if fresh.class != seen.class {
        return Some(format!(
            "the channel was {} and is {} now",
            seen.class, fresh.class
        ));
    }
    let must_be_ours = plan.adoption == Adoption::Owned && !matches!(step.action, Action::Adopt { .. });
    if fresh.owner != seen.owner || (must_be_ours && fresh.owner.as_ref() != Some(owner)) {
        return Some("its owner tag changed".to_owned());
    }
    // Of a list that lags behind: a takeover that is used up by now releases nothing more.
    if fresh.tags.takeover != seen.tags.takeover {
        return Some("the tag of its takeover changed".to_owned());
    }
    if let Some(group) = changed_slot(plan, fresh) {
        return Some(format!("output group {group} was changed outside slotwise"));
    }
    let mut slots = plan.slots.iter();
    slots
        .find(|slot| recorded_then(&plan.id, seen, slot, owner) != recorded_now(fresh, slot, owner))
        .map(|slot| format!("what is recorded of output group {} changed", slot.output_group))
}

/// The occupant of a slot by its tag, as the plan saw it. A tag that did not fit the slot's target names none.
fn recorded_then(id: &ChannelId, seen: &Seen, slot: &SlotPlan, owner: &OwnerId) -> Option<Recorded> {
    let tag = seen.tags.of(&slot.output_group)?;
    let slot_id = SlotId::new(id.clone(), slot.output_group.clone());
    let digest = TargetDigest::of(owner, &slot_id, slot.target.as_ref()?);
    (tag.digest == digest).then_some(tag.occupant)
}

/// Its occupant by its tag now.
fn recorded_now(fresh: &ObservedChannel, slot: &SlotPlan, owner: &OwnerId) -> Option<Recorded> {
    let group = fresh
        .groups
        .iter()
        .find(|group| group.name == slot.output_group)?;
    fresh.recorded(owner, group).map(|tag| tag.occupant)
}

/// In what a channel differs from what was assumed of it. Other output groups matter for a stop only, which names what ends
/// with the channel.
pub fn difference_from_assumed(assumed: &ObservedChannel, fresh: &ObservedChannel) -> Option<String> {
    let is_same = fresh.groups == assumed.groups && fresh.stray_endpoints == assumed.stray_endpoints;
    let ends_alike = fresh.state.is_stopped() || fresh.others == assumed.others;
    (!is_same || !ends_alike)
        .then(|| "its output groups are not those of channels that look alike in the list".to_owned())
}

/// Whether more or something else would end with a channel than the plan knows of. Who changes that has stopped the channel for it,
/// and started it again since.
pub fn difference_in_what_ends(seen: &ObservedChannel, fresh: &ObservedChannel) -> Option<String> {
    let ends = |one: &ObservedChannel| {
        (
            one.groups.clone(),
            one.others.clone(),
            one.stray_endpoints.clone(),
        )
    };
    let is_otherwise = fresh.state == seen.state && ends(fresh) != ends(seen);
    is_otherwise.then(|| "what would end with the channel was changed outside slotwise".to_owned())
}

/// Why a channel no longer carries what is on air on the one that is to be stopped; `None` where it does.
pub fn difference_beside(stand_in: &ChannelPlan, fresh: &ObservedChannel) -> Option<String> {
    let seen = stand_in.seen.as_ref()?;
    let (id, state) = (&stand_in.id, fresh.state);
    if state != seen.state && state != ChannelState::Running {
        return Some(format!(
            "channel {id} beside it was {} and is {state} now",
            seen.state
        ));
    }
    changed_slot(stand_in, fresh)
        .map(|group| format!("output group {group} of channel {id} beside it was changed outside slotwise"))
}

/// A slot that no longer points where the plan saw it.
fn changed_slot<'plan>(plan: &'plan ChannelPlan, fresh: &ObservedChannel) -> Option<&'plan str> {
    let moved = plan
        .slots
        .iter()
        .find(|slot| target_of(fresh, slot.output_group.as_str()) != slot.target.as_ref());
    moved.map(|slot| slot.output_group.as_str())
}

fn target_of<'fresh>(fresh: &'fresh ObservedChannel, output_group: &str) -> Option<&'fresh Target> {
    let group = fresh.groups.iter().find(|group| group.name == output_group)?;
    group.target.as_ref().ok()
}
