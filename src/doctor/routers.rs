//! What RouterPools need of MediaConnect: the list of outputs, their quotas, the input and the interface of each pool.
//!
//! Nothing is asked where no RouterPool is declared.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::make::{self, Front};
use super::{Check, TookTooLong, UnderWay};
use crate::mediaconnect::{InputDocument, Listed, MediaConnect, NetworkInterface, OutputSummary};
use crate::model::{
    ChannelId, Desired, InputState, OwnerId, PoolName, RouteState, RouterArn, RouterOutput, RouterPool,
    RouterQuota,
};
use crate::service::{CallError, CallErrorKind};
use crate::words::counted;

const LIST: &str = "ListRouterOutputs";
const GET: &str = "GetRouterOutput";
const QUOTA: &str = "router outputs";

/// What a look at an input or an interface gave.
type Looked<T> = Result<Result<Option<T>, CallError>, TookTooLong>;

/// Looks at what every RouterPool needs; `mediaconnect` is `None` where no region is set.
pub(super) async fn examine(
    desired: Option<&Desired>,
    mediaconnect: Option<&MediaConnect>,
    endpoint: Option<&str>,
    fronts: &BTreeMap<ChannelId, Front>,
    now: Timestamp,
    under_way: &UnderWay,
) -> Vec<Check> {
    let Some(desired) = desired.filter(|desired| !desired.routers.is_empty()) else {
        return Vec::new();
    };
    let Some(client) = mediaconnect else {
        let why = "not asked, since no region is set";
        return vec![Check::unknown("mediaconnect", why, "set the region first")];
    };
    let listed = match under_way.wait_for(LIST, client.list_outputs()).await {
        Ok(Ok(listed)) => listed,
        Ok(Err(error)) => return not_listed(&error, client.region(), endpoint),
        Err(late) => {
            let fix = where_to_look(client.region(), endpoint);
            return vec![Check::failed(LIST, late, fix), not_looked_at()];
        }
    };
    let (readable, others) = read(client, &listed, &desired.owner, under_way).await;
    let all = Outputs {
        count: listed.outputs.len(),
        listed,
        others,
    };
    let mut checks = vec![Check::ok(LIST, "allowed"), readable];
    checks.push(quota(desired, &all, client.region(), now));
    checks.extend(pools(desired, client, &all, (fronts, now), under_way).await);
    checks
}

/// The outputs of the region.
struct Outputs {
    count: usize,
    listed: Listed,
    /// Those of other owners, as far as they could be read: they keep their places.
    others: BTreeSet<RouterArn>,
}

fn not_looked_at() -> Check {
    let why = "not looked at, since MediaConnect does not list router outputs";
    Check::unknown("router pools", why, "")
}

/// The list did not come. What AWS answers in a region without the router is not documented: nothing at all, or a refusal.
fn not_listed(error: &CallError, region: &str, endpoint: Option<&str>) -> Vec<Check> {
    let check = match error.kind {
        CallErrorKind::Denied => Check::failed(
            LIST,
            said(error),
            format!("allow mediaconnect:{LIST}, as manifests/iam-policy.json does"),
        ),
        CallErrorKind::Throttled => Check::warning(LIST, said(error), error.kind.fix()),
        kind if kind.is_of_credentials() => Check::failed(LIST, said(error), kind.fix()),
        _ => Check::failed(LIST, said(error), where_to_look(region, endpoint)),
    };
    vec![check, not_looked_at()]
}

fn said(error: &CallError) -> String {
    match error.message.as_str() {
        "" => error.kind.to_string(),
        message => format!("{}: {message}", error.kind),
    }
}

fn where_to_look(region: &str, endpoint: Option<&str>) -> String {
    match endpoint {
        Some(endpoint) => format!("see what answers at {endpoint}"),
        None => format!(
            "see whether MediaConnect has routers in {region}, with aws mediaconnect list-router-outputs; if not, use \
             another region or a ChannelPool"
        ),
    }
}

/// Whether outputs can be read, and which are of other owners. Where there is none, one that does not exist is asked for.
async fn read(
    client: &MediaConnect,
    listed: &Listed,
    owner: &OwnerId,
    under_way: &UnderWay,
) -> (Check, BTreeSet<RouterArn>) {
    let allow = || format!("allow mediaconnect:{GET}, as manifests/iam-policy.json does");
    let arns: Vec<RouterArn> = listed.outputs.iter().map(|one| one.arn.clone()).collect();
    let asked = if arns.is_empty() {
        let id = "000000000000";
        let nobodys = format!("arn:aws:mediaconnect:{}:{id}:routerOutput:{id}", client.region());
        let nobodys = RouterArn::new(nobodys);
        let answer = under_way.wait_for(GET, client.get_output(&nobodys)).await;
        answer.map(|answer| answer.map(|_| BTreeMap::new()))
    } else {
        under_way.wait_for(GET, client.get_outputs(&arns)).await
    };
    let check = match asked {
        Ok(Ok(outputs)) => {
            let is_anothers = |one: &RouterOutput| one.owner.as_ref() != Some(owner);
            let others = outputs
                .into_iter()
                .filter(|(_, one)| one.as_ref().is_some_and(is_anothers));
            return (Check::ok(GET, "allowed"), others.map(|(arn, _)| arn).collect());
        }
        // A policy may allow those of its own account only.
        Ok(Err(error)) if error.kind == CallErrorKind::Denied && arns.is_empty() => Check::unknown(
            GET,
            "denied for a router output that does not exist, as it is by a policy for those of one account only",
            format!("see that it allows mediaconnect:{GET}, as manifests/iam-policy.json does"),
        ),
        Ok(Err(error)) if error.kind == CallErrorKind::Denied => Check::failed(GET, said(&error), allow()),
        Ok(Err(error)) => Check::unknown(GET, said(&error), error.kind.fix()),
        Err(late) => Check::unknown(GET, late, ""),
    };
    (check, BTreeSet::new())
}

/// Whether the region takes an output for each destination that is wanted.
fn quota(desired: &Desired, outputs: &Outputs, region: &str, now: Timestamp) -> Check {
    let (count, limit) = (outputs.count, RouterQuota::default().per_region);
    let is_of_routers = |pool: &PoolName| desired.routers.contains_key(pool);
    let all = desired.destinations.values();
    let wanted = all
        .filter(|one| is_of_routers(&one.pool) && one.is_wanted(now))
        .count();
    if count > limit {
        let what = format!("{count} in {region}, more than the default quota of {limit}");
        return Check::ok(QUOTA, what);
    }
    let what = format!("{count} of {limit} in {region} by the default quota; Service Quotas shows yours");
    let others = outputs.others.len();
    if wanted + others > limit {
        let fix = format!(
            "raise the quota: {} are wanted, and {} of other owners are there",
            counted(wanted, "destination"),
            counted(others, "output")
        );
        return Check::warning(QUOTA, what, fix);
    }
    Check::ok(QUOTA, what)
}

/// The input and the interface of every pool. One that several pools name is asked for once.
async fn pools(
    desired: &Desired,
    client: &MediaConnect,
    outputs: &Outputs,
    (fronts, now): (&BTreeMap<ChannelId, Front>, Timestamp),
    under_way: &UnderWay,
) -> Vec<Check> {
    let (mut inputs, mut interfaces) = (BTreeMap::new(), BTreeMap::new());
    let mut checks = Vec::new();
    for pool in desired.routers.values() {
        if !inputs.contains_key(&pool.input) {
            let asked = client.get_input_document(&pool.input, &desired.owner);
            let looked = under_way.wait_for("router inputs", asked).await;
            inputs.insert(pool.input.clone(), looked);
        }
        if !interfaces.contains_key(&pool.network_interface) {
            let asked = client.get_interface(&pool.network_interface);
            let looked = under_way.wait_for("router network interfaces", asked).await;
            interfaces.insert(pool.network_interface.clone(), looked);
        }
        let (fed, region) = (Fed::by(&pool.input, desired, outputs, now), client.region());
        let front = pool.source.as_ref().and_then(|channel| fronts.get(channel));
        let looked = &interfaces[&pool.network_interface];
        let has_interface = !matches!(looked, Ok(Ok(None)));
        let check = interface_check(pool, looked, region);
        // What an input needs comes before it.
        checks.push(if has_interface {
            check
        } else {
            check.by(make::interface(pool, region))
        });
        let looked = &inputs[&pool.input];
        let check = input_check(pool, looked, region, &fed);
        checks.push(match looked {
            Ok(Ok(None)) => check.by(make::input(pool, front, has_interface, region)),
            Ok(Ok(Some(found))) if found.input.state == InputState::Standby && pool.source.is_none() => {
                check.by(make::start(&pool.input, region))
            }
            _ => check,
        });
    }
    checks
}

/// What an input feeds, or is to feed.
struct Fed {
    /// Outputs that are routed to it, whosever they are.
    routed: usize,
    /// Those of them that are of other owners.
    others: usize,
    /// Destinations that are wanted, in all pools that name it.
    wanted: usize,
}

impl Fed {
    fn by(input: &RouterArn, desired: &Desired, outputs: &Outputs, now: Timestamp) -> Self {
        let is_routed = |output: &&OutputSummary| {
            output.route != RouteState::Unrouted && output.input.as_ref() == Some(input)
        };
        let pools = desired.routers.values().filter(|pool| pool.input == *input);
        let pools: BTreeSet<&PoolName> = pools.map(|pool| &pool.name).collect();
        let wanted = desired.destinations.values();
        let routed: Vec<&OutputSummary> = outputs.listed.outputs.iter().filter(is_routed).collect();
        Self {
            routed: routed.len(),
            others: routed
                .iter()
                .filter(|one| outputs.others.contains(&one.arn))
                .count(),
            wanted: wanted
                .filter(|one| pools.contains(&one.pool) && one.is_wanted(now))
                .count(),
        }
    }
}

fn input_check(pool: &RouterPool, looked: &Looked<InputDocument>, region: &str, fed: &Fed) -> Check {
    let at = At {
        pool: &pool.name,
        arn: &pool.input,
        kind: "router input",
        field: "input",
        get: "GetRouterInput",
    };
    let found = match at.found(looked, region) {
        Ok(found) => found,
        Err(check) => return check,
    };
    if let Some(check) = misfit(pool, found, &at) {
        return check;
    }
    let input = &found.input;
    let limit = RouterQuota::default().per_input;
    let start = format!(
        "start it: aws mediaconnect start-router-input --arn {}",
        pool.input
    );
    let what = format!("{} of {limit} outputs are routed to it", fed.routed);
    match input.state {
        InputState::Active if fed.wanted + fed.others > limit => Check::warning(
            at.name(),
            format!(
                "ACTIVE, {what}, {} of other owners; wanted: {}",
                fed.others,
                counted(fed.wanted, "destination")
            ),
            "declare a second RouterPool with another router input, and move some there",
        ),
        InputState::Active => Check::ok(at.name(), format!("ACTIVE, {what}")),
        InputState::Starting => {
            Check::warning(at.name(), "STARTING, so nothing is on air yet", "wait for it")
        }
        InputState::Standby if pool.source.is_some() => {
            Check::ok(at.name(), "STANDBY; it is started when a destination is wanted")
        }
        InputState::Standby => Check::failed(at.name(), "STANDBY, so that nothing goes on air", start),
        state => Check::failed(
            at.name(),
            format!("{state}, not ACTIVE, so that nothing goes on air"),
            format!("see why: aws mediaconnect get-router-input --arn {}", pool.input),
        ),
    }
}

/// Why outputs of the pool could not take an input, or why it brings nothing from the channel in front.
fn misfit(pool: &RouterPool, found: &InputDocument, at: &At<'_>) -> Option<Check> {
    let settings = &pool.settings;
    let (most, allowed) = (found.maximum_bitrate.unwrap_or(0), settings.maximum_bitrate);
    if most > allowed {
        let what = format!("it may bring {most} bit/s, and outputs of the pool take {allowed}");
        let fix = format!("write maximumBitrate: {most} in output of pool {}", pool.name);
        return Some(Check::failed(at.name(), what, fix));
    }
    match (&pool.source, &found.input.channel) {
        (Some(source), Some(takes)) if source != takes => {
            let what = format!("it takes channel {takes}, and source names {source}");
            let fix = format!("write channel: \"{takes}\" in source of pool {}", pool.name);
            return Some(Check::failed(at.name(), what, fix));
        }
        (Some(source), None) => {
            let what = format!("it takes no MediaLive channel, and source names {source}");
            let fix = format!(
                "connect it to the MediaConnect Router output of channel {source}, or remove source of pool {}",
                pool.name
            );
            return Some(Check::failed(at.name(), what, fix));
        }
        _ => {}
    }
    let zone = settings.availability_zone.as_ref().zip(found.zone.as_ref());
    let (ours, its) = zone.filter(|(ours, its)| ours != its)?;
    let what = format!("it is in {its}, and outputs are made in {ours}, which costs transfer");
    let fix = format!("write availabilityZone: {its} in output of pool {}", pool.name);
    Some(Check::warning(at.name(), what, fix))
}

fn interface_check(pool: &RouterPool, looked: &Looked<NetworkInterface>, region: &str) -> Check {
    let at = At {
        pool: &pool.name,
        arn: &pool.network_interface,
        kind: "router network interface",
        field: "networkInterface",
        get: "GetRouterNetworkInterface",
    };
    let interface = match at.found(looked, region) {
        Ok(interface) => interface,
        Err(check) => return check,
    };
    if interface.is_active() {
        return Check::ok(at.name(), &interface.state);
    }
    Check::failed(
        at.name(),
        format!("{}, so that no output can be made on it", interface.state),
        format!(
            "see why: aws mediaconnect get-router-network-interface --arn {}",
            pool.network_interface
        ),
    )
}

/// What a pool names.
struct At<'a> {
    pool: &'a PoolName,
    arn: &'a RouterArn,
    kind: &'static str,
    field: &'static str,
    get: &'static str,
}

impl At<'_> {
    fn name(&self) -> String {
        format!("{} of {}", self.field, self.pool)
    }

    /// What was found of it in `region`, or what is wrong.
    fn found<'t, T>(&self, looked: &'t Looked<T>, region: &str) -> Result<&'t T, Check> {
        let Self { arn, kind, get, .. } = self;
        // An output is made in the region of this process, and can use neither of another one.
        let its_region = arn.region();
        if its_region != region {
            return Err(Check::failed(
                self.name(),
                format!("the {kind} is in {its_region}, and slotwise works in {region}"),
                format!(
                    "run with --region {its_region}, or name one of {region} in pool {}",
                    self.pool
                ),
            ));
        }
        match looked {
            Ok(Ok(Some(found))) => Ok(found),
            Ok(Ok(None)) => Err(Check::failed(
                self.name(),
                format!("MediaConnect knows no {kind} {arn}"),
                format!(
                    "correct spec.{} of pool {}, or check the account",
                    self.field, self.pool
                ),
            )),
            Ok(Err(error)) if error.kind == CallErrorKind::Denied => Err(Check::failed(
                self.name(),
                said(error),
                format!("allow mediaconnect:{get}, as manifests/iam-policy.json does"),
            )),
            Ok(Err(error)) => Err(Check::unknown(self.name(), said(error), error.kind.fix())),
            Err(late) => Err(Check::unknown(self.name(), late, "")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::CheckOutcome;
    use crate::model::{RouterInput, samples};

    fn found(state: InputState) -> InputDocument {
        InputDocument {
            input: RouterInput::in_state(state),
            maximum_bitrate: Some(1_000_000),
            zone: Some("us-east-1a".into()),
        }
    }

    #[test]
    fn an_input_that_does_not_fit_says_what_to_write() {
        let mut pool = samples::router_pool("live");
        pool.settings.maximum_bitrate = 8_000_000;
        let region = pool.input.region().to_owned();
        let fed = Fed {
            routed: 0,
            others: 0,
            wanted: 1,
        };
        let check = |pool: &RouterPool, change: fn(&mut InputDocument)| {
            let mut document = found(InputState::Active);
            change(&mut document);
            input_check(pool, &Ok(Ok(Some(document))), &region, &fed)
        };
        assert_eq!(check(&pool, |_| {}).outcome, CheckOutcome::Ok);
        let large = check(&pool, |input| input.maximum_bitrate = Some(10_000_000));
        assert_eq!(large.outcome, CheckOutcome::Failed);
        assert!(large.fix.contains("maximumBitrate: 10000000"), "{large:?}");
        pool.settings.availability_zone = Some("us-east-1b".into());
        let apart = check(&pool, |_| {});
        assert_eq!(apart.outcome, CheckOutcome::Warning);
        assert!(apart.fix.contains("availabilityZone: us-east-1a"), "{apart:?}");
    }

    #[test]
    fn what_is_not_active_says_what_to_do() {
        let pool = samples::router_pool("live");
        let region = pool.input.region().to_owned();
        let fed = Fed {
            routed: 3,
            others: 6,
            wanted: 4,
        };
        for (state, outcome, says) in [
            (InputState::Active, CheckOutcome::Ok, "3 of 10 outputs"),
            (InputState::Starting, CheckOutcome::Warning, "STARTING"),
            (InputState::Standby, CheckOutcome::Failed, "STANDBY"),
            (InputState::Other, CheckOutcome::Failed, "not ACTIVE"),
        ] {
            let looked = Ok(Ok(Some(found(state))));
            let check = input_check(&pool, &looked, &region, &fed);
            assert_eq!(check.outcome, outcome, "{check:?}");
            assert!(check.what.contains(says), "{check:?}");
            let has_fix = !check.fix.is_empty();
            assert_eq!(has_fix, outcome != CheckOutcome::Ok, "{check:?}");
        }
        let mut with_source = pool.clone();
        with_source.source = Some("4000009".into());
        let mut standby = found(InputState::Standby);
        let check = input_check(&with_source, &Ok(Ok(Some(standby.clone()))), &region, &fed);
        assert!(check.what.contains("takes no MediaLive channel"), "{check:?}");
        standby.input.channel = Some("4000009".into());
        let check = input_check(&with_source, &Ok(Ok(Some(standby.clone()))), &region, &fed);
        assert_eq!(check.outcome, CheckOutcome::Ok, "{check:?}");
        standby.input.channel = Some("4000008".into());
        let check = input_check(&with_source, &Ok(Ok(Some(standby))), &region, &fed);
        assert!(check.fix.contains("4000008"), "{check:?}");
        let looked = Ok(Ok(Some(found(InputState::Active))));
        let crowded = Fed { wanted: 5, ..fed };
        let check = input_check(&pool, &looked, &region, &crowded);
        assert_eq!(check.outcome, CheckOutcome::Warning, "{check:?}");
        let looked = Ok(Ok(Some(NetworkInterface {
            name: "live".into(),
            state: "CREATING".into(),
            region: region.as_str().into(),
        })));
        let check = interface_check(&pool, &looked, &region);
        assert_eq!(check.outcome, CheckOutcome::Failed);
        assert!(check.fix.contains("get-router-network-interface"), "{check:?}");
    }

    #[test]
    fn a_list_that_does_not_come_says_where_to_look() {
        let error = |kind| CallError {
            operation: LIST,
            subject: None,
            kind,
            message: String::new(),
        };
        for (kind, endpoint, says) in [
            (
                CallErrorKind::Denied,
                None,
                "allow mediaconnect:ListRouterOutputs",
            ),
            (CallErrorKind::Unreachable, None, "has routers in eu-west-3"),
            (CallErrorKind::Invalid, None, "has routers in eu-west-3"),
            (
                CallErrorKind::Unreachable,
                Some("http://127.0.0.1:9"),
                "see what answers at",
            ),
            (CallErrorKind::CredentialsExpired, None, "aws sso login"),
        ] {
            let checks = not_listed(&error(kind), "eu-west-3", endpoint);
            assert_eq!(checks[0].outcome, CheckOutcome::Failed);
            assert!(checks[0].fix.contains(says), "{checks:?}");
            assert_eq!(checks[1].outcome, CheckOutcome::Unknown);
        }
    }
}
