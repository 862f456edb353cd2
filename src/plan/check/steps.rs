//! Rules for the steps of one channel: they are possible, on a channel that slotwise may touch, and put on air what is
//! wanted there.

use super::Planned;
use super::declared::Dest;
use super::goals::content;
use super::places::Role;
use super::reading::{ChannelReading, Fit, Occupant, SlotReading, World};
use super::violation::{About, Rule, Violation};
use crate::model::{ChannelState, DestinationName, Idle, ObservedChannel};
use crate::plan::{Action, ChannelPlan, Content, SlotWrite, Step, Waiting};

/// What the rules of one channel look at.
pub(super) struct Subject<'a> {
    pub(super) world: &'a World<'a>,
    pub(super) channel: &'a ChannelReading<'a>,
    pub(super) seen: &'a ObservedChannel,
    pub(super) plan: &'a ChannelPlan,
    pub(super) planned: &'a Planned<'a>,
    /// The effect of the steps.
    pub(super) stops: bool,
    pub(super) starts: bool,
    pub(super) ends_running: bool,
    /// What the first update writes.
    pub(super) update: Option<&'a [SlotWrite]>,
    /// Wanted destinations that are on air: their place is here, or they are here until their place is on air.
    pub(super) on_air: Vec<Dest>,
}

impl<'a> Subject<'a> {
    pub(super) fn new(
        world: &'a World<'a>,
        channel: &'a ChannelReading<'a>,
        plan: &'a ChannelPlan,
        planned: &'a Planned<'a>,
    ) -> Option<Self> {
        let seen = channel.seen?;
        let mut subject = Self {
            world,
            channel,
            seen,
            plan,
            planned,
            stops: false,
            starts: false,
            ends_running: seen.state.is_running(),
            update: None,
            on_air: Vec::new(),
        };
        for step in &plan.steps {
            match &step.action {
                Action::Stop => subject.stops = true,
                Action::Start => subject.starts = true,
                Action::Update { writes, .. } => subject.update = subject.update.or(Some(writes.as_slice())),
                Action::Wait | Action::Adopt { .. } | Action::Record { .. } => continue,
            }
            subject.ends_running = step.action == Action::Start;
        }
        if channel.is_running() && (subject.stops || is_delayed(plan)) {
            subject.on_air = wanted_on(world, channel);
        }
        Some(subject)
    }

    /// Every rule for the steps. Whether the channel is started.
    pub(super) fn check(&self, found: &mut Vec<Violation>) -> bool {
        if !self.walk(found) {
            return false;
        }
        self.check_room(found);
        if self.update.is_some() && !self.starts {
            found.push(self.broken(Rule::UpdateWithoutStart, "is updated but not started"));
        }
        self.check_writes(found);
        if self.stops {
            self.check_stop(found);
            self.check_moves(found);
        }
        if self.starts {
            self.check_start(found);
            self.check_used_up(found);
        }
        self.starts
    }

    /// Plays the steps as MediaLive would, and says whether all are possible.
    fn walk(&self, found: &mut Vec<Violation>) -> bool {
        let mut state = self.seen.state;
        let mut is_owned = self.seen.owner.is_some();
        let mut last = None;
        for step in &self.plan.steps {
            let action = &step.action;
            let place = place_of(action);
            if last.is_some_and(|last| place <= last) {
                let what = format!("{} comes too late or twice", action.name());
                found.push(self.broken(Rule::StepOrder, what));
                return false;
            }
            last = Some(place);
            let Some(next) = after(state, action) else {
                let what = format!("{} is impossible while it is {state}", action.name());
                found.push(self.broken(Rule::WrongState, what));
                return false;
            };
            state = next;
            if *action != Action::Wait && adopts(action) == is_owned {
                let what = "is to be adopted exactly if it has no owner, before any other step";
                found.push(self.broken(Rule::Adoption, what));
            }
            is_owned |= *action != Action::Wait;
            self.check_tags(action, found);
            self.check_takeover(action, found);
            self.check_interrupts(step, found);
        }
        true
    }

    /// Stop names those it takes off air, the others none.
    fn check_interrupts(&self, step: &Step, found: &mut Vec<Violation>) {
        let actual = match step.action {
            Action::Stop => self.names(&self.on_air),
            _ => Vec::new(),
        };
        let mut said = step.interrupts.clone();
        said.sort();
        if said != actual {
            let name = step.action.name();
            let what = format!("{name} takes off air {}, but says {}", list(&actual), list(&said));
            found.push(self.broken(Rule::WrongInterrupts, what));
        }
    }

    /// A start puts everything on the channel on air.
    fn check_start(&self, found: &mut Vec<Violation>) {
        let mut is_for_any = false;
        for slot in &self.channel.slots {
            let write = self.write_to(slot);
            let puts_on_air = match write {
                Some(write) => write.content != Content::Parked,
                None => slot.occupant != Occupant::Parked,
            };
            if !puts_on_air {
                continue;
            }
            let Some(dest) = self.starts_for(slot) else {
                let held = content(self.world, slot);
                let ends_with = write.map_or(&held, |write| &write.content);
                let what = format!("the start would put {ends_with} on air");
                found.push(slot.broken(Rule::PutsOnAir, what));
                continue;
            };
            is_for_any = true;
            let is_known = self.world.one(dest).has_key();
            if self.seen.state == ChannelState::UpdateFailed && is_known && write.is_none() {
                let what = "is not written again after the update that failed";
                found.push(slot.broken(Rule::NotRewritten, what));
            }
        }
        let ran = self.channel.is_running() || self.world.observed.restarting.contains(self.channel.id);
        let keeps_running = self.channel.idle() == Idle::KeepRunning && ran;
        if !is_for_any && !keeps_running {
            found.push(self.broken(Rule::StartedForNobody, "is started for no destination"));
        }
    }

    /// The wanted destination that a slot may go on air for: the one that it is given to, with its target or, where its key
    /// cannot be read, with the target that is recorded as its own. Or one that comes back after an interruption with the
    /// slot's present target, although that is no longer its target or the slot no longer in its pool.
    fn starts_for(&self, slot: &SlotReading<'_>) -> Option<Dest> {
        let given = self.planned.slots.get(&slot.site).copied();
        if let Some(write) = self.write_to(slot) {
            return self.written(write).filter(|dest| Some(*dest) == given);
        }
        let Occupant::Of(dest, fit, role) = slot.occupant else {
            return None;
        };
        let comes_back = self.comes_back(slot, dest);
        let is_given = given == Some(dest) && (fit == Fit::Equal || fit == Fit::Unknown && comes_back);
        let may_have_other = fit == Fit::Previous || !self.world.is_of_pool(self.channel, dest);
        let is_its_place = role != Role::Releasable;
        let is_as_it_was = self.world.one(dest).wanted && comes_back && is_its_place && may_have_other;
        (is_given || is_as_it_was).then_some(dest)
    }

    pub(super) fn write_to(&self, slot: &SlotReading<'_>) -> Option<&'a SlotWrite> {
        let mut writes = self.update.into_iter().flatten();
        writes.find(|write| write.output_group == slot.id.output_group)
    }

    /// The destination that a write carries.
    pub(super) fn written(&self, write: &SlotWrite) -> Option<Dest> {
        match &write.content {
            Content::Destination(name) => self.world.declared.by_name(name),
            _ => None,
        }
    }

    /// Whether a destination was on air in this slot, or was interrupted in it before.
    pub(super) fn comes_back(&self, slot: &SlotReading<'_>, dest: Dest) -> bool {
        self.channel.is_running() || self.world.returns_to(slot, dest)
    }

    /// Whether what a slot of a running channel holds leaves: something else is written there, or the channel stays off.
    pub(super) fn is_released(&self, slot: &SlotReading<'_>) -> bool {
        self.stops && (!self.ends_running || self.write_to(slot).is_some())
    }

    /// By name, sorted.
    pub(super) fn names(&self, dests: &[Dest]) -> Vec<DestinationName> {
        dests.iter().map(|dest| self.world.name(*dest).clone()).collect()
    }

    pub(super) fn broken(&self, rule: Rule, what: impl Into<String>) -> Violation {
        Violation::new(rule, About::Channel(self.plan.id.clone()), what)
    }
}

/// A step on a channel that must be left as it is. An owned channel in no pool may stop, and its tags may be brought up
/// to date; nothing else.
pub(super) fn untouchable(plan: &ChannelPlan, channel: &ChannelReading<'_>) -> Option<Violation> {
    let is_in_bounds = |step: &Step| {
        let is_harmless = matches!(step.action, Action::Wait | Action::Record { .. } | Action::Stop);
        is_harmless || channel.policy.is_some()
    };
    let bounds = (!plan.steps.iter().all(is_in_bounds)).then_some("no pool names it");
    let why = channel.hands_off.or(bounds).filter(|_| !plan.steps.is_empty())?;
    let what = format!("must be left alone: {why}");
    Some(Violation::new(
        Rule::Untouchable,
        About::Channel(plan.id.clone()),
        what,
    ))
}

/// Wanted destinations on air on a running channel, by name.
fn wanted_on(world: &World<'_>, channel: &ChannelReading<'_>) -> Vec<Dest> {
    let wanted = |slot: &SlotReading<'_>| match slot.occupant {
        Occupant::Of(dest, _, role) if role != Role::Releasable => {
            Some(dest).filter(|dest| world.one(*dest).wanted)
        }
        _ => None,
    };
    let mut all: Vec<Dest> = channel.slots.iter().filter_map(wanted).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Names, one after the other.
pub(super) fn list(names: &[DestinationName]) -> String {
    let names: Vec<&str> = names.iter().map(DestinationName::as_str).collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

/// Whether a channel waits for others, so that it has a goal without steps.
pub(super) fn is_delayed(plan: &ChannelPlan) -> bool {
    matches!(plan.waiting, Some(Waiting::MaxConcurrent { .. })) && !has_stop(plan)
}

pub(super) fn has_stop(plan: &ChannelPlan) -> bool {
    plan.steps.iter().any(|step| step.action == Action::Stop)
}

pub(super) fn adopts(action: &Action) -> bool {
    matches!(action, Action::Adopt { .. } | Action::Update { adopts: true, .. })
}

/// The place of an action in the order of steps.
fn place_of(action: &Action) -> u8 {
    match action {
        Action::Adopt { .. } | Action::Record { .. } => 0,
        Action::Wait => 1,
        Action::Stop => 2,
        Action::Update { .. } => 3,
        Action::Start => 4,
    }
}

/// Where an action leaves a channel, or `None` where MediaLive or slotwise's rules refuse it: a channel in transition
/// is waited for, any other is not.
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
