//! What many channels cost in calls, in virtual time.

use slotwise::testing::controller::Ended;
use slotwise::testing::emulator::{Emulator, Options, Switches};
use slotwise::testing::model::{Desired, Destination, Pin, WantedState};

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

/// An account whose list has six pages.
fn in_pages(declared: Desired) -> Stage {
    let options = Options {
        account_limit: false,
        switches: Switches {
            list_page_max: CHANNELS / PAGES,
            ..Switches::default()
        },
        ..Options::default()
    };
    let emulator = Emulator::new(options, fleet(&declared));
    Stage::on(emulator, declared, |settings| settings.assumes_from = 10)
}

const PAGES: usize = 6;

/// When an operation was called, in seconds.
fn calls(stage: &Stage, operation: &str) -> Vec<f64> {
    let calls = stage.emulator.calls().into_iter();
    let of_it = calls.filter(|call| call.operation == operation);
    of_it.map(|call| call.at.as_secs_f64()).collect()
}

#[tokio::test(start_paused = true)]
async fn while_one_channel_of_many_is_on_its_way_it_is_looked_at_and_not_the_list() {
    let mut stage = in_pages(declared(ready));
    stage.converge(60).await;
    let (mut lists, mut minutes, mut reused) = (0, 0, 0);
    for name in ["d3", "d4", "d5", "d6", "d7", "d8"] {
        stage.emulator.clear_calls();
        stage
            .script
            .change(|desired| desired.destination_mut(name).unwrap().state = WantedState::Streaming);
        let begun = tokio::time::Instant::now();
        assert!(matches!(stage.converge(60).await, Ended::Converged));
        minutes += begun.elapsed().as_secs() / 60;
        let [update, start] = ["UpdateChannel", "StartChannel"].map(|operation| calls(&stage, operation)[0]);
        let listed = calls(&stage, "ListChannels");
        lists += listed.len();
        let before = listed.into_iter().rfind(|at| *at <= start).unwrap();
        assert!(start - before < 15.0, "the list was {} s old", start - before);
        reused += usize::from(before <= update);
        let looks = calls(&stage, "DescribeChannel").into_iter();
        let after_update = looks.filter(|at| (update..=start).contains(at));
        let last_two: Vec<f64> = after_update.rev().take(2).collect();
        assert!(
            last_two.len() < 2 || last_two[0] - last_two[1] > 0.9,
            "the look that showed the end of the update is that of the start: {last_two:?}"
        );
    }
    assert!(
        reused > 0,
        "what a fresh list showed of the others is good enough"
    );
    // At first, in each minute, before the start where the list is old, and at the end.
    let most = (usize::try_from(minutes).unwrap() + 6 * 3) * PAGES;
    assert!(lists <= most, "{lists} pages of lists in {minutes} min");
}

#[tokio::test(start_paused = true)]
async fn the_first_start_of_a_cold_fleet_waits_for_no_second_list() {
    let mut stage = in_pages(declared(wanted));
    stage.emulator.set_speed(60.0);
    assert!(matches!(stage.converge(60).await, Ended::Converged));
    let start = calls(&stage, "StartChannel")[0];
    let lists = calls(&stage, "ListChannels");
    let before = lists.into_iter().filter(|at| *at < start).count();
    assert_eq!(before, PAGES, "pages of lists before the first start");
    let seconds = first_start(&stage.emulator) / 60.0;
    assert!(seconds < 5.0, "{seconds} s to the first start");
    let looks = stage.count("DescribeChannel");
    assert!(
        looks <= CHANNELS + CHANNELS / 3,
        "{looks} looks at {CHANNELS} channels"
    );
}
