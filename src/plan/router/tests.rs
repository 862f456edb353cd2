//! Rules of a RouterPool, each in the smallest world that shows it.

mod leaving;
mod moves;
mod source;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::{Timestamp, ToSpan};

use super::*;
use crate::model::{
    Cause, Destination, Disruption, InputState, Interrupt, OutputRecord, Pause, Refused, RouteState,
    RouterInput, RouterOutput, RouterSettings, Secret, StreamKey, TargetDigest, Tier, Trouble, Trust,
    Unreadable, WantedState, samples,
};

const INPUT: &str = "arn:aws:mediaconnect:eu-central-1:111122223333:routerInput:a1b2c3d4e5f6";

fn now() -> Timestamp {
    "2026-11-30T12:00:00Z".parse().unwrap()
}

/// Pool `main`, fed by an active input.
#[derive(Clone)]
struct World {
    pools: Vec<RouterPool>,
    desired: Desired,
    observed: ObservedRouters,
    elsewhere: Elsewhere,
}

fn pool(name: &str) -> RouterPool {
    RouterPool {
        name: name.into(),
        input: INPUT.into(),
        network_interface: "interface".into(),
        source: None,
        settings: settings(),
        keep: None,
        disruption: Disruption {
            interrupt: Interrupt::Never,
            causes: BTreeSet::from([Cause::Retarget]),
            windows: Vec::new(),
            max_concurrent: 1,
        },
        paused: None,
    }
}

fn settings() -> RouterSettings {
    RouterSettings {
        tier: Tier::Output20,
        maximum_bitrate: 8_000_000,
        availability_zone: None,
        maintenance: None,
    }
}

impl World {
    fn new() -> Self {
        let mut observed = ObservedRouters {
            is_complete: true,
            ..ObservedRouters::default()
        };
        observed
            .inputs
            .insert(INPUT.into(), RouterInput::in_state(InputState::Active));
        Self {
            pools: vec![pool("main")],
            desired: Desired::empty("us".into()),
            observed,
            elsewhere: Elsewhere::default(),
        }
    }

    fn pool(&mut self) -> &mut RouterPool {
        &mut self.pools[0]
    }

    fn with(mut self, name: &str, change: impl FnOnce(&mut Destination)) -> Self {
        let mut one = samples::destination(name);
        change(&mut one);
        self.desired.destinations.insert(name.into(), Arc::new(one));
        self
    }

    fn wanted(self, name: &str) -> Self {
        self.with(name, |_| ())
    }

    fn off(self, name: &str) -> Self {
        self.with(name, |one| one.state = WantedState::Ready)
    }

    /// The output `arn`, made for the sample destination `name` of pool `main` and routed.
    fn output(mut self, arn: &str, name: &str, state: OutputState) -> Self {
        let StreamKey::Known(key) = samples::destination(name).key else {
            unreachable!()
        };
        let target = Endpoint::new(samples::destination(name).url, key);
        let digest = TargetDigest::of_output(&"us".into(), &"main".into(), &name.into(), &target);
        let output = RouterOutput {
            name: arn.into(),
            state,
            route: RouteState::Routed,
            input: Some(INPUT.into()),
            owner: Some("us".into()),
            record: Some(OutputRecord {
                pool: "main".into(),
                identity: name.into(),
                digest,
                released: false,
                kept: false,
                off_since: None,
            }),
            interface: Some("interface".into()),
            target: Some(target),
            settings: settings(),
            messages: [].into(),
            maintenance: None,
            trouble: None,
        };
        self.observed.outputs.insert(arn.into(), output);
        self
    }

    fn seen(&mut self, arn: &str) -> &mut RouterOutput {
        self.observed.outputs.get_mut(arn).unwrap()
    }

    fn off_for(mut self, arn: &str, hours: i64) -> Self {
        self.seen(arn).record.as_mut().unwrap().off_since = Some(now() - hours.hours());
        self
    }

    /// The second author has nothing to say against the whole plan.
    fn assert_allowed(&self) {
        let mut desired = self.desired.clone();
        desired.routers = self
            .pools
            .iter()
            .map(|pool| (pool.name.clone(), pool.clone()))
            .collect();
        let observed = Observed {
            routers: self.observed.clone(),
            refused: self.elsewhere.refused.clone(),
            ..Observed::default()
        };
        let plan = crate::plan::plan(&desired, &observed, now());
        let found = crate::plan::check(&plan, &desired, &observed, now());
        assert!(found.is_empty(), "{found:?}\n{:?}", plan.routers);
    }

    fn plans(&self) -> Vec<OutputPlan> {
        let pools: Vec<&RouterPool> = self.pools.iter().collect();
        self.assert_allowed();
        let plans = plan_routers(&pools, &self.desired, &self.observed, &self.elsewhere, now());
        plans.into_iter().flat_map(|plan| plan.outputs).collect()
    }

    /// Steps of each output that has any: `youtube: create, route, start`.
    fn steps(&self) -> Vec<String> {
        let plans = self.plans();
        let acting = plans.iter().filter(|plan| !plan.steps.is_empty());
        acting
            .map(|plan| {
                let steps: Vec<&str> = plan.steps.iter().map(|step| step.action.name()).collect();
                format!("{}: {}", at(plan), steps.join(", "))
            })
            .collect()
    }

    fn waiting(&self, of: &str) -> Option<OutputWaiting> {
        let plans = self.plans();
        plans.into_iter().find(|plan| at(plan) == of)?.waiting
    }
}

fn at(plan: &OutputPlan) -> String {
    match (&plan.arn, &plan.carries) {
        (Some(arn), _) => arn.to_string(),
        (None, OutputContent::Destination(name)) => name.to_string(),
        (None, other) => format!("{other:?}"),
    }
}

fn new_key(one: &mut Destination) {
    one.key = StreamKey::Known(Secret::new("another-key"));
}

fn unknown_key(one: &mut Destination) {
    one.key = StreamKey::Unavailable {
        reference: "env KEY".to_owned(),
        why: "no such variable".to_owned(),
    };
}

#[test]
fn each_wanted_destination_gets_an_output_of_its_own() {
    let world = World::new().wanted("a").wanted("b").off("c");
    assert_eq!(
        world.steps(),
        ["a: create, route, start", "b: create, route, start"]
    );
}

#[test]
fn a_switch_touches_no_other_output() {
    use OutputState::{Active, Standby};
    let world = World::new()
        .output("arn-a", "a", Active)
        .output("arn-b", "b", Active)
        .output("arn-c", "c", Standby);
    let world = world.wanted("a").off("b").wanted("c");
    assert_eq!(world.steps(), ["arn-b: stop", "arn-c: start"]);
}

#[test]
fn nothing_is_done_while_mediaconnect_works_on_an_output() {
    for state in OutputState::ALL.into_iter().filter(|state| !state.is_settled()) {
        for world in [World::new().wanted("a"), World::new().off("a")] {
            let world = world.output("arn-a", "a", state);
            assert_eq!(world.steps(), [""; 0], "{state}");
            assert_eq!(
                world.waiting("arn-a"),
                Some(OutputWaiting::OutputInTransition { state })
            );
        }
    }
}

#[test]
fn a_new_key_interrupts_its_own_destination_only_by_a_grant() {
    let world = World::new().output("arn-a", "a", OutputState::Active);
    let mut world = world.with("a", new_key);
    assert_eq!(world.steps(), [""; 0]);
    assert_eq!(
        world.waiting("arn-a"),
        Some(OutputWaiting::InterruptionForbidden {
            pool: "main".into(),
            cause: None
        })
    );
    assert_eq!(world.plans()[0].carries, OutputContent::Previous("a".into()));
    world.pool().disruption.interrupt = Interrupt::Anytime;
    assert_eq!(world.steps(), ["arn-a: stop, update, start"]);
    world = world.with("a", |one| {
        new_key(one);
        one.interruptible = false;
    });
    assert_eq!(world.steps(), [""; 0]);
    world.desired.grants.insert("a".into());
    assert_eq!(world.steps(), [""; 0], "whatever is granted");
}

#[test]
fn a_new_key_needs_no_grant_where_nothing_is_on_air() {
    let base = || World::new().with("a", new_key);
    let stopped = base().output("arn-a", "a", OutputState::Standby);
    assert_eq!(stopped.steps(), ["arn-a: update, start"]);
    let failed = base().output("arn-a", "a", OutputState::Error);
    assert_eq!(failed.steps(), ["arn-a: stop, update, start"]);
    let mut without_programme = base().output("arn-a", "a", OutputState::Active);
    without_programme.observed.inputs.get_mut(INPUT).unwrap().state = InputState::Other;
    assert_eq!(without_programme.steps(), ["arn-a: stop, update, start"]);
}

/// An edit in a hurry: the pool names another input, which is stopped, or does not exist.
#[test]
fn nothing_on_air_is_routed_to_an_input_that_brings_nothing() {
    for state in [Some(InputState::Standby), None] {
        let mut world = World::new().output("arn-a", "a", OutputState::Active).wanted("a");
        world.pool().disruption.interrupt = Interrupt::Anytime;
        world.pool().input = "arn-of-another".into();
        let other = state.map(|state| ("arn-of-another".into(), RouterInput::in_state(state)));
        world.observed.inputs.extend(other);
        assert_eq!(world.steps(), [""; 0], "{state:?}");
        let waiting = world.waiting("arn-a").map(|waiting| waiting.code());
        assert_eq!(waiting, Some("SourceNotReady"), "{state:?}");
        let ready = RouterInput::in_state(InputState::Active);
        world.observed.inputs.insert("arn-of-another".into(), ready);
        assert_eq!(world.steps(), ["arn-a: route"]);
    }
}

/// The tag is written before the update, which failed: a denied call, a lost reply, a crash.
#[test]
fn a_stopped_output_that_is_tagged_for_its_next_target_is_still_its_destinations() {
    let mut world = World::new()
        .output("arn-a", "a", OutputState::Standby)
        .with("a", new_key);
    let target = world.desired.destinations["a"].endpoint().unwrap();
    let digest = TargetDigest::of_output(&"us".into(), &"main".into(), &"a".into(), &target);
    world.seen("arn-a").record.as_mut().unwrap().digest = digest;
    assert_eq!(
        world.steps(),
        ["arn-a: record, update, start"],
        "no second one is made"
    );
    world.seen("arn-a").state = OutputState::Active;
    let plans = world.plans();
    let carries = plans.iter().find(|one| one.arn.is_some()).map(|one| &one.carries);
    assert_eq!(
        carries,
        Some(&OutputContent::Undeclared),
        "on air it proves nothing"
    );
    world.seen("arn-a").state = OutputState::Standby;
    let other = world
        .clone()
        .with("a", |one| one.url = "rtmp://elsewhere.example/live".into());
    assert_eq!(
        other.steps(),
        ["a: create, route, start"],
        "nor for another target"
    );
}

#[test]
fn another_spelling_of_a_preset_is_written_before_the_next_start() {
    let respelled = |one: &mut Destination| {
        one.is_preset = true;
        one.url = "rtmps://a.example:443/live".into();
    };
    let on_air = World::new()
        .output("arn-a", "a", OutputState::Active)
        .with("a", respelled);
    assert_eq!((on_air.steps(), on_air.waiting("arn-a")), (vec![], None));
    let off = World::new()
        .output("arn-a", "a", OutputState::Standby)
        .with("a", respelled);
    assert_eq!(off.steps(), ["arn-a: update, start"]);
}

#[test]
fn an_unreadable_key_starts_nothing_and_stops_nothing() {
    for (state, steps) in [
        (OutputState::Active, 0),
        (OutputState::Standby, 0),
        (OutputState::Error, 1),
    ] {
        let world = World::new().output("arn-a", "a", state).with("a", unknown_key);
        assert_eq!(
            world.steps().len(),
            steps,
            "{state}: an error is recovered as it was"
        );
    }
    let mut world = World::new()
        .output("arn-a", "a", OutputState::Standby)
        .with("a", unknown_key);
    world.observed.returning.insert("a".into());
    assert_eq!(world.steps(), ["arn-a: start"], "what was interrupted comes back");
}

#[test]
fn an_error_is_restarted_after_a_growing_delay() {
    let mut world = World::new().output("arn-a", "a", OutputState::Error).wanted("a");
    assert_eq!(world.steps(), ["arn-a: restart"]);
    world.seen("arn-a").trouble = Some(Trouble {
        failures: 1,
        attempts: 1,
        retry_at: now() + 5.seconds(),
        what: "it failed again".to_owned(),
    });
    assert_eq!(world.steps(), [""; 0]);
    assert!(matches!(
        world.waiting("arn-a"),
        Some(OutputWaiting::BackingOff { .. })
    ));
}

#[test]
fn an_input_taken_by_hand_is_left_and_no_input_is_taken_again() {
    let mut world = World::new().output("arn-a", "a", OutputState::Active).wanted("a");
    world.seen("arn-a").input = Some("slate".into());
    assert_eq!(world.steps(), [""; 0]);
    assert_eq!(
        world.waiting("arn-a"),
        Some(OutputWaiting::OtherInput {
            input: "slate".into(),
            pool: "main".into()
        })
    );
    world.desired.grants.insert("a".into());
    assert_eq!(world.steps(), ["arn-a: route"]);
    world.desired.grants.clear();
    world.seen("arn-a").state = OutputState::Standby;
    assert_eq!(world.steps(), ["arn-a: route, start"], "until its next start");
    let mut unrouted = World::new().output("arn-a", "a", OutputState::Active).wanted("a");
    unrouted.seen("arn-a").route = RouteState::Unrouted;
    unrouted.seen("arn-a").input = None;
    assert_eq!(unrouted.steps(), ["arn-a: route"]);
}

#[test]
fn an_output_that_is_off_gives_way_the_longest_off_first() {
    use OutputState::{Active, Standby};
    let mut world = World::new()
        .output("arn-a", "a", Active)
        .output("arn-b", "b", Standby)
        .output("arn-c", "c", Standby)
        .off_for("arn-b", 1)
        .off_for("arn-c", 2)
        .wanted("a")
        .off("b")
        .off("c")
        .wanted("d");
    world.observed.quota.per_input = 3;
    assert_eq!(world.steps(), ["arn-c: delete"]);
    assert_eq!(world.waiting("d"), Some(OutputWaiting::RoomIsMade));
    let deleted = world
        .plans()
        .into_iter()
        .find(|plan| at(plan) == "arn-c")
        .unwrap();
    assert_eq!(deleted.steps[0].reason, OutputReason::PlaceNeeded("d".into()));
    world.seen("arn-c").state = OutputState::Deleting;
    assert_eq!(world.steps(), [""; 0], "one place is needed, and one is made");
    assert_eq!(world.waiting("d"), Some(OutputWaiting::RoomIsMade));
    for kept in ["wanted", "paused"] {
        let mut world = World::new()
            .output("arn-a", "a", Active)
            .output("arn-c", "c", Standby);
        world = world.wanted("a").wanted("d").with("c", |one| {
            if kept == "paused" {
                one.paused = Some(Pause {
                    until: None,
                    by: None,
                    why: None,
                });
            }
        });
        world.observed.quota.per_region = 2;
        assert_eq!(
            world.waiting("d"),
            Some(OutputWaiting::QuotaReached {
                limit: RouterLimit::PerRegion,
                at: 2,
                pool: "main".into()
            }),
            "{kept}"
        );
        assert!(
            !world.steps().iter().any(|step| step.contains("delete")),
            "{kept}"
        );
    }
}

#[test]
fn scarce_places_go_by_priority_and_nothing_on_air_makes_room() {
    let mut world = World::new()
        .output("arn-a", "a", OutputState::Active)
        .wanted("a")
        .wanted("b")
        .with("c", |one| one.priority = 9)
        .with("d", |one| {
            one.priority = 99;
            unknown_key(one);
        });
    world.observed.quota.per_input = 2;
    assert_eq!(world.steps(), ["c: create, route, start"], "d could not begin");
    world.observed.quota.per_input = 1;
    assert_eq!(world.steps(), [""; 0]);
    let full = OutputWaiting::QuotaReached {
        limit: RouterLimit::PerInput,
        at: 1,
        pool: "main".into(),
    };
    assert_eq!(world.waiting("c"), Some(full));
}

#[test]
fn outputs_of_others_are_never_touched_and_count() {
    let mut world = World::new()
        .output("theirs", "a", OutputState::Active)
        .wanted("a");
    world.seen("theirs").owner = None;
    assert_eq!(world.steps(), [""; 0]);
    let on_air = OutputWaiting::SameTarget {
        at: OnAirAt::Output("theirs".into()),
    };
    assert_eq!(world.waiting("a"), Some(on_air));
    world.seen("theirs").state = OutputState::Standby;
    assert_eq!(world.steps(), ["a: create, route, start"]);
    world.observed.quota.per_region = 1;
    assert_eq!(world.steps(), [""; 0], "it is no room of ours");
}

#[test]
fn a_stream_that_a_channel_pushes_is_not_started_a_second_time() {
    let mut world = World::new().wanted("a");
    let one = samples::destination("a");
    world
        .elsewhere
        .endpoints
        .push(Endpoint::new("rtmps://a.example/live/", Secret::new("key-of-a")));
    assert_eq!(
        world.waiting("a"),
        Some(OutputWaiting::SameTarget { at: OnAirAt::Channel }),
        "{}",
        one.name
    );
    assert_eq!(world.steps(), [""; 0]);
}

#[test]
fn nothing_is_created_from_a_part_of_the_list() {
    let mut world = World::new().wanted("a");
    world.observed.is_complete = false;
    assert_eq!(world.waiting("a"), Some(OutputWaiting::ListIncomplete));
    assert_eq!(world.steps(), [""; 0]);
}

#[test]
fn of_two_outputs_of_a_destination_the_one_on_air_stays() {
    use OutputState::{Active, Standby};
    let both = World::new()
        .output("arn-1", "a", Standby)
        .output("arn-2", "a", Active)
        .wanted("a");
    assert_eq!(both.steps(), ["arn-1: delete"]);
    let mut twice = World::new()
        .output("arn-1", "a", Active)
        .output("arn-2", "a", Active)
        .wanted("a");
    assert_eq!(twice.steps(), ["arn-2: stop"]);
    twice.observed.inputs.get_mut(INPUT).unwrap().state = InputState::Other;
    assert_eq!(twice.steps(), [""; 0], "until the first one is seen on air");
}

#[test]
fn a_vanished_destination_stays_on_air_until_it_is_released() {
    let mut world = World::new().output("arn-a", "a", OutputState::Active);
    assert_eq!(world.waiting("arn-a"), Some(OutputWaiting::SourceUntrusted));
    world.elsewhere.released.insert("a".into());
    assert_eq!(world.steps(), ["arn-a: release, stop"]);
    world.desired.trust = Trust::Doubted {
        why: "a file is gone".to_owned(),
    };
    assert_eq!(world.steps(), [""; 0]);
    world.seen("arn-a").record.as_mut().unwrap().released = true;
    assert_eq!(world.steps(), ["arn-a: stop"], "it was released before");
}

#[test]
fn an_output_pointed_elsewhere_by_hand_is_left_alone() {
    let mut world = World::new().output("arn-a", "a", OutputState::Active).off("a");
    world.seen("arn-a").target = Some(Endpoint::new("rtmp://other.example/live", Secret::new("k")));
    assert_eq!(world.steps(), [""; 0]);
    assert_eq!(world.waiting("arn-a"), Some(OutputWaiting::Undeclared));
}

#[test]
fn an_output_is_kept_as_long_as_the_pool_says() {
    let mut world = World::new().output("arn-a", "a", OutputState::Standby).off("a");
    world = world.off_for("arn-a", 24);
    assert_eq!(world.steps(), [""; 0], "for ever by default");
    world.pool().keep = Some(Duration::from_hours(24));
    assert_eq!(world.steps(), ["arn-a: delete"]);
    world = world.off_for("arn-a", 23);
    assert_eq!(world.steps(), [""; 0]);
}

#[test]
fn hands_are_off_what_is_paused() {
    let pause = || {
        Some(Pause {
            until: None,
            by: None,
            why: None,
        })
    };
    for state in [OutputState::Active, OutputState::Standby, OutputState::Error] {
        let one = World::new()
            .output("arn-a", "a", state)
            .with("a", |one| one.paused = pause());
        assert_eq!(
            (one.steps(), one.waiting("arn-a")),
            (
                vec![],
                Some(OutputWaiting::Paused {
                    pool: None,
                    pause: pause().unwrap()
                })
            )
        );
        let mut all = World::new()
            .output("arn-a", "a", state)
            .off("a")
            .output("gone", "z", state);
        all.elsewhere.released.insert("z".into());
        all.pool().paused = pause();
        assert_eq!(all.steps(), [""; 0]);
    }
}

#[test]
fn a_start_waits_for_the_programme() {
    let mut world = World::new()
        .wanted("a")
        .output("arn-b", "b", OutputState::Active)
        .wanted("b");
    world.observed.inputs.get_mut(INPUT).unwrap().state = InputState::Starting;
    assert_eq!(world.steps(), ["a: create, route"], "and nothing stops for it");
    let failed = world.clone().output("arn-b", "b", OutputState::Error);
    assert_eq!(failed.steps(), ["a: create, route"], "nor is restarted");
    let not_ready = OutputWaiting::SourceNotReady {
        pool: "main".into(),
        feed: Feed::Input(INPUT.into()),
        state: Some("STARTING"),
        why: NotReady::LeftAlone,
    };
    assert_eq!(world.waiting("a"), Some(not_ready));
    world.observed.inputs.clear();
    let (pool, input) = ("main".into(), INPUT.into());
    assert_eq!(
        world.waiting("a"),
        Some(OutputWaiting::InputMissing { pool, input })
    );
}

#[test]
fn a_target_that_is_refused_costs_nobody_the_air() {
    let refused = |mut world: World, may_try| {
        let refusal = Refused {
            what: "no".to_owned(),
            may_try,
            denied: false,
        };
        world.elsewhere.refused.insert("a".into(), refusal);
        world
    };
    let new = || World::new().wanted("a");
    assert_eq!(refused(new(), true).steps(), ["a: create, route, start"]);
    assert_eq!(refused(new(), false).steps(), [""; 0]);
    let mut on_air = World::new()
        .output("arn-a", "a", OutputState::Active)
        .with("a", new_key);
    on_air.pool().disruption.interrupt = Interrupt::Anytime;
    for may_try in [true, false] {
        assert_eq!(refused(on_air.clone(), may_try).steps(), [""; 0]);
    }
    // It was stopped for the change that was refused.
    let mut stopped = World::new()
        .output("arn-a", "a", OutputState::Standby)
        .with("a", new_key);
    stopped.observed.returning.insert("a".into());
    assert_eq!(refused(stopped.clone(), false).steps(), ["arn-a: start"]);
    // Unless what it pushed before is another one's by now.
    let first = samples::destination("a");
    let stopped = stopped
        .output("arn-b", "b", OutputState::Standby)
        .with("b", |one| (one.url, one.key) = (first.url, first.key));
    let stopped = refused(stopped, false);
    assert_eq!(stopped.steps(), ["arn-b: update, start"]);
    assert!(matches!(
        stopped.waiting("arn-a"),
        Some(OutputWaiting::SameTarget { .. })
    ));
}

#[test]
fn of_two_of_one_stream_one_goes_on_air() {
    let same = |one: &mut Destination| {
        let first = samples::destination("a");
        (one.url, one.key) = (first.url, first.key);
    };
    let world = World::new().wanted("a").with("b", same);
    assert_eq!(world.steps(), ["a: create, route, start"]);
    assert_eq!(
        world.waiting("b"),
        Some(OutputWaiting::SameTarget {
            at: OnAirAt::Destination("a".into())
        })
    );
    // The one that has an output already comes first.
    let held = World::new()
        .with("0", same)
        .output("arn-a", "a", OutputState::Standby)
        .wanted("a");
    assert_eq!(held.steps(), ["arn-a: start"]);
}

#[test]
fn a_copy_that_is_off_takes_no_output_from_the_one_on_air() {
    let copy_of_b = |one: &mut Destination| {
        let second = samples::destination("b");
        (one.url, one.key) = (second.url, second.key);
        one.state = WantedState::Ready;
    };
    let world = World::new().output("arn-b", "b", OutputState::Active);
    let declared = world.clone().with("a", copy_of_b).wanted("b");
    assert_eq!(declared.steps(), [""; 0]);
    assert_eq!(
        declared.plans()[0].carries,
        OutputContent::Destination("b".into())
    );
    // Its file is lost, with others.
    let mut lost = world.with("a", copy_of_b);
    lost.desired.trust = Trust::Doubted {
        why: "a file is lost".to_owned(),
    };
    assert_eq!(lost.steps(), [""; 0]);
}

#[test]
fn what_is_switched_off_is_called_by_its_name_though_a_copy_of_it_waits() {
    let copy_of_a = |one: &mut Destination| {
        let first = samples::destination("a");
        (one.url, one.key) = (first.url, first.key);
    };
    let world = World::new().output("arn-a", "a", OutputState::Active);
    let world = world.off("a").with("b", copy_of_a);
    assert_eq!(world.steps(), ["arn-a: stop"]);
    let a = world.plans().remove(0);
    assert_eq!(a.carries, OutputContent::Destination("a".into()));
    // With a new key it has its previous target.
    let world = world.with("a", |one| {
        new_key(one);
        one.state = WantedState::Ready;
    });
    let a = world.plans().remove(0);
    assert_eq!(a.carries, OutputContent::Previous("a".into()));
}

#[test]
fn while_outputs_cannot_be_looked_at_nothing_is_done_and_nothing_goes_off_air() {
    let mut world = World::new()
        .output("arn-a", "a", OutputState::Active)
        .off("a")
        .output("arn-b", "b", OutputState::Active)
        .wanted("b")
        .wanted("c");
    assert_eq!(world.steps().len(), 2);
    let unreadable = Some(Unreadable {
        why: "no answer".to_owned(),
        denied: None,
    });
    world.observed.unreadable.clone_from(&unreadable);
    assert_eq!(world.steps(), [""; 0]);
    assert!(world.plans().iter().any(|plan| plan.on_air));

    // One that is off and has no output had none when they were looked at. Before the first look that is not known.
    let mut off = World::new().off("a");
    off.observed.unreadable = unreadable;
    assert_eq!(off.plans(), []);
    off.observed.is_complete = false;
    let plans = off.plans();
    let waiting = plans[0].waiting.as_ref().map(OutputWaiting::code);
    assert_eq!((waiting, plans[0].steps.len()), (Some("OutputsUnreadable"), 0));
}

#[test]
fn hands_are_off_every_output_of_a_paused_destination() {
    let pause = |one: &mut Destination| {
        one.paused = Some(Pause {
            until: None,
            by: None,
            why: None,
        });
    };
    let states = [OutputState::Active, OutputState::Standby];
    for second in states {
        let world = World::new()
            .output("arn-1", "a", OutputState::Active)
            .output("arn-2", "a", second)
            .with("a", pause);
        assert_eq!(world.steps(), [""; 0], "{second}");
    }
}

#[test]
fn of_two_previous_streams_none_is_stopped() {
    let mut world = World::new()
        .output("arn-1", "a", OutputState::Active)
        .output("arn-2", "a", OutputState::Active)
        .with("a", new_key);
    let other = Endpoint::new(samples::destination("a").url, Secret::new("older"));
    let digest = TargetDigest::of_output(&"us".into(), &"main".into(), &"a".into(), &other);
    world.seen("arn-2").target = Some(other);
    world.seen("arn-2").record.as_mut().unwrap().digest = digest;
    assert_eq!(world.steps(), [""; 0]);
}

#[test]
fn what_is_on_air_on_a_channel_meanwhile_is_not_put_on_air_again() {
    let pushed_on_a_channel = |mut world: World| {
        let target = world.seen("arn-a").target.clone();
        world.elsewhere.endpoints.extend(target);
        world
    };
    let mut unrouted = World::new().output("arn-a", "a", OutputState::Active).wanted("a");
    unrouted.seen("arn-a").route = RouteState::Unrouted;
    assert_eq!(unrouted.steps(), ["arn-a: route"]);
    assert_eq!(pushed_on_a_channel(unrouted).steps(), [""; 0]);
    let failed = World::new()
        .output("arn-a", "a", OutputState::Error)
        .with("a", unknown_key);
    assert_eq!(failed.steps(), ["arn-a: restart"]);
    assert_eq!(pushed_on_a_channel(failed).steps(), [""; 0]);
    let mut stopped = World::new()
        .output("arn-a", "a", OutputState::Standby)
        .with("a", unknown_key);
    stopped.observed.returning.insert("a".into());
    assert_eq!(stopped.steps(), ["arn-a: start"]);
    assert_eq!(pushed_on_a_channel(stopped).steps(), [""; 0]);
}
