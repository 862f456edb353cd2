//! What is counted is what happened, in virtual time.

use std::collections::BTreeMap;
use std::time::Duration;

use slotwise::testing::api::Access;
use slotwise::testing::emulator::{Fault, FaultKind, Operation};
use slotwise::testing::model::{Interrupt, WantedState};

use super::live::{Live, ask};
use crate::stage::{desired, pool, ready, wanted};

/// The samples of a text in the format of Prometheus 0.0.4: what stands before the value, and the value.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let mut typed = BTreeMap::new();
    let mut samples = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(typed.insert(name, kind).is_none(), "{name} is described twice");
        } else if !line.starts_with("# HELP ") {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            let name = sample.split('{').next().unwrap();
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end).filter(|family| typed.contains_key(family)))
                .unwrap_or(name);
            assert!(typed.contains_key(family), "{line} has no type");
            assert!(
                samples
                    .insert(sample.to_owned(), value.parse().unwrap())
                    .is_none(),
                "{sample} twice"
            );
        }
    }
    samples
}

async fn scrape(live: &Live) -> BTreeMap<String, f64> {
    samples(&ask(&live.router(Access::Local), "/metrics").await.body)
}

#[tokio::test(start_paused = true)]
async fn steps_interruptions_and_requests_are_counted_once_each() {
    let mut pool = pool(&["1", "2"]);
    pool.disruption.interrupt = Interrupt::Anytime;
    pool.channels.truncate(1);
    let mut live = Live::new(desired(pool, vec![wanted("a"), ready("b")]));
    let before = scrape(&live).await;
    assert!(
        before["slotwise_source_trusted"].abs() < 0.5,
        "nothing was seen yet"
    );
    live.converge().await;
    live.script
        .change(|desired| desired.destination_mut("b").unwrap().state = WantedState::Streaming);
    live.converge().await;
    let samples = scrape(&live).await;
    let is_counted = |sample: &&String| {
        sample.starts_with("slotwise_actions_total") || sample.starts_with("slotwise_interruptions_total")
    };
    for sample in samples.keys().filter(is_counted) {
        assert!(before[sample] < 0.5, "{sample} does not begin with 0");
    }
    let is = |sample: &str, expected: f64| {
        let value = samples.get(sample).copied().unwrap_or(f64::NAN);
        assert!(
            (value - expected).abs() < 0.5,
            "{sample} is {value}, not {expected}"
        );
    };
    is(
        r#"slotwise_actions_total{action="update",outcome="accepted",reason="UpdateSlots"}"#,
        2.0,
    );
    is(
        r#"slotwise_actions_total{action="start",outcome="accepted",reason="StartWanted"}"#,
        2.0,
    );
    is(
        r#"slotwise_actions_total{action="stop",outcome="accepted",reason="StopForUpdate"}"#,
        1.0,
    );
    is(r#"slotwise_interruptions_total{reason="StopForUpdate"}"#, 1.0);
    is("slotwise_commit_to_on_air_seconds_count", 2.0);
    is(r#"slotwise_destinations{phase="Streaming"}"#, 2.0);
    is(r#"slotwise_destinations{phase="Error"}"#, 0.0);
    is(r#"slotwise_channels{state="RUNNING"}"#, 1.0);
    is(r#"slotwise_channels{state="IDLE"}"#, 0.0);
    is(r#"slotwise_slots{state="destination"}"#, 2.0);
    is(r#"slotwise_slots{state="parked"}"#, 1.0);
    is("slotwise_source_trusted", 1.0);
    is("slotwise_lease_held", 1.0);
    is("slotwise_source_load_errors_total", 0.0);
    is(r#"slotwise_cycles_total{result="error"}"#, 0.0);
    is(
        "slotwise_cycle_seconds_count",
        samples[r#"slotwise_cycles_total{result="ok"}"#],
    );
    for operation in [
        "ListChannels",
        "DescribeChannel",
        "UpdateChannel",
        "StartChannel",
        "StopChannel",
        "CreateTags",
    ] {
        let calls = live.emulator.calls();
        let called = calls.iter().filter(|call| call.operation == operation).count();
        let sample = format!(
            r#"slotwise_aws_requests_total{{code="ok",operation="{operation}",service="medialive"}}"#
        );
        is(&sample, f64::from(u32::try_from(called).unwrap()));
    }
    let all: f64 = samples
        .iter()
        .filter(|(sample, _)| sample.starts_with("slotwise_aws_requests_total"))
        .map(|(_, value)| value)
        .sum();
    is(
        r#"slotwise_rate_limiter_wait_seconds_count{service="medialive"}"#,
        all,
    );
}

#[tokio::test(start_paused = true)]
async fn what_goes_wrong_is_counted_under_its_code() {
    let mut live = Live::new(desired(pool(&["1"]), vec![wanted("a")]));
    for (kind, operation) in [
        (FaultKind::Throttle, Operation::ListChannels),
        (FaultKind::Throttle, Operation::StartChannel),
    ] {
        let mut fault = Fault::new(kind).times(1);
        fault.matcher.operation = Some(operation);
        live.emulator.inject(fault);
    }
    live.converge().await;
    let samples = scrape(&live).await;
    for operation in ["ListChannels", "StartChannel"] {
        let sample = format!(
            r#"slotwise_aws_requests_total{{code="throttled",operation="{operation}",service="medialive"}}"#
        );
        assert!((samples[&sample] - 1.0).abs() < 0.5, "{sample}");
    }
    assert!((samples[r#"slotwise_aws_throttles_total{service="medialive"}"#] - 2.0).abs() < 0.5);
    let failed = r#"slotwise_actions_total{action="start",outcome="failed",reason="StartWanted"}"#;
    assert!((samples[failed] - 1.0).abs() < 0.5);
}

#[tokio::test(start_paused = true)]
async fn waiting_destinations_are_counted_by_reason() {
    let mut live = Live::new(desired(pool(&["1"]), vec![wanted("a")]));
    live.converge().await;
    live.script.change(|desired| {
        let b = std::sync::Arc::new(wanted("b"));
        desired.destinations.insert(b.name.clone(), b);
    });
    live.run_for(Duration::from_mins(5)).await;
    let waiting = r#"slotwise_waiting{reason="InterruptionForbidden"}"#;
    assert!((scrape(&live).await[waiting] - 1.0).abs() < 0.5);
    live.script
        .change(|desired| desired.destination_mut("b").unwrap().state = WantedState::Ready);
    live.run_for(Duration::from_mins(5)).await;
    assert_eq!(scrape(&live).await.get(waiting), None);
}

#[tokio::test(start_paused = true)]
async fn the_reference_tells_of_every_metric_that_there_is() {
    let mut pool = pool(&["1"]);
    pool.disruption.interrupt = Interrupt::Anytime;
    let mut unlucky = wanted("c");
    unlucky.interruptible = false;
    unlucky.state = WantedState::Ready;
    let mut live = Live::new(desired(pool, vec![wanted("a"), ready("b"), unlucky]));
    live.converge().await;
    for name in ["b", "c"] {
        live.script
            .change(|desired| desired.destination_mut(name).unwrap().state = WantedState::Streaming);
        live.converge().await;
    }
    live.script.change(|desired| {
        let d = std::sync::Arc::new(wanted("d"));
        desired.destinations.insert(d.name.clone(), d);
    });
    live.converge().await;
    let text = ask(&live.router(Access::Local), "/metrics").await.body;
    let mut shown: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    let reference = live.metrics.reference();
    let mut reported: Vec<&str> = reference
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    shown.sort_unstable();
    reported.sort_unstable();
    assert_eq!(shown, reported);
}
