//! DynamoDB tables as a source, and the status in their items.

mod bad_days;
mod commands;
pub(crate) mod dynamo;
mod source;
mod status;
pub(crate) mod tenants;

use std::fs;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use slotwise::testing::controller::lease::Lease;
use slotwise::testing::controller::{Clock, Controller, Event, Settings, Until};
use slotwise::testing::emulator::{Emulator, Options};
use slotwise::testing::medialive;
use slotwise::testing::model::{OwnerId, Trust};
use slotwise::testing::store::{LoadOptions, Loaded, Source, Sources, Tables};
use slotwise::testing::wiring;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use self::dynamo::Dynamo;

const POOL: &str = "apiVersion: slotwise.dev/v1alpha1
kind: ChannelPool
metadata: { name: main }
spec:
  channels: [{ id: \"4000001\" }, { id: \"4000002\" }]
  slots: { outputGroups: \"RTMP-Slot-*\", parkingUrl: \"rtmp://127.0.0.1:1935/parked\" }
";

/// Declarations in files, one of them a table.
pub(crate) struct Fixture {
    dir: TempDir,
    pub(crate) dynamo: Dynamo,
}

impl Fixture {
    /// A DestinationTable `front-end` of the table `live` with `spec` besides.
    async fn new(spec: &str) -> Self {
        let fixture = Self {
            dir: TempDir::new().unwrap(),
            dynamo: Dynamo::start().await,
        };
        fixture.write("pool.yaml", POOL);
        fixture.declare(&fixture.table(), spec);
        fixture
    }

    /// The name of the table: one of its own for each test, as they may share a DynamoDB.
    pub(crate) fn table(&self) -> String {
        let dir = self.dir.path().file_name().unwrap().to_str().unwrap();
        format!("live{dir}")
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.dir.path().join(name), text).unwrap();
    }

    fn declare(&self, table: &str, spec: &str) {
        self.write(
            "table.yaml",
            &format!(
                "apiVersion: slotwise.dev/v1alpha1\nkind: DestinationTable\nmetadata: {{ name: front-end }}\nspec:\n  table: {table}\n  pool: main\n  {spec}\n"
            ),
        );
    }

    /// What reads it all, and writes statuses.
    fn sources(&self) -> Sources {
        let tables = Tables::new(self.dynamo.access(), Some(Lease::alone().gate()));
        let paths = vec![self.dir.path().to_owned()];
        Sources::new(paths, OwnerId::new("test"), LoadOptions::default()).with_tables(tables)
    }

    /// Problems with neither the directory nor the name of the table in them.
    fn messages(&self, loaded: &Loaded) -> Vec<String> {
        let (dir, table) = (format!("{}/", self.dir.path().display()), self.table());
        let clean = |text: String| text.replace(&dir, "").replace(&table, "live");
        loaded
            .problems
            .iter()
            .map(|problem| clean(problem.to_string()))
            .collect()
    }

    /// The whole daemon on an emulator that is a thousand times faster than MediaLive.
    pub(crate) fn daemon(&self, emulator: &Emulator) -> Daemon {
        let mut settings = Settings::new(OwnerId::new("test"));
        settings.transition_interval = Duration::from_millis(100);
        settings.interval = Duration::from_secs(1);
        settings.batch_idle = Duration::from_millis(100);
        let events = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&events);
        let client = wiring::emulated_client(emulator, &medialive::Settings::default());
        let controller = wiring::assemble(
            self.sources(),
            client,
            Lease::alone(),
            Clock::system(),
            7,
            settings,
            Box::new(move |event| heard.lock().unwrap().push(event)),
        );
        Daemon { controller, events }
    }
}

pub(crate) struct Daemon {
    pub(crate) controller: Controller<Sources>,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Daemon {
    /// Runs while `during` runs.
    pub(crate) fn run_during<'a>(
        &'a mut self,
        during: impl Future<Output = ()> + 'a,
    ) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
        let asked = CancellationToken::new();
        let end = asked.clone();
        Box::pin(async move {
            tokio::join!(self.controller.run(Until::Asked, &asked), async move {
                during.await;
                end.cancel();
            });
        })
    }

    fn log(&self) -> String {
        format!("{:?}", self.events.lock().unwrap())
    }
}

pub(crate) async fn emulator(fixture: &Fixture) -> Emulator {
    let mut sources = Sources::new(
        vec![fixture.dir.path().to_owned()],
        OwnerId::new("test"),
        LoadOptions::default(),
    );
    let fleet = wiring::invent(&sources.load().await.unwrap().desired);
    let options = Options {
        speed: 1000.0,
        ..Options::default()
    };
    Emulator::new(options, fleet)
}

/// What anything may take before a test gives up: only what never happens takes so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// Waits until `holds`.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let limit = tokio::time::Instant::now() + PATIENCE;
    while !holds() {
        assert!(
            tokio::time::Instant::now() < limit,
            "not {what} after {PATIENCE:?}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Loads again and again until `wanted` holds of it.
async fn load_until(sources: &mut Sources, what: &str, wanted: impl Fn(&Loaded) -> bool) -> Loaded {
    let mut loaded = sources.load().await.unwrap();
    let limit = tokio::time::Instant::now() + PATIENCE;
    while tokio::time::Instant::now() < limit {
        if wanted(&loaded) {
            return loaded;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
        if sources.changed().await {
            loaded = sources.load().await.unwrap();
        }
    }
    panic!(
        "not {what} after {PATIENCE:?}: {:?} {:?} {:?}",
        names(&loaded),
        loaded.desired.trust,
        loaded.problems
    );
}

fn names(loaded: &Loaded) -> Vec<String> {
    loaded
        .desired
        .destinations
        .keys()
        .map(ToString::to_string)
        .collect()
}

fn doubt(loaded: &Loaded) -> &str {
    match &loaded.desired.trust {
        Trust::Whole => "",
        Trust::Doubted { why } => why,
    }
}
