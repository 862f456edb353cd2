//! The whole daemon lives through bad days: the real controller, client and SDK, a small world and a life drawn from
//! a seed, virtual time.
//!
//! Safety is judged at every call (`safety`), by rules that share nothing with the planner. Liveness after life and
//! faults have ended: within [`REST_WITHIN`] whatever is wanted is on air or says what it waits for, and from then on
//! nothing changes any more and only the steady floor of calls remains.
//!
//! ```text
//! cargo test --test it simulation                          the seeds of every test run
//! SLOTWISE_SIM_SEEDS=1000 cargo test --test it simulation  more of them
//! SLOTWISE_SIM_SEED=42 cargo test --test it simulation     one, with its timeline
//! ```

#![expect(
    clippy::disallowed_methods,
    reason = "the number of seeds comes from the environment"
)]

mod life;
mod reading;
mod safety;
mod world;

use std::fmt::Write as _;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::Timestamp;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use slotwise::controller::{Clock, Event, Settings, StepOutcome, Until};
use slotwise::model::{Destination, WantedState};
use slotwise::plan::DestinationPlan;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::stage::{Script, Stage};
use life::{Life, Next};
use safety::Safety;

/// Seeds of every test run.
const SEEDS: u64 = 8;

/// How long after the end of life and faults everything must be at rest: up to four channels that are interrupted
/// one after the other, each with a stop (90 s), an update (1 min) and a start (10 min), after the longest backoff.
const REST_WITHIN: Duration = Duration::from_hours(1);

/// A look that went well, in the timeline: too many to show.
const LISTED: &str = "call ListChannels -> 200";

/// How long rest is watched.
const REST: Duration = Duration::from_hours(1);

#[test]
fn a_daemon_that_lives_through_bad_days_harms_nobody_and_comes_to_rest() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("SLOTWISE_SIM_FIRST").unwrap_or(1);
    let several = first..first + number("SLOTWISE_SIM_SEEDS").unwrap_or(SEEDS);
    let seeds = number("SLOTWISE_SIM_SEED").map_or(several, |seed| seed..seed + 1);
    let alone = seeds.end - seeds.start == 1;
    let mut failed = Vec::new();
    let (mut calls, count) = (0, seeds.end - seeds.start);
    for seed in seeds {
        let run = live_through(seed);
        calls += run.calls;
        if let Some(what) = &run.broken {
            failed.push(seed);
            println!("seed {seed}: {what}\n  replay with SLOTWISE_SIM_SEED={seed}");
        }
        if alone || run.broken.is_some() && failed.len() == 1 {
            println!("{}", run.timeline);
        }
    }
    println!(
        "{count} seeds, {calls} calls, {} failed: {failed:?}",
        failed.len()
    );
    assert!(
        failed.is_empty(),
        "seeds {failed:?} failed; the first one's timeline is above"
    );
}

/// What became of one seed.
struct Run {
    broken: Option<String>,
    calls: usize,
    timeline: String,
}

fn live_through(seed: u64) -> Run {
    // The SDK draws the jitter of its retries from this thread's generator.
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut simulation = Simulation::new(seed);
        let told = simulation.live().await;
        let begun = simulation.begun;
        let mut safety = simulation.safety();
        if let Err(what) = told {
            safety.broken.get_or_insert(what);
        }
        let calls = safety
            .timeline
            .iter()
            .filter(|(_, what)| what.starts_with("call"))
            .count();
        Run {
            broken: safety.broken.take(),
            calls,
            timeline: timeline(begun, &safety, &simulation.events),
        }
    })
}

/// One seed's world, life and judge.
struct Simulation {
    life: Life,
    safety: Arc<Mutex<Safety>>,
    begun: Instant,
    /// What all controllers of this life have told.
    events: Vec<(Instant, Event)>,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (desired, emulator) = world::draw(&mut random);
        let clock = Clock::starting_at("2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap());
        let safety = Arc::new(Mutex::new(Safety::new(desired.clone(), clock.now())));
        let judge = Arc::clone(&safety);
        emulator.on_call(Box::new(move |before, after, call| {
            judge.lock().unwrap().call(before, after, call);
        }));
        let life = Life {
            random,
            script: Script::new(desired),
            emulator,
            clock,
            safety: Arc::clone(&safety),
            serial: 0,
        };
        Self {
            life,
            safety,
            begun: Instant::now(),
            events: Vec::new(),
        }
    }

    fn safety(&self) -> MutexGuard<'_, Safety> {
        self.safety.lock().unwrap()
    }

    /// Lives until the end of life, then rests.
    async fn live(&mut self) -> Result<(), String> {
        let end = Instant::now() + Duration::from_mins(self.life.random.random_range(15..75));
        loop {
            let mut stage = self.stage();
            let crashed = self.one_process(&mut stage, end).await;
            self.events.append(&mut stage.events.lock().unwrap());
            if !crashed? {
                return Ok(());
            }
            drop(stage);
            let gap = self.life.random.random_range(0.0..120.0);
            sleep(Duration::from_secs_f64(gap)).await;
            self.safety().restarted();
        }
    }

    fn stage(&mut self) -> Stage {
        let life = &mut self.life;
        let seed: u64 = life.random.random();
        let settings = Settings {
            // Coarser than by default, which only saves time in tests.
            source_interval: Duration::from_secs(2),
            // Fewer than there are channels, so that steps wait for each other.
            concurrency: if seed.is_multiple_of(2) { 1 } else { 8 },
            ..Settings::new("test".into())
        };
        Stage::assemble(
            life.emulator.clone(),
            life.script.clone(),
            life.clock.clone(),
            seed,
            settings,
        )
    }

    /// One controller from its start to its crash (`true`), or to the end and through the rest after it.
    async fn one_process(&mut self, stage: &mut Stage, end: Instant) -> Result<bool, String> {
        let asked = CancellationToken::new();
        {
            let told = Arc::clone(&stage.events);
            let mut run = pin!(stage.controller.run(Until::Asked, &asked));
            loop {
                let next = Instant::now() + self.life.pause();
                tokio::select! {
                    biased;
                    ended = &mut run => return Err(format!("the daemon ended by itself: {ended:?}")),
                    () = sleep_until(next.min(end)) => {}
                }
                if let Some(what) = self.safety().broken.take() {
                    return Err(what);
                }
                if let Some(what) = defect(&told.lock().unwrap()) {
                    return Err(what);
                }
                if Instant::now() >= end {
                    break;
                }
                if let Next::Crash = self.life.act() {
                    self.safety().note("life: the controller crashes");
                    return Ok(true);
                }
            }
            self.life.end();
            tokio::select! {
                biased;
                ended = &mut run => return Err(format!("the daemon ended by itself: {ended:?}")),
                () = sleep(REST_WITHIN) => asked.cancel(),
            }
            let _drained = run.await;
        }
        self.safety().note("life: rest begins");
        self.check_settled(stage)?;
        self.check_rest(stage).await?;
        Ok(false)
    }

    /// Whatever is wanted is on air, whatever is not is off air, and what is neither says why.
    fn check_settled(&self, stage: &Stage) -> Result<(), String> {
        let plan = stage.controller.plan().ok_or("there is no plan")?;
        let mut declared = None;
        stage.script.look(|desired| declared = Some(desired.clone()));
        let declared = declared.unwrap();
        for planned in &plan.destinations {
            let one = &declared.destinations[&planned.name];
            let name = &planned.name;
            if planned
                .waiting
                .as_ref()
                .is_some_and(slotwise::plan::Waiting::ends_by_itself)
            {
                return Err(format!(
                    "{name} still waits for what should have ended: {:?}",
                    planned.waiting
                ));
            }
            if !self.is_where_it_should_be(one, planned) {
                return Err(format!(
                    "{name} is not where it is wanted and does not say why: {planned:?}"
                ));
            }
        }
        let text = |channel: &slotwise::plan::ChannelPlan| {
            channel
                .steps
                .iter()
                .map(|step| step.action.name())
                .collect::<Vec<_>>()
        };
        match plan.channels.iter().find(|channel| !channel.steps.is_empty()) {
            Some(channel) => Err(format!(
                "channel {} still has steps to take: {:?}",
                channel.id,
                text(channel)
            )),
            None => Ok(()),
        }
    }

    fn is_where_it_should_be(&self, one: &Destination, planned: &DestinationPlan) -> bool {
        let on_air = self.life.emulator.with_world(|world, _| {
            let mut channels = world
                .channels()
                .iter()
                .filter(|(id, _)| id.as_str() != world::STRANGER);
            channels.any(|(_, channel)| reading::is_running(channel) && reading::carries(channel, one))
        });
        let wanted = one.state == WantedState::Streaming;
        planned.waiting.is_some() && (!on_air || !wanted) || on_air == wanted || one.paused.is_some()
    }

    /// Nothing changes any more, and only the list is asked for.
    async fn check_rest(&mut self, stage: &mut Stage) -> Result<(), String> {
        self.life.emulator.clear_calls();
        self.events.append(&mut stage.events.lock().unwrap());
        stage.run_for(REST).await;
        let calls = self.life.emulator.calls();
        if let Some(call) = calls.iter().find(|call| call.operation != "ListChannels") {
            return Err(format!(
                "at rest, {} {:?} is called",
                call.operation, call.channel
            ));
        }
        if calls.len() > 70 {
            return Err(format!("at rest, {} lists in an hour", calls.len()));
        }
        let events = stage.events.lock().unwrap();
        let quiet = |event: &Event| {
            event.is_only_counted() || matches!(event, Event::Converged { .. } | Event::Draining)
        };
        match events.iter().find(|(_, event)| !quiet(event)) {
            Some((_, event)) => Err(format!("at rest, something is told: {event:?}")),
            None => self.check_secrets(),
        }
    }

    /// No key in anything that was told.
    fn check_secrets(&self) -> Result<(), String> {
        let leak = self
            .events
            .iter()
            .find(|(_, event)| format!("{event:?}").contains(world::CANARY));
        leak.map_or(Ok(()), |(at, _)| {
            Err(format!("a key is told after {:?}", *at - self.begun))
        })
    }
}

/// A plan that breaks slotwise's own rules is a defect, whatever else happens.
fn defect(events: &[(Instant, Event)]) -> Option<String> {
    events.iter().find_map(|(_, event)| match event {
        Event::PlanRefused { what } => Some(what.clone()),
        Event::CycleFailed { what, .. } if what.contains("own rules") => Some(what.clone()),
        Event::StepEnded {
            outcome: StepOutcome::Failed { what, .. },
            ..
        } if what.contains("please report") => Some(what.clone()),
        _ => None,
    })
}

/// Calls, deeds, faults and events in the order of time, without keys.
fn timeline(begun: Instant, safety: &Safety, events: &[(Instant, Event)]) -> String {
    let told = events.iter().map(|(at, event)| (*at, brief(event)));
    let mut lines: Vec<(Instant, String)> = safety.timeline.iter().cloned().chain(told).collect();
    lines.sort_by_key(|(at, _)| *at);
    let lines = lines
        .into_iter()
        .filter(|(_, line)| !line.is_empty() && line != LISTED);
    let mut text = String::new();
    for (at, line) in lines {
        let _written = writeln!(text, "{:9.2} {line}", (at - begun).as_secs_f64());
    }
    text
}

/// An event in a line.
fn brief(event: &Event) -> String {
    match event {
        Event::Planned(plan) => {
            let steps = plan
                .steps()
                .map(|(channel, step)| format!("{}:{}", channel.id, step.action.name()));
            format!("  planned {}", steps.collect::<Vec<_>>().join(" "))
        }
        Event::PhaseChanged {
            destination,
            from,
            to,
            message,
            ..
        } => {
            format!("  {destination} {from:?} -> {to:?}: {message}")
        }
        Event::StepBegun { .. } | Event::SourceLoaded { .. } => String::new(),
        Event::StateChanged {
            channel, from, to, ..
        } => format!("  channel {channel} {from:?} -> {to:?}"),
        Event::StepEnded {
            channel,
            action,
            outcome,
            ..
        } => format!("  {action} {channel}: {outcome:?}"),
        other => format!("  {other:?}"),
    }
}
