//! Rules for the channel in front and the input: each in the smallest world that shows it.

use super::*;
use crate::model::{ChannelState, RouterInput, SourceChannel, SourceObservation};

const CHANNEL: &str = "4000009";

/// Pool `main` with a channel in front, both in these states and both started by us.
fn with_source(channel: ChannelState, input: InputState) -> World {
    let mut world = World::new();
    world.pool().source = Some(CHANNEL.into());
    let seen = SourceChannel {
        name: "programme".into(),
        state: channel,
        owner: Some("us".into()),
        started_by: Some("us".into()),
        beside: Vec::new(),
        trouble: None,
    };
    let seen = SourceObservation::Seen(seen);
    world.observed.sources.insert(CHANNEL.into(), seen);
    let seen = RouterInput {
        is_ours_to_stop: true,
        channel: Some(CHANNEL.into()),
        ..RouterInput::in_state(input)
    };
    world.observed.inputs.insert(INPUT.into(), seen);
    world
}

impl World {
    fn channel(&mut self) -> &mut SourceChannel {
        match self.observed.sources.get_mut(CHANNEL) {
            Some(SourceObservation::Seen(channel)) => channel,
            _ => unreachable!(),
        }
    }

    fn input(&mut self) -> &mut RouterInput {
        self.observed.inputs.get_mut(INPUT).unwrap()
    }

    /// Of channel and input: the next call, or why there is none, or the state.
    fn feeds(&self) -> Vec<String> {
        self.assert_allowed();
        let pools: Vec<&RouterPool> = self.pools.iter().collect();
        let plans = plan_feeds(&pools, &self.desired, &self.observed, &self.elsewhere, now());
        let told = plans.iter().map(|plan| match (&plan.step, &plan.waiting) {
            (Some(step), None) => step.action.name().to_owned(),
            (_, Some(waiting)) => waiting.code().to_owned(),
            (None, None) => plan.course(),
        });
        told.collect()
    }
}

use ChannelState::{Idle, Running, Starting, Stopping};

#[test]
fn the_channel_starts_before_the_input_and_the_input_before_outputs() {
    let told = |channel, input| {
        let world = with_source(channel, input).output("arn-a", "a", OutputState::Standby);
        let world = world.wanted("a");
        (world.feeds().join(" "), world.steps().join(" "))
    };
    let told = |channel, input| {
        let (feeds, steps) = told(channel, input);
        format!("{feeds}; {steps}")
    };
    assert_eq!(told(Idle, InputState::Standby), "start AfterChannel; ");
    assert_eq!(
        told(Starting, InputState::Standby),
        "SourceInTransition AfterChannel; "
    );
    assert_eq!(told(Running, InputState::Standby), "RUNNING, stays start; ");
    assert_eq!(
        told(Running, InputState::Starting),
        "RUNNING, stays SourceInTransition; "
    );
    assert_eq!(
        told(Running, InputState::Active),
        "RUNNING, stays ACTIVE, stays; arn-a: start"
    );
    assert_eq!(
        told(Idle, InputState::Active),
        "start ACTIVE, stays; ",
        "without a programme"
    );
}

#[test]
fn they_stop_after_the_outputs_and_the_channel_last() {
    let told = |output, channel, input| {
        let world = with_source(channel, input).output("arn-a", "a", output);
        world.off("a").feeds().join(" ")
    };
    let in_use = "SourceInUse SourceInUse";
    assert_eq!(told(OutputState::Active, Running, InputState::Active), in_use);
    assert_eq!(told(OutputState::Stopping, Running, InputState::Active), in_use);
    assert_eq!(
        told(OutputState::Standby, Running, InputState::Active),
        "AfterInput stop"
    );
    assert_eq!(
        told(OutputState::Standby, Running, InputState::Stopping),
        "AfterInput SourceInTransition"
    );
    assert_eq!(
        told(OutputState::Standby, Running, InputState::Standby),
        "stop forget"
    );
    assert_eq!(
        told(OutputState::Standby, Stopping, InputState::Standby),
        "SourceInTransition forget"
    );
    assert_eq!(
        told(OutputState::Standby, Idle, InputState::Standby),
        "forget forget"
    );
    assert_eq!(
        told(OutputState::Standby, Running, InputState::Error),
        "AfterInput stop"
    );
}

#[test]
fn what_slotwise_did_not_start_runs_on() {
    let mut world = with_source(Running, InputState::Active).off("a");
    world.channel().started_by = None;
    assert_eq!(world.feeds(), ["NotStartedHere", "stop"]);
    world.input().is_ours_to_stop = false;
    assert_eq!(world.feeds(), ["NotStartedHere", "NotStartedHere"]);
    let mut of_others = with_source(Running, InputState::Standby).off("a");
    of_others.channel().owner = Some("them".into());
    assert_eq!(of_others.feeds()[0], "NotStartedHere");
    let mut by_hand = with_source(Running, InputState::Active).off("a");
    by_hand.input().is_ours_to_stop = false;
    assert_eq!(
        by_hand.feeds(),
        ["stop", "NotStartedHere"],
        "nothing takes the input"
    );
}

#[test]
fn an_output_of_others_holds_both() {
    let mut world = with_source(Running, InputState::Active).output("foreign", "x", OutputState::Active);
    world.seen("foreign").owner = None;
    assert_eq!(world.feeds(), ["SourceInUse", "SourceInUse"]);
    for state in OutputState::ALL {
        world.seen("foreign").state = state;
        let holds = world.feeds() == ["SourceInUse", "SourceInUse"];
        assert_eq!(holds, state != OutputState::Standby, "{state}");
    }
    world.seen("foreign").state = OutputState::Active;
    world.seen("foreign").input = Some("another".into());
    assert_eq!(
        world.feeds(),
        ["SourceInUse", "stop"],
        "what feeds that input is not known"
    );
    let of = |channel: Option<&str>| RouterInput {
        channel: channel.map(Into::into),
        ..RouterInput::in_state(InputState::Active)
    };
    world.observed.inputs.insert("another".into(), of(Some(CHANNEL)));
    assert_eq!(
        world.feeds(),
        ["SourceInUse", "stop"],
        "the channel feeds it as well"
    );
    world.observed.inputs.insert("another".into(), of(None));
    assert_eq!(world.feeds(), ["AfterInput", "stop"]);
    world.observed.outputs.clear();
    world.input().routed_outputs = 1;
    assert_eq!(
        world.feeds(),
        ["SourceInUse", "SourceInUse"],
        "one in another region"
    );
}

#[test]
fn nothing_stops_under_what_is_paused_or_not_known() {
    let idle = || with_source(Running, InputState::Active).output("arn-a", "a", OutputState::Standby);
    let pause = || {
        Some(Pause {
            until: None,
            by: None,
            why: None,
        })
    };
    let paused = idle().with("a", |one| one.paused = pause());
    assert_eq!(paused.feeds(), ["Paused", "Paused"]);
    let mut pool_paused = idle().off("a");
    pool_paused.pool().paused = pause();
    assert_eq!(pool_paused.feeds(), ["Paused", "Paused"]);
    let mut pool_paused = with_source(Idle, InputState::Standby).wanted("a");
    pool_paused.pool().paused = pause();
    assert_eq!(
        pool_paused.feeds(),
        ["IDLE, stays", "STANDBY, stays"],
        "nothing starts either"
    );
    let mut unreadable = idle().off("a");
    unreadable.observed.unreadable = Some(crate::model::Unreadable {
        why: "503".to_owned(),
        denied: None,
    });
    assert_eq!(unreadable.feeds(), ["SourceUnreadable", "SourceUnreadable"]);
    // A channel of ours that somebody stopped meanwhile: its tag stays.
    let seen = unreadable.observed.sources.values_mut().next();
    if let Some(crate::model::SourceObservation::Seen(channel)) = seen {
        channel.state = Idle;
    }
    assert_eq!(unreadable.feeds(), ["IDLE, stays", "SourceUnreadable"]);
    let mut incomplete = idle().off("a");
    incomplete.observed.is_complete = false;
    assert_eq!(incomplete.feeds(), ["SourceUnreadable", "SourceUnreadable"]);
    let mut doubted = idle().off("a");
    doubted.desired.trust = Trust::Doubted {
        why: "it shrank".to_owned(),
    };
    assert_eq!(doubted.feeds(), ["SourceUntrusted", "SourceUntrusted"]);
}

#[test]
fn other_output_groups_keep_the_channel_running() {
    let mut world = with_source(Running, InputState::Standby).off("a");
    world.channel().beside = vec!["archive (Archive)".to_owned()];
    assert_eq!(world.feeds()[0], "OtherGroupsRun");
}

#[test]
fn only_what_can_bring_a_programme_is_started() {
    let cold = || with_source(Idle, InputState::Standby).wanted("a");
    let mut unowned = cold();
    (unowned.channel().owner, unowned.channel().started_by) = (None, None);
    assert_eq!(unowned.feeds()[0], "start", "it is adopted");
    let mut of_others = cold();
    of_others.channel().owner = Some("them".into());
    assert_eq!(of_others.feeds(), ["SourceNotOwned", "AfterChannel"]);
    let mut wrong_input = cold();
    wrong_input.input().channel = Some("4000008".into());
    assert_eq!(wrong_input.feeds(), ["InputTakesOther", "InputTakesOther"]);
    let mut missing = cold();
    missing
        .observed
        .sources
        .insert(CHANNEL.into(), SourceObservation::Missing);
    assert_eq!(missing.feeds(), ["SourceMissing", "AfterChannel"]);
    let mut failed = with_source(Running, InputState::Error).wanted("a");
    assert_eq!(failed.feeds()[1], "SourceFailed");
    failed.channel().state = ChannelState::UpdateFailed;
    assert_eq!(failed.feeds(), ["SourceFailed", "SourceFailed"]);
    let mut backing_off = cold();
    backing_off.channel().trouble = Some(Trouble {
        failures: 1,
        attempts: 1,
        retry_at: now() + 5.seconds(),
        what: "it failed".to_owned(),
    });
    assert_eq!(backing_off.feeds()[0], "BackingOff");
}

#[test]
fn a_pool_without_a_source_keeps_what_it_shares_and_starts_nothing() {
    let share = |mut world: World| {
        let mut other = pool("other");
        other.input = INPUT.into();
        world.pools.push(other);
        world.with("b", |one| one.pool = "other".into())
    };
    let cold = share(with_source(Idle, InputState::Standby));
    assert_eq!(cold.feeds(), ["IDLE, stays", "STANDBY, stays"]);
    let running = share(with_source(Running, InputState::Active)).off("a");
    assert_eq!(running.feeds(), ["RUNNING, stays", "ACTIVE, stays"]);
}

#[test]
fn a_destination_says_what_it_waits_for_and_what_is_done() {
    let said = |world: World| {
        let world = world.wanted("a").output("arn-a", "a", OutputState::Standby);
        let waiting = world.waiting("arn-a").unwrap();
        (waiting.to_string(), waiting.ends_by_itself())
    };
    let (text, ends) = said(with_source(Idle, InputState::Standby));
    assert_eq!(
        text,
        "MediaLive channel 4000009, which feeds pool main, is IDLE; slotwise starts it"
    );
    assert!(ends);
    let (text, ends) = said(with_source(Running, InputState::Error));
    let expected =
        "router input a1b2c3d4e5f6, which feeds pool main, is ERROR; slotwise leaves that state to you";
    assert_eq!(text, expected);
    assert!(!ends);
}

impl World {
    /// What the second author says of the plan once it was changed.
    fn objections(&self, change: impl FnOnce(&mut crate::plan::Plan)) -> usize {
        let mut desired = self.desired.clone();
        let pools = self.pools.iter();
        desired.routers = pools.map(|pool| (pool.name.clone(), pool.clone())).collect();
        let observed = Observed {
            routers: self.observed.clone(),
            ..Observed::default()
        };
        let mut plan = crate::plan::plan(&desired, &observed, now());
        assert!(crate::plan::check(&plan, &desired, &observed, now()).is_empty());
        change(&mut plan);
        crate::plan::check(&plan, &desired, &observed, now()).len()
    }

    /// Whether the second author refuses this step of the channel (0) or the input (1).
    fn refuses(&self, at: usize, action: FeedAction) -> bool {
        let reason = OutputReason::Wanted;
        self.objections(|plan| plan.feeds[at].step = Some(FeedStep { action, reason })) > 0
    }
}

#[test]
fn the_second_author_refuses_what_must_not_be() {
    let start = FeedAction::Start { adopts: false };
    let (stop, forget) = (FeedAction::Stop, FeedAction::Forget);
    let idle = || with_source(Running, InputState::Active).output("arn-a", "a", OutputState::Standby);
    let wanted = with_source(Running, InputState::Active).output("arn-a", "a", OutputState::Active);
    let wanted = wanted.wanted("a");
    assert!(
        wanted.refuses(0, stop) && wanted.refuses(1, stop),
        "under a wanted one"
    );
    let off = idle().off("a");
    assert!(off.refuses(0, stop), "before its input");
    assert!(!off.refuses(1, stop), "what is planned is allowed");
    assert!(off.refuses(1, forget), "while it runs");
    let mut taken = idle().off("a").output("foreign", "x", OutputState::Active);
    taken.seen("foreign").owner = None;
    assert!(
        taken.refuses(0, stop) && taken.refuses(1, stop),
        "under one of others"
    );
    let mut paused = idle().off("a");
    paused.pool().paused = Some(Pause {
        until: None,
        by: None,
        why: None,
    });
    assert!(
        paused.refuses(0, stop) && paused.refuses(1, stop),
        "under what is paused"
    );
    let mut by_hand = with_source(Running, InputState::Standby).off("a");
    by_hand.channel().started_by = None;
    assert!(by_hand.refuses(0, stop), "slotwise did not start it");
    let mut beside = with_source(Running, InputState::Standby).off("a");
    beside.channel().beside = vec!["archive (Archive)".to_owned()];
    assert!(beside.refuses(0, stop), "with other output groups");
    let cold = with_source(Idle, InputState::Standby);
    assert!(cold.refuses(0, start) && cold.refuses(1, start), "for nobody");
    let cold = cold.wanted("a").output("arn-a", "a", OutputState::Standby);
    assert!(cold.refuses(1, start), "before its channel");
    assert!(cold.refuses(0, forget), "while it is wanted");
    let starts = |plan: &mut crate::plan::Plan| {
        let start = OutputStep {
            action: OutputAction::Start,
            reason: OutputReason::Wanted,
        };
        plan.routers[0].outputs[0].steps = vec![start];
    };
    assert!(cold.objections(starts) > 0, "an output before its input");
    assert!(
        cold.objections(|plan| drop(plan.feeds.pop())) > 0,
        "one is left out"
    );
    assert!(
        cold.objections(|plan| plan.feeds[0].state = Some("RUNNING")) > 0,
        "misstated"
    );
    assert!(
        cold.objections(|plan| (plan.feeds[0].step, plan.feeds[0].waiting) = (None, None)) > 0,
        "nothing is said"
    );
}

/// Three ways in which it is not known whether a programme comes in: an id written by mistake, a channel that cannot be read, and an
/// input that was not shown.
#[test]
fn what_cannot_be_seen_to_feed_an_output_is_no_leave_to_stop_it() {
    let base = || {
        let mut world = with_source(Running, InputState::Active).output("arn-a", "a", OutputState::Active);
        world.observed.inputs.get_mut(INPUT).unwrap().channel = Some(CHANNEL.into());
        world
    };
    let mistyped = || {
        let mut world = base();
        world.pool().source = Some("4000008".into());
        let missing = SourceObservation::Missing;
        world.observed.sources = [("4000008".into(), missing)].into();
        world
    };
    let unread = || {
        let mut world = base();
        let why = "AccessDenied".to_owned();
        world.observed.sources = [(CHANNEL.into(), SourceObservation::Unreadable { why })].into();
        world
    };
    let unshown = || {
        let mut world = base();
        world.observed.inputs.clear();
        world
    };
    for world in [mistyped(), unread(), unshown()] {
        assert!(world.plans()[0].on_air, "{:?}", world.plans());
        for interrupt in [Interrupt::Never, Interrupt::Anytime] {
            let mut world = world.clone().with("a", new_key);
            world.pool().disruption.interrupt = interrupt;
            assert_eq!(
                world.steps(),
                [""; 0],
                "{interrupt:?}: it would not come back by itself"
            );
        }
        let standby = world.wanted("b").output("arn-b", "b", OutputState::Standby);
        assert_eq!(
            standby.steps(),
            [""; 0],
            "nothing is started by what is not known"
        );
    }
    let mut gone = base();
    gone.observed.sources = [(CHANNEL.into(), SourceObservation::Missing)].into();
    assert!(!gone.plans()[0].on_air, "its channel is deleted");
}
