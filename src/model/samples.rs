//! One valid thing of each kind, which tests change as they need it.

use std::collections::BTreeSet;

use globset::Glob;

use super::{
    Cause, ChannelPool, Destination, Disruption, Idle, Interrupt, Placement, PoolChannel, RouterPool,
    RouterSettings, Secret, SlotSelector, StreamKey, Tier, WantedState,
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

/// A RouterPool that never interrupts.
pub(crate) fn router_pool(name: &str) -> RouterPool {
    let arn = |of: &str| format!("arn:aws:mediaconnect:eu-central-1:111122223333:{of}");
    RouterPool {
        name: name.into(),
        input: arn("routerInput:a1b2c3d4e5f6").into(),
        network_interface: arn("routerNetworkInterface:f6e5d4c3b2a1").into(),
        source: None,
        settings: RouterSettings {
            tier: Tier::Output20,
            maximum_bitrate: 8_000_000,
            availability_zone: None,
            maintenance: None,
        },
        keep: None,
        disruption: Disruption {
            interrupt: Interrupt::Never,
            causes: BTreeSet::from([Cause::Retarget]),
            windows: Vec::new(),
            max_concurrent: 1,
        },
        paused: None,
    }
}
