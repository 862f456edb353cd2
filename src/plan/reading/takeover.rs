//! `takeover: true` on a channel: what no Destination explains there is released, once.
//!
//! That it is used up is recorded in a tag of the channel, [`TakeoverTag`]: the owner tag is written before the stop that
//! releases, and an adopted channel may be taken over as well.
//!
//! | the tag | the channel | |
//! |---|---|---|
//! | is not there | runs with something undeclared, or with what cannot be a slot | `begun` is written, then it stops |
//! | is not there, or `begun` | has stopped, or runs with nothing of the kind | `done` is written |
//! | `done` | | `takeover: true` counts as `false` |
//! | any | is declared without `takeover: true` | the tag is removed |
//! | cannot be written | | `takeover: true` counts as `false`, since it would never end |

use std::sync::Arc;

use super::{Adoption, Occupant, Reading, Takeover};
use crate::model::tag::{TAGS_MAX, TakeoverTag};
use crate::model::{Destination, ObservedChannel, Recording, StreamKey, Trust};
use crate::plan::NoTakeover;

impl Reading<'_> {
    /// The effect of `takeover:` on a channel of a pool.
    pub(super) fn takeover(&self, is_set: bool, seen: Option<&ObservedChannel>) -> Takeover {
        if !is_set {
            return Takeover::No(NoTakeover::NotSet);
        }
        let tag = seen.and_then(|seen| seen.tags.takeover);
        if tag == Some(TakeoverTag::Done) {
            return Takeover::No(NoTakeover::Used);
        }
        if let Recording::Denied { why } = &self.observed.takeovers {
            return Takeover::No(NoTakeover::Denied { why: why.clone() });
        }
        let taken = |seen: &ObservedChannel| seen.tags.count + usize::from(seen.owner.is_none());
        if tag.is_none() && seen.is_some_and(|seen| taken(seen) >= TAGS_MAX) {
            return Takeover::No(NoTakeover::TagsFull);
        }
        self.why_unsure().map_or(Takeover::InForce, Takeover::Waits)
    }

    /// Why what no Destination explains may be declared after all, in whatever pool.
    fn why_unsure(&self) -> Option<String> {
        if let Trust::Doubted { why } = &self.desired.trust {
            return Some(why.clone());
        }
        if !self.desired.set_aside.is_empty() {
            return Some("an object was set aside because of mistakes in it".to_owned());
        }
        let mut destinations = self.desired.destinations.values();
        let is_unreadable = |one: &&Arc<Destination>| matches!(one.key, StreamKey::Unavailable { .. });
        let one = destinations.find(is_unreadable)?;
        let name = &one.name;
        Some(format!(
            "the key of {name} cannot be read, and what is on air may be its"
        ))
    }

    /// What is to be recorded of the takeover of a channel before anything else happens to it; `None` where that is recorded.
    pub(in crate::plan) fn takeover_news(&self, channel: usize) -> Option<TakeoverTag> {
        let one = &self.channels[channel];
        let seen = one.seen?;
        let is_ours = matches!(one.adoption, Adoption::Owned | Adoption::Adopt);
        if !is_ours || matches!(one.takeover, Takeover::No(_)) {
            return None;
        }
        let mut slots = one.slots.clone().map(|slot| self.slots[slot].occupant);
        let is_any_unexplained = slots.any(|one| matches!(one, Occupant::Undeclared | Occupant::Unusable));
        let now = match seen.state {
            state if state.is_stopped() => TakeoverTag::Done,
            state if state.is_running() && !is_any_unexplained => TakeoverTag::Done,
            state if state.is_running() && one.takeover == Takeover::InForce => TakeoverTag::Begun,
            _ => return None,
        };
        (seen.tags.takeover != Some(now)).then_some(now)
    }

    /// Whether the tag of a takeover is left over: its pool says `takeover: false`. A channel in no pool keeps it, as it may
    /// stand in one that could not be read.
    pub(in crate::plan) fn has_leftover_takeover(&self, channel: usize) -> bool {
        let one = &self.channels[channel];
        let is_there = one.seen.is_some_and(|seen| seen.tags.takeover.is_some());
        let is_in_pool = self.pools[one.pool].decl.is_some();
        let may_remove = self.observed.takeovers == Recording::Allowed;
        let is_not_set = one.takeover == Takeover::No(NoTakeover::NotSet);
        is_there && is_in_pool && may_remove && is_not_set && one.adoption == Adoption::Owned
    }

    /// How many tags a channel has once its takeover is recorded.
    pub(in crate::plan) fn tags_taken(&self, channel: usize) -> usize {
        let Some(seen) = self.channels[channel].seen else {
            return 0;
        };
        let is_new = seen.tags.takeover.is_none() && self.takeover_news(channel).is_some();
        seen.tags.count + usize::from(is_new)
    }
}
