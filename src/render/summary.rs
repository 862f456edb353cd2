//! A plan in figures.

use std::fmt;

use crate::plan::router::{NotReady, OutputWaiting};
use crate::plan::{Action, ChannelPlan, Content, DestinationPlan, Interruptions, Plan, Waiting};
use crate::words::counted;

/// The totals of a plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Channels that get the owner tag.
    pub adoptions: usize,
    /// Router outputs that are made.
    pub creations: usize,
    /// Router outputs that are deleted.
    pub deletions: usize,
    /// Channels whose slots are rewritten, and router outputs that are pointed elsewhere.
    pub updates: usize,
    /// Channels, router inputs and outputs started.
    pub starts: usize,
    /// Channels, router inputs and outputs stopped.
    pub stops: usize,
    /// Destinations wanted.
    pub wanted: usize,
    /// Destinations not wanted.
    pub off: usize,
    /// Destinations that are on air now.
    pub on_air: usize,
    /// Destinations of which it is not known whether they are.
    pub unknown: usize,
    /// Destinations that go on air.
    pub go_on_air: usize,
    /// Destinations that go off air and stay off.
    pub go_off_air: usize,
    /// Targets on air that no Destination declares and that are released.
    pub released: usize,
    /// Destinations that wait.
    pub waiting: usize,
    /// Interruptions.
    pub interruptions: Interruptions,
    /// Calls to MediaLive, without the looks while a channel is in transition.
    pub api_calls: usize,
}

impl Summary {
    /// The figures of `plan`.
    pub fn of(plan: &Plan) -> Self {
        let count = |of: fn(&Action) -> bool| plan.steps().filter(|(_, step)| of(&step.action)).count();
        let those = |of: fn(&DestinationPlan) -> bool| plan.destinations.iter().filter(|one| of(one)).count();
        let outputs = |name: &str| {
            let steps = plan.output_steps();
            steps.filter(|step| step.action.name() == name).count()
        };
        let feeds = |name: &str| {
            plan.feed_steps()
                .filter(|step| step.action.name() == name)
                .count()
        };
        Self {
            adoptions: count(|action| matches!(action, Action::Adopt { .. })),
            creations: outputs("create"),
            deletions: outputs("delete"),
            updates: count(|action| matches!(action, Action::Update { .. })) + outputs("update"),
            starts: count(|action| matches!(action, Action::Start)) + outputs("start") + feeds("start"),
            stops: count(|action| matches!(action, Action::Stop)) + outputs("stop") + feeds("stop"),
            wanted: those(|one| one.wanted),
            off: those(|one| !one.wanted),
            on_air: those(|one| one.on_air),
            unknown: those(DestinationPlan::is_unknown),
            go_on_air: those(|one| !one.on_air && one.will_be_on_air()),
            go_off_air: those(|one| one.on_air && !one.will_be_on_air() && one.waiting.is_none()),
            released: released(plan),
            waiting: those(|one| one.waiting.is_some() && !one.is_unknown() && !is_on_its_way(one)),
            interruptions: plan.interruptions(),
            api_calls: plan.api_calls(),
        }
    }

    /// What is done to channels and router outputs: `1 update, 1 start, 0 stops`.
    pub fn steps(&self) -> String {
        let rare = [
            (self.adoptions, "adoption"),
            (self.creations, "creation"),
            (self.deletions, "deletion"),
        ];
        let rare = rare.into_iter().filter(|(count, _)| *count > 0);
        let usual = [
            (self.updates, "update"),
            (self.starts, "start"),
            (self.stops, "stop"),
        ];
        let parts: Vec<String> = rare
            .chain(usual)
            .map(|(count, what)| counted(count, what))
            .collect();
        parts.join(", ")
    }

    /// What happens to destinations: `2 go on air, 1 waits`.
    pub fn destinations(&self) -> String {
        let mut parts = vec![format!("{} on air", goes(self.go_on_air))];
        if self.go_off_air > 0 {
            parts.push(format!("{} off air", goes(self.go_off_air)));
        }
        if self.released > 0 {
            let targets = counted(self.released, "undeclared target");
            let leaves = if self.released == 1 { "goes" } else { "go" };
            parts.push(format!("{targets} {leaves} off air"));
        }
        parts.push(waits(self.waiting));
        if self.unknown > 0 {
            parts.push(format!("{} not known", self.unknown));
        }
        parts.join(", ")
    }

    /// `interruptions 0 (least possible 0)`.
    pub fn interruptions(&self) -> String {
        format!(
            "interruptions {} (least possible {})",
            self.interruptions.planned, self.interruptions.lower_bound
        )
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} · {} · {} · {}",
            self.steps(),
            self.destinations(),
            self.interruptions(),
            counted(self.api_calls, "API call")
        )
    }
}

/// Undeclared targets on channels that stop.
fn released(plan: &Plan) -> usize {
    let stops = |channel: &&ChannelPlan| {
        let stops = channel.steps.iter().any(|step| step.action == Action::Stop);
        stops && channel.seen.as_ref().is_some_and(|seen| seen.state.is_running())
    };
    let slots = plan
        .channels
        .iter()
        .filter(stops)
        .flat_map(|channel| &channel.slots);
    slots
        .filter(|slot| matches!(slot.now, Content::Undeclared { .. }))
        .count()
}

/// Whether all that it waits for is its channel, which is about to put it on air, if need be with the next try.
pub(super) fn is_on_its_way(destination: &DestinationPlan) -> bool {
    let waits_for_channel = match &destination.waiting {
        Some(Waiting::ChannelInTransition { .. }) => true,
        Some(waiting @ Waiting::BackingOff { .. }) => !waiting.keeps_failing(),
        Some(Waiting::Output(
            OutputWaiting::OutputInTransition { .. }
            | OutputWaiting::RoomIsMade
            | OutputWaiting::SourceNotReady {
                why: NotReady::Starts,
                ..
            },
        )) => return destination.wanted,
        _ => false,
    };
    waits_for_channel && destination.assignment.is_some()
}

/// `1 waits`, `2 wait`.
fn waits(count: usize) -> String {
    format!("{count} wait{}", if count == 1 { "s" } else { "" })
}

/// `1 goes`, `2 go`.
fn goes(count: usize) -> String {
    format!("{count} go{}", if count == 1 { "es" } else { "" })
}
