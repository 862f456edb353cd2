//! A call, taken off the wire: operation, resource, query, body.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use super::mediaconnect::operation as router;

/// What time it is, in two clocks
///
/// Transitions run on `elapsed`, which a speed-up stretches; whatever a client reads or writes as a date (fixed
/// schedule actions, alert times) is `wall`, which keeps the client's pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// MediaLive's own time since the world's epoch
    pub elapsed: Duration,
    /// The date, as clients know it
    pub wall: Timestamp,
}

/// The operations that the emulator serves, by MediaLive's names, and those of MediaConnect's routers
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    missing_docs,
    reason = "the names are MediaLive's own; the API reference documents them"
)]
pub enum Operation {
    CreateChannel,
    DescribeChannel,
    ListChannels,
    UpdateChannel,
    UpdateChannelClass,
    DeleteChannel,
    StartChannel,
    StopChannel,
    RestartChannelPipelines,
    ListAlerts,
    BatchUpdateSchedule,
    DescribeSchedule,
    DeleteSchedule,
    BatchStart,
    BatchStop,
    BatchDelete,
    CreateInput,
    DescribeInput,
    ListInputs,
    UpdateInput,
    DeleteInput,
    CreateInputSecurityGroup,
    DescribeInputSecurityGroup,
    ListInputSecurityGroups,
    UpdateInputSecurityGroup,
    DeleteInputSecurityGroup,
    CreateTags,
    DeleteTags,
    ListTagsForResource,
    Router(router::Operation),
}

impl Operation {
    /// Every operation
    pub fn all() -> impl Iterator<Item = Self> {
        let routers = router::Operation::ALL.iter().copied().map(Self::Router);
        Self::MEDIALIVE.into_iter().chain(routers)
    }

    const MEDIALIVE: [Self; 29] = [
        Self::CreateChannel,
        Self::DescribeChannel,
        Self::ListChannels,
        Self::UpdateChannel,
        Self::UpdateChannelClass,
        Self::DeleteChannel,
        Self::StartChannel,
        Self::StopChannel,
        Self::RestartChannelPipelines,
        Self::ListAlerts,
        Self::BatchUpdateSchedule,
        Self::DescribeSchedule,
        Self::DeleteSchedule,
        Self::BatchStart,
        Self::BatchStop,
        Self::BatchDelete,
        Self::CreateInput,
        Self::DescribeInput,
        Self::ListInputs,
        Self::UpdateInput,
        Self::DeleteInput,
        Self::CreateInputSecurityGroup,
        Self::DescribeInputSecurityGroup,
        Self::ListInputSecurityGroups,
        Self::UpdateInputSecurityGroup,
        Self::DeleteInputSecurityGroup,
        Self::CreateTags,
        Self::DeleteTags,
        Self::ListTagsForResource,
    ];

    /// The service's name of the operation, `StartChannel`
    pub fn name(self) -> String {
        match self {
            Self::Router(operation) => operation.name().to_owned(),
            of_medialive => format!("{of_medialive:?}"),
        }
    }

    /// The service, as IAM spells it
    pub const fn service(self) -> &'static str {
        match self {
            Self::Router(_) => "mediaconnect",
            _ => "medialive",
        }
    }

    /// True if the operation's path names a channel
    pub const fn is_of_channel(self) -> bool {
        matches!(
            self,
            Self::DescribeChannel
                | Self::UpdateChannel
                | Self::UpdateChannelClass
                | Self::DeleteChannel
                | Self::StartChannel
                | Self::StopChannel
                | Self::RestartChannelPipelines
                | Self::ListAlerts
                | Self::BatchUpdateSchedule
                | Self::DescribeSchedule
                | Self::DeleteSchedule
        )
    }

    /// True if the operation only reads
    pub const fn is_read(self) -> bool {
        if let Self::Router(operation) = self {
            return operation.is_read();
        }
        matches!(
            self,
            Self::DescribeChannel
                | Self::ListChannels
                | Self::ListAlerts
                | Self::DescribeSchedule
                | Self::DescribeInput
                | Self::ListInputs
                | Self::DescribeInputSecurityGroup
                | Self::ListInputSecurityGroups
                | Self::ListTagsForResource
        )
    }

    /// The HTTP status of success (botocore service model, `responseCode`)
    pub const fn success(self) -> u16 {
        match self {
            Self::Router(operation) => operation.success(),
            Self::CreateChannel | Self::CreateInput => 201,
            Self::CreateTags | Self::DeleteTags => 204,
            _ => 200,
        }
    }
}

/// By name, as faults and state files have it
impl Serialize for Operation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name())
    }
}

/// The name that both services have, ListTagsForResource, is read as MediaLive's
impl<'de> Deserialize<'de> for Operation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::all()
            .find(|operation| operation.name() == name)
            .ok_or_else(|| {
                let names: Vec<String> = Self::all().map(Self::name).collect();
                de::Error::custom(format!("unknown operation, expected one of {}", names.join(", ")))
            })
    }
}

/// The query parameters that the served operations know
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// `maxResults`, unparsed: anything but a number is an error of the caller
    pub max_results: Option<String>,
    /// `nextToken`
    pub next_token: Option<String>,
    /// `stateFilter` of ListAlerts
    pub state_filter: Option<String>,
    /// `tagKeys` of DeleteTags, which repeats
    pub tag_keys: Vec<String>,
    /// `arns` of MediaConnect's batch calls, which repeats
    pub arns: Vec<String>,
}

/// How a fault bends what a call brings about
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Twist {
    /// The transition that the call sets off ends differently
    pub outcome: TransitionOutcome,
    /// A list answers as of this long ago
    pub stale: Option<Duration>,
    /// A list leaves out what is at this place
    pub left_out: Option<usize>,
}

/// How a transition ends
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TransitionOutcome {
    /// As it should
    #[default]
    Normal,
    /// The start falls back to IDLE, the update ends in UPDATE_FAILED, the creation in CREATE_FAILED; of a router: in ERROR
    Fails,
    /// Never
    Stuck,
}

/// A call on the world
#[derive(Clone, PartialEq)]
pub struct Request {
    /// What is asked
    pub operation: Operation,
    /// Of which resource: an id, an ARN for tags, empty where the path names none
    pub id: String,
    /// The query string
    pub query: Query,
    /// The body; an empty object when there was none
    pub body: Value,
    /// What a fault makes of it
    pub twist: Twist,
}

/// Says nothing of the body, which holds stream keys
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("operation", &self.operation)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Request {
    /// A call without query, body or fault
    pub fn new(operation: Operation, id: impl Into<String>) -> Self {
        Self {
            operation,
            id: id.into(),
            query: Query::default(),
            body: Value::Object(serde_json::Map::new()),
            twist: Twist::default(),
        }
    }

    /// FNV-1a over the body's text: stable over restarts and versions, as the state file needs it to be
    pub(super) fn digest(&self) -> u64 {
        let text = self.body.to_string();
        text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }

    /// The same call with this body
    #[must_use]
    pub fn with_body(mut self, body: Value) -> Self {
        self.body = body;
        self
    }
}
