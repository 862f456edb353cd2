//! The vanish guard: a source that shrinks never takes anyone off air.
//!
//! Judged on what the world says, not on what was loaded before, so that a restart changes nothing: targets that are
//! on air on our channels and that no Destination declares. One, or a small share, was taken away on purpose. Many at
//! once means that something is wrong with the source, and then none of them is let go.

use std::collections::BTreeSet;

use crate::model::{Desired, SlotId, StreamKey, Target};
use crate::plan::{Adoption, ChannelPlan, Content, Plan};

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

/// Remembers which undeclared targets were let go, so that those that vanish one after the other do not add up.
#[derive(Debug, Default)]
pub struct VanishGuard {
    let_go: BTreeSet<SlotId>,
}

impl VanishGuard {
    /// Why `plan`, made in full trust, lets too many go at once; `None` where it does not.
    pub fn doubt(&mut self, plan: &Plan, desired: &Desired, max: MaxVanish) -> Option<String> {
        let running = plan
            .channels
            .iter()
            .filter(|channel| is_ours_and_running(channel, desired));
        let mut on_air = 0;
        let mut undeclared = BTreeSet::new();
        for channel in running {
            for slot in &channel.slots {
                match slot.now {
                    Content::Destination(_) | Content::Outdated(_) => on_air += 1,
                    Content::Undeclared { .. } if is_declared(slot.target.as_ref(), desired) => {}
                    Content::Undeclared { .. } => {
                        on_air += 1;
                        undeclared.insert(SlotId::new(channel.id.clone(), slot.output_group.clone()));
                    }
                    Content::Parked | Content::Unusable { .. } => {}
                }
            }
        }
        self.let_go.retain(|slot| undeclared.contains(slot));
        let vanished = undeclared.difference(&self.let_go).count();
        let allowed = max.allows(on_air);
        if vanished > allowed {
            return Some(format!(
                "{vanished} of {on_air} destinations on air are declared nowhere any more, and at most {allowed} may vanish at once (--max-vanish)"
            ));
        }
        self.let_go = undeclared;
        None
    }
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

/// A channel under `takeover: true` carries undeclared targets by its owner's explicit wish to have them released.
fn is_ours_and_running(channel: &ChannelPlan, desired: &Desired) -> bool {
    let taken_over = || {
        desired.pools.get(&channel.pool).is_some_and(|pool| {
            pool.channels
                .iter()
                .any(|declared| declared.id == channel.id && declared.takeover)
        })
    };
    channel.adoption == Adoption::Owned
        && channel.seen.as_ref().is_some_and(|seen| seen.state.is_running())
        && !taken_over()
}
