//! Beginning steps, and what happens when they end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use tokio::task::{self, JoinError};
use tokio::time::Instant;

use super::memory::Blame;
use super::refusals::{Suspects, suspects, with_parking};
use super::{Controller, Event, StepOutcome};
use crate::execute::{ChannelOutcome, FeedOutcome, Grounds, NoPermit, OutputOutcome, StepError, StepPermit};
use crate::medialive::{CallErrorKind, Summary};
use crate::model::{ChannelId, DestinationName, Endpoint, Stream};
use crate::plan::{Action, ChannelPlan, Content, Plan, Step};
use crate::store::Source;

/// Stale results in a row on one channel after which it is looked at less often: it is being changed by hand.
const STALE_MAX: u32 = 3;

/// Channels with a step under way, and what each is going to point at.
#[derive(Debug, Default)]
pub(super) struct Busy {
    channels: BTreeMap<ChannelId, UnderWay>,
    /// The targets of channels whose step has ended since the last plan: that plan was made from a look before the step.
    ended: BTreeMap<ChannelId, BTreeSet<Endpoint>>,
    /// Channels of the last plan, by index, whose step has to wait for one under way to end: no more begin at once than
    /// the settings allow.
    queue: VecDeque<usize>,
    /// When the declaration was read that it was made from.
    read: Option<Instant>,
    stale: BTreeMap<ChannelId, u32>,
}

/// A step under way.
#[derive(Debug)]
struct UnderWay {
    /// What its channel is going to point at.
    carries: BTreeSet<Endpoint>,
    /// Who may be the cause if it is refused.
    suspects: Suspects,
    task: task::Id,
    step: Step,
    step_permit: StepPermit,
}

impl Busy {
    /// Whether a step of `channel`, which is going to point at `carries`, may begin next to those that are under way, or
    /// were when the plan was made.
    ///
    /// A plan made while steps are under way may give a destination to another channel than the plan before. Two
    /// channels that are both about to carry it would publish one key twice, so the later one waits for a plan that knows what
    /// became of the first.
    fn admits(&self, channel: &ChannelId, carries: &BTreeSet<Endpoint>) -> bool {
        let under_way = self.channels.iter().map(|(id, step)| (id, &step.carries));
        let mut others = under_way.chain(&self.ended);
        others.all(|(id, theirs)| id != channel && theirs.is_disjoint(carries))
    }

    /// Whether a channel with a step under way is about to carry a stream.
    pub(super) fn is_about_to_carry(&self, stream: &Stream) -> bool {
        let mut all = self.channels.values().flat_map(|step| &step.carries);
        all.any(|endpoint| endpoint.stream() == *stream)
    }

    /// Takes note of a plan to be carried out that was made from what was declared at `read`. Starts and stops go first, as
    /// they do on the wire: they are urgent, and the looks for them grow old.
    fn follow(&mut self, plan: &Plan, read: Instant) {
        let first = |at: &usize| plan.channels[*at].steps.first().map(|step| &step.action);
        let has_step = |at: &usize| first(at).is_some_and(|action| *action != Action::Wait);
        let is_change = |at: &usize| !matches!(first(at), Some(Action::Start | Action::Stop));
        let mut queue: Vec<usize> = (0..plan.channels.len()).filter(has_step).collect();
        queue.sort_by_key(is_change);
        self.queue = queue.into();
        self.read = Some(read);
        self.ended.clear();
    }

    /// The step with this task, which has ended, and its channel.
    fn end(&mut self, task: task::Id) -> Option<(ChannelId, Step, Suspects)> {
        let mut all = self.channels.iter();
        let id = all.find(|(_, under_way)| under_way.task == task)?.0.clone();
        let ended = self.channels.remove(&id)?;
        self.ended.insert(id.clone(), ended.carries);
        Some((id, ended.step, ended.suspects))
    }

    /// Begins no more steps of the last plan.
    pub(super) fn forget_queued(&mut self) {
        self.queue.clear();
    }

    /// Channels with a step under way.
    pub(super) fn channels(&self) -> BTreeSet<ChannelId> {
        self.channels.keys().cloned().collect()
    }

    /// Whether steps wait for one under way to end.
    pub(super) fn has_queued(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Whether nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.channels.is_empty()
    }

    /// A change may concern any step under way: those whose call is not made yet are planned again.
    pub(super) fn withdraw_all(&mut self) {
        self.forget_queued();
        for under_way in self.channels.values() {
            under_way.step_permit.withdraw();
        }
    }

    /// Withdraws the steps under way that are no longer in `plan`.
    fn withdraw_unplanned(&self, plan: &Plan) {
        for (id, under_way) in &self.channels {
            let planned = plan.channels.iter().find(|channel| channel.id == *id);
            let next = planned.and_then(|channel| channel.steps.first());
            let same = next.is_some_and(|next| {
                next.action == under_way.step.action && next.interrupts == under_way.step.interrupts
            });
            if !same {
                under_way.step_permit.withdraw();
            }
        }
    }

    /// Destinations that a stop under way takes off air.
    pub(super) fn leaving(&self) -> impl Iterator<Item = &DestinationName> {
        self.channels
            .values()
            .flat_map(|under_way| &under_way.step.interrupts)
    }
}

/// The targets that the occupied slots of a channel will have.
fn will_carry(channel: &ChannelPlan) -> BTreeSet<Endpoint> {
    let writes = channel.steps.iter().find_map(|step| match &step.action {
        Action::Update { writes, .. } => Some(writes),
        _ => None,
    });
    let written = |group: &str| {
        let mut writes = writes.into_iter().flatten();
        writes
            .find(|write| write.output_group == group)
            .map(|write| &write.target)
    };
    let held = channel
        .slots
        .iter()
        .filter(|slot| matches!(slot.then, Content::Destination(_)));
    held.filter_map(|slot| written(slot.output_group.as_str()).or(slot.target.as_ref()))
        .flat_map(|target| target.0.iter().cloned())
        .collect()
}

/// The targets that a step writes, for a call whose effect is unknown.
fn endpoints_of(step: &Step) -> Vec<Endpoint> {
    let Action::Update { writes, .. } = &step.action else {
        return Vec::new();
    };
    let targets = writes.iter().flat_map(|write| write.target.0.iter());
    targets.cloned().collect()
}

/// A step that ended.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) result: StepResult,
    pub(super) took: Duration,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum StepResult {
    Channel(Result<ChannelOutcome, StepError>),
    Output(Result<OutputOutcome, StepError>),
    Feed(Result<FeedOutcome, StepError>),
}

/// When to look again after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LookAgain {
    /// At once: the next step can be planned, or why there is none is to be told.
    Now,
    /// When the transition may have ended ([`super::pace`]).
    AfterTransition,
    /// After this long.
    In(Duration),
    /// At once, at the router outputs: no channel has changed.
    AtOutputs,
}

/// How long after a step that the lease did not allow to look again: a renewal takes about that long, and when the lease
/// is lost for good nothing is begun anyway.
pub(super) const LEASE_RETRY: Duration = Duration::from_secs(1);

impl<S: Source> Controller<S> {
    /// Begins the first step of every channel that has one and is free to take it. `plan` was made from what was declared
    /// at `read`.
    pub(super) fn begin_steps(&mut self, plan: &Plan, read: Instant) {
        let now = Instant::now();
        self.busy.withdraw_unplanned(plan);
        for channel in plan.channels.iter().filter(|channel| channel.steps.is_empty()) {
            let state = channel.seen.as_ref().map(|seen| seen.state);
            self.memory.note_rest(&channel.id, state, now);
        }
        self.busy.follow(plan, read);
        self.begin_queued(plan);
        self.begin_output_steps(plan, read);
        self.begin_feed_steps(plan, read);
    }

    /// Begins steps of `plan`, the last one made, while there is room for more.
    ///
    /// Nothing is planned in between: a step looks at its channel again before it acts, those about what other steps have
    /// changed since are left to the next plan, and where the source changed, or a plan follows, those not begun are forgotten.
    pub(super) fn begin_queued(&mut self, plan: &Plan) {
        let now = Instant::now();
        if !self.executor.may_write() {
            self.busy.forget_queued();
        }
        while self.busy.channels.len() < self.settings.concurrency
            && let Some(at) = self.busy.queue.pop_front()
        {
            let Some((channel, step)) = plan
                .channels
                .get(at)
                .and_then(|one| Some((one, one.steps.first()?)))
            else {
                continue;
            };
            if self.memory.holds_back(&channel.id, now) {
                continue;
            }
            let carries = will_carry(channel);
            let is_pushed = self.outputs.push_any_of(carries.iter());
            if !is_pushed && self.busy.admits(&channel.id, &carries) {
                self.begin(plan, channel, step, carries);
            }
        }
    }

    fn begin(&mut self, plan: &Plan, channel: &ChannelPlan, step: &Step, carries: BTreeSet<Endpoint>) {
        self.memory.step_begins(plan, channel, step);
        self.publisher.emit(Event::StepBegun {
            channel: channel.id.clone(),
            channel_name: channel
                .seen
                .as_ref()
                .map(|seen| seen.name.to_string())
                .unwrap_or_default(),
            step: step.clone(),
        });
        let step_permit = self
            .busy
            .read
            .map_or_else(StepPermit::given_now, StepPermit::given_at);
        let (executor, id) = (self.executor.clone(), channel.id.clone());
        let grounds = Grounds {
            stand_ins: plan.stand_ins(channel, step).cloned().collect(),
            assumed: self.observer.assumed(&id).map(Box::new),
            ends: self
                .observer
                .seen(&id)
                .filter(|_| step.action == Action::Stop)
                .map(Box::new),
            settled: self.observer.settled(&id),
        };
        let declared = self.loaded.as_ref().map(|loaded| &*loaded.desired);
        let suspects = suspects(channel, step, declared);
        // Before a channel stops: the process that takes over from this one knows who comes back.
        let note = match step.action {
            Action::Stop => self.leadership.leave(self.memory.unfinished()),
            _ => None,
        };
        let (channel, taken, given) = (channel.clone(), step.clone(), step_permit.clone());
        let task = self.tasks.spawn(async move {
            let begun = Instant::now();
            if let Some(note) = note {
                note.write().await;
            }
            let result = executor.take(&channel, &taken, &grounds, &given).await;
            Finished {
                result: StepResult::Channel(result),
                took: begun.elapsed(),
            }
        });
        let under_way = UnderWay {
            carries,
            suspects,
            task: task.id(),
            step: step.clone(),
            step_permit,
        };
        self.busy.channels.insert(id, under_way);
    }

    /// Takes note of a step whose task ended, with its result or with a panic.
    pub(super) fn end_step(&mut self, ended: Result<(task::Id, Finished), JoinError>) -> LookAgain {
        let task = ended.as_ref().map_or_else(JoinError::id, |(task, _)| *task);
        let ended = ended.ok().map(|(_, Finished { result, took })| (result, took));
        let Some((channel, step, suspects)) = self.busy.end(task) else {
            let (mut of_output, mut of_feed) = (None, None);
            match ended {
                Some((StepResult::Output(result), took)) => of_output = Some((result, took)),
                Some((StepResult::Feed(result), took)) => of_feed = Some((result, took)),
                Some((StepResult::Channel(_), _)) | None => {}
            }
            let again = self.end_output_step(task, of_output);
            let again = again.or_else(|| self.end_feed_step(task, of_feed));
            return again.unwrap_or(LookAgain::AfterTransition);
        };
        let (took, (outcome, again)) = if let Some((StepResult::Channel(result), took)) = ended {
            (took, self.note_result(&channel, &step, &suspects, result))
        } else {
            // A panic is a defect; its channel is looked at afresh like any other that failed.
            let what = "a fault of slotwise; please report it".to_owned();
            (
                Duration::ZERO,
                self.note_failure(&channel, &step, what, Blame::Channel),
            )
        };
        self.publisher.emit(Event::StepEnded {
            channel,
            action: step.action.name(),
            outcome,
            took,
        });
        again
    }

    /// [`Self::end_step`], and begins what waited for room.
    pub(super) fn end_step_and_go_on(&mut self, ended: Result<(task::Id, Finished), JoinError>) -> LookAgain {
        let again = self.end_step(ended);
        if let Some(plan) = self.plan.clone() {
            self.begin_queued(&plan);
            self.forget_old_outputs();
            self.begin_queued_outputs(&plan);
        }
        again
    }

    fn note_result(
        &mut self,
        channel: &ChannelId,
        step: &Step,
        suspects: &Suspects,
        result: Result<ChannelOutcome, StepError>,
    ) -> (StepOutcome, LookAgain) {
        match result {
            Ok(outcome) => {
                if !matches!(outcome, ChannelOutcome::Stale { .. }) {
                    self.memory.refusals.forget(suspects);
                }
                self.note_outcome(channel, step, outcome)
            }
            Err(StepError::Refused(mut error)) => {
                error.message = with_parking(channel, step, &error.message);
                let blame = self.note_refusal(suspects, &error.message);
                self.note_failure(channel, step, error.to_string(), blame)
            }
            Err(StepError::Gate(NoPermit::LeaseLost)) => {
                let why = NoPermit::LeaseLost.to_string();
                (StepOutcome::Stale { why }, LookAgain::In(LEASE_RETRY))
            }
            Err(StepError::Act(error)) if error.kind == CallErrorKind::NotSent => {
                let why = error.message;
                (StepOutcome::Stale { why }, LookAgain::In(LEASE_RETRY))
            }
            Err(StepError::Gate(NoPermit::OutOfDate)) => {
                let why = NoPermit::OutOfDate.to_string();
                (StepOutcome::Stale { why }, LookAgain::Now)
            }
            Err(error) => {
                let blame = if error.is_of_the_channel() {
                    Blame::Channel
                } else {
                    Blame::Others
                };
                self.note_failure(channel, step, error.to_string(), blame)
            }
        }
    }

    fn note_outcome(
        &mut self,
        id: &ChannelId,
        step: &Step,
        outcome: ChannelOutcome,
    ) -> (StepOutcome, LookAgain) {
        match outcome {
            ChannelOutcome::Accepted {
                channel: after,
                recording,
                takeovers,
                keeps_leftovers,
            } => {
                self.busy.stale.remove(id);
                self.memory.step_accepted(id, &step.action);
                self.publisher.stopped(&step.interrupts);
                for what in self
                    .memory
                    .denials
                    .note(&step.action, recording, takeovers, keeps_leftovers)
                {
                    self.publisher.emit(Event::Warned { what });
                }
                let again = self.pace_of(&after.summary);
                self.observer.remember(&after);
                (StepOutcome::Accepted, again)
            }
            ChannelOutcome::AlreadyDone(after) => {
                self.busy.stale.remove(id);
                self.memory.step_accepted(id, &step.action);
                let again = self.pace_of(&after.summary);
                self.observer.remember(&after);
                (StepOutcome::AlreadyDone, again)
            }
            ChannelOutcome::Stale { why, channel } => {
                self.observer.remember(&channel);
                let times = self.busy.stale.entry(id.clone()).or_default();
                *times += 1;
                if *times < STALE_MAX {
                    return (StepOutcome::Stale { why }, LookAgain::Now);
                }
                self.memory
                    .fail(id, why.clone(), Blame::Channel, &mut self.random);
                (StepOutcome::Stale { why }, LookAgain::Now)
            }
        }
    }

    /// MediaLive refused an update as such: that is put down to whom it would have pointed a slot at anew, and a grant for one of
    /// them is used up.
    fn note_refusal(&mut self, suspects: &Suspects, what: &str) -> Blame {
        if suspects.is_empty() {
            return Blame::Channel;
        }
        let causes = self.memory.refusals.note(suspects, what, false, Instant::now());
        self.refuse_grants(suspects, what);
        // Of several each is tried by itself, at once.
        if causes == 1 { Blame::Target } else { Blame::Others }
    }

    /// When to look again at a channel after a call of ours.
    pub(super) fn pace_of(&mut self, after: &Summary) -> LookAgain {
        self.pace.begin(&after.id, after.state);
        if after.state.is_transition() {
            LookAgain::AfterTransition
        } else {
            LookAgain::Now
        }
    }

    fn note_failure(
        &mut self,
        id: &ChannelId,
        step: &Step,
        what: String,
        blame: Blame,
    ) -> (StepOutcome, LookAgain) {
        // The call may have had its effect, or the channel is not as it was: either way the list is not asked alone.
        self.observer.distrust(id, endpoints_of(step));
        let retry_in = self.memory.fail(id, what.clone(), blame, &mut self.random);
        // The next plan says why it waits, and until when.
        (StepOutcome::Failed { what, retry_in }, LookAgain::Now)
    }
}
