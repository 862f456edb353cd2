//! The occupant of each slot and the destinations on each channel: read from the world and the declaration alone, by the
//! shared rules and without a line of the planner.
//!
//! Of a slot the first that applies: parked; the stream that a declared destination pushes; what its tag says, as long as
//! the tag's digest fits what the slot points at; undeclared.

#[path = "ground/places.rs"]
mod places;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;
use slotwise::testing::emulator::World;
use slotwise::testing::emulator::channel::State;
use slotwise::testing::emulator::world::Channel;
use slotwise::testing::model::tag::slot_tag_key;
use slotwise::testing::model::{
    Cause, ChannelPool, Desired, Destination, DestinationName, Endpoint, Idle, Interrupt, Mark, OutputGroup,
    Pause, Recorded, Secret, SlotId, SlotSelector, SlotTag, Stream, StreamKey, Target, TargetDigest,
    WantedState,
};

use super::contact::TAGS_MAX;
use super::reading::{is_running, owner, rtmp_groups, tag_of, takeover_of};
use super::windows;

/// Names of destinations, in order.
pub(super) type Names = BTreeSet<DestinationName>;

/// The channels that any pool names, and owned ones in no pool, with what is true of them.
pub(super) struct Ground<'a> {
    pub(super) desired: &'a Desired,
    pub(super) wall: Timestamp,
    pub(super) places: Vec<Place<'a>>,
    /// Whether destinations that vanished from the declaration are released, recorded as released or not.
    pub(super) lets_go: bool,
}

/// A channel.
pub(super) struct Place<'a> {
    pub(super) id: &'a str,
    /// `None`: it is ours, and no pool names it.
    pub(super) pool: Option<&'a ChannelPool>,
    /// `None`: MediaLive knows no such channel.
    pub(super) channel: Option<&'a Channel>,
    /// Whether what is not recognised is released: it is to be taken over, that is not used up and can be recorded, and every
    /// key is known.
    pub(super) takeover: bool,
    pub(super) slots: Vec<Slot<'a>>,
    /// Where its RTMP groups point that are no slots and not parked, by their names.
    pub(super) others: Vec<(String, Endpoint)>,
}

/// One slot of a channel, or a group that is meant as one and cannot be.
pub(super) struct Slot<'a> {
    pub(super) group: String,
    pub(super) endpoints: Vec<Endpoint>,
    /// Whether its pool means it as a slot: else it is one only until the recorded destination has left.
    pub(super) is_meant: bool,
    /// Its tag, if that fits what it points at.
    tag: Option<SlotTag>,
    /// Whether it has a tag at all.
    has_tag: bool,
    /// Which of its endpoints are parked.
    parked: Vec<bool>,
    /// Whether all of them are, by the names that are given to parked ones.
    is_parked_by_name: bool,
    pub(super) is: Occupant<'a>,
}

/// The occupant of a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Occupant<'a> {
    /// It has not as many targets as the channel has pipelines.
    Unusable,
    Parked,
    Of(&'a Destination, Fit),
    /// A destination that is no longer declared, and whether it is recorded as released.
    Vanished {
        identity: String,
        released: bool,
    },
    Undeclared,
}

/// How a slot fits the destination that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    Equal,
    /// The same stream, in another spelling that is not declared.
    Respelled,
    /// The same stream, and its declaration has changed since.
    Changed,
    /// By its tag: another stream.
    Previous,
    /// By its tag: the key cannot be read.
    Unreadable,
}

impl Fit {
    /// Whether it is on air with what is declared, as far as known.
    pub(super) fn is_current(self) -> bool {
        matches!(self, Self::Equal | Self::Respelled | Self::Unreadable)
    }
}

impl Slot<'_> {
    /// Host of the first target that is not parked.
    pub(super) fn host(&self) -> &str {
        let mut free = self.pushed();
        free.next().map_or("(no host)", Endpoint::host)
    }

    /// Where it points, parked endpoints aside.
    pub(super) fn pushed(&self) -> impl Iterator<Item = &Endpoint> {
        let all = self.endpoints.iter().zip(&self.parked);
        all.filter(|(_, is_parked)| !**is_parked).map(|(one, _)| one)
    }

    /// Whether slotwise held it before, whatever is declared.
    fn was_held(&self) -> bool {
        self.is_parked_by_name || self.tag.is_some()
    }

    /// Whether a destination that is not on air in it could get it.
    pub(super) fn could_be(&self) -> bool {
        self.is_meant && self.is != Occupant::Unusable
    }

    /// Whether every endpoint that is not parked has a stream of this destination.
    fn is_all_of(&self, one: &Destination) -> bool {
        let own: Vec<_> = pushes(one).iter().map(Endpoint::stream).collect();
        self.streams().all(|stream| own.contains(&stream))
    }

    /// What it pushes, as far as it is not parked.
    fn streams(&self) -> impl Iterator<Item = Stream> {
        let used = self.endpoints.iter().zip(&self.parked);
        let used = used.filter(|(_, parked)| !**parked);
        used.map(|(endpoint, _)| endpoint.stream())
    }

    /// Whether its tag fits what it points at.
    pub(super) fn is_recorded(&self) -> bool {
        self.tag.is_some()
    }
}

/// What `one` pushes to: its endpoints, the backup one last. None while its key is not known.
pub(super) fn pushes(one: &Destination) -> Vec<Endpoint> {
    let StreamKey::Known(key) = &one.key else {
        return Vec::new();
    };
    let urls = std::iter::once(&one.url).chain(&one.backup_url);
    urls.map(|url| Endpoint::new(url.clone(), key.clone())).collect()
}

/// Whether MediaLive takes no URL of a destination, by the one switch that worlds turn.
pub(super) fn is_refused(world: &World, one: &Destination) -> bool {
    let takes_slashes = world.settings().switches.rtmp_trailing_slash_allowed;
    let mut urls = std::iter::once(&one.url).chain(&one.backup_url);
    !takes_slashes && urls.any(|url| url.ends_with('/'))
}

/// Whether two endpoints are one stream that may be on air only once.
pub(super) fn clash(one: &Endpoint, other: &Endpoint) -> bool {
    one.stream() == other.stream() && one.is_backup_ingest() == other.is_backup_ingest()
}

/// Whether tags call a destination so. Of an item of a table six digits follow.
pub(super) fn is_called(one: &Destination, identity: &str) -> bool {
    let Some(rest) = identity.strip_prefix(one.identity.as_str()) else {
        return false;
    };
    let digits = rest.strip_prefix('-');
    rest.is_empty()
        || digits.is_some_and(|rest| rest.len() == 6 && rest.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

/// Whether a takeover of a channel is not used up, and can be recorded.
fn is_takeover_left(world: &World, channel: &Channel) -> bool {
    let tags = channel.document().get("tags").and_then(Value::as_object);
    let taken = tags.map_or(0, serde_json::Map::len) + usize::from(owner(channel).is_none());
    let may_write = world.settings().switches.tag_keys_allowed == "*" && taken < TAGS_MAX;
    takeover_of(channel).map_or(may_write, |tag| tag == "begun")
}

/// Whether a pause is in force.
pub(super) fn in_force(pause: Option<&Pause>, wall: Timestamp) -> Option<&Pause> {
    pause.filter(|pause| pause.until.is_none_or(|until| wall < until))
}

impl<'a> Ground<'a> {
    /// Reads the whole account.
    pub(super) fn read(world: &'a World, desired: &'a Desired, wall: Timestamp) -> Self {
        let known = |id: &str| {
            world
                .channel(id)
                .filter(|channel| channel.state() != State::Deleted)
        };
        let mut ground = Self {
            desired,
            wall,
            places: Vec::new(),
            lets_go: false,
        };
        let mut all = desired.destinations.values();
        let all_known = all.all(|one| matches!(one.key, StreamKey::Known(_)));
        for pool in desired.pools.values() {
            for named in &pool.channels {
                let id = named.id.as_str();
                let is_left = || known(id).is_none_or(|channel| is_takeover_left(world, channel));
                let takeover = named.takeover && all_known && is_left();
                let place = ground.place_of(id, Some(pool), known(id), takeover);
                ground.places.push(place);
            }
        }
        for (id, channel) in world.channels() {
            let is_ours = owner(channel) == Some(desired.owner.as_str());
            if is_ours && known(id).is_some() && ground.place(id).is_none() {
                let place = ground.place_of(id, None, Some(channel), false);
                ground.places.push(place);
            }
        }
        ground
    }

    pub(super) fn place(&self, id: &str) -> Option<&Place<'a>> {
        self.places.iter().find(|place| place.id == id)
    }

    /// The pause in force on a destination.
    pub(super) fn pause_of<'b>(&self, one: &'b Destination) -> Option<&'b Pause> {
        in_force(one.paused.as_ref(), self.wall)
    }

    pub(super) fn wanted(&self, one: &Destination) -> bool {
        one.state == WantedState::Streaming && self.pause_of(one).is_none()
    }

    pub(super) fn is_off(&self, one: &Destination) -> bool {
        one.state == WantedState::Ready && self.pause_of(one).is_none()
    }

    /// Whether a pool grants interruptions now, by its policy or just this once to `owner`.
    pub(super) fn grants(
        &self,
        pool: Option<&ChannelPool>,
        cause: Cause,
        owner: Option<&DestinationName>,
    ) -> bool {
        let Some(pool) = pool else { return false };
        let policy = &pool.disruption;
        let open = match policy.interrupt {
            Interrupt::Never => false,
            Interrupt::Anytime => true,
            Interrupt::Window => policy
                .windows
                .iter()
                .any(|window| windows::is_open(window, self.wall)),
        };
        let once = owner.is_some_and(|owner| self.desired.grants.contains(owner));
        once || open && policy.causes.contains(&cause)
    }

    // ── The occupant of each slot ───────────────────────────────────────────────────────────────────────────────────

    fn place_of(
        &self,
        id: &'a str,
        pool: Option<&'a ChannelPool>,
        channel: Option<&'a Channel>,
        takeover: bool,
    ) -> Place<'a> {
        let (mut slots, mut others) = (Vec::new(), Vec::new());
        for (group, endpoints) in channel.map(rtmp_groups).unwrap_or_default() {
            let channel = channel.expect("it has groups");
            let slot = self.slot(id, pool, channel, (group, endpoints));
            let is_recorded =
                matches!(&slot.tag, Some(tag) if matches!(tag.occupant, Recorded::Destination { .. }));
            // As long as it runs, what was written over a slot by hand stays one; and what has a declared target.
            let is_declared = || {
                let mut all = self.desired.destinations.values();
                all.any(|one| {
                    let own = pushes(one);
                    slot.pushed()
                        .any(|there| own.iter().any(|own| own.stream() == there.stream()))
                })
            };
            let is_misfit = slot.has_tag && slot.tag.is_none() && !slot.is_parked_by_name;
            let is_overwritten = is_misfit && (is_running(channel) || is_declared());
            if (slot.is_meant || is_recorded || is_overwritten) && !slot.group.is_empty() {
                slots.push(slot);
            } else {
                // A group is told by its name and one host; without a name by the host of each pipeline.
                let told = if slot.group.is_empty() { usize::MAX } else { 1 };
                let hosts = slot.pushed().take(told).cloned();
                others.extend(hosts.map(|one| (slot.group.clone(), one)));
            }
        }
        Place {
            id,
            pool,
            channel,
            takeover,
            slots,
            others,
        }
    }

    fn slot(
        &self,
        id: &str,
        pool: Option<&ChannelPool>,
        channel: &Channel,
        (group, endpoints): (String, Vec<Endpoint>),
    ) -> Slot<'a> {
        let name = SlotId::new(id, group.as_str());
        let target = Target::from(endpoints.clone());
        let pipelines = if channel.is_standard() { 2 } else { 1 };
        let digest = TargetDigest::of(&self.desired.owner, &name, &target);
        let group_name = OutputGroup::from(group.as_str());
        let tag = tag_of(channel, &group_name).filter(|tag| tag.digest == digest);
        let tags = channel.document().get("tags");
        let by_name: Vec<bool> = (0..)
            .zip(&endpoints)
            .map(|(at, one)| one.stream_name.reveal() == SlotSelector::parking_name(&name, at))
            .collect();
        let parking = pool.map(|pool| Endpoint::new(pool.slots.parking_url.clone(), Secret::new("")));
        let parking = parking.map(|one| one.canonical().url);
        let by_url = |one: &Endpoint| parking.as_ref() == Some(&one.canonical().url);
        let parked: Vec<bool> = by_name
            .iter()
            .zip(&endpoints)
            .map(|(by_name, one)| *by_name || by_url(one))
            .collect();
        let mut slot = Slot {
            is_meant: pool.is_some_and(|pool| pool.slots.output_groups.is_match(group.as_str())),
            group,
            is_parked_by_name: !by_name.is_empty() && by_name.iter().all(|is_parked| *is_parked),
            endpoints,
            tag,
            has_tag: tags.is_some_and(|tags| tags.get(slot_tag_key(&group_name)).is_some()),
            parked,
            is: Occupant::Unusable,
        };
        if slot.endpoints.len() == pipelines {
            slot.is = self.occupant(&slot, pipelines);
        }
        slot
    }

    fn occupant(&self, slot: &Slot<'a>, pipelines: usize) -> Occupant<'a> {
        let recorded = slot.tag.as_ref().map(|tag| &tag.occupant);
        if slot.pushed().next().is_none() || recorded == Some(&Recorded::Parked) {
            return Occupant::Parked;
        }
        if let Some((one, fit)) = self.pushing(slot, pipelines) {
            return Occupant::Of(one, fit);
        }
        let Some(Recorded::Destination { identity, mark }) = recorded else {
            return Occupant::Undeclared;
        };
        let mut all = self.desired.destinations.values();
        match all.find(|one| is_called(one, identity.as_str())) {
            Some(one) if matches!(one.key, StreamKey::Known(_)) => Occupant::Of(one, Fit::Previous),
            Some(one) => Occupant::Of(one, Fit::Unreadable),
            None => Occupant::Vanished {
                identity: identity.to_string(),
                released: *mark == Mark::Released,
            },
        }
    }

    /// The destination that pushes what the slot carries: an equal target before others, one that is off last, then the one that
    /// the tag names,
    /// then the wanted, then by name.
    fn pushing(&self, slot: &Slot<'a>, pipelines: usize) -> Option<(&'a Destination, Fit)> {
        let desired: &'a Desired = self.desired;
        let mut found = Vec::new();
        for one in desired.destinations.values() {
            let own = pushes(one);
            let is_same = |there: &Endpoint| {
                own.iter()
                    .take(pipelines)
                    .any(|own| own.stream() == there.stream())
            };
            if !slot.pushed().any(is_same) {
                continue;
            }
            let is_equal = (0..pipelines).all(|at| match own.get(at) {
                Some(own) => !slot.parked[at] && own.canonical() == slot.endpoints[at].canonical(),
                None => slot.parked[at],
            });
            let is_named = matches!(&slot.tag, Some(SlotTag { occupant: Recorded::Destination { identity, .. }, .. })
                if is_called(one, identity.as_str()));
            let had_its_target = matches!(
                &slot.tag,
                Some(SlotTag {
                    occupant: Recorded::Destination { mark: Mark::None, .. },
                    ..
                })
            );
            let fit = match (is_equal, is_named && had_its_target && !one.is_preset) {
                (true, _) => Fit::Equal,
                (false, true) => Fit::Changed,
                (false, false) => Fit::Respelled,
            };
            let intent = (!self.wanted(one), self.is_off(one));
            found.push(((!is_equal, intent.1, !is_named, intent), &one.name, &**one, fit));
        }
        let best = found.into_iter().min_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)))?;
        Some((best.2, best.3))
    }
}

impl Place<'_> {
    pub(super) fn runs(&self) -> bool {
        self.channel.is_some_and(is_running)
    }

    pub(super) fn is_in(&self, state: State) -> bool {
        self.channel.is_some_and(|channel| channel.state() == state)
    }

    pub(super) fn may_publish(&self) -> bool {
        self.runs() || self.is_in(State::Stopping)
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.is_in(State::Idle) || self.is_in(State::UpdateFailed)
    }

    /// Whether another destination could get the slot: its occupant has to be recorded, and so has that of every other slot
    /// that an update writes, as far as it has a tag yet. A denial of tags is known only for a while; a process that has
    /// forgotten it needs the room as well.
    pub(super) fn could_give(&self, slot: &Slot<'_>) -> bool {
        let needs_none = slot.has_tag || slot.is != Occupant::Parked;
        slot.could_be() && self.tags_left().is_some_and(|left| left > 0 || needs_none)
    }

    /// Whether some slot could not be given for want of room for tags.
    pub(super) fn lacks_tags(&self) -> bool {
        self.slots
            .iter()
            .any(|slot| slot.could_be() && !self.could_give(slot))
    }

    /// Room for more tags beside the owner's and those of the slots that an update writes; `None` where that is too little.
    fn tags_left(&self) -> Option<usize> {
        let count = self.tags() + usize::from(self.is_unowned());
        let is_written =
            |one: &&Slot<'_>| !one.has_tag && !matches!(one.is, Occupant::Parked | Occupant::Unusable);
        let written = self.slots.iter().filter(is_written).count();
        TAGS_MAX.checked_sub(count + written)
    }

    /// How many tags it has.
    fn tags(&self) -> usize {
        let tags = self
            .channel
            .and_then(|channel| channel.document()["tags"].as_object());
        tags.map_or(0, serde_json::Map::len)
    }

    /// Whether its owner cannot be written, as there is no room for one more tag.
    pub(super) fn cannot_be_owned(&self) -> bool {
        self.is_unowned() && self.is_full()
    }

    /// Whether it has as many tags as a channel may have.
    pub(super) fn is_full(&self) -> bool {
        self.tags() >= TAGS_MAX
    }

    /// Whether its pool has `takeover: true` for it, used up or not.
    pub(super) fn is_to_be_taken_over(&self) -> bool {
        self.pool.is_some_and(|pool| {
            let mut named = pool.channels.iter();
            named.any(|named| named.takeover && named.id.as_str() == self.id)
        })
    }

    /// Whether it is recorded that its takeover has begun.
    pub(super) fn is_taken_over(&self) -> bool {
        let tag = self.channel.and_then(takeover_of);
        self.takeover && tag == Some("begun")
    }

    /// Whether it has no owner tag.
    pub(super) fn is_unowned(&self) -> bool {
        self.channel.is_some_and(|channel| owner(channel).is_none())
    }

    pub(super) fn keeps_running(&self) -> bool {
        self.pool.is_some_and(|pool| pool.idle == Idle::KeepRunning)
    }

    pub(super) fn slot(&self, group: &str) -> Option<&Slot<'_>> {
        self.slots.iter().find(|slot| slot.group == group)
    }
}
