//! The input of a pool, and the channel in front of it: they run while a destination is wanted.

use serde::Serialize;

use super::reading::Reading;
use crate::model::{InputState, OutputState, RouteState, RouterPool};

/// What becomes of a pool's input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourcePlan {
    /// Whether the channel in front is to run; `None` where the pool names none, or it is left as it is.
    pub channel_runs: Option<bool>,
    /// What is done with the input.
    pub input: Option<InputAction>,
}

/// What is done with a router input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum InputAction {
    /// Start it.
    Start,
    /// Stop it: slotwise started it, and no output is fed by it.
    Stop,
}

impl Reading<'_> {
    pub(super) fn source_of(&self, pool: &RouterPool) -> SourcePlan {
        let (Some(channel), Some(input)) = (&pool.source, self.observed.inputs.get(&pool.input)) else {
            return SourcePlan {
                channel_runs: None,
                input: None,
            };
        };
        let feeds = |other: &&RouterPool| other.input == pool.input || other.source.as_ref() == Some(channel);
        let mut fed = self.pools.values().copied().filter(feeds);
        let is_wanted = fed.any(|pool| self.destinations_of(pool).any(|one| one.is_wanted(self.now)));
        let is_used = self.observed.outputs.values().any(|output| {
            output.input.as_ref() == Some(&pool.input)
                && output.route != RouteState::Unrouted
                && output.state != OutputState::Standby
        });
        if pool.pause_at(self.now).is_some() {
            return SourcePlan {
                channel_runs: None,
                input: None,
            };
        }
        let action = match input.state {
            InputState::Standby if is_wanted && self.elsewhere.running.contains(channel) => {
                Some(InputAction::Start)
            }
            InputState::Active if !is_wanted && !is_used && input.is_ours_to_stop => Some(InputAction::Stop),
            _ => None,
        };
        let is_idle = !is_used && input.state == InputState::Standby;
        SourcePlan {
            channel_runs: is_wanted.then_some(true).or(is_idle.then_some(false)),
            input: action,
        }
    }
}
