//! One valid thing of each kind, which tests change as they need it.

use std::collections::BTreeSet;

use globset::Glob;

use super::{
    Cause, ChannelPool, Destination, Disruption, Idle, Interrupt, Placement, PoolChannel, Secret,
    SlotSelector, StreamKey, WantedState,
};

/// A wanted destination of pool `main`, with a target of its own.
pub(crate) fn destination(name: &str) -> Destination {
    Destination {
        name: name.into(),
        identity: name.into(),
        pool: "main".into(),
        state: WantedState::Streaming,
        url: format!("rtmp://{name}.example/live").into(),
        backup_url: None,
        is_preset: false,
        login: None,
        key: StreamKey::Known(Secret::new(format!("key-of-{name}"))),
        group: None,
        priority: 0,
        interruptible: true,
        pin: None,
        paused: None,
        generation: 1,
    }
}

/// Pool `main` of `channels` whose slots match `output_groups`: `Spread`, and it never interrupts.
pub(crate) fn pool(channels: &[&str], output_groups: &str) -> ChannelPool {
    let channel = |id: &&str| PoolChannel {
        id: (*id).into(),
        takeover: false,
    };
    ChannelPool {
        name: "main".into(),
        channels: channels.iter().map(channel).collect(),
        slots: SlotSelector {
            output_groups: Glob::new(output_groups).unwrap().compile_matcher(),
            parking_url: "rtmp://127.0.0.1:1935/parked".into(),
        },
        placement: Placement::Spread,
        idle: Idle::Stop,
        disruption: Disruption {
            interrupt: Interrupt::Never,
            causes: BTreeSet::from([Cause::Start, Cause::Stop, Cause::Retarget]),
            windows: Vec::new(),
            max_concurrent: 1,
        },
        paused: None,
    }
}
