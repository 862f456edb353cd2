//! What a plan says of channels: why one waits, why one cannot be used, and that one has nothing to wait for.

use slotwise::testing::emulator::channel::State;
use slotwise::testing::emulator::world::Channel;
use slotwise::testing::model::{ChannelState, Destination};
use slotwise::testing::plan::Waiting;

use super::{Claim, Occupant, Oracle, Place, clash, ensure, in_force, rtmp_groups, slot_of};

impl Oracle<'_> {
    /// What the plan says of a channel.
    pub(super) fn channel(&self, place: &Place<'_>, waiting: Option<&Waiting>) -> Claim {
        let Some(waiting) = waiting else {
            return self.needs_nothing(place);
        };
        if let Some(slot) = slot_of(waiting) {
            let here = self.slot(slot)?.0.id == place.id;
            ensure(here, || format!("{slot} is on another channel"))?;
        }
        match waiting {
            Waiting::SharesChannel { slot, .. }
            | Waiting::OutsideWindow { slot, .. }
            | Waiting::Uninterruptible { slot, .. } => {
                let is = self.slot(slot)?.1;
                let leaving = is.is != Occupant::Parked && !self.ground.is_kept(place, is);
                ensure(leaving, || format!("{slot} is to stay as it is"))?;
                self.leaves(waiting)
            }
            Waiting::Undeclared { .. }
            | Waiting::UnusableSlot { .. }
            | Waiting::OnAirBesideSlots { .. }
            | Waiting::SourceUntrusted { .. } => self.blocks(place, waiting),
            Waiting::Paused { pool, pause } => {
                let found = place.pool.filter(|found| Some(&found.name) == pool.as_ref());
                let found = in_force(found.and_then(|pool| pool.paused.as_ref()), self.ground.wall);
                ensure(found == Some(pause), || format!("in force is {found:?}"))
            }
            Waiting::TagsFull { .. } => has_full_tags(place),
            Waiting::OtherGroupOnAir { channel, elsewhere } => {
                ensure(channel == place.id, || format!("{channel} is named"))?;
                self.would_push_beside(place, elsewhere.as_str())
            }
            of_channel => {
                let id = self.unusable(of_channel)?;
                ensure(id == place.id, || "another channel is named".into())
            }
        }
    }

    /// Once it starts, or starts again, one of its groups that are no slots pushes what another channel pushes.
    pub(super) fn would_push_beside(&self, place: &Place<'_>, other: &str) -> Claim {
        ensure(other != place.id, || "that is the channel itself".into())?;
        let of_account = self.world.channel(other).ok_or("there is no such channel")?;
        let groups = rtmp_groups(of_account).into_iter();
        let mut pushed = groups.flat_map(|(_, endpoints)| endpoints);
        let found = pushed.any(|there| place.others.iter().any(|(_, own)| clash(own, &there)));
        ensure(found, || {
            format!("channel {other} pushes nothing of its other groups")
        })
    }

    /// A channel that waits for nothing runs for wanted destinations and carries no others.
    fn needs_nothing(&self, place: &Place<'_>) -> Claim {
        ensure(self.ground.is_usable(place), || {
            "it cannot be used and does not say why".into()
        })?;
        if !place.runs() {
            return Ok(());
        }
        let occupants = self.ground.occupants(place);
        let stray = occupants.leaving.iter().chain(&occupants.block).next();
        if let Some(slot) = stray {
            let group = &place.slots[*slot].group;
            return Err(format!("{group} runs on for no destination and nothing says why"));
        }
        ensure(!self.ground.is_vacant(place), || {
            "it runs for no destination".into()
        })
    }

    /// No channel may be used by it, and this is one of them and the reason.
    pub(super) fn of_channel(&self, one: &Destination, waiting: &Waiting) -> Claim {
        let id = self.unusable(waiting)?;
        if let Some(pin) = &one.pin {
            let there = pin.channel.as_str() == id;
            return ensure(there, || format!("it is not pinned to channel {id}"));
        }
        let mut places = self.of_pool(one);
        let has_slot = |place: &Place<'_>| place.slots.iter().any(super::Slot::could_be);
        let usable = places.find(|place| self.ground.is_usable(place) && has_slot(place));
        usable.map_or(Ok(()), |place| Err(format!("channel {} could be used", place.id)))
    }

    /// The channel that cannot be used for this reason.
    pub(super) fn unusable<'w>(&self, waiting: &'w Waiting) -> Result<&'w str, String> {
        let ground = self.ground;
        let place = |id: &str| {
            ground
                .place(id)
                .ok_or_else(|| format!("the pool has no channel {id}"))
        };
        match waiting {
            Waiting::ChannelMissing { channel } => {
                let is = place(channel.as_str())?;
                ensure(is.channel.is_none(), || "MediaLive knows it".into())?;
                Ok(channel.as_str())
            }
            Waiting::ChannelFailed { channel, state } => {
                let is = place(channel.as_str())?.channel.map(Channel::state);
                let failed = matches!(is, Some(State::CreateFailed | State::Deleting));
                let same = is.map(|state| ChannelState::from_wire(state.name())) == Some(*state);
                ensure(failed && same, || format!("it is {is:?}"))?;
                Ok(channel.as_str())
            }
            Waiting::NotAdopted { channel, strays, .. } => {
                let is = place(channel.as_str())?;
                ensure(is.is_unowned(), || "it carries an owner tag".into())?;
                ensure(!is.cannot_be_owned(), || "it has no room for a tag".into())?;
                ensure(ground.is_refused(is), || {
                    "nothing keeps it from being adopted".into()
                })?;
                let found = ground.strays(is);
                let stated = strays.iter().map(|stray| {
                    let group = stray.output_group.to_string();
                    (group, stray.host.clone(), stray.of.clone())
                });
                ensure(stated.eq(found.iter().cloned()), || {
                    format!("undeclared or elsewhere are {found:?}")
                })?;
                Ok(channel.as_str())
            }
            Waiting::TagsFull { channel } => {
                let is = place(channel.as_str())?;
                has_full_tags(is)?;
                Ok(channel.as_str())
            }
            Waiting::OwnedByAnother { channel, owner } => {
                let is = ground.other_owner(place(channel.as_str())?);
                ensure(is == Some(owner.as_str()), || {
                    format!("its other owner is {is:?}")
                })?;
                Ok(channel.as_str())
            }
            Waiting::ChannelUnreadable { .. } => Err("every channel can be read".into()),
            _ if waiting.ends_by_itself() => Err("it should have ended".into()),
            _ => Err("that is no reason here".into()),
        }
    }
}

/// A channel has as many tags as it may have.
fn has_full_tags(place: &Place<'_>) -> Claim {
    ensure(place.lacks_tags() || place.cannot_be_owned(), || {
        "there is room for more tags".into()
    })
}
