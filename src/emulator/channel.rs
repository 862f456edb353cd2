//! The pure state machine of a channel.
//!
//! ```text
//!            create                       start                    (its time passes)
//!   (none) ─────────► CREATING ──► IDLE ─────────► STARTING ─────────────────────► RUNNING ◄──► RECOVERING
//!                         │        ▲ ▲ ▲ update        │ stop                         │
//!                         ▼        │ │ └──────► UPDATING ──► UPDATE_FAILED            │ stop
//!                  CREATE_FAILED   │ └────────── STOPPING ◄───────────────────────────┘
//!                                  │ delete
//!                                  └───────► DELETING ──► DELETED (a tombstone for a while)
//! ```
//!
//! Time is an argument: a [`Lifecycle`] holds the steps that lie ahead and takes those that are due.
//! States: botocore service model, `ChannelState`.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::switches::Switches;

/// MediaLive's channel states
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Just created
    Creating,
    /// The creation failed; the channel can only be deleted
    CreateFailed,
    /// Stopped: the one state in which it may be changed
    Idle,
    /// On its way to RUNNING
    Starting,
    /// On air
    Running,
    /// "One or both pipelines in the channel failed, but MediaLive is restarting it" (user guide,
    /// monitor-activity-types-channel)
    Recovering,
    /// On its way to IDLE
    Stopping,
    /// On its way to DELETED
    Deleting,
    /// A tombstone: Describe still returns it (aws-bench, `handlers/medialive.py`)
    Deleted,
    /// Taking over a new configuration
    Updating,
    /// The last update failed
    UpdateFailed,
}

impl State {
    /// The state as the wire spells it
    pub const fn name(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::CreateFailed => "CREATE_FAILED",
            Self::Idle => "IDLE",
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Recovering => "RECOVERING",
            Self::Stopping => "STOPPING",
            Self::Deleting => "DELETING",
            Self::Deleted => "DELETED",
            Self::Updating => "UPDATING",
            Self::UpdateFailed => "UPDATE_FAILED",
        }
    }

    /// Every state
    pub const ALL: [Self; 11] = [
        Self::Creating,
        Self::CreateFailed,
        Self::Idle,
        Self::Starting,
        Self::Running,
        Self::Recovering,
        Self::Stopping,
        Self::Deleting,
        Self::Deleted,
        Self::Updating,
        Self::UpdateFailed,
    ];

    /// The state that the wire spells like this
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A state that lies ahead
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step<S = State> {
    /// When, since the world's epoch, in MediaLive's own time
    pub at: Duration,
    /// What then
    pub to: S,
}

/// A change of state that has happened
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change<S = State> {
    /// When, since the world's epoch
    pub at: Duration,
    /// The state before
    pub from: S,
    /// The state from then on
    pub to: S,
}

/// Where a resource is, since when, and what lies ahead of it; of a channel, unless it says otherwise
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifecycle<S = State> {
    state: S,
    since: Duration,
    /// In order of time; empty when the state stays until the next command
    steps: VecDeque<Step<S>>,
}

impl<S: Copy> Lifecycle<S> {
    /// A resource that is in `state` and stays there
    pub const fn settled(state: S, now: Duration) -> Self {
        Self {
            state,
            since: now,
            steps: VecDeque::new(),
        }
    }

    /// The state now
    pub const fn state(&self) -> S {
        self.state
    }

    /// When the state began, since the world's epoch
    pub const fn since(&self) -> Duration {
        self.since
    }

    /// The states that lie ahead, in order
    pub fn steps(&self) -> impl Iterator<Item = Step<S>> + '_ {
        self.steps.iter().copied()
    }

    /// Enters `state` at once and forgets what lay ahead; each of `then` follows its predecessor after its duration
    pub fn begin(&mut self, now: Duration, state: S, then: &[(Duration, S)]) {
        self.state = state;
        self.since = now;
        let mut at = now;
        self.steps = then
            .iter()
            .map(|(after, to)| {
                at += *after;
                Step { at, to: *to }
            })
            .collect();
    }

    /// Moves everything by `by`, past and future
    pub(super) fn rebase(&mut self, by: Duration) {
        self.since += by;
        for step in &mut self.steps {
            step.at += by;
        }
    }

    /// Takes the next step if it is due at `now`
    ///
    /// One at a time, so that the world can settle what follows from each (inputs, alerts, history).
    pub fn step(&mut self, now: Duration) -> Option<Change<S>> {
        let due = self.steps.front().is_some_and(|step| step.at <= now);
        let step = if due { self.steps.pop_front()? } else { return None };
        let change = Change {
            at: step.at,
            from: self.state,
            to: step.to,
        };
        self.state = step.to;
        self.since = step.at;
        Some(change)
    }
}

impl Lifecycle {
    /// Lets the state that comes next be DELETING, when it would have come, and DELETED `takes` later; false if that is so
    /// already. A state that would have stayed is left at once
    pub fn delete_next(&mut self, now: Duration, takes: Duration) -> bool {
        if self.is_deleted_next() {
            return false;
        }
        match self.steps.front().copied() {
            None => self.begin(now, State::Deleting, &[(takes, State::Deleted)]),
            Some(next) => {
                let steps = [(next.at, State::Deleting), (next.at + takes, State::Deleted)];
                self.steps = steps.into_iter().map(|(at, to)| Step { at, to }).collect();
            }
        }
        true
    }

    /// Whether DELETING comes next
    pub fn is_deleted_next(&self) -> bool {
        self.steps.front().is_some_and(|step| step.to == State::Deleting)
    }
}

/// What one can ask of an existing channel
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// StartChannel
    Start,
    /// StopChannel
    Stop,
    /// UpdateChannel
    Update,
    /// UpdateChannelClass
    ChangeClass,
    /// DeleteChannel
    Delete,
    /// RestartChannelPipelines
    Restart,
}

/// The state machine's answer to a command
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Carry it out
    Proceed,
    /// Answer 200 and do nothing
    Quiet,
    /// Answer 409 ConflictException with this text
    Refuse(String),
    /// Answer 400 BadRequestException with this text
    BadRequest(String),
}

/// Whether a channel in `state` takes `command`
///
/// | | IDLE | UPDATE_FAILED | STARTING | RUNNING | RECOVERING | STOPPING | CREATE_FAILED | DELETING, DELETED |
/// |---|---|---|---|---|---|---|---|---|
/// | Start | yes | switch | switch | switch | switch | no | no | no |
/// | Stop | switch | switch | yes | yes | switch | no | no | no |
/// | Update, ChangeClass | yes | switch | no | no | no | no | no | no |
/// | Delete | yes | yes | no | no | no | switch | yes | quiet |
/// | Restart | no | no | no | yes | no | no | no | no |
///
/// Sources: "you can edit or delete a channel only when it is not running" (user guide,
/// editing-deleting-channel); wrong state is 409 by the service model, verbatim only for Delete
/// (rebuy-de/aws-nuke#446); "StopChannel is valid only from RUNNING, STARTING, RECOVERING", *_FAILED deletes
/// directly, deleting again is safe (aws-bench). Unconfirmed behaviour is a switch.
pub fn judge(state: State, command: Command, switches: &Switches) -> Verdict {
    let leave = |allowed: bool| {
        if allowed {
            Verdict::Proceed
        } else {
            refuse(state, command)
        }
    };
    let hush = |quiet: bool| {
        if quiet {
            Verdict::Quiet
        } else {
            refuse(state, command)
        }
    };
    match (command, state) {
        (Command::Start | Command::Update | Command::ChangeClass | Command::Delete, State::Idle)
        | (Command::Stop, State::Starting | State::Running)
        | (Command::Restart, State::Running)
        | (Command::Delete, State::UpdateFailed | State::CreateFailed) => Verdict::Proceed,
        (Command::Start, State::UpdateFailed) => leave(switches.start_from_update_failed),
        (Command::Start, State::Starting | State::Running | State::Recovering) => {
            hush(switches.quiet_start_when_running)
        }
        (Command::Stop, State::Recovering) => leave(switches.stop_from_recovering),
        (Command::Stop, State::Idle | State::UpdateFailed) => hush(switches.quiet_stop_when_idle),
        (Command::Update | Command::ChangeClass, State::UpdateFailed) => {
            leave(switches.update_from_update_failed)
        }
        (Command::Delete, State::Stopping) => leave(switches.delete_while_stopping),
        (Command::Delete, State::Deleting | State::Deleted) => Verdict::Quiet,
        (Command::Start, State::Creating) if switches.bad_request_while_creating => {
            Verdict::BadRequest("Cannot start a channel that is being created.".into())
        }
        _ => refuse(state, command),
    }
}

/// Only Delete's text is sourced (rebuy-de/aws-nuke#446); the others are invented, match on the type
fn refuse(state: State, command: Command) -> Verdict {
    let verb = match command {
        Command::Start => "start",
        Command::Stop => "stop",
        Command::Update | Command::ChangeClass => "update",
        Command::Restart => "restart the pipelines of",
        Command::Delete => {
            return Verdict::Refuse(
                "Cannot delete a channel that has not been stopped yet. Please stop the channel before deleting it."
                    .into(),
            );
        }
    };
    Verdict::Refuse(format!(
        "Cannot {verb} a channel that is in state {}.",
        state.name()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn steps_are_taken_when_due_and_in_order() {
        let mut life = Lifecycle::settled(State::Running, Duration::ZERO);
        life.begin(
            MINUTE,
            State::Stopping,
            &[(MINUTE, State::Starting), (MINUTE, State::Running)],
        );
        assert_eq!(life.step(MINUTE), None);
        let change = life.step(MINUTE * 10).unwrap();
        assert_eq!((change.at, change.to), (MINUTE * 2, State::Starting));
        assert_eq!(life.step(MINUTE * 10).unwrap().to, State::Running);
        assert_eq!((life.since(), life.step(MINUTE * 10)), (MINUTE * 3, None));
    }

    #[test]
    fn a_new_beginning_forgets_what_lay_ahead() {
        let mut life = Lifecycle::settled(State::Idle, Duration::ZERO);
        life.begin(Duration::ZERO, State::Starting, &[(MINUTE, State::Running)]);
        life.begin(Duration::ZERO, State::Stopping, &[(MINUTE, State::Idle)]);
        assert_eq!(life.step(MINUTE * 9).unwrap().to, State::Idle);
        assert_eq!(life.step(MINUTE * 9), None);
    }

    #[test]
    fn what_is_deleted_while_it_stops_goes_when_it_has_stopped() {
        let mut life = Lifecycle::settled(State::Running, Duration::ZERO);
        life.begin(Duration::ZERO, State::Stopping, &[(MINUTE, State::Idle)]);
        assert!(life.delete_next(Duration::ZERO, MINUTE));
        assert!(
            !life.delete_next(Duration::ZERO, MINUTE * 5),
            "again is no other deletion"
        );
        assert_eq!(life.state(), State::Stopping);
        let states: Vec<(Duration, State)> = life.steps().map(|step| (step.at, step.to)).collect();
        assert_eq!(states, [(MINUTE, State::Deleting), (MINUTE * 2, State::Deleted)]);
    }

    #[test]
    fn only_a_stopped_channel_takes_an_update_whatever_the_switches() {
        let lenient = Switches::lenient();
        for state in State::ALL {
            let taken = judge(state, Command::Update, &lenient) == Verdict::Proceed;
            assert_eq!(
                taken,
                matches!(state, State::Idle | State::UpdateFailed),
                "{state:?}"
            );
        }
    }

    #[test]
    fn a_deleted_channel_accepts_only_another_delete() {
        let switches = Switches::default();
        assert_eq!(judge(State::Deleted, Command::Delete, &switches), Verdict::Quiet);
        for command in [Command::Start, Command::Stop, Command::Update, Command::Restart] {
            assert!(
                matches!(judge(State::Deleted, command, &switches), Verdict::Refuse(_)),
                "{command:?}"
            );
        }
    }

    #[test]
    fn every_state_is_read_back_by_its_name() {
        for state in State::ALL {
            assert_eq!(State::parse(state.name()), Some(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
    }
}
