//! Whether the process is alive and ready, in virtual time.

use std::sync::atomic::Ordering;
use std::time::Duration;

use slotwise::testing::api::Access;
use slotwise::testing::emulator::{Effect, Fault, FaultKind, Operation};
use slotwise::testing::model::{Trust, WantedState};

use super::live::{Live, ask};
use crate::stage::{desired, pool, wanted};

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(start_paused = true)]
async fn a_hanging_loop_is_not_live_until_it_continues() {
    let mut live = Live::new(desired(pool(&["1"]), vec![wanted("a")]));
    let router = live.router(Access::Local);
    assert_eq!(ask(&router, "/livez").await.status, 200, "it has just begun");
    live.run_for(60 * MINUTE).await;
    let answer = ask(&router, "/livez").await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.json()["cycleAgeSeconds"].as_f64().unwrap() <= 66.0,
        "{answer:?}"
    );

    live.hangs.store(true, Ordering::Relaxed);
    live.run_for(2 * MINUTE).await;
    assert_eq!(ask(&router, "/livez").await.status, 200, "late, and not yet lost");
    live.run_for(3 * MINUTE).await;
    let answer = ask(&router, "/livez").await;
    let (status, detail) = answer.problem();
    assert_eq!(status, 503);
    assert!(detail.contains("the last cycle ended"), "{detail}");
    let age = answer.json()["cycleAgeSeconds"].as_f64().unwrap();
    assert!((300.0..=366.0).contains(&age), "{age}");

    live.hangs.store(false, Ordering::Relaxed);
    live.run_for(2 * MINUTE).await;
    assert_eq!(ask(&router, "/livez").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_loop_without_a_first_cycle_is_not_live() {
    let mut live = Live::new(desired(pool(&["1"]), vec![]));
    let router = live.router(Access::Local);
    // Nothing runs it.
    tokio::time::sleep(5 * MINUTE).await;
    let (status, detail) = ask(&router, "/livez").await.problem();
    assert_eq!(status, 503);
    assert!(detail.contains("no cycle has ended"), "{detail}");
    live.run_for(MINUTE).await;
    assert_eq!(ask(&router, "/livez").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_cannot_reach_medialive_is_live_and_stays_ready() {
    let mut live = Live::new(desired(pool(&["1"]), vec![wanted("a")]));
    let router = live.router(Access::Local);
    live.converge().await;
    live.emulator.inject(Fault::new(FaultKind::Timeout {
        effect: Effect::Before,
    }));
    live.run_for(30 * MINUTE).await;
    assert_eq!(ask(&router, "/livez").await.status, 200);
    assert_eq!(ask(&router, "/readyz").await.status, 200);
    let metrics = ask(&router, "/metrics").await.body;
    assert!(
        metrics.contains(r#"code="timed_out",operation="ListChannels""#),
        "{metrics}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_long_first_look_is_still_live() {
    let ids: Vec<String> = (1..=100).map(|number| number.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let mut live = Live::new(desired(pool(&ids), vec![]));
    // Parked by another system, so that each has to be looked at by itself.
    live.emulator.with_world(|world, _| {
        for id in &ids {
            let document = world.channel_mut(id).unwrap().document_mut();
            for slot in document["destinations"].as_array_mut().unwrap() {
                for setting in slot["settings"].as_array_mut().unwrap() {
                    setting["streamName"] = format!("own-{id}").into();
                }
            }
        }
    });
    let router = live.router(Access::Local);
    let mut slow = Fault::new(FaultKind::Slow { seconds: 9.0 });
    slow.matcher.operation = Some(Operation::DescribeChannel);
    live.emulator.inject(slow);
    // A hundred Describes, eight at once, 9 s each: 2 min; of which the loop has nothing to show.
    let begun = tokio::time::Instant::now();
    tokio::time::sleep(3 * MINUTE).await;
    tokio::select! {
        () = live.run_for(2 * MINUTE) => {}
        () = async {
            tokio::time::sleep(MINUTE).await;
            assert!(begun.elapsed() >= 4 * MINUTE);
            assert_eq!(ask(&router, "/livez").await.status, 200);
            assert_eq!(ask(&router, "/readyz").await.status, 503);
        } => {}
    }
}

#[tokio::test(start_paused = true)]
async fn ready_means_channels_seen_and_source_trusted() {
    let mut live = Live::new(desired(pool(&["1"]), vec![wanted("a")]));
    let router = live.router(Access::Local);
    let (status, detail) = ask(&router, "/readyz").await.problem();
    assert_eq!(status, 503);
    assert!(detail.contains("nothing to show yet"), "{detail}");
    for path in [
        "/api/v1/plan",
        "/api/v1/channels",
        "/api/v1/destinations",
        "/api/v1/destinations/a",
    ] {
        assert_eq!(ask(&router, path).await.problem().0, 503, "{path}");
    }

    live.converge().await;
    assert_eq!(ask(&router, "/readyz").await.status, 200);

    live.script.change(|desired| {
        desired.trust = Trust::Doubted {
            why: "/srv/k3pt-apart/a.yaml cannot be read".to_owned(),
        };
    });
    live.run_for(MINUTE).await;
    let answer = ask(&router, "/readyz").await;
    assert_eq!(answer.problem().0, 503);
    assert!(
        !answer.body.contains("k3pt-apart"),
        "no token is needed: {answer:?}"
    );
    assert!(
        ask(&router, "/api/v1/destinations")
            .await
            .body
            .contains("k3pt-apart")
    );
    let metrics = ask(&router, "/metrics").await.body;
    assert!(metrics.contains("\nslotwise_source_trusted 0\n"), "{metrics}");
    assert!(
        metrics.contains("\nslotwise_source_load_errors_total 1\n"),
        "{metrics}"
    );

    live.script.change(|desired| {
        desired.trust = Trust::Whole;
        desired.destination_mut("a").unwrap().state = WantedState::Ready;
    });
    live.run_for(MINUTE).await;
    assert_eq!(ask(&router, "/readyz").await.status, 200);
}
