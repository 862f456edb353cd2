//! A MediaLive emulator, with MediaConnect's routers beside it: the embedded default and the test bed.
//!
//! To a real client (AWS CLI, boto3, an SDK) it must be indistinguishable from a strict service within the operations
//! it serves. Both services are on one port; their paths differ. There is no mock of the client anywhere: the emulator is always
//! behind the wire format, over a socket
//! ([`Emulator::serve`]) or as the SDK's HTTP client ([`Emulator::connector`]).
//!
//! ```text
//!  shell   http (routes, limit, replies) ── connector          clock, state_file
//!            │                                                   │
//!            ▼                                                   ▼
//!  Emulator::call ── faults decide ──► World::handle(request, now) ──► answer, perhaps late, lost or cut
//!
//!  pure    channel (states)  world (documents)  validate (400, 422)  faults  fleet  dice (the only chance)
//!          mediaconnect (router outputs, inputs, network interfaces)
//! ```
//!
//! Scripting, in JSON: `GET|POST|DELETE /_emulator/faults` ([`Fault`]), `GET|DELETE /_emulator/calls` ([`Call`]),
//! `GET /_emulator/state`, `POST /_emulator/reset`, `GET|POST /_emulator/clock` (`advanceSeconds`, `speed`),
//! `GET|PUT /_emulator/switches` ([`Switches`]).
//!
//! Invariants:
//! - the pure modules take time as an argument and draw from the world's seeded dice only: the same calls at the same
//!   times give the same world;
//! - transitions happen lazily, before each call, at the times they were due;
//! - no body is ever logged or recorded, as bodies hold stream keys;
//! - what is unconfirmed about MediaLive is a switch, strict by default ([`switches::Switches`]);
//! - a socket that other machines can reach answers only requests with a token ([`Emulator::serve_guarded`]).

mod calls;
pub mod channel;
mod clock;
mod connector;
pub mod dice;
pub mod error;
pub mod faults;
pub mod fleet;
mod http;
pub mod mediaconnect;
mod page;
pub mod request;
mod state_file;
pub mod switches;
mod validate;
pub mod world;

use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use self::calls::Call;
pub use self::faults::{Effect, Fault, FaultKind};
pub use self::fleet::{Fleet, InventedChannel, InventedPool, InventedRouter, InventedSlot};
pub use self::request::{Now, Operation};
pub use self::state_file::StateError;
pub use self::switches::{SwitchError, Switches};
pub use self::world::{Quotas, World};

use crate::api::Access;

use self::calls::CallLog;
use self::clock::Clock;
use self::error::ApiError;
use self::faults::{Decision, Failure, How};
use self::http::{Answer, Buckets, Lines, Reply};
use self::request::Request;
use self::world::Settings;

/// How an emulator behaves
#[derive(Debug, Clone)]
pub struct Options {
    /// Decides every duration and every rate
    pub seed: u64,
    /// Transitions go this many times faster than MediaLive's (0.001 to 1 000 000)
    pub speed: f64,
    /// What is unconfirmed about MediaLive
    pub switches: Switches,
    /// Whether the account's rate limits (MediaLive 20/s, burst 40; MediaConnect 5/s, burst 30) hold; they count on the client's clock,
    /// not sped up
    pub account_limit: bool,
    /// How much of everything the account may have
    pub quotas: Quotas,
    /// The date when the emulator starts, for fixed schedule actions and alerts
    pub epoch: Timestamp,
    /// The region in ARNs
    pub region: String,
    /// The account in ARNs
    pub account: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            speed: 1.0,
            switches: Switches::default(),
            account_limit: true,
            quotas: Quotas::default(),
            // 2026-01-01T00:00:00Z
            epoch: Timestamp::constant(1_767_225_600, 0),
            region: "us-east-1".into(),
            account: "111122223333".into(),
        }
    }
}

/// A handle on an emulator; clones share one world
///
/// Create it inside the runtime that drives it: its clock is Tokio's.
#[derive(Clone)]
pub struct Emulator {
    shared: Arc<Shared>,
}

/// Says nothing of the world, which holds stream keys
impl std::fmt::Debug for Emulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Emulator")
            .field("options", &self.shared.options)
            .finish_non_exhaustive()
    }
}

struct Shared {
    options: Options,
    /// What a reset goes back to
    fleet: Fleet,
    settings: Settings,
    state_file: Option<PathBuf>,
    live: Mutex<Live>,
}

struct Live {
    world: World,
    clock: Clock,
    calls: CallLog,
    buckets: Buckets,
    witness: Option<Witness>,
}

/// Sees every call: the world before it, the world after it, and what was called
pub type Witness = Box<dyn FnMut(&World, &World, &Call) + Send>;

impl Emulator {
    /// An emulator that begins with this fleet and forgets everything at the end
    pub fn new(options: Options, fleet: Fleet) -> Self {
        Self::build(options, fleet, None, None)
    }

    /// An emulator that keeps its world in a file: what the file holds goes before the fleet
    pub fn open(options: Options, fleet: Fleet, state_file: PathBuf) -> Result<Self, StateError> {
        let kept = state_file::load(&state_file)?;
        let emulator = Self::build(options, fleet, kept, Some(state_file));
        emulator.live().save(emulator.shared.state_file.as_ref())?;
        Ok(emulator)
    }

    fn build(
        options: Options,
        fleet: Fleet,
        kept: Option<(World, Duration)>,
        state_file: Option<PathBuf>,
    ) -> Self {
        let settings = Settings {
            region: options.region.clone(),
            account: options.account.clone(),
            switches: options.switches.clone(),
            quotas: options.quotas.clone(),
        };
        let (mut world, elapsed) =
            kept.unwrap_or_else(|| (fleet.world(settings.clone(), options.seed), Duration::ZERO));
        world.settings_mut().clone_from(&settings);
        let clock = Clock::new(options.epoch, elapsed, options.speed);
        let live = Live {
            world,
            clock,
            calls: CallLog::default(),
            buckets: Buckets::full(),
            witness: None,
        };
        let shared = Shared {
            options,
            fleet,
            settings,
            state_file,
            live: Mutex::new(live),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The region that it is in
    pub fn region(&self) -> &str {
        &self.shared.options.region
    }

    /// The emulator as a service: MediaLive's paths under `/prod/`, MediaConnect's under `/v1/` and `/tags/`, scripting under
    /// `/_emulator/`
    pub fn router(&self) -> axum::Router {
        http::router(self.clone())
    }

    /// The emulator as the SDK's HTTP client
    pub fn connector(&self) -> SharedHttpClient {
        in_memory(self.router())
    }

    /// Serves every request on a socket until `shutdown`; calls under way are answered, those without an answer are cut
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        self.serve_router(self.router(), listener, shutdown).await
    }

    /// The same for requests that `access` allows
    pub async fn serve_guarded(
        &self,
        access: Access,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let router = http::guarded(self.clone(), access);
        self.serve_router(router, listener, shutdown).await
    }

    async fn serve_router(
        &self,
        router: axum::Router,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let closing = CancellationToken::new();
        let lines = Lines::new(listener, closing.clone());
        let service = router.into_make_service_with_connect_info::<http::Line>();
        let served = axum::serve(lines, service)
            .with_graceful_shutdown(async move {
                shutdown.await;
                closing.cancel();
            })
            .await;
        self.keep(&self.live());
        served
    }

    /// The calls made, oldest first; the last 20 000 are kept
    pub fn calls(&self) -> Vec<Call> {
        self.live().calls.calls().cloned().collect()
    }

    /// Forgets the calls made
    pub fn clear_calls(&self) {
        self.live().calls = CallLog::default();
    }

    /// Shows every call from now on to `witness`, at the moment it is carried out
    ///
    /// It is called under the emulator's lock, so it must not call the emulator itself.
    pub fn on_call(&self, witness: Witness) {
        self.live().witness = Some(witness);
    }

    /// Arms a fault
    pub fn inject(&self, fault: Fault) {
        self.with_world(|world, now| world.faults().inject(fault, now.elapsed));
    }

    /// Direct access to the world, after all that was due: to look at it, or to change it without a call
    pub fn with_world<R>(&self, f: impl FnOnce(&mut World, Now) -> R) -> R {
        let mut live = self.live();
        let now = live.clock.now();
        live.world.advance(now);
        let answer = f(&mut live.world, now);
        self.keep(&live);
        answer
    }

    /// Moves the clock forward
    pub fn advance(&self, by: Duration) {
        self.live().clock.advance(by);
    }

    /// Lets transitions go this many times faster than MediaLive's from now on
    pub fn set_speed(&self, speed: f64) {
        self.live().clock.set_speed(speed);
    }

    /// How MediaLive behaves at present where no source says so
    pub fn switches(&self) -> Switches {
        self.live().world.settings().switches.clone()
    }

    /// Turns switches by name; all of them or none
    pub fn turn(&self, changes: &serde_json::Map<String, Value>) -> Result<(), SwitchError> {
        self.with_world(|world, _| world.settings_mut().switches.merge(changes))
    }

    /// Goes back to the fleet it began with; faults, calls, switches that were turned and a moved date are forgotten
    pub fn reset(&self) {
        let mut live = self.live();
        live.clock.reset_wall();
        let now = live.clock.now();
        live.world = self
            .shared
            .fleet
            .world(self.shared.settings.clone(), self.shared.options.seed);
        live.world.rebase(now.elapsed);
        live.calls = CallLog::default();
        live.buckets = Buckets::full();
        self.keep(&live);
    }

    /// Answers a call: what the faults make of it, and what it makes of the world
    fn call(&self, mut request: Request, agent: Option<String>) -> Answer {
        let mut live = self.live();
        let now = live.clock.now();
        live.world.advance(now);
        let named = http::named(&request);
        let Decision {
            failure,
            delay,
            twist,
        } = live
            .world
            .faults()
            .decide(request.operation, named.as_deref(), now.elapsed);
        request.twist = twist;
        let watched = live.witness.is_some() && !request.operation.is_read();
        let before = watched.then(|| live.world.clone());
        let (reply, applied) = live.world.carry_out(&request, failure, now);
        if applied && !request.operation.is_read() {
            self.keep(&live);
        }
        live.record(now, Some(request.operation), named, agent, &reply, applied);
        live.show(before.as_ref());
        Answer {
            reply,
            delay,
            number: live.calls.total(),
            date: now.wall,
        }
    }

    /// Answers a call that never got as far as the world
    fn refuse(
        &self,
        operation: Option<Operation>,
        named: Option<String>,
        agent: Option<String>,
        error: ApiError,
    ) -> Answer {
        let mut live = self.live();
        let (now, reply) = (live.clock.now(), Reply::Error(error));
        live.record(now, operation, named, agent, &reply, false);
        Answer {
            reply,
            delay: Duration::ZERO,
            number: live.calls.total(),
            date: now.wall,
        }
    }

    fn within_limit(&self, operation: Operation) -> bool {
        !self.shared.options.account_limit || self.live().buckets.take(operation)
    }

    fn call_report(&self) -> Value {
        let live = self.live();
        let calls: Vec<&Call> = live.calls.calls().collect();
        json!({"calls": calls, "counts": live.calls.counts(), "total": live.calls.total()})
    }

    fn clock_report(&self) -> Value {
        let live = self.live();
        let now = live.clock.now();
        json!({"elapsedSeconds": now.elapsed.as_secs_f64(), "speed": live.clock.speed(), "wall": now.wall})
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        // Nothing panics while it holds the lock on purpose; if something did, the world is still the best there is.
        self.shared.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the state file, if there is one; under the lock, so that an older world never replaces a newer one
    fn keep(&self, live: &Live) {
        if let Err(error) = live.save(self.shared.state_file.as_ref()) {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(%error, source, "the emulator's state was not saved");
        }
    }
}

impl Live {
    /// Shows the last call to the witness; without `before` the call changed nothing
    fn show(&mut self, before: Option<&World>) {
        if let (Some(witness), Some(call)) = (&mut self.witness, self.calls.last()) {
            witness(before.unwrap_or(&self.world), &self.world, call);
        }
    }

    fn save(&self, state_file: Option<&PathBuf>) -> Result<(), StateError> {
        match state_file {
            Some(path) => state_file::save(path, &self.world, self.clock.now().elapsed),
            None => Ok(()),
        }
    }

    fn record(
        &mut self,
        now: Now,
        operation: Option<Operation>,
        named: Option<String>,
        user_agent: Option<String>,
        reply: &Reply,
        applied: bool,
    ) {
        let (status, error) = match reply {
            Reply::Success(status, _) => (Some(*status), None),
            Reply::Error(error) => (Some(error.kind.status()), Some(error.kind.name().to_owned())),
            Reply::Silence | Reply::Cut => (None, None),
        };
        let (channel, resource) = match operation {
            Some(Operation::Router(_)) => (None, named),
            _ => (named, None),
        };
        let operation = operation.map_or_else(|| "Unknown".to_owned(), Operation::name);
        self.calls.push(Call {
            at: now.elapsed,
            operation,
            channel,
            resource,
            status,
            error,
            applied,
            user_agent,
        });
    }
}

impl World {
    /// Carries a call out unless it fails before; answers what the client is sent, and whether the call did its work
    fn carry_out(&mut self, request: &Request, failure: Option<Failure>, now: Now) -> (Reply, bool) {
        let failed = |how: How| match how {
            How::Error(error) => Reply::Error(error),
            How::Silence => Reply::Silence,
            How::Cut => Reply::Cut,
        };
        let late = match failure {
            Some(Failure {
                effect: Effect::Before,
                how,
            }) => return (failed(how), false),
            Some(Failure {
                effect: Effect::After,
                how,
            }) => Some(how),
            None => None,
        };
        let answer = self.handle(request, now);
        let applied = answer.is_ok();
        let reply = match (late, answer) {
            (Some(how), _) => failed(how),
            (None, Ok(body)) => Reply::Success(request.operation.success(), body),
            (None, Err(error)) => Reply::Error(error),
        };
        (reply, applied)
    }
}

/// Whatever answers on `router` as the SDK's HTTP client, without a socket
pub fn in_memory(router: axum::Router) -> SharedHttpClient {
    SharedHttpClient::new(connector::InMemory::new(router))
}
