//! What differs between two loads in the pools, field by field.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use super::{Change, Changed, router};
use crate::model::{
    Cause, ChannelId, ChannelPool, Desired, Disruption, Endpoint, Pause, PoolName, Secret, Window,
};

/// Pools that differ from `before`. A renamed one counts as one that is gone and one that is new: its
/// destinations name it.
pub(super) fn changes(before: Option<&Desired>, after: &Desired) -> Vec<Change> {
    let of_channels = compare(
        before.map(|before| &before.pools),
        &after.pools,
        |pool| counted(pool.channels.len()),
        differences,
    );
    let of_outputs = compare(
        before.map(|before| &before.routers),
        &after.routers,
        |_| "a RouterPool".to_owned(),
        router::differences,
    );
    [of_channels, of_outputs].concat()
}

fn compare<P>(
    before: Option<&BTreeMap<PoolName, P>>,
    after: &BTreeMap<PoolName, P>,
    introduce: fn(&P) -> String,
    differences: fn(&P, &P) -> Option<String>,
) -> Vec<Change> {
    let empty = BTreeMap::new();
    let old = before.unwrap_or(&empty);
    let change = |name: &PoolName, what| Change {
        object: Changed::Pool(name.clone()),
        what,
    };
    let changed = after.iter().filter_map(|(name, new)| {
        let what = match old.get(name) {
            None => format!("new, {}", introduce(new)),
            Some(old) => differences(old, new)?,
        };
        Some(change(name, what))
    });
    let gone = old.keys().filter(|name| !after.contains_key(*name));
    let gone = gone.map(|name| change(name, "removed".to_owned()));
    changed.chain(gone).collect()
}

fn counted(channels: usize) -> String {
    match channels {
        1 => "1 channel".to_owned(),
        many => format!("{many} channels"),
    }
}

/// What differs between two declarations of a pool, in words.
pub(super) fn differences(old: &ChannelPool, new: &ChannelPool) -> Option<String> {
    let mut words = channels(old, new);
    let glob = |pool: &ChannelPool| pool.slots.output_groups.glob().glob().to_owned();
    if glob(old) != glob(new) {
        words.push(format!("outputGroups {} → {}", glob(old), glob(new)));
    }
    words.extend(parking_url(&old.slots.parking_url, &new.slots.parking_url));
    words.extend(changed("placement", &old.placement, &new.placement));
    words.extend(changed("idle", &old.idle, &new.idle));
    words.extend(disruption(&old.disruption, &new.disruption));
    words.extend(paused(old.paused.as_ref(), new.paused.as_ref()));
    (!words.is_empty()).then(|| words.join(", "))
}

/// Whether hands are off it now, if that changed.
pub(super) fn paused(old: Option<&Pause>, new: Option<&Pause>) -> Option<String> {
    let what = match (old, new) {
        (old, new) if old == new => return None,
        (_, None) => "no longer paused",
        (None, Some(_)) => "paused",
        (Some(_), Some(_)) => "paused in another way",
    };
    Some(what.to_owned())
}

/// `name old → new`, where the two differ.
pub(super) fn changed<T: PartialEq + Debug>(name: &str, old: &T, new: &T) -> Option<String> {
    (old != new).then(|| format!("{name} {old:?} → {new:?}"))
}

fn channels(old: &ChannelPool, new: &ChannelPool) -> Vec<String> {
    let takeovers = |pool: &ChannelPool| -> BTreeMap<ChannelId, bool> {
        let channels = pool.channels.iter();
        channels
            .map(|channel| (channel.id.clone(), channel.takeover))
            .collect()
    };
    let (before, after) = (takeovers(old), takeovers(new));
    let mut words = Vec::new();
    for (id, takeover) in &after {
        let how = if *takeover { "with" } else { "without" };
        match before.get(id) {
            None if *takeover => words.push(format!("channel {id} added with takeover")),
            None => words.push(format!("channel {id} added")),
            Some(was) if was != takeover => words.push(format!("channel {id} {how} takeover")),
            Some(_) => {}
        }
    }
    let gone = before.keys().filter(|id| !after.contains_key(*id));
    words.extend(gone.map(|id| format!("channel {id} removed")));
    let order = |pool: &ChannelPool| -> Vec<ChannelId> {
        pool.channels.iter().map(|channel| channel.id.clone()).collect()
    };
    if words.is_empty() && order(old) != order(new) {
        words.push("channels in another order".to_owned());
    }
    words
}

fn parking_url(old: &str, new: &str) -> Option<String> {
    if old == new {
        return None;
    }
    let endpoint = |url: &str| Endpoint::new(url, Secret::new("any"));
    let (old, new) = (endpoint(old), endpoint(new));
    Some(if old.canonical() == new.canonical() {
        "parkingUrl spelled in another way".to_owned()
    } else if old.host() == new.host() {
        format!("parkingUrl another one at {}", new.host())
    } else {
        format!("parkingUrl at {} → {}", old.host(), new.host())
    })
}

pub(super) fn disruption(old: &Disruption, new: &Disruption) -> Vec<String> {
    let mut words = Vec::new();
    words.extend(changed("interrupt", &old.interrupt, &new.interrupt));
    if old.causes != new.causes {
        words.push(format!("for {} → {}", causes(&old.causes), causes(&new.causes)));
    }
    let windows = |of: &Disruption| of.windows.iter().map(window).collect::<Vec<_>>();
    if windows(old) != windows(new) {
        words.push(match windows(new).as_slice() {
            [] => "no windows".to_owned(),
            windows => format!("windows {}", windows.join(" and ")),
        });
    }
    words.extend(changed("maxConcurrent", &old.max_concurrent, &new.max_concurrent));
    words
}

fn causes(causes: &BTreeSet<Cause>) -> String {
    if causes.is_empty() {
        return "nothing".to_owned();
    }
    let names: Vec<String> = causes.iter().map(ToString::to_string).collect();
    names.join("+")
}

/// `0 4 * * * for 30m in Europe/Berlin`.
fn window(window: &Window) -> String {
    let zone = window.time_zone.iana_name().unwrap_or("a zone of its own");
    let minutes = window.duration.as_secs() / 60;
    format!("{} for {minutes} min in {zone}", window.cron.as_str())
}

#[cfg(test)]
mod tests {
    use globset::Glob;

    use super::*;
    use crate::model::{Idle, Interrupt, OwnerId, Placement, PoolChannel, samples};

    fn difference(change: impl FnOnce(&mut ChannelPool)) -> Option<String> {
        let (old, mut new) = (
            samples::pool(&["1", "2"], "RTMP-*"),
            samples::pool(&["1", "2"], "RTMP-*"),
        );
        change(&mut new);
        differences(&old, &new)
    }

    #[test]
    fn every_changed_field_of_a_pool_is_shown() {
        assert_eq!(difference(|_| {}), None);
        let glob = Glob::new("Slot-*").unwrap().compile_matcher();
        assert_eq!(
            difference(|new| new.slots.output_groups = glob).unwrap(),
            "outputGroups RTMP-* → Slot-*"
        );
        for (url, what) in [
            ("rtmp://10.0.0.1/parked", "parkingUrl at 127.0.0.1 → 10.0.0.1"),
            ("rtmp://127.0.0.1/other", "parkingUrl another one at 127.0.0.1"),
            ("rtmp://127.0.0.1/parked", "parkingUrl spelled in another way"),
        ] {
            assert_eq!(
                difference(|new| new.slots.parking_url = url.into()).unwrap(),
                what
            );
        }
        assert_eq!(
            difference(|new| new.placement = Placement::Pack).unwrap(),
            "placement Spread → Pack"
        );
        assert_eq!(
            difference(|new| new.idle = Idle::KeepRunning).unwrap(),
            "idle Stop → KeepRunning"
        );
        let pause = || {
            Some(Pause {
                until: None,
                by: None,
                why: None,
            })
        };
        assert_eq!(difference(|new| new.paused = pause()).unwrap(), "paused");
        let both = difference(|new| (new.placement, new.idle) = (Placement::Pack, Idle::KeepRunning));
        assert_eq!(both.unwrap(), "placement Spread → Pack, idle Stop → KeepRunning");
    }

    #[test]
    fn each_added_or_removed_channel_is_shown() {
        let channel = |id: &str, takeover| PoolChannel {
            id: id.into(),
            takeover,
        };
        let with = |channels: &[PoolChannel]| difference(|new| new.channels = channels.to_vec()).unwrap();
        assert_eq!(
            with(&[channel("2", true), channel("3", false), channel("4", true)]),
            "channel 2 with takeover, channel 3 added, channel 4 added with takeover, channel 1 removed"
        );
        assert_eq!(
            with(&[channel("2", false), channel("1", false)]),
            "channels in another order"
        );
    }

    #[test]
    fn every_field_of_the_disruption_is_shown() {
        let difference = |change: fn(&mut Disruption)| difference(|new| change(&mut new.disruption)).unwrap();
        assert_eq!(
            difference(|new| new.interrupt = Interrupt::Anytime),
            "interrupt Never → Anytime"
        );
        assert_eq!(difference(|new| new.max_concurrent = 3), "maxConcurrent 1 → 3");
        assert_eq!(
            difference(|new| new.causes = BTreeSet::from([Cause::Stop])),
            "for Start+Stop+Retarget → Stop"
        );
        assert_eq!(
            difference(|new| new.windows.push(Window {
                cron: "0 4 * * *".parse().unwrap(),
                duration: std::time::Duration::from_mins(30),
                time_zone: jiff::tz::TimeZone::UTC,
            })),
            "windows 0 4 * * * for 30 min in UTC"
        );
    }

    #[test]
    fn a_pool_that_is_called_otherwise_is_gone_and_new() {
        let of = |name: &str| {
            let mut desired = Desired::empty(OwnerId::new("me"));
            let pool = ChannelPool {
                name: name.into(),
                ..samples::pool(&["1"], "*")
            };
            desired.pools.insert(name.into(), pool);
            desired
        };
        let changes = changes(Some(&of("main")), &of("live"));
        let lines: Vec<String> = changes
            .iter()
            .map(|change| format!("{}: {}", change.object, change.what))
            .collect();
        assert_eq!(lines, ["pool live: new, 1 channel", "pool main: removed"]);
    }
}
