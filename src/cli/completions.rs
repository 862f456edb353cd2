//! `slotwise completions`: scripts for shells.

use clap::Args;
use clap_complete::Shell;

use super::exit::ExitCode;
use super::output::Output;

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script.
pub(super) fn run(args: &CompletionsArgs, output: &Output) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), "slotwise", &mut script);
    output.print(&String::from_utf8_lossy(&script));
    ExitCode::Success
}
