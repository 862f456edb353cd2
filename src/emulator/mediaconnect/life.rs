//! The pure state machine of router outputs, inputs and network interfaces.
//!
//! ```text
//!  create ─► CREATING ─► STANDBY ── start ──► STARTING ──► ACTIVE ◄──► RECOVERING, UPDATING, MIGRATING
//!                         │ ▲ ▲                              │         (a restart, or maintenance)
//!              UPDATING ◄─┼─┘ └──── STOPPING ◄──── stop ─────┴─ ERROR ── restart ──► MIGRATING
//!                         │            │
//!                         └─ delete ───┴──► DELETING ──► gone
//! ```
//!
//! A network interface has no STANDBY: it is ACTIVE once it is made (botocore service model, `RouterNetworkInterfaceState`).

use serde::{Deserialize, Serialize};

use super::operation::ResourceKind;
use crate::emulator::switches::Switches;

/// The states of what a router is made of
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Just created
    Creating,
    /// Stopped
    Standby,
    /// On its way to ACTIVE
    Starting,
    /// On air; of a network interface: ready
    Active,
    /// On its way to STANDBY
    Stopping,
    /// On its way out
    Deleting,
    /// Taking over a new configuration
    Updating,
    /// Something went wrong; the messages say what
    Error,
    /// Failed, and MediaConnect tries again by itself
    Recovering,
    /// Moved by MediaConnect, as in maintenance
    Migrating,
    /// Gone: nobody is shown it
    Deleted,
}

impl State {
    /// Every state that anybody is shown
    pub const ALL: [Self; 10] = [
        Self::Creating,
        Self::Standby,
        Self::Starting,
        Self::Active,
        Self::Stopping,
        Self::Deleting,
        Self::Updating,
        Self::Error,
        Self::Recovering,
        Self::Migrating,
    ];

    /// The state as the wire spells it
    pub const fn name(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Standby => "STANDBY",
            Self::Starting => "STARTING",
            Self::Active => "ACTIVE",
            Self::Stopping => "STOPPING",
            Self::Deleting => "DELETING",
            Self::Updating => "UPDATING",
            Self::Error => "ERROR",
            Self::Recovering => "RECOVERING",
            Self::Migrating => "MIGRATING",
            Self::Deleted => "DELETED",
        }
    }

    /// The state that the wire spells like this
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// What one can ask of a resource that exists
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Start,
    Stop,
    Restart,
    Update,
    Take,
    Delete,
}

impl Command {
    const fn words(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Update => "update",
            Self::Take => "take an input for",
            Self::Delete => "delete",
        }
    }
}

/// The state machine's answer to a command
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Carry it out
    Proceed,
    /// Answer success and do nothing
    Quiet,
    /// Answer 409 ConflictException with this text
    Refuse(String),
}

/// Whether an output or input in `state` takes `command`
///
/// | | STANDBY | ACTIVE | ERROR | STARTING | STOPPING | RECOVERING, MIGRATING | CREATING, UPDATING | DELETING |
/// |---|---|---|---|---|---|---|---|---|
/// | Start | yes | switch | no | switch | no | no | no | no |
/// | Stop | switch | yes | yes | switch | no | switch | no | no |
/// | Restart | switch | yes | yes | no | no | no | no | no |
/// | Update | yes | switch | no | no | no | no | no | no |
/// | Take | yes | yes | no | no | no | no | no | no |
/// | Delete | yes | no | no | no | yes | no | no | quiet |
///
/// Sources: a take works "regardless of whether the output is active or in standby" (user guide, assigning-route), an output may be
/// deleted while STANDBY or STOPPING (deleting-router-io), a restart needs an active one (restarting-router-io) and "can be used to
/// recover from errors" (botocore service model). What is unconfirmed, or said in passing only, is a switch, or refused. A network interface takes an update while ACTIVE, and is deleted from ACTIVE or ERROR.
pub(super) fn judge(kind: ResourceKind, state: State, command: Command, switches: &Switches) -> Verdict {
    use State as S;
    let is_allowed = match (kind, command, state) {
        (_, Command::Delete, S::Deleting) => return Verdict::Quiet,
        (ResourceKind::NetworkInterface, Command::Update, state) => state == S::Active,
        (ResourceKind::NetworkInterface, Command::Delete, state) => matches!(state, S::Active | S::Error),
        (_, Command::Start, S::Starting | S::Active) | (_, Command::Stop, S::Standby)
            if switches.router_quiet_start_stop =>
        {
            return Verdict::Quiet;
        }
        (_, Command::Start | Command::Update | Command::Take | Command::Delete, S::Standby)
        | (_, Command::Stop | Command::Restart, S::Active | S::Error)
        | (_, Command::Take, S::Active)
        | (_, Command::Delete, S::Stopping) => true,
        (_, Command::Stop, S::Starting | S::Recovering | S::Migrating) => switches.router_stop_in_transition,
        (_, Command::Restart, S::Standby) => switches.router_restart_from_standby,
        (_, Command::Update, S::Active) => switches.router_update_while_active,
        _ => false,
    };
    if is_allowed {
        return Verdict::Proceed;
    }
    Verdict::Refuse(format!(
        "Cannot {} a {} that is in state {}.",
        command.words(),
        kind.words(),
        state.name()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMANDS: [Command; 6] = [
        Command::Start,
        Command::Stop,
        Command::Restart,
        Command::Update,
        Command::Take,
        Command::Delete,
    ];

    fn taken(kind: ResourceKind, command: Command, switches: &Switches) -> Vec<State> {
        let is_taken = |state: &State| judge(kind, *state, command, switches) == Verdict::Proceed;
        State::ALL.into_iter().filter(is_taken).collect()
    }

    #[test]
    fn only_what_is_known_to_be_taken_is_taken_by_default() {
        use State as S;
        let expected: [&[State]; 6] = [
            &[S::Standby],
            &[S::Active, S::Error],
            &[S::Active, S::Error],
            &[S::Standby],
            &[S::Standby, S::Active],
            &[S::Standby, S::Stopping],
        ];
        for (command, expected) in COMMANDS.into_iter().zip(expected) {
            for kind in [ResourceKind::Output, ResourceKind::Input] {
                assert_eq!(
                    taken(kind, command, &Switches::default()),
                    expected,
                    "{command:?}"
                );
            }
        }
    }

    #[test]
    fn switches_let_more_through_and_never_a_command_on_what_is_being_made_or_deleted() {
        use State as S;
        let lenient = Switches::lenient();
        assert_eq!(
            taken(ResourceKind::Output, Command::Update, &lenient),
            [S::Standby, S::Active]
        );
        assert_eq!(
            taken(ResourceKind::Output, Command::Stop, &lenient),
            [S::Starting, S::Active, S::Error, S::Recovering, S::Migrating]
        );
        assert!(taken(ResourceKind::Output, Command::Restart, &lenient).contains(&S::Standby));
        let quiet = |state, command| judge(ResourceKind::Output, state, command, &lenient) == Verdict::Quiet;
        assert!(quiet(S::Active, Command::Start) && quiet(S::Standby, Command::Stop));
        for command in COMMANDS {
            for state in [S::Creating, S::Updating, S::Deleting] {
                assert!(judge(ResourceKind::Input, state, command, &lenient) != Verdict::Proceed);
            }
        }
    }

    #[test]
    fn every_state_is_read_back_by_its_name() {
        for state in State::ALL {
            assert_eq!(State::parse(state.name()), Some(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
        assert_eq!(State::parse("DELETED"), None);
    }
}
