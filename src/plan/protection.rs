//! What is protected on a running channel: the rule of stops.
//!
//! A channel that runs (STARTING, RUNNING, RECOVERING) stops by itself only if it has a slot and every one of its slots is
//! parked or *leaving*. Otherwise something on it is in the way:
//!
//! | slot of | it |
//! |---|---|
//! | a wanted destination, with its previous target too | is protected: needs a grant, impossible with `interruptible: false` |
//! | the same, a second copy | is protected until the first one was seen RUNNING; then it leaves |
//! | a paused destination, whatever its state | blocks |
//! | a destination with `state: Ready` | leaves |
//! | a vanished destination | leaves once it is released; blocks while it is kept, as in no pool where this process never saw it declared |
//! | what no Destination explains, or what cannot be a slot | blocks, unless the channel has `takeover: true`, which is not used up, and everything declared could be read |
//!
//! Beside the slots two things are in the way. A destination that stays on air in an output group that is not a slot, and in
//! no slot of a running channel. And, of a channel that is to start again after its stop, what would keep it from that: an output
//! group that is not a slot and has the stream of a wanted destination, or one that is on air on another channel. All other
//! output groups end with their channel.
//!
//! Under `idle: KeepRunning` nothing stops without a grant. A STARTING channel is waited for and then stopped; a RECOVERING one is
//! left alone until MediaLive has repaired it.

use super::reading::{Intent, Occupant, Reading, Release, Takeover};
use crate::model::{Cause, ChannelState, DestinationName, Trust};

/// The kind of a usable channel before anything is placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ChannelKind {
    /// Stopped, or stopped soon.
    Stopped,
    /// Running, and nothing on it is in the way of a stop: it stops, whatever is decided.
    Vacant,
    /// Running, with something in the way of a stop.
    Kept(Kept),
}

/// What is on a running channel that does not stop by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Kept {
    /// Wanted destinations on air: what an interruption costs.
    pub(super) on_air: Vec<usize>,
    /// Destinations that must not be interrupted.
    pub(super) firm: Vec<usize>,
    /// Another obstacle, which no grant removes.
    pub(super) block: Option<Block>,
    /// Slots whose occupants are on air and are to be released.
    pub(super) leaving: Vec<usize>,
}

/// What no grant helps against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Block {
    /// The channel has no slot at all.
    NoSlot,
    /// No Destination explains what this slot points at.
    Undeclared(usize),
    /// This output group cannot be a slot.
    Unusable(usize),
    /// The destination recorded in this slot vanished, and may be declared where nothing could be read, or by another slotwise.
    Vanished(usize),
    /// This channel stands in no pool, and may stand in one that could not be read: who holds its slots, and whether it is to keep
    /// running, is not known.
    Doubted,
    /// What this channel [carries](super::reading::Channel::carries) beside its slots stays on air.
    Beside(usize),
    /// Once stopped, this channel could not [start](super::reading::Channel::beside) again.
    NoRestart(usize),
}

impl Kept {
    /// Whether those on it leave room for a grant at all.
    pub(super) fn is_interruptible(&self) -> bool {
        self.firm.is_empty() && self.block.is_none()
    }
}

/// One change on a channel that has to stop for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    /// What kind.
    pub(super) cause: Cause,
    /// The destination that the change belongs to, by index in [`Reading::dests`].
    pub(super) owner: Option<usize>,
}

impl Change {
    /// The destination that the change belongs to, by name.
    pub(super) fn owner_name<'r>(&self, reading: &Reading<'r>) -> Option<&'r DestinationName> {
        self.owner.map(|dest| &reading.dests[dest].decl.name)
    }
}

/// The kind of a usable channel.
pub(super) fn kind(reading: &Reading<'_>, channel: usize) -> ChannelKind {
    let one = &reading.channels[channel];
    if !one.is_running() {
        return ChannelKind::Stopped;
    }
    let mut kept = Kept::default();
    let mut has_slot = false;
    for at in one.slots.clone() {
        has_slot |= reading.slots[at].occupant != Occupant::Unusable;
        add_slot(reading, at, one.takeover == Takeover::InForce, &mut kept);
    }
    if one.carries.is_some() {
        kept.block = kept.block.or(Some(Block::Beside(channel)));
    }
    if is_doubted(reading, channel) {
        kept.block = kept.block.or(Some(Block::Doubted));
    }
    if !has_slot {
        kept.block = kept.block.or(Some(Block::NoSlot));
    }
    for names in [&mut kept.on_air, &mut kept.firm] {
        names.sort_unstable();
        names.dedup();
    }
    let is_vacant = kept.on_air.is_empty() && kept.is_interruptible();
    if is_vacant && !reading.pools[one.pool].keeps_running() {
        return ChannelKind::Vacant;
    }
    // A grant is for an interruption, not for an end.
    if one.beside.is_some() {
        kept.block = kept.block.or(Some(Block::NoRestart(channel)));
    }
    ChannelKind::Kept(kept)
}

/// Whether a channel in no pool may belong to one that could not be read. Where a destination on it is declared off, and nothing
/// else is on it, its owner has said what to do.
fn is_doubted(reading: &Reading<'_>, channel: usize) -> bool {
    let one = &reading.channels[channel];
    let is_off = |at: usize| match reading.slots[at].occupant {
        Occupant::Dest(dest, _) => reading.dests[dest].intent == Intent::Off,
        _ => false,
    };
    let carries = |at: &usize| reading.slots[*at].occupant != Occupant::Parked;
    let mut carrying = one.slots.clone().filter(carries).peekable();
    let is_asked_for = carrying.peek().is_some() && carrying.all(is_off);
    reading.pools[one.pool].decl.is_none() && reading.desired.trust != Trust::Whole && !is_asked_for
}

fn add_slot(reading: &Reading<'_>, at: usize, takeover: bool, kept: &mut Kept) {
    let mut block = |what| kept.block = kept.block.or(Some(what));
    match reading.slots[at].occupant {
        Occupant::Parked => {}
        Occupant::Unusable if takeover => {}
        Occupant::Unusable => block(Block::Unusable(at)),
        Occupant::Undeclared if takeover => kept.leaving.push(at),
        Occupant::Undeclared => block(Block::Undeclared(at)),
        Occupant::Vanished(Release::Kept) => block(Block::Vanished(at)),
        Occupant::Vanished(Release::Now | Release::Before) => kept.leaving.push(at),
        Occupant::Dest(dest, _) => {
            let one = &reading.dests[dest];
            let is_spare = !reading.is_own(dest, at) && reading.is_releasable(dest, at);
            if one.intent == Intent::Off || is_spare {
                kept.leaving.push(at);
                return;
            }
            if one.intent == Intent::Wanted {
                kept.on_air.push(dest);
            }
            if one.is_firm() {
                kept.firm.push(dest);
            }
        }
    }
}

/// Whether a running channel with protected destinations could be stopped for a change, if one is granted.
pub(super) fn is_stoppable(state: ChannelState, kept: &Kept) -> bool {
    kept.is_interruptible() && matches!(state, ChannelState::Running | ChannelState::Starting)
}

/// The change that it is when a leaving slot is parked.
pub(super) fn leave(reading: &Reading<'_>, slot: usize) -> Change {
    let owner = match reading.slots[slot].occupant {
        Occupant::Dest(dest, _) => Some(dest),
        _ => None,
    };
    Change {
        cause: Cause::Stop,
        owner,
    }
}

/// The change when a destination joins a running channel, or is rewritten where it is on air.
pub(super) fn join(reading: &Reading<'_>, dest: usize, slot: usize) -> Change {
    let is_own = reading.dests[dest].on_air == Some(slot);
    Change {
        cause: if is_own { Cause::Retarget } else { Cause::Start },
        owner: Some(dest),
    }
}
