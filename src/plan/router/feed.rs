//! What feeds router outputs, as plans tell it: the input of a pool, and the channel in front of it.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::words::tried_again;
use super::{OutputReason, OutputWaiting};
use crate::model::{ChannelId, OwnerId, Pause, PoolName, RouterArn};
use crate::plan::Plan;
use crate::plan::waiting::{FAILING_FROM_ATTEMPTS, end_of_pause, paused};

/// What feeds router outputs. Two pools may share one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Feed {
    /// A MediaLive channel in front of router inputs.
    Channel(ChannelId),
    /// A router input.
    Input(RouterArn),
}

/// What becomes of a feed that pools with a source name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FeedPlan {
    /// Which.
    pub feed: Feed,
    /// The pools whose outputs it feeds, by name; one without a source of its own may be among them.
    pub pools: Vec<PoolName>,
    /// Its state as on the wire; `None` where it could not be seen.
    pub state: Option<&'static str>,
    /// Whether it is to run when all of the plan is carried out; `None` where it stays as it is.
    pub runs: Option<bool>,
    /// The next call; not before its time where [`FeedPlan::waiting`] says so.
    pub step: Option<FeedStep>,
    /// What keeps it from where it should be.
    pub waiting: Option<FeedWaiting>,
}

/// One call, and why it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FeedStep {
    /// What is done.
    pub action: FeedAction,
    /// Why.
    pub reason: OutputReason,
}

/// What is done with a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum FeedAction {
    /// Record that slotwise started it, then start it.
    Start {
        /// Whether the owner tag is written as well: of a channel that nobody owns.
        adopts: bool,
    },
    /// Stop it: slotwise started it, and it feeds nothing.
    Stop,
    /// Remove the record of its start: it is stopped, and the next one to start it may be somebody else.
    Forget,
}

/// Why nothing is done with a feed, or no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename_all_fields = "camelCase")]
pub enum FeedWaiting {
    /// It does not exist.
    SourceMissing,
    /// It, or the outputs that it feeds, could not be looked at.
    SourceUnreadable {
        /// Why, one sentence without secrets.
        why: String,
    },
    /// It is on its way to another state.
    SourceInTransition {
        /// Its state.
        state: &'static str,
    },
    /// It failed, and is not tried again before this moment.
    BackingOff {
        /// How many times in a row.
        failures: u32,
        /// When it is tried again.
        until: Timestamp,
        /// What failed, one sentence without secrets.
        what: String,
    },
    /// It is in a state that slotwise does not lead it out of.
    SourceFailed {
        /// Its state.
        state: &'static str,
    },
    /// The channel belongs to another owner.
    SourceNotOwned {
        /// Which.
        owner: OwnerId,
    },
    /// The input takes another channel than its pool names.
    InputTakesOther {
        /// The channel that it takes.
        takes: ChannelId,
        /// The pool.
        pool: PoolName,
    },
    /// The input starts once its channel runs.
    AfterChannel {
        /// The channel.
        channel: ChannelId,
    },
    /// The channel stops once its input is stopped.
    AfterInput {
        /// The input.
        input: RouterArn,
    },
    /// No destination is wanted, and one is paused, or its pool: nothing is stopped under it.
    Paused {
        /// What is paused: a destination (`None`) or this pool.
        pool: Option<PoolName>,
        /// Until when, set by which user, why.
        pause: Pause,
    },
    /// No destination is wanted, and a router output takes it all the same.
    SourceInUse {
        /// The output, by its name; `None` for one that is not listed: it is in another region.
        output: Option<String>,
        /// Whether slotwise stops that output.
        ends: bool,
    },
    /// No destination is wanted, and the channel has other output groups, which would end with it.
    OtherGroupsRun {
        /// These, in words.
        groups: Vec<String>,
    },
    /// No destination is wanted, and it runs: slotwise did not start it.
    NotStartedHere,
    /// No destination is wanted by a declaration that may not be whole.
    SourceUntrusted,
}

/// Why what feeds a destination does not bring a programme yet, and what is done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum NotReady {
    /// slotwise starts it, or it is on its way.
    Starts,
    /// Something is in the way.
    Waits(Box<FeedWaiting>),
    /// The pool has no `source`: slotwise neither starts nor stops it.
    LeftAlone,
}

impl Plan {
    /// What is to be done with what feeds router outputs.
    pub fn feed_steps(&self) -> impl Iterator<Item = &FeedStep> {
        self.feeds.iter().filter_map(|feed| feed.step.as_ref())
    }
}

impl FeedPlan {
    /// Whether another state follows by itself that it is to be in, or that something comes after.
    pub fn is_on_its_way(&self) -> bool {
        self.runs.is_some() && matches!(self.waiting, Some(FeedWaiting::SourceInTransition { .. }))
    }

    /// The states that it passes through: `IDLE → RUNNING`.
    pub fn course(&self) -> String {
        let state = self.state.unwrap_or("not seen");
        let (running, stopped) = match self.feed {
            Feed::Channel(_) => ("RUNNING", "IDLE"),
            Feed::Input(_) => ("ACTIVE", "STANDBY"),
        };
        match self.runs {
            Some(true) if state != running => format!("{state} → {running}"),
            Some(false) if state != stopped => format!("{state} → {stopped}"),
            _ => format!("{state}, stays"),
        }
    }
}

impl NotReady {
    /// Whether what is tried keeps failing.
    pub(super) fn keeps_failing(&self) -> bool {
        matches!(self, Self::Waits(waiting) if waiting.keeps_failing())
    }

    /// What would change it. Empty where it ends by itself.
    pub(super) fn ways_out(&self) -> Vec<String> {
        match self {
            Self::Starts => Vec::new(),
            Self::Waits(waiting) => waiting.ways_out(),
            Self::LeftAlone => vec![
                "start it yourself, and what feeds it".to_owned(),
                "name the MediaLive channel in front in spec.source.channel of the pool: slotwise starts and stops both then"
                    .to_owned(),
            ],
        }
    }
}

impl FeedAction {
    /// As plans and metrics call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start { .. } => "start",
            Self::Stop => "stop",
            Self::Forget => "forget",
        }
    }

    /// Calls that it costs, with the looks before it: a stop looks at the outputs as well.
    pub fn api_calls(self) -> usize {
        match self {
            Self::Start { .. } | Self::Stop => 3,
            Self::Forget => 2,
        }
    }
}

impl FeedWaiting {
    /// Whether it has failed so often that the next try is likely to fail as well.
    fn keeps_failing(&self) -> bool {
        matches!(self, Self::BackingOff { failures, .. } if *failures >= FAILING_FROM_ATTEMPTS)
    }

    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::SourceMissing => "SourceMissing",
            Self::SourceUnreadable { .. } => "SourceUnreadable",
            Self::SourceInTransition { .. } => "SourceInTransition",
            Self::BackingOff { .. } => "BackingOff",
            Self::SourceFailed { .. } => "SourceFailed",
            Self::SourceNotOwned { .. } => "SourceNotOwned",
            Self::InputTakesOther { .. } => "InputTakesOther",
            Self::AfterChannel { .. } => "AfterChannel",
            Self::AfterInput { .. } => "AfterInput",
            Self::Paused { .. } => "Paused",
            Self::SourceInUse { .. } => "SourceInUse",
            Self::OtherGroupsRun { .. } => "OtherGroupsRun",
            Self::NotStartedHere => "NotStartedHere",
            Self::SourceUntrusted => "SourceUntrusted",
        }
    }

    /// What would change it, each a short phrase a person can act on. Empty where it ends by itself.
    pub fn ways_out(&self) -> Vec<String> {
        let way = match self {
            Self::SourceInTransition { .. }
            | Self::BackingOff { .. }
            | Self::SourceUnreadable { .. }
            | Self::AfterChannel { .. }
            | Self::AfterInput { .. }
            | Self::SourceInUse { ends: true, .. } => return Vec::new(),
            Self::SourceMissing => {
                "correct spec.source.channel or spec.input, or make what they name".to_owned()
            }
            Self::SourceFailed { .. } => {
                "see what MediaLive or MediaConnect says of it, and restart it yourself".to_owned()
            }
            Self::SourceNotOwned { .. } => {
                "start and stop the channel yourself, or remove its tag slotwise.dev/owner".to_owned()
            }
            Self::InputTakesOther { takes, pool } => {
                format!(
                    "write spec.source.channel: \"{takes}\" in pool {pool}, or point the input at the channel"
                )
            }
            Self::Paused { pool, .. } => end_of_pause(pool.as_ref()),
            Self::SourceInUse { ends: false, .. } => "stop that router output yourself".to_owned(),
            Self::OtherGroupsRun { .. } | Self::NotStartedHere => {
                "stop it yourself where it is of no more use".to_owned()
            }
            Self::SourceUntrusted => "repair the source of the declaration".to_owned(),
        };
        vec![way]
    }
}

/// `MediaLive channel 4000009`.
impl fmt::Display for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Channel(id) => write!(f, "MediaLive channel {id}"),
            Self::Input(arn) => write!(f, "router input {}", arn.id()),
        }
    }
}

impl fmt::Display for FeedWaiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SourceMissing => f.write_str("it does not exist"),
            Self::SourceUnreadable { why } => write!(f, "it cannot be looked at: {why}"),
            Self::SourceInTransition { state } => write!(f, "it is {state}"),
            Self::BackingOff {
                failures,
                until,
                what,
            } => tried_again(f, *failures, *until, what),
            Self::SourceFailed { .. } => f.write_str("slotwise leaves that state to you"),
            Self::SourceNotOwned { owner } => write!(f, "it belongs to owner {owner}"),
            Self::InputTakesOther { takes, pool } => {
                write!(
                    f,
                    "the input of pool {pool} takes channel {takes}, not the one that the pool names"
                )
            }
            Self::AfterChannel { channel } => write!(f, "it starts once channel {channel} is RUNNING"),
            Self::AfterInput { input } => {
                write!(f, "it stops once router input {} is STANDBY", input.id())
            }
            Self::Paused { pool: None, pause } => {
                f.write_str("a destination is ")?;
                paused(f, None, pause)
            }
            Self::Paused { pool, pause } => paused(f, pool.as_ref(), pause),
            Self::SourceInUse {
                output: Some(output),
                ends,
            } => {
                let then = if *ends { ", which ends first" } else { "" };
                write!(f, "router output {output} takes it{then}")
            }
            Self::SourceInUse { output: None, .. } => {
                f.write_str("a router output takes it that is not listed in this region")
            }
            Self::OtherGroupsRun { groups } => {
                write!(
                    f,
                    "left running, as more would end with it: {}",
                    groups.join(", ")
                )
            }
            Self::NotStartedHere => f.write_str("left running: slotwise did not start it"),
            Self::SourceUntrusted => f.write_str("left running: the declaration may not be whole"),
        }
    }
}

impl OutputWaiting {
    /// That what feeds `pool` is not ready.
    pub(super) fn not_ready(pool: &PoolName, feed: Feed, state: Option<&'static str>, why: NotReady) -> Self {
        Self::SourceNotReady {
            pool: pool.clone(),
            feed,
            state,
            why,
        }
    }
}

/// What a destination is told that waits for its feed.
pub(super) fn not_ready(
    f: &mut fmt::Formatter<'_>,
    (pool, feed): (&PoolName, &Feed),
    state: Option<&'static str>,
    why: &NotReady,
) -> fmt::Result {
    let state = state.unwrap_or("not to be seen");
    write!(f, "{feed}, which feeds pool {pool}, is {state}")?;
    match why {
        NotReady::Starts => f.write_str("; slotwise starts it"),
        // The state says so.
        NotReady::Waits(waiting) if matches!(**waiting, FeedWaiting::SourceInTransition { .. }) => Ok(()),
        NotReady::Waits(waiting) => write!(f, "; {waiting}"),
        NotReady::LeftAlone => Ok(()),
    }
}
