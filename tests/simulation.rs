//! The whole daemon in weeks of faults: real processes (controller, planner, executor, client, SDK, files), an emulator
//! behind the in-memory connector, virtual time, one seed.
//!
//! ```text
//!   seed ─► world     pools, policies, channels, destinations
//!        ─► life      actions: users, AWS, machines ──► files, emulator, clock, processes
//!           processes one process, or several with a lease: started, frozen, killed at a boundary of a call (tap)
//!           table     in a third of the worlds: destinations in DynamoDB, with mishaps of its own
//!           judge     at every call: nothing that must never happen, by rules that share nothing with the planner
//!           priorities  every plan: no destination waits while a less important one is about to take its place
//!           outputs   everything that is shown: no stream key
//!           rest      after the end: everything where it is wanted or with a true reason, and no call too many
//!           shrink    a failure ──► the fewest actions that still fail
//! ```
//!
//! ```text
//! cargo test --test it simulation                        the seeds of every test run
//! cargo run --example soak -- --seeds 10000              many more
//! cargo run --example soak -- --seed 42                  one, with its timeline
//! ```

#[path = "simulation/boundaries.rs"]
pub(crate) mod boundaries;
#[path = "simulation/contact.rs"]
mod contact;
#[path = "simulation/files.rs"]
mod files;
#[path = "simulation/ground.rs"]
mod ground;
#[path = "simulation/hand.rs"]
mod hand;
#[path = "simulation/hindsight.rs"]
mod hindsight;
#[path = "simulation/items.rs"]
mod items;
#[path = "simulation/judge.rs"]
mod judge;
#[path = "simulation/leases.rs"]
mod leases;
#[path = "simulation/life.rs"]
mod life;
#[path = "simulation/mishaps.rs"]
mod mishaps;
#[path = "simulation/oracle.rs"]
mod oracle;
#[path = "simulation/outputs.rs"]
mod outputs;
#[path = "simulation/priorities.rs"]
mod priorities;
#[path = "simulation/process.rs"]
mod process;
#[path = "simulation/processes.rs"]
mod processes;
#[path = "simulation/quality.rs"]
pub(crate) mod quality;
#[path = "simulation/reading.rs"]
mod reading;
#[path = "simulation/rest.rs"]
mod rest;
#[path = "simulation/shrink.rs"]
pub(crate) mod shrink;
#[path = "simulation/starts.rs"]
mod starts;
#[path = "simulation/states.rs"]
mod states;
#[path = "simulation/stops.rs"]
mod stops;
#[path = "simulation/table.rs"]
mod table;
#[path = "simulation/tap.rs"]
mod tap;
#[path = "simulation/tenures.rs"]
mod tenures;
#[path = "simulation/timeline.rs"]
mod timeline;
#[path = "simulation/verdict.rs"]
mod verdict;
#[path = "simulation/views.rs"]
mod views;
#[path = "simulation/windows.rs"]
mod windows;
#[path = "simulation/wire.rs"]
mod wire;
#[path = "simulation/world.rs"]
mod world;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::Timestamp;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use slotwise::testing::controller::Clock;
use slotwise::testing::emulator::Emulator;
use slotwise::testing::model::Desired;
use tokio::time::Instant;

use judge::Judge;
use leases::SharedRow;
use life::Life;
use outputs::Log;
use process::SetUp;
use processes::{Outside, Processes};
use table::Table;
pub(crate) use verdict::{Broken, Tally};

/// How long a life lasts.
pub(crate) const WEEK: Duration = Duration::from_hours(7 * 24);

/// Which life.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) seed: u64,
    /// How long it lasts.
    pub(crate) lasts: Duration,
    /// The only actions that happen in it, by their numbers; `None` for all of them.
    pub(crate) only: Option<BTreeSet<usize>>,
}

/// What became of a life.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) broken: Option<Broken>,
    /// Deeds that happened, by their numbers.
    pub(crate) actions: Vec<usize>,
    pub(crate) tally: Tally,
    /// What happened, without keys: the end of it.
    pub(crate) timeline: String,
}

/// Runs a life.
pub(crate) fn live(wish: &Wish) -> Report {
    in_virtual_time(wish.seed, async |log| {
        let mut simulation = Simulation::new(Cast::draw(wish.seed), log);
        simulation.live(wish).await;
        simulation.report()
    })
}

/// Lets `life` happen on this thread, as fast as it goes, with a log that it can search.
fn in_virtual_time<T>(seed: u64, life: impl AsyncFnOnce(Log) -> T) -> T {
    // The SDK draws the jitter of its retries from this thread's generator.
    fastrand::seed(seed);
    let log = Log::default();
    let _listening = log.listen();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(life(log))
}

/// The participants of a life.
struct Cast {
    seed: u64,
    desired: Desired,
    emulator: Emulator,
    processes: usize,
    set_up: SetUp,
    /// Where some or all of the destinations live, if not in files.
    table: Option<table::Plan>,
    /// What of the world is not in every one.
    kinds: Vec<&'static str>,
}

impl Cast {
    fn draw(seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (mut desired, emulator) = world::draw(&mut random);
        let mut kinds = contact::furnish(seed, &desired, &emulator);
        let (processes, set_up) = draw_set_up(&mut random);
        let table = table::Plan::draw(seed, &desired);
        if let Some(plan) = &table {
            plan.identify(&mut desired);
            let of = ["a table", "a table of two tenants"];
            kinds.push(of[usize::from(plan.two_tenants)]);
        }
        Self {
            seed,
            desired,
            emulator,
            processes,
            set_up,
            table,
            kinds,
        }
    }
}

/// A life, its judge, and how far it is.
struct Simulation {
    life: Life,
    processes: Processes,
    judge: Arc<Mutex<Judge>>,
    log: Log,
    begun: Instant,
    happened: Vec<usize>,
}

impl Simulation {
    fn new(cast: Cast, log: Log) -> Self {
        let row = SharedRow::default();
        let clock = Clock::starting_at("2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap());
        let judged_row = cast.set_up.lease.map(|_| Arc::clone(&row));
        let (desired, source_interval) = (cast.desired, cast.set_up.source_interval);
        let table = cast.table.map(Table::new);
        let mut judge = Judge::new(
            desired.clone(),
            clock.now(),
            cast.processes,
            source_interval,
            judged_row,
        );
        judge.table.clone_from(&table);
        let allowed = cast
            .emulator
            .with_world(|world, _| world.settings().switches.tag_keys_allowed.clone());
        judge.may_record = allowed == "*";
        cast.kinds.iter().for_each(|kind| judge.tally.meet(kind));
        let judge = Arc::new(Mutex::new(judge));
        let witness = Arc::clone(&judge);
        cast.emulator.on_call(Box::new(move |before, after, call| {
            witness.lock().unwrap().call(before, after, call);
        }));
        Self {
            life: Life::new(desired, cast.emulator, clock, Arc::clone(&judge), table),
            processes: Processes::new(cast.seed, cast.processes, cast.set_up, row, Arc::clone(&judge)),
            judge,
            log,
            begun: Instant::now(),
            happened: Vec::new(),
        }
    }

    fn judge(&self) -> MutexGuard<'_, Judge> {
        self.judge.lock().unwrap()
    }

    fn is_broken(&self) -> bool {
        self.judge().broken.is_some()
    }

    /// Lives until the end of life or until a rule is broken, then rests.
    async fn live(&mut self, wish: &Wish) {
        for action in life::actions(wish.seed, wish.lasts) {
            if wish
                .only
                .as_ref()
                .is_some_and(|only| !only.contains(&action.number))
            {
                continue;
            }
            self.until(self.begun + action.at).await;
            if self.is_broken() {
                return;
            }
            self.happened.push(action.number);
            if let Some(blow) = self.life.act(action) {
                self.processes.suffer(blow, &self.life.emulator);
            }
        }
        if wish.only.is_none() {
            self.until(self.begun + wish.lasts).await;
        }
        self.end().await;
    }

    /// Life and faults end, and nothing changes any longer.
    async fn end(&mut self) {
        self.life.end();
        self.processes.recover();
        self.until(Instant::now() + rest::WITHIN).await;
        if !self.is_broken() {
            self.rest().await;
        }
        self.processes.dismiss().await;
    }

    /// Lets time pass, and checks what every process reported meanwhile.
    async fn until(&mut self, moment: Instant) {
        let outside = Outside {
            emulator: &self.life.emulator,
            clock: &self.life.clock,
            root: self.life.files.root(),
            table: self.life.table.as_ref(),
            accident: self.life.files.accident(),
        };
        self.processes.until(moment, &outside).await;
        self.processes.examine(&outside).await;
        if self.log.leaks() {
            self.judge()
                .fail("stream key shown", "a stream key is logged".to_owned());
        }
    }

    /// Every destination is where it is wanted, or has a true reason.
    fn check_settled(&self) {
        self.judge().note("life: rest begins");
        let settled = match self.processes.leaders_view() {
            Some(view) => rest::check_settled(&view, &self.life.desired),
            None => Err("no process has a plan".to_owned()),
        };
        if let Err(what) = settled {
            self.judge().fail("not at rest", what);
        }
        let untrue = self.processes.leaders_view().and_then(|view| {
            self.life.emulator.with_world(|world, _| {
                rest::untrue(world, &self.life.desired, self.life.clock.now(), &view.plan)
            })
        });
        if let Some(what) = untrue {
            self.judge().fail("untrue reason", what);
        }
        if let Some(what) = self.untrue_status() {
            self.judge().fail("untrue status", what);
        }
    }

    /// What an item of the table says and is not true.
    fn untrue_status(&self) -> Option<String> {
        let (table, view) = (self.life.table.as_ref()?, self.processes.leaders_view()?);
        self.life.emulator.with_world(|world, _| {
            items::untrue(table, world, &self.life.desired, self.life.clock.now(), &view)
        })
    }

    /// Everything is settled, and stays as it is.
    async fn rest(&mut self) {
        self.check_settled();
        self.life.emulator.clear_calls();
        let table_calls = self.life.table.as_ref().map(Table::calls);
        let lines_before = self.judge().timeline.len();
        self.until(Instant::now() + rest::WATCHED).await;
        let mut calls = self.life.emulator.calls();
        if !self.judge().may_record {
            // What a policy denied is tried again every now and then, in case it was changed.
            calls.retain(|call| !matches!(call.operation.as_str(), "DescribeChannel" | "CreateTags"));
        }
        let is_trying = self
            .processes
            .leaders_view()
            .is_some_and(|view| rest::tries_again(&view.plan));
        if is_trying {
            calls.retain(|call| !rest::is_of_a_try(&call.operation));
        }
        let (processes, interval) = (self.processes.running().count(), self.processes.set_up().interval);
        let quiet = rest::check_calls(&calls, processes, interval).and_then(|()| {
            let (Some(table), Some(before), false) = (&self.life.table, &table_calls, is_trying) else {
                return Ok(());
            };
            rest::check_table_calls(before, &table.calls(), processes, table.plan.poll)
        });
        let mut judge = self.judge();
        let is_denied = !judge.may_record;
        let is_retry = |line: &str| {
            let parts = ["call DescribeChannel", "call CreateTags", ":record", " record "];
            parts.iter().any(|part| line.contains(part))
        };
        let news = judge
            .timeline
            .iter()
            .skip(lines_before)
            .filter(|_| !is_trying)
            .find(|(_, line)| !(line.contains("Converged") || is_denied && is_retry(line)));
        let quiet = quiet.and(news.map_or(Ok(()), |(_, line)| {
            Err(format!("at rest, something is reported: {line}"))
        }));
        if let Err(what) = quiet {
            judge.fail("not at rest", what);
        }
    }

    fn report(self) -> Report {
        let mut judge = self.judge();
        let mut timeline = timeline::text(self.begun, std::mem::take(&mut judge.timeline));
        timeline.push_str(&timeline::picture(&self.life.desired, &self.life.emulator));
        Report {
            broken: judge.broken.take(),
            actions: self.happened.clone(),
            tally: std::mem::take(&mut judge.tally),
            timeline,
        }
    }
}

/// How many processes there are, and how they are set up: slower than by default, as that is only a matter of cost.
fn draw_set_up(random: &mut ChaCha8Rng) -> (usize, SetUp) {
    let mut seconds = |range: std::ops::Range<u64>| Duration::from_secs(random.random_range(range));
    let (interval, transition_interval) = (seconds(300..1_800), seconds(5..15));
    let (source_interval, lease) = (seconds(30..180), seconds(60..180));
    let processes = match random.random_range(0..10) {
        0..6 => 1,
        6..8 => 2,
        _ => 3,
    };
    let set_up = SetUp {
        interval,
        transition_interval,
        source_interval,
        // Fewer than there are channels, so that steps wait for each other.
        concurrency: if random.random_bool(0.5) { 1 } else { 8 },
        lease: (processes > 1).then_some(lease),
    };
    (processes, set_up)
}

#[cfg(test)]
mod tests {
    use super::boundaries::{Fate, live_through};
    use super::quality::calm_week_of;
    use super::*;

    /// Lives of every test run, and how many days each lasts. Many more, and whole weeks: `cargo run --example soak`.
    const LIVES: [(u64, u32); 4] = [(1, 2), (2, 1), (3, 1), (4, 2)];

    fn passes(seed: u64, days: u32) {
        let report = live(&Wish {
            seed,
            lasts: WEEK / 7 * days,
            only: None,
        });
        assert!(!report.actions.is_empty());
        if let Some(Broken { check, what, .. }) = &report.broken {
            panic!(
                "{}seed {seed}: {check}: {what}\nreplay it: cargo run --example soak -- --seed {seed} --days {days}",
                report.timeline
            );
        }
    }

    #[test]
    fn a_daemon_in_bad_weeks_harms_no_destination_and_comes_to_rest() {
        std::thread::scope(|scope| {
            let halves = LIVES.chunks(LIVES.len() / 2);
            let threads: Vec<_> = halves
                .map(|half| scope.spawn(|| half.iter().for_each(|(seed, days)| passes(*seed, *days))))
                .collect();
            for thread in threads {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            }
        });
    }

    /// On files, and with a table.
    #[test]
    fn a_life_is_the_same_each_time() {
        for (seed, in_table) in [(7, false), (10, true)] {
            assert_eq!(Cast::draw(seed).table.is_some(), in_table, "seed {seed}");
            let wish = Wish {
                seed,
                lasts: WEEK / 28,
                only: None,
            };
            let (one, other) = (live(&wish), live(&wish));
            // Temporary directories have other names.
            let comparable = |report: Report| {
                let lines = report
                    .timeline
                    .lines()
                    .filter(|line| !line.contains("/declared/"))
                    .map(str::to_owned);
                lines.collect::<Vec<_>>()
            };
            assert_eq!(one.tally.calls, other.tally.calls);
            assert_eq!(comparable(one), comparable(other));
        }
    }

    #[test]
    fn a_process_may_die_or_be_suspended_at_any_call_boundary() {
        let (report, boundaries) = live_through(None);
        assert!(report.broken.is_none(), "{}", report.timeline);
        assert!(boundaries > 40, "the scenario has calls: {boundaries} boundaries");
        // All of them: cargo run --example soak -- --boundaries
        for boundary in (0..boundaries).step_by(13) {
            let fate = if boundary % 2 == 0 {
                Fate::Dies
            } else {
                Fate::StandsStill
            };
            let report = live_through(Some((boundary, fate))).0;
            assert!(
                report.broken.is_none(),
                "boundary {boundary}, {fate:?}: {}",
                report.timeline
            );
        }
    }

    #[test]
    fn half_a_calm_day_is_measured() {
        let week = calm_week_of(3, WEEK / 14);
        assert!(week.broken.is_none(), "{:?}", week.broken);
        assert!(
            week.waits.iter().all(|(wait, own)| wait >= own && *own > 0.0),
            "{:?}",
            week.waits
        );
        assert!(!week.waits.is_empty());
        assert!(week.interruptions >= week.least);
        assert!(week.calls >= week.calls_floor);
    }
}
