//! Whether what a plan says of destinations and channels is *true*, once faults have ended and everything is at rest.
//!
//! It decides from the world and the declaration alone and shares nothing with the planner but the words of its answer.
//! Of each [`Waiting`] two things have to hold:
//!
//! - its facts: the slot it names exists, those it names are on air there and wanted, the pause is in force, …;
//! - it is what blocks: no slot of the pool would do within what is granted at this moment. A lower priority that is
//!   off air blocks nothing, and neither does what a stopped channel happens to hold.
//!
//! What ends by itself is never true at rest. Which of several true reasons is given is not judged.

#[path = "oracle/channels.rs"]
mod channels;
#[cfg(test)]
#[path = "oracle/tests.rs"]
mod tests;
#[path = "oracle/ways.rs"]
mod ways;

use std::time::Duration;

use jiff::Timestamp;
use slotwise::testing::emulator::World;
use slotwise::testing::model::{
    Cause, ChannelPool, Desired, Destination, DestinationName, Interrupt, Pause, PoolName, SlotId, StreamKey,
    WantedState,
};
use slotwise::testing::plan::{ChannelPlan, DestinationPlan, NoTakeover, Plan, Waiting};

use super::ground::{Fit, Ground, Names, Occupant, Place, Slot, clash, in_force, is_refused, pushes};
use super::reading::{rtmp_groups, takeover_of};
use super::windows;

/// The longest time off air by an interruption: a stop, an update and a start at their slowest.
const OFF_AIR_MAX: Duration = Duration::from_mins(15);

/// Why a channel is not taken over.
fn not_taken_over(place: &Place<'_>, stated: &NoTakeover) -> Claim {
    let tag = place.channel.and_then(takeover_of);
    let holds = match stated {
        NoTakeover::NotSet => !place.is_to_be_taken_over(),
        NoTakeover::Used => place.is_to_be_taken_over() && tag == Some("done"),
        NoTakeover::Denied { .. } => place.is_to_be_taken_over() && tag != Some("done"),
        NoTakeover::TagsFull => place.is_to_be_taken_over() && place.is_full(),
    };
    ensure(holds, || {
        format!("it is said not to be taken over: {stated:?}, its tag is {tag:?}")
    })
}

/// What is claimed, or why it is not true.
type Claim = Result<(), String>;

/// Why what `plan` says of a destination is not true at `wall`; `None` if it is.
pub(super) fn refute(
    world: &World,
    desired: &Desired,
    wall: Timestamp,
    plan: &Plan,
    planned: &DestinationPlan,
) -> Option<String> {
    let ground = Ground::read(world, desired, wall);
    let oracle = Oracle {
        ground: &ground,
        plan,
        world,
    };
    let stated = desired
        .destinations
        .get(&planned.name)
        .ok_or_else(|| "it is not declared".to_owned())
        .and_then(|one| oracle.destination(one, planned));
    stated
        .err()
        .map(|why| format!("{}: {why}: {:?}", planned.name, planned.waiting))
}

/// The same of a channel.
pub(super) fn refute_channel(
    world: &World,
    desired: &Desired,
    wall: Timestamp,
    plan: &Plan,
    planned: &ChannelPlan,
) -> Option<String> {
    let ground = Ground::read(world, desired, wall);
    let oracle = Oracle {
        ground: &ground,
        plan,
        world,
    };
    let stated = ground
        .place(planned.id.as_str())
        .filter(|place| place.pool.map(|pool| &pool.name) == planned.pool.as_ref())
        .ok_or_else(|| "its pool does not name it".to_owned())
        .and_then(|place| oracle.channel(place, planned.waiting.as_ref()));
    stated
        .err()
        .map(|why| format!("channel {}: {why}: {:?}", planned.id, planned.waiting))
}

struct Oracle<'a> {
    ground: &'a Ground<'a>,
    plan: &'a Plan,
    world: &'a World,
}

impl<'a> Oracle<'a> {
    fn destination(&self, one: &Destination, planned: &DestinationPlan) -> Claim {
        let ground = self.ground;
        let there = ground.on_air(&one.name);
        let (on_air, wanted) = (there.is_some(), ground.wanted(one));
        ensure(planned.wanted == wanted, || format!("wanted is {wanted}"))?;
        ensure(planned.on_air == on_air, || format!("on air is {on_air}"))?;
        let is_in_pool = |at: usize| ground.places[at].pool.is_some_and(|pool| pool.name == one.pool);
        let as_declared = there.is_some_and(|(at, _, fit)| fit.is_current() && is_in_pool(at));
        let is_paused = ground.pause_of(one).is_some();
        let where_wished = match one.state {
            WantedState::Streaming if is_paused => on_air,
            WantedState::Streaming => as_declared,
            WantedState::Ready => !on_air,
        };
        let Some(waiting) = &planned.waiting else {
            return ensure(where_wished, || {
                "it is not where it is wanted and waits for nothing".into()
            });
        };
        if let Waiting::PinnedElsewhere { on_air, pinned } = waiting {
            return self.pinned_elsewhere(one, on_air, pinned);
        }
        ensure(!where_wished, || "it is where it is wanted and waits".into())?;
        if let Waiting::Paused { pool, pause } = waiting {
            return self.paused(one, pool.as_ref(), pause);
        }
        ensure(!is_paused, || "it is paused and waits for something else".into())?;
        let way = match (wanted, there) {
            (false, _) => self.way_off(one),
            (true, Some((at, slot, _))) if !is_in_pool(at) => self.way_over(one, at, slot),
            (true, _) => self.way_on(one),
        };
        // To push one stream twice is no way, nor is what MediaLive refuses.
        let is_once = matches!(
            waiting,
            Waiting::SameTarget { .. } | Waiting::TargetRefused { .. }
        ) || matches!(waiting, Waiting::OnAirElsewhere { .. })
            && there.is_none_or(|(at, ..)| is_in_pool(at));
        if let Some(slot) = way.filter(|_| !is_once) {
            return Err(format!("{slot} would do"));
        }
        if wanted {
            self.off_air(one, waiting)
        } else {
            self.still_on_air(one, waiting)
        }
    }

    /// Wanted, not on air as it is declared, and nowhere to go.
    fn off_air(&self, one: &Destination, waiting: &Waiting) -> Claim {
        match waiting {
            Waiting::NoFreeSlot { pool, .. } => self.no_free_slot(one, pool),
            Waiting::InterruptionForbidden {
                pool: _,
                slot,
                others,
                off_air,
                cause,
                own,
            } => {
                let place = self.joins(one, slot, *own)?;
                self.softly(place)?;
                self.forbidden(place, (one, *own), others, *off_air)?;
                let needed = if *own { Cause::Retarget } else { Cause::Start };
                lacks(place, needed, *cause)
            }
            Waiting::OutsideWindow { slot, others, opens } => {
                let own = self.is_on_air_in(one, slot);
                let place = self.joins(one, slot, own)?;
                self.softly(place)?;
                let needed = if own { Cause::Retarget } else { Cause::Start };
                self.outside_window(place, (one, own), needed, others, *opens)
            }
            Waiting::Uninterruptible { slot, by } => {
                let place = self.joins(one, slot, self.is_on_air_in(one, slot))?;
                same_names(&self.ground.occupants(place).firm, by)
            }
            Waiting::SecretUnavailable { reference, why } => secret_unavailable(one, reference, why),
            Waiting::TargetRefused { what } => self.target_refused(one, what),
            Waiting::SlotIncompatible { slot, .. } => self.incompatible(one, slot),
            Waiting::PinnedSlotTaken { slot, by, .. } => self.pinned_slot_taken(one, slot, by),
            Waiting::SameTarget { other } => self.same_target(one, other),
            Waiting::OnAirElsewhere {
                channel,
                output_group,
                pool,
            } => {
                let group = output_group
                    .as_ref()
                    .map(slotwise::testing::model::OutputGroup::as_str);
                self.on_air_elsewhere(one, (channel.as_str(), group), pool.as_ref())
            }
            Waiting::NoSlot {
                pool,
                output_groups,
                unusable,
                ..
            } => self.no_slot(
                one,
                (pool, output_groups),
                unusable.as_ref().map(|(slot, _)| slot),
            ),
            Waiting::Undeclared { .. }
            | Waiting::UnusableSlot { .. }
            | Waiting::OnAirBesideSlots { .. }
            | Waiting::SourceUntrusted { .. } => {
                let places = self.ground.places.iter();
                let own = self.ground.on_air(&one.name).map(|(at, ..)| at);
                let mut near = places.enumerate().filter(|(at, place)| {
                    own == Some(*at) || place.pool.is_some_and(|pool| pool.name == one.pool)
                });
                let holds = near.any(|(_, place)| self.blocks(place, waiting).is_ok());
                ensure(holds, || "nothing of the kind blocks any channel".into())
            }
            Waiting::OtherGroupOnAir { channel, elsewhere } => {
                let place = self.ground.place(channel.as_str());
                let place = place.filter(|place| place.pool.is_some_and(|pool| pool.name == one.pool));
                let place = place.ok_or_else(|| format!("its pool has no channel {channel}"))?;
                self.would_push_beside(place, elsewhere.as_str())
            }
            of_channel => self.of_channel(one, of_channel),
        }
    }

    fn target_refused(&self, one: &Destination, what: &str) -> Claim {
        ensure(is_refused(self.world, one), || "MediaLive would take it".into())?;
        ensure(!what.is_empty(), || "it is not said what MediaLive said".into())
    }

    /// Not wanted, and on air.
    fn still_on_air(&self, one: &Destination, waiting: &Waiting) -> Claim {
        let (at, slot, _) = self.ground.on_air(&one.name).ok_or("it is not on air")?;
        let place = &self.ground.places[at];
        if let Some(stated) = slot_of(waiting) {
            let is_there =
                stated.channel == *place.id && stated.output_group == *place.slots[slot].group.as_str();
            ensure(is_there, || format!("it is not on air in {stated}"))?;
        }
        match waiting {
            Waiting::SharesChannel { .. }
            | Waiting::OutsideWindow { .. }
            | Waiting::Uninterruptible { .. } => self.leaves(waiting),
            Waiting::Undeclared { .. }
            | Waiting::UnusableSlot { .. }
            | Waiting::OnAirBesideSlots { .. }
            | Waiting::SourceUntrusted { .. } => self.blocks(place, waiting),
            of_channel => {
                let id = self.unusable(of_channel)?;
                ensure(id == place.id, || format!("it is not on air on channel {id}"))
            }
        }
    }

    // ── Reasons in other people ─────────────────────────────────────────────────────────────────────────────────────

    /// A channel that runs for others, in a slot of which a destination could join them, or is on air itself.
    fn joins(&self, one: &Destination, slot: &SlotId, own: bool) -> Result<&Place<'a>, String> {
        let (place, is) = self.slot(slot)?;
        ensure(self.ground.is_usable(place), || {
            format!("channel {} cannot be used", place.id)
        })?;
        ensure(place.runs(), || format!("channel {} does not run", place.id))?;
        if own {
            ensure(self.is_on_air_in(one, slot), || {
                format!("it is not on air in {slot}")
            })?;
            return Ok(place);
        }
        let is_of_pool = place.pool.is_some_and(|pool| pool.name == one.pool);
        ensure(is_of_pool, || format!("{slot} is of another pool"))?;
        ensure(!self.ground.is_kept(place, is), || format!("{slot} is taken"))?;
        let pin = one.pin.as_ref();
        let pinned =
            pin.is_none_or(|pin| pin.channel == slot.channel && pin.output_group == slot.output_group);
        ensure(pinned, || format!("it is not pinned to {slot}"))?;
        Ok(place)
    }

    fn is_on_air_in(&self, one: &Destination, stated: &SlotId) -> bool {
        self.ground.on_air(&one.name).is_some_and(|(at, slot, _)| {
            let place = &self.ground.places[at];
            stated.channel == *place.id && stated.output_group == *place.slots[slot].group.as_str()
        })
    }

    fn softly(&self, place: &Place<'_>) -> Claim {
        let occupants = self.ground.occupants(place);
        ensure(occupants.firm.is_empty(), || {
            format!("{:?} must not be interrupted at all", occupants.firm)
        })?;
        ensure(!occupants.is_blocked(), || {
            "something on it is not recognised".into()
        })
    }

    /// A destination leaves a channel that others share.
    fn leaves(&self, waiting: &Waiting) -> Claim {
        let Some(slot) = slot_of(waiting) else {
            return Ok(());
        };
        let (place, is) = self.slot(slot)?;
        ensure(self.ground.is_usable(place) && place.runs(), || {
            format!("channel {} is not ours or is off", place.id)
        })?;
        let owner = match is.is {
            Occupant::Of(one, _) => Some(&one.name),
            _ => None,
        };
        let interrupts = |others: &[DestinationName], off_air| {
            let occupants = self.ground.occupants(place);
            same_names(&occupants.on_air, others)?;
            let goes_on = place.keeps_running() || place.pool.is_none();
            ensure(!others.is_empty() || goes_on, || {
                "nothing would be interrupted".into()
            })?;
            plausible(off_air)
        };
        match waiting {
            Waiting::SharesChannel { others, off_air, .. } => {
                self.softly(place)?;
                interrupts(others, *off_air)?;
                let granted = self.ground.grants(place.pool, Cause::Stop, owner);
                ensure(!granted, || "the pool interrupts for it".into())
            }
            Waiting::OutsideWindow { others, opens, .. } => {
                self.softly(place)?;
                let any = self.ground.desired.destinations.values().next();
                let any = any.ok_or("no destination is declared")?;
                self.outside_window(place, (any, false), Cause::Stop, others, *opens)
            }
            Waiting::Uninterruptible { by, .. } => same_names(&self.ground.occupants(place).firm, by),
            _ => Err("no destination leaves for that".into()),
        }
    }

    /// Those are on air there, and a stop would take exactly them off air, for a moment.
    fn forbidden(
        &self,
        place: &Place<'_>,
        (one, own): (&Destination, bool),
        others: &[DestinationName],
        off_air: Duration,
    ) -> Claim {
        let mut on_air = self.ground.occupants(place).on_air;
        if own {
            on_air.remove(&one.name);
        }
        same_names(&on_air, others)?;
        ensure(own || !others.is_empty() || place.keeps_running(), || {
            "nothing would be interrupted".into()
        })?;
        plausible(off_air)
    }

    /// No window is open, the next one opens then, and it would help.
    fn outside_window(
        &self,
        place: &Place<'_>,
        (one, own): (&Destination, bool),
        cause: Cause,
        others: &[DestinationName],
        opens: Option<Timestamp>,
    ) -> Claim {
        let policy = &place.pool.ok_or("it is in no pool")?.disruption;
        let mut on_air = self.ground.occupants(place).on_air;
        if own {
            on_air.remove(&one.name);
        }
        same_names(&on_air, others)?;
        ensure(policy.interrupt == Interrupt::Window, || {
            "the pool has no windows".into()
        })?;
        ensure(policy.causes.contains(&cause), || {
            format!("no window is for {cause}")
        })?;
        let wall = self.ground.wall;
        let open = policy.windows.iter().any(|window| windows::is_open(window, wall));
        ensure(!open, || "a window is open".into())?;
        let next = windows::next_opening(&policy.windows, wall);
        ensure(next == opens, || format!("the next window opens at {next:?}"))
    }

    /// Something on a channel blocks every stop of it.
    fn blocks(&self, place: &Place<'_>, waiting: &Waiting) -> Claim {
        // This one blocks a start as well.
        let is_beside = matches!(waiting, Waiting::OnAirBesideSlots { .. });
        ensure(
            (place.runs() || is_beside) && self.ground.is_usable(place),
            || format!("channel {} is not ours or is off", place.id),
        )?;
        let at = |stated: &SlotId| {
            let is_here = stated.channel == *place.id && !place.takeover;
            let slot = place.slot(stated.output_group.as_str()).filter(|_| is_here);
            slot.ok_or_else(|| format!("{stated} is not on channel {}", place.id))
        };
        match waiting {
            Waiting::Undeclared { slot, host, takeover } => {
                let is = at(slot)?;
                not_taken_over(place, takeover)?;
                ensure(is.is == Occupant::Undeclared, || {
                    format!("{slot} is held by {:?}", is.is)
                })?;
                ensure(is.host() == host, || format!("it pushes to {}", is.host()))
            }
            Waiting::UnusableSlot { slot, takeover, .. } => {
                let is = at(slot)?;
                not_taken_over(place, takeover)?;
                ensure(is.is == Occupant::Unusable, || format!("{slot} can be a slot"))
            }
            Waiting::OnAirBesideSlots {
                channel, destination, ..
            } => {
                ensure(channel == place.id, || format!("{channel} is named"))?;
                self.is_beside_slots(place, destination)
            }
            Waiting::SourceUntrusted { .. } => {
                let is_taken_over = place.is_to_be_taken_over();
                let kept = |slot: &Slot<'_>| match slot.is {
                    Occupant::Vanished { released, .. } => !released,
                    Occupant::Undeclared | Occupant::Unusable => is_taken_over,
                    _ => false,
                };
                // Which pool a channel in none may stand in is not known while the declaration is doubted.
                let is_in_no_pool = place.pool.is_none();
                ensure(is_in_no_pool || place.slots.iter().any(kept), || {
                    "no destination on it vanished from the declaration or is to be taken over".into()
                })
            }
            _ => Err("that blocks nothing".into()),
        }
    }

    /// A destination that stays on air is so in an RTMP group of a channel that is no slot.
    fn is_beside_slots(&self, place: &Place<'_>, name: &DestinationName) -> Claim {
        let one = self.ground.desired.destinations.get(name);
        let one = one.ok_or_else(|| format!("{name} is not declared"))?;
        ensure(!self.ground.is_off(one), || format!("{name} is not wanted"))?;
        let is_there = self.ground.beside_slots(place).any(|there| there.name == *name);
        ensure(is_there, || format!("{name} is in no such group"))
    }

    /// Every slot of a channel that may be used holds a destination that is kept there.
    fn no_free_slot(&self, one: &Destination, pool: &PoolName) -> Claim {
        let ground = self.ground;
        ensure(*pool == one.pool, || "it is of another pool".into())?;
        if let Some(pin) = &one.pin {
            let place = ground
                .place(pin.channel.as_str())
                .filter(|place| ground.may_not_start(place));
            return ensure(place.is_some(), || "its channel may be started".into());
        }
        let usable = || self.of_pool(one).filter(|place| ground.is_usable(place));
        let could_be = |place: &Place<'_>| place.slots.iter().any(Slot::could_be);
        ensure(usable().any(could_be), || "there is no slot at all".into())?;
        let may_start = usable().filter(|place| !ground.may_not_start(place));
        let mut may_start = may_start;
        let found = may_start.find_map(|place| {
            let free = |slot: &&Slot<'_>| place.could_give(slot) && !ground.is_kept(place, slot);
            place.slots.iter().find(free).map(|slot| (place.id, &slot.group))
        });
        match found {
            Some((id, group)) => Err(format!("{id}/{group} is not held by a kept destination")),
            None => Ok(()),
        }
    }

    /// No channel that may be used has a slot, by the pattern that the pool has.
    fn no_slot(
        &self,
        one: &Destination,
        (pool, output_groups): (&PoolName, &str),
        unusable: Option<&SlotId>,
    ) -> Claim {
        let ground = self.ground;
        ensure(*pool == one.pool, || "it is of another pool".into())?;
        let decl = self.pool(pool).ok_or("the pool is not declared")?;
        let pattern = decl.slots.output_groups.glob().glob();
        ensure(pattern == output_groups, || {
            format!("the pool's slots are {pattern}")
        })?;
        let usable = || self.of_pool(one).filter(|place| ground.is_usable(place));
        let could_be = usable()
            .flat_map(|place| &place.slots)
            .find(|slot| slot.could_be());
        ensure(could_be.is_none(), || "there is a slot".into())?;
        let Some(slot) = unusable else { return Ok(()) };
        let broken = self.slot(slot)?.1.is == Occupant::Unusable;
        ensure(broken, || format!("{slot} could be one"))
    }

    fn same_target(&self, one: &Destination, other: &DestinationName) -> Claim {
        let duplicate = self.ground.desired.destinations.get(other);
        let duplicate =
            duplicate.filter(|duplicate| duplicate.name != one.name && pushes_the_same(one, duplicate));
        let duplicate = duplicate.ok_or("the other has another target")?;
        ensure(self.ground.wanted(duplicate), || "the other is not wanted".into())?;
        // Not each for the other.
        let waits = self
            .plan
            .destinations
            .iter()
            .find(|planned| planned.name == *other);
        let waits = waits.and_then(|planned| planned.waiting.as_ref());
        let is_for_it = matches!(waits, Some(Waiting::SameTarget { other }) if *other == one.name);
        ensure(!is_for_it, || "the other waits for the same".into())
    }

    // ── Reasons in itself ───────────────────────────────────────────────────────────────────────────────────────────

    fn paused(&self, one: &Destination, pool: Option<&PoolName>, pause: &Pause) -> Claim {
        let found = match pool {
            Some(name) => {
                let of_pool = self.pool(name).filter(|_| *name == one.pool);
                in_force(of_pool.and_then(|pool| pool.paused.as_ref()), self.ground.wall)
            }
            None => self.ground.pause_of(one),
        };
        ensure(found == Some(pause), || format!("in force is {found:?}"))
    }

    fn incompatible(&self, one: &Destination, slot: &SlotId) -> Claim {
        is_pinned_to(one, slot)?;
        let could = self.slot(slot).is_ok_and(|(place, is)| {
            is.is != Occupant::Unusable && place.pool.is_some_and(|pool| pool.name == one.pool)
        });
        ensure(!could, || format!("{slot} could carry it"))
    }

    fn pinned_slot_taken(&self, one: &Destination, slot: &SlotId, by: &str) -> Claim {
        is_pinned_to(one, slot)?;
        let (place, is) = self.slot(slot)?;
        ensure(place.runs() && self.ground.is_kept(place, is), || {
            format!("{slot} is not taken")
        })?;
        let named = match &is.is {
            Occupant::Of(holder, _) => holder.name == *by && holder.name != one.name,
            Occupant::Vanished { identity, .. } => identity == by,
            _ => is.host() == by,
        };
        ensure(named, || format!("{slot} is held by {:?}", is.is))
    }

    fn pinned_elsewhere(&self, one: &Destination, on_air: &SlotId, pinned: &SlotId) -> Claim {
        is_pinned_to(one, pinned)?;
        ensure(on_air != pinned, || "that is where it is pinned".into())?;
        ensure(self.ground.wanted(one), || "it is not wanted".into())?;
        ensure(self.is_on_air_in(one, on_air), || {
            format!("it is not on air in {on_air}")
        })
    }

    /// Its stream is, or may be, published by another slot than its own in its pool.
    fn on_air_elsewhere(
        &self,
        one: &Destination,
        (channel, group): (&str, Option<&str>),
        stated: Option<&PoolName>,
    ) -> Claim {
        let of_account = self.world.channel(channel).ok_or("there is no such channel")?;
        let Some(group) = group else {
            let mut all = rtmp_groups(of_account)
                .into_iter()
                .flat_map(|(_, endpoints)| endpoints);
            let own = pushes(one);
            let found = all.any(|endpoint| own.iter().any(|own| clash(own, &endpoint)));
            return ensure(found, || format!("it is not on air on channel {channel}"));
        };
        let place = self.ground.place(channel).filter(|place| place.may_publish());
        let place = place.ok_or_else(|| format!("it is not on air in {channel}/{group}"))?;
        let pool = place
            .pool
            .map(|pool| &pool.name)
            .filter(|name| **name != one.pool);
        ensure(pool == stated, || {
            format!("the slot is of pool {:?}", place.pool.map(|pool| &pool.name))
        })?;
        let own = pushes(one);
        let pushed = place.slot(group).is_some_and(|slot| {
            let is_its = matches!(slot.is, Occupant::Of(holder, _) if holder.name == one.name);
            is_its || slot.pushed().any(|there| own.iter().any(|own| clash(own, there)))
        });
        ensure(pushed, || format!("it is not on air in {channel}/{group}"))
    }

    // ── Places ──────────────────────────────────────────────────────────────────────────────────────────────────────

    fn pool(&self, name: &PoolName) -> Option<&'a ChannelPool> {
        let desired: &'a Desired = self.ground.desired;
        desired.pools.get(name)
    }

    fn of_pool<'s>(&'s self, one: &'s Destination) -> impl Iterator<Item = &'s Place<'a>> {
        let places = self.ground.places.iter();
        places.filter(|place| place.pool.is_some_and(|pool| pool.name == one.pool))
    }

    /// A slot of any channel.
    fn slot(&self, id: &SlotId) -> Result<(&Place<'a>, &Slot<'a>), String> {
        let place = self.ground.place(id.channel.as_str());
        let slot = place.and_then(|place| {
            let mut slots = place.slots.iter();
            let slot = slots.find(|slot| id.output_group == *slot.group.as_str())?;
            Some((place, slot))
        });
        slot.ok_or_else(|| format!("there is no slot {id}"))
    }
}

/// Whether two destinations push one stream to one ingest.
fn pushes_the_same(one: &Destination, other: &Destination) -> bool {
    let others = pushes(other);
    let clashes = |own: &slotwise::testing::model::Endpoint| others.iter().any(|other| clash(own, other));
    pushes(one).iter().any(clashes)
}

/// The pool does not grant the stated cause.
fn lacks(place: &Place<'_>, needed: Cause, stated: Option<Cause>) -> Claim {
    let policy = place.pool.map(|pool| &pool.disruption);
    let never = policy.is_none_or(|policy| policy.interrupt == Interrupt::Never);
    let Some(cause) = stated else {
        return ensure(never, || "the pool does interrupt".into());
    };
    ensure(!never, || "the pool never interrupts, whatever the cause".into())?;
    let is_named = policy.is_some_and(|policy| policy.causes.contains(&cause));
    ensure(!is_named, || format!("the pool interrupts for {cause}"))?;
    ensure(cause == needed, || format!("{cause} is not what is missing"))
}

/// The slot that a reason in other people names.
fn slot_of(waiting: &Waiting) -> Option<&SlotId> {
    match waiting {
        Waiting::SharesChannel { slot, .. }
        | Waiting::OutsideWindow { slot, .. }
        | Waiting::Uninterruptible { slot, .. } => Some(slot),
        _ => None,
    }
}

fn secret_unavailable(one: &Destination, reference: &str, why: &str) -> Claim {
    ensure(matches!(one.key, StreamKey::Unavailable { .. }), || {
        "its key is there".into()
    })?;
    // People find the key by it, wherever it is kept.
    let is_named = reference.ends_with(one.name.as_str()) || reference == "env KEY";
    ensure(is_named && !why.is_empty(), || {
        "that is not where its key should be".into()
    })
}

fn is_pinned_to(one: &Destination, slot: &SlotId) -> Claim {
    let pinned = one
        .pin
        .as_ref()
        .is_some_and(|pin| pin.channel == slot.channel && pin.output_group == slot.output_group);
    ensure(pinned, || format!("it is not pinned to {slot}"))
}

fn plausible(off_air: Duration) -> Claim {
    let is_plausible = off_air > Duration::ZERO && off_air <= OFF_AIR_MAX;
    ensure(is_plausible, || {
        format!("no destination would be off air for {off_air:?}")
    })
}

fn same_names(is: &Names, stated: &[DestinationName]) -> Claim {
    let same = is.iter().eq(stated);
    ensure(same, || format!("of those there it is about {is:?}"))
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Claim {
    if holds { Ok(()) } else { Err(otherwise()) }
}
