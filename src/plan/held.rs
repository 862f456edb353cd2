//! A plan that may be carried out: where the second author refuses the plan of one pool, that pool is held and the
//! others continue.
//!
//! A refused plan is a defect of slotwise. The violation names its pool, and the pool is held by the usual pause: its
//! channels are left as they are, and its destinations say why. An owned channel in no pool gets no step, nor do outputs in none.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::check::About;
use super::{ChannelPlan, Plan, Violation, check, plan};
use crate::model::{ChannelId, Desired, Observed, Pause, PoolName, SlotId};

/// A plan without a violation, and what it was made for.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The plan.
    pub plan: Arc<Plan>,
    /// What it was made for: pools that are held are paused in it.
    pub desired: Arc<Desired>,
    /// What was wrong with the pools that are held.
    pub refused: Vec<Violation>,
}

/// Checks `made`, the plan for these arguments, and plans again without the pools that it goes wrong in.
///
/// Errors with what is wrong if that is of no pool, or is still wrong without it: then nothing may be carried out.
pub fn checked(
    made: Plan,
    desired: Arc<Desired>,
    observed: &Observed,
    now: Timestamp,
) -> Result<Checked, Vec<Violation>> {
    let refused = check(&made, &desired, observed, now);
    if refused.is_empty() {
        return Ok(Checked {
            plan: Arc::new(made),
            desired,
            refused,
        });
    }
    let Some(Held {
        desired,
        pools,
        channels,
        outputs,
    }) = hold(desired, &refused)
    else {
        return Err(refused);
    };
    let mut plan = plan(&desired, observed, now);
    let is_held = |one: &&mut ChannelPlan| one.pool.is_none() && channels.contains(&one.id);
    for channel in plan.channels.iter_mut().filter(is_held) {
        channel.steps.clear();
    }
    let in_no_pool = plan
        .routers
        .iter_mut()
        .filter(|pool| outputs && pool.name.is_none());
    for output in in_no_pool.flat_map(|pool| &mut pool.outputs) {
        output.steps.clear();
    }
    let left = check(&plan, &desired, observed, now);
    if left
        .iter()
        .all(|violation| is_at_rest(violation, &plan, &desired, &pools))
    {
        Ok(Checked {
            plan: Arc::new(plan),
            desired,
            refused,
        })
    } else {
        Err(refused)
    }
}

/// Whether a violation concerns only held pools, where nothing is done: it harms no destination, and stops no other pool.
fn is_at_rest(violation: &Violation, plan: &Plan, desired: &Desired, held: &BTreeSet<PoolName>) -> bool {
    let pools = pools_of(violation, desired);
    let mut channels = plan.channels.iter().filter(|one| {
        let pool = one.pool.as_ref();
        pool.is_some_and(|pool| pools.contains(pool))
    });
    let routers = plan.routers.iter().filter(|one| {
        let pool = one.name.as_ref();
        pool.is_some_and(|pool| pools.contains(pool))
    });
    let mut outputs = routers.flat_map(|pool| &pool.outputs);
    let mut feeds = plan
        .feeds
        .iter()
        .filter(|feed| feed.pools.iter().any(|pool| pools.contains(pool)));
    !pools.is_empty()
        && pools.is_subset(held)
        && channels.all(|one| one.steps.is_empty())
        && outputs.all(|one| one.steps.is_empty())
        && feeds.all(|one| one.step.is_none())
}

/// What is left out of a plan.
struct Held {
    /// What is declared, with every pool paused that something is wrong in.
    desired: Arc<Desired>,
    /// Those pools.
    pools: BTreeSet<PoolName>,
    /// Channels in no pool that something is wrong on.
    channels: BTreeSet<ChannelId>,
    /// Whether something is wrong with outputs in no pool.
    outputs: bool,
}

/// What there is to hold; `None` if something is wrong in no pool, on no channel and with no output.
fn hold(mut desired: Arc<Desired>, refused: &[Violation]) -> Option<Held> {
    let mut channels = BTreeSet::new();
    let mut held = BTreeSet::new();
    let mut outputs = false;
    for violation in refused {
        let pools = pools_of(violation, &desired);
        if pools.is_empty() {
            match &violation.about {
                About::Channel(id) | About::Slot(SlotId { channel: id, .. }) => {
                    channels.insert(id.clone());
                }
                About::Output(None, _) => outputs = true,
                _ => return None,
            }
        }
        for name in pools {
            held.insert(name.clone());
            let pause = Pause {
                until: None,
                by: Some("slotwise".to_owned()),
                why: Some(format!(
                    "its plan breaks a rule of slotwise's own, please report this: {violation}"
                )),
            };
            let desired = Arc::make_mut(&mut desired);
            if let Some(pool) = desired.pools.get_mut(&name) {
                pool.paused = Some(pause);
            } else {
                desired.routers.get_mut(&name)?.paused = Some(pause);
            }
        }
    }
    Some(Held {
        desired,
        pools: held,
        channels,
        outputs,
    })
}

fn pools_of(violation: &Violation, desired: &Desired) -> BTreeSet<PoolName> {
    let naming = |id: &ChannelId| {
        let pools = desired.pools.values();
        let naming = pools.filter(|pool| pool.channels.iter().any(|channel| channel.id == *id));
        naming.map(|pool| pool.name.clone()).collect()
    };
    match &violation.about {
        About::Everything => BTreeSet::new(),
        About::Pool(name) => BTreeSet::from([name.clone()]),
        About::Output(pool, _) => pool.iter().cloned().collect(),
        About::Channel(id) => naming(id),
        About::Slot(slot) => naming(&slot.channel),
        About::Slots(one, other) => &naming(&one.channel) | &naming(&other.channel),
        About::Destination(name) => {
            let destination = desired.destinations.get(name);
            destination.map(|one| one.pool.clone()).into_iter().collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::Rule;
    use super::super::fixture::World;
    use super::*;
    use crate::model::ChannelState::{Idle, Running};
    use crate::plan::{Action, Reason, Step};

    /// Two pools, each with something to do.
    fn two_pools() -> World {
        let mut world = World::new()
            .channel("1", Running, &["+off"])
            .ready("off")
            .channel("2", Idle, &["-"])
            .wanted("a");
        let mut other = world.pool().clone();
        other.name = "other".into();
        other.channels = world.pool().channels.split_off(1);
        world.desired.pools.insert(other.name.clone(), other);
        world.with("a", |one| one.pool = "other".into())
    }

    fn actions(plan: &Plan, channel: &str) -> Vec<&'static str> {
        let found = plan.channels.iter().find(|one| one.id.as_str() == channel);
        let steps = found.into_iter().flat_map(|channel| &channel.steps);
        steps.map(|step| step.action.name()).collect()
    }

    #[test]
    fn a_pool_with_a_refused_plan_is_held_alone() {
        let world = two_pools();
        let mut made = world.plan();
        assert_eq!(
            (actions(&made, "1"), actions(&made, "2")),
            (vec!["stop"], vec!["update", "start"])
        );
        made.channels[1].steps.reverse();
        let checked = checked(made, Arc::new(world.desired), &world.observed, world.now).unwrap();
        assert!(!checked.refused.is_empty());
        assert_eq!(
            (actions(&checked.plan, "1"), actions(&checked.plan, "2")),
            (vec!["stop"], vec![])
        );
        let waiting = checked.plan.destinations[0].waiting.as_ref().unwrap();
        assert!(waiting.to_string().contains("please report this"), "{waiting}");
    }

    #[test]
    fn a_refused_stop_in_no_pool_holds_no_pool() {
        let mut world = World::new()
            .channel("1", Running, &["+a"])
            .wanted("a")
            .channel("2", Idle, &["-"])
            .wanted("b");
        world.pool().channels.remove(0);
        let mut made = world.plan();
        assert_eq!(actions(&made, "1"), Vec::<&str>::new());
        let of_none = made.channels.iter_mut().find(|one| one.pool.is_none()).unwrap();
        of_none.steps.push(Step {
            action: Action::Stop,
            reason: Reason::StopUnwanted,
            interrupts: Vec::new(),
            expected: std::time::Duration::from_secs(1),
        });
        let checked = checked(made, Arc::new(world.desired), &world.observed, world.now).unwrap();
        assert!(!checked.refused.is_empty());
        assert_eq!(actions(&checked.plan, "1"), Vec::<&str>::new());
        assert_eq!(actions(&checked.plan, "2"), vec!["update", "start"]);
    }

    #[test]
    fn what_is_wrong_in_no_pool_stops_everything() {
        let world = two_pools();
        let mut made = world.plan();
        made.pools.pop();
        assert!(checked(made, Arc::new(world.desired), &world.observed, world.now).is_err());
    }

    #[test]
    fn a_misreading_in_a_held_pool_holds_no_other() {
        let world = two_pools();
        let held = BTreeSet::from(["other".into()]);
        let misread = |about| Violation {
            about,
            rule: Rule::Misread,
            what: "its slots are read otherwise".to_owned(),
        };
        let of_held = misread(About::Channel("2".into()));
        let mut plan = world.plan();
        assert!(
            !is_at_rest(&of_held, &plan, &world.desired, &held),
            "it has steps"
        );
        plan.channels[1].steps.clear();
        assert!(is_at_rest(&of_held, &plan, &world.desired, &held));
        for about in [About::Channel("1".into()), About::Everything] {
            assert!(!is_at_rest(&misread(about), &plan, &world.desired, &held));
        }
    }

    #[test]
    fn a_target_on_two_channels_holds_the_pools_of_both() {
        let world = two_pools().channel("3", Idle, &["-"]);
        let twice = |second: &str| Violation {
            about: About::Slots(SlotId::new("1", "slot-1"), SlotId::new(second, "slot-1")),
            rule: Rule::TargetTwice,
            what: "they would have the same target".to_owned(),
        };
        let held = |second| pools_of(&twice(second), &world.desired);
        assert_eq!(held("2"), BTreeSet::from(["main".into(), "other".into()]));
        assert_eq!(held("3"), BTreeSet::from(["main".into()]));
    }
}
