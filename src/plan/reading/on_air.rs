//! The input of the vanish guard: the destinations on air, and which of them vanished from the declaration.

use std::collections::{BTreeMap, BTreeSet};

use super::{Adoption, Occupant, Reading, Release, Takeover};
use crate::model::{ChannelId, ChannelObservation, DestinationName, Identity, Mark, Outlet, SlotId};
use crate::plan::router::outputs_on_air;

/// The destinations on air on owned channels and router outputs, and the interrupted ones that come back; without those that another slotwise of
/// the same owner may have declared, which no decision of ours releases.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OnAir {
    /// How many destinations, vanished ones included, each once however many slots it is in.
    pub count: usize,
    /// Slots and router outputs of destinations that are no longer declared and were not released before, with their identity. A destination
    /// whose object was set aside because of mistakes counts as declared.
    pub vanished: BTreeMap<Outlet, Identity>,
    /// Those of these that are recorded as kept when their destination vanished with too many others.
    pub kept: BTreeSet<Outlet>,
    /// A channel that could not be seen: more may have vanished there.
    pub unseen: Option<ChannelId>,
    /// Whether the router outputs could not be looked at: the same.
    pub unseen_outputs: bool,
    /// A declared destination that is seen nowhere and whose key cannot be read: it may be a vanished one, renamed.
    pub unreadable: Option<DestinationName>,
    /// A slot on air that a takeover releases: no Destination that is known explains it, and no tag names one.
    pub taken_over: Option<SlotId>,
}

impl Reading<'_> {
    /// The destinations on air, and which of them vanished.
    pub fn on_air(&self) -> OnAir {
        let mut on_air = OnAir::default();
        let (mut declared, mut vanished) = (BTreeSet::new(), BTreeSet::new());
        let coming_back: BTreeSet<&SlotId> = self.observed.returning.values().collect();
        for (at, slot) in self.slots.iter().enumerate() {
            let channel = &self.channels[slot.channel];
            let id = self.slot_id(at);
            let is_on_air = channel.is_running() || coming_back.contains(&id);
            if channel.adoption != Adoption::Owned || !is_on_air {
                continue;
            }
            match slot.occupant {
                Occupant::Dest(dest, _) if self.is_own(dest, at) => {
                    declared.insert(dest);
                }
                Occupant::Vanished(Release::Now | Release::Kept) if !self.may_be_anothers(at) => {
                    // A vanished destination is known by the record of the slot alone.
                    let Some(identity) = slot.identity() else { continue };
                    if !self.desired.set_aside.contains(&identity) {
                        if slot.mark() == Some(Mark::Kept) {
                            on_air.kept.insert(id.clone().into());
                        }
                        on_air.vanished.insert(id.into(), identity.clone());
                    }
                    vanished.insert(identity);
                }
                _ => {}
            }
        }
        let outputs = outputs_on_air(self.desired, self.observed, self.now);
        on_air.vanished.extend(
            outputs
                .vanished
                .iter()
                .map(|(arn, identity)| (Outlet::Output(arn.clone()), identity.clone())),
        );
        on_air.kept.extend(outputs.kept.into_iter().map(Outlet::Output));
        vanished.extend(outputs.vanished.into_values());
        on_air.count = declared.len() + vanished.len() + outputs.declared;
        on_air.unseen = self.unseen();
        on_air.unseen_outputs = self.observed.routers.unreadable.is_some();
        on_air.unreadable = self.unreadable();
        on_air.taken_over = self.taken_over();
        on_air
    }

    /// A channel that MediaLive did not show. One that does not exist carries nothing.
    fn unseen(&self) -> Option<ChannelId> {
        let is_missing =
            |id: &ChannelId| matches!(self.observed.channels.get(id), Some(ChannelObservation::Missing));
        let mut unseen = self.channels.iter().filter(|channel| channel.seen.is_none());
        unseen
            .find(|channel| !is_missing(channel.id))
            .map(|channel| channel.id.clone())
    }

    fn taken_over(&self) -> Option<SlotId> {
        let is_released = |at: &usize| {
            let channel = self.channel_of(*at);
            channel.is_running()
                && channel.takeover == Takeover::InForce
                && self.slots[*at].occupant == Occupant::Undeclared
        };
        let mut slots = 0..self.slots.len();
        slots.find(is_released).map(|at| self.slot_id(at))
    }

    fn unreadable(&self) -> Option<DestinationName> {
        let in_no_pool = self.pools.len() - 1;
        let is_nowhere = |one: &&super::Dest<'_>| {
            one.pool != in_no_pool && !one.has_key() && one.held.is_none() && one.on_air.is_none()
        };
        self.dests
            .iter()
            .find(is_nowhere)
            .map(|one| one.decl.name.clone())
    }
}
