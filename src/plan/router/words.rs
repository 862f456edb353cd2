//! What plans say of router outputs, to people and to programs.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::feed::not_ready;
use super::{OnAirAt, OutputContent, OutputReason, OutputWaiting, RouterLimit};
use crate::model::{Cause, Desired, DestinationName, Observed, OutputState, PoolName, RouterArn, SlotId};
use crate::plan::cost::INTERRUPTION;
use crate::plan::waiting::{
    AGAIN, FAILING_FROM_ATTEMPTS, JUST_THIS_ONCE, OWN_KEY, anytime, end_of_pause, off_air, paused,
};
use crate::plan::{DestinationPlan, OutputPlace, Waiting};

/// What a new URL or key of a destination on air means.
const OWN_CHANGE: &str = "its new URL or key is written while its router output is stopped, and it is on air";

impl fmt::Display for OutputContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Destination(name) => write!(f, "{name}"),
            Self::Previous(name) => write!(f, "previous target of {name}"),
            Self::Surplus(name) => write!(f, "{name}, a second time"),
            Self::Moved(name) => write!(f, "{name}, which is in another pool now"),
            Self::Vanished(identity) => write!(f, "{identity}, no longer declared"),
            Self::Undeclared => f.write_str("undeclared"),
        }
    }
}

impl OutputReason {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Wanted => "Wanted",
            Self::NotWanted => "NotWanted",
            Self::Retarget => "TargetChanged",
            Self::ComesBack => "ComesBack",
            Self::Surplus => "Surplus",
            Self::Moved => "Moved",
            Self::Vanished => "NotDeclared",
            Self::DeclaredAgain => "DeclaredAgain",
            Self::Recognised => "Recognised",
            Self::PlaceNeeded(_) => "PlaceNeeded",
            Self::KeptLongEnough => "KeptLongEnough",
            Self::Failed => "Failed",
            Self::Stopped => "Stopped",
        }
    }
}

impl fmt::Display for OutputReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wanted => f.write_str("wanted"),
            Self::NotWanted => f.write_str("not wanted"),
            Self::Retarget => f.write_str("its URL or key has changed"),
            Self::ComesBack => f.write_str("comes back after its own change"),
            Self::Surplus => f.write_str("on air in another output"),
            Self::Moved => f.write_str("in another pool now"),
            Self::Vanished => f.write_str("no longer declared"),
            Self::DeclaredAgain => f.write_str("declared again"),
            Self::Recognised => f.write_str("pushes its stream, and its tags do not say so"),
            Self::PlaceNeeded(name) => write!(f, "its place is needed for {name}"),
            Self::KeptLongEnough => f.write_str("off for as long as the pool keeps outputs"),
            Self::Failed => f.write_str("it failed"),
            Self::Stopped => f.write_str("it is stopped: who started it counts no more"),
        }
    }
}

impl fmt::Display for RouterLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PerRegion => "router outputs in the region",
            Self::PerInput => "outputs routed to one router input",
        })
    }
}

impl OutputWaiting {
    /// On air in a pool that it was moved from, and as far as is known alone there.
    pub(super) fn elsewhere(pool: PoolName) -> Self {
        let others = Vec::new();
        Self::OnAirElsewhere { pool, others }
    }

    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::SecretUnavailable { .. } => "SecretUnavailable",
            Self::TargetRefused { .. } => "TargetRefused",
            Self::Paused { .. } => "Paused",
            Self::OutputInTransition { .. } => "OutputInTransition",
            Self::BackingOff { .. } => "BackingOff",
            Self::InterruptionForbidden { .. } => "InterruptionForbidden",
            Self::Uninterruptible => "Uninterruptible",
            Self::OutsideWindow { .. } => "OutsideWindow",
            Self::OtherInput { .. } => "OtherInput",
            Self::QuotaReached { .. } => "QuotaReached",
            Self::RoomIsMade => "RoomIsMade",
            Self::SameTarget { .. } => "SameTarget",
            Self::ListIncomplete => "ListIncomplete",
            Self::OutputsUnreadable { .. } => "OutputsUnreadable",
            Self::InputMissing { .. } => "InputMissing",
            Self::SourceNotReady { .. } => "SourceNotReady",
            Self::OnAirElsewhere { .. } => "OnAirElsewhere",
            Self::Moves { .. } => "Moves",
            Self::PoolGone { .. } => "PoolGone",
            Self::OfAnother { .. } => "OfAnother",
            Self::SourceUntrusted => "SourceUntrusted",
            Self::Undeclared => "Undeclared",
        }
    }

    /// Whether it has failed so often that the next try is likely to fail as well.
    pub fn keeps_failing(&self) -> bool {
        match self {
            Self::BackingOff { failures, .. } => *failures >= FAILING_FROM_ATTEMPTS,
            Self::SourceNotReady { why, .. } => why.keeps_failing(),
            _ => false,
        }
    }

    /// Whether it ends without an operator.
    pub fn ends_by_itself(&self) -> bool {
        match self {
            Self::OutputInTransition { .. }
            | Self::BackingOff { .. }
            | Self::RoomIsMade
            | Self::Moves { .. }
            | Self::ListIncomplete => true,
            Self::SourceNotReady { why, .. } => why.ways_out().is_empty(),
            _ => false,
        }
    }

    /// What would change it, each a short phrase a person can act on. Empty where it ends by itself.
    pub fn ways_out(&self) -> Vec<String> {
        match self {
            Self::OutputInTransition { .. }
            | Self::BackingOff { .. }
            | Self::RoomIsMade
            | Self::Moves { .. }
            | Self::ListIncomplete => Vec::new(),
            Self::OutputsUnreadable { denied, .. } => vec![match denied {
                Some(action) => allow(action),
                None => "see the cause; it is tried again every cycle".to_owned(),
            }],
            Self::SecretUnavailable { reference, .. } => vec![format!("make {reference} readable")],
            Self::TargetRefused { .. } => vec![
                "correct what it names: spec.url or spec.platform, or networkInterface and output: of its pool; it is tried again by \
                 itself where that interrupts nothing"
                    .to_owned(),
            ],
            Self::Paused { pool, .. } => vec![end_of_pause(pool.as_ref())],
            Self::InterruptionForbidden { pool, cause } => {
                let grant = match cause {
                    None => anytime(pool, Cause::Retarget),
                    Some(cause) => format!("add {cause} to disruption.for: of pool {pool}"),
                };
                vec![grant, JUST_THIS_ONCE.to_owned(), AGAIN.to_owned()]
            }
            Self::Uninterruptible => vec!["remove its interruptible: false".to_owned(), AGAIN.to_owned()],
            Self::OutsideWindow { .. } => vec![
                "wait for the window".to_owned(),
                JUST_THIS_ONCE.to_owned(),
                AGAIN.to_owned(),
            ],
            Self::OtherInput { input, pool } => vec![
                "take the input of its pool again yourself: aws mediaconnect take-router-input".to_owned(),
                JUST_THIS_ONCE.to_owned(),
                AGAIN.to_owned(),
                format!("set spec.input: {input} in pool {pool}, if that is its input from now on"),
            ],
            Self::QuotaReached { limit, pool, .. } => quota_ways_out(*limit, pool),
            Self::SameTarget { at } => same_target_ways_out(at),
            Self::InputMissing { pool, .. } => {
                vec![format!("correct spec.input of pool {pool}, or make such a router input")]
            }
            Self::SourceNotReady { why, .. } => why.ways_out(),
            Self::OnAirElsewhere { .. } | Self::PoolGone { .. } | Self::OfAnother { .. } => self.ways_out_of_its_pool(),
            Self::SourceUntrusted => vec![
                "repair the source".to_owned(),
                "declare it with state: Ready to take it off air".to_owned(),
            ],
            Self::Undeclared => vec![
                "declare it as a Destination (state: Ready takes it off air)".to_owned(),
                "stop and delete the router output yourself".to_owned(),
            ],
        }
    }

    /// It is in another pool than the one that it belongs to.
    fn ways_out_of_its_pool(&self) -> Vec<String> {
        match self {
            Self::OnAirElsewhere { pool, others } => ways_to_leave(pool, others),
            Self::PoolGone { pool } => vec![declare_again(pool), AGAIN.to_owned()],
            Self::OfAnother { pool } => vec![
                format!("{}, with its Destination", declare_again(pool)),
                "stop and delete the router output yourself, if no other slotwise has it".to_owned(),
            ],
            _ => Vec::new(),
        }
    }

    /// The same, in words for `destination`, which waits.
    pub fn ways_out_of(&self, destination: &DestinationName) -> Vec<String> {
        Waiting::Output(self.clone()).ways_out_of(destination)
    }
}

/// What lets a destination end in the pool that it was moved from. Off and on again is none where it shares its channel: it stays on
/// air with the others.
fn ways_to_leave(pool: &PoolName, others: &[DestinationName]) -> Vec<String> {
    let grant = anytime(pool, Cause::Retarget);
    let back = format!("set pool: {pool} again");
    if others.is_empty() {
        return vec![grant, JUST_THIS_ONCE.to_owned(), AGAIN.to_owned(), back];
    }
    let grant = format!("{grant} (it and {})", off_air(others, INTERRUPTION));
    vec![grant, JUST_THIS_ONCE.to_owned(), back]
}

fn declare_again(pool: &PoolName) -> String {
    format!("declare RouterPool {pool} again")
}

impl DestinationPlan {
    /// The slot that carries it, or else will: none where its router output does. What it has left in a pool that it was moved from
    /// is not where it is.
    pub fn slot(&self) -> Option<&SlotId> {
        let is_told =
            |output: &OutputPlace| !self.on_air || output.state.is_some_and(OutputState::may_publish);
        if self.output.as_ref().is_some_and(is_told) {
            return None;
        }
        let held = self.held.as_ref();
        held.filter(|_| self.on_air).or(self.assignment.as_ref()).or(held)
    }

    /// Whether it is not known if it is on air: it may have a router output, and those cannot be looked at.
    pub fn is_unknown(&self) -> bool {
        let is_unreadable = matches!(
            self.waiting,
            Some(Waiting::Output(OutputWaiting::OutputsUnreadable { .. }))
        );
        let has_output = self.output.as_ref().is_some_and(|output| output.arn.is_some());
        is_unreadable && !self.on_air && !has_output
    }
}

/// The waiting of what is on air in this router output already, with the declared destination that it is of.
pub(in crate::plan) fn on_air_in_output(desired: &Desired, observed: &Observed, arn: &RouterArn) -> Waiting {
    let output = observed.routers.outputs.get(arn);
    let ours = output.filter(|output| output.owner.as_ref() == Some(&desired.owner));
    let target = ours.and_then(|output| Some(output.target.as_ref()?.stream()));
    let record = ours.and_then(|output| output.record.as_ref());
    let all = || desired.destinations.values();
    let recorded = record.and_then(|record| all().find(|one| one.identity == record.identity));
    let same_stream = || {
        let of_routers = all().filter(|one| desired.routers.contains_key(&one.pool));
        let mut pushed = of_routers.filter(|one| one.endpoint().map(|endpoint| endpoint.stream()) == target);
        pushed.find(|_| target.is_some())
    };
    let of = recorded.or_else(same_stream).map(|one| one.name.clone());
    Waiting::OnAirInOutput {
        output: output.map_or_else(|| arn.as_str().into(), |output| Arc::clone(&output.name)),
        of,
    }
}

/// Where that is, and whose it is.
pub(in crate::plan) fn say_on_air_in_output(
    f: &mut fmt::Formatter<'_>,
    output: &str,
    of: Option<&DestinationName>,
) -> fmt::Result {
    write!(f, "its stream is, or may be, on air in router output {output}")?;
    match of {
        Some(other) => write!(f, ", which is that of {other}"),
        None => Ok(()),
    }
}

/// What a missing permission asks for.
pub fn allow(action: &str) -> String {
    format!("allow {action}, as manifests/iam-policy.json does")
}

fn outside_window(f: &mut fmt::Formatter<'_>, opens: Option<Timestamp>) -> fmt::Result {
    match opens {
        Some(opens) => write!(f, "{OWN_CHANGE}; the next window opens at {opens:.0}"),
        None => write!(f, "{OWN_CHANGE}; no window is open"),
    }
}

/// What failed, how often, and when it is tried again.
pub(super) fn tried_again(
    f: &mut fmt::Formatter<'_>,
    failures: u32,
    until: Timestamp,
    what: &str,
) -> fmt::Result {
    match failures {
        0 | 1 => f.write_str(what)?,
        more => write!(f, "it failed {more} times in a row ({what})")?,
    }
    write!(f, "; next try at {until:.0}")
}

fn quota_ways_out(limit: RouterLimit, pool: &PoolName) -> Vec<String> {
    let more = match limit {
        RouterLimit::PerRegion => {
            "raise the quota of router outputs in Service Quotas, or delete outputs that are not needed"
                .to_owned()
        }
        RouterLimit::PerInput => format!(
            "declare a second RouterPool with another router input as spec.input, and set pool: to it; pool {pool} is full"
        ),
    };
    vec![
        more,
        format!("set state: Ready for another destination of pool {pool}"),
        "raise its priority above that of a destination that waits as well".to_owned(),
    ]
}

fn same_target_ways_out(at: &OnAirAt) -> Vec<String> {
    match at {
        OnAirAt::Destination(other) => vec![format!("set state: Ready for {other}"), OWN_KEY.to_owned()],
        OnAirAt::Before(other) => vec![format!(
            "set state: Ready for both, it and {other}, in one save; then Streaming for both"
        )],
        OnAirAt::Output(output) => vec![format!("stop router output {output}")],
        OnAirAt::Channel => vec![
            "end it on that channel".to_owned(),
            "if it was moved from a ChannelPool: set state: Ready, then Streaming again".to_owned(),
        ],
    }
}

impl OutputWaiting {
    fn fmt_of_its_pool(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnAirElsewhere { pool, .. } => {
                write!(
                    f,
                    "on air in pool {pool}, which it was moved from, and has to end there first; pool {pool} does not grant that"
                )
            }
            Self::Moves { from } => write!(
                f,
                "moves: it ends in pool {from} as soon as its new place is ready, and begins there then"
            ),
            Self::PoolGone { pool } => {
                write!(
                    f,
                    "on air in the router output of pool {pool}, which is declared no longer"
                )
            }
            Self::OfAnother { pool } => write!(
                f,
                "left alone: by its tags it is of pool {pool}, which is not declared here; another slotwise of this owner may have it"
            ),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for OutputWaiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SecretUnavailable { reference, why } => {
                write!(f, "its key ({reference}) cannot be read: {why}")
            }
            Self::TargetRefused { what } => {
                write!(f, "MediaConnect refused to point a router output at it: {what}")
            }
            Self::Paused { pool, pause } => paused(f, pool.as_ref(), pause),
            Self::OutputInTransition { state } => write!(f, "its router output is {state}"),
            Self::BackingOff {
                failures,
                until,
                what,
            } => tried_again(f, *failures, *until, what),
            Self::InterruptionForbidden { pool, cause } => {
                write!(f, "{OWN_CHANGE}; pool {pool} ")?;
                match cause {
                    None => f.write_str("never interrupts"),
                    Some(cause) => write!(f, "does not interrupt for {cause}"),
                }
            }
            Self::Uninterruptible => write!(f, "{OWN_CHANGE}; it must not be interrupted"),
            Self::OutsideWindow { opens } => outside_window(f, *opens),
            Self::OtherInput { input, pool } => write!(
                f,
                "its router output takes another input than that of pool {pool}: {input}; it stays so until its next start"
            ),
            Self::QuotaReached { limit, at, .. } => {
                write!(f, "MediaConnect allows {at} {limit}, and all are taken")
            }
            Self::RoomIsMade => f.write_str("a router output that is off is deleted to make room"),
            Self::SameTarget { at } => at.fmt(f),
            Self::ListIncomplete => {
                f.write_str("not all router outputs could be listed, so it may have one already")
            }
            Self::OutputsUnreadable { why, .. } => write!(f, "the router outputs cannot be looked at: {why}"),
            Self::InputMissing { pool, input } => {
                write!(
                    f,
                    "MediaConnect knows no router input {input}, which pool {pool} names"
                )
            }
            Self::SourceNotReady {
                pool,
                feed,
                state,
                why,
            } => not_ready(f, (pool, feed), *state, why),
            Self::OnAirElsewhere { .. }
            | Self::Moves { .. }
            | Self::PoolGone { .. }
            | Self::OfAnother { .. } => self.fmt_of_its_pool(f),
            Self::SourceUntrusted => {
                f.write_str("no longer declared, and stays on air: the declaration may not be whole")
            }
            Self::Undeclared => f.write_str("left alone: no Destination explains it"),
        }
    }
}

impl fmt::Display for OnAirAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Destination(other) => write!(
                f,
                "{other} is the same stream, and comes first or is still on air"
            ),
            Self::Before(other) => write!(
                f,
                "{other} is still on air with it, and waits for its own new URL or key"
            ),
            Self::Output(output) => say_on_air_in_output(f, output, None),
            Self::Channel => f.write_str("its stream is, or may be, on air on a MediaLive channel"),
        }
    }
}
