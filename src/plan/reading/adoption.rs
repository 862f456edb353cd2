//! Which channels may be used, and which of those without an owner are adopted.
//!
//! A stopped channel without owner is adopted. One that runs is adopted only where that takes nothing off air:
//!
//! - slotwise held it before: one of its records fits, or a slot is parked by the name that slotwise gives it; or
//! - at least one slot carries a wanted destination of the pool, and every other RTMP target is parked or that of a
//!   destination of the pool that holds its slot there; or
//! - it has `takeover: true`.
//!
//! Otherwise it is left exactly as it is, as is one without room for the owner tag.

use super::index::Index;
use super::occupant::goes_to_parking;
use super::{Channel, Fit, Intent, Occupant, Reading, Takeover};
use crate::model::{
    ChannelId, ChannelObservation, ChannelState, DestinationName, Endpoint, ObservedChannel, ObservedGroup,
    OutputGroup, SlotSelector,
};
use crate::plan::{Adoption, Stray, Waiting};

impl Reading<'_> {
    /// Refuses the channels whose adoption would take something off air.
    pub(super) fn decide_adoption(&mut self, index: &Index<'_>) {
        for at in 0..self.channels.len() {
            let channel = &self.channels[at];
            let Some(seen) = channel.seen.filter(|_| channel.adoption == Adoption::Adopt) else {
                continue;
            };
            if !seen.tags.has_room_for([], true) {
                let channel = &mut self.channels[at];
                let id = channel.id.clone();
                channel.unusable.get_or_insert(Waiting::TagsFull { channel: id });
                channel.adoption = Adoption::Refused { strays: Vec::new() };
                continue;
            }
            if !seen.state.may_publish()
                || channel.takeover == Takeover::InForce
                || self.was_held(channel, seen)
            {
                continue;
            }
            let strays = self.strays(channel, seen, index);
            if strays.is_empty() && self.carries_a_wanted_one(channel) {
                continue;
            }
            let waiting = Waiting::NotAdopted {
                channel: channel.id.clone(),
                strays: strays.clone(),
                others: seen.others.to_vec(),
                no_slots: seen.no_slots(),
                takeover: channel.no_takeover(),
            };
            let channel = &mut self.channels[at];
            channel.unusable.get_or_insert(waiting);
            channel.adoption = Adoption::Refused { strays };
        }
    }

    /// Whether slotwise held this channel before it lost its owner tag.
    fn was_held(&self, channel: &Channel<'_>, seen: &ObservedChannel) -> bool {
        let is_recorded = |group: &ObservedGroup| seen.recorded(&self.desired.owner, group).is_some();
        let is_parked_by_name = |slot: usize| {
            let id = self.slot_id(slot);
            let target = self.slots[slot].target();
            target.is_some_and(|target| {
                let mut names = target.0.iter().enumerate();
                !target.0.is_empty()
                    && names.all(|(pipeline, endpoint)| {
                        SlotSelector::is_parking_name(&endpoint.stream_name, &id, pipeline)
                    })
            })
        };
        let mut slots = channel.slots.clone();
        seen.groups.iter().any(is_recorded) || slots.any(is_parked_by_name)
    }

    fn carries_a_wanted_one(&self, channel: &Channel<'_>) -> bool {
        let mut slots = channel.slots.clone();
        slots.any(|slot| match self.slots[slot].occupant {
            Occupant::Dest(dest, fit) => {
                let one = &self.dests[dest];
                one.pool == channel.pool
                    && one.intent == Intent::Wanted
                    && one.held == Some(slot)
                    && matches!(fit, Fit::Equal | Fit::Respelled | Fit::Readdressed)
            }
            _ => false,
        })
    }

    /// What a running channel without owner carries and would lose by being adopted.
    fn strays(&self, channel: &Channel<'_>, seen: &ObservedChannel, index: &Index<'_>) -> Vec<Stray> {
        let mut strays: Vec<Stray> = Vec::new();
        for slot in channel.slots.clone() {
            let of = match self.slots[slot].occupant {
                Occupant::Parked | Occupant::Unusable => continue,
                Occupant::Dest(dest, _) => {
                    let one = &self.dests[dest];
                    let is_whole = self.slots[slot].streams.iter().all(|stream| {
                        let pushing = index.pushing(stream);
                        pushing.iter().any(|pushing| pushing.dest == dest)
                    });
                    if one.pool == channel.pool && one.held == Some(slot) && is_whole {
                        continue;
                    }
                    // Of two pipelines one may push what is not declared.
                    is_whole.then(|| one.decl.name.clone())
                }
                Occupant::Vanished(_) | Occupant::Undeclared => None,
            };
            strays.push(Stray {
                output_group: self.slots[slot].group.name.clone(),
                beside: !self.slots[slot].is_meant,
                host: self.slots[slot].host().to_owned(),
                of,
            });
        }
        let beside = self.beside_slots(channel, seen, index);
        let mut others: Vec<(OutputGroup, &Endpoint)> =
            beside.map(|(name, one)| (name.clone(), one)).collect();
        others.dedup_by(|one, before| one.0 == before.0);
        let parking = self.parking_url(channel.pool);
        let is_stray = |one: &&Endpoint| is_rtmp(one) && !goes_to_parking(one, parking.as_deref(), index);
        let strays_beside = seen.stray_endpoints.iter().filter(is_stray);
        others.extend(strays_beside.map(|one| ("".into(), one)));
        strays.extend(others.into_iter().map(|(output_group, endpoint)| Stray {
            output_group,
            beside: true,
            host: endpoint.host().to_owned(),
            of: self.pushed_by(endpoint, index),
        }));
        strays
    }
}

impl Reading<'_> {
    /// The destination that pushes to the target of an output group that is not a slot.
    fn pushed_by(&self, endpoint: &Endpoint, index: &Index<'_>) -> Option<DestinationName> {
        let first = index.pushing(&endpoint.stream()).first()?;
        Some(self.dests[first.dest].decl.name.clone())
    }
}

fn is_rtmp(endpoint: &Endpoint) -> bool {
    let scheme = endpoint.url.split_once("://").map_or("", |(scheme, _)| scheme);
    scheme.eq_ignore_ascii_case("rtmp") || scheme.eq_ignore_ascii_case("rtmps")
}

/// Why a channel may not be used, as far as that does not depend on the occupants of its slots.
pub(super) fn unusable(
    id: &ChannelId,
    observation: Option<&ChannelObservation>,
    adoption: &Adoption,
) -> Option<Waiting> {
    let channel = id.clone();
    let seen = match observation {
        Some(ChannelObservation::Seen(seen)) => seen,
        Some(ChannelObservation::Missing) => return Some(Waiting::ChannelMissing { channel }),
        Some(ChannelObservation::Unreadable { why }) => {
            return Some(Waiting::ChannelUnreadable {
                channel,
                why: why.clone(),
            });
        }
        None => {
            let why = "it was not looked at".to_owned();
            return Some(Waiting::ChannelUnreadable { channel, why });
        }
    };
    let is_beyond_use = matches!(
        seen.state,
        ChannelState::CreateFailed | ChannelState::Deleting | ChannelState::Deleted | ChannelState::Unknown
    );
    if is_beyond_use {
        let state = seen.state;
        return Some(Waiting::ChannelFailed { channel, state });
    }
    match adoption {
        Adoption::Foreign { owner } => Some(Waiting::OwnedByAnother {
            channel,
            owner: owner.clone(),
        }),
        _ => None,
    }
}
