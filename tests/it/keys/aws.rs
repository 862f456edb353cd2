//! An SSM and a Secrets Manager that speak the wire format, follow a script, and count.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use slotwise::testing::aws::Connect;
use slotwise::testing::emulator::in_memory;
use slotwise::testing::secrets::Keys;

/// Part of every key, and of every message of a fault.
pub(crate) const CANARY: &str = "c4n4ry";

const ARN: &str = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:";

/// One service of both kinds. Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct FakeAws(Arc<Mutex<State>>);

/// What it holds, and how it behaves.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) secrets: BTreeMap<String, String>,
    pub(crate) binary: BTreeSet<String>,
    /// Names that may not be read.
    pub(crate) denied: BTreeSet<String>,
    /// Names that may be read and not decrypted.
    pub(crate) undecryptable: BTreeSet<String>,
    /// Secrets marked for deletion.
    pub(crate) deleted: BTreeSet<String>,
    pub(crate) no_batches: bool,
    pub(crate) fault: Option<Fault>,
    /// `GetParameters 10`: every request, with how many it asked for.
    pub(crate) calls: Vec<String>,
    under_way: usize,
    /// Most requests under way at once.
    pub(crate) peak: usize,
}

/// What every request meets.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    Throttled,
    Failing,
    Slow(Duration),
}

impl FakeAws {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Puts a parameter `name` with a key of its own.
    pub(crate) fn put(&self, name: &str) {
        self.rotate(name, "first");
    }

    /// Replaces the key of the parameter `name`.
    pub(crate) fn rotate(&self, name: &str, key: &str) {
        let key = format!("{CANARY}-{key}");
        self.state().parameters.insert(name.to_owned(), key);
    }

    /// Requests since the last time this was asked.
    pub(crate) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.state().calls)
    }

    /// Keys that are read here, and again after `ttl`.
    pub(crate) fn keys(&self, ttl: Duration) -> Keys {
        let aws = self.clone();
        let connect = Connect::new(move || std::future::ready(aws.config()));
        Keys::with_aws(connect.clone(), connect, ttl)
    }

    /// What it answers on.
    pub(crate) fn router(&self) -> Router {
        let service = self.clone();
        let serve = move |headers: HeaderMap, body: Bytes| {
            let service = service.clone();
            async move { service.serve(&headers, &body).await }
        };
        Router::new().fallback(serve)
    }

    fn config(&self) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::from_keys(
                "x", "x", None,
            )))
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .time_source(SharedTimeSource::new(SystemTimeSource::new()))
            .http_client(in_memory(self.router()))
            .build()
    }

    async fn serve(&self, headers: &HeaderMap, body: &[u8]) -> Response {
        let target = headers["x-amz-target"].to_str().unwrap().to_owned();
        let body: Value = serde_json::from_slice(body).unwrap();
        let fault = {
            let mut state = self.state();
            state.under_way += 1;
            state.peak = state.peak.max(state.under_way);
            state.fault
        };
        let answer = match fault {
            Some(Fault::Throttled) => refusal("ThrottlingException", "Rate exceeded"),
            Some(Fault::Failing) => {
                let body = json!({ "__type": "InternalServerError" });
                (StatusCode::INTERNAL_SERVER_ERROR, body.to_string()).into_response()
            }
            Some(Fault::Slow(time)) => {
                tokio::time::sleep(time).await;
                self.state().answer(&target, &body)
            }
            None => self.state().answer(&target, &body),
        };
        self.state().under_way -= 1;
        answer
    }
}

impl State {
    fn answer(&mut self, target: &str, body: &Value) -> Response {
        let names = |field: &str| -> Vec<String> {
            let names = body[field].as_array().unwrap().iter();
            names.map(|name| name.as_str().unwrap().to_owned()).collect()
        };
        let (_, operation) = target.split_once('.').unwrap();
        let asked = match operation {
            "GetParameters" => names("Names"),
            "BatchGetSecretValue" => names("SecretIdList"),
            _ => vec![body["SecretId"].as_str().unwrap().to_owned()],
        };
        self.calls.push(format!("{operation} {}", asked.len()));
        match target {
            "AmazonSSM.GetParameters" => self.get_parameters(&asked),
            "secretsmanager.BatchGetSecretValue" => self.batch_get_secret_value(&asked),
            "secretsmanager.GetSecretValue" => match self.secret(&asked[0]) {
                Ok(entry) => ok(&entry),
                Err(code) => refusal(code, &format!("{CANARY} cannot be read")),
            },
            other => panic!("{other} is not served here"),
        }
    }

    fn get_parameters(&self, names: &[String]) -> Response {
        if names.iter().any(|name| self.denied.contains(name)) {
            let text = format!(
                "User: {CANARY} is not authorized to perform: ssm:GetParameters on resource: {CANARY}"
            );
            return refusal("AccessDeniedException", &text);
        }
        if names.iter().any(|name| self.undecryptable.contains(name)) {
            let text = format!("The ciphertext {CANARY} refers to a customer master key that does not exist");
            return refusal("AccessDeniedException", &text);
        }
        let (known, unknown): (Vec<&String>, Vec<&String>) =
            names.iter().partition(|name| self.parameters.contains_key(*name));
        let parameters: Vec<Value> = known
            .into_iter()
            .map(|name| json!({ "Name": name, "Type": "SecureString", "Value": self.parameters[name], "Version": 1 }))
            .collect();
        ok(&json!({ "Parameters": parameters, "InvalidParameters": unknown }))
    }

    fn batch_get_secret_value(&self, ids: &[String]) -> Response {
        if self.no_batches {
            let text = format!("{CANARY} is not authorized to perform: secretsmanager:BatchGetSecretValue");
            return refusal("AccessDeniedException", &text);
        }
        let (mut values, mut errors) = (Vec::new(), Vec::new());
        for id in ids {
            match self.secret(id) {
                Ok(entry) => values.push(entry),
                Err(code) => errors.push(json!({ "SecretId": id, "ErrorCode": code, "Message": CANARY })),
            }
        }
        ok(&json!({ "SecretValues": values, "Errors": errors }))
    }

    fn secret(&self, id: &str) -> Result<Value, &'static str> {
        if self.denied.contains(id) {
            return Err("AccessDeniedException");
        }
        if self.undecryptable.contains(id) {
            return Err("DecryptionFailure");
        }
        if self.deleted.contains(id) {
            return Err("InvalidRequestException");
        }
        let arn = format!("{ARN}{id}-a1B2c3");
        if self.binary.contains(id) {
            return Ok(json!({ "ARN": arn, "Name": id, "SecretBinary": "YzRuNHJ5" }));
        }
        let text = self.secrets.get(id).ok_or("ResourceNotFoundException")?;
        Ok(json!({ "ARN": arn, "Name": id, "SecretString": text }))
    }
}

fn ok(body: &Value) -> Response {
    (StatusCode::OK, body.to_string()).into_response()
}

fn refusal(code: &str, message: &str) -> Response {
    let body = json!({ "__type": code, "message": message });
    (StatusCode::BAD_REQUEST, body.to_string()).into_response()
}
