//! The checker reads the world apart from the planner, and both read the same.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::model::{ChannelPool, Destination, DestinationName, SlotId, samples};
use crate::plan::check::reading::{ChannelReading, Holds, PoolReading};
use crate::plan::fixture::{World, pause, unknown_key};
use crate::plan::interrupt::{Kind, kind};
use crate::plan::properties::worlds;
use crate::plan::survey::{Holder, Survey};

/// What may befall one destination besides: it is of another pool, its key cannot be read, it comes back to a slot.
type Special = (bool, bool, Option<(u8, u8)>);

/// The same, with another pool, which has no channels, with destinations that come back, and perhaps paused. The pool names
/// its channels in whatever order.
fn special_worlds() -> impl Strategy<Value = World> {
    let special = (
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.2),
        prop::option::weighted(0.15, (1_u8..5, 1_u8..5)),
    );
    let specials = prop::collection::vec(special, 7);
    let worlds = worlds().prop_flat_map(|world| {
        let channels = Just(world.desired.pools["main"].channels.clone()).prop_shuffle();
        (Just(world), channels)
    });
    (worlds, specials, prop::bool::weighted(0.1)).prop_map(|((mut world, channels), specials, is_paused)| {
        world.pool().channels = channels;
        let side = ChannelPool {
            name: "side".into(),
            ..samples::pool(&[], "slot-*")
        };
        world.desired.pools.insert("side".into(), side);
        world.pool().paused = is_paused.then(pause);
        let names: Vec<DestinationName> = world.desired.destinations.keys().cloned().collect();
        names.iter().zip(specials).fold(world, |world, (name, special)| {
            with_special(world, name.as_str(), special)
        })
    })
}

fn with_special(mut world: World, name: &str, (is_moved, is_keyless, returning): Special) -> World {
    let one = world.desired.destination_mut(name).unwrap();
    if is_moved {
        one.pool = "side".into();
    }
    if is_keyless {
        one.key = unknown_key();
    }
    match returning {
        None => world,
        Some((channel, slot)) => world.returning(name, &channel.to_string(), &format!("slot-{slot}")),
    }
}

/// Who holds a slot, in words.
fn holder(survey: &Survey<'_>, slot: usize) -> String {
    let name = |dest: usize| &survey.dests[dest].decl.name;
    match survey.slots[slot].holder {
        Holder::Unusable => "unusable".to_owned(),
        Holder::Parked => "parked".to_owned(),
        Holder::Held(dest) if survey.dests[dest].has_key() => format!("held by {}", name(dest)),
        Holder::Held(dest) => format!("presumed to be held by {}", name(dest)),
        Holder::Copy(dest) => format!("a copy of {}", name(dest)),
        Holder::Outdated(dest) => format!("the former target of {}", name(dest)),
        Holder::Undeclared => "undeclared".to_owned(),
    }
}

fn holds(slot: Option<Holds<'_>>) -> String {
    match slot {
        None => "unusable".to_owned(),
        Some(Holds::Parked) => "parked".to_owned(),
        Some(Holds::Held(one)) => format!("held by {}", one.name),
        Some(Holds::Presumed(one)) => format!("presumed to be held by {}", one.name),
        Some(Holds::Copy(one)) => format!("a copy of {}", one.name),
        Some(Holds::Outdated(one)) => format!("the former target of {}", one.name),
        Some(Holds::Undeclared) => "undeclared".to_owned(),
    }
}

/// Who is protected on a channel, and whether they may be interrupted at all; `None` where nobody is.
type Guard<'a> = Option<(Vec<&'a DestinationName>, bool)>;

fn guard_of_planner<'a>(survey: &Survey<'a>, channel: usize) -> Guard<'a> {
    match kind(survey, channel) {
        Kind::Stopped | Kind::Vacant => None,
        Kind::Kept(crew) => {
            let name = |dest: &usize| &survey.dests[*dest].decl.name;
            Some((crew.on_air.iter().map(name).collect(), crew.is_interruptible()))
        }
    }
}

fn guard_of_checker<'a>(channel: &ChannelReading<'a>, world: &World) -> Guard<'a> {
    let protected = channel.protected(&world.desired.trust, world.now);
    let may_be = protected.wanted.iter().all(|one| one.interruptible);
    let mut names: Vec<_> = protected.wanted.iter().map(|one| &one.name).collect();
    names.sort_unstable();
    let interruptible = may_be && !protected.doubted && protected.paused.is_empty();
    (!protected.is_empty()).then_some((names, interruptible))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn planner_and_checker_read_the_same(world in special_worlds()) {
        let pool = &world.desired.pools["main"];
        let mine = || world.desired.destinations.values().filter(|one| one.pool == pool.name);
        let dests: Vec<&Destination> = mine().map(AsRef::as_ref).collect();
        let survey = Survey::new(&world.desired, &world.observed, world.now, pool, &dests);

        let plan = world.plan();
        let claims: BTreeMap<&DestinationName, &SlotId> =
            plan.destinations.iter().filter_map(|one| Some((&one.name, one.held.as_ref()?))).collect();
        let dests = mine().map(|one| (&one.name, &**one)).collect();
        let reading = PoolReading::new(pool, dests, &world.desired, &world.observed, &claims, world.now);

        for (at, channel) in survey.channels.iter().enumerate() {
            let read = &reading.channels[channel.id];
            prop_assert_eq!(channel.is_usable(), read.hands_off.is_none(), "{}", channel.id);
            for slot in channel.slots.clone() {
                let name = survey.slots[slot].group.name.as_str();
                let own = read.slots.get(name).map(|slot| slot.holds);
                prop_assert_eq!(holder(&survey, slot), holds(own), "{} {}", channel.id, name);
            }
            prop_assert_eq!(guard_of_planner(&survey, at), guard_of_checker(read, &world), "{}", channel.id);
        }
    }
}
