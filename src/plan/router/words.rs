//! What plans say of router outputs, to people and to programs.

use std::fmt;

use super::{OutputContent, OutputReason, OutputWaiting, RouterLimit};

impl fmt::Display for OutputContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Destination(name) => write!(f, "{name}"),
            Self::Previous(name) => write!(f, "previous target of {name}"),
            Self::Surplus(name) => write!(f, "{name}, a second time"),
            Self::Moved(name) => write!(f, "{name}, which is in another pool now"),
            Self::Vanished(identity) => write!(f, "{identity}, no longer declared"),
            Self::Undeclared => f.write_str("undeclared"),
        }
    }
}

impl OutputReason {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Wanted => "Wanted",
            Self::NotWanted => "NotWanted",
            Self::Retarget => "TargetChanged",
            Self::ComesBack => "ComesBack",
            Self::Surplus => "Surplus",
            Self::Moved => "Moved",
            Self::Vanished => "NotDeclared",
            Self::DeclaredAgain => "DeclaredAgain",
            Self::PlaceNeeded(_) => "PlaceNeeded",
            Self::KeptLongEnough => "KeptLongEnough",
            Self::Failed => "Failed",
        }
    }
}

impl fmt::Display for OutputReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wanted => f.write_str("wanted"),
            Self::NotWanted => f.write_str("not wanted"),
            Self::Retarget => f.write_str("its URL or key has changed"),
            Self::ComesBack => f.write_str("comes back after its own change"),
            Self::Surplus => f.write_str("on air in another output"),
            Self::Moved => f.write_str("in another pool now"),
            Self::Vanished => f.write_str("no longer declared"),
            Self::DeclaredAgain => f.write_str("declared again"),
            Self::PlaceNeeded(name) => write!(f, "its place is needed for {name}"),
            Self::KeptLongEnough => f.write_str("off for as long as the pool keeps outputs"),
            Self::Failed => f.write_str("it failed"),
        }
    }
}

impl fmt::Display for RouterLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PerRegion => "router outputs in the region",
            Self::PerInput => "outputs routed to one router input",
        })
    }
}

impl OutputWaiting {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::SecretUnavailable { .. } => "SecretUnavailable",
            Self::TargetRefused { .. } => "TargetRefused",
            Self::Paused => "Paused",
            Self::OutputInTransition { .. } => "OutputInTransition",
            Self::BackingOff { .. } => "BackingOff",
            Self::InterruptionForbidden => "InterruptionForbidden",
            Self::OutsideWindow { .. } => "OutsideWindow",
            Self::OtherInput { .. } => "OtherInput",
            Self::QuotaReached { .. } => "QuotaReached",
            Self::RoomIsMade => "RoomIsMade",
            Self::SameTarget { .. } => "SameTarget",
            Self::ListIncomplete => "ListIncomplete",
            Self::OutputsUnreadable { .. } => "OutputsUnreadable",
            Self::InputMissing => "InputMissing",
            Self::SourceNotReady => "SourceNotReady",
            Self::OnAirElsewhere => "OnAirElsewhere",
            Self::SourceUntrusted => "SourceUntrusted",
            Self::Undeclared => "Undeclared",
        }
    }

    /// What would change it, each a short phrase a person can act on. Empty where it ends by itself.
    pub fn ways_out(&self) -> Vec<String> {
        let ways: &[&str] = match self {
            Self::OutputInTransition { .. }
            | Self::BackingOff { .. }
            | Self::RoomIsMade
            | Self::ListIncomplete
            | Self::OutputsUnreadable { .. }
            | Self::OutsideWindow { .. } => &[],
            Self::SecretUnavailable { .. } => &["make the key readable"],
            Self::TargetRefused { .. } => &["correct its URL, backupUrl or key"],
            Self::Paused => &["remove paused"],
            Self::InterruptionForbidden => &[
                "set disruption.interrupt: Anytime in its pool, with Retarget in for:",
                "just this once: apply with --interrupt and its name",
                "set state: Ready, then Streaming again",
            ],
            Self::OtherInput { .. } => &[
                "take the pool's input again in the console",
                "just this once: apply with --interrupt and its name",
                "set state: Ready, then Streaming again",
            ],
            Self::QuotaReached {
                limit: RouterLimit::PerRegion,
                ..
            } => &[
                "ask AWS for a higher quota of router outputs",
                "set state: Ready on a less important destination",
            ],
            Self::QuotaReached {
                limit: RouterLimit::PerInput,
                ..
            } => &[
                "declare a second RouterPool with another input",
                "set state: Ready on a less important destination",
            ],
            Self::SameTarget { .. } => &["set state: Ready on one of the two"],
            Self::InputMissing => &["correct spec.input of its pool"],
            Self::SourceNotReady => &["start the router input of its pool, and what feeds it"],
            Self::OnAirElsewhere => &["set state: Ready, then Streaming again"],
            Self::SourceUntrusted => &["repair the source, or declare it with state: Ready"],
            Self::Undeclared => &["declare it, or stop and delete it by hand"],
        };
        ways.iter().map(|way| (*way).to_owned()).collect()
    }
}

impl fmt::Display for OutputWaiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SecretUnavailable { reference, why } => {
                write!(f, "its key ({reference}) cannot be read: {why}")
            }
            Self::TargetRefused { what } => {
                write!(f, "MediaConnect refused to point a router output at it: {what}")
            }
            Self::Paused => f.write_str("paused"),
            Self::OutputInTransition { state } => write!(f, "the router output is {state}"),
            Self::BackingOff { until, what } => write!(f, "{what}; next try at {until:.0}"),
            Self::InterruptionForbidden => {
                f.write_str("a change would take it off air itself, and its pool never interrupts")
            }
            Self::OutsideWindow { opens: Some(opens) } => {
                write!(
                    f,
                    "a change would take it off air itself; the next window opens at {opens:.0}"
                )
            }
            Self::OutsideWindow { opens: None } => {
                f.write_str("a change would take it off air itself, and no window is open")
            }
            Self::OtherInput { input } => {
                write!(
                    f,
                    "another input was taken by hand ({input}), and stays until the next start"
                )
            }
            Self::QuotaReached { limit, at } => {
                write!(f, "MediaConnect allows {at} {limit}, and all are taken")
            }
            Self::RoomIsMade => f.write_str("an output that is off is deleted to make room"),
            Self::SameTarget { at: Some(at) } => write!(f, "its stream is, or may be, on air as {at}"),
            Self::SameTarget { at: None } => {
                f.write_str("its stream is, or may be, on air on a MediaLive channel")
            }
            Self::OutputsUnreadable { why } => write!(f, "the router outputs cannot be looked at: {why}"),
            Self::ListIncomplete => f.write_str("not all router outputs could be listed"),
            Self::InputMissing => f.write_str("its pool's router input does not exist"),
            Self::SourceNotReady => f.write_str("its pool's router input brings no programme yet"),
            Self::OnAirElsewhere => {
                f.write_str("on air in the pool that it was moved from, until the new place is ready")
            }
            Self::SourceUntrusted => {
                f.write_str("no longer declared, and stays on air: the declaration may not be whole")
            }
            Self::Undeclared => f.write_str("no Destination explains it, so it is left alone"),
        }
    }
}
