//! Lets slotwise live through many bad weeks, each drawn from a seed: what `tests/simulation.rs` does, as often as you like.
//!
//! ```sh
//! cargo run --release --example soak -- --seeds 10000   # with a progress bar and a summary
//! cargo run --example soak -- --seed 42                 # one life, with its timeline
//! cargo run --example soak -- --routers 20              # hours of RouterPools beside a ChannelPool instead
//! ```
//!
//! A life that fails is shrunk to the fewest actions that still fail, and the command that replays it is printed.

#![expect(
    clippy::unwrap_used,
    reason = "a simulation that cannot continue panics, and says where"
)]

#[path = "../../tests/evening.rs"]
mod evening;
#[path = "../../tests/router_lives.rs"]
mod router_lives;
#[path = "../../tests/simulation.rs"]
mod simulation;
#[expect(
    dead_code,
    reason = "what the lives of RouterPools need of it is the smaller part"
)]
#[path = "../../tests/it/stage.rs"]
mod stage;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anstream::{eprintln, println};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};

use simulation::boundaries::{Fate, live_through};
use simulation::quality::{Quality, calm_week};
use simulation::shrink::{parse_ranges, ranges, shrink};
use simulation::{Broken, Report, Tally, WEEK, Wish, live};

/// Failures that are listed in the summary.
const LISTED_MAX: usize = 20;

/// slotwise lives through bad weeks: one for each seed, in virtual time, with the emulator.
#[derive(Debug, Parser)]
#[command(name = "soak")]
#[expect(clippy::struct_excessive_bools, reason = "flags")]
struct Args {
    /// How many lives, one for each seed
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first seed; another one in each run when it is left out
    #[arg(long)]
    first: Option<u64>,
    /// This one life, with its timeline
    #[arg(long, conflicts_with_all = ["seeds", "first"])]
    seed: Option<u64>,
    /// Only these actions of the life of --seed, such as 1-3,7
    #[arg(long, requires = "seed", value_parser = parse_ranges)]
    actions: Option<BTreeSet<usize>>,
    /// How many days a life lasts
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=366))]
    days: u64,
    /// One short life instead, twice for each boundary that its calls have: the process dies there, or stands still
    #[arg(long, conflicts_with_all = ["seeds", "first", "seed"])]
    boundaries: bool,
    /// So many weeks without faults instead: how good slotwise is, as a table
    #[arg(long, conflicts_with_all = ["seeds", "seed", "boundaries"])]
    quality: Option<u64>,
    /// So many lives of hours with RouterPools and a ChannelPool instead, from the seed --first on
    #[arg(long, conflicts_with_all = ["seeds", "seed", "boundaries", "quality"])]
    routers: Option<u64>,
    /// One evening with 40 switches in several ways instead, as the table of the README
    #[arg(long, conflicts_with_all = ["seeds", "first", "seed", "boundaries", "quality", "routers"])]
    evening: bool,
    /// How many lives at once; as many as there are processors when it is left out
    #[arg(long)]
    jobs: Option<usize>,
    /// Stop at the first life that fails
    #[arg(long)]
    stop: bool,
    /// Do not shrink the first life that fails
    #[arg(long)]
    no_shrink: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let failed = match args.seed {
        _ if args.boundaries => at_each_boundary(&args),
        _ if args.evening => {
            println!("{}", evening::table());
            false
        }
        _ if args.quality.is_some() => quality(&args),
        _ if args.routers.is_some() => routers(&args),
        Some(seed) => one(seed, &args),
        None => many(&args),
    };
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn lasts(args: &Args) -> Duration {
    WEEK / 7 * u32::try_from(args.days).unwrap()
}

/// One life, with all that happened in the end. Whether it failed.
fn one(seed: u64, args: &Args) -> bool {
    let wish = Wish {
        seed,
        lasts: lasts(args),
        only: args.actions.clone(),
    };
    let report = live(&wish);
    println!("{}", report.timeline);
    match &report.broken {
        Some(broken) => println!("seed {seed}: {}", summary(broken)),
        None => println!(
            "seed {seed}: passed, {} actions, {} calls",
            report.actions.len(),
            report.tally.calls
        ),
    }
    report.broken.is_some()
}

/// The short life, with a process that dies or stands still at each boundary of its calls. Whether any failed; with --stop at
/// the first that does.
fn at_each_boundary(args: &Args) -> bool {
    let (report, boundaries) = live_through(None);
    if let Some(broken) = &report.broken {
        println!("{}\nwithout any fate: {}", report.timeline, summary(broken));
        return true;
    }
    let failed = AtomicUsize::new(0);
    let lives = 0..2 * u64::try_from(boundaries).unwrap();
    for_each_seed(lives, jobs(args), |at, bar| {
        let boundary = usize::try_from(at / 2).unwrap();
        let (fate, name) = match at % 2 {
            0 => (Fate::Dies, "dies"),
            _ => (Fate::StandsStill, "stands still"),
        };
        let report = live_through(Some((boundary, fate))).0;
        let Some(broken) = &report.broken else { return true };
        failed.fetch_add(1, Ordering::Relaxed);
        let met = format!("boundary {boundary}, {name}");
        bar.suspend(|| println!("{}\n{met}: {}", report.timeline, summary(broken)));
        !args.stop
    });
    let failed = failed.into_inner();
    println!(
        "{boundaries} boundaries, a process died and one stood still at each of them; {failed} of these lives failed"
    );
    failed > 0
}

fn summary(broken: &Broken) -> String {
    format!("{}: {}", broken.check, broken.what)
}

/// The totals of all lives.
#[derive(Default)]
struct Sum {
    lives: u64,
    actions: usize,
    tally: Tally,
    failures: BTreeMap<u64, Broken>,
    /// The first life that failed.
    first: Option<(Wish, Report)>,
}

impl Sum {
    fn add(&mut self, wish: &Wish, report: Report) {
        self.lives += 1;
        self.actions += report.actions.len();
        self.tally.add(&report.tally);
        if let Some(broken) = &report.broken {
            self.failures.insert(wish.seed, broken.clone());
            if self.first.is_none() {
                self.first = Some((wish.clone(), report));
            }
        }
    }
}

/// Many lives. Whether any failed.
fn many(args: &Args) -> bool {
    let first = args.first.unwrap_or_else(fresh);
    println!(
        "{} lives of {} days, seeds {first} to {}, {} at once",
        args.seeds,
        args.days,
        first + args.seeds.saturating_sub(1),
        jobs(args)
    );
    let begun = tokio::time::Instant::now();
    let sum = Mutex::new(Sum::default());
    for_each_seed(first..first + args.seeds, jobs(args), |seed, bar| {
        let wish = Wish {
            seed,
            lasts: lasts(args),
            only: None,
        };
        let report = live(&wish);
        let failed = report.broken.as_ref().map(summary);
        if let Some(what) = &failed {
            bar.suspend(|| println!("seed {seed}: {what}"));
        }
        sum.lock().unwrap().add(&wish, report);
        !(args.stop && failed.is_some())
    });
    let mut sum = sum.into_inner().unwrap();
    summarize(&sum, begun.elapsed(), lasts(args));
    if let Some((wish, report)) = sum.first.take() {
        explain(wish, report, args);
    }
    !sum.failures.is_empty()
}

fn jobs(args: &Args) -> usize {
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    args.jobs.unwrap_or_else(processors).max(1)
}

/// Lets `live` happen for each of `seeds`, `jobs` at once, until it returns `false`.
fn for_each_seed(seeds: Range<u64>, jobs: usize, live: impl Fn(u64, &ProgressBar) -> bool + Sync) {
    let bar = ProgressBar::new(seeds.end - seeds.start).with_style(style());
    bar.enable_steady_tick(Duration::from_millis(500));
    let (next, stopped) = (AtomicU64::new(seeds.start), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || stopped.load(Ordering::Relaxed) {
                        return;
                    }
                    stopped.fetch_or(!live(seed, &bar), Ordering::Relaxed);
                    bar.inc(1);
                    // Without a terminal for a bar, a line now and then.
                    let (done, all) = (bar.position(), seeds.end - seeds.start);
                    if bar.is_hidden() && done % all.div_ceil(10) == 0 {
                        eprintln!("{done} of {all}");
                    }
                }
            });
        }
    });
    bar.finish_and_clear();
}

/// Weeks without faults, against what is possible. Whether a rule was broken all the same.
fn quality(args: &Args) -> bool {
    let (first, weeks) = (args.first.unwrap_or(1), args.quality.unwrap_or(1));
    let sum = Mutex::new(Quality::default());
    for_each_seed(first..first + weeks, jobs(args), |seed, _| {
        let week = calm_week(seed);
        sum.lock().unwrap().add(week);
        true
    });
    let sum = sum.into_inner().unwrap();
    println!("{}", sum.table());
    if let Some(broken) = &sum.broken {
        println!("{}", summary(broken));
    }
    sum.broken.is_some()
}

/// Hours of RouterPools beside a ChannelPool. Whether any failed.
fn routers(args: &Args) -> bool {
    let (first, lives) = (args.first.unwrap_or_else(fresh), args.routers.unwrap_or(1));
    println!(
        "{lives} lives of RouterPools, seeds {first} to {}",
        first + lives.saturating_sub(1)
    );
    let failed = Mutex::new(BTreeMap::new());
    for_each_seed(first..first + lives, jobs(args), |seed, bar| {
        let Err(what) = router_lives::live(seed) else {
            return true;
        };
        let line = what.lines().next().unwrap_or_default().to_owned();
        bar.suspend(|| println!("seed {seed}: {line}"));
        failed.lock().unwrap().insert(seed, what);
        !args.stop
    });
    let failed = failed.into_inner().unwrap();
    println!("{lives} lives of RouterPools, {} failed", failed.len());
    if let Some((seed, what)) = failed.first_key_value() {
        println!("{what}\nreplay it: cargo run --example soak -- --routers 1 --first {seed}");
    }
    !failed.is_empty()
}

/// A seed that no run before is likely to have begun with.
fn fresh() -> u64 {
    let now = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    now * 100_000
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:40} {pos} of {len} lives, {elapsed}, {eta} left").unwrap()
}

fn summarize(sum: &Sum, took: Duration, lasts: Duration) {
    let lived = lasts.as_secs_f64() * f64::from(u32::try_from(sum.lives).unwrap_or(u32::MAX));
    println!(
        "{} lives, {} failed, in {:.0} s",
        sum.lives,
        sum.failures.len(),
        took.as_secs_f64()
    );
    println!(
        "  {:.1} years lived, {:.0} times faster than time",
        lived / (365.25 * 86_400.0),
        lived / took.as_secs_f64().max(0.001)
    );
    println!(
        "  {} actions, {} calls ({} of them looks), {} granted interruptions",
        sum.actions, sum.tally.calls, sum.tally.looks, sum.tally.interruptions
    );
    for (kind, (times, lives)) in &sum.tally.met {
        println!("  met in {lives:>4} lives, {times:>5} times: {kind}");
    }
    let mut by_check: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (seed, broken) in &sum.failures {
        by_check.entry(broken.check).or_default().push(*seed);
    }
    for (check, seeds) in by_check {
        let shown: Vec<String> = seeds.iter().take(LISTED_MAX).map(u64::to_string).collect();
        println!("  {check}: {} lives, seeds {}", seeds.len(), shown.join(" "));
    }
}

/// The first life that failed, with as few actions as it takes.
fn explain(wish: Wish, report: Report, args: &Args) {
    let (mut wish, mut report) = (wish, report);
    if !args.no_shrink {
        let actions = report.actions.len();
        let shrunk = shrink(&wish, report, |tries, actions| {
            eprintln!(
                "  shrinking the life of seed {}: try {tries}, {actions} actions",
                wish.seed
            );
        });
        println!(
            "  shrunk from {actions} actions to {} in {} tries",
            shrunk.report.actions.len(),
            shrunk.tries
        );
        (wish, report) = (shrunk.wish, shrunk.report);
    }
    println!("\n{}", report.timeline);
    let only = wish
        .only
        .as_ref()
        .map_or_else(String::new, |actions| format!(" --actions {}", ranges(actions)));
    let days = if args.days == 7 {
        String::new()
    } else {
        format!(" --days {}", args.days)
    };
    if let Some(broken) = &report.broken {
        println!("seed {}: {}", wish.seed, summary(broken));
    }
    println!(
        "replay it: cargo run --example soak -- --seed {}{only}{days}",
        wish.seed
    );
}
