//! Three surfaces that take untrusted bytes, fuzzed: declarations (`manifest`), the emulator's HTTP (`http`) and its state
//! file (`state`).
//!
//! ```text
//! corpus/DOOR, regressions/DOOR ─► mutate (seeded) ─► DOOR::check ─► features ── new ones ─► this run's corpus
//!                                                        │ panic
//!                                                        ▼
//!                                                     shrink ─► reported, with the command that replays it
//! ```
//!
//! - `corpus/` holds what is usual: declarations, and conversations with the emulator in the form of `.http` files
//!   (request line, headers, blank line, body; `###` between requests).
//! - `regressions/` holds what once broke something, each named after what it broke. Both are replayed in every run.
//! - [`manifest::check`], [`http::check`] and [`state::check`] take any bytes and panic where something does not hold; what holds is
//! stated there. They are all that a target for libFuzzer needs: `fuzz_target!(|data: &[u8]| { manifest::check(data); })`
//!   with the directories above as its corpus and `*.dict` as its dictionary. Here, without a nightly compiler, what the surface answers (messages, places,
//!   statuses) replaces coverage: an input with an answer that is new is kept and mutated further.
//!
//! Runs are counted in inputs and drawn from a seed, so a run can be repeated:
//!
//! ```text
//! cargo test --test it fuzz                                                the inputs of every test run
//! SLOTWISE_FUZZ_RUNS=1000000 SLOTWISE_FUZZ_SEED=7 cargo test --test it fuzz::manifest   many more, of another seed
//! SLOTWISE_FUZZ_INPUT=FILE cargo test --test it fuzz::manifest             one input, with what it panics with
//! ```
//!
//! What ends the process (a stack that overflows, memory that is used up) leaves its input in the file that is
//! named at the start of a run of more than the usual inputs; the input that took the most time is left beside it. One
//! that takes more than its share of CPU time breaks the surface like a panic.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "seed and number of inputs come from the environment, and a long run says what it has tried"
)]

mod dictionary;
mod engine;
mod http;
mod manifest;
mod mutate;
mod state;
mod tree;

use std::path::PathBuf;

use dictionary::Dictionary;
use engine::{Plan, Surface};

/// Inputs of every test run: some seconds in a debug build.
const MANIFEST_RUNS: u64 = 200;
const HTTP_RUNS: u64 = 150;
const STATE_RUNS: u64 = 300;

#[test]
fn declarations_of_any_bytes_are_judged_and_never_break_anything() {
    let surface = Surface {
        name: "manifest",
        between: "\n---\n",
        dictionary: Dictionary::read(include_str!("manifest.dict")),
        rewrite: tree::rewrite_yaml,
        check: manifest::check,
    };
    fuzz(&surface, MANIFEST_RUNS);
}

#[test]
fn requests_of_any_bytes_are_answered_and_break_no_world() {
    let surface = Surface {
        name: "http",
        between: "\n###\n",
        dictionary: Dictionary::read(include_str!("http.dict")),
        rewrite: tree::rewrite_bodies,
        check: http::check,
    };
    fuzz(&surface, HTTP_RUNS);
}

#[test]
fn any_bytes_are_a_working_world_or_a_clear_error() {
    let surface = Surface {
        name: "state",
        between: ",",
        dictionary: Dictionary::read(include_str!("state.dict")),
        rewrite: tree::rewrite_json,
        check: state::check,
    };
    fuzz(&surface, STATE_RUNS);
}

#[track_caller]
fn fuzz(surface: &Surface, usual: u64) {
    if let Some(file) = std::env::var_os("SLOTWISE_FUZZ_INPUT") {
        let input = std::fs::read(&file).unwrap();
        println!("{} answers", (surface.check)(&input).len());
        return;
    }
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let runs = number("SLOTWISE_FUZZ_RUNS");
    let seed = number("SLOTWISE_FUZZ_SEED").unwrap_or(1);
    let plan = Plan {
        runs: runs.unwrap_or(usual),
        seed,
        keep_last: runs
            .is_some()
            .then(|| scratch(&format!("fuzz-{}-{seed}-last", surface.name))),
    };
    let broken = engine::explore(surface, &plan);
    for (index, broken) in broken.iter().enumerate() {
        let file = scratch(&format!("fuzz-{}-{}-{index}", surface.name, plan.seed));
        std::fs::write(&file, &broken.input).unwrap();
        println!(
            "{}\n  by {:?}\n  replay: SLOTWISE_FUZZ_INPUT={} cargo test --test it fuzz::\n  \
             once it is put right, keep the file as tests/fuzz/regressions/{}/WHAT-IT-BROKE\n",
            broken.panic,
            String::from_utf8_lossy(&broken.input),
            file.display(),
            surface.name
        );
    }
    assert!(
        broken.is_empty(),
        "{} ways to break {}, reported above",
        broken.len(),
        surface.name
    );
}

fn scratch(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}
