//! What differs between two loads, in a few words and without keys.

use crate::model::{Desired, Destination, DestinationName, StreamKey};

/// Destinations that differ from `before`: each with what changed.
pub fn changes(before: Option<&Desired>, after: &Desired) -> Vec<(DestinationName, String)> {
    let old = |name| before.and_then(|before| before.destinations.get(name));
    let mut changes: Vec<(DestinationName, String)> = after
        .destinations
        .iter()
        .filter_map(|(name, new)| {
            let text = match old(name) {
                None => format!("new, {:?}", new.state),
                Some(old) => differences(old, new)?,
            };
            Some((name.clone(), text))
        })
        .collect();
    if let Some(before) = before {
        let gone = before
            .destinations
            .keys()
            .filter(|name| !after.destinations.contains_key(*name));
        changes.extend(gone.map(|name| (name.clone(), "removed".to_owned())));
    }
    changes.sort();
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

fn is_new_key(old: &Destination, new: &Destination) -> bool {
    match (&old.key, &new.key) {
        (StreamKey::Known(old), StreamKey::Known(new)) => old != new,
        (StreamKey::Unavailable { reference: old, .. }, StreamKey::Unavailable { reference: new, .. }) => {
            old != new
        }
        _ => false,
    }
}

fn differences(old: &Destination, new: &Destination) -> Option<String> {
    let mut words = Vec::new();
    if old.state != new.state {
        words.push(format!("{:?} → {:?}", old.state, new.state));
    }
    if old.pool != new.pool {
        words.push(format!("pool {} → {}", old.pool, new.pool));
    }
    if (&old.url, &old.backup_url) != (&new.url, &new.backup_url) {
        words.push("new target".to_owned());
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
    use std::sync::Arc;

    use super::*;
    use crate::model::{GroupName, OwnerId, Pause, Pin, PoolName, Secret, WantedState, samples};

    fn destination() -> Destination {
        Destination {
            url: "rtmp://a.example/live".into(),
            key: StreamKey::Known(Secret::new("CANARY-1")),
            ..samples::destination("one")
        }
    }

    fn told(change: impl FnOnce(&mut Destination)) -> Option<String> {
        let (old, mut new) = (destination(), destination());
        change(&mut new);
        assert_eq!(is_changed(&old, &new), differences(&old, &new).is_some());
        differences(&old, &new)
    }

    #[test]
    fn every_field_that_changes_is_told_in_a_few_words_without_the_key() {
        assert_eq!(told(|_| {}), None);
        assert_eq!(told(|new| new.generation = 7), None);
        assert_eq!(
            told(|new| new.state = WantedState::Ready).unwrap(),
            "Streaming → Ready"
        );
        assert_eq!(
            told(|new| new.url = "rtmp://b.example/live".into()).unwrap(),
            "new target"
        );
        assert_eq!(
            told(|new| new.backup_url = Some("rtmp://b/live".into())).unwrap(),
            "new target"
        );
        assert_eq!(
            told(|new| new.key = StreamKey::Known(Secret::new("CANARY-2"))).unwrap(),
            "new key"
        );
        assert_eq!(
            told(|new| new.pool = PoolName::new("other")).unwrap(),
            "pool main → other"
        );
        assert_eq!(
            told(|new| new.group = Some(GroupName::new("event"))).unwrap(),
            "group event"
        );
        assert_eq!(
            told(|new| new.interruptible = false).unwrap(),
            "not interruptible"
        );
        let pause = Pause {
            until: None,
            by: None,
            why: None,
        };
        assert_eq!(told(|new| new.paused = Some(pause)).unwrap(), "paused");
        let pin = Pin {
            channel: "1".into(),
            output_group: "RTMP-1".into(),
        };
        assert_eq!(told(|new| new.pin = Some(pin)).unwrap(), "pinned to 1/RTMP-1");
        let both = told(|new| (new.priority, new.state) = (5, WantedState::Ready));
        assert_eq!(both.unwrap(), "Streaming → Ready, priority 0 → 5");
    }

    #[test]
    fn a_key_that_cannot_be_read_is_told_but_is_no_change_of_the_declaration() {
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
    fn what_comes_and_goes_is_told_by_name() {
        let mut desired = Desired::empty(OwnerId::new("me"));
        let nothing = desired.clone();
        desired.destinations.insert("one".into(), Arc::new(destination()));
        assert_eq!(
            changes(None, &desired),
            [("one".into(), "new, Streaming".to_owned())]
        );
        assert_eq!(changes(Some(&desired), &desired), []);
        assert_eq!(
            changes(Some(&desired), &nothing),
            [("one".into(), "removed".to_owned())]
        );
    }
}
