//! `slotwise status`: destinations, channels and slots as they are, looked at, or as one that runs sees them.

use std::sync::Arc;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use tokio::time::sleep;

use super::args::{ConnectionArgs, parse_time};
use super::connect::{Live, Purpose, check_outputs, show_problems, unseen_outputs};
use super::exit::ExitCode;
use super::failure::{CommandResult, Failure};
use super::output::Output;
use super::server::{Server, ServerArgs};
use super::validate::ListFormat;
use crate::render::status::{status, status_json};
use crate::status::{Status, status as status_of};

/// Time between looks: each is a list of the channels.
const INTERVAL: Duration = Duration::from_secs(5);

/// Time between questions to one that runs, which cost MediaLive nothing.
const INTERVAL_OF_SERVER: Duration = Duration::from_secs(1);

/// Arguments of `status`.
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// YAML files and directories with the declared state; below a directory every .yaml, .yml and .json file is read. - is
    /// standard input. Without any the slotwise that runs on this machine is asked
    #[arg(value_name = "SOURCE", conflicts_with = "server")]
    sources: Vec<PathBuf>,
    /// Look again and again, until ended
    #[arg(short, long, env = "SLOTWISE_WATCH")]
    watch: bool,
    /// With --watch: time between looks [default: 5s, where a running slotwise is asked 1s]
    #[arg(long, env = "SLOTWISE_WATCH_INTERVAL", value_name = "TIME", value_parser = parse_time)]
    watch_interval: Option<Duration>,
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
    server: ServerArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Looks, or asks one that runs, and shows what is true.
pub(super) async fn run(args: StatusArgs, output: &Output) -> CommandResult {
    if !args.sources.is_empty() {
        return Box::pin(look(&args, output)).await;
    }
    refuse_connection(&args)?;
    let server = args.server.find().await?;
    show_of(&server, &args, output).await?;
    if args.watch {
        watch_of(server, &args, output).await;
    }
    Ok(ExitCode::Success)
}

/// The flags of the connection need a SOURCE: a running slotwise has its own connection.
fn refuse_connection(args: &StatusArgs) -> Result<(), Failure> {
    let connection = &args.connection;
    let named = [
        ("--emulator", connection.emulator.is_some()),
        ("--endpoint-url", connection.endpoint_url.is_some()),
        ("--region", connection.region.is_some()),
    ];
    match named.into_iter().find(|(_, is_given)| *is_given) {
        None => Ok(()),
        Some((flag, _)) => Err(Failure::usage(format!(
            "{flag} says where to look, and no SOURCE says for what"
        ))
        .next("name a SOURCE: a YAML file or a directory of them, for example examples/quickstart")),
    }
}

/// Shows the status of one that runs.
async fn show_of(server: &Server, args: &StatusArgs, output: &Output) -> Result<(), Failure> {
    let style = output.style();
    let document = match args.output {
        ListFormat::Json => server.get("/api/v1/status").await?,
        ListFormat::Text => {
            let (width, color) = (style.width, style.color);
            let path = format!("/api/v1/status?output=text&width={width}&color={color}");
            server.get(&path).await?
        }
    };
    if args.watch && args.output == ListFormat::Text {
        output.clear();
    }
    if let (Some(at), ListFormat::Text) = (server.found_at(), args.output) {
        output.print(&format!("the slotwise at {at} says:\n\n"));
    }
    output.print(&document);
    Ok(())
}

/// Runs until standard output is closed or fails. A server that is started again is found again.
async fn watch_of(mut server: Server, args: &StatusArgs, output: &Output) {
    let mut was_there = true;
    while !output.is_closed() && !output.is_lost() {
        sleep(args.watch_interval.unwrap_or(INTERVAL_OF_SERVER)).await;
        match show_of(&server, args, output).await {
            Ok(()) => was_there = true,
            Err(failure) => {
                // Once, and not each second.
                if was_there {
                    output.warning(&failure);
                }
                was_there = false;
                if let Ok(other) = args.server.find().await {
                    server = other;
                }
            }
        }
    }
}

async fn look(args: &StatusArgs, output: &Output) -> CommandResult {
    let purpose = Purpose {
        sources: &args.sources,
        connection: &args.connection,
        changes: None,
        grants: &[],
        lasts: false,
    };
    let (controller, view) = purpose.look(output).await?;
    // What is on air is worth seeing whatever is wrong with the declarations.
    show_problems(&view.loaded.problems, output);
    check_outputs(&view, output)?;
    let is_in_part = unseen_outputs(&view).is_some();
    show(&view.status, view.at, args, output);
    if args.watch {
        watch(controller, view.status, args, output).await;
    }
    Ok(if is_in_part {
        ExitCode::Partial
    } else {
        ExitCode::Success
    })
}

/// Runs until standard output is closed or fails.
async fn watch(mut controller: Live, mut last: Arc<Status>, args: &StatusArgs, output: &Output) {
    while !output.is_closed() && !output.is_lost() {
        sleep(args.watch_interval.unwrap_or(INTERVAL)).await;
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
            // A single look does not know since when anything is so.
            let since = args.watch.then_some(at);
            output.print(&status(now, since, output.style()));
        }
    }
}
