//! Rules for the tags of slots: what is recorded is what the slot holds, or is going to hold with the same step.
//!
//! | step | tags |
//! |---|---|
//! | update | exactly one for every slot that it writes, as far as there is room; and for equal or parked slots without a tag that fits |
//! | adopt | for equal slots, and `adopted` for those with the same stream at another address |
//! | record | the same for slots on air without any tag; `released` for what vanished and is released; removes those without a group |
//!
//! While MediaLive refuses tags of slots there are none.

use std::collections::{BTreeMap, BTreeSet};

use super::reading::{Fit, Occupant, SlotReading};
use super::steps::Subject;
use super::violation::Violation;
use crate::model::tag::{TAGS_MAX, slot_tag_key};
use crate::model::{Mark, OutputGroup, Recorded, Recording, SlotTag, Target, TargetDigest};
use crate::plan::{Action, Content, SlotRecord, SlotWrite};

impl Subject<'_> {
    /// Every rule for tags.
    pub(super) fn check_tags(&self, found: &mut Vec<Violation>) {
        let is_denied = self.world.observed.recording != Recording::Allowed;
        for step in &self.plan.steps {
            let action = &step.action;
            if is_denied && (!action.tags().is_empty() || matches!(action, Action::Record { .. })) {
                found.push(self.wrong_record("MediaLive refuses tags of slots"));
                continue;
            }
            let mut tagged = BTreeMap::new();
            for record in action.tags() {
                if tagged.insert(&record.output_group, &record.tag).is_some() {
                    found.push(self.wrong_tag(&record.output_group, "it is there twice"));
                }
            }
            match action {
                Action::Update { writes, .. } if !is_denied => {
                    found.extend(
                        writes
                            .iter()
                            .filter_map(|write| self.wrong_tag_of_write(write, &tagged)),
                    );
                    let written: BTreeSet<_> = writes.iter().map(|write| &write.output_group).collect();
                    let others = step.action.tags().iter();
                    let others = others.filter(|record| !written.contains(&record.output_group));
                    found.extend(others.filter_map(|one| self.wrong_first_tag(one, needs_tag)));
                }
                Action::Adopt { tags } => {
                    let is_exact = |_: &Self, slot: &SlotReading<'_>, _: &OutputGroup| is_exact(slot);
                    found.extend(tags.iter().filter_map(|one| self.wrong_first_tag(one, is_exact)));
                }
                Action::Record { tags, remove } => {
                    if tags.is_empty() && remove.is_empty() {
                        found.push(self.wrong_record("it changes nothing"));
                    }
                    found.extend(tags.iter().filter_map(|one| self.wrong_late_tag(one)));
                    let orphans: BTreeSet<_> = self.seen.tags_without_group().into_iter().collect();
                    if !remove.iter().all(|key| orphans.contains(key)) {
                        found.push(self.wrong_record("it removes the tag of an output group that is there"));
                    }
                }
                _ => {}
            }
        }
        self.check_room(found);
    }

    /// No step may bring the channel over the limit.
    fn check_room(&self, found: &mut Vec<Violation>) {
        let mut keys: BTreeSet<String> = self.seen.tags.slots.keys().map(ToString::to_string).collect();
        let mut count = self.seen.tags.count;
        for step in &self.plan.steps {
            let is_adopted = matches!(
                step.action,
                Action::Adopt { .. } | Action::Update { adopts: true, .. }
            );
            let tags = step.action.tags().iter();
            let new = tags
                .filter(|record| keys.insert(slot_tag_key(&record.output_group)))
                .count();
            let new = new + usize::from(is_adopted);
            count += new;
            if new > 0 && count > TAGS_MAX {
                found.push(Violation::TooManyTags {
                    channel: self.plan.id.clone(),
                    tags: count,
                });
            }
            if let Action::Record { remove, .. } = &step.action {
                let removed = remove.iter().filter(|key| keys.remove(&***key)).count();
                count = count.saturating_sub(removed);
            }
        }
    }

    /// How many tags the channel has after all steps, those that are removed included.
    fn tags_in_the_end(&self) -> usize {
        let actions = || self.plan.steps.iter().map(|step| &step.action);
        let is_adopted =
            |action: &Action| matches!(action, Action::Adopt { .. } | Action::Update { adopts: true, .. });
        let written = actions().flat_map(Action::tags);
        let keys: BTreeSet<String> = written
            .map(|record| slot_tag_key(&record.output_group))
            .filter(|key| !self.seen.tags.slots.contains_key(&**key))
            .collect();
        self.seen.tags.count + keys.len() + usize::from(actions().any(is_adopted))
    }

    /// The tag that goes with a write, if it does not say what is written.
    fn wrong_tag_of_write(
        &self,
        write: &SlotWrite,
        tagged: &BTreeMap<&OutputGroup, &SlotTag>,
    ) -> Option<Violation> {
        let group = &write.output_group;
        let Some(tag) = tagged.get(group) else {
            let is_full = self.tags_in_the_end() >= TAGS_MAX;
            return (!is_full).then(|| self.wrong_tag(group, "it is written and gets no tag"));
        };
        let occupant = match &write.content {
            Content::Parked => Some(Recorded::Parked),
            _ => self.written(write).map(|dest| self.identity_of(dest)),
        };
        let expected = occupant.map(|occupant| self.tag(occupant, group, &write.target));
        (expected.as_ref() != Some(tag)).then(|| self.wrong_tag(group, "it does not say what is written"))
    }

    /// A tag of a slot that is not written, if it may not have one or the tag does not say what the slot holds.
    fn wrong_first_tag(
        &self,
        record: &SlotRecord,
        may_have: impl Fn(&Self, &SlotReading<'_>, &OutputGroup) -> bool,
    ) -> Option<Violation> {
        let group = &record.output_group;
        let slot = self.channel.slots.get(group.as_str());
        let Some(slot) = slot.filter(|slot| may_have(self, slot, group)) else {
            return Some(self.wrong_tag(group, "the step may not change it"));
        };
        let occupant = match slot.occupant {
            Occupant::Of(dest, fit, _) => Recorded::Destination {
                identity: self.world.destination(dest).identity.clone(),
                mark: if fit == Fit::Equal {
                    Mark::None
                } else {
                    Mark::Adopted
                },
            },
            _ => Recorded::Parked,
        };
        let expected = self.tag(occupant, group, slot.target);
        (record.tag != expected).then(|| self.wrong_tag(group, "it does not say what the slot holds"))
    }

    /// A tag of [`Action::Record`], if it is neither the first of an exact slot on air nor that of a destination which
    /// vanished and is released.
    fn wrong_late_tag(&self, record: &SlotRecord) -> Option<Violation> {
        let group = &record.output_group;
        let slot = self.channel.slots.get(group.as_str());
        if let Some((slot, identity)) = slot.and_then(|slot| Some((slot, newly_released(slot)?))) {
            let expected = self.tag(identity, group, slot.target);
            return (record.tag != expected)
                .then(|| self.wrong_tag(group, "it does not say what is released"));
        }
        let is_first = |subject: &Self, slot: &SlotReading<'_>, group: &OutputGroup| {
            let has_tag = subject.seen.tags.slots.contains_key(&*slot_tag_key(group));
            subject.channel.is_running() && is_exact(slot) && !has_tag
        };
        self.wrong_first_tag(record, is_first)
    }

    fn identity_of(&self, dest: super::declared::Dest) -> Recorded {
        Recorded::destination(self.world.destination(dest).identity.clone())
    }

    fn tag(&self, occupant: Recorded, group: &OutputGroup, target: &Target) -> SlotTag {
        let slot = self.slot_id(group.as_str());
        let digest = TargetDigest::of(&self.world.desired.owner, &slot, target);
        SlotTag { occupant, digest }
    }

    fn wrong_tag(&self, group: &OutputGroup, what: &'static str) -> Violation {
        Violation::WrongTag {
            slot: self.slot_id(group.as_str()),
            what,
        }
    }

    fn wrong_record(&self, what: &'static str) -> Violation {
        Violation::WrongRecord {
            channel: self.plan.id.clone(),
            what,
        }
    }
}

/// Whether an update that does not write a slot may give it a tag.
fn needs_tag(_: &Subject<'_>, slot: &SlotReading<'_>, _: &OutputGroup) -> bool {
    slot.tag.is_none() && (is_equal(slot) || slot.occupant == Occupant::Parked)
}

/// Whether a slot has the stream of the destination that holds it.
fn is_exact(slot: &SlotReading<'_>) -> bool {
    matches!(slot.occupant, Occupant::Of(_, Fit::Equal | Fit::Respelled, _))
}

/// Whether it has its very target.
fn is_equal(slot: &SlotReading<'_>) -> bool {
    matches!(slot.occupant, Occupant::Of(_, Fit::Equal, _))
}

/// What is to be recorded of a destination that vanished, is released, and is not marked so yet.
fn newly_released(slot: &SlotReading<'_>) -> Option<Recorded> {
    let Occupant::Vanished {
        identity,
        kept: false,
    } = &slot.occupant
    else {
        return None;
    };
    let marked = Recorded::Destination {
        identity: identity.clone(),
        mark: Mark::Released,
    };
    let tag = slot.tag.as_ref()?;
    (tag.occupant != marked).then_some(marked)
}
