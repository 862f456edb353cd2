//! Rules for who gets which slot: everybody keeps what is theirs, and nobody is passed over in silence.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::reading::{Holds, PoolReading};
use super::steps::Subject;
use super::violation::Violation;
use crate::model::{
    ChannelId, ChannelState, Desired, Destination, Observed, PoolName, Secret, SlotId, StreamKey, WantedState,
};
use crate::plan::{Action, ChannelPlan, Content, DestinationPlan, Plan};

type World<'a> = BTreeMap<&'a PoolName, PoolReading<'a>>;

/// Every rule for the destinations of the plan, and silence on channels.
pub(super) fn check(
    plan: &Plan,
    desired: &Desired,
    world: &World<'_>,
    observed: &Observed,
    now: Timestamp,
    found: &mut Vec<Violation>,
) {
    let pushed_to = pushed_to(world);
    let channels: BTreeMap<_, &ChannelPlan> = plan
        .channels
        .iter()
        .map(|channel| (&channel.id, channel))
        .collect();
    for planned in &plan.destinations {
        let Some(declared) = desired.destinations.get(&planned.name) else {
            continue;
        };
        let Some(pool) = world.get(&declared.pool) else {
            continue;
        };
        let case = Case {
            planned,
            declared,
            pool,
            channel: planned
                .assignment
                .as_ref()
                .and_then(|slot| channels.get(&slot.channel).copied()),
            wanted: declared.is_wanted(now),
            on_air: pool.on_air_slot(&planned.name),
            pushed_to: &pushed_to,
        };
        found.extend(case.misstated());
        found.extend(case.taken_away(observed));
        found.extend(case.wrong_assignment(observed));
        found.extend(case.silent(&channels, now));
    }
    for channel in &plan.channels {
        let why = world
            .get(channel.pool.as_ref().unwrap_or(&PoolName::from("")))
            .and_then(|pool| pool.channels.get(&channel.id)?.hands_off);
        if let (Some(why), None) = (why, &channel.waiting) {
            found.push(Violation::SilentChannel {
                channel: channel.id.clone(),
                why,
            });
        }
    }
}

/// What the plan says a channel and its slots will be must be what its steps leave.
pub(super) fn check_goal(subject: &Subject<'_>, found: &mut Vec<Violation>) {
    if subject.ends_running() != subject.plan.runs {
        found.push(Violation::WrongEnd {
            channel: subject.plan.id.clone(),
        });
    }
    for said in &subject.plan.slots {
        let Some(slot) = subject.channel.slots.get(said.output_group.as_str()) else {
            continue;
        };
        let read_right = match (&said.now, slot.holds) {
            (Content::Destination(name), Holds::Held(holder) | Holds::Presumed(holder)) => {
                *name == holder.name
            }
            (said, Holds::Parked) => *said == Content::Parked,
            (said, Holds::Outdated(_) | Holds::Undeclared | Holds::Copy(_)) => {
                matches!(said, Content::Previous(_) | Content::Undeclared { .. })
            }
            _ => false,
        };
        let written = subject.plan.steps.iter().find_map(|step| match &step.action {
            Action::Update { writes, .. } => writes.iter().find(|w| w.output_group == said.output_group),
            _ => None,
        });
        let goal_right = match written {
            Some(write) => said.then == write.content,
            None => subject.is_delayed() || said.then == said.now || is_copy_of(slot.holds, &said.then),
        };
        if !read_right || !goal_right {
            found.push(Violation::WrongGoal {
                slot: SlotId::new(subject.plan.id.clone(), said.output_group.clone()),
            });
        }
    }
}

/// A copy of a destination's target carries it without a write.
fn is_copy_of(holds: Holds<'_>, then: &Content) -> bool {
    matches!((holds, then), (Holds::Copy(of), Content::Destination(name)) if of.name == *name)
}

/// One destination, as planned and as read.
struct Case<'a> {
    planned: &'a DestinationPlan,
    declared: &'a Destination,
    pool: &'a PoolReading<'a>,
    /// The channel of its assignment.
    channel: Option<&'a ChannelPlan>,
    wanted: bool,
    /// The slot it holds on a running channel.
    on_air: Option<&'a SlotId>,
    /// What running channels push to.
    pushed_to: &'a BTreeSet<(&'a str, &'a Secret)>,
}

/// The first endpoint of whatever is on air, in any pool.
fn pushed_to<'a>(world: &World<'a>) -> BTreeSet<(&'a str, &'a Secret)> {
    let channels = world.values().flat_map(|pool| pool.channels.values());
    let running = channels.filter(|channel| channel.is_running());
    let slots = running.flat_map(|channel| channel.slots.values());
    let busy = slots.filter(|slot| !matches!(slot.holds, Holds::Parked));
    busy.filter_map(|slot| slot.target.0.first())
        .map(|first| (&*first.url, &first.stream_name))
        .collect()
}

impl Case<'_> {
    /// What is said of it now must be what was declared and observed.
    fn misstated(&self) -> Option<Violation> {
        let held = self.pool.held.get(&self.planned.name);
        let seen_running = held
            .and_then(|slot| self.pool.channels.get(&slot.channel)?.seen)
            .is_some_and(|seen| seen.state == ChannelState::Running);
        let what = if self.planned.wanted != self.wanted || self.planned.state != self.declared.state {
            "whether it is wanted"
        } else if self.planned.pool != self.declared.pool {
            "its pool"
        } else if self.planned.held.as_ref() != held {
            "the slot it holds"
        } else if self.planned.on_air != seen_running {
            "whether it is on air"
        } else {
            return None;
        };
        Some(Violation::Misstated {
            destination: self.planned.name.clone(),
            what,
        })
    }

    /// Who is wanted and on air, or was interrupted by us, keeps its slot; but nobody comes back whose target is on air
    /// elsewhere meanwhile.
    fn taken_away(&self, observed: &Observed) -> Option<Violation> {
        if !self.wanted {
            return None;
        }
        let held = self.pool.held.get(&self.planned.name);
        let interrupted_in = observed
            .returning
            .get(&self.planned.name)
            .filter(|slot| Some(*slot) == held)
            .filter(|slot| {
                self.pool
                    .channels
                    .get(&slot.channel)
                    .is_some_and(|channel| channel.hands_off.is_none())
            });
        let interrupted_in = interrupted_in.filter(|_| !self.is_pushed_to());
        let own = self.on_air.or(interrupted_in)?;
        (self.planned.assignment.as_ref() != Some(own)).then(|| Violation::Moved {
            destination: self.planned.name.clone(),
            from: own.clone(),
        })
    }

    fn is_pushed_to(&self) -> bool {
        match &self.declared.key {
            StreamKey::Known(key) => self.pushed_to.contains(&(&*self.declared.url, key)),
            StreamKey::Unavailable { .. } => false,
        }
    }

    fn wrong_assignment(&self, observed: &Observed) -> Option<Violation> {
        let slot = self.planned.assignment.as_ref()?;
        let destination = || self.planned.name.clone();
        let stays = self.on_air == Some(slot);
        if !self.wanted {
            return (!stays).then(|| Violation::NotWanted {
                destination: destination(),
                slot: slot.clone(),
            });
        }
        if stays && self.channel.is_some_and(|channel| channel.runs) {
            return None;
        }
        let usable = self
            .pool
            .slot(slot)
            .is_some_and(|(channel, _)| channel.hands_off.is_none());
        if !usable {
            return Some(Violation::SlotUnavailable {
                destination: destination(),
                slot: slot.clone(),
            });
        }
        if let Some(pin) = &self.declared.pin {
            let pinned = SlotId::new(pin.channel.clone(), pin.output_group.clone());
            let at_home = observed.returning.get(&self.planned.name) == Some(slot)
                || matches!(self.declared.key, StreamKey::Unavailable { .. });
            if pinned != *slot && !at_home {
                return Some(Violation::AwayFromPin {
                    destination: destination(),
                    slot: slot.clone(),
                    pinned,
                });
            }
        }
        self.not_carried(slot).map(|what| Violation::NotCarried {
            destination: destination(),
            slot: slot.clone(),
            what,
        })
    }

    /// What is missing until the slot carries it on air. What is written there, and that only wanted ones go on air
    /// with a start, the rules for steps have looked at.
    fn not_carried(&self, slot: &SlotId) -> Option<&'static str> {
        let Some(channel) = self.channel else {
            return Some("the channel is not in the plan");
        };
        if !channel.runs {
            return Some("the channel will not run");
        }
        let then = channel
            .slots
            .iter()
            .find(|said| said.output_group == slot.output_group)
            .map(|said| &said.then);
        match then {
            Some(Content::Destination(name)) if *name == self.planned.name => None,
            _ => Some("the slot will hold something else"),
        }
    }

    /// Not where it is wanted, without a word.
    fn silent(&self, channels: &BTreeMap<&ChannelId, &ChannelPlan>, now: Timestamp) -> Option<Violation> {
        if self.planned.waiting.is_some() {
            return None;
        }
        let paused = self.declared.pause_at(now).is_some();
        let silent = match self.declared.state {
            _ if paused => false,
            WantedState::Streaming => self.planned.assignment.is_none(),
            WantedState::Ready => self.on_air.is_some_and(|slot| {
                let taken_off = channels.get(&slot.channel).is_some_and(|channel| {
                    channel
                        .steps
                        .iter()
                        .any(|step| matches!(step.action, Action::Stop))
                });
                !taken_off
            }),
        };
        silent.then(|| Violation::SilentDestination {
            destination: self.planned.name.clone(),
        })
    }
}
