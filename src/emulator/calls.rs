//! The record of the calls made, for tests that count them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::Serialize;

/// How many calls are kept; the counters have no limit
const CALLS_MAX: usize = 20_000;

/// How much of what a caller says of itself and of the channel is kept: headers and paths may be hundreds of kilobytes
const TEXT_MAX_CHARS: usize = 1_000;

/// A call, without anything of its body
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// When, in MediaLive's own time since the world's epoch
    #[serde(serialize_with = "seconds", rename = "atSeconds")]
    pub at: Duration,
    /// The service's name of the operation, `StartChannel`; `Unknown` for a path that is not served
    pub operation: String,
    /// The channel that the path names
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The ARN of the router resource that the path names
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The HTTP status the client was sent; none if it got no reply
    pub status: Option<u16>,
    /// The error type the client was sent, `ConflictException`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// True if the call did its work, whatever its answer
    pub applied: bool,
    /// The caller's user agent
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

fn seconds<S: serde::Serializer>(at: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(at.as_secs_f64())
}

/// The last calls, and how many there were of each operation
#[derive(Debug, Default)]
pub(super) struct CallLog {
    calls: VecDeque<Call>,
    counts: BTreeMap<String, u64>,
    total: u64,
}

impl CallLog {
    pub(super) fn push(&mut self, mut call: Call) {
        for text in [&mut call.channel, &mut call.resource, &mut call.user_agent]
            .into_iter()
            .flatten()
        {
            if let Some((end, _)) = text.char_indices().nth(TEXT_MAX_CHARS) {
                text.truncate(end);
            }
        }
        if self.calls.len() == CALLS_MAX {
            self.calls.pop_front();
        }
        *self.counts.entry(call.operation.clone()).or_default() += 1;
        self.total += 1;
        self.calls.push_back(call);
    }

    pub(super) fn calls(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter()
    }

    pub(super) fn last(&self) -> Option<&Call> {
        self.calls.back()
    }

    pub(super) const fn counts(&self) -> &BTreeMap<String, u64> {
        &self.counts
    }

    pub(super) const fn total(&self) -> u64 {
        self.total
    }
}
