//! The vanish guard: a source that shrinks never takes anyone off air.
//!
//! Judged on what the world says, not on what was loaded before, so that a restart changes nothing: targets that are
//! on air on our channels and that no Destination declares. One, or a small share, was taken away on purpose. Many at
//! once means that something is wrong with the source, and then none of them is let go.
//!
//! Whoever is interrupted just now is on air in this sense: if it vanished meanwhile, it would not come back.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Desired, DestinationName, Returning, SlotId, StreamKey, Target};
use crate::plan::{Adoption, ChannelPlan, Content, Plan, Waiting};

/// The largest share of those on air that may vanish at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MaxVanish(f64);

impl MaxVanish {
    /// `share` of those on air, from 0 to 1. One may always vanish.
    pub fn new(share: f64) -> Self {
        Self(share.clamp(0.0, 1.0))
    }

    /// How many of `on_air` may vanish at once.
    pub fn allows(self, on_air: usize) -> usize {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "counts of slots"
        )]
        let share = (on_air as f64 * self.0).floor() as usize;
        share.max(1)
    }
}

impl Default for MaxVanish {
    fn default() -> Self {
        Self(0.3)
    }
}

/// Remembers what was decided of undeclared targets that are still on air: those that vanish one after the other do not add
/// up, and those that vanished together are not let go one by one, as the others of them leave the air for other reasons.
#[derive(Debug, Default)]
pub struct VanishGuard {
    let_go: BTreeSet<SlotId>,
    kept: BTreeSet<SlotId>,
    /// Who was on air in each slot.
    holders: BTreeMap<SlotId, DestinationName>,
}

impl VanishGuard {
    /// Why `plan`, made in full trust, lets too many go at once; `None` where it does not. `returning` are those who are
    /// interrupted; `unsure` says where more may have been declared than is known.
    pub fn doubt(
        &mut self,
        plan: &Plan,
        desired: &Desired,
        returning: &Returning,
        max: MaxVanish,
        unsure: Option<&str>,
    ) -> Option<String> {
        let OnAir {
            count,
            undeclared,
            perhaps,
            mut taken_over,
        } = self.look(plan, desired, returning);
        if unsure.is_some() {
            // Some of them may be declared where nothing can be seen.
            taken_over.clear();
        }
        self.let_go.retain(|slot| undeclared.contains(slot));
        self.let_go.extend(taken_over.iter().cloned());
        self.kept.retain(|slot| undeclared.contains(slot));
        let mut vanished: BTreeSet<SlotId> = undeclared.difference(&self.let_go).cloned().collect();
        if !vanished.is_empty() {
            vanished.extend(perhaps);
        }
        let allowed = max.allows(count);
        if vanished.len() > allowed {
            let why = format!(
                "{} of {count} destinations on air are declared nowhere any more, and at most {allowed} may vanish at once (--max-vanish); {WAY_OUT}",
                vanished.len()
            );
            self.kept = vanished;
            return Some(why);
        }
        if !self.kept.is_empty() {
            return Some(format!(
                "{} of {count} destinations on air vanished together with more than may vanish at once (--max-vanish); {WAY_OUT}",
                self.kept.len()
            ));
        }
        if let Some(unsure) = unsure.filter(|_| !vanished.is_empty()) {
            return Some(format!(
                "{} of {count} destinations on air are declared nowhere, and {unsure}; {WAY_OUT}",
                vanished.len()
            ));
        }
        // Some of those that vanished may be there.
        let unseen = plan.channels.iter().find(|channel| is_unseen(channel));
        if let Some(channel) = unseen.filter(|_| !vanished.is_empty()) {
            return Some(format!(
                "{} of {count} destinations on air are declared nowhere any more, and how many more there are on channel {} cannot be seen",
                vanished.len(),
                channel.id
            ));
        }
        self.let_go = undeclared.into_iter().chain(taken_over).collect();
        None
    }

    /// What is on air on our channels, or is to come back there. Takes note of who.
    fn look(&mut self, plan: &Plan, desired: &Desired, returning: &Returning) -> OnAir {
        let mut on_air = OnAir::default();
        let runs = |channel: &&ChannelPlan| channel.seen.as_ref().is_some_and(|seen| seen.state.is_running());
        let running = plan.channels.iter().filter(runs);
        for channel in running.filter(|channel| is_taken_over(channel, desired)) {
            let slots = channel.slots.iter();
            let strays =
                slots.filter(|slot| matches!(slot.now, Content::Undeclared { .. } | Content::Previous(_)));
            on_air
                .taken_over
                .extend(strays.map(|slot| SlotId::new(channel.id.clone(), slot.output_group.clone())));
        }
        let coming_back: BTreeSet<&SlotId> = returning.values().collect();
        let owned = plan.channels.iter();
        for channel in owned.filter(|channel| channel.adoption == Adoption::Owned) {
            for slot in &channel.slots {
                let id = SlotId::new(channel.id.clone(), slot.output_group.clone());
                if !runs(&channel) && !coming_back.contains(&id) {
                    continue;
                }
                match &slot.now {
                    now if is_guess(now, desired) => match self.holders.get(&id) {
                        Some(holder) if desired.destinations.contains_key(holder) => {}
                        Some(_) => drop(on_air.undeclared.insert(id)),
                        None => drop(on_air.perhaps.insert(id)),
                    },
                    Content::Destination(name) => {
                        self.holders.insert(id, name.clone());
                    }
                    Content::Undeclared { .. } if is_declared(slot.target.as_ref(), desired) => continue,
                    Content::Undeclared { .. } => {
                        on_air.undeclared.insert(id);
                    }
                    Content::Previous(_)
                    | Content::Surplus(_)
                    | Content::Vanished(_)
                    | Content::Parked
                    | Content::Unusable { .. } => continue,
                }
                on_air.count += 1;
            }
        }
        on_air
    }
}

/// Whether what is said of a target rests on its URL: that of one who has vanished looks like the former one of another with
/// the same URL, or like that of one whose key cannot be read.
fn is_guess(now: &Content, desired: &Desired) -> bool {
    match now {
        Content::Previous(_) => true,
        Content::Destination(name) => {
            let one = desired.destinations.get(name);
            one.is_some_and(|one| matches!(one.key, StreamKey::Unavailable { .. }))
        }
        _ => false,
    }
}

/// What lets them go all the same.
const WAY_OUT: &str = "declare them with state: Ready to take them off air";

/// What is on air on our channels, or is to come back there.
#[derive(Debug, Default)]
struct OnAir {
    /// How many destinations.
    count: usize,
    /// Slots of those that no Destination declares any more.
    undeclared: BTreeSet<SlotId>,
    /// Slots that may have been another's than the plan says, for all that is known.
    perhaps: BTreeSet<SlotId>,
    /// Slots with strays of channels that are about to be adopted whatever they carry.
    taken_over: BTreeSet<SlotId>,
}

/// Whether MediaLive did not say how a channel is. One that does not exist carries nobody.
fn is_unseen(channel: &ChannelPlan) -> bool {
    channel.seen.is_none() && !matches!(channel.waiting, Some(Waiting::ChannelMissing { .. }))
}

/// A target may be declared and yet not count where it is: its destination was moved to another pool, or another slot has
/// it, too. That is no sign of a source that shrinks.
fn is_declared(target: Option<&Target>, desired: &Desired) -> bool {
    let Some(first) = target.and_then(|target| target.0.first()) else {
        return false;
    };
    desired.destinations.values().any(|one| {
        one.url == first.url && matches!(&one.key, StreamKey::Known(key) if *key == first.stream_name)
    })
}

/// Whether a channel is about to be adopted whatever it carries: what nobody declares there is to be released by its owner's
/// explicit wish. Once it is adopted, `takeover: true` means nothing any more.
fn is_taken_over(channel: &ChannelPlan, desired: &Desired) -> bool {
    let pool = channel.pool.as_ref().and_then(|pool| desired.pools.get(pool));
    let mut declared = pool.iter().flat_map(|pool| &pool.channels);
    channel.adoption == Adoption::Adopt && declared.any(|one| one.id == channel.id && one.takeover)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{ChannelClass, ChannelState, OwnerId, WantedState, samples};
    use crate::plan::{Seen, SlotPlan};

    const OWNER: &str = "us";

    /// A channel of ours that runs with these slots: `d` a destination, `o` its former target, `k` one whose key cannot be
    /// read, `u` undeclared, `-` parked.
    fn channel(id: &str, slots: &str) -> ChannelPlan {
        let slots = slots.chars().enumerate().map(|(at, holds)| {
            let now = match holds {
                'd' => Content::Destination("d".into()),
                'k' => Content::Destination("k".into()),
                'o' => Content::Previous("d".into()),
                'u' => Content::Undeclared {
                    host: "host".to_owned(),
                },
                _ => Content::Parked,
            };
            SlotPlan {
                output_group: format!("slot-{at}").into(),
                target: None,
                then: now.clone(),
                now,
                reason: None,
            }
        });
        let seen = Seen {
            arn: "arn".into(),
            name: "name".into(),
            class: ChannelClass::SinglePipeline,
            state: ChannelState::Running,
            owner: Some(OwnerId::new(OWNER)),
            tags: std::sync::Arc::default(),
        };
        ChannelPlan {
            id: id.into(),
            pool: Some("main".into()),
            others: std::sync::Arc::default(),
            seen: Some(seen),
            adoption: Adoption::Owned,
            slots: slots.collect(),
            steps: Vec::new(),
            runs: true,
            waiting: None,
        }
    }

    /// One that MediaLive says nothing of, or that does not exist.
    fn unseen(id: &str, waiting: Waiting) -> ChannelPlan {
        ChannelPlan {
            seen: None,
            adoption: Adoption::Unknown,
            waiting: Some(waiting),
            ..channel(id, "")
        }
    }

    fn doubt(guard: &mut VanishGuard, channels: Vec<ChannelPlan>) -> Option<String> {
        doubt_unless(guard, channels, None)
    }

    fn doubt_unless(
        guard: &mut VanishGuard,
        channels: Vec<ChannelPlan>,
        unsure: Option<&str>,
    ) -> Option<String> {
        let plan = Plan {
            destinations: Vec::new(),
            channels,
            pools: Vec::new(),
        };
        let desired = Desired::empty(OwnerId::new(OWNER));
        guard.doubt(
            &plan,
            &desired,
            &Returning::default(),
            MaxVanish::default(),
            unsure,
        )
    }

    #[test]
    fn one_or_three_in_ten_may_vanish_at_once_and_more_may_not() {
        let one_of = |slots| doubt(&mut VanishGuard::default(), vec![channel("1", slots)]);
        assert_eq!(one_of("u"), None);
        assert_eq!(one_of("udd-"), None);
        assert_eq!(one_of("uuudddddddd"), None);
        assert!(one_of("uu").unwrap().contains("2 of 2"));
        assert!(one_of("uuuudddddd").unwrap().contains("at most 3"));
    }

    #[test]
    fn whoever_vanishes_while_it_is_interrupted_counts_as_on_air() {
        let stopped = |slots| {
            let mut channel = channel("1", slots);
            channel.seen.as_mut().unwrap().state = ChannelState::Idle;
            channel
        };
        let doubt = |returning: &Returning| {
            let plan = Plan {
                destinations: Vec::new(),
                channels: vec![stopped("u-"), channel("2", "ud")],
                pools: Vec::new(),
            };
            let desired = Desired::empty(OwnerId::new(OWNER));
            VanishGuard::default().doubt(&plan, &desired, returning, MaxVanish::default(), None)
        };
        assert_eq!(doubt(&Returning::default()), None);
        let interrupted = [("a".into(), SlotId::new("1", "slot-0"))].into();
        assert!(doubt(&interrupted).unwrap().contains("2 of 3"));
    }

    #[test]
    fn those_that_vanish_one_after_the_other_do_not_add_up() {
        let mut guard = VanishGuard::default();
        assert_eq!(doubt(&mut guard, vec![channel("1", "udd")]), None);
        assert_eq!(doubt(&mut guard, vec![channel("1", "uud")]), None);
        assert_eq!(doubt(&mut guard, vec![channel("1", "uuu")]), None);
    }

    #[test]
    fn of_those_that_vanished_together_none_is_let_go_because_another_went_off_air() {
        let mut guard = VanishGuard::default();
        let both = || vec![channel("1", "ud"), channel("2", "ud")];
        assert!(doubt(&mut guard, both()).is_some());
        // Somebody stops the second channel by hand.
        let left = || vec![channel("1", "ud"), channel("2", "")];
        assert!(doubt(&mut guard, left()).unwrap().contains("1 of 2"));
        // All are declared again; later one is taken away on purpose.
        assert_eq!(doubt(&mut guard, vec![channel("1", "dd")]), None);
        assert_eq!(doubt(&mut guard, left()), None);
    }

    #[test]
    fn where_a_channel_cannot_be_seen_nobody_knows_how_many_vanished() {
        let unreadable = || {
            let why = "no answer".to_owned();
            unseen(
                "2",
                Waiting::ChannelUnreadable {
                    channel: "2".into(),
                    why,
                },
            )
        };
        let mut guard = VanishGuard::default();
        assert_eq!(doubt(&mut guard, vec![channel("1", "dd"), unreadable()]), None);
        assert!(doubt(&mut guard, vec![channel("1", "ud"), unreadable()]).is_some());
        let missing = unseen("2", Waiting::ChannelMissing { channel: "2".into() });
        assert_eq!(doubt(&mut guard, vec![channel("1", "ud"), missing]), None);
        // It was let go before the second channel went out of sight.
        assert_eq!(doubt(&mut guard, vec![channel("1", "ud"), unreadable()]), None);
    }

    #[test]
    fn nobody_is_let_go_who_may_have_been_declared_where_nothing_was_ever_seen() {
        let mut guard = VanishGuard::default();
        let empty = Some("table t is empty");
        let doubt = |guard: &mut VanishGuard, slots, unsure| {
            doubt_unless(guard, vec![channel("1", slots)], unsure).is_some()
        };
        assert!(!doubt(&mut guard, "dd", empty));
        assert!(doubt(&mut guard, "du", empty));
        assert!(!doubt(&mut guard, "du", None));
        // It was let go before.
        assert!(!doubt(&mut guard, "du", empty));
    }

    #[test]
    fn whoever_vanished_is_not_taken_for_the_former_target_of_another() {
        // `d` is declared nowhere in these tests, so that whoever held a slot before has vanished.
        let mut guard = VanishGuard::default();
        assert_eq!(doubt(&mut guard, vec![channel("1", "dd")]), None);
        assert!(
            doubt(&mut guard, vec![channel("1", "oo")])
                .unwrap()
                .contains("2 of 2")
        );
        // Nobody knows who it was before: two keys may have changed, or one and another has vanished.
        let first = |slots| doubt(&mut VanishGuard::default(), vec![channel("1", slots)]);
        assert_eq!(first("oo"), None);
        assert!(first("ou").is_some());
    }

    #[test]
    fn whoever_vanished_is_not_taken_for_one_whose_key_cannot_be_read() {
        for state in [WantedState::Ready, WantedState::Streaming] {
            let mut desired = Desired::empty(OwnerId::new(OWNER));
            let mut keyless = samples::destination("k");
            keyless.state = state;
            keyless.key = StreamKey::Unavailable {
                reference: "env KEY".to_owned(),
                why: "it is not set".to_owned(),
            };
            desired.destinations.insert("k".into(), Arc::new(keyless));
            let doubt = |guard: &mut VanishGuard, slots| {
                let plan = Plan {
                    destinations: Vec::new(),
                    channels: vec![channel("1", slots)],
                    pools: Vec::new(),
                };
                guard.doubt(&plan, &desired, &Returning::default(), MaxVanish::default(), None)
            };
            let guard = &mut VanishGuard::default();
            assert_eq!(doubt(guard, "dd"), None);
            assert!(doubt(guard, "uk").unwrap().contains("2 of 2"), "{state:?}");
            // By itself it is no sign of anything missing.
            assert_eq!(doubt(&mut VanishGuard::default(), "kk"), None, "{state:?}");
        }
    }

    #[test]
    fn what_a_channel_carries_that_is_taken_over_is_let_go_and_what_vanishes_there_later_is_not() {
        let mut desired = Desired::empty(OwnerId::new(OWNER));
        let mut pool = samples::pool(&["1"], "*");
        pool.channels[0].takeover = true;
        desired.pools.insert(pool.name.clone(), pool);
        let doubts = |guard: &mut VanishGuard, adoption: Adoption, slots: &str, unsure| {
            let one = ChannelPlan {
                adoption,
                ..channel("1", slots)
            };
            let plan = Plan {
                destinations: Vec::new(),
                channels: vec![one],
                pools: Vec::new(),
            };
            let doubt = guard.doubt(
                &plan,
                &desired,
                &Returning::default(),
                MaxVanish::default(),
                unsure,
            );
            doubt.is_some()
        };
        let mut guard = VanishGuard::default();
        assert!(!doubts(&mut guard, Adoption::Adopt, "uuo-", None));
        assert!(!doubts(&mut guard, Adoption::Owned, "uuo-", None));
        assert!(!doubts(&mut guard, Adoption::Owned, "dddd", None));
        assert!(doubts(&mut guard, Adoption::Owned, "uuud", None));
        // Where a table is empty they may be declared there.
        let mut guard = VanishGuard::default();
        let empty = Some("table t is empty");
        assert!(!doubts(&mut guard, Adoption::Adopt, "uu--", empty));
        assert!(doubts(&mut guard, Adoption::Owned, "uu--", empty));
    }

    #[test]
    fn what_is_on_a_channel_that_is_not_ours_is_not_counted() {
        let other = ChannelPlan {
            adoption: Adoption::Adopt,
            ..channel("1", "uuu")
        };
        assert_eq!(doubt(&mut VanishGuard::default(), vec![other]), None);
    }
}
