//! `kind: DestinationTable` as it may be written. Rustdoc here is the text of the JSON Schema.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::{Deserialize, Deserializer, Visitor};

use crate::manifest::raw::RawMetadata;

/// A DynamoDB table whose items are Destinations, as a web front end writes them.
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "DestinationTable", rename = "DestinationTable")]
pub struct RawTable {
    /// The version of this format.
    #[schemars(extend("const" = "slotwise.dev/v1alpha1"))]
    pub api_version: String,
    /// What this object is.
    #[schemars(extend("const" = "DestinationTable"))]
    pub kind: String,
    /// Name and labels.
    pub metadata: RawMetadata,
    /// Which table, and how to read it.
    pub spec: RawTableSpec,
}

/// `spec` of a DestinationTable.
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "DestinationTableSpec")]
pub struct RawTableSpec {
    /// Name of the table.
    #[schemars(length(min = 3, max = 255), regex(pattern = r"^[A-Za-z0-9_.-]+$"))]
    pub table: String,
    /// Region of the table. Without it the region that slotwise works in.
    #[schemars(length(min = 1))]
    pub region: Option<String>,
    /// Another endpoint than the region's, as for a DynamoDB on this machine: `http://127.0.0.1:8000`.
    #[schemars(regex(pattern = r"^https?://[^\s/@]+/?$"))]
    pub endpoint: Option<String>,
    /// Name of the ChannelPool of items that name none themselves.
    #[schemars(length(min = 1))]
    pub pool: Option<String>,
    /// Time between two reads of the table: `10s`. A table with a stream is read once a minute, and its stream shows
    /// changes at once.
    pub poll: Option<String>,
    /// Let items refer to environment variables and files of the slotwise process. A writer of items can then
    /// have each of them sent to a server of their own.
    #[serde(default)]
    pub local_keys: bool,
    /// Which attribute holds what. Without it attributes are called like the fields of a Destination. With it, only
    /// attributes that are listed here are read; `name` and `state` have their usual names unless listed.
    pub attributes: Option<RawAttributes>,
    /// Where the status goes.
    #[serde(default)]
    pub status: RawStatus,
}

/// Names of attributes.
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(rename = "Attributes")]
pub struct RawAttributes {
    /// The name of the destination.
    pub name: RawNameAttribute,
    /// Whether it is wanted on air.
    pub state: RawStateAttribute,
    /// Name of its ChannelPool.
    pub pool: Option<String>,
    /// Platform: `youtube`, `twitch` or `facebook`.
    pub platform: Option<String>,
    /// RTMP or RTMPS URL without the stream key.
    pub url: Option<String>,
    /// The same for the second pipeline.
    pub backup_url: Option<String>,
    /// User name, for servers that ask for one.
    pub username: Option<String>,
    /// Name of the parameter in the Systems Manager Parameter Store that holds its password.
    pub password_parameter: Option<String>,
    /// The stream key itself.
    pub stream_key: Option<String>,
    /// Where the stream key is kept.
    pub stream_key_from: RawKeyAttributes,
    /// Group.
    pub group: Option<String>,
    /// Priority, a number.
    pub priority: Option<String>,
    /// Whether it may be interrupted.
    pub interruptible: Option<String>,
    /// The only slot that may carry it: a map of `channel` and `outputGroup`.
    pub slot: Option<String>,
    /// Hands off: a map of `until`, `by` and `why`.
    pub paused: Option<String>,
    /// A number that grows with each change, reported as `observedGeneration`.
    pub generation: Option<String>,
    /// Labels, a map; for users and their tools.
    pub labels: Option<String>,
    /// Annotations, a map; for users and their tools.
    pub annotations: Option<String>,
}

/// The attribute that holds the name.
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(rename = "NameAttribute")]
pub struct RawNameAttribute {
    /// The attribute: `name` unless given.
    #[schemars(length(min = 1))]
    pub attribute: String,
    /// Make a name of any text there: `Main Stage` becomes `main-stage`.
    pub label: bool,
}

impl Default for RawNameAttribute {
    fn default() -> Self {
        Self {
            attribute: "name".to_owned(),
            label: false,
        }
    }
}

/// The attribute that holds the wanted state, and what its values mean.
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(rename = "StateAttribute")]
pub struct RawStateAttribute {
    /// The attribute: `state` unless given.
    #[schemars(length(min = 1))]
    pub attribute: String,
    /// Values that mean `Streaming`.
    #[schemars(length(min = 1))]
    pub streaming: Vec<RawWord>,
    /// Values that mean `Ready`.
    #[schemars(length(min = 1))]
    pub ready: Vec<RawWord>,
}

impl Default for RawStateAttribute {
    fn default() -> Self {
        Self {
            attribute: "state".to_owned(),
            streaming: vec![RawWord::Text("Streaming".to_owned())],
            ready: vec![RawWord::Text("Ready".to_owned())],
        }
    }
}

/// Attributes that hold a reference to the stream key.
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(rename = "KeyAttributes")]
pub struct RawKeyAttributes {
    /// Name of an environment variable.
    pub env: Option<String>,
    /// Path of a file.
    pub file: Option<String>,
    /// Name of a parameter in the Systems Manager Parameter Store.
    pub ssm: Option<String>,
    /// Name of a secret in Secrets Manager.
    pub secrets_manager: Option<String>,
}

/// Where the status of a destination goes. Slotwise writes these attributes and no others.
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(rename = "StatusAttributes")]
pub struct RawStatus {
    /// `false`: write nothing.
    pub write: bool,
    /// An attribute that takes all of it as a map: `status` unless `attributes` are given.
    #[schemars(length(min = 1))]
    pub attribute: Option<String>,
    /// Attributes that take a part of it each.
    pub attributes: RawStatusAttributes,
    /// Other words for the phases: `{ Streaming: streaming, Error: failed }`. Those not listed stay as they are.
    pub phases: BTreeMap<String, String>,
}

impl Default for RawStatus {
    fn default() -> Self {
        Self {
            write: true,
            attribute: None,
            attributes: RawStatusAttributes::default(),
            phases: BTreeMap::new(),
        }
    }
}

/// Attributes that take a part of the status each.
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(rename = "StatusParts")]
pub struct RawStatusAttributes {
    /// `Ready`, `Pending`, `Starting`, `Streaming`, `Stopping` or `Error`.
    pub phase: Option<String>,
    /// A stable code: `NoFreeSlot`.
    pub reason: Option<String>,
    /// One sentence.
    pub message: Option<String>,
    /// Id of the channel that carries it or will.
    pub channel: Option<String>,
    /// The output group on it.
    pub slot: Option<String>,
    /// Since when it is in this phase, RFC 3339.
    pub since: Option<String>,
    /// The generation that this speaks of.
    pub observed_generation: Option<String>,
}

/// A value of an attribute that means something: text, a whole number, true or false.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RawWord {
    /// Text.
    Text(String),
    /// A whole number.
    Int(i128),
    /// True or false.
    Bool(bool),
}

impl fmt::Display for RawWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "`{text}`"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Bool(value) => write!(f, "{value}"),
        }
    }
}

impl JsonSchema for RawWord {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Word".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["string", "integer", "boolean"] })
    }
}

impl<'de> Deserialize<'de> for RawWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl Visitor<'_> for Words {
            type Value = RawWord;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a whole number, true or false")
            }

            fn visit_bool<E>(self, value: bool) -> Result<RawWord, E> {
                Ok(RawWord::Bool(value))
            }

            fn visit_i128<E>(self, value: i128) -> Result<RawWord, E> {
                Ok(RawWord::Int(value))
            }

            fn visit_str<E>(self, text: &str) -> Result<RawWord, E> {
                Ok(RawWord::Text(text.to_owned()))
            }

            // The stand-in for a mistake that is reported already.
            fn visit_unit<E>(self) -> Result<RawWord, E> {
                Ok(RawWord::Text(String::new()))
            }
        }
        deserializer.deserialize_any(Words)
    }
}
