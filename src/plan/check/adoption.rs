//! The owner of a channel, and whether the channel is left exactly as it is.
//!
//! | no owner tag, and the channel | |
//! |---|---|
//! | has as many tags as it may have | is left exactly as it is |
//! | publishes nothing | is adopted |
//! | has `takeover: true` | is adopted |
//! | was held before: a tag fits, or a slot has its parking name | is adopted |
//! | has a wanted destination on air, and every RTMP target is parked or held by a destination of this pool | is adopted |
//! | otherwise | is left exactly as it is |

use super::declared::Push;
use super::places::Role;
use super::reading::{ChannelReading, Fit, Occupant, SlotReading, World};
use crate::model::{OwnerId, SlotSelector};

/// The owner of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ownership {
    /// It carries our tag.
    Owned,
    /// It carries no tag and may be adopted.
    MayAdopt,
    /// It carries no tag and is not adopted.
    Refused,
    /// It carries another owner's tag.
    Foreign,
    /// It was not seen.
    Unknown,
}

impl Ownership {
    /// By its tag: one without may be adopted, until more is known.
    pub(super) fn by_tag(owner: Option<&OwnerId>, us: &OwnerId) -> Self {
        match owner {
            Some(owner) if owner == us => Self::Owned,
            Some(_) => Self::Foreign,
            None => Self::MayAdopt,
        }
    }
}

/// Settles which channels are not adopted, and why one is left as it is, if it is.
pub(super) fn settle(world: &mut World<'_>) {
    for at in 0..world.channels.len() {
        let channel = &world.channels[at];
        let is_refused = channel.ownership == Ownership::MayAdopt && !may_adopt(world, channel);
        let channel = &mut world.channels[at];
        if is_refused {
            channel.ownership = Ownership::Refused;
        }
        channel.hands_off = hands_off(channel);
    }
}

fn hands_off(channel: &ChannelReading<'_>) -> Option<&'static str> {
    match (channel.ownership, &channel.policy) {
        (Ownership::Unknown, _) => Some("it was not seen"),
        (_, Some(policy)) if policy.paused => Some("its pool is paused"),
        (Ownership::Foreign, _) => Some("it belongs to another owner"),
        (Ownership::MayAdopt | Ownership::Refused, None) => Some("no pool names it"),
        (Ownership::Refused, _) => {
            Some("it has no owner, and runs with undeclared targets or has no room for a tag")
        }
        _ if !channel.may_be_used() => Some("its state allows nothing"),
        _ => None,
    }
}

fn may_adopt(world: &World<'_>, channel: &ChannelReading<'_>) -> bool {
    let was_held_before = || channel.has_fitting_tag || channel.slots.iter().any(is_parked_by_name);
    let has_room = channel.seen.is_some_and(|seen| seen.tags.has_room_for([], true));
    let costs_nothing = || {
        !channel.may_publish() || channel.takeover() || was_held_before() || is_all_declared(world, channel)
    };
    has_room && costs_nothing()
}

fn is_parked_by_name(slot: &SlotReading<'_>) -> bool {
    let mut endpoints = slot.target.0.iter().enumerate();
    !slot.target.0.is_empty()
        && endpoints.all(|(at, one)| SlotSelector::is_parking_name(&one.stream_name, &slot.id, at))
}

/// At least one slot has a wanted destination, and nothing that pushes RTMP is anything but parked or held by a
/// destination of this pool.
fn is_all_declared(world: &World<'_>, channel: &ChannelReading<'_>) -> bool {
    let mut is_any_wanted = false;
    for slot in &channel.slots {
        match slot.occupant {
            Occupant::Parked => {}
            Occupant::Of(dest, Fit::Equal | Fit::Respelled | Fit::Changed, Role::Held)
                if world.is_of_pool(channel, dest)
                    && channel
                        .seen
                        .is_some_and(|seen| world.one(dest).has_all_of(seen.class, &slot.pipes)) =>
            {
                is_any_wanted |= world.one(dest).wanted;
            }
            _ => return false,
        }
    }
    let is_rtmp = |push: &Push| push.form.url.starts_with("rtmp://") || push.form.url.starts_with("rtmps://");
    let mut others = channel.others.iter().flat_map(|(_, pipes)| pipes);
    is_any_wanted && others.all(Option::is_none) && !channel.strays.iter().flatten().any(is_rtmp)
}
