//! The parts of a scene: an emulator and a table on sockets, a wire that can be cut, a user who presses switches.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use slotwise::testing::emulator::{Call, Emulator, Fault, FaultKind, Operation, Options};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::cli::tool::{command, copy_of_quickstart};
use crate::stage::{desired, fleet, pool};

/// Shorter than the default, since some tests wait for its end; and so long that a holder renews it in time on a machine
/// that is many times busier than it should be.
pub(super) const LEASE: Duration = Duration::from_secs(9);

/// What anything may take before a test gives up: only what never happens takes so long.
const PATIENCE: Duration = Duration::from_mins(2);

/// How many tables there were: on one DynamoDB each has a name of its own.
static TABLES: AtomicU64 = AtomicU64::new(0);

const READS: [&str; 3] = ["ListChannels", "DescribeChannel", "ListRouterOutputs"];

/// An emulator, a table, a source that changes all the time.
pub(super) struct Scene {
    emulator: Emulator,
    medialive: String,
    dynamodb: String,
    table: String,
    client: Client,
    /// Ended before its directory is gone: fields are dropped in this order.
    switching: Option<Switching>,
    source: tempfile::TempDir,
    _served: JoinSet<()>,
}

impl Scene {
    /// With an empty table.
    pub(super) async fn new() -> Self {
        let scene = Self::without_table().await;
        scene.create_table().await;
        scene
    }

    pub(super) async fn without_table() -> Self {
        let mut served = JoinSet::new();
        let named = std::env::var_os("SLOTWISE_TEST_DYNAMODB");
        if let Some(endpoint) = named {
            return Self::on(endpoint.into_string().unwrap(), served).await;
        }
        let (listener, endpoint) = listen().await;
        let database = dynoxide::Database::memory().unwrap();
        served.spawn(async move { dynoxide::server::serve_on(listener, database).await });
        Self::on(endpoint, served).await
    }

    /// With a table to which access is denied.
    pub(super) async fn denied() -> Self {
        let mut served = JoinSet::new();
        let (listener, endpoint) = listen().await;
        let body =
            r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"not authorized"}"#;
        let refuse = move || async move {
            let header = [("content-type", "application/x-amz-json-1.0")];
            (axum::http::StatusCode::BAD_REQUEST, header, body)
        };
        let router = axum::Router::new().fallback(refuse);
        served.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self::on(endpoint, served).await
    }

    async fn on(dynamodb: String, mut served: JoinSet<()>) -> Self {
        let (listener, medialive) = listen().await;
        let declared = desired(pool(&["4000001", "4000002"]), Vec::new());
        let options = Options {
            speed: 1000.0,
            // Switches are pressed far more often than people do.
            account_limit: false,
            ..Options::default()
        };
        let emulator = Emulator::new(options, fleet(&declared));
        let service = emulator.clone();
        served.spawn(async move { service.serve(listener, std::future::pending()).await.unwrap() });
        let source = copy_of_quickstart();
        // Without the free channel: a destination that is switched on interrupts another.
        let path = source.path().join("pool.yaml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("    - id: \"4000003\"\n", "")).unwrap();
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .endpoint_url(&dynamodb)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        let number = TABLES.fetch_add(1, Ordering::Relaxed);
        Self {
            emulator,
            medialive,
            dynamodb,
            table: format!("leases-{}-{number}", std::process::id()),
            client: Client::from_conf(config),
            switching: Some(Switching::begin(&source)),
            source,
            _served: served,
        }
    }

    pub(super) fn dynamodb(&self) -> String {
        self.dynamodb.clone()
    }

    pub(super) async fn create_table(&self) {
        let attribute = AttributeDefinition::builder()
            .attribute_name("name")
            .attribute_type(ScalarAttributeType::S);
        let key = KeySchemaElement::builder()
            .attribute_name("name")
            .key_type(KeyType::Hash);
        let table = self
            .client
            .create_table()
            .table_name(&self.table)
            .billing_mode(BillingMode::PayPerRequest)
            .attribute_definitions(attribute.build().unwrap())
            .key_schema(key.build().unwrap());
        if let Err(error) = table.send().await {
            panic!("{}", DisplayErrorContext(error));
        }
        let limit = Instant::now() + PATIENCE;
        while self.row_now().await.is_err() {
            assert!(Instant::now() < limit, "the table is not there");
            sleep(Duration::from_millis(50)).await;
        }
    }

    fn row_name(&self) -> AttributeValue {
        AttributeValue::S(format!("default us-east-1 {}", self.medialive))
    }

    /// The row after its holder gave the lease back: the first candidate need not wait.
    pub(super) async fn give_back(&self) {
        let number = |number: &str| AttributeValue::N(number.to_owned());
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("name", self.row_name())
            .item("epoch", number("0"))
            .item("renewal", number("0"))
            .item("durationMs", number(&LEASE.as_millis().to_string()));
        put.send().await.unwrap();
    }

    async fn row_now(&self) -> Result<Option<HashMap<String, AttributeValue>>, ()> {
        let get = self.client.get_item().table_name(&self.table);
        let got = get
            .key("name", self.row_name())
            .consistent_read(true)
            .send()
            .await;
        got.map(|got| got.item).map_err(drop)
    }

    pub(super) async fn row(&self) -> Option<HashMap<String, AttributeValue>> {
        self.row_now().await.unwrap()
    }

    /// A grant in the row that has ended and was not removed.
    pub(super) async fn put_grant(&self, name: &str) {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let grant = HashMap::from([
            ("id".to_owned(), text("by-hand")),
            ("by".to_owned(), text("a test")),
            ("outcome".to_owned(), text("Waits")),
        ]);
        let grants = AttributeValue::M(HashMap::from([(name.to_owned(), AttributeValue::M(grant))]));
        let update = self.client.update_item().table_name(&self.table);
        let update = update
            .key("name", self.row_name())
            .update_expression("SET grants = :grants")
            .expression_attribute_values(":grants", grants);
        update.send().await.unwrap();
    }

    /// Stops pressing switches: three are wanted, on two channels.
    pub(super) fn rest(&mut self) {
        self.switching = None;
        let file = "corporate.yaml";
        let quickstart = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart");
        fs::copy(quickstart.join(file), self.source.path().join(file)).unwrap();
    }

    /// Wants the third of a group of two that are on air: it joins them only with a grant.
    pub(super) fn want_facebook(&self) {
        let path = self.source.path().join("launch-event.yaml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, text.replace("state: Ready", "state: Streaming")).unwrap();
    }

    pub(super) async fn delete_row(&self) {
        let delete = self.client.delete_item().table_name(&self.table);
        delete.key("name", self.row_name()).send().await.unwrap();
    }

    pub(super) fn replica(&self, name: &'static str) -> Replica {
        self.replica_through(name, &self.dynamodb)
    }

    pub(super) fn replica_through(&self, name: &'static str, dynamodb: &str) -> Replica {
        self.replica_of(name, dynamodb, "default")
    }

    pub(super) fn replica_of(&self, name: &'static str, dynamodb: &str, owner: &str) -> Replica {
        let args = ["--interval", "1s", "--batch-idle", "50ms", "--owner-id", owner];
        let mut command = self.command("run", &args, dynamodb);
        command.arg("--lease-table").arg(&self.table);
        Replica::begin(name, command)
    }

    /// Runs a command to its end: code, and both streams.
    pub(super) async fn ran(&self, name: &str, args: &[&str]) -> (i32, String) {
        let mut command = self.command(name, args, &self.dynamodb);
        command.arg("--lease-table").arg(&self.table);
        to_end(command).await
    }

    pub(super) async fn ran_without_lease(&self, name: &str) -> (i32, String) {
        let mut command = command([name, "--endpoint-url", &self.medialive]);
        command.arg(self.source.path());
        to_end(command).await
    }

    fn command(&self, name: &str, args: &[&str], dynamodb: &str) -> Command {
        let lease = format!("{}s", LEASE.as_secs());
        let mut all = vec![
            name,
            "--endpoint-url",
            &self.medialive,
            "--lease-duration",
            &lease,
        ];
        all.extend(["--attempt-timeout", "3s", "--operation-timeout", "6s"]);
        all.extend(["--transition-interval", "100ms", "--medialive-rps", "50"]);
        all.extend(args);
        let mut command = command(all);
        command.arg(self.source.path());
        command.env("AWS_ENDPOINT_URL_DYNAMODB", dynamodb);
        command
    }

    fn writes(&self) -> Vec<Call> {
        let calls = self.emulator.calls().into_iter();
        calls
            .filter(|call| !READS.contains(&call.operation.as_str()))
            .collect()
    }

    /// From now on each look at a single channel, as before each call, takes so long.
    pub(super) fn slow_looks(&self, time: Duration) {
        let seconds = time.as_secs_f64();
        let slow = Fault::new(FaultKind::Slow { seconds });
        self.emulator.inject(slow.on(Operation::DescribeChannel));
    }

    /// How often a process looked at the channels.
    pub(super) fn looks_of(&self, pid: &str) -> usize {
        let is_its = |call: &Call| {
            READS.contains(&call.operation.as_str())
                && call.user_agent.as_ref().is_some_and(|agent| agent.contains(pid))
        };
        self.emulator.calls().iter().filter(|call| is_its(call)).count()
    }

    /// Waits until so many calls were made in `epoch`.
    pub(super) async fn until_writes_of(&self, epoch: u64, count: usize) {
        let of_epoch = || self.writes().iter().filter(|call| stamp(call).1 == epoch).count();
        self.until(async || of_epoch() >= count).await;
    }

    /// Waits until `holds`.
    pub(super) async fn until(&self, holds: impl AsyncFn() -> bool) {
        let limit = Instant::now() + PATIENCE;
        while !holds().await {
            assert!(
                Instant::now() < limit,
                "not after {PATIENCE:?}, with {} writes",
                self.writes().len()
            );
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Every mutating call has an epoch, epochs never go back, and each is of one process, which is returned.
    pub(super) fn check_record(&self) -> BTreeMap<u64, String> {
        check(&self.writes())
    }

    /// Every row of the table by its name: its holder, and how often it was renewed.
    pub(super) async fn rows(&self) -> BTreeMap<String, (String, u64)> {
        let scanned = self.client.scan().table_name(&self.table).send().await.unwrap();
        let row = |item: &HashMap<String, AttributeValue>| {
            let holder = item.get("holder").map_or("", |holder| holder.as_s().unwrap());
            let renewals = item["renewal"].as_n().unwrap().parse().unwrap();
            (
                item["name"].as_s().unwrap().clone(),
                (holder.to_owned(), renewals),
            )
        };
        scanned.items().iter().map(row).collect()
    }
}

fn check(calls: &[Call]) -> BTreeMap<u64, String> {
    let mut last = 0;
    let mut holders = BTreeMap::new();
    for call in calls {
        let (holder, epoch) = stamp(call);
        assert!(epoch >= last, "epoch {last} was followed by {call:?}");
        last = epoch;
        let known = holders.entry(epoch).or_insert_with(|| holder.clone());
        assert_eq!(*known, holder, "two of one epoch");
    }
    holders
}

/// Holder and epoch of a call.
fn stamp(call: &Call) -> (String, u64) {
    let agent = call.user_agent.as_deref().unwrap_or_default();
    let stamp = agent
        .split("md/slotwise-lease#")
        .nth(1)
        .unwrap_or_else(|| panic!("{} was made without a lease: {agent}", call.operation));
    let (holder, epoch) = stamp.rsplit_once('.').unwrap();
    (holder.to_owned(), epoch.parse().unwrap())
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    (listener, endpoint)
}

pub(in super::super) async fn to_end(mut command: Command) -> (i32, String) {
    let run = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = timeout(PATIENCE, run).await.unwrap().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8(text).unwrap(),
    )
}

/// Presses a switch some times a second.
struct Switching {
    done: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Switching {
    fn begin(source: &tempfile::TempDir) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let (is_done, file) = (Arc::clone(&done), source.path().join("corporate.yaml"));
        let text = fs::read_to_string(&file).unwrap();
        let thread = thread::spawn(move || {
            for press in 0_u32.. {
                if is_done.load(Ordering::Relaxed) {
                    return;
                }
                let state = if press.is_multiple_of(2) {
                    "Ready"
                } else {
                    "Streaming"
                };
                let new = file.with_extension("new");
                fs::write(&new, text.replace("state: Streaming", &format!("state: {state}"))).unwrap();
                fs::rename(&new, &file).unwrap();
                thread::sleep(Duration::from_millis(700));
            }
        });
        Self {
            done,
            thread: Some(thread),
        }
    }
}

impl Drop for Switching {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

/// A process that runs until it is asked to end. Killed with its test.
pub(in super::super) struct Replica {
    name: &'static str,
    child: Child,
    lines: Arc<Mutex<Vec<(Instant, String)>>>,
    /// Threads that listen to it, until it has said its last words.
    listeners: [thread::JoinHandle<()>; 2],
}

impl Replica {
    pub(in super::super) fn begin(name: &'static str, mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let listeners = [
            listen_to(out, Arc::clone(&lines)),
            listen_to(err, Arc::clone(&lines)),
        ];
        Self {
            name,
            child,
            lines,
            listeners,
        }
    }

    /// Its process id, as in the holder's name.
    pub(in super::super) fn pid(&self) -> String {
        format!("-{}-", self.child.id())
    }

    /// Its process id.
    pub(in super::super) fn number(&self) -> u32 {
        self.child.id()
    }

    pub(in super::super) fn said(&self) -> String {
        let lines = self.lines.lock().unwrap();
        lines
            .iter()
            .map(|(_, line)| line.as_str())
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// When it last said so.
    pub(in super::super) fn when(&self, text: &str) -> Instant {
        let lines = self.lines.lock().unwrap();
        let said = lines.iter().rev().find(|(_, line)| line.contains(text));
        said.unwrap().0
    }

    /// Waits until it says so, or has said so.
    pub(in super::super) async fn until(&mut self, text: &str) {
        self.said_after(None, text).await;
    }

    pub(in super::super) async fn until_after(&mut self, moment: Instant, text: &str) {
        self.said_after(Some(moment), text).await;
    }

    async fn said_after(&mut self, moment: Option<Instant>, text: &str) {
        let limit = Instant::now() + PATIENCE;
        loop {
            let is_said = |(at, line): &(Instant, String)| {
                line.contains(text) && moment.is_none_or(|moment| *at >= moment)
            };
            if self.lines.lock().unwrap().iter().any(is_said) {
                return;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                Instant::now() < limit && ended.is_none(),
                "{} did not say {text:?}: {ended:?}\n{}",
                self.name,
                self.said()
            );
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Sends `signal`, and says when.
    pub(in super::super) fn signal(&self, signal: &str) -> Instant {
        let now = Instant::now();
        let args = ["-s", signal, &self.child.id().to_string()];
        assert!(Command::new("kill").args(args).status().unwrap().success());
        now
    }

    /// Ends it at once.
    pub(in super::super) async fn kill(&mut self) -> Instant {
        let now = Instant::now();
        self.child.kill().unwrap();
        self.ended().await;
        now
    }

    /// Sends `signal` and waits for the end: the code.
    pub(in super::super) async fn end(&mut self, signal: &str) -> i32 {
        self.signal(signal);
        self.ended().await
    }

    pub(in super::super) async fn ended(&mut self) -> i32 {
        let limit = Instant::now() + PATIENCE;
        loop {
            let status = self.child.try_wait().unwrap();
            let heard = self.listeners.iter().all(thread::JoinHandle::is_finished);
            if let Some(status) = status.filter(|_| heard) {
                return status.code().unwrap_or(-1);
            }
            assert!(Instant::now() < limit, "{} does not end", self.name);
            sleep(Duration::from_millis(20)).await;
        }
    }
}

#[expect(
    clippy::print_stdout,
    reason = "a test that fails shows what its processes said"
)]
impl Drop for Replica {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
        if thread::panicking() {
            println!("--- {} ({}) said:\n{}", self.name, self.pid(), self.said());
        }
    }
}

fn listen_to(
    stream: impl Read + Send + 'static,
    lines: Arc<Mutex<Vec<(Instant, String)>>>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { return };
            lines.lock().unwrap().push((Instant::now(), line));
        }
    })
}

/// A wire to the table that can be cut: nothing comes through, and nothing says so.
pub(super) struct Proxy {
    address: SocketAddr,
    is_cut: Arc<AtomicBool>,
    /// Ends the connections that are open.
    scissors: Arc<Mutex<CancellationToken>>,
    _task: JoinSet<()>,
}

impl Proxy {
    pub(super) async fn to(endpoint: String) -> Self {
        let target = endpoint
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let is_cut = Arc::new(AtomicBool::new(false));
        let scissors = Arc::new(Mutex::new(CancellationToken::new()));
        let (cut, token) = (Arc::clone(&is_cut), Arc::clone(&scissors));
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut lines = JoinSet::new();
            loop {
                let (mut from, _) = listener.accept().await.unwrap();
                let (target, cut, token) = (target.clone(), Arc::clone(&cut), token.lock().unwrap().clone());
                lines.spawn(async move {
                    if cut.load(Ordering::Acquire) {
                        // Taken, and never answered.
                        token.cancelled().await;
                        return;
                    }
                    let mut to = TcpStream::connect(target).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut from, &mut to) => {}
                        () = token.cancelled() => {}
                    }
                });
            }
        });
        Self {
            address,
            is_cut,
            scissors,
            _task: task,
        }
    }

    pub(super) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn cut(&self) {
        self.switch(true);
    }

    pub(super) fn mend(&self) {
        self.switch(false);
    }

    fn switch(&self, is_cut: bool) {
        self.is_cut.store(is_cut, Ordering::Release);
        std::mem::take(&mut *self.scissors.lock().unwrap()).cancel();
    }
}
