//! Rules for the steps of one channel: whether they are possible, granted, and lead where the plan says.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::reading::{ChannelReading, Holds, PoolReading, Protected};
use super::violation::{HandsOff, Ungranted, Violation};
use crate::model::{
    Cause, ChannelState, Desired, Destination, DestinationName, ObservedChannel, SlotId, StreamKey, Target,
};
use crate::plan::{Action, ChannelPlan, Content, SlotWrite, Step, Waiting};

/// What the rules of one channel look at.
pub(super) struct Subject<'a> {
    pub(super) desired: &'a Desired,
    pub(super) pool: &'a PoolReading<'a>,
    pub(super) channel: &'a ChannelReading<'a>,
    pub(super) seen: &'a ObservedChannel,
    pub(super) plan: &'a ChannelPlan,
    /// Wanted destinations by the slot that the plan gives them.
    pub(super) assigned: &'a BTreeMap<&'a SlotId, &'a Destination>,
    /// The same the other way round.
    pub(super) places: &'a BTreeMap<&'a DestinationName, &'a SlotId>,
    pub(super) now: Timestamp,
}

/// What the steps of a channel come to.
#[derive(Default)]
pub(super) struct Outcome {
    /// Wanted destinations that they take off air.
    pub(super) interrupted: usize,
    /// Whether the channel is started.
    pub(super) started: bool,
}

impl<'a> Subject<'a> {
    /// Every rule for the steps.
    pub(super) fn check(&self, found: &mut Vec<Violation>) -> Outcome {
        let mut outcome = Outcome::default();
        if self.plan.steps.is_empty() {
            return outcome;
        }
        if let Some(why) = self.channel.hands_off {
            found.push(Violation::Untouchable {
                channel: self.plan.id.clone(),
                why,
            });
            return outcome;
        }
        let adopts = matches!(self.plan.steps[0].action, Action::Adopt { .. });
        if adopts == self.channel.owned {
            found.push(Violation::Adoption {
                channel: self.plan.id.clone(),
            });
        }
        let Some(end) = self.walk(found) else {
            return outcome;
        };
        let stop = self.step(|action| matches!(action, Action::Stop));
        outcome.started = self.step(|action| matches!(action, Action::Start)).is_some();
        if self.writes().is_some() && !outcome.started {
            found.push(Violation::UpdateWithoutStart {
                channel: self.plan.id.clone(),
            });
        }
        self.check_writes(found);
        let protected = self.channel.protected(&self.desired.trust, self.now);
        if stop.is_some() {
            outcome.interrupted = protected.wanted.len();
            self.check_stop(&protected, end, found);
        }
        self.check_interrupts(&protected, found);
        if outcome.started {
            self.check_start(found);
        }
        outcome
    }

    /// What a slot points at when the steps are done.
    pub(super) fn final_target(&self, group: &str) -> Option<&'a Target> {
        let written = self
            .writes()
            .into_iter()
            .flatten()
            .find(|write| write.output_group == group);
        match written {
            Some(write) => Some(&write.target),
            None => self.channel.slots.get(group).map(|slot| slot.target),
        }
    }

    /// Whether the channel waits for others to be done, so that its goal stands without steps.
    pub(super) fn is_delayed(&self) -> bool {
        matches!(self.plan.waiting, Some(Waiting::MaxConcurrent { .. }))
            && self.step(|action| matches!(action, Action::Stop)).is_none()
    }

    /// The state the steps lead to, without a look at whether they can.
    pub(super) fn ends_running(&self) -> bool {
        let last = self.plan.steps.iter().rev().find_map(|step| match step.action {
            Action::Start => Some(true),
            Action::Stop | Action::Update { .. } => Some(false),
            Action::Wait | Action::Adopt { .. } | Action::Record { .. } => None,
        });
        last.unwrap_or(self.seen.state.is_running())
    }

    fn step(&self, is: impl Fn(&Action) -> bool) -> Option<&'a Step> {
        self.plan.steps.iter().find(|step| is(&step.action))
    }

    /// The destination that a write carries.
    fn joins_by(&self, write: &SlotWrite) -> Option<&'a Destination> {
        match &write.content {
            Content::Destination(name) => self.pool.destinations.get(name).copied(),
            _ => None,
        }
    }

    fn joining(&self) -> impl Iterator<Item = &'a Destination> {
        let writes = self.writes().into_iter().flatten();
        writes.filter_map(|write| self.joins_by(write))
    }

    fn writes(&self) -> Option<&'a [SlotWrite]> {
        self.plan.steps.iter().find_map(|step| match &step.action {
            Action::Update { writes, .. } => Some(writes.as_slice()),
            _ => None,
        })
    }

    fn joins_elsewhere(&self, destination: &Destination) -> bool {
        let slot = self.places.get(&destination.name);
        slot.is_some_and(|slot| slot.channel != self.plan.id)
    }

    fn writes_to(&self, group: &str) -> bool {
        let mut writes = self.writes().into_iter().flatten();
        writes.any(|write| write.output_group == group)
    }

    fn slot_id(&self, group: &str) -> SlotId {
        SlotId::new(self.plan.id.clone(), group)
    }

    /// Plays the steps as MediaLive would and says where the channel ends, or `None` after the first impossible one.
    fn walk(&self, found: &mut Vec<Violation>) -> Option<ChannelState> {
        let mut state = self.seen.state;
        let mut last = None;
        for step in &self.plan.steps {
            let action = &step.action;
            let place = match action {
                Action::Adopt { .. } | Action::Record { .. } => 0,
                Action::Wait => 1,
                Action::Stop => 2,
                Action::Update { .. } => 3,
                Action::Start => 4,
            };
            if last.is_some_and(|last| place <= last) {
                found.push(Violation::StepOrder {
                    channel: self.plan.id.clone(),
                    action: action.name(),
                });
                return None;
            }
            last = Some(place);
            let Some(next) = after(state, action) else {
                found.push(Violation::WrongState {
                    channel: self.plan.id.clone(),
                    action: action.name(),
                    state,
                });
                return None;
            };
            state = next;
        }
        Some(state)
    }

    fn check_stop(&self, protected: &Protected<'_>, end: ChannelState, found: &mut Vec<Violation>) {
        if protected.is_empty() {
            return;
        }
        if let Some(why) = self.ungranted(protected) {
            found.push(Violation::Ungranted {
                channel: self.plan.id.clone(),
                destinations: protected.names(),
                why,
            });
        }
        if !end.is_running() {
            found.push(Violation::NotBroughtBack {
                channel: self.plan.id.clone(),
                destinations: protected.names(),
            });
        }
    }

    fn ungranted(&self, protected: &Protected<'_>) -> Option<Ungranted> {
        if protected.doubted {
            return Some(Ungranted::Doubted);
        }
        if !protected.paused.is_empty() {
            return Some(Ungranted::Paused);
        }
        if protected
            .wanted
            .iter()
            .any(|destination| !destination.interruptible)
        {
            return Some(Ungranted::Uninterruptible);
        }
        if self.seen.state == ChannelState::Recovering {
            return Some(Ungranted::Recovering);
        }
        let changes = self.changes();
        let policy = &self.pool.pool.disruption;
        let by_policy = self.pool.open && changes.iter().any(|(cause, _)| policy.causes.contains(cause));
        let one_off = |(_, whose): &(Cause, Option<&DestinationName>)| {
            whose.is_some_and(|name| self.desired.grants.contains(name))
        };
        (!by_policy && !changes.iter().any(one_off)).then_some(Ungranted::Policy)
    }

    /// What the writes change on a running channel, and for whom.
    fn changes(&self) -> Vec<(Cause, Option<&'a DestinationName>)> {
        let mut changes = Vec::new();
        for write in self.writes().into_iter().flatten() {
            let Some(slot) = self.channel.slots.get(write.output_group.as_str()) else {
                continue;
            };
            if write.target == *slot.target {
                continue;
            }
            let joins = self.joins_by(write);
            changes.extend(joins.map(|joins| (self.join_cause(joins), Some(&joins.name))));
            match slot.holds {
                Holds::Held(leaves) | Holds::Presumed(leaves) | Holds::Copy(leaves) => {
                    changes.push((Cause::Stop, Some(&leaves.name)));
                }
                // A former target is a matter of Retarget where its destination joins here, of nothing while that waits.
                Holds::Outdated(leaves) if self.joins_elsewhere(leaves) && !self.may_be_rewritten(leaves) => {
                    changes.push((Cause::Stop, Some(&leaves.name)));
                }
                Holds::Outdated(_) | Holds::Parked => {}
                Holds::Undeclared => changes.push((Cause::Stop, None)),
            }
        }
        changes
    }

    /// Whether a former target read as this destination's may be that of another of its URL that joins here, though its
    /// key's change grants nothing.
    fn may_be_rewritten(&self, read_as: &Destination) -> bool {
        let by_url = |joins: &Destination| {
            joins.url == read_as.url && joins.name != read_as.name && !self.pool.has_former_on_air(joins)
        };
        !self.pool.pool.disruption.causes.contains(&Cause::Retarget) && self.joining().any(by_url)
    }

    /// Whose former target is on this channel is told by the URL, which others may share: where it is not known to be of
    /// the one who joins, but might be, both causes have to be granted.
    fn join_cause(&self, joins: &Destination) -> Cause {
        let granted = &self.pool.pool.disruption.causes;
        let mut slots = self.channel.slots.values();
        if slots.any(|slot| matches!(slot.holds, Holds::Outdated(one) if one.name == joins.name)) {
            return Cause::Retarget;
        }
        let same_url = |target: &Target| target.0.first().is_some_and(|first| first.url == joins.url);
        let mut formers = self.channel.slots.values().filter(|slot| {
            matches!(slot.holds, Holds::Outdated(_) | Holds::Undeclared) && same_url(slot.target)
        });
        if formers.next().is_some() && !granted.contains(&Cause::Retarget) {
            return Cause::Retarget;
        }
        Cause::Start
    }

    /// Stop names those it takes off air, the others nobody.
    fn check_interrupts(&self, protected: &Protected<'_>, found: &mut Vec<Violation>) {
        for step in &self.plan.steps {
            let mut actual: Vec<DestinationName> = match step.action {
                Action::Stop => protected.wanted.iter().map(|d| d.name.clone()).collect(),
                _ => Vec::new(),
            };
            actual.sort();
            let mut said = step.interrupts.clone();
            said.sort();
            if said != actual {
                found.push(Violation::WrongInterrupts {
                    channel: self.plan.id.clone(),
                    action: step.action.name(),
                    actual,
                    said,
                });
            }
        }
    }

    fn check_writes(&self, found: &mut Vec<Violation>) {
        let Some(writes) = self.writes() else {
            return;
        };
        if writes.is_empty() {
            found.push(Violation::EmptyUpdate {
                channel: self.plan.id.clone(),
            });
        }
        let mut written = BTreeSet::new();
        for write in writes {
            let id = self.slot_id(write.output_group.as_str());
            if !written.insert(&write.output_group) {
                found.push(Violation::WrittenTwice { slot: id });
                continue;
            }
            found.extend(self.wrong_write(write, id));
        }
    }

    fn wrong_write(&self, write: &SlotWrite, id: SlotId) -> Option<Violation> {
        let Some(slot) = self.channel.slots.get(write.output_group.as_str()) else {
            return Some(Violation::NoSlot { slot: id });
        };
        let pipelines = self.seen.class.pipelines();
        if write.target.0.len() != pipelines {
            return Some(Violation::WrongPipelines {
                slot: id,
                found: write.target.0.len(),
                wanted: pipelines,
            });
        }
        let (right, said) = match &write.content {
            Content::Parked => (write.target == slot.parking, "parked".to_owned()),
            Content::Destination(name) => {
                let target = self
                    .pool
                    .destinations
                    .get(name)
                    .and_then(|destination| destination.target(self.seen.class, &slot.parking));
                (target.as_ref() == Some(&write.target), name.to_string())
            }
            _ => (false, "a destination or parked".to_owned()),
        };
        if !right {
            return Some(Violation::WrongContent { slot: id, said });
        }
        match slot.holds {
            Holds::Presumed(holder) if holder.is_wanted(self.now) => Some(Violation::PresumedWritten {
                slot: id,
                destination: holder.name.clone(),
            }),
            Holds::Held(holder)
                if holder.is_wanted(self.now)
                    && self.seen.state.is_running()
                    && write.target != *slot.target =>
            {
                Some(Violation::Evicted {
                    slot: id,
                    destination: holder.name.clone(),
                })
            }
            _ => None,
        }
    }

    /// Everything on a channel that starts goes on air: each slot is parked, or a wanted destination's whose place
    /// this is.
    fn check_start(&self, found: &mut Vec<Violation>) {
        let mut anybody = false;
        for (group, slot) in &self.channel.slots {
            let Some(target) = self.final_target(group) else {
                continue;
            };
            if *target == slot.parking {
                continue;
            }
            let id = self.slot_id(group);
            let belongs = |destination: &Destination| match destination.key {
                StreamKey::Known(_) => {
                    destination.target(self.seen.class, &slot.parking).as_ref() == Some(target)
                }
                StreamKey::Unavailable { .. } => {
                    matches!(slot.holds, Holds::Presumed(holder) if holder.name == destination.name)
                }
            };
            let owner = self.assigned.get(&id).filter(|destination| belongs(destination));
            if let Some(destination) = owner {
                anybody = true;
                let writable = matches!(destination.key, StreamKey::Known(_));
                if self.seen.state == ChannelState::UpdateFailed && writable && !self.writes_to(group) {
                    found.push(Violation::NotRewritten { slot: id });
                }
            } else {
                let what = match slot.holds {
                    Holds::Held(holder) | Holds::Presumed(holder) if target == slot.target => {
                        holder.name.to_string()
                    }
                    _ => format!("a target on {}", target.hosts().join(" and ")),
                };
                found.push(Violation::PutsOnAir { slot: id, what });
            }
        }
        if !anybody {
            found.push(Violation::StartedForNobody {
                channel: self.plan.id.clone(),
            });
        }
    }
}

/// Where an action leaves a channel, or `None` where MediaLive or our own rules refuse it: a channel in transition
/// is waited for, one that stands still is not.
fn after(state: ChannelState, action: &Action) -> Option<ChannelState> {
    use ChannelState as S;
    match (action, state) {
        (Action::Adopt { .. } | Action::Record { .. }, state) => Some(state),
        (Action::Wait, S::Starting) | (Action::Start, S::Idle | S::UpdateFailed) => Some(S::Running),
        (Action::Wait, S::Creating | S::Stopping | S::Updating)
        | (Action::Stop, S::Running | S::Recovering)
        | (Action::Update { .. }, S::Idle | S::UpdateFailed) => Some(S::Idle),
        (Action::Wait | Action::Start | Action::Stop | Action::Update { .. }, _) => None,
    }
}

/// Why nothing at all may be done to a channel that no pool of the plan names.
pub(super) fn not_in_pool(plan: &ChannelPlan) -> Option<Violation> {
    (!plan.steps.is_empty()).then(|| Violation::Untouchable {
        channel: plan.id.clone(),
        why: HandsOff::NotInPool,
    })
}
