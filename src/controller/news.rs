//! Whether a plan is worth showing.

use crate::model::{ChannelId, DestinationName, PoolName, SlotId};
use crate::plan::{Action, ChannelPlan, DestinationPlan, Plan, Waiting};

/// What a plan came to, as far as the next one is compared with it.
#[derive(Debug)]
pub(super) struct PlanDigest {
    /// What was left to be done, waits apart.
    channels: Vec<(ChannelId, Vec<Action>)>,
    destinations: Vec<(DestinationName, Option<SlotId>, Option<&'static str>)>,
    /// Pools that had no slot for a newcomer.
    without_slot: Vec<PoolName>,
}

impl PlanDigest {
    /// The digest of `plan`.
    pub(super) fn of(plan: &Plan) -> Self {
        let channels = plan.channels.iter();
        let destinations = plan.destinations.iter();
        Self {
            channels: channels
                .map(|channel| (channel.id.clone(), actions(channel).cloned().collect()))
                .collect(),
            destinations: destinations
                .map(|one| (one.name.clone(), one.assignment.clone(), obstacle(one)))
                .collect(),
            without_slot: without_slot(plan).map(|(pool, _)| pool.clone()).collect(),
        }
    }

    /// Whether `now` is more than this with some of its steps done: only that is worth showing again.
    pub(super) fn is_old(&self, now: &Plan) -> bool {
        let steps_go_on = self.channels.len() == now.channels.len()
            && self
                .channels
                .iter()
                .zip(&now.channels)
                .all(|((id, before), now)| {
                    let left = actions(now).count();
                    let done = before.len().checked_sub(left);
                    *id == now.id && done.is_some_and(|done| before[done..].iter().eq(actions(now)))
                });
        let assignments_stay =
            self.destinations.len() == now.destinations.len()
                && self.destinations.iter().zip(&now.destinations).all(
                    |((name, assignment, before), now)| {
                        (name, assignment, *before) == (&now.name, &now.assignment, obstacle(now))
                    },
                );
        !(steps_go_on && assignments_stay)
    }
}

/// What newcomers to pools would wait for in `now`, as far as that is news since `before` and no destination says so.
pub(super) fn newcomers_would_wait(before: Option<&PlanDigest>, now: &Plan) -> Vec<String> {
    let is_news = |pool: &PoolName| before.is_none_or(|before| !before.without_slot.contains(pool));
    let says_so = |why: &Waiting| {
        now.destinations
            .iter()
            .any(|one| one.waiting.as_ref() == Some(why))
    };
    without_slot(now)
        .filter(|(pool, why)| is_news(pool) && !says_so(why))
        .map(|(_, why)| {
            format!(
                "newcomers would wait: {why}; ways out: {}",
                why.ways_out().join(" · ")
            )
        })
        .collect()
}

/// Pools without a slot for a newcomer, and why.
fn without_slot(plan: &Plan) -> impl Iterator<Item = (&PoolName, &Waiting)> {
    let pools = plan.pools.iter();
    pools.filter_map(|pool| Some((&pool.name, pool.no_slot.as_ref()?)))
}

fn actions(channel: &ChannelPlan) -> impl Iterator<Item = &Action> {
    let actions = channel.steps.iter().map(|step| &step.action);
    actions.filter(|action| **action != Action::Wait)
}

/// What a destination waits for, if that does not end by itself.
fn obstacle(destination: &DestinationPlan) -> Option<&'static str> {
    let waiting = destination
        .waiting
        .as_ref()
        .filter(|waiting| !waiting.ends_by_itself());
    waiting.map(Waiting::code)
}
