//! What differs between two loads, in a few words and without keys.

mod pool;
mod router;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::model::{
    Desired, Destination, DestinationName, Endpoint, Identity, Pool, PoolName, Secret, StreamKey,
};

/// An object that differs from before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Which.
    pub object: Changed,
    /// What changed, in a few words, field by field.
    pub what: String,
}

/// Which object differs from before. Pools come first: a change of a destination may follow from one of its pool.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Changed {
    /// A ChannelPool or RouterPool.
    Pool(PoolName),
    /// A Destination.
    Destination(DestinationName),
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pool(name) => write!(f, "pool {name}"),
            Self::Destination(name) => name.fmt(f),
        }
    }
}

/// Pools and destinations that differ from `before`: each with what changed.
pub fn changes(before: Option<&Desired>, after: &Desired) -> Vec<Change> {
    let mut changes = pool::changes(before, after);
    changes.extend(destinations(before, after));
    changes.sort();
    changes
}

/// Whether nothing differs but the states of destinations of RouterPools: switches, each of which touches nobody else.
pub(crate) fn are_router_switches(before: &Desired, after: &Desired) -> bool {
    if after.routers.is_empty() {
        return false;
    }
    let is_switch = |change: &Change| {
        let Changed::Destination(name) = &change.object else {
            return false;
        };
        let pair = before.destinations.get(name).zip(after.destinations.get(name));
        pair.is_some_and(|(old, new)| {
            let mut switched = Destination::clone(old);
            switched.state = new.state;
            after.routers.contains_key(&new.pool) && !is_changed(&switched, new)
        })
    };
    let changes = changes(Some(before), after);
    !changes.is_empty() && changes.iter().all(is_switch)
}

fn destinations(before: Option<&Desired>, after: &Desired) -> Vec<Change> {
    let empty = BTreeMap::new();
    let old = before.map_or(&empty, |before| &before.destinations);
    let change = |name: &DestinationName, what| Change {
        object: Changed::Destination(name.clone()),
        what,
    };
    let (come, stayed): (Vec<_>, Vec<_>) = after
        .destinations
        .iter()
        .partition(|(name, new)| old.get(*name).is_none_or(|old| old.identity != new.identity));
    // An item of a table may be called otherwise; what it is recorded by stays.
    let is_gone = |(name, old): &(&DestinationName, &Arc<Destination>)| {
        let new = after.destinations.get(*name);
        new.is_none_or(|new| new.identity != old.identity)
    };
    let mut gone: BTreeMap<&Identity, &Arc<Destination>> = old
        .iter()
        .filter(is_gone)
        .map(|(_, old)| (&old.identity, old))
        .collect();
    let mut changes = Vec::new();
    for (name, new) in stayed {
        changes.extend(differences(&old[name], new).map(|what| change(name, what)));
    }
    for (name, new) in come {
        let what = match gone.remove(&new.identity) {
            None => format!("new, {:?}", new.state),
            Some(old) => match differences(old, new) {
                None => format!("was {}", old.name),
                Some(what) => format!("was {}, {what}", old.name),
            },
        };
        changes.push(change(name, what));
    }
    let removed = gone.into_values();
    changes.extend(removed.map(|old| change(&old.name, "removed".to_owned())));
    changes
}

/// Whether two declarations differ, however the lookup of their keys went: a key that cannot be read for a moment
/// is no change of the declaration.
pub(super) fn is_changed(old: &Destination, new: &Destination) -> bool {
    let mut same = new.clone();
    same.generation = old.generation;
    if !is_new_key(old, new) {
        same.key = old.key.clone();
    }
    same != *old
}

/// Whether two declarations of a pool differ.
pub(super) fn is_pool_changed(old: &Pool, new: &Pool) -> bool {
    match (old, new) {
        (Pool::Channels(old), Pool::Channels(new)) => pool::differences(old, new).is_some(),
        (Pool::Router(old), Pool::Router(new)) => router::differences(old, new).is_some(),
        (Pool::Channels(_), Pool::Router(_)) | (Pool::Router(_), Pool::Channels(_)) => true,
    }
}

fn is_new_key(old: &Destination, new: &Destination) -> bool {
    match (&old.key, &new.key) {
        (StreamKey::Known(old), StreamKey::Known(new)) => old != new,
        (StreamKey::Unavailable { reference: old, .. }, StreamKey::Unavailable { reference: new, .. }) => {
            old != new
        }
        _ => false,
    }
}

/// What changed about where it streams to.
fn new_target(old: &Destination, new: &Destination) -> Option<&'static str> {
    let urls = |of: &Destination| [Some(of.url.clone()), of.backup_url.clone()];
    let same = |is_same: fn(&Endpoint, &Endpoint) -> bool| {
        let pairs = urls(old).into_iter().zip(urls(new));
        let endpoint = |url| Endpoint::new(url, Secret::new("any"));
        pairs.into_iter().all(|pair| match pair {
            (Some(old), Some(new)) => is_same(&endpoint(old), &endpoint(new)),
            (old, new) => old == new,
        })
    };
    if urls(old) == urls(new) {
        // A preset that is written out, or the other way round.
        return (old.is_preset != new.is_preset).then_some("the same target, declared in another way");
    }
    Some(if same(|old, new| old.canonical() == new.canonical()) {
        "the same target, spelled in another way"
    } else if old.is_preset && new.is_preset && same(|old, new| old.stream() == new.stream()) {
        "another URL of the platform"
    } else {
        "new target"
    })
}

fn differences(old: &Destination, new: &Destination) -> Option<String> {
    let mut words = Vec::new();
    if old.state != new.state {
        words.push(format!("{:?} → {:?}", old.state, new.state));
    }
    if old.pool != new.pool {
        words.push(format!("pool {} → {}", old.pool, new.pool));
    }
    words.extend(new_target(old, new).map(str::to_owned));
    if old.login != new.login {
        words.push(
            if new.login.is_some() {
                "new login"
            } else {
                "no login"
            }
            .to_owned(),
        );
    }
    match (&old.key, &new.key) {
        (StreamKey::Known(_), StreamKey::Unavailable { .. }) => {
            words.push("key can no longer be read".to_owned());
        }
        (StreamKey::Unavailable { .. }, StreamKey::Known(_)) => words.push("key can be read".to_owned()),
        _ if is_new_key(old, new) => words.push("new key".to_owned()),
        _ => {}
    }
    if old.priority != new.priority {
        words.push(format!("priority {} → {}", old.priority, new.priority));
    }
    if old.group != new.group {
        words.push(match &new.group {
            Some(group) => format!("group {group}"),
            None => "no group".to_owned(),
        });
    }
    if old.interruptible != new.interruptible {
        words.push(
            if new.interruptible {
                "interruptible"
            } else {
                "not interruptible"
            }
            .to_owned(),
        );
    }
    if old.pin != new.pin {
        words.push(match &new.pin {
            Some(pin) => format!("pinned to {}/{}", pin.channel, pin.output_group),
            None => "no longer pinned".to_owned(),
        });
    }
    if old.paused != new.paused {
        words.push(
            if new.paused.is_some() {
                "paused"
            } else {
                "no longer paused"
            }
            .to_owned(),
        );
    }
    (!words.is_empty()).then(|| words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{GroupName, Login, OwnerId, Pause, Pin, WantedState, samples};

    fn destination() -> Destination {
        Destination {
            url: "rtmp://a.example/live".into(),
            key: StreamKey::Known(Secret::new("CANARY-1")),
            ..samples::destination("one")
        }
    }

    fn difference(change: impl FnOnce(&mut Destination)) -> Option<String> {
        let (old, mut new) = (destination(), destination());
        change(&mut new);
        assert_eq!(is_changed(&old, &new), differences(&old, &new).is_some());
        differences(&old, &new)
    }

    #[test]
    fn only_states_in_router_pools_are_switches_of_their_own() {
        let declared = |changed: &dyn Fn(&mut Destination)| {
            let mut desired = Desired::empty(OwnerId::new("us"));
            let pool = samples::router_pool("router");
            desired.routers.insert(pool.name.clone(), pool);
            for name in ["one", "two"] {
                let mut one = Destination {
                    pool: "router".into(),
                    ..samples::destination(name)
                };
                if name == "one" {
                    changed(&mut one);
                }
                desired.destinations.insert(one.name.clone(), one.into());
            }
            desired
        };
        let ready = |one: &mut Destination| one.state = WantedState::Ready;
        let is_switch = |before: &dyn Fn(&mut Destination), after: &dyn Fn(&mut Destination)| {
            are_router_switches(&declared(before), &declared(after))
        };
        assert!(is_switch(&|_| {}, &ready));
        assert!(is_switch(&ready, &|_| {}));
        assert!(!is_switch(&|_| {}, &|_| {}), "nothing changed");
        let with_key = |one: &mut Destination| {
            ready(one);
            one.key = StreamKey::Known(Secret::new("CANARY-2"));
        };
        assert!(!is_switch(&|_| {}, &with_key));
        let in_slots = |one: &mut Destination| one.pool = "slots".into();
        let in_slots_and_ready = |one: &mut Destination| {
            in_slots(one);
            ready(one);
        };
        assert!(!is_switch(&in_slots, &in_slots_and_ready));
        let mut fewer = declared(&ready);
        fewer.destinations.remove("two");
        assert!(!are_router_switches(&declared(&|_| {}), &fewer), "removed");
        let mut pools = declared(&ready);
        pools.routers.values_mut().next().unwrap().keep = Some(std::time::Duration::from_mins(1));
        assert!(!are_router_switches(&declared(&|_| {}), &pools), "of a pool");
    }

    #[test]
    fn every_changed_field_is_shown_without_the_key() {
        assert_eq!(difference(|_| {}), None);
        assert_eq!(difference(|new| new.generation = 7), None);
        assert_eq!(
            difference(|new| new.state = WantedState::Ready).unwrap(),
            "Streaming → Ready"
        );
        assert_eq!(
            difference(|new| new.url = "rtmp://b.example/live".into()).unwrap(),
            "new target"
        );
        assert_eq!(
            difference(|new| new.backup_url = Some("rtmp://b/live".into())).unwrap(),
            "new target"
        );
        assert_eq!(
            difference(|new| new.key = StreamKey::Known(Secret::new("CANARY-2"))).unwrap(),
            "new key"
        );
        assert_eq!(
            difference(|new| new.pool = PoolName::new("other")).unwrap(),
            "pool main → other"
        );
        assert_eq!(
            difference(|new| new.group = Some(GroupName::new("event"))).unwrap(),
            "group event"
        );
        assert_eq!(
            difference(|new| new.interruptible = false).unwrap(),
            "not interruptible"
        );
        for (url, what) in [
            (
                "RTMP://a.example:1935/live/",
                "the same target, spelled in another way",
            ),
            ("rtmp://a.example/live2", "new target"),
        ] {
            assert_eq!(difference(|new| new.url = url.into()).unwrap(), what);
        }
        assert_eq!(
            difference(|new| new.is_preset = true).unwrap(),
            "the same target, declared in another way"
        );
        let login = Login {
            username: "CANARY-joe".into(),
            password_parameter: "/live/wowza".into(),
        };
        assert_eq!(difference(|new| new.login = Some(login)).unwrap(), "new login");
        let pause = Pause {
            until: None,
            by: None,
            why: None,
        };
        assert_eq!(difference(|new| new.paused = Some(pause)).unwrap(), "paused");
        let pin = Pin {
            channel: "1".into(),
            output_group: "RTMP-1".into(),
        };
        assert_eq!(
            difference(|new| new.pin = Some(pin)).unwrap(),
            "pinned to 1/RTMP-1"
        );
        let both = difference(|new| (new.priority, new.state) = (5, WantedState::Ready));
        assert_eq!(both.unwrap(), "Streaming → Ready, priority 0 → 5");
    }

    #[test]
    fn a_preset_of_another_version_is_no_new_target() {
        let youtube = |url: &str| Destination {
            url: url.into(),
            is_preset: true,
            ..destination()
        };
        let old = youtube("rtmps://a.rtmps.youtube.com:443/live2");
        let difference = |url| differences(&old, &youtube(url)).unwrap();
        assert_eq!(
            difference("rtmps://x.rtmps.youtube.com:443/live2"),
            "another URL of the platform"
        );
        assert_eq!(
            difference("rtmp://ingest.global-contribute.live-video.net/app"),
            "new target"
        );
    }

    #[test]
    fn an_unreadable_key_is_shown_but_is_no_change_of_the_declaration() {
        let (old, mut new) = (destination(), destination());
        new.key = StreamKey::Unavailable {
            reference: "env KEY".to_owned(),
            why: "not set".to_owned(),
        };
        assert_eq!(differences(&old, &new).unwrap(), "key can no longer be read");
        assert_eq!(differences(&new, &old).unwrap(), "key can be read");
        assert!(!is_changed(&old, &new) && !is_changed(&new, &old));
    }

    #[test]
    fn additions_and_removals_are_shown_by_name() {
        let mut desired = Desired::empty(OwnerId::new("me"));
        let nothing = desired.clone();
        desired.destinations.insert("one".into(), Arc::new(destination()));
        let difference = |before, after| -> Vec<String> {
            let changes = changes(before, after).into_iter();
            changes
                .map(|change| format!("{}: {}", change.object, change.what))
                .collect()
        };
        assert_eq!(difference(None, &desired), ["one: new, Streaming"]);
        assert_eq!(difference(Some(&desired), &desired), [""; 0]);
        assert_eq!(difference(Some(&desired), &nothing), ["one: removed"]);
        // A renamed item.
        let mut renamed = nothing.clone();
        let other = Destination {
            name: "two".into(),
            ..destination()
        };
        renamed.destinations.insert("two".into(), Arc::new(other.clone()));
        assert_eq!(difference(Some(&desired), &renamed), ["two: was one"]);
        // A label that passed to another item.
        let mut passed = nothing.clone();
        let one = Destination {
            identity: "other".into(),
            ..destination()
        };
        passed.destinations.insert("one".into(), Arc::new(one));
        assert_eq!(
            difference(Some(&desired), &passed),
            ["one: new, Streaming", "one: removed"]
        );
    }
}
