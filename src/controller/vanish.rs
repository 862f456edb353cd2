//! The vanish guard: a source that shrinks never takes anyone off air.
//!
//! Judged on what the world says, not on what was loaded before, so that a restart changes nothing: slots on our channels that are
//! recorded as those of destinations which are declared no longer. One, or a small share, was taken away on purpose. Many at
//! once means that something is wrong with the source, and then none of them is released.
//!
//! Whoever is interrupted just now is on air in this sense: if it vanished meanwhile, it would not come back.

use std::collections::BTreeSet;

use crate::model::SlotId;
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
}

impl Default for MaxVanish {
    fn default() -> Self {
        Self(0.3)
    }
}

/// Remembers what was decided of those who vanished and are still on air: those that vanish one after the other do not add
/// up, and those that vanished together are not released one by one, as the others of them leave the air for other reasons.
#[derive(Debug, Default)]
pub struct VanishGuard {
    released: BTreeSet<SlotId>,
    kept: BTreeSet<SlotId>,
}

/// What lets them go all the same.
const WAY_OUT: &str = "declare them with state: Ready to take them off air";

impl VanishGuard {
    /// Why too many vanished at once to be released; `None` where they are released. `unsure` says where more may have been
    /// declared than is known.
    pub fn doubt(&mut self, on_air: &OnAir, max: MaxVanish, unsure: Option<&str>) -> Option<String> {
        let OnAir { count, vanished, .. } = on_air;
        self.released.retain(|slot| vanished.contains(slot));
        self.kept.retain(|slot| vanished.contains(slot));
        let new: BTreeSet<SlotId> = vanished.difference(&self.released).cloned().collect();
        let allowed = max.allows(*count);
        let told = |many: usize, why: &str| format!("{many} of {count} destinations on air {why}");
        if new.len() > allowed {
            let why = format!(
                "are declared nowhere any more, and at most {allowed} may vanish at once (--max-vanish); {WAY_OUT}"
            );
            let why = told(new.len(), &why);
            self.kept = new;
            return Some(why);
        }
        if !self.kept.is_empty() {
            let why =
                format!("vanished together with more than may vanish at once (--max-vanish); {WAY_OUT}");
            return Some(told(self.kept.len(), &why));
        }
        if new.is_empty() {
            let (slot, unsure) = on_air.taken_over.as_ref().zip(unsure)?;
            return Some(format!(
                "what is on air in {slot} is declared nowhere, and {unsure}"
            ));
        }
        if let Some(unsure) = unsure {
            let why = format!("are declared nowhere, and {unsure}; {WAY_OUT}");
            return Some(told(new.len(), &why));
        }
        // Some of those that vanished may be there.
        if let Some(channel) = &on_air.unseen {
            let why = format!(
                "are declared nowhere any more, and how many more there are on channel {channel} cannot be seen"
            );
            return Some(told(new.len(), &why));
        }
        if let Some(name) = &on_air.unreadable {
            let why = format!(
                "are declared nowhere any more, and one of them may be {name}, renamed, whose key cannot be read; {WAY_OUT}"
            );
            return Some(told(new.len(), &why));
        }
        self.released.clone_from(vanished);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many are on air, and these slots are of those who vanished.
    fn on_air(count: usize, vanished: &[&str]) -> OnAir {
        OnAir {
            count,
            vanished: vanished.iter().map(|slot| SlotId::new("1", *slot)).collect(),
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
    fn nobody_is_released_while_it_may_be_declared_where_nothing_can_be_read() {
        let vanished = on_air(10, &["a"]);
        let told = |on_air: &OnAir, unsure| {
            let told = VanishGuard::default().doubt(on_air, MaxVanish::default(), unsure);
            told.unwrap_or_default()
        };
        assert_eq!(told(&vanished, None), "");
        assert!(told(&vanished, Some("b.yaml is faulty")).contains("b.yaml is faulty"));
        let unseen = OnAir {
            unseen: Some("7".into()),
            ..vanished.clone()
        };
        assert!(told(&unseen, None).contains("channel 7"));
        let renamed = OnAir {
            unreadable: Some("yt".into()),
            ..vanished
        };
        assert!(told(&renamed, None).contains("yt, renamed"));
        let nobody = OnAir {
            vanished: BTreeSet::new(),
            ..renamed
        };
        assert_eq!(told(&nobody, Some("b.yaml is faulty")), "");
        let taken_over = OnAir {
            taken_over: Some(SlotId::new("1", "b")),
            ..nobody
        };
        assert!(told(&taken_over, Some("b.yaml is faulty")).contains("on air in 1/b"));
        assert_eq!(told(&taken_over, None), "");
    }
}
