//! The binary, twice, over one table. The emulator records the caller of each call.
//!
//! The table is in this process, or where SLOTWISE_TEST_DYNAMODB says: `http://127.0.0.1:8000` for Amazon's DynamoDB
//! Local. All but the first take long, and are run by `tests/run` (`cargo test --test it -- --ignored lease::processes`). A user presses switches all the time, so that there is always something to write.
//!
//! Each test waits for what happens, for as long as that may take on a busy machine. How long a fail-over takes is
//! tested in virtual time (`candidates`, `replicas`).

mod parts;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use tokio::time::sleep;

use parts::{LEASE, Proxy, Scene};
pub(super) use parts::{Replica, to_end};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_leader_is_replaced_and_each_call_names_its_caller() {
    let scene = Scene::new().await;
    scene.give_back().await;
    let mut a = scene.replica("a");
    a.until("took the lease, epoch 1").await;
    let mut b = scene.replica("b");
    b.until("standby: ").await;
    assert!(b.said().contains(&a.pid()), "the holder is named: {}", b.said());
    scene.until_writes_of(1, 4).await;
    // Both look, only one may write.
    scene
        .until(async || scene.looks_of(&a.pid()) > 0 && scene.looks_of(&b.pid()) > 0)
        .await;

    let killed = a.kill().await;
    b.until("took over, epoch 2, after ").await;
    let took = b.when("took over") - killed;
    println!("killed: taken over after {took:?} with a lease of {LEASE:?}");
    scene.until_writes_of(2, 4).await;
    let writers = scene.check_record();
    assert_eq!(writers.keys().copied().collect::<Vec<_>>(), [1, 2]);
    assert!(writers[&2].contains(&b.pid()), "{writers:?}");

    // An orderly end hands over at once: the row stays, without a holder.
    let ended = b.end("TERM").await;
    assert_eq!(ended, 143, "{}", b.said());
    assert!(b.said().contains("gave the lease back"), "{}", b.said());
    let row = scene.row().await.unwrap();
    assert!(!row.contains_key("holder") && row["epoch"] == AttributeValue::N("2".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "processes that wait for each other for a quarter of a minute: tests/run"]
async fn a_leader_suspended_beyond_its_lease_never_writes_again() {
    let scene = Scene::new().await;
    scene.give_back().await;
    let mut a = scene.replica("a");
    a.until("took the lease, epoch 1").await;
    let mut b = scene.replica("b");
    b.until("standby: ").await;
    // Looks take a while, so that it is stopped between the look and the call that follows from it.
    scene.slow_looks(Duration::from_millis(400));
    let mut epoch = 1;
    for _ in 0..2 {
        scene.until_writes_of(epoch, 2).await;
        let stopped = a.signal("STOP");
        b.until_after(stopped, "took over, epoch ").await;
        println!("stopped: taken over after {:?}", b.when("took over") - stopped);
        epoch += 1;
        scene.until_writes_of(epoch, 2).await;
        let woken = a.signal("CONT");
        a.until_after(woken, "lost the lease").await;
        a.until_after(woken, "standby: ").await;
        // Whatever it might still do it would do at once.
        sleep(LEASE / 8).await;
        scene.check_record();
        std::mem::swap(&mut a, &mut b);
    }
    // The last one to lead ends, and the one that was stopped takes over at once.
    let ended = a.signal("TERM");
    b.until_after(ended, &format!("took the lease, epoch {}", epoch + 1))
        .await;
    scene.until_writes_of(epoch + 1, 2).await;
    scene.check_record();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "processes that wait for each other for a quarter of a minute: tests/run"]
async fn a_leader_cut_off_from_the_table_becomes_a_standby() {
    let scene = Scene::new().await;
    scene.give_back().await;
    let proxy = Proxy::to(scene.dynamodb()).await;
    let mut a = scene.replica_through("a", &proxy.endpoint());
    a.until("took the lease, epoch 1").await;
    let mut b = scene.replica("b");
    b.until("standby: ").await;
    scene.until_writes_of(1, 3).await;

    proxy.cut();
    a.until("lost the lease: not renewed within 9 s").await;
    b.until("took over, epoch 2, after ").await;
    scene.until_writes_of(2, 4).await;
    proxy.mend();
    a.until("the lease table answers again").await;
    a.until("holds the lease (epoch 2)").await;
    scene.until_writes_of(2, 8).await;
    scene.check_record();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "processes that wait for each other for a quarter of a minute: tests/run"]
async fn a_deleted_row_ends_the_lease_and_raises_the_epoch() {
    let scene = Scene::new().await;
    scene.give_back().await;
    let mut a = scene.replica("a");
    a.until("took the lease, epoch 1").await;
    scene.until_writes_of(1, 3).await;
    scene.delete_row().await;
    a.until("lost the lease: the row in the table was").await;
    a.until("no lease row").await;
    a.until("took the lease, epoch 2").await;
    scene.until_writes_of(2, 3).await;
    scene.check_record();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "processes that wait for each other for a quarter of a minute: tests/run"]
async fn without_a_table_nothing_is_written_until_there_is_one() {
    let scene = Scene::without_table().await;
    let applied = scene.ran("apply", &["--yes"]).await;
    assert_eq!(applied.0, 1, "{}", applied.1);
    assert!(
        applied.1.contains("there is no such table") && applied.1.contains("slotwise table create --lease"),
        "{}",
        applied.1
    );
    let mut a = scene.replica("a");
    a.until("there is no such table").await;
    a.until("plan ").await;
    assert!(scene.check_record().is_empty());
    scene.create_table().await;
    a.until("the lease table answers again").await;
    a.until("took the lease, epoch 1").await;
    scene.until_writes_of(1, 2).await;
    scene.check_record();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "processes that wait for each other for a quarter of a minute: tests/run"]
async fn a_permission_that_is_missing_is_named() {
    let scene = Scene::denied().await;
    let applied = scene.ran("apply", &["--yes"]).await;
    assert_eq!(applied.0, 1, "{}", applied.1);
    assert!(
        applied.1.contains("allow dynamodb:GetItem on table"),
        "{}",
        applied.1
    );
    assert!(scene.check_record().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "processes that wait for each other for a quarter of a minute: tests/run"]
async fn beside_a_leader_apply_ends_with_7_and_plan_works() {
    let scene = Scene::new().await;
    scene.give_back().await;
    let mut a = scene.replica("a");
    a.until("took the lease, epoch 1").await;
    let (code, said) = scene.ran("apply", &["--yes"]).await;
    assert_eq!(code, 7, "{said}");
    assert!(
        said.contains(&a.pid()) && said.contains("holds the lease (epoch 1)"),
        "{said}"
    );
    let (code, said) = scene.ran("run", &["--once", "--timeout", "2s"]).await;
    assert_eq!(code, 7, "{said}");
    let (code, said) = scene.ran_without_lease("plan").await;
    assert_eq!(code, 0, "{said}");
    // It is free again as soon as the daemon ends, and apply gives it back.
    assert_eq!(a.end("INT").await, 130);
    let (code, said) = scene.ran("apply", &["--yes"]).await;
    assert_eq!(code, 0, "{said}");
    assert!(!scene.row().await.unwrap().contains_key("holder"));
    scene.check_record();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "processes that wait for each other for a quarter of a minute: tests/run"]
async fn a_grant_goes_to_the_leader_by_the_row() {
    let mut scene = Scene::new().await;
    scene.rest();
    scene.give_back().await;
    let mut a = scene.replica("a");
    a.until("took the lease, epoch 1").await;
    a.until("converged           3 of 3 on air").await;
    let mut b = scene.replica("b");
    b.until("standby: ").await;
    scene.want_facebook();
    a.until("waits: InterruptionForbidden").await;

    let args = ["--yes", "--interrupt", "facebook-main", "--timeout", "90s"];
    let (code, said) = scene.ran("apply", &args).await;
    assert_eq!(code, 0, "{said}\n{}\n{}", a.said(), b.said());
    let (_, taken) = said.split_once("took the grant for facebook-main").unwrap();
    assert!(said.contains(&a.pid()) && taken.contains("is used"), "{said}");
    a.until("the one for facebook-main is used").await;
    assert!(!b.said().contains("may interrupt others once"), "{}", b.said());
    let writers = scene.check_record();
    assert_eq!(writers.keys().copied().collect::<Vec<_>>(), [1]);

    // A successor inherits none.
    scene.put_grant("youtube-main").await;
    let killed = a.kill().await;
    b.until_after(killed, "took over, epoch 2, after ").await;
    assert!(!scene.row().await.unwrap().contains_key("grants"));
    assert!(!b.said().contains("may interrupt others once"), "{}", b.said());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "processes that wait for each other for a quarter of a minute: tests/run"]
async fn two_owners_share_a_table_and_not_a_lease() {
    let scene = Scene::new().await;
    let mut a = scene.replica("a");
    let mut other = scene.replica_of("other", &scene.dynamodb(), "another-team");
    // Neither is kept from leading by the other; there was no row before, so each waits for its own.
    a.until("took the lease, epoch 1").await;
    other.until("took the lease, epoch 1").await;
    // Both keep renewing, side by side, and each in a row of its own.
    let renewed = |rows: &BTreeMap<String, (String, u64)>| rows.values().map(|(_, renewals)| *renewals).min();
    let enough = renewed(&scene.rows().await).unwrap() + 4;
    scene
        .until(async || {
            let rows = scene.rows().await;
            let holders: Vec<&str> = rows.values().map(|(holder, _)| holder.as_str()).collect();
            let holds = |replica: &Replica| {
                holders
                    .iter()
                    .filter(|holder| holder.contains(&replica.pid()))
                    .count()
            };
            assert_eq!(
                (holders.len(), holds(&a), holds(&other)),
                (2, 1, 1),
                "{holders:?}"
            );
            renewed(&rows) >= Some(enough)
        })
        .await;
}
