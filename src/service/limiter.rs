//! Which request is sent next: a rate with a burst, urgent requests first.
//!
//! The burst is kept as one instant, and the next waiter waits for its own turn: there is no task, and a waiter is only an
//! entry in a map, which its [`Place`] removes however the waiter ends.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// Requests that wait at once: more than a controller with the largest `--concurrency` of 1 000 has under way.
const WAITING_MAX: usize = 4_096;

/// Turns in a row that may go past the request that has waited longest; the next one is its own. So a start waits for one
/// read at most, and each read gets its turn, however many starts there are.
const PASSED_OVER_MAX: u32 = 4;

/// Longer than any wait, short enough to be added to an instant.
const INTERVAL_MAX: Duration = Duration::from_hours(24);

/// How urgent a request is, the most urgent one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Priority {
    /// Starts and stops: a destination waits to go on air, or an unwanted channel is billed.
    Power,
    /// Tags and updates: a start comes after them.
    Change,
    /// Lists and looks, of which a cycle makes many.
    Read,
}

const PRIORITIES: usize = 3;

/// Too many requests wait already. This one was not sent.
#[derive(Debug, thiserror::Error)]
#[error("{WAITING_MAX} requests wait for their turn already")]
pub(super) struct QueueFull;

/// Gives turns: `burst` at once, then one per interval.
#[derive(Debug)]
pub(super) struct RateLimiter {
    interval: Duration,
    /// How far ahead of time turns may be taken: the burst, as a time.
    window: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// When the whole burst is there again. Each turn moves it on by one interval.
    full_at: Instant,
    /// The waiters, per priority in the order of arrival, and how to wake each.
    waiting: [BTreeMap<u64, Arc<Notify>>; PRIORITIES],
    /// Requests that came so far.
    arrivals: u64,
    /// Turns in a row that were not given to the one that has waited longest.
    passed_over: u32,
}

enum Answer {
    /// The turn is taken.
    Go,
    /// It is next, but has to wait that long.
    In(Duration),
    /// Others go first; it is woken when it becomes the next one.
    Behind,
}

impl RateLimiter {
    pub(super) fn new(per_second: f64, burst: u32) -> Self {
        let interval = Duration::try_from_secs_f64(1.0 / per_second)
            .unwrap_or(INTERVAL_MAX)
            .min(INTERVAL_MAX);
        Self {
            interval,
            window: interval.saturating_mul(burst.max(1)),
            state: Mutex::new(State {
                full_at: Instant::now(),
                waiting: std::array::from_fn(|_| BTreeMap::new()),
                arrivals: 0,
                passed_over: 0,
            }),
        }
    }

    /// Waits for a turn and takes it. A caller that stops waiting leaves its turn to the next one.
    pub(super) async fn acquire(&self, priority: Priority) -> Result<(), QueueFull> {
        let place = Place::queue_up(self, priority)?;
        loop {
            match place.ask() {
                Answer::Go => return Ok(()),
                Answer::In(time) => sleep(time).await,
                Answer::Behind => place.called.notified().await,
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here can panic halfway through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The one that has waited longest of each priority, the most urgent one first.
    fn heads(&self) -> impl Iterator<Item = (u64, &Arc<Notify>)> {
        let heads = self.waiting.iter().filter_map(BTreeMap::first_key_value);
        heads.map(|(arrival, called)| (*arrival, called))
    }

    /// The waiter with the next turn.
    fn next(&self) -> Option<(u64, &Arc<Notify>)> {
        if self.passed_over < PASSED_OVER_MAX {
            self.heads().next()
        } else {
            self.heads().min_by_key(|(arrival, _)| *arrival)
        }
    }

    /// The waiter to wake, after a change of the next one.
    fn to_wake(&self) -> Option<Arc<Notify>> {
        self.next().map(|(_, called)| Arc::clone(called))
    }
}

/// A waiter's place in the queue, which it leaves when this is dropped.
struct Place<'limiter> {
    limiter: &'limiter RateLimiter,
    priority: usize,
    arrival: u64,
    called: Arc<Notify>,
}

impl<'limiter> Place<'limiter> {
    fn queue_up(limiter: &'limiter RateLimiter, priority: Priority) -> Result<Self, QueueFull> {
        let priority = priority as usize;
        let called = Arc::new(Notify::new());
        let mut state = limiter.state();
        if state.waiting.iter().map(BTreeMap::len).sum::<usize>() >= WAITING_MAX {
            return Err(QueueFull);
        }
        let arrival = state.arrivals;
        state.arrivals += 1;
        state.waiting[priority].insert(arrival, Arc::clone(&called));
        Ok(Self {
            limiter,
            priority,
            arrival,
            called,
        })
    }

    /// Takes the turn, if it is this one's and due.
    fn ask(&self) -> Answer {
        let mut state = self.limiter.state();
        if state.next().map(|(arrival, _)| arrival) != Some(self.arrival) {
            return Answer::Behind;
        }
        let now = Instant::now();
        let full_at = state.full_at.max(now) + self.limiter.interval;
        let early = full_at.duration_since(now);
        if early > self.limiter.window {
            return Answer::In(early.saturating_sub(self.limiter.window));
        }
        state.full_at = full_at;
        let is_passing = state.heads().any(|(arrival, _)| arrival < self.arrival);
        state.passed_over = if is_passing { state.passed_over + 1 } else { 0 };
        state.waiting[self.priority].remove(&self.arrival);
        let next = state.to_wake();
        drop(state);
        wake(next);
        Answer::Go
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.limiter.state();
        // Already removed: it had its turn, and the next one was woken.
        let left = state.waiting[self.priority].remove(&self.arrival);
        let next = left.and_then(|_| state.to_wake());
        drop(state);
        wake(next);
    }
}

fn wake(next: Option<Arc<Notify>>) {
    if let Some(next) = next {
        next.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::future::{Future, poll_fn};
    use std::pin::pin;
    use std::task::Poll;

    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use tokio::task::JoinSet;
    use tokio::time::timeout;

    use super::*;

    const INTERVAL: Duration = Duration::from_millis(100);

    /// Ten a second, twenty at once, of which `left` are left.
    async fn limiter(left: usize) -> Arc<RateLimiter> {
        let limiter = Arc::new(RateLimiter::new(10.0, 20));
        for _ in left..20 {
            limiter.acquire(Priority::Read).await.unwrap();
        }
        limiter
    }

    /// Requests that write their names down in the order in which they get their turns.
    struct Line {
        limiter: Arc<RateLimiter>,
        served: Arc<Mutex<Vec<(&'static str, Duration)>>>,
        begun: Instant,
        tasks: JoinSet<()>,
    }

    impl Line {
        fn at(limiter: &Arc<RateLimiter>) -> Self {
            Self {
                limiter: Arc::clone(limiter),
                served: Arc::default(),
                begun: Instant::now(),
                tasks: JoinSet::new(),
            }
        }

        /// Returns once the request is in the queue.
        async fn join(&mut self, priority: Priority, name: &'static str) -> tokio::task::AbortHandle {
            let (limiter, served, begun) = (Arc::clone(&self.limiter), Arc::clone(&self.served), self.begun);
            let handle = self.tasks.spawn(async move {
                limiter.acquire(priority).await.unwrap();
                served.lock().unwrap().push((name, begun.elapsed()));
            });
            tokio::task::yield_now().await;
            handle
        }

        async fn join_all(&mut self, priority: Priority, names: &[&'static str]) {
            for name in names {
                self.join(priority, name).await;
            }
        }

        /// The requests that got a turn, in order, once none waits.
        async fn served(&mut self) -> Vec<&'static str> {
            while self.tasks.join_next().await.is_some() {}
            assert_eq!(waiting(&self.limiter), 0, "no waiter is left behind");
            let served = self.served.lock().unwrap();
            served.iter().map(|(name, _)| *name).collect()
        }

        /// How many intervals after the beginning each of them got it.
        fn intervals(&self) -> Vec<u128> {
            let served = self.served.lock().unwrap();
            let intervals = |time: &Duration| time.as_millis() / INTERVAL.as_millis();
            served.iter().map(|(_, time)| intervals(time)).collect()
        }
    }

    fn waiting(limiter: &RateLimiter) -> usize {
        limiter.state().waiting.iter().map(BTreeMap::len).sum()
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_then_one_per_interval_and_the_burst_comes_back() {
        let limiter = limiter(20).await;
        for burst in [20, 3, 20] {
            let mut line = Line::at(&limiter);
            line.join_all(Priority::Read, &["one"; 24]).await;
            line.served().await;
            let expected: Vec<u128> = (0..24).map(|at: u128| (at + 1).saturating_sub(burst)).collect();
            assert_eq!(line.intervals(), expected, "{burst} at once");
            // Three intervals give three turns, and a long time gives no more than a burst.
            let rest = if burst == 20 {
                3 * INTERVAL
            } else {
                Duration::from_hours(1)
            };
            sleep(rest).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_start_goes_before_fifty_looks_and_changes_between() {
        let limiter = limiter(0).await;
        let mut line = Line::at(&limiter);
        line.join_all(Priority::Read, &["look"; 50]).await;
        line.join_all(Priority::Change, &["update"]).await;
        line.join_all(Priority::Power, &["start"]).await;
        let served = line.served().await;
        assert_eq!(served[..3], ["start", "update", "look"]);
        assert_eq!(line.intervals(), (1..=52).collect::<Vec<_>>(), "one per interval");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_comes_while_another_sleeps_towards_its_turn_goes_first() {
        let limiter = limiter(0).await;
        let mut line = Line::at(&limiter);
        line.join(Priority::Read, "look").await;
        sleep(INTERVAL / 2).await;
        line.join(Priority::Power, "stop").await;
        assert_eq!(line.served().await, ["stop", "look"]);
        assert_eq!(line.intervals(), [1, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_gets_its_turn_however_many_starts_there_are() {
        let limiter = limiter(0).await;
        let mut line = Line::at(&limiter);
        line.join_all(Priority::Read, &["look"; 2]).await;
        line.join_all(Priority::Power, &["start"; 10]).await;
        let served = line.served().await;
        let looks: Vec<usize> = (0..served.len()).filter(|at| served[*at] == "look").collect();
        assert_eq!(looks, [4, 9], "{served:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn within_a_priority_it_goes_by_arrival() {
        const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
        for priority in [Priority::Power, Priority::Change, Priority::Read] {
            let limiter = limiter(2).await;
            let mut line = Line::at(&limiter);
            line.join_all(priority, &NAMES).await;
            assert_eq!(line.served().await, NAMES, "{priority:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiter_that_gives_up_leaves_the_turn_to_the_next_one() {
        let limiter = limiter(0).await;
        let mut line = Line::at(&limiter);
        let mut handles = Vec::new();
        for name in ["a", "b", "c", "d", "e"] {
            handles.push(line.join(Priority::Read, name).await);
        }
        let start = line.join(Priority::Power, "start").await;
        // The next one, one in the middle, and the one that becomes the next one by that.
        sleep(INTERVAL / 2).await;
        for handle in [&start, &handles[2], &handles[0]] {
            handle.abort();
            tokio::task::yield_now().await;
        }
        assert_eq!(line.served().await, ["b", "d", "e"]);
        assert_eq!(
            line.intervals(),
            [1, 2, 3],
            "no turn was lost, and none came early"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_queue_has_an_end() {
        let limiter = limiter(0).await;
        let places: Vec<_> = (0..WAITING_MAX)
            .map(|_| Place::queue_up(&limiter, Priority::Read).map_err(drop).unwrap())
            .collect();
        limiter.acquire(Priority::Power).await.unwrap_err();
        drop(places);
        limiter.acquire(Priority::Power).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn no_rate_makes_it_panic() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE, f64::MAX] {
            let limiter = RateLimiter::new(rate, u32::MAX);
            limiter.acquire(Priority::Read).await.unwrap();
            let limiter = RateLimiter::new(rate, 0);
            limiter.acquire(Priority::Read).await.unwrap();
            limiter.acquire(Priority::Read).await.unwrap();
        }
    }

    /// Waiters on four threads, some polled over and over, some given up halfway.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn many_threads_lose_no_turn_and_take_none_twice() {
        const WAITERS: u64 = 32;
        const ROUNDS: usize = 30;
        const LIMIT: Duration = Duration::from_mins(2);
        let begun = Instant::now();
        let limiter = Arc::new(RateLimiter::new(5_000.0, 10));
        let mut tasks = JoinSet::new();
        for seed in 0..WAITERS {
            let limiter = Arc::clone(&limiter);
            tasks.spawn(async move {
                let mut random = ChaCha8Rng::seed_from_u64(seed);
                let mut turns = 0_u32;
                for _ in 0..ROUNDS {
                    turns += u32::from(waits_restlessly(&limiter, &mut random).await);
                }
                turns
            });
        }
        let mut turns = 0;
        while let Some(joined) = timeout(LIMIT, tasks.join_next()).await.expect("no waiter hangs") {
            turns += joined.unwrap();
        }
        // The rate holds by the time it took, however long that was.
        let most = begun.elapsed().as_secs_f64() * 5_000.0 + 11.0;
        assert!(f64::from(turns) <= most, "{turns} turns, at most {most}");
        assert_eq!(waiting(&limiter), 0, "no waiter is left behind");
        // And it still gives turns.
        for priority in [Priority::Read, Priority::Change, Priority::Power] {
            timeout(LIMIT, limiter.acquire(priority)).await.unwrap().unwrap();
        }
    }

    /// One request; true if it got its turn, which every one does that is not given up.
    async fn waits_restlessly(limiter: &RateLimiter, random: &mut ChaCha8Rng) -> bool {
        let priority = [Priority::Power, Priority::Change, Priority::Read][random.random_range(0..3)];
        let mut polls_left = random.random_bool(0.5).then(|| random.random_range(1..40));
        let is_restless = random.random_bool(0.5);
        let mut turn = pin!(limiter.acquire(priority));
        poll_fn(|context| {
            if turn.as_mut().poll(context).is_ready() {
                return Poll::Ready(true);
            }
            match &mut polls_left {
                Some(0) => return Poll::Ready(false),
                Some(left) => *left -= 1,
                None => {}
            }
            if is_restless || polls_left.is_some() {
                context.waker().wake_by_ref();
            }
            Poll::Pending
        })
        .await
    }
}
