//! Where a destination of a RouterPool stands, by its router output.

use std::sync::Arc;

use super::{OutputStatus, Phase};
use crate::model::{OutputState, WantedState};
use crate::plan::router::OutputWaiting;
use crate::plan::{DestinationPlan, OutputPlace, Plan, Waiting};

/// Whether it is told by its router output, and not by a slot: it has one, or waits for one.
pub(super) fn is_told_by_output(planned: &DestinationPlan) -> bool {
    planned.output.is_some() || matches!(planned.waiting, Some(Waiting::Output(_)))
}

/// Its phase.
pub(super) fn phase(planned: &DestinationPlan) -> Phase {
    let state = planned.output.as_ref().and_then(|output| output.state);
    let is_paused = matches!(
        planned.waiting,
        Some(Waiting::Output(OutputWaiting::Paused { .. }))
    );
    match planned.state {
        wanted if planned.on_air && (is_paused || wanted == WantedState::Streaming) => Phase::Streaming,
        WantedState::Streaming => off_air(planned, state),
        WantedState::Ready if planned.on_air || state.is_some_and(OutputState::may_publish) => {
            Phase::Stopping
        }
        // Whether it is off air is not known.
        WantedState::Ready if planned.is_unknown() => Phase::Error,
        WantedState::Ready => Phase::Ready,
    }
}

/// Wanted, and not seen on air.
fn off_air(planned: &DestinationPlan, state: Option<OutputState>) -> Phase {
    match &planned.waiting {
        Some(Waiting::Output(
            OutputWaiting::SecretUnavailable { .. }
            | OutputWaiting::TargetRefused { .. }
            | OutputWaiting::InputMissing { .. },
        )) => Phase::Error,
        Some(waiting) if waiting.keeps_failing() => Phase::Error,
        _ if planned.is_unknown() => Phase::Error,
        _ if state == Some(OutputState::Error) => Phase::Error,
        Some(Waiting::Output(
            OutputWaiting::OutputInTransition { .. } | OutputWaiting::BackingOff { .. },
        ))
        | None
            if state.is_some_and(is_on_its_way) =>
        {
            Phase::Starting
        }
        _ => Phase::Pending,
    }
}

fn is_on_its_way(state: OutputState) -> bool {
    matches!(
        state,
        OutputState::Creating
            | OutputState::Starting
            | OutputState::Active
            | OutputState::Updating
            | OutputState::Recovering
            | OutputState::Migrating
    )
}

/// What MediaConnect says is wrong with its router output, while that is on its way or on air.
pub(super) fn messages(planned: &DestinationPlan) -> &[String] {
    match &planned.output {
        Some(output) if output.state != Some(OutputState::Standby) => &output.messages,
        _ => &[],
    }
}

/// The router outputs that exist, by pool.
pub(super) fn outputs(plan: &Plan) -> Vec<OutputStatus> {
    let of_pools = plan
        .routers
        .iter()
        .flat_map(|pool| pool.outputs.iter().map(move |output| (&pool.name, output)));
    of_pools
        .filter_map(|(pool, output)| {
            // What a destination's own waits for is told with it.
            let waiting = output
                .waiting
                .as_ref()
                .filter(|_| !plan.is_told_with_destination(output));
            Some(OutputStatus {
                arn: output.arn.clone()?,
                name: output.name.clone()?,
                pool: pool.clone(),
                state: output.state?,
                on_air: output.on_air,
                carries: output.carries.to_string(),
                waiting: waiting.map(|waiting| (waiting.code(), waiting.to_string(), waiting.ways_out())),
                messages: Arc::clone(&output.messages),
                maintenance: output.maintenance,
            })
        })
        .collect()
}

/// One sentence: where it is and what happens next.
pub(super) fn message(phase: Phase, output: &OutputPlace) -> String {
    let name = match &output.name {
        Some(name) => format!("router output {name}"),
        None => "a router output of its own".to_owned(),
    };
    let next = match output.next {
        Some("create") => "is made for it",
        Some("route") => "takes its pool's input",
        Some("start") => "starts",
        Some("stop") => "stops",
        Some("restart") => "is restarted",
        Some("update") => "is pointed at its target",
        Some("delete") => "is deleted",
        _ => "is on its way",
    };
    match phase {
        Phase::Streaming => format!("on air in {name}"),
        Phase::Ready => format!("off air; {name} is kept for its next start"),
        Phase::Pending | Phase::Starting | Phase::Stopping | Phase::Error => format!("{name} {next}"),
    }
}
