//! What can be wrong with a plan.

mod about;

use thiserror::Error;

pub use about::About;

use crate::model::{ChannelId, ChannelState, DestinationName, PoolName, SlotId};

/// A rule that a plan breaks. One is enough to stop execution: a plan that breaks a rule was made by a mistake of
/// ours, and what else is wrong with it is not known.
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
    /// A running channel is stopped that must not be, whatever is granted.
    #[error("channel {channel} must not be stopped: {why}")]
    ForbiddenStop {
        /// The channel.
        channel: ChannelId,
        /// Why not.
        why: Forbidden,
    },
    /// A stop needs a grant, and none covers it.
    #[error("stopping channel {channel} interrupts {}: {why}", List(.destinations))]
    Ungranted {
        /// The channel.
        channel: ChannelId,
        /// Wanted destinations that are on air there.
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
    /// A slot is written that is recorded as that of a wanted or paused destination whose key is not known, and that comes
    /// back to it.
    #[error("{slot} is recorded as that of {destination}, whose key is not known, and is written")]
    UnknownKeyWritten {
        /// The slot.
        slot: SlotId,
        /// Whose it is.
        destination: DestinationName,
    },
    /// A destination that belongs to another pool now is taken off air without a slot there.
    #[error("{destination} is taken off air in {slot} and has no slot in its pool")]
    NoNewPlace {
        /// The destination.
        destination: DestinationName,
        /// Where it is on air.
        slot: SlotId,
    },

    // ── Tags.
    /// A slot's tag is missing, wrong, or changed where it may not be.
    #[error("the tag of {slot} is wrong: {what}")]
    WrongTag {
        /// The slot.
        slot: SlotId,
        /// What is wrong.
        what: &'static str,
    },
    /// Tags are brought up to date in a way that is not allowed.
    #[error("the tags of channel {channel} may not be changed so: {what}")]
    WrongRecord {
        /// The channel.
        channel: ChannelId,
        /// What is wrong.
        what: &'static str,
    },
    /// A channel would have more tags than it may have.
    #[error("channel {channel} would have {tags} tags")]
    TooManyTags {
        /// The channel.
        channel: ChannelId,
        /// How many.
        tags: usize,
    },

    // ── What goes on air.
    /// A start would put something on air that is not wanted there.
    #[error("starting channel {} would put {what} on air in {slot}", .slot.channel)]
    PutsOnAir {
        /// The slot.
        slot: SlotId,
        /// A name, or the host of what is not declared.
        what: String,
    },
    /// A channel in UPDATE_FAILED is started although it is not known what its slots hold since.
    #[error("{slot} is not written again after the update that failed")]
    NotRewritten {
        /// The slot.
        slot: SlotId,
    },
    /// A channel is started and no destination on it is wanted.
    #[error("channel {channel} is started for no destination")]
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
    /// It runs, has no owner tag, and is not adopted.
    #[error("it is not ours and runs with targets that are not all declared")]
    NotAdopted,
    /// It failed, is gone, or is in an unknown state.
    #[error("its state allows nothing")]
    State,
}

/// Why a running channel is not stopped, whatever is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Forbidden {
    /// Nothing on it is a slot.
    #[error("it has no slot")]
    NoSlot,
    /// A destination on air on it is paused.
    #[error("a destination on air on it is paused")]
    Paused,
    /// A slot holds what is not declared.
    #[error("a slot holds what no Destination declares")]
    Undeclared,
    /// An output group that the pool's pattern matches cannot be a slot.
    #[error("an output group of the pool's pattern cannot be a slot")]
    Unusable,
    /// A slot holds what vanished from the declaration, which may not be whole.
    #[error("a slot holds what vanished from the declaration and is kept")]
    Kept,
    /// A destination that stays on air is so in an output group that is no slot.
    #[error("a destination that stays on air is so in an output group that is no slot")]
    Beside,
}

/// Why an interruption is not granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Ungranted {
    /// A destination on it has `interruptible: false`.
    #[error("a destination on it must not be interrupted")]
    Uninterruptible,
    /// It is RECOVERING.
    #[error("it is RECOVERING")]
    Recovering,
    /// The pool keeps its channels running, and it would not run again.
    #[error("its pool keeps channels running, and it is not started again")]
    KeepsRunning,
    /// Neither the pool's policy nor a one-off grant allows it for any of the changes made.
    #[error("no policy and no one-off grant allows it for the changes made")]
    Policy,
}

/// Names, one after the other.
struct List<'a>(&'a [DestinationName]);

impl std::fmt::Display for List<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.0.iter().map(DestinationName::as_str).collect();
        match names.as_slice() {
            [] => f.write_str("none"),
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
        assert!(told(&[]).contains("takes off air none, "));
    }
}
