use std::time::Duration;

use super::*;
use crate::model::{ChannelClass, SlotId};
use crate::plan::{Adoption, Reason, Seen};

fn channel(state: ChannelState) -> ChannelPlan {
    ChannelPlan {
        id: "4000001".into(),
        pool: "main".into(),
        seen: Some(Seen {
            arn: "".into(),
            name: "live".into(),
            class: ChannelClass::SinglePipeline,
            state,
            owner: None,
        }),
        adoption: Adoption::Owned,
        slots: Vec::new(),
        steps: Vec::new(),
        waiting: None,
        runs: true,
    }
}

/// Wanted, with a slot on the channel, and not on air.
fn placed() -> DestinationPlan {
    DestinationPlan {
        name: "youtube".into(),
        pool: "main".into(),
        state: WantedState::Streaming,
        wanted: true,
        group: None,
        held: None,
        on_air: false,
        assignment: Some(SlotId::new("4000001", "RTMP-Slot-1")),
        reason: Some(Reason::AssignNew),
        waiting: None,
        off_air: None,
    }
}

fn before(phase: Phase) -> DestinationStatus {
    DestinationStatus {
        name: "youtube".into(),
        pool: None,
        wanted: None,
        phase,
        reason: "AssignNew",
        message: "".into(),
        ways_out: Vec::new(),
        slot: None,
        since: Timestamp::UNIX_EPOCH,
        observed_generation: 1,
        conditions: Conditions::default(),
    }
}

#[test]
fn what_is_only_planned_is_pending_and_starting_once_its_channel_moves() {
    for (state, phase_then) in [
        (ChannelState::Idle, Phase::Pending),
        (ChannelState::UpdateFailed, Phase::Pending),
        (ChannelState::Running, Phase::Pending),
        (ChannelState::Updating, Phase::Starting),
        (ChannelState::Stopping, Phase::Starting),
        (ChannelState::Starting, Phase::Starting),
        (ChannelState::Recovering, Phase::Starting),
    ] {
        assert_eq!(phase(&placed(), Some(&channel(state))), phase_then, "{state}");
    }
}

#[test]
fn the_moment_between_two_steps_is_no_way_back() {
    let idle = channel(ChannelState::Idle);
    let starting = before(Phase::Starting);
    assert_eq!(
        phase_since(&placed(), Some(&idle), Some(&starting)),
        Phase::Starting
    );
    assert_eq!(phase_since(&placed(), Some(&idle), None), Phase::Pending);
    let homeless = DestinationPlan {
        assignment: None,
        waiting: Some(Waiting::NoFreeSlot { pool: "main".into() }),
        ..placed()
    };
    assert_eq!(phase_since(&homeless, None, Some(&starting)), Phase::Pending);
}

#[test]
fn a_transition_does_not_hide_what_else_is_in_the_way() {
    let mut failing = placed();
    failing.waiting = Some(Waiting::MaxConcurrent {
        channel: "4000002".into(),
        limit: 1,
    });
    let stopping = channel(ChannelState::Stopping);
    assert_eq!(phase(&failing, Some(&stopping)), Phase::Starting);
    failing.waiting = Some(Waiting::InterruptionForbidden {
        slot: SlotId::new("4000001", "RTMP-Slot-1"),
        others: vec!["corp".into()],
        off_air: Duration::from_mins(3),
        cause: None,
    });
    assert_eq!(phase(&failing, Some(&stopping)), Phase::Pending);
}
