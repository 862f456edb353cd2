//! The one slot that each destination holds, over all pools and channels; every other one of its is surplus.
//!
//! Of several the first is held: exact before recorded; RUNNING, then STARTING or RECOVERING on channels that may be used, the
//! same on others, then the one it comes back to, then any other; on channels of ours before others; in its own pool before
//! others; then by channel and output group.

use super::declared::Dest;
use super::reading::{ChannelReading, Fit, Occupant, SlotReading, World};
use crate::model::{ChannelId, ChannelState, OwnerId, SlotId};

/// What a slot is to the destination that it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Its one slot.
    Held,
    /// It is on air here with its previous target, and its one slot is not on air yet.
    Previous,
    /// A further slot.
    Surplus {
        /// Whether its one slot was seen RUNNING, so that this one may be released.
        releasable: bool,
    },
}

/// Where a destination has its place.
#[derive(Default)]
pub(super) struct Place<'a> {
    /// Its one slot.
    pub(super) held: Option<Site<'a>>,
    /// Where it is on air with its previous target, while `held` is not on air.
    pub(super) previous: Option<Site<'a>>,
}

/// Names a slot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Site<'a> {
    pub(super) channel: &'a ChannelId,
    pub(super) group: &'a str,
}

impl<'a> Place<'a> {
    /// The slot that it is on air in, or else the one that it holds while nothing of it is on air.
    pub(super) fn first(&self) -> Option<Site<'a>> {
        self.previous.or(self.held)
    }
}

impl Site<'_> {
    pub(super) fn id(&self) -> SlotId {
        SlotId::new(self.channel.clone(), self.group)
    }

    pub(super) fn is(&self, slot: &SlotId) -> bool {
        *self.channel == slot.channel && slot.output_group == *self.group
    }
}

/// How good a slot is as the one that its destination holds; less is better.
type Rank<'a> = (bool, u8, bool, bool, &'a ChannelId, usize);

/// The best ones so far: of all, and of those on running channels.
#[derive(Clone, Copy, Default)]
struct Best<'a> {
    of_all: Option<(Rank<'a>, Site<'a>, bool)>,
    running: Option<(Rank<'a>, Site<'a>)>,
}

impl<'a> Best<'a> {
    fn add(&mut self, rank: Rank<'a>, site: Site<'a>, runs: bool) {
        if self.of_all.is_none_or(|(best, ..)| rank < best) {
            self.of_all = Some((rank, site, runs));
        }
        if runs && self.running.is_none_or(|(best, _)| rank < best) {
            self.running = Some((rank, site));
        }
    }

    fn place(self) -> Place<'a> {
        // If the best does not run, those that run are previous ones: an exact one that runs would be better.
        let is_on_air = self.of_all.is_some_and(|(.., runs)| runs);
        Place {
            held: self.of_all.map(|(_, site, _)| site),
            previous: self.running.filter(|_| !is_on_air).map(|(_, site)| site),
        }
    }
}

/// Settles who has which place, and what every slot is to its destination.
pub(super) fn settle(world: &mut World<'_>) {
    let mut best = vec![Best::default(); world.declared.len()];
    for channel in world.channels.values() {
        for (group, slot) in &channel.slots {
            if let Occupant::Of(dest, fit, _) = slot.occupant {
                let site = Site {
                    channel: channel.id,
                    group,
                };
                let rank = rank(world, dest, fit, channel, slot, site);
                best[dest].add(rank, site, channel.is_running());
            }
        }
    }
    world.places = best.into_iter().map(Best::place).collect();
    give_roles(world);
}

fn rank<'a>(
    world: &World<'a>,
    dest: Dest,
    fit: Fit,
    channel: &ChannelReading<'a>,
    slot: &SlotReading<'a>,
    site: Site<'a>,
) -> Rank<'a> {
    let destination = world.destination(dest);
    let comes_back = world
        .observed
        .returning
        .get(&destination.name)
        .is_some_and(|own| site.is(own));
    let standing = match (channel.state(), is_usable(channel, &world.desired.owner)) {
        (Some(ChannelState::Running), true) => 0,
        (Some(state), true) if state.is_running() => 1,
        (Some(ChannelState::Running), false) => 2,
        (Some(state), false) if state.is_running() => 3,
        _ if comes_back => 4,
        _ => 5,
    };
    (
        fit == Fit::Previous,
        standing,
        !is_own(channel, &world.desired.owner),
        channel.pool() != Some(&destination.pool),
        channel.id,
        slot.order,
    )
}

/// Whether a channel carries our tag and may be used.
fn is_own(channel: &ChannelReading<'_>, owner: &OwnerId) -> bool {
    let is_owned = channel
        .seen
        .is_some_and(|seen| seen.owner.as_ref() == Some(owner));
    is_owned && is_usable(channel, owner)
}

/// Whether a channel is no other owner's, and in a state and of a pool in which something may be done to it.
fn is_usable(channel: &ChannelReading<'_>, owner: &OwnerId) -> bool {
    let is_foreign = channel
        .seen
        .is_some_and(|seen| seen.owner.as_ref().is_some_and(|other| other != owner));
    let is_paused = channel.policy.is_some_and(|policy| policy.paused);
    !is_foreign && !is_paused && channel.state().is_some_and(may_be_used)
}

/// Whether anything may be done to a channel in this state, now or when it has passed.
pub(super) fn may_be_used(state: ChannelState) -> bool {
    !matches!(
        state,
        ChannelState::CreateFailed | ChannelState::Deleted | ChannelState::Deleting | ChannelState::Unknown
    )
}

fn give_roles(world: &mut World<'_>) {
    let is_seen_running = |place: &Place<'_>| {
        let channel = place.held.and_then(|site| world.channels.get(site.channel));
        channel.and_then(ChannelReading::state) == Some(ChannelState::Running)
    };
    let releasable: Vec<bool> = world.places.iter().map(is_seen_running).collect();
    for channel in world.channels.values_mut() {
        let id = channel.id;
        for (group, slot) in &mut channel.slots {
            let Occupant::Of(dest, _, role) = &mut slot.occupant else {
                continue;
            };
            let here = Some(Site { channel: id, group });
            let place = &world.places[*dest];
            *role = match here {
                _ if place.held == here => Role::Held,
                _ if place.previous == here => Role::Previous,
                _ => Role::Surplus {
                    releasable: releasable[*dest],
                },
            };
        }
    }
}
