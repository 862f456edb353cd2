//! What goes wrong with a table, and what people do to one all at once.

use std::time::Duration;

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use tokio::time::Instant;

use super::life::ToProcess;
use super::table::Table;

/// The stream of each action's chance that says whether the action is one about the table.
const ASIDE: u64 = 1 << 63;

/// What a call gets instead of an answer, or with it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ailment {
    /// An error of this status and code, without effect.
    Refused(u16, &'static str),
    /// The same, after the call had its effect.
    Lost(u16, &'static str),
    /// No answer at all.
    Silent { after_effect: bool },
    /// The connection breaks.
    Cut { after_effect: bool },
    /// An answer after so many seconds.
    Slow(f64),
}

/// Something goes wrong for a while.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) ailment: Ailment,
    /// Of these calls only; `None` for all of them.
    operation: Option<&'static str>,
    /// Only pages of a scan that are not its first.
    within_scan: bool,
    pub(super) rate: f64,
    pub(super) until: Instant,
}

impl Trouble {
    pub(super) fn is_about(&self, operation: &str, body: &Value) -> bool {
        let begins = body.get("ExclusiveStartKey").is_none_or(Value::is_null);
        self.operation.is_none_or(|own| own == operation) && !(self.within_scan && begins)
    }

    fn draw(random: &mut ChaCha8Rng) -> Self {
        let after_effect = random.random_bool(0.5);
        let ailment = match random.random_range(0..16) {
            0 | 1 => Ailment::Refused(400, "ProvisionedThroughputExceededException"),
            2 => Ailment::Refused(400, "ThrottlingException"),
            3 | 4 if after_effect => Ailment::Lost(500, "InternalServerError"),
            3 | 4 => Ailment::Refused(503, "ServiceUnavailable"),
            5..7 => Ailment::Silent { after_effect },
            7 => Ailment::Cut { after_effect },
            8 | 9 => Ailment::Refused(400, "AccessDeniedException"),
            10 | 11 => Ailment::Refused(400, "ResourceNotFoundException"),
            _ => Ailment::Slow(random.random_range(0.5..6.0)),
        };
        let calls = [
            "Scan",
            "Scan",
            "UpdateItem",
            "UpdateItem",
            "DescribeTable",
            "GetRecords",
        ];
        let is_missing = matches!(ailment, Ailment::Refused(_, "ResourceNotFoundException"));
        let longest = if matches!(ailment, Ailment::Slow(_)) {
            20_000.0
        } else {
            2_400.0
        };
        let operation = calls.choose(random).copied().filter(|_| !is_missing);
        Self {
            ailment,
            operation: operation.filter(|_| random.random_bool(0.8)),
            within_scan: operation == Some("Scan") && random.random_bool(0.3),
            rate: *[0.3, 0.7, 1.0].choose(random).unwrap(),
            until: Instant::now() + Duration::from_secs_f64(random.random_range(10.0..longest)),
        }
    }
}

/// How long a stream is on, in minutes: a process that follows one asks it all the time.
const STREAMED: std::ops::Range<u64> = 5..60;

/// What happens to the table instead of an action that draws its chance from `random`: its line in the timeline, and what
/// happens to a process at the same moment. `None` where the action continues as without a table.
pub(super) fn befall(table: &Table, random: &ChaCha8Rng) -> Option<(String, Option<ToProcess>)> {
    let mut random = random.clone();
    random.set_stream(random.get_stream() | ASIDE);
    match random.random_range(0..100) {
        0..12 => {
            let trouble = Trouble::draw(&mut random);
            let lasts = (trouble.until - Instant::now()).as_secs();
            let what = format!(
                "fault: table: {:?} of {} at {} for {lasts} s{}",
                trouble.ailment,
                trouble.operation.unwrap_or("anything"),
                trouble.rate,
                if trouble.within_scan {
                    ", within a scan"
                } else {
                    ""
                }
            );
            table.afflict(trouble);
            Some((what, None))
        }
        12..17 => {
            let amid_scan = random.random_bool(0.5);
            // The next one finds a table that it knows nothing of.
            let dies = random.random_bool(0.3).then_some(ToProcess::Dies(None));
            table.empty(amid_scan).then(|| {
                (
                    format!("fault: the table is emptied, amid a scan: {amid_scan}"),
                    dies,
                )
            })
        }
        17..20 => {
            let minutes = random.random_range(STREAMED);
            table.stream_for(Duration::from_mins(minutes));
            Some((format!("life: the table has a stream for {minutes} min"), None))
        }
        _ => None,
    }
}
