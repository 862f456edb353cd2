//! What is accepted is planned and shown.

use std::sync::Arc;

use slotwise::testing::model::{
    ChannelClass, ChannelObservation, ChannelPool, ChannelState, Desired, Destination, Endpoint, Observed,
    ObservedChannel, ObservedGroup, OwnerId, Pool, Secret, StreamKey, Target, Trust,
};
use slotwise::testing::plan::{check as violations, plan};
use slotwise::testing::render;
use slotwise::testing::store::assemble::Good;

use super::super::engine::Features;
use super::CANARIES;
use crate::plan_support::now;

/// Channels that a plan is made for; more of them are the planner's own tests' business.
const CHANNELS_MAX: usize = 20;
const STATES: [ChannelState; 6] = [
    ChannelState::Idle,
    ChannelState::Running,
    ChannelState::Starting,
    ChannelState::UpdateFailed,
    ChannelState::Stopping,
    ChannelState::Recovering,
];

/// Plans what is `good`, for a world in which some of it is on air.
pub(super) fn check(good: Good, input: &[u8], features: &mut Features) {
    let mut desired = Desired {
        destinations: good
            .destinations
            .into_iter()
            .map(|(name, destination)| (name, destination.value))
            .collect(),
        trust: Trust::Whole,
        ..Desired::empty(OwnerId::new("ours"))
    };
    for (name, pool) in good.pools {
        match pool.value {
            Pool::Channels(pool) => drop(desired.pools.insert(name, pool)),
            Pool::Router(pool) => drop(desired.routers.insert(name, pool)),
        }
    }
    for destination in desired.destinations.values() {
        hide_key(destination, &format!("{destination:?}"), input);
    }
    if desired
        .pools
        .values()
        .map(|pool| pool.channels.len())
        .sum::<usize>()
        > CHANNELS_MAX
    {
        return;
    }
    let observed = world(&desired);
    let plan = plan(&desired, &observed, now());
    let found = violations(&plan, &desired, &observed, now());
    assert!(found.is_empty(), "the checker refuses the plan: {found:?}");
    let shown = [
        render::plan::plan(&plan, render::Style::PLAIN),
        render::plan_json::plan_json(&plan),
        render::plan_markdown::plan_markdown(&plan),
    ];
    for destination in desired.destinations.values() {
        for shown in &shown {
            hide_key(destination, shown, input);
        }
    }
    for destination in &plan.destinations {
        features.note(&format!(
            "planned {:?}",
            destination
                .waiting
                .as_ref()
                .map(slotwise::testing::plan::Waiting::code)
        ));
    }
    features.note(&format!("pools {}", "p".repeat(desired.pools.len().min(5))));
}

/// A key that is in the input once, as a key, is not shown. Elsewhere it is a name like any other.
fn hide_key(destination: &Destination, shown: &str, input: &[u8]) {
    let StreamKey::Known(key) = &destination.key else {
        return;
    };
    let text = String::from_utf8_lossy(input);
    for canary in CANARIES.iter().filter(|canary| key.reveal().contains(**canary)) {
        let elsewhere = text.matches(canary).count() > 1;
        assert!(elsewhere || !shown.contains(canary), "{canary} in {shown}");
    }
}

/// Every channel that a pool names, with three slots and the first destinations of the pool in them.
fn world(desired: &Desired) -> Observed {
    let mut observed = Observed::default();
    let mut number = 0;
    for pool in desired.pools.values() {
        for channel in &pool.channels {
            let seen = seen(desired, pool, channel.id.as_str(), number);
            observed
                .channels
                .insert(channel.id.clone(), ChannelObservation::Seen(Box::new(seen)));
            number += 1;
        }
    }
    observed
}

fn seen(desired: &Desired, pool: &ChannelPool, id: &str, number: usize) -> ObservedChannel {
    let class = [ChannelClass::SinglePipeline, ChannelClass::Standard][number / 2 % 2];
    let carried = desired.destinations.values().filter(|one| one.pool == pool.name);
    let mut carried = carried.skip(number);
    let groups = (1..=3).map(|slot| {
        let former =
            vec![Endpoint::new("rtmp://former.example/live", Secret::new("former")); class.pipelines()];
        let former = Target::from(former);
        let target = carried.next().and_then(|one| one.target(class, &former));
        ObservedGroup {
            name: format!("RTMP-Slot-{slot}").as_str().into(),
            target: Ok(target.unwrap_or(former)),
        }
    });
    ObservedChannel {
        id: id.into(),
        arn: format!("arn:aws:medialive:eu-west-1:111122223333:channel:{number}").into(),
        name: "a channel".into(),
        class,
        state: STATES[number % STATES.len()],
        owner: Some(OwnerId::new("ours")),
        groups: Arc::new(groups.collect()),
        tags: std::sync::Arc::default(),
        others: std::sync::Arc::default(),
        stray_endpoints: std::sync::Arc::default(),
        trouble: None,
    }
}
