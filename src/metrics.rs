//! Metrics for Prometheus.
//!
//! ```text
//!   events of the controller ──► counters, histograms ─┐
//!   requests to MediaLive    ──► counters, histograms ─┼──► text, on request
//!   the last view, the lease ──► gauges               ─┘
//! ```
//!
//! Labels have values out of fixed sets only: codes, states, actions. Never a name, a URL or a key.

mod maker;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus::{
    Gauge, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry, TextEncoder,
};
use tokio::time::Instant;

use self::maker::{Described, Maker};
use crate::controller::{Event, Listener, Pulse, StepOutcome, View};
use crate::medialive::Meter;
use crate::model::{ChannelId, ChannelState, OutputState};
use crate::plan::{Content, OutputReason, Waiting};
use crate::status::Phase;
use crate::write_lease::Holding;

/// The media type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The service whose answers show that slotwise can work.
const MEDIALIVE: &str = "medialive";

/// The state of a channel that could not be seen.
const NOT_SEEN: &str = "NOT_SEEN";

/// From a steady cycle on a small pool to the first look at a large account.
const CYCLE_SECONDS: [f64; 10] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 300.0];

/// An attempt takes as long as its timeout at most, 10 s by default.
const REQUEST_SECONDS: [f64; 9] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// An update and a start take about 2 min; a start of 10 min is still normal.
const ON_AIR_SECONDS: [f64; 10] = [5.0, 15.0, 30.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0, 1800.0];

/// A metric that cannot be made: a defect, as their names are constants.
#[derive(Debug, thiserror::Error)]
#[error("a metric cannot be made; please report this")]
pub struct MetricsError(#[from] prometheus::Error);

/// Everything that is counted. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    described: Vec<Described>,
    cycles: Cycles,
    now: Now,
    lease: Lease,
    steps: Steps,
    requests: Requests,
    /// When a request to MediaLive last ended, whatever came of it.
    last_request: Mutex<Option<Instant>>,
    /// Held while the gauges are set and read, so that two requests at once do not mix their values.
    reading: Mutex<()>,
}

impl Metrics {
    /// Nothing was counted yet.
    pub fn new() -> Result<Self, MetricsError> {
        let mut maker = Maker::default();
        let build_info =
            maker.gauges(("build_info", &["version"], "1; which version of slotwise this is"))?;
        build_info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let (cycles, now) = (Cycles::new(&mut maker)?, Now::new(&mut maker)?);
        let lease = Lease::new(&mut maker)?;
        let (steps, requests) = (Steps::new(&mut maker)?, Requests::new(&mut maker)?);
        Ok(Self(Arc::new(Inner {
            registry: maker.registry,
            described: maker.described,
            cycles,
            now,
            lease,
            steps,
            requests,
            last_request: Mutex::default(),
            reading: Mutex::default(),
        })))
    }

    /// Counts the events of `listener`.
    pub fn beside(&self, mut listener: Listener) -> Listener {
        let metrics = self.clone();
        // At most one step of a channel is under way, so this is as small as the number of channels.
        let mut begun = BTreeMap::new();
        Box::new(move |event| {
            metrics.count(&event, &mut begun);
            listener(event);
        })
    }

    /// When a request to MediaLive last ended.
    pub fn last_request(&self) -> Option<Instant> {
        *self.0.last_request.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of it in the text format of Prometheus, 0.0.4.
    pub fn text(&self, pulse: &Pulse) -> Result<String, MetricsError> {
        let _alone = self.0.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(view) = &pulse.view {
            self.0.now.set(view);
        }
        self.0.lease.set(pulse.lease.held_for().as_ref(), Instant::now());
        Ok(TextEncoder::new().encode_to_string(&self.0.registry.gather())?)
    }

    /// Every metric, as a table in Markdown.
    pub fn reference(&self) -> String {
        let mut page = String::from("| metric | type | labels | meaning |\n|---|---|---|---|\n");
        for Described {
            name,
            kind,
            labels,
            help,
        } in &self.0.described
        {
            let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
            // Writing to a String cannot fail.
            writeln!(page, "| `{name}` | {kind} | {} | {help} |", labels.join(", ")).ok();
        }
        page
    }

    fn count(&self, event: &Event, begun: &mut BTreeMap<ChannelId, Begun>) {
        match event {
            Event::SourceRead { trusted: false } => self.0.cycles.source_load_errors.inc(),
            Event::CycleEnded { succeeded, took } => self.0.cycles.ended(*succeeded, *took),
            Event::StepBegun { channel, step, .. } => {
                let step = Begun {
                    reason: step.reason.code(),
                    interrupts: step.interrupts.len(),
                };
                begun.insert(channel.clone(), step);
            }
            Event::StepEnded {
                channel,
                action,
                outcome,
                ..
            } => {
                if let Some(step) = begun.remove(channel) {
                    self.0.steps.ended(action, &step, outcome);
                }
            }
            Event::OutputStepEnded {
                action,
                reason,
                outcome,
                ..
            } => {
                let step = Begun {
                    reason: reason.code(),
                    interrupts: usize::from(*action == "stop" && *reason == OutputReason::Retarget),
                };
                self.0.steps.ended(action, &step, outcome);
            }
            Event::WentOffAir { reason, .. } => {
                self.0.steps.interruptions.with_label_values(&[*reason]).inc();
            }
            Event::PhaseChanged {
                wanted_for: Some(time),
                ..
            } => self.0.steps.commit_to_on_air.observe(time.as_secs_f64()),
            _ => {}
        }
    }
}

impl Meter for Metrics {
    fn waited(&self, service: &'static str, time: Duration) {
        let wait = &self.0.requests.limiter_wait;
        wait.with_label_values(&[service]).observe(time.as_secs_f64());
    }

    fn ended(&self, service: &'static str, operation: &'static str, code: &'static str, took: Duration) {
        self.0.requests.ended(service, operation, code, took);
        if service != MEDIALIVE {
            return;
        }
        *self.0.last_request.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

/// A step under way.
#[derive(Debug)]
struct Begun {
    reason: &'static str,
    interrupts: usize,
}

/// How cycles go.
#[derive(Debug)]
struct Cycles {
    total: IntCounterVec,
    seconds: Histogram,
    source_load_errors: IntCounter,
}

impl Cycles {
    fn new(maker: &mut Maker) -> prometheus::Result<Self> {
        let total = maker.counters((
            "cycles_total",
            &["result"],
            "cycles that ended: `ok`, or `error` where they made no plan",
        ))?;
        for result in ["ok", "error"] {
            total.with_label_values(&[result]);
        }
        Ok(Self {
            total,
            seconds: maker.histogram(
                (
                    "cycle_seconds",
                    &[],
                    "how long a cycle took: load, look, plan, check, and begin steps",
                ),
                &CYCLE_SECONDS,
            )?,
            source_load_errors: maker.counter((
                "source_load_errors_total",
                &[],
                "loads of the source that failed or could not be trusted to be whole",
            ))?,
        })
    }

    fn ended(&self, succeeded: bool, took: Duration) {
        let result = if succeeded { "ok" } else { "error" };
        self.total.with_label_values(&[result]).inc();
        self.seconds.observe(took.as_secs_f64());
    }
}

/// What the last view shows.
#[derive(Debug)]
struct Now {
    last_success: Gauge,
    source_trusted: IntGauge,
    destinations: IntGaugeVec,
    slots: IntGaugeVec,
    channels: IntGaugeVec,
    router_outputs: IntGaugeVec,
    router_outputs_with_messages: IntGauge,
    waiting: IntGaugeVec,
}

impl Now {
    fn new(maker: &mut Maker) -> prometheus::Result<Self> {
        Ok(Self {
            last_success: maker.seconds((
                "last_success_timestamp_seconds",
                &[],
                "when the last cycle that made a plan looked, in Unix time; 0 before the first one",
            ))?,
            source_trusted: maker.gauge((
                "source_trusted",
                &[],
                "1 while the source is trusted to be whole, as the condition `SourceTrusted` says; 0 before the \
                 first cycle",
            ))?,
            destinations: maker.gauges(("destinations", &["phase"], "destinations in each phase"))?,
            slots: maker.gauges((
                "slots",
                &["state"],
                "slots that hold a `destination`, its `previous` target, an `undeclared` one, a `vanished` destination, \
                 a `surplus` copy or none (`parked`), or are `unusable`",
            ))?,
            channels: maker.gauges((
                "channels",
                &["state"],
                "channels of the pools, and owned channels in no pool, in each state of MediaLive, and `NOT_SEEN`",
            ))?,
            router_outputs: maker.gauges((
                "router_outputs",
                &["state"],
                "router outputs of the RouterPools, in each state of MediaConnect",
            ))?,
            router_outputs_with_messages: maker.gauge((
                "router_outputs_with_messages",
                &[],
                "router outputs of the RouterPools about which MediaConnect has a message: something is wrong with them",
            ))?,
            waiting: maker.gauges((
                "waiting",
                &["reason"],
                "destinations that wait, by reason",
            ))?,
        })
    }

    fn set(&self, view: &View) {
        #[expect(
            clippy::cast_precision_loss,
            reason = "milliseconds since 1970 are exact in 53 bits"
        )]
        self.last_success.set(view.at.as_millisecond() as f64 / 1_000.0);
        self.source_trusted
            .set(i64::from(view.status.is_source_trusted()));
        let phases = view.status.destinations.iter().map(|one| one.phase.as_str());
        set(&self.destinations, &Phase::ALL.map(Phase::as_str), phases);
        let channels = &view.plan.channels;
        let slots = channels.iter().flat_map(|one| &one.slots);
        set(&self.slots, &SLOT_STATES, slots.map(|slot| slot_state(&slot.now)));
        let states = channels
            .iter()
            .map(|one| one.seen.as_ref().map_or(NOT_SEEN, |seen| seen.state.as_str()));
        let mut all = ChannelState::ALL.map(ChannelState::as_str).to_vec();
        all.push(NOT_SEEN);
        set(&self.channels, &all, states);
        let outputs = view.plan.outputs().filter_map(|one| one.state);
        let all = OutputState::ALL.map(OutputState::as_str);
        set(&self.router_outputs, &all, outputs.map(OutputState::as_str));
        let told = view.plan.outputs().filter(|one| !one.messages.is_empty());
        let told = i64::try_from(told.count()).unwrap_or(i64::MAX);
        self.router_outputs_with_messages.set(told);
        let waiting = view
            .plan
            .destinations
            .iter()
            .filter_map(|one| one.waiting.as_ref());
        set(&self.waiting, &[], waiting.map(Waiting::code));
    }
}

/// Sets `gauges` to how often each label is among `seen`: 0 for those of `all` that are not.
fn set(gauges: &IntGaugeVec, all: &[&str], seen: impl Iterator<Item = &'static str>) {
    gauges.reset();
    for label in all {
        gauges.with_label_values(&[*label]);
    }
    for label in seen {
        gauges.with_label_values(&[label]).inc();
    }
}

/// What a slot may hold, as label.
const SLOT_STATES: [&str; 7] = [
    "destination",
    "previous",
    "parked",
    "surplus",
    "undeclared",
    "unusable",
    "vanished",
];

fn slot_state(content: &Content) -> &'static str {
    match content {
        Content::Destination(_) => "destination",
        Content::Previous(_) => "previous",
        Content::Surplus(_) => "surplus",
        Content::Vanished(_) => "vanished",
        Content::Parked => "parked",
        Content::Undeclared { .. } => "undeclared",
        Content::Unusable { .. } => "unusable",
    }
}

/// What this process holds of the lease.
#[derive(Debug)]
struct Lease {
    held: IntGauge,
    remaining: Gauge,
    epoch: IntGauge,
}

impl Lease {
    fn new(maker: &mut Maker) -> prometheus::Result<Self> {
        Ok(Self {
            held: maker.gauge((
                "lease_held",
                &[],
                "1 while this process holds the lease, by the table or the locked file, and so is the one that acts",
            ))?,
            remaining: maker.seconds((
                "lease_remaining_seconds",
                &[],
                "how long the lease lasts unless it is renewed; `+Inf` for a locked file, 0 while it is not held",
            ))?,
            epoch: maker.gauge((
                "lease_epoch",
                &[],
                "how often the lease in the table has changed hands, as of this process's turn; 0 for a locked file and \
                 while it is not held",
            ))?,
        })
    }

    fn set(&self, holding: Option<&Holding>, now: Instant) {
        self.held.set(i64::from(holding.is_some()));
        let (remaining, epoch) = match holding {
            None => (0.0, 0),
            Some(Holding { until, epoch, .. }) => {
                let left = until.map(|until| until.saturating_duration_since(now));
                (left.map_or(f64::INFINITY, |left| left.as_secs_f64()), *epoch)
            }
        };
        self.remaining.set(remaining);
        self.epoch.set(i64::try_from(epoch).unwrap_or(i64::MAX));
    }
}

/// Every kind of step and why it is taken. Counted from 0, so that the first one is an increase.
const STEPS: [(&str, &str); 19] = [
    ("adopt", "AdoptUnowned"),
    ("record", "RecordSlots"),
    ("record", "RecordTakeover"),
    ("update", "UpdateSlots"),
    ("start", "StartWanted"),
    ("stop", "StopForUpdate"),
    ("stop", "StopUnwanted"),
    ("stop", "NotDeclared"),
    ("create", "Wanted"),
    ("route", "Wanted"),
    ("start", "Wanted"),
    ("start", "ComesBack"),
    ("stop", "NotWanted"),
    ("stop", "TargetChanged"),
    ("stop", "Surplus"),
    ("stop", "Moved"),
    ("update", "TargetChanged"),
    ("restart", "Failed"),
    ("delete", "KeptLongEnough"),
];

const OUTCOMES: [&str; 4] = ["accepted", "already_done", "stale", "failed"];

/// What takes a wanted destination off air beside a stop of ours.
const LOSSES: [&str; 8] = [
    "ChannelStopped",
    "ChannelRecovering",
    "TargetGone",
    "OutputStopped",
    "OutputFailed",
    "OutputRecovering",
    "OutputGone",
    "InputStopped",
];

/// What was done.
#[derive(Debug)]
struct Steps {
    actions: IntCounterVec,
    interruptions: IntCounterVec,
    commit_to_on_air: Histogram,
}

impl Steps {
    fn new(maker: &mut Maker) -> prometheus::Result<Self> {
        let actions = maker.counters((
            "actions_total",
            &["action", "reason", "outcome"],
            "steps on channels and router outputs that ended: `accepted`, `already_done`, `stale` (planned again) or \
             `failed` (tried again later); `create`, `route`, `restart`, `delete` and `release` are of router outputs only, `forget` of what feeds them",
        ))?;
        for (action, reason) in STEPS {
            for outcome in OUTCOMES {
                actions.with_label_values(&[action, reason, outcome]);
            }
        }
        let interruptions = maker.counters((
            "interruptions_total",
            &["reason"],
            "wanted destinations that went off air, by the reason of the stop, or by what happened to the channel or \
             the router output: `ChannelStopped` or `OutputStopped` by others, `ChannelRecovering`, `OutputRecovering`, `TargetGone`, \
             `OutputFailed`, `OutputGone`, `InputStopped` with what feeds it",
        ))?;
        let stops = STEPS.iter().filter(|(action, _)| *action == "stop");
        for reason in stops.map(|(_, reason)| *reason).chain(LOSSES) {
            interruptions.with_label_values(&[reason]);
        }
        let commit_to_on_air = maker.histogram(
            (
                "commit_to_on_air_seconds",
                &[],
                "from the moment that slotwise read that a destination is wanted until it was first seen on air",
            ),
            &ON_AIR_SECONDS,
        )?;
        Ok(Self {
            actions,
            interruptions,
            commit_to_on_air,
        })
    }

    fn ended(&self, action: &str, step: &Begun, outcome: &StepOutcome) {
        let outcome_label = match outcome {
            StepOutcome::Accepted => "accepted",
            StepOutcome::AlreadyDone => "already_done",
            StepOutcome::Stale { .. } => "stale",
            StepOutcome::Failed { .. } => "failed",
        };
        self.actions
            .with_label_values(&[action, step.reason, outcome_label])
            .inc();
        if *outcome == StepOutcome::Accepted && step.interrupts > 0 {
            self.interruptions
                .with_label_values(&[step.reason])
                .inc_by(step.interrupts as u64);
        }
    }
}

/// Requests that left this process.
#[derive(Debug)]
struct Requests {
    total: IntCounterVec,
    seconds: HistogramVec,
    throttles: IntCounterVec,
    limiter_wait: HistogramVec,
}

impl Requests {
    fn new(maker: &mut Maker) -> prometheus::Result<Self> {
        let total = maker.counters((
            "aws_requests_total",
            &["service", "operation", "code"],
            "requests to `medialive`, and to `mediaconnect` where a RouterPool is declared, retries one by one: `ok`, or the \
             kind of error",
        ))?;
        let seconds = maker.histograms(
            (
                "aws_request_seconds",
                &["service", "operation"],
                "how long a request took, without waiting for its turn",
            ),
            &REQUEST_SECONDS,
        )?;
        let throttles = maker.counters((
            "aws_throttles_total",
            &["service"],
            "requests that were answered with: too many requests",
        ))?;
        throttles.with_label_values(&[MEDIALIVE]);
        let limiter_wait = maker.histograms(
            (
                "rate_limiter_wait_seconds",
                &["service"],
                "how long a request waited for its turn (`--medialive-rps`; MediaConnect is asked 4 times a second)",
            ),
            &REQUEST_SECONDS,
        )?;
        limiter_wait.with_label_values(&[MEDIALIVE]);
        Ok(Self {
            total,
            seconds,
            throttles,
            limiter_wait,
        })
    }

    fn ended(&self, service: &str, operation: &str, code: &str, took: Duration) {
        self.total.with_label_values(&[service, operation, code]).inc();
        self.seconds
            .with_label_values(&[service, operation])
            .observe(took.as_secs_f64());
        if code == crate::medialive::CallErrorKind::Throttled.label() {
            self.throttles.with_label_values(&[service]).inc();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write_lease::WriteLease;

    #[derive(Debug)]
    struct Held(Option<Holding>);

    impl WriteLease for Held {
        fn held_for(&self) -> Option<Holding> {
            self.0.clone()
        }
    }

    /// What is told of the lease of which this is held.
    fn told(holding: Option<Holding>) -> Vec<String> {
        let pulse = Pulse {
            began: Instant::now(),
            cycle_ended: None,
            view: None,
            lease: Arc::new(Held(holding)),
        };
        let text = Metrics::new().unwrap().text(&pulse).unwrap();
        let lines = text
            .lines()
            .filter_map(|line| line.strip_prefix("slotwise_lease_"));
        lines.map(str::to_owned).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_lease_is_told_as_of_the_moment_of_asking() {
        let until = Instant::now() + Duration::from_secs(12);
        let in_table = Holding {
            until: Some(until),
            stamp: None,
            epoch: 7,
        };
        assert_eq!(
            told(Some(in_table.clone())),
            ["epoch 7", "held 1", "remaining_seconds 12"]
        );
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(told(Some(in_table)), ["epoch 7", "held 1", "remaining_seconds 8"]);
        let locked_file = Holding::default();
        assert_eq!(
            told(Some(locked_file)),
            ["epoch 0", "held 1", "remaining_seconds inf"]
        );
        assert_eq!(told(None), ["epoch 0", "held 0", "remaining_seconds 0"]);
    }

    #[test]
    fn every_state_of_a_slot_is_explained() {
        let reference = Metrics::new().unwrap().reference();
        let slots = reference
            .lines()
            .find(|line| line.contains("`slotwise_slots`"))
            .unwrap();
        for state in SLOT_STATES {
            assert!(slots.contains(&format!("`{state}`")), "{state}: {slots}");
        }
    }
}
