//! Router outputs: looks at them, steps under way, and what is remembered of each.
//!
//! Outputs are independent of each other, so a step of one delays no other. They are looked at with the channels, and by
//! themselves where only they have changed.

mod look;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rand::Rng;
use tokio::task;
use tokio::time::Instant;

use self::look::Searches;
use super::refusals::{Suspect, Suspects};
use super::steps::{Finished, LookAgain, StepResult};
use super::{Controller, Event, StepOutcome};
use crate::execute::{
    FeedExecutor, NoPermit, OutputExecutor, OutputOutcome, OutputTask, StepError, StepPermit,
};
use crate::model::{
    Desired, DestinationName, Endpoint, Identity, ObservedRouters, OutputState, PoolName, RouterArn,
    RouterQuota, Stream, Trouble,
};
use crate::observe::RouterObserver;
use crate::plan::router::OutputWaiting;
use crate::plan::{OutputAction, OutputPlan, OutputStep, Plan, RouterPoolPlan};
use crate::retry::Backoff;
use crate::service::CallErrorKind;
use crate::store::Source;

/// An output that was on air for this long after it failed may fail afresh.
const FORGIVEN_AFTER: Duration = Duration::from_mins(5);

/// After so many looks in a row that failed the next ones come with those at the channels.
const BLIND_FOR_LONG: u32 = 5;

/// How long a quota is believed that MediaConnect said was reached: it may be raised.
const FULL_FOR: Duration = Duration::from_mins(30);

/// What router outputs are looked at and changed with.
#[derive(Debug)]
pub struct Routers {
    /// Looks.
    pub observer: RouterObserver,
    /// Takes steps.
    pub executor: OutputExecutor,
    /// Takes steps on what feeds them.
    pub feeds: FeedExecutor,
}

/// Which output: one that exists, or the one that is made for a destination.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum OutputKey {
    Output(RouterArn),
    New(DestinationName),
}

impl OutputKey {
    fn of(output: &OutputPlan) -> Option<Self> {
        match &output.arn {
            Some(arn) => Some(Self::Output(arn.clone())),
            None => output.carries.destination().cloned().map(Self::New),
        }
    }
}

/// What is under way with router outputs, and what is remembered of them.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    /// The last look.
    seen: ObservedRouters,
    under_way: BTreeMap<OutputKey, UnderWay>,
    /// Steps of the last plan that wait for room: pool and output.
    queue: VecDeque<(usize, usize)>,
    read: Option<Instant>,
    trouble: BTreeMap<OutputKey, Streak>,
    /// What was declared of those that failed.
    failed: BTreeMap<OutputKey, Suspects>,
    returning: BTreeSet<Identity>,
    /// How many outputs that were made for a destination were not found afterwards.
    creations: BTreeMap<Identity, u32>,
    made: BTreeMap<RouterArn, Identity>,
    /// How many outputs there were when MediaConnect said that there is no room for more, and when.
    full: Option<(usize, Instant)>,
    states: BTreeMap<RouterArn, (OutputState, Instant)>,
    /// Why they could not be looked at, as far as it was reported, and how often in a row.
    blind: Option<(String, u32)>,
    /// Whether a look of this process showed all of them.
    were_seen: bool,
    searches: Searches,
}

#[derive(Debug)]
struct UnderWay {
    task: task::Id,
    step_permit: StepPermit,
    pool: String,
    carries: String,
    step: OutputStep,
    /// Its destination as it was declared when the step began.
    suspects: Suspects,
    identity: Option<Identity>,
    /// What it starts to push.
    pushes: Option<Stream>,
}

/// Failures in a row.
#[derive(Debug)]
pub(super) struct Streak {
    backoff: Backoff,
    retry_at: Instant,
    what: String,
}

impl Streak {
    /// None yet.
    pub(super) fn begun() -> Self {
        Self {
            backoff: Backoff::default(),
            retry_at: Instant::now(),
            what: String::new(),
        }
    }

    /// Another one, and when to try again.
    pub(super) fn fail(&mut self, what: String, random: &mut impl Rng) -> Duration {
        let delay = self.backoff.fail(random);
        self.retry_at = Instant::now() + delay;
        self.what = what;
        delay
    }

    pub(super) fn failures(&self) -> u32 {
        self.backoff.failures()
    }

    pub(super) fn retry_at(&self) -> Instant {
        self.retry_at
    }

    pub(super) fn trouble(&self, now: Instant, clock: Timestamp) -> Trouble {
        let left = self.retry_at.saturating_duration_since(now);
        Trouble {
            failures: self.backoff.failures(),
            attempts: self.backoff.failures(),
            retry_at: clock.saturating_add(left).unwrap_or(clock),
            what: self.what.clone(),
        }
    }
}

impl Outputs {
    /// Whether any step is under way or waits for room, or an output is on its way.
    pub(super) fn is_on_their_way(&self, plan: Option<&Plan>) -> bool {
        let mut planned = plan.into_iter().flat_map(Plan::outputs);
        let is_blind = self
            .blind
            .as_ref()
            .is_some_and(|(_, times)| *times < BLIND_FOR_LONG);
        is_blind || !self.under_way.is_empty() || !self.queue.is_empty() || planned.any(is_on_its_way)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Whether a step is under way on an output of one of these pools.
    pub(super) fn are_under_way_in(&self, pools: &[PoolName]) -> bool {
        let mut all = self.under_way.values();
        all.any(|one| pools.iter().any(|pool| *pool.as_str() == *one.pool))
    }

    pub(super) fn has_queued(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Whether a step under way is about to push a stream of these.
    pub(super) fn push_any_of<'e>(&self, endpoints: impl Iterator<Item = &'e Endpoint>) -> bool {
        let streams: BTreeSet<Stream> = endpoints.map(Endpoint::stream).collect();
        let mut pushed = self.under_way.values().filter_map(|one| one.pushes.as_ref());
        pushed.any(|stream| streams.contains(stream))
    }

    /// A change may concern any step under way.
    pub(super) fn withdraw_all(&mut self) {
        self.queue.clear();
        for one in self.under_way.values() {
            one.step_permit.withdraw();
        }
    }

    /// Begins no more steps of the last plan.
    pub(super) fn forget_queued(&mut self) {
        self.queue.clear();
    }

    /// The first moment after `now` at which one that failed may be tried again.
    pub(super) fn next_retry(&self, now: Instant) -> Option<Instant> {
        let retries = self.trouble.values().map(|streak| streak.retry_at);
        retries.filter(|at| *at > now).min()
    }

    /// Failures in a row.
    pub(super) fn failures(&self, output: &OutputPlan) -> u32 {
        let streak = OutputKey::of(output).and_then(|key| self.trouble.get(&key));
        streak.map_or(0, |streak| streak.backoff.failures())
    }

    /// What was declared otherwise when it failed may work now, and is tried at once.
    pub(super) fn forgive_changed(&mut self, desired: &Desired) {
        let Self { trouble, failed, .. } = self;
        failed.retain(|key, suspects| {
            let is_same = suspects.values().all(|one| one.is_declared_in(desired));
            if !is_same {
                trouble.remove(key);
            }
            is_same && trouble.contains_key(key)
        });
    }

    fn fail(&mut self, key: OutputKey, what: String, random: &mut impl Rng) -> Duration {
        let streak = self.trouble.entry(key).or_insert_with(Streak::begun);
        streak.fail(what, random)
    }

    /// The last look with what is remembered of each output.
    pub(super) fn observed(&self, clock: Timestamp) -> ObservedRouters {
        let now = Instant::now();
        let mut observed = self.seen.clone();
        for (key, streak) in &self.trouble {
            if let OutputKey::Output(arn) = key
                && let Some(output) = observed.outputs.get_mut(arn)
                && now < streak.retry_at
            {
                output.trouble = Some(streak.trouble(now, clock));
            }
        }
        // How high the account's quota is no call of this controller says, so it is learned where it ends.
        let full = self.full.filter(|(_, at)| now < *at + FULL_FOR);
        observed.quota = RouterQuota {
            per_region: full.map_or(usize::MAX, |(count, _)| count),
            ..RouterQuota::default()
        };
        observed.returning.clone_from(&self.returning);
        let failing = self.trouble.iter().filter(|(_, streak)| now < streak.retry_at);
        observed.not_made = failing
            .filter_map(|(key, streak)| match key {
                OutputKey::New(name) => Some((name.clone(), streak.trouble(now, clock))),
                OutputKey::Output(_) => None,
            })
            .collect();
        observed
    }

    /// Takes note of a look: what changed since the last one.
    fn note_look(
        &mut self,
        seen: ObservedRouters,
        not_found: BTreeSet<RouterArn>,
    ) -> Vec<(RouterArn, OutputState, OutputState, Duration)> {
        let now = Instant::now();
        for arn in not_found {
            if let Some(identity) = self.made.remove(&arn) {
                *self.creations.entry(identity).or_default() += 1;
            }
        }
        let mut changed = Vec::new();
        for (arn, output) in &seen.outputs {
            let before = self.states.get(arn).copied();
            if before.is_none_or(|(state, _)| state != output.state) {
                self.states.insert(arn.clone(), (output.state, now));
                if let Some((from, since)) = before
                    && output.state != OutputState::Unknown
                    && from != OutputState::Unknown
                {
                    changed.push((arn.clone(), from, output.state, now - since));
                }
            }
            if output.state == OutputState::Active {
                let key = OutputKey::Output(arn.clone());
                let is_over = |streak: &Streak| now >= streak.retry_at + FORGIVEN_AFTER;
                if self.trouble.get(&key).is_some_and(is_over) {
                    self.trouble.remove(&key);
                }
                self.made.remove(arn);
            }
        }
        self.states.retain(|arn, _| seen.outputs.contains_key(arn));
        self.trouble.retain(|key, _| match key {
            OutputKey::Output(arn) => seen.outputs.contains_key(arn),
            OutputKey::New(_) => true,
        });
        self.seen = seen;
        changed
    }

    /// Takes note of what is on air, and of what is declared.
    fn note_plan(&mut self, plan: &Plan, desired: &Desired) {
        let wanted: BTreeSet<&Identity> = desired.destinations.values().map(|one| &one.identity).collect();
        self.returning.retain(|identity| wanted.contains(identity));
        self.trouble.retain(|key, _| match key {
            OutputKey::New(name) => desired.destinations.contains_key(name),
            OutputKey::Output(_) => true,
        });
        self.creations.retain(|identity, _| wanted.contains(identity));
        for one in &plan.destinations {
            if (one.on_air && !one.is_previous || !one.wanted)
                && let Some(declared) = desired.destinations.get(&one.name)
            {
                self.returning.remove(&declared.identity);
            }
        }
    }

    fn end(&mut self, task: task::Id) -> Option<(OutputKey, UnderWay)> {
        let key = self.under_way.iter().find(|(_, one)| one.task == task)?.0.clone();
        let ended = self.under_way.remove(&key)?;
        Some((key, ended))
    }
}

/// How long after its declaration was read a step of a plan is begun: its permit is good for half as much again.
const BEGUN_WITHIN: Duration = Duration::from_secs(10);

/// Whether MediaConnect works on an output that is somebody's. One that cannot be read is on no way that a look would show.
fn is_on_its_way(output: &OutputPlan) -> bool {
    let is_known = output.state != Some(OutputState::Unknown);
    let is_worked_on = matches!(
        output.waiting,
        Some(OutputWaiting::OutputInTransition { .. } | OutputWaiting::RoomIsMade)
    );
    is_known && is_worked_on
}

impl<S: Source> Controller<S> {
    /// Begins the first step of every router output that has one and is free to take it.
    pub(super) fn begin_output_steps(&mut self, plan: &Plan, read: Instant) {
        if self.routers.is_none() {
            return;
        }
        if let Some(desired) = self.loaded.as_ref().map(|loaded| &*loaded.desired) {
            self.outputs.note_plan(plan, desired);
        }
        self.withdraw_unplanned_outputs(plan);
        let mut queue: Vec<(usize, usize)> = Vec::new();
        for (pool, planned) in plan.routers.iter().enumerate() {
            let with_step = planned.outputs.iter().enumerate();
            let with_step = with_step.filter(|(_, output)| !output.steps.is_empty());
            queue.extend(with_step.map(|(at, _)| (pool, at)));
        }
        // What goes on air and off air goes first, as it does on the wire.
        queue.sort_by_key(|(pool, at)| {
            let first = plan.routers[*pool].outputs[*at].steps.first();
            !first.is_some_and(|step| matches!(step.action, OutputAction::Start | OutputAction::Stop))
        });
        self.outputs.queue = queue.into();
        self.outputs.read = Some(read);
        self.begin_queued_outputs(plan);
    }

    /// Begins no more of a plan that has grown old, after a step of it ended: a look follows. A look and a call wait for their turns at
    /// the limit of calls, and are in vain where the step permit ends before.
    pub(super) fn forget_old_outputs(&mut self) {
        if self
            .outputs
            .read
            .is_some_and(|read| read.elapsed() > BEGUN_WITHIN)
        {
            self.outputs.forget_queued();
        }
    }

    /// Begins steps of `plan`, the last one made, while there is room for more.
    pub(super) fn begin_queued_outputs(&mut self, plan: &Plan) {
        let may_write = self
            .routers
            .as_ref()
            .is_some_and(|routers| routers.executor.may_write());
        if !may_write {
            self.outputs.forget_queued();
        }
        while self.outputs.under_way.len() < self.settings.concurrency
            && let Some((pool, at)) = self.outputs.queue.pop_front()
        {
            let Some(planned) = plan.routers.get(pool) else {
                continue;
            };
            let Some(output) = planned.outputs.get(at) else {
                continue;
            };
            self.begin_output_step(planned, output);
        }
    }

    fn begin_output_step(&mut self, pool: &RouterPoolPlan, output: &OutputPlan) {
        let (Some(key), Some(step), Some(loaded)) =
            (OutputKey::of(output), output.steps.first(), &self.loaded)
        else {
            return;
        };
        let declared = pool.name.as_ref().map(|name| loaded.desired.routers.get(name));
        if declared.is_some_and(|declared| declared.is_none()) {
            return;
        }
        let is_held_back = self
            .outputs
            .trouble
            .get(&key)
            .is_some_and(|streak| Instant::now() < streak.retry_at);
        if is_held_back || self.outputs.under_way.contains_key(&key) {
            return;
        }
        // What feeds it is about to stop.
        if step.action != OutputAction::Stop
            && pool
                .name
                .as_ref()
                .is_some_and(|name| self.feeds.stops_under(name))
        {
            return;
        }
        let name = output.carries.destination().cloned();
        let destination = name
            .as_ref()
            .and_then(|name| loaded.desired.destinations.get(name))
            .cloned();
        let seen = output
            .arn
            .as_ref()
            .and_then(|arn| Some((arn.clone(), self.outputs.seen.outputs.get(arn)?.clone())));
        let pushes = pushed_by(
            &step.action,
            seen.as_ref().and_then(|(_, seen)| seen.target.as_ref()),
        );
        if pushes
            .as_ref()
            .is_some_and(|stream| self.busy.is_about_to_carry(stream))
        {
            return;
        }
        let identity = destination.as_ref().map(|one| one.identity.clone());
        let creation = identity
            .as_ref()
            .and_then(|identity| self.outputs.creations.get(identity));
        let task = OutputTask {
            pool: declared.flatten().cloned(),
            output: seen,
            destination: destination.clone(),
            step: step.clone(),
            creation: creation.copied().unwrap_or_default(),
            now: self.clock.now(),
        };
        let comes_back = output
            .steps
            .last()
            .is_some_and(|last| last.action == OutputAction::Start);
        if step.action == OutputAction::Stop && comes_back {
            self.outputs.returning.extend(identity);
        }
        if let Some(interrupted) = output.interrupts().filter(|_| step.action == OutputAction::Stop) {
            self.publisher.stopped(std::slice::from_ref(interrupted));
        }
        self.spawn_output_step(key, task, (pool_name(pool), output.carries.to_string()), pushes);
    }

    fn spawn_output_step(
        &mut self,
        key: OutputKey,
        task: OutputTask,
        (pool, carries): (String, String),
        pushes: Option<Stream>,
    ) {
        let Some(executor) = self.routers.as_ref().map(|routers| routers.executor.clone()) else {
            return;
        };
        let step_permit = self
            .outputs
            .read
            .map_or_else(StepPermit::given_now, StepPermit::given_at);
        let destination = task.destination.clone();
        let desired = self.loaded.as_ref().map(|loaded| &*loaded.desired);
        let suspects: Suspects = destination
            .iter()
            .zip(desired)
            .map(|(one, desired)| (one.name.clone(), Suspect::new(Arc::clone(one), desired)))
            .collect();
        let step = task.step.clone();
        self.publisher.emit(Event::OutputStepBegun {
            pool: pool.clone(),
            carries: carries.clone(),
            action: step.action.name(),
            reason: step.reason.clone(),
        });
        let given = step_permit.clone();
        let handle = self.tasks.spawn(async move {
            let begun = Instant::now();
            let result = executor.take(&task, &given).await;
            Finished {
                result: StepResult::Output(result),
                took: begun.elapsed(),
            }
        });
        let under_way = UnderWay {
            task: handle.id(),
            step_permit,
            pool,
            carries,
            step,
            identity: destination.as_ref().map(|one| one.identity.clone()),
            suspects,
            pushes,
        };
        self.outputs.under_way.insert(key, under_way);
    }

    /// Withdraws the steps under way that are no longer in `plan`.
    fn withdraw_unplanned_outputs(&self, plan: &Plan) {
        let planned: BTreeMap<OutputKey, &'static str> = plan
            .outputs()
            .filter_map(|output| Some((OutputKey::of(output)?, output.steps.first()?.action.name())))
            .collect();
        for (key, one) in &self.outputs.under_way {
            if planned.get(key) != Some(&one.step.action.name()) {
                one.step_permit.withdraw();
            }
        }
    }

    /// Takes note of a step on an output whose task ended; `None` where it is that of a channel.
    pub(super) fn end_output_step(
        &mut self,
        task: task::Id,
        ended: Option<(Result<OutputOutcome, StepError>, Duration)>,
    ) -> Option<LookAgain> {
        let (key, one) = self.outputs.end(task)?;
        let (outcome, took, again) = if let Some((result, took)) = ended {
            let (outcome, again) = self.note_output_result(&key, &one, result);
            (outcome, took, again)
        } else {
            let what = "a fault of slotwise; please report it".to_owned();
            let retry_in = self.outputs.fail(key.clone(), what.clone(), &mut self.random);
            let outcome = StepOutcome::Failed { what, retry_in };
            (outcome, Duration::ZERO, LookAgain::AtOutputs)
        };
        if let (OutputKey::Output(arn), Some(routers)) = (&key, &mut self.routers) {
            routers.observer.distrust(arn);
        }
        self.publisher.emit(Event::OutputStepEnded {
            pool: one.pool,
            carries: one.carries,
            action: one.step.action.name(),
            reason: one.step.reason,
            outcome,
            took,
        });
        Some(again)
    }

    fn note_output_result(
        &mut self,
        key: &OutputKey,
        one: &UnderWay,
        result: Result<OutputOutcome, StepError>,
    ) -> (StepOutcome, LookAgain) {
        match result {
            Ok(OutputOutcome::Accepted { arn }) => {
                // That it starts with the previous target says nothing of the one that was refused.
                if one.step.action.target().is_some() {
                    self.memory.refusals.forget(&one.suspects);
                }
                if matches!(one.step.action, OutputAction::Create(_)) {
                    self.outputs.trouble.remove(key);
                    self.outputs
                        .made
                        .extend(one.identity.clone().map(|identity| (arn.clone(), identity)));
                    if let Some(routers) = &mut self.routers {
                        routers.observer.distrust(&arn);
                    }
                }
                // Another failure right after it is the same one.
                if one.step.action == OutputAction::Restart {
                    let what = "it failed, and was restarted".to_owned();
                    self.outputs.fail(key.clone(), what, &mut self.random);
                }
                (StepOutcome::Accepted, LookAgain::AtOutputs)
            }
            Ok(OutputOutcome::Stale { why }) => {
                self.distrust_input_of(&one.pool);
                (StepOutcome::Stale { why }, LookAgain::AtOutputs)
            }
            Err(StepError::Gate(why @ NoPermit::OutOfDate)) => {
                let why = why.to_string();
                (StepOutcome::Stale { why }, LookAgain::AtOutputs)
            }
            // It waited too long for its turn at the limit of calls.
            Err(StepError::Act(error)) if error.kind == CallErrorKind::NotSent => {
                let why = error.message;
                (StepOutcome::Stale { why }, LookAgain::AtOutputs)
            }
            Err(StepError::Gate(why @ NoPermit::LeaseLost)) => {
                let why = why.to_string();
                (
                    StepOutcome::Stale { why },
                    LookAgain::In(super::steps::LEASE_RETRY),
                )
            }
            Err(StepError::Refused(error)) => {
                let denied = error.kind == CallErrorKind::Denied;
                self.memory
                    .refusals
                    .note(&one.suspects, &error.message, denied, Instant::now());
                self.refuse_grants(&one.suspects, &error.message);
                self.failed_output(key, one, error.to_string())
            }
            Err(StepError::Act(error)) if error.kind == CallErrorKind::QuotaExceeded => {
                self.outputs.full = Some((self.outputs.seen.outputs.len(), Instant::now()));
                let retry_in = Duration::ZERO;
                let what = error.to_string();
                (StepOutcome::Failed { what, retry_in }, LookAgain::AtOutputs)
            }
            Err(error) => self.failed_output(key, one, error.to_string()),
        }
    }

    fn failed_output(&mut self, key: &OutputKey, one: &UnderWay, what: String) -> (StepOutcome, LookAgain) {
        self.outputs.failed.insert(key.clone(), one.suspects.clone());
        let retry_in = self.outputs.fail(key.clone(), what.clone(), &mut self.random);
        (StepOutcome::Failed { what, retry_in }, LookAgain::AtOutputs)
    }
}

/// As events call it.
fn pool_name(pool: &RouterPoolPlan) -> String {
    let name = pool.name.as_ref();
    name.map_or_else(|| "(no pool)".to_owned(), ToString::to_string)
}

/// What a step starts to push.
fn pushed_by(action: &OutputAction, there: Option<&Endpoint>) -> Option<Stream> {
    match action {
        OutputAction::Start | OutputAction::Restart | OutputAction::Route => there.map(Endpoint::stream),
        _ => None,
    }
}
