//! A stage for tests of the whole loop: the real controller, client and SDK, the emulator behind the in-memory
//! connector, virtual time.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use slotwise::testing::controller::lease::Lease;
use slotwise::testing::controller::{Clock, Controller, Ended, Event, Settings, Until};
use slotwise::testing::emulator::{
    Emulator, Fleet, InventedChannel, InventedPool, InventedRouter, InventedSlot, Options,
};
use slotwise::testing::mediaconnect;
use slotwise::testing::medialive;
use slotwise::testing::model::{
    Cause, ChannelPool, Desired, Destination, Disruption, GroupName, Interrupt, OwnerId, Placement,
    PoolChannel, PoolName, RouterPool, RouterSettings, Secret, SlotId, SlotSelector, StreamKey, Tier,
    WantedState,
};
use slotwise::testing::status::Phase;
use slotwise::testing::status::Status;
use slotwise::testing::store::{Loaded, Source, Sources};
use slotwise::testing::wiring;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) const PARKING: &str = "rtmp://127.0.0.1:1935/parked";

/// A source in memory that a test changes while the loop runs. Each clone is read on its own.
#[derive(Clone)]
pub(crate) struct Script {
    /// What is declared, and how often it was changed.
    declared: Arc<Mutex<(Desired, u64)>>,
    /// Up to which change this clone was read.
    read: Option<u64>,
}

impl Script {
    pub(crate) fn new(desired: Desired) -> Self {
        Self {
            declared: Arc::new(Mutex::new((desired, 0))),
            read: None,
        }
    }

    /// What is declared.
    pub(crate) fn desired(&self) -> Desired {
        self.declared.lock().unwrap().0.clone()
    }

    /// Looks at what is declared.
    pub(crate) fn look(&self, look: impl FnOnce(&Desired)) {
        look(&self.declared.lock().unwrap().0);
    }

    /// Changes what is declared; the loop sees it at its next look.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Desired)) {
        let mut declared = self.declared.lock().unwrap();
        change(&mut declared.0);
        declared.1 += 1;
    }
}

impl Source for Script {
    type Error = Infallible;

    async fn load(&mut self) -> Result<Loaded, Infallible> {
        let declared = self.declared.lock().unwrap();
        self.read = Some(declared.1);
        Ok(Loaded {
            desired: Arc::new(declared.0.clone()),
            problems: Vec::new().into(),
            rejected: Vec::new(),
            tables: 0,
            unsure: None,
        })
    }

    async fn changed(&mut self) -> bool {
        self.read != Some(self.declared.lock().unwrap().1)
    }

    fn publish(&mut self, _: &Status) {}

    async fn finish(&mut self) {}
}

/// A pool `main` of the channels `ids`, three slots each, that never interrupts.
pub(crate) fn pool(ids: &[&str]) -> ChannelPool {
    ChannelPool {
        name: PoolName::new("main"),
        channels: ids
            .iter()
            .map(|id| PoolChannel {
                id: (*id).into(),
                takeover: false,
            })
            .collect(),
        slots: SlotSelector {
            output_groups: globset::Glob::new("RTMP-Slot-*").unwrap().compile_matcher(),
            parking_url: PARKING.into(),
        },
        placement: Placement::Spread,
        idle: slotwise::testing::model::Idle::Stop,
        disruption: Disruption {
            interrupt: Interrupt::Never,
            causes: BTreeSet::from([Cause::Start, Cause::Stop, Cause::Retarget]),
            windows: Vec::new(),
            max_concurrent: 1,
        },
        paused: None,
    }
}

/// A destination of pool `main` with a target of its own.
pub(crate) fn destination(name: &str, state: WantedState) -> Destination {
    Destination {
        name: name.into(),
        identity: name.into(),
        pool: PoolName::new("main"),
        state,
        url: format!("rtmp://{name}.example/live").into(),
        backup_url: None,
        is_preset: false,
        login: None,
        key: StreamKey::Known(Secret::new(format!("k3y-of-{name}"))),
        group: Some(GroupName::new(name)),
        priority: 0,
        interruptible: true,
        pin: None,
        paused: None,
        generation: 1,
    }
}

pub(crate) fn desired(pool: ChannelPool, destinations: Vec<Destination>) -> Desired {
    let mut desired = Desired::empty(OwnerId::new("test"));
    desired.pools.insert(pool.name.clone(), pool);
    desired.destinations = destinations
        .into_iter()
        .map(|destination| (destination.name.clone(), Arc::new(destination)))
        .collect();
    desired
}

/// The input and the interface of [`router_pool`].
pub(crate) const INPUT: &str = "arn:aws:mediaconnect:us-east-1:111122223333:routerInput:a1b2c3d4e5f6";
pub(crate) const INTERFACE: &str =
    "arn:aws:mediaconnect:us-east-1:111122223333:routerNetworkInterface:f6e5d4c3b2a1";

/// Pool `main` without channels.
pub(crate) fn router_pool() -> RouterPool {
    RouterPool {
        name: "main".into(),
        input: INPUT.into(),
        network_interface: INTERFACE.into(),
        source: None,
        settings: RouterSettings {
            tier: Tier::Output20,
            maximum_bitrate: 8_000_000,
            availability_zone: None,
            maintenance: None,
        },
        keep: None,
        disruption: Disruption {
            interrupt: Interrupt::Never,
            causes: [Cause::Retarget].into(),
            windows: Vec::new(),
            max_concurrent: 1,
        },
        paused: None,
    }
}

/// RouterPool `main` with these destinations.
pub(crate) fn declared(names: &[(&str, WantedState)]) -> Desired {
    let mut desired = Desired::empty(OwnerId::new("test"));
    desired.routers.insert("main".into(), router_pool());
    for (name, state) in names {
        let one = destination(name, *state);
        desired.destinations.insert((*name).into(), one.into());
    }
    desired
}

/// The channels of all pools of `desired`, IDLE and parked.
pub(crate) fn fleet(desired: &Desired) -> Fleet {
    let pools: Vec<InventedPool> = desired
        .pools
        .values()
        .map(|pool| InventedPool {
            name: pool.name.to_string(),
            channels: pool
                .channels
                .iter()
                .map(|channel| channel_of(channel.id.as_str()))
                .collect(),
        })
        .collect();
    let mut fleet = Fleet::invent(&pools);
    for pool in desired.routers.values() {
        fleet.add_invented_router(&InventedRouter {
            input: pool.input.to_string(),
            interface: pool.network_interface.to_string(),
            channel: pool.source.as_ref().map(ToString::to_string),
        });
    }
    fleet
}

fn channel_of(id: &str) -> InventedChannel {
    let slot = |number: usize| {
        let group = format!("RTMP-Slot-{number}");
        let parked = SlotSelector::parking_name(&SlotId::new(id, group.clone()), 0);
        InventedSlot {
            output_group: group,
            stream_names: vec![parked],
        }
    };
    InventedChannel {
        id: id.to_owned(),
        standard: false,
        parking_url: PARKING.into(),
        slots: (1..=3).map(slot).collect(),
    }
}

/// The loop on a source of files, and its log.
pub(crate) fn on_files(
    emulator: &Emulator,
    source: Sources,
    owner: OwnerId,
) -> (Controller<Sources>, Arc<Mutex<String>>) {
    let log = Arc::new(Mutex::new(String::new()));
    let listener = Arc::clone(&log);
    let controller = wiring::assemble(
        source,
        wiring::emulated_client(emulator, &medialive::Settings::default()),
        Lease::alone(),
        Clock::starting_at("2026-01-01T00:00:00Z".parse().unwrap()),
        7,
        Settings::new(owner),
        Box::new(move |event| listener.lock().unwrap().extend([format!("{event:?}\n")])),
    );
    (controller, log)
}

/// Everything that one test needs.
pub(crate) struct Stage {
    pub(crate) emulator: Emulator,
    pub(crate) script: Script,
    pub(crate) events: Arc<Mutex<Vec<(Instant, Event)>>>,
    pub(crate) controller: Controller<Script>,
    pub(crate) clock: Clock,
}

impl Stage {
    /// A stage on which `declared` meets channels that are IDLE and parked.
    pub(crate) fn new(declared: Desired) -> Self {
        Self::with(declared, |_| {})
    }

    pub(crate) fn with(declared: Desired, adjust: impl FnOnce(&mut Settings)) -> Self {
        let emulator = Emulator::new(Options::default(), fleet(&declared));
        Self::on(emulator, declared, adjust)
    }

    /// A new controller on a world that exists already, as after a restart.
    pub(crate) fn on(emulator: Emulator, declared: Desired, adjust: impl FnOnce(&mut Settings)) -> Self {
        let clock = Clock::starting_at("2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap());
        let mut settings = Settings::new(declared.owner.clone());
        adjust(&mut settings);
        Self::assemble(emulator, Script::new(declared), clock, 7, settings)
    }

    /// A new controller on an existing world, declaration and clock; `seed` draws its jitter.
    pub(crate) fn assemble(
        emulator: Emulator,
        script: Script,
        clock: Clock,
        seed: u64,
        settings: Settings,
    ) -> Self {
        Self::build(emulator, script, clock, seed, settings, Lease::alone())
    }

    /// A new controller among others that share a lease.
    pub(crate) fn leased(emulator: Emulator, script: Script, lease: Lease, settings: Settings) -> Self {
        let clock = Clock::starting_at("2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap());
        Self::build(emulator, script, clock, 7, settings, lease)
    }

    fn build(
        emulator: Emulator,
        script: Script,
        clock: Clock,
        seed: u64,
        settings: Settings,
        lease: Lease,
    ) -> Self {
        let events = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&events);
        let clients = wiring::Clients {
            medialive: wiring::emulated_client(&emulator, &medialive::Settings::default()),
            mediaconnect: Some(wiring::emulated_mediaconnect(
                &emulator,
                &mediaconnect::Settings::default(),
            )),
        };
        let controller = wiring::assemble(
            script.clone(),
            clients,
            lease,
            clock.clone(),
            seed,
            settings,
            Box::new(move |event| log.lock().unwrap().push((Instant::now(), event))),
        );
        Self {
            emulator,
            script,
            events,
            controller,
            clock,
        }
    }

    /// Runs until converged, at most for `minutes`.
    pub(crate) async fn converge(&mut self, minutes: u64) -> Ended {
        let deadline = Instant::now() + Duration::from_secs(60 * minutes);
        self.controller
            .run(Until::Converged { deadline }, &CancellationToken::new())
            .await
    }

    /// Lets the daemon run for this long.
    pub(crate) async fn run_for(&mut self, time: Duration) {
        let asked = CancellationToken::new();
        let stop = asked.clone();
        let ((), _) = tokio::join!(
            async move {
                tokio::time::sleep(time).await;
                stop.cancel();
            },
            self.controller.run(Until::Asked, &asked)
        );
    }

    /// Lets the daemon run for this long, and neither ends it nor gives its lease back.
    pub(crate) async fn run_for_without_end(&mut self, time: Duration) {
        let asked = CancellationToken::new();
        let run = self.controller.run(Until::Asked, &asked);
        // An error: time is up.
        drop(tokio::time::timeout(time, run).await);
    }

    /// Operations called so far, in order, looks left out.
    pub(crate) fn writes(&self) -> Vec<String> {
        self.emulator
            .calls()
            .into_iter()
            .filter(|call| {
                let looks = ["ListChannels", "DescribeChannel", "ListRouterOutputs"];
                !looks.contains(&call.operation.as_str())
            })
            .map(|call| format!("{} {}", call.operation, call.channel.unwrap_or_default()))
            .collect()
    }

    pub(crate) fn count(&self, operation: &str) -> usize {
        self.emulator
            .calls()
            .iter()
            .filter(|call| call.operation == operation)
            .count()
    }

    pub(crate) fn status(&self) -> Status {
        Status::clone(self.controller.status())
    }

    pub(crate) fn phase(&self, name: &str) -> Phase {
        self.destination(name).phase
    }

    pub(crate) fn destination(&self, name: &str) -> slotwise::testing::status::DestinationStatus {
        let found = self.controller.status().destination(name);
        found.unwrap().as_ref().clone()
    }

    pub(crate) fn state(&self, channel: &str) -> String {
        self.emulator.with_world(|world, _| {
            world.channel(channel).unwrap().describe()["state"]
                .as_str()
                .unwrap()
                .to_owned()
        })
    }

    /// Whether the target of `destination` is in any slot of `channel`.
    pub(crate) fn carries(&self, channel: &str, destination: &str) -> bool {
        let document = self
            .emulator
            .with_world(|world, _| world.channel(channel).unwrap().describe());
        serde_json::to_string(&document)
            .unwrap()
            .contains(&format!("k3y-of-{destination}"))
    }

    /// The log as text, to search it.
    pub(crate) fn log(&self) -> String {
        let events = self.events.lock().unwrap();
        events
            .iter()
            .map(|(_, event)| format!("{event:?}"))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

pub(crate) fn wanted(name: &str) -> Destination {
    destination(name, WantedState::Streaming)
}

pub(crate) fn ready(name: &str) -> Destination {
    destination(name, WantedState::Ready)
}
