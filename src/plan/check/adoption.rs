//! Whose a channel is, and whether it is left exactly as it is.
//!
//! | no owner tag, and the channel | |
//! |---|---|
//! | has as many tags as it may have | is left exactly as it is |
//! | publishes nothing | is adopted |
//! | was held before: a tag fits, or a slot has its parking name | is adopted |
//! | has a wanted destination on air, and every RTMP target is parked or held by a destination of this pool | is adopted |
//! | has `takeover: true` | is adopted |
//! | else | is left exactly as it is |

use super::places::{Role, may_be_used};
use super::reading::{ChannelReading, Fit, Occupant, SlotReading, World, canonical_url, is_parked_at};
use super::violation::HandsOff;
use crate::model::{Endpoint, ObservedGroup, SlotId, SlotSelector};

/// Whose a channel is.
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

/// Settles whose every channel is, and why it is left as it is, if it is.
pub(super) fn settle(world: &mut World<'_>) {
    let read = |channel: &ChannelReading<'_>| {
        let ownership = ownership(world, channel);
        (ownership, hands_off(channel, ownership))
    };
    let all: Vec<_> = world.channels.values().map(read).collect();
    for (channel, (ownership, hands_off)) in world.channels.values_mut().zip(all) {
        channel.ownership = ownership;
        channel.hands_off = hands_off;
    }
}

fn hands_off(channel: &ChannelReading<'_>, ownership: Ownership) -> Option<HandsOff> {
    let is_unusable = !channel.state().is_some_and(may_be_used);
    match (ownership, channel.policy) {
        (Ownership::Unknown, _) => Some(HandsOff::NotSeen),
        (_, Some(policy)) if policy.paused => Some(HandsOff::PoolPaused),
        (Ownership::Foreign, _) => Some(HandsOff::Foreign),
        (Ownership::MayAdopt | Ownership::Refused, None) => Some(HandsOff::NotInPool),
        (Ownership::Refused, _) => Some(HandsOff::NotAdopted),
        (Ownership::Owned | Ownership::MayAdopt, _) => is_unusable.then_some(HandsOff::State),
    }
}

fn ownership(world: &World<'_>, channel: &ChannelReading<'_>) -> Ownership {
    let Some(seen) = channel.seen else {
        return Ownership::Unknown;
    };
    match &seen.owner {
        Some(owner) if *owner == world.desired.owner => Ownership::Owned,
        Some(_) => Ownership::Foreign,
        None if may_adopt(world, channel) => Ownership::MayAdopt,
        None => Ownership::Refused,
    }
}

fn may_adopt(world: &World<'_>, channel: &ChannelReading<'_>) -> bool {
    let has_room = channel.seen.is_some_and(|seen| seen.tags.has_room_for([], true));
    let costs_nothing = || {
        !channel.may_publish()
            || channel.takeover
            || was_held_before(world, channel)
            || is_all_declared(world, channel)
    };
    has_room && costs_nothing()
}

fn was_held_before(world: &World<'_>, channel: &ChannelReading<'_>) -> bool {
    let Some(seen) = channel.seen else { return false };
    let has_tag = |group: &ObservedGroup| seen.recorded(&world.desired.owner, group).is_some();
    let is_parked_by_name = |(group, slot): (&&str, &SlotReading<'_>)| {
        let endpoints = &slot.target.0;
        let id = channel.slot_id(group);
        !endpoints.is_empty()
            && endpoints
                .iter()
                .enumerate()
                .all(|(at, one)| has_parking_name(&id, at, one))
    };
    seen.groups.iter().any(has_tag) || channel.slots.iter().any(is_parked_by_name)
}

fn has_parking_name(slot: &SlotId, pipeline: usize, endpoint: &Endpoint) -> bool {
    SlotSelector::is_parking_name(&endpoint.stream_name, slot, pipeline)
}

/// At least one slot has a wanted destination, and nothing that pushes RTMP is anything but parked or held by a
/// destination of this pool.
fn is_all_declared(world: &World<'_>, channel: &ChannelReading<'_>) -> bool {
    let (Some(seen), Some(policy)) = (channel.seen, channel.policy) else {
        return false;
    };
    let mut is_any_wanted = false;
    for slot in channel.slots.values() {
        match slot.occupant {
            Occupant::Parked => {}
            Occupant::Of(dest, fit, Role::Held)
                if is_exact(fit) && world.destination(dest).pool == policy.pool.name =>
            {
                is_any_wanted |= world.declared.get(dest).wanted;
            }
            _ => return false,
        }
    }
    let parking_url = canonical_url(&policy.pool.slots.parking_url);
    let is_parked = |endpoint: &Endpoint| is_parked_at(endpoint, &parking_url, &world.declared);
    let is_parked_group = |group: &&ObservedGroup| {
        let id = channel.slot_id(group.name.as_str());
        let endpoints = group.target.iter().flat_map(|target| target.0.iter());
        let parked = |(at, one): (usize, &Endpoint)| has_parking_name(&id, at, one) || is_parked(one);
        endpoints.enumerate().all(parked)
    };
    let mut strays = seen.stray_endpoints.iter().filter(|endpoint| is_rtmp(endpoint));
    is_any_wanted && channel.others.iter().all(is_parked_group) && strays.all(is_parked)
}

fn is_exact(fit: Fit) -> bool {
    matches!(fit, Fit::Equal | Fit::Respelled | Fit::Changed)
}

fn is_rtmp(endpoint: &Endpoint) -> bool {
    let scheme = endpoint.url.split_once("://").map_or("", |(scheme, _)| scheme);
    scheme.eq_ignore_ascii_case("rtmp") || scheme.eq_ignore_ascii_case("rtmps")
}
