//! `slotwise doctor`: whether all that `run` needs is there.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tokio::time::{Instant, sleep_until};

use super::args::ConnectionArgs;
use super::connect::{self, Purpose, keys, table_access};
use super::endpoint::{Endpoint, Service, variable};
use super::exit::ExitCode;
use super::failure::{CommandResult, Failure};
use super::output::Output;
use super::validate::{ListFormat, Shown};
use crate::controller::Clock;
use crate::doctor::{Account, Check, LIMIT, Patient, Tally, UnderWay, examine};
use crate::medialive;
use crate::model::OwnerId;
use crate::render::doctor::{checks, checks_json, commands};
use crate::secrets;
use crate::store::{LoadOptions, Sources, Tables};
use crate::wiring::{self, Aws, WiringError, World};

/// A longer wait shows what it is for.
const PATIENCE: Duration = Duration::from_secs(1);
/// And again after this long.
const REMINDER: Duration = Duration::from_secs(5);

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// YAML files and directories with the declared state; without any only AWS itself is looked at
    #[arg(value_name = "SOURCE")]
    sources: Vec<PathBuf>,
    /// The table that `run --lease-table` is to use
    #[arg(long, env = "SLOTWISE_LEASE_TABLE", value_name = "TABLE")]
    lease_table: Option<String>,
    /// Print the AWS CLI commands that would make what RouterPools lack, after the checks
    #[arg(long)]
    print: bool,
    #[command(flatten)]
    shown: Shown,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Looks at everything, and shows what it found.
pub(super) async fn run(args: DoctorArgs, output: &Output) -> CommandResult {
    let found = Box::pin(look(&args, output)).await?;
    match args.shown.output {
        ListFormat::Text => {
            output.print(&checks(&found, output.style()));
            if args.print {
                output.print(&commands(&found));
            }
        }
        ListFormat::Json => output.print(&checks_json(&found)),
    }
    Ok(match Tally::of(&found).failed {
        0 => ExitCode::Success,
        _ => ExitCode::Error,
    })
}

async fn look(args: &DoctorArgs, output: &Output) -> Result<Vec<Check>, Failure> {
    let patient = patient(args).await?;
    let under_way = UnderWay::default();
    let examined = examine(patient, &under_way);
    tokio::pin!(examined);
    let mut next = Instant::now() + PATIENCE;
    loop {
        tokio::select! {
            checks = &mut examined => return Ok(checks),
            () = sleep_until(next) => {
                output.note(&format!("waiting for {} …\n", under_way.names().join(", ")));
                next += REMINDER;
            }
        }
    }
}

async fn patient(args: &DoctorArgs) -> Result<Patient, Failure> {
    let connection = &args.connection;
    let region = connection.region.as_deref();
    let owner = OwnerId::new(&connection.owner_id);
    let purpose = Purpose {
        sources: &args.sources,
        connection,
        changes: None,
        grants: &[],
        lasts: false,
    };
    let world = purpose.world_or_empty(&owner).await?;
    let tables = table_access(region)?;
    let sources = if args.sources.is_empty() {
        None
    } else {
        let keys = keys(region, secrets::TTL)?;
        let sources = Sources::new(args.sources.clone(), owner.clone(), LoadOptions::default());
        let limited = Tables::new(tables.clone(), None).with_first_look_limit(LIMIT);
        Some(sources.with_keys(keys).with_tables(limited))
    };
    let medialive = match wiring::client(&world, &wire(connection), None).await {
        Ok(client) => Some(client),
        Err(WiringError::NoRegion) => None,
        Err(error) => return Err(error.into()),
    };
    let mediaconnect = match wiring::mediaconnect(&world, &wire(connection), None).await {
        Ok(client) => Some(client),
        Err(WiringError::NoRegion) => None,
        Err(error) => return Err(error.into()),
    };
    let endpoint = connection.endpoint();
    let account = match world {
        World::Emulator(_) => None,
        World::Aws(aws) => Some(account(connection, endpoint.as_ref(), aws)),
    };
    Ok(Patient {
        account,
        medialive,
        mediaconnect,
        endpoint: endpoint.map(|endpoint| format!("{endpoint}, named by {}", endpoint.named_by)),
        sources,
        tables,
        lease_table: args.lease_table.clone(),
        owner,
        concurrency: connection.concurrency,
        clock: Clock::system(),
    })
}

/// No attempt takes longer than the other checks.
fn wire(connection: &ConnectionArgs) -> medialive::Settings {
    medialive::Settings {
        attempt_timeout: connection.attempt_timeout.min(LIMIT),
        operation_timeout: connection.operation_timeout.min(LIMIT),
        ..connect::wire(connection)
    }
}

fn account(connection: &ConnectionArgs, endpoint: Option<&Endpoint>, aws: Aws) -> Account {
    let variables = ["AWS_REGION", "AWS_DEFAULT_REGION"];
    let named_by = match connection.region {
        Some(_) => Some("--region"),
        None => variables.into_iter().find(|name| variable(name).is_some()),
    };
    // An emulator on this machine has no identities, and STS does not know the credentials that it takes.
    let is_local = endpoint.is_some_and(Endpoint::is_local);
    let is_known = !is_local || Endpoint::of_environment(Service::Sts).is_some();
    Account {
        made_up: aws.placeholder_credentials,
        region_named_by: named_by,
        identity: is_known.then(|| aws.clone().connect()),
        connect: aws.connect(),
    }
}
