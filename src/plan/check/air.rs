//! One stream is on air once: nothing is started while the same stream may be published somewhere else.
//!
//! Somewhere else is any other channel that may publish, of any owner, whatever this plan does to it, since steps of
//! different channels have no order; and any other slot that this plan starts. Two destinations may have one stream if
//! one goes to a platform's primary ingest and the other to its backup.

use super::declared::{Dest, Push};
use super::places::Role;
use super::reading::{ChannelReading, Fit, Occupant, World};
use super::steps::Subject;
use super::violation::{About, Rule, Violation};
use crate::model::{ChannelId, OutputState, SlotId, Stream};

/// What is published, sorted by stream.
#[derive(Default)]
pub(super) struct Air(Vec<Published>);

/// One stream that one channel publishes.
struct Published {
    /// The channel and its output group, or a placeholder for it.
    at: SlotId,
    by: By,
    push: Push,
    /// The declared destination whose target it is.
    of: Option<Dest>,
}

/// What publishes a stream.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// A slot that is on air and stays so.
    RunningSlot,
    Slot,
    Other,
    /// A router output.
    Output,
}

/// What stands for the output group of a router output.
const ROUTER_OUTPUT: &str = "(a router output)";

impl Air {
    /// What any channel of the account may publish now.
    pub(super) fn read(world: &World<'_>) -> Self {
        let mut all = Vec::new();
        for channel in world.channels.iter().filter(|channel| channel.may_publish()) {
            let by = if channel.is_running() {
                By::RunningSlot
            } else {
                By::Slot
            };
            for slot in &channel.slots {
                let of = match slot.occupant {
                    Occupant::Of(dest, Fit::Equal, Role::Held) => Some(dest),
                    _ => None,
                };
                let pushes = slot.pipes.iter().flatten();
                all.extend(pushes.map(|push| Published::new(&slot.id, by, push, of)));
            }
            all.extend(beside(channel));
            let strays = channel.strays.iter().flatten();
            let at = SlotId::new(channel.id.clone(), "(another output)");
            all.extend(strays.map(|push| Published::new(&at, By::Other, push, None)));
        }
        for (id, endpoints) in &world.observed.elsewhere {
            let at = SlotId::new(id.clone(), "(an output)");
            let pushes = endpoints.iter().map(Push::of);
            all.extend(pushes.map(|push| Published::new(&at, By::Other, &push, None)));
        }
        for (arn, output) in &world.observed.routers.outputs {
            let may_publish = !matches!(
                output.state,
                OutputState::Standby | OutputState::Creating | OutputState::Deleting
            );
            if let Some(target) = output.target.as_ref().filter(|_| may_publish) {
                let at = SlotId::new(arn.as_str(), ROUTER_OUTPUT);
                all.push(Published::new(&at, By::Output, &Push::of(target), None));
            }
        }
        Self::sorted(all)
    }

    fn sorted(mut all: Vec<Published>) -> Self {
        all.sort_by(|one, other| one.push.stream.cmp(&other.push.stream));
        Self(all)
    }

    /// Everything that publishes a stream.
    fn of(&self, stream: &Stream) -> impl Iterator<Item = &Published> {
        let from = self.0.partition_point(|one| one.push.stream < *stream);
        let stream = stream.clone();
        self.0[from..]
            .iter()
            .take_while(move |one| one.push.stream == stream)
    }

    /// Whether a channel other than `own` publishes a stream.
    pub(super) fn is_beside(&self, own: &ChannelId, stream: &Stream) -> bool {
        self.of(stream).any(|one| one.at.channel != *own)
    }

    /// Whether a channel may publish what would be pushed at this of a platform's two ingests.
    pub(super) fn may_be_published(&self, push: &Push) -> bool {
        let is_backup = push.form.is_backup_ingest();
        let mut all = self.of(&push.stream).filter(|one| one.by != By::Output);
        all.any(|one| one.push.form.is_backup_ingest() == is_backup)
    }

    /// Whether a slot of a running channel publishes a stream.
    pub(super) fn is_in_running_slot(&self, stream: &Stream) -> bool {
        self.of(stream).any(|one| one.by == By::RunningSlot)
    }
}

impl Published {
    fn new(at: &SlotId, by: By, push: &Push, of: Option<Dest>) -> Self {
        let (at, push) = (at.clone(), push.clone());
        Self { at, by, push, of }
    }

    /// Whether two that publish the same stream may do so at once: as a platform's primary and backup ingest, declared twice or
    /// once beside the slots of the same channel.
    fn may_stand_beside(&self, other: &Self) -> bool {
        let are_declared = self.of.is_some() && other.of.is_some() && self.of != other.of;
        let is_one_beside = (self.by == By::Other) != (other.by == By::Other);
        let is_in_an_output = self.by == By::Output || other.by == By::Output;
        let are_two = are_declared || is_in_an_output || is_one_beside && self.at.channel == other.at.channel;
        are_two && self.push.form.is_backup_ingest() != other.push.form.is_backup_ingest()
    }
}

/// What a channel publishes in output groups that are no slots.
fn beside(channel: &ChannelReading<'_>) -> impl Iterator<Item = Published> {
    channel.others.iter().flat_map(|(group, pipes)| {
        let at = channel.slot_id(group);
        let pushes = pipes.iter().flatten();
        pushes.map(move |push| Published::new(&at, By::Other, push, None))
    })
}

/// What the started channels of a plan publish: in slots, and newly in other output groups.
#[derive(Default)]
pub(super) struct Started(Vec<Published>);

impl Started {
    /// Adds what a started channel publishes. That the update writes what the plan says is a rule of its own.
    pub(super) fn add(&mut self, subject: &Subject<'_>) {
        let channel = subject.channel;
        let runs = channel.is_running();
        for slot in &channel.slots {
            let is_kept = |push: &Push| {
                let mut before = slot.pipes.iter().flatten();
                runs && before.any(|before| before.stream == push.stream)
            };
            let mut add = |push: &Push, of| {
                let by = if is_kept(push) { By::RunningSlot } else { By::Slot };
                self.0.push(Published::new(&slot.id, by, push, of));
            };
            if let Some(write) = subject.write_to(slot) {
                let of = subject.written(write);
                let one = of.map(|dest| subject.world.one(dest)).into_iter();
                one.flat_map(|one| one.pushes(subject.seen.class))
                    .for_each(|push| add(push, of));
            } else {
                let of = match slot.occupant {
                    Occupant::Of(dest, Fit::Equal, _) => Some(dest),
                    _ => None,
                };
                slot.pipes.iter().flatten().for_each(|push| add(push, of));
            }
        }
        if !runs {
            self.0.extend(beside(channel));
        }
    }

    /// Looks for every newly started stream among what is published on other channels, and among what is started in
    /// slots of any channel.
    pub(super) fn check(self, world: &World<'_>, found: &mut Vec<Violation>) {
        let started = Air::sorted(self.0);
        for new in started.0.iter().filter(|one| one.by != By::RunningSlot) {
            let stream = &new.push.stream;
            let now = world
                .air
                .of(stream)
                .filter(|one| one.at.channel != new.at.channel);
            let in_slots = started
                .of(stream)
                .filter(|one| one.by != By::Other && one.at != new.at);
            if let Some(other) = now.chain(in_slots).find(|one| !one.may_stand_beside(new)) {
                let about = About::Slots(other.at.clone(), new.at.clone());
                found.push(Violation::new(
                    Rule::TargetTwice,
                    about,
                    "they would have the same target",
                ));
            }
        }
    }
}
