//! Peak memory of the daemon with many destinations: the real binary, against an emulator in this process. The variable
//! `SLOTWISE_BENCH_BINARY` names another one, to compare two versions.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use slotwise::testing::emulator::channel::State;
use slotwise::testing::emulator::{
    Emulator, Fleet, InventedChannel, InventedPool, InventedSlot, Options, Quotas,
};
use slotwise::testing::model::OwnerId;
use slotwise::testing::store::{LoadOptions, Source, Sources};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use super::tables::{self, Dynamo};

/// The rows: title, and where the destinations are declared.
pub(crate) const ROWS: [(&str, Declared); 2] = [
    (
        "daemon memory, 10 000 destinations on 2 500 channels, from start to all on air",
        Declared::InFiles,
    ),
    (
        "daemon memory, the same with the destinations in a table and their status written back",
        Declared::InATable,
    ),
];

/// Where the destinations are declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Declared {
    InFiles,
    InATable,
}

const DESTINATIONS: usize = 10_000;
const SLOTS_PER_CHANNEL: usize = 4;
const POOLS: usize = 50;
const PARKING: &str = "rtmp://127.0.0.1:1935/parked";

/// How long the daemon may take to put every destination on air.
const LIMIT: Duration = Duration::from_mins(5);

/// How many went on air, and the largest resident set of the daemon meanwhile in kilobytes.
pub(crate) async fn measure(declared: Declared) -> Result<(usize, u64), Box<dyn Error>> {
    let channels = DESTINATIONS / SLOTS_PER_CHANNEL;
    let pools: Vec<InventedPool> = (0..POOLS).map(|pool| invented(pool, channels / POOLS)).collect();
    let options = Options {
        speed: 100.0,
        account_limit: false,
        quotas: Quotas {
            channels: channels * 2,
            pull_inputs: channels * 2,
            ..Quotas::default()
        },
        ..Options::default()
    };
    let emulator = Emulator::new(options, Fleet::invent(&pools));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    let folder = tempfile::tempdir()?;
    declare(folder.path(), &pools)?;
    let dynamo = match declared {
        Declared::InFiles => None,
        Declared::InATable => Some(into_a_table(folder.path()).await?),
    };

    let serving = emulator.clone();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move { serving.serve(listener, std::future::pending()).await });
    let mut daemon = Ended(start(folder.path(), &endpoint, dynamo.as_ref())?);
    let begun = Instant::now();
    let mut on_air = 0;
    while on_air < channels && begun.elapsed() < LIMIT {
        sleep(Duration::from_millis(500)).await;
        if let Some(status) = daemon.0.try_wait()? {
            return Err(format!("the daemon ended with {status}").into());
        }
        on_air = emulator.with_world(|world, _| {
            world
                .channels()
                .values()
                .filter(|channel| channel.state() == State::Running)
                .count()
        });
    }
    let peak = peak_kilobytes(daemon.0.id())?;
    Ok((on_air * SLOTS_PER_CHANNEL, peak))
}

/// A child that does not outlive this measurement.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn invented(pool: usize, channels: usize) -> InventedPool {
    let slot = |channel: &str, number: usize| InventedSlot {
        output_group: format!("RTMP-Slot-{number}"),
        stream_names: vec![format!("{channel}-RTMP-Slot-{number}-0")],
    };
    let channel = |number: usize| {
        let id = format!("{}", 1_000_000 + pool * channels + number);
        InventedChannel {
            slots: (1..=SLOTS_PER_CHANNEL).map(|number| slot(&id, number)).collect(),
            id,
            standard: false,
            parking_url: PARKING.to_owned(),
        }
    };
    InventedPool {
        name: format!("pool-{pool}"),
        channels: (0..channels).map(channel).collect(),
    }
}

fn declare(folder: &Path, pools: &[InventedPool]) -> Result<(), Box<dyn Error>> {
    fs::write(folder.join("key"), "a-key\n")?;
    for pool in pools {
        let name = &pool.name;
        let ids: Vec<String> = pool
            .channels
            .iter()
            .map(|channel| format!("{{id: \"{}\"}}", channel.id))
            .collect();
        let mut yaml = format!(
            "apiVersion: slotwise.dev/v1alpha1\nkind: ChannelPool\nmetadata: {{name: {name}}}\nspec:\n  channels: [{}]\n  slots: {{outputGroups: \"RTMP-Slot-*\", parkingUrl: \"{PARKING}\"}}\n  placement: Pack\n",
            ids.join(", ")
        );
        for number in 0..pool.channels.len() * SLOTS_PER_CHANNEL {
            write!(
                yaml,
                "---\napiVersion: slotwise.dev/v1alpha1\nkind: Destination\nmetadata: {{name: {name}-{number}}}\nspec: {{pool: {name}, state: Streaming, url: \"rtmp://{name}-{number}.example/live\", streamKeyFrom: {{file: key}}}}\n"
            )?;
        }
        fs::write(folder.join(format!("{name}.yaml")), yaml)?;
    }
    Ok(())
}

/// Takes the destinations out of the files below `folder` and puts them into a table.
async fn into_a_table(folder: &Path) -> Result<Dynamo, Box<dyn Error>> {
    let paths = vec![folder.to_owned()];
    let mut sources = Sources::new(paths, OwnerId::new("bench"), LoadOptions::default());
    let desired = sources.load().await?.desired;
    let dynamo = Dynamo::start().await?;
    dynamo
        .fill(desired.destinations.values().map(AsRef::as_ref))
        .await?;
    for entry in fs::read_dir(folder)? {
        fs::remove_file(entry?.path())?;
    }
    tables::declare(folder, &desired)?;
    Ok(dynamo)
}

fn start(folder: &Path, endpoint: &str, dynamo: Option<&Dynamo>) -> std::io::Result<Child> {
    let built = env!("CARGO_BIN_EXE_slotwise").into();
    let mut command = Command::new(std::env::var_os("SLOTWISE_BENCH_BINARY").unwrap_or(built));
    if let Some(dynamo) = dynamo {
        command.env("AWS_ENDPOINT_URL_DYNAMODB", &dynamo.endpoint);
    }
    command
        .arg("run")
        .arg(folder)
        .args([
            "--endpoint-url",
            endpoint,
            "--region",
            "us-east-1",
            "--owner-id",
            "bench",
        ])
        .args([
            "--medialive-rps",
            "1000",
            "--concurrency",
            "32",
            "--transition-interval",
            "1s",
        ])
        .envs([("AWS_ACCESS_KEY_ID", "bench"), ("AWS_SECRET_ACCESS_KEY", "bench")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

/// `VmHWM`: the largest resident set so far.
fn peak_kilobytes(pid: u32) -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .ok_or("no VmHWM in /proc")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse()?)
}
