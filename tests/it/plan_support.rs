//! Worlds for the planner's judges, put together by hand or by a generator.

use std::collections::BTreeSet;
use std::sync::Arc;

use globset::Glob;
use jiff::Timestamp;
use slotwise::testing::model::{
    Cause, ChannelClass, ChannelId, ChannelObservation, ChannelPool, ChannelState, Desired, Destination,
    DestinationName, Disruption, Endpoint, Interrupt, Observed, ObservedChannel, ObservedGroup, OwnerId,
    Pause, Placement, PoolChannel, Recorded, Secret, SlotId, SlotSelector, SlotTag, StreamKey, Target,
    TargetDigest, WantedState,
};
use slotwise::testing::plan::{Action, Plan, Step, check, plan};

/// The present of every judged world: a Saturday morning.
pub(crate) fn now() -> Timestamp {
    "2026-08-01T09:00:00Z".parse().unwrap()
}

/// The owner of the channels.
pub(crate) fn owner() -> OwnerId {
    OwnerId::new("ours")
}

/// A pool without channels that spreads and never interrupts; its slots are named `s…`.
pub(crate) fn pool(name: &str) -> ChannelPool {
    ChannelPool {
        name: name.into(),
        channels: Vec::new(),
        slots: SlotSelector {
            output_groups: Glob::new("s*").unwrap().compile_matcher(),
            parking_url: "rtmp://127.0.0.1:1935/parked".into(),
        },
        placement: Placement::Spread,
        idle: slotwise::testing::model::Idle::Stop,
        disruption: Disruption {
            interrupt: Interrupt::Never,
            causes: BTreeSet::from([Cause::Start, Cause::Stop, Cause::Retarget]),
            windows: Vec::new(),
            max_concurrent: 1,
        },
        paused: None,
    }
}

/// A wanted destination with a readable key and a URL of its own.
pub(crate) fn destination(name: &str, pool: &str) -> Destination {
    Destination {
        name: name.into(),
        identity: name.into(),
        pool: pool.into(),
        state: WantedState::Streaming,
        url: format!("rtmp://{name}.example/live").into(),
        backup_url: None,
        is_preset: false,
        login: None,
        key: known_key(name),
        group: None,
        priority: 0,
        interruptible: true,
        pin: None,
        paused: None,
        generation: 1,
    }
}

/// The key that a destination of this name has.
pub(crate) fn known_key(name: &str) -> StreamKey {
    StreamKey::Known(Secret::new(format!("key-of-{name}")))
}

/// A key that could not be read.
pub(crate) fn unknown_key() -> StreamKey {
    StreamKey::Unavailable {
        reference: "env KEY".to_owned(),
        why: "it is not set".to_owned(),
    }
}

/// A pause without end.
pub(crate) fn pause() -> Pause {
    Pause {
        until: None,
        by: Some("ana".to_owned()),
        why: None,
    }
}

/// Adds a destination.
pub(crate) fn declare(desired: &mut Desired, destination: Destination) {
    desired
        .destinations
        .insert(destination.name.clone(), destination.into());
}

/// An owned single-pipeline channel without output groups.
pub(crate) fn channel(id: &str, state: ChannelState) -> ObservedChannel {
    ObservedChannel {
        id: id.into(),
        arn: format!("arn:aws:medialive:eu-west-1:111122223333:channel:{id}").into(),
        name: format!("channel {id}").into(),
        class: ChannelClass::SinglePipeline,
        state,
        owner: Some(owner()),
        groups: Arc::default(),
        tags: std::sync::Arc::default(),
        others: std::sync::Arc::default(),
        stray_endpoints: std::sync::Arc::default(),
        trouble: None,
    }
}

/// Gives the channel one more output group.
pub(crate) fn slot(channel: &mut ObservedChannel, name: &str, target: Target) {
    channel.groups_mut().push(ObservedGroup {
        name: name.into(),
        target: Ok(target),
    });
}

/// Records that the last output group of the channel was pointed where it is for a destination.
pub(crate) fn record(channel: &mut ObservedChannel, identity: &str) {
    let group = channel.groups.last().unwrap().clone();
    let slot = channel.slot(&group.name);
    let tag = SlotTag {
        occupant: Recorded::destination(identity.into()),
        digest: TargetDigest::of(&owner(), &slot, &group.target.unwrap()),
    };
    channel.tags_mut().set(&group.name, &tag);
}

/// Puts a channel into a pool and into the world.
pub(crate) fn place(desired: &mut Desired, observed: &mut Observed, pool: &str, channel: ObservedChannel) {
    let pool = desired.pools.get_mut(pool).unwrap();
    pool.channels.push(PoolChannel {
        id: channel.id.clone(),
        takeover: false,
    });
    let id = channel.id.clone();
    observed
        .channels
        .insert(id, ChannelObservation::Seen(Box::new(channel)));
}

/// What a slot points at while it holds a destination; for one whose key is not known, what it would point at.
pub(crate) fn carried(destination: &Destination, class: ChannelClass, parking: &Target) -> Target {
    let mut destination = destination.clone();
    if matches!(destination.key, StreamKey::Unavailable { .. }) {
        destination.key = known_key(destination.name.as_str());
    }
    destination.target(class, parking).unwrap()
}

/// A target with this URL in every pipeline and a key that is no longer declared.
pub(crate) fn other_target(url: &str, class: ChannelClass) -> Target {
    Target::from(vec![
        Endpoint::new(url, Secret::new("previous-key"));
        class.pipelines()
    ])
}

/// Where a slot of a pool points while it holds no destination.
pub(crate) fn parking(pool: &ChannelPool, channel: &str, group: &str, class: ChannelClass) -> Target {
    pool.slots.parking(&SlotId::new(channel, group), class)
}

/// What the checker finds, to be read.
pub(crate) fn violations(plan: &Plan, desired: &Desired, observed: &Observed) -> Vec<String> {
    check(plan, desired, observed, now())
        .iter()
        .map(|violation| format!("{}: {violation}", violation.code()))
        .collect()
}

// ── A MediaLive of a few lines ──────────────────────────────────────────────────────────────────────────────────────

/// Carries out one step. A start or stop takes until the next wait.
pub(crate) fn act(observed: &mut Observed, plan: &Plan, channel: &ChannelId, step: &Step) {
    let coming_back: Vec<(DestinationName, SlotId)> = plan
        .destinations
        .iter()
        .filter(|planned| step.interrupts.contains(&planned.name))
        .map(|planned| (planned.name.clone(), planned.held.clone().unwrap()))
        .collect();
    let Some(ChannelObservation::Seen(seen)) = observed.channels.get_mut(channel) else {
        panic!("a step on a channel that was not seen");
    };
    for record in step.action.tags() {
        seen.tags_mut().set(&record.output_group, &record.tag);
    }
    if let Some(tag) = step.action.takeover() {
        seen.tags_mut().set_takeover(tag);
    }
    match &step.action {
        Action::Adopt { .. } => seen.owner = Some(owner()),
        Action::Record { remove, .. } => remove.iter().for_each(|key| seen.tags_mut().remove(key)),
        Action::Wait => {
            seen.state = match seen.state {
                ChannelState::Starting => ChannelState::Running,
                _ => ChannelState::Idle,
            };
        }
        Action::Stop => seen.state = ChannelState::Stopping,
        Action::Start => seen.state = ChannelState::Starting,
        Action::Update { writes, adopts, .. } => {
            if *adopts {
                seen.owner = Some(owner());
            }
            for write in writes {
                let group = seen
                    .groups_mut()
                    .iter_mut()
                    .find(|group| group.name == write.output_group);
                group.unwrap().target = Ok(write.target.clone());
            }
            seen.state = ChannelState::Idle;
        }
    }
    if seen.state == ChannelState::Running {
        observed.returning.retain(|_, slot| slot.channel != *channel);
    }
    observed.returning.extend(coming_back);
}

/// Carries out all steps of a plan, each channel's to the end.
pub(crate) fn carry_out(observed: &mut Observed, plan: &Plan) {
    for channel in &plan.channels {
        for step in &channel.steps {
            act(observed, plan, &channel.id, step);
            if matches!(step.action, Action::Stop | Action::Start) {
                let wait = Step {
                    action: Action::Wait,
                    interrupts: Vec::new(),
                    ..step.clone()
                };
                act(observed, plan, &channel.id, &wait);
            }
        }
    }
}

/// Carries out a plan and those after it until nothing is left to do; each must be allowed.
#[track_caller]
pub(crate) fn carry_out_to_the_end(desired: &Desired, observed: &mut Observed, first: Plan) {
    let mut next = first;
    for _ in 0..rounds_at_most(observed) {
        if next.is_empty() {
            return;
        }
        carry_out(observed, &next);
        next = plan(desired, observed, now());
        assert_eq!(violations(&next, desired, observed), Vec::<String>::new());
    }
    panic!("it does not come to rest: {next:#?}");
}

/// Rounds after which a world must have come to rest: each round carries out a step of every channel that has one,
/// and no channel needs more than wait, stop, wait, update, start, wait and an adoption. Channels that wait for their
/// turn go one after the other.
pub(crate) fn rounds_at_most(observed: &Observed) -> usize {
    8 * (observed.channels.len() + 1)
}
