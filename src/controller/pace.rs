//! When to look at channels that are on their way to another state.
//!
//! MediaLive takes minutes for a start and does not say when it is done, so that a look every few seconds is a call for
//! nothing most of the time. How long transitions of the same kind took of late says when a look is worth it:
//!
//! | a channel is on its way | is looked at |
//! |---|---|
//! | for less than the shortest of late | not by itself; the look at all channels once in a while shows it, too |
//! | for longer | whenever another eighth of that has passed: so its end is noticed late by little |
//! | for twice as long, or nothing is known | whenever an eighth of the time that it has taken has passed |
//!
//! Where nobody waits for the end, the last two are a third. A transition that ends sooner than those before is noticed
//! when the shortest would have ended, and brings the next looks forward.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::model::{ChannelId, ChannelState};
use crate::plan::{Action, Adoption, ChannelPlan, Feed, Plan};

/// How many transitions of a kind are remembered.
const REMEMBERED: usize = 8;

/// The longest time between two looks at a channel that takes longer than others.
const GAP_MAX: Duration = Duration::from_secs(30);

/// When to look after the first update, of which nothing is known: MediaLive may take no time at all for one, and a start
/// waits for it.
const FIRST_UPDATE: Duration = Duration::from_secs(1);

/// Looks at one channel are never closer together than this, unless the settings ask for it.
const GAP_MIN: Duration = Duration::from_secs(1);

/// Channels on their way, and how long it took others.
#[derive(Debug, Default)]
pub(super) struct Pace {
    under_way: BTreeMap<ChannelId, Transition>,
    took: BTreeMap<ChannelState, VecDeque<Duration>>,
    /// Whether a channel was looked at while it was updated: how fast that goes is no longer open.
    has_seen_update: bool,
}

/// A channel on its way.
#[derive(Debug)]
struct Transition {
    state: ChannelState,
    since: Instant,
    looked: Instant,
    /// Whether its beginning was seen.
    is_whole: bool,
    /// Whether there is something to do, or somebody to be on air, once it has ended.
    is_awaited: bool,
}

impl Pace {
    /// A call of ours has brought a channel into `state`.
    pub(super) fn begin(&mut self, id: &ChannelId, state: ChannelState) {
        if state.is_transition() {
            let begun = Transition::seen(state, true, Instant::now());
            self.under_way.insert(id.clone(), begun);
        }
    }

    /// Takes note of a plan: what is on its way by it, and what has ended.
    pub(super) fn follow(&mut self, plan: &Plan) {
        let now = Instant::now();
        let mut destinations = plan.destinations.iter();
        let is_someone_off_air = destinations.any(|one| one.wanted && !one.on_air);
        let mut before = std::mem::take(&mut self.under_way);
        let of_pools = plan.channels.iter().filter_map(|channel| {
            let state = channel.seen.as_ref()?.state;
            Some((
                &channel.id,
                state,
                is_on_its_way(channel),
                channel.steps.len() > 1,
            ))
        });
        let in_front = plan.feeds.iter().filter_map(|planned| {
            let Feed::Channel(id) = &planned.feed else {
                return None;
            };
            let state = ChannelState::from_wire(planned.state?);
            Some((id, state, state.is_transition() && planned.is_on_its_way(), false))
        });
        for (id, state, is_on_its_way, has_more) in of_pools.chain(in_front) {
            let known = before.remove(id);
            if let Some(ended) = known.as_ref().filter(|known| known.ends_in(state)) {
                self.learn(ended.state, now - ended.since);
            }
            if is_on_its_way {
                let same = known.filter(|known| known.state == state);
                let mut transition = same.unwrap_or_else(|| Transition::seen(state, false, now));
                transition.is_awaited = state != ChannelState::Stopping || is_someone_off_air || has_more;
                self.under_way.insert(id.clone(), transition);
            }
        }
    }

    /// Takes note of a look at all channels.
    pub(super) fn looked_everywhere(&mut self) {
        self.looked_at(|_| true);
    }

    /// Takes note of a look at those of the channels on their way that `is_one` says.
    pub(super) fn looked_at(&mut self, is_one: impl Fn(&ChannelId) -> bool) {
        let now = Instant::now();
        for (_, transition) in self.under_way.iter_mut().filter(|(id, _)| is_one(id)) {
            transition.looked = now;
            self.has_seen_update |= transition.state == ChannelState::Updating;
        }
    }

    /// When to look next, if any channel is on its way, where looks are to be `least` apart.
    pub(super) fn next_look(&self, least: Duration) -> Option<Instant> {
        let all = self.under_way.values();
        all.map(|one| self.due(one, least)).min()
    }

    /// Channels that are to be looked at by now.
    pub(super) fn due_by(&self, now: Instant, least: Duration) -> Vec<ChannelId> {
        let all = self.under_way.iter();
        let due = all.filter(|(_, one)| self.due(one, least) <= now);
        due.map(|(id, _)| id.clone()).collect()
    }

    /// How many are on their way.
    pub(super) fn len(&self) -> usize {
        self.under_way.len()
    }

    /// Whether the very first update is on its way: a start waits for it, and how long to wait for all that follow.
    pub(super) fn awaits_first_update(&self) -> bool {
        let mut all = self.under_way.values();
        !self.has_seen_update && all.any(|one| one.state == ChannelState::Updating)
    }

    fn due(&self, one: &Transition, least: Duration) -> Instant {
        one.looked + self.gap(one, least)
    }

    /// How long after the last look at a channel the next one is worth it.
    fn gap(&self, one: &Transition, least: Duration) -> Duration {
        let so_far = one.looked - one.since;
        let parts = if one.is_awaited { 8 } else { 3 };
        let growing = |least: Duration| (so_far / parts).min(GAP_MAX).max(least);
        let Some(shortest) = self.took.get(&one.state).and_then(|took| took.iter().min()) else {
            let is_first_update = one.state == ChannelState::Updating && !self.has_seen_update;
            return if is_first_update {
                least.min(FIRST_UPDATE)
            } else {
                growing(least)
            };
        };
        // It was noticed a little late, and the next one may be a little shorter.
        let soonest = *shortest * 19 / 20;
        let least = least.min(soonest.max(GAP_MIN));
        if so_far >= soonest * 2 {
            growing(least)
        } else if so_far >= soonest {
            (soonest / parts).max(least)
        } else {
            soonest.saturating_sub(so_far).max(least)
        }
    }

    fn learn(&mut self, state: ChannelState, took: Duration) {
        let all = self.took.entry(state).or_default();
        if all.len() == REMEMBERED {
            all.pop_front();
        }
        all.push_back(took);
    }
}

impl Transition {
    fn seen(state: ChannelState, is_whole: bool, now: Instant) -> Self {
        Self {
            state,
            since: now,
            looked: now,
            is_whole,
            is_awaited: true,
        }
    }

    /// Whether a channel in `state` has come where this was to lead, all of it seen.
    fn ends_in(&self, state: ChannelState) -> bool {
        let end = match self.state {
            ChannelState::Starting => ChannelState::Running,
            _ => ChannelState::Idle,
        };
        self.is_whole && state == end
    }
}

/// Whether a channel of ours, or one that something is to be done with, is in transition.
pub(super) fn is_on_its_way(channel: &ChannelPlan) -> bool {
    let is_ours = matches!(channel.adoption, Adoption::Owned | Adoption::Adopt);
    let first = channel.steps.first();
    let waits = first.is_some_and(|step| step.action == Action::Wait);
    let in_transition = channel
        .seen
        .as_ref()
        .is_some_and(|seen| seen.state.is_transition());
    waits || is_ours && in_transition
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{ChannelClass, WantedState};
    use crate::plan::{DestinationPlan, Reason, Seen, Step};

    const LEAST: Duration = Duration::from_secs(5);

    /// After how many seconds a channel that is in `state` all the time is looked at, up to `until`.
    fn looks(pace: &mut Pace, state: ChannelState, is_awaited: bool, until: u64) -> Vec<u64> {
        let begun = Instant::now();
        let mut transition = Transition::seen(state, true, begun);
        transition.is_awaited = is_awaited;
        let mut seconds = Vec::new();
        loop {
            let due = pace.due(&transition, LEAST);
            let so_far = due - begun;
            if so_far > Duration::from_secs(until) {
                return seconds;
            }
            seconds.push(so_far.as_secs());
            transition.looked = due;
        }
    }

    fn after(state: ChannelState, seconds: &[u64]) -> Pace {
        let mut pace = Pace::default();
        for took in seconds {
            pace.learn(state, Duration::from_secs(*took));
        }
        pace
    }

    #[test]
    fn a_start_of_which_nothing_is_known_is_looked_at_less_often_the_longer_it_takes() {
        let seen = looks(&mut Pace::default(), ChannelState::Starting, true, 600);
        assert_eq!(seen[..4], [5, 10, 15, 20]);
        let gaps: Vec<u64> = seen.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.is_sorted(), "{gaps:?}");
        assert_eq!(gaps.last(), Some(&30), "and never rarer than that");
    }

    #[test]
    fn no_start_is_looked_at_before_the_shortest_of_late() {
        let mut pace = after(ChannelState::Starting, &[150, 120, 170]);
        let seen = looks(&mut pace, ChannelState::Starting, true, 165);
        assert_eq!(seen, [114, 128, 142, 156]);
    }

    #[test]
    fn the_end_of_a_stop_that_nobody_waits_for_is_not_hurried() {
        let mut pace = after(ChannelState::Stopping, &[40]);
        let seen = looks(&mut pace, ChannelState::Stopping, false, 90);
        assert_eq!(seen, [38, 50, 63, 75, 88]);
        let awaited = looks(&mut pace, ChannelState::Stopping, true, 90);
        assert!(awaited.len() > seen.len(), "{awaited:?}");
    }

    #[test]
    fn the_first_update_is_looked_at_at_once_and_later_ones_as_soon_as_one_has_ever_ended() {
        let mut pace = Pace::default();
        let mut transition = Transition::seen(ChannelState::Updating, true, Instant::now());
        assert_eq!(pace.gap(&transition, LEAST), Duration::from_secs(1));
        transition.looked += Duration::from_secs(1);
        pace.has_seen_update = true;
        assert_eq!(pace.gap(&transition, LEAST), LEAST);
        let mut pace = after(ChannelState::Updating, &[3, 12]);
        let later = looks(&mut pace, ChannelState::Updating, true, 9);
        assert_eq!(later, [2, 5, 8]);
        let mut pace = after(ChannelState::Updating, &[0]);
        let fast = looks(&mut pace, ChannelState::Updating, true, 3);
        assert_eq!(fast, [1, 2, 3], "no closer together than that");
    }

    #[test]
    fn transitions_of_long_ago_are_forgotten() {
        let mut pace = after(ChannelState::Starting, &[30]);
        for _ in 0..REMEMBERED {
            pace.learn(ChannelState::Starting, Duration::from_mins(2));
        }
        let seen = looks(&mut pace, ChannelState::Starting, true, 110);
        assert!(seen.is_empty(), "{seen:?}");
    }

    #[test]
    fn what_ends_otherwise_or_was_not_seen_from_the_beginning_teaches_nothing() {
        let now = Instant::now();
        let seen = |state, is_whole| Transition::seen(state, is_whole, now);
        let starting = seen(ChannelState::Starting, true);
        assert!(starting.ends_in(ChannelState::Running));
        assert!(!starting.ends_in(ChannelState::Idle), "it failed");
        assert!(seen(ChannelState::Stopping, true).ends_in(ChannelState::Idle));
        assert!(!seen(ChannelState::Starting, false).ends_in(ChannelState::Running));
    }

    /// A plan with one channel of ours, with so many steps, and one destination.
    fn plan(state: ChannelState, steps: usize, is_on_air: bool) -> Plan {
        let seen = Seen {
            arn: "arn".into(),
            name: "live".into(),
            class: ChannelClass::SinglePipeline,
            state,
            owner: None,
            tags: Arc::default(),
        };
        let step = Step {
            action: Action::Wait,
            reason: Reason::InTransition,
            interrupts: Vec::new(),
            expected: Duration::ZERO,
        };
        let channel = ChannelPlan {
            id: "1".into(),
            pool: Some("main".into()),
            others: Arc::default(),
            seen: Some(seen),
            adoption: Adoption::Owned,
            slots: Vec::new(),
            steps: vec![step; steps],
            waiting: None,
            follows: None,
            runs: true,
        };
        let destination = DestinationPlan {
            output: None,
            name: "a".into(),
            pool: "main".into(),
            state: WantedState::Streaming,
            wanted: true,
            group: None,
            held: None,
            on_air: is_on_air,
            is_previous: false,
            assignment: None,
            reason: None,
            waiting: None,
            off_air: None,
            also_on_air: None,
        };
        Plan {
            routers: Vec::new(),
            feeds: Vec::new(),
            pools: Vec::new(),
            destinations: vec![destination],
            channels: vec![channel],
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_stop_is_awaited_where_steps_follow_or_a_destination_is_off_air() {
        let is_awaited = |steps, is_on_air| {
            let mut pace = Pace::default();
            pace.follow(&plan(ChannelState::Stopping, steps, is_on_air));
            pace.under_way[&ChannelId::from("1")].is_awaited
        };
        assert!(!is_awaited(1, true));
        assert!(is_awaited(2, true), "it is updated or started then");
        assert!(is_awaited(1, false));
    }

    #[tokio::test(start_paused = true)]
    async fn how_long_a_start_of_ours_took_is_learned_and_only_a_look_everywhere_looks_at_all() {
        let mut pace = Pace::default();
        let starting = plan(ChannelState::Starting, 1, false);
        pace.begin(&"1".into(), ChannelState::Starting);
        tokio::time::advance(Duration::from_secs(40)).await;
        let due = pace.next_look(LEAST).unwrap();
        pace.looked_at(|id| id.as_str() != "1");
        pace.follow(&starting);
        assert_eq!(pace.next_look(LEAST), Some(due), "others were glanced at");
        pace.looked_everywhere();
        pace.follow(&starting);
        assert_eq!(pace.next_look(LEAST), Some(Instant::now() + LEAST));
        tokio::time::advance(Duration::from_mins(1)).await;
        pace.follow(&plan(ChannelState::Running, 0, true));
        assert_eq!(pace.next_look(LEAST), None, "none is on its way");
        assert_eq!(pace.took[&ChannelState::Starting], [Duration::from_secs(100)]);
    }
}
