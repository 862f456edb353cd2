//! Declared state written from channels that exist, so that the first plan on them changes nothing: `slotwise init`.
//!
//! ```text
//! names      the name of a Destination: its platform, or its host
//! slot       what an output group pushes, or why a Destination cannot say it
//! text       the YAML
//! refusal    what slotwise itself would refuse of it
//! template   a channel to begin with, where there is none
//! ```

mod names;
mod refusal;
mod slot;
pub mod template;
mod text;

use std::collections::BTreeSet;

use self::names::Names;
use self::slot::{Pushed, pushed};
use crate::manifest::presets::platform_at;
use crate::model::{
    ChannelId, ChannelState, ObservedChannel, OutputGroup, OwnerId, Secret, SlotSelector, WantedState,
};

/// Default target of a parked slot: nothing takes a stream there.
pub const PARKING_URL: &str = "rtmp://127.0.0.1:1935/parked";

/// How to write it.
#[derive(Debug, Clone)]
pub struct Options {
    /// Name of the pool.
    pub pool: String,
    /// Where parked slots point; without it where those point that slotwise parked before.
    pub parking_url: Option<String>,
    /// Where the stream keys are kept.
    pub keys: KeysIn,
    /// Channels of this owner may be declared, and those without one.
    pub owner: OwnerId,
}

/// Where stream keys are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeysIn {
    /// In a file for each, `keys/NAME`.
    Files,
    /// In Systems Manager parameters called PREFIX/NAME.
    Ssm(String),
    /// In secrets of Secrets Manager called PREFIX/NAME.
    SecretsManager(String),
}

impl KeysIn {
    /// The field of `streamKeyFrom` and its value for the key of a Destination.
    fn reference(&self, name: &str) -> (&'static str, String) {
        let below = |prefix: &str| format!("{}/{name}", prefix.trim_end_matches('/'));
        match self {
            Self::Files => ("file", format!("keys/{name}")),
            Self::Ssm(prefix) => ("ssm", below(prefix)),
            Self::SecretsManager(prefix) => ("secretsManager", below(prefix)),
        }
    }
}

/// What would be declared.
#[derive(Debug)]
pub struct Draft {
    /// The ChannelPool, as YAML.
    pub pool: String,
    /// The Destinations, as YAML; empty where nothing is pushed.
    pub destinations: String,
    /// Channels of the pool.
    pub channels: usize,
    /// Output groups that are slots.
    pub slots: usize,
    /// The stream key of each Destination, in their order.
    pub keys: Vec<Key>,
    /// What could not be declared.
    pub left_out: Vec<LeftOut>,
    /// Why slotwise would not take the pool, which is then of no use.
    pub refused: Option<String>,
}

/// The stream key of a Destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Name of the Destination.
    pub destination: String,
    /// Where it is kept: a file, relative to the YAML, or the name of a parameter or secret.
    pub place: String,
    /// The key.
    pub secret: Secret,
}

/// Something that could not be declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The channel.
    pub channel: ChannelId,
    /// Its output group; `None` where the whole channel is left out.
    pub output_group: Option<OutputGroup>,
    /// Why, one sentence without secrets.
    pub why: String,
}

/// A Destination to be written.
struct Declared<'a> {
    name: String,
    channel: &'a ObservedChannel,
    output_group: &'a OutputGroup,
    state: WantedState,
    pushed: Pushed,
}

impl Draft {
    /// Declares `channels` as they are.
    pub fn of(channels: &[ObservedChannel], options: &Options) -> Self {
        let mut left_out = Vec::new();
        let mut used: Vec<&ObservedChannel> = Vec::new();
        for channel in channels {
            match why_not(channel, &options.owner) {
                Some(why) => left_out.push(LeftOut {
                    channel: channel.id.clone(),
                    output_group: None,
                    why,
                }),
                None => used.push(channel),
            }
        }
        let parking_url = parking_url(&used, options);
        let mut declared = declare(&used, &parking_url, &mut left_out);
        name(&mut declared);
        declared.retain(|one| match refusal::of_destination(one, options) {
            None => true,
            Some(why) => {
                left_out.push(LeftOut {
                    channel: one.channel.id.clone(),
                    output_group: Some(one.output_group.clone()),
                    why: format!("a Destination cannot say it: {why}"),
                });
                false
            }
        });
        let groups: BTreeSet<&str> = used.iter().flat_map(|channel| slots(channel)).collect();
        let keys = declared.iter().map(|one| Key {
            destination: one.name.clone(),
            place: options.keys.reference(&one.name).1,
            secret: one.pushed.key.clone(),
        });
        let pool = text::pool(&used, &text::glob(&groups), &parking_url, options);
        Self {
            refused: refusal::of_pool(&pool).filter(|_| !used.is_empty()),
            pool,
            destinations: text::destinations(&declared, options),
            channels: used.len(),
            slots: used.iter().map(|channel| slots(channel).count()).sum(),
            keys: keys.collect(),
            left_out,
        }
    }
}

/// Why a channel cannot be in the pool at all.
fn why_not(channel: &ObservedChannel, owner: &OwnerId) -> Option<String> {
    if let Some(other) = channel.owner.as_ref().filter(|other| *other != owner) {
        return Some(format!("it belongs to {other}; add --owner-id {other}"));
    }
    if matches!(
        channel.state,
        ChannelState::Deleting | ChannelState::Deleted | ChannelState::CreateFailed
    ) {
        return Some(format!("it is {}", channel.state));
    }
    if slots(channel).next().is_some() {
        return None;
    }
    let whys: Vec<String> = channel
        .groups
        .iter()
        .filter_map(|group| Some(format!("{}: {}", group.name, group.target.as_ref().err()?)))
        .collect();
    Some(if whys.is_empty() {
        "it has no RTMP output group".to_owned()
    } else {
        format!(
            "none of its RTMP output groups can be a slot; {}",
            whys.join("; ")
        )
    })
}

/// The names of the output groups of a channel that can be slots.
fn slots(channel: &ObservedChannel) -> impl Iterator<Item = &str> {
    let usable = channel.groups.iter().filter(|group| group.target.is_ok());
    usable.map(|group| group.name.as_str())
}

/// Where parked slots point: as it is asked for, as slotwise left it, or where nothing takes a stream.
fn parking_url(channels: &[&ObservedChannel], options: &Options) -> String {
    if let Some(url) = &options.parking_url {
        return url.clone();
    }
    let parked = channels.iter().find_map(|channel| {
        channel.groups.iter().find_map(|group| {
            let endpoints = group.target.as_ref().ok()?.0.iter();
            let slot = channel.slot(&group.name);
            let mut named = (0..)
                .zip(endpoints)
                .filter(|(at, one)| SlotSelector::is_parking_name(&one.stream_name, &slot, *at));
            named.next().map(|(_, endpoint)| endpoint.url.to_string())
        })
    });
    parked.unwrap_or_else(|| PARKING_URL.to_owned())
}

/// What the slots of the channels push, each stream once: where it is on air, if it is.
fn declare<'a>(
    channels: &[&'a ObservedChannel],
    parking_url: &str,
    left_out: &mut Vec<LeftOut>,
) -> Vec<Declared<'a>> {
    let mut on_air_first = channels.to_vec();
    on_air_first.sort_by_key(|channel| !channel.state.is_running());
    let mut declared: Vec<Declared<'a>> = Vec::new();
    for channel in on_air_first {
        for group in channel.groups.iter() {
            let mut leave_out = |why: String| {
                left_out.push(LeftOut {
                    channel: channel.id.clone(),
                    output_group: Some(group.name.clone()),
                    why,
                });
            };
            let target = match &group.target {
                Ok(target) => target,
                Err(why) => {
                    leave_out(format!("it cannot be a slot: {why}"));
                    continue;
                }
            };
            let found = match pushed(&channel.slot(&group.name), target, parking_url) {
                Ok(Some(found)) => found,
                Ok(None) => continue,
                Err(why) => {
                    leave_out(why.to_string());
                    continue;
                }
            };
            // One that is STOPPING was just switched off.
            let is_on_air = channel.state.is_running();
            // A platform's two ingests for one key may both be on air.
            let is_same = |one: &&Declared<'_>| {
                one.pushed.stream == found.stream && one.pushed.is_backup_ingest() == found.is_backup_ingest()
            };
            if let Some(first) = declared.iter().find(is_same) {
                if is_on_air {
                    let first = first.channel.slot(first.output_group);
                    leave_out(format!("it pushes the same stream as {first}"));
                }
                continue;
            }
            declared.push(Declared {
                name: String::new(),
                channel,
                output_group: &group.name,
                state: if is_on_air {
                    WantedState::Streaming
                } else {
                    WantedState::Ready
                },
                pushed: found,
            });
        }
    }
    declared.sort_by(|one, other| one.channel.id.cmp(&other.channel.id));
    declared
}

fn name(declared: &mut [Declared<'_>]) {
    let bases: Vec<String> = declared
        .iter()
        .map(|one| match platform_at(&one.pushed.host) {
            Some(platform) => platform.to_owned(),
            None => names::of_host(&one.pushed.host),
        })
        .collect();
    let mut names = Names::among(&bases);
    for (one, base) in declared.iter_mut().zip(&bases) {
        one.name = names.next(base);
    }
}

#[cfg(test)]
mod tests;
