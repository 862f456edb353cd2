//! One stream is on air once: nothing is started while the same stream may be published somewhere else.
//!
//! Somewhere else is any other channel that may publish, ours or not, whatever becomes of it by this plan, since steps of
//! different channels have no order; and any other slot that this plan starts. Two destinations may have one stream if
//! one goes to a platform's primary ingest and the other to its backup.

use super::declared::{Dest, Push};
use super::places::Role;
use super::reading::{ChannelReading, Fit, Occupant, World};
use super::steps::Subject;
use super::violation::{About, Rule, Violation};
use crate::model::{ChannelId, SlotId, Stream};

/// What is published, sorted by stream.
#[derive(Default)]
pub(super) struct Air<'a>(Vec<Published<'a>>);

/// One stream that one channel publishes.
pub(super) struct Published<'a> {
    channel: &'a ChannelId,
    /// The output group, or what stands for it.
    group: &'a str,
    by: By,
    push: Push,
    /// The declared destination whose target it is.
    of: Option<Dest>,
}

/// What publishes a stream.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// A slot that does so already, and goes on.
    RunningSlot,
    Slot,
    Other,
}

impl<'a> Air<'a> {
    /// What any channel of the account may publish now.
    pub(super) fn now(world: &World<'a>) -> Self {
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
                all.extend(pushes.map(|push| Published::new(channel.id, slot.group.as_str(), by, push, of)));
            }
            all.extend(beside(channel));
            let strays = channel.strays.iter().flatten();
            all.extend(strays.map(|push| Published::other(channel.id, "(another output)", push)));
        }
        for (id, endpoints) in &world.observed.elsewhere {
            let pushes = endpoints.iter().map(Push::of);
            all.extend(pushes.map(|push| Published::other(id, "(an output)", &push)));
        }
        Self::sorted(all)
    }

    fn sorted(mut all: Vec<Published<'a>>) -> Self {
        all.sort_by(|one, other| one.push.stream.cmp(&other.push.stream));
        Self(all)
    }

    /// Everything that publishes a stream.
    fn of(&self, stream: &Stream) -> impl Iterator<Item = &Published<'a>> {
        let from = self.0.partition_point(|one| one.push.stream < *stream);
        let stream = stream.clone();
        self.0[from..]
            .iter()
            .take_while(move |one| one.push.stream == stream)
    }

    /// Whether a channel other than `own` publishes a stream.
    pub(super) fn is_beside(&self, own: &ChannelId, stream: &Stream) -> bool {
        self.of(stream).any(|one| one.channel != own)
    }

    /// Whether a slot of a running channel publishes a stream.
    pub(super) fn is_in_running_slot(&self, stream: &Stream) -> bool {
        self.of(stream).any(|one| one.by == By::RunningSlot)
    }
}

impl<'a> Published<'a> {
    fn new(channel: &'a ChannelId, group: &'a str, by: By, push: &Push, of: Option<Dest>) -> Self {
        let push = push.clone();
        Self {
            channel,
            group,
            by,
            push,
            of,
        }
    }

    fn other(channel: &'a ChannelId, group: &'a str, push: &Push) -> Self {
        Self::new(channel, group, By::Other, push, None)
    }

    fn id(&self) -> SlotId {
        SlotId::new(self.channel.clone(), self.group)
    }

    /// Whether two that publish the same stream may do so at once: as a platform's primary and backup ingest.
    fn may_stand_beside(&self, other: &Self) -> bool {
        let are_two = self.of.is_some() && other.of.is_some() && self.of != other.of;
        are_two && self.push.form.is_backup_ingest() != other.push.form.is_backup_ingest()
    }
}

/// What a channel publishes in output groups that are no slots.
fn beside<'r, 'a>(channel: &'r ChannelReading<'a>) -> impl Iterator<Item = Published<'a>> + use<'r, 'a> {
    channel.others.iter().flat_map(|(group, pipes)| {
        let pushes = pipes.iter().flatten();
        pushes.map(|push| Published::other(channel.id, group.as_str(), push))
    })
}

/// What the started channels of a plan publish: in slots, and anew in other output groups.
#[derive(Default)]
pub(super) struct Started<'a>(Vec<Published<'a>>);

impl<'a> Started<'a> {
    /// Adds what a channel publishes that is started.
    pub(super) fn add(&mut self, subject: &Subject<'a>) {
        let channel = subject.channel;
        let runs = channel.is_running();
        for slot in &channel.slots {
            let written = subject.write_to(slot).map(|write| {
                let pipes = channel.pipes(slot.group, &write.target);
                (pipes, subject.written(write))
            });
            let (pipes, of) = match (&written, &slot.occupant) {
                (Some((pipes, of)), _) => (pipes, *of),
                (None, Occupant::Of(dest, Fit::Equal, _)) => (&slot.pipes, Some(*dest)),
                (None, _) => (&slot.pipes, None),
            };
            for push in pipes.iter().flatten() {
                let mut before = slot.pipes.iter().flatten();
                let goes_on = runs && before.any(|before| before.stream == push.stream);
                let by = if goes_on { By::RunningSlot } else { By::Slot };
                self.0
                    .push(Published::new(channel.id, slot.group.as_str(), by, push, of));
            }
        }
        if !runs {
            self.0.extend(beside(channel));
        }
    }

    /// Looks for every stream that is started anew among what is published on other channels, and those of slots among what
    /// is started in slots, too.
    pub(super) fn check(self, world: &World<'a>, found: &mut Vec<Violation>) {
        let started = Air::sorted(self.0);
        for new in started.0.iter().filter(|one| one.by != By::RunningSlot) {
            let stream = &new.push.stream;
            let now = world.air.of(stream).filter(|one| one.channel != new.channel);
            let in_slots = started.of(stream).filter(|one| {
                let is_elsewhere = (one.channel, one.group) != (new.channel, new.group);
                new.by == By::Slot && one.by != By::Other && is_elsewhere
            });
            if let Some(other) = now.chain(in_slots).find(|one| !one.may_stand_beside(new)) {
                let about = About::Slots(other.id(), new.id());
                found.push(Violation::new(
                    Rule::TargetTwice,
                    about,
                    "they would have the same target",
                ));
            }
        }
    }
}
