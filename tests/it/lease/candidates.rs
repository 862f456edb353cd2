//! Candidates for one row, each with a clock of its own, over a network that delays and loses.

use std::sync::Arc;
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use slotwise::testing::controller::lease::{
    Answer, Ask, Candidate, LeaseTableError, LeaseTableErrorKind, Role, Row,
};
use tokio::time::Instant;

use super::tools::apply;

const LEASE: Duration = Duration::from_secs(15);

/// What a fail-over may take, from the death of the holder on.
const FAIL_OVER_MAX: Duration = Duration::from_secs(20);

const TICK: Duration = Duration::from_millis(20);

/// Time between death and the next process of the same name: a daemon that is restarted.
const RESTART: Duration = Duration::from_secs(40);

/// How bad the days are.
#[derive(Clone, Copy)]
struct Weather {
    delay_max_ms: u64,
    lost: f64,
    stops: bool,
    deletes: bool,
}

const CALM: Weather = Weather {
    delay_max_ms: 100,
    lost: 0.0,
    stops: false,
    deletes: false,
};

const STORM: Weather = Weather {
    delay_max_ms: 6_000,
    lost: 0.1,
    stops: true,
    deletes: true,
};

/// A request on its way, which arrives also after its sender gave up or died.
struct Request {
    from: usize,
    number: u64,
    arrives: Duration,
    me: String,
    ask: Ask,
}

/// The one request that a candidate waits for.
struct Waiting {
    number: u64,
    ask: Ask,
    sent: Instant,
    gives_up: Duration,
    answer: Option<(Duration, Answer)>,
}

struct Process {
    candidate: Candidate,
    waiting: Option<Waiting>,
    /// Stopped until then; sees nothing and does nothing.
    stopped: Duration,
    dead: Option<Duration>,
    /// What its clock shows at the beginning.
    offset: Duration,
}

struct Scene {
    base: Instant,
    now: Duration,
    row: Option<Row>,
    wire: Vec<Request>,
    processes: Vec<Process>,
    random: ChaCha8Rng,
    weather: Weather,
    numbers: u64,
    /// Every epoch with a leader, with its holder, in the order of time.
    epochs: Vec<(u64, Arc<str>)>,
    /// Whether the row was deleted while possibly no process that knows its epoch was left.
    deleted: bool,
}

impl Scene {
    fn new(seed: u64, count: usize, weather: Weather) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let base = Instant::now();
        let mut scene = Self {
            base,
            now: Duration::ZERO,
            row: None,
            wire: Vec::new(),
            processes: Vec::new(),
            weather,
            numbers: 0,
            epochs: Vec::new(),
            deleted: false,
            random: ChaCha8Rng::seed_from_u64(random.random()),
        };
        for number in 0..count {
            // Five minutes and more apart: whatever a clock shows, it is only compared with itself.
            let offset = Duration::from_mins(5) * u32::try_from(number).unwrap();
            scene.processes.push(Process {
                candidate: Candidate::new(format!("p{number}-0"), LEASE, base + offset),
                waiting: None,
                stopped: Duration::ZERO,
                dead: None,
                offset,
            });
        }
        scene
    }

    fn local(&self, process: usize) -> Instant {
        self.base + self.processes[process].offset + self.now
    }

    /// The processes that may write at this moment, also if one were stopped just before it does.
    fn writers(&self) -> Vec<usize> {
        let believes = |at: &usize| {
            let process = &self.processes[*at];
            let deadline = process.candidate.deadline();
            process.dead.is_none() && deadline.is_some_and(|deadline| self.local(*at) < deadline)
        };
        (0..self.processes.len()).filter(believes).collect()
    }

    fn tick(&mut self) {
        self.now += TICK;
        self.deliver();
        if self.weather.deletes && self.random.random_bool(0.000_1) {
            self.row = None;
            self.deleted = true;
        }
        for at in 0..self.processes.len() {
            self.live(at);
        }
        let writers = self.writers();
        assert!(writers.len() <= 1, "{writers:?} write at once at {:?}", self.now);
        if let Some(&writer) = writers.first() {
            self.note_writer(writer);
        }
    }

    fn note_writer(&mut self, writer: usize) {
        let candidate = &self.processes[writer].candidate;
        let Role::Leading { epoch, .. } = candidate.state().role else {
            panic!("{writer} writes and does not lead")
        };
        let entry = (epoch, Arc::clone(candidate.me()));
        match self.epochs.last() {
            Some(last) if *last == entry => {}
            // Where the row is gone, and every process that knew its epoch died, it begins anew.
            Some((last, holder)) if !self.deleted => {
                assert!(
                    epoch > *last,
                    "epoch {last} of {holder} was followed by {entry:?}"
                );
                self.epochs.push(entry);
            }
            _ => self.epochs.push(entry),
        }
    }

    fn deliver(&mut self) {
        self.wire.sort_by_key(|request| (request.arrives, request.number));
        while self
            .wire
            .first()
            .is_some_and(|request| request.arrives <= self.now)
        {
            let request = self.wire.remove(0);
            let answer = apply(&mut self.row, &request.me, LEASE, &request.ask);
            let (delay, is_lost) = self.draw();
            let waiting = self.processes[request.from].waiting.as_mut();
            if let Some(waiting) = waiting.filter(|waiting| waiting.number == request.number && !is_lost) {
                waiting.answer = Some((self.now + delay, answer));
            }
        }
    }

    fn draw(&mut self) -> (Duration, bool) {
        let delay = self.random.random_range(1..=self.weather.delay_max_ms);
        (
            Duration::from_millis(delay),
            self.random.random_bool(self.weather.lost),
        )
    }

    fn live(&mut self, at: usize) {
        if let Some(died) = self.processes[at].dead {
            if self.now >= died + RESTART {
                let local = self.local(at);
                let process = &mut self.processes[at];
                let me = format!("p{at}-{}", self.now.as_millis());
                process.candidate = Candidate::new(me, LEASE, local);
                process.dead = None;
            }
            return;
        }
        if self.weather.stops && self.random.random_bool(0.000_5) {
            let seconds = self.random.random_range(0.1..40.0);
            self.processes[at].stopped = self.now + Duration::from_secs_f64(seconds);
        }
        if self.weather.stops && self.random.random_bool(0.000_2) {
            self.die(at);
        } else if self.now >= self.processes[at].stopped {
            self.think(at);
        }
    }

    fn die(&mut self, at: usize) {
        self.processes[at].dead = Some(self.now);
        self.processes[at].waiting = None;
    }

    /// What the keeper does: ask when it is time, listen, and notice when time is up.
    fn think(&mut self, at: usize) {
        let (now, local) = (self.now, self.local(at));
        let process = &mut self.processes[at];
        process.candidate.expire(local);
        if let Some(waiting) = process.waiting.take() {
            let result = match &waiting.answer {
                Some((when, answer)) if *when <= now => Ok(answer.clone()),
                _ if now >= waiting.gives_up => Err(no_answer()),
                _ => {
                    process.waiting = Some(waiting);
                    return;
                }
            };
            let Waiting { sent, ask, .. } = waiting;
            process.candidate.answered(sent, local, &ask, result);
        }
        let (due, ask) = process.candidate.next();
        if due > local {
            return;
        }
        let (gives_up, me) = (
            now + process.candidate.interval(),
            process.candidate.me().to_string(),
        );
        self.numbers += 1;
        let number = self.numbers;
        let (delay, is_lost) = self.draw();
        if !is_lost {
            self.wire.push(Request {
                from: at,
                number,
                arrives: now + delay,
                me,
                ask: ask.clone(),
            });
        }
        self.processes[at].waiting = Some(Waiting {
            number,
            ask,
            sent: local,
            gives_up,
            answer: None,
        });
    }

    fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.tick();
        }
    }
}

fn no_answer() -> LeaseTableError {
    LeaseTableError {
        operation: "UpdateItem",
        table: "leases".into(),
        kind: LeaseTableErrorKind::TimedOut,
        message: String::new(),
        fix: String::new(),
    }
}

#[test]
fn no_two_candidates_ever_hold_the_lease() {
    let mut epochs = 0;
    for seed in 0..60 {
        let count = 2 + usize::try_from(seed % 2).unwrap();
        let weather = Weather {
            delay_max_ms: [200, 1_000, 3_000, 6_000][usize::try_from(seed % 4).unwrap()],
            ..STORM
        };
        let mut scene = Scene::new(seed, count, weather);
        scene.run_for(Duration::from_mins(10));
        epochs += scene.epochs.len();
        // Once it is calm a process leads, soon, and stays the leader.
        scene.weather = CALM;
        for process in &mut scene.processes {
            process.stopped = Duration::ZERO;
            process.dead = process.dead.and(Some(Duration::ZERO));
        }
        scene.run_for(FAIL_OVER_MAX + STORM_ECHO);
        let writers = scene.writers();
        assert_eq!(writers.len(), 1, "seed {seed}: no process leads");
        scene.run_for(Duration::from_mins(2));
        assert_eq!(scene.writers(), writers, "seed {seed}: it does not stay");
    }
    assert!(epochs > 300, "the storm is worth a look: {epochs} epochs");
}

/// What was on its way when the storm ended.
const STORM_ECHO: Duration = Duration::from_secs(10);

#[test]
fn epochs_never_go_back_and_belong_to_one_process_each() {
    for seed in 0..40 {
        let weather = Weather {
            delay_max_ms: 1_500,
            deletes: false,
            ..STORM
        };
        let mut scene = Scene::new(seed, 3, weather);
        scene.run_for(Duration::from_mins(10));
        let rising = scene.epochs.windows(2).all(|pair| pair[0].0 < pair[1].0);
        assert!(rising, "seed {seed}: {:?}", scene.epochs);
    }
}

#[test]
fn a_holder_that_dies_is_succeeded_in_less_than_20_seconds() {
    let (mut longest, mut shortest) = (Duration::ZERO, Duration::MAX);
    for seed in 0..60 {
        let mut scene = Scene::new(seed, 2, CALM);
        // Whatever lies between the looks of the two.
        let part = u32::try_from(seed).unwrap();
        scene.processes[1].stopped = LEASE / 6 * part / 60;
        scene.run_for(Duration::from_secs(30) + TICK * (part * 37 % 125));
        let leader = *scene.writers().first().unwrap();
        scene.die(leader);
        let died = scene.now;
        while scene.writers().is_empty() {
            scene.tick();
            assert!(scene.now < died + FAIL_OVER_MAX, "seed {seed}");
        }
        let took = scene.now.saturating_sub(died);
        (longest, shortest) = (longest.max(took), shortest.min(took));
    }
    println!("fail-over with a lease of 15 s: {shortest:?} to {longest:?}");
}

#[test]
fn a_returned_lease_is_taken_with_the_next_look() {
    let mut scene = Scene::new(1, 2, CALM);
    scene.run_for(Duration::from_secs(30));
    let leader = *scene.writers().first().unwrap();
    let me = scene.processes[leader].candidate.me().to_string();
    scene.die(leader);
    assert_eq!(apply(&mut scene.row, &me, LEASE, &Ask::Release), Answer::Done);
    scene.run_for(LEASE / 6 + Duration::from_millis(500));
    assert_eq!(scene.writers(), [1 - leader]);
    assert!(
        scene.row.is_some_and(|row| row.epoch == 2),
        "the row stays, and its epoch grows"
    );
}

#[test]
fn a_deleted_row_stops_its_holder_at_the_next_renewal() {
    let mut scene = Scene::new(3, 2, CALM);
    scene.run_for(Duration::from_mins(1));
    let leader = *scene.writers().first().unwrap();
    scene.row = None;
    scene.deleted = true;
    scene.run_for(LEASE / 6 + Duration::from_millis(500));
    assert!(scene.writers().is_empty(), "{leader} still writes");
    scene.run_for(FAIL_OVER_MAX);
    assert_eq!(scene.writers().len(), 1);
    assert!(scene.row.is_some_and(|row| row.epoch == 2));
}

#[test]
fn an_epoch_set_back_by_hand_is_not_continued() {
    let mut scene = Scene::new(4, 2, CALM);
    scene.run_for(Duration::from_mins(1));
    let first = *scene.writers().first().unwrap();
    scene.die(first);
    scene.run_for(FAIL_OVER_MAX);
    assert_eq!(scene.epochs.last().unwrap().0, 2);
    scene.row.as_mut().unwrap().epoch = 0;
    scene.run_for(FAIL_OVER_MAX);
    assert_eq!(scene.writers(), [1 - first]);
    assert_eq!(scene.epochs.last().unwrap().0, 3, "{:?}", scene.epochs);
}
