//! How long steps take, for messages. No decision depends on it.

use std::time::Duration;

use super::{Action, OutputAction};
use crate::model::ChannelState;

/// IDLE to RUNNING. A public event sample shows 2 min 11 s ("Most channels start in 3 minutes or less", MediaLive
/// user guide, starting-stopping-deleting-a-channel).
pub const START: Duration = Duration::from_secs(130);

/// RUNNING to IDLE. MediaLive publishes no figure; its own waiter looks for at most 5 min.
pub const STOP: Duration = Duration::from_secs(30);

/// UPDATING to IDLE. MediaLive publishes no figure; a public tool waits for at most 90 s.
pub const UPDATE: Duration = Duration::from_secs(20);

/// CREATING to IDLE: MediaLive's waiter looks five times, every 3 s (botocore, ChannelCreated).
pub const CREATE: Duration = Duration::from_secs(15);

/// One call that changes no state.
pub const CALL: Duration = Duration::from_secs(1);

/// A change of a router output: to be made, to stop, to be pointed elsewhere. MediaConnect publishes no figure; its waiters look every
/// 3 s for at most 2 min (botocore).
pub const OUTPUT_CHANGE: Duration = Duration::from_secs(12);

/// A router output from STANDBY to ACTIVE. MediaConnect publishes no figure; its waiter looks every 3 s for at most 2 min (botocore).
pub const OUTPUT_START: Duration = Duration::from_secs(25);

/// A router output until it takes its input. MediaConnect publishes no figure; its waiter looks every 3 s for at most 2 min (botocore).
pub const OUTPUT_ROUTE: Duration = Duration::from_secs(3);

/// How long an interrupted destination is off air: stop, update and start again, 3 min in all.
pub const INTERRUPTION: Duration = STOP.saturating_add(UPDATE).saturating_add(START);

/// How long `action` is expected to take on a channel in `state`.
pub fn expected(action: &Action, state: ChannelState) -> Duration {
    match action {
        Action::Adopt { .. } | Action::Record { .. } => CALL,
        Action::Stop => STOP,
        Action::Update { .. } => UPDATE,
        Action::Start => START,
        // How long the transition has been going on is not known: at most all of it is left.
        Action::Wait => match state {
            ChannelState::Starting => START,
            ChannelState::Updating => UPDATE,
            ChannelState::Creating => CREATE,
            _ => STOP,
        },
    }
}

/// How long `action` is expected to take on a router output.
pub fn expected_of_output(action: &OutputAction) -> Duration {
    match action {
        OutputAction::Create(_) | OutputAction::Stop | OutputAction::Update(_) | OutputAction::Delete => {
            OUTPUT_CHANGE
        }
        OutputAction::Start | OutputAction::Restart => OUTPUT_START,
        OutputAction::Route => OUTPUT_ROUTE,
        OutputAction::Release | OutputAction::Keep | OutputAction::Record => CALL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interruption_takes_a_stop_an_update_and_a_start() {
        assert_eq!(INTERRUPTION, Duration::from_mins(3));
    }
}
