//! Rules for the steps of one channel: whether they are possible, granted, and lead where the plan says.

use super::Assigned;
use super::declared::Dest;
use super::places::Role;
use super::reading::{ChannelReading, Fit, Occupant, SlotReading, World};
use super::stops::OnAir;
use super::violation::{HandsOff, Violation};
use crate::model::{ChannelState, DestinationName, Idle, ObservedChannel, SlotId, Target};
use crate::plan::{Action, ChannelPlan, Content, SlotWrite, Step, Waiting};

/// What the rules of one channel look at.
pub(super) struct Subject<'a> {
    pub(super) world: &'a World<'a>,
    pub(super) channel: &'a ChannelReading<'a>,
    pub(super) seen: &'a ObservedChannel,
    pub(super) plan: &'a ChannelPlan,
    /// Who is given which slot.
    pub(super) assigned: &'a Assigned<'a>,
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
        if let Some(why) = self.why_untouchable() {
            found.push(Violation::Untouchable {
                channel: self.plan.id.clone(),
                why,
            });
            return outcome;
        }
        self.check_adoption(found);
        self.check_tags(found);
        if !self.walk(found) {
            return outcome;
        }
        let stop = self.step(|action| matches!(action, Action::Stop));
        outcome.started = self.step(|action| matches!(action, Action::Start)).is_some();
        if self.writes().is_some() && !outcome.started {
            found.push(Violation::UpdateWithoutStart {
                channel: self.plan.id.clone(),
            });
        }
        self.check_writes(found);
        let on_air = OnAir::of(self.world, self.channel);
        if stop.is_some() {
            outcome.interrupted = on_air.wanted.len();
            self.check_stop(&on_air, found);
            self.check_moves(&on_air, found);
        }
        self.check_interrupts(&on_air, found);
        if outcome.started {
            self.check_start(found);
        }
        outcome
    }

    /// In no pool a channel of ours may stop, and its tags may be brought up to date; nothing else.
    fn why_untouchable(&self) -> Option<HandsOff> {
        let stays_in_bounds =
            |step: &Step| matches!(step.action, Action::Wait | Action::Record { .. } | Action::Stop);
        let is_out_of_bounds = self.channel.policy.is_none() && !self.plan.steps.iter().all(stays_in_bounds);
        let bounds = is_out_of_bounds.then_some(HandsOff::NotInPool);
        self.channel.hands_off.or(bounds)
    }

    /// Adopted, once, exactly if it has no owner, and before anything else is changed.
    fn check_adoption(&self, found: &mut Vec<Violation>) {
        let mut is_owned = self.seen.owner.is_some();
        let mut is_right = true;
        for step in &self.plan.steps {
            match &step.action {
                Action::Wait => {}
                Action::Adopt { .. } | Action::Update { adopts: true, .. } => {
                    is_right &= !is_owned;
                    is_owned = true;
                }
                Action::Record { .. } | Action::Stop | Action::Start | Action::Update { .. } => {
                    is_right &= is_owned;
                }
            }
        }
        if !is_right {
            found.push(Violation::Adoption {
                channel: self.plan.id.clone(),
            });
        }
    }

    /// Whether the channel waits for others to be done, so that its goal stands without steps.
    pub(super) fn is_delayed(&self) -> bool {
        is_delayed(self.plan)
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
    pub(super) fn written(&self, write: &SlotWrite) -> Option<Dest> {
        match &write.content {
            Content::Destination(name) => self.world.declared.by_name(name),
            _ => None,
        }
    }

    /// What the first update writes.
    pub(super) fn writes(&self) -> Option<&'a [SlotWrite]> {
        self.plan.steps.iter().find_map(|step| match &step.action {
            Action::Update { writes, .. } => Some(writes.as_slice()),
            _ => None,
        })
    }

    pub(super) fn write_to(&self, group: &str) -> Option<&'a SlotWrite> {
        let mut writes = self.writes().into_iter().flatten();
        writes.find(|write| write.output_group == *group)
    }

    /// Whether what a slot of a running channel holds leaves: something else is written there, or the channel stays off.
    pub(super) fn is_released(&self, group: &str) -> bool {
        let stops = self.step(|action| matches!(action, Action::Stop)).is_some();
        stops && (!self.ends_running() || self.write_to(group).is_some())
    }

    pub(super) fn slot_id(&self, group: &str) -> SlotId {
        self.channel.slot_id(group)
    }

    /// Plays the steps as MediaLive would, and says whether all are possible.
    fn walk(&self, found: &mut Vec<Violation>) -> bool {
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
                return false;
            }
            last = Some(place);
            let Some(next) = after(state, action) else {
                found.push(Violation::WrongState {
                    channel: self.plan.id.clone(),
                    action: action.name(),
                    state,
                });
                return false;
            };
            state = next;
        }
        true
    }

    /// Stop names those it takes off air, the others none.
    fn check_interrupts(&self, on_air: &OnAir, found: &mut Vec<Violation>) {
        for step in &self.plan.steps {
            let actual: Vec<DestinationName> = match step.action {
                Action::Stop => on_air.names(self.world),
                _ => Vec::new(),
            };
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

    /// Who is on air here and belongs to another pool leaves only for a slot there.
    fn check_moves(&self, on_air: &OnAir, found: &mut Vec<Violation>) {
        for (group, slot) in &self.channel.slots {
            let Occupant::Of(dest, _, role) = slot.occupant else {
                continue;
            };
            let is_of_other_pool = self.channel.pool() != Some(&self.world.destination(dest).pool);
            let keeps = self.write_to(group).and_then(|write| self.written(write)) == Some(dest);
            if on_air.wanted.contains(&dest)
                && role != (Role::Surplus { releasable: true })
                && is_of_other_pool
                && self.is_released(group)
                && !keeps
                && !self.moves_out(dest)
            {
                found.push(Violation::NoNewPlace {
                    destination: self.world.name(dest).clone(),
                    slot: self.slot_id(group),
                });
            }
        }
    }

    /// Everything on a channel that starts goes on air: each slot is parked, or a wanted destination's whose place
    /// this is, or comes back as it was.
    fn check_start(&self, found: &mut Vec<Violation>) {
        let mut is_for_any = false;
        for (group, slot) in &self.channel.slots {
            if self.ends_parked(group, slot) {
                continue;
            }
            let id = self.slot_id(group);
            let here = self.assigned.slots.get(&id).copied();
            let owner = here.filter(|dest| self.may_start(group, slot, *dest));
            if let Some(dest) = owner.or_else(|| self.comes_back_as_it_was(group, slot)) {
                is_for_any = true;
                let is_known = self.world.declared.get(dest).has_key();
                let is_unwritten = self.write_to(group).is_none();
                if self.seen.state == ChannelState::UpdateFailed && is_known && is_unwritten {
                    found.push(Violation::NotRewritten { slot: id });
                }
            } else {
                let what = self.what_starts(group, slot);
                found.push(Violation::PutsOnAir { slot: id, what });
            }
        }
        let keeps_running = self.channel.idle() == Idle::KeepRunning && self.channel.is_running();
        if !is_for_any && !keeps_running {
            found.push(Violation::StartedForNobody {
                channel: self.plan.id.clone(),
            });
        }
    }

    fn ends_parked(&self, group: &str, slot: &SlotReading<'_>) -> bool {
        match self.write_to(group) {
            None => slot.occupant == Occupant::Parked,
            Some(write) => self.channel.parking(group).as_ref() == Some(&write.target),
        }
    }

    /// Whether a slot may go on air for the destination that it is given to: with its target, or, where its key cannot be
    /// read, with what is recorded as its and comes back.
    fn may_start(&self, group: &str, slot: &SlotReading<'_>, dest: Dest) -> bool {
        let Some(write) = self.write_to(group) else {
            return match slot.occupant {
                Occupant::Of(own, Fit::Equal, _) => {
                    own == dest || self.has_equal_target(group, slot.target, dest)
                }
                Occupant::Of(own, Fit::Unknown, _) => own == dest && self.comes_back(group, dest),
                _ => false,
            };
        };
        self.has_equal_target(group, &write.target, dest)
    }

    fn has_equal_target(&self, group: &str, target: &Target, dest: Dest) -> bool {
        let parking = self.channel.parking(group);
        let own = parking.and_then(|parking| self.world.destination(dest).target(self.seen.class, &parking));
        own.is_some_and(|own| own.equals(target))
    }

    /// Whether a destination was on air in this slot, or was interrupted in it before.
    pub(super) fn comes_back(&self, group: &str, dest: Dest) -> bool {
        let returning = self.world.observed.returning.get(self.world.name(dest));
        self.channel.is_running() || returning == Some(&self.slot_id(group))
    }

    /// The wanted destination that comes back with what the slot points at now, although that is not its target or not its
    /// pool: its place may be another one by now.
    fn comes_back_as_it_was(&self, group: &str, slot: &SlotReading<'_>) -> Option<Dest> {
        let Occupant::Of(dest, fit, role) = slot.occupant else {
            return None;
        };
        let destination = self.world.destination(dest);
        let may_have_other = fit == Fit::Previous || self.channel.pool() != Some(&destination.pool);
        let is_its_place = role != Role::Surplus { releasable: true };
        let is_unwritten = self.write_to(group).is_none();
        let comes_back = self.world.declared.get(dest).wanted && self.comes_back(group, dest);
        (is_unwritten && is_its_place && may_have_other && comes_back).then_some(dest)
    }

    fn what_starts(&self, group: &str, slot: &SlotReading<'_>) -> String {
        match (self.write_to(group), &slot.occupant) {
            (None, Occupant::Of(dest, ..)) => self.world.name(*dest).to_string(),
            (None, Occupant::Vanished { identity, .. }) => identity.to_string(),
            (write, _) => {
                let target = write.map_or(slot.target, |write| &write.target);
                format!("a target on {}", target.hosts().join(" and "))
            }
        }
    }
}

/// Whether a channel waits for others to be done.
pub(super) fn is_delayed(plan: &ChannelPlan) -> bool {
    let stops = plan.steps.iter().any(|step| matches!(step.action, Action::Stop));
    matches!(plan.waiting, Some(Waiting::MaxConcurrent { .. })) && !stops
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
