//! Hand-made plans for the goldens of this folder.

use std::time::Duration;

use crate::model::{
    ChannelClass, ChannelState, DestinationName, Endpoint, Interrupt, OwnerId, Placement, Secret, SlotId,
    Target, WantedState,
};
use crate::plan::{
    Action, Adoption, ChannelPlan, Content, DestinationPlan, Interruptions, Optimality, Plan, PoolPlan,
    Reason, Seen, SlotPlan, SlotWrite, Step, Waiting,
};

/// In the place of every stream key of the samples, so that a golden that shows it is noticed.
pub(super) const CANARY: &str = "live_canary_key";

/// The names.
pub(super) fn names(names: &[&str]) -> Vec<DestinationName> {
    names.iter().map(|name| DestinationName::new(*name)).collect()
}

/// A pool of `channels` channels with three slots each.
pub(super) fn pool(name: &str, channels: usize, interrupt: Interrupt) -> PoolPlan {
    PoolPlan {
        name: name.into(),
        placement: Placement::Spread,
        interrupt,
        channels,
        slots: channels * 3,
        interruptions: Interruptions::default(),
        optimality: Optimality::Optimal,
        no_slot: None,
    }
}

/// A wanted destination of pool main that is nowhere.
pub(super) fn destination(name: &str) -> DestinationPlan {
    DestinationPlan {
        output: None,
        name: name.into(),
        pool: "main".into(),
        state: WantedState::Streaming,
        wanted: true,
        group: None,
        held: None,
        on_air: false,
        is_previous: false,
        assignment: None,
        reason: None,
        waiting: None,
        off_air: None,
        also_on_air: None,
    }
}

/// The same, on air in `slot`.
pub(super) fn on_air(name: &str, slot: &SlotId) -> DestinationPlan {
    DestinationPlan {
        held: Some(slot.clone()),
        on_air: true,
        assignment: Some(slot.clone()),
        reason: Some(Reason::OnAir),
        ..destination(name)
    }
}

/// The same, on its way to `slot`.
pub(super) fn placed(name: &str, slot: &SlotId, reason: Reason) -> DestinationPlan {
    DestinationPlan {
        assignment: Some(slot.clone()),
        reason: Some(reason),
        ..destination(name)
    }
}

/// A channel of pool main with three parked slots and no steps.
pub(super) fn channel(id: &str, state: ChannelState) -> ChannelPlan {
    ChannelPlan {
        id: id.into(),
        pool: Some("main".into()),
        others: std::sync::Arc::default(),
        seen: Some(Seen {
            arn: format!("arn:aws:medialive:eu-central-1:111122223333:channel:{id}").into(),
            name: format!("live-{}", &id[id.len() - 1..]).into(),
            class: ChannelClass::SinglePipeline,
            state,
            owner: Some(OwnerId::new("default")),
            tags: std::sync::Arc::default(),
        }),
        adoption: Adoption::Owned,
        slots: (1..=3)
            .map(|number| slot(number, Content::Parked, Content::Parked, None))
            .collect(),
        steps: Vec::new(),
        follows: None,
        runs: state == ChannelState::Running,
        waiting: None,
    }
}

/// Slot `number`.
pub(super) fn slot(number: usize, now: Content, then: Content, reason: Option<Reason>) -> SlotPlan {
    SlotPlan {
        output_group: format!("RTMP-Slot-{number}").into(),
        target: Some(target()),
        now,
        then,
        reason,
    }
}

/// A step of `seconds`.
pub(super) fn step(action: Action, reason: Reason, seconds: u64) -> Step {
    Step {
        action,
        reason,
        interrupts: Vec::new(),
        expected: Duration::from_secs(seconds),
    }
}

/// An update that brings the slots of `channel` from `now` to `then`.
pub(super) fn update(channel: &ChannelPlan) -> Step {
    let writes = channel
        .slots
        .iter()
        .filter(|slot| slot.now != slot.then)
        .map(|slot| SlotWrite {
            output_group: slot.output_group.clone(),
            target: target(),
            content: slot.then.clone(),
        })
        .collect();
    let action = Action::Update {
        writes,
        tags: Vec::new(),
        adopts: false,
    };
    step(action, Reason::UpdateSlots, 10)
}

/// Two start, one waits, one is off: the plan of the conventions.
pub(super) fn start_two() -> Plan {
    let mut cold = channel("4000001", ChannelState::Idle);
    let one = SlotId::new("4000001", "RTMP-Slot-1");
    let two = SlotId::new("4000001", "RTMP-Slot-2");
    let group = || Reason::AssignGroup {
        group: "launch-event".into(),
    };
    cold.slots[0] = slot(
        1,
        Content::Parked,
        Content::Destination("youtube-main".into()),
        Some(Reason::AssignNew),
    );
    cold.slots[1] = slot(
        2,
        Content::Parked,
        Content::Destination("twitch-main".into()),
        Some(group()),
    );
    cold.runs = true;
    let adopt = Reason::AdoptUnowned {
        owner: "default".into(),
    };
    let wanted = Reason::StartWanted {
        destinations: names(&["twitch-main", "youtube-main"]),
    };
    cold.adoption = Adoption::Adopt;
    cold.steps = vec![
        step(
            Action::Adopt {
                tags: Vec::new(),
                takeover: None,
            },
            adopt,
            0,
        ),
        update(&cold),
        step(Action::Start, wanted, 150),
    ];
    let mut busy = channel("4000002", ChannelState::Running);
    let held = SlotId::new("4000002", "RTMP-Slot-1");
    let corp = Content::Destination("corp-cdn".into());
    busy.slots[0] = slot(1, corp.clone(), corp, None);
    let facebook = DestinationPlan {
        waiting: Some(Waiting::InterruptionForbidden {
            pool: "main".into(),
            slot: SlotId::new("4000002", "RTMP-Slot-2"),
            others: names(&["corp-cdn"]),
            off_air: Duration::from_mins(3),
            cause: None,
            own: false,
        }),
        ..destination("facebook")
    };
    let off = DestinationPlan {
        state: WantedState::Ready,
        wanted: false,
        ..destination("archive")
    };
    Plan {
        routers: Vec::new(),
        feeds: Vec::new(),
        pools: vec![pool("main", 2, Interrupt::Never)],
        destinations: vec![
            off,
            on_air("corp-cdn", &held),
            facebook,
            placed("twitch-main", &two, group()),
            placed("youtube-main", &one, Reason::AssignNew),
        ],
        channels: vec![cold, busy],
    }
}

/// One joins a running channel, another leaves it, a third is interrupted for it.
pub(super) fn interrupt_one() -> Plan {
    let mut channel = channel("4000001", ChannelState::Running);
    let at = |number: usize| SlotId::new("4000001", format!("RTMP-Slot-{number}"));
    let joins = || Reason::AssignInterrupting {
        others: names(&["corp-cdn"]),
    };
    let corp = Content::Destination("corp-cdn".into());
    channel.slots = vec![
        slot(1, corp.clone(), corp, None),
        slot(
            2,
            Content::Destination("archive".into()),
            Content::Parked,
            Some(Reason::NoLongerWanted {
                destination: "archive".into(),
            }),
        ),
        slot(
            3,
            Content::Previous("youtube-main".into()),
            Content::Destination("youtube-main".into()),
            Some(joins()),
        ),
    ];
    let stop = Step {
        interrupts: names(&["corp-cdn"]),
        ..step(
            Action::Stop,
            Reason::StopForUpdate {
                destinations: names(&["archive", "youtube-main"]),
            },
            60,
        )
    };
    let wanted = Reason::StartWanted {
        destinations: names(&["corp-cdn", "youtube-main"]),
    };
    channel.steps = vec![stop, update(&channel), step(Action::Start, wanted, 120)];
    let archive = DestinationPlan {
        state: WantedState::Ready,
        wanted: false,
        assignment: None,
        reason: None,
        ..on_air("archive", &at(2))
    };
    let corp = DestinationPlan {
        off_air: Some(Duration::from_secs(190)),
        ..on_air("corp-cdn", &at(1))
    };
    let interruptions = Interruptions {
        planned: 1,
        lower_bound: 1,
    };
    Plan {
        routers: Vec::new(),
        feeds: Vec::new(),
        pools: vec![PoolPlan {
            interruptions,
            optimality: Optimality::Heuristic,
            ..pool("main", 1, Interrupt::Anytime)
        }],
        destinations: vec![archive, corp, placed("youtube-main", &at(3), joins())],
        channels: vec![channel],
    }
}

/// Nothing to do: one on air.
pub(super) fn converged() -> Plan {
    let mut busy = channel("4000002", ChannelState::Running);
    let held = SlotId::new("4000002", "RTMP-Slot-1");
    let corp = Content::Destination("corp-cdn".into());
    busy.slots[0] = slot(1, corp.clone(), corp, None);
    Plan {
        routers: Vec::new(),
        feeds: Vec::new(),
        pools: vec![pool("main", 1, Interrupt::Never)],
        destinations: vec![on_air("corp-cdn", &held)],
        channels: vec![busy],
    }
}

fn target() -> Target {
    Target::from(vec![Endpoint::new(
        format!("rtmp://a.example/live/{CANARY}"),
        Secret::new(CANARY),
    )])
}
