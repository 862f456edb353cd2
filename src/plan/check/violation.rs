//! What can be wrong with a plan.

use std::fmt;

use crate::model::{ChannelId, DestinationName, PoolName, SlotId};

/// A rule that a plan breaks. One is enough to stop execution: it shows a defect of slotwise, and what else is wrong with
/// the plan is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where to look, and what to hold.
    pub(in crate::plan) about: About,
    pub(in crate::plan) rule: Rule,
    /// How it is broken. Names and hosts only: no URL, no key.
    pub(in crate::plan) what: String,
}

/// What a violation is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plan) enum About {
    Everything,
    Pool(PoolName),
    Channel(ChannelId),
    Slot(SlotId),
    /// Two slots, which may be of two pools.
    Slots(SlotId, SlotId),
    Destination(DestinationName),
    /// A router output of a RouterPool, by what it carries.
    Output(Option<PoolName>, String),
}

/// What a plan must not be or do. The names are stable, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plan) enum Rule {
    // The plan does not match its inputs: something is left out, or not as it was declared and observed.
    Incomplete,
    Misread,
    Misstated,
    // Channels that slotwise may not touch, or not now.
    Untouchable,
    Adoption,
    // Steps in an impossible order.
    WrongState,
    StepOrder,
    UpdateWithoutStart,
    // Interruptions.
    /// Some running channels must not be stopped, whatever is granted.
    ForbiddenStop,
    Ungranted,
    WrongInterrupts,
    NotBroughtBack,
    MaxConcurrent,
    WrongCount,
    // Writes.
    EmptyUpdate,
    NoSlot,
    WrongPipelines,
    WrittenTwice,
    WrongContent,
    /// The slot of a wanted destination on air, or interrupted just for this update, is given away.
    Evicted,
    UnknownKeyWritten,
    /// A destination that belongs to another pool now is taken off air without a slot there.
    NoNewPlace,
    // Tags.
    WrongTag,
    WrongRecord,
    TooManyTags,
    // What goes on air.
    PutsOnAir,
    /// After an update that failed it is not known what a slot holds.
    NotRewritten,
    StartedForNobody,
    TargetTwice,
    // Assignments.
    SlotTwice,
    SlotUnavailable,
    AwayFromPin,
    /// A wanted destination loses the slot that it is on air in, or that it was interrupted in.
    Moved,
    NotWanted,
    /// A destination is given a slot, and the steps do not put it on air there.
    NotCarried,
    WrongGoal,
    WrongEnd,
    // Silence.
    SilentDestination,
    SilentChannel,
}

impl Violation {
    pub(super) fn new(rule: Rule, about: About, what: impl Into<String>) -> Self {
        let what = what.into();
        Self { about, rule, what }
    }

    /// Stable code, for programs: the name of the rule.
    pub fn code(&self) -> String {
        format!("{:?}", self.rule)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.about {
            About::Everything => f.write_str("the plan"),
            About::Pool(name) => write!(f, "pool {name}"),
            About::Channel(id) => write!(f, "channel {id}"),
            About::Slot(slot) => write!(f, "slot {slot}"),
            About::Slots(one, other) => write!(f, "slots {one} and {other}"),
            About::Destination(name) => write!(f, "destination {name}"),
            About::Output(Some(pool), carries) => write!(f, "router output of {pool} for {carries}"),
            About::Output(None, carries) => write!(f, "router output in no pool for {carries}"),
        }?;
        write!(f, ": {}", self.what)
    }
}
