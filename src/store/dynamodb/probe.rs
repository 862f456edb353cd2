//! What is asked of a table to find out whether slotwise could work with it, and changes nothing.

use aws_sdk_dynamodb::types::{AttributeValue, KeyType, ScalarAttributeType, TableDescription};

use super::client::TableClient;
use super::create::KEY;
use super::error::{TableError, TableErrorKind};

/// Part of the key of an item that does not exist.
const ABSENT: &str = "slotwise-doctor";

/// One attribute of a table's primary key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPart {
    /// Its name.
    pub attribute: String,
    /// `S`, `N` or `B`.
    pub kind: String,
}

impl KeyPart {
    /// A value that no item is expected to have. It does not matter if one has.
    fn absent(&self) -> AttributeValue {
        match self.kind.as_str() {
            "N" => AttributeValue::N("-1".to_owned()),
            "B" => AttributeValue::B(ABSENT.as_bytes().to_vec().into()),
            _ => AttributeValue::S(ABSENT.to_owned()),
        }
    }
}

impl TableClient {
    /// The primary key: the partition key, and the sort key where there is one.
    pub async fn key(&self) -> Result<Vec<KeyPart>, TableError> {
        let call = self.sdk().describe_table().table_name(self.name());
        let answer = call
            .send()
            .await
            .map_err(|error| TableError::classify("DescribeTable", self.name(), &error))?;
        let table = answer.table();
        let defined = |name: &str| {
            let all = table.map(TableDescription::attribute_definitions)?;
            let one = all.iter().find(|one| one.attribute_name() == name)?;
            Some(one.attribute_type().clone())
        };
        let mut key: Vec<_> = table
            .map(TableDescription::key_schema)
            .unwrap_or_default()
            .to_vec();
        key.sort_by_key(|element| *element.key_type() != KeyType::Hash);
        let parts = key.iter().map(|element| KeyPart {
            attribute: element.attribute_name().to_owned(),
            kind: defined(element.attribute_name())
                .unwrap_or(ScalarAttributeType::S)
                .as_str()
                .to_owned(),
        });
        Ok(parts.collect())
    }

    /// Whether `attribute` of an item may be written, in a table of this key.
    pub async fn may_update(&self, key: &[KeyPart], attribute: &str) -> Result<(), TableError> {
        let key = key.iter().map(|part| (part.attribute.as_str(), part.absent()));
        self.refused_update(key.collect(), attribute).await
    }

    /// Whether the table can hold a lease of `owner`: it has the key for it, and its item may be read and written.
    pub async fn may_lease(&self, owner: &str) -> Result<(), TableError> {
        let key = AttributeValue::S(format!("{owner} {ABSENT}"));
        let call = self.sdk().get_item().table_name(self.name());
        let call = call.consistent_read(true).key(KEY, key.clone());
        call.send()
            .await
            .map_err(|error| TableError::classify("GetItem", self.name(), &error))?;
        self.refused_update(vec![(KEY, key)], "epoch").await
    }

    /// Whether `stream`, which is the table's, may be followed.
    pub async fn may_follow(&self, stream: &str) -> Result<(), TableError> {
        let shards = self.last_shards(stream).await?;
        let Some(shard) = shards.first() else {
            return Ok(());
        };
        match self.end_of(stream, shard).await? {
            Some(place) => self.written_since(&place, &[]).await.map(drop),
            None => Ok(()),
        }
    }

    /// Asks for an update under a condition that never holds: with the permission to write the answer is that it does not.
    async fn refused_update(
        &self,
        key: Vec<(&str, AttributeValue)>,
        attribute: &str,
    ) -> Result<(), TableError> {
        const OPERATION: &str = "UpdateItem";
        let mut call = self.sdk().update_item().table_name(self.name());
        if let Some((first, _)) = key.first() {
            call = call.expression_attribute_names("#k", *first);
        }
        for (name, value) in key {
            call = call.key(name, value);
        }
        let call = call
            .update_expression("SET #a = :v")
            .expression_attribute_names("#a", attribute)
            .expression_attribute_values(":v", AttributeValue::S(ABSENT.to_owned()))
            .condition_expression("attribute_exists(#k) AND attribute_not_exists(#k)");
        match call.send().await {
            // Nothing can be and not be.
            Ok(_) => Err(TableError {
                operation: OPERATION,
                table: self.name().to_owned(),
                kind: TableErrorKind::Server,
                message: "a condition that cannot hold was taken to hold".to_owned(),
            }),
            Err(error) => match TableError::classify(OPERATION, self.name(), &error) {
                error if error.kind == TableErrorKind::ConditionFailed => Ok(()),
                error => Err(error),
            },
        }
    }
}
