//! What of the events is news to somebody who reads along.

use std::collections::{BTreeMap, BTreeSet};

use super::{Entry, Stamp, loaded_since, planned};
use crate::controller::event::StepOutcome;
use crate::controller::{Event, LeaseNews};
use crate::manifest::Problem;
use crate::manifest::Rejected;
use crate::model::{DestinationName, SlotId};
use crate::plan::{DestinationPlan, Plan};
use crate::render::style::Style;
use crate::render::summary::is_on_its_way;
use crate::status::Phase;

/// Writes the event log, event by event, and leaves out what its reader knows already.
#[derive(Debug, Clone)]
pub struct Reporter {
    /// Whether the reader was shown the plan and the sources before the event log began.
    was_shown: bool,
    /// What the last plan said of destinations; `None` before the first.
    told: Option<BTreeMap<DestinationName, Told>>,
    /// Mistakes in the sources that were told and are still there.
    mistakes: BTreeSet<String>,
}

/// What a plan says of a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    slot: Option<SlotId>,
    /// Code and sentence of what it waits for, its channel apart, which is about to put it on air.
    waiting: Option<(&'static str, String)>,
}

impl Told {
    fn of(planned: &DestinationPlan) -> Self {
        let waiting = planned.waiting.as_ref().filter(|_| !is_on_its_way(planned));
        Self {
            slot: planned.assignment.clone(),
            waiting: waiting.map(|waiting| (waiting.code(), waiting.to_string())),
        }
    }

    /// Whether it is the same to a reader: a sentence may count down.
    fn says_as_much_as(&self, other: &Self) -> bool {
        let code = |told: &Self| told.waiting.as_ref().map(|(code, _)| *code);
        self.slot == other.slot && code(self) == code(other)
    }
}

impl Reporter {
    /// For `run`, whose reader knows nothing yet.
    pub fn of_run() -> Self {
        Self {
            was_shown: false,
            told: None,
            mistakes: BTreeSet::new(),
        }
    }

    /// For `apply`, whose reader has just confirmed the plan.
    pub fn of_apply() -> Self {
        Self {
            was_shown: true,
            told: None,
            mistakes: BTreeSet::new(),
        }
    }

    /// The lines that `event` adds to the event log, as [`event`](super::event) has them; none for what is no news.
    pub fn lines(&mut self, event: &Event, stamp: Stamp, style: Style) -> Vec<String> {
        let entry = match event {
            Event::Planned(plan) => self.news(plan).map(|names| planned(plan, &names)),
            Event::SourceLoaded {
                problems, rejected, ..
            } if self.is_news(event) => {
                let before = self.note_mistakes(problems);
                let is_new = |problem: &Problem| !before.contains(&problem.to_string());
                let problems: Vec<Problem> = problems.iter().filter(|one| is_new(one)).cloned().collect();
                let rejected: Vec<Rejected> = rejected
                    .iter()
                    .filter(|one| is_new(&one.problem))
                    .cloned()
                    .collect();
                let left = self.mistakes.len() - problems.len().min(self.mistakes.len());
                Some(loaded_since(event, &problems, &rejected, left))
            }
            _ => self.is_news(event).then(|| Entry::of(event)),
        };
        entry.map_or_else(Vec::new, |entry| entry.lines(stamp, style))
    }

    /// Takes note of the mistakes that are there, and gives those that were told before.
    fn note_mistakes(&mut self, problems: &[Problem]) -> BTreeSet<String> {
        let now = problems.iter().map(ToString::to_string).collect();
        std::mem::replace(&mut self.mistakes, now)
    }

    fn is_news(&self, event: &Event) -> bool {
        match event {
            event if event.is_only_counted() => false,
            // Whoever waits for the end of a command reads there why it was not given the lease.
            Event::SourceLoaded { .. } | Event::Lease(LeaseNews::Standby { .. } | LeaseNews::Trouble(_)) => {
                !self.was_shown
            }
            // For who keeps it running.
            Event::Warned { .. } => !self.was_shown,
            // Whoever confirmed a plan was warned with it.
            Event::SourceDoubted { .. } => !self.was_shown || self.told.is_some(),
            // The first look at a channel is no change, and the plan has told how destinations stand.
            Event::StateChanged { from, .. } => from.is_some(),
            Event::PhaseChanged {
                destination,
                from,
                to,
                message,
                ..
            } => !self.was_told(destination, *from, *to, message),
            // What the call was for is seen soon: a tag, another state, another phase. An update shows nowhere else.
            Event::StepEnded {
                action,
                outcome: StepOutcome::Accepted,
                ..
            } => *action == "update",
            _ => true,
        }
    }

    /// Whether the last plan said what this change of phase says.
    fn was_told(&self, name: &DestinationName, from: Option<Phase>, to: Phase, message: &str) -> bool {
        let told = self.told.as_ref().and_then(|told| told.get(name));
        let waits = told.and_then(|told| told.waiting.as_ref());
        if waits.is_some_and(|(_, sentence)| sentence == message) {
            return true;
        }
        match (from, to) {
            (_, Phase::Error) => false,
            (None, Phase::Streaming) => self.was_shown,
            (None, _) => true,
            // On its way to the slot that the plan named. Off air after having been on air is news.
            (Some(from), Phase::Pending | Phase::Starting) => {
                !matches!(from, Phase::Streaming | Phase::Error)
                    && told.is_some_and(|told| told.slot.is_some())
            }
            _ => false,
        }
    }

    /// Of whom `plan` says something else than the one before; `None` where there is nothing to tell. A plan changes
    /// with every step taken, which is no news.
    fn news(&mut self, plan: &Plan) -> Option<BTreeSet<DestinationName>> {
        let says: BTreeMap<DestinationName, Told> = plan
            .destinations
            .iter()
            .map(|one| (one.name.clone(), Told::of(one)))
            .collect();
        let before = self.told.replace(says.clone());
        let Some(before) = before else {
            return (!self.was_shown).then(|| says.into_keys().collect());
        };
        let gone = before.keys().any(|name| !says.contains_key(name));
        let differs = |name: &DestinationName, told: &Told| {
            before
                .get(name)
                .is_none_or(|before| !before.says_as_much_as(told))
        };
        let names: BTreeSet<DestinationName> = says
            .iter()
            .filter(|(name, told)| differs(name, told))
            .map(|(name, _)| name.clone())
            .collect();
        (gone || !names.is_empty()).then_some(names)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::ChannelState;
    use crate::plan::Waiting;
    use crate::render::samples;

    fn told(reporter: &mut Reporter, event: &Event) -> bool {
        !reporter.lines(event, Stamp::None, Style::PLAIN).is_empty()
    }

    #[test]
    fn a_plan_is_told_again_only_when_it_says_something_else_of_a_destination() {
        let mut reporter = Reporter::of_run();
        let mut plan = samples::start_two();
        assert!(told(&mut reporter, &Event::Planned(Arc::new(plan.clone()))));
        plan.channels[0].steps.remove(0);
        assert!(!told(&mut reporter, &Event::Planned(Arc::new(plan.clone()))));
        // Twitch is on its way; its channel starts, which is no news, and then lets it down, which is.
        plan.destinations[3].waiting = Some(Waiting::ChannelInTransition {
            channel: "4000001".into(),
            state: ChannelState::Starting,
        });
        assert!(!told(&mut reporter, &Event::Planned(Arc::new(plan.clone()))));
        plan.destinations[3].assignment = None;
        assert!(told(&mut reporter, &Event::Planned(Arc::new(plan))));
    }

    #[test]
    fn whoever_confirmed_a_plan_is_not_told_it_again() {
        let mut reporter = Reporter::of_apply();
        let plan = Event::Planned(Arc::new(samples::start_two()));
        assert!(!told(&mut reporter, &plan));
        assert!(!told(&mut reporter, &plan));
        assert!(told(
            &mut reporter,
            &Event::Planned(Arc::new(samples::converged()))
        ));
    }

    #[test]
    fn the_first_sight_of_a_channel_is_no_change() {
        let mut reporter = Reporter::of_run();
        let seen = |from| Event::StateChanged {
            channel: "4000001".into(),
            from,
            to: ChannelState::Running,
            after: None,
        };
        assert!(!told(&mut reporter, &seen(None)));
        assert!(told(&mut reporter, &seen(Some(ChannelState::Starting))));
    }

    /// What `event` says of whom, in one line.
    fn says(reporter: &mut Reporter, event: &Event) -> String {
        reporter
            .lines(event, Stamp::None, Style::PLAIN)
            .join(" ")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn phase_changed(name: &str, from: Option<Phase>, to: Phase, message: &str) -> Event {
        Event::PhaseChanged {
            destination: name.into(),
            from,
            to,
            message: message.to_owned(),
            ways_out: Vec::new(),
            wanted_for: None,
        }
    }

    #[test]
    fn a_later_plan_speaks_only_of_those_who_stand_otherwise() {
        let mut reporter = Reporter::of_run();
        let mut plan = samples::start_two();
        let first = says(&mut reporter, &Event::Planned(Arc::new(plan.clone())));
        assert!(first.contains("facebook waits: InterruptionForbidden"), "{first}");
        assert!(
            first.contains("ways out: set disruption.interrupt: Anytime"),
            "{first}"
        );
        plan.destinations[4].waiting = Some(Waiting::NoFreeSlot { pool: "main".into() });
        let second = says(&mut reporter, &Event::Planned(Arc::new(plan)));
        assert!(second.contains("NoFreeSlot"), "{second}");
        assert!(!second.contains("facebook"), "{second}");
    }

    #[test]
    fn a_change_of_phase_is_not_told_where_the_plan_has_said_it() {
        let mut reporter = Reporter::of_run();
        let plan = samples::start_two();
        let forbidden = plan.destinations.iter().find_map(|one| one.waiting.clone());
        let forbidden = forbidden.unwrap().to_string();
        reporter.lines(&Event::Planned(Arc::new(plan)), Stamp::None, Style::PLAIN);
        let ready = Some(Phase::Ready);
        for (event, is_told) in [
            (
                phase_changed("facebook", ready, Phase::Pending, &forbidden),
                false,
            ),
            (
                phase_changed("facebook", ready, Phase::Pending, "something else"),
                true,
            ),
            // The plan has named its slot.
            (
                phase_changed("youtube-main", ready, Phase::Pending, "goes there"),
                false,
            ),
            (
                phase_changed("youtube-main", Some(Phase::Pending), Phase::Starting, "starts"),
                false,
            ),
            (
                phase_changed("youtube-main", Some(Phase::Streaming), Phase::Pending, "new key"),
                true,
            ),
            (
                phase_changed("youtube-main", Some(Phase::Starting), Phase::Streaming, "on air"),
                true,
            ),
            (phase_changed("broken", None, Phase::Error, "not valid"), true),
        ] {
            assert_eq!(told(&mut reporter, &event), is_told, "{event:?}");
        }
    }

    #[test]
    fn a_mistake_is_told_once_and_counted_while_it_stays() {
        let problem = |line| Problem {
            location: crate::manifest::Location {
                file: "live/a.yaml".into(),
                line,
                column: 1,
                item: None,
            },
            severity: crate::manifest::Severity::Error,
            object: None,
            field: String::new(),
            message: "not YAML".to_owned(),
            fix: "indent with spaces".to_owned(),
        };
        let loaded = |lines: &[usize]| Event::SourceLoaded {
            pools: 1,
            destinations: 4,
            problems: lines.iter().copied().map(problem).collect(),
            rejected: Vec::new(),
            changes: Vec::new(),
        };
        let mut reporter = Reporter::of_run();
        let first = says(&mut reporter, &loaded(&[3]));
        assert!(first.contains("a.yaml:3:1"), "{first}");
        let second = says(&mut reporter, &loaded(&[3, 9]));
        assert!(
            second.contains("a.yaml:9:1") && !second.contains("a.yaml:3:1"),
            "{second}"
        );
        assert!(
            second.contains("1 mistake that was told before is left"),
            "{second}"
        );
        assert_eq!(
            says(&mut reporter, &loaded(&[])),
            "source 1 pool and 4 destinations"
        );
        assert!(
            says(&mut reporter, &loaded(&[3])).contains("a.yaml:3:1"),
            "it is back"
        );
    }

    #[test]
    fn whoever_confirmed_a_plan_was_warned_of_doubts_with_it() {
        let doubt = Event::SourceDoubted {
            why: "live/ is empty".to_owned(),
        };
        let mut reporter = Reporter::of_apply();
        assert!(!told(&mut reporter, &doubt));
        told(&mut reporter, &Event::Planned(Arc::new(samples::converged())));
        assert!(told(&mut reporter, &doubt));
        assert!(told(&mut Reporter::of_run(), &doubt));
    }
}
