//! Why something is done.

use std::fmt;

use serde::Serialize;

use crate::model::tag::TakeoverTag;
use crate::model::{DestinationName, GroupName, OwnerId};

/// Why a step is taken, or a slot given. For readers; no decision depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename_all_fields = "camelCase")]
pub enum Reason {
    /// A destination gets a slot of a stopped channel.
    AssignNew,
    /// It gets a slot of a channel that has to stop first, and on which no destination is wanted.
    AssignAfterStop,
    /// It joins others of its group.
    AssignGroup {
        /// The group.
        group: GroupName,
    },
    /// Its slot is pinned.
    AssignPinned,
    /// It joins destinations that are on air, which are interrupted for it.
    AssignInterrupting {
        /// The others.
        others: Vec<DestinationName>,
    },
    /// It holds the slot already: no update needed.
    AssignWarm,
    /// It comes back to the slot it was interrupted in.
    AssignReturning,
    /// It is on air there.
    OnAir,
    /// Its URL or key changed.
    TargetChanged {
        /// Which destination.
        destination: DestinationName,
    },
    /// A destination is no longer wanted here: `state: Ready`, or moved.
    NoLongerWanted {
        /// Which destination.
        destination: DestinationName,
    },
    /// A destination was moved to another pool.
    Moved {
        /// Which destination.
        destination: DestinationName,
    },
    /// No Destination declares the target.
    NotDeclared {
        /// Its host.
        host: String,
    },
    /// The channel has no owner tag yet.
    AdoptUnowned {
        /// The owner that adopts it.
        owner: OwnerId,
    },
    /// What its slots hold is written into its tags.
    RecordSlots,
    /// How far its takeover has come is written into its tags.
    RecordTakeover {
        /// The tag; `None` where it is removed.
        tag: Option<TakeoverTag>,
    },
    /// The channel is stopped so that its slots can be changed.
    StopForUpdate {
        /// The destinations that join, leave or change, by name.
        destinations: Vec<DestinationName>,
    },
    /// No destination on the channel is wanted.
    StopUnwanted,
    /// The slots of a stopped channel are brought to what is wanted before it starts.
    UpdateSlots,
    /// A destination on the channel is wanted.
    StartWanted {
        /// The wanted ones, by name.
        destinations: Vec<DestinationName>,
    },
    /// The channel is on its way to another state.
    InTransition,
}

impl Reason {
    /// Stable code, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::AssignNew => "AssignNew",
            Self::AssignAfterStop => "AssignAfterStop",
            Self::AssignGroup { .. } => "AssignGroup",
            Self::AssignPinned => "AssignPinned",
            Self::AssignInterrupting { .. } => "AssignInterrupting",
            Self::AssignWarm => "AssignWarm",
            Self::AssignReturning => "AssignReturning",
            Self::OnAir => "OnAir",
            Self::TargetChanged { .. } => "TargetChanged",
            Self::NoLongerWanted { .. } => "NoLongerWanted",
            Self::Moved { .. } => "Moved",
            Self::NotDeclared { .. } => "NotDeclared",
            Self::AdoptUnowned { .. } => "AdoptUnowned",
            Self::RecordSlots => "RecordSlots",
            Self::RecordTakeover { .. } => "RecordTakeover",
            Self::StopForUpdate { .. } => "StopForUpdate",
            Self::StopUnwanted => "StopUnwanted",
            Self::UpdateSlots => "UpdateSlots",
            Self::StartWanted { .. } => "StartWanted",
            Self::InTransition => "InTransition",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AssignNew => f.write_str("new; on a stopped channel, interrupts nothing"),
            Self::AssignAfterStop => {
                f.write_str("new; the channel stops first, no destination on it is wanted")
            }
            Self::AssignGroup { group } => write!(f, "same group: {group}"),
            Self::AssignPinned => f.write_str("pinned to this slot"),
            Self::AssignInterrupting { others } => write!(f, "joins {}, interrupted for it", Names(others)),
            Self::AssignWarm => f.write_str("holds the slot already, no update needed"),
            Self::AssignReturning => f.write_str("comes back to its slot"),
            Self::OnAir => f.write_str("on air here"),
            Self::TargetChanged { destination } => write!(f, "{destination} has a new URL or key"),
            Self::NoLongerWanted { destination } => write!(f, "{destination} is no longer wanted here"),
            Self::Moved { destination } => write!(f, "{destination} was moved to another pool"),
            Self::NotDeclared { host } => write!(f, "no Destination declares this target on {host}"),
            Self::AdoptUnowned { owner } => write!(f, "not owned yet; adopted by {owner}"),
            Self::RecordSlots => f.write_str("records what its slots hold"),
            Self::RecordTakeover { tag } => f.write_str(match tag {
                Some(TakeoverTag::Begun) => {
                    "records that it is taken over, before what is undeclared is released"
                }
                Some(TakeoverTag::Done) => "records that takeover: true is used up",
                None => "removes the tag of its takeover, which is no longer set",
            }),
            Self::StopForUpdate { destinations } => write!(f, "to change {}", Names(destinations)),
            Self::StopUnwanted => f.write_str("no destination on it is wanted"),
            Self::UpdateSlots => f.write_str("slots differ from what is wanted"),
            Self::StartWanted { destinations } => write!(f, "wanted: {}", Names(destinations)),
            Self::InTransition => f.write_str("on its way to another state"),
        }
    }
}

/// Names as a list in a sentence: `a`, `a and b`, `a, b and c`, `a, b and 7 others`.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a>(pub &'a [DestinationName]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("no destination"),
            [one] => write!(f, "{one}"),
            [one, two] => write!(f, "{one} and {two}"),
            [one, two, three] => write!(f, "{one}, {two} and {three}"),
            [one, two, rest @ ..] => write!(f, "{one}, {two} and {} others", rest.len()),
        }
    }
}
