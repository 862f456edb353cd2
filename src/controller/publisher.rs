//! What a controller tells: events as they happen, the last view, and each plan with what it was made from. Every piece of news
//! once, so it remembers what it has told.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::losses::Losses;
use super::news::{PlanDigest, newcomers_would_wait};
use super::pulse::{Pulse, Shown};
use super::{Event, Listener, View, Witness};
use crate::manifest::{Problem, Severity};
use crate::model::{DestinationName, Trust};
use crate::plan::check::Violation;
use crate::plan::{Checked, Plan};
use crate::record::{Case, CaseOutcome};
use crate::status::{DestinationStatus, Phase, Status, Totals};
use crate::store::{Loaded, changes};

/// How many violations of a refused plan are named.
const SHOWN_MAX: usize = 5;

/// Why the source is not trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Doubt {
    /// It could not be read whole, and says why.
    OfSource(String),
    /// Too many vanished from it. How many still do changes while they leave, which is no news.
    OfVanished,
}

/// Tells what a controller sees and does.
pub(super) struct Publisher {
    listener: Listener,
    witness: Option<Witness>,
    shown: Shown,
    /// The last status.
    status: Arc<Status>,
    /// Of the previous plan, while the next one is made.
    previous_plan: Option<PlanDigest>,
    /// What was wrong with the last plan, as far as it was told.
    refused: String,
    /// Why the source is not trusted, as far as it was told.
    doubt: Option<Doubt>,
    losses: Losses,
}

impl Publisher {
    pub(super) fn new(listener: Listener, shown: Shown) -> Self {
        Self {
            listener,
            witness: None,
            shown,
            status: Arc::default(),
            previous_plan: None,
            refused: String::new(),
            doubt: None,
            losses: Losses::default(),
        }
    }

    pub(super) fn emit(&mut self, event: Event) {
        (self.listener)(event);
    }

    pub(super) fn status(&self) -> &Arc<Status> {
        &self.status
    }

    pub(super) fn show_to(&mut self, witness: Witness) {
        self.witness = Some(witness);
    }

    pub(super) fn watch(&self) -> watch::Receiver<Pulse> {
        self.shown.watch()
    }

    pub(super) fn view(&self, view: View) {
        self.shown.view(view);
    }

    pub(super) fn cycle_ended(&mut self, succeeded: bool, took: Duration) {
        self.shown.cycle_ended();
        self.emit(Event::CycleEnded { succeeded, took });
    }

    /// Another plan follows `plan`. Two plans of a large account would take twice the memory, so only a digest of it is kept.
    pub(super) fn plan_is_over(&mut self, plan: &Plan) {
        self.previous_plan = Some(PlanDigest::of(plan));
    }

    /// Shows the witness what a plan is made from, once `checked` says what came of it.
    pub(super) fn tell_case(
        &mut self,
        checked: &Result<Checked, Vec<Violation>>,
        case: impl FnOnce(CaseOutcome) -> Case,
    ) {
        if let Some(witness) = &mut self.witness {
            witness(case(CaseOutcome::from(checked)));
        }
    }

    /// Once for each new defect, not in each cycle.
    pub(super) fn tell_refused(&mut self, refused: &[Violation]) {
        let what = list(refused);
        if !refused.is_empty() && what != self.refused {
            self.emit(Event::PlanRefused { what: what.clone() });
        }
        self.refused = what;
    }

    /// Tells what changed in the source since `before`.
    pub(super) fn tell_loaded(&mut self, before: Option<&Loaded>, loaded: &Loaded) {
        let changed = changes(before.map(|before| &*before.desired), &loaded.desired);
        let is_same = before.is_some_and(|before| {
            before.problems == loaded.problems && before.desired.pool_count() == loaded.desired.pool_count()
        });
        if !is_same || !changed.is_empty() {
            self.emit(Event::SourceLoaded {
                pools: loaded.desired.pool_count(),
                destinations: loaded.desired.destinations.len(),
                problems: loaded.problems.to_vec(),
                rejected: loaded.rejected.clone(),
                changes: changed,
            });
        }
        // That it is trusted again is told by the cycle, which knows whether too many vanished.
        if let Trust::Doubted { why } = &loaded.desired.trust {
            self.tell_source_doubted(why.clone());
        }
    }

    /// Tells that the source could not be read whole, unless that was told.
    pub(super) fn tell_source_doubted(&mut self, why: String) {
        let doubt = Doubt::OfSource(why.clone());
        if self.doubt.as_ref() != Some(&doubt) {
            self.doubt = Some(doubt);
            self.emit(Event::SourceDoubted { why });
        }
    }

    /// Tells the finding of a cycle: that too many `vanished`, or that the source is trusted again, which it is not while
    /// anything else is wrong with what was `loaded`.
    pub(super) fn tell_trust(&mut self, trust: &Trust, vanished: Option<&str>, loaded: Option<&Loaded>) {
        match (trust, vanished) {
            (Trust::Doubted { why }, _) => self.tell_source_doubted(why.clone()),
            (Trust::Whole, Some(why)) => {
                if self.doubt.replace(Doubt::OfVanished) != Some(Doubt::OfVanished) {
                    self.emit(Event::SourceDoubted { why: why.to_owned() });
                }
            }
            (Trust::Whole, None) => {
                if loaded.is_none_or(is_sound) && self.doubt.take().is_some() {
                    self.emit(Event::SourceTrusted);
                }
            }
        }
    }

    /// Tells what is new in `view`, and keeps its status. `went_on_air` says how long one was wanted that is on air now.
    pub(super) fn tell_view(
        &mut self,
        view: &View,
        mut went_on_air: impl FnMut(&DestinationName) -> Option<Duration>,
    ) {
        let last = self.previous_plan.take();
        for what in newcomers_would_wait(last.as_ref(), &view.plan) {
            self.emit(Event::Warned { what });
        }
        if last.is_none_or(|last| last.is_old(&view.plan)) {
            self.emit(Event::Planned(Arc::clone(&view.plan)));
        }
        let before = std::mem::replace(&mut self.status, Arc::clone(&view.status));
        for now in &view.status.destinations {
            let old = before.destination(now.name.as_str()).map(AsRef::as_ref);
            if old.is_none_or(|old| (old.phase, old.reason, &old.slot) != (now.phase, now.reason, &now.slot))
            {
                let took = (now.phase == Phase::Streaming)
                    .then(|| went_on_air(&now.name))
                    .flatten();
                self.emit(phase_changed(old, now, took));
            }
        }
        for event in self.losses.note(&view.plan) {
            self.emit(event);
        }
    }

    /// Takes note of a stop of ours that was accepted, and of whom it takes off air.
    pub(super) fn stopped(&mut self, interrupts: &[DestinationName]) {
        self.losses.stopped(interrupts);
    }

    /// Nothing is left to do by `plan`.
    pub(super) fn tell_converged(&mut self, plan: &Plan, took: Duration) {
        let totals = Box::new(Totals::of(plan, &self.status));
        let interruptions = self.losses.take_count();
        self.emit(Event::Converged {
            totals,
            interruptions,
            took,
        });
    }
}

/// Some of `violations`, in a line.
pub(super) fn list(violations: &[Violation]) -> String {
    let texts: Vec<String> = violations
        .iter()
        .take(SHOWN_MAX)
        .map(ToString::to_string)
        .collect();
    texts.join("; ")
}

/// Whether nothing is wrong with what was read.
fn is_sound(loaded: &Loaded) -> bool {
    let is_error = |problem: &Problem| problem.severity == Severity::Error;
    loaded.unsure.is_none() && !loaded.problems.iter().any(is_error)
}

/// `took` is how long it was wanted until it was on air.
fn phase_changed(old: Option<&DestinationStatus>, now: &DestinationStatus, took: Option<Duration>) -> Event {
    Event::PhaseChanged {
        destination: now.name.clone(),
        from: old.map(|old| old.phase),
        to: now.phase,
        message: now.message.to_string(),
        ways_out: now.ways_out.clone(),
        // One that was on air already when this controller first looked was not waited for.
        wanted_for: took.filter(|_| old.is_some()),
    }
}
