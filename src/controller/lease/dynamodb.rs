//! The row in DynamoDB.
//!
//! ```text
//!   name (S, partition key)   one per owner and region of MediaLive, so that several share a table
//!   holder (S)                the process that holds the lease; absent after it was given back
//!   epoch, renewal (N)        grow with every holder and with every renewal
//!   durationMs (N)            how long the holder may go without renewing it
//!   grants (M)                one-off grants for the holder, by destination: id, identity, by, and from the holder taken, outcome, message.
//!                             A takeover removes them
//!   note (S)                  what the holder leaves to its successor
//! ```
//!
//! The answer to each renewal brings the grants: they cost no request.
//!
//! The client is the lease's own: no retries but those of the protocol, and a retry quota of its own, so that no other
//! request to AWS delays a renewal.

mod grants;
mod note;

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::BehaviorVersion;
use aws_sdk_dynamodb::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder as UpdateItem;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::SdkConfig;

use super::table::{ASKS_PER_LEASE, Answer, Ask, LeaseTableError, LeaseTableErrorKind, Row, Table, VACANT};
use crate::medialive;

use grants::Delivery;
pub(super) use grants::GrantOnRow;

/// No row states a longer lease: one that does was not written by slotwise.
const DURATION_MAX: Duration = Duration::from_hours(1);

type Item = HashMap<String, AttributeValue>;

/// A table for leases.
#[derive(Debug, Clone)]
pub struct LeaseTable {
    sdk: Client,
    name: Arc<str>,
}

/// One row of it.
#[derive(Debug, Clone)]
pub struct LeaseRow {
    table: LeaseTable,
    name: String,
    delivery: Option<Arc<Delivery>>,
    /// What the holder before this process left, as it was when this one got the lease, until it is taken.
    left: Arc<Mutex<Option<String>>>,
}

impl LeaseTable {
    /// The table `name`, with the credentials and region of `aws`, for a lease of `duration`.
    pub fn new(aws: &SdkConfig, name: impl Into<Arc<str>>, duration: Duration) -> Self {
        let limit = duration / ASKS_PER_LEASE;
        let timeouts = TimeoutConfig::builder()
            .operation_timeout(limit)
            .operation_attempt_timeout(limit)
            .connect_timeout(limit)
            .build();
        let config = aws_sdk_dynamodb::config::Builder::from(aws)
            .behavior_version(BehaviorVersion::latest())
            .retry_config(RetryConfig::disabled())
            .retry_partition(RetryPartition::new("slotwise-lease"))
            .timeout_config(timeouts)
            .build();
        Self {
            sdk: Client::from_conf(config),
            name: name.into(),
        }
    }

    /// Its row `name`.
    pub fn row(self, name: impl Into<String>) -> LeaseRow {
        LeaseRow {
            table: self,
            name: name.into(),
            delivery: None,
            left: Arc::default(),
        }
    }
}

impl LeaseRow {
    async fn read(&self) -> Result<Answer, LeaseTableError> {
        const OPERATION: &str = "GetItem";
        match self.item().await? {
            None => Ok(Answer::Row(None)),
            Some(item) => parse(&item).map(|row| Answer::Row(Some(row))).map_err(|what| {
                let fix = format!(
                    "stop every slotwise that uses it, and delete the item {}",
                    self.name
                );
                self.error(OPERATION, LeaseTableErrorKind::BadRow, what.to_owned(), fix)
            }),
        }
    }

    async fn item(&self) -> Result<Option<Item>, LeaseTableError> {
        const OPERATION: &str = "GetItem";
        let call = self
            .table
            .sdk
            .get_item()
            .table_name(&*self.table.name)
            .key("name", AttributeValue::S(self.name.clone()))
            .consistent_read(true);
        let output = call
            .send()
            .await
            .map_err(|error| self.classify(OPERATION, &error))?;
        Ok(output.item)
    }

    async fn write(&self, me: &str, duration: Duration, ask: &Ask) -> Result<Answer, LeaseTableError> {
        const OPERATION: &str = "UpdateItem";
        let call = self.update();
        let call = match ask {
            Ask::Read => return self.read().await,
            Ask::Create { epoch } => create(call, me, duration, *epoch),
            Ask::Acquire { seen, epoch } => acquire(call, me, duration, seen, *epoch),
            Ask::Renew { epoch } => renew(call, me, duration, *epoch),
            Ask::Release => call
                .update_expression("REMOVE #holder")
                .condition_expression("#holder = :me")
                .expression_attribute_names("#holder", "holder")
                .expression_attribute_values(":me", text(me)),
        };
        match call.send().await {
            Ok(done) => {
                if matches!(ask, Ask::Acquire { .. }) {
                    let note = done.attributes().and_then(|item| item.get("note")?.as_s().ok());
                    *self.left.lock().unwrap_or_else(PoisonError::into_inner) = note.cloned();
                }
                if let (Some(delivery), Some(item)) = (&self.delivery, done.attributes()) {
                    self.deliver(delivery, item);
                }
                Ok(Answer::Done)
            }
            Err(error) if is_refused(&error) => Ok(Answer::Refused),
            Err(error) => Err(self.classify(OPERATION, &error)),
        }
    }

    fn update(&self) -> UpdateItem {
        let call = self.table.sdk.update_item().table_name(&*self.table.name);
        call.key("name", AttributeValue::S(self.name.clone()))
    }

    fn classify<E>(
        &self,
        operation: &'static str,
        error: &SdkError<E, aws_smithy_runtime_api::http::Response>,
    ) -> LeaseTableError
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let message = error.message().unwrap_or_default().to_owned();
        let kind = match error.code() {
            Some("ResourceNotFoundException") => LeaseTableErrorKind::Missing,
            Some("ValidationException") => LeaseTableErrorKind::Unfit,
            _ => of_any_service(medialive::CallErrorKind::of(error)),
        };
        self.error(operation, kind, message, self.fix(operation, kind))
    }

    fn fix(&self, operation: &'static str, kind: LeaseTableErrorKind) -> String {
        let table = &self.table.name;
        match kind {
            LeaseTableErrorKind::Missing => {
                format!("create it in this region: slotwise table create --lease {table}")
            }
            LeaseTableErrorKind::Unfit => {
                "its key must be a partition key `name` of type S, without a sort key".to_owned()
            }
            LeaseTableErrorKind::Denied => format!(
                "allow dynamodb:{operation} on table {table}; see manifests/iam-policy.json for what slotwise needs"
            ),
            LeaseTableErrorKind::Credentials => {
                "set AWS_PROFILE to a profile that exists, or AWS_ACCESS_KEY_ID and \
                                  AWS_SECRET_ACCESS_KEY, or renew them, for example with aws sso login"
                    .to_owned()
            }
            LeaseTableErrorKind::Unreachable => {
                "check the network, the region and AWS_ENDPOINT_URL_DYNAMODB".to_owned()
            }
            LeaseTableErrorKind::Throttled => "give the table more capacity, or on-demand billing".to_owned(),
            LeaseTableErrorKind::BadRow | LeaseTableErrorKind::TimedOut | LeaseTableErrorKind::Server => {
                String::new()
            }
        }
    }

    fn error(
        &self,
        operation: &'static str,
        kind: LeaseTableErrorKind,
        message: String,
        fix: String,
    ) -> LeaseTableError {
        LeaseTableError {
            operation,
            table: Arc::clone(&self.table.name),
            kind,
            message,
            fix,
        }
    }
}

impl Table for LeaseRow {
    fn name(&self) -> Arc<str> {
        Arc::clone(&self.table.name)
    }

    async fn ask(&self, me: &str, duration: Duration, ask: &Ask) -> Result<Answer, LeaseTableError> {
        match ask {
            Ask::Read => self.read().await,
            _ => self.write(me, duration, ask).await,
        }
    }
}

fn is_refused<E: ProvideErrorMetadata>(error: &E) -> bool {
    error.code() == Some("ConditionalCheckFailedException")
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn milliseconds(duration: Duration) -> AttributeValue {
    number(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// All names that an expression uses; those of DynamoDB itself are among them.
fn named(call: UpdateItem) -> UpdateItem {
    ["holder", "epoch", "renewal", "durationMs"]
        .into_iter()
        .fold(call, |call, name| {
            call.expression_attribute_names(format!("#{name}"), name)
        })
}

/// The row as a new one: everything in it is set.
fn whole(call: UpdateItem, holder: &str, duration: Duration, epoch: u64, renewal: u64) -> UpdateItem {
    named(call)
        .expression_attribute_names("#grants", "grants")
        .update_expression(
            "SET #holder = :me, #epoch = :epoch, #renewal = :renewal, #durationMs = :length REMOVE #grants",
        )
        .expression_attribute_values(":me", text(holder))
        .expression_attribute_values(":epoch", number(epoch))
        .expression_attribute_values(":renewal", number(renewal))
        .expression_attribute_values(":length", milliseconds(duration))
}

fn create(call: UpdateItem, me: &str, duration: Duration, epoch: u64) -> UpdateItem {
    whole(call, &format!("{VACANT}{me}"), duration, epoch, 0)
        .condition_expression("attribute_not_exists(#name)")
        .expression_attribute_names("#name", "name")
}

fn acquire(call: UpdateItem, me: &str, duration: Duration, seen: &Row, epoch: u64) -> UpdateItem {
    const SAME: &str = "#epoch = :seenEpoch AND #renewal = :seenRenewal";
    let call = whole(call, me, duration, epoch, seen.renewal + 1)
        .return_values(ReturnValue::AllNew)
        .expression_attribute_values(":seenEpoch", number(seen.epoch))
        .expression_attribute_values(":seenRenewal", number(seen.renewal));
    match &seen.holder {
        None => call.condition_expression(format!("{SAME} AND attribute_not_exists(#holder)")),
        Some(holder) => call
            .condition_expression(format!("{SAME} AND #holder = :seenHolder"))
            .expression_attribute_values(":seenHolder", text(holder)),
    }
}

fn renew(call: UpdateItem, me: &str, duration: Duration, epoch: u64) -> UpdateItem {
    named(call)
        .update_expression("SET #renewal = #renewal + :one, #durationMs = :length")
        .condition_expression("#holder = :me AND #epoch = :epoch")
        .expression_attribute_values(":me", text(me))
        .expression_attribute_values(":epoch", number(epoch))
        .expression_attribute_values(":one", number(1))
        .expression_attribute_values(":length", milliseconds(duration))
        .return_values(ReturnValue::AllNew)
}

fn parse(item: &Item) -> Result<Row, &'static str> {
    let number = |name: &str| item.get(name)?.as_n().ok()?.parse::<u64>().ok();
    let holder = match item.get("holder") {
        None => None,
        Some(AttributeValue::S(holder)) => Some(holder.as_str().into()),
        Some(_) => return Err("holder is no text"),
    };
    let duration = number("durationMs").map(Duration::from_millis);
    Ok(Row {
        holder,
        epoch: number("epoch").ok_or("epoch is no whole number")?,
        renewal: number("renewal").ok_or("renewal is no whole number")?,
        duration: duration
            .filter(|duration| (Duration::from_millis(1)..=DURATION_MAX).contains(duration))
            .ok_or("durationMs is no number of milliseconds up to an hour")?,
    })
}

/// What may go wrong with a call to any service.
fn of_any_service(kind: medialive::CallErrorKind) -> LeaseTableErrorKind {
    match kind {
        medialive::CallErrorKind::Denied => LeaseTableErrorKind::Denied,
        medialive::CallErrorKind::Throttled => LeaseTableErrorKind::Throttled,
        kind if kind.is_of_credentials() => LeaseTableErrorKind::Credentials,
        medialive::CallErrorKind::Unreachable => LeaseTableErrorKind::Unreachable,
        medialive::CallErrorKind::TimedOut => LeaseTableErrorKind::TimedOut,
        medialive::CallErrorKind::Invalid
        | medialive::CallErrorKind::NotFound
        | medialive::CallErrorKind::Conflict => LeaseTableErrorKind::Unfit,
        _ => LeaseTableErrorKind::Server,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n(text: &str) -> AttributeValue {
        AttributeValue::N(text.to_owned())
    }

    fn item(entries: &[(&str, AttributeValue)]) -> HashMap<String, AttributeValue> {
        let entries = entries
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()));
        entries.collect()
    }

    #[test]
    fn a_damaged_row_is_never_taken() {
        let whole = [("epoch", n("7")), ("renewal", n("3")), ("durationMs", n("15000"))];
        let row = parse(&item(&whole)).unwrap();
        assert_eq!((row.holder, row.epoch, row.renewal), (None, 7, 3));
        assert_eq!(row.duration, Duration::from_secs(15));
        for (at, value) in [
            (0, n("-1")),
            (0, AttributeValue::S("7".to_owned())),
            (1, n("1.5")),
            (2, n("0")),
            (2, n("999999999999")),
        ] {
            let mut damaged = whole.clone();
            damaged[at].1 = value.clone();
            parse(&item(&damaged)).expect_err(&format!("{} {value:?}", damaged[at].0));
        }
    }
}
