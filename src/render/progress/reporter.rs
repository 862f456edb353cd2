//! Which events are news to the reader of the log.

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
    planned: Option<BTreeMap<DestinationName, Planned>>,
    /// Mistakes in the sources that were reported and remain.
    mistakes: BTreeSet<String>,
}

/// What a plan says of a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Planned {
    slot: Option<SlotId>,
    /// Whether it is on air, or about to be, in a router output.
    output: bool,
    /// Code and sentence of what it waits for, its channel apart, which is about to put it on air.
    waiting: Option<(&'static str, String)>,
}

impl Planned {
    fn of(planned: &DestinationPlan) -> Self {
        let waiting = planned.waiting.as_ref().filter(|_| !is_on_its_way(planned));
        Self {
            slot: planned.assignment.clone(),
            output: planned
                .output
                .as_ref()
                .is_some_and(|output| output.will_be_on_air),
            waiting: waiting.map(|waiting| (waiting.code(), waiting.to_string())),
        }
    }

    /// Whether it is the same to a reader: a sentence may count down.
    fn says_as_much_as(&self, other: &Self) -> bool {
        let code = |planned: &Self| planned.waiting.as_ref().map(|(code, _)| *code);
        (&self.slot, self.output) == (&other.slot, other.output) && code(self) == code(other)
    }
}

impl Reporter {
    /// For `run`, which has shown nothing yet.
    pub fn of_run() -> Self {
        Self {
            was_shown: false,
            planned: None,
            mistakes: BTreeSet::new(),
        }
    }

    /// For `apply`, whose plan was just confirmed.
    pub fn of_apply() -> Self {
        Self {
            was_shown: true,
            planned: None,
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

    /// Takes note of the present mistakes, and gives those that were reported before.
    fn note_mistakes(&mut self, problems: &[Problem]) -> BTreeSet<String> {
        let now = problems.iter().map(ToString::to_string).collect();
        std::mem::replace(&mut self.mistakes, now)
    }

    fn is_news(&self, event: &Event) -> bool {
        match event {
            event if event.is_only_counted() => false,
            // The end of a command says why it did not get the lease.
            Event::SourceLoaded { .. } | Event::Lease(LeaseNews::Standby { .. } | LeaseNews::Trouble(_)) => {
                !self.was_shown
            }
            // For operators of a daemon.
            Event::Warned { .. } => !self.was_shown,
            // The plan that was confirmed came with the warning.
            Event::SourceDoubted { .. } => !self.was_shown || self.planned.is_some(),
            // The first look at a channel is no change, and the plan has shown the destinations.
            Event::StateChanged { from, .. } => from.is_some(),
            Event::PhaseChanged {
                destination,
                from,
                to,
                message,
                ..
            } => !self.was_planned(destination, *from, *to, message),
            // What the call was for is seen soon: a tag, another state, another phase. An update shows nowhere else.
            Event::StepEnded {
                action,
                outcome: StepOutcome::Accepted,
                ..
            } => *action == "update",
            // The next state of a router output says so.
            Event::OutputStepEnded {
                outcome: StepOutcome::Accepted,
                ..
            } => false,
            _ => true,
        }
    }

    /// Whether the last plan said what this change of phase says.
    fn was_planned(&self, name: &DestinationName, from: Option<Phase>, to: Phase, message: &str) -> bool {
        let planned = self.planned.as_ref().and_then(|planned| planned.get(name));
        let waits = planned.and_then(|planned| planned.waiting.as_ref());
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
                    && planned.is_some_and(|planned| planned.slot.is_some() || planned.output)
            }
            _ => false,
        }
    }

    /// The destinations of which `plan` says something else than the one before; `None` where there is no news. A plan
    /// changes with every step taken, which is none.
    fn news(&mut self, plan: &Plan) -> Option<BTreeSet<DestinationName>> {
        let says: BTreeMap<DestinationName, Planned> = plan
            .destinations
            .iter()
            .map(|one| (one.name.clone(), Planned::of(one)))
            .collect();
        let before = self.planned.replace(says.clone());
        let Some(before) = before else {
            return (!self.was_shown).then(|| says.into_keys().collect());
        };
        let gone = before.keys().any(|name| !says.contains_key(name));
        let differs = |name: &DestinationName, planned: &Planned| {
            before
                .get(name)
                .is_none_or(|before| !before.says_as_much_as(planned))
        };
        let names: BTreeSet<DestinationName> = says
            .iter()
            .filter(|(name, planned)| differs(name, planned))
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

    fn is_shown(reporter: &mut Reporter, event: &Event) -> bool {
        !reporter.lines(event, Stamp::None, Style::PLAIN).is_empty()
    }

    #[test]
    fn a_plan_is_shown_again_only_when_a_destination_differs() {
        let mut reporter = Reporter::of_run();
        let mut plan = samples::start_two();
        assert!(is_shown(&mut reporter, &Event::Planned(Arc::new(plan.clone()))));
        plan.channels[0].steps.remove(0);
        assert!(!is_shown(&mut reporter, &Event::Planned(Arc::new(plan.clone()))));
        // Twitch is on its way; its channel starts, which is no news, and then lets it down, which is.
        plan.destinations[3].waiting = Some(Waiting::ChannelInTransition {
            channel: "4000001".into(),
            state: ChannelState::Starting,
        });
        assert!(!is_shown(&mut reporter, &Event::Planned(Arc::new(plan.clone()))));
        plan.destinations[3].assignment = None;
        assert!(is_shown(&mut reporter, &Event::Planned(Arc::new(plan))));
    }

    #[test]
    fn a_confirmed_plan_is_not_shown_again() {
        let mut reporter = Reporter::of_apply();
        let plan = Event::Planned(Arc::new(samples::start_two()));
        assert!(!is_shown(&mut reporter, &plan));
        assert!(!is_shown(&mut reporter, &plan));
        assert!(is_shown(
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
        assert!(!is_shown(&mut reporter, &seen(None)));
        assert!(is_shown(&mut reporter, &seen(Some(ChannelState::Starting))));
    }

    /// The lines of `event`, in one.
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
    fn a_later_plan_shows_only_what_differs() {
        let mut reporter = Reporter::of_run();
        let mut plan = samples::start_two();
        let first = says(&mut reporter, &Event::Planned(Arc::new(plan.clone())));
        assert!(first.contains("facebook waits: InterruptionForbidden"), "{first}");
        assert!(
            first.contains("ways out: set disruption.interrupt: Anytime"),
            "{first}"
        );
        plan.destinations[4].waiting = Some(Waiting::NoFreeSlot {
            pool: "main".into(),
            outranked_by: None,
        });
        let second = says(&mut reporter, &Event::Planned(Arc::new(plan)));
        assert!(second.contains("NoFreeSlot"), "{second}");
        assert!(!second.contains("facebook"), "{second}");
    }

    #[test]
    fn a_change_of_phase_that_the_plan_shows_is_no_news() {
        let mut reporter = Reporter::of_run();
        let plan = samples::start_two();
        let forbidden = plan.destinations.iter().find_map(|one| one.waiting.clone());
        let forbidden = forbidden.unwrap().to_string();
        reporter.lines(&Event::Planned(Arc::new(plan)), Stamp::None, Style::PLAIN);
        let ready = Some(Phase::Ready);
        for (event, expected) in [
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
            assert_eq!(is_shown(&mut reporter, &event), expected, "{event:?}");
        }
    }

    #[test]
    fn a_mistake_is_reported_once_and_counted_while_it_remains() {
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
        assert!(second.contains("1 mistake reported before remains"), "{second}");
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
    fn a_confirmed_plan_came_with_its_doubts() {
        let doubt = Event::SourceDoubted {
            why: "live/ is empty".to_owned(),
        };
        let mut reporter = Reporter::of_apply();
        assert!(!is_shown(&mut reporter, &doubt));
        is_shown(&mut reporter, &Event::Planned(Arc::new(samples::converged())));
        assert!(is_shown(&mut reporter, &doubt));
        assert!(is_shown(&mut Reporter::of_run(), &doubt));
    }
}
