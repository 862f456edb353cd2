//! What a table as a source costs, against a DynamoDB on this machine.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use aws_types::SdkConfig;
use aws_types::region::Region;
use slotwise::testing::aws::Connect;
use slotwise::testing::controller::lease::Lease;
use slotwise::testing::manifest::table::TablePlace;
use slotwise::testing::model::{Desired, Destination, Observed, OwnerId, StreamKey, WantedState};
use slotwise::testing::plan::plan;
use slotwise::testing::status::{Status, status};
use slotwise::testing::store::dynamodb::Access;
use slotwise::testing::store::{LoadOptions, Source, Sources, Tables};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::planner;

/// The title of the rows.
pub(crate) const TITLE: &str = "table, 10 000 items on 2 500 channels";

const ITEMS: usize = 10_000;
/// Destinations that change at once.
const STORM: usize = 1_000;
const TABLE: &str = "bench-destinations";
/// Items of one BatchWriteItem.
const BATCH: usize = 25;

/// A DynamoDB in this process.
pub(crate) struct Dynamo {
    pub(crate) endpoint: String,
    client: Client,
}

fn serve(listener: std::net::TcpListener) {
    let served = || -> Result<(), Box<dyn Error>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener)?;
            dynoxide::server::serve_on(listener, dynoxide::Database::memory()?).await;
            Ok(())
        })
    };
    if let Err(error) = served() {
        anstream::eprintln!("DynamoDB ended: {error}");
    }
}

impl Dynamo {
    pub(crate) async fn start() -> Result<Self, Box<dyn Error>> {
        let listener = TcpListener::bind("127.0.0.1:0").await?.into_std()?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        // It blocks its threads, and must not block those of what is measured. Its thread ends with the process.
        std::thread::spawn(move || serve(listener));
        Ok(Self {
            client: Client::new(&config(&endpoint)),
            endpoint,
        })
    }

    pub(crate) fn access(&self) -> Access {
        let endpoint = self.endpoint.clone();
        Access::new(Connect::new(move || {
            let config = config(&endpoint);
            async move { config }
        }))
    }

    /// The table with an item for each of `destinations`.
    pub(crate) async fn fill<'a>(
        &self,
        destinations: impl Iterator<Item = &'a Destination>,
    ) -> Result<(), Box<dyn Error>> {
        let place = TablePlace {
            table: TABLE.to_owned(),
            region: None,
            endpoint: None,
        };
        self.access().table(&place).await.create(true).await?;
        let items: Vec<HashMap<String, AttributeValue>> = destinations.map(item).collect();
        for batch in items.chunks(BATCH) {
            let write = |item: &HashMap<String, AttributeValue>| {
                let put = PutRequest::builder().set_item(Some(item.clone())).build()?;
                Ok::<_, Box<dyn Error>>(WriteRequest::builder().put_request(put).build())
            };
            let writes = batch.iter().map(write).collect::<Result<Vec<_>, _>>()?;
            self.client
                .batch_write_item()
                .request_items(TABLE, writes)
                .send()
                .await?;
        }
        Ok(())
    }
}

impl Dynamo {
    /// Items that have a status.
    async fn count_with_status(&self) -> Result<usize, Box<dyn Error>> {
        let mut count = 0;
        let mut pages = self
            .client
            .scan()
            .table_name(TABLE)
            .filter_expression("attribute_exists(#s)")
            .expression_attribute_names("#s", "status")
            .into_paginator()
            .items()
            .send();
        while pages.try_next().await?.is_some() {
            count += 1;
        }
        Ok(count)
    }
}

fn config(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::from_keys("bench", "bench", None);
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .sleep_impl(aws_smithy_async::rt::sleep::SharedAsyncSleep::new(
            aws_smithy_async::rt::sleep::TokioSleep::new(),
        ))
        .time_source(aws_smithy_async::time::SharedTimeSource::new(
            aws_smithy_async::time::SystemTimeSource::new(),
        ))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}

fn item(destination: &Destination) -> HashMap<String, AttributeValue> {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let key = match &destination.key {
        StreamKey::Known(key) => key.reveal(),
        StreamKey::Unavailable { .. } => "a-key",
    };
    let state = match destination.state {
        WantedState::Streaming => "Streaming",
        WantedState::Ready => "Ready",
    };
    let mut item = HashMap::from([
        ("name".to_owned(), text(destination.name.as_str())),
        ("pool".to_owned(), text(destination.pool.as_str())),
        ("state".to_owned(), text(state)),
        ("url".to_owned(), text(&destination.url)),
        ("streamKey".to_owned(), text(key)),
        (
            "priority".to_owned(),
            AttributeValue::N(destination.priority.to_string()),
        ),
        (
            "interruptible".to_owned(),
            AttributeValue::Bool(destination.interruptible),
        ),
    ]);
    if let Some(group) = &destination.group {
        item.insert("group".to_owned(), text(&group.to_string()));
    }
    item
}

/// The pools of `desired`, and the table.
pub(crate) fn declare(folder: &Path, desired: &Desired) -> Result<(), Box<dyn Error>> {
    let mut yaml = format!(
        "apiVersion: slotwise.dev/v1alpha1\nkind: DestinationTable\nmetadata: {{name: bench}}\nspec: {{table: {TABLE}}}\n"
    );
    for pool in desired.pools.values() {
        let ids: Vec<String> = pool
            .channels
            .iter()
            .map(|channel| format!("{{id: \"{}\"}}", channel.id))
            .collect();
        write!(
            yaml,
            "---\napiVersion: slotwise.dev/v1alpha1\nkind: ChannelPool\nmetadata: {{name: {}}}\nspec:\n  channels: [{}]\n  slots: {{outputGroups: \"RTMP-Slot-*\", parkingUrl: \"{}\"}}\n  placement: Pack\n",
            pool.name,
            ids.join(", "),
            pool.slots.parking_url
        )?;
    }
    fs::write(folder.join("bench.yaml"), yaml)?;
    Ok(())
}

/// Prints how long it takes to load and plan, and to write a storm of statuses.
pub(crate) async fn run() -> Result<(), Box<dyn Error>> {
    let (world, observed) = planner::pools_of_25(ITEMS);
    let dynamo = Dynamo::start().await?;
    dynamo
        .fill(world.destinations.values().map(AsRef::as_ref))
        .await?;
    let folder = tempfile::tempdir()?;
    declare(folder.path(), &world)?;
    let sources = || {
        let paths = vec![folder.path().to_owned()];
        Sources::new(paths, OwnerId::new("bench"), LoadOptions::default())
            .with_tables(Tables::new(dynamo.access(), Some(Lease::alone().gate())))
    };
    anstream::println!("{TITLE}");
    let mut times = Vec::new();
    for _ in 0..5 {
        let mut sources = sources();
        let begun = Instant::now();
        let loaded = sources.load().await?;
        let load = begun.elapsed();
        let planned = plan(&loaded.desired, &observed, planner::now());
        times.push((begun.elapsed(), load));
        if (loaded.desired.destinations.len(), planned.destinations.len()) != (ITEMS, ITEMS) {
            return Err(format!(
                "{} items loaded: {:?}",
                loaded.desired.destinations.len(),
                loaded.problems.first()
            )
            .into());
        }
    }
    times.sort_unstable();
    let (both, load) = times[0];
    anstream::println!("  load and plan    minimum {both:.2?}, of which load {load:.2?}");
    anstream::println!(
        "  {STORM} statuses written in {:.2?}",
        storm(&dynamo, &mut sources(), &observed).await?
    );
    Ok(())
}

/// How long it takes until each of [`STORM`] items has a status.
async fn storm(
    dynamo: &Dynamo,
    sources: &mut Sources,
    observed: &Observed,
) -> Result<Duration, Box<dyn Error>> {
    let loaded = sources.load().await?;
    let planned = plan(&loaded.desired, observed, planner::now());
    let mut all = status(&loaded.desired, &[], &planned, &Status::default(), planner::now());
    all.destinations.truncate(STORM);
    let begun = Instant::now();
    sources.publish(&all);
    sources.finish().await;
    let took = begun.elapsed();
    let written = dynamo.count_with_status().await?;
    if written == STORM {
        Ok(took)
    } else {
        Err(format!("{written} statuses written after {took:?}").into())
    }
}
