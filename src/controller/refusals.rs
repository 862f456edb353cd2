//! What MediaLive refuses to write, and whom that is put down to.
//!
//! An update writes all slots of a channel in one call, so one target that MediaLive does not take keeps everybody on that
//! channel off air. Those who were on air before are not suspected. Of several suspects each is tried by itself. The one that
//! is refused alone waits until its declaration changes, and is tried again with growing delays, where that interrupts nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::model::{
    ChannelId, Desired, Destination, DestinationName, Refused, ShortDigest, SlotId, SlotSelector,
};
use crate::plan::{ChannelPlan, Content, SlotWrite, Step};

/// How long one that was refused is left out before it is tried again: long enough for those it was written with to be on air
/// again. Twice as long after each further time.
const FIRST_DELAY: Duration = Duration::from_mins(2);

/// The longest delay.
const LAST_DELAY: Duration = Duration::from_hours(1);

/// How long each of several suspects may take to be tried by itself, until the next ones are tried all the same.
const TRIED_WITHIN: Duration = Duration::from_mins(2);

/// The most that are left to a successor, and the most letters of what MediaLive said: a note has little room.
const LEFT_MAX: usize = 20;
const WHAT_MAX: usize = 300;

/// Destinations whose target MediaLive refused.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    by_name: BTreeMap<DestinationName, Refusal>,
}

#[derive(Debug)]
struct Refusal {
    /// What was declared when it was refused.
    declared: Declared,
    /// What its pool added to what was written, by its digest: the mistake may be there.
    outlet: Option<ShortDigest>,
    /// What MediaLive said.
    what: String,
    /// Whether it did not allow the update at all.
    denied: bool,
    /// Until when it is left out.
    until: Instant,
    /// How long it is left out after the next time; `None` while it was refused only together with others.
    next: Option<Duration>,
}

/// What was declared when a target was refused.
#[derive(Debug)]
enum Declared {
    /// In this process.
    Known(Arc<Destination>),
    /// In a process before this one, by its digest.
    Left(String),
}

impl Declared {
    fn is_same(&self, one: &Destination) -> bool {
        match self {
            Self::Known(declared) => has_same_target(one, declared),
            Self::Left(digest) => one.spelling_digest().to_string() == *digest,
        }
    }

    fn digest(&self) -> String {
        match self {
            Self::Known(declared) => declared.spelling_digest().to_string(),
            Self::Left(digest) => digest.clone(),
        }
    }
}

/// What a successor is to know of one that was refused. Of its target no more than a short digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LeftRefusal {
    destination: DestinationName,
    target: String,
    /// Of what its pool added; a note of an older version has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outlet: Option<String>,
    what: String,
    /// How long it is left out after the next time, in seconds; `null` while it was refused only together with others.
    next: Option<u64>,
}

/// Destinations that an update writes which may be why it is refused, as they were declared when it began.
pub(super) type Suspects = BTreeMap<DestinationName, Suspect>;

/// What was declared of one of them.
#[derive(Debug, Clone)]
pub(super) struct Suspect {
    destination: Arc<Destination>,
    outlet: Option<ShortDigest>,
}

impl Suspect {
    pub(super) fn new(destination: Arc<Destination>, desired: &Desired) -> Self {
        let outlet = desired.outlet_digest(&destination.pool);
        Self { destination, outlet }
    }

    /// Whether nothing that is written for it is declared otherwise in `desired`.
    pub(super) fn is_declared_in(&self, desired: &Desired) -> bool {
        let one = desired.destinations.get(&self.destination.name);
        let is_same = one.is_some_and(|one| has_same_target(one, &self.destination));
        is_same && desired.outlet_digest(&self.destination.pool) == self.outlet
    }
}

/// Those of a step: whom it points a slot at which did not point there before. Where there are none, all whose targets it
/// writes: a target that somebody put there by another way is refused like any other.
pub(super) fn suspects(channel: &ChannelPlan, step: &Step, declared: Option<&Desired>) -> Suspects {
    let is_there = |write: &SlotWrite| {
        let mut slots = channel.slots.iter();
        slots.any(|slot| {
            slot.output_group == write.output_group && slot.target.as_ref() == Some(&write.target)
        })
    };
    let of = |writes: Vec<&SlotWrite>| -> Suspects {
        let all = writes.into_iter().filter_map(|write| match &write.content {
            Content::Destination(name) => {
                let one = declared?.destinations.get(name)?;
                Some((name.clone(), Suspect::new(Arc::clone(one), declared?)))
            }
            _ => None,
        });
        all.collect()
    };
    let writes = step.action.writes().iter();
    let changed = of(writes.clone().filter(|write| !is_there(write)).collect());
    if changed.is_empty() {
        of(writes.collect())
    } else {
        changed
    }
}

/// What MediaLive said of an update, and that it is not certain to be about its suspects: it parks a slot, or the second pipeline
/// of one, and the URL for that may be what is refused.
pub(super) fn with_parking(channel: &ChannelId, step: &Step, what: &str) -> String {
    let parks = |write: &SlotWrite| {
        let slot = SlotId::new(channel.clone(), write.output_group.clone());
        let mut endpoints = write.target.0.iter().enumerate();
        endpoints.any(|(at, one)| SlotSelector::is_parking_name(&one.stream_name, &slot, at))
    };
    if !step.action.writes().iter().any(parks) {
        return what.to_owned();
    }
    let parking = "the same update writes spec.slots.parkingUrl of the pool, which may be what is refused";
    match what {
        "" => parking.to_owned(),
        what => format!("{what}; {parking}"),
    }
}

impl Refusals {
    /// MediaLive refused an update with these suspects. Says how many of them may be the cause.
    pub(super) fn note(&mut self, suspects: &Suspects, what: &str, denied: bool, now: Instant) -> usize {
        let was_refused = |name: &DestinationName| {
            let known = self.by_name.get(name);
            known.is_some_and(|known| known.next.is_some())
        };
        let is_known = suspects.keys().any(was_refused);
        let causes = suspects.iter().filter(|(name, _)| !is_known || was_refused(name));
        let causes: Vec<(DestinationName, Suspect)> = causes
            .map(|(name, suspect)| (name.clone(), suspect.clone()))
            .collect();
        let count = causes.len();
        let is_alone = count == 1;
        for (name, suspect) in causes {
            let delay = self.by_name.get(&name).and_then(|known| known.next);
            let delay = delay.unwrap_or(FIRST_DELAY);
            let next = (delay * 2).min(LAST_DELAY);
            let refusal = Refusal {
                declared: Declared::Known(suspect.destination),
                outlet: suspect.outlet,
                what: what.to_owned(),
                denied,
                until: now + if is_alone { delay } else { TRIED_WITHIN },
                next: is_alone.then_some(next),
            };
            self.by_name.insert(name, refusal);
        }
        count
    }

    /// MediaLive accepted an update with these suspects.
    pub(super) fn forget(&mut self, accepted: &Suspects) {
        self.by_name.retain(|name, _| !accepted.contains_key(name));
    }

    /// Forgets those that are declared otherwise now, or not wanted.
    pub(super) fn keep_declared(&mut self, desired: &Desired, clock: Timestamp) {
        self.by_name.retain(|name, refusal| {
            let declared = desired.destinations.get(name);
            declared.is_some_and(|one| {
                let outlet = desired.outlet_digest(&one.pool);
                let is_same = refusal.outlet.is_none() || refusal.outlet == outlet;
                one.is_wanted(clock) && is_same && refusal.declared.is_same(one)
            })
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
                denied: refusal.denied,
            };
            (name.clone(), refused)
        });
        refused.collect()
    }

    /// What a successor is to know, in the order of names. Without times: it would change with every look.
    pub(super) fn left(&self) -> Vec<LeftRefusal> {
        let all = self.by_name.iter().take(LEFT_MAX);
        all.map(|(name, refusal)| LeftRefusal {
            destination: name.clone(),
            target: refusal.declared.digest(),
            outlet: refusal.outlet.map(|digest| digest.to_string()),
            what: refusal.what.chars().take(WHAT_MAX).collect(),
            next: refusal.next.map(|next| next.as_secs()),
        })
        .collect()
    }

    /// Goes on with what a predecessor left: as if all had been refused just now.
    pub(super) fn inherit(&mut self, left: Vec<LeftRefusal>, now: Instant) {
        for one in left {
            let next = one.next.map(|next| Duration::from_secs(next).min(LAST_DELAY));
            let refusal = Refusal {
                declared: Declared::Left(one.target),
                outlet: one.outlet.as_deref().and_then(ShortDigest::parse),
                what: one.what,
                // It may have been allowed since.
                denied: false,
                until: now + next.map_or(TRIED_WITHIN, |next| next / 2),
                next,
            };
            self.by_name.entry(one.destination).or_insert(refusal);
        }
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
