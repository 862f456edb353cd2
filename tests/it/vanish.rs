//! What vanished from the declaration while on air, over restarts and in edits of the source.

use std::time::Duration;

use slotwise::testing::controller::{MaxVanish, Until};
use slotwise::testing::emulator::channel::State;
use slotwise::testing::emulator::{Emulator, Options};
use slotwise::testing::model::{Destination, OwnerId};
use slotwise::testing::store::{LoadOptions, Sources};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::stage::{Stage, desired, fleet, on_files, pool, ready, wanted};

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(start_paused = true)]
async fn what_the_vanish_guard_kept_stays_kept_over_a_restart() {
    let ids = ["1", "2", "3"];
    let mut stage = Stage::new(desired(pool(&ids), ["a", "b", "c"].map(wanted).to_vec()));
    stage.converge(60).await;
    let channel = stage.destination("a").slot.unwrap().channel.to_string();
    stage
        .script
        .change(|d| d.destinations.retain(|name, _| name.as_str() == "c"));
    stage.run_for(5 * MINUTE).await;
    let restart = async |declared: Vec<Destination>, max_vanish: MaxVanish| {
        let emulator = stage.emulator.clone();
        let mut next = Stage::on(emulator, desired(pool(&ids), declared), |settings| {
            settings.max_vanish = max_vanish;
        });
        next.run_for(30 * MINUTE).await;
        next.state(&channel)
    };
    // One of three may vanish, but this one vanished with another.
    let left = || vec![wanted("b"), wanted("c")];
    assert_eq!(restart(left(), MaxVanish::default()).await, "RUNNING");
    // Declared again it is one like any other.
    let all = ["a", "b", "c"].map(wanted).to_vec();
    assert_eq!(restart(all, MaxVanish::default()).await, "RUNNING");
    assert_eq!(restart(left(), MaxVanish::default()).await, "IDLE");
}

#[tokio::test(start_paused = true)]
async fn what_the_vanish_guard_kept_goes_off_air_on_request() {
    let ids = ["1", "2", "3"];
    let kept = async || {
        let mut stage = Stage::new(desired(pool(&ids), ["a", "b", "c"].map(wanted).to_vec()));
        stage.converge(60).await;
        stage.script.change(|d| d.destinations.clear());
        stage.run_for(5 * MINUTE).await;
        stage.emulator.clone()
    };
    let mut off = Stage::on(
        kept().await,
        desired(pool(&ids), ["a", "b", "c"].map(ready).to_vec()),
        |_| {},
    );
    off.run_for(30 * MINUTE).await;
    assert_eq!(ids.map(|id| off.state(id)), ["IDLE"; 3]);
    let mut all_may_vanish = Stage::on(kept().await, desired(pool(&ids), vec![]), |settings| {
        settings.max_vanish = MaxVanish::new(1.0);
    });
    all_may_vanish.run_for(30 * MINUTE).await;
    assert_eq!(ids.map(|id| all_may_vanish.state(id)), ["IDLE"; 3]);
}

#[tokio::test(start_paused = true)]
async fn two_sources_of_one_owner_do_not_stop_each_others_channels() {
    let both = fleet(&desired(pool(&["1", "2"]), vec![]));
    let emulator = Emulator::new(Options::default(), both);
    let source = |channel: &str, name: &str| {
        let declared = desired(pool(&[channel]), vec![wanted(name)]);
        Stage::on(emulator.clone(), declared, |_| {})
    };
    let (mut one, mut other) = (source("1", "a"), source("2", "b"));
    one.converge(60).await;
    other.converge(60).await;
    for _ in 0..3 {
        one.run_for(5 * MINUTE).await;
        other.run_for(5 * MINUTE).await;
    }
    assert_eq!(["1", "2"].map(|id| one.state(id)), ["RUNNING"; 2]);
    assert_eq!(one.count("StopChannel"), 0);
    assert!(one.log().contains("--owner-id"), "{}", one.log());
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_leaves_its_pool_with_its_destination_stops() {
    let declared = desired(pool(&["1", "2"]), vec![wanted("a"), wanted("b")]);
    let mut stage = Stage::new(declared);
    stage.converge(60).await;
    let slot = stage.destination("a").slot.unwrap();
    stage.script.change(|d| {
        d.destinations.remove("a");
        let mut renamed = d.pools.pop_first().unwrap().1;
        renamed.name = "renamed".into();
        renamed.channels.retain(|one| one.id != slot.channel);
        d.pools.insert(renamed.name.clone(), renamed);
        let moved = d.destination_mut("b").unwrap();
        moved.pool = "renamed".into();
    });
    stage.run_for(30 * MINUTE).await;
    assert_eq!(stage.state(slot.channel.as_str()), "IDLE");
    assert_eq!(stage.count("StopChannel"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_that_contradicts_takes_nothing_off_air_at_a_restart() {
    let dir = TempDir::new().unwrap();
    let write = |file: &str, text: &str| std::fs::write(dir.path().join(file), text).unwrap();
    let one = |state: &str| {
        format!(
            "apiVersion: slotwise.dev/v1alpha1\nkind: Destination\nmetadata: {{ name: one }}\nspec:\n  pool: main\n  \
             state: {state}\n  url: rtmp://one.example/live\n  streamKey: k3y-of-one\n"
        )
    };
    write(
        "pool.yaml",
        "apiVersion: slotwise.dev/v1alpha1\nkind: ChannelPool\nmetadata: { name: main }\nspec:\n  channels: [{ id: \"1\" }]\n  \
         slots: { outputGroups: \"RTMP-Slot-*\", parkingUrl: rtmp://127.0.0.1/parked }\n",
    );
    write("one.yaml", &one("Streaming"));
    let emulator = Emulator::new(Options::default(), fleet(&desired(pool(&["1"]), vec![])));
    let live = async |minutes: u32, remove: Option<&str>| {
        let owner = OwnerId::new("test");
        let source = Sources::new(vec![dir.path().to_owned()], owner.clone(), LoadOptions::default());
        let (mut controller, _log) = on_files(&emulator, source, owner);
        let asked = CancellationToken::new();
        let stop = asked.clone();
        let life = async {
            tokio::time::sleep(minutes * MINUTE).await;
            if let Some(file) = remove {
                std::fs::remove_file(dir.path().join(file)).unwrap();
                tokio::time::sleep(minutes * MINUTE).await;
            }
            stop.cancel();
        };
        let ((), _) = tokio::join!(life, controller.run(Until::Asked, &asked));
        emulator.with_world(|world, _| world.channel("1").unwrap().state())
    };
    assert_eq!(live(10, None).await, State::Running);
    // By the order of files this one would be the first.
    write("a.yaml", &one("Ready"));
    assert_eq!(live(30, None).await, State::Running);
    assert_eq!(
        live(10, Some("one.yaml")).await,
        State::Idle,
        "the other one is obeyed"
    );
}
