//! The calls to DynamoDB and its streams that a table as a source needs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::{RetryPartition, TokenBucket};
use aws_sdk_dynamodb::types::{AttributeValue, KeyType, StreamSpecification, TableStatus};
use aws_sdk_dynamodbstreams::Client as StreamsClient;
use aws_sdk_dynamodbstreams::types::ShardIteratorType;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;

use super::error::{TableError, TableErrorKind};
use super::value::{from_node, to_node};
use crate::manifest::table::{Item, KeyPart, TablePlace};

/// Limit of one attempt: a page is 1 MB at most.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// Limit of a call with all its attempts.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// Attempts of a call; callers try again as well.
const ATTEMPTS_MAX: u32 = 3;
/// Pages of a description of a stream, 100 shards each: a table of 10 000 items has one to four, and those of a day.
const SHARD_PAGES_MAX: usize = 50;

/// One table. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TableClient {
    name: Arc<str>,
    dynamodb: Client,
    streams: StreamsClient,
}

/// What DynamoDB says of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Attributes of the primary key: the partition key, and the sort key where there is one.
    pub key: Vec<String>,
    /// Bytes, as of some hours ago.
    pub bytes: u64,
    /// Its stream, where it has one that is on.
    pub stream: Option<String>,
}

/// The primary key of an item, as DynamoDB wants it back.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemKey(pub(super) Box<[(Arc<str>, AttributeValue)]>);

impl ItemKey {
    /// Its parts as texts.
    pub(super) fn parts(&self) -> Vec<KeyPart> {
        let part = |(attribute, value): &(Arc<str>, AttributeValue)| {
            let (kind, text) = match value {
                AttributeValue::S(text) => ("S", text.clone()),
                AttributeValue::N(number) => ("N", number.clone()),
                AttributeValue::B(bytes) => {
                    let digits = bytes.as_ref().iter().map(|byte| format!("{byte:02x}"));
                    ("B", digits.collect::<Vec<_>>().concat())
                }
                // No other type is one of a key.
                _ => ("", String::new()),
            };
            KeyPart {
                attribute: Arc::clone(attribute),
                kind,
                text,
            }
        };
        self.0.iter().map(part).collect()
    }

    /// As a request has it.
    fn to_map(&self) -> HashMap<String, AttributeValue> {
        let parts = self.0.iter();
        parts
            .map(|(name, value)| (name.to_string(), value.clone()))
            .collect()
    }
}

/// One page of a scan.
pub(super) struct Page {
    pub(super) items: Vec<(ItemKey, Item)>,
    pub(super) next: Option<HashMap<String, AttributeValue>>,
}

/// One segment of a scan, and how far it has got.
pub(super) struct Segment {
    pub(super) number: i32,
    pub(super) of: i32,
    pub(super) from: Option<HashMap<String, AttributeValue>>,
}

impl TableClient {
    /// The table at `place`, with the credentials of `aws`; its stream at `streams`, where that is not at the endpoint of
    /// `place` or of `aws`.
    pub fn new(aws: &SdkConfig, place: &TablePlace, streams: Option<&str>) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(ATTEMPT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(CALL_TIMEOUT)
            .build();
        let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS_MAX);
        // A table that throttles uses up its own retries, not those of another. A partition that is only named would be
        // one for all clients of the process, whatever table they mean by that name.
        let partition = RetryPartition::custom(format!("table {}", place.table))
            .token_bucket(TokenBucket::default())
            .build();
        let region = place.region.clone().map(Region::new);
        let mut dynamodb = aws_sdk_dynamodb::config::Builder::from(aws)
            .timeout_config(timeouts.clone())
            .retry_config(retries.clone())
            .retry_partition(partition.clone());
        let streams_endpoint = place.endpoint.as_deref().or(streams);
        let mut streams = aws_sdk_dynamodbstreams::config::Builder::from(aws)
            .timeout_config(timeouts)
            .retry_config(retries)
            .retry_partition(partition);
        if let Some(region) = region {
            dynamodb = dynamodb.region(region.clone());
            streams = streams.region(region);
        }
        if let Some(url) = &place.endpoint {
            dynamodb = dynamodb.endpoint_url(url);
        }
        if let Some(url) = streams_endpoint {
            streams = streams.endpoint_url(url);
        }
        Self {
            name: Arc::from(place.table.as_str()),
            dynamodb: Client::from_conf(dynamodb.build()),
            streams: StreamsClient::from_conf(streams.build()),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Key, size and stream of the table.
    pub async fn describe(&self) -> Result<Description, TableError> {
        const OPERATION: &str = "DescribeTable";
        let call = self.dynamodb.describe_table().table_name(&*self.name);
        let answer = call
            .send()
            .await
            .map_err(|error| TableError::classify(OPERATION, &self.name, &error))?;
        let table = answer
            .table()
            .ok_or_else(|| self.odd(OPERATION, TableErrorKind::Server))?;
        if matches!(
            table.table_status(),
            Some(TableStatus::Creating | TableStatus::Deleting)
        ) {
            return Err(self.odd(OPERATION, TableErrorKind::NotReady));
        }
        let mut key: Vec<_> = table.key_schema().iter().collect();
        key.sort_by_key(|element| *element.key_type() != KeyType::Hash);
        let is_on = table
            .stream_specification()
            .is_some_and(StreamSpecification::stream_enabled);
        Ok(Description {
            key: key
                .iter()
                .map(|element| element.attribute_name().to_owned())
                .collect(),
            bytes: u64::try_from(table.table_size_bytes().unwrap_or(0)).unwrap_or(0),
            stream: table.latest_stream_arn().filter(|_| is_on).map(str::to_owned),
        })
    }

    /// One page of `segment`, strongly consistent, with `attributes` and those of `key` only.
    pub(super) async fn scan(
        &self,
        segment: &Segment,
        attributes: &[Arc<str>],
        key: &[Arc<str>],
    ) -> Result<Page, TableError> {
        let names = (0..).map(|number| format!("#a{number}")).zip(attributes);
        let names: BTreeMap<String, String> = names
            .map(|(alias, attribute)| (alias, attribute.to_string()))
            .collect();
        let projection: Vec<&str> = names.keys().map(String::as_str).collect();
        let call = self
            .dynamodb
            .scan()
            .table_name(&*self.name)
            .consistent_read(true)
            .segment(segment.number)
            .total_segments(segment.of)
            .projection_expression(projection.join(", "))
            .set_expression_attribute_names(Some(names.clone().into_iter().collect()))
            .set_exclusive_start_key(segment.from.clone());
        let answer = call
            .send()
            .await
            .map_err(|error| TableError::classify("Scan", &self.name, &error))?;
        // Taken apart item by item, so that a page is not there twice.
        let items = answer.items.unwrap_or_default().into_iter();
        Ok(Page {
            items: items.map(|item| split(item, attributes, key)).collect(),
            next: answer.last_evaluated_key.filter(|key| !key.is_empty()),
        })
    }

    /// Sets `attributes` of the item `key` if it exists. Whether it does.
    pub(super) async fn set(
        &self,
        key: &ItemKey,
        attributes: &BTreeMap<String, AttributeValue>,
    ) -> Result<bool, TableError> {
        let mut call = self
            .dynamodb
            .update_item()
            .table_name(&*self.name)
            .set_key(Some(key.to_map()));
        let mut sets = Vec::new();
        for (number, (attribute, value)) in attributes.iter().enumerate() {
            call = call
                .expression_attribute_names(format!("#a{number}"), attribute)
                .expression_attribute_values(format!(":v{number}"), value.clone());
            sets.push(format!("#a{number} = :v{number}"));
        }
        // Without a condition an update creates a missing item.
        let mut exists = Vec::new();
        for (number, (attribute, _)) in key.0.iter().enumerate() {
            call = call.expression_attribute_names(format!("#k{number}"), &**attribute);
            exists.push(format!("attribute_exists(#k{number})"));
        }
        let call = call
            .update_expression(format!("SET {}", sets.join(", ")))
            .condition_expression(exists.join(" AND "));
        match call.send().await {
            Ok(_) => Ok(true),
            Err(error) => match TableError::classify("UpdateItem", &self.name, &error) {
                error if error.kind == TableErrorKind::ConditionFailed => Ok(false),
                error => Err(error),
            },
        }
    }

    /// Writes `item`, unless there is one of its key. Whether it was written.
    pub async fn put_new(&self, item: &Item, key: &[String]) -> Result<bool, TableError> {
        let attributes = item.iter().map(|(name, node)| (name.to_owned(), from_node(node)));
        let call = self
            .dynamodb
            .put_item()
            .table_name(&*self.name)
            .set_item(Some(attributes.collect()))
            .condition_expression("attribute_not_exists(#k)")
            .expression_attribute_names("#k", key.first().cloned().unwrap_or_default());
        match call.send().await {
            Ok(_) => Ok(true),
            Err(error) => match TableError::classify("PutItem", &self.name, &error) {
                error if error.kind == TableErrorKind::ConditionFailed => Ok(false),
                error => Err(error),
            },
        }
    }

    /// Sets the attributes of `item` in the item of its key, which exists; its other attributes stay. Whether it
    /// still did.
    pub async fn merge(&self, item: &Item, key: &[String]) -> Result<bool, TableError> {
        let (of_key, rest): (BTreeMap<_, _>, BTreeMap<_, _>) = item
            .iter()
            .map(|(name, node)| (name.to_owned(), from_node(node)))
            .partition(|(name, _)| key.contains(name));
        let of_key = of_key.into_iter().map(|(name, value)| (Arc::from(name), value));
        self.set(&ItemKey(of_key.collect()), &rest).await
    }

    pub(super) fn sdk(&self) -> &Client {
        &self.dynamodb
    }

    /// Shards of `stream` that nothing has taken the place of: those that are still written to.
    pub(super) async fn last_shards(&self, stream: &str) -> Result<BTreeSet<String>, TableError> {
        let mut shards = BTreeSet::new();
        let mut parents = BTreeSet::new();
        let mut from: Option<String> = None;
        for _ in 0..SHARD_PAGES_MAX {
            let call = self
                .streams
                .describe_stream()
                .stream_arn(stream)
                .set_exclusive_start_shard_id(from.clone());
            let answer = call
                .send()
                .await
                .map_err(|error| TableError::classify("DescribeStream", &self.name, &error))?;
            let Some(description) = answer.stream_description() else {
                return Err(self.odd("DescribeStream", TableErrorKind::Server));
            };
            for shard in description.shards() {
                shards.extend(shard.shard_id().map(str::to_owned));
                parents.extend(shard.parent_shard_id().map(str::to_owned));
            }
            let next = description.last_evaluated_shard_id().map(str::to_owned);
            if next.is_none() || next == from {
                break;
            }
            from = next;
        }
        shards.retain(|shard| !parents.contains(shard));
        Ok(shards)
    }

    /// A place in `shard` after everything that was written to it until now.
    pub(super) async fn end_of(&self, stream: &str, shard: &str) -> Result<Option<String>, TableError> {
        let call = self
            .streams
            .get_shard_iterator()
            .stream_arn(stream)
            .shard_id(shard)
            .shard_iterator_type(ShardIteratorType::Latest);
        let answer = call
            .send()
            .await
            .map_err(|error| TableError::classify("GetShardIterator", &self.name, &error))?;
        Ok(answer.shard_iterator().map(str::to_owned))
    }

    /// Whether anything was written after `place` other than attributes named in `ours`, and the place to continue from:
    /// `None` where the shard has ended.
    pub(super) async fn written_since(
        &self,
        place: &str,
        ours: &[String],
    ) -> Result<(bool, Option<String>), TableError> {
        let answer = self
            .streams
            .get_records()
            .shard_iterator(place)
            .send()
            .await
            .map_err(|error| TableError::classify("GetRecords", &self.name, &error))?;
        let mut records = answer.records().iter().filter_map(|record| record.dynamodb());
        let written = records.any(|record| match (record.old_image(), record.new_image()) {
            (Some(old), Some(new)) => !is_same_but_for(ours, old, new),
            // Without both images it is unknown.
            _ => true,
        });
        Ok((written, answer.next_shard_iterator().map(str::to_owned)))
    }

    fn odd(&self, operation: &'static str, kind: TableErrorKind) -> TableError {
        TableError {
            operation,
            table: self.name.to_string(),
            kind,
            message: String::new(),
        }
    }
}

type Image = HashMap<String, aws_sdk_dynamodbstreams::types::AttributeValue>;

/// Whether two images of an item differ in attributes named in `ours` at most: what was written was a status.
fn is_same_but_for(ours: &[String], old: &Image, new: &Image) -> bool {
    let names = old.keys().chain(new.keys());
    names
        .filter(|name| !ours.contains(name))
        .all(|name| old.get(name) == new.get(name))
}

/// `attributes` are those that were asked for, in order, and those of `key` among them.
fn split(
    mut item: HashMap<String, AttributeValue>,
    attributes: &[Arc<str>],
    key: &[Arc<str>],
) -> (ItemKey, Item) {
    let of_key = key
        .iter()
        .filter_map(|name| Some((Arc::clone(name), item.get(&**name)?.clone())));
    let of_key = ItemKey(of_key.collect());
    let held = attributes
        .iter()
        .filter_map(|name| Some((Arc::clone(name), to_node(item.remove(&**name)?))));
    (of_key, held.collect())
}
