//! From options to live parts. The only place where parts are put together.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_types::app_name::AppName;
use aws_types::service_config::ServiceConfigKey;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::time::Instant;

use crate::aws::credentials::Sendable;
use crate::aws::http::bounded;
use crate::aws::{Connect, MissingProfile, OfProfile};
use crate::controller::lease::{
    Candidate, Hander, Holder, Lease, LeaseError, LeaseRow, LeaseTable, LockPlace, place,
};
use crate::controller::{Clock, Controller, Listener, Parts, Routers, Settings};
use crate::emulator::{Emulator, Fleet, InventedChannel, InventedPool, InventedRouter, InventedSlot};
use crate::execute::{Executor, FeedExecutor, OutputExecutor};
use crate::mediaconnect::{self, MediaConnect};
use crate::medialive::{self, CallErrorKind, MediaLive};
use crate::model::{ChannelPool, Desired, SlotId, SlotSelector};
use crate::observe::{Observer, RouterObserver};
use crate::store::dynamodb::Access;
use crate::store::{Source, Sources, Tables};

/// Which MediaLive to talk to.
#[derive(Debug)]
pub enum World {
    /// AWS, or whatever the endpoint URL names.
    Aws(Aws),
    /// An emulator inside this process.
    Emulator(Emulator),
}

/// How to reach AWS.
#[derive(Debug, Clone, Default)]
pub struct Aws {
    /// The region; otherwise the environment or the profile says.
    pub region: Option<String>,
    /// Another endpoint than the region's.
    pub endpoint_url: Option<String>,
    /// Use made-up credentials: for an emulator on this machine, which asks for none in particular.
    pub placeholder_credentials: bool,
    /// The profile that the environment names.
    pub profile: Option<String>,
}

impl Aws {
    /// Credentials, region and HTTP client: what the clients of all services have in common.
    pub async fn config(&self) -> SdkConfig {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(https())
            // Said here, because the SDK panics over an AWS_MAX_ATTEMPTS or AWS_RETRY_MODE that makes no sense.
            .retry_config(RetryConfig::standard());
        if let Some(region) = &self.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if self.placeholder_credentials {
            loader = loader.credentials_provider(placeholder_credentials());
            if self.region.is_none() {
                loader = loader.region(Region::new("us-east-1"));
            }
        }
        let config = loader.load().await;
        let Some(provider) = config.credentials_provider() else {
            return config;
        };
        let credentials = match &self.profile {
            Some(profile) => SharedCredentialsProvider::new(Sendable(SharedCredentialsProvider::new(
                OfProfile::new(profile, provider),
            ))),
            None => SharedCredentialsProvider::new(Sendable(provider)),
        };
        config.into_builder().credentials_provider(credentials).build()
    }

    /// MediaLive's endpoint, where the region's own is not in force: whether a flag, the environment or the profile names it.
    fn medialive_endpoint(&self, config: &SdkConfig) -> Option<String> {
        let of_service = || endpoint_of("MediaLive", config);
        let of_all = || config.endpoint_url().map(str::to_owned);
        self.endpoint_url.clone().or_else(of_service).or_else(of_all)
    }

    /// MediaConnect's: its own variable or entry of the profile. Without one, where MediaLive is not AWS's, its endpoint: an
    /// emulator serves both on one port, and channels of an emulator must not be joined to routers of a real account.
    fn mediaconnect_endpoint(&self, config: &SdkConfig) -> Option<String> {
        let of_medialive = || self.medialive_endpoint(config);
        endpoint_of("MediaConnect", config)
            .or_else(|| of_medialive().filter(|url| place::foreign_site(url).is_some()))
    }

    async fn no_region(&self) -> WiringError {
        let missing = match &self.profile {
            Some(profile) => MissingProfile::look(profile).await,
            None => None,
        };
        missing.map_or(WiringError::NoRegion, WiringError::NoProfile)
    }

    /// The same, on first use.
    pub fn connect(self) -> Connect {
        Connect::new(move || {
            let aws = self.clone();
            async move { aws.config().await }
        })
    }
}

/// The endpoint that the environment or the profile names for one service.
fn endpoint_of(service: &str, config: &SdkConfig) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id(service)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()?;
    config.service_config()?.load_config(key)
}

/// Whether a controller may write, and how it is kept from doing so next to another.
#[derive(Debug, Clone)]
pub enum Writing {
    /// It only looks.
    Never,
    /// It writes while it holds the lock on a file.
    WithLock(LockFile),
    /// It writes while it holds the lease in a table.
    WithTable(LeaseIn),
    /// No other process can reach its world.
    Alone,
}

/// A file that is locked.
#[derive(Debug, Clone)]
pub struct LockFile {
    /// The file, where one was named.
    pub named: Option<PathBuf>,
    /// The owner of the channels that it guards.
    pub owner: String,
}

impl LockFile {
    /// Where it is. Where no file was named, the region counts as the SDK finds it, in the profile, too: otherwise a login
    /// shell with a profile and a service with AWS_REGION would lock two files.
    async fn place(&self, aws: &Aws) -> Result<LockPlace, WiringError> {
        if let Some(path) = &self.named {
            return Ok(LockPlace::named(path.clone()));
        }
        let config = aws.config().await;
        let endpoint = aws.medialive_endpoint(&config);
        if endpoint.is_none() && config.region().is_none() {
            return Err(aws.no_region().await);
        }
        let site = place::site(endpoint.as_deref(), config.region().map(AsRef::as_ref));
        Ok(LockPlace::default_of(&self.owner, &site))
    }
}

/// A lease in a table, shared with other processes.
#[derive(Debug, Clone)]
pub struct LeaseIn {
    /// The table.
    pub table: String,
    /// How long the holder may go without renewing it.
    pub duration: Duration,
    /// The owner of the channels that it guards.
    pub owner: String,
    /// This machine's name, for display.
    pub host: String,
    /// Use made-up credentials for the table.
    pub placeholder_credentials: bool,
}

impl LeaseIn {
    /// The row.
    async fn row(&self, aws: &Aws) -> Result<LeaseRow, WiringError> {
        let aws = Aws {
            placeholder_credentials: self.placeholder_credentials,
            ..aws.clone()
        };
        let config = aws.config().await;
        let Some(region) = config.region() else {
            return Err(aws.no_region().await);
        };
        let endpoint = aws.medialive_endpoint(&config);
        let site = endpoint.and_then(|endpoint| place::foreign_site(&endpoint));
        let parts = [Some(self.owner.as_str()), Some(region.as_ref()), site.as_deref()];
        let row = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
        Ok(LeaseTable::new(&config, self.table.as_str(), self.duration).row(row))
    }

    /// Contends for the lease from now on.
    async fn begin(&self, aws: &Aws) -> Result<Lease, WiringError> {
        let row = self.row(aws).await?;
        // A name that no other process has, also after the system gave this one's number to another.
        let random = RandomState::new().hash_one(std::process::id()) >> 40;
        let me = format!("{}-{}-{random:06x}", self.host, std::process::id());
        let candidate = Candidate::new(me, self.duration, Instant::now());
        Ok(Lease::row(row, candidate))
    }
}

/// A part could not be made.
#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    /// No region is set.
    #[error("no AWS region; set --region, AWS_REGION, or region in the profile, or use --emulator")]
    NoRegion,
    /// The profile that might say does not exist.
    #[error("{0}; {fix}", fix = CallErrorKind::ProfileMissing.fix())]
    NoProfile(MissingProfile),
    /// The lease could not be taken.
    #[error(transparent)]
    Lease(#[from] LeaseError),
}

/// A controller on `source` and `world`. The tables that `source` declares are reached by `tables`.
pub async fn controller(
    source: Sources,
    world: &World,
    tables: Access,
    wire: &medialive::Settings,
    writing: &Writing,
    settings: Settings,
    listener: Listener,
) -> Result<Controller<Sources>, WiringError> {
    let lease = match writing {
        Writing::Never => Lease::never(),
        Writing::Alone => Lease::alone(),
        Writing::WithLock(file) => match world {
            World::Aws(aws) => Lease::lock_file(&file.place(aws).await?)?,
            World::Emulator(_) => Lease::alone(),
        },
        Writing::WithTable(lease) => match world {
            World::Aws(aws) => lease.begin(aws).await?,
            World::Emulator(_) => Lease::alone(),
        },
    };
    let may_write = (!matches!(writing, Writing::Never)).then(|| lease.gate());
    let source = source.with_tables(Tables::new(tables, may_write));
    let clients = Clients {
        medialive: client(world, wire, lease.me()).await?,
        mediaconnect: Some(mediaconnect(world, wire, lease.me()).await?),
    };
    let clock = Clock::system();
    // Two controllers that begin together only have to draw different delays; that is no matter of security.
    let seed = u64::from(clock.now().subsec_nanosecond().unsigned_abs()) ^ u64::from(std::process::id());
    Ok(assemble(source, clients, lease, clock, seed, settings, listener))
}

/// How a process that would write in `world` as `writing` says hands a grant to `holder`; `None` where it cannot.
pub async fn hander(
    world: &World,
    writing: &Writing,
    holder: &Holder,
) -> Result<Option<Hander>, WiringError> {
    let row = match (world, writing) {
        (World::Aws(aws), Writing::WithTable(lease)) => Some(lease.row(aws).await?),
        _ => None,
    };
    Ok(Hander::new(holder, row))
}

/// What a controller calls.
#[derive(Debug, Clone)]
pub struct Clients {
    /// The channels.
    pub medialive: MediaLive,
    /// The router outputs. No call is made before a RouterPool is declared.
    pub mediaconnect: Option<MediaConnect>,
}

impl From<MediaLive> for Clients {
    fn from(medialive: MediaLive) -> Self {
        Self {
            medialive,
            mediaconnect: None,
        }
    }
}

/// A controller from parts that are alive already; `seed` draws the jitter.
pub fn assemble<S: Source>(
    source: S,
    clients: impl Into<Clients>,
    lease: Lease,
    clock: Clock,
    seed: u64,
    settings: Settings,
    listener: Listener,
) -> Controller<S> {
    let Clients {
        medialive,
        mediaconnect,
    } = clients.into();
    let owner = || settings.owner.clone();
    let observer = Observer::new(medialive.clone(), settings.concurrency, owner());
    let routers = mediaconnect.map(|client| Routers {
        observer: RouterObserver::new(client.clone(), owner()),
        executor: OutputExecutor::new(client.clone(), lease.gate(), owner()),
        feeds: FeedExecutor::new(medialive.clone(), client, lease.gate(), owner()),
    });
    let parts = Parts {
        source,
        observer: observer.assuming_from(settings.assumes_from),
        executor: Executor::new(medialive, lease.gate(), owner()),
        routers,
        lease,
        clock,
        random: ChaCha8Rng::seed_from_u64(seed),
        listener,
    };
    Controller::new(parts, settings)
}

/// Tables that `aws` reaches; `has_credentials`: whether any were given.
pub fn tables(aws: Aws, has_credentials: bool) -> Access {
    let access = Access::new(aws.connect());
    if has_credentials {
        access
    } else {
        access.with_placeholder(placeholder_credentials())
    }
}

/// The client of `world`; it says in each call that it is `me`, where several share a lease.
pub async fn client(
    world: &World,
    wire: &medialive::Settings,
    me: Option<&str>,
) -> Result<MediaLive, WiringError> {
    match world {
        World::Emulator(emulator) => Ok(emulated_client(emulator, wire)),
        World::Aws(aws) => {
            let config = named(aws, me).await?;
            let wire = medialive::Settings {
                endpoint_url: aws.endpoint_url.clone(),
                ..wire.clone()
            };
            Ok(MediaLive::new(&config, https(), &wire))
        }
    }
}

/// What a client of `aws` needs that says in each call that it is `me`.
async fn named(aws: &Aws, me: Option<&str>) -> Result<SdkConfig, WiringError> {
    let config = aws.config().await;
    if config.region().is_none() {
        return Err(aws.no_region().await);
    }
    // A name that no user agent takes is left out: it only helps readers of CloudTrail.
    match me.and_then(|me| AppName::new(me.to_owned()).ok()) {
        Some(name) => Ok(config.into_builder().app_name(name).build()),
        None => Ok(config),
    }
}

/// MediaConnect's client of `world`, for those that have a RouterPool: like MediaLive's, which `wire` is of, at a rate of its own.
pub async fn mediaconnect(
    world: &World,
    wire: &medialive::Settings,
    me: Option<&str>,
) -> Result<MediaConnect, WiringError> {
    match world {
        World::Emulator(emulator) => Ok(emulated_mediaconnect(emulator, &beside(wire))),
        World::Aws(aws) => {
            let config = named(aws, me).await?;
            let wire = mediaconnect::Settings {
                endpoint_url: aws.mediaconnect_endpoint(&config),
                ..beside(wire)
            };
            Ok(MediaConnect::new(&config, https(), &wire))
        }
    }
}

/// How MediaConnect is called where MediaLive is called by `wire`.
fn beside(wire: &medialive::Settings) -> mediaconnect::Settings {
    mediaconnect::Settings {
        attempt_timeout: wire.attempt_timeout,
        operation_timeout: wire.operation_timeout,
        meter: wire.meter.clone(),
        ..mediaconnect::Settings::default()
    }
}

/// MediaConnect's client of an emulator inside this process, for the region that the emulator is in.
pub fn emulated_mediaconnect(emulator: &Emulator, wire: &mediaconnect::Settings) -> MediaConnect {
    let timers = SharedAsyncSleep::new(TokioSleep::new());
    mediaconnect_through(emulator.connector(), timers, wire).in_region(emulator.region())
}

/// MediaConnect's client that sends its requests through `http`; `timers` end its attempts and waits.
pub fn mediaconnect_through(
    http: SharedHttpClient,
    timers: SharedAsyncSleep,
    wire: &mediaconnect::Settings,
) -> MediaConnect {
    let wire = mediaconnect::Settings {
        endpoint_url: Some(IN_MEMORY.to_owned()),
        ..wire.clone()
    };
    MediaConnect::new(&config_in_memory(timers), http, &wire)
}

/// The client of an emulator inside this process.
pub fn emulated_client(emulator: &Emulator, wire: &medialive::Settings) -> MediaLive {
    client_through(
        emulator.connector(),
        SharedAsyncSleep::new(TokioSleep::new()),
        wire,
    )
}

/// A client that sends its requests through `http`; `timers` end its attempts and waits.
pub fn client_through(
    http: SharedHttpClient,
    timers: SharedAsyncSleep,
    wire: &medialive::Settings,
) -> MediaLive {
    let wire = medialive::Settings {
        endpoint_url: Some(IN_MEMORY.to_owned()),
        ..wire.clone()
    };
    MediaLive::new(&config_in_memory(timers), http, &wire)
}

/// It is never resolved to an address: requests end in the emulator's router.
const IN_MEMORY: &str = "http://emulator.invalid";

fn config_in_memory(timers: SharedAsyncSleep) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(placeholder_credentials())
        .sleep_impl(timers)
        .time_source(aws_smithy_async::time::SharedTimeSource::new(
            aws_smithy_async::time::SystemTimeSource::new(),
        ))
        .build()
}

fn placeholder_credentials() -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Credentials::from_keys("emulator", "emulator", None))
}

fn https() -> SharedHttpClient {
    let unbounded = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    bounded(unbounded)
}

/// Channels for pools whose channels do not exist: three parked slots each, single pipeline.
pub fn invent(desired: &Desired) -> Fleet {
    let pools: Vec<InventedPool> = desired
        .pools
        .values()
        .map(|pool| invent_pool(pool, desired))
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

/// Slots of an invented channel whose pool names them by a pattern.
const INVENTED_SLOTS: usize = 3;

fn invent_pool(pool: &ChannelPool, desired: &Desired) -> InventedPool {
    let channels = pool.channels.iter().map(|channel| {
        let pins = desired
            .destinations
            .values()
            .filter_map(|destination| destination.pin.as_ref());
        let pinned: BTreeSet<&str> = pins
            .filter(|pin| pin.channel == channel.id)
            .map(|pin| pin.output_group.as_str())
            .collect();
        let groups = slot_names(pool.slots.output_groups.glob().glob(), &pinned);
        let slot = |group: String| {
            let parked = SlotSelector::parking_name(&SlotId::new(channel.id.clone(), group.clone()), 0);
            InventedSlot {
                output_group: group,
                stream_names: vec![parked],
            }
        };
        InventedChannel {
            id: channel.id.to_string(),
            standard: false,
            parking_url: pool.slots.parking_url.to_string(),
            slots: groups.into_iter().map(slot).collect(),
        }
    });
    InventedPool {
        name: pool.name.to_string(),
        channels: channels.collect(),
    }
}

/// Names that a glob matches: `RTMP-Slot-*` gives three, a plain name gives itself. A series continues while a pin names
/// the next one; a pin beyond may be a typing error, and shows as one, as it would in AWS.
fn slot_names(glob: &str, pinned: &BTreeSet<&str>) -> Vec<String> {
    let Some(at) = glob.find(['*', '?', '[', '{']) else {
        return vec![glob.to_owned()];
    };
    let rest = glob[at..].trim_start_matches(['*', '?']);
    let is_plain = !rest.contains(['*', '?', '[', '{']);
    let suffix = if is_plain { rest } else { "" };
    let name = |number: usize| format!("{}{number}{suffix}", &glob[..at]);
    // Each further one has a pin of its own.
    (1..=INVENTED_SLOTS + pinned.len())
        .map(|number| (number, name(number)))
        .take_while(|(number, name)| *number <= INVENTED_SLOTS || pinned.contains(name.as_str()))
        .map(|(_, name)| name)
        .collect()
}

#[cfg(test)]
mod tests {
    use aws_types::service_config::LoadServiceConfig;
    use tokio::net::TcpListener;

    use super::*;

    /// An environment or a profile that names an endpoint for this service.
    #[derive(Debug)]
    struct Named(&'static str, &'static str);

    impl LoadServiceConfig for Named {
        fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
            let is_asked = key.service_id() == self.0 && key.env() == "AWS_ENDPOINT_URL";
            is_asked.then(|| self.1.to_owned())
        }
    }

    #[test]
    fn routers_are_called_where_they_are_said_to_be_or_beside_an_emulated_medialive() {
        let local = "http://127.0.0.1:4570";
        let of_aws = "https://vpce-1.medialive.eu-central-1.vpce.amazonaws.com";
        let endpoint = |flag: Option<&str>, named: Named| {
            let aws = Aws {
                endpoint_url: flag.map(str::to_owned),
                ..Aws::default()
            };
            let config = SdkConfig::builder().service_config(named).build();
            aws.mediaconnect_endpoint(&config)
        };
        let own = "http://127.0.0.1:4571";
        for (flag, named, expected) in [
            (None, Named("MediaConnect", own), Some(own)),
            (Some(local), Named("MediaConnect", own), Some(own)),
            (Some(local), Named("Other", ""), Some(local)),
            (None, Named("MediaLive", local), Some(local)),
            (Some(of_aws), Named("Other", ""), None),
            (None, Named("MediaLive", of_aws), None),
            (None, Named("Other", ""), None),
        ] {
            let case = format!("{flag:?} {named:?}");
            assert_eq!(endpoint(flag, named).as_deref(), expected, "{case}");
        }
    }

    #[tokio::test]
    async fn routers_of_an_emulator_on_a_socket_are_listed() {
        let emulator = Emulator::new(crate::emulator::Options::default(), Fleet::empty());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let aws = Aws {
            region: Some("us-east-1".to_owned()),
            endpoint_url: Some(format!("http://{}", listener.local_addr().unwrap())),
            placeholder_credentials: true,
            profile: None,
        };
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let serving = {
            let emulator = emulator.clone();
            async move { emulator.serve(listener, async { drop(ended.await) }).await }
        };
        let asking = async {
            let wire = medialive::Settings::default();
            let client = mediaconnect(&World::Aws(aws), &wire, Some("me")).await.unwrap();
            assert_eq!(client.region(), "us-east-1");
            let listed = client.list_outputs().await;
            drop(end);
            listed
        };
        let (served, listed) = tokio::join!(serving, asking);
        served.unwrap();
        assert!(listed.unwrap().is_complete);
        let call = emulator.calls().pop().unwrap();
        assert_eq!(call.operation, "ListRouterOutputs");
        assert!(call.user_agent.unwrap().contains("app/me"));
    }

    #[test]
    fn invented_slots_match_the_glob_they_were_invented_for() {
        let none = BTreeSet::new();
        assert_eq!(
            slot_names("RTMP-Slot-*", &none),
            ["RTMP-Slot-1", "RTMP-Slot-2", "RTMP-Slot-3"]
        );
        assert_eq!(
            slot_names("slot-?-hd", &none),
            ["slot-1-hd", "slot-2-hd", "slot-3-hd"]
        );
        assert_eq!(slot_names("Only", &none), ["Only"]);
    }

    #[test]
    fn a_series_of_slots_continues_only_with_the_next_pin() {
        let pinned = BTreeSet::from(["S-2", "S-4", "S-5", "S-7", "S-44", "T-6"]);
        assert_eq!(slot_names("S-*", &pinned), ["S-1", "S-2", "S-3", "S-4", "S-5"]);
    }
}
