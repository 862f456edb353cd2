//! Stand-ins for what a recording must not hold: stream keys, and URLs beyond their host.
//!
//! The planner only compares a key or a URL with another one, for equality or for the same stream, and names a URL's
//! host. So equal ones get equal stand-ins, different ones different stand-ins, two spellings of one address two
//! spellings of one stand-in, and a URL keeps its host. A stream name that parks a slot is no secret and stays: by it the
//! planner distinguishes a parked slot from a taken one. The digests of slot tags are made anew, so that those fit that did.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Case, CaseOutcome};
use crate::model::{
    ChannelId, ChannelObservation, ChannelPool, ChannelTags, Desired, Destination, Endpoint, Identity,
    Observed, ObservedChannel, ObservedGroup, ObservedRouters, OutputGroup, OwnerId, RouterOutput, Secret,
    SlotId, SlotSelector, SlotTag, StreamKey, Target, TargetDigest,
};
use crate::plan::router::OutputAction;
use crate::plan::{Action, Plan};

/// More keys or URLs than this were never in force at once; beyond it those of long ago are forgotten.
const REMEMBERED_MAX: usize = 1_000_000;

/// The host of a URL that has none.
const NO_HOST: &str = "(no host)";

/// Which stand-in each key and URL has: the same for as long as this lives.
#[derive(Debug, Default)]
pub struct StandIns {
    keys: BTreeMap<Secret, Secret>,
    urls: BTreeMap<Arc<str>, Arc<str>>,
    /// The number of each address, however it is spelled.
    places: BTreeMap<String, u64>,
    /// How many spellings each address has.
    spellings: BTreeMap<String, usize>,
    /// Given so far, also to what is forgotten by now: none is given twice.
    given: u64,
}

impl StandIns {
    /// `case` with stand-ins throughout, its outcome included.
    pub(super) fn hide(&mut self, case: &Case) -> Case {
        if self.keys.len().max(self.urls.len()) > REMEMBERED_MAX {
            self.keys.clear();
            self.urls.clear();
            self.places.clear();
            self.spellings.clear();
        }
        let mut hiding = Hiding {
            owner: case.desired.owner.clone(),
            declared: declared(&case.desired),
            parking: parking_names(&case.observed),
            parking_urls: (case.desired.pools.values())
                .map(|pool| whole_url(&pool.slots.parking_url))
                .collect(),
            known: self,
        };
        Case {
            desired: Arc::new(hiding.desired(&case.desired)),
            observed: hiding.observed(&case.observed),
            at: case.at,
            outcome: CaseOutcome {
                plan: case
                    .outcome
                    .plan
                    .as_ref()
                    .map(|plan| Arc::new(hiding.plan(plan, &case.observed))),
                refused: case.outcome.refused.clone(),
            },
        }
    }

    fn key(&mut self, key: &Secret) -> Secret {
        if let Some(known) = self.keys.get(key) {
            return known.clone();
        }
        // A slash before it and spaces around it make another spelling of one stream.
        let text = key.reveal();
        let core = text.trim_start_matches('/').trim();
        // On some platforms the part before the query decides the stream.
        let stand_in = if core.len() < text.len() && !core.is_empty() {
            let hidden = self.key(&Secret::new(core));
            Secret::new(text.replacen(core, hidden.reveal(), 1))
        } else if let Some((stream, query)) = key.reveal().split_once('?') {
            let (stream, query) = (self.key(&Secret::new(stream)), self.key(&Secret::new(query)));
            Secret::new(format!("{}?{}", stream.reveal(), query.reveal()))
        } else {
            self.given += 1;
            Secret::new(format!("key-{}", self.given))
        };
        self.keys.insert(key.clone(), stand_in.clone());
        stand_in
    }

    /// A URL with the same host, and a path of its own.
    fn url(&mut self, url: &Arc<str>) -> Arc<str> {
        if let Some(known) = self.urls.get(url) {
            return Arc::clone(known);
        }
        if let Some((start, user, rest)) = with_user(url) {
            let (bare, user) = (
                self.url(&format!("{start}{rest}").into()),
                self.key(&Secret::new(user)),
            );
            let stand_in: Arc<str> = bare.replacen("://", &format!("://{}@", user.reveal()), 1).into();
            self.urls.insert(Arc::clone(url), Arc::clone(&stand_in));
            return stand_in;
        }
        let endpoint = Endpoint::new(Arc::clone(url), Secret::new("key"));
        let (host, canonical) = (endpoint.host(), whole_url(url));
        // By rtmp and by rtmps it is one stream.
        let place = canonical.split_once("://").map_or(&**url, |(_, place)| place);
        let place = if host == NO_HOST { url } else { place };
        let number = self.places.get(place).copied().unwrap_or_else(|| {
            self.given += 1;
            self.given
        });
        self.places.insert(place.to_owned(), number);
        let base = if host == NO_HOST {
            format!("url-{number}")
        } else if host.contains(':') || host.starts_with('[') {
            format!("{}://[{host}]/url-{number}", scheme(&canonical))
        } else {
            format!("{}://{host}/url-{number}", scheme(&canonical))
        };
        let spelling = self.spellings.entry(base.to_ascii_lowercase()).or_default();
        let slashes = "/".repeat(*spelling);
        *spelling += 1;
        let query = if canonical.ends_with("?backup=1") {
            "?backup=1"
        } else {
            ""
        };
        let stand_in: Arc<str> = format!("{base}{slashes}{query}").into();
        self.urls.insert(Arc::clone(url), Arc::clone(&stand_in));
        stand_in
    }
}

/// Stand-ins within one case, in which these names and URLs park a slot.
struct Hiding<'a> {
    owner: OwnerId,
    /// Where each destination is to be pushed.
    declared: BTreeMap<Identity, Endpoint>,
    parking: BTreeSet<String>,
    parking_urls: BTreeSet<Arc<str>>,
    known: &'a mut StandIns,
}

fn declared(desired: &Desired) -> BTreeMap<Identity, Endpoint> {
    let all = desired.destinations.values();
    let targets = all.filter_map(|one| Some((one.identity.clone(), one.endpoint()?)));
    targets.collect()
}

impl Hiding<'_> {
    fn desired(&mut self, desired: &Desired) -> Desired {
        let destinations = desired.destinations.iter();
        Desired {
            destinations: destinations
                .map(|(name, one)| (name.clone(), Arc::new(self.destination(one))))
                .collect(),
            pools: desired
                .pools
                .iter()
                .map(|(name, pool)| (name.clone(), self.pool(pool)))
                .collect(),
            // Nothing of a RouterPool is secret.
            routers: desired.routers.clone(),
            owner: desired.owner.clone(),
            trust: desired.trust.clone(),
            set_aside: desired.set_aside.clone(),
            kept: desired.kept.clone(),
            kept_outputs: desired.kept_outputs.clone(),
            seen_declared: desired.seen_declared.clone(),
            seen_pools: desired.seen_pools.clone(),
            grants: desired.grants.clone(),
        }
    }

    fn destination(&mut self, one: &Destination) -> Destination {
        Destination {
            url: self.known.url(&one.url),
            backup_url: one.backup_url.as_ref().map(|url| self.known.url(url)),
            key: match &one.key {
                StreamKey::Known(key) => StreamKey::Known(self.key(key)),
                unavailable @ StreamKey::Unavailable { .. } => unavailable.clone(),
            },
            ..one.clone()
        }
    }

    fn pool(&mut self, pool: &ChannelPool) -> ChannelPool {
        ChannelPool {
            slots: SlotSelector {
                parking_url: self.known.url(&pool.slots.parking_url),
                output_groups: pool.slots.output_groups.clone(),
            },
            ..pool.clone()
        }
    }

    fn observed(&mut self, observed: &Observed) -> Observed {
        let channels = observed.channels.iter();
        Observed {
            channels: channels
                .map(|(id, one)| (id.clone(), self.observation(one)))
                .collect(),
            elsewhere: observed
                .elsewhere
                .iter()
                .map(|(id, some)| (id.clone(), some.iter().map(|one| self.endpoint(one)).collect()))
                .collect(),
            recording: observed.recording.clone(),
            takeovers: observed.takeovers.clone(),
            returning: observed.returning.clone(),
            interrupted: observed.interrupted.clone(),
            restarting: observed.restarting.clone(),
            refused: observed.refused.clone(),
            routers: self.routers(&observed.routers),
        }
    }

    fn routers(&mut self, routers: &ObservedRouters) -> ObservedRouters {
        let outputs = routers.outputs.iter();
        ObservedRouters {
            outputs: outputs
                .map(|(arn, output)| (arn.clone(), self.output(output)))
                .collect(),
            ..routers.clone()
        }
    }

    /// A router output: what is recorded of it still fits what it has, or is to be given, or still does not.
    fn output(&mut self, output: &RouterOutput) -> RouterOutput {
        let mut hidden = output.clone();
        let Some(target) = &output.target else {
            return hidden;
        };
        let target_hidden = self.endpoint(target);
        if let Some(record) = &mut hidden.record {
            let meant = self.declared.get(&record.identity).cloned();
            let meant_hidden = meant.as_ref().map(|meant| self.endpoint(meant));
            let digest = |target: &Endpoint| {
                TargetDigest::of_output(&self.owner, &record.pool, &record.identity, target)
            };
            let is_meant = meant.is_some_and(|meant| record.digest == digest(&meant));
            record.digest = match meant_hidden {
                _ if record.digest == digest(target) => digest(&target_hidden),
                Some(meant) if is_meant => digest(&meant),
                _ => digest(&target_hidden).other(),
            };
        }
        hidden.target = Some(target_hidden);
        hidden
    }

    fn observation(&mut self, observation: &ChannelObservation) -> ChannelObservation {
        let ChannelObservation::Seen(channel) = observation else {
            return observation.clone();
        };
        let groups = channel.groups.iter().map(|group| ObservedGroup {
            name: group.name.clone(),
            target: match &group.target {
                Ok(target) => Ok(self.target(target)),
                Err(why) => Err(why.clone()),
            },
        });
        let groups: Vec<ObservedGroup> = groups.collect();
        let targets = channel
            .groups
            .iter()
            .map(|group| (&group.name, group.target.as_ref().ok()));
        let tags = self.tags(&channel.id, &channel.tags, targets);
        ChannelObservation::Seen(Box::new(ObservedChannel {
            groups: Arc::new(groups),
            tags: Arc::new(tags),
            stray_endpoints: channel
                .stray_endpoints
                .iter()
                .map(|one| self.endpoint(one))
                .collect(),
            ..channel.as_ref().clone()
        }))
    }

    /// The tags of a channel whose groups point at these targets.
    fn tags<'t>(
        &mut self,
        channel: &ChannelId,
        tags: &ChannelTags,
        targets: impl Iterator<Item = (&'t OutputGroup, Option<&'t Target>)>,
    ) -> ChannelTags {
        let mut hidden = tags.clone();
        for (group, target) in targets {
            if let (Some(target), Some(tag)) = (target, tags.of(group)) {
                hidden.set(group, &self.tag(channel, group, target, tag));
            }
        }
        hidden
    }

    /// A tag of a slot that points at `target`: it still fits, or still does not.
    fn tag(&mut self, channel: &ChannelId, group: &OutputGroup, target: &Target, tag: SlotTag) -> SlotTag {
        let slot = SlotId::new(channel.clone(), group.clone());
        let fits = tag.digest == TargetDigest::of(&self.owner, &slot, target);
        let hidden = self.target(target);
        let digest = TargetDigest::of(&self.owner, &slot, &hidden);
        let digest = if fits { digest } else { digest.other() };
        SlotTag { digest, ..tag }
    }

    fn plan(&mut self, plan: &Plan, observed: &Observed) -> Plan {
        let mut plan = plan.clone();
        let outputs = plan.routers.iter_mut().flat_map(|pool| &mut pool.outputs);
        for step in outputs.flat_map(|output| &mut output.steps) {
            if let OutputAction::Create(target) | OutputAction::Update(target) = &mut step.action {
                *target = self.endpoint(target);
            }
        }
        for channel in &mut plan.channels {
            let seen = observed
                .channels
                .get(&channel.id)
                .and_then(ChannelObservation::seen);
            if let (Some(of_plan), Some(seen)) = (&mut channel.seen, seen) {
                let targets = seen
                    .groups
                    .iter()
                    .map(|group| (&group.name, group.target.as_ref().ok()));
                of_plan.tags = Arc::new(self.tags(&seen.id, &of_plan.tags, targets));
            }
            for step in &mut channel.steps {
                let (writes, tags) = match &mut step.action {
                    Action::Update { writes, tags, .. } => (&mut writes[..], tags),
                    Action::Adopt { tags, .. } | Action::Record { tags, .. } => (&mut [][..], tags),
                    Action::Wait | Action::Stop | Action::Start => continue,
                };
                for record in tags {
                    let group = &record.output_group;
                    let written = writes.iter().find(|write| write.output_group == *group);
                    let now = channel.slots.iter().find(|slot| slot.output_group == *group);
                    let now = now.and_then(|slot| slot.target.as_ref());
                    if let Some(target) = written.map(|write| &write.target).or(now) {
                        record.tag = self.tag(&channel.id, group, target, record.tag.clone());
                    }
                }
                for write in writes {
                    write.target = self.target(&write.target);
                }
            }
            for slot in &mut channel.slots {
                slot.target = slot.target.as_ref().map(|target| self.target(target));
            }
        }
        plan
    }

    fn target(&mut self, target: &Target) -> Target {
        Target(target.0.iter().map(|one| self.endpoint(one)).collect())
    }

    fn endpoint(&mut self, one: &Endpoint) -> Endpoint {
        let apart = one.canonical();
        let is_parked = || self.parking_urls.contains(&whole_url(&one.url));
        if one.stream_name.is_empty() && !apart.stream_name.is_empty() && !is_parked() {
            // A key in the URL stays in the URL.
            let (url, key) = (self.known.url(&apart.url), self.key(&apart.stream_name));
            let url = format!("{url}/{}", key.reveal());
            return Endpoint::new(url, Secret::new("")).with_login(one.login.clone());
        }
        Endpoint::new(self.known.url(&one.url), self.key(&one.stream_name)).with_login(one.login.clone())
    }

    fn key(&mut self, key: &Secret) -> Secret {
        if self.parking.contains(key.reveal()) {
            key.clone()
        } else {
            self.known.key(key)
        }
    }
}

/// Stream names of the slots that were seen, if they are parked.
fn parking_names(observed: &Observed) -> BTreeSet<String> {
    const PIPELINES_MAX: usize = 2;
    let channels = observed.channels.values().filter_map(ChannelObservation::seen);
    let slots = channels.flat_map(|channel| {
        let groups = channel.groups.iter();
        groups.map(|group| SlotId::new(channel.id.clone(), group.name.clone()))
    });
    slots
        .flat_map(|slot| (0..PIPELINES_MAX).map(move |pipeline| SlotSelector::parking_name(&slot, pipeline)))
        .collect()
}

/// The one spelling of a URL that has no key in it.
fn whole_url(url: &Arc<str>) -> Arc<str> {
    Endpoint::new(Arc::clone(url), Secret::new("key")).canonical().url
}

/// A URL with a user and a host in it: what comes before that, the user, and what comes after the `@`.
fn with_user(url: &str) -> Option<(&str, &str, &str)> {
    let start = url.find("://")? + "://".len();
    let end = url[start..].find(['/', '?']).map_or(url.len(), |end| start + end);
    let at = start + url[start..end].rfind('@')?;
    (at + 1 < end).then_some(())?;
    Some((&url[..start], &url[start..at], &url[at + 1..]))
}

/// The two that mean something; anything else may have been pasted there.
fn scheme(url: &str) -> &'static str {
    if url.starts_with("rtmps://") {
        "rtmps"
    } else {
        "rtmp"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_keeps_its_host_and_nothing_else() {
        let mut known = StandIns::default();
        for (url, stand_in) in [
            ("rtmp://a.example/live/k3y", "rtmp://a.example/url-1"),
            (
                "rtmps://user:k3y@a.example:443/live?k3y",
                "rtmps://key-3@a.example/url-2",
            ),
            ("rtmp://[::1]:1935/live", "rtmp://[::1]/url-4"),
            ("k3y://a.example", "rtmp://a.example/url-5"),
            ("k3y", "url-6"),
            ("rtmp://", "url-7"),
            ("rtmp://(no host)/k3y", "url-8"),
            ("rtmp://[[a]/k3y", "rtmp://[[a]/url-9"),
            ("rtmp://a(b/k3y", "rtmp://a(b/url-10"),
            ("rtmp://k3y@/live", "url-11"),
            ("rtmp://a.example/live/k3y", "rtmp://a.example/url-1"),
        ] {
            let hidden = known.url(&url.into());
            assert_eq!(&*hidden, stand_in);
            let host = |url: &Arc<str>| Endpoint::new(Arc::clone(url), Secret::new("")).host().to_owned();
            assert_eq!(host(&hidden), host(&url.into()), "{url}");
        }
    }

    #[test]
    fn equal_keys_have_equal_stand_ins_and_no_two_have_the_same() {
        let mut known = StandIns::default();
        let hidden: Vec<Secret> = ["a", "b", "a", "key-1", "key-2"]
            .into_iter()
            .map(|key| known.key(&Secret::new(key)))
            .collect();
        let keys: Vec<&str> = hidden.iter().map(Secret::reveal).collect();
        assert_eq!(keys, ["key-1", "key-2", "key-1", "key-3", "key-4"]);
    }

    #[test]
    fn what_is_one_stream_is_one_stream_of_stand_ins() {
        let mut known = StandIns::default();
        let mut hiding = Hiding {
            owner: OwnerId::new("test"),
            declared: BTreeMap::new(),
            parking: BTreeSet::new(),
            parking_urls: BTreeSet::from(["rtmp://a.example/live/parked".into()]),
            known: &mut known,
        };
        let endpoint = |(url, key): (&str, &str)| Endpoint::new(url, Secret::new(key));
        let spellings = [
            ("rtmp://a.example/live", "k1"),
            ("rtmp://a.example/live/k1", ""),
            ("rtmp://a.example:1935//live/", "/k1"),
            ("rtmp://A.example./live", "k1 "),
            ("rtmps://a.example/live", "k1"),
            ("rtmp://joe:pw@a.example/live", "k1"),
            ("rtmp://a.example/live", "k1?x=1"),
            ("rtmp://a.example/live/k1?x=1", ""),
            ("rtmp://live.twitch.tv/app", "k1"),
            ("rtmp://live.twitch.tv/app/k1?x=1", ""),
            ("rtmp://a.example/live/parked", ""),
            ("rtmp://a.example/live", "parked"),
        ];
        for one in spellings.map(endpoint) {
            for other in spellings.map(endpoint) {
                let (hidden, of_other) = (hiding.endpoint(&one), hiding.endpoint(&other));
                let is_parked = [&one, &other].iter().any(|one| one.url.ends_with("parked"));
                if !is_parked {
                    assert_eq!(
                        hidden.stream() == of_other.stream(),
                        one.stream() == other.stream(),
                        "{:?} {:?}",
                        one.url,
                        other.url
                    );
                    assert_eq!(
                        hidden.canonical() == of_other.canonical(),
                        one.canonical() == other.canonical(),
                        "{:?} {:?}",
                        one.url,
                        other.url
                    );
                }
            }
        }
        let parked = hiding.endpoint(&endpoint(("rtmp://a.example/live/parked", "")));
        let parking_url = hiding.known.url(&"rtmp://a.example/live/parked".into());
        assert_eq!(parked.url, parking_url);
    }
}
