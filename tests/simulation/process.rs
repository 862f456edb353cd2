//! One slotwise process: the controller on its files, its lease and its way to the emulator, as a task of its own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use slotwise::testing::controller::lease::{Candidate, Lease};
use slotwise::testing::controller::{Clock, Ended, Event, Pulse, Settings, Until};
use slotwise::testing::emulator::Emulator;
use slotwise::testing::model::{ChannelId, ChannelState, OwnerId};
use slotwise::testing::record::Case;
use slotwise::testing::store::{LoadOptions, Sources, Tables};
use slotwise::testing::wiring;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::judge::Judge;
use super::leases::{Leases, SharedRow};
use super::outputs::Outputs;
use super::table::Table;
use super::tap::Tap;
use super::wire::Wire;
use super::world::OWNER;

/// What a process lets others hear of it.
pub(super) enum Sign {
    /// It emitted an event.
    Reported(Event),
    /// It made a plan, for which the channels were in these states.
    Planned(BTreeMap<ChannelId, ChannelState>),
}

/// What was heard of a process, and when.
type Heard = Arc<Mutex<Vec<(Instant, Sign)>>>;

/// How the processes of a life are set up: the same for all of them.
#[derive(Debug, Clone)]
pub(super) struct SetUp {
    pub(super) interval: Duration,
    pub(super) transition_interval: Duration,
    pub(super) source_interval: Duration,
    pub(super) concurrency: usize,
    /// How long a lease lasts; `None` for one process without a lease.
    pub(super) lease: Option<Duration>,
}

impl SetUp {
    fn settings(&self) -> Settings {
        Settings {
            interval: self.interval,
            transition_interval: self.transition_interval,
            source_interval: self.source_interval,
            concurrency: self.concurrency,
            ..Settings::new(OwnerId::new(OWNER))
        }
    }
}

/// What all processes of a life share.
pub(super) struct Surroundings<'life> {
    pub(super) emulator: &'life Emulator,
    pub(super) clock: &'life Clock,
    pub(super) row: &'life SharedRow,
    pub(super) root: PathBuf,
    pub(super) table: Option<&'life Table>,
    pub(super) judge: &'life Arc<Mutex<Judge>>,
    pub(super) deaths: &'life Arc<Notify>,
}

/// A process that was started and not buried yet.
pub(super) struct Process {
    pub(super) name: String,
    pub(super) tap: Tap,
    heard: Heard,
    pub(super) leases: Option<Leases>,
    waker: Arc<Notify>,
    outputs: Outputs,
    pulse: watch::Receiver<Pulse>,
    asked: CancellationToken,
    running: JoinSet<Ended>,
}

impl Process {
    /// Starts one by the name of `name`; `seed` draws its jitter.
    pub(super) fn start(name: String, seed: u64, set_up: &SetUp, around: &Surroundings<'_>) -> Self {
        let tap = Tap::new(Arc::clone(around.deaths));
        let leases = set_up
            .lease
            .map(|_| Leases::new(Arc::clone(around.row), tap.clone()));
        let lease = match (&leases, set_up.lease) {
            (Some(table), Some(duration)) => Lease::table(
                table.clone(),
                Candidate::new(name.as_str(), duration, Instant::now()),
            ),
            _ => Lease::alone(),
        };
        let tables = around.table.map_or_else(Tables::unread, |table| {
            let row = set_up.lease.map(|_| Arc::clone(around.row));
            let wire = Wire::new(
                table.clone(),
                tap.clone(),
                name.clone(),
                row,
                Arc::clone(around.judge),
            );
            Tables::new(wire.access(), Some(lease.gate()))
        });
        let (heard, outputs) = (Heard::default(), Outputs::new());
        let (of_events, of_plans) = (Arc::clone(&heard), Arc::clone(&heard));
        let mut controller = wiring::assemble(
            Sources::new(
                vec![around.root.clone()],
                OwnerId::new(OWNER),
                LoadOptions::default(),
            )
            .with_tables(tables),
            tap.client(around.emulator),
            lease,
            around.clock.clone(),
            seed,
            set_up.settings(),
            outputs.listener(move |event| {
                if !event.is_only_counted() {
                    of_events
                        .lock()
                        .unwrap()
                        .push((Instant::now(), Sign::Reported(event)));
                }
            }),
        );
        controller.show_to(Box::new(move |case: Case| {
            let channels = case.observed.channels.into_iter();
            let states = channels.filter_map(|(id, channel)| Some((id, channel.seen()?.state)));
            let sign = Sign::Planned(states.collect());
            of_plans.lock().unwrap().push((Instant::now(), sign));
        }));
        let (pulse, waker, asked) = (controller.watch(), controller.waker(), CancellationToken::new());
        let (awake, until) = (tap.clone(), asked.clone());
        let mut running = JoinSet::new();
        // A controller is many kilobytes.
        running.spawn(async move { Box::pin(awake.while_awake(controller.run(Until::Asked, &until))).await });
        Self {
            name,
            tap,
            heard,
            leases,
            waker,
            outputs,
            pulse,
            asked,
            running,
        }
    }

    /// Lets it look at its files at once.
    pub(super) fn wake(&self) {
        self.waker.notify_one();
    }

    /// What was heard of it since the last time.
    pub(super) fn hear(&self) -> Vec<(Instant, Sign)> {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }

    /// How it goes.
    pub(super) fn pulse(&self) -> Pulse {
        self.pulse.borrow().clone()
    }

    /// Where it has shown a stream key.
    pub(super) fn leak(&self) -> Option<String> {
        self.outputs.leak(&self.pulse())
    }

    /// How it ended, if it has.
    pub(super) fn has_ended(&mut self) -> Option<String> {
        let ended = self.running.try_join_next()?;
        Some(ended.map_or_else(|panic| format!("a panic: {panic}"), |ended| format!("{ended:?}")))
    }

    /// Ends it without a word, wherever it is.
    pub(super) async fn kill(mut self) {
        self.running.shutdown().await;
    }

    /// Ends it as Ctrl-C does.
    pub(super) async fn stop(mut self) {
        self.asked.cancel();
        drop(self.running.join_next().await);
    }
}
