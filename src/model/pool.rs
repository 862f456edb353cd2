//! The channels that may carry a set of destinations, and the policy for touching them.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use globset::GlobMatcher;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{ChannelClass, ChannelId, Endpoint, Pause, PoolName, RouterPool, Secret, SlotId, Target};

/// A declared pool, valid as a whole.
#[derive(Debug, Clone)]
pub struct ChannelPool {
    /// Its name.
    pub name: PoolName,
    /// Its channels, at least one. No other pool names any of them.
    pub channels: Vec<PoolChannel>,
    /// Which output groups are slots, and where a parked one points.
    pub slots: SlotSelector,
    /// How destinations spread over channels.
    pub placement: Placement,
    /// What happens to a running channel without a wanted destination.
    pub idle: Idle,
    /// When destinations on air may be interrupted.
    pub disruption: Disruption,
    /// Hands off all its channels.
    pub paused: Option<Pause>,
}

impl ChannelPool {
    /// The pause in force at `now`.
    pub fn pause_at(&self, now: Timestamp) -> Option<&Pause> {
        self.paused.as_ref().filter(|pause| pause.holds_at(now))
    }
}

/// A declared pool, of either kind.
#[derive(Debug, Clone)]
pub enum Pool {
    /// Slots of channels.
    Channels(ChannelPool),
    /// Router outputs.
    Router(RouterPool),
}

impl Pool {
    /// Its name.
    pub fn name(&self) -> &PoolName {
        match self {
            Self::Channels(pool) => &pool.name,
            Self::Router(pool) => &pool.name,
        }
    }

    /// The channels that it may start and stop: no other pool names any of them.
    pub fn channels(&self) -> impl Iterator<Item = &ChannelId> {
        let (slots, source) = match self {
            Self::Channels(pool) => (pool.channels.as_slice(), None),
            Self::Router(pool) => ([].as_slice(), pool.source.as_ref()),
        };
        slots.iter().map(|channel| &channel.id).chain(source)
    }
}

/// A channel that a pool may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolChannel {
    /// Its id.
    pub id: ChannelId,
    /// Release once what it runs with and no Destination declares, and adopt it even so.
    pub takeover: bool,
}

/// Which RTMP output groups are slots, and where a parked slot points.
#[derive(Debug, Clone)]
pub struct SlotSelector {
    /// Glob on the output group's name.
    pub output_groups: GlobMatcher,
    /// URL of every parked slot; the stream name makes it unique.
    pub parking_url: Arc<str>,
}

impl SlotSelector {
    /// Where `slot` points while it holds no destination.
    ///
    /// Unique per slot and pipeline: whether MediaLive takes two RTMP outputs with equal URL and stream name is
    /// not known (facts, unconfirmed 8), so no two are ever equal.
    pub fn parking(&self, slot: &SlotId, class: ChannelClass) -> Target {
        let endpoint = |pipeline| {
            Endpoint::new(
                Arc::clone(&self.parking_url),
                Secret::new(Self::parking_name(slot, pipeline)),
            )
        };
        Target((0..class.pipelines()).map(endpoint).collect())
    }

    /// Whether a stream name is that of a parked slot for the pipeline of this index.
    pub fn is_parking_name(stream_name: &Secret, slot: &SlotId, pipeline: usize) -> bool {
        stream_name.reveal() == Self::parking_name(slot, pipeline)
    }

    /// Stream name of a parked slot for the pipeline of this index. No secret.
    pub fn parking_name(slot: &SlotId, pipeline: usize) -> String {
        format!("{}-{}-{pipeline}", slot.channel, slot.output_group)
    }
}

/// `spec.placement`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Placement {
    /// A channel of its own for each group while there is one.
    Spread,
    /// Fewest running channels.
    Pack,
}

/// `spec.idle`: what happens to a running channel without a wanted destination.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Idle {
    /// It stops, and its other output groups end with it.
    #[default]
    Stop,
    /// It keeps running: without a grant it stops for nothing, an update included.
    KeepRunning,
}

/// `spec.disruption`: when a channel with a wanted destination on air may be stopped.
#[derive(Debug, Clone)]
pub struct Disruption {
    /// Never, in windows, or at any time.
    pub interrupt: Interrupt,
    /// Which changes may interrupt others.
    pub causes: BTreeSet<Cause>,
    /// The windows of [`Interrupt::Window`].
    pub windows: Vec<Window>,
    /// Channels that may be interrupted at once, at least 1.
    pub max_concurrent: u32,
}

impl Disruption {
    /// Whether the time allows an interruption at `now`.
    pub fn is_open(&self, now: Timestamp) -> bool {
        match self.interrupt {
            Interrupt::Never => false,
            Interrupt::Anytime => true,
            Interrupt::Window => self.windows.iter().any(|window| window.is_open(now)),
        }
    }

    /// When the next window opens after `now`.
    pub fn next_opening(&self, now: Timestamp) -> Option<Timestamp> {
        self.windows
            .iter()
            .filter_map(|window| window.next_opening(now))
            .min()
    }
}

/// `spec.disruption.interrupt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Interrupt {
    /// A wanted destination on air is never interrupted.
    Never,
    /// Within the declared windows only.
    Window,
    /// Whenever it is needed.
    Anytime,
}

/// A change that may be worth an interruption: an entry of `spec.disruption.for`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Cause {
    /// A destination goes on air on the channel.
    Start,
    /// A destination on air is no longer wanted.
    Stop,
    /// The target of a destination on air changed.
    Retarget,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A recurring stretch of time: it opens when the cron pattern fires in its time zone and stays open for a while.
#[derive(Debug, Clone)]
pub struct Window {
    /// When it opens.
    pub cron: croner::Cron,
    /// For how long it stays open.
    pub duration: Duration,
    /// The zone that the pattern is read in.
    pub time_zone: TimeZone,
}

impl Window {
    /// Whether the window is open at `now`.
    pub fn is_open(&self, now: Timestamp) -> bool {
        // Open now means: it last opened less than its duration ago. The first opening after the moment one
        // duration back is the only candidate.
        let Ok(back) = now.checked_sub(self.duration) else {
            return false;
        };
        self.next_opening(back).is_some_and(|opened| opened <= now)
    }

    /// The first opening strictly after `now`.
    pub fn next_opening(&self, now: Timestamp) -> Option<Timestamp> {
        let zoned = now.to_zoned(self.time_zone.clone());
        self.cron
            .find_next_occurrence(&zoned, false)
            .ok()
            .map(|next| next.timestamp())
    }
}
