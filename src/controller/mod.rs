//! The loop: load → observe → plan → check → execute → publish.
//!
//! Level-triggered: every cycle observes the channels and begins at most one step per channel. Memory is a convenience only:
//! interrupted destinations that come back, failures that are tried later, what was reported.
//! A crash at any point is healed by the next cycle of the next process.
//!
//! ```text
//!   triggers                        one cycle                                   tasks
//!   source changed ─┐
//!   time is up ─────┼─► load ─► observe ─► plan ─► check ─► begin steps ───► take step (one per channel)
//!   step ended ─────┘                                         publish                      │
//!        ▲─────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! `schedule` says when the next look is due, `run` waits for it and for what else may happen, `cycle` is one cycle, `steps`,
//! `outputs` and `feeds` hold what is under way, `memory` what is remembered of that, and `publisher` tells what is new.
//!
//! Looks cost calls. At rest there is one each interval; of channels on their way `pace` says when a look is worth it, and where
//! the list has many pages only those channels are looked at, until one of them has changed.
//!
//! Steps run as tasks of the controller, so a slow channel delays no other; triggers carry no data.
//!
//! Where several controllers share a [`lease`], the one that holds it begins steps; the others do everything else, and
//! look again the moment they get it.

pub mod clock;
mod cycle;
mod denials;
pub mod event;
mod feeds;
mod granted;
mod leadership;
pub mod lease;
mod losses;
mod memory;
mod news;
mod outputs;
mod pace;
mod publisher;
pub mod pulse;
mod refusals;
mod run;
mod schedule;
mod steps;
pub mod vanish;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

pub use clock::Clock;
pub use cycle::{CycleError, View};
pub use event::{Event, GrantNews, LeaseNews, StepOutcome};
pub use granted::is_refusal;
pub use leadership::Leadership;
pub use outputs::Routers;
pub use pulse::Pulse;
pub use run::{Ended, Until};
pub use vanish::MaxVanish;

use crate::execute::Executor;
use crate::model::{DestinationName, OwnerId};
use crate::observe::{ASSUMES_FROM, Observer, Progress};
use crate::plan::Plan;
use crate::record::Case;
use crate::status::Status;
use crate::store::{Loaded, Source};
use feeds::Feeds;
use granted::Granted;
use lease::Lease;
use memory::Memory;
use outputs::Outputs;
use pace::Pace;
use publisher::Publisher;
use pulse::Shown;
use steps::{Busy, Finished};
use vanish::VanishGuard;

/// How the loop goes about its work.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Time between looks while nothing is on its way, give or take a tenth.
    pub interval: Duration,
    /// Least time between looks at a channel on its way to another state; one that takes long is looked at less often.
    pub transition_interval: Duration,
    /// Time between looks at whether the source changed.
    pub source_interval: Duration,
    /// A change of the source is planned after this long without another one: people press several switches in a row. Where only
    /// router outputs are switched, after a quarter of a second at most: no switch touches another.
    pub batch_idle: Duration,
    /// But after this long at most.
    pub batch_max: Duration,
    /// Steps under way at once.
    pub concurrency: usize,
    /// From how many channels of which nothing is known how they are wired is assumed ([`crate::observe`]).
    pub assumes_from: usize,
    /// Largest share of those on air that may vanish from the source at once.
    pub max_vanish: MaxVanish,
    /// The owner of the channels.
    pub owner: OwnerId,
    /// Destinations whose change may interrupt others now, whatever the policy.
    pub grants: BTreeSet<DestinationName>,
    /// Whether to wait while another process holds the lease, where the run has a time limit.
    pub waits_for_lease: bool,
}

impl Settings {
    /// The defaults of the command line, for `owner`.
    pub fn new(owner: OwnerId) -> Self {
        Self {
            interval: Duration::from_mins(1),
            transition_interval: Duration::from_secs(5),
            source_interval: Duration::from_millis(250),
            batch_idle: Duration::from_secs(1),
            batch_max: Duration::from_secs(5),
            concurrency: 8,
            assumes_from: ASSUMES_FROM,
            max_vanish: MaxVanish::default(),
            owner,
            grants: BTreeSet::new(),
            waits_for_lease: true,
        }
    }
}

/// How much of the account is looked at for a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// All of it.
    Everywhere,
    /// Channels on their way were looked at by themselves. The rest is as the last list showed it, where that is fresh.
    Glanced,
}

/// Receives every event, as it happens.
pub type Listener = Box<dyn FnMut(Event) + Send>;

/// Shown what each plan was made from and what came of it. Called within the cycle, so it must not wait.
pub type Witness = Box<dyn FnMut(Case) + Send>;

/// One controller: it owns the source, the eyes and the hands.
pub struct Controller<S> {
    source: S,
    observer: Observer,
    executor: Executor,
    leadership: Leadership,
    settings: Settings,
    clock: Clock,
    random: ChaCha8Rng,
    publisher: Publisher,
    loaded: Option<Loaded>,
    plan: Option<Arc<Plan>>,
    memory: Memory,
    guard: VanishGuard,
    /// Grants that others handed over.
    granted: Granted,
    busy: Busy,
    /// How router outputs are looked at and changed; `None` where that is not to be.
    routers: Option<Routers>,
    outputs: Outputs,
    feeds: Feeds,
    /// When channels on their way are worth a look.
    pace: Pace,
    tasks: JoinSet<Finished>,
    wake: Arc<Notify>,
}

/// What a controller is made of.
pub struct Parts<S> {
    /// Where Desired comes from.
    pub source: S,
    /// Looks at the world.
    pub observer: Observer,
    /// Takes steps.
    pub executor: Executor,
    /// Looks at router outputs, and takes steps on them.
    pub routers: Option<Routers>,
    /// The lease; the executor asks it as well.
    pub lease: Lease,
    /// What time it is.
    pub clock: Clock,
    /// Draws the jitter of intervals and delays.
    pub random: ChaCha8Rng,
    /// Receives every event.
    pub listener: Listener,
}

impl<S: Source> Controller<S> {
    /// A controller that has not looked at anything yet.
    pub fn new(parts: Parts<S>, settings: Settings) -> Self {
        let Parts {
            source,
            observer,
            executor,
            routers,
            lease,
            clock,
            random,
            listener,
        } = parts;
        let shown = Shown::new(lease.gate());
        Self {
            source,
            observer,
            executor,
            leadership: Leadership::of(lease),
            settings,
            clock,
            random,
            publisher: Publisher::new(listener, shown),
            loaded: None,
            plan: None,
            memory: Memory::default(),
            guard: VanishGuard::default(),
            granted: Granted::default(),
            busy: Busy::default(),
            routers,
            outputs: Outputs::default(),
            feeds: Feeds::default(),
            pace: Pace::default(),
            tasks: JoinSet::new(),
            wake: Arc::default(),
        }
    }

    /// What is true, as of the last cycle.
    pub fn status(&self) -> &Status {
        self.publisher.status()
    }

    /// The plan of the last cycle.
    pub fn plan(&self) -> Option<&Arc<Plan>> {
        self.plan.as_ref()
    }

    /// The progress of a look, for display.
    pub fn progress(&self) -> Progress {
        self.observer.progress()
    }

    /// A notification makes the controller read the source and look again at once. It carries no data.
    pub fn waker(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    /// Shows `witness` from now on what each plan is made from.
    pub fn show_to(&mut self, witness: Witness) {
        self.publisher.show_to(witness);
    }

    /// The pulse and the last view, for readers outside.
    pub fn watch(&self) -> watch::Receiver<Pulse> {
        self.publisher.watch()
    }
}

impl<S> fmt::Debug for Controller<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Controller")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
