//! A fault: what goes wrong, for which calls, how often and when.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::emulator::mediaconnect::operation::Verb;
use crate::emulator::request::Operation;

/// Whether a call that fails has taken effect
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Effect {
    /// The call failed before it did anything
    #[default]
    Before,
    /// The call did its work, only the reply is lost
    After,
}

/// What goes wrong
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum FaultKind {
    /// 429 TooManyRequestsException, nothing done
    Throttle,
    /// A server error: 500, 502 or 504
    ServerError {
        /// 500, 502 or 504
        #[serde(default = "internal")]
        status: u16,
        /// Before or after the effect
        #[serde(default)]
        effect: Effect,
    },
    /// No reply until long after any client has given up
    Timeout {
        /// Before or after the effect
        #[serde(default)]
        effect: Effect,
    },
    /// The connection breaks without a reply
    Reset {
        /// Before or after the effect
        #[serde(default)]
        effect: Effect,
    },
    /// The effect is immediate, the reply takes this long
    Slow {
        /// Seconds on the client's clock, not sped up
        seconds: f64,
    },
    /// ListChannels, or a list of router resources, answers as of this long ago
    StaleList {
        /// Seconds in MediaLive's own time
        seconds: f64,
    },
    /// ListChannels leaves one channel out, as a page that is lost does; lists of router resources likewise
    PartialList {
        /// Which one, in the order of the list; the first is 0
        place: usize,
    },
    /// A start falls back from STARTING to IDLE; of a router output or input it ends in ERROR, a restart too
    StartFails,
    /// An update ends in UPDATE_FAILED; of a router resource in ERROR
    UpdateFails,
    /// A creation ends in CREATE_FAILED; of a router resource in ERROR
    CreateFails,
    /// A start stays STARTING until it is stopped
    StuckStarting,
    /// A running channel loses a pipeline and gets it back (event, no call needed)
    Recovering {
        /// How long, in MediaLive's own time; drawn when absent
        seconds: Option<f64>,
    },
    /// A running channel is restarted for maintenance (event): a single-pipeline channel stops and starts, a
    /// standard one is done pipeline by pipeline and stays RUNNING (user guide, maintenance-how)
    Maintenance,
    /// A running channel raises an alert (event), SET until the channel stops
    Alert {
        /// For example "Failed RTMP Connection" (user guide, monitor-activity-types-alerts-channels)
        alert_type: String,
        /// Free text
        message: String,
        /// "0" or "1"
        #[serde(default = "first_pipeline")]
        pipeline_id: String,
    },
    /// An ACTIVE router output fails and tries again by itself (event)
    RouterRecovering {
        /// How long, in MediaConnect's own time; drawn when absent
        seconds: Option<f64>,
    },
    /// An ACTIVE router output is moved, as in maintenance (event)
    RouterMigrating {
        /// How long, in MediaConnect's own time; drawn when absent
        seconds: Option<f64>,
    },
    /// An ACTIVE router output goes to ERROR, until it is restarted or stopped (event)
    RouterError {
        /// The code of its message
        code: String,
        /// The text of its message
        message: String,
    },
    /// An ACTIVE router output has a message, until it begins anew (event)
    RouterMessage {
        /// Its code
        code: String,
        /// Its text
        message: String,
    },
    /// The destination of an ACTIVE router output refuses the stream, as with a key that is wrong (event); what the output does then
    /// is a switch, `refusedStream`
    StreamRefused,
    /// 403: IAM does not allow the operation
    AccessDenied,
    /// 403: the session token has expired
    ExpiredToken,
}

const fn internal() -> u16 {
    500
}

fn first_pipeline() -> String {
    "0".into()
}

const fn always() -> f64 {
    1.0
}

/// Something that goes wrong, for which calls, how often and when
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
pub struct Fault {
    /// What goes wrong
    #[serde(flatten)]
    pub kind: FaultKind,
    /// For which calls, how often, when
    #[serde(flatten)]
    pub matcher: Matcher,
}

/// For which calls a fault is meant, how often and when
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Matcher {
    /// Only for this operation
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// Only for this channel
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// Only for the router resource with this ARN or, for events, this id
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// How many times at most; until cleared when absent (events: once)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// How likely a matching call is hit, 0 to 1
    #[serde(default = "always")]
    pub rate: f64,
    /// Not before this long after it is injected, in MediaLive's own time
    #[serde(default)]
    pub after_seconds: f64,
    /// Not later than this long after that, in MediaLive's own time
    #[serde(skip_serializing_if = "Option::is_none")]
    pub for_seconds: Option<f64>,
}

impl TryFrom<Map<String, Value>> for Fault {
    type Error = String;

    fn try_from(mut object: Map<String, Value>) -> Result<Self, String> {
        const MATCHER: [&str; 7] = [
            "operation",
            "channel",
            "resource",
            "times",
            "rate",
            "afterSeconds",
            "forSeconds",
        ];
        let mut matcher = Map::new();
        for key in MATCHER {
            if let Some(value) = object.shift_remove(key) {
                matcher.insert(key.into(), value);
            }
        }
        let given: Vec<String> = object.keys().cloned().collect();
        let kind: FaultKind =
            serde_json::from_value(Value::Object(object)).map_err(|error| error.to_string())?;
        // serde takes any field beside a kind that has none.
        let known = serde_json::to_value(&kind).map_err(|error| error.to_string())?;
        if let Some(unknown) = given.iter().find(|key| known.get(key.as_str()).is_none()) {
            return Err(format!(
                "unknown field `{unknown}`, this kind has {}, and any has {}",
                fields(&known),
                MATCHER.join(", ")
            ));
        }
        let matcher = serde_json::from_value(Value::Object(matcher)).map_err(|error| error.to_string())?;
        Ok(Self { kind, matcher })
    }
}

fn fields(kind: &Value) -> String {
    let names = kind
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str());
    names.collect::<Vec<_>>().join(", ")
}

impl Fault {
    /// A fault that hits every call it can, until it is cleared
    pub const fn new(kind: FaultKind) -> Self {
        let matcher = Matcher {
            operation: None,
            channel: None,
            resource: None,
            times: None,
            rate: 1.0,
            after_seconds: 0.0,
            for_seconds: None,
        };
        Self { kind, matcher }
    }

    /// Only this operation
    #[must_use]
    pub const fn on(mut self, operation: Operation) -> Self {
        self.matcher.operation = Some(operation);
        self
    }

    /// Only this channel
    #[must_use]
    pub fn of(mut self, channel: impl Into<String>) -> Self {
        self.matcher.channel = Some(channel.into());
        self
    }

    /// Only the router resource with this ARN
    #[must_use]
    pub fn of_resource(mut self, arn: impl Into<String>) -> Self {
        self.matcher.resource = Some(arn.into());
        self
    }

    /// At most this often
    #[must_use]
    pub const fn times(mut self, times: u32) -> Self {
        self.matcher.times = Some(times);
        self
    }

    /// With this probability per matching call
    #[must_use]
    pub const fn rate(mut self, rate: f64) -> Self {
        self.matcher.rate = rate;
        self
    }

    /// Every reason why this fault could never strike as it is written, each with the fix
    pub fn problems(&self) -> Vec<String> {
        let matcher = &self.matcher;
        let mut problems = Vec::new();
        let mut check = |wrong: bool, text: &str| {
            if wrong {
                problems.push(text.to_owned());
            }
        };
        check(
            !(0.0..=1.0).contains(&matcher.rate),
            "rate: give a probability from 0 to 1",
        );
        check(
            !seconds_ok(matcher.after_seconds),
            "afterSeconds: give seconds, 0 or more",
        );
        check(
            !matcher.for_seconds.is_none_or(seconds_ok),
            "forSeconds: give seconds, 0 or more",
        );
        check(matcher.times == Some(0), "times: give 1 or more, or leave it out");
        check(
            self.is_event() && matcher.operation.is_some(),
            "operation: this kind strikes a running channel by itself; leave operation out",
        );
        check(
            self.is_event() && matcher.rate < 1.0,
            "rate: this kind strikes once it is due; use afterSeconds and times instead",
        );
        check(
            !self.names_fit(),
            "channel, resource: a channel for what MediaLive does, a router resource's ARN for what MediaConnect does",
        );
        check(
            !self.kind_fits(),
            "operation: this kind never strikes that operation; leave operation out",
        );
        check(
            !self.numbers_fit(),
            "seconds: give seconds, 0 or more; status: 500, 502 or 504, and 503 with an operation of MediaConnect",
        );
        problems
    }

    /// True for what happens to a running channel without a call
    pub const fn is_event(&self) -> bool {
        matches!(
            self.kind,
            FaultKind::Recovering { .. } | FaultKind::Maintenance | FaultKind::Alert { .. }
        ) || self.kind.is_of_router()
    }

    fn names_fit(&self) -> bool {
        let matcher = &self.matcher;
        let is_of_router = match matcher.operation {
            Some(operation) => Some(matches!(operation, Operation::Router(_))),
            None => self.is_event().then(|| self.kind.is_of_router()),
        };
        match (&matcher.channel, &matcher.resource) {
            (Some(_), Some(_)) => false,
            (Some(_), None) => is_of_router != Some(true),
            (None, Some(_)) => is_of_router != Some(false),
            (None, None) => true,
        }
    }

    fn kind_fits(&self) -> bool {
        self.is_event()
            || self
                .matcher
                .operation
                .is_none_or(|operation| self.may_hit(operation))
    }

    fn numbers_fit(&self) -> bool {
        match self.kind {
            // MediaConnect models 503, MediaLive does not.
            FaultKind::ServerError { status: 503, .. } => {
                matches!(self.matcher.operation, Some(Operation::Router(_)))
            }
            FaultKind::ServerError { status, .. } => matches!(status, 500 | 502 | 504),
            FaultKind::Slow { seconds } | FaultKind::StaleList { seconds } => seconds_ok(seconds),
            FaultKind::Recovering { seconds }
            | FaultKind::RouterRecovering { seconds }
            | FaultKind::RouterMigrating { seconds } => seconds.is_none_or(seconds_ok),
            _ => true,
        }
    }

    /// Whether this kind of fault makes sense for the operation
    pub(super) const fn may_hit(&self, operation: Operation) -> bool {
        use Operation as Op;
        let verb = match operation {
            Op::Router(operation) => Some(operation.verb()),
            _ => None,
        };
        match self.kind {
            FaultKind::StaleList { .. } | FaultKind::PartialList { .. } => {
                matches!(operation, Op::ListChannels) || matches!(verb, Some(Verb::List(_)))
            }
            FaultKind::StartFails | FaultKind::StuckStarting => {
                matches!(operation, Op::StartChannel | Op::BatchStart)
                    || matches!(verb, Some(Verb::Start(_) | Verb::Restart(_)))
            }
            FaultKind::UpdateFails => {
                matches!(operation, Op::UpdateChannel | Op::UpdateChannelClass)
                    || matches!(verb, Some(Verb::Update(_)))
            }
            FaultKind::CreateFails => {
                matches!(operation, Op::CreateChannel) || matches!(verb, Some(Verb::Create(_)))
            }
            _ => !self.is_event(),
        }
    }
}

impl FaultKind {
    /// True for what befalls router outputs, and inputs that are named
    pub(in crate::emulator) const fn is_of_router(&self) -> bool {
        matches!(
            self,
            Self::RouterRecovering { .. }
                | Self::RouterMigrating { .. }
                | Self::RouterError { .. }
                | Self::RouterMessage { .. }
                | Self::StreamRefused
        )
    }
}

/// The most seconds any part of a fault may speak of: a year
const SECONDS_MAX: f64 = 366.0 * 86_400.0;

fn seconds_ok(seconds: f64) -> bool {
    (0.0..=SECONDS_MAX).contains(&seconds)
}

/// Seconds as a duration; what is no number of seconds counts as none
pub(super) fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
