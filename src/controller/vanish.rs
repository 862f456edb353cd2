//! The vanish guard: a source that shrinks never takes a destination off air.
//!
//! Judged by the channels, not by what was loaded before, so that a restart changes nothing: slots on owned channels that are
//! recorded as those of destinations which are no longer declared. One, or a small share, was removed on purpose. Many at
//! once mean that something is wrong with the source, and then none of them is released. Either decision is recorded of the
//! slot: after a restart those that are left of many are not few that were removed on purpose.
//!
//! An interrupted destination counts as on air: if it vanished meanwhile, it would not come back.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{Desired, Identity, Outlet, PoolName, RouterArn, SlotId};
use crate::plan::OnAir;

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

    /// Whether all may vanish at once, so that there is nothing to guard.
    fn allows_all(self) -> bool {
        self.0 >= 1.0
    }
}

impl Default for MaxVanish {
    fn default() -> Self {
        Self(0.3)
    }
}

/// Remembers the decision on vanished destinations that are still on air: those that vanish one after the other do not
/// add up, and those that vanished together are not released one by one, as the others go off air for other reasons.
#[derive(Debug, Default)]
pub struct VanishGuard {
    released: BTreeSet<Outlet>,
    kept: BTreeSet<Outlet>,
    destinations: Gone<Identity>,
    pools: Gone<PoolName>,
}

/// Names of earlier declarations that are remembered. Without one its destination stays on air on a channel in no pool.
const GONE_MAX: usize = 1000;

/// Names that earlier loads declared and the last one does not.
#[derive(Debug)]
struct Gone<T>(BTreeSet<T>);

impl<T> Default for Gone<T> {
    fn default() -> Self {
        Self(BTreeSet::new())
    }
}

impl<T: Ord + Clone> Gone<T> {
    fn note_load(&mut self, before: &BTreeSet<T>, declared: &BTreeSet<T>) {
        let new: Vec<T> = before.difference(declared).cloned().collect();
        if self.0.len() + new.len() > GONE_MAX {
            self.0.clear();
        }
        self.0.extend(new.into_iter().take(GONE_MAX));
        self.0.retain(|name| !declared.contains(name));
    }
}

/// What lets them go all the same.
const WAY_OUT: &str = "declare them with state: Ready to take them off air";
/// Why those stay that vanished together.
const TOO_MANY: &str = "are no longer declared, and vanished with more than may at once (--max-vanish)";

impl VanishGuard {
    /// Why too many vanished at once to be released; `None` where they are released. `unsure` says where more may have been
    /// declared than is known.
    pub fn doubt(&mut self, on_air: &OnAir, max: MaxVanish, unsure: Option<&str>) -> Option<String> {
        let OnAir { count, vanished, .. } = on_air;
        self.recall(on_air, max);
        let is_new = |slot: &&Outlet| !self.released.contains(*slot) && !self.kept.contains(*slot);
        let new: BTreeSet<Outlet> = vanished.keys().filter(is_new).cloned().collect();
        // One that is in several slots, after a change of its key say, is one destination.
        let those_in = |slots: &BTreeSet<Outlet>| {
            let names = slots.iter().filter_map(|slot| vanished.get(slot));
            names.collect::<BTreeSet<_>>().len()
        };
        let sentence = |slots: &BTreeSet<Outlet>, why: &str| {
            let many = those_in(slots);
            format!("{many} of {count} destinations on air {why}")
        };
        if those_in(&new) > max.allows(*count) {
            self.kept.extend(new.iter().cloned());
        }
        if !self.kept.is_empty() {
            return Some(sentence(&self.kept, &format!("{TOO_MANY}; {WAY_OUT}")));
        }
        if new.is_empty() {
            let (slot, unsure) = on_air.taken_over.as_ref().zip(unsure)?;
            return Some(format!("what is on air in {slot} is not declared, and {unsure}"));
        }
        if let Some(unsure) = unsure {
            let why = format!("are not declared, and {unsure}; {WAY_OUT}");
            return Some(sentence(&new, &why));
        }
        // Some of the vanished ones may be there.
        if let Some(channel) = &on_air.unseen {
            let why = format!(
                "are no longer declared, and how many more there are on channel {channel} cannot be seen"
            );
            return Some(sentence(&new, &why));
        }
        if on_air.unseen_outputs {
            let why = "are no longer declared, and how many more there are in router outputs cannot be seen";
            return Some(sentence(&new, why));
        }
        if let Some(name) = &on_air.unreadable {
            let why = format!(
                "are no longer declared, and one of them may be {name}, renamed, whose key cannot be read; {WAY_OUT}"
            );
            return Some(sentence(&new, &why));
        }
        self.released = vanished.keys().cloned().collect();
        None
    }

    /// Takes note of what a load no longer declares, and tells the load what earlier ones declared: see
    /// [`Desired::seen_declared`] and [`Desired::seen_pools`].
    pub fn note_load(&mut self, before: Option<&Desired>, now: &mut Arc<Desired>) {
        let names = |desired: &Desired| {
            let declared = desired.destinations.values().map(|one| one.identity.clone());
            let all = declared.chain(desired.set_aside.iter().cloned());
            all.collect::<BTreeSet<Identity>>()
        };
        let pools = |desired: &Desired| desired.routers.keys().cloned().collect();
        let names_before = before.map(names).unwrap_or_default();
        self.destinations.note_load(&names_before, &names(now));
        let pools_before = before.map(pools).unwrap_or_default();
        self.pools.note_load(&pools_before, &pools(now));
        if now.seen_declared != self.destinations.0 || now.seen_pools != self.pools.0 {
            let now = Arc::make_mut(now);
            now.seen_declared.clone_from(&self.destinations.0);
            now.seen_pools.clone_from(&self.pools.0);
        }
    }

    /// The slots of those that stay on air because too many vanished at once.
    pub fn kept_slots(&self) -> BTreeSet<SlotId> {
        self.kept.iter().filter_map(Outlet::slot).cloned().collect()
    }

    /// Their router outputs.
    pub fn kept_outputs(&self) -> BTreeSet<RouterArn> {
        self.kept.iter().filter_map(Outlet::output).cloned().collect()
    }

    /// What was decided on those that are still vanished, by this process or by one before it.
    fn recall(&mut self, on_air: &OnAir, max: MaxVanish) {
        let is_vanished = |slot: &Outlet| on_air.vanished.contains_key(slot);
        self.released.retain(is_vanished);
        // What cannot be seen just now is not over.
        let is_all_seen = on_air.unseen.is_none() && !on_air.unseen_outputs;
        self.kept.retain(|slot| is_vanished(slot) || !is_all_seen);
        // Where all may vanish, what was kept while fewer could is released.
        let recorded = on_air.kept.iter().filter(|_| !max.allows_all());
        let recorded = recorded.filter(|slot| !self.released.contains(*slot));
        self.kept.extend(recorded.cloned());
        // One that is kept in one place is kept wherever it is.
        let names: BTreeSet<&Identity> = self
            .kept
            .iter()
            .filter_map(|slot| on_air.vanished.get(slot))
            .collect();
        let same = on_air
            .vanished
            .iter()
            .filter(|(slot, name)| names.contains(name) && !self.released.contains(*slot));
        let same: Vec<Outlet> = same.map(|(slot, _)| slot.clone()).collect();
        self.kept.extend(same);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `count` destinations on air; these slots hold vanished ones, each named like its slot.
    fn on_air(count: usize, vanished: &[&str]) -> OnAir {
        let of = |slot: &&str| (SlotId::new("1", *slot).into(), (*slot).into());
        OnAir {
            count,
            vanished: vanished.iter().map(of).collect(),
            ..OnAir::default()
        }
    }

    fn doubts(guard: &mut VanishGuard, on_air: &OnAir) -> bool {
        guard.doubt(on_air, MaxVanish::default(), None).is_some()
    }

    #[test]
    fn one_or_three_in_ten_may_vanish_at_once_and_more_may_not() {
        let one_of = |count, vanished: &[&str]| doubts(&mut VanishGuard::default(), &on_air(count, vanished));
        assert!(!one_of(1, &["a"]));
        assert!(!one_of(3, &["a"]));
        assert!(!one_of(11, &["a", "b", "c"]));
        assert!(one_of(2, &["a", "b"]));
        assert!(one_of(10, &["a", "b", "c", "d"]));
        assert!(!one_of(10, &[]));
    }

    #[test]
    fn one_that_is_kept_in_one_place_is_kept_wherever_it_is() {
        let slot = |name: &str| SlotId::new("1", name);
        let twice = OnAir {
            count: 3,
            vanished: ["a", "b"]
                .iter()
                .map(|name| (slot(name).into(), "c".into()))
                .collect(),
            kept: [slot("a").into()].into(),
            ..OnAir::default()
        };
        let mut guard = VanishGuard::default();
        assert!(
            doubts(&mut guard, &twice),
            "by what a process before this one recorded"
        );
        assert_eq!(guard.kept_slots(), [slot("a"), slot("b")].into());
    }

    #[test]
    fn what_is_kept_is_not_forgotten_while_its_channel_cannot_be_seen() {
        let mut guard = VanishGuard::default();
        assert!(doubts(&mut guard, &on_air(2, &["a", "b"])));
        let unseen = OnAir {
            unseen: Some("1".into()),
            ..on_air(1, &["a"])
        };
        assert!(doubts(&mut guard, &unseen));
        assert!(doubts(&mut guard, &on_air(2, &["a", "b"])));
        assert_eq!(guard.kept_slots().len(), 2);
    }

    #[test]
    fn one_in_several_slots_is_one_destination() {
        let twice = OnAir {
            vanished: ["a", "b"]
                .map(|slot| (SlotId::new("1", slot).into(), "x".into()))
                .into(),
            ..on_air(2, &[])
        };
        assert!(!doubts(&mut VanishGuard::default(), &twice));
        let mut guard = VanishGuard::default();
        let more = OnAir {
            vanished: twice
                .vanished
                .into_iter()
                .chain(on_air(0, &["c"]).vanished)
                .collect(),
            ..on_air(3, &[])
        };
        let why = guard.doubt(&more, MaxVanish::default(), None).unwrap();
        assert!(
            why.starts_with("2 of 3 destinations on air are no longer declared"),
            "{why}"
        );
    }

    #[test]
    fn those_that_vanish_one_after_the_other_do_not_add_up() {
        let mut guard = VanishGuard::default();
        assert!(!doubts(&mut guard, &on_air(4, &["a"])));
        assert!(!doubts(&mut guard, &on_air(4, &["a", "b"])));
        assert!(!doubts(&mut guard, &on_air(3, &["b", "c"])));
        assert!(doubts(&mut guard, &on_air(6, &["b", "c", "d", "e"])));
    }

    #[test]
    fn those_that_vanished_together_stay_until_they_are_declared_or_gone() {
        let mut guard = VanishGuard::default();
        assert!(doubts(&mut guard, &on_air(4, &["a", "b"])));
        // One of them ended for another reason.
        assert!(doubts(&mut guard, &on_air(3, &["b"])));
        assert!(!doubts(&mut guard, &on_air(3, &[])));
        assert!(!doubts(&mut guard, &on_air(3, &["c"])));
    }

    #[test]
    fn one_that_vanishes_later_is_not_counted_with_those_that_are_kept() {
        let mut guard = VanishGuard::default();
        assert!(doubts(&mut guard, &on_air(4, &["a", "b"])));
        assert!(doubts(&mut guard, &on_air(4, &["a", "b", "c"])));
        assert!(!doubts(&mut guard, &on_air(4, &["c"])));
    }

    #[test]
    fn what_is_recorded_as_kept_stays_unless_all_may_vanish() {
        let one_left = OnAir {
            kept: [SlotId::new("1", "a").into()].into(),
            ..on_air(10, &["a"])
        };
        let mut guard = VanishGuard::default();
        assert!(doubts(&mut guard, &one_left));
        assert_eq!(guard.kept, one_left.kept);
        let all_may = |share| VanishGuard::default().doubt(&one_left, MaxVanish::new(share), None);
        assert!(all_may(0.99).is_some());
        assert_eq!(all_may(1.0), None);
    }

    #[test]
    fn what_an_earlier_load_declared_is_remembered_up_to_a_limit() {
        let load = |names: &[String]| {
            let mut desired = Desired::empty("us".into());
            desired.set_aside = names.iter().map(|name| name.as_str().into()).collect();
            Arc::new(desired)
        };
        let one = |name: &str| vec![name.to_owned()];
        let mut guard = VanishGuard::default();
        let mut last = load(&one("a"));
        guard.note_load(None, &mut last);
        let mut next = |names: &[String]| {
            let mut now = load(names);
            guard.note_load(Some(&last), &mut now);
            last = now;
            last.seen_declared.len()
        };
        assert_eq!(next(&one("b")), 1);
        assert_eq!(next(&one("a")), 1, "a is declared again, and b is not");
        let many: Vec<String> = (0..GONE_MAX).map(|at| format!("x{at}")).collect();
        assert_eq!(next(&many), 2);
        assert_eq!(next(&[]), GONE_MAX);
    }

    #[test]
    fn what_may_be_declared_in_an_unreadable_place_is_not_released() {
        let vanished = on_air(10, &["a"]);
        let doubt = |on_air: &OnAir, unsure| {
            let doubt = VanishGuard::default().doubt(on_air, MaxVanish::default(), unsure);
            doubt.unwrap_or_default()
        };
        assert_eq!(doubt(&vanished, None), "");
        assert!(doubt(&vanished, Some("b.yaml is faulty")).contains("b.yaml is faulty"));
        let unseen = OnAir {
            unseen: Some("7".into()),
            ..vanished.clone()
        };
        assert!(doubt(&unseen, None).contains("channel 7"));
        let unseen_outputs = OnAir {
            unseen_outputs: true,
            ..vanished.clone()
        };
        assert!(doubt(&unseen_outputs, None).contains("router outputs"));
        let renamed = OnAir {
            unreadable: Some("yt".into()),
            ..vanished
        };
        assert!(doubt(&renamed, None).contains("yt, renamed"));
        let nothing = OnAir {
            vanished: std::collections::BTreeMap::new(),
            ..renamed
        };
        assert_eq!(doubt(&nothing, Some("b.yaml is faulty")), "");
        let taken_over = OnAir {
            taken_over: Some(SlotId::new("1", "b")),
            ..nothing
        };
        assert!(doubt(&taken_over, Some("b.yaml is faulty")).contains("on air in 1/b"));
        assert_eq!(doubt(&taken_over, None), "");
    }
}
