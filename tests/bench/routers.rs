//! How fast the planner is with router outputs: ten destinations for each router input, in a RouterPool of its own. One third are on
//! air, one third are off with an output that was kept, and one third are new.

use std::sync::Arc;

use slotwise::testing::model::{
    Cause, Desired, Destination, Disruption, Endpoint, InputState, Interrupt, Observed, OutputRecord,
    OutputState, OwnerId, PoolName, RouteState, RouterArn, RouterInput, RouterOutput, RouterPool,
    RouterSettings, StreamKey, TargetDigest, Tier, WantedState,
};

use slotwise::testing::plan::{check, plan};

use super::planner::{self, now, plan_once, print_rows};

/// Outputs that one router input feeds at once (MediaConnect user guide, quotas).
const OUTPUTS_PER_INPUT: usize = 10;
const SIZES: [usize; 4] = [200, 2_000, 6_000, 20_000];
const PLAN: &str = "RouterPools of 10 destinations, Never";
const CHECKED: &str = "RouterPools of 10 destinations, Never, and the check of the plan";
const INTERFACE: &str = "arn:aws:mediaconnect:us-east-1:111122223333:routerNetworkInterface:f6e5d4c3b2a1";

/// Prints the rows whose title has `words`, with worlds of `sizes` if there are any.
pub(crate) fn run(words: &str, sizes: &[usize]) {
    let sizes = if sizes.is_empty() { &SIZES } else { sizes };
    if PLAN.contains(words) {
        print_rows(PLAN, sizes, world, plan_once);
    }
    if CHECKED.contains(words) {
        print_rows(CHECKED, sizes, world, plan_and_check);
    }
}

fn plan_and_check(desired: &Desired, observed: &Observed) {
    let planned = plan(desired, observed, now());
    let violations = check::check(&planned, desired, observed, now());
    assert_eq!(violations, [], "the plan may be carried out");
}

fn world(size: usize) -> (Desired, Observed) {
    let mut desired = Desired::empty(OwnerId::from("bench"));
    let mut observed = Observed::default();
    observed.routers.is_complete = true;
    observed.routers.quota.per_region = usize::MAX;
    for first in (0..size).step_by(OUTPUTS_PER_INPUT) {
        let pool = pool(first);
        let input = RouterInput::in_state(InputState::Active);
        observed.routers.inputs.insert(pool.input.clone(), input);
        for number in first..size.min(first + OUTPUTS_PER_INPUT) {
            let one = destination(&pool.name, number);
            if !number.is_multiple_of(3) {
                let arn = format!("arn:aws:mediaconnect:us-east-1:111122223333:routerOutput:{number:012}");
                let output = output(&desired.owner, &pool, &one);
                observed
                    .routers
                    .outputs
                    .insert(RouterArn::from(arn.as_str()), output);
            }
            desired.destinations.insert(one.name.clone(), Arc::new(one));
        }
        desired.routers.insert(pool.name.clone(), pool);
    }
    (desired, observed)
}

fn pool(number: usize) -> RouterPool {
    let input = format!("arn:aws:mediaconnect:us-east-1:111122223333:routerInput:{number:012}");
    RouterPool {
        name: format!("pool-{number:06}").as_str().into(),
        input: input.as_str().into(),
        network_interface: INTERFACE.into(),
        source: None,
        settings: RouterSettings {
            tier: Tier::Output20,
            maximum_bitrate: 8_000_000,
            availability_zone: None,
            maintenance: None,
        },
        keep: None,
        disruption: Disruption {
            interrupt: Interrupt::Never,
            causes: [Cause::Retarget].into(),
            windows: Vec::new(),
            max_concurrent: 1,
        },
        paused: None,
    }
}

fn destination(pool: &PoolName, number: usize) -> Destination {
    Destination {
        state: if number % 3 == 2 {
            WantedState::Ready
        } else {
            WantedState::Streaming
        },
        group: None,
        ..planner::destination(pool, number)
    }
}

fn output(owner: &OwnerId, pool: &RouterPool, one: &Destination) -> RouterOutput {
    let StreamKey::Known(key) = &one.key else {
        unreachable!("every key is known here")
    };
    let target = Endpoint::new(Arc::clone(&one.url), key.clone());
    let is_on_air = one.state == WantedState::Streaming;
    RouterOutput {
        name: format!("slotwise-{}", one.name).as_str().into(),
        state: if is_on_air {
            OutputState::Active
        } else {
            OutputState::Standby
        },
        route: RouteState::Routed,
        input: Some(pool.input.clone()),
        owner: Some(owner.clone()),
        record: Some(OutputRecord {
            pool: pool.name.clone(),
            identity: one.identity.clone(),
            digest: TargetDigest::of_output(owner, &pool.name, &one.identity, &target),
            released: false,
            kept: false,
            off_since: None,
        }),
        interface: Some(pool.network_interface.clone()),
        target: Some(target),
        settings: pool.settings.clone(),
        messages: [].into(),
        maintenance: None,
        trouble: None,
    }
}
