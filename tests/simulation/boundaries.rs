//! One short life, once for each boundary of its calls: the process dies there, and another one continues; or it is
//! suspended there until the declaration has changed.
//!
//! Before a call, nothing has happened and the process does not know it; after one, it has happened, and no process knows.
//! The calls of this life are those of a show: start, join (which interrupts), another key, leave, end, begin again.

use std::collections::BTreeSet;
use std::time::Duration;

use slotwise::testing::emulator::{Emulator, Fleet, Options};
use slotwise::testing::model::{
    Cause, Desired, Disruption, Interrupt, OwnerId, Placement, StreamKey, WantedState,
};
use tokio::time::Instant;

use super::process::SetUp;
use super::tap::{Boundary, Calls};
use super::{Cast, Report, Simulation, in_virtual_time, world};

/// A change of the declaration.
type Change = fn(&mut Desired);

/// What people change, one after the other, each as soon as the one before is done.
const SCENARIO: [(&str, Change); 6] = [
    ("one goes on air", |desired| {
        switch(desired, &["a"], WantedState::Streaming);
    }),
    ("two join, on the only channel", |desired| {
        switch(desired, &["b", "c"], WantedState::Streaming);
    }),
    ("one has another key", |desired| {
        desired.destination_mut("b").unwrap().key = world::key("b", 1);
    }),
    ("one leaves", |desired| {
        switch(desired, &["c"], WantedState::Ready);
    }),
    ("the rest leaves", |desired| {
        switch(desired, &["a", "b"], WantedState::Ready);
    }),
    // A stop that was decided on for the change before, and comes late, would take them off air.
    ("they come back", |desired| {
        switch(desired, &["a", "b"], WantedState::Streaming);
    }),
];

/// How long each change may take: a stop, an update and a start, with a process that dies once and is started again.
const EACH: Duration = Duration::from_mins(15);

/// How long a process stands still: into the change after the next one.
pub(super) const STILL: Duration = Duration::from_mins(20);

/// What becomes of a process at a boundary.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    /// It dies, and another one begins.
    Dies,
    /// It is suspended, and then resumes.
    StandsStill,
}

fn switch(desired: &mut Desired, names: &[&str], state: WantedState) {
    for name in names {
        desired.destination_mut(name).unwrap().state = state;
    }
}

/// Runs the scenario with a process that meets its fate at a boundary, if it gets that far. Returns also how many
/// boundaries it has passed.
pub(crate) fn live_through(fate: Option<(usize, Fate)>) -> (Report, usize) {
    in_virtual_time(1, async |log| {
        let mut simulation = Simulation::new(cast(), log);
        if let Some((after, fate)) = fate {
            simulation.processes.fail_at(
                Boundary {
                    after,
                    at: Calls::Any,
                },
                fate,
            );
        }
        for (number, (what, change)) in SCENARIO.into_iter().enumerate() {
            simulation.until(Instant::now() + EACH).await;
            if simulation.is_broken() {
                return (simulation.report(), 0);
            }
            simulation.life.declare(what, |_, desired| change(desired));
            simulation.happened.push(number);
        }
        simulation.until(Instant::now() + EACH + STILL).await;
        let boundaries = simulation.processes.boundaries();
        simulation.check_settled();
        (simulation.report(), boundaries)
    })
}

/// One channel that may be interrupted, and three destinations that are off air.
fn cast() -> Cast {
    let disruption = Disruption {
        interrupt: Interrupt::Anytime,
        causes: BTreeSet::from([Cause::Start, Cause::Stop, Cause::Retarget]),
        windows: Vec::new(),
        max_concurrent: 1,
    };
    let pool = world::pool("main", ["1"].into_iter(), Placement::Spread, disruption);
    let mut desired = Desired::empty(OwnerId::new(world::OWNER));
    for name in ["a", "b", "c"] {
        let one = world::plain(name, &pool);
        assert!(matches!(one.key, StreamKey::Known(_)));
        desired.destinations.insert(one.name.clone(), one.into());
    }
    let fleet = Fleet::invent(&[world::invented(&pool, 3)]);
    desired.pools.insert(pool.name.clone(), pool);
    Cast {
        seed: 1,
        desired,
        emulator: Emulator::new(Options::default(), fleet),
        processes: 1,
        set_up: SetUp {
            // So that nearly all calls are about the change.
            interval: Duration::from_mins(20),
            transition_interval: Duration::from_secs(20),
            source_interval: Duration::from_mins(1),
            concurrency: 8,
            lease: None,
        },
        table: None,
        kinds: Vec::new(),
    }
}
