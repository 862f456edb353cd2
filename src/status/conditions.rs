//! The conditions of a destination. What they say its status says too, so only which of them hold is kept, and since
//! when: there are five of them for each of many destinations.

use std::sync::{Arc, LazyLock};

use jiff::Timestamp;

use super::{Condition, ConditionStatus, DestinationStatus};

/// Each condition, and what it says while it is true.
pub const DESCRIBED: [(&str, &str); 7] = [
    (
        "Synced",
        "its declaration is in force. False with `Invalid` where that is set aside for a mistake, and with `BackingOff` while a \
         step on its behalf has failed and waits for the next try",
    ),
    ("Assigned", "a slot is its own, or will be"),
    ("OnAir", "its channel was seen RUNNING with its target"),
    ("Blocked", "it is not where it is wanted, and not on its way"),
    (
        "Degraded",
        "steps on its behalf fail, its channel or router output failed or recovers from a failure, MediaConnect has a message about \
         its router output, or that cannot be looked at. Of the whole: slots cannot be recorded in tags",
    ),
    (
        "SourceTrusted",
        "of the whole: the declarations were read, and lack nothing that is on air",
    ),
    ("Leader", "of the whole: this process holds the lease"),
];

static IN_FORCE: LazyLock<Arc<str>> = LazyLock::new(|| "the declaration is in force".into());

/// The kinds, in the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConditionKind {
    Synced,
    Assigned,
    OnAir,
    Blocked,
    Degraded,
}

impl ConditionKind {
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
    /// By [`ConditionKind`]; `None` for one that says nothing.
    holds: [Option<bool>; ConditionKind::ALL.len()],
    since: [Timestamp; ConditionKind::ALL.len()],
    /// What is wrong with a declaration whose last good one is in force.
    pub(super) set_aside: Option<Arc<str>>,
}

impl Conditions {
    /// Whether `Degraded` holds.
    pub(super) fn is_degraded(&self) -> bool {
        self.holds[ConditionKind::Degraded as usize] == Some(true)
    }

    /// `kinds`, each with whether it holds; since `now` where that differs from `before`.
    pub(super) fn new(
        kinds: impl IntoIterator<Item = (ConditionKind, bool)>,
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
        let conditions = ConditionKind::ALL
            .into_iter()
            .filter_map(|kind| Some((kind, of.holds[kind as usize]?)));
        conditions
            .map(|(kind, holds)| {
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

    fn what_it_says(&self, kind: ConditionKind, holds: bool) -> (&'static str, Arc<str>) {
        let message = || Arc::clone(&self.message);
        match (kind, holds) {
            (ConditionKind::Synced, true) => ("Declared", Arc::clone(&IN_FORCE)),
            (ConditionKind::Synced, false) => match &self.conditions.set_aside {
                Some(problem) => {
                    let text = format!("the last good declaration is in force: {problem}");
                    ("Invalid", text.into())
                }
                None => (self.reason, message()),
            },
            (ConditionKind::Assigned, true) => {
                let slot = self.slot.as_ref().map(|slot| slot.to_string().into());
                let place = slot.or_else(|| self.output.clone());
                (self.reason, place.unwrap_or_else(message))
            }
            _ => (self.reason, message()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{SlotId, WantedState};
    use crate::status::Phase;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn status(
        kinds: &[(ConditionKind, bool)],
        before: Option<&Conditions>,
        now: Timestamp,
    ) -> DestinationStatus {
        DestinationStatus {
            name: "youtube".into(),
            pool: Some("main".into()),
            wanted: Some(WantedState::Streaming),
            phase: Phase::Starting,
            reason: "AssignNew",
            message: "on its way".into(),
            ways_out: Vec::new(),
            slot: Some(SlotId::new("1", "RTMP-Slot-1")),
            output: None,
            since: now,
            observed_generation: 3,
            conditions: Conditions::new(kinds.iter().copied(), before, now),
        }
    }

    /// `Kind=status reason "message" @second`, one per condition.
    fn shown(status: &DestinationStatus) -> Vec<String> {
        let conditions = status.conditions();
        let line = |one: &Condition| {
            assert_eq!(one.observed_generation, 3);
            let second = one.last_transition_time.as_second();
            format!(
                "{}={:?} {} {:?} @{second}",
                one.kind, one.status, one.reason, one.message
            )
        };
        conditions.iter().map(line).collect()
    }

    #[test]
    fn each_says_what_the_status_says_since_it_last_changed() {
        let first = [
            (ConditionKind::Synced, true),
            (ConditionKind::Assigned, false),
            (ConditionKind::OnAir, false),
        ];
        let first = status(&first, None, at(1));
        let then = [
            (ConditionKind::Synced, true),
            (ConditionKind::Assigned, true),
            (ConditionKind::OnAir, false),
        ];
        let then = status(&then, Some(&first.conditions), at(9));
        assert_eq!(
            shown(&then),
            [
                r#"Synced=True Declared "the declaration is in force" @1"#,
                r#"Assigned=True AssignNew "1/RTMP-Slot-1" @9"#,
                r#"OnAir=False AssignNew "on its way" @1"#,
            ]
        );
    }

    #[test]
    fn every_condition_is_described_in_the_order_of_telling() {
        let described = DESCRIBED.map(|(kind, _)| kind);
        assert!(described.starts_with(&ConditionKind::ALL.map(ConditionKind::name)));
    }

    #[test]
    fn a_declaration_that_is_set_aside_says_what_is_wrong() {
        let mut status = status(&[(ConditionKind::Synced, false)], None, at(1));
        status.conditions.set_aside = Some("no such pool".into());
        let expected = r#"Synced=False Invalid "the last good declaration is in force: no such pool" @1"#;
        assert_eq!(shown(&status), [expected]);
    }
}
