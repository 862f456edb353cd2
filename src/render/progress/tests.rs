use std::sync::Arc;

use super::super::samples::{self, CANARY};
use super::*;
use crate::manifest::{Location, ObjectId, Severity};
use crate::store::changes::Changed;

fn log(events: &[Event], style: Style) -> String {
    let mut lines = Vec::new();
    for (second, one) in (0_i8..).zip(events) {
        let stamp = Stamp::Clock(Time::constant(12, 0, second, 0));
        lines.extend(event(one, stamp, style));
    }
    let text = lines.join("\n");
    assert!(!text.contains(CANARY), "a key is shown:\n{text}");
    text
}

fn going_on_air() -> Vec<Event> {
    let plan = samples::start_two();
    let mut events = vec![
        Event::SourceLoaded {
            pools: 1,
            destinations: 5,
            problems: Vec::new(),
            rejected: Vec::new(),
            changes: vec![
                Change {
                    object: Changed::Pool("main".into()),
                    what: "placement Spread → Pack".to_owned(),
                },
                Change {
                    object: Changed::Destination("facebook".into()),
                    what: "Ready → Streaming".to_owned(),
                },
            ],
        },
        Event::Planned(Arc::new(plan.clone())),
    ];
    for step in &plan.channels[0].steps {
        events.push(Event::StepBegun {
            channel: "4000001".into(),
            channel_name: "live-1".to_owned(),
            step: step.clone(),
        });
    }
    events.extend([
        Event::StepEnded {
            channel: "4000001".into(),
            action: "start",
            outcome: StepOutcome::Accepted,
            took: Duration::from_millis(210),
        },
        Event::StateChanged {
            channel: "4000001".into(),
            from: Some(ChannelState::Starting),
            to: ChannelState::Running,
            after: Some(Duration::from_millis(3_140)),
        },
        Event::PhaseChanged {
            destination: "youtube-main".into(),
            from: Some(Phase::Starting),
            to: Phase::Streaming,
            message: "on air in 4000001/RTMP-Slot-1".to_owned(),
            ways_out: Vec::new(),
            wanted_for: Some(Duration::from_secs(4)),
        },
        Event::Converged {
            totals: Box::new(Totals {
                wanted: 4,
                on_air: 3,
                waiting: vec!["facebook".into()],
                ..Totals::default()
            }),
            interruptions: 1,
            took: Duration::from_millis(4_200),
        },
    ]);
    events
}

#[test]
fn going_on_air_reads_in_order() {
    insta::assert_snapshot!(log(&going_on_air(), Style::PLAIN), @"
    12:00:00  source              1 pool and 5 destinations
                pool main  placement Spread → Pack
                facebook   Ready → Streaming
    12:00:01  plan                1 adoption, 1 update, 1 start, 0 stops · 2 go on air, 1 waits ·
                                  interruptions 0 (least possible 0) · 6 API calls
                twitch-main   → 4000001/RTMP-Slot-2  same group: launch-event
                youtube-main  → 4000001/RTMP-Slot-1  new; on a stopped channel, interrupts nothing
                facebook  waits: InterruptionForbidden
                  4000002 has a place for it, but corp-cdn is on air there and the pool never interrupts
                  ways out: set disruption.interrupt: Anytime in pool main, with Start in for: (corp-cdn
                  off air about 3 min) · just this once: apply with --interrupt facebook · set state:
                  Ready for corp-cdn · add a channel to channels: of pool main
    12:00:02  4000001 (live-1)    adopt  not owned yet; adopted by default
    12:00:03  4000001 (live-1)    update  slots differ from what is wanted, about 10 s
                RTMP-Slot-1 ← youtube-main
                RTMP-Slot-2 ← twitch-main
    12:00:04  4000001 (live-1)    start  wanted: twitch-main and youtube-main, about 2 min 30 s
    12:00:05  4000001             start accepted after 0.2 s
    12:00:06  4000001             STARTING → RUNNING after 3.1 s
    12:00:07  youtube-main        Streaming  on air in 4000001/RTMP-Slot-1, 4.0 s after it was wanted
    12:00:08  partial             3 of 4 on air; waiting: facebook; 1 interruption; took 4.2 s
    ");
}

#[test]
fn each_change_of_the_lease_is_one_line() {
    let holder = || "web-1-4711-c0ffee".into();
    let news = [
        LeaseNews::Vacant {
            wait: Duration::from_secs(15),
        },
        LeaseNews::Standby {
            holder: holder(),
            epoch: 7,
        },
        LeaseNews::Taken {
            epoch: 8,
            how: How::Silence {
                of: holder(),
                after: Duration::from_millis(15_200),
            },
        },
        LeaseNews::Lost {
            why: "not renewed within 15 s".into(),
        },
        LeaseNews::Taken {
            epoch: 8,
            how: How::Again,
        },
        LeaseNews::Released,
    ];
    let style = Style {
        color: false,
        width: 120,
    };
    insta::assert_snapshot!(log(&news.map(Event::Lease), style), @r"
    12:00:00  lease               standby: no lease row; a new one is free in 15.0 s, once no process holds an old one
    12:00:01  lease               standby: web-1-4711-c0ffee holds the lease (epoch 7)
    12:00:02  lease               took over, epoch 8, after 15.2 s without a renewal by web-1-4711-c0ffee
    12:00:03  lease               lost the lease: not renewed within 15 s; nothing more is written
    12:00:04  lease               holds the lease again, epoch 8
    12:00:05  lease               gave the lease back
    ");
}

#[test]
fn bad_days_say_what_failed_and_what_happens_next() {
    let problem = Problem {
        location: Location {
            file: "live/a.yaml".into(),
            line: 3,
            column: 1,
            item: None,
        },
        severity: Severity::Error,
        object: None,
        field: String::new(),
        message: "not YAML: mapping values are not allowed here".to_owned(),
        fix: "indent with spaces".to_owned(),
    };
    let events = [
        Event::SourceLoaded {
            pools: 1,
            destinations: 4,
            problems: vec![problem.clone()],
            rejected: vec![Rejected {
                object: ObjectId {
                    kind: "Destination".to_owned(),
                    name: "facebook".to_owned(),
                },
                problem,
                last_good: true,
            }],
            changes: Vec::new(),
        },
        Event::SourceDoubted {
            why: "live/ is empty".to_owned(),
        },
        Event::StepEnded {
            channel: "4000001".into(),
            action: "update",
            outcome: StepOutcome::Failed {
                what: "UpdateChannel: throttled (429 TooManyRequestsException)".to_owned(),
                retry_in: Duration::from_secs(8),
            },
            took: Duration::from_millis(90),
        },
        Event::StepEnded {
            channel: "4000001".into(),
            action: "start",
            outcome: StepOutcome::Stale {
                why: "the channel is UPDATING".to_owned(),
            },
            took: Duration::from_millis(40),
        },
        Event::PhaseChanged {
            destination: "facebook".into(),
            from: None,
            to: Phase::Pending,
            message: "every slot of pool main that could carry it is taken".to_owned(),
            ways_out: vec!["add a channel to pool main".to_owned()],
            wanted_for: None,
        },
        Event::CycleFailed {
            what: "list channels: no credentials were found; run aws sso login".to_owned(),
            retry_in: Duration::from_mins(1),
        },
        Event::Converged {
            totals: Box::new(Totals {
                wanted: 2,
                on_air: 2,
                ..Totals::default()
            }),
            interruptions: 0,
            took: Duration::from_secs(1),
        },
        Event::Draining,
    ];
    insta::assert_snapshot!(log(&events, Style::PLAIN), @"
    12:00:00  source              1 pool and 4 destinations
                live/a.yaml:3:1: not YAML: mapping values are not allowed here; indent with spaces
                Destination facebook is set aside; its last good declaration stays in force
    12:00:01  source              cannot be trusted: live/ is empty; what is on air stays as it is
    12:00:02  4000001             update failed: UpdateChannel: throttled (429
                                  TooManyRequestsException); next try in 8.0 s
    12:00:03  4000001             start not sent, the channel is UPDATING; planning again
    12:00:04  facebook            Pending  every slot of pool main that could carry it is taken
                ways out: add a channel to pool main
    12:00:05  failed              list channels: no credentials were found; run aws sso login; nothing
                                  on air is touched, next try in 1 min
    12:00:06  converged           2 of 2 on air; took 1.0 s
    12:00:07  ending              calls under way are finished, no new one begins; once more ends at
                                  once
    ");
}

#[test]
fn an_interruption_is_seen_when_it_happens() {
    let plan = samples::interrupt_one();
    let begun = Event::StepBegun {
        channel: "4000001".into(),
        channel_name: "live-1".to_owned(),
        step: plan.channels[0].steps[0].clone(),
    };
    insta::assert_snapshot!(log(&[begun], Style::PLAIN), @"
    12:00:00  4000001 (live-1)    stop  to change archive and youtube-main, about 1 min
                interrupts corp-cdn
    ");
}

#[test]
fn elapsed_times_line_up() {
    let stamp = Stamp::Elapsed(Duration::from_millis(12_340));
    let lines = event(&Event::SourceTrusted, stamp, Style::PLAIN);
    assert_eq!(lines, ["    12.3 s  source              can be trusted again"]);
}
