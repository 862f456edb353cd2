//! Whole controllers over one table and one MediaLive, in virtual time.

use std::collections::BTreeSet;
use std::time::Duration;

use slotwise::testing::controller::lease::{Candidate, How, Lease, LeaseTableErrorKind, Row};
use slotwise::testing::controller::{Ended, Event, LeaseNews, Settings, Until};
use slotwise::testing::emulator::{Emulator, Options};
use slotwise::testing::model::WantedState;
use slotwise::testing::status::{ConditionStatus, Phase};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::tools::Memory;
use crate::stage::{Script, Stage, desired, fleet, pool, ready, wanted};

const LEASE: Duration = Duration::from_secs(15);

/// Two replicas of one owner, `a` and `b`; `a` begins and leads.
struct Pair {
    a: Stage,
    b: Stage,
    table_of_a: Memory,
    script: Script,
}

fn replica(
    name: &str,
    emulator: &Emulator,
    script: &Script,
    table: Memory,
    adjust: fn(&mut Settings),
) -> Stage {
    let mut settings = Settings::new("test".into());
    adjust(&mut settings);
    let lease = Lease::table(table, Candidate::new(name, LEASE, Instant::now()));
    Stage::leased(emulator.clone(), script.clone(), lease, settings)
}

async fn pair() -> Pair {
    pair_with(|_| {}).await
}

async fn pair_with(adjust_b: fn(&mut Settings)) -> Pair {
    let declared = desired(pool(&["1", "2"]), vec![wanted("x"), ready("y")]);
    let emulator = Emulator::new(Options::default(), fleet(&declared));
    let script = Script::new(declared);
    let table = Memory::default();
    let mut a = replica("a", &emulator, &script, table.clone(), |_| {});
    a.run_for_without_end(Duration::from_mins(10)).await;
    assert_eq!(a.phase("x"), Phase::Streaming);
    let b = replica("b", &emulator, &script, table.for_another(), adjust_b);
    Pair {
        a,
        b,
        table_of_a: table,
        script,
    }
}

/// The caller of each mutating call: holder and epoch.
fn writers(stage: &Stage) -> Vec<String> {
    let reads = ["ListChannels", "DescribeChannel", "ListRouterOutputs"];
    let calls = stage.emulator.calls().into_iter();
    let writes = calls.filter(|call| !reads.contains(&call.operation.as_str()));
    writes
        .map(|call| {
            let agent = call.user_agent.unwrap_or_default();
            let stamp = agent.split("md/slotwise-lease#").nth(1);
            stamp.unwrap_or("no lease").to_owned()
        })
        .collect()
}

fn news(stage: &Stage) -> Vec<(Instant, LeaseNews)> {
    let events = stage.events.lock().unwrap();
    let news = events.iter().filter_map(|(at, event)| match event {
        Event::Lease(news) => Some((*at, news.clone())),
        _ => None,
    });
    news.collect()
}

fn is_leader(stage: &Stage) -> (ConditionStatus, &'static str) {
    let conditions = &stage.controller.status().conditions;
    let leader = conditions.iter().find(|one| one.kind == "Leader").unwrap();
    (leader.status, leader.reason)
}

fn switch(script: &Script, name: &str, to: WantedState) {
    script.change(|desired| desired.destination_mut(name).unwrap().state = to);
}

#[tokio::test(start_paused = true)]
async fn one_acts_and_the_other_sees_the_same_and_keeps_still() {
    let mut pair = pair().await;
    switch(&pair.script, "y", WantedState::Streaming);
    let time = Duration::from_mins(10);
    tokio::join!(pair.a.run_for_without_end(time), pair.b.run_for_without_end(time));
    for replica in [&pair.a, &pair.b] {
        assert_eq!(
            (replica.phase("x"), replica.phase("y")),
            (Phase::Streaming, Phase::Streaming)
        );
    }
    assert_eq!(is_leader(&pair.a), (ConditionStatus::True, "Leading"));
    assert_eq!(is_leader(&pair.b), (ConditionStatus::False, "Standby"));
    let writers: BTreeSet<String> = writers(&pair.a).into_iter().collect();
    assert_eq!(writers, BTreeSet::from(["a.1".to_owned()]));
    assert!(!pair.b.log().contains("StepBegun"), "{}", pair.b.log());
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_the_standby_acts_in_less_than_20_seconds() {
    let mut pair = pair().await;
    let time = Duration::from_mins(1);
    tokio::join!(pair.a.run_for_without_end(time), pair.b.run_for_without_end(time));
    // What is wanted by the time of the crash is the standby's to do.
    switch(&pair.script, "y", WantedState::Streaming);
    let (crashed, writes) = (Instant::now(), writers(&pair.a).len());
    drop(pair.a);
    pair.b.run_for_without_end(Duration::from_mins(10)).await;
    let (
        at,
        LeaseNews::Taken {
            epoch: 2,
            how: How::Silence { after, .. },
        },
    ) = news(&pair.b).pop().unwrap()
    else {
        panic!("{:?}", news(&pair.b))
    };
    println!(
        "lease of 15 s: took over {:?} after the crash, {after:?} after the last renewal seen",
        at - crashed
    );
    assert!(at - crashed < Duration::from_secs(20) && after >= LEASE);
    assert_eq!(pair.b.phase("y"), Phase::Streaming);
    let mut later = writers(&pair.b).split_off(writes);
    later.dedup();
    assert_eq!(later, ["b.2"]);
    let first = first_step_after(&pair.b, crashed);
    assert!(
        first - at < Duration::from_secs(1),
        "it looks at once: {:?}",
        first - at
    );
}

fn first_step_after(stage: &Stage, when: Instant) -> Instant {
    let events = stage.events.lock().unwrap();
    let mut steps = events
        .iter()
        .filter(|(at, event)| *at > when && matches!(event, Event::StepBegun { .. }));
    steps.next().unwrap().0
}

#[tokio::test(start_paused = true)]
async fn an_orderly_end_hands_over_at_once() {
    let mut pair = pair().await;
    let begun = Instant::now();
    let (ended, ()) = tokio::join!(
        async {
            pair.a.run_for(Duration::from_mins(1)).await;
            Instant::now()
        },
        pair.b.run_for_without_end(Duration::from_mins(2))
    );
    assert!(news(&pair.a).iter().any(|(_, news)| *news == LeaseNews::Released));
    let taken = news(&pair.b).into_iter().find_map(|(at, news)| match news {
        LeaseNews::Taken { how: How::Free, .. } => Some(at),
        _ => None,
    });
    let waited = taken.unwrap() - ended;
    assert!(ended > begun && waited < LEASE / 5, "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_leader_cut_off_stops_before_the_other_begins() {
    let mut pair = pair().await;
    let (table, script) = (pair.table_of_a.clone(), pair.script.clone());
    let days = async {
        sleep(Duration::from_secs(61)).await;
        table.set_trouble(Some(LeaseTableErrorKind::Unreachable));
        sleep(Duration::from_secs(14)).await;
        // Both see it, when one may hardly write and the other not yet.
        switch(&script, "y", WantedState::Streaming);
        sleep(Duration::from_mins(5)).await;
        table.set_trouble(None);
    };
    let time = Duration::from_mins(12);
    tokio::join!(
        days,
        pair.a.run_for_without_end(time),
        pair.b.run_for_without_end(time)
    );
    let lost = news(&pair.a)
        .into_iter()
        .find(|(_, news)| matches!(news, LeaseNews::Lost { .. }));
    let taken = news(&pair.b)
        .into_iter()
        .find(|(_, news)| matches!(news, LeaseNews::Taken { .. }));
    assert!(lost.clone().unwrap().0 < taken.unwrap().0, "{lost:?}");
    let mut order = writers(&pair.a);
    order.dedup();
    assert_eq!(order, ["a.1", "b.2"]);
    assert_eq!(
        (is_leader(&pair.a).1, pair.a.phase("y")),
        ("Standby", Phase::Streaming)
    );
}

#[tokio::test(start_paused = true)]
async fn a_throttled_table_delays_only_writes() {
    let mut pair = pair().await;
    drop(pair.b);
    let (table, script) = (pair.table_of_a.clone(), pair.script.clone());
    let days = async {
        table.set_trouble(Some(LeaseTableErrorKind::Throttled));
        sleep(Duration::from_secs(20)).await;
        switch(&script, "y", WantedState::Streaming);
        sleep(Duration::from_secs(40)).await;
        table.set_trouble(None);
    };
    tokio::join!(days, pair.a.run_for_without_end(Duration::from_mins(10)));
    let log: Vec<LeaseNews> = news(&pair.a).into_iter().map(|(_, news)| news).skip(2).collect();
    let kinds: Vec<&str> = log
        .iter()
        .map(|news| match news {
            LeaseNews::Trouble(_) => "trouble",
            LeaseNews::Lost { .. } => "lost",
            LeaseNews::TroubleOver => "over",
            LeaseNews::Taken {
                epoch: 1,
                how: How::Again,
            } => "again",
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, ["trouble", "lost", "over", "again"], "{log:?}");
    assert_eq!(pair.a.phase("y"), Phase::Streaming);
}

#[tokio::test(start_paused = true)]
async fn a_converging_run_waits_for_the_lease_within_its_limit() {
    for (adjust, waits) in [
        ((|_| {}) as fn(&mut Settings), true),
        (|settings| settings.waits_for_lease = false, false),
    ] {
        let mut pair = pair_with(adjust).await;
        let begun = Instant::now();
        let until = Until::Converged {
            deadline: begun + Duration::from_mins(3),
        };
        let never = CancellationToken::new();
        let (asked, stop) = (CancellationToken::new(), CancellationToken::new());
        let b = async {
            let ended = pair.b.controller.run(until, &never).await;
            let at = begun.elapsed();
            stop.cancel();
            (ended, at)
        };
        let a = async {
            tokio::select! {
                _ = pair.a.controller.run(Until::Asked, &asked) => {}
                () = stop.cancelled() => {}
            }
        };
        let ((ended, at), ()) = tokio::join!(b, a);
        assert!(matches!(ended, Ended::NoLease(_)), "{ended:?}");
        assert_eq!(at >= Duration::from_mins(3), waits, "{at:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lasting_trouble_is_reported_once_and_ends_only_a_converge() {
    let declared = desired(pool(&["1"]), vec![wanted("x")]);
    let emulator = Emulator::new(Options::default(), fleet(&declared));
    let script = Script::new(declared);
    let table = Memory::default();
    table.set_trouble(Some(LeaseTableErrorKind::Denied));
    let mut daemon = replica("a", &emulator, &script, table.clone(), |_| {});
    daemon.run_for_without_end(Duration::from_mins(5)).await;
    assert_eq!(news(&daemon).len(), 1, "{:?}", news(&daemon));
    assert_eq!((daemon.writes().len(), daemon.phase("x")), (0, Phase::Pending));
    assert_eq!(is_leader(&daemon).0, ConditionStatus::Unknown);

    let mut once = replica("b", &emulator, &script, table, |_| {});
    let ended = timeout(Duration::from_mins(2), once.converge(60)).await.unwrap();
    assert!(matches!(ended, Ended::NoLease(_)), "{ended:?}");
    assert!(once.writes().is_empty());
}

/// Counted on from there the next epoch would be 0, which others had before.
#[tokio::test(start_paused = true)]
async fn an_epoch_without_a_successor_is_not_taken_and_reported() {
    let by_hand = |holder: Option<&str>, epoch, renewal| Row {
        holder: holder.map(Into::into),
        epoch,
        renewal,
        duration: LEASE,
    };
    for (epoch, renewal, said) in [
        (u64::MAX, 1, "epoch is 18446744073709551615"),
        (1, u64::MAX, "renewal is 18446744073709551615"),
    ] {
        let mut pair = pair().await;
        drop(pair.b);
        let writes = pair.a.writes().len();
        // While it leads: it may not lead on.
        pair.table_of_a.set_row(by_hand(None, epoch, renewal));
        switch(&pair.script, "y", WantedState::Streaming);
        sleep(LEASE).await;
        pair.a.run_for_without_end(Duration::from_mins(5)).await;
        let log = news(&pair.a);
        let trouble = log.iter().find_map(|(_, news)| match news {
            LeaseNews::Trouble(trouble) => Some(trouble.to_string()),
            _ => None,
        });
        assert!(
            trouble.as_ref().is_some_and(|text| text.contains(said)),
            "{log:?}"
        );
        assert_eq!(pair.a.writes().len(), writes);

        pair.table_of_a.set_row(by_hand(None, 40, 1));
        pair.a.run_for_without_end(Duration::from_mins(5)).await;
        assert_eq!(writers(&pair.a).last().unwrap(), "a.41");
        assert_eq!(pair.a.phase("y"), Phase::Streaming);
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_lease_keeper_the_controller_ends() {
    let mut pair = pair().await;
    drop(pair.b);
    pair.table_of_a.break_down();
    let writes = pair.a.writes().len();
    let days = async {
        sleep(Duration::from_secs(5)).await;
        switch(&pair.script, "y", WantedState::Streaming);
    };
    let asked = CancellationToken::new();
    let run = timeout(
        Duration::from_mins(5),
        pair.a.controller.run(Until::Asked, &asked),
    );
    let (ended, ()) = tokio::join!(run, days);
    assert!(matches!(ended, Ok(Ended::LeaseLost)), "{ended:?}");
    assert_eq!(pair.a.writes().len(), writes);
    let last = news(&pair.a).pop().unwrap().1;
    assert!(matches!(last, LeaseNews::Lost { .. }), "{last:?}");
}
