//! `takeover: true` counts once. Its tag says how far that has come:
//!
//! | the tag | is written |
//! |---|---|
//! | `begun` | while the channel runs with what no Destination declares, or what cannot be a slot; before the stop that ends it |
//! | `done` | once the channel has stopped, or runs with nothing of the kind; before it is started |
//!
//! With `done`, or where the tag cannot be written, nothing is taken over. The tag is removed only where the pool of the channel
//! says `takeover: false`.

use super::reading::Occupant;
use super::steps::Subject;
use super::violation::{Rule, Violation};
use crate::model::tag::{TAGS_MAX, TakeoverTag};
use crate::model::{ChannelId, ChannelObservation, Observed, PoolChannel, Recording};
use crate::plan::Action;

/// What `takeover:` of a channel says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takeover {
    /// It is false.
    NotAsked,
    /// It is true, which has no effect now.
    Asked,
    /// The channel is taken over, whatever it carries.
    InForce,
}

impl Takeover {
    /// Of a channel; `is_whole`: what is declared could all be read.
    pub(super) fn of(channel: &PoolChannel, is_whole: bool, observed: &Observed) -> Self {
        match channel.takeover {
            false => Self::NotAsked,
            true if is_whole && is_left(observed, &channel.id) => Self::InForce,
            true => Self::Asked,
        }
    }
}

/// Whether a takeover of a channel is not used up and can be recorded.
fn is_left(observed: &Observed, id: &ChannelId) -> bool {
    let seen = observed.channels.get(id).and_then(ChannelObservation::seen);
    let is_unused = seen.is_none_or(|seen| match seen.tags.takeover {
        Some(tag) => tag == TakeoverTag::Begun,
        // Beside that of the owner, where it is missing.
        None => seen.tags.count + usize::from(seen.owner.is_none()) < TAGS_MAX,
    });
    is_unused && observed.takeovers == Recording::Allowed
}

impl Subject<'_> {
    /// Whether a slot holds what no Destination declares, or a group of the pool's pattern cannot be a slot.
    fn has_unexplained(&self) -> bool {
        let mut slots = self.channel.slots.iter();
        let mut groups = self.seen.groups.iter();
        slots.any(|slot| slot.occupant == Occupant::Undeclared)
            || groups.any(|group| group.target.is_err() && self.channel.matches(group))
    }

    /// What the tag of the takeover has to say now, if anything.
    fn takeover_now(&self) -> Option<TakeoverTag> {
        let policy = self.channel.policy.as_ref()?;
        if policy.takeover == Takeover::NotAsked || !is_left(self.world.observed, self.channel.id) {
            return None;
        }
        match self.channel.is_running() {
            _ if self.channel.is_stopped() => Some(TakeoverTag::Done),
            true if !self.has_unexplained() => Some(TakeoverTag::Done),
            true if self.channel.takeover() => Some(TakeoverTag::Begun),
            _ => None,
        }
    }

    fn records_takeover(&self, tag: TakeoverTag) -> bool {
        let mut steps = self.plan.steps.iter();
        self.seen.tags.takeover == Some(tag) || steps.any(|step| step.action.takeover() == Some(tag))
    }

    /// Whether a stop may end what no Destination declares: that is recorded before.
    pub(super) fn is_taken_over(&self) -> bool {
        self.channel.takeover() && self.records_takeover(TakeoverTag::Begun)
    }

    /// Whether the tag of the takeover is one that is no longer asked for.
    pub(super) fn may_drop_takeover(&self) -> bool {
        let policy = self.channel.policy.as_ref();
        self.seen.tags.takeover.is_some()
            && self.world.observed.takeovers == Recording::Allowed
            && policy.is_some_and(|policy| policy.takeover == Takeover::NotAsked)
    }

    /// The tag of the takeover that a step writes.
    pub(super) fn check_takeover(&self, action: &Action, found: &mut Vec<Violation>) {
        let Some(tag) = action.takeover() else { return };
        if self.takeover_now() != Some(tag) || self.seen.tags.takeover == Some(tag) {
            let what = format!("records that its takeover is {}, which it is not", tag.as_str());
            found.push(self.broken(Rule::WrongRecord, what));
        }
    }

    /// A stopped channel is not started with a takeover that has ended and is not recorded so: what is undeclared then would be
    /// released again.
    pub(super) fn check_used_up(&self, found: &mut Vec<Violation>) {
        let is_due = self.channel.is_stopped() && self.takeover_now() == Some(TakeoverTag::Done);
        if is_due && !self.records_takeover(TakeoverTag::Done) {
            let what = "is started before it is recorded that its takeover is used up";
            found.push(self.broken(Rule::WrongRecord, what));
        }
    }
}
