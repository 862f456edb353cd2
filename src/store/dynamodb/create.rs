//! Making the tables that slotwise works with.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, StreamSpecification,
    StreamViewType,
};
use tokio::time::{Instant, sleep};

use super::client::{Description, TableClient};
use super::error::{TableError, TableErrorKind};

/// Partition key of the tables that are made here.
pub const KEY: &str = "name";

/// Time between two looks at whether a table is there.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Longest time that a table may take: mostly it is some seconds.
const LIMIT: Duration = Duration::from_mins(5);

/// What became of making a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It is there now.
    New,
    /// It was there before.
    Existing(Description),
}

impl TableClient {
    /// Makes the table, with a stream where `stream` says so, and waits until it can be used.
    pub async fn create(&self, stream: bool) -> Result<Created, TableError> {
        match self.describe().await {
            Ok(description) => return Ok(Created::Existing(description)),
            Err(error) if matches!(error.kind, TableErrorKind::NoTable | TableErrorKind::NotReady) => {}
            Err(error) => return Err(error),
        }
        match self.send_create(stream).await {
            Ok(()) => {}
            // Another process creates it at this moment.
            Err(error) if error.kind == TableErrorKind::Exists => {}
            Err(error) => return Err(error),
        }
        let deadline = Instant::now() + LIMIT;
        loop {
            match self.describe().await {
                Ok(_) => return Ok(Created::New),
                Err(error) if !matches!(error.kind, TableErrorKind::NoTable | TableErrorKind::NotReady) => {
                    return Err(error);
                }
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => sleep(LOOK_INTERVAL).await,
            }
        }
    }

    async fn send_create(&self, stream: bool) -> Result<(), TableError> {
        let invalid = |error: &dyn std::error::Error| TableError {
            operation: "CreateTable",
            table: self.name().to_owned(),
            kind: TableErrorKind::Invalid,
            message: error.to_string(),
        };
        let definition = AttributeDefinition::builder()
            .attribute_name(KEY)
            .attribute_type(ScalarAttributeType::S)
            .build()
            .map_err(|error| invalid(&error))?;
        let element = KeySchemaElement::builder()
            .attribute_name(KEY)
            .key_type(KeyType::Hash)
            .build()
            .map_err(|error| invalid(&error))?;
        let stream = StreamSpecification::builder()
            .stream_enabled(stream)
            .set_stream_view_type(stream.then_some(StreamViewType::NewAndOldImages))
            .build()
            .map_err(|error| invalid(&error))?;
        let call = self
            .sdk()
            .create_table()
            .table_name(self.name())
            .attribute_definitions(definition)
            .key_schema(element)
            .billing_mode(BillingMode::PayPerRequest)
            .stream_specification(stream);
        let sent = call.send().await;
        sent.map(drop)
            .map_err(|error| TableError::classify("CreateTable", self.name(), &error))
    }
}
