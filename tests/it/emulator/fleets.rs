//! Fleets as people have them: what the console and the CDK make, and what they hold beside RTMP slots.

use aws_sdk_medialive::types::{ChannelState, OutputDestination, OutputDestinationSettings};
use slotwise::testing::emulator::{Emulator, Fleet, Options};

use super::{ROLE, client};

const FLEET: &str = include_str!("fleets/as-people-have-them.json");

/// The destinations with another stream name in `id`; the rest as it is.
fn retargeted(destinations: &[OutputDestination], id: &str) -> Vec<OutputDestination> {
    let change = |destination: &OutputDestination| {
        let mut changed = destination.clone();
        if destination.id() == Some(id) {
            let other = |setting: &OutputDestinationSettings| {
                let mut setting = setting.clone();
                setting.stream_name = setting.stream_name.map(|name| format!("{name}-new"));
                setting
            };
            changed.settings = Some(destination.settings().iter().map(other).collect());
        }
        changed
    };
    destinations.iter().map(change).collect()
}

#[tokio::test(start_paused = true)]
async fn every_channel_of_a_fleet_can_be_updated_started_and_stopped() {
    let emulator = Emulator::new(Options::default(), Fleet::parse(FLEET).expect("a fleet"));
    let client = client(&emulator, 1);
    let slots = [
        ("7000001", "RtmpOutput1"),
        ("7000002", "slot-1"),
        ("7000003", "b"),
        ("7000004", "c"),
    ];
    for (id, slot) in slots {
        let settled = async |wanted: &ChannelState| {
            loop {
                let channel = client.describe_channel().channel_id(id).send().await.expect(id);
                if channel.state() == Some(wanted) {
                    return channel;
                }
                tokio::time::sleep(std::time::Duration::from_secs(5)).await;
            }
        };
        client
            .stop_channel()
            .channel_id(id)
            .send()
            .await
            .expect("a stop, quiet where it is stopped");
        let before = settled(&ChannelState::Idle).await;
        let changed = retargeted(before.destinations(), slot);
        let update = client.update_channel().channel_id(id).role_arn(ROLE);
        let update = update.set_destinations(Some(changed)).send().await;
        update.unwrap_or_else(|error| panic!("{id}: {}", error.into_service_error()));
        let after = settled(&ChannelState::Idle).await;
        assert_eq!(after.encoder_settings(), before.encoder_settings(), "{id}");
        assert_ne!(after.destinations(), before.destinations(), "{id}");
        // All of it once more, as deployment tools send it.
        let update = client.update_channel().channel_id(id).role_arn(ROLE);
        let update = update.set_encoder_settings(before.encoder_settings().cloned());
        update
            .send()
            .await
            .unwrap_or_else(|error| panic!("{id}: {}", error.into_service_error()));
        settled(&ChannelState::Idle).await;
        client
            .start_channel()
            .channel_id(id)
            .send()
            .await
            .expect("a start");
        settled(&ChannelState::Running).await;
    }
}
