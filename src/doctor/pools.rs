//! Channels of pools, their slots and their owners.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Check, UnderWay};
use crate::medialive::MediaLive;
use crate::model::{
    ChannelId, ChannelObservation, ChannelPool, ChannelState, Desired, Observed, ObservedChannel,
    OutputGroup, PoolName,
};
use crate::observe::{AccountView, Observer};
use crate::plan::{Adoption, ChannelPlan, Content, NoTakeover, SlotPlan, Waiting, plan};
use crate::words::counted;

/// What was found of the pools.
#[derive(Default)]
pub(super) struct Pools {
    pub(super) checks: Vec<Check>,
    /// Channels that do not exist.
    pub(super) missing: Vec<ChannelId>,
    /// Whether any channel is to be adopted.
    pub(super) adopts: bool,
}

/// Looks at the channels of every pool; `medialive` is `None` where that is of no use.
pub(super) async fn examine(
    desired: Option<&Desired>,
    medialive: Option<&MediaLive>,
    concurrency: usize,
    now: Timestamp,
    under_way: &UnderWay,
) -> Pools {
    const NAME: &str = "channels";
    let Some(desired) = desired.filter(|desired| !desired.pools.is_empty()) else {
        return Pools::default();
    };
    let unseen = |why: String| Pools {
        checks: vec![Check::unknown(NAME, why, "")],
        ..Pools::default()
    };
    let Some(medialive) = medialive else {
        return unseen("not looked at, since they cannot be listed".to_owned());
    };
    let mut eyes = Observer::new(medialive.clone(), concurrency, desired.owner.clone());
    let pools = desired.pools.values();
    let ids = pools.flat_map(|pool| pool.channels.iter().map(|channel| &channel.id));
    let AccountView { channels, elsewhere } = match under_way.wait_for(NAME, eyes.look(ids)).await {
        Ok(Ok(view)) => view,
        Ok(Err(error)) => return unseen(format!("not looked at: {error}")),
        Err(late) => return unseen(late.to_string()),
    };
    let observed = Observed {
        channels,
        elsewhere,
        ..Observed::default()
    };
    let is_missing = |one: &ChannelObservation| matches!(one, ChannelObservation::Missing);
    let names = if observed.channels.values().any(is_missing) {
        ids_by_name(medialive, under_way).await
    } else {
        BTreeMap::new()
    };
    checks(desired, &observed, &names, now)
}

/// The ids of all channels by their names; none where they cannot be listed now.
async fn ids_by_name(medialive: &MediaLive, under_way: &UnderWay) -> BTreeMap<Arc<str>, Vec<ChannelId>> {
    let mut ids: BTreeMap<Arc<str>, Vec<ChannelId>> = BTreeMap::new();
    if let Ok(Ok(listed)) = under_way.wait_for("names of channels", medialive.list()).await {
        for one in listed {
            ids.entry(one.name).or_default().push(one.id);
        }
    }
    ids
}

fn checks(
    desired: &Desired,
    observed: &Observed,
    names: &BTreeMap<Arc<str>, Vec<ChannelId>>,
    now: Timestamp,
) -> Pools {
    let planned = plan(desired, observed, now);
    let mut pools = Pools::default();
    for channel in &planned.channels {
        let Some(pool) = channel.pool.as_ref().and_then(|pool| desired.pools.get(pool)) else {
            continue;
        };
        match observed.channels.get(&channel.id) {
            Some(ChannelObservation::Seen(seen)) => {
                pools.adopts |= channel.adoption == Adoption::Adopt;
                pools.checks.extend(seen_checks(pool, channel, seen));
            }
            Some(ChannelObservation::Unreadable { why }) => {
                let waiting = Waiting::ChannelUnreadable {
                    channel: channel.id.clone(),
                    why: why.clone(),
                };
                pools.checks.push(failed(&channel.id, &waiting));
            }
            Some(ChannelObservation::Missing) | None => {
                let waiting = Waiting::ChannelMissing {
                    channel: channel.id.clone(),
                };
                pools.checks.push(match names.get(channel.id.as_str()) {
                    Some(ids) => called_so(&channel.id, &pool.name, ids),
                    None => failed(&channel.id, &waiting),
                });
                pools.missing.push(channel.id.clone());
            }
        }
    }
    pools
}

fn name(id: &ChannelId) -> String {
    format!("channel {id}")
}

fn failed(id: &ChannelId, waiting: &Waiting) -> Check {
    Check::failed(name(id), waiting, waiting.ways_out().join(" · "))
}

/// A name in the place of an id.
fn called_so(name_of: &ChannelId, pool: &PoolName, ids: &[ChannelId]) -> Check {
    let ids: Vec<&str> = ids.iter().map(ChannelId::as_str).collect();
    Check::failed(
        name(name_of),
        format!(
            "{name_of} is the name of {}, and a pool names ids",
            ids.join(" and of ")
        ),
        format!("write id: \"{}\" in pool {pool}", ids.join("\" or \"")),
    )
}

/// What there is to say of a channel that was seen: how it is, and each slot that is none.
fn seen_checks(pool: &ChannelPool, planned: &ChannelPlan, seen: &ObservedChannel) -> Vec<Check> {
    let mut checks = vec![channel_check(pool, planned, seen)];
    let is_meant = |group: &OutputGroup| pool.slots.output_groups.is_match(group.as_str());
    let no_slots = seen.no_slots().into_iter().filter(|(group, _)| is_meant(group));
    checks.extend(no_slots.map(|(group, why)| {
        Check::warning(
            name(&seen.id),
            format!("{} cannot be a slot: {why}", in_words(&group)),
            why.advice(),
        )
    }));
    checks
}

fn channel_check(pool: &ChannelPool, planned: &ChannelPlan, seen: &ObservedChannel) -> Check {
    let is_usable = |slot: &&SlotPlan| !matches!(slot.now, Content::Unusable { .. });
    let slots = planned.slots.iter().filter(is_usable).count();
    let owner = match &planned.adoption {
        Adoption::Foreign { owner } => {
            let waiting = Waiting::OwnedByAnother {
                channel: seen.id.clone(),
                owner: owner.clone(),
            };
            return failed(&seen.id, &waiting);
        }
        Adoption::Refused { strays } => {
            let not_adopted = || Waiting::NotAdopted {
                channel: seen.id.clone(),
                strays: strays.clone(),
                others: seen.others.to_vec(),
                no_slots: seen.no_slots(),
                takeover: NoTakeover::NotSet,
            };
            let waiting = planned.waiting.clone().unwrap_or_else(not_adopted);
            return Check::warning(name(&seen.id), &waiting, waiting.ways_out().join(" · "));
        }
        Adoption::Adopt => "without an owner, so it will be adopted",
        Adoption::Owned | Adoption::Unknown => "owned",
    };
    if is_of_no_use(seen.state) {
        let waiting = Waiting::ChannelFailed {
            channel: seen.id.clone(),
            state: seen.state,
        };
        return failed(&seen.id, &waiting);
    }
    if slots == 0 {
        return no_slots(pool, seen);
    }
    let what = format!(
        "{}, {}, {} for pool {}; {owner}",
        seen.state,
        seen.class,
        counted(slots, "slot"),
        pool.name
    );
    Check::ok(name(&seen.id), what)
}

fn is_of_no_use(state: ChannelState) -> bool {
    matches!(
        state,
        ChannelState::CreateFailed | ChannelState::Deleting | ChannelState::Deleted
    )
}

/// An output group's name, or words for one that has none.
fn in_words(group: &OutputGroup) -> &str {
    match group.as_str() {
        "" => "an output group without a name",
        name => name,
    }
}

/// Nothing on the channel is a slot: either nothing matches, or nothing that does can be one.
fn no_slots(pool: &ChannelPool, seen: &ObservedChannel) -> Check {
    let glob = pool.slots.output_groups.glob().glob();
    let mut groups = seen.groups.iter();
    if groups.any(|group| pool.slots.output_groups.is_match(group.name.as_str())) {
        return Check::failed(
            name(&seen.id),
            format!("no output group that matches {glob} can be a slot"),
            "correct those named below",
        );
    }
    let names: Vec<&str> = seen.groups.iter().map(|group| in_words(&group.name)).collect();
    let found = match names.as_slice() {
        [] => "it has no RTMP output group".to_owned(),
        names => format!("its RTMP output groups are {}", names.join(", ")),
    };
    Check::failed(
        name(&seen.id),
        format!("no output group matches {glob}; {found}"),
        format!(
            "correct slots.outputGroups of pool {}, or name the groups so",
            pool.name
        ),
    )
}
