//! What MediaLive refuses to write, and whom that is put down to.
//!
//! An update writes all slots of a channel in one call, so one target that MediaLive does not take keeps everybody on that
//! channel off air. Whoever was on air before cannot be the cause. Of several newcomers each is tried by itself. The one that
//! is refused alone waits until its declaration changes, and is tried again with growing delays, where that interrupts nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::model::{Desired, Destination, DestinationName, Refused};
use crate::plan::{ChannelPlan, Content, Step};

/// How long one that was refused is left out before it is tried again: long enough for those it was written with to be on air
/// again. Twice as long after each further time.
const FIRST_DELAY: Duration = Duration::from_mins(2);

/// The longest delay.
const LAST_DELAY: Duration = Duration::from_hours(1);

/// How long each of several newcomers may take to be tried by itself, until the next ones are tried all the same.
const TRIED_WITHIN: Duration = Duration::from_mins(2);

/// Destinations whose target MediaLive refused.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    by_name: BTreeMap<DestinationName, Refusal>,
}

#[derive(Debug)]
struct Refusal {
    /// What was declared when it was refused.
    declared: Arc<Destination>,
    /// What MediaLive said.
    what: String,
    /// Until when it is left out.
    until: Instant,
    /// How long it is left out after the next time; `None` while it was refused only together with others.
    next: Option<Duration>,
}

/// Destinations that an update points a slot at which did not point there before, as they were declared when it began.
pub(super) type Newcomers = BTreeMap<DestinationName, Arc<Destination>>;

/// Those of a step.
pub(super) fn newcomers(channel: &ChannelPlan, step: &Step, declared: Option<&Desired>) -> Newcomers {
    let is_there = |group, target| {
        let mut slots = channel.slots.iter();
        slots.any(|slot| slot.output_group == group && slot.target.as_ref() == Some(target))
    };
    let writes = step.action.writes().iter();
    let changed = writes.filter(|write| !is_there(write.output_group.clone(), &write.target));
    let all = changed.filter_map(|write| match &write.content {
        Content::Destination(name) => {
            let declared = declared?.destinations.get(name)?;
            Some((name.clone(), Arc::clone(declared)))
        }
        _ => None,
    });
    all.collect()
}

impl Refusals {
    /// MediaLive refused an update with these newcomers. Says how many of them may be the cause.
    pub(super) fn note(&mut self, newcomers: &Newcomers, what: &str, now: Instant) -> usize {
        let was_refused = |name: &DestinationName| {
            let known = self.by_name.get(name);
            known.is_some_and(|known| known.next.is_some())
        };
        let is_known = newcomers.keys().any(was_refused);
        let causes = newcomers
            .iter()
            .filter(|(name, _)| !is_known || was_refused(name));
        let causes: Vec<(DestinationName, Arc<Destination>)> = causes
            .map(|(name, declared)| (name.clone(), Arc::clone(declared)))
            .collect();
        let count = causes.len();
        let is_alone = count == 1;
        for (name, declared) in causes {
            let delay = self.by_name.get(&name).and_then(|known| known.next);
            let delay = delay.unwrap_or(FIRST_DELAY);
            let next = (delay * 2).min(LAST_DELAY);
            let refusal = Refusal {
                declared,
                what: what.to_owned(),
                until: now + if is_alone { delay } else { TRIED_WITHIN },
                next: is_alone.then_some(next),
            };
            self.by_name.insert(name, refusal);
        }
        count
    }

    /// MediaLive accepted an update with these newcomers.
    pub(super) fn forget(&mut self, accepted: &Newcomers) {
        self.by_name.retain(|name, _| !accepted.contains_key(name));
    }

    /// Forgets those that are declared otherwise now, or not wanted.
    pub(super) fn keep_declared(&mut self, desired: &Desired, clock: Timestamp) {
        self.by_name.retain(|name, refusal| {
            let declared = desired.destinations.get(name);
            declared.is_some_and(|one| one.is_wanted(clock) && has_same_target(one, &refusal.declared))
        });
    }

    /// What a plan may not write: of several that were refused together all but the first, which is tried by itself. A
    /// destination that is granted an interruption by name is tried.
    pub(super) fn for_plan(
        &self,
        grants: &BTreeSet<DestinationName>,
        now: Instant,
    ) -> BTreeMap<DestinationName, Refused> {
        let on_trial = self.by_name.iter().find(|(_, refusal)| refusal.next.is_none());
        let on_trial = on_trial.map(|(name, _)| name);
        let left_out = self.by_name.iter();
        let left_out = left_out.filter(|(name, _)| Some(*name) != on_trial && !grants.contains(*name));
        let refused = left_out.map(|(name, refusal)| {
            let refused = Refused {
                what: refusal.what.clone(),
                may_try: now >= refusal.until,
            };
            (name.clone(), refused)
        });
        refused.collect()
    }

    /// The first moment after `now` at which one may be tried again.
    pub(super) fn next_try(&self, now: Instant) -> Option<Instant> {
        let times = self.by_name.values().map(|refusal| refusal.until);
        times.filter(|until| *until > now).min()
    }
}

fn has_same_target(one: &Destination, other: &Destination) -> bool {
    let target = |one: &Destination| {
        (
            one.url.clone(),
            one.backup_url.clone(),
            one.key.clone(),
            one.login.clone(),
        )
    };
    target(one) == target(other)
}
