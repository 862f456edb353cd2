//! What can be wrong with a plan.

use thiserror::Error;

use crate::model::{ChannelId, ChannelState, DestinationName, PoolName, SlotId};

/// A rule that a plan breaks. One is enough to stop execution: a plan that breaks a rule was made by a mistake of
/// ours, and what else is wrong with it nobody knows.
///
/// Names and hosts only: no URL, no key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Violation {
    // ── The plan does not speak of the world it was made for.
    /// An entry is missing, there twice, or speaks of something that is neither declared nor named by a pool.
    #[error("the plan has {found} entries for {what} instead of {wanted}")]
    Incomplete {
        /// Kind and name: `channel 4000001`.
        what: String,
        /// How many there are.
        found: usize,
        /// How many there should be.
        wanted: usize,
    },
    /// The plan was made for another state of the channel than the one observed: its preconditions are worthless.
    #[error("the plan does not see channel {channel} as it was observed: {what}")]
    Misread {
        /// The channel.
        channel: ChannelId,
        /// What differs.
        what: &'static str,
    },
    /// A destination is said to be wanted, or on air, where it is not, or the other way round.
    #[error("the plan says of {destination} what was neither declared nor observed: {what}")]
    Misstated {
        /// The destination.
        destination: DestinationName,
        /// What differs.
        what: &'static str,
    },

    // ── Channels that are not ours to touch, or not now.
    /// A step on a channel that must be left exactly as it is.
    #[error("channel {channel} must be left alone: {why}")]
    Untouchable {
        /// The channel.
        channel: ChannelId,
        /// Why.
        why: HandsOff,
    },
    /// A channel without owner tag is changed without being adopted first, or one that needs no adoption is adopted.
    #[error("channel {channel} is to be adopted exactly if it has no owner, before any other step")]
    Adoption {
        /// The channel.
        channel: ChannelId,
    },

    // ── Steps in an impossible order.
    /// The channel cannot do this in the state that the steps before leave it in. An update of a channel that is
    /// not stopped is one of these.
    #[error("{action} of channel {channel} is impossible while it is {state}")]
    WrongState {
        /// The channel.
        channel: ChannelId,
        /// Name of the action.
        action: &'static str,
        /// The state at that point of the steps.
        state: ChannelState,
    },
    /// Steps come as adopt, wait, stop, update, start, each at most once.
    #[error("{action} of channel {channel} comes too late or twice")]
    StepOrder {
        /// The channel.
        channel: ChannelId,
        /// Name of the action.
        action: &'static str,
    },
    /// A channel is updated and then left stopped, although nothing but a start makes an update necessary.
    #[error("channel {channel} is updated but not started")]
    UpdateWithoutStart {
        /// The channel.
        channel: ChannelId,
    },

    // ── Interruptions.
    /// A stop takes protected destinations off air and nothing grants it.
    #[error("stopping channel {channel} interrupts {}: {why}", List(.destinations))]
    Ungranted {
        /// The channel.
        channel: ChannelId,
        /// Who is on air there by right.
        destinations: Vec<DestinationName>,
        /// Why it is not granted.
        why: Ungranted,
    },
    /// A step does not name exactly those wanted destinations that it takes off air.
    #[error("{action} of channel {channel} takes off air {}, but says {}", List(.actual), List(.said))]
    WrongInterrupts {
        /// The channel.
        channel: ChannelId,
        /// Name of the action.
        action: &'static str,
        /// Who is taken off air.
        actual: Vec<DestinationName>,
        /// Who is named.
        said: Vec<DestinationName>,
    },
    /// Wanted destinations are taken off air and not brought back.
    #[error("channel {channel} stops and does not start again, although {} on it is wanted", List(.destinations))]
    NotBroughtBack {
        /// The channel.
        channel: ChannelId,
        /// Who stays off air.
        destinations: Vec<DestinationName>,
    },
    /// More channels are interrupted at once than the pool allows.
    #[error("{channels} channels of pool {pool} would be interrupted at once, at most {limit} may")]
    MaxConcurrent {
        /// The pool.
        pool: PoolName,
        /// How many.
        channels: usize,
        /// `maxConcurrent`.
        limit: u32,
    },
    /// The plan's own count of interruptions is wrong.
    #[error(
        "pool {pool} is said to have {said} interruptions (at least {lower_bound}); its steps have {counted}"
    )]
    WrongCount {
        /// The pool.
        pool: PoolName,
        /// What the plan says.
        said: usize,
        /// What the plan says is the least possible.
        lower_bound: usize,
        /// What its steps say.
        counted: usize,
    },

    // ── Writes.
    /// An update that writes nothing.
    #[error("the update of channel {channel} writes nothing")]
    EmptyUpdate {
        /// The channel.
        channel: ChannelId,
    },
    /// A write to an output group that is no slot of the pool, or cannot be one.
    #[error("{slot} is no slot of the pool")]
    NoSlot {
        /// The output group.
        slot: SlotId,
    },
    /// A write with one endpoint to a slot with two, or the other way round.
    #[error("{slot} has {wanted} pipelines, the write has {found}")]
    WrongPipelines {
        /// The slot.
        slot: SlotId,
        /// Endpoints written.
        found: usize,
        /// Pipelines of the channel.
        wanted: usize,
    },
    /// A slot that one update writes twice.
    #[error("{slot} is written twice in one update")]
    WrittenTwice {
        /// The slot.
        slot: SlotId,
    },
    /// What is written is not what the plan says it is.
    #[error("what is written to {slot} is not {said}")]
    WrongContent {
        /// The slot.
        slot: SlotId,
        /// What the plan says is written.
        said: String,
    },
    /// The slot of a wanted destination on air, or interrupted just for this update, is given away.
    #[error("{slot} is taken from {destination}, which is on air there")]
    Evicted {
        /// The slot.
        slot: SlotId,
        /// Who loses it.
        destination: DestinationName,
    },
    /// A slot is released or re-pointed although it may be that of a wanted destination whose key is not known.
    #[error("{slot} is presumed to be held by {destination}, whose key is not known, and is written")]
    PresumedWritten {
        /// The slot.
        slot: SlotId,
        /// Who is presumed to hold it.
        destination: DestinationName,
    },

    // ── What goes on air.
    /// A start would put something on air that nobody wants there.
    #[error("starting channel {} would put {what} on air in {slot}", .slot.channel)]
    PutsOnAir {
        /// The slot.
        slot: SlotId,
        /// A name, or the host of what nobody declares.
        what: String,
    },
    /// A channel in UPDATE_FAILED is started although nobody knows what its slots hold since.
    #[error("{slot} is not written again after the update that failed")]
    NotRewritten {
        /// The slot.
        slot: SlotId,
    },
    /// A channel is started and nobody on it is wanted.
    #[error("channel {channel} is started for nobody")]
    StartedForNobody {
        /// The channel.
        channel: ChannelId,
    },
    /// Two channels or slots would push to one endpoint with one key.
    #[error("{first} and {second} would have the same target")]
    TargetTwice {
        /// One slot.
        first: SlotId,
        /// The other.
        second: SlotId,
    },

    // ── Assignments.
    /// Two destinations in one slot.
    #[error("{slot} is given to both {first} and {second}")]
    SlotTwice {
        /// The slot.
        slot: SlotId,
        /// One.
        first: DestinationName,
        /// The other.
        second: DestinationName,
    },
    /// A slot that is not one of the destination's pool, or not one that may be used.
    #[error("{destination} is given {slot}, which its pool cannot use")]
    SlotUnavailable {
        /// The destination.
        destination: DestinationName,
        /// The slot.
        slot: SlotId,
    },
    /// A destination gets another slot than the one it is pinned to.
    #[error("{destination} is given {slot} but pinned to {pinned}")]
    AwayFromPin {
        /// The destination.
        destination: DestinationName,
        /// The slot it is given.
        slot: SlotId,
        /// The slot it is pinned to.
        pinned: SlotId,
    },
    /// A wanted destination loses the slot that it is on air in, or that it was interrupted in.
    #[error("{destination} belongs in {from} and is moved")]
    Moved {
        /// The destination.
        destination: DestinationName,
        /// Where it is on air, or was before it was interrupted.
        from: SlotId,
    },
    /// A destination that is not wanted gets a slot it is not on air in.
    #[error("{destination} is not wanted and is given {slot}")]
    NotWanted {
        /// The destination.
        destination: DestinationName,
        /// The slot.
        slot: SlotId,
    },
    /// The plan says that a destination will be on air in a slot, and its steps do not lead there.
    #[error("{destination} is given {slot}, but the steps do not put it there: {what}")]
    NotCarried {
        /// The destination.
        destination: DestinationName,
        /// The slot.
        slot: SlotId,
        /// What is missing.
        what: &'static str,
    },
    /// What the plan says a slot will hold is not what its steps leave there.
    #[error("{slot} will not hold what the plan says it will")]
    WrongGoal {
        /// The slot.
        slot: SlotId,
    },
    /// What the plan says of whether a channel runs in the end is not where its steps lead.
    #[error("the steps of channel {channel} do not lead to where the plan says it will be")]
    WrongEnd {
        /// The channel.
        channel: ChannelId,
    },

    // ── Silence.
    /// A destination is not where it is wanted, and the plan does not say why.
    #[error("{destination} is not where it is wanted, and the plan does not say why")]
    SilentDestination {
        /// The destination.
        destination: DestinationName,
    },
    /// A channel cannot be used, and the plan does not say why.
    #[error("channel {channel} cannot be used ({why}), and the plan does not say so")]
    SilentChannel {
        /// The channel.
        channel: ChannelId,
        /// Why it cannot.
        why: HandsOff,
    },
}

/// Why a channel is left exactly as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HandsOff {
    /// No pool names it.
    #[error("no pool names it")]
    NotInPool,
    /// Missing or unreadable.
    #[error("it was not seen")]
    NotSeen,
    /// The pool is paused.
    #[error("its pool is paused")]
    PoolPaused,
    /// It carries another owner's tag.
    #[error("it belongs to another owner")]
    Foreign,
    /// It runs with targets that nobody declares and is not adopted.
    #[error("it is not ours and runs with targets that nobody declares")]
    Undeclared,
    /// It failed, is gone, or is in a state that nobody knows.
    #[error("its state allows nothing")]
    State,
}

/// Why an interruption is not granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Ungranted {
    /// Somebody on it has `interruptible: false`.
    #[error("somebody on it must not be interrupted")]
    Uninterruptible,
    /// Somebody on it is paused: hands off.
    #[error("somebody on it is paused")]
    Paused,
    /// Something on it that nobody declares may be wanted: the declaration is not known to be whole.
    #[error("the declaration may not be whole, and something on it is not declared")]
    Doubted,
    /// It is RECOVERING.
    #[error("it is RECOVERING")]
    Recovering,
    /// Neither the pool's policy nor a one-off grant allows it for any of the changes made.
    #[error("no policy and no one-off grant allows it for the changes made")]
    Policy,
}

/// What a violation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About<'a> {
    /// The plan as a whole.
    Everything,
    /// A pool.
    Pool(&'a PoolName),
    /// A channel.
    Channel(&'a ChannelId),
    /// Two channels, which may be of two pools.
    Channels(&'a ChannelId, &'a ChannelId),
    /// A destination.
    Destination(&'a DestinationName),
}

impl Violation {
    /// What it is about: where to look, and what to hold.
    pub fn about(&self) -> About<'_> {
        match self {
            Self::Incomplete { .. } => About::Everything,
            Self::MaxConcurrent { pool, .. } | Self::WrongCount { pool, .. } => About::Pool(pool),
            Self::Misread { channel, .. }
            | Self::Untouchable { channel, .. }
            | Self::Adoption { channel, .. }
            | Self::WrongState { channel, .. }
            | Self::StepOrder { channel, .. }
            | Self::UpdateWithoutStart { channel, .. }
            | Self::Ungranted { channel, .. }
            | Self::WrongInterrupts { channel, .. }
            | Self::NotBroughtBack { channel, .. }
            | Self::EmptyUpdate { channel, .. }
            | Self::StartedForNobody { channel, .. }
            | Self::WrongEnd { channel, .. }
            | Self::SilentChannel { channel, .. } => About::Channel(channel),
            Self::NoSlot { slot, .. }
            | Self::WrongPipelines { slot, .. }
            | Self::WrittenTwice { slot, .. }
            | Self::WrongContent { slot, .. }
            | Self::Evicted { slot, .. }
            | Self::PresumedWritten { slot, .. }
            | Self::PutsOnAir { slot, .. }
            | Self::NotRewritten { slot, .. }
            | Self::SlotTwice { slot, .. }
            | Self::WrongGoal { slot, .. } => About::Channel(&slot.channel),
            Self::TargetTwice { first, second } => About::Channels(&first.channel, &second.channel),
            Self::Misstated { destination, .. }
            | Self::SlotUnavailable { destination, .. }
            | Self::AwayFromPin { destination, .. }
            | Self::Moved { destination, .. }
            | Self::NotWanted { destination, .. }
            | Self::NotCarried { destination, .. }
            | Self::SilentDestination { destination, .. } => About::Destination(destination),
        }
    }

    /// Stable code, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Incomplete { .. } => "Incomplete",
            Self::Misread { .. } => "Misread",
            Self::Misstated { .. } => "Misstated",
            Self::Untouchable { .. } => "Untouchable",
            Self::Adoption { .. } => "Adoption",
            Self::WrongState { .. } => "WrongState",
            Self::StepOrder { .. } => "StepOrder",
            Self::UpdateWithoutStart { .. } => "UpdateWithoutStart",
            Self::Ungranted { .. } => "Ungranted",
            Self::WrongInterrupts { .. } => "WrongInterrupts",
            Self::NotBroughtBack { .. } => "NotBroughtBack",
            Self::MaxConcurrent { .. } => "MaxConcurrent",
            Self::WrongCount { .. } => "WrongCount",
            Self::EmptyUpdate { .. } => "EmptyUpdate",
            Self::NoSlot { .. } => "NoSlot",
            Self::WrongPipelines { .. } => "WrongPipelines",
            Self::WrittenTwice { .. } => "WrittenTwice",
            Self::WrongContent { .. } => "WrongContent",
            Self::Evicted { .. } => "Evicted",
            Self::PresumedWritten { .. } => "PresumedWritten",
            Self::PutsOnAir { .. } => "PutsOnAir",
            Self::NotRewritten { .. } => "NotRewritten",
            Self::StartedForNobody { .. } => "StartedForNobody",
            Self::TargetTwice { .. } => "TargetTwice",
            Self::SlotTwice { .. } => "SlotTwice",
            Self::SlotUnavailable { .. } => "SlotUnavailable",
            Self::AwayFromPin { .. } => "AwayFromPin",
            Self::Moved { .. } => "Moved",
            Self::NotWanted { .. } => "NotWanted",
            Self::NotCarried { .. } => "NotCarried",
            Self::WrongGoal { .. } => "WrongGoal",
            Self::WrongEnd { .. } => "WrongEnd",
            Self::SilentDestination { .. } => "SilentDestination",
            Self::SilentChannel { .. } => "SilentChannel",
        }
    }
}

/// Names, one after the other.
struct List<'a>(&'a [DestinationName]);

impl std::fmt::Display for List<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.0.iter().map(DestinationName::as_str).collect();
        match names.as_slice() {
            [] => f.write_str("nobody"),
            _ => f.write_str(&names.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_taken_off_air_is_told_by_name() {
        let told = |actual: &[&str]| {
            let violation = Violation::WrongInterrupts {
                channel: "1".into(),
                action: "stop",
                actual: actual.iter().map(|name| (*name).into()).collect(),
                said: Vec::new(),
            };
            violation.to_string()
        };
        assert!(told(&["a", "b"]).contains("takes off air a, b, "));
        assert!(told(&[]).contains("takes off air nobody, "));
    }
}
