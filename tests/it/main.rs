//! The one integration binary: every file more would be one more link against the AWS SDK.
//!
//! | module | tries | by |
//! |---|---|---|
//! | `manifest`, `tables`, `keys` | declared state: every mistake with its place and fix, files and tables that change, keys in AWS | sources on disk, a DynamoDB and an SSM in the process |
//! | `plan_golden` | plans as people read them | small worlds in `tests/scenarios` |
//! | `bruteforce` | that no placement is better | every placement of small pools |
//! | `plan_properties` | what holds for every plan | generated worlds |
//! | `replay` | plans of recordings, and that recordings hold no key | `tests/recordings` |
//! | `cycle`, `recording`, `fleet` | the whole loop, and what it costs in calls | controller and emulator in virtual time |
//! | `takeover` | that what is undeclared is released once | the same |
//! | `bad_days`, `races`, `refused_targets` | the loop while services fail, lag, race and refuse | the same |
//! | `vanish` | that what is lost from the declaration stays on air | the same |
//! | `router_pool`, `router_source`, `router_moves` | RouterPools: outputs, what feeds them, moves between pools | the same |
//! | `router_lives` | hours of switches, faults, restarts and work by hand on router outputs | seeded lives; `examples/soak --routers` lives more |
//! | `cases` | what public bug reports taught | `tests/cases` |
//! | `lease` | that one process writes | candidates, replicas, real processes |
//! | `simulation` | safety at every call, liveness after | seeded lives; `examples/soak` lives more of them |
//! | `mutants` | that the list of mistakes for the simulation fits the source | `tests/mutants` |
//! | `emulator`, `fuzz` | that the emulator behaves like MediaLive; bytes from anywhere | the real SDK, random bytes |
//! | `http`, `doctor` | the server and `slotwise doctor` | a socket, the emulator |
//! | `cli`, `guides` | the binary: output, exit codes, signals; each guide as printed | processes |
//! | `tidy` | the structure that `src/lib.rs` promises | the parsed source |
//!
//! `plan_support` and `stage` are what several of them stand on.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot continue panics, and says where"
)]

mod bad_days;
mod bruteforce;
mod cases;
mod cli;
mod cycle;
mod doctor;
mod emulator;
mod fleet;
#[path = "../fuzz/mod.rs"]
mod fuzz;
mod guides;
mod http;
mod keys;
mod lease;
mod manifest;
mod mutants;
mod plan_golden;
mod plan_properties;
mod plan_support;
mod races;
mod recording;
mod refused_targets;
mod replay;
#[path = "../router_lives.rs"]
mod router_lives;
mod router_moves;
mod router_pool;
mod router_source;
#[expect(dead_code, reason = "examples/soak uses the rest of it")]
#[path = "../simulation.rs"]
mod simulation;
mod stage;
mod tables;
mod takeover;
mod tidy;
mod vanish;
