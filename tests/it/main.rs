//! The one integration binary: every file more would be one more link against the AWS SDK.

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
mod replay;
#[expect(dead_code, reason = "examples/soak uses the rest of it")]
#[path = "../simulation.rs"]
mod simulation;
mod stage;
mod tables;
mod tidy;
