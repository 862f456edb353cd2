//! One target is not pushed to twice, whatever pools it is declared in.
//!
//! Pools are decided one by one, but a destination may be moved from one to the other while it is on air, and two of
//! different pools may have the same target. So all pools are read first, and then compared:
//!
//! | the target of a wanted destination that is not on air | it |
//! |---|---|
//! | is on air in a slot of a wanted one, of any pool | waits for that one: [`Dest::rival`](super::survey::Dest::rival) |
//! | is on air in any other slot, of any pool | waits until it has ended there: [`Elsewhere::Other`] |
//! | is on air in the slot of its former target: another backup | goes on in that slot only: [`Elsewhere::Former`] |
//! | is on air nowhere, and wanted in another pool | goes on in one of them: where it holds a slot, then by name |
//!
//! One that is not wanted and was moved is still on air in the pool that it was moved from, until that lets it go. Where its
//! key cannot be read, that is presumed of a slot with its URL, if nobody else declares that URL.
//!
//! A target is told by its first endpoint, the one that every class of channel pushes to.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::survey::{Elsewhere, Holder, Stance, Survey};
use crate::model::{
    ChannelPool, Desired, Destination, DestinationName, Endpoint, Observed, PoolName, Secret, StreamKey,
};

/// The first endpoint of a target: URL and stream key.
type First<'a> = (&'a str, &'a Secret);

/// Every pool as it was seen, by name, and what each has to wait for in the others.
pub(super) fn surveys<'a>(desired: &'a Desired, observed: &'a Observed, now: Timestamp) -> Vec<Survey<'a>> {
    let mut by_pool: BTreeMap<&PoolName, Vec<&Destination>> = BTreeMap::new();
    for destination in desired.destinations.values() {
        by_pool.entry(&destination.pool).or_default().push(destination);
    }
    let survey = |pool: &'a ChannelPool| {
        let destinations = by_pool.get(&pool.name).map_or(&[][..], Vec::as_slice);
        Survey::new(desired, observed, now, pool, destinations)
    };
    let mut surveys: Vec<Survey<'a>> = desired.pools.values().map(survey).collect();
    let on_air = on_air(&surveys);
    find_on_air(&mut surveys, &on_air);
    find_moved(&mut surveys, &on_air);
    find_rivals(&mut surveys);
    surveys
}

/// Destinations of known target that hold no slot on air, by survey and index.
fn off_air<'s, 'a>(surveys: &'s [Survey<'a>]) -> impl Iterator<Item = (usize, usize, First<'a>)> + 's {
    surveys.iter().enumerate().flat_map(|(at, survey)| {
        let dests = survey.dests.iter().enumerate();
        dests.filter_map(move |(dest, one)| {
            let decl: &'a Destination = one.decl;
            let StreamKey::Known(key) = &decl.key else {
                return None;
            };
            (!survey.on_running(dest)).then_some((at, dest, (&*decl.url, key)))
        })
    })
}

/// Those of them that a plan might put on air.
fn startable<'s, 'a>(surveys: &'s [Survey<'a>]) -> impl Iterator<Item = (usize, usize, First<'a>)> + 's {
    off_air(surveys).filter(|(at, dest, _)| {
        let one = &surveys[*at].dests[*dest];
        one.stance == Stance::Wanted && !one.is_held_back()
    })
}

/// Targets that are on air, now or soon, in slots that do not hold the destination.
fn find_on_air<'a>(surveys: &mut [Survey<'a>], on_air: &OnAir<'a>) {
    let mut found = Vec::new();
    for (survey, dest, target) in startable(surveys) {
        for there in on_air.get(&target).into_iter().flatten() {
            found.push((survey, dest, verdict(surveys, (survey, dest), *there)));
        }
    }
    for (survey, dest, verdict) in found {
        let dest = &mut surveys[survey].dests[dest];
        match verdict {
            Verdict::Rival(name) => dest.rival = Some(name),
            // Of several slots one that is not its own is the one to wait for.
            Verdict::Elsewhere(Elsewhere::Former(_)) if dest.elsewhere.is_some() => {}
            Verdict::Elsewhere(elsewhere) => dest.elsewhere = Some(elsewhere),
        }
    }
}

/// Destinations that are not wanted, and still on air in a pool that they were moved from.
fn find_moved<'a>(surveys: &mut [Survey<'a>], on_air: &OnAir<'a>) {
    let known =
        off_air(surveys).filter_map(|(own, dest, target)| Some((own, dest, on_air.get(&target)?.clone())));
    let mut found = Vec::new();
    for (own, dest, slots) in known.chain(presumed(surveys, on_air)) {
        let moved_from = slots.into_iter().find(|(other, slot)| {
            // Where another destination holds it, that one is on air.
            *other != own && !matches!(surveys[*other].slots[*slot].holder, Holder::Held(_))
        });
        if surveys[own].dests[dest].stance == Stance::Off {
            found.extend(moved_from.map(|there| (own, dest, other_slot(surveys, own, there))));
        }
    }
    for (survey, dest, elsewhere) in found {
        surveys[survey].dests[dest].elsewhere = Some(elsewhere);
    }
}

/// Destinations whose key cannot be read and that hold no slot on air, with the slots on air that have a URL which they alone
/// declare.
fn presumed(surveys: &[Survey<'_>], on_air: &OnAir<'_>) -> Vec<(usize, usize, Slots)> {
    let dests = || {
        surveys.iter().enumerate().flat_map(|(at, survey)| {
            let dests = survey.dests.iter().enumerate();
            dests.map(move |(dest, one)| (at, dest, one))
        })
    };
    let is_keyless = |(at, dest): (usize, usize)| {
        let survey = &surveys[at];
        !survey.dests[dest].has_key() && !survey.on_running(dest)
    };
    if !dests().any(|(at, dest, _)| is_keyless((at, dest))) {
        return Vec::new();
    }
    let mut declared: BTreeMap<&str, Vec<(usize, usize)>> = BTreeMap::new();
    for (at, dest, one) in dests() {
        declared.entry(&one.decl.url).or_default().push((at, dest));
    }
    let mut slots: BTreeMap<&str, Slots> = BTreeMap::new();
    for ((url, _), there) in on_air {
        slots.entry(url).or_default().extend(there);
    }
    let alone = declared.into_iter().filter_map(|(url, by)| match by[..] {
        [(at, dest)] if is_keyless((at, dest)) => Some((at, dest, slots.remove(url)?)),
        _ => None,
    });
    alone.collect()
}

/// A slot in which a target of survey `own` has to end.
fn other_slot<'a>(surveys: &[Survey<'a>], own: usize, (other, slot): (usize, usize)) -> Elsewhere<'a> {
    let there = &surveys[other];
    Elsewhere::Other {
        slot: there.slot_id(slot),
        pool: (other != own).then_some(&there.pool.name),
    }
}

/// What a destination has to wait for.
enum Verdict<'a> {
    Rival(&'a DestinationName),
    Elsewhere(Elsewhere<'a>),
}

/// What it means for a destination that its target is on air in a slot.
fn verdict<'a>(
    surveys: &[Survey<'a>],
    (own, at): (usize, usize),
    (other, slot): (usize, usize),
) -> Verdict<'a> {
    let there = &surveys[other];
    match there.slots[slot].holder {
        Holder::Outdated(dest) if other == own && dest == at => Verdict::Elsewhere(Elsewhere::Former(slot)),
        Holder::Held(dest) if there.dests[dest].stance == Stance::Wanted => {
            Verdict::Rival(&there.dests[dest].decl.name)
        }
        _ => Verdict::Elsewhere(other_slot(surveys, own, (other, slot))),
    }
}

/// Slots, each after the survey it is of.
type Slots = Vec<(usize, usize)>;

/// Slots on air, by what they push to first.
type OnAir<'a> = BTreeMap<First<'a>, Slots>;

fn on_air<'a>(surveys: &[Survey<'a>]) -> OnAir<'a> {
    let mut on_air = OnAir::new();
    for (at, survey) in surveys.iter().enumerate() {
        for (slot, one) in survey.slots.iter().enumerate() {
            let busy = !matches!(one.holder, Holder::Parked | Holder::Unusable);
            if let Some(Endpoint { url, stream_name, .. }) = one.first().filter(|_| busy)
                && survey.channel_of(slot).is_running()
            {
                on_air.entry((&**url, stream_name)).or_default().push((at, slot));
            }
        }
    }
    on_air
}

/// Of several wanted destinations of one target, none of them on air, one comes first.
fn find_rivals(surveys: &mut [Survey<'_>]) {
    let mut all: Vec<_> = startable(surveys).collect();
    all.sort_unstable_by_key(|(survey, dest, target)| (*target, *survey, *dest));
    let mut lost_to: BTreeMap<&DestinationName, &DestinationName> = BTreeMap::new();
    for same in all.chunk_by(|one, other| one.2 == other.2) {
        let ranks = same.iter().map(|(survey, dest, _)| {
            let one = &surveys[*survey].dests[*dest];
            (one.held.is_none(), &one.decl.name)
        });
        if let Some((_, first)) = ranks.clone().min() {
            lost_to.extend(
                ranks
                    .map(|(_, name)| (name, first))
                    .filter(|(name, first)| name != first),
            );
        }
    }
    for one in surveys.iter_mut().flat_map(|survey| &mut survey.dests) {
        // Whoever lost in its own pool waits for the one that comes first in all.
        let beaten = one.rival.and_then(|rival| lost_to.get(rival));
        let lost = lost_to.get(&one.decl.name).or(beaten);
        one.rival = lost.copied().or(one.rival);
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{World, assignments, pin, steps, unknown_key, waiting};
    use super::super::{Content, Verdict as Of, Waiting, explain};
    use super::*;
    use crate::model::ChannelClass;
    use crate::model::ChannelState::{Idle, Running};
    use crate::model::{Target, WantedState};

    /// `moved` was on air beside others on channel 1 and was moved to another pool, which has channel 2.
    fn moved(slots: &[&str]) -> World {
        World::new()
            .channel("1", Running, slots)
            .channel("2", Idle, &["-", "-"])
            .split("other", "2")
            .with("moved", |one| one.pool = "other".into())
    }

    /// Takes one step of each channel.
    fn go_on(world: &mut World) {
        let plan = world.plan();
        world.assert_allowed(&plan);
        for channel in &plan.channels {
            world.take_step(channel);
        }
    }

    #[test]
    fn who_moved_to_another_pool_goes_on_there_when_it_has_ended_here() {
        let mut world = moved(&["moved"]);
        assert_eq!(waiting(&world.plan(), "moved"), "OnAirElsewhere");
        go_on(&mut world);
        assert_eq!(steps(&world.plan(), "2"), "update start");
        for _ in 0..5 {
            go_on(&mut world);
        }
        let plan = world.plan();
        assert!(plan.is_empty());
        assert!(plan.destinations[0].on_air);
    }

    #[test]
    fn who_moved_and_is_not_wanted_is_still_on_air_where_it_was() {
        let mut world = moved(&["moved", "stays"]).wanted("stays");
        world.desired.destination_mut("moved").unwrap().state = WantedState::Ready;
        assert_eq!(waiting(&world.plan(), "moved"), "OnAirElsewhere");
        // Where another holds the target, that one is on air.
        let twin = world.desired.destinations["moved"].clone();
        let world = world.with("twin", |one| {
            (one.url, one.key) = (twin.url.clone(), twin.key.clone());
        });
        assert_eq!(waiting(&world.plan(), "moved"), "");
    }

    #[test]
    fn who_moved_and_whose_key_cannot_be_read_is_presumed_where_its_url_is_on_air_if_that_is_nobody_elses() {
        let mut world = moved(&["moved", "stays"]).wanted("stays");
        let one = world.desired.destination_mut("moved").unwrap();
        (one.state, one.key) = (WantedState::Ready, unknown_key());
        assert_eq!(waiting(&world.plan(), "moved"), "OnAirElsewhere");
        let url = world.desired.destinations["moved"].url.clone();
        let shared = world.clone().with("other", |one| {
            (one.url, one.state) = (url.clone(), WantedState::Ready);
        });
        assert_eq!(waiting(&shared.plan(), "moved"), "");
        // Whoever has another key is known not to be there, also beside one whose key cannot be read.
        let rotated = world
            .clone()
            .with("keyless", |one| one.key = unknown_key())
            .with("moved", |one| {
                one.key = StreamKey::Known(Secret::new("another"));
                one.state = WantedState::Ready;
                one.pool = "other".into();
            });
        assert_eq!(waiting(&rotated.plan(), "moved"), "");
        world.seen("1").state = Idle;
        assert_eq!(waiting(&world.plan(), "moved"), "");
    }

    #[test]
    fn who_moved_waits_for_those_it_shared_the_channel_with_and_keeps_nobody_else_off_air() {
        let world = moved(&["moved", "stays"])
            .wanted("stays")
            .with("new", |one| one.pool = "other".into());
        let plan = world.plan();
        world.assert_allowed(&plan);
        assert_eq!(
            (steps(&plan, "1"), steps(&plan, "2")),
            (String::new(), "update start".to_owned())
        );
        assert_eq!(assignments(&plan)["new"], "2/slot-1");
        let waits = plan.destinations[0].waiting.as_ref().unwrap();
        let ways = "end the others on channel 1, so that it stops; name pool main again";
        assert_eq!(
            (waits.code(), waits.ways_out().join("; ").as_str()),
            ("OnAirElsewhere", ways)
        );
        let explained = explain(&world.desired, &world.observed, world.now, &"moved".into()).unwrap();
        let blocked = |verdict: &Of| matches!(verdict, Of::Blocked(Waiting::OnAirElsewhere { .. }));
        assert!(explained.candidates.iter().all(|one| blocked(&one.verdict)));
    }

    #[test]
    fn who_was_interrupted_and_moved_back_does_not_come_back_while_it_is_on_air_in_the_other_pool() {
        let mut world = moved(&["moved", "stays"])
            .wanted("stays")
            .returning("moved", "2", "slot-1");
        let target = world.seen("1").groups[0].target.clone();
        world.seen("2").groups_mut()[0].target = target;
        let plan = world.plan();
        assert_eq!(
            (waiting(&plan, "moved"), steps(&plan, "2")),
            ("OnAirElsewhere", String::new())
        );
        world.assert_allowed(&plan);
    }

    #[test]
    fn a_paused_holder_is_no_rival() {
        let world = World::new()
            .channel("1", Running, &["a"])
            .channel("2", Idle, &["a"])
            .split("other", "2")
            .with("a", |one| one.paused = Some(super::super::fixture::pause()));
        let twin = world.desired.destinations["a"].clone();
        let world = world.with("twin", |one| {
            (one.url, one.key) = (twin.url.clone(), twin.key.clone());
            one.pool = "other".into();
        });
        assert_eq!(waiting(&world.plan(), "twin"), "OnAirElsewhere");
    }

    /// `a` and `z` have the same target; `a` is of pool main with channel 1, `z` of the other one with channel 2.
    fn twins(one: (crate::model::ChannelState, &str), other: (crate::model::ChannelState, &str)) -> World {
        let world = World::new()
            .channel("1", one.0, &[one.1])
            .channel("2", other.0, &[other.1])
            .split("other", "2")
            .wanted("a");
        let twin = world.desired.destinations["a"].clone();
        let same = |one: &mut Destination| (one.url, one.key) = (twin.url.clone(), twin.key.clone());
        world.with("z", |one| {
            same(one);
            one.pool = "other".into();
        })
    }

    #[test]
    fn of_two_pools_with_one_target_the_one_on_air_comes_first_then_the_warm_one_then_the_name() {
        for (one, other, loser) in [
            ((Idle, "-"), (Idle, "-"), "z"),
            ((Idle, "-"), (Idle, "a"), "a"),
            ((Idle, "a"), (Running, "a"), "a"),
            ((Running, "a"), (Idle, "a"), "z"),
        ] {
            let world = twins(one, other);
            let plan = world.plan();
            world.assert_allowed(&plan);
            let waits = ["a", "z"].map(|name| waiting(&plan, name));
            let expected = ["a", "z"].map(|name| if name == loser { "SameTarget" } else { "" });
            assert_eq!(waits, expected, "{one:?} {other:?}");
        }
    }

    #[test]
    fn who_is_not_wanted_is_nobodys_rival() {
        let mut world = twins((Idle, "-"), (Idle, "-"));
        world.desired.destination_mut("a").unwrap().state = WantedState::Ready;
        assert_eq!(waiting(&world.plan(), "z"), "");
        assert_eq!(steps(&world.plan(), "2"), "update start");
    }

    #[test]
    fn who_moved_waits_for_its_end_also_where_it_looks_like_the_former_target_of_another() {
        let world = moved(&["moved"]);
        let url = world.desired.destinations["moved"].url.clone();
        let world = world.with("another", |one| one.url = url);
        assert_eq!(
            world.plan().channels[0].slots[0].now,
            Content::Previous("another".into())
        );
        let plan = world.plan();
        world.assert_allowed(&plan);
        let waits = plan.destinations.iter().find(|one| one.name == *"moved").unwrap();
        let pool = match &waits.waiting {
            Some(Waiting::OnAirElsewhere { pool, .. }) => pool.clone(),
            _ => None,
        };
        assert_eq!(pool, Some("main".into()), "{:?}", waits.waiting);
    }

    #[test]
    fn who_lost_in_its_own_pool_names_the_one_that_comes_first_in_all() {
        let world = twins((Idle, "-"), (Idle, "a"));
        let twin = world.desired.destinations["a"].clone();
        let world = world.with("b", |one| {
            (one.url, one.key) = (twin.url.clone(), twin.key.clone());
        });
        for planned in &world.plan().destinations {
            let other = match &planned.waiting {
                Some(Waiting::SameTarget { other }) => other.as_str(),
                waiting => waiting.as_ref().map_or("", Waiting::code),
            };
            assert_eq!(
                other,
                if planned.name == *"z" { "" } else { "z" },
                "{}",
                planned.name
            );
        }
    }

    /// `a` is on air on channel 1 of two pipelines, with a backup that was changed since. Channel 2 is free.
    fn other_backup(beside: &str) -> World {
        let mut world = World::new()
            .channel("1", Running, &["a", beside])
            .channel("2", Idle, &["-"])
            .with("a", |one| one.backup_url = Some("rtmp://new.example/live".into()));
        for id in ["1", "2"] {
            let selector = world.pool().slots.clone();
            world.seen(id).class = ChannelClass::Standard;
            for group in world.seen(id).groups_mut() {
                let slot = crate::model::SlotId::new(id, group.name.clone());
                let parking = selector.parking(&slot, ChannelClass::Standard);
                let own = group.target.clone().unwrap().0[0].clone();
                let is_parked = own.url == parking.0[0].url;
                let second = if is_parked {
                    parking.0[1].clone()
                } else {
                    own.clone()
                };
                group.target = Ok(Target::from(vec![own, second]));
            }
        }
        world
    }

    #[test]
    fn a_changed_backup_is_put_right_in_the_same_slot() {
        let world = other_backup("-");
        let plan = world.plan();
        world.assert_allowed(&plan);
        assert_eq!(
            (steps(&plan, "1"), steps(&plan, "2")),
            ("stop update start".to_owned(), String::new())
        );
        assert_eq!(assignments(&plan)["a"], "1/slot-1");
    }

    #[test]
    fn a_changed_backup_waits_for_a_grant_like_any_retarget_and_never_for_another_channel() {
        let mut world = other_backup("b").wanted("b");
        // `b` has no backup: its second pipeline stays parked.
        let selector = world.pool().slots.clone();
        let slot = crate::model::SlotId::new("1", "slot-2");
        let parked = selector.parking(&slot, ChannelClass::Standard).0[1].clone();
        let group = &mut world.seen("1").groups_mut()[1];
        let own = group.target.clone().unwrap().0[0].clone();
        group.target = Ok(Target::from(vec![own, parked]));
        let plan = world.plan();
        world.assert_allowed(&plan);
        assert_eq!(
            (waiting(&plan, "a"), plan.is_empty()),
            ("InterruptionForbidden", true)
        );
        let granted = world.clone().anytime();
        let plan = granted.plan();
        granted.assert_allowed(&plan);
        assert_eq!(
            (steps(&plan, "1"), steps(&plan, "2")),
            ("stop update start".to_owned(), String::new())
        );
        // Of two slots with its target it waits for the one that is not its own, whichever is read first.
        let mut twice = world.clone().channel("3", Running, &["-"]).split("before", "3");
        let target = twice.seen("1").groups[0].target.clone();
        twice.seen("3").groups_mut()[0].target = target;
        assert_eq!(waiting(&twice.plan(), "a"), "OnAirElsewhere");
        // A pin elsewhere has to wait for the end.
        let pinned = |world: World| {
            let backup = world.desired.destinations["a"].backup_url.clone();
            world.with("a", |one| {
                (one.backup_url, one.pin) = (backup, Some(pin("2", "slot-1")));
            })
        };
        for world in [world, granted] {
            let plan = pinned(world).plan();
            assert_eq!((waiting(&plan, "a"), plan.is_empty()), ("OnAirElsewhere", true));
        }
    }
}
