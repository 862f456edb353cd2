//! What many channels cost in calls, in virtual time.

use slotwise::controller::Ended;
use slotwise::emulator::{Emulator, Options, Switches};
use slotwise::model::{Desired, Destination, Pin, WantedState};

use super::stage::{Stage, desired, fleet, pool, ready, wanted};

/// More than steps are under way at once, and few enough to be planned quickly.
const CHANNELS: usize = 30;

/// A pool of so many channels, with a destination for each. All are pinned: where they go is not what this is about, and
/// searching takes time.
fn declared(destination: impl Fn(&str) -> Destination) -> Desired {
    let ids: Vec<String> = (0..CHANNELS).map(|at| (4_000_001 + at).to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let pinned = |(at, id): (usize, &&str)| Destination {
        pin: Some(Pin {
            channel: (*id).into(),
            output_group: "RTMP-Slot-1".into(),
        }),
        ..destination(&format!("d{at}"))
    };
    desired(pool(&ids), ids.iter().enumerate().map(pinned).collect())
}

/// A controller on `declared` that takes the list at its word.
fn stage(declared: Desired) -> Stage {
    Stage::with(declared, |settings| settings.assumes_from = 10)
}

/// Seconds from the first call to the first Start.
fn first_start(emulator: &Emulator) -> f64 {
    let calls = emulator.calls();
    let start = calls
        .iter()
        .find(|call| call.operation == "StartChannel")
        .unwrap();
    start.at.as_secs_f64() - calls[0].at.as_secs_f64()
}

#[tokio::test(start_paused = true)]
async fn a_cold_fleet_costs_one_look_tags_an_update_and_a_start_each() {
    let mut stage = stage(declared(wanted));
    assert!(matches!(stage.converge(60).await, Ended::Converged));
    for operation in ["CreateTags", "UpdateChannel", "StartChannel"] {
        assert_eq!(stage.count(operation), CHANNELS, "{operation}");
    }
    let looks = stage.count("DescribeChannel");
    assert!(
        looks <= CHANNELS + CHANNELS / 10,
        "{looks} looks at {CHANNELS} channels"
    );
    let calls = stage.emulator.calls();
    let took = calls.last().unwrap().at.as_secs() - calls[0].at.as_secs();
    let lists = stage.count("ListChannels") as u64;
    assert!(
        lists <= took / 5 + CHANNELS as u64,
        "{lists} lists within {took} s: one every 5 s, and one for each step"
    );
    assert!(first_start(&stage.emulator) < 60.0, "others are not waited for");
}

#[tokio::test(start_paused = true)]
async fn what_the_list_tells_of_many_channels_is_not_asked_for() {
    let mut stage = stage(declared(ready));
    let view = stage.controller.look().await.unwrap();
    assert_eq!(view.plan.channels.len(), CHANNELS);
    assert_eq!(
        (stage.count("ListChannels"), stage.count("DescribeChannel")),
        (1, 1),
        "one of each making is looked at"
    );
}

#[tokio::test(start_paused = true)]
async fn a_differently_wired_channel_is_planned_again() {
    let mut stage = stage(declared(wanted));
    // The list does not show that one of its groups is missing.
    stage.emulator.with_world(|world, now| {
        world.channel_mut("4000020").unwrap().edit(now, |document| {
            let groups = document["encoderSettings"]["outputGroups"].as_array_mut();
            groups.unwrap().pop();
        });
    });
    assert!(matches!(stage.converge(60).await, Ended::Converged));
    assert!(stage.log().contains("not those of channels that look alike"));
    assert_eq!(stage.count("StartChannel"), CHANNELS);
}

#[tokio::test(start_paused = true)]
async fn while_one_channel_of_many_is_on_its_way_it_is_looked_at_and_not_the_list() {
    let declared = declared(ready);
    let options = Options {
        account_limit: false,
        switches: Switches {
            list_page_max: 5,
            ..Switches::default()
        },
        ..Options::default()
    };
    let emulator = Emulator::new(options, fleet(&declared));
    let mut stage = Stage::on(emulator, declared, |_| {});
    stage.converge(60).await;
    stage.emulator.clear_calls();
    stage
        .script
        .change(|desired| desired.destination_mut("d3").unwrap().state = WantedState::Streaming);
    let begun = tokio::time::Instant::now();
    assert!(matches!(stage.converge(60).await, Ended::Converged));
    assert_eq!(
        stage.writes(),
        ["CreateTags ", "UpdateChannel 4000004", "StartChannel 4000004"]
    );
    let pages = CHANNELS / 5;
    let (minutes, lists) = (begun.elapsed().as_secs() / 60, stage.count("ListChannels"));
    let looks = usize::try_from(minutes).unwrap() + 3;
    assert!(
        lists <= looks * pages,
        "{lists} pages of lists in {minutes} min: at first, in each minute, and at the end"
    );
    assert!(stage.count("DescribeChannel") > 5, "it is looked at by itself");
}
