//! Rules for the tags of slots: what is recorded is what the slot holds, or is going to hold with the same step.
//!
//! | step | tags |
//! |---|---|
//! | update | exactly one for every slot that it writes, as far as there is room; and for equal or parked slots without a tag that fits |
//! | adopt | for equal slots, and `adopted` for those with the same stream at another address |
//! | record | the same for slots on air without any tag, or with one that names another destination or says that it vanished; `released` for what vanished and is released; `kept` for what vanished with too many others, by the guard's decision; removes those without a group, and that of a takeover that is not set |
//!
//! While MediaLive refuses tags of slots there are none.

use std::collections::BTreeSet;

use super::declared::Dest;
use super::reading::{Fit, Occupant, SlotReading};
use super::steps::{Subject, adopts};
use super::violation::{About, Rule, Violation};
use crate::model::tag::{TAGS_MAX, TAKEOVER_TAG, slot_tag_key};
use crate::model::{Mark, OutputGroup, Recorded, Recording, SlotTag, Target, TargetDigest};
use crate::plan::{Action, Content, SlotRecord, SlotWrite};

impl Subject<'_> {
    /// How many tags the channel has after all steps, those that are removed included.
    fn tags_in_the_end(&self) -> usize {
        let mut actions = self.plan.steps.iter().map(|step| &step.action);
        let records = actions.clone().flat_map(Action::tags);
        let keys = records.map(|record| slot_tag_key(&record.output_group));
        let new: BTreeSet<String> = keys
            .filter(|key| !self.seen.tags.slots.contains_key(&**key))
            .collect();
        let mut takeovers = actions.clone().filter_map(Action::takeover);
        let has_new_takeover = self.seen.tags.takeover.is_none() && takeovers.next().is_some();
        let others = usize::from(actions.any(adopts)) + usize::from(has_new_takeover);
        self.seen.tags.count + new.len() + others
    }

    /// No channel gets more tags than it may have.
    pub(super) fn check_room(&self, found: &mut Vec<Violation>) {
        let count = self.tags_in_the_end();
        if count > TAGS_MAX.max(self.seen.tags.count) {
            let what = format!("would have {count} tags");
            found.push(self.broken(Rule::TooManyTags, what));
        }
    }

    /// Every rule for the tags of a step.
    pub(super) fn check_tags(&self, action: &Action, found: &mut Vec<Violation>) {
        if self.world.observed.recording != Recording::Allowed {
            let removes_any = matches!(action, Action::Record { remove, .. } if remove.iter().any(|key| **key != *TAKEOVER_TAG));
            if !action.tags().is_empty() || removes_any {
                found.push(self.broken(Rule::WrongRecord, "MediaLive refuses tags of slots"));
            }
            self.check_removed(action, found);
            return;
        }
        let mut tagged = BTreeSet::new();
        for record in action.tags() {
            if !tagged.insert(&record.output_group) {
                found.push(self.wrong_tag(&record.output_group, "is there twice"));
            }
            let what = self.wrong_record(action, record);
            found.extend(what.map(|what| self.wrong_tag(&record.output_group, what)));
        }
        for write in action.writes() {
            if !tagged.contains(&write.output_group) && self.tags_in_the_end() < TAGS_MAX {
                found.push(self.wrong_tag(&write.output_group, "is missing, although the slot is written"));
            }
        }
        self.check_removed(action, found);
    }

    /// A step that only records writes or removes something, and removes only what is left over.
    fn check_removed(&self, action: &Action, found: &mut Vec<Violation>) {
        let Action::Record {
            tags,
            remove,
            takeover,
        } = action
        else {
            return;
        };
        if tags.is_empty() && remove.is_empty() && takeover.is_none() {
            found.push(self.broken(Rule::WrongRecord, "records nothing"));
        }
        let is_orphan = |key| self.seen.tags_without_group().contains(key);
        let (takeovers, slots): (Vec<_>, Vec<_>) = remove.iter().partition(|key| ***key == *TAKEOVER_TAG);
        if !slots.into_iter().all(is_orphan) {
            let what = "loses the tag of an output group that is there";
            found.push(self.broken(Rule::WrongRecord, what));
        }
        if !takeovers.is_empty() && !self.may_drop_takeover() {
            let what = "loses the tag of a takeover that may be asked for";
            found.push(self.broken(Rule::WrongRecord, what));
        }
    }

    /// What is wrong with a tag: that the step may not change it, or what it says.
    fn wrong_record(&self, action: &Action, record: &SlotRecord) -> Option<&'static str> {
        let group = &record.output_group;
        let mut writes = action.writes().iter();
        if let Some(write) = writes.find(|write| write.output_group == *group) {
            let expected = self.recorded_with(write);
            let is_right = expected.is_some_and(|expected| self.says(record, expected, &write.target));
            return (!is_right).then_some("does not say what is written");
        }
        let slot = self.channel.slot(group);
        let Some((slot, expected)) = slot.and_then(|slot| Some((slot, self.recordable(action, slot)?)))
        else {
            return Some("may not be changed by this step");
        };
        (!self.says(record, expected, slot.target)).then_some("does not say what the slot holds")
    }

    fn recorded_with(&self, write: &SlotWrite) -> Option<Recorded> {
        match &write.content {
            Content::Parked => Some(Recorded::Parked),
            _ => Some(self.recorded(self.written(write)?, Mark::None)),
        }
    }

    /// What a step may record of a slot that it does not write.
    fn recordable(&self, action: &Action, slot: &SlotReading<'_>) -> Option<Recorded> {
        let has_any_tag = || {
            self.seen
                .tags
                .slots
                .contains_key(&*slot_tag_key(&slot.id.output_group))
        };
        match (action, &slot.occupant) {
            (Action::Update { .. }, Occupant::Parked) if slot.tag.is_none() => Some(Recorded::Parked),
            (Action::Update { .. }, Occupant::Of(dest, Fit::Equal, _)) if !self.is_recorded(slot, *dest) => {
                Some(self.recorded(*dest, Mark::None))
            }
            (Action::Adopt { .. }, occupant) => self.exact(occupant),
            (Action::Record { .. }, Occupant::Vanished { identity, kept }) => {
                let mark = match kept {
                    false => Mark::Released,
                    true if self.world.desired.kept.contains(&slot.id) => Mark::Kept,
                    true => return None,
                };
                let identity = identity.clone();
                let decided = Recorded::Destination { identity, mark };
                Some(decided).filter(|new| slot.tag.as_ref().is_some_and(|tag| tag.occupant != *new))
            }
            (Action::Record { .. }, Occupant::Of(dest, ..))
                if self.channel.is_running()
                    && (!has_any_tag() || slot.tag.is_some() && !self.is_recorded(slot, *dest)) =>
            {
                let exact = self.exact(&slot.occupant);
                exact.or_else(|| self.declared_again(slot, *dest))
            }
            _ => None,
        }
    }

    /// What is recorded of a slot whose tag says of the destination that holds it that it vanished.
    fn declared_again(&self, slot: &SlotReading<'_>, dest: Dest) -> Option<Recorded> {
        let own = &self.world.one(dest).destination.identity;
        match &slot.tag.as_ref()?.occupant {
            Recorded::Destination {
                identity,
                mark: Mark::Released | Mark::Kept,
            } if identity == own => Some(self.recorded(dest, Mark::None)),
            _ => None,
        }
    }

    /// Whether a slot's tag fits and names a destination, not as one that vanished.
    fn is_recorded(&self, slot: &SlotReading<'_>, dest: Dest) -> bool {
        let own = &self.world.one(dest).destination.identity;
        slot.tag.as_ref().is_some_and(|tag| match &tag.occupant {
            Recorded::Destination { identity, mark } => {
                identity == own && !matches!(mark, Mark::Released | Mark::Kept)
            }
            Recorded::Parked => false,
        })
    }

    /// What is recorded of a slot that has the stream of the destination which holds it.
    fn exact(&self, occupant: &Occupant) -> Option<Recorded> {
        match occupant {
            Occupant::Of(dest, Fit::Equal, _) => Some(self.recorded(*dest, Mark::None)),
            Occupant::Of(dest, Fit::Respelled, _) => Some(self.recorded(*dest, Mark::Adopted)),
            _ => None,
        }
    }

    fn recorded(&self, dest: Dest, mark: Mark) -> Recorded {
        let identity = self.world.one(dest).destination.identity.clone();
        Recorded::Destination { identity, mark }
    }

    fn says(&self, record: &SlotRecord, occupant: Recorded, target: &Target) -> bool {
        let slot = self.channel.slot_id(&record.output_group);
        let digest = TargetDigest::of(&self.world.desired.owner, &slot, target);
        record.tag == SlotTag { occupant, digest }
    }

    fn wrong_tag(&self, group: &OutputGroup, what: &str) -> Violation {
        let slot = About::Slot(self.channel.slot_id(group));
        Violation::new(Rule::WrongTag, slot, format!("its tag {what}"))
    }
}
