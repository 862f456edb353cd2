//! From arguments to a controller.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, interval_at};

use super::args::{ChangeArgs, ConnectionArgs, EmulatorFleet, switches};
use super::aws_files;
use super::endpoint::{Endpoint, Service, region_of_environment, variable};
use super::exit::ExitCode;
use super::failure::Failure;
use super::names;
use super::output::Output;
use crate::controller::lease::{Hander, Holder};
use crate::controller::{Clock, Controller, CycleError, Listener, Settings, View};
use crate::emulator::{self, Emulator, Fleet};
use crate::files;
use crate::manifest::Problem;
use crate::medialive::{self, CallErrorKind, Meter, RateLimit};
use crate::model::{Desired, DestinationName, OwnerId, Trust, Unreadable};
use crate::observe::Progress;
use crate::plan::router::allow;
use crate::render::problems;
use crate::secrets::{self, Keys};
use crate::store::dynamodb::Access;
use crate::store::{LoadOptions, Source, Sources};
use crate::wiring::{self, Aws, LeaseIn, LockFile, World, Writing};

/// A controller on everything that is declared.
pub(super) type Live = Controller<Sources>;

/// Time between looks while a channel of an emulator is on its way: its transitions take seconds.
const EMULATED_TRANSITION_INTERVAL: Duration = Duration::from_secs(1);

/// A look that ends before this shows no progress.
const PROGRESS_AFTER: Duration = Duration::from_secs(1);

/// Interval of progress messages.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// Largest fleet file that is read: ten thousand channels as MediaLive describes them have less.
const FLEET_MAX: u64 = 512 << 20;

/// What a controller is made for.
pub(super) struct Purpose<'a> {
    /// Where the declared state is.
    pub(super) sources: &'a [PathBuf],
    /// Which MediaLive.
    pub(super) connection: &'a ConnectionArgs,
    /// How changes are carried out; `None` for a controller that only looks.
    pub(super) changes: Option<&'a ChangeArgs>,
    /// Destinations with a one-off grant.
    pub(super) grants: &'a [String],
    /// Whether it goes on until it is asked to end, so that being told of changes is worth the effort.
    pub(super) lasts: bool,
}

impl Purpose<'_> {
    /// The settings of the loop as far as the arguments of every command say.
    pub(super) fn settings(&self) -> Settings {
        let mut settings = Settings::new(OwnerId::new(&self.connection.owner_id));
        settings.concurrency = self.connection.concurrency;
        settings.max_vanish = self.connection.max_vanish;
        settings.grants = self
            .grants
            .iter()
            .map(DestinationName::new)
            .collect::<BTreeSet<_>>();
        if self.connection.emulator.is_some() {
            settings.transition_interval = EMULATED_TRANSITION_INTERVAL;
        }
        if let Some(interval) = self.changes.and_then(|changes| changes.transition_interval) {
            settings.transition_interval = interval;
        }
        settings
    }

    /// A controller with `settings` and `listener`.
    pub(super) async fn controller(&self, settings: Settings, listener: Listener) -> Result<Live, Failure> {
        self.metered_controller(settings, listener, None).await
    }

    /// The same, whose requests to MediaLive `meter` counts.
    pub(super) async fn metered_controller(
        &self,
        settings: Settings,
        listener: Listener,
        meter: Option<Arc<dyn Meter>>,
    ) -> Result<Live, Failure> {
        let world = self.world(&settings.owner).await?;
        let wire = medialive::Settings {
            meter,
            ..wire(self.connection)
        };
        let writing = match (self.changes, &world) {
            (None, _) => Writing::Never,
            (Some(_), World::Emulator(_)) => Writing::Alone,
            (Some(changes), World::Aws(_)) => self.writing(changes),
        };
        let ttl = self.changes.map_or(secrets::TTL, |changes| changes.key_ttl);
        let region = self.connection.region.as_deref();
        let paths = self.sources.to_vec();
        let mut source =
            Sources::new(paths, settings.owner.clone(), LoadOptions::default()).with_keys(self.keys(ttl)?);
        if self.lasts {
            source = source.with_notices();
        }
        let tables = table_access(region)?;
        Ok(wiring::controller(source, &world, tables, &wire, &writing, settings, listener).await?)
    }

    /// How to hand a grant to the holder of the lease.
    pub(super) async fn hander(&self, holder: &Holder) -> Result<Option<Hander>, Failure> {
        let Some(changes) = self.changes else {
            return Ok(None);
        };
        let world = self.world(&OwnerId::new(&self.connection.owner_id)).await?;
        Ok(wiring::hander(&world, &self.writing(changes), holder).await?)
    }

    fn writing(&self, changes: &ChangeArgs) -> Writing {
        let owner = &self.connection.owner_id;
        let Some(table) = &changes.lease_table else {
            return Writing::WithLock(LockFile {
                named: changes.lock_file.clone(),
                owner: owner.clone(),
            });
        };
        let is_local =
            Endpoint::of_environment(Service::DynamoDb).is_some_and(|endpoint| endpoint.is_local());
        Writing::WithTable(LeaseIn {
            table: table.clone(),
            duration: changes.lease_duration,
            owner: owner.clone(),
            host: host(),
            placeholder_credentials: !has_credentials() && is_local,
        })
    }

    /// Keys that go to an emulator inside this process leave it nowhere, so other readers of their files do not matter.
    fn keys(&self, ttl: Duration) -> Result<Keys, Failure> {
        let keys = keys(self.connection.region.as_deref(), ttl)?;
        Ok(match self.connection.emulator {
            None => keys,
            Some(_) => keys.without_warnings(),
        })
    }

    /// One look by a controller without a listener; a long one shows its progress.
    pub(super) async fn look(&self, output: &Output) -> Result<(Live, View), Failure> {
        let mut controller = self.controller(self.settings(), Box::new(|_| {})).await?;
        let progress = controller.progress();
        let look = Box::pin(controller.look());
        let view = with_progress(look, &progress, output)
            .await
            .map_err(|error| self.failure(error))?;
        Ok((controller, view))
    }

    /// `error` with the endpoint that did not answer, where one was named.
    pub(super) fn failure(&self, error: CycleError) -> Failure {
        let unreachable =
            matches!(&error, CycleError::Observe(call) if call.kind == CallErrorKind::Unreachable);
        let failure = Failure::from(error);
        match self
            .connection
            .endpoint()
            .filter(|_| unreachable && self.connection.emulator.is_none())
        {
            Some(endpoint) => failure.next(format!(
                "see what answers at {endpoint}, named by {}",
                endpoint.named_by
            )),
            None => failure,
        }
    }

    async fn world(&self, owner: &OwnerId) -> Result<World, Failure> {
        let Some(fleet) = &self.connection.emulator else {
            return aws(self.connection).map(World::Aws);
        };
        let fleet = match fleet {
            EmulatorFleet::File(path) => read_fleet(path)?,
            EmulatorFleet::Invented => invent(self.sources, owner).await?,
        };
        Ok(self.emulator(fleet))
    }

    /// The world; an emulator without a channel where the sources cannot be read that would name them.
    pub(super) async fn world_or_empty(&self, owner: &OwnerId) -> Result<World, Failure> {
        match (&self.connection.emulator, self.world(owner).await) {
            (Some(EmulatorFleet::Invented), Err(_)) => Ok(self.emulator(Fleet::empty())),
            (_, world) => world,
        }
    }

    fn emulator(&self, fleet: Fleet) -> World {
        let options = emulator::Options {
            seed: self.connection.emulator_seed,
            speed: self.connection.emulator_speed,
            epoch: Clock::system().now(),
            switches: switches(&self.connection.emulator_set),
            ..emulator::Options::default()
        };
        World::Emulator(Emulator::new(options, fleet))
    }
}

/// How MediaLive is called.
pub(super) fn wire(connection: &ConnectionArgs) -> medialive::Settings {
    medialive::Settings {
        attempt_timeout: connection.attempt_timeout,
        operation_timeout: connection.operation_timeout,
        rate: RateLimit {
            per_second: connection.medialive_rps,
        },
        endpoint_url: None,
        meter: None,
    }
}

/// Waits for a look, and says how far it has come every now and then.
pub(super) async fn with_progress<T>(
    mut look: impl Future<Output = T> + Unpin,
    progress: &Progress,
    output: &Output,
) -> T {
    let mut ticks = interval_at(Instant::now() + PROGRESS_AFTER, PROGRESS_EVERY);
    loop {
        tokio::select! {
            biased;
            done = &mut look => return done,
            _ = ticks.tick() => {
                if let Some((done, expected)) = progress.so_far() {
                    output.note(&format!("{done} of {expected} channels looked at\n"));
                }
            }
        }
    }
}

/// Shows what is wrong with the sources, and whether anything is an error.
pub(super) fn show_problems(problems: &[Problem], output: &Output) -> bool {
    output.note(&problems::problems(problems, output.note_style()));
    problems::errors(problems) > 0
}

/// Says that the sources are not trusted, and checks the names of one-off grants.
pub(super) fn check_view(view: &View, grants: &[String], output: &Output) -> Result<(), Failure> {
    if let Trust::Doubted { why } = &view.loaded.desired.trust {
        output.warning(&format_args!(
            "the sources are not trusted to be whole, so what they do not declare stays on air: {why}"
        ));
    }
    check_outputs(view, output)?;
    names::check(grants, &view.loaded.desired)
}

/// Says that the router outputs could not be looked at. Where nothing else is declared there is nothing to show, as where the
/// channels cannot be listed.
pub(super) fn check_outputs(view: &View, output: &Output) -> Result<(), Failure> {
    let desired = &view.loaded.desired;
    let Some(unreadable) = unseen_outputs(view) else {
        return Ok(());
    };
    let why = &unreadable.why;
    let mut failure = Failure::new(
        ExitCode::Error,
        format!("cannot look at the router outputs: {why}"),
    );
    if let Some(action) = &unreadable.denied {
        failure = failure.next(allow(action));
    }
    if desired.pools.is_empty() {
        return Err(failure);
    }
    output.warning(&failure);
    Ok(())
}

/// Why it is not known what router outputs there are.
pub(super) fn unseen_outputs(view: &View) -> Option<&Unreadable> {
    let routers = &view.observed.routers;
    let is_seen = routers.is_complete || view.loaded.desired.routers.is_empty();
    routers.unreadable.as_ref().filter(|_| !is_seen)
}

/// The channels of a fleet file.
pub(super) fn read_fleet(path: &Path) -> Result<Fleet, Failure> {
    let step = || format!("cannot read the fleet {}", path.display());
    let text = files::read_text(path, FLEET_MAX).map_err(|error| {
        Failure::at(step(), &error).next("make one: aws medialive describe-channel --channel-id ID > FILE")
    })?;
    Fleet::parse(&text).map_err(|error| Failure::at(step(), &error))
}

/// The channels that the pools of `sources` name.
pub(super) async fn invent(sources: &[PathBuf], owner: &OwnerId) -> Result<Fleet, Failure> {
    let options = LoadOptions { check_keys: false };
    let mut source = Sources::new(sources.to_vec(), owner.clone(), options);
    let loaded = source
        .load()
        .await
        .map_err(|error| Failure::at("cannot read the desired state", &error).next(error.fix()))?;
    Ok(wiring::invent(&loaded.desired))
}

/// How many channels the pools of `desired` name.
pub(super) fn channel_count(desired: &Desired) -> usize {
    desired.pools.values().map(|pool| pool.channels.len()).sum()
}

/// Keys on this machine and in AWS, in `region` unless the environment or the profile says.
pub(super) fn keys(region: Option<&str>, ttl: Duration) -> Result<Keys, Failure> {
    let connect = |service| {
        let endpoint = Endpoint::of_environment(service);
        reach(region, endpoint.as_ref()).map(Aws::connect)
    };
    Ok(Keys::with_aws(
        connect(Service::Ssm)?,
        connect(Service::SecretsManager)?,
        ttl,
    ))
}

/// Tables, in `region` unless the environment or the profile says.
pub(super) fn table_access(region: Option<&str>) -> Result<Access, Failure> {
    let endpoint = Endpoint::of_environment(Service::DynamoDb);
    let aws = reach(region, endpoint.as_ref())?;
    let access = wiring::tables(aws, has_credentials());
    // To the SDK streams are a service of their own. A DynamoDB on this machine serves both, so its endpoint is for both.
    let named = variable("AWS_ENDPOINT_URL_DYNAMODB_STREAMS").is_some();
    Ok(match endpoint.filter(|endpoint| endpoint.is_local() && !named) {
        Some(endpoint) => access.with_streams_at(endpoint.url),
        None => access,
    })
}

fn has_credentials() -> bool {
    variable("AWS_ACCESS_KEY_ID").is_some() || variable("AWS_PROFILE").is_some()
}

fn aws(connection: &ConnectionArgs) -> Result<Aws, Failure> {
    let endpoint = connection.endpoint();
    Ok(Aws {
        // An endpoint from the environment goes to MediaLive as well: the SDK reads it for itself.
        endpoint_url: connection.endpoint_url.clone(),
        ..reach(connection.region.as_deref(), endpoint.as_ref())?
    })
}

/// How to reach a service at `endpoint`, or at the region's own.
fn reach(region: Option<&str>, endpoint: Option<&Endpoint>) -> Result<Aws, Failure> {
    if let Some(endpoint) = endpoint {
        endpoint.check()?;
    }
    aws_files::check()?;
    let is_local = endpoint.is_some_and(Endpoint::is_local);
    let region = region.map(str::to_owned).or_else(region_of_environment);
    Ok(Aws {
        endpoint_url: None,
        // The name of the region matters to an emulator in ARNs only.
        region: region.or_else(|| is_local.then(|| "us-east-1".to_owned())),
        placeholder_credentials: !has_credentials() && is_local,
        profile: variable("AWS_PROFILE"),
    })
}

/// This machine's name; for display only.
pub(super) fn host() -> String {
    let file = || files::read_text(Path::new("/proc/sys/kernel/hostname"), 1024).ok();
    let name = variable("HOSTNAME").or_else(file).unwrap_or_default();
    let fits = |letter: &char| letter.is_ascii_alphanumeric() || "-_.".contains(*letter);
    let name: String = name.trim().chars().filter(fits).take(63).collect();
    if name.is_empty() { "host".to_owned() } else { name }
}
