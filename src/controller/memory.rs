//! What a controller remembers between cycles. Losing all of it costs comfort, never safety.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rand::Rng;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::Event;
use super::denials::Denials;
use super::refusals::{LeftRefusal, Refusals};
use crate::model::{
    ChannelId, ChannelObservation, ChannelState, Desired, Destination, DestinationName, Observed, Returning,
    Trouble,
};
use crate::plan::{Action, ChannelPlan, Plan, Step};
use crate::retry::Backoff;

/// The longest a start may take before it counts as stuck. "A startup time up to 10 minutes is still normal" (User
/// Guide, starting-stopping-deleting-a-channel); half as much again for the rest.
const START_STUCK_AFTER: Duration = Duration::from_mins(15);

/// How long after its last failure a channel that is stopped and left alone counts as healthy again. Failures of a
/// channel whose destinations moved to another one must not be forgotten at once: the destinations would come back
/// before they are on air there, and fail again.
const FORGIVEN_AFTER: Duration = Duration::from_mins(10);

/// Failures in a row from which those interrupted on a channel need not come back to it.
const LOST_AFTER: u32 = 2;

#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Interrupted destinations, and the slot that each comes back to.
    pub(super) returning: Returning,
    /// Interrupted destinations that are not back on air, and where, whether they come back there or not.
    interrupted: BTreeMap<DestinationName, ChannelId>,
    /// Channels that were stopped to start them again, and that have not run since.
    pub(super) restarting: BTreeSet<ChannelId>,
    /// What the last plan was made for.
    planned_for: Option<Arc<Desired>>,
    trouble: BTreeMap<ChannelId, Streak>,
    states: BTreeMap<ChannelId, (ChannelState, Instant)>,
    expected: BTreeMap<ChannelId, Expected>,
    /// When a channel was asked to go to another state, until it is there.
    asked: BTreeMap<ChannelId, Instant>,
    /// Since when each is wanted, until it was on air for the first time since.
    wanted_since: BTreeMap<DestinationName, Option<Instant>>,
    /// What of the tags MediaLive refuses.
    pub(super) denials: Denials,
    /// Whose targets it refuses.
    pub(super) refusals: Refusals,
}

/// What is not finished: a successor goes on with it.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Unfinished {
    returning: Returning,
    interrupted: BTreeMap<DestinationName, ChannelId>,
    restarting: BTreeSet<ChannelId>,
    refused: Vec<LeftRefusal>,
}

/// What a failure is put down to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blame {
    /// The channel, which is avoided after some in a row. Those who come back to it need not wait for it then.
    Channel,
    /// A target that was refused there. Those who come back do so without it.
    Target,
    /// What would have befallen any channel, like throttling. It only delays: elsewhere it would be no better.
    Others,
}

/// Failures in a row on one channel.
#[derive(Debug)]
struct Streak {
    backoff: Backoff,
    /// How many of them concern the channel.
    of_channel: u32,
    retry_at: Instant,
    what: String,
}

/// What a step that was accepted should lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Running,
    Updated,
}

impl Memory {
    /// Takes note of a failure on a channel and says when its next step may be tried.
    pub(super) fn fail(
        &mut self,
        id: &ChannelId,
        what: String,
        blame: Blame,
        random: &mut impl Rng,
    ) -> Duration {
        let now = Instant::now();
        self.asked.remove(id);
        let streak = self.trouble.entry(id.clone()).or_insert_with(|| Streak {
            backoff: Backoff::default(),
            of_channel: 0,
            retry_at: now,
            what: String::new(),
        });
        let delay = streak.backoff.fail(random);
        streak.retry_at = now + delay;
        streak.what = what;
        streak.of_channel += u32::from(blame != Blame::Others);
        if streak.of_channel >= LOST_AFTER && blame == Blame::Channel {
            self.returning.retain(|_, slot| slot.channel != *id);
        }
        delay
    }

    /// Whether the next step of a channel has to wait.
    pub(super) fn holds_back(&self, id: &ChannelId, now: Instant) -> bool {
        self.trouble.get(id).is_some_and(|streak| now < streak.retry_at)
    }

    /// The first moment after `now` at which a channel that is held back may be tried again.
    pub(super) fn next_retry(&self, now: Instant) -> Option<Instant> {
        let retries = self.trouble.values().map(|streak| streak.retry_at);
        let retries = retries.filter(|retry_at| *retry_at > now);
        retries.chain(self.refusals.next_try(now)).min()
    }

    /// Failures in a row on a channel.
    pub(super) fn failures(&self, id: &ChannelId) -> u32 {
        self.trouble.get(id).map_or(0, |streak| streak.backoff.failures())
    }

    /// Nothing is to be done on a channel in this state: its failures are forgiven if it runs, and otherwise after a
    /// while.
    pub(super) fn note_rest(&mut self, id: &ChannelId, state: Option<ChannelState>, now: Instant) {
        self.asked.remove(id);
        if state == Some(ChannelState::Running) {
            self.restarting.remove(id);
        }
        let long_ago = |streak: &Streak| now >= streak.retry_at + FORGIVEN_AFTER;
        let rests = match state {
            Some(ChannelState::Running) => true,
            Some(state) if state.is_stopped() => self.trouble.get(id).is_some_and(long_ago),
            _ => false,
        };
        if rests {
            self.trouble.remove(id);
        }
    }

    /// A step begins: destinations that a stop interrupts come back to their slots, or to those reserved for them.
    pub(super) fn step_begins(&mut self, plan: &Plan, channel: &ChannelPlan, step: &Step) {
        if matches!(step.action, Action::Update { .. } | Action::Start | Action::Stop) {
            self.asked.insert(channel.id.clone(), Instant::now());
        }
        if step.action == Action::Stop && channel.runs {
            self.restarting.insert(channel.id.clone());
        }
        for name in &step.interrupts {
            let at = plan.destinations.binary_search_by(|one| one.name.cmp(name));
            let planned = at.ok().map(|at| &plan.destinations[at]);
            let slot = planned.and_then(|one| one.assignment.as_ref().or(one.held.as_ref()));
            if let Some(slot) = slot {
                self.interrupted.insert(name.clone(), channel.id.clone());
                self.returning.insert(name.clone(), slot.clone());
            }
        }
    }

    /// What a successor is to know, as text; empty where nothing is under way.
    pub(super) fn unfinished(&self) -> String {
        let unfinished = Unfinished {
            returning: self.returning.clone(),
            interrupted: self.interrupted.clone(),
            restarting: self.restarting.clone(),
            refused: self.refusals.left(),
        };
        if unfinished == Unfinished::default() {
            return String::new();
        }
        serde_json::to_string(&unfinished).unwrap_or_default()
    }

    /// Goes on with what a predecessor left. What cannot be read is as if it had left nothing.
    pub(super) fn inherit(&mut self, unfinished: &str) {
        let Ok(left) = serde_json::from_str::<Unfinished>(unfinished) else {
            return;
        };
        for (name, slot) in left.returning {
            self.returning.entry(name).or_insert(slot);
        }
        for (name, channel) in left.interrupted {
            self.interrupted.entry(name).or_insert(channel);
        }
        self.restarting.extend(left.restarting);
        self.refusals.inherit(left.refused, Instant::now());
    }

    /// MediaLive accepted a step: says what it should lead to.
    pub(super) fn step_accepted(&mut self, id: &ChannelId, action: &Action) {
        match action {
            Action::Start => self.expected.insert(id.clone(), Expected::Running),
            Action::Update { .. } => self.expected.insert(id.clone(), Expected::Updated),
            Action::Stop | Action::Adopt { .. } | Action::Record { .. } | Action::Wait => {
                self.expected.remove(id)
            }
        };
    }

    /// Another process may continue what was begun: another end is no failure.
    pub(super) fn forget_expected(&mut self) {
        self.expected.clear();
    }

    /// Compares states with those seen before: what to report, and what failed since.
    pub(super) fn note_states(
        &mut self,
        observed: &Observed,
        now: Instant,
        random: &mut impl Rng,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        for (id, observation) in &observed.channels {
            let Some(to) = observation.seen().map(|channel| channel.state) else {
                continue;
            };
            let before = self.states.get(id).copied();
            let was_stopped = before.is_some_and(|(from, _)| !from.is_running());
            if was_stopped && to.is_running() {
                self.restarting.remove(id);
            }
            if before.is_none_or(|(from, _)| from != to) {
                self.states.insert(id.clone(), (to, now));
                if let Some((from, since)) = before {
                    // The time in IDLE or RUNNING is not the time of the transition.
                    let moved = from.is_transition().then_some(since);
                    let after = self.asked.get(id).copied().or(moved).map(|since| now - since);
                    events.push(Event::StateChanged {
                        channel: id.clone(),
                        from: Some(from),
                        to,
                        after,
                    });
                    if !to.is_transition() {
                        self.asked.remove(id);
                    }
                }
            }
            self.judge(id, to, now, random);
        }
        self.states.retain(|id, _| observed.channels.contains_key(id));
        self.trouble.retain(|id, _| observed.channels.contains_key(id));
        self.expected.retain(|id, _| observed.channels.contains_key(id));
        self.asked.retain(|id, _| observed.channels.contains_key(id));
        self.restarting.retain(|id| observed.channels.contains_key(id));
        events
    }

    /// Whether what was expected of a channel came true, is still to come, or failed.
    fn judge(&mut self, id: &ChannelId, state: ChannelState, now: Instant, random: &mut impl Rng) {
        let since = self.states.get(id).map_or(now, |(_, since)| *since);
        let failure = match (self.expected.get(id), state) {
            (Some(Expected::Running), ChannelState::Running) => {
                self.expected.remove(id);
                self.trouble.remove(id);
                None
            }
            (Some(Expected::Running), state) if state.is_stopped() => {
                Some("it went back to IDLE instead of starting".to_owned())
            }
            (Some(Expected::Running), ChannelState::Starting) if now - since >= START_STUCK_AFTER => {
                Some(format!(
                    "it has been STARTING for {} min; up to 10 min is normal",
                    (now - since).as_secs() / 60
                ))
            }
            (Some(Expected::Updated), ChannelState::UpdateFailed) => {
                Some("the update ended in UPDATE_FAILED".to_owned())
            }
            // Updated; or stopped from outside, so that it is no failure of the start when it does not run.
            (Some(Expected::Updated), ChannelState::Idle)
            | (Some(Expected::Running), ChannelState::Stopping) => {
                self.expected.remove(id);
                None
            }
            _ => None,
        };
        if let Some(what) = failure {
            self.expected.remove(id);
            self.fail(id, what, Blame::Channel, random);
        }
    }

    /// Writes the failures in a row into what was seen.
    pub(super) fn mark_trouble(&self, observed: &mut Observed, now: Instant, clock: Timestamp) {
        for (id, streak) in &self.trouble {
            if let Some(ChannelObservation::Seen(channel)) = observed.channels.get_mut(id) {
                let left = streak.retry_at.saturating_duration_since(now);
                channel.trouble = Some(Trouble {
                    failures: streak.of_channel,
                    attempts: streak.backoff.failures(),
                    retry_at: clock.saturating_add(left).unwrap_or(clock),
                    what: streak.what.clone(),
                });
            }
        }
    }

    /// Takes note of since when each destination is wanted. An interrupted one that is no longer declared is not forgotten
    /// yet: the source may have lost it.
    pub(super) fn note_wanted(&mut self, desired: &Desired, clock: Timestamp) {
        let now = Instant::now();
        for (name, destination) in &desired.destinations {
            if destination.is_wanted(clock) {
                self.wanted_since.entry(name.clone()).or_insert(Some(now));
            } else {
                self.wanted_since.remove(name);
            }
        }
        self.wanted_since
            .retain(|name, _| desired.destinations.contains_key(name));
        self.keep_interrupted(|name| desired.destinations.get(name).is_none_or(|d| d.is_wanted(clock)));
        self.refusals.keep_declared(desired, clock);
    }

    /// Those that come back have other names now.
    pub(super) fn rename(&mut self, renamed: &BTreeMap<DestinationName, DestinationName>) {
        for (name, now) in renamed {
            if let Some(slot) = self.returning.remove(name) {
                self.returning.insert(now.clone(), slot);
            }
            if let Some(channel) = self.interrupted.remove(name) {
                self.interrupted.insert(now.clone(), channel);
            }
        }
    }

    /// Forgets interrupted destinations that are no longer declared, by a declaration that is whole.
    pub(super) fn forget_undeclared(&mut self, desired: &Desired) {
        self.keep_interrupted(|name| desired.destinations.contains_key(name));
    }

    /// Takes note of what a plan is made for: the last declaration of destinations that a later one has lost.
    pub(super) fn note_planned(&mut self, desired: &Arc<Desired>) {
        self.planned_for = Some(Arc::clone(desired));
    }

    /// Adds to `desired`, which is doubted, the destinations that come back and are no longer declared there: as they were
    /// for the last plan. What is on air stays on air by itself while the source is doubted; these would not come back.
    pub(super) fn fill_in_lost(&self, desired: &mut Arc<Desired>) {
        let before = |name| self.planned_for.as_ref()?.destinations.get(name).cloned();
        let is_lost = |one: &Arc<Destination>| {
            let mut declared = desired.destinations.values();
            let is_renamed = declared.any(|other| (&other.url, &other.key) == (&one.url, &one.key));
            desired.pools.contains_key(&one.pool)
                && !desired.destinations.contains_key(&one.name)
                && !is_renamed
        };
        let lost: Vec<_> = self.returning.keys().filter_map(before).filter(is_lost).collect();
        if !lost.is_empty() {
            let lost = lost.into_iter().map(|one| (one.name.clone(), one));
            Arc::make_mut(desired).destinations.extend(lost);
        }
    }

    fn keep_interrupted(&mut self, keep: impl Fn(&DestinationName) -> bool) {
        self.returning.retain(|name, _| keep(name));
        self.interrupted.retain(|name, _| keep(name));
    }

    /// Channels with an interrupted destination that is not back on air.
    pub(super) fn interrupted(&self) -> BTreeSet<ChannelId> {
        self.interrupted.values().cloned().collect()
    }

    /// A destination is on air: how long it took since it was wanted, if it is the first time since. One that comes
    /// back after an interruption was not waited for all that time.
    pub(super) fn went_on_air(&mut self, name: &DestinationName) -> Option<Duration> {
        let since = self.wanted_since.get_mut(name)?.take()?;
        Some(since.elapsed())
    }

    /// Destinations seen on air have come back, unless a stop that interrupts them is planned or under way: `leaving`. One on
    /// air on another channel with a previous target has not: that is what it was moved away from.
    pub(super) fn note_on_air<'a>(
        &mut self,
        plan: &'a Plan,
        leaving: impl Iterator<Item = &'a DestinationName>,
    ) {
        let stops = plan.steps().filter(|(_, step)| step.action == Action::Stop);
        let planned = stops.flat_map(|(_, step)| &step.interrupts);
        let leaving: BTreeSet<&DestinationName> = planned.chain(leaving).collect();
        for destination in &plan.destinations {
            let interrupted_on = self.interrupted.get(&destination.name);
            let is_left_behind = destination.is_previous
                && destination
                    .held
                    .as_ref()
                    .is_some_and(|held| interrupted_on.is_some_and(|channel| held.channel != *channel));
            if destination.on_air && !is_left_behind && !leaving.contains(&destination.name) {
                self.returning.remove(&destination.name);
                self.interrupted.remove(&destination.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::model::{OwnerId, SlotId, WantedState, samples};
    use crate::plan::DestinationPlan;

    /// The times reported for channel 3 when it is seen in `state`.
    fn seen(memory: &mut Memory, state: ChannelState) -> Vec<Option<Duration>> {
        let mut observed = Observed::default();
        let channel = crate::model::ObservedChannel {
            id: "3".into(),
            arn: "arn".into(),
            name: "live".into(),
            class: crate::model::ChannelClass::SinglePipeline,
            state,
            owner: None,
            tags: Arc::default(),
            groups: Arc::default(),
            others: Arc::default(),
            stray_endpoints: Arc::default(),
            trouble: None,
        };
        observed
            .channels
            .insert("3".into(), ChannelObservation::Seen(Box::new(channel)));
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let events = memory.note_states(&observed, Instant::now(), &mut random);
        let after = |event| match event {
            Event::StateChanged { after, .. } => after,
            other => panic!("{other:?}"),
        };
        events.into_iter().map(after).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_took_as_long_as_since_it_was_asked_for() {
        let mut memory = Memory::default();
        seen(&mut memory, ChannelState::Running);
        tokio::time::advance(Duration::from_hours(2)).await;
        memory.asked.insert("3".into(), Instant::now());
        tokio::time::advance(Duration::from_secs(40)).await;
        assert_eq!(
            seen(&mut memory, ChannelState::Idle),
            [Some(Duration::from_secs(40))]
        );
        // Started from outside: the time of the request is not known.
        tokio::time::advance(Duration::from_hours(1)).await;
        assert_eq!(seen(&mut memory, ChannelState::Starting), [None]);
        tokio::time::advance(Duration::from_mins(2)).await;
        assert_eq!(
            seen(&mut memory, ChannelState::Running),
            [Some(Duration::from_mins(2))]
        );
    }

    #[test]
    fn a_lost_interrupted_destination_stays_declared_unless_renamed_or_without_pool() {
        let mut whole = Desired::empty(OwnerId::new("us"));
        let pool = samples::pool(&["3"], "*");
        whole.pools.insert(pool.name.clone(), pool);
        let one = samples::destination("a");
        whole.destinations.insert(one.name.clone(), Arc::new(one));
        let whole = Arc::new(whole);
        let mut memory = Memory {
            returning: [("a".into(), SlotId::new("3", "slot-1"))].into(),
            ..Memory::default()
        };
        let fill_in = |memory: &Memory, lost: Desired| {
            let mut lost = Arc::new(lost);
            memory.fill_in_lost(&mut lost);
            lost
        };
        let mut lost = Desired::clone(&whole);
        let a = lost.destinations.pop_first().unwrap().1;
        assert!(
            fill_in(&memory, lost.clone()).destinations.is_empty(),
            "it is not known"
        );
        memory.note_planned(&whole);
        assert_eq!(fill_in(&memory, lost.clone()).destinations, whole.destinations);
        let renamed = Destination {
            name: "b".into(),
            ..Destination::clone(&a)
        };
        let mut with_b = lost.clone();
        with_b.destinations.insert("b".into(), Arc::new(renamed));
        assert_eq!(fill_in(&memory, with_b.clone()).destinations, with_b.destinations);
        lost.pools.clear();
        assert!(fill_in(&memory, lost).destinations.is_empty());
    }

    #[test]
    fn an_interrupted_destination_is_forgotten_by_a_whole_declaration_only() {
        let declared = |state| {
            let mut desired = Desired::empty(OwnerId::new("us"));
            let one = Destination {
                state,
                ..samples::destination("a")
            };
            desired.destinations.insert(one.name.clone(), Arc::new(one));
            desired
        };
        let interrupted = || Memory {
            returning: [("a".into(), SlotId::new("3", "slot-1"))].into(),
            interrupted: [("a".into(), "3".into())].into(),
            ..Memory::default()
        };
        let knows = |memory: &Memory| (memory.returning.len(), memory.interrupted().len());
        let gone = Desired::empty(OwnerId::new("us"));

        let mut memory = interrupted();
        memory.note_wanted(&declared(WantedState::Streaming), Timestamp::UNIX_EPOCH);
        memory.note_wanted(&gone, Timestamp::UNIX_EPOCH);
        assert_eq!(knows(&memory), (1, 1), "the source may have lost it");
        memory.forget_undeclared(&gone);
        assert_eq!(knows(&memory), (0, 0));

        let mut memory = interrupted();
        memory.note_wanted(&declared(WantedState::Ready), Timestamp::UNIX_EPOCH);
        assert_eq!(knows(&memory), (0, 0), "it is no longer wanted");
    }

    #[test]
    fn a_previous_target_on_another_channel_brings_no_destination_back() {
        let on_air_in = |channel: &str, is_previous| {
            let one = DestinationPlan {
                output: None,
                name: "a".into(),
                pool: "main".into(),
                state: WantedState::Streaming,
                wanted: true,
                group: None,
                held: Some(SlotId::new(channel, "slot-1")),
                on_air: true,
                is_previous,
                assignment: None,
                reason: None,
                waiting: None,
                off_air: None,
                also_on_air: None,
            };
            let plan = Plan {
                routers: Vec::new(),
                feeds: Vec::new(),
                pools: Vec::new(),
                destinations: vec![one],
                channels: Vec::new(),
            };
            let mut memory = Memory {
                returning: [("a".into(), SlotId::new("3", "slot-1"))].into(),
                interrupted: [("a".into(), "3".into())].into(),
                ..Memory::default()
            };
            memory.note_on_air(&plan, std::iter::empty());
            (memory.returning.len(), memory.interrupted().len())
        };
        assert_eq!(on_air_in("3", false), (0, 0));
        assert_eq!(on_air_in("3", true), (0, 0));
        assert_eq!(on_air_in("4", false), (0, 0));
        assert_eq!(on_air_in("4", true), (1, 1), "it was moved away from there");
    }
}
