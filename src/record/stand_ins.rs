//! Stand-ins for what a recording must not hold: stream keys, and URLs beyond their host.
//!
//! All the planner does with a key or a URL is to ask whether it equals another one, and to tell a URL's host. So equal
//! ones get equal stand-ins, different ones different stand-ins, and a URL keeps its host. A stream name that parks a
//! slot is no secret and stays: by it the planner tells a parked slot from one that is taken.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Case, Outcome};
use crate::model::{
    ChannelObservation, ChannelPool, Desired, Destination, Endpoint, Observed, ObservedChannel,
    ObservedGroup, Secret, SlotId, SlotSelector, StreamKey, Target,
};
use crate::plan::{Action, Plan};

/// More keys or URLs than this were never in force at once; beyond it those of long ago are forgotten.
const REMEMBERED_MAX: usize = 1_000_000;

/// What is told as the host of a URL that has none.
const NO_HOST: &str = "(no host)";

/// Which stand-in each key and URL has: the same for as long as this lives.
#[derive(Debug, Default)]
pub struct StandIns {
    keys: BTreeMap<Secret, Secret>,
    urls: BTreeMap<Arc<str>, Arc<str>>,
    /// Given so far, also to what is forgotten by now: none is given twice.
    given: u64,
}

impl StandIns {
    /// `case` with stand-ins throughout, its outcome included.
    pub(super) fn hide(&mut self, case: &Case) -> Case {
        if self.keys.len().max(self.urls.len()) > REMEMBERED_MAX {
            self.keys.clear();
            self.urls.clear();
        }
        let mut hiding = Hiding {
            parking: parking_names(&case.observed),
            known: self,
        };
        Case {
            desired: Arc::new(hiding.desired(&case.desired)),
            observed: hiding.observed(&case.observed),
            at: case.at,
            outcome: Outcome {
                plan: case.outcome.plan.as_ref().map(|plan| Arc::new(hiding.plan(plan))),
                refused: case.outcome.refused.clone(),
            },
        }
    }

    fn key(&mut self, key: &Secret) -> Secret {
        if let Some(known) = self.keys.get(key) {
            return known.clone();
        }
        self.given += 1;
        let stand_in = Secret::new(format!("key-{}", self.given));
        self.keys.insert(key.clone(), stand_in.clone());
        stand_in
    }

    /// A URL with the same host, and a path of its own.
    fn url(&mut self, url: &Arc<str>) -> Arc<str> {
        if let Some(known) = self.urls.get(url) {
            return Arc::clone(known);
        }
        self.given += 1;
        let number = self.given;
        let endpoint = Endpoint::new(Arc::clone(url), Secret::new(""));
        let host = endpoint.host();
        let stand_in = if host == NO_HOST {
            format!("url-{number}")
        } else if host.contains(':') || host.starts_with('[') {
            format!("{}://[{host}]/url-{number}", scheme(url))
        } else {
            format!("{}://{host}/url-{number}", scheme(url))
        };
        let stand_in: Arc<str> = stand_in.into();
        self.urls.insert(Arc::clone(url), Arc::clone(&stand_in));
        stand_in
    }
}

/// Stand-ins within one case, in which these names park a slot.
struct Hiding<'a> {
    parking: BTreeSet<String>,
    known: &'a mut StandIns,
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
            owner: desired.owner.clone(),
            trust: desired.trust.clone(),
            set_aside: desired.set_aside.clone(),
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
            returning: observed.returning.clone(),
            interrupted: observed.interrupted.clone(),
        }
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
        ChannelObservation::Seen(Box::new(ObservedChannel {
            groups: Arc::new(groups.collect()),
            stray_endpoints: channel
                .stray_endpoints
                .iter()
                .map(|one| self.endpoint(one))
                .collect(),
            ..channel.as_ref().clone()
        }))
    }

    fn plan(&mut self, plan: &Plan) -> Plan {
        let mut plan = plan.clone();
        for channel in &mut plan.channels {
            for slot in &mut channel.slots {
                slot.target = slot.target.as_ref().map(|target| self.target(target));
            }
            for step in &mut channel.steps {
                if let Action::Update { writes, .. } = &mut step.action {
                    for write in writes {
                        write.target = self.target(&write.target);
                    }
                }
            }
        }
        plan
    }

    fn target(&mut self, target: &Target) -> Target {
        Target(target.0.iter().map(|one| self.endpoint(one)).collect())
    }

    fn endpoint(&mut self, one: &Endpoint) -> Endpoint {
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
                "rtmps://a.example/url-2",
            ),
            ("rtmp://[::1]:1935/live", "rtmp://[::1]/url-3"),
            ("k3y://a.example", "rtmp://a.example/url-4"),
            ("k3y", "url-5"),
            ("rtmp://", "url-6"),
            ("rtmp://(no host)/k3y", "url-7"),
            ("rtmp://[[a]/k3y", "rtmp://[[a]/url-8"),
            ("rtmp://a(b/k3y", "rtmp://a(b/url-9"),
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
        let told: Vec<&str> = hidden.iter().map(Secret::reveal).collect();
        assert_eq!(told, ["key-1", "key-2", "key-1", "key-3", "key-4"]);
    }
}
