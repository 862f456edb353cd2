//! Small worlds for the planner's tests, and what its steps do to them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Action, ChannelPlan, Plan, plan};
use crate::model::{
    Cause, ChannelClass, ChannelObservation, ChannelPool, ChannelState, ChannelTags, Desired, Destination,
    DestinationName, Endpoint, Interrupt, NoSlot, Observed, ObservedChannel, ObservedGroup, Pause, Pin,
    Placement, PoolChannel, Recorded, Refused, Secret, SlotId, SlotTag, StreamKey, Target, TargetDigest,
    Trouble, Trust, WantedState, Window, samples,
};

pub(super) const POOL: &str = "main";
const OWNER: &str = "us";
/// The URL of all, [on one platform](World::on_one_platform).
pub(super) const PLATFORM: &str = "rtmp://platform.example/live";

/// A pool with its channels and destinations, and the moment.
#[derive(Clone)]
pub(super) struct World {
    pub(super) desired: Desired,
    pub(super) observed: Observed,
    pub(super) now: Timestamp,
    /// The class of channels that are added.
    pub(super) class: ChannelClass,
}

/// What a test that fails shows: one line per channel and destination.
impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for pool in self.desired.pools.values() {
            let at_most = pool.disruption.max_concurrent;
            writeln!(
                f,
                "{} {:?} {:?} {:?} {:?} at most {at_most} paused {}",
                pool.name,
                pool.placement,
                pool.idle,
                pool.disruption.interrupt,
                pool.disruption.causes,
                pool.paused.is_some()
            )?;
            writeln!(f, "takeover {:?}", pool.channels)?;
        }
        let Desired {
            trust,
            grants,
            set_aside,
            ..
        } = &self.desired;
        writeln!(
            f,
            "{trust:?} {grants:?} {set_aside:?} {:?} {:?}",
            self.observed.returning, self.observed.refused
        )?;
        let (slots, takeovers) = (&self.observed.recording, &self.observed.takeovers);
        writeln!(f, "{slots:?} {takeovers:?} {:?}", self.observed.interrupted)?;
        for planned in &self.plan().channels {
            let seen = self.observed.channels[&planned.id].seen();
            let state = seen.map(|seen| (seen.state, &seen.owner, &seen.tags.slots));
            write!(f, "{} in {:?} {state:?}:", planned.id, planned.pool)?;
            for slot in &planned.slots {
                write!(f, " {:?} → {:?},", slot.now, slot.then)?;
            }
            let steps: Vec<&str> = planned.steps.iter().map(|step| step.action.name()).collect();
            writeln!(f, " {} {:?}", steps.join(" "), planned.waiting)?;
        }
        for one in self.plan().destinations {
            let decl = &self.desired.destinations[&one.name];
            write!(f, "{} in {} {:?}", one.name, one.pool, decl.state)?;
            write!(f, " pin {:?} paused {}", decl.pin, decl.paused.is_some())?;
            let known = matches!(decl.key, StreamKey::Known(_));
            write!(f, " key {known} interruptible {}", decl.interruptible)?;
            writeln!(f, ": {:?} → {:?} {:?}", one.held, one.assignment, one.waiting)?;
        }
        Ok(())
    }
}

impl World {
    /// A pool without channels: `Spread`, `interrupt: Never`.
    pub(super) fn new() -> Self {
        let pool = samples::pool(&[], "slot-*");
        let mut desired = Desired::empty(OWNER.into());
        desired.pools.insert(POOL.into(), pool);
        Self {
            desired,
            observed: Observed::default(),
            now: "2026-04-01T12:00:00Z".parse().unwrap(),
            class: ChannelClass::SinglePipeline,
        }
    }

    /// An owned channel. Each slot is written as what it holds:
    ///
    /// | | |
    /// |---|---|
    /// | `-` | parked |
    /// | `!` | unusable |
    /// | `?x` | a target that no Destination explains, at host x |
    /// | `a`, `+a` | the target of a, of which nothing is recorded, or recorded as a's |
    /// | `/a` | the same in another spelling, nothing recorded |
    /// | `@a`, `&a` | the same stream at another address, nothing recorded, or recorded as a's |
    /// | `~a` | another stream that is recorded as a's: its previous target |
    /// | `%a` | yet another one, recorded as a's as well |
    /// | `^a` | the same, where no Destination is called a |
    pub(super) fn channel(mut self, id: &str, state: ChannelState, slots: &[&str]) -> Self {
        let groups = slots
            .iter()
            .enumerate()
            .map(|(at, slot)| {
                let name = format!("slot-{}", at + 1);
                let target = self.slot_target(id, &name, slot);
                ObservedGroup {
                    name: name.into(),
                    target,
                }
            })
            .collect::<Vec<_>>();
        let mut channel = ObservedChannel {
            id: id.into(),
            arn: format!("arn:aws:medialive:eu-west-1:1:channel:{id}").into(),
            name: format!("channel {id}").into(),
            class: self.class,
            state,
            owner: Some(OWNER.into()),
            groups: Arc::new(groups),
            tags: Arc::new(ChannelTags {
                count: 1,
                ..ChannelTags::default()
            }),
            others: std::sync::Arc::default(),
            stray_endpoints: std::sync::Arc::default(),
            trouble: None,
        };
        for (at, slot) in slots.iter().enumerate() {
            if let Some(name) = slot.strip_prefix(['~', '%', '^', '+', '&']) {
                record(&mut channel, at, name);
            }
        }
        self.observed
            .channels
            .insert(id.into(), ChannelObservation::Seen(Box::new(channel)));
        self.pool().channels.push(PoolChannel {
            id: id.into(),
            takeover: false,
        });
        self
    }

    fn slot_target(&self, channel: &str, group: &str, slot: &str) -> Result<Target, NoSlot> {
        let parking = self.desired.pools[POOL]
            .slots
            .parking(&SlotId::new(channel, group), self.class);
        let at = |url: String, key: String| {
            let first = Endpoint::new(url, Secret::new(key));
            let others = parking.0.iter().skip(1).cloned();
            Ok(std::iter::once(first).chain(others).collect::<Vec<_>>().into())
        };
        let key = |name: &str| format!("key-of-{name}");
        match slot.split_at_checked(1) {
            Some(("-", "")) => Ok(parking),
            Some(("!", "")) => Err(NoSlot::Outputs(2)),
            Some(("?", host)) => at(format!("rtmp://{host}/live"), format!("undeclared-{host}")),
            Some(("~" | "^", name)) => at(url(name), format!("previous-of-{name}")),
            Some(("%", name)) => at(url(name), format!("older-of-{name}")),
            Some(("/", name)) => at(format!("RTMP://{name}.EXAMPLE:1935/live/"), key(name)),
            Some(("@" | "&", name)) => at(format!("rtmps://{name}.example/live"), key(name)),
            Some(("+", name)) => at(url(name), key(name)),
            _ => at(url(slot), key(slot)),
        }
    }

    /// A wanted destination.
    pub(super) fn wanted(self, name: &str) -> Self {
        self.with(name, |_| {})
    }

    /// A destination with `state: Ready`.
    pub(super) fn ready(self, name: &str) -> Self {
        self.with(name, |one| one.state = WantedState::Ready)
    }

    /// A wanted destination of a group.
    pub(super) fn member(self, name: &str, group: &str) -> Self {
        self.with(name, |one| one.group = Some(group.into()))
    }

    /// A wanted destination, changed.
    pub(super) fn with(mut self, name: &str, change: impl FnOnce(&mut Destination)) -> Self {
        let mut destination = samples::destination(name);
        change(&mut destination);
        self.desired
            .destinations
            .insert(name.into(), Arc::new(destination));
        self
    }

    pub(super) fn policy(mut self, interrupt: Interrupt, causes: &[Cause]) -> Self {
        self.pool().disruption.interrupt = interrupt;
        self.pool().disruption.causes = causes.iter().copied().collect();
        self
    }

    pub(super) fn anytime(self) -> Self {
        self.policy(Interrupt::Anytime, &[Cause::Start, Cause::Stop, Cause::Retarget])
    }

    /// `interrupt: Window`, open daily from 04:00 to 04:30 UTC.
    pub(super) fn window(mut self) -> Self {
        let pool = self.pool();
        pool.disruption.interrupt = Interrupt::Window;
        pool.disruption.windows = vec![Window {
            cron: "0 4 * * *".parse().unwrap(),
            duration: std::time::Duration::from_mins(30),
            time_zone: jiff::tz::TimeZone::UTC,
        }];
        self
    }

    pub(super) fn pack(mut self) -> Self {
        self.pool().placement = Placement::Pack;
        self
    }

    pub(super) fn grant(mut self, name: &str) -> Self {
        self.desired.grants.insert(name.into());
        self
    }

    pub(super) fn doubted(mut self) -> Self {
        self.desired.trust = Trust::Doubted {
            why: "b.yaml cannot be read".to_owned(),
        };
        self
    }

    pub(super) fn returning(mut self, name: &str, channel: &str, group: &str) -> Self {
        self.observed
            .returning
            .insert(name.into(), SlotId::new(channel, group));
        self
    }

    /// It was stopped to start it again.
    pub(super) fn restarting(mut self, id: &str) -> Self {
        self.observed.restarting.insert(id.into());
        self
    }

    /// MediaLive refused to write its target.
    pub(super) fn refused(mut self, name: &str, may_try: bool) -> Self {
        let what = "not a valid URL".to_owned();
        self.observed.refused.insert(
            name.into(),
            Refused {
                what,
                may_try,
                denied: false,
            },
        );
        self
    }

    /// Gives the channels from `first` on to another pool, otherwise the same.
    pub(super) fn split(mut self, name: &str, first: &str) -> Self {
        let mut other = self.pool().clone();
        other.name = name.into();
        let at = other.channels.iter().position(|channel| channel.id == first);
        other.channels = self.pool().channels.split_off(at.unwrap());
        self.desired.pools.insert(other.name.clone(), other);
        self
    }

    pub(super) fn pool(&mut self) -> &mut ChannelPool {
        self.desired.pools.get_mut(POOL).unwrap()
    }

    pub(super) fn seen(&mut self, id: &str) -> &mut ObservedChannel {
        match self.observed.channels.get_mut(id).unwrap() {
            ChannelObservation::Seen(channel) => channel,
            _ => panic!("channel {id} was not seen"),
        }
    }

    /// All destinations push to one platform: their targets differ by the keys alone.
    pub(super) fn on_one_platform(mut self) -> Self {
        for one in self.desired.destinations.values_mut() {
            Arc::make_mut(one).url = PLATFORM.into();
        }
        let seen = |channel| match channel {
            &mut ChannelObservation::Seen(ref mut seen) => Some(seen),
            _ => None,
        };
        for channel in self.observed.channels.values_mut().filter_map(seen) {
            for target in channel
                .groups_mut()
                .iter_mut()
                .filter_map(|group| group.target.as_mut().ok())
            {
                let pushed = target.0.iter().map(|endpoint| match &*endpoint.url {
                    url if url.trim_end_matches('/').ends_with("/live") => {
                        Endpoint::new(PLATFORM, endpoint.stream_name.clone())
                    }
                    _ => endpoint.clone(),
                });
                *target = pushed.collect::<Vec<_>>().into();
            }
        }
        self
    }

    pub(super) fn trouble(mut self, id: &str, failures: u32, retry_at: &str) -> Self {
        self.seen(id).trouble = Some(Trouble {
            failures,
            attempts: failures.max(1),
            retry_at: retry_at.parse().unwrap(),
            what: "StartChannel: refused".to_owned(),
        });
        self
    }

    pub(super) fn plan(&self) -> Plan {
        plan(&self.desired, &self.observed, self.now)
    }

    /// The second author finds nothing wrong.
    #[track_caller]
    pub(super) fn assert_allowed(&self, plan: &Plan) {
        let found = super::check(plan, &self.desired, &self.observed, self.now);
        assert!(found.is_empty(), "{found:?}");
    }

    /// What the first step of a channel of `plan` does, once MediaLive is through with it.
    pub(super) fn take_step(&mut self, plan: &Plan, planned: &ChannelPlan) {
        let Some(step) = planned.steps.first() else { return };
        for name in &step.interrupts {
            let one = plan.destinations.iter().find(|one| one.name == *name).unwrap();
            let slot = one.assignment.as_ref().or(one.held.as_ref()).unwrap();
            self.observed.returning.insert(name.clone(), slot.clone());
        }
        let owner = self.desired.owner.clone();
        let channel = self.seen(planned.id.as_str());
        for record in step.action.tags() {
            channel.tags_mut().set(&record.output_group, &record.tag);
        }
        if let Some(tag) = step.action.takeover() {
            channel.tags_mut().set_takeover(tag);
        }
        match &step.action {
            Action::Wait => {
                channel.state = match channel.state {
                    ChannelState::Starting => ChannelState::Running,
                    _ => ChannelState::Idle,
                }
            }
            Action::Adopt { .. } => {
                channel.owner = Some(owner);
                channel.tags_mut().count += 1;
            }
            Action::Record { remove, .. } => remove.iter().for_each(|key| channel.tags_mut().remove(key)),
            Action::Stop => channel.state = ChannelState::Stopping,
            Action::Start => channel.state = ChannelState::Starting,
            Action::Update { writes, adopts, .. } => {
                if *adopts {
                    channel.owner = Some(owner);
                    channel.tags_mut().count += 1;
                }
                for write in writes {
                    let group = channel
                        .groups_mut()
                        .iter_mut()
                        .find(|group| group.name == write.output_group);
                    group.unwrap().target = Ok(write.target.clone());
                }
                channel.state = ChannelState::Updating;
            }
        }
        if channel.state == ChannelState::Running {
            self.observed
                .returning
                .retain(|_, slot| slot.channel != planned.id);
        }
    }
}

/// The plan, if the second author allows it.
#[track_caller]
pub(super) fn allowed(world: &World) -> Plan {
    let plan = world.plan();
    world.assert_allowed(&plan);
    plan
}

/// Records that a slot was pointed where it is for a destination.
pub(super) fn record(channel: &mut ObservedChannel, at: usize, identity: &str) {
    let group = channel.groups[at].clone();
    let slot = channel.slot(&group.name);
    let target = group.target.unwrap();
    let tag = SlotTag {
        occupant: Recorded::destination(identity.into()),
        digest: TargetDigest::of(&OWNER.into(), &slot, &target),
    };
    channel.tags_mut().set(&group.name, &tag);
}

pub(super) fn pause() -> Pause {
    Pause {
        until: None,
        by: Some("ana".to_owned()),
        why: None,
    }
}

pub(super) fn pin(channel: &str, output_group: &str) -> Pin {
    Pin {
        channel: channel.into(),
        output_group: output_group.into(),
    }
}

pub(super) fn unknown_key() -> StreamKey {
    StreamKey::Unavailable {
        reference: "env KEY".to_owned(),
        why: "it is not set".to_owned(),
    }
}

fn url(name: &str) -> String {
    format!("rtmp://{name}.example/live")
}

/// Where each destination is carried, as `channel/group`.
pub(super) fn assignments(plan: &Plan) -> BTreeMap<&str, String> {
    let carried = plan
        .destinations
        .iter()
        .filter_map(|one| Some((one.name.as_str(), one.assignment.as_ref()?.to_string())));
    carried.collect()
}

/// The slot that a destination holds, as `channel/group`, `""` if none.
pub(super) fn held(plan: &Plan, name: &str) -> String {
    let one = plan.destinations.iter().find(|one| one.name.as_str() == name);
    let held = one.and_then(|one| one.held.as_ref());
    held.map(ToString::to_string).unwrap_or_default()
}

/// The code of what a destination waits for, `""` if for nothing.
pub(super) fn waiting<'p>(plan: &'p Plan, name: &str) -> &'p str {
    let one = plan
        .destinations
        .iter()
        .find(|one| one.name.as_str() == name)
        .unwrap();
    one.waiting.as_ref().map_or("", |waiting| waiting.code())
}

/// The steps of a channel: `stop update start`.
pub(super) fn steps(plan: &Plan, id: &str) -> String {
    let channel = plan.channels.iter().find(|one| one.id == id).unwrap();
    let names: Vec<&str> = channel.steps.iter().map(|step| step.action.name()).collect();
    names.join(" ")
}

/// Destinations that the plan's stops interrupt.
pub(super) fn interrupted(plan: &Plan) -> Vec<DestinationName> {
    plan.steps()
        .flat_map(|(_, step)| step.interrupts.clone())
        .collect()
}
