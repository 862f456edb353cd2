//! The emulator through the real SDK, in memory and in virtual time.

mod fleets;
mod guard;
mod routers;
mod switches;
mod wire;

use std::time::Duration;

use aws_sdk_medialive::Client;
use aws_sdk_medialive::config::{BehaviorVersion, Credentials, Region, timeout::TimeoutConfig};
use aws_sdk_medialive::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_medialive::types::{ChannelState, OutputDestination, OutputDestinationSettings};
use aws_smithy_types::retry::RetryConfig;
use slotwise::testing::emulator::channel::State;
use slotwise::testing::emulator::{
    Effect, Emulator, Fault, FaultKind, Fleet, InventedChannel, InventedPool, InventedSlot, Operation,
    Options,
};
use tokio::time::Instant;

const ROLE: &str = "arn:aws:iam::111122223333:role/MediaLiveAccessRole";
/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(5);

fn invented(id: &str, standard: bool) -> InventedChannel {
    let slot = |number: usize| InventedSlot {
        output_group: format!("RTMP-Slot-{number}"),
        stream_names: (0..2)
            .map(|pipeline| format!("{id}-{number}-{pipeline}"))
            .collect(),
    };
    let slots = (1..=3).map(slot).collect();
    InventedChannel {
        id: id.into(),
        standard,
        parking_url: "rtmp://127.0.0.1:1935/parked".into(),
        slots,
    }
}

fn emulator() -> Emulator {
    let channels = vec![invented("4000001", false), invented("4000002", true)];
    let pool = InventedPool {
        name: "main".into(),
        channels,
    };
    Emulator::new(Options::default(), Fleet::invent(&[pool]))
}

fn client(emulator: &Emulator, attempts: u32) -> Client {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(ATTEMPT * 10)
        .build();
    let config = aws_sdk_medialive::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .http_client(emulator.connector())
        .retry_config(RetryConfig::standard().with_max_attempts(attempts))
        .timeout_config(timeouts)
        .build();
    Client::from_conf(config)
}

async fn state(client: &Client, id: &str) -> ChannelState {
    let described = client
        .describe_channel()
        .channel_id(id)
        .send()
        .await
        .expect("the channel is described");
    described.state().expect("a channel has a state").clone()
}

/// The error code that the SDK read, or what went wrong instead.
fn code<E: ProvideErrorMetadata + std::error::Error + 'static, T: std::fmt::Debug>(
    result: Result<T, SdkError<E>>,
) -> String {
    match result {
        Ok(answer) => format!("{answer:?}"),
        Err(error) => error
            .code()
            .map_or_else(|| format!("{}", DisplayErrorContext(&error)), str::to_owned),
    }
}

#[tokio::test(start_paused = true)]
async fn a_channel_goes_on_air_and_off_again_in_virtual_time() {
    let client = client(&emulator(), 1);
    let start = Instant::now();
    let answer = client.start_channel().channel_id("4000001").send().await.unwrap();
    assert_eq!(answer.state(), Some(&ChannelState::Starting));
    while state(&client, "4000001").await != ChannelState::Running {
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    assert!(
        start.elapsed() >= Duration::from_mins(2),
        "no start is faster than two minutes"
    );
    client.stop_channel().channel_id("4000001").send().await.unwrap();
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(state(&client, "4000001").await, ChannelState::Idle);
}

#[tokio::test(start_paused = true)]
async fn the_sdk_reads_every_answer() {
    let emulator = emulator();
    let client = client(&emulator, 1);
    let channels = client.list_channels().send().await.unwrap();
    assert_eq!(channels.channels().len(), 2);
    assert_eq!(
        channels.channels()[0].destinations()[1].settings()[0].stream_name(),
        Some("4000001-1-0")
    );
    let described = client
        .describe_channel()
        .channel_id("4000002")
        .send()
        .await
        .unwrap();
    let groups = described.encoder_settings().unwrap().output_groups();
    assert_eq!(
        groups.iter().filter_map(|group| group.name()).collect::<Vec<_>>()[1..],
        ["RTMP-Slot-1", "RTMP-Slot-2", "RTMP-Slot-3"]
    );
    let inputs = client.list_inputs().send().await.unwrap();
    assert_eq!(inputs.inputs()[0].attached_channels(), ["4000001"]);
    let arn = described.arn().unwrap();
    client
        .create_tags()
        .resource_arn(arn)
        .tags("slotwise.dev/owner", "one")
        .send()
        .await
        .unwrap();
    let tags = client
        .list_tags_for_resource()
        .resource_arn(arn)
        .send()
        .await
        .unwrap();
    assert_eq!(tags.tags().unwrap()["slotwise.dev/owner"], "one");
    assert!(
        client
            .describe_schedule()
            .channel_id("4000001")
            .send()
            .await
            .unwrap()
            .schedule_actions()
            .is_empty()
    );
    assert!(
        client
            .list_alerts()
            .channel_id("4000001")
            .send()
            .await
            .unwrap()
            .alerts()
            .is_empty()
    );
    let batch = client
        .batch_start()
        .channel_ids("4000001")
        .channel_ids("1")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (batch.successful().len(), batch.failed()[0].code()),
        (1, Some("NotFoundException"))
    );
}

#[tokio::test(start_paused = true)]
async fn pages_come_through_the_sdks_paginator() {
    let client = client(&emulator(), 1);
    let mut pages = client.list_channels().max_results(1).into_paginator().send();
    let mut ids = Vec::new();
    while let Some(page) = pages.next().await {
        ids.extend(
            page.unwrap()
                .channels()
                .iter()
                .filter_map(|channel| channel.id().map(str::to_owned)),
        );
    }
    assert_eq!(ids, ["4000001", "4000002"]);
}

#[tokio::test(start_paused = true)]
async fn every_error_has_its_code() {
    let emulator = emulator();
    let client = client(&emulator, 1);
    assert_eq!(
        code(client.describe_channel().channel_id("1").send().await),
        "NotFoundException"
    );
    assert_eq!(
        code(
            client
                .restart_channel_pipelines()
                .channel_id("4000001")
                .send()
                .await
        ),
        "ConflictException"
    );
    assert_eq!(
        code(client.list_channels().next_token("x").send().await),
        "BadRequestException"
    );
    let nowhere = client
        .update_channel()
        .channel_id("4000001")
        .role_arn(ROLE)
        .set_destinations(Some(vec![]));
    assert_eq!(code(nowhere.send().await), "UnprocessableEntityException");
    for (kind, expected) in [
        (FaultKind::Throttle, "TooManyRequestsException"),
        (
            FaultKind::ServerError {
                status: 500,
                effect: Effect::Before,
            },
            "InternalServerErrorException",
        ),
        (
            FaultKind::ServerError {
                status: 502,
                effect: Effect::Before,
            },
            "BadGatewayException",
        ),
        (
            FaultKind::ServerError {
                status: 504,
                effect: Effect::After,
            },
            "GatewayTimeoutException",
        ),
        (FaultKind::AccessDenied, "AccessDeniedException"),
        (FaultKind::ExpiredToken, "ExpiredTokenException"),
    ] {
        emulator.inject(Fault::new(kind).times(1));
        assert_eq!(code(client.list_channels().send().await), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn the_sdk_retries_throttling_and_broken_connections_by_itself() {
    let emulator = emulator();
    let client = client(&emulator, 3);
    for kind in [
        FaultKind::Throttle,
        FaultKind::Reset {
            effect: Effect::Before,
        },
        FaultKind::Timeout {
            effect: Effect::Before,
        },
    ] {
        emulator.clear_calls();
        emulator.inject(Fault::new(kind).times(2));
        client.list_channels().send().await.unwrap();
        assert_eq!(emulator.calls().len(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_reply_takes_its_time_in_virtual_seconds_only() {
    let emulator = emulator();
    let client = client(&emulator, 1);
    emulator.inject(Fault::new(FaultKind::Slow { seconds: 4.0 }));
    let start = Instant::now();
    client.list_channels().send().await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 4);
    emulator.inject(Fault::new(FaultKind::Slow { seconds: 20.0 }));
    let error = client.list_channels().send().await.unwrap_err();
    assert!(matches!(error, SdkError::TimeoutError(_)), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_reply_lost_after_the_effect_leaves_the_effect() {
    for kind in [
        FaultKind::Timeout {
            effect: Effect::After,
        },
        FaultKind::Reset {
            effect: Effect::After,
        },
    ] {
        let emulator = emulator();
        let client = client(&emulator, 1);
        emulator.inject(Fault::new(kind).on(Operation::StartChannel).times(1));
        let error = client
            .start_channel()
            .channel_id("4000001")
            .send()
            .await
            .unwrap_err();
        assert!(
            matches!(error, SdkError::TimeoutError(_) | SdkError::DispatchFailure(_)),
            "{error:?}"
        );
        assert_eq!(state(&client, "4000001").await, ChannelState::Starting);
        let call = &emulator.calls()[0];
        assert_eq!(
            (call.operation.as_str(), call.applied, call.status),
            ("StartChannel", true, None)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_through_the_sdk_changes_destinations_and_nothing_else() {
    let emulator = emulator();
    let client = client(&emulator, 1);
    let before = client
        .describe_channel()
        .channel_id("4000001")
        .send()
        .await
        .unwrap();
    let mut destinations: Vec<OutputDestination> = before.destinations().to_vec();
    let live = OutputDestinationSettings::builder()
        .url("rtmps://a.rtmps.youtube.com:443/live2")
        .stream_name("key")
        .build();
    destinations[1].settings = Some(vec![live]);
    let update = client.update_channel().channel_id("4000001").role_arn(ROLE);
    let answer = update
        .set_destinations(Some(destinations.clone()))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.channel().unwrap().state(), Some(&ChannelState::Updating));
    tokio::time::sleep(Duration::from_secs(61)).await;
    let after = client
        .describe_channel()
        .channel_id("4000001")
        .send()
        .await
        .unwrap();
    assert_eq!(after.destinations(), destinations);
    assert_eq!(after.encoder_settings(), before.encoder_settings());
    assert_eq!(
        (after.role_arn(), after.state()),
        (before.role_arn(), Some(&ChannelState::Idle))
    );
}

#[tokio::test(start_paused = true)]
async fn a_stale_list_shows_the_past_and_describe_the_present() {
    let emulator = emulator();
    let client = client(&emulator, 1);
    tokio::time::sleep(Duration::from_mins(1)).await;
    client.start_channel().channel_id("4000001").send().await.unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    emulator.inject(Fault::new(FaultKind::StaleList { seconds: 30.0 }).times(1));
    let listed = |list: aws_sdk_medialive::operation::list_channels::ListChannelsOutput| {
        list.channels()[0].state().unwrap().clone()
    };
    assert_eq!(
        listed(client.list_channels().send().await.unwrap()),
        ChannelState::Idle
    );
    assert_eq!(state(&client, "4000001").await, ChannelState::Starting);
    assert_eq!(
        listed(client.list_channels().send().await.unwrap()),
        ChannelState::Starting
    );
}

#[tokio::test(start_paused = true)]
async fn a_partial_list_leaves_one_channel_out_and_describe_knows_it() {
    let emulator = emulator();
    let client = client(&emulator, 1);
    let whole = client.list_channels().send().await.unwrap();
    emulator.inject(Fault::new(FaultKind::PartialList { place: 0 }).times(1));
    let partial = client.list_channels().send().await.unwrap();
    assert_eq!(partial.channels().len() + 1, whole.channels().len());
    assert!(
        partial
            .channels()
            .iter()
            .all(|channel| channel.id() != whole.channels()[0].id())
    );
    assert_eq!(
        state(&client, whole.channels()[0].id().unwrap()).await,
        ChannelState::Idle
    );
}

#[tokio::test(start_paused = true)]
async fn the_account_is_throttled_at_twenty_a_second() {
    let emulator = emulator();
    let client = client(&emulator, 1);
    for _ in 0..60 {
        drop(client.list_inputs().send().await);
    }
    let throttled = emulator
        .calls()
        .iter()
        .filter(|call| call.status == Some(429))
        .count();
    assert_eq!(
        throttled, 20,
        "a burst of forty passes while the clock stands still"
    );
}

#[tokio::test(start_paused = true)]
async fn what_happens_behind_the_clients_back_is_seen() {
    let emulator = emulator();
    let client = client(&emulator, 1);
    emulator.with_world(|world, now| world.force_state("4000001", State::Running, now));
    emulator.inject(Fault::new(FaultKind::Recovering { seconds: Some(30.0) }).of("4000001"));
    assert_eq!(state(&client, "4000001").await, ChannelState::Recovering);
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(state(&client, "4000001").await, ChannelState::Running);
    emulator.inject(Fault::new(FaultKind::Maintenance).of("4000001"));
    assert_eq!(state(&client, "4000001").await, ChannelState::Stopping);
    tokio::time::sleep(Duration::from_secs(700)).await;
    assert_eq!(state(&client, "4000001").await, ChannelState::Running);
    emulator.with_world(|world, _| world.remove_channel("4000001"));
    assert_eq!(
        code(client.describe_channel().channel_id("4000001").send().await),
        "NotFoundException"
    );
}
