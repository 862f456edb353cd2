//! `slotwise`: parse, telemetry, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    slotwise::main().into()
}
