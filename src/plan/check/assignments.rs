//! Rules for who gets which slot: every destination keeps what is its own, and none is passed over in silence.

use std::collections::BTreeMap;

use super::declared::{Dest, Pipe};
use super::duplicates::OnAirNow;
use super::places::{Role, Site};
use super::reading::{ChannelReading, Fit, Occupant, SlotReading, World};
use super::steps::is_delayed;
use super::violation::Violation;
use crate::model::{ChannelId, ChannelState, SlotId, WantedState};
use crate::plan::{Action, ChannelPlan, Content, DestinationPlan, Plan};

type Channels<'a> = BTreeMap<&'a ChannelId, &'a ChannelPlan>;

/// Every rule for the destinations of the plan, and silence on channels.
pub(super) fn check(plan: &Plan, world: &World<'_>, found: &mut Vec<Violation>) {
    let on_air_now = OnAirNow::new(world);
    let channels: Channels<'_> = plan
        .channels
        .iter()
        .map(|channel| (&channel.id, channel))
        .collect();
    for planned in &plan.destinations {
        let Some(dest) = world.declared.by_name(&planned.name) else {
            continue;
        };
        let case = Case {
            world,
            planned,
            dest,
            slot: own(world, dest),
            channels: &channels,
        };
        found.extend(case.misstated());
        found.extend(case.taken_away(&on_air_now));
        found.extend(case.wrong_assignment());
        found.extend(case.silent());
    }
    for channel in &plan.channels {
        let reading = world.channels.get(&channel.id);
        let why = reading
            .filter(|reading| reading.policy.is_some())
            .and_then(|one| one.hands_off);
        if let (Some(why), None) = (why, &channel.waiting) {
            found.push(Violation::SilentChannel {
                channel: channel.id.clone(),
                why,
            });
        }
    }
}

/// A destination's slot: where it is, its channel, itself.
type Own<'a> = (Site<'a>, &'a ChannelReading<'a>, &'a SlotReading<'a>);

fn own<'a>(world: &'a World<'a>, dest: Dest) -> Option<Own<'a>> {
    let site = world.places[dest].first()?;
    let channel = world.channels.get(site.channel)?;
    Some((site, channel, channel.slots.get(site.group)?))
}

/// One destination, as planned and as read.
struct Case<'a> {
    world: &'a World<'a>,
    planned: &'a DestinationPlan,
    dest: Dest,
    /// The slot that it is on air in, or else the one that it holds.
    slot: Option<Own<'a>>,
    channels: &'a Channels<'a>,
}

impl<'a> Case<'a> {
    /// Its slot, if its channel runs.
    fn on_air(&self) -> Option<Own<'a>> {
        self.slot.filter(|(_, channel, _)| channel.is_running())
    }

    fn is_wanted(&self) -> bool {
        self.world.declared.get(self.dest).wanted
    }

    fn is_of_pool(&self, channel: &ChannelReading<'_>) -> bool {
        channel.pool() == Some(&self.world.destination(self.dest).pool)
    }

    /// What is said of it now must be what was declared and observed.
    fn misstated(&self) -> Option<Violation> {
        let declared = self.world.destination(self.dest);
        let slot = self.slot;
        let said = self.planned.held.as_ref();
        let is_held_right = match (slot, said) {
            (Some((site, ..)), Some(said)) => site.is(said),
            (None, None) => true,
            _ => false,
        };
        let is_seen_running =
            slot.is_some_and(|(_, channel, _)| channel.state() == Some(ChannelState::Running));
        let is_previous = slot.is_some_and(|(_, _, slot)| {
            matches!(slot.occupant, Occupant::Of(_, Fit::Changed | Fit::Previous, _))
        });
        let what = if self.planned.wanted != self.is_wanted() || self.planned.state != declared.state {
            "whether it is wanted"
        } else if self.planned.pool != declared.pool {
            "its pool"
        } else if !is_held_right {
            "the slot it holds"
        } else if self.planned.on_air != is_seen_running {
            "whether it is on air"
        } else if self.planned.is_previous != is_previous {
            "whether that is with its previous target"
        } else {
            return None;
        };
        Some(Violation::Misstated {
            destination: self.planned.name.clone(),
            what,
        })
    }

    /// Who is wanted and on air in its pool, or was interrupted by us, keeps its slot; but none comes back whose stream is
    /// on air somewhere else meanwhile. With a previous target it may begin somewhere else.
    fn taken_away(&self, on_air_now: &OnAirNow<'_>) -> Option<Violation> {
        let (site, channel, slot) = self.slot?;
        let Occupant::Of(_, fit, _) = slot.occupant else {
            return None;
        };
        if !self.is_wanted() || fit == Fit::Previous || !self.is_of_pool(channel) {
            return None;
        }
        let returning = self.world.observed.returning.get(&self.planned.name);
        let comes_back = returning.is_some_and(|own| site.is(own)) && channel.hands_off.is_none();
        let is_beside = || {
            let own: Vec<_> = slot.pipes.iter().filter_map(Pipe::stream).cloned().collect();
            let others = channel.others.iter().flat_map(|group| group.target.iter());
            let others = others.flat_map(|target| target.0.iter().map(crate::model::Endpoint::stream));
            let is_on_air = |stream: &_| on_air_now.has_beside(site.channel, stream);
            others
                .into_iter()
                .any(|stream| own.contains(&stream) || is_on_air(&stream))
                || own.iter().any(is_on_air)
        };
        let is_own = channel.is_running() || comes_back && !is_beside();
        let keeps = self.planned.assignment.as_ref().is_some_and(|slot| site.is(slot));
        (is_own && !keeps).then(|| Violation::Moved {
            destination: self.planned.name.clone(),
            from: site.id(),
        })
    }

    fn wrong_assignment(&self) -> Option<Violation> {
        let slot = self.planned.assignment.as_ref()?;
        let destination = || self.planned.name.clone();
        let plan = self.channels.get(&slot.channel).copied();
        let stays = self.on_air().is_some_and(|(site, ..)| site.is(slot));
        if !self.is_wanted() {
            return (!stays).then(|| Violation::NotWanted {
                destination: destination(),
                slot: slot.clone(),
            });
        }
        if stays && plan.is_some_and(|channel| channel.runs) {
            return None;
        }
        if !self.may_have(slot) {
            return Some(Violation::SlotUnavailable {
                destination: destination(),
                slot: slot.clone(),
            });
        }
        if let Some(violation) = self.away_from_pin(slot) {
            return Some(violation);
        }
        if self.is_reserved(slot, plan) {
            return None;
        }
        self.not_carried(slot, plan).map(|what| Violation::NotCarried {
            destination: destination(),
            slot: slot.clone(),
            what,
        })
    }

    /// Whether the slot is one of its pool that may be used; and, if the pool's pattern does not match it, its own.
    fn may_have(&self, slot: &SlotId) -> bool {
        self.world.slot(slot).is_some_and(|(channel, found)| {
            let is_own = matches!(found.occupant, Occupant::Of(dest, ..) if dest == self.dest);
            self.is_of_pool(channel) && channel.hands_off.is_none() && (found.matches || is_own)
        })
    }

    fn away_from_pin(&self, slot: &SlotId) -> Option<Violation> {
        let pin = self.world.destination(self.dest).pin.as_ref()?;
        let pinned = SlotId::new(pin.channel.clone(), pin.output_group.clone());
        let is_returning = self.world.observed.returning.get(&self.planned.name) == Some(slot);
        let may_differ = is_returning || !self.world.declared.get(self.dest).has_key();
        (pinned != *slot && !may_differ).then(|| Violation::AwayFromPin {
            destination: self.planned.name.clone(),
            slot: slot.clone(),
            pinned,
        })
    }

    /// Whether the slot is kept free on a stopped channel for a destination that this plan takes off air in another pool, or
    /// that is going off air there: it begins here once it has ended there.
    fn is_reserved(&self, slot: &SlotId, plan: Option<&ChannelPlan>) -> bool {
        let is_away = |(_, channel, _): &Own<'_>| channel.may_publish() && !self.is_of_pool(channel);
        let Some((old, channel, _)) = self.slot.filter(is_away) else {
            return false;
        };
        let is_taken_off = self.channels.get(channel.id).is_some_and(|plan| {
            let stops = plan.steps.iter().any(|step| matches!(step.action, Action::Stop));
            let mut written = plan.steps.iter().flat_map(|step| step.action.writes());
            let is_written = written.any(|write| write.output_group == *old.group);
            stops && (is_written || !plan.runs) || is_delayed(plan)
        });
        let leaves = !channel.is_running() || is_taken_off;
        let new = self.world.slot(slot);
        let is_free = new.is_some_and(|(channel, slot)| {
            channel.is_stopped() && !plan.is_some_and(|plan| plan.runs) && self.may_take(slot)
        });
        leaves && is_free
    }

    /// Whether a slot of a stopped channel may be written for this destination.
    fn may_take(&self, slot: &SlotReading<'_>) -> bool {
        match slot.occupant {
            Occupant::Of(dest, Fit::Unknown, _) => {
                let one = self.world.declared.get(dest);
                !one.wanted && !one.paused
            }
            _ => true,
        }
    }

    /// What is missing until the slot carries it on air. What is written there, and that only wanted ones go on air
    /// with a start, the rules for steps have looked at.
    fn not_carried(&self, slot: &SlotId, plan: Option<&ChannelPlan>) -> Option<&'static str> {
        let Some(channel) = plan else {
            return Some("the channel is not in the plan");
        };
        if !channel.runs {
            return Some("the channel will not run");
        }
        let mut slots = channel.slots.iter();
        let then = slots
            .find(|said| said.output_group == slot.output_group)
            .map(|said| &said.then);
        match then {
            Some(Content::Destination(name)) if *name == self.planned.name => None,
            _ => Some("the slot will hold something else"),
        }
    }

    /// Not where it is wanted, or not as it is wanted, without a word.
    fn silent(&self) -> Option<Violation> {
        if self.planned.waiting.is_some() || self.world.declared.get(self.dest).paused {
            return None;
        }
        let is_stopped = |channel: &ChannelReading<'_>| {
            let plan = self.channels.get(channel.id);
            let mut steps = plan.into_iter().flat_map(|plan| &plan.steps);
            steps.any(|step| matches!(step.action, Action::Stop))
        };
        let on_air = self.on_air();
        let silent = match self.world.destination(self.dest).state {
            WantedState::Streaming => {
                let stays = |(site, channel, slot): Own<'_>| {
                    let is_right = self.is_of_pool(channel) && !is_changed(slot);
                    let is_given = self.planned.assignment.as_ref().is_some_and(|slot| site.is(slot));
                    is_given && !is_right && !is_stopped(channel)
                };
                self.planned.assignment.is_none() || on_air.is_some_and(stays)
            }
            WantedState::Ready => on_air.is_some_and(|(_, channel, _)| !is_stopped(channel)),
        };
        silent.then(|| Violation::SilentDestination {
            destination: self.planned.name.clone(),
        })
    }
}

/// Whether a slot has another target than its destination, by the declaration's own change.
fn is_changed(slot: &SlotReading<'_>) -> bool {
    matches!(
        slot.occupant,
        Occupant::Of(_, Fit::Changed | Fit::Previous, Role::Held | Role::Previous)
    )
}
