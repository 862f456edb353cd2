//! `slotwise status`: destinations, channels and slots as they are.

use std::sync::Arc;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use tokio::time::sleep;

use super::args::{ConnectionArgs, parse_time};
use super::connect::{Live, Purpose, show_problems};
use super::exit::ExitCode;
use super::failure::{CommandResult, Failure};
use super::output::Output;
use super::validate::ListFormat;
use crate::render::status::{status, status_json};
use crate::status::{Status, status as status_of};

/// Arguments of `status`.
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// YAML files and directories with the declared state; below a directory every .yaml and .yml file is read
    #[arg(value_name = "SOURCE", required = true)]
    sources: Vec<PathBuf>,
    /// Look again and again, until ended
    #[arg(short, long, env = "SLOTWISE_WATCH")]
    watch: bool,
    /// With --watch: time between looks
    #[arg(long, env = "SLOTWISE_WATCH_INTERVAL", value_name = "TIME", default_value = "5s", value_parser = parse_time)]
    watch_interval: Duration,
    /// How to show it; with --watch json is one document after the other
    #[arg(
        long,
        value_enum,
        default_value_t,
        env = "SLOTWISE_OUTPUT",
        value_name = "FORMAT"
    )]
    output: ListFormat,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Looks, and shows what is true.
pub(super) async fn run(args: StatusArgs, output: &Output) -> CommandResult {
    Box::pin(look(&args, output)).await
}

async fn look(args: &StatusArgs, output: &Output) -> CommandResult {
    let purpose = Purpose {
        sources: &args.sources,
        connection: &args.connection,
        changes: None,
        grants: &[],
    };
    let (controller, view) = purpose.look(output).await?;
    // What is on air is worth seeing whatever is wrong with the declarations.
    show_problems(&view.loaded.problems, output);
    show(&view.status, view.at, args, output);
    if args.watch {
        watch(controller, view.status, args, output).await;
    }
    Ok(ExitCode::Success)
}

/// Goes on until nobody reads any more, or nothing can be written.
async fn watch(mut controller: Live, mut last: Arc<Status>, args: &StatusArgs, output: &Output) {
    while !output.is_closed() && !output.is_lost() {
        sleep(args.watch_interval).await;
        match Box::pin(controller.look()).await {
            Ok(view) => {
                // A controller that only looks remembers nothing, so since when anything is so is carried on here.
                let loaded = &view.loaded;
                last = Arc::new(status_of(
                    &loaded.desired,
                    &loaded.rejected,
                    &view.plan,
                    &last,
                    view.at,
                ));
                show(&last, view.at, args, output);
            }
            Err(error) => output.warning(&Failure::from(error)),
        }
    }
}

fn show(now: &Status, at: Timestamp, args: &StatusArgs, output: &Output) {
    match args.output {
        ListFormat::Json => output.print(&status_json(now)),
        ListFormat::Text => {
            if args.watch {
                output.clear();
            }
            // A single look cannot tell for how long anything has been so.
            let since = args.watch.then_some(at);
            output.print(&status(now, since, output.style()));
        }
    }
}
