//! The one slot that each destination holds, over all pools and channels; its other slots are surplus.
//!
//! Of several the first is held: exact before recorded; RUNNING, then STARTING or RECOVERING on channels that may be used, the
//! same on others, then the one it comes back to, then any other; on owned channels before others; in its own pool before
//! others; then by channel and output group.

use super::adoption::Ownership;
use super::declared::Dest;
use super::reading::{Fit, Occupant, SlotReading, World};
use crate::model::{ChannelState, Stream};

/// What a slot is to the destination that it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Its one slot.
    Held,
    /// It is on air here with its previous target, and its one slot is not on air yet.
    Previous,
    /// A further slot.
    Surplus,
    /// A further slot, which may be released: its one slot was seen RUNNING.
    Releasable,
}

/// Where a destination has its place.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    /// Its one slot.
    pub(super) held: Option<Site>,
    /// Where it is on air with its previous target, while `held` is not on air.
    pub(super) previous: Option<Site>,
}

/// A slot, by the index of its channel and its own among the channel's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Site {
    pub(super) channel: usize,
    pub(super) slot: usize,
}

impl Place {
    /// The slot that it is on air in, otherwise the one that it holds.
    pub(super) fn first(self) -> Option<Site> {
        self.previous.or(self.held)
    }
}

/// How good a slot is as the one that its destination holds; less is better.
type Rank = (bool, u8, bool, bool, bool);

/// Settles which slot each destination holds, and which are surplus.
pub(super) fn settle(world: &mut World<'_>) {
    let mut claims: Vec<(Dest, Rank, Site)> = Vec::new();
    for slot in world.channels.iter().flat_map(|channel| &channel.slots) {
        if let Occupant::Of(dest, fit, _) = slot.occupant {
            claims.push((dest, rank(world, slot, dest, fit), slot.site));
        }
    }
    claims.sort_unstable();
    world.places = vec![Place::default(); world.declared.list.len()];
    for own in claims.chunk_by(|one, next| one.0 == next.0) {
        let (dest, _, held) = own[0];
        let state = |site: Site| world.channels[site.channel].state();
        let runs = |site: &Site| state(*site).is_some_and(ChannelState::is_running);
        // If the best does not run, those that run are previous ones: an exact one that runs would be better.
        let running = own.iter().map(|(.., site)| *site).find(runs);
        let place = Place {
            held: Some(held),
            previous: running.filter(|_| !runs(&held)),
        };
        let is_on_air = state(held) == Some(ChannelState::Running);
        let role = |site: Site| match Some(site) {
            here if here == place.held => Role::Held,
            here if here == place.previous => Role::Previous,
            _ if is_on_air && stands_in(world, held, site) => Role::Releasable,
            _ => Role::Surplus,
        };
        let roles: Vec<(Site, Role)> = own.iter().map(|(.., site)| (*site, role(*site))).collect();
        world.places[dest] = place;
        for (site, settled) in roles {
            let slot = &mut world.channels[site.channel].slots[site.slot];
            if let Occupant::Of(_, _, role) = &mut slot.occupant {
                *role = settled;
            }
        }
    }
}

/// Whether a destination loses nothing when `further` ends, as it is on air in `held` with what it pushes, or with the same
/// previous stream. Which of two previous ones is watched is not known.
fn stands_in(world: &World<'_>, held: Site, further: Site) -> bool {
    let (held, further) = (world.at(held), world.at(further));
    let (Some(dest), Some(seen)) = (held.dest(), world.channel_of(held).seen) else {
        return false;
    };
    let pushes = |stream: &Stream| held.pipes.iter().flatten().any(|push| push.stream == *stream);
    let mut own = world.one(dest).pushes(seen.class);
    own.any(|own| pushes(&own.stream)) || further.pipes.iter().flatten().any(|push| pushes(&push.stream))
}

fn rank(world: &World<'_>, slot: &SlotReading<'_>, dest: Dest, fit: Fit) -> Rank {
    let channel = world.channel_of(slot);
    let is_paused = channel.policy.as_ref().is_some_and(|policy| policy.paused);
    let is_usable = channel.ownership != Ownership::Foreign && !is_paused && channel.may_be_used();
    let readiness = match (channel.state(), is_usable) {
        (Some(ChannelState::Running), true) => 0,
        (Some(state), true) if state.is_running() => 1,
        (Some(ChannelState::Running), false) => 2,
        (Some(state), false) if state.is_running() => 3,
        _ if world.returns_to(slot, dest) => 4,
        _ => 5,
    };
    (
        fit == Fit::Previous,
        readiness,
        fit != Fit::Equal,
        !(is_usable && channel.ownership == Ownership::Owned),
        !world.is_of_pool(channel, dest),
    )
}
