//! Which attribute of an item takes what of the status.

use std::collections::BTreeMap;

/// A part of a destination's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StatusField {
    /// The phase, for display.
    Phase,
    /// A stable code.
    Reason,
    /// One sentence.
    Message,
    /// Id of the channel that carries it or will.
    Channel,
    /// The output group on it.
    Slot,
    /// Since when it is in this phase.
    Since,
    /// The generation that this speaks of.
    ObservedGeneration,
}

impl StatusField {
    /// All of them, in the order in which they are written.
    pub const ALL: [Self; 7] = [
        Self::Phase,
        Self::Reason,
        Self::Message,
        Self::Channel,
        Self::Slot,
        Self::Since,
        Self::ObservedGeneration,
    ];

    /// Its name in the map.
    pub fn name(self) -> &'static str {
        match self {
            Self::Phase => "phase",
            Self::Reason => "reason",
            Self::Message => "message",
            Self::Channel => "channel",
            Self::Slot => "slot",
            Self::Since => "since",
            Self::ObservedGeneration => "observedGeneration",
        }
    }
}

/// Where the status goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusLayout {
    /// The attribute that takes all of it as a map.
    pub map: Option<String>,
    /// Attributes that take a part each.
    pub parts: BTreeMap<StatusField, String>,
    /// Other words for phases.
    pub phases: BTreeMap<String, String>,
}

impl Default for StatusLayout {
    fn default() -> Self {
        Self {
            map: Some("status".to_owned()),
            parts: BTreeMap::new(),
            phases: BTreeMap::new(),
        }
    }
}

impl StatusLayout {
    /// Every attribute that is written.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.parts.values().chain(&self.map).map(String::as_str)
    }

    /// The word for `phase`.
    pub fn word<'a>(&'a self, phase: &'a str) -> &'a str {
        self.phases.get(phase).map_or(phase, String::as_str)
    }
}
