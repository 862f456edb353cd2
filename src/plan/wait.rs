//! Why it is not more: the [`Waiting`] of each destination and channel.
//!
//! Each is true and, of several that are, the one nearest to a way out:
//!
//! | nearest first | it goes on |
//! |---|---|
//! | `ChannelRecovering` | by itself, once MediaLive has repaired the channel |
//! | `OutsideWindow` | by itself, at a known time |
//! | `InterruptionForbidden`, `SharesChannel` | when the policy changes, once for all or just this once |
//! | `Uninterruptible` | when those others end |
//! | `SourceUntrusted`, `SecretUnavailable` | when the source is whole again, the key can be read |
//! | `NoFreeSlot` | when there is another channel, or somebody else ends |
//! | `NoSlot` | when the pool names output groups that its channels have |
//!
//! Of equal ones the channel with the fewest to interrupt is named, then the first by id.

use jiff::Timestamp;

use super::Waiting;
use super::cost::INTERRUPTION;
use super::decide::{Decision, Goal};
use super::interrupt::{Change, Crew, Kind, join, leave};
use super::survey::{Channel, Doubt, Elsewhere, Holder, Stance, Survey};
use crate::model::{ChannelState, Interrupt, Pin, SlotId, StreamKey, WantedState};

/// What is in the way of a change on a kept channel: how near a way out is, how many would be interrupted, the words.
pub(super) type Obstacle = (u8, usize, Waiting);

/// What keeps a channel from where it should be.
pub(super) fn channel_waiting(decision: &Decision<'_>, channel: usize, now: Timestamp) -> Option<Waiting> {
    let one = &decision.survey.channels[channel];
    if let Some(unusable) = &one.unusable {
        return Some(unusable.clone());
    }
    on_the_way(decision, channel, now).or_else(|| {
        let crew = kept(decision, channel)?;
        let slot = crew.leaving.first().copied();
        match slot {
            Some(slot) => leave_obstacle(decision, slot, now),
            None => crew.doubt.map(|doubt| doubted(decision, doubt)),
        }
    })
}

/// What keeps a destination from where it is wanted.
pub(super) fn destination_waiting(decision: &Decision<'_>, dest: usize, now: Timestamp) -> Option<Waiting> {
    let survey = &decision.survey;
    let one = &survey.dests[dest];
    let on_running = survey.on_running(dest);
    match one.stance {
        Stance::Paused => {
            let as_wished = on_running == (one.decl.state == WantedState::Streaming);
            let pause = one.decl.pause_at(now).filter(|_| !as_wished)?;
            Some(Waiting::Paused {
                pool: None,
                pause: pause.clone(),
            })
        }
        Stance::Off => {
            if let Some(elsewhere) = &one.elsewhere {
                return Some(elsewhere_waiting(decision, dest, elsewhere, now));
            }
            let slot = one.held.filter(|_| on_running)?;
            let channel = survey.slots[slot].channel;
            match decision.goals[channel] {
                Goal::Leave => survey.channels[channel].unusable.clone(),
                Goal::Stay => {
                    leave_obstacle(decision, slot, now).or_else(|| on_the_way(decision, channel, now))
                }
                _ => on_the_way(decision, channel, now),
            }
        }
        Stance::Wanted => match decision.carried[dest] {
            Some(slot) => carried_waiting(decision, dest, slot, now),
            None => Some(unplaced_waiting(decision, dest, now)),
        },
    }
}

/// What delays the steps of a channel that may be used.
fn on_the_way(decision: &Decision<'_>, channel: usize, now: Timestamp) -> Option<Waiting> {
    let one = &decision.survey.channels[channel];
    let id = one.id.clone();
    // Before its turn has come it does not try either.
    if decision.delayed.contains(&channel) {
        let limit = decision.policy.disruption.max_concurrent;
        return Some(Waiting::MaxConcurrent { channel: id, limit });
    }
    let acts = matches!(decision.goals[channel], Goal::Stop | Goal::Run | Goal::Interrupt);
    let trouble = one.seen.and_then(|seen| seen.trouble.as_ref());
    if let Some(trouble) = trouble.filter(|trouble| acts && trouble.retry_at > now) {
        return Some(Waiting::BackingOff {
            channel: id,
            failures: trouble.failures,
            retry_at: trouble.retry_at,
            what: trouble.what.clone(),
        });
    }
    let state = one.state();
    (one.is_usable() && state.is_transition()).then_some(Waiting::ChannelInTransition { channel: id, state })
}

fn carried_waiting(decision: &Decision<'_>, dest: usize, slot: usize, now: Timestamp) -> Option<Waiting> {
    let survey = &decision.survey;
    let on_air = survey.slot_id(slot);
    let channel = survey.slots[slot].channel;
    let is_on_air = survey.dests[dest].held == Some(slot) && survey.on_running(dest);
    if is_on_air
        && let Some(pin) = &survey.dests[dest].decl.pin
        && pinned(pin) != on_air
    {
        return Some(Waiting::PinnedElsewhere {
            on_air,
            pinned: pinned(pin),
        });
    }
    if is_on_air && survey.channels[channel].state() != ChannelState::Starting {
        // Whatever happens to the channel then happens to others; this one is where it is wanted.
        return None;
    }
    on_the_way(decision, channel, now)
}

fn unplaced_waiting(decision: &Decision<'_>, dest: usize, now: Timestamp) -> Waiting {
    let survey = &decision.survey;
    let one = &survey.dests[dest];
    if let Some(rival) = one.rival {
        return Waiting::SameTarget { other: rival.clone() };
    }
    if let Some(elsewhere) = &one.elsewhere {
        return elsewhere_waiting(decision, dest, elsewhere, now);
    }
    if let StreamKey::Unavailable { reference, why } = &one.decl.key {
        return Waiting::SecretUnavailable {
            reference: reference.clone(),
            why: why.clone(),
        };
    }
    if let Some(pause) = survey.paused {
        let pool = Some(survey.pool.name.clone());
        return Waiting::Paused {
            pool,
            pause: pause.clone(),
        };
    }
    if let Some(pin) = &one.decl.pin {
        return pinned_waiting(decision, dest, pin, now);
    }
    let pool = survey.pool.name.clone();
    nearest(decision, dest, now).unwrap_or(Waiting::NoFreeSlot { pool })
}

/// A destination whose target is on air already, but not where it could stay as it is.
fn elsewhere_waiting(
    decision: &Decision<'_>,
    dest: usize,
    elsewhere: &Elsewhere<'_>,
    now: Timestamp,
) -> Waiting {
    let survey = &decision.survey;
    match elsewhere {
        Elsewhere::Other { slot, pool } => Waiting::OnAirElsewhere {
            slot: slot.clone(),
            pool: pool.cloned(),
        },
        Elsewhere::Former(at) => {
            let slot = survey.slot_id(*at);
            let change = join(
                survey,
                decision.policy.disruption,
                dest,
                survey.slots[*at].channel,
            );
            let pin = survey.dests[dest].decl.pin.as_ref().map(pinned);
            let blocked = obstacle(decision, *at, change, now).filter(|_| pin.is_none_or(|pin| pin == slot));
            let waiting = blocked.map(|(_, _, waiting)| waiting);
            waiting.unwrap_or(Waiting::OnAirElsewhere { slot, pool: None })
        }
    }
}

/// The nearest way for a destination that could go anywhere.
fn nearest(decision: &Decision<'_>, dest: usize, now: Timestamp) -> Option<Waiting> {
    // Only a one-off grant or a former target tells one destination from another here.
    if is_special(decision, dest) {
        return find_nearest(decision, dest, now);
    }
    decision
        .joining
        .get_or_init(|| find_nearest(decision, dest, now))
        .clone()
}

fn find_nearest(decision: &Decision<'_>, dest: usize, now: Timestamp) -> Option<Waiting> {
    let survey = &decision.survey;
    let mut best: Option<Obstacle> = None;
    for at in 0..survey.channels.len() {
        if let Some((slot, change)) = joining(decision, at, dest)
            && let Some(obstacle) = obstacle(decision, slot, change, now)
            && best
                .as_ref()
                .is_none_or(|best| (obstacle.0, obstacle.1) < (best.0, best.1))
        {
            best = Some(obstacle);
        }
    }
    best.map(|(_, _, waiting)| waiting)
        .or_else(|| nowhere_at_all(decision))
}

/// Why no channel that may be used has a slot, taken or not; `None` if one has.
fn nowhere_at_all(decision: &Decision<'_>) -> Option<Waiting> {
    let survey = &decision.survey;
    let has_slot = |channel: &Channel<'_>| {
        let slots = &survey.slots[channel.slots.clone()];
        slots.iter().any(|slot| slot.holder != Holder::Unusable)
    };
    let channels = || survey.channels.iter();
    if channels().any(|channel| channel.is_usable() && has_slot(channel)) {
        return None;
    }
    // One that was seen to have no slot would be of no use if it could be used.
    let might_help = |channel: &&Channel<'_>| channel.seen.is_none() || has_slot(channel);
    let soonest = |channels: &mut dyn Iterator<Item = &Channel<'_>>| {
        let reasons = channels.filter_map(|channel| channel.unusable.clone());
        reasons.min_by_key(unusable_rank)
    };
    let nearest = soonest(&mut channels().filter(might_help));
    if nearest.is_some() || channels().all(|channel| !channel.is_usable()) && !survey.channels.is_empty() {
        return nearest.or_else(|| soonest(&mut channels()));
    }
    Some(no_slot(survey))
}

/// No output group of a channel that may be used can be a slot.
fn no_slot(survey: &Survey<'_>) -> Waiting {
    let usable = survey.channels.iter().filter(|channel| channel.is_usable());
    let unusable = usable.flat_map(|channel| channel.slots.clone()).find_map(|slot| {
        let why = survey.slots[slot].group.target.as_ref().err()?;
        Some((survey.slot_id(slot), why.to_string()))
    });
    Waiting::NoSlot {
        pool: survey.pool.name.clone(),
        output_groups: survey.pool.slots.output_groups.glob().glob().to_owned(),
        unusable,
    }
}

/// Whether the way of a destination may differ from that of others.
fn is_special(decision: &Decision<'_>, dest: usize) -> bool {
    let one = &decision.survey.dests[dest];
    one.outdated.is_some() || decision.policy.grants.contains(&one.decl.name)
}

/// The slot of a kept channel that `dest` could get, and the change that would be.
pub(super) fn joining(decision: &Decision<'_>, channel: usize, dest: usize) -> Option<(usize, Change)> {
    let survey = &decision.survey;
    kept(decision, channel)?;
    let slots = || survey.channels[channel].slots.clone();
    let former = survey.dests[dest].outdated.filter(|slot| slots().contains(slot));
    let slot = former.or_else(|| slots().find(|slot| is_free(decision, *slot)))?;
    Some((slot, join(survey, decision.policy.disruption, dest, channel)))
}

/// Whether nobody protected holds a slot of a kept channel.
pub(super) fn is_free(decision: &Decision<'_>, slot: usize) -> bool {
    let survey = &decision.survey;
    if survey.doubt_of(slot).is_some() {
        return false;
    }
    match survey.slots[slot].holder {
        Holder::Unusable => false,
        Holder::Held(dest) => survey.dests[dest].stance == Stance::Off,
        Holder::Outdated(dest) => survey.dests[dest].stance != Stance::Paused,
        Holder::Undeclared | Holder::Parked | Holder::Copy(_) => true,
    }
}

/// A pinned destination waits for its one slot.
pub(super) fn pinned_waiting(decision: &Decision<'_>, dest: usize, pin: &Pin, now: Timestamp) -> Waiting {
    let survey = &decision.survey;
    let slot = pinned(pin);
    let incompatible = |why: &str| Waiting::SlotIncompatible {
        slot: slot.clone(),
        why: why.to_owned(),
    };
    let Ok(at) = survey.channels.binary_search_by(|one| one.id.cmp(&pin.channel)) else {
        return incompatible("its pool does not name this channel");
    };
    if let Some(unusable) = &survey.channels[at].unusable {
        return unusable.clone();
    }
    let Some(found) = survey.find_slot(&pin.channel, &pin.output_group) else {
        return incompatible("the channel has no such slot");
    };
    if let Err(why) = &survey.slots[found].group.target {
        return incompatible(&why.to_string());
    }
    if let Some(by) = taken_by(decision, found, dest) {
        return Waiting::PinnedSlotTaken { slot, by };
    }
    let change = join(survey, decision.policy.disruption, dest, at);
    let pool = survey.pool.name.clone();
    kept(decision, at)
        .and_then(|_| obstacle(decision, found, change, now))
        .map_or(Waiting::NoFreeSlot { pool }, |(_, _, waiting)| waiting)
}

/// Who else holds or gets a slot and may not be pushed out of it.
pub(super) fn taken_by(decision: &Decision<'_>, slot: usize, dest: usize) -> Option<String> {
    let survey = &decision.survey;
    let name = |dest: usize| survey.dests[dest].decl.name.to_string();
    if let Some(other) = decision.given.get(&slot).filter(|other| **other != dest) {
        return Some(name(*other));
    }
    let is_kept = matches!(&decision.kinds[survey.slots[slot].channel], Some(Kind::Kept(_)));
    match survey.slots[slot].holder {
        Holder::Held(other) if is_kept && survey.dests[other].stance != Stance::Off => Some(name(other)),
        Holder::Outdated(other) if is_kept && survey.dests[other].stance == Stance::Paused => {
            Some(name(other))
        }
        Holder::Undeclared if is_kept && survey.doubt.is_some() => Some(survey.slots[slot].host().to_owned()),
        _ => None,
    }
}

/// What keeps a slot of a kept channel from being let go.
fn leave_obstacle(decision: &Decision<'_>, slot: usize, now: Timestamp) -> Option<Waiting> {
    let change = leave(&decision.survey, slot);
    match obstacle(decision, slot, change, now)?.2 {
        Waiting::InterruptionForbidden {
            slot,
            others,
            off_air,
            ..
        } => Some(Waiting::SharesChannel {
            slot,
            others,
            off_air,
        }),
        other => Some(other),
    }
}

/// What keeps `change` from being made in `slot` of a kept channel; `None` if it could be made.
pub(super) fn obstacle(
    decision: &Decision<'_>,
    slot: usize,
    change: Change,
    now: Timestamp,
) -> Option<Obstacle> {
    let survey = &decision.survey;
    let channel = survey.slots[slot].channel;
    let crew = kept(decision, channel)?;
    let others = || decision.names(crew.on_air.iter().copied());
    let slot = || survey.slot_id(slot);
    let policy = &decision.policy;
    let (rank, waiting) = if let Some(doubt) = crew.doubt {
        (4, doubted(decision, doubt))
    } else if !crew.firm.is_empty() {
        let by = decision.names(crew.firm.iter().copied());
        (3, Waiting::Uninterruptible { slot: slot(), by })
    } else if policy.grants(survey, change) {
        let channel = &survey.channels[channel];
        if channel.state() != ChannelState::Recovering {
            return None;
        }
        (
            0,
            Waiting::ChannelRecovering {
                channel: channel.id.clone(),
            },
        )
    } else if policy.disruption.interrupt == Interrupt::Window
        && !policy.open
        && policy.disruption.causes.contains(&change.cause)
    {
        let opens = policy.disruption.next_opening(now);
        (
            1,
            Waiting::OutsideWindow {
                slot: slot(),
                others: others(),
                opens,
            },
        )
    } else {
        let never = policy.disruption.interrupt == Interrupt::Never;
        let cause = (!never).then_some(change.cause);
        let (slot, others, off_air) = (slot(), others(), INTERRUPTION);
        (
            2,
            Waiting::InterruptionForbidden {
                slot,
                others,
                off_air,
                cause,
            },
        )
    };
    Some((rank, crew.on_air.len(), waiting))
}

/// Who is on a channel that keeps running unchanged.
fn kept<'d>(decision: &'d Decision<'_>, channel: usize) -> Option<&'d Crew> {
    match &decision.kinds[channel] {
        Some(Kind::Kept(crew)) if decision.goals[channel] == Goal::Stay => Some(crew),
        _ => None,
    }
}

fn doubted(decision: &Decision<'_>, doubt: Doubt) -> Waiting {
    let survey = &decision.survey;
    match doubt {
        Doubt::Source => Waiting::SourceUntrusted {
            why: survey.doubt.unwrap_or_default().to_owned(),
        },
        Doubt::Key(dest) => {
            let one = survey.dests[dest].decl;
            let (reference, why) = match &one.key {
                StreamKey::Unavailable { reference, why } => (reference.clone(), why.clone()),
                StreamKey::Known(_) => Default::default(),
            };
            Waiting::KeyUnknown {
                of: one.name.clone(),
                reference,
                why,
            }
        }
    }
}

fn pinned(pin: &Pin) -> SlotId {
    SlotId::new(pin.channel.clone(), pin.output_group.clone())
}

/// What a person can put right soonest comes first.
fn unusable_rank(waiting: &Waiting) -> u8 {
    match waiting {
        Waiting::NotAdopted { .. } => 0,
        Waiting::OwnedByAnother { .. } => 1,
        Waiting::ChannelMissing { .. } => 2,
        Waiting::ChannelUnreadable { .. } => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use ChannelState::{Idle, Recovering, Running};

    use super::super::fixture::{World, pause, pin, waiting};
    use super::*;
    use crate::model::{Cause, ChannelObservation};
    use crate::plan::Plan;

    fn waits(plan: &Plan, name: &str) -> Waiting {
        let one = plan.destinations.iter().find(|one| one.name.as_str() == name);
        one.unwrap().waiting.clone().unwrap()
    }

    /// The slot that an interruption would free, as `channel/group`, and who would be interrupted.
    fn forbidden(plan: &Plan, name: &str) -> (String, Vec<String>) {
        match waits(plan, name) {
            Waiting::InterruptionForbidden { slot, others, .. } => {
                (slot.to_string(), others.iter().map(ToString::to_string).collect())
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn of_several_ways_in_the_one_with_the_fewest_to_interrupt_is_named_then_the_first() {
        let plan = World::new()
            .channel("1", Running, &["a", "b", "-"])
            .channel("2", Running, &["c", "-"])
            .channel("3", Running, &["d", "-"])
            .wanted("a")
            .wanted("b")
            .wanted("c")
            .wanted("d")
            .wanted("z")
            .plan();
        assert_eq!(
            forbidden(&plan, "z"),
            ("2/slot-2".to_owned(), vec!["c".to_owned()])
        );
    }

    #[test]
    fn the_slot_that_is_named_is_one_that_an_interruption_would_free() {
        let plan = World::new()
            .channel("1", Running, &["!", "paused", "~former", "a", "off"])
            .with("paused", |one| one.paused = Some(pause()))
            .with("former", |one| one.paused = Some(pause()))
            .wanted("a")
            .ready("off")
            .wanted("z")
            .plan();
        let Waiting::Uninterruptible { slot, .. } = waits(&plan, "z") else {
            panic!("{:?}", waits(&plan, "z"));
        };
        assert_eq!(slot.to_string(), "1/slot-5");
    }

    #[test]
    fn of_channels_that_may_not_be_used_the_one_that_is_put_right_soonest_is_named() {
        let mut world = World::new()
            .channel("1", Running, &["-"])
            .channel("2", Running, &["?x"])
            .channel("3", Running, &["-"])
            .wanted("z");
        world.seen("2").owner = None;
        world
            .observed
            .channels
            .insert("1".into(), ChannelObservation::Missing);
        world.seen("3").owner = Some("them".into());
        assert_eq!(waiting(&world.plan(), "z"), "NotAdopted");
        world.seen("2").owner = Some("them".into());
        assert_eq!(waiting(&world.plan(), "z"), "OwnedByAnother");
        let why = "no answer".to_owned();
        for id in ["2", "3"] {
            let unreadable = ChannelObservation::Unreadable { why: why.clone() };
            world.observed.channels.insert(id.into(), unreadable);
        }
        assert_eq!(waiting(&world.plan(), "z"), "ChannelMissing");
        world.observed.channels.remove("1");
        world = world.channel("1", ChannelState::CreateFailed, &["-"]);
        assert_eq!(waiting(&world.plan(), "z"), "ChannelUnreadable");
    }

    #[test]
    fn a_channel_without_a_slot_is_named_where_no_other_could_help() {
        let mut useless = World::new().channel("1", Running, &["!"]).wanted("z");
        useless.seen("1").owner = Some("them".into());
        assert_eq!(waiting(&useless.plan(), "z"), "OwnedByAnother");
        let mut world = useless.channel("2", Running, &["-"]);
        world
            .observed
            .channels
            .insert("2".into(), ChannelObservation::Missing);
        assert_eq!(waiting(&world.plan(), "z"), "ChannelMissing");
    }

    #[test]
    fn that_no_output_group_is_a_slot_is_said_where_there_is_no_other_channel() {
        let world = World::new().wanted("z");
        assert_eq!(waiting(&world.plan(), "z"), "NoSlot");
        let world = world.channel("1", Running, &["!"]);
        assert_eq!(waiting(&world.plan(), "z"), "NoSlot");
        let mut world = world.channel("2", Running, &["-"]);
        world.seen("2").owner = Some("them".into());
        assert_eq!(waiting(&world.plan(), "z"), "OwnedByAnother");
    }

    #[test]
    fn a_one_off_grant_is_told_apart_from_those_who_have_none() {
        let plan = World::new()
            .channel("1", Recovering, &["a", "-"])
            .wanted("a")
            .wanted("b")
            .wanted("c")
            .wanted("d")
            .grant("c")
            .plan();
        let codes = ["b", "c", "d"].map(|name| waiting(&plan, name));
        assert_eq!(
            codes,
            [
                "InterruptionForbidden",
                "ChannelRecovering",
                "InterruptionForbidden"
            ]
        );
    }

    #[test]
    fn a_changed_key_is_told_apart_from_those_who_join() {
        let plan = World::new()
            .channel("1", Recovering, &["a", "~b", "-"])
            .wanted("a")
            .wanted("b")
            .wanted("c")
            .policy(Interrupt::Anytime, &[Cause::Retarget])
            .plan();
        assert_eq!(
            (waiting(&plan, "b"), waiting(&plan, "c")),
            ("ChannelRecovering", "InterruptionForbidden")
        );
    }

    #[test]
    fn nothing_is_said_of_backing_off_once_its_time_has_come() {
        let plan = World::new()
            .channel("1", Idle, &["a"])
            .wanted("a")
            .trouble("1", 1, "2026-04-01T12:00:00Z")
            .plan();
        assert_eq!(waiting(&plan, "a"), "");
    }

    #[test]
    fn whoever_may_not_be_pushed_out_of_a_pinned_slot_is_named() {
        let world = World::new()
            .channel("1", Running, &["a", "off", "~b", "~paused", "?x"])
            .wanted("a")
            .ready("off")
            .wanted("b")
            .with("paused", |one| one.paused = Some(pause()));
        let pinned = |world: &World, group| {
            let world = world.clone().with("z", |one| one.pin = Some(pin("1", group)));
            match waits(&world.plan(), "z") {
                Waiting::PinnedSlotTaken { by, .. } => by,
                other => other.code().to_owned(),
            }
        };
        let groups = ["slot-1", "slot-2", "slot-3", "slot-4", "slot-5"];
        let by = groups.map(|group| pinned(&world, group));
        assert_eq!(
            by,
            [
                "a",
                "Uninterruptible",
                "Uninterruptible",
                "paused",
                "Uninterruptible"
            ]
        );
        assert_eq!(pinned(&world.doubted(), "slot-5"), "x");
    }

    #[test]
    fn the_cause_that_is_missing_is_told() {
        let world = World::new()
            .channel("1", Running, &["a", "~b", "-"])
            .wanted("a")
            .wanted("b")
            .with("c", |one| one.url = "rtmp://b.example/live".into());
        let missing = |granted: &[Cause]| {
            let plan = world.clone().policy(Interrupt::Anytime, granted).plan();
            match waits(&plan, "c") {
                Waiting::InterruptionForbidden { cause, .. } => cause,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(missing(&[Cause::Stop]), Some(Cause::Retarget));
        // The former target might be its own as well.
        assert_eq!(missing(&[Cause::Start]), Some(Cause::Retarget));
    }
}
