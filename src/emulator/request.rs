//! A call, taken off the wire: operation, resource, query, body.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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

/// The operations that the emulator serves, by MediaLive's names
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
}

impl Operation {
    /// Every operation
    pub const ALL: [Self; 29] = [
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

    /// MediaLive's name of the operation, `StartChannel`
    pub fn name(self) -> String {
        format!("{self:?}")
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
            Self::CreateChannel | Self::CreateInput => 201,
            Self::CreateTags | Self::DeleteTags => 204,
            _ => 200,
        }
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
}

/// How a fault bends what a call brings about
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Twist {
    /// The transition that the call sets off ends differently
    pub outcome: Outcome,
    /// ListChannels answers as of this long ago
    pub stale: Option<Duration>,
    /// ListChannels leaves out the channel at this place
    pub left_out: Option<usize>,
}

/// How a transition ends
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Outcome {
    /// As it should
    #[default]
    Normal,
    /// The start falls back to IDLE, the update ends in UPDATE_FAILED, the creation in CREATE_FAILED
    Fails,
    /// Never
    Stuck,
}

/// A call on the world
#[derive(Debug, Clone, PartialEq)]
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

    /// The same call with this body
    #[must_use]
    pub fn with_body(mut self, body: Value) -> Self {
        self.body = body;
        self
    }
}
