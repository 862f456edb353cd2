//! What a list shows of a channel that was never looked at by itself.
//!
//! A list does not show which output group uses which destination. But channels that are made alike are wired alike,
//! and the list identifies a slot that slotwise has written: by a tag that fits only this one, or by the name of its
//! parking place. Where that holds for every RTMP group, a channel is assumed to be wired like a similar one that was
//! looked at. Nothing is done on that alone: its first step compares all of it, and one that may be on air is looked at
//! as soon as there is time.

use std::collections::{BTreeMap, BTreeSet};

use super::known::may_be_on_air;
use crate::medialive::{ChannelDocument, Layout, Summary};
use crate::model::{ObservedChannel, ObservedGroup, OwnerId, SlotSelector};

/// How channels are wired, one for each making ([`Summary::shape`]).
#[derive(Debug, Default)]
pub(super) struct Layouts(BTreeMap<u64, Layout>);

impl Layouts {
    /// Takes note of a channel that was looked at.
    pub(super) fn learn(&mut self, document: &ChannelDocument) {
        let shape = document.summary.shape();
        self.0.entry(shape).or_insert_with(|| document.layout());
    }

    /// Whether channels of the making of `listed` are known.
    pub(super) fn has(&self, listed: &Summary) -> bool {
        self.0.contains_key(&listed.shape())
    }

    /// The channel as the list shows it; `None` where that leaves a doubt.
    pub(super) fn assume(&self, listed: &Summary, owner: &OwnerId) -> Option<ObservedChannel> {
        // A running channel that is not owned is adopted, or not, by a look at itself.
        if may_be_on_air(listed.state) && listed.owner.as_ref() != Some(owner) {
            return None;
        }
        let channel = listed.wired_by(self.0.get(&listed.shape())?);
        let mut groups = channel.groups.iter();
        let is_known = !channel.groups.is_empty() && groups.all(|group| is_known(&channel, group, owner));
        is_known.then_some(channel)
    }

    /// Leaves those of the channels that are `listed`.
    pub(super) fn retain<'l>(&mut self, listed: impl Iterator<Item = &'l Summary>) {
        let shapes: BTreeSet<u64> = listed.map(Summary::shape).collect();
        self.0.retain(|shape, _| shapes.contains(shape));
    }
}

/// Whether a tag or a parking name says that this group points at this target.
fn is_known(channel: &ObservedChannel, group: &ObservedGroup, owner: &OwnerId) -> bool {
    let Ok(target) = &group.target else { return false };
    let slot = channel.slot(&group.name);
    let mut names = target.0.iter().enumerate();
    channel.recorded(owner, group).is_some()
        || !target.0.is_empty()
            && names.all(|(pipeline, endpoint)| {
                SlotSelector::is_parking_name(&endpoint.stream_name, &slot, pipeline)
            })
}
