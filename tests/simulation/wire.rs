//! A table as one process reaches it: the SDK's HTTP client, through the process's tap, in virtual time.

use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use aws_types::region::Region;
use serde_json::{Value, json};
use slotwise::testing::aws::Connect;
use slotwise::testing::store::dynamodb::Access;
use tokio::time::{Instant, sleep};

use super::items;
use super::judge::Judge;
use super::leases::SharedRow;
use super::mishaps::Ailment;
use super::table::{NAME, Table};
use super::tap::Tap;
use super::world::CANARY;

/// How long a request and its answer take, each. No other time is a multiple of it.
const WAY: Duration = Duration::from_millis(13);

/// How long a stream is asked before it says that nothing was written. It answers at once in truth; a week would be
/// made of nothing else.
const STREAM_WAY: Duration = Duration::from_millis(3_900);

/// How long a write may be on its way after its process has asked the lease: all attempts of a call.
const WRITE_MAX: Duration = Duration::from_secs(16);

/// Calls of one process within a minute that are too many: each of 16 items written by three attempts, and a stream.
const CALLS_MAX: usize = 150;

/// The only calls that slotwise has to make.
const ALLOWED: [&str; 6] = [
    "DescribeTable",
    "Scan",
    "UpdateItem",
    "DescribeStream",
    "GetShardIterator",
    "GetRecords",
];

/// The way of one process to the table.
#[derive(Clone)]
pub(super) struct Wire {
    pub(super) table: Table,
    pub(super) tap: Tap,
    /// The name of the process.
    pub(super) process: String,
    /// The row of the lease; `None` where there is one process only.
    pub(super) row: Option<SharedRow>,
    pub(super) judge: Arc<Mutex<Judge>>,
    state: Arc<Mutex<State>>,
}

struct State {
    /// When it was last seen to hold the lease.
    held: Option<Instant>,
    /// When the first page of the scan that is under way was asked for.
    scan_begun: Instant,
    /// When it made its last calls.
    calls: Vec<Instant>,
}

impl Wire {
    pub(super) fn new(
        table: Table,
        tap: Tap,
        process: String,
        row: Option<SharedRow>,
        judge: Arc<Mutex<Judge>>,
    ) -> Self {
        table.seat(letter(&process));
        let state = State {
            held: None,
            scan_begun: Instant::now(),
            calls: Vec::new(),
        };
        Self {
            table,
            tap,
            process,
            row,
            judge,
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// For slotwise.
    pub(super) fn access(self) -> Access {
        Access::new(Connect::new(move || {
            let config = config(self.clone());
            async move { config }
        }))
    }

    async fn exchange(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap();
        self.check_call(&operation, &body);
        if operation == "DescribeTable" {
            self.table.looks_afresh(letter(&self.process));
        }
        let (begun, writes) = (Instant::now(), operation == "UpdateItem");
        self.tap.boundary(writes).await;
        sleep(way(&operation)).await;
        let trouble = self
            .table
            .trouble(&operation, &body)
            .map(|trouble| trouble.ailment);
        let (status, answer) = match trouble {
            Some(Ailment::Refused(status, code)) => (status, error(code)),
            Some(Ailment::Silent { after_effect: false }) => pending().await,
            Some(Ailment::Cut { after_effect: false }) => return Err(cut()),
            _ => self.apply(&operation, &body),
        };
        match trouble {
            Some(Ailment::Silent { .. }) => pending().await,
            Some(Ailment::Cut { .. }) => return Err(cut()),
            Some(Ailment::Slow(seconds)) => sleep(Duration::from_secs_f64(seconds)).await,
            _ => {}
        }
        sleep(WAY).await;
        self.tap.boundary(writes).await;
        if let Some(Ailment::Lost(status, code)) = trouble {
            return Ok(response(status, &error(code)));
        }
        if operation == "Scan" && status == 200 {
            self.scanned(begun, &body, &answer);
        }
        Ok(response(status, &answer))
    }

    /// Lets the table do what it is asked for, and looks what becomes of the item that is written.
    fn apply(&self, operation: &str, body: &Value) -> (u16, Value) {
        let written = (operation == "UpdateItem").then_some(&body["Key"]);
        let before = written.map(|key| self.table.item(key));
        let answer = self.table.answer_slotwise(operation, body.clone());
        if let (Some(key), Some(before)) = (written, before) {
            self.check_write(&key.to_string(), before, self.table.item(key));
        }
        match answer {
            Ok(answer) => (200, answer),
            Err(error) => (
                error.status_code(),
                serde_json::from_str(&error.to_json()).unwrap(),
            ),
        }
    }

    /// Takes note of a page that has arrived.
    fn scanned(&self, begun: Instant, body: &Value, answer: &Value) {
        let mut state = self.state.lock().unwrap();
        if body.get("ExclusiveStartKey").is_none() {
            state.scan_begun = begun;
        }
        if answer.get("LastEvaluatedKey").is_none() {
            self.table.looked(letter(&self.process), state.scan_begun);
        }
    }

    fn fail(&self, check: &'static str, what: String) {
        self.judge.lock().unwrap().fail(check, what);
    }

    /// Only what slotwise needs is called, not too often, and only the holder of the lease writes.
    fn check_call(&self, operation: &str, body: &Value) {
        self.table.count(operation);
        if !ALLOWED.contains(&operation) {
            self.fail("table", format!("{operation} is nothing that a controller calls"));
        }
        if body.to_string().contains(CANARY) {
            self.fail("stream key shown", format!("{operation} holds a stream key"));
        }
        let mut state = self.state.lock().unwrap();
        let now = Instant::now();
        state.calls.push(now);
        state.calls.retain(|at| now - *at < Duration::from_mins(1));
        if state.calls.len() > CALLS_MAX {
            self.fail(
                "wild loop",
                format!("{} calls of a table within a minute", state.calls.len()),
            );
        }
        if operation != "UpdateItem" {
            return;
        }
        let Some(row) = &self.row else { return };
        let holder = row.lock().unwrap().clone().and_then(|row| row.holder);
        if holder.as_deref() == Some(self.process.as_str()) {
            state.held = Some(now);
        } else if state.held.is_none_or(|held| now - held > WRITE_MAX) {
            self.fail(
                "lease",
                format!(
                    "{} writes a status while {holder:?} holds the lease",
                    self.process
                ),
            );
        }
    }

    /// An item that is gone stays so, and of one that is there only the status changes.
    fn check_write(&self, name: &str, before: Option<items::Item>, after: Option<items::Item>) {
        let (before, after) = match (before, after) {
            (None, None) => return,
            (None, Some(_)) => {
                return self.fail("table", format!("the item {name}, which was deleted, is back"));
            }
            (Some(_), None) => return self.fail("table", format!("the item {name} is deleted")),
            (Some(before), Some(after)) => (before, after),
        };
        self.judge
            .lock()
            .unwrap()
            .note(format!("  {} writes the status of {name}", self.process));
        let touched = before.keys().chain(after.keys()).find(|attribute| {
            !items::is_status(&self.table.plan, attribute) && before.get(*attribute) != after.get(*attribute)
        });
        if let Some(attribute) = touched {
            self.fail("table", format!("{attribute} of the item {name} is changed"));
        }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().exchange(request))
    }
}

/// The seat of the process `name`.
pub(super) fn letter(name: &str) -> char {
    name.chars().next().unwrap_or_default()
}

fn way(operation: &str) -> Duration {
    if operation == "GetRecords" {
        STREAM_WAY
    } else {
        WAY
    }
}

fn error(code: &str) -> Value {
    json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": format!("{NAME}: a fault")})
}

fn cut() -> ConnectorError {
    let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    ConnectorError::io(reset.into())
}

fn response(status: u16, body: &Value) -> HttpResponse {
    HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body.to_string()))
}

fn config(wire: Wire) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::from_keys(
            "test", "test", None,
        )))
        .endpoint_url("http://dynamodb.invalid")
        .sleep_impl(wire.tap.timers())
        .time_source(SharedTimeSource::new(SystemTimeSource::new()))
        .http_client(SharedHttpClient::new(wire))
        .build()
}
