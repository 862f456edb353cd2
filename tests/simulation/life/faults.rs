//! What goes wrong in a life: processes that die or stand still, tables and calls that fail.

use std::time::Duration;

use rand::Rng;
use rand::seq::{IndexedRandom, IteratorRandom};
use slotwise::testing::controller::lease::LeaseTableErrorKind;
use slotwise::testing::emulator::{Effect, Fault, FaultKind, Operation};

use super::super::leases::Trouble;
use super::super::tap::{Boundary, Calls};
use super::{Life, ToProcess};

impl Life {
    /// In the middle of nothing, or before or after the next calls, and often those that write.
    pub(super) fn die(&mut self) -> ToProcess {
        ToProcess::Dies(self.random.random_bool(0.8).then(|| self.boundary()))
    }

    pub(super) fn freeze(&mut self) -> ToProcess {
        let longest = *[20.0, 120.0, 1_200.0].choose(&mut self.random).unwrap();
        let time = Duration::from_secs_f64(self.random.random_range(1.0..longest));
        ToProcess::Freezes(time, self.random.random_bool(0.6).then(|| self.boundary()))
    }

    pub(super) fn boundary(&mut self) -> Boundary {
        Boundary {
            after: self.random.random_range(0..6),
            at: if self.random.random_bool(0.7) {
                Calls::Writes
            } else {
                Calls::Any
            },
        }
    }

    pub(super) fn lose_table(&mut self) -> ToProcess {
        let kinds = [
            LeaseTableErrorKind::Throttled,
            LeaseTableErrorKind::TimedOut,
            LeaseTableErrorKind::Unreachable,
            LeaseTableErrorKind::Denied,
        ];
        let kind = *kinds.choose(&mut self.random).unwrap();
        let trouble = if self.random.random_bool(0.3) {
            Trouble::Slow(Duration::from_secs_f64(self.random.random_range(0.1..20.0)))
        } else {
            Trouble::Fails {
                kind,
                after_effect: kind == LeaseTableErrorKind::TimedOut && self.random.random_bool(0.5),
            }
        };
        ToProcess::LosesTable {
            trouble,
            lasts: Duration::from_secs(self.random.random_range(1..600)),
        }
    }

    /// The maintenance that AWS does on every channel, once in a while.
    pub(super) fn maintain_all(&mut self) {
        self.note("fault: maintenance of every channel".to_owned());
        for number in 1..=4 {
            self.emulator
                .inject(Fault::new(FaultKind::Maintenance).of(number.to_string()).times(1));
        }
    }

    /// Something goes wrong for a while.
    pub(super) fn fault(&mut self) {
        if self.random.random_bool(0.08) {
            return self.blind_start();
        }
        let random = &mut self.random;
        let effect = if random.random_bool(0.5) {
            Effect::Before
        } else {
            Effect::After
        };
        let times = random.random_range(1..=3);
        let channel = random.random_range(1..=4).to_string();
        let mut fault = match random.random_range(0..13) {
            0 => Fault::new(FaultKind::Throttle),
            1 | 2 => Fault::new(FaultKind::ServerError {
                status: *[500, 502, 504].choose(random).unwrap(),
                effect,
            }),
            3 | 4 => Fault::new(FaultKind::Timeout { effect }),
            5 => Fault::new(FaultKind::Reset { effect }),
            6 => Fault::new(FaultKind::StaleList {
                seconds: random.random_range(1.0..30.0),
            }),
            7 => Fault::new(FaultKind::Slow {
                seconds: random.random_range(1.0..25.0),
            }),
            8 => Fault::new(FaultKind::StartFails).times(times),
            9 => Fault::new(FaultKind::UpdateFails).times(times),
            10 => Fault::new(FaultKind::Recovering { seconds: None })
                .of(&channel)
                .times(1),
            11 => Fault::new(FaultKind::PartialList {
                place: random.random_range(0..4),
            }),
            _ => Fault::new(FaultKind::Maintenance).of(&channel).times(1),
        };
        if !fault.is_event() {
            fault.matcher.rate = random.random_range(0.2..1.0);
            // A daemon at rest lists every few minutes only.
            let of_lists = matches!(
                fault.kind,
                FaultKind::StaleList { .. } | FaultKind::PartialList { .. }
            );
            let longest = if of_lists { 7_200.0 } else { 240.0 };
            fault.matcher.for_seconds = Some(random.random_range(5.0..longest));
            let calls = [
                Operation::DescribeChannel,
                Operation::UpdateChannel,
                Operation::StartChannel,
                Operation::StopChannel,
            ];
            let broad = matches!(
                fault.kind,
                FaultKind::StaleList { .. }
                    | FaultKind::PartialList { .. }
                    | FaultKind::StartFails
                    | FaultKind::UpdateFails
            );
            if !broad && random.random_bool(0.5) {
                fault.matcher.operation = calls.into_iter().choose(random);
                // Or a single channel cannot be looked at, for so long that processes come and go meanwhile.
                if fault.matcher.operation == Some(Operation::DescribeChannel) && random.random_bool(0.5) {
                    fault.matcher.for_seconds = Some(random.random_range(60.0..1_200.0));
                    fault = fault.of(&channel);
                }
            }
        }
        self.inject(fault);
    }

    /// A destination is switched while the outcome of a start is unknown: its reply is lost, lists lag behind, and one channel
    /// cannot be looked at.
    pub(super) fn blind_start(&mut self) {
        let random = &mut self.random;
        let lasts = random.random_range(60.0..600.0);
        let channel = random.random_range(1..=4).to_string();
        let lost = Fault::new(FaultKind::Timeout {
            effect: Effect::After,
        });
        let unseen = Fault::new(FaultKind::ServerError {
            status: 500,
            effect: Effect::Before,
        });
        let mut faults = [
            Fault::new(FaultKind::StaleList {
                seconds: random.random_range(15.0..30.0),
            }),
            lost,
            unseen.of(&channel),
        ];
        faults[1].matcher.operation = Some(Operation::StartChannel);
        faults[2].matcher.operation = Some(Operation::DescribeChannel);
        for mut fault in faults {
            fault.matcher.for_seconds = Some(lasts);
            fault.matcher.rate = self.random.random_range(0.5..1.0);
            self.inject(fault);
        }
        self.switch();
    }

    pub(super) fn inject(&mut self, fault: Fault) {
        self.note(format!("fault: {}", serde_json::to_string(&fault).unwrap()));
        self.emulator.inject(fault);
    }
}
