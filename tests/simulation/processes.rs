//! The processes of a life: which run, which died and when the next one takes the seat.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use slotwise::testing::controller::{Clock, Event, StepOutcome, View};
use slotwise::testing::emulator::Emulator;
use slotwise::testing::manifest::Rejected;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::boundaries::{Fate, STILL};
use super::files::Accident;
use super::judge::Judge;
use super::leases::SharedRow;
use super::life::ToProcess;
use super::outputs::unlike_its_recording;
use super::priorities::passed_over;
use super::process::{Process, SetUp, Sign, Surroundings};
use super::table::Table;
use super::tap::Boundary;

/// Longest time until a supervisor starts a process again.
const RESTART_MAX: f64 = 120.0;

/// A place for one process after the other.
struct Seat {
    letter: char,
    process: Option<Process>,
    /// When the next one begins, where the seat is empty.
    back_at: Instant,
}

/// All processes that run.
pub(super) struct Processes {
    set_up: SetUp,
    seats: Vec<Seat>,
    random: ChaCha8Rng,
    row: SharedRow,
    deaths: Arc<Notify>,
    judge: Arc<Mutex<Judge>>,
    started: usize,
    /// What is in store for the very first process.
    failure: Option<(Boundary, Fate)>,
}

/// The world that the processes lives in.
pub(super) struct Outside<'life> {
    pub(super) emulator: &'life Emulator,
    pub(super) clock: &'life Clock,
    pub(super) root: std::path::PathBuf,
    pub(super) table: Option<&'life Table>,
    /// What happened to the files and was not mended yet.
    pub(super) accident: Option<Accident>,
}

impl Processes {
    pub(super) fn new(
        seed: u64,
        size: usize,
        set_up: SetUp,
        row: SharedRow,
        judge: Arc<Mutex<Judge>>,
    ) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(u64::MAX);
        let seat = |letter| Seat {
            letter,
            process: None,
            // Not all at the same moment, which no machines do either.
            back_at: Instant::now() + Duration::from_secs_f64(random.random_range(0.0..1.0)),
        };
        Self {
            seats: ('a'..).take(size).map(seat).collect(),
            set_up,
            random,
            row,
            deaths: Arc::default(),
            judge,
            started: 0,
            failure: None,
        }
    }

    /// Lets the very first process meet its fate there.
    pub(super) fn fail_at(&mut self, boundary: Boundary, fate: Fate) {
        self.failure = Some((boundary, fate));
    }

    /// Boundaries that the process which has run longest has passed.
    pub(super) fn boundaries(&self) -> usize {
        self.running().next().map_or(0, |process| process.tap.passed())
    }

    pub(super) fn set_up(&self) -> &SetUp {
        &self.set_up
    }

    pub(super) fn running(&self) -> impl Iterator<Item = &Process> {
        self.seats.iter().filter_map(|seat| seat.process.as_ref())
    }

    /// The plan and status of the leader.
    pub(super) fn leaders_view(&self) -> Option<Arc<View>> {
        let holder = self.row.lock().unwrap().clone().and_then(|row| row.holder);
        let leads =
            |process: &&Process| process.leases.is_none() || holder.as_deref() == Some(process.name.as_str());
        self.running().find(leads)?.pulse().view
    }

    /// Lets something happen to a process.
    pub(super) fn suffer(&mut self, blow: ToProcess, emulator: &Emulator) {
        let number = self.random.random_range(0..self.seats.len());
        let Some(process) = &self.seats[number].process else {
            return;
        };
        let now = Instant::now();
        let what = format!("{}: {blow:?}", process.name);
        match blow {
            ToProcess::Dies(None) => {
                process.tap.die();
            }
            ToProcess::Dies(Some(death)) => process.tap.kill_at(death),
            ToProcess::Freezes(time, None) => process.tap.freeze(now + time),
            ToProcess::Freezes(time, Some(boundary)) => process.tap.freeze_at(boundary, time),
            ToProcess::LosesTable { trouble, lasts } => {
                let leases = process.leases.iter();
                leases.for_each(|table| table.set_trouble(Some((trouble, now + lasts))));
            }
            ToProcess::IsForestalled(hand) => {
                let (emulator, judge) = (emulator.clone(), Arc::clone(&self.judge));
                process.tap.before_next_look(move |id| {
                    if let Some(did) = hand.work(&emulator, id) {
                        let mut judge = judge.lock().unwrap();
                        judge.note(format!("life: a human {did} channel {id} before it is looked at"));
                        judge.tally.meet(&format!("a human {did} a channel"));
                    }
                });
            }
        }
        self.judge.lock().unwrap().note(format!("fault: {what}"));
    }

    /// No more faults: every process runs on, and planned deaths are cancelled.
    pub(super) fn recover(&mut self) {
        for process in self.running() {
            process.tap.spare();
            process.leases.iter().for_each(|table| table.set_trouble(None));
        }
    }

    /// Waits until `moment`, burying the dead and filling their seats.
    pub(super) async fn until(&mut self, moment: Instant, outside: &Outside<'_>) {
        loop {
            let empty = self.seats.iter().filter(|seat| seat.process.is_none());
            let next = empty.map(|seat| seat.back_at).min().unwrap_or(moment).min(moment);
            tokio::select! {
                biased;
                () = self.deaths.notified() => self.bury().await,
                () = sleep_until(next) => {
                    self.fill_seats(outside);
                    if Instant::now() >= moment {
                        return;
                    }
                }
            }
        }
    }

    async fn bury(&mut self) {
        for at in 0..self.seats.len() {
            if self.seats[at]
                .process
                .as_ref()
                .is_some_and(|process| process.tap.is_dead())
            {
                self.empty_seat(at, "dies").await;
            }
        }
    }

    async fn empty_seat(&mut self, at: usize, how: &str) {
        let gap = Duration::from_secs_f64(self.random.random_range(0.0..RESTART_MAX));
        let seat = &mut self.seats[at];
        seat.back_at = Instant::now() + gap;
        if let Some(process) = seat.process.take() {
            let signs = process.hear();
            if process.tap.has_only_tagged() {
                self.judge
                    .lock()
                    .unwrap()
                    .tally
                    .meet("a crash between tags and update");
            }
            self.judge.lock().unwrap().bury(&process.name, how, &signs);
            process.kill().await;
        }
    }

    fn fill_seats(&mut self, outside: &Outside<'_>) {
        let around = Surroundings {
            emulator: outside.emulator,
            clock: outside.clock,
            row: &self.row,
            root: outside.root.clone(),
            table: outside.table,
            judge: &self.judge,
            deaths: &self.deaths,
        };
        for seat in &mut self.seats {
            if seat.process.is_none() && seat.back_at <= Instant::now() {
                self.started += 1;
                let name = format!("{}{}", seat.letter, self.started);
                self.judge.lock().unwrap().note(format!("{name} starts"));
                let process = Process::start(name, self.random.random(), &self.set_up, &around);
                match self.failure.take() {
                    Some((boundary, Fate::Dies)) => process.tap.kill_at(boundary),
                    Some((boundary, Fate::StandsStill)) => process.tap.freeze_at(boundary, STILL),
                    None => {}
                }
                seat.process = Some(process);
            }
        }
    }

    /// Reads the outputs of all processes since the last time, and looks for what must not be: a key in any output, a plan
    /// against slotwise's own rules, a daemon that ended by itself.
    pub(super) async fn examine(&mut self, outside: &Outside<'_>) {
        let mut ended = Vec::new();
        for (at, seat) in self.seats.iter_mut().enumerate() {
            let Some(process) = &mut seat.process else {
                continue;
            };
            let mut judge = self.judge.lock().unwrap();
            for (when, sign) in process.hear() {
                judge.hear(&process.name, when, &sign);
                let Sign::Reported(event) = &sign else { continue };
                if let Some(what) = defect(event) {
                    judge.fail("its own rules", what);
                }
                if let (Event::SourceLoaded { rejected, .. }, None) = (event, outside.accident)
                    && let Some(first) = rejected.iter().find(|one| !may_be_between_sources(one))
                {
                    judge.fail(
                        "good input",
                        format!("a valid declaration is set aside: {first:?}"),
                    );
                }
            }
            if let Some(place) = process.leak() {
                judge.fail(
                    "stream key shown",
                    format!("{} shows a stream key in {place}", process.name),
                );
            }
            let pulse = process.pulse();
            if let Some(what) = unlike_its_recording(&pulse) {
                judge.fail("recording", what);
            }
            if let Some(what) = pulse.view.as_deref().and_then(passed_over) {
                judge.fail("priority", what);
            }
            if let Some(how) = process.has_ended() {
                // A process that starts while the files are gone says so and ends.
                let may_end = matches!(outside.accident, Some(Accident::Gone));
                if !(may_end && how.contains("Failed(Load")) {
                    judge.fail("ended by itself", format!("{} ended: {how}", process.name));
                }
                ended.push(at);
            }
        }
        for at in ended {
            self.empty_seat(at, "ends").await;
        }
    }

    /// Ends every process as Ctrl-C does.
    pub(super) async fn dismiss(&mut self) {
        for seat in &mut self.seats {
            if let Some(process) = seat.process.take() {
                process.stop().await;
            }
        }
    }
}

/// An item of a table pins a slot that its pool, declared in a file, no longer names: both are edited at once, and are
/// read one after the other.
fn may_be_between_sources(rejected: &Rejected) -> bool {
    rejected.problem.location.item.is_some() && rejected.problem.field.starts_with("slot.")
}

/// A plan that breaks slotwise's own rules is a defect, whatever else happens.
fn defect(event: &Event) -> Option<String> {
    match event {
        Event::PlanRefused { what } => Some(what.clone()),
        Event::CycleFailed { what, .. } if what.contains("own rules") => Some(what.clone()),
        Event::StepEnded {
            outcome: StepOutcome::Failed { what, .. },
            ..
        } if what.contains("please report") => Some(what.clone()),
        _ => None,
    }
}
