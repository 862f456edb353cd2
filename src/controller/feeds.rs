//! What feeds router outputs: steps under way on channels in front and on inputs, and what is remembered of each.
//!
//! A stop and the start of an output that it feeds are never under way at once: whichever begins first is ended, and looked at,
//! before the other one begins.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use tokio::task;
use tokio::time::Instant;

use super::outputs::Streak;
use super::steps::{Finished, LEASE_RETRY, LookAgain, StepResult};
use super::{Controller, Event, StepOutcome};
use crate::execute::{FeedOutcome, FeedTask, NoPermit, SeenFeed, StepError, StepPermit};
use crate::medialive::ChannelDocument;
use crate::model::{
    ChannelId, ChannelObservation, ChannelState, Desired, Endpoint, InputState, ObservedRouters, PoolName,
    RouterArn, RouterInput, SourceObservation,
};
use crate::observe::AccountView;
use crate::plan::{Feed, FeedAction, FeedPlan, FeedStep, Plan};
use crate::service::CallErrorKind;
use crate::store::Source;

/// What is under way with feeds, and what is remembered of them.
#[derive(Debug, Default)]
pub(super) struct Feeds {
    under_way: BTreeMap<Feed, UnderWay>,
    trouble: BTreeMap<Feed, Streak>,
    /// Those that were started, until they run.
    expected: BTreeSet<Feed>,
    /// The last look, and since when each is so.
    inputs: BTreeMap<RouterArn, (RouterInput, Instant)>,
    sources: BTreeMap<ChannelId, (SourceObservation, Instant)>,
}

#[derive(Debug)]
struct UnderWay {
    task: task::Id,
    step_permit: StepPermit,
    pools: Vec<PoolName>,
    step: FeedStep,
}

/// What a feed does, as far as it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    Runs,
    Stopped,
    Between,
}

impl Feeds {
    pub(super) fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Whether a step under way stops what feeds a pool.
    pub(super) fn stops_under(&self, pool: &PoolName) -> bool {
        let mut all = self.under_way.values();
        all.any(|one| one.step.action == FeedAction::Stop && one.pools.contains(pool))
    }

    /// Channels with a step under way.
    pub(super) fn channels(&self) -> impl Iterator<Item = &ChannelId> {
        self.under_way.keys().filter_map(|feed| match feed {
            Feed::Channel(id) => Some(id),
            Feed::Input(_) => None,
        })
    }

    /// Whether an input is on its way, or has a step under way: channels have a pace of their own.
    pub(super) fn inputs_are_on_their_way(&self, plan: Option<&Plan>) -> bool {
        let is_input = |feed: &Feed| matches!(feed, Feed::Input(_));
        let mut planned = plan.into_iter().flat_map(|plan| &plan.feeds);
        self.under_way.keys().any(is_input) || planned.any(|one| is_input(&one.feed) && one.is_on_its_way())
    }

    /// A change may concern any step under way.
    pub(super) fn withdraw_all(&mut self) {
        for one in self.under_way.values() {
            one.step_permit.withdraw();
        }
    }

    /// The first moment after `now` at which one that failed may be tried again.
    pub(super) fn next_retry(&self, now: Instant) -> Option<Instant> {
        let retries = self.trouble.values().map(Streak::retry_at);
        retries.filter(|at| *at > now).min()
    }

    /// Failures in a row.
    pub(super) fn failures(&self, feed: &Feed) -> u32 {
        self.trouble.get(feed).map_or(0, Streak::failures)
    }

    fn is_held_back(&self, feed: &Feed, now: Instant) -> bool {
        self.trouble
            .get(feed)
            .is_some_and(|streak| now < streak.retry_at())
    }

    fn fail(&mut self, feed: Feed, what: String, random: &mut impl rand::Rng) -> Duration {
        self.expected.remove(&feed);
        let streak = self.trouble.entry(feed).or_insert_with(Streak::begun);
        streak.fail(what, random)
    }

    /// Takes note of a look: what changed since the last one, and which start has failed. Adds what is remembered.
    fn note_look(
        &mut self,
        seen: &mut ObservedRouters,
        clock: Timestamp,
        random: &mut impl rand::Rng,
    ) -> Vec<Event> {
        let now = Instant::now();
        let mut events = Vec::new();
        let mut courses: Vec<(Feed, Course)> = Vec::new();
        self.inputs.retain(|arn, _| seen.inputs.contains_key(arn));
        for (arn, input) in &seen.inputs {
            let since = match self.inputs.get(arn) {
                Some((before, since)) if before.state == input.state => *since,
                Some((before, since)) => {
                    events.push(Event::InputChanged {
                        input: arn.clone(),
                        from: before.state,
                        to: input.state,
                        after: now - *since,
                    });
                    now
                }
                None => now,
            };
            self.inputs.insert(arn.clone(), (input.clone(), since));
            // What is known from before says nothing of a start since.
            if seen.unreadable.is_none() {
                courses.push((Feed::Input(arn.clone()), input_course(input.state)));
            }
        }
        self.sources.retain(|id, _| seen.sources.contains_key(id));
        for (id, source) in &seen.sources {
            let before = self.sources.get(id);
            let state = |one: &SourceObservation| one.seen().map(|channel| channel.state);
            let since = match before {
                Some((old, since)) if state(old) == state(source) => *since,
                _ => now,
            };
            if let (Some((Some(from), since)), Some(to)) =
                (before.map(|(old, since)| (state(old), *since)), state(source))
                && from != to
            {
                events.push(Event::StateChanged {
                    channel: id.clone(),
                    from: Some(from),
                    to,
                    after: from.is_transition().then_some(now - since),
                });
            }
            self.sources.insert(id.clone(), (source.clone(), since));
            let course = state(source).map_or(Course::Between, channel_course);
            courses.push((Feed::Channel(id.clone()), course));
        }
        for (feed, course) in courses {
            self.judge(feed, course, random);
        }
        self.mark_trouble(seen, now, clock);
        events
    }

    /// Whether what was started runs, or failed to.
    fn judge(&mut self, feed: Feed, course: Course, random: &mut impl rand::Rng) {
        match course {
            Course::Runs => {
                self.expected.remove(&feed);
                self.trouble.remove(&feed);
            }
            Course::Stopped if self.expected.contains(&feed) && !self.under_way.contains_key(&feed) => {
                let what = "it is stopped again instead of starting".to_owned();
                self.fail(feed, what, random);
            }
            Course::Stopped | Course::Between => {}
        }
    }

    fn mark_trouble(&self, seen: &mut ObservedRouters, now: Instant, clock: Timestamp) {
        for (feed, streak) in &self.trouble {
            let trouble = Some(streak.trouble(now, clock));
            match feed {
                Feed::Input(arn) => {
                    if let Some(input) = seen.inputs.get_mut(arn) {
                        input.trouble = trouble;
                    }
                }
                Feed::Channel(id) => {
                    if let Some(SourceObservation::Seen(channel)) = seen.sources.get_mut(id) {
                        channel.trouble = trouble;
                    }
                }
            }
        }
    }

    /// A step with all that it is about; `None` where what the plan saw is gone.
    fn task(&self, feed: &Feed, action: FeedAction, desired: &Desired) -> Option<FeedTask> {
        let (seen, inputs) = match feed {
            Feed::Input(arn) => {
                let (input, _) = self.inputs.get(arn)?;
                let seen = SeenFeed::Input(arn.clone(), input.clone());
                (seen, BTreeSet::from([arn.clone()]))
            }
            Feed::Channel(id) => {
                let (source, _) = self.sources.get(id)?;
                let seen = SeenFeed::Channel(id.clone(), source.seen()?.clone());
                let pools = desired.routers.values();
                let declared = pools.filter(|pool| pool.source.as_ref() == Some(id));
                let declared = declared.map(|pool| &pool.input);
                let taking = self
                    .inputs
                    .iter()
                    .filter(|(_, (input, _))| input.channel.as_ref() == Some(id));
                let all = declared.chain(taking.map(|(arn, _)| arn));
                (seen, all.cloned().collect())
            }
        };
        let others = self.inputs.keys().filter(|arn| !inputs.contains(*arn));
        Some(FeedTask {
            feed: seen,
            action,
            others: others.cloned().collect(),
            inputs,
        })
    }

    fn end(&mut self, task: task::Id) -> Option<(Feed, UnderWay)> {
        let feed = self.under_way.iter().find(|(_, one)| one.task == task)?.0.clone();
        let ended = self.under_way.remove(&feed)?;
        Some((feed, ended))
    }
}

/// Takes the channels that RouterPools name as their source out of `view`: they have no slots. What they may push stays known.
fn take_sources(view: &mut AccountView, desired: &Desired) -> BTreeMap<ChannelId, SourceObservation> {
    let is_of_pool = |id: &ChannelId| {
        let mut pools = desired.pools.values();
        pools.any(|pool| pool.channels.iter().any(|channel| channel.id == *id))
    };
    let named = desired.routers.values().filter_map(|pool| pool.source.as_ref());
    let mut sources = BTreeMap::new();
    for id in named.filter(|id| !is_of_pool(id)) {
        let Some(observation) = view.channels.remove(id) else {
            continue;
        };
        if let ChannelObservation::Seen(channel) = &observation
            && channel.state.may_publish()
        {
            let targets = channel
                .groups
                .iter()
                .filter_map(|group| group.target.as_ref().ok());
            let pushed = targets
                .flat_map(|target| target.0.iter())
                .chain(channel.stray_endpoints.iter());
            let pushed: BTreeSet<Endpoint> = pushed.cloned().collect();
            if !pushed.is_empty() {
                view.elsewhere.entry(id.clone()).or_default().extend(pushed);
            }
        }
        sources.insert(id.clone(), SourceObservation::from(&observation));
    }
    sources
}

impl<S: Source> Controller<S> {
    /// Adds to what was seen of the routers the channels in front, which are taken out of `view`, and what is remembered.
    pub(super) fn observe_feeds(
        &mut self,
        seen: &mut ObservedRouters,
        view: &mut AccountView,
        desired: &Desired,
    ) {
        seen.sources = take_sources(view, desired);
        let clock = self.clock.now();
        let is_of_pool = |arn: &RouterArn| desired.routers.values().any(|pool| pool.input == *arn);
        for event in self.feeds.note_look(seen, clock, &mut self.random) {
            // What else takes the channel of a pool is none of its users' news.
            if !matches!(&event, Event::InputChanged { input, .. } if !is_of_pool(input)) {
                self.publisher.emit(event);
            }
        }
    }

    /// Begins the step of every feed that has one and is free to take it.
    pub(super) fn begin_feed_steps(&mut self, plan: &Plan, read: Instant) {
        for (feed, one) in &self.feeds.under_way {
            let planned = plan.feeds.iter().find(|planned| planned.feed == *feed);
            if planned.and_then(|planned| planned.step.as_ref()) != Some(&one.step) {
                one.step_permit.withdraw();
            }
        }
        for planned in &plan.feeds {
            if let Some(step) = &planned.step
                && self.may_begin_feed_step(planned, step)
            {
                self.begin_feed_step(planned, step, read);
            }
        }
    }

    fn may_begin_feed_step(&self, planned: &FeedPlan, step: &FeedStep) -> bool {
        let Some(routers) = &self.routers else {
            return false;
        };
        let is_stop = step.action == FeedAction::Stop;
        let is_free = !self.feeds.under_way.contains_key(&planned.feed)
            && !self.feeds.is_held_back(&planned.feed, Instant::now());
        is_free && routers.feeds.may_write() && !(is_stop && self.outputs.are_under_way_in(&planned.pools))
    }

    fn begin_feed_step(&mut self, planned: &FeedPlan, step: &FeedStep, read: Instant) {
        let (Some(routers), Some(loaded)) = (&self.routers, &self.loaded) else {
            return;
        };
        let Some(task) = self.feeds.task(&planned.feed, step.action, &loaded.desired) else {
            return;
        };
        let executor = routers.feeds.clone();
        self.publisher.emit(Event::OutputStepBegun {
            pool: names(&planned.pools),
            carries: planned.feed.to_string(),
            action: step.action.name(),
            reason: step.reason.clone(),
        });
        let step_permit = StepPermit::given_at(read);
        let given = step_permit.clone();
        let handle = self.tasks.spawn(async move {
            let begun = Instant::now();
            let result = executor.take(&task, &given).await;
            Finished {
                result: StepResult::Feed(result),
                took: begun.elapsed(),
            }
        });
        let under_way = UnderWay {
            task: handle.id(),
            step_permit,
            pools: planned.pools.clone(),
            step: step.clone(),
        };
        self.feeds.under_way.insert(planned.feed.clone(), under_way);
    }

    /// What a step on an output of a pool relied on is not so: its input is looked at again as well.
    pub(super) fn distrust_input_of(&mut self, pool: &str) {
        let pools = self.loaded.as_ref().map(|loaded| &loaded.desired.routers);
        let pool = pools.and_then(|pools| pools.get(&PoolName::from(pool)));
        if let (Some(pool), Some(routers)) = (pool, &mut self.routers) {
            routers.observer.distrust_input(&pool.input);
        }
    }

    /// Takes note of a step on a feed whose task ended; `None` where it is that of something else.
    pub(super) fn end_feed_step(
        &mut self,
        task: task::Id,
        ended: Option<(Result<FeedOutcome, StepError>, Duration)>,
    ) -> Option<LookAgain> {
        let (feed, one) = self.feeds.end(task)?;
        let (outcome, took, again) = if let Some((result, took)) = ended {
            let (outcome, again) = self.note_feed_result(&feed, &one.step, result);
            (outcome, took, again)
        } else {
            let what = "a fault of slotwise; please report it".to_owned();
            let (outcome, again) = self.failed_feed(&feed, what);
            (outcome, Duration::ZERO, again)
        };
        if let (Feed::Input(arn), Some(routers)) = (&feed, &mut self.routers) {
            routers.observer.distrust_input(arn);
        }
        self.publisher.emit(Event::OutputStepEnded {
            pool: names(&one.pools),
            carries: feed.to_string(),
            action: one.step.action.name(),
            reason: one.step.reason,
            outcome,
            took,
        });
        Some(again)
    }

    fn note_feed_result(
        &mut self,
        feed: &Feed,
        step: &FeedStep,
        result: Result<FeedOutcome, StepError>,
    ) -> (StepOutcome, LookAgain) {
        match result {
            Ok(FeedOutcome::Accepted(channel)) => {
                if matches!(step.action, FeedAction::Start { .. }) {
                    self.feeds.expected.insert(feed.clone());
                } else {
                    self.feeds.expected.remove(feed);
                    self.feeds.trouble.remove(feed);
                }
                (StepOutcome::Accepted, self.look_again_at(channel))
            }
            Ok(FeedOutcome::Stale(why, channel)) => (StepOutcome::Stale { why }, self.look_again_at(channel)),
            Err(StepError::Gate(why)) => {
                let again = match why {
                    NoPermit::LeaseLost => LookAgain::In(LEASE_RETRY),
                    NoPermit::OutOfDate => LookAgain::Now,
                };
                let why = why.to_string();
                (StepOutcome::Stale { why }, again)
            }
            // It waited too long for its turn at the limit of calls.
            Err(StepError::Act(error)) if error.kind == CallErrorKind::NotSent => {
                let why = error.message;
                (StepOutcome::Stale { why }, LookAgain::In(LEASE_RETRY))
            }
            Err(error) => self.failed_feed(feed, error.to_string()),
        }
    }

    /// When to look again after a step on an input, or on this channel.
    fn look_again_at(&mut self, channel: Option<Box<ChannelDocument>>) -> LookAgain {
        let Some(channel) = channel else {
            return LookAgain::AtOutputs;
        };
        let again = self.pace_of(&channel.summary);
        self.observer.remember(&channel);
        again
    }

    fn failed_feed(&mut self, feed: &Feed, what: String) -> (StepOutcome, LookAgain) {
        let again = match feed {
            Feed::Channel(id) => {
                // The call may have had its effect.
                self.observer.distrust(id, []);
                LookAgain::Now
            }
            Feed::Input(_) => LookAgain::AtOutputs,
        };
        let retry_in = self.feeds.fail(feed.clone(), what.clone(), &mut self.random);
        (StepOutcome::Failed { what, retry_in }, again)
    }
}

fn names(pools: &[PoolName]) -> String {
    let names: Vec<&str> = pools.iter().map(PoolName::as_str).collect();
    names.join(", ")
}

fn input_course(state: InputState) -> Course {
    match state {
        InputState::Active => Course::Runs,
        InputState::Standby => Course::Stopped,
        _ => Course::Between,
    }
}

fn channel_course(state: ChannelState) -> Course {
    match state {
        ChannelState::Running => Course::Runs,
        state if state.is_stopped() => Course::Stopped,
        _ => Course::Between,
    }
}
