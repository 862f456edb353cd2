//! A fault: what goes wrong, for which calls, how often and when.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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
    /// ListChannels answers as of this long ago
    StaleList {
        /// Seconds in MediaLive's own time
        seconds: f64,
    },
    /// ListChannels leaves one channel out, as a page that is lost does
    PartialList {
        /// Which one, in the order of the list; the first is 0
        place: usize,
    },
    /// A start falls back from STARTING to IDLE
    StartFails,
    /// An update ends in UPDATE_FAILED
    UpdateFails,
    /// A creation ends in CREATE_FAILED
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
        const MATCHER: [&str; 6] = [
            "operation",
            "channel",
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
            !self.kind_fits(),
            "operation: this kind never strikes that operation; leave operation out",
        );
        check(
            !self.numbers_fit(),
            "seconds: give seconds, 0 or more; status: 500, 502 or 504",
        );
        problems
    }

    /// True for what happens to a running channel without a call
    pub const fn is_event(&self) -> bool {
        matches!(
            self.kind,
            FaultKind::Recovering { .. } | FaultKind::Maintenance | FaultKind::Alert { .. }
        )
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
            FaultKind::ServerError { status, .. } => matches!(status, 500 | 502 | 504),
            FaultKind::Slow { seconds } | FaultKind::StaleList { seconds } => seconds_ok(seconds),
            FaultKind::Recovering { seconds } => seconds.is_none_or(seconds_ok),
            _ => true,
        }
    }

    /// Whether this kind of fault makes sense for the operation
    pub(super) const fn may_hit(&self, operation: Operation) -> bool {
        use Operation as Op;
        match self.kind {
            FaultKind::StaleList { .. } | FaultKind::PartialList { .. } => {
                matches!(operation, Op::ListChannels)
            }
            FaultKind::StartFails | FaultKind::StuckStarting => {
                matches!(operation, Op::StartChannel | Op::BatchStart)
            }
            FaultKind::UpdateFails => matches!(operation, Op::UpdateChannel | Op::UpdateChannelClass),
            FaultKind::CreateFails => matches!(operation, Op::CreateChannel),
            FaultKind::Recovering { .. } | FaultKind::Maintenance | FaultKind::Alert { .. } => false,
            _ => true,
        }
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
