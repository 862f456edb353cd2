//! Draws inputs, keeps those with new answers, shrinks what breaks something.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::dictionary::Dictionary;
use super::mutate::mutate;

/// Longest input that is drawn; those of the corpus may be longer.
const INPUT_MAX_BYTES: usize = 8 << 10;
/// CPU time that one input may take, unoptimized: far more than any has taken, and far less than one that takes more the
/// more often it says the same.
const CPU_MAX: Duration = Duration::from_secs(10);
/// Different ways to break a surface that are looked for in one run.
const BROKEN_MAX: usize = 12;
/// Smaller inputs that are tried for one that breaks something.
const SHRINK_TRIES: usize = 400;
/// Edits of one input.
const EDITS_MAX: u32 = 6;

/// Answers that an input led to, as numbers: what is new is worth following.
#[derive(Default)]
pub(crate) struct Features(BTreeSet<u64>);

impl Features {
    /// Notes an answer. Names and numbers are no news, so they are left out of it.
    pub(crate) fn note(&mut self, answer: &str) {
        let (mut hasher, mut quoted) = (DefaultHasher::new(), false);
        for letter in answer.chars() {
            quoted ^= letter == '`';
            if !quoted && !letter.is_ascii_digit() {
                letter.hash(&mut hasher);
            }
        }
        self.0.insert(hasher.finish());
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// What is fuzzed.
pub(crate) struct Surface {
    /// Its name, and that of its directories.
    pub(crate) name: &'static str,
    /// What stands between the parts of an input.
    pub(crate) between: &'static str,
    /// What to put in.
    pub(crate) dictionary: Dictionary,
    /// Changes an input as what it means, where it means anything.
    pub(crate) rewrite: fn(&[u8], &Dictionary, &mut ChaCha8Rng) -> Option<Vec<u8>>,
    /// Takes any bytes; panics where something does not hold.
    pub(crate) check: fn(&[u8]) -> Features,
}

/// How much is tried.
pub(crate) struct Plan {
    /// Inputs that are drawn.
    pub(crate) runs: u64,
    /// Of what.
    pub(crate) seed: u64,
    /// Where each input is kept while it is tried.
    pub(crate) keep_last: Option<PathBuf>,
}

/// An input that broke something.
pub(crate) struct Broken {
    /// As small as it became.
    pub(crate) input: Vec<u8>,
    /// Where it panicked, and with what.
    pub(crate) panic: String,
}

/// Tries everything in the corpus, then as many mutations as planned.
pub(crate) fn explore(surface: &Surface, plan: &Plan) -> Vec<Broken> {
    if let Some(file) = &plan.keep_last {
        println!("each input while it is tried: {}", file.display());
    }
    let mut search = Search {
        surface,
        plan,
        pool: Vec::new(),
        known: BTreeSet::new(),
        broken: BTreeMap::new(),
        slowest: (Duration::ZERO, Vec::new()),
    };
    let kept = inputs(surface.name);
    assert!(kept.len() > 10, "the corpus of {} is gone", surface.name);
    for input in kept {
        search.attempt(input);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
    for _ in 0..plan.runs {
        if search.broken.len() >= BROKEN_MAX {
            break;
        }
        let input = search.draw(&mut rng);
        search.attempt(input);
    }
    println!(
        "{}: {} inputs of seed {}, {} answers by {} of them, the slowest of {} bytes in {:?}",
        surface.name,
        plan.runs,
        plan.seed,
        search.known.len(),
        search.pool.len(),
        search.slowest.1.len(),
        search.slowest.0,
    );
    if let Some(file) = &plan.keep_last {
        std::fs::write(file.with_extension("slowest"), &search.slowest.1).unwrap();
    }
    search.broken.into_values().collect()
}

struct Search<'a> {
    surface: &'a Surface,
    plan: &'a Plan,
    /// Inputs with answers that no other before had.
    pool: Vec<Vec<u8>>,
    known: BTreeSet<u64>,
    /// By where it panics.
    broken: BTreeMap<String, Broken>,
    /// The input that took the most time, and how much.
    slowest: (Duration, Vec<u8>),
}

impl Search<'_> {
    fn draw(&self, rng: &mut ChaCha8Rng) -> Vec<u8> {
        // What was found last was tried least.
        let newest = self.pool.len().saturating_sub(32);
        let first = if rng.random_ratio(1, 3) { newest } else { 0 };
        let mut input = self.pool[rng.random_range(first..self.pool.len())].clone();
        for _ in 0..rng.random_range(1..=EDITS_MAX) {
            let other = &self.pool[rng.random_range(0..self.pool.len())];
            input = mutate(self.surface, input, other, rng);
            // After each: one edit may make hundreds of copies, and a few of such edits more than there is memory.
            input.truncate(INPUT_MAX_BYTES);
        }
        input
    }

    fn attempt(&mut self, input: Vec<u8>) {
        if let Some(file) = &self.plan.keep_last {
            std::fs::write(file, &input).unwrap();
        }
        let before = cpu_time();
        let answer = panics(self.surface, &input);
        let took = cpu_time().saturating_sub(before);
        if took > self.slowest.0 {
            self.slowest = (took, input.clone());
        }
        match answer {
            Ok(_) if took > CPU_MAX => {
                let panic = format!("{took:?} of CPU time for one input");
                println!("broken: {panic}");
                self.broken.insert("time".to_owned(), Broken { input, panic });
            }
            Ok(features) => {
                let before = self.known.len();
                self.known.extend(features.0);
                if self.known.len() > before {
                    self.pool.push(input);
                }
            }
            Err(panic) if self.broken.contains_key(&panic.place) => {}
            Err(panic) => {
                let input = shrink(self.surface, input, &panic.place);
                // The smaller input has a message of its own.
                let panic = panics(self.surface, &input).err().unwrap_or(panic);
                let reported = format!("{}: {}", panic.place, panic.message);
                // A long run may be ended before it reports all of them.
                println!("broken: {reported}\n  by {:?}", String::from_utf8_lossy(&input));
                self.broken.insert(
                    panic.place,
                    Broken {
                        input,
                        panic: reported,
                    },
                );
            }
        }
    }
}

/// The files of both directories, in the order of their names.
fn inputs(surface: &str) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    let listed =
        ["corpus", "regressions"].map(|kind| std::fs::read_dir(root.join(kind).join(surface)).unwrap());
    let mut files: Vec<PathBuf> = listed
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|file| std::fs::read(file).unwrap())
        .collect()
}

/// CPU time of this thread, so that a busy machine makes no difference; zero where the system has no such clock.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

// ── Panics ──────────────────────────────────────────────────────────────────────────────────────────────────────────

#[derive(Default)]
struct Panic {
    /// File and line.
    place: String,
    message: String,
}

thread_local! {
    /// The panic of this thread, while one is awaited.
    static AWAITED: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

/// What `input` leads to.
fn panics(surface: &Surface, input: &[u8]) -> Result<Features, Panic> {
    static HOOK: Once = Once::new();
    // The hook is global: panics of other threads are passed on as before.
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let awaited = AWAITED.with_borrow_mut(|awaited| {
                if let Some(awaited) = awaited {
                    awaited.place = panic.location().map(ToString::to_string).unwrap_or_default();
                    panic
                        .payload_as_str()
                        .unwrap_or_default()
                        .clone_into(&mut awaited.message);
                }
                awaited.is_some()
            });
            if !awaited {
                before(panic);
            }
        }));
    });
    AWAITED.set(Some(Panic::default()));
    let answer = catch_unwind(AssertUnwindSafe(|| (surface.check)(input)));
    let panic = AWAITED.take().unwrap_or_default();
    answer.map_err(|_| panic)
}

/// A smaller input that panics at the same place: chunks are taken out as long as it does.
fn shrink(surface: &Surface, mut input: Vec<u8>, place: &str) -> Vec<u8> {
    let mut tries = 0;
    let mut size = input.len().div_ceil(2);
    while size > 0 {
        let (mut start, mut shorter) = (0, false);
        while start < input.len() && tries < SHRINK_TRIES {
            tries += 1;
            let mut candidate = input.clone();
            candidate.drain(start..(start + size).min(input.len()));
            if panics(surface, &candidate).is_err_and(|panic| panic.place == place) {
                input = candidate;
                shorter = true;
            } else {
                start += size;
            }
        }
        if tries >= SHRINK_TRIES {
            break;
        }
        if !shorter || size > 1 {
            size /= 2;
        }
    }
    input
}

/// What `live` notes, in virtual time.
pub(crate) fn in_virtual_time(live: impl Future<Output = Features>) -> Features {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(live)
}
