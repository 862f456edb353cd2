//! Is the channel still as the plan saw it?

use crate::model::{ChannelState, ObservedChannel, OwnerId, Target};
use crate::plan::{Action, Adoption, ChannelPlan, Step};

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
        Action::Record { .. } => false,
        Action::Adopt { .. } => fresh.owner.as_ref() == Some(owner),
        Action::Stop => fresh.state == ChannelState::Stopping || fresh.state.is_stopped(),
        Action::Start => fresh.state.is_running() && changed_slot(plan, fresh).is_none(),
        Action::Update { writes, .. } => {
            // Of an update that failed nobody knows what became of it, whatever the slots show.
            matches!(fresh.state, ChannelState::Idle | ChannelState::Updating)
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
    changed_slot(plan, fresh).map(|group| format!("output group {group} was changed by somebody else"))
}

/// Why a channel does not keep on air any more who is on air on the one that is to be stopped; `None` where it does.
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
        .map(|group| format!("output group {group} of channel {id} beside it was changed by somebody else"))
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
