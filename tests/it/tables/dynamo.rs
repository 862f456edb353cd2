//! A DynamoDB for tests, with faults between it and the SDK.
//!
//! It is embedded in this process, unless `SLOTWISE_TEST_DYNAMODB` names the endpoint of another one.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    StreamSpecification, StreamViewType,
};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use aws_types::region::Region;
use slotwise::testing::aws::Connect;
use slotwise::testing::store::dynamodb::Access;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::PATIENCE;

/// One DynamoDB.
pub(crate) struct Dynamo {
    pub(crate) endpoint: String,
    /// For what a front end does: no faults here.
    pub(crate) front_end: Client,
    wire: Wire,
    _server: JoinSet<()>,
}

/// What becomes of calls.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// `Scan`.
    pub(crate) operation: &'static str,
    /// Calls of it that still work.
    pub(crate) after: usize,
    /// Calls that fail then.
    pub(crate) times: usize,
    pub(crate) status: u16,
    pub(crate) code: &'static str,
}

impl Dynamo {
    pub(crate) async fn start() -> Self {
        let mut server = JoinSet::new();
        #[expect(clippy::disallowed_methods, reason = "a setting of tests, not of slotwise")]
        let given = std::env::var("SLOTWISE_TEST_DYNAMODB").ok();
        let endpoint = if let Some(endpoint) = given {
            endpoint
        } else {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let endpoint = format!("http://{}", listener.local_addr().unwrap());
            let database = dynoxide::Database::memory().unwrap();
            server.spawn(dynoxide::server::serve_on(listener, database));
            endpoint
        };
        let wire = Wire::default();
        let front_end = Client::new(&config(&endpoint, Wire::default()));
        Self {
            endpoint,
            front_end,
            wire,
            _server: server,
        }
    }

    /// How slotwise reaches it.
    pub(crate) fn access(&self) -> Access {
        let (endpoint, wire) = (self.endpoint.clone(), self.wire.clone());
        Access::new(Connect::new(move || {
            let config = config(&endpoint, wire.clone());
            async move { config }
        }))
    }

    /// Makes a table with the partition key `key`.
    pub(crate) async fn create(&self, table: &str, key: &str, stream: bool) {
        let definition = AttributeDefinition::builder()
            .attribute_name(key)
            .attribute_type(ScalarAttributeType::S)
            .build()
            .unwrap();
        let element = KeySchemaElement::builder()
            .attribute_name(key)
            .key_type(KeyType::Hash)
            .build()
            .unwrap();
        let mut call = self
            .front_end
            .create_table()
            .table_name(table)
            .attribute_definitions(definition)
            .key_schema(element)
            .billing_mode(BillingMode::PayPerRequest);
        if stream {
            call = call.stream_specification(
                StreamSpecification::builder()
                    .stream_enabled(true)
                    .stream_view_type(StreamViewType::NewAndOldImages)
                    .build()
                    .unwrap(),
            );
        }
        call.send().await.unwrap();
    }

    /// Writes an item as a front end does: texts, and whatever `more` holds.
    pub(crate) async fn put(&self, table: &str, texts: &[(&str, &str)], more: &[(&str, AttributeValue)]) {
        let texts = texts
            .iter()
            .map(|(name, text)| ((*name).to_owned(), AttributeValue::S((*text).to_owned())));
        let more = more
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()));
        let item = texts.chain(more).collect();
        let call = self.front_end.put_item().table_name(table).set_item(Some(item));
        call.send().await.unwrap();
    }

    /// Changes one attribute of an item, as a front end does when a user presses a button.
    pub(crate) async fn set(&self, table: &str, key: (&str, &str), attribute: &str, value: &str) {
        let call = self
            .front_end
            .update_item()
            .table_name(table)
            .key(key.0, AttributeValue::S(key.1.to_owned()))
            .update_expression("SET #a = :v")
            .expression_attribute_names("#a", attribute)
            .expression_attribute_values(":v", AttributeValue::S(value.to_owned()));
        call.send().await.unwrap();
    }

    pub(crate) async fn delete(&self, table: &str, key: (&str, &str)) {
        let call = self
            .front_end
            .delete_item()
            .table_name(table)
            .key(key.0, AttributeValue::S(key.1.to_owned()));
        call.send().await.unwrap();
    }

    pub(crate) async fn get(
        &self,
        table: &str,
        key: (&str, &str),
    ) -> Option<HashMap<String, AttributeValue>> {
        let call = self
            .front_end
            .get_item()
            .table_name(table)
            .consistent_read(true)
            .key(key.0, AttributeValue::S(key.1.to_owned()));
        call.send().await.unwrap().item
    }

    /// A text of an item; of a map where `path` has a dot.
    pub(crate) async fn text(&self, table: &str, key: (&str, &str), path: &str) -> String {
        let item = self.get(table, key).await.unwrap_or_default();
        let mut steps = path.split('.');
        let mut value = item.get(steps.next().unwrap());
        for step in steps {
            value = match value {
                Some(AttributeValue::M(map)) => map.get(step),
                _ => None,
            };
        }
        match value {
            Some(AttributeValue::S(text) | AttributeValue::N(text)) => text.clone(),
            _ => String::new(),
        }
    }

    /// Waits until a text of an item is `wanted`.
    pub(crate) async fn until(&self, table: &str, key: (&str, &str), path: &str, wanted: &str) {
        let mut last = String::new();
        let limit = tokio::time::Instant::now() + PATIENCE;
        while tokio::time::Instant::now() < limit {
            last = self.text(table, key, path).await;
            if last == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{key:?} {path} is {last:?} after {PATIENCE:?}, not {wanted:?}");
    }

    /// Lets calls of slotwise fail.
    pub(crate) fn fail(&self, fault: Fault) {
        self.wire.0.lock().unwrap().faults.push(fault);
    }

    /// Answers the next call of `operation` with `body` in the place of DynamoDB.
    pub(crate) fn answer(&self, operation: &'static str, body: &str) {
        let mut state = self.wire.0.lock().unwrap();
        state.answers.push((operation, body.to_owned()));
    }

    pub(crate) fn heal(&self) {
        self.wire.0.lock().unwrap().faults.clear();
    }

    /// How many calls of `operation` slotwise has made.
    pub(crate) fn count(&self, operation: &str) -> usize {
        let state = self.wire.0.lock().unwrap();
        state.calls.iter().filter(|call| **call == operation).count()
    }

    /// Most calls of any kind that were under way at once since the start.
    pub(crate) fn most_at_once(&self, operation: &str) -> usize {
        let state = self.wire.0.lock().unwrap();
        state.most.get(operation).copied().unwrap_or(0)
    }
}

fn config(endpoint: &str, wire: Wire) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::from_keys(
            "test", "test", None,
        )))
        .endpoint_url(endpoint)
        .sleep_impl(aws_smithy_async::rt::sleep::SharedAsyncSleep::new(
            aws_smithy_async::rt::sleep::TokioSleep::new(),
        ))
        .time_source(aws_smithy_async::time::SharedTimeSource::new(
            aws_smithy_async::time::SystemTimeSource::new(),
        ))
        .http_client(SharedHttpClient::new(Between {
            inner: aws_smithy_http_client::Builder::new().build_http(),
            wire,
        }))
        .build()
}

/// What goes over the wire.
#[derive(Clone, Default)]
struct Wire(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    faults: Vec<Fault>,
    answers: Vec<(&'static str, String)>,
    calls: Vec<String>,
    now: HashMap<String, usize>,
    most: HashMap<String, usize>,
}

impl Wire {
    fn begin(&self, operation: &str) -> Option<Fault> {
        let mut state = self.0.lock().unwrap();
        state.calls.push(operation.to_owned());
        let now = state.now.entry(operation.to_owned()).or_default();
        *now += 1;
        let now = *now;
        let most = state.most.entry(operation.to_owned()).or_default();
        *most = now.max(*most);
        let fault = state
            .faults
            .iter_mut()
            .find(|fault| fault.operation == operation && fault.times > 0)?;
        if fault.after > 0 {
            fault.after -= 1;
            return None;
        }
        fault.times -= 1;
        Some(fault.clone())
    }

    fn scripted(&self, operation: &str) -> Option<String> {
        let mut state = self.0.lock().unwrap();
        let found = state.answers.iter().position(|(name, _)| *name == operation)?;
        Some(state.answers.remove(found).1)
    }

    fn end(&self, operation: &str) {
        if let Some(now) = self.0.lock().unwrap().now.get_mut(operation) {
            *now -= 1;
        }
    }
}

#[derive(Clone)]
struct Between {
    inner: SharedHttpClient,
    wire: Wire,
}

impl fmt::Debug for Between {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Between")
    }
}

impl HttpClient for Between {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Counted {
            inner: self.inner.http_connector(settings, components),
            wire: self.wire.clone(),
        })
    }
}

struct Counted {
    inner: SharedHttpConnector,
    wire: Wire,
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counted")
    }
}

impl HttpConnector for Counted {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let wire = self.wire.clone();
        if let Some(fault) = wire.begin(&operation) {
            wire.end(&operation);
            let body = format!(
                r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{}"}}"#,
                fault.code
            );
            let response = HttpResponse::new(fault.status.try_into().unwrap(), SdkBody::from(body));
            return HttpConnectorFuture::ready(Ok(response));
        }
        if let Some(body) = wire.scripted(&operation) {
            wire.end(&operation);
            let response = HttpResponse::new(200_u16.try_into().unwrap(), SdkBody::from(body));
            return HttpConnectorFuture::ready(Ok(response));
        }
        let call = self.inner.call(request);
        HttpConnectorFuture::new(async move {
            let response = call.await;
            wire.end(&operation);
            response
        })
    }
}
