//! What vanished from the declaration while on air, over restarts and in edits of the source.

use std::time::Duration;

use slotwise::controller::MaxVanish;
use slotwise::model::Destination;

use super::stage::{Stage, desired, pool, ready, wanted};

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
