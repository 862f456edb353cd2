//! Whether what a plan says of destinations and channels is *true*, once faults have ended and everything is at rest.
//!
//! It decides from the world and the declaration alone and shares nothing with the planner but the words of its answer.
//! Of each [`Waiting`] two things have to hold:
//!
//! - its facts: the slot it names exists, those it names are on air there and wanted, the pause is in force, …;
//! - it is what blocks: no slot of the pool would do within what is granted at this moment. A lower priority that is
//!   off air blocks nobody, and neither does what a stopped channel happens to hold.
//!
//! What ends by itself is never true at rest. Which of several true reasons is told is not judged.

#[path = "oracle/channels.rs"]
mod channels;
#[path = "oracle/ground.rs"]
mod ground;
#[cfg(test)]
#[path = "oracle/tests.rs"]
mod tests;
#[path = "oracle/windows.rs"]
mod windows;

use std::time::Duration;

use jiff::Timestamp;
use slotwise::emulator::World;
use slotwise::model::{
    Cause, ChannelPool, Desired, Destination, DestinationName, Interrupt, Pause, PoolName, SlotId, StreamKey,
    Trust, WantedState,
};
use slotwise::plan::{ChannelPlan, DestinationPlan, Plan, Waiting};

use ground::{Crew, Ground, Holder, Names, Place, Slot};

/// Longer than this nobody is off air by an interruption: a stop, an update and a start at their slowest.
const OFF_AIR_MAX: Duration = Duration::from_mins(15);

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
    let told = desired
        .destinations
        .get(&planned.name)
        .ok_or_else(|| "nobody declares it".to_owned())
        .and_then(|one| {
            let ground = Ground::read(world, desired, wall, &one.pool).ok_or("its pool is not declared")?;
            let oracle = Oracle {
                ground: &ground,
                plan,
                world,
            };
            oracle.destination(one, planned)
        });
    told.err()
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
    let ground = planned
        .pool
        .as_ref()
        .and_then(|pool| Ground::read(world, desired, wall, pool));
    let told = ground
        .as_ref()
        .ok_or_else(|| "its pool is not declared".to_owned())
        .and_then(|ground| {
            let place = ground
                .place(planned.id.as_str())
                .ok_or("its pool does not name it")?;
            let oracle = Oracle { ground, plan, world };
            oracle.channel(place, planned.waiting.as_ref())
        });
    told.err()
        .map(|why| format!("channel {}: {why}: {:?}", planned.id, planned.waiting))
}

struct Oracle<'a> {
    ground: &'a Ground<'a>,
    plan: &'a Plan,
    world: &'a World,
}

/// What somebody waits for who shares a channel, or would have to.
struct Shared<'w> {
    slot: &'w SlotId,
    others: &'w [DestinationName],
    cause: Cause,
}

impl Oracle<'_> {
    fn destination(&self, one: &Destination, planned: &DestinationPlan) -> Claim {
        let ground = self.ground;
        let on_air = !ground.on_air(one).is_empty();
        let wanted = ground.wanted(one);
        ensure(planned.wanted == wanted, || format!("wanted is {wanted}"))?;
        ensure(planned.on_air == on_air, || format!("on air is {on_air}"))?;
        let is_paused = ground.pause_of(one).is_some();
        let where_wished = match one.state {
            WantedState::Streaming => on_air,
            WantedState::Ready => !on_air && (is_paused || !self.is_on_air_elsewhere(one)),
        };
        let Some(waiting) = &planned.waiting else {
            return ensure(is_paused || where_wished, || {
                "it is not where it is wanted and waits for nothing".into()
            });
        };
        if let Waiting::PinnedElsewhere { on_air, pinned } = waiting {
            return self.pinned_elsewhere(one, on_air, pinned);
        }
        ensure(!where_wished, || "it is where it is wanted and waits".into())?;
        if let Waiting::Paused { pool, pause } = waiting {
            return self.paused(Some(one), pool.as_ref(), pause);
        }
        ensure(!is_paused, || "it is paused and waits for something else".into())?;
        let way = if wanted {
            ground.way_on(one)
        } else {
            ground.way_off(one)
        };
        // To push to one target twice is no way.
        let is_once = !matches!(
            waiting,
            Waiting::SameTarget { .. } | Waiting::OnAirElsewhere { .. }
        );
        if let Some(slot) = way.filter(|_| is_once) {
            return Err(format!("{slot} would do"));
        }
        if wanted {
            self.off_air(one, waiting)
        } else {
            self.still_on_air(one, waiting)
        }
    }

    /// Wanted, off air, and nowhere to go.
    fn off_air(&self, one: &Destination, waiting: &Waiting) -> Claim {
        match waiting {
            Waiting::NoFreeSlot { pool } => self.no_free_slot(one, pool),
            Waiting::InterruptionForbidden {
                slot,
                others,
                off_air,
                cause,
            } => {
                let (_, crew) = self.joins(one, slot)?;
                ensure(crew.firm.is_empty(), || {
                    format!("{:?} must not be interrupted at all", crew.firm)
                })?;
                self.forbidden(slot, others, *off_air)?;
                self.lacks(one, slot, *cause)
            }
            Waiting::OutsideWindow { slot, others, opens } => {
                let (place, crew) = self.joins(one, slot)?;
                ensure(crew.firm.is_empty(), || {
                    format!("{:?} must not be interrupted at all", crew.firm)
                })?;
                let retargets = place.former_like(one) && self.is_named(Cause::Retarget);
                let cause = if retargets { Cause::Retarget } else { Cause::Start };
                self.outside_window(&Shared { slot, others, cause }, *opens)
            }
            Waiting::Uninterruptible { slot, by } => {
                let (_, crew) = self.joins(one, slot)?;
                uninterruptible(&crew, by)
            }
            Waiting::SourceUntrusted { why } => self.untrusted(why),
            Waiting::SecretUnavailable { reference, why } => secret_unavailable(one, reference, why),
            Waiting::KeyUnknown { of, reference, why } => {
                let mut usable = self
                    .ground
                    .places
                    .iter()
                    .filter(|place| self.ground.is_usable(place));
                let found = usable.any(|place| place.runs() && self.ground.crew(place).may_be.contains(of));
                ensure(found, || format!("nothing on air may be {of}"))?;
                self.key_unknown(of, reference, why)
            }
            Waiting::SlotIncompatible { slot, .. } => self.incompatible(one, slot),
            Waiting::PinnedSlotTaken { slot, by } => self.pinned_slot_taken(one, slot, by),
            Waiting::SameTarget { other } => self.same_target(one, other),
            Waiting::OnAirElsewhere { slot, pool } => self.on_air_elsewhere(one, slot, pool.as_ref()),
            Waiting::NoSlot {
                pool,
                output_groups,
                unusable,
            } => self.no_slot(one, (pool, output_groups), unusable.as_ref()),
            of_channel => self.of_channel(one, of_channel),
        }
    }

    /// Not wanted, and on air.
    fn still_on_air(&self, one: &Destination, waiting: &Waiting) -> Claim {
        if let Waiting::OnAirElsewhere { slot, pool } = waiting {
            return self.on_air_elsewhere(one, slot, pool.as_ref());
        }
        if let Some(slot) = slot_of(waiting) {
            let carried = self.slot(slot)?.1.holder == Holder::Held(one.name.clone());
            ensure(carried, || format!("it is not on air in {slot}"))?;
        }
        let on_air = |id: &str| {
            self.ground
                .on_air(one)
                .iter()
                .any(|(at, _)| self.ground.places[*at].id == id)
        };
        match waiting {
            Waiting::SharesChannel { .. }
            | Waiting::OutsideWindow { .. }
            | Waiting::Uninterruptible { .. } => self.leaves(waiting),
            Waiting::SourceUntrusted { why } => self.untrusted(why),
            Waiting::KeyUnknown { of, reference, why } => {
                let places = &self.ground.places;
                let mut found = places
                    .iter()
                    .filter(|place| self.ground.crew(place).may_be.contains(of));
                ensure(found.any(|place| on_air(place.id)), || {
                    format!("nothing on air beside it may be {of}")
                })?;
                self.key_unknown(of, reference, why)
            }
            of_channel => {
                let id = self.unusable(of_channel)?;
                ensure(on_air(id), || format!("it is not on air on channel {id}"))
            }
        }
    }

    // ── Reasons in other people ─────────────────────────────────────────────────────────────────────────────────────

    /// A slot of a channel that runs for others, in which a destination could join them.
    fn joins(&self, one: &Destination, slot: &SlotId) -> Result<(&Place<'_>, Crew), String> {
        let (place, is) = self.slot(slot)?;
        ensure(self.ground.is_usable(place), || {
            format!("channel {} cannot be used", place.id)
        })?;
        ensure(place.runs(), || format!("channel {} does not run", place.id))?;
        ensure(!self.ground.is_kept(is, false), || format!("{slot} is taken"))?;
        let pin = one.pin.as_ref();
        let pinned =
            pin.is_none_or(|pin| pin.channel == slot.channel && pin.output_group == slot.output_group);
        ensure(pinned, || format!("it is not pinned to {slot}"))?;
        Ok((place, self.ground.crew(place)))
    }

    /// Somebody leaves a channel that others share.
    fn leaves(&self, waiting: &Waiting) -> Claim {
        let Some(slot) = slot_of(waiting) else {
            return Ok(());
        };
        let place = self.slot(slot)?.0;
        ensure(self.ground.is_usable(place) && place.runs(), || {
            format!("channel {} is not ours or is off", place.id)
        })?;
        let crew = self.ground.crew(place);
        let softly = || {
            ensure(crew.firm.is_empty(), || {
                format!("{:?} must not be interrupted at all", crew.firm)
            })
        };
        match waiting {
            Waiting::SharesChannel { others, off_air, .. } => {
                softly()?;
                self.forbidden(slot, others, *off_air)?;
                let granted = self.ground.grants(Cause::Stop);
                ensure(!granted, || "the pool interrupts for it".into())
            }
            Waiting::OutsideWindow { others, opens, .. } => {
                softly()?;
                self.outside_window(
                    &Shared {
                        slot,
                        others,
                        cause: Cause::Stop,
                    },
                    *opens,
                )
            }
            Waiting::Uninterruptible { by, .. } => uninterruptible(&crew, by),
            _ => Err("nobody leaves for that".into()),
        }
    }

    /// Those are on air there, and a stop would take exactly them off air, for a moment.
    fn forbidden(&self, slot: &SlotId, others: &[DestinationName], off_air: Duration) -> Claim {
        let crew = self.ground.crew(self.slot(slot)?.0);
        same_names(&crew.on_air, others)?;
        ensure(!others.is_empty(), || "nobody would be interrupted".into())?;
        let plausible = off_air > Duration::ZERO && off_air <= OFF_AIR_MAX;
        ensure(plausible, || format!("nobody would be off air for {off_air:?}"))
    }

    /// The pool does not grant what it is said not to grant.
    fn lacks(&self, one: &Destination, slot: &SlotId, cause: Option<Cause>) -> Claim {
        let never = self.ground.pool.disruption.interrupt == Interrupt::Never;
        let Some(cause) = cause else {
            return ensure(never, || "the pool does interrupt".into());
        };
        ensure(!never, || "the pool never interrupts, whatever the cause".into())?;
        ensure(!self.is_named(cause), || {
            format!("the pool interrupts for {cause}")
        })?;
        let fits = match cause {
            Cause::Start => true,
            Cause::Retarget => self.slot(slot)?.0.former_like(one),
            Cause::Stop => false,
        };
        ensure(fits, || format!("{cause} is not what is missing"))
    }

    /// No window is open, the next one opens then, and it would help.
    fn outside_window(&self, shared: &Shared<'_>, opens: Option<Timestamp>) -> Claim {
        let (ground, policy) = (self.ground, &self.ground.pool.disruption);
        let crew = ground.crew(self.slot(shared.slot)?.0);
        same_names(&crew.on_air, shared.others)?;
        ensure(policy.interrupt == Interrupt::Window, || {
            "the pool has no windows".into()
        })?;
        ensure(self.is_named(shared.cause), || {
            format!("no window is for {}", shared.cause)
        })?;
        let open = policy
            .windows
            .iter()
            .any(|window| windows::is_open(window, ground.wall));
        ensure(!open, || "a window is open".into())?;
        let next = windows::next_opening(&policy.windows, ground.wall);
        ensure(next == opens, || format!("the next window opens at {next:?}"))
    }

    fn is_named(&self, cause: Cause) -> bool {
        self.ground.pool.disruption.causes.contains(&cause)
    }

    /// Every slot of a channel that may be used is somebody's who is kept there.
    fn no_free_slot(&self, one: &Destination, pool: &PoolName) -> Claim {
        let ground = self.ground;
        ensure(*pool == one.pool && one.pin.is_none(), || {
            "it is pinned, or of another pool".into()
        })?;
        let usable = || ground.places.iter().filter(|place| ground.is_usable(place));
        let could_be = |place: &Place<'_>| place.slots.iter().any(|slot| slot.holder != Holder::Broken);
        ensure(usable().any(could_be), || "there is no slot at all".into())?;
        let kept = |slot: &&Slot| !ground.is_kept(slot, true);
        match usable().find_map(|place| place.slots.iter().find(kept).map(|slot| (place.id, &slot.group))) {
            Some((id, group)) => Err(format!("{id}/{group} is held by nobody who is kept")),
            None => Ok(()),
        }
    }

    /// No channel that may be used has a slot, by the pattern that the pool has.
    fn no_slot(
        &self,
        one: &Destination,
        (pool, output_groups): (&PoolName, &str),
        unusable: Option<&(SlotId, String)>,
    ) -> Claim {
        let ground = self.ground;
        ensure(*pool == one.pool && one.pin.is_none(), || {
            "it is pinned, or of another pool".into()
        })?;
        let pattern = ground.pool.slots.output_groups.glob().glob();
        ensure(pattern == output_groups, || {
            format!("the pool's slots are {pattern}")
        })?;
        let usable = || ground.places.iter().filter(|place| ground.is_usable(place));
        ensure(usable().next().is_some(), || "no channel may be used".into())?;
        let mut slots = usable().flat_map(|place| &place.slots);
        let could_be = slots.find(|slot| slot.holder != Holder::Broken);
        ensure(could_be.is_none(), || "there is a slot".into())?;
        match unusable {
            Some((slot, _)) => {
                let broken = self.slot(slot)?.1.holder == Holder::Broken;
                ensure(broken, || format!("{slot} could be one"))
            }
            None => ensure(usable().all(|place| place.slots.is_empty()), || {
                "an output group matches".into()
            }),
        }
    }

    fn untrusted(&self, told: &str) -> Claim {
        ensure(self.ground.may_be_doubted(), || {
            "nothing casts doubt on the declaration".into()
        })?;
        match &self.ground.desired.trust {
            Trust::Doubted { why } => ensure(why == told, || "the doubt is another one".into()),
            Trust::Whole => Ok(()),
        }
    }

    /// The key of one who is not to be let go is missing.
    fn key_unknown(&self, of: &DestinationName, reference: &str, why: &str) -> Claim {
        let one = self.ground.desired.destinations.get(of);
        let one = one.ok_or_else(|| format!("nobody declares {of}"))?;
        secret_unavailable(one, reference, why)
    }

    fn same_target(&self, one: &Destination, other: &DestinationName) -> Claim {
        let is_known = matches!(one.key, StreamKey::Known(_));
        let same = |rival: &&std::sync::Arc<Destination>| {
            rival.name != one.name && rival.url == one.url && rival.key == one.key
        };
        let rival = self
            .ground
            .desired
            .destinations
            .get(other)
            .filter(same)
            .filter(|_| is_known);
        let rival = rival.ok_or("the other has another target")?;
        ensure(self.ground.wanted(rival), || "the other is not wanted".into())?;
        // Not each for the other.
        let waits = self
            .plan
            .destinations
            .iter()
            .find(|planned| planned.name == *other);
        let waits = waits.and_then(|planned| planned.waiting.as_ref());
        ensure(!matches!(waits, Some(Waiting::SameTarget { .. })), || {
            "the other waits for the same".into()
        })
    }

    // ── Reasons in itself ───────────────────────────────────────────────────────────────────────────────────────────

    fn paused(&self, one: Option<&Destination>, pool: Option<&PoolName>, pause: &Pause) -> Claim {
        let in_force = match (pool, one) {
            (Some(pool), _) => self
                .ground
                .pool_pause()
                .filter(|_| *pool == self.ground.pool.name),
            (None, Some(one)) => self.ground.pause_of(one),
            (None, None) => None,
        };
        ensure(in_force == Some(pause), || format!("in force is {in_force:?}"))
    }

    fn incompatible(&self, one: &Destination, slot: &SlotId) -> Claim {
        is_pinned_to(one, slot)?;
        let could = self.slot(slot).is_ok_and(|(_, is)| is.holder != Holder::Broken);
        ensure(!could, || format!("{slot} could carry it"))
    }

    fn pinned_slot_taken(&self, one: &Destination, slot: &SlotId, by: &str) -> Claim {
        is_pinned_to(one, slot)?;
        let (place, is) = self.slot(slot)?;
        ensure(place.runs() && self.ground.is_kept(is, true), || {
            format!("{slot} is not taken")
        })?;
        let named = match &is.holder {
            Holder::Held(name) => name.as_str() == by && *name != one.name,
            Holder::Former(of) => of.contains(by) || is.host() == by,
            _ => is.host() == by,
        };
        ensure(named, || format!("{slot} is held by {:?}", is.holder))
    }

    fn pinned_elsewhere(&self, one: &Destination, on_air: &SlotId, pinned: &SlotId) -> Claim {
        is_pinned_to(one, pinned)?;
        ensure(on_air != pinned, || "that is where it is pinned".into())?;
        ensure(self.ground.wanted(one), || "it is not wanted".into())?;
        let (place, is) = self.slot(on_air)?;
        let carried = place.runs() && is.holder == Holder::Held(one.name.clone());
        ensure(carried, || format!("it is not on air in {on_air}"))
    }

    /// The target is on air in a slot that is not its own, in this pool or another.
    fn on_air_elsewhere(&self, one: &Destination, slot: &SlotId, told: Option<&PoolName>) -> Claim {
        let desired = self.ground.desired;
        let names = |pool: &&ChannelPool| pool.channels.iter().any(|channel| channel.id == slot.channel);
        let pool = desired
            .pools
            .values()
            .find(names)
            .ok_or("no pool has that channel")?;
        let other = Some(&pool.name).filter(|name| **name != one.pool);
        ensure(other == told, || format!("the slot is of pool {}", pool.name))?;
        let there = Ground::read(self.world, desired, self.ground.wall, &pool.name)
            .ok_or_else(|| "nobody declares it".to_owned())?;
        let place = there.place(slot.channel.as_str()).filter(|place| place.runs());
        let is = place.and_then(|place| place.slot(slot.output_group.as_str()));
        let is_known = matches!(one.key, StreamKey::Known(_));
        ensure(is_known || !self.ground.wanted(one), || {
            "nobody knows its target".into()
        })?;
        let carried = is.is_some_and(|is| self.pushes_to(is, one));
        ensure(carried, || format!("it is not on air in {slot}"))?;
        let own = is.is_some_and(|is| is.holder == Holder::Held(one.name.clone()));
        ensure(!own, || format!("{slot} is its own"))
    }

    /// Whether its target is on air in another pool, where nobody holds it.
    fn is_on_air_elsewhere(&self, one: &Destination) -> bool {
        let desired = self.ground.desired;
        let others = desired.pools.keys().filter(|pool| **pool != one.pool);
        let grounds = others.filter_map(|pool| Ground::read(self.world, desired, self.ground.wall, pool));
        grounds.flat_map(|ground| ground.places).any(|place| {
            let mut slots = place.slots.iter();
            place.runs()
                && slots.any(|slot| self.pushes_to(slot, one) && !matches!(slot.holder, Holder::Held(_)))
        })
    }

    /// Whether a slot pushes to the target of `one`, with its first pipeline. Where its key cannot be read that is presumed by
    /// the URL, if nobody else declares it.
    fn pushes_to(&self, slot: &Slot, one: &Destination) -> bool {
        let is_alone = || {
            let mut all = self.ground.desired.destinations.values();
            all.all(|other| other.url != one.url || other.name == one.name)
        };
        let first = slot.endpoints.first().filter(|(url, _)| **url == *one.url);
        first.is_some_and(|(_, name)| match &one.key {
            StreamKey::Known(key) => name == key.reveal(),
            StreamKey::Unavailable { .. } => is_alone(),
        })
    }

    /// A slot of the pool.
    fn slot(&self, id: &SlotId) -> Result<(&Place<'_>, &Slot), String> {
        let place = self.ground.place(id.channel.as_str());
        let slot = place.and_then(|place| Some((place, place.slot(id.output_group.as_str())?)));
        slot.ok_or_else(|| format!("the pool has no slot {id}"))
    }
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

/// Exactly those must not be interrupted; of those of whom it is not certain any may be named.
fn uninterruptible(crew: &Crew, by: &[DestinationName]) -> Claim {
    let named: Names = by.iter().cloned().collect();
    let perhaps: Names = crew.firm.union(&crew.perhaps_firm).cloned().collect();
    let fits = !named.is_empty() && crew.firm.is_subset(&named) && named.is_subset(&perhaps);
    ensure(fits, || format!("{:?} must not be interrupted", crew.firm))
}

fn same_names(is: &Names, told: &[DestinationName]) -> Claim {
    let same = is.iter().eq(told);
    ensure(same, || format!("wanted and on air there are {is:?}"))
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Claim {
    if holds { Ok(()) } else { Err(otherwise()) }
}
