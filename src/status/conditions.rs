//! The conditions of a destination. What they say its status says too, so only which of them hold is kept, and since
//! when: there are five of them for each of many destinations.

use std::sync::{Arc, LazyLock};

use jiff::Timestamp;

use super::{Condition, ConditionStatus, DestinationStatus};

static IN_FORCE: LazyLock<Arc<str>> = LazyLock::new(|| "the declaration is in force".into());

/// The kinds, in the order in which they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Synced,
    Assigned,
    OnAir,
    Blocked,
    Degraded,
}

impl Kind {
    const ALL: [Self; 5] = [
        Self::Synced,
        Self::Assigned,
        Self::OnAir,
        Self::Blocked,
        Self::Degraded,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Synced => "Synced",
            Self::Assigned => "Assigned",
            Self::OnAir => "OnAir",
            Self::Blocked => "Blocked",
            Self::Degraded => "Degraded",
        }
    }
}

/// Which conditions of a destination hold, and since when each does or does not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    /// By [`Kind`]; `None` for one that says nothing.
    holds: [Option<bool>; Kind::ALL.len()],
    since: [Timestamp; Kind::ALL.len()],
    /// What is wrong with a declaration whose last good one is in force.
    pub(super) set_aside: Option<Arc<str>>,
}

impl Conditions {
    /// `kinds`, each with whether it holds; since `now` where that differs from `before`.
    pub(super) fn new(
        kinds: impl IntoIterator<Item = (Kind, bool)>,
        before: Option<&Self>,
        now: Timestamp,
    ) -> Self {
        let mut conditions = Self::default();
        for (kind, holds) in kinds {
            let at = kind as usize;
            let same = before.filter(|before| before.holds[at] == Some(holds));
            conditions.holds[at] = Some(holds);
            conditions.since[at] = same.map_or(now, |before| before.since[at]);
        }
        conditions
    }
}

impl DestinationStatus {
    /// Its conditions in the Kubernetes shape.
    pub fn conditions(&self) -> Vec<Condition> {
        let of = &self.conditions;
        let told = Kind::ALL
            .into_iter()
            .filter_map(|kind| Some((kind, of.holds[kind as usize]?)));
        told.map(|(kind, holds)| {
            let (reason, message) = self.what_it_says(kind, holds);
            Condition {
                kind: kind.name(),
                status: ConditionStatus::of(holds),
                reason,
                message,
                last_transition_time: of.since[kind as usize],
                observed_generation: self.observed_generation,
            }
        })
        .collect()
    }

    fn what_it_says(&self, kind: Kind, holds: bool) -> (&'static str, Arc<str>) {
        let message = || Arc::clone(&self.message);
        match (kind, holds) {
            (Kind::Synced, true) => ("Declared", Arc::clone(&IN_FORCE)),
            (Kind::Synced, false) => match &self.conditions.set_aside {
                Some(problem) => {
                    let text = format!("the last good declaration is in force: {problem}");
                    ("Invalid", text.into())
                }
                None => ("Invalid", message()),
            },
            (Kind::Assigned, true) => {
                let slot = self.slot.as_ref().map(|slot| slot.to_string().into());
                (self.reason, slot.unwrap_or_else(message))
            }
            _ => (self.reason, message()),
        }
    }
}
