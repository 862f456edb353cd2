//! Whatever can go wrong with a call to DynamoDB, classified once, by code and never by text.

use std::error::Error;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::aws::http::too_large;
use crate::medialive;

/// A call to DynamoDB that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {kind}{}", after(message))]
pub struct TableError {
    /// The operation: `Scan`.
    pub operation: &'static str,
    /// The table.
    pub table: String,
    /// What went wrong.
    pub kind: TableErrorKind,
    /// What DynamoDB or the network said. May be empty; never holds an item.
    pub message: String,
}

fn after(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(": {message}")
    }
}

/// What went wrong, as far as it makes a difference to what is done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TableErrorKind {
    /// The table does not exist.
    #[error("there is no such table")]
    NoTable,
    /// It is being made or deleted.
    #[error("the table is not ready")]
    NotReady,
    /// It exists already.
    #[error("the table exists already")]
    Exists,
    /// The condition of a write does not hold.
    #[error("the item is not as expected")]
    ConditionFailed,
    /// A permission is missing.
    #[error("access denied")]
    Denied,
    /// Too many requests, or more than the table's capacity.
    #[error("too many requests")]
    Throttled,
    /// No usable credentials.
    #[error("no usable AWS credentials")]
    Credentials,
    /// Nothing answered.
    #[error("the endpoint cannot be reached")]
    Unreachable,
    /// No answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// What was asked for is no longer kept: records of a stream, or a place in it.
    #[error("the stream does not go back that far")]
    Trimmed,
    /// The request makes no sense to it.
    #[error("DynamoDB refuses the request")]
    Invalid,
    /// 5xx.
    #[error("DynamoDB failed")]
    Server,
}

impl TableError {
    /// What a person can do about it.
    pub fn fix(&self) -> String {
        let Self { operation, table, .. } = self;
        match self.kind {
            TableErrorKind::NoTable => {
                format!(
                    "check table, region and endpoint of the DestinationTable, or make it: slotwise table create --destinations {table}"
                )
            }
            TableErrorKind::NotReady => "wait until it is ACTIVE".to_owned(),
            TableErrorKind::Exists => "use it, or choose another name".to_owned(),
            TableErrorKind::Denied => {
                format!("allow dynamodb:{operation} on table {table}; see manifests/iam-policy.json")
            }
            TableErrorKind::Throttled => {
                "raise the table's capacity, or wait: it is tried again with growing delays".to_owned()
            }
            TableErrorKind::Credentials => {
                "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run aws sso login"
                    .to_owned()
            }
            TableErrorKind::Unreachable => {
                "check the network, the region and the endpoint of the table".to_owned()
            }
            TableErrorKind::ConditionFailed | TableErrorKind::Trimmed => String::new(),
            TableErrorKind::Invalid => "check that the mapping fits the table".to_owned(),
            TableErrorKind::TimedOut | TableErrorKind::Server => {
                "wait: it is tried again with growing delays".to_owned()
            }
        }
    }

    /// Whether it can pass by itself.
    pub fn is_passing(&self) -> bool {
        matches!(
            self.kind,
            TableErrorKind::NotReady
                | TableErrorKind::Throttled
                | TableErrorKind::Unreachable
                | TableErrorKind::TimedOut
                | TableErrorKind::Server
        )
    }

    pub(super) fn classify<E>(operation: &'static str, table: &str, error: &SdkError<E, Response>) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let (kind, message) = match error {
            SdkError::ServiceError(service) => {
                let meta = service.err().meta();
                let code = meta.code().unwrap_or("");
                let status = service.raw().status().as_u16();
                let message = meta.message().unwrap_or("");
                (kind_of(code, message, status), said(code, message))
            }
            other => (
                of_any_service(medialive::CallErrorKind::of(other)),
                too_large(other).unwrap_or_default(),
            ),
        };
        Self {
            operation,
            table: table.to_owned(),
            kind,
            message,
        }
    }
}

/// Source: DynamoDB Developer Guide, "Error handling with DynamoDB"; API references of DynamoDB and DynamoDB Streams.
fn kind_of(code: &str, message: &str, status: u16) -> TableErrorKind {
    match code {
        "ResourceNotFoundException" | "TableNotFoundException" => TableErrorKind::NoTable,
        "ResourceInUseException" | "TableInUseException" => TableErrorKind::Exists,
        "ConditionalCheckFailedException" => TableErrorKind::ConditionFailed,
        "TrimmedDataAccessException" | "ExpiredIteratorException" => TableErrorKind::Trimmed,
        // DynamoDB answers with it while a table is being made.
        "ValidationException" if message.contains("not active") => TableErrorKind::NotReady,
        _ => of_any_service(medialive::CallErrorKind::of_code(code, status)),
    }
}

/// The message where it helps. A validation message can repeat values of an item, so of those only the code is kept.
fn said(code: &str, message: &str) -> String {
    match code {
        "ValidationException" => code.to_owned(),
        "ConditionalCheckFailedException" => String::new(),
        _ => message.to_owned(),
    }
}

/// What may go wrong with a call to any service.
fn of_any_service(kind: medialive::CallErrorKind) -> TableErrorKind {
    match kind {
        medialive::CallErrorKind::Denied => TableErrorKind::Denied,
        medialive::CallErrorKind::Throttled => TableErrorKind::Throttled,
        kind if kind.is_of_credentials() => TableErrorKind::Credentials,
        medialive::CallErrorKind::Unreachable => TableErrorKind::Unreachable,
        medialive::CallErrorKind::TimedOut => TableErrorKind::TimedOut,
        medialive::CallErrorKind::Invalid
        | medialive::CallErrorKind::NotFound
        | medialive::CallErrorKind::Conflict => TableErrorKind::Invalid,
        _ => TableErrorKind::Server,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_decide_and_the_status_stands_in_for_an_unknown_one() {
        for (code, status, kind) in [
            ("ResourceNotFoundException", 400, TableErrorKind::NoTable),
            (
                "ProvisionedThroughputExceededException",
                400,
                TableErrorKind::Throttled,
            ),
            ("AccessDeniedException", 400, TableErrorKind::Denied),
            (
                "ConditionalCheckFailedException",
                400,
                TableErrorKind::ConditionFailed,
            ),
            ("UnrecognizedClientException", 400, TableErrorKind::Credentials),
            ("TrimmedDataAccessException", 400, TableErrorKind::Trimmed),
            ("", 503, TableErrorKind::Server),
            ("SomethingNew", 400, TableErrorKind::Invalid),
        ] {
            assert_eq!(kind_of(code, "", status), kind, "{code} {status}");
        }
    }

    #[test]
    fn a_message_that_may_repeat_an_item_is_not_kept() {
        assert_eq!(
            said("ValidationException", "value live_1_CANARY is bad"),
            "ValidationException"
        );
    }

    #[test]
    fn a_denied_call_names_the_permission() {
        let error = TableError {
            operation: "Scan",
            table: "live".to_owned(),
            kind: TableErrorKind::Denied,
            message: String::new(),
        };
        assert!(error.fix().contains("dynamodb:Scan on table live"));
    }
}
